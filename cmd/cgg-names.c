// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-names.c - list, add and delete the DNS names that addresses have for attached cgroups. */
#include <jansson.h>
#include <string.h>

#include "cmd.h"

static const char usage[] =
	"usage: cgg-names [-j] [TARGET]\n"
	"       cgg-names [-c TARGET] add NAME ADDR... [ttl TIME]\n"
	"       cgg-names [-c TARGET] flush\n"
	"Shows and changes which addresses have which DNS names, for rules with host.\n"
	"TARGET is an attached cgroup: its path, pid:PID, unit:NAME or container:ID.\n"
	"\n"
	"  -j, --json           print JSON\n"
	"  -c, --cgroup TARGET  add, flush: only for this cgroup (default: for all attached\n"
	"                       cgroups whose policies have rules by name)\n"
	"  -h, --help           print this and exit\n"
	"  -V, --version        print the version and exit\n";

/* A name that an address has for a cgroup. */
struct line {
	struct cgg_binding is;
	__u64 cgroup;
};

static struct {
	struct line *line;
	size_t count, room;
	__u64 cgroup; /* the one that is being read */
} list;

/* What add was told. */
struct addition {
	char name[CGG_OPERAND];
	__u64 ttl, netns, now;
	__u8 (*addr)[16];
	int count;
	struct cgg_bound_before *done;
	size_t done_count;
};

/* ---- attached cgroups ---- */

/* Return the attachments that a TARGET means, or all if it is 0; exit if it is not attached. */
static struct cgg_attachment *attached_or_die(struct cgg_guard *guard, const char *target,
					      unsigned *count)
{
	struct cgg_attachment *all;
	__u64 id;
	int status;

	if (!target) {
		status = attachments_read(guard, &all, count);
		if (status)
			die(status);
		return all;
	}
	all = calloc(1, sizeof(*all));
	if (!all)
		errx(CGG_FAILED, "out of memory");
	status = attached_find(guard, target, &id);
	if (!status)
		status = attachment_read(guard, id, all);
	if (status == CGG_NO)
		errx(CGG_NO, "%s: not attached", target);
	if (status)
		die(status);
	*count = 1;
	return all;
}

/*
 * Call work for each of these cgroups, until it fails. It returns CGG_NO where the policy has no
 * rules by name; return CGG_NO if all are such.
 */
static int each_attached(struct cgg_guard *guard, const char *target,
			 int work(struct cgg_guard *guard, const struct cgg_attachment *at,
				  void *context),
			 void *context)
{
	unsigned count;
	struct cgg_attachment *all = attached_or_die(guard, target, &count);
	int status, worst = CGG_NO;

	for (unsigned i = 0; i < count; i++) {
		status = work(guard, &all[i], context);
		if (status > CGG_NO) {
			worst = status;
			break;
		}
		if (!status)
			worst = 0;
	}
	free(all);
	return worst;
}

static _Noreturn void nobody(const char *target)
{
	if (target)
		errx(CGG_NO, "%s: its policy has no rules by name", target);
	errx(CGG_NO, "no attached cgroup has a policy with rules by name");
}

/* ---- list ---- */

static int line_take(void *context, const struct cgg_binding *binding)
{
	struct line *more = grow(list.line, list.count, &list.room, sizeof(*more));

	(void)context;
	if (!more)
		return CGG_FAILED;
	list.line = more;
	list.line[list.count++] = (struct line){ *binding, list.cgroup };
	return 0;
}

static int lines_read(struct cgg_guard *guard, const struct cgg_attachment *at, void *context)
{
	(void)guard;
	(void)context;
	list.cgroup = at->id;
	return bindings_read(at->id, line_take, 0);
}

/* Sort by cgroup, name, address; what differs in nothing else by where it comes from. */
static int by_name(const void *one, const void *other)
{
	const struct line *a = one, *b = other;
	int order;

	if (a->cgroup != b->cgroup)
		return a->cgroup < b->cgroup ? -1 : 1;
	order = strcmp(a->is.name, b->is.name);
	if (!order)
		order = memcmp(a->is.addr, b->is.addr, sizeof(a->is.addr));
	if (!order && a->is.netns != b->is.netns)
		order = a->is.netns < b->is.netns ? -1 : 1;
	if (!order)
		order = (a->is.alias + 2 * a->is.by_hand) - (b->is.alias + 2 * b->is.by_hand);
	return order;
}

