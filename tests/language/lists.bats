#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# lists - a rule with lists of nets, ports and protocols is one rule
#
# Each test has the cgroup $web, attached to the policy default.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

# octets FROM COUNT: print so many addresses, joined by commas
octets()
{
	seq "$1" $(($1 + $2 - 1)) | awk '{ printf "%s10.%d.%d.%d", (NR > 1 ? "," : ""), $1 / 65536, $1 / 256 % 256, $1 % 256 }'
}

# knock DENIED ATTEMPT...: make an attempt inside, which is denied (1) or not (0)
knock()
{
	run inside "$web" attempt "${@:2}"
	if [ "$1" = 1 ]; then
		[[ $output == *EPERM* ]]
	else
		[[ $output != *EPERM* ]]
	fi
}

# verdict WORDS: what the kernel decides
verdict()
{
	run cgg-rule test "$@"
	echo "${output%%$'\t'*}"
}

@test 'each element of a list is denied, and counts for the one rule' {
	rule proto tcp,udp ip 127.0.0.2,127.0.0.5-127.0.0.9 port 9,"$port",7000-7010
	knock 1 tcp 127.0.0.2 "$port"
	knock 1 tcp 127.0.0.7 9
	knock 1 tcp 127.0.0.9 7010
	[ "$(verdict sendmsg ip 127.0.0.5 port 7000)" = deny ]
	knock 0 tcp 127.0.0.3 "$port"
	knock 0 tcp 127.0.0.2 7011
	yes cgg-rule list -s
	matches $'^[0-9]+\t3\t0\tdeny connect,sendmsg proto tcp,udp ip 127.0.0.2,127.0.0.5-127.0.0.9 port 9,'
	[ "$(cgg-rule list | wc -l)" -eq 1 ]
}

@test 'a rule with lists is deleted by its elements in any order, and by its id' {
	for name in '' 'name many'; do
		# shellcheck disable=SC2086 # name is two words or none
		rule egress proto udp,tcp ip 10.0.0.0/8,local,192.0.2.7 port 443,80 $name
		# shellcheck disable=SC2086
		yes cgg-rule delete egress port 80,443 ip 192.0.2.7,local,10.0.0.0/8 proto tcp,udp $name
		[ "$(cgg-rule list)" = '# allow everything' ]
	done
	yes cgg-rule add -i ip private,192.0.2.0/24
	yes cgg-rule delete "$output"
	[ "$(cgg-rule list)" = '# allow everything' ]
}

@test 'a list has sets among its elements, and is one rule with one counter' {
	yes cgg-set add office 192.0.2.0/24
	yes cgg-set add more 127.0.0.3
	for rest in 0 80; do # in the image, and in an index
		seq 1 "$rest" | sed 's/^/deny bind port /' >"$BATS_TEST_TMPDIR/rules"
		echo 'deny connect ip 127.0.0.2,@more,link-local,@office,@more' >>"$BATS_TEST_TMPDIR/rules"
		yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
		knock 1 tcp 127.0.0.2 "$port"
		knock 1 tcp 127.0.0.3 "$port"
		knock 0 tcp 127.0.0.4 "$port"
		[ "$(verdict connect ip 192.0.2.9 port 1)" = deny ]
		[ "$(verdict connect ip 169.254.1.1 port 1)" = deny ]
		[ "$(verdict connect ip 192.0.3.9 port 1)" = allow ]
		yes cgg-set add more 127.0.0.4
		knock 1 tcp 127.0.0.4 "$port"
		yes cgg-set delete more 127.0.0.4
		knock 0 tcp 127.0.0.4 "$port"
		yes cgg-rule list -s
		matches $'^[0-9]+\t3\t0\tdeny connect ip link-local,@more,@office,127.0.0.2$'
		no cgg-set drop more
		cgg-rule list >"$BATS_TEST_TMPDIR/list"
		yes cgg-rule restore "$BATS_TEST_TMPDIR/list"
		cgg-rule list | cmp - "$BATS_TEST_TMPDIR/list"
		yes cgg-rule delete connect ip @office,127.0.0.2,@more,link-local
		knock 0 tcp 127.0.0.3 "$port"
		yes cgg-set drop more
		yes cgg-set add more 127.0.0.3
	done
}

