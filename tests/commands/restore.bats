#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# restore - a whole policy from a file, as rule lines or YAML, in one step, with a way to revert
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways reads started

load ../ways

setup()
{
	untraced
	at=$BATS_TEST_TMPDIR
	new_cgroup web
	cgg-attach "$web"
}

# refuses SENTENCES: restoring $at/file has status 2 and changes nothing, with -n too
refuses()
{
	local before

	before=$(cgg-rule list -i)
	for option in '' -n; do
		# shellcheck disable=SC2086 # an option or none
		run cgg-rule restore $option "$at/file"
		status_is 2
		says "${1//FILE/$at/file}"
		[ "$(cgg-rule list -i)" = "$before" ]
	done
}

# yaml_is RULES: restoring standard input makes this policy
yaml_is()
{
	cat >"$at/file"
	yes cgg-rule restore "$at/file"
	yes cgg-rule list
	says "$1"
}

# ---- what is listed is read back ----

@test 'a restored list of every kind of rule lists the same, byte for byte' {
	yes cgg-rule add -f - <<END
mode audit
default connect,sendmsg,sysctl deny
default recvmsg,device alert
deny connect,sendmsg port 9090
net ip 192.0.2.0/24
allow connect proto tcp ip 10.0.0.0/8 port 443 name db comment "a \"b\" \\\\ # é"
bind proto udp ip ::1 port 1-1024 errno EACCES
alert recvmsg ip 2001:db8::/32
egress,ingress proto 47 ip local quiet
unix /run/docker.sock
allow unix @abstract* cgroup $web
socket family inet6 type raw proto icmpv6
device c 1:3
device /dev/null r
allow device b 8:* rw
device a *:* m
sysctl net.ipv4.* w
setsockopt SOL_SOCKET:SO_MARK
getsockopt *:*
port 1 ttl 365d
END
	yes cgg-rule list
	grep -v ' ttl ' <<<"$output" >"$at/file"
	[ "$(wc -l <"$at/file")" -eq 19 ]
	yes cgg-rule restore -n "$at/file"
	yes cgg-rule restore "$at/file"
	cgg-rule list | cmp - "$at/file"
	yes cgg-rule -p other restore <"$at/file"
	cgg-rule -p other list | cmp - "$at/file"
	yes cgg-rule -p third add -f "$at/file"
	cgg-rule -p third list | cmp - "$at/file"
	yes cgg-rule restore <<<'# allow everything'
	yes cgg-rule list
	says '# allow everything'
	yes cgg-rule restore <<<"$output"
	yes cgg-rule list -i
	says ''
}

@test 'rules with unchanged words keep their id and hits, new ones get new ids' {
	start_server
	rule port "$port"
	first=$id
	rule device c 1:3
	second=$id
	closes tcp 127.0.0.1 "$port"
	hits=$(cgg-rule list -s | grep "^$first"$'\t')
	yes cgg-rule restore <<END
sysctl kernel/hostname
deny   connect,sendmsg	port $port # the same
device c 1:5
END
	yes cgg-rule list -i
	says "$((second + 1))	deny sysctl kernel/hostname rw
$first	deny connect,sendmsg port $port
$((second + 2))	deny device c 1:5 rwm"
	[ "$(cgg-rule list -s | grep "^$first"$'\t')" = "$hits" ]
	yes cgg-rule restore <<<'device c 1:3'
	yes cgg-rule list -i
	says "$((second + 3))	deny device c 1:3 rwm"
}

# ---- errors ----

