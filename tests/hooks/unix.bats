#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# unix - the hook unix: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each connect(2) of a unix socket and each message with a destination,
# by the name as the caller wrote it. ways.bash explains the words.
#
#	names /tmp/s '\0name'    make servers with these names; \0 is a NUL byte
#	opens connect stream /tmp/s
#	opens send dgram /tmp/s  other ways: sendto, sendmsg; socketpair KIND
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways and teardown read started, id and verdict

load ../ways

setup()
{
	untraced
	verdict=DENY id=0 at=$BATS_TEST_TMPDIR
	abstract=$CGG_RUN-$BATS_TEST_NUMBER
	new_cgroup web
	cgg-attach "$web"
	serve "$at/stream" "$at/dgram" "$at/seqpacket" \
		"\\0$abstract-stream" "\\0$abstract-dgram" "\\0$abstract-seqpacket"
}

# serve NAME...: listen there; the type is the end of the name, stream by default
serve()
{
	local said

	start python3 -c "$names$server" "$@"
	[ "$said" = ready ] || { echo "the server did not start: $said" >&2 && return 1; }
}

attempt()
{
	exec python3 -c "$names$client" "$@"
}

names='
import errno, os, select, socket, sys

kinds = dict(stream=socket.SOCK_STREAM, dgram=socket.SOCK_DGRAM, seqpacket=socket.SOCK_SEQPACKET)

def read(word):
    return os.fsencode(word).replace(b"\\0", b"\0")
'
server='
sockets = []
for word in sys.argv[1:]:
    kind = ([kind for kind in kinds if word.endswith(kind)] + ["stream"])[0]
    s = socket.socket(socket.AF_UNIX, kinds[kind])
    s.bind(read(word))
    if kind != "dgram":
        s.listen(1000)
    sockets.append(s)
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        if s.type == socket.SOCK_DGRAM:
            s.recv(100)
        else:
            s.accept()[0].close()
'
client='
how, kind = sys.argv[1:3]
try:
    if how == "socketpair":
        a, b = socket.socketpair(socket.AF_UNIX, kinds[kind])
        a.send(b"x")
        assert b.recv(1) == b"x"
    else:
        name = read(sys.argv[3])
        s = socket.socket(socket.AF_UNIX, kinds[kind])
        if how == "connect":
            s.connect(name)
        elif how == "send":
            s.connect(name)
            s.send(b"x")
        elif how == "sendto":
            s.sendto(b"x", name)
        elif how == "sendmsg":
            s.sendmsg([b"x"], [], 0, name)
        elif how == "thread":
            import threading
            said = []
            t = threading.Thread(target=lambda: said.append(s.connect_ex(name)))
            t.start()
            t.join()
            if said[0]:
                raise OSError(said[0], "")
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
'

# ---- which rules it takes ----

