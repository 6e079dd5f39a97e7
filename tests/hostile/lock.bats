#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# lock - commands wait for each other, but not for a stopped one

# shellcheck disable=SC2004 # started is by words

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
	local pid

	for pid in "${!started[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		stop "$pid"
	done
}

# holds COMMAND...: lock the guard while it runs
holds()
{
	flock /sys/fs/bpf/cgguard "$@" 3>&- &
	holder=$!
	started[$holder]=flock
	wait_for is_locked
}

is_locked()
{
	! flock -n /sys/fs/bpf/cgguard true
}

@test 'a command names the stopped process that holds the lock, and gives up' {
	local waits

	mkfifo "$BATS_TEST_TMPDIR/work"
	holds cat "$BATS_TEST_TMPDIR/work"
	kill -STOP "$holder"
	timeout $((20 * patience)) cgg-rule add port 1 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	waits=$!
	run timeout $((20 * patience)) env --block-signal=ALRM cgg-rule add port 1
	status_is 3
	says "cgg-rule: /sys/fs/bpf/cgguard: locked by process $holder (flock), which is stopped; continue it (kill -CONT $holder), or end it"
	status=0
	wait "$waits" || status=$?
	status_is 3
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = "$output" ]
	kill -CONT "$holder"
	: >"$BATS_TEST_TMPDIR/work"
	wait "$holder"
	yes cgg-rule list
	says '# allow everything'
}

@test 'a command waits for a running process that holds the lock' {
	local waits

	mkfifo "$BATS_TEST_TMPDIR/work"
	holds cat "$BATS_TEST_TMPDIR/work"
	cgg-rule add port 1 3>&- &
	waits=$!
	is_waiting()
	{
		grep -q -- "-> FLOCK .* $waits " /proc/locks
	}
	wait_for is_waiting
	: >"$BATS_TEST_TMPDIR/work"
	wait "$waits"
	yes cgg-rule list
	says 'deny connect,sendmsg port 1'
}
