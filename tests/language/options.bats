#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# options - what a rule has beside its matches: ttl, quiet, errno, name, cgroup; and mode audit
#
#	does connect             make one operation of that hook inside $web
#	words_of connect         print the words of a rule for it
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways reads id and verdict

load ../ways

hooks=(connect bind sendmsg egress ingress unix socket device sysctl setsockopt getsockopt)

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
}

program='
import errno, os, socket, sys

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(0.2)  # for a packet that does not come
    return s

def tcp(s, to):
    s.bind(to)
    s.listen()
    return s.getsockname()

def connect():
    s = socket.socket()
    socket.socket().connect(tcp(s, ("127.0.0.1", 0)))

def unix():
    s = socket.socket(socket.AF_UNIX)
    socket.socket(socket.AF_UNIX).connect(tcp(s, b"\0" + sys.argv[2].encode()))

def ingress():
    s = udp()
    s.sendto(b"x", s.getsockname())
    s.recvfrom(1)

def egress():
    s = udp()
    s.connect(s.getsockname())
    s.send(b"x")

operations = dict(connect=connect, unix=unix, ingress=ingress, egress=egress, recvmsg=ingress,
    bind=lambda: tcp(socket.socket(), ("127.0.0.1", 0)),
    sendmsg=lambda: udp().sendto(b"x", ("127.0.0.1", 9)),
    socket=lambda: socket.socket(),
    device=lambda: os.open("/dev/null", os.O_RDONLY),
    sysctl=lambda: open("/proc/sys/kernel/hostname").read(),
    setsockopt=lambda: socket.socket().setsockopt(6, 1, 1),
    getsockopt=lambda: socket.socket().getsockopt(6, 1))
try:
    operations[sys.argv[1]]()
    print("ok")
except TimeoutError:
    print("timeout")
except OSError as e:
    print(errno.errorcode[e.errno])
'

attempt()
{
	exec python3 -c "$program" "$1" "$CGG_RUN-$BATS_TEST_NUMBER"
}

does()
{
	run inside "$web" attempt "$1"
}

words_of()
{
	case $1 in
	unix) echo "unix @$CGG_RUN*" ;;
	device) echo device c 1:3 ;;
	sysctl) echo sysctl kernel/hostname ;;
	setsockopt | getsockopt) echo "$1 6:1" ;;
	*) echo "$1" ;;
	esac
}

# refused HOOK: print the error that a denied operation gives
refused()
{
	[ "$1" = ingress ] && echo timeout || echo EPERM
}

# ---- ttl ----

@test 'ttl: list shows the remaining seconds' {
	while read -r said shown; do
		yes cgg-rule flush
		rule port 1 ttl "$said"
		yes cgg-rule list
		[[ $output =~ ^'deny connect,sendmsg port 1 ttl '([0-9]+)s$ ]]
		[ "${BASH_REMATCH[1]}" -le "$shown" ]
		[ "${BASH_REMATCH[1]}" -gt $((shown - 5)) ]
	done <<'END'
90s 90
10m 600
2h 7200
1d 86400
365d 31536000
END
	for wrong in 0s 10 10x 01s -1s 1.5s 366d 31536001s s ''; do
		no cgg-rule add port 2 ttl "$wrong"
		status_is 2
		says "cgg-rule: ttl $wrong: not a time (90s, 10m, 2h, 1d; a year at most)"
	done
}

@test 'ttl: the remaining time decreases' {
	rule port 1 ttl 1000s
	ttl_is_less()
	{
		left=$(cgg-rule list | sed 's/.* ttl \([0-9]*\)s$/\1/')
		[ "$left" -lt 1000 ] && [ "$left" -gt 990 ]
	}
	wait_for ttl_is_less
}

@test 'ttl: after it the rule no longer matches, although no process of cgguard runs' {
	rule alert device c 1:3
	denied_for() { yes cgg-rule insert "$id" device c 1:3 ttl "$1s" && does device && says EPERM; }
	in_time denied_for
	# from here on only operations
	is_open()
	{
		[ "$(inside "$web" attempt device)" = ok ]
	}
	[ -z "$(grep -l '^Name:.cgg-' /proc/[0-9]*/status 2>/dev/null |
		xargs -r -n 1 dirname | while read -r dir; do
			grep -zqx "CGG_RUN=$CGG_RUN" "$dir/environ" && echo "$dir"
		done)" ]
	wait_for is_open
	yes cgg-events -w 0
	matches '^\[ALERT device\] .* rule='"$id"'$'
}

