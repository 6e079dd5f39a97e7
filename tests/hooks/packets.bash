# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# packets - ways.bash for the hooks that see packets, with attempts that wait for the answer
#
#	cuts EPERM udp ::1 "$port"          in $web it fails so, outside there is an answer
#	reports egress daddr=::1 ...        all events, at least one, look so
#	sends ok fragment                   in $web, in a network namespace of its own
#	takes_packet_words egress           the rule words that both hooks take
#	refuses_other_words egress          and those that both refuse
#
# A packet has no task: its event has no process.
# shellcheck disable=SC2154 # ways set web, id, verdict and server's port
# shellcheck disable=SC2030,SC2031 # run sets output and status
load ../ways

limit=5 # seconds to wait for an answer

attempt()
{
	exec env "LIMIT=$limit" python3 -c "$packets" "$@"
}

takes_packet_words()
{
	yes cgg-rule add -f - <<END
deny $1
allow $1 proto tcp ip 10.0.0.0/8 port 443 name db comment "the one"
alert $1 ip local port 0-65535
deny $1 cgroup $(shown "$web")
END
	yes cgg-rule list
	says "deny $1
allow $1 proto tcp ip 10.0.0.0/8 port 443 name db comment \"the one\"
alert $1 ip local port 0-65535
deny $1 cgroup $(shown "$web")"
}

refuses_other_words()
{
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add $1 $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
	for words in 'family inet' 'type raw' 'errno EACCES'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add $1 $words
		status_is 2
		matches "^cgg-rule: ${words% *}: $1 does not take it(; it is for [a-z,]+)?$"
	done
	yes cgg-rule list
	says '# allow everything'
}

cuts()
{
	local error=$1

	shift
	limit=0.3 run inside "$web" attempt "$@"
	skip_if_lacking "$@"
	says "$error"
	run outside attempt "$@"
	says ok
}

# sends RESULT ATTEMPT...
sends()
{
	local result=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	run inside "$web" unshare --net sh -c 'ip link set lo up mtu 1500 && exec python3 -c "$@"' - \
		"$packets" "$@"
	says "$result"
}

reports()
{
	local program=$1 line

	shift
	yes cgg-events -w 0
	line="^\[$verdict $program\] pid=0 comm= $(plain "$*") tid=0 uid=[0-9]+ gid=0 cgroup=$(shown "$web") policy=default rule=$id saddr=[^ ]+( sport=[0-9]+)? len=[0-9]+( unread=[123])?( own_cgroup=[^ ]+)?( set=[^ ]+)?$"
	matches "$line"
	! grep -Ev -e "$line" <<<"$output" || complain "each line must match: $line"
}

packets='
import array, errno, os, socket, struct, subprocess, sys, time
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

limit = float(os.environ.get("LIMIT", "0.3"))

def family(addr):
    return AF_INET6 if ":" in addr else AF_INET

def make(fam, kind, proto=0):
    try:
        s = socket.socket(fam, kind, proto)
    except OSError as e:
        if e.errno == errno.EPROTONOSUPPORT:
            sys.exit(print("skip: this kernel has no protocol", proto))
        raise
    s.settimeout(limit)
    return s

def answer(s, text=b"packet"):
    if text not in s.recv(65536):
        raise OSError(errno.EBADMSG, "not the answer")

def tcp(addr, port, s=None):
    s = s or make(family(addr), SOCK_STREAM)
    s.connect((addr, int(port)))
    s.sendall(b"packet")
    answer(s)

def udp(addr, port, s=None):
    s = s or make(family(addr), SOCK_DGRAM)
    s.sendto(b"packet", (addr, int(port)))
    answer(s)

def udp_mapped(addr, port):
    udp("::ffff:" + addr, port)

def udp_from(addr, port, source):
    s = make(family(addr), SOCK_DGRAM)
    s.bind((source, 0))
    udp(addr, port, s)

def udp_at(source, sport, port):
    s = make(family(source), SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, int(sport)))
    udp("::1" if ":" in source else "127.0.0.1", port, s)

def udp_connected(addr, port):
    s = make(family(addr), SOCK_DGRAM)
    s.connect((addr, int(port)))
    s.send(b"packet")
    answer(s)

