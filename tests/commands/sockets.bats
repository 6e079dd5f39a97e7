#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sockets - cgg-sockets lists open sockets with the verdict of now, and ends them
#
# shellcheck disable=SC2154 # helpers set web, ports and holder
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways
load ../sockets

setup()
{
	untraced
	new_cgroup web
	cgg-attach "$web"
}

# columns LIST [OPTION...]: print these columns of the list
columns()
{
	cgg-sockets "${@:2}" | cut -f "$1"
}

@test 'tcp of both families is listed with both ends, state, uid, process and verdict' {
	holds here "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0 accept \
		listen:tcp:[::1]:0 connect:tcp:[::1]:0 accept
	path=$(shown "$web")
	four=${ports[0]} six=${ports[3]}
	yes cgg-sockets
	matches "^$path	tcp	127.0.0.1:$four	0.0.0.0:\*	listen	0	python3,pid=$holder,fd=[0-9]+	allow	default	default$"
	matches "^$path	tcp	127.0.0.1:${ports[1]}	127.0.0.1:$four	established	0	python3,"
	matches "^$path	tcp	127.0.0.1:$four	127.0.0.1:${ports[1]}	established	0	python3,"
	matches "^$path	tcp	\[::1\]:$six	\[::\]:\*	listen	"
	matches "^$path	tcp	\[::1\]:${ports[4]}	\[::1\]:$six	established	"
	matches "^$path	tcp	\[::1\]:$six	\[::1\]:${ports[4]}	established	"
	[ "${#lines[@]}" -eq 6 ]
}

@test 'udp, udplite, raw and mptcp are listed' {
	holds here "$web" bind:udp:127.0.0.1:0 connect:udp:127.0.0.1:9 bind:udp:[::1]:0 made:icmp:127.0.0.1:0
	yes columns 2,4-5
	matches '^udp	0.0.0.0:\*	unconnected$'
	matches '^udp	127.0.0.1:9	connected$'
	matches '^udp	\[::\]:\*	unconnected$'
	matches '^raw:1	0.0.0.0:\*	unconnected$'
	[ "${#lines[@]}" -eq 4 ]
	if holds lite "$web" bind:udplite:[::1]:0; then # not since Linux 7.1
		yes columns 2,4-5
		matches '^udplite	\[::\]:\*	unconnected$'
	fi
	holds multi "$web" listen:mptcp:127.0.0.1:0 connect:mptcp:127.0.0.1:0 accept ||
		skip 'this kernel has no MPTCP'
	yes columns 2,3,5
	matches "^mptcp	127.0.0.1:${ports[0]}	established$"
	matches "^tcp	127.0.0.1:${ports[0]}	established$"
}

# soon LIST REGEX: a line with these columns must come to match: the kernel acknowledges in its own time
soon()
{
	wait_for eval "columns '$1' | grep -Eq '$2'" || { yes columns "$1" && matches "$2"; }
}

@test 'the states of tcp are told, and sockets without a process are found' {
	holds here "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0 accept connect:tcp:127.0.0.1:0 \
		shut:write
	soon 3,5,7 "^127.0.0.1:${ports[3]}	fin-wait-2	python3,"
	# nobody has accepted it: it has no socket yet, and no process
	soon 3,5,7 "^127.0.0.1:${ports[0]}	close-wait	-$"
	stop "$holder"
	holds there "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0 accept lose
	soon 3,5,7 "^127.0.0.1:${ports[0]}	fin-wait-2	-$"
	soon 3,5,7 "^127.0.0.1:${ports[1]}	close-wait	python3,"
}

@test 'sockets of cgroups below are listed, and those of others are not' {
	new_cgroup mail
	mkdir "$web/sub" "$web/sub/.hidden"
	holds here "$web/sub" bind:udp:127.0.0.1:0
	holds hidden "$web/sub/.hidden" bind:udp:127.0.0.1:0
	yes columns 1
	says "$(shown "$web/sub")
$(shown "$web/sub/.hidden")"
	stop "$holder"
	rmdir "$web/sub/.hidden"
	holds there "$mail" bind:udp:127.0.0.1:0
	holds elsewhere '' bind:udp:127.0.0.1:0
	path=$(shown "$web")
	yes columns 1
	says "$path/sub"
	yes columns 1 "$web/sub"
	says "$path/sub"
	cgg-attach "$mail"
	yes columns 1
	says "$(printf '%s\n' "$(shown "$mail")" "$path/sub" | sort)"
	yes columns 1 "$mail"
	says "$(shown "$mail")"
}

