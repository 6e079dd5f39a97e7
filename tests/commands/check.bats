#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# check - cgg-rule check, and warnings of new rules that can never decide
#
# The engine shadow compares the rules that are found with an exhaustive walk over all queries.
# shellcheck disable=SC2154 # helpers set what new_cgroup names
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../helpers

# The check of a file needs no guard: only tests of changes and of policies in force load one.
setup()
{
	untraced
}

# finds LINE... <<<RULES: check must print these lines, with tabs for |
finds()
{
	cat >"$BATS_TEST_TMPDIR/rules"
	run cgg-rule check "$BATS_TEST_TMPDIR/rules"
	[ $# -eq 0 ] && wanted=0 || wanted=1
	status_is "$wanted"
	says "$(printf '%s\n' "$@" | tr '|' '\t')"
}

@test '1000 random policies: the rules that are found are those that decide no query at all' {
	yes "$BUILD/tests/shadow" 1000 "${SEED:-$RANDOM}"
	matches ' 0 wrong$'
	[[ $output =~ ([0-9]+)\ rules,\ ([0-9]+)\ shadowed ]]
	[ "${BASH_REMATCH[2]}" -gt 1000 ]
	[ "${BASH_REMATCH[1]}" -gt $((2 * BASH_REMATCH[2] * 9 / 10)) ]
}

@test 'a rule that one earlier rule takes is found, and one that repeats it' {
	finds '2|rule 1 takes all of it|allow connect proto tcp ip 10.1.2.3 port 443' \
		'4|repeats rule 3|deny device c 1:3 r name other' \
		'5|rule 3 takes all of it|allow device c 1:3 r' <<'END'
deny connect,sendmsg ip 10.0.0.0/8
allow connect ip 10.1.2.3 port 443 proto tcp
deny device c 1:3 r
deny device c 1:3 r name other
allow device c 1:3 r
allow device c 1:3 w
END
}

@test 'a rule that earlier rules take only together is found' {
	finds '3|earlier rules together take all of it|allow connect ip 10.0.0.0/8' \
		'6|earlier rules together take all of it|allow bind port 80-90' \
		'9|earlier rules together take all of it|deny socket type raw' <<'END'
deny connect ip 10.0.0.0/9
deny connect ip 10.128.0.0/9
allow connect ip 10.0.0.0/8
deny bind port 1-85
deny bind port 86-100
allow bind port 80-90
deny socket family inet
deny socket family inet6
deny socket type raw
END
	finds '3|earlier rules together take all of it|deny connect' <<<$'deny connect ip 0.0.0.0/0\ndeny connect ip ::/0\ndeny connect'
	finds <<<$'deny connect ip 10.0.0.0/9\ndeny connect ip 10.128.0.0/10\nallow connect ip 10.0.0.0/8'
}

@test 'a rule that earlier rules take only together by several ranges of numbers is found' {
	finds '3|earlier rules together take all of it|deny setsockopt SOL_SOCKET:SO_PRIORITY value 0-6' \
		'8|earlier rules together take all of it|deny egress ip 10.0.0.0/8 sport 1000-2000' \
		'12|earlier rules together take all of it|allow connect uid 5-9 gid 3' <<-'END'
		allow setsockopt SOL_SOCKET:SO_PRIORITY value 0-3
		deny setsockopt SOL_SOCKET:SO_PRIORITY value 4-6
		deny setsockopt SOL_SOCKET:SO_PRIORITY value 0-6
		deny setsockopt SOL_SOCKET:SO_PRIORITY value 0-7
		deny egress sport 0-1500 self 0.0.0.0/1,fd00::/8
		deny egress sport 0-1500 self 128.0.0.0/1
		deny egress sport 1501-3000
		deny egress ip 10.0.0.0/8 sport 1000-2000
		deny egress ip 2001:db8::/32 sport 1000-2000
		deny connect uid 1-7 gid 0-10
		deny connect uid 7-10
		allow connect uid 5-9 gid 3
	END
}

@test 'a rule that earlier rules take only together by all protocols of packets is found' {
	local each
	each=$(printf 'deny egress proto %d\n' {0..50} {52..255})
	finds $'256|earlier rules together take all of it|deny egress' <<<"$each"$'\ndeny egress'
	finds <<<"$(grep -v 77 <<<"$each")"$'\ndeny egress'
	finds <<<"${each//deny/allow}"$'\ndeny egress'
}

# chessboard N: rules that take all N*N squares of ports and source ports, and one of them all
chessboard()
{
	local even odd i step=$((65536 / $1))
	for ((i = 0; i < $1; i += 2)); do
		even+=,$((i * step))-$((i * step + step - 1))
		odd+=,$((i * step + step))-$((i + 2 == $1 ? 65535 : (i + 2) * step - 1))
	done
	printf 'allow egress port %s sport %s\n' "${even#,}" "${even#,}" "${even#,}" "${odd#,}" \
		"${odd#,}" "${even#,}" "${odd#,}" "${odd#,}"
	echo allow egress sport 0-65534
}

@test 'a rule that a chessboard of ranges takes is found, or called not checked' {
	cgg-load
	finds $'5|earlier rules together take all of it|allow egress sport 0-65534' <<<"$(chessboard 60)"
	yes cgg-rule restore <(chessboard 200)
	says 'cgg-rule: warning: policy default: 1 rules were not checked: too many ranges overlap; run cgg-rule check'
	finds $'5|not checked: the ranges of too many rules overlap it|allow egress sport 0-65534' <<<"$(chessboard 720)"
}

@test 'a rule for a cgroup or a time takes only what other rules match there and then' {
	new_cgroup top
	new_cgroup web "$top"
	new_cgroup side
	finds '2|rule 1 takes all of it|deny connect port 80 cgroup '"$(shown "$web")" \
		'6|rule 5 takes all of it|deny bind port 1 ttl 60s' <<-END
		deny connect port 80 cgroup $top
		deny connect port 80 cgroup $web
		deny connect port 80 cgroup $side
		deny connect port 80
		deny bind port 1 ttl 1h
		deny bind port 1 ttl 60s
		deny bind port 1
	END
}

@test 'what only packets of unknown content can reach is not called shadowed' {
	finds <<<$'allow egress ip 10.0.0.0/8\ndeny egress ip 10.0.0.1'
	finds '2|rule 1 takes all of it|deny egress ip 10.0.0.1' <<<$'deny egress\ndeny egress ip 10.0.0.1'
	finds <<<$'allow unix /run/*\ndeny unix /run/x'
}

@test 'host without resolver, and rules by name behind a rule about all addresses are found' {
	finds '3|earlier rules together take all of it|allow connect host a.example' <<<$'resolver 127.0.0.53\ndeny connect gid 0-7\ndeny connect gid 8-4294967294\nallow connect host a.example'
	finds "1|without a line \`resolver' no answer of DNS counts|allow connect host a.example" <<<'allow connect host a.example'
	finds '3|earlier rules together take all of it|allow connect host a.example' <<<$'resolver 127.0.0.53\ndeny connect ip 0.0.0.0/0\ndeny connect ip ::/0\nallow connect host a.example'
	finds <<<$'resolver 127.0.0.53\nallow connect ip 10.0.0.0/8\nallow connect host *.example\ndeny connect'
	finds '2|rule 1 takes all of it|deny connect host a.example port 443' <<<$'resolver 127.0.0.53\nallow connect host *.example inner alias\ndeny connect host a.example port 443'
	finds <<<$'resolver 127.0.0.53\nallow connect host *.example\ndeny connect host a.example'
}

@test 'the policy in force is checked, and a rule whose cgroup is gone is found' {
	cgg-load
	new_cgroup web
	yes cgg-rule add connect port 1 cgroup "$web"
	yes cgg-rule check
	says ''
	rmdir "$web"
	run cgg-rule check
	status_is 1
	matches $'^1\tcannot be read back: .*no such cgroup.*\tdeny connect port 1 cgroup '"$(shown "$web")"'$'
	mkdir "$web"
	run cgg-rule check
	status_is 1
	says $'1\tits cgroup is gone, and another has its name\tdeny connect port 1 cgroup '"$(shown "$web")"
	run cgg-rule -p none check
	status_is 1
	says 'cgg-rule: policy none: there is none; cgg-rule policies lists them'
}

@test 'check of a file needs no guard; wrong words have status 2' {
	finds '2|repeats rule 1|deny connect port 1' <<<$'deny connect port 1\nconnect port 1'
	run cgg-rule check - <<<'deny connect prot 1'
	status_is 2
	matches '^cgg-rule: -:1: '
	run cgg-rule check a b
	status_is 2
	run cgg-rule check
	status_is 3
}

@test 'add, insert and restore warn of a new rule that can never decide, and change it all the same' {
	cgg-load
	yes cgg-rule add deny connect ip 10.0.0.0/8
	says ''
	yes cgg-rule add allow connect ip 10.0.0.1
	says 'cgg-rule: warning: policy default: rule 2 can never decide: rule 1 takes all of it'
	yes cgg-rule insert 1 allow connect ip 10.0.0.2
	says ''
	yes cgg-rule insert 1 alert connect ip 10.0.0.2 port 1
	says 'cgg-rule: warning: policy default: rule 4 can never decide: rule 3 takes all of it'
	yes cgg-rule add -f - <<<$'deny bind port 1\ndeny bind port 1'
	says 'cgg-rule: warning: policy default: rule 6 can never decide: repeats rule 5'
	yes cgg-rule add -i bind port 1
	says "7
cgg-rule: warning: policy default: rule 7 can never decide: repeats rule 5"
	cgg-rule list >"$BATS_TEST_TMPDIR/rules"
	[ "$(grep -c . "$BATS_TEST_TMPDIR/rules")" -eq 7 ]
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	[ "${#lines[@]}" -eq 4 ]
	for ((i = 0; i < 30; i++)); do echo deny connect port 1; done >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	[ "${#lines[@]}" -eq 11 ]
	[ "${lines[10]}" = 'cgg-rule: warning: policy default: 19 more rules can never decide; cgg-rule check prints them' ]
}

@test 'a change of a policy that is too large to compare says so' {
	cgg-load
	for ((i = 0; i < 49; i++)); do
		echo "deny connect ip $(seq -s , -f "10.$i.%g.0" 1 64) port $(seq -s , 1 2 127)"
	done >"$BATS_TEST_TMPDIR/rules"
	large='cgg-rule: warning: policy default: has more than 200000 rules, lists counted, so new ones were not compared; run cgg-rule check'
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	says "$large"
}

@test 'a warning about a policy with an index is as exact' {
	cgg-load
	printf 'deny connect ip 10.0.%d.0/24\n' {0..255} | grep -v '\.77\.' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	yes cgg-rule add allow connect ip 10.0.0.0/16
	says ''
	yes cgg-rule insert first deny connect ip 10.0.77.0/24
	says ''
	yes cgg-rule add alert connect ip 10.0.0.0/17
	says 'cgg-rule: warning: policy default: rule 258 can never decide: earlier rules together take all of it'
	yes cgg-rule delete 257 258
	yes cgg-rule add alert connect ip 10.0.64.0/18
	says 'cgg-rule: warning: policy default: rule 259 can never decide: rule 256 takes all of it'
	run cgg-rule check
	status_is 1
	says $'259\trule 256 takes all of it\talert connect ip 10.0.64.0/18'
}

@test '100000 rules are checked, and those that are found are found again in a part of them' {
	for kind in prefixes overlap ports sports; do
		"$BUILD/tests/generate" "$kind" 100000 1 >"$BATS_TEST_TMPDIR/rules"
		timeout $((20 * patience)) cgg-rule check "$BATS_TEST_TMPDIR/rules" >"$BATS_TEST_TMPDIR/all" || [ $? -eq 1 ]
		head -n 1000 "$BATS_TEST_TMPDIR/rules" | cgg-rule check - >"$BATS_TEST_TMPDIR/part" || [ $? -eq 1 ]
		[ -s "$BATS_TEST_TMPDIR/part" ]
		diff <(awk '$1 <= 1000' "$BATS_TEST_TMPDIR/all") "$BATS_TEST_TMPDIR/part"
	done
}

@test 'check tells at once that a policy with very many combinations of lists takes a while' {
	for i in {1..33}; do
		echo "deny connect ip $(seq -s, -f "10.$i.1.%g" 0 2 248) port $(seq -s, 1 2 1000)"
	done >"$BATS_TEST_TMPDIR/many"
	yes cgg-rule check "$BATS_TEST_TMPDIR/many"
	says 'cgg-rule: the lists of the rules make 2062500 combinations; comparing them takes a while'
}

@test 'a rule about a set is shadowed by rules about all addresses or the same set, and by no others' {
	cgg-load
	yes cgg-set add bad 192.0.2.0/24
	yes cgg-set add worse 198.51.100.7
	yes cgg-set add sites example.com
	cat >"$BATS_TEST_TMPDIR/rules" <<-'END'
		deny connect ip @bad
		deny connect proto tcp ip @worse port 443
		deny connect proto tcp ip @bad port 443
		deny connect ip 192.0.2.1
		allow connect ip 0.0.0.0/1,128.0.0.0/1
		alert connect ip @worse port 80
		allow connect ip ::/0
		alert connect ip @worse port 80
		deny dns @sites
		allow dns @sites
		deny dns *
		allow dns @sites
		default connect,dns deny
	END
	run cgg-rule check "$BATS_TEST_TMPDIR/rules"
	status_is 1
	says $'3\trule 1 takes all of it\tdeny connect proto tcp ip @bad port 443
8\tearlier rules together take all of it\talert connect ip @worse port 80
10\trule 9 takes all of it\tallow dns @sites
12\trule 9 takes all of it\tallow dns @sites'
}
