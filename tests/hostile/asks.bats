#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# asks - whoever asks for a name may connect at once: the address has its name before it is known
#
# ASKS=1000000 asks so often; make soak does.
# shellcheck disable=SC2154 # helpers set web and network
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

setup()
{
	untraced
	new_cgroup web
	network
	net ip route add local 198.18.0.0/15 dev lo
	start nsenter -t "$network" -n "$BUILD/tests/asks" serve
	[ "$said" = ready ]
	net cgg-attach "$web"
}

# presses PROCESSES
presses()
{
	local asks=${ASKS:-4000} seed=${SEED:-$RANDOM}

	echo "SEED=$seed"
	yes net "$BUILD/tests/asks" press "$web" "$asks" "$1" "$seed"
	[[ $output =~ ^[0-9]+' asked, 0 refused, 0 wrongly allowed, 0 not answered'$ ]]
	[ "${output%% *}" -ge "$asks" ]
}

# There is room for each address of the test. With less, the names of one who waits for a processor
# are dropped meanwhile: all processes together bind a million addresses a second.
@test 'of all who ask and connect at once nobody is refused, and nobody is wrongly allowed' {
	policy 'names 262144 keep 5m' 'allow connect host *.example.com'
	presses 4
}

@test 'with the usual room the newest name is not the first that is dropped' {
	policy 'allow connect host *.example.com'
	ASKS=$((10 * ${ASKS:-4000})) presses 1
}

@test 'where there is hardly any room nobody is wrongly allowed, and most are not refused' {
	policy 'names 1024 keep 1s' 'allow connect host *.example.com'
	run net "$BUILD/tests/asks" press "$web" "${ASKS:-4000}" 1 "${SEED:-$RANDOM}"
	[[ $output =~ ^([0-9]+)' asked, '([0-9]+)' refused, 0 wrongly allowed, 0 not answered'$ ]]
	[ "${BASH_REMATCH[2]}" -lt "$((BASH_REMATCH[1] / 100))" ]
}

# The segments are sent by a timer, so in the middle of whatever this processor does.
@test 'a program that sends to port 53 all the time gets no question of others refused' {
	policy 'names 262144 keep 5m' 'allow connect ip 127.0.0.99' 'allow connect host *.example.com'
	start nsenter -t "$network" -n python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.99", 53))
s.listen()
print("ready", flush=True)
peer, _ = s.accept()
while peer.recv(1 << 20):
    pass'
	# shellcheck disable=SC2016 # for the inner shell
	start sh -c 'echo $$ >"$0/cgroup.procs" && exec taskset -c 0 nsenter -t "$1" -n python3 -c "$2"' "$web" "$network" '
import socket
s = socket.socket()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 600)
s.setsockopt(socket.SOL_SOCKET, 47, 10_000_000)  # SO_MAX_PACING_RATE
s.connect(("127.0.0.99", 53))
print("ready", flush=True)
while True:
    s.sendall(bytes(200_000))'
	[ "$said" = ready ]
	echo "SEED=${SEED:=$RANDOM}"
	yes net taskset -c 0 "$BUILD/tests/asks" press "$web" "${ASKS:-4000}" 1 "$SEED"
	[[ $output =~ ^[0-9]+' asked, 0 refused, 0 wrongly allowed, 0 not answered'$ ]]
}
