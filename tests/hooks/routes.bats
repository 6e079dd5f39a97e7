#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# routes - packets that go through another host: source routes, and subflows of MPTCP
#
# The network $near has a link to the network $far, where a server listens on $port. It has
# the addresses of the link (10.99.0.2, fd99::2) and two more behind them (10.98.0.1, fd98::1).
# A packet for the latter goes first to the router that its source route names. Attempts: how
# WAY FINAL VIA. An answer proves that the message arrived there.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # reports reads id and verdict

load ../ways

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
	near=$CGG_RUN-$BATS_TEST_NUMBER-near far=$CGG_RUN-$BATS_TEST_NUMBER-far
	networks || skip 'this kernel has no veth'
	start_server ip netns exec "$far"
}

networks()
{
	ip netns add "$near" && ip netns add "$far" || return
	ip -n "$near" link add far type veth peer name near netns "$far" || return
	for side in near far; do
		[ "$side" = near ] && network=$near other=far number=1 || network=$far other=near number=2
		ip -n "$network" link set lo up
		ip -n "$network" address add "10.99.0.$number/24" dev "$other"
		ip -n "$network" address add "fd99::$number/64" dev "$other" nodad
		ip -n "$network" link set "$other" up
	done
	ip -n "$far" address add 10.98.0.1/32 dev lo
	ip -n "$far" address add fd98::1/128 dev lo
	ip -n "$near" route add 10.98.0.0/16 via 10.99.0.2
	ip -n "$near" route add fd98::/16 via fd99::2
	# so that the UDP answer comes from the address that the message went to
	ip -n "$far" route change 10.99.0.0/24 dev near src 10.98.0.1
	ip -n "$far" -6 route add fd99::/64 dev near src fd98::1 metric 1
	ip netns exec "$far" sysctl -qw net.ipv4.conf.all.accept_source_route=1 \
		net.ipv4.conf.near.accept_source_route=1 net.ipv4.conf.lo.accept_source_route=1 \
		net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.near.seg6_enabled=1
}

attempt()
{
	exec ip netns exec "$near" python3 -c "$program" "$1" "$2" "$port" "$3"
}

# allowed FINAL: allow connections and messages only to that address
allowed()
{
	rule allow connect,sendmsg ip "$1"
	yes cgg-rule default connect,sendmsg deny
	id=0
}

# ---- a router is judged as the address: HOOK PROGRAM PROTO, WAY FINAL VIA ----

router_denied()
{
	opens "$4" "$5" "$6"
	allowed "$5"
	closes "$4" "$5" "$6"
	reports "$2" "daddr=$6" "dport=$port" proto="$3"
	rule allow "$1" ip "$6"
	opens "$4" "$5" "$6"
	reports_nothing
}

@test 'a rule for the router denies TCP with a segment routing header' { router_denied connect connect6 6 tcp6 fd98::1 fd99::2; }
@test 'a rule for the router denies connected UDP with a segment routing header' {
	router_denied connect connect6 17 udp6 fd98::1 fd99::2
}
@test 'a rule for the router denies sendto with a segment routing header' {
	router_denied sendmsg sendmsg6 17 sendto6 fd98::1 fd99::2
}
@test 'of two routers in a segment routing header the first one counts' {
	router_denied connect connect6 6 tcp6-two fd98::1 fd99::2
}
@test 'a rule for the router denies TCP with a loose source route' { router_denied connect connect4 6 tcp 10.98.0.1 10.99.0.2; }
@test 'a rule for the router denies TCP with a strict source route' {
	router_denied connect connect4 6 tcp-strict 10.98.0.1 10.99.0.2
}
@test 'a rule for the router denies connected UDP with a loose source route' {
	router_denied connect connect4 17 udp 10.98.0.1 10.99.0.2
}
@test 'a rule for the router denies sendto with a loose source route' {
	router_denied sendmsg sendmsg4 17 sendto 10.98.0.1 10.99.0.2
}
@test 'a rule for the router denies an IPv6 socket with a loose source route and a mapped address' {
	router_denied connect connect6 6 tcp-mapped 10.98.0.1 10.99.0.2
}

