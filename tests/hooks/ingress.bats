#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ingress - the hook ingress: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each packet of IPv4 and IPv6 that reaches a socket of the cgroup. A
# denied packet is lost. The server of these tests runs inside the cgroup $web, on $port.
# packets.bash explains the words; opens and cuts are about packets from outside $web, and
# hears tells how attempts from inside end.
# shellcheck disable=SC2154 # helpers set web, port, packets
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # reports reads id and verdict

load packets

setup()
{
	untraced
	local here

	here=$(cgroup_root)$(sed -n 's/^0:://p' /proc/self/cgroup)
	verdict=DENY id=0
	new_cgroup web
	echo "$BASHPID" >"$web/cgroup.procs"
	start_server
	echo "$BASHPID" >"$here/cgroup.procs"
	cgg-attach "$web"
}

opens()
{
	run outside attempt "$@"
	skip_if_lacking "$@"
	says ok
}

# cuts ATTEMPT...: from outside there is no answer
cuts()
{
	limit=0.3 run outside attempt "$@"
	skip_if_lacking "$@"
	says ETIMEDOUT
}

# hears RESULT ATTEMPT...: from inside the attempt ends so
hears()
{
	local result=$1

	shift
	limit=0.3 run inside "$web" attempt "$@"
	skip_if_lacking "$@"
	says "$result"
}

# ---- which rules it takes ----

@test 'rules take proto, ip, port, cgroup, name, comment, and every verdict' {
	takes_packet_words ingress
}

@test 'rules refuse operands, access letters, family, type and errno' {
	refuses_other_words ingress
}

# ---- verdicts, order, defaults, mode ----

@test 'alert allows and reports' {
	rule alert ingress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an event has the source and the length of the packet' {
	rule alert ingress port "$port"
	opens udp ::1 "$port"
	yes cgg-events -w 0
	matches ' daddr=::1 .* saddr=::1 sport=[1-9][0-9]+ len=54$'
	opens udp 127.0.0.2 "$port"
	yes cgg-events -w 0
	matches ' daddr=127.0.0.2 .* saddr=127.0.0.1 sport=[1-9][0-9]+ len=34$'
}

