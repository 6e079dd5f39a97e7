#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# ask - cgg-rule test: how the kernel would judge one operation
#
# The last tests compare its answers with those of an independent walk over the printed list.
# SEED=N repeats one of them; SEED and QUERIES are printed when it fails. ways.bash explains
# the words.
# shellcheck disable=SC2154 # helpers set web and lines
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../ways

setup()
{
	untraced
	new_cgroup web
}

# answers STATUS VERDICT [RULE] -- QUESTION...: the whole output, with tabs between its parts
answers()
{
	local wanted=$2 number=$1

	shift 2
	while [ "$1" != -- ]; do
		wanted+=$'\t'$1
		shift
	done
	shift
	run cgg-rule test "$@"
	says "$wanted"
	status_is "$number"
}

# incomplete SENTENCE QUESTION...
incomplete()
{
	local sentence=$1

	shift
	run cgg-rule test "$@"
	status_is 2
	says "cgg-rule: $sentence"
}

# ---- every hook ----

@test 'each hook answers with its default, and with rules that deny, allow and alert' {
	while read -r hook operation; do
		# shellcheck disable=SC2086 # words
		answers 0 allow default -- $hook $operation
		verdict=deny status=1
		[ "$hook" != recvmsg ] || verdict=alert
		for round in "$verdict" allow alert; do
			# the operation, in the words of a rule
			yes cgg-rule flush
			# shellcheck disable=SC2086 # words
			yes cgg-rule add -i "$round" $hook $operation name n1
			id=$output
			text=$(cgg-rule list)
			expected=0
			[ "$round" != deny ] || expected=1
			# shellcheck disable=SC2086 # words
			answers "$expected" "$round" "$id" "$text" -- $hook $operation
		done
		yes cgg-rule flush
		[ "$hook" = recvmsg ] || {
			yes cgg-rule default "$hook" deny
			# shellcheck disable=SC2086 # words
			answers 1 deny default -- $hook $operation
		}
		yes cgg-rule default "$hook" alert
		# shellcheck disable=SC2086 # words
		answers 0 alert default -- $hook $operation
		yes cgg-rule flush
	done <<'END'
connect ip 10.0.0.1 port 443
connect proto udp ip 2001:db8::1 port 443
bind ip 127.0.0.1 port 80
sendmsg ip 10.0.0.1 port 53
recvmsg ip 10.0.0.1 port 53
egress ip 10.0.0.1 port 443
ingress proto icmp ip 10.0.0.1 port 0
unix /run/docker.sock
unix @/tmp/.X11-unix/X0-and-more-than-16
socket family inet type stream
socket family inet6 type raw proto 58
device c 1:3 r
device b 8:0 w
sysctl kernel/hostname r
sysctl net/ipv4/conf/all/forwarding w
setsockopt SOL_SOCKET:SO_MARK
getsockopt 6:11
END
}

@test 'the answer names the first rule that matches, with the time it has left' {
	yes cgg-rule add -i -f - <<'END'
allow connect ip 10.0.0.0/8 port 443 name db comment "the \"base\""
deny connect ip 10.0.0.0/8 ttl 1h
alert connect port 80-90
END
	ids=("${lines[@]}")
	answers 0 allow "${ids[0]}" 'allow connect ip 10.0.0.0/8 port 443 name db comment "the \"base\""' -- \
		connect ip 10.1.2.3 port 443
	run cgg-rule test connect ip 10.1.2.3 port 444
	status_is 1
	matches "^deny"$'\t'"${ids[1]}"$'\t'"deny connect ip 10.0.0.0/8 ttl 3(600|59[0-9])s$"
	answers 0 alert "${ids[2]}" 'alert connect port 80-90' -- connect ip ::1 port 85
	answers 0 allow default -- connect ip ::1 port 91
}

