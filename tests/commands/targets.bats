#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# targets - pid:, unit: and container: find the one cgroup that is meant, or name the candidates
#
# For in_world $world is all of cgroup v2: the trees of systemd and of engines are made there,
# and the real runtimes start containers there.
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # clean_up reads started
# shellcheck disable=SC2016,SC2154 # there are inner shells; helpers set world and output

load ../helpers

root=${tests_dir%/*}

setup()
{
	untraced
	cgg-load
	new_cgroup world
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# id BEGIN [NUMBER]: print 64 digits
id()
{
	printf '%s%0*d' "$1" $((64 - ${#1})) "${2:-0}"
}
a=$(id 4f0c2b)
b=$(id 4f0c99)

# in_world COMMAND...: run it with cgroup v2 of $world at /sys/fs/cgroup, and nothing else
in_world()
{
	inside "$world" unshare -m -C bash -c '
		umount -l -a -t cgroup,cgroup2 || exit 125
		mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' bash "$@"
}

# tree PATH...: make cgroups below $world
tree()
{
	local path

	for path; do
		mkdir -p "$world/$path"
	done
}

# finds TARGET PATH: attaching TARGET guards that cgroup
finds()
{
	yes in_world bash -euo pipefail -c '
		said=$(cgg-attach "$1" 2>&1) || { echo "$said" && exit 1; }
		cgg-status | sed -n "s/^cgroup\t\([^\t]*\)\t.*/\1/p"
		cgg-detach --all' bash "$1"
	says "$2"
}

# refuses TARGET SENTENCE
refuses()
{
	run in_world cgg-attach "$1"
	status_is 2
	says "cgg-attach: $1: $2"
}

@test 'container: finds cgroups as the engines name them' {
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
machine.slice/machine-libpod_pod_$b.slice/libpod-$a.scope
system.slice/web.service/libpod-payload-$a
libpod_parent/libpod-$a
user.slice/user-0.slice/user@0.service/user.slice/libpod-$a.scope
kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-$a.scope
kubepods.slice/kubepods-pod1.slice/crio-$a.scope
kubepods/besteffort/pod1/$a
kubepods/burstable/pod1/crio-$a
kubepods-burstable-podaaaa_bbbb.slice:cri-containerd:$a
system.slice/containerd.service/kubepods-podaaaa_bbbb.slice:cri-containerd:$a
kubepods-podaaaa_bbbb.slice:crio:$a
system.slice:docker:$a
machine.slice:libpod:$a
system.slice/nerdctl-$a.scope
default/$a
system.slice/crun-$a.scope
system.slice/runc-$a.scope
own.slice/some-thing-$a.scope
END
}

@test 'container: finds containers by their own names' {
	tree default/web default/web-2 system.slice/crun-my-shop.scope init.scope
	finds container:web /default/web
	finds container:web-2 /default/web-2
	finds container:my-sh /system.slice/crun-my-shop.scope
	finds container:def /default
	run in_world cgg-attach container:we
	status_is 2
	[[ $output == 'cgg-attach: container:we: is ambiguous: '* ]]
	refuses container:shop 'no such cgroup below /sys/fs/cgroup'
	refuses container:system 'no such cgroup below /sys/fs/cgroup'
	refuses container:init 'no such cgroup below /sys/fs/cgroup'
}

