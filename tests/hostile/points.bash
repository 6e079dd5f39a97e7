# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# points - disturb a command at one point after the other: kill it, or let a system call fail.
# Each time the guard must be in the old state or the new one, and the next command must work.
#
#	old()			the test defines how to reach the state before its command
#	enforced()		the test defines what to ask the kernel, where old and new differ
#	disturbs COMMAND...	disturb it; the state after an undisturbed run is the new one
#
# A point is a system call, or a store into memory that others see (tests/engines/fault.c). There
# are four kinds: a kill at a call, a kill at a store, a failing call that changes something, and
# a failing call that only reads. By default each command is disturbed at one point of each kind,
# always the same. FAULTS=all tries every point, or those of the share that tests/run gives.
#
# Points that can only repeat a result are left out:
#   - A kill at a call before which nothing changed is like a kill at the call before.
#   - A call fails with each of four errors. After the first two, one round runs the command
#     again and one goes back to the old state. If a further error leads to the same calls and
#     the same status as the first, it leaves the same behind.
# shellcheck disable=SC2154 # new_cgroup sets web, shop
# shellcheck disable=SC2034 # what the tests read
load ../helpers

dir=/sys/fs/bpf/cgguard
few=1 # points of each kind
once=0 # 1: what is done is not done again
again='0' # statuses that running the command once more may have
refusal='[123]' # statuses of a command that did nothing
known=0    # ids up to this one are told apart in a state
input=/dev/null
fails_only=0 # 1: it is not killed, for it has several steps
steps=0    # 1: each cgroup is a step of its own, and a message says which one failed

setup_file()
{
	export points=$BATS_FILE_TMPDIR/points
	mkdir "$points"
	: >"$points/ledger"
	fault none true
	[ "$status_of" -ne 77 ] || skip 'the tracer works only on x86_64'
	traced cgg-load
	always='connect port 9090
device /dev/zero
sysctl kernel/ostype'
	export always
}

# Processes in $web try without pause what is always denied, until the test ends.
setup()
{
	untraced
	new_cgroup web
	new_cgroup shop
	traced cgg-rule restore - <<<"$always"
	traced cgg-attach "$web"
	mkfifo "$BATS_TEST_TMPDIR/end"
	nice -n 19 "$BUILD/tests/press" "$web" 9090 /dev/zero kernel/ostype \
		cat "$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/pressed" 2>&1 3>&- &
	press=$!
	exec {end}>"$BATS_TEST_TMPDIR/end"
}

# end_press: end them, since the next step allows what was denied
end_press()
{
	exec {end}>&-
	wait "$press" || true
}

# none_passed: nothing that is always denied was allowed during the test
none_passed()
{
	end_press
	run cat "$BATS_TEST_TMPDIR/pressed"
	[ "$(grep -cE '^(connect|open|sysctl) tries [0-9]+ passed 0 errors 0$' <<<"$output")" -eq 3 ] ||
		complain 'no attempt may get through'
}

teardown()
{
	local dir policy set

	[ ! -e /proc/self/fd/"$end" ] || end_press
	cgg-detach -a || true
	cgg-rule confirm 2>/dev/null || true
	for policy in $(cgg-rule policies); do
		if [ "$policy" = default ]; then
			cgg-rule flush
		else
			cgg-rule -p "$policy" drop
		fi
	done
	for set in $(cgg-set list); do
		cgg-set drop "$set"
	done
	for dir in "$(cgroup_root)/$CGG_RUN-$BATS_TEST_NUMBER-"*; do
		[ ! -d "$dir" ] || remove_cgroup "$dir" || return
	done
}

teardown_file()
{
	clean_up
}

# fault POINT COMMAND...: disturb it; its status is in status_of, its output in $points/said
fault()
{
	status_of=0
	"$BUILD/tests/fault" "$points/ledger" "$@" <"$input" >"$points/said" 2>&1 3>&- || status_of=$?
}

# traced COMMAND...: run it undisturbed, and enter what it makes in the ledger
traced()
{
	"$BUILD/tests/fault" "$points/ledger" none "$@" 3>&-
}

