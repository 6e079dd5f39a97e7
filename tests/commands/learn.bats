#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# learn - cgg-learn makes the smallest allow list from events
#
#	learned LINES            the rules that cgg-learn makes of $events are exactly these
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set web, port and output
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../helpers

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# learned RULES [OPTION...]: cgg-learn makes these rules of the events on standard input
learned()
{
	local rules=$1 events
	shift

	events=$(cat)
	yes cgg-learn "$@" - <<<"$events"
	diff <(echo "$rules") <(grep '^allow' <<<"$output" | sed 's/ # .*//')
}

# net HOOK ADDR PORT PROTO [COMM]: print an event
net()
{
	echo "{\"verdict\":\"alert\",\"hook\":\"$1\",\"pid\":7,\"comm\":\"${5:-curl}\",\"daddr\":\"$2\",\"saddr\":\"$2\",\"dport\":$3,\"proto\":$4,\"rule\":0}"
}

@test 'each kind of event becomes the rule that allows only it' {
	while IFS='|' read -r event rule; do
		learned "$rule" <<<"{\"verdict\":\"alert\",\"comm\":\"x\",$event}"
	done <<'END'
"hook":"connect4","daddr":"10.0.0.1","dport":443,"proto":6|allow connect proto tcp ip 10.0.0.1 port 443
"hook":"connect6","daddr":"2001:db8::1","dport":53,"proto":17|allow connect proto udp ip 2001:db8::1 port 53
"hook":"sendmsg4","daddr":"10.0.0.1","dport":53,"proto":17|allow sendmsg proto udp ip 10.0.0.1 port 53
"hook":"bind4","daddr":"0.0.0.0","dport":80,"proto":6|allow bind proto tcp ip 0.0.0.0 port 80
"hook":"post_bind6","daddr":"::","dport":8080,"proto":6|allow bind proto tcp ip :: port 8080
"hook":"egress","daddr":"10.0.0.1","saddr":"10.0.0.2","dport":443,"sport":40000,"proto":6|allow egress proto tcp ip 10.0.0.1 port 443
"hook":"egress","daddr":"10.0.0.1","dport":0,"proto":1|allow egress proto icmp ip 10.0.0.1
"hook":"ingress","daddr":"10.0.0.2","saddr":"10.0.0.1","dport":22,"proto":6|allow ingress proto tcp ip 10.0.0.1 port 22
"hook":"connect_unix","path":"/run/x.sock"|allow unix /run/x.sock
"hook":"sendmsg_unix","path":"@name"|allow unix @name
"hook":"sock_create","family":"inet6","type":"raw","proto":58|allow socket family inet6 type raw proto icmpv6
"hook":"device","major":1,"minor":3,"type":"c","access":"rw"|allow device c 1:3 rw
"hook":"device","major":8,"minor":0,"type":"b","access":"m"|allow device b 8:0 m
"hook":"sysctl","write":1,"name":"net/ipv4/conf/eth0.100/forwarding"|allow sysctl net/ipv4/conf/eth0.100/forwarding w
"hook":"setsockopt","level":1,"optname":36|allow setsockopt SOL_SOCKET:SO_MARK
"hook":"getsockopt","level":4242,"optname":1|allow getsockopt 4242:1
END
}

@test 'equal events become one rule, with their count and the programs' {
	for comm in curl curl wget apt curl git sh dig; do
		net connect4 10.0.0.1 80 6 "$comm"
	done >"$BATS_TEST_TMPDIR/events"
	yes cgg-learn "$BATS_TEST_TMPDIR/events"
	says '# learned from 8 events
# not watched, stays allowed: bind sendmsg egress ingress unix socket device sysctl setsockopt getsockopt dns
# (no event came from these hooks; events do not tell whether a silent hook was watched)
default connect deny
allow connect proto tcp ip 10.0.0.1 port 80 # 8 times, by curl, wget, apt, git and others'
}

# flow OPENED SENT RECEIVED PORT [KEYS]: print an event of a connection that ended
flow()
{
	echo "{\"verdict\":\"alert\",\"hook\":\"flow\",\"daddr\":\"192.0.2.7\",\"dport\":$4,\"proto\":6,\"saddr\":\"10.0.0.9\",\"opened\":\"$1\",\"sent\":$2,\"received\":$3${5-}}"
}

