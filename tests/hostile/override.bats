#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# override - attaching never switches off a foreign program that allows override
# shellcheck disable=SC2154 # new_cgroup sets top, web and others
# shellcheck disable=SC2016,SC2030,SC2031 # for inner shells; run sets output and status

load ../helpers

setup()
{
	untraced
	cgg-load
	new_cgroup top
	new_cgroup web "$top"
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# other FLAG CGROUP NAME: attach a foreign program; its id is $other
other()
{
	other=$("$BUILD/tests/other" "$@") || [ $? -eq 77 ]
}

# asked NAME: print the ids of the programs that the kernel runs in $web
asked()
{
	cgg-status --effective "$web" | grep -v 'not asked' | sed -n "s/^$1	program \([0-9]*\)	.*/\1/p"
}

# Print rules and attachments.
told()
{
	cgg-rule list -i
	cgg-status | grep ^cgroup || true
}

# refused COMMAND...: it names the other program, which still runs, and changes nothing
refused()
{
	local before

	before=$(told)
	run "$@"
	status_is "${refusal-3}"
	matches "^[a-z-]*: /.*: $hook: this would switch off program $other \(other\) on $top, which was attached with BPF_F_ALLOW_OVERRIDE; attach that with BPF_F_ALLOW_MULTI, or run cgg-attach -f\$"
	[ "$(asked "$hook")" = "$other" ]
	[ "$(told)" = "$before" ]
}

rules='connect port 1|connect4 connect6
bind port 1|bind4 bind6 post_bind4 post_bind6
sendmsg port 1|sendmsg4 sendmsg6
alert recvmsg port 1|recvmsg4 recvmsg6
egress port 1|egress
ingress port 1|ingress
unix /x|connect_unix sendmsg_unix
socket type raw|sock_create
device c 1:3|device
sysctl kernel/hostname|sysctl
setsockopt 6:18|setsockopt
getsockopt 6:18|getsockopt'

# each_hook FUNCTION: call it with $hook, a $rule that needs it, $web below $top, and $other on $top
each_hook()
{
	local words programs

	tried=0
	while IFS='|' read -r words programs; do
		read -ra rule <<<"$words"
		for hook in $programs; do
			new_cgroup "top_$hook"
			top=$(cgroup_root)/$CGG_RUN-${BATS_TEST_NUMBER}-top_$hook web=$top/web
			mkdir "$web"
			other override "$top" "$hook"
			[ -n "$other" ] || continue
			"$1"
			tried=$((tried + 1))
			cgg-rule -p default flush
		done
	done <<<"$rules"
	[ "$tried" -eq 19 ] || [ "$tried" -eq 17 ] # without unix
}

attaching()
{
	yes cgg-rule add "${rule[@]}"
	refused cgg-attach "$web"
	yes cgg-attach -f "$web"
	[ -n "$(asked "$hook")" ] && [ "$(asked "$hook")" != "$other" ]
	yes cgg-detach "$web"
	[ "$(asked "$hook")" = "$other" ]
}

@test 'attaching below a program that allows override is refused, whatever the hook' {
	each_hook attaching
}

needing()
{
	echo "${rule[*]}" >"$BATS_TEST_TMPDIR/policy"
	yes cgg-attach "$web"
	refused cgg-rule add "${rule[@]}"
	refused cgg-rule add -f "$BATS_TEST_TMPDIR/policy"
	refused cgg-rule restore "$BATS_TEST_TMPDIR/policy"
	[[ ${rule[0]} = alert ]] || refused cgg-rule default "${rule[0]}" deny
	yes cgg-attach -f "$web"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/policy"
	[ "$(asked "$hook")" != "$other" ]
	yes cgg-detach "$web"
}

@test 'a rule that needs a new hook is refused there, and allowed after cgg-attach -f' {
	each_hook needing
}

@test 'switching to a policy that needs the hook is refused, and the old policy stays' {
	other override "$top" connect4
	yes cgg-attach "$web"
	yes cgg-rule -p strict add connect port 1
	hook=connect4
	refused cgg-attach -p strict "$web"
	yes cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs -"
	# of several cgroups none is attached
	new_cgroup free
	refused cgg-attach -p strict "$free" "$web"
	yes cgg-attach -f -p strict "$web"
	yes cgg-attach -p default "$web"
	yes cgg-rule add connect port 2 # -f holds until the cgroup is detached
	yes cgg-detach "$web"
	refused cgg-attach -p strict "$web"
}

@test 'cgg-run is refused below a program that allows override, and leaves nothing' {
	other override "$top" connect4
	refusal=125 hook=connect4
	run inside "$web" cgg-run -r 'connect port 1' true
	status_is 125
	matches "this would switch off program $other \(other\) on $top, "
	[ "$(asked connect4)" = "$other" ]
	[ -z "$(find "$web" -mindepth 1 -type d)" ]
	[ "$(cgg-rule policies)" = default ]
	yes inside "$web" cgg-run -r 'device c 1:5' true
}

@test 'attaching is allowed where the other program allows others beside it, or is already overridden' {
	hook=connect4
	yes cgg-rule add connect port 1
	other multi "$top" connect4
	yes cgg-attach "$web"
	[ "$(asked connect4 | wc -l)" -eq 2 ]
	yes cgg-detach "$web"
	new_cgroup up
	new_cgroup middle "$up"
	new_cgroup down "$middle"
	other override "$up" connect4
	other multi "$middle" connect4
	yes cgg-attach "$down"
	yes cgg-detach "$down"
	other override "$up" connect6
	other override "$middle" connect6
	run cgg-attach "$down"
	status_is 3
	matches "program $other \(other\) on $middle, "
}

@test 'a program above the mount, which cannot be seen here, stays in force' {
	yes cgg-rule add connect port 1
	other override "$top" connect4
	run inside "$web" unshare -m -C bash -c '
		while mount=$(findmnt -nfo TARGET -t cgroup,cgroup2); do umount -l "$mount" || exit 125; done
		mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir /sys/fs/cgroup/box && exec cgg-attach box'
	status_is 3
	matches "^cgg-attach: /box: connect4: this would switch off program $other \(other\) on a cgroup above, "
	web=$web/box
	[ "$(asked connect4)" = "$other" ]
	run cgg-status
	[[ $output != *box* ]]
}

@test 'a link that somebody else detached is not restored below a program that allows override' {
	yes cgg-rule add connect port 1
	yes cgg-attach "$web"
	id=$(stat -c %i "$web")
	bpftool link detach pinned "/sys/fs/bpf/cgguard/links/$id/connect4"
	other override "$top" connect4
	hook=connect4
	run cgg-load -r
	status_is 3
	matches "this would switch off program $other \(other\) on $top, "
	[ "$(asked connect4)" = "$other" ]
	yes cgg-attach -f "$web"
	[ "$(asked connect4)" != "$other" ]
	yes cgg-load -r
}