@test 'all errors are reported with file, line and word, and nothing changes' {
	yes cgg-rule add port 1
	cat >"$at/file" <<'END'
# a comment
port 2
port 70000
frob

default connect maybe
mode loud
device c 1:3 port 3
port 4 comment "no end
connect ip 10.0.0.1/8
END
	refuses 'cgg-rule: FILE:3: port 70000: not a port (0 to 65535)
cgg-rule: FILE:4: frob: not a verdict, a hook or a match
cgg-rule: FILE:6: maybe: not a verdict (allow, deny or alert)
cgg-rule: FILE:7: mode loud: needs enforce or audit
cgg-rule: FILE:8: port: device does not take it; it is for connect,bind,sendmsg,recvmsg,egress,ingress,flow
cgg-rule: FILE:9: a quote is not closed
cgg-rule: FILE:10: ip 10.0.0.1/8: host bits are set; did you mean 10.0.0.0/8?'
	run cgg-rule restore <<<frob
	status_is 2
	says 'cgg-rule: -:1: frob: not a verdict, a hook or a match'
	run cgg-rule restore "$at/none"
	status_is 2
	says "cgg-rule: $at/none: No such file or directory"
}

@test '-n checks and changes nothing' {
	yes cgg-rule add port 1
	yes cgg-rule restore -n <<<'port 2'
	says ''
	yes cgg-rule -p new restore -n <<<'port 2'
	yes cgg-rule list
	says 'deny connect,sendmsg port 1'
	yes cgg-rule policies
	says default
}

# ---- YAML ----

@test 'YAML: every key is read, in any order and in flow style' {
	yaml_is 'deny connect,sendmsg ip 10.10.10.5 name rule-001 comment "known bad"
allow connect,sendmsg proto tcp ip 10.0.0.0/8 port 443
alert connect,sendmsg port 53' <<'END'
version: 1
description: "a policy"
rules:
  - id: rule-001
    description: known bad
    match:
      dest_ip: 10.10.10.5
    action: deny
  - action: allow
    match: {dest_port: 443, dest_ip: 10.0.0.0/8, proto: tcp}
  - {match: {dest_port: "53"}, action: alert}
END
	yaml_is 'deny connect,sendmsg port 1' <<<'{rules: [{match: {dest_port: 1}, action: deny}]}'
	yaml_is '# allow everything' <<<$'# allow everything\nrules: []'
}

@test 'YAML: cgroup and cgroup_id are read' {
	yaml_is "deny connect,sendmsg cgroup $(shown "$web")
allow connect,sendmsg cgroup $(shown "$web")" <<END
rules:
  - {match: {cgroup: $web}, action: deny}
  - {match: {cgroup_id: $(stat -c %i "$web")}, action: allow}
END
}

@test 'YAML: all errors are reported with line numbers, and nothing changes' {
	yes cgg-rule add port 1
	cat >"$at/file" <<'END'
version: 1
frob: 2
rules:
  - match: {dest_port: 70000}
    action: deny
  - match:
      dest_port: 5
      sport: 6
    action: deny
  - match: {dest_port: 7}
    action: refuse
  - match: {dest_port: 8}
  - just a word
END
	before=$(cgg-rule list -i)
	for option in '' -n; do
		# shellcheck disable=SC2086 # an option or none
		run cgg-rule restore $option "$at/file"
		status_is 2
		for wanted in '2: frob: not a key of a policy (version, description, rules)' \
			'4: dest_port 70000: not a port (0 to 65535)' \
			'8: sport: not a key of match (cgroup_id, cgroup, dest_ip, dest_port, proto, uid, gid)' \
			'11: refuse: not a verdict (allow, deny or alert); write deny' \
			'12: action: needs a value: allow, deny or alert' '13: a rule is a mapping with action:'; do
			grep -Fqx "cgg-rule: $at/file:$wanted" <<<"$output" || complain "must print $wanted"
		done
		[ "$(wc -l <<<"$output")" -eq 6 ]
	done
	[ "$(cgg-rule list -i)" = "$before" ]
	printf 'rules:\n  - {match: [1\n' >"$at/file"
	run cgg-rule restore "$at/file"
	status_is 2
	matches "^cgg-rule: $at/file:[23]: "
	[ "$(cgg-rule list -i)" = "$before" ]
}

# yaml_refuses SENTENCES <<TEXT: TEXT is refused with these lines, and nothing changes
yaml_refuses()
{
	cat >"$at/file"
	refuses "$1"
}

