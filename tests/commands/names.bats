#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# names - cgg-names lists, adds and deletes the names of addresses
#
# The cgroup $web is attached to a policy that allows to connect by name alone.
# shellcheck disable=SC2154 # helpers set web, mail and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

setup()
{
	untraced
	start_server
	new_cgroup web
	by_name
	cgg-attach "$web"
}

# by_name [POLICY]: let the policy allow only *.example.com and 127.0.0.9 by its name
by_name()
{
	printf '%s\n' 'default connect deny' 'allow connect host *.example.com inner' |
		cgg-rule -p "${1:-default}" restore
}

# columns: print the list without the time that is left
columns()
{
	cgg-names "$@" | cut -f 1-3,5
}

@test 'an address that was added is allowed by its name, and no other address' {
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	says EPERM
	yes cgg-names add www.example.com 127.0.0.1 ::1
	says ''
	opens tcp 127.0.0.1 "$port"
	opens tcp ::1 "$port"
	run inside "$web" attempt tcp 127.0.0.2 "$port"
	says EPERM
	yes cgg-names add www.example.org 127.0.0.2
	run inside "$web" attempt tcp 127.0.0.2 "$port"
	says EPERM
	yes cgg-names flush
	says ''
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	says EPERM
}

@test 'the list has cgroup, address, name, time and origin, sorted' {
	cgg-names add WWW.Example.com. 192.0.2.1 2001:db8::1 ttl 1h
	cgg-names add db.example.com 192.0.2.1
	yes cgg-names
	path=$(shown "$web")
	says "$path	192.0.2.1	db.example.com	300s	hand
$path	192.0.2.1	www.example.com	3600s	hand
$path	2001:db8::1	www.example.com	3600s	hand"
	yes cgg-names -j
	[ "$(jq -c '.[1] | [.cgroup, .address, .name, .ttl, .from, (.netns > 0)]' <<<"$output")" = \
		"[\"$path\",\"192.0.2.1\",\"www.example.com\",3600,\"hand\",true]" ]
	[ "$(jq '.[0].cgroup_id' <<<"$output")" = "$(stat -c %i "$web")" ]
	yes cgg-names flush
	yes cgg-names
	says ''
	yes cgg-names -j
	[ "$(jq -c . <<<"$output")" = '[]' ]
}

# names_last A B C: the names a, b and c are listed with these seconds, or a few less
names_last()
{
	awk -F '\t' -v want="$*" -v few="$((4 * patience))" 'BEGIN { split(want, seconds, " ") }
		{ left = seconds[NR] - substr($4, 1, length($4) - 1); bad += left < 0 || left > few ||
			$3 != substr("abc", NR, 1) ".example" }
		END { exit bad || NR != 3 }' <<<"$output"
}

@test 'a name is kept as long as the policy says, or its longer ttl' {
	printf '%s\n' 'names 128 keep 100s' 'allow connect host *' | cgg-rule restore
	cgg-names add a.example 192.0.2.1
	cgg-names add b.example 192.0.2.1 ttl 1s
	cgg-names add c.example 192.0.2.1 ttl 200s
	yes cgg-names
	names_last 100 100 200
	# a shorter time does not shorten it, a longer one does
	cgg-names add c.example 192.0.2.1 ttl 150s
	cgg-names add b.example 192.0.2.1 ttl 1h
	yes cgg-names
	names_last 100 3600 200
}

@test 'a name that has expired neither matches nor is listed' {
	known()
	{
		cgg-rule restore <<<"names 128 keep $1s"$'\ndefault connect deny\nallow connect host * inner' &&
			cgg-names add a.example 127.0.0.1 && opens tcp 127.0.0.1 "$port"
	}
	in_time known
	expired() { [ "$(inside "$web" attempt tcp 127.0.0.1 "$port")" = EPERM ]; }
	wait_for expired
	yes cgg-names
	says ''
}

@test 'an address has eight names; the ninth takes the place of the one that expires first' {
	for n in 1 2 3 4 5 6 7 8 9; do
		cgg-names add "n$n.example" 192.0.2.1 ttl "$((n == 3 ? 1 : n))h"
	done
	yes cgg-names
	[ "$(cut -f 3 <<<"$output" | paste -sd ' ')" = \
		'n2.example n3.example n4.example n5.example n6.example n7.example n8.example n9.example' ]
}

