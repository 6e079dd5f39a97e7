#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# forms - cgg-events writes files that are rotated, records of OpenTelemetry, entries of journald
#
# shellcheck disable=SC2154 # helpers set web and port
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2016 # for python and jq

load ../ways

setup()
{
	untraced
	start_server
	new_cgroup web
	cgg-attach "$web"
	rule connect port "$port" name db
}

denial()
{
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	says EPERM
}

udp_flow()
{
	yes inside "$web" python3 "$tests_dir/flows.py" udp to 127.0.0.1 9
}

# writer OPTION...: start cgg-events with -o FILE, and wait until it has opened it
writer()
{
	file=$BATS_TEST_TMPDIR/events
	cgg-events -o "$file" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	writer=$!
	started[$!]=cgg-events
	wait_for test -e "$file"
}

lines()
{
	[ "$(wc -l <"$1")" -eq "$2" ]
}

@test '-o appends to a file that only its owner reads, and SIGHUP opens it again' {
	writer -j
	[ "$(stat -c %a "$file")" = 600 ]
	denial
	wait_for lines "$file" 1
	mv "$file" "$file.1"
	denial
	wait_for lines "$file.1" 2
	kill -HUP "$writer"
	wait_for test -e "$file"
	denial
	wait_for lines "$file" 1
	[ "$(wc -l <"$file.1")" -eq 2 ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	kill -TERM "$writer"
	wait_for is_gone "$writer"
	cgg-events -o "$file" -w 0 # nothing is left
	denial
	cgg-events -o "$file" -w 0
	[ "$(wc -l <"$file")" -eq 2 ]
}

@test 'when the file cannot be opened again, a warning says so and no event is lost' {
	mkdir "$BATS_TEST_TMPDIR/logs"
	cgg-events -o "$BATS_TEST_TMPDIR/logs/events" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	writer=$!
	started[$!]=cgg-events
	wait_for test -e "$BATS_TEST_TMPDIR/logs/events"
	mv "$BATS_TEST_TMPDIR/logs" "$BATS_TEST_TMPDIR/old"
	kill -HUP "$writer"
	wait_for grep -x "cgg-events: $BATS_TEST_TMPDIR/logs/events: No such file or directory" "$BATS_TEST_TMPDIR/err"
	denial
	wait_for lines "$BATS_TEST_TMPDIR/old/events" 1
}

@test 'without -o SIGHUP ends cgg-events' {
	cgg-events >/dev/null 3>&- &
	writer=$!
	started[$!]=cgg-events
	wait_for eval 'readlink /proc/$writer/fd/* | grep eventpoll'
	kill -HUP "$writer"
	wait_for is_gone "$writer"
}

@test 'a file that cannot be opened or written gives status 3' {
	run cgg-events -w 0 -o "$BATS_TEST_TMPDIR/no/file"
	status_is 3
	says "cgg-events: $BATS_TEST_TMPDIR/no/file: No such file or directory"
	denial
	run cgg-events -w 0 -o /dev/full
	status_is 3
	says 'cgg-events: /dev/full: No space left on device'
}

# Read lines of OTLP/JSON as strictly as opentelemetry-proto v1 (logs.proto, common.proto) has them:
# no unknown key, integers of 64 bits as strings, enumerations as numbers, one kind for each value.
read_otlp='
import json, re, sys

def keys(thing, needed, allowed=()):
    assert set(needed) <= set(thing) <= set(needed) | set(allowed), thing

def attributes(all):
    found = {}
    for one in all:
        keys(one, ["key", "value"])
        (kind, value), = one["value"].items()
        assert kind == "stringValue" and isinstance(value, str) or \
            kind == "intValue" and re.fullmatch("-?[0-9]+", value), one
        assert one["key"] not in found
        found[one["key"]] = value
    return found

for line in sys.stdin:
    logs = json.loads(line)
    keys(logs, ["resourceLogs"])
    for resource in logs["resourceLogs"]:
        keys(resource, ["resource", "scopeLogs"], ["schemaUrl"])
        keys(resource["resource"], ["attributes"])
        assert attributes(resource["resource"]["attributes"])["service.name"] == "cgguard"
        for scope in resource["scopeLogs"]:
            keys(scope, ["scope", "logRecords"], ["schemaUrl"])
            keys(scope["scope"], ["name", "version"])
            for record in scope["logRecords"]:
                keys(record, ["timeUnixNano", "observedTimeUnixNano", "severityNumber",
                              "severityText", "body", "attributes"])
                assert re.fullmatch("[0-9]{19}", record["timeUnixNano"])
                assert 1 <= record["severityNumber"] <= 24
                keys(record["body"], ["stringValue"])
                print(record["severityNumber"], record["severityText"], record["timeUnixNano"],
                      json.dumps(attributes(record["attributes"]), sort_keys=True),
                      record["body"]["stringValue"], sep="\t")
'

@test 'OpenTelemetry records have the form of the protocol, and all that the event has' {
	before=$(date +%s%N)
	denial
	rule alert connect ip 127.0.0.2
	run inside "$web" attempt tcp 127.0.0.2 9
	cgg-rule mode audit
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	rule alert flow proto udp
	cgg-events -j >"$BATS_TEST_TMPDIR/json" 3>&- &
	started[$!]=cgg-events
	wait_for lines "$BATS_TEST_TMPDIR/json" 3
	cgg-rule mode enforce
	cgg-events --otlp -o "$BATS_TEST_TMPDIR/otlp" 3>&- &
	started[$!]=cgg-events
	wait_for test -e "$BATS_TEST_TMPDIR/otlp"
	wait_for eval 'cgg-status | grep -c ^reader | grep 2'
	denial
	cgg-rule mode audit
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	run inside "$web" attempt tcp 127.0.0.2 9
	udp_flow
	wait_for lines "$BATS_TEST_TMPDIR/otlp" 4
	wait_for lines "$BATS_TEST_TMPDIR/json" 7
	yes python3 -c "$read_otlp" <"$BATS_TEST_TMPDIR/otlp"
	[ "$(cut -f 1-2 <<<"$output")" = $'13\tDENY\n9\tAUDIT\n10\tALERT\n10\tALERT' ]
	matches '"cgguard.datagrams_sent": "1".*\[ALERT flow_udp\]'
	[ "$(head -n 1 <<<"$output" | cut -f 3)" -gt "$before" ]
	[ "$(head -n 1 <<<"$output" | cut -f 3)" -lt "$(date +%s%N)" ]
	[[ $(head -n 1 <<<"$output" | cut -f 5) == "[DENY connect4] pid="*" label=db"* ]]
	# the attributes are the keys of the JSON, but for the time
	diff <(tail -n 4 "$BATS_TEST_TMPDIR/json" | jq -cS 'del(.time) |
			with_entries(.key |= "cgguard." + . | .value |= tostring)') \
		<(cut -f 4 <<<"$output" | jq -cS .)
}

# Start a receiver of OpenTelemetry, give it lines, and print the records that it has then.
give_otlp='
import json, sqlite3, subprocess, sys, time
from urllib.request import HTTPError, Request, URLError, urlopen

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
receiver = subprocess.Popen([sys.argv[1], "--transport", "http", "--persist", sys.argv[2]],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def give(line):
    request = Request("http://127.0.0.1:4318/v1/logs", line.encode(),
                      {"Content-Type": "application/json"})
    while True:
        assert receiver.poll() is None
        try:
            return urlopen(request)
        except HTTPError:
            raise
        except URLError:
            time.sleep(0.1)

for line in sys.stdin:
    assert give(line).status == 200
receiver.terminate()
receiver.wait()
for row in sqlite3.connect(sys.argv[2]).execute(
        "select service_name, severity_text, attributes from log_records order by id"):
    print(*row[:2], json.dumps(json.loads(row[2]), sort_keys=True, separators=(",", ":")), sep="\t")
'

@test 'a receiver of OpenTelemetry takes denials and flows' {
	receiver=$BUILD/otlp/node_modules/.bin/autotel-mcp
	[ -x "$receiver" ] || skip 'autotel-mcp is not installed; make check-programs installs it'
	[ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || skip 'it needs Node.js 20'
	for form in -j --otlp; do
		cgg-events $form -o "$BATS_TEST_TMPDIR/$form" 3>&- &
		started[$!]=cgg-events
		wait_for test -e "$BATS_TEST_TMPDIR/$form"
	done
	wait_for eval 'cgg-status | grep -c ^reader | grep 2'
	rule alert flow
	denial
	udp_flow
	run inside "$web" python3 "$tests_dir/flows.py" end reset
	wait_for lines "$BATS_TEST_TMPDIR/-j" 4
	wait_for lines "$BATS_TEST_TMPDIR/--otlp" 4
	run unshare -n timeout $((60 * patience)) python3 -c "$give_otlp" "$receiver" "$BATS_TEST_TMPDIR/records" \
		<"$BATS_TEST_TMPDIR/--otlp"
	status_is 0
	diff <(cut -f 1-2 <<<"$output") <(printf 'cgguard\t%s\n' DENY ALERT ALERT ALERT)
	diff <(cut -f 3 <<<"$output") \
		<(jq -cS 'del(.time) | with_entries(.key |= "cgguard." + .)' "$BATS_TEST_TMPDIR/-j")
}

@test 'lost events are an ERROR of OpenTelemetry' {
	cgg-unload -f
	cgg-load --events-size 16384
	cgg-attach "$web"
	cgg-rule add port "$port"
	cgg-events --otlp 3>&- >"$BATS_TEST_TMPDIR/otlp" &
	reader=$!
	started[$!]=cgg-events
	wait_for eval 'readlink /proc/$reader/fd/* | grep eventpoll'
	kill -STOP "$reader"
	inside "$web" python3 -c '
import socket, sys
for i in range(int(sys.argv[2])):
    try:
        socket.socket().connect((f"127.0.{1 + i // 250}.{1 + i % 250}", int(sys.argv[1])))
    except PermissionError:
        pass' "$port" 2000
	kill -CONT "$reader"
	wait_for eval 'python3 -c "$read_otlp" <"$BATS_TEST_TMPDIR/otlp" | grep "^17	LOST"'
	cgg-unload -f
	cgg-load
}

# A journal of our own: print each field of each entry that it gets, one a line.
journal='
import os, socket, sys
os.makedirs("/run/systemd/journal", exist_ok=True)
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
one.bind("/run/systemd/journal/socket")
print("ready", flush=True)
while True:
    entry = one.recv(1 << 20)
    while entry:
        name, _, rest = entry.partition(b"\n")
        if b"=" not in name:
            length = int.from_bytes(rest[:8], "little")
            name, rest = name + b"=" + rest[8:8 + length], rest[8 + length + 1:]
        print(name, flush=True)
        entry = rest
    print("end", flush=True)
'

@test 'journald gets an entry with a field for each key' {
	run cgg-events -w 0 --journal
	[ -e /run/systemd/journal/socket ] || status_is 3
	mkdir -p /run/systemd
	mount -t tmpfs none /run/systemd
	python3 -c "$journal" >"$BATS_TEST_TMPDIR/journal" 3>&- &
	started[$!]=journal
	wait_for grep ready "$BATS_TEST_TMPDIR/journal"
	denial
	yes cgg-events -w 0 --journal
	says ''
	wait_for grep -x end "$BATS_TEST_TMPDIR/journal"
	grep "^b'MESSAGE=\[DENY connect4\] pid=" "$BATS_TEST_TMPDIR/journal"
	for field in PRIORITY=4 SYSLOG_IDENTIFIER=cgguard CGG_HOOK=connect4 CGG_VERDICT=deny CGG_DADDR=127.0.0.1 \
		"CGG_DPORT=$port" "CGG_CGROUP=$(shown "$web")" "CGG_RULE=$id" CGG_LABEL=db CGG_POLICY=default; do
		grep -Fx "b'$field'" "$BATS_TEST_TMPDIR/journal" || { echo "no $field" && false; }
	done
	rule alert flow proto udp
	udp_flow
	yes cgg-events -w 0 --journal
	for field in PRIORITY=5 CGG_HOOK=flow_udp CGG_OPENED=here CGG_SENT=5 CGG_DATAGRAMS_SENT=1; do
		wait_for grep -Fx "b'$field'" "$BATS_TEST_TMPDIR/journal"
	done
	# a command may have a name of any bytes
	cp "$(command -v cat)" "$BATS_TEST_TMPDIR/"$'a\nPRIORITY=0'
	rule device /dev/null
	run inside "$web" "$BATS_TEST_TMPDIR/"$'a\nPRIORITY=0' /dev/null
	yes cgg-events -w 0 --journal
	wait_for grep -Fx "b'CGG_COMM=a\\nPRIORITY=0'" "$BATS_TEST_TMPDIR/journal"
	! grep -Fx "b'PRIORITY=0'" "$BATS_TEST_TMPDIR/journal"
	# and the name of an abstract socket, too
	cgg-rule add unix '@*' 2>/dev/null || { umount -l /run/systemd && return; } # before Linux 6.7
	for form in --journal --otlp; do
		run inside "$web" python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(b"\0a\0b")'
		yes cgg-events -w 0 $form
	done
	matches '"@a\\u0000b"'
	wait_for grep -Fx "b'CGG_PATH=@a\\x00b'" "$BATS_TEST_TMPDIR/journal"
	umount -l /run/systemd
}

@test 'the forms exclude each other' {
	for words in '-j --otlp' '--otlp --journal' '--journal -j'; do
		# shellcheck disable=SC2086 # words
		no cgg-events -w 0 $words
		status_is 2
		says 'cgg-events: -j, --otlp or --journal, one of them'
	done
	no cgg-events -w 0 --journal -o "$BATS_TEST_TMPDIR/file"
	status_is 2
}