# json_of N: print one line of JSON with N rules
json_of()
{
	python3 -c '
import json, sys
print(json.dumps({"rules": [{"id": "r%d" % i, "match": {"dest_ip": "10.0.%d.%d" % (i >> 8, i & 255), "dest_port": 443},
                             "action": "deny"} for i in range(int(sys.argv[1]))]}))' "$1"
}

@test 'YAML: JSON on one line reads like the same rules on many lines' {
	for n in 1 90 110 5000; do
		json_of "$n" >"$at/file"
		yes cgg-rule restore "$at/file"
		cgg-rule list >"$at/list"
		[ "$(wc -l <"$at/list")" -eq "$n" ]
		python3 -m json.tool "$at/file" "$at/indented"
		yes cgg-rule -p other restore "$at/indented"
		cgg-rule -p other list | cmp - "$at/list"
	done
}

@test 'YAML: its special characters in comments and texts are no structure' {
	{
		printf '#%.0s-' {1..520}
		printf '\n#%s\n' "$(printf '[%.0s' {1..2000})"
		echo 'rules:'
		for i in {1..70}; do
			echo "  - {id: r$i, description: \"ports [$i, $((i + 2))) - ? : %{\", match: {dest_port: $i}, action: deny}"
		done
	} >"$at/file"
	yes cgg-rule restore "$at/file"
	yes cgg-rule list
	[ "$(wc -l <<<"$output")" -eq 70 ]
	matches '^deny connect,sendmsg port 70 name r70 comment "ports \[70, 72\) - \? : %\{"$'
}

@test 'YAML: a description of several lines becomes a comment of one line' {
	yaml_is 'deny connect,sendmsg name a comment "one line"
deny connect,sendmsg name b comment "two lines"
deny connect,sendmsg name c comment "two  lines"
deny connect,sendmsg name d
deny connect,sendmsg name e' <<'END'
rules:
  - id: a
    description: |
      one line
    action: deny
  - id: b
    description: >
      two
      lines
    action: deny
  - {id: c, description: "two\n\nlines\n\n", action: deny}
  - {id: d, description: "", action: deny}
  - {id: e, description: ~, action: deny}
END
}

@test 'YAML and rule lines: a byte order mark is skipped, UTF-16 is refused by name' {
	printf '\xef\xbb\xbfrules:\n  - {match: {dest_port: 1}, action: deny}\n' |
		yaml_is 'deny connect,sendmsg port 1'
	printf '\xef\xbb\xbf{"rules": []}\n# allow everything\n' | yaml_is '# allow everything'
	printf '\xef\xbb\xbfport 2\n' | yaml_is 'deny connect,sendmsg port 2'
	iconv -t UTF-16 <<<'port 3' | yaml_refuses 'cgg-rule: FILE:1: the file is UTF-16; save it as UTF-8'
}

@test 'YAML: addresses, ports and protocols may be lists' {
	yes cgg-set add office 192.0.2.1
	yaml_is 'allow connect,sendmsg proto tcp,udp ip private,@office,192.0.2.7 port 80,443' <<-'END'
		rules:
		  - action: allow
		    match:
		      dest_ip: [192.0.2.7, private, "@office"]
		      dest_port: [443, 80]
		      proto:
		        - udp
		        - tcp
	END
	yaml_is 'deny connect,sendmsg port 5' <<<'{"rules": [{"action": "deny", "match": {"dest_port": [5]}}]}'
	yaml_refuses 'cgg-rule: FILE:2: dest_port: the list is empty
cgg-rule: FILE:3: dest_port: is a list; it needs a plain value
cgg-rule: FILE:4: dest_ip: an element needs a value
cgg-rule: FILE:5: dest_ip 10.0.0.1/8: host bits are set; did you mean 10.0.0.0/8?
cgg-rule: FILE:6: proto: is a mapping; it needs a plain value
cgg-rule: FILE:7: cgroup: is a list; it needs a plain value' <<-'END'
		rules:
		  - {action: deny, match: {dest_port: []}}
		  - {action: deny, match: {dest_port: [1, [2]]}}
		  - {action: deny, match: {dest_ip: [192.0.2.1, ~]}}
		  - {action: deny, match: {dest_ip: [192.0.2.1, 10.0.0.1/8]}}
		  - {action: deny, match: {proto: [{tcp: 1}]}}
		  - {action: deny, match: {cgroup: [/]}}
	END
}

