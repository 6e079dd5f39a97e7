# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""names.py - a small DNS server, and a client that asks it and uses the answers, for tests.

names.py serve ADDR ZONE...     ZONE: NAME=ADDR,ADDR... or NAME>NAME (a CNAME); prints ready
names.py tls CERT KEY ADDR ZONE...   the same by TLS at port 853
names.py use WORD...            prints a line for each word, what came of it:
    udp:NAME tcp:NAME           ask 127.0.0.53 for A; udp:NAME@ADDR asks another; aaaa:NAME for AAAA
    2:NAME,NAME                 ask over TCP, both questions in one segment
    slow:NAME                   ask over TCP, the length and the question apart
    cut:NAME                    ask over TCP, the question in two segments
    to:ADDR,PORT                connect: reached (also when refused), or the error
    send:ADDR,PORT              the same for a message of UDP

names.py raw ADDR HEX...        send these datagrams to port 53; prints sent, or the error, for each
names.py inject INTERFACE HEX   put this packet of IPv4 on an interface
names.py python CODE            run it, with what is defined here

The first label of a name chooses how the server answers: see ODD.
"""
import errno
import ipaddress
import os
import socket
import ssl
import struct
import sys
import threading
import time


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(owner, kind, data, ttl=60):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def question_of(message):
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), struct.unpack(">H", message[at + 1:at + 3])[0], message[12:at + 5]


def head(message, flags, count, more=0):
    return message[:2] + struct.pack(">HHHHH", flags, 1, count, 0, more)


ODD = {
    "wrongid": lambda m, q, r: bytes([m[0] ^ 1]) + m[1:2] + head(m, 0x8180, len(r))[2:] + q + b"".join(r),
    "otherq": lambda m, q, r: head(m, 0x8180, len(r)) + encoded("a.example.com") + q[-4:] + b"".join(r),
    "othertype": lambda m, q, r: head(m, 0x8180, len(r)) + q[:-4] + b"\0\x1c\0\1" + b"".join(r),
    "query": lambda m, q, r: head(m, 0x0100, len(r)) + q + b"".join(r),
    "fails": lambda m, q, r: head(m, 0x8183, len(r)) + q + b"".join(r),
    "short": lambda m, q, r: (head(m, 0x8180, 9) + q + b"".join(r))[:-2],
    "liar": lambda m, q, r: head(m, 0x8180, 60000) + q + b"".join(r),
    "loop": lambda m, q, r: head(m, 0x8180, 2) + q + record(b"\xc0\x0c", 5, b"\xc0" + bytes([12 + len(q) + 12]))
    + b"".join(r),
    "dots": lambda m, q, r: head(m, 0x8180, len(r)) + b"\x0da.example.com\0" + q[-4:] + b"".join(r),
    "shout": lambda m, q, r: head(m, 0x8180, len(r)) + q.upper()[:-4] + q[-4:] + b"".join(r),
}


class Zone:
    def __init__(self, words, edns=False):
        self.addresses, self.chain, self.edns = {}, {}, edns
        for word in words:
            if ">" in word:
                name, to = word.split(">")
                self.chain[name] = to
            else:
                name, addresses = word.split("=")
                self.addresses[name] = [ipaddress.ip_address(a) for a in addresses.split(",")]

    def answer(self, message):
        name, kind, question = question_of(message)
        name, records, owner = name.lower(), [], b"\xc0\x0c"
        first = name.split(".")[0]
        while name in self.chain:
            records.append(record(owner, 5, encoded(self.chain[name])))
            name = self.chain[name]
            owner = encoded(name)
        for address in self.addresses.get(name, []):
            if kind == (1 if address.version == 4 else 28):
                records.append(record(owner, kind, address.packed, 0xffffffff if first == "longest" else 1))
        if first == "many":
            records = [record(owner, 16, b"\1x")] * 70 + records
        if first in ODD:
            return ODD[first](message, question, records)
        if self.edns:
            return head(message, 0x8180, len(records), 1) + question + b"".join(records) + record(b"\0", 41, b"", 0)
        return head(message, 0x8180, len(records)) + question + b"".join(records)


def serve(address, words):
    zone = Zone(words)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    port = 53
    if "#" in address:
        address, port = address.split("#")
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    udp.bind((address, int(port)))
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen(64)
    threading.Thread(target=streams, args=(zone, listener), daemon=True).start()
    print("ready", flush=True)
    while True:
        message, peer = udp.recvfrom(65536)
        udp.sendto(zone.answer(message), peer)


def serve_tls(cert, key, address, words):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    listener = socket.create_server((address, 853))
    print("ready", flush=True)
    streams(Zone(words, True), listener, lambda peer: tls.wrap_socket(peer, server_side=True))


def streams(zone, listener, wrapped=lambda peer: peer):
    """Serve each connection in a thread."""
    def stream(peer):
        peer = wrapped(peer)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while more := peer.recv(65536):
            data += more
            out = b""
            while len(data) > 1 and len(data) >= 2 + (size := struct.unpack(">H", data[:2])[0]):
                reply = zone.answer(data[2:2 + size])
                out += struct.pack(">H", len(reply)) + reply
                data = data[2 + size:]
            peer.sendall(out)

    while True:
        threading.Thread(target=stream, args=listener.accept()[:1], daemon=True).start()


def query(name, kind=1):
    return struct.pack(">HHHHHH", 0x1234, 0x100, 1, 0, 0, 0) + encoded(name) + struct.pack(">HH", kind, 1)


def prefixed(message):
    return struct.pack(">H", len(message)) + message


def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff)


def forged_udp(question, port, address):
    reply = head(question, 0x8180, 1) + question[12:] + record(b"\xc0\x0c", 1, socket.inet_aton(address))
    return struct.pack(">HHHH", 53, port, 8 + len(reply), 0) + reply


def forged(question, source, to, address):
    """Return a packet from port 53 of source that answers the question with the address."""
    udp = forged_udp(question, to[1], address)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 9, 17, 0, socket.inet_aton(source),
                     socket.inet_aton(to[0]))
    return ip[:10] + checksum(ip) + ip[12:] + udp


def forged_fragments(question, source, to, address):
    """Return the same answer as two fragments of IPv6."""
    udp = forged_udp(question, to[1], address)
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to[0])
    udp = udp[:6] + checksum(ends + struct.pack(">II", len(udp), 17) + udp + b"\0" * (len(udp) % 2)) + udp[8:]
    return [struct.pack(">IHBB", 6 << 28, 8 + len(part), 44, 64) + ends + struct.pack(">BBHI", 17, 0, at, 1) + part
            for at, part in ((1, udp[:16]), (16, udp[16:]))]


def inject(interface, packet):
    """Put a packet on an interface as if it had come from there, past all that judges packets of sockets."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    result_of(lambda: s.sendto(packet, (interface, 0x0800, 0, 0, bytes(6) if interface == "lo" else b"\xff" * 6)))


