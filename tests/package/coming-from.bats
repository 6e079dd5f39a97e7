#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# coming-from - cgguard-from(7) is right: its right side refuses what its left side refuses
#
# The columns are read from the page, in groups of lines that belong together. Each side is put
# in force by its own tool, and the same attempts are made under both: by systemd's own manager,
# by nft, and by the kernel's Landlock. bpfilter is not in Debian, so only its right side is tried.
# shellcheck disable=SC2016,SC2030,SC2031 # there are inner shells; each test has its own
# shellcheck disable=SC2034,SC2154 # clean_up reads started; new_cgroup sets theirs and ours

load ../ways

page=${tests_dir%/*}/man/cgguard-from.7

setup()
{
	untraced
	reach=$BUILD/tests/reach network=$CGG_RUN-net
	export reach
	export -f verdicts
}

# groups SECTION: print its columns, as lines of LEFT, a tab, RIGHT; an empty line ends a group.
groups()
{
	awk -v head=".Sh $1" '/^\.Sh / { on = $0 == head } on' "$page" |
		sed -nE 's/\\\(dq/"/g; s/^\.It Ta$//p; s/^\.It Li (.*) Ta Li (.*)/\1\t\2/p; s/^\.El$//p' |
		cat -s
}

# each_group SECTION COMMAND...: run COMMAND for each group, with its sides in $left and $right
each_group()
{
	local line left='' right='' count=0

	while IFS= read -r line; do
		if [ -n "$line" ]; then
			left+=${line%$'\t'*}$'\n' right+=${line#*$'\t'}$'\n'
			continue
		fi
		count=$((count + 1))
		"${@:2}" || { echo "in the group of: $left" && return 1; }
		left='' right=''
	done < <(groups "$1")
	[ "$count" -gt 0 ]
}

# verdicts: read attempts as lines of words for reach, and print how each ends
verdicts()
{
	local line said

	while read -r line; do
		# shellcheck disable=SC2086 # words
		said=$("$reach" $line 2>/dev/null)
		case $said in
		ok | skip*) echo "$line: ${said%%:*}" ;;
		*) echo "$line: refused $said" ;;
		esac
	done
}

# Make a network namespace with more addresses.
new_network()
{
	local address

	ip netns add "$network"
	for address in 192.0.2.1 198.51.100.1; do
		ip -n "$network" address add "$address/32" dev lo
	done
	ip -n "$network" link set lo up
	ip -n "$network" link add near type veth peer name far
	ip -n "$network" address add 203.0.113.1/24 dev near
	ip -n "$network" link set near up
	ip -n "$network" link set far up
}

in_network()
{
	nsenter --net="/run/netns/$network" "$@"
}

# new_server: start a server in that network namespace, on $port
new_server()
{
	start_server nsenter --net="/run/netns/$network"
}

# by_guard ATTEMPTS: make them under the lines of $right
by_guard()
{
	cgg-rule restore <<<"$right" || return
	inside "$ours" in_network bash -c verdicts <<<"$1"
}

# alike THEIRS ERRORS OURS: both refuse the same, theirs with ERRORS; some attempts are refused, and
# some are not. What only reports refuses nothing.
alike()
{
	diff <(sed -E "s/refused ($2)\$/refused/" <<<"$1") <(echo "${3//refused EPERM/refused}") || return
	grep -q ': ok$' <<<"$1" || return
	[[ $right == alert* ]] || grep -q ': refused ' <<<"$1"
}

# Replace the ports on the page by those that the servers have.
with_ports()
{
	sed "s/9000-9099/$((port - 1))-$((port + 1))/; s/\b9090\b/$port/"
}

takes()
{
	cgg-rule restore -n <<<"$right"
}

@test 'every line on the right is a valid line of a policy' {
	for section in SYSTEMD NFTABLES BPFILTER LANDLOCK 'OCI DEVICE LISTS' \
		'LITTLE SNITCH AND OPENSNITCH' 'SANDBOXES OF CODING AGENTS'; do
		each_group "$section" takes
	done
}

as_unit()
{
	units=$((units + 1))
	printf '[Service]\nExecStart=/bin/true\n%s' "$left" >"$units.service"
	yes systemd-analyze verify --man=no "./$units.service" && says ''
}

@test 'systemd takes every line on the left' {
	command -v systemd-analyze >/dev/null || skip 'systemd-analyze is not installed'
	cd "$BATS_TEST_TMPDIR"
	units=0
	each_group SYSTEMD as_unit
	sed -i 's/^SystemCall\|^Protect/X&/' "$units.service" # and the check does find mistakes
	run systemd-analyze verify --man=no "./$units.service"
	[ -n "$output" ]
}

attempts_systemd='
sendto 127.0.0.1 9
sendto 127.0.0.2 9
sendto 192.0.2.1 9
sendto 198.51.100.1 9
sendto 203.0.113.9 9
sendto ::1 9
bind 127.0.0.1 8080
bind 127.0.0.1 8081
bind 127.0.0.1 8091
bind ::1 8080
open /dev/null rw
open /dev/zero r
socket 2 17'

# Print the attempts that the lines are about: a packet filter makes dropped TCP too slow to try.
attempts_of()
{
	case $left in
	IPAddress*) grep ^sendto ;;
	SocketBind*) grep ^bind ;;
	Device*) grep ^open ;;
	Restrict*) grep -E '^(sendto|socket|open)' ;;
	esac <<<"$attempts_systemd"
}

# Views of the file system exist only for units of the system manager; ports and interfaces need a
# newer systemd than that of Debian 12.
comparable()
{
	case $left in
	Protect*) false ;;
	SocketBind* | RestrictNetwork*) [[ $(/lib/systemd/systemd --version) == *+BPF_FRAMEWORK* ]] ;;
	esac
}

write_unit()
{
	comparable || return 0
	units=$((units + 1))
	attempts_of >"$units.attempts"
	printf '[Service]\nType=oneshot\nExecStart=bash -c "%s"\n%s' \
		". $PWD/words; verdicts <$PWD/$units.attempts >$PWD/$units.said; mv $PWD/$units.said $PWD/$units.done" \
		"$left" >"units/$units.service"
	echo "Wants=$units.service" >>units/default.target
}

# A systemd like a user's manager, but run by root, with only these units, below $theirs.
systemd_runs_units()
{
	inside "$theirs" in_network \
		unshare -m -C -p -f --mount-proc --kill-child bash -c '
			mount -t tmpfs run /run && mkdir -p /run/systemd/system /run/user &&
				mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit
			export HOME=/run XDG_RUNTIME_DIR=/run/user XDG_CONFIG_DIRS=/run
			export SYSTEMD_UNIT_PATH=$PWD/units SYSTEMD_LOG_TARGET=null
			/lib/systemd/systemd --user &
			for ((tries = 0; tries < 500; tries++)); do
				done=(*.done)
				[ "${#done[@]}" -lt "$1" ] || exit 0
				sleep 0.02
			done
			exit 1' bash "$units" 3>&-
}

same_as_unit()
{
	comparable || return 0
	units=$((units + 1))
	alike "$(cat "$units.done")" 'EPERM|EAFNOSUPPORT' "$(by_guard "$(cat "$units.attempts")")"
}

@test 'what a unit of systemd may not do, a cgroup with these policies may not do' {
	[ -x /lib/systemd/systemd ] || skip 'systemd is not installed'
	new_cgroup theirs
	new_cgroup ours
	new_network
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' "reach=$reach" "$(declare -f verdicts)" >words
	mkdir units
	echo '[Unit]' | tee units/default.target units/basic.target units/shutdown.target
	units=0
	each_group SYSTEMD write_unit
	systemd_runs_units || [ -e 1.done ] || skip 'the manager of systemd does not start units here'
	[ -e "$units.done" ]
	cgg-attach "$ours"
	units=0
	each_group SYSTEMD same_as_unit
}

interfaces()
{
	local said by_lo=ok by_other=ok

	[[ $left == RestrictNetwork* ]] || return 0
	[[ $left == *~lo* ]] && by_lo='refused EPERM' || by_other='refused EPERM'
	said=$(by_guard "$(attempts_of)")
	grep -qx "sendto 192.0.2.1 9: $by_lo" <<<"$said" && grep -qx "sendto ::1 9: $by_lo" <<<"$said" &&
		grep -qx "sendto 203.0.113.9 9: $by_other" <<<"$said" || { echo "$said" && false; }
	seen=$((seen + 1))
}

@test 'rules about interfaces refuse what RestrictNetworkInterfaces refuses, where systemd has it not' {
	new_cgroup ours
	new_network
	cgg-attach "$ours"
	seen=0
	each_group SYSTEMD interfaces
	[ "$seen" -eq 2 ]
}

attempts_network()
{
	local address

	for address in 127.0.0.1 127.0.0.2 ::1; do
		printf '%s %s %s\n' tcp "$address" "$port" sendto "$address" "$port" \
			tcp "$address" "$other" sendto "$address" "$other"
	done
}

# nft looks for cgroups below /sys/fs/cgroup.
by_nft()
{
	{
		sed -n '/^table inet guard {/,/^}/p' "$page" |
			sed "s/\"demo\"/\"${theirs##*/}\"/; /chain demo {/q"
		with_ports <<<"$left"
		sed -n '/^table inet guard {/,/^}/p' "$page" |
			sed "s/\"demo\"/\"${theirs##*/}\"/; 1,/chain demo {/d"
	} >rules
	in_network unshare -m bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
		nft flush ruleset && exec nft -f rules' || return
	inside "$theirs" in_network bash -c verdicts <<<"$(attempts_network)"
}