# IPv6 with options for the destination, or for each hop
def options(addr, port, name):
    s = make(AF_INET6, SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, name, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
    udp(addr, port, s)

def udp_dstopts(addr, port):
    options(addr, port, socket.IPV6_DSTOPTS)

def udp_hopopts(addr, port):
    options(addr, port, socket.IPV6_HOPOPTS)

def udplite(addr):
    to, s = make(family(addr), SOCK_DGRAM, 136), make(family(addr), SOCK_DGRAM, 136)
    to.bind((addr, 0))
    s.sendto(b"packet", to.getsockname())
    answer(to)

def sctp(addr):
    to, s = make(family(addr), SOCK_STREAM, 132), make(family(addr), SOCK_STREAM, 132)
    to.bind((addr, 0))
    to.listen()
    s.connect(to.getsockname())

def checksum(data):
    data += b"\0" * (len(data) % 2)
    n = sum(struct.unpack(f">{len(data) // 2}H", data))
    n = (n & 0xffff) + (n >> 16)
    return ~(n + (n >> 16)) & 0xffff

def packed(addr):
    return socket.inet_pton(family(addr), addr)

def datagram(addr, sport, dport, text=b"packet"):
    size = 8 + len(text)
    head = packed(addr) * 2 + struct.pack(">II", size, 17)
    body = struct.pack(">HHHH", sport, dport, size, 0) + text
    return body[:6] + struct.pack(">H", checksum(head + body) or 0xffff) + body[8:]

def header4(addr, size, proto=17, offset=0):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 1, offset, 64, proto, 0) + packed(addr) * 2

def header6(addr, size, proto=17):
    return struct.pack(">IHBB", 6 << 28, size, proto, 64) + packed(addr) * 2

def header(addr, size, proto=17):
    return (header6 if ":" in addr else header4)(addr, size, proto)

# raw(ADDR, PACKET): send a packet with a header of our own
def raw(addr, packet):
    s = make(family(addr), SOCK_RAW, socket.IPPROTO_RAW)
    s.sendto(packet, (addr, 0))

# A UDP socket with the port of our header receives the answer.
def raw_udp(addr, port, send=raw):
    near = make(family(addr), SOCK_DGRAM)
    near.bind((addr, 0))
    body = datagram(addr, near.getsockname()[1], int(port))
    send(addr, header(addr, len(body)) + body)
    answer(near)

def packet_udp(addr, port):
    def send(addr, packet):
        s = make(socket.AF_PACKET, SOCK_DGRAM)
        s.sendto(packet, ("lo", 0x86dd, 0, 0, b"\0" * 6))
    raw_udp(addr, port, send)

# IPv6 headers of 8 bytes each, before that of UDP. answered_chain waits for the answer.
def chain(addr, port, count):
    near = make(AF_INET6, SOCK_DGRAM)
    near.bind((addr, 0))
    body = datagram(addr, near.getsockname()[1], int(port))
    for i in range(int(count)):
        body = bytes([60 if i else 17, 0, 1, 4, 0, 0, 0, 0]) + body
    raw(addr, header6(addr, len(body), 60) + body)
    return near

def answered_chain(addr, port, count):
    answer(chain(addr, port, count))

def fragment(addr="127.0.0.1", port="9"):
    body = datagram(addr, 9, int(port))
    raw(addr, header4(addr, len(body), 17, 100) + body)

def fragment6(addr="::1", port="9"):
    body = struct.pack(">BBHI", 17, 0, 100 << 3, 7) + datagram(addr, 9, int(port))
    raw(addr, header6(addr, len(body), 44) + body)

# The first fragment ends before the ports.
def fragment_short(addr="127.0.0.1"):
    raw(addr, header4(addr, 2, 17, 0x2000) + b"\0\0")

# The whole packet in one fragment
def atomic(addr, port):
    near = make(AF_INET6, SOCK_DGRAM)
    near.bind((addr, 0))
    body = bytes([17, 0, 0, 0, 0, 0, 0, 7]) + datagram(addr, near.getsockname()[1], int(port))
    raw(addr, header6(addr, len(body), 44) + body)
    answer(near)

# After a header that the guard does not know another protocol may follow.
def unknown(addr="::1", port="9"):
    raw(addr, header6(addr, 8 + 14, 140) + bytes([17, 0, 0, 0, 0, 0, 0, 0]) + datagram(addr, 9, int(port)))

# AH before UDP, in either family
def behind_ah(addr, port="9"):
    body = bytes([17, 1] + 10 * [0]) + datagram(addr, 9, int(port))
    raw(addr, header(addr, len(body), 51) + body)

# IPv4: a loose source route, and other options; the last one is no route
def options4(addr, text):
    option = {"route": [131, 7, 4, 192, 0, 2, 1, 0], "strict": [137, 7, 4, 192, 0, 2, 1, 0],
              "bad": [68, 1, 0, 0, 0, 0, 0, 0], "record": [1, 7, 7, 4, 0, 0, 0, 0]}[text]
    body = datagram(addr, 9, 9)
    head = bytearray(header4(addr, 8 + len(body)))
    head[0] = 0x47
    raw(addr, bytes(head) + bytes(option) + body)

