# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# packets - an established flow of packets under one rule, and under an access list
# shellcheck disable=SC2154 # tests/bench/run sets tmp, tests, rounds and spent

packets()
{
	local count=100000 none empty_ns one many

	[ -z "$quick" ] || count=10000
	new_cgroup without && new_cgroup packet_empty && new_cgroup single && new_cgroup list
	echo 'egress,ingress port 9' | cgg-rule -p single restore
	# no rule may end the flow
	generate acl "$count" 1 egress,ingress | sed 's/^[a-z]*/allow/' | cgg-rule -p list restore
	cgg-attach -p single "${single:?}" && cgg-attach -p list "${list:?}" || exit
	start "$BUILD/tests/ops" empty egress "${packet_empty:?}"
	start "$BUILD/tests/ops" empty ingress "$packet_empty"
	read -r none empty_ns one many < <(exec "$BUILD/tests/ops" egress $((6 * rounds + 1)) \
		"${without:?}" "$packet_empty" "$single" "$list")
	stop_all
	printf '\na UDP packet sent and received, egress and ingress, nanoseconds\n'
	printf '%-30s %7d\n' nothing "$none" 'empty programs' "$empty_ns" 'one rule' "$one" \
		"access list of $count" "$many"
	echo "ratio of the whole $(ratio "$many" "$one"), of what the guard adds $(ratio $((many - none)) $((one - none)))"
	aim "packets, access list of $count, of one rule" "$(ratio "$many" "$one")" 1.3 x
	cgg-detach --all
	cgg-rule -p list drop
	cgg-rule -p single drop
}

# packet_matches: the same flow under ten thousand rules by source port, own address and limit
packet_matches()
{
	local kind ns=() kinds=(sports selfs limits)

	seq 10000 | sed 's/.*/allow egress,ingress sport &/' | cgg-rule -p sports restore
	for n in {0..9999}; do
		echo "allow egress,ingress self 127.$((n / 200)).$((n % 200)).1"
	done | cgg-rule -p selfs restore
	seq 10000 | sed 's/.*/allow egress,ingress port & limit 1000000\/s/' | cgg-rule -p limits restore
	echo 'allow egress,ingress port 9' | cgg-rule -p single restore
	for kind in single "${kinds[@]}"; do
		new_cgroup "match_$kind"
		local -n path=match_$kind
		cgg-attach -p "$kind" "$path" || exit
	done
	read -r -a ns < <(exec "$BUILD/tests/ops" egress $((6 * rounds + 1)) \
		"${match_single:?}" "${match_sports:?}" "${match_selfs:?}" "${match_limits:?}")
	printf '\na UDP packet sent and received under ten thousand rules, nanoseconds\n'
	printf '%-30s %7d\n' 'one rule' "${ns[0]}"
	for kind in "${!kinds[@]}"; do
		printf '%-30s %7d\n' "${kinds[kind]}" "${ns[kind + 1]}"
		aim "packets, 10000 ${kinds[kind]}, of one rule" "$(ratio "${ns[kind + 1]}" "${ns[0]}")" 1.5 x
	done
	cgg-detach --all
	for kind in single "${kinds[@]}"; do
		cgg-rule -p "$kind" drop
	done
}
