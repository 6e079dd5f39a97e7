#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bind - the hook bind: which rules it takes, what it does, and attempts to get around it
#
# The judged address is the local one, and 0.0.0.0 and :: are judged as themselves. Port 0
# is judged by post_bind, as the port that the kernel chose. The process that runs a test
# binds ports of 127.0.0.77 and of the wildcards; $free is a free port.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # reports reads id and verdict

load ../ways

attempt()
{
	exec python3 -c "$binds" "$@"
}

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
	free=$(outside attempt free)
}

# alone RESULT ATTEMPT...: in $web, in a network namespace where every port is free
alone()
{
	local result=$1

	shift
	run inside "$web" unshare --net python3 -c "$binds" "$@"
	skip_if_lacking "$@"
	says "$result"
}

# As reports of ways.bash, but any port matches [0-9]+.
plain()
{
	# shellcheck disable=SC2001 # one character becomes two
	sed 's/\./\\./g' <<<"$1"
}

# ---- which rules it takes ----

@test 'rules take proto, ip, port, cgroup, errno, name, comment, and every verdict' {
	yes cgg-rule add -f - <<END
deny bind
allow bind proto tcp ip 10.0.0.0/8 port 443 name web comment "the one"
alert bind ip local port 0-65535
deny bind ip 0.0.0.0 port 80
deny bind ip :: errno EACCES
deny bind cgroup $(shown "$web")
END
	yes cgg-rule list
	says "deny bind
allow bind proto tcp ip 10.0.0.0/8 port 443 name web comment \"the one\"
alert bind ip local port 0-65535
deny bind ip 0.0.0.0 port 80
deny bind ip :: errno EACCES
deny bind cgroup $(shown "$web")"
}

@test 'rules refuse operands, access letters, family and type' {
	for words in 'c 1:3' '/dev/null' 'kernel/hostname' 'port 1 r'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add bind $words
		status_is 2
		matches ': not a match or an option(; write .*)?$'
	done
	for words in 'family inet' 'type raw'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add bind $words
		status_is 2
		matches "^cgg-rule: ${words% *}: bind does not take it; it is for [a-z,]+$"
	done
	yes cgg-rule list
	says '# allow everything'
}

# ---- verdicts, order, defaults, options ----

@test 'a deny rule denies' {
	denies bind port "$free" -- bind4 daddr=127.0.0.77 "dport=$free" proto=6 \
		-- tcp 127.0.0.77 "$free"
	opens tcp 127.0.0.77 0
	reports_nothing
}

@test 'alert allows and reports' {
	rule alert bind port "$free"
	opens tcp 127.0.0.77 "$free"
	verdict=ALERT reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
}

@test 'an allow before a deny is an exception' {
	rule allow bind ip 127.0.0.77
	rule bind port "$free"
	opens tcp 127.0.0.77 "$free"
	reports_nothing
	closes tcp 127.0.0.78 "$free"
	reports bind4 daddr=127.0.0.78 "dport=$free" proto=6
}

@test 'the default is allow until it is changed' {
	rule allow bind port 1
	opens tcp ::1 "$free"
	yes cgg-rule default bind deny
	closes tcp ::1 "$free"
	id=0 reports bind6 daddr=::1 "dport=$free" proto=6
	yes cgg-rule default bind alert
	opens tcp ::1 "$free"
	id=0 verdict=ALERT reports bind6 daddr=::1 "dport=$free" proto=6
	yes cgg-rule default bind allow
	opens tcp ::1 "$free"
	reports_nothing
}

@test 'an allowed range of ports is allowed, and nothing else' {
	rule allow bind port "$free-$((free + 9))"
	yes cgg-rule default bind deny
	id=0
	opens tcp 127.0.0.77 "$free"
	opens udp 127.0.0.77 "$((free + 9))"
	reports_nothing
	closes tcp 127.0.0.77 "$((free - 1))"
	reports bind4 daddr=127.0.0.77 "dport=$((free - 1))" proto=6
	closes udp 127.0.0.77 "$((free + 10))"
	reports bind4 daddr=127.0.0.77 "dport=$((free + 10))" proto=17
	closes udp 127.0.0.77 0
	reports post_bind4 daddr=127.0.0.77 'dport=[1-9][0-9]+' proto=17
}

