#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# races - another command runs between two system calls of a command, where that is not locked out.
# Both do what they say, or refuse; nothing is left behind.
#
# tests/engines/fault.c stops the command at a call and runs the other one there, so that each race
# happens each time.

load ../helpers

dir=/sys/fs/bpf/cgguard

setup_file()
{
	status=0
	"$BUILD/tests/fault" "$BATS_FILE_TMPDIR/ledger" none true || status=$?
	[ "$status" -ne 77 ] || skip 'the tracer works only on x86_64'
}

# calls COMMAND...: list its calls in the file calls: call NUMBER NAME STATE LOCK
calls()
{
	"$BUILD/tests/fault" "$BATS_TEST_TMPDIR/ledger" locks "$@" 9>"$BATS_TEST_TMPDIR/calls" \
		</dev/null >/dev/null 2>&1 3>&-
}

# Print the first of the listed calls with that name.
call_of()
{
	awk -v name="$1" '$3 == name { print $2; exit }' "$BATS_TEST_TMPDIR/calls"
}

# meets NUMBER OTHER COMMAND...: at that call of the command run OTHER, a line for sh, whose status is
# then in `other`
meets()
{
	export MEET="{ $2; } >'$BATS_TEST_TMPDIR/other' 2>&1"
	run "$BUILD/tests/fault" "$BATS_TEST_TMPDIR/ledger" "meet:$1" "${@:3}" 9>"$BATS_TEST_TMPDIR/met" \
		</dev/null 3>&-
	other=$(sed -n 's/^met //p' "$BATS_TEST_TMPDIR/met")
	[ -n "$other" ] || complain "the command made no call $1" "${@:3}"
}