@test 'a question without proto is about tcp, or udp for messages, or the protocol of the socket type' {
	yes cgg-rule add -f - <<'END'
deny connect,bind,egress proto tcp
deny sendmsg proto udp
alert recvmsg proto udp
deny socket proto tcp
END
	for hook in connect bind egress; do
		no cgg-rule test "$hook" ip ::1 port 1
		yes cgg-rule test "$hook" proto udp ip ::1 port 1
		no cgg-rule test "$hook" proto mptcp ip ::1 port 1
	done
	no cgg-rule test sendmsg ip ::1 port 1
	yes cgg-rule test sendmsg proto tcp ip ::1 port 1
	yes cgg-rule test recvmsg ip ::1 port 1
	matches '^alert'
	no cgg-rule test socket family inet type stream
	yes cgg-rule test socket family inet type dgram
}

@test 'ip local and mapped addresses are answered as the kernel decides them' {
	yes cgg-rule add connect ip local
	for address in 127.0.0.1 127.255.0.1 ::1 ::ffff:127.0.0.1; do
		no cgg-rule test connect ip "$address" port 1
	done
	for address in 128.0.0.1 126.0.0.1 ::2 fe80::1; do
		yes cgg-rule test connect ip "$address" port 1
	done
	yes cgg-rule flush
	yes cgg-rule add connect ip ::/0
	yes cgg-rule test connect ip 10.0.0.1 port 1
	yes cgg-rule test connect ip ::ffff:10.0.0.1 port 1
	no cgg-rule test connect ip ::1 port 1
}

@test 'cgroup asks about that cgroup and those above it; without it the root is meant' {
	new_cgroup below "$web"
	yes cgg-rule add connect cgroup "$web"
	answers 0 allow default -- connect ip ::1 port 1
	no cgg-rule test connect ip ::1 port 1 cgroup "$web"
	no cgg-rule test connect ip ::1 port 1 cgroup "$below"
	yes cgg-rule test connect ip ::1 port 1 cgroup "${web%/*}"
	run cgg-rule test connect ip ::1 port 1 cgroup "$web/none"
	status_is 2
}

@test 'an expired rule is no answer any more' {
	denies_for() { cgg-rule flush && cgg-rule add connect port 1 ttl "$1s" && ! cgg-rule test connect ip ::1 port 1; }
	in_time denies_for
	wait_for cgg-rule test connect ip ::1 port 1
	answers 0 allow default -- connect ip ::1 port 1
}

@test '-p asks another policy, and is refused when there is none of that name' {
	yes cgg-rule -p strict add port 1
	answers 0 allow default -- connect ip ::1 port 1
	run cgg-rule -p strict test connect ip ::1 port 1
	status_is 1
	run cgg-rule -p nobody test connect ip ::1 port 1
	status_is 1
	says 'cgg-rule: policy nobody: there is none; cgg-rule policies lists them'
}

@test 'in audit mode the answer tells what would be denied' {
	rule port 1
	yes cgg-rule mode audit
	answers 1 deny "$id" 'deny connect,sendmsg port 1' -- connect ip ::1 port 1
}

@test 'a question changes nothing and counts nothing' {
	yes cgg-rule add port 1
	before=$(cgg-rule list -s)
	no cgg-rule test connect ip ::1 port 1
	[ "$(cgg-rule list -s)" = "$before" ]
	yes cgg-events -w 0
	says ''
}

# ---- incomplete questions ----

@test 'a question about egress or ingress treats what it leaves out as hidden in the packet' {
	for hook in egress ingress; do
		yes cgg-rule flush
		yes cgg-rule add -f - <<END
alert $hook proto udp ip ::1
allow $hook ip 10.0.0.1
deny $hook proto tcp ip 10.0.0.0/8 port 443
allow $hook proto udp port 53
deny $hook proto udp ip 192.0.2.1
END
		mapfile -t ids < <(cgg-rule list -i | cut -f 1)
		answers 0 allow default -- "$hook" ip 10.0.0.2 port 80
		answers 1 deny "${ids[2]}" "deny $hook proto tcp ip 10.0.0.0/8 port 443" -- "$hook" proto tcp ip 10.0.0.2
		answers 1 deny "${ids[2]}" "deny $hook proto tcp ip 10.0.0.0/8 port 443" -- "$hook" ip 10.0.0.2
		answers 0 allow default -- "$hook" proto udp ip 10.0.0.2
		answers 0 allow "${ids[1]}" "allow $hook ip 10.0.0.1" -- "$hook" ip 10.0.0.1
		answers 0 alert "${ids[0]}" "alert $hook proto udp ip ::1" -- "$hook" proto udp ip ::1
		answers 0 allow default -- "$hook" ip ::1
		answers 1 deny "${ids[4]}" "deny $hook proto udp ip 192.0.2.1" -- "$hook" proto udp ip 192.0.2.1
		answers 1 deny "${ids[2]}" "deny $hook proto tcp ip 10.0.0.0/8 port 443" -- "$hook"
		answers 0 allow default -- "$hook" proto icmp ip 10.0.0.2
	done
}

