# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sets - rules about sets, a million elements restored and one added: beside nft
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds and spent

sets()
{
	local count=1000000

	[ -z "$quick" ] || count=100000
	network sets || exit
	has nft nftables && nft=yes || nft=
	printf '\nsets, medians\n'
	sets_rules
	sets_addresses
	sets_names
}

# The cost of one more set: 64 rules about 64 sets, against one rule about one set.
sets_rules()
{
	local i one all

	for ((i = 0; i < 64; i++)); do
		seq -f "198.51.%.0f.$i" 0 99 | cgg-set restore "s$i" - || exit
		echo "deny connect ip @s$i"
	done | cgg-rule -p sets restore || exit
	cgg-rule -p set restore - <<<'deny connect ip @s0' || exit
	new_cgroup one && new_cgroup all
	cgg-attach -p set "${one:?}" && cgg-attach -p sets "${all:?}" || exit
	read -r one all < <(exec "$BUILD/tests/ops" connect $((2 * rounds + 1)) "$one" "$all")
	cgg-detach --all
	cgg-rule -p set drop && cgg-rule -p sets drop
	for ((i = 0; i < 64; i++)); do
		cgg-set drop "s$i"
	done
	printf 'connect with 1 set %d ns, with 64 sets %d ns: %d ns for each more\n' \
		"$one" "$all" $(((all - one) / 63))
	figure $(((all - one) / 63)) 'each more set of a policy, ns'
	aim 'each more set of a policy, connect' $(((all - one) / 63)) 40 ns
}

sets_addresses()
{
	local i ours theirs add

	generate addresses "$count" 1 | awk '{ print $NF }' >"$tmp/addresses"
	(echo 'table inet sets { set b { type ipv4_addr; }
}' && echo 'add element inet sets b {' && sed 's/$/,/' "$tmp/addresses" && echo '}') >"$tmp/nft"
	rm -f "$tmp"/set-*
	for ((i = 0; i < 3; i++)); do
		milliseconds cgg-set restore b "$tmp/addresses"
		echo "$spent" >>"$tmp/set-ours"
		[ -z "$nft" ] || milliseconds in_network sets nft -f "$tmp/nft"
		[ -z "$nft" ] || echo "$spent" >>"$tmp/set-nft"
		[ -z "$nft" ] || in_network sets nft flush ruleset
	done
	for ((i = 0; i < 20; i++)); do
		milliseconds cgg-set add b "192.0.2.$i"
		echo "$spent" >>"$tmp/set-add"
	done
	ours=$(of set-ours) theirs=$(of set-nft) add=$(of set-add)
	echo "restore of $count addresses $ours ms, nft -f $theirs ms; cgg-set add beside them $add ms"
	figure "$ours" "restore of $count addresses of a set, ms"
	figure "$add" "cgg-set add beside $count, ms"
	aim "cgg-set add beside $count addresses" "$add" 5 ms
	[ -z "$nft" ] || aim "restore of a set of $count addresses, of nft -f" "$(ratio "$ours" "$theirs")" 0.33 x
	cgg-set drop b
}

sets_names()
{
	local restore rule bytes

	awk -v n="$count" 'BEGIN { for (i = 0; i < n; i++) printf "%x.%x.example\n", i * 2654435761 % 4294967296, i % 9973 }' >"$tmp/names"
	milliseconds cgg-set restore names "$tmp/names"
	restore=$spent
	milliseconds cgg-rule -p sets add deny dns @names
	rule=$spent
	bytes=$(cgg-set list -s names | awk '{ print int($4 / $3) }')
	echo "restore of $count names $restore ms, the first rule $rule ms; $bytes bytes each"
	figure "$restore" "restore of $count names of a set, ms"
	aim "$count names in force" "$(awk "BEGIN { print $restore + $rule }")" 2000 ms
	aim 'memory of a name' "$bytes" 300 B
	cgg-rule -p sets drop
	cgg-set drop names
}
