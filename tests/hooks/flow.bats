#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# flow - the hook flow: what it tells of a TCP connection when it ends, and of a UDP socket
#
# tests/flows.py makes the connections, and counts their bytes from the packets.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

talk()
{
	exec python3 "$tests_dir/flows.py" "$@"
}

# told COUNT KEY...: print these fields of the next COUNT events, sorted
told()
{
	local count=$1

	shift
	yes cgg-events -j --hook flow -n "$count" -w $((3 * patience))
	keys=$*
	output=$(jq -r "[.${keys// /,.}] | map(tostring) | join(\" \")" <<<"$output" | sort)
}

@test 'rules take proto tcp, ip, port, cgroup, alert and allow; deny is refused, as a default too' {
	rule alert flow proto tcp ip 127.0.0.1 port 443 cgroup "$(shown "$web")"
	yes cgg-rule default flow alert
	no cgg-rule default flow deny
	status_is 2
	matches 'flow: the kernel lets no program deny here'
	yes cgg-rule test flow ip 127.0.0.1 port 443
	says 'alert	default'
	yes cgg-rule test --in "$web" flow ip 127.0.0.1 port 443
	matches "	alert	$id	alert flow "
}

@test 'the bytes of both ends are those of the packets, over IPv4, IPv6 and mapped addresses' {
	rule alert flow
	yes inside "$web" talk exact 30 "${SEED:-1}"
	wanted=$(sort <<<"$output")
	told 60 daddr dport sport opened sent received end
	says "$wanted"
}

@test 'the process that called connect(2) is named after it is gone' {
	rule alert flow port "$port"
	yes inside "$web" talk one 127.0.0.1 "$port"
	yes cgg-events -n 1 -w $((3 * patience))
	matches "^\[ALERT flow\] pid=[1-9][0-9]* comm=python3 daddr=127.0.0.1 dport=$port proto=6 tid=[1-9][0-9]* uid=0 gid=0 cgroup=$(shown "$web") policy=default rule=$id saddr=127.0.0.1 sport=[0-9]+ opened=here duration_us=[1-9][0-9]* sent=5 received=5 retransmits=0 rtt_us=[0-9]+ end=closed-here$"
}

@test 'of a connection that comes in the process is the one that listens, and port is its port' {
	local server here

	rule alert flow proto tcp port 1-65535
	listens
	server=$! here=$said
	yes outside python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"abc"); s.shutdown(1)
assert s.recv(9, socket.MSG_WAITALL) == b"abc"' "$here"
	told 1 pid comm dport opened sent received end
	says "$server python3 $here there 3 3 closed-there"
}

# Start a process that listens and takes one connection; its port is in $said.
# shellcheck disable=SC2016 # for the inner shell
listens()
{
	start sh -c 'echo $$ >"$1/cgroup.procs" && exec python3 "$2" listen' - "$web" "$tests_dir/flows.py"
}

# ended HOW LINE...: the events of both ends
ended()
{
	local how=$1 wanted

	shift
	run inside "$web" talk end "$how"
	wanted=$(printf '%s\n' "$@" | sort)
	told $# opened sent received end
	says "$wanted"
}

@test 'why it ended: reset, data left unread, refused, killed, and a socket that connects twice' {
	rule alert flow
	ended reset 'here 3 0 reset-here' 'there 0 3 reset-there'
	ended unread 'here 3 0 reset-there' 'there 0 3 reset-here'
	ended refused 'here 0 0 refused'
	ended twice 'here 3 0 reset-here' 'there 0 3 reset-there' 'here 5 0 closed-here' 'there 0 5 closed-there'
	run inside "$web" talk end killed
	told 2 comm end
	matches '^python3 reset-'
}

