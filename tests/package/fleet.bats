#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# fleet - two hosts follow a policy in an etcd of three members, whatever dies
#
# A host is a mount namespace with its own bpffs and guard, and a guarded cgroup. etcd and the
# followers are in one network namespace with nothing else. Attempts tell what is in force:
# connect(2) to a port, from inside the cgroups.
# shellcheck disable=SC2016,SC2154 # there are inner shells; new_cgroup sets one and two

load ../helpers

root=${tests_dir%/*}
network=$CGG_RUN-fleet
members='1 2 3'

# background NAME COMMAND...: start it as a process group of its own, its pid in the file NAME.pid
background()
{
	local name=$1

	shift
	setsid "$@" >>"$BATS_FILE_TMPDIR/$name.log" 2>&1 </dev/null 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/$name.pid"
	disown
}

pid_of()
{
	cat "$BATS_FILE_TMPDIR/$1.pid"
}

# end NAME: kill all of it at once
end()
{
	kill -KILL -- "-$(pid_of "$1")" 2>/dev/null
	wait_for ended "$1"
	rm "$BATS_FILE_TMPDIR/$1.pid"
}

ended()
{
	! pgrep -g "$(pid_of "$1")" -r D,R,S,T # dead processes may still wait to be reaped
}

connected()
{
	nsenter --net="/run/netns/$network" "$@"
}

start_member()
{
	local url=http://127.0.0.1:2$1

	background "member$1" nsenter --net="/run/netns/$network" etcd --name "m$1" \
		--data-dir "$BATS_FILE_TMPDIR/m$1" \
		--listen-client-urls "${url}79" --advertise-client-urls "${url}79" \
		--listen-peer-urls "${url}80" --initial-advertise-peer-urls "${url}80" \
		--initial-cluster "$(printf 'm%s=http://127.0.0.1:2%s80\n' 1 1 2 2 3 3 | paste -sd ,)" \
		--heartbeat-interval 100 --election-timeout 500
}

healthy()
{
	connected curl -s -m 2 "http://127.0.0.1:2${1}79/health" | grep '"true"'
}

# on HOST COMMAND...
on()
{
	nsenter --mount="/proc/$(pid_of "$1")/ns/mnt" --net="/run/netns/$network" -- "${@:2}"
}

# It becomes sleep when all is ready.
is_up()
{
	[ "$(cat "/proc/$(pid_of "$1")/comm")" = sleep ]
}

start_host()
{
	mkdir "$BATS_FILE_TMPDIR/etc-$1"
	background "$1" bash -c "$(declare -f private); private sleep 900"
	wait_for is_up "$1" && on "$1" cgg-load &&
		on "$1" cgg-rule -p web mode enforce && on "$1" cgg-attach -p web "$2"
}

# granted UNIT COMMAND...: exec it with the capabilities that the unit leaves it
granted()
{
	local caps

	caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$root/share/systemd/$1" | tr -d '\n' |
		sed 's/CAP_//g; s/ /,+/g')
	exec setpriv --bounding-set="-all,+${caps,,}" -- "${@:2}"
}

# start_follower HOST [NAME [KEY]]
start_follower()
{
	background "follower-${2:-$1}" nsenter --mount="/proc/$(pid_of "$1")/ns/mnt" \
		--net="/run/netns/$network" -- \
		bash -c "$(declare -f granted); root=$root; granted \"\$@\"" bash cgguard-follow@.service \
		"$root/share/libexec/cgguard-follow" web "${3:-$key}" "$BATS_FILE_TMPDIR/etc-$1"
}

setup_file()
{
	local member

	command -v etcd etcdctl >/dev/null || skip 'etcd is not installed'
	export key=/cgguard/web ETCDCTL_API=3 \
		ETCDCTL_ENDPOINTS=http://127.0.0.1:2179,http://127.0.0.1:2279,http://127.0.0.1:2379
	ip netns add "$network" && ip -n "$network" link set lo up || return
	for member in $members; do
		start_member "$member"
	done
	new_cgroup one
	new_cgroup two
	export one two
	start_host one "$one"
	start_host two "$two"
	for member in $members; do
		wait_for healthy "$member"
	done
	start_follower one
	start_follower two
}

teardown_file()
{
	local file

	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[ ! -f "$file" ] || end "$(basename -s .pid "$file")"
	done
	remove_cgroup "$one"
	remove_cgroup "$two"
	ip netns delete "$network"
}

teardown()
{
	tail -n 5 "$BATS_FILE_TMPDIR"/follower-*.log # shown when the test fails
}

# put TEXT: store it as the policy, again if the leader that took it died
put()
{
	wait_for connected etcdctl --command-timeout 1s put "$key" -- "$1"
}

# attempt CGROUP PORT: print how connecting to it from there ends
attempt()
{
	inside "$1" "$BUILD/tests/reach" udp-connect 127.0.0.1 "$2"
}

# everywhere WHAT PORT...: on both hosts connecting to each of them ends so
everywhere()
{
	local cgroup port

	for cgroup in "$one" "$two"; do
		for port in "${@:2}"; do
			[ "$(attempt "$cgroup" "$port")" = "$1" ] || return
		done
	done
}

# told WORDS: both followers printed this, in lines after the last mark
told()
{
	local host

	for host in one two; do
		tail -n +"$((1 + $(cat "$BATS_FILE_TMPDIR/$host.read" 2>/dev/null || echo 0)))" \
			"$BATS_FILE_TMPDIR/follower-$host.log" | grep -e "$1" || return
	done
}

# from_here: set the mark
from_here()
{
	local host

	for host in one two; do
		wc -l <"$BATS_FILE_TMPDIR/follower-$host.log" >"$BATS_FILE_TMPDIR/$host.read"
	done
}

# check WORDS...: run the follower by hand
check()
{
	run on one "$root/share/libexec/cgguard-follow" --check "$@"
}

@test 'a policy that is put into etcd is in force on both hosts, and kept for the next boot' {
	everywhere ok 7
	put 'deny connect port 7'
	wait_for everywhere EPERM 7
	wait_for told 'web: revision [0-9]* is in force'
	for host in one two; do
		[ "$(cat "$BATS_FILE_TMPDIR/etc-$host/web.policy")" = 'deny connect port 7' ]
	done
}

@test 'a change reaches both hosts' {
	put 'deny connect port 8'
	wait_for everywhere EPERM 8
	everywhere ok 7
}

@test 'of twenty quick changes the last is in force' {
	for number in {1..20}; do
		put "deny connect port $((1000 + number))"
	done
	wait_for everywhere EPERM 1020
	everywhere ok 1001 1019
}

@test 'a change by hand is undone when the key is read the next time' {
	connected etcdctl put /hand 'deny connect port 13'
	CGGUARD_LOOK_SECONDS=1 start_follower one hand /hand
	wait_for eval '[ "$(attempt "$one" 13)" = EPERM ]'
	on one cgg-rule -p web flush
	wait_for eval '[ "$(attempt "$one" 13)" = EPERM ]'
	end follower-hand
}

# instead WORD LINES: put an etcdctl before the real one that runs LINES once, at the first WORD
instead()
{
	cat >"$BATS_TEST_TMPDIR/etcdctl" <<-END
		#!/bin/sh
		PATH=$PATH
		if [ "\$1" = $1 ] && mkdir $BATS_TEST_TMPDIR/once 2>/dev/null; then
			$2
		fi
		exec etcdctl "\$@"
	END
	chmod 755 "$BATS_TEST_TMPDIR/etcdctl"
}

@test 'no change is missed between reading and watching' {
	connected etcdctl put /between 'deny connect port 11'
	instead get 'etcdctl "$@"; etcdctl put /between "deny connect port 12" >/dev/null; exit'
	PATH=$BATS_TEST_TMPDIR:$PATH start_follower one between /between
	wait_for eval '[ "$(attempt "$one" 12)" = EPERM ]'
	end follower-between
	grep -q 'revision [0-9]* is in force' "$BATS_FILE_TMPDIR/follower-between.log"
}

@test 'a cancelled watch, as without a leader, is no change' {
	connected etcdctl put /cancelled 'deny connect port 14'
	connected etcdctl put /cancelled 'deny connect port 15'
	canceled='{"Header":{},"Events":null,"CompactRevision":0,"Canceled":true,"Created":false}'
	instead watch "echo '$canceled'; exit 1"
	PATH=$BATS_TEST_TMPDIR:$PATH start_follower one cancelled /cancelled
	wait_for eval '[ -d "$BATS_TEST_TMPDIR/once" ] &&
		pgrep -g "$(pid_of follower-cancelled)" -f "^etcdctl watch"'
	[ "$(attempt "$one" 15)" = EPERM ]
	end follower-cancelled
	[ "$(wc -l <"$BATS_FILE_TMPDIR/follower-cancelled.log")" -eq 1 ]
}

@test 'a broken or empty policy is refused, and the old one stays in force' {
	put 'deny connect port 8'
	wait_for everywhere EPERM 8
	from_here
	put $'deny connect port 9\ndeny prot 10'
	wait_for told 'is refused; the policy stays'
	told ':2: prot: '
	everywhere EPERM 8
	everywhere ok 9
	from_here
	put ''
	wait_for told 'no rule, default or mode line'
	everywhere EPERM 8
	grep -x 'deny connect port 8' "$BATS_FILE_TMPDIR"/etc-*/web.policy
}

