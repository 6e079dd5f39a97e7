#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# events - denials reach every reader, and nothing in them does harm
#
# Each test has a rule that denies connections to $port from the cgroup $web. The fields of
# each hook are tested with that hook, and in tests/unit/event.c.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started
# shellcheck disable=SC2016 # for python, jq, and inner shells

load ../ways

setup()
{
	untraced
	verdict=DENY small=
	start_server
	new_cgroup web
	cgg-attach "$web"
	rule connect port "$port"
}

teardown()
{
	empty_guard
	[ -z "$small" ] || { cgg-unload -f && cgg-load; }
}

denial()
{
	run inside "$web" attempt tcp "${1:-127.0.0.1}" "$port"
	says EPERM
}

# denials COUNT: make that many connections, to 127.0.0.1 and up, in one process; all are denied
denials()
{
	inside "$web" python3 -c '
import socket, sys
for i in range(int(sys.argv[2])):
    try:
        socket.socket().connect((f"127.0.{1 + i // 250}.{1 + i % 250}", int(sys.argv[1])))
        sys.exit(1)
    except PermissionError:
        pass' "$port" "$1"
}

# reader NAME OPTION...: start cgg-events into $NAME.out and wait until it sleeps; its process
# is $NAME
reader()
{
	local name=$1

	shift
	cgg-events "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	printf -v "$name" %s $!
	started[$!]=$name
	wait_for waits $!
}

