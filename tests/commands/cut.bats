#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cut - --cut of cgg-rule and cgg-attach ends the open connections that the changed policy refuses
#
# shellcheck disable=SC2154 # helpers set web, ports and holder
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways
load ../sockets

setup()
{
	untraced
	new_cgroup web
}

# begin_transaction ADDRESS: a database outside, and a client in $web in the middle of its work
begin_transaction()
{
	rm -f "$BATS_TEST_TMPDIR"/{client,server} # what an earlier transaction printed
	mkfifo "$BATS_TEST_TMPDIR/go"
	start python3 "$tests_dir/database.py" serve "$1" >"$BATS_TEST_TMPDIR/server"
	database=$said
	inside "$web" python3 "$tests_dir/database.py" client "$1" "$database" <>"$BATS_TEST_TMPDIR/go" \
		>"$BATS_TEST_TMPDIR/client" 3>&- &
	started[$!]=client
	wait_for grep begun "$BATS_TEST_TMPDIR/client"
}

# start prints only its first line here; so the server of a transaction is started by hand
start()
{
	"$@" >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
	started[$!]=$1
	wait_for grep . "$BATS_TEST_TMPDIR/server"
	read -r said <"$BATS_TEST_TMPDIR/server"
}

# in_transaction: both ends have seen nothing yet
in_transaction()
{
	[ "$(cat "$BATS_TEST_TMPDIR/client")" = begun ] && [ "$(wc -l <"$BATS_TEST_TMPDIR/server")" -eq 1 ]
}

# was_cut: both ends saw the reset, and nothing was committed
was_cut()
{
	wait_for grep -x reset "$BATS_TEST_TMPDIR/server"
	in_client
}

in_client()
{
	echo >"$BATS_TEST_TMPDIR/go"
	wait_for grep -Ex 'ECONNABORTED|ECONNRESET|EPIPE' "$BATS_TEST_TMPDIR/client"
	! grep commit "$BATS_TEST_TMPDIR/client" "$BATS_TEST_TMPDIR/server"
}

@test 'a database client in the middle of a transaction is cut, and both ends see it' {
	cgg-attach "$web"
	ends_sockets
	begin_transaction 127.0.0.1
	yes cgg-rule add port "$database"
	says ''
	in_transaction
	yes cgg-rule add --cut deny connect port "$database" name again
	says 'cgg-rule: warning: policy default: rule 2 can never decide: rule 1 takes all of it'
	was_cut
}

@test 'a transaction that a change does not refuse goes on' {
	cgg-attach "$web"
	begin_transaction ::1
	yes cgg-rule add --cut -v port 1-2
	says ''
	in_transaction
	echo >"$BATS_TEST_TMPDIR/go"
	wait_for grep -x 'committed 12' "$BATS_TEST_TMPDIR/client"
	wait_for grep -x 'commit 12' "$BATS_TEST_TMPDIR/server"
}

@test 'a rule of net is cut at both ends, though it also refuses the reset' {
	cgg-attach "$web"
	ends_sockets
	for address in 127.0.0.1 ::1; do
		cgg-attach "$web"
		begin_transaction "$address"
		yes cgg-rule add --cut -v deny net port "$database"
		matches "^$(shown "$web")	tcp	.*:$database	established	0	python3,pid=[0-9]+,fd=[0-9]+	deny	default	[0-9]+	deny net port $database$" ||
			matches "	deny connect,sendmsg,egress port $database$"
		was_cut
		cgg-rule flush
		rm "$BATS_TEST_TMPDIR/go"
	done
}

@test 'insert, default, mode and restore cut as well' {
	cgg-attach "$web"
	ends_sockets
	for change in 'insert --cut -v first deny connect port 1-65535' 'default --cut -v connect deny' \
		'restore --cut -v' 'mode --cut -v enforce'; do
		holds out '' listen:tcp:127.0.0.1:0
		port=${ports[0]}
		holds here "$web" "connect:tcp:127.0.0.1:$port"
		[ "${change%% *}" != mode ] || { cgg-rule default connect deny && cgg-rule mode audit; }
		# shellcheck disable=SC2086 # words
		yes cgg-rule $change <<<'default connect deny'
		matches "	127.0.0.1:$port	established	.*	deny	default	"
		yes trial here 0
		says ECONNABORTED
		cgg-rule flush
	done
}

@test 'mode audit cuts nothing' {
	cgg-attach "$web"
	holds out '' listen:tcp:127.0.0.1:0
	holds here "$web" "connect:tcp:127.0.0.1:${ports[0]}"
	cgg-rule mode audit
	yes cgg-rule default --cut -v connect deny
	says ''
	yes trial here 0
	says ok
}

@test 'cgg-attach --cut ends what the policy refuses in these cgroups alone' {
	cgg-attach "$web"
	ends_sockets
	cgg-detach "$web"
	new_cgroup mail
	holds out '' listen:tcp:127.0.0.1:0
	port=${ports[0]}
	holds here "$web" "connect:tcp:127.0.0.1:$port"
	holds there "$mail" "connect:tcp:127.0.0.1:$port"
	cgg-rule add port "$port"
	cgg-attach "$mail"
	yes cgg-attach --cut -v "$web"
	matches "^$(shown "$web")	tcp	.*	deny	default	"
	[ "${#lines[@]}" -eq 1 ]
	yes trial here 0
	says ECONNABORTED
	yes trial there 0
	says ok
	yes cgg-attach --cut "$mail"
	says ''
	yes trial there 0
	says ECONNABORTED
}

@test 'only cgroups of the changed policy are cut, and only by what it refuses' {
	cgg-attach "$web"
	ends_sockets
	cgg-detach "$web"
	new_cgroup mail
	holds out '' listen:tcp:127.0.0.1:0
	port=${ports[0]}
	holds here "$web" "connect:tcp:127.0.0.1:$port"
	holds there "$mail" "connect:tcp:127.0.0.1:$port"
	cgg-rule -p other add port "$port"
	cgg-attach -p other "$mail"
	cgg-attach "$web"
	yes cgg-rule add --cut -v port 9
	says ''
	yes cgg-rule -p other add --cut -v port 9
	matches "^$(shown "$mail")	tcp	"
	[ "${#lines[@]}" -eq 1 ]
	yes trial here 0
	says ok
	yes trial there 0
	says ECONNABORTED
}

@test 'unconnected udp and what listens stay open, connected udp is cut' {
	cgg-attach "$web"
	ends_sockets
	holds here "$web" listen:tcp:127.0.0.1:0 bind:udp:127.0.0.1:0 connect:udp:127.0.0.1:9
	printf '%s\n' 'default connect,bind,sendmsg deny' >"$BATS_TEST_TMPDIR/none"
	yes cgg-rule restore --cut -v "$BATS_TEST_TMPDIR/none"
	matches "^$(shown "$web")	udp	.*	127.0.0.1:9	connected	"
	[ "${#lines[@]}" -eq 1 ]
	[ "$(cgg-sockets | wc -l)" -eq 2 ]
}

@test 'other words of cgg-rule refuse --cut, and -v needs it' {
	no cgg-rule flush --cut
	status_is 2
	says 'cgg-rule: --cut: flush does not take it'
	no cgg-rule add -v port 9
	status_is 2
	says 'cgg-rule: -v: is for --cut'
	no cgg-attach -v "$web"
	status_is 2
	no cgg-rule restore -n --cut /dev/null
	status_is 2
	[ -z "$(cgg-rule list | grep -v '^#')" ]
}
