#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sendmsg - the hook sendmsg: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each UDP message that names its destination. A server listens
# outside the cgroup $web, on $port of both families. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started, and judged_truly where

load ../ways

# ---- which rules it takes ----

@test 'rules take proto, ip, port, name, comment, and every verdict' {
	yes cgg-rule add -f - <<'END'
deny sendmsg
allow sendmsg proto udp ip 10.0.0.0/8 port 53 name dns comment "the one"
alert sendmsg ip local port 0-65535
END
	yes cgg-rule list
	says 'deny sendmsg
allow sendmsg proto udp ip 10.0.0.0/8 port 53 name dns comment "the one"
alert sendmsg ip local port 0-65535'
}

@test 'rules refuse operands and access letters' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r' 'r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add sendmsg $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
}

@test 'a sendmsg rule does not stop a connection' {
	rule sendmsg
	closes sendto 127.0.0.1 "$port"
	reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
	opens tcp 127.0.0.1 "$port"
	opens udp-connect 127.0.0.1 "$port"
	reports_nothing
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports each message' {
	rule alert sendmsg port "$port"
	opens sendto 127.0.0.1 "$port"
	verdict=ALERT reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
	opens sendmmsg ::1 "$port"
	yes cgg-events -w 0
	[ "$(grep -c "^\[ALERT sendmsg6\] .* daddr=::1 dport=$port " <<<"$output")" -eq 2 ]
}

