#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# guard - what a guard does, from cgg-load to cgg-unload; begin reading the tests here
#
# A server listens on $port outside the cgroup $web; reach is connect(2).
# shellcheck disable=SC2154 # helpers set what new_cgroup and start_server name

load ../helpers

setup()
{
	untraced
	cgg-load
	start_server
	new_cgroup web
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# Print the names of the programs that the kernel runs for a cgroup, sorted.
programs()
{
	bpftool -j cgroup show "$1" | jq -r '[.[].name] | sort | join(" ")'
}

# Print the ids of the links on a cgroup.
links()
{
	bpftool -j link show | jq -c --argjson id "$(stat -c %i "$1")" \
		'[.[] | select(.cgroup_id == $id) | .id] | sort'
}

net='connect4 connect6 sendmsg4 sendmsg6' # the programs of a rule without a hook word

@test 'a rule holds inside the cgroup and nowhere else' {
	yes cgg-attach "$web"
	yes inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule add port "$port"
	says ''
	no inside "$web" reach 127.0.0.1 "$port"
	no inside "$web" reach ::1 "$port"
	no inside "$web" reach 127.0.0.1 "$port" udp
	yes outside reach 127.0.0.1 "$port"
}

@test 'a device is closed for the access letters of the rule' {
	yes cgg-attach "$web"
	yes cgg-rule add device c 1:3 r
	no inside "$web" cat /dev/null
	yes inside "$web" sh -c 'echo >/dev/null'
	yes inside "$web" head -c 1 /dev/zero
	yes outside cat /dev/null
}

@test 'a sysctl is closed for reading only' {
	yes cgg-attach "$web"
	yes cgg-rule add sysctl kernel/hostname r
	no inside "$web" cat /proc/sys/kernel/hostname
	yes inside "$web" sh -c "echo $(uname -n) >/proc/sys/kernel/hostname"
	yes inside "$web" cat /proc/sys/kernel/ostype
	yes outside cat /proc/sys/kernel/hostname
}

@test 'a denial is reported even if no reader was running' {
	yes cgg-attach "$web"
	yes cgg-rule add -i port "$port"
	id=$output
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-events -n 1 -w 5
	matches "^\[DENY connect4\] pid=[0-9]+ .* dport=$port .* cgroup=$(shown "$web") policy=default rule=$id( |\$)"
}

@test 'the effect of a command outlives it' {
	yes cgg-attach "$web"
	yes cgg-rule add port "$port"
	[ "$(programs "$web")" = "$net" ]
	yes bpftool cgroup tree "$web"
	matches ' connect4 '
	[ "$(links "$web" | jq length)" -eq 4 ]

	for command in "cgg-load" "cgg-attach $web" "cgg-rule add device c 1:3" "cgg-rule list" \
		"cgg-rule policies" "cgg-status" "cgg-events -w 0" "cgg-rule delete device c 1:3"; do
		# shellcheck disable=SC2086 # a command and its words
		yes $command
		no inside "$web" reach 127.0.0.1 "$port"
	done
	[ "$(programs "$web")" = "$net" ]
	yes cgg-rule list
	says "deny connect,sendmsg port $port"
}

@test 'a cgroup has the programs that its rules need, and no others' {
	new_cgroup mail
	yes cgg-rule -p mail add sysctl kernel/hostname
	yes cgg-attach "$web"
	yes cgg-attach -p mail "$mail"
	[ "$(programs "$web")" = '' ]
	[ "$(programs "$mail")" = sysctl ]

	yes cgg-rule add connect port "$port"
	[ "$(programs "$web")" = 'connect4 connect6' ]
	yes cgg-rule add device c 1:3
	[ "$(programs "$web")" = 'connect4 connect6 device' ]
	yes cgg-rule add -i sendmsg port "$port"
	id=$output
	[ "$(programs "$web")" = 'connect4 connect6 device sendmsg4 sendmsg6' ]
	yes cgg-rule delete $((id - 1))
	[ "$(programs "$web")" = "$net" ]
	yes cgg-rule default sysctl deny
	[ "$(programs "$web")" = "$net sysctl" ]
	yes cgg-rule flush
	[ "$(programs "$web")" = '' ]
	[ "$(programs "$mail")" = sysctl ]
}

@test 'the first match wins' {
	yes cgg-attach "$web"
	yes cgg-rule add allow ip 127.0.0.1 port "$port"
	yes cgg-rule add deny port "$port"
	yes inside "$web" reach 127.0.0.1 "$port"
	no inside "$web" reach 127.0.0.2 "$port"
	no inside "$web" reach ::1 "$port"
}

@test 'insert puts a rule before another' {
	yes cgg-attach "$web"
	yes cgg-rule add -i port "$port"
	id=$output
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule insert "$id" allow ip 127.0.0.1
	yes inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule list -i
	says "$((id + 1))	allow connect,sendmsg ip 127.0.0.1
$id	deny connect,sendmsg port $port"
	no cgg-rule insert $((id + 7)) port 1
	status_is 1
}

@test 'a rule is deleted by its id, or by the words that added it' {
	yes cgg-attach "$web"
	yes cgg-rule add port "$port"
	yes cgg-rule add -i device c 1:3
	id=$output
	yes cgg-rule delete port "$port"
	yes inside "$web" reach 127.0.0.1 "$port"
	no inside "$web" cat /dev/null
	yes cgg-rule delete "$id"
	yes inside "$web" cat /dev/null
	yes cgg-rule list
	says '# allow everything'
	no cgg-rule delete "$id"
	status_is 1
	no cgg-rule delete port "$port"
	status_is 1
}

@test 'an id is never used again' {
	yes cgg-rule add -i port 1
	id=$output
	yes cgg-rule delete "$id"
	yes cgg-rule add -i port 2
	says $((id + 1))
}

@test 'a default of deny makes an allow list' {
	yes cgg-attach "$web"
	yes cgg-rule add allow connect proto tcp ip 127.0.0.0/8 port "$port"
	yes cgg-rule default connect deny
	yes inside "$web" reach 127.0.0.1 "$port"
	no inside "$web" reach 127.0.0.1 "$port" udp
	no inside "$web" reach ::1 "$port"
	no inside "$web" reach 127.0.0.1 1
	yes cgg-rule default connect allow
	yes inside "$web" reach ::1 "$port"
}

@test 'flush lets everything through again' {
	yes cgg-attach "$web"
	yes cgg-rule add port "$port"
	yes cgg-rule default device deny
	no inside "$web" cat /dev/null
	yes cgg-rule flush
	yes cgg-rule list
	says '# allow everything'
	yes inside "$web" reach 127.0.0.1 "$port"
	yes inside "$web" cat /dev/null
}

@test 'several cgroups share a policy' {
	new_cgroup mail
	yes cgg-attach "$web" "$mail"
	yes cgg-rule add port "$port"
	no inside "$web" reach 127.0.0.1 "$port"
	no inside "$mail" reach 127.0.0.1 "$port"
	yes cgg-detach "$mail"
	no inside "$web" reach 127.0.0.1 "$port"
	yes inside "$mail" reach 127.0.0.1 "$port"
	[ "$(programs "$mail")" = '' ]
}

@test 'each policy is for its own cgroups' {
	new_cgroup mail
	yes cgg-rule add port "$port"
	yes cgg-rule -p strict add device c 1:3
	yes cgg-attach "$web"
	yes cgg-attach -p strict "$mail"
	yes cgg-rule policies
	says 'default
strict'
	no inside "$web" reach 127.0.0.1 "$port"
	yes inside "$web" cat /dev/null
	yes inside "$mail" reach 127.0.0.1 "$port"
	no inside "$mail" cat /dev/null
	yes cgg-rule -p strict list
	says 'deny device c 1:3 rwm'
}

@test 'a cgroup below is guarded too; where both are attached, both must allow' {
	new_cgroup below "$web"
	yes cgg-rule add port "$port"
	yes cgg-rule -p open add allow port "$port"
	yes cgg-rule -p open add device c 1:3
	yes cgg-attach "$web"
	no inside "$below" reach 127.0.0.1 "$port"
	yes cgg-attach -p open "$below"
	no inside "$below" reach 127.0.0.1 "$port"
	no inside "$below" cat /dev/null
	yes inside "$web" cat /dev/null
}

@test 'attaching again changes nothing' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$web"
	before=$(links "$web")
	yes cgg-attach "$web"
	says ''
	[ "$(links "$web")" = "$before" ]
}