# Print what a user sees; asking repairs nothing. New ids differ from round to round.
state()
{
	local policy

	for policy in $(cgg-rule policies 2>/dev/null); do
		echo "policy $policy"
		cgg-rule -p "$policy" list -i | awk -F'\t' -v OFS='\t' -v known="$known" \
			'NF > 1 && $1 > known { $1 = "+" } { print }'
	done
}

# Print attachments and pins too, and the sizes of each policy's indexes; a new cgroup may have any id.
# At most four indexes of 16 and of 64 pages may be spare.
full_state()
{
	state
	"$BUILD/tests/indexes" | sed 's/ [0-9]*:/ /g' | awk '$1 != "spare" { print; next }
		{ for (i = 2; i <= NF; i++) if (++count[$i] > 4 || $i !~ /^(16|64)$/) print "spare", $i }'
	cgg-status 2>/dev/null | grep ^cgroup | sort
	find /sys/fs/bpf -mindepth 1 ! -path '*/readers*' ! -path '*/indexes/*' ! -name '*.debug' -printf '%P\n' |
		awk -F/ -v OFS=/ -v web="$(stat -c %i "$web")" -v shop="$(stat -c %i "$shop")" '
			$2 == "links" && NF > 2 && $3 != web && $3 != shop { $3 = "new" }
			{ print }' | sort
}

enforced()
{
	:
}

# Print which cgroup has which policy; a refused command must leave that unchanged.
recorded()
{
	bpftool -j map dump pinned "$dir/maps/attachments" 2>/dev/null |
		grep -o '"formatted":{[^}]*}' | sort # jq takes longer to start
}

bad()
{
	echo "$point: $1"
	diff <(echo "${2-}") <(echo "${3-}") || true
	head -3 "$points/said"
	wrong=$((wrong + 1))
} >&2

# is_clean STATE WHEN: the state is this one, the kernel enforces it, and holds nothing else
is_clean()
{
	local now left asked=$old_asked

	[ "$1" = "$old_full" ] || asked=$new_asked
	now=$(full_state)
	[ "$now" = "$1" ] || bad "$2: state" "$1" "$now"
	now=$(enforced)
	[ "$now" = "$asked" ] || bad "$2: enforced" "$asked" "$now"
	left=$("$BUILD/tests/fault" left "$points/ledger") || bad "$2: left behind" '' "$left"
}

# At once: after a kill the state is old or new; after a failure it is old; after success new.
is_whole()
{
	local now asked

	now=$(state)
	asked=$(enforced)
	if [ "$now" != "$old_state" ] && [ "$now" != "$new_state" ]; then
		bad 'the state is neither old nor new' "$old_state" "$now"
	elif [ "$asked" != "$old_asked" ] && [ "$asked" != "$new_asked" ]; then
		bad 'the kernel enforces neither old nor new' "$old_asked" "$asked"
	elif [ "$old_state" != "$new_state" ] && [ "$now" = "$old_state" ] &&
		[ "$asked" != "$old_asked" ]; then
		bad 'commands print the old state, the kernel enforces the new' "$old_asked" "$asked"
	elif [ "$old_state" != "$new_state" ] && [ "$now" = "$new_state" ] &&
		[ "$asked" != "$new_asked" ] && ! cgg-status 2>&1 | grep -q 'left rules in force'; then
		bad 'commands print the new state, the kernel enforces the old' "$new_asked" "$asked"
	fi
	case $point:$status_of in
	fail:*:0) [ "$now" = "$new_state" ] || bad 'status 0, but the state is not the new one' "$new_state" "$now" ;;
	fail:*:$refusal)
		[ "$now" = "$old_state" ] || grep -q 'standard output' "$points/said" ||
			bad "status $status_of, but the state changed" "$old_state" "$now"
		now=$(recorded)
		[ "$now" = "$old_recorded" ] || grep -q 'standard output' "$points/said" ||
			{ [ "$steps" -eq 1 ] && [ -s "$points/said" ]; } ||
			bad "status $status_of, but attachments changed" "$old_recorded" "$now"
		;;
	fail:*) bad "status $status_of" ;;
	esac
}

