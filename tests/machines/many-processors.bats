#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# many-processors - changes, and events, under a load from all of at least four processors
#
# On fewer of them language/classifier and commands/events try the same. check-machines starts
# arm64 with four, which reorders memory: doc/memory-order.md.
# shellcheck disable=SC2154 # new_cgroup sets web; helpers set port and patience
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started
load ../ways

enough()
{
	[ "$(nproc)" -ge 4 ]
}

setup_file()
{
	! enough || cgg-load
}

setup()
{
	untraced
	enough || skip 'fewer than four processors'
	at=$BATS_TEST_TMPDIR
	new_cgroup web
	yes cgg-attach "$web"
}

teardown()
{
	! enough || empty_guard
}

# flip MODE CHANGES TRIES ARGUMENT...: emulated processors that are busy may take a minute for a change
flip()
{
	run "$BUILD/tests/flip" "$1" "$2" "$3" $((300 * patience)) "$web" "${@:4}"
	echo "# $output" >&3
	status_is 0
	matches ' wrong 0 '
}

only()
{
	echo 'default connect,sendmsg deny'
	printf '%s\n' "$@"
}

@test 'while an image is exchanged, each operation meets one policy or the other' {
	only 'allow port 9001' >"$at/one"
	only 'allow port 9002' >"$at/two"
	flip either 10 10000 9001 9002 "$at/one" "$at/two"
}

@test 'while an index is exchanged, each operation meets one policy or the other' {
	only 'allow port 9001' 'deny port '{10000..10299} >"$at/one"
	only 'deny port '{20000..20499} 'allow port 9002' >"$at/two"
	flip either 10 10000 9001 9002 "$at/one" "$at/two"
}

@test 'while a set changes, each operation meets all of the change or nothing' {
	yes cgg-set add s 192.0.2.1
	only 'allow connect,sendmsg ip @s' | yes cgg-rule restore -
	flip elements 10 10000 9001
	printf '%s\n' 127.0.0.1 192.0.2.0/24 >"$at/one"
	printf '%s\n' 2001:db8::/32 127.0.0.2 >"$at/two"
	flip table 10 10000 9001 "$at/one" "$at/two"
}

# all_of COUNT: each reader printed so many denials, or said that it did not print them
all_of()
{
	local reader

	for reader in "${readers[@]}"; do
		[ "$(awk '{ n += /^\[(LOST|WITHHELD) / ? $2 : 1 } END { print n + 0 }' "$at/$reader")" -eq "$1" ] || return
	done
}

# reads PROCESS: it sleeps until there is an event
reads()
{
	readlink /proc/"$1"/fd/* | grep -q eventpoll
}

# The ring has 64 slots, so it wraps all the time. The third reader has a ring of its own.
@test 'each denial of four processes at once is printed, or counted as lost, to each reader' {
	local i cgroup readers=(one other filtered) floods=() total

	cgg-unload -f
	cgg-load --events-size 16896
	yes cgg-attach "$web"
	yes cgg-rule add setsockopt SOL_SOCKET:SO_PRIORITY
	for i in "${readers[@]}"; do
		if [ "$i" = filtered ]; then set -- --verdict deny; else set --; fi
		cgg-events "$@" >"$at/$i" 3>&- &
		started[$!]=$i
		yes wait_for reads $!
	done
	for i in 1 2 3 4; do
		new_cgroup "from$i" "$web"
		cgroup=from$i
		"$BUILD/tests/event-bench" flood "${!cgroup}" 20000 2 >"$at/flood.$i" 3>&- &
		started[$!]=flood
		floods+=($!)
	done
	wait "${floods[@]}"
	total=$(cat "$at"/flood.* | awk '{ n += $1 } END { print n }')
	yes wait_for all_of "$total"
	for i in "${readers[@]}"; do
		echo "# $i: $total denials, $(grep -c '^\[DENY' "$at/$i") printed" >&3
	done
}
