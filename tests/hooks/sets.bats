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
	cgg-set add s 127.0.0.1 ttl 1s
	opens tcp 127.0.0.1 "$port"
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
