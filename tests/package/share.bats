#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# share - what is installed beside the commands: example policies, units, and their scripts
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set gpu, other, world and output
# shellcheck disable=SC2030,SC2031 # each test has its own

load ../helpers

root=${tests_dir%/*}

# The example policies, by name; the cgroup of the group is an existing one.
examples()
{
	local file

	mkdir -p "$BATS_TEST_TMPDIR/policies"
	for file in "$root"/share/policies/*; do
		sed "s|/gpu.slice|$1|" "$file" >"$BATS_TEST_TMPDIR/policies/${file##*/}"
	done
}

@test 'every example policy loads, and decides as its words promise' {
	new_cgroup gpu
	new_cgroup web
	gpu=$(shown "$gpu") web=$(shown "$web")
	examples "$gpu"
	cgg-load
	yes "$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/policies"
	says ''
	cgg-rule policies | grep -vx default | sort >"$BATS_TEST_TMPDIR/loaded"
	diff "$BATS_TEST_TMPDIR/loaded" <(basename -s .policy "$root"/share/policies/*.policy | sort)
	asked=
	while read -r policy verdict words; do
		# shellcheck disable=SC2086 # they are words
		run cgg-rule -p "$policy" test ${words//GPU/$gpu}
		[[ $output == "$verdict"* ]] || { echo "$policy: $words: $output" && false; }
		asked+=$policy$'\n'
	done <<'END'
web-server allow bind proto tcp ip 0.0.0.0 port 443
web-server allow bind proto tcp ip :: port 80
web-server deny bind proto tcp ip :: port 8443
web-server deny bind proto udp ip 0.0.0.0 port 443
web-server allow connect ip 127.0.0.1 port 8080
web-server allow connect proto udp ip 127.0.0.53 port 53
web-server deny connect ip 127.0.0.1 port 5432
web-server deny setsockopt SOL_IPV6:IPV6_RTHDR
web-server deny setsockopt SOL_IP:IP_OPTIONS
web-server allow setsockopt SOL_TCP:TCP_NODELAY
web-server deny connect ip 192.0.2.1 port 443
web-server deny sendmsg ip 192.0.2.1 port 53
web-server deny socket family inet type raw proto icmp
web-server deny socket family inet6 type stream proto sctp
web-server deny socket family inet type dgram proto udplite
web-server allow ingress proto tcp ip 192.0.2.1 port 443
web-server deny ingress proto tcp ip 192.0.2.1 port 40000
web-server deny ingress proto udp ip 192.0.2.1 port 443
web-server allow socket family inet type stream proto tcp
database-client allow connect ip 192.0.2.10 port 5432
database-client deny connect ip 192.0.2.10 port 22
database-client deny connect ip 192.0.2.11 port 5432
database-client allow sendmsg ip 127.0.0.53 port 53
database-client allow connect proto tcp ip 127.0.0.53 port 53
database-client allow sendmsg ip 192.0.2.53 port 53
database-client allow sendmsg ip 192.0.2.123 port 123
database-client allow ingress proto udp ip 192.0.2.53 port 40000 sport 53
database-client deny ingress proto udp ip 192.0.2.53 port 53 sport 40000
database-client deny sendmsg ip 192.0.2.10 port 5432
database-client deny egress proto sctp ip 192.0.2.10 port 5432
database-client allow egress proto tcp ip 192.0.2.10 port 5432
database-client allow ingress proto tcp ip 192.0.2.10 port 40000
database-client deny ingress proto tcp ip 192.0.2.11 port 40000
build-sandbox deny connect ip 192.0.2.1 port 443
build-sandbox deny connect ip 2001:db8::1 port 443
build-sandbox deny sendmsg ip 192.0.2.1 port 53
build-sandbox deny egress proto tcp ip 192.0.2.1 port 443
build-sandbox deny ingress proto tcp ip 192.0.2.1 port 443
build-sandbox allow connect ip ::1 port 8000
build-sandbox deny connect ip ::ffff:192.0.2.1 port 443
build-sandbox deny connect ip 127.0.0.53 port 53
build-sandbox deny sendmsg ip ::1 port 53
build-sandbox allow egress proto tcp ip 127.0.0.1 port 8000
build-sandbox allow device c 1:3 w
build-sandbox allow device c 136:7 r
build-sandbox deny device b 8:0 r
build-sandbox deny device c 1:9 w
build-sandbox deny device c 1:3 m
build-sandbox deny socket family inet6 type raw proto icmpv6
no-lan deny connect ip 10.1.2.3 port 80
no-lan deny sendmsg ip 192.168.0.1 port 53
no-lan deny egress proto tcp ip 172.31.0.1 port 443
no-lan deny connect ip 169.254.169.254 port 80
no-lan deny connect ip fd00::1 port 80
no-lan deny connect ip fe80::1 port 80
no-lan deny connect ip ::ffff:10.1.2.3 port 80
no-lan deny connect ip 64:ff9b::a9fe:a9fe port 80
no-lan allow connect ip 64:ff9b::c000:201 port 80
no-lan deny sendmsg ip ff02::fb port 5353
no-lan deny sendmsg ip 239.255.255.250 port 1900
no-lan deny sendmsg ip 255.255.255.255 port 67
no-lan allow connect ip 11.0.0.1 port 80
no-lan allow connect ip 2001:db8::1 port 80
no-lan allow connect ip 172.32.0.1 port 80
no-lan allow connect ip 127.0.0.53 port 53
no-lan allow connect ip 192.0.2.1 port 80
internet-only allow sendmsg ip 192.0.2.53 port 53
internet-only allow connect proto tcp ip 192.0.2.53 port 53
internet-only allow connect ip 192.0.2.1 port 443
internet-only allow sendmsg ip 127.0.0.53 port 53
internet-only deny sendmsg ip 127.0.0.53 port 54
internet-only deny connect ip ::ffff:169.254.169.254 port 80
internet-only deny connect ip fec0::1 port 80
internet-only deny egress proto sctp ip 10.0.0.1 port 80
internet-only allow connect ip 2001:db8::1 port 443
internet-only deny connect ip 127.0.0.1 port 443
internet-only deny connect ip ::1 port 443
internet-only deny connect ip 100.64.0.1 port 443
internet-only deny sendmsg ip 224.0.0.251 port 5353
internet-only deny sendmsg ip 255.255.255.255 port 67
internet-only deny sendmsg ip ff02::fb port 5353
internet-only deny connect ip 64:ff9b::a00:1 port 443
internet-only deny connect ip 10.0.0.1 port 443
by-name allow connect ip 127.0.0.53 port 53
by-name allow sendmsg ip 127.0.0.53 port 53
by-name deny sendmsg ip 127.0.0.1 port 53
by-name deny connect ip 192.0.2.1 port 443
by-name allow dns www.example.com
by-name deny dns example.com
by-name deny dns www.example.org
by-name allow connect host www.example.com port 443
by-name allow connect host a.b.example.com port 22
by-name deny connect host www.example.com port 80
by-name deny connect host example.com port 443
by-name allow connect host db.corp.example port 5432
by-name deny connect proto udp host db.corp.example port 5432
by-name deny unix /run/systemd/resolve/io.systemd.Resolve
by-name deny unix /run/nscd/socket
by-name deny unix /var/run/nscd/socket
by-name allow unix /run/systemd/notify
by-name deny socket family inet type raw proto icmp
by-name deny socket family inet type dgram proto udplite
by-name deny socket family inet6 type stream proto sctp
by-name allow socket family inet type stream proto tcp
by-name allow socket family inet6 type dgram proto udp
by-name deny setsockopt SOL_IP:IP_OPTIONS
by-name allow setsockopt SOL_SOCKET:SO_KEEPALIVE
no-raw deny socket family inet type raw proto icmp
no-raw allow socket family inet type dgram proto udp
gpu-group deny device c 226:128 r
gpu-group deny device c 195:0 w
gpu-group allow device c 226:128 r cgroup GPU
gpu-group allow device c 1:3 r
agent allow sendmsg ip 127.0.0.53 port 53
agent allow connect proto tcp ip 192.0.2.53 port 53
agent allow egress proto udp ip 192.0.2.53 port 53
agent allow sendmsg ip 192.0.2.123 port 123
agent deny connect proto tcp ip 192.0.2.123 port 123
agent deny sendmsg ip 192.0.2.54 port 53
agent allow connect ip 192.0.2.10 port 443
agent allow egress proto tcp ip ::ffff:192.0.2.10 port 443
agent deny connect ip 192.0.2.10 port 80
agent deny sendmsg ip 192.0.2.10 port 443
agent deny connect ip 192.0.2.11 port 443
agent deny connect ip 2001:db8::1 port 443
agent deny connect ip 127.0.0.1 port 2375
agent deny connect ip 169.254.169.254 port 80
agent deny connect ip fd00:ec2::254 port 80
agent deny egress proto tcp ip 169.254.169.254 port 80
agent deny socket family inet type raw proto icmp
agent deny unix /run/docker.sock
agent deny unix /var/run/docker.sock
agent deny unix /run/containerd/containerd.sock
agent allow unix /run/user/1000/bus
lan-only allow connect ip 10.1.2.3 port 80
lan-only allow connect ip 127.0.0.1 port 8080
lan-only allow connect ip ::1 port 8080
lan-only allow sendmsg ip 192.168.0.1 port 53
lan-only allow sendmsg ip 224.0.0.251 port 5353
lan-only allow sendmsg ip 239.255.255.250 port 1900
lan-only allow sendmsg ip ff02::fb port 5353
lan-only allow sendmsg ip 255.255.255.255 port 67
lan-only allow egress proto tcp ip 172.31.0.1 port 443
lan-only allow connect ip fe80::1 port 80
lan-only deny connect ip 172.32.0.1 port 443
lan-only deny connect ip 192.0.2.1 port 443
lan-only deny connect ip 2001:db8::1 port 443
lan-only deny sendmsg ip 224.0.1.1 port 123
lan-only deny connect ip 169.254.169.254 port 80
lan-only deny connect ip fd00:ec2::254 port 80
lan-only deny egress proto tcp ip 169.254.169.254 port 80
lan-only deny egress proto tcp ip 192.0.2.1 port 443
lan-only deny connect ip 64:ff9b::c000:201 port 443
lan-only allow ingress proto tcp ip 192.168.0.9 port 631
lan-only deny ingress proto tcp ip 192.0.2.1 port 631
lan-only deny socket family inet type raw proto icmp
psql-client allow connect ip 192.0.2.10 port 5432
psql-client allow egress proto tcp ip 192.0.2.10 port 5432
psql-client deny connect ip 192.0.2.10 port 22
psql-client deny sendmsg ip 192.0.2.10 port 5432
psql-client deny connect ip 192.0.2.11 port 5432
psql-client deny connect ip 127.0.0.1 port 5432
psql-client allow sendmsg ip 127.0.0.53 port 53
psql-client allow sendmsg ip 192.0.2.53 port 53
psql-client allow sendmsg ip 192.0.2.123 port 123
psql-client allow unix /run/postgresql/.s.PGSQL.5432
psql-client allow unix /tmp/.s.PGSQL.5432
psql-client deny unix /run/nscd/socket
psql-client deny unix /run/docker.sock
psql-client deny unix @/tmp/.X11-unix/X0
psql-client deny socket family inet6 type raw proto icmpv6
END
	same=$(sort -u <<<"$asked" | grep .)
	diff "$BATS_TEST_TMPDIR/loaded" <(echo "$same")
}

teardown()
{
	reuse_guard
	[ -z "$network" ] || [ ! -e "/run/netns/$network" ] || ip netns delete "$network"
}

teardown_file()
{
	clean_up
}
network=

# start_network [PORT...]: a network namespace where servers answer at every address, TCP and UDP
start_network()
{
	local address said

	network=$CGG_RUN-$BATS_TEST_NUMBER
	ip netns add "$network"
	ip -n "$network" link set lo up
	for address in 10.1.2.3 172.16.0.1 192.168.0.1 169.254.169.254 100.64.0.1 192.0.2.1 192.0.2.10 \
		192.0.2.53 192.0.2.123 fd00::1 fec0::1 2001:db8::1 64:ff9b::a00:1; do
		ip -n "$network" address add "$address" dev lo
	done
	start ip netns exec "$network" python3 -c "$servers" 53 80 5432 8080 "$@"
	[ "$said" = ready ]
}

servers='
import selectors, socket, sys

ready = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            s.listen()
        ready.register(s, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        s = key.fileobj
        if s.type == socket.SOCK_DGRAM:
            s.sendto(*s.recvfrom(9))
        else:
            s.accept()[0].send(b"x")
'

# Read lines of words, and print each with its result: ok when there was an answer.
attempts='
import errno, ipaddress, socket, sys

def attempt(what, address="", port=0):
    if what == "raw":
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)
    family = socket.AF_INET if "." in address and ":" not in address else socket.AF_INET6
    s = socket.socket(family, socket.SOCK_STREAM if what == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(0.5)
    if what == "tcp":
        s.connect((address, int(port)))
    else:
        s.sendto(b"x", (address, int(port)))
    s.recv(9)

for line in sys.stdin:
    try:
        attempt(*line.split())
        said = "ok"
    except OSError as e:
        said = errno.errorcode.get(e.errno, "silence")
    print(line.strip() + ": " + said)
'

@test 'an example policy allows and denies what it promises, over a network' {
	start_network 123 443
	new_cgroup gpu
	examples "$(shown "$gpu")"
	cgg-load
	while read -r policy words; do
		if [[ ! -v "cgroups[$policy]" ]]; then
			new_cgroup "${policy//-/_}"
			declare -n made=${policy//-/_}
			cgroups[$policy]=$made
			cgg-rule -p "$policy" restore "$BATS_TEST_TMPDIR/policies/$policy.policy"
			cgg-attach -p "$policy" "$made"
		fi
		echo "$words" >>"$BATS_TEST_TMPDIR/$policy"
	done < <(grep -v '^$' <<<"$promises")
	for policy in "${!cgroups[@]}"; do
		diff "$BATS_TEST_TMPDIR/$policy" <(sed 's/: [a-zA-Z]*$//' "$BATS_TEST_TMPDIR/$policy" |
			inside "${cgroups[$policy]}" ip netns exec "$network" python3 -c "$attempts") ||
			{ echo "$policy: < is promised, > is what happened" && false; }
	done
}
declare -gA cgroups=()

@test 'the web server can serve on its ports and on no others' {
	start_network
	new_cgroup web
	cgg-load
	cgg-rule -p web restore "$root/share/policies/web-server.policy"
	cgg-attach -p web "$web"
	exec {out}< <(exec 3>&- && inside "$web" ip netns exec "$network" python3 -c "$web_server")
	started[$!]=web
	read -r said taken <&"$out"
	exec {out}<&-
	[ "$said" = EPERM ] # bind another port
	run ip netns exec "$network" python3 -c "$attempts" <<<"tcp 192.0.2.1 443
tcp 2001:db8::1 443
tcp 192.0.2.1 $taken
tcp 127.0.0.1 $taken"
	says "tcp 192.0.2.1 443: ok
tcp 2001:db8::1 443: ok
tcp 192.0.2.1 $taken: silence
tcp 127.0.0.1 $taken: ok"
}

# Listen on 443, try 8443, and listen on a port chosen by the kernel.
web_server='
import errno, selectors, socket

ready = selectors.DefaultSelector()
def listen(port=0):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if port:
        s.bind(("::", port))
    s.listen()
    ready.register(s, selectors.EVENT_READ)
    return s.getsockname()[1]

listen(443)
taken = listen()
try:
    said = listen(8443)
except OSError as e:
    said = errno.errorcode[e.errno]
print(said, taken, flush=True)
while True:
    for key, _ in ready.select():
        key.fileobj.accept()[0].send(b"x")
'

promises='
web-server tcp 127.0.0.1 8080: ok
web-server tcp ::1 8080: ok
web-server udp 127.0.0.53 53: ok
web-server tcp 127.0.0.53 53: ok
web-server tcp 127.0.0.1 5432: EPERM
web-server tcp 192.0.2.1 443: EPERM
web-server udp 2001:db8::1 443: EPERM
web-server raw: EPERM
database-client tcp 192.0.2.10 5432: ok
database-client tcp ::ffff:192.0.2.10 5432: ok
database-client udp 127.0.0.53 53: ok
database-client tcp 127.0.0.53 53: ok
database-client tcp 192.0.2.10 80: EPERM
database-client udp 192.0.2.10 5432: EPERM
database-client tcp 192.0.2.1 5432: EPERM
database-client tcp 2001:db8::1 5432: EPERM
database-client raw: EPERM
build-sandbox tcp 127.0.0.1 8080: ok
build-sandbox udp ::1 8080: ok
build-sandbox udp 127.0.0.53 53: EPERM
build-sandbox tcp ::1 53: EPERM
build-sandbox tcp 192.0.2.1 443: EPERM
build-sandbox udp 2001:db8::1 443: EPERM
no-lan tcp 192.0.2.1 80: ok
no-lan tcp 2001:db8::1 80: ok
no-lan udp 127.0.0.53 53: ok
no-lan tcp 10.1.2.3 80: EPERM
no-lan tcp ::ffff:10.1.2.3 80: EPERM
no-lan udp ::ffff:10.1.2.3 80: EPERM
no-lan tcp 172.16.0.1 80: EPERM
no-lan udp 192.168.0.1 53: EPERM
no-lan tcp 169.254.169.254 80: EPERM
no-lan tcp 100.64.0.1 80: EPERM
no-lan tcp fd00::1 80: EPERM
no-lan tcp fec0::1 80: EPERM
no-lan tcp 64:ff9b::a00:1 80: EPERM
no-lan udp 224.0.0.251 5353: EPERM
internet-only tcp 192.0.2.1 80: ok
internet-only udp 2001:db8::1 80: ok
internet-only udp 192.0.2.53 53: ok
internet-only tcp 192.0.2.53 53: ok
internet-only tcp 127.0.0.1 80: EPERM
internet-only tcp ::1 80: EPERM
internet-only tcp 0.0.0.0 80: EPERM
internet-only tcp ::ffff:127.0.0.1 80: EPERM
internet-only tcp 192.168.0.1 443: EPERM
internet-only tcp ::ffff:169.254.169.254 80: EPERM
internet-only udp fd00::1 53: EPERM
internet-only udp 224.0.0.251 5353: EPERM
no-raw raw: EPERM
no-raw tcp 10.1.2.3 80: ok
agent udp 127.0.0.53 53: ok
agent udp 192.0.2.53 53: ok
agent tcp ::ffff:192.0.2.53 53: ok
agent udp 192.0.2.123 123: ok
agent tcp 192.0.2.10 443: ok
agent tcp 192.0.2.10 80: EPERM
agent udp 192.0.2.10 443: EPERM
agent tcp 169.254.169.254 80: EPERM
agent tcp 127.0.0.1 8080: EPERM
agent udp 192.0.2.1 53: EPERM
agent tcp 2001:db8::1 443: EPERM
agent raw: EPERM
lan-only tcp 10.1.2.3 80: ok
lan-only tcp 172.16.0.1 80: ok
lan-only udp 192.168.0.1 53: ok
lan-only tcp fd00::1 80: ok
lan-only tcp 127.0.0.1 8080: ok
lan-only tcp 169.254.169.254 80: EPERM
lan-only tcp 100.64.0.1 80: EPERM
lan-only tcp 192.0.2.1 80: EPERM
lan-only udp 2001:db8::1 53: EPERM
lan-only raw: EPERM
psql-client tcp 192.0.2.10 5432: ok
psql-client tcp ::ffff:192.0.2.10 5432: ok
psql-client udp 192.0.2.53 53: ok
psql-client udp 192.0.2.123 123: ok
psql-client tcp 192.0.2.10 80: EPERM
psql-client udp 192.0.2.10 5432: EPERM
psql-client tcp 127.0.0.1 5432: EPERM
psql-client tcp 2001:db8::1 5432: EPERM
psql-client raw: EPERM
'

@test 'a group has its devices, and its neighbours do not' {
	new_cgroup above
	new_cgroup gpu "$above"
	new_cgroup other "$above"
	cgg-load
	# an existing device in place of a graphics card
	sed "s|/gpu.slice|$(shown "$gpu")|; s/195:\*/1:5/; s/226:\*/1:9/" \
		"$root/share/policies/gpu-group.policy" | cgg-rule -p gpu restore
	cgg-attach -p gpu "$above"
	yes inside "$gpu" head -c 1 /dev/zero
	yes inside "$gpu" head -c 1 /dev/urandom
	no inside "$other" head -c 1 /dev/zero
	no inside "$above" head -c 1 /dev/urandom
}

# plugs ACTION NODE [LINK...]: run what udev would run for the device
plugs()
{
	yes env ACTION="$1" DEVNAME="$2" DEVLINKS="${*:3}" \
		"$root/share/libexec/cgguard-devices" "$BATS_TEST_TMPDIR/etc"
}

@test 'a device that comes and goes has its rule while it is there, with the numbers it has then' {
	new_cgroup web
	node=$BATS_TEST_TMPDIR/meter link=/dev/shm/meter
	mount -t tmpfs none /dev/shm
	mkdir "$BATS_TEST_TMPDIR/etc"
	printf '%s\n' 'default device deny' 'allow device /dev/null rw' "allow device $link r  # the meter" \
		>"$BATS_TEST_TMPDIR/etc/lab.policy"
	echo 'deny connect port 25' >"$BATS_TEST_TMPDIR/etc/mail.policy"
	cgg-load
	# at boot it is not there: the policy is in force all the same
	yes "$root/share/libexec/cgguard-devices" "$BATS_TEST_TMPDIR/etc"
	says ''
	cgg-attach -p lab "$web"
	[ "$(cgg-rule policies | xargs)" = 'default lab' ] # the other file names no device
	[ "$(cgg-rule -p lab list | xargs)" = 'default device deny allow device c 1:3 rw' ]
	id=$(cgg-rule -p lab list -i | grep '1:3' | cut -f 1)
	mknod "$node" c 1 5
	ln -s "$node" "$link"
	plugs add "$node" "$link"
	yes inside "$web" head -c 1 "$node"
	[ "$(cgg-rule -p lab list -i | grep '1:3' | cut -f 1)" = "$id" ]
	# it goes, and another device gets its numbers
	rm "$link"
	plugs remove "$node" "$link"
	no inside "$web" head -c 1 "$node"
	# it comes back with others
	rm "$node"
	mknod "$node" c 1 9
	ln -s "$node" "$link"
	plugs add "$node" "$link"
	yes inside "$web" head -c 1 "$node"
	no inside "$web" head -c 1 /dev/zero
	# a device that no policy names changes nothing
	rm "$link"
	plugs add /dev/null-not
	yes inside "$web" head -c 1 "$node"
	# a mistake in the file is a failure, and its policy stays
	echo 'deny device nonsense' >>"$BATS_TEST_TMPDIR/etc/lab.policy"
	run env DEVNAME="$link" "$root/share/libexec/cgguard-devices" "$BATS_TEST_TMPDIR/etc"
	status_is 3
	matches 'nonsense'
	yes inside "$web" head -c 1 "$node"
}

@test 'udev runs the program for a device' {
	command -v udevadm >/dev/null || skip 'udevadm is not installed; the package udev has it'
	mkdir -p /run/udev/rules.d
	cp "$root/share/udev/90-cgguard.rules" /run/udev/rules.d/
	cgg-load
	run udevadm test --action=add /sys/class/mem/zero
	rm /run/udev/rules.d/90-cgguard.rules
	matches "^run: .*/cgguard-devices"
}

@test 'a cgroup that is removed and made again is guarded again' {
	command -v inotifywait >/dev/null || skip 'inotifywait is not installed; the package inotify-tools has it'
	new_cgroup above
	cgg-load
	cgg-rule -p web add device c 1:5
	# what systemd would run
	loop=$(sed -n '/^ExecStart=/,/done/p' "$root/share/systemd/cgguard-again@.service" |
		sed "s|^ExecStart=/bin/sh -c '||; s|done'\$|done|; s|\\$\\$|\$|g; s|%i|web|; s|/usr/local/sbin/||; s|\\\\\$||")
	CGGUARD_CGROUP=$above/again setsid sh -c "$loop" 3>&- &
	started[$!]=loop
	for time in 1 2; do
		mkdir "$above/again"
		wait_for eval 'cgg-status | grep "^cgroup.*again	policy web"'
		no inside "$above/again" head -c 1 /dev/zero
		wait_for rmdir "$above/again"
	done
	kill -- "-$!"
}

@test 'the manifests for containers have the annotation that the hook reads' {
	python3 - "$root/share/containers" <<'END'
import json, re, sys, yaml
folder = sys.argv[1]
hook = json.load(open(f"{folder}/cgguard.json"))
assert set(hook) == {"version", "hook", "when", "stages"} and hook["stages"] == ["createRuntime"]
(key, value), = hook["when"]["annotations"].items()
pod = yaml.safe_load(open(f"{folder}/pod.yaml"))
service = yaml.safe_load(open(f"{folder}/compose.yaml"))["services"]["web"]
for annotations in pod["metadata"]["annotations"], service["annotations"]:
    (name, policy), = annotations.items()
    assert re.search(key, name) and re.search(value, policy) and policy == "web"
assert not re.search(key, "cgguard-policy") and not re.search(key, "x.cgguard.policy")
assert pod["kind"] == "Pod" and pod["spec"]["containers"] and service["cgroup_parent"]
END
	if command -v kubectl >/dev/null; then
		yes kubectl label --local -o name -f "$root/share/containers/pod.yaml" tried=yes
		says pod/web
	fi
}

@test 'cgguard-restore: a wrong file leaves its policy as it was, and the others are restored' {
	mkdir "$BATS_TEST_TMPDIR/etc"
	cd "$BATS_TEST_TMPDIR/etc"
	cgg-load
	cgg-rule -p broken add port 1
	echo 'deny port 2' >a.policy
	echo 'deny prot 2' >broken.policy
	echo 'deny port 3' >z.policy
	printf 'rules:\n  - match: {dest_port: 4}\n    action: deny\n' >y.yaml
	run "$root/share/libexec/cgguard-restore" .
	status_is 3
	matches 'broken.policy:1: prot: '
	for pair in a:2 broken:1 y:4 z:3; do
		yes cgg-rule -p "${pair%:*}" list
		says "deny connect,sendmsg port ${pair#*:}"
	done
}

@test 'cgguard-restore: every kind of file is restored; two for one policy and anything that is no file are reported' {
	mkdir -p "$BATS_TEST_TMPDIR/etc/d.policy"
	cd "$BATS_TEST_TMPDIR/etc"
	cgg-load
	for policy in a empty link two; do
		cgg-rule -p "$policy" add port 1
	done
	echo 'deny port 2' | tee a.policy 'b c.policy' .hidden.policy two.policy x.policy.bak >two.yml
	printf 'rules:\n  - match: {dest_port: 4}\n    action: deny\n' >y.yml
	echo '{"rules": [{"match": {"dest_port": 5}, "action": "deny"}]}' >j.json
	ln -s nosuch link.policy
	ln -s a.policy linked.policy
	: >empty.policy
	echo 'default connect allow' >-dash.policy
	run "$root/share/libexec/cgguard-restore" .
	status_is 3
	said=$(sort <<<"$output")
	want="cgg-rule: ./empty.policy: no rule, default or mode line; if that is intended, add the line '# allow everything'
cgg-rule: policy -dash: a name does not start with -
cgg-rule: policy b c: a name is made of A-Z a-z 0-9 . _ -
cgguard-restore: ./d.policy: not a file
cgguard-restore: ./link.policy: a link to nothing
cgguard-restore: .: policy two: keep one of the files two.policy two.yml"
	diff <(sort <<<"$want") <(echo "$said")
	for pair in a:2 empty:1 link:1 linked:2 two:1 y:4 j:5; do
		yes cgg-rule -p "${pair%:*}" list
		says "deny connect,sendmsg port ${pair#*:}"
	done
	rm ./*.policy.bak -- -dash.policy 'b c.policy' empty.policy link.policy two.yml
	rmdir d.policy
	cgg-rule -p run-1 add port 1
	cgg-rule add port 1
	yes "$root/share/libexec/cgguard-restore" "$PWD"
	for policy in empty link; do
		echo "cgguard-restore: policy $policy: stays, without a file in $PWD; cgg-rule -p $policy drop deletes it"
	done >"$BATS_TEST_TMPDIR/want"
	diff "$BATS_TEST_TMPDIR/want" <(sort <<<"$output")
	yes cgg-rule -p two list
	says 'deny connect,sendmsg port 2'
}

@test 'cgguard-restore: no file name controls the terminal' {
	mkdir "$BATS_TEST_TMPDIR/etc"
	cgg-load
	mkdir "$BATS_TEST_TMPDIR/etc/"$'a\e]0;x\a\n.policy'
	run "$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/etc"
	status_is 3
	says "cgguard-restore: $BATS_TEST_TMPDIR/etc/a?]0;x??.policy: not a file"
}

@test 'cgguard-restore: an unreadable file is named, and is a failure' {
	mkdir "$BATS_TEST_TMPDIR/etc"
	cgg-load
	echo 'deny port 2' | tee "$BATS_TEST_TMPDIR/etc/a.policy" >"$BATS_TEST_TMPDIR/etc/b.policy"
	chmod 0 "$BATS_TEST_TMPDIR/etc/a.policy"
	# root could read everything because of these capabilities
	run setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search \
		"$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/etc"
	status_is 3
	says "cgg-rule: $BATS_TEST_TMPDIR/etc/a.policy: Permission denied"
	yes cgg-rule -p b list
	says 'deny connect,sendmsg port 2'
	chmod 0 "$BATS_TEST_TMPDIR/etc"
	run setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search \
		"$root/share/libexec/cgguard-restore" "$BATS_TEST_TMPDIR/etc"
	status_is 3
	says "cgguard-restore: $BATS_TEST_TMPDIR/etc: cannot be read"
	chmod 700 "$BATS_TEST_TMPDIR/etc"
}

@test 'each program prints its usage, and refuses other words and folders' {
	for program in "$root"/share/libexec/*; do
		name=${program##*/}
		for option in -h --help; do
			yes "$program" "$option"
			matches "^usage: $name( |$)"
		done
		for words in -x '--nosuch x' 'a b c d'; do
			# shellcheck disable=SC2086 # words
			run "$program" $words
			status_is 2
			matches "^usage: $name( |$)"
		done
	done
	: >"$BATS_TEST_TMPDIR/file"
	cd "$BATS_TEST_TMPDIR"
	run "$root/share/libexec/cgguard-restore" nosuch
	status_is 2
	says 'cgguard-restore: nosuch: no such directory'
	run "$root/share/libexec/cgguard-restore" file
	status_is 2
	says 'cgguard-restore: file: not a directory'
	run "$root/share/libexec/cgguard-metrics" nosuch
	status_is 2
	says 'cgguard-metrics: nosuch: no such directory'
	run "$root/share/libexec/cgguard-metrics"
	status_is 2
	run "$root/share/libexec/cgguard-hook" <<<'{"id": "x"}'
	status_is 2
	says 'cgguard-hook: no pid in the state of the container'
}

