#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# host - rules by DNS name: which names they match, and that the first rule decides
#
# names.bash explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status

load names

@test 'a name is allowed as soon as its answer is there, by UDP and TCP, for connect and messages' {
	policy 'allow connect,sendmsg host a.example.com port 443' 'allow connect host b.example.com'
	uses to:192.0.2.1,443 udp:a.example.com to:192.0.2.1,443 send:192.0.2.1,443 to:192.0.2.1,444 \
		to:192.0.2.2,1 tcp:b.example.com to:192.0.2.2,1 to:192.0.2.12,1 send:192.0.2.2,1 -- \
		EPERM '1 records' reached reached EPERM EPERM '2 records' reached reached EPERM
}

@test 'addresses of IPv6 have names, and a mapped address has the names of IPv4' {
	policy 'allow connect host *.example.com'
	uses to:2001:db8::6,1 aaaa:six.example.com to:2001:db8::6,1 udp:a.example.com to:::ffff:192.0.2.1,1 -- \
		EPERM '1 records' reached '1 records' reached
}

@test 'a resolver may have an IPv6 address' {
	serves ::1 v6.example.com=192.0.2.44
	policy 'resolver ::1' 'allow connect,sendmsg ip ::1 port 53' 'allow connect host *.example.com'
	uses udp:v6.example.com@::1 to:192.0.2.44,1 -- '1 records' reached
}

@test '*.NAME matches every depth but not NAME, NAME only itself, * every name, without case' {
	policy 'allow connect host *.EXAMPLE.com port 1' 'allow connect host example.com. port 2' \
		'allow connect host * port 3'
	uses udp:a.example.com udp:deep.a.example.com udp:example.com udp:evil.test \
		to:192.0.2.1,1 to:192.0.2.4,1 to:192.0.2.3,1 to:192.0.2.66,1 \
		to:192.0.2.1,2 to:192.0.2.3,2 to:192.0.2.66,3 to:192.0.2.99,3 -- \
		'1 records' '1 records' '1 records' '1 records' \
		reached reached EPERM EPERM EPERM reached reached EPERM
	uses udp:A.eXample.COM to:192.0.2.1,1 -- '1 records' reached
}

@test 'the first rule decides, whether it is found by the address or by one of several names' {
	policy 'deny connect host shared.test port 1' 'allow connect host a.example.com' \
		'deny connect ip 192.0.2.1 port 2' 'allow connect host shared.test'
	uses udp:a.example.com to:192.0.2.1,1 udp:shared.test to:192.0.2.1,1 to:192.0.2.1,2 -- \
		'1 records' reached '1 records' EPERM reached
	policy 'deny connect ip 192.0.2.0/24 port 2' 'allow connect host *.example.com' 'deny connect port 3'
	uses udp:a.example.com to:192.0.2.1,2 to:192.0.2.1,3 to:192.0.2.9,3 -- '1 records' EPERM reached EPERM
}

@test 'a thousand rules by name and by address are judged in their order' {
	policy "$(for i in {1..400}; do
		echo "deny connect ip 198.51.100.$((i % 256)) port $i"
		echo "allow connect host n$i.example.com port $i"
	done)" 'deny connect host a.example.com port 7' 'allow connect host *.example.com'
	uses udp:a.example.com to:192.0.2.1,7 to:192.0.2.1,8 udp:evil.test to:192.0.2.66,8 -- \
		'1 records' EPERM reached '1 records' EPERM
}

@test 'inner addresses need inner to be allowed; deny matches them without' {
	policy 'allow connect host in.example.com port 2 inner' 'deny connect host *.example.com port 3' \
		'allow connect host *.example.com'
	uses udp:in.example.com udp:meta.example.com udp:lo.example.com to:10.1.2.3,1 to:10.1.2.3,2 \
		to:169.254.169.254,1 to:127.0.0.9,1 -- \
		'1 records' '1 records' '1 records' EPERM reached EPERM EPERM
	policy 'deny connect host *.example.com port 3' 'allow connect'
	uses udp:in.example.com to:10.1.2.3,3 to:10.1.2.3,4 -- '1 records' EPERM reached
}

@test 'a name that a CNAME leads to is denied by its name, and allowed by it only with alias' {
	policy 'allow connect host cdn.test port 1' 'allow connect host cdn.test port 2 alias' \
		'deny connect host cdn.test port 3' 'allow connect host c.example.com'
	uses udp:c.example.com to:192.0.2.5,1 to:192.0.2.5,2 to:192.0.2.5,3 -- '2 records' reached reached EPERM
	policy 'allow connect host cdn.test port 1' 'allow connect host cdn.test port 2 alias'
	uses udp:c.example.com to:192.0.2.5,1 to:192.0.2.5,2 -- '2 records' EPERM reached
}

@test 'several questions in one segment, and a length apart from its question, are bound' {
	policy 'allow connect host *.example.com'
	uses 2:a.example.com,b.example.com to:192.0.2.1,1 to:192.0.2.2,1 \
		slow:deep.a.example.com to:192.0.2.4,1 -- '2 records' reached reached '1 records' reached
}

