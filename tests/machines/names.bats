#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# names - rules by DNS name, in few tests, for every kernel
#
# tests/machines/check-kernels runs this file, too, in virtual machines with other kernels.
# shellcheck disable=SC2154 # helpers set web, network and said
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

# since VERSION: this kernel is that one or a later one
since()
{
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

# Skip, if the kernel has no type information: cgguard(7). It must say so.
typed()
{
	[ ! -e /sys/kernel/btf/vmlinux ] || return 0
	no cgg-rule add deny dns evil.test
	status_is 3
	skip 'this kernel has no type information'
}

@test 'the answer of a loopback resolver counts since Linux 5.14, and never before' {
	local reached=reached

	typed
	since 5.14 || reached=EPERM
	policy 'allow connect,sendmsg host *.example.com'
	uses to:192.0.2.1,443 udp:a.example.com to:192.0.2.1,443 send:192.0.2.1,443 tcp:b.example.com to:192.0.2.12,1 \
		udp:evil.test to:192.0.2.66,1 aaaa:six.example.com to:2001:db8::6,1 udp:in.example.com to:10.1.2.3,1 -- \
		EPERM '1 records' "$reached" "$reached" '2 records' "$reached" '1 records' EPERM '1 records' "$reached" \
		'1 records' EPERM
}

@test 'the answer of a resolver elsewhere counts, also in pieces' {
	typed
	start nsenter -t "$network" -n python3 "$tests_dir/streams.py" pieces.example.com=192.0.2.1 \
		reverse.example.com=192.0.2.2 pieces.evil.test=192.0.2.66
	[ "$said" = ready ] || skip "no tun: $said"
	policy 'resolver 203.0.113.53' 'allow connect ip 203.0.113.53 port 53' 'allow connect host *.example.com'
	uses tcp:pieces.example.com@203.0.113.53 to:192.0.2.1,1 tcp:reverse.example.com@203.0.113.53 to:192.0.2.2,1 \
		tcp:pieces.evil.test@203.0.113.53 to:192.0.2.66,1 -- \
		'1 records' reached '1 records' reached '1 records' EPERM
	yes cgg-rule test connect ip 192.0.2.1 port 1
	no cgg-rule test connect ip 192.0.2.66 port 1
	yes cgg-events -w 0 --hook connect
	matches '^\[DENY connect4\] .* daddr=192.0.2.66 .* host=pieces.evil.test$'
}

@test 'questions are judged by UDP and TCP, by rules, by sets and in a compiled policy' {
	typed
	cgg-set add ads evil.test
	for more in 0 100; do
		yes net cgg-rule restore - < <(
			for ((i = 0; i < more; i++)); do
				echo "deny dns n$i.test"
			done
			printf '%s\n' 'deny dns @ads' 'deny dns *.a.example.com'
		)
		uses udp:a.example.com udp:evil.test tcp:evil.test udp:deep.a.example.com tcp:b.example.com -- \
			'1 records' EPERM 'no answer' EPERM '2 records'
	done
}

@test 'names are added by hand since Linux 5.14' {
	typed
	policy 'allow connect host db.example.org'
	run net cgg-names add db.example.org 192.0.2.7
	if ! since 5.14; then
		status_is 3
		matches 'Linux 5.14'
		return
	fi
	status_is 0
	uses to:192.0.2.7,5 to:192.0.2.8,5 -- reached EPERM
}
