#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sets - rules about sets for calls, in an attached cgroup
#
# bind, recvmsg, egress and ingress have their tests in the files of these hooks.
# A server listens outside the cgroup $web on $port. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web, port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

@test 'connect is denied to addresses of a set, in each form of the address' {
	cgg-set add s 127.0.0.1 ::1
	denies connect ip @s port "$port" -- connect4 daddr=127.0.0.1 "dport=$port" proto=6 -- \
		tcp 127.0.0.1 "$port"
	closes tcp ::ffff:127.0.0.1 "$port"
	closes tcp ::1 "$port"
	closes tcp 0.0.0.0 "$port"
	closes tcp :: "$port"
	opens tcp 127.0.0.2 "$port"
	cgg-set delete s ::1
	opens tcp ::1 "$port"
	cgg-set restore s <<<127.0.0.0/8
	closes tcp 127.0.0.2 "$port"
	opens tcp ::1 "$port"
}

@test 'an allow rule about a set lets only its addresses through' {
	cgg-set add s 127.0.0.2
	cgg-rule restore <<-'END'
		default connect deny
		allow connect ip @s
	END
	opens tcp 127.0.0.2 "$port"
	closes tcp 127.0.0.1 "$port"
	open_for() { cgg-set add s 127.0.0.1 ttl "$1s" && opens tcp 127.0.0.1 "$port"; }
	in_time open_for
	gone() { ! cgg-set test s 127.0.0.1; }
	wait_for gone
	closes tcp 127.0.0.1 "$port"
}

@test 'a message is denied to addresses of a set' {
	cgg-set add s 127.0.0.1 ::1
	denies sendmsg ip @s -- sendmsg4 daddr=127.0.0.1 "dport=$port" proto=17 -- \
		sendto 127.0.0.1 "$port"
	closes sendto ::1 "$port"
	closes sendto ::ffff:127.0.0.1 "$port"
	opens sendto 127.0.0.2 "$port"
}

# shown_sets: print set= of the events, one a line; nothing for an event without it
shown_sets()
{
	cgg-events -w 0 | awk '{ print match($0, / set=.*/) ? substr($0, RSTART + 1) : "-" }'
}

@test 'an event names the set that its rule is about, and never another one' {
	cgg-set add s 127.0.0.1
	cgg-set add t 127.0.0.2
	for rest in 0 80; do # in the image, and in an index
		(seq 1 "$rest" | sed 's/^/deny bind port /' &&
			printf '%s\n' "deny ip @s port $port" "deny ip @t port $port comment \"ip @s\"" \
				"deny ip @s,127.0.0.3 port $port" "deny ip 127.0.0.4 port $port comment \" ip @s \"" ) |
			cgg-rule restore -
		closes tcp 127.0.0.1 "$port"
		closes sendto 127.0.0.2 "$port"
		closes tcp 127.0.0.3 "$port"
		closes tcp 127.0.0.4 "$port"
		[ "$(shown_sets)" = $'set=s\nset=t\n-\n-' ]
	done
	closes tcp 127.0.0.1 "$port"
	[ "$(cgg-events -j -w 0 | jq -r .set)" = s ]
	closes tcp 127.0.0.1 "$port" # the rule that denied is gone when the event is read
	yes cgg-rule restore <<<"deny ip @t port $port"
	[ "$(shown_sets)" = - ]
}

@test 'an event of a dropped policy has no set of one that has its name and its place now' {
	cgg-set add s 127.0.0.1
	cgg-set add t 127.0.0.2
	cgg-rule -p other add ip @s port "$port"
	yes cgg-attach -p other "$web"
	closes tcp 127.0.0.1 "$port"
	yes cgg-attach "$web"
	yes cgg-rule -p other drop
	cgg-rule -p other add ip @t port "$port"
	[ "$(cgg-rule -p other list -i)" = $'1\tdeny connect,sendmsg ip @t port '"$port" ]
	[ "$(shown_sets)" = - ]
	yes cgg-attach -p other "$web"
	closes tcp 127.0.0.2 "$port"
	[ "$(shown_sets)" = set=t ]
}

@test 'a reader that waits names the sets of rules that are added meanwhile' {
	cgg-set add s 127.0.0.1
	cgg-set add t 127.0.0.2
	cgg-events -n 2 >"$BATS_TEST_TMPDIR/events" 3>&- &
	cgg-rule add ip @s port "$port"
	closes tcp 127.0.0.1 "$port"
	cgg-rule add ip @t port "$port"
	closes tcp 127.0.0.2 "$port"
	wait $!
	[ "$(sed 's/.* //' "$BATS_TEST_TMPDIR/events")" = $'set=s\nset=t' ]
}
