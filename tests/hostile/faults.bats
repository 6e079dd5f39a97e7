#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# faults - cgg-rule, killed at a system call or between two stores, or with one call failing:
# the policy is the old or the new one, and nothing gets through meanwhile
#
# One point of each kind of each command; make check-faults tries all.
# shellcheck disable=SC2154 # new_cgroup sets web, shop
# shellcheck disable=SC2034,SC2317 # points.bash reads and calls what a test sets

load points

# asks ATTEMPT...: what a process in $web is told
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

# many N: so many rules beside those
many()
{
	echo "$always"
	seq -f 'connect port %.0f' 20001 $((20000 + $1))
}

known_now()
{
	known=$(cgg-rule list -i | cut -f1 | sort -n | tail -1)
}

@test 'add, of a hook that has links' {
	old() { base; }
	known_now
	once=1
	disturbs cgg-rule add connect port 9191
	none_passed
}

@test 'add, of a hook that has none' {
	old() { base; }
	enforced() { asks sendto 127.0.0.1 9191; }
	known_now
	once=1
	disturbs cgg-rule add sendmsg port 9191
	none_passed
}

@test 'insert' {
	old() { base; }
	base
	known_now
	once=1
	disturbs cgg-rule insert "$(cgg-rule list -i | head -1 | cut -f1)" allow connect port 1-8
	none_passed
}

@test 'delete, of the last rule of its hook' {
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

@test 'delete, of one in a base' {
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

@test 'delete, of another one in that base' {
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

# The policy that needs maps of its own is the 65th; the others stay as they are.
one_policy()
{
	cgg-rule policies | tail -n 1
	cgg-rule -p p64 list 2>/dev/null || true
}

@test 'the first policy of a chunk comes with its maps' {
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

@test 'the last policy of a chunk goes with its maps' {
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

@test 'add, beside a base' {
	traced cgg-rule restore - < <(many 200)
	known_now
	once=1
	old() { traced cgg-rule restore - < <(many 200); }
	disturbs cgg-rule add connect port 9191
	none_passed
}

@test 'default' {
	old() { base; }
	known_now
	disturbs cgg-rule default connect deny
	none_passed
}

@test 'restore, of few rules' {
	printf '%s\nconnect port 9191\nsendmsg port 9191\n' "$always" >"$points/file"
	old() { base; }
	known_now
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restore, of fewer hooks' {
	echo "$always" >"$points/file"
	known_now
	old() { traced cgg-rule restore - <<<"$always"$'\nconnect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restore, of many rules' {
	many 200 >"$points/file"
	old() { base; }
	known_now
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restore, of many rules in the place of many' {
	many 200 | sed '$a connect port 9191' >"$points/file"
	traced cgg-rule restore - < <(many 150)
	known_now
	old() { traced cgg-rule restore - < <(many 150); }
	disturbs cgg-rule restore "$points/file"
	none_passed
}

@test 'restore --confirm' {
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

@test 'confirm' {
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

@test 'mode and flush, of a policy of its own' {
	known=2
	old() { traced cgg-rule -p q restore - <<<$'connect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule -p q mode audit
	known=0
	old() { traced cgg-rule -p q restore - <<<$'connect port 9191\nsendmsg port 9191'; }
	disturbs cgg-rule -p q flush
	none_passed
}

# gone POLICY: with nothing left of it
gone()
{
	cgg-rule -p "$1" drop 2>/dev/null || true
}

@test 'a policy is made by its first rule' {
	old() { gone q; }
	once=1
	disturbs cgg-rule -p q add connect port 9191
	none_passed
}

@test 'a policy is made of many rules' {
	many 200 >"$points/file"
	old() { gone q; }
	disturbs cgg-rule -p q restore "$points/file"
	none_passed
}

@test 'drop' {
	old() { traced cgg-rule -p q restore - < <(many 100); }
	again='0 1'
	disturbs cgg-rule -p q drop
	none_passed
}

@test 'list, policies, test' {
	old() { base; }
	known_now
	looks=1
	disturbs cgg-rule list -j
	disturbs cgg-rule policies
	expected=1 again=1
	disturbs cgg-rule test connect ip 192.0.2.1 port 9090
	none_passed
}

# refused_for PIN COMMAND...: when that pin does not open: status 3, and all is as before
refused_for()
{
	local pin=$1 before

	shift
	before=$(full_state)
	fault "get:$pin:ENOMEM" "$@"
	[ "$status_of" -eq 3 ] || { echo "$pin, $*: status $status_of" >&2 && return 1; }
	[ "$(full_state)" = "$before" ] || { echo "$pin, $*: not as before" >&2 && return 1; }
}

@test 'a base that cannot be looked at is not lost: rules keep their ids' {
	local before

	many 100 >"$points/file"
	yes cgg-rule restore "$points/file"
	before=$(cgg-rule list -i)
	for n in 1 2 3; do
		fault "get:maps/bases:ENOMEM:$n" cgg-rule restore "$points/file"
		[ "$(cgg-rule list -i)" = "$before" ]
		fault "get:$(find "$dir/bases" -type f -printf 'bases/%f'):ENOMEM:$n" \
			cgg-rule restore "$points/file"
		[ "$(cgg-rule list -i)" = "$before" ]
	done
}

@test 'a restore keeps the ids of rules, or fails, whichever look fails' {
	local before call looks=0

	many 100 >"$points/file"
	yes cgg-rule restore "$points/file"
	before=$(cgg-rule list -i)
	fault count cgg-rule restore "$points/file" 9>"$points/list"
	while read -r call; do
		fault "fail:$call:ENOMEM" cgg-rule restore "$points/file"
		[ "$(cgg-rule list -i)" = "$before" ] || complain "call $call: other ids"
		looks=$((looks + 1))
	done < <(awk '$1 == "call" && $3 == "look" { print $2 }' "$points/list")
	[ "$looks" -gt 20 ]
}

# hits_of_q: of its only rule
hits_of_q()
{
	cgg-rule -p q list -s | awk -F'\t' '$4 == "deny connect port 9191" { print $2 }'
}

@test 'a policy gets no counts of one that was dropped before, whichever call fails' {
	local call

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

@test 'a link that cannot be looked at is none to rely on' {
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
