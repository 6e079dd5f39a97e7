#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# classifier - first match among many rules: the kernel answers as a plain walk does
#
# tests/engines/generate.c makes the policies; oracle.c makes the questions, and the answers that
# the kernel's must equal, verdict and rule; flip.c tries to get through while policies change.
# SEED=N repeats a run, MORE=10 makes the random ones ten times as long and the large ones larger.
# shellcheck disable=SC2154 # new_cgroup sets a and its like
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

seed=${SEED:-$RANDOM}
dir=/sys/fs/bpf/cgguard
at=$BATS_TEST_TMPDIR

# Nothing is attached unless a test does it.
setup()
{
	untraced
	echo "SEED=$seed"
	RANDOM=$seed
}

generate()
{
	"$BUILD/tests/generate" "$@"
}

# agrees QUERIES FILE [OPTION...]: the kernel agrees with the oracle; its summary is kept
agrees()
{
	local queries=$1 file=$2

	shift 2
	run "$BUILD/tests/oracle" -s "$seed" -n "$queries" "$@" "$file"
	status_is 0
	matches "^queries $queries hits [0-9]+ wrong 0 "
	echo "$output" >>"$BATS_FILE_TMPDIR/said"
}

# kind KIND SIZE...: restore and ask; list prints the same rules
kind()
{
	local kind=$1 size

	shift
	for size in "$@"; do
		echo "generate $kind $size $seed ${paths[*]}"
		generate "$kind" "$size" "$seed" "${paths[@]}" >"$at/rules"
		yes cgg-rule flush
		yes cgg-rule restore "$at/rules"
		cgg-rule list | cmp - "$at/rules"
		cgg-rule list -i >"$at/ids"
		agrees $(((size < 1000 ? 3000 : 6000) * ${MORE:-1})) "$at/ids"
	done
}

# ---- the answers of the kernel ----

@test 'blocklists of addresses and prefixes, IPv4 and IPv6, are judged as by a plain walk' {
	for blocks in addresses addresses6 sequence prefixes prefixes6; do
		kind "$blocks" 1 10 63 64 65 1000 10000
	done
}

@test 'access lists of the shapes acl, fw and ipc are judged as by a plain walk' {
	for list in acl fw ipc; do
		kind "$list" 10 64 65 300 1000 10000
	done
}

@test 'ten thousand port ranges are judged as by a plain walk' {
	kind ports 10 100 1000 10000
}

@test 'ten thousand port ranges at one address are judged as by a plain walk' {
	generate ports 10000 "$seed" | sed 's/ port/ ip 192.0.2.1 port/' >"$at/rules"
	yes cgg-rule restore "$at/rules"
	agrees 30000 <(cgg-rule list -i)
}

@test 'rules with overlapping hooks, protocols, prefixes, ports and verdicts are judged as by a plain walk' {
	kind overlap 10 30 64 65 100 300 1000 10000
}

@test 'lists of nets, words, ranges, ports and protocols are judged as by a plain walk' {
	kind lists 1 2 4 8 16 64 300 1000 $((2000 * ${MORE:-1}))
}

@test 'rules about users and groups are judged as by a plain walk, also of an unknown owner' {
	kind owners 1 10 64 65 300 1000 10000
	kind users 10 65 1000 10000
}

@test 'rules with a limit are judged as by a plain walk, with their tokens and without' {
	kind limits 1 10 64 65 300 1000
}

@test 'rules about source ports, interfaces and own addresses are judged as by a plain walk' {
	paths=(lo)
	kind packets 1 10 64 65 300 1000 1500 # as many conditions as fit at one address
	paths=()
	kind sports 10 65 1000 10000
	kind selfs 10 65 1000 10000
}

@test 'rules about values that are set are judged as by a plain walk, also of a vague value' {
	kind values 1 10 64 65 300 1000 10000
}

@test 'nested prefixes of one address, with rules at every length, are judged as by a plain walk' {
	kind ladder 64 65 200 400 800
}

@test 'rules about nested cgroups are judged as by a plain walk' {
	new_cgroup a
	new_cgroup b "$a"
	new_cgroup c "$b"
	new_cgroup d "$a"
	paths=("$(shown "$a")" "$(shown "$b")" "$(shown "$c")" "$(shown "$d")" /)
	kind cgroups 10 64 65 300 1000 10000
}

