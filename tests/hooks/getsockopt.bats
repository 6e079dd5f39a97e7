#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# getsockopt - the hook getsockopt: which rules it takes, what it does, and attempts to get around it
#
# The kernel asks it after each getsockopt(2), by level and name, before it returns the answer.
# The attempts:
#
#	opens get stream 6 1 4           of a socket, LEVEL NAME and the buffer's SIZE
#	opens thread stream 6 1 4        from a second thread
#	opens groups unix 1 59 8000      of a pair whose maker has 2000 groups
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status
# shellcheck disable=SC2034 # ways reads id and verdict

load ../ways

setup_file()
{
	cc -Wall -Werror -o "$BATS_FILE_TMPDIR/get" -xc - -pthread <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int s, level, name;
static unsigned char value[1 << 20];
static socklen_t len;
static int error;

static void *get(void *unused)
{
	error = getsockopt(s, level, name, value, &len) ? errno : 0;
	return unused;
}

int main(int argc, char **argv)
{
	int family = argv[2][0] == 'u' ? AF_UNIX : !strcmp(argv[2], "inet6") ? AF_INET6 : AF_INET;
	int pair[2], groups = !strcmp(argv[1], "groups");
	static gid_t list[2000];
	socklen_t asked = len = (socklen_t)atoi(argv[5]);
	static const unsigned char untouched[] = { 0xa5, 0xa5, 0xa5, 0xa5 };
	pthread_t thread;

	if (groups) {
		for (gid_t i = 0; i < 2000; i++)
			list[i] = i + 1;
		if (setgroups(2000, list) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return 3;
		s = pair[0];
	} else {
		s = socket(family, !strcmp(argv[2], "dgram") ? SOCK_DGRAM : SOCK_STREAM, 0);
	}
	level = atoi(argv[3]);
	name = atoi(argv[4]);
	memset(value, 0xa5, sizeof(value));
	if (!strcmp(argv[1], "thread")) {
		pthread_create(&thread, 0, get, 0);
		pthread_join(thread, 0);
	} else {
		get(0);
	}
	if (error) {
		if (!strcmp(argv[1], "look") && memcmp(value, untouched, 4))
			printf("%d in spite of ", *(int *)value);
		puts(strerrorname_np(error));
		return 0;
	}
	if (len > asked)
		return 3;
	for (gid_t i = 0; groups && i < 2000; i++)
		if (((gid_t *)value)[i] != i + 1)
			return printf("group %u is wrong\n", i), 0;
	if (argc > 6)
		printf("%d in %u ", *(int *)value, len);
	puts("ok");
}
END
	cgg-load
}

setup()
{
	untraced
	verdict=DENY id=0
	new_cgroup web
	cgg-attach "$web"
}

attempt()
{
	exec "$BATS_FILE_TMPDIR/get" "$@"
}

# ---- which rules it takes ----

@test 'rules take names, numbers, stars, cgroup, every option and verdict' {
	yes cgg-rule add -f - <<END
getsockopt SOL_SOCKET:SO_PEERCRED
getsockopt 1:17
allow getsockopt IPPROTO_TCP:*
alert getsockopt 6:11 name info comment "who asks"
getsockopt SOL_IP:IP_OPTIONS quiet
getsockopt 300:7
getsockopt *:* errno ENOPROTOOPT cgroup $web
END
	yes cgg-rule list
	says "deny getsockopt SOL_SOCKET:SO_PEERCRED
deny getsockopt SOL_SOCKET:SO_PEERCRED
allow getsockopt SOL_TCP:*
alert getsockopt SOL_TCP:TCP_INFO name info comment \"who asks\"
deny getsockopt SOL_IP:IP_OPTIONS quiet
deny getsockopt 300:7
deny getsockopt *:* cgroup $(shown "$web") errno ENOPROTOOPT"
}

@test 'rules refuse proto, ip, port, family, type and a star as the level' {
	for match in 'proto tcp' 'ip ::1' 'port 1' 'family inet' 'type stream'; do
		# shellcheck disable=SC2086 # words
		no cgg-rule add getsockopt 1:17 $match
		status_is 2
		matches "^cgg-rule: ${match% *}: getsockopt does not take it; it is for [a-z,]+$"
	done
	no cgg-rule add getsockopt '*:17'
	status_is 2
	says 'cgg-rule: *:17: an option needs its level'
	no cgg-rule add getsockopt
	status_is 2
	says 'cgg-rule: needs an option: LEVEL:NAME, like SOL_SOCKET:SO_MARK'
}

# ---- names, numbers, stars ----

@test 'a rule by name denies the option' {
	denies getsockopt SOL_SOCKET:SO_TYPE -- getsockopt level=1 optname=3 \
		option=SOL_SOCKET:SO_TYPE -- get stream 1 3 4
	opens get stream 1 4 4
	opens get stream 6 1 4
	reports_nothing
}

@test 'a rule by number denies the option' {
	denies getsockopt 6:1 -- getsockopt level=6 optname=1 option=SOL_TCP:TCP_NODELAY -- \
		get stream 6 1 4
	opens get stream 6 2 4
	reports_nothing
}

@test 'a star closes every option of a level, or every option' {
	rule getsockopt 'SOL_TCP:*'
	closes get stream 6 1 4
	closes get stream 6 11 200
	opens get stream 1 3 4
	rule getsockopt '*:*'
	closes get stream 1 3 4
	closes get dgram 0 1 4
	closes get inet6 41 26 4
	closes get unix 1 3 4
	opens_set=$(inside "$web" python3 -c '
import socket
socket.socket().setsockopt(6, 1, 1)
print("ok")')
	[ "$opens_set" = ok ]
}

@test 'an option that the kernel does not know keeps its error, unless it is denied' {
	rule getsockopt 6:1
	fails_alike ENOPROTOOPT get stream 6 9999 4
	reports_nothing
	rule getsockopt 6:9999
	run inside "$web" attempt get stream 6 9999 4
	says EPERM
	reports getsockopt level=6 optname=9999 option=SOL_TCP:9999
}

@test 'a denial has its own errno, even where the kernel failed with another' {
	rule getsockopt 6:9999 errno EACCES
	run inside "$web" attempt get stream 6 9999 4
	says EACCES
	rule getsockopt SOL_SOCKET:SO_PEERGROUPS
	run inside "$web" attempt groups unix 1 59 7996
	says EPERM
	run outside attempt groups unix 1 59 7996
	says ERANGE
	yes cgg-rule mode audit
	fails_alike ENOPROTOOPT get stream 6 9999 4
}

@test 'a rule for SOL_UDP holds for UDP-Lite too' {
	rule getsockopt SOL_UDP:UDP_CORK
	closes get dgram 17 1 4
	closes get dgram 136 1 4
	opens get dgram 136 102 4
}

@test 'options that are not denied give the same answer' {
	for option in '1 3' '1 7' '1 8' '6 1' '6 2' '6 13' '0 2'; do
		# shellcheck disable=SC2086 # words
		said=$(attempt get stream $option 16 value)
		[[ $said == *ok ]]
		rule getsockopt 6:9999
		# shellcheck disable=SC2086 # words
		run inside "$web" attempt get stream $option 16 value
		says "$said"
	done
}

# ---- values larger than a page ----

@test 'a buffer larger than a page works as any other' {
	for size in 4 4095 4096 4097 8192 65536; do
		said=$(attempt get stream 6 11 "$size" value)
		[[ $said == *ok ]]
		rule getsockopt 6:9999
		run inside "$web" attempt get stream 6 11 "$size" value
		says "$said"
	done
	rule getsockopt SOL_TCP:TCP_INFO
	for size in 4 4096 4097 65536; do
		closes get stream 6 11 "$size"
	done
}

@test 'an answer larger than a page arrives whole when it is allowed' {
	yes outside attempt groups unix 1 59 8000
	says ok
	rule getsockopt 6:9999
	rule alert getsockopt SOL_SOCKET:SO_PEERGROUPS
	opens groups unix 1 59 8000
	verdict=ALERT reports getsockopt level=1 optname=59 option=SOL_SOCKET:SO_PEERGROUPS
	opens groups unix 1 59 100000
	fails_alike ERANGE groups unix 1 59 7996
}

@test 'an answer larger than a page says EPERM when it is denied' {
	rule getsockopt SOL_SOCKET:SO_PEERGROUPS
	run inside "$web" attempt groups unix 1 59 8000
	says EPERM
	reports getsockopt level=1 optname=59 option=SOL_SOCKET:SO_PEERGROUPS
}

# ---- verdicts, order, defaults, options ----

@test 'alert allows and reports' {
	rule alert getsockopt SOL_SOCKET:SO_TYPE
	opens get stream 1 3 4
	verdict=ALERT reports getsockopt level=1 optname=3 option=SOL_SOCKET:SO_TYPE
}

@test 'an allow list allows what it names and nothing else' {
	yes cgg-rule default getsockopt deny
	rule allow getsockopt SOL_SOCKET:SO_TYPE
	opens get stream 1 3 4
	reports_nothing
	closes get stream 1 4 4
	id=0 reports getsockopt level=1 optname=4 option=SOL_SOCKET:SO_ERROR
	yes cgg-rule default getsockopt alert
	opens get stream 1 4 4
	id=0 verdict=ALERT reports getsockopt level=1 optname=4 option=SOL_SOCKET:SO_ERROR
}

@test 'errno, name and quiet work' {
	rule getsockopt SOL_SOCKET:SO_TYPE errno ENOPROTOOPT name kind
	run inside "$web" attempt get stream 1 3 4
	says ENOPROTOOPT
	yes cgg-events -w 0
	matches " policy=default rule=$id label=kind$"
	rule getsockopt 6:1 quiet errno EACCES
	run inside "$web" attempt get stream 6 1 4
	says EACCES
	reports_nothing
}

# ---- attempts to get around it ----

@test 'a second thread does not get around a rule' {
	denies getsockopt 6:1 -- getsockopt level=6 optname=1 option=SOL_TCP:TCP_NODELAY -- \
		thread stream 6 1 4
}

@test 'open: the kernel has written the answer before it asks the hook, even if the hook denies' {
	yes outside attempt look stream 1 3 4 value
	says '1 in 4 ok'
	rule getsockopt SOL_SOCKET:SO_TYPE
	run inside "$web" attempt look stream 1 3 4 value
	says '1 in spite of EPERM'
}

@test 'a rule that names TCP_ZEROCOPY_RECEIVE is refused, since the kernel does not ask the hook' {
	no cgg-rule add getsockopt SOL_TCP:TCP_ZEROCOPY_RECEIVE
	status_is 2
	says 'cgg-rule: SOL_TCP:TCP_ZEROCOPY_RECEIVE: the kernel runs no program for it'
}

@test 'a cgroup below, a user namespace and a network namespace do not get around a rule' {
	new_cgroup below "$web"
	rule getsockopt SOL_SOCKET:SO_TYPE
	run inside "$below" attempt get stream 1 3 4
	says EPERM
	for kind in '--user --map-root-user' --net; do
		# shellcheck disable=SC2086 # options
		run inside "$web" unshare $kind "$BATS_FILE_TMPDIR/get" get stream 1 3 4
		says EPERM
	done
}
