#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cgroup-names - users may give cgroups any name, and no name is taken for words of a rule
#
# Each test works with every name. The kernel forbids newlines and slashes.
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2154 # helpers set web, port and output

load ../helpers

names=('x port 2' 'x" port 2 comment "' 'a"b' '"' '#c' 'd # e' 'f\g' '\' 'h\x20i' 'deny' 'port' "it's" '*'
	$'tab\tx' $'cr\rx' $'\e[2Jx' $'\x7f' $'\xff\xfe' $'\xc3' 'café' $'rlo\xe2\x80\xae' '  two  blanks' '{} %s %n')

setup()
{
	untraced
	new_cgroup web
	cgg-load
	cgg-rule -p names add allow connect
	cgg-attach -p names "$web"
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# each COMMAND: run it for every name: $name, its cgroup $dir, its path below the mount $path
each()
{
	for name in "${names[@]}"; do
		dir=$web/$name
		path=$(shown "$dir")
		"$@" || { echo "name: $(printf %q "$name")" && return 1; } >&2
	done
}

makes()
{
	mkdir "$dir"
}

adds()
{
	yes cgg-rule -p names insert 1 deny connect proto udp port 9 cgroup "$path"
}

asks()
{
	no cgg-rule -p names test connect proto udp ip 127.0.0.1 port 9 cgroup "$path"
	matches '^deny'
}

connects()
{
	no inside "$dir" reach 127.0.0.1 9 udp
	yes inside "$dir" reach 127.0.0.1 10 udp
}

@test 'a rule holds for the cgroup of that name, even after the policy is compiled again from its words' {
	each makes
	each adds
	each connects
	each asks
	yes inside "$web" reach 127.0.0.1 9 udp
	before=$(cgg-rule -p names list -i)
	[ "$(wc -l <<<"$before")" -eq $((${#names[@]} + 1)) ]
	for i in {1..141}; do
		echo "deny connect ip 10.0.0.1 port $i"
	done | yes cgg-rule -p names add -f -
	for i in {1..141}; do
		echo "deny connect ip 10.0.0.2 port $i"
	done | yes cgg-rule -p names add -f -
	each connects
	each asks
	yes inside "$web" reach 127.0.0.1 9 udp
	[ "$(cgg-rule -p names list -i | head -n $((${#names[@]} + 1)))" = "$before" ]
}

@test 'what list prints is read back by restore and by add -f, and is ASCII' {
	each makes
	each adds
	before=$(cgg-rule -p names list -i)
	[ -z "$(LC_ALL=C tr -d '\n\t -~' <<<"$before")" ]
	yes cgg-rule -p names restore <(cgg-rule -p names list)
	[ "$(cgg-rule -p names list -i)" = "$before" ]
	each connects
	yes cgg-rule -p copy add -f <(cgg-rule -p names list)
	[ "$(cgg-rule -p copy list)" = "$(cgg-rule -p names list)" ]
	cgg-rule -p names list -j | python3 -c '
import json, sys
for rule in json.load(sys.stdin)["rules"]:
    print(rule["rule"])' >"$BATS_TEST_TMPDIR/rules"
	diff <(cgg-rule -p names list) "$BATS_TEST_TMPDIR/rules"
}

deletes()
{
	yes cgg-rule -p names delete deny connect proto udp port 9 cgroup "$path"
	yes inside "$dir" reach 127.0.0.1 9 udp
	no cgg-rule -p names delete deny connect proto udp port 9 cgroup "$path"
	status_is 1
}

@test 'a rule is deleted by the words that added it' {
	each makes
	each adds
	each deletes
	yes cgg-rule -p names list
	says 'allow connect'
}

@test 'two names, one of which is printed like the other, are two cgroups' {
	mkdir "$web/a b" "$web/a\\x20b"
	printf 'deny connect proto udp port 9 cgroup "%s"\n' "$(shown "$web")/a\\x20b" >"$BATS_TEST_TMPDIR/one"
	yes cgg-rule -p names restore "$BATS_TEST_TMPDIR/one"
	no inside "$web/a b" reach 127.0.0.1 9 udp
	yes inside "$web/a\\x20b" reach 127.0.0.1 9 udp
	yes cgg-rule -p names restore <(cgg-rule -p names list)
	no inside "$web/a b" reach 127.0.0.1 9 udp
	yes inside "$web/a\\x20b" reach 127.0.0.1 9 udp
}

# is_printed: the commands that print cgroups print it, on one line and in ASCII
is_printed()
{
	yes cgg-attach -p names "$path"
	no inside "$dir" reach 127.0.0.1 9 udp
	shown=$(cgg-status | sed -n 's/^cgroup\t\([^\t]*\)\tpolicy.*/\1/p')
	[ "$(wc -l <<<"$shown")" -eq 1 ]
	[ -z "$(LC_ALL=C tr -d '\n!-~' <<<"$shown")" ]
	yes cgg-events -w 0
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *" cgroup=$shown policy=names "* ]]
	yes cgg-status --effective "$shown"
	[[ $output == *"$shown"* ]]
	[ -z "$(LC_ALL=C tr -d '\n\t -~' <<<"$output")" ]
	yes cgg-status --effective "$path"
	yes python3 -c 'import json, sys; json.load(sys.stdin)["attachments"]' < <(cgg-status -j)
	yes cgg-detach "$shown"
	yes inside "$dir" reach 127.0.0.1 9 udp
	yes cgg-attach -p names "$shown"
	no inside "$dir" reach 127.0.0.1 9 udp
	yes cgg-events -w 0 --cgroup "$shown"
	yes cgg-detach "$path"
	cgg-events -w 0 >/dev/null
}

@test 'a path is taken literally, and as cgg-status and cgg-events print it' {
	cgg-detach -a
	cgg-rule -p names restore <(echo 'deny connect proto udp port 9')
	each makes
	each is_printed
}

@test 'a path that may be two cgroups is refused' {
	mkdir "$web/a b" "$web/a\\x20b"
	path=$(shown "$web")
	no cgg-attach -p names "$path/a\\x20b"
	status_is 2
	says "cgg-attach: $path/a\\x20b: is ambiguous: one cgroup has this name, another is printed so; for the first write \\x5c for the backslash"
	yes cgg-attach -p names "$path/a\\x5cx20b"
	yes cgg-status
	matches '/a\\x5cx20b	policy names'
	yes cgg-detach "$path/a\\x5cx20b"
	yes cgg-attach -p names "$path/a b"
	yes cgg-status
	matches '/a\\x20b	policy names'
}

runs()
{
	yes inside "$dir" cgg-run -r 'deny connect proto udp port 9' bash -c 'exec 9<>/dev/udp/127.0.0.1/10; cat /proc/self/cgroup'
	[[ $output == *"/$name/cgg-run-"* ]]
	yes cgg-rule -p names restore <(echo 'alert connect proto udp port 10')
	yes cgg-attach -p names "$dir"
	yes inside "$dir" reach 127.0.0.1 10 udp
	cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/events"
	yes cgg-learn "$BATS_TEST_TMPDIR/events"
	[ "$(grep -vc '^#' <<<"$output")" -eq 2 ]
	yes cgg-rule -p learned restore -n <(echo "$output")
	yes cgg-detach "$dir"
}

@test 'cgg-run starts below such a cgroup, and cgg-learn learns from its events' {
	cgg-detach -a
	each makes
	each runs
}

@test 'a path of 1023 escaped bytes makes a rule; a longer one is refused' {
	local long deep=$web part room

	part=$(printf '\xff%.0s' {1..200})
	for i in 1 2 3 4; do
		deep=$deep/$part
		mkdir "$deep"
	done
	long=$(shown "$deep")
	room=$((1023 - $(LC_ALL=C && echo ${#long}) - 1))
	mkdir "$deep/$(printf '\xff%.0s' $(seq "$room"))" "$deep/$(printf '\xfe%.0s' $(seq $((room + 1))))"
	yes cgg-rule -p names insert 1 deny connect proto udp port 9 cgroup "$long/$(printf '\xff%.0s' $(seq "$room"))"
	yes cgg-rule -p names restore <(cgg-rule -p names list)
	no inside "$deep/$(printf '\xff%.0s' $(seq "$room"))" reach 127.0.0.1 9 udp
	no cgg-rule -p names add deny connect cgroup "$long/$(printf '\xfe%.0s' $(seq $((room + 1))))"
	status_is 2
	matches ': a TARGET has 1 to 1023 bytes$'
	no cgg-rule -p names add deny connect cgroup "./$long/$(printf '\xff%.0s' $(seq "$room"))"
	status_is 2
}
