#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# upgrade - cgg-load -r replaces the programs of a guard in use: nothing gets through meanwhile,
# and nothing is lost. UPGRADES=100 makes more of them.
#
# shellcheck disable=SC2154 # new_cgroup sets web and shop

load ../helpers

upgrades=${UPGRADES:-4}

# What the upgrade must not change; hits and events may only grow.
known()
{
	cgg-rule policies
	cgg-rule list -i
	cgg-rule -p other list -i
	cgg-status | grep -E '^(policy|cgroup)'
}

# program_ids: print the ids of the pinned programs
program_ids()
{
	local pin

	for pin in /sys/fs/bpf/cgguard/progs/*; do
		bpftool -j prog show pinned "$pin"
	done | jq .id | sort -n
}

# link_programs CGROUP: print the ids of the programs that its links run
link_programs()
{
	local pin

	for pin in "/sys/fs/bpf/cgguard/links/$(stat -c %i "$1")"/*; do
		bpftool -j link show pinned "$pin"
	done | jq .prog_id | sort -n
}

guard_all()
{
	new_cgroup web
	new_cgroup shop
	cgg-load
	cgg-rule add deny connect,sendmsg port 9090
	cgg-rule add deny device /dev/zero
	cgg-rule add deny sysctl kernel/ostype
	cgg-rule -p other add alert connect port 9091
	cgg-attach "$web"
	cgg-attach -p other "$shop"
}

again()
{
	local i

	for ((i = 0; i < $1; i++)); do
		cgg-load --replace || return
	done
}

@test 'programs are replaced under constant attempts, and none passes' {
	guard_all
	run "$BUILD/tests/press" "$web" 9090 /dev/zero kernel/ostype \
		bash -c "$(declare -f again); again $upgrades"
	echo "$output"
	status_is 0
	[ "$(grep -cE '^(connect|open|sysctl) tries [0-9]{2,} passed 0 errors 0$' <<<"$output")" -eq 3 ]
}

@test 'cgg-load -r keeps rules, counters, attachments and unread events, and replaces programs' {
	local before programs

	guard_all
	no inside "$web" reach 127.0.0.1 9090 udp
	no inside "$web" cat /dev/zero
	yes inside "$shop" reach 127.0.0.1 9091 udp
	before=$(known && cgg-rule list -s)
	programs=$(program_ids)
	yes cgg-load -r
	says ''
	[ "$(known && cgg-rule list -s)" = "$before" ]
	[ "$(program_ids)" != "$programs" ]
	yes comm -23 <(link_programs "$web") <(program_ids)
	says ''
	no inside "$web" reach 127.0.0.1 9090 udp
	yes cgg-events -w 0
	[ "$(grep -c '^\[DENY connect4\] ' <<<"$output")" -eq 2 ]
	matches '^\[DENY device\] '
	matches '^\[ALERT connect4\] .* policy=other rule=1'
	yes cgg-rule list -s
	matches '^1	2	'
	yes cgg-rule add deny connect port 9092
	no inside "$web" reach 127.0.0.1 9092 udp
}

@test 'a policy with an index, an unconfirmed policy and a reader survive cgg-load -r' {
	local i

	guard_all
	for ((i = 0; i < 500; i++)); do
		echo "deny connect ip 10.1.$((i / 250)).$((i % 250 + 1))"
	done | cgg-rule -p other restore
	echo 'deny connect port 9099' | cgg-rule restore --confirm 600
	exec {events}< <(exec cgg-events)
	yes cgg-load -r
	no inside "$shop" reach 10.1.1.7 80 udp
	no inside "$web" reach 127.0.0.1 9099 udp
	yes inside "$web" reach 127.0.0.1 9090 udp
	read -r -t $((20 * patience)) line <&"$events"
	[[ $line == '[DENY connect4] '*'daddr=10.1.1.7 '* ]]
	exec {events}<&-
	yes cgg-rule confirm
	yes cgg-rule list
	says 'deny connect port 9099'
}

@test 'two cgg-load -r at once both succeed, and leave nothing behind' {
	local one

	guard_all
	cgg-load -r &
	one=$!
	yes cgg-load -r
	wait "$one"
	[ ! -e /sys/fs/bpf/cgguard/replaced ]
	yes comm -23 <(link_programs "$web") <(program_ids)
	says ''
}

has_programs()
{
	[ "$(find "/proc/$1/fd" -lname 'anon_inode:bpf-prog' | wc -l)" -ge 3 ]
}

# The kernel verifies the new programs while nobody holds the lock.
@test 'a guard that was replaced meanwhile is left as it is' {
	local late programs

	guard_all
	cgg-load -r 2>"$BATS_TEST_TMPDIR/said" &
	late=$!
	wait_for has_programs "$late"
	kill -STOP "$late"
	cgg-unload -f
	cgg-load
	programs=$(program_ids)
	finds_another_guard "$late"
	[ "$(program_ids)" = "$programs" ]
	[ ! -e /sys/fs/bpf/cgguard/replaced ]
}

@test 'without a guard cgg-load -r loads one' {
	yes cgg-load --replace
	yes cgg-status
	matches '^guard	'
}

@test 'a removed cgroup does not stop cgg-load -r' {
	guard_all
	rmdir "$shop"
	yes cgg-load -r
	yes cgg-status
	no grep -q shop <<<"$output"
}

# What a killed cgg-load -r leaves after the exchange: links run the programs in replaced/.
@test 'after a kill before the links were updated the next command finishes the upgrade' {
	local pin dir=/sys/fs/bpf/cgguard

	guard_all
	mkdir -m 700 "$dir/keep"
	for pin in "$dir"/progs/*; do
		bpftool prog pin pinned "$pin" "$dir/keep/${pin##*/}"
	done
	cgg-load -r
	mv "$dir/progs" "$dir/replaced"
	mv "$dir/keep" "$dir/progs"
	yes comm -23 <(link_programs "$web") <(program_ids)
	[ -n "$output" ]
	yes cgg-status
	[ ! -e "$dir/replaced" ]
	yes comm -23 <(link_programs "$web") <(program_ids)
	says ''
	no inside "$web" reach 127.0.0.1 9090 udp
}

