#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# socket - the hook socket: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it for each socket(2) of AF_INET and AF_INET6, by family, type and
# protocol; for 0 it is the protocol that the kernel chooses. ways.bash explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # reports reads id and verdict

load ../ways

attempt()
{
	exec python3 -c "$sockets" "$@"
}

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
}

# ---- which rules it takes ----

@test 'rules take family, type, proto, cgroup, errno, name, comment, and every verdict' {
	yes cgg-rule add -f - <<END
deny socket
allow socket family inet6 type dgram proto udp name dns comment "the one"
alert socket type stream
deny socket type raw errno EACCES
deny socket family inet cgroup $(shown "$web")
END
	yes cgg-rule list
	says "deny socket
allow socket family inet6 type dgram proto udp name dns comment \"the one\"
alert socket type stream
deny socket type raw errno EACCES
deny socket family inet cgroup $(shown "$web")"
}

@test 'rules refuse ip, port, operands, access letters, and other families and types' {
	for words in 'ip ::1' 'port 1'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add socket $words
		status_is 2
		matches "^cgg-rule: ${words% *}: socket does not take it; it is for [a-z,]+$"
	done
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'type raw r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add socket $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
	no cgg-rule add socket family unix
	says 'cgg-rule: family unix: not one of inet, inet6'
	no cgg-rule add socket type packet
	says 'cgg-rule: type packet: not one of stream, dgram, raw'
	yes cgg-rule list
	says '# allow everything'
}

# ---- verdicts, order, defaults, options ----

@test 'a deny rule denies' {
	denies socket family inet -- sock_create family=inet type=stream proto=6 -- inet stream 0
}

@test 'alert allows and reports' {
	rule alert socket type raw
	opens inet raw 1
	verdict=ALERT reports sock_create family=inet type=raw proto=1
	opens inet stream 0
	reports_nothing
}

@test 'an allow before a deny is an exception' {
	rule allow socket type stream proto tcp
	rule socket
	opens inet stream 0
	opens inet6 stream 6
	reports_nothing
	closes inet6 dgram 0
	reports sock_create family=inet6 type=dgram proto=17
}

@test 'the default is allow until it is changed' {
	rule allow socket proto udp
	id=0
	opens inet stream 0
	yes cgg-rule default socket deny
	closes inet stream 0
	reports sock_create family=inet type=stream proto=6
	opens inet dgram 0
	reports_nothing
	yes cgg-rule default socket alert
	opens inet stream 0
	verdict=ALERT reports sock_create family=inet type=stream proto=6
	yes cgg-rule default socket allow
	opens inet stream 0
	reports_nothing
}

@test 'audit mode allows, and reports what it would deny' {
	yes cgg-rule mode audit
	rule socket
	opens inet6 dgram 0
	verdict=AUDIT reports sock_create family=inet6 type=dgram proto=17
	yes cgg-rule mode enforce
	closes inet6 dgram 0
}

@test 'errno sets the error that socket returns' {
	rule socket type raw errno EAFNOSUPPORT
	run inside "$web" attempt inet raw 255
	says EAFNOSUPPORT
	reports sock_create family=inet type=raw proto=255
}

# ---- matches ----

@test 'family holds for its family and not the other' {
	rule socket family inet
	closes inet dgram 0
	reports sock_create family=inet type=dgram proto=17
	opens inet6 dgram 0
	yes cgg-rule flush
	rule socket family inet6
	closes inet6 stream 0
	reports sock_create family=inet6 type=stream proto=6
	opens inet stream 0
	reports_nothing
}

@test 'type holds for its type and not the others' {
	local -A proto=([stream]=6 [dgram]=17 [raw]=58)

	for type in stream dgram raw; do
		yes cgg-rule flush
		rule socket type "$type"
		for other in stream dgram raw; do
			[ "$other" = "$type" ] || opens inet6 "$other" "${proto[$other]}"
		done
		reports_nothing
		closes inet6 "$type" "${proto[$type]}"
		reports sock_create family=inet6 "type=$type" "proto=${proto[$type]}"
	done
}