@test 'names change with the policy in one step, and are forgotten when the cgroup is detached' {
	policy 'allow connect host *.example.com'
	uses udp:a.example.com to:192.0.2.1,1 -- '1 records' reached
	yes cgg-rule add -f - <<<'allow connect host b.example.com'
	uses to:192.0.2.1,1 -- reached
	policy 'names 256 keep 1h' 'allow connect host *.example.com'
	uses to:192.0.2.1,1 udp:a.example.com to:192.0.2.1,1 -- EPERM '1 records' reached
	yes cgg-detach "$web"
	[ -z "$(find /sys/fs/bpf/cgguard/bindings /sys/fs/bpf/cgguard/known -type f)" ]
	yes net cgg-attach "$web"
	uses to:192.0.2.1,1 -- EPERM
}

@test 'a binding expires after keep' {
	bound_for()
	{
		policy "names 256 keep $1s" 'allow connect host *.example.com' &&
			uses udp:a.example.com to:192.0.2.1,1 -- '1 records' reached
	}
	in_time bound_for
	sleep "$seconds.1"
	uses to:192.0.2.1,1 -- EPERM
}

@test 'links run the programs for names while a rule needs them' {
	runs connect4
	policy 'allow connect host *.example.com'
	runs connect4_names
	yes cgg-load -r
	runs connect4_names
	uses udp:a.example.com to:192.0.2.1,1 -- '1 records' reached
	yes cgg-rule flush
	yes cgg-rule add port 1
	runs connect4
}

# runs PROGRAM: the link of connect4 of $web, if there is one
runs()
{
	local link

	link=/sys/fs/bpf/cgguard/links/$(stat -c %i "$web")/connect4
	[ -e "$link" ] || return 0
	run bpftool -j link show pinned "$link"
	run bpftool -j prog show id "$(jq .prog_id <<<"$output")"
	[ "$(jq -r .name <<<"$output")" = "$1" ] || complain 'must run' "$1"
}

@test 'cgg-rule test asks about a name' {
	policy 'deny connect port 25' 'allow connect host *.example.com port 1-99' 'allow connect host in.test inner'
	yes cgg-rule test connect host a.example.com port 80
	matches '^allow	[0-9]+	allow connect host \*\.example\.com port 1-99$'
	no cgg-rule test connect host a.example.com port 25
	matches '^deny	[0-9]+	deny connect port 25$'
	no cgg-rule test connect host example.com port 80
	says 'deny	default'
	no cgg-rule test connect host '*.test' port 80
	status_is 2
	yes cgg-rule test connect host in.test port 80 inner
	matches '^allow	[0-9]+	allow connect host in.test inner$'
}

@test 'cgg-rule test asks about an address with the names that it has now' {
	local other

	policy 'allow connect host a.example.com port 1-99' 'deny connect ip 192.0.2.1 port 7' \
		'allow connect host shared.test alias' 'allow connect host in.example.com' 'deny connect host *.test'
	no cgg-rule test connect ip 192.0.2.1 port 7
	matches '^deny	[0-9]+	deny connect ip 192\.0\.2\.1 port 7$'
	yes net cgg-names add a.example.com 192.0.2.1
	yes cgg-rule test connect ip 192.0.2.1 port 7
	matches '^allow	[0-9]+	allow connect host a\.example\.com port 1-99$'
	uses to:192.0.2.1,7 -- reached
	no cgg-rule test connect ip 192.0.2.1 port 100
	says 'deny	default'
	# an inner address, a second name, and an alias
	yes net cgg-names add in.example.com 10.1.2.3
	no cgg-rule test connect ip 10.1.2.3 port 7
	says 'deny	default'
	yes net cgg-names add evil.test 192.0.2.1
	no cgg-rule test connect ip 192.0.2.1 port 100
	matches '^deny	[0-9]+	deny connect host \*\.test$'
	uses udp:x.test to:192.0.2.1,7 -- '2 records' reached
	# the names that it has in any cgroup with the policy, or with --in in that one
	new_cgroup other
	yes net cgg-attach "$other"
	yes net cgg-names -c "$other" add shared.test 192.0.2.9
	yes cgg-rule test connect ip 192.0.2.9 port 9
	yes cgg-rule test --in "$other" connect ip 192.0.2.9 port 9
	no cgg-rule test --in "$web" connect ip 192.0.2.9 port 9
	no cgg-rule test sendmsg ip 192.0.2.9 port 9
}

