#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# questions - whatever a question looks like, only one for an allowed name goes out
#
# QUESTIONS=600 tries for so many seconds; make soak does.
# shellcheck disable=SC2154 # helpers set web and network
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

setup()
{
	untraced
	new_cgroup web
	network
	start nsenter -t "$network" -n python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
print("ready", flush=True)
while True:
    s.recv(4096)'
	net cgg-attach "$web"
}

# The reader here was written from RFC 1035 and the limits in cgguard-names(7).
@test 'damaged questions go out only if another reader finds an allowed name in them' {
	policy 'default dns deny' 'allow dns *.example.com' 'allow dns x.test'
	echo "SEED=${SEED:=$RANDOM}"
	run inside "$web" attempt python "
seconds, seed = ${QUESTIONS:-3}, $SEED"'
import random

random.seed(seed)
names = ["a.example.com", "b.c.Example.COM", "example.com", "xexample.com", "x.test", "a.x.test", "evil.net",
    "a.example.com.evil.net", "www.example.comx", "a" * 63 + ".example.com", ".".join(["bb"] * 38) + ".example.com",
    ".".join(["cc"] * 39) + ".example.com"]


def name_in(m):
    """Return the name of a question that can be read, or None."""
    if len(m) < 12 or m[2] & 0xf8 or m[4:6] != b"\0\1":
        return None
    at, labels = 12, []
    while True:
        if at >= len(m) or m[at] > 63:
            return None
        n = m[at]
        label = m[at + 1:at + 1 + n]
        at += 1 + n
        if not n:
            break
        if at > len(m) or any(c <= 0x20 or c >= 0x7f or c == 0x2e for c in label):
            return None
        labels.append(label.decode().lower())
    name = ".".join(labels)
    return name if name and len(name) <= 127 and m[at + 2:at + 4] == b"\0\1" else None


def damaged(m):
    m = bytearray(m)
    for _ in range(random.randrange(4)):
        how, at = random.randrange(8), random.randrange(len(m))
        if how < 3:
            m[at] ^= 1 << random.randrange(8)
        elif how == 3:
            m[at] = random.choice([0, 1, 3, 7, 12, 46, 63, 64, 192, 255])
        elif how == 4:
            m[at:at] = bytes(random.choice([[0], [192, 12], [3, 110, 101, 116], [46]]))
        elif how == 5:
            del m[at:at + random.randrange(1, 4)]
        elif how == 6:
            m += bytes(random.randrange(256) for _ in range(random.randrange(20)))
        else:
            del m[at:]
        m = m or bytearray(b"\0")
    return bytes(m)


s = connected("127.0.0.53", socket.SOCK_DGRAM)
tries = gone = wrong = 0
end = time.monotonic() + seconds
while time.monotonic() < end or tries < 1001 and time.monotonic() < end + 100:
    m = damaged(query(random.choice(names), random.choice([1, 1, 28, 16])))
    name = name_in(m)
    allowed = bool(name) and (name == "x.test" or (name.endswith(".example.com") and len(name) > 12))
    try:
        s.send(m)
        sent = True
    except PermissionError:
        sent = False
    tries, gone = tries + 1, gone + sent
    if sent != allowed:
        wrong += 1
        if wrong < 9:
            print("sent" if sent else "refused", name, m.hex())
print(tries, "tried,", gone, "went out,", wrong, "wrong")'
	matches '^[0-9]+ tried, [0-9]+ went out, 0 wrong$'
	echo "# $output" >&3
	awk '{ exit !($1 > 1000 && $3 > $1 / 20 && $3 < $1 / 2) }' <<<"$output"
}