@test 'container: finds those of LXC, Incus, LXD and systemd-machined by name' {
	tree lxc.payload.web/.lxc lxc.payload.web-2 lxc.monitor.web lxc.monitor/old lxc.payload.lab_db \
		lxc.monitor.lab_db 'machine.slice/machine-big\x2dbox.scope' \
		'machine.slice/systemd-nspawn@small\x2dbox.service/payload' 'machine.slice/machine-qemu\x2d1\x2dvm.scope'
	finds container:web /lxc.payload.web
	finds container:web-2 /lxc.payload.web-2
	finds container:lab_db /lxc.payload.lab_db
	finds container:db /lxc.payload.lab_db
	finds container:big-box '/machine.slice/machine-big\x5cx2dbox.scope'
	finds container:small-box '/machine.slice/systemd-nspawn@small\x5cx2dbox.service'
	finds container:qemu-1-vm '/machine.slice/machine-qemu\x5cx2d1\x5cx2dvm.scope'
	refuses container:old 'no such cgroup below /sys/fs/cgroup'
	refuses container:lxc 'no such cgroup below /sys/fs/cgroup'
	refuses container:payload 'no such cgroup below /sys/fs/cgroup'
	tree lxc.payload.dev_web
	finds container:lab_db /lxc.payload.lab_db
	run in_world cgg-attach container:web
	status_is 2
	[[ $output == *'is ambiguous: '*/lxc.payload.* ]]
	finds container:dev_web /lxc.payload.dev_web
}

@test 'container: does not take the monitor of an engine, or a cgroup inside a container, for it' {
	tree "machine.slice/libpod-conmon-$a.scope" "machine.slice/libpod-$a.scope/container/$a" \
		"machine.slice/crio-conmon-$a.scope" "crio-conmon-$a" "machine.slice:libpod-conmon:$a" \
		"docker/$b/system.slice/docker-$a.scope" "lxc.payload.x/docker/$a"
	finds container:4f0c2b "/machine.slice/libpod-$a.scope"
}

