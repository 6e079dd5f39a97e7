# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""captured - traffic of many packets, and what a packet capture tells of it: captured.py MODE [ARGUMENT...]

	serve				print a port; answer what `drive' asks there, until standard input ends
	drive PORT PACKETS SEED		TCP and UDP to that port at each address of the other end, by several
					threads at once, until so many packets have been sent at least
	compare CAPTURE EVENTS PACKETS	compare events of JSON with a file of tcpdump(1): each flow has one event
					of each end, the same bytes and datagrams, and at least the retransmits

The ends are PEERS, in two network namespaces. What `drive' sends first over a connection says what it wants.
Of UDP few datagrams are under way at once, so that none is lost.
"""
import json
import random
import select
import socket
import struct
import sys
import threading
from flows import ip_read, read_all

PEERS = "10.9.0.2", "fd09::2", "::ffff:10.9.0.2"
THREADS, AT_ONCE, SEGMENT = 8, 16, 1428
ASK = struct.Struct("!IIB")  # bytes up, bytes down, which end closes first; or 0, 0, UDP


# ---- the traffic ----

def both_families(kind):
    sock = socket.socket(socket.AF_INET6, kind)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", 0))
    return sock


def answer(sock):
    up, down, how = ASK.unpack(sock.recv(ASK.size, socket.MSG_WAITALL))
    if how == 2:
        echo(sock)
    elif how == 1:
        assert len(sock.recv(up, socket.MSG_WAITALL)) == up
        sock.sendall(bytes(down))
        sock.shutdown(socket.SHUT_WR)
        assert not read_all(sock)
    else:
        assert read_all(sock) == up
        sock.sendall(bytes(down))
    sock.close()


def echo(control):
    """Tell the port of a UDP socket; answer each datagram with one of another size, until the client ends."""
    sock = both_families(socket.SOCK_DGRAM)
    control.sendall(struct.pack("!H", sock.getsockname()[1]))
    while sock in select.select([sock, control], [], [])[0]:
        data, peer = sock.recvfrom(1 << 16)
        sock.sendto(bytes(int.from_bytes(data[:2], "big")), peer)
    sock.close()


def serve():
    server = both_families(socket.SOCK_STREAM)
    server.listen(1000)
    print(server.getsockname()[1], flush=True)

    def take():
        while True:
            threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
    threading.Thread(target=take, daemon=True).start()
    sys.stdin.read()


def connection(dice, port, most):
    """Make one connection with random data; return its packets at least."""
    sizes = [dice.choice((0, 1, SEGMENT - 1, SEGMENT + 1, dice.randrange(SEGMENT * most))) for _ in range(2)]
    there = dice.randrange(2)
    sock = socket.create_connection((dice.choice(PEERS), port))
    sock.sendall(ASK.pack(*sizes, there))
    sock.sendall(bytes(sizes[0]))
    if not there:
        sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == sizes[1]
    sock.close()
    return sum(sizes) // SEGMENT


def exchange(dice, port, most):
    """Exchange datagrams of up to eight sockets with one; return how many."""
    control, count, sockets = socket.create_connection((PEERS[0], port)), 0, []
    control.sendall(ASK.pack(0, 0, 2))
    there, = struct.unpack("!H", control.recv(2, socket.MSG_WAITALL))
    for _ in range(dice.randrange(1, 9)):
        peer = dice.choice(PEERS)
        sock = socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET, socket.SOCK_DGRAM)
        sockets.append(sock)
        if dice.randrange(2):
            sock.connect((peer, there))
        for _ in range(dice.choice((1, most // AT_ONCE // 4 + 1))):
            for _ in range(AT_ONCE):
                size, wanted = (dice.choice((2, 512, SEGMENT, dice.randrange(2, 4000))) for _ in range(2))
                sock.sendto(struct.pack("!H", wanted) + bytes(size - 2), (peer, there))
            for _ in range(AT_ONCE):
                sock.recv(1 << 16)
            count += 2 * AT_ONCE
    control.close()
    for sock in sockets:
        sock.close()
    return count


def drive(port, packets, seed):
    failed = []

    def work(number):
        share = int(packets) // THREADS
        dice, left = random.Random(f"{seed} {number}"), {connection: 0, exchange: 0}
        try:
            while sum(left.values()) < share:
                kind = min(left, key=left.get)
                left[kind] += kind(dice, int(port), min(share // 4, 3000)) + 1
        except BaseException as error:
            failed.append(error)
            raise
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failed else 0)


# ---- the capture ----

def packets(name):
    """Yield the beginning of each packet of a capture of Ethernet."""
    with open(name, "rb") as file:
        head = file.read(24)
        assert struct.unpack_from("<I", head)[0] == 0xA1B2C3D4 and struct.unpack_from("<I", head, 20)[0] == 1
        while head := file.read(16):
            yield file.read(struct.unpack_from("<I", head, 8)[0])


class Way:
    """What one end sent to the other: bytes of data, datagrams, and segments again."""

    def __init__(self):
        self.bytes = self.datagrams = self.again = 0
        self.begin, self.seen = None, set()

    def begins(self, seq):
        """Return whether a segment with SYN begins another connection than the one before."""
        return self.begin is not None and self.begin != seq + 1

    def segment(self, seq, size, flags):
        if flags & 2:
            self.begin = seq + 1
        first = (seq - self.begin) & 0xFFFFFFFF
        if flags & 3 or size:
            self.again += first in self.seen
            self.seen.add(first)
        if size:
            self.bytes = max(self.bytes, first + size)


class Capture:
    """The sums of each way of each flow, by protocol, addresses and ports, and the number of its connection."""

    def __init__(self, name):
        self.ways, self.parts, self.turns, self.count = {}, {}, {}, 0
        for data in packets(name):
            self.take(data)

    def way(self, key, segment):
        ends = frozenset((key[1:3], key[3:]))
        turn = self.turns.setdefault(ends, 0)
        way = self.ways.setdefault((*key, turn), Way())
        if segment and segment[2] & 18 == 2 and way.begins(segment[0]):
            self.turns[ends] += 1
            return self.way(key, segment)
        return way

    def take(self, data):
        kind, = struct.unpack_from("!H", data, 12)
        if kind not in (0x0800, 0x86DD):
            return
        data = data[14:]
        proto, head, part, offset, length = ip_read(data)
        size = length - head
        if proto not in (6, 17):
            return
        self.count += 1
        at, half = (12, 4) if kind == 0x0800 else (8, 16)
        if not offset:
            self.parts[part] = struct.unpack_from("!HH", data, head)
        source, dest = self.parts[part]
        key = (proto, data[at:at + half], source, data[at + half:at + 2 * half], dest)
        if proto == 6:
            segment = struct.unpack_from("!I", data, head + 4)[0], size - 4 * (data[head + 12] >> 4), data[head + 13]
            self.way(key, segment).segment(*segment)
        else:
            way = self.way(key, None)
            way.bytes += size if offset else size - 8
            way.datagrams += not offset


def read_events(name):
    """Return the events of both ends of each flow, by protocol, who opened it, the other, and its number."""
    told, turns = {}, {}
    for line in open(name, encoding="utf-8"):
        event = json.loads(line)
        assert "hook" in event, line  # lost, or withheld
        family = socket.AF_INET6 if ":" in event["daddr"] else socket.AF_INET
        key = (event["proto"], socket.inet_pton(family, event["saddr"]), event["sport"],
               socket.inet_pton(family, event["daddr"]), event["dport"])
        turn = turns[key, event["opened"]] = turns.get((key, event["opened"]), -1) + 1
        told.setdefault((*key, turn), {})[event["opened"]] = event
    return told


def differs(key, event, sent, received):
    """Print and return whether an event tells other sums than the packets of the two ways."""
    says, must = [event["sent"], event["received"]], [sent.bytes, received.bytes]
    if key[0] == 17:
        says += [event["datagrams_sent"], event["datagrams_received"], event.get("dropped", 0)]
        must += [sent.datagrams, received.datagrams, 0]
    else:
        says.append(event["retransmits"])
        must.append(max(sent.again, says[2]))  # the kernel also counts a segment that it fails to send
    if says != must:
        print(key, "event", says, "packets", must, event)
    return says != must


def compare(capture, events, least):
    found, told, wrong, again, more = Capture(capture), read_events(events), 0, 0, 0
    ways = {key: way for key, way in found.ways.items() if key[4] != 9}  # not the mark of the end
    for key, seen in told.items():
        up, down = ways.pop(key, Way()), ways.pop((key[0], *key[3:5], *key[1:3], key[5]), Way())
        again += up.again + down.again
        if set(seen) == {"here", "there"}:
            wrong += differs(key, seen["here"], up, down) + differs(key, seen["there"], down, up)
        else:
            print(key, "has one event", seen)
            wrong += 1
        if key[0] == 6:
            more += sum(event["retransmits"] for event in seen.values()) - up.again - down.again
    for key in ways:
        print(key, "has no event")
        wrong += 1
    for proto, name in (6, "TCP"), (17, "UDP"):
        sums = [way.bytes for key, way in found.ways.items() if key[0] == proto and key[4] != 9]
        print(name, len([key for key in told if key[0] == proto]), "flows", sum(sums), "bytes")
    print(found.count, "packets", again, "again", wrong, "wrong")
    print(more, "more segments again in the events")
    assert more <= 10 + again / 10
    assert found.count >= int(least)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
