# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""setups.py - what the part setups of tests/bench/run starts.

setups.py serve                      accept at ports 8080 and 22 of every address, and answer UDP at one
setups.py proof DNS PROXY COUNT FORGET SITE...   time COUNT connects, then COUNT / 50 times: forget all names
    with the command FORGET, ask, and connect at once; prints microseconds of both, and how many failed
setups.py try DNS PROXY SITE         try what should not get through; prints through or refused<TAB>WHAT

DNS: the address of the resolver. PROXY: ADDR:PORT of a proxy that takes CONNECT, or - for none.
"""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from names import connected, query  # noqa: E402

PORT = 8080


def serve():
    def port(number):
        listener = socket.create_server(("", number), backlog=1024)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("198.51.100.1", number))
        threading.Thread(target=echo, args=(udp,), daemon=True).start()
        while True:
            peer, _ = listener.accept()
            peer.sendall(b"x")
            peer.close()

    def echo(udp):
        while True:
            udp.sendto(b"x", udp.recvfrom(100)[1])

    threading.Thread(target=port, args=(22,), daemon=True).start()
    print("ready", flush=True)
    port(PORT)


def address_of(name, server):
    """Ask for the name; return the last address of the answer."""
    s = connected(server, socket.SOCK_DGRAM)
    s.send(query(name))
    reply = s.recv(4096)
    s.close()
    if not struct.unpack(">H", reply[6:8])[0]:
        raise OSError("no address")
    return socket.inet_ntoa(reply[-4:])


def reach(host, port=PORT, proxy="-"):
    """Connect and receive a byte, by the proxy if there is one."""
    s = socket.socket()
    s.settimeout(2)
    try:
        if proxy == "-":
            s.connect((host, port))
        else:
            to, at = proxy.rsplit(":", 1)
            s.connect((to, int(at)))
            s.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (host.encode(), port, host.encode()))
            reply = b""
            while b"\r\n\r\n" not in reply:
                more = s.recv(1)
                if not more:
                    raise OSError("the proxy refuses")
                reply += more
            if b" 200 " not in reply:
                raise OSError("the proxy refuses")
        if s.recv(1) != b"x":
            raise OSError("closed")
    finally:
        s.close()


def median(times):
    return sorted(times)[len(times) // 2] * 1e6 if times else 0


def proof(server, proxy, count, forget, sites):
    place = {site: site if proxy != "-" else address_of(site, server) for site in sites}
    each, first, failed = [], [], 0
    for i in range(count):
        start = time.perf_counter()
        reach(place[sites[i % len(sites)]], proxy=proxy)
        each.append(time.perf_counter() - start)
    for i in range(count // 50):
        if i % len(sites) == 0:
            subprocess.run(forget, shell=True, check=True)
        site = sites[i % len(sites)]
        start = time.perf_counter()
        try:
            reach(site if proxy != "-" else address_of(site, server), proxy=proxy)
        except OSError:
            failed += 1
        first.append(time.perf_counter() - start)
    print("%.0f %.0f %d" % (median(each), median(first), failed))


def udp(host):
    s = connected_udp(host, PORT)
    s.send(b"y")
    s.recv(1)


def connected_udp(host, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.connect((host, port))
    return s


def other_resolver(server, site):
    """Ask a server of the attacker for the site, and connect to the address that it says."""
    reach(address_of(site, server))


def attempts(server, proxy, site):
    direct = proxy == "-"

    def named(name, port=PORT):
        reach(name if not direct else address_of(name, server), port, proxy)

    def kept():
        address_of(site, server)
        time.sleep(3)
        reach(address_site)

    address_site = "198.51.100.1"
    tries = [
        ("an allowed site", lambda: named(site)),
        ("an allowed site, by UDP", lambda: udp(address_of(site, server) if direct else address_site)),
        ("another name, of another address", lambda: named("evil.test")),
        ("another name, of an address of an allowed site", lambda: named("other.test")),
        ("the address of an allowed site, by number", lambda: reach(address_site, PORT, proxy)),
        ("another address, by number", lambda: reach("198.51.100.99", PORT, proxy)),
        ("an allowed site, another port", lambda: named(site, 22)),
        ("what another resolver says of an allowed site", lambda: other_resolver("198.51.100.98", site)),
        ("an allowed site whose address is an inner one", lambda: named("inner.test")),
        ("the address of an allowed site, 3 s after a TTL of 1 s", kept),
    ]
    for what, action in tries:
        try:
            action()
            print("through\t" + what, flush=True)
        except OSError:
            print("refused\t" + what, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    elif sys.argv[1] == "proof":
        proof(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6:])
    else:
        attempts(sys.argv[2], sys.argv[3], sys.argv[4])
