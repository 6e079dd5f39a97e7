#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# status-picture - the picture that cgg-status draws on a terminal, and only there
#
# The guard is loaded once; each test attaches what it needs.
# shellcheck disable=SC2154 # new_cgroup sets top

load ../ways

setup()
{
	untraced
	new_cgroup top
}

# seen COLUMNS COMMAND...: print what a terminal of that width gets; utf8, xterm, no other setting
seen()
{
	env -u NO_COLOR LC_ALL="${locale:-C.UTF-8}" TERM="${term-xterm}" ${no_color+NO_COLOR="$no_color"} python3 -c '
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if not child:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
sent = b""
try:
    while part := os.read(terminal, 65536):
        sent += part
except OSError:
    pass # the last writer has ended
sys.stdout.buffer.write(sent.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))' "$@"
}

# drawn [COLUMNS]: print the same without colors; all lines must fit
drawn()
{
	local picture

	picture=$(no_color=1 seen "${1:-80}" cgg-status) || return
	echo "$picture"
	if [ "$(LC_ALL=C.UTF-8 wc -L <<<"$picture")" -gt "${1:-80}" ]; then
		echo 'too wide'
		return 1
	fi
	! grep ' $' <<<"$picture"
}

# ageless: remove how long ago it was
ageless()
{
	sed -E 's/^ *[0-9]+s//'
}

# says_last LINES: the commands at the end are these
says_last()
{
	diff <(echo "$1") <(sed -n '/^to allow/,$p' <<<"$output")
}

# tree: print what follows the head line of the cgroups
tree()
{
	drawn "$@" | sed '1,/^cgroup /d;/^$/,$d' | sed "s|$(shown "$top")|TOP|"
}

# tree_is LINES: it equals these lines, except for blanks between columns
tree_is()
{
	diff <(echo "$1") <(tree | sed -E 's/ {2,}([^ ])/ \1/2;s/ {2,}([^ ])/ \1/2;s/([^ ]) {2,}/\1 /g')
}

@test 'in a pipe or a file the output is plain lines' {
	cgg-rule add port 9090
	cgg-attach "$top"
	yes cgg-status
	matches "^guard	/sys/fs/bpf/cgguard	layout [0-9]+$"
	matches "^policy	default	rules 1	hooks connect,sendmsg$"
	matches "^cgroup	$(shown "$top")	policy default	programs connect4,connect6,sendmsg4,sendmsg6$"
	! grep -q $'\e' <<<"$output"
	[ "$(seen 80 sh -c 'cgg-status | cat')" = "$output" ]
	for form in -j -m; do
		[ "$(seen 80 cgg-status $form)" = "$(cgg-status $form)" ]
	done
}

@test 'a guard without attached cgroups says so' {
	yes drawn
	matches '^guard  /sys/fs/bpf/cgguard, layout [0-9]+; 0 cgroups, 1 policy$'
	matches '^no cgroup is attached$'
	matches '^default +0 +[0-9]+ .* -$'
}

