# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cgguard.fish - completes the words of the cgg commands
#
# The tables come first: the subcommands of cgg-rule, and the hooks with the matches and the access
# letters that they take.

set -g __cgg_words add insert delete list flush default mode restore confirm diff check edit test drop policies export
set -g __cgg_hooks net connect bind sendmsg recvmsg egress ingress flow unix socket device \
    sysctl setsockopt getsockopt dns
set -g __cgg_verdicts allow deny alert
set -g __cgg_matches family type proto ip host port sport uid gid iface self value cgroup
set -g __cgg_keeps fds privs caps scopes mounts mounting chroot tty io_uring keys families vsock \
    packet xdp alg netlink all net_raw net_admin sys_admin bpf perfmon \
    sys_ptrace mknod syslog sys_module sys_rawio sys_boot dac_read_search
set -g __cgg_rule_options name comment quiet errno ttl limit burst inner alias

function __cgg_takes --argument-names hook
    switch "$hook"
        case socket
            printf '%s\n' family type proto uid gid cgroup
        case sysctl setsockopt
            printf '%s\n' uid gid value cgroup
        case unix device getsockopt
            printf '%s\n' uid gid cgroup
        case dns
            printf '%s\n' uid cgroup
        case connect sendmsg
            printf '%s\n' proto ip host port uid gid cgroup
        case bind recvmsg
            printf '%s\n' proto ip port uid gid cgroup
        case flow
            printf '%s\n' proto ip port cgroup
        case egress ingress
            printf '%s\n' proto ip port sport uid iface self cgroup
        case '*'
            printf '%s\n' proto ip port uid cgroup
    end
end

# Print the access letters that may follow the operand; return 1 if the hook has no operand.
function __cgg_letters --argument-names hook
    switch "$hook"
        case device
            printf '%s\n' r w m rw rwm
        case sysctl
            printf '%s\n' r w rw
        case unix setsockopt getsockopt dns
        case '*'
            return 1
    end
end

# Print the values of a match or an option; return 1 for any other word.
function __cgg_values --argument-names key
    switch "$key"
        case family
            printf '%s\n' inet inet6
        case type
            printf '%s\n' stream dgram raw
        case proto
            printf '%s\n' icmp igmp tcp udp dccp gre esp ah icmpv6 sctp udplite
        case ip
            printf '%s\n' local private link-local multicast metadata global
            string replace -r '^' @ (__cgg_sets)
        case host
            string replace -r '^' @ (__cgg_sets)
            cgg-names 2>/dev/null | cut -f 3
        case self
            printf '%s\n' private link-local multicast metadata global
        case iface
            command ls /sys/class/net
        case uid
            getent passwd | string replace -r ':.*' ''
        case gid
            getent group | string replace -r ':.*' ''
        case cgroup
            __cgg_targets
        case port sport value name comment errno ttl limit burst
        case '*'
            return 1
    end
end

# Print the words after the command, without options; after the first word of a rule there are none.
function __cgg_said
    set -l said
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        if not set -q said[2]; and string match -qr -- '^-.' $tokens[1]
            if contains -- $tokens[1] -p --policy -f --file --in
                set -e tokens[1]
            end
        else
            set -a said $tokens[1]
        end
        set -e tokens[1]
    end
    string join -- \n $said
end

function __cgg_policy
    set -l tokens (commandline -opc)
    set -l at (contains -i -- -p $tokens; or contains -i -- --policy $tokens)
    and set -q tokens[(math $at + 1)]
    and echo $tokens[(math $at + 1)]
    or echo default
end

function __cgg_policies
    cgg-rule policies 2>/dev/null
end

function __cgg_sets
    cgg-set list 2>/dev/null
end

function __cgg_ids
    cgg-rule -p (__cgg_policy) list -i 2>/dev/null | string match -r '^[0-9]+(?=\t)'
end

