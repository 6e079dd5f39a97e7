#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sysctl - the hook sysctl: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each read and each write below /proc/sys. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started
# shellcheck disable=SC2016 # for inner shells

load ../ways

host=$(uname -n)

# ---- which rules it takes ----

@test 'rules take a name, a star, access letters, name, comment, and every verdict' {
	yes cgg-rule add -f - <<'END'
sysctl kernel.hostname
allow sysctl net/ipv4/conf/eth0.100/forwarding r
alert sysctl net/* w name net comment "the rest"
sysctl * rw
END
	yes cgg-rule list
	says 'deny sysctl kernel/hostname rw
allow sysctl net/ipv4/conf/eth0.100/forwarding r
alert sysctl net/* w name net comment "the rest"
deny sysctl * rw'
}

@test 'rules refuse proto, ip, port and the letter m' {
	for match in 'proto tcp' 'ip ::1' 'port 1'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add sysctl kernel/hostname $match
		status_is 2
		matches "^cgg-rule: ${match% *}: sysctl does not take it; it is for [a-z,]+$"
	done
	no cgg-rule add sysctl kernel/hostname m
	status_is 2
	says 'cgg-rule: m: not access letters of sysctl (r, w)'
}

# ---- access letters ----

@test 'r closes reading, and not writing' {
	rule sysctl kernel/hostname r
	closes sysctl-read kernel/hostname
	reports sysctl write=0 name=kernel/hostname
	opens sysctl-write kernel/hostname "$host"
	reports_nothing
}

@test 'w closes writing, and not reading' {
	rule sysctl kernel/hostname w
	opens sysctl-read kernel/hostname
	reports_nothing
	closes sysctl-write kernel/hostname "$host"
	reports sysctl write=1 name=kernel/hostname
}

@test 'without letters both reading and writing are closed' {
	rule sysctl kernel/hostname
	closes sysctl-read kernel/hostname
	reports sysctl write=0 name=kernel/hostname
	closes sysctl-write kernel/hostname "$host"
	reports sysctl write=1 name=kernel/hostname
}

@test 'a denied write changes nothing' {
	rule sysctl kernel/hostname w
	yes inside "$web" unshare --uts sh -c '"$1" sysctl-write kernel/hostname changed; uname -n' \
		- "$BUILD/tests/reach"
	says "EPERM
$host"
	yes outside unshare --uts sh -c '"$1" sysctl-write kernel/hostname changed; uname -n' \
		- "$BUILD/tests/reach"
	says 'ok
changed'
}

# ---- names ----

# near NAME...: add rules for names that this kernel may lack, which only a file may have
near()
{
	printf 'sysctl %s\n' "$@" >"$BATS_TEST_TMPDIR/near"
	yes cgg-rule add -f "$BATS_TEST_TMPDIR/near"
}

@test 'a rule holds for the whole name only' {
	near kernel/hostnam kernel/hostnamex kernel/hostname/x kernel/domainname kernel/Hostname \
		hostname net/hostname kernel/hostnamf
	opens sysctl-read kernel/hostname
	opens sysctl-write kernel/hostname "$host"
	reports_nothing
	rule sysctl kernel/hostname
	closes sysctl-read kernel/hostname
	reports sysctl write=0 name=kernel/hostname
}

@test 'dots in a name are slashes, as in sysctl(8)' {
	rule sysctl kernel.hostname
	closes sysctl-read kernel/hostname
	opens sysctl-read kernel/ostype
}

# Names near 8 and 16 bytes, where the comparison changes its method.
@test 'a name of any length is compared to its end' {
	for name in vm/stat_interval vm/swappiness kernel/pid_max kernel/ostype kernel/osrelease \
		kernel/threads-max fs/file-max fs/nr_open kernel/random/poolsize \
		net/ipv4/ip_default_ttl net/ipv4/conf/lo/forwarding net/ipv4/conf/all/accept_local \
		net/ipv4/conf/default/ignore_routes_with_linkdown; do
		[ -r "/proc/sys/$name" ] || continue
		yes cgg-rule flush
		near "${name}x" "${name%?}" "${name%?}%" "%${name#?}"
		opens sysctl-read "$name"
		reports_nothing
		rule sysctl "$name"
		closes sysctl-read "$name"
		reports sysctl write=0 "name=$name"
	done
}

# long_name: print a name of 64 bytes, of an interface in the network namespace $network
long_name()
{
	network=$CGG_RUN-long
	ip netns add "$network"
	ip -n "$network" link add fifteen-letters type veth peer name peer ||
		skip 'this kernel has no veth'
	name=net/ipv4/conf/fifteen-letters/igmpv2_unsolicited_report_interval
	[ ${#name} -eq 64 ]
}

# read_long: read it in the cgroup
read_long()
{
	run inside "$web" ip netns exec "$network" "$BUILD/tests/reach" sysctl-read "$name"
}

@test 'a name of more than 63 bytes is compared whole' {
	long_name
	near "${name}x" "${name%?}" "${name%?}k" "${name/igmpv2/igmpv3}" "${name/fifteen/Fifteen}"
	read_long
	says ok
	reports_nothing
	rule sysctl "$name"
	read_long
	says EPERM
	reports sysctl write=0 "name=$name"
	yes cgg-rule flush
	yes cgg-rule default sysctl deny
	rule allow sysctl "$name" r
	read_long
	says ok
	reports_nothing
}

@test 'a star holds for names of more than 63 bytes' {
	long_name
	rule sysctl 'net/ipv4/conf/fifteen-letterz/*'
	read_long
	says ok
	rule sysctl 'net/ipv4/conf/fifteen-letters/*'
	read_long
	says EPERM
	reports sysctl write=0 "name=$name"
}

@test 'a star holds for everything below' {
	rule sysctl 'net/ipv4/*'
	closes sysctl-read net/ipv4/ip_forward
	reports sysctl write=0 name=net/ipv4/ip_forward
	closes sysctl-read net/ipv4/conf/lo/forwarding
	reports sysctl write=0 name=net/ipv4/conf/lo/forwarding
	opens sysctl-read net/ipv6/conf/lo/forwarding
	opens sysctl-read net/core/somaxconn
	opens sysctl-read kernel/hostname
	reports_nothing
}

@test 'the name of a directory without a star is refused' {
	for name in net/ipv4 net/ipv4/conf/lo; do
		run cgg-rule add sysctl "$name"
		status_is 2
		says "cgg-rule: sysctl $name: is a directory; write $name/* for everything below"
	done
	opens sysctl-read net/ipv4/conf/lo/forwarding
	reports_nothing
}

@test 'a star works after a long name' {
	rule sysctl 'net/ipv4/conf/default/*'
	closes sysctl-read net/ipv4/conf/default/forwarding
	opens sysctl-read net/ipv4/conf/all/forwarding
	yes cgg-rule flush
	rule sysctl 'net/ipv6/conf/*'
	closes sysctl-read net/ipv6/conf/lo/forwarding
	opens sysctl-read net/ipv4/conf/lo/forwarding
}

@test 'a star alone holds for every sysctl' {
	rule sysctl '*'
	closes sysctl-read kernel/hostname
	closes sysctl-read net/ipv4/ip_forward
	closes sysctl-write kernel/hostname "$host"
	yes inside "$web" ls /proc/sys/kernel
	yes inside "$web" cat /proc/version
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports' {
	rule alert sysctl kernel/hostname
	opens sysctl-read kernel/hostname
	verdict=ALERT reports sysctl write=0 name=kernel/hostname
}

@test 'an allow before a star is an exception' {
	rule allow sysctl net/ipv4/ip_forward r
	rule sysctl 'net/*'
	opens sysctl-read net/ipv4/ip_forward
	reports_nothing
	closes sysctl-write net/ipv4/ip_forward "$(cat /proc/sys/net/ipv4/ip_forward)"
	reports sysctl write=1 name=net/ipv4/ip_forward
}

@test 'an allow list allows what it names and nothing else' {
	rule allow sysctl kernel/hostname r
	yes cgg-rule default sysctl deny
	opens sysctl-read kernel/hostname
	reports_nothing
	closes sysctl-write kernel/hostname "$host"
	id=0 reports sysctl write=1 name=kernel/hostname
	closes sysctl-read kernel/ostype
	id=0 reports sysctl write=0 name=kernel/ostype
	yes cgg-rule default sysctl alert
	opens sysctl-read kernel/ostype
	id=0 verdict=ALERT reports sysctl write=0 name=kernel/ostype
}

@test 'an event has the name of the rule' {
	rule sysctl kernel/hostname name who
	closes sysctl-read kernel/hostname
	yes cgg-events -w 0
	matches " policy=default rule=$id label=who$"
}

# ---- attempts to get around it: each works before the rule, and is denied by it ----

hostname_denied()
{
	denies sysctl kernel/hostname -- sysctl write=0 name=kernel/hostname -- "$@"
}

@test 'a rule denies read' { hostname_denied sysctl-read kernel/hostname; }
@test 'a rule denies readv' { hostname_denied sysctl-readv kernel/hostname; }
@test 'a rule denies pread, also on a duplicate descriptor' { hostname_denied sysctl-fd kernel/hostname; }
@test 'a rule denies a second thread' { hostname_denied sysctl-thread kernel/hostname; }
@test 'a rule denies another mount of proc' { hostname_denied sysctl-otherproc kernel/hostname; }
@test 'a rule denies io_uring' { hostname_denied uring-sysctl-read kernel/hostname; }

@test 'a rule denies other paths to the sysctl' {
	ln -s /proc/sys/kernel "$BATS_TEST_TMPDIR/link"
	paths="/proc/sys/kernel/../kernel/./hostname /proc/self/root/proc/sys/kernel/hostname
		$BATS_TEST_TMPDIR/link/hostname"
	for path in $paths; do
		yes inside "$web" cat "$path"
	done
	rule sysctl kernel/hostname
	for path in $paths; do
		no inside "$web" cat "$path"
		matches 'Operation not permitted'
	done
	no inside "$web" unshare -m sh -c 'mount --bind /proc/sys/kernel /mnt && cat /mnt/hostname'
	matches 'Operation not permitted'
}

@test 'a rule denies each read of a descriptor that was opened before' {
	fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$fifo"
	inside "$web" python3 -c '
import os, sys
fd = os.open("/proc/sys/kernel/hostname", os.O_RDONLY)
for line in open(sys.argv[1]):
    try:
        os.pread(fd, 100, 0)
        print(line.strip(), "ok", flush=True)
    except OSError as e:
        print(line.strip(), e.strerror, flush=True)' "$fifo" >"$BATS_TEST_TMPDIR/said" 3>&- &
	started[$!]=reader
	exec 7>"$fifo"
	echo before >&7
	wait_for grep -qx 'before ok' "$BATS_TEST_TMPDIR/said"
	rule sysctl kernel/hostname
	echo between >&7
	wait_for grep -qx 'between Operation not permitted' "$BATS_TEST_TMPDIR/said"
	yes cgg-rule delete "$id"
	echo after >&7
	wait_for grep -qx 'after ok' "$BATS_TEST_TMPDIR/said"
	exec 7>&-
}

@test 'a cgroup below, a user namespace, a UTS namespace and another user do not get around a rule' {
	new_cgroup below "$web"
	rule sysctl kernel/hostname
	run inside "$below" attempt sysctl-read kernel/hostname
	says EPERM
	for kind in '--user --map-root-user' --uts '--pid --fork --mount-proc'; do
		# shellcheck disable=SC2086 # options
		run inside "$web" unshare $kind "$BUILD/tests/reach" sysctl-read kernel/hostname
		says EPERM
	done
	run inside "$web" setpriv --reuid=65534 --clear-groups \
		"$BUILD/tests/reach" sysctl-read kernel/hostname
	says EPERM
	yes cgg-events -w 0
	matches ' uid=65534 '
}
