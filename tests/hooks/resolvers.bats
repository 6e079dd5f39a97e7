#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# resolvers - rules by name with the resolvers and the clients that people use
#
# In a network namespace, a resolver at 127.0.0.53 asks the server of names.bash at 127.0.0.99. The
# file has a mount namespace, so /etc/resolv.conf of this machine stays as it is.
# shellcheck disable=SC2154 # helpers set web, network and said
# shellcheck disable=SC2030,SC2031 # run sets output and status

load names

http=8053 # a server of HTTP, on every address

setup_file()
{
	cgg-load
	echo 'nameserver 127.0.0.53' >"$BATS_FILE_TMPDIR/resolv.conf"
	echo 'hosts: dns' >"$BATS_FILE_TMPDIR/nsswitch.conf"
	for name in resolv.conf nsswitch.conf; do
		mount --bind "$BATS_FILE_TMPDIR/$name" "/etc/$name"
	done
}

teardown_file()
{
	clean_up
	umount /etc/resolv.conf /etc/nsswitch.conf
}

setup()
{
	untraced
	new_cgroup web
	network
	serves 127.0.0.99 a.example.com=192.0.2.1 'c.example.com>cdn.example.net' cdn.example.net=192.0.2.5 \
		d.example.com=192.0.2.4 evil.example.net=192.0.2.66
	runs python3 -m http.server "$http"
	wait_for net curl -sS -o "$BATS_TEST_TMPDIR/page" "http://127.0.0.1:$http/"
	net cgg-attach "$web"
	policy 'allow connect host *.example.com'
}

# runs COMMAND...: start it in the network, without its output
runs()
{
	# shellcheck disable=SC2016 # for the inner shell
	start nsenter -t "$network" -n sh -c 'cd "$0" && echo started && exec "$@" >log 2>&1' \
		"$BATS_TEST_TMPDIR" "$@"
}

# needs COMMAND...: skip the test if it is not installed
needs()
{
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# ---- clients: resolve a name and connect; status 0 only if that succeeds ----

through_getent()
{
	local address

	read -r address _ < <(getent hosts "$1") && reach "$address" "$http"
}

through_dig()
{
	local address

	address=$(dig +short "$1" | tail -n 1)
	[ -n "$address" ] && reach "$address" "$http"
}

through_curl()
{
	curl -sS -m 5 -o /dev/null "http://$1:$http/"
}

through_python()
{
	python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)' "http://$1:$http/"
}

through_node()
{
	node -e 'require("http").get(process.argv[1]).on("error", e => { console.log(e.code); process.exit(1) })
		.on("response", r => process.exit(0))' "http://$1:$http/"
}

through_cares()
{
	/usr/bin/python3 -c '
import select, socket, sys, pycares

found = []
channel = pycares.Channel()
channel.query(sys.argv[1], pycares.QUERY_TYPE_A, lambda result, error: found.append((result, error)))
while not found:
    reads, writes = channel.getsock()
    reads, writes, _ = select.select(reads, writes, [], channel.timeout())
    for fd in reads:
        channel.process_fd(fd, pycares.ARES_SOCKET_BAD)
    for fd in writes:
        channel.process_fd(pycares.ARES_SOCKET_BAD, fd)
socket.create_connection((found[0][0][0].host, int(sys.argv[2])), 5)' "$1" "$http"
}

through_go()
{
	"$BATS_TEST_TMPDIR/dial" "$1:$http"
}

through_musl()
{
	"$BATS_TEST_TMPDIR/connect" "$1" "$http"
}

# ways CLIENT: with it, allowed names work at once, by a CNAME too, and another name does not
ways()
{
	local name

	for name in a.example.com c.example.com; do
		run inside "$web" net_shell "through_$1" "$name"
		[ "$status" -eq 0 ] || complain "$1 must reach $name"
	done
	run inside "$web" net_shell "through_$1" evil.example.net
	[ "$status" -ne 0 ] || complain "$1 must not reach evil.example.net"
	run outside net_shell "through_$1" evil.example.net
	[ "$status" -eq 0 ] || complain "$1 must reach evil.example.net outside"
}