# A reader has its slot in the ring when it has made the epoll descriptor that it sleeps on.
waits()
{
	readlink /proc/"$1"/fd/* | grep -q eventpoll
}

# lines NAME COUNT: the reader has printed that many lines
lines()
{
	[ "$(wc -l <"$BATS_TEST_TMPDIR/$1.out")" -eq "$2" ]
}

# ended PID: it ended with status 0
ended()
{
	wait_for is_gone "$1"
	wait "$1"
}

# ---- new events, and earlier ones ----

@test 'each event is written to a pipe at once' {
	exec {out}< <(exec 3>&-; cgg-events | grep --line-buffered daddr)
	started[$!]=pipe
	for i in 1 2 3; do
		denial "127.0.0.$i"
		read -r -t $((20 * patience)) line <&"$out"
		[[ $line == '[DENY connect4] '*" daddr=127.0.0.$i dport=$port "* ]]
	done
	exec {out}<&-
	denial # now the pipe is closed
}

@test 'events from before the reader started are printed first' {
	denial 127.0.0.1
	denial 127.0.0.2
	reader late -n 3
	wait_for lines late 2
	denial 127.0.0.3
	ended "$late"
	run cut -d ' ' -f 5 "$BATS_TEST_TMPDIR/late.out"
	says 'daddr=127.0.0.1
daddr=127.0.0.2
daddr=127.0.0.3'
}

@test 'an event that one reader printed is not printed by the next' {
	denial 127.0.0.1
	denial 127.0.0.2
	yes cgg-events -n 1 -w 5
	matches ' daddr=127.0.0.1 '
	[ "${#lines[@]}" -eq 1 ]
	yes cgg-events -n 1 -w 5
	matches ' daddr=127.0.0.2 '
	reports_nothing
}

@test 'events keep their order' {
	denials 600
	yes cgg-events -w 0
	run cut -d ' ' -f 5 <<<"$output"
	says "$(for ((i = 0; i < 600; i++)); do
		echo "daddr=127.0.$((1 + i / 250)).$((1 + i % 250))"
	done)"
}

@test 'every event wakes each sleeping reader' {
	reader one
	reader other
	for ((i = 1; i <= 100; i++)); do
		denial
		wait_for lines one "$i"
		wait_for lines other "$i"
	done
}

# ---- options ----

@test '-n ends after that many events' {
	denials 3
	yes cgg-events -n 2 -w 5
	[ "${#lines[@]}" -eq 2 ]
	yes cgg-events --count 1 -w 5
	[ "${#lines[@]}" -eq 1 ]
	denials 1
	yes cgg-events -n 0
	says ''
	yes cgg-events -n 1 -w 5
	[ "${#lines[@]}" -eq 1 ]
}

@test '-w ends after that many seconds without an event' {
	yes cgg-events -w 0
	says ''
	denials 1
	before=$EPOCHREALTIME
	yes cgg-events --wait 1
	after=$EPOCHREALTIME
	[ "${#lines[@]}" -eq 1 ]
	[ $((${after/./} - ${before/./})) -ge 1000000 ]
}

@test '-n ends even before -w does' {
	denials 1
	yes timeout $((20 * patience)) cgg-events -n 1 -w 3600
	[ "${#lines[@]}" -eq 1 ]
}

@test '-t prints the time to the millisecond' {
	reader text -t -n 2
	reader json -j -n 2
	for _ in 1 2; do
		before=$EPOCHREALTIME
		denial
		after=$EPOCHREALTIME
	done
	ended "$text"
	ended "$json"
	run tail -n 1 "$BATS_TEST_TMPDIR/text.out"
	matches '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z \[DENY connect4\] pid='
	time=${output%% *}
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/json.out" | jq -r .time)" = "$time" ]
	micro=$(date -d "$time" +%s%6N)
	[ "$micro" -ge $((${before/./} - 1000)) ]
	[ "$micro" -le $((${after/./} + 1000)) ]
}

@test '-j prints the same as the text, in JSON' {
	yes cgg-rule add device c 1:3 name null
	yes cgg-rule add sysctl kernel/hostname
	reader text -n 3
	reader json -j -n 3
	denial
	run inside "$web" attempt open /dev/null r
	run inside "$web" attempt sysctl-read kernel/hostname
	ended "$text"
	ended "$json"
	[ "$(jq -c '[.verdict, .hook, .cgroup_id]' "$BATS_TEST_TMPDIR/json.out" | uniq)" = \
		"[\"deny\",\"connect4\",$(stat -c %i "$web")]
[\"deny\",\"device\",$(stat -c %i "$web")]
[\"deny\",\"sysctl\",$(stat -c %i "$web")]" ]
	jq -r 'del(.time, .verdict, .hook, .cgroup_id) | [to_entries[] | "\(.key)=\(.value)"] | join(" ")' \
		"$BATS_TEST_TMPDIR/json.out" >"$BATS_TEST_TMPDIR/json"
	sed 's/.*\] //; s/access_type=0x20002/access_type=131074/' "$BATS_TEST_TMPDIR/text.out" |
		diff - "$BATS_TEST_TMPDIR/json"
	yes jq -es 'def numbers(x): all(x; type == "number");
		numbers(.[] | .pid, .tid, .uid, .gid, .rule, .cgroup_id)
		and (.[0] | numbers(.dport, .proto))
		and (.[1] | numbers(.major, .minor, .access_type))
		and (.[2] | numbers(.write))' "$BATS_TEST_TMPDIR/json.out"
}

# ---- every field is true ----

# Do the denied thing in a second thread. Then print that process and thread, and the port that
# the kernel gave the socket.
deed='
import ctypes, os, socket, sys, threading
def deed():
    ctypes.CDLL(None).prctl(15, b"a thread", 0, 0, 0)
    hook, what, port = sys.argv[1:]
    s = socket.socket(socket.AF_INET6 if ":" in what else socket.AF_INET,
        socket.SOCK_DGRAM if hook.startswith("sendmsg") else socket.SOCK_STREAM)
    try:
        if hook in ("device", "sysctl"):
            os.read(os.open(what, os.O_RDONLY), 1)
        elif hook.startswith("sendmsg"):
            s.sendto(b"", (what, int(port)))
        else:
            s.connect((what, int(port)))
        print("done")
    except PermissionError:
        port = s.getsockname()[1]
        print(os.getpid(), threading.get_native_id(), f" sport={port}" if port else "", sep="|")
thread = threading.Thread(target=deed)
thread.start()
thread.join()
'

# true_line HOOK WHAT SUBJECT
true_line()
{
	local pid tid sport

	run inside "$web" setpriv --reuid=1234 --regid=2345 --clear-groups \
		python3 -c "$deed" "$1" "$2" "$port"
	IFS='|' read -r pid tid sport <<<"$output"
	[ "$pid" -ne "$tid" ]
	yes cgg-events -w 0
	says "[DENY $1] pid=$pid comm=a\\x20thread $3 tid=$tid uid=1234 gid=2345 cgroup=$(shown "$web") policy=default rule=$id$sport"
}

@test 'every field of the events of address hooks is true' {
	rule sendmsg port "$port"
	sending=$id
	rule device c 1:3
	opening=$id
	rule sysctl kernel/ostype
	reading=$id
	id=$((sending - 1))
	true_line connect4 127.0.0.1 "daddr=127.0.0.1 dport=$port proto=6"
	true_line connect6 ::1 "daddr=::1 dport=$port proto=6"
	id=$sending
	true_line sendmsg4 127.0.0.1 "daddr=127.0.0.1 dport=$port proto=17"
	true_line sendmsg6 ::1 "daddr=::1 dport=$port proto=17"
	id=$opening
	true_line device /dev/null 'major=1 minor=3 access_type=0x20002 type=c access=r'
	id=$reading
	true_line sysctl /proc/sys/kernel/ostype 'write=0 name=kernel/ostype'
}

# Do what the other hooks see, from a second thread as above, and print the line that each must
# give. Arguments: a free port, and the ids of the rules in their order.
others='
import ctypes, os, socket, sys, threading
port = int(sys.argv[1])
ids = dict(zip(("bind", "recvmsg", "egress", "ingress", "unix", "socket", "setsockopt", "getsockopt"), sys.argv[2:]))
class Hook:
    def __init__(self, rule, verdict="DENY"):
        self.rule, self.verdict = ids[rule], verdict
    def says(self, program, subject, more="", packet=False):
        who = "pid=0 comm=" if packet else f"pid={os.getpid()} comm=a\\x20thread"
        ends = (0, 1234, 0) if packet else (threading.get_native_id(), 1234, 2345)
        print(f"[{self.verdict} {program}] {who} {subject} tid={ends[0]} uid={ends[1]} gid={ends[2]} "
              f"cgroup=CGROUP policy=default rule={self.rule}{more}")
def refused(call, *arguments):
    try:
        call(*arguments)
    except PermissionError:
        return
    raise SystemExit(f"{call} was not refused")
def udp(family):
    return socket.socket(family, socket.SOCK_DGRAM)
def deeds():
    ctypes.CDLL(None).prctl(15, b"a thread", 0, 0, 0)
    for family, address, v in (socket.AF_INET, "127.0.0.1", 4), (socket.AF_INET6, "::1", 6):
        refused(udp(family).bind, (address, port))
        Hook("bind").says(f"bind{v}", f"daddr={address} dport={port} proto=17")
        to, by = udp(family), udp(family)
        to.bind((address, 0))
        by.bind((address, 0))
        there, here = to.getsockname()[1], by.getsockname()[1]
        by.sendto(b"x", (address, there))
        to.recvfrom(9)
        Hook("recvmsg", "ALERT").says(f"recvmsg{v}", f"daddr={address} dport={there} proto=17", f" saddr={address} sport={here}")
        size = (20 if v == 4 else 40) + 8 + 3
        refused(by.sendto, b"xyz", (address, port))
        Hook("egress").says("egress", f"daddr={address} dport={port} proto=17", f" saddr={address} sport={here} len={size}", True)
    far, here = udp(socket.AF_INET), udp(socket.AF_INET)
    far.bind(("127.0.0.5", 0))
    here.bind(("127.0.0.1", 0))
    far.sendto(b"xyz", here.getsockname())
    Hook("ingress").says("ingress", f"daddr=127.0.0.1 dport={here.getsockname()[1]} proto=17",
                         f" saddr=127.0.0.5 sport={far.getsockname()[1]} len=31", True)
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if ids["unix"] != "0":
        refused(stream.connect, "/run/nobody is there")
        Hook("unix").says("connect_unix", "path=/run/nobody\\x20is\\x20there")
        refused(udp(socket.AF_UNIX).sendto, b"x", "/run/nobody is there")
        Hook("unix").says("sendmsg_unix", "path=/run/nobody\\x20is\\x20there")
    refused(socket.socket, socket.AF_INET6, socket.SOCK_STREAM, 6)
    Hook("socket").says("sock_create", "family=inet6 type=stream proto=6")
    refused(stream.setsockopt, socket.SOL_SOCKET, socket.SO_PRIORITY, 1)
    Hook("setsockopt").says("setsockopt", "level=1 optname=12 option=SOL_SOCKET:SO_PRIORITY")
    refused(stream.getsockopt, socket.SOL_SOCKET, socket.SO_PRIORITY)
    Hook("getsockopt").says("getsockopt", "level=1 optname=12 option=SOL_SOCKET:SO_PRIORITY")
thread = threading.Thread(target=deeds)
thread.start()
thread.join()
'

@test 'every field of the events of the other hooks is true' {
	cgg-rule flush
	ids=()
	for words in "bind port $port" 'alert recvmsg ip local' "egress port $port" \
		'ingress ip 127.0.0.5' 'unix /run/nobody*' \
		'socket family inet6 type stream' 'setsockopt SOL_SOCKET:SO_PRIORITY' 'getsockopt SOL_SOCKET:SO_PRIORITY'; do
		# shellcheck disable=SC2086 # words
		run cgg-rule add -i $words
		[[ $status -eq 0 ]] || [[ $words == unix* && $output == *'this kernel lacks it'* ]]
		[ "$status" -eq 0 ] || output=0
		ids+=("$output")
	done
	yes inside "$web" setpriv --reuid=1234 --regid=2345 --clear-groups \
		python3 -c "$others" "$port" "${ids[@]}"
	diff <(sort <<<"${output//CGROUP/$(shown "$web")}") <(cgg-events -w 0 | sort)
	[ "${#lines[@]}" -ge 9 ]
}

@test 'an event names the cgroup and the policy that denied' {
	new_cgroup below "$web"
	yes cgg-rule -p strict add -i device c 1:3 name null
	yes cgg-attach -p strict "$below"
	run inside "$below" attempt tcp 127.0.0.1 "$port"
	says EPERM
	yes cgg-events -w 0
	matches " cgroup=$(shown "$web") policy=default rule=$id own_cgroup=$(shown "$below")$"
	run inside "$below" attempt open /dev/null r
	says EPERM
	yes cgg-events -w 0
	matches " cgroup=$(shown "$below") policy=strict rule=1 label=null$"
}

@test 'an event of a cgroup below names that cgroup too' {
	new_cgroup below "$web"
	number=$(stat -c %i "$below")
	yes cgg-rule add sysctl kernel/hostname r
	yes cgg-rule add egress port 9
	yes cgg-rule add setsockopt SOL_SOCKET:SO_PRIORITY
	no inside "$below" cat /proc/sys/kernel/hostname
	run inside "$below" attempt sendto 127.0.0.1 9
	says EPERM
	no inside "$below" python3 -c 'import socket; socket.socket().setsockopt(1, 12, 1)'
	yes cgg-events -j -w 0
	[ "${#lines[@]}" -eq 3 ]
	yes jq -r --arg own "$(shown "$below")" --argjson id "$number" \
		'select(.own_cgroup == $own and .own_cgroup_id == $id) | .hook' <<<"$output"
	[ "$(sort <<<"$output" | xargs)" = 'egress setsockopt sysctl' ]
}

# a socket of the cgroup $1 sends once the process is in $2, and $1 is removed
orphan='
import os, socket, sys
below, above = sys.argv[1:3]
def enter(cgroup):
    with open(cgroup + "/cgroup.procs", "w") as procs:
        procs.write("0")
enter(below)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
enter(above)
while os.path.exists(below):
    try:
        os.rmdir(below)
    except OSError:
        pass
try:
    s.sendto(b"x", ("127.0.0.1", 9))
except PermissionError:
    print("EPERM")
'

@test 'a reader names a cgroup that is gone by the path that it had' {
	new_cgroup below "$web"
	yes cgg-rule add egress port 9
	cgg-events >"$BATS_TEST_TMPDIR/events" 3>&- &
	started[$!]=reader
	run inside "$below" attempt sendto 127.0.0.1 9
	says EPERM
	wait_for grep -q " own_cgroup=$(shown "$below")\$" "$BATS_TEST_TMPDIR/events"
	path=$(shown "$below")
	yes python3 -c "$orphan" "$below" "$web"
	says EPERM
	wait_for eval '[ "$(grep -c " own_cgroup=$path\$" "$BATS_TEST_TMPDIR/events")" -eq 2 ]'
}

@test 'a reader that never saw a cgroup that is gone prints its id' {
	new_cgroup below "$web"
	number=$(stat -c %i "$below")
	yes cgg-rule add egress port 9
	yes python3 -c "$orphan" "$below" "$web"
	says EPERM
	yes cgg-events -w 0
	matches " own_cgroup=$number$"
}

@test 'an event outlives its rule, its policy and its cgroup' {
	new_cgroup gone
	yes cgg-rule -p strict add device c 1:3 name null
	yes cgg-attach -p strict "$gone"
	run inside "$gone" attempt open /dev/null r
	says EPERM
	number=$(stat -c %i "$gone")
	wait_for rmdir "$gone"
	yes cgg-detach --all
	yes cgg-rule -p strict drop
	yes cgg-events -w 0
	matches " cgroup=$number policy=strict rule=1 label=null$"
}

# named LENGTH LAST: print a policy name of that length; only its last letter varies
named()
{
	printf '%*s' "$1" "$2" | tr ' ' u
}

# denies_device POLICY CGROUP: attach the policy there, and make one denial
denies_device()
{
	yes cgg-rule -p "$1" add device c 1:3
	yes cgg-attach -p "$1" "$2"
	run inside "$2" attempt open /dev/null r
	says EPERM
}

@test 'long names of policies are printed in full, and filters tell them apart' {
	local one two short

	one=$(named 255 1) two=$(named 255 2) short=$(named 31 s)
	for name in one two short; do
		new_cgroup "in_$name"
		reader "by_$name" --policy "${!name}"
	done
	# shellcheck disable=SC2154
	for name in one two short; do
		in=in_$name
		denies_device "${!name}" "${!in}"
	done
	for name in one two short; do
		wait_for lines "by_$name" 1
		[ "$(sed 's/.* policy=\([^ ]*\) .*/\1/' "$BATS_TEST_TMPDIR/by_$name.out")" = "${!name}" ]
		stop "$(eval echo "\$by_$name")"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/by_$name.out")" -eq 1 ]
	done
	run inside "$in_two" attempt open /dev/null w
	yes cgg-events -j -w 0 --policy "$two"
	[ "$(jq -r .policy <<<"$output")" = "$two" ]
	yes cgg-events -w 0 --policy "$(named 255 3)"
	says "cgg-events: warning: policy $(named 255 3): there is none yet; its events are shown once it is made"
}

