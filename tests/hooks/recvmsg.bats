#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# recvmsg - the hook recvmsg: which rules it takes, what it does, and what it does not see
#
# The kernel calls it for each UDP message that a task of the cgroup receives and asks the
# sender of. It can only observe. A server outside $web answers from $port and the first
# address; peer answers from the address that is given.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

attempt()
{
	exec python3 -c "$receive" "$@"
}

# ---- which rules it takes ----

@test 'rules take proto, ip, port, cgroup, name, comment, alert and allow' {
	yes cgg-rule add -f - <<END
alert recvmsg
allow recvmsg proto udp ip 10.0.0.0/8 port 53 name dns comment "the one"
alert recvmsg ip local port 0-65535
allow recvmsg cgroup $(shown "$web")
END
	yes cgg-rule list
	says "alert recvmsg
allow recvmsg proto udp ip 10.0.0.0/8 port 53 name dns comment \"the one\"
alert recvmsg ip local port 0-65535
allow recvmsg cgroup $(shown "$web")"
}

@test 'deny is refused, as a rule and as a default' {
	for words in recvmsg 'deny recvmsg port 5' 'connect,recvmsg port 5'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add $words
		status_is 2
		says 'cgg-rule: recvmsg: the kernel lets no program deny here; write alert recvmsg'
	done
	no cgg-rule default recvmsg deny
	status_is 2
	matches 'recvmsg: the kernel lets no program deny here'
	yes cgg-rule list
	says '# allow everything'
}

@test 'rules refuse operands, access letters, family, type and errno' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add alert recvmsg $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
	for words in 'family inet' 'type raw'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add alert recvmsg $words
		status_is 2
		matches "^cgg-rule: ${words% *}: recvmsg does not take it; it is for [a-z,]+$"
	done
	no cgg-rule add alert recvmsg errno EACCES
	status_is 2
}

# ---- what it does ----

# heard FROM PROGRAM ATTEMPT...: the attempt succeeds, and the sender is reported
heard()
{
	local from=$1 program=$2

	shift 2
	opens "$@"
	verdict=ALERT reports "$program" "daddr=$to" 'dport=[0-9]+' proto=17
	matches " saddr=$from sport=${sender:-$port}( set=[^ ]+)?$"
}

# As plain of ways.bash, but any port of the receiver matches.
plain()
{
	# shellcheck disable=SC2001 # one character becomes two
	sed 's/dport=.* proto/dport=[1-9][0-9]+ proto/; s/\./\\./g' <<<"$1"
}

@test 'alert reports the sender and the receiver' {
	rule alert recvmsg
	sender='[0-9]+' to=127.0.0.3 heard 127.0.0.2 recvmsg4 peer 127.0.0.2 0 127.0.0.3
	to=::1 heard ::1 recvmsg6 recv ::1 "$port" ::1
}

@test 'each way to receive is seen: recvfrom, recvmsg, a mapped address, a thread, MSG_PEEK' {
	rule alert recvmsg port "$port"
	for way in recv message thread nonblock; do
		to=127.0.0.1 heard 127.0.0.1 recvmsg4 "$way" 127.0.0.1 "$port" 127.0.0.1
	done
	opens mapped 127.0.0.1 "$port" ::ffff:127.0.0.1
	yes cgg-events -w 0
	matches "^\[ALERT recvmsg6\] .* proto=17 .* rule=$id saddr=127.0.0.1 sport=$port$"
	opens look 127.0.0.1 "$port" 127.0.0.1
	yes cgg-events -w 0
	[ "$(grep -c "^\[ALERT recvmsg4\] .* sport=$port$" <<<"$output")" -eq 2 ]
}

@test 'ip, port and proto are those of the sender' {
	rule alert recvmsg ip 127.0.0.2
	opens recv 127.0.0.1 "$port" 127.0.0.1
	opens peer 127.0.0.1 0 127.0.0.2
	reports_nothing
	sender='[0-9]+' to=127.0.0.1 heard 127.0.0.2 recvmsg4 peer 127.0.0.2 0 127.0.0.1
	yes cgg-rule flush
	rule alert recvmsg port "1-$((port - 1))"
	rule alert recvmsg port "$((port + 1))-65535"
	rule alert connect,recvmsg proto tcp
	rule alert recvmsg ip ::/0
	opens recv 127.0.0.1 "$port" 127.0.0.1
	reports_nothing
	to=::1 heard ::1 recvmsg6 recv ::1 "$port" ::1
}