@test 'a rule for the last address denies too' {
	rule connect ip fd99::2
	closes tcp6 fd98::1 fd99::2
	reports connect6 daddr=fd99::2 "dport=$port" proto=6
	yes cgg-rule flush
	rule connect ip fd98::1
	closes tcp6 fd98::1 fd99::2
	reports connect6 daddr=fd98::1 "dport=$port" proto=6
}

@test 'audit mode reports the router and allows' {
	allowed fd98::1
	yes cgg-rule mode audit
	opens tcp6 fd98::1 fd99::2
	verdict=AUDIT reports connect6 daddr=fd99::2 "dport=$port" proto=6
}

# ---- what the hooks for system calls do not see ----

@test 'open: a route can be set on a connected socket; rules for options close it' {
	rule allow connect,sendmsg ip fd98::1
	rule allow connect,sendmsg ip 10.98.0.1
	yes cgg-rule default connect,sendmsg deny
	opens udp6-later fd98::1 fd99::2
	opens udp-later 10.98.0.1 10.99.0.2
	closing_rules
	closes udp6-later fd98::1 fd99::2
	closes tcp6 fd98::1 fd99::2
	closes udp-later 10.98.0.1 10.99.0.2
	closes tcp-mapped 10.98.0.1 10.99.0.2
}

# As cgguard(7) shows them.
closing_rules()
{
	yes cgg-rule add -f - <<'END'
deny setsockopt SOL_IP:IP_OPTIONS
deny setsockopt SOL_IPV6:IPV6_RTHDR
deny setsockopt SOL_IPV6:IPV6_2292PKTOPTIONS
deny setsockopt SOL_IPV6:IPV6_FLOWLABEL_MGR
END
}

# These take only a header of Mobile IPv6, which not every kernel has: EPERM inside, whatever happens outside.
@test 'rules for options close the other ways to set a routing header' {
	closing_rules
	for way in tcp6-pktoptions sendto6-label; do
		run inside "$web" attempt "$way" fd98::1 fd99::2
		says EPERM
	done
}

@test 'open: the control data of a message can have a route; egress closes it' {
	allowed 10.98.0.1
	opens sendto-control 10.98.0.1 10.99.0.2
	reports_nothing
	rule allow egress ip 10.98.0.1
	yes cgg-rule default egress deny
	closes sendto-control 10.98.0.1 10.99.0.2
	yes cgg-events -w 0
	matches '^\[DENY egress\] .* rule=0 .* unread'
}

@test 'an egress rule with an address does not allow a route that is set on a connected socket' {
	rule allow egress ip fd98::1
	rule allow egress ip fd99::2
	yes cgg-rule default egress deny
	closes udp6-later fd98::1 fd99::2
	yes cgg-rule default egress allow
	opens udp6-later fd98::1 fd99::2
}

# ---- subflows of MPTCP ----

# The peer knows two addresses of this side, so a kernel worker connects a second subflow.
two_subflows()
{
	[ -n "$mptcp_port" ] || skip 'this kernel has no MPTCP'
	ip -n "$near" address add 10.99.0.3/24 dev far
	ip -n "$near" mptcp limits set subflow 2 add_addr_accepted 2 ||
		skip 'ip here has no mptcp'
	ip -n "$near" mptcp endpoint add 10.99.0.3 dev far subflow
	ip -n "$far" mptcp limits set subflow 2 add_addr_accepted 2
}

# Print how many subflows there are, once there are two or after a while.
subflows()
{
	run inside "$1" ip netns exec "$near" python3 -c "$program" mptcp 10.99.0.2 "$mptcp_port" -
}

@test 'the cgroup match holds for further subflows of MPTCP' {
	two_subflows
	new_cgroup below "$web"
	rule alert connect cgroup "$below" name below
	subflows "$below"
	says 2
	yes cgg-events -w 0
	[ "$(grep -c "^\[ALERT connect4\] .* daddr=10.99.0.2 .* label=below" <<<"$output")" -eq 2 ]
	subflows "$web"
	says 2
	reports_nothing
}

@test 'a cgroup that may connect gets its further subflows' {
	two_subflows
	new_cgroup below "$web"
	rule allow connect cgroup "$below"
	yes cgg-rule default connect deny
	subflows "$below"
	says 2
	reports_nothing
}

