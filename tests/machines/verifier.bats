#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# verifier - no program costs the kernel's verifier much more than recorded
#
# A program that grows unnoticed is one day refused by a kernel with lower limits. Record an
# intended growth with the change that needs it: tests/machines/verifier --record
# shellcheck disable=SC2016,SC2154 # awk has dollars; helpers set tests_dir

load ../helpers

@test 'the verifier processes at most 5 percent more than what was recorded' {
	[ -n "$BUILD" ] || skip 'the tested commands are installed; their object is not here'
	recorded=$tests_dir/machines/verifier.txt now=$BATS_TEST_TMPDIR/now
	"$tests_dir/machines/verifier" >"$now"
	[ "$(head -n 1 "$now")" = "$(head -n 1 "$recorded")" ] ||
		skip "recorded: $(sed -n '1s/^# //p' "$recorded"); here: $(sed -n '1s/^# //p' "$now"), with \
$(awk -F '\t' '!/^#/ && $2 > most { most = $2; name = $1 } END { print name " the longest: " most }' "$now")"
	yes awk -F '\t' '
		/^#/ { next }
		NR == FNR { instructions[$1] = $2; states[$1] = $3; next }
		!($1 in states) { print $1 ": not recorded"; bad = 1; next }
		$2 > 1.05 * instructions[$1] { print $1 ": " $2 " instructions, recorded: " instructions[$1]; bad = 1 }
		$3 > 1.05 * states[$1] { print $1 ": " $3 " states, recorded: " states[$1]; bad = 1 }
		{ delete states[$1] }
		END { for (name in states) { print name ": recorded, and not here"; bad = 1 } exit bad }' \
		"$recorded" "$now"
}

@test 'no chain of calls needs more stack than a program has on the oldest kernels' {
	[ -n "$BUILD" ] || skip 'the tested commands are installed; their object is not here'
	compiler=$("${CLANG:-clang}" -dumpversion)
	[[ $(head -n 1 "$tests_dir/machines/verifier.txt") == *" clang ${compiler%%.*}" ]] ||
		skip "another compiler than the one whose counts are recorded: clang $compiler"
	objdump=$(dirname "$(readlink -f "$(command -v "${CLANG:-clang}")")")/llvm-objdump
	[ -x "$objdump" ] || skip "$objdump is not here"
	# compilers need more of it for other byte orders
	other=$BATS_TEST_TMPDIR/other
	yes make -s -C "$tests_dir/.." BUILD="$other" ORDER=bpfeb "$other/bpf/"{device,packet,unix}.bpf.o
	yes "$tests_dir/machines/stack" "$objdump" "$BUILD"/bpf/*.bpf.o "$BUILD"/old/*.bpf.o \
		"$BUILD"/names/{,*/}*.bpf.o "$BUILD"/names_old/{,*/}*.bpf.o "$other"/bpf/*.bpf.o
	[ "$(grep -c sendmsg <<<"$output")" -ge 4 ]
}

@test 'functions that objects share by name are the same function' {
	[ -n "$BUILD" ] || skip 'the tested commands are installed; their object is not here'
	objdump=$(dirname "$(readlink -f "$(command -v "${CLANG:-clang}")")")/llvm-objdump
	[ -x "$objdump" ] || skip "$objdump is not here"
	yes "$tests_dir/machines/linked" "$objdump" "$BUILD"/bpf/*.bpf.o
	yes "$tests_dir/machines/linked" "$objdump" "$BUILD"/old/*.bpf.o
	yes "$tests_dir/machines/linked" "$objdump" "$BUILD"/names/{,*/}*.bpf.o
	yes "$tests_dir/machines/linked" "$objdump" "$BUILD"/names_old/{,*/}*.bpf.o
}