@test 'the verdict is that of connect for what was opened here, of ingress for what came in' {
	holds out '' listen:tcp:127.0.0.1:0
	outer=${ports[0]}
	holds here "$web" listen:tcp:127.0.0.1:0 "connect:tcp:127.0.0.1:$outer"
	inner=${ports[0]}
	holds in '' "connect:tcp:127.0.0.1:$inner"
	trial here 0 >/dev/null || true
	rule connect port "$outer"
	yes columns 4,5,8-11 --denied
	says "127.0.0.1:$outer	established	deny	default	$id	deny connect port $outer"
	cgg-rule flush
	rule connect port "${ports[0]}" # that port is the other end of what came in
	yes cgg-sockets --denied
	says ''
	cgg-rule flush
	rule ingress port "$inner"
	yes columns 3,4,5,8-11 --denied
	says "127.0.0.1:$inner	127.0.0.1:${ports[0]}	established	deny	default	$id	deny ingress port $inner"
	cgg-rule flush
	rule bind port "$inner"
	yes columns 3,5,8-11 --denied
	says "127.0.0.1:$inner	listen	deny	default	$id	deny bind port $inner"
	cgg-rule default connect deny
	yes columns 4,8-10 --denied
	matches "^127.0.0.1:$outer	deny	default	default$"
	cgg-rule mode audit
	yes cgg-sockets --denied
	says ''
	yes columns 4,8-10
	matches "^127.0.0.1:$outer	audit	default	default$"
}

@test 'a connection that came in stays one when the socket that listened is closed' {
	lists_sockets
	holds here "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0 accept stop
	for _ in 1 2; do
		yes cgg-sockets -j
		[ "$(jq -r --argjson port "${ports[0]}" '.[] | select(.local.port == $port) | .origin' <<<"$output")" = opened ]
		[ "$(jq -r --argjson port "${ports[1]}" '.[] | select(.local.port == $port) | .origin' <<<"$output")" = came-in ]
		yes trial here 0
		says ok
		yes trial here 1
		says ok
	done
}

@test 'of nested policies the worst verdict counts' {
	mkdir "$web/sub"
	printf '%s\n' 'alert connect port 1-65535' | cgg-rule -p inner restore
	cgg-attach -p inner "$web/sub"
	holds out '' listen:tcp:127.0.0.1:0
	holds here "$web/sub" "connect:tcp:127.0.0.1:${ports[0]}"
	yes columns 8-9
	says 'alert	inner'
	rule connect port 1-65535
	yes columns 8-9
	says 'deny	default'
	cgg-rule flush
	cgg-rule -p inner flush
	yes columns 8-10
	matches '^allow	(inner|default)	default$'
}

@test 'rules by cgroup and by name are judged for the socket' {
	mkdir "$web/sub"
	holds out '' listen:tcp:127.0.0.1:0
	port=${ports[0]}
	holds here "$web/sub" "connect:tcp:127.0.0.1:$port"
	holds there "$web" "connect:tcp:127.0.0.1:$port"
	rule connect port "$port" cgroup "$(shown "$web/sub")"
	yes columns 1,8
	says "$(shown "$web")	allow
$(shown "$web/sub")	deny"
	printf '%s\n' 'default connect deny' 'allow connect host db.example.com inner' | cgg-rule restore
	yes columns 8,10
	says 'deny	default
deny	default'
	run cgg-names add db.example.com 127.0.0.1
	[ "$status" -ne 3 ] || skip "$output"
	yes columns 8,11
	says 'allow	allow connect host db.example.com inner
allow	allow connect host db.example.com inner'
}

@test 'sockets in other network namespaces are listed, also where no process is' {
	ip netns add "$CGG_RUN-one"
	ip -n "$CGG_RUN-one" link set lo up
	touch "/run/netns/$CGG_RUN-two" # ip netns add is about to mount it
	holds one "$web" -n "$CGG_RUN-one" listen:tcp:127.0.0.1:0
	holds here "$web" listen:tcp:127.0.0.1:0
	yes cgg-sockets -j
	[ "$(jq 'length' <<<"$output")" -eq 2 ]
	[ "$(jq '[.[].netns] | unique | length' <<<"$output")" -eq 2 ]
	# a namespace that only a socket holds
	inside "$web" python3 -c '
import ctypes, os, socket, time
libc = ctypes.CDLL(None)
own = os.open("/proc/self/ns/net", os.O_RDONLY)
libc.unshare(0x40000000)
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("0.0.0.0", 4242))
libc.setns(own, 0)
time.sleep(600)' 3>&- &
	started[$!]=python3
	wait_for eval 'cgg-sockets | grep -q 0.0.0.0:4242'
	[ "$(cgg-sockets -j | jq '[.[].netns] | unique | length')" -eq 3 ]
	rm "/run/netns/$CGG_RUN-two"
}

