#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# missing - on kernels that lack something all other hooks load, and the answers agree
#
# tests/engines/lacks.c refuses what such a kernel refuses.
# shellcheck disable=SC2154 # new_cgroup sets web
# shellcheck disable=SC2030,SC2031 # run sets output and status
load ../helpers

hooks='connect bind sendmsg recvmsg egress ingress flow unix socket device sysctl setsockopt getsockopt'

setup()
{
	untraced
	new_cgroup web
	fake=$BATS_TEST_TMPDIR/fake
	mkdir "$fake"
}

teardown()
{
	umount /sys/kernel/btf /sys/kernel/security/lockdown /boot /lib/modules 2>/dev/null || true
	clean_up
}

# kernel COMMAND...: run it on a kernel that lacks $lacking
kernel()
{
	# shellcheck disable=SC2086 # words
	"$BUILD/tests/lacks" $lacking -- "$@"
}

# rule_of HOOK: print a rule for it
rule_of()
{
	case $1 in
	device) echo 'device /dev/null' ;;
	sysctl) echo 'sysctl kernel/hostname' ;;
	*sockopt) echo "$1 1:2" ;;
	unix) echo 'unix /run/x' ;;
	recvmsg | flow) echo "alert $1 port 1" ;;
	socket) echo 'socket type stream' ;;
	*) echo "$1 port 1" ;;
	esac
}

