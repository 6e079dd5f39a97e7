#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# faults-guard - every command but cgg-rule, killed at a system call or between two stores, or
# with one call failing, leaves the old state or the new one, and nothing gets through
#
# Each command is disturbed at one point of each kind; make check-faults tries all points.
# shellcheck disable=SC2154 # new_cgroup sets web, shop
# shellcheck disable=SC2034,SC2317 # points.bash reads and calls what a test sets

load points

# Print what happens to a process in $shop, and to one in $web.
enforced()
{
	inside "$shop" "$BUILD/tests/reach" udp-connect 127.0.0.1 9191 || true
	inside "$web" "$BUILD/tests/reach" udp-connect 127.0.0.1 9090 || true
}

policies()
{
	traced cgg-rule -p one restore - <<<$'connect port 9191\ndevice /dev/null'
	traced cgg-rule -p two restore - <<<$'sendmsg port 9191\nsysctl kernel/hostname'
}

# one_denies: the policy one, with one hook, is that of $shop
one_denies()
{
	traced cgg-rule -p one restore - <<<'connect port 9191'
	traced cgg-attach -p one "$shop"
}

unattached()
{
	cgg-detach "$shop" 2>/dev/null || true
}

# First, since these load each program anew, and the tests below need more programs.
@test 'cgg-load --replace that is disturbed lets nothing pass and loses nothing' {
	[ "${FAULTS-}" != all ] || traced cgg-load --hooks sendmsg,sysctl,dns
	one_denies
	old() { :; }
	slow=1
	disturbs cgg-load --replace
	none_passed
}

@test 'cgg-load -r that cannot open a new program has status 3 and leaves the old one' {
	local n before after

	one_denies
	for n in 1 2 3 4; do
		before=$(cgg-status --effective "$shop" | awk '$1 == "connect4" { print $3 }')
		fault "get:progs/connect4:ENOMEM:$n" cgg-load -r
		after=$(cgg-status --effective "$shop" | awk '$1 == "connect4" { print $3 }')
		case $status_of:$([ "$after" = "$before" ] && echo old) in
		0: | 3:old) ;;
		*) complain "open $n, status $status_of: program $before, then $after" ;;
		esac
	done
}

@test 'cgg-attach that is disturbed leaves the cgroup attached or not, and nothing passes' {
	policies
	old() { unattached; }
	disturbs cgg-attach -p one "$shop"
	none_passed
}

@test 'cgg-attach with another policy that is disturbed leaves the old policy or the new one' {
	policies
	old() { traced cgg-attach -p two "$shop"; }
	disturbs cgg-attach -p one "$shop"
	none_passed
}

@test 'cgg-attach -c that is disturbed leaves the cgroup attached, or not made' {
	policies
	old()
	{
		[ ! -d "$shop/new" ] || remove_cgroup "$shop/new"
		cgg-status >/dev/null
	}
	enforced() { :; }
	disturbs cgg-attach -p one -c "$shop/new"
	none_passed
}

@test 'cgg-detach that is disturbed leaves the cgroup attached or not, and nothing else passes' {
	policies
	old() { traced cgg-attach -p one "$shop"; }
	again='0 1'
	disturbs cgg-detach "$shop"
	none_passed
}

@test 'cgg-status that is disturbed changes nothing' {
	old() { :; }
	looks=1
	disturbs cgg-status
	disturbs cgg-status -m
	none_passed
}

@test 'cgg-events that is disturbed changes nothing, and the next reader works' {
	old()
	{
		inside "$web" "$BUILD/tests/reach" udp-connect 127.0.0.1 9090 || true
	} >/dev/null
	looks=1
	disturbs cgg-events -n 1
	disturbs cgg-events -n 1 --hook connect
	none_passed
}

@test 'cgg-run that is disturbed leaves no policy and no cgroup behind' {
	old() { :; }
	refusal='125'
	disturbs cgg-run -r 'connect port 9191' -r 'sendmsg port 9191' true
	none_passed
}

