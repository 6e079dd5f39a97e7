#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# html - cgg-status --html writes one page that shows the guard and loads nothing
#
# shellcheck disable=SC2154 # helpers set web, port and tests_dir
# shellcheck disable=SC2016,SC2030,SC2031 # inner shells; run sets output and status

load ../ways

setup()
{
	untraced
	start_server
	cgg-load
	new_cgroup web
	mkdir "$web/sub"
	printf '%s\n' 'default connect deny' "deny connect port $port comment \"<b>&\"" \
		'allow connect host db.example.com inner' | cgg-rule restore
	cgg-attach "$web"
	cgg-rule -p other add alert connect port 1
	cgg-attach -p other "$web/sub"
	cgg-names add db.example.com 192.0.2.7
	run inside "$web" attempt tcp 127.0.0.1 "$port"
	page=$BATS_TEST_TMPDIR/site/index.html
	mkdir "${page%/*}"
}

teardown()
{
	reuse_guard
}

# text: print the text of the page, an element a line
text()
{
	python3 -c '
import html.parser, sys

class Reader(html.parser.HTMLParser):
    def handle_data(self, data):
        print(data)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            assert name not in ("src", "href"), (tag, name, value)
        assert tag not in ("script", "link", "img", "iframe", "b"), tag

Reader().feed(open(sys.argv[1]).read())' "$page"
}

@test 'the page has the cgroups, rules with hits, denials and names, and loads nothing' {
	yes cgg-status --html "$page"
	says ''
	[ "$(stat -c %a "$page")" = 600 ]
	[ "$(ls "${page%/*}")" = index.html ]
	yes text
	for line in "$(shown "$web")" "$(shown "$web/sub")" other db.example.com 192.0.2.7 \
		"deny connect port $port comment \"<b>&\"" 'alert connect port 1' 'allow connect host db.example.com inner'; do
		grep -Fx -e "$line" <<<"$output" || { echo "no $line" && false; }
	done
	matches '2 rules\. default connect deny\.'
	matches "^20.*\[DENY connect4\] pid=.* dport=$port "
	! grep -E 'https?:|@import|url\(' "$page"
}

@test 'the page replaces a file in one step, and a failure leaves the old one' {
	echo old >"$page"
	yes cgg-status --html "$page"
	grep -q '^<!doctype html>' "$page"
	run cgg-status --html "$BATS_TEST_TMPDIR/no/page"
	status_is 3
	no cgg-status --html "$page" -j
	status_is 2
	says 'cgg-status: --html: not with -j, -m or --effective'
	no cgg-status --html "$page" --effective "$web"
	status_is 2
}

@test 'a device, a pipe and a link stay what they are, and - is standard output' {
	mknod "$BATS_TEST_TMPDIR/full" c 1 7
	run cgg-status --html "$BATS_TEST_TMPDIR/full"
	status_is 3
	says "cgg-status: $BATS_TEST_TMPDIR/full: No space left on device"
	[ -c "$BATS_TEST_TMPDIR/full" ]
	run bash -c 'cgg-status --html - >/dev/full'
	status_is 3
	for name in - /dev/stdout /dev/stderr; do
		yes bash -c 'cgg-status --html "$1" | cat' - "$name"
		[[ $output == '<!doctype html>'*'</html>' ]] || complain "$name"
	done
	[ -L /dev/stdout ] && [ ! -e - ]
	echo old >"$page"
	ln -s "$page" "$BATS_TEST_TMPDIR/link"
	yes cgg-status --html "$BATS_TEST_TMPDIR/link"
	[ -L "$BATS_TEST_TMPDIR/link" ]
	grep -q '^<!doctype html>' "$page"
}

@test 'chromium shows the page on a phone' {
	for command in chromium chromedriver; do
		[ -n "$(type -P "$command")" ] || skip "$command is not installed; make check-site installs it"
	done
	long=$web/$(printf 'a%.0s' {1..200})
	mkdir "$long"
	cgg-attach "$long"
	cgg-status --html "$page"
	yes outside "$tests_dir/package/browse" "$BATS_TEST_TMPDIR/site" "$BATS_TEST_TMPDIR"
	matches '^1 pages, 0 links, 0 wrong$'
	[ -s "$BATS_TEST_TMPDIR/index.html.png" ]
}
