#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# set - cgg-set: elements, lists, expiry, and rules that use sets
# shellcheck disable=SC2016,SC2030,SC2031 # lists have $; run sets output and status

load ../helpers

setup_file()
{
	cgg-load
}

teardown_file()
{
	clean_up
}

teardown()
{
	empty_guard
}

# decides VERDICT OPERATION...: what cgg-rule test says
decides()
{
	local verdict=$1

	shift
	run cgg-rule test "$@"
	[[ $output == "$verdict"$'\t'* ]] || complain "must be $verdict"
}

@test 'test refuses an address in a set of names, and a name in a set of addresses' {
	yes cgg-set add hosts a.example
	yes cgg-set add nets 10.0.0.0/8
	run cgg-set test hosts 10.0.0.1
	status_is 2
	says 'cgg-set: 10.0.0.1: not a name; set hosts holds names'
	run cgg-set test nets a.example
	status_is 2
	says 'cgg-set: a.example: not an address; set nets holds addresses'
}

@test 'add warns of an element that is a word for nets in rules' {
	yes cgg-set add hosts private
	says 'cgg-set: warning: private: is taken as a DNS name; in a rule, ip private means those addresses'
	[ "$(cgg-set list hosts)" = private ]
}

@test 'the first element makes a set, and list prints it sorted as restore reads it' {
	yes cgg-set add bad 192.0.2.7 10.0.0.0/8 2001:db8::/32 ::ffff:192.0.2.8 192.0.2.0
	says ''
	yes cgg-set list bad
	says '10.0.0.0/8
192.0.2.0
192.0.2.7
192.0.2.8
2001:db8::/32'
	yes cgg-set restore other <<<"$output"
	yes cgg-set list other
	says "$(cgg-set list bad)"
	yes cgg-set list
	says 'bad
other'
	yes cgg-set list -s
	matches '^bad	addresses	5	[0-9]+$'
	yes cgg-set list -j
	[ "$(jq -c 'map([.name, .kind, .count])' <<<"$output")" = '[["bad","addresses",5],["other","addresses",5]]' ]
	yes cgg-set list -j bad
	[ "$(jq -r '.elements[0].element' <<<"$output")" = 10.0.0.0/8 ]
}

@test 'a range becomes the nets that it consists of' {
	yes cgg-set add r 192.0.2.5-192.0.2.16 ::1-::1 0.0.0.0-255.255.255.255 2001:db8::-2001:db8::ffff
	yes cgg-set list r
	says '::1
0.0.0.0/0
192.0.2.5
192.0.2.6/31
192.0.2.8/29
192.0.2.16
2001:db8::/112'
	yes cgg-set add all ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	yes cgg-set list all
	says '::/1
8000::/1'
	yes cgg-set test all 2001:db8::1
	no cgg-set test all 192.0.2.1
}

@test 'wrong words are refused with status 2 and change nothing' {
	cgg-set add bad 192.0.2.1
	set -f
	for words in '' 'grow bad' 'add' 'add bad' 'add -bad 192.0.2.1' 'add bad 10.0.0.1/8' \
		'add bad 192.0.2.1/33' 'add bad 192.0.2.9-192.0.2.1' 'add bad ::1-192.0.2.1' \
		'add bad 192.0.2.1-192.0.2.0/24' 'add bad 010.0.0.1' 'add bad 10.0.0.01-10.0.0.2' \
		'add bad 192.0.2.2 ttl' 'add bad 192.0.2.2 ttl 5x' 'add bad 192.0.2.2 ttl 1h a.example' \
		'add bad local' 'add bad a.example' 'add fresh a.example 192.0.2.1' 'delete bad' \
		'delete bad 192.0.2.1 ttl 1h' 'restore' 'restore bad a b' 'restore bad /nowhere' \
		'list -s -j' 'list -n' 'list bad bad' 'test bad' 'test bad 192.0.2.0/24' 'test bad local' \
		'drop' 'drop bad bad' '-n list' "add $(printf 'x%.0s' {1..32}) 192.0.2.1" \
		'add names *' 'add names a..b' 'add names 300.1.2.3'; do
		# shellcheck disable=SC2086 # words
		run cgg-set $words </dev/null
		status_is 2
	done
	set +f
	yes cgg-set list
	says bad
	yes cgg-set list bad
	says 192.0.2.1
}