@test 'a deleted key leaves the policy in force, and a new one is followed' {
	put 'deny connect port 8'
	wait_for everywhere EPERM 8
	from_here
	connected etcdctl del "$key"
	wait_for told 'is not there; the policy stays as it is'
	everywhere EPERM 8
	put 'deny connect port 9'
	wait_for everywhere EPERM 9
}

@test 'whichever member is killed, a later change reaches both hosts' {
	for member in $members; do
		end "member$member"
		put "deny connect port 2$member"
		wait_for everywhere EPERM "2$member"
		start_member "$member"
		wait_for healthy "$member"
	done
}

@test 'a follower that is killed takes its watch with it; started again it catches up' {
	wait_for pgrep -g "$(pid_of follower-one)" -f '^etcdctl watch'
	kill -KILL "$(pid_of follower-one)"
	wait_for ended follower-one
	put 'deny connect port 9'
	wait_for eval '[ "$(attempt "$two" 9)" = EPERM ]'
	no everywhere EPERM 9
	start_follower one
	wait_for everywhere EPERM 9
}

@test 'without any etcd the policy stays, also for a follower started then; when etcd is back it is followed' {
	put 'deny connect port 9'
	wait_for everywhere EPERM 9
	for member in $members; do
		end "member$member"
	done
	end follower-two
	from_here
	start_follower two
	check web
	status_is 3
	matches 'context deadline exceeded'
	wait_for grep 'no answer from etcd, the policy stays' "$BATS_FILE_TMPDIR/follower-two.log"
	everywhere EPERM 9
	for member in $members; do
		start_member "$member"
	done
	for member in $members; do
		wait_for healthy "$member"
	done
	put 'deny connect port 10'
	wait_for everywhere EPERM 10
	everywhere ok 9
}