static const char *origin(const struct cgg_binding *binding)
{
	return binding->by_hand ? "hand" : binding->alias ? "alias" : "answer";
}

static __u64 seconds_left(const struct cgg_binding *binding, __u64 now)
{
	return binding->expires > now ? (binding->expires - now + 999999999) / 1000000000 : 0;
}

static void line_print_text(const struct line *line, const char *cgroup, __u64 now)
{
	char name[4 * CGG_OPERAND], addr[CGG_NET_TEXT], shown[4 * 4096];

	text_print(name, line->is.name);
	text_print(shown, cgroup);
	addr_print(line->is.addr, addr);
	printf("%s\t%s\t%s\t%llus\t%s\n", shown, addr, name, seconds_left(&line->is, now),
	       origin(&line->is));
}

static json_t *line_json(const struct line *line, const char *cgroup, __u64 now)
{
	char name[3 * CGG_OPERAND], addr[CGG_NET_TEXT], shown[3 * 4096];

	text_utf8(name, line->is.name);
	text_utf8(shown, cgroup);
	addr_print(line->is.addr, addr);
	return json_pack("{s:s, s:I, s:s, s:s, s:I, s:s, s:I}", "cgroup", shown, "cgroup_id",
			 (json_int_t)line->cgroup, "address", addr, "name", name, "ttl",
			 (json_int_t)seconds_left(&line->is, now), "from", origin(&line->is),
			 "netns", (json_int_t)line->is.netns);
}

static void names_list(const char *target, bool json)
{
	struct cgg_guard guard;
	char cgroup[4096] = "";
	json_t *all = json_array();
	__u64 now;
	int status = guard_open(&guard, CGG_READ);

	if (status)
		die(status);
	status = each_attached(&guard, target, lines_read, 0);
	if (status > CGG_NO)
		die(status);
	if (status && target)
		nobody(target);
	if (list.count)
		qsort(list.line, list.count, sizeof(*list.line), by_name);
	now = time_now();
	for (size_t i = 0; i < list.count; i++) {
		const struct line *line = &list.line[i];

		if (i && !by_name(line, line - 1))
			continue;
		if (!i || line->cgroup != line[-1].cgroup)
			cgroup_name(line->cgroup, cgroup, sizeof(cgroup));
		if (json)
			json_array_append_new(all, line_json(line, cgroup, now));
		else
			line_print_text(line, cgroup, now);
	}
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	free(list.line);
	guard_close(&guard);
}

/* ---- add, flush ---- */

static void addr_or_die(__u8 addr[16], const char *word)
{
	struct cgg_net net;

	if (strchr(word, '/') || net_parse(&net, word) || !net_is_address(&net))
		errx(CGG_USAGE, "add: %.80s: not an address", word);
	memcpy(addr, net.addr, sizeof(net.addr));
}

/* Read NAME ADDR... [ttl TIME]. */
static void addition_read(struct addition *add, int count, char **word)
{
	static const char add_usage[] = "add: write add NAME ADDR... [ttl TIME]";
	struct cgg_rule rule = { 0 };

	if (count < 2)
		errx(CGG_USAGE, "%s", add_usage);
	if (host_parse(&rule, word[0]))
		die(CGG_USAGE);
	if (rule.prefix)
		errx(CGG_USAGE, "add: %.140s: an address has whole names, without *", word[0]);
	memcpy(add->name, rule.operand, sizeof(add->name));
	if (count > 2 && !strcmp(word[count - 2], "ttl")) {
		if (time_parse(&add->ttl, word[count - 1]))
			errx(CGG_USAGE, "ttl %.80s: not a time (90s, 10m, 2h, 1d; a year at most)",
			     word[count - 1]);
		count -= 2;
	}
	if (count < 2)
		errx(CGG_USAGE, "%s", add_usage);
	add->count = count - 1;
	add->addr = calloc((size_t)count, sizeof(*add->addr));
	if (!add->addr)
		errx(CGG_FAILED, "out of memory");
	for (int i = 0; i < add->count; i++)
		addr_or_die(add->addr[i], word[i + 1]);
}

