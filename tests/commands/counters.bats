#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# counters - every decision is counted, and everybody can read the counts
#
# Each test has the cgroup $web, attached to the policy default.
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # teardown reads started
# shellcheck disable=SC2016 # for jq

load ../ways

# counted PATTERN: print hits and bytes of the lines of list -s that match
counted()
{
	cgg-rule list -s | awk -F '\t' -v pattern="$1" '$4 ~ pattern { print $2, $3 }'
}

# decisions HOOK FIELD: print this count of the policy default
decisions()
{
	cgg-status -j | jq -c --arg hook "$1" '.policies[] | select(.name == "default") |
		.decisions[] | select(.hook == $hook)'" | $2"
}

knock()
{
	run inside "$web" attempt "$@"
}

# A default keeps its counts while the guard is loaded, so tests look at the difference.
@test 'list -s shows the hits of rules and of defaults' {
	rule port "$port"
	rule alert device c 1:3
	yes cgg-rule default sysctl,device deny
	for _ in 1 2 3; do
		knock tcp 127.0.0.1 "$port"
	done
	knock open /dev/null r
	before=$(counted '^default sysctl')
	knock sysctl-read kernel/ostype
	knock sysctl-read kernel/osrelease
	[ "$(counted 'port')" = '3 0' ]
	[ "$(counted '^alert device')" = '1 0' ]
	[ "$(counted '^default .*sysctl')" != "$before" ]
	yes cgg-rule list -s
	matches $'^-\t[0-9]+\t0\tdefault device,sysctl deny$'
	yes cgg-rule mode audit
	yes cgg-rule list -s
	matches $'^-\t-\t-\tmode audit$'
	# a restore does not read counts
	yes cgg-rule list
	[[ $output != *$'\t'* ]]
	yes cgg-rule restore - <<<"$output"
}

@test 'bytes of packets are counted by rule, default and attachment, in both directions' {
	rule egress proto udp port "$port"
	yes cgg-rule default ingress alert
	before=$(cgg-status -j | jq -c '.policies[0].decisions[] | select(.hook == "ingress") | .default_bytes')
	run inside "$web" python3 -c '
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(5):
    client.sendto(b"x" * 100, server.getsockname())
    server.recv(200)
for i in range(3):
    try:
        client.sendto(b"x" * 10, ("127.0.0.1", int(sys.argv[1])))
    except PermissionError:
        print("no")' "$port"
	says 'no
no
no'
	[ "$(counted egress)" = '3 114' ] # 20 of IP, 8 of UDP, 10
	yes cgg-status -j
	[ "$(jq -c '.attachments[0].egress' <<<"$output")" = \
		'{"allowed":5,"allowed_bytes":640,"denied":3,"denied_bytes":114}' ]
	[ "$(jq -c '.attachments[0].ingress' <<<"$output")" = \
		'{"allowed":5,"allowed_bytes":640,"denied":0,"denied_bytes":0}' ]
	[ "$(decisions ingress .default_bytes)" -eq $((before + 640)) ]
}

@test 'decisions are counted by hook and verdict, for rules and for the default' {
	rule port "$port"
	deny=$(decisions connect .deny)
	allow=$(decisions connect .allow)
	hits=$(decisions connect .default_hits)
	knock tcp 127.0.0.1 "$port"
	knock tcp 127.0.0.1 "$port"
	knock udp-connect 127.0.0.1 9
	[ "$(decisions connect .deny)" -eq $((deny + 2)) ]
	[ "$(decisions connect .allow)" -ge "$allow" ]
	yes cgg-rule mode audit
	audit=$(decisions connect .audit)
	knock tcp 127.0.0.1 "$port"
	[ "$(decisions connect .audit)" -eq $((audit + 1)) ]
	[ "$(decisions connect .deny)" -eq $((deny + 2)) ]
	yes cgg-rule mode enforce
	yes cgg-rule default connect deny
	knock tcp 127.0.0.1 9
	[ "$(decisions connect .default_hits)" -gt "$hits" ]
	[ "$(decisions connect .deny)" -eq $((deny + 3)) ]
}