@test 'connections that ended become a list of how much went where, the most first' {
	{
		flow here 5 6 443
		flow there 1000 2000 80
		flow here 7 8 443
		flow here 100 0 443 ',"host":"db\u001b.example"'
		flow here 1 2 53 | sed 's/"proto":6/"proto":17/; s/"flow"/"flow_udp"/'
		flow here 3 0 0 ',"others":1' | sed 's/"proto":6/"proto":17/; s/"flow"/"flow_udp"/'
		net connect4 10.0.0.1 80 6
	} >"$BATS_TEST_TMPDIR/events"
	yes cgg-learn "$BATS_TEST_TMPDIR/events"
	[ "$(grep '^# flow' <<<"$output")" = '# flow from 10.0.0.9 to port 80: sent 1000, received 2000, connections 1
# flow to db\x1b.example port 443: sent 100, received 0, connections 1
# flow to 192.0.2.7 port 443: sent 12, received 14, connections 2
# flow to 192.0.2.7 proto udp port 53: sent 1, received 2, connections 1
# flow to others proto udp port 0: sent 3, received 0, connections 1' ]
	[ "$(grep -v '^#' <<<"$output")" = 'default connect deny
allow connect proto tcp ip 10.0.0.1 port 80 # 1 time, by curl' ]
	yes cgg-learn <<<"$(flow here 9223372036854775807 1 1; flow here 9223372036854775807 1 1)"
	matches '^# flow to 192.0.2.7 port 1: sent 9223372036854775807, received 2, connections 2$'
	no cgg-learn <<<'{"verdict":"alert","hook":"flow","daddr":"192.0.2.7\nallow connect","dport":1}'
	status_is 2
	matches 'flow event without a field that it must have'
}

@test 'hooks, letters and ports are joined where that allows nothing else' {
	learned 'allow connect proto tcp ip 10.0.0.1 port 80-82
allow connect,sendmsg proto udp ip 9.9.9.9 port 53
allow device c 1:3 rw
allow sysctl kernel/hostname rw' < <(
		net connect4 10.0.0.1 82 6; net connect4 10.0.0.1 80 6; net connect4 10.0.0.1 81 6
		net connect4 9.9.9.9 53 17; net sendmsg4 9.9.9.9 53 17
		for letter in r w; do
			echo '{"hook":"device","comm":"a","major":1,"minor":3,"type":"c","access":"'$letter'"}'
		done
		for write in 0 1; do
			echo '{"hook":"sysctl","comm":"a","write":'$write',"name":"kernel/hostname"}'
		done)
	# a gap, another address, another protocol: a list
	learned 'allow connect proto tcp ip 10.0.0.1 port 80,82
allow connect proto tcp ip 10.0.0.2 port 80
allow connect proto udp ip 10.0.0.1 port 80' < <(
		net connect4 10.0.0.1 80 6; net connect4 10.0.0.1 82 6; net connect4 10.0.0.1 80 17
		net connect4 10.0.0.2 80 6)
	learned 'allow connect proto tcp,udp ip 10.0.0.1,10.0.0.2,2001:db8::1 port 80,443' < <(
		for proto in 17 6; do
			for ip in 10.0.0.2 10.0.0.1; do
				net connect4 $ip 443 $proto; net connect4 $ip 80 $proto
			done
			net connect6 2001:db8::1 443 $proto; net connect6 2001:db8::1 80 $proto
		done)
	learned 'allow egress proto icmp ip 10.0.0.1,10.0.0.2
allow socket family inet type raw proto icmp,udp' < <(
		net egress 10.0.0.1 0 1; net egress 10.0.0.2 0 1
		for proto in 17 1; do
			echo '{"hook":"sock_create","family":"inet","type":"raw","proto":'$proto'}'
		done)
	# a list has at most 64 elements
	yes cgg-learn - < <(for n in {1..200}; do net connect4 10.0.0.1 $((2 * n)) 6; done)
	[ "$(grep -c ^allow <<<"$output")" -eq 4 ]
	[ "$(grep ^allow <<<"$output" | grep -o '[0-9,]* #' | tr , '\n' | wc -l)" -eq 200 ]
	learned 'allow connect proto tcp ip 10.0.0.1 port 65534-65535' < <(
		net connect4 10.0.0.1 65535 6; net connect4 10.0.0.1 65534 6)
}