@test 'audit mode allows, and reports what it would deny' {
	yes cgg-rule mode audit
	rule bind
	opens tcp 127.0.0.77 "$free"
	verdict=AUDIT reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	opens tcp ::1 0
	verdict=AUDIT reports post_bind6 daddr=::1 'dport=[1-9][0-9]+' proto=6
	yes cgg-rule mode enforce
	closes tcp 127.0.0.77 "$free"
}

@test 'errno sets the error that bind returns' {
	rule bind port "$free" errno EADDRINUSE
	run inside "$web" attempt tcp 127.0.0.77 "$free"
	says EADDRINUSE
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	run outside attempt tcp 127.0.0.77 "$free"
	says ok
}

@test 'a bind rule does not stop a connection' {
	start_server
	rule bind
	run inside "$web" reach 127.0.0.1 "$port"
	status_is 0
	reports_nothing
}

# ---- matches ----

@test 'proto holds for its protocol only' {
	rule bind proto udp
	opens tcp 127.0.0.77 "$free"
	closes udp 127.0.0.77 "$free"
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=17
	yes cgg-rule flush
	rule bind proto tcp
	opens udp ::1 "$free"
	closes tcp ::1 "$free"
	reports bind6 daddr=::1 "dport=$free" proto=6
}

@test 'proto tcp holds for MPTCP too' {
	opens mptcp 127.0.0.77 "$free"
	rule bind proto tcp
	closes mptcp 127.0.0.77 "$free"
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	closes mptcp 127.0.0.77 0
	yes cgg-events -w 0
	matches "^\[DENY post_bind4\] .* daddr=127.0.0.77 dport=[1-9][0-9]+ proto=6 "
}

@test 'UDP-Lite is denied by its number' {
	opens udplite 127.0.0.77 "$free"
	rule bind proto 136
	closes udplite 127.0.0.77 "$free"
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=136
}

@test 'a raw socket is not seen, since it has no ports' {
	rule bind
	opens raw 127.0.0.77 0
	reports_nothing
	rule socket type raw
	closes raw 127.0.0.77 0
}

@test 'ip holds for an address, its mapped form, and exactly the prefix' {
	rule bind ip 127.0.0.76/31
	closes tcp 127.0.0.77 "$free"
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	closes mapped 127.0.0.77 "$free"
	reports bind6 daddr=127.0.0.77 "dport=$free" proto=6
	closes mapped 127.0.0.77 0
	reports post_bind6 daddr=127.0.0.77 'dport=[1-9][0-9]+' proto=6
	opens tcp 127.0.0.78 "$free"
	opens tcp 0.0.0.0 "$free"
	opens tcp ::1 "$free"
	reports_nothing
}

@test 'ip local is every loopback address and no wildcard' {
	rule bind ip local
	closes tcp 127.1.2.3 "$free"
	closes tcp ::1 "$free"
	closes mapped 127.1.2.3 "$free"
	opens tcp 0.0.0.0 "$free"
	opens tcp :: "$free"
}

@test 'the wildcards 0.0.0.0 and :: are two different addresses' {
	rule bind ip 0.0.0.0 port "$free"
	closes tcp 0.0.0.0 "$free"
	reports bind4 daddr=0.0.0.0 "dport=$free" proto=6
	closes mapped 0.0.0.0 "$free"
	reports bind6 daddr=0.0.0.0 "dport=$free" proto=6
	opens tcp :: "$free"
	opens tcp 127.0.0.1 "$free"
	reports_nothing
	yes cgg-rule flush
	rule bind ip ::
	closes tcp :: "$free"
	reports bind6 daddr=:: "dport=$free" proto=6
	closes udp :: 0
	reports post_bind6 daddr=:: 'dport=[1-9][0-9]+' proto=17
	opens tcp 0.0.0.0 "$free"
	opens tcp ::1 "$free"
}

