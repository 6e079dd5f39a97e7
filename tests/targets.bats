#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# targets - pid:, unit: and container: find the one cgroup that is meant, or say which there are
#
# What is in $world is all of cgroup v2 for in_world: the trees of systemd and of
# engines are made there, and containers are started there by the real runtimes.
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # clean_up reads started
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set world and output

load helpers

root=${tests_dir%/*}

setup()
{
	new_cgroup world
}

# id BEGIN [NUMBER]: 64 digits
id()
{
	printf '%s%0*d' "$1" $((64 - ${#1})) "${2:-0}"
}
a=$(id 4f0c2b)
b=$(id 4f0c99)

# in_world COMMAND...: cgroup v2 at /sys/fs/cgroup, and nothing else
in_world()
{
	inside "$world" unshare -m -C bash -c '
		while mount=$(findmnt -nfo TARGET -t cgroup,cgroup2); do umount -l "$mount" || exit 125; done
		mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' bash "$@"
}

# tree PATH...: cgroups below $world
tree()
{
	local path

	for path; do
		mkdir -p "$world/$path"
	done
}

# finds TARGET PATH: attaching guards that cgroup
finds()
{
	yes in_world cgg-attach "$1"
	yes in_world bash -c 'cgg-status | sed -n "s/^cgroup\t\([^\t]*\)\t.*/\1/p"'
	says "$2"
	yes in_world cgg-detach --all
}

# refuses TARGET SENTENCE
refuses()
{
	run in_world cgg-attach "$1"
	status_is 2
	says "cgg-attach: $1: $2"
}

@test 'containers, as engines name their cgroups' {
	cgg-load
	while read -r path; do
		tree "$path"
		finds container:4f0c2b "/$path"
		finds "container:$a" "/$path"
		find "$world" -mindepth 1 -depth -type d -delete
	done <<END
system.slice/docker-$a.scope
docker/$a
docker/buildkit/$a
machine.slice/libpod-$a.scope
user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$a.scope
libpod_parent/libpod-$a
kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-$a.scope
kubepods.slice/kubepods-pod1.slice/crio-$a.scope
kubepods/besteffort/pod1/$a
system.slice/nerdctl-$a.scope
default/$a
system.slice/crun-$a.scope
system.slice/runc-$a.scope
own.slice/some-thing-$a.scope
END
}

@test 'containers with names of their own' {
	cgg-load
	tree default/web default/web-2 system.slice/crun-my-shop.scope init.scope
	finds container:web /default/web
	finds container:web-2 /default/web-2
	finds container:my-sh /system.slice/crun-my-shop.scope
	finds container:def /default
	run in_world cgg-attach container:we
	status_is 2
	[[ $output == 'cgg-attach: container:we: may be any of '* ]]
	refuses container:shop 'no such cgroup below /sys/fs/cgroup'
	refuses container:system 'no such cgroup below /sys/fs/cgroup'
	refuses container:init 'no such cgroup below /sys/fs/cgroup'
}

@test 'the watchers of an engine, and what is inside of a container, are not it' {
	cgg-load
	tree "machine.slice/libpod-conmon-$a.scope" "machine.slice/libpod-$a.scope/container/$a" \
		"machine.slice/crio-conmon-$a.scope"
	finds container:4f0c "/machine.slice/libpod-$a.scope"
}

