#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# tamper - a guarded process against its guard: without privileges it can do nothing, even as
# root of a user namespace of its own; with privileges it can, as cgguard(7) says
# shellcheck disable=SC2154 # ways sets web and port
load ../ways

# plain COMMAND...: run it in $web, as nobody without any capability
plain()
{
	inside "$web" setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		--bounding-set=-all "$@"
}

ids()
{
	bpftool link show pinned "/sys/fs/bpf/cgguard/links/$(stat -c %i "$web")/connect4" | sed 's/:.*//;q'
	bpftool prog show pinned /sys/fs/bpf/cgguard/progs/connect4 | sed 's/:.*//;q'
	bpftool map show pinned /sys/fs/bpf/cgguard/maps/policies | sed 's/:.*//;q'
}

state()
{
	pins
	cgg-status | grep -v '^events'
	cgg-rule list -i
}

@test 'without capabilities, even as root of a user namespace, a command changes nothing' {
	rule connect port "$port"
	mapfile -t ids < <(ids)
	[ ${#ids[@]} -eq 3 ]
	before=$(state)
	cp "$BUILD/tests/tamper" "$BATS_TEST_TMPDIR/tamper" # that user may be unable to enter its folder
	chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || true
	run plain "$BATS_TEST_TMPDIR/tamper" "$web" "${ids[@]}"
	status_is 0
	[ "$(grep -cv ^userns <<<"$output")" -eq 18 ]
	# Its own root directory is all that it can change there.
	[ "$(grep -vE ' (EPERM|EACCES|EINVAL|EBUSY)$' <<<"$output")" = 'userns the root is changed done' ] ||
		matches '^userns none '
	[ "$(state)" = "$before" ]
	closes tcp 127.0.0.1 "$port"
}

@test 'a guarded process cannot change the guard with the commands of cgguard' {
	rule connect port "$port"
	before=$(state)
	for command in 'cgg-detach -a' 'cgg-unload -f' 'cgg-load -r' 'cgg-rule flush' 'cgg-attach /'; do
		# shellcheck disable=SC2086,SC2016 # words; for the inner shell
		run plain bash -c 'exec -a "$0" /proc/self/fd/9 "$@"' $command 9<"$BUILD/${command%% *}"
		status_is 3
	done
	[ "$(state)" = "$before" ]
	closes tcp 127.0.0.1 "$port"
}

@test 'a guarded process with the needed privileges can detach itself, as cgguard(7) says' {
	rule connect port "$port"
	closes tcp 127.0.0.1 "$port"
	yes inside "$web" cgg-detach "$web"
	opens tcp 127.0.0.1 "$port"
}
