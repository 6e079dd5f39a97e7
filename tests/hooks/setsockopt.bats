#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# setsockopt - the hook setsockopt: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each setsockopt(2), by level and name; rules ignore the value.
# The attempts:
#
#	opens set stream SOL_SOCKET SO_MARK 7 [SIZE]     an int, filled up to SIZE bytes
#	opens set stream 6 TCP_CONGESTION cubic 8000     a text, filled with NULs
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways reads id and verdict

load ../ways

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
}

attempt()
{
	exec python3 -c "$program" "$@"
}

program='
import errno, os, socket, struct, sys

kinds = dict(stream=socket.SOCK_STREAM, dgram=socket.SOCK_DGRAM, raw6=socket.SOCK_RAW)
how, kind = sys.argv[1:3]
number = lambda word: int(word) if word.lstrip("-").isdigit() else getattr(socket, word)

def value(word, size):
    data = struct.pack("i", int(word)) if word.isdigit() else word.encode()
    return data.ljust(size, b"\0")

def attempt():
    family = dict(unix=socket.AF_UNIX, inet6=socket.AF_INET6, raw6=socket.AF_INET6).get(kind, socket.AF_INET)
    s = socket.socket(family, kinds.get(kind, socket.SOCK_STREAM), 253 if kind == "raw6" else 0)
    if how == "filter":  # the value says where the instructions are
        count = int(sys.argv[3])
        program = struct.pack("HBBI", 6, 0, 0, 65535) * count
        place = id(program) + bytes.__basicsize__ - 1
        s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxQ", count, place))
        return
    level, name = number(sys.argv[3]), number(sys.argv[4])
    data = value(sys.argv[5], int(sys.argv[6]) if len(sys.argv) > 6 else 0)
    if how == "thread":
        import threading
        said = []
        def run():
            try:
                s.setsockopt(level, name, data)
            except OSError as e:
                said.append(e)
        t = threading.Thread(target=run)
        t.start()
        t.join()
        if said:
            raise said[0]
        return
    s.setsockopt(level, name, data)
    if how == "check":
        got = s.getsockopt(level, name, min(len(data), 1024))
        assert got.rstrip(b"\0") == data.rstrip(b"\0"), got

try:
    attempt()
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
'

# ---- which rules it takes ----

@test 'rules take names, numbers, stars, cgroup, every option and verdict' {
	yes cgg-rule add -f - <<END
setsockopt SOL_SOCKET:SO_MARK
setsockopt 1:36
allow setsockopt IPPROTO_TCP:*
alert setsockopt 6:13 name cc comment "congestion"
setsockopt SOL_IPV6:IPV6_HOPOPTS quiet
setsockopt 300:7
setsockopt SOL_TCP:999
setsockopt *:* errno ENOPROTOOPT cgroup $web
END
	yes cgg-rule list
	says "deny setsockopt SOL_SOCKET:SO_MARK
deny setsockopt SOL_SOCKET:SO_MARK
allow setsockopt SOL_TCP:*
alert setsockopt SOL_TCP:TCP_CONGESTION name cc comment \"congestion\"
deny setsockopt SOL_IPV6:IPV6_HOPOPTS quiet
deny setsockopt 300:7
deny setsockopt SOL_TCP:999
deny setsockopt *:* cgroup $(shown "$web") errno ENOPROTOOPT"
}

@test 'rules refuse proto, ip, port, another hook, and names of no option' {
	for match in 'proto tcp' 'ip ::1' 'port 1' 'family inet' 'type stream'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add setsockopt 1:36 $match
		status_is 2
		matches "^cgg-rule: ${match% *}: setsockopt does not take it; it is for [a-z,]+$"
	done
	no cgg-rule add setsockopt,getsockopt 1:36
	status_is 2
	matches 'cannot be combined with other hooks$'
	no cgg-rule add setsockopt SO_MARK
	status_is 2
	says 'cgg-rule: SO_MARK: not an option: LEVEL:NAME, like SOL_SOCKET:SO_MARK'
	no cgg-rule add setsockopt SOL_FROB:1
	status_is 2
	matches 'SOL_FROB:1: not a level of options'
	for option in SOL_SOCKET:TCP_NODELAY SOL_SOCKET:so_mark 1:x 1: 1:-1 1:036 1:2147483648; do
		no cgg-rule add setsockopt "$option"
		status_is 2
		matches "$option: not an option of its level"
	done
	no cgg-rule add setsockopt '*:36'
	status_is 2
	says 'cgg-rule: *:36: an option needs its level'
}

# ---- names, numbers, stars ----