@test 'a connection whose packets are dropped times out, and one that is cut says so' {
	local answer

	rule alert flow
	coproc answer { inside "$web" python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(socket.IPPROTO_TCP, 18, 300)
print(flush=True); sys.stdin.readline(); s.sendall(b"lost")
try: s.recv(1)
except OSError: pass' "$port"; }
	read -r -u "${answer[0]}"
	yes cgg-rule insert first deny ingress sport "$port" quiet
	echo >&"${answer[1]}"
	told 1 opened sent received end
	says 'here 0 0 timeout'
	yes cgg-rule restore - <<<'alert flow'
	coproc answer { inside "$web" talk wait 127.0.0.1 "$port"; }
	read -r -u "${answer[0]}"
	wait_for cgg-sockets -k "$web" || skip "$(cgg-sockets -k "$web" 2>&1)"
	told 1 opened end
	says 'here cut'
}

@test 'ip, port and cgroup choose, the first rule decides, and quiet is quiet' {
	local below

	new_cgroup below "$web"
	cgg-rule add allow flow ip 127.0.0.2
	cgg-rule add alert flow port "$port" cgroup "$(shown "$below")" quiet
	cgg-rule add alert flow ip ::1 port "$port" name six
	for to in 127.0.0.1 127.0.0.2 ::1; do
		yes inside "$web" talk one "$to" "$port"
	done
	yes inside "$below" talk one ::1 "$port"
	yes inside "$below" talk one 127.0.0.2 "$port"
	told 1 label daddr
	says 'six ::1'
	reports_nothing
	yes wait_for counted
}

counted()
{
	[ "$(cgg-rule list -s | cut -f 2 | tr '\n' ' ')" = '2 1 1 ' ]
}

@test 'the name that the address had when it was called is told, of a long one the end' {
	local answer long=a23456789.b23456789.c23456789.d23456789.e23456789.example

	rule alert flow
	yes inside "$web" talk one 127.0.0.1 "$port"
	told 1 host
	says null
	yes cgg-rule add alert dns '*'
	run cgg-names add db.example 127.0.0.1
	[[ $output != *'no number of a network namespace'* ]] || skip "$output"
	status_is 0
	yes cgg-names add "$long" ::1
	coproc answer { inside "$web" talk wait 127.0.0.1 "$port"; }
	read -r -u "${answer[0]}"
	yes inside "$web" talk one ::1 "$port"
	told 1 daddr opened host
	says "::1 here ${long: -40}"
	yes cgg-names flush
	echo >&"${answer[1]}"
	told 1 daddr opened host
	says '127.0.0.1 here db.example'
	yes inside "$web" talk one 127.0.0.1 "$port"
	told 1 daddr host
	says '127.0.0.1 null'
}

@test 'each cgroup that is attached reports, with the cgroup of the socket' {
	local below deep

	new_cgroup below "$web"
	new_cgroup deep "$below"
	rule alert flow
	cgg-rule -p other add alert flow
	cgg-attach -p other "$below"
	yes inside "$deep" talk one ::1 "$port"
	told 2 cgroup own_cgroup opened sent received end
	says "$(printf '%s\n' "$(shown "$web") $(shown "$deep") here 5 5 closed-here" \
		"$(shown "$below") $(shown "$deep") here 5 5 closed-here" | sort)"
}

@test 'what was open before the first rule is not reported; what listened has no process' {
	local answer pid here

	coproc answer { inside "$web" talk wait 127.0.0.1 "$port"; }
	pid=$answer_PID
	read -r -u "${answer[0]}"
	listens
	here=$said
	rule alert flow
	echo >&"${answer[1]}"
	wait "$pid"
	yes outside python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"abc"); s.shutdown(1)
assert s.recv(9, socket.MSG_WAITALL) == b"abc"' "$here"
	told 1 pid comm dport opened sent received
	says "0  $here there 3 3"
	reports_nothing
}