@test 'ttl: an expired rule is not listed, and the next change removes it' {
	rule port 1
	keeps=$id
	lists_for() { rule port 2 ttl "$1s" && gone=$id && [ "$(cgg-rule list -i | wc -l)" -eq 2 ]; }
	in_time lists_for
	only_one()
	{
		[ "$(cgg-rule list -i)" = "$keeps"$'\tdeny connect,sendmsg port 1' ]
	}
	wait_for only_one
	no cgg-rule delete "$gone"
	status_is 1
	for i in {1..255}; do
		echo "device c 1:$i"
	done >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule add -f "$BATS_TEST_TMPDIR/rules"
	[ "$(cgg-rule list | wc -l)" -eq 256 ]
	only_one || ! cgg-rule list | grep 'port 2'
}

@test 'ttl: works on every hook' {
	for hook in "${hooks[@]}"; do
		words_of "$hook"
	done >"$BATS_TEST_TMPDIR/rules"
	denied_for()
	{
		sed "s/\$/ ttl $1s/" "$BATS_TEST_TMPDIR/rules" | cgg-rule restore && does device && says EPERM &&
			does bind && says EPERM
	}
	in_time denied_for
	nothing_listed()
	{
		[ "$(cgg-rule list)" = '# allow everything' ]
	}
	wait_for nothing_listed
	for hook in "${hooks[@]}"; do
		does "$hook"
		says ok
	done
}

@test 'ttl: an allow rule that expires closes' {
	yes cgg-rule default sysctl deny
	allowed_for() { yes cgg-rule add allow sysctl kernel/hostname ttl "$1s" && does sysctl && says ok; }
	in_time allowed_for
	is_closed()
	{
		[ "$(inside "$web" attempt sysctl)" = EPERM ]
	}
	wait_for is_closed
}

# ---- quiet, name ----

# ttls N: print that many rules for one port, each with a ttl of its own
ttls()
{
	for ((i = 1; i <= $1; i++)); do echo "deny connect port 80 ttl ${i}m"; done
}

@test 'ttl: 8192 rules for the same port are judged, the last one too, and more are refused' {
	yes cgg-rule restore <(ttls 8191 && echo deny connect port 80-81 ttl 200h name last)
	run cgg-rule test connect ip 192.0.2.1 port 81
	status_is 1
	matches ' name last'
	run cgg-rule test connect ip 192.0.2.1 port 82
	status_is 0
	run cgg-rule restore <(ttls 8193)
	status_is 3
	says 'cgg-rule: deny connect port 80: too many rules with different conditions at one address'
	run cgg-rule restore <(for ((i = 1; i <= 8193; i++)); do echo "deny egress ttl ${i}m"; done
		printf 'deny egress proto %s\n' 1 2 47 50 132)
	status_is 3
	matches ': too many rules with different conditions at one address$'
	[ "$(cgg-rule list | wc -l)" -eq 8192 ]
}

@test 'quiet: every hook denies and counts without an event' {
	for hook in "${hooks[@]}"; do
		# shellcheck disable=SC2046 # words
		rule $(words_of "$hook") quiet
		does "$hook"
		says "$(refused "$hook")"
		reports_nothing
		[ "$(cgg-rule list -s | awk -v id="$id" '$1 == id { print($2 > 0) }')" = 1 ]
		yes cgg-rule flush
	done
}

@test 'quiet: alerts and audit mode are quiet too' {
	rule alert device c 1:3 quiet
	does device
	says ok
	yes cgg-rule mode audit
	rule sysctl kernel/hostname quiet
	does sysctl
	says ok
	reports_nothing
}

@test 'name: the events of every hook have it as label' {
	for hook in "${hooks[@]}"; do
		# shellcheck disable=SC2046 # words
		rule $(words_of "$hook") name "the-$hook"
		does "$hook"
		says "$(refused "$hook")"
		yes cgg-events -w 0
		matches " rule=$id label=the-$hook( |$)"
		yes cgg-rule flush
	done
}

@test 'name takes 31 letters, comment 127 bytes' {
	name=$(printf %031d 0)
	comment=$(printf %0127d 0)
	rule device c 1:3 name "$name" comment "$comment"
	yes cgg-rule list
	says "deny device c 1:3 rwm name $name comment \"$comment\""
	does device
	yes cgg-events -w 0
	matches " label=$name$"
	no cgg-rule add port 1 name "0$name"
	no cgg-rule add port 1 comment "0$comment"
}

