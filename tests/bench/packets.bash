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
