#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# device - the hook device: what it takes, what it does, and the ways around it
#
# /dev/null is c 1:3, /dev/zero c 1:5. ways.bash has the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2016 # for inner shells
# shellcheck disable=SC2034 # teardown reads started

load ../ways

# null LETTERS: what an event says of them and /dev/null, in $null
null()
{
	local access=0

	[[ $1 != *r* ]] || access=$((access | 2))
	[[ $1 != *w* ]] || access=$((access | 4))
	[[ $1 != *m* ]] || access=$((access | 1))
	null=(major=1 minor=3 "access_type=0x${access}0002" type=c "access=$1")
}

# ---- what it takes ----

@test 'supported: a type, a number, stars, letters, name, comment, and every verdict' {
	yes cgg-rule add -f - <<'END'
device c 1:3
allow device b 8:* r
alert device a *:* wm name any comment "the rest"
device /dev/zero w
END
	yes cgg-rule list
	says 'deny device c 1:3 rwm
allow device b 8:* r
alert device a *:* wm name any comment "the rest"
deny device c 1:5 w'
}

@test 'not supported: proto, ip, port' {
	for match in 'proto tcp' 'ip ::1' 'port 1'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add device c 1:3 $match
		status_is 2
		says "cgg-rule: ${match% *}: device does not take it"
	done
}

@test 'a block device by its path' {
	mknod "$BATS_TEST_TMPDIR/disk" b 7 123
	rule device "$BATS_TEST_TMPDIR/disk" rw
	yes cgg-rule list
	says 'deny device b 7:123 rw'
}

# ---- letters ----

@test 'r is closed, and w is not' {
	opens open /dev/null rw
	rule device c 1:3 r
	closes open /dev/null r
	null r
	reports device "${null[@]}"
	opens open /dev/null w
	reports_nothing
	closes open /dev/null rw
	null rw
	reports device "${null[@]}"
}

@test 'w is closed, and r is not' {
	rule device c 1:3 w
	opens open /dev/null r
	reports_nothing
	closes open /dev/null w
	null w
	reports device "${null[@]}"
	closes open /dev/null rw
	null rw
	reports device "${null[@]}"
}

@test 'm is closed, and r and w are not' {
	opens mknod "$BATS_TEST_TMPDIR/null" c 1 3
	rule device c 1:3 m
	closes mknod "$BATS_TEST_TMPDIR/null" c 1 3
	null m
	reports device "${null[@]}"
	opens open /dev/null rw
	reports_nothing
}

@test 'an open for r and w is allowed by two rules with a letter each' {
	rule allow device c 1:3 r
	yes cgg-rule default device deny
	opens open /dev/null r
	reports_nothing
	closes open /dev/null w
	closes open /dev/null rw
	cgg-events -w 0 >/dev/null
	rule allow device c 1:3 w
	opens open /dev/null rw
	opens open /dev/null w
	reports_nothing
	closes mknod "$BATS_TEST_TMPDIR/null" c 1 3
	null m
	id=0 reports device "${null[@]}"
}

@test 'the worst answer to a letter is the answer' {
	rule alert device c 1:3 w
	writing=$id
	rule device c 1:3 r
	closes open /dev/null rw
	null rw
	reports device "${null[@]}"
	opens open /dev/null w
	null w
	id=$writing verdict=ALERT reports device "${null[@]}"
}

@test 'the first rule with the letter wins, also over a default' {
	rule allow device c 1:3 w
	rule device c 1:3
	yes cgg-rule default device alert
	opens open /dev/null w
	reports_nothing
	closes open /dev/null r
	null r
	reports device "${null[@]}"
	opens open /dev/zero r
	id=0 verdict=ALERT reports device major=1 minor=5 access_type=0x20002 type=c access=r
}

@test 'to ask whether it may be executed is none of the letters' {
	yes cgg-rule default device deny
	yes inside "$web" test ! -x /dev/null
	reports_nothing
}

# ---- type, major, minor ----

@test 'c 1:3 is not b 1:3' {
	rule device b 1:3
	opens open /dev/null rw
	opens mknod "$BATS_TEST_TMPDIR/null" c 1 3
	reports_nothing
	closes mknod "$BATS_TEST_TMPDIR/ram" b 1 3
	reports device major=1 minor=3 access_type=0x10001 type=b access=m
	yes cgg-rule flush
	rule device c 1:3
	opens mknod "$BATS_TEST_TMPDIR/ram" b 1 3
	reports_nothing
}

@test 'a 1:3 is both' {
	rule device a 1:3
	closes open /dev/null r
	null r
	reports device "${null[@]}"
	closes mknod "$BATS_TEST_TMPDIR/ram" b 1 3
	reports device major=1 minor=3 access_type=0x10001 type=b access=m
}

@test 'another minor is another device' {
	rule device c 1:3
	opens open /dev/zero rw
	opens mknod "$BATS_TEST_TMPDIR/node" c 1 2
	opens mknod "$BATS_TEST_TMPDIR/node" c 1 259
	reports_nothing
}

@test 'another major is another device' {
	rule device c 1:3
	opens mknod "$BATS_TEST_TMPDIR/node" c 2 3
	opens mknod "$BATS_TEST_TMPDIR/node" c 257 3
	reports_nothing
}