@test 'several cgroups that fit are all named' {
	tree "system.slice/docker-$a.scope" "docker/$b"
	run in_world cgg-attach container:4f0c
	status_is 2
	[[ $output == 'cgg-attach: container:4f0c: is ambiguous: '* ]]
	[[ $output == *"/system.slice/docker-$a.scope"* && $output == *"/docker/$b"* ]]
	finds container:4f0c9 "/docker/$b"
	tree system.slice/x.service own.slice/x.service
	run in_world cgg-attach unit:x.service
	status_is 2
	[[ $output == *'/system.slice/x.service'* && $output == *'/own.slice/x.service'* ]]
	# more candidates than fit on a line
	for ((i = 1; i < 30; i++)); do
		tree "docker/$(id 77 "$i")"
	done
	run in_world cgg-attach container:77
	status_is 2
	[[ $output == *' ...' && ${#output} -lt 1000 ]]
}

@test 'unit: finds units as systemd lays them out' {
	tree system.slice/nginx.service 'system.slice/system-getty.slice/getty@tty1.service' \
		user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox@x.service \
		user.slice/user-1000.slice/session-3.scope system.slice/nginx.service.d init.scope
	finds unit:nginx.service /system.slice/nginx.service
	finds unit:nginx /system.slice/nginx.service
	finds unit:getty@tty1.service '/system.slice/system-getty.slice/getty@tty1.service'
	finds unit:session-3.scope /user.slice/user-1000.slice/session-3.scope
	finds unit:user-1000.slice /user.slice/user-1000.slice
	finds unit:user@1000.service /user.slice/user-1000.slice/user@1000.service
	finds unit:init.scope /init.scope
	refuses unit:ngin 'no such cgroup below /sys/fs/cgroup'
	refuses unit: 'not a name'
	refuses unit:a/b 'not a name'
	refuses container: 'not a name'
}

# belongs PATH: give it to another user, as systemd and engines delegate cgroups
belongs()
{
	chown -R nobody "$world/$1"
}

# as_nobody PATH...: make these cgroups as that user
as_nobody()
{
	local path

	for path; do
		setpriv --reuid nobody --regid nogroup --clear-groups mkdir -p "$world/$path"
	done
}

strange='has that name, and users other than root may have created it; write its path if you mean it'

@test 'a cgroup that a user made is no unit and no container' {
	delegated=(user.slice/user-65534.slice/user@65534.service system.slice/app.service
		"system.slice/docker-$b.scope" "lxc.payload.shop")
	tree "${delegated[@]}"
	for path in "${delegated[@]}"; do
		belongs "$path"
		as_nobody "$path/system.slice/ssh.service" "$path/docker-$a.scope" "$path/lxc.payload.web" "$path/web" \
			"$path/a.slice/a-b.slice" "$path/machine-web.scope" "$path/x.slice:docker:$a"
	done
	for path in "${delegated[@]:0:2}"; do
		run in_world cgg-attach unit:ssh.service
		status_is 2
		[[ $output == "cgg-attach: unit:ssh.service: only /"*"/system.slice/ssh.service $strange" ]]
	done
	run in_world cgg-attach "container:$a"
	status_is 2
	[[ $output == "cgg-attach: container:$a: only /"*" $strange" ]]
	run in_world cgg-attach container:web
	status_is 2
	[[ $output == "cgg-attach: container:web: only /"*" $strange" ]]
	yes in_world cgg-attach "/system.slice/app.service/docker-$a.scope"
	in_world cgg-detach -a
	# and does not hide the real ones
	tree system.slice/ssh.service "system.slice/docker-$a.scope" a.slice/a-b.slice lxc.payload.web
	finds unit:ssh /system.slice/ssh.service
	finds unit:a-b.slice /a.slice/a-b.slice
	finds unit:app.service /system.slice/app.service
	finds unit:user@65534.service /user.slice/user-65534.slice/user@65534.service
	finds "container:$a" "/system.slice/docker-$a.scope"
	finds "container:$b" "/system.slice/docker-$b.scope"
	finds container:web /lxc.payload.web
	finds container:shop /lxc.payload.shop
}

@test 'below a cgroup that others than root may write there is no unit or container' {
	tree "docker/$a" system.slice/x.service
	for mode in 777 775; do
		chmod "$mode" "$world/docker" "$world/system.slice"
		chgrp nogroup "$world/docker" "$world/system.slice"
		refuses "container:$a" "only /docker/$a $strange"
		refuses unit:x "only /system.slice/x.service $strange"
	done
	chmod 755 "$world/docker" "$world/system.slice"
	finds "container:$a" "/docker/$a"
	finds unit:x /system.slice/x.service
}

@test 'a real unit is found where systemd puts it' {
	tree x.service a/x.service system.slice/b.service/x.service a.slice/c-d.slice/x.service b.slice/c.slice
	for unit in x.service c.slice c-d.slice; do
		run in_world cgg-attach "unit:$unit"
		status_is 2
		[[ $output == "cgg-attach: unit:$unit: only /"*"/$unit $strange" || $output == *" only /x.service $strange" ]]
	done
	tree "docker/$a/y.slice/x.service" a.scope/y.slice/x.service lxc.payload.a/y.slice/x.service \
		machine.slice/systemd-nspawn@a.service/y.slice/x.service
	run in_world cgg-attach unit:x
	status_is 2
	# a tree like that of systemd which root made elsewhere, when there is no other
	tree own/y.slice/x.service
	finds unit:x /own/y.slice/x.service
	tree a.slice/a-b.slice/x.service
	finds unit:x /a.slice/a-b.slice/x.service
}

# sleeps_in PATH: start a process there, in $pid
sleeps_in()
{
	inside "$world/$1" sleep 1000 3>&- &
	started[$!]=sleeper
	wait_for grep -q . "$world/$1/cgroup.procs"
	pid=$(cat "$world/$1/cgroup.procs")
}

@test 'with a mount over cgroup v2 pid: still finds the cgroup of the process, and / is not the root' {
	tree part/below part/part/below
	sleeps_in part/below
	id=$(stat -c %i "$world/part/below")
	yes in_world bash -c '
		mount --bind /sys/fs/cgroup/part /sys/fs/cgroup
		cgg-attach "pid:$1" || exit 9
		cgg-status -j
		cgg-attach / && exit 8
		cgg-attach /sys/fs/cgroup && exit 7
		cgg-detach "pid:$1" && cgg-attach -f / && cgg-status -j && cgg-detach -a' bash "$pid"
	[ "$(grep -c '"cgroup_id"' <<<"$output")" -eq 2 ]
	matches "\"cgroup_id\": $id,?$"
	matches "\"cgroup_id\": $(stat -c %i "$world/part"),?$"
	matches '^cgg-attach: /: is /part, because a mount covers the root cgroup at /sys/fs/cgroup; umount it, or guard what it shows with -f$'

	# a mount that hides nothing, as systemd makes it for ProtectControlGroups=
	yes in_world bash -c '
		mount --bind /sys/fs/cgroup /sys/fs/cgroup && mount -o remount,bind,ro /sys/fs/cgroup
		cgg-attach "pid:$1" && cgg-status -j && cgg-detach part/below' bash "$pid"
	matches "\"cgroup_id\": $id,?$"
}

@test 'no path through a mount over a part of cgroup v2 is taken' {
	tree a/x b/x system.slice/x.service "docker/$a"
	sleeps_in a/x
	yes in_world bash -c '
		mount --bind /sys/fs/cgroup/b /sys/fs/cgroup/a
		for target in /a/x "pid:$1" /sys/fs/cgroup/a/x a /b/../../x; do cgg-attach "$target"; echo "status $?"; done
		mount -t tmpfs none /sys/fs/cgroup/system.slice; mkdir /sys/fs/cgroup/system.slice/x.service
		mount -t tmpfs none /sys/fs/cgroup/docker; mkdir "/sys/fs/cgroup/docker/$2"
		for target in unit:x "container:$2"; do cgg-attach "$target"; echo "status $?"; done
		cgg-attach /b/x && cgg-status' bash "$pid" "$a"
	[ "$(grep -cx 'status 2' <<<"$output")" -eq 7 ]
	[ "$(grep -c '^cgroup' <<<"$output")" -eq 1 ]
	matches '^cgg-attach: /a/x: another mount covers a part of that path, or the path leaves cgroup v2 at /sys/fs/cgroup$'
	matches '^cgroup	/b/x	'
	in_world cgg-detach -a
	# a mount that shows the same counts as the same
	yes in_world bash -c 'mount --bind /sys/fs/cgroup/a /sys/fs/cgroup/a; cgg-attach "pid:$1" && cgg-status' bash "$pid"
	matches '^cgroup	/a/x	'
}

@test 'pid: a name that looks like a removed cgroup or like a next line is read right' {
	tree 'gone (deleted)' gone
	inside "$world/gone" bash -c 'sleep 1000 3>&- & echo $!; exec sleep 1001' >"$BATS_TEST_TMPDIR/child" 3>&- &
	started[$!]=parent
	wait_for grep -q . "$BATS_TEST_TMPDIR/child"
	pid=$(cat "$BATS_TEST_TMPDIR/child")
	kill -KILL "$pid" # a zombie: nobody waits for it
	wait_for grep -q 'State:.Z' "/proc/$pid/status"
	awk '/^PPid:/ { print $2 }' "/proc/$pid/status" >"$world/cgroup.procs"
	wait_for rmdir "$world/gone"
	[ "$(sed -n 's/^0:://p' "/proc/$pid/cgroup")" != "${world#"$(cgroup_root)"}" ]
	run in_world cgg-attach "pid:$pid"
	status_is 2
	matches "^cgg-attach: pid:$pid: "
}

@test 'pid: finds the cgroup of the process' {
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
	says 'cgg-attach: pid:1: its cgroup is not visible below /sys/fs/cgroup'
}

@test 'targets are found where the mount shows only a part, as in a container' {
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

@test 'a container that is only in cgroup v1 is refused with that reason' {
	v1=$(awk '$3 == "cgroup" { print $2; exit }' /proc/mounts)
	[ -n "$v1" ] || skip 'no cgroup v1 is mounted'
	only=$(id "$(printf 'b%07x' $$)") # unlike those of another run of these tests
	mkdir "$v1/$CGG_RUN-v1" "$v1/$CGG_RUN-v1/$only"
	run cgg-attach "container:$only"
	rmdir "$v1/$CGG_RUN-v1/$only" "$v1/$CGG_RUN-v1"
	status_is 2
	says "cgg-attach: container:$only: is only in cgroup v1 ($v1/$CGG_RUN-v1/$only), not below $(cgroup_root)"
}

# bundle COMMAND [KIND POLICY]: make what a runtime needs to run it in $box, with a hook of that
# kind; in the cgroup $cgroup, if that is set
bundle()
{
	box=$BATS_TEST_TMPDIR/box
	rm -rf "$box"
	mkdir -p "$box"/rootfs/{proc,dev,usr}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$box/rootfs"
	python3 -c '
import json, os, sys
command, hook, path, cgroup = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
config = dict(ociVersion="1.0.0", root=dict(path="rootfs"), hostname="box",
    annotations={"pid": "1", "note": "\"pid\": 1", **json.loads(os.environ.get("ANNOTATIONS", "{}"))},
    process=dict(user=dict(uid=0, gid=0), cwd="/", env=["PATH=/usr/bin:/usr/sbin"],
        args=["bash", "-c", command]),
    mounts=[dict(destination="/usr", source="/usr", type="bind", options=["rbind", "ro"]),
        dict(destination="/proc", type="proc", source="proc"),
        dict(destination="/dev", type="tmpfs", source="tmpfs")],
    linux=dict(namespaces=[dict(type=t) for t in ("pid", "mount", "uts", "ipc")]))
if cgroup:
    config["linux"]["cgroupsPath"] = cgroup
if sys.argv[5:]:
    config["hooks"] = {sys.argv[5]: [
        dict(path=hook, args=["cgguard-hook", *sys.argv[6:]], env=["PATH=" + path])]}
json.dump(config, sys.stdout)' "$1" "$root/share/libexec/cgguard-hook" "$PATH" "${cgroup-}" "${@:2}" >"$box/config.json"
}

# runtime NAME ARG...: run crun or runc in the world
runtime()
{
	in_world "$1" --root "$BATS_TEST_TMPDIR/state" "${@:2}" </dev/null 3>&-
}

# can_run NAME: skip the test, with the error, if it cannot run
can_run()
{
	command -v "$1" >/dev/null || skip "$1 is not installed"
	bundle true
	run runtime "$1" run --bundle "$box" probe
	[ "$status" -eq 0 ] || skip "$1 cannot run a container here: ${output##*$'\n'}"
}

# box_policy NAME: skip the test if that runtime cannot run; the policy box denies reading /dev/zero
box_policy()
{
	can_run "$1"
	cgg-rule -p box add device c 1:5 r
}

# guard_pod COMMAND: guard the cgroup /pods/one, and make a bundle that runs COMMAND in it
guard_pod()
{
	tree pods/one
	yes in_world cgg-attach -p box /pods/one
	cgroup=/pods/one bundle "$1"
}

# guards NAME: a container that this runtime started is guarded by its id, and can be detached
guards()
{
	box_policy "$1"
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

# named_finds TARGET PATH, named_refuses TARGET SENTENCE: as finds and refuses, with a /var/lib of their own
named_finds()
{
	yes inside "$world" unshare -m -C bash -euo pipefail -c '
		mount --bind "$1" /var/lib
		umount -l -a -t cgroup,cgroup2
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		said=$(cgg-attach "$2" 2>&1) || { echo "$said" && exit 1; }
		cgg-status | sed -n "s/^cgroup\t\([^\t]*\)\t.*/\1/p"
		cgg-detach --all' bash "$BATS_TEST_TMPDIR/var" "$1"
	says "$2"
}

named_refuses()
{
	run inside "$world" unshare -m -C bash -c '
		mount --bind "$1" /var/lib
		umount -l -a -t cgroup,cgroup2
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cgg-attach "$2"' bash "$BATS_TEST_TMPDIR/var" "$1"
	status_is 2
	says "cgg-attach: $1: $2"
}

@test 'container: a container is found by the name that docker, podman or nerdctl keep' {
	c=$(id 77aa)
	tree "system.slice/docker-$a.scope" "machine.slice/libpod-$b.scope/container" "system.slice/nerdctl-$c.scope"
	var=$BATS_TEST_TMPDIR/var
	mkdir -p "$var/docker/containers/$a" "$var/containers/storage/overlay-containers" "$var/nerdctl/1935db59/names/default"
	printf '{"StreamConfig":{},"ID":"%s","Name":"/web","Config":{"Name":"/db"}}' "$a" \
		>"$var/docker/containers/$a/config.v2.json"
	printf '[{"id":"%s","names":["db","db2"]},{"id":"%s","names":["stopped"]}]' "$b" "$(id ff)" \
		>"$var/containers/storage/overlay-containers/containers.json"
	printf '%s' "$c" >"$var/nerdctl/1935db59/names/default/cache"
	named_finds container:web "/system.slice/docker-$a.scope"
	named_finds container:db2 "/machine.slice/libpod-$b.scope"
	named_finds container:cache "/system.slice/nerdctl-$c.scope"
	named_finds "container:${a:0:12}" "/system.slice/docker-$a.scope"
	named_refuses container:stopped "container ff0000000000 has no cgroup below /sys/fs/cgroup; is it running?"
	named_refuses container:we 'no such cgroup below /sys/fs/cgroup'
	named_refuses container:.. 'no such cgroup below /sys/fs/cgroup'
	# what is no name of a file, no JSON, or no id is passed over
	echo '{' >"$var/docker/containers/$a/config.v2.json"
	named_refuses container:web 'no such cgroup below /sys/fs/cgroup'
	echo '../../x' >"$var/nerdctl/1935db59/names/default/cache"
	named_refuses container:cache 'no such cgroup below /sys/fs/cgroup'
	# two engines may have the same name
	printf '%s' "$c" >"$var/nerdctl/1935db59/names/default/db"
	named_refuses container:db 'several containers have this name; write an id'
}

@test 'crun: a running container is guarded by its id' { guards crun; }

@test 'runc: a running container is guarded by its id' { guards runc; }

# annotated NAME: the annotation names the policy, unless the hook has an argument
annotated()
{
	box_policy "$1"
	export ANNOTATIONS='{"cgguard.policy": "box", "note": "\"cgguard.policy\": \"nosuch\""}'
	bundle 'cat /dev/zero' createRuntime
	run runtime "$1" run --bundle "$box" annotated
	status_is 1
	matches 'cat: /dev/zero: Operation not permitted'
	cgg-rule -p lax add port 1
	bundle 'head -c 1 /dev/zero >/dev/null && echo read' createRuntime lax
	run runtime "$1" run --bundle "$box" argument
	matches '^read'
	ANNOTATIONS='{"cgguard.policy": "nosuch"}'
	bundle 'echo has begun' createRuntime
	run runtime "$1" run --bundle "$box" wrong
	[ "$status" -ne 0 ]
	[[ $output != *'has begun'* ]]
}

@test 'crun: an annotation names the policy of a container' { annotated crun; }

@test 'runc: an annotation names the policy of a container' { annotated runc; }

# hooks_in NAME: a hook guards the container before its first process, or it does not start
hooks_in()
{
	box_policy "$1"
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

@test 'crun: a hook guards a container before it starts' { hooks_in crun; }

@test 'runc: a hook guards a container before it starts' { hooks_in runc; }

# ---- cgroups that are made ----

@test '-c makes the levels above too, and removes them when it fails' {
	cgg-rule default device alert
	yes in_world cgg-attach -c a/b/c /d/e/ /sys/fs/cgroup/f//g
	yes in_world bash -c 'cgg-status | sed -n "s/^cgroup\t\([^\t]*\)\t.*/\1/p" | sort'
	says $'/a/b/c\n/d/e\n/f/g'
	[ -d "$world/a/b/c" ] && [ -d "$world/d/e" ] && [ -d "$world/f/g" ]
	in_world cgg-detach -a
	yes in_world cgg-attach -c a/b/c
	before=$(find "$world" -type d | sort)
	for words in 'a/x/y n/o/p nosuch/. d' 'n/o/p unit:none' 'a/b/q/r pid:x' 'n/o/../p'; do
		# shellcheck disable=SC2086 # several words
		run in_world cgg-attach -c $words
		status_is 2
		[ "$(find "$world" -type d | sort)" = "$before" ]
	done
	echo 3 >"$world/cgroup.max.depth"
	run in_world cgg-attach -c n/o/p/q
	status_is 3
	says 'cgg-attach: n/o/p/q: allows no more cgroups below it (cgroup.max.*)'
	[ "$(find "$world" -type d | sort)" = "$before" ]
	yes in_world bash -c 'cgg-status | grep -c ^cgroup'
	says 1
}

@test '-c works through a second mount' {
	run in_world bash -c '
		mkdir -p "$1/second" && mount -t cgroup2 cgroup2 "$1/second" &&
		cgg-attach -c "$1/second/a/b" "$1/second/c" && cgg-status | sed -n "s/^cgroup\t\([^\t]*\)\t.*/\1/p" | sort &&
		cgg-attach "$1/second/a" && cgg-detach "$1/second/a/b" && cgg-attach -c "$1/none/a"' bash "$BATS_TEST_TMPDIR"
	status_is 2
	[ "${lines[0]}" = /a/b ] && [ "${lines[1]}" = /c ]
	[ -d "$world/a/b" ] && [ -d "$world/c" ]
	matches ': not in cgroup v2, which is mounted at /sys/fs/cgroup$'
	[ ! -e "$BATS_TEST_TMPDIR/none" ] && [ ! -e "$world$BATS_TEST_TMPDIR" ]
}

@test 'more targets than descriptors are attached, all or none' {
	local all

	cgg-rule default device alert
	all=$(seq -s ' ' 100)
	yes in_world bash -c "ulimit -n 24; cgg-attach -c $all && cgg-status | grep -c ^cgroup"
	says 100
	yes in_world bash -c "ulimit -n 24; cgg-detach $all && cgg-status | grep -c ^cgroup" || status_is 1
	says 0
	run in_world bash -c "ulimit -n 24; cgg-attach -c $all $(seq -s ' ' 101 150) nosuch/."
	status_is 2
	[ "$(find "$world" -mindepth 1 -type d | wc -l)" -eq 100 ]
	run in_world cgg-status
	[[ $output != *$'\n'cgroup* ]]
}

# ---- what cgg-status prints ----

@test 'cgg-detach takes the names that cgg-status prints, even of cgroups that this mount does not show' {
	tree part other
	yes in_world cgg-attach part other
	run in_world unshare -m bash -c '
		mount --bind /sys/fs/cgroup/part /mnt; umount -l /sys/fs/cgroup
		cgg-status; cgg-detach '"$(stat -c %i "$world/other")"' && cgg-status && cgg-detach 1'
	status_is 2
	[ "$(grep -c "^cgroup	$(stat -c %i "$world/other")	policy default" <<<"$output")" -eq 1 ]
	[ "$(grep -c "^cgroup	/	policy default" <<<"$output")" -eq 2 ]
	matches '^cgg-detach: 1: no such cgroup; cgroup v2 is mounted at /mnt; for a process write pid:1$'
}

@test 'cgg-detach detaches a removed cgroup by its id' {
	new_cgroup dead
	cgg-attach "$dead"
	id=$(stat -c %i "$dead")
	rmdir "$dead"
	yes cgg-detach "$id"
	no cgg-detach "$id"
	status_is 2
	says "cgg-detach: $id: no such cgroup; cgroup v2 is mounted at $(cgroup_root)"
}

# ---- what the kernel refuses ----

@test 'a cgroup with 64 programs takes no more, and the message says so' {
	cgg-rule add connect
	python3 - "$world" <<'END' >"$BATS_TEST_TMPDIR/links" 3>&- &
import ctypes, os, platform, struct, sys, time
number = {"x86_64": 321, "aarch64": 280, "s390x": 351, "ppc64le": 361, "riscv64": 280}[platform.machine()]
call = ctypes.CDLL(None, use_errno=True).syscall
def bpf(command, *words):
    attr = ctypes.create_string_buffer(struct.pack(*words), 128)
    return call(number, command, attr, 128)
path = ctypes.create_string_buffer(b"/sys/fs/bpf/cgguard/progs/connect4")
program = bpf(7, "QII", ctypes.addressof(path), 0, 0)
cgroup = os.open(sys.argv[1], os.O_RDONLY)
links = 0
while bpf(28, "IIII", program, cgroup, 10, 0) >= 0:
    links += 1
print(links, flush=True)
time.sleep(1000)
END
	started[$!]=links
	wait_for grep -q . "$BATS_TEST_TMPDIR/links"
	[ "$(cat "$BATS_TEST_TMPDIR/links")" -eq 64 ]
	run cgg-attach "$world"
	status_is 3
	says "cgg-attach: $(shown "$world"): connect4: 64 programs are attached there, and the kernel takes no more; detach one first (cgg-status --effective lists them)"
	run cgg-status
	[[ $output != *$'\n'cgroup* ]]
	stop $!
	yes cgg-attach "$world"
}

# ---- a cgroup that is guarded before its container starts ----

# Write to $box/rootfs/said, again and again, whether the container may read /dev/zero.
zero='while sleep 0.02; do
	if head -c 1 /dev/zero >/dev/null 2>&1; then echo open; else echo shut; fi >>/said
done'

# keeps NAME: a running container in /pods/one stays guarded while it is updated
keeps()
{
	wait_for grep -q shut "$box/rootfs/said"
	echo '{}' >"$box/resources"
	yes runtime "$1" update -r "$box/resources" "$a"
	: >"$box/rootfs/said"
	wait_for grep -q shut "$box/rootfs/said"
	run grep -q open "$box/rootfs/said"
	status_is 1
	runtime "$1" delete --force "$a"
}

# starts_below NAME: guard the cgroup above first, as cgguard-services(7) says
starts_below()
{
	box_policy "$1"
	tree pods
	yes in_world cgg-attach -p box /pods
	cgroup=/pods/one bundle "$zero"
	runtime "$1" run --detach --bundle "$box" "$a" >/dev/null 2>&1
	keeps "$1"
}

@test 'crun: a container starts and is updated below a guarded cgroup' { starts_below crun; }

@test 'runc: a container starts and is updated below a guarded cgroup' { starts_below runc; }

# updates_hooked NAME: a container that a hook guarded stays guarded while it is updated
updates_hooked()
{
	box_policy "$1"
	cgroup=/pods/one bundle "$zero" createRuntime box
	runtime "$1" run --detach --bundle "$box" "$a" >/dev/null 2>&1
	keeps "$1"
}

@test 'crun: a container that a hook guarded is updated' { updates_hooked crun; }

@test 'runc: a container that a hook guarded is updated' { updates_hooked runc; }

@test 'runc: its own cgroup must have no device rule yet' {
	box_policy runc
	guard_pod 'echo has begun; head -c 1 /dev/zero'
	run runtime runc run --bundle "$box" "$a"
	[ "$status" -ne 0 ]
	[[ $output != *'has begun'* ]]
	[[ $output = *BPF_CGROUP_DEVICE* ]] || complain 'the error must name the device program'
	# without a rule for devices it works
	yes in_world cgg-detach -a
	cgg-rule -p box flush
	cgg-rule -p box add socket type raw
	tree pods/one
	yes in_world cgg-attach -p box /pods/one
	yes runtime runc run --bundle "$box" "$a"
	[[ $output = *'has begun'* ]]
}

@test 'crun: its own cgroup may have a device rule already, and stays guarded' {
	box_policy crun
	guard_pod 'echo has begun; head -c 1 /dev/zero'
	run runtime crun run --bundle "$box" "$a"
	[[ $output = *'has begun'* ]]
	[[ $output = *'/dev/zero'*'Operation not permitted'* ]]
}
