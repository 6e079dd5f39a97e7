# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# loads - rule sets loaded from text, one change among many, memory: ours, nft, ipset
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds and spent

loads()
{
	local counts=(1000 100000 1000000)

	[ -z "$quick" ] || counts=(1000 100000)
	network load || exit
	has nft nftables && nft=yes || nft=
	has ipset ipset && ipset=yes || ipset=
	printf '\na set of addresses loaded from text, milliseconds, medians; what kernel memory\ngrew by in the first round, MB\n'
	printf '%9s %12s %12s %12s %10s %10s %10s %8s\n' rules 'cgg-rule' 'nft -f' 'ipset' \
		'ours MB' 'nft MB' 'ipset MB' 'ours/nft'
	for count in "${counts[@]}"; do
		load "$count"
	done
	changes
	cgg-rule flush
}

# kernel_memory: print the MB that the kernel has in slabs, vmalloc and per processor
kernel_memory()
{
	awk '/^(SUnreclaim|VmallocUsed|Percpu):/ { sum += $2 } END { print int(sum / 1024) }' /proc/meminfo
}

# settled: print the same once it no longer changes: much memory is freed with a delay
settled()
{
	local last now tries

	last=$(kernel_memory)
	for ((tries = 0; tries < 30; tries++)); do
		sleep 0.2
		now=$(kernel_memory)
		[ "$now" -ne "$last" ] || break
		last=$now
	done
	echo "$now"
}

# timed NAME COMMAND...: store its milliseconds, and in the first round the memory, in files
timed()
{
	local name=$1 before

	shift
	[ -s "$tmp/memory-$name" ] || before=$(settled)
	milliseconds "$@"
	echo "$spent" >>"$tmp/load-$name"
	[ -s "$tmp/memory-$name" ] || echo $(($(settled) - before)) >"$tmp/memory-$name"
}

# of NAME: print the median; - if there is none
of()
{
	[ -s "$tmp/$1" ] && median <"$tmp/$1" || echo -
}

load()
{
	local count=$1 i times=3 ours

	generate addresses "$count" 1 >"$tmp/block"
	awk '{ print $NF }' "$tmp/block" >"$tmp/addresses"
	(echo 'table inet load { set b { type ipv4_addr; }
}' && echo 'add element inet load b {' && sed 's/$/,/' "$tmp/addresses" && echo '}') >"$tmp/nft"
	(echo "create b hash:ip hashsize 1048576 maxelem 4000000" && sed 's/^/add b /' "$tmp/addresses") >"$tmp/ipset"
	rm -f "$tmp"/load-* "$tmp"/memory-*
	for ((i = 0; i < times; i++)); do
		timed ours cgg-rule -p load restore "$tmp/block"
		cgg-rule -p load drop
		[ -z "$nft" ] || timed nft in_network load nft -f "$tmp/nft"
		[ -z "$nft" ] || in_network load nft flush ruleset
		[ -z "$ipset" ] || timed ipset in_network load ipset restore -f "$tmp/ipset"
		[ -z "$ipset" ] || in_network load ipset destroy b
	done
	ours=$(of load-ours)
	printf '%9d %12s %12s %12s %10s %10s %10s %8s\n' "$count" "$ours" "$(of load-nft)" \
		"$(of load-ipset)" "$(of memory-ours)" "$(of memory-nft)" "$(of memory-ipset)" \
		"$([ -z "$nft" ] || ratio "$ours" "$(of load-nft)")"
	[ "$count" -eq 1000000 ] || return 0
	[ -z "$nft" ] || aim 'restore of 1000000 addresses, of nft -f' "$(ratio "$ours" "$(of load-nft)")" 0.33 x
	[ -z "$ipset" ] || aim 'restore of 1000000 addresses, of ipset restore' "$(ratio "$ours" "$(of load-ipset)")" 1 x
	memory_aims
}

