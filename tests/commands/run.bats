#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run - cgg-run: a guard around one command that leaves nothing behind and nothing open
#
#	guarded ARG...           cgg-run from within $web, so that its cgroup is below that
#	try NAME [ARG...]        an attempt of $attempts: 0 done, 1 denied, and prints the errno
# shellcheck disable=SC2004 # started is by process id, an associative array
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set web, port and output

load ../helpers

setup()
{
	untraced
	cgg-load
	start_server
	new_cgroup web
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

guarded()
{
	inside "$web" cgg-run "$@"
}

# begin ARG...: the same in the background; $pid is cgg-run itself
begin()
{
	(echo "$BASHPID" >"$web/cgroup.procs" && exec cgg-run "$@") 3>&- &
	pid=$!
	started[$pid]=run
}

# ended STATUS: the run that begin started ended with it
ended()
{
	local got=0

	wait "$pid" || got=$?
	unset "started[$pid]"
	[ "$got" -eq "$1" ] || { echo "status $got" && false; }
}

# nothing_over: no run has left cgroups, policies or links
nothing_over()
{
	[ -z "$(find "$web" -mindepth 1 -type d)" ] && [ "$(cgg-rule policies)" = default ] &&
		[ -z "$(ls /sys/fs/bpf/cgguard/links)" ]
}

# Print the path of the only run.
run_path()
{
	find "$web" -mindepth 1 -type d -name 'cgg-run-*'
}

no_run()
{
	[ -z "$(run_path)" ] && [ "$(cgg-rule policies)" = default ]
}

# run_has COUNT: that many processes are in it
run_has()
{
	[ "$(wc -l <"$(run_path)/cgroup.procs")" -ge "$1" ]
}

attempts='
import ctypes, errno, fcntl, os, signal, socket, struct, sys, termios

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result

def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")

def bpf(command, attributes):
    return call(321, command, ctypes.create_string_buffer(attributes.ljust(144, b"\0")), 144)

def address(text):
    address.kept = ctypes.create_string_buffer(text.encode())
    return ctypes.addressof(address.kept)

def abstract(name):
    socket.socket(socket.AF_UNIX).connect("\0" + name)

def trace(pid):
    check(libc.ptrace(16, int(pid), None, None))
    os.waitpid(int(pid), 0)
    check(libc.ptrace(17, int(pid), None, None))

def ring():
    return call(425, 1, ctypes.create_string_buffer(120))

def socketpair(family, protocol=0):
    pair = (ctypes.c_int * 2)()
    check(libc.socketpair(int(family), 1, int(protocol), pair))

attempts = dict(
    socket=lambda family, type, protocol=0: call(41, int(family), int(type), int(protocol)),
    socket_high=lambda family, type: call(41, ctypes.c_ulong(int(family) | 1 << 40), int(type), 0),
    socketpair=socketpair,
    ring=ring,
    key=lambda: call(249, b"user", b"no such key", None, 0),
    chroot=lambda path: os.chroot(path),
    mount=lambda what, path: check(libc.mount(what.encode(), path.encode(), None, 4096, None)),
    tmpfs=lambda path: check(libc.mount(b"none", path.encode(), b"tmpfs", 0, None)),
    umount=lambda path: check(libc.umount2(path.encode(), 2)),
    tree=lambda path: check(libc.syscall(429, call(428, -100, path.encode(), 1), b"", -100,
        path.encode(), 4)),
    pivot=lambda path: call(155, path.encode(), path.encode()),
    packet=lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    raw=lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    mknod=lambda path: os.mknod(path, 0o20600, os.makedev(1, 3)),
    signal=lambda pid: os.kill(int(pid), 0),
    trace=trace,
    take=lambda pid: call(438, call(434, int(pid), 0), 0, 0),
    abstract=abstract,
    programs=lambda: bpf(11, struct.pack("II", 0, 0)),
    pin=lambda path: bpf(7, struct.pack("PII", address(path), 0, 0)),
    syslog=lambda: check(libc.klogctl(5, None, 0)),
    write=lambda fd: os.write(int(fd), b"x\n"),
    type=lambda: fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), termios.TIOCSTI, b"#"),
    type_high=lambda: call(16, os.open("/dev/tty", os.O_RDWR),
        ctypes.c_ulong(termios.TIOCSTI | 1 << 40), ctypes.c_char_p(b"#")),
    join=lambda path: open(path + "/cgroup.procs", "w").write("0"),
)
try:
    attempts[sys.argv[1]](*sys.argv[2:])
except OSError as e:
    print(errno.errorcode[e.errno])
    sys.exit(1)
print("ok")
'
try=(python3 -c "$attempts")

# open_and_shut WORDS OPTIONS... -- COMMAND...: it fails by default, and succeeds with -k WORDS
open_and_shut()
{
	local words=$1
	shift

	no guarded "$@"
	yes guarded -k "$words" "$@"
}

# ---- the guard ----

