# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# setups - 20 sites allowed in three ways: rules by name, dnsmasq with an nftables set, a proxy
#
# A namespace has the sites, their DNS at 198.51.100.53 and that of an attacker at 198.51.100.98. Each way
# has a namespace with a program that may reach only the sites: by rules by name, or by what nftables lets
# through. dnsmasq runs beside the program, the proxy beside the sites.
# shellcheck disable=SC2154,SC2034 # tests/bench/run sets tmp, tests, rounds, quick and said

setups()
{
	local count=10000 i way

	[ -z "$quick" ] || count=500
	mapfile -t sites < <(seq -f 'site%.0f.test' 20)
	sites_start
	printf '\n20 sites allowed in several ways, %d connects; microseconds, medians\n' "$count"
	printf '%-26s %9s %16s %8s\n' '' connect 'ask and connect' failed
	ways=()
	for way in nothing ours dnsmasq proxy; do
		way_network "$way"
		"way_$way" || { skipped "setups: $way" && continue; }
		ways+=("$way")
	done
	printf '\nwhat gets through\n'
	paste -d '\t' "${ways[@]/#/$tmp/try-}" | awk -F'\t' -v ways="${ways[*]}" '
		NR == 1 { n = split(ways, way, " "); printf "%-58s", ""; for (i = 1; i <= n; i++) printf " %9s", way[i]; print "" }
		{ printf "%-58s", $2; for (i = 1; i <= n; i++) printf " %9s", $(2 * i - 1); print "" }'
	stop_all
	cgg-detach --all
	cgg-rule flush
}

sites_start()
{
	local zone=() i

	network sites && in_network sites ip link set lo up &&
		in_network sites ip route add local 198.51.100.0/24 dev lo &&
		in_network sites ip addr add 10.0.0.5/32 dev lo || exit
	for i in {1..20}; do
		zone+=("site$i.test=198.51.100.$i")
	done
	zone+=(other.test=198.51.100.1 evil.test=198.51.100.99 inner.test=10.0.0.5)
	start nsenter --net="/run/netns/$CGG_RUN-sites" python3 "$tests/names.py" serve 198.51.100.53 "${zone[@]}"
	start nsenter --net="/run/netns/$CGG_RUN-sites" python3 "$tests/names.py" serve 198.51.100.98 \
		"${sites[@]/%/=198.51.100.99}"
	start nsenter --net="/run/netns/$CGG_RUN-sites" python3 "$tests/bench/setups.py" serve
	[ "$said" = ready ] || exit
}

