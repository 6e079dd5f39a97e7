#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# install - make install puts each file in its place; one version, one licence
# shellcheck disable=SC2016 # an inner shell's own
# shellcheck disable=SC2030,SC2031 # each test has its own

load ../helpers

root=${tests_dir%/*}

setup()
{
	untraced
	cd "$root" || return
	dest=$BATS_TEST_TMPDIR/dest
}

# in_dest TARGET [VARIABLE=VALUE...]: run make for it with DESTDIR=$dest
in_dest()
{
	yes make -s BUILD="$BUILD" DESTDIR="$dest" "${@:2}" "$1"
	says ''
}

# put MODE FOLDER FILE...: print how they must be installed; the rest are links
put()
{
	local file mode=$1 folder=$2

	shift 2
	for file; do
		echo "f $mode $folder/${file##*/}"
	done
}

# expected PREFIX: print every file
expected()
{
	local page

	put 755 "$1/sbin" cmd/cgg-*.c | sed 's/\.c$//'
	put 755 "$1/libexec" share/libexec/*
	for page in man/*; do
		put 644 "$1/share/man/man${page##*.}" "$page"
	done
	put 644 "$1/lib/systemd/system" share/systemd/*.{service,timer}
	put 644 "$1/share/cgguard" share/systemd/guarded.conf
	put 644 "$1/lib/udev/rules.d" share/udev/*
	put 644 "$1/share/cgguard/policies" share/policies/*
	put 644 "$1/share/cgguard/containers" share/containers/*
	put 644 "$1/share/cgguard/prometheus" share/prometheus/*
	put 644 "$1/share/cgguard/grafana" share/grafana/*
	put 644 "$1/share/vim/vimfiles/syntax" share/vim/syntax/cgguard.vim
	put 644 "$1/share/vim/vimfiles/ftdetect" share/vim/ftdetect/cgguard.vim
	put 644 "$1/share/nano" share/nano/cgguard.nanorc
	put 644 "$1/share/cgguard" share/textmate/cgguard.tmLanguage.json
	put 644 "$1/share/bash-completion/completions" completions/cgguard.bash
	put 644 "$1/share/zsh/site-functions" completions/_cgguard
	put 644 "$1/share/fish/vendor_completions.d" completions/cgguard.fish
	put 777 "$1/share/bash-completion/completions" cmd/cgg-*.c | sed 's/^f/l/; s/\.c$//'
}

@test 'make install puts every file where it belongs below PREFIX, and uninstall removes it' {
	for prefix in /usr /usr/local /opt/x; do
		in_dest install PREFIX="$prefix"
		diff <(expected "$prefix" | sort) \
			<(find "$dest" ! -type d -printf '%y %m /%P\n' | sort)
		# A file of somebody else there stays.
		touch "$dest$prefix/sbin/another"
		in_dest uninstall PREFIX="$prefix"
		[ "$(find "$dest" ! -type d)" = "$dest$prefix/sbin/another" ]
		[ ! -e "$dest$prefix/share/cgguard" ]
		rm -r "$dest"
	done
	in_dest install
	in_dest uninstall PREFIX=/usr/local # the default
	[ -z "$(find "$dest" ! -type d)" ]
}

@test 'installed files name installed paths, with the prefix' {
	in_dest install PREFIX=/opt/x
	run grep -rI /usr/local/ "$dest"
	says ''
	while read -r path; do
		[ -x "$dest$path" ] || { echo "$path: not there" && false; }
	done < <(sed -n '/^Exec/s/.*\(\/opt\/x\/[^ ]*\).*/\1/p' "$dest"/opt/x/lib/systemd/system/*)
	[ "$(man -M "$dest/opt/x/share/man" -w cgg-rule)" = "$dest/opt/x/share/man/man8/cgg-rule.8" ]
	for command in "$dest"/opt/x/sbin/*; do
		[ "$(realpath "$dest/opt/x/share/bash-completion/completions/${command##*/}")" = \
			"$dest/opt/x/share/bash-completion/completions/cgguard.bash" ]
	done
	# another folder for units, as a distribution may have it
	in_dest install PREFIX=/usr UNITDIR=/lib/systemd/system
	[ -f "$dest/lib/systemd/system/cgguard.service" ]
}

