#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# soak - many at once: writers, readers and a load of attempts on one guard
#
# Each of WRITERS adds to, deletes from and restores a policy of its own, attaches and
# detaches a cgroup of its own, and adds to and deletes from one policy that all share,
# at random. What each did is run again afterwards, one writer after the other, on a
# fresh guard: it must come to the same. In the shared policy the order is that in which
# the writers came, so there what it holds is compared, sorted.
#
# SOAK_SECONDS=60 is what make soak says; SEED is shown, and may be given again.
# shellcheck disable=SC2154 # new_cgroup sets web
load ../helpers

seconds=${SOAK_SECONDS:-2}
seed=${SEED:-$((BASHPID * 31 + SECONDS))}
WRITERS=32
others=() # the readers and the loads

# done_so COMMAND...: it must succeed, and is written down
done_so()
{
	local status=0

	timeout 120 "$@" >"$out/$me" 2>&1 || status=$?
	if [ "$status" -ne 0 ]; then
		echo "writer $me: $*: status $status: $(<"$out/$me")" >>"$out/failed"
		return 1
	fi
	printf '%q ' "$@" >>"$out/log.$me"
	echo >>"$out/log.$me"
}

# take LIST: an element of it that is drawn, out of it
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
		echo '# allow everything' # there may be none
	} >"$file"
	done_so cgg-rule -p "own$me" restore "$file"
}

# one_turn: at random, one of what a writer may do
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
		kill -0 "$i" || { echo "a reader or a load has ended by itself: $(cat "$out"/events.*)" && false; }
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
	[ "${SOAK_SECONDS:-}" ] || return 0 # other tests that run beside have programs, too
	wait_for nothing_more "$before"
}

# nothing_more BEFORE: no more in the kernel than then
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
