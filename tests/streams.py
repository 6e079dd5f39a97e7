# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""streams.py - a DNS server by TCP of which each segment is chosen, for tests.

streams.py ZONE...      answer at 203.0.113.53, behind the interface tun0 with 203.0.113.1, which it makes; prints ready

The first label of a name says how the answer comes, in segments of 7 bytes:
    pieces    one after the other
    reverse   the last one first
    repeat    each one twice, the second time with some bytes before it
    late      the first one a fifth of a second after all others
    garbled   each one first with a wrong checksum
    beyond    all but the first, and that one never; then the end of the connection
What was not acknowledged is sent again in order, every 200 ms.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

from names import Zone, prefixed

CLIENT, SERVER = socket.inet_aton("203.0.113.1"), socket.inet_aton("203.0.113.53")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SEGMENT, AGAIN = 7, 0.2


def total(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def packet(port, seq, ack, flags, data=b"", wrong=0):
    tcp = struct.pack(">HHIIBBHHH", 53, port, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65000, 0, 0)
    check = total(SERVER + CLIENT + struct.pack(">HH", 6, len(tcp) + len(data)) + tcp + data) ^ wrong
    tcp = tcp[:16] + struct.pack(">H", check) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 1, 0, 64, 6, 0, SERVER, CLIENT)
    return ip[:10] + struct.pack(">H", total(ip)) + ip[12:] + tcp + data


class Peer:
    def __init__(self, tun, port, seq):
        self.tun, self.port = tun, port
        self.got, self.data = seq + 1, b""
        self.start, self.out, self.acked, self.how, self.last = 1000000, b"", 0, "pieces", time.time()
        self.send(self.start - 1, b"", SYN | ACK)

    def send(self, seq, data, flags=ACK, wrong=0):
        os.write(self.tun, packet(self.port, seq, self.got, flags, data, wrong))

    def receive(self, zone, seq, ack, flags, data):
        self.acked = max(self.acked, ack - self.start)
        if data and seq == self.got:
            self.got += len(data)
            self.data += data
            self.send(self.start + len(self.out), b"")
        while len(self.data) > 1 and len(self.data) >= 2 + (size := struct.unpack(">H", self.data[:2])[0]):
            self.answer(zone, self.data[2:2 + size])
            self.data = self.data[2 + size:]
        if flags & FIN:
            self.got += 1
            self.send(self.start + len(self.out), b"", FIN | ACK)

    def answer(self, zone, question):
        reply, begin = prefixed(zone.answer(question)), len(self.out)
        self.out += reply
        self.how = question[13:13 + question[12]].decode()
        self.last = time.time()
        segments = [(begin + i, reply[i:i + SEGMENT]) for i in range(0, len(reply), SEGMENT)]
        if self.how == "reverse":
            segments.reverse()
        if self.how in ("late", "beyond"):
            segments = segments[1:]
        for at, data in segments:
            if self.how == "garbled":
                self.send(self.start + at, data, wrong=0x5555)
            self.send(self.start + at, data)
            if self.how == "repeat":
                before = max(0, at - 3)
                self.send(self.start + before, self.out[before:at + len(data)])

    def again(self):
        if self.acked >= len(self.out) or time.time() < self.last + AGAIN:
            return
        self.last = time.time()
        first = self.acked + (SEGMENT if self.how == "beyond" else 0)
        for at in range(first, len(self.out), SEGMENT):
            self.send(self.start + at, self.out[at:at + SEGMENT])


def main():
    zone, peers = Zone(sys.argv[1:]), {}
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH", b"tun0", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    subprocess.check_call("ip addr add 203.0.113.1/24 dev tun0 && ip link set tun0 up", shell=True)
    print("ready", flush=True)
    while True:
        if not select.select([tun], [], [], 0.05)[0]:
            for peer in peers.values():
                peer.again()
            continue
        data = os.read(tun, 65536)
        if data[0] != 0x45 or data[9] != 6 or data[16:20] != SERVER:
            continue
        port, _, seq, ack, head, flags = struct.unpack(">HHIIBB", data[20:34])
        if flags & SYN:
            peers[port] = Peer(tun, port, seq)
        elif flags & RST:
            peers.pop(port, 0)
        elif port in peers:
            peers[port].receive(zone, seq, ack, flags, data[20 + 4 * (head >> 4):])


main()
