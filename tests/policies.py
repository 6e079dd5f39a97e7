# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""policies.py - write policies of random words, and the output of cgg-rule list -j in other forms

policies.py words SEED CGROUP   every word of every hook
policies.py yaml SEED CGROUP    the words that a policy in YAML can have
policies.py as-lines            read list -j, and write a policy file
policies.py as-yaml             the same in YAML
"""
import json
import random
import shlex
import sys

kind, seed, cgroup = (sys.argv[1:] + [""] * 2)[:3]
draw = random.Random(seed)
chance, pick = lambda p: draw.random() < p, draw.choice

def some(make, most, separator=","):
    return separator.join(make() for _ in range(draw.randint(1, most)))

def four():
    return f"{pick([10, 127, 169, 192, 198, 203, 224])}.{draw.randrange(256)}.{draw.randrange(4)}.{draw.randrange(256)}"

def net():
    bits = draw.randint(8, 31)
    return pick([four, four, lambda: f"2001:db8:{draw.randrange(65536):x}::{draw.randrange(1, 65536):x}",
        lambda: f"::ffff:{four()}", lambda: f"10.{draw.randrange(256)}.0.0/16", lambda: "2001:DB8::/32",
        lambda: f"10.1.2.{draw.randrange(100)}-10.1.{draw.randrange(3, 9)}.9", lambda: "0.0.0.0/0",
        lambda: pick(["local", "private", "link-local", "multicast", "metadata", "global"])])()

def set_or_net():
    return "@office" if chance(0.1) else net()

def ports():
    low = draw.randrange(65000)
    return pick([f"{low}", f"{low}-{low + draw.randrange(1, 500)}"])

def owner(names):
    low = draw.randrange(100000)
    return pick([f"{low}", f"{low}-{low + draw.randrange(1, 9999)}", pick(names)])

def name():
    return pick(["", "*."]) + pick(["Example.com", "db.corp.test", f"h{draw.randrange(99)}.example.org"])

def text():
    return "".join(pick("ab #\\\"\u00e9,:{}[]*-") for _ in range(draw.randint(1, 30))).strip() or "x"

def quoted(s):
    return "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\""

def number():
    low = draw.randrange(-1000, 1000)
    return pick([f"{low}", f"{low}-{low + draw.randrange(1, 99)}"])

matches = {
    "ip": lambda: "ip " + some(set_or_net, 5), "port": lambda: "port " + some(ports, 5),
    "proto": lambda: "proto " + some(lambda: pick(["tcp", "udp", "6", "17"] * 5 + ["132", "udplite"]), 3),
    "sport": lambda: "sport " + some(ports, 4), "self": lambda: "self " + some(lambda: pick([four, lambda: "2001:db8::/32", lambda: "10.0.0.3-10.0.0.9"])(), 3),
    "iface": lambda: "iface lo", "uid": lambda: "uid " + owner(["root", "nobody"]),
    "gid": lambda: "gid " + owner(["root", "daemon"]), "cgroup": lambda: "cgroup " + cgroup,
    "value": lambda: "value " + number(), "family": lambda: "family " + pick(["inet", "inet6"]),
    "type": lambda: "type " + pick(["stream", "dgram", "raw"]),
}
call = ["proto", "ip", "port", "uid", "gid", "cgroup"]
packet = ["proto", "ip", "port", "uid", "sport", "iface", "self", "cgroup"]
hooks = {
    "connect": call, "bind": call, "sendmsg": call, "recvmsg": call, "egress": packet, "ingress": packet,
    "connect,sendmsg": call, "net": ["proto", "ip", "port", "uid", "cgroup"], "egress,ingress": packet,
    "flow": ["proto", "ip", "port", "cgroup"], "unix": ["uid", "gid", "cgroup"],
    "socket": ["family", "type", "uid", "gid", "cgroup"], "device": ["uid", "gid", "cgroup"],
    "sysctl": ["uid", "gid", "cgroup", "value"], "setsockopt": ["uid", "gid", "cgroup", "value"],
    "getsockopt": ["uid", "gid", "cgroup"], "dns": ["uid", "cgroup"], "": call,
}

def letters(all):
    return "".join(c for c in all if chance(0.6)) or all

operands = {
    "unix": lambda: quoted(pick(["/run/a b", "/run/x.sock", "@abstract", "@a\\b", "/é*", "*"])),
    "device": lambda: pick([pick("abc") + f" {draw.randrange(300)}:" + pick(["*", str(draw.randrange(99))]),
        "/dev/null", "c *:*"]) + " " + letters("rwm"),
    "sysctl": lambda: pick(["kernel/hostname", "kernel.ostype", "net/ipv4/*", "net.ipv4.conf.lo.forwarding", "*"]),
    "setsockopt": lambda: pick(["SOL_SOCKET:SO_MARK", "6:*", f"{draw.randrange(999)}:{draw.randrange(99)}", "*:*"]),
    "dns": lambda: pick([name, lambda: "*", lambda: "@names"])(),
}
operands["getsockopt"] = operands["setsockopt"]

def rule(n):
    hook = pick(list(hooks)) if kind == "words" else ""
    watch = hook in ("recvmsg", "flow")
    verdict = "alert" if hook == "flow" else pick(["allow", "alert"] if watch else ["allow", "alert", "deny"])
    host = hook in ("connect", "connect,sendmsg", "") and kind == "words" and chance(0.3)
    line = [verdict, hook] + ([operands[hook]()] if hook in operands else [])
    chosen = [m for m in hooks[hook] if chance(0.4) and not (host and m == "ip")]
    if "value" in chosen and hook == "sysctl":
        line.append("w")
    elif hook == "sysctl":
        line.append(letters("rw"))
    line += [matches[m]() for m in chosen]
    if host:
        line.append("host " + pick([name(), "@names", "*"]))
    if not hook and not host and not set(chosen) & {"ip", "port", "proto"}:
        line.append(matches["port"]())
    options = [f"name r-{n}"] if chance(0.3) else []
    options += ["comment " + quoted(text())] if chance(0.3) else []
    if chance(0.2):
        options.append(f"limit {draw.randint(1, 99)}/" + pick("smhd") +
            (f" burst {draw.randint(1, 99)}" if chance(0.5) else ""))
    if kind == "words":
        options += ["quiet"] if chance(0.2) else []
        options += ["ttl " + pick(["90m", "2h", "7d"])] if chance(0.1) else []
        if verdict == "deny" and hook in ("connect", "bind", "sendmsg", "unix", "socket", "device", "sysctl", ""):
            options += ["errno " + pick(["ECONNREFUSED", "EACCES", "ENOENT"])] if chance(0.3) else []
        if host and verdict == "allow":
            options += [o for o in ("inner", "alias") if chance(0.4)]
    draw.shuffle(options)
    return " ".join(w for w in line + options if w)

def write():
    if kind == "words":
        print("resolver 127.0.0.53", "::1" if chance(0.5) else "")
        print(f"names {draw.randint(128, 9999)} keep " + pick(["90s", "5m", "1d"]) if chance(0.5) else "")
        print("mode audit" if chance(0.3) else "")
        for hook in ("connect", "bind,device", "sendmsg", "sysctl", "dns", "egress", "recvmsg", "unix"):
            if chance(0.5):
                verdict = pick(["allow", "alert"] if hook == "recvmsg" else ["allow", "alert", "deny"])
                print("default", hook, verdict, "errno ECONNREFUSED" if verdict == "deny" and
                    hook in ("connect", "bind,device", "unix") and chance(0.5) else "",
                    "quiet" if verdict != "allow" and chance(0.3) else "")
    for n in range(40):
        print(rule(n))


def as_lines():
    policy = json.load(sys.stdin)
    print("mode", policy["mode"])
    print("names", policy["names"]["room"], "keep", str(policy["names"]["keep"]) + "s")
    for address in policy["resolvers"]:
        print("resolver", address)
    for hook, verdict in policy["defaults"].items():
        error = policy["errors"].get(hook)
        print("default", hook, verdict, f"errno {error}" if error else "", "quiet" if hook in policy["quiet"] else "")
    for rule in policy["rules"]:
        print(rule["rule"])


def as_yaml():
    keys = { "ip": "dest_ip", "port": "dest_port" }
    print("rules:")
    for rule in json.load(sys.stdin)["rules"]:
        words = shlex.split(rule["rule"])
        pairs = dict(zip(words[2::2], words[3::2]))
        print("  - action:", words[0])
        for key, to in (("name", "id"), ("comment", "description"), ("limit", "limit"), ("burst", "burst")):
            if key in pairs:
                print(f"    {to}:", json.dumps(pairs[key]))
        match = { keys.get(k, k): v for k, v in pairs.items() if k not in ("name", "comment", "limit", "burst") }
        print("    match:", json.dumps(match))


{"as-lines": as_lines, "as-yaml": as_yaml}.get(kind, write)()
