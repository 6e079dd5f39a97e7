#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# egress - the hook egress: what it takes, what it does, and the ways around it
#
# It is asked for each packet of IPv4 and IPv6 that a socket of the cgroup sends; a
# denied one says EPERM to who sends it by himself, and is lost to TCP. A server
# listens outside of the cgroup $web, on $port. packets.bash has the words.
# shellcheck disable=SC2154 # helpers set web, port, packets
# shellcheck disable=SC2030,SC2031 # run sets output and status

load packets

# ---- what it takes ----

@test 'supported: proto, ip, port, cgroup, name, comment, and every verdict' {
	yes cgg-rule add -f - <<END
deny egress
allow egress proto tcp ip 10.0.0.0/8 port 443 name db comment "the one"
alert egress ip local port 0-65535
deny egress cgroup $(shown "$web")
END
	yes cgg-rule list
	says "deny egress
allow egress proto tcp ip 10.0.0.0/8 port 443 name db comment \"the one\"
alert egress ip local port 0-65535
deny egress cgroup $(shown "$web")"
}

@test 'not supported: operands, access letters, family, type, errno' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add egress $words
		status_is 2
		matches ': not a match or an option$'
	done
	for words in 'family inet' 'type raw' 'errno EACCES'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add egress $words
		status_is 2
		says "cgg-rule: ${words% *}: egress does not take it"
	done
	yes cgg-rule list
	says ''
}

# ---- verdicts, order, defaults, mode ----

@test 'without a rule nothing is attached' {
	rule port 1
	opens udp 127.0.0.1 "$port"
	yes cgg-status
	[[ $output != *egress* ]]
}

@test 'alert lets through, and reports' {
	rule alert egress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an event says where from, and how long the packet is' {
	rule alert egress port "$port"
	opens udp ::1 "$port"
	yes cgg-events -w 0
	matches ' saddr=::1 sport=[1-9][0-9]+ len=54$'
	opens udp 127.0.0.2 "$port"
	yes cgg-events -w 0
	matches ' saddr=127.0.0.1 sport=[1-9][0-9]+ len=34$'
}