@test 'MAJOR:* is every minor of it' {
	rule device c '1:*'
	closes open /dev/null r
	closes open /dev/zero r
	closes mknod "$BATS_TEST_TMPDIR/node" c 1 1048575
	opens mknod "$BATS_TEST_TMPDIR/node" c 2 3
	opens mknod "$BATS_TEST_TMPDIR/node" b 1 3
}

@test 'c *:* is every character device' {
	rule device c '*:*'
	closes open /dev/null r
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	opens mknod "$BATS_TEST_TMPDIR/node" b 1 3
}

@test 'a *:* is every device' {
	rule device a '*:*'
	closes open /dev/null r
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	closes mknod "$BATS_TEST_TMPDIR/node" b 4095 1048575
	yes inside "$web" sh -c 'mkfifo "$1/pipe"; : >"$1/file"' - "$BATS_TEST_TMPDIR"
}

@test 'the largest numbers there are' {
	opens mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	rule device c 4095:1048575
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	reports device major=4095 minor=1048575 access_type=0x10002 type=c access=m
	opens mknod "$BATS_TEST_TMPDIR/node" c 4095 1048574
	opens mknod "$BATS_TEST_TMPDIR/node" c 4094 1048575
}

# ---- verdicts, defaults, options ----

@test 'alert lets through, and reports' {
	rule alert device c 1:3
	opens open /dev/null rw
	null rw
	verdict=ALERT reports device "${null[@]}"
}

@test 'a list of what is allowed' {
	rule allow device c 1:3
	rule allow device c 1:5 r
	yes cgg-rule default device deny
	opens open /dev/null rw
	opens open /dev/zero r
	reports_nothing
	closes open /dev/zero w
	id=0 reports device major=1 minor=5 access_type=0x40002 type=c access=w
	closes open /dev/full r
	id=0 reports device major=1 minor=7 access_type=0x20002 type=c access=r
}

@test 'a named rule says its name in the event' {
	rule device c 1:3 name null
	closes open /dev/null r
	yes cgg-events -w 0
	matches " policy=default rule=$id label=null$"
}

# ---- the ways around: each is open before the rule, and closed by it ----

null_denied()
{
	null "$1"
	shift
	denies device c 1:3 rw -- device "${null[@]}" -- "$@"
}

@test 'device: open' { null_denied rw open /dev/null rw; }
@test 'device: openat2' { null_denied r openat2 /dev/null r; }
@test 'device: io_uring' { null_denied w uring-open /dev/null w; }
@test 'device: a second thread' { null_denied rw thread-open /dev/null rw; }
@test 'device: by /proc/self/fd of a path' { null_denied rw reopen /dev/null rw; }
@test 'device: access, which asks and opens nothing' { null_denied r access /dev/null r; }
@test 'device: a second node' { null_denied rw mknod-open c 1 3 rw; }

@test 'device: a second node, made outside' {
	node=$(mktemp -u -p "$(node_place)" reach.XXXXXX)
	mknod "$node" c 1 3
	opens open "$node" rw
	rule device c 1:3
	closes open "$node" rw
	rm "$node"
	null rw
	reports device "${null[@]}"
}

# A directory where device nodes work.
node_place()
{
	for place in /dev/shm /tmp .; do
		findmnt -n -o OPTIONS -T "$place" | grep -qw nodev || break
	done
	echo "$place"
}

@test 'device: a symbolic link, a hard link, another mount' {
	ln -s /dev/null "$BATS_TEST_TMPDIR/link"
	: >"$BATS_TEST_TMPDIR/bound"
	bind='mount --bind /dev/null "$1/bound" && exec "$2" open "$1/bound" rw'
	opens open "$BATS_TEST_TMPDIR/link" rw
	yes inside "$web" unshare -m sh -c "$bind" - "$BATS_TEST_TMPDIR" "$BUILD/tests/reach"
	rule device c 1:3
	closes open "$BATS_TEST_TMPDIR/link" rw
	closes open /dev/../dev/./null rw
	closes open /proc/self/root/dev/null rw
	run inside "$web" unshare -m sh -c "$bind" - "$BATS_TEST_TMPDIR" "$BUILD/tests/reach"
	says EPERM
}

@test 'device: a cgroup below, a user namespace, another user' {
	new_cgroup below "$web"
	rule device c 1:3
	run inside "$below" attempt open /dev/null r
	says EPERM
	run inside "$web" unshare --user --map-root-user "$BUILD/tests/reach" open /dev/null r
	says EPERM
	run inside "$web" setpriv --reuid=65534 --clear-groups "$BUILD/tests/reach" open /dev/null r
	says EPERM
	yes cgg-events -w 0
	matches ' uid=65534 '
}

# Not a way around, but the line that the kernel draws: it asks when a device is opened.
@test 'what is open already stays open' {
	fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$fifo"
	inside "$web" sh -c 'exec 9>/dev/null 8<"$1"; read -r go <&8 && echo x >&9 && echo written' \
		- "$fifo" >"$BATS_TEST_TMPDIR/said" 3>&- &
	started[$!]=writer
	exec 7>"$fifo"
	rule device c 1:3
	closes open /dev/null w
	echo go >&7
	exec 7>&-
	wait_for grep -qx written "$BATS_TEST_TMPDIR/said"
}
