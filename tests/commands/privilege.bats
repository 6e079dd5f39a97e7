#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# privilege - which privileges the commands need: PRIVILEGES in cgguard(7), by a user without root
#
# The guard belongs to uid 65534. Commands are run through a descriptor, since that user may
# not be able to enter their folder.
# shellcheck disable=SC2154 # new_cgroup sets web and mine; run sets lines
# shellcheck disable=SC2030,SC2031 # run sets output and status
load ../helpers

dir=/sys/fs/bpf/cgguard
enough=bpf,net_admin,perfmon

# as CAPS COMMAND...: run it as nobody with only these capabilities (a,b,c or nothing)
as()
{
	local caps=-all${1:+,+${1//,/,+}} command=$2

	shift 2
	# shellcheck disable=SC2016 # for the inner shell
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps="$caps" \
		--ambient-caps="$caps" --bounding-set="$caps" \
		bash -c 'exec -a "$0" /proc/self/fd/9 "$@"' "$command" "$@" 9<"$BUILD/$command"
}

# those CAPS WITHOUT: print the remaining capabilities
those()
{
	tr , '\n' <<<"$1" | grep -vx "$2" | paste -sd ,
}

# The user may not enter the folder of the commands, so none of them could start cgg-load.
setup_file()
{
	as "$enough" cgg-load --hooks all
}

teardown_file()
{
	clean_up
}

setup()
{
	untraced
	new_cgroup web
	new_cgroup mine
	chown 65534 "$mine" "$mine/cgroup.procs"
}

teardown()
{
	if [ ! -d "$dir" ]; then
		as "$enough" cgg-load --hooks all
	fi
	as "$enough" cgg-detach -a
	as "$enough" cgg-rule flush
	as "$enough" cgg-rule -p many drop || true
	for path in "$(cgroup_root)/$CGG_RUN-$BATS_TEST_NUMBER-"*; do
		remove_cgroup "$path" || return
	done
} 2>/dev/null

# All that must not change. A reader slot that was used before does not count.
state()
{
	pins | grep -v "^$dir/readers" | sort
	[ ! -d "$dir" ] || as "$enough" cgg-rule policies
	[ ! -d "$dir" ] || as "$enough" cgg-rule list -i
	[ ! -d "$dir" ] || as "$enough" cgg-status
}

# lacks CAP COMMAND... -- SENTENCE: without that capability it fails so, and changes nothing
lacks()
{
	local what=$1 words=() before

	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	before=$(state)
	run as "$(those "$enough" "$what")" "${words[@]}"
	status_is 3
	says "${words[0]}: $2"
	[ "$(state)" = "$before" ]
}

@test 'CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough for every command' {
	yes as "$enough" cgg-load -c
	yes as "$enough" cgg-load
	yes as "$enough" cgg-attach "$web"
	yes as "$enough" cgg-attach -c "$mine/made"
	yes as "$enough" cgg-rule add device c 1:5
	yes as "$enough" cgg-rule add egress port 9
	yes as "$enough" cgg-rule add cgroup "$web" port 10
	yes as "$enough" cgg-rule insert 1 port 11
	yes as "$enough" cgg-rule delete port 11
	yes as "$enough" cgg-rule default connect alert
	yes as "$enough" cgg-rule default connect allow
	yes as "$enough" cgg-rule mode audit
	yes as "$enough" cgg-rule mode enforce
	yes as "$enough" cgg-rule -p many restore < <(seq 1 100 | sed 's/^/port /')
	yes as "$enough" cgg-rule -p many add port 200
	yes as "$enough" cgg-attach -p many "$mine/made"
	yes as "$enough" cgg-load -r
	yes as "$enough" cgg-rule policies
	says 'default
many'
	yes as "$enough" cgg-rule list -s
	[ "${#lines[@]}" -eq 3 ]
	run as "$enough" cgg-rule test device c 1:5 r
	status_is 1
	run inside "$web" cat /dev/zero
	matches 'Operation not permitted'
	yes as "$enough" cgg-events -w 0 --policy default
	matches "^\[DENY device\] .* cgroup=$(shown "$web") "
	as "$enough" cgg-rule default sysctl alert
	inside "$web" cat /proc/sys/kernel/hostname
	as "$enough" cgg-events -j -w 0 >"$BATS_TEST_TMPDIR/events"
	yes as '' cgg-learn - <"$BATS_TEST_TMPDIR/events"
	matches 'sysctl kernel/hostname r'
	run inside "$mine" as "$enough" cgg-run -v -k mounts -r 'device c 1:5 r' cat /dev/zero
	status_is 1
	matches '\[DENY device\] ' # possibly within the output of cat
	yes as "$enough" cgg-status
	matches "^cgroup	$(shown "$web")	policy default	programs [^	]+$"
	yes as "$enough" cgg-detach "$web"
	yes as "$enough" cgg-detach -a
	yes as "$enough" cgg-rule -p many drop
	yes as "$enough" cgg-unload
	[ -z "$(pins)" ]
}

@test 'without one of them a command says so with status 3 and changes nothing' {
	as "$enough" cgg-attach "$web"
	for cap in bpf net_admin perfmon; do
		lacks "$cap" cgg-load -r -- \
			'the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON'
	done
	lacks bpf cgg-load -c -- \
		'the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON'
	seq 1 100 | sed 's/^/port /' >"$BATS_TEST_TMPDIR/rules"
	lacks bpf cgg-rule restore - -- '100 rules: more than 64 need root, or CAP_BPF' \
		<"$BATS_TEST_TMPDIR/rules"
	lacks bpf cgg-events -w 0 --policy default -- \
		'a ring for the filter: needs root, or CAP_BPF'
	lacks net_admin cgg-rule add egress port 9 -- \
		"$(shown "$web"): egress: needs root, or CAP_BPF and CAP_NET_ADMIN"
	as "$enough" cgg-detach "$web"
	as "$enough" cgg-rule add egress port 9
	lacks net_admin cgg-attach "$web" -- \
		"$(shown "$web"): egress: needs root, or CAP_BPF and CAP_NET_ADMIN"
	as "$enough" cgg-unload
	for cap in bpf net_admin perfmon; do
		lacks "$cap" cgg-load -- \
			'the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON'
	done
}

@test 'a cgroup that the user may not enter needs CAP_DAC_READ_SEARCH, and does not count as removed without' {
	new_cgroup shop "$web"
	as "$enough" cgg-attach "$shop"
	chmod 700 "$web"
	id=$(stat -c %i "$shop")
	lacks none cgg-rule add port 9 -- \
		"cgroup $id: Permission denied; needs root, or CAP_DAC_READ_SEARCH"
	yes as "$enough" cgg-status
	matches "^cgroup	$id	policy default	programs [^	]*$"
	run as "$enough" cgg-attach "$shop"
	status_is 3
	says "cgg-attach: $shop: Permission denied"
	yes as "$enough,dac_read_search" cgg-rule add port 9
	yes as "$enough,dac_read_search" cgg-status
	matches "^cgroup	$(shown "$shop")	policy default	programs [^	]+$"
}

@test 'a removed cgroup is detached even if the owner of the guard may only search for it' {
	new_cgroup shop "$web"
	as "$enough" cgg-rule add port 9
	as "$enough" cgg-attach "$shop" "$mine"
	rmdir "$shop"
	yes as "$enough" cgg-rule add socket
	yes as "$enough" cgg-status
	[ "$(grep -c '^cgroup' <<<"$output")" -eq 1 ]
	matches "^cgroup	$(shown "$mine")	"
}

@test 'a user who sees only a part of cgroup v2 does not take the rest for removed' {
	as "$enough" cgg-rule add port 9
	as "$enough" cgg-attach "$web"
	before=$(find "$dir/links" | sort)
	# shellcheck disable=SC2016 # for the inner shell
	part='mount --bind "$2" "$3"'
	as_seen()
	{
		export -f as
		export BUILD
		# shellcheck disable=SC2016 # for the inner shell
		unshare -m bash -c "$part"' && shift 3 && as "$@"' bash "$BATS_TEST_TMPDIR" \
			"$mine" "$(cgroup_root)" "$@"
	}
	yes as_seen "$enough" cgg-status
	matches "^cgroup	$(stat -c %i "$web")	policy default	programs [^	]+$"
	[ "$(find "$dir/links" | sort)" = "$before" ]
	yes as "$enough" cgg-status
	matches "^cgroup	$(shown "$web")	"
}

@test 'without any privilege every command says so with status 3' {
	declare -A words_of=([cgg-attach]=$web [cgg-detach]=-a [cgg-rule]='add port 9' [cgg-run]=true
		[cgg-events]='-w 0' [cgg-load]='' [cgg-names]='' [cgg-set]=list [cgg-sockets]=''
		[cgg-status]='' [cgg-top]='-b -n 1' [cgg-unload]=-f)
	as "$enough" cgg-unload
	cgg-load # root's
	before=$(pins | sort; cgg-rule list; cgg-status)
	for path in "$BUILD"/cgg-*; do
		command=${path##*/}
		yes as '' "$command" -h
		yes as '' "$command" -V
		[ "$command" != cgg-learn ] || continue # it is a filter, and needs no privilege
		# shellcheck disable=SC2086 # words
		run as '' "$command" ${words_of[$command]?has no words here}
		status_is "$([ "$command" = cgg-run ] && echo 125 || echo 3)"
		says "$command: $dir: needs root"
	done
	[ "$(pins | sort; cgg-rule list; cgg-status)" = "$before" ]
	cgg-unload -f
}

@test 'pins are accessible to their owner only, and new cgroups have usual modes, under any umask' {
	as "$enough" cgg-unload
	for mask in 0 0777; do
		umask "$mask"
		as "$enough" cgg-load --hooks connect,sendmsg
		as "$enough" cgg-rule -p many restore < <(seq 1 100 | sed 's/^/port /')
		as "$enough" cgg-attach -p many -c "$mine/made"
		as "$enough" cgg-events -w 0 --policy many
		umask 022
		yes find "$dir" -printf '%y %m %U\n'
		[ "$(sort -u <<<"$output")" = 'd 700 65534
f 600 65534' ]
		[ "$(stat -c %a "$mine/made")" = 755 ]
		as "$enough" cgg-unload -f
		rmdir "$mine/made"
	done
}

@test 'the three capabilities suffice to deny in a cgroup of root, and --effective names the owner' {
	start_server
	yes as "$enough" cgg-rule add connect port "$port"
	yes as "$enough" cgg-attach "$web"
	no inside "$web" reach 127.0.0.1 "$port"
	stop
	yes private cgg-status --effective "$web"
	matches "^connect4	.*	policy -	uid 65534$"
	yes private cgg-status -j --effective "$web"
	[ "$(jq -r '.effective[] | .uid' <<<"$output" | sort -u)" = 65534 ]
	# without CAP_SYS_ADMIN, also for the user's own programs
	yes as "$enough" cgg-status --effective "$web"
	matches "^connect4	.*	policy default	uid 65534$"
}