same_as_nft()
{
	right=$(with_ports <<<"$right")
	alike "$(by_nft)" 'EPERM|ECONNREFUSED' "$(by_guard "$(attempts_network)")"
}

@test 'what nft refuses to a cgroup, these policies refuse' {
	new_cgroup theirs
	new_cgroup ours
	new_network
	new_server
	other=$port
	new_server
	cd "$BATS_TEST_TMPDIR"
	left='tcp dport 1 reject'
	by_nft || skip 'nft here cannot match cgroups'
	cgg-attach "$ours"
	each_group NFTABLES same_as_nft
}

# Run a command under the given lines; programs may be read in any case.
landlock='
import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
rights = {"NET_BIND_TCP": 1, "NET_CONNECT_TCP": 2, "NET_BIND_UDP": 4, "NET_CONNECT_SEND_UDP": 8,
          "FS_READ_FILE": 4}
lines = [line.split() for line in sys.argv[1].splitlines()]
name = [words[1] for words in lines if words[0] == "handled"][0]
right, files = rights[name], name.startswith("FS")
handled = struct.pack("QQ", right if files else 0, 0 if files else right)
ruleset = call(444, handled, len(handled), 0)
if ruleset < 0:
    sys.exit(77)
allowed = [words[2] for words in lines if words[0] == "rule"]
for what in allowed + [d for d in sys.argv[2].split() if files and os.path.exists(d)]:
    rule = struct.pack("=Qi", right, os.open(what, os.O_PATH)) if files else \
        struct.pack("QQ", right, int(what))
    assert call(445, ruleset, 1 if files else 2, rule, 0) == 0