@test 'an allow before a deny is an exception' {
	rule allow ingress proto tcp
	rule ingress port "$port"
	opens tcp 127.0.0.1 "$port"
	reports_nothing
	cuts udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'the default is allow until it is changed' {
	rule allow ingress ip ::1
	id=0
	opens udp 127.0.0.1 "$port"
	yes cgg-rule default ingress deny
	cuts udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	opens udp ::1 "$port"
	reports_nothing
	yes cgg-rule default ingress alert
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule default ingress allow
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'audit mode allows, and reports what it would deny' {
	yes cgg-rule mode audit
	rule ingress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=AUDIT reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule mode enforce
	cuts udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an allow rule counts packets and bytes' {
	rule allow ingress port "$port"
	opens udp 127.0.0.1 "$port"
	opens udp ::1 "$port"
	yes cgg-rule list -s
	says "$id	2	88	allow ingress port $port"
	reports_nothing
}

# ---- matches ----

@test 'ip is the address of the peer, which is the source' {
	rule ingress ip 127.0.0.2
	opens udp 127.0.0.2 "$port"
	reports_nothing
	cuts udp_from 127.0.0.1 "$port" 127.0.0.2
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	matches ' saddr=127.0.0.2 '
	yes cgg-rule flush
	rule ingress ip ::/0
	cuts udp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
	opens udp 127.0.0.1 "$port"
	opens udp_mapped 127.0.0.1 "$port"
	yes cgg-rule flush
	rule ingress ip 127.0.0.0/8
	cuts udp_mapped 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	opens udp ::1 "$port"
}

@test 'ip local is 127.0.0.0/8 and ::1' {
	rule ingress ip local
	cuts udp 127.1.2.3 "$port"
	cuts udp ::1 "$port"
	hears ETIMEDOUT icmp ::1
}

@test 'port is the destination port; an answer has the port of the socket that asked' {
	rule ingress port "1-$((port - 1))"
	rule ingress port "$((port + 1))-65535"
	opens udp ::1 "$port"
	reports_nothing
	hears ETIMEDOUT udp ::1 "$port"
	yes cgg-events -w 0
	matches "^\[DENY ingress\] .* daddr=::1 .* saddr=::1 sport=$port "
}

@test 'proto tcp holds for TCP and nothing else' {
	rule ingress proto tcp port "$port"
	cuts tcp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=6
	cuts tcp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=6
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto holds for UDP-Lite' {
	hears ok udplite ::1
	rule ingress proto 136
	hears ETIMEDOUT udplite ::1
	yes cgg-events -w 0
	matches '^\[DENY ingress\] .* daddr=::1 dport=[1-9][0-9]+ proto=136 '
}

@test 'proto holds for SCTP' {
	hears ok sctp 127.0.0.1
	rule ingress proto sctp
	hears ETIMEDOUT sctp 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY ingress\] .* proto=132 '
}

@test 'proto holds for ICMP to a raw socket, in either family' {
	hears ok icmp 127.0.0.1
	hears ok icmp ::1
	rule ingress proto icmp
	hears ETIMEDOUT icmp 127.0.0.1
	reports ingress daddr=127.0.0.1 dport=0 proto=1
	hears ok icmp ::1
	rule ingress proto 58
	hears ETIMEDOUT icmp ::1
	reports ingress daddr=::1 dport=0 proto=58
}

@test 'cgroup limits a rule to the cgroup below' {
	new_cgroup below "$web"
	rule ingress cgroup "$below"
	opens udp 127.0.0.1 "$port"
	hears ok udplite 127.0.0.1
	reports_nothing
	limit=0.3 run inside "$below" attempt udplite 127.0.0.1
	says ETIMEDOUT
	yes cgg-events -w 0
	matches "^\[DENY ingress\] .* proto=136 .* cgroup=$(shown "$web") .* rule=$id "
}

# ---- handmade packets, and packets with more headers ----

@test 'a raw socket that writes the header itself does not get around a rule' {
	opens raw_udp 127.0.0.1 "$port"
	opens raw_udp ::1 "$port"
	rule ingress proto udp port "$port"
	cuts raw_udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	cuts raw_udp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'a packet sent by AF_PACKET is seen where it arrives' {
	opens packet_udp ::1 "$port"
	rule ingress proto udp port "$port"
	cuts packet_udp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'options of IPv6 do not hide the port' {
	opens udp_dstopts ::1 "$port"
	opens udp_hopopts ::1 "$port"
	rule ingress proto udp port "$port"
	cuts udp_dstopts ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
	cuts udp_hopopts ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'up to 16 extension headers do not hide the port; more hide the protocol' {
	opens answered_chain ::1 "$port" 16
	opens answered_chain ::1 "$port" 17
	rule ingress proto udp port "$port"
	cuts answered_chain ::1 "$port" 16
	reports ingress daddr=::1 "dport=$port" proto=17
	cuts answered_chain ::1 "$port" 17
	yes cgg-events -w 0
	matches '^\[DENY ingress\] .* daddr=::1 dport=0 proto=60 .* unread=2$'
	yes cgg-rule flush
	rule ingress
	cuts answered_chain ::1 "$port" 17
	yes cgg-rule flush
	rule ingress proto tcp ip ::1
	cuts answered_chain ::1 "$port" 17
	opens answered_chain ::1 "$port" 16
	yes cgg-rule flush
	rule ingress ip fd00::/8 port "$port"
	opens answered_chain ::1 "$port" 17
	yes cgg-rule default ingress deny
	rule allow ingress proto udp
	opens answered_chain ::1 "$port" 16
	cuts answered_chain ::1 "$port" 17
	rule allow ingress ip ::1
	opens answered_chain ::1 "$port" 17
	yes cgg-status
	matches '^policy	default	unread packets [1-9][0-9]*$'
}

@test 'an atomic fragment hides nothing' {
	opens atomic ::1 "$port"
	rule ingress proto udp port "$port"
	cuts atomic ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'fragments are judged as the reassembled datagram' {
	rule alert ingress port 7777
	sends ok big 127.0.0.1 7777
	verdict=ALERT reports ingress daddr=127.0.0.1 dport=7777 proto=17
	[[ $output == *' len=6028' ]]
	sends ok big ::1 7777
	verdict=ALERT reports ingress daddr=::1 dport=7777 proto=17
	[[ $output == *' len=6048' ]]
	yes cgg-rule flush
	rule ingress port 7777
	sends ETIMEDOUT big 127.0.0.1 7777
	sends ETIMEDOUT big ::1 7777
}

# ---- attempts to get around it ----

@test 'a new rule cuts an open connection at its next packet' {
	for kind in tcp udp; do
		opens "open_$kind" ::1 "$port" true
		cuts "open_$kind" ::1 "$port" cgg-rule add ingress proto "$kind" port "$port"
		yes cgg-events -w 0
		matches "^\[DENY ingress\] .* daddr=::1 dport=$port proto="
	done
}

@test 'a cgroup below and a network namespace do not get around a rule' {
	new_cgroup below "$web"
	rule ingress proto udp
	limit=0.3 run inside "$below" attempt udp ::1 "$port"
	says ETIMEDOUT
	sends ETIMEDOUT big 127.0.0.1 7777
}

@test 'a socket belongs to the cgroup it was made in: one from before joining is not seen' {
	new_cgroup free
	yes cgg-detach "$web"
	yes cgg-attach "$free"
	rule ingress proto udp
	limit=0.3 run outside attempt made_before ::1 "$port" "$free"
	says ok
	reports_nothing
	limit=0.3 run outside attempt made_after ::1 "$port" "$free"
	says ETIMEDOUT
	yes cgg-events -w 0
	matches "^\[DENY ingress\] .* cgroup=$(shown "$free") .* sport=$port "
}

@test 'a socket that is passed in from outside is not seen; one passed out still is' {
	new_cgroup free
	new_cgroup other
	yes cgg-detach "$web"
	yes cgg-attach "$free"
	rule ingress proto udp
	limit=0.3 run outside attempt passed ::1 "$port" "$other" "$free"
	says ok
	reports_nothing
	limit=0.3 run outside attempt passed ::1 "$port" "$free" "$other"
	says ETIMEDOUT
	yes cgg-events -w 0
	matches "^\[DENY ingress\] .* cgroup=$(shown "$free") .* sport=$port "
}

@test 'a rule about a set denies packets from its addresses' {
	cgg-set add s ::1 192.0.2.1
	rule ingress ip @s proto udp
	hears ETIMEDOUT udp ::1 "$port"
	cgg-set delete s ::1
	hears ok udp ::1 "$port"
}