@test 'a rule for 0.0.0.0 holds for a socket bound to ::, unless it has IPV6_V6ONLY' {
	for rule in 'ip 0.0.0.0/0' 'ip 0.0.0.0' "ip 0.0.0.0/0 port $free"; do
		# shellcheck disable=SC2086 # words
		rule bind $rule
		closes dual :: "$free"
		reports bind6 daddr=0.0.0.0 "dport=$free" proto=6
		closes dual-udp :: "$free"
		reports bind6 daddr=0.0.0.0 "dport=$free" proto=17
		opens tcp :: "$free"
		opens dual ::1 "$free"
		yes cgg-rule flush
	done
	rule bind ip 0.0.0.0/0
	closes dual :: 0
	reports post_bind6 daddr=0.0.0.0 'dport=[1-9][0-9]+' proto=6
	opens tcp :: 0
	closes no-port-dual :: 0
	reports bind6 daddr=0.0.0.0 dport=0 proto=6
}

@test 'an allow list needs both wildcards for a socket that takes both families' {
	yes cgg-rule default bind deny
	rule allow bind ip :: port "$free"
	id=0
	opens tcp :: "$free"
	closes dual :: "$free"
	reports bind6 daddr=0.0.0.0 "dport=$free" proto=6
	rule allow bind ip 0.0.0.0 port "$free"
	opens dual :: "$free"
	reports_nothing
	yes cgg-rule flush
	rule allow bind ip 0.0.0.0/0
	yes cgg-rule default bind deny
	closes dual :: "$free"
	id=0 reports bind6 daddr=:: "dport=$free" proto=6
}

@test 'a rule with no address is for both families' {
	rule bind port "$free"
	closes tcp 127.0.0.77 "$free"
	closes tcp ::1 "$free"
	closes tcp 0.0.0.0 "$free"
	closes tcp :: "$free"
	closes mapped 127.0.0.77 "$free"
	closes udp :: "$free"
}

@test 'cgroup limits a rule to the cgroup below' {
	new_cgroup below "$web"
	rule bind cgroup "$below"
	opens tcp 127.0.0.77 "$free"
	reports_nothing
	run inside "$below" attempt tcp 127.0.0.77 "$free"
	says EPERM
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
}

# ---- port 0 ----

@test 'port 0 is judged as the port that the kernel chose' {
	rule bind port 1-65535
	for how in tcp udp; do
		closes "$how" 127.0.0.77 0
		yes cgg-events -w 0
		matches "^\[DENY post_bind4\] .* daddr=127.0.0.77 dport=[1-9][0-9]+ proto=[0-9]+ .* rule=$id"
		closes "$how" ::1 0
		yes cgg-events -w 0
		matches "^\[DENY post_bind6\] .* daddr=::1 dport=[1-9][0-9]+ proto=[0-9]+ .* rule=$id"
	done
}

@test 'port 0 is allowed when the chosen port is allowed' {
	yes cgg-rule default bind deny
	rule allow bind port 40001
	alone ok range 0.0.0.0 40001
	reports_nothing
	alone EPERM range 0.0.0.0 40002
	id=0 reports post_bind4 daddr=0.0.0.0 dport=40002 proto=6
}

@test 'an explicit port is judged once' {
	rule alert bind
	opens tcp 127.0.0.77 "$free"
	verdict=ALERT reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	opens tcp 127.0.0.77 0
	verdict=ALERT reports post_bind4 daddr=127.0.0.77 'dport=[1-9][0-9]+' proto=6
}

@test 'a socket whose port 0 was denied can be bound to an allowed port' {
	rule allow bind port "$free"
	yes cgg-rule default bind deny
	run inside "$web" attempt again 127.0.0.77 "$free"
	says ok
	id=0 reports post_bind4 daddr=127.0.0.77 'dport=[1-9][0-9]+' proto=6
}

# ---- attempts to get around it ----

