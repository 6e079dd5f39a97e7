#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# site - `make html': every page opens and every link leads somewhere, on a screen as wide as a phone
#
# Chromium is large, so `make check-site' installs it, and `make deps' does not.

# shellcheck disable=SC2154 # helpers set tests_dir
load ../helpers

root=$tests_dir/..

setup()
{
	untraced
	local command

	for command in chromium chromedriver cmark-gfm mandoc; do
		[ -n "$(type -P "$command")" ] || skip "$command is not installed; make check-site installs it"
	done
	"$root/doc/make-html" "$BATS_TEST_TMPDIR/site" || return
}

# browsed: print the mistakes that the browser finds, and the counts in the last line
browsed()
{
	outside "$tests_dir/package/browse" "$BATS_TEST_TMPDIR/site"
}

@test 'every page of the site opens on a phone, and every link has a target' {
	yes browsed
	matches '^[0-9]+ pages, [0-9]+ links, 0 wrong$'
	# All manual pages are there, each with links of its own.
	for page in "$root"/man/*; do
		[ -s "$BATS_TEST_TMPDIR/site/${page##*/}.html" ]
	done
}

@test 'a broken site is detected: a missing page, anchor or picture, and a page that is too wide' {
	site=$BATS_TEST_TMPDIR/site
	sed -i 's|<main>|&<a href="nosuch.html">a</a><a href="pages.html#nosuch">b</a><img src="no.svg">|' \
		"$site/index.html"
	sed -i 's|<main>|&<div style="width: 900px">wide</div>|' "$site/cgg-run.8.html"
	echo '<h1>alone</h1>' >"$site/alone.html"
	no browsed
	matches '^index.html: no such page: nosuch.html$'
	matches '^index.html: no such place: pages.html#nosuch$'
	matches '^index.html: picture does not load: .*/no.svg$'
	matches '^cgg-run.8.html: 9[0-9][0-9] pixels on a screen of 360$'
	matches '^alone.html: no link leads there$'
}