@test 'devices, sysctls, unix sockets, options and sockets are judged as by a plain walk' {
	for operand in devices sysctls unixes sockopts sockets; do
		kind "$operand" 10 30 64 100 1000 10000
	done
}

@test 'defaults that deny and alert hold where no rule matches' {
	(echo 'default connect,bind deny' && echo 'default sendmsg,egress alert' &&
		generate overlap 500 "$seed") >"$at/rules"
	yes cgg-rule restore "$at/rules"
	cgg-rule list -i >"$at/ids"
	agrees 30000 "$at/ids" -m 50
}

# memory: print the bytes of all pinned maps
memory()
{
	local pin

	for pin in "$dir"/maps/* "$dir"/indexes/*; do
		[ ! -f "$pin" ] || bpftool -j map show pinned "$pin"
	done | jq -s 'map(.bytes_memlock) | add'
}

# What every guard has, above all the ring of events, does not count.
@test 'a hundred thousand rules of each shape are judged as by a plain walk, in 300 bytes each' {
	yes cgg-rule flush
	yes cgg-rule flush # so that no index is kept for a revert
	empty=$(memory)
	for shape in acl fw ipc overlap prefixes prefixes6; do
		echo "generate $shape 100000 $seed"
		generate "$shape" 100000 "$seed" >"$at/rules"
		yes cgg-rule restore "$at/rules"
		each=$((($(memory) - empty) / 100000))
		echo "$each bytes a rule"
		[ "$each" -le 300 ]
		agrees $((10000 * ${MORE:-1})) <(cgg-rule list -i)
		yes cgg-rule flush
	done
}

# MORE=5 makes a million of them.
@test 'hundreds of thousands of addresses are judged and listed right, in 200 bytes each' {
	count=$((200000 * ${MORE:-1}))
	yes cgg-rule flush
	yes cgg-rule flush
	empty=$(memory)
	generate addresses "$count" "$seed" >"$at/rules"
	yes cgg-rule restore "$at/rules"
	cgg-rule list | cmp - "$at/rules"
	agrees $((100000 * ${MORE:-1})) <(cgg-rule list -i)
	each=$((($(memory) - empty) / count))
	echo "$each bytes a rule"
	[ "$each" -le 200 ]
}

# ---- changes, one after the other ----

# change: add, insert or delete at random, in the policy and in the lines of ids and rules
change()
{
	local count=${#rules[@]} place=$((RANDOM * 32768 + RANDOM)) rule=${more[$((next++))]}

	place=$((place % (count + 1)))
	case $((RANDOM % 5)) in
	0)
		id=$(words add -i "$rule")
		rules+=("$rule") ids+=("$id")
		;;
	1 | 2)
		[ "$place" -lt "$count" ] || place=$((count - 1))
		id=$(words insert -i "${ids[place]}" "$rule")
		rules=("${rules[@]:0:place}" "$rule" "${rules[@]:place}")
		ids=("${ids[@]:0:place}" "$id" "${ids[@]:place}")
		;;
	3)
		[ "$place" -lt "$count" ] || place=$((count - 1))
		cgg-rule delete "${ids[place]}"
		drop
		;;
	4) # the first rule with these words
		[ "$place" -lt "$count" ] || place=$((count - 1))
		rule=${rules[place]}
		words delete "$rule"
		for ((place = 0; place < count; place++)); do
			[ "${rules[place]}" != "$rule" ] || break
		done
		drop
		;;
	esac
}

drop()
{
	rules=("${rules[@]:0:place}" "${rules[@]:place+1}")
	ids=("${ids[@]:0:place}" "${ids[@]:place+1}")
}

# words COMMAND ARGUMENT... RULE: pass the rule as words; a comment is one word
words()
{
	local - rule=${*: -1}

	set -f # no file names for a star
	# shellcheck disable=SC2086 # words
	case $rule in
	*' comment "a b"'*)
		cgg-rule "${@:1:$#-1}" ${rule%% comment *} comment 'a b' ${rule#*\"a b\"}
		;;
	*) cgg-rule "${@:1:$#-1}" $rule ;;
	esac
}

# changes KIND SIZE COUNT: make changes; compare list and answers after each tenth
changes()
{
	local i count=$(($3 * ${MORE:-1}))

	generate "$1" "$2" "$seed" >"$at/rules"
	mapfile -t more < <(generate "$1" "$count" $((seed + 1)))
	yes cgg-rule flush
	yes cgg-rule restore "$at/rules"
	mapfile -t rules <"$at/rules"
	mapfile -t ids < <(cgg-rule list -i | cut -f 1)
	next=0
	for ((i = 0; i < count; i++)); do
		change
		((i % 10 == 9)) || continue
		paste <(printf '%s\n' "${ids[@]}") <(printf '%s\n' "${rules[@]}") >"$at/now"
		cgg-rule list -i | cmp - "$at/now"
		agrees 2000 "$at/now"
	done
}

@test 'random changes to few and many overlapping rules keep the answers right' {
	changes overlap 20 40
	changes overlap 300 80
}

@test 'random changes to a blocklist and an access list keep the answers right' {
	changes prefixes 300 40
	changes acl 500 40
}

@test 'random changes to rules for devices, sysctls and unix sockets keep the answers right' {
	changes devices 200 30
	changes sysctls 200 30
	changes unixes 200 40
}

@test 'a change among a hundred thousand rules is seen at once' {
	generate acl 100000 "$seed" >"$at/rules"
	yes cgg-rule restore "$at/rules"
	cgg-rule list -i | cut -f 1 >"$at/ids"
	before=$(sed -n 1p "$at/ids")
	for i in {1..30}; do
		yes cgg-rule insert -i "$before" allow connect ip "192.0.2.$i" port 7
		first=$output
		yes cgg-rule test connect ip "192.0.2.$i" port 7
		says "$(printf 'allow\t%s\tallow connect ip 192.0.2.%s port 7' "$first" "$i")"
	done
	yes cgg-rule delete "$(sed -n 50000p "$at/ids")"
	agrees 20000 <(cgg-rule list -i)
}

@test 'a restore keeps the ids of rules that stayed, among ten thousand' {
	generate prefixes 10000 "$seed" >"$at/rules"
	yes cgg-rule flush
	yes cgg-rule restore "$at/rules"
	cgg-rule list -i | sort >"$at/before"
	(shuf -n 7000 --random-source=<(command yes "$seed") "$at/rules"
		generate addresses6 3000 "$seed") >"$at/new" # none equals a removed one
	yes cgg-rule restore "$at/new"
	cgg-rule list | cmp - "$at/new"
	cgg-rule list -i >"$at/now"
	agrees 20000 "$at/now"
	[ "$(sort "$at/now" | comm -12 "$at/before" - | wc -l)" -eq 7000 ]
	# and no new rule has the id of a removed one
	awk -F '\t' 'NR == FNR { of[$1] = $2; next } $1 in of && of[$1] != $2 { exit 1 }' \
		"$at/before" "$at/now"
}

@test 'rules with a ttl in front of many rules expire in time' {
	generate overlap 300 "$seed" >"$at/rules"
	denied_for()
	{
		(echo "deny connect,bind,sendmsg,egress ttl $1s" && cat "$at/rules") >"$at/timed" &&
			yes cgg-rule restore "$at/timed" && no cgg-rule test connect ip 192.0.2.1 port 1
	}
	in_time denied_for
	gone()
	{
		! cgg-rule list | grep -q ttl
	}
	wait_for gone
	agrees 20000 <(cgg-rule list -i)
	cgg-rule list | cmp - "$at/rules"
}

# ---- many policies, and what does not fit ----

@test 'as many policies as fit each give their own answer' {
	yes "$BUILD/tests/fill" 1 4351
	for i in 1 63 64 4351; do
		generate overlap 300 "$((seed + i))" >"$at/rules$i"
		yes cgg-rule -p "p$i" restore "$at/rules$i"
	done
	run cgg-rule -p one-more add port 1
	status_is 3
	matches '^cgg-rule: .*4352'
	[ "$(cgg-rule policies | wc -l)" -eq 4352 ]
	for i in 1 63 64 4351; do
		agrees 3000 <(cgg-rule -p "p$i" list -i) -p "p$i"
	done
	for i in 2 62 65 127 128 {4000..4010} 4287 4288 4350; do
		[ "$(cgg-rule -p "p$i" list)" = "deny connect,sendmsg port $i" ]
		no cgg-rule -p "p$i" test connect ip 192.0.2.1 port "$i"
		yes cgg-rule -p "p$i" test connect ip 192.0.2.1 port "$((i - 1))"
	done
}

# chunks: print how many maps hold the images of policies
chunks()
{
	find /sys/fs/bpf/cgguard/images /sys/fs/bpf/cgguard/tallies -type f | wc -l
}

@test 'unused policies cost nothing: maps are made and freed with a policy' {
	[ "$(chunks)" -eq 2 ]
	yes "$BUILD/tests/fill" 1 63
	[ "$(chunks)" -eq 2 ]
	yes cgg-rule -p p64 add port 64
	[ "$(chunks)" -eq 4 ]
	yes cgg-rule -p p10 drop
	yes cgg-rule -p again add port 10
	yes cgg-rule -p p64 test connect ip 192.0.2.1 port 10
	yes cgg-rule -p p64 drop
	[ "$(chunks)" -eq 2 ]
	yes cgg-rule -p p64 add port 65
	yes cgg-rule -p p64 test connect ip 192.0.2.1 port 64
	no cgg-rule -p p64 test connect ip 192.0.2.1 port 65
	yes cgg-rule -p p64 list -s
	says '1	0	0	deny connect,sendmsg port 65'
}

# stands: the policy is still $at/rules, in the list and in the kernel
stands()
{
	cgg-rule list -i | cmp - "$at/ids"
	agrees 3000 "$at/ids"
}

# refused COMMAND...: it has status 3 and prints a sentence, and the policy stands
refused()
{
	"$@" 2>"$at/said" >&2 && status=0 || status=$?
	output=$(head -n 5 "$at/said")
	status_is 3
	matches '^cgg-rule: .'
	[ "$(wc -l <"$at/said")" -eq 1 ] || complain 'must print one sentence'
	stands
}

few()
{
	generate overlap 500 "$seed" >"$at/rules"
	yes cgg-rule restore "$at/rules"
	cgg-rule list -i >"$at/ids"
}

@test 'a restore that runs out of memory has status 3 and leaves the old policy in force' {
	unwatched
	few
	generate addresses 300000 "$seed" >"$at/large"
	# shellcheck disable=SC2016 # for the inner shell
	for kilobytes in 20000 35000 50000; do
		refused bash -c 'ulimit -v "$1" && exec cgg-rule restore "$2"' - "$kilobytes" "$at/large"
	done
	yes cgg-rule restore "$at/large"
}

# limited BYTES COMMAND...: run it in a memory cgroup with this limit, of version 2 or 1
limited()
{
	local bytes=$1 mount memory

	shift
	memory=$(cgroup_root)/$CGG_RUN-$BATS_TEST_NUMBER-memory
	mkdir "$memory"
	if [ ! -f "$memory/memory.max" ]; then
		rmdir "$memory"
		mount=$(awk '/ - cgroup / && $NF ~ /(^|,)memory(,|$)/ { print $5; exit }' \
			/proc/self/mountinfo)
		[ -n "$mount" ] || skip 'cgroups here have no memory controller'
		memory=$mount/$CGG_RUN-memory
		mkdir "$memory"
		echo "$bytes" >"$memory/memory.limit_in_bytes"
	else
		echo "$bytes" >"$memory/memory.max"
	fi
	run inside "$memory" "$@"
	remove_cgroup "$memory"
}

# The kernel may kill a process that exceeds the limit; then there is no message.
@test 'a restore that exceeds its memory cgroup leaves the old policy in force' {
	few
	generate addresses 300000 "$seed" >"$at/large"
	for megabytes in 10 30; do
		limited "${megabytes}000000" cgg-rule restore "$at/large"
		echo "$megabytes MB: status $status: $output"
		[ "$status" -eq 3 ] || [ "$status" -eq 137 ]
		[ "$status" -eq 137 ] || matches '^cgg-rule: .'
		stands
	done
	yes cgg-rule restore "$at/large"
}

@test 'more rules than a policy holds are refused with the limit, status 3, and the old policy stays in force' {
	few
	command yes bind | head -n 4194305 >"$at/large"
	refused cgg-rule restore "$at/large"
	grep -q ': a policy holds at most 4194304 rules$' "$at/said"
}

@test 'a wrong last line of a hundred thousand is refused by its number, and leaves the old policy in force' {
	few
	(generate acl 100000 "$seed" && echo 'port 70000') >"$at/large"
	run cgg-rule restore "$at/large"
	status_is 2
	matches ':100001: .*70000'
	stands
}

# ---- a policy is exchanged in one step ----

attached()
{
	new_cgroup a
	cgg-rule flush
	yes cgg-attach "$a"
}

flip()
{
	run "$BUILD/tests/flip" "$@"
	echo "$output"
	status_is 0
}

# MORE=5 makes a million of it.
@test 'of many connects to a port that both policies deny none passes' {
	attached
	(echo 'deny port 9090' && generate overlap 50 "$seed") >"$at/one"
	(generate addresses 60 "$seed" && echo 'deny port 9090') >"$at/two"
	flip denied $((200 * ${MORE:-1})) $((200000 * ${MORE:-1})) $((100 * patience)) "$a" 9090 "$at/one" "$at/two"
	generate addresses 300 "$seed" >>"$at/one"
	flip denied 100 100000 $((100 * patience)) "$a" 9090 "$at/two" "$at/one"
}

@test 'none passes between two policies of many thousand rules either' {
	attached
	size=$((20000 * ${MORE:-1}))
	(echo 'deny port 9090' && generate acl "$size" "$seed") >"$at/one"
	(generate addresses "$size" "$seed" && echo 'deny port 9090') >"$at/two"
	flip denied 8 $((100000 * ${MORE:-1})) $((100 * patience)) "$a" 9090 "$at/one" "$at/two"
}

@test 'while policies are exchanged, always exactly one of two ports is open' {
	attached
	deny='default connect,sendmsg deny'
	printf '%s\n' "$deny" 'allow port 9001' >"$at/one"
	printf '%s\n' "$deny" 'allow port 9002' >"$at/two"
	flip either 300 $((50000 * ${MORE:-1})) $((100 * patience)) "$a" 9001 9002 "$at/one" "$at/two"
}

@test 'while policies of many rules are exchanged, always exactly one of two ports is open' {
	attached
	deny='default connect,sendmsg deny'
	(echo "$deny" && echo 'allow port 9001' && generate addresses 2000 "$seed") >"$at/one"
	(echo "$deny" && generate addresses 3000 "$seed" && echo 'allow port 9002') >"$at/two"
	flip either 100 100000 $((100 * patience)) "$a" 9001 9002 "$at/one" "$at/two"
}

only_s()
{
	attached
	yes cgg-set add s 192.0.2.1
	printf '%s\n' 'default connect,sendmsg deny' 'allow connect,sendmsg ip @s' | yes cgg-rule restore -
}

@test 'while a set is restored, always exactly one of two addresses is in it' {
	only_s
	printf '%s\n' 127.0.0.1 192.0.2.0/24 >"$at/one"
	printf '%s\n' 2001:db8::/32 127.0.0.2 >"$at/two"
	flip table $((200 * ${MORE:-1})) 100000 $((100 * patience)) "$a" 9001 "$at/one" "$at/two"
}

@test 'while a set of a hundred thousand is restored, always exactly one of two addresses is in it' {
	only_s
	(awk 'BEGIN { for (i = 0; i < 100000; i++) printf "10.%d.%d.%d\n", i / 65536, i / 256 % 256, i % 256 }' &&
		echo 127.0.0.1) >"$at/one"
	(echo 127.0.0.2 && sed '/^127/d; s/^10/11/; 7~9s/.[0-9]*$/.0\/24/' "$at/one" | sort -u) >"$at/two"
	flip table 50 100000 $((100 * patience)) "$a" 9001 "$at/one" "$at/two"
}

@test 'while elements are added and deleted, always both of two are in the set or none' {
	only_s
	flip elements $((400 * ${MORE:-1})) 100000 $((100 * patience)) "$a" 9001
}

@test 'the tests above asked half a million questions, and most matched a rule' {
	read -r queries hits < <(awk '{ q += $2; h += $4 } END { print q, h }' "$BATS_FILE_TMPDIR/said")
	echo "$queries questions, $hits hits"
	[ "$queries" -ge 500000 ]
	[ "$hits" -ge $((queries * 2 / 3)) ]
}
