#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# share - what is installed beside the commands: example policies, units, and their scripts
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set gpu, other, world and output
# shellcheck disable=SC2030,SC2031 # each test has its own

load helpers

root=${tests_dir%/*}

# The example policies, by name; the group's cgroup is one that there is.
examples()
{
	local file

	mkdir -p "$BATS_TEST_TMPDIR/policies"
	for file in "$root"/share/policies/*; do
		sed "s|/gpu.slice|$1|" "$file" >"$BATS_TEST_TMPDIR/policies/${file##*/}"
	done
}

@test 'every example policy loads, is what it says, and decides as its words promise' {
	new_cgroup gpu
	new_cgroup web
	gpu=$(shown "$gpu") web=$(shown "$web")
	examples "$gpu"
	cgg-load
	yes "$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/policies"
	says ''
	cgg-rule policies | grep -vx default | sort >"$BATS_TEST_TMPDIR/loaded"
	diff "$BATS_TEST_TMPDIR/loaded" <(basename -s .policy "$root"/share/policies/* | sort)
	asked=
	while read -r policy verdict words; do
		# shellcheck disable=SC2086 # they are words
		run cgg-rule -p "$policy" test ${words//GPU/$gpu}
		[[ $output == "$verdict"* ]] || { echo "$policy: $words: $output" && false; }
		asked+=$policy$'\n'
	done <<'END'
web-server allow bind proto tcp ip 0.0.0.0 port 443
web-server allow bind proto tcp ip :: port 80
web-server deny bind proto tcp ip :: port 8443
web-server deny bind proto udp ip 0.0.0.0 port 443
web-server allow connect ip 127.0.0.1 port 8080
web-server allow connect proto udp ip 127.0.0.53 port 53
web-server deny connect ip 127.0.0.1 port 5432
web-server deny connect ip 192.0.2.1 port 443
web-server deny sendmsg ip 192.0.2.1 port 53
web-server deny socket family inet type raw proto icmp
web-server allow socket family inet type stream proto tcp
database-client allow connect ip 192.0.2.10 port 5432
database-client deny connect ip 192.0.2.10 port 22
database-client deny connect ip 192.0.2.11 port 5432
database-client allow sendmsg ip 127.0.0.53 port 53
build-sandbox deny connect ip 192.0.2.1 port 443
build-sandbox deny connect ip 2001:db8::1 port 443
build-sandbox deny sendmsg ip 192.0.2.1 port 53
build-sandbox deny egress proto tcp ip 192.0.2.1 port 443
build-sandbox deny ingress proto tcp ip 192.0.2.1 port 443
build-sandbox allow connect ip ::1 port 8000
build-sandbox allow egress proto tcp ip 127.0.0.1 port 8000
build-sandbox allow device c 1:3 w
build-sandbox allow device c 136:7 r
build-sandbox deny device b 8:0 r
build-sandbox deny device c 1:9 w
build-sandbox deny device c 1:3 m
build-sandbox deny socket family inet6 type raw proto icmpv6
no-lan deny connect ip 10.1.2.3 port 80
no-lan deny sendmsg ip 192.168.0.1 port 53
no-lan deny egress proto tcp ip 172.31.0.1 port 443
no-lan deny connect ip 169.254.169.254 port 80
no-lan deny connect ip fd00::1 port 80
no-lan deny connect ip fe80::1 port 80
no-lan allow connect ip 172.32.0.1 port 80
no-lan allow connect ip 127.0.0.53 port 53
no-lan allow connect ip 192.0.2.1 port 80
internet-only allow sendmsg ip 192.0.2.53 port 53
internet-only allow connect ip 192.0.2.1 port 443
internet-only allow connect ip 2001:db8::1 port 443
internet-only deny connect ip 127.0.0.1 port 443
internet-only deny connect ip ::1 port 443
internet-only deny connect ip 100.64.0.1 port 443
internet-only deny sendmsg ip 224.0.0.251 port 5353
internet-only deny sendmsg ip 255.255.255.255 port 67
internet-only deny sendmsg ip ff02::fb port 5353
internet-only deny connect ip 64:ff9b::a00:1 port 443
internet-only deny connect ip 10.0.0.1 port 443
no-raw deny socket family inet type raw proto icmp
no-raw allow socket family inet type dgram proto udp
gpu-group deny device c 226:128 r
gpu-group deny device c 195:0 w
gpu-group allow device c 226:128 r cgroup GPU
gpu-group allow device c 1:3 r
END
	same=$(sort -u <<<"$asked" | grep .)
	diff "$BATS_TEST_TMPDIR/loaded" <(echo "$same")
}

@test 'a group has its devices, and those beside it do not' {
	new_cgroup above
	new_cgroup gpu "$above"
	new_cgroup other "$above"
	cgg-load
	# a device that is here in place of a card
	sed "s|/gpu.slice|$(shown "$gpu")|; s/195:\*/1:5/; s/226:\*/1:9/" \
		"$root/share/policies/gpu-group.policy" | cgg-rule -p gpu restore
	cgg-attach -p gpu "$above"
	yes inside "$gpu" head -c 1 /dev/zero
	yes inside "$gpu" head -c 1 /dev/urandom
	no inside "$other" head -c 1 /dev/zero
	no inside "$above" head -c 1 /dev/urandom
}

@test 'cgguard-restore: a file that is wrong leaves its policy, and the others are restored' {
	mkdir "$BATS_TEST_TMPDIR/etc"
	cd "$BATS_TEST_TMPDIR/etc"
	cgg-load
	cgg-rule -p broken add port 1
	echo 'deny port 2' >a.policy
	echo 'deny prot 2' >broken.policy
	echo 'deny port 3' >z.policy
	printf 'rules:\n  - match: {dest_port: 4}\n    action: deny\n' >y.yaml
	run "$root/share/libexec/cgguard-restore" .
	status_is 3
	matches 'broken.policy:1: prot: '
	for pair in a:2 broken:1 y:4 z:3; do
		yes cgg-rule -p "${pair%:*}" list
		says "deny connect,sendmsg port ${pair#*:}"
	done
	yes "$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/nosuch"
}

# installed PREFIX: make install there
installed()
{
	yes make -s -C "$root" BUILD="$BUILD" PREFIX="$1" install
}

@test 'systemd finds no fault in the units' {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	prefix=$BATS_TEST_TMPDIR/usr units=$BATS_TEST_TMPDIR/units
	installed "$prefix"
	mkdir -p "$units/web.service.d"
	printf '[Service]\nExecStartPre=/bin/true\nExecStart=/bin/sleep 9\n' >"$units/web.service"
	cp "$prefix/share/cgguard/guarded.conf" "$units/web.service.d"
	export SYSTEMD_UNIT_PATH=$units:$prefix/lib/systemd/system:/lib/systemd/system
	yes systemd-analyze verify --man=no cgguard.service cgguard@web.service web.service
	says ''
	# and it does find faults
	sed -i 's/^ExecStart=/ExecStrat=/' "$units/web.service"
	run systemd-analyze verify --man=no web.service
	[ -n "$output" ]
}