@test 'an event of a deleted policy with a long name keeps the start of the name, and never takes another name' {
	local one two

	one=$(named 255 1) two=$(named 255 2)
	new_cgroup in_one
	new_cgroup in_two
	denies_device "$one" "$in_one"
	yes cgg-detach "$in_one"
	yes cgg-rule -p "$one" drop
	denies_device "$two" "$in_two" # takes the slot of the first one
	cgg-events -w 0 >"$BATS_TEST_TMPDIR/out"
	run sed 's/.* policy=\([^ ]*\) .*/\1/' "$BATS_TEST_TMPDIR/out"
	matches "^uuuuuuuuuuuuuuuuuuu~[A-Za-z0-9._]{11}\$"
	matches "^$two\$"
	[ "$(wc -l <<<"$output")" -eq 2 ]
}

# ---- text that the guarded program chose does no harm ----

# Take each of the hostile names, and make a denial under it. Print the names as hex.
hostile='
import ctypes, socket, sys
names = [b"", b" ", b"a b", b"\n", b"x\n[DENY fake] ", b"\r[DENY fake]", b"\t", b"\x1b[2J",
    b"\x1b]0;owned\x07", b"\x9b31m", b"\x7f\x08\x08", b"\"", b"\"},{\"a\":\"", b"\\", b"\\n", b"\\u0022",
    b"\\x0a", b"{}", b"%s%n", b"$(id)", b"=", b" rule=9 ", b"\xff\xfe", b"\xc3", b"caf\xc3\xa9",
    b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xc0\xaf",
    b"12345678901234\xc3\xa9", b"123456789012345"]