@test 'several that fit are all named' {
	cgg-load
	tree "system.slice/docker-$a.scope" "docker/$b"
	run in_world cgg-attach container:4f0c
	status_is 2
	[[ $output == 'cgg-attach: container:4f0c: may be any of '* ]]
	[[ $output == *"/system.slice/docker-$a.scope"* && $output == *"/docker/$b"* ]]
	finds container:4f0c9 "/docker/$b"
	tree system.slice/x.service user.slice/user@1.service/app.slice/x.service
	run in_world cgg-attach unit:x.service
	status_is 2
	[[ $output == *'/system.slice/x.service'* && $output == *'app.slice/x.service'* ]]
	# more than a line has room for
	for ((i = 1; i < 30; i++)); do
		tree "docker/$(id 77 "$i")"
	done
	run in_world cgg-attach container:77
	status_is 2
	[[ $output == *' ...' && ${#output} -lt 1000 ]]
}

@test 'units, as systemd lays them out' {
	cgg-load
	tree system.slice/nginx.service 'system.slice/system-getty.slice/getty@tty1.service' \
		user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox@x.service \
		user.slice/user-1000.slice/session-3.scope system.slice/nginx.service.d
	finds unit:nginx.service /system.slice/nginx.service
	finds unit:nginx /system.slice/nginx.service
	finds unit:getty@tty1.service '/system.slice/system-getty.slice/getty@tty1.service'
	finds unit:session-3.scope /user.slice/user-1000.slice/session-3.scope
	finds unit:user-1000.slice /user.slice/user-1000.slice
	refuses unit:ngin 'no such cgroup below /sys/fs/cgroup'
	refuses unit: 'not a name'
	refuses unit:a/b 'not a name'
	refuses container: 'not a name'
}

@test 'pid: the cgroup that the process is in' {
	cgg-load
	tree a/b
	inside "$world/a/b" sleep 1000 3>&- &
	started[$!]=sleeper
	wait_for grep -q . "$world/a/b/cgroup.procs"
	pid=$(cat "$world/a/b/cgroup.procs")
	finds "pid:$pid" /a/b
	refuses pid:0 'not a process id'
	refuses pid:x 'not a process id'
	refuses pid:4194304 'no such process'
	run in_world cgg-attach pid:1
	status_is 2
	says 'cgg-attach: pid:1: its cgroup is not below /sys/fs/cgroup, as this process sees it'
}

@test 'where the mount shows a part of the whole only, as in a container' {
	cgg-load
	tree part/below
	inside "$world/part/below" sleep 1000 3>&- &
	started[$!]=sleeper
	wait_for grep -q . "$world/part/below/cgroup.procs"
	pid=$(cat "$world/part/below/cgroup.procs")
	yes unshare -m bash -c '
		mount --bind "$1/part" "$1/part" && mount --move "$1/part" /mnt 2>/dev/null ||
			mount --bind "$1/part" /mnt
		while mount=$(findmnt -nfo TARGET -t cgroup2 | grep -v "^/mnt"); do umount -l "$mount"; done
		cgg-attach "pid:$2" && cgg-status' bash "$world" "$pid"
	matches '^cgroup	/below	'
}

@test 'a container that is in cgroup v1 alone is said to be' {
	v1=$(awk '$3 == "cgroup" { print $2; exit }' /proc/mounts)
	[ -n "$v1" ] || skip 'no cgroup v1 here'
	cgg-load
	mkdir "$v1/$CGG_RUN-v1" "$v1/$CGG_RUN-v1/$a"
	run cgg-attach "container:$a"
	rmdir "$v1/$CGG_RUN-v1/$a" "$v1/$CGG_RUN-v1"
	status_is 2
	says "cgg-attach: container:$a: is in cgroup v1 alone ($v1/$CGG_RUN-v1/$a), not below $(cgroup_root)"
}

# bundle COMMAND [KIND POLICY]: what a runtime needs to run it in $box, with a hook of that kind
bundle()
{
	box=$BATS_TEST_TMPDIR/box
	rm -rf "$box"
	mkdir -p "$box"/rootfs/{proc,dev,usr}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$box/rootfs"
	python3 -c '
import json, sys
command, hook, path = sys.argv[1], sys.argv[2], sys.argv[3]
config = dict(ociVersion="1.0.0", root=dict(path="rootfs"), hostname="box",
    annotations={"pid": "1", "note": "\"pid\": 1"},
    process=dict(user=dict(uid=0, gid=0), cwd="/", env=["PATH=/usr/bin:/usr/sbin"],
        args=["bash", "-c", command]),
    mounts=[dict(destination="/usr", source="/usr", type="bind", options=["rbind", "ro"]),
        dict(destination="/proc", type="proc", source="proc"),
        dict(destination="/dev", type="tmpfs", source="tmpfs")],
    linux=dict(namespaces=[dict(type=t) for t in ("pid", "mount", "uts", "ipc")]))
if sys.argv[4:]:
    config["hooks"] = {sys.argv[4]: [
        dict(path=hook, args=["cgguard-hook", sys.argv[5]], env=["PATH=" + path])]}
json.dump(config, sys.stdout)' "$1" "$root/share/libexec/cgguard-hook" "$PATH" "${@:2}" >"$box/config.json"
}

# runtime NAME ARG...: crun or runc, in the world
runtime()
{
	in_world "$1" --root "$BATS_TEST_TMPDIR/state" "${@:2}" </dev/null 3>&-
}

# can_run NAME: or the test is skipped, with what it said
can_run()
{
	command -v "$1" >/dev/null || skip "no $1 here"
	bundle true
	run runtime "$1" run --bundle "$box" probe
	[ "$status" -eq 0 ] || skip "$1 runs no container here: ${output##*$'\n'}"
}

# guards NAME: what that runtime has started is guarded by its id, and let go
guards()
{
	can_run "$1"
	cgg-load
	cgg-rule -p box add device c 1:5 r
	bundle 'while sleep 0.02; do
		if head -c 1 /dev/zero >/dev/null 2>&1; then echo open; else echo shut; fi >>/said
	done'
	runtime "$1" run --detach --bundle "$box" "$a" >/dev/null 2>&1
	wait_for grep -q open "$box/rootfs/said"
	yes in_world cgg-attach -p box "container:${a:0:12}"
	wait_for grep -q shut "$box/rootfs/said"
	yes in_world cgg-detach "container:${a:0:12}"
	: >"$box/rootfs/said"
	wait_for grep -q open "$box/rootfs/said"
	runtime "$1" delete --force "$a"
}

@test 'a container that crun started is guarded by its id' { guards crun; }

@test 'a container that runc started is guarded by its id' { guards runc; }

# hooks_in NAME: guarded before its first process begins, or not started at all
hooks_in()
{
	can_run "$1"
	cgg-load
	cgg-rule -p box add device c 1:5 r
	for kind in createRuntime prestart; do
		bundle 'cat /dev/zero' "$kind" box
		run runtime "$1" run --bundle "$box" hooked
		status_is 1
		matches 'cat: /dev/zero: Operation not permitted'
		yes cgg-events -n 1 -w 0
		matches '^\[DENY device\] .* policy=box rule=1$'
	done
	bundle 'echo has begun' createRuntime nosuch
	run runtime "$1" run --bundle "$box" unhooked
	[ "$status" -ne 0 ]
	[[ $output != *'has begun'* ]]
	bundle 'head -c 3 /dev/zero | wc -c'
	yes runtime "$1" run --bundle "$box" free
	says 3
}

@test 'crun has it guarded by a hook before it begins' { hooks_in crun; }

@test 'runc has it guarded by a hook before it begins' { hooks_in runc; }
