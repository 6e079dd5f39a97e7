#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# edit - cgg-rule edit, with editors that are scripts: they get the file as $1
# shellcheck disable=SC2154 # run sets status
# shellcheck disable=SC2016 # there are inner shells
# shellcheck disable=SC2030,SC2031,SC2034 # each test has its own; the helpers read started

load ../helpers

setup()
{
	untraced
	cgg-load
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	unset VISUAL EDITOR
	printf '%s\n' 'default bind deny' 'port 1' 'port 2 name two' | cgg-rule restore
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

before='default bind deny
deny connect,sendmsg port 1
deny connect,sendmsg port 2 name two'

# nothing_changed: the policy is the old one, and no file is left
nothing_changed()
{
	yes cgg-rule list
	says "$before"
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test 'edit restores what was saved, and prints the difference' {
	yes env EDITOR='sed -i "s/port 1/port 9/; \$a port 10"' cgg-rule edit
	says '-deny connect,sendmsg port 1
+deny connect,sendmsg port 9
+deny connect,sendmsg port 10'
	yes cgg-rule list
	says 'default bind deny
deny connect,sendmsg port 9
deny connect,sendmsg port 2 name two
deny connect,sendmsg port 10'
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test 'edit shows what list prints, in a file that only its owner can read' {
	yes env EDITOR='cat "$1"; stat -c "%a %U" "$1" "${1%/*}" #' cgg-rule edit
	says "$before
600 root
700 root
cgg-rule: policy default: not changed"
	nothing_changed
}

@test 'VISUAL is asked before EDITOR, an empty one is none, and vi is the last' {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho vi "${1##*/}"\n' >"$BATS_TEST_TMPDIR/bin/vi"
	chmod +x "$BATS_TEST_TMPDIR/bin/vi"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	yes env VISUAL='echo visual; true' EDITOR=false cgg-rule edit
	matches '^visual$'
	yes env VISUAL= EDITOR='echo editor; true' cgg-rule edit
	matches '^editor$'
	yes cgg-rule edit
	matches '^vi default.policy$'
	nothing_changed
}

@test 'a wrong line changes nothing, and the message names it' {
	run env EDITOR='sed -i "2s/.*/prot 1/"' cgg-rule edit </dev/null
	status_is 2
	matches '^cgg-rule: .*/default\.policy:2: prot: not a verdict, a hook or a match$'
	nothing_changed
	run env EDITOR='truncate -s 0' cgg-rule edit </dev/null
	status_is 2
	matches 'no rule, default or mode line'
	nothing_changed
	# relative files are not found beside a file in a folder for all
	echo 'port 3' >"$TMPDIR/x"
	run env EDITOR='echo include x >' cgg-rule edit </dev/null
	status_is 2
	rm "$TMPDIR/x"
	nothing_changed
}

@test 'on a terminal a wrong line can be edited again' {
	cat >"$BATS_TEST_TMPDIR/editor" <<-'END'
		#!/bin/sh
		if grep -q prot "$1"; then sed -i s/prot/port/ "$1"; else echo prot 7 >>"$1"; fi
	END
	chmod +x "$BATS_TEST_TMPDIR/editor"
	export EDITOR=$BATS_TEST_TMPDIR/editor
	run script -qec 'cgg-rule edit' /dev/null <<<n
	status_is 2
	matches 'Edit again\? \[Y/n\]'
	nothing_changed
	run script -qec 'cgg-rule edit' /dev/null <<<y
	status_is 0
	yes cgg-rule list
	says "$before"$'\n''deny connect,sendmsg port 7'
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test 'the question whether to edit again is there before the answer' {
	export EDITOR="sh -c 'echo prot 7 >>\"\$1\"' -"
	mkfifo "$BATS_TEST_TMPDIR/answer"
	script -qfec 'cgg-rule edit' /dev/null <"$BATS_TEST_TMPDIR/answer" >"$BATS_TEST_TMPDIR/said" 3>&- &
	exec 4>"$BATS_TEST_TMPDIR/answer"
	wait_for grep -q 'Edit again? \[Y/n\]' "$BATS_TEST_TMPDIR/said"
	echo n >&4
	exec 4>&-
	status=0
	wait "$!" || status=$?
	[ "$status" -eq 2 ]
	nothing_changed
}

@test 'an editor that fails changes nothing' {
	for editor in 'echo port 3 >>"$1"; false' /nosuch 'kill -KILL $$;'; do
		run env EDITOR="$editor" cgg-rule edit </dev/null
		status_is 3
		matches 'the editor failed; nothing is changed$'
		nothing_changed
	done
}

@test 'edit changes nothing if the policy was changed meanwhile, and leaves the file' {
	run env EDITOR='cgg-rule add port 4; echo port 3 >>' cgg-rule edit </dev/null
	status_is 1
	matches '^cgg-rule: policy default: was changed meanwhile; nothing is restored$'
	left=$(sed -n 's/^cgg-rule: your edit is left in //p' <<<"$output")
	[ "$(cat "$left")" = "$before"$'\n''port 3' ]
	rm -r "${left%/*}"
	before+=$'\n''deny connect,sendmsg port 4'
	nothing_changed
}

@test 'edit does not renew the ttl of a rule whose line it leaves' {
	cgg-rule add port 5 ttl 3s
	cgg-rule add port 6 ttl 900s
	cgg-rule add port 7 ttl 900s
	yes env EDITOR='sleep 4; sed -i "s/port 7 .*/port 7 ttl 2000s/; \$a port 8"' cgg-rule edit
	yes cgg-rule list
	[[ $output != *'port 5'* ]]
	[ "$(sed -n 's/.*port 6 ttl \(.*\)s/\1/p' <<<"$output")" -lt 897 ]
	[ "$(sed -n 's/.*port 7 ttl \(.*\)s/\1/p' <<<"$output")" -gt 1900 ]
	matches 'port 8$'
}

@test 'edit --confirm goes back unless it is confirmed' {
	yes env EDITOR='echo port 3 >>' cgg-rule edit --confirm 300
	run cgg-rule add port 4
	status_is 1
	yes cgg-rule confirm
	yes cgg-rule list
	says "$before"$'\n''deny connect,sendmsg port 3'
}

@test 'edit makes a policy that is not there, and refuses a wrong name before the editor starts' {
	run env EDITOR='grep -q "^# allow everything" "$1" && echo port 3 >>"$1" #' cgg-rule -p fresh edit
	status_is 0
	matches '^\+deny connect,sendmsg port 3$'
	matches 'warning: policy fresh: is new'
	run env EDITOR='echo started; true' cgg-rule -p ../x edit
	status_is 2
	[[ $output != *started* ]]
}

@test 'nothing is changed if the difference cannot be printed' {
	run bash -c 'EDITOR="echo port 3 >>" cgg-rule edit >/dev/full'
	status_is 3
	nothing_changed
}

@test 'a signal removes the file, and what the editor has left beside it goes at the end' {
	yes env EDITOR='touch "$1~"; true' cgg-rule edit
	nothing_changed
	EDITOR='exec sleep 3; true' cgg-rule edit 3>&- &
	started[$!]=edit
	edit=$!
	wait_for eval '[ -n "$(ls -A "$TMPDIR")" ]'
	kill "$edit"
	wait_for is_gone "$edit"
	unset "started[$edit]"
	nothing_changed
}