@test 'an incomplete question has status 2 and names what is missing' {
	incomplete 'test: needs one operation: test HOOK MATCH...'
	for hook in connect bind sendmsg recvmsg egress ingress; do
		incomplete 'test: exactly one address is needed (ip ADDR)' "$hook" port 1
		incomplete 'test: exactly one address is needed (ip ADDR)' "$hook" ip 10.0.0.0/8 port 1
		incomplete 'test: exactly one address is needed (ip ADDR)' "$hook" ip local port 1
		incomplete 'test: exactly one port is needed (port N)' "$hook" ip ::1 port 1-2
	done
	for hook in connect bind sendmsg recvmsg; do
		incomplete 'test: exactly one address is needed (ip ADDR)' "$hook"
		incomplete 'test: exactly one port is needed (port N)' "$hook" ip ::1
	done
	incomplete 'test: exactly one hook is needed' connect,bind ip ::1 port 1
	incomplete 'test: exactly one hook is needed' net ip ::1 port 1
	incomplete 'test: exactly one hook is needed' ip ::1 port 1
	incomplete 'test: exactly one socket is needed (family and type)' socket family inet
	incomplete 'test: exactly one socket is needed (family and type)' socket type raw
	incomplete 'test: exactly one device is needed (c|b MAJOR:MINOR)' device a 1:3 r
	incomplete 'test: exactly one device is needed (c|b MAJOR:MINOR)' device c '1:*' r
	incomplete 'test: exactly one access letter is needed' device c 1:3
	incomplete 'test: exactly one access letter is needed' device c 1:3 rw
	incomplete 'test: exactly one access letter is needed' sysctl kernel/hostname
	incomplete 'test: exactly one name is needed (without *)' sysctl 'kernel/*' r
	incomplete 'test: exactly one name is needed (without *)' unix '/run/*'
	incomplete 'test: exactly one option is needed (LEVEL:NAME)' setsockopt 'SOL_SOCKET:*'
	incomplete 'test: exactly one option is needed (LEVEL:NAME)' getsockopt '*:*'
}

@test 'wrong words are refused in the same sentence as in a rule, with status 2' {
	incomplete 'port 70000: not a port (0 to 65535)' connect ip ::1 port 70000
	incomplete 'port: unix does not take it; it is for connect,bind,sendmsg,recvmsg,egress,ingress,flow' unix /a port 1
	incomplete 'x: not a match or an option' connect ip ::1 port 1 x
	incomplete 'frob: not a verdict, a hook or a match' frob
}

# ---- the reference ----

# compare KINDS POLICIES QUERIES: compare random rules and questions for those kinds of hook
compare()
{
	SEED=${SEED:-$RANDOM$RANDOM} run python3 -c "$reference" "$@"
	status_is 0
	matches "^seed [0-9]+: $(($2 * $3)) answers compared, [1-9][0-9]* by a rule, [1-9][0-9]* by a default$"
}

@test '1000 answers about addresses equal those of a plain walk over the list' {
	compare net 5 200
}

@test '800 answers about names equal those of a plain walk over the list' {
	compare name 4 200
}

@test '800 answers about sockets, devices and options equal those of a plain walk over the list' {
	compare number 4 200
}

reference='
import os, random, socket, subprocess, sys

kinds, policies, queries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seed = int(os.environ["SEED"])
r = random.Random(seed)

def call(*words, text=None):
    return subprocess.run(("cgg-rule",) + words, input=text, capture_output=True, text=True)

# ---- parts of random rules and questions ----