@test 'YAML: a repeated key is refused by name' {
	yaml_refuses 'cgg-rule: FILE:3: action: the key is repeated
cgg-rule: FILE:4: dest_port: the key is repeated
cgg-rule: FILE:6: match: the key is repeated
cgg-rule: FILE:7: cgroup: given by path and by id; give one of them
cgg-rule: FILE:8: rules: the key is repeated
cgg-rule: FILE:9: version: the key is repeated' <<'END'
version: 1
rules:
  - {action: deny, action: allow}
  - {action: deny, match: {dest_port: 1, dest_port: 1}}
  - match: {dest_port: 1}
    match: {dest_ip: 10.0.0.1}
  - {action: deny, match: {cgroup: /, cgroup_id: 1}}
rules: []
version: 1
END
}

@test 'YAML: what cgg-rule does not read is refused with its word and line' {
	yaml_refuses 'cgg-rule: FILE:1: a list at the top; write rules: before it' <<<'- action: deny'
	yaml_refuses 'cgg-rule: FILE:1: a list at the top; write rules: before it' <<<'[{"action": "deny"}]'
	yaml_refuses 'cgg-rule: FILE:2: a policy is a mapping with rules:' <<<$'---\njust a text'
	yaml_refuses 'cgg-rule: FILE:1: rules: there are none' <<<'{}'
	yaml_refuses 'cgg-rule: FILE:3: *a: aliases are not supported; write the value here
cgg-rule: FILE:4: *a: aliases are not supported; write the value here
cgg-rule: FILE:5: <<: merging is not supported; write the keys here
cgg-rule: FILE:6: !port: tags are not supported; leave it out
cgg-rule: FILE:7: !!python/object: tags are not supported; leave it out
cgg-rule: FILE:9: dest_ip: needs a value
cgg-rule: FILE:11: dest_port http: not a port (0 to 65535); write its number: getent services prints it
cgg-rule: FILE:13: id a/b: a name is made of A-Z a-z 0-9 . _ -
cgg-rule: FILE:15: description: has 1 to 127 bytes
cgg-rule: FILE:16: action: is a list; it needs a plain value
cgg-rule: FILE:17: a\x0ab: not a key of a rule (id, description, match, action)' <<END
rules:
  - &a {action: deny, match: &m {dest_port: 1}}
  - *a
  - {action: deny, match: {dest_port: *a}}
  - {<<: {action: deny}}
  - {action: deny, match: {dest_port: !port 5}}
  - !!python/object {action: deny}
  - match:
      dest_ip:
    action: deny
  - match: {dest_port: http}
    action: deny
  - {action: deny, id: a/b}
  - action: deny
    description: $(printf %0128d 0)
  - {action: [deny]}
  - {action: deny, "a\nb": 1}
END
	yaml_is 'deny connect,sendmsg port 5' <<<'rules: [!!map {action: !!str deny, match: {dest_port: !!int 5}}]'
}

@test 'YAML: a second document is refused, and an end mark with nothing after it is not' {
	yes cgg-rule add port 1
	yaml_refuses 'cgg-rule: FILE:4: a second document; a policy is one document: put its rules in the first' <<'END'
rules:
  - {id: first, match: {dest_port: 25}, action: deny}
---
rules:
  - {id: second, match: {dest_port: 22}, action: deny}
END
	yaml_refuses 'cgg-rule: FILE:3: a second document; a policy is one document: put its rules in the first' <<<$'rules: []\n---\n~'
	yaml_refuses 'cgg-rule: FILE:3: not YAML: did not find expected <document start>' <<<$'rules: []\n...\nwhatever ]]] : :'
	for end in '---' '...' $'...\n---\n...' $'---\n# only a comment' $'...\n\n'; do
		printf -- '---\nrules:\n  - {match: {dest_port: 2}, action: deny}\n%s\n' "$end" |
			yaml_is 'deny connect,sendmsg port 2'
	done
}

