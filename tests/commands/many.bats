#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# many - a guard with more attached cgroups than one change looks at
#
# shellcheck disable=SC2154 # helpers set web

load ../ways

guard=/sys/fs/bpf/cgguard

setup()
{
	untraced
	new_cgroup web
	yes cgg-rule add connect port 9
}

# attach FROM TO: attach cgroups of these numbers below $web
attach()
{
	mapfile -t paths < <(seq -f "$web/c%.0f" "$1" "$2")
	mkdir "${paths[@]}"
	yes cgg-attach "${paths[@]}"
}

# links: print how many cgroups have links
links()
{
	find "$guard/links" -mindepth 1 -maxdepth 1 | wc -l
}

# calls COMMAND...: print how many system calls it makes
calls()
{
	strace -o "$BATS_TEST_TMPDIR/calls" "$@"
	wc -l <"$BATS_TEST_TMPDIR/calls"
}

@test 'to attach and to detach takes as many system calls in a guard of any size' {
	attach 1 100
	few=$(calls cgg-attach "$web") few_back=$(calls cgg-detach "$web")
	attach 101 800
	many=$(calls cgg-attach "$web") many_back=$(calls cgg-detach "$web")
	echo "$few and $few_back calls among 100, $many and $many_back among 800"
	[ "$many" -lt $((few * 3 / 2)) ]
	[ "$many_back" -lt $((few_back * 3 / 2)) ]
}

@test 'changes forget removed cgroups in turn' {
	attach 1 200
	rmdir "${paths[@]}"
	mkdir "$web/stays"
	[ "$(links)" -eq 200 ]
	for _ in {1..15}; do # 16 cgroups each
		yes cgg-attach "$web/stays"
	done
	[ "$(links)" -eq 1 ]
}

@test 'a policy whose only cgroup was removed can be dropped' {
	attach 1 100
	yes cgg-rule -p own add port 1
	mkdir "$web/own"
	yes cgg-attach -p own "$web/own"
	no cgg-rule -p own drop
	says 'cgg-rule: policy own: 1 cgroup is attached to it; cgg-detach first'
	rmdir "$web/own"
	yes cgg-rule -p own drop
}

@test 'changes make links again in turn that somebody has removed' {
	attach 1 100
	rm -r "$guard"/links/*/connect4
	[ "$(find "$guard/links" -name connect4 | wc -l)" -eq 0 ]
	for _ in {1..8}; do
		yes cgg-attach "$web"
	done
	[ "$(find "$guard/links" -name connect4 | wc -l)" -eq 101 ]
}

@test 'after a change that never ended the next one repairs everything' {
	attach 1 200
	rm -r "$guard"/links/*/connect4
	mkdir "$guard/links/1" # of no cgroup
	bpftool map update pinned "$guard/version" key 2 0 0 0 value 1 0 0 0
	yes cgg-attach "$web"
	[ "$(find "$guard/links" -name connect4 | wc -l)" -eq 201 ]
	[ ! -e "$guard/links/1" ]
	rm -r "$guard"/links/*/connect4
	yes cgg-detach "$web"
	[ "$(find "$guard/links" -name connect4 | wc -l)" -lt 200 ]
}

@test 'a cgroup that cannot be repaired keeps no other one from it' {
	local broken

	attach 1 2
	for broken in 1 2; do
		rm -r "$guard"/links/*/connect4
		wait_for "$BUILD/tests/other" none "$web/c$broken" connect4
		run cgg-status
		status_is 3
		[ -e "$guard/links/$(stat -c %i "$web/c$((3 - broken))")/connect4" ]
		rmdir "$web/c$broken"
		mkdir "$web/c$broken"
		yes cgg-attach "$web/c$broken"
	done
}
