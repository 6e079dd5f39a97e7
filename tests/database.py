#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
database.py - A database with one number, and its client, for connections that are cut.

database.py serve ADDRESS: print the port. A connection is a transaction: `+N' adds a number, and
`commit' makes it count. It prints `commit SUM', `end', or `reset' for a connection that was reset.
database.py client ADDRESS PORT: begin a transaction, print `begun', wait for a line, and go on.
It prints what the server says, or the error.
"""
import errno
import socket
import sys


def serve(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, 0), family=family)
    print(server.getsockname()[1], flush=True)
    total = 0
    while True:
        client = server.accept()[0]
        added = 0
        try:
            lines = client.makefile("rw")
            for line in lines:
                if line.startswith("+"):
                    added += int(line)
                    lines.write("ok\n")
                else:
                    total += added
                    lines.write(f"committed {total}\n")
                    print("commit", total, flush=True)
                lines.flush()
            print("end", flush=True)
        except ConnectionResetError:
            print("reset", flush=True)


def client(address, port):
    lines = socket.create_connection((address, int(port))).makefile("rw")

    def say(words):
        lines.write(words + "\n")
        lines.flush()
        return lines.readline().strip()

    try:
        assert say("+5") == "ok"
        print("begun", flush=True)
        sys.stdin.readline()
        assert say("+7") == "ok"
        print(say("commit"), flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)


{"serve": serve, "client": client}[sys.argv[1]](*sys.argv[2:])
