# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ways - what the tests of one hook share: one guard per file, one attached cgroup per test
#
#	opens tcp ::1 "$port"               the attempt succeeds inside $web
#	closes tcp ::1 "$port"              it fails with EPERM there, and succeeds outside
#	fails_alike ENXIO open /dev/x r     it fails with this error inside and outside
#	rule port "$port"                   add the rule; its id is in $id
#	reports connect6 daddr=::1          there is one event, and this is its whole line
#	reports_nothing                     there is no event
#	denies RULE -- EVENT -- ATTEMPT     allowed before the rule, then denied and reported
#
# Attempts are those of tests/engines/reach.c. One that this kernel cannot make is skipped.
# shellcheck disable=SC2154 # new_cgroup sets web
load ../helpers

setup_file()
{
	cgg-load
}

teardown_file()
{
	clean_up
}

setup()
{
	untraced
	verdict=DENY id=0
	start_server
	new_cgroup web
	cgg-attach "$web"
}

teardown()
{
	empty_guard
}

attempt()
{
	exec "$BUILD/tests/reach" "$@"
}

opens()
{
	run inside "$web" attempt "$@"
	skip_if_lacking "$@"
	says ok
}

closes()
{
	run inside "$web" attempt "$@"
	says EPERM
	run outside attempt "$@"
	says ok
}

# fails_alike ERRNO ATTEMPT...
fails_alike()
{
	local error=$1

	shift
	run inside "$web" attempt "$@"
	says "$error"
	run outside attempt "$@"
	says "$error"
}

rule()
{
	yes cgg-rule add -i "$@"
	id=$output
}

# reports PROGRAM KEY=VALUE...: of reach or one of its threads, with $verdict and rule $id
reports()
{
	local program=$1

	shift
	yes cgg-events -w 0
	[ "$(wc -l <<<"$output")" -eq 1 ] || complain 'there must be one event'
	matches "^\[$verdict $program\] pid=[0-9]+ comm=[^ ]* $(plain "$*") tid=[0-9]+ uid=0 gid=0 cgroup=$(shown "$web") policy=default rule=$id( saddr=[^ ]+)?( sport=[0-9]+)?( own_cgroup=[^ ]+)?( set=[^ ]+)?$"
}

# Print words as a regular expression that matches exactly them.
plain()
{
	# shellcheck disable=SC2001 # one character becomes two
	sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$1"
}

reports_nothing()
{
	yes cgg-events -w 0
	says ''
}

denies()
{
	local words=() event=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	while [ "$1" != -- ]; do
		event+=("$1")
		shift
	done
	shift
	opens "$@"
	rule "${words[@]}"
	closes "$@"
	reports "${event[@]}"
}

# judged_truly HOOK [DEVICE]: an alert reports the address that the operation then reaches
#
# The program $where gets DEVICE (or nothing), learn or judge, and a file. It prints the ways
# that it tries; the last word is the address that each way reached, or nowhere. During learn
# it writes the ways that reach nowhere to the file, and leaves these out during judge.
judged_truly()
{
	local hook=$1 device=${2-} fails=$BATS_TEST_TMPDIR/fails round

	for round in learn judge; do
		[ "$round" = learn ] || rule alert "$hook"
		# shellcheck disable=SC2016 # for the inner shell
		run inside "$web" unshare --net sh -c 'ip link set lo up || exit
			if [ -n "$1" ]; then
				ip link add "$1" type veth peer name peer || exit 77
				ip addr add 10.77.0.1/24 dev "$1"
				ip link set "$1" up && ip link set peer up || exit
			fi
			exec python3 -c "$4" "$1" "$2" "$3"' - "$device" "$round" "$fails" "$where"
		[ "$status" -ne 77 ] || skip 'this kernel has no veth'
		status_is 0
	done
	run paste -d ' ' - <(cgg-events -w 0 | sed 's/.* daddr=\([^ ]*\) .*/\1/') <<<"$output"
	[ "${#lines[@]}" -ge 5 ]
	run awk '$(NF - 1) != "nowhere" && $(NF - 1) != $NF { print $0, "was judged" }' <<<"$output"
	says ''
}
