#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# every-kernel - each hook once, in few tests, for every kernel
#
# tests/machines/check-kernels runs this file in virtual machines with other kernels, make check
# on this one. The table in cgguard(7) says what a kernel has, and must be right: a test of a hook
# or option that this kernel lacks checks that it is refused so, and is skipped with that reason.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways reads verdict
load ../ways

# has_types: this kernel has the type information that cgguard(7) says some hooks need
has_types()
{
	[ -e /sys/kernel/btf/vmlinux ]
}

# has WORDS: the table in cgguard(7) says that this kernel has it
has()
{
	local since

	since=$(sed -n "s/^\\.It $1 Ta \\([0-9.]*\\)\$/\\1/p" "$tests_dir/../man/cgguard.7")
	[ -n "$since" ] || { echo "cgguard(7): no row for $1" >&2 && exit 1; }
	case $1 in egress | ingress | flow | dns | unix) has_types || return ;; esac
	case $1 in flow | dns | unix) ! grep -qs '\[confidentiality\]' /sys/kernel/security/lockdown || return ;; esac
	[ "$(printf '%s\n' "$since" "$(uname -r)" | sort -V | head -n 1)" = "$since" ]
}

# event KEY=VALUE...: the only event has these
event()
{
	yes cgg-events -w 0
	[ "$(wc -l <<<"$output")" -eq 1 ] || complain 'there must be one event'
	for word; do
		[[ " $output " == *" $word "* ]] || complain "the event must have $word"
	done
}

# by_task PROGRAM: print the fields of an event that name its process
by_task()
{
	matches "^\\[[A-Z]+ $1\\] pid=[1-9][0-9]* comm=reach .* tid=[1-9][0-9]* uid=0 gid=0 cgroup=$(shown "$web") policy=default rule=$id"
}

# First, since all programs that are loaded are replaced, and to verify one takes long.
@test 'programs are replaced and rules restored under attempts, and none passes' {
	rule connect port 9090
	rule device /dev/zero
	rule sysctl kernel/ostype
	cgg-rule list >"$BATS_TEST_TMPDIR/few"
	{ cat "$BATS_TEST_TMPDIR/few" && printf 'deny connect port %s\n' {2000..2099}; } >"$BATS_TEST_TMPDIR/more"
	# On one processor the three that try would take three quarters of the time.
	# shellcheck disable=SC2016 # for the inner shell
	run "$BUILD/tests/press" "$web" 9090 /dev/zero kernel/ostype nice -n -10 bash -ec '
		cgg-load --replace
		for ((i = 0; i < 5; i++)); do cgg-rule restore "$1/more"; cgg-rule restore "$1/few"; done' \
		- "$BATS_TEST_TMPDIR"
	status_is 0
	[ "$(grep -cE ' tries [0-9]+ passed 0 errors 0$' <<<"$output")" -eq 3 ] || complain 'an attempt got through'
}

# The tests below load the programs of each hook.
@test 'the hooks that cgguard(7) promises for this kernel are offered' {
	local word offered

	yes cgg-load --check
	while IFS=$'\t' read -r word offered _; do
		[ "$offered" = "$(has "$word" && echo yes || echo no)" ] ||
			complain "$word: cgguard(7) disagrees"
	done <<<"$output"
	[ "$(wc -l <<<"$output")" -eq 14 ]
}

connect_is_judged()
{
	for way in 'tcp 127.0.0.1' 'udp-connect 127.0.0.1' 'tcp ::1' 'tcp6-mapped 127.0.0.1'; do
		# shellcheck disable=SC2086 # words
		opens $way "$port"
		rule connect ip "${way#* }" port "$port"
		# shellcheck disable=SC2086 # words
		closes $way "$port"
		yes cgg-events -w 0
		by_task 'connect[46]'
		matches " dport=$port "
		yes cgg-rule delete "$id"
		# shellcheck disable=SC2086 # words
		opens $way "$port"
	done
}

sendmsg_is_judged()
{
	for to in 127.0.0.1 ::1; do
		opens sendto "$to" "$port"
		rule sendmsg proto udp port "$port"
		closes sendto "$to" "$port"
		event "daddr=$to" "dport=$port" proto=17
		by_task 'sendmsg[46]'
		yes cgg-rule delete "$id"
		opens sendto "$to" "$port"
	done
}

bind_is_judged()
{
	opens bind 127.0.0.1 0
	rule bind ip 127.0.0.1
	closes bind 127.0.0.1 0
	event daddr=127.0.0.1 proto=6
	by_task "$(has_types && echo post_bind4 || echo bind4)"
	opens bind ::1 0
	yes cgg-rule delete "$id"
	opens bind 127.0.0.1 0
}

recvmsg_is_watched()
{
	rule alert recvmsg ip 127.0.0.1
	verdict=ALERT
	opens echo 127.0.0.1 "$port" 5000
	event saddr=127.0.0.1 "sport=$port" proto=17
	by_task recvmsg4
	yes cgg-rule delete "$id"
	verdict=DENY
}

