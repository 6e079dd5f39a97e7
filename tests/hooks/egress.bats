#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# egress - the hook egress: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each packet of IPv4 and IPv6 that a socket of the cgroup sends. A
# denied packet is EPERM for a process that sends it directly, and lost for TCP. A server
# listens outside the cgroup $web, on $port. packets.bash explains the words.
# shellcheck disable=SC2154 # helpers set web, port, packets
# shellcheck disable=SC2030,SC2031 # run sets output and status

load packets

# ---- which rules it takes ----

@test 'rules take proto, ip, port, cgroup, name, comment, and every verdict' {
	takes_packet_words egress
}

@test 'rules refuse operands, access letters, family, type and errno' {
	refuses_other_words egress
}

# ---- verdicts, order, defaults, mode ----

@test 'without a rule no program is attached' {
	rule port 1
	opens udp 127.0.0.1 "$port"
	yes cgg-status
	[[ $output != *egress* ]]
}

@test 'alert allows and reports' {
	rule alert egress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an event has the source and the length of the packet' {
	rule alert egress port "$port"
	opens udp ::1 "$port"
	yes cgg-events -w 0
	matches ' saddr=::1 sport=[1-9][0-9]+ len=54$'
	opens udp 127.0.0.2 "$port"
	yes cgg-events -w 0
	matches ' saddr=127.0.0.1 sport=[1-9][0-9]+ len=34$'
}

