# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# operations - each hook beside nothing and an empty program; one change; the sizes of the commands
# shellcheck disable=SC2154 # tests/bench/run sets tmp, tests, rounds and spent

# A rule for each hook that does not match its operation.
declare -A other=(
	[connect]='connect port 9' [bind]='bind port 9' [sendmsg]='sendmsg port 9'
	[recvmsg]='alert recvmsg port 9' [egress]='egress port 9' [ingress]='ingress port 9'
	[unix]='unix @nobody' [socket]='socket family inet type raw'
	[device]='device c 1:7' [sysctl]='sysctl kernel/domainname'
	[setsockopt]='setsockopt SOL_TCP:TCP_NODELAY' [getsockopt]='getsockopt SOL_TCP:TCP_NODELAY'
)

operations()
{
	local hook none one ours
	local hooks='connect bind sendmsg recvmsg egress ingress unix socket device sysctl setsockopt getsockopt'

	new_cgroup nothing && new_cgroup empty && new_cgroup guarded
	cgg-attach "${guarded:?}" || exit
	printf '\nnanoseconds an operation, medians\n'
	printf '%-12s %9s %9s %9s %9s %9s %7s\n' hook nothing empty guarded +empty +guarded ratio
	for hook in $hooks; do
		# shellcheck disable=SC2086 # words
		cgg-rule add ${other[$hook]} || exit
		start "$BUILD/tests/ops" empty "$hook" "${empty:?}"
		read -r none one ours < <(exec "$BUILD/tests/ops" "$hook" $((2 * rounds + 1)) \
			"${nothing:?}" "$empty" "$guarded")
		awk -v h="$hook" -v n="$none" -v e="$one" -v g="$ours" 'BEGIN {
			printf "%-12s %9d %9d %9d %9d %9d %7.2f\n", h, n, e, g, e - n, g - n, g / e }'
		figure $((ours - none)) "$hook, ns of one rule"
		[ "$hook" != connect ] || aim 'one rule, above an empty program, connect' $((ours - one)) 40 ns
		stop_all
		cgg-rule flush
	done
	cgg-detach --all
}

change()
{
	local i add map

	bpftool map create /sys/fs/bpf/cggbench type hash key 4 value 4 entries 1000 name cggbench
	for ((i = 0; i < 200; i++)); do
		[ $((i % 50)) -ne 0 ] || cgg-rule flush
		milliseconds cgg-rule add port $((1000 + i))
		echo "$spent" >>"$tmp/add"
		milliseconds bpftool map update pinned /sys/fs/bpf/cggbench \
			key $((i % 256)) 0 0 0 value 1 2 3 4
		echo "$spent" >>"$tmp/map"
	done
	rm -f /sys/fs/bpf/cggbench
	cgg-rule flush
	add=$(median <"$tmp/add") map=$(median <"$tmp/map")
	printf '\none change among few rules, milliseconds, medians of %d pairs\n' "$i"
	echo "cgg-rule add $add, bpftool map update $map, ratio $(ratio "$add" "$map")"
	figure "$add" 'cgg-rule add, ms'
}

starts()
{
	local i count

	for ((i = 0; i <= rounds; i++)); do
		cgg-unload && milliseconds cgg-load
		[ "$i" -eq 0 ] || echo "$spent" >>"$tmp/load"
		milliseconds cgg-rule add port 9090
		[ "$i" -eq 0 ] || echo "$spent" >>"$tmp/first"
	done
	printf '\nwhole processes, milliseconds, medians of %d\n' "$rounds"
	echo "cgg-load $(median <"$tmp/load")"
	figure "$(median <"$tmp/load")" 'cgg-load, ms'
	echo "the first rule for a port, which loads its programs $(median <"$tmp/first")"
	figure "$(paste "$tmp/load" "$tmp/first" | awk '{ print $1 + $2 }' | median)" 'cgg-load and the first rule, ms'
	for count in 100 1000; do
		generate addresses "$count" 1 >"$tmp/rules"
		for ((i = 0; i < 3 + 5 * rounds; i++)); do
			milliseconds cgg-rule restore "$tmp/rules"
			[ "$i" -lt 3 ] || echo "$spent" >>"$tmp/restore$count"
		done
		echo "cgg-rule restore of $count rules $(median <"$tmp/restore$count")"
		figure "$(median <"$tmp/restore$count")" "restore of $count rules, ms"
	done
	cgg-rule flush
}

sizes()
{
	local command calls

	printf '\n%-12s %9s %9s %s\n' command bytes stripped 'system calls of -V'
	for command in "$BUILD"/cgg-*; do
		[ -x "$command" ] || continue
		calls=-
		if type strace >/dev/null 2>&1; then
			calls=$(strace -f "$command" -V 2>&1 >/dev/null | grep -c '(')
		fi
		strip -o "$tmp/stripped" "$command"
		printf '%-12s %9d %9d %s\n' "${command##*/}" "$(stat -c %s "$command")" \
			"$(stat -c %s "$tmp/stripped")" "$calls"
	done
}