@test 'a set or an element that is not there is status 1, and no element is deleted then' {
	cgg-set add bad 192.0.2.1 192.0.2.2 10.0.0.0/8
	for words in 'list none' 'test none 192.0.2.1' 'drop none' 'delete none 192.0.2.1' \
		'delete bad 192.0.2.1 192.0.2.3' 'delete bad 10.0.0.1' 'test bad 192.0.2.9'; do
		# shellcheck disable=SC2086 # words
		run cgg-set $words
		status_is 1
	done
	yes cgg-set list bad
	says '10.0.0.0/8
192.0.2.1
192.0.2.2'
	yes cgg-set delete bad 192.0.2.1 10.0.0.0/8
	yes cgg-set list bad
	says 192.0.2.2
	yes cgg-set delete bad 192.0.2.2
	yes cgg-set list bad
	says '# empty set of addresses'
	yes cgg-set restore bad <<<"$output"
}

@test 'a rule follows its set at once, in an image and in an index' {
	local more

	for more in 0 100; do
		cgg-rule flush
		yes cgg-set restore s <<<192.0.2.1
		for ((i = 1; i <= more; i++)); do
			cgg-rule add deny connect ip "203.0.113.$i" port 9
		done
		yes cgg-rule add -f - <<-'END'
			allow connect ip @s port 443
			deny connect ip @s
			allow egress ip @s proto tcp
			deny egress,ingress ip @s
		END
		decides allow connect ip 192.0.2.1 port 443
		decides deny connect ip 192.0.2.1 port 80
		decides allow connect ip 192.0.2.2 port 80
		decides allow egress ip 192.0.2.1 proto tcp port 1
		decides deny egress ip 192.0.2.1 proto udp port 1
		decides deny ingress ip 192.0.2.1 proto udp
		decides deny egress
		cgg-set add s 192.0.2.2 2001:db8::/64 198.51.100.0/25
		decides deny connect ip 192.0.2.2 port 80
		decides deny connect ip 2001:db8::77 port 80
		decides allow connect ip 2001:db8:0:1::77 port 80
		decides deny connect ip 198.51.100.127 port 80
		decides allow connect ip 198.51.100.128 port 80
		cgg-set delete s 192.0.2.1
		decides allow connect ip 192.0.2.1 port 80
		yes cgg-set restore s <<<198.51.100.128/25
		decides allow connect ip 192.0.2.2 port 80
		decides deny connect ip 198.51.100.128 port 80
		decides allow connect ip 198.51.100.128 port 443
	done
}

@test 'the first rule decides also between sets, nets and all else' {
	cgg-set add a 192.0.2.0/24
	cgg-set add b 192.0.2.7
	yes cgg-rule restore <<-'END'
		allow connect ip 192.0.2.1
		deny connect ip @b port 80
		allow connect ip @a port 1-100
		deny connect port 80
		deny connect ip @a
	END
	decides allow connect ip 192.0.2.1 port 200
	decides deny connect ip 192.0.2.7 port 80
	decides allow connect ip 192.0.2.7 port 81
	decides allow connect ip 192.0.2.8 port 80
	decides deny connect ip 192.0.2.8 port 101
	decides deny connect ip 198.51.100.1 port 80
	decides allow connect ip 198.51.100.1 port 101
}

