#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# names - attempts to give an address a name that it has not, and to take names from others
#
# The policy allows *.example.com alone; 192.0.2.66 is the address of the attacker. names.bash
# explains the words.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2046 # words

load ../hooks/names

only_example()
{
	policy 'allow connect,sendmsg ip 127.0.0.0/8' 'allow connect,sendmsg port 53' \
		'allow connect host *.example.com' "$@"
}

@test 'a server on another address or port is not believed' {
	serves 127.0.0.99 a.example.com=192.0.2.66
	serves '127.0.0.53#5353' a.example.com=192.0.2.66
	only_example
	uses udp:a.example.com@127.0.0.99 tcp:a.example.com@127.0.0.99 to:192.0.2.66,1 -- \
		'1 records' '1 records' EPERM
	run inside "$web" attempt python '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.53", 5353))
s.send(query("a.example.com"))
print(count_of(s.recv(999)))'
	says '1 records'
	uses to:192.0.2.66,1 -- EPERM
	counted 0 answers_bound
}

@test 'a server in the cgroup, at the address of the resolver, answers nobody' {
	only_example
	run inside "$web" attempt python '
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
c.bind(("127.0.0.1", 0))
for source in ["127.0.0.53"]:
    t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        t.bind((source, 53))
        t.sendto(query("a.example.com"), c.getsockname())
        print("sent")
    except OSError as e:
        print(errno.errorcode[e.errno])'
	matches '^(EPERM|EADDRINUSE)$'
	run inside "$web" forge
	says EPERM
	[ "$(forged)" -ge 1 ]
}

@test 'a server that shares the port of the resolver steals the question, and answers nobody' {
	only_example
	run inside "$web" attempt python '
thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
thief.bind(("127.0.0.53", 53))
thief.settimeout(3)
client = connected("127.0.0.53", socket.SOCK_DGRAM)
client.settimeout(1)
client.send(query("a.example.com"))
stolen, peer = thief.recvfrom(999)
reply = head(stolen, 0x8180, 1) + stolen[12:] + record(b"\xc0\x0c", 1, socket.inet_aton("192.0.2.66"))
result_of(lambda: thief.sendto(reply, peer))
result_of(lambda: client.recv(999))'
	says $'EPERM\nno answer'
	counted 1 forged
	counted 0 answers_bound
	uses to:192.0.2.66,1 -- EPERM
}

# outer: a way out of the network that leads to nobody, from 198.51.100.1
outer()
{
	net ip link add one type veth peer name other || skip 'this kernel has no veth'
	net ip addr add 198.51.100.1/24 dev one
	net ip link set one up
	net ip link set other up
	net ip route add 203.0.113.0/24 dev one
}

@test 'a socket that takes the address of a resolver elsewhere cannot send from it' {
	outer
	only_example 'resolver 203.0.113.9'
	# IP_FREEBIND and IP_TRANSPARENT
	run inside "$web" attempt python '
client = connected("203.0.113.9", socket.SOCK_DGRAM)
client.settimeout(1)
question = query("a.example.com")
client.send(question)
reply = head(question, 0x8180, 1) + question[12:] + record(b"\xc0\x0c", 1, socket.inet_aton("192.0.2.66"))
for option in [15, 19]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_IP, option, 1)
    s.bind(("203.0.113.9", 53))
    result_of(lambda: s.sendto(reply, client.getsockname()))
    s.close()
result_of(lambda: client.recv(999))'
	[[ $output =~ ^E[A-Z]+$'\n'EPERM$'\n'no.answer$ ]] || complain 'neither must be able to send'
	counted 0 answers_bound
	uses to:192.0.2.66,1 -- EPERM
}

@test 'fragments of IPv6 by a raw socket, which only the kernel puts together, answer nothing' {
	only_example 'resolver ::1' 'allow connect ip ::1 port 53'
	run inside "$web" attempt python '
client = connected("::1", socket.SOCK_DGRAM)
question = query("a.example.com")
client.send(question)
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
for part in forged_fragments(question, "::1", client.getsockname(), "192.0.2.66"):
    result_of(lambda: raw.sendto(part, ("::1", 0)))'
	says $'EPERM\nEPERM'
	counted 2 forged
	uses to:192.0.2.66,1 -- EPERM
}

