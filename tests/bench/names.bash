# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# names - rules by DNS name: packets, questions, answers, connect among a million names, memory, loading
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds and spent

names()
{
	printf '%s\n' 'resolver 127.0.0.53' 'allow dns *' 'deny connect host bad.test' | cgg-rule restore || exit
	network names && in_network names ip link set lo up || exit
	new_cgroup named && in_network names cgg-attach "${named:?}" || exit
	names_packets
	names_asks
	names_memory
	cgg-detach --all
	cgg-rule flush
	names_connect
	names_load
}

names_packets()
{
	local ns what none=0

	"$BUILD/tests/naming" packets "$rounds" >"$tmp/naming" || exit
	printf '\na packet that is not DNS, nanoseconds, as BPF_PROG_TEST_RUN measures\n'
	while IFS=$'\t' read -r ns what; do
		printf '%-30s %7d\n' "$what" "$ns"
		case $what in
		nothing,*) none=$ns ;;
		*) aim "$what, above an empty program" $((ns - none)) 5 ns ;;
		esac
	done <"$tmp/naming"
}

# What is taken off is what the kernel's clock reports for an empty program in the same cgroup.
# What the prototype of these programs took. One busy processor keeps the machine awake: where all sleep
# between packets, caches and clocks make each question some 400 ns slower.
names_asks()
{
	local ns what awake limit

	nice -n 19 bash -c 'while :; do :; done' 3>&- &
	awake=$!
	started[$awake]=awake
	in_network names "$BUILD/tests/naming" asks "$named" "$rounds" >"$tmp/naming" || exit
	stop "$awake"
	while read -r limit what; do
		aim "$what" "$(awk -F '\t' -v what="$what" '$2 == what { print $1 }' "$tmp/naming")" "$limit" ns
	done <<-'EOF'
		247 question: name of 11 bytes, 1 address
		308 question: name of 29 bytes, 1 address
		581 question: name of 116 bytes, 1 address
		494 answer: name of 11 bytes, 1 address
		1162 answer: 8 addresses
		3504 answer: 30 addresses
		6187 answer: 60 addresses
	EOF
	printf '\na question and its answer, nanoseconds above an empty program\n'
	while IFS=$'\t' read -r ns what; do
		printf '%-58s %7d\n' "$what" "$ns"
		figure "$ns" "$what, ns"
	done <"$tmp/naming"
	aim 'the slowest answer that is known' "$(sort -rn "$tmp/naming" | head -n 1 | cut -f 1)" 100000 ns
	aim 'the slowest question, of 127 bytes' \
		"$(grep question: "$tmp/naming" | sort -rn | head -n 1 | cut -f 1)" 5000 ns
}

names_memory()
{
	local map bytes sum=0

	for map in bindings known; do
		bytes=$(bpftool -j map show pinned "/sys/fs/bpf/cgguard/$map/$(stat -c %i "$named")" | jq .bytes_memlock)
		printf '%-58s %7d\n' "bytes of $map of an attachment with room for 4096" "$bytes"
		sum=$((sum + bytes))
	done
	aim 'memory of the names of an attachment, room for 4096' $((sum / 1024)) 2048 KiB
}

# names_policy POLICY LINE...: attach a cgroup of that name to it; 127.0.0.1 has a name that its last rule allows
names_policy()
{
	local name=$1

	new_cgroup "$name" || exit
	printf '%s\n' "${@:2}" | cat - "$tmp/rules" | cgg-rule -p "$name" restore &&
		cgg-attach -p "$name" "${!name}" || exit
	: >"$tmp/rules"
}

names_connect()
{
	local count=1000000 none empty_ns plain addresses listed in_set few

	[ -z "$quick" ] || count=20000
	seq -f 'n%07.0f.example.com' "$count" >"$tmp/list"
	: >"$tmp/rules"
	new_cgroup without && new_cgroup connect_empty || exit
	names_policy plain 'connect port 9'
	names_policy one_name 'allow connect host n0000007.example.com inner'
	generate addresses "$count" 1 connect | sed 's/^[a-z]*/allow/' >"$tmp/rules"
	names_policy many_addresses 'connect port 9'
	sed 's/^/allow connect host /; s/$/ inner/' "$tmp/list" >"$tmp/rules"
	names_policy many_rules 'connect port 9'
	cgg-set restore listed "$tmp/list" || exit
	names_policy many_in_set 'connect port 9' 'allow connect host @listed inner'
	cgg-names add n0000007.example.com 127.0.0.1 ttl 1d || exit
	start "$BUILD/tests/ops" empty connect "$connect_empty"
	read -r none empty_ns plain addresses few listed in_set < <(exec "$BUILD/tests/ops" connect $((2 * rounds + 1)) \
		"${without:?}" "${connect_empty:?}" "${plain:?}" "${many_addresses:?}" "${one_name:?}" \
		"${many_rules:?}" "${many_in_set:?}")
	stop_all
	printf '\nconnect to an address that has a name, nanoseconds\n'
	printf '%-40s %7d\n' 'nothing attached' "$none" 'an empty program' "$empty_ns" 'one rule by port' "$plain" \
		"one by port, $count by address" "$addresses" 'one rule by name' "$few" \
		"one by port, $count by name" "$listed" "one by port, a set of $count names" "$in_set"
	aim "connect, $count rules by name, above as many by address" $((listed - addresses)) 250 ns
	aim "connect, a set of $count names, above one by port" $((in_set - plain)) 250 ns
	figure $((listed - none)) "connect, $count rules by name, ns"
	figure $((in_set - none)) "connect, a set of $count names, ns"
	cgg-detach --all
	for name in plain many_addresses one_name many_rules many_in_set; do
		cgg-rule -p "$name" drop
	done
	cgg-set drop listed
	rm -f "$tmp/list" "$tmp/rules"
}

names_load()
{
	local i

	for ((i = 0; i <= rounds; i++)); do
		cgg-unload && milliseconds cgg-load
		[ "$i" -eq 0 ] || echo "$spent" >>"$tmp/load-plain"
		milliseconds cgg-load --hooks dns
		[ "$i" -eq 0 ] || echo "$spent" >>"$tmp/load-names"
	done
	printf '\nwhole processes, milliseconds, medians of %d\n' "$rounds"
	echo "cgg-load $(of load-plain), then cgg-load --hooks dns $(of load-names)"
	figure "$(of load-names)" 'cgg-load --hooks dns, ms'
}
