#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# trust - every command has what compiler and linker can do against mistakes in the code
#
# Linked objects have marks of their own, so compiler flags are looked for in our objects.
# shellcheck disable=SC2016,SC2154 # a pattern has dollars; helpers set tests_dir

load ../helpers

setup()
{
	untraced
	files=()
	while read -r command; do
		files+=("$(command -v "$command")")
	done < <(basename -s .c "${tests_dir%/*}"/cmd/cgg-*.c)
}

# every WHAT PATTERN READER...: the output of READER for each command has a matching line
every()
{
	local what=$1 pattern=$2 file bad=0

	shift 2
	for file in "${files[@]}"; do
		"$@" "$file" | grep -Eq -e "$pattern" || { echo "$file: $what" && bad=1; }
	done
	return $bad
}

# ours FILE...: test these objects, if they are here
ours()
{
	[ -n "$BUILD" ] || skip 'the tested commands are installed; their objects are not here'
	files=("$@")
}

on_x86()
{
	[[ $(uname -m) == x86_64 ]] || skip "compilers for $(uname -m) may lack such a flag"
}

@test 'commands are position independent, and their relocations are read-only before they start' {
	every 'no PIE' '^ *Type: +DYN ' readelf -hW
	every 'no PIE' '\(FLAGS_1\).* PIE' readelf -dW
	every 'no RELRO' '^ +GNU_RELRO ' readelf -lW
	every 'binds late' '\(FLAGS_1\).* NOW' readelf -dW
}

@test 'no command has an executable stack' {
	every 'its stack may be executed' '^ +GNU_STACK .* RW  ' readelf -lW
}

@test 'a command detects writes beyond a buffer' {
	ours "$BUILD"/cmd/cgg-*.o
	every 'no stack protector' ' U __stack_chk_fail$' nm
	ours "$BUILD"/libcgg.a "$BUILD"/cmd/cmd.o
	every 'not fortified' ' U __[a-z]+_chk$' nm
}

@test 'no frame can skip the guard page below the stack' {
	on_x86
	ours "$BUILD"/libcgg.a
	every 'no stack clash protection' 'sub  *\$0x1000,%rsp; .*(or|mov)q +\$0x0,\(%rsp\)' instructions
}

# instructions FILE: print each instruction with the one after it
instructions()
{
	objdump -d --no-show-raw-insn "$1" | awk '{ print before "; " $0; before = $0 }'
}

@test 'indirect jumps end only at marked places' {
	on_x86
	ours "$BUILD"/cmd/*.o "$BUILD"/lib/*/*.o
	every 'no control flow protection' 'x86 feature: IBT, SHSTK' readelf -nW
}
