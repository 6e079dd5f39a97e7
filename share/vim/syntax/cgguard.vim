" SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
" cgguard.vim - the words of policy files: cgguard-rule(5)

if exists('b:current_syntax')
  finish
endif

syntax iskeyword @,48-57,_,-
syntax keyword cgguardVerdict allow deny alert
syntax keyword cgguardHook net connect bind sendmsg recvmsg egress ingress flow unix socket device sysctl setsockopt getsockopt dns
syntax keyword cgguardMatch family type proto ip port host sport uid gid iface self value cgroup
syntax keyword cgguardOption comment quiet errno ttl limit burst inner alias
syntax keyword cgguardOption name nextgroup=cgguardName skipwhite
syntax keyword cgguardSetting default mode resolver names include
syntax keyword cgguardValue enforce audit local private link-local multicast metadata global inet inet6 stream dgram raw
syntax keyword cgguardValue icmp igmp tcp udp dccp gre esp ah icmpv6 sctp udplite

" Names that may contain such words, numbers and addresses, quoted words, comments
syntax match cgguardName contained "[A-Za-z0-9_][A-Za-z0-9._-]*"
syntax match cgguardPath "\%(^\|\s\)\@<=[/@][^ \t#]\S*"
syntax match cgguardPath ",\@<=@[^ \t#,]\+"
syntax match cgguardNumber "\%(^\|\s\|,\)\@<=[0-9A-Fa-f]*[:.0-9][0-9A-Fa-f:.]*\%(/\d\+\|-[0-9A-Fa-f:.]\+\)\?\%(\s\|,\|$\)\@="
syntax region cgguardString start=+\%(^\|\s\)\@<="+ skip=+\\\\\|\\"+ end=+"+ oneline
syntax match cgguardComment "\%(^\|\s\)\@<=#.*$"

highlight default link cgguardVerdict Statement
highlight default link cgguardHook Type
highlight default link cgguardMatch Identifier
highlight default link cgguardOption Identifier
highlight default link cgguardSetting PreProc
highlight default link cgguardValue Constant
highlight default link cgguardNumber Number
highlight default link cgguardString String
highlight default link cgguardName String
highlight default link cgguardPath String
highlight default link cgguardComment Comment

let b:current_syntax = 'cgguard'
