#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# limit - rules that match only so often
#
# Each test has the cgroup $web, attached to the policy default, and a server on $port.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

# fill: eighty rules for other ports, so that the policy has an index
fill()
{
	seq 80 | sed 's/.*/deny connect port & limit &\/s/' | cgg-rule add -f -
}

closes_to()
{
	run inside "$web" "$BUILD/tests/reach" "$@"
	says EPERM
}

@test 'beyond its limit a rule does not match, and later rules decide' {
	for rules in true fill; do
		"$rules"
		cgg-rule add -f - <<-END
			allow connect port $port limit 3/h name three
			deny connect port $port
		END
		for _ in 1 2 3; do
			opens tcp 127.0.0.1 "$port"
		done
		closes tcp 127.0.0.1 "$port"
		yes cgg-rule list -s
		matches $'\t3\t[0-9]+\tallow connect .* limit 3/h$'
		yes cgg-rule flush
	done
}

@test 'a denial with a limit lets through what is beyond it' {
	rule connect port "$port" limit 1/h burst 2
	closes tcp 127.0.0.1 "$port"
	closes tcp 127.0.0.1 "$port"
	opens tcp 127.0.0.1 "$port"
}

@test 'an alert with a limit reports so many' {
	rule alert connect port "$port" limit 2/h
	for _ in 1 2 3 4; do
		opens tcp 127.0.0.1 "$port"
	done
	yes cgg-events -w 0
	[ "$(grep -c ALERT <<<"$output")" -eq 2 ]
}

@test 'tokens come back at the rate of the limit' {
	cgg-rule add -f - <<-END
		allow connect port $port limit 10/s burst 1
		deny connect port $port
	END
	opens tcp 127.0.0.1 "$port"
	wait_for inside "$web" "$BUILD/tests/reach" tcp 127.0.0.1 "$port"
}

@test 'what is left of a limit outlives a restore of the same words, and not of others' {
	for n in 2 3; do
		printf 'allow connect port %s limit %s/h\ndeny connect port %s\n' "$port" "$n" "$port" >"$BATS_TEST_TMPDIR/$n"
	done
	yes cgg-rule restore "$BATS_TEST_TMPDIR/2"
	opens tcp 127.0.0.1 "$port"
	opens tcp 127.0.0.1 "$port"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/2"
	yes cgg-rule add port 1
	closes_to tcp 127.0.0.1 "$port"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/3"
	opens tcp 127.0.0.1 "$port"
}

@test 'test uses nothing up, and answers as the limit stands now' {
	cgg-rule add -f - <<-END
		allow connect port $port limit 1/h
		deny connect port $port
	END
	for _ in 1 2 3; do
		yes cgg-rule test connect ip 127.0.0.1 port "$port"
	done
	opens tcp 127.0.0.1 "$port"
	no cgg-rule test connect ip 127.0.0.1 port "$port"
}

@test 'only the rule that decides gives a token' {
	cgg-rule add -f - <<-END
		allow connect port $port
		allow connect ip 127.0.0.1 limit 1/h
		deny connect ip 127.0.0.1
	END
	opens tcp 127.0.0.1 "$port"
	opens tcp 127.0.0.1 "$port"
	yes cgg-rule test connect ip 127.0.0.1 port 1
}

@test 'an open for reading and writing gives a token of each rule that decides it' {
	cgg-rule add -f - <<-'END'
		allow device c 1:3 r limit 2/h
		allow device c 1:3 w
		default device deny
	END
	inside "$web" "$BUILD/tests/reach" open /dev/null rw
	inside "$web" "$BUILD/tests/reach" open /dev/null r
	closes_to open /dev/null rw
	yes cgg-rule flush
	rule allow device c 1:3 limit 2/h
	yes cgg-rule default device deny
	inside "$web" "$BUILD/tests/reach" open /dev/null rw
	inside "$web" "$BUILD/tests/reach" open /dev/null rw
	closes_to open /dev/null rw
}

@test 'sysctls, options, sockets, packets and unix sockets are limited too' {
	cgg-rule add -f - <<-END
		deny sysctl kernel/ostype r limit 1/h
		deny setsockopt SOL_SOCKET:SO_MARK limit 1/h
		deny socket type raw limit 1/h
		deny egress proto udp port $port limit 1/h
	END
	closes_to sysctl-read kernel/ostype
	inside "$web" "$BUILD/tests/reach" sysctl-read kernel/ostype
	closes_to sendto 127.0.0.1 "$port"
	opens sendto 127.0.0.1 "$port"
}

@test 'ten thousand rules with a limit each have their own tokens' {
	seq 1 10000 | sed 's/.*/deny connect port & limit 1\/h/' >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	for port in 1 5000 10000; do
		run cgg-rule test connect ip 127.0.0.1 port "$port"
		matches "^deny"$'\t[0-9]+\t'"deny connect port $port limit 1/h$"
		closes_to tcp 127.0.0.1 "$port"
		yes cgg-rule test connect ip 127.0.0.1 port "$port"
	done
}

@test 'a rule with a limit never shadows another' {
	printf 'deny connect limit 5/s\ndeny connect port 1\nallow connect port 1\n' >"$BATS_TEST_TMPDIR/rules"
	run cgg-rule check "$BATS_TEST_TMPDIR/rules"
	status_is 1
	says $'3\trule 2 takes all of it\tallow connect port 1'
	printf 'deny connect\ndeny connect port 1 limit 5/s\n' >"$BATS_TEST_TMPDIR/rules"
	run cgg-rule check "$BATS_TEST_TMPDIR/rules"
	says $'2\trule 1 takes all of it\tdeny connect port 1 limit 5/s'
}

@test 'a limit holds over all processors, exact within 1 %' {
	cgg-rule add -f - <<-'END'
		allow device c 1:5 r limit 400/s burst 400
		default device deny
	END
	# shellcheck disable=SC2016 # python
	run inside "$web" python3 -c '
import os, time
begin = time.monotonic()
out, into = os.pipe()
for i in range(4):
    if os.fork() == 0:
        n, now = 0, begin
        while now < begin + 3:
            before = now
            try:
                os.close(os.open("/dev/zero", os.O_RDONLY))
                n += 1
            except PermissionError:
                pass
            now = time.monotonic()
        os.write(into, b"%d %f %f\n" % (n, before - begin, now - begin))
        os._exit(0)
for i in range(4):
    os.wait()
# The last attempt was between these times, which are far apart on a busy machine.
many, before, after = zip(*(map(float, line.split()) for line in os.read(out, 4096).decode().splitlines()))
many, least, most = sum(many), 400 + 400 * max(before), 400 + 400 * max(after)
print("exact" if least * 0.99 <= many <= most * 1.01 else "%d, not %.0f to %.0f" % (many, least, most))
'
	says exact
}

@test 'YAML takes limit and burst' {
	cgg-rule restore - <<-'END'
		rules:
		  - match: {dest_port: 80}
		    action: deny
		    limit: 5/s
		    burst: 10
	END
	[ "$(cgg-rule list)" = 'deny connect,sendmsg port 80 limit 5/s burst 10' ]
}
