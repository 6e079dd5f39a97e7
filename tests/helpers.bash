# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# helpers - the words that all tests use; doc/tests.md lists them
#
#	new_cgroup web                      make a cgroup; its path is in $web
#	new_cgroup shop "$web"              make one below it
#	start_server                        TCP and UDP, IPv4 and IPv6, on $port
#	yes cgg-rule add port "$port"       it must end with status 0
#	no inside "$web" reach ::1 "$port"  it must fail with 1 to 124; 125 and up is trouble
#	says 'port 9090'                    its whole output was this
#	matches '^\[DENY connect4\] '       a line of its output matches
#	status_is 2                         it ended with this status
#	wait_for grep -q x file             repeat it until it succeeds, for twenty seconds at most
#	in_time COMMAND                     what it tries within one second, or more on a slow machine
#
# teardown removes everything that these have made, and the guard. A file with a teardown
# of its own calls clean_up there.

tests_dir=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
BUILD=${BUILD-${tests_dir%/*}/build} # empty: test the installed commands
PATH=${BUILD:+$BUILD:}/usr/sbin:/usr/bin:/sbin:/bin:$PATH
patience=${SLOW:-1} # SLOW=4: waits may take four times as long
declare -gA started=() # by process id: what clean_up must end

if [ -n "${BATS_TEST_FILENAME:-}" ] && [ -z "${CGG_RUN:-}" ]; then
	echo "tests need a /sys/fs/bpf of their own; use tests/run $BATS_TEST_FILENAME" >&2
	exit 1
fi

# untraced: for the beginning of setup. bats would note each line that helpers run, in case one
# fails: a third of the time of most files. The line of the test is still shown; TRACE=1 shows all.
untraced()
{
	[ -n "${TRACE-}" ] || set +o functrace
}

# private COMMAND...: exec it with an empty bpffs on /sys/fs/bpf, and none below
# shellcheck disable=SC2016 # "$@" is for the inner shell
private()
{
	exec unshare -m --propagation private -- bash -c '
		while umount -l /sys/fs/bpf 2>/dev/null; do :; done
		mount -t bpf -o mode=1777 bpf /sys/fs/bpf && exec "$@"' bash "$@"
}

# Print where cgroup v2 is mounted.
cgroup_root()
{
	printf '%b\n' "$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)"
}
export CGG_CGROUPS=${CGG_CGROUPS-$(cgroup_root)} # where it is outside of all mount namespaces of tests

# Print all paths in /sys/fs/bpf except those that some kernels make themselves.
pins()
{
	find /sys/fs/bpf -mindepth 1 ! -name maps.debug ! -name progs.debug
}

# new_cgroup NAME [PARENT]: make a cgroup and store its path in the variable NAME
new_cgroup()
{
	local path=${2:-$CGG_CGROUPS}/$CGG_RUN-${BATS_TEST_NUMBER:-0}-$1

	mkdir "$path" || return
	printf -v "$1" %s "$path"
}

# Print a cgroup as the commands do: its path below the mount.
shown()
{
	echo "${1#"$CGG_CGROUPS"}"
}

# Remove a cgroup, those below it, and the processes in them.
remove_cgroup()
{
	local dir

	while IFS= read -r dir; do
		wait_for empty_cgroup "$dir" && wait_for rmdir "$dir" || return # threads die one by one
	done < <(find "$1" -depth -type d)
}

# Kill the processes in it. Succeed when there was none.
empty_cgroup()
{
	local pid none=0

	while read -r pid; do
		kill -KILL "$pid"
		none=1
	done <"$1/cgroup.procs"
	return "$none"
} 2>/dev/null

# inside CGROUP COMMAND...: run it in that cgroup, in a process of its own
inside()
(
	kind=$(type -t "$2") # a process of its own, so before this one joins
	echo "$BASHPID" >"$1/cgroup.procs" || exit 125
	shift
	become "$kind" "$@"
)

# outside COMMAND...: run it where the tests are
outside()
(
	become "$(type -t "$1")" "$@"
)

# become KIND COMMAND...: exec programs, so that they keep the process; run functions in this shell.
# KIND: as type -t prints it
become()
{
	case $1 in
	function | builtin) "${@:2}" ;;
	*) exec "${@:2}" ;;
	esac
}

# reach ADDRESS PORT [tcp|udp]: connect(2). Status 0: connected, 1: EPERM, 125: any other error
reach()
{
	local said

	said=$(exec 2>&1 9<>"/dev/${3:-tcp}/$1/$2") && return
	echo "$said"
	case $said in
	*'Operation not permitted'*) return 1 ;;
	*) return 125 ;;
	esac
}

yes()
{
	run "$@"
	[ "${status:?}" -eq 0 ] || complain 'must succeed' "$@"
}

no()
{
	run "$@"
	if [ "${status:?}" -eq 0 ] || [ "$status" -ge 125 ]; then
		complain 'must be refused' "$@"
	fi
}

status_is()
{
	[ "${status:?}" -eq "$1" ] || complain "status must be $1"
}

says()
{
	[ "${output-}" = "$1" ] || complain "must print: $1"
}

matches()
{
	grep -Eq -e "$1" <<<"${output-}" || complain "a line must match: $1"
}

complain()
{
	echo "$1${2:+: ${*:2}}"
	echo "status $status, output:"
	echo "$output"
	return 1
} >&2

# skip_if_lacking ATTEMPT...: skip the test if the attempt printed that this kernel cannot make it
skip_if_lacking()
{
	[[ $output != skip:* ]] || skip "$*: ${output#skip: }"
}

# unwatched: skip a test that limits memory when memory is checked (tests/watched)
unwatched()
{
	[ -z "${CGG_WATCHED-}" ] || skip 'checking memory takes more of it'
}

# wait_for COMMAND...: repeat it until it succeeds; the pause only spares the processor
wait_for()
{
	local end=$((SECONDS + 20 * patience))

	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "did not succeed in time: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# in_time COMMAND...: run it with one more word, the seconds that something shall last, at first 1. If it
# fails and took longer than that, the machine may have been too slow: run it again with more. A function
# must join its commands by &&, since set -e does not hold here.
in_time()
{
	local began

	for seconds in 1 4 16 64; do
		began=${EPOCHREALTIME/./}
		"$@" "$seconds" && return
		[ $((${EPOCHREALTIME/./} - began)) -ge $((seconds * 1000000)) ] || return 1
		sleep 1 # so that what began after us has ended too
	done
	return 1
}

# start_server [PREFIX...]: start a server on every local address: TCP, UDP (both echo), IPv4,
# IPv6 on $port, and MPTCP on $mptcp_port, which is empty where the kernel has none. Its process
# is $server. PREFIX may be ip netns exec NETWORK.
start_server()
{
	local said

	start "$@" "$BUILD/tests/serve"
	server=$!
	port=${said%% *}
	mptcp_port=${said#"$port"}
	mptcp_port=${mptcp_port# }
	[[ $port =~ ^[0-9]+$ ]] || { echo "the server did not start: $port $mptcp_port" >&2 && return 1; }
}

# start PROGRAM...: run it in the background until clean_up; its first line is in $said
start()
{
	local out

	exec {out}< <(exec 3>&- && exec "$@" 2>&1)
	started[$!]=$1
	read -r said <&"$out"
	exec {out}<&-
}

# stop PID: kill a process in started, by default the server, and wait until it is gone
stop()
{
	local pid=${1:-$server}

	kill -KILL "$pid"
	unset "started[$pid]"
	wait "$pid" || wait_for is_gone "$pid" # it may be another process's child
} 2>/dev/null

is_gone()
{
	! kill -0 "$1"
}

# End and remove all that a test made, and the guard.
clean_up()
{
	stop_all
	show_guard
	cgg-unload -f >/dev/null 2>&1 || true
	rm -rf /sys/fs/bpf/cgguard* # if unloading failed
	remove_cgroups
}

# The same, but keep the guard loaded, empty: loading takes longer than most tests. Rule ids of
# the policy default go on counting.
empty_guard()
{
	local policy network policies

	stop_all
	show_guard
	cgg-detach --all
	cgg-rule flush
	mapfile -t policies < <(cgg-rule policies)
	if [ ${#policies[@]} -gt 200 ]; then # dropping them takes longer than loading
		cgg-unload -f
		cgg-load
	else
		for policy in "${policies[@]}"; do
			[ "$policy" = default ] || cgg-rule -p "$policy" drop
		done
	fi
	! compgen -G '/sys/fs/bpf/cgguard/sets*/*' >/dev/null || cgg-set list | xargs -rn 1 cgg-set drop
	cgg-events -w 0 >/dev/null
	remove_cgroups
	for network in "/run/netns/$CGG_RUN-"*; do
		[ ! -e "$network" ] || ip netns delete "${network##*/}"
	done
}

# Hide the guard under an empty bpffs until the test ends. Unloading takes longer: then the kernel
# verifies its programs again.
hide_guard()
{
	mount -t bpf -o mode=1777 bpf /sys/fs/bpf
	hidden=yes
}

show_guard()
{
	[ -z "${hidden-}" ] || umount /sys/fs/bpf
	hidden=''
}

# For files whose setup calls cgg-load, which does nothing when the guard is still there: empty
# it after a test that passed, and remove it after one that failed or unloaded it.
reuse_guard()
{
	show_guard
	if [ -n "${BATS_TEST_COMPLETED-}" ] && [ -e /sys/fs/bpf/cgguard/version ]; then
		empty_guard
	else
		clean_up
	fi
}

# unix_loads: whether this kernel has the hook unix; a guard is loaded
unix_loads()
{
	cgg-load --hooks unix 2>/dev/null
}

stop_all()
{
	local pid

	for pid in "${!started[@]}"; do
		stop "$pid"
	done
}

remove_cgroups()
{
	local dir

	for dir in "$CGG_CGROUPS/$CGG_RUN-${BATS_TEST_NUMBER:-0}-"*; do
		[ ! -d "$dir" ] || rmdir "$dir" 2>/dev/null || remove_cgroup "$dir" || return
	done
}

teardown()
{
	clean_up
}

# finds_another_guard PID: a stopped cgg-load, whose errors are in the file said, goes on; it must
# refuse, since another guard took the place of the one that it began with
finds_another_guard()
{
	kill -CONT "$1"
	status=0
	wait "$1" || status=$?
	status_is 3
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = \
		'cgg-load: /sys/fs/bpf/cgguard: another command replaced the guard; try again' ]
}
