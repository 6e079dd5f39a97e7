#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# change - cgg-rule insert and delete by place, name and several ids; cgg-rule diff
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # each test has its own

load ../helpers

setup()
{
	untraced
	cgg-load
}

teardown()
{
	reuse_guard
}

teardown_file()
{
	clean_up
}

# Print the rules of a policy as "ID PORT", which is all in which these rules differ.
ports()
{
	cgg-rule -p "${1-default}" list -i | sed -E 's/\t.* port ([0-9]+).*/ \1/'
}

@test 'insert first puts a rule before all others, and makes a policy that is not there' {
	run cgg-rule -p first insert -i first port 1
	status_is 0
	says '1
cgg-rule: warning: policy first: is new; cgg-attach -p first TARGET puts it in force' ||
		says 'cgg-rule: warning: policy first: is new; cgg-attach -p first TARGET puts it in force
1'
	yes cgg-rule -p first insert -i first port 2
	says 2
	yes ports first
	says '2 2
1 1'
}

@test 'insert before name puts a rule before the first rule with this name, whatever comments say' {
	cgg-rule -p named add -f - <<-'END'
		port 1 comment "a name x"
		port 2 name xx
		port 3 name x
		port 4 name x
	END
	yes cgg-rule -p named insert before name x port 9 name x
	yes ports named
	says '1 1
2 2
5 9
3 3
4 4'
	yes cgg-rule -p named delete name x
	yes ports named
	says '1 1
2 2'
}

# With so many rules there is an index, and some rules beside it.
@test 'among many rules, insert first and before name find their place' {
	seq 1000 | sed 's/.*/port & name n&/' | cgg-rule -p many restore
	cgg-rule -p many insert first port 2000
	cgg-rule -p many insert before name n500 port 2001
	cgg-rule -p many insert before name n1 port 2002
	cgg-rule -p many insert first port 2003
	yes cgg-rule -p many list
	diff <(sed -E 's/.* port ([0-9]+).*/\1/' <<<"$output") \
		<(echo 2003 && echo 2000 && echo 2002 && seq 499 && echo 2001 && seq 500 1000)
}

@test 'insert first finds its place when the first rules are deleted, and when the image is full' {
	seq 1000 | sed 's/.*/port &/' | cgg-rule -p full restore
	cgg-rule -p full delete 1
	for port in {2000..2099}; do
		cgg-rule -p full insert first port "$port"
	done
	yes ports full
	diff <(cut -d ' ' -f 2 <<<"$output") <(seq 2099 -1 2000 && seq 2 1000)
}

@test 'several ids are deleted in one step, or none of them' {
	seq 6 | sed 's/.*/port &/' | cgg-rule -p several restore
	yes cgg-rule -p several delete 5 1 3
	yes ports several
	says '2 2
4 4
6 6'
	run cgg-rule -p several delete 2 3 4
	status_is 1
	says 'cgg-rule: 3: no such rule; cgg-rule list -i prints the ids'
	yes ports several
	says '2 2
4 4
6 6'
	yes cgg-rule -p several delete 2 4 6
	yes cgg-rule -p several list
	says '# allow everything'
}

@test 'ids of an index and of rules beside it are deleted in one step, and their counts are gone' {
	new_cgroup web
	cgg-rule -p mixed add port 9
	cgg-attach -p mixed "$web"
	seq 1000 | sed 's/.*/alert port &/' | cgg-rule -p mixed restore
	cgg-rule -p mixed insert -i first alert port 2000
	first=$(cgg-rule -p mixed list -i | head -n 1 | cut -f 1)
	fifth=$(cgg-rule -p mixed list -i | sed -n '6s/\t.*//p')
	inside "$web" reach 127.0.0.1 5 || true
	yes cgg-rule -p mixed list -s
	matches "^$fifth	1	0	alert connect,sendmsg port 5$"
	yes cgg-rule -p mixed delete "$fifth" "$first"
	yes ports mixed
	diff <(cut -d ' ' -f 2 <<<"$output") <(seq 1000 | sed 5d)
	[ "$(bpftool -j map dump pinned /sys/fs/bpf/cgguard/maps/counts | jq length)" -eq 0 ]
	# all that are left, but one that does not exist: nothing changes
	# shellcheck disable=SC2046 # they are ids
	run cgg-rule -p mixed delete $(ports mixed | cut -d ' ' -f 1) 4000000
	status_is 1
	says 'cgg-rule: 4000000: no such rule; cgg-rule list -i prints the ids'
	[ "$(ports mixed | wc -l)" -eq 999 ]
	# shellcheck disable=SC2046
	yes cgg-rule -p mixed delete $(ports mixed | cut -d ' ' -f 1)
	yes cgg-rule -p mixed list
	says '# allow everything'
}