packets_are_judged()
{
	if ! has egress; then
		no cgg-rule add egress port "$port"
		return
	fi
	opens echo ::1 "$port" 5000
	rule egress proto udp ip ::1 port "$port"
	closes echo ::1 "$port" 5000
	event daddr=::1 "dport=$port" proto=17 "cgroup=$(shown "$web")" "rule=$id"
	yes cgg-rule delete "$id"
	rule ingress proto udp ip ::1
	run inside "$web" attempt echo ::1 "$port" 300
	says ETIMEDOUT
	event daddr=::1 proto=17 "rule=$id"
	yes cgg-rule delete "$id"
	opens echo ::1 "$port" 5000
}

flow_is_told()
{
	if ! has flow; then
		no cgg-rule add -i alert flow port "$port"
		return
	fi
	rule alert flow port "$port"
	for to in 127.0.0.1 ::1; do
		opens tcp "$to" "$port"
		yes cgg-events -n 1 -w $((3 * patience))
		matches "^\[ALERT flow\] pid=[1-9][0-9]* comm=reach daddr=$to dport=$port proto=6 .* rule=$id .* opened=here .* sent=0 received=0 "
		opens sendto "$to" "$port"
		yes cgg-events -n 1 -w $((3 * patience))
		matches "^\[ALERT flow_udp\] pid=[1-9][0-9]* comm=reach daddr=$to dport=$port proto=17 .* rule=$id .* opened=here .* datagrams_sent=1 "
	done
	yes cgg-rule delete "$id"
}

@test 'connect, sendmsg, bind, recvmsg, egress, ingress and flow judge' {
	connect_is_judged
	sendmsg_is_judged
	bind_is_judged
	recvmsg_is_watched
	packets_are_judged
	flow_is_told
}

@test 'egress judges random packets as the independent parser says' {
	has egress || skip 'this kernel has no type information'
	yes "$BUILD/tests/headers" -n 1000 egress "$web"
	matches ' wrong 0 '
}

@test 'ingress judges random packets as the independent parser says' {
	has ingress || skip 'this kernel has no type information'
	run "$BUILD/tests/headers" -n 1000 ingress "$web"
	[ "$status" -ne 77 ] || skip 'this machine has no tun device'
	status_is 0
	matches ' wrong 0 '
}

@test 'socket, device, sysctl, setsockopt and getsockopt judge' {
	socket_is_judged
	device_is_judged
	sysctl_is_judged
	options_are_judged
}

@test 'unix judges connect and send' {
	local path=$BATS_TEST_TMPDIR/socket

	if ! has unix; then
		no cgg-rule add unix "$path"
		status_is 3
		skip 'this kernel has no hook for unix sockets'
	fi
	opens unix-connect "$path"
	rule unix "$path"
	closes unix-connect "$path"
	event "path=$path"
	by_task connect_unix
	closes unix-sendto "$path"
	event "path=$path"
	by_task sendmsg_unix
	yes cgg-rule delete "$id"
	opens unix-connect "$path"
}

socket_is_judged()
{
	opens socket 3 1
	rule socket type raw
	closes socket 3 1
	event family=inet type=raw proto=1
	by_task sock_create
	opens socket 1 0
	yes cgg-rule delete "$id"
	opens socket 3 1
}

device_is_judged()
{
	opens open /dev/null rw
	rule device /dev/null w
	closes open /dev/null rw
	event major=1 minor=3 type=c access=rw
	by_task device
	opens open /dev/null r
	opens open /dev/zero w
	yes cgg-rule delete "$id"
	opens open /dev/null w
}

sysctl_is_judged()
{
	opens sysctl-read kernel/ostype
	rule sysctl kernel/ostype r
	closes sysctl-read kernel/ostype
	event write=0 name=kernel/ostype
	by_task sysctl
	opens sysctl-read kernel/osrelease
	yes cgg-rule delete "$id"
	opens sysctl-read kernel/ostype
	rule sysctl 'net/ipv4/*' w
	run inside "$web" attempt sysctl-write net/ipv4/ip_default_ttl 64
	says EPERM
	event write=1 name=net/ipv4/ip_default_ttl
	opens sysctl-read net/ipv4/ip_default_ttl
	yes cgg-rule delete "$id"
}

options_are_judged()
{
	for hook in setsockopt getsockopt; do
		opens "$hook" 1 2
		rule "$hook" SOL_SOCKET:SO_REUSEADDR
		closes "$hook" 1 2
		event level=1 optname=2
		by_task "$hook"
		opens "$hook" 1 9
		yes cgg-rule delete "$id"
		opens "$hook" 1 2
	done
}

@test 'errno is that of the rule, where the kernel can return it' {
	rule connect port "$port" errno ECONNREFUSED
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	if ! has 'errno'; then
		says EPERM
		skip 'this kernel says EPERM'
	fi
	says ECONNREFUSED
}

