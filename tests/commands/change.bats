#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# change - cgg-rule insert and delete by place, name and several ids
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
	says 'cgg-rule: 3: no such rule'
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
	says 'cgg-rule: 4000000: no such rule'
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