@test 'a list with a set that is not there, or of names, is refused' {
	run cgg-rule add ip 192.0.2.1,@none
	[ "$status" -eq 2 ]
	says 'cgg-rule: @none: there is no such set; make it first: cgg-set add none ELEMENT, or cgg-set restore none FILE'
	yes cgg-set add names example.com
	run cgg-rule add ip 192.0.2.1,@names
	[ "$status" -eq 2 ]
	[[ $output == *'it is a set of names'* ]]
	run cgg-rule add ip 192.0.2.1,@
	[ "$status" -eq 2 ]
	[ "$(cgg-rule list)" = '# allow everything' ]
}

@test 'a list of ten thousand addresses is one rule, and is read back' {
	echo "deny connect ip $(octets 0 10000) name many" >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	[ "$(cgg-rule list | wc -l)" -eq 1 ]
	cgg-rule list >"$BATS_TEST_TMPDIR/list"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/list"
	cgg-rule list | cmp - "$BATS_TEST_TMPDIR/list"
	[ "$(verdict connect ip 10.0.39.15 port 1)" = deny ]
	[ "$(verdict connect ip 10.0.39.16 port 1)" = allow ]
	yes cgg-rule add allow connect ip 192.0.2.1
	yes cgg-rule delete name many
	[ "$(verdict connect ip 10.0.39.15 port 1)" = allow ]
}

@test 'a rule that a list of another rule hides decides when that rule is deleted' {
	for rest in 0 80; do # in the image, and in an index
		(echo 'default bind allow' && seq 1 "$rest" | sed 's/^/deny connect ip 192.0.2.1 port /') |
			cgg-rule restore
		yes cgg-rule add -i allow connect ip 10.0.0.0/8,10.0.0.9 port 1-10,5,20
		first=$output
		rule connect ip 10.0.0.9 port 5
		[ "$(verdict connect ip 10.0.0.9 port 5)" = allow ]
		yes cgg-rule delete "$first"
		[ "$(verdict connect ip 10.0.0.9 port 5)" = deny ]
	done
}

@test 'too many combinations are refused, and nothing changes' {
	rule port 1
	before=$(cgg-rule list -i)
	echo "deny ip $(octets 0 10000 | sed 's/,/,192.0.2.1,/') port $(seq -s, 1 2 200)" >"$BATS_TEST_TMPDIR/rules"
	run cgg-rule add -f "$BATS_TEST_TMPDIR/rules"
	status_is 2
	[[ $output == *'the lists have '*' combinations, and a rule at most 262144; write several rules' ]]
	[ "$(cgg-rule list -i)" = "$before" ]
}

@test 'test takes one operation, not a list' {
	run cgg-rule test connect ip 10.0.0.1,10.0.0.2 port 1
	[ "$status" -eq 2 ]
	run cgg-rule test connect ip private port 1
	[ "$status" -eq 2 ]
	run cgg-rule test connect ip 10.0.0.1 port 1,2
	[ "$status" -eq 2 ]
	run cgg-rule test connect proto tcp,udp ip 10.0.0.1 port 1
	[ "$status" -eq 2 ]
}

@test 'words for nets judge the forms of an address alike' {
	yes cgg-rule restore - <<-'END'
		default connect deny
		deny connect ip metadata
		allow connect ip global,private
	END
	for address in 8.8.8.8 64:ff9b::8.8.8.8 2606:4700::1 10.1.2.3 ::ffff:10.1.2.3 fd00::1 2002:a01:203::1; do
		[ "$(verdict connect ip "$address" port 1)" = allow ] || { echo "$address" && false; }
	done
	for address in 169.254.169.254 ::ffff:169.254.169.254 64:ff9b::169.254.169.254 fd00:ec2::254 \
		169.254.1.1 fe80::1 127.0.0.1 192.0.2.1 2001:db8::1 64:ff9b::127.0.0.1 2002:7f00:1::1; do
		[ "$(verdict connect ip "$address" port 1)" = deny ] || { echo "$address" && false; }
	done
}