@test 'the time of the last decision of a rule or a default is kept' {
	rule port "$port"
	rule device c 1:3
	yes cgg-rule list -j
	[ "$(jq -c '[.rules[].last]' <<<"$output")" = '[null,null]' ]
	for _ in 1 2; do
		before=${EPOCHREALTIME/./}
		knock tcp 127.0.0.1 "$port"
		knock sendto 127.0.0.1 9
		after=${EPOCHREALTIME/./}
	done
	tick=10000 # the largest tick, with HZ=100
	micro=$(date -d "$(cgg-rule list -j | jq -r '.rules[0].last')" +%s%6N)
	[ "$micro" -ge $((before - tick)) ]
	[ "$micro" -le $((after + tick)) ]
	[ "$(cgg-rule list -j | jq -r '.rules[1].last')" = null ]
}

@test 'each operation is counted once, whichever processor it runs on' {
	rule port "$port"
	pids=()
	for _ in 1 2 3 4; do
		inside "$web" python3 -c '
import socket, sys
for i in range(2500):
    try:
        socket.socket().connect(("127.0.0.1", int(sys.argv[1])))
    except PermissionError:
        pass' "$port" &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(counted port)" = '10000 0' ]
}

@test 'restore keeps the counts of rules whose words did not change, and of no others' {
	rule port "$port"
	rule device c 1:3
	knock tcp 127.0.0.1 "$port"
	knock open /dev/null r
	printf '%s\n' "deny connect,sendmsg port $port" 'deny device c 1:3 w' >"$BATS_TEST_TMPDIR/new"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/new"
	[ "$(counted port)" = '1 0' ]
	[ "$(counted device)" = '0 0' ]
	knock tcp 127.0.0.1 "$port"
	[ "$(counted port)" = '2 0' ]
	# neither a switch of the policy nor a look at the status loses counts
	yes cgg-rule -p other add device c 1:3
	yes cgg-attach -p other "$web"
	yes cgg-attach -p default "$web"
	yes cgg-status
	[ "$(counted port)" = '2 0' ]
}

@test 'quiet rules report nothing but count' {
	rule port "$port" quiet
	knock tcp 127.0.0.1 "$port"
	says EPERM
	reports_nothing
	[ "$(counted port)" = '1 0' ]
}

# denied CGROUP HOOK: print how many operations of that hook cgg-status counts as denied there
denied()
{
	cgg-status -j | jq --arg cgroup "$(shown "$1")" --arg hook "$2" \
		'.attachments[] | select(.cgroup == $cgroup) | .denied |
			map({(.hook): .count}) | add | .[$hook]'
}

@test 'denials are counted by cgroup and hook, also where two cgroups have one policy' {
	new_cgroup mail
	yes cgg-attach "$mail"
	rule port "$port"
	rule device c 1:5
	rule egress port 9
	knock tcp 127.0.0.1 "$port"
	knock tcp 127.0.0.1 "$port"
	knock sendto 127.0.0.1 9
	run inside "$mail" attempt open /dev/zero r
	says EPERM
	[ "$(denied "$web" connect)" -eq 2 ]
	[ "$(denied "$web" egress)" -eq 1 ]
	[ "$(denied "$web" device)" -eq 0 ]
	[ "$(denied "$web" sysctl)" = null ]
	[ "$(denied "$mail" connect)" -eq 0 ]
	[ "$(denied "$mail" device)" -eq 1 ]
	yes cgg-status -m
	matches "^cgguard_denied_total\{cgroup=\"$(shown "$web")\",hook=\"connect\"\} 2$"
	matches "^cgguard_denied_total\{cgroup=\"$(shown "$web")\",hook=\"egress\"\} 1$"
	matches "^cgguard_denied_total\{cgroup=\"$(shown "$mail")\",hook=\"device\"\} 1$"
	# neither another policy nor new programs lose the counts
	yes cgg-rule -p other add device c 1:3
	yes cgg-attach -p other "$web"
	yes cgg-load -r
	[ "$(denied "$web" connect)" -eq 2 ]
	# mode audit denies nothing
	yes cgg-attach "$web"
	yes cgg-rule mode audit
	knock tcp 127.0.0.1 "$port"
	[ "$(denied "$web" connect)" -eq 2 ]
	# with a rule by name other programs judge
	yes cgg-rule mode enforce
	rule alert dns '*'
	knock tcp 127.0.0.1 "$port"
	[ "$(denied "$web" connect)" -eq 3 ]
}