@test 'rules take a path, an abstract name, a star, cgroup, every option and verdict' {
	yes cgg-rule add -f - <<END
unix /run/docker.sock
allow unix /run/*
alert unix @/tmp/.X11-unix/X0 name x11 comment "the display"
unix @* quiet
deny unix * errno ECONNREFUSED cgroup $web
END
	yes cgg-rule list
	says "deny unix /run/docker.sock
allow unix /run/*
alert unix @/tmp/.X11-unix/X0 name x11 comment \"the display\"
deny unix @* quiet
deny unix * cgroup $(shown "$web") errno ECONNREFUSED"
}

@test 'rules refuse proto, ip, port, family, type, letters and another hook' {
	for match in 'proto tcp' 'ip ::1' 'port 1' 'family inet' 'type stream'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add unix /run/x $match
		status_is 2
		matches "^cgg-rule: ${match% *}: unix does not take it; it is for [a-z,]+$"
	done
	no cgg-rule add unix /run/x rw
	status_is 2
	says 'cgg-rule: rw: not a match or an option'
	no cgg-rule add connect,unix /run/x
	status_is 2
	says 'cgg-rule: unix: cannot be combined with other hooks'
}

@test 'rules refuse names that no socket can have' {
	for name in run/x ./x 'x*' '/a*b' '**'; do
		no cgg-rule add unix "$name"
		status_is 2
		says "cgg-rule: unix $name: not /path, @abstract, or either with * at its end"
	done
	for name in //run/x /run//x /run/./x /run/../x '/run//*'; do
		no cgg-rule add unix "$name"
		status_is 2
		says "cgg-rule: unix $name: a path has no empty component, . or .."
	done
	no cgg-rule add unix "/$(printf %0108d 0)"
	status_is 2
	matches ': a name has at most 108 bytes$'
	yes cgg-rule list
	says '# allow everything'
}

# ---- types ----

@test 'connect on a stream socket is denied' {
	denies unix "$at/stream" -- connect_unix "path=$at/stream" -- connect stream "$at/stream"
}
@test 'connect on a datagram socket is denied' {
	denies unix "$at/dgram" -- connect_unix "path=$at/dgram" -- connect dgram "$at/dgram"
}
@test 'connect on a seqpacket socket is denied' {
	denies unix "$at/seqpacket" -- connect_unix "path=$at/seqpacket" -- \
		connect seqpacket "$at/seqpacket"
}
@test 'sendto is denied' {
	denies unix "$at/dgram" -- sendmsg_unix "path=$at/dgram" -- sendto dgram "$at/dgram"
}
@test 'sendmsg is denied' {
	denies unix "$at/dgram" -- sendmsg_unix "path=$at/dgram" -- sendmsg dgram "$at/dgram"
}
@test 'a second thread does not get around a rule' {
	denies unix "$at/stream" -- connect_unix "path=$at/stream" -- thread stream "$at/stream"
}

@test 'abstract names are denied on sockets of every type' {
	for kind in stream dgram seqpacket; do
		denies unix "@$abstract-$kind" -- connect_unix "path=@$abstract-$kind" -- \
			connect "$kind" "\\0$abstract-$kind"
	done
	run inside "$web" attempt sendto dgram "\\0$abstract-dgram"
	says EPERM
}

@test 'socketpair and sockets without a name are not judged' {
	yes cgg-rule default unix deny
	rule unix '*'
	for kind in stream dgram seqpacket; do
		opens socketpair "$kind"
	done
	reports_nothing
	closes connect stream "$at/stream"
}

# ---- names ----

@test 'a rule holds for the whole name only' {
	for near in "$at/strea" "$at/streamx" "$at/stream/x" "$at" "$at/Stream" "@$at/stream"; do
		rule unix "$near"
	done
	# these deny rules deny only vague names
	opens connect stream "$at/stream"
	reports_nothing
	rule unix "$at/stream"
	closes connect stream "$at/stream"
	reports connect_unix "path=$at/stream"
}

# Names near 8 and 16 bytes, where the comparison changes its method.
@test 'a name of any length is compared to its end' {
	base=$(printf '%0110d' 0)
	for length in 1 7 8 9 15 16 17 23 24 25 63 64 65 106 107; do
		name=${base:0:$length}
		rule alert unix "@${name%?}x"
		rule unix "@$name"
		run inside "$web" attempt connect stream "\\0$name"
		says EPERM
		reports connect_unix "path=@$name"
		run inside "$web" attempt connect stream "\\0${name%?}"
		[ "$output" != EPERM ]
		[ "$length" -eq 107 ] || {
			run inside "$web" attempt connect stream "\\0${name}y"
			says ECONNREFUSED
		}
		yes cgg-rule flush
		yes cgg-events -w 0
	done
}

@test 'the longest possible path is denied' {
	long=$at/$(printf '%0*d' $((106 - ${#at})) 0)
	[ ${#long} -eq 107 ]
	serve "$long"
	for near in "${long%?}" "${long%?}1" "${long}0"; do
		rule unix "$near"
	done
	opens connect stream "$long"
	rule unix "$long"
	closes connect stream "$long"
	reports connect_unix "path=$long"
}

@test 'a star holds for every name with that beginning' {
	rule unix "$at/s*"
	closes connect stream "$at/stream"
	closes connect seqpacket "$at/seqpacket"
	opens connect dgram "$at/dgram"
	opens connect stream "\\0$abstract-stream"
}

@test 'a star works after an abstract name' {
	rule unix "@$abstract-s*"
	closes connect stream "\\0$abstract-stream"
	closes connect seqpacket "\\0$abstract-seqpacket"
	opens connect dgram "\\0$abstract-dgram"
	opens connect stream "$at/stream"
}

@test 'stars close all paths, all abstract names, or everything' {
	rule unix '/*'
	closes connect stream "$at/stream"
	opens connect stream "\\0$abstract-stream"
	yes cgg-rule flush
	rule unix '@*'
	opens connect stream "$at/stream"
	closes connect stream "\\0$abstract-stream"
	yes cgg-rule flush
	rule unix '*'
	closes connect stream "$at/stream"
	closes connect stream "\\0$abstract-stream"
	closes sendto dgram "$at/dgram"
}

@test 'NUL bytes in an abstract name are part of it' {
	serve "\\0$abstract\\0" "\\0$abstract\\0\\0x" "\\0$abstract"
	rule unix "@$abstract"
	closes connect stream "\\0$abstract"
	reports connect_unix "path=@$abstract"
	opens connect stream "\\0$abstract\\0"
	opens connect stream "\\0$abstract\\0\\0x"
	reports_nothing
	rule unix "@$abstract*"
	closes connect stream "\\0$abstract\\0"
	reports connect_unix "path=@$abstract\\x00"
	closes connect stream "\\0$abstract\\0\\0x"
	reports connect_unix "path=@$abstract\\x00\\x00x"
}

@test 'a path ends at its NUL byte, whatever follows' {
	rule unix "$at/stream"
	closes connect stream "$at/stream\\0x"
	reports connect_unix "path=$at/stream"
	closes connect stream "$at/stream\\0\\0/../x"
	opens connect dgram "$at/dgram\\0/stream"
}

@test 'a file whose name begins with @ and an abstract name are different names' {
	cd "$at"
	serve @stream
	rule unix '@stream'
	opens connect stream @stream
	rule unix /nowhere
	closes connect stream @stream # it is relative
	yes cgg-rule flush
	rule unix "/$abstract-stream"
	opens connect stream "\\0$abstract-stream"
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports' {
	rule alert unix "$at/stream"
	opens connect stream "$at/stream"
	verdict=ALERT reports connect_unix "path=$at/stream"
	rule alert unix "$at/dgram"
	opens sendto dgram "$at/dgram"
	verdict=ALERT reports sendmsg_unix "path=$at/dgram"
}

@test 'an allow before a star is an exception' {
	rule allow unix "$at/stream"
	rule unix "$at/*"
	opens connect stream "$at/stream"
	reports_nothing
	closes connect dgram "$at/dgram"
	reports connect_unix "path=$at/dgram"
}

@test 'an allow list of a path and an abstract name allows these spellings only' {
	cd "$at"
	ln -s "$at/stream" "$at/link"
	yes cgg-rule default unix deny
	rule allow unix "$at/stream"
	rule allow unix "@$abstract-dgram"
	opens connect stream "$at/stream"
	opens sendto dgram "\\0$abstract-dgram"
	reports_nothing
	id=0
	closes connect dgram "$at/dgram"
	reports connect_unix "path=$at/dgram"
	for name in stream ./stream "$at//stream" "$at/./stream" "$at/../${at##*/}/stream" "/$at/stream" \
		"$at/link" "/proc/self/root$at/stream" "\\0$abstract-stream"; do
		closes connect stream "$name"
	done
	closes sendmsg dgram "\\0$abstract-dgram\\0" || says ECONNREFUSED
}