hosts = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "127.0.0.1", "127.9.9.9", "192.0.2.77",
    "::1", "2001:db8::1", "2001:db8::8001", "2001:db8:1::1", "fe80::1", "::ffff:10.0.0.1"]
nets = hosts + ["10.0.0.0/8", "10.0.0.0/31", "10.0.0.0/23", "0.0.0.0/0", "::/0", "2001:db8::/32",
    "2001:db8::/113", "8000::/1", "local", "local"]
ports = [0, 1, 79, 80, 81, 443, 65534, 65535]
protos = ["tcp", "udp", "icmp", "sctp", "47"]
names = {
    "unix": ["/a", "/run/a", "/run/ab", "/run/abcdefghijkl", "/run/abcdefghijklm",
        "/run/abcdefghijklmnopqrstuvwxyz", "/run/abcdefghijklmnopqrstuvwxya", "@a", "@run/a",
        "@abcdefghijklmnopqrstuvwxyz0123456789", "/Run/a"],
    "sysctl": ["kernel/hostname", "kernel/hostnam", "kernel/host", "kernel/domainname",
        "net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv4/conf/lo/forwarding",
        "net/ipv4/conf/lo/forwarding_", "net/ipv6/conf/lo/forwarding", "vm/x"],
}
levels, options = [1, 6, 41], [1, 2, 36]
hooks = dict(net=["connect", "bind", "sendmsg", "recvmsg", "egress", "ingress"],
    name=["unix", "sysctl"], number=["socket", "device", "setsockopt", "getsockopt"])[kinds]
maybe = lambda odds: r.random() < odds

def net_words(one):
    words = []
    if maybe(0.5):
        words += ["proto", r.choice(protos)]
    if one or maybe(0.6):
        words += ["ip", r.choice(hosts if one else nets)]
    if one or maybe(0.6):
        low = r.choice(ports)
        words += ["port", str(low) if one or maybe(0.5) else "%d-%d" % (low, r.randint(low, 65535))]
    return words

def words_of(hook, one):
    if hook in ("unix", "sysctl"):
        name = r.choice(names[hook])
        if not one and maybe(0.1):
            if hook == "unix":
                name = name[:r.randint(min(4, len(name)), len(name))] + "*"
            else:
                name = "/".join(name.split("/")[:r.randint(1, name.count("/"))] + ["*"])
        elif maybe(0.5):
            name += r.choice("xyz") + r.choice("xyz")
        words = [name]
        if hook == "sysctl":
            words.append(r.choice(["r", "w"] if one else ["r", "w", "rw"]))
        return words
    if hook == "device":
        kind = r.choice("cb" if one else "cba")
        number = "%d:%d" % (r.choice([1, 2, 511]), r.choice([0, 3, 9, 70000]))
        if not one and maybe(0.4):
            number = r.choice([number.split(":")[0] + ":*", "*:*"])
        return [kind, number, r.choice("rwm" if one else ["r", "w", "m", "rw", "rwm", "wm"])]
    if hook == "socket":
        words = []
        for key, values in ("family", ["inet", "inet6"]), ("type", ["stream", "dgram", "raw"]):
            if one or maybe(0.6):
                words += [key, r.choice(values)]
        return words + (["proto", r.choice(protos)] if maybe(0.4) else [])
    if hook.endswith("sockopt"):
        words = [str(r.choice(levels)), str(r.choice(options))]
        if not one and maybe(0.3):
            words = r.choice([[words[0], "*"], ["*", "*"]])
        return [":".join(words)]
    return net_words(one)

def any_line():
    hook = [r.choice(hooks)]
    if kinds == "net" and maybe(0.3):
        hook = r.sample(hooks, 2)
    verdict = r.choice(["allow", "alert"] if "recvmsg" in hook else ["deny", "allow", "alert"])
    return " ".join([verdict, ",".join(hook)] + words_of(hook[0], False))

# A rule that no operation can match is refused, so another one is drawn.
def rule_line():
    while True:
        line = any_line()
        if call("restore", "-n", text=line).returncode == 0:
            return line

# ---- the walk, over the printed words ----

