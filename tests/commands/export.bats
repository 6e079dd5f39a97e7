#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# export - cgg-rule export, and cgguard-restore on what it has written
# shellcheck disable=SC2154 # helpers set tests_dir and cgroups
# shellcheck disable=SC2030,SC2031 # each test has its own

load ../helpers

restore=${tests_dir%/*}/share/libexec/cgguard-restore

setup()
{
	untraced
	cgg-load
	cd "$BATS_TEST_TMPDIR" || return
}

teardown()
{
	reuse_guard
}

# everything: print all policies and attachments
everything()
{
	for policy in $(cgg-rule policies); do
		echo "policy $policy"
		cgg-rule -p "$policy" list
	done
	cgg-status -j | jq -c '.attachments[] | [.cgroup, .policy]'
}

@test 'a guard that is exported, unloaded and restored has the same policies and attachments' {
	new_cgroup web
	new_cgroup odd
	mkdir "$odd/a b"$'\t\e'"é"
	cgg-rule default connect deny
	printf '%s\n' 'mode audit' 'deny unix "/x y"' "allow connect cgroup $(shown "$web")" | cgg-rule -p web restore
	seq 300 | sed 's/.*/port &/' | cgg-rule -p many restore
	cgg-rule -p empty add port 1
	cgg-rule -p empty flush
	cgg-attach "$odd/a b"$'\t\e'"é"
	cgg-attach -f -p web "$web"
	before=$(everything)
	yes cgg-rule export out/
	says ''
	yes ls -A . out
	says '.:
out

out:
attachments
default.policy
empty.policy
many.policy
web.policy'
	cgg-unload -f
	cgg-load
	yes "$restore" out
	says ''
	diff <(echo "$before") <(everything)
	yes grep -c $'^web\tforce\t' out/attachments
	says 1
}

@test 'policies, sets and attachments are printed in the order of their names, also in an export' {
	new_cgroup web
	mkdir "$web"/{1..9}
	for name in m b z a k; do
		cgg-rule -p $name restore <<<'port 1'
		cgg-set add $name 192.0.2.1
	done
	cgg-attach "$web"/{9..1}
	all=$'a\nb\ndefault\nk\nm\nz'
	yes cgg-rule policies
	says "$all"
	yes jq -r '.policies[].name' <<<"$(cgg-status -j)"
	says "$all"
	yes jq -r '.sets[].name' <<<"$(cgg-status -j)"
	says "${all/$'\n'default/}"
	paths=$(shown "$web")/
	paths=$(printf "$paths%s\n" {1..9})
	yes jq -r '.attachments[].cgroup' <<<"$(cgg-status -j)"
	says "$paths"
	yes cgg-rule export out
	yes cut -f 3 out/attachments
	says "$paths"
}

@test 'export names what it leaves out' {
	new_cgroup gone
	cgg-rule -p timed restore <<<$'port 1 ttl 900s\nport 2\nport 3 ttl 900s'
	cgg-rule -p run-7 add port 7
	cgg-attach -p timed "$gone"
	id=$(stat -c %i "$gone")
	rmdir "$gone"
	mkdir out
	run cgg-rule export out
	status_is 0
	matches '^cgg-rule: policy timed: rules with a ttl are not exported: 2$'
	matches '^cgg-rule: policy run-7: belongs to cgg-run, and is not exported$'
	[[ $output != *"cgroup $id"* ]] || matches "^cgg-rule: cgroup $id: is gone, and not exported$"
	[ "$(cat out/timed.policy)" = 'deny connect,sendmsg port 2' ]
	[ ! -e out/run-7.policy ]
	[ ! -s out/attachments ]
}

@test 'export writes all files or none, and nothing over others' {
	mkdir full
	touch full/x
	run cgg-rule export full
	status_is 2
	says 'cgg-rule: full: is not empty'
	[ "$(ls -A . full)" = $'.:\nfull\n\nfull:\nx' ]
	cgg-rule add port 1
	run bash -c 'ulimit -f 0; cgg-rule export out'
	status_is 3
	[ "$(ls -A)" = full ]
}

@test 'cgguard-restore makes the cgroup of an attachment with the word create' {
	new_cgroup web
	mkdir etc
	echo port 1 >etc/web.policy
	printf 'web\tcreate\t%s\n' "$(shown "$web")/guarded.slice/inner" >etc/attachments
	for round in first second; do
		yes "$restore" etc
		says ''
		[ "$(cgg-status -j | jq -r '.attachments[] | .cgroup + " " + .policy')" = \
			"$(shown "$web")/guarded.slice/inner web" ] || { echo "$round" && false; }
	done
}

@test 'cgguard-restore names attachments that it cannot make, and makes the others' {
	new_cgroup web
	mkdir etc
	echo 'port 1' >etc/web.policy
	printf '%s\n' '# a comment' '' $'web\tattach\t/no/such' $'web\tfrob\t/x' "web attach $web" \
		$'web\tattach\t'"$web" >etc/attachments
	run "$restore" etc
	status_is 3
	matches '^cgg-attach: /no/such: '
	[ "$(grep -c '^cgguard-restore: etc/attachments: ' <<<"$output")" -eq 2 ]
	yes cgg-status -j
	[ "$(jq -r '.attachments[].policy' <<<"$output")" = web ]
}

@test 'sets are exported, and restored before the policies that use them' {
	cgg-set add bad 192.0.2.0/24 2001:db8::7 198.51.100.1 ttl 1h
	cgg-set add ads ads.example '*.ads.example'
	cgg-set add none 192.0.2.1
	cgg-set delete none 192.0.2.1
	cgg-rule -p web add ip @bad
	yes cgg-rule export out
	says 'cgg-rule: set bad: elements with a ttl are not exported: 1'
	cgg-unload -f
	cgg-load
	yes "$restore" out
	says ''
	yes cgg-rule -p web list
	says 'deny connect,sendmsg ip @bad'
	yes cgg-set list bad
	says '192.0.2.0/24
2001:db8::7'
	yes cgg-set list ads
	says 'ads.example
*.ads.example'
	yes cgg-set list none
	says '# empty set of addresses'
}
