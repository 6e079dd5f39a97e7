// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-sockets.c - list the open sockets of attached cgroups with their verdicts, and end them. */
#include <jansson.h>
#include <linux/bpf.h>
#include <string.h>

#include "cmd.h"
#include "sockets.h"

static const char usage[] =
	"usage: cgg-sockets [-j] [--denied] [TARGET...]\n"
	"       cgg-sockets -k [-j] [--denied] [--unconnected] [--listening] [TARGET...]\n"
	"Lists the open sockets of attached cgroups, and what their policies say of each now.\n"
	"TARGET is an attached cgroup, or one below: its path, pid:PID, unit:NAME or container:ID.\n"
	"\n"
	"  -j, --json         print JSON\n"
	"      --denied       only the sockets that a policy refuses\n"
	"  -k, --kill         end these sockets, and list those that were ended;\n"
	"                     without what listens, and UDP and raw without another end\n"
	"      --unconnected  with -k: also UDP and raw sockets without another end\n"
	"      --listening    with -k: also sockets that listen\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

enum long_option { DENIED = 256, UNCONNECTED, LISTENING };
static bool json, denied, end, unconnected, listening;

static json_t *processes_json(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	json_t *list = json_array();

	for (__u32 i = 0; i < s->holders; i++) {
		const struct cgg_holder *holder = &all->holder[s->holder + i];
		char comm[sizeof(holder->comm) + 1] = "", shown[3 * sizeof(comm)];

		memcpy(comm, holder->comm, sizeof(holder->comm));
		text_utf8(shown, comm);
		json_array_append_new(list, json_pack("{s:i, s:i, s:s}", "pid", holder->pid, "fd",
						      holder->fd, "comm", shown));
	}
	return list;
}

static json_t *end_json(const struct cgg_end *at)
{
	char addr[CGG_NET_TEXT];

	addr_print(at->addr, addr);
	return json_pack("{s:s, s:i}", "address", addr, "port", at->port);
}

static json_t *socket_json(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	static const char *const origins[] = {
		[CGG_OPENED] = "opened", [CGG_CAME_IN] = "came-in", [CGG_WAITS] = "waits"
	};
	const struct cgg_network *network = &all->network[s->network];
	char cgroup[3 * 4096];
	json_t *object;

	text_utf8(cgroup, all->scope[s->scope].path);
	object = json_pack("{s:s, s:I, s:s, s:i, s:o, s:o, s:s, s:s, s:I, s:o, s:I, s:I}", "cgroup",
			   cgroup, "cgroup_id", (json_int_t)s->cgroup, "kind", socket_kind_name(s),
			   "proto", s->proto, "local", end_json(&s->local), "peer",
			   end_json(&s->peer), "state", socket_state_name(s), "origin",
			   origins[s->origin], "uid", (json_int_t)s->uid, "processes",
			   processes_json(all, s), "netns", (json_int_t)network->inode, "inode",
			   (json_int_t)s->inode);
	if (object && s->verdict < CGG_VERDICTS) {
		json_object_set_new(object, "verdict", json_string(cgg_verdicts[s->verdict]));
		json_object_set_new(object, "policy",
				    json_string(all->guard->policies[s->place].name));
		json_object_set_new(object, "rule", json_integer(s->rule));
		if (s->text)
			json_object_set_new(object, "words", json_string(s->text));
	}
	return object;
}

static bool is_wanted(const struct cgg_socket *s)
{
	if (denied && !socket_is_refused(s))
		return false;
	if (!end || s->origin != CGG_WAITS)
		return true;
	return s->state == BPF_TCP_LISTEN ? listening : unconnected && !socket_is_stream(s);
}

/* End a socket; return 0, or the status of the failure after a message. */
static int end_one(struct cgg_sockets *all, const struct cgg_socket *s)
{
	int status = socket_end(all, s);
	char local[SOCKET_END], peer[SOCKET_END];

	if (!status)
		return 0;
	end_print(&s->local, local);
	end_print(&s->peer, peer);
	warnx("%s %s: %s", local, peer, cgg_error);
	return status;
}

static int sockets_print(struct cgg_sockets *all)
{
	json_t *list = json ? json_array() : 0;
	int worst = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct cgg_socket *s = &all->socket[i];
		int status = is_wanted(s) ? 0 : -1;

		if (!status && end)
			status = end_one(all, s);
		if (status > worst)
			worst = status;
		if (status)
			continue;
		if (json)
			json_array_append_new(list, socket_json(all, s));
		else
			socket_print(stdout, all, s);
	}
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return worst;
}

/* Find the ids of the targets; 0: there is none, so all attached cgroups are meant. */
static __u64 *targets_or_die(struct cgg_guard *guard, char **target, int count)
{
	__u64 *ids = count ? calloc((size_t)count, sizeof(*ids)) : 0;
	int status = 0;

	if (count && !ids)
		errx(CGG_FAILED, "out of memory");
	for (int i = 0; i < count && !status; i++)
		status = attached_find(guard, target[i], &ids[i]);
	if (status)
		die(status);
	return ids;
}

static void options_read(int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, 0, 'j' },
						 { "kill", 0, 0, 'k' },
						 { "denied", 0, 0, DENIED },
						 { "unconnected", 0, 0, UNCONNECTED },
						 { "listening", 0, 0, LISTENING },
						 COMMON_OPTIONS };
	int option;

	while ((option = option_next(argc, argv, "jk" COMMON_LETTERS, options)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'k')
			end = true;
		else if (option == DENIED)
			denied = true;
		else if (option == UNCONNECTED)
			unconnected = true;
		else if (option == LISTENING)
			listening = true;
		else
			common_option(option, usage);
	}
	if ((unconnected || listening) && !end)
		errx(CGG_USAGE, "--%s: is for -k; the list has such sockets always",
		     unconnected ? "unconnected" : "listening");
}

int main(int argc, char **argv)
{
	struct cgg_sockets all;
	struct cgg_guard guard;
	__u64 *ids;
	int status;

	start(argv);
	options_read(argc, argv);
	status = guard_open(&guard, CGG_READ);
	if (status)
		die(status);
	ids = targets_or_die(&guard, argv + optind, argc - optind);
	status = sockets_read(&all, &guard, -1, ids, (size_t)(argc - optind));
	if (status)
		die(status);
	status = sockets_print(&all);
	sockets_free(&all);
	free(ids);
	guard_close(&guard);
	return status;
}