@test 'a rule whose words are separate arguments is refused, or its command is not found, and the cure is told' {
	local told="the words of a rule are one argument: -r 'deny connect port 22'"

	run cgg-run -r deny connect port 22 true
	status_is 125
	says "cgg-run: -r:1: a rule needs a hook or a match, like port 9090
cgg-run: -r deny connect ...: $told"
	run cgg-run -r connect port 22 true
	status_is 127
	says "cgg-run: port: No such file or directory
cgg-run: -r connect port ...: $told"
	run cgg-run -r 'port 22' no-such-command
	status_is 127
	says 'cgg-run: no-such-command: No such file or directory'
}

@test 'a command is not run if its -r are empty' {
	for rule in '' '  ' ' # nothing'; do
		run cgg-run -r "$rule" echo unguarded
		status_is 125
		says "cgg-run: -r: is empty, so everything would be allowed; write a rule, like -r 'deny connect port 22'"
	done
	yes cgg-run -r '# nothing' -r 'mode audit' true
}

@test 'a wrong option is named before the advice' {
	run cgg-run -Z true
	status_is 125
	says "cgg-run: invalid option -- 'Z'
cgg-run: see cgg-run -h"
}

@test 'one line: the allowed works, everything else is denied' {
	rules=(-r 'allow connect ip 127.0.0.0/8' -r 'default connect,sendmsg deny')
	yes guarded "${rules[@]}" -- bash -c ": >/dev/tcp/127.0.0.1/$port"
	no guarded "${rules[@]}" -- bash -c ": >/dev/tcp/::1/$port"
	matches 'Operation not permitted'
	yes bash -c ": >/dev/tcp/::1/$port"
	nothing_over
}

@test 'the guard is in force from the first instruction' {
	for ((i = 0; i < 50; i++)); do
		no guarded -r 'device c 1:5 r' /bin/cat /dev/zero
	done
	yes guarded cat /proc/self/cgroup
	matches "^0::$(shown "$web")/cgg-run-[0-9]+-[0-9a-f]{8}\$"
}

@test '-p takes an existing policy, without rules it is default' {
	cgg-rule -p strict add port "$port"
	no guarded -p strict bash -c ": >/dev/tcp/127.0.0.1/$port"
	yes guarded bash -c ": >/dev/tcp/127.0.0.1/$port"
	cgg-rule add port "$port"
	no guarded bash -c ": >/dev/tcp/127.0.0.1/$port"
	yes cgg-rule policies
	says $'default\nstrict'
	[ -z "$(ls /sys/fs/bpf/cgguard/links)" ]
}

@test 'the policy of the caller applies to the command too' {
	cgg-rule add port "$port"
	cgg-attach "$web"
	no guarded -r 'allow net' bash -c ": >/dev/tcp/127.0.0.1/$port"
}

@test 'a rule can be changed while the command runs' {
	begin -r 'default connect allow' sleep 100
	wait_for run_policy
	yes cgg-rule -p "$(run_policy)" add port "$port"
	path=$(run_path)
	no inside "$path" reach 127.0.0.1 "$port"
	stop "$pid"
	wait_for nothing_over
}

run_policy()
{
	cgg-rule policies | grep '^run-'
}

@test '-v prints denials as they happen, and none of other commands' {
	cgg-rule add port "$port"
	cgg-attach "$web"
	begin -v -r 'device c 1:5 r name zero' bash -c '
		exec 9<>"/dev/tcp/127.0.0.1/$1"; cat /dev/zero; sleep 100' bash "$port" \
		2>"$BATS_TEST_TMPDIR/said"
	wait_for grep -qE "^\[DENY device\] pid=.* comm=cat major=1 minor=5 .* \
cgroup=$(shown "$web")/cgg-run-[^ ]* policy=[^ ]* rule=[0-9]* label=zero( own_cgroup=[^ ]*)?\$" "$BATS_TEST_TMPDIR/said"
	[ "$(grep -c '^\[' "$BATS_TEST_TMPDIR/said")" -eq 1 ]
	stop "$pid"
	wait_for no_run
	# the log still has what -v printed
	yes cgg-events -w 0
	matches 'label=zero'
}

@test '-v has printed all events when the command ends' {
	run guarded -v -r 'default device alert' bash -c 'for i in {1..20}; do : </dev/zero; done'
	[ "$(grep -c '^\[ALERT device\] .* major=1 minor=5' <<<"$output")" -eq 20 ]
}

# ---- status, signals, terminal ----

@test 'the exit status is that of the command' {
	for status in 0 1 7 255; do
		run guarded sh -c "exit $status"
		status_is "${status:?}"
	done
	run guarded sh -c 'exit 7'
	status_is 7
	yes bash -c 'cgg-run /nowhere/nothing; [ $? -eq 127 ]'
	says 'cgg-run: /nowhere/nothing: No such file or directory'
	yes bash -c 'cgg-run nosuchcommand; [ $? -eq 127 ]'
	run guarded /etc/passwd
	status_is 126
	says 'cgg-run: /etc/passwd: Permission denied'
	yes guarded -- true --help
	yes guarded env -i true
	nothing_over
}

@test 'the caller sees that the command was killed by a signal' {
	for signal in TERM KILL INT HUP USR1 SEGV PIPE; do
		yes inside "$web" python3 -c '
import signal, subprocess, sys
ended = subprocess.run(["cgg-run", "sh", "-c", "kill -" + sys.argv[1] + " $$"]).returncode
sys.exit(ended != -getattr(signal, "SIG" + sys.argv[1]))' "$signal"
	done
	run guarded sh -c 'kill -TERM $$'
	status_is 143
	nothing_over
}