# MD5 keys fill the memory of a socket for options.
@test 'a socket without room to remember who opened it is reported all the same' {
	rule alert flow
	run inside "$web" python3 -c 'import errno, socket, struct, sys
s = socket.socket()
for i in range(100000):
    key = struct.pack("=H2xI120xBBHi80s", 2, 0x0100000a + (i << 16), 0, 0, 3, 0, b"key")
    try:
        s.setsockopt(socket.IPPROTO_TCP, 14, key)
    except OSError as error:
        if error.errno == errno.ENOMEM: break
        print("skip:", error); sys.exit()
s.connect(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"hello")
assert s.recv(5, socket.MSG_WAITALL) == b"hello"
s.shutdown(1)
s.recv(1)' "$port"
	skip_if_lacking keys
	status_is 0
	told 1 pid opened sent received end
	says '0 null 5 5 closed-here'
}

# ---- UDP ----

udp='flow_socket,flow_sent,flow_received,flow_udp'

@test 'the bytes and datagrams of UDP are those of the packets, also of fragments and segments' {
	rule alert flow proto udp
	yes inside "$web" unshare -n sh -c 'ip link set lo mtu 1500 && ip link set lo up && exec "$@"' - \
		python3 "$tests_dir/flows.py" datagrams 12 100 "${SEED:-1}"
	wanted=$(grep -v packets <<<"$output" | sort)
	told 24 daddr dport sport opened sent received datagrams_sent datagrams_received
	says "$wanted"
}

@test 'of a UDP socket with many peers eight are told by themselves, and the others as one' {
	local here n

	rule alert flow proto udp
	yes inside "$web" talk udp peers
	here=$output
	told 9 daddr dport sport opened sent datagrams_sent others
	says "$(for n in {1..8}; do echo "127.0.0.1 $((1000 + n)) $here here $((n + 5)) 2 null"; done
		echo ":: 0 $here here $((9 + 10 + 11 + 12 + 20)) 8 1")"
	reports_nothing
}

@test 'UDP: process and cgroup are those that made the socket, whoever uses it and however it ends' {
	local line

	line=" comm=python3 .* proto=17 .* cgroup=$(shown "$web") .* saddr=127.0.0.1 .* opened=here duration_us=[0-9]+"
	rule alert flow proto udp port 1-65535 cgroup "$(shown "$web")"
	run inside "$web" talk udp forked
	yes cgg-events -n 2 -w $((3 * patience))
	matches "pid=[1-9][0-9]*$line sent=11 received=0 datagrams_sent=2 datagrams_received=0 end=closed-here$"
	matches ' opened=there duration_us=[0-9]+ sent=0 received=11 datagrams_sent=0 datagrams_received=2 end=closed-here$'
	run inside "$web" talk udp killed
	told 2 comm opened sent received end
	says "$(printf '%s\n' 'python3 here 6 0 closed-here' 'python3 there 0 6 closed-here')"
	run inside "$web" talk udp refused
	told 1 comm opened sent received end
	says 'python3 here 3 0 refused'
}

@test 'UDP: a socket that connects again and again is told once for each peer; without data, not at all' {
	rule alert flow
	yes inside "$web" talk udp silent
	yes inside "$web" talk udp reconnects
	told 4 opened sent received datagrams_sent
	says "$(printf '%s\n' 'here 9 0 3' 'here 9 0 3' 'there 0 9 0' 'there 0 9 0')"
	reports_nothing
}

@test 'UDP: datagrams for which there was no room are received, and told as dropped' {
	rule alert flow proto udp
	yes inside "$web" talk udp full
	wanted=$(printf '%s\n' 'here 0 0 null' "there $output")
	told 2 opened received datagrams_received dropped
	says "$wanted"
}

@test 'UDP: ip and port choose, and counters have the bytes, of TCP too' {
	cgg-rule add alert flow proto tcp
	cgg-rule add allow flow proto udp ip 127.0.0.2
	cgg-rule add alert flow proto udp ip ::1 port 9 name six
	yes inside "$web" talk one 127.0.0.1 "$port"
	for to in 127.0.0.1 127.0.0.2 ::1; do
		yes inside "$web" talk udp to "$to" 9
	done
	told 2 label daddr proto
	says "$(printf '%s\n' 'null 127.0.0.1 6' 'six ::1 17')"
	reports_nothing
	yes wait_for bytes_counted
}

