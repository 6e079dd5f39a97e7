#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# flow-capture - events of flow tell the bytes that a packet capture has
#
# make soak sets FLOW_PACKETS=1000000; SEED can be given again.
# shellcheck disable=SC2034,SC2154 # clean_up reads started; new_cgroup sets web

load ../helpers

least=${FLOW_PACKETS:-10000}

# tcpdump has written what it captured before a mark.
marked()
{
	ip netns exec "$here" bash -c 'printf end-of-capture >/dev/udp/10.9.0.2/9'
	tail -c 1000 "$capture" | grep -q end-of-capture
}

compared()
{
	python3 "$tests_dir/captured.py" compare "$capture" "$BATS_TEST_TMPDIR/events" "$least" >"$BATS_TEST_TMPDIR/compared"
}

# Two network namespaces, whose packets are as small as those of a real network.
networks()
{
	local name number=0

	here=$CGG_RUN-here there=$CGG_RUN-there
	ip netns add "$here"
	ip netns add "$there"
	ip -n "$here" link add wire type veth peer name wire netns "$there"
	for name in "$here" "$there"; do
		number=$((number + 1))
		ip -n "$name" address add "10.9.0.$number/24" dev wire
		ip -n "$name" address add "fd09::$number/64" dev wire nodad
		ip -n "$name" link set wire gso_max_segs 1
		ip -n "$name" link set wire up
		ip -n "$name" link set lo up
	done
}

# Each of the two drops a segment of TCP in a hundred that it receives, after it was captured.
loses()
{
	local name

	for name in "$here" "$there"; do
		ip netns exec "$name" nft -f - <<-'END' || return
			table inet lossy {
				chain input {
					type filter hook input priority 0
					meta l4proto tcp numgen random mod 100 < 1 drop
				}
			}
		END
	done
}

teardown()
{
	clean_up
	for name in "$here" "$there"; do
		[ ! -e "/run/netns/$name" ] || ip netns delete "$name"
	done
}
here='' there=''

@test 'of TCP and UDP each flow has the bytes of a packet capture, both ways, at both ends' {
	local capture=$BATS_TEST_TMPDIR/capture server tcpdump

	command -v tcpdump >/dev/null || skip 'tcpdump is not installed'
	networks
	loses || echo '# no segment is lost: nft has no numgen here' >&3
	cgg-load
	new_cgroup web
	cgg-rule add alert flow
	cgg-attach "$web"
	coproc server { inside "$web" ip netns exec "$there" python3 "$tests_dir/captured.py" serve; }
	read -r -u "${server[0]}" port
	# the buffer holds all packets, so that none is missed however slow the machine is
	ip netns exec "$here" tcpdump -Z root -n -U -i wire -s 128 -B $((least + 4096)) -w "$capture" tcp or udp \
		or ip6 proto 44 or 'ip[6:2] & 0x1fff != 0' 2>"$BATS_TEST_TMPDIR/tcpdump" 3>&- &
	tcpdump=$!
	started[$!]=tcpdump
	wait_for grep listening "$BATS_TEST_TMPDIR/tcpdump"
	cgg-events -j --hook flow -o "$BATS_TEST_TMPDIR/events" 3>&- &
	started[$!]=cgg-events
	wait_for eval 'cgg-status | grep ^reader'
	yes inside "$web" ip netns exec "$here" python3 "$tests_dir/captured.py" drive "$port" "$least" "${SEED:-1}"
	eval "exec ${server[1]}>&-"
	wait "$server_PID"
	wait_for marked
	kill -INT "$tcpdump"
	wait "$tcpdump" || wait_for is_gone "$tcpdump"
	cat "$BATS_TEST_TMPDIR/tcpdump"
	grep -q '^0 packets dropped by kernel' "$BATS_TEST_TMPDIR/tcpdump"
	wait_for compared || { head -c 4000 "$BATS_TEST_TMPDIR/compared" && false; }
	sed 's/^/# /' "$BATS_TEST_TMPDIR/compared" >&3
}
