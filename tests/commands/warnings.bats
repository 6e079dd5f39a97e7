#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# warnings - what succeeds but may be a mistake prints one line on standard error
# shellcheck disable=SC2154 # new_cgroup sets web; run sets output

load ../helpers

setup()
{
	untraced
	cgg-load
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# warns SENTENCE COMMAND...: it succeeds, prints nothing, and warns exactly so
warns()
{
	local status=0

	"${@:2}" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/said" </dev/null || status=$?
	[ "$status" -eq 0 ] || { cat "$BATS_TEST_TMPDIR/said" >&2 && return 1; }
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	diff <([ -z "$1" ] || printf '%s: %s\n' "$2" "$1") "$BATS_TEST_TMPDIR/said" >&2
}

@test 'the first rule, default or mode of a policy says once that the policy is new' {
	new='warning: policy nginxx: is new; cgg-attach -p nginxx TARGET puts it in force'
	echo port 3 >"$BATS_TEST_TMPDIR/rules"
	for words in 'add port 1' 'default connect deny' 'mode audit' "add -f $BATS_TEST_TMPDIR/rules"; do
		# shellcheck disable=SC2086 # words
		warns "$new" cgg-rule -p nginxx $words
		warns '' cgg-rule -p nginxx add port 2
		# shellcheck disable=SC2086 # words
		yes cgg-rule -p nginxx $words
		[[ $output != *'is new'* ]]
		warns '' cgg-rule -p nginxx drop
	done
	warns '' cgg-rule add port 1
	# A restore makes policies at every boot, so it does not warn.
	warns '' cgg-rule -p nginxx restore "$BATS_TEST_TMPDIR/rules"
	warns '' cgg-rule -p nginxx drop
	# A command that fails makes no policy, and mentions none.
	run bash -c 'cgg-rule -p nginxx add -i port 1 >/dev/full'
	status_is 3
	[[ $output != *'is new'* ]]
	run cgg-rule -p nginxx add port x
	[[ $output != *'is new'* ]]
	yes cgg-rule policies
	says default
}

@test 'attaching a policy without rules and defaults warns that it allows everything' {
	open='warning: policy default: has no rule and no default yet, so it allows everything'
	new_cgroup web
	warns "$open" cgg-attach "$web"
	warns "$open" cgg-attach "$web"
	cgg-rule add port 1
	warns '' cgg-attach "$web"
	cgg-rule flush
	cgg-rule default device deny
	warns '' cgg-attach "$web"
	cgg-rule default device allow
	warns "$open" cgg-attach "$web"
}

@test 'each change of a policy by name, and attaching it, warn in the words of check that it has no resolver' {
	local rules="$BATS_TEST_TMPDIR/rules" words
	deaf="warning: policy default: has rules with host, but $(cgg-rule check - <<<'allow connect host a.example' | cut -f 2); write one in a file, for cgg-rule add -f"
	new_cgroup web
	echo 'allow connect host a.example' >"$rules"
	for words in "add -f $rules" "restore $rules" 'add allow connect host d.example name x' \
		'insert before name x alert connect host b.example' 'default connect deny' 'mode audit'; do
		# shellcheck disable=SC2086 # words
		warns "$deaf" cgg-rule $words
	done
	run env EDITOR='sed -i s/b.example/c.example/' cgg-rule edit
	matches "^cgg-rule: $deaf\$"
	warns "$deaf" cgg-attach "$web"
	warns "$deaf" cgg-run true
	warns '' cgg-rule add port 1
	echo 'resolver 127.0.0.53' >"$rules"
	warns '' cgg-rule add -f "$rules"
	warns '' cgg-rule add allow connect host e.example
	warns '' cgg-rule default connect allow
	warns '' cgg-attach "$web"
	echo 'deny dns a.example' >"$rules"
	warns '' cgg-rule restore "$rules"
}

@test 'an edit warns of rules that can never decide, as a restore does' {
	cgg-rule add connect port 1
	run env EDITOR='sed -i "\$aallow connect port 1"' cgg-rule edit
	status_is 0
	matches '^cgg-rule: warning: policy default: rule [0-9]+ can never decide: rule [0-9]+ takes all of it$'
}

@test 'cgg-events warns about a missing policy or cgroup, and prints its events once it exists' {
	new_cgroup web
	warns 'warning: policy nosuch: there is none yet; its events are shown once it is made' \
		cgg-events -w 0 --policy nosuch
	warns '' cgg-events -w 0 --policy default
	warns "warning: $web: nothing is attached there or below yet; events are shown once it is" \
		cgg-events -w 0 --cgroup "$web"
	cgg-events -n 1 -w $((20 * patience)) --policy nosuch >"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/warning" 3>&- &
	reader=$!
	wait_for test -s "$BATS_TEST_TMPDIR/warning"
	cgg-rule -p nosuch add device c 1:3
	cgg-attach -p nosuch "$web"
	warns '' cgg-events -w 0 --cgroup "$web"
	inside "$web" cat /dev/null || true
	wait "$reader"
	grep -q '^\[DENY device\].* policy=nosuch ' "$BATS_TEST_TMPDIR/events"
}

@test 'a missing sysctl is refused where none can appear, else taken with a warning' {
	none='does not exist now; the rule matches nothing until it does'
	warns "warning: sysctl net/ipv4/conf/nosuch0/forwarding: $none" \
		cgg-rule add sysctl net.ipv4.conf.nosuch0.forwarding
	warns "warning: sysctl net/nosuch/x: $none" \
		cgg-rule insert "$(cgg-rule list -i | cut -f 1)" sysctl net/nosuch/x
	warns '' cgg-rule add sysctl kernel/hostname
	run cgg-rule add sysctl kernel.hostnam
	status_is 2
	printf 'port 1\nsysctl kernel.hostnam r\nsysctl kernel.ostype\n' >"$BATS_TEST_TMPDIR/rules"
	for words in restore 'restore -n' 'add -f'; do
		cgg-rule flush
		# shellcheck disable=SC2086 # words
		warns "$BATS_TEST_TMPDIR/rules:2: warning: sysctl kernel/hostnam: $none" \
			cgg-rule $words "$BATS_TEST_TMPDIR/rules"
	done
	# A sysctl that no kernel can have is refused in a file, too.
	echo 'sysctl kernel/../kernel/hostname' >"$BATS_TEST_TMPDIR/rules"
	run cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	status_is 2
}

@test 'a rule holds for a sysctl of an interface that appears later' {
	new_cgroup web
	warns 'warning: sysctl net/ipv4/conf/later0/forwarding: does not exist now; the rule matches nothing until it does' \
		cgg-rule add sysctl net/ipv4/conf/later0/forwarding r
	cgg-attach "$web"
	run inside "$web" unshare -n bash -c 'ip link set lo name later0 && ! cat /proc/sys/net/ipv4/conf/later0/forwarding'
	status_is 0
	matches 'Operation not permitted'
}

# What lib/never.c says that hooks do not see.
@test 'sysctls that are refused as never seen are seen by no hook' {
	new_cgroup web
	cgg-rule default connect,bind,sendmsg deny
	cgg-attach "$web"
	run inside "$web" unshare -n python3 -c '
import errno, os, socket as s, subprocess
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
open("/proc/sys/net/ipv4/ping_group_range", "w").write("0 65535")
def attempt(what, type, proto, call):
    try:
        k = s.socket(s.AF_INET, type, proto)
    except OSError:
        return print(what, "-")
    try:
        call(k)
        print(what, "ok")
    except OSError as e:
        print(what, errno.errorcode[e.errno])
here = ("127.0.0.1", 9)
attempt("tcp connect", s.SOCK_STREAM, 6, lambda k: k.connect(here))
attempt("udp bind", s.SOCK_DGRAM, 17, lambda k: k.bind(here))
attempt("udp sendmsg", s.SOCK_DGRAM, 17, lambda k: k.sendto(b"x", here))
attempt("udplite connect", s.SOCK_DGRAM, 136, lambda k: k.connect(here))
attempt("udplite bind", s.SOCK_DGRAM, 136, lambda k: k.bind(here))
attempt("udplite sendmsg", s.SOCK_DGRAM, 136, lambda k: k.sendto(b"x", here))
attempt("icmp bind", s.SOCK_DGRAM, 1, lambda k: k.bind(("127.0.0.1", 0)))
attempt("icmp connect", s.SOCK_DGRAM, 1, lambda k: k.connect(("127.0.0.1", 0)))
attempt("raw gre connect", s.SOCK_RAW, 47, lambda k: k.connect(("127.0.0.1", 0)))
attempt("raw gre bind", s.SOCK_RAW, 47, lambda k: k.bind(("127.0.0.1", 0)))
attempt("sctp bind", s.SOCK_STREAM, 132, lambda k: k.bind(here))'
	status_is 0
	for seen in 'tcp connect' 'udp bind' 'udp sendmsg'; do
		grep -qx "$seen EPERM" <<<"$output" || complain "$seen must be judged"
	done
	# Where the kernel has it: UDP-Lite is gone since 7.1; before 6.1 ping sockets connect unseen.
	for seen in 'udplite bind' 'udplite sendmsg' 'icmp connect'; do
		grep -qEx "$seen (EPERM|-)" <<<"$output" || ! kernel_is_at_least 6 1 || complain "$seen must be judged"
	done
	for unseen in 'udplite connect' 'icmp bind' 'raw gre connect' 'raw gre bind' 'sctp bind'; do
		grep -qEx "$unseen (ok|-)" <<<"$output" || complain "$unseen must not be judged"
	done
}

kernel_is_at_least()
{
	local have

	have=$(uname -r)
	[ "$(printf '%s\n' "$1.$2" "${have%%-*}" | sort -V | head -n 1)" = "$1.$2" ]
}
