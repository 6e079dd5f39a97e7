#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# surroundings - the process environment of a command does not change what it does
#
# Environment variables, working directory, descriptors, limits, umask, signals: the result is
# the same as without, or status 3 with a sentence and no change.
# shellcheck disable=SC2154 # new_cgroup sets web and free; run sets lines
# shellcheck disable=SC2030,SC2031 # run sets output and status
load ../helpers

dir=/sys/fs/bpf/cgguard
commands='cgg-attach -p strict FREE
cgg-rule add sysctl kernel/hostname name host
cgg-rule -p new add port 7
cgg-rule list -j
cgg-rule test device c 1:5 r
cgg-rule -p new drop
cgg-events -t -w 0 --policy strict
cgg-rule -p strict list -i
cgg-load
cgg-unload
cgg-run -k fds,tty cat /proc/self/cgroup /dev/zero
cgg-detach FREE
cgg-rule delete sysctl kernel/hostname name host'

# Hooks stay loaded, so those that the sessions need are loaded from the start.
setup_file()
{
	cgg-load --hooks connect,sendmsg,socket,device,sysctl
}

teardown_file()
{
	clean_up
}

setup()
{
	untraced
	new_cgroup web
	new_cgroup free
	cgg-rule add device c 1:5 name zero
	cgg-rule -p strict add port 2
	cgg-attach "$web"
}

teardown()
{
	cgg-detach -a
	cgg-rule flush
	for path in "$(cgroup_root)/$CGG_RUN-$BATS_TEST_NUMBER-"*; do
		remove_cgroup "$path" || return
	done
	for policy in $(cgg-rule policies); do
		[ "$policy" = default ] || cgg-rule -p "$policy" drop
	done
}

# Print the state; slots that readers used do not count.
state()
{
	cgg-rule list
	for policy in $(cgg-rule policies); do
		echo "$policy"
		cgg-rule -p "$policy" list
	done
	cgg-status | grep -v ^events | sort
	pins | grep -v "^$dir/readers" | sort
}

# session AROUND...: run each command in these surroundings, and print output, status and state
session()
{
	local words status said

	while read -r words; do
		status=0
		words=${words/WEB/$web}
		# shellcheck disable=SC2086 # words
		said=$("$@" ${words/FREE/$free} </dev/null 2>&1) || status=$?
		echo "$words: $status: $said"
		state
	done <<<"$commands"
}

# Replace what differs each time: names of cgroups, ids, counts.
plain()
{
	sed -E "s/cgg-run-[0-9]+-[0-9a-f]+/cgg-run-X/g; s/$CGG_RUN-[0-9]+-/CGROUP-/g
		s|links/[0-9]+|links/X|; s/\(\/[^)]*\)/(X)/; s/^(cgg-rule test .*deny	)[0-9]+/\1X/
		s/\"(id|hits|bytes|last|default_[a-z]*)\": *[^,}]*/\1/g"
}

same_as_clean()
{
	local clean=$BATS_FILE_TMPDIR/clean

	[ -f "$clean" ] || session env -i PATH="$PATH" | plain >"$clean"
	diff "$clean" <(session "$@" | plain)
}

@test 'no environment variable changes what a command does' {
	same_as_clean env -i PATH="$PATH" POSIXLY_CORRECT=1 TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 \
		LANGUAGE=de IFS=/ TMPDIR=/no/such HOME=/no/such GCONV_PATH=/tmp GLIBC_TUNABLES=glibc.malloc.perturb=165 \
		MALLOC_PERTURB_=165 MALLOC_CHECK_=3 LIBBPF_STRICT=all LIBBPF_LOG_LEVEL=debug BASH_ENV=/no/such \
		COLUMNS=1 TERM=xterm-256color
}

@test 'options may follow the words, with POSIXLY_CORRECT and without' {
	yes env POSIXLY_CORRECT=1 cgg-attach "$free" -p strict
	yes cgg-status
	matches "^cgroup	$(shown "$free")	policy strict	"
}

