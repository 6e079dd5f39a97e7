#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# effective - cgg-status --effective: every program that judges for a cgroup, ours and others
#
# The other programs allow everything. bpftool attaches them as systemd or a container runtime
# does: above, before, after and below ours. bpftool also tells which programs the kernel runs.
# shellcheck disable=SC2154 # helpers set what new_cgroup names

load ../helpers

others=/sys/fs/bpf/others

setup_file()
{
	local name

	cgg-load
	cd "$BATS_FILE_TMPDIR" || return
	for name in first second third; do
		echo "__attribute__((section(\"cgroup/connect4\"), used)) int $name(void *c) { return 1; }"
	done >others.c
	cat >>others.c <<'END'
__attribute__((section("cgroup/dev"), used)) int sd_devices(void *c) { return 1; }
__attribute__((section("sockops"), used)) int tuner(void *c) { return 1; }
char gpl[] __attribute__((section("license"), used)) = "GPL";
END
	clang -O2 -target bpf -c -o others.o others.c
	mkdir "$others"
	bpftool prog loadall others.o "$others"
}

teardown_file()
{
	clean_up
	rm -rf "$others" /sys/fs/bpf/link
}

setup()
{
	untraced
	new_cgroup top
	new_cgroup web "$top"
	cgg-rule add connect port 1
}

teardown()
{
	cgg-detach -a
	cgg-rule flush
	cgg-rule -p other drop || true
	rm -f /sys/fs/bpf/link
	remove_cgroup "$top"
}

# put CGROUP HOOK PROGRAM [FLAG]
put()
{
	bpftool cgroup attach "$1" "$2" pinned "$others/$3" "${4:-multi}"
}

# put_by FLAGS CGROUP PROGRAM: attach to connect4 with flags that bpftool has no word for; "link" makes a link
put_by()
{
	python3 - "$@" <<'END'
import ctypes, os, struct, sys
flags, cgroup, program = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
number = 321 if os.uname().machine == "x86_64" else 280
def bpf(command, *words):
    attr = ctypes.create_string_buffer(struct.pack("=%dI" % len(words), *words), 128)
    fd = libc.syscall(number, command, attr, 4 * len(words))
    if fd < 0:
        sys.exit(77 if ctypes.get_errno() == 22 else os.strerror(ctypes.get_errno()))
    return fd
def path(name):
    text = ctypes.create_string_buffer(name.encode())
    keep.append(text)
    at = ctypes.addressof(text)
    return at & 0xffffffff, at >> 32
keep = []
program = bpf(7, *path("/sys/fs/bpf/others/" + program), 0, 0)
cgroup = os.open(cgroup, os.O_RDONLY)
if flags == "link":
    bpf(6, *path("/sys/fs/bpf/link"), bpf(28, program, cgroup, 10, 0), 0)
else:
    bpf(8, cgroup, program, 10, int(flags), 0)
END
}

# asked [CGROUP]: print hook, name, cgroup and policy of the programs that judge there
asked()
{
	cgg-status --effective "${1:-$web}" | grep -v '	not asked	' | cut -f 1,3,4,7 | tr '\t' ' '
}

# kernel: print the ids of all programs that the kernel runs for connect4 in $web
kernel()
{
	bpftool -j cgroup show "$web" effective |
		jq -r '.[] | select(.attach_type | test("^(cgroup_inet4_)?connect4?$")) | .id'
}

@test 'a cgroup without any program gives no output' {
	yes cgg-status --effective "$web"
	says ''
	yes cgg-attach -p default "$top"
	cgg-rule flush
	yes cgg-status --effective "$web"
	says ''
}

@test 'all programs are named in the order in which the kernel runs them' {
	put "$web" connect4 first
	yes cgg-attach "$web" "$top"
	put "$web" connect4 second
	put "$top" connect4 third
	yes asked
	says "connect4 name first cgroup $(shown "$web") policy -
connect4 name connect4 cgroup $(shown "$web") policy default
connect4 name second cgroup $(shown "$web") policy -
connect4 name connect4 cgroup $(shown "$top") policy default
connect4 name third cgroup $(shown "$top") policy -
connect6 name connect6 cgroup $(shown "$web") policy default
connect6 name connect6 cgroup $(shown "$top") policy default"
	[ "$(cgg-status --effective "$web" | sed -n 's/^connect4	program \([0-9]*\).*/\1/p')" = "$(kernel)" ]
	yes asked "$top"
	says "connect4 name connect4 cgroup $(shown "$top") policy default
connect4 name third cgroup $(shown "$top") policy -
connect6 name connect6 cgroup $(shown "$top") policy default"
}

@test 'each program of cgguard shows the policy of the cgroup it is attached to' {
	yes cgg-rule -p other add connect port 2
	yes cgg-attach "$web"
	yes cgg-attach -p other "$top"
	yes asked
	matches "^connect4 name connect4 cgroup $(shown "$web") policy default$"
	matches "^connect4 name connect4 cgroup $(shown "$top") policy other$"
}