@test 'a further subflow is denied by the policy of the cgroup that owns its socket' {
	two_subflows
	new_cgroup below "$web"
	new_cgroup beside "$web"
	rule connect cgroup "$beside"
	subflows "$below"
	says 2
	rule connect ip 10.99.0.4 cgroup "$below"
	ip -n "$far" address add 10.99.0.4/24 dev near
	ip -n "$far" mptcp endpoint add 10.99.0.4 dev near signal
	ip -n "$near" mptcp endpoint flush
	subflows "$below"
	says 1
	yes cgg-events -w 0
	matches "^\[DENY connect4\] .* daddr=10.99.0.4 .* rule=$id( |$)"
	subflows "$beside"
	says EPERM
}

program='
import errno, os, socket, struct, subprocess, sys, time
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

how, final, port, via = sys.argv[1:5]
port = int(port)
way, _, extra = how.partition("-")
IPV6_RTHDR, PKTOPTIONS, FLOWLABEL_MGR, FLOWINFO_SEND, IP_OPTIONS, IP_RETOPTS = 57, 6, 32, 33, 4, 7

def header6():
    routers = [via, via] if extra == "two" else [via]
    segments = [bytes(16)] + [socket.inet_pton(AF_INET6, a) for a in reversed(routers)]
    last = len(segments) - 1
    return struct.pack("!BBBBBBH", 0, 2 * len(segments), 4, last, last, 0, 0) + b"".join(segments)

def header4():
    kind = 137 if extra == "strict" else 131
    hops = socket.inet_aton(via) + socket.inet_aton(final)
    return struct.pack("BBB", kind, 3 + len(hops), 4) + hops + b"\1"

def control(level, kind, data):
    length = 16 + len(data)
    return struct.pack("=Qii", length, level, kind) + data + bytes(-length % 8)

def set_route(s):
    if s.family == AF_INET6 and extra != "mapped":
        if extra == "pktoptions":
            s.setsockopt(socket.IPPROTO_IPV6, PKTOPTIONS, control(41, IPV6_RTHDR, header6()))
        elif extra == "label":
            # dst, label, action get, share any, flags create, expires, linger, pad
            request = socket.inet_pton(AF_INET6, final) + struct.pack("!I", 0x12345) \
                + struct.pack("=BBHHHI", 0, 255, 1, 60, 60, 0)
            s.setsockopt(socket.IPPROTO_IPV6, FLOWLABEL_MGR, request + control(41, IPV6_RTHDR, header6()))
            s.setsockopt(socket.IPPROTO_IPV6, FLOWINFO_SEND, 1)
        else:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, header6())
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, header4())

def answer(s):
    s.settimeout(2)
    if s.recv(100) != b"question":
        raise OSError(errno.EBADMSG, "another answer")

def attempt():
    six = way.endswith("6") or extra == "mapped"
    s = socket.socket(AF_INET6 if six else AF_INET, SOCK_STREAM if way.startswith("tcp") else SOCK_DGRAM)
    s.settimeout(4)
    to = ("::ffff:" if extra == "mapped" else "") + final, port
    if extra == "label":
        to += (0x12345, 0)
    if extra not in ("later", "control"):
        set_route(s)
    if way.startswith("sendto"):
        more = []
        if extra == "control":
            more = [(41, IPV6_RTHDR, header6())] if six else [(0, IP_RETOPTS, header4())]
        s.sendmsg([b"question"], more, 0, to)
    else:
        s.connect(to)
        if extra == "later":
            set_route(s)
        s.send(b"question")
    answer(s)

# The second subflow shows itself as an established connection from the second address.
def mptcp():
    s = socket.socket(AF_INET, SOCK_STREAM, 262)
    s.settimeout(4)
    s.connect((final, port))
    s.send(b"question")
    answer(s)
    for _ in range(40):
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f][1:]
        peer = ":%04X" % port
        there = [r for r in rows if r[2].endswith(peer) and r[3] == "01"]
        if len(there) == 2:
            break
        time.sleep(0.05)
    print(len(there))

try:
    if way == "mptcp":
        mptcp()
    else:
        attempt()
        print("ok")
except TimeoutError:
    print("ETIMEDOUT")
except OSError as e:
    print("skip: no such thing here" if e.errno in (errno.ENOPROTOOPT, errno.EPROTONOSUPPORT) else errno.errorcode.get(e.errno, e))
'
