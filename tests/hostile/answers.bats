#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# answers - whatever an answer looks like, the kernel learns from it what another parser reads
#
# ANSWERS=600 compares for so many seconds; make soak does.
# shellcheck disable=SC2154 # helpers set web and network
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

setup()
{
	untraced
	new_cgroup web
	network
	net cgg-attach "$web"
}

@test 'the kernel learns from damaged answers what an independent parser reads' {
	local seed=${SEED:-$RANDOM}

	printf '%s\n' 'names 4096 keep 5s' 'resolver 127.0.0.53' 'allow connect host *' |
		net cgg-rule restore
	echo "SEED=$seed"
	yes net "$BUILD/tests/answers" "$web" "${ANSWERS:-3}" "$seed" 5
	matches '^[0-9]+ answers, [0-9]+ bound an address, no difference$'
	echo "# $output" >&3
}

@test 'the program for answers learns the same from damaged packets, run by BPF_PROG_TEST_RUN' {
	local seed=${SEED:-$RANDOM}

	printf '%s\n' 'names 4096 keep 5s' 'resolver 127.0.0.53' 'allow connect host *' |
		net cgg-rule restore
	echo "SEED=$seed"
	yes net "$BUILD/tests/answers" "$web" "${ANSWERS:-2}" "$seed" 5 "$BUILD/tests/hostile/answers.bpf.o"
	matches '^[0-9]+ answers, [0-9]+ bound an address, no difference$'
	echo "# $output" >&3
}