@test 'cgg-detach -a that is disturbed leaves each cgroup attached or not' {
	policies
	end_press
	enforced()
	{
		inside "$shop" "$BUILD/tests/reach" udp-connect 127.0.0.1 9191 || true
	}
	old()
	{
		traced cgg-attach "$web"
		traced cgg-attach -p one "$shop"
	}
	steps=1
	disturbs cgg-detach -a
}

# names_state: print the rules, and which cgroups have which names
names_state()
{
	eval "$(declare -f state | sed '1s/state/state_of_rules/')"
	state()
	{
		state_of_rules
		cgg-names | cut -f 1-3
	}
}

@test 'cgg-names add that is disturbed leaves the name known or not, and nothing passes' {
	policies
	traced cgg-rule -p one restore - <<<$'resolver 127.0.0.53\nallow connect host *.example.com\nconnect port 9191'
	traced cgg-attach -p one "$shop"
	names_state
	old() { traced cgg-names flush; }
	disturbs cgg-names -c "$shop" add a.example.com 127.0.0.1
	none_passed
}

@test 'programs for names that are exchanged under a cgroup are the old ones or the new ones, and nothing passes' {
	policies
	traced cgg-load --hooks dns
	printf '%s\n' 'resolver 127.0.0.53' 'connect port 9191' 'allow connect host *.example.com' \
		>"$BATS_TEST_TMPDIR/named"
	traced cgg-attach -p one "$shop"
	old() { traced cgg-rule -p one restore - <<<'connect port 9191'; }
	disturbs cgg-rule -p one restore "$BATS_TEST_TMPDIR/named"
	none_passed
}

# sets_too: the state has the elements of all sets
sets_too()
{
	eval "$(declare -f state | sed '1s/state/state_of_rules/')"
	state()
	{
		local set

		state_of_rules
		for set in $(cgg-set list 2>/dev/null); do
			echo "set $set"
			cgg-set list "$set"
		done
	}
}

# in_set: a process in $shop may not reach what the set contains
in_set()
{
	traced cgg-set restore s - <<<"$1"
	traced cgg-rule -p one restore - <<<'connect ip @s port 9191'
	traced cgg-attach -p one "$shop"
	sets_too
}

@test 'cgg-set add that makes a set, disturbed, leaves the set whole or none' {
	sets_too
	old() { traced cgg-set drop s || true; } 2>/dev/null
	disturbs cgg-set add s 127.0.0.1 192.0.2.0/24
	none_passed
}

@test 'cgg-set add that is disturbed leaves all elements in the set or none' {
	in_set 192.0.2.1
	old() { traced cgg-set restore s - <<<192.0.2.1; }
	disturbs cgg-set add s 127.0.0.1 192.0.2.2 192.0.2.3
	none_passed
}

@test 'cgg-set add without room, disturbed, leaves all elements in the set or none' {
	in_set 192.0.2.1
	old() { traced cgg-set restore s - <<<192.0.2.1; }
	slow=1
	disturbs cgg-set add s 127.0.0.1 198.51.0.1-198.51.255.254 203.0.0.1-203.0.255.254
	none_passed
}

@test 'cgg-set delete that is disturbed leaves all elements in the set or none' {
	in_set $'127.0.0.1\n192.0.2.1\n192.0.2.2'
	old() { traced cgg-set restore s - <<<$'127.0.0.1\n192.0.2.1\n192.0.2.2'; }
	again='0 1'
	disturbs cgg-set delete s 127.0.0.1 192.0.2.1
	none_passed
}

@test 'cgg-set restore that is disturbed leaves the old set or the new one' {
	in_set $'127.0.0.1\n192.0.2.1'
	old() { traced cgg-set restore s - <<<$'127.0.0.1\n192.0.2.1'; }
	echo 198.51.100.0/24 >"$BATS_TEST_TMPDIR/list"
	disturbs cgg-set restore s "$BATS_TEST_TMPDIR/list"
	none_passed
}

@test 'cgg-set drop that is disturbed leaves the set or removes it whole' {
	sets_too
	old() { traced cgg-set restore s - <<<$'example.com\n*.example.org'; }
	again='0 1'
	disturbs cgg-set drop s
	none_passed
}