@test 'cgguard-metrics: a file that cannot be written or replaced is a failure' {
	cgg-load
	yes "$root/share/libexec/cgguard-metrics" "$BATS_TEST_TMPDIR"
	grep -q '^cgguard_' "$BATS_TEST_TMPDIR/cgguard.prom"
	rm "$BATS_TEST_TMPDIR/cgguard.prom"
	mkdir -p "$BATS_TEST_TMPDIR/cgguard.prom/cgguard.prom.new/x"
	run "$root/share/libexec/cgguard-metrics" "$BATS_TEST_TMPDIR"
	status_is 3
}

# installed PREFIX: run make install there
installed()
{
	yes make -s -C "$root" BUILD="$BUILD" PREFIX="$1" install
}

@test 'systemd finds no mistake in the units' {
	command -v systemd-analyze >/dev/null || skip 'systemd-analyze is not installed'
	prefix=$BATS_TEST_TMPDIR/usr units=$BATS_TEST_TMPDIR/units
	installed "$prefix"
	mkdir -p "$units/web.service.d"
	printf '[Service]\nExecStartPre=/bin/true\nExecStart=/bin/sleep 9\n' >"$units/web.service"
	cp "$prefix/share/cgguard/guarded.conf" "$units/web.service.d"
	export SYSTEMD_UNIT_PATH=$units:$prefix/lib/systemd/system:/lib/systemd/system
	yes systemd-analyze verify --man=no cgguard.service cgguard@web.service web.service \
		cgguard-follow@web.service cgguard-events.service cgguard-metrics.service cgguard-metrics.timer \
		cgguard-resolved.service cgguard-again@web.service
	says ''
	# and the check does find mistakes
	sed -i 's/^ExecStart=/ExecStrat=/' "$units/web.service"
	run systemd-analyze verify --man=no web.service
	[ -n "$output" ]
}

