# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# decisions - nanoseconds a decision, by kind and number of rules
#
# Questions are random, half of them made from rules; hot: 64 of them again and again.
# shellcheck disable=SC2154 # tests/bench/run sets tmp, tests, rounds and spent

# decide KIND COUNT: set the numbers that tests/engines/cost.c prints, by their names
decide()
{
	local kind=$1 count=$2 questions=65536 object=cost misses=0 key value

	declare -gA ns=()
	case $kind in
	addresses* | prefixes*)
		[ "$count" -lt 100000 ] || questions=262144
		misses=50
		;;
	sysctls | unixes) object=cost-named ;;
	devices) object=cost-several ;;
	esac
	[ -e "$BUILD/tests/bench/$object.bpf.o" ] || object=cost # of an earlier revision
	generate "$kind" "$count" 1 >"$tmp/rules"
	cgg-rule -p cost restore "$tmp/rules" || return
	"$BUILD/tests/oracle" -w -m "$misses" -n "$questions" "$tmp/rules" >"$tmp/questions" &&
		"$BUILD/tests/cost" "$BUILD/tests/bench/$object.bpf.o" cost "$rounds" \
			"$tmp/rules" "$tmp/questions" >"$tmp/cost" || return
	while read -r key value; do
		ns[$key]=$value
	done < <(xargs -n 2 <"$tmp/cost")
	cgg-rule -p cost drop
}

decisions()
{
	local kind count first counts=(1 10 100 1000 10000 100000 1000000)

	[ -z "$quick" ] || counts=(1 10 1000 100000)
	printf '\nnanoseconds a decision, less what an empty program takes\n'
	printf '%-11s %8s %7s %7s %7s %7s %9s %9s\n' kind rules ours hot HASH LPM ours/HASH ours/LPM
	: >"$tmp/costs"
	for kind in addresses prefixes prefixes6 acl fw ipc; do
		for count in "${counts[@]}"; do
			decision "$kind" "$count"
		done
	done
	for kind in devices sysctls unixes sockopts sockets ports; do
		for count in 1 100 10000; do
			decision "$kind" "$count"
			[ "$count" -ne 100 ] || first=${ns[ours]-}
		done
		[ -z "$first" ] || [ -z "${ns[ours]-}" ] ||
			aim "$kind, 10000 rules, of 100 rules" "$(ratio "${ns[ours]}" "$first")" 1.5 x
	done
	[ -n "$quick" ] || draw_plot
}

decision()
{
	local kind=$1 count=$2 of_hash=- of_lpm=-

	decide "$@" || { skipped "decisions: $kind $count" && return; }
	if [ -n "${ns[hash]-}" ]; then
		of_hash=$(ratio "${ns[ours]}" "${ns[hash]}")
		of_lpm=$(ratio "${ns[ours]}" "${ns[lpm]}")
	fi
	printf '%-11s %8d %7s %7s %7s %7s %9s %9s\n' "$kind" "$count" "${ns[ours]}" "${ns[hot]}" \
		"${ns[hash]--}" "${ns[lpm]--}" "$of_hash" "$of_lpm"
	figure "${ns[ours]}" "$kind of $count rules, ns"
	figure "${ns[hot]}" "$kind of $count rules, few questions, ns"
	echo "$kind $count ${ns[ours]} ${ns[hot]} ${ns[hash]--} ${ns[lpm]--}" >>"$tmp/costs"
	case $kind:$count in
	addresses:1000000 | prefixes:1000000)
		aim "$kind, 1000000, of one HASH lookup" "$of_hash" 0.5 x
		aim "$kind, 1000000, of one LPM_TRIE lookup" "$of_lpm" 0.15 x
		;;
	prefixes6:1000000) aim "$kind, 1000000, of one LPM_TRIE lookup" "$of_lpm" 0.25 x ;;
	acl:* | fw:* | ipc:*)
		case $count in
		1000) aim "$kind, $count" "${ns[ours]}" 450 ns ;;
		100000) aim "$kind, $count" "${ns[ours]}" 2000 ns ;;
		1000000) aim "$kind, $count" "${ns[ours]}" 4000 ns ;;
		*) return ;;
		esac
		aim "$kind, $count, few repeated destinations" "${ns[hot]}" 400 ns
		;;
	*:10) aim "$kind, 10 rules" "${ns[ours]}" 40 ns ;;
	esac
}

# What a decision waits for: the reasons of the figures above. doc/cost.md explains the columns.
walks()
{
	local kind large=1000000

	[ -z "$quick" ] || large=100000
	echo
	echo "what decisions wait for; caches in KiB: L1 $(cache LEVEL1_DCACHE), L2 $(cache LEVEL2_CACHE), L3 $(cache LEVEL3_CACHE)"
	printf '%-10s %8s %6s %6s %6s %6s %6s %6s %6s %8s %8s\n' kind rules ns hot LPM levels loads lines \
		rare touched index
	for kind in addresses prefixes prefixes6 fw ipc; do
		walk "$kind" 100
		walk "$kind" 1000
		walk "$kind" "$large"
	done
	for kind in devices sysctls unixes sockopts; do
		walk "$kind" 100
		walk "$kind" 10000
	done
}

# cache NAME: print the KiB that getconf(1) knows of a cache
cache()
{
	echo $(($(getconf "$1_SIZE") / 1024))
}

walk()
{
	local kind=$1 count=$2 waits

	if ! { decide "$@" && waits=$("$BUILD/tests/walk" "$tmp/rules" "$tmp/questions"); }; then
		skipped "walks: $kind $count"
		return
	fi
	# shellcheck disable=SC2086 # words
	set -- $waits
	printf '%-10s %8d %6s %6s %6s %6s %6s %6s %6s %8s %8s\n' "$kind" "$count" "${ns[ours]}" \
		"${ns[hot]}" "${ns[lpm]--}" "$2" "$4" "$6" "$8" "${10}" "${12}"
}

# The tree stays as it is: who wants the new picture in it copies it.
draw_plot()
{
	"$tests/bench/plot" "$tmp/costs" >"$BUILD/cost.svg" &&
		echo "drawn: $BUILD/cost.svg; share/cost.svg is the one of the last release"
}