# other_is STATUS [OUTPUT]
other_is()
{
	[ "$other" -eq "$1" ] && { [ $# -eq 1 ] || [ "$(cat "$BATS_TEST_TMPDIR/other")" = "$2" ]; } ||
		complain "status of the other: $other; $(cat "$BATS_TEST_TMPDIR/other")"
}

@test 'cgg-load whose new directory is swept before it is locked makes another' {
	local call first last

	calls cgg-load
	first=$(call_of mkdir)
	last=$(call_of flock)
	[ $((last - first)) -le 4 ]
	for ((call = first + 1; call <= last; call++)); do
		cgg-unload
		meets "$call" cgg-unload cgg-load
		status_is 0
		says ''
		other_is 3 'cgg-unload: not loaded; run cgg-load first'
		yes cgg-status
		no compgen -G "$dir-new-*"
	done
}

@test 'a directory of a killed cgg-load that another command looks at is swept nevertheless' {
	local looks load

	cgg-load
	mv "$dir" "$dir-new-1"
	mkfifo "$BATS_TEST_TMPDIR/end"
	flock -s "$dir-new-1" cat "$BATS_TEST_TMPDIR/end" 3>&- &
	looks=$!
	wait_for eval "! flock -xn $dir-new-1 true"
	cgg-load 3>&- &
	load=$!
	wait_for eval "grep -q -- '-> FLOCK .* $load ' /proc/locks || is_gone $load"
	: >"$BATS_TEST_TMPDIR/end"
	wait "$looks" "$load"
	[ ! -e "$dir-new-1" ]
	yes cgg-status
}

@test 'cgg-load loads a guard when the one that it found is unloaded at that moment' {
	local call last

	cgg-load
	calls cgg-load
	last=$(call_of flock)
	for ((call = last - 5; call <= last; call++)); do
		meets "$call" cgg-unload cgg-load
		status_is 0
		says ''
		other_is 0 ''
		yes cgg-status
	done
}

@test 'two cgg-load at once both find a guard' {
	local call last

	cgg-unload 2>/dev/null || true
	calls cgg-load
	last=$(call_of flock)
	for call in $(seq 20) $(seq $((last - 2)) $((last + 2))); do # between, it loads programs
		cgg-unload
		meets "$call" cgg-load cgg-load
		status_is 0
		says ''
		other_is 0 ''
		yes cgg-status
	done
}

# Two bpffs on top of each other would hide the guard that is pinned in the lower one.
@test 'two cgg-load that find no bpffs mount one' {
	local call last

	umount /sys/fs/bpf # that of this file
	calls cgg-load
	last=$(($(call_of open) + 6))
	cgg-unload
	umount /sys/fs/bpf
	for ((call = 9; call <= last; call++)); do
		meets "$call" 'cgg-load && cgg-rule add port 9' cgg-load
		status_is 0
		other_is 0
		[ "$(grep -c ' /sys/fs/bpf ' /proc/self/mountinfo)" -eq 1 ]
		yes cgg-rule list
		says 'deny connect,sendmsg port 9'
		cgg-unload
		umount /sys/fs/bpf
	done
	mount -t bpf -o mode=1777 bpf /sys/fs/bpf
}

# The programs that are pinned use no maps but the pinned ones and those within them.
one_guard()
{
	local pin

	for pin in "$dir"/maps/*; do
		bpftool -j map show pinned "$pin"
	done | jq .id | sort >"$BATS_TEST_TMPDIR/maps"
	for pin in "$dir"/progs/*; do
		bpftool -j prog show pinned "$pin"
	done | jq '.map_ids[]' | sort -u | comm -23 - "$BATS_TEST_TMPDIR/maps" >"$BATS_TEST_TMPDIR/foreign"
	while read -r map; do
		[[ $(bpftool -j map show id "$map" | jq -r .name) == *.rodata* ]] || complain "map $map"
	done <"$BATS_TEST_TMPDIR/foreign"
}

@test 'cgg-load --hooks and -r never mix the maps of two guards' {
	local call option

	cgg-load
	for option in '--hooks sysctl' -r; do
		# shellcheck disable=SC2086 # two words
		calls cgg-load $option
		cgg-unload
		cgg-load
		for call in $(awk '$3 == "look" && $5 != "write" { print $2 }' "$BATS_TEST_TMPDIR/calls" |
			awk 'NR % 24 == 12'); do
			# shellcheck disable=SC2086 # two words
			meets "$call" 'cgg-unload -f && cgg-load' cgg-load $option || {
				status_is 0 # it made fewer calls this time
				continue
			}
			case $status:$output in
			0:) ;;
			3:"cgg-load: $dir: another command "re[mp]*"d the guard; try again") ;;
			*) complain "call $call" ;;
			esac
			other_is 0
			one_guard
			[ ! -e "$dir/replaced" ]
		done
	done
}

# A command that waited for the lock may use replaced/ before the one that had it has exited.
@test 'cgg-load -r that no longer has the lock leaves replaced/ to the next command' {
	local call

	cgg-load
	calls cgg-load -r
	call=$(awk '$5 == "write" { held = NR } { number[NR] = $2 } END { print number[held + 1] }' \
		"$BATS_TEST_TMPDIR/calls")
	meets "$call" "flock -xn $dir mkdir $dir/replaced" cgg-load -r
	status_is 0
	says ''
	other_is 0
	yes rmdir "$dir/replaced"
}

@test 'cgg-load --hooks says that the guard was removed meanwhile' {
	cgg-load
	calls cgg-load --hooks sysctl
	cgg-unload
	cgg-load
	# before the flock of each opening but the first, which decides whether to load one
	for call in $(awk '$3 == "flock" { print $2 - 3 }' "$BATS_TEST_TMPDIR/calls" | tail -n +2); do
		meets "$call" 'cgg-unload -f' cgg-load --hooks sysctl
		status_is 3
		says "cgg-load: $dir: another command removed the guard; try again"
		other_is 0
		[ ! -e "$dir" ]
		cgg-load
	done
}

@test 'a rule that needs new programs makes no guard when another command removes it' {
	cgg-load
	calls cgg-rule add deny bind port 7
	cgg-unload -f
	cgg-load
	meets "$(call_of clone)" 'cgg-unload' cgg-rule add deny bind port 7
	status_is 3
	says "cgg-load: $dir: another command removed the guard; try again
cgg-rule: bind: the programs are not loaded"
	other_is 0
	[ ! -e "$dir" ]
}

@test 'cgg-events reads the maps of one guard, which it keeps from being unloaded meanwhile' {
	local call

	cgg-load
	calls cgg-events -w 0 --hook connect
	for call in $(awk '$5 != "free" && last != "free" { print $2 } { last = $5 }' \
		"$BATS_TEST_TMPDIR/calls" | awk 'NR % 9 == 5'); do
		meets "$call" 'cgg-unload -f' cgg-events -w 0 --hook connect
		status_is 0
		says ''
		other_is 0
		cgg-load
	done
}

lapsed()
{
	! cgg-rule list | grep 9099
}

# The rules of a restore that is not confirmed in time must not stay, whatever else changes.
@test 'a change that begins before an unconfirmed restore lapses does not keep its rules' {
	local call change

	cgg-load
	cgg-set add s 192.0.2.1
	cgg-rule add deny connect port 9090
	for change in 'add deny connect ip @s' 'insert first deny connect ip @s' 'default connect alert' \
		'delete port 9099'; do
		cgg-rule flush
		cgg-rule add deny connect port 9090
		cgg-rule restore - <<<$'deny connect port 9090\ndeny connect,sendmsg port 9099'
		# shellcheck disable=SC2086 # words
		"$BUILD/tests/fault" "$BATS_TEST_TMPDIR/ledger" count cgg-rule $change 3>&- \
			9>"$BATS_TEST_TMPDIR/calls"
		call=$(awk '$1 == "store" { exit } $1 == "call" { print $2 }' "$BATS_TEST_TMPDIR/calls" |
			tail -1)
		cgg-rule flush
		cgg-rule add deny connect port 9090
		cgg-rule restore --confirm 2 - <<<$'deny connect port 9090\ndeny connect,sendmsg port 9099'
		# shellcheck disable=SC2086 # words
		meets "$call" 'sleep 2.1' cgg-rule $change || status_is 1 # it refuses before that call
		wait_for lapsed
	done
}

@test 'cgg-run whose guard is unloaded meanwhile ends like its command, and says nothing' {
	cgg-load
	new_cgroup box
	# shellcheck disable=SC2154 # new_cgroup sets it
	run inside "$box" cgg-run -k all sh -c 'cgg-unload -f; exit 7'
	status_is 7
	says ''
	[ ! -e "$dir" ]
	[ -z "$(find "$box" -mindepth 1 -type d)" ]
}