# used FILE: print the metrics that its expressions name
used()
{
	grep -oE 'cgguard_[a-z_]+' "$1" | sort -u
}

@test 'the alerts and the dashboard name existing metrics and labels' {
	rules=$root/share/prometheus/cgguard.rules.yml
	board=$root/share/grafana/cgguard.json
	new_cgroup web
	cgg-load
	cgg-rule default egress deny
	cgg-attach "$web"
	inside "$web" bash -c 'echo >/dev/udp/127.0.0.1/9' || true
	cgg-status -m >"$BATS_TEST_TMPDIR/metrics"
	for file in "$rules" "$board"; do
		[ "$(used "$file" | wc -l)" -gt 5 ]
		while read -r metric; do
			grep -q "^$metric[ {]" "$BATS_TEST_TMPDIR/metrics" || { echo "$file: $metric" && false; }
		done < <(used "$file")
	done
	for label in policy hook verdict cgroup; do
		grep -q "^cgguard_.*$label=\"" "$BATS_TEST_TMPDIR/metrics"
	done
	grep -q 'verdict="deny"' "$BATS_TEST_TMPDIR/metrics"
	if command -v promtool; then
		yes promtool check rules "$rules"
	fi
}

@test 'the dashboard has the form that Grafana imports' {
	python3 - "$root/share/grafana/cgguard.json" <<'END'
import json, sys

board = json.load(open(sys.argv[1]))
assert board["title"] and board["uid"] and board["schemaVersion"] >= 36
names = {one["name"] for one in board["templating"]["list"]}
taken, ids = set(), set()
for panel in board["panels"]:
    assert panel["type"] in ("stat", "timeseries", "table"), panel["type"]
    assert panel["title"] and panel["id"] not in ids
    ids.add(panel["id"])
    assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
    at = panel["gridPos"]
    assert 0 <= at["x"] and at["x"] + at["w"] <= 24
    cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
    assert not cells & taken, panel["title"]
    taken |= cells
    letters = [target["refId"] for target in panel["targets"]]
    assert letters and len(set(letters)) == len(letters)
    for target in panel["targets"]:
        text = target["expr"]
        assert text.count("(") == text.count(")") and text.count("{") == text.count("}"), text
        assert "$instance" in text
assert {"source", "instance"} == names
END
}

# typed: let Grafana's types judge the dashboard in board.ts
typed()
{
	"$BUILD/grafana/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --moduleResolution bundler \
		--module esnext "$BATS_TEST_TMPDIR/board.ts"
}

@test 'the dashboard has the types that Grafana declares' {
	[ -d "$BUILD/grafana/node_modules/@grafana/schema" ] ||
		skip '@grafana/schema is not installed; make check-programs installs it'
	ln -s "$BUILD/grafana/node_modules" "$BATS_TEST_TMPDIR"
	{
		echo 'import { Dashboard } from "@grafana/schema";'
		echo 'export const board: Dashboard ='
		cat "$root/share/grafana/cgguard.json"
	} >"$BATS_TEST_TMPDIR/board.ts"
	yes typed
	# and the compiler does find mistakes
	sed -i 's/"gridPos"/"gridPosition"/' "$BATS_TEST_TMPDIR/board.ts"
	run typed
	matches 'gridPosition'
}
