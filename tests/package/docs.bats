#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# docs - -h, pages, completions and code agree, and the examples are true
#
# Each test takes the same list from several places and compares. The code is asked by a program
# that includes its source, a command by -h, a page by its .It lines, and a shell by its
# completions of a line.
# shellcheck disable=SC2016,SC2034,SC2154 # there are inner shells; helpers set tests_dir, web and demo

load ../helpers

root=${tests_dir%/*}
man=$root/man

setup_file()
{
	cd "$root" || return
	known_commands=$(basename -s .c cmd/cgg-*.c)
	known_hooks=$(code words/hook 'for (int i = 0; i < CGG_HOOKS; i++) puts(cgg_hooks[i].word);')
	known_verdicts=$(code words/hook 'for (int i = 0; i < CGG_AUDIT; i++) puts(cgg_verdicts[i]);')
	known_programs=$(code words/hook 'for (int i = 0; i < CGG_PROGRAMS; i++) puts(cgg_programs[i].name);')
	known_matches=$(code words/rule 'for (int i = 0; i < KEYWORDS; i++)
		if (keywords[i].match) puts(keywords[i].usage);')
	known_options=$(code words/rule 'for (int i = 0; i < KEYWORDS; i++)
		if (!keywords[i].match) puts(keywords[i].usage ? keywords[i].usage : keywords[i].word);')
	known_protos=$(code words/addr 'for (int i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		puts(protos[i].name);')
	known_families=$(code words/socket 'for (int i = 0; cgg_families[i].word; i++)
		puts(cgg_families[i].word);')
	known_types=$(code words/socket 'for (int i = 0; cgg_types[i].word; i++) puts(cgg_types[i].word);')
	known_nets=$(code words/addr 'for (int i = 1; i < CGG_NET_WORDS; i++) puts(net_words[i]);')
	known_net=$(code words/rule 'char text[256]; unsigned hooks;
		if (!hooks_parse(&hooks, "net")) hooks_print(hooks, text, sizeof(text)), puts(text);')
	# lines of: hook; its operand, or none; the matches it takes; its letters
	hook_table=$(code words/rule 'for (int i = 0; i < CGG_HOOKS; i++) {
		const struct cgg_hook_info *hook = &cgg_hooks[i];
		printf("%s;%s;", hook->word, hook->operand ? cgg_operands[hook->operand] : "none");
		for (int k = 0; k < KEYWORDS; k++)
			if (keywords[k].match & hook->matches)
				printf("%s ", keywords[k].word);
		printf(";%s%s%s\n", hook->access_bits & CGG_R ? "r" : "",
		       hook->access_bits & CGG_W ? "w" : "", hook->access_bits & CGG_M ? "m" : "");
	}' | sed 's/ ;/;/')
	export hook_table "${!known_@}"
}

# Programs are verified once for all tests but those that try examples.
teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# code FILE STATEMENTS: print what they print, compiled within lib/FILE.c
code()
{
	local program=$BATS_FILE_TMPDIR/code

	printf '#include "%s"\n#include <stdio.h>\nint main(void) { %s return 0; }\n' \
		"$root/lib/$1.c" "$2" >"$program.c"
	cc -w -D_GNU_SOURCE -o "$program" "$program.c" "$BUILD/libcgg.a" -lyaml && "$program"
}

# same WHAT ONE OTHER: the two lists have the same lines, in any order
same()
{
	[ -n "$2" ] && diff <(sort -u <<<"$2") <(sort -u <<<"$3") && return
	echo "differs, < is right: $1"
	return 1
}

# section PAGE NAME: print the lines of that section or subsection
section()
{
	awk -v name="$2" '/^\.S[hs] / { on = substr($0, 5) == name; next } on' "$man/$1"
}

# Resolve the roff escapes that the pages may use.
plain()
{
	sed 's/\\(dq/"/g; s/\\&//g; s/\\e/\\/g'
}

first_words()
{
	cut -d ' ' -f 1
}

# Print -h as lines of "-p --policy NAME" and of "cgg-rule [-p NAME] add ..."
help_options()
{
	"$1" -h | sed -nE 's/^ +(-[^ ]+( [^ ]+)*)(  .*|$)/\1/p' | tr -d ,
}

# Print only the options of such lines.
option_words()
{
	grep -oE -- '(^| )--?[a-zA-Z][a-z0-9-]*' | tr -d ' '
}

help_usage()
{
	"$1" -h | sed -nE 's/^(usage: |       )(cgg-.*)/\2/p'
}

page_options()
{
	sed -n '/^\.It Fl /{s/^\.It //;s/ ,//g;s/Fl /-/g;s/Ar //;p}' "$man/$1.8"
}

rule_words()
{
	help_usage cgg-rule | sed -nE 's/^cgg-rule( \[-p NAME\])? ([a-z]+).*/\2/p'
}

# expect LINE WORDS: these are offered after it; check_offers asks the shells
declare -gA expected=()
expect()
{
	expected[$1]=$2
}

check_offers()
{
	local shell line offered bad=0

	for shell in bash fish zsh; do
		offered=$("offered_by_$shell" "${!expected[@]}")
		for line in "${!expected[@]}"; do
			same "$shell, what is offered behind: $line" "${expected[$line]}" \
				"$(awk -F '\t' -v line="$line" '$1 == line { print $2 }' <<<"$offered")" || bad=1
		done
	done
	return $bad
}

