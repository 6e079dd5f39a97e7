#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# events - what was refused reaches its readers, whoever they are and whatever is in it
#
# Each test has a rule that denies connections to $port from the cgroup $web. What a
# line has in it for each hook is in the tests of that hook, and in tests/unit/event.c.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started
# shellcheck disable=SC2016 # for python, jq, and inner shells

load ways

setup()
{
	verdict=DENY small=
	start_server
	new_cgroup web
	cgg-attach "$web"
	rule connect port "$port"
}

teardown()
{
	sweep
	[ -z "$small" ] || { cgg-unload -f && cgg-load; }
}

denial()
{
	run inside "$web" attempt tcp "${1:-127.0.0.1}" "$port"
	says EPERM
}

# denials COUNT: so many connections, to 127.0.0.1 and up, by one process; none gets through
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

# reader NAME OPTION...: cgg-events into $NAME.out, waiting for what comes next; its process
# is $NAME
reader()
{
	local name=$1

	shift
	cgg-events "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>&1 3>&- &
	printf -v "$name" %s $!
	started[$!]=$name
	wait_for waits $!
}

# Its place in the ring is taken when it has made what it sleeps on.
waits()
{
	readlink /proc/"$1"/fd/* | grep -q eventpoll
}

# lines NAME COUNT: the reader has printed so many
lines()
{
	[ "$(wc -l <"$BATS_TEST_TMPDIR/$1.out")" -eq "$2" ]
}

# ended PID: with status 0
ended()
{
	wait_for is_gone "$1"
	wait "$1"
}

# ---- at once, and from before ----

@test 'each event comes out of a pipe at once' {
	exec {out}< <(exec 3>&-; cgg-events | grep --line-buffered daddr)
	started[$!]=pipe
	for i in 1 2 3; do
		denial "127.0.0.$i"
		read -r -t 5 line <&"$out"
		[[ $line == '[DENY connect4] '*" daddr=127.0.0.$i dport=$port "* ]]
	done
	exec {out}<&-
	denial # and then there is no pipe any more
}

@test 'what happened before the reader came is printed first' {
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

@test 'what one reader has printed the next does not' {
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

@test 'a reader that sleeps is woken by every event, as is the other one' {
	reader one
	reader other
	for ((i = 1; i <= 100; i++)); do
		denial
		wait_for lines one "$i"
		wait_for lines other "$i"
	done
}

# ---- options ----

@test '-n ends after so many' {
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

@test '-w ends after so many seconds without one' {
	yes cgg-events -w 0
	says ''
	denials 1
	before=$EPOCHREALTIME
	yes cgg-events --wait 1
	after=$EPOCHREALTIME
	[ "${#lines[@]}" -eq 1 ]
	[ $((${after/./} - ${before/./})) -ge 1000000 ]
}

@test '-n ends before -w' {
	denials 1
	before=$EPOCHREALTIME
	yes cgg-events -n 1 -w 60
	[ "${#lines[@]}" -eq 1 ]
	[ $((${EPOCHREALTIME/./} - ${before/./})) -le 5000000 ]
}

@test '-t says when, to some milliseconds' {
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
	[ "$micro" -ge $((${before/./} - 5000)) ]
	[ "$micro" -le $((${after/./} + 5000)) ]
}

@test '-j says the same as the text, in JSON' {
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

# Does in a second thread what is to be refused; then says which process and thread that
# was, and the port that the kernel gave its socket.
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

@test 'every field of every hook is true' {
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

@test 'the cgroup and the policy are those of the guard that said no' {
	new_cgroup below "$web"
	yes cgg-rule -p strict add -i device c 1:3 name null
	yes cgg-attach -p strict "$below"
	run inside "$below" attempt tcp 127.0.0.1 "$port"
	says EPERM
	yes cgg-events -w 0
	matches " cgroup=$(shown "$web") policy=default rule=$id$"
	run inside "$below" attempt open /dev/null r
	says EPERM
	yes cgg-events -w 0
	matches " cgroup=$(shown "$below") policy=strict rule=1 label=null$"
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

# ---- what the guarded program chose cannot do harm ----

# Takes each of the hostile names and is refused under it. The names are printed as hex.
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

@test 'no name of a program breaks a line, or a terminal' {
	hostile_programs
	cgg-events -w 0 >"$BATS_TEST_TMPDIR/events"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(grep -Ec "^\[DENY connect4\] pid=[0-9]+ comm=[!-~]* daddr=127\.0\.0\.1 dport=$port proto=6 tid=[0-9]+ uid=0 gid=0 cgroup=/[!-~]* policy=default rule=$id$" \
		"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	# and each says what it was
	yes python3 -c '
import re, sys
for line, name in zip(open(sys.argv[1]), open(sys.argv[2])):
    comm = line.split()[3].removeprefix("comm=")
    bare = re.sub(r"\\x(..)", lambda m: chr(int(m[1], 16)), comm).encode("latin-1")
    assert bare.hex() == name.strip(), (line, name)' \
		"$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/names"
}

@test 'no name of a program breaks the JSON' {
	hostile_programs
	cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/events"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(grep -c '^[ -~]*$' "$BATS_TEST_TMPDIR/events")" -eq 32 ]
	[ "$(jq -c 'keys | length' "$BATS_TEST_TMPDIR/events" | uniq)" = 15 ]
	yes jq -e --arg id "$id" '.rule == ($id | tonumber) and .policy == "default"' \
		"$BATS_TEST_TMPDIR/events"
	# what is UTF-8 is what it was; what is not has the mark for it
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

@test 'no name of a cgroup does either' {
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

@test 'nor where cgg-status and cgg-unload show it' {
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

# ---- the pipe closes ----

# piped: cgg-events writes into a pipe, from which descriptor 7 reads; its process is $reader
piped()
{
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cgg-events >"$BATS_TEST_TMPDIR/fifo" 2>"$BATS_TEST_TMPDIR/complaints" 3>&- &
	reader=$!
	started["$reader"]=reader
	exec 7<"$BATS_TEST_TMPDIR/fifo"
	denial
	read -r -t 5 line <&7
	[[ $line == '[DENY connect4] '* ]]
}

@test 'when the pipe is closed it ends quietly at the next event' {
	piped
	exec 7<&-
	denial
	ended "$reader"
	[ ! -s "$BATS_TEST_TMPDIR/complaints" ]
}

@test 'when the pipe is closed it ends quietly without an event, too' {
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

# ---- many readers, and bad ones ----

# all_see READERS: so many at once, each prints every event
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

@test 'two readers see every event each' {
	all_see 2
}

@test 'sixteen readers see every event each' {
	all_see 16
}

@test 'a stopped reader harms nobody, and misses nothing' {
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

@test 'a killed reader harms nobody' {
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

@test 'a reader that does not read holds up neither denials nor readers' {
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

# small_ring: of 16 events
small_ring()
{
	small=yes
	cgg-unload -f
	cgg-load --events-size 4096
	cgg-attach "$web"
	rule connect port "$port"
}

@test 'a full ring denies as before, and what was lost is said' {
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

@test 'a ring that is just full has lost nothing' {
	small_ring
	denials 16
	yes cgg-events -w 0
	[ "${#lines[@]}" -eq 16 ]
	[[ $output != *LOST* ]]
}

@test 'each reader is told what it lost itself' {
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
