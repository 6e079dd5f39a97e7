#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# top - cgg-top shows what changes, on a terminal and as lines
#
# The terminal is tmux: tests type into it and read its screen.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2016 # inner shells

load ../ways

setup()
{
	untraced
	cgg-load
	new_cgroup web
	new_cgroup mail
	cgg-rule add port 9
	cgg-rule add deny egress ip 192.0.2.1
	cgg-rule -p other add port 9
	cgg-attach "$web"
	cgg-attach -p other "$mail"
	terminal=$CGG_RUN-$BATS_TEST_NUMBER
}

teardown()
{
	tmux -L "$terminal" kill-server 2>/dev/null || true
	reuse_guard
}

# busy CGROUP: denied connections and packets from now on
busy()
{
	inside "$1" python3 -c '
import socket, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        socket.socket().connect(("127.0.0.1", 9))
    except OSError: # refused, once it is detached
        pass
    udp.sendto(b"x" * 100, ("127.0.0.1", 1))
    time.sleep(0.01)' 3>&- &
	started[$!]=busy
}

# top [OPTION...]: start it on a terminal of 100 columns and 24 rows
top()
{
	command -v tmux >/dev/null || skip 'there is no tmux'
	tmux -L "$terminal" -f /dev/null new-session -d -x 100 -y 24 "env PATH='$PATH' cgg-top -d 0.2 $*; echo ended \$?; sleep 600" 3>&-
	shows 'OPS/s'
}

screen()
{
	tmux -L "$terminal" capture-pane -p
}

type_keys()
{
	tmux -L "$terminal" send-keys "$@"
}

# shows REGEX: a line of the screen matches soon; hides REGEX: soon no line does
wait_screen()
{
	screen | grep -Eq -e "$1"
}

shows()
{
	wait_for wait_screen "$1" || { screen && return 1; }
}

hides()
{
	wait_for lacks_screen "$1" || { screen && return 1; }
}

lacks_screen()
{
	! screen | grep -Eq -e "$1"
}

@test 'lines have cgroups, the hottest rules and the latest denials' {
	busy "$web"
	wait_for eval '[ "$(cgg-rule list -s | head -n 1 | cut -f 2)" -gt 5 ]'
	yes cgg-top -b -d 0.5 -n 1
	matches "^cgroup	$(shown "$web")	default	operations/s [1-9][0-9.]*	denials/s [1-9][0-9.]*	packets/s [1-9][0-9.]*	bytes/s [1-9][0-9.]*$"
	matches "^cgroup	$(shown "$mail")	other	operations/s 0.0	denials/s 0.0$"
	matches '^rule	default	[0-9]+	hits/s [1-9][0-9.]*	deny connect,sendmsg port 9$'
	matches "^denial	20.*Z \[DENY connect4\] pid=.* dport=9 .* cgroup=$(shown "$web") "
	[[ ${lines[1]} == *"$(shown "$web")"* ]] # the one with denials is first
}

# talking CGROUP: a connection to a server outside that is open; 300 bytes went, 40000 came back;
# and a UDP socket that sent 50000 bytes to port 1
talking()
{
	start python3 -c '
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
taken = server.accept()[0]
taken.recv(300, socket.MSG_WAITALL)
taken.sendall(bytes(40000))
taken.recv(1)'
	there=$said
	start sh -c 'echo $$ >"$1/cgroup.procs" && exec python3 -c "$2" "$3"' - "$1" '
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(bytes(300))
assert len(client.recv(40000, socket.MSG_WAITALL)) == 40000
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.sendto(bytes(50000), ("127.0.0.1", 1))
print(flush=True)
client.recv(1)' "$there"
	talker=$!
}

@test 'open connections are shown with their bytes, on a terminal and as lines' {
	cgg-rule add alert flow proto udp
	talking "$web"
	yes cgg-top -b -d 0.1 -n 1
	matches "^flow	$(shown "$web")	udp	127.0.0.1:[0-9]+ > 127.0.0.1:1	sent 50000	received 0	python3,$talker$"
	matches "^flow	$(shown "$web")	tcp	127.0.0.1:[0-9]+ > 127.0.0.1:$there	sent 300	received 40000	python3,$talker$"
	top
	shows "^ +50.0k +0 +udp 127.0.0.1:[0-9]+ > 127.0.0.1:1 +python3,$talker /"
	shows "^ +300 +40.0k +tcp 127.0.0.1:[0-9]+ > 127.0.0.1:$there +python3,$talker /"
	type_keys / m a i l Enter
	hides "> 127.0.0.1:$there"
	type_keys / Escape
	shows "> 127.0.0.1:$there"
}

@test 'a connection whose processes have ended is shown without one' {
	start python3 -c '
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
taken = server.accept()[0]
time.sleep(1000)'
	yes inside "$web" python3 -c '
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setblocking(False)
try:
    while client.send(bytes(65536)):
        pass
except BlockingIOError:
    pass' "$said"
	yes cgg-top -b -d 0.1 -n 1
	matches "^flow	$(shown "$web")	tcp	127.0.0.1:[0-9]+ > 127.0.0.1:$said	sent [0-9]+	received 0	-$"
}

