# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sockets - processes that have sockets open, for the tests of cgg-sockets and --cut
#
#	holds here "$web" connect:tcp:127.0.0.1:9   start one in that cgroup, with words of sockets.py;
#						the ports of its sockets are in ${ports[@]}
#	trial here 0                            prints ok if its first socket works, else why not
#	ends_sockets                            skip the test if this kernel cannot end sockets
#	lists_sockets                           skip it if sock_diag(7) of this kernel lists no TCP

declare -gA hold_in=() hold_out=()

# holds NAME CGROUP [-n NETWORK] WORD...: cgroup '': where the tests are
holds()
{
	local name=$1 cgroup=$2 in out prefix=()

	shift 2
	[ "$1" != -n ] || { prefix=(ip netns exec "$2") && shift 2; }
	rm -f "$BATS_TEST_TMPDIR/$name".*
	mkfifo "$BATS_TEST_TMPDIR/$name.in" "$BATS_TEST_TMPDIR/$name.out" || return
	exec {in}<>"$BATS_TEST_TMPDIR/$name.in" {out}<>"$BATS_TEST_TMPDIR/$name.out"
	(
		[ -z "$cgroup" ] || echo "$BASHPID" >"$cgroup/cgroup.procs" || exit 125
		exec "${prefix[@]}" python3 "$tests_dir/sockets.py" "$@" <&"$in" >&"$out" 2>&1 3>&-
	) &
	started[$!]=sockets
	holder=$!
	hold_in[$name]=$in
	hold_out[$name]=$out
	read -r -t $((20 * patience)) said <&"$out" || return
	[[ $said =~ ^[0-9\ ]+$ ]] || { cat "$BATS_TEST_TMPDIR/$name.out" & sleep 1; echo "$said" && return 1; }
	read -ra ports <<<"$said"
}

trial()
{
	echo "$2" >&"${hold_in[$1]}"
	read -r -t $((20 * patience)) said <&"${hold_out[$1]}"
	echo "$said"
}

ends_sockets()
{
	probe
	[ "$status" -ne 3 ] || skip "${output#*: *: }"
}

lists_sockets()
{
	probe
	[[ $output != *'sock_diag does not list them'* ]] || skip "${output#*: *: }"
}

# Try to end a connection, in the cgroup $web, which is attached.
probe()
{
	holds probe "$web" listen:tcp:127.0.0.1:0 connect:tcp:127.0.0.1:0
	run cgg-sockets -k "$web"
	stop "$holder"
	output=${output##*$'\n'}
}