for name in names:
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    try:
        socket.socket().connect(("127.0.0.1", int(sys.argv[1])))
    except PermissionError:
        print(name[:15].hex())
'

hostile_programs()
{
	inside "$web" python3 -c "$hostile" "$port" >"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -eq 32 ]
}

@test 'no program name breaks a line or a terminal' {
	hostile_programs
	cgg-events -w 0 >"$BATS_TEST_TMPDIR/events"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(grep -Ec "^\[DENY connect4\] pid=[0-9]+ comm=[!-~]* daddr=127\.0\.0\.1 dport=$port proto=6 tid=[0-9]+ uid=0 gid=0 cgroup=/[!-~]* policy=default rule=$id$" \
		"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	# and each event has its name
	yes python3 -c '
import re, sys
for line, name in zip(open(sys.argv[1]), open(sys.argv[2])):
    comm = line.split()[3].removeprefix("comm=")
    bare = re.sub(r"\\x(..)", lambda m: chr(int(m[1], 16)), comm).encode("latin-1")
    assert bare.hex() == name.strip(), (line, name)' \
		"$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/names"
}

@test 'no program name breaks the JSON' {
	hostile_programs
	cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/events"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(grep -c '^[ -~]*$' "$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(jq -c 'keys | length' "$BATS_TEST_TMPDIR/events" | uniq)" = 15 ]
	yes jq -e --arg id "$id" '.rule == ($id | tonumber) and .policy == "default"' \
		"$BATS_TEST_TMPDIR/events"
	# valid UTF-8 is kept; invalid bytes become the replacement character
	yes python3 -c '
import json, sys
for line, name in zip(open(sys.argv[1]), open(sys.argv[2])):
    comm, name = json.loads(line)["comm"], bytes.fromhex(name)
    try:
        assert comm == name.decode(), (line, name)
    except UnicodeDecodeError:
        assert "\ufffd" in comm, (line, name)' \
		"$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/names"
}

# Take random names; print as hex what the kernel made of each.
fuzz='
import ctypes, random, socket, sys
random.seed(sys.argv[2])
prctl = ctypes.CDLL(None).prctl
for i in range(500):
    name = bytes(random.choice((random.randrange(1, 256), random.choice(b"\"\\\n\r\x1b\xc3\xe2\xf0\x80\xbf")))
                 for _ in range(random.randrange(16)))
    prctl(15, name, 0, 0, 0)
    try:
        socket.socket().connect(("127.0.0.1", int(sys.argv[1])))
    except PermissionError:
        print(name.hex())
'

@test 'no random program name breaks the JSON for jq or python' {
	seed=$RANDOM
	echo "seed $seed"
	inside "$web" python3 -c "$fuzz" "$port" "$seed" >"$BATS_TEST_TMPDIR/names"
	cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/events"
	yes jq -r '.comm | @json' "$BATS_TEST_TMPDIR/events"
	[ "${#lines[@]}" -eq 500 ]
	yes python3 -c '
import json, sys
events, names = open(sys.argv[1], encoding="utf-8", errors="strict"), open(sys.argv[2])
count = 0
for line, name in zip(events, names):
    comm, name = json.loads(line)["comm"], bytes.fromhex(name)
    try:
        assert comm == name.decode(), (line, name)
    except UnicodeDecodeError:
        assert "\ufffd" in comm, (line, name)
    count += 1
assert count == 500' "$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/names"
}

@test 'no cgroup name breaks a line, a terminal or the JSON' {
	bad=$web/$'a "b" \e[2J\\\t\xff\xc3\xa9'
	mkdir "$bad"
	yes cgg-attach "$bad"
	run inside "$bad" attempt tcp 127.0.0.1 "$port"
	yes cgg-events -n 1 -w 5
	matches " cgroup=$(shown "$web")/a\\\\x20\"b\"\\\\x20\\\\x1b\[2J\\\\x5c\\\\x09\\\\xff\\\\xc3\\\\xa9 policy=default "
	run inside "$bad" attempt tcp 127.0.0.1 "$port"
	cgg-events -w 0 >/dev/null
	run inside "$bad" attempt tcp 127.0.0.1 "$port"
	yes cgg-events -j -n 1 -w 5
	[ "$(jq -r .cgroup <<<"$output")" = "$(shown "$web")/"$'a "b" \e[2J\\\t\xef\xbf\xbd\xc3\xa9' ]
}

@test 'no cgroup name breaks the output of cgg-status and cgg-unload' {
	bad=$web/$'a "b" \e[2J\xff'
	mkdir "$bad"
	yes cgg-attach "$bad"
	yes cgg-status
	[ "$(grep -vc $'^[ -~\t]*$' <<<"$output")" -eq 0 ]
	matches 'x1b\[2J'
	yes cgg-status -j
	[ "$(jq -c '[.attachments[].cgroup] | sort' <<<"$output")" = \
		"$(jq -nc --arg web "$(shown "$web")" '[$web, $web + "/a \"b\" \u001b[2J\ufffd"]')" ]
	cgg-detach "$web"
	run cgg-unload
	status_is 1
	[ "$(grep -vc '^[ -~]*$' <<<"$output")" -eq 0 ]
}

# ---- the pipe is closed ----

# piped: start cgg-events writing into a pipe; descriptor 7 reads from it; its process is $reader
piped()
{
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cgg-events >"$BATS_TEST_TMPDIR/fifo" 2>"$BATS_TEST_TMPDIR/complaints" 3>&- &
	reader=$!
	started["$reader"]=reader
	exec 7<"$BATS_TEST_TMPDIR/fifo"
	denial
	read -r -t $((20 * patience)) line <&7
	[[ $line == '[DENY connect4] '* ]]
}

@test 'cgg-events ends quietly at the next event when the pipe is closed' {
	piped
	exec 7<&-
	denial
	ended "$reader"
	[ ! -s "$BATS_TEST_TMPDIR/complaints" ]
}

@test 'cgg-events ends quietly without an event when the pipe is closed' {
	piped
	exec 7<&-
	ended "$reader"
	[ ! -s "$BATS_TEST_TMPDIR/complaints" ]
}

@test 'a full disk is an error' {
	denials 1
	run bash -c 'cgg-events -n 1 -w 5 >/dev/full'
	status_is 3
	says 'cgg-events: standard output: No space left on device'
}

# ---- many readers, and misbehaving ones ----

# all_see READERS: that many readers at once each print every event
all_see()
{
	local readers=() i

	for ((i = 0; i < $1; i++)); do
		reader "reader$i" -n 400
		readers+=($!)
	done
	denials 200 &
	denials 200
	wait $!
	for i in "${!readers[@]}"; do
		ended "${readers[i]}"
		cmp "$BATS_TEST_TMPDIR/reader0.out" "$BATS_TEST_TMPDIR/reader$i.out"
	done
	[ "$(grep -c '^\[DENY connect4\] ' "$BATS_TEST_TMPDIR/reader0.out")" -eq 400 ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/reader0.out" | wc -l)" -eq 400 ]
}

@test 'two readers each see every event' {
	all_see 2
}

@test 'sixteen readers each see every event' {
	all_see 16
}

@test 'a stopped reader harms no other reader and misses nothing' {
	reader stopped -n 100
	reader other -n 100
	kill -STOP "$stopped"
	denials 100
	ended "$other"
	lines other 100
	lines stopped 0
	kill -CONT "$stopped"
	ended "$stopped"
	cmp "$BATS_TEST_TMPDIR/stopped.out" "$BATS_TEST_TMPDIR/other.out"
}

@test 'a killed reader harms no other reader' {
	reader killed
	reader other -n 100
	denials 50
	wait_for lines killed 50
	stop "$killed"
	denials 50
	ended "$other"
	lines other 100
	denials 1
	yes cgg-events -w 0
	[ "${#lines[@]}" -eq 1 ]
}

@test 'a reader that does not read delays neither denials nor other readers' {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cgg-events >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	started[$!]=stuck
	stuck=$!
	exec 7<"$BATS_TEST_TMPDIR/fifo"
	wait_for waits "$stuck"
	reader other -n 5000
	denials 5000
	ended "$other"
	lines other 5000
	kill -0 "$stuck"
	exec 7<&-
}

# ---- a full ring ----

# small_ring: load a guard with a ring of 16 events
small_ring()
{
	small=yes
	cgg-unload -f
	cgg-load --events-size 4224
	cgg-attach "$web"
	rule connect port "$port"
}

@test 'with a full ring denials go on, and the number of lost events is printed' {
	small_ring
	denials 100
	yes cgg-events -w 0
	[ "${lines[0]}" = '[LOST 84]' ]
	[ "${#lines[@]}" -eq 17 ]
	[ "$(grep -c '^\[DENY connect4\] ' <<<"$output")" -eq 16 ]
	matches ' daddr=127.0.1.100 '
	reports_nothing
	denials 17
	yes cgg-events -j -w 0
	[ "${lines[0]}" = '{"lost":1}' ]
	[ "${#lines[@]}" -eq 17 ]
}

@test 'a ring that is exactly full has lost nothing' {
	small_ring
	denials 16
	yes cgg-events -w 0
	[ "${#lines[@]}" -eq 16 ]
	[[ $output != *LOST* ]]
}

@test 'each reader prints the number of events that it lost itself' {
	small_ring
	reader slow
	reader quick
	kill -STOP "$slow"
	for i in 1 2 3 4; do
		denials 10
		wait_for lines quick $((10 * i))
	done
	kill -CONT "$slow"
	wait_for lines slow 17
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/slow.out")" = '[LOST 24]' ]
	[ "$(tail -n 16 "$BATS_TEST_TMPDIR/slow.out")" = "$(tail -n 16 "$BATS_TEST_TMPDIR/quick.out")" ]
	run grep LOST "$BATS_TEST_TMPDIR/quick.out"
	status_is 1
}