# offered_by_SHELL LINE...: print lines of LINE, a tab, one offered word
offered_by_bash()
{
	bash --norc -c '
		. "$0"
		compopt() { :; }
		for COMP_LINE; do
			function=$(complete -p "${COMP_LINE%% *}") || exit
			function=${function#*-F }
			COMP_POINT=${#COMP_LINE}
			"${function%% *}" "${COMP_LINE%% *}"
			for reply in "${COMPREPLY[@]}"; do
				printf "%s\t%s\n" "$COMP_LINE" "$reply"
			done
		done' "$root/completions/cgguard.bash" "$@"
}

# In fish 4 a question mark in a pattern stands for itself; fish 3 needs an option for that.
offered_by_fish()
{
	HOME=$BATS_TEST_TMPDIR fish --no-config --features qmark-noglob -c '
		source $argv[1]
		for line in $argv[2..-1]
			for reply in (complete -C $line)
				printf "%s\t%s\n" $line (string split -f 1 -- \t $reply)
			end
		end' "$root/completions/cgguard.fish" "$@"
}

# zsh completes only in its line editor: it gets a terminal, and a compadd that prints.
offered_by_zsh()
{
	(cd "$BATS_TEST_TMPDIR" && echo "$zsh_teller" >teller &&
		ZDOTDIR=. completions=$root/completions zsh -f -c "$zsh_asker" zsh "$@")
}

zsh_teller='
stty -echo
PS1=
fpath=($completions $fpath)
autoload -U compinit
compinit -u -D
compadd()
{
	local -a hits
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] || {
		builtin compadd -A hits "$@"
		(( ! $#hits )) || print -rl -- $IPREFIX${^hits} >>told
	}
	builtin compadd "$@"
}
tell()
{
	_main_complete
	compstate[insert]= compstate[list]=
	print END >>told
}
zle -C tell complete-word tell
bindkey ^I tell
bindkey ^A kill-whole-line
print END >>told'

zsh_asker='
zmodload zsh/zpty zsh/zselect
ask()
{
	: >told
	zpty -w $2 z $1
	repeat 3000; do
		[[ $(<told) != *END ]] || return
		zselect -t 1
	done
	print "waited in vain for: $1"
	exit 1
}
zpty z zsh -f -i
ask ". ./teller"
for line; do
	ask $line$'\''\t'\'' -n
	grep -vx END told | sed "s|^|$line	|"
	zpty -w -n z $'\''\x01'\''
done
zpty -d z'

# examples BLOCKS: write NUMBER.cmd and NUMBER.shown for each, in the current directory
#
# The text after "# " or "$ " is a command, with the here document that belongs to it. The
# lines below it are its output.
examples()
{
	local line number=0 end=''

	while IFS= read -r line; do
		if [ -n "$end" ]; then
			echo "$line" >>"$number.cmd"
			[ "$line" != "$end" ] || end=
		elif [[ $line == [#$]' '* ]]; then
			number=$((number + 1))
			echo "${line:2}" >"$number.cmd"
			: >"$number.shown"
			[[ $line != *"<<'"*"'"* ]] || { end=${line#*<<\'} && end=${end%%\'*}; }
		else
			echo "$line" >>"$number.shown"
		fi
	done <<<"$1"
	[ "$number" -gt 0 ]
}

# The examples run in what looks like a machine of its own. The cgroup $world is the root of
# cgroup v2, mounted at /sys/fs/cgroup; it has a unit and a container, and the network is empty.
# Unless an example begins with cgg-load, the guard is loaded and demo attached.
in_world()
{
	inside "$world" unshare -m -C -n bash -c '
		while mount=$(findmnt -nfo TARGET -t cgroup2); do umount -l "$mount" || exit; done
		mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up || exit
		mkdir -p /sys/fs/cgroup/system.slice/nginx.service \
			/sys/fs/cgroup/system.slice/docker-$(printf 4f0c2b%058d 7).scope
		exec "$@"' bash "$@"
}

# run_examples PREPARE: run them all, in their order, in one shell
run_examples()
{
	in_world timeout $((60 * patience)) bash -c '
		eval "$1" || exit
		for ((number = 1; ; number++)); do
			[ -e "$number.cmd" ] || break
			eval "$(cat "$number.cmd")" >"$number.said" 2>&1 </dev/null
			echo $? >"$number.status"
		done' bash "$1" 3>&-
}

# Replace numbers that differ each time.
settled()
{
	sed -E 's/\b([pt]id)=[0-9]+/\1=N/g; s/ ttl 3(600|5[0-9]{2})s$/ ttl 1h/; s/[0-9]{4}(-[0-9]{2}){2}T[0-9:.]+Z/TIME/' "$1"
}

# It must fail if the example shows an error, and succeed otherwise.
check_example()
{
	local status

	status=$(cat "$1.status")
	if [[ $(head -n 1 "$1.shown") =~ ^[a-z-]+:\  && $(head -n 1 "$1.shown") != *': warning: '* ]]; then
		[ "$status" -ne 0 ]
	else
		[ "$status" -eq 0 ]
	fi && diff <(settled "$1.shown") <(settled "$1.said") && return
	echo "$2: status $status; < is shown, > was said: $(cat "$1.cmd")"
	return 1
}

# try_examples NAME BLOCKS [PREPARE]
try_examples()
{
	local directory=$BATS_TEST_TMPDIR/$1 prepare='cgg-load && cgg-attach -c demo' file bad=0 world

	mkdir "$directory" && cd "$directory" || return
	examples "$2" || { echo "$1: no example in it" && return 1; }
	[[ $(cat 1.cmd) != cgg-load* ]] || prepare=
	prepare=${3-$prepare}
	clean_up
	new_cgroup world
	run_examples "$prepare" || bad=1
	for file in *.cmd; do
		check_example "${file%.cmd}" "$1" || bad=1
	done
	clean_up
	return $bad
}

@test 'every command has a page and a completion, and nothing else has' {
	same pages "$known_commands" "$(basename -s .8 -a "$man"/*.8)"
	same 'the list in cgguard(7)' "$known_commands" \
		"$(sed -n 's/^\.It Xr \(.*\) 8$/\1/p' "$man/cgguard.7")"
	same bash "$known_commands" "$(bash --norc -c '. "$0"; complete -p' \
		"$root/completions/cgguard.bash" | grep -o 'cgg-.*')"
	same fish "$known_commands" "$(HOME=$BATS_TEST_TMPDIR fish --no-config -c \
		'source $argv[1]; complete' "$root/completions/cgguard.fish" | grep -o 'cgg-[a-z]*')"
	same zsh "$known_commands" \
		"$(sed -n '1s/^#compdef //p' "$root/completions/_cgguard" | tr ' ' '\n')"
	same 'what is named somewhere' "$known_commands" "$(cd "$root" &&
		grep -Eoh '\bcgg-[a-z]+' README.md man/* completions/*)"
}

@test 'the pages are correct mdoc, have all sections, and refer to existing pages' {
	yes mandoc -Tlint -Wwarning "$man"/*
	says ''
	for page in "$man"/*.8; do
		[ "$(sed -n 's/^\.Sh //p' "$page" | paste -sd ,)" = \
			'NAME,SYNOPSIS,DESCRIPTION,EXIT STATUS,EXAMPLES,SEE ALSO,CAVEATS' ] ||
			{ echo "$page" && false; }
	done
	while read -r page; do
		[ -e "$man/$page" ] || { echo "$page: no such page" && false; }
	done < <(sed -nE 's/^\.(It )?Xr (cgg[a-z-]*) ([0-9]).*/\2.\3/p' "$man"/*)
}

@test 'a page has the synopsis and options of -h' {
	for command in $known_commands; do
		same "options of $command" "$(help_options "$command")" "$(page_options "$command")"
		[ "$(mandoc -T ascii -O width=400 "$man/$command.8" | col -b |
			sed -n '/^SYNOPSIS/,/^DESCRIPTION/{/^ /p}' | tr -d ' \t')" = \
			"$(help_usage "$command" | tr -d ' ')" ] || { echo "synopsis of $command" && false; }
	done
	same 'words of cgg-rule' "$(rule_words)" \
		"$(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$man/cgg-rule.8")"
}

# usage_options: print the options in usage lines, each followed by a blank
usage_options()
{
	grep -oE -- ' \[?--?[a-z][a-z-]*' | tr -d ' [' | sed 's/$/ /'
}

@test 'the completions have the options of -h and the words of cgg-rule' {
	for command in $known_commands; do
		[ "$command" = cgg-rule ] || expect "$command -" \
			"$(help_options "$command" | option_words)"
	done

	# Options that the usage has after a word stand there; the rest may stand everywhere.
	behind=$(help_usage cgg-rule | sed -E 's/^cgg-rule( \[-p NAME\])?//' | usage_options)
	everywhere=$(help_options cgg-rule | sed 's/$/ /' | grep -vFf <(echo "$behind") | option_words)
	expect 'cgg-rule -' "$everywhere"
	for word in $(rule_words); do
		here=$(help_usage cgg-rule | sed -nE "s/^cgg-rule( \[-p NAME\])? $word( |\$)/ /p" |
			usage_options) || true
		expect "cgg-rule $word -" "$everywhere${here:+$'\n'$(
			help_options cgg-rule | sed 's/$/ /' | grep -Ff <(echo "$here") | option_words)}"
	done
	expect 'cgg-rule ' "$(rule_words)"
	check_offers
}

@test 'cgguard-rule(5) has the words that the code knows' {
	same verdicts "$known_verdicts" "$(section cgguard-rule.5 Verdicts | sed -n 's/^\.It Cm //p')"
	same hooks "$(awk -F ';' '{ print $1 ";" $2 ($4 ? " [" $4 "]" : "") ";" $3 }' <<<"$hook_table")" \
		"$(section cgguard-rule.5 Hooks |
			sed -nE '/^\.It Cm .* Ta /{s/^\.It Cm //;s/ Ta ([CA][mr] )?/;/g;s/"//g;p}')"
	same 'what hooks see' "$known_hooks" "$(section cgguard-rule.5 Hooks |
		sed -nE 's/^\.It Cm ([a-z]+( , [a-z]+)*)$/\1/p' | sed 's/ , /\n/g')"
	section cgguard-rule.5 Hooks | grep -qx "\.Cm $known_net :"
	same matches "$known_matches" \
		"$(section cgguard-rule.5 Matches | plain | sed -n 's/^\.It Cm \([a-z]*\) Ar /\1 /p')"
	same options "$known_options" "$(section cgguard-rule.5 Options | plain |
		sed -nE 's/^\.It Cm ([a-z]+)( Ar)?/\1/p')"
	same protocols "$known_protos" \
		"$(section cgguard-rule.5 Matches | sed -n 's/^\.Cm \(icmp .*\) \.$/\1/p' | tr ' ' '\n')"
	for key in $(code files/yaml 'for (int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		puts(keys[i].key);'); do
		section cgguard-rule.5 'Policy YAML' | grep -Eq "^ +- $key:|^ +$key:|^\.Cm $key\$" ||
			{ echo "$key: not in Policy YAML" && false; }
	done
}

# vim_words GROUP, nano_words WORD: print the words of a syntax file that are in the group, or beside WORD
vim_words()
{
	sed -n "s/ nextgroup=.*//; s/^syntax keyword cgguard$1 //p" "$root/share/vim/syntax/cgguard.vim" | tr ' ' '\n'
}

nano_words()
{
	sed -nE 's/^color [a-z]+ "\\<\((.*)\)\\>"$/|\1|/p' "$root/share/nano/cgguard.nanorc" |
		grep -F "|$1|" | tr '|' '\n' | grep .
}

# textmate_words NAME: print the words of the pattern with that scope
textmate_words()
{
	jq -r --arg name "$1" '.patterns[] | select(.name // "" | endswith($name + ".cgguard")).match' \
		"$root/share/textmate/cgguard.tmLanguage.json" | sed -E 's/^[^:]*:([^)]*)\).*/\1/' | tr '|' '\n'
}

@test 'the syntax files for vim, nano and TextMate have the words that the code knows' {
	local settings values

	settings=$(sed -nE 's/.*!strcmp\(word\[0\], "([a-z]+)"\)\).*/\1/p' "$root/lib/files/file.c"
		sed -nE 's/.*\{ "([a-z]+)", [a-z]+_parse \}.*/\1/p' "$root/lib/files/settings.c")
	[ "$(wc -l <<<"$settings")" -eq "$(cat "$root"/lib/files/{file,settings}.c |
		grep -cE '_parse \}|strcmp\(word\[0\], "include"')" ]
	values=$'enforce\naudit\n'$known_nets$'\n'$known_families$'\n'$known_types
	same 'vim: verdicts' "$known_verdicts" "$(vim_words Verdict)"
	same 'vim: hooks' "$known_hooks"$'\nnet' "$(vim_words Hook)"
	same 'vim: matches' "$(first_words <<<"$known_matches")" "$(vim_words Match)"
	same 'vim: options' "$(first_words <<<"$known_options")" "$(vim_words Option)"
	same 'vim: settings' "$settings" "$(vim_words Setting)"
	same 'vim: values' "$values"$'\n'"$known_protos" "$(vim_words Value)"
	same 'TextMate: verdicts' "$known_verdicts" "$(textmate_words control.verdict)"
	same 'TextMate: hooks' "$known_hooks"$'\nnet' "$(textmate_words type.hook)"
	same 'TextMate: matches' "$(first_words <<<"$known_matches")" "$(textmate_words parameter.match)"
	same 'TextMate: options' "$(first_words <<<"$known_options")" "$(textmate_words other.option)"
	same 'TextMate: settings' "$settings" "$(textmate_words other.setting)"
	same 'TextMate: values' "$values"$'\n'"$known_protos" "$(textmate_words language.value)"
	same 'nano: verdicts' "$known_verdicts" "$(nano_words allow)"
	same 'nano: hooks' "$known_hooks"$'\nnet' "$(nano_words connect)"
	same 'nano: matches' "$(first_words <<<"$known_matches")" "$(nano_words port)"
	same 'nano: options' "$(first_words <<<"$known_options")" "$(nano_words ttl)"
	same 'nano: settings' "$settings" "$(nano_words default)"
	same 'nano: values' "$values" "$(nano_words audit)"
	same 'nano: protocols' "$known_protos" "$(nano_words tcp)"
}

# An editor takes the earliest match of all patterns, and the first pattern of those.
@test 'the TextMate grammar shows the words of a policy file by what they are' {
	run python3 -c '
import json, re, sys
patterns = json.load(open(sys.argv[1]))["patterns"]
for line in sys.stdin.read().splitlines():
    at, shown = 0, []
    while True:
        found = [(m.start(), i, m) for i, p in enumerate(patterns)
                 if (m := re.compile(p.get("match") or p["begin"]).search(line, at))]
        if not found:
            break
        _, i, m = min(found, key=lambda f: f[:2])
        end = m.end()
        if "begin" in patterns[i]:
            end = re.compile(r"(?:\\.|[^\"\\])*(?:\"|$)").match(line, end).end()
        name = patterns[i].get("name") or patterns[i]["captures"]["2"]["name"]
        shown.append(name.split(".")[-2])
        at = end
    print(*shown)' "$root/share/textmate/cgguard.tmLanguage.json" <<-'END'
		default connect,bind deny # deny
		include base.inc
		deny net proto tcp ip 10.0.0.0/8 port 1-9 name deny
		allow unix /run/deny.sock comment "allow \" all" quiet
		deny sysctl kernel/deny r
	END
	status_is 0
	says 'setting hook hook verdict number-sign
setting
verdict hook match value match numeric match numeric numeric tag
verdict hook path option double option
verdict hook'
}

# vim names the group of each word of a line; a dot stands for none
@test 'vim shows the words of a policy file by what they are' {
	vim --version 2>/dev/null | grep -qw '+syntax' || skip 'no vim with syntax is installed'
	cd "$BATS_TEST_TMPDIR"
	cat >x.policy <<-'END'
		default connect deny # deny
		include base.inc
		deny net proto tcp ip 10.0.0.0/8 port 1-9 name deny
		allow unix /run/deny comment "deny # \" all" quiet
		allow connect ip 2001:db8::1/64
		resolver 127.0.0.53
		names 4096 keep 5m
		allow connect host a.test inner alias
		deny dns a.test
	END
	cat >ask.vim <<-'END'
		let said = []
		for number in range(1, line('$'))
			let [words, at] = [[], 0]
			while 1
				let at = match(getline(number), '\S\+', at)
				if at < 0 | break | endif
				call add(words, substitute(synIDattr(synID(number, at + 1, 1), 'name'), 'cgguard', '', ''))
				let at = matchend(getline(number), '\S\+', at)
			endwhile
			call add(said, join(map(words, 'empty(v:val) ? "." : v:val')))
		endfor
		call writefile(said, 'said')
		qall!
	END
	HOME=$PWD timeout $((60 * patience)) vim -u NONE -es -c "set runtimepath^=$root/share/vim" -c 'filetype on' -c 'syntax on' \
		-c 'edit x.policy' -c 'source ask.vim' </dev/null || true
	diff said - <<-'END'
		Setting Hook Verdict Comment Comment
		Setting .
		Verdict Hook Match Value Match Number Match Number Option Name
		Verdict Hook Path Option String String String String Option
		Verdict Hook Match Number
		Setting Number
		Setting Number . .
		Verdict Hook Match . Option Option
		Verdict Hook .
	END
	echo '<?xml version="1.0"?>' >polkit.policy
	HOME=$PWD timeout $((60 * patience)) vim -u NONE -es -c "set runtimepath^=$root/share/vim" -c 'filetype on' \
		-c 'edit polkit.policy' -c 'call writefile([&filetype], "said")' -c 'qall!' </dev/null || true
	[ "$(cat said)" != cgguard ]
}

# The hook is the only one of its rule, and restore accepts the rule.
@test 'cgguard-rule(5) has an example for each hook, which is a rule of that hook' {
	cgg-load
	for hook in $known_hooks; do
		rule=$(section cgguard-rule.5 Hooks | plain |
			awk -v head=".It Cm $hook" '/^\.It / { on = $0 == head } on && sub(/^\.Dl /, "")')
		[ "$(wc -l <<<"$rule")" -eq 1 ] && [ -n "$rule" ] || { echo "$hook: one example" && false; }
		yes cgg-rule restore - <<<"$rule"
		yes cgg-rule list -j
		[ "$(jq -c '.rules[].hooks' <<<"$output")" = "[\"$hook\"]" ] || { echo "$rule" && false; }
	done
}

@test 'cgguard-rule(5) has the limits of the code' {
	same limits "$(code words/rule '
		printf("%d policies\n", CGG_POLICIES);
		printf("%u rules in a policy, of 2 GiB at most\n", CGG_INDEX_RULES);
		printf("%d rules whose hits are counted, the first that have any\n", CGG_COUNTS);
		printf("%d bytes in the name of a policy\n", CGG_POLICY_NAME - 1);
		printf("%d bytes in the name of a rule\n", CGG_NAME - 1);
		printf("%d bytes in the name of a sysctl\n", CGG_OPERAND - 1);
		printf("%d bytes in a comment\n", CGG_COMMENT - 1);
		printf("%d bytes in the path of a cgroup in a rule\n", CGG_CGROUP - 1);
		printf("%d bytes in a rule\n", CGG_RULE_TEXT - 2);
		printf("%u combinations of the elements of its lists; each prefix of a range or a word "
		       "counts\n", CGG_RULE_ENTRIES);')" \
		"$(section cgguard-rule.5 Limits | sed -n 's/^\.It \([0-9]*\) Ta /\1 /p')"
}

# defined NAME FILE: print the number that bpf/FILE gives NAME
defined()
{
	sed -nE "s/^#define $1 ([0-9]+).*/\1/p" "$root/bpf/$2"
}

@test 'cgguard-names(7) has the limits of the code' {
	same limits "$(code words/host '
		printf("%d bytes in a name; longer ones are not bound\n", CGG_NAME_MOST);
		printf("%d names of an address; the one that expires first goes\n", CGG_NAMES_OF);
		printf("%d resolvers of a policy\n", CGG_RESOLVERS);')
$(defined RECORDS names/answer.h) records of an answer that are read
$(defined ALIASES names/scratch.h) names of a chain of aliases
$(defined OPEN_QUESTIONS names/maps.h) open questions of a socket
$(defined MESSAGE_MOST names/parts.h) bytes of an answer that are read
$(defined OPEN_QUESTIONS names/maps.h) answers in a TCP segment
$(defined QUESTIONS names/dns.bpf.c) questions in a TCP segment" \
		"$(section cgguard-names.7 Limits | sed -n 's/^\.It \([0-9]*\) Ta /\1 /p')"
}

@test 'the completions have the words that the code knows' {
	declare -A operand=([unix]=/run/x [device]='c 1:3' [sysctl]=kernel/hostname
		[setsockopt]=6:18 [getsockopt]=6:18 [dns]=a.test)
	hooks=$known_hooks$'\n'net
	options=$(first_words <<<"$known_options")
	net=$(awk -F ';' '$1 == "connect" { gsub(" ", "\n", $3); print $3 }' <<<"$hook_table")
	packet=$(awk -F ';' '$1 == "egress" { gsub(" ", "\n", $3); print $3 }' <<<"$hook_table")
	for line in add 'insert 1' 'insert first' 'insert before name x'; do
		expect "cgg-rule $line " "$known_verdicts"$'\n'"$hooks"$'\n'"$net"$'\n'"$options"
		for verdict in $known_verdicts; do
			expect "cgg-rule $line $verdict " "$hooks"$'\n'"$net"$'\n'"$options"
		done
	done
	expect 'cgg-rule add net ' "$(grep -Fx "$net" <<<"$packet")"$'\n'"$options"
	while IFS=';' read -r hook has matches letters; do
		[ "$has" = none ] || hook+=" ${operand[$hook]}"
		expect "cgg-rule add $hook ${letters:+$letters }" "${matches// /$'\n'}"$'\n'"$options"
		expect "cgg-rule test $hook ${letters:+${letters:0:1} }" "${matches// /$'\n'}"
		expect "cgg-rule default ${hook%% *} " "$known_verdicts"
	done <<<"$hook_table"
	expect 'cgg-rule default ' "$hooks"
	expect 'cgg-rule default connect deny ' $'errno\nquiet'
	expect 'cgg-rule insert before ' name
	expect 'cgg-rule add socket family ' "$known_families"
	expect 'cgg-rule add socket type ' "$known_types"
	expect 'cgg-rule add proto ' "$known_protos"
	expect 'cgg-rule mode ' $'enforce\naudit'
	check_offers
}

@test 'the completions offer the letters that a hook has' {
	keys=$(first_words <<<"$known_matches"; first_words <<<"$known_options")
	for shell in bash fish zsh; do
		for line in device:'cgg-rule add device c 1:3 ' sysctl:'cgg-rule add sysctl kernel/hostname '; do
			letters=$(awk -F ';' -v hook="${line%%:*}" '$1 == hook { print $4 }' <<<"$hook_table")
			offered=$("offered_by_$shell" "${line#*:}" | cut -f 2 | grep -vxFf <(echo "$keys"))
			same "$shell: ${line#*:}" "$(fold -w 1 <<<"$letters")" "$(fold -w 1 <<<"$offered")"
		done
	done
}

@test 'the completions know policies, ids, cgroups and hosts' {
	new_cgroup web
	cgg-load
	cgg-rule -p strict add port 1
	cgg-rule -p strict add port 2
	path=$(shown "$web")
	expect 'cgg-attach -p ' $'default\nstrict'
	expect 'cgg-rule --policy ' $'default\nstrict'
	expect 'cgg-rule -p strict insert ' $'1\n2\nfirst\nbefore'
	expect 'cgg-rule -p strict delete 1 ' $'1\n2'
	expect "cgg-names ad" add
	expect 'cgg-rule add connect uid ' "$(getent passwd | cut -d : -f 1)"
	expect 'cgg-rule add connect gid ' "$(getent group | cut -d : -f 1)"
	cgg-rule add connect host a.example
	cgg-attach "$web"
	cgg-names add db.corp.example 192.0.2.1
	cgg-names add mirror.example 192.0.2.1
	expect 'cgg-rule add connect host ' $'db.corp.example\nmirror.example'
	for command in cgg-attach cgg-detach cgg-names cgg-sockets; do
		expect "$command ${path%?}" "$path"
		expect "$command ${path#/}" "${path#/}"
		expect "$command $web" "$web"
	done
	check_offers
	for shell in bash fish zsh; do
		yes "offered_by_$shell" 'cgg-rule -p strict delete '
		matches '^cgg-rule -p strict delete 	2$'
	done
}

@test 'without a guard the completions print no error' {
	cgg-load
	hide_guard
	yes offered_by_bash 'cgg-attach -p ' 'cgg-rule delete 1 '
	says ''
	yes offered_by_fish 'cgg-attach -p ' 'cgg-rule delete 1 '
	says ''
	yes offered_by_zsh 'cgg-attach -p ' 'cgg-rule delete 1 '
	says ''
}

# Everything that a hook sees, so that each program has an event.
everything='
import os, socket

def attempt(call, *arguments):
    try:
        return call(*arguments)
    except OSError:
        pass

for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 0))
    port = server.getsockname()[1]
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.bind((address, 0))
    client.sendto(b"x", (address, port))
    server.recvfrom(9)
    client.connect((address, port))
    server.close()
    attempt(socket.socket(family, socket.SOCK_DGRAM).bind, (address, port))
