#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# load - the programs of a hook are loaded when a rule first needs them, and before it is in force
#
# shellcheck disable=SC2154 # new_cgroup sets web
# shellcheck disable=SC2030,SC2031 # run sets output and status
load ../helpers

dir=/sys/fs/bpf/cgguard
connect='connect4 connect6'
sendmsg='sendmsg4 sendmsg6'

setup()
{
	untraced
	new_cgroup web
	cgg-load
}

teardown()
{
	clean_up
}

# has PROGRAM...: these programs are loaded, besides that of cgg-rule test, and no other
has()
{
	local there

	there=$(cd "$dir/progs" && echo *)
	[ "$there" = "$(printf '%s\n' ask "$@" | sort | paste -sd ' ')" ] || complain "loaded: $there"
	there=$(cgg-status -j | jq -r '.loaded[]' | sort)
	[ "$there" = "$(printf '%s\n' "$@" | grep -v _names | sort)" ] || complain "status says: $there"
}

# without_load COMMAND...: run a copy of it that finds no cgg-load, neither beside it nor in PATH
without_load()
{
	local alone=$BATS_TEST_TMPDIR/alone

	mkdir -p "$alone"
	cp "$BUILD/$1" "$alone"
	PATH=/usr/bin:/bin "$alone/$1" "${@:2}"
}

@test 'a new guard has no program of a hook; the first rule or default loads those of its hooks' {
	has
	yes cgg-attach "$web"
	has
	yes cgg-rule test connect ip 127.0.0.1 port 1
	has
	yes cgg-rule add device /dev/zero
	says ''
	has device
	no inside "$web" cat /dev/zero
	yes cgg-rule default sysctl deny
	has device sysctl
	no inside "$web" cat /proc/sys/kernel/ostype
	yes cgg-rule -p other restore - <<<'port 1'
	# shellcheck disable=SC2086 # words
	has device sysctl $connect $sendmsg
	yes cgg-run -r 'getsockopt 1:2' true
	# shellcheck disable=SC2086
	has device sysctl $connect $sendmsg getsockopt
}

@test 'what is refused, or only checked, loads nothing' {
	no cgg-rule add device nonsense
	no cgg-rule default device nonsense
	yes cgg-rule restore -n - <<<'device /dev/zero'
	yes cgg-rule check - <<<'device /dev/zero'
	yes cgg-rule add -f - <<<'# allow everything'
	yes cgg-rule default device allow
	has
}

@test 'a hook stays loaded without its rule, and is not loaded again' {
	local before

	yes cgg-rule add device /dev/zero
	before=$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)
	yes cgg-rule flush
	yes cgg-rule add device /dev/zero
	yes cgg-load --hooks device
	[ "$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)" = "$before" ]
}

@test '--hooks loads hooks by name, dns with the programs for names, and all' {
	yes cgg-load --hooks device,bind
	has device bind4 bind6 post_bind4 post_bind6
	yes cgg-load --hooks dns
	has device bind4 bind6 post_bind4 post_bind6 dns dns_answer flow{,_udp}_names {connect,sendmsg}{4,6}_names
	yes cgg-load --hooks all
	for hook in connect sendmsg recvmsg egress ingress socket setsockopt getsockopt; do
		yes without_load cgg-rule -p "$hook" default "$hook" alert
	done
	run cgg-load --hooks nonsense
	status_is 2
	says 'cgg-load: --hooks nonsense: not a hook'
	yes cgg-unload
	yes cgg-load --hooks device
	has device
}

@test 'cgg-load -r replaces the programs that are loaded, and loads no others' {
	local before

	yes cgg-rule add device /dev/zero
	yes cgg-attach "$web"
	before=$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)
	yes cgg-load -r
	has device
	[ "$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)" != "$before" ]
	no inside "$web" cat /dev/zero
}

@test 'rules that need the same hook, or others, at once are all in force' {
	local i jobs=()

	yes cgg-attach "$web"
	for i in 'device /dev/zero' 'device /dev/full' 'sysctl kernel/ostype' 'device /dev/null'; do
		# shellcheck disable=SC2086 # words
		cgg-rule add $i &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i"
	done
	has device sysctl
	for i in /dev/zero /dev/full /proc/sys/kernel/ostype; do
		no inside "$web" head -c 1 "$i"
	done
	yes cgg-rule list
	[ "${#lines[@]}" -eq 4 ]
}

# program COUNT PID: the process has so many programs open
program_open()
{
	[ "$(find "/proc/$1/fd" -lname 'anon_inode:bpf-prog' 2>/dev/null | wc -l)" -ge "$2" ]
}

@test 'a hook that is added while the others are replaced is kept, and its links are replaced too' {
	local late

	yes cgg-rule add port 9
	yes cgg-attach "$web"
	cgg-load -r &
	late=$!
	wait_for program_open "$late" 3
	kill -STOP "$late"
	yes cgg-rule add device /dev/zero
	kill -CONT "$late"
	wait "$late"
	# shellcheck disable=SC2086 # words
	has device $connect $sendmsg
	no inside "$web" cat /dev/zero
	yes cgg-status
	matches '	programs .*device'
	for link in "$dir/links/$(stat -c %i "$web")"/*; do
		[ "$(bpftool -j link show pinned "$link" | jq .prog_id)" = \
			"$(bpftool -j prog show pinned "$dir/progs/${link##*/}" | jq .id)" ] || complain "$link"
	done
}

@test 'a guard that was exchanged while programs were loaded gets none of them' {
	local late

	cgg-load --hooks connect,sendmsg,bind 2>"$BATS_TEST_TMPDIR/said" &
	late=$!
	wait_for program_open "$late" 2
	kill -STOP "$late"
	yes cgg-unload
	yes cgg-load
	finds_another_guard "$late"
	has
}

@test 'without a cgg-load, or without the privilege to load, a rule that needs a program is refused' {
	run without_load cgg-rule add device /dev/zero
	status_is 3
	says 'cgg-rule: cgg-load --hooks device: No such file or directory
cgg-rule: device: the programs are not loaded'
	run setpriv --inh-caps=-perfmon,-sys_admin --bounding-set=-perfmon,-sys_admin \
		cgg-rule add device /dev/zero
	status_is 3
	says 'cgg-load: the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON
cgg-rule: device: the programs are not loaded'
	yes cgg-rule list
	says '# allow everything'
	has
	yes cgg-load --hooks device
	yes without_load cgg-rule add device /dev/zero
	yes setpriv --inh-caps=-perfmon,-sys_admin --bounding-set=-perfmon,-sys_admin \
		cgg-rule add device /dev/full
}

@test 'a hook is loaded also where signals of children are ignored, and without descriptors' {
	yes bash -c "trap '' CHLD; exec cgg-rule add device /dev/zero"
	yes bash -c 'exec cgg-rule add sysctl kernel/ostype <&- >&- 2>&-'
	has device sysctl
}

@test 'a program that a killed cgg-load pinned and did not record is loaded again' {
	local before recorded

	recorded=$(bpftool -j map lookup pinned "$dir/version" key 1 0 0 0 | jq -r '.value | join(" ")')
	yes cgg-load --hooks device
	before=$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)
	# shellcheck disable=SC2086 # four bytes
	bpftool map update pinned "$dir/version" key 1 0 0 0 value $recorded
	yes cgg-rule add device /dev/zero
	says ''
	[ "$(bpftool -j prog show pinned "$dir/progs/device" | jq .id)" != "$before" ]
	yes cgg-attach "$web"
	no inside "$web" cat /dev/zero
}