@test 'an allow list with a star allows no vague name' {
	mkdir "$at/in" "$at/out"
	serve "$at/in/stream" "$at/out/stream"
	yes cgg-rule default unix deny
	rule allow unix "$at/in/*"
	opens connect stream "$at/in/stream"
	closes connect stream "$at/out/stream"
	closes connect stream "$at/in/../out/stream"
	closes connect stream "$at/in/.././out/stream"
	closes connect stream "$at/in//../out/stream"
	cd "$at/in"
	closes connect stream ../out/stream
	closes connect stream stream
}

@test 'a default of alert reports what no rule matches' {
	yes cgg-rule default unix alert
	rule allow unix "$at/stream"
	opens connect stream "$at/stream"
	reports_nothing
	opens connect dgram "$at/dgram"
	id=0 verdict=ALERT reports connect_unix "path=$at/dgram"
}

@test 'errno, name and quiet work' {
	rule unix "$at/stream" errno ECONNREFUSED name front
	run inside "$web" attempt connect stream "$at/stream"
	says ECONNREFUSED
	yes cgg-events -w 0
	matches " policy=default rule=$id label=front$"
	rule unix "$at/dgram" quiet errno EACCES
	run inside "$web" attempt sendto dgram "$at/dgram"
	says EACCES
	reports_nothing
}

# ---- attempts to get around it ----

# A rule that denies a path denies each spelling that may mean it.
@test 'a denied path also denies vague names: relative, //, /./, /../' {
	cd "$at"
	mkdir dir
	for name in stream ./stream dir/../stream "/$at/stream" "$at//stream" "$at/./stream" \
		"$at/dir/../stream" "${at%/*}/./${at##*/}/stream" "/../$at/stream" "/.$at/stream"; do
		opens connect stream "$name" # '/.' and '/..' are the root
	done
	rule unix "$at/stream"
	for name in stream ./stream dir/../stream "/$at/stream" "$at//stream" "$at/./stream" \
		"$at/dir/../stream" "${at%/*}/./${at##*/}/stream" "/../$at/stream"; do
		closes connect stream "$name"
		reports connect_unix "path=$name"
	done
	closes sendto dgram dgram # it may mean the other one
	closes sendmsg dgram ./dgram
}