@test 'flags in the type change nothing' {
	rule socket type stream
	closes inet flags 0
	reports sock_create family=inet type=stream proto=6
}

@test 'proto holds for the protocol that 0 means, too' {
	rule socket proto udp
	closes inet dgram 0
	reports sock_create family=inet type=dgram proto=17
	closes inet dgram 17
	reports sock_create family=inet type=dgram proto=17
	opens inet stream 0
	reports_nothing
}

@test 'proto holds for UDP-Lite' {
	denies socket proto 136 -- sock_create family=inet type=dgram proto=136 -- inet dgram 136
	opens inet dgram 17
}

@test 'proto holds for SCTP' {
	denies socket proto sctp -- sock_create family=inet type=stream proto=132 \
		-- inet stream 132
}

@test 'proto tcp holds for SMC too' {
	denies socket proto tcp -- sock_create family=inet type=stream proto=6 -- inet stream 256
}

# In a network namespace of its own where root may make a ping socket: send to 127.0.0.1, connected and not.
ping()
{
	# shellcheck disable=SC2016 # for the inner shell
	run inside "$web" unshare --net sh -c 'ip link set lo up &&
		echo "0 0" >/proc/sys/net/ipv4/ping_group_range && exec python3 -c "$1"' - '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)
said = []
for what in (lambda: s.bind(("127.0.0.1", 0)),
             lambda: s.sendto(b"\x08\0\0\0\0\0\0\1", ("127.0.0.1", 0)),
             lambda: s.connect(("127.0.0.1", 0))):
    try:
        what()
        said.append("ok")
    except PermissionError:
        said.append("EPERM")
print(*said)'
}

@test 'open: a ping socket is seen by neither bind nor sendmsg; a rule for socket closes it' {
	for hook in bind sendmsg connect; do
		yes cgg-rule add "$hook"
	done
	ping
	[[ $output == 'ok ok '* ]]
	yes cgg-rule flush
	yes cgg-events -w 0
	rule socket type dgram proto icmp
	ping
	status_is 1
	matches '^PermissionError'
	reports sock_create family=inet type=dgram proto=1
}

@test 'proto holds for raw sockets of that protocol' {
	rule socket type raw proto icmp
	closes inet raw 1
	reports sock_create family=inet type=raw proto=1
	opens inet raw 255
	reports_nothing
}

@test 'proto tcp holds for MPTCP and its subflow sockets too' {
	denies socket proto tcp -- sock_create family=inet type=stream proto=6 -- inet stream 262
}

@test 'cgroup limits a rule to the cgroup below' {
	new_cgroup below "$web"
	rule socket cgroup "$below"
	opens inet stream 0
	reports_nothing
	run inside "$below" attempt inet stream 0
	says EPERM
	reports sock_create family=inet type=stream proto=6
}

# ---- attempts to get around it ----

@test 'a thread, a child, a cgroup below and namespaces do not get around a rule' {
	new_cgroup below "$web"
	rule socket
	closes thread stream 0
	reports sock_create family=inet type=stream proto=6
	closes child stream 0
	reports sock_create family=inet type=stream proto=6
	run inside "$below" attempt inet stream 0
	says EPERM
	run inside "$web" unshare --net python3 -c "$sockets" inet stream 0
	says EPERM
	run inside "$web" unshare --user --map-root-user python3 -c "$sockets" inet stream 0
	says EPERM
}

@test 'a socket from accept is not judged' {
	rule socket
	run outside attempt accepted stream "$web"
	says ok
	reports_nothing
}

@test 'a socket that is passed in from outside is not judged' {
	rule socket
	run outside attempt handed stream "$web"
	says ok
	reports_nothing
}