# ---- errno ----

@test 'errno: each hook that takes it returns it' {
	for hook in connect bind sendmsg unix socket device sysctl setsockopt getsockopt; do
		for error in ECONNREFUSED EACCES; do
			# shellcheck disable=SC2046 # words
			rule $(words_of "$hook") errno "$error"
			does "$hook"
			says "$error"
			yes cgg-rule flush
		done
	done
	yes cgg-rule default device deny
	does device
	says EPERM
}

@test 'errno: refused on hooks that cannot return it' {
	for hook in egress ingress; do
		no cgg-rule add "$hook" errno EACCES
		status_is 2
		says "cgg-rule: errno: $hook does not take it"
	done
	no cgg-rule add alert recvmsg errno EACCES
	status_is 2
	no cgg-rule add connect,egress port 1 errno EACCES
	status_is 2
	says 'cgg-rule: errno: egress does not take it'
	for verdict in allow alert; do
		no cgg-rule add "$verdict" connect errno EACCES
		status_is 2
		says 'cgg-rule: errno: only deny rules can have one'
	done
	for word in 13 eacces EFROB ''; do
		no cgg-rule add connect errno "$word"
		status_is 2
		says "cgg-rule: errno $word: not the name of an error, like ECONNREFUSED"
	done
}

# ---- options of a default ----

@test 'default errno: each hook that takes it returns it, and the event has rule 0' {
	for hook in connect bind sendmsg unix socket device sysctl setsockopt getsockopt; do
		for error in ECONNREFUSED EACCES; do
			yes cgg-rule default "$hook" deny errno "$error"
			does "$hook"
			says "$error"
			matches_event "$hook"
			yes cgg-rule flush
		done
	done
	yes cgg-rule default device deny errno EACCES
	yes cgg-rule default device deny
	does device
	says EPERM
	yes cgg-rule add -f - <<<$'default sysctl deny quiet errno EIO\ndevice c 9:9'
	does sysctl
	says EIO
	does device
	says EPERM
}

# matches_event HOOK: the last denials were by the default
matches_event()
{
	run cgg-events -w 0
	matches '^\[DENY .* rule=0( |$)'
}

@test 'default errno: holds beside a thousand rules, and in audit mode nothing is refused' {
	printf 'deny connect ip 10.0.0.1 port %d\n' {1..1000} >"$BATS_TEST_TMPDIR/rules"
	echo 'default connect deny errno ENETUNREACH' >>"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	does connect
	says ENETUNREACH
	yes cgg-rule mode audit
	does connect
	says ok
}

@test 'default quiet: every hook denies and counts without an event' {
	for hook in "${hooks[@]}"; do
		yes cgg-rule default "$hook" deny quiet
		does "$hook"
		says "$(refused "$hook")"
		reports_nothing
		[ "$(cgg-rule list -s | awk '$1 == "-" { print($2 > 0) }')" = 1 ]
		yes cgg-rule flush
	done
	yes cgg-rule default device alert quiet
	does device
	says ok
	reports_nothing
}