# IPv6: a routing header with segments left, which no host accepts for itself
def route6(addr="::1", left="1"):
    body = datagram(addr, 9, 9)
    head = bytes([17, 2, 4, int(left), 0, 0, 0, 0]) + packed("2001:db8::1")
    raw(addr, header6(addr, len(head) + len(body), 43) + head + body)

# A length that is too small, and one that is too large
def lies(addr, port, length):
    body = datagram(addr, 9, int(port))
    raw(addr, header6(addr, int(length), 17) + body)

# An interface beside lo, to which everything goes
def beside():
    import fcntl
    try:
        t = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(t, 0x400454ca, struct.pack("16sH22x", b"tun0", 0x1001))
    except OSError as e:
        sys.exit(print("skip: no tun device:", e.strerror))
    with open("/proc/sys/net/ipv4/conf/tun0/route_localnet", "w") as f:
        f.write("1")
    for words in ("link set tun0 up", "addr add 10.9.0.1/24 dev tun0", "route add default dev tun0",
                  "-6 addr add fd09::1/64 dev tun0 nodad"):
        subprocess.run(["ip"] + words.split(), check=True)
    return t

# leaves ADDR: a packet for a loopback address leaves by that interface
def leaves(addr):
    t = beside()
    if ":" in addr:
        s = make(AF_INET6, SOCK_RAW, socket.IPPROTO_RAW)
        body = datagram(addr, 9, 9)
        s.sendto(header6(addr, len(body)) + body, ("fd09::2", 0))
    else:
        s = make(AF_INET, SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tun0")
        s.sendto(b"packet", (addr, 9))
    while packed(addr) not in os.read(t, 2000)[16:40]:
        pass

def truncated(addr="127.0.0.1"):
    raw(addr, header4(addr, 2) + b"\0\0")

# Through an interface whose packets have 1500 bytes: it is fragmented and reassembled.
def big(addr, port):
    to, s = make(family(addr), SOCK_DGRAM), make(family(addr), SOCK_DGRAM)
    to.bind((addr, int(port)))
    s.sendto(b"packet" * 1000, to.getsockname())
    answer(to)

def icmp(addr):
    six = ":" in addr
    s = make(family(addr), SOCK_RAW, 58 if six else 1)
    body = struct.pack(">BBHHH", 128 if six else 8, 0, 0, os.getpid() & 0xffff, 1)
    if not six:
        body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    s.sendto(body, (addr, 0))
    end = time.monotonic() + limit
    while time.monotonic() < end:  # our own packet is received too
        said = s.recv(2048)[0 if six else 20:]
        if said[0] == (129 if six else 0) and said[4:6] == body[4:6]:
            return
    raise OSError(errno.ETIMEDOUT, "no echo")

# open_KIND(ADDR, PORT, COMMAND...): open a connection, and run the command while it is open
def open_udp(addr, port, *command):
    opened(make(family(addr), SOCK_DGRAM), addr, port, command)

def open_tcp(addr, port, *command):
    opened(make(family(addr), SOCK_STREAM), addr, port, command)

def opened(s, addr, port, command):
    s.settimeout(5)
    s.connect((addr, int(port)))
    s.send(b"before")
    answer(s, b"before")
    s.settimeout(limit)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    s.send(b"packet")
    answer(s)

def join(cgroup):
    with open(cgroup + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))

def made_before(addr, port, cgroup):
    s = make(family(addr), SOCK_DGRAM)
    join(cgroup)
    udp(addr, port, s)

def made_after(addr, port, cgroup):
    join(cgroup)
    udp(addr, port)

# The socket of the first cgroup is passed to the second in a message, and used there.
def passed(addr, port, made, used):
    here, there = socket.socketpair()
    join(made)
    s = make(family(addr), SOCK_DGRAM)
    rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()])
    here.sendmsg([b"x"], [rights])
    if pid := os.fork():
        s.close()
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    s.close()
    join(used)
    control = there.recvmsg(1, 64)[1]
    s = socket.socket(fileno=struct.unpack("i", control[0][2][:4])[0])
    s.settimeout(limit)
    udp(addr, port, s)

# The socket is descriptor 0, inherited when this program started.
def inherited(addr, port):
    s = socket.socket(fileno=0)
    s.settimeout(limit)
    udp(addr, port, s)

def hand_down(addr, port, *command):
    s = make(family(addr), SOCK_DGRAM)
    os.dup2(s.fileno(), 0)
    os.execvp(command[0], command)

try:
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
    print("ok")
except TimeoutError:
    print("ETIMEDOUT")
except OSError as e:
    print(errno.errorcode.get(e.errno, e))
'