@test 'a map that was exchanged is refused, and nothing changes' {
	local before dir=/sys/fs/bpf/cgguard

	guard_all
	before=$(program_ids)
	bpftool map create "$dir/maps/x" type array key 4 value 8 entries 1 name x
	mv "$dir/maps/told" "$dir/maps/y"
	mv "$dir/maps/x" "$dir/maps/told"
	run cgg-load -r
	status_is 3
	says "cgg-load: $dir/maps/told: not the map of this guard; run cgg-unload -f and cgg-load"
	[ "$(program_ids)" = "$before" ]
	[ ! -e "$dir/replaced" ]
	no inside "$web" reach 127.0.0.1 9090 udp
}

# A guard of another layout, older or newer, is known by its version alone.
@test 'another layout is refused both ways; the steps in cgguard(7) leave no gap' {
	local layout dir=/sys/fs/bpf/cgguard

	guard_all
	layout=$(cgg-status | sed -n 's/^guard.*layout //p')
	cgg-rule list >"$BATS_TEST_TMPDIR/default.policy"
	for other in $((layout - 1)) $((layout + 1)); do
		bpftool map update pinned "$dir/version" key 0 0 0 0 value "$other" 0 0 0
		run cgg-load -r
		status_is 3
		matches "^cgg-load: the guard that is loaded has layout $other, this command knows $layout; "
		no inside "$web" reach 127.0.0.1 9090 udp
	done
	upgrade()
	{
		mv /sys/fs/bpf/cgguard /sys/fs/bpf/cgguard-before
		cgg-load
		cgg-rule restore "$1/default.policy"
		cgg-attach "$2"
		rm -r /sys/fs/bpf/cgguard-before
	}
	run "$BUILD/tests/press" "$web" 9090 /dev/zero kernel/ostype \
		bash -ec "$(declare -f upgrade); upgrade '$BATS_TEST_TMPDIR' '$web'"
	echo "$output"
	status_is 0
	[ "$(grep -cE ' tries [0-9]{2,} passed 0 errors 0$' <<<"$output")" -eq 3 ]
	yes cgg-rule list
	says "$(cat "$BATS_TEST_TMPDIR/default.policy")"
}
