#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# device - the hook device: which rules it takes, what it does, and attempts to get around it
#
# /dev/null is c 1:3, /dev/zero c 1:5. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2016 # for inner shells
# shellcheck disable=SC2034 # teardown reads started

load ../ways

# null LETTERS: store in $null how an event shows them and /dev/null
null()
{
	local access=0

	[[ $1 != *r* ]] || access=$((access | 2))
	[[ $1 != *w* ]] || access=$((access | 4))
	[[ $1 != *m* ]] || access=$((access | 1))
	null=(major=1 minor=3 "access_type=0x${access}0002" type=c "access=$1")
}

# ---- which rules it takes ----

@test 'rules take a type, a number, stars, access letters, name, comment, and every verdict' {
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

@test 'rules refuse proto, ip and port' {
	for match in 'proto tcp' 'ip ::1' 'port 1'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add device c 1:3 $match
		status_is 2
		matches "^cgg-rule: ${match% *}: device does not take it; it is for [a-z,]+$"
	done
}

@test 'a rule can name a block device by its path' {
	mknod "$BATS_TEST_TMPDIR/disk" b 7 123
	rule device "$BATS_TEST_TMPDIR/disk" rw
	yes cgg-rule list
	says 'deny device b 7:123 rw'
}

# ---- access letters ----

@test 'r closes reading, and not writing' {
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

@test 'w closes writing, and not reading' {
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

@test 'm closes making nodes, and not reading or writing' {
	opens mknod "$BATS_TEST_TMPDIR/null" c 1 3
	rule device c 1:3 m
	closes mknod "$BATS_TEST_TMPDIR/null" c 1 3
	null m
	reports device "${null[@]}"
	opens open /dev/null rw
	reports_nothing
}

@test 'two rules with one letter each allow an open for both' {
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

@test 'an open is denied when one of its letters is denied' {
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

@test 'the first rule with the letter wins, even over a default' {
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

@test 'access(2) for execution is covered by no letter' {
	yes cgg-rule default device deny
	yes inside "$web" test ! -x /dev/null
	reports_nothing
}

# ---- type, major, minor ----

@test 'a rule for c 1:3 does not hold for b 1:3' {
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

@test 'a rule for a 1:3 holds for c 1:3 and b 1:3' {
	rule device a 1:3
	closes open /dev/null r
	null r
	reports device "${null[@]}"
	closes mknod "$BATS_TEST_TMPDIR/ram" b 1 3
	reports device major=1 minor=3 access_type=0x10001 type=b access=m
}

@test 'a rule does not hold for another minor number' {
	rule device c 1:3
	opens open /dev/zero rw
	opens mknod "$BATS_TEST_TMPDIR/node" c 1 2
	opens mknod "$BATS_TEST_TMPDIR/node" c 1 259
	reports_nothing
}

@test 'a rule does not hold for another major number' {
	rule device c 1:3
	opens mknod "$BATS_TEST_TMPDIR/node" c 2 3
	opens mknod "$BATS_TEST_TMPDIR/node" c 257 3
	reports_nothing
}

@test 'MAJOR:* holds for every minor number' {
	rule device c '1:*'
	closes open /dev/null r
	closes open /dev/zero r
	closes mknod "$BATS_TEST_TMPDIR/node" c 1 1048575
	opens mknod "$BATS_TEST_TMPDIR/node" c 2 3
	opens mknod "$BATS_TEST_TMPDIR/node" b 1 3
}

@test 'c *:* holds for every character device' {
	rule device c '*:*'
	closes open /dev/null r
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	opens mknod "$BATS_TEST_TMPDIR/node" b 1 3
}

@test 'a *:* holds for every device' {
	rule device a '*:*'
	closes open /dev/null r
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	closes mknod "$BATS_TEST_TMPDIR/node" b 4095 1048575
	yes inside "$web" sh -c 'mkfifo "$1/pipe"; : >"$1/file"' - "$BATS_TEST_TMPDIR"
}

@test 'the largest numbers of a device work' {
	opens mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	rule device c 4095:1048575
	closes mknod "$BATS_TEST_TMPDIR/node" c 4095 1048575
	reports device major=4095 minor=1048575 access_type=0x10002 type=c access=m
	opens mknod "$BATS_TEST_TMPDIR/node" c 4095 1048574
	opens mknod "$BATS_TEST_TMPDIR/node" c 4094 1048575
}

# ---- verdicts, defaults, options ----

@test 'alert allows and reports' {
	rule alert device c 1:3
	opens open /dev/null rw
	null rw
	verdict=ALERT reports device "${null[@]}"
}

@test 'an allow list allows what it names and nothing else' {
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

@test 'an event has the name of the rule' {
	rule device c 1:3 name null
	closes open /dev/null r
	yes cgg-events -w 0
	matches " policy=default rule=$id label=null$"
}

# ---- attempts to get around it: each works before the rule, and is denied by it ----

null_denied()
{
	null "$1"
	shift
	denies device c 1:3 rw -- device "${null[@]}" -- "$@"
}

@test 'a rule denies open' { null_denied rw open /dev/null rw; }
@test 'a rule denies openat2' { null_denied r openat2 /dev/null r; }
@test 'a rule denies io_uring' { null_denied w uring-open /dev/null w; }
@test 'a rule denies a second thread' { null_denied rw thread-open /dev/null rw; }
@test 'a rule denies opening /proc/self/fd of an O_PATH descriptor' { null_denied rw reopen /dev/null rw; }
@test 'a rule denies access(2), which opens nothing' { null_denied r access /dev/null r; }
@test 'a rule denies a second node of the device' { null_denied rw mknod-open c 1 3 rw; }

@test 'a rule denies a second node that was made outside' {
	node=$(mktemp -u -p "$(node_place)" reach.XXXXXX)
	mknod "$node" c 1 3
	opens open "$node" rw
	rule device c 1:3
	closes open "$node" rw
	rm "$node"
	null rw
	reports device "${null[@]}"
}

# Print a directory where device nodes work.
node_place()
{
	for place in /dev/shm /tmp .; do
		findmnt -n -o OPTIONS -T "$place" | grep -qw nodev || break
	done
	echo "$place"
}

@test 'a rule denies a symbolic link, a hard link and another mount' {
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

@test 'a rule holds in a cgroup below, a user namespace and for another user' {
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

# A limit, not a way around: the kernel asks only when a device is opened.
@test 'a device that is open already stays open' {
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