# net_shell FUNCTION NAME: call it in the network, with what it calls
net_shell()
{
	export http BATS_TEST_TMPDIR
	export -f "${1?}" reach
	# shellcheck disable=SC2016 # for the inner shell
	net timeout $((20 * patience)) bash -c '"$@"' bash "$@"
}

# ---- resolvers ----

# answers: the resolver does, and the clients that are always there work with it
answers()
{
	wait_for eval 'net getent hosts a.example.com | grep -q 192.0.2.1'
	ways getent
	ways python
	ways curl
}

@test 'dnsmasq' {
	needs dnsmasq
	runs dnsmasq -k -C /dev/null -u root -x "$BATS_TEST_TMPDIR/pid" --no-resolv --no-hosts \
		--server=127.0.0.99 --listen-address=127.0.0.53 --bind-interfaces
	answers
}

@test 'unbound' {
	needs unbound
	cat >"$BATS_TEST_TMPDIR/conf" <<-END
		server:
		 directory: ""
		 chroot: ""
		 username: ""
		 pidfile: ""
		 use-syslog: no
		 interface: 127.0.0.53
		 do-not-query-localhost: no
		 module-config: iterator
		forward-zone:
		 name: .
		 forward-addr: 127.0.0.99
	END
	runs unbound -d -c "$BATS_TEST_TMPDIR/conf"
	answers
}

# It listens only at addresses that an interface has.
@test 'named of BIND' {
	needs named
	net ip addr add 127.0.0.53/32 dev lo
	cat >"$BATS_TEST_TMPDIR/conf" <<-END
		controls { };
		options {
			directory "$BATS_TEST_TMPDIR";
			pid-file none;
			session-keyfile none;
			listen-on { 127.0.0.53; };
			listen-on-v6 { none; };
			forward only;
			forwarders { 127.0.0.99; };
			dnssec-validation no;
		};
	END
	runs named -g -c "$BATS_TEST_TMPDIR/conf"
	answers
}

# resolved SETTING...: start systemd-resolved, or skip the test. It asks nobody without a network, and so
# there is one. It has a /run of its own, with its settings.
resolved()
{
	local program

	program=$(compgen -G '/lib/systemd/systemd-resolved' || compgen -G '/usr/lib/systemd/systemd-resolved') ||
		skip 'systemd-resolved is not installed'
	printf '%s\n' '[Resolve]' DNSSEC=no LLMNR=no MulticastDNS=no "$@" >"$BATS_TEST_TMPDIR/conf"
	net ip link add one type veth peer name other || skip 'this kernel has no veth'
	net ip addr add 10.9.9.1/24 dev one
	net ip link set one up
	net ip link set other up
	# shellcheck disable=SC2016 # for the inner shell
	runs unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs /run &&
		mkdir -p /run/systemd/resolved.conf.d /run/dbus && cp conf /run/systemd/resolved.conf.d/test.conf &&
		exec "$0"' "$program"
	resolved=$!
}

@test 'the stub of systemd-resolved' {
	resolved DNS=127.0.0.99
	answers
}

# with_resolved COMMAND...: run it where /run is that of systemd-resolved, whom the C library asks
with_resolved()
{
	# shellcheck disable=SC2016 # for the inner shell
	nsenter -t "$resolved" -m sh -c 'cd "$0" && mount --bind resolve.conf /etc/nsswitch.conf && exec "$@"' \
		"$BATS_TEST_TMPDIR" "$@"
}