assert call(157, 38, 1, 0, 0, 0) == 0 and call(446, ruleset, 0) == 0
os.execvp(sys.argv[3], sys.argv[3:])
'

by_landlock()
{
	in_network python3 -c "$landlock" "$(with_ports <<<"$left")" \
		"/usr /bin /lib /lib64 /etc /proc $BUILD $BATS_TEST_TMPDIR" bash -c verdicts <<<"$1"
}

attempts_landlock()
{
	printf 'tcp 127.0.0.1 %s\n' "$port" "$other"
	printf '%s\n' "sendto 127.0.0.1 $other" 'bind 127.0.0.1 8080' 'bind 127.0.0.1 8081' \
		'open /dev/null r' 'open /dev/zero r' 'open /dev/null w'
}

# A kernel that does not have the right yet has nothing to compare with.
same_as_landlock()
{
	local theirs

	right=$(with_ports <<<"$right")
	theirs=$(by_landlock "$(attempts_landlock)") || { [ $? -eq 77 ] && return; }
	alike "$theirs" EACCES "$(by_guard "$(attempts_landlock)")"
}

@test 'what Landlock refuses to a program, these policies refuse' {
	new_cgroup ours
	new_network
	new_server
	other=$port
	new_server
	cgg-attach "$ours"
	left='handled NET_CONNECT_TCP'
	run by_landlock ''
	[ "$status" -ne 77 ] || skip 'Landlock of this kernel has no ports'
	status_is 0
	each_group LANDLOCK same_as_landlock

	# MPTCP and fast open: compared with our own rules, not with what Linux 6.18 has.
	left='handled NET_CONNECT_TCP' right='connect proto tcp'
	attempts="mptcp 127.0.0.1 $port"$'\n'"tfo-sendto 127.0.0.1 $port"
	run by_guard "$attempts"
	says "mptcp 127.0.0.1 $port: refused EPERM"$'\n'"tfo-sendto 127.0.0.1 $port: refused EPERM"
	if [[ $(uname -r) == 6.18.* ]]; then
		run by_landlock "$attempts"
		says "mptcp 127.0.0.1 $port: ok"$'\n'"tfo-sendto 127.0.0.1 $port: ok"
	fi
}