@test '-n and -d say how often, and every picture ends with an empty line' {
	before=${EPOCHREALTIME/./}
	yes cgg-top -b -d 0.3 -n 4
	[ $((${EPOCHREALTIME/./} - before)) -ge 1200000 ]
	[ "$(cgg-top -b -d 0.1 -n 4 | grep -c '^$')" -eq 4 ]
	[ "$(grep -c ^guard <<<"$output")" -eq 4 ]
}

@test 'reading takes no events away from others' {
	run inside "$web" attempt tcp 127.0.0.1 9
	cgg-top -b -d 0.1 -n 2 >/dev/null
	yes cgg-events -w 0
	matches '^\[DENY connect4\]'
}

@test 'the screen has four tables, and q leaves the terminal as it was' {
	busy "$web"
	top
	shows "^ +[1-9][0-9.]* +[1-9][0-9.]* +[1-9][0-9.]* +[1-9][0-9.k]* +default +$(shown "$web")"
	shows "^ +0 +0 +- +- +other +$(shown "$mail")"
	shows '^ +[1-9][0-9.]* +default +[0-9]+ deny connect,sendmsg port 9'
	shows '^20.* \[DENY connect4\] pid='
	type_keys q
	shows '^ended 0'
}

@test 'keys sort, filter, pause and show help' {
	busy "$mail"
	top
	shows 'by denials'
	wait_for eval '[[ $(screen | sed -n 5p) == *$(shown "$mail")* ]]'
	type_keys n
	shows 'by name'
	first=$(printf '%s\n' "$(shown "$mail")" "$(shown "$web")" | LC_ALL=C sort | head -n 1)
	wait_for eval '[[ $(screen | sed -n 5p) == *$first* ]]'
	type_keys r
	shows 'by name reversed'
	wait_for eval '[[ $(screen | sed -n 6p) == *$first* ]]'
	type_keys r d
	type_keys / w e b
	shows '^/web_'
	type_keys Enter
	hides "$(shown "$mail")$"
	shows "$(shown "$web")$"
	type_keys / Escape
	shows "$(shown "$mail")$"
	type_keys Space
	shows PAUSED
	type_keys Space
	hides PAUSED
	type_keys '+'
	shows 'every 0.4 s'
	type_keys '?'
	shows 'sort by denials, operations, packets, bytes, name'
	type_keys x
	shows 'OPS/s'
}

@test 'it follows the size of the terminal' {
	busy "$web"
	top
	shows '^20.* \[DENY'
	tmux -L "$terminal" resize-window -x 60 -y 8
	hides '^20.* \[DENY'
	shows "$(shown "$web")|default"
	type_keys Space
	tmux -L "$terminal" resize-window -x 80 -y 24
	shows '^\? help  by denials  PAUSED$'
	type_keys Space
	tmux -L "$terminal" resize-window -x 160 -y 40
	shows '^20.* \[DENY connect4\].* daddr=127.0.0.1 dport=9 '
	tmux -L "$terminal" resize-window -x 1 -y 1
	tmux -L "$terminal" resize-window -x 100 -y 24
	shows 'OPS/s'
}

@test 'two hundred cgroups are shown, page by page' {
	for i in {1..200}; do
		mkdir "$web/c$i"
	done
	cgg-attach "$web"/c[0-9]*
	command -v tmux >/dev/null || skip 'there is no tmux'
	tmux -L "$terminal" -f /dev/null new-session -d -x 100 -y 24 "env PATH='$PATH' cgg-top" 3>&-
	shows 'cgroups 202'
	type_keys n
	shows 'by name'
	type_keys NPage NPage
	hides "$(shown "$web")$"
	type_keys Home
	shows "$(shown "$web")/c1$"
}

@test 'the ends of long paths and of long names of policies are shown' {
	long=$web/$(printf 'long%.0s' {1..20})
	mkdir -p "$long/east" "$long/west"
	for side in east west; do
		cgg-rule -p "shop-of-the-customers-$side" add port 9
		cgg-attach -p "shop-of-the-customers-$side" "$long/$side"
	done
	top
	shows ' shop-..-east .*[^ ]\.\.[^ ]*longlong/east$'
	shows ' shop-..-west .*[^ ]\.\.[^ ]*longlong/west$'
	rmdir "$long/east"
	shows 'longlong/east gone$|[0-9] gone$' # its id, if the kernel told no path
}

@test 'a shorter time between pictures holds at once' {
	top -d 3600
	hides '^cgg-top .*  \.\.\.$' # the second picture comes soon
	for i in {1..13}; do
		type_keys -
	done
	shows 'every 0.4'
	cgg-attach "$mail"
	shows 'default +'"$(shown "$mail")"
}

@test 'a guard that is unloaded and loaded again is shown again' {
	top
	cgg-unload -f
	shows 'not loaded; run cgg-load first'
	cgg-load
	cgg-attach "$web"
	shows "default +$(shown "$web")"
	type_keys q
	shows '^ended 0'
}

# of POLICY: print the operations per second of its first cgroup in the last picture of the file lines
of()
{
	awk -F '\t' -v policy="$1" '$1 == "cgroup" && $3 == policy { split($4, word, " "); got = word[2] }
		END { print got }' "$BATS_TEST_TMPDIR/lines"
}

