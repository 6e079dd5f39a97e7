# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# names - what the tests of rules by DNS name share: a network namespace with a resolver
#
#	serves ADDR ZONE...          start a DNS server there (tests/names.py)
#	policy LINE...               put these lines in force, behind `resolver' and the usual ones
#	uses WORD... -- RESULT...    inside $web: what comes of each word of tests/names.py
#	counted N WHAT               the programs counted so many (enum cgg_name_count)
# shellcheck disable=SC2154 # helpers set web

load ../ways

setup()
{
	untraced
	new_cgroup web
	network
	serves 127.0.0.53 a.example.com=192.0.2.1 b.example.com=192.0.2.2,192.0.2.12 \
		example.com=192.0.2.3 deep.a.example.com=192.0.2.4 evil.test=192.0.2.66 \
		six.example.com=2001:db8::6 in.example.com=10.1.2.3 meta.example.com=169.254.169.254 \
		lo.example.com=127.0.0.9 'c.example.com>cdn.test' cdn.test=192.0.2.5 \
		'x.test>a.example.com' shared.test=192.0.2.1
	net cgg-attach "$web"
}

# Make a network namespace in which every address of the tests is this host.
network()
{
	local said

	# shellcheck disable=SC2016 # for the inner shell
	start unshare --net sh -c 'ip link set lo up && for net in 192.0.2.0/24 10.0.0.0/8 169.254.0.0/16; do
		ip route add local $net dev lo || exit
	done && ip -6 route add local 2001:db8::/64 dev lo && echo ready && exec sleep 1000'
	[ "$said" = ready ] || { echo "no network: $said" >&2 && return 1; }
	network=$!
	wait_for own_network
}

own_network()
{
	[ "$(readlink "/proc/$network/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# net COMMAND...: run it in that namespace
net()
{
	nsenter -t "$network" -n "$@"
}

serves()
{
	local said

	start nsenter -t "$network" -n python3 "$tests_dir/names.py" serve "$@"
	[ "$said" = ready ] || { echo "the server did not start: $said" >&2 && return 1; }
}

policy()
{
	yes net cgg-rule restore - < <(
		printf '%s\n' 'resolver 127.0.0.53' 'default connect,sendmsg deny' \
			'allow connect,sendmsg ip 127.0.0.53 port 53' "$@"
	)
}

attempt()
{
	exec nsenter -t "$network" -n python3 "$tests_dir/names.py" "$@"
}

uses()
{
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run inside "$web" attempt use "${words[@]}"
	says "$(printf '%s\n' "$@")"
}

# forge: send a packet that claims to come from the resolver; print the error, or "sent"
forge()
{
	attempt python '
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = struct.pack(">HHHH", 53, 999, 12, 0) + b"text"
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 9, 17, 0, socket.inet_aton("127.0.0.53"),
    socket.inet_aton("127.0.0.1"))
try:
    s.sendto(ip + udp, ("127.0.0.1", 0))
    print("sent")
except OSError as e:
    print(errno.errorcode[e.errno])'
}

# counted N WHAT: WHAT is a word of the enumeration, in lower case without CGG_
counted()
{
	local number

	number=$(grep -oP '^\tCGG_\K\w+(?=,)' "$tests_dir/../bpf/contract/names.h" | grep -n "^${2^^}$" | cut -d : -f 1)
	# shellcheck disable=SC2046 # words
	run bpftool -j map lookup pinned /sys/fs/bpf/cgguard/maps/name_counts key \
		$(stat -c %i "$web" | python3 -c 'import sys; print(*int(input()).to_bytes(8, sys.byteorder))')
	run jq --argjson n "$((number - 1))" '[.formatted.values[].value.count[$n]] | add' <<<"$output"
	says "$1"
}