@test 'cgg-rule test about a name warns of an address that it has now, and that is decided otherwise' {
	policy 'allow connect host in.example.com' 'allow connect host cdn.test' 'allow connect host a.example.com' \
		'allow connect ip 192.0.2.66 name known'
	uses udp:in.example.com udp:c.example.com udp:a.example.com udp:evil.test to:192.0.2.5,7 -- \
		'1 records' '2 records' '1 records' '1 records' EPERM
	yes cgg-rule test connect host in.example.com port 7
	matches '^allow	[0-9]+	allow connect host in\.example\.com$'
	matches '^cgg-rule: warning: in\.example\.com is 10\.1\.2\.3 now: deny by the default; to allow it by name, add to its rule: inner$'
	yes cgg-rule test --in "$web" connect host in.example.com port 7
	matches ' 10\.1\.2\.3 now: deny by .*: inner$'
	yes cgg-rule test connect host cdn.test port 7
	matches ' cdn\.test is 192\.0\.2\.5 now: deny by the default; to allow it by name, add to its rule: alias$'
	no cgg-rule test connect host evil.test port 7
	matches ' evil\.test is 192\.0\.2\.66 now: allow by rule [0-9]+$'
	yes cgg-rule test connect host a.example.com port 7
	[[ $output != *warning* ]]
}

@test 'cgg-rule test about a name alone takes an address that rules with ip do not match first' {
	policy 'deny connect ip 0.0.0.0/8' 'deny connect ip 192.0.2.0/24 port 1-9' 'allow connect host a.example.com'
	yes cgg-rule test connect host a.example.com port 7
	yes cgg-rule -p other restore - <<<$'deny connect ip 0.0.0.0/0\ndeny connect ip ::/0\nallow connect host a.example.com'
	run cgg-rule -p other test connect host a.example.com port 7
	status_is 2
	says 'cgg-rule: test: a rule about addresses comes first, so write ip ADDR: deny connect ip ::/0'
	yes cgg-rule -p other restore - <<<$'allow connect host a.example.com\ndeny connect ip 0.0.0.0/0\ndeny connect ip ::/0'
	yes cgg-rule -p other test connect host a.example.com port 7
}

@test 'rules are printed as they are read, and mistakes are refused' {
	yes cgg-rule restore - <<-END
		resolver 127.0.0.53 2001:db8::53
		names 256 keep 2h
		allow connect host *.Example.COM. port 443 inner alias
		deny connect,sendmsg host bad.example
		alert connect host *
	END
	yes cgg-rule list
	says 'resolver 127.0.0.53 2001:db8::53
names 256 keep 7200s
allow connect host *.example.com port 443 inner alias
deny connect,sendmsg host bad.example
alert connect host *'
	for words in 'host 192.0.2.1' 'host ::1' 'host a..b' 'host a*.b' 'host *.*.b' 'host .' 'host ä.de' \
		'connect host a.b ip ::1' 'egress host a.b' 'deny connect host a.b inner' 'allow connect port 1 alias'; do
		# shellcheck disable=SC2086 # words
		run cgg-rule add $words
		status_is 2
	done
	for line in resolver 'resolver 1.2.3.0/24' 'resolver local' 'names 5' 'names 1 keep 1s' 'names 256 keep 2d'; do
		run cgg-rule restore - <<<"$line"
		status_is 2
	done
}

@test 'a set of names allows and denies in the cgroup, and follows each change at once' {
	for more in 0 100; do
		yes net cgg-rule flush
		printf '%s\n' a.example.com '*.a.example.com' cdn.test | cgg-set restore sites
		cgg-set add bad deep.a.example.com shared.test in.example.com
		policy "$(for ((i = 0; i < more; i++)); do
			echo "deny connect host n$i.test"
		done)" 'deny connect host @bad' 'allow connect host @sites port 443'
		uses to:192.0.2.1,443 udp:a.example.com to:192.0.2.1,443 to:192.0.2.1,444 tcp:deep.a.example.com \
			to:192.0.2.4,443 udp:b.example.com to:192.0.2.2,443 udp:in.example.com to:10.1.2.3,443 -- \
			EPERM '1 records' reached EPERM '1 records' EPERM '2 records' EPERM '1 records' EPERM
		yes cgg-set add sites b.example.com
		yes cgg-set delete bad deep.a.example.com
		uses to:192.0.2.2,443 to:192.0.2.4,443 -- reached reached
		# a name of an address that also has an allowed one
		uses udp:shared.test to:192.0.2.1,443 -- '1 records' EPERM
		# a name that a chain leads to, with alias only
		uses udp:c.example.com to:192.0.2.5,443 -- '2 records' EPERM
		yes net cgg-rule add allow connect host @sites alias
		uses to:192.0.2.5,443 -- reached
		yes cgg-set delete sites cdn.test
		uses to:192.0.2.5,443 -- EPERM
		yes net cgg-names flush
	done
}

@test 'events and the counts of a rule are those of the set that has the name' {
	cgg-set add sites a.example.com
	policy 'allow connect host @sites' 'deny connect host * errno EACCES'
	uses udp:a.example.com to:192.0.2.1,7 udp:evil.test to:192.0.2.66,7 -- '1 records' reached '1 records' EACCES
	yes cgg-events -w 0 --hook connect
	matches '^\[DENY connect4\] .* daddr=192.0.2.66 dport=7 .* rule=[0-9]+ host=evil.test$'
	[[ $output != *192.0.2.1\ * ]]
	yes cgg-rule list -s
	matches '^[0-9]+	1	[0-9]+	allow connect host @sites$'
}