@test 'a rule that stays denies while others are deleted by name' {
	start_server
	new_cgroup web
	cgg-rule -p stays add port 1 2>/dev/null
	cgg-attach -p stays "$web"
	{ seq 1000 | sed 's/.*/port & name n/' && echo "port $port"; } | cgg-rule -p stays restore
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule -p stays delete name n
	yes cgg-rule -p stays list
	says "deny connect,sendmsg port $port"
	no inside "$web" reach 127.0.0.1 "$port"
}

@test '-h says that ids are not positions' {
	yes cgg-rule -h
	matches '^An id is not a position: '
}

# left PATTERN: print the seconds that the rules of the policy renewed have left which match
left()
{
	cgg-rule -p renewed list | sed -n "s|.*$1.* ttl \\([0-9]*\\)s\$|\\1|p"
}

@test 'add --renew extends the ttl of an equal rule, which keeps its place, id and count' {
	cgg-rule -p renewed add unix /run/x ttl 100s
	yes cgg-rule -p renewed add -i port 2
	yes cgg-rule -p renewed add -i --renew unix /run/x ttl 900s
	says 1
	[ "$(cgg-rule -p renewed list | wc -l)" -eq 2 ]
	[ "$(left /run/x)" -gt 800 ]
	# never shorter
	yes cgg-rule -p renewed add --renew unix /run/x ttl 10s
	[ "$(left /run/x)" -gt 800 ]
	# without such a rule it is added, and then renewed
	yes cgg-rule -p renewed add --renew -i port 3 ttl 100s
	says 3
	yes cgg-rule -p renewed add --renew -i connect,sendmsg port 3-3 ttl 2h
	says 3
	# a rule for ever stays one
	yes cgg-rule -p renewed add --renew -i port 2 ttl 100s
	says 2
	yes cgg-rule -p renewed list
	matches '^deny connect,sendmsg port 2$'
	[ "$(wc -l <<<"$output")" -eq 3 ]
	run bash -c 'cgg-rule -p renewed add -i --renew port 3 ttl 9h >/dev/full'
	status_is 3
	[ "$(left 'port 3')" -le 7200 ]
}

@test 'add --renew finds a rule of an index, which then holds longer' {
	start_server
	new_cgroup web
	cgg-rule -p renewed add port 1
	cgg-attach -p renewed "$web"
	renewed()
	{
		{ seq 500 | sed 's/.*/port &/' && echo "port $port ttl $1s"; } | cgg-rule -p renewed restore &&
			id=$(cgg-rule -p renewed list -i | sed -n '$s/\t.*//p') &&
			yes cgg-rule -p renewed add -i --renew port "$port" ttl 900s && [ "$output" = "$id" ]
	}
	in_time renewed
	sleep "$seconds.1"
	no inside "$web" reach 127.0.0.1 "$port"
	yes cgg-rule -p renewed list -i
	[[ $(tail -n 1 <<<"$output") == "$id	deny connect,sendmsg port $port ttl "* ]]
	[ "$(wc -l <<<"$output")" -eq 501 ]
}

# Print a policy at random, in which some lines are the same.
random_policy='
import random, sys

random.seed(sys.argv[1])
lines = ["deny connect port %d" % n for n in range(1, 9)] + ["alert device c 1:3", "allow ip local name x",
	"deny unix /run/x comment \"a b\"", "port 99 ttl 500s", "default connect,bind deny", "default bind alert",
	"default device deny", "mode audit", "mode enforce"]
print("\n".join(random.choices(lines, k=random.randrange(1, 24))))
'

# Compare the edits in a directory with the lists: OLD, NEW and EDIT of each number.
check_edits='
import pathlib, re, sys

def table(one, other):
    """The lengths of the longest common subsequences of what follows each pair of places."""
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            best[i][j] = best[i + 1][j + 1] + 1 if one[i] == other[j] else max(best[i + 1][j], best[i][j + 1])
    return best[0][0]

def applies(old, new, edit):
    """Whether the edit, in its order, makes the one list the other."""
    states = {(0, 0)}
    def kept(states):
        todo = list(states)
        while todo:
            i, j = todo.pop()
            if i < len(old) and j < len(new) and old[i] == new[j] and (i + 1, j + 1) not in states:
                states.add((i + 1, j + 1))
                todo.append((i + 1, j + 1))
        return states
    for line in edit:
        states = kept(states)
        if line[0] == "-":
            states = {(i + 1, j) for i, j in states if i < len(old) and old[i] == line[1:]}
        else:
            assert line[0] == "+", line
            states = {(i, j + 1) for i, j in states if j < len(new) and new[j] == line[1:]}
    return (len(old), len(new)) in kept(states)

