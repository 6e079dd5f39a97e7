#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# value - rules about the values that sysctls and options are set to, and attempts to fool them
#
# Sysctls are those of a network namespace that each attempt makes for itself.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

# writes NAME TEXT...: within $web, write each text (as Python has it), and print what is read then
writes()
{
	run inside "$web" unshare --net python3 -c '
import os, sys
path = "/proc/sys/" + sys.argv[1]
before = open(path).read()
for text in sys.argv[2:]:
    offset, _, text = text.rpartition("@")
    if open(path).read() != before:
        with open(path, "r+b", 0) as f:
            f.write(before.encode())
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, eval("b\"" + text + "\""), int(offset or 0))
        end = "ok"
    except OSError as e:
        end = os.strerror(e.errno)
    os.close(fd)
    now = open(path).read()
    print(text, "=", end, "unchanged" if now == before else now.strip())
' "$@"
	[ "$status" -eq 0 ] || complain 'the attempt must run'
}

# Ways to write 5 and other numbers, some of which the kernel takes.
spellings=(5 '5\n' ' 5' '\t\n 5' '5 6' '5\t6' '5 x' 5a 5k '+5' -5 05 005 0x5 0X5 '5\0' '5\0006' '\xa05'
	'5,6' 5-7 00000000000000000000005 '                                        5' '5                                        '
	'5                                  6' '' '\n' x 99999999999999999999 4294967301 '1@5' '5@6')

# fill: eighty rules for other names, so that the policy has an index
fill()
{
	seq 80 | sed 's/.*/deny sysctl net\/core\/other& w value &\ndeny setsockopt 1:& value 1/' | cgg-rule add -f -
}

@test 'a denied value is not set, however it is written' {
	for rules in true fill; do
		"$rules"
		rule sysctl net/core/somaxconn value 5
		writes net/core/somaxconn "${spellings[@]}"
		! grep -E ' = [^=]* 5$' <<<"$output" || complain 'it must not be 5'
		matches '^5 = Operation not permitted unchanged$'
		matches '^x = Invalid argument unchanged$'
		writes net/core/somaxconn 4 6 '6\n' 50 -- '   '
		matches '^4 = ok 4$'
		matches '^6\\n = ok 6$'
		matches '^50 = ok 50$'
		yes cgg-rule flush
	done
}

@test 'only allowed values are set, however others are written' {
	for rules in true fill; do
		"$rules"
		cgg-rule add -f - <<-'END'
			allow sysctl net/* r
			allow sysctl net/core/somaxconn value 4096-5000
			allow sysctl net/core/somaxconn value 5
			default sysctl deny
		END
		writes net/core/somaxconn "${spellings[@]}"
		matches '^5 = ok 5$'
		matches '^5\\n = ok 5$'
		! grep -vE ' = [^=]* (5|unchanged)$' <<<"$output" || complain 'it must be 5 or as before'
		! grep -E '^(.*[^0-9\\n]5|5 .*[6x].*|.*0.*5) = ok' <<<"$output" || complain 'only 5 is 5'
		yes cgg-rule flush
	done
}

@test 'several numbers and texts are no value' {
	cgg-rule add -f - <<-'END'
		allow sysctl net/* r
		allow sysctl net/ipv4/ip_local_port_range value 20000-30000
		allow sysctl net/ipv4/tcp_congestion_control value 0-9
		default sysctl deny
	END
	writes net/ipv4/ip_local_port_range '20000 30000' '20000\t20001\n'
	! grep -v 'Operation not permitted unchanged' <<<"$output" || complain 'several numbers'
	yes cgg-rule flush
	rule sysctl net/ipv4/tcp_congestion_control value 0-9
	writes net/ipv4/tcp_congestion_control reno
	matches '^reno = (ok reno|ok unchanged)$'
}

@test 'reads have no value' {
	rule sysctl net/core/somaxconn value 0-100000
	yes cgg-rule list
	says 'deny sysctl net/core/somaxconn w value 0-100000'
	inside "$web" cat /proc/sys/net/core/somaxconn
}

# sets LEVEL NAME HEX...: within $web, set the option to these bytes, and print how each ends
sets()
{
	run inside "$web" python3 -c '
import os, socket, sys
for value in sys.argv[3:]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.setsockopt(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(value))
        end = "ok"
    except OSError as e:
        end = os.strerror(e.errno)
    print(value[:20], "=", end, s.getsockopt(int(sys.argv[1]), int(sys.argv[2])))
' "$@"
	[ "$status" -eq 0 ] || complain 'the attempt must run'
}

@test 'options are judged by the int that they are set to, in the image and in an index' {
	for rules in true fill; do
		"$rules"
		rule setsockopt 1:36 value 7 errno EACCES
		sets 1 36 07000000 08000000
		says $'07000000 = Permission denied 0\n08000000 = ok 8'
		yes cgg-rule flush
		"$rules"
		rule setsockopt 1:36 value -10--1
		sets 1 36 ffffffff f5ffffff
		says $'ffffffff = Operation not permitted 0\nf5ffffff = ok -11'
		yes cgg-rule flush
	done
}

@test 'an option that is given other bytes than an int meets deny rules, and no allow rule' {
	page=$(printf '07000000%08192d' 0)
	rule setsockopt 1:36 value 7
	sets 1 36 0700000008000000 "$page" 07
	says $'0700000008000000 = Operation not permitted 0\n07000000000000000000 = Operation not permitted 0\n07 = Operation not permitted 0'
	yes cgg-rule flush
	rule setsockopt 0:2 value 7 # IP_TTL takes a single byte
	sets 0 2 07
	matches '^07 = Operation not permitted'
	cgg-rule restore - <<-'END'
		default setsockopt deny
		allow setsockopt 1:36 value 7
	END
	sets 1 36 0700000008000000 "$page" 07 07000000
	says $'0700000008000000 = Operation not permitted 0\n07000000000000000000 = Operation not permitted 0\n07 = Operation not permitted 0\n07000000 = ok 7'
}

@test 'a value that a thread changes meanwhile is judged as it is set' {
	cgg-rule restore - <<-'END'
		default setsockopt deny
		allow setsockopt 1:36 value 7
	END
	run inside "$web" python3 -c '
import ctypes, socket, threading
libc = ctypes.CDLL(None)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in (4, 5000):
    value = ctypes.create_string_buffer(5000)
    value[0] = 7
    done = []
    def change():
        while not done:
            value[0] = 9
            value[0] = 7
    thread = threading.Thread(target=change)
    thread.start()
    bad = 0
    for i in range(20000):
        if libc.setsockopt(s.fileno(), 1, 36, value, size) == 0:
            bad += s.getsockopt(1, 36) not in (0, 7)
    done.append(1)
    thread.join()
    print(bad)
'
	says $'0\n0'
}

@test 'test asks about one value, and without one about a text' {
	rule sysctl net/core/somaxconn value 5
	no cgg-rule test sysctl net/core/somaxconn w value 5
	yes cgg-rule test sysctl net/core/somaxconn w value 6
	yes cgg-rule test sysctl net/core/somaxconn w
	run cgg-rule test sysctl net/core/somaxconn w value 5-6
	status_is 2
	says 'cgg-rule: test: exactly one value is needed (value N)'
}
