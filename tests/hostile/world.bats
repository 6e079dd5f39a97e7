#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# world - what others do to cgroups, pins and programs while a guard is in force
#
# All tests share one guard: connect to $port and reading /dev/zero are denied in $web. A test
# restores what it removes. Every command names the damage and the cure in a sentence, and what
# cgg-status calls guarded is guarded.
# shellcheck disable=SC2016,SC2154 # what inner shells expand; helpers set what new_cgroup and start_server name

load ../helpers

dir=/sys/fs/bpf/cgguard
aside=/sys/fs/bpf/aside # tests keep here what they restore
load_again='run cgg-unload -f and cgg-load'

setup_file()
{
	cgg-load
	mkdir -m 700 "$aside"
	other_program allow
	other_program deny
}

# other_program allow|deny: attach a foreign program of that name, which decides so on every connect
other_program()
{
	cat >"$BATS_FILE_TMPDIR/$1.c" <<END
__attribute__((section("cgroup/connect4"), used)) int connect4(void *context)
{
	return $([ "$1" = deny ]; echo $?);
}
char gpl[] __attribute__((section("license"), used)) = "GPL";
END
	clang -O2 -target bpf -c -o "$BATS_FILE_TMPDIR/$1.o" "$BATS_FILE_TMPDIR/$1.c"
	bpftool prog load "$BATS_FILE_TMPDIR/$1.o" "/sys/fs/bpf/other-$1"
}

setup()
{
	untraced
	start_server
	new_cgroup web
	cgg-rule add port "$port"
	cgg-rule add device c 1:5
	cgg-attach "$web"
}

# Leave the guard loaded and empty.
teardown()
{
	local pid group

	{ cgg-detach -a && cgg-rule flush; } || { cgg-unload -f && cgg-load; }
	for pid in "${!started[@]}"; do
		stop "$pid"
	done
	for group in "$(cgroup_root)/$CGG_RUN-$BATS_TEST_NUMBER-"*; do
		[ ! -d "$group" ] || remove_cgroup "$group" || return
	done
}

teardown_file()
{
	clean_up
	rm -rf /sys/fs/bpf/aside /sys/fs/bpf/other*
}

# guarded CGROUP: the kernel denies there, and cgg-status says so. Other ports are open.
guarded()
{
	no inside "$1" reach 127.0.0.1 "$port"
	no inside "$1" reach ::1 "$port" udp
	no inside "$1" head -c 0 /dev/zero
	yes inside "$1" reach ::1 1 udp
	yes cgg-status
	matches "^cgroup	$(shown "$1")	policy default	programs connect4,connect6,sendmsg4,sendmsg6,device$"
}

# guarded_by COMMAND...: before it the cgroup is not guarded, after it is
guarded_by()
{
	yes "$@"
	guarded "$web"
}

# not_guarded CGROUP: the kernel does not deny there, and cgg-status says so
not_guarded()
{
	yes inside "$1" reach 127.0.0.1 "$port"
	yes inside "$1" head -c 0 /dev/zero
	yes cgg-status
	! grep -q "^cgroup	$(shown "$1")	" <<<"$output"
}

# speaks COMMAND [CURE]: it succeeds, or names reason and cure, with status 3
speaks()
{
	# shellcheck disable=SC2086 # a command and its words
	run $1
	case $status in
	0) ;;
	3) [[ $output == "${1%% *}: "*"; ${2-a cure}" ]] || complain "must name ${2-nothing}" "$1" ;;
	*) complain 'status must be 0 or 3' "$1" ;;
	esac
}

