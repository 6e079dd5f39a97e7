#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# programs - real programs work under cgg-run, with its default restrictions
#
# Programs that are not installed are skipped; make check-programs installs them all.
#
#	inside_run ARG...        cgg-run with a policy that allows only this host
#	as_user ARG...           the same as a user without any privilege
#	needs PROGRAM...         skip the test if one is missing
# shellcheck disable=SC2016,SC2034,SC2154 # there are inner shells; helpers read started and set port

load ../helpers

setup()
{
	untraced
	cgg-load
	home=$BATS_TEST_TMPDIR/home
	mkdir "$home"
	chmod a+rx "${BATS_TEST_TMPDIR%/*/*}" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR" "$TMPDIR"
	chown 65534 "$home"
	cd "$home" || return
}

teardown()
{
	reuse_guard
}

needs()
{
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

local_only=(-r 'allow connect,bind,sendmsg ip local' -r 'allow connect,bind,sendmsg ip ::'
	-r 'allow connect,bind,sendmsg ip 0.0.0.0' -r 'default connect,bind,sendmsg deny')

inside_run()
{
	cgg-run "${local_only[@]}" -e HOME="$home" timeout $((100 * patience)) "$@"
}

as_user()
{
	cgg-run -u nobody "${local_only[@]}" --clear-env -e HOME="$home" -e SHELL=/bin/sh timeout $((100 * patience)) "$@"
}

# both COMMAND...: root and a user run it, and it prints "works"
both()
{
	yes inside_run "$@"
	matches '^works$'
	chown -R 65534 "$home"
	yes as_user "$@"
	matches '^works$'
}

# with_port: set $port to a free port
with_port()
{
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
}

# server ARG...: start a server inside, in the background; "as USER" may precede it
server()
{
	local user=$1
	shift
	cgg-run -u "$user" "${local_only[@]}" -e HOME="$home" "$@" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	started[$!]=server
}

@test 'bash works, with pipes, a substitution and /dev/tcp' {
	start_server
	both bash -c "cat <(echo works) | cat; : >/dev/tcp/127.0.0.1/$port"
}

@test 'dash works' {
	needs dash
	both dash -c 'echo works | cat'
}

@test 'zsh works, and its tcp module' {
	needs zsh
	start_server
	both zsh -fc "zmodload zsh/net/tcp; ztcp 127.0.0.1 $port && echo works | cat"
}

@test 'fish works' {
	needs fish
	both fish -c 'echo (echo works)'
}

@test 'gcc compiles and links' {
	needs gcc
	printf '#include <stdio.h>\nint main(void) { puts("works"); }\n' >a.c
	both sh -c 'gcc -O2 -pipe -o a a.c && ./a'
}

@test 'clang compiles and links' {
	needs clang
	printf '#include <stdio.h>\nint main(void) { puts("works"); }\n' >a.c
	both sh -c 'clang -O2 -o a a.c && ./a'
}

@test 'make works with jobs' {
	needs make
	printf 'all: a b\n\t@echo works\na b:\n\t@sleep 0.1\n' >Makefile
	both make -j2
}

@test 'python3 works: threads, processes, an event loop, names and a connection' {
	start_server
	both /usr/bin/python3 -c "
import asyncio, multiprocessing, socket, subprocess, threading
t = threading.Thread(target=print); t.start(); t.join()
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', $port)
    writer.close()
asyncio.run(main())
socket.getaddrinfo('localhost', 80)
subprocess.run(['echo', 'works'], check=True)"
}

@test 'perl makes a connection' {
	needs perl
	start_server
	both perl -MIO::Socket::INET -e "IO::Socket::INET->new('127.0.0.1:$port') or die; print qq(works\n)"
}

@test 'node works: files, a server, a client and a child' {
	needs node
	both node -e '
const fs = require("fs/promises"), http = require("http"), child = require("child_process");
http.createServer((q, a) => a.end("works\n")).listen(0, "127.0.0.1", async function () {
    await fs.writeFile("file", "x"); await fs.readFile("file");
    child.execFileSync("true");
    http.get({ port: this.address().port, host: "127.0.0.1" }, a => a.on("data", d => { process.stdout.write(d); })
        .on("end", () => process.exit(0)));
});'
}

@test 'go builds, serves and connects' {
	needs go
	mkdir work
	cat >work/main.go <<'END'
package main

import ("fmt"; "net"; "net/http"; "io")

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil { panic(err) }
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "works") }))
	a, err := http.Get("http://" + l.Addr().String())
	if err != nil { panic(err) }
	text, _ := io.ReadAll(a.Body)
	if _, err = net.Interfaces(); err != nil { panic(err) }
	fmt.Print(string(text))
}
END
	both env GOCACHE="$home/cache" GOPROXY=off GO111MODULE=off go run work/main.go
}

@test 'rust compiles and links' {
	needs rustc
	echo 'fn main() { println!("works"); }' >a.rs
	yes cgg-run "${local_only[@]}" sh -c 'rustc a.rs && ./a' # its own directory is that of the caller
	matches '^works$'
}

@test 'java works: threads, a server and a client' {
	needs java
	cat >A.java <<'END'
import java.net.*;
public class A {
	public static void main(String[] a) throws Exception {
		ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
		Thread t = new Thread(() -> { try { s.accept().close(); } catch (Exception e) { throw new Error(e); } });
		t.start();
		new Socket(s.getInetAddress(), s.getLocalPort()).close();
		t.join();
		NetworkInterface.getNetworkInterfaces();
		System.out.println("works");
	}
}
END
	javac A.java 2>/dev/null || skip 'javac is not installed'
	both java -cp . A
}

