# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cgguard.bash - completes the words of the cgg commands
#
# The tables come first. Words are split only at blanks, because bash would also split 1:3 and ::1.
# Functions print one candidate per line.

# Options; = marks those that take a value.
declare -gA _cgg_options=(
	[cgg-attach]='-p= --policy= -c --create -f --force --cut -v --verbose'
	[cgg-detach]='-a --all'
	[cgg-events]='-o= --output= --otlp --journal -j --json -t --time -n= --count= -w= --wait= --verdict= --hook= --cgroup= --policy='
	[cgg-learn]='--policy= --cgroup= --denied --prefix= --prefix6= --gap= --labels= --sets --answers --uid'
	[cgg-load]='-c --check -r --replace -v --verbose --hooks= --events-size='
	[cgg-names]='-j --json -c= --cgroup='
	[cgg-rule]='-p= --policy='
	[cgg-run]='-p= --policy= -r= --rule= -v --verbose -u= --user= -k= --keep= -e= --env= --clear-env'
	[cgg-set]='-n --dry-run -s --stats -j --json'
	[cgg-sockets]='-j --json --denied -k --kill --unconnected --listening'
	[cgg-status]='-j --json -m --metrics --html= --effective='
	[cgg-top]='-b --batch -d= --delay= -n= --count='
	[cgg-unload]='-f --force'
)

# The words of cgg-rule, and the options that they add.
declare -gA _cgg_words=(
	[add]='-f= --file= -i --id -r --renew --cut -v --verbose'
	[insert]='-i --id --cut -v --verbose'
	[delete]=''
	[list]='-i --id -s --stats -j --json'
	[flush]=''
	[default]='--cut -v --verbose'
	[mode]='--cut -v --verbose'
	[restore]='-n --dry-run --confirm= --cut -v --verbose'
	[confirm]=''
	[diff]=''
	[check]=''
	[edit]='--confirm='
	[test]='--in='
	[drop]=''
	[policies]=''
	[export]=''
)

# The hooks and the matches that they take.
declare -gA _cgg_hooks=(
	[net]='proto ip port uid cgroup'
	[connect]='proto ip host port uid gid cgroup'
	[bind]='proto ip port uid gid cgroup'
	[sendmsg]='proto ip host port uid gid cgroup'
	[recvmsg]='proto ip port uid gid cgroup'
	[egress]='proto ip port sport uid iface self cgroup'
	[ingress]='proto ip port sport uid iface self cgroup'
	[flow]='proto ip port cgroup'
	[unix]='uid gid cgroup'
	[socket]='family type proto uid gid cgroup'
	[device]='uid gid cgroup'
	[sysctl]='uid gid value cgroup'
	[setsockopt]='uid gid value cgroup'
	[getsockopt]='uid gid cgroup'
	[dns]='uid cgroup'
)

# The hooks that have an operand, and the access letters that may follow it.
declare -gA _cgg_operands=(
	[unix]=''
	[device]='r w m rw rwm'
	[sysctl]='r w rw'
	[setsockopt]=''
	[getsockopt]=''
	[dns]=''
)

# The values of a match or an option; quiet, inner and alias take none.
declare -gA _cgg_values=(
	[family]='inet inet6'
	[type]='stream dgram raw'
	[proto]='icmp igmp tcp udp dccp gre esp ah icmpv6 sctp udplite'
	[ip]='local private link-local multicast metadata global'
	[host]=''
	[port]=''
	[sport]=''
	[uid]=''
	[gid]=''
	[iface]=''
	[self]='private link-local multicast metadata global'
	[value]=''
	[cgroup]=''
	[name]=''
	[comment]=''
	[errno]=''
	[ttl]=''
	[limit]=''
	[burst]=''
)
# The words of cgg-run -k.
_cgg_keeps='fds privs caps scopes mounts mounting chroot tty io_uring keys families vsock packet xdp'
_cgg_keeps+=' alg netlink all net_raw net_admin sys_admin bpf perfmon'
_cgg_keeps+=' sys_ptrace mknod syslog sys_module sys_rawio sys_boot dac_read_search'
_cgg_matches='family type proto ip host port sport uid gid iface self value cgroup'
_cgg_rule_options='name comment quiet errno ttl limit burst inner alias'
_cgg_verdicts='allow deny alert'

_cgg_lines()
{
	printf '%s\n' "${1// /$'\n'}"
}

# _cgg_sets [PREFIX]: print the names of the sets
_cgg_sets()
{
	cgg-set list 2>/dev/null | sed "s/^/${1-}/"
}