@test 'wrong words have status 125, and nothing is made' {
	while IFS='|' read -r words said; do
		run bash -c "cgg-run $words"
		status_is 125
		says "cgg-run: $said" || [[ $output == *"$said"* ]]
	done <<'END'
|which command? see cgg-run -h
-p nosuch true|policy nosuch: there is none; cgg-rule -p nosuch add RULE makes it
-p a/b true|policy a/b: a name is made of A-Z a-z 0-9 . _ -
-p default -r 'port 1' true|-p default: or -r, not both
-r 'port x' true|-r:1: port x: not a port (0 to 65535)
-r 'port 1' -r 'frob' true|-r:2: frob: not a verdict, a hook or a match
-r $'port 1\nport 2' true|-r: a rule is one line
-u nosuchuser true|-u nosuchuser: no such user
-u 4294967295 true|-u 4294967295: no such user
-u 54321x true|-u 54321x: no such user
-k frob true|frob: not a word of --keep (fds, privs, caps, scopes, mounts, mounting, chroot, tty, io_uring, keys, families, vsock, packet, xdp, alg, netlink, all, or a capability like net_raw)
-k caps,,fds true|: not a word of --keep
--nosuch true|see cgg-run -h
END
	nothing_over
	cgg-unload
	run cgg-run true
	status_is 125
	says 'cgg-run: not loaded; run cgg-load first'
}

@test 'a warning about a rule of -r is printed, and the command runs' {
	run cgg-run -r 'connect port 1' -r 'sysctl kernel/nothing w' -- echo here
	status_is 0
	says 'cgg-run: -r:2: warning: sysctl kernel/nothing: does not exist now; the rule matches nothing until it does
here'
}

@test 'signals are passed on' {
	for signal in TERM INT HUP USR1 USR2 QUIT WINCH RTMIN+3; do
		begin bash -c 'trap "echo got $1 >$2; exit 3" "$1"; : >$2.ready; while :; do sleep 0.05; done' \
			bash "$signal" "$BATS_TEST_TMPDIR/$signal"
		wait_for test -e "$BATS_TEST_TMPDIR/$signal.ready"
		kill -"$signal" "$pid"
		ended 3
		[ "$(cat "$BATS_TEST_TMPDIR/$signal")" = "got $signal" ]
	done
	nothing_over
}

# state PID LETTER
state()
{
	[ "$(awk '$1 == "State:" { print $2 }' "/proc/$1/status")" = "$2" ]
}

@test 'cgg-run stops and continues together with the command' {
	begin bash -c 'kill -STOP $$; exit 9'
	wait_for state "$pid" T
	kill -CONT "$pid"
	ended 9
	wait_for nothing_over
}