@test 'cgg-status -m prints what Prometheus reads' {
	new_cgroup odd "$web"
	odd=$odd/$'a "b" \\ \e[2J\xff'
	mkdir "$odd"
	yes cgg-attach "$odd"
	rule egress port "$port"
	rule port "$port"
	knock tcp 127.0.0.1 "$port"
	knock sendto 127.0.0.1 9
	cgg-events >/dev/null 3>&- &
	started[$!]=reader
	wait_for eval 'cgg-status | grep ^reader'
	yes cgg-status -m
	echo "$output" >"$BATS_TEST_TMPDIR/metrics"
	matches '^cgguard_readers 1$'
	matches '^cgguard_decisions_total\{policy="default",hook="connect",by="rule",verdict="deny"\} [1-9]'
	matches '^cgguard_packets_total\{cgroup="[^ ]*-web",hook="egress",verdict="allow"\} [0-9]+$'
	matches '^cgguard_policy_rules\{policy="default"\} 2$'
	[ "$(grep -vc '^[ -~]*$' "$BATS_TEST_TMPDIR/metrics")" -eq 0 ]
	# every name has one HELP and one TYPE before its values, which stand together
	yes awk '
		/^# HELP / { if (help[$3]++) exit 1; next }
		/^# TYPE / { if (type[$3]++ || ($4 == "counter") != ($3 ~ /_total$/)) exit 1; now = $3; next }
		{ name = $1; sub(/\{.*/, "", name); if (name != now || !help[name]) exit 1 }
		$NF !~ /^[0-9]+$/ { exit 1 }' "$BATS_TEST_TMPDIR/metrics"
	[ -z "$(sed 's/ [0-9]*$//' "$BATS_TEST_TMPDIR/metrics" | grep -v '^#' | sort | uniq -d)" ]
	no cgg-status -j -m
	status_is 2
	# a million rules have as many lines as two
	for i in 1 2 3; do
		rule port "$i"
	done
	diff <(sed 's/ [0-9]*$//' "$BATS_TEST_TMPDIR/metrics") <(cgg-status -m | sed 's/ [0-9]*$//')
	type promtool >/dev/null 2>&1 || skip 'promtool is not installed; make check-programs installs it'
	yes promtool check metrics <"$BATS_TEST_TMPDIR/metrics"
	says ''
}

@test 'the recipe of cgg-status(8) for the node exporter makes the file in one step' {
	recipe=$(sed -n 's/^\.Dl \(cd .*cgg-status -m.*\)/\1/p' "$tests_dir/../man/cgg-status.8")
	[ -n "$recipe" ]
	directory=$(sed -E 's/^cd ([^ ]*) .*/\1/' <<<"$recipe")
	yes bash -c "${recipe/"$directory"/"$BATS_TEST_TMPDIR"}"
	[ "$(ls "$BATS_TEST_TMPDIR"/cgguard*)" = "$BATS_TEST_TMPDIR/cgguard.prom" ]
	diff <(cgg-status -m) "$BATS_TEST_TMPDIR/cgguard.prom"
}

@test 'a deleted rule leaves no count behind' {
	counts()
	{
		bpftool -j map dump pinned /sys/fs/bpf/cgguard/maps/counts | jq length
	}
	for i in 1 2 3; do
		rule alert device c "1:$((i + 2))"
	done
	knock open /dev/null r
	knock open /dev/zero r
	[ "$(counts)" -eq 2 ]
	yes cgg-rule delete alert device c 1:3
	[ "$(counts)" -eq 1 ]
	knock open /dev/null r
	[ "$(counts)" -eq 1 ]
	yes cgg-rule restore <<<'alert device c 1:5'
	[ "$(counted 'c 1:5')" = '1 0' ]
	yes cgg-rule restore <<<'alert device c 1:4'
	[ "$(counts)" -eq 0 ]
}