@test 'an allow before a deny is an exception' {
	rule allow egress ip 127.0.0.2
	rule egress port "$port"
	opens udp 127.0.0.2 "$port"
	opens tcp 127.0.0.2 "$port"
	reports_nothing
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'the default is allow until it is changed' {
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

@test 'audit mode allows, and reports what it would deny' {
	yes cgg-rule mode audit
	rule egress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=AUDIT reports egress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule mode enforce
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an allow rule counts packets and bytes' {
	rule allow egress
	opens udp 127.0.0.1 "$port"
	opens udp ::1 "$port"
	opens icmp 127.0.0.1
	yes cgg-rule list -s
	says "$id	3	116	allow egress"
	reports_nothing
}

@test 'a rule for net closes connect, sendmsg and egress' {
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

@test 'ip is the address of the peer, in either family' {
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

@test 'ip local is 127.0.0.0/8, ::1 and every name for them' {
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

# From a socket that is bound to another interface, and from a raw socket.
@test 'ip local holds only for packets that stay on lo' {
	yes cgg-rule default egress deny
	rule allow egress ip local
	opens udp 127.0.0.1 "$port"
	opens udp ::1 "$port"
	sends EPERM leaves 127.0.0.1
	sends EPERM leaves ::1
	yes cgg-rule default egress allow
	yes cgg-rule flush
	rule egress ip local
	sends ok leaves 127.0.0.1
	sends ok leaves ::1
	rule egress ip 127.0.0.0/8
	rule egress ip ::1
	sends EPERM leaves 127.0.0.1
	sends EPERM leaves ::1
	for i in {1..100}; do echo "deny egress ip 192.0.2.$i"; done >"$BATS_TEST_TMPDIR/rules"
	echo 'allow egress ip local' >>"$BATS_TEST_TMPDIR/rules"
	echo 'default egress deny' >>"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	opens udp 127.0.0.1 "$port"
	sends EPERM leaves 127.0.0.1
}

@test 'port is the destination port, not the source port' {
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

@test 'proto tcp holds for TCP and nothing else' {
	rule egress proto tcp port "$port"
	cuts ETIMEDOUT tcp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=6
	cuts ETIMEDOUT tcp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=6
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto tcp holds for MPTCP' {
	[ -n "$mptcp_port" ] || skip 'this kernel has no MPTCP'
	rule alert egress proto tcp port "$mptcp_port"
	run inside "$web" "$BUILD/tests/reach" mptcp 127.0.0.1 "$mptcp_port"
	says ok
	verdict=ALERT reports egress daddr=127.0.0.1 "dport=$mptcp_port" proto=6
}

@test 'proto holds for UDP-Lite, which no other hook sees sent' {
	rule egress proto 136
	cuts EPERM udplite 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY egress\] .* daddr=127.0.0.1 dport=[1-9][0-9]+ proto=136 '
	cuts EPERM udplite ::1
	opens udp 127.0.0.1 "$port"
}

@test 'proto holds for SCTP' {
	opens sctp 127.0.0.1
	rule egress proto sctp
	cuts ETIMEDOUT sctp 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY egress\] .* daddr=127.0.0.1 dport=[1-9][0-9]+ proto=132 '
}

@test 'proto holds for ICMP from a raw socket, in either family' {
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

@test 'cgroup limits a rule to the cgroup below' {
	new_cgroup below "$web"
	rule egress cgroup "$below"
	opens udp 127.0.0.1 "$port"
	reports_nothing
	limit=0.3 run inside "$below" attempt udp 127.0.0.1 "$port"
	says EPERM
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

# ---- handmade packets, and packets with more headers ----

@test 'a raw socket that writes the header itself does not get around a rule' {
	opens raw_udp 127.0.0.1 "$port"
	opens raw_udp ::1 "$port"
	rule egress proto udp port "$port"
	cuts EPERM raw_udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
	cuts EPERM raw_udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'options of IPv6 do not hide the port' {
	opens udp_dstopts ::1 "$port"
	opens udp_hopopts ::1 "$port"
	rule egress proto udp port "$port"
	cuts EPERM udp_dstopts ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	cuts EPERM udp_hopopts ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	cuts EPERM chain ::1 "$port" 16
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'a long datagram is judged before it is fragmented' {
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

# hidden UNREAD ATTEMPT...: a deny rule that might match denies, an allow rule that might match does not allow
hidden()
{
	local unread=$1 rule first

	shift
	yes cgg-rule flush
	sends ok "$@"
	for rule in "${could[@]}"; do
		yes cgg-rule flush
		# shellcheck disable=SC2086 # words
		yes cgg-rule add -i egress $rule
		first=$output
		sends EPERM "$@"
		yes cgg-events -w 0
		matches "^\[DENY egress\] .* unread=$unread$"
		# shellcheck disable=SC2086 # words
		yes cgg-rule insert "$first" allow egress $rule
		sends EPERM "$@"
	done
	for rule in "${cannot[@]}"; do
		yes cgg-rule flush
		# shellcheck disable=SC2086 # words
		yes cgg-rule add egress $rule
		sends ok "$@"
	done
	yes cgg-rule flush
	yes cgg-rule default egress deny
	sends EPERM "$@"
	# shellcheck disable=SC2086 # words
	[ -z "${surely:-}" ] || {
		yes cgg-rule add allow egress $surely
		sends ok "$@"
	}
	yes cgg-rule default egress allow
}

@test 'a later fragment of IPv4 counts as one with a hidden port' {
	could=('port 53' 'proto udp port 53' 'ip 127.0.0.1 port 1-65535') surely='proto udp ip 127.0.0.1'
	cannot=('proto tcp port 53' 'ip 127.0.0.2 port 53' 'ip ::1')
	hidden 1 fragment
}

@test 'a first fragment or packet that ends before its port counts as one with a hidden port' {
	could=('port 53' 'proto udp port 53') cannot=('proto tcp' 'ip 127.0.0.2') surely='proto udp'
	hidden 1 fragment_short
	hidden 1 truncated
}

@test 'a later fragment of IPv6 counts as one with a hidden protocol' {
	could=('proto tcp' 'proto udp port 53' 'port 53') cannot=('ip 127.0.0.1' 'ip fd00::/8 port 53')
	surely='ip ::1'
	hidden 2 fragment6
}

@test 'too many extension headers, or an unknown one, count as a hidden protocol' {
	could=('proto 200' 'proto tcp port 1' 'ip ::/0 port 5') cannot=('ip 127.0.0.1' 'ip ::2 proto udp')
	surely='ip ::1'
	for count in 17 40 150; do
		hidden 2 chain ::1 9 "$count"
	done
	hidden 2 unknown
}

@test 'a source route counts as a hidden destination' {
	could=('ip 192.0.2.1' 'ip 10.0.0.0/8 proto tcp' 'ip 2001:db8::1 port 7' 'ip local')
	cannot=() surely=
	for route in 'options4 127.0.0.1 route' 'options4 127.0.0.1 strict' 'options4 127.0.0.1 bad' route6; do
		# shellcheck disable=SC2086 # words
		hidden 3 $route
	done
	yes cgg-rule flush
	yes cgg-rule default egress deny
	rule allow egress ip ::1
	rule allow egress ip 127.0.0.1
	sends EPERM route6
	sends EPERM options4 127.0.0.1 route
	sends ok route6 ::1 0
	sends ok options4 127.0.0.1 record
	rule allow egress
	sends ok route6
}

@test 'an atomic fragment, AH and wrong lengths hide nothing' {
	opens atomic ::1 "$port"
	rule egress proto udp port "$port"
	cuts EPERM atomic ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	yes cgg-rule flush
	rule egress proto udp port 77
	for length in 0 4 14 20000; do
		sends ok lies ::1 78 "$length"
		sends EPERM lies ::1 77 "$length"
		reports egress daddr=::1 dport=77 proto=17
	done
	for to in 127.0.0.1 ::1; do
		sends ok behind_ah "$to" 78
		sends EPERM behind_ah "$to" 77
		reports egress "daddr=$to" dport=77 proto=17
	done
}

# unread: print how many packets hid something since the guard was loaded
unread()
{
	cgg-status --json | jq '.policies[] | select(.name == "default").unread_packets'
}

@test 'packets with hidden fields are counted' {
	before=$(unread)
	rule egress proto 200 ip 192.0.2.1
	sends ok truncated
	sends ok chain ::1 9 16
	[ "$(unread)" -eq $((before + 1)) ]
	sends ok chain ::1 9 17
	sends EPERM route6
	sends ok fragment
	yes cgg-status
	matches "^policy	default	unread packets $((before + 4))$"
	yes cgg-status -m
	matches "^cgguard_unread_packets_total\{policy=\"default\"\} $((before + 4))$"
}

@test 'hidden fields are judged the same among a hundred rules' {
	(for i in {1..100}; do echo "allow egress proto udp ip 10.0.0.$i port 53"; done
	echo 'deny egress proto udp ip ::/0 port 7 name seven'
	for i in {1..100}; do echo "deny egress proto tcp ip 192.0.2.$i port $i"; done) >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	sends ok fragment
	sends EPERM chain ::1 9 17
	yes cgg-events -w 0
	matches ' label=seven .* unread=2$'
	sends EPERM route6
	sends EPERM options4 127.0.0.1 route
}

@test 'ten thousand bans end at ten thousand times' {
	for i in {1..10000}; do
		echo "deny egress ip 10.1.$((i / 256)).$((i % 256)) ttl $((1000 + i * 7 % 10000))s"
	done >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	sends ok fragment
	sends EPERM route6
}

# ---- attempts to get around it ----

@test 'a new rule cuts an open connection at its next packet' {
	cuts_open udp EPERM 17
	cuts_open tcp ETIMEDOUT 6 # the last one: TCP repeats packets at any time
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

@test 'a cgroup below, a network namespace and a user namespace do not get around a rule' {
	new_cgroup below "$web"
	rule egress proto udp
	limit=0.3 run inside "$below" attempt udp 127.0.0.1 "$port"
	says EPERM
	sends EPERM big 127.0.0.1 7777
	run inside "$web" unshare --user --map-root-user python3 -c "$packets" udp ::1 "$port"
	says EPERM
}

@test 'a socket belongs to the cgroup it was made in: one from before joining is not seen' {
	rule egress port "$port"
	run outside attempt made_before 127.0.0.1 "$port" "$web"
	says ok
	reports_nothing
	run outside attempt made_after 127.0.0.1 "$port" "$web"
	says EPERM
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'a socket that is passed in from outside is not seen; one passed out still is' {
	new_cgroup free
	rule egress port "$port"
	run outside attempt passed ::1 "$port" "$free" "$web"
	says ok
	reports_nothing
	run outside attempt passed ::1 "$port" "$web" "$free"
	says EPERM
	reports egress daddr=::1 "dport=$port" proto=17
}

@test 'a socket that a program inherits is not seen either' {
	rule egress port "$port"
	# shellcheck disable=SC2016 # for the inner shell
	run outside attempt hand_down 127.0.0.1 "$port" sh -c \
		'echo $$ >"$1/cgroup.procs" && exec python3 -c "$2" inherited 127.0.0.1 "$3"' \
		- "$web" "$packets" "$port"
	says ok
	reports_nothing
}

@test 'packets of AF_PACKET are not seen, so CAP_NET_RAW must be taken away' {
	rule egress proto udp
	cuts EPERM raw_udp ::1 "$port"
	reports egress daddr=::1 "dport=$port" proto=17
	opens packet_udp ::1 "$port"
	reports_nothing
	run inside "$web" setpriv --bounding-set -net_raw --inh-caps -net_raw -- \
		python3 -c "$packets" packet_udp ::1 "$port"
	says EPERM
}

@test 'a rule about a set denies packets to its addresses' {
	cgg-set add s 127.0.0.1 ::1
	rule egress ip @s
	cuts EPERM udp 127.0.0.1 "$port"
	reports egress daddr=127.0.0.1 "dport=$port" proto=17
	cuts EPERM udp ::1 "$port"
	opens udp 127.0.0.2 "$port"
	cgg-set restore s <<<127.0.0.0/8
	cuts EPERM udp 127.0.0.2 "$port"
	opens udp ::1 "$port"
}