@test 'a rule for a cgroup below holds in each kind of hook' {
	local below other packets=("echo 127.0.0.1 $port 5000")

	has egress || packets=()
	new_cgroup below "$web"
	new_cgroup other "$web"
	rule "connect$(has egress && echo ,egress)" port "$port" cgroup "$(shown "$below")"
	rule device /dev/null cgroup "$(shown "$below")"
	rule sysctl kernel/ostype cgroup "$(shown "$below")"
	rule setsockopt SOL_SOCKET:SO_REUSEADDR cgroup "$(shown "$below")"
	rule getsockopt SOL_SOCKET:SO_REUSEADDR cgroup "$(shown "$below")"
	rule socket type raw cgroup "$(shown "$below")"
	for way in "tcp 127.0.0.1 $port" "${packets[@]}" 'open /dev/null r' \
		'sysctl-read kernel/ostype' 'setsockopt 1 2' 'getsockopt 1 2' 'socket 3 1'; do
		# shellcheck disable=SC2086 # words
		run inside "$below" attempt $way
		says EPERM
		# shellcheck disable=SC2086 # words
		run inside "$other" attempt $way
		says ok
	done
}

@test 'alert, audit and a default of deny work' {
	rule alert connect port "$port"
	opens tcp 127.0.0.1 "$port"
	event "dport=$port"
	matches '^\[ALERT connect4\]'
	yes cgg-rule delete "$id"
	yes cgg-rule default connect deny
	id=0
	closes tcp 127.0.0.1 "$port"
	event "dport=$port"
	matches '^\[DENY connect4\]'
	yes cgg-rule mode audit
	opens tcp 127.0.0.1 "$port"
	event "dport=$port"
	matches '^\[AUDIT connect4\]'
	yes cgg-rule mode enforce
	closes tcp 127.0.0.1 "$port"
}

# Every eighth of 8000 addresses has a rule. Every tenth of these allows, and the last rule
# denies the rest of the network.
@test 'of a thousand rules the first match decides and is counted' {
	local i

	awk 'BEGIN {
		for (i = 0; i < 1000; i++)
			printf "%s connect ip 10.9.%d.%d\n", i % 10 ? "deny" : "allow", i / 32, i % 32 * 8
	}' >"$BATS_TEST_TMPDIR/many"
	echo 'deny connect ip 10.9.0.0/16 port 1000-1999 name rest' >>"$BATS_TEST_TMPDIR/many"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/many"
	for i in 0 9 32 511 999; do
		run cgg-rule test connect ip "10.9.$((i / 32)).$((i % 32 * 8))" port 1500
		matches "^$([ $((i % 10)) -eq 0 ] && echo allow || echo deny)	[0-9]+	(allow|deny) connect ip 10\\.9\\.$((i / 32))\\.$((i % 32 * 8))\$"
	done
	run cgg-rule test connect ip 10.9.0.1 port 1500
	matches '^deny	[0-9]+	deny connect ip 10.9.0.0/16 port 1000-1999 name rest$'
	run cgg-rule test connect ip 10.9.0.1 port 2000
	says 'allow	default'
	run inside "$web" attempt udp-connect 10.9.0.8 1500
	says EPERM
	event daddr=10.9.0.8
	run inside "$web" attempt udp-connect 10.9.0.1 1500
	says EPERM
	event label=rest
	yes cgg-rule list --stats
	matches '^[0-9]+	1	0	deny connect ip 10\.9\.0\.8$'
	matches '^[0-9]+	0	0	deny connect ip 10\.9\.0\.16$'
}

# Walks so long that they are made in parts (bpf/decide.h).
@test 'rules at every prefix length, and for names, answer as a plain walk' {
	for kind in ladder sysctls; do
		"$BUILD/tests/generate" "$kind" 300 1 >"$BATS_TEST_TMPDIR/rules"
		yes cgg-rule -p "$kind" restore "$BATS_TEST_TMPDIR/rules"
		cgg-rule -p "$kind" list -i >"$BATS_TEST_TMPDIR/ids"
		yes "$BUILD/tests/oracle" -p "$kind" -s 1 -n 1000 "$BATS_TEST_TMPDIR/ids"
		matches '^queries 1000 hits [0-9]+ wrong 0 '
	done
}

# Four processes are denied at once; no event number is used twice, and none is left out.
@test 'all events of several processes at once arrive' {
	local i attempts=()

	rule connect port "$port"
	for i in 1 2 3 4; do
		# shellcheck disable=SC2016 # for the inner shell
		inside "$web" bash -c 'for ((i = 0; i < 250; i++)); do : >"/dev/udp/127.0.0.1/$1"; done 2>/dev/null || :' - "$port" &
		attempts+=("$!")
	done
	wait "${attempts[@]}"
	run cgg-events -w 0
	[ "$(grep -c '^\[DENY connect4\] ' <<<"$output")" -eq 1000 ]
	[ "$(grep -c LOST <<<"$output")" -eq 0 ]
	yes cgg-rule list --stats
	matches "	1000	0	deny connect port $port\$"
}

@test 'a removed cgroup is detached' {
	rule connect port "$port"
	remove_cgroup "$web"
	yes cgg-status
	[[ $output != *"$(shown "$web")"* ]]
	yes wait_for no_links
}

no_links()
{
	[ -z "$(find /sys/fs/bpf/cgguard/links -mindepth 1)" ]
}