bytes_counted()
{
	[ "$(cgg-rule list -s | cut -f 2,3 | tr '\n\t' ', ')" = '1 10,1 5,1 5,' ]
}

@test 'UDP: a socket from before the first rule is not told' {
	local answer

	coproc answer { inside "$web" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, 2)
print(flush=True); sys.stdin.readline(); s.sendto(b"abc", ("127.0.0.1", 9))'; }
	read -r -u "${answer[0]}"
	rule alert flow
	echo >&"${answer[1]}"
	yes inside "$web" talk udp to 127.0.0.1 9
	told 1 sent
	says 5
	reports_nothing
}

# Of a network namespace of its own a process sets how much memory the options of a socket may take.
@test 'UDP: the flows of a socket without room for their sums are withheld, for every reader' {
	rule alert flow proto udp
	cgg-events --hook flow >"$BATS_TEST_TMPDIR/flows" 3>&- &
	started[$!]=cgg-events
	wait_for eval 'cgg-status | grep ^reader'
	run inside "$web" unshare -Urn python3 -c 'import socket
try:
    open("/proc/sys/net/core/optmem_max", "w").write("0")
    socket.socket(socket.AF_INET6, 2)
except OSError as error:
    print("skip:", error)'
	skip_if_lacking namespaces
	yes cgg-events -w 0
	says "[WITHHELD 1] cgroup=$(shown "$web") policy=default rule=0 verdict=alert hook=flow_udp"
	wait_for grep -Fx "$output" "$BATS_TEST_TMPDIR/flows"
}

@test 'UDP: each attached cgroup tells all bytes, also when the rule of one below goes' {
	local below answer

	new_cgroup below "$web"
	rule alert flow proto udp
	cgg-rule -p other add alert flow proto udp
	cgg-attach -p other "$below"
	coproc answer { inside "$below" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, 2)
for i in range(2):
    s.sendto(b"abc", ("127.0.0.1", 9))
    print(flush=True); sys.stdin.readline()'; }
	read -r -u "${answer[0]}"
	yes inside "$below" talk udp to ::1 9
	told 2 cgroup own_cgroup sent
	says "$(printf '%s\n' "$(shown "$web") $(shown "$below") 5" "$(shown "$below") null 5" | sort)"
	yes cgg-rule -p other flush
	echo >&"${answer[1]}"
	read -r -u "${answer[0]}"
	echo >&"${answer[1]}"
	told 1 cgroup sent
	says "$(shown "$web") 6"
}

@test 'what is kept with a socket is freed with it' {
	rule alert flow quiet
	for kind in udp tcp; do
		run inside "$web" timeout $((30 * patience)) python3 "$tests_dir/flows.py" held "$kind"
		skip_if_lacking slabs
		status_is 0
	done
}

@test 'UDP: the name that the address has is told' {
	rule alert flow proto udp
	yes cgg-rule add alert dns '*'
	run cgg-names add db.example 127.0.0.1
	[[ $output != *'no number of a network namespace'* ]] || skip "$output"
	status_is 0
	yes inside "$web" talk udp to 127.0.0.1 9
	yes inside "$web" talk udp to ::1 9
	told 2 daddr host
	says "$(printf '%s\n' '127.0.0.1 db.example' '::1 null')"
}

@test 'a hook that no rule asks for is not attached, nor are programs of other protocols' {
	yes cgg-status
	[ "$(grep -c 'programs.* flow' <<<"$output")" -eq 0 ]
	rule alert flow proto udp
	yes cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs $udp$"
	yes cgg-rule restore - <<<'alert flow proto tcp,udp'
	yes cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs flow,$udp$"
	yes cgg-rule restore - <<<'alert flow proto tcp'
	yes cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs flow$"
	yes cgg-rule flush
	yes cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs -$"
}
