#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ask-in - cgg-rule test --in: how all policies judge a process of a cgroup together
#
# The process itself then tries: the last line of the answer must be what it meets.
# shellcheck disable=SC2154 # helpers set what new_cgroup names
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../helpers

setup()
{
	untraced
	new_cgroup top
	new_cgroup shop "$top"
	new_cgroup web "$shop"
	cgg-load
}

# told PART...: the output, whose lines have tabs for |, and where TOP, SHOP and WEB stand for cgroups
told()
{
	local wanted

	wanted=$(printf '%s\n' "$@" | tr '|' '\t' | sed "s,TOP,$(shown "$top"),g; s,SHOP,$(shown "$shop"),g
		s,WEB,$(shown "$web"),g")
	says "$wanted"
}

@test 'every policy above a cgroup answers, the nearest first, and the last line is the decision' {
	yes cgg-rule add -f - <<<$'deny connect port 9090\nallow connect'
	yes cgg-rule -p tight restore <<<$'default connect deny\nallow connect ip 10.0.0.0/8'
	yes cgg-rule -p loud add alert connect port 80
	yes cgg-attach "$web"
	yes cgg-attach -p tight "$shop"
	yes cgg-attach -p loud "$top"

	run cgg-rule test --in "$web" connect ip 10.0.0.1 port 443
	status_is 0
	told 'WEB|default|allow|2|allow connect' 'SHOP|tight|allow|1|allow connect ip 10.0.0.0/8' \
		'TOP|loud|allow|-|default' \
		'allowed by rule 2 of policy default at WEB; allowed by rule 1 of policy tight at SHOP; allowed by the default of policy loud at TOP'
	run cgg-rule test --in "$web" connect ip 192.0.2.1 port 80
	status_is 1
	told 'WEB|default|allow|2|allow connect' 'SHOP|tight|deny|-|default' \
		'TOP|loud|alert|1|alert connect port 80' \
		'denied by the default of policy tight at SHOP; allowed by rule 2 of policy default at WEB; allowed with an alert by rule 1 of policy loud at TOP'
	run cgg-rule test --in "$shop" connect ip 10.0.0.1 port 9090
	status_is 0
	told 'SHOP|tight|allow|1|allow connect ip 10.0.0.0/8' 'TOP|loud|allow|-|default' \
		'allowed by rule 1 of policy tight at SHOP; allowed by the default of policy loud at TOP'
	run cgg-rule test --in "pid:$$" connect ip 10.0.0.1 port 9090
	status_is 0
	says 'allowed: no policy judges this'
}

@test 'the answer is what a process there meets' {
	start_server
	yes cgg-rule -p tight add -f - <<<$'allow connect ip 127.0.0.1\ndeny connect'
	yes cgg-rule add port 1
	yes cgg-attach "$web" "$top"
	yes cgg-attach -p tight "$shop"
	for address in 127.0.0.1 ::1; do
		run cgg-rule test --in "$web" connect ip "$address" port "$port"
		wanted=$status
		run inside "$web" reach "$address" "$port"
		status_is "$wanted"
	done
	no inside "$web" reach ::1 "$port"
}

@test 'rules about a cgroup are judged for a process in the target' {
	yes cgg-rule add -f - <<-END
		deny connect cgroup $web
		allow connect cgroup $shop
		deny connect
	END
	yes cgg-attach "$top"
	for where in web:1 shop:0 top:1; do
		local cgroup=${where%:*}
		run cgg-rule test --in "${!cgroup}" connect ip ::1 port 1
		status_is "${where#*:}"
	done
	run cgg-rule test --in "$shop" connect ip ::1 port 1
	told "TOP|default|allow|2|allow connect cgroup SHOP" 'allowed by rule 2 of policy default at TOP'
}

@test 'a foreign program is named where it runs, of the family that is asked about' {
	yes cgg-rule add connect port 1
	yes cgg-attach "$web" "$top"
	yes "$BUILD/tests/other" multi "$shop" connect4
	four=$output
	yes "$BUILD/tests/other" multi "$shop" connect6
	six=$output
	yes "$BUILD/tests/other" multi "$top" device
	device=$output
	run cgg-rule test --in "$web" connect ip 127.0.0.1 port 1
	status_is 1
	told 'WEB|default|deny|1|deny connect port 1' "SHOP|?|program $four other" \
		'TOP|default|deny|1|deny connect port 1' \
		"denied by rule 1 of policy default at WEB; denied by rule 1 of policy default at TOP; program $four other at SHOP may deny it too"
	run cgg-rule test --in "$shop" connect ip ::1 port 2
	status_is 0
	told "SHOP|?|program $six other" 'TOP|default|allow|-|default' \
		"program $six other at SHOP may deny it too; allowed by the default of policy default at TOP"
	run cgg-rule test --in "$web" device c 1:3 r
	status_is 0
	matches "^program $device other at $(shown "$top") may deny it too|; program $device other"
	matches $'\t'"\\?"$'\t'"program $device other$"
}

@test 'a policy that a program below switches off is not asked' {
	yes cgg-rule add connect port 1
	yes "$BUILD/tests/other" override "$top" connect4
	run cgg-rule test --in "$top" connect ip 127.0.0.1 port 1
	status_is 0
	matches $'\t''\?'$'\t''program [0-9]+ other$'
	yes cgg-attach -f "$web"
	run cgg-rule test --in "$web" connect ip 127.0.0.1 port 1
	status_is 1
	told 'WEB|default|deny|1|deny connect port 1' 'denied by rule 1 of policy default at WEB'
}

@test 'a denial in mode audit is reported and denies nothing' {
	yes cgg-rule add connect port 1
	yes cgg-rule mode audit
	yes cgg-attach "$web"
	run cgg-rule test --in "$web" connect ip ::1 port 1
	status_is 0
	told 'WEB|default|deny|1|deny connect port 1' \
		'reported (mode audit) by rule 1 of policy default at WEB'
}

@test 'each hook asks the policies of its own programs' {
	yes cgg-rule restore <<-END
		default bind,sendmsg,egress,socket,device,sysctl,setsockopt,getsockopt deny
	END
	yes cgg-attach "$web"
	while read -r words; do
		# shellcheck disable=SC2086 # words
		run cgg-rule test --in "$web" $words
		status_is 1
		told 'WEB|default|deny|-|default' 'denied by the default of policy default at WEB'
	done <<-END
		bind ip 127.0.0.1 port 1
		sendmsg ip ::1 port 1
		egress ip ::1
		socket family inet type stream
		device c 1:3 r
		sysctl kernel/hostname w
		setsockopt 1:2
		getsockopt 1:2
	END
	run cgg-rule test --in "$web" ingress ip ::1
	status_is 0
	told 'WEB|default|allow|-|default' 'allowed by the default of policy default at WEB'
}

@test 'wrong words and cgroups are refused' {
	yes cgg-attach "$web"
	while IFS='|' read -r status sentence words; do
		# shellcheck disable=SC2086 # words
		run cgg-rule $words
		status_is "$status"
		matches "^cgg-rule: $sentence"
	done <<-END
		2|test: exactly one port is needed|test --in $web connect ip ::1
		2|test: needs one operation|test --in $web
		2|/none-such: no such cgroup|test --in /none-such connect ip ::1 port 1
		2|cgroup: --in tells already where|test --in $web connect ip ::1 port 1 cgroup $web
		2|--in: asks every policy there|-p default test --in $web connect ip ::1 port 1
		2|--in: list does not take it|list --in $web
	END
	rmdir "$web"
	run cgg-rule test --in "$web" connect ip ::1 port 1
	status_is 2
	matches 'no such cgroup'
	run cgg-rule test --in "${web%/*}" connect ip ::1 port 1
	status_is 0
	says 'allowed: no policy judges this'
	cgg-unload -f
	run cgg-rule test --in "$shop" connect ip ::1 port 1
	status_is 3
	says 'cgg-rule: not loaded; run cgg-load first'
}

@test 'a policy whose link somebody removed has no answer, and the message names the cure' {
	yes cgg-rule add connect port 1
	yes cgg-attach "$web"
	rm "/sys/fs/bpf/cgguard/links/$(stat -c %i "$web")"/*
	run cgg-rule test --in "$web" connect ip 127.0.0.1 port 1
	status_is 3
	says 'cgg-rule: policy default: a cgroup lacks its program for connect; run cgg-status, which repairs that'
	yes cgg-status
	run cgg-rule test --in "$web" connect ip 127.0.0.1 port 1
	status_is 1
}
