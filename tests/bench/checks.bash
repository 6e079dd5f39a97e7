# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# checks - cgg-rule check of policies of every shape: processor time, the least of all rounds, and memory
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds, quick and tests

checks()
{
	local words kind found round memory seconds slowest=0 count=100000
	local kinds='addresses prefixes acl fw ipc ports overlap ladder owners users packets sports selfs
		values devices sysctls unixes sockopts sockets'

	has /usr/bin/time checks || return 0
	[ -z "$quick" ] || count=10000
	printf '\ncgg-rule check of %d rules: seconds of processor time, MB at most, rules found and not checked\n' "$count"
	printf '%-12s %9s %9s %9s %9s\n' kind seconds MB found unchecked
	for kind in $kinds; do
		words=()
		[ "$kind" != packets ] || words=(lo)
		generate "$kind" "$count" 1 "${words[@]}" >"$tmp/rules"
		for ((round = 0; round < rounds; round++)); do
			/usr/bin/time -a -o "$tmp/times" -f '%U %S %M' \
				cgg-rule check "$tmp/rules" >"$tmp/found" 2>/dev/null || [ $? -eq 1 ] || exit
		done
		read -r seconds memory < <(awk 'NF == 3 { print $1 + $2, $3 }' "$tmp/times" | sort -g)
		rm "$tmp/times"
		found=$(grep -c . "$tmp/found")
		printf '%-12s %9s %9d %9d %9d\n' "$kind" "$seconds" $((memory / 1000)) "$found" \
			"$(grep -c '	not checked' "$tmp/found")"
		figure "$seconds" "cgg-rule check, $count rules, $kind, s"
		slowest=$(printf '%s\n' "$slowest" "$seconds" | sort -g | tail -n 1)
	done
	aim "cgg-rule check of $count rules, the slowest kind" "$slowest" 2 s
}