_cgg_files()
{
	local file

	while read -r file; do
		[ ! -d "$file" ] || file+=/
		echo "$file"
	done < <(compgen -f -- "$1")
}

_cgg_ids()
{
	cgg-rule -p "$1" list -i 2>/dev/null | sed -n 's/^\([0-9]*\)\t.*/\1/p'
}

# _cgg_targets CUR: print targets of the kind that CUR begins with
_cgg_targets()
{
	local mount

	mount=$(findmnt -nfo TARGET -t cgroup2)
	[ -n "$mount" ] || return
	set -- "$1" find "$mount" -mindepth 1 -type d
	case $1 in
	pid:*) (cd /proc && printf 'pid:%s\n' [0-9]*) ;;
	unit:*) "${@:2}" -regex '.*\.\(service\|scope\|slice\)' -printf 'unit:%f\n' ;;
	container:*) "${@:2}" -printf '%f\n' |
		sed -En 's/^(.*-)?([0-9a-f]{64})(\.scope)?$/container:\2/p' ;;
	"$mount"*) "${@:2}" ;;
	/*) "${@:2}" -printf '/%P\n' ;;
	*)
		printf '%s\n' pid: unit: container:
		"${@:2}" -printf '%P\n'
		;;
	esac
} 2>/dev/null

# _cgg_hook_list CUR: print hooks, or CUR with one more hook after its last comma
_cgg_hook_list()
{
	local hook

	for hook in "${!_cgg_hooks[@]}"; do
		if [[ $1 != *,* ]]; then
			echo "$hook"
		elif [ -z "${_cgg_operands[$hook]+has}" ] && [[ ,$1, != *,"$hook",* ]]; then
			echo "${1%,*},$hook"
		fi
	done
}

# _cgg_operand HOOK CUR [WORD]: print operands of the hook
_cgg_operand()
{
	case $1:${3-} in
	device:) printf '%s\n' a b c && find /dev -type b -o -type c ;;
	device:a) echo '*:*' ;;
	device:b) ls /sys/dev/block ;;
	device:c) ls /sys/dev/char ;;
	unix:) awk '$8 ~ /^[\/@]/ { print $8 }' /proc/net/unix ;;
	dns:) _cgg_sets @ ;;
	sysctl:) find /proc/sys -type f -path "/proc/sys/$2*" -printf '%P\n' ;;
	esac 2>/dev/null
}

# _cgg_rule CUR [WORD...]: print the words that may follow these words of a rule
_cgg_rule()
{
	local cur=$1 hooks='' hook word operand=1
	shift

	word=${1:+${*: -1}}
	if [ -n "${_cgg_values[${word:-none}]+has}" ]; then
		[ "$word" != cgroup ] || _cgg_targets "$cur"
		[[ $word != ip && $word != host ]] || _cgg_sets @
		[ "$word" != iface ] || command ls /sys/class/net 2>/dev/null
		[ "$word" != uid ] || compgen -u
		[ "$word" != gid ] || compgen -g
		[ "$word" != host ] || cgg-names 2>/dev/null | cut -f 3
		_cgg_lines "${_cgg_values[$word]}"
		return
	fi
	[ $# -gt 0 ] || _cgg_lines "$_cgg_verdicts"
	[[ " $_cgg_verdicts " != *" ${1-} "* ]] || shift
	if [ $# -eq 0 ]; then
		_cgg_hook_list "$cur"
	elif [[ " $_cgg_matches $_cgg_rule_options " != *" $1 "* ]]; then
		hooks=$1
		shift
	fi
	if [ -n "${_cgg_operands[${hooks:-none}]+has}" ]; then
		[[ $hooks:${1-} != device:[abc] ]] || operand=2
		if [ $# -lt $operand ]; then
			_cgg_operand "$hooks" "$cur" "$@"
			return
		fi
		shift $operand
		[ $# -gt 0 ] || _cgg_lines "${_cgg_operands[$hooks]}"
	fi
	hooks=${hooks:-connect}
	for word in $_cgg_matches $_cgg_rule_options; do
		for hook in ${hooks//,/ }; do
			[[ " ${_cgg_hooks[$hook]-} $_cgg_rule_options " == *" $word "* ]] || continue 2
		done
		[[ " $* " == *" $word "* ]] || echo "$word"
	done
}

# _cgg_rule_word CUR POLICY [WORD...]: print the words that may follow these of cgg-rule
_cgg_rule_word()
{
	local cur=$1 policy=$2 word=${3-}
	[ $# -lt 3 ] || shift
	shift 2

	case $word:$# in
	:*) printf '%s\n' "${!_cgg_words[@]}" ;;
	add:*) _cgg_rule "$cur" "$@" ;;
	insert:0) _cgg_ids "$policy" && _cgg_lines 'first before' ;;
	insert:*)
		[[ $1 == before ]] || set -- before name "$@"
		case $# in
		1) echo name ;;
		2) ;;
		*) _cgg_rule "$cur" "${@:4}" ;;
		esac
		;;
	delete:0) _cgg_ids "$policy" && _cgg_rule "$cur" ;;
	delete:*)
		if [[ $1 == [0-9]* ]]; then
			_cgg_ids "$policy"
		else
			_cgg_rule "$cur" "$@"
		fi
		;;
	default:0) _cgg_hook_list "$cur" ;;
	default:1) _cgg_lines "$_cgg_verdicts" ;;
	default:[2-5]) [[ ${*:$#} == errno ]] || _cgg_lines 'errno quiet' ;;
	mode:0) _cgg_lines 'enforce audit' ;;
	restore:0 | diff:0 | check:0 | export:0) _cgg_files "$cur" ;;
	test:*)
		local _cgg_verdicts='' _cgg_rule_options=''
		_cgg_rule "$cur" "$@"
		;;
	esac
}

# _cgg_candidates CUR COMMAND [WORD...]: print the candidates for the next word of a command
_cgg_candidates()
{
	local cur=$1 command=$2 policy=default options="${_cgg_options[$2]} -h --help -V --version"
	local -a words=()
	shift 2

	while [ $# -gt 0 ]; do
		case $1 in
		-?*)
			if [[ " $options " == *" $1= "* ]]; then
				case $#:$1 in
				1:-p | 1:--policy) cgg-rule policies 2>/dev/null ;;
				1:-u | 1:--user) compgen -u ;;
				1:-k | 1:--keep) _cgg_lines "$_cgg_keeps" ;;
				1:-f | 1:--file | 1:-o | 1:--output) _cgg_files "$cur" ;;
				1:--html) _cgg_files "$cur" ;;
				1:--verdict) _cgg_lines 'deny alert audit' ;;
				1:--hook | 1:--hooks) _cgg_lines "${!_cgg_hooks[*]}" ;;
				1:-c | 1:--cgroup | 1:--effective | 1:--in) _cgg_targets "$cur" ;;
				*:-p | *:--policy) policy=$2 ;;
				esac
				[ $# -gt 1 ] || return
				shift
			fi
			;;
		*) words+=("$1") ;;
		esac
		shift
		[ "$command" = cgg-rule ] || continue
		[ ${#words[@]} -ne 1 ] || options+=" ${_cgg_words[${words[0]}]-}"
		[ ${#words[@]} -lt 2 ] || break
	done
	words+=("$@")

	if [[ $cur == -* ]]; then
		[[ $command = cgg-rule && ${#words[@]} -gt 1 ]] || _cgg_lines "${options//=/}"
		return
	fi
	case $command in
	cgg-attach | cgg-detach | cgg-sockets) _cgg_targets "$cur" ;;
	cgg-rule) _cgg_rule_word "$cur" "$policy" "${words[@]}" ;;
	cgg-learn) _cgg_files "$cur" ;;
	cgg-names) [ ${#words[@]} -gt 0 ] || { printf '%s\n' add flush && _cgg_targets "$cur"; } ;;
	cgg-set)
		case ${#words[@]}:${words[0]-} in
		0:) _cgg_lines 'add delete restore list test drop' ;;
		1:*) _cgg_sets ;;
		2:restore) _cgg_files "$cur" ;;
		esac
		;;
	cgg-run)
		if [ ${#words[@]} -gt 0 ]; then
			_cgg_files "$cur"
		else
			compgen -c -- "$cur"
		fi
		;;
	esac
}

_cgguard()
{
	local line=${COMP_LINE:0:COMP_POINT} cur candidate done=''
	local -a words

	read -ra words <<<"$line"
	[[ $line != *[[:blank:]] ]] || words+=('')
	cur=${words[-1]}
	[[ $cur != *:* || $COMP_WORDBREAKS != *:* ]] || done=${cur%"${cur##*:}"}
	COMPREPLY=()
	while read -r candidate; do
		[[ $candidate =~ ^[A-Za-z0-9_.,:/@+=-]*$ ]] || printf -v candidate %q "$candidate"
		[[ -z $candidate || $candidate != "$cur"* ]] || COMPREPLY+=("${candidate#"$done"}")
	done < <(_cgg_candidates "$cur" "${words[0]##*/}" "${words[@]:1:${#words[@]}-2}")
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace
}

complete -F _cgguard "${!_cgg_options[@]}"
