#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# include - policy files that include others: where they are found, what is refused, and what uses them
# shellcheck disable=SC2154 # helpers set tests_dir
# shellcheck disable=SC2030,SC2031 # each test has its own

load ../helpers

root=${tests_dir%/*}

setup()
{
	untraced
	cgg-load
	mkdir -p "$BATS_TEST_TMPDIR/etc/layers/deep"
	cd "$BATS_TEST_TMPDIR/etc" || return
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# refuses FILE: restore refuses it with status 2, says what standard input has, and changes nothing
refuses()
{
	local want before

	want=$(sed 's/^/cgg-rule: /')
	before=$(cgg-rule list -i)
	run cgg-rule restore "$1"
	status_is 2
	says "$want"
	run cgg-rule add -f "$1"
	status_is 2
	says "$want"
	[ "$(cgg-rule list -i)" = "$before" ]
}

@test 'a file is included in its place, found beside the file that includes it' {
	echo 'port 1
include layers/a
port 5' >web.policy
	echo 'port 2
include deep/b
include ../last
default connect deny' >layers/a
	printf '\xef\xbb\xbfport 3' >layers/deep/b
	echo "include $PWD/absolute" >last
	echo 'port 4 # no newline follows' >absolute
	cd /
	yes cgg-rule restore "$OLDPWD/web.policy"
	says ''
	yes cgg-rule list
	says "default connect deny
$(seq 5 | sed 's/^/deny connect,sendmsg port /')"
	yes cgg-rule diff "$OLDPWD/web.policy"
	says ''
	yes cgg-rule -p added add -f "$OLDPWD/web.policy"
	cd "$OLDPWD"
	ln -s "$PWD/web.policy" layers/linked # relative to the name that is written, not to what it links to
	refuses layers/linked <<<'layers/linked:2: include layers/layers/a: No such file or directory'
}

@test 'settings of an included file count as if they stood there' {
	echo 'default connect deny
mode audit' >base
	echo 'default connect alert
include base' >before
	echo 'include base
default connect alert' >after
	cgg-rule restore before
	yes cgg-rule list
	says 'mode audit
default connect deny'
	cgg-rule restore after
	yes cgg-rule list
	says 'mode audit
default connect alert'
}

@test 'from standard input and from a pipe, files are relative to the current folder' {
	echo 'port 1' >layers/a
	yes cgg-rule restore <<<'include layers/a'
	yes cgg-rule restore - <<<'include layers/a'
	echo 'include layers/a' >web.policy
	yes cgg-rule restore /dev/stdin <web.policy
	yes cgg-rule restore <(cat web.policy)
	yes bash -c 'cat web.policy | cgg-rule restore'
	yes cgg-rule list
	says 'deny connect,sendmsg port 1'
}

@test 'an error names each file and line of the chain, and all errors are reported' {
	echo 'port 1
include layers/a
prot 2' >web.policy
	echo '
include deep/b' >layers/a
	echo 'port 70000
port 3
frob' >layers/deep/b
	refuses web.policy <<-'END'
		web.policy:2: layers/a:2: layers/deep/b:1: port 70000: not a port (0 to 65535)
		web.policy:2: layers/a:2: layers/deep/b:3: frob: not a verdict, a hook or a match
		web.policy:3: prot: not a verdict, a hook or a match
	END
	echo 'sysctl net/nosuch/x' >layers/deep/b
	sed -i 3d web.policy
	yes cgg-rule restore web.policy
	matches '^cgg-rule: web.policy:2: layers/a:2: layers/deep/b:1: warning: '
}

@test 'a file never includes itself, by whatever name, and eight files are deep enough' {
	echo 'include self' >self
	refuses self <<<'self:1: include self: a file cannot include itself'
	echo 'include ../link' >layers/a
	ln -s "$PWD/web.policy" link
	echo 'include layers/a' >web.policy
	refuses web.policy <<<'web.policy:1: layers/a:1: include layers/../link: a file cannot include itself'
	for depth in {1..9}; do
		echo "include $((depth + 1))" >"$depth"
	done
	echo 'port 1' >./9
	yes cgg-rule restore 1
	yes cgg-rule list
	says 'deny connect,sendmsg port 1'
	echo 'include 10' >./9
	echo 'port 1' >./10
	refuses 1 <<<"$(for depth in {1..9}; do printf '%s:1: ' "$depth"; done)include 10: more than 8 files deep"
	# the same file may be included twice, one after the other
	printf 'include 10\ninclude 10\n' >twice
	yes cgg-rule restore twice
	yes cgg-rule list
	says $'deny connect,sendmsg port 1\ndeny connect,sendmsg port 1'
}

@test 'what is no file of rules is not included' {
	mkfifo fifo
	echo 'rules: []' >y.yaml
	echo '{"rules": []}' >j.json
	printf '\xff\xfep\0' >utf16
	printf 'port 1\0\n' >nul
	: >empty
	while read -r line; do
		echo "$line" >>web.policy
	done <<-'END'
		include
		include a b
		include ""
		include nosuch
		include layers
		include /dev/zero
		include fifo
		include y.yaml
		include j.json
		include utf16
		include nul
	END
	refuses web.policy <<-END
		web.policy:1: include: needs one FILE
		web.policy:2: include: needs one FILE
		web.policy:3: include : No such file or directory
		web.policy:4: include nosuch: No such file or directory
		web.policy:5: include layers: not a file
		web.policy:6: include /dev/zero: not a file
		web.policy:7: include fifo: not a file
		web.policy:8: include y.yaml: is YAML; only lines of rules are included
		web.policy:9: include j.json: is YAML; only lines of rules are included
		web.policy:10: utf16:1: the file is UTF-16; save it as UTF-8
		web.policy:11: nul:1: a line has a NUL byte
	END
	# an include is no rule, and YAML includes nothing
	echo 'include empty' >web.policy
	refuses web.policy <<<"web.policy: no rule, default or mode line; if that is intended, add the line '# allow everything'"
	run cgg-rule add include empty
	status_is 2
	echo 'include: empty' >x.yaml
	run cgg-rule restore x.yaml
	status_is 2
}

@test 'no name of an included file controls the terminal' {
	echo $'include "a\e]0;x\a"' >web.policy
	run cgg-rule restore web.policy
	status_is 2
	[[ $output != *$'\e'* ]]
	matches '^cgg-rule: web.policy:1: include a.*: No such file or directory$'
}

@test 'cgguard-restore restores a policy that includes a base layer, and the layer itself is no policy' {
	echo 'port 1' >base.inc
	printf 'include base.inc\nport 2\n' | tee a.policy >b.policy
	cd /
	yes "$root/share/libexec/cgguard-restore" "$OLDPWD"
	says ''
	for policy in a b; do
		yes cgg-rule -p "$policy" list
		says $'deny connect,sendmsg port 1\ndeny connect,sendmsg port 2'
	done
	yes cgg-rule policies
	[[ $'\n'$output$'\n' != *$'\nbase'* ]]
	echo 'prot 1' >"$OLDPWD/base.inc"
	run "$root/share/libexec/cgguard-restore" "$OLDPWD"
	status_is 3
	says "cgg-rule: $OLDPWD/a.policy:1: $OLDPWD/base.inc:1: prot: not a verdict, a hook or a match
cgg-rule: $OLDPWD/b.policy:1: $OLDPWD/base.inc:1: prot: not a verdict, a hook or a match"
	yes cgg-rule -p a list
	says $'deny connect,sendmsg port 1\ndeny connect,sendmsg port 2'
}
