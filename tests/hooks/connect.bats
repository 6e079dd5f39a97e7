#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# connect - the hook connect: which rules it takes, what it does, and attempts to get around it
#
# A server listens outside the cgroup $web: on $port by TCP and UDP of both families, and on
# $mptcp_port by MPTCP. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web, port, mptcp_port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # judged_truly reads where

load ../ways

# ---- which rules it takes ----

@test 'rules take proto, ip, port, name, comment, and every verdict' {
	yes cgg-rule add -f - <<'END'
deny connect
allow connect proto tcp ip 10.0.0.0/8 port 443 name db comment "the one"
alert connect ip local port 0-65535
END
	yes cgg-rule list
	says 'deny connect
allow connect proto tcp ip 10.0.0.0/8 port 443 name db comment "the one"
alert connect ip local port 0-65535'
}

@test 'rules refuse operands and access letters' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r' 'r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add connect $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
}

@test 'a connect rule does not stop a message' {
	rule connect
	closes tcp 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
	opens sendto 127.0.0.1 "$port"
	opens sendto ::1 "$port"
	reports_nothing
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports' {
	rule alert connect port "$port"
	opens tcp 127.0.0.1 "$port"
	verdict=ALERT reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

@test 'an allow before a deny is an exception' {
	rule allow connect ip 127.0.0.2
	rule connect port "$port"
	opens tcp 127.0.0.2 "$port"
	reports_nothing
	closes tcp 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

@test 'an allow after a deny has no effect' {
	rule connect port "$port"
	first=$id
	rule allow connect ip 127.0.0.2
	closes tcp 127.0.0.2 "$port"
	id=$first reports connect4 daddr=127.0.0.2 "dport=$port" proto=6
}

@test 'the default is allow until it is changed' {
	rule allow connect port 1
	opens tcp 127.0.0.1 "$port"
	yes cgg-rule default connect deny
	closes tcp 127.0.0.1 "$port"
	id=0 reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
	yes cgg-rule default connect alert
	opens tcp 127.0.0.1 "$port"
	id=0 verdict=ALERT reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
	yes cgg-rule default connect allow
	opens tcp 127.0.0.1 "$port"
	reports_nothing
}

@test 'a default holds for its own hook only' {
	yes cgg-rule default connect deny
	closes tcp 127.0.0.1 "$port"
	opens sendto 127.0.0.1 "$port"
	opens open /dev/null rw
	opens sysctl-read kernel/hostname
}

@test 'an event has the name of the rule' {
	rule connect port "$port" name web-9090 comment 'not said'
	closes tcp 127.0.0.1 "$port"
	yes cgg-events -w 0
	matches " policy=default rule=$id label=web-9090( |$)"
}

@test 'decisions of rules and defaults are counted' {
	rule connect ip 127.0.0.1 port "$port"
	denied=$id
	rule allow connect ip 127.0.0.2
	allowed=$id
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	opens tcp 127.0.0.2 "$port"
	opens tcp 127.0.0.3 "$port"
	yes cgg-rule list -s
	says "$denied	2	0	deny connect ip 127.0.0.1 port $port
$allowed	1	0	allow connect ip 127.0.0.2"
}

# ---- matches ----

@test 'proto tcp does not hold for UDP' {
	rule connect proto tcp port "$port"
	closes tcp 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
	opens udp-connect 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto 17 is UDP' {
	rule connect proto 17 port "$port"
	opens tcp 127.0.0.1 "$port"
	reports_nothing
	closes udp-connect 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'proto tcp holds for MPTCP too' {
	mptcp_needed
	denies connect proto tcp -- connect4 daddr=127.0.0.1 "dport=$mptcp_port" proto=6 \
		-- mptcp 127.0.0.1 "$mptcp_port"
}

@test 'a range of ports includes both its ends, and no more' {
	rule connect port "1-$((port - 1))"
	rule connect port "$((port + 1))-65535"
	opens tcp 127.0.0.1 "$port"
	reports_nothing
	for range in "$port-$port" "$((port - 1))-$port" "$port-$((port + 1))" 0-65535; do
		yes cgg-rule flush
		rule connect port "$range"
		closes tcp 127.0.0.1 "$port"
		reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
	done
}

@test 'a prefix holds exactly as far as it goes' {
	rule connect ip 127.0.0.2/31
	opens tcp 127.0.0.1 "$port"
	closes tcp 127.0.0.2 "$port"
	closes tcp 127.0.0.3 "$port"
	opens tcp 127.0.0.4 "$port"
	opens tcp ::1 "$port"
}

@test 'a rule with an address holds for its family only' {
	rule connect ip 0.0.0.0/0
	closes tcp 127.0.0.1 "$port"
	closes tcp6-mapped 127.0.0.1 "$port"
	opens tcp ::1 "$port"
	yes cgg-rule flush
	rule connect ip ::/0
	closes tcp ::1 "$port"
	opens tcp 127.0.0.1 "$port"
	opens tcp6-mapped 127.0.0.1 "$port"
}

@test 'ip local is every loopback address and every name for one' {
	rule connect ip local
	closes tcp 127.0.0.1 "$port"
	closes tcp 127.1.2.3 "$port"
	closes tcp ::1 "$port"
	closes tcp 0.0.0.0 "$port"
	closes tcp :: "$port"
	closes tcp6-mapped 127.1.2.3 "$port"
	closes tcp6-mapped 0.0.0.0 "$port"
	closes tcp6-bound-mapped :: "$port"
	closes udp-connect 127.255.255.254 "$port"
}

@test 'all matches of a rule must hold' {
	rule connect proto tcp ip 127.0.0.1 port "$port"
	opens udp-connect 127.0.0.1 "$port"
	opens tcp 127.0.0.2 "$port"
	opens tcp ::1 "$port"
	fails_alike ECONNREFUSED tcp 127.0.0.1 1
	reports_nothing
	closes tcp 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

@test 'the 256th rule is counted as the first is' {
	for i in {1..255}; do
		echo "connect port $i"
	done >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule add -f "$BATS_TEST_TMPDIR/rules"
	opens tcp 127.0.0.1 "$port"
	rule connect port "$port"
	closes tcp 127.0.0.1 "$port"
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

# ---- a denied port is denied in every way: ATTEMPT TO, PROGRAM, JUDGED AS, PROTOCOL ----

port_denied()
{
	denies port "$port" -- "$3" "daddr=$4" "dport=$port" "proto=$5" -- "$1" "$2" "$port"
}

mptcp_needed()
{
	[ -n "$mptcp_port" ] || skip 'this kernel has no MPTCP'
}

mptcp_port_denied()
{
	mptcp_needed
	port=$mptcp_port port_denied "$@"
}

@test 'a port rule denies TCP to 127.0.0.1' { port_denied tcp 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies TCP to ::1' { port_denied tcp ::1 connect6 ::1 6; }
@test 'a port rule denies TCP to 0.0.0.0' { port_denied tcp 0.0.0.0 connect4 127.0.0.1 6; }
@test 'a port rule denies TCP to ::' { port_denied tcp :: connect6 ::1 6; }
@test 'a port rule denies TCP to ::ffff:127.0.0.1' { port_denied tcp6-mapped 127.0.0.1 connect6 127.0.0.1 6; }
@test 'a port rule denies TCP to ::ffff:0.0.0.0' { port_denied tcp6-mapped 0.0.0.0 connect6 127.0.0.1 6; }
@test 'a port rule denies bound TCP to 127.0.0.1' { port_denied tcp-bound 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies bound TCP to 0.0.0.0' { port_denied tcp-bound 0.0.0.0 connect4 127.0.0.2 6; }
@test 'a port rule denies TCP bound to a mapped address' {
	port_denied tcp6-bound-mapped :: connect6 127.0.0.1 6
}
@test 'a port rule denies non-blocking TCP' { port_denied tcp-nonblock 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies non-blocking TCP of IPv6' { port_denied tcp-nonblock ::1 connect6 ::1 6; }
@test 'a port rule denies TCP fast open, sendto' { port_denied tfo-sendto 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies TCP fast open, sendto ::1' { port_denied tfo-sendto ::1 connect6 ::1 6; }
@test 'a port rule denies TCP fast open, sendto 0.0.0.0' { port_denied tfo-sendto 0.0.0.0 connect4 127.0.0.1 6; }
@test 'a port rule denies TCP fast open, connect' { port_denied tfo-connect 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies TCP fast open, connect to ::' { port_denied tfo-connect :: connect6 ::1 6; }
@test 'a port rule denies MPTCP to 127.0.0.1' { mptcp_port_denied mptcp 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies MPTCP to 0.0.0.0' { mptcp_port_denied mptcp 0.0.0.0 connect4 127.0.0.1 6; }
@test 'a port rule denies MPTCP to ::ffff:127.0.0.1' { mptcp_port_denied mptcp6 127.0.0.1 connect6 127.0.0.1 6; }
@test 'a port rule denies MPTCP to a server of TCP' { port_denied mptcp 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies MPTCP to ::1' { port_denied mptcp ::1 connect6 ::1 6; }
@test 'a port rule denies MPTCP to ::' { port_denied mptcp :: connect6 ::1 6; }
@test 'a port rule denies a second thread' { port_denied thread-connect 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies a child' { port_denied fork-connect 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies a 32-bit call' { port_denied int80-connect 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies a 32-bit call to ::1' { port_denied int80-connect ::1 connect6 ::1 6; }
@test 'a port rule denies io_uring' { port_denied uring-connect 127.0.0.1 connect4 127.0.0.1 6; }
@test 'a port rule denies io_uring to ::1' { port_denied uring-connect ::1 connect6 ::1 6; }
@test 'a port rule denies io_uring, its own thread' {
	port_denied uring-sqpoll-connect 127.0.0.1 connect4 127.0.0.1 6
}
@test 'a port rule denies UDP connect' { port_denied udp-connect 127.0.0.1 connect4 127.0.0.1 17; }
@test 'a port rule denies UDP connect to ::1' { port_denied udp-connect ::1 connect6 ::1 17; }
@test 'a port rule denies UDP connect to 0.0.0.0' { port_denied udp-connect 0.0.0.0 connect4 127.0.0.1 17; }
@test 'a port rule denies UDP connect to ::' { port_denied udp-connect :: connect6 ::1 17; }
@test 'a port rule denies UDP connect to ::ffff:127.0.0.1' {
	port_denied udp6-mapped-connect 127.0.0.1 connect6 127.0.0.1 17
}
@test 'a port rule denies bound UDP connect to 0.0.0.0' {
	port_denied udp-bound-connect 0.0.0.0 connect4 127.0.0.2 17
}

@test 'a port rule denies a cgroup below, a network namespace, a user namespace' {
	new_cgroup below "$web"
	rule port "$port"
	run inside "$below" attempt tcp 127.0.0.1 "$port"
	says EPERM
	run inside "$web" unshare --net sh -c \
		'ip link set lo up && exec "$@"' - "$BUILD/tests/reach" tcp 127.0.0.1 "$port"
	says EPERM
	run inside "$web" unshare --user --map-root-user "$BUILD/tests/reach" tcp ::1 "$port"
	says EPERM
}

@test 'a port rule denies a socket that was made before the guard' {
	rule port "$port"
	yes cgg-detach "$web"
	opens tcp 127.0.0.1 "$port"
	run inside "$web" python3 -c '
import socket, subprocess, sys
s = socket.socket()
subprocess.run(["cgg-attach", sys.argv[1]], check=True)
s.connect(("127.0.0.1", int(sys.argv[2])))' "$web" "$port"
	matches '^PermissionError: '
	reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

# ---- a denied address is denied under each of its names ----

# ADDRESS ATTEMPT TO PROGRAM
ip_denied()
{
	denies ip "$1" -- "$4" "daddr=$1" "dport=$port" "proto=${5:-6}" -- "$2" "$3" "$port"
}

@test 'a rule for ip 127.0.0.1 denies it as 127.0.0.1' { ip_denied 127.0.0.1 tcp 127.0.0.1 connect4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0' { ip_denied 127.0.0.1 tcp 0.0.0.0 connect4; }
@test 'a rule for ip 127.0.0.1 denies it mapped' { ip_denied 127.0.0.1 tcp6-mapped 127.0.0.1 connect6; }
@test 'a rule for ip 127.0.0.1 denies it as ::ffff:0.0.0.0' { ip_denied 127.0.0.1 tcp6-mapped 0.0.0.0 connect6; }
@test 'a rule for ip 127.0.0.1 denies it from a bound socket' { ip_denied 127.0.0.1 tcp-bound 127.0.0.1 connect4; }
@test 'a rule for ip 127.0.0.1 denies it as :: from a socket bound to ::ffff:127.0.0.1' {
	ip_denied 127.0.0.1 tcp6-bound-mapped :: connect6
}
@test 'a rule for ip 127.0.0.1 denies it as ::ffff:0.0.0.0 from a socket bound to ::ffff:127.0.0.1' {
	ip_denied 127.0.0.1 tcp6-bound-mapped 0.0.0.0 connect6
}
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 by fast open' { ip_denied 127.0.0.1 tfo-sendto 0.0.0.0 connect4; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 by MPTCP' { ip_denied 127.0.0.1 mptcp 0.0.0.0 connect4; }
@test 'a rule for ip 127.0.0.1 denies it mapped by MPTCP' { ip_denied 127.0.0.1 mptcp6 127.0.0.1 connect6; }
@test 'a rule for ip 127.0.0.1 denies it as 0.0.0.0 by UDP' { ip_denied 127.0.0.1 udp-connect 0.0.0.0 connect4 17; }
@test 'a rule for ip 127.0.0.1 denies it mapped by UDP' { ip_denied 127.0.0.1 udp6-mapped-connect 127.0.0.1 connect6 17; }
@test 'a rule for ip 127.0.0.2 denies it as 0.0.0.0 from a socket bound to it' {
	ip_denied 127.0.0.2 tcp-bound 0.0.0.0 connect4
}
@test 'a rule for ip 127.0.0.2 denies it as 0.0.0.0 by UDP bound to it' {
	ip_denied 127.0.0.2 udp-bound-connect 0.0.0.0 connect4 17
}
@test 'a rule for ip ::1 denies it as ::1' { ip_denied ::1 tcp ::1 connect6; }
@test 'a rule for ip ::1 denies it as ::' { ip_denied ::1 tcp :: connect6; }
@test 'a rule for ip ::1 denies it as :: by MPTCP' { ip_denied ::1 mptcp :: connect6; }
@test 'a rule for ip ::1 denies it as :: by UDP' { ip_denied ::1 udp-connect :: connect6 17; }

# ---- an allow list allows no more than it names ----

# only ADDRESS: allow connecting to this address only
only()
{
	yes cgg-rule add allow connect ip "$1"
	yes cgg-rule default connect deny
}

@test 'an allow of only 127.0.0.1 allows each of its names, and nothing else' {
	only 127.0.0.1
	opens tcp 127.0.0.1 "$port"
	opens tcp 0.0.0.0 "$port"
	opens tcp6-mapped 127.0.0.1 "$port"
	opens tcp6-mapped 0.0.0.0 "$port"
	opens tcp6-bound-mapped :: "$port"
	opens udp-connect 0.0.0.0 "$port"
	reports_nothing
	closes tcp 127.0.0.2 "$port"
	id=0 reports connect4 daddr=127.0.0.2 "dport=$port" proto=6
	closes tcp ::1 "$port"
	id=0 reports connect6 daddr=::1 "dport=$port" proto=6
	closes tcp :: "$port"
	id=0 reports connect6 daddr=::1 "dport=$port" proto=6
}

@test 'an allow of only 127.0.0.1 does not allow 127.0.0.2 as 0.0.0.0 from a socket bound to it' {
	only 127.0.0.1
	closes tcp-bound 0.0.0.0 "$port"
	id=0 reports connect4 daddr=127.0.0.2 "dport=$port" proto=6
	closes udp-bound-connect 0.0.0.0 "$port"
	id=0 reports connect4 daddr=127.0.0.2 "dport=$port" proto=17
	opens tcp-bound 127.0.0.1 "$port"
}

@test 'an allow of only 127.0.0.2 allows 0.0.0.0 from a socket bound to it, and from no other' {
	only 127.0.0.2
	opens tcp-bound 0.0.0.0 "$port"
	opens tcp 127.0.0.2 "$port"
	closes tcp 0.0.0.0 "$port"
	id=0 reports connect4 daddr=127.0.0.1 "dport=$port" proto=6
}

@test 'an allow of only ::1 does not allow 127.0.0.1 as :: from a socket bound to a mapped address' {
	only ::1
	opens tcp ::1 "$port"
	opens tcp :: "$port"
	closes tcp6-bound-mapped :: "$port"
	id=0 reports connect6 daddr=127.0.0.1 "dport=$port" proto=6
	closes tcp6-mapped 127.0.0.1 "$port"
	closes tcp 0.0.0.0 "$port"
}

@test 'an allow of only IPv6 does not allow IPv4 by a mapped address' {
	only ::/0
	opens tcp ::1 "$port"
	closes tcp6-mapped 127.0.0.1 "$port"
	closes tcp6-mapped 0.0.0.0 "$port"
	closes mptcp6 127.0.0.1 "$port"
	closes udp6-mapped-connect 127.0.0.1 "$port"
}

# Each kind of socket, bound to each address and to the device, connects to each name of
# this host.
where='
import itertools, socket, sys
device, learning = sys.argv[1].encode(), sys.argv[2] == "learn"
fails = open(sys.argv[3], "a+")
fails.seek(0)
known = fails.read().splitlines()

v4 = socket.create_server(("0.0.0.0", 0))
port = v4.getsockname()[1]
v6 = socket.create_server(("::", port), family=socket.AF_INET6)

def connect(kind, source, to):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, kind)
    s.settimeout(2)
    if device:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
    if source:
        s.bind((source, 0))
    s.connect((to, port))
    return s.getpeername()[0].removeprefix("::ffff:")

kinds = socket.SOCK_STREAM, socket.SOCK_DGRAM
sources = "", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.2"
names = "127.0.0.1", "127.0.0.3", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"
for kind, source, to in itertools.product(kinds, sources, names):
    way = f"{kind.name} from {source or None} to {to}"
    if way + " went nowhere" in known or source and (":" in source) != (":" in to):
        continue
    try:
        print(way, "went to", connect(kind, source, to))
    except OSError:
        print(way, "went nowhere", file=fails if learning else sys.stdout)
'

@test 'the judged address is the one that is reached' {
	judged_truly connect
}

@test 'the judged address is the one that is reached, also from a socket bound to a device' {
	judged_truly connect out
}
