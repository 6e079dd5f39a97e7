#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# soak - many at once: writers, readers and a load of attempts on one guard
#
# Each of WRITERS works at random on a policy of its own (add, delete, restore), on a cgroup of
# its own (attach, detach), and on one policy that all share (add, delete). Afterwards their
# commands run again on a fresh guard, one writer after the other, and must give the same state.
# The order of rules in the shared policy depends on timing, so that one is compared sorted.
#
# make soak sets SOAK_SECONDS=60; SEED is printed, and can be given again.
# shellcheck disable=SC2154 # new_cgroup sets web
load ../helpers

seconds=${SOAK_SECONDS:-2}
seed=${SEED:-$((BASHPID * 31 + SECONDS))}
WRITERS=32
others=() # the readers and the loads

# done_so COMMAND...: it must succeed, and is recorded
done_so()
{
	local status=0

	timeout $((120 * patience)) "$@" >"$out/$me" 2>&1 || status=$?
	if [ "$status" -ne 0 ]; then
		echo "writer $me: $*: status $status: $(<"$out/$me")" >>"$out/failed"
		return 1
	fi
	printf '%q ' "$@" >>"$out/log.$me"
	echo >>"$out/log.$me"
}

# take LIST: remove a random element of it
take()
{
	local -n from=$1
	local at=$((RANDOM % ${#from[@]}))

	taken=${from[at]}
	unset 'from[at]'
	from=("${from[@]}")
}

restore_own()
{
	local file=$out/rules.$me.$turn i

	own=()
	for ((i = RANDOM % 100; i > 0; i--)); do
		own+=("deny connect port $((RANDOM % 20000 + 1)) name r$turn-$i")
	done
	{
		printf '%s\n' "${own[@]}"
		echo '# allow everything' # there may be no rule
	} >"$file"
	done_so cgg-rule -p "own$me" restore "$file"
}

# one_turn: do one random thing that a writer may do
# shellcheck disable=SC2086 # words
one_turn()
{
	case $((RANDOM % 10)) in
	0 | 1)
		own+=("deny connect port $((RANDOM % 20000 + 1)) name a$turn")
		done_so cgg-rule -p "own$me" add ${own[-1]}
		;;
	2)
		[ ${#own[@]} -gt 0 ] || return 0
		take own
		done_so cgg-rule -p "own$me" delete $taken
		;;
	3) restore_own ;;
	4 | 5)
		shared+=("deny sendmsg port $((RANDOM % 20000 + 1)) name w$me-$turn")
		done_so cgg-rule -p shared add ${shared[-1]}
		;;
	6)
		[ ${#shared[@]} -gt 0 ] || return 0
		take shared
		done_so cgg-rule -p shared delete $taken
		;;
	7 | 8) done_so cgg-attach -p "own$me" "$cgroup" ;;
	9)
		[ "$attached" ] || return 0
		done_so cgg-detach "$cgroup"
		;;
	esac
}

# writer NUMBER
writer()
{
	local me=$1 cgroup=$web/w$1 end=$((SECONDS + seconds)) turn=0 attached='' taken own=() shared=()

	RANDOM=$((seed + $1))
	done_so cgg-rule -p "own$me" add deny connect port 1
	while [ "$SECONDS" -lt "$end" ]; do
		turn=$((turn + 1))
		one_turn || return
		case $(tail -n 1 "$out/log.$me") in
		cgg-attach*) attached=yes ;;
		cgg-detach*) attached= ;;
		esac
	done
}

came_to()
{
	local policy

	for policy in $(cgg-rule policies | sort); do
		echo "policy $policy"
		if [ "$policy" = shared ]; then
			cgg-rule -p shared list | sort
		else
			cgg-rule -p "$policy" list
		fi
	done
	cgg-status | grep '^cgroup' | sort
}

in_kernel()
{
	bpftool -j prog show | jq length
	bpftool -j map show | jq length
	bpftool -j link show | jq length
}

@test "writers, readers and attempts at once end in the same state as one after the other" {
	local i before pids=() out=$BATS_TEST_TMPDIR

	echo "SEED=$seed"
	before=$(in_kernel)
	cgg-load
	cgg-rule -p shared add deny sendmsg port 1
	new_cgroup web
	for ((i = 0; i < WRITERS; i++)); do
		mkdir "$web/w$i"
	done
	for ((i = 0; i < 8; i++)); do
		if [ $((i % 2)) -eq 0 ]; then
			cgg-events >"$out/events.$i" 2>&1 &
		else
			cgg-events --policy "own$i" >"$out/events.$i" 2>&1 &
		fi
		others+=("$!")
	done
	for i in 1 2; do
		# shellcheck disable=SC2016 # for the inner shell
		inside "$web/w$i" bash -c 'while :; do : >"/dev/udp/127.0.0.1/$((RANDOM % 20000 + 1))"; done' 2>/dev/null &
		others+=("$!")
	done

	for ((i = 0; i < WRITERS; i++)); do
		writer "$i" &
		pids+=("$!")
	done
	wait "${pids[@]}" || true
	[ ! -e "$out/failed" ] || { cat "$out/failed" && false; }
	for i in "${others[@]}"; do
		kill -0 "$i" || { echo "a reader or a load ended too early: $(cat "$out"/events.*)" && false; }
		kill "$i" && ! wait "$i"
	done
	cat "$out"/log.* | awk '{ n[$1]++ } END { for (c in n) print n[c], c }'
	came_to >"$out/at-once"

	cgg-detach --all
	cgg-unload
	cgg-load
	cgg-rule -p shared add deny sendmsg port 1
	for ((i = 0; i < WRITERS; i++)); do
		# shellcheck disable=SC1090 # what the writer did
		. "$out/log.$i"
	done
	came_to >"$out/one-by-one"
	diff "$out/at-once" "$out/one-by-one"

	cgg-detach --all
	cgg-unload
	[ "${SOAK_SECONDS:-}" ] || return 0 # other test files that run at the same time have programs, too
	wait_for nothing_more "$before"
}

# nothing_more BEFORE: the kernel has no more programs and maps than before
nothing_more()
{
	paste <(echo "$1") <(in_kernel) | awk '$2 > $1 { more = 1 } END { exit more }'
}

teardown()
{
	for i in "${others[@]}"; do
		kill "$i" 2>/dev/null || true
	done
	clean_up
}