@test 'a rule by name denies the option' {
	denies setsockopt SOL_SOCKET:SO_MARK -- setsockopt level=1 optname=36 \
		option=SOL_SOCKET:SO_MARK -- set stream SOL_SOCKET SO_MARK 7
	opens set stream SOL_SOCKET SO_KEEPALIVE 1
	opens set stream 6 TCP_NODELAY 1
	reports_nothing
}

@test 'a rule by number denies the option' {
	denies setsockopt 6:1 -- setsockopt level=6 optname=1 option=SOL_TCP:TCP_NODELAY -- \
		set stream 6 1 1
	opens set stream 6 2 1000
	opens set stream 1 1 1
	reports_nothing
}

@test 'a star closes every option of a level' {
	rule setsockopt 'SOL_TCP:*'
	closes set stream 6 1 1
	closes set stream 6 13 cubic
	opens set stream SOL_SOCKET SO_MARK 7
	opens set inet6 41 26 1
}

@test 'a star as the level closes every option' {
	rule setsockopt '*:*'
	closes set stream 6 1 1
	closes set stream SOL_SOCKET SO_MARK 7
	closes set dgram 0 1 16
	closes set inet6 41 26 1
	closes set unix SOL_SOCKET 16 1
}

@test 'an option that the kernel does not know keeps its error, or is denied' {
	rule setsockopt 6:1
	fails_alike ENOPROTOOPT set stream 6 9999 1
	reports_nothing
	rule setsockopt 6:9999
	run inside "$web" attempt set stream 6 9999 1
	says EPERM
	reports setsockopt level=6 optname=9999 option=SOL_TCP:9999
}

@test 'a denied option is not set' {
	rule setsockopt SOL_SOCKET:SO_MARK
	yes inside "$web" python3 -c '
import socket
s = socket.socket()
try:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
except PermissionError:
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_MARK))'
	says 0
}

# ---- levels that mean the same ----

@test 'a rule for SOL_UDP holds for UDP-Lite too' {
	denies setsockopt SOL_UDP:UDP_CORK -- setsockopt level=136 optname=1 \
		option=SOL_UDP:UDP_CORK -- set dgram 136 1 1
	closes set dgram 17 1 1
	reports setsockopt level=17 optname=1 option=SOL_UDP:UDP_CORK
	opens set dgram 136 102 1
	yes cgg-rule flush
	rule setsockopt 136:1
	rule setsockopt 'SOL_UDPLITE:*'
	yes cgg-rule list
	says 'deny setsockopt SOL_UDP:UDP_CORK
deny setsockopt SOL_UDP:*'
	closes set dgram 17 102 1
	yes cgg-rule test setsockopt 136:1 || status_is 1
}

@test 'an allow list of SOL_UDP holds for UDP-Lite too' {
	yes cgg-rule default setsockopt deny
	rule allow setsockopt SOL_UDP:UDP_CORK
	opens set dgram 136 1 1
	reports_nothing
	closes set dgram 136 102 1
}

@test 'a raw IPv6 socket takes options of SOL_IPV6 by SOL_RAW: rules for either hold' {
	denies setsockopt SOL_IPV6:IPV6_CHECKSUM -- setsockopt level=255 optname=7 \
		option=SOL_RAW:7 -- set raw6 255 7 2
	closes set raw6 41 7 2
	yes cgg-rule flush
	rule setsockopt 'SOL_RAW:*'
	closes set raw6 255 7 2
	opens set raw6 41 7 2
}

@test 'a level of 2^31 or more is covered only by a rule for every option' {
	rule setsockopt '*:*'
	run inside "$web" attempt set stream -1 1 1
	says EPERM
	reports setsockopt level=4294967295 optname=1 option=4294967295:1
	no cgg-rule add setsockopt 4294967295:1
	status_is 2
}

# ---- values larger than a page ----

@test 'a value larger than a page arrives whole when it is allowed' {
	for size in 4095 4096 4097 8192 65536; do
		run outside attempt check stream 6 TCP_CONGESTION reno "$size"
		says ok
		run outside attempt set stream SOL_SOCKET SO_MARK 7 "$size"
		says ok
	done
	rule setsockopt SOL_SOCKET:SO_DEBUG
	rule alert setsockopt SOL_SOCKET:SO_MARK quiet
	for size in 4095 4096 4097 8192 65536; do
		opens check stream 6 TCP_CONGESTION reno "$size"
		opens set stream SOL_SOCKET SO_MARK 7 "$size"
	done
}

@test 'a value larger than a page keeps the error of the kernel' {
	rule setsockopt SOL_SOCKET:SO_DEBUG
	said=$(attempt set dgram 0 41 x 8016)
	[ "$said" != ok ]
	fails_alike "$said" set dgram 0 41 x 8016
	said=$(attempt set inet6 41 54 x 8016)
	[ "$said" != ok ]
	fails_alike "$said" set inet6 41 54 x 8016
}