# terminal COMMAND...: on a terminal; type the bytes of $TYPED when it prints "go"
terminal()
{
	inside "$web" python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
typed = os.environ.get("TYPED", "").encode().decode("unicode_escape").encode()
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        break
    if not more:
        break
    said += more
    while typed and b"go\r\n" in said:
        said = said.replace(b"go\r\n", b"", 1)
        os.write(fd, typed[:1])
        typed = typed[1:]
sys.stdout.buffer.write(said.replace(b"\r", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@"
}

@test 'the command owns the terminal: it reads, and is interrupted once' {
	yes terminal cgg-run bash -c 'test -t 0 && test -t 1 && : </dev/tty && echo yes'
	says yes
	TYPED='\x03' run terminal cgg-run bash -c 'trap "n=\$((n + 1))" INT; echo go; read -r -t 3 x; read -r -t 0.3 x; echo "interrupts: $n"; exit 4'
	status_is 4
	[[ $output == *'interrupts: 1'* ]]
	TYPED='\x03' run terminal cgg-run sh -c 'echo go; exec sleep 100'
	[ "$status" -eq 254 ] # -SIGINT
}

@test 'Ctrl-Z and fg work in a shell with job control' {
	TYPED='\x1a' run terminal bash --norc -ic '
		cgg-run bash -c "trap \"exit 6\" CONT; echo go; for i in {1..1000}; do sleep 0.05; done"
		jobs | grep -o Stopped; fg >/dev/null; echo "status $?"'
	[[ $output == *Stopped*'status 6'* ]]
}

# ---- nothing is left behind ----

@test 'processes that the command left running end with it' {
	yes guarded bash -c 'trap "" TERM HUP; (setsid sleep 1000 &) ; (setsid setsid sleep 1000 &); exit 0'
	nothing_over
}

@test 'killed at any moment, cgg-run leaves no process and no cgroup' {
	for ((i = 0; i < 60; i++)); do
		begin -v -r 'default connect deny' -r 'device c 1:5' bash -c 'sleep 1000 & sleep 1000' 2>/dev/null
		sleep "$(printf '0.%03d' $((RANDOM % 25)))" # at a random moment
		kill -KILL "$pid"
		ended 137
	done 2>/dev/null
	wait_for nothing_over
	# and once while it surely runs
	begin -r 'default connect deny' bash -c 'setsid sleep 1000 & sleep 1000'
	wait_for run_has 2
	kill -KILL "$pid"
	wait_for nothing_over
}

@test 'a killed process group and a lost terminal leave nothing either' {
	setsid bash -c 'echo $$ >"$1/cgroup.procs"; exec cgg-run -r "default connect deny" sleep 1000' \
		bash "$web" 3>&- &
	wait_for run_has 1
	kill -KILL -- -$! # not interactive, so setsid is the process itself
	wait_for nothing_over
}

# Print the child of $pid that is not in the cgroup of the run.
kill_cleaner()
{
	local child

	for child in $(pgrep -P "$pid"); do
		grep -q '^0::.*/cgg-run-' "/proc/$child/cgroup" || kill -KILL "$child"
	done
}

# begin_and_kill: begin a run and kill all of it but its command, in the cgroup $path
begin_and_kill()
{
	begin -r 'device c 1:5 r' sleep 1000
	wait_for run_has 1
	path=$(run_path)
	kill_cleaner
	kill -KILL "$pid"
	ended 137
}

@test 'when all its processes are killed the guard stays, and the next run cleans up' {
	begin_and_kill
	no inside "$path" cat /dev/zero
	yes guarded true
	[ -d "$path" ] # a process is still in it
	empty_cgroup "$path" || true
	wait_for empty_cgroup "$path"
	yes guarded true
	nothing_over
}

@test 'in a guard of many cgroups nothing is left either, also of a run that was killed' {
	new_cgroup others
	mapfile -t others < <(seq -f "$others/c%.0f" 1 100)
	mkdir "${others[@]}"
	yes cgg-rule add connect port 9
	yes cgg-attach "${others[@]}"
	for way in '-r' '-p'; do
		yes guarded "$way" "$([ "$way" = -p ] && echo default || echo 'connect port 9')" true
		says ''
		no_run
		[ "$(find /sys/fs/bpf/cgguard/links -mindepth 1 -maxdepth 1 | wc -l)" -eq 100 ]
	done
	begin_and_kill
	empty_cgroup "$path" || true
	wait_for empty_cgroup "$path"
	yes guarded true
	no_run
	rmdir "${others[@]}"
}

@test 'the cgroup that a run of another guard is making is not removed' {
	local gone

	new_cgroup box
	true &
	gone=$!
	wait "$gone"
	mkdir "$box/cgg-run-$gone-0123abcd"
	exec {making}<"$box"
	flock -s "$making" # as that run does until its command is inside
	yes inside "$box" cgg-run -r 'deny connect port 9' true
	[ -d "$box/cgg-run-$gone-0123abcd" ]
	flock -x "$making" # a lock that somebody holds for ever stops no run
	yes inside "$box" timeout $((20 * patience)) cgg-run -r 'deny connect port 9' true
	[ -d "$box/cgg-run-$gone-0123abcd" ]
	exec {making}<&-
	yes inside "$box" cgg-run -r 'deny connect port 9' true
	[ ! -e "$box/cgg-run-$gone-0123abcd" ]
}

# Another run may hold the lock just when this one asks for it, so the lock alone does not tell.
@test 'the empty cgroup of a run whose process lives is not removed' {
	new_cgroup box
	mkdir "$box/cgg-run-$$-0123abcd"
	yes inside "$box" cgg-run -r 'deny connect port 9' true
	[ -d "$box/cgg-run-$$-0123abcd" ]
}

@test 'when only the cleaner is killed the run cleans up' {
	begin -r 'device c 1:5 r' bash -c 'while [ ! -e "$1" ]; do sleep 0.05; done' bash \
		"$BATS_TEST_TMPDIR/end"
	wait_for run_has 1
	kill_cleaner
	: >"$BATS_TEST_TMPDIR/end"
	ended 0
	nothing_over
}

@test 'many runs at once work' {
	for ((i = 0; i < 12; i++)); do
		begin -r 'device c 1:5 r' sh -c '! cat /dev/zero 2>/dev/null && exec sleep 0.2'
	done
	for pid in "${!started[@]}"; do
		[ "$pid" -eq "$server" ] || ended 0
	done
	nothing_over
}

# ---- what a hook cannot close ----

@test 'fds: no socket from outside is inherited' {
	exec 7<>"/dev/tcp/127.0.0.1/$port"
	open_and_shut fds "${try[@]}" write 7
	exec 7>&-
	yes guarded bash -c 'echo /proc/self/fd/*'
	says '/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3' # 3 is the directory
}

@test 'privs: a setuid program gains no privilege' {
	cp /usr/bin/id "$BATS_TEST_TMPDIR/id"
	chmod 4755 "$BATS_TEST_TMPDIR/id"
	chmod a+rx "${BATS_TEST_TMPDIR%/*/*}" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR" "$TMPDIR"
	yes guarded -u nobody "$BATS_TEST_TMPDIR/id" -u
	says 65534
	yes guarded -k privs -u nobody "$BATS_TEST_TMPDIR/id" -u
	says 0
	# even then it does not get what is outside the bounding set
	cp "$(command -v python3)" "$BATS_TEST_TMPDIR/python"
	chmod 4755 "$BATS_TEST_TMPDIR/python"
	no guarded -k privs,packet -u nobody "$BATS_TEST_TMPDIR/python" -c "$attempts" packet
	says EPERM
}

@test 'caps: no raw sockets, no device nodes, no BPF programs' {
	open_and_shut caps,packet "${try[@]}" packet
	open_and_shut net_raw,packet "${try[@]}" packet
	open_and_shut net_raw "${try[@]}" raw
	open_and_shut mknod "${try[@]}" mknod "$BATS_TEST_TMPDIR/$RANDOM.$RANDOM"
	open_and_shut syslog "${try[@]}" syslog
	open_and_shut caps,mounts,mounting mount -t tmpfs none /mnt
	open_and_shut sys_admin "${try[@]}" programs
	no guarded -k mknod,packet "${try[@]}" packet
	for set in CapPrm CapEff CapBnd CapInh; do
		yes guarded grep "$set" /proc/self/status
		[ $((0x${output##*$'\t'} & 0x$(printf %x $((1 << 13 | 1 << 12 | 1 << 21 | 1 << 19 | 1 << 27 | \
			1 << 34 | 1 << 38 | 1 << 39 | 1 << 16 | 1 << 17 | 1 << 22 | 1 << 2))))) -eq 0 ]
	done
	yes guarded -u nobody -k privs grep CapEff /proc/self/status
	matches '0000000000000000$'
}

