# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# checks - cgg-rule check of policies of every shape: processor time and memory
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds, quick and tests

checks()
{
	local words kind found user system memory seconds slowest=0 count=100000
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
		/usr/bin/time -o "$tmp/time" -f '%U %S %M' \
			cgg-rule check "$tmp/rules" >"$tmp/found" 2>/dev/null || [ $? -eq 1 ] || exit
		read -r user system memory < <(tail -n 1 "$tmp/time")
		seconds=$(awk -v u="$user" -v s="$system" 'BEGIN { print u + s }')
		found=$(grep -c . "$tmp/found")
		printf '%-12s %9s %9d %9d %9d\n' "$kind" "$seconds" $((memory / 1000)) "$found" \
			"$(grep -c '	not checked' "$tmp/found")"
		figure "$seconds" "cgg-rule check, $count rules, $kind, s"
		slowest=$(printf '%s\n' "$slowest" "$seconds" | sort -g | tail -n 1)
	done
	aim "cgg-rule check of $count rules, the slowest kind" "$slowest" 2 s
}