# ---- filters ----

# several: make three policies, hooks and verdicts, in $web, in $low below it, and in $other beside it
several()
{
	new_cgroup low "$web"
	new_cgroup other
	yes cgg-rule -p strict add device c 1:3
	yes cgg-rule -p strict add alert sysctl kernel/ostype
	yes cgg-attach -p strict "$low"
	yes cgg-attach -p strict "$other"
}

# deeds: make seven events, each of another kind
deeds()
{
	denial 127.0.0.7
	denial ::1
	run inside "$low" attempt open /dev/null r
	run inside "$low" attempt sysctl-read kernel/ostype
	run inside "$low" attempt tcp 127.0.0.8 "$port"
	run inside "$other" attempt open /dev/null w
	run inside "$other" attempt sysctl-read kernel/ostype
}

# chosen FILE: print verdict and hook of each event, and the last three letters of its cgroup
chosen()
{
	sed -E 's/^\[([A-Z]+ [a-z0-9]+)\].* cgroup=[^ ]*(...) policy=.*/\1 \2/' "$1"
}

filters=('--verdict alert' '--verdict DENY,alert --hook sysctl' '--hook connect' '--hook connect6'
	'--hook device,connect4 --policy strict' '--policy default' '--cgroup LOW' '--cgroup WEB'
	'--cgroup OTHER --verdict deny' '--cgroup /')