# outsider COMMAND...: start it outside, as the same user as the guarded one; its pid is $outsider
outsider()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 3>&- &
	outsider=$!
	started[$outsider]=outsider
}

@test 'scopes: no process outside can be traced, read or killed, not even one of the same user' {
	guarded "${try[@]}" signal $$ || [ "$(guarded "${try[@]}" signal $$)" = EPERM ] ||
		skip 'this kernel has no Landlock'
	outsider sleep 1000
	wait_for grep -q sleep "/proc/$outsider/comm"
	for deed in signal trace take; do
		open_and_shut scopes -u nobody "${try[@]}" "$deed" "$outsider"
	done
	no guarded "${try[@]}" trace $$
	no guarded -k scopes "${try[@]}" trace $$ # since it has more capabilities
	yes guarded -k scopes,sys_ptrace,caps "${try[@]}" trace "$outsider"
	open_and_shut scopes -u nobody readlink "/proc/$outsider/fd/0"
	open_and_shut scopes -u nobody ls "/proc/$outsider/root/"
}

@test 'scopes: abstract UNIX sockets outside are out of reach' {
	name=$CGG_RUN-$BATS_TEST_NUMBER
	exec 7< <(exec python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1])
s.listen()
print(flush=True)
s.accept()
s.accept()' "$name" 3>&-)
	started[$!]=server
	read -r _ <&7
	open_and_shut scopes "${try[@]}" abstract "$name"
}

@test 'mounts: root cannot move itself out of the cgroup' {
	yes guarded -k mounts "${try[@]}" join "$(cgroup_root)" # so that the attempt is possible at all
	no guarded "${try[@]}" join "$(cgroup_root)"
	says EROFS
	no guarded "${try[@]}" join "$web"
	no guarded -k mounting mount -o remount,rw "$(cgroup_root)"
	no guarded -k mounting umount "$(cgroup_root)"
	no guarded -k mounting unshare -rm mount -o remount,rw,bind "$(cgroup_root)"
	# a new mount of cgroup v2, in new namespaces, shows only what is below
	run guarded -k mounting unshare -rmC bash -c 'mount -t cgroup2 none /mnt && cat /mnt/cgroup.procs /mnt/../mnt/cgroup.type'
	[[ $output != *root* ]]
	no guarded -k mounting unshare -rmC bash -c 'mount -t cgroup2 none /mnt && [ -e "/mnt/$1" ]' bash "$(shown "$web")"
	no guarded ls "/proc/$$/root$(cgroup_root)"
	nothing_over
}

@test 'mounts: the pins cannot be seen or changed' {
	open_and_shut mounts ls /sys/fs/bpf/cgguard/maps
	open_and_shut mounts "${try[@]}" pin /sys/fs/bpf/cgguard/maps/policies
	no guarded rm -r /sys/fs/bpf/cgguard/links
	no guarded cgg-unload -f
	no guarded ls "/proc/$$/root/sys/fs/bpf/cgguard"
	mkdir "$BATS_TEST_TMPDIR/pins"
	mount --bind /sys/fs/bpf "$BATS_TEST_TMPDIR/pins"
	no guarded ls "$BATS_TEST_TMPDIR/pins/cgguard"
	umount "$BATS_TEST_TMPDIR/pins"
	run guarded -k mounting unshare -rm bash -c 'mount -t bpf none /mnt && ls /mnt'
	[[ $output != *cgguard* ]]
	yes cgg-status
}

@test 'tty: no input can be pushed into the terminal' {
	[ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] ||
		skip 'this kernel allows TIOCSTI only with CAP_SYS_ADMIN'
	no terminal cgg-run "${try[@]}" type
	says EPERM
	no terminal cgg-run "${try[@]}" type_high
	yes terminal cgg-run -k tty "${try[@]}" type
}