numbers = dict(tcp=6, udp=17, icmp=1, sctp=132, gre=47)
proto_number = lambda word: numbers[word] if word in numbers else int(word)
names_of_options = {"SOL_SOCKET": 1, "SOL_TCP": 6, "SOL_IPV6": 41, "SO_DEBUG": 1, "SO_REUSEADDR": 2,
    "SO_MARK": 36, "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "IPV6_ADDRFORM": 1, "IPV6_2292PKTINFO": 2,
    "IPV6_HDRINCL": 36, "TCP_INQ": 36}

def bits(address):
    if ":" not in address:
        return "4", "".join("{:08b}".format(b) for b in socket.inet_aton(address))
    six = "".join("{:08b}".format(b) for b in socket.inet_pton(socket.AF_INET6, address))
    mapped = "0" * 80 + "1" * 16
    return ("4", six[96:]) if six.startswith(mapped) else ("6", six)

def same_net(net, address):
    family, have = bits(address)
    if net == "local":
        return have.startswith("01111111") if family == "4" else have == "0" * 127 + "1"
    base, _, length = net.partition("/")
    of, want = bits(base)
    return of == family and have.startswith(want[:int(length)] if length else want)

def pairs(words):
    return dict(zip(words[::2], words[1::2]))

def option_number(word):
    return word if word == "*" else str(names_of_options.get(word, word))

def matches(words, hook, question):
    if hook not in words[0].split(","):
        return False
    words = words[1:]
    if hook in ("unix", "sysctl"):
        if words[0].endswith("*"):
            if not question[0].startswith(words[0][:-1]):
                return False
        elif words[0] != question[0]:
            return False
        return hook == "unix" or question[1] in words[1]
    if hook == "device":
        have, want = question[1].split(":"), words[1].split(":")
        return words[0] in ("a", question[0]) and question[2] in words[2] and \
            all(w in ("*", h) for w, h in zip(want, have))
    if hook.endswith("sockopt"):
        want = [option_number(word) for word in words[0].split(":")]
        return all(w in ("*", h) for w, h in zip(want, question[0].split(":")))
    have, want = pairs(question), pairs(words)
    usual = "tcp"
    if hook in ("sendmsg", "recvmsg") or have.get("type") == "dgram":
        usual = "udp"
    number = 0 if have.get("type") == "raw" else proto_number(usual)
    if "proto" in have:
        number = proto_number(have["proto"])
    for key, value in want.items():
        if key in ("family", "type") and have[key] != value:
            return False
        if key == "proto" and proto_number(value) != number:
            return False
        if key == "ip" and not same_net(value, have["ip"]):
            return False
        if key == "port":
            low, _, high = value.partition("-")
            if not int(low) <= int(have["port"]) <= int(high or low):
                return False
    return True

def walk(listed, hook, question):
    default = "allow"
    for line in listed:
        id, text = line.split("\t")
        words = text.split()
        if words[0] == "default":
            if hook in words[1].split(","):
                default = words[2]
        elif matches(words[1:], hook, question):
            return "\t".join([words[0], id, text])
    return default + "\tdefault"

by = dict(rule=0, default=0)
for policy in range(policies):
    call("flush")
    text = "".join(rule_line() + "\n" for i in range(50 if kinds == "net" else 30))
    for hook in hooks:
        if maybe(0.5):
            text += "default %s %s\n" % (hook, "alert" if hook == "recvmsg" else "deny")
    done = call("add", "-f", "-", text=text)
    if done.returncode:
        sys.exit("seed %d: %s" % (seed, done.stderr))
    listed = call("list", "-i").stdout.splitlines()
    for i in range(queries):
        hook = r.choice(hooks)
        question = words_of(hook, True)
        done = call("test", hook, *question)
        wanted = walk(listed, hook, question)
        by["default" if wanted.endswith("\tdefault") else "rule"] += 1
        if done.stdout != wanted + "\n" or done.returncode != wanted.startswith("deny"):
            print("\n".join(listed))
            sys.exit("seed %d, test %s %s: is %r, status %d %s, and must be %r" % (
                seed, hook, " ".join(question), done.stdout, done.returncode, done.stderr, wanted))
print("seed %d: %d answers compared, %d by a rule, %d by a default" % (
    seed, policies * queries, by["rule"], by["default"]))
'
