# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cgroups - what commands take in a guard of a hundred cgroups, and in one of ten thousand
# shellcheck disable=SC2154 # tests/bench/run sets tmp, rounds, quick and spent; new_cgroup all and one; holds holder

# The first have the same work in both guards; the last have work for each cgroup, or for each socket.
cgroups()
{
	local same=(attach detach add restore events) linear=(status metrics sockets) what few many bytes policies i

	few=100 many=10000
	[ -z "$quick" ] || many=2000
	new_cgroup all && new_cgroup one
	cgg-unload -f 2>/dev/null
	printf '\ncommands as whole processes, medians in ms; attached cgroups, each policy has two or three\n'
	guard_on few
	policies_of "$few" && attached_to 1 "$few"
	top_watched "$few"
	guard_off
	guard_on many
	policies_of "$many"
	seq -f "$all/c%.0f" $((few + 1)) $((few + many)) | xargs mkdir
	bytes=$(kernel_bytes)
	attached_to $((few + 1)) $((few + many))
	bytes=$(($(kernel_bytes) - bytes))
	guard_off
	for ((i = 0; i < 2 * rounds + 1; i++)); do
		commands_timed few && commands_timed many
	done
	printf '%-12s %12d %12d\n' '' "$few" "$many"
	for what in "${same[@]}" "${linear[@]}"; do
		printf '%-12s %12s %12s\n' "$what" "$(of "few-$what")" "$(of "many-$what")"
		figure "$(of "many-$what")" "$what among $many cgroups, ms"
	done
	for what in "${same[@]}"; do
		aim "$what among $many cgroups, of among $few" "$(ratio "$(of "many-$what")" "$(of "few-$what")")" 2 x
	done
	for what in "${linear[@]}"; do
		aim "$what among $many cgroups, for each, of among $few" \
			"$(ratio "$(of "many-$what")" "$(($(of "few-$what" | cut -d. -f1) * many / few))")" 2 x
	done
	aim 'memory of an attachment of two hooks' $((bytes / many)) 16384 B
	for what in few many; do
		guard_on "$what"
		cgg-unload -f
		guard_off
		umount -l "$tmp/guard-$what"
	done
	find "$all" -depth -type d -exec rmdir {} +
	cgg-load
	sockets_listed
}

# kernel_bytes: print what the kernel has in slabs, vmalloc and per processor, when it has settled
kernel_bytes()
{
	echo 3 >/proc/sys/vm/drop_caches
	settled >/dev/null
	awk '/^(Slab|VmallocUsed|Percpu):/ { sum += $2 } END { print sum * 1024 }' /proc/meminfo
}

# guard_on NAME: let commands work with the guard of this name: both stay while they take turns, so
# that both are measured under the same load
guard_on()
{
	if [ ! -d "$tmp/guard-$1" ]; then
		mkdir "$tmp/guard-$1" && mount -t bpf bpf "$tmp/guard-$1" || exit
	fi
	mount --bind "$tmp/guard-$1" /sys/fs/bpf || exit
}

guard_off()
{
	umount /sys/fs/bpf || exit
}

# policies_of CGROUPS: make the policies for so many, of more than one each if there are many
policies_of()
{
	policies=$(($1 * 2 / 5))
	[ "$policies" -le 4096 ] || policies=4096
	"$BUILD/tests/fill" 1 "$policies" || exit
}

# attached_to FIRST LAST: make these cgroups below $all, and attach them to all policies in turn
attached_to()
{
	local i paths

	for ((i = 0; i < policies; i++)); do
		mapfile -t paths < <(seq -f "$all/c%.0f" $(($1 + i)) "$policies" "$2")
		[ ${#paths[@]} -eq 0 ] || { mkdir -p "${paths[@]}" && cgg-attach -p "p$((i + 1))" "${paths[@]}"; } || exit
	done
}

# commands_timed NAME: time each command once with that guard, as $tmp/NAME-COMMAND
commands_timed()
{
	local name=$1

	timed_as() { milliseconds "${@:2}" && echo "$spent" >>"$tmp/$name-$1"; }
	guard_on "$name"
	timed_as attach cgg-attach -p p1 "$one"
	timed_as detach cgg-detach "$one"
	timed_as add cgg-rule -p p1 add connect port $((i + 1000))
	timed_as restore cgg-rule -p p1 restore <<<'port 1'
	timed_as events cgg-events -w 0
	timed_as status cgg-status
	timed_as metrics cgg-status -m
	timed_as sockets cgg-sockets
	guard_off
}

# top_watched CGROUPS: the part of a processor that cgg-top takes at a picture a second, once it has begun.
# Each ten seconds it looks up the path of each cgroup, so that is how long each measurement takes.
top_watched()
{
	local pid i share measurements=3

	[ -z "$quick" ] || measurements=1
	tmux -L "$CGG_RUN" -f /dev/null new-session -d -x 100 -y 40 "exec env PATH='$PATH' cgg-top" || return
	pid=$(tmux -L "$CGG_RUN" list-panes -F '#{pane_pid}')
	sleep 5
	for ((i = 0; i < measurements; i++)); do
		share_of "$pid" 10
	done >"$tmp/top"
	tmux -L "$CGG_RUN" kill-server
	share=$(median <"$tmp/top")
	figure "$share" "cgg-top with $1 cgroups, % of a processor"
	aim "cgg-top with $1 cgroups, of a processor" "$share" 1 %
}

# share_of PID SECONDS: print the percentage of a processor that a process takes in this time. It is
# what the process ran, so it does not grow while others run; but on a busy machine caches are cold.
share_of()
{
	local ran time

	ran=$(cut -d ' ' -f 1 "/proc/$1/schedstat") time=${EPOCHREALTIME/./}
	sleep "$2"
	ran=$(($(cut -d ' ' -f 1 "/proc/$1/schedstat") - ran)) time=$((${EPOCHREALTIME/./} - time))
	ratio "$ran" $((time * 10)) && echo # ns of us, in percent
}

# A hundred thousand sockets of one cgroup, half of them opened there, of seven processes: one may have
# 20,000 descriptors at most where nobody may raise the limit.
sockets_listed()
{
	local each=7150 i holders=() listed

	[ -z "$quick" ] || each=715
	cgg-rule add ingress ip 192.0.2.1
	cgg-attach "$one"
	for i in 1 2 3 4 5 6 7; do
		patience=20 BATS_TEST_TMPDIR=$tmp holds "h$i" "$one" "listen:tcp:127.0.0.$i:0" "many:$each" || return
		holders+=("$holder")
	done
	listed=$(cgg-sockets | wc -l)
	for ((i = 0; i < rounds; i++)); do
		milliseconds cgg-sockets
		echo "$spent" >>"$tmp/listed"
	done
	for i in "${holders[@]}"; do
		stop "$i"
	done
	figure "$(of listed)" "$listed sockets listed, ms"
	aim "$listed sockets listed" "$(of listed)" 1000 ms
	cgg-detach --all
	cgg-rule flush
}