@test 'a rule needs its set, of its kind, and a set that a policy uses stays' {
	cgg-set add bad 192.0.2.1
	cgg-set add ads ads.example
	no cgg-rule add ip @none
	status_is 2
	matches 'cgg-set add none'
	no cgg-rule add connect host @bad
	status_is 2
	matches 'write ip$'
	no cgg-rule add ip @ads
	status_is 2
	no cgg-rule add dns @bad
	status_is 2
	no cgg-rule add -f - <<<$'connect ip @bad\nconnect host @bad'
	status_is 2
	yes cgg-rule list
	says '# allow everything'
	yes cgg-rule -p web add ip @bad
	no cgg-set drop bad
	status_is 1
	matches 'policy web uses it'
	yes cgg-rule -p web delete ip @bad
	yes cgg-set drop bad
	yes cgg-set list
	says ads
}

@test 'a set in an index can be dropped when its rules are deleted' {
	cgg-set add bad 192.0.2.1
	for i in {1..100}; do
		echo "deny connect ip 203.0.113.$i port 9"
	done | cgg-rule add -f -
	yes cgg-rule insert first ip @bad
	for i in {1..100}; do
		echo "allow connect ip 198.51.100.$i port 9"
	done | cgg-rule add -f -
	no cgg-set drop bad
	yes cgg-rule delete ip @bad
	yes cgg-set drop bad
	cgg-set add other 192.0.2.1
	decides allow connect ip 192.0.2.1 port 9
}

@test 'a restore that waits for confirm keeps the sets of the rules before' {
	cgg-set add bad 192.0.2.1
	cgg-rule add ip @bad
	yes cgg-rule restore --confirm 60 <<<'deny port 9'
	no cgg-set drop bad
	yes cgg-rule confirm
	yes cgg-set drop bad
}

@test 'a policy uses at most 64 sets' {
	for i in {1..65}; do
		cgg-set add "s$i" "192.0.2.$i"
	done
	for i in {1..64}; do
		echo "deny connect ip @s$i port $i"
	done | cgg-rule add -f -
	no cgg-rule add ip @s65
	matches 'at most 64 sets'
	for i in 1 33 64; do
		decides deny connect ip "192.0.2.$i" port "$i"
		decides allow connect ip "192.0.2.$i" port 65
	done
	yes cgg-rule delete connect ip @s7 port 7
	yes cgg-rule add connect ip @s65 port 65
	decides deny connect ip 192.0.2.65 port 65
	decides deny connect ip 192.0.2.64 port 64
	decides allow connect ip 192.0.2.7 port 7
	yes cgg-set drop s7
}

@test 'an element expires, and to add it again lets it stay longer' {
	cgg-rule flush
	cgg-set add s 192.0.2.3
	cgg-rule add ip @s
	decides_for() { yes cgg-set add s 192.0.2.1 ttl "$1s" && decides deny connect ip 192.0.2.1 port 1; }
	in_time decides_for
	yes cgg-set add s 192.0.2.2 ttl 1000s
	yes cgg-set list s
	matches '^192.0.2.2 ttl (1000|9[0-9][0-9])s$'
	gone() { ! cgg-set test s 192.0.2.1; }
	wait_for gone
	decides allow connect ip 192.0.2.1 port 1
	decides deny connect ip 192.0.2.2 port 1
	no cgg-set delete s 192.0.2.1
	yes cgg-set add s 192.0.2.1
	decides deny connect ip 192.0.2.1 port 1
	yes cgg-set add s 192.0.2.2 192.0.2.3 ttl 1h
	yes cgg-set list s
	says '192.0.2.1
192.0.2.2
192.0.2.3'
	yes cgg-set add s 192.0.2.2 ttl 1s
	yes cgg-set list -s s
	matches '	3	'
}