@test '--check prints what would happen, and changes nothing' {
	before=$(on one cgg-rule -p web list)
	check web
	status_is 0
	says ''
	check web /nosuch
	status_is 1
	says 'cgguard-follow: web: /nosuch is not there'
	connected etcdctl put /broken 'deny prot 1'
	check web /broken
	status_is 2
	matches ':1: prot: '
	check ../web
	status_is 2
	[ "$(on one cgg-rule -p web list)" = "$before" ]
	[ "$(ls -A "$BATS_FILE_TMPDIR/etc-one")" = web.policy ]
}

@test 'a policy in etcd includes a file of the host, found beside the kept policy' {
	for host in one two; do
		echo 'deny connect port 11' >"$BATS_FILE_TMPDIR/etc-$host/base.inc"
	done
	put $'include base.inc\ndeny connect port 12'
	wait_for everywhere EPERM 11
	wait_for everywhere EPERM 12
	cd /
	check web /cgguard/web "$BATS_FILE_TMPDIR/etc-one"
	status_is 0
	rm "$BATS_FILE_TMPDIR"/etc-*/base.inc
	check web /cgguard/web "$BATS_FILE_TMPDIR/etc-one"
	status_is 2
	matches ':1: include base.inc: No such file or directory$'
	put 'deny connect port 10'
	wait_for everywhere EPERM 10
	wait_for everywhere ok 12
}

@test 'no function and no startup file of the environment is run' {
	echo "touch $BATS_TEST_TMPDIR/ran" >"$BATS_TEST_TMPDIR/start"
	# shellcheck disable=SC2317 # must not be called
	cgg-rule() { touch "$BATS_TEST_TMPDIR/ran"; }
	export -f cgg-rule
	BASH_ENV=$BATS_TEST_TMPDIR/start check web
	unset -f cgg-rule
	status_is 0
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test 'events are lines of JSON and metrics one file, with the privileges that the units grant' {
	yes on one bash -c "$(declare -f granted); root=$root; granted \"\$@\"" bash cgguard-events.service \
		cgg-events --json -n 1 -w 5
	jq -e '.verdict == "deny" and .policy == "web"' <<<"$output"
	yes on one bash -c "$(declare -f granted); root=$root; granted \"\$@\"" bash cgguard-metrics.service \
		"$root/share/libexec/cgguard-metrics" "$BATS_TEST_TMPDIR"
	[ "$(ls "$BATS_TEST_TMPDIR")" = cgguard.prom ]
	grep -q '^cgguard_' "$BATS_TEST_TMPDIR/cgguard.prom"
	# without a guard there is no metric
	yes unshare -m sh -c "umount -l /sys/fs/bpf; $root/share/libexec/cgguard-metrics $BATS_TEST_TMPDIR ||
		[ ! -e $BATS_TEST_TMPDIR/cgguard.prom ]"
}