@test 'AF_UNIX, AF_NETLINK and AF_PACKET are not seen' {
	yes cgg-rule default socket deny
	opens unix stream 0
	opens unix pair 0
	opens netlink raw 0
	opens packet raw 0
	opens packet dgram 0
	reports_nothing
}

# Perl cannot map the rings to write into them, so the kernel reads into them.
@test 'io_uring does not get around a rule' {
	command -v perl >/dev/null || skip 'perl is not installed'
	run inside "$web" perl -e "$uring"
	skip_if_lacking perl
	says ok
	rule socket type dgram
	run inside "$web" perl -e "$uring"
	says EPERM
	reports sock_create family=inet type=dgram proto=17
	run outside perl -e "$uring"
	says ok
}

# shellcheck disable=SC2016 # Perl's variables
uring='
use strict;
use POSIX ();
my ($mmap, $read) = (POSIX::uname())[4] eq "x86_64" ? (9, 0) : (222, 63);
sub end { print "@_\n"; exit }
sub peek { unpack "l", unpack "P4", pack "Q", shift }
sub poke {
	my ($at, $bytes) = @_;
	pipe my $r, my $w or die;
	syswrite $w, $bytes;
	syscall($read, fileno $r, $at, length $bytes) == length $bytes or die "read: $!";
}
my $params = "\0" x 120;
my $fd = syscall(425, 1, $params); # io_uring_setup
end "skip: no io_uring: $!" if $fd < 0;
my (undef, $tail, undef, undef, undef, undef, $array) = unpack "L7", substr $params, 40;
my ($cq_tail, $cqes) = (unpack "L6", substr $params, 80)[1, 5];
my $rings = syscall $mmap, 0, 4096, 3, 1, $fd, 0;
my $entries = syscall $mmap, 0, 4096, 3, 1, $fd, 0x10000000;
# IORING_OP_SOCKET: family, type in off, protocol in len
poke $entries, pack "CCSlQQLLx32", 45, 0, 0, 2, 2, 0, 0, 0;
poke $rings + $array, pack "L", 0;
poke $rings + $tail, pack "L", 1;
syscall(426, $fd, 1, 1, 1, 0, 0) == 1 or end "skip: io_uring_enter: $!";
my $result = peek $rings + $cqes + 8;
end "skip: io_uring makes no sockets" if $result == -22;
end $result >= 0 ? "ok" : $result == -1 ? "EPERM" : $result;
'

sockets='
import array, errno, os, socket, sys, threading

TYPES = {"stream": 1, "dgram": 2, "raw": 3, "flags": 1 | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC}
FAMILIES = {"inet6": 10, "unix": 1, "netlink": 16, "packet": 17}

def make(how, kind, proto):
    if kind == "pair":
        return socket.socketpair()
    try:
        return socket.socket(FAMILIES.get(how, 2), TYPES[kind], proto)
    except OSError as e:
        if e.errno in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT):
            sys.exit(print("skip: this kernel has no protocol", proto))
        raise

def join(cgroup):
    with open(cgroup + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))

def in_thread(*words):
    failed = []
    def run():
        try:
            make(*words)
        except OSError as e:
            failed.append(e)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    if failed:
        raise failed[0]

# The guarded process may not make a socket, and accepts one.
def accepted(cgroup):
    listener, client = socket.create_server(("127.0.0.1", 0)), socket.socket()
    client.connect(listener.getsockname())
    join(cgroup)
    listener.accept()

def handed(cgroup):
    here, there = socket.socketpair()
    s = socket.socket()
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    join(cgroup)
    there.recvmsg(1, 64)

try:
    how, kind, word = sys.argv[1:]
    if how == "accepted":
        accepted(word)
    elif how == "handed":
        handed(word)
    elif how == "thread":
        in_thread(how, kind, int(word))
    elif how == "child" and (pid := os.fork()):
        sys.exit(os.waitpid(pid, 0)[1])
    else:
        make(how, kind, int(word))
    print("ok")
except OSError as e:
    print(errno.errorcode.get(e.errno, e))
'