@test 'without a target every cgroup with rules by name is changed, with one only that cgroup' {
	new_cgroup mail
	new_cgroup shop
	by_name strict
	cgg-attach -p strict "$mail"
	cgg-rule -p plain add port 1
	cgg-attach -p plain "$shop"
	cgg-names add all.example.com 192.0.2.1
	cgg-names -c "$mail" add mail.example.com 192.0.2.2
	yes columns
	says "$(shown "$web")	192.0.2.1	all.example.com	hand
$(shown "$mail")	192.0.2.1	all.example.com	hand
$(shown "$mail")	192.0.2.2	mail.example.com	hand"
	yes columns "$web"
	says "$(shown "$web")	192.0.2.1	all.example.com	hand"
	cgg-names -c "$web" flush
	yes columns
	[ "$(wc -l <<<"$output")" -eq 2 ]
	for words in "$shop" "-c $shop flush" "-c $shop add a.example 192.0.2.1"; do
		# shellcheck disable=SC2086 # several words
		run cgg-names $words
		status_is 1
		says "cgg-names: $shop: its policy has no rules by name"
	done
	cgg-detach "$mail"
	run cgg-names "$mail"
	status_is 1
	says "cgg-names: $mail: not attached"
}

@test 'names are forgotten when the policy has no more rules by name, and when it is detached' {
	cgg-names add a.example.com 192.0.2.1
	cgg-rule flush
	run cgg-names add a.example.com 192.0.2.1
	status_is 1
	says 'cgg-names: no attached cgroup has a policy with rules by name'
	by_name
	yes cgg-names
	says ''
	cgg-names add a.example.com 192.0.2.1
	cgg-detach "$web"
	cgg-attach "$web"
	yes cgg-names
	says ''
}

# owner PLACE: print the id of the cgroup whose names are at this place, or 0
owner()
{
	bpftool -j map lookup pinned /sys/fs/bpf/cgguard/maps/name_owners key "$1" 0 0 0 | jq .formatted.value
}

@test 'another cgroup that gets a place of names finds none that was there, and keeps its own' {
	local id

	id=$(stat -c %i "$web")
	[ "$(owner 0)" = "$id" ]
	cgg-names add a.example.com 127.0.0.1
	opens tcp 127.0.0.1 "$port"
	cgg-detach "$web"
	[ "$(owner 0)" = 0 ]
	new_cgroup mail
	cgg-attach "$mail"
	cgg-attach "$web"
	[ "$(owner 0) $(owner 1)" = "$(stat -c %i "$mail") $id" ]
	run inside "$mail" attempt tcp 127.0.0.1 "$port"
	says EPERM
	cgg-names add a.example.com 127.0.0.1
	cgg-names --cgroup "$mail" flush
	opens tcp 127.0.0.1 "$port"
	run inside "$mail" attempt tcp 127.0.0.1 "$port"
	says EPERM
}

@test 'a place of names that a killed command leaves is free after the next attach' {
	local id bytes

	new_cgroup mail
	id=$(stat -c %i "$mail")
	printf -v bytes '%016x' "$id"
	# shellcheck disable=SC2046 # words
	bpftool map update pinned /sys/fs/bpf/cgguard/maps/name_owners key 1 0 0 0 \
		value hex $(fold -w 2 <<<"$bytes" | tac)
	[ "$(owner 1)" = "$id" ]
	cgg-attach "$web"
	[ "$(owner 0) $(owner 1)" = "$(stat -c %i "$web") 0" ]
}

@test 'the names of a removed cgroup are listed under its id' {
	id=$(stat -c %i "$web")
	cgg-names add a.example.com 192.0.2.1
	remove_cgroup "$web"
	for words in '' "$id"; do
		# shellcheck disable=SC2086 # one word or none
		yes columns $words
		says "$id	192.0.2.1	a.example.com	hand"
	done
	yes cgg-names -c "$id" flush
	yes cgg-names
	says ''
}

# refused STATUS MESSAGE WORD...: it changes nothing
refused()
{
	local wanted=$1 message=$2

	shift 2
	run cgg-names "$@"
	status_is "$wanted"
	says "cgg-names: $message"
}