@test 'default: errno and quiet are listed, read back, compared and replaced' {
	yes cgg-rule add -f - <<-END
		default connect,bind deny errno EACCES
		default sendmsg deny
		default sysctl deny errno EACCES quiet
		default device deny quiet errno EACCES
		default egress alert quiet
		default ingress alert
	END
	yes cgg-rule list
	says 'default egress alert quiet
default ingress alert
default connect,bind deny errno EACCES
default sendmsg deny
default device,sysctl deny quiet errno EACCES'
	cgg-rule list >"$BATS_TEST_TMPDIR/rules"
	yes cgg-rule diff "$BATS_TEST_TMPDIR/rules"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/rules"
	yes cgg-rule diff "$BATS_TEST_TMPDIR/rules"
	[ "$(cgg-rule list -j | jq -c '.errors, .quiet, .defaults.sendmsg')" = \
		'{"connect":"EACCES","bind":"EACCES","device":"EACCES","sysctl":"EACCES"}
["egress","device","sysctl"]
"deny"' ]
	run cgg-rule diff - <<<'default connect,bind deny'
	status_is 1
	matches '^-default connect,bind deny errno EACCES$'
	matches '^\+default connect,bind deny$'
	yes cgg-rule default connect,device allow
	yes cgg-rule list
	matches '^default bind deny errno EACCES$'
	matches '^default sysctl deny quiet errno EACCES$'
}

# ---- cgroup ----

@test 'cgroup: holds for the cgroup and those below it, not beside or above it' {
	new_cgroup one "$web"
	new_cgroup two "$web"
	new_cgroup below "$one"
	rule device c 1:3 cgroup "$one"
	yes cgg-rule list
	says "deny device c 1:3 rwm cgroup $(shown "$one")"
	for where in "$one" "$below"; do
		run inside "$where" attempt device
		says EPERM
	done
	for where in "$two" "$web"; do
		run inside "$where" attempt device
		says ok
	done
}

@test 'cgroup: works on every hook' {
	new_cgroup one "$web"
	new_cgroup two "$web"
	for hook in "${hooks[@]}"; do
		# shellcheck disable=SC2046 # words
		rule $(words_of "$hook") cgroup "$one"
		run inside "$one" attempt "$hook"
		says "$(refused "$hook")"
		run inside "$two" attempt "$hook"
		says ok
		yes cgg-rule flush
	done
}

@test 'cgroup: takes every form of TARGET' {
	new_cgroup one "$web"
	inside "$one" sleep 100 3>&- &
	wait_for grep -q . "$one/cgroup.procs"
	pid=$(cat "$one/cgroup.procs")
	for target in "$one" "$(shown "$one")" "pid:$pid"; do
		rule port 1 cgroup "$target"
		yes cgg-rule list
		says "deny connect,sendmsg port 1 cgroup $(shown "$one")"
		yes cgg-rule flush
	done
}

@test 'cgroup: a missing cgroup is refused, and not made' {
	no cgg-rule add port 1 cgroup "$web/none"
	status_is 2
	matches "$web/none: "
	[ ! -e "$web/none" ]
	no cgg-rule add port 1 cgroup "$BATS_TEST_TMPDIR"
	status_is 2
	yes cgg-rule list
	says '# allow everything'
}

@test 'cgroup: a rule does not hold for a new cgroup of the same name' {
	new_cgroup one "$web"
	rule device c 1:3 cgroup "$one"
	run inside "$one" attempt device
	says EPERM
	wait_for rmdir "$one"
	mkdir "$one"
	run inside "$one" attempt device
	says ok
	# nor does a change of another rule
	rule device c 1:5
	run inside "$one" attempt device
	says ok
	rule device c 1:3 cgroup "$one"
	run inside "$one" attempt device
	says EPERM
}

# ---- mode audit ----

@test 'mode audit: every hook reports and denies nothing, until mode enforce' {
	for hook in "${hooks[@]}"; do
		# shellcheck disable=SC2046 # words
		rule $(words_of "$hook")
		does "$hook"
		says "$(refused "$hook")"
		yes cgg-rule mode audit
		yes cgg-events -w 0
		does "$hook"
		says ok
		yes cgg-events -w 0
		matches "^\[AUDIT ([a-z_]*${hook}[46]?|sock_create)\] .* policy=default rule=$id( |$)"
		[[ $output != *DENY* ]]
		yes cgg-rule mode enforce
		does "$hook"
		says "$(refused "$hook")"
		yes cgg-rule flush
		yes cgg-events -w 0
	done
}

@test 'mode audit: recvmsg has nothing to deny' {
	rule alert recvmsg
	yes cgg-rule mode audit
	does recvmsg
	says ok
	yes cgg-events -w 0
	matches '^\[ALERT recvmsg4\] '
	[[ $output != *AUDIT* ]]
}

@test 'mode audit: covers defaults and errno, leaves alerts as they are, and is listed first' {
	yes cgg-rule default sysctl deny
	rule device c 1:3 errno EACCES
	rule alert socket
	yes cgg-rule mode audit
	yes cgg-rule list
	says 'mode audit
default sysctl deny
deny device c 1:3 rwm errno EACCES
alert socket'
	for hook in sysctl device socket; do
		does "$hook"
		says ok
	done
	yes cgg-events -w 0
	matches '^\[AUDIT sysctl\] .* rule=0$'
	matches '^\[AUDIT device\] '
	matches '^\[ALERT sock'
	yes cgg-rule mode enforce
	does device
	says EACCES
	does sysctl
	says EPERM
	no cgg-rule mode
	status_is 2
	no cgg-rule mode strict
	status_is 2
	says 'cgg-rule: mode strict: needs enforce or audit'
}