@test 'ip local holds for a sender on this host' {
	rule alert recvmsg ip local
	sender='[0-9]+' to=127.0.0.1 heard 127.1.2.3 recvmsg4 peer 127.1.2.3 0 127.0.0.1
	to=::1 heard ::1 recvmsg6 recv ::1 "$port" ::1
}

@test 'the default is allow, and an allow before an alert is an exception' {
	rule allow recvmsg ip 127.0.0.2
	opens recv 127.0.0.1 "$port" 127.0.0.1
	reports_nothing
	yes cgg-rule default recvmsg alert
	opens peer 127.0.0.2 0 127.0.0.1
	reports_nothing
	id=0 to=127.0.0.1 heard 127.0.0.1 recvmsg4 recv 127.0.0.1 "$port" 127.0.0.1
	yes cgg-rule default recvmsg allow
	opens recv 127.0.0.1 "$port" 127.0.0.1
	reports_nothing
}

@test 'audit mode changes nothing, and quiet counts without an event' {
	yes cgg-rule mode audit
	rule alert recvmsg
	to=::1 heard ::1 recvmsg6 recv ::1 "$port" ::1
	yes cgg-rule mode enforce
	yes cgg-rule flush
	rule alert recvmsg quiet
	opens recv ::1 "$port" ::1
	reports_nothing
	yes cgg-rule list -s
	says "$id	1	0	alert recvmsg quiet"
}

@test 'a rule holds in a cgroup below, attached alone or with its parent' {
	new_cgroup below "$web"
	rule alert recvmsg cgroup "$below"
	opens recv ::1 "$port" ::1
	reports_nothing
	run inside "$below" attempt recv ::1 "$port" ::1
	says ok
	to=::1 verdict=ALERT reports recvmsg6 daddr=::1 dport=1 proto=17
}

# ---- what it does not see ----

@test 'a message received without asking for its sender is not seen, but ingress sees it' {
	rule alert recvmsg
	for way in nameless connected; do
		opens "$way" 127.0.0.1 "$port" 127.0.0.1
		reports_nothing
	done
	rule alert ingress
	opens nameless 127.0.0.1 "$port" 127.0.0.1
	yes cgg-events -w 0
	matches "^\[ALERT ingress\] .* saddr=127.0.0.1 sport=$port "
}

@test 'a socket from before joining the cgroup is not seen' {
	rule alert recvmsg
	run outside attempt joins 127.0.0.1 "$port" "$web"
	says ok
	reports_nothing
}

receive='
import errno, os, socket, sys, threading

way, addr, port, source = sys.argv[1:]
port = int(port)
six = ":" in addr or way == "mapped"
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
to = ("::ffff:" if way == "mapped" else "") + addr, port

def recv():
    assert s.recvfrom(64)[0] == b"hello"

try:
    if way == "joins":
        with open(source + "/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))
    else:
        s.bind((source, 0))
    if way == "peer":
        other = socket.socket(s.family, socket.SOCK_DGRAM)
        other.bind((addr, 0))
        other.sendto(b"hello", s.getsockname())
    elif way == "connected":
        s.connect(to)
        s.send(b"hello")
    else:
        s.sendto(b"hello", to)
    if way in ("nameless", "connected"):
        assert s.recv(64) == b"hello"
    elif way == "message":
        assert s.recvmsg(64)[0] == b"hello"
    elif way == "thread":
        t = threading.Thread(target=recv)
        t.start()
        t.join()
    elif way == "look":
        s.recvfrom(64, socket.MSG_PEEK)
        recv()
    elif way == "nonblock":
        import select
        select.select([s], [], [], 5)
        s.setblocking(False)
        recv()
    else:
        recv()
    print("ok")
except OSError as e:
    print(errno.errorcode.get(e.errno, e))
'

@test 'a rule about a set reports messages from its addresses' {
	cgg-set add s ::1
	rule alert recvmsg ip @s
	to=::1 heard ::1 recvmsg6 recv ::1 "$port" ::1
	cgg-set restore s <<<::2
	opens recv ::1 "$port" ::1
	reports_nothing
}