@test 'allow before deny is an exception' {
	rule allow egress ip 127.0.0.2
	rule egress port "$port"
	opens udp 127.0.0.2 "$port"
	opens tcp 127.0.0.2 "$port"
	reports_nothing
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'the default is allow, until it is changed' {
	rule allow egress ip 127.0.0.2
	id=0
	opens udp 127.0.0.1 "$port"
	yes cgg-rule default egress deny
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
	opens udp 127.0.0.2 "$port"
	reports_nothing
	yes cgg-rule default egress alert
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports egress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule default egress allow
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'audit mode lets through, and says what it would refuse' {
	yes cgg-rule mode audit
	rule egress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=AUDIT reports egress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule mode enforce
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'allow counts packets and bytes' {
	rule allow egress
	opens udp 127.0.0.1 "$port"
	opens udp ::1 "$port"
	opens icmp 127.0.0.1
	yes cgg-rule list -s
	says "$id	3	116	allow egress"
	reports_nothing
}

@test 'net closes connect, sendmsg and egress' {
	rule net port "$port"
	for words in tcp udp_connected; do
		limit=0.3 run inside "$web" attempt "$words" 127.0.0.1 "$port"
		says EPERM
		yes cgg-events -w 0
		matches "^\[DENY connect4\] .* dport=$port .* rule=$id"
	done
	cuts EPERM udp ::1 "$port"
	yes cgg-events -w 0
	matches "^\[DENY sendmsg6\] .* dport=$port .* rule=$id"
	cuts EPERM raw_udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	rule net proto 136
	cuts EPERM udplite 127.0.0.1
}

# ---- matches ----

@test 'ip: the other end, in either family' {
	rule egress ip 127.0.0.2/31
	cuts EPERM udp 127.0.0.2 "$port"
	reports egress daddr=127.0.0.2 "dport=$port" proto=17
	cuts EPERM udp_mapped 127.0.0.3 "$port"
	reports egress daddr=127.0.0.3 "dport=$port" proto=17
	opens udp 127.0.0.4 "$port"
	opens udp ::1 "$port"
	yes cgg-rule flush
	rule egress ip ::/0
	cuts EPERM udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	opens udp_mapped 127.0.0.1 "$port"
	reports_nothing
}

@test 'ip local: 127.0.0.0/8, ::1, and what means them' {
	rule egress ip local
	for to in 127.0.0.1 127.1.2.3; do
		cuts EPERM udp "$to" "$port"
		reports egress "daddr=$to" "dport=$port" proto=17
		cuts EPERM udp_mapped "$to" "$port"
		reports egress "daddr=$to" "dport=$port" proto=17
	done
	cuts EPERM udp 0.0.0.0 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
	cuts EPERM udp :: "$port"
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'port: the destination, and not the source' {
	rule egress port "$port"
	cuts EPERM udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	yes cgg-rule flush
	rule egress port "1-$((port - 1))"
	rule egress port "$((port + 1))-65535"
	opens udp ::1 "$port"
	opens tcp 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto: TCP, and nothing else' {
	rule egress proto tcp port "$port"
	cuts ETIMEDOUT tcp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=6
	cuts ETIMEDOUT tcp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=6
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto: MPTCP is TCP here' {
	[ -n "$mptcp_port" ] || skip 'this kernel has no MPTCP'
	rule alert egress proto tcp port "$mptcp_port"
	run inside "$web" "$BUILD/tests/reach" mptcp 127.0.0.1 "$mptcp_port"
	says ok
	verdict=ALERT reports egress daddr=127.0.0.1 "dport=$mptcp_port" proto=6
}

@test 'proto: UDP-Lite, which no other hook sees sent' {
	rule egress proto 136
	cuts EPERM udplite 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY egress\] .* daddr=127.0.0.1 dport=[1-9][0-9]+ proto=136 '
	cuts EPERM udplite ::1
	opens udp 127.0.0.1 "$port"
}

@test 'proto: SCTP' {
	opens sctp 127.0.0.1
	rule egress proto sctp
	cuts ETIMEDOUT sctp 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY egress\] .* daddr=127.0.0.1 dport=[1-9][0-9]+ proto=132 '
}

@test 'proto: ICMP by a raw socket, in either family' {
	opens icmp 127.0.0.1
	opens icmp ::1
	rule egress proto icmp
	cuts EPERM icmp 127.0.0.1
	reports egress daddr=127.0.0.1 dport=0 proto=1
	opens icmp ::1
	rule egress proto 58
	cuts EPERM icmp ::1
	reports egress daddr=::1 dport=0 proto=58
}

@test 'cgroup: the one below, and not the rest' {
	new_cgroup below "$web"
	rule egress cgroup "$below"
	opens udp 127.0.0.1 "$port"
	reports_nothing
	limit=0.3 run inside "$below" attempt udp 127.0.0.1 "$port"
	says EPERM
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

# ---- packets that are made by hand, or have more headers ----

@test 'a raw socket that writes the header itself' {
	opens raw_udp 127.0.0.1 "$port"
	opens raw_udp ::1 "$port"
	rule egress proto udp port "$port"
	cuts EPERM raw_udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
	cuts EPERM raw_udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'options of IPv6 hide no port' {
	opens udp_dstopts ::1 "$port"
	opens udp_hopopts ::1 "$port"
	rule egress proto udp port "$port"
	cuts EPERM udp_dstopts ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	cuts EPERM udp_hopopts ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	cuts EPERM chain ::1 "$port" 7
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'a long datagram is judged whole, before it is cut' {
	rule alert egress port 7777
	sends ok big 127.0.0.1 7777
	verdict=ALERT reports egress daddr=127.0.0.1 dport=7777 proto=17
	[[ $output == *' len=6028' ]]
	sends ok big ::1 7777
	verdict=ALERT reports egress daddr=::1 dport=7777 proto=17
	[[ $output == *' len=6048' ]]
	yes cgg-rule flush
	rule egress port 7777
	sends EPERM big 127.0.0.1 7777
	sends EPERM big ::1 7777
}

@test 'a fragment behind the first shows port 0, its protocol and its address' {
	rule egress port 1-65535
	sends ok fragment
	sends ok fragment6
	reports_nothing
	rule egress proto udp
	sends EPERM fragment
	reports egress daddr=127.0.0.1 dport=0 proto=17
	sends EPERM fragment6
	reports egress daddr=::1 dport=0 proto=17
}

@test 'a packet that cannot be read goes by the default, and by no rule' {
	rule egress proto 200
	sends ok chain ::1 9 8
	sends ok truncated
	reports_nothing
	yes cgg-rule default egress deny
	id=0
	sends EPERM chain ::1 9 8
	reports egress daddr=:: dport=0 proto=0
	matches ' len=118 unread=1$'
	sends EPERM truncated
	yes cgg-events -w 0
	matches ' len=22 unread=1$'
	rule allow egress
	sends EPERM truncated
}

# ---- ways around ----

@test 'an open connection is cut at the next packet' {
	cuts_open udp EPERM 17
	cuts_open tcp ETIMEDOUT 6 # the last: what TCP sends again comes when it likes
}

# cuts_open KIND RESULT PROTOCOL
cuts_open()
{
	opens "open_$1" ::1 "$port" true
	limit=0.3 run inside "$web" attempt "open_$1" ::1 "$port" \
		cgg-rule add egress proto "$1" port "$port"
	says "$2"
	id="[0-9]+" reports egress daddr=::1 "dport=$port" "proto=$3"
}

@test 'a cgroup below, a network namespace, a user namespace' {
	new_cgroup below "$web"
	rule egress proto udp
	limit=0.3 run inside "$below" attempt udp 127.0.0.1 "$port"
	says EPERM
	sends EPERM big 127.0.0.1 7777
	run inside "$web" unshare --user --map-root-user python3 -c "$packets" udp ::1 "$port"
	says EPERM
}

@test 'the cgroup of a socket is the one it was made in: one made before joining is not seen' {
	rule egress port "$port"
	run outside attempt made_before 127.0.0.1 "$port" "$web"
	says ok
	reports_nothing
	run outside attempt made_after 127.0.0.1 "$port" "$web"
	says EPERM
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'a socket from outside, passed in, is not seen; one from inside, passed out, is' {
	new_cgroup free
	rule egress port "$port"
	run outside attempt passed ::1 "$port" "$free" "$web"
	says ok
	reports_nothing
	run outside attempt passed ::1 "$port" "$web" "$free"
	says EPERM
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'a socket that a program finds when it begins is not seen either' {
	rule egress port "$port"
	# shellcheck disable=SC2016 # for the inner shell
	run outside attempt hand_down 127.0.0.1 "$port" sh -c \
		'echo $$ >"$1/cgroup.procs" && exec python3 -c "$2" inherited 127.0.0.1 "$3"' \
		- "$web" "$packets" "$port"
	says ok
	reports_nothing
}

@test 'packets of AF_PACKET are not seen: take CAP_NET_RAW away' {
	rule egress proto udp
	cuts EPERM raw_udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	opens packet_udp ::1 "$port"
	reports_nothing
	run inside "$web" setpriv --bounding-set -net_raw --inh-caps -net_raw -- \
		python3 -c "$packets" packet_udp ::1 "$port"
	says EPERM
}
