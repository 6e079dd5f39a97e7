#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# faults - cgg-rule, killed at a system call or between two stores, or with one call failing,
# leaves the old policy or the new one, and nothing gets through meanwhile
#
# Each command is disturbed at one point of each kind; make check-faults tries all points.
# shellcheck disable=SC2154 # new_cgroup sets web, shop
# shellcheck disable=SC2034,SC2317 # points.bash reads and calls what a test sets

load points

# asks ATTEMPT...: print what happens to a process in $web
asks()
{
	inside "$web" "$BUILD/tests/reach" "$@" || true
}

port_asked()
{
	asks udp-connect 127.0.0.1 9191
	asks sendto 127.0.0.1 9191
}
enforced() { port_asked; }

base()
{
	traced cgg-rule restore - <<<"$always"
}

# many N: print that many rules beside those
many()
{
	echo "$always"
	seq -f 'connect port %.0f' 20001 $((20000 + $1))
}

known_now()
{
	known=$(cgg-rule list -i | cut -f1 | sort -n | tail -1)
}

@test 'adding a rule for an attached hook, disturbed, leaves the old rules or the new ones' {
	old() { base; }
	known_now
	once=1
	disturbs cgg-rule add connect port 9191
	none_passed
}

@test 'adding a rule for a hook without links, disturbed, leaves the old rules or the new ones' {
	old() { base; }
	enforced() { asks sendto 127.0.0.1 9191; }
	traced cgg-load --hooks sendmsg
	known_now
	once=1
	disturbs cgg-rule add sendmsg port 9191
	none_passed
}

@test 'inserting a rule, disturbed, leaves the old rules or the new ones' {
	old() { base; }
	base
	known_now
	once=1
	disturbs cgg-rule insert "$(cgg-rule list -i | head -1 | cut -f1)" allow connect port 1-8
	none_passed
}

@test 'deleting the last rule of a hook, disturbed, leaves the old rules or the new ones' {
	old()
	{
		base
		traced cgg-rule add sendmsg port 9191
	}
	enforced() { asks sendto 127.0.0.1 9191; }
	known_now
	again='0 1'
	disturbs cgg-rule delete sendmsg port 9191
	none_passed
}

@test 'deleting a rule from an index, disturbed, leaves the old rules or the new ones' {
	traced cgg-rule restore - < <(many 200)
	known_now
	old()
	{
		traced cgg-rule restore - < <(many 200 | sed '50i connect port 9191')
	}
	again='0 1'
	disturbs cgg-rule delete connect port 9191
	none_passed
}

@test 'deleting a second rule from an index, disturbed, leaves the old rules or the new ones' {
	traced cgg-rule restore - < <(many 200)
	known_now
	old()
	{
		traced cgg-rule restore - < <(many 200 | sed '50i connect port 9191')
		traced cgg-rule delete connect port 20007
	}
	again='0 1'
	disturbs cgg-rule delete connect port 9191
	none_passed
}