# all_speak [CURE]: so do all commands; with CURE at least one names it
all_speak()
{
	local command asked=no

	for command in cgg-load cgg-status 'cgg-status -j' 'cgg-status -m' 'cgg-rule list -s' \
		'cgg-rule add port 9' 'cgg-rule test bind ip 10.0.0.1 port 9' 'cgg-events -w 0' \
		"cgg-attach $web"; do
		speaks "$command" "$@" || return
		[[ -z ${1-} || $output != *"$1"* ]] || asked=yes
	done
	[[ $# -eq 0 || $asked == yes ]] || complain 'no command named the cure'
	run cgg-unload # it refuses because a cgroup is attached, if it can read that
	[[ $status -eq 1 && $output == *'cgg-detach -a, or cgg-unload -f' ]] ||
		[[ $status -eq 3 && $output == *"; ${1-}" ]] || complain 'cgg-unload'
}

# ---- cgroups ----

@test 'a cgroup that is made again under the same name is another one, and not guarded' {
	guarded "$web"
	rmdir "$web"
	run cgg-attach "$web"
	status_is 2
	says "cgg-attach: $web: no such cgroup; cgroup v2 is mounted at $(cgroup_root)"
	mkdir "$web"
	run cgg-detach "$web"
	status_is 1
	says "cgg-detach: $web: not attached"
	not_guarded "$web"
	yes cgg-attach "$web"
	guarded "$web"
}

@test 'a cgroup is removed together with its parent while cgg-events waits' {
	new_cgroup above
	new_cgroup below "$above"
	yes cgg-attach "$below"
	cgg-events >"$BATS_TEST_TMPDIR/events" 3>&- &
	started[$!]=reader
	has_reader()
	{
		cgg-status | grep -q '^reader	'
	}
	wait_for has_reader
	rmdir "$below" "$above"
	guarded "$web"
	[[ $output != *"$(shown "$above")"* ]]
	wait_for grep -q '^\[DENY device\]' "$BATS_TEST_TMPDIR/events"
}

@test 'a cgroup cannot be renamed, and stays guarded' {
	new_cgroup above
	new_cgroup below "$above"
	yes cgg-attach "$below"
	no mv "$above" "$above-new"
	guarded "$below"
}

# moved FROM TO COMMAND...: stop in FROM, get moved by another process, and go on in TO
moved()
{
	local pid

	inside "$1" bash -c 'kill -STOP $$; exec "$@"' bash "${@:3}" 3>&- &
	wait_for grep -q . "$1/cgroup.procs"
	read -r pid <"$1/cgroup.procs"
	wait_for grep -q '^State:.T' "/proc/$pid/status"
	echo "$pid" >"$2/cgroup.procs"
	kill -CONT "$pid"
	wait $!
}

@test 'a process is guarded after it moves in, and not after it moves out' {
	new_cgroup free
	new_cgroup below "$web"
	no moved "$free" "$web" head -c 0 /dev/zero
	no moved "$free" "$below" head -c 0 /dev/zero
	no moved "$web" "$below" head -c 0 /dev/zero
	no moved "$free" "$web" bash -c "exec 9<>/dev/tcp/127.0.0.1/$port"
	yes moved "$web" "$free" head -c 0 /dev/zero
	yes moved "$web" "$free" bash -c "exec 9<>/dev/tcp/127.0.0.1/$port"
}

@test 'threads in cgroups below are guarded' {
	new_cgroup below "$web"
	echo threaded >"$below/cgroup.type"
	guarded "$web"
	yes cgg-attach "$web"
	in_thread()
	{
		inside "$web" sh -c 'echo $$ >"$1/cgroup.threads" && shift && exec "$@"' sh "$below" "$@"
	}
	no in_thread head -c 0 /dev/zero
	yes in_thread head -c 0 /dev/null
}

@test 'a guarded cgroup that becomes threaded stays guarded, and can be detached by name' {
	new_cgroup domain
	new_cgroup part "$domain"
	yes cgg-attach "$part"
	echo threaded >"$part/cgroup.type"
	in_part()
	{
		inside "$domain" sh -c 'echo $$ >"$1/cgroup.threads" && shift && exec "$@"' sh "$part" "$@"
	}
	no in_part head -c 0 /dev/zero
	yes cgg-status
	matches "^cgroup	$(shown "$part")	policy default	programs connect4,"
	yes cgg-detach "$part"
	yes in_part head -c 0 /dev/zero
}

# ---- the bpffs ----

# elsewhere COMMANDS: run them in a mount namespace of its own
elsewhere()
{
	unshare -m --propagation private bash -ec "$1"
}

@test 'a bpffs that is unmounted or mounted over elsewhere: the guard stays in force and is seen again later' {
	for commands in 'umount -l /sys/fs/bpf; cgg-status' 'mount -t tmpfs no /sys/fs/bpf; cgg-status'; do
		run elsewhere "$commands"
		status_is 3
		says 'cgg-status: not loaded, and no bpffs on /sys/fs/bpf; run cgg-load first'
	done
	run elsewhere 'mount -t bpf bpf /sys/fs/bpf; cgg-status'
	status_is 3
	says 'cgg-status: not loaded; run cgg-load first'
	run elsewhere "mount -t tmpfs no $dir; chmod 700 $dir; cgg-status"
	status_is 3
	says "cgg-status: $dir: not on a bpffs; mount -t bpf bpf /sys/fs/bpf"
	yes elsewhere 'mount -t tmpfs no /sys/fs/bpf; umount /sys/fs/bpf; cgg-status'
	guarded "$web"
}

@test 'the last unmount of the bpffs ends the guard, at once or, if lazy, when its last user is gone' {
	new_cgroup shop
	export shop port
	run elsewhere '
		mount -t bpf bpf /sys/fs/bpf
		cgg-load; cgg-rule add device c 1:7; cgg-attach "$shop"
		open() { (echo $BASHPID >"$shop/cgroup.procs"; exec 9</dev/full); }
		! open && echo denied
		exec 8</sys/fs/bpf
		umount -l /sys/fs/bpf
		! open && echo denied
		exec 8<&-
		for i in {1..400}; do ! open || break; sleep 0.05; done
		open && echo open
		umount -l /sys/fs/bpf; ! cgg-status || exit 1
		cgg-load; cgg-rule add device c 1:7; cgg-attach "$shop"
		! open && echo denied again'
	status_is 0
	[ "$(grep -cx denied <<<"$output")" -eq 2 ]
	matches '^open$'
	matches '^cgg-status: not loaded, and no bpffs on /sys/fs/bpf; run cgg-load first$'
	matches '^denied again$'
	guarded "$web"
}

# ---- pins removed by hand ----

@test 'a missing map: commands that need it name it, and the policy stays in force' {
	local pin

	for pin in "$dir"/maps/*; do
		mv "$pin" "$aside/pin"
		case $pin in
		*/asked | */port_open | */flows | */datagrams) all_speak ;; # only programs use them
		*) all_speak "$load_again" ;;
		esac
		no inside "$web" reach 127.0.0.1 "$port"
		mv "$aside/pin" "$pin"
	done
	guarded "$web"
}