@test 'cgg-rule restore with sets, disturbed, leaves the old policy or the new one' {
	traced cgg-set restore t - <<<127.0.0.1
	in_set 192.0.2.1
	old() { traced cgg-rule -p one restore - <<<'connect ip @s port 9191'; }
	echo 'connect ip 192.0.2.7,@t port 9191' >"$BATS_TEST_TMPDIR/rules"
	disturbs cgg-rule -p one restore "$BATS_TEST_TMPDIR/rules"
	none_passed
}

@test 'cgg-names add to several cgroups, with one call failing, adds all names or none' {
	policies
	end_press
	for cgroup in "$web" "$shop"; do
		traced cgg-rule -p one restore - <<<$'allow connect host *.example.com\nconnect port 9191'
		traced cgg-attach -p one "$cgroup"
	done
	names_state
	old()
	{
		traced cgg-names flush
		traced cgg-names -c "$web" add a.example.com 127.0.0.1
	}
	fails_only=1
	disturbs cgg-names add b.example.com 127.0.0.1 127.0.0.2
}

@test 'cgg-names flush that is disturbed leaves the name known or not, and nothing passes' {
	policies
	traced cgg-rule -p one restore - <<<$'allow connect host *.example.com\nconnect port 9191'
	traced cgg-attach -p one "$shop"
	names_state
	old() { traced cgg-names -c "$shop" add a.example.com 127.0.0.1; }
	disturbs cgg-names flush
	none_passed
}

@test 'an attachment that was forced stays so, or the command fails, whichever look fails' {
	local call looks=0

	policies
	end_press
	yes cgg-attach -f -p one "$shop"
	fault count cgg-attach -p two "$shop" 9>"$points/list"
	while read -r call; do
		[ "$status_of" -ne 0 ] || yes cgg-attach -f -p one "$shop"
		fault "fail:$call:ENOMEM" cgg-attach -p two "$shop"
		rm -rf "$points/out"
		yes cgg-rule export "$points/out"
		grep -q $'\tforce\t' "$points/out/attachments" || complain "call $call, status $status_of: not forced"
		looks=$((looks + 1))
	done < <(awk '$1 == "call" && $3 == "look" { print $2 }' "$points/list")
	[ "$looks" -gt 2 ]
}

@test 'a page of cgg-status that cannot be made leaves no file behind' {
	policies
	mkdir "$points/pages"
	fault get:maps/events:ENOMEM cgg-status --html "$points/pages/guard.html"
	[ "$status_of" -eq 3 ]
	[ -z "$(ls "$points/pages")" ]
}

# The last four tests: no guard may be left afterwards.
@test 'cgg-unload -f that is disturbed leaves the guard whole or is finished by the next one' {
	end_press
	old()
	{
		traced cgg-load --events-size 4224
		one_denies
		traced cgg-attach "$web"
	}
	traced cgg-unload -f
	slow=1 again='0 3'
	disturbs cgg-unload -f
}

# empty_guard: load a guard anew, without programs of hooks
empty_guard()
{
	traced cgg-unload -f || true
	traced cgg-load --events-size 4224
} 2>/dev/null

@test 'cgg-load --hooks that is disturbed leaves a guard that loads the hook with the next command' {
	end_press
	old() { empty_guard; }
	enforced() { cgg-rule test device c 1:5 r; }
	slow=1
	disturbs cgg-load --hooks device
}

@test 'cgg-load --hooks dns that is disturbed leaves a guard that loads the programs for names with the next command' {
	end_press
	old() { empty_guard; }
	enforced() { cgg-rule test connect ip 192.0.2.1 port 1; }
	slow=1
	disturbs cgg-load --hooks dns
	# what the last one made is whole
	yes cgg-rule restore - <<<$'resolver 127.0.0.53\ndns a.test\nallow connect host b.test'
	yes cgg-attach "$web"
	yes cgg-names add b.test 192.0.2.1
	traced cgg-unload -f
	traced cgg-load --events-size 4224 # the next test begins with a guard
}

@test 'cgg-load that is disturbed leaves no guard or a whole one' {
	end_press
	old() { traced cgg-unload -f || true; } 2>/dev/null
	slow=1
	disturbs cgg-load --events-size 4224
}