@test 'SO_REUSEPORT and SO_REUSEADDR do not open a denied port that another socket has' {
	rule bind port "$free"
	closes reuse 127.0.0.77 "$free"
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
}

# A later call binds the port, and no hook sees it.
@test 'port 0 with IP_BIND_ADDRESS_NO_PORT is denied at once when every port would be' {
	opens no-port 127.0.0.77 0
	rule bind
	closes no-port 127.0.0.77 0
	reports bind4 daddr=127.0.0.77 dport=0 proto=6
	closes no-port ::1 0
	reports bind6 daddr=::1 dport=0 proto=6
	closes no-port 127.0.0.77 "$free"
	yes cgg-rule flush
	rule bind ip 127.0.0.76/31 port 1-65535 errno EACCES
	run inside "$web" attempt no-port 127.0.0.77 0
	says EACCES
	opens no-port 127.0.0.78 0
	yes cgg-rule flush
	rule allow bind port "$free" ip 127.0.0.78
	yes cgg-rule default bind deny
	closes no-port 127.0.0.77 0
	opens no-port 127.0.0.78 0
}

@test 'in audit mode port 0 with IP_BIND_ADDRESS_NO_PORT is reported and allowed' {
	rule bind
	yes cgg-rule mode audit
	opens no-port 127.0.0.77 0
	verdict=AUDIT reports bind4 daddr=127.0.0.77 dport=0 proto=6
}

@test 'port 0 with IP_BIND_ADDRESS_NO_PORT is allowed when some port may be bound' {
	rule allow bind port "$free"
	rule alert bind port 443 ip 127.0.0.78
	rule bind
	opens no-port 127.0.0.77 0
	reports_nothing
	closes no-port 127.0.0.77 "$((free + 1))"
	rule setsockopt SOL_IP:IP_BIND_ADDRESS_NO_PORT
	yes cgg-events -w 0
	closes no-port 127.0.0.77 0
	yes cgg-events -w 0
	matches "^\[DENY setsockopt\] .* level=0 optname=24 .* rule=$id"
}

@test 'a thread, a child, a cgroup below and namespaces do not get around a rule' {
	new_cgroup below "$web"
	rule bind port "$free"
	closes thread 127.0.0.77 "$free"
	closes child 127.0.0.77 "$free"
	run inside "$below" attempt tcp 127.0.0.77 "$free"
	says EPERM
	run inside "$web" unshare --net python3 -c "$binds" tcp 0.0.0.0 "$free"
	says EPERM
	run inside "$web" unshare --user --map-root-user python3 -c "$binds" tcp ::1 "$free"
	says EPERM
}

@test 'a socket from before the guard is seen, one from before joining the cgroup is not' {
	rule bind port "$free"
	run inside "$web" attempt guarded "$web" "$free"
	says EPERM
	reports bind4 daddr=127.0.0.77 "dport=$free" proto=6
	run outside attempt joins "$web" "$free"
	says ok
	reports_nothing
}

@test 'the implicit bind of listen, connect and sendto is not seen' {
	start_server
	rule bind
	for how in listen connect send; do
		opens "$how" 127.0.0.1 "$port"
	done
	reports_nothing
}

@test 'a rule for setsockopt stops choosing the port that listen binds' {
	rule bind port 40001
	alone ok listen-range 0.0.0.0 40001
	reports_nothing
	rule setsockopt SOL_IP:IP_LOCAL_PORT_RANGE
	alone EPERM listen-range 0.0.0.0 40001
	yes cgg-events -w 0
	matches "^\[DENY setsockopt\] .* level=0 optname=51 .* rule=$id"
}

binds='
import errno, os, socket, struct, subprocess, sys, threading
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM

IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE = 24, 51
KINDS = {"udp": (SOCK_DGRAM, 0), "dual-udp": (SOCK_DGRAM, 0), "udplite": (SOCK_DGRAM, 136), "raw": (SOCK_RAW, 1),
         "mptcp": (SOCK_STREAM, 262)}

def skip(why):
    sys.exit(print("skip:", why))