/* Add the bindings to a cgroup; they last as long as its policy keeps one, or longer. */
static int bindings_add(struct cgg_guard *guard, const struct cgg_attachment *at, void *context)
{
	const struct cgg_image *image = policy_image(guard, (int)at->policy);
	struct addition *add = context;
	struct cgg_binding binding = { .netns = add->netns, .by_hand = true };
	struct cgg_bound_before *done =
		reallocarray(add->done, add->done_count + (size_t)add->count, sizeof(*done));
	int status = image ? 0 : CGG_FAILED;

	if (!done)
		return set_error(CGG_FAILED, "add: out of memory");
	add->done = done;

	memcpy(binding.name, add->name, sizeof(binding.name));
	if (image)
		binding.expires =
			add->now + (add->ttl > image->naming.keep ? add->ttl : image->naming.keep);
	for (int i = 0; i < add->count && !status; i++) {
		memcpy(binding.addr, add->addr[i], sizeof(binding.addr));
		status = binding_add(at->id, &binding, &add->done[add->done_count]);
		add->done_count += !status;
	}
	return status;
}

/* Take back what was added, and exit with the error. */
static _Noreturn void take_back(const struct addition *add, int status)
{
	char why[CGG_ERROR];
	size_t stay = 0;

	memcpy(why, cgg_error, sizeof(why));
	for (size_t i = add->done_count; i > 0; i--)
		stay += !!binding_undo(&add->done[i - 1]);
	if (stay)
		errx(status, "%s; %zu of the addresses have the name nevertheless", why, stay);
	errx(status, "%s", why);
}

static int bindings_forget(struct cgg_guard *guard, const struct cgg_attachment *at, void *context)
{
	(void)guard;
	(void)context;
	return bindings_flush(at->id);
}

/* Open the guard for a change. Nothing is repaired here: names are no part of its state. */
static void change_or_die(struct cgg_guard *guard)
{
	int status = guard_open(guard, CGG_CHANGE);

	if (status)
		die(status);
}

static void names_add(const char *target, int count, char **word)
{
	struct addition add = { 0 };
	struct cgg_guard guard;
	int status;

	addition_read(&add, count, word);
	change_or_die(&guard);
	add.now = time_now();
	add.netns = netns_cookie();
	if (!add.netns)
		errx(CGG_FAILED, "add: needs Linux 5.14, which tells in what network "
				 "namespace this is");
	status = each_attached(&guard, target, bindings_add, &add);
	if (status > CGG_NO)
		take_back(&add, status);
	if (status)
		nobody(target);
	free(add.done);
	free(add.addr);
	guard_close(&guard);
}

static void names_flush(const char *target, int count, char **word)
{
	struct cgg_guard guard;
	int status;

	if (count)
		errx(CGG_USAGE, "%s: flush takes no words", word[0]);
	change_or_die(&guard);
	status = each_attached(&guard, target, bindings_forget, 0);
	if (status > CGG_NO)
		die(status);
	if (status && target)
		nobody(target);
	guard_close(&guard);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, 0, 'j' },
						 { "cgroup", 1, 0, 'c' },
						 COMMON_OPTIONS };
	const char *target = 0, *action;
	bool json = false;
	int option;

	start(argv);
	while ((option = option_next(argc, argv, "jc:" COMMON_LETTERS, options)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'c')
			target = optarg;
		else
			common_option(option, usage);
	}
	action = optind < argc ? argv[optind] : "";
	if (json && (!strcmp(action, "add") || !strcmp(action, "flush")))
		errx(CGG_USAGE, "-j: is for the list, not for %s", action);
	if (!strcmp(action, "add"))
		names_add(target, argc - optind - 1, argv + optind + 1);
	else if (!strcmp(action, "flush"))
		names_flush(target, argc - optind - 1, argv + optind + 1);
	else if (optind + 1 < argc)
		errx(CGG_USAGE, "%s: one TARGET; see cgg-names -h", argv[optind + 1]);
	else if (target && optind < argc)
		errx(CGG_USAGE, "%s: -c or TARGET, one of them", argv[optind]);
	else
		names_list(optind < argc ? argv[optind] : target, json);
	return CGG_DONE;
}