@test 'lists as they are published are read, in all their forms' {
	yes cgg-set restore a <<-'END'
		# comment
		; Spamhaus
		192.0.2.0/24 ; SBL1
		198.51.100.1-198.51.100.2	# two

		2001:db8::/32 ttl 1d
	END
	yes cgg-set list a
	says '192.0.2.0/24
198.51.100.1
198.51.100.2
2001:db8::/32 ttl 86400s'
	yes cgg-set restore n <<-'END'
		! adblock
		[Adblock Plus]
		||ads.example^
		0.0.0.0 localhost tracker.example Stats.Example.
		::1 ip6-localhost ip6-loopback
		address=/dns.example/0.0.0.0
		local=/one.example/two.example/
		$TTL 60
		@ SOA localhost. root.localhost. 1 2 3 4 5
		 NS localhost.
		zone.example CNAME .
		*.zone.example 60 IN CNAME .
		plain.example
		*.below.example ttl 1h
	END
	yes cgg-set list n
	says "$(printf '%s\n' {,'*.'}{dns,one,two,ads,zone}.example '*.below.example ttl 3600s' \
		{tracker,stats,plain}.example | rev | LC_ALL=C sort | rev)"
}

@test 'a wrong line is an error with its file and number, and changes nothing' {
	local file=$BATS_TEST_TMPDIR/list

	cgg-set add s 192.0.2.1
	printf '%s\n' 192.0.2.2 '192.0.2.010' '# fine' '10.0.0.1/8' 'two words' a.example >"$file"
	no cgg-set restore s "$file"
	status_is 2
	matches "^cgg-set: $file:2: 192.0.2.010: an octet begins with 0"
	matches "^cgg-set: $file:4: 10.0.0.1/8: host bits are set"
	matches "^cgg-set: $file:5: "
	matches "^cgg-set: $file:6: a.example: is a name, but the elements before it are addresses; a set has one kind$"
	for line in '192.0.2.1 1-2' '@@||ok.example^' '||a.example^$third-party' '||^' 'a.example CNAME b.example.' \
		'address=/' 'server=/x' '0.0.0.0 -..a' "$(printf 'x%.0s' {1..64}).example"; do
		no cgg-set restore -n fresh <<<"$line"
		status_is 2
	done
	yes cgg-set add fresh ns
	cgg-set list fresh | yes cgg-set restore fresh
	yes cgg-set drop fresh
	no cgg-set restore fresh <<<$'a.example\n*'
	status_is 2
	matches '^cgg-set: standard input:2: \*: not a name$'
	for empty in '' '# nothing'; do
		no cgg-set restore s <<<"$empty"
		status_is 2
		matches 'has no element'
	done
	yes cgg-set list s
	says 192.0.2.1
	yes cgg-set restore -n s <<<192.0.2.9
	yes cgg-set list s
	says 192.0.2.1
}

@test 'restore joins duplicates and nets within nets, and tells how many' {
	yes cgg-set restore s <<-'END'
		10.1.2.3
		10.0.0.0/8
		10.0.0.0/8
		10.9.0.0/16 ttl 1h
		192.0.2.1 ttl 1h
		192.0.2.0/24 ttl 2h
		192.0.2.2
		0.0.0.0/0 ttl 1m
		::/0
	END
	says 'cgg-set: standard input: joined: 1 duplicates, and 3 elements within others'
	yes cgg-set list s
	output=$(sed -E 's/ttl ([1-5][0-9]|60)s/ttl 1m/; s/ttl 7[12][0-9]{2}s/ttl 2h/' <<<"$output")
	says '::/1
0.0.0.0/0 ttl 1m
10.0.0.0/8
192.0.2.0/24 ttl 2h
192.0.2.2
8000::/1'
	yes cgg-set restore n <<<$'*.a.example\nx.a.example\na.example\n*.y.a.example\na-b.example\na.example'
	says 'cgg-set: standard input: joined: 1 duplicates, and 2 elements within others'
	yes cgg-set list n
	says 'a.example
*.a.example
a-b.example'
}

@test 'add and delete nest: an element within another one is an element of its own' {
	cgg-set add s 10.0.0.0/8 10.1.0.0/16 10.1.2.3
	cgg-set delete s 10.0.0.0/8
	yes cgg-set test s 10.1.9.9
	no cgg-set test s 10.2.0.1
	cgg-set delete s 10.1.0.0/16
	yes cgg-set test s 10.1.2.3
	no cgg-set test s 10.1.2.4
}