# chosen: print the points on standard input, or a few of them that are always the same
chosen()
{
	if [ "${FAULTS-}" = all ]; then
		awk -v shares="${SHARES:-1}" -v share="${SHARE:-0}" 'NR % shares == share'
	else
		shuf -n "$few" --random-source=<(command yes cgguard)
	fi
}

# points_of: read the list of calls and stores, and print where to kill, and which calls fail with
# which errors. Slow commands and commands that only read get one error for each call, in turn.
points_of()
{
	if [ "$fails_only" -eq 0 ]; then
		awk '$1 == "call" && $4 == "new" { print $1 ":" $2 }' "$points/list" | chosen
		awk '$1 == "store" { print $1 ":" $2 }' "$points/list" | chosen
	fi
	awk '$1 == "call" && $3 != "other" && $3 != "look"' "$points/list" | errors_of | chosen
	awk '$1 == "call" && $3 == "look"' "$points/list" | errors_of | chosen
}

errors_of()
{
	awk -v one="${slow-}${looks-}" '{
		count = split("ENOMEM E2BIG ENOSPC EPERM", error)
		line = "fail:" $2
		for (i = 1; i <= count; i++)
			if (!one || i == 1 + NR % count)
				line = line " " error[i]
		print line
	}'
}

# once_more COMMAND...: run it again after the fault; it must give the new state
once_more()
{
	if [ "$once" -eq 1 ] && [ "$(state)" = "$new_state" ]; then
		status_of=0
	else
		fault none "$@"
	fi
	# shellcheck disable=SC2076 # a word of a list
	[[ " $again " =~ " $status_of " ]] || bad "once more: status $status_of"
	is_clean "$new_full" 'once more'
	old
}

# way_back: return to the old state from what the fault left
way_back()
{
	old
	is_clean "$old_full" 'back'
}

# killed_at COMMAND...: kill it at the point, once followed by the command and once by the way back
killed_at()
{
	fault "$point" "$@"
	is_whole
	once_more "$@"
	fault "$point" "$@"
	way_back
	kills=$((kills + 1))
}

# failed_at CALL ERROR... -- COMMAND...: let the call fail with each of the errors
failed_at()
{
	local call=$1 errors=() round=0 first_status='' first_trace=''

	shift
	while [ "$1" != -- ]; do
		errors+=("$1")
		shift
	done
	shift
	for error in "${errors[@]}"; do
		point=$call:$error
		fault "$point" "$@" 9>"$points/trace"
		fails=$((fails + 1))
		round=$((round + 1))
		if [ "$round" -gt 2 ] && [ "$status_of" = "$first_status" ] &&
			[ "$(<"$points/trace")" = "$first_trace" ]; then
			[ "$status_of" -ne 0 ] || old
			continue
		fi
		is_whole
		[ "$round" -ne 1 ] || first_status=$status_of first_trace=$(<"$points/trace")
		if [ $(((round + fails) % 2)) -eq 1 ]; then
			once_more "$@"
		else
			way_back
		fi
	done
}

# disturbs COMMAND...: disturb it at the chosen points
disturbs()
{
	local line kills=0 fails=0 old_state new_state old_full new_full old_asked new_asked
	local old_recorded list

	wrong=0 point=none
	old
	old_state=$(state) old_full=$(full_state) old_asked=$(enforced) old_recorded=$(recorded)
	fault count "$@" 9>"$points/list"
	new_state=$(state) new_full=$(full_state) new_asked=$(enforced)
	# shellcheck disable=SC2076 # a word of a list
	[[ " ${expected-0} " =~ " $status_of " ]] || bad "undisturbed: status $status_of"
	mapfile -t list < <(points_of)
	old
	is_clean "$old_full" 'before'
	for line in "${list[@]}"; do
		point=$line
		# shellcheck disable=SC2086 # errors are words
		case $line in
		fail:*) failed_at $line -- "$@" ;;
		*) killed_at "$@" ;;
		esac
		[ "$wrong" -lt 40 ] || break
	done
	echo "# $*: killed at $kills points, $fails system calls failed" >&3
	[ "$wrong" -eq 0 ]
}