@test 'the command of cgg-run gets the environment, descriptors and limits of cgg-run' {
	umask 027
	# shellcheck disable=SC2016 # for the inner shell
	yes env POSIXLY_CORRECT=yes cgg-run sh -c 'umask; echo $POSIXLY_CORRECT
		grep SigIgn /proc/self/status'
	[ "${lines[0]}" = 0027 ]
	[ "${lines[1]}" = yes ]
	[ "${lines[2]}" = "$(sh -c 'grep SigIgn /proc/self/status')" ]
}

@test 'the working directory changes nothing' {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p "${web##*/}" "${free##*/}" sys/fs/bpf/cgguard
	for name in vmlinux list add strict 1 default -j -- device c 1:5; do
		echo 'allow connect' >"$PWD/$name"
	done
	same_as_clean env -i PATH="$PATH"
}

@test 'closed standard input, output and error change nothing, in any combination' {
	before=$(state)
	for fds in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		for words in "cgg-attach -p strict $free" 'cgg-rule add sysctl kernel/hostname' \
			'cgg-load' "cgg-detach $free" 'cgg-rule delete sysctl kernel/hostname'; do
			yes bash -c "$words $fds"
		done
		# Output that goes nowhere, of refusals and of readers, is not written into a pin.
		for words in 'cgg-rule delete 99' 'cgg-rule add port x' 'cgg-attach /no/such' \
			'cgg-rule list' cgg-status 'cgg-events -w 0' cgg-unload; do
			run bash -c "$words $fds"
			[ "$status" -le 3 ]
		done
		[ "$(state)" = "$before" ]
	done
	for fd in 0 2; do # nor does a file of ours take their place in the command of cgg-run
		yes bash -c "cgg-run readlink /proc/self/fd/$fd $fd>&-"
		says /dev/null
	done
}

# starts LIMIT... COMMAND: its file fits into the limit; otherwise the kernel kills it at the start
starts()
{
	(ulimit "$1" "$2" && exec "$3" --version) >/dev/null 2>&1
}

# refused_or_done LIMIT...: run every command under ulimit; a refused one changes nothing
refused_or_done()
{
	local before now words

	while read -r words; do
		before=$(state)
		# shellcheck disable=SC2016 # for the inner shell
		run bash -c 'ulimit "$1" "$2" && shift 2 && $*
			status=$?; exit $((status == 127 ? 70 : status))' bash "$@" \
			"${words/FREE/$free}"
		now=$(state)
		case $status in
		0 | 1) continue ;;
		3 | 125) matches "^${words%% *}: .*(Too many open files|Cannot allocate|out of memory|File too large|the kernel refuses)" ;;
		70) matches 'error while loading shared libraries' ;; # no command started
		139) ! starts "$@" "${words%% *}" || complain "$*: $words: must not crash" ;;
		*) complain "$*: $words: must be done or refused" ;;
		esac
		[ "$now" = "$before" ] || complain "$*: $words: changed something"
	done <<<"$commands"
}

@test 'with few descriptors a command works, or fails with the reason' {
	for n in 4 5 7 8 10 12; do
		refused_or_done -n "$n"
	done
}

@test 'with little memory a command works, or fails with the reason' {
	unwatched
	for n in 3000 6000 9000 20000; do
		refused_or_done -v "$n"
	done
}

@test 'with a file size limit lost output is an error' {
	for words in 'cgg-rule list' cgg-status 'cgg-load -c'; do
		run bash -c "ulimit -f 0; exec $words >\"\$1\"" bash "$BATS_TEST_TMPDIR/out"
		status_is 3
		says "${words%% *}: standard output: File too large"
	done
	yes bash -c 'ulimit -f 0; exec cgg-rule add socket'
}

@test 'ignored signals change nothing' {
	before=$(state)
	same_as_clean bash -c "trap '' PIPE CHLD ALRM TERM HUP; exec \"\$@\"" bash
	yes bash -c "trap '' PIPE; for i in {1..50}; do cgg-status; done | true"
	[ "$(state)" = "$before" ]
}
