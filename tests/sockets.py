#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
sockets.py - Open sockets by words, print their local ports, and wait: sockets.py WORD...

Each word is VERB:KIND:ADDRESS:PORT (IPv6 addresses in brackets; port 0 is any). VERB is listen,
bind, connect, or made (neither). KIND is tcp, udp, udplite, mptcp or icmp. `accept' accepts on the
last socket that listens, `stop' closes that. `shut:write' shuts down the last one, `lose' closes
it. `many:N' connects N times to the last socket that listens, and accepts.

Then each line that it reads names a socket by number, from 0: it tries to send and receive on it,
and prints ok, end, or the name of the error.
"""
import errno
import os
import re
import socket
import sys

KINDS = {
    "tcp": (socket.SOCK_STREAM, 0),
    "mptcp": (socket.SOCK_STREAM, 262),
    "udp": (socket.SOCK_DGRAM, 0),
    "udplite": (socket.SOCK_DGRAM, 136),
    "icmp": (socket.SOCK_RAW, None),
}
opened, listening = [], []


def new(kind, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    form, proto = KINDS[kind]
    if proto is None:
        proto = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    one = socket.socket(family, form, proto)
    one.settimeout(5)
    opened.append(one)
    return one


def do(word):
    verb, *rest = re.findall(r"\[[^]]*\]|[^:]+", word)
    if verb == "accept":
        opened.append(listening[-1].accept()[0])
    elif verb == "shut":
        opened[-1].shutdown(socket.SHUT_WR)
    elif verb == "lose":
        opened.pop().close()
    elif verb == "stop":
        opened.remove(listening[-1])
        listening.pop().close()
    elif verb == "many":
        for _ in range(int(rest[0])):
            one = new("tcp", listening[-1].getsockname()[0])
            one.connect(listening[-1].getsockname()[:2])
            do("accept")
    else:
        kind, address, port = rest[0], rest[1].strip("[]"), int(rest[2])
        one = new(kind, address)
        if verb in ("listen", "bind"):
            if verb == "listen":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, port))
        if verb == "listen":
            one.listen(4096)
            listening.append(one)
        if verb == "connect":
            one.connect((address, port or listening[-1].getsockname()[1]))


def trial(one):
    try:
        one.send(b"x")
        one.settimeout(0.2)
        return "ok" if one.recv(1) else "end"
    except TimeoutError:
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]


for each in sys.argv[1:]:
    do(each)
print(" ".join(str(one.getsockname()[1]) for one in opened), flush=True)
for line in sys.stdin:
    print(trial(opened[int(line)]), flush=True)