@test 'YAML: 32 levels and 64 directives are read, more are refused' {
	deep()
	{
		printf 'description: %s%s\nrules: []\n# allow everything\n' "$(printf '[%.0s' $(seq "$1"))" "$(printf ']%.0s' $(seq "$1"))"
	}
	deep 31 | yaml_is '# allow everything'
	deep 32 | yaml_refuses 'cgg-rule: FILE:1: nested more than 32 levels deep'
	directives()
	{
		seq -f '%%TAG !t%.0f! x' "$1"
		printf -- '---\n# allow everything\nrules: []\n'
	}
	directives 64 | yaml_is '# allow everything'
	directives 65 >"$at/file"
	run cgg-rule restore "$at/file"
	status_is 2
	matches "^cgg-rule: $at/file:[0-9]+: more than 64 directives \(%\)$"
	printf 'rules: []\n# \x01\n' | yaml_refuses 'cgg-rule: FILE:2: not YAML: control characters are not allowed'
}

# ---- empty files ----

# refuses_nothing COMMAND...: it is refused because it has no rule, and the policy stays
refuses_nothing()
{
	run "$@"
	status_is 2
	matches "no rule, default or mode line; if that is intended, add the line '# allow everything'$"
	yes cgg-rule list
	says 'deny connect,sendmsg port 9'
}

@test 'a file without rule, default and mode is refused, unless a comment line allows everything' {
	yes cgg-rule add port 9
	for text in '' $'\n' ' ' '# a policy' '# allow everything but this' '# not: allow everything' \
		'#allow everythin' 'rules: []' '{"rules": []}' $'rules: []\ndescription: allow everything' \
		$'# made by a program\n---\nrules: []'; do
		printf %s "$text" >"$at/nothing"
		refuses_nothing cgg-rule restore "$at/nothing"
		refuses_nothing cgg-rule restore -n "$at/nothing"
		refuses_nothing cgg-rule restore --confirm 60 "$at/nothing"
		refuses_nothing cgg-rule restore <"$at/nothing"
		refuses_nothing cgg-rule add -f "$at/nothing"
		run cgg-rule -p other restore "$at/nothing"
		status_is 2
	done
	refuses_nothing cgg-rule restore </dev/null
	refuses_nothing cgg-rule restore < <(false | sed s/x/y/)
	yes cgg-rule policies
	says default
	for text in '# allow everything' $'\n#allow everything' $' \t#\t allow everything \r\n# and so on' \
		$'# allow everything\nrules: []' $'{"rules": []}\n# allow everything'; do
		yes cgg-rule restore <<<'port 9'
		printf %s "$text" >"$at/nothing"
		yes cgg-rule restore -n "$at/nothing"
		yes cgg-rule add -f "$at/nothing"
		yes cgg-rule list
		says 'deny connect,sendmsg port 9'
		yes cgg-rule restore "$at/nothing"
		yes cgg-rule list
		says '# allow everything'
	done
	for text in 'default connect allow' 'mode enforce'; do
		yes cgg-rule restore <<<'port 9'
		yes cgg-rule restore <<<"$text"
		yes cgg-rule list
		says '# allow everything'
	done
}

# ---- revert and confirm ----