# lost HOOK...: these do not load, and all others do; --check, which says $said, rules and --hooks
# agree. Rules are added for the hooks in $tried, by default all: each is verified a second time.
lost()
{
	local hook tried=${tried-$hooks}

	said=$(kernel cgg-load --check 2>&1)
	yes kernel cgg-load
	[ "$(wc -l <<<"$said")" -eq 14 ] || complain "check says: $said"
	for hook in $hooks; do
		if [[ " $* " = *" $hook "* ]]; then
			grep -Eq "^$hook	no	.+" <<<"$said" || complain "$hook: check says: $said"
		else
			grep -qx "$hook	yes" <<<"$said" || complain "$hook: check says: $said"
		fi
	done
	for hook in $tried; do
		# shellcheck disable=SC2046 # words
		run kernel cgg-rule -p "$hook" add $(rule_of "$hook")
		if [[ " $* " = *" $hook "* ]]; then
			status_is 3
			matches "^cgg-load: $hook: not loaded: "
			matches "^cgg-rule: $hook: not loaded: this kernel lacks it"
		else
			status_is 0
			yes cgg-attach -p "$hook" "$web"
		fi
	done
	run kernel cgg-load --hooks "${tried// /,}"
	status_is $(($# > 0))
	[ "$(wc -w <<<"$*")" -eq "$(grep -c . <<<"$output")" ] || complain 'one line for each hook'
	run cgg-status
	[ "$(grep -c 'not loaded\|No such file' <<<"$output")" -eq 0 ] || complain 'nothing was removed by hand'
}

denies()
{
	start_server
	yes cgg-rule restore - <<<"connect ip 127.0.0.1 port $port"
	yes cgg-attach "$web"
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule test connect ip 127.0.0.2 port "$port"
}

without_types()
{
	mount --bind "$fake" /sys/kernel/btf
	[ ! -d /boot ] || mount --bind "$fake" /boot
	[ ! -d /lib/modules ] || mount --bind "$fake" /lib/modules
}

@test 'without a JIT every hook loads' {
	lacking=jit tried='egress flow unix'
	lost
	denies
}

@test 'without type information all hooks but unix and flow load' {
	lacking=jit tried='flow unix bind'
	without_types
	lost unix flow
	grep '^unix	no	.*has no type information' <<<"$said"
	denies
}

@test 'without /proc and with type information hooks load' {
	yes unshare -m sh -c 'umount -l /proc && exec cgg-load --hooks bind'
}

# To verify one takes seconds on a slow machine.
@test 'without type information --check verifies each program that loads once' {
	without_types
	yes strace -f -e trace=bpf -o "$BATS_TEST_TMPDIR/calls" cgg-load --check
	matches '^connect	yes$'
	sed -n 's/.*BPF_PROG_LOAD.* prog_name="\([^"]*\)".* = [0-9]*$/\1/p' "$BATS_TEST_TMPDIR/calls" |
		grep -vxE '(offered|libbpf_nametest)?' | sort >"$BATS_TEST_TMPDIR/verified"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/verified")" -ge 15 ]
	[ -z "$(uniq -d "$BATS_TEST_TMPDIR/verified")" ]
}

@test 'with lockdown=confidentiality all hooks but unix and flow load' {
	lacking=reads tried='flow unix sysctl'
	echo 'none integrity [confidentiality]' >"$fake/lockdown"
	[ ! -e /sys/kernel/security/lockdown ] ||
		mount --bind "$fake/lockdown" /sys/kernel/security/lockdown
	lost unix flow
	[ ! -e /sys/kernel/security/lockdown ] || grep '^unix	no	.*lockdown=confidentiality' <<<"$said"
	denies
}

@test 'a kernel before the unix hook loads all others' {
	lacking='point:connect_unix point:sendmsg_unix' tried='unix device'
	lost unix
	grep '^unix	no	needs Linux 6.7$' <<<"$said"
	cgg-detach -a
	cgg-unload -f
	yes kernel cgg-load
	says 'cgg-load: unix: not loaded: needs Linux 6.7'
	yes kernel cgg-load --hooks all
	matches '^cgg-load: unix: not loaded: needs Linux 6.7$'
	yes cgg-rule add device /dev/null
}

@test 'a program that the kernel refuses costs only its hook, whatever the reason' {
	lacking='program:connect6 program:device:EPERM program:ingress program:sendmsg4:EPERM program:post_bind6 program:sysctl'
	lost connect device ingress sendmsg bind sysctl
}

@test 'without the program of cgg-rule test every hook loads' {
	lacking=program:ask
	yes kernel cgg-load
	says 'cgg-load: cgg-rule test: not loaded: Invalid argument'
	yes cgg-rule add connect port 1
	no cgg-rule test connect ip 127.0.0.1 port 1
	matches 'progs/ask'
}

@test 'without programs for cgroups cgg-load prints one sentence and leaves nothing' {
	lacking=cgroups
	run kernel cgg-load
	status_is 3
	says 'cgg-load: this kernel has no programs for cgroups (CONFIG_CGROUP_BPF)'
	[ -z "$(pins)" ]
	yes kernel cgg-load --check
	[ "$(grep -c '	no	' <<<"$output")" -eq 14 ]
}

# The verifier would follow each call anew, which takes hours.
@test 'without global functions cgg-load ends at once, prints one sentence and leaves nothing' {
	run timeout $((60 * patience)) "$BUILD/tests/lacks" functions -- cgg-load
	status_is 3
	says 'cgg-load: the kernel refuses type information about global functions, which Linux takes since 5.6'
	[ -z "$(pins)" ]
}

@test 'messages of libbpf and the verifier are printed only with -v' {
	lacking=program:device
	run kernel cgg-load --hooks device
	status_is 1
	says "cgg-load: device: not loaded: device: Invalid argument; cgg-load -cv prints the kernel's message"
	# Of all others the verifier sees only this one, which it refuses without type information.
	lacking=$(awk '!/^#/ && $1 != "flow" { print "program:" $1 }' "$tests_dir/machines/verifier.txt")
	run kernel cgg-load -cv
	matches '^cgg-load: libbpf: prog .device.'
	matches '^cgg-load: processed [0-9]+ insns' || matches '^cgg-load: -- BEGIN PROG LOAD LOG'
}

@test 'a hook that did not load is tried again; a replace that would lose it is refused' {
	lacking=program:connect6
	yes kernel cgg-load
	run kernel cgg-rule add connect port 1
	status_is 3
	yes cgg-rule add connect port 1
	yes cgg-attach "$web"
	run kernel cgg-load --replace
	status_is 3
	matches '^cgg-load: connect: is loaded, but the new programs for it do not load$'
	no inside "$web" reach 127.0.0.1 1
	yes cgg-rule add connect port 2
}