@test 'wrong words are refused, and nothing is added' {
	long=$(printf 'a%.0s' {1..64})
	use='add: write add NAME ADDR... [ttl TIME]'
	refused 2 "$use" add
	refused 2 "$use" add a.example
	refused 2 "$use" add a.example ttl 1h
	refused 2 'add: ttl: not an address' add a.example 192.0.2.1 ttl
	refused 2 'ttl 1: not a time (90s, 10m, 2h, 1d; a year at most)' add a.example 192.0.2.1 ttl 1
	refused 2 'add: 192.0.2: not an address' add a.example 192.0.2.1 192.0.2
	refused 2 'add: 192.0.2.1/32: not an address' add a.example 192.0.2.1/32
	refused 2 'add: local: not an address' add a.example local
	refused 2 'add: *.example: an address has whole names, without *' add '*.example' 192.0.2.1
	refused 2 'add: *: an address has whole names, without *' add '*' 192.0.2.1
	refused 2 'a..example: not a name: has an empty label' add a..example 192.0.2.1
	refused 2 "$long: not a name: a label has at most 63 bytes" add "$long" 192.0.2.1
	refused 2 '192.0.2.1: not a name: is an address; write ip ADDR' add 192.0.2.1 192.0.2.1
	refused 2 'a: flush takes no words' flush a
	refused 2 'b: one TARGET; see cgg-names -h' a b
	refused 2 'a: -c or TARGET, one of them' -c "$web" a
	refused 2 '-j: is for the list, not for add' -j add a.example 192.0.2.1
	refused 1 '/: not attached' -c / flush
	run cgg-names --nonsense
	status_is 2
	yes cgg-names
	says ''
}

