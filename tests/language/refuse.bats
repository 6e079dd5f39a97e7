#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# refuse - what commands refuse: the exact sentence, the status, and no change
#
# Wrong words are in refuse.table, with a test for each section; wrong rules are in
# words.table. What the system refuses is here.
# shellcheck disable=SC2154 # new_cgroup sets web and free; run sets lines
# shellcheck disable=SC2034 # table reads some by their names
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2016 # for inner shells

load ../ways

dir=/sys/fs/bpf/cgguard
root=$(cgroup_root)
commands=(cgg-attach cgg-detach cgg-events cgg-load cgg-rule cgg-status cgg-unload)

# The guard that the head of refuse.table describes.
setup()
{
	untraced
	unloaded=
	cgg-rule add port 1
	cgg-rule add device c 1:3
	cgg-rule default sysctl alert
	cgg-rule -p strict add port 2
	new_cgroup web
	new_cgroup free
	cgg-attach -p strict "$web"
}

teardown()
{
	rm -f /sys/fs/bpf/other
	if [ -n "$unloaded" ]; then
		clean_up
		cgg-load
	else
		empty_guard
	fi
}

# All that a refused command must not change.
state()
{
	cgg-rule policies
	cgg-rule list -i
	cgg-rule -p strict list -i
	cgg-status
	pins | sort
	find "$root/$CGG_RUN-"* -type d | sort
}

# refuses STATUS COMMAND MESSAGE: it prints only this message, and changes nothing
refuses()
{
	local status=0 said=$BATS_TEST_TMPDIR/said wanted="${2%% *}: $3"

	(eval "$2" 3>&- </dev/null) >"$said" 2>"$said.2" || status=$?
	if [ "$status" -ne "$1" ] || [ -s "$said" ] || [ "$(cat "$said.2")" != "$wanted" ]; then
		echo "$2: status must be $1, and is $status; must say"
		echo "$wanted"
		cat "$said" "$said.2"
		return 1
	fi >&2
}