declare -gA wanted=(
	['--verdict alert']='ALERT sysctl low|ALERT sysctl her'
	['--verdict DENY,alert --hook sysctl']='ALERT sysctl low|ALERT sysctl her'
	['--hook connect']='DENY connect4 web|DENY connect6 web|DENY connect4 web'
	['--hook connect6']='DENY connect6 web'
	['--hook device,connect4 --policy strict']='DENY device low|DENY device her'
	['--policy default']='DENY connect4 web|DENY connect6 web|DENY connect4 web'
	['--cgroup LOW']='DENY device low|ALERT sysctl low'
	['--cgroup WEB']='DENY connect4 web|DENY connect6 web|DENY device low|ALERT sysctl low|DENY connect4 web'
	['--cgroup OTHER --verdict deny']='DENY device her'
	['--cgroup /']='DENY connect4 web|DENY connect6 web|DENY device low|ALERT sysctl low|DENY connect4 web|DENY device her|ALERT sysctl her'
)

# words FILTER: print the filter with the paths of the cgroups in it
words()
{
	sed "s|WEB|$web|; s|LOW|$low|; s|OTHER|$(shown "$other")|" <<<"$1"
}

@test 'a filter holds for new events and for those from before' {
	several
	for i in "${!filters[@]}"; do
		# shellcheck disable=SC2046 # words
		reader "live$i" $(words "${filters[i]}")
	done
	deeds
	for i in "${!filters[@]}"; do
		want=$(tr '|' '\n' <<<"${wanted[${filters[i]}]}")
		wait_for lines "live$i" "$(wc -l <<<"$want")"
		diff <(echo "$want") <(chosen "$BATS_TEST_TMPDIR/live$i.out") || { echo "${filters[i]}" && false; }
	done
	for i in "${!filters[@]}"; do
		name=live$i
		stop "${!name}"
	done
	yes cgg-events -w 0 --policy strict --hook unix
	says ''
	yes cgg-events -w 0
	says ''
	for filter in "${filters[@]}"; do
		deeds
		# shellcheck disable=SC2046 # words
		cgg-events -w 0 $(words "$filter") >"$BATS_TEST_TMPDIR/late"
		diff <(tr '|' '\n' <<<"${wanted[$filter]}") <(chosen "$BATS_TEST_TMPDIR/late") ||
			{ echo "$filter" && false; }
		cgg-events -w 0 >"$BATS_TEST_TMPDIR/rest"
		[ $(($(wc -l <"$BATS_TEST_TMPDIR/late") + $(wc -l <"$BATS_TEST_TMPDIR/rest"))) -eq 7 ] ||
			{ echo "$filter: what is printed once is printed, the rest stays" && false; }
	done
}

@test 'a filter holds for a cgroup that is attached later and a policy that is made later' {
	new_cgroup later
	reader below --cgroup "$later"
	reader by --policy afterwards
	new_cgroup low "$later"
	yes cgg-rule -p afterwards add device c 1:3
	yes cgg-attach -p afterwards "$low"
	run inside "$low" attempt open /dev/null r
	denial
	wait_for lines below 1
	wait_for lines by 1
	run cat "$BATS_TEST_TMPDIR/below.out" "$BATS_TEST_TMPDIR/by.out"
	matches "cgroup=$(shown "$low") policy=afterwards rule=1"
}

@test 'a filter with wrong words is refused' {
	while IFS='|' read -r words reason; do
		# shellcheck disable=SC2086 # words
		run cgg-events -w 0 $words
		status_is 2
		matches "$reason"
	done <<-'END'
		--verdict allow|--verdict allow: deny, alert or audit
		--verdict deny,|--verdict deny,: a word is missing
		--verdict ,deny|a word is missing
		--hook nothing|--hook nothing: no such hook
		--hook connect,,bind|a word is missing
		--cgroup /nowhere/at/all|/nowhere/at/all: no such cgroup
		--cgroup pid:x|not a process id
		--policy -x|policy
		--policy a/b|policy
	END
}

# field MAP KEY NAME: print a field of an element of one of the guard's maps
field()
{
	bpftool -j map lookup pinned "/sys/fs/bpf/cgguard/maps/$1" key hex \
		"$(printf '%02x' "$2")" 00 00 00 | jq ".formatted.value.$3"
}

@test 'an event that the filter rejects wakes no reader and takes no room in its ring' {
	small_ring
	yes cgg-rule add device c 1:3
	reader wants --hook device
	denials 100
	run inside "$web" attempt open /dev/null r
	wait_for lines wants 1
	head=$(field ring 1 head)
	woken=$(awk '/^voluntary/ { print $2 }' "/proc/$wants/status")
	kill -STOP "$wants"
	run inside "$web" attempt open /dev/null w
	denials 500 # in less time than programs ask for a stopped reader
	kill -CONT "$wants"
	wait_for lines wants 2
	[ "$(field ring 1 head)" -eq $((head + 1)) ]
	[ $(($(awk '/^voluntary/ { print $2 }' "/proc/$wants/status") - woken)) -lt 50 ]
	run cat "$BATS_TEST_TMPDIR/wants.out"
	matches ' access=w '
	[[ $output != *LOST* ]]
	stop "$wants"
}

