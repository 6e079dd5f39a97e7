" SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
" cgguard.vim - finds policy files of cgguard; .policy files of polkit are XML

autocmd BufRead,BufNewFile *.policy if getline(1) !~ '^\s*<' | setfiletype cgguard | endif
autocmd BufRead,BufNewFile */cgguard/*.inc setfiletype cgguard
