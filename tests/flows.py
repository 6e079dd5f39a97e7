# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""flows - connections, and what an event of each must tell: flows.py MODE [ARGUMENT...]

	exact COUNT SEED	connections with random data, counted from their packets on lo
	datagrams COUNT EACH SEED	so many UDP sockets with so many messages, counted likewise
	one ADDRESS PORT	a connection to a server that echoes, with 5 bytes; then exit
	end HOW			one that ends so: reset, unread, twice, refused, killed
	wait ADDRESS PORT	connect, say so, and wait for a line
	udp HOW			UDP sockets that are used so: peers, silent, forked, killed, reconnects, full,
				refused; or `to ADDRESS PORT'
	held udp|tcp		many sockets, for which memory is kept until they are closed
	listen			print a port; take one connection, and send its 3 bytes back at its end
"""
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time


def captured(room):
    """Return a socket that gets each packet on lo, with so many bytes of room for them."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    raw.setsockopt(socket.SOL_SOCKET, 33, room)  # SO_RCVBUFFORCE
    raw.bind(("lo", 3))
    return raw


def ip_read(data):
    """Return of an IP packet: protocol, where its header begins, key and offset of a fragment, whole length."""
    if data[0] >> 4 == 4:
        length, _, offset = struct.unpack_from("!HHH", data, 2)
        return data[9], 4 * (data[0] & 15), data[4:6] + data[12:20], offset & 0x1FFF, length
    length = 40 + struct.unpack_from("!H", data, 4)[0]
    if data[6] != 44:
        return data[6], 40, None, 0, length
    return data[40], 48, data[44:48] + data[8:40], struct.unpack_from("!H", data, 42)[0] >> 3, length


class Packets(threading.Thread):
    """Count the data of each direction, from the sequence numbers of captured packets."""

    def __init__(self):
        super().__init__(daemon=True)
        self.raw = captured(1 << 26)
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


class Datagrams(threading.Thread):
    """Count the bytes of UDP data in captured packets, also those of later fragments."""

    def __init__(self):
        super().__init__(daemon=True)
        self.raw = captured(1 << 28)
        self.bytes, self.parts, self.packets = {}, {}, 0

    def run(self):
        while True:
            data, address = self.raw.recvfrom(1 << 17)
            if address[2] != 4:  # PACKET_OUTGOING: each comes once more
                self.take(data)

    def take(self, data):
        proto, head, part, offset, _ = ip_read(data)
        if proto != 17:
            return
        if not offset:
            self.parts[part] = struct.unpack_from("!HH", data, head)
            head += 8
        way = self.parts[part]
        self.packets += 1
        self.bytes[way] = self.bytes.get(way, 0) + len(data) - head

    def lost(self):
        return struct.unpack("II", self.raw.getsockopt(263, 6, 8))[1]  # PACKET_STATISTICS


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


def message(dice, sock, to, sums):
    """Send bytes as one datagram, or as several by UDP_SEGMENT; add to the sums."""
    size = dice.choice((0, 1, 512, 1400, 1473, dice.randrange(1400), dice.randrange(65000)))
    segment = dice.choice((0, 0, 0, 400, 1200)) if 0 < size < 20000 else 0
    control = [(socket.IPPROTO_UDP, 103, struct.pack("H", segment))] if segment else []
    sock.sendmsg([bytes(size)], control, 0, *to)
    sums[0] += size
    sums[1] += -(-size // segment) if segment else 1


def drain(sock):
    try:
        while True:
            sock.recvfrom(1 << 17, socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass


def datagrams(count, each, seed):
    dice, packets = random.Random(int(seed)), Datagrams()
    packets.start()
    kinds = [(socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1"),
             (socket.AF_INET6, "::1", "::1", "::1"),
             (socket.AF_INET6, "::", "::ffff:127.0.0.1", "127.0.0.1")]
    sockets = []
    for i in range(int(count)):
        family, bound, to, shown = kinds[i % 3]
        server, client = socket.socket(family, 2), socket.socket(family, 2)
        server.bind((bound, 0))
        port = server.getsockname()[1]
        if dice.randrange(2):
            client.connect((to, port))
        up, down, target = [0, 0], [0, 0], ((to, port),)
        message(dice, client, target, up)
        here = client.getsockname()[1]
        for _ in range(int(each)):
            if dice.randrange(3):
                message(dice, client, target, up)
            else:
                message(dice, server, ((to, here),), down)
            if dice.randrange(8) == 0:
                drain(dice.choice((client, server)))
        client.close()
        server.close()
        sockets.append((shown, port, here, up, down))
    for shown, port, here, up, down in sockets:
        ways = [(here, port), (port, here)]
        while [packets.bytes.get(way, 0) for way in ways] != [up[0], down[0]]:
            assert not packets.lost(), "packets were not captured"
            threading.Event().wait(0.01)
        print(shown, port, here, "here", up[0], down[0], up[1], down[1])
        print(shown, port, here, "there", down[0], up[0], down[1], up[1])
    print(packets.packets, "packets", file=sys.stderr)


def udp(how, *to):
    server, client = socket.socket(socket.AF_INET, 2), socket.socket(socket.AF_INET, 2)
    server.bind(("127.0.0.1", 0))
    if how == "to":
        client = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, 2)
        client.connect((to[0], int(to[1])))
        client.send(b"hello")
    elif how == "peers":
        for port in range(1001, 1013):
            client.sendto(bytes(port - 1000), ("127.0.0.1", port))
        for port in range(1001, 1013):
            client.sendto(b"again", ("127.0.0.1", port))
        print(client.getsockname()[1])
    elif how == "silent":
        client.connect(server.getsockname())
    elif how == "forked":
        client.connect(server.getsockname())
        if not os.fork():
            client.send(b"child")
            os._exit(0)
        os.wait()
        other = os.dup(client.fileno())
        client.close()
        os.write(other, b"father")
    elif how == "killed":
        client.sendto(b"killed", server.getsockname())
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "reconnects":
        other = socket.socket(socket.AF_INET, 2)
        other.bind(("127.0.0.1", 0))
        for peer in (server, other) * 3:
            client.connect(peer.getsockname())
            client.send(b"abc")
        libc_disconnect(client)
    elif how == "full":
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(100):
            client.sendto(bytes(1000), server.getsockname())
        count = 0
        try:
            while server.recv(2000, socket.MSG_DONTWAIT):
                count += 1
        except BlockingIOError:
            print(100000, 100, 100 - count)
    elif how == "refused":
        client.connect(("127.0.0.1", 1))
        client.send(b"abc")
        select.select([client], [], [])


def slabs():
    """Return how many objects of each size the kernel holds that have no pool of their own."""
    try:
        lines = open("/proc/slabinfo").read().splitlines()
    except OSError:
        print("skip: the kernel has no /proc/slabinfo")
        sys.exit()
    return {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("kmalloc")}


def held(kind):
    """What is kept with many sockets is there while they are open, and then it is not."""
    count = 4000
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * count, 3 * count))
    server = pair(socket.AF_INET, "127.0.0.1")
    before, sockets = slabs(), []
    for _ in range(count if kind == "udp" else count // 2):
        if kind == "udp":
            sockets.append(socket.socket(socket.AF_INET, 2))
        else:
            sockets.append(socket.create_connection(server.getsockname()))
            sockets.append(server.accept()[0])
            sockets[-2].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    grown = {name for name, now in slabs().items() if now - before.get(name, 0) > count * 3 // 4}
    print("kept in" if grown else "not kept", *sorted(grown), file=sys.stderr)
    assert grown
    for sock in sockets:
        sock.close()
    del sockets
    while any(slabs()[name] - before[name] > count // 4 for name in grown):
        time.sleep(0.1)


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
