#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# own_side - source port, interface and own address of packets, and attempts to hide them
#
# A server listens outside the cgroup $web, on $port. packets.bash explains the words.
# shellcheck disable=SC2154 # helpers set web, port, packets
# shellcheck disable=SC2030,SC2031 # run sets output and status

load packets

# fill: eighty rules that match nothing here, so that the policy has an index
fill()
{
	seq 60001 60080 | sed 's/.*/deny egress,ingress sport & self 192.0.2.0\/24/' | cgg-rule add -f -
}

# from ADDR PORT [RESULT]: send from there, within $web
from()
{
	limit=0.5 run inside "$web" attempt udp_at "$1" "$2" "$port"
	says "${3-ok}"
}

@test 'sport and self are those of this end for egress, in the image and in an index' {
	for rules in true fill; do
		"$rules"
		rule egress proto udp sport 17001-17003,17005
		for sport in 17001 17003 17005; do
			from 127.0.0.1 "$sport" EPERM
		done
		from 127.0.0.1 17004
		from ::1 17002 EPERM
		rule egress self 127.0.0.2
		from 127.0.0.2 17006 EPERM
		from 127.0.0.3 17006
		rule egress self ::/0
		from ::1 17006 EPERM
		from 127.0.0.3 17006
		yes cgg-rule flush
	done
}

@test 'for ingress sport is that of the other end, and self the address that the packet is for' {
	rule ingress sport "$port" self 127.0.0.2
	from 127.0.0.2 17006 ETIMEDOUT
	from 127.0.0.3 17006
}

@test 'iface is the interface of the packet, in the image and in an index' {
	for rules in true fill; do
		"$rules"
		rule egress iface lo
		cuts EPERM udp 127.0.0.1 "$port"
		cuts EPERM udp ::1 "$port"
		sends EPERM fragment
		sends ok leaves 127.0.0.1
		yes cgg-rule flush
	done
}

@test 'an allow rule with sport, iface or self lets through only what it names' {
	cgg-rule restore - <<-END
		default egress deny
		allow egress sport 17001 self 127.0.0.1 iface lo
	END
	from 127.0.0.1 17001
	from 127.0.0.1 17002 EPERM
	from 127.0.0.2 17001 EPERM
	sends EPERM leaves 127.0.0.1
}

@test 'a packet that hides its source port meets deny rules about it, and no allow rule' {
	rule egress proto udp sport 1
	sends EPERM fragment
	sends EPERM fragment_short
	cgg-rule restore - <<-END
		default egress deny
		allow egress sport 0-65534
	END
	sends EPERM fragment
	sends EPERM truncated
}

@test 'a source route does not hide the own address from a deny rule, and meets no allow rule' {
	rule egress self 192.0.2.1
	sends EPERM options4 127.0.0.1 route
	sends ok options4 127.0.0.1 record
	cgg-rule restore - <<-END
		default egress deny
		allow egress self 127.0.0.1
	END
	sends EPERM options4 127.0.0.1 route
	sends ok options4 127.0.0.1 record
}

@test 'iface is looked up where the command runs, and stays with an interface that is renamed' {
	local name=$CGG_RUN-i there

	ip netns add "$name"
	there=(nsenter "--net=/run/netns/$name")
	"${there[@]}" ip link add cgg0 type veth peer name cgg1
	run cgg-rule add egress iface cgg0
	status_is 2
	says 'cgg-rule: iface cgg0: no such interface'
	yes "${there[@]}" cgg-rule add egress iface cgg0
	"${there[@]}" ip link set cgg0 name cgg9
	yes cgg-rule list
	says 'deny egress iface cgg0'
	no "${there[@]}" cgg-rule test egress ip 192.0.2.1 port 1 iface cgg9
	yes "${there[@]}" cgg-rule test egress ip 192.0.2.1 port 1 iface cgg1
	"${there[@]}" ip link del cgg9
	"${there[@]}" ip link add cgg9 type veth peer name cgg1
	yes "${there[@]}" cgg-rule test egress ip 192.0.2.1 port 1 iface cgg9
	ip netns del "$name"
}

@test 'test asks about one packet' {
	for words in 'sport 1-2' 'sport 1,2'; do
		# shellcheck disable=SC2086 # words
		run cgg-rule test egress ip 192.0.2.1 port 1 $words
		status_is 2
		says 'cgg-rule: test: exactly one source port is needed (sport N)'
	done
	run cgg-rule test egress ip 192.0.2.1 port 1 self 10.0.0.0/8
	status_is 2
	says 'cgg-rule: test: exactly one own address is needed (self ADDR)'
}

@test 'ten thousand source ports, or own addresses, are ten thousand rules, and each decides' {
	seq 1 10000 | sed 's/^/deny egress sport /' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	from 127.0.0.1 10000 EPERM
	from 127.0.0.1 10001
	for n in {0..9999}; do
		echo "deny egress self 127.$((n / 200)).$((n % 200)).1"
	done | sed 1,2d >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	from 127.49.199.1 17001 EPERM
	from 127.1.7.1 17001 EPERM
	from 127.60.0.1 17001
}