# is_asked RING: the programs ask the filter of that ring
is_asked()
{
	[ $(($(field ring 0 filters) >> $1 & 1)) -eq 1 ]
}

not_asked()
{
	denial
	! is_asked "$1"
}

# ring_of SLOT: print the id of the map that the reader in that slot brought; little endian only
ring_of()
{
	echo $((16#$(bpftool -j map lookup pinned /sys/fs/bpf/cgguard/maps/rings key "$1" 0 0 0 |
		jq -r '.value | reverse | map(ltrimstr("0x")) | join("")')))
}

no_map()
{
	! bpftool map show id "$1"
}

@test 'a killed reader with a filter frees its slot and its ring, and costs nothing' {
	reader killed --hook connect
	denial
	wait_for lines killed 1
	is_asked 1
	ring=$(ring_of 1)
	yes bpftool map show id "$ring"
	stop "$killed"
	cgg-events -w 0 >/dev/null
	yes cgg-status
	[[ $output != *$'\nreader'* ]]
	not_asked 1
	wait_for no_map "$ring"
	reader next --hook connect
	[ "$(field readers 1 pid)" -eq "$next" ]
}

@test 'the filter of a dead reader is no longer asked after some seconds, even when no command clears it away' {
	reader killed --hook device
	kill -KILL "$killed"
	is_asked 1
	wait_for not_asked 1
}

@test 'a reader with a filter that was stopped for long misses nothing' {
	reader stopped --hook connect4
	denial 127.0.0.1
	wait_for lines stopped 1
	kill -STOP "$stopped"
	denial 127.0.0.2
	wait_for not_asked 1
	denial 127.0.0.3
	denial ::1
	kill -CONT "$stopped"
	denial 127.0.0.4
	wait_for grep -q 'daddr=127.0.0.4 ' "$BATS_TEST_TMPDIR/stopped.out"
	denials 3
	wait_for grep -q 'daddr=127.0.1.3 ' "$BATS_TEST_TMPDIR/stopped.out"
	is_asked 1
	cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/all" # events that were printed already are not in it
	[ "$(jq -r .hook "$BATS_TEST_TMPDIR/all" | sort -u)" = connect6 ]
	run sed -E 's/.* daddr=([^ ]*) .*/\1/' "$BATS_TEST_TMPDIR/stopped.out"
	[ "$(uniq -d <<<"$output" | grep -v '127.0.0.1$')" = '' ]
	[ "$(grep -c '127.0.0.[234]$' <<<"$output")" -eq 3 ]
	[ "${lines[0]}" = 127.0.0.1 ]
}

@test 'sixteen readers with filters and sixteen without see every event they asked for' {
	for ((i = 0; i < 16; i++)); do
		reader "some$i" --hook connect --cgroup "$web"
		reader "all$i"
	done
	denials 200 &
	denials 200
	wait $!
	yes cgg-status
	[ "$(grep -c '^reader' <<<"$output")" -eq 32 ]
	run cgg-events -w 0 --hook connect
	status_is 3
	says 'cgg-events: 32 readers are at work: no room for another with a filter'
	for ((i = 0; i < 16; i++)); do
		wait_for lines "all$i" 400
		wait_for lines "some$i" 400
		diff <(sort "$BATS_TEST_TMPDIR/all0.out") <(sort "$BATS_TEST_TMPDIR/all$i.out")
		diff <(sort "$BATS_TEST_TMPDIR/all0.out") <(sort "$BATS_TEST_TMPDIR/some$i.out")
	done
}

# ---- no cgroup hides another ----

# withheld FILE: print how many events of $web the lines report as suppressed
withheld()
{
	sed -nE "s|^\[WITHHELD ([0-9]+)\] cgroup=$(shown "$web") policy=default rule=$id verdict=deny hook=connect4\$|\1|p" \
		"$1" | awk '{ n += $1 } END { print n + 0 }'
}

# new_calm: attach another cgroup, $calm. Ids that are equal modulo 16 (CGG_LIGHT) share a mark in
# the ring, which then fills up before a flood of one is suppressed for the other.
new_calm()
{
	new_cgroup calm
	while [ $((($(stat -c %i "$calm") - $(stat -c %i "$web")) % 16)) -eq 0 ]; do
		rmdir "$calm"
		mkdir "$calm"
	done
	yes cgg-attach "$calm"
}

@test 'a flood of one cgroup does not push out events of another, and suppressed events are counted' {
	small_ring
	new_calm
	run inside "$calm" attempt tcp 127.0.0.9 "$port"
	denials 1000
	run inside "$calm" attempt tcp 127.0.0.8 "$port"
	denials 1000
	yes cgg-status -j
	[ "$(jq '.withheld' <<<"$output")" -ge 1980 ]
	[ "$(jq --arg web "$(shown "$web")" '.withheld == (.attachments[] | select(.cgroup == $web)).withheld' \
		<<<"$output")" = true ]
	cgg-events -w 0 >"$BATS_TEST_TMPDIR/out"
	[ "$(grep -c "cgroup=$(shown "$calm") " "$BATS_TEST_TMPDIR/out")" -eq 2 ]
	[ "$(grep -c "^\[DENY connect4\] .* cgroup=$(shown "$web") " "$BATS_TEST_TMPDIR/out")" -eq \
		$((2000 - $(withheld "$BATS_TEST_TMPDIR/out"))) ]
	[[ $(cat "$BATS_TEST_TMPDIR/out") != *LOST* ]]
	# reported once; and new events are printed again
	denials 3
	yes cgg-events -j -w 0
	[ "$(jq -c '.withheld // .verdict' <<<"$output" | uniq -c | tr -s ' ')" = ' 3 "deny"' ]
	yes cgg-status
	matches '^events	.*	lost 0	withheld [0-9]{4}$'
}