# table SECTION: run every line of it, and compare the state after each
table()
{
	local status command message before now dead name wrong=0 n=0

	before=$(state)
	sh -c : &
	dead=$!
	wait "$dead"
	name=$(shown "$web")
	while read -r status command; do
		message=${command#* ! }
		command=${command%% ! *}
		n=$((n + 1))
		for variable in web free root name dead; do
			message=${message//"\$$variable"/${!variable}}
		done
		message=${message//'{0a}'/$'\n'}
		message=${message//'{30*80}'/$(printf %080d 0)}
		message=${message//'{30*79}'/$(printf %079d 0)}
		refuses "$status" "$command" "$message" || wrong=1
		now=$(state)
		if [ "$now" != "$before" ]; then
			echo "$command: changed something"
			diff <(echo "$before") <(echo "$now")
			wrong=1
			cgg-detach --all
			cgg-attach -p strict "$web"
			before=$(state)
		fi >&2
	done < <(sed -n "/^## $1\$/,/^## /{ /^[0-9]/p }" "${BATS_TEST_FILENAME%.bats}.table")
	[ "$n" -gt 0 ] && [ "$wrong" -eq 0 ]
}

@test 'words: cgg-rule: its own words' { table 'cgg-rule: its own words'; }
@test 'words: cgg-rule: rules' { table 'cgg-rule: rules'; }
@test 'words: cgg-rule: files' { table 'cgg-rule: files'; }
@test 'words: cgg-rule: defaults' { table 'cgg-rule: defaults'; }
@test 'words: cgg-rule: policies' { table 'cgg-rule: policies'; }
@test 'words: cgg-attach' { table 'cgg-attach'; }
@test 'words: cgg-set' { table 'cgg-set'; }
@test 'words: TARGET' { table 'TARGET'; }
@test 'words: cgg-detach' { table 'cgg-detach'; }
@test 'words: cgg-events' { table 'cgg-events'; }
@test 'words: cgg-load, cgg-unload, cgg-status' {
	table 'cgg-load, cgg-unload, cgg-status'
}
@test 'words: unknown options' { table 'unknown options'; }

@test 'every section of the table has a test' {
	[ "$(sed -n 's/^## //p' "${BATS_TEST_FILENAME%.bats}.table")" = \
		"$(sed -n "s/^@test 'words: \([^']*\)'.*/\1/p" "$BATS_TEST_FILENAME")" ]
}

@test 'a policy file is read as words.table says, line by line' {
	before=$(state)
	python3 - "$BATS_TEST_TMPDIR" "${BATS_TEST_FILENAME%/*}/words.table" <<'END'
import re, sys
out, table = sys.argv[1:]
files = {n: open(f"{out}/{n}", "wb") for n in ("refused", "said", "taken", "listed")}
braces = lambda m: bytes([int(m[1], 16)]) * int(m[2] or 1)
number = 0
def visible(message): # as lib/util/visible.c does, for the bytes in the table
    return "".join("\\x%02x" % (ord(c) & 255) if c < " " or c == "\x7f" or c >= "\udc80" and c <= "\udcff"
                   else c for c in message.decode(errors="surrogateescape")).encode()
for line in open(table, "rb"):
    line = line.rstrip(b"\n")
    m = re.match(rb"(.*?) +([|!]) +(.*)", line)
    if line.startswith(b"#") or not m:
        continue
    words, answer = (re.sub(rb"\{(..)(?:\*(\d+))?\}", braces, part) for part in (m[1], m[3]))
    if b"\n" in words or not words.strip():
        continue
    if b"no such sysctl" in answer or b"no interface has such a setting" in answer: # a file may be for another kernel
        continue
    if m[2] == b"!":
        number += 1
        files["refused"].write(words + b"\n")
        files["said"].write(b"cgg-rule: %s/refused:%d: %s\n" % (out.encode(), number, visible(answer)))
    else:
        files["taken"].write(words + b"\n")
        files["listed"].write(answer + b"\n")
END
	run cgg-rule add -f "$BATS_TEST_TMPDIR/refused"
	status_is 2
	diff "$BATS_TEST_TMPDIR/said" - <<<"$output" | head -n 20
	[ "$output" = "$(cat "$BATS_TEST_TMPDIR/said")" ]
	[ "$(state)" = "$before" ]

	split -l 100 "$BATS_TEST_TMPDIR/taken" "$BATS_TEST_TMPDIR/taken."
	for part in "$BATS_TEST_TMPDIR"/taken.*; do
		yes cgg-rule -p many add -f "$part"
		cgg-rule -p many list
		yes cgg-rule -p many flush
	done >"$BATS_TEST_TMPDIR/list"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/list")" -gt 200 ]
	diff "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/list"
}

# ---- every command ----

@test '-h and -V print to standard output with status 0, with a guard and without' {
	for round in with without; do
		for command in "${commands[@]}"; do
			yes "$command" -h
			matches "^usage: $command "
			help=$output
			yes "$command" --help
			says "$help"
			yes "$command" -V
			[[ $output =~ ^$command\ [0-9]+(\.[0-9]+)+$ ]]
			version=$output
			yes "$command" --version
			says "$version"
			[ -z "$("$command" -h 2>&1 >/dev/null)" ]
		done
		[ "$round" = without ] || hide_guard
	done
}

@test 'a full standard output is an error' {
	for command in "${commands[@]}"; do
		refuses 3 "$command -h >/dev/full" 'standard output: No space left on device'
		refuses 3 "$command -V >/dev/full" 'standard output: No space left on device'
	done
	for words in list 'list -i' 'list -s' 'list -j' policies; do
		refuses 3 "cgg-rule $words >/dev/full" 'standard output: No space left on device'
	done
	for command in cgg-status 'cgg-status -j' 'cgg-load -c'; do
		refuses 3 "$command >/dev/full" 'standard output: No space left on device'
	done
}

@test 'add -i fails and adds no rule when it cannot print the id' {
	before=$(state)
	cgg-rule -p strict list >"$BATS_TEST_TMPDIR/rules"
	mkdir "$BATS_TEST_TMPDIR/full"
	mount -t tmpfs -o size=4k none "$BATS_TEST_TMPDIR/full"
	head -c 4096 /dev/zero >"$BATS_TEST_TMPDIR/full/file"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	# The index has room for some rules beside it: also for a new policy, a new hook, and many rules.
	for words in '-p strict add -i port 25' '-p strict add -i device c 1:5' '-p new add -i port 25' \
		'-p strict insert -i 1 sysctl kernel/hostname' "add -i -f $BATS_TEST_TMPDIR/rules"; do
		refuses 3 "cgg-rule $words >/dev/full" 'standard output: No space left on device'
		refuses 3 "cgg-rule $words >>$BATS_TEST_TMPDIR/full/file" 'standard output: No space left on device'
		refuses 3 "cgg-rule $words >&-" 'standard output: Bad file descriptor'
		refuses 3 "cgg-rule $words 1<$BATS_TEST_TMPDIR/rules" 'standard output: Bad file descriptor'
		# A pipe without a reader: with SIGPIPE ignored an error, else the signal ends the command.
		for trap in "trap '' PIPE" 'trap - PIPE'; do
			status=0
			bash -c "$trap; exec 4<>$BATS_TEST_TMPDIR/fifo 5>$BATS_TEST_TMPDIR/fifo; exec 4>&-
				cgg-rule $words >&5 5>&-" 2>"$BATS_TEST_TMPDIR/said" 3>&- || status=$?
			[ "$status" -eq 3 ] || [ "$status" -eq 141 ] || complain "$words: status $status"
		done
		[ "$(state)" = "$before" ] || complain "$words: changed something"
	done
	umount "$BATS_TEST_TMPDIR/full"
	yes cgg-rule -p strict add -i port 25
	[ "$output" -eq 2 ]
	yes cgg-rule -p strict insert -i 1 sysctl kernel/hostname
	[ "$output" -eq 3 ]
}

@test 'printing the ids of many rules does not hold the lock while the reader is slow' {
	seq -f 'connect port 9 name r%.0f' 30000 >"$BATS_TEST_TMPDIR/rules"
	cgg-rule -p many add -i -f "$BATS_TEST_TMPDIR/rules" | {
		read -r id
		timeout $((10 * patience)) cgg-rule -p many delete "$id"
		cat
	} >"$BATS_TEST_TMPDIR/ids"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ids")" -eq 29999 ]
	[ "$(cgg-rule -p many list | wc -l)" -eq 29999 ]
	cgg-rule -p many drop
}

# ---- bytes from elsewhere ----

@test 'no byte of an argument, a file or a name controls the terminal, in the message of any command' {
	for command in "${commands[@]}" cgg-learn cgg-run; do
		for word in $'--\e]0;x\a\ny' $'-\e' $'--\xff\xe2\x80\xae'; do
			status=0
			LC_ALL=C "$command" "$word" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
			[ "$status" -ge 2 ] || complain "$command: status $status"
			! LC_ALL=C grep -q '[^ -~]' "$BATS_TEST_TMPDIR/said" ||
				complain "$command: $(od -c "$BATS_TEST_TMPDIR/said")"
			grep -Fq '\x' "$BATS_TEST_TMPDIR/said"
		done
	done
	refuses 2 $'cgg-rule $\'--\\e[1A\\ncgg-rule: done\'' \
		"unrecognized option '--\\x1b[1A\\x0acgg-rule: done'"$'\n''cgg-rule: see cgg-rule -h'
	refuses 2 $'cgg-rule add $\'a\\e[2Jb\'' 'a\x1b[2Jb: not a verdict, a hook or a match'
	refuses 2 $'cgg-rule add $\'port\\xe2\\x80\\xae1\'' 'port\u202e1: not a verdict, a hook or a match'
	refuses 2 $'cgg-rule add caf\xc3\xa9' $'caf\xc3\xa9: not a verdict, a hook or a match'
	refuses 2 $'cgg-rule add \'back\\slash\'' 'back\slash: not a verdict, a hook or a match'
	refuses 2 $'cgg-rule -p $\'x\\n\' list' 'policy x\x0a: a name is made of A-Z a-z 0-9 . _ -'
	refuses 2 $'cgg-attach $\'/no\\e[m\'' "/no\\x1b[m: no such cgroup; cgroup v2 is mounted at $root"
	refuses 2 $'cgg-events --hook $\'\\t\'' '--hook \x09: no such hook'
	refuses 2 $'cgg-rule restore $\'/no\\nfile\'' '/no\x0afile: No such file or directory'

	name=$BATS_TEST_TMPDIR/$'a\nb'
	printf 'deny \033[1A\033[2Kall rules are right\033[8m port 1\n\377:\n' >"$name"
	refuses 2 "cgg-rule restore -n ${name@Q}" \
		"$BATS_TEST_TMPDIR/a\\x0ab:1: \\x1b[1A\\x1b[2Kall: not a verdict, a hook or a match
cgg-rule: $BATS_TEST_TMPDIR/a\\x0ab:2: \\xff:: not a verdict, a hook or a match"
	printf 'rules:\n- {"a\\e[8m\\n": 1}\n' >"$name"
	refuses 2 "cgg-rule restore -n ${name@Q}" \
		"$BATS_TEST_TMPDIR/a\\x0ab:2: a\\x1b[8m\\x0a: not a key of a rule (id, description, match, action)"
}

@test 'a message longer than any name is cut, and is still one line' {
	run bash -c 'exec -a "$1" cgg-rule add frob' - "$(printf '\e%.0s' {1..9000})"
	status_is 2
	[ "${#lines[@]}" -eq 1 ]
}

@test 'a file without rules makes no policy' {
	before=$(state)
	for text in '' '# nothing'; do
		no cgg-rule -p new add -f - <<<"$text"
		status_is 2
		no cgg-rule -p new add -f /dev/null
		status_is 2
		[ "$(state)" = "$before" ]
	done
	yes cgg-rule -p new add -f - <<<'# allow everything'
	[ "$(state)" = "$before" ]
	refuses 2 'cgg-rule -p "" add port 1' \
		'policy : a name has 1 to 255 characters'
}

@test 'a closed standard output is an error when there is output' {
	for command in "${commands[@]}"; do
		refuses 3 "$command -h >&-" 'standard output: Bad file descriptor'
	done
	refuses 3 'cgg-rule list >&-' 'standard output: Bad file descriptor'
	refuses 3 'cgg-status >&-' 'standard output: Bad file descriptor'
	yes bash -c 'cgg-rule add port 3 >&-'
	yes bash -c 'cgg-rule delete port 3 >&- 2>&- <&-'
}

@test 'without a guard every command names cgg-load as the cure' {
	hide_guard
	for command in 'cgg-attach $web' 'cgg-attach -c $web/new' 'cgg-detach $web' 'cgg-detach -a' \
		cgg-events 'cgg-events -w 0' 'cgg-rule add port 1' 'cgg-rule insert 1 port 1' \
		'cgg-rule delete 1' 'cgg-rule list' 'cgg-rule flush' 'cgg-rule policies' \
		'cgg-rule default connect deny' 'cgg-rule -p strict drop' cgg-status 'cgg-status -j' \
		cgg-unload 'cgg-unload -f'; do
		refuses 3 "$command" 'not loaded; run cgg-load first'
	done
	[ -z "$(pins)" ]
	[ ! -d "$web/new" ]
	refuses 2 'cgg-rule add port 70000' 'port 70000: not a port (0 to 65535)' # words are checked first
}

# ---- privilege ----

# nobody COMMAND...: run it as uid 65534 without capabilities, wherever the commands are
nobody()
{
	local command=$1

	shift
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		bash -c 'exec -a "$0" /proc/self/fd/9 "$@"' "$command" "$@" 9<"$BUILD/$command"
}

# powerless COMMAND...: run it as root without capabilities
powerless()
{
	setpriv --inh-caps=-all --bounding-set=-all "$@"
}

# refuses_as nobody|powerless STATUS COMMAND MESSAGE
refuses_as()
{
	local who=$1

	shift
	# shellcheck disable=SC2317,SC2329 # refuses runs them
	eval "${2%% *}() { $who ${2%% *} \"\$@\"; }"
	refuses "$@"
	unset -f "${2%% *}"
}

@test 'without root every command says so and changes nothing' {
	before=$(state)
	for command in 'cgg-attach $free' 'cgg-attach -c $free/new' 'cgg-detach $web' 'cgg-detach -a' \
		cgg-events 'cgg-rule add port 3' 'cgg-rule list' 'cgg-rule flush' cgg-status \
		cgg-load cgg-unload 'cgg-unload -f'; do
		refuses_as nobody 3 "$command" "$dir: needs root"
	done
	[ "$(state)" = "$before" ]
}

@test 'loading needs privilege' {
	hide_guard
	for who in nobody powerless; do
		refuses_as "$who" 3 cgg-load \
			'the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON'
		[ -z "$(pins)" ]
	done
}

@test 'cgg-load -c needs privilege' {
	run nobody cgg-load -c
	status_is 3
	matches 'needs root, or CAP_BPF'
	[[ $output != *'no'[[:space:]]* ]]
}

# ---- cgroups that cannot be guarded ----

@test 'a cgroup of version 1 is refused' {
	v1=$(awk '/ - cgroup / { print $5; exit }' /proc/self/mountinfo)
	[ -n "$v1" ] || skip 'no cgroup v1 is mounted'
	before=$(state)
	refuses 2 "cgg-attach $v1" "$v1: is in cgroup v1; cgroup v2 is mounted at $root"
	refuses 2 "cgg-detach $v1" "$v1: is in cgroup v1; cgroup v2 is mounted at $root"
	refuses 2 "cgg-attach -c $v1/cggtest" \
		"$v1/cggtest: not in cgroup v2, which is mounted at $root"
	[ ! -d "$v1/cggtest" ]
	[ "$(state)" = "$before" ]
}

@test 'a directory that is no cgroup is refused, however it is named' {
	ln -s "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/link"
	for path in "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/" "$BATS_TEST_TMPDIR/link" /proc; do
		refuses 2 "cgg-attach $path" "$path: not a cgroup; cgroup v2 is mounted at $root"
	done
	refuses 2 "cgg-attach -c $BATS_TEST_TMPDIR/new" \
		"$BATS_TEST_TMPDIR/new: not in cgroup v2, which is mounted at $root"
	[ ! -e "$BATS_TEST_TMPDIR/new" ]
}

@test 'a threaded cgroup is refused; the domain above it can be attached' {
	new_cgroup domain
	new_cgroup threaded "$domain"
	echo threaded >"$threaded/cgroup.type"
	before=$(state)
	refuses 2 "cgg-attach $threaded" \
		"$threaded: is threaded, so its threads may leave; guard the domain above it"
	[ "$(state)" = "$before" ]
	new_cgroup below "$threaded"
	refuses 2 "cgg-attach $below" \
		"$below: is below a threaded cgroup, so it holds nothing until it is threaded, too; guard the domain above it"
	yes cgg-attach "$domain"
}

@test 'the root cgroup is refused, unless forced' {
	refuses 2 'cgg-attach /' \
		'/: is the root cgroup, which holds every process; use -f to guard it anyway'
	cgg-rule -p empty add port 1
	cgg-rule -p empty flush # without rules no program is attached
	yes cgg-attach --force -p empty /
	yes cgg-status
	matches '^cgroup	/	policy empty	programs -$'
	yes cgg-detach /
}

@test 'a name that several cgroups have is refused' {
	run cgg-attach "container:$CGG_RUN"
	status_is 2
	matches "^cgg-attach: container:$CGG_RUN: is ambiguous: /[^ ]*, /[^ ]*$"
	matches "$(shown "$web")"
	matches "$(shown "$free")"
}

@test 'without cgroup v2 the commands say so' {
	run unshare -m bash -c 'umount -l "$1" && cgg-attach demo' - "$root"
	status_is 3
	says 'cgg-attach: cgroup v2 is not mounted; mount -t cgroup2 cgroup2 /sys/fs/cgroup'
}

# ---- another program in the way ----

# other_program: make one for connect4 that allows everything; its id is $other
other_program()
{
	cat >"$BATS_TEST_TMPDIR/other.c" <<'END'
__attribute__((section("cgroup/connect4"), used)) int other(void *context)
{
	return 1;
}
char gpl[] __attribute__((section("license"), used)) = "GPL";
END
	clang -O2 -target bpf -c -o "$BATS_TEST_TMPDIR/other.o" "$BATS_TEST_TMPDIR/other.c"
	bpftool prog load "$BATS_TEST_TMPDIR/other.o" /sys/fs/bpf/other
	other=$(bpftool -j prog show pinned /sys/fs/bpf/other | jq .id)
}

# in_the_way WHERE [FLAG]: attached at WHERE it allows no other program at $web
in_the_way()
{
	local sentence

	other_program
	yes cgg-detach "$web"
	bpftool cgroup attach "$1" connect4 pinned /sys/fs/bpf/other "${@:2}"
	sentence="$(shown "$web"): connect4: program $other on $1 allows none beside it; detach that first"
	before=$(state)
	refuses 3 "cgg-attach $web" "$sentence"
	[ "$(state)" = "$before" ]
	[ "$(bpftool -j cgroup show "$web" | jq -r '.[].name' | grep -vx other)" = '' ]
	if [ $# -eq 1 ]; then # otherwise a cgroup below may have its own
		refuses 3 "cgg-attach -c $web/new" "${sentence/:/\/new:}"
		[ "$(state)" = "$before" ]
	fi

	# a policy without that hook is accepted; a rule that needs it is refused
	yes cgg-rule -p quiet add device c 1:3
	yes cgg-attach -p quiet "$web"
	before=$(state)
	refuses 3 'cgg-rule -p quiet add port 3' "$sentence"
	refuses 3 'cgg-rule -p quiet default connect deny' "$sentence"
	refuses 3 "cgg-attach $web" "$sentence"
	[ "$(state)" = "$before" ]
	yes cgg-rule -p quiet list
	says 'deny device c 1:3 rwm'

	bpftool cgroup detach "$1" connect4 pinned /sys/fs/bpf/other
	yes cgg-rule -p quiet add port 3
}

@test 'a cgroup with an exclusive program is refused' {
	in_the_way "$web"
}

@test 'a cgroup with a program that may only be overridden is refused' {
	in_the_way "$web" override
}

@test 'a cgroup below an exclusive program is refused' {
	above=$web
	new_cgroup web "$above"
	cgg-detach "$above"
	cgg-attach -p strict "$web"
	in_the_way "$above"
}

# ---- something else in place of the guard ----

# in_place STATUS MESSAGE: every command prints it, and changes nothing
in_place()
{
	local before

	before=$(pins; stat -c '%F %a %u' "$dir")
	for command in cgg-load 'cgg-rule list' 'cgg-rule add port 1' 'cgg-attach -c /cggtest' \
		'cgg-detach -a' 'cgg-events -w 0' cgg-status cgg-unload 'cgg-unload -f'; do
		refuses 3 "$command" "$1"
	done
	[ "$(pins; stat -c '%F %a %u' "$dir")" = "$before" ]
}

@test 'pins in a directory of another user are refused' {
	hide_guard
	setpriv --reuid=65534 --regid=65534 --clear-groups mkdir -m 700 "$dir"
	in_place "$dir: belongs to uid 65534, not to this user; remove it"
}

@test 'pins in a directory that others may write are refused' {
	hide_guard
	for mode in 755 701 710 1777; do
		mkdir "$dir"
		chmod "$mode" "$dir"
		in_place "$dir: other users may enter it (mode $(printf %04d "$mode")); chmod 700 $dir"
		rmdir "$dir"
	done
}

@test 'a symbolic link in place of the pins is refused, wherever it points' {
	hide_guard
	mkdir -m 700 /sys/fs/bpf/elsewhere
	for to in /sys/fs/bpf/elsewhere /tmp /no/such; do
		ln -s "$to" "$dir"
		in_place "$dir: not a directory, and made by uid 0; remove it"
		rm "$dir"
	done
	rmdir /sys/fs/bpf/elsewhere
}

@test 'a symbolic link of another user is refused' {
	hide_guard
	setpriv --reuid=65534 --regid=65534 --clear-groups ln -s /tmp "$dir"
	in_place "$dir: not a directory, and made by uid 65534; remove it"
}

@test 'a pinned map in place of the pins is refused' {
	hide_guard
	bpftool map create "$dir" type array key 4 value 4 entries 1 name other
	in_place "$dir: not a directory, and made by uid 0; remove it"
}

@test 'half a guard is refused, and cgg-unload -f clears it' {
	hide_guard
	mkdir -m 700 "$dir"
	for command in cgg-load 'cgg-rule list' 'cgg-detach -a' 'cgg-events -w 0' cgg-status cgg-unload; do
		refuses 3 "$command" \
			"$dir/maps/policies: No such file or directory; run cgg-unload -f and cgg-load"
	done
	yes cgg-unload -f
	[ -z "$(pins)" ]
	yes cgg-load
}

@test 'a guard of another layout is refused, and cgg-unload -f clears it' {
	unloaded=yes
	layout=$(bpftool -j map lookup pinned "$dir/version" key 0 0 0 0 | jq '.value[0]' | xargs printf %d)
	bpftool map update pinned "$dir/version" key 0 0 0 0 value 99 0 0 0
	before=$(pins | sort)
	for command in cgg-load 'cgg-rule list' 'cgg-rule add port 3' 'cgg-attach $free' 'cgg-detach -a' \
		'cgg-events -w 0' cgg-status cgg-unload; do
		refuses 3 "$command" "the guard that is loaded has layout 99, this command knows $layout; run cgg-unload -f and cgg-load, or see UPGRADES in cgguard(7)"
	done
	[ "$(pins | sort)" = "$before" ]
	bpftool map update pinned "$dir/version" key 0 0 0 0 value "$layout" 0 0 0
	yes cgg-rule list
	says 'default sysctl alert
deny connect,sendmsg port 1
deny device c 1:3 rwm'
	bpftool map update pinned "$dir/version" key 0 0 0 0 value 99 0 0 0
	yes cgg-unload -f
	[ -z "$(pins)" ]
}

# ---- the bpffs ----

# elsewhere COMMAND...: run it in a mount namespace of its own
elsewhere()
{
	unshare -m --propagation private bash -c "$@"
}

@test 'without a bpffs cgg-load mounts one' {
	run elsewhere 'umount /sys/fs/bpf; cgg-rule list'
	status_is 3
	says "cgg-rule: not loaded, and no bpffs on /sys/fs/bpf; run cgg-load first"
	yes elsewhere 'umount /sys/fs/bpf && cgg-load && cgg-rule add port 1 && cgg-rule list &&
		stat -f -c %T /sys/fs/bpf && stat -c %a /sys/fs/bpf/cgguard'
	says 'deny connect,sendmsg port 1
bpf_fs
700'
}

@test 'without a bpffs and the right to mount one cgg-load says so' {
	run elsewhere 'umount /sys/fs/bpf && exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin cgg-load'
	status_is 3
	says 'cgg-load: /sys/fs/bpf: no bpffs is mounted here, and mounting one: Operation not permitted'
}

@test 'a guard directory that is on no bpffs is refused' {
	for command in 'cgg-rule list' cgg-status 'cgg-events -w 0' cgg-unload 'cgg-unload -f'; do
		run elsewhere "mount -t tmpfs tmpfs /sys/fs/bpf && mkdir -m 700 $dir && exec $command"
		status_is 3
		says "${command%% *}: $dir: not on a bpffs; mount -t bpf bpf /sys/fs/bpf"
	done
}

# ---- what does not fit ----

# same_rules FILE: the policy full has its lines and no others
same_rules()
{
	diff <(cgg-rule -p full list) <(sed 's/^/deny /' "$1")
}

@test 'more rules than one image holds are taken, and fewer again' {
	for i in {1..70}; do
		echo "connect,sendmsg port $i"
	done >"$BATS_TEST_TMPDIR/rules"
	while read -r words; do
		# shellcheck disable=SC2086 # words
		yes cgg-rule -p full add $words
	done <"$BATS_TEST_TMPDIR/rules"
	same_rules "$BATS_TEST_TMPDIR/rules"
	refuses 1 'cgg-rule -p full insert 71 port 71' '71: no such rule; cgg-rule list -i prints the ids'
	refuses 1 'cgg-rule -p full delete 71' '71: no such rule; cgg-rule list -i prints the ids'
	yes cgg-rule -p full insert -i 1 connect,sendmsg port 500
	says 71
	[ "$(cgg-rule -p full list -i | head -n 2)" = "71	deny connect,sendmsg port 500
1	deny connect,sendmsg port 1" ]
	yes cgg-rule -p full delete 71
	yes cgg-rule -p full delete connect,sendmsg port 70
	sed -i '$d' "$BATS_TEST_TMPDIR/rules"
	same_rules "$BATS_TEST_TMPDIR/rules"
	yes cgg-rule -p full restore <"$BATS_TEST_TMPDIR/rules"
	same_rules "$BATS_TEST_TMPDIR/rules"
	[ "$(cgg-rule -p full list -i | tail -n 1)" = '69	deny connect,sendmsg port 69' ]
	sed -i 9q "$BATS_TEST_TMPDIR/rules"
	yes cgg-rule -p full restore <"$BATS_TEST_TMPDIR/rules"
	same_rules "$BATS_TEST_TMPDIR/rules"
	! "$BUILD/tests/indexes" | grep '^full ' # it needs no index any more
}

@test 'longer texts than one image holds are taken' {
	name=$(printf 'net/x/%0115d' 0)
	for i in {100..219}; do
		echo "sysctl $name$i rw"
	done >"$BATS_TEST_TMPDIR/rules"
	while read -r words; do
		# shellcheck disable=SC2086 # words
		yes cgg-rule -p full add $words
	done <"$BATS_TEST_TMPDIR/rules"
	same_rules "$BATS_TEST_TMPDIR/rules"
	no cgg-rule -p full test sysctl "${name}150" r
	status_is 1
	yes cgg-rule -p full test sysctl "${name}220" r
}

@test 'more policies than fit are refused, and a dropped one makes room' {
	yes "$BUILD/tests/fill" 1 4349
	yes cgg-rule -p p4349 add port 1
	before=$(cgg-rule policies)
	yes cgg-rule -p last add port 1
	refuses 3 'cgg-rule -p more add port 1' \
		'policy more: there are 4352 policies, no more fit; cgg-rule -p NAME drop removes one'
	refuses 3 'cgg-rule -p more default connect deny' \
		'policy more: there are 4352 policies, no more fit; cgg-rule -p NAME drop removes one'
	run cgg-run -r 'port 1' true
	status_is 125
	matches '^cgg-run: policy run-.*: there are 4352 policies, no more fit'
	yes cgg-rule -p last drop
	[ "$(cgg-rule policies)" = "$before" ]
	[ "$(wc -l <<<"$before")" -eq 4351 ]
	yes cgg-run -r 'port 1' true
	yes cgg-rule -p p1 drop
	yes cgg-rule -p more add port 2
	yes cgg-rule -p more list -i
	says '1	deny connect,sendmsg port 2'
}
