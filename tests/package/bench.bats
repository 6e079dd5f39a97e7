#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bench - what make bench-compare says about figures, whatever the speed of this machine
# shellcheck disable=SC2154 # helpers set tests_dir

load ../helpers

# measured NAME OLD/NEW...: store a figure of that name with one pair of values for each round
measured()
{
	local name=$1 round=0 pair

	shift
	for pair; do
		round=$((round + 1))
		printf '%s\t%s\n' "${pair%/*}" "$name" >>"$BATS_TEST_TMPDIR/old.$round"
		printf '%s\t%s\n' "${pair#*/}" "$name" >>"$BATS_TEST_TMPDIR/new.$round"
	done
}

# judged STATUS [ROUNDS]: the verdict about them has this status
judged()
{
	run "$tests_dir/bench/verdict" "$BATS_TEST_TMPDIR" "${2-5}" title
	status_is "$1"
}

@test 'figures that did not change pass, and a small loss within 5 percent does' {
	measured equal 100/100 100/101 100/99 100/102 100/98
	measured little 100/103 100/104 100/103 100/104 100/103
	measured faster 100/50 100/51 100/49 100/50 100/50
	judged 0
	matches '^3 figures, 0 slower .* 0 with a spread too wide'
}

@test 'a loss of 8 percent with a small spread fails' {
	measured equal 100/100 100/101 100/99 100/102 100/98
	measured slow 100/108 100/109 100/107 100/108 100/110
	judged 1
	matches '^slow .* SLOWER$'
	matches '^2 figures, 1 slower '
}

@test 'noise of a busy machine is no loss, even above 5 percent, but says that it can hide one' {
	measured noise 100/106 100/140 100/112 100/107 100/160
	for name in a b c d; do
		measured "$name" 100/100 100/100 100/100 100/100 100/100
	done
	judged 0
	matches '^noise .* WIDE$'
	matches '^5 figures, 0 slower .* 1 with a spread too wide'
}

@test 'a loss larger than a wide spread fails' {
	measured slow 100/180 100/220 100/200 100/210 100/190
	measured tripled 100/275 100/556 100/328 100/270 100/560
	judged 1
	matches '^slow .* SLOWER$'
	matches '^tripled .* SLOWER$'
	[ "$(cat "$BATS_TEST_TMPDIR/slower")" = $'slow\ntripled' ]
}

@test 'where more than a quarter of the figures are noise there is no verdict' {
	measured one 100/80 100/130 100/100 100/120 100/90
	measured other 100/100 100/100 100/100 100/100 100/100
	judged 3
	matches 'quiet machine'
}

@test 'a figure that only one revision has is not judged, and without figures there is no verdict' {
	measured both 100/100 100/100 100/100
	printf '5\tnew one\n' >>"$BATS_TEST_TMPDIR/new.1"
	judged 0 3
	matches '^new one  *only one of the two has it$'
	: | tee "$BATS_TEST_TMPDIR"/{old,new}.{1,2,3}
	judged 3 3
}

@test 'fewer than three rounds are refused: they have no spread' {
	run "$tests_dir/bench/compare" -n 2 HEAD
	status_is 2
	matches 'at least 3'
}
