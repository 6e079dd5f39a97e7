#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# owners - rules about users and groups, and how a process tries to pass for another user
#
# Each test has the cgroup $web, attached to the policy default, and a server on $port.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

# as USER GROUP COMMAND...: run it in $web as this real and effective user
as()
{
	local user=$1 group=$2

	shift 2
	run inside "$web" setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
}

reach()
{
	echo "$BUILD/tests/reach"
}

@test 'a rule about a user or a group matches its calls, and those of no other' {
	rule connect uid 4001-4003 port "$port"
	for user in 4001 4002 4003; do
		as "$user" 1 "$(reach)" tcp 127.0.0.1 "$port"
		says EPERM
	done
	for user in 0 4000 4004; do
		as "$user" 4001 "$(reach)" tcp 127.0.0.1 "$port"
		says ok
	done
	yes cgg-rule flush
	rule connect gid 4005 port "$port"
	as 4001 4005 "$(reach)" tcp 127.0.0.1 "$port"
	says EPERM
	as 4005 4001 "$(reach)" tcp 127.0.0.1 "$port"
	says ok
}

@test 'uid and gid together match only both, in the image and in an index' {
	for rest in 0 80; do
		(echo 'default bind allow' && seq 5000 $((4999 + rest)) | sed 's/^/deny connect uid /' &&
			echo "deny connect uid 4001 gid 4002") | cgg-rule restore
		as 4001 4002 "$(reach)" tcp 127.0.0.1 "$port"
		says EPERM
		as 4001 4003 "$(reach)" tcp 127.0.0.1 "$port"
		says ok
		as 4003 4002 "$(reach)" tcp 127.0.0.1 "$port"
		says ok
	done
}

@test 'sockets, binds, devices, sysctls and options are judged by the user' {
	rule socket type raw uid 4001
	rule bind port 7001 uid 4001
	rule device c 1:3 r uid 4001
	rule sysctl kernel/ostype r uid 4001
	as 4001 1 "$(reach)" open /dev/null r
	says EPERM
	as 4002 1 "$(reach)" open /dev/null r
	says ok
	as 4001 1 "$(reach)" sysctl-read kernel/ostype
	says EPERM
	as 4002 1 "$(reach)" sysctl-read kernel/ostype
	says ok
}

@test 'a user namespace does not change who calls' {
	where=$(mktemp -d) # where other users may execute it
	chmod 755 "$where"
	cp "$(reach)" "$where/reach"
	rule connect uid 4001 port "$port"
	as 4001 4001 unshare -U "$where/reach" tcp 127.0.0.1 "$port"
	[[ $output != *"unshare: unshare failed"* ]] || skip "no user namespaces here: $output"
	says EPERM
	as 4001 4001 unshare -Ur "$where/reach" tcp 127.0.0.1 "$port"
	says EPERM
	as 4002 4002 unshare -Ur "$where/reach" tcp 127.0.0.1 "$port"
	says ok
	rm -r "$where"
}

@test 'a packet is judged by the owner of its socket' {
	rule egress proto udp uid 4001 ip 127.0.0.1
	as 4001 1 "$(reach)" sendto 127.0.0.1 "$port"
	says EPERM
	as 4002 1 "$(reach)" sendto 127.0.0.1 "$port"
	says ok
}

@test 'an unknown owner is denied by a deny rule, and not let through by an allow rule' {
	rule egress proto udp uid 4001 ip 127.0.0.1
	as 65534 1 "$(reach)" sendto 127.0.0.1 "$port"
	says EPERM
	yes cgg-rule restore - <<-END
		default egress deny
		allow egress uid 65534
		allow egress uid 4002
	END
	as 65534 1 "$(reach)" sendto 127.0.0.1 "$port"
	says EPERM
	as 4002 1 "$(reach)" sendto 127.0.0.1 "$port"
	says ok
}

@test 'ten thousand users are ten thousand rules, and each decides' {
	seq 1 10000 | sed 's/^/deny connect uid /' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	for user in 1 5000 10000; do
		run cgg-rule test connect ip 192.0.2.1 port 1 uid "$user"
		matches "^deny"$'\t[0-9]+\t'"deny connect uid $user$"
	done
	run cgg-rule test connect ip 192.0.2.1 port 1 uid 10001
	[ "$status" -eq 0 ]
	seq 1 10000 | sed 's/^/deny egress uid /' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	seq 1 10000 | sed 's/^/deny unix \/run\/x gid /' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	as 7 10000 true
	yes cgg-rule list
	[ "$(wc -l <<<"$output")" -eq 10000 ]
}

@test 'YAML takes uid and gid' {
	cgg-rule restore - <<-'END'
		rules:
		  - match: {dest_port: "22,80", uid: 1000-1999, gid: 5}
		    action: deny
	END
	[ "$(cgg-rule list)" = 'deny connect,sendmsg port 22,80 uid 1000-1999 gid 5' ]
}

@test 'test asks about one user' {
	run cgg-rule test connect ip 192.0.2.1 port 1 uid 1-2
	status_is 2
	says 'cgg-rule: test: exactly one user is needed (uid ID)'
}
