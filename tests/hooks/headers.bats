#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# headers - random packets through egress and ingress, judged as an independent parser says
#
# tests/engines/headers.c makes policies and packets, sends them, and computes each verdict.
# SEED=N repeats a run, MORE=100 makes it that many times as long.
# shellcheck disable=SC2154 # helpers set web

load ../ways

seed=${SEED:-$RANDOM}

setup()
{
	untraced
	echo "SEED=$seed"
	new_cgroup web
	cgg-attach "$web"
}

# random HOOK PACKETS
random()
{
	local count=$(($2 * ${MORE:-1}))

	yes cgg-load --hooks "$1"
	run "$BUILD/tests/headers" -n "$count" -s "$seed" "$1" "$web"
	[ "$status" -ne 77 ] || skip 'this kernel has no tun device'
	status_is 0
	matches "^packets $count judged [1-9][0-9]+ denied [1-9][0-9]+ unread [1-9][0-9]+ wrong 0 "
	echo "# $1: $(tail -n 1 <<<"$output")" >&3
}

@test 'egress judges random headers, fragments, routes, options and lengths as the independent parser says' {
	random egress 6000
}

@test 'ingress judges random headers, fragments, routes, options and lengths as the independent parser says' {
	random ingress 6000
}