@test 'names with dots that are no components are not vague' {
	mkdir "$at/.hidden" "$at/..."
	serve "$at/.hidden/stream" "$at/.../stream" "$at/..stream" "$at/a.stream"
	rule unix "$at/stream"
	for name in "$at/.hidden/stream" "$at/.../stream" "$at/..stream" "$at/a.stream"; do
		opens connect stream "$name"
	done
	reports_nothing
}

@test 'neither allow nor alert rules hold for a vague name' {
	cd "$at"
	rule allow unix "$at/stream"
	rule alert unix "$at/*"
	rule unix "$at/stream"
	closes connect stream ./stream
	closes connect stream stream
	opens connect stream "$at/stream"
	yes cgg-rule flush
	rule alert unix "$at/*"
	opens connect stream ./stream
}

@test 'allow * holds for every name, also a vague one' {
	cd "$at"
	yes cgg-rule default unix deny
	closes connect stream ./stream
	rule allow unix '*'
	opens connect stream ./stream
	opens connect stream "\\0$abstract-stream"
}

@test 'open: a symbolic link, another root and another mount reach a denied path; an allow list closes them' {
	ln -s "$at/stream" "$at/link"
	ln -s "$at" "$at/here"
	ln "$at/stream" "$at/hard"
	rule unix "$at/stream"
	for name in "$at/link" "$at/here/stream" "$at/hard" "/proc/self/root$at/stream" \
		"/proc/self/cwd$at/stream"; do
		(cd / && opens connect stream "$name")
	done
	reports_nothing
	# shellcheck disable=SC2016 # for the inner shell
	yes inside "$web" unshare -m sh -c 'mkdir "$1/other" && mount --bind "$1" "$1/other" &&
		python3 -c "$2" connect stream "$1/other/stream"' - "$at" "$names$client"
	says ok
	yes cgg-rule default unix deny
	for name in "$at/link" "$at/here/stream" "$at/hard" "/proc/self/root$at/stream" \
		"/proc/self/cwd$at/stream"; do
		(cd / && closes connect stream "$name")
	done
}

@test 'open: a socket that was connected before the rule; each message with a name is judged' {
	fifo=$at/fifo
	mkfifo "$fifo"
	inside "$web" python3 -c "$names"'
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[2])
t = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in open(sys.argv[1]):
    for what, send in (("connected", lambda: s.send(b"x")),
            ("named", lambda: t.sendto(b"x", sys.argv[2])),
            ("both", lambda: s.sendto(b"x", sys.argv[2]))):
        try:
            send()
            print(line.strip(), what, "ok", flush=True)
        except OSError as e:
            print(line.strip(), what, errno.errorcode[e.errno], flush=True)
' "$fifo" "$at/dgram" >"$at/said" 3>&- &
	started[$!]=sender
	exec 7>"$fifo"
	echo before >&7
	wait_for grep -qx 'before both ok' "$at/said"
	rule unix "$at/dgram"
	echo after >&7
	wait_for grep -q 'after both' "$at/said"
	exec 7>&-
	run cat "$at/said"
	says 'before connected ok
before named ok
before both ok
after connected ok
after named EPERM
after both EPERM'
}

@test 'a cgroup below, a user namespace, its root and another user do not get around a rule' {
	new_cgroup below "$web"
	rule unix "$at/stream"
	run inside "$below" attempt connect stream "$at/stream"
	says EPERM
	run inside "$web" unshare --user --map-root-user python3 -c "$names$client" connect stream \
		"$at/stream"
	says EPERM
	yes cgg-events -w 0
	chmod 777 "$at/stream"
	run inside "$web" setpriv --reuid=65534 --clear-groups python3 -c "$names$client" connect \
		stream "$at/stream"
	says EPERM
	yes cgg-events -w 0
	matches ' uid=65534 '
}

@test 'a rule holds in a network namespace, which has abstract names of its own' {
	rule unix "@$abstract-stream"
	run inside "$web" unshare --net python3 -c "$names$client" connect stream "\\0$abstract-stream"
	says EPERM
	run outside unshare --net python3 -c "$names$client" connect stream "\\0$abstract-stream"
	says ECONNREFUSED
}

@test 'no path breaks the line of its event' {
	rule unix '/*'
	run inside "$web" attempt connect stream $'/a b\n[DENY x]\e[2J\\\xff'
	says EPERM
	reports connect_unix 'path=/a\x20b\x0a[DENY\x20x]\x1b[2J\x5c\xff'
	run inside "$web" attempt connect stream $'/a "b\n\xff'
	says EPERM
	yes cgg-events -w 0 -j
	jq -e '.path == "/a \"b\n\ufffd"' <<<"$output"
}