@test 'addresses and ports are widened only as far as the options say' {
	events() { net connect4 10.0.0.1 80 6; net connect4 10.0.0.9 80 6; net connect4 10.0.1.9 80 6
		net connect4 10.0.0.1 443 6; net connect6 2001:db8::1 80 6; net connect6 2001:db8::2 80 6; }
	learned 'allow connect proto tcp ip 10.0.0.0/24,10.0.1.9,2001:db8::1,2001:db8::2 port 80
allow connect proto tcp ip 10.0.0.1 port 443' --prefix 24 < <(events)
	learned 'allow connect proto tcp ip 10.0.0.0/16,2001:db8::/64 port 80
allow connect proto tcp ip 10.0.0.1 port 443' --prefix 16 --prefix6 64 < <(events)
	learned 'allow connect proto tcp ip 10.0.0.1 port 80-83,88' --gap 2 < <(
		for port in 80 83 88; do net connect4 10.0.0.1 $port 6; done)
	# a rule that a wider one covers is left out
	learned 'allow connect proto tcp ip 10.0.0.0/24 port 80-90' --prefix 24 --gap 9 < <(
		for port in 80 90; do net connect4 10.0.0.1 $port 6; net connect4 10.0.0.2 $port 6; done
		net connect4 10.0.0.1 85 6)
}

@test '--answers writes source ports, and --uid the users who called' {
	events() {
		for client in 40000/80 40007/443 32768/32767; do
			for ip in 10.0.0.1 10.0.0.3; do
				echo "{\"hook\":\"egress\",\"comm\":\"a\",\"daddr\":\"$ip\",\"dport\":${client%/*},\"sport\":${client#*/},\"proto\":6,\"uid\":7}"
			done
		done
		for client in 443/41333 53/53 40000/40001 40000/0; do
			echo "{\"hook\":\"ingress\",\"comm\":\"a\",\"saddr\":\"10.0.0.3\",\"dport\":${client%/*},\"sport\":${client#*/},\"proto\":6,\"uid\":7}"
		done
		for uid in 1003 1001 1000; do
			echo "{\"hook\":\"connect4\",\"comm\":\"a\",\"daddr\":\"10.0.0.3\",\"dport\":443,\"sport\":80,\"proto\":6,\"uid\":$uid}"
		done
		echo '{"hook":"connect4","comm":"a","daddr":"10.0.0.3","dport":444,"proto":6,"uid":1003}'
		echo '{"hook":"device","comm":"a","major":1,"minor":3,"type":"c","access":"r","uid":5}'
		echo '{"hook":"device","comm":"a","major":1,"minor":3,"type":"c","access":"w","uid":6}'
	}
	learned 'allow connect proto tcp ip 10.0.0.3 port 443 uid 1000-1001
allow connect proto tcp ip 10.0.0.3 port 443-444 uid 1003
allow egress proto tcp ip 10.0.0.1,10.0.0.3 sport 80,443,32767
allow ingress proto tcp ip 10.0.0.3 port 53,443,40000
allow device c 1:3 r uid 5
allow device c 1:3 w uid 6' --answers --uid < <(events)
	yes cgg-rule -p fresh restore -n - <<<"$output"
	learned 'allow connect proto tcp ip 10.0.0.3 port 443-444
allow egress proto tcp ip 10.0.0.1,10.0.0.3 port 32768,40000,40007
allow ingress proto tcp ip 10.0.0.3 port 53,443,40000
allow device c 1:3 rw' < <(events)
	# an event without a user that a rule can have
	run cgg-learn --uid - <<<'{"hook":"connect4","daddr":"10.0.0.3","dport":444,"proto":6}'
	status_is 2
	run cgg-learn --uid - <<<'{"hook":"connect4","daddr":"10.0.0.3","dport":444,"proto":6,"uid":4294967295}'
	status_is 1
}

@test 'text that programs chose stays in a comment on its line' {
	yes cgg-learn - <<<'{"hook":"connect4","comm":"x\nmode audit\u001b[2J # \\","daddr":"10.0.0.1","dport":80,"proto":6}'
	says '# learned from 1 event
# not watched, stays allowed: bind sendmsg egress ingress unix socket device sysctl setsockopt getsockopt dns
# (no event came from these hooks; events do not tell whether a silent hook was watched)
default connect deny
allow connect proto tcp ip 10.0.0.1 port 80 # 1 time, by x\x0amode\x20audit\x1b[2'
}