@test '-k ends what is listed with a reset for both ends, and prints it' {
	ends_sockets
	holds out '' listen:tcp:127.0.0.1:0 listen:tcp:[::1]:0
	holds here "$web" "connect:tcp:127.0.0.1:${ports[0]}" "connect:tcp:[::1]:${ports[1]}"
	rule connect ip 127.0.0.1
	yes trial here 0
	says ok
	yes columns 2,8 -k --denied
	says 'tcp	deny'
	yes trial here 0
	says ECONNABORTED
	yes trial here 1
	says ok
	yes cgg-sockets -k --denied
	says ''
}

@test 'the other end sees the reset, even where the policy refuses it' {
	ends_sockets
	for address in 127.0.0.1 '[::1]'; do
		holds here "$web" "listen:tcp:$address:0" "connect:tcp:$address:0" accept
		outer=${ports[0]}
		cgg-rule add deny connect,egress port "$outer"
		yes columns 2,8 -k --denied
		says 'tcp	deny'
		wait_for eval '[ "$(trial here 2)" != ok ]'
		yes trial here 2
		[[ $output =~ ^(EPIPE|ECONNRESET)$ ]]
		stop "$holder"
		cgg-rule flush
	done
}

@test '-k leaves what listens and what is not connected, unless it is asked for' {
	ends_sockets
	holds here "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0 accept bind:udp:127.0.0.1:0 connect:udp:127.0.0.1:9
	yes columns 2,5 -k
	says 'tcp	established
tcp	established
udp	connected'
	yes columns 2,5
	says 'tcp	listen
udp	unconnected'
	yes columns 2,5 -k --unconnected
	says 'udp	unconnected'
	yes columns 2,5 -k --listening
	says 'tcp	listen'
	yes columns 2,5
	says ''
}

@test 'a connection of mptcp is ended with those of tcp that carry it' {
	ends_sockets
	holds here "$web" listen:mptcp:127.0.0.1:0 connect:mptcp:127.0.0.1:0 accept ||
		skip 'this kernel has no MPTCP'
	rule connect port "${ports[0]}"
	yes columns 2,4 -k --denied
	matches "^tcp	127.0.0.1:${ports[0]}$"
	matches "^mptcp	127.0.0.1:${ports[0]}$"
	wait_for eval '[ "$(trial here 1)" != ok ]'
}

@test 'sockets that cannot be ended give status 3 and a message, others are ended' {
	holds here "$web" made:icmp:127.0.0.1:0
	run cgg-sockets -k --unconnected
	[ "$status" -eq 0 ] || matches '^cgg-sockets: .*: this kernel cannot end raw sockets '
	[ "$status" -eq 0 ] || status_is 3
}

@test 'a removed cgroup that was attached still has its sockets' {
	new_cgroup mail
	cgg-attach "$mail"
	holds out '' listen:tcp:127.0.0.1:0
	port=${ports[0]}
	holds here "$mail" "connect:tcp:127.0.0.1:$port"
	echo "$holder" >"$web/cgroup.procs"
	remove_cgroup "$mail"
	yes columns 4,7
	matches "^127.0.0.1:$port	"
}

@test 'wrong words are refused, and a cgroup that is not attached' {
	new_cgroup mail
	no cgg-sockets --unconnected
	status_is 2
	says 'cgg-sockets: --unconnected: is for -k; the list has such sockets always'
	no cgg-sockets --listening
	status_is 2
	no cgg-sockets nowhere
	status_is 2
	no cgg-sockets "$mail"
	status_is 1
	says "cgg-sockets: $(shown "$mail"): not attached"
	no cgg-sockets "$(cgroup_root)"
	status_is 1
	no cgg-sockets --nothing
	status_is 2
}

@test 'the list cannot be written: status 3' {
	holds here "$web" bind:udp:127.0.0.1:0
	run bash -c 'cgg-sockets >/dev/full'
	status_is 3
}

# SOCKETS=100000 takes some seconds, for opening them. The time is for who reads it: a busy machine has its own.
@test 'thousands of sockets are listed' {
	holds here "$web" listen:tcp:127.0.0.1:0 "many:$((${SOCKETS:-4000} / 2))"
	rule ingress ip 192.0.2.1
	before=${EPOCHREALTIME/./}
	count=$(cgg-sockets | wc -l)
	echo "took $((${EPOCHREALTIME/./} - before)) us"
	[ "$count" -eq $((${SOCKETS:-4000} / 2 * 2 + 1)) ]
}

@test 'without a guard it says so' {
	cgg-unload -f
	no cgg-sockets
	status_is 3
	says 'cgg-sockets: not loaded; run cgg-load first'
}