@test 'a question behind a routing header, which takes no privilege, is judged by its name' {
	policy 'resolver 2001:db8::53' 'default dns deny' 'allow dns a.example.com' \
		'allow connect ip 2001:db8::53 port 53'
	run inside "$web" attempt python '
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::1", 0))
s.setsockopt(socket.IPPROTO_IPV6, 57, # IPV6_RTHDR: segment routing, no segment left
    struct.pack("BBBBI", 0, 2, 4, 0, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8::53"))
s.connect(("2001:db8::53", 53))
for name in ["evil.test", "a.example.com"]:
    result_of(lambda: s.send(query(name)))'
	says $'EPERM\ndone'
	counted 1 questions_seen
}

# planted INTERFACE SOURCE: ask SOURCE, which does not answer, put a forged answer on the interface, and print what comes of it
planted()
{
	attempt python "
client = connected('$2', socket.SOCK_DGRAM)
client.settimeout(1)
question = query('a.example.com')
client.send(question)
inject('$1', forged(question, '$2', client.getsockname(), '192.0.2.66'))
time.sleep(0.1)
use(['to:192.0.2.66,1'])"
}

@test 'a frame on lo binds nothing, unless the namespace takes packets from loopback addresses there' {
	only_example 'resolver 127.0.0.77'
	run inside "$web" planted lo 127.0.0.77
	says $'done\nEPERM'
	counted 0 answers_bound
	# CAVEATS of cgguard-names(7) says that this namespace is then open
	net sysctl -qw net.ipv4.conf.{lo,all}.{route_localnet,accept_local}=1 net.ipv4.conf.{lo,all}.rp_filter=0
	run inside "$web" planted lo 127.0.0.77
	says $'done\nreached'
	# and only this one
	# shellcheck disable=SC2016 # for the inner shell
	run inside "$web" unshare -n sh -c 'ip link set lo up && ip route add local 192.0.2.0/24 dev lo &&
		exec python3 "$0" use to:192.0.2.66,1' "$tests_dir/names.py"
	says EPERM
}

@test 'whoever makes a network of their own may bind names for that network alone' {
	policy 'resolver 203.0.113.9' 'allow connect,sendmsg port 53' 'allow connect host *.example.com'
	# A server there is in the cgroup, so it answers nobody; a frame from the other end is believed.
	# shellcheck disable=SC2016 # for the inner shells
	run inside "$web" unshare -n sh -c 'ip link set lo up && ip route add local 192.0.2.0/24 dev lo &&
		ip link add one type veth peer name other || { echo "skip: no veth"; exit; }
		unshare -n sleep 99 & other=$!
		trap "kill $other" EXIT
		until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
		ip link set other netns $other && ip addr add 203.0.113.1/24 dev one && ip link set one up &&
			nsenter -t $other -n sh -c "ip addr add 203.0.113.9/24 dev other && ip link set other up"
		nsenter -t $other -n python3 "$0" serve 203.0.113.9 a.example.com=192.0.2.66 \
			>"$BATS_TEST_TMPDIR/server" 2>&1 & server=$!
		trap "kill $other; kill $server 2>/dev/null" EXIT
		while ! grep -qs ready "$BATS_TEST_TMPDIR/server"; do kill -0 $server && sleep 0.02 || exit; done
		python3 "$0" use udp:a.example.com@203.0.113.9 to:192.0.2.66,1
		python3 "$0" python "$1" $other' "$tests_dir/names.py" '
client = connected("203.0.113.9", socket.SOCK_DGRAM)
question = query("a.example.com")
client.send(question)
packet = forged(question, "203.0.113.9", client.getsockname(), "192.0.2.66")
os.system("nsenter -t %s -n python3 %s inject other %s" % (sys.argv[3], sys.argv[0], packet.hex()))
time.sleep(0.1)
use(["to:192.0.2.66,1"])'
	skip_if_lacking veth
	says $'no answer\nEPERM\ndone\nreached'
	uses to:192.0.2.66,1 -- EPERM
}

# Print how many packets claimed to come from the resolver.
forged()
{
	local n

	for n in {1..99}; do
		counted "$n" forged && echo "$n" && return
	done
	return 1
} 2>/dev/null

@test 'answers with another id, question or type, and queries, bind nothing' {
	local name zone=()

	for name in wrongid otherq othertype query fails dots; do
		zone+=("$name.example.com=192.0.2.66")
	done
	serves 127.0.0.54 "${zone[@]}" a.example.com=192.0.2.1
	only_example 'resolver 127.0.0.54'
	for name in wrongid otherq othertype query fails dots; do
		run inside "$web" attempt use "udp:$name.example.com@127.0.0.54" to:192.0.2.66,1
		[ "${lines[1]}" = EPERM ] || complain "$name"
	done
	counted 0 answers_bound
	uses udp:a.example.com@127.0.0.54 to:192.0.2.1,1 -- '1 records' reached
}

@test 'records that are cut, too many or in a loop end the reading, and bind at most what was read' {
	serves 127.0.0.54 short.example.com=192.0.2.66 liar.example.com=192.0.2.7 loop.example.com=192.0.2.8 \
		many.example.com=192.0.2.66 longest.example.com=192.0.2.10 SHOUT.example.com=192.0.2.66 \
		shout.example.com=192.0.2.11
	reads_for()
	{
		only_example 'resolver 127.0.0.54' "names 256 keep $1s" && cut_answers
	}
	in_time reads_for
	sleep "$((seconds + 1)).1"
	uses to:192.0.2.10,1 -- EPERM # its TTL is none at all
}

# cut_answers: what comes of each of them
cut_answers()
{
	uses udp:short.example.com@127.0.0.54 udp:many.example.com@127.0.0.54 to:192.0.2.66,1 \
		udp:liar.example.com@127.0.0.54 to:192.0.2.7,1 udp:loop.example.com@127.0.0.54 to:192.0.2.8,1 \
		udp:shout.example.com@127.0.0.54 to:192.0.2.11,1 udp:longest.example.com@127.0.0.54 -- \
		'9 records' '71 records' EPERM '60000 records' reached '2 records' reached \
		'1 records' reached '1 records'
}

@test 'a name of the attacker that leads to an inner address opens nothing there' {
	only_example
	uses udp:meta.example.com udp:in.example.com to:169.254.169.254,1 to:10.1.2.3,1 -- \
		'1 records' '1 records' EPERM EPERM
}

@test 'a namespace of the attacker with a resolver of its own binds nothing' {
	only_example
	# shellcheck disable=SC2016 # for the inner shell
	run inside "$web" unshare -Urn sh -c 'ip link set lo up && ip route add local 192.0.2.0/24 dev lo || exit 77
		python3 "$0" serve 127.0.0.53 a.example.com=192.0.2.66 >"$BATS_TEST_TMPDIR/server" &
		while ! grep -qs ready "$BATS_TEST_TMPDIR/server"; do kill -0 $! && sleep 0.02 || exit; done
		python3 "$0" use udp:a.example.com to:192.0.2.66,1; kill $! || true' "$tests_dir/names.py"
	[ "$status" -ne 77 ] || skip 'no user namespaces here'
	matches '^EPERM$'
	counted 0 answers_bound
	uses to:192.0.2.66,1 -- EPERM
}

@test 'a resolver that is not on loopback is not believed through lo' {
	serves 10.9.9.9 a.example.com=192.0.2.66
	policy 'resolver 10.9.9.9' 'allow connect port 53' 'allow connect host *.example.com'
	uses udp:a.example.com@10.9.9.9 to:192.0.2.66,1 -- '1 records' EPERM
	counted 1 answers_elsewhere
}

@test 'what looks like an answer within a message of TCP is none, wherever a segment begins' {
	start nsenter -t "$network" -n python3 "$tests_dir/names.py" python '
listener = socket.socket()
listener.bind(("127.0.0.54", 53))
listener.listen(9)
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = peer.recv(999)[2:]
    name, kind, question = question_of(asked)
    forged = prefixed(head(asked, 0x8180, 1) + question + record(b"\xc0\x0c", 1, socket.inet_aton("192.0.2.66")))
    text = head(asked, 0x8180, 0)[:2] + b"\x81\x80" + b"\0" * 8 + b"x" * 100
    peer.sendall(struct.pack(">H", len(text) + len(forged)) + text)
    time.sleep(0.2)
    peer.sendall(forged)
    time.sleep(0.2)
    peer.close()
'
	only_example 'resolver 127.0.0.54'
	run inside "$web" attempt use tcp:a.example.com@127.0.0.54 to:192.0.2.66,1
	[ "${lines[1]}" = EPERM ] || complain 'must be refused'
	counted 0 answers_bound
}

@test 'a cgroup with countless names evicts its own, and not those of another one' {
	local other

	new_cgroup other
	net cgg-attach "$other"
	only_example 'names 256 keep 1h'
	run inside "$other" attempt use udp:a.example.com to:192.0.2.1,1
	says $'1 records\nreached'
	serves 127.0.0.54 $(for i in {0..2000}; do echo "n$i.example.com=10.$((i / 250)).0.$((i % 250))"; done)
	only_example 'resolver 127.0.0.54' 'names 256 keep 1h'
	run inside "$other" attempt use udp:a.example.com
	run inside "$web" attempt use udp:a.example.com $(for i in {0..2000}; do echo "udp:n$i.example.com@127.0.0.54"; done)
	run inside "$other" attempt use to:192.0.2.1,1
	says reached
	run bpftool -j map dump pinned "/sys/fs/bpf/cgguard/bindings/$(stat -c %i "$web")"
	[ "$(jq length <<<"$output")" -le 256 ]
	counted 2002 addresses_added
}

@test 'more names of an address than it has room for displace those that expire first' {
	serves 127.0.0.54 $(for i in {1..12}; do echo "n$i.example.com=192.0.2.20"; done)
	policy 'resolver 127.0.0.54' 'allow connect,sendmsg port 53' 'allow connect host n12.example.com port 1' \
		'allow connect host n1.example.com port 7'
	run inside "$web" attempt use $(for i in {1..12}; do echo "udp:n$i.example.com@127.0.0.54"; done)
	uses to:192.0.2.20,1 to:192.0.2.20,7 -- reached EPERM
	counted 4 names_full
}