@test 'an allow before a deny is an exception' {
	rule allow sendmsg ip 127.0.0.2
	rule sendmsg port "$port"
	opens sendto 127.0.0.2 "$port"
	reports_nothing
	closes sendto 127.0.0.1 "$port"
	reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'the default is allow until it is changed' {
	yes cgg-rule default sendmsg deny
	closes sendto ::1 "$port"
	id=0 reports sendmsg6 daddr=::1 "dport=$port" proto=17
	yes cgg-rule default sendmsg alert
	opens sendto ::1 "$port"
	id=0 verdict=ALERT reports sendmsg6 daddr=::1 "dport=$port" proto=17
	yes cgg-rule default sendmsg allow
	opens sendto ::1 "$port"
	reports_nothing
}

@test 'an event has the name of the rule' {
	rule sendmsg port "$port" name dns
	closes sendto 127.0.0.1 "$port"
	yes cgg-events -w 0
	matches " policy=default rule=$id label=dns( |$)"
}

# ---- matches ----

@test 'proto udp holds for messages, proto tcp does not' {
	rule connect,sendmsg proto tcp
	opens sendto 127.0.0.1 "$port"
	reports_nothing
	rule sendmsg proto udp
	closes sendto 127.0.0.1 "$port"
	reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'a range of ports includes both its ends, and no more' {
	rule sendmsg port "1-$((port - 1))"
	rule sendmsg port "$((port + 1))-65535"
	opens sendto 127.0.0.1 "$port"
	reports_nothing
	for range in "$((port - 1))-$port" "$port-$((port + 1))"; do
		yes cgg-rule flush
		rule sendmsg port "$range"
		closes sendto 127.0.0.1 "$port"
		reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
	done
}

@test 'a rule with an address holds for its family only' {
	rule sendmsg ip 127.0.0.0/8
	closes sendto 127.0.0.1 "$port"
	closes sendto-mapped 127.0.0.1 "$port"
	opens sendto ::1 "$port"
	yes cgg-rule flush
	rule sendmsg ip ::/0
	closes sendto ::1 "$port"
	opens sendto 127.0.0.1 "$port"
	opens sendto-mapped 127.0.0.1 "$port"
}

@test 'ip local is every loopback address and every name for one' {
	rule sendmsg ip local
	closes sendto 127.0.0.1 "$port"
	closes sendto 127.1.2.3 "$port"
	closes sendto ::1 "$port"
	closes sendto 0.0.0.0 "$port"
	closes sendto :: "$port"
	closes sendto-mapped 127.1.2.3 "$port"
	closes sendto-mapped 0.0.0.0 "$port"
	closes sendto6-v4name 0.0.0.0 "$port"
}

# ---- a denied port is denied in every way: ATTEMPT TO, PROGRAM, JUDGED AS ----

port_denied()
{
	denies port "$port" -- "$3" "daddr=$4" "dport=$port" proto=17 -- "$1" "$2" "$port"
}

@test 'a port rule denies sendto to 127.0.0.1' { port_denied sendto 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendto to ::1' { port_denied sendto ::1 sendmsg6 ::1; }
@test 'a port rule denies sendto to 0.0.0.0' { port_denied sendto 0.0.0.0 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendto to ::' { port_denied sendto :: sendmsg6 ::1; }
@test 'a port rule denies sendto to ::ffff:127.0.0.1' { port_denied sendto-mapped 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendto to ::ffff:0.0.0.0' { port_denied sendto-mapped 0.0.0.0 sendmsg4 127.0.0.1; }
@test 'a port rule denies an IPv4 name on an IPv6 socket' {
	port_denied sendto6-v4name 127.0.0.1 sendmsg4 127.0.0.1
}
@test 'a port rule denies 0.0.0.0 on an IPv6 socket' { port_denied sendto6-v4name 0.0.0.0 sendmsg4 127.0.0.1; }
@test 'a port rule denies a name with AF_UNSPEC' { port_denied sendto-unspec 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies 0.0.0.0 with AF_UNSPEC' { port_denied sendto-unspec 0.0.0.0 sendmsg4 127.0.0.1; }
@test 'a port rule denies a message on a socket connected elsewhere' {
	port_denied sendto-connected 127.0.0.1 sendmsg4 127.0.0.1
}
@test 'a port rule denies a message on an IPv6 socket connected elsewhere' { port_denied sendto-connected ::1 sendmsg6 ::1; }
@test 'a port rule denies a message from a bound socket' { port_denied sendto-bound 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendmsg' { port_denied sendmsg 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendmsg to ::1' { port_denied sendmsg ::1 sendmsg6 ::1; }
@test 'a port rule denies sendmsg with IP_PKTINFO' { port_denied sendmsg-pktinfo 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendmmsg' { port_denied sendmmsg 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies sendmmsg to ::1' { port_denied sendmmsg ::1 sendmsg6 ::1; }
@test 'a port rule denies UDP_SEGMENT' { port_denied udp-segment 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies UDP_SEGMENT to ::1' { port_denied udp-segment ::1 sendmsg6 ::1; }
@test 'a port rule denies io_uring' { port_denied uring-sendmsg 127.0.0.1 sendmsg4 127.0.0.1; }
@test 'a port rule denies io_uring to ::1' { port_denied uring-sendmsg ::1 sendmsg6 ::1; }

@test 'a port rule denies the second message of sendmmsg' {
	rule sendmsg port "$port"
	run inside "$web" python3 -c '
import ctypes, errno, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def message(port):
    name = ctypes.create_string_buffer(struct.pack("=H", socket.AF_INET)
        + struct.pack("!H4s8x", port, socket.inet_aton("127.0.0.1")), 16)
    text = ctypes.create_string_buffer(b"x", 1)
    vector = ctypes.create_string_buffer(struct.pack("PN", ctypes.addressof(text), 1), 16)
    keep.extend([name, text, vector])
    return struct.pack("PI4xPNPNi4xI4x", ctypes.addressof(name), 16,
        ctypes.addressof(vector), 1, 0, 0, 0, 0)
keep = []
port = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
both = ctypes.create_string_buffer(message(port - 1) + message(port), 128)
print(libc.sendmmsg(s.fileno(), both, 2, 0))' "$port"
	says 1
	reports sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'a denied message is not sent' {
	listener=$BATS_TEST_TMPDIR/heard
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    text = s.recv(100).decode()
    print(text, flush=True)' >"$listener" 3>&- &
	started[$!]=listener
	wait_for test -s "$listener"
	to=$(head -n 1 "$listener")
	send='import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), ("127.0.0.1", int(sys.argv[1])))'
	yes inside "$web" python3 -c "$send" "$to" before
	rule sendmsg port "$to"
	no inside "$web" python3 -c "$send" "$to" between
	yes cgg-rule delete "$id"
	yes inside "$web" python3 -c "$send" "$to" after
	wait_for grep -qx after "$listener"
	[ "$(cat "$listener")" = "$to
before
after" ]
}

# ---- a denied address is denied under each of its names: ADDRESS, ATTEMPT TO, PROGRAM ----

ip_denied()
{
	denies ip "$1" -- "$4" "daddr=$1" "dport=$port" proto=17 -- "$2" "$3" "$port"
}

@test 'a rule for ip 127.0.0.1 denies it as 127.0.0.1' { ip_denied 127.0.0.1 sendto 127.0.0.1 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0' { ip_denied 127.0.0.1 sendto 0.0.0.0 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it mapped' { ip_denied 127.0.0.1 sendto-mapped 127.0.0.1 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as ::ffff:0.0.0.0' { ip_denied 127.0.0.1 sendto-mapped 0.0.0.0 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it on an IPv6 socket' { ip_denied 127.0.0.1 sendto6-v4name 127.0.0.1 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 on an IPv6 socket' {
	ip_denied 127.0.0.1 sendto6-v4name 0.0.0.0 sendmsg4
}
@test 'a rule for ip 127.0.0.1 denies it as AF_UNSPEC' { ip_denied 127.0.0.1 sendto-unspec 127.0.0.1 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0, AF_UNSPEC' { ip_denied 127.0.0.1 sendto-unspec 0.0.0.0 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 from a socket bound to it' {
	ip_denied 127.0.0.1 sendto-bound 0.0.0.0 sendmsg4
}
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 with it as the source' {
	ip_denied 127.0.0.1 sendmsg-pktinfo 0.0.0.0 sendmsg4
}
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 by sendmmsg' { ip_denied 127.0.0.1 sendmmsg 0.0.0.0 sendmsg4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 by io_uring' { ip_denied 127.0.0.1 uring-sendmsg 0.0.0.0 sendmsg4; }
@test 'a rule for ip ::1 denies it as ::1' { ip_denied ::1 sendto ::1 sendmsg6; }
@test 'a rule for ip ::1 denies it as ::' { ip_denied ::1 sendto :: sendmsg6; }
@test 'a rule for ip ::1 denies it as :: by sendmmsg' { ip_denied ::1 sendmmsg :: sendmsg6; }

# ---- an allow list allows no more than it names ----

# only ADDRESS: allow messages to this address only
only()
{
	yes cgg-rule add allow sendmsg ip "$1"
	yes cgg-rule default sendmsg deny
}

@test 'an allow of only 127.0.0.1 allows each of its names, and nothing else' {
	only 127.0.0.1
	opens sendto 127.0.0.1 "$port"
	opens sendto 0.0.0.0 "$port"
	opens sendto-mapped 127.0.0.1 "$port"
	opens sendto-mapped 0.0.0.0 "$port"
	opens sendto6-v4name 0.0.0.0 "$port"
	opens sendto-unspec 127.0.0.1 "$port"
	opens sendto-bound 0.0.0.0 "$port"
	reports_nothing
	closes sendto 127.0.0.2 "$port"
	id=0 reports sendmsg4 daddr=127.0.0.2 "dport=$port" proto=17
	closes sendto ::1 "$port"
	closes sendto :: "$port"
}

@test 'an allow of only IPv6 does not allow IPv4 by a mapped address' {
	only ::/0
	opens sendto ::1 "$port"
	closes sendto-mapped 127.0.0.1 "$port"
	closes sendto-mapped 0.0.0.0 "$port"
	closes sendto6-v4name 127.0.0.1 "$port"
}

# ---- a message on a connected socket is judged as the connection is ----

# as_connected HOW ADDRESS PROGRAM: the kernel asks the hook sendmsg, and gives no address or that of the peer
as_connected()
{
	rule allow connect proto udp ip "$2" port "$port"
	yes cgg-rule default connect,sendmsg deny
	opens "$1" "$2" "$port"
	reports_nothing
	run inside "$web" attempt sendto "$2" "$port"
	says EPERM
	id=0 reports "$3" "daddr=$2" "dport=$port" proto=17
}

@test 'control data on a connected socket: the message is judged as the connection was' { as_connected sendmsg-connected 127.0.0.1 sendmsg4; }
@test 'control data on a connected IPv6 socket: the message is judged as the connection was' { as_connected sendmsg-connected ::1 sendmsg6; }
@test 'a message on an IPv6 socket that is connected to a mapped address is judged' {
	as_connected send-mapped 127.0.0.1 sendmsg4
}

@test 'control data on a connected socket: a sendmsg rule does not hold, as without control data' {
	rule sendmsg
	opens sendmsg-connected 127.0.0.1 "$port"
	opens sendmsg-connected ::1 "$port"
	opens send-mapped 127.0.0.1 "$port"
	reports_nothing
}

@test 'control data on a connected socket: a connect rule holds, with the address in the event' {
	rule sendmsg port 1
	yes inside "$web" python3 -c '
import socket, subprocess, sys
port, tos = int(sys.argv[1]), [(socket.IPPROTO_IP, socket.IP_TOS, b"\2\0\0\0")]
tclass = [(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, b"\2\0\0\0")]
made = [(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "127.0.0.2", tos),
        (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), "::1", tclass)]
for s, address, control in made:
    s.connect((address, port))
subprocess.run(["cgg-rule", "add", "connect", "port", str(port), "name", "later"], check=True)
for s, address, control in made:
    s.send(b"x")
    try:
        s.sendmsg([b"x"], control)
        print("sent")
    except PermissionError:
        print("denied")' "$port"
	says 'denied
denied'
	yes cgg-events -w 0
	[ "${#lines[@]}" -eq 2 ]
	matches "^\[DENY connect4\] .* daddr=127.0.0.2 dport=$port proto=17 .* label=later"
	matches "^\[DENY connect6\] .* daddr=::1 dport=$port proto=17 .* label=later"
}

@test 'the source in an event is that of the message' {
	rule sendmsg port "$port"
	run inside "$web" python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.2", 0))
source = struct.pack("=I4s4x", 0, socket.inet_aton("127.0.0.3"))
try:
    s.sendmsg([b"x"], [(socket.IPPROTO_IP, 8, source)], 0, ("127.0.0.1", int(sys.argv[1])))
except PermissionError:
    print("denied")' "$port"
	says denied
	yes cgg-events -w 0
	matches '^\[DENY sendmsg4\] .* daddr=127.0.0.1 .* saddr=127.0.0.3 '
}

# Each kind of message, from each source, goes to each name of this host.
where='
import itertools, socket, struct, sys
device, learning = sys.argv[1].encode(), sys.argv[2] == "learn"
fails = open(sys.argv[3], "a+")
fails.seek(0)
known = fails.read().splitlines()
IP_PKTINFO, IP_UNICAST_IF = 8, 50

v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
v4.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
v4.bind(("0.0.0.0", 0))
port = v4.getsockname()[1]
v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
v6.bind(("::", port))

def send(how, source, to):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    control = []
    if how == "device":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
    elif how == "unicast":
        s.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, struct.pack("!I", socket.if_nametoindex(device)))
    if how == "pktinfo":
        index = socket.if_nametoindex(device) if device else 0
        control = [(socket.IPPROTO_IP, IP_PKTINFO,
            struct.pack("=I4s4x", index, socket.inet_aton(source or "0.0.0.0")))]
    elif source:
        s.bind((source, 0))
    s.sendmsg([b"x"], control, 0, (to, port))
    for listener, family, at in (v4, socket.AF_INET, 8), (v6, socket.AF_INET6, 0):
        listener.settimeout(0.05)
        try:
            data = listener.recvmsg(100, 100)[1][0][2]
            return socket.inet_ntop(family, data[at:at + (4 if at else 16)])
        except TimeoutError:
            pass
    raise OSError("lost")

hows = ("", "pktinfo", "device", "unicast") if device else ("", "pktinfo")
sources = "", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.2"
names = "127.0.0.1", "127.0.0.3", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"
for how, source, to in itertools.product(hows, sources, names):
    way = f"{how or None} from {source or None} to {to}"
    if way + " went nowhere" in known or source and (":" in source) != (":" in to) or how == "pktinfo" and ":" in to:
        continue
    try:
        print(way, "went to", send(how, source, to))
    except OSError:
        print(way, "went nowhere", file=fails if learning else sys.stdout)
'

@test 'the judged address is the one that is reached' {
	judged_truly sendmsg
}

@test 'the judged address is the one that is reached, also through a device that the socket or message names' {
	judged_truly sendmsg out
}
