#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# dns - the hook dns: which questions may go out, and attempts to ask in another way
#
# names.bash explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status

load names

@test 'rules take a name, a star, cgroup and options, and refuse other matches' {
	yes cgg-rule add -f - <<-END
		dns bad.example
		allow dns *.Example.com.
		alert dns * quiet
		deny dns *.x.y cgroup $web
	END
	yes cgg-rule list
	says "deny dns bad.example
allow dns *.example.com
alert dns * quiet
deny dns *.x.y cgroup $(shown "$web")"
	for words in dns 'dns a.b port 53' 'dns a.b ip ::1' 'dns a.b host c.d' 'dns a.b errno EACCES' \
		'connect,dns a.b' 'dns 1.2.3.4'; do
		# shellcheck disable=SC2086 # words
		run cgg-rule add $words
		status_is 2
	done
}

@test 'questions are denied and reported by UDP and TCP, to any server' {
	serves 127.0.0.2 a.example.com=192.0.2.1 evil.test=192.0.2.66
	yes net cgg-rule restore - <<<$'deny dns *.test\ndeny dns b.example.com'
	uses udp:a.example.com udp:evil.test udp:b.example.com aaaa:EVIL.test \
		tcp:a.example.com tcp:evil.test udp:evil.test@127.0.0.2 udp:a.example.com@127.0.0.2 udp:test -- \
		'1 records' EPERM EPERM EPERM '1 records' 'no answer' EPERM '1 records' '0 records'
	yes cgg-events -w 0
	matches '^\[DENY dns\] pid=0 comm= daddr=127.0.0.53 dport=53 proto=17 .* rule=[0-9]+ saddr=127.0.0.1 sport=[0-9]+ len=[0-9]+ host=evil.test$'
	matches '^\[DENY dns\] .* proto=6 .* host=evil.test$'
	yes cgg-events -j -w 0 --hook dns
}

@test 'a default of dns denies, and allow lets names through' {
	policy 'default dns deny' 'allow dns *.example.com'
	uses udp:a.example.com udp:example.com udp:evil.test tcp:b.example.com -- \
		'1 records' EPERM EPERM '2 records'
}

@test 'a question that cannot be read is denied where some name is' {
	yes net cgg-rule restore - <<<'deny dns *.test'
	uses slow:a.example.com slow:evil.test cut:evil.test -- '1 records' 'no answer' 'no answer'
	run inside "$web" attempt raw 127.0.0.53 '' 00 1234 123401000002000000000000 "$(printf '%s' \
		123481800001000000000000016100000100)" 12340100000100000000000001610000010001
	says 'EPERM
EPERM
EPERM
EPERM
EPERM
sent'
	yes net cgg-rule restore - <<<'alert dns *.test'
	uses cut:a.example.com -- '1 records'
}

@test 'cgg-status shows a question, its answer and a forged packet, each counted once' {
	local at

	at=$(shown "$web")
	yes cgg-status
	[[ $output != *names* ]]
	yes cgg-status -m
	[[ $output != *dns_* ]]
	[ "$(cgg-status -j | jq '.attachments[].names')" = null ]
	policy 'allow connect host *.example.com'
	uses udp:a.example.com -- '1 records'
	yes cgg-status
	matches "^names	$at	questions 1	answers 1	bound 1	addresses 1 of 4096	names 1 of 4096\$"
	run inside "$web" forge
	says EPERM
	yes cgg-status
	matches "^names	$at	questions 1	answers 1	bound 1	forged 1	addresses 1 of 4096	names 1 of 4096\$"
	yes env NO_COLOR=1 script -qec 'stty cols 90; cgg-status' /dev/null
	matches '^names  1 questions, 1 answers, 1 bound'
	matches '1 forged'
	yes cgg-status -j
	[ "$(jq -c '.attachments[].names | [.questions, .answers, .bound, .forged, .unasked, .addresses, .names, .room]' \
		<<<"$output")" = '[1,1,1,1,0,1,1,4096]' ]
	yes cgg-status -m
	for line in questions_total answers_total answers_bound_total packets_forged_total addresses names; do
		matches "^# HELP cgguard_dns_$line [A-Z].*\.\$"
		matches "^cgguard_dns_$line\{cgroup=\"$at\"\} 1\$"
	done
	yes net cgg-names add other.test 192.0.2.7
	yes cgg-status
	matches "	addresses 2 of 4096	names 2 of 4096\$"
	yes cgg-names flush
	yes cgg-status
	matches "	addresses 0 of 4096	names 0 of 4096	evicted at most 1 addresses, 1 names\$"
}

@test 'in mode audit questions are reported, not denied' {
	yes net cgg-rule restore - <<<$'mode audit\ndeny dns *.test'
	uses udp:evil.test tcp:evil.test -- '1 records' '1 records'
	yes cgg-events -w 0
	matches '^\[AUDIT dns\] .* host=evil.test$'
}

@test 'cgg-rule test asks about a question' {
	yes cgg-rule restore - <<<$'deny dns *.bad.test\nallow dns bad.test\ndefault dns deny'
	no cgg-rule test dns x.bad.test
	matches '^deny	[0-9]+	deny dns \*\.bad\.test$'
	yes cgg-rule test dns bad.test
	no cgg-rule test dns good.test
	says 'deny	default'
	run cgg-rule test dns '*.x'
	status_is 2
}

@test 'a list of two thousand names is judged like a short one' {
	yes net cgg-rule restore - < <(
		for i in {1..2000}; do
			echo "deny dns *.n$i.test"
		done
		echo 'deny dns evil.test'
	)
	uses udp:evil.test udp:a.n7.test udp:n7.test udp:a.example.com -- EPERM EPERM '0 records' '1 records'
}

@test 'a set of names denies and allows questions in the cgroup, and follows each change at once' {
	for more in 0 100; do
		cgg-set add ads evil.test '*.example.com'
		cgg-set add fine b.example.com
		yes net cgg-rule restore - < <(
			for ((i = 0; i < more; i++)); do
				echo "deny dns n$i.test"
			done
			printf '%s\n' 'allow dns @fine' 'deny dns @ads'
		)
		uses udp:evil.test tcp:evil.test udp:a.example.com udp:example.com udp:b.example.com aaaa:EVIL.test \
			udp:shared.test -- EPERM 'no answer' EPERM '1 records' '2 records' EPERM '1 records'
		yes cgg-set delete ads evil.test
		yes cgg-set add fine deep.a.example.com
		uses udp:evil.test udp:deep.a.example.com udp:a.example.com -- '1 records' '1 records' EPERM
		yes cgg-set delete fine deep.a.example.com
	done
	yes cgg-events -w 0
	matches '^\[DENY dns\] .* host=a.example.com set=ads$'
}