@test 'postgres makes a cluster, starts, answers and stops' {
	bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
	[ -n "$bin" ] || skip 'postgres is not installed'
	with_port
	yes as_user bash -ec 'PATH=$1:$PATH
initdb -D data -A trust -U me >log
pg_ctl -D data -w -o "-p $2 -k $HOME -c listen_addresses=127.0.0.1" -l server.log start >log || { cat server.log; exit 1; }
psql -h 127.0.0.1 -p "$2" -U me -Atc "SELECT '"'works'"'" postgres
psql -h "$HOME" -p "$2" -U me -Atc "SELECT 1" postgres >log
pg_ctl -D data -w stop >log' bash "$bin" "$port"
	matches '^works$'
}

@test 'nginx serves and curl reads' {
	needs nginx curl
	with_port
	mkdir www
	echo works >www/index.html
	cat >conf <<END
error_log stderr;
pid $home/pid;
events { }
http { access_log off; client_body_temp_path $home/b; proxy_temp_path $home/p; fastcgi_temp_path $home/f;
uwsgi_temp_path $home/u; scgi_temp_path $home/s; server { listen 127.0.0.1:$port; root $home/www; } }
END
	chown -R 65534 .
	for user in nobody root; do
		server "$user" nginx -c "$home/conf" -g 'daemon off;'
		wait_for curl -s -o "$BATS_TEST_TMPDIR/page" "http://127.0.0.1:$port/"
		both curl -sS "http://127.0.0.1:$port/"
		kill "$(cat pid)"
		wait_for eval '! curl -s -o "$BATS_TEST_TMPDIR/page" "http://127.0.0.1:$port/"'
	done
}

@test 'redis serves' {
	needs redis-server redis-cli
	with_port
	server nobody redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$home"
	wait_for redis-cli -p "$port" ping
	yes as_user redis-cli -p "$port" set a works
	both redis-cli -p "$port" get a
}

@test 'git works, also over ssh' {
	needs git ssh sshd ssh-keygen
	with_port
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f key
	cp key.pub authorized
	server root "$(command -v sshd)" -D -e -f /dev/null -p "$port" -h "$home/host" -o ListenAddress=127.0.0.1 \
		-o AuthorizedKeysFile="$home/authorized" -o StrictModes=no -o PidFile=none -o UsePAM=no \
		-o PermitRootLogin=yes
	git init -q there
	git -C there -c user.name=me -c user.email=me@here commit -q --allow-empty -m works
	wait_for bash -c ": >/dev/tcp/127.0.0.1/$port"
	yes inside_run env GIT_SSH_COMMAND="ssh -F none -p $port -i $home/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=$home/known" \
		git clone -q "ssh://root@127.0.0.1$home/there" here
	yes inside_run git -C here log --format=%s
	matches '^works$'
}

@test 'apt-get and dpkg work' {
	needs apt-get dpkg
	yes inside_run apt-get -s -qq install base-files
	yes inside_run dpkg -s dpkg
	matches '^Status: install ok installed$'
	yes as_user apt-cache policy base-files
}

@test 'chromium works without a window' {
	needs chromium
	echo '<p id=a></p><script>a.textContent = "works"</script>' >page.html
	for user in root nobody; do
		yes cgg-run -u "$user" "${local_only[@]}" --clear-env -e HOME="$home" timeout $((200 * patience)) chromium --headless \
			--no-sandbox --disable-gpu --user-data-dir="$home/$user" --dump-dom "file://$home/page.html"
		matches '<p id="a">works</p>'
	done
}

@test 'the sandbox of chromium works with -k chroot' {
	needs chromium
	echo '<p id=a></p><script>a.textContent = "works"</script>' >page.html
	browser=(timeout $((200 * patience)) chromium --headless --disable-gpu --user-data-dir="$home/profile" --dump-dom "file://$home/page.html")
	setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH="$PATH" HOME="$home" "${browser[@]}" >out 2>&1 || true
	grep -q '>works<' out || skip 'it does not start here, even without a guard'
	run cgg-run -u nobody "${local_only[@]}" --clear-env -e HOME="$home" "${browser[@]}"
	[[ $output != *'>works<'* ]]
	yes cgg-run -u nobody "${local_only[@]}" -k chroot --clear-env -e HOME="$home" "${browser[@]}"
	matches '<p id="a">works</p>'
}

@test 'tmux works' {
	needs tmux
	both bash -c 'tmux -S "$HOME/tmux" -f /dev/null new-session -d "echo works >$HOME/said; sleep 1" &&
		while ! [ -s "$HOME/said" ]; do sleep 0.1; done; cat "$HOME/said"; rm "$HOME/said"; tmux -S "$HOME/tmux" kill-server'
}

@test 'jq, sqlite3, tar, awk and sort work' {
	needs jq sqlite3 tar awk sort
	both bash -ec 'set -o pipefail
jq -n 1
sqlite3 db "create table if not exists t (a); insert into t values (1); select a from t limit 1"
tar -cf tar db
tar -tf tar
printf "b\na\n" | sort -S 1M --parallel=2 | awk "END { print \"works\" }"'
}
