#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# streams - answers by TCP are read however their bytes are spread over segments
#
# ASKS=100000 asks so often.
# shellcheck disable=SC2154 # helpers set web and network
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

setup()
{
	untraced
	new_cgroup web
	network
	net ip route add local 198.18.0.0/15 dev lo
	net cgg-attach "$web"
}

# presses MAXSEG PIECE: ask by TCP and connect at once; the server sends at most PIECE bytes at once
presses()
{
	local asks=${ASKS:-2000} seed=${SEED:-$RANDOM}

	start nsenter -t "$network" -n "$BUILD/tests/asks" serve "$2"
	policy 'names 262144 keep 5m' 'allow connect host *.example.com'
	echo "SEED=$seed"
	yes net "$BUILD/tests/asks" press "$web" "$asks" 2 "$seed" "$1"
	[[ $output =~ ^[0-9]+' asked, 0 refused, 0 wrongly allowed, 0 not answered'$ ]]
	counted 0 answers_unread
}

@test 'answers in small pieces are bound before their last byte is received' {
	presses 32767 7
}

@test 'answers in pieces, of which some hold the end of one answer and the beginning of the next, are bound' {
	presses 32767 1500
}

@test 'answers in small segments that nobody puts together are bound, as are questions' {
	net ip link set lo gso_max_segs 1
	presses 88 0
	counted 0 answers_cut
}

@test 'segments in any order, repeated, overlapping or damaged make no answer unknown' {
	local how

	start nsenter -t "$network" -n python3 "$tests_dir/streams.py" pieces.example.com=192.0.2.1 \
		reverse.example.com=192.0.2.2,192.0.2.22 repeat.example.com=192.0.2.3 late.example.com=192.0.2.4 \
		garbled.example.com=192.0.2.5 beyond.example.com=192.0.2.6
	[ "$said" = ready ] || skip "no tun: $said"
	policy 'resolver 203.0.113.53' 'allow connect ip 203.0.113.53 port 53' 'allow connect host *.example.com'
	uses tcp:pieces.example.com@203.0.113.53 to:192.0.2.1,1 tcp:reverse.example.com@203.0.113.53 \
		to:192.0.2.2,1 to:192.0.2.22,1 tcp:repeat.example.com@203.0.113.53 to:192.0.2.3,1 \
		tcp:late.example.com@203.0.113.53 to:192.0.2.4,1 tcp:garbled.example.com@203.0.113.53 to:192.0.2.5,1 -- \
		'1 records' reached '2 records' reached reached '1 records' reached '1 records' reached '1 records' reached
	counted 5 answers_bound
	counted 0 answers_unread
	uses tcp:beyond.example.com@203.0.113.53 to:192.0.2.6,1 -- 'no answer' EPERM
	counted 5 answers_bound
}

@test 'as many answers as a socket may wait for are bound when they come in one segment; more are counted' {
	start nsenter -t "$network" -n python3 "$tests_dir/names.py" python '
zone = Zone(["n%d.example.com=192.0.2.%d" % (i, i) for i in range(1, 41)])
listener = socket.socket()
listener.bind(("127.0.0.54", 53))
listener.listen(9)
print("ready", flush=True)
for count in [32, 40]:
    peer, _ = listener.accept()
    data, out = b"", b""
    while count:
        data += peer.recv(65536)
        while len(data) > 1 and len(data) >= 2 + (size := struct.unpack(">H", data[:2])[0]):
            out += prefixed(zone.answer(data[2:2 + size]))
            data = data[2 + size:]
            count -= 1
    peer.sendall(out)
    peer.recv(9)'
	policy 'resolver 127.0.0.54' 'allow connect ip 127.0.0.54 port 53' 'allow connect host *.example.com'
	asks_for 32
	uses to:192.0.2.1,1 to:192.0.2.32,1 to:192.0.2.33,1 -- reached reached EPERM
	counted 32 answers_bound
	counted 0 answers_unread
	asks_for 40
	counted 1 answers_unread
}

# asks_for COUNT: ask 127.0.0.54 for so many names, four in a segment, and receive once
asks_for()
{
	run inside "$web" attempt python "
s = connected('127.0.0.54', socket.SOCK_STREAM)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for i in range(1, $1 + 1, 4):
    s.sendall(b''.join(prefixed(query('n%d.example.com' % k)) for k in range(i, i + 4)))
    time.sleep(0.01)
s.recv(65536)"
	says ''
}

@test 'a longer answer than is read is bound as far as it is read, and the next one on the connection whole' {
	start nsenter -t "$network" -n python3 "$tests_dir/names.py" python '
listener = socket.socket()
listener.bind(("127.0.0.54", 53))
listener.listen(9)
print("ready", flush=True)
peer, _ = listener.accept()
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
texts = [record(b"\xc0\x0c", 16, b"\xff" + b"x" * 255 + b"\xff" + b"x" * 255)] * 20
for records, address in [[texts, "192.0.2.1"], [[], "192.0.2.2"]]:
    question = peer.recv(999)[2:]
    last = record(b"\xc0\x0c", 1, socket.inet_aton("192.0.2.66"))
    records = [record(b"\xc0\x0c", 1, socket.inet_aton(address))] + records + [last]
    reply = prefixed(head(question, 0x8180, len(records)) + question[12:] + b"".join(records))
    for at in range(0, len(reply), 1000):
        peer.sendall(reply[at:at + 1000])
        time.sleep(0.01)
peer.recv(9)'
	policy 'resolver 127.0.0.54' 'allow connect ip 127.0.0.54 port 53' 'allow connect host *.example.com'
	run inside "$web" attempt python '
s = connected("127.0.0.54", socket.SOCK_STREAM)
s.settimeout(None)
for name in ["a.example.com", "b.example.com"]:
    s.sendall(prefixed(query(name)))
    size = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0]
    print(count_of(s.recv(size, socket.MSG_WAITALL)))
    use(["to:192.0.2.1,1", "to:192.0.2.2,1", "to:192.0.2.66,1"])'
	says $'22 records\nreached\nEPERM\nEPERM\n2 records\nreached\nreached\nreached'
	counted 1 answers_cut
	counted 0 answers_unread
}

@test 'an answer on a connection that is older than the guard is counted, not bound' {
	serves 127.0.0.54 a.example.com=192.0.2.1
	policy 'resolver 127.0.0.54' 'allow connect ip 127.0.0.54 port 53' 'allow connect host *.example.com'
	yes cgg-detach "$web"
	run inside "$web" attempt python '
s = connected("127.0.0.54", socket.SOCK_STREAM)
assert os.system("cgg-attach " + sys.argv[3]) == 0
s.sendall(prefixed(query("a.example.com")))
print(count_of(s.recv(999)[2:]))
use(["to:192.0.2.1,1", "tcp:a.example.com@127.0.0.54", "to:192.0.2.1,1"])' "$web"
	says $'1 records\nEPERM\n1 records\nreached'
	counted 1 answers_unread
}

@test 'a question in several segments is judged by its name where no other judges its parts' {
	serves 127.0.0.54 a.example.com=192.0.2.1
	policy 'resolver 127.0.0.54' 'allow connect ip 127.0.0.54 port 53' 'allow connect host *.example.com' \
		'alert dns a.example.com'
	uses cut:a.example.com@127.0.0.54 to:192.0.2.1,1 -- '1 records' reached
	yes cgg-events -w 0
	matches '^\[ALERT dns\] .* host=a.example.com$'
	counted 1 answers_bound
}