# begins: let it print lines into the file lines
begins()
{
	cgg-top -b -d 0.1 >"$BATS_TEST_TMPDIR/lines" 3>&- &
	started[$!]=cgg-top
	wait_for grep -q '^guard' "$BATS_TEST_TMPDIR/lines"
}

@test 'it runs on and on with few descriptors' {
	yes bash -c 'ulimit -n 48 && exec cgg-top -b -d 0.1 -n 40'
	[ "$(grep -c ^guard <<<"$output")" -eq 40 ]
}

@test 'while it waits for a guard that can be used, others can lock that guard' {
	top
	tmux -L "$terminal" resize-window -x 60 -y 24
	rm /sys/fs/bpf/cgguard/version
	shows 'run cgg-unload -f and cgg-load$' # on the second line
	shows '^waiting; q quits$'
	sleep 1 # it tries five times
	wait_for flock -n /sys/fs/bpf/cgguard true
	yes cgg-unload -f
	cgg-load
	tmux -L "$terminal" resize-window -x 100 -y 24
	cgg-attach "$web"
	shows "default +$(shown "$web")"
}

@test 'an attachment does not show what its policy decided before' {
	busy "$web"
	wait_for eval '[ "$(cgg-rule list -s | head -n 1 | cut -f 2)" -gt 50 ]'
	cgg-detach "$web"
	begins
	cgg-attach "$mail"
	wait_for grep -q "$(shown "$mail")	default" "$BATS_TEST_TMPDIR/lines"
	stop_all
	! grep "	default	operations/s [1-9]" "$BATS_TEST_TMPDIR/lines"
}

@test 'a policy that takes the place of a dropped one is shown as a new one' {
	cgg-detach --all
	"$BUILD/tests/fill" 1 70 # the last ones have maps of their own
	cgg-rule -p p70 add deny port 9
	cgg-attach -p p70 "$web"
	busy "$web"
	begins
	wait_for grep -Eq '^rule	p70	[0-9]+	hits/s [1-9]' "$BATS_TEST_TMPDIR/lines"
	cgg-detach "$web"
	for i in {1..70}; do
		cgg-rule -p "p$i" drop
	done
	"$BUILD/tests/fill" 71 140
	cgg-rule -p p140 add deny port 9 name again
	cgg-attach -p p140 "$web"
	wait_for eval '[[ $(of p140) == [1-9]* ]]'
	wait_for grep -Eq '^rule	p140	[0-9]+	hits/s [1-9][0-9.]*	deny connect,sendmsg port 9 name again$' "$BATS_TEST_TMPDIR/lines"
}

@test 'rules of a dropped policy are not shown, nor as those of the next one in its place' {
	cgg-detach --all
	busy "$web"
	begins
	for round in {1..8}; do
		cgg-rule -p "used$round" add deny port 9
		cgg-attach -p "used$round" "$web"
		wait_for grep -Eq "^rule	used$round	1	hits/s [1-9]" "$BATS_TEST_TMPDIR/lines"
		cgg-detach "$web"
		cgg-rule -p "used$round" drop
		[ $((round % 2)) -eq 0 ] || sleep 0.2 # two pictures
		cgg-rule -p "idle$round" add deny port 9
		sleep 0.2
		cgg-rule -p "idle$round" drop
	done
	! grep -E '^rule	(|idle.)	' "$BATS_TEST_TMPDIR/lines"
}

@test 'a rule that expires is shown without the seconds that are left' {
	cgg-rule insert first deny port 9 ttl 1000s
	busy "$web"
	yes cgg-top -b -d 0.5 -n 1
	matches '^rule	default	[0-9]+	hits/s [1-9][0-9.]*	deny connect,sendmsg port 9$'
}

@test 'wrong words are refused, and without a terminal it says so' {
	for words in '-d 0' '-d x' '-d 3601' '-n 0' '-n x' extra; do
		# shellcheck disable=SC2086 # words
		no cgg-top -b $words
		status_is 2
	done
	run bash -c 'cgg-top </dev/null | cat; exit ${PIPESTATUS[0]}'
	status_is 2
	says 'cgg-top: this is no terminal; -b prints lines'
	for term in none dumb; do
		run script -qec "stty -g; TERM=$term cgg-top; echo status \$?; stty -g" /dev/null
		matches "cgg-top: TERM=$term: no terminal that can be drawn on; -b prints lines"
		matches '^status 2'
		[ "${lines[0]}" = "${lines[-1]}" ] || complain 'the terminal is not as it was'
	done
	run bash -c 'cgg-top -b -n 1 -d 0.1 >/dev/full'
	status_is 3
	cgg-unload -f
	no cgg-top -b
	status_is 3
	says 'cgg-top: not loaded; run cgg-load first'
	cgg-load
}

@test 'signals end it and leave the terminal as it was' {
	top
	pid=$(pgrep -P "$(tmux -L "$terminal" list-panes -F '#{pane_pid}')" -x cgg-top)
	kill -TERM "$pid"
	shows '^ended 143'
}