@test 'a program that was attached to run early is listed where it runs' {
	yes cgg-attach "$web"
	run put_by $((2 | 1 << 6)) "$top" third
	[ "$status" -ne 77 ] || skip 'this kernel cannot attach a program before others'
	status_is 0
	yes asked
	says "connect4 name third cgroup $(shown "$top") policy -
connect4 name connect4 cgroup $(shown "$web") policy default
connect6 name connect6 cgroup $(shown "$web") policy default"
	[ "$(cgg-status --effective "$web" | sed -n 's/^connect4	program \([0-9]*\).*/\1/p')" = "$(kernel)" ]
}

@test 'an overridden program is named last, as not run' {
	put "$top" connect4 third override
	yes cgg-attach -f "$web"
	yes cgg-status --effective "$web"
	matches "^connect4	program [0-9]+	name connect4	cgroup $(shown "$web")	allows multi	link [0-9]+	policy default	uid 0$"
	matches "^connect4	program [0-9]+	name third	cgroup $(shown "$top")	allows override	link -	policy -	not asked	uid 0$"
	[ "$(kernel | wc -l)" -eq 1 ]
	yes cgg-status -j --effective "$web"
	[ "$(jq -c '.effective[] | select(.hook == "connect4") | [.name, .asked]' <<<"$output")" = \
		'["connect4",true]
["third",false]' ]
	yes cgg-status --effective "$top"
	matches '	name third	.*	allows override	link -	policy -	uid 0$'
}

@test 'a program that allows no other beside it is marked so' {
	bpftool cgroup attach "$web" connect4 pinned "$others/first"
	yes cgg-status --effective "$web"
	matches '	name first	.*	allows none	link -	policy -	uid 0$'
}

@test 'a link of another program is shown as not ours' {
	yes cgg-attach "$web"
	put_by link "$web" second
	link=$(bpftool -j link show pinned /sys/fs/bpf/link | jq .id)
	yes cgg-status --effective "$web"
	matches "	name second	cgroup $(shown "$web")	allows multi	link $link	policy -	uid 0$"
}

@test 'the device program of systemd and a hook without rules are shown' {
	new_cgroup service "$web"
	put "$service" device sd_devices
	put "$top" sock_ops tuner
	yes cgg-rule add device c 1:3
	yes cgg-attach "$web"
	yes asked "$service"
	matches "^device name sd_devices cgroup $(shown "$service") policy -$"
	[ "$(grep -E '^(device|sock_ops)' <<<"$output")" = \
		"device name sd_devices cgroup $(shown "$service") policy -
device name device cgroup $(shown "$web") policy default
sock_ops name tuner cgroup $(shown "$top") policy -" ]
}

@test 'control characters in a name do not reach the terminal' {
	odd=$web/$'a\e[2J\tb c'
	mkdir "$odd"
	put "$odd" connect4 first
	yes cgg-status --effective "$odd"
	says "connect4	program $(bpftool -j prog show pinned "$others/first" | jq .id)	name first	\
cgroup $(shown "$web")/a\\x1b[2J\\x09b\\x20c	allows multi	link -	policy -	uid 0"
	yes cgg-status -j --effective "$odd"
	[ "$(jq -r '.effective[0].cgroup' <<<"$output")" = "$(shown "$odd")" ]
}

@test 'JSON has the same content' {
	put "$web" connect4 first
	yes cgg-attach "$web"
	text=$(cgg-status --effective "$web")
	yes cgg-status -j --effective "$web"
	diff <(echo "$text") <(jq -r '.effective[] | "\(.hook)\tprogram \(.program)\tname \(.name)\tcgroup \(.cgroup)\t" +
		"allows \(.allows)\tlink \(.link // "-")\tpolicy \(.policy // "-")\tuid \(.uid)"' <<<"$output")
	[ "$(jq '.effective[0].cgroup_id' <<<"$output")" -eq "$(stat -c %i "$web")" ]
}

@test 'without CAP_SYS_ADMIN names and links of others are question marks, and ours are known' {
	put "$web" connect4 first
	yes cgg-attach "$web"
	yes capsh --drop=cap_sys_admin -- -c "cgg-status --effective '$web'"
	matches "^connect4	program [0-9]+	name \\?	cgroup $(shown "$web")	allows multi	link \\?	policy -	uid \\?$"
	matches "^connect4	program [0-9]+	name connect4	cgroup .*	link [0-9]+	policy default	uid 0$"
	no capsh --drop=cap_net_admin,cap_sys_admin -- -c "cgg-status --effective '$web'"
	status_is 3
}

@test 'cgg-status --effective changes nothing' {
	put "$web" connect4 first
	yes cgg-attach "$web"
	before=$(pins; cgg-status; kernel)
	yes cgg-status --effective "$web"
	[ "$(pins; cgg-status; kernel)" = "$before" ]
}

@test 'without a loaded guard the programs of another guard count as any other' {
	put "$web" connect4 first
	yes cgg-attach "$web"
	yes private cgg-status --effective "$web"
	[ "$(cut -f 1,3,4,7 <<<"$output")" = "connect4	name first	cgroup $(shown "$web")	policy -
connect4	name connect4	cgroup $(shown "$web")	policy -
connect6	name connect6	cgroup $(shown "$web")	policy -" ]
}