@test 'deleting several rules of an index by their name, disturbed, leaves all of them or none' {
	traced cgg-rule restore - < <(many 200)
	known_now
	old()
	{
		traced cgg-rule restore - < <(many 200 | sed '50i connect port 9191 name x
			150i connect port 9 name x')
	}
	again='0 1'
	disturbs cgg-rule delete name x
	none_passed
}

# The 65th policy needs maps of its own; the others stay as they are.
one_policy()
{
	cgg-rule policies | tail -n 1
	cgg-rule -p p64 list 2>/dev/null || true
}

@test 'making the first policy of a chunk, disturbed, leaves it with its maps or not at all' {
	state() { one_policy; }
	old()
	{
		base
		traced cgg-rule -p p64 drop || true
	}
	enforced() { cgg-rule -p p64 test connect ip 192.0.2.1 port 64 || true; }
	"$BUILD/tests/fill" 1 63
	once=1
	disturbs cgg-rule -p p64 add connect port 64
	none_passed
}

@test 'dropping the last policy of a chunk, disturbed, leaves it with its maps or not at all' {
	state() { one_policy; }
	old()
	{
		base
		traced cgg-rule -p p64 restore - <<<'connect port 64'
	}
	enforced() { cgg-rule -p p64 test connect ip 192.0.2.1 port 64 || true; }
	"$BUILD/tests/fill" 1 63
	again='0 1'
	disturbs cgg-rule -p p64 drop
	none_passed
}

@test 'adding a rule beside an index, disturbed, leaves the old rules or the new ones' {
	traced cgg-rule restore - < <(many 200)
	known_now
	once=1
	old() { traced cgg-rule restore - < <(many 200); }
	disturbs cgg-rule add connect port 9191
	none_passed
}

@test 'extending a ttl, disturbed, leaves the old time or the new one' {
	state()
	{
		cgg-rule list | awk '/ ttl / { $NF = $NF + 0 > 500 ? "long" : "short" } { print }'
	}
	old() { traced cgg-rule restore - <<<"$always"$'\nconnect port 9191 ttl 300s'; }
	disturbs cgg-rule add --renew connect port 9191 ttl 4000s
	none_passed
}

@test 'editing a policy, disturbed, leaves the old policy or the new one' {
	cat >"$points/editor" <<-'END'
		#!/bin/sh
		grep -q 9191 "$1" || echo 'connect port 9191' >>"$1"
	END
	chmod +x "$points/editor"
	old() { base; }
	known_now
	EDITOR=$points/editor VISUAL='' disturbs cgg-rule edit
	none_passed
}

@test 'exporting the guard, disturbed, writes all files or none, and changes nothing' {
	out=$BATS_TEST_TMPDIR/out
	state() { find "$out" -type f -exec head -n 100 {} + 2>/dev/null || true; }
	old() { rm -rf "$out"; }
	once=1
	disturbs cgg-rule export "$out"
	none_passed
}

@test 'changing a default, disturbed, leaves the old one or the new one' {
	old() { base; }
	known_now
	disturbs cgg-rule default connect deny
	none_passed
}

@test 'restoring few rules, disturbed, leaves the old policy or the new one' {
	printf '%s\nconnect port 9191\nsendmsg port 9191\n' "$always" >"$points/file"
	old() { base; }
	known_now
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restoring rules for fewer hooks, disturbed, leaves the old policy or the new one' {
	echo "$always" >"$points/file"
	known_now
	old() { traced cgg-rule restore - <<<"$always"$'\nconnect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restoring many rules, disturbed, leaves the old policy or the new one' {
	many 200 >"$points/file"
	old() { base; }
	known_now
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'replacing many rules by many, disturbed, leaves the old policy or the new one' {
	many 200 | sed '$a connect port 9191' >"$points/file"
	traced cgg-rule restore - < <(many 150)
	known_now
	old() { traced cgg-rule restore - < <(many 150); }
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restoring more rules than fit into the maps of the policy, disturbed, leaves the old or the new ones' {
	many 5000 | sed '$a connect port 9191' >"$points/file"
	known_now
	# The few rules first, so that no second map is kept.
	old() { traced cgg-rule restore - <<<"$always" && traced cgg-rule restore - < <(many 200); }
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restore --confirm, disturbed, leaves the old policy or the new one' {
	many 100 | sed '$a connect port 9191' >"$points/file"
	known_now
	old()
	{
		cgg-rule confirm || true
		traced cgg-rule restore - <<<"$always"$'\nsendmsg port 9191'
	} 2>/dev/null
	again='0 1'
	disturbs cgg-rule restore --confirm 600 "$points/file"
	none_passed
}

@test 'confirm, disturbed, leaves the policy confirmed or waiting' {
	many 100 | sed '$a connect port 9191' >"$points/file"
	known_now
	old()
	{
		cgg-rule confirm || true
		traced cgg-rule restore - <<<"$always"$'\nsendmsg port 9191'
		traced cgg-rule restore --confirm 600 "$points/file"
	} 2>/dev/null
	again='0 1'
	disturbs cgg-rule confirm
	none_passed
}

@test 'mode and flush, disturbed, leave the old policy or the new one' {
	known=2
	old() { traced cgg-rule -p q restore - <<<$'connect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule -p q mode audit
	known=0
	old() { traced cgg-rule -p q restore - <<<$'connect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule -p q flush
	none_passed
}

# gone POLICY: drop it, so that nothing is left of it
gone()
{
	cgg-rule -p "$1" drop 2>/dev/null || true
}

@test 'making a policy by its first rule, disturbed, makes it whole or not at all' {
	old() { gone q; }
	once=1
	disturbs cgg-rule -p q add connect port 9191
	none_passed
}

@test 'making a policy of many rules, disturbed, makes it whole or not at all' {
	many 200 >"$points/file"
	old() { gone q; }
	disturbs cgg-rule -p q restore "$points/file"
	none_passed
}

@test 'drop, disturbed, leaves the policy or removes it whole' {
	old() { gone q && traced cgg-rule -p q restore - < <(many 100); } # a second index would stay as a spare
	again='0 1'
	disturbs cgg-rule -p q drop
	none_passed
}

@test 'list, policies and test, disturbed, change nothing' {
	old() { base; }
	known_now
	looks=1
	disturbs cgg-rule list -j
	disturbs cgg-rule policies
	expected=1 again=1
	disturbs cgg-rule test connect ip 192.0.2.1 port 9090
	none_passed
}

# refused_for PIN COMMAND...: when that pin cannot be opened it has status 3 and changes nothing
refused_for()
{
	local pin=$1 before

	shift
	before=$(full_state)
	fault "get:$pin:ENOMEM" "$@"
	[ "$status_of" -eq 3 ] || { echo "$pin, $*: status $status_of" >&2 && return 1; }
	[ "$(full_state)" = "$before" ] || { echo "$pin, $*: the state changed" >&2 && return 1; }
}

@test 'an index that cannot be read counts as present: rules keep their ids' {
	local before pin

	many 100 >"$points/file"
	yes cgg-rule restore "$points/file"
	before=$(cgg-rule list -i)
	for n in 1 2 3; do
		fault "get:maps/indexes:ENOMEM:$n" cgg-rule restore "$points/file"
		[ "$(cgg-rule list -i)" = "$before" ]
		for pin in "$dir"/indexes/*; do
			fault "get:${pin#"$dir/"}:ENOMEM:$n" cgg-rule restore "$points/file"
			[ "$(cgg-rule list -i)" = "$before" ]
		done
	done
}

@test 'a restore keeps the ids of rules, or fails, whichever read fails' {
	local before call looks=0

	many 100 >"$points/file"
	yes cgg-rule restore "$points/file"
	before=$(cgg-rule list -i)
	fault count cgg-rule restore "$points/file" 9>"$points/list"
	while read -r call; do
		fault "fail:$call:ENOMEM" cgg-rule restore "$points/file"
		[ "$(cgg-rule list -i)" = "$before" ] || complain "call $call: ids changed"
		looks=$((looks + 1))
	done < <(awk '$1 == "call" && $3 == "look" { print $2 }' "$points/list")
	[ "$looks" -gt 20 ]
}

# hits_of_q: print the hits of its only rule
hits_of_q()
{
	cgg-rule -p q list -s | awk -F'\t' '$4 == "deny connect port 9191" { print $2 }'
}

@test 'a new policy never shows the counts of a dropped one, whichever call fails' {
	local call

	end_press
	old()
	{
		cgg-rule -p q add connect port 9191
		cgg-attach -p q "$shop"
		inside "$shop" "$BUILD/tests/reach" udp-connect 127.0.0.1 9191 || true
		cgg-detach "$shop"
	} >/dev/null
	old
	[ "$(hits_of_q)" -eq 1 ]
	fault count cgg-rule -p q drop 9>"$points/list"
	while read -r call; do
		gone q
		old
		fault "fail:$call:ENOMEM" cgg-rule -p q drop
		gone q
		yes cgg-rule -p q add connect port 9191
		[ "$(hits_of_q)" -eq 0 ] || complain "call $call: counts of another policy"
	done < <(awk '$1 == "call" && ($3 == "look" || $3 == "bpf") { print $2 }' "$points/list")
	gone q
}

@test 'a link that cannot be read does not count as present' {
	base
	refused_for /sendmsg4 cgg-rule add sendmsg port 9191
	printf '%s\nsendmsg port 9191\n' "$always" >"$points/file"
	refused_for /sendmsg6 cgg-rule restore "$points/file"
	cgg-rule -p q add sendmsg port 9191
	refused_for /sendmsg4 cgg-attach -p q "$web"
	refused_for /sendmsg4 cgg-attach -p q "$shop"
	refused_for /connect4 cgg-attach "$web"
	cgg-rule -p q drop
	none_passed
}