function __cgg_targets
    set -l mount (findmnt -nfo TARGET -t cgroup2 2>/dev/null)
    or return
    set -l below (find $mount -mindepth 1 -type d 2>/dev/null)
    switch (commandline -ct)
        case 'pid:*'
            printf 'pid:%s\n' (string match -r '[0-9]+' /proc/*)
        case 'unit:*'
            string replace -r '.*/' unit: (string match -r '.*\.(?:service|scope|slice)$' $below)
        case 'container:*'
            string replace -fr '.*[/-]([0-9a-f]{64})(\.scope)?$' 'container:$1' $below
        case "$mount*"
            string join \n $below
        case '/*'
            string replace $mount '' $below
        case '*'
            printf '%s\n' pid: unit: container:
            string replace $mount/ '' $below
    end
end

# Print the hooks, or the current word with one more hook after its last comma.
function __cgg_hook_list
    set -l said (string split , (commandline -ct))
    set -e said[-1]
    for hook in $__cgg_hooks
        if not set -q said[1]
            echo $hook
        else if not contains $hook $said; and not __cgg_letters $hook >/dev/null
            string join , $said $hook
        end
    end
end

function __cgg_operand --argument-names hook type
    switch "$hook:$type"
        case device:
            printf '%s\n' a b c (find /dev -type b -o -type c 2>/dev/null)
        case device:a
            echo '*:*'
        case device:b
            command ls /sys/dev/block
        case device:c
            command ls /sys/dev/char
        case unix:
            string match -r '[/@]\\S*$' </proc/net/unix
        case sysctl:
            find /proc/sys -type f -printf '%P\n' 2>/dev/null
    end
end

# Print the words that may follow these words of a rule.
function __cgg_rule
    set -l keys $__cgg_matches $__cgg_rule_options
    set -l hooks
    if __cgg_values $argv[-1]
        return
    end
    if not set -q argv[1]
        string join \n $__cgg_verdicts
    else if contains -- $argv[1] $__cgg_verdicts
        set -e argv[1]
    end
    if not set -q argv[1]
        __cgg_hook_list
    else if not contains -- $argv[1] $keys
        set hooks (string split , -- $argv[1])
        set -e argv[1]
    end
    if __cgg_letters "$hooks[1]" >/dev/null
        set -l operand 1
        if test $hooks[1] = device; and contains -- "$argv[1]" a b c
            set operand 2
        end
        if test (count $argv) -lt $operand
            __cgg_operand $hooks[1] $argv
            return
        end
        set -e argv[1..$operand]
        if not set -q argv[1]
            __cgg_letters $hooks[1]
        end
    end
    set -q hooks[1]; or set hooks connect
    for key in $keys
        set -l taken yes
        for hook in $hooks
            contains $key (__cgg_takes $hook) $__cgg_rule_options
            or set taken no
        end
        if test $taken = yes; and not contains $key $argv
            echo $key
        end
    end
end

# Print the words that may follow the current words of cgg-rule.
function __cgg_rule_words
    set -l said (__cgg_said)
    set -l count (count $said)
    switch "$said[1]"
        case ''
            string join \n $__cgg_words
        case add
            __cgg_rule $said[2..-1]
        case insert
            if test $count -eq 1
                __cgg_ids
                printf '%s\n' first before
            else if test $said[2] != before
                __cgg_rule $said[3..-1]
            else if test $count -eq 2
                echo name
            else if test $count -gt 3
                __cgg_rule $said[5..-1]
            end
        case delete
            if test $count -eq 1; or string match -qr '^[0-9]' -- "$said[2]"
                __cgg_ids
            end
            if not string match -qr '^[0-9]' -- "$said[2]"
                __cgg_rule $said[2..-1]
            end
        case default
            if test $count -eq 1
                __cgg_hook_list
            else if test $count -eq 2
                string join \n $__cgg_verdicts
            else if test "$said[-1]" != errno
                printf '%s\n' errno quiet
            end
        case mode
            if test $count -eq 1
                printf '%s\n' enforce audit
            end
        case test
            for word in (__cgg_rule allow $said[2..-1])
                contains $word $__cgg_rule_options
                or echo $word
            end
    end
end

# __cgg_behind WORD...: return whether one of them is the only word yet, so that its options fit
function __cgg_behind
    set -l said (__cgg_said)
    test (count $said) -eq 1; and contains -- $said[1] $argv
end

function __cgg_nothing_said
    test -z (__cgg_said | string collect)
end

function __cgg_options
    test (count (__cgg_said)) -le 1
end

for command in cgg-attach cgg-detach cgg-events cgg-learn cgg-load cgg-names cgg-rule cgg-run \
        cgg-set cgg-sockets cgg-status cgg-top cgg-unload
    complete -c $command -e
    complete -c $command -f
end
for command in cgg-attach cgg-detach cgg-events cgg-learn cgg-load cgg-names cgg-run \
        cgg-set cgg-sockets cgg-status cgg-top cgg-unload
    complete -c $command -s h -l help -d 'print how it is used'
    complete -c $command -s V -l version -d 'print the version'
end

complete -c cgg-attach -a '(__cgg_targets)'
complete -c cgg-attach -s p -l policy -xa '(__cgg_policies)' -d 'attach to this policy'
complete -c cgg-attach -s c -l create -d 'make the cgroup'
complete -c cgg-attach -s f -l force -d 'allow the root cgroup, and links that switch off other programs'
complete -c cgg-attach -l cut -d 'then end the connections that the policy refuses'
complete -c cgg-attach -s v -l verbose -d 'with --cut: print what was ended'

complete -c cgg-detach -a '(__cgg_targets)'
complete -c cgg-detach -s a -l all -d 'detach every cgroup'

complete -c cgg-events -s j -l json -d 'as JSON'
complete -c cgg-events -l otlp -d 'as OpenTelemetry log records'
complete -c cgg-events -l journal -d 'send the events to journald'
complete -c cgg-events -s o -l output -rF -d 'append to this file'
complete -c cgg-events -s t -l time -d 'begin lines with the time'
complete -c cgg-events -s n -l count -x -d 'end after this many events'
complete -c cgg-events -s w -l wait -x -d 'end after this many seconds without an event'
complete -c cgg-events -l verdict -xa 'deny alert audit' -d 'only events with this verdict'
complete -c cgg-events -l hook -xa '$__cgg_hooks' -d 'only events of this hook'
complete -c cgg-events -l cgroup -xa '(__cgg_targets)' -d 'only events of cgroups attached there or below'
complete -c cgg-events -l policy -xa '(__cgg_policies)' -d 'only events of this policy'

complete -c cgg-learn -F
complete -c cgg-learn -l policy -xa '(__cgg_policies)' -d 'only events of this policy'
complete -c cgg-learn -l cgroup -xa '(__cgg_targets)' -d 'only events of cgroups attached there or below'
complete -c cgg-learn -l denied -d 'print rules that would allow the denials'
complete -c cgg-learn -l prefix -x -d 'join IPv4 addresses with the same first bits'
complete -c cgg-learn -l prefix6 -x -d 'join IPv6 addresses with the same first bits'
complete -c cgg-learn -l gap -x -d 'join ports with at most this many between them'
complete -c cgg-learn -l labels -x -d 'join DNS names with the same last labels'
complete -c cgg-learn -l sets -d 'write addresses and names that a set contains as the set'
complete -c cgg-learn -l answers -d 'allow a packet of a server by its source port'
complete -c cgg-learn -l uid -d 'allow a call only to the users who made it'

complete -c cgg-load -s c -l check -d 'print which hooks this kernel loads'
complete -c cgg-load -s r -l replace -d 'replace the programs of a loaded guard'
complete -c cgg-load -s v -l verbose -d 'print the messages of the kernel about programs'
complete -c cgg-load -l hooks -x -a '(__cgg_hook_list)' -d 'also load the programs of these hooks'
complete -c cgg-load -l events-size -x -d 'size of the ring of events, in bytes'

complete -c cgg-names -n __cgg_nothing_said -a 'add flush (__cgg_targets)'
complete -c cgg-names -s j -l json -d 'as JSON'
complete -c cgg-names -s c -l cgroup -xa '(__cgg_targets)' -d 'add, flush: only for this cgroup'

complete -c cgg-rule -a '(__cgg_rule_words)'
complete -c cgg-rule -n __cgg_options -s h -l help -d 'print how it is used'
complete -c cgg-rule -n __cgg_options -s V -l version -d 'print the version'
complete -c cgg-rule -n __cgg_options -s p -l policy -xa '(__cgg_policies)' -d 'policy'
complete -c cgg-rule -n '__cgg_behind add' -s f -l file -rF -d 'every rule in a file'
complete -c cgg-rule -n '__cgg_behind add insert list' -s i -l id -d 'with ids'
complete -c cgg-rule -n '__cgg_behind add' -s r -l renew -d 'extend the ttl of an equal rule'
complete -c cgg-rule -n '__cgg_behind list' -s s -l stats -d 'with ids, hits and bytes'
complete -c cgg-rule -n '__cgg_behind restore diff check export' -F
complete -c cgg-rule -n '__cgg_behind restore' -s n -l dry-run -d 'only check the file'
complete -c cgg-rule -n '__cgg_behind restore edit' -l confirm -x -d 'undo the change unless confirmed in time'
complete -c cgg-rule -n '__cgg_behind test' -l in -xa '(__cgg_targets)' -d 'ask every policy there'
complete -c cgg-rule -n '__cgg_behind add insert default mode restore' -l cut -d 'then end the connections that the policy refuses'
complete -c cgg-rule -n '__cgg_behind add insert default mode restore' -s v -l verbose -d 'with --cut: print what was ended'
complete -c cgg-rule -n '__cgg_behind list' -s j -l json -d 'as JSON'

complete -c cgg-run -xa '(__fish_complete_subcommand)'
complete -c cgg-run -s p -l policy -xa '(__cgg_policies)' -d 'guard it by this policy'
complete -c cgg-run -s r -l rule -x -d 'guard it by a new policy with this rule'
complete -c cgg-run -s v -l verbose -d 'print its events'
complete -c cgg-run -s u -l user -xa '(__fish_complete_users)' -d 'run it as this user'
complete -c cgg-run -s e -l env -xa '(set -nx)' -d "set a variable, or pass the caller's"
complete -c cgg-run -l clear-env -d "pass only TERM of the caller's variables"
complete -c cgg-run -s k -l keep -xa "$__cgg_keeps" -d 'keep these openings'

complete -c cgg-sockets -a '(__cgg_targets)'
complete -c cgg-sockets -s j -l json -d 'as JSON'
complete -c cgg-sockets -l denied -d 'only the sockets that a policy refuses'
complete -c cgg-sockets -s k -l kill -d 'end these sockets'
complete -c cgg-sockets -l unconnected -d 'with -k: also UDP and raw sockets without another end'
complete -c cgg-sockets -l listening -d 'with -k: also sockets that listen'
complete -c cgg-set -n __cgg_nothing_said -a 'add delete restore list test drop'
complete -c cgg-set -n '__cgg_behind add delete restore list test drop' -a '(__cgg_sets)'
complete -c cgg-set -n 'test (count (__cgg_said)) -eq 2; and test (__cgg_said)[1] = restore' -F
complete -c cgg-set -s n -l dry-run -d 'restore: only check the file'
complete -c cgg-set -s s -l stats -d 'list: with sizes'
complete -c cgg-set -s j -l json -d 'list: as JSON'

complete -c cgg-status -s j -l json -d 'as JSON'
complete -c cgg-status -s m -l metrics -d 'as Prometheus text'
complete -c cgg-status -l html -rF -d 'write one page of HTML'
complete -c cgg-status -l effective -xa '(__cgg_targets)' -d 'show the programs that run for a cgroup'

complete -c cgg-top -s b -l batch -d 'print lines, for pipes and files'
complete -c cgg-top -s d -l delay -x -d 'time between pictures, in seconds'
complete -c cgg-top -s n -l count -x -d 'end after so many pictures'

complete -c cgg-unload -s f -l force -d 'even if cgroups are attached'