@test 'cgroups are a tree, with their policy and their denials' {
	mkdir "$top/system.slice" "$top/system.slice/db.service" "$top/system.slice/web.service" \
		"$top/system.slice/web.service/worker" "$top/idle" "$top/alone" "$top/alone/below"
	cgg-rule add device c 1:3 r
	cgg-rule -p shop add sysctl kernel/hostname
	cgg-rule -p shop mode audit
	cgg-rule -p nothing add port 1
	cgg-rule -p nothing flush
	cgg-attach "$top/system.slice/db.service" "$top/system.slice/web.service/worker" "$top/alone/below"
	cgg-attach -p shop "$top/system.slice/web.service"
	cgg-attach -p nothing "$top/idle"
	no inside "$top/system.slice/db.service" cat /dev/null
	no inside "$top/system.slice/web.service/worker" cat /dev/null
	no inside "$top/system.slice/web.service/worker" cat /dev/null
	yes inside "$top/system.slice/web.service" head -c 1 /proc/sys/kernel/hostname

	tree_is 'TOP
├─ alone/below default -
├─ idle nothing - no programs
└─ system.slice
   ├─ db.service default 1
   └─ web.service shop 1 audit
      └─ worker default 2'
	locale=C
	tree_is 'TOP
|- alone/below default -
|- idle nothing - no programs
`- system.slice
   |- db.service default 1
   `- web.service shop 1 audit
      `- worker default 2'
	yes drawn
	matches '^default +1 +[0-9]+ +0 +[1-9][0-9]* +0 device$'
	matches '^shop +1 +0 +0 +0 +1 mode audit sysctl$'
}

@test 'the last denials are shown in the words of a rule, newest first, repeats together' {
	cgg-rule add connect ip 127.0.0.1 port 9090
	cgg-rule add device c 1:3 r
	cgg-rule add sysctl kernel/hostname
	cgg-attach "$top"
	no inside "$top" cat /proc/sys/kernel/hostname
	no inside "$top" cat /dev/null
	no inside "$top" cat /dev/null
	no inside "$top" reach 127.0.0.1 9090
	before=$(cgg-status | grep ^events)

	yes drawn 120
	[ "$(sed '1,/^denied last/d' <<<"$output" | head -n 3 | sed -E 's/^ *[0-9]+s //;s/ {2,}/ /g')" = \
"deny connect proto tcp ip 127.0.0.1 port 9090 bash in $(shown "$top")
deny device c 1:3 r 2x cat in $(shown "$top")
deny sysctl kernel/hostname r cat in $(shown "$top")" ]
	cgg-rule flush
	yes cgg-rule add deny connect proto tcp ip 127.0.0.1 port 9090 # words that can be copied into a rule

	# the other readers still get every event
	[ "$(cgg-status | grep ^events)" = "$before" ]
	yes cgg-events -w 0
	[ "$(grep -c "cgroup=$(shown "$top") " <<<"$output")" -eq 4 ]
	yes drawn 120
	matches ' deny +connect proto tcp ip 127.0.0.1 port 9090 '
}

@test 'a denial shows the name that the address had, and the command that would allow it by name' {
	printf '%s\n' 'default connect deny' 'allow connect host *.example.com inner' | cgg-rule restore
	cgg-attach "$top"
	cgg-names add evil.example.net 127.0.0.1 || skip 'this kernel has no number of a network namespace'
	no inside "$top" reach 127.0.0.1 9090
	no inside "$top" reach 127.0.0.2 9090
	yes drawn 120
	matches "^ .* deny +connect proto tcp ip 127.0.0.1 port 9090 +bash to evil.example.net in $(shown "$top")$"
	matches "^ .* deny +connect proto tcp ip 127.0.0.2 port 9090 +bash in $(shown "$top")$"
	matches '^to allow: cgg-rule -p default add allow connect proto tcp host evil.example.net port 9090 inner$'
	[[ $output != *cgg-set* ]]
	cgg-set add mine example.org
	printf '%s\n' 'default connect deny' 'allow connect host @mine inner' | cgg-rule restore
	no inside "$top" reach 127.0.0.1 9090
	yes drawn 120
	matches '^or add it to a set: cgg-set add mine evil.example.net$'
	cgg-set add mine evil.example.net
	no inside "$top" reach 127.0.0.2 9090
	yes drawn 120
	matches '^or for all of a set: cgg-rule -p default add allow connect proto tcp host @mine port 9090 inner$'
	cgg-rule flush
	cgg-set drop mine
}

@test 'the picture ends with the commands that would allow what was denied, and they do' {
	cgg-rule add connect ip 127.0.0.1
	cgg-rule default device,sysctl deny
	cgg-rule add allow device c 1:9
	cgg-attach "$top"
	start_server
	no inside "$top" reach 127.0.0.1 "$port"
	no inside "$top" reach 127.0.0.1 "$port"
	no inside "$top" cat /dev/null
	no inside "$top" cat /proc/sys/kernel/hostname
	yes drawn 120
	id=$(cgg-rule list -i | sed -n 's/\tdeny connect.*//p')
	[ "$(sed '1,/^denied last/d' <<<"$output" | sed -n '/^to allow/,$p' | head -n 3)" = \
"to allow: cgg-rule -p default add allow sysctl kernel/hostname r
to allow: cgg-rule -p default add allow device c 1:3 r
to allow: cgg-rule -p default insert $id allow connect proto tcp ip 127.0.0.1 port $port" ]
	yes drawn 80
	eval "$(sed -n '/^to allow/,$p' <<<"$output" | sed 's/^to allow: //' | head -n 6)"
	yes inside "$top" reach 127.0.0.1 "$port"
	yes inside "$top" cat /dev/null
	yes inside "$top" cat /proc/sys/kernel/hostname
	no inside "$top" reach 127.0.0.1 1
}

@test 'when policies of several levels denied an operation, the picture says that each must allow it' {
	both='^each of these policies denied it, and must allow it: default, tight$'
	mkdir "$top/web"
	cgg-rule -p tight restore <<<'connect port 9'
	cgg-rule restore <<<'default connect,device deny'
	cgg-attach -p tight "$top"
	cgg-attach "$top/web"
	no inside "$top/web" reach 127.0.0.1 9
	no inside "$top/web" cat /dev/null
	yes drawn 120
	matches "$both"
	[ "$(grep -c '^each of' <<<"$output")" -eq 1 ]
	eval "$(sed -n 's/^to allow: \(.* tight .*\)/\1/p' <<<"$output")"
	no inside "$top/web" reach 127.0.0.1 9
	yes drawn 120
	[[ $output != *'each of'* ]]
	cgg-attach "$top"
	yes cgg-rule -p tight drop
}

@test 'denials that one rule can allow become one command with lists, for each program' {
	cgg-rule default connect deny
	cgg-attach "$top"
	start_server
	for ip in 127.0.0.1 127.0.0.2; do
		no inside "$top" reach $ip 9
		no inside "$top" reach $ip "$port"
	done
	no inside "$top" python3 -c 'import socket; socket.create_connection(("127.0.0.3", 9))'
	yes drawn 120
	low=$((port < 9 ? port : 9)) high=$((port < 9 ? 9 : port))
	[ "$(grep '^to allow' <<<"$output")" = \
"to allow: cgg-rule -p default add allow connect proto tcp ip 127.0.0.3 port 9
to allow: cgg-rule -p default add allow connect proto tcp ip 127.0.0.1,127.0.0.2 port $low,$high" ]
	eval "$(sed -n 's/^to allow: //p' <<<"$output")"
	yes inside "$top" reach 127.0.0.1 "$port"
	yes cgg-rule test connect ip 127.0.0.2 port 9
	no cgg-rule test connect ip 127.0.0.3 port "$port"
}

@test 'a set that contains what was denied is offered as a whole, but not one that a rule denies' {
	cgg-set add office 127.0.0.0/24
	cgg-set add wide 127.0.0.0/8 192.0.2.0/24
	cgg-set add bad 127.0.0.0/28
	cgg-rule default connect deny
	cgg-attach "$top"
	no inside "$top" reach 127.0.0.100 9
	no inside "$top" reach 127.0.0.101 9
	yes drawn 120
	says_last 'to allow: cgg-rule -p default add allow connect proto tcp ip 127.0.0.100,127.0.0.101 port 9
or for all of a set: cgg-rule -p default add allow connect proto tcp ip @office port 9'
	no inside "$top" reach 127.1.0.1 9
	yes drawn 120
	matches '^or for all of a set: cgg-rule -p default add allow connect proto tcp ip @wide port 9$'
	cgg-rule insert first deny connect ip @bad
	no inside "$top" reach 127.0.0.2 9
	yes drawn 120
	matches 'ip 127.0.0.2 port 9$'
	[[ $output != *@bad* ]]
	eval "$(sed -n 's/^or for all of a set: //p' <<<"$output")"
	yes cgg-rule test connect ip 192.0.2.9 port 9
	yes cgg-rule flush
	yes cgg-set drop office
	yes cgg-set drop wide
	yes cgg-set drop bad
}

@test 'an address that a set lacks can be added to it, if a rule about the set then allows' {
	cgg-set add office 192.0.2.1
	cgg-set add bad 127.0.0.2
	start_server
	cgg-rule restore <<-END
		default connect deny
		deny connect ip @bad
		allow connect proto tcp ip @office port $port
	END
	cgg-attach "$top"
	no inside "$top" reach 127.0.0.2 "$port"
	no inside "$top" reach 127.0.0.1 1
	yes drawn 120
	[[ $output != *'add it to a set'* ]]
	cgg-rule restore <<-END
		default connect deny
		deny connect ip @bad port 1
		allow connect proto tcp ip @office port $port
	END
	no inside "$top" reach 127.0.0.1 "$port"
	yes drawn 120
	matches '^or add it to a set: cgg-set add office 127.0.0.1$'
	eval "$(sed -n 's/^or add it to a set: //p' <<<"$output")"
	yes inside "$top" reach 127.0.0.1 "$port"
	no inside "$top" reach 127.0.0.1 1
}

@test 'no command is offered for what a shell would misread, or another policy denied' {
	cgg-rule add -f - <<<$'deny device c 1:3\ndeny setsockopt *:*'
	cgg-attach "$top"
	no inside "$top" cat /dev/null
	cgg-rule -p other add port 1
	cgg-attach -p other "$top"
	yes drawn
	matches ' deny +device c 1:3 r '
	[[ $output != *'to allow'* ]]
	cgg-attach "$top"
	yes drawn
	matches '^to allow: cgg-rule -p default insert [0-9]+ allow device c 1:3 r$'
	cgg-rule -p other drop
	unix_loads || return 0
	cgg-rule add unix '*'
	# shellcheck disable=SC2016 # it is a name
	no inside "$top" python3 -c 'import socket
socket.socket(socket.AF_UNIX).connect("/tmp/$(id) x")'
	yes drawn
	matches ' deny +unix '
	[[ $output != *'allow unix'* ]]
}

@test 'every hook shows its denials in words' {
	cgg-rule default connect,bind,sendmsg,egress,socket,setsockopt deny
	if unix_loads; then
		cgg-rule add deny unix '*'
	fi
	cgg-attach "$top"
	no inside "$top" python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'
	yes drawn 120
	matches ' deny +socket family inet type raw proto icmp +python3 in '
	cgg-rule default socket allow
	no inside "$top" python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 7))'
	no inside "$top" python3 -c 'import socket
socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)'
	no inside "$top" python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 5))'
	yes drawn 120
	matches ' deny +bind proto tcp ip ::1 port 7 +python3 in '
	matches ' deny +setsockopt SOL_SOCKET:SO_MARK +python3 in '
	matches ' deny +sendmsg proto udp ip 127.0.0.1 port 5 +python3 in '
	if unix_loads; then
		no inside "$top" python3 -c 'import socket
socket.socket(socket.AF_UNIX).connect("\0a\033[2J\nb")'
		yes drawn 120
		matches ' deny +unix "@a\\x1b\[2J\\x0ab" +python3 in '
	fi
}

@test 'control characters in a name do not reach the terminal, and a long name is cut in its middle' {
	odd=$top/$'e\e[2J'
	long=$top/docker-$(printf 4f0c2b%058d 7).scope
	mkdir "$odd" "$long"
	cgg-rule add device c 1:3 r
	cgg-attach "$odd" "$long"
	no inside "$long" python3 -c 'import ctypes
ctypes.CDLL(None).prctl(15, b"\033]0;x\n")
open("/dev/null")'
	tree_is 'TOP
├─ docker-4f0c2b00…0000000007.scope default 1
└─ e\x1b[2J default -'
	yes drawn
	matches ' deny  device c 1:3 r .*\\x1b\]0;x\\x0a in'
	! grep -q $'\e' <<<"$output"
	locale=C
	[ "$(tree | grep -c '^|- docker-4f0c2b00..000000007.scope ')" -eq 1 ]
}

@test 'colors appear only on terminals that have them, and not with NO_COLOR' {
	cgg-rule add device c 1:3 r
	cgg-attach "$top"
	no inside "$top" cat /dev/null
	red=$'\e[31mdeny\e[m'
	seen 80 cgg-status | grep -qF "$red"
	no_color='' && seen 80 cgg-status | grep -qF "$red" # set, but empty
	no_color=1
	[ "$(seen 80 cgg-status | grep -c $'\e')" -eq 0 ]
	unset no_color
	for term in dumb ''; do
		[ "$(seen 80 cgg-status | grep -c $'\e')" -eq 0 ]
		seen 80 cgg-status | grep -q '^denied last$'
	done
	term=xterm no_color=1
	plain=$(seen 80 cgg-status | ageless)
	unset no_color
	[ "$(seen 80 cgg-status | sed -E $'s/\e\\[[0-9]*m//g' | ageless)" = "$plain" ]
}

@test 'many sibling cgroups take few lines, and those with denials are among them' {
	mkdir "$top"/c{100..400}
	cgg-rule add device c 1:3 r
	cgg-attach "$top"/c[1-4]*
	no inside "$top/c222" cat /dev/null
	tree_is 'TOP
├─ c100 default -
├─ c101 default -
├─ c102 default -
├─ c222 default 1
└─ 297 more default -'
	yes cgg-detach "$top"/c{106..400}
	[ "$(tree | wc -l)" -eq 7 ]
}

@test 'many policies take few lines, and those with the most denials come first' {
	for i in {10..25}; do
		cgg-rule -p "p$i" add device c 1:3 r
	done
	cgg-attach -p p25 "$top"
	no inside "$top" cat /dev/null
	yes drawn
	[ "$(sed '1,/^policy /d;/^$/,$d' <<<"$output" | wc -l)" -eq 13 ]
	matches '^p25 +1 +0 +0 +1 +0 device$'
	matches '^5 more, which denied less$'
}

@test 'a wide terminal shows more, and one of unknown width has 80 columns' {
	long=$top/docker-$(printf 4f0c2b%058d 7).scope
	mkdir "$long"
	cgg-rule add device c 1:3 r
	cgg-attach "$long"
	short=$(drawn 80 | ageless)
	[ "$(drawn 120 | ageless)" != "$short" ]
	[ "$(drawn 300 | ageless)" = "$(drawn 120 | ageless)" ]
	[ "$(no_color=1 seen 0 cgg-status | ageless)" = "$short" ]
}

@test '--effective prints columns on a terminal' {
	cgg-rule add connect port 1
	cgg-attach "$top"
	yes eval 'no_color=1 seen 120 cgg-status --effective "$top"'
	matches '^hook +program name +cgroup +policy$'
	matches "^connect4 +[0-9]+ connect4 +$(shown "$top") +default$"
	[ "$(LC_ALL=C.UTF-8 wc -L <<<"$output")" -le 120 ]
}