@test 'attaching with another policy switches to it' {
	yes cgg-rule add port "$port"
	yes cgg-rule -p strict add device c 1:3
	yes cgg-rule -p strict add allow port "$port"
	yes cgg-attach "$web"
	yes cgg-attach -p strict "$web"
	yes inside "$web" reach 127.0.0.1 "$port"
	no inside "$web" cat /dev/null
	yes cgg-attach "$web"
	no inside "$web" reach 127.0.0.1 "$port"
	yes inside "$web" cat /dev/null
	[ "$(programs "$web")" = "$net" ]
}

@test 'cgg-attach makes the cgroup with -c only' {
	fresh=$web/fresh
	no cgg-attach "$fresh"
	[ ! -d "$fresh" ]
	yes cgg-attach -c "$fresh"
	[ -d "$fresh" ]
	yes cgg-attach -c "$fresh"
}

@test 'a cgroup is named by its absolute path or its path below the mount' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$(shown "$web")"
	no inside "$web" reach 127.0.0.1 "$port"
	name=$(shown "$web")
	yes cgg-detach "${name#/}"
	yes inside "$web" reach 127.0.0.1 "$port"
	no cgg-detach "$web"
	status_is 1
}

@test 'a removed cgroup is no longer attached' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$web"
	yes cgg-status
	matches "$(shown "$web")"
	rmdir "$web"
	forgotten()
	{
		run cgg-status
		[ "$status" -eq 0 ] && [[ $output != *$(shown "$web")* ]] &&
			[ -z "$(ls /sys/fs/bpf/cgguard/links)" ]
	}
	wait_for forgotten

	mkdir "$web"
	yes inside "$web" reach 127.0.0.1 "$port"
	yes cgg-attach "$web"
	no inside "$web" reach 127.0.0.1 "$port"
}

