# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""flows - TCP connections, and what an event of each must tell: flows.py MODE [ARGUMENT...]

	exact COUNT SEED	connections with random data, counted from their packets on lo
	one ADDRESS PORT	a connection to a server that echoes, with 5 bytes; then exit
	end HOW			one that ends so: reset, unread, twice, refused, killed
	wait ADDRESS PORT	connect, say so, and wait for a line
	listen			print a port; take one connection, and send its 3 bytes back at its end
"""
import os
import random
import signal
import socket
import struct
import sys
import threading


class Packets(threading.Thread):
    """Count the data of each direction, from the sequence numbers of captured packets."""

    def __init__(self):
        super().__init__(daemon=True)
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.raw.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
        self.raw.bind(("lo", 3))
        self.first, self.past, self.fins = {}, {}, set()

    def run(self):
        while True:
            data = self.raw.recv(1 << 17)
            four = data[0] >> 4 == 4
            head = 4 * (data[0] & 15) if four else 40
            if data[9 if four else 6] != 6:
                continue
            source, dest, seq = struct.unpack_from("!HHI", data, head)
            flags, way = data[head + 13], (source, dest)
            if flags & 2:
                self.first[way] = seq + 1
                continue
            if way not in self.first or flags & 4:
                continue
            payload = len(data) - head - (data[head + 12] >> 4) * 4
            past = (seq + payload - self.first[way]) & 0xFFFFFFFF
            if payload:
                self.past[way] = max(self.past.get(way, 0), past)
            if flags & 1:
                self.fins.add(way)

    def count(self, way):
        return self.past.get(way, 0)


def pair(family, address):
    server = socket.socket(family)
    server.bind((address, 0))
    server.listen()
    return server


def read_all(sock):
    count = 0
    while data := sock.recv(1 << 16):
        count += len(data)
    return count


def talk(first, second, up, down):
    """first sends and closes; second reads it all, sends and closes; both must get all."""
    def answer():
        assert read_all(second) == up
        second.sendall(bytes(down))
        second.close()
    thread = threading.Thread(target=answer)
    thread.start()
    first.sendall(bytes(up))
    first.shutdown(socket.SHUT_WR)
    assert read_all(first) == down
    first.close()
    thread.join()


def exact(count, seed):
    dice, packets = random.Random(int(seed)), Packets()
    packets.start()
    kinds = [(socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1"),
             (socket.AF_INET6, "::1", "::1", "::1"),
             (socket.AF_INET6, "::", "::ffff:127.0.0.1", "127.0.0.1")]
    flows = []
    for i in range(int(count)):
        family, bound, to, shown = kinds[i % 3]
        server = pair(family, bound)
        port = server.getsockname()[1]
        client = socket.socket(family)
        client.connect((to, port))
        taken, own = server.accept()[0], client.getsockname()[1]
        server.close()
        sizes = [dice.choice((0, 1, 1447, dice.randrange(300000))) for _ in range(2)]
        here_first = dice.randrange(2)
        talk(*((client, taken) if here_first else (taken, client)), *sizes)
        sent = sizes if here_first else sizes[::-1]
        flows.append((shown, port, own, sent, here_first))
    for shown, port, own, sent, here_first in flows:
        there = [(own, port), (port, own)]
        while not all(way in packets.fins for way in there):
            threading.Event().wait(0.01)
        assert [packets.count(way) for way in there] == sent, (sent, packets.past)
        ends = ("closed-here", "closed-there")[::1 if here_first else -1]
        print(shown, port, own, "here", *sent, ends[0])
        print(shown, port, own, "there", *sent[::-1], ends[1])


def one(address, port):
    sock = socket.create_connection((address, int(port)))
    sock.sendall(b"hello")
    assert sock.recv(5, socket.MSG_WAITALL) == b"hello"
    sock.shutdown(socket.SHUT_WR)
    assert not sock.recv(1)


def end(how):
    server = pair(socket.AF_INET, "127.0.0.1")
    client = socket.socket()
    if how == "refused":
        server.close()
        try:
            client.connect(("127.0.0.1", 1))
        except ConnectionRefusedError:
            return
    client.connect(server.getsockname())
    taken = server.accept()[0]
    client.sendall(b"abc")
    assert taken.recv(3, socket.MSG_PEEK | socket.MSG_WAITALL) == b"abc"
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    elif how == "unread":
        taken.close()
    elif how == "twice":
        taken.recv(3)
        libc_disconnect(client)
        client.connect(server.getsockname())
        again = server.accept()[0]
        client.sendall(b"12345")
        again.recv(5, socket.MSG_WAITALL)
        client.close()
        assert not again.recv(1)
        again.close()
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    for sock in (client, taken):
        try:
            sock.recv(9)
        except OSError:
            pass


def libc_disconnect(sock):
    import ctypes
    address = struct.pack("H14x", socket.AF_UNSPEC)
    assert not ctypes.CDLL(None).connect(sock.fileno(), address, len(address))


def wait(address, port):
    sock = socket.create_connection((address, int(port)))
    print("connected", sock.getsockname()[1], flush=True)
    sys.stdin.readline()
    sock.shutdown(socket.SHUT_WR)
    read_all(sock)


def listen():
    server = pair(socket.AF_INET, "127.0.0.1")
    print(server.getsockname()[1], flush=True)
    sock = server.accept()[0]
    data = sock.recv(3, socket.MSG_WAITALL)
    assert not read_all(sock)
    sock.sendall(data)
    sock.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
