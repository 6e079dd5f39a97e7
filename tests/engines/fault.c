// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fault.c - run a command and kill it, or let a system call fail, at one point.
 *
 * fault LEDGER POINT COMMAND...
 *	POINT is one of
 *	none		disturb nothing
 *	count		print the points on descriptor 9: `store NUMBER' for each store into
 *			memory that others see, and `call NUMBER NAME STATE' for each call.
 *			STATE is `new' when something outside the process may have changed
 *			since the call before it, else `same': then a kill at this call
 *			leaves the same as a kill at the one before.
 *	call:N		kill the process that is about to make system call N
 *	store:N		kill the process that is about to make store N; if that is an
 *			instruction that copies many bytes, in the middle of it
 *	fail:N:ERRNO	do not make system call N, unless its name is `other', and let it return
 *			-ERRNO, or the failure value of that call. Print `trace HASH' on
 *			descriptor 9: the hash of what the command did afterwards (calls, their
 *			paths, success, and stores). If two errors give the same hash, the
 *			command did the same for both.
 *	get:WORD:ERRNO	let each bpf(2) fail so that would open a pin whose path ends in WORD;
 *			with :N appended, only the Nth of them
 *	locks		print the calls as count does, each with `free', `read' or `write': how
 *			the command holds a lock (flock(2)) in /sys/fs/bpf
 *	meet:N		at system call N, run the shell command in $MEET until it has ended or waits
 *			for such a lock, and then make the call. Print `met STATUS' on descriptor 9.
 *	The status is that of the command, or 137 when it was killed. Children of the command
 *	are traced, and waited for, until they execute something else. Calls count from the
 *	first fcntl(2), with which every command begins; earlier ones are libc's. The programs,
 *	maps, links and BTF objects that are made are written to LEDGER.
 * fault left LEDGER
 *	Wait until everything in LEDGER is gone from the kernel, except what is pinned in
 *	/sys/fs/bpf or used by that. When that takes more than ten seconds, print the rest and
 *	return 1. A pinned link without a cgroup counts as left, and one whose program is not
 *	pinned.
 *
 * State changes at system calls, and at stores into shared memory; nothing else can be seen from
 * outside. The tool makes such mappings read-only without the process knowing, so that each store
 * traps. Mappings of more than STORES_MOST bytes are left out, but for the map of policies: they
 * are filled before anybody else can see them.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../bpf/cgguard.h"

#ifdef __x86_64__

#define STORES_MOST (256 << 10)
#define AREAS 16
#define PROCESSES 16

static const char *const kinds[] = { "prog", "map", "link", "btf" };
enum { PROG, MAP, LINK, BTF, KINDS };

struct area {
	unsigned long start, len; /* 0: none */
};

static struct process {
	pid_t pid; /* 0: none */
	bool expected; /* fork in the parent was seen, but not yet the first stop */
	bool inside; /* of a system call */
	long call;
	unsigned long break_wanted; /* by a brk(2) that must fail; 0: none */
	struct area area[AREAS];
	bool begun;
} processes[PROCESSES];

static enum { NONE, COUNT, CALL, STORE, FAIL, LOCKS, MEET } what;
static char wanted[64]; /* the path of a pin that must not open ends so; "": no pin */
static unsigned long which, gets; /* which of these; 0: each */
static unsigned long at, calls, stores;
static int error_wanted;
static unsigned long syscall_place; /* address of an instruction that makes a system call */
static FILE *ledger;

static bool changed = true; /* something outside changed since the last counted call */
static unsigned long trace_hash = 0xcbf29ce484222325;

static const struct {
	long number;
	const char *name;
} names[] = {
	{ SYS_bpf, "bpf" },
	{ SYS_mkdir, "mkdir" },
	{ SYS_rename, "rename" },
	{ SYS_renameat2, "rename" },
	{ SYS_write, "write" },
	{ SYS_openat, "open" },
	{ SYS_open_by_handle_at, "open" },
	{ SYS_mmap, "mmap" },
	{ SYS_flock, "flock" },
	{ SYS_unlink, "unlink" },
	{ SYS_unlinkat, "unlink" },
	{ SYS_rmdir, "unlink" },
	{ SYS_clone, "clone" },
	{ SYS_clone3, "clone" },
};

/* bpf(2) commands that only read */
static bool bpf_looks(unsigned long command)
{
	switch (command) {
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_OBJ_GET:
	case BPF_OBJ_GET_INFO_BY_FD:
	case BPF_PROG_QUERY:
	case BPF_PROG_GET_NEXT_ID:
	case BPF_MAP_GET_NEXT_ID:
	case BPF_LINK_GET_NEXT_ID:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID:
		return true;
	default:
		return false;
	}
}

/* Calls that change nothing outside the process; a kill closes and unmaps as they do. */
static const long looks[] = {
	SYS_access,	    SYS_brk,
	SYS_clock_gettime,  SYS_close,
	SYS_faccessat,	    SYS_fcntl,
	SYS_fstat,	    SYS_fstatfs,
	SYS_getdents64,	    SYS_getegid,
	SYS_geteuid,	    SYS_getgid,
	SYS_getpid,	    SYS_getrandom,
	SYS_getuid,	    SYS_lseek,
	SYS_madvise,	    SYS_mmap,
	SYS_mprotect,	    SYS_munmap,
	SYS_newfstatat,	    SYS_open_by_handle_at,
	SYS_pread64,	    SYS_prlimit64,
	SYS_read,	    SYS_readlink,
	SYS_readlinkat,	    SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_stat,
	SYS_statfs,	    SYS_statx,
	SYS_sysinfo,	    SYS_umask,
	SYS_uname,
};

static bool call_looks(const struct user_regs_struct *regs)
{
	long number = (long)regs->orig_rax;

	if (number == SYS_bpf)
		return bpf_looks(regs->rdi);
	if (number == SYS_openat)
		return !(regs->rdx & (O_CREAT | O_TRUNC));
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (looks[i] == number)
			return true;
	return false;
}

static const char *name_of(const struct user_regs_struct *regs)
{
	long number = (long)regs->orig_rax;

	if (number == SYS_bpf && bpf_looks(regs->rdi))
		return "look";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			return names[i].name;
	return "other";
}

/* ---- objects of the kernel ---- */

static __u32 id_of(int kind, int fd, __u32 *other, __u32 *btf)
{
	union {
		struct bpf_prog_info prog;
		struct bpf_map_info map;
		struct bpf_link_info link;
		struct bpf_btf_info btf;
	} info = { 0 };
	__u32 len = kind == PROG   ? sizeof(info.prog)
		    : kind == MAP  ? sizeof(info.map)
		    : kind == LINK ? sizeof(info.link)
				   : sizeof(info.btf);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	*btf = kind == PROG ? info.prog.btf_id : kind == MAP ? info.map.btf_id : 0;
	*other = kind == LINK ? info.link.prog_id : 0;
	if (kind == LINK && !info.link.cgroup.cgroup_id)
		*other = 0;
	return kind == PROG   ? info.prog.id
	       : kind == MAP  ? info.map.id
	       : kind == LINK ? info.link.id
			      : info.btf.id;
}

static int kind_of(int fd)
{
	char path[64], text[64] = "";
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0)
		return -1;
	if (strstr(text, "bpf-prog"))
		return PROG;
	if (strstr(text, "bpf-map"))
		return MAP;
	if (strstr(text, "bpf_link") || strstr(text, "bpf-link"))
		return LINK;
	return strstr(text, "btf") ? BTF : -1;
}

/* made - record the object that a traced process got this descriptor of from bpf(2) */
static void made(pid_t pid, int theirs)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), fd;
	__u32 id, other, btf;
	int kind;

	fd = (int)syscall(SYS_pidfd_getfd, process, theirs, 0);
	kind = fd < 0 ? -1 : kind_of(fd);
	id = kind < 0 ? 0 : id_of(kind, fd, &other, &btf);
	if (!id)
		errx(125, "what bpf(2) made is not understood");
	fprintf(ledger, "%s %u\n", kinds[kind], id);
	close(fd);
	close(process);
}

static struct pinned {
	int kind;
	__u32 id, other;
} pinned[4096];
static size_t pinned_count;

static bool is_pinned(int kind, __u32 id)
{
	for (size_t i = 0; i < pinned_count; i++)
		if (pinned[i].kind == kind && pinned[i].id == id)
			return true;
	return false;
}

static void pin_found(int kind, __u32 id, __u32 other)
{
	if (pinned_count == sizeof(pinned) / sizeof(pinned[0]))
		errx(125, "too many pins");
	pinned[pinned_count++] = (struct pinned){ kind, id, other };
}

static int look(const char *path, const struct stat *st, int type, struct FTW *where)
{
	int fd = type == FTW_F ? bpf_obj_get(path) : -1;
	__u32 id, other, btf;
	int kind;

	(void)st, (void)where;
	if (fd < 0)
		return 0;
	kind = kind_of(fd);
	id = kind < 0 ? 0 : id_of(kind, fd, &other, &btf);
	close(fd);
	if (!id)
		return 0;
	pin_found(kind, id, other);
	if (btf)
		pin_found(BTF, btf, 0);
	return 0;
}

static int open_id(int kind, __u32 id)
{
	switch (kind) {
	case PROG:
		return bpf_prog_get_fd_by_id(id);
	case MAP:
		return bpf_map_get_fd_by_id(id);
	case LINK:
		return bpf_link_get_fd_by_id(id);
	default:
		return bpf_btf_get_fd_by_id(id);
	}
}

static bool is_there(int kind, __u32 id)
{
	int fd = open_id(kind, id);

	if (fd < 0)
		return errno != ENOENT;
	close(fd);
	return true;
}

static void name_print(int kind, __u32 id)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = kind == MAP ? bpf_map_get_fd_by_id(id) : -1;

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
		printf("%s %u %s\n", kinds[kind], id, info.name);
	else
		printf("%s %u\n", kinds[kind], id);
	if (fd >= 0)
		close(fd);
}

/* unused_links - count the pinned links without a pinned program */
static unsigned unused_links(bool print)
{
	unsigned count = 0;

	for (size_t i = 0; i < pinned_count; i++) {
		if (pinned[i].kind != LINK || is_pinned(PROG, pinned[i].other))
			continue;
		count++;
		if (print)
			printf("link %u: %s\n", pinned[i].id,
			       pinned[i].other ? "its program is not pinned" : "bound to nothing");
	}
	return count;
}

/* left_now - return how many objects of the ledger are left; remove the others from it */
static unsigned left_now(const char *path, bool print)
{
	char kind_word[8], text[128];
	FILE *file = fopen(path, "re");
	char *kept = 0;
	size_t size;
	FILE *out = open_memstream(&kept, &size);
	unsigned id, left = 0;

	if (!file || !out)
		err(125, "%s", path);
	pinned_count = 0;
	nftw("/sys/fs/bpf", look, 16, FTW_PHYS);
	while (fgets(text, sizeof(text), file)) {
		int kind = 0;

		if (sscanf(text, "%7s %u", kind_word, &id) != 2)
			errx(125, "%s: not a ledger", path);
		while (kind < KINDS - 1 && strcmp(kinds[kind], kind_word) != 0)
			kind++;
		if (!is_there(kind, id))
			continue;
		fputs(text, out);
		if (is_pinned(kind, id))
			continue;
		left++;
		if (print)
			name_print(kind, id);
	}
	fclose(file);
	left += unused_links(print);
	fclose(out);
	file = fopen(path, "we");
	if (!file || fputs(kept, file) < 0 || fclose(file))
		err(125, "%s", path);
	free(kept);
	return left;
}

static int left(const char *path)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (!left_now(path, false))
			return 0;
		nanosleep(&moment, 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < 10);
	return left_now(path, true) ? 1 : 0;
}

/* ---- traced processes ---- */

static struct process *process_find(pid_t pid)
{
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return 0;
}

static struct process *process_add(pid_t pid)
{
	struct process *p = process_find(0);

	if (!p)
		errx(125, "too many processes");
	*p = (struct process){ .pid = pid, .call = -1 };
	return p;
}

static int stopped(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid)
		err(125, "waitpid");
	if (!WIFSTOPPED(status))
		errx(125, "ended while it was stepped");
	return WSTOPSIG(status);
}

static struct user_regs_struct registers(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		err(125, "PTRACE_GETREGS");
	return regs;
}

static void step(pid_t pid)
{
	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || stopped(pid) != SIGTRAP)
		err(125, "a step");
}

/* protect - let the process, which is outside a system call, make its area read-only or writable */
static void protect(pid_t pid, const struct area *area, int protection)
{
	const struct user_regs_struct before = registers(pid);
	struct user_regs_struct regs = before;

	regs.rip = syscall_place;
	regs.rax = SYS_mprotect;
	regs.orig_rax = ~0ull;
	regs.rdi = area->start;
	regs.rsi = area->len;
	regs.rdx = (unsigned)protection;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
		err(125, "PTRACE_SETREGS");
	step(pid);
	regs = registers(pid);
	if (regs.rax)
		errx(125, "mprotect: %s", strerror((int)-(long)regs.rax));
	regs = before;
	regs.orig_rax = ~0ull;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs))
		err(125, "PTRACE_SETREGS");
}

static struct area *area_of(struct process *p, unsigned long address)
{
	for (int i = 0; i < AREAS; i++)
		if (p->area[i].len && address - p->area[i].start < p->area[i].len)
			return &p->area[i];
	return 0;
}

static void area_add(struct process *p, unsigned long start, unsigned long len)
{
	len = (len + 4095) & ~4095ul;
	for (int i = 0; i < AREAS; i++) {
		if (p->area[i].len)
			continue;
		p->area[i] = (struct area){ start, len };
		protect(p->pid, &p->area[i], PROT_READ);
		return;
	}
	errx(125, "too many areas");
}

/* repeats - return the length of the instruction there if it is rep movs or rep stos */
static unsigned repeats(pid_t pid, unsigned long place)
{
	unsigned long word = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, place, 0);
	unsigned char byte[sizeof(word)], *b = byte + 1;

	memcpy(byte, &word, sizeof(word));
	if ((*b & 0xf0) == 0x40)
		b++;
	return (byte[0] == 0xf3 || byte[0] == 0xf2) &&
			       (*b == 0xa4 || *b == 0xa5 || *b == 0xaa || *b == 0xab)
		       ? (unsigned)(b - byte) + 1
		       : 0;
}

/* run_to - let the process run until that instruction is next */
static void run_to(pid_t pid, unsigned long place)
{
	unsigned long word = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, place, 0);
	struct user_regs_struct regs;

	if (ptrace(PTRACE_POKETEXT, pid, place, (word & ~0xfful) | 0xcc) ||
	    ptrace(PTRACE_CONT, pid, 0, 0) || stopped(pid) != SIGTRAP)
		err(125, "a breakpoint");
	regs = registers(pid);
	if (regs.rip != place + 1)
		errx(125, "another breakpoint");
	regs.rip = place;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs) || ptrace(PTRACE_POKETEXT, pid, place, word))
		err(125, "a breakpoint");
}

static void hash_add(const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		trace_hash = (trace_hash ^ byte[i]) * 0x100000001b3;
}

/* store - handle a store that the process is about to make; return true if it was killed */
static bool store(struct process *p, struct area *area)
{
	struct user_regs_struct regs = registers(p->pid);
	unsigned length = repeats(p->pid, regs.rip);
	bool kills = what == STORE && stores == at;

	if (what == COUNT)
		dprintf(9, "store %lu\n", stores);
	stores++;
	changed = true;
	hash_add("store", 5);
	if (kills && (!length || regs.rcx < 2))
		return !kill(p->pid, SIGKILL);
	if (kills) {
		regs.rcx /= 2;
		if (ptrace(PTRACE_SETREGS, p->pid, 0, &regs))
			err(125, "PTRACE_SETREGS");
	}
	protect(p->pid, area, PROT_READ | PROT_WRITE);
	if (length)
		run_to(p->pid, regs.rip + length);
	else
		step(p->pid);
	if (kills)
		return !kill(p->pid, SIGKILL);
	protect(p->pid, area, PROT_READ);
	return false;
}

/* text_read - read the string at that address of the process, as far as it is readable */
static void text_read(pid_t pid, unsigned long place, char text[256])
{
	unsigned long word;

	memset(text, 0, 256);
	for (size_t len = 0; len + sizeof(word) < 256; len += sizeof(word)) {
		errno = 0;
		word = (unsigned long)ptrace(PTRACE_PEEKDATA, pid, place + len, 0);
		if (errno)
			break;
		memcpy(text + len, &word, sizeof(word));
		if (memchr(&word, 0, sizeof(word)))
			break;
	}
}

/* path_read - read the path that the call is about; "": none */
static void path_read(pid_t pid, const struct user_regs_struct *regs, char path[256])
{
	unsigned long place = 0;

	switch (regs->orig_rax) {
	case SYS_bpf:
		if (regs->rdi == BPF_OBJ_GET || regs->rdi == BPF_OBJ_PIN)
			place = (unsigned long)ptrace(PTRACE_PEEKDATA, pid, regs->rsi, 0);
		break;
	case SYS_access:
	case SYS_mkdir:
	case SYS_rename:
	case SYS_rmdir:
	case SYS_unlink:
		place = regs->rdi;
		break;
	case SYS_faccessat:
	case SYS_newfstatat:
	case SYS_openat:
	case SYS_renameat2:
	case SYS_unlinkat:
		place = regs->rsi;
		break;
	}
	*path = 0;
	if (place)
		text_read(pid, place, path);
}

/* hash_call - hash what was called, with which path, and whether it succeeded */
static void hash_call(pid_t pid, const struct user_regs_struct *regs)
{
	long long result = (long long)regs->rax;
	const unsigned long long event[] = {
		regs->orig_rax,
		regs->orig_rax == SYS_bpf ? regs->rdi : 0,
		(unsigned long long)(result < 0 && result > -4096 ? result : 0),
	};
	char path[256];

	path_read(pid, regs, path);
	hash_add(event, sizeof(event));
	hash_add(path, strlen(path));
}

/* gets_wanted - return true if the call opens the pin that must fail */
static bool gets_wanted(pid_t pid, const struct user_regs_struct *regs)
{
	char path[256];
	size_t len, end = strlen(wanted);

	if (regs->orig_rax != SYS_bpf || regs->rdi != BPF_OBJ_GET)
		return false;
	path_read(pid, regs, path);
	len = strlen(path);
	return len >= end && !strcmp(path + len - end, wanted) && (++gets == which || !which);
}

/* ---- two commands at once ---- */

static pid_t meeting; /* the shell of $MEET; 0: none */

/*
 * lock_in - return 'r' or 'w' if a process holds a lock in /sys/fs/bpf; with pid 0, return 'r' or
 * 'w' if any process waits for one; else 0
 */
static char lock_in(pid_t pid)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256], word[8], found = 0;
	unsigned major, minor;
	struct stat st;
	pid_t holder;

	if (!locks || stat("/sys/fs/bpf", &st))
		err(125, "/proc/locks");
	while (!found && fgets(line, sizeof(line), locks)) {
		const char *waits = strstr(line, "-> ");

		if (sscanf(waits ? waits + 3 : strchr(line, ' '), " FLOCK %*s %7s %d %x:%x:", word,
			   &holder, &major, &minor) == 4 &&
		    makedev(major, minor) == st.st_dev && (pid ? !waits && holder == pid : !!waits))
			found = *word == 'R' ? 'r' : 'w';
	}
	fclose(locks);
	return found;
}

static void met(int status)
{
	dprintf(9, "met %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	meeting = 0;
}

/* meet - run $MEET until it has ended or waits for a lock */
static void meet(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int status;

	meeting = fork();
	if (!meeting) {
		close(9);
		execl("/bin/sh", "sh", "-c", getenv("MEET"), (char *)0);
		_exit(127);
	}
	while (!lock_in(0)) {
		if (waitpid(meeting, &status, WNOHANG) == meeting) {
			met(status);
			return;
		}
		nanosleep(&moment, 0);
	}
}

/* call_print - print a call, if that is asked for */
static void call_print(pid_t pid, unsigned long number, const char *name)
{
	const char *state = changed ? "new" : "same";
	char lock;

	if (what == COUNT)
		dprintf(9, "call %lu %s %s\n", number, name, state);
	if (what != LOCKS)
		return;
	lock = lock_in(pid);
	dprintf(9, "call %lu %s %s %s\n", number, name, state,
		!lock	      ? "free"
		: lock == 'r' ? "read"
			      : "write");
}

/* call_begins - handle the start of a system call; return true if the process was killed */
static bool call_begins(struct process *p)
{
	struct user_regs_struct regs = registers(p->pid);
	unsigned long number = calls;

	p->inside = true;
	p->call = (long)regs.orig_rax;
	syscall_place = regs.rip - 2;
	p->begun |= p->call == SYS_fcntl;
	if (!p->begun)
		return false;
	calls++;
	call_print(p->pid, number, name_of(&regs));
	changed = !call_looks(&regs);
	if (*wanted ? !gets_wanted(p->pid, &regs) : number != at)
		return false;
	if (what == CALL)
		return !kill(p->pid, SIGKILL);
	if (what == MEET)
		meet();
	/*
	 * The processes of a command take turns as they like, so this call need not be the one in
	 * the list. The kernel has no close(2) that leaves the end of a pipe open, for one.
	 */
	if (what == FAIL && !strcmp(name_of(&regs), "other"))
		return false;
	if (what == FAIL) {
		if (p->call == SYS_brk) { /* returns the old break instead of an errno */
			p->break_wanted = regs.rdi;
			regs.rdi = 0;
		} else {
			p->call = -1;
			regs.orig_rax = ~0ull;
		}
		if (ptrace(PTRACE_SETREGS, p->pid, 0, &regs))
			err(125, "PTRACE_SETREGS");
	}
	return false;
}

static void call_ends(struct process *p)
{
	struct user_regs_struct regs = registers(p->pid);
	long result = (long)regs.rax;

	p->inside = false;
	if (p->break_wanted) { /* the C library compares it with the result */
		regs.rdi = p->break_wanted;
		p->break_wanted = 0;
		if (ptrace(PTRACE_SETREGS, p->pid, 0, &regs))
			err(125, "PTRACE_SETREGS");
		return;
	}
	if (what == FAIL && p->call == -1 && p->begun) {
		regs.rax = (unsigned long long)-(long)error_wanted;
		if (ptrace(PTRACE_SETREGS, p->pid, 0, &regs))
			err(125, "PTRACE_SETREGS");
		p->call = 0;
		return;
	}
	if (what == FAIL && p->begun && calls > at)
		hash_call(p->pid, &regs);
	if (result < 0)
		return;
	if (p->call == SYS_bpf && (regs.rdi == BPF_MAP_CREATE || regs.rdi == BPF_PROG_LOAD ||
				   regs.rdi == BPF_BTF_LOAD || regs.rdi == BPF_LINK_CREATE))
		made(p->pid, (int)result);
	if (p->call == SYS_mmap && regs.r10 & MAP_SHARED && regs.rdx & PROT_WRITE &&
	    (regs.rsi <= STORES_MOST || regs.rsi == sizeof(struct cgg_policy) * CGG_POLICIES))
		area_add(p, (unsigned long)result, regs.rsi);
	if (p->call == SYS_munmap)
		for (int i = 0; i < AREAS; i++)
			if (p->area[i].len && p->area[i].start - regs.rdi < regs.rsi)
				p->area[i].len = 0;
}

static void forked(struct process *parent)
{
	unsigned long pid;
	struct process *child;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &pid))
		err(125, "PTRACE_GETEVENTMSG");
	child = process_find((pid_t)pid);
	if (child) {
		ptrace(PTRACE_SYSCALL, child->pid, 0, 0); /* it waited for this */
	} else {
		child = process_add((pid_t)pid);
		child->expected = true;
	}
	memcpy(child->area, parent->area, sizeof(child->area));
	child->begun = parent->begun;
}

/* stopped_by - handle the stop of a process; return the signal to pass on, or -1 to detach */
static int stopped_by(struct process *p, int status, pid_t first)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	struct area *area;
	siginfo_t info;

	if (sig == (SIGTRAP | 0x80)) {
		if (p->inside)
			call_ends(p);
		else
			call_begins(p);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC)
		return p->pid == first && !p->begun ? 0 : -1;
	if (event) {
		forked(p);
		return 0;
	}
	if (sig == SIGSEGV && !ptrace(PTRACE_GETSIGINFO, p->pid, 0, &info)) {
		area = area_of(p, (unsigned long)info.si_addr);
		if (area) {
			store(p, area);
			return 0;
		}
	}
	return sig;
}

/* follow - trace until all processes have ended; return the status of the first one */
static int follow(pid_t first)
{
	int status, result = 125, sig;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		struct process *p = process_find(pid);

		if (!WIFSTOPPED(status)) {
			if (pid == meeting)
				met(status);
			if (pid == first)
				result = WIFEXITED(status) ? WEXITSTATUS(status)
							   : 128 + WTERMSIG(status);
			if (p)
				p->pid = 0;
			continue;
		}
		if (!p) { /* a child that stopped before its parent's fork event */
			process_add(pid);
			continue;
		}
		if (p->expected) {
			p->expected = false;
			ptrace(PTRACE_SYSCALL, pid, 0, 0);
			continue;
		}
		sig = stopped_by(p, status, first);
		if (sig < 0)
			p->pid = 0;
		ptrace(sig < 0 ? PTRACE_DETACH : PTRACE_SYSCALL, pid, 0, sig < 0 ? 0 : sig);
	}
	return result;
}

static int trace(char **command)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		close(9);
		execvp(*command, command);
		err(127, "%s", *command);
	}
	if (pid < 0 || stopped(pid) != SIGSTOP || ptrace(PTRACE_SETOPTIONS, pid, 0, options))
		err(125, "ptrace");
	process_add(pid);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return follow(pid);
}

static bool point_read(const char *word)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "ENOMEM", ENOMEM }, { "E2BIG", E2BIG }, { "ENOSPC", ENOSPC }, { "EPERM", EPERM }
	};
	char name[16];

	if (!strcmp(word, "none"))
		return true;
	if (!strcmp(word, "count")) {
		what = COUNT;
		return true;
	}
	if (!strcmp(word, "locks")) {
		what = LOCKS;
		return true;
	}
	what = MEET;
	if (sscanf(word, "meet:%lu", &at) == 1)
		return getenv("MEET");
	what = sscanf(word, "call:%lu", &at) == 1 ? CALL : STORE;
	if (what == CALL || sscanf(word, "store:%lu", &at) == 1)
		return true;
	what = FAIL;
	if (sscanf(word, "get:%63[^:]:%15[^:]:%lu", wanted, name, &which) < 2 &&
	    sscanf(word, "fail:%lu:%15s", &at, name) != 2)
		return false;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, name))
			error_wanted = errors[i].number;
	return error_wanted;
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 3 && !strcmp(argv[1], "left"))
		return left(argv[2]);
	if (argc < 4 || !point_read(argv[2]))
		errx(2, "usage: fault LEDGER POINT COMMAND... | fault left LEDGER");
	ledger = fopen(argv[1], "ae");
	if (!ledger)
		err(125, "%s", argv[1]);
	status = trace(argv + 3);
	if (what == FAIL)
		dprintf(9, "trace %016lx\n", trace_hash);
	if (fclose(ledger))
		err(125, "%s", argv[1]);
	return status;
}

#else

int main(void)
{
	errx(77, "knows the registers of x86_64 alone");
}

#endif