@test 'a set with many lengths of prefixes is looked up right, also after it grew' {
	local list=$BATS_TEST_TMPDIR/list

	cgg-set add s 203.0.113.1
	cgg-rule add ip @s
	for ((len = 8; len <= 32; len++)); do
		echo "$len.0.0.0/$len"
	done >"$list"
	for ((len = 16; len <= 128; len += 7)); do
		echo "2001:$(printf %x $((len)))::/$((len < 32 ? 32 : len))"
	done >>"$list"
	# shellcheck disable=SC2046 # words
	yes cgg-set add s $(sort -u "$list")
	for ((len = 8; len <= 32; len++)); do
		decides deny connect ip "$len.0.0.0" port 1
		decides allow connect ip "$len.255.0.1" port 1 || [ "$len" = 8 ]
	done
	decides deny connect ip 8.255.255.255 port 1
	decides deny connect ip 2001:10::1 port 1
	decides deny connect ip 2001:80:: port 1
	decides allow connect ip 2001:80::1 port 1
	decides deny connect ip 203.0.113.1 port 1
}

@test 'sets survive cgg-load -r, and cgg-unload removes them' {
	cgg-set add s 192.0.2.1
	cgg-rule add ip @s
	yes cgg-load -r
	decides deny connect ip 192.0.2.1 port 1
	yes cgg-unload
	yes cgg-load
	yes cgg-set list
	says ''
}

@test 'host and dns rules use sets of names' {
	cgg-set add ads ads.example '*.track.example'
	for more in 0 70; do
		cgg-rule flush
		for ((i = 1; i <= more; i++)); do
			cgg-rule add deny connect host "h$i.example"
		done
		yes cgg-rule add -f - <<<$'deny connect host @ads\ndeny dns @ads'
		decides deny dns ads.example
		decides deny dns a.b.TRACK.example
		decides allow dns track.example
		decides allow dns x.ads.example
		decides deny connect host ads.example port 443
		decides allow connect host x.ads.example port 443
		decides deny connect host x.track.example port 443
		cgg-set add ads '*.ads.example'
		decides deny connect host x.ads.example port 443
		decides deny dns x.ads.example
		cgg-set delete ads '*.ads.example'
		decides allow dns x.ads.example
	done
	yes cgg-set test ads ads.example
	no cgg-set test ads x.ads.example
}

@test 'cgg-status shows the sets' {
	cgg-set add bad 192.0.2.0/24 192.0.2.1
	cgg-set add ads ads.example
	yes cgg-status
	matches '^set	bad	addresses 2$'
	matches '^set	ads	names 1$'
	yes cgg-status -j
	[ "$(jq -c '.sets[1]' <<<"$output")" = '{"name":"bad","kind":"addresses","elements":2}' ]
	yes cgg-status -m
	matches '^cgguard_set_elements\{set="bad"\} 2$'
}

@test 'the next command goes on after one that was killed in the middle of a change' {
	cgg-set add s 192.0.2.1
	cgg-rule add ip @s
	# shellcheck disable=SC2046 # words; the head of the table: writing is one ahead of generation, as a killed command leaves it.
	bpftool map update pinned /sys/fs/bpf/cgguard/sets/0 key 0 0 0 0 value $(
		bpftool -j map dump pinned /sys/fs/bpf/cgguard/sets/0 |
			jq -r '.[0].value | .[36] = "0x07" | .[]'
	)
	decides deny connect ip 192.0.2.1 port 1
	yes cgg-set add s 192.0.2.2
	decides deny connect ip 192.0.2.1 port 1
	decides deny connect ip 192.0.2.2 port 1
	yes cgg-set delete s 192.0.2.1
	yes cgg-set list s
	says 192.0.2.2
}