def make(family, how):
    try:
        return socket.socket(family, *KINDS.get(how, (SOCK_STREAM, 0)))
    except OSError as e:
        if e.errno in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT):
            skip("this kernel has no such protocol")
        raise

def port_range(s, port):
    try:
        s.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", port << 16 | port))
    except OSError as e:
        if e.errno == errno.ENOPROTOOPT:
            skip("this kernel has no IP_LOCAL_PORT_RANGE")
        raise

# Below the ports that the kernel chooses, so that it stays free.
def free():
    for port in range(20000 + os.getpid() % 5000, 32000):
        try:
            for near in range(port - 1, port + 11):
                for kind in SOCK_STREAM, SOCK_DGRAM:
                    for family, any in (AF_INET, "0.0.0.0"), (AF_INET6, "::"):
                        with socket.socket(family, kind) as s:
                            s.bind((any, near))
            return port
        except OSError:
            pass

def bind(how, addr, port):
    s = make(AF_INET6 if ":" in addr or how == "mapped" else AF_INET, how)
    if s.family == AF_INET6 and how != "mapped" and "dual" not in how:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    to = ("::ffff:" if how == "mapped" else "") + addr, port
    if how in ("listen", "listen-range"):
        if how == "listen-range":
            port_range(s, port)
        s.listen()
        if how == "listen-range" and s.getsockname()[1] != port:
            raise OSError(errno.EBADMSG, "another port")
    elif how == "connect":
        s.connect(to)
    elif how == "send":
        socket.socket(s.family, SOCK_DGRAM).sendto(b"x", to)
    elif how == "range":
        port_range(s, port)
        s.bind((addr, 0))
        if s.getsockname()[1] != port:
            raise OSError(errno.EBADMSG, "another port")
    elif how == "again":
        try:
            s.bind((addr, 0))
            raise OSError(errno.EBADMSG, "port 0 was not refused")
        except PermissionError:
            s.bind(to)
    elif how in ("no-port", "no-port-dual"):
        s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        s.bind(to)
    elif how == "reuse":
        for option in socket.SO_REUSEADDR, socket.SO_REUSEPORT:
            s.setsockopt(socket.SOL_SOCKET, option, 1)
        s.bind(to)
    else:
        s.bind(to)

def in_thread(addr, port):
    failed = []
    def run():
        try:
            bind("tcp", addr, port)
        except OSError as e:
            failed.append(e)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    if failed:
        raise failed[0]

def main(how, *words):
    if how == "free":
        sys.exit(print(free()))
    where, port = words[0], int(words[1])
    if how == "thread":
        in_thread(where, port)
    elif how == "child":
        if pid := os.fork():
            sys.exit(os.waitpid(pid, 0)[1])
        bind("tcp", where, port)
    elif how in ("guarded", "joins"):
        if how == "guarded":
            subprocess.run(["cgg-detach", where], check=True)
        s = socket.socket()
        if how == "guarded":
            subprocess.run(["cgg-attach", where], check=True)
        else:
            with open(where + "/cgroup.procs", "w") as f:
                f.write(str(os.getpid()))
        s.bind(("127.0.0.77", port))
    else:
        bind(how, where, port)

try:
    main(*sys.argv[1:])
    print("ok")
except OSError as e:
    print(errno.errorcode.get(e.errno, e))
'

@test 'rules about sets, also with port 0 and IP_BIND_ADDRESS_NO_PORT' {
	cgg-set add s 127.0.0.77 ::1
	rule bind ip @s
	closes tcp 127.0.0.77 "$free"
	closes tcp 127.0.0.77 0
	closes tcp ::1 "$free"
	closes no-port 127.0.0.77 0
	opens tcp 127.0.0.78 "$free"
	opens no-port 127.0.0.78 0
	cgg-set delete s 127.0.0.77
	opens no-port 127.0.0.77 0
	cgg-rule restore <<<$'default bind deny\nallow bind ip @s'
	opens no-port ::1 0
	closes no-port 127.0.0.77 0
	closes tcp 127.0.0.77 "$free"
	opens tcp ::1 "$free"
}