# by_runtime ATTEMPTS: in a container with the list on the left; nodes are in /nodes
by_runtime()
{
	local box=$BATS_TEST_TMPDIR/box

	rm -rf "$box"
	mkdir -p "$box"/rootfs/{proc,dev,usr,nodes,reach}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$box/rootfs"
	python3 -c '
import json, sys
bind = lambda source, to: dict(destination=to, source=source, type="bind", options=["rbind"])
json.dump(dict(ociVersion="1.0.0", root=dict(path="rootfs"), hostname="box",
    process=dict(user=dict(uid=0, gid=0), cwd="/", env=["PATH=/usr/bin:/usr/sbin", "reach=/reach/reach"],
        args=["bash", "-c", sys.argv[1]]),
    mounts=[bind("/usr", "/usr"), bind(sys.argv[2], "/nodes"), bind(sys.argv[3], "/reach"),
        dict(destination="/proc", type="proc", source="proc"),
        dict(destination="/dev", type="tmpfs", source="tmpfs")],
    linux=dict(namespaces=[dict(type=t) for t in ("pid", "mount", "uts", "ipc")],
        resources=dict(devices=[json.loads(line) for line in sys.argv[4].splitlines()]))), sys.stdout)
' "$(declare -f verdicts); verdicts" "$nodes" "$BUILD/tests" "$left" >"$box/config.json"
	inside "$theirs" unshare -m -C bash -c '
		while mount=$(findmnt -nfo TARGET -t cgroup,cgroup2); do umount -l "$mount" || exit; done
		mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' bash \
		"$runtime" --root "$BATS_TEST_TMPDIR/state" run --bundle "$box" box <<<"$1" 3>&-
}

attempts_oci()
{
	printf 'open /nodes/%s\n' 'kmsg w' 'kmsg r' 'loop0 r' 'loop0 w' 'fuse r' 'fuse w'
}

# The first match decides here, and the last one there. A runtime allows null by itself.
same_as_oci()
{
	right=$(echo 'allow device /dev/null rw' && tac <<<"${right%$'\n'}")
	alike "$(by_runtime "$(attempts_oci)")" EPERM \
		"$(by_guard "$(attempts_oci | sed "s|/nodes|$nodes|")" | sed "s|$nodes|/nodes|")"
}

# list_refuses RUNTIME: which may not be able to run a container with a list here
list_refuses()
{
	runtime=$1
	command -v "$runtime" >/dev/null || skip "$runtime is not installed"
	new_cgroup theirs
	new_cgroup ours
	new_network
	nodes=$BATS_TEST_TMPDIR/nodes
	mkdir "$nodes"
	mknod -m 666 "$nodes/kmsg" c 1 11
	mknod -m 666 "$nodes/loop0" b 7 0
	mknod -m 666 "$nodes/fuse" c 10 229
	left='{"allow":false,"access":"rwm"}'$'\n''{"allow":true,"type":"c","major":1,"minor":11,"access":"rw"}'
	run by_runtime 'open /nodes/kmsg w'
	[ "$output" = 'open /nodes/kmsg w: ok' ] || skip "$runtime cannot run a container with a device list here: ${output##*$'\n'}"
	cgg-attach "$ours"
	each_group 'OCI DEVICE LISTS' same_as_oci
}

@test 'what a list of devices refuses to a container of crun, the reversed policy refuses' { list_refuses crun; }

@test 'what a list of devices refuses to a container of runc, the reversed policy refuses' { list_refuses runc; }