@test 'suppressed events of a policy are never reported for the policy that took its place' {
	local one said

	one=$(named 255 1)
	small_ring
	new_calm
	run inside "$calm" attempt tcp 127.0.0.9 "$port"
	yes cgg-rule -p "$one" add connect port "$port"
	yes cgg-attach -p "$one" "$web"
	denials 1000
	run inside "$calm" attempt tcp 127.0.0.9 "$port"
	denials 1000
	said="^\[WITHHELD [0-9]+\] cgroup=$(shown "$web") policy"
	yes cgg-events -w 0 --policy other
	says 'cgg-events: warning: policy other: there is none yet; its events are shown once it is made'
	yes cgg-detach "$web"
	yes cgg-rule -p "$one" drop
	yes cgg-rule -p other add port 1 # takes the index of the first one
	yes cgg-events -w 0 --policy other
	says ''
	yes cgg-events -w 0
	matches "$said= "
	no grep -q ' policy=other ' <<<"$output"
}

@test 'JSON reports suppressed events to each reader, and unreported ones to the next reader' {
	small_ring
	new_calm
	reader one -j
	reader other -j
	kill -STOP "$one" "$other"
	run inside "$calm" attempt tcp 127.0.0.9 "$port"
	denials 500
	kill -CONT "$one" "$other"
	for name in one other; do
		wait_for grep -q withheld "$BATS_TEST_TMPDIR/$name.out"
		[ "$(jq -s --arg web "$(shown "$web")" --argjson id "$id" 'map(select(.withheld)) |
			length == 1 and (.[0] | .cgroup == $web and .policy == "default" and .rule == $id
				and .verdict == "deny" and .hook == "connect4" and (.cgroup_id | type) == "number")' \
			"$BATS_TEST_TMPDIR/$name.out")" = true ]
		[ "$(jq -s 'map(.withheld // (if .verdict then 1 else 0 end)) | add' \
			"$BATS_TEST_TMPDIR/$name.out")" -eq 501 ]
	done
	stop "$one"
	stop "$other"
	yes cgg-events -w 0
	says ''
}

@test 'a filter has a ring of its own: a flood it asked for does not push out other events' {
	small_ring
	new_calm
	reader wants --verdict deny
	kill -STOP "$wants"
	run inside "$calm" attempt tcp 127.0.0.9 "$port"
	denials 500
	kill -CONT "$wants"
	wait_for grep -q WITHHELD "$BATS_TEST_TMPDIR/wants.out"
	[ "$(grep -c "cgroup=$(shown "$calm") " "$BATS_TEST_TMPDIR/wants.out")" -eq 1 ]
	[ $(($(grep -c '^\[DENY' "$BATS_TEST_TMPDIR/wants.out") + $(withheld "$BATS_TEST_TMPDIR/wants.out"))) \
		-eq 501 ]
}

@test 'while one cgroup is denied all the time, one denial of another is printed too' {
	new_cgroup flood
	yes cgg-attach "$flood"
	rule setsockopt SOL_SOCKET:SO_PRIORITY
	reader all
	"$BUILD/tests/event-bench" flood "$flood" 0 $((80 * patience)) >/dev/null 3>&- &
	started[$!]=flood
	flooding=$!
	wait_for test -s "$BATS_TEST_TMPDIR/all.out"
	for i in 1 2 3; do
		run inside "$web" attempt tcp "127.0.0.$i" "$port"
		wait_for grep -q "daddr=127.0.0.$i " "$BATS_TEST_TMPDIR/all.out"
		kill -0 "$flooding"
	done
	stop "$flooding"
}

# ---- terminals ----

# on_terminal COMMAND...: print what it writes to a terminal
on_terminal()
{
	script -qec "$*" /dev/null </dev/null 2>&1 3>&- | tr -d '\r'
}

@test 'colors appear only on a terminal and not with NO_COLOR' {
	yes cgg-rule add alert device c 1:3
	deed()
	{
		denial
		run inside "$web" attempt open /dev/null r
	}
	deed
	run env TERM=xterm bash -c "$(declare -f on_terminal); on_terminal cgg-events -w 0"
	[[ ${lines[0]} == $'[\e[31mDENY\e[m connect4] pid='* ]]
	[[ ${lines[1]} == $'[\e[33mALERT\e[m device] pid='* ]]
	for without in NO_COLOR=1 TERM=dumb; do
		deed
		run env TERM=xterm "$without" bash -c "$(declare -f on_terminal); on_terminal cgg-events -w 0"
		[[ ${lines[0]} == '[DENY connect4] pid='* ]]
		[[ ${lines[1]} == '[ALERT device] pid='* ]]
	done
	deed
	run env TERM=xterm NO_COLOR= bash -c "$(declare -f on_terminal); on_terminal cgg-events -w 0"
	[[ ${lines[0]} == $'[\e[31m'* ]]
	deed
	run env TERM=xterm bash -c "$(declare -f on_terminal); on_terminal cgg-events -j -w 0"
	[[ $output != *$'\e'* ]]
	deed
	run env TERM=xterm cgg-events -w 0
	[[ $output != *$'\e'* && ${#lines[@]} -eq 2 ]]
}

@test 'on a terminal an event shows at once, and -n, -t and --hook work as in a pipe' {
	denial
	run env TERM=dumb bash -c "$(declare -f on_terminal); on_terminal cgg-events -t -n 1 --hook connect"
	matches '^[0-9]{4}-[0-9-]+T[0-9:.]+Z \[DENY connect4\] '
	exec {out}< <(exec 3>&-; TERM=dumb on_terminal cgg-events --hook connect -n 1)
	started[$!]=terminal
	wait_for eval 'cgg-status | grep filters'
	denial 127.0.0.5
	read -r -t $((20 * patience)) line <&"$out"
	[[ $line == *' daddr=127.0.0.5 '* ]]
	exec {out}<&-
}

# ---- signals ----

@test 'SIGINT and SIGTERM end cgg-events and free its slot; SIGSTOP and SIGCONT do not' {
	reader ended --hook connect
	kill -STOP "$ended"
	kill -CONT "$ended"
	kill -TERM "$ended"
	wait_for is_gone "$ended"
	wait "$ended" || [ $? -eq 143 ]
	[ "$(field readers 1 pid)" -eq 0 ]
	[ "$(field ring 0 filters)" -eq 0 ]
	reader waiting -w $((20 * patience))
	kill -STOP "$waiting"
	kill -CONT "$waiting"
	denial
	wait_for lines waiting 1
}