attempt(client.sendto, bytes.fromhex("123401000001000000000000") + b"\1a\4test\0\0\1\0\1", ("::1", 53))
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10):
    client.sendto(bytes(9000), server.getsockname())
    client.sendto(b"x", ("127.0.0.1", 1001 + port))
listening = socket.create_server(("127.0.0.1", 0))
calling = socket.create_connection(listening.getsockname())
taken = listening.accept()[0]
calling.close()
taken.close()
client.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 1)
client.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY)
local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
attempt(local.connect, "/nobody")
attempt(local.sendto, b"x", "\0nobody")
open("/dev/null")
open("/proc/sys/kernel/hostname").read()
'

# Programs that only count or learn: they have no events.
silent='dns_answer\|flow_socket\|flow_sent\|flow_received'

@test 'cgg-events(8) has the keys of the events, in their order' {
	# lines of: all, or the programs; the key with its marks; its type
	keys=$(section cgg-events.8 Lines | awk '
		/^\.Bl/ { group = last ~ /^\.Li / ? substr(last, 5) : "all" }
		/^\.It Li/ { print group ";" $3 ";" $5 }
		{ last = $0 }')
	same programs "$(grep -vx "$silent" <<<"$known_programs")" "$(cut -d ';' -f 1 <<<"$keys" | grep -vx all | tr ' ' '\n')"

	new_cgroup web
	cgg-load
	cgg-attach "$web"
	cgg-rule default "$(paste -sd , <<<"$known_hooks")" alert
	cgg-rule add alert device c 1:3 name null
	cgg-set add here 127.0.0.1
	cgg-rule add alert connect ip @here
	yes inside "$web" python3 -c "$everything"
	new_cgroup below "$web"
	yes inside "$below" cat /dev/null
	events=$BATS_TEST_TMPDIR/events
	cgg-events -j -w 0 >"$events"
	same 'programs seen' "$(ls /sys/fs/bpf/cgguard/progs -I ask -I dns_answer -I 'flow_[rs]*' -I '*_names')" "$(jq -r .hook "$events")"

	for hook in $(jq -r .hook "$events" | sort -u); do
		may=$(awk -F ';' -v hook="$hook" '$1 == "all" || index(" " $1 " ", " " hook " ") {
			sub("\\*", "", $2)
			print $2 ";" $3
		}' <<<"$keys")
		while read -r has; do
			has=$(tr ' ' '\n' <<<"$has")
			ordered=$(tr -d '?' <<<"$may" | grep -xFf <(echo "$has"))
			missing=$(grep -vF '?' <<<"$may" | grep -vxFf <(echo "$has")) || true
			same "$hook" "$has" "$ordered"
			[ "$has" = "$ordered" ] && [ -z "$missing" ] ||
				{ echo "$hook has $has, without $missing" && false; }
		done < <(jq -r --arg hook "$hook" 'select(.hook == $hook) |
			[to_entries[] | .key + ";" + (.value | type)] | join(" ")' "$events" | sort -u)
	done
	# optional keys have occurred, except for packets that cannot be read
	same 'keys that are known sometimes' "$(jq -r 'keys[]' "$events")"$'\n'unread \
		"$(cut -d ';' -f 2 <<<"$keys" | tr -d '*?')"

	yes inside "$below" cat /dev/null
	yes cgg-events -w 0
	[ "$(grep -F '[ALERT device]' <<<"$output" | tail -n 1 | grep -oE '[a-z_]+=' | tr -d =)" = "$(
		awk -F ';' '($1 == "all" || $1 == "device") && $2 !~ /\*/ { print $2 }' <<<"$keys" |
			tr -d '?')" ]
}

# shape: print the keys of a JSON object and their types, as the pages have them
shape()
{
	jq -r 'def shape($at):
			if type == "object" then to_entries[] | .key as $key | .value |
				shape(if $at == "" then $key else "\($at).\($key)" end)
			elif type == "array" and (.[0] | type) == "object" then .[] | shape("\($at)[]")
			elif type == "array" then "\($at) \(.[0] | type)s"
			else "\($at) \(type)" end;
		shape("")'
}

# page_shape PAGE [SECTION]
page_shape()
{
	section "$1" "${2:-JSON}" | sed -nE 's/^\.It Li ([^ ]+) Ta ([a-z]+) Ta .*/\1 \2/p'
}

@test 'the page has the keys of the JSON of cgg-names' {
	new_cgroup web
	cgg-load
	cgg-rule add connect host a.example
	cgg-attach "$web"
	cgg-names add a.example 192.0.2.1
	same 'cgg-names -j' "$(cgg-names -j | jq '.[]' | shape)" "$(page_shape cgg-names.8)"
}

@test 'the page has the keys of the JSON of cgg-sockets' {
	new_cgroup web
	start_server
	cgg-load
	cgg-attach "$web"
	inside "$web" bash -c "exec 9<>/dev/tcp/127.0.0.1/$port; exec sleep 60" 3>&- &
	started[$!]=sleep
	wait_for eval 'cgg-sockets | grep established'
	cgg-rule add alert connect port "$port"
	same 'cgg-sockets -j' "$(cgg-sockets -j | jq '.[]' | shape)" "$(page_shape cgg-sockets.8)"
}

@test 'the pages have the keys of the JSON of cgg-status and cgg-rule list' {
	new_cgroup web
	cgg-load
	cgg-attach "$web"
	cgg-rule add dns a.test
	cgg-set add bad 192.0.2.1 ttl 1h
	cgg-rule add port 9 name discard comment 'nobody is there'
	yes inside "$web" python3 -c "$everything"
	no inside "$web" reach 127.0.0.1 9
	cgg-events >/dev/null 3>&- &
	started[$!]=reader
	wait_for eval 'cgg-status | grep ^reader'
	# no question of DNS was decided by the default: null
	same 'cgg-status -j' "$(cgg-status -j | shape | grep -v 'default_last null')" "$(page_shape cgg-status.8)"
	same 'cgg-status -m' "$(cgg-status -m | sed -n 's/^# TYPE //p')" \
		"$(section cgg-status.8 Metrics | sed -nE 's/^\.It Li ([^ ]+) Ta ([a-z]+) Ta.*/\1 \2/p')"
	same 'cgg-status -j --effective' "$(cgg-status -j --effective "$web" | shape)" \
		"$(page_shape cgg-status.8 'Effective JSON')"
	cgg-rule default bind deny quiet errno EACCES
	cgg-rule add -f - <<<'resolver 127.0.0.53'
	same 'cgg-rule list -j' "$(page_shape cgg-rule.8)" \
		"$(cgg-rule list -j | shape | sed -E 's/^(defaults|errors)\.[a-z]+/\1.HOOK/')"
}

@test 'a rule is printed back as cgguard-rule(5) says' {
	cgg-load
	words='' count=0
	while read -r macro text; do
		if [ "$macro" = .It ]; then
			words=${text#Li }
		elif [ "$macro" = .Li ]; then
			cgg-rule flush
			yes cgg-rule add -f - <<<"$words"
			yes cgg-rule list
			says "$text"
			count=$((count + 1))
		fi
	done < <(section cgguard-rule.5 EXAMPLES | plain)
	[ "$count" -ge 10 ]
}

@test 'the YAML in cgguard-rule(5) is the policy that the page says' {
	new_cgroup demo
	cgg-load
	section cgguard-rule.5 'Policy YAML' | sed -n '/^\.Bd/,/^\.Ed/{/^\./d;p}' |
		sed "s|/demo|$(shown "$demo")|" >"$BATS_TEST_TMPDIR/policy.yaml"
	yes cgg-rule restore "$BATS_TEST_TMPDIR/policy.yaml"
	yes cgg-rule list
	says "deny connect,sendmsg proto tcp ip 10.10.10.5 port 443 cgroup $(shown "$demo") \
name rule-001 comment \"known bad\""
}

# page_examples PAGE
page_examples()
{
	section "$1" EXAMPLES | plain | sed -n '/^\.Bd -literal/,/^\.Ed/{/^\.[BE]d/d;p}'
}

@test 'the examples in the pages do what they show' {
	bad=0
	for page in "$man"/*; do
		page=${page##*/}
		[ "$page" != cgguard-fleet.7 ] || continue
		try_examples "$page" "$(page_examples "$page")" || bad=1
	done
	[ "$bad" -eq 0 ]
}

@test 'the examples in cgguard-fleet(7) do what they show, with an etcd' {
	command -v etcd etcdctl >/dev/null || skip 'etcd is not installed'
	try_examples fleet "$(page_examples cgguard-fleet.7 |
		sed "s|/usr/local/libexec|$root/share/libexec|")" '
		export ETCDCTL_API=3
		etcd --data-dir etcd >etcd.log 2>&1 &
		until etcdctl endpoint health 2>&1; do :; done >health'
}

@test 'the session in README.md does what it shows' {
	try_examples README "$(sed -n '/^```/,/^```/{/^```/d;p}' "$root/README.md" | grep -v '^make ')"
	[ "$(wc -l <"$root/README.md")" -le 60 ]
}

# Limits of HACKING.md: sizes, and the one direction of includes and calls
@test 'the C code has the shape that HACKING.md describes' {
	yes "$tests_dir/structure"
	matches '^structure: [0-9]+ files, no faults$'
}

@test 'scripts and completions have no errors in their shells' {
	cd "$root"
	yes bash -n completions/cgguard.bash
	yes zsh -n completions/_cgguard
	yes fish -n completions/cgguard.fish
	yes shellcheck -x .ci/run tests/{run,demo,watched,cross-needs,install-deps,helpers.bash} tests/bench/{run,events} tests/fuzz/run \
		tests/machines/{check-*,in-kernel,in-root,fresh-root,foreign-root,verifier,boot/attempt,boot/booted} share/libexec/* \
		completions/cgguard.bash
}

@test 'doc/index.md draws the index as it is compiled' {
	awk '/^```$/ { on = !on; next } /^```text$/ { exit } on' "$root/doc/index.md" >"$BATS_TEST_TMPDIR/ten"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ten")" -eq 10 ]
	diff <(awk '/^```text$/ { on = 1; next } /^```$/ { on = 0 } on' "$root/doc/index.md") \
		<("$BUILD/tests/draw" <"$BATS_TEST_TMPDIR/ten")
}

@test 'the words and the offsets that doc/index.md explains are those of its drawing' {
	local line drawn

	awk '/^```$/ { on = !on; next } /^```text$/ { exit } on' "$root/doc/index.md" >"$BATS_TEST_TMPDIR/ten"
	drawn=$("$BUILD/tests/draw" -x <"$BATS_TEST_TMPDIR/ten")
	awk '/^## A lookup/ { on = 1 } /^## What lies/ { on = 0 } on' "$root/doc/index.md" >"$BATS_TEST_TMPDIR/explained"
	[ "$(grep -c '^[0-9a-f]\{16\}' "$BATS_TEST_TMPDIR/explained")" -eq 3 ]
	while read -r line; do
		[[ $drawn == *"$line"* ]] || { echo "not drawn: $line" && false; }
	done < <(grep -e '^[0-9a-f]\{16\}' "$BATS_TEST_TMPDIR/explained"
		grep -oE "at [1-9][0-9]+" "$BATS_TEST_TMPDIR/explained" | sort -u)
}

@test 'the documents name only existing files and make targets' {
	while read -r file; do
		compgen -G "$root/$file" >/dev/null || { echo "$file: not there" && false; }
	done < <(grep -ohE '`(bpf|lib|cmd|tests|doc|share)/[A-Za-z0-9_./*-]+`' "$root"/*.md "$root"/doc/*.md |
		tr -d '`' | sort -u)
	while read -r target; do
		grep -q "^$target:" "$root/Makefile" || { echo "make $target: no such target" && false; }
	done < <(grep -ohE '(^|`)make [a-z-]+' "$root"/*.md "$root"/doc/*.md | awk '{ print $2 }' | sort -u)
}
