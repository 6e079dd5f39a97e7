#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ingress - the hook ingress: what it takes, what it does, and the ways around it
#
# It is asked for each packet of IPv4 and IPv6 that comes to a socket of the cgroup;
# a denied one is lost. The server of these tests is made inside of the cgroup $web:
# $port is its port. packets.bash has the words; opens and cuts are for what comes
# in from outside of $web, and hears says how attempts from inside end.
# shellcheck disable=SC2154 # helpers set web, port, packets
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # reports reads id and verdict

load packets

setup()
{
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
	[[ $output != skip:* ]] || skip "$*: ${output#skip: }"
	says ok
}

# cuts ATTEMPT...: no answer
cuts()
{
	limit=0.3 run outside attempt "$@"
	[[ $output != skip:* ]] || skip "$*: ${output#skip: }"
	says ETIMEDOUT
}

# hears RESULT ATTEMPT...: from inside
hears()
{
	local result=$1

	shift
	limit=0.3 run inside "$web" attempt "$@"
	[[ $output != skip:* ]] || skip "$*: ${output#skip: }"
	says "$result"
}

# ---- what it takes ----

@test 'supported: proto, ip, port, cgroup, name, comment, and every verdict' {
	yes cgg-rule add -f - <<END
deny ingress
allow ingress proto tcp ip 10.0.0.0/8 port 443 name db comment "the one"
alert ingress ip local port 0-65535
deny ingress cgroup $(shown "$web")
END
	yes cgg-rule list
	says "deny ingress
allow ingress proto tcp ip 10.0.0.0/8 port 443 name db comment \"the one\"
alert ingress ip local port 0-65535
deny ingress cgroup $(shown "$web")"
}

@test 'not supported: operands, access letters, family, type, errno' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add ingress $words
		status_is 2
		matches ': not a match or an option$'
	done
	for words in 'family inet' 'type raw' 'errno EACCES'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add ingress $words
		status_is 2
		says "cgg-rule: ${words% *}: ingress does not take it"
	done
	yes cgg-rule list
	says '# allow everything'
}

# ---- verdicts, order, defaults, mode ----

@test 'alert lets through, and reports' {
	rule alert ingress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=ALERT reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'an event says where from, and how long the packet is' {
	rule alert ingress port "$port"
	opens udp ::1 "$port"
	yes cgg-events -w 0
	matches ' daddr=::1 .* saddr=::1 sport=[1-9][0-9]+ len=54$'
	opens udp 127.0.0.2 "$port"
	yes cgg-events -w 0
	matches ' daddr=127.0.0.2 .* saddr=127.0.0.1 sport=[1-9][0-9]+ len=34$'
}

@test 'allow before deny is an exception' {
	rule allow ingress proto tcp
	rule ingress port "$port"
	opens tcp 127.0.0.1 "$port"
	reports_nothing
	cuts udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'the default is allow, until it is changed' {
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

@test 'audit mode lets through, and says what it would refuse' {
	yes cgg-rule mode audit
	rule ingress port "$port"
	opens udp 127.0.0.1 "$port"
	verdict=AUDIT reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	yes cgg-rule mode enforce
	cuts udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
}

@test 'allow counts packets and bytes' {
	rule allow ingress port "$port"
	opens udp 127.0.0.1 "$port"
	opens udp ::1 "$port"
	yes cgg-rule list -s
	says "$id	2	88	allow ingress port $port"
	reports_nothing
}

# ---- matches ----

@test 'ip: the other end, which is the source' {
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

@test 'ip local: 127.0.0.0/8 and ::1' {
	rule ingress ip local
	cuts udp 127.1.2.3 "$port"
	cuts udp ::1 "$port"
	hears ETIMEDOUT icmp ::1
}

@test 'port: the destination; an answer has the port of who asked' {
	rule ingress port "1-$((port - 1))"
	rule ingress port "$((port + 1))-65535"
	opens udp ::1 "$port"
	reports_nothing
	hears ETIMEDOUT udp ::1 "$port"
	yes cgg-events -w 0
	matches "^\[DENY ingress\] .* daddr=::1 .* saddr=::1 sport=$port "
}

@test 'proto: TCP, and nothing else' {
	rule ingress proto tcp port "$port"
	cuts tcp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=6
	cuts tcp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=6
	opens udp 127.0.0.1 "$port"
	reports_nothing
}

@test 'proto: UDP-Lite' {
	hears ok udplite ::1
	rule ingress proto 136
	hears ETIMEDOUT udplite ::1
	yes cgg-events -w 0
	matches '^\[DENY ingress\] .* daddr=::1 dport=[1-9][0-9]+ proto=136 '
}

@test 'proto: SCTP' {
	hears ok sctp 127.0.0.1
	rule ingress proto sctp
	hears ETIMEDOUT sctp 127.0.0.1
	yes cgg-events -w 0
	matches '^\[DENY ingress\] .* proto=132 '
}

@test 'proto: ICMP to a raw socket, in either family' {
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

@test 'cgroup: the one below, and not the rest' {
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

# ---- packets that are made by hand, or have more headers ----

@test 'a raw socket that writes the header itself' {
	opens raw_udp 127.0.0.1 "$port"
	opens raw_udp ::1 "$port"
	rule ingress proto udp port "$port"
	cuts raw_udp 127.0.0.1 "$port"
	reports ingress daddr=127.0.0.1 "dport=$port" proto=17
	cuts raw_udp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'what comes by AF_PACKET is seen where it arrives' {
	opens packet_udp ::1 "$port"
	rule ingress proto udp port "$port"
	cuts packet_udp ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'options of IPv6 hide no port' {
	opens udp_dstopts ::1 "$port"
	opens udp_hopopts ::1 "$port"
	rule ingress proto udp port "$port"
	cuts udp_dstopts ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
	cuts udp_hopopts ::1 "$port"
	reports ingress daddr=::1 "dport=$port" proto=17
}

@test 'up to 16 extension headers hide no port; more hide the protocol' {
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

@test 'fragments are judged when they are one datagram again' {
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

# ---- ways around ----

@test 'an open connection is cut at the next packet' {
	for kind in tcp udp; do
		opens "open_$kind" ::1 "$port" true
		cuts "open_$kind" ::1 "$port" cgg-rule add ingress proto "$kind" port "$port"
		yes cgg-events -w 0
		matches "^\[DENY ingress\] .* daddr=::1 dport=$port proto="
	done
}

@test 'a cgroup below, a network namespace' {
	new_cgroup below "$web"
	rule ingress proto udp
	limit=0.3 run inside "$below" attempt udp ::1 "$port"
	says ETIMEDOUT
	sends ETIMEDOUT big 127.0.0.1 7777
}

@test 'the cgroup of a socket is the one it was made in: one made before joining is not seen' {
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

@test 'a socket from outside, passed in, is not seen; one from inside, passed out, is' {
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