# way_network WAY: make a namespace that reaches the sites, and 10.0.0.5
way_network()
{
	local number=${#ways[@]}

	network "$1" && ip link add veth0 netns "$CGG_RUN-$1" type veth peer name "$1" netns "$CGG_RUN-sites" || exit
	in_network sites ip addr add "10.78.$number.1/24" dev "$1"
	in_network sites ip link set "$1" up
	in_network "$1" ip addr add "10.78.$number.2/24" dev veth0
	in_network "$1" ip link set veth0 up
	in_network "$1" ip link set lo up
	in_network "$1" ip route add default via "10.78.$number.1"
}

# measured WAY DNS PROXY FORGET [CGROUP]: print a line of the table; keep what gets through
measured()
{
	local way=$1 connect first failed run=(in_network "$1")

	[ -z "${5-}" ] || run=(inside "$5" nsenter --net="/run/netns/$CGG_RUN-$1")
	"${run[@]}" python3 "$tests/bench/setups.py" proof "$2" "$3" "$count" "$4" "${sites[@]}" >"$tmp/proof" || return
	read -r connect first failed <"$tmp/proof"
	printf '%-26s %9d %16d %8d\n' "$way" "$connect" "$first" "$failed"
	"${run[@]}" python3 "$tests/bench/setups.py" try "$2" "$3" site1.test >"$tmp/try-$way"
}

way_nothing()
{
	measured nothing 198.51.100.53 - true
}

# inner.test is allowed, as are the sites: who owns it decides where it leads.
way_ours()
{
	new_cgroup by_name || exit
	{
		printf '%s\n' 'resolver 198.51.100.53' 'names 4096 keep 1s' 'default connect,sendmsg,dns deny' \
			'allow connect,sendmsg ip 198.51.100.53 port 53'
		printf 'allow dns %s\n' "${sites[@]}" inner.test
		printf 'allow connect host %s port 8080\n' "${sites[@]}" inner.test
	} | sed "s/keep 1s/keep ${1:-1h}/" | in_network ours cgg-rule restore && in_network ours cgg-attach "${by_name:?}" &&
		measured ours 198.51.100.53 - 'cgg-names flush' "$by_name" || return
	# what gets through is asked once more with a short time
	cgg-rule list | sed 's/keep .*/keep 1s/' | in_network ours cgg-rule restore && cgg-names flush &&
		inside "$by_name" nsenter --net="/run/netns/$CGG_RUN-ours" python3 "$tests/bench/setups.py" try \
			198.51.100.53 - site1.test >"$tmp/try-ours"
}

way_dnsmasq()
{
	local names

	has dnsmasq 'setups: dnsmasq' && has nft 'setups: dnsmasq' || return
	names=$(printf '%s/' "${sites[@]}" inner.test)
	in_network dnsmasq nft -f - <<-END || return
		table inet f {
			set allowed { type ipv4_addr; }
			chain out { type filter hook output priority 0; policy drop
				oif lo accept
				ct state established,related accept
				ip daddr 198.51.100.53 udp dport 53 accept
				ip daddr @allowed tcp dport 8080 accept
				ip daddr @allowed udp dport 8080 accept
			}
		}
	END
	start_quietly dnsmasq dnsmasq -k -C /dev/null -u root -x "$tmp/pid" --no-resolv --no-hosts \
		--server=198.51.100.53 --listen-address=127.0.0.1 --bind-interfaces \
		"--nftset=/${names}4#inet#f#allowed"
	wait_for in_network dnsmasq python3 "$tests/bench/setups.py" proof 127.0.0.1 - 1 true site1.test &&
		measured dnsmasq 127.0.0.1 - 'nft flush set inet f allowed'
}

way_proxy()
{
	local number=${#ways[@]}

	has tinyproxy 'setups: proxy' && has nft 'setups: proxy' || return
	in_network proxy nft -f - <<-END || return
		table inet f {
			chain out { type filter hook output priority 0; policy drop
				ip daddr 10.78.$number.1 tcp dport 8888 accept
			}
		}
	END
	printf '^%s$\n' "${sites[@]}" inner.test | sed 's/\./\\./g' >"$tmp/filter"
	printf 'nameserver 198.51.100.53\n' >"$tmp/resolv.conf"
	printf '%s\n' 'Port 8888' "Listen 10.78.$number.1" 'MaxClients 100' 'LogLevel Error' "LogFile \"$tmp/log\"" \
		"Filter \"$tmp/filter\"" 'FilterExtended On' 'FilterDefaultDeny Yes' 'ConnectPort 8080' 'Timeout 10' \
		>"$tmp/tinyproxy.conf"
	# shellcheck disable=SC2016 # for the inner shell
	start_quietly sites unshare -m sh -c 'mount --bind "$0/resolv.conf" /etc/resolv.conf && exec tinyproxy -d -c "$0/tinyproxy.conf"' "$tmp"
	wait_for in_network proxy python3 "$tests/bench/setups.py" proof - "10.78.$number.1:8888" 1 true site1.test &&
		measured proxy - "10.78.$number.1:8888" true
}

# start_quietly NETWORK COMMAND...: start it there, without its output
start_quietly()
{
	# shellcheck disable=SC2016 # for the inner shell
	start nsenter --net="/run/netns/$CGG_RUN-$1" sh -c 'echo started && exec "$@" >/dev/null 2>&1' sh "${@:2}"
}