def result_of(action):
    """Do it; print done, or the error."""
    try:
        action()
        print("done", flush=True)
    except TimeoutError:
        print("no answer", flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)


def connected(server, kind):
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind)
    s.settimeout(3)
    s.connect((server, 53))
    return s


def count_of(reply):
    return "%d records" % struct.unpack(">H", reply[6:8])[0]


def ask(how, server, name):
    if how in ("udp", "aaaa"):
        s = connected(server, socket.SOCK_DGRAM)
        s.send(query(name, 28 if how == "aaaa" else 1))
        return count_of(s.recv(65536))
    s = connected(server, socket.SOCK_STREAM)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    names = name.split(",")
    data = b"".join(prefixed(query(n)) for n in names)
    pieces = {"slow": [data[:2], data[2:]], "cut": [data[:20], data[20:]]}.get(how, [data])
    for piece in pieces:
        s.sendall(piece)
        time.sleep(0.05 if len(pieces) > 1 else 0)
    got = b""
    for _ in names:
        while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
            more = s.recv(65536)
            if not more:
                return "closed"
            got += more
        reply, got = got[2:2 + struct.unpack(">H", got[:2])[0]], got[2 + struct.unpack(">H", got[:2])[0]:]
    return count_of(reply)


def reach(how, target):
    address, port = target.rsplit(",", 1)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if how == "to" else socket.SOCK_DGRAM)
    s.settimeout(3)
    if how == "to":
        s.connect((address, int(port)))
    else:
        s.sendto(b"x", (address, int(port)))
    return "reached"


def use(words):
    for word in words:
        how, what = word.split(":", 1)
        server = "127.0.0.53"
        if "@" in what:
            what, server = what.rsplit("@", 1)
        try:
            said = reach(how, what) if how in ("to", "send") else ask(how, server, what)
        except ConnectionRefusedError:
            said = "reached"
        except TimeoutError:
            said = "no answer"
        except OSError as e:
            said = errno.errorcode[e.errno]
        print(said, flush=True)


def raw(server, datagrams):
    for data in datagrams:
        try:
            connected(server, socket.SOCK_DGRAM).send(bytes.fromhex(data))
            print("sent")
        except OSError as e:
            print(errno.errorcode[e.errno])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    elif sys.argv[1] == "tls":
        serve_tls(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
    elif sys.argv[1] == "python":
        exec(sys.argv[2])
    elif sys.argv[1] == "inject":
        inject(sys.argv[2], bytes.fromhex(sys.argv[3]))
    elif sys.argv[1] == "raw":
        raw(sys.argv[2], sys.argv[3:])
    else:
        use(sys.argv[2:])