# lookups: the names of nss-resolve are allowed, those that are wanted, once they are added
lookups()
{
	needs resolvectl
	needs dbus-daemon
	compgen -G '/usr/lib/*/libnss_resolve.so.2' >/dev/null || skip 'libnss-resolve is not installed'
	echo 'hosts: resolve' >"$BATS_TEST_TMPDIR/resolve.conf"
	wait_for with_resolved test -S /run/systemd/resolve/io.systemd.Resolve.Monitor
	runs nsenter -t "$resolved" -m dbus-daemon --system --nofork # resolvectl wants one
	wait_for with_resolved test -S /run/dbus/system_bus_socket
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$tests_dir/../share/systemd/cgguard-resolved.service" |
		sed 's/CAP_//g; s/ /,+/g')
	runs nsenter -t "$resolved" -m setpriv --bounding-set="-all,+${caps,,}" \
		"$tests_dir/../share/libexec/cgguard-resolved" -c "$web" -n '*.example.com' \
		-n evil.example.net
	feeder=$!
	wait_for eval 'with_resolved getent ahostsv4 d.example.com && cgg-names | grep -q d.example.com'
	for name in a.example.com c.example.com evil.example.net cdn.example.net; do
		yes inside "$web" with_resolved getent ahostsv4 "$name"
	done
	wait_for eval 'cgg-names | grep -q evil.example.net'
	run eval 'cgg-names | cut -f 1-3,5 | sort -u'
	says "$(printf '%s\n' "192.0.2.1	a.example.com" "192.0.2.5	c.example.com" "192.0.2.4	d.example.com" \
		"192.0.2.66	evil.example.net" | sed "s|^|$(shown "$web")	|; s|$|	hand|" | sort)"
	yes inside "$web" reaches 192.0.2.1
	yes inside "$web" reaches 192.0.2.5
	no inside "$web" reaches 192.0.2.66
	# it ends with systemd-resolved, so that the unit starts it again
	stop "$resolved"
	wait_for is_gone "$feeder"
	unset "started[$feeder]"
}

reaches()
{
	export -f reach
	# shellcheck disable=SC2016 # for the inner shell
	net bash -c 'reach "$@"' bash "$1" "$http"
}

@test 'nss-resolve, with cgguard-resolved' {
	resolved DNS=127.0.0.99
	lookups
}

@test 'systemd-resolved that asks by DNS over TLS, with cgguard-resolved' {
	needs openssl
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=dns -keyout "$BATS_TEST_TMPDIR/key" \
		-out "$BATS_TEST_TMPDIR/cert" 2>/dev/null
	runs python3 "$tests_dir/names.py" tls cert key 127.0.0.98 a.example.com=192.0.2.1 \
		'c.example.com>cdn.example.net' cdn.example.net=192.0.2.5 d.example.com=192.0.2.4 \
		evil.example.net=192.0.2.66
	resolved DNS=127.0.0.98 DNSOverTLS=opportunistic
	lookups
}

# through_nscd NAME: as through_getent, where nscd is
through_nscd()
{
	# shellcheck disable=SC2016 # for the inner shell
	nsenter -t "$nscd" -m -n timeout $((20 * patience)) bash -c 'read -r address _ < <(getent hosts "$1") && reach "$address" "$2"' \
		bash "$1" "$http"
}

# The library asks nscd by a socket, and its answers are not seen. The policy by-name closes it.
@test 'nscd: a name that it tells is refused, and without its socket the library asks by DNS' {
	local nscd program

	PATH=$PATH:$BUILD/nscd/usr/sbin needs nscd
	program=$(PATH=$PATH:$BUILD/nscd/usr/sbin command -v nscd)
	unix_loads || skip 'this kernel has no hook unix'
	resolver
	printf '%s\n' 'server-user root' 'enable-cache hosts yes' 'persistent hosts no' 'check-files hosts no' \
		>"$BATS_TEST_TMPDIR/conf"
	# shellcheck disable=SC2016 # for the inner shell
	runs unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/nscd &&
		exec "$0" -F -f conf' "$program"
	nscd=$!
	export -f reach
	wait_for nsenter -t "$nscd" -m test -S /run/nscd/socket
	wait_for through_nscd a.example.com
	run inside "$web" through_nscd a.example.com
	[ "$status" -ne 0 ]
	yes cgg-names
	says ''
	policy 'allow connect host *.example.com' 'deny unix /run/nscd/*' 'deny unix /var/run/nscd/*'
	yes inside "$web" through_nscd a.example.com
	yes cgg-names
	matches '	192.0.2.1	a.example.com	'
	run inside "$web" through_nscd evil.example.net
	[ "$status" -ne 0 ]
}