# no_call NUMBER COMMAND...: run it in a kernel that lacks this system call
no_call()
{
	exec python3 -c '
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = b"".join(struct.pack("HBBI", *i) for i in (
    (0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7fff0000)))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
if libc.prctl(22, 2, program, 0, 0):
    sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])' "$@"
}

# has_family FAMILY TYPE [PROTOCOL]: this kernel makes such sockets
has_family()
{
	"${try[@]}" socket "$@" >/dev/null
}

@test 'families: each family that no hook sees is closed, and has a word to open it' {
	local tried=0 word more family type protocol others
	while read -r word more family type protocol; do
		has_family "$family" "$type" "$protocol" || continue
		more=${more#-}
		tried=$((tried + 1))
		open_and_shut "$word$more" "${try[@]}" socket "$family" "$type" "$protocol"
		open_and_shut "families$more" "${try[@]}" socket "$family" "$type" "$protocol"
		# the words of other families do not open it
		others=$(tr ' ' '\n' <<<'vsock packet xdp alg netlink' | grep -vx "$word" | paste -sd ,)
		no guarded -k "$others$more" "${try[@]}" socket "$family" "$type" "$protocol"
		says EAFNOSUPPORT
	done <<'END'
vsock  - 40 1 0
packet ,net_raw 17 3 0
xdp    ,net_raw 44 3 0
alg    - 38 5 0
netlink - 16 3 15
netlink - 16 3 16
netlink - 16 2 4
END
	[ "$tried" -ge 3 ]
}

@test 'families: the upper half of a register, socketpair and 32-bit calls do not get around the filter' {
	has_family 40 1 || skip 'this kernel has no AF_VSOCK'
	open_and_shut vsock "${try[@]}" socket_high 40 1
	yes guarded "${try[@]}" socket_high 2 1
	no guarded "${try[@]}" socketpair 40
	says EAFNOSUPPORT
	[ -x "$BUILD/tests/reach" ] && [ "$(uname -m)" = x86_64 ] || skip 'only x86-64 has these calls'
	for way in int80-socket int80-socketcall x32-socket; do
		run "$BUILD/tests/reach" "$way" 40 1
		[ "$status" -eq 0 ] || continue # this kernel has no such calls
		open_and_shut families "$BUILD/tests/reach" "$way" 40 1
	done
	# 32-bit programs get the calls that the filter can tell apart
	if "$BUILD/tests/reach" int80-socket 2 1; then
		yes guarded "$BUILD/tests/reach" int80-socket 2 1
	fi
}

@test 'families: those that hooks see, and netlink routes, stay open' {
	for socket in '1 1' '1 2' '2 1' '2 2' '10 1' '10 2' '16 3 0'; do
		# shellcheck disable=SC2086 # these are words
		yes guarded "${try[@]}" socket $socket
	done
	yes guarded "${try[@]}" socketpair 1
	yes guarded getent ahosts localhost
	yes guarded ip link show lo
}

@test 'io_uring: no ring can be made, since it makes sockets of any family' {
	"${try[@]}" ring >/dev/null || skip 'this kernel has no io_uring'
	no guarded "${try[@]}" ring
	says ENOSYS
	open_and_shut io_uring "${try[@]}" ring
}

@test 'keys: none can be asked for, since the kernel then starts a program outside' {
	run "${try[@]}" key
	[ "$output" = ENOKEY ] || skip "this kernel has no keys: $output"
	no guarded "${try[@]}" key
	says ENOSYS
	no guarded -k keys "${try[@]}" key
	says ENOKEY
}

# served NAME: make a socket whose server says hello
served()
{
	local ready
	exec 7< <(exec python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
s.listen()
print(flush=True)
while True:
    s.accept()[0].send(b"hello")' "$1" 3>&-)
	started[$!]=server
	read -r ready <&7
	exec 7<&-
}

reach_name='import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print(s.recv(9).decode())'

@test 'mounting: no other socket can be mounted over an allowed name' {
	unix_loads || skip 'this kernel has no hook unix'
	dir=$BATS_TEST_TMPDIR
	chmod a+rx "${dir%/*/*}" "${dir%/*}" "$dir" "$TMPDIR"
	served "$dir/denied"
	touch "$dir/allowed"
	rules=(-r "allow unix $dir/allowed" -r 'default unix deny')
	no guarded "${rules[@]}" python3 -c "$reach_name" "$dir/denied"
	attack=(unshare -rm --propagation unchanged bash -c 'python3 -c "$3" mount "$1/denied" "$1/allowed" &&
		exec python3 -c "$2" "$1/allowed"' bash "$dir" "$reach_name" "$attempts")
	for user in root nobody; do
		yes guarded -k mounting -u "$user" "${rules[@]}" "${attack[@]}"
		matches '^hello$'
		no guarded -u "$user" "${rules[@]}" "${attack[@]}"
		says EPERM
	done
}

@test 'mounting: each call that changes what names mean is denied' {
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	for deed in "mount $BATS_TEST_TMPDIR/a $BATS_TEST_TMPDIR/b" "tmpfs $BATS_TEST_TMPDIR/a" \
		"tree $BATS_TEST_TMPDIR/a" "pivot $BATS_TEST_TMPDIR/a"; do
		# shellcheck disable=SC2086 # these are words
		no guarded unshare -rm --propagation unchanged "${try[@]}" $deed
		says EPERM
	done
	open_and_shut mounting unshare -rm --propagation unchanged "${try[@]}" tmpfs "$BATS_TEST_TMPDIR/a"
	open_and_shut mounting unshare -rm --propagation unchanged "${try[@]}" mount "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	open_and_shut mounting unshare -rm --propagation unchanged "${try[@]}" tree "$BATS_TEST_TMPDIR/a"
	mount --bind "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a"
	no guarded -k caps "${try[@]}" umount "$BATS_TEST_TMPDIR/a"
	says EPERM
	yes guarded -k caps,mounting "${try[@]}" umount "$BATS_TEST_TMPDIR/a"
	umount "$BATS_TEST_TMPDIR/a"
	# also without the Landlock domain, which the scopes need
	for deed in "mount $BATS_TEST_TMPDIR/a $BATS_TEST_TMPDIR/b" "tmpfs $BATS_TEST_TMPDIR/a"; do
		# shellcheck disable=SC2086 # these are words
		no guarded -k scopes unshare -rm --propagation unchanged "${try[@]}" $deed
		says EPERM
	done
	# files can still be renamed from one directory to another
	touch "$BATS_TEST_TMPDIR/a/file"
	yes guarded python3 -c 'import os, sys; os.rename(*sys.argv[1:]); os.link(sys.argv[2], sys.argv[1])' \
		"$BATS_TEST_TMPDIR/a/file" "$BATS_TEST_TMPDIR/b/file"
}

@test 'mounting: it is closed on a kernel without Landlock too' {
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	for deed in "mount $BATS_TEST_TMPDIR/a $BATS_TEST_TMPDIR/b" "tmpfs $BATS_TEST_TMPDIR/a" \
		"tree $BATS_TEST_TMPDIR/a" "umount $BATS_TEST_TMPDIR/a"; do
		# shellcheck disable=SC2086 # these are words
		run inside "$web" no_call 444 cgg-run unshare -rm --propagation unchanged "${try[@]}" $deed
		status_is 1
		says EPERM
	done
	yes inside "$web" no_call 444 cgg-run -k mounting unshare -rm "${try[@]}" tmpfs "$BATS_TEST_TMPDIR/a"
}

@test 'chroot: a user reaches no other socket by an allowed name' {
	unix_loads || skip 'this kernel has no hook unix'
	dir=$BATS_TEST_TMPDIR
	chmod a+rx "${dir%/*/*}" "${dir%/*}" "$dir" "$TMPDIR"
	mkdir -p "$dir/root/run"
	served "$dir/root/run/allowed"
	attack=(unshare -r python3 -c "import os, socket, sys
os.chroot(sys.argv.pop(1))
$reach_name" "$dir/root" /run/allowed)
	rules=(-r 'allow unix /run/allowed' -r 'default unix deny')
	yes guarded -u nobody -k chroot "${rules[@]}" "${attack[@]}"
	says hello
	no guarded -u nobody "${rules[@]}" "${attack[@]}"
	matches 'PermissionError'
	# root may do it, and could replace the socket anyway
	yes guarded chroot / true
}

@test '-e and --clear-env set the variables of the command' {
	yes env -i PATH="$PATH" A=1 B=2 TERM=dumb HOME=/h cgg-run env
	says "PATH=$PATH
A=1
B=2
TERM=dumb
HOME=/h"
	yes env -i PATH="$PATH" A=1 B=2 TERM=dumb HOME=/h cgg-run --clear-env -e B -e C=3=4 -e D -e E= /usr/bin/env
	says "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TERM=dumb
HOME=$(getent passwd 0 | cut -d : -f 6)
SHELL=$(getent passwd 0 | cut -d : -f 7)
USER=$(id -un)
LOGNAME=$(id -un)
B=2
C=3=4
E="
	yes env A=1 HOME=/h cgg-run -u nobody -e A=2 --env A=3 -e HOME bash -c 'echo "$A $HOME $USER"'
	says '3 /h nobody'
	yes env POSIXLY_CORRECT=1 cgg-run --clear-env -e POSIXLY_CORRECT printenv POSIXLY_CORRECT
	says 1
	for word in '' =x; do
		run cgg-run -e "$word" true
		status_is 125
		says "cgg-run: -e $word: a variable needs a name"
	done
}

@test '-u sets user, groups and home, and the command cannot write its cgroup' {
	yes guarded -u nobody bash -c 'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME"'
	says "65534
$(id -g nobody)
$(id -G nobody)
$(getent passwd nobody | cut -d : -f 6) nobody nobody"
	yes guarded -u 65534 id -u
	says 65534
	! getent passwd 54321
	yes guarded -u 54321 bash -c 'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME $SHELL"'
	says $'54321\n54321\n54321\n/ 54321 54321 /bin/sh'
	no guarded -u nobody -k mounts "${try[@]}" join "$web"
	says EACCES
	no guarded -u nobody -k all bash -c 'mkdir "$1/cgg-run-"*/below' bash "$web"
}

@test 'a rule for a hook applies to what stays open' {
	yes guarded -k io_uring -r 'default connect deny' -r "allow connect port $port" "$BUILD/tests/reach" \
		uring-connect 127.0.0.1 "$port" || [[ $output == skip* ]]
	run guarded -k io_uring -r 'default connect deny' "$BUILD/tests/reach" uring-connect 127.0.0.1 "$port"
	[[ $output == EPERM || $output == skip* ]]
}

# ---- where it runs ----

@test 'without clone3 the command starts inside the cgroup too' {
	for ((i = 0; i < 10; i++)); do
		no inside "$web" no_call 435 cgg-run -r 'device c 1:5 r' cat /dev/zero
	done
	yes inside "$web" no_call 435 cgg-run cat /proc/self/cgroup
	matches "^0::$(shown "$web")/cgg-run-"
	nothing_over
}

@test 'when cgg-run cannot make a cgroup it says why' {
	run inside "$web" unshare -m bash -c \
		'mount -o remount,bind,ro "$1" && exec cgg-run true' bash "$(cgroup_root)"
	status_is 125
	says "cgg-run: $web: cgroup v2 is mounted read-only here"
	echo 0 >"$web/cgroup.max.descendants"
	run guarded true
	status_is 125
	says "cgg-run: $web: allows no more cgroups below it (cgroup.max.*)"
	echo max >"$web/cgroup.max.descendants"
	run setpriv --reuid 65534 --regid 65534 --clear-groups cgg-run true
	status_is 125
	says 'cgg-run: /sys/fs/bpf/cgguard: needs root'
	nothing_over
}

@test 'cgg-run works in a container, with a cgroup namespace and a mount of it' {
	run inside "$web" unshare -mC bash -c '
		mkdir -p "$2/m" && mount -t cgroup2 none "$2/m" && umount -l "$1" &&
			cgg-run -r "device c 1:5 r" bash -c "cat /proc/self/cgroup; cat /dev/zero"' \
		bash "$(cgroup_root)" "$BATS_TEST_TMPDIR"
	status_is 1
	matches '^0::/cgg-run-'
	matches 'Operation not permitted'
	nothing_over
}

# as_other COMMAND...: run it as nobody, in $mine, with the capabilities that cgguard(7) asks for
as_other()
{
	local caps=+bpf,+net_admin,+perfmon,+dac_read_search

	inside "$mine" setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps "$caps" --ambient-caps "$caps" "$@"
}

@test 'another user runs in a delegated cgroup, and is told the reason in one that is not' {
	new_cgroup mine "$web"
	cgg-unload # root's; each has his own
	chown 65534 "$mine" "$mine/cgroup.procs"
	yes as_other cgg-load
	run as_other cgg-run -k mounts -r 'device c 1:5 r' cat /dev/zero
	status_is 1
	matches 'Operation not permitted'
	run as_other cgg-run true
	status_is 125
	says 'cgg-run: a mount namespace: Operation not permitted; --keep mounts leaves it open'
	[ -z "$(find "$mine" -mindepth 1 -type d)" ]
	chown 0 "$mine"
	run as_other cgg-run true
	status_is 125
	says "cgg-run: $mine: this user may not create a cgroup there; \
start the command below systemd-run --scope -p Delegate=yes"
	yes as_other cgg-unload
}

@test 'started from the root cgroup, its cgroup is below it, with one slash' {
	run inside "$web" unshare -m -C bash -c '
		while mount=$(findmnt -nfo TARGET -t cgroup,cgroup2); do umount -l "$mount" || exit 125; done
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cgg-run -r "device c 1:5 r" -v head -c 1 /dev/zero'
	status_is 1
	matches ' cgroup=/cgg-run-[0-9]+-[0-9a-f]{8} '
}

# Before they begin there are 57 policies, and the 65th needs maps of its own.
@test 'sixteen commands run side by side, each with rules of its own' {
	local run pids=() before

	"$BUILD/tests/fill" 1 56
	before=$(cgg-rule policies)
	mkfifo "$BATS_TEST_TMPDIR/go"
	for run in {1..16}; do
		begin -r "connect port $run" bash -c 'echo begun && read -r <"$1"' \
			bash "$BATS_TEST_TMPDIR/go" >>"$BATS_TEST_TMPDIR/said" 2>&1
		# shellcheck disable=SC2031 # begin sets it here
		pids+=("$pid")
	done
	exec {go}<>"$BATS_TEST_TMPDIR/go"
	all_begun()
	{
		[ "$(grep -cx begun "$BATS_TEST_TMPDIR/said")" -eq 16 ] || ! sleep 0.5
	}
	wait_for all_begun
	[ "$(cgg-rule policies | grep -c ^run-)" -eq 16 ]
	printf '\n%.0s' {1..16} >&"$go"
	exec {go}>&-
	for run in "${pids[@]}"; do
		wait "$run" || true
		unset "started[$run]"
	done
	[ "$(cgg-rule policies)" = "$before" ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/said")" = begun ]
}