@test 'a name of any bytes becomes a rule for that name only, on one line' {
	yes cgg-learn - <<'END'
{"hook":"connect_unix","comm":"x","path":"/run/a\nmode audit"}
{"hook":"connect_unix","comm":"x","path":"/run/\"a b\" # caf\u00e9"}
END
	[ "$(grep -v '^#' <<<"$output")" = 'default unix deny
allow unix "/run/\"a b\" # caf\xc3\xa9" # 1 time, by x
allow unix "/run/a\x0amode audit" # 1 time, by x' ]
	cgg-load
	yes cgg-rule -p learned restore <(echo "$output")
	yes cgg-rule -p learned test unix $'/run/a\nmode audit'
	yes cgg-rule -p learned test unix '/run/"a b" # café'
	no cgg-rule -p learned test unix /run/a
	yes cgg-rule -p learned list
	[ "${#lines[@]}" -eq 3 ]
}

@test 'an event that no rule can allow is reported and left out' {
	while IFS= read -r event; do
		run cgg-learn - <<<"{\"comm\":\"x\",$event}"
		status_is 1
		matches '^cgg-learn: -:1: no rule can allow only this [a-z]* event'
		[ "$(grep -c '^allow' <<<"$output")" -eq 0 ]
	done <<'END'
"hook":"connect_unix","path":"@x*"
"hook":"connect_unix","path":"/run/*"
"hook":"connect_unix","path":"relative"
"hook":"connect_unix","path":"/run/../x"
"hook":"connect_unix","path":"@a\u0000b"
"hook":"connect_unix","path":"/run/\ufffd"
"hook":"connect_unix","path":""
"hook":"sysctl","write":0,"name":"net/ipv4/*"
"hook":"sysctl","write":0,"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bcdef"
"hook":"sock_create","family":"inet","type":5,"proto":132
"hook":"device","type":"c","major":1,"minor":3,"access":""
"hook":"device","type":"a","major":1,"minor":3,"access":"r"
"hook":"connect4","daddr":"10.0.0.0/8","dport":80,"proto":6
"hook":"connect4","daddr":"local","dport":80,"proto":6
"hook":"egress","daddr":"10.0.0.1","dport":0,"proto":6,"unread":1
"hook":"connect4","daddr":"10.0.0.1","dport":80,"proto":2
END
}

@test 'lost events are reported, and observed hooks need no rule' {
	run cgg-learn - < <(net connect4 10.0.0.1 80 6; echo '{"lost":512}'; echo '{"lost":1}')
	status_is 0
	matches '^# learned from 1 event; 513 more were lost$'
	matches '^cgg-learn: -: 513 events were lost, so the list may lack rules$'
	yes cgg-learn - < <(net recvmsg4 10.0.0.1 80 17)
	matches '^# learned from 1 event$'
	[ "$(grep -vc '^#' <<<"$output")" -eq 0 ]
}

@test 'a line that is no event and wrong words have status 2, and nothing is printed' {
	while read -r line; do
		run cgg-learn - < <(net connect4 10.0.0.1 80 6; echo "$line")
		status_is 2
		matches '^cgg-learn: -:2: '
		[ "$(wc -l <<<"$output")" -eq 1 ]
	done <<'END'
x
{
[]
7
{}
{"hook":"connect"}
{"hook":"frob","comm":"x"}
{"hook":"connect4","comm":"x"}
{"hook":"connect4","daddr":7,"dport":80,"proto":6}
{"hook":"connect4","daddr":"10.0.0.1","dport":-1,"proto":6}
{"hook":"device","type":"c","major":1,"access":"r"}
{"hook":"sysctl","name":"kernel/hostname"}
END
	while IFS='|' read -r words said; do
		run bash -c "cgg-learn $words </dev/null"
		status_is "${said%%:*}"
		says "cgg-learn: ${said#*:}"
	done <<'END'
--prefix 33|2:--prefix 33: not a number (0 to 32)
--prefix6 129|2:--prefix6 129: not a number (0 to 128)
--gap x|2:--gap x: not a number (0 to 65535)
a b|2:b: cgg-learn takes one FILE
/nowhere/nothing|2:/nowhere/nothing: No such file or directory
-|1:-: no events; to learn a hook, set its default to alert
END
	run bash -c 'cgg-learn - <<<"{\"hook\":\"connect4\",\"daddr\":\"::1\",\"dport\":1,\"proto\":6}" >/dev/full'
	status_is 3
	run cgg-learn "$BATS_TEST_TMPDIR"
	status_is 3
}

# event KEY=VALUE...: print one event; a value that is no number becomes a string
event()
{
	python3 -c '
import json, sys
keys = dict(verdict="alert", hook="connect4", comm="curl", daddr="10.0.0.1", dport=80, proto=6, policy="web", cgroup="/web", cgroup_id=7)
for word in sys.argv[1:]:
    key, value = word.split("=", 1)
    keys[key] = int(value) if value.isdigit() and key != "cgroup" else value
print(json.dumps(keys))' "$@"
}

@test 'a denial becomes no rule, and its hook stays closed' {
	run cgg-learn - < <(event; event verdict=audit dport=81; event verdict=deny dport=22
		event verdict=deny hook=device major=1 minor=3 type=c access=r)
	status_is 0
	says 'cgg-learn: -: 2 denials were skipped; --denied prints what would allow them
# learned from 2 events
# skipped: 2 denials
# not watched, stays allowed: bind sendmsg egress ingress unix socket sysctl setsockopt getsockopt dns
# (no event came from these hooks; events do not tell whether a silent hook was watched)
default connect,device deny
allow connect proto tcp ip 10.0.0.1 port 80-81 # 2 times, by curl'
	# only denials: nothing is printed
	run cgg-learn - < <(event verdict=deny)
	status_is 1
	says 'cgg-learn: -: 1 denial was skipped; --denied prints what would allow it
cgg-learn: -: no events; to learn a hook, set its default to alert'
	# an unknown verdict does not count as allowed either
	for verdict in denied DENY '' 7; do
		run cgg-learn - < <(event verdict="$verdict")
		status_is 2
		says 'cgg-learn: -:1: an event with an unknown verdict'
	done
}

@test '--denied prints only rules that would allow the denials, with time, count and programs' {
	yes cgg-learn --denied - < <(event
		event verdict=deny dport=443 comm=wget time=2026-11-02T10:00:00.000009Z
		event verdict=deny dport=443 time=2026-11-01T10:00:00.000009Z
		event verdict=deny dport=22 comm=ssh time=2026-11-03T10:00:00.000009Z
		event verdict=audit dport=81)
	says 'allow connect proto tcp ip 10.0.0.1 port 443 # denied 2 times, by wget, curl, from 2026-11-01T10:00:00.000009Z to 2026-11-02T10:00:00.000009Z
allow connect proto tcp ip 10.0.0.1 port 22 # denied 1 time, by ssh, at 2026-11-03T10:00:00.000009Z'
	# denials of one program become lists; a person can still choose between programs
	yes cgg-learn --denied - < <(for ip in 10.0.0.1 10.0.0.2; do
		for port in 22 443; do
			event verdict=deny daddr=$ip dport=$port comm=ssh
			event verdict=deny daddr=$ip dport=$port comm=git
		done
		event verdict=deny daddr=$ip dport=80 comm=wget
	done)
	says 'allow connect proto tcp ip 10.0.0.1,10.0.0.2 port 22,443 # denied 8 times, by ssh, git
allow connect proto tcp ip 10.0.0.1,10.0.0.2 port 80 # denied 2 times, by wget'
	# a rule that denied must come behind the new one, so denials of different rules stay apart
	yes cgg-learn --denied --prefix 24 --gap 9 - < <(for rule in 7 0 12; do
		for ip in 10.0.0.1 10.0.0.2; do
			event verdict=deny dport=443 daddr=$ip rule=$rule
			event verdict=deny dport=444 daddr=$ip rule=$rule
		done
	done)
	for rule in 7 0 12; do
		matches "^allow connect proto tcp ip 10.0.0.0/24 port 443-444 # denied 4 times, by curl$(((rule)) &&
			echo "; insert it before rule $rule, which denied this")\$"
	done
	run cgg-learn --denied - < <(event)
	status_is 1
	says 'cgg-learn: -: no denials; cgg-events prints an event only once, so let them happen again'
}

@test 'events of several policies or cgroups have status 2, and these are named' {
	mixed() { event; event policy=db cgroup=/db cgroup_id=8 dport=5432; }
	run cgg-learn - < <(mixed)
	status_is 2
	says 'cgg-learn: -: these are events of 2 policies (web, db); choose one with --policy'
	# also for denials, and when the name is unknown
	run cgg-learn - < <(event; event verdict=deny policy=db)
	status_is 2
	run cgg-learn - < <(event; net connect4 10.0.0.2 80 6)
	status_is 2
	matches '2 policies \(web, unknown\)'
	run cgg-learn - < <(event; event cgroup=/other cgroup_id=8)
	status_is 2
	says 'cgg-learn: -: these are events of 2 cgroups (/web, /other); choose one with --cgroup, or take all of the policy with --policy'
	run cgg-learn - < <(for n in 1 2 3 4 5 6; do event policy=$'p\n'$n; done)
	status_is 2
	says 'cgg-learn: -: these are events of 6 policies (p\x0a1, p\x0a2, p\x0a3, p\x0a4, and 2 more); choose one with --policy'
}

@test '--policy and --cgroup choose the events' {
	nested() { event; event policy=db cgroup=/web/db cgroup_id=8 dport=5432
		event cgroup=/web2 cgroup_id=9 dport=81; event cgroup=/web/x cgroup_id=10 dport=82; }
	learned 'allow connect proto tcp ip 10.0.0.1 port 80-82' --policy web < <(nested)
	learned 'allow connect proto tcp ip 10.0.0.1 port 5432' --policy db < <(nested)
	for target in web /web web/ /sys/fs/cgroup/web "$(cgroup_root)/web"; do
		learned 'allow connect proto tcp ip 10.0.0.1 port 80,82' --policy web --cgroup "$target" < <(nested)
	done
	learned 'allow connect proto tcp ip 10.0.0.1 port 5432' --cgroup /web/db < <(nested)
	# a cgroup and those below it may have several policies
	run cgg-learn --cgroup / - < <(nested)
	status_is 2
	matches '2 policies \(web, db\)'
	for choice in '--policy none' '--cgroup /we' '--policy db --cgroup web2'; do
		# shellcheck disable=SC2086 # these are words
		run cgg-learn $choice - < <(nested)
		status_is 1
		says 'cgg-learn: -: 4 events are of other policies or cgroups
cgg-learn: -: no events; to learn a hook, set its default to alert'
	done
	for choice in '--policy=a/b' '--cgroup=' '--cgroup=pid:x'; do
		run cgg-learn "$choice" - < <(nested)
		status_is 2
	done
}

@test 'a removed cgroup counts as the same cgroup as in its earlier events' {
	gone() { event; event cgroup=7 dport=81; }
	learned 'allow connect proto tcp ip 10.0.0.1 port 80-81' < <(gone)
	learned 'allow connect proto tcp ip 10.0.0.1 port 80-81' --cgroup web < <(gone)
	run cgg-learn - < <(gone; event cgroup=9 cgroup_id=9)
	status_is 2
	matches '2 cgroups \(/web, 9\)'
}

@test 'suppressed events are counted as lost, or as denials' {
	withheld() { echo "{\"withheld\":$1,\"cgroup\":\"/web\",\"cgroup_id\":7,\"policy\":\"${3:-web}\",\"rule\":0,\"verdict\":\"$2\",\"hook\":\"connect4\"}"; }
	run cgg-learn --policy web - < <(event; withheld 5 alert; withheld 7 deny; withheld 9 alert db)
	status_is 0
	matches '^cgg-learn: -: 7 denials were skipped'
	matches '^cgg-learn: -: 5 events were lost'
	matches '^# learned from 1 event; 5 more were lost$'
	matches '^# skipped: 7 denials$'
}

# Lines of an event, a tab, and the words of cgg-rule test for it; then some operations that were not seen.
generator='
import json, random, sys
random.seed(int(sys.argv[1]))
addresses = ["10.0.%d.%d" % (a, b) for a in range(2) for b in range(1, 7)] + \
    ["2001:db8::%x" % n for n in range(1, 5)]
ports = [53, 80, 81, 82, 90, 443]
def net():
    hook = random.choice(["connect", "sendmsg", "bind"])
    a, port = random.choice(addresses), random.choice(ports)
    proto = 17 if hook == "sendmsg" else random.choice([6, 17])
    return (hook + ("6" if ":" in a else "4"), dict(daddr=a, dport=port, proto=proto),
        "%s proto %d ip %s port %d" % (hook, proto, a, port))
def device():
    minor, letter = random.randrange(6), random.choice("rw")
    return ("device", dict(type="c", major=1, minor=minor, access=letter),
        "device c 1:%d %s" % (minor, letter))
def sysctl():
    name, write = random.choice(["kernel/hostname", "kernel/ostype", "vm/swappiness"]), random.randrange(2)
    return "sysctl", dict(name=name, write=write), "sysctl %s %s" % (name, "rw"[write])
def unix():
    name = random.choice(["/run/a", "/run/b", "@c"])
    return "connect_unix", dict(path=name), "unix " + name
def option():
    hook, name = random.choice(["setsockopt", "getsockopt"]), random.randrange(1, 4)
    return hook, dict(level=6, optname=name), "%s 6:%d" % (hook, name)
def make():
    hook, keys, words = random.choice([net] * 6 + [device, sysctl, unix, option])()
    return json.dumps(dict(hook=hook, comm="x", **keys)), words
seen = dict(make() for i in range(45))
for event, words in seen.items():
    print("seen", event, words, sep="\t")
others = dict(make() for i in range(150))
for event, words in others.items():
    if words not in seen.values():
        print("other", event, words, sep="\t")
'

# says_to WORD FILE: cgg-rule test answers WORD for the operation of each line
says_to()
{
	local words

	while read -r words; do
		# shellcheck disable=SC2086 # they are words
		run cgg-rule test $words
		[[ $output == "$1"* ]] || { echo "$words: $output" && return 1; }
	done <"$2"
}

@test 'the learned policy allows what was seen, denies the rest, and needs each of its rules' {
	cgg-load
	cd "$BATS_TEST_TMPDIR"
	for seed in 1 2; do
		python3 -c "$generator" "$seed" >all
		grep '^seen' all | cut -f 2 | cgg-learn >policy
		grep '^seen' all | cut -f 3 >seen
		grep '^other' all | cut -f 3 | head -n 60 >other
		hooks=$(sed -n 's/^default \(.*\) deny$/\1/p' policy)
		[ "$(wc -l <other)" -ge 30 ]
		yes cgg-rule restore policy
		says_to allow seen
		grep -E "^(${hooks//,/|}) " other >judged
		says_to deny judged
		# without any one of its rules, something that was seen is denied
		while read -r rule; do
			cgg-rule delete "$rule"
			! says_to allow seen >/dev/null || { echo "rule is not needed: $rule" && false; }
			cgg-rule restore policy
		done < <(cgg-rule list -i | grep -o '^[0-9]*' | shuf -n 6 --random-source=all)
	done
}

@test 'the widened policy still allows all that was seen, and needs each of its rules' {
	cgg-load
	cd "$BATS_TEST_TMPDIR"
	python3 -c "$generator" 7 >all
	grep '^seen' all | cut -f 2 | cgg-learn --prefix 24 --prefix6 64 --gap 12 >policy
	grep '^seen' all | cut -f 3 >seen
	yes cgg-rule restore policy
	says_to allow seen
	while read -r rule; do
		cgg-rule delete "$rule"
		! says_to allow seen >/dev/null || { echo "rule is not needed: $rule" && false; }
		cgg-rule restore policy
	done < <(cgg-rule list -i | grep -o '^[0-9]*' | shuf -n 8 --random-source=all)
}

# Everything that a hook sees and a rule can allow.
workload='
import os, socket
s = socket.socket()
s.connect(("127.0.0.1", int(os.environ["port"])))
s.setsockopt(6, 1, 1)
s.getsockopt(6, 1)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.bind(("::1", 0))
u.sendto(b"x", ("::1", int(os.environ["port"])))
u.recvfrom(9)
l = socket.socket(socket.AF_UNIX)
try:
    l.connect("/nowhere/socket")
except FileNotFoundError:
    pass
open("/dev/zero", "rb").read(1)
open("/proc/sys/kernel/hostname").read()
'

@test 'a real program goes through alert, learn, audit and enforce' {
	export port
	start_server
	cgg-load
	hooks=connect,sendmsg,unix,socket,device,sysctl,setsockopt,getsockopt
	unix_loads || hooks=${hooks/unix,/}
	cgg-rule -p work default "$hooks" alert
	yes cgg-run -p work python3 -c "$workload"
	cgg-events -j -w 0 | cgg-learn --policy work >"$BATS_TEST_TMPDIR/policy"
	grep -q "^allow connect proto tcp ip 127.0.0.1 port $port # 1 time, by python3$" "$BATS_TEST_TMPDIR/policy"

	yes cgg-rule -p work restore <"$BATS_TEST_TMPDIR/policy"
	yes cgg-rule -p work mode audit
	yes cgg-run -v -p work python3 -c "$workload"
	says ''
	yes cgg-run -v -p work cat /proc/sys/kernel/ostype
	matches '^\[AUDIT sysctl\] '
	yes cgg-rule -p work mode enforce
	yes cgg-run -v -p work python3 -c "$workload"
	says ''
	no cgg-run -p work cat /proc/sys/kernel/ostype
	no cgg-run -p work bash -c ': >/dev/zero'
	no cgg-run -p work bash -c ": >/dev/tcp/127.0.0.2/$port"
	no cgg-run -p work python3 -c 'import socket; socket.socket(socket.AF_INET6)'
}

# named HOOK ADDR PORT NAME: an event of an address that has a name, or of a question
named()
{
	local proto=6

	[ "$1" = connect4 ] || proto=17
	echo "{\"verdict\":\"alert\",\"hook\":\"$1\",\"comm\":\"curl\",\"daddr\":\"$2\",\"dport\":$3,\"proto\":$proto,\
\"cgroup\":\"/a\",\"policy\":\"web\"${4:+,\"host\":\"$4\"}}"
}

@test 'addresses that had a name become rules by name, with the resolver and the questions' {
	{
		named dns 127.0.0.53 53 api.example.com
		named dns ::1 53 www.example.com
		named connect4 127.0.0.53 53
		named connect4 192.0.2.1 443 api.example.com
		named connect4 192.0.2.2 444 api.example.com
		named connect4 192.0.2.3 443 www.example.com
		named connect4 192.0.2.3 443
		named connect4 10.1.2.3 443 db.corp.test
		named connect4 192.0.2.4 443 'a!b.test'
		named connect4 192.0.2.5 443 "$(printf 'x%.0s' {1..63}).example.com"
	} >"$BATS_TEST_TMPDIR/events"
	run bash -c "cgg-learn '$BATS_TEST_TMPDIR/events' | grep -v ^# | sed 's/ #.*//'"
	says 'resolver 127.0.0.53
resolver ::1
default connect,dns deny
allow connect proto tcp ip 192.0.2.3,192.0.2.4,192.0.2.5 port 443
allow connect proto tcp host api.example.com port 443-444
allow connect proto tcp ip 127.0.0.53 port 53
allow connect proto tcp host db.corp.test port 443 inner
allow connect proto tcp host www.example.com port 443
allow dns api.example.com
allow dns www.example.com'
	yes cgg-rule -p fresh restore -n - <<<"$output"
	run bash -c "cgg-learn --labels 2 '$BATS_TEST_TMPDIR/events' | grep -E 'host|dns ' | sed 's/ #.*//'"
	says 'default connect,dns deny
allow connect proto tcp host *.example.com port 443-444
allow connect proto tcp host db.corp.test port 443 inner
allow dns *.example.com'
	# a name that has no more labels than these stays as it is
	run bash -c "cgg-learn --labels 3 '$BATS_TEST_TMPDIR/events' | grep -c 'host \\*'"
	says 0
	run cgg-learn --labels 128 "$BATS_TEST_TMPDIR/events"
	status_is 2
	# more resolvers than a policy may have
	for i in {1..17}; do
		named dns "127.0.1.$i" 53 api.example.com
	done >"$BATS_TEST_TMPDIR/many"
	named connect4 192.0.2.1 443 api.example.com >>"$BATS_TEST_TMPDIR/many"
	yes cgg-learn "$BATS_TEST_TMPDIR/many"
	matches '^resolver 127\.0\.1\.16$'
	matches '^# a policy has at most 16 resolvers, so not 127\.0\.1\.17$'
	yes cgg-rule -p fresh restore -n - <<<"$output"
}

# seen ADDR PORT: an event of an operation that was let pass
seen()
{
	printf '{"verdict":"alert","hook":"connect4","comm":"curl","daddr":"%s","dport":%s,"proto":6,"cgroup":"/demo","policy":"default","rule":0}\n' "$@"
}

@test '--sets: addresses and names that a set contains become one rule about the set' {
	events=$BATS_TEST_TMPDIR/events
	(seen 192.0.2.1 443 && seen 192.0.2.9 443 && seen 192.0.2.9 444 && seen 192.0.2.77 443 &&
		seen 198.51.100.1 443) >"$events"
	cgg-unload -f || true
	run cgg-learn --sets "$events"
	status_is 3
	says 'cgg-learn: not loaded; run cgg-load first'
	cgg-load
	cgg-set add wide 192.0.0.0/16
	cgg-set add a-set-with-a-very-long-name 192.0.2.0-192.0.2.63
	cgg-set add names example.com
	run bash -c "cgg-learn --sets '$events' | grep -v ^# | sed 's/, by curl//'"
	says 'default connect deny
allow connect proto tcp ip @a-set-with-a-very-long-name port 443-444 # 3 times
allow connect proto tcp ip @wide,198.51.100.1 port 443 # 2 times'
	yes cgg-rule -p fresh restore - <<<"$output"
	(named dns ::1 53 api.example.com && named dns ::1 53 www.example.com &&
		named connect4 192.0.2.70 443 api.example.com && named connect4 192.0.2.71 443 example.com) >"$events.named"
	cgg-set add mine '*.example.com'
	run bash -c "cgg-learn --sets '$events.named' | grep -v ^# | sed 's/, by curl//'"
	says 'resolver ::1
default connect,dns deny
allow connect proto tcp host @mine port 443 # 1 time
allow connect proto tcp host @names port 443 # 1 time
allow dns @mine # 2 times'
	yes cgg-rule -p fresh restore - <<<"$output"
	run bash -c "cgg-learn --sets --prefix 24 '$events' | grep -c '@'"
	says 2
	run bash -c "cgg-learn '$events' | grep -c '@'"
	says 0
}