# pinned_bytes: print the bytes of all pinned maps
pinned_bytes()
{
	local pin

	for pin in /sys/fs/bpf/cgguard/maps/* /sys/fs/bpf/cgguard/indexes/*; do
		[ ! -f "$pin" ] || bpftool -j map show pinned "$pin"
	done | jq -s 'map(.bytes_memlock) | add'
}

memory_aims()
{
	local kind

	for kind in addresses acl fw ipc; do
		generate "$kind" 1000000 1 | cgg-rule -p load restore
		aim "memory of 1000000 $kind, all maps, a rule" $(($(pinned_bytes) / 1000000)) \
			"$([ "$kind" = addresses ] && echo 200 || echo 600)" B
		cgg-rule -p load drop
	done
}

# change_of NAME COMMAND...: store its milliseconds in a file
change_of()
{
	local name=$1

	shift
	milliseconds "$@"
	echo "$spent" >>"$tmp/change-$name"
}

# One change, as whole processes in turn; nft and ipset run in their namespace, and the time of
# nsenter alone is shown for comparison.
changes()
{
	local i times=$((10 * rounds)) large=1000000 map=/sys/fs/bpf/cggbench

	[ -z "$quick" ] || large=100000
	generate addresses 1000 1 | cgg-rule -p few restore
	generate addresses "$large" 1 | cgg-rule -p many restore
	bpftool map create "$map" type hash key 4 value 4 entries 2000 name cggbench
	generate addresses 100000 1 | awk '{ print $NF }' >"$tmp/addresses"
	nft_set plain 'type ipv4_addr'
	ipset_set
	rm -f "$tmp"/change-*
	for ((i = 1; i <= times; i++)); do
		change_of few-add cgg-rule -p few add port "$i"
		change_of many-add cgg-rule -p many add port "$i"
		change_of map bpftool map update pinned "$map" key $((i % 256)) 0 0 0 value 1 2 3 4
		change_of few-delete cgg-rule -p few delete port "$i"
		change_of many-delete cgg-rule -p many delete port "$i"
		change_of nsenter in_network load true
		[ -z "$nft" ] || change_of nft in_network load nft add element inet plain b \
			"{ 192.0.2.$((i % 256)) }"
		[ -z "$ipset" ] || change_of ipset in_network load ipset -exist add b "192.0.2.$((i % 256))"
	done
	in_network load nft flush ruleset 2>/dev/null # one add reads all existing sets
	nft_set ranges 'type ipv4_addr; flags interval'
	for i in 1 2 3; do
		[ -z "$nft" ] || change_of nft-interval in_network load nft add element inet ranges b \
			"{ 192.0.2.$i }"
	done
	rm -f "$map"
	in_network load nft flush ruleset 2>/dev/null
	in_network load ipset destroy 2>/dev/null
	cgg-rule -p few drop
	cgg-rule -p many drop
	changes_table
}

# nft_set TABLE TYPE: make a set b of 100000 addresses in a table of its own
nft_set()
{
	[ -n "$nft" ] || return 0
	(echo "table inet $1 { set b { $2; }
}" && echo "add element inet $1 b {" && sed 's/$/,/' "$tmp/addresses" && echo '}') |
		in_network load nft -f - || nft=
}

ipset_set()
{
	[ -n "$ipset" ] || return 0
	(echo "create b hash:ip hashsize 131072 maxelem 200000" && sed 's/^/add b /' "$tmp/addresses") |
		in_network load ipset restore || ipset=
}

changes_table()
{
	local what map

	printf '\none change as a whole process, milliseconds, medians of %d\n' "$times"
	change_row 'cgg-rule add, 1000 rules there' few-add
	change_row 'cgg-rule delete, 1000 rules there' few-delete
	change_row "cgg-rule add, $large rules there" many-add
	change_row "cgg-rule delete, $large rules there" many-delete
	change_row 'bpftool map update' map
	change_row 'nsenter true' nsenter
	change_row 'nsenter nft add element, set of 100000' nft
	change_row 'nsenter nft add element, interval set of 100000' nft-interval
	change_row 'nsenter ipset add, set of 100000' ipset
	map=$(of change-map)
	for what in add delete; do
		aim "$what with 1000 rules, of bpftool map update" \
			"$(ratio "$(of "change-few-$what")" "$map")" 1 x
		aim "$what with $large rules" "$(of "change-many-$what")" 20 ms
	done
}

change_row()
{
	printf '%-50s %10s\n' "$1" "$(of "change-$2")"
}
