#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# prometheus - a Prometheus reads the metrics by way of the node exporter, and has data for each alert and panel
#
# All of it runs in a network namespace of its own, with the ports that these programs have by default.
# shellcheck disable=SC2016,SC2034,SC2154 # PromQL has $; clean_up reads started; new_cgroup sets web and other
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../helpers

root=${tests_dir%/*}
network=''

setup()
{
	local program

	for program in prometheus promtool prometheus-node-exporter; do
		[ -n "$(type -P "$program")" ] || skip "$program is not installed; make check-programs installs it"
	done
	network=$CGG_RUN-$BATS_TEST_NUMBER
	ip netns add "$network"
	ip -n "$network" link set lo up
	cgg-load --events-size 16896 # 64 events
	new_cgroup web
	new_cgroup other
	cgg-rule restore - <<<'allow egress port 8'$'\n''deny egress'
	cgg-attach "$web" "$other"
}

teardown()
{
	clean_up
	[ -z "$network" ] || ip netns delete "$network"
}

there()
{
	ip netns exec "$network" "$@"
}

# written: write the metrics, as cgguard-metrics.timer has it done
written()
{
	"$root/share/libexec/cgguard-metrics" "$BATS_TEST_TMPDIR/text"
}

# asks EXPRESSION [TIME]: print the series that it gives
asks()
{
	there curl -sS --data-urlencode "query=$1" ${2:+--data-urlencode "time=$2"} http://127.0.0.1:9090/api/v1/query |
		jq -ce 'if .status == "success" then .data.result[] else error(.error) end'
}

# has_data EXPRESSION: the metrics of now give it a value other than 0
has_data()
{
	written
	asks "($1) != 0"
}

start_prometheus()
{
	mkdir "$BATS_TEST_TMPDIR/text"
	cat >"$BATS_TEST_TMPDIR/prometheus.yml" <<-END
		global:
		  scrape_interval: 1s
		  evaluation_interval: 1s
		rule_files: ['$root/share/prometheus/cgguard.rules.yml']
		scrape_configs:
		  - job_name: node
		    static_configs:
		      - targets: ['127.0.0.1:9100']
	END
	ip netns exec "$network" prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$BATS_TEST_TMPDIR/text" --web.listen-address=127.0.0.1:9100 \
		>"$BATS_TEST_TMPDIR/exporter.log" 2>&1 3>&- &
	started[$!]=exporter
	ip netns exec "$network" prometheus --config.file="$BATS_TEST_TMPDIR/prometheus.yml" --web.listen-address=127.0.0.1:9090 \
		--storage.tsdb.path="$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/prometheus.log" 2>&1 3>&- &
	started[$!]=prometheus
	wait_for has_data cgguard_events_room
	wait_for has_data 'cgguard_attached == 1'
}

# sends CGROUP COUNT PORT: send datagrams from it
sends()
{
	inside "$1" ip netns exec "$network" python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[1])):
    try:
        sock.sendto(b"x", ("127.0.0.1", int(sys.argv[2])))
    except OSError:
        pass' "$2" "$3"
}

# troubles: denials that a reader loses; then nobody reads those of two cgroups
troubles()
{
	sends "$web" 1000 8
	sends "$web" 1000 9
	cgg-events -w 0 >"$BATS_TEST_TMPDIR/lost"
	grep -q LOST "$BATS_TEST_TMPDIR/lost"
	for _ in {1..40}; do
		sends "$web" 1 9
		sends "$other" 1 9
	done
}

# alerts NAME: print the summary of an alert that is pending or fires
alerts()
{
	there curl -sS http://127.0.0.1:9090/api/v1/alerts |
		jq -e --arg name "$1" '.data.alerts[] | select(.labels.alertname == $name) | .annotations.summary'
}

# active NAME: the same, after the metrics of now are written
active()
{
	written
	alerts "$1"
}

@test 'each alert becomes active when its summary is true, and each panel of the dashboard has data' {
	yes promtool check rules "$root/share/prometheus/cgguard.rules.yml"
	start_prometheus
	troubles
	while read -r name; do
		[ "$name" != CgguardGone ] || continue
		wait_for active "$name" || { cgg-status -m && echo "$name is not active" && false; }
		run active "$name"
		[[ $output != *'error'* && $output != *'<no value>'* ]] || complain "$name"
		echo "$name: $output"
	done < <(sed -n 's/.* alert: //p' "$root/share/prometheus/cgguard.rules.yml")
	while IFS=$'\t' read -r title expression; do
		expression=${expression//'$__rate_interval'/1m}
		expression=${expression//'$instance'/127.0.0.1:9100}
		wait_for has_data "$expression" || { echo "no data: $title: $expression" && false; }
		run asks "$expression"
		echo "$title: $output"
	done < <(jq -r '.panels[] | .title + "\t" + .targets[].expr' "$root/share/grafana/cgguard.json")
}

@test 'an alert tells that the guard is gone, and that its metrics are no longer written' {
	start_prometheus
	wait_for eval '! active CgguardGone'
	touch -d '20 minutes ago' "$BATS_TEST_TMPDIR/text/cgguard.prom"
	wait_for alerts CgguardGone
	written
	wait_for eval '! alerts CgguardGone'
}
