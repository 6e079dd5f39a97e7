# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# peers - what several ways to guard cost traffic over veth, side by side
#
# Each has a cgroup, a network namespace and a veth pair to the namespace of the server.
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds and said

peers()
{
	local size=1000000 linear=100 op

	[ -z "$quick" ] || size=10000
	variants=() names=()
	generate addresses "$size" 1 >"$tmp/block"
	awk '{ print $NF }' "$tmp/block" >"$tmp/addresses"
	network server && in_network server ip link set lo up || exit

	variant nothing 'nothing attached'
	variant calls 'empty, calls'
	empty_on "$path" connect sendmsg
	variant ours_calls "ours, $size, calls"
	cgg-rule -p calls restore "$tmp/block" && cgg-attach -p calls "$path"
	variant packets 'empty, packets'
	empty_on "$path" egress ingress
	variant ours_packets "ours, $size, packets"
	sed 's/connect,sendmsg/egress,ingress/' "$tmp/block" | cgg-rule -p packets restore &&
		cgg-attach -p packets "$path"
	if has nft nftables; then
		variant nft_set "nft set, $size"
		nft_rules "ip daddr @b drop" "ip saddr @b drop" | in_network nft_set nft -f - ||
			skipped 'peers: nft set'
		variant nft_linear "nft, $linear rules"
		nft_rules "$(linear_rules dport)" "$(linear_rules sport)" |
			in_network nft_linear nft -f - || skipped 'peers: nft, linear rules'
	fi
	if has ipset ipset && has iptables-legacy ipset; then
		variant ipset "ipset, $size"
		ipset_rules || skipped 'peers: ipset'
	fi
	variant landlock 'Landlock, 1000 ports' 1000
	"$BUILD/tests/traffic" udp 1 "${variants[-1]}" >/dev/null 2>&1 || {
		skipped 'peers: Landlock with ports: not in this kernel'
		unset 'variants[-1]' 'names[-1]'
	}
	variant lpm "LPM_TRIE filter, $size"
	start "$BUILD/tests/lpm" "$BUILD/tests/bench/lpm.bpf.o" "$path" <"$tmp/addresses"
	[[ $said == ready* ]] || skipped "peers: LPM_TRIE filter: $said"

	start nsenter --net=/run/netns/"$CGG_RUN"-server "$BUILD/tests/traffic" serve
	for op in udp connect send request bulk; do
		"$BUILD/tests/traffic" "$op" $((2 * rounds + 1)) "${variants[@]}" >"$tmp/peer-$op" ||
			skipped "peers: $op"
	done
	table
	stop_all
	cgg-detach --all
	cgg-rule -p calls drop
	cgg-rule -p packets drop
	rm -f "$tmp/block" "$tmp/addresses"
}

network()
{
	ip netns add "$CGG_RUN-$1"
}

in_network()
{
	local name=$1

	shift
	nsenter --net="/run/netns/$CGG_RUN-$name" "$@"
}

# variant NAME WORDS [PORTS]: make one; its cgroup is in $path
variant()
{
	local number=${#variants[@]}

	new_cgroup "peer_$1" || exit
	path=peer_$1
	path=${!path}
	network "$1" && ip link add veth0 netns "$CGG_RUN-$1" type veth \
		peer name "veth$number" netns "$CGG_RUN-server" || exit
	in_network server ip addr add "10.77.$number.1/24" dev "veth$number"
	in_network server ip link set "veth$number" up
	in_network "$1" ip addr add "10.77.$number.2/24" dev veth0
	in_network "$1" ip link set veth0 up
	variants+=("$1:$path:$CGG_RUN-$1:10.77.$number.1:${3-0}")
	names+=("$2")
}

# empty_on CGROUP HOOK...
empty_on()
{
	local hook

	for hook in "${@:2}"; do
		start "$BUILD/tests/ops" empty "$hook" "$1"
	done
}

# nft_rules OUT IN: for what the cgroup in $path sends and receives, beside the set b
nft_rules()
{
	local group=${path#/sys/fs/cgroup/} # how nft names it

	cat <<-END
		table inet cgg {
		set b { type ipv4_addr; }
		chain out { type filter hook output priority 0
	END
	awk -v of="socket cgroupv2 level 1 \"$group\"" '{ print of, $0 }' <<<"$1"
	printf '}\nchain in { type filter hook input priority 0\n'
	awk -v of="socket cgroupv2 level 1 \"$group\"" '{ print of, $0 }' <<<"$2"
	printf '}\n}\n'
	[[ $1 == *@b* ]] || return 0
	printf 'add element inet cgg b {\n'
	sed 's/$/,/' "$tmp/addresses"
	printf '}\n'
}

linear_rules()
{
	local i

	for ((i = 0; i < linear; i++)); do
		echo "meta l4proto { tcp, udp } th $1 $((20000 + i)) drop"
	done
}

ipset_rules()
{
	local mount group

	mount=$(cgroup_root)
	group=${path#"$mount"/}
	(echo "create b hash:ip hashsize 1048576 maxelem 4000000" && sed 's/^/add b /' "$tmp/addresses") |
		in_network ipset ipset restore &&
		in_network ipset iptables-legacy -A OUTPUT -m cgroup --path "$group" -m set --match-set b dst -j DROP &&
		in_network ipset iptables-legacy -A INPUT -m cgroup --path "$group" -m set --match-set b src -j DROP
}

# table: print ns an operation, and the difference to nothing attached
table()
{
	local i op

	printf '\ntraffic over veth: ns an operation (and more than with nothing; medians)\n'
	printf '%-26s' ''
	printf '%16s' 'UDP connect' 'TCP connect' 'sendmsg' 'request' 'bulk, Gbit/s'
	echo
	for ((i = 0; i < ${#names[@]}; i++)); do
		printf '%-26s' "${names[i]}"
		for op in udp connect send request bulk; do
			awk -v name="${variants[i]%%:*}" -v op="$op" '$1 == name {
				if (op == "bulk") text = sprintf("%.2f", 65536 * 8 / $2)
				else text = sprintf("%d (%+d)", $2, $3)
			} END { printf "%16s", text == "" ? "-" : text }' "$tmp/peer-$op"
		done
		echo
	done
}
