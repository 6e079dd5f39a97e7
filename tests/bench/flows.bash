# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# flows - packets, connections and UDP sockets without and with rules of the hook flow
# shellcheck disable=SC2154 # tests/bench/run sets tmp, tests, rounds and spent

flows()
{
	local none empty_ns tcp both rest kind

	new_cgroup without && new_cgroup packet_empty
	for kind in tcp allowed told; do
		new_cgroup "flow_$kind"
		local -n path=flow_$kind
		case $kind in
		tcp) cgg-rule -p tcp add alert flow proto tcp ;;
		allowed) cgg-rule -p allowed add allow flow ;;
		told) cgg-rule -p told add alert flow ;;
		esac
		cgg-attach -p "$kind" "$path" || exit
	done
	start "$BUILD/tests/ops" empty egress "${packet_empty:?}"
	start "$BUILD/tests/ops" empty ingress "$packet_empty"
	read -r none empty_ns tcp both < <(exec "$BUILD/tests/ops" egress $((6 * rounds + 1)) \
		"${without:?}" "$packet_empty" "${flow_tcp:?}" "${flow_told:?}")
	stop_all
	printf '\na UDP packet sent and received under alert flow, nanoseconds\n'
	printf '%-30s %7d\n' nothing "$none" 'empty programs' "$empty_ns" 'of TCP alone' "$tcp" \
		'of both' "$both"
	aim 'flows of UDP, a packet' $(((both - none) / 2)) 100 ns
	aim 'flows of UDP, a packet, above an empty program' $(((both - empty_ns) / 2)) 30 ns
	read -r none rest < <(exec "$BUILD/tests/ops" segment $((6 * rounds + 1)) "$without" "$flow_tcp")
	printf '\na TCP segment sent and received, nanoseconds: nothing %d, alert flow proto tcp %d\n' \
		"$none" "$rest"
	printf '\nopened and closed again, nanoseconds\n%-12s %9s %9s %9s\n' '' nothing allowed told
	for kind in connection datagrams; do
		read -r none both rest < <(exec "$BUILD/tests/ops" "$kind" $((2 * rounds + 1)) \
			"$without" "${flow_allowed:?}" "$flow_told")
		printf '%-12s %9d %9d %9d\n' "$kind" "$none" "$both" "$rest"
		figure $((rest - none)) "flows, ns of a $kind"
	done
	cgg-detach --all
	for kind in tcp allowed told; do
		cgg-rule -p "$kind" drop
	done
}