# With the commands of cgguard-names(7).
@test 'a policy that was learned from a program, with dnsmasq, allows what it did and nothing else' {
	needs dnsmasq
	runs dnsmasq -k -C /dev/null -u root -x "$BATS_TEST_TMPDIR/pid" --no-resolv --no-hosts \
		--server=127.0.0.99 --listen-address=127.0.0.53 --bind-interfaces
	wait_for eval 'net getent hosts a.example.com | grep -q 192.0.2.1'
	yes cgg-rule -p web restore - <<<$'resolver 127.0.0.53\ndefault connect,sendmsg,dns alert'
	yes net cgg-attach -p web "$web"
	for name in a.example.com c.example.com; do
		run inside "$web" net_shell through_curl "$name"
		status_is 0
	done
	cgg-events -j -w 0 | cgg-learn --policy web >"$BATS_TEST_TMPDIR/web.policy"
	run cat "$BATS_TEST_TMPDIR/web.policy"
	matches "^resolver 127.0.0.53$"
	matches "^allow connect proto tcp host a.example.com port $http # "
	matches '^allow dns c.example.com # '
	[[ $output != *192.0.2* ]]
	(cat "$BATS_TEST_TMPDIR/web.policy" && echo mode audit) | cgg-rule -p web restore
	run inside "$web" net_shell through_curl a.example.com
	status_is 0
	run inside "$web" net_shell through_curl evil.example.net
	status_is 0
	yes cgg-events -w 0 --verdict audit
	matches '^\[AUDIT dns\] .* host=evil.example.net$'
	[[ $output != *a.example.com* ]]
	yes cgg-rule -p web mode enforce
	for name in a.example.com c.example.com; do
		run inside "$web" net_shell through_curl "$name"
		status_is 0
	done
	run inside "$web" net_shell through_curl evil.example.net
	[ "$status" -ne 0 ]
}

# ---- clients; the server of names.bash is the resolver ----

resolver()
{
	serves 127.0.0.53 a.example.com=192.0.2.1 'c.example.com>cdn.example.net' cdn.example.net=192.0.2.5 \
		evil.example.net=192.0.2.66
}

@test 'getent of glibc, python and curl' {
	resolver
	ways getent
	ways python
	ways curl
}

@test 'dig' {
	needs dig
	resolver
	ways dig
}

@test 'node' {
	needs node
	resolver
	ways node
}

@test 'c-ares' {
	/usr/bin/python3 -c 'import pycares' || skip 'python3-pycares is not installed'
	resolver
	ways cares
}

@test 'Go without the C library' {
	needs go
	cd "$BATS_TEST_TMPDIR"
	cat >dial.go <<-'END'
		package main
		import ("net"; "os")
		func main() {
			if _, err := net.Dial("tcp4", os.Args[1]); err != nil {
				println(err.Error())
				os.Exit(1)
			}
		}
	END
	CGO_ENABLED=0 GOCACHE=$BATS_TEST_TMPDIR/cache GO111MODULE=off go build dial.go
	resolver
	ways go
}

@test 'musl' {
	needs musl-gcc
	cat >"$BATS_TEST_TMPDIR/connect.c" <<-'END'
		#include <netdb.h>
		#include <stdio.h>
		#include <sys/socket.h>
		int main(int argc, char **argv)
		{
			struct addrinfo like = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *to;
			int failed = argc != 3 || getaddrinfo(argv[1], argv[2], &like, &to);

			if (!failed && (failed = connect(socket(AF_INET, SOCK_STREAM, 0), to->ai_addr, to->ai_addrlen)))
				perror("connect");
			return !!failed;
		}
	END
	musl-gcc -static -o "$BATS_TEST_TMPDIR/connect" "$BATS_TEST_TMPDIR/connect.c"
	resolver
	ways musl
}