# refused_for SECONDS CHANGE...: the policy waits, for so many seconds at most
refused_for()
{
	local left

	run cgg-rule "${@:2}"
	status_is 1 && matches '^cgg-rule: policy default: waits [0-9]+ s for cgg-rule -p default confirm$' || return
	left=${output#*waits } left=${left%% *}
	[ "$left" -ge 1 ] && [ "$left" -le "$1" ] || complain "at most $1 s are left"
}

@test '--confirm: the kernel reverts by itself, and changes until then are refused' {
	yes cgg-rule add sysctl kernel/hostname
	echo '# allow everything' >"$at/none"
	waits()
	{
		yes cgg-rule restore --confirm "$1" <<<'device c 1:3' && yes cgg-rule list && says 'deny device c 1:3 rwm' &&
			for change in 'add port 1' 'flush' 'default connect deny' 'mode audit' "restore $at/none"; do
				# shellcheck disable=SC2086 # words
				refused_for "$1" $change || return
			done && run inside "$web" attempt open /dev/null r && says EPERM &&
			run inside "$web" attempt sysctl-read kernel/hostname && says ok
	}
	in_time waits
	is_back()
	{
		[ "$(inside "$web" attempt open /dev/null r)" = ok ]
	}
	wait_for is_back
	run inside "$web" attempt sysctl-read kernel/hostname
	says EPERM
	run cgg-rule confirm
	status_is 1
	says 'cgg-rule: policy default: not confirmed in time: the restore was undone'
	yes cgg-rule list
	says 'deny sysctl kernel/hostname rw'
	yes cgg-rule add port 1
	yes cgg-rule list
	says 'deny sysctl kernel/hostname rw
deny connect,sendmsg port 1'
}

@test '--confirm: the reverted policy is enforced, whatever was asked and attached meanwhile' {
	yes cgg-rule add sysctl kernel/hostname
	new_cgroup shop
	asked() { yes cgg-rule restore --confirm "$1" <<<'device c 1:3' && yes cgg-status && yes cgg-attach "$shop"; }
	in_time asked
	is_back()
	{
		[ "$(inside "$web" attempt open /dev/null r)" = ok ]
	}
	wait_for is_back
	for cgroup in "$web" "$shop"; do
		run inside "$cgroup" attempt sysctl-read kernel/hostname
		says EPERM
	done
}

# maps_of NAME - print the maps for indexes that a policy has, or the spare ones: their ids
maps_of()
{
	"$BUILD/tests/indexes" | awk -v name="$1" '$1 == name { for (i = 2; i <= NF; i++) print $i + 0 }' | sort
}

# many_of NAME - print how many these are
many_of()
{
	maps_of "$1" | grep -c .
}

@test 'one restore after the other uses the same two maps, until one of them is too small' {
	local maps

	many()
	{
		seq -f "connect ip 192.0.2.1 port %.0f" "$1" "$2"
	}
	yes cgg-rule restore < <(many 1000 2000)
	[ "$(many_of default)" -eq 1 ]
	yes cgg-rule restore < <(many 1000 2001)
	[ "$(many_of default)" -eq 2 ]
	maps=$(maps_of default)
	for last in 2010 1100 2020 1500; do
		yes cgg-rule restore < <(many 1000 "$last")
		[ "$(maps_of default)" = "$maps" ]
		cgg-rule list | cmp - <(many 1000 "$last" | sed 's/^/deny /')
		no cgg-rule test connect ip 192.0.2.1 port "$last"
		yes cgg-rule test connect ip 192.0.2.1 port $((last + 1))
	done
	yes cgg-rule add connect port 7
	[ "$(maps_of default)" = "$maps" ]
	yes cgg-rule restore < <(many 1000 9000)
	[ "$(maps_of default)" != "$maps" ]
	no cgg-rule test connect ip 192.0.2.1 port 9000
	yes cgg-rule flush
	[ "$(many_of default)" -eq 0 ]
}

# spare_of PAGES - print how many spare maps have this size
spare_of()
{
	"$BUILD/tests/indexes" | awk -v pages="$1" '$1 == "spare" { for (i = 2; i <= NF; i++) print $i }' |
		grep -c ":$1\$"
}

@test 'policies take spare maps for their rules and give them back, four of a size at most' {
	local all

	some()
	{
		seq -f "connect ip 192.0.2.1 port %.0f" 1000 "$1"
	}
	yes cgg-unload -f
	yes cgg-load
	yes cgg-rule restore < <(some 1099)
	[ "$(many_of default)" -eq 1 ]
	[ "$(spare_of 16)" -eq 3 ]
	all=$({ maps_of default && maps_of spare; } | sort)
	# The first policy takes its second map, the next one two: none is made.
	yes cgg-rule restore < <(some 1098)
	yes cgg-rule -p next restore < <(some 1097)
	yes cgg-rule -p next restore < <(some 1096)
	[ "$({ maps_of default && maps_of next; } | sort)" = "$all" ]
	no cgg-rule -p next test connect ip 192.0.2.1 port 1096
	yes cgg-rule -p next test connect ip 192.0.2.1 port 1097
	no cgg-rule test connect ip 192.0.2.1 port 1098
	# A larger policy needs maps of its own.
	yes cgg-rule -p large restore < <(some 1999)
	[ "$(spare_of 64)" -eq 3 ]
	for name in a b c; do
		yes cgg-rule -p "$name" restore < <(some 1099)
		yes cgg-rule -p "$name" restore < <(some 1098)
	done
	for name in a b c next large; do
		yes cgg-rule -p "$name" drop
		[ "$(spare_of 16)" -le 4 ]
		[ "$(spare_of 64)" -le 4 ]
	done
	[ "$(spare_of 16)" -eq 4 ]
	[ "$(spare_of 64)" -eq 4 ]
	[ "$("$BUILD/tests/indexes" | wc -l)" -eq 2 ]
	yes cgg-rule flush
	[ "$(spare_of 16)" -eq 4 ]
	[ "$("$BUILD/tests/indexes" | wc -l)" -eq 1 ]
}

@test '--confirm: many rules that were not confirmed are gone, and their memory is free' {
	many()
	{
		seq -f "connect port %.0f comment \"$(printf '%0100d' 0)\"" "$1" "$2"
	}
	says_no()
	{
		! cgg-rule test connect ip 192.0.2.1 port "$1" >"$BATS_TEST_TMPDIR/answer"
	}
	yes cgg-rule restore < <(many 1000 11000)
	both_stand()
	{
		yes cgg-rule restore --confirm "$1" < <(many 3000 13000) && says_no 12000 && [ "$(many_of default)" -eq 2 ]
	}
	in_time both_stand
	wait_for says_no 1500
	cgg-rule test connect ip 192.0.2.1 port 12000
	yes cgg-status
	[ "$(many_of default)" -eq 1 ]
	says_no 1500
	cgg-rule test connect ip 192.0.2.1 port 12000
	yes cgg-rule restore --confirm 60 < <(many 3000 13000)
	yes cgg-rule confirm
	[ "$(many_of default)" -eq 1 ]
	says_no 12000
	yes cgg-rule flush
	[ "$(many_of default)" -eq 0 ]
}

@test '--confirm: the ids of rules that were not confirmed are not used again' {
	yes cgg-rule restore <<<'device c 1:3'
	three()
	{
		yes cgg-rule restore --confirm "$1" <<<$'device c 1:3\ndevice c 1:5\ndevice c 1:7' &&
			last=$(cgg-rule list -i | tail -n 1 | cut -f 1) && [ "$(cgg-rule list | wc -l)" -eq 3 ]
	}
	in_time three
	undone() { [ "$(cgg-rule list | wc -l)" -eq 1 ]; }
	wait_for undone
	yes cgg-rule add -i device c 1:9
	says "$((last + 1))"
}

@test '--confirm: confirm keeps the new policy' {
	yes cgg-rule add sysctl kernel/hostname
	run cgg-rule confirm
	status_is 1
	says 'cgg-rule: policy default: nothing waits to be confirmed'
	confirmed() { yes cgg-rule restore --confirm "$1" <<<'device c 1:3' && yes cgg-rule confirm; }
	in_time confirmed
	sleep "$seconds.2"
	run inside "$web" attempt open /dev/null r
	says EPERM
	yes cgg-rule list
	says 'deny device c 1:3 rwm'
	for wrong in 0 -1 x 86401 1.5; do
		run cgg-rule restore --confirm "$wrong" /dev/null
		status_is 2
		says "cgg-rule: --confirm $wrong: not a number of seconds (1 to 86400)"
	done
}

@test 'a restore that is killed leaves the old policy or the new one, and the next command works' {
	for name in a b; do
		for i in {1..200}; do
			echo "deny connect port $i name $name"
		done >"$at/$name"
	done
	yes cgg-rule restore "$at/a"
	for i in {1..40}; do
		cgg-rule restore "$at/$([ $((i % 2)) -eq 0 ] && echo a || echo b)" 3>&- &
		command=$!
		wait_for_a_while=$((RANDOM % 400))
		while [ "$wait_for_a_while" -gt 0 ]; do wait_for_a_while=$((wait_for_a_while - 1)); done
		kill -KILL "$command" 2>/dev/null || true
		wait "$command" 2>/dev/null || true
		run cgg-rule list
		[ "$output" = "$(cat "$at/a")" ] || [ "$output" = "$(cat "$at/b")" ]
	done
	yes cgg-rule flush
}

@test 'while restores alternate between two policies that both deny a port, no connect passes' {
	echo 'deny connect port 9' >"$at/a"
	printf 'deny sysctl *\nallow connect port 1-8\nalert connect port 10\ndeny connect\n' >"$at/b"
	yes cgg-rule restore "$at/a"
	(
		while [ ! -e "$at/stop" ]; do
			cgg-rule restore "$at/b" && cgg-rule restore "$at/a" || break
			echo >>"$at/rounds"
		done
	) 3>&- &
	started[$!]=restores
	wait_for test -s "$at/rounds"
	# 5000 attempts, and on until there were five rounds: five minutes at most
	run inside "$web" python3 -c '
import errno, os, socket, sys, time
tries, said, end = 0, {}, time.monotonic() + 300
while tries < 5000 or os.path.getsize(sys.argv[1]) < 5 and time.monotonic() < end:
    s = socket.socket()
    e = errno.errorcode.get(s.connect_ex(("127.0.0.1", 9)), "ok")
    said[e] = said.get(e, 0) + 1
    s.close()
    tries += 1
print({e: min(n, 5000) for e, n in said.items()})' "$at/rounds"
	touch "$at/stop"
	says "{'EPERM': 5000}"
	[ "$(wc -l <"$at/rounds")" -ge 5 ]
}

@test 'no input of a mebibyte is slow to be refused' {
	for unit in '[' '- ' '? ' '{a: ' 'frob ' $'frob x\n' $'port 1\n' '"'; do
		command yes -- "$unit" | tr -d '\n' | head -c 1048576 >"$at/file"
		[[ $unit != *$'\n' ]] || command yes -- "${unit%$'\n'}" | head -c 1048576 >"$at/file"
		run timeout $((20 * patience)) cgg-rule restore -n "$at/file"
		[ "$status" -eq 2 ] || [ "$status" -eq 3 ] || complain "$unit"
	done
	python3 -c '
print("".join("%%TAG !t%d! x\n" % i for i in range(70000)))' | head -c 1048576 >"$at/file"
	run timeout $((20 * patience)) cgg-rule restore -n "$at/file"
	status_is 2
	{ echo 'rules:' && command yes -- '  - {b: 1}' | head -c 1048576; } >"$at/file"
	run timeout $((20 * patience)) cgg-rule restore -n "$at/file"
	status_is 2
}

@test 'a file that does not fit into memory is refused, not cut short' {
	unwatched
	{
		command yes "# $(printf %0500d 0)" | head -c 20000000
		printf '\nport 9090\n'
	} >"$at/file"
	# shellcheck disable=SC2016 # for the inner shell
	for kilobytes in 20000 30000 40000 60000 80000; do
		cgg-rule flush
		run bash -c 'ulimit -v "$1" && exec cgg-rule restore "$2"' - "$kilobytes" "$at/file"
		[ "$status" -eq 3 ] || [ "$(cgg-rule list)" = 'deny connect,sendmsg port 9090' ] ||
			complain "with $kilobytes kB of memory"
	done
	status_is 0 # this much memory is enough
}
