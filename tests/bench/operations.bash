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
	local i nft=''

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
	has nft nftables && network starts && nft=yes
	restores 100 && restores 1000
	cgg-rule flush
}

# spent_on NAME COMMAND...: store its milliseconds, except those of the first three rounds
spent_on()
{
	milliseconds "${@:2}"
	[ "$i" -lt 3 ] || echo "$spent" >>"$tmp/$1"
}

# restores COUNT: as many rules over a policy that has as many, into a new policy, and as elements
# of a set of nft. What it takes to enter the namespace of nft is not counted.
restores()
{
	local count=$1 i over new theirs

	generate addresses "$count" 1 >"$tmp/rules"
	(printf 'table inet starts { set b { type ipv4_addr; }\n}\nadd element inet starts b {\n' &&
		awk '{ print $NF "," }' "$tmp/rules" && echo '}') >"$tmp/nft"
	for ((i = 0; i < 3 + 5 * rounds; i++)); do
		spent_on "over$count" cgg-rule restore "$tmp/rules"
		spent_on "new$count" cgg-rule -p "new$i" restore "$tmp/rules"
		cgg-rule -p "new$i" drop
		[ "$nft" ] || continue
		spent_on "nft$count" in_network starts nft -f "$tmp/nft"
		spent_on "enter$count" in_network starts true
		in_network starts nft flush ruleset
	done
	over=$(of "over$count") new=$(of "new$count")
	echo "cgg-rule restore of $count rules $over, into a new policy $new"
	figure "$over" "restore of $count rules, ms"
	figure "$new" "restore of $count rules into a new policy, ms"
	[ "$count" -ne 100 ] || aim 'restore of 100 rules into a new policy' "$new" 3 ms
	[ "$nft" ] || return 0
	theirs=$(awk "BEGIN { print $(of "nft$count") - $(of "enter$count") }")
	echo "nft -f of $count elements $theirs"
	[ "$count" -ne 100 ] || return 0
	aim "restore of $count rules, of nft -f" "$(ratio "$over" "$theirs")" 1.2 x
	aim "restore of $count rules into a new policy, of nft -f" "$(ratio "$new" "$theirs")" 1.2 x
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