@test 'cgg-detach --all detaches existing and removed cgroups' {
	new_cgroup mail
	new_cgroup gone
	yes cgg-rule add port "$port"
	yes cgg-attach "$web" "$mail" "$gone"
	rmdir "$gone"
	yes cgg-detach --all
	yes inside "$web" reach 127.0.0.1 "$port"
	yes inside "$mail" reach 127.0.0.1 "$port"
	[ -z "$(ls /sys/fs/bpf/cgguard/links)" ]
	yes cgg-unload
}

@test 'a policy is dropped when no cgroup has it' {
	yes cgg-rule -p strict add port "$port"
	yes cgg-attach -p strict "$web"
	no cgg-rule -p strict drop
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-detach "$web"
	yes cgg-rule -p strict drop
	yes cgg-rule policies
	says default
	no cgg-rule -p strict drop
	status_is 1
}

@test 'cgg-load does nothing when a guard is loaded' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$web"
	before=$(links "$web")
	yes cgg-load
	says ''
	[ "$(links "$web")" = "$before" ]
	yes cgg-rule list
	says "deny connect,sendmsg port $port"
}

@test 'cgg-unload refuses while something is attached' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$web"
	no cgg-unload
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-detach "$web"
	yes cgg-unload
	[ -z "$(pins)" ]
}

@test 'cgg-unload -f removes everything' {
	yes cgg-rule add port "$port"
	yes cgg-attach "$web"
	yes cgg-unload -f
	[ -z "$(pins)" ]
	[ "$(programs "$web")" = '' ]
	[ "$(links "$web")" = '[]' ]
	yes inside "$web" reach 127.0.0.1 "$port"
}

@test 'a file of rules is added in one step' {
	yes cgg-rule add port 1
	yes cgg-rule add -f - <<'EOF'
# two rules and a default
deny port 2

device c 1:3 name null comment "the one that forgets"
default sysctl alert
EOF
	yes cgg-rule list
	matches '^deny connect,sendmsg port 1$'
	matches '^deny connect,sendmsg port 2$'
	matches '^deny device c 1:3 rwm name null comment "the one that forgets"$'
	matches '^default sysctl alert$'
}

@test 'a file with a bad line changes nothing' {
	yes cgg-rule add port 1
	no cgg-rule add -f - <<'EOF'
port 2
default device deny
port 70000
EOF
	status_is 2
	matches '70000'
	yes cgg-rule list
	says 'deny connect,sendmsg port 1'
}

@test 'what is listed is read back, byte for byte' {
	yes cgg-rule add -f - <<'EOF'
allow connect proto tcp ip 10.0.0.0/8 port 443 name db
port 9000-9100
ip 2001:db8::/32
alert connect ip 10.10.10.5 name rule-001 comment "known \"bad\""
ip local port 22
sendmsg proto udp port 53
device b *:* rw
device /dev/null w
sysctl net.ipv4.conf.eth0/100.forwarding
sysctl net/ipv6/* w
default connect,device deny
default sysctl alert
EOF
	cgg-rule list >"$BATS_TEST_TMPDIR/listed"
	yes cgg-rule flush
	yes cgg-rule add -f "$BATS_TEST_TMPDIR/listed"
	cgg-rule list >"$BATS_TEST_TMPDIR/again"
	cmp "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/again"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/listed")" -ge 11 ]
}

@test 'commands that run at once wait for each other' {
	yes cgg-attach "$web"
	adds=()
	yes cgg-rule add -i port 1
	id=$output
	yes cgg-rule delete "$id"
	for i in {1..8}; do
		cgg-rule add port "$((40000 + i))" 3>&- &
		adds+=($!)
	done
	for add in "${adds[@]}"; do
		wait "$add"
	done
	[ "$(cgg-rule list | sort -u | wc -l)" -eq 8 ]
	[ "$(cgg-rule list -i | cut -f 1 | sort -n)" = "$(seq $((id + 1)) $((id + 8)))" ]
	no inside "$web" reach 127.0.0.1 40008
}