@test 'a missing program: commands name it, and cgg-load -r restores it' {
	local pin

	yes cgg-load --hooks sysctl
	for pin in "$dir"/progs/*; do
		rm "$pin"
		yes cgg-status
		[[ $pin == *_unix ]] || # older kernels have no unix hook
			matches "^cgg-status: $pin: No such file or directory; run cgg-load -r$"
	done
	all_speak 'run cgg-load -r'
	run cgg-rule default sysctl deny
	status_is 3
	says "cgg-rule: $dir/progs/sysctl: No such file or directory; run cgg-load -r"
	no inside "$web" reach 127.0.0.1 "$port"
	rmdir "$dir/progs"
	yes cgg-load -r
	yes cgg-rule default sysctl deny
	no inside "$web" cat /proc/sys/kernel/ostype
	yes cgg-rule default sysctl allow
	guarded "$web"
	[[ $output != *cgg-load* ]]
}

@test 'a missing link: cgg-status and cgg-attach make it again' {
	local link

	for link in "$dir/links/$(stat -c %i "$web")"/*; do
		rm "$link"
		guarded_by cgg-status
	done
	rm -r "$dir/links"
	guarded_by cgg-attach "$web"
	rm -r "$dir/links"
	guarded_by cgg-status
}

@test 'a missing version or all maps missing: cgg-unload -f and cgg-load are the cure' {
	rm "$dir/version"
	all_speak "$load_again"
	no inside "$web" reach 127.0.0.1 "$port"
	rm "$dir"/maps/*
	all_speak "$load_again"
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-unload -f
	yes cgg-load
	not_guarded "$web"
	yes cgg-rule add -f - <<<"port $port
device c 1:5"
	yes cgg-attach "$web"
	guarded "$web"
}

@test 'a missing or foreign index: the policy stays in force and can be restored' {
	{
		printf 'port %d\n' "$port" {20000..20200}
		echo device c 1:5
	} >"$BATS_TEST_TMPDIR/policy"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/policy"
	for other in '' 'map create %s type array key 4 value 4096 entries 1 name cgg_index flags 0x1400' \
		"map pin pinned $dir/maps/told %s"; do
		for base in "$dir"/indexes/*; do # the one in force, and those for the next rules
			rm "$base"
			# shellcheck disable=SC2086 # several words
			[ -z "$other" ] || bpftool ${other/\%s/"$base"}
		done
		all_speak 'restore the policy'
		no inside "$web" reach 127.0.0.1 "$port"
		yes cgg-rule restore "$BATS_TEST_TMPDIR/policy"
		guarded "$web"
	done
}

# ---- pins replaced ----

# in_place_of PIN WORDS...: bpftool WORDS puts another object there; all commands name $cure
in_place_of()
{
	local pin=$dir/$1

	mv "$pin" "$aside/pin"
	bpftool "${@:2}"
	all_speak "$cure"
	no inside "$web" reach 127.0.0.1 "$port"
	rm "$pin"
	mv "$aside/pin" "$pin"
	guarded "$web"
}

@test 'a map that was exchanged for another map or a program is refused' {
	local cure=$load_again

	in_place_of maps/attachments map create "$dir/maps/attachments" \
		type hash key 8 value 4 entries 65536 name attachments flags 1
	in_place_of maps/told map create "$dir/maps/told" type array key 4 value 4096 entries 1 name told
	in_place_of maps/tallies map create "$dir/maps/tallies" \
		type percpu_array key 4 value 8192 entries 9 name tallies
	in_place_of maps/ring map pin pinned "$dir/maps/events" "$dir/maps/ring"
	in_place_of maps/attached prog pin pinned /sys/fs/bpf/other-allow "$dir/maps/attached"
	in_place_of version map create "$dir/version" type array key 4 value 4096 entries 1 name version
	in_place_of version prog pin pinned /sys/fs/bpf/other-allow "$dir/version"
}

@test 'a program that was exchanged for another program or a map is never attached' {
	local cure='run cgg-load -r'

	new_cgroup shop
	for words in 'prog pin pinned /sys/fs/bpf/other-allow' "prog pin pinned $dir/progs/connect6" \
		"map pin pinned $dir/maps/told"; do
		# shellcheck disable=SC2086 # several
		in_place_of progs/connect4 $words "$dir/progs/connect4"
		mv "$dir/progs/connect4" "$aside/pin"
		# shellcheck disable=SC2086
		bpftool $words "$dir/progs/connect4"
		run cgg-attach "$shop"
		status_is 3
		says "cgg-attach: $dir/progs/connect4: not the program of this guard; $cure"
		mv "$aside/pin" "$dir/progs/connect4"
	done
	mv "$dir/progs/connect4" "$aside/pin"
	bpftool prog pin pinned /sys/fs/bpf/other-allow "$dir/progs/connect4"
	yes cgg-load -r
	rm "$aside/pin"
	yes cgg-attach "$shop"
	guarded "$shop"
	guarded "$web"
}

@test 'a link that was exchanged or detached is made again, and the foreign one is left alone' {
	local link pin

	new_cgroup shop
	yes cgg-attach "$shop"
	link=links/$(stat -c %i "$web")
	for words in "map pin pinned $dir/maps/told" "link pin pinned $dir/links/$(stat -c %i "$shop")/device" \
		"link pin pinned $dir/$link/connect4"; do
		rm "$dir/$link/device"
		# shellcheck disable=SC2086
		bpftool $words "$dir/$link/device"
		wait_for inside "$web" head -c 0 /dev/zero # the kernel detaches later
		guarded_by cgg-status
		guarded "$shop"
	done
	for pin in "$dir/$link"/*; do
		bpftool link detach pinned "$pin"
	done
	wait_for inside "$web" head -c 0 /dev/zero # the kernel detaches later
	guarded_by cgg-status
}

# ---- foreign programs ----

# theirs CGROUP: print how many of its programs are foreign
theirs()
{
	bpftool -j cgroup show "$1" | jq "[.[] | select(.id == $their)] | length"
}

@test 'with foreign programs before and after both run, and cgg-detach removes only its own' {
	local what their

	for what in allow deny; do
		their=$(bpftool -j prog show pinned "/sys/fs/bpf/other-$what" | jq .id)
		for when in before after; do
			[ "$when" = after ] || cgg-detach "$web"
			bpftool cgroup attach "$web" connect4 pinned "/sys/fs/bpf/other-$what" multi
			yes cgg-attach "$web"
			guarded "$web"
			[ "$what" = allow ] || no inside "$web" reach 127.0.0.1 1 udp
			yes cgg-detach "$web"
			[ "$(theirs "$web")" -eq 1 ]
			yes inside "$web" head -c 0 /dev/zero
			bpftool cgroup detach "$web" connect4 pinned "/sys/fs/bpf/other-$what"
			cgg-attach "$web"
		done
	done
	guarded "$web"
}

@test 'no exclusive or overridable program can be attached where a guard is' {
	for flag in '' override; do
		# shellcheck disable=SC2086 # none, or one
		run bpftool cgroup attach "$web" connect4 pinned /sys/fs/bpf/other-allow $flag
		status_is 255
	done
	guarded "$web"
}

@test 'cgg-unload -f leaves foreign programs' {
	local their

	their=$(bpftool -j prog show pinned /sys/fs/bpf/other-deny | jq .id)
	bpftool cgroup attach "$web" connect4 pinned /sys/fs/bpf/other-deny multi
	yes cgg-unload -f
	[ "$(bpftool -j cgroup show "$web" | jq -c '[.[].id]')" = "[$their]" ]
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-load
	bpftool cgroup detach "$web" connect4 pinned /sys/fs/bpf/other-deny
}