@test 'a value larger than a page is denied like any other' {
	rule setsockopt SOL_TCP:TCP_CONGESTION
	for size in 4096 4097 65536; do
		closes set stream 6 TCP_CONGESTION reno "$size"
		reports setsockopt level=6 optname=13 option=SOL_TCP:TCP_CONGESTION
	done
}

@test 'a socket filter of 4096 instructions can be set' {
	yes outside attempt filter stream 4096
	says ok
	rule setsockopt SOL_SOCKET:SO_DEBUG
	opens filter stream 4096
	yes cgg-rule flush
	denies setsockopt SOL_SOCKET:SO_ATTACH_FILTER -- setsockopt level=1 optname=26 \
		option=SOL_SOCKET:SO_ATTACH_FILTER -- filter stream 4096
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports' {
	rule alert setsockopt SOL_SOCKET:SO_MARK
	opens set stream SOL_SOCKET SO_MARK 7
	verdict=ALERT reports setsockopt level=1 optname=36 option=SOL_SOCKET:SO_MARK
}

@test 'an allow before a star is an exception' {
	rule allow setsockopt SOL_TCP:TCP_NODELAY
	rule setsockopt 'SOL_TCP:*'
	opens set stream 6 1 1
	reports_nothing
	closes set stream 6 2 1000
	reports setsockopt level=6 optname=2 option=SOL_TCP:TCP_MAXSEG
}

@test 'an allow list allows what it names and nothing else' {
	yes cgg-rule default setsockopt deny
	rule allow setsockopt SOL_SOCKET:SO_KEEPALIVE
	opens set stream SOL_SOCKET SO_KEEPALIVE 1
	reports_nothing
	closes set stream SOL_SOCKET SO_MARK 7
	id=0 reports setsockopt level=1 optname=36 option=SOL_SOCKET:SO_MARK
	yes cgg-rule default setsockopt alert
	opens set stream SOL_SOCKET SO_MARK 7
	id=0 verdict=ALERT reports setsockopt level=1 optname=36 option=SOL_SOCKET:SO_MARK
}

@test 'errno, name and quiet work' {
	rule setsockopt SOL_SOCKET:SO_MARK errno ENOPROTOOPT name mark
	run inside "$web" attempt set stream SOL_SOCKET SO_MARK 7
	says ENOPROTOOPT
	yes cgg-events -w 0
	matches " policy=default rule=$id label=mark$"
	run inside "$web" attempt set stream SOL_SOCKET SO_MARK 7 9000
	says ENOPROTOOPT
	yes cgg-events -w 0
	rule setsockopt 6:1 quiet
	closes set stream 6 1 1
	reports_nothing
}

# ---- attempts to get around it ----

@test 'a second thread does not get around a rule' {
	denies setsockopt 6:1 -- setsockopt level=6 optname=1 option=SOL_TCP:TCP_NODELAY -- \
		thread stream 6 1 1
}

@test 'a rule holds for a socket from before the rule and for one from outside' {
	fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$fifo"
	python3 -c '
import errno, os, socket, sys
s = socket.socket()
open(sys.argv[2] + "/cgroup.procs", "w").write(str(os.getpid()))
t = socket.socket()
for line in open(sys.argv[1]):
    for what, sock in (("outside", s), ("inside", t)):
        try:
            sock.setsockopt(6, 1, 1)
            print(line.strip(), what, "ok", flush=True)
        except OSError as e:
            print(line.strip(), what, errno.errorcode[e.errno], flush=True)
' "$fifo" "$web" >"$BATS_TEST_TMPDIR/said" 3>&- &
	started[$!]=setter
	exec 7>"$fifo"
	echo before >&7
	wait_for grep -q 'before inside' "$BATS_TEST_TMPDIR/said"
	rule setsockopt 6:1
	echo after >&7
	wait_for grep -q 'after inside' "$BATS_TEST_TMPDIR/said"
	exec 7>&-
	run cat "$BATS_TEST_TMPDIR/said"
	# the kernel asks the cgroup that the socket was made in
	says 'before outside ok
before inside ok
after outside ok
after inside EPERM'
}

@test 'a cgroup below, a user namespace and a network namespace do not get around a rule' {
	new_cgroup below "$web"
	rule setsockopt SOL_SOCKET:SO_KEEPALIVE
	run inside "$below" attempt set stream SOL_SOCKET SO_KEEPALIVE 1
	says EPERM
	for kind in '--user --map-root-user' --net; do
		# shellcheck disable=SC2086 # options
		run inside "$web" unshare $kind python3 -c "$program" set stream SOL_SOCKET \
			SO_KEEPALIVE 1
		says EPERM
	done
}