@test 'a name whose bytes were changed is not listed' {
	command -v bpftool >/dev/null || skip 'bpftool is not installed'
	cgg-names add a.example 192.0.2.1
	id=$(stat -c %i "$web")
	# A name is an element of known: time, 128 bytes of name, length, time. Turn a byte to ESC.
	element=$(bpftool -j map dump pinned "/sys/fs/bpf/cgguard/known/$id" | jq -r '.[0] |
		(.key | join(" ")), (.value | join(" "))')
	mapfile -t element <<<"$element"
	read -ra value <<<"${element[1]}"
	[ "${value[8]}" = 0x65 ] # e, the last byte of the name
	value[8]=0x1b
	# shellcheck disable=SC2086 # bytes
	bpftool map update pinned "/sys/fs/bpf/cgguard/known/$id" key ${element[0]} value "${value[@]}"
	yes cgg-names
	says '' # its hash is another name's
}

@test 'bytes in the path of a cgroup are escaped' {
	mkdir "$web"/$'a\tb'
	cgg-attach "$web"/$'a\tb'
	cgg-names -c "$web"/$'a\tb' add a.example 192.0.2.1
	yes columns
	says "$(shown "$web")/a\\x09b	192.0.2.1	a.example	hand"
	yes cgg-names -j
	[ "$(jq -r '.[0].cgroup' <<<"$output")" = "$(shown "$web")/"$'a\tb' ]
}

@test 'a full standard output is an error' {
	cgg-names add a.example 192.0.2.1
	for words in '' -j; do
		run bash -c "cgg-names $words >/dev/full"
		status_is 3
		says 'cgg-names: standard output: No space left on device'
	done
}

@test 'without the programs for names the list is empty, and nothing can be added' {
	cgg-unload -f
	run cgg-names
	status_is 3
	says 'cgg-names: not loaded; run cgg-load first'
	cgg-load
	yes cgg-names
	says ''
	yes cgg-names flush
	refused 1 'no attached cgroup has a policy with rules by name' add a.example 192.0.2.1
}

@test 'other users may not read or change names' {
	cgg-names add a.example 192.0.2.1
	for words in '' flush 'add b.example 192.0.2.1'; do
		# shellcheck disable=SC2016 # for the inner shell
		run setpriv --reuid=65534 --regid=65534 --clear-groups \
			bash -c 'exec -a cgg-names /proc/self/fd/9 $1' bash "$words" 9<"$BUILD/cgg-names"
		status_is 3
		[[ $output == 'cgg-names: '* ]]
	done
	yes columns
	says "$(shown "$web")	192.0.2.1	a.example	hand"
}

@test 'four commands that add at once lose no name' {
	pids=()
	for n in 1 2 3 4; do
		(for m in 1 2; do cgg-names add "n$n-$m.example" 192.0.2.1 192.0.2.2; done) 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	yes cgg-names
	[ "$(wc -l <<<"$output")" -eq 16 ]
}

# hosts_of FILE: print the lines of the page, with this file for /etc/hosts
hosts_of()
{
	sed -n '/^# hosts/s/^# //p' "$tests_dir/../man/cgg-names.8" | sed "s|/etc/hosts|$1|"
}

@test 'the lines of the page add the names of a hosts file, and nothing else' {
	printf '%s\n' '# 192.0.2.9 comment.example' '' '127.0.0.1	localhost db.example.com DB2.example.com' \
		'::1 six.example.com # not.example' '192.0.2.1' '192.0.2.300 wrong.example' \
		'fe80::1%eth0 zone.example' '-c option.example' '192.0.2.2 -h --help -c x_y.example' >"$BATS_TEST_TMPDIR/hosts"
	hosts_of "$BATS_TEST_TMPDIR/hosts" >"$BATS_TEST_TMPDIR/lines"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" -eq 2 ]
	run bash "$BATS_TEST_TMPDIR/lines"
	yes columns
	says "$(printf '%s\n' '192.0.2.2	--help' '192.0.2.2	-c' '192.0.2.2	-h' '127.0.0.1	db.example.com' '127.0.0.1	db2.example.com' '127.0.0.1	localhost' \
		'::1	six.example.com' '192.0.2.2	x_y.example' | sed "s|^|$(shown "$web")	|; s|$|	hand|")"
	yes cgg-names
	matches '	17[0-9]*s	hand$'
	opens tcp 127.0.0.1 "$port"
}

# resolved: cgguard-resolved, with a resolvectl that prints the file answers, and then ends
resolved()
{
	printf '#!/bin/sh\n[ "$*" = "monitor --json=short" ] && cat "%s"\n' "$BATS_TEST_TMPDIR/answers" \
		>"$BATS_TEST_TMPDIR/resolvectl"
	chmod +x "$BATS_TEST_TMPDIR/resolvectl"
	run env PATH="$BATS_TEST_TMPDIR:$PATH" bash -pc '"$@"' bash "$tests_dir/../share/libexec/cgguard-resolved" "$@"
	status_is 3
	says "${said_resolved-}"
}

# answer NAME TTL ADDRESS: a line of resolvectl for an address of IPv4
answer()
{
	python3 -c '
import base64, json, sys
name, ttl, address = sys.argv[1], int(sys.argv[2]), [int(n) for n in sys.argv[3].split(".")]
raw = b"\3www\0" + bytes([0, 1, 0, 1]) + ttl.to_bytes(4, "big") + bytes([0, 4]) + bytes(address)
key = {"class": 1, "type": 1, "name": name}
print(json.dumps({"state": "success", "question": [key],
    "answer": [{"rr": {"key": key, "address": address}, "raw": base64.b64encode(raw).decode()}]}))' "$@"
}

@test 'cgguard-resolved adds the names that systemd-resolved prints, and refuses what is no name' {
	command -v jq >/dev/null || skip 'jq is not installed'
	# shellcheck disable=SC2016 # no shell may expand it
	for name in a.example.com A.Example.COM '' . -h.example.com -c --help 'a b.example.com' $'a\tb.example.com' \
		$'a\nb' 'a\046b.example.com' '$(touch x)' '*' '*.example.com' 192.0.2.1 "$(printf 'a%.0s' {1..64}).example.com"; do
		answer "$name" 3600 192.0.2.1
	done >"$BATS_TEST_TMPDIR/answers"
	{
		answer b.example.com 4294967295 192.0.2.2
		echo '{"state":"success","question":[{"class":1,"type":1,"name":"n.example.com"}]}'
		echo '{"state":"not-found","question":[{"class":1,"type":1,"name":"n.example.com"}]}'
		echo '[1, "x", null]'
		echo '{"state":"success","question":"x","answer":[{"rr":7}]}'
		answer c.example.com 3600 192.0.2.3 | sed 's/192, 0/192, 900/'
		answer d.example.com 3600 192.0.2.4 | sed 's/"type": 1/"type": 16/g'
		answer 'last.example.com' 3600 192.0.2.5 | sed 's/"raw": "[^"]*"/"raw": "%%%"/'
		echo 'no JSON'
	} >>"$BATS_TEST_TMPDIR/answers"
	said_resolved='parse error: Invalid literal at line 25, column 3'
	resolved 2>&1
	yes cgg-names
	says "$(printf '%s\n' '192.0.2.1	--help	3600s' '192.0.2.1	-c	3600s' '192.0.2.1	-h.example.com	3600s' '192.0.2.1	a.example.com	3600s' \
		'192.0.2.2	b.example.com	604800s' | sed "s|^|$(shown "$web")	|; s|$|	hand|")"
	[ ! -e x ]
}

@test 'cgguard-resolved adds only the names and to the cgroups that it is told' {
	command -v jq >/dev/null || skip 'jq is not installed'
	new_cgroup mail
	cgg-attach "$mail"
	for name in example.com a.example.com b.a.Example.com evil.test one.test; do
		answer "$name" 600 192.0.2.1
	done >"$BATS_TEST_TMPDIR/answers"
	resolved -c "$mail" -n '*.example.com' -n One.test
	yes columns
	says "$(printf '%s\n' a.example.com b.a.example.com one.test | sed "s|^|$(shown "$mail")	192.0.2.1	|; s|$|	hand|")"
}