@test 'commands, NEWS and package have the same version' {
	version=$(sed -n 's/^VERSION = //p' Makefile)
	for command in "$BUILD"/cgg-*; do
		[[ $("$command" --version) == *" $version" ]]
	done
	[ "$(sed -n '/^[0-9.]*$/{/[0-9]/{p;q}}' NEWS)" = "$version" ]
	[[ $(head -n 1 debian/changelog) == "cgguard ($version) "* ]]
}

@test 'every source file has its licence in its first lines' {
	while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause' ||
			{ echo "$file: has no SPDX line" && false; }
	done < <(find . -path ./.git -prune -o -path "./${BUILD##*/}" -prune -o -path ./build -prune -o \
		-type f ! -path './tests/fuzz/corpus/*' ! -path './debian/*' ! -name '*.md' ! -name '*.table' \
		! -name '*.svg' ! -name '*.txt' ! -path './share/containers/*.json' ! -name LICENSE ! -name NEWS ! -name '.*' -print)
	# debian/copyright covers the rest of debian/
	grep -q SPDX debian/rules
	[ "$(sed -n '/^License: .* or /p' debian/copyright)" = 'License: GPL-2.0-only or BSD-2-Clause' ]
}

# fake_managers NAME...: make commands here that record how they are called, and what install-deps needs
fake_managers()
{
	local tool

	for tool in bash awk grep id cat env tee chmod rm; do
		ln -s "$(command -v "$tool")" .
	done
	printf '#!/bin/bash\necho "${0##*/} $*" >>asked\n' | tee "$@" >/dev/null
	chmod +x "$@"
	export POLICY_RC_D=$PWD/policy-rc.d
}

@test 'make deps uses the names of Fedora where there is dnf, and reports what is not available' {
	cd "$BATS_TEST_TMPDIR"
	fake_managers dnf
	# everything that was asked for once is installed, except etcd
	printf '#!/bin/bash\n[ "$3" != etcd ] && grep -qsw -e "$3" asked\n' >rpm
	chmod +x rpm
	PATH=. run bash "$root/tests/install-deps"
	status_is 0
	matches 'install-deps: etcd is not available here; what needs it will fail$'
	for name in clang glibc-devel kernel-headers libbpf-devel elfutils-libelf-devel zlib-devel libyaml-devel \
		jansson-devel pkgconf-pkg-config bpftool libcmocka-devel compiler-rt libasan iproute procps-ng ShellCheck; do
		grep -qw -e "$name" asked || { cat asked && echo "no $name" && false; }
	done
	no grep -E -- '-dev( |$)|iproute2|shellcheck' asked
}

@test 'make deps uses alternative names only where apt does not know the first' {
	cd "$BATS_TEST_TMPDIR"
	fake_managers apt-get
	echo '[ -x "$POLICY_RC_D" ] || echo services start >>asked' >>apt-get
	printf '#!/bin/bash\n[ "$2" != bpftool ]\n' >apt-cache
	printf '#!/bin/bash\nfor name in "${@:3}"; do ! grep -qsw -e "$name" asked || echo "installed $name"; done\n' >dpkg-query
	chmod +x apt-cache dpkg-query
	PATH=. run bash "$root/tests/install-deps"
	status_is 0
	grep -q '^apt-get install .* linux-tools-common linux-tools-generic ' asked
	grep -qw libbpf-dev asked
	no grep -w bpftool asked
	no grep 'services start' asked
	[ ! -e "$POLICY_RC_D" ]
	# and it runs no package manager when everything is there
	cp asked asked.before
	PATH=. run bash "$root/tests/install-deps"
	status_is 0
	says ''
	cmp asked asked.before
}