checked = 0
for path in pathlib.Path(sys.argv[1]).glob("*.edit"):
    old, new, edit = ([re.sub(" ttl .*", " ttl", line) for line in path.with_suffix(kind).read_text().splitlines()
        if line[0] != "#"] for kind in (".old", ".new", ".edit"))
    assert applies(old, new, edit), path
    assert len(edit) == len(old) + len(new) - 2 * table(old, new), path
    checked += 1
print(checked)
'

@test 'diff prints the shortest edit from the list of a policy to the list that restore would make' {
	cd "$BATS_TEST_TMPDIR"
	for ((number = 0; number < 60; number++)); do
		python3 -c "$random_policy" "a$number" | cgg-rule -p old restore
		python3 -c "$random_policy" "b$number" >file
		cgg-rule -p new restore file
		cgg-rule -p old list >"$number.old"
		cgg-rule -p new list >"$number.new"
		run cgg-rule -p old diff file
		printf '%s' "${output:+$output$'\n'}" >"$number.edit"
		if diff <(sed 's/ ttl .*/ ttl/' "$number.old") <(sed 's/ ttl .*/ ttl/' "$number.new") >/dev/null; then
			status_is 0
			says ''
		else
			status_is 1
		fi
	done
	yes python3 -c "$check_edits" .
	says 60
}

@test 'the diff of what list prints is empty, whatever the policy has' {
	{
		echo 'mode audit'
		echo 'default connect,sendmsg deny'
		echo 'deny connect port 1 ttl 1000s comment "x # y"'
		seq 500 | sed 's/.*/deny connect ip 10.0.0.0\/8 port &/'
	} | cgg-rule restore
	cgg-rule insert first unix /a ttl 100s
	cgg-rule list >"$BATS_TEST_TMPDIR/list"
	sleep 1.1 # the ttl that is left gets less
	yes cgg-rule diff "$BATS_TEST_TMPDIR/list"
	says ''
	cgg-rule flush
	yes bash -c 'cgg-rule list | cgg-rule diff'
	says ''
}

@test 'diff shows settings and a ttl that comes or goes, and changes nothing' {
	cgg-rule -p web restore <<<$'default connect deny\nport 1\nport 2 ttl 900s'
	run cgg-rule -p web diff - <<<$'mode audit\ndefault connect,bind deny\nport 1 ttl 60s\nport 2'
	status_is 1
	sed -E 's/ ttl [0-9]+s/ ttl N/' <<<"$output" >"$BATS_TEST_TMPDIR/said"
	diff "$BATS_TEST_TMPDIR/said" - <<-'END'
		-default connect deny
		-deny connect,sendmsg port 1
		-deny connect,sendmsg port 2 ttl N
		+mode audit
		+default connect,bind deny
		+deny connect,sendmsg port 1 ttl N
		+deny connect,sendmsg port 2
	END
	yes cgg-rule -p web list
	matches '^default connect deny$'
	run cgg-rule -p nosuch diff - <<<'port 1'
	status_is 1
	matches '^cgg-rule: policy nosuch: there is none; restore creates it$'
	matches '^\+deny connect,sendmsg port 1$'
	no cgg-rule -p nosuch list
}

@test 'a wrong file has no diff' {
	run cgg-rule diff - <<<$'port 1\nprot 2'
	status_is 2
	says 'cgg-rule: -:2: prot: not a verdict, a hook or a match'
	run bash -c 'cgg-rule diff - <<<"port 1" >/dev/full'
	status_is 3
}

@test 'the diff of a hundred thousand rules in another order is found' {
	seq 100000 | awk '{ printf "connect ip 10.%d.%d.%d\n", $1 / 65536, $1 / 256 % 256, $1 % 256 }' >"$BATS_TEST_TMPDIR/one"
	tac "$BATS_TEST_TMPDIR/one" | sed 5d >"$BATS_TEST_TMPDIR/other"
	cgg-rule restore "$BATS_TEST_TMPDIR/one"
	run timeout $((20 * patience)) cgg-rule diff "$BATS_TEST_TMPDIR/other"
	status_is 1
	[ "$(wc -l <<<"$output")" -eq 199997 ]
}

# Else each next change would repair all attachments: the mark CGG_VERSION_CHANGING stays.
@test 'no change that succeeded is taken for one that was killed' {
	local change

	while read -r change; do
		# shellcheck disable=SC2086 # words
		yes $change
		bpftool -j map lookup pinned /sys/fs/bpf/cgguard/version key 2 0 0 0 |
			grep -qF '"value":["0x00","0x00","0x00","0x00"]' || complain "$change"
	done <<-'END'
		cgg-rule add connect port 9
		cgg-rule add connect host a.example
		cgg-rule add dns *.b.example
		cgg-set add names host a.example
		cgg-set add nets 192.0.2.1
		cgg-set delete nets 192.0.2.1
		cgg-rule -p other default connect deny
		cgg-rule delete connect host a.example
	END
}
