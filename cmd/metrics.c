// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* metrics.c - prints what cgg-status -m shows, in the text format of Prometheus. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "status.h"

__u64 unread_packets(const struct policy *policy)
{
	return policy->tally[CGG_EGRESS].unread + policy->tally[CGG_INGRESS].unread;
}

/* Return the number of decisions of one verdict, by rules and by the default together. */
__u64 decided(const struct cgg_tally *tally, int verdict)
{
	return tally->by_default[verdict] + tally->by_rule[verdict];
}

/* Return whether the policy needs a hook, or has counted decisions of it. */
bool is_counted(const struct policy *policy, int hook)
{
	__u64 sum = 0;

	for (int v = CGG_ALLOW; v <= CGG_AUDIT; v++)
		sum += decided(&policy->tally[hook], v);
	return policy->hooks & 1u << hook || sum;
}

static void metric(const char *name, const char *type, const char *help)
{
	printf("# HELP cgguard_%s %s\n# TYPE cgguard_%s %s\n", name, help, name, type);
}

static void metric_alone(const char *name, const char *type, const char *help, __u64 value)
{
	metric(name, type, help);
	printf("cgguard_%s %llu\n", name, value);
}

/* Return a cgroup's path as a label: escaped as in text output, and then also \ and ". */
static const char *label(const struct attachment *at)
{
	static char text[8 * 4096], shown[4 * 4096];
	char *to = text;

	text_print(shown, at->cgroup);
	for (const char *from = shown; *from; *to++ = *from++)
		if (*from == '\\' || *from == '"')
			*to++ = '\\';
	*to = 0;
	return text;
}

static void decision_metric(const struct policy *policy, int hook, bool rule)
{
	const struct cgg_tally *tally = &policy->tally[hook];

	for (int v = 0; v < CGG_VERDICTS; v++)
		printf("cgguard_decisions_total{policy=\"%s\",hook=\"%s\",by=\"%s\","
		       "verdict=\"%s\"} %llu\n",
		       policy->name, cgg_hooks[hook].word, rule ? "rule" : "default",
		       cgg_verdicts[v], rule ? tally->by_rule[v] : tally->by_default[v]);
}

static void decisions_metric(const struct status *all)
{
	metric("decisions_total", "counter",
	       "Operations decided, by policy, hook, what decided, and verdict.");
	for (unsigned i = 0; i < all->policies; i++) {
		const struct policy *policy = &all->policy[i];

		for (int hook = 0; hook < CGG_HOOKS; hook++) {
			if (!is_counted(policy, hook))
				continue;
			decision_metric(policy, hook, false);
			decision_metric(policy, hook, true);
		}
	}
}

static void policy_metrics(const struct status *all)
{
	decisions_metric(all);
	metric("policy_rules", "gauge", "Rules of the policy.");
	for (unsigned i = 0; i < all->policies; i++)
		printf("cgguard_policy_rules{policy=\"%s\"} %u\n", all->policy[i].name,
		       all->policy[i].rules);
	metric("unread_packets_total", "counter", "Packets that could not be read to their port.");
	for (unsigned i = 0; i < all->policies; i++)
		printf("cgguard_unread_packets_total{policy=\"%s\"} %llu\n", all->policy[i].name,
		       unread_packets(&all->policy[i]));
}

static void packets_metric(const struct status *all, const char *name, const char *help, bool bytes)
{
	static const char *const ways[CGG_WAYS] = { "egress", "ingress" };

	metric(name, "counter", help);
	for (unsigned i = 0; i < all->attachments; i++) {
		const struct cgg_packets *p = &all->attachment[i].packets;

		for (int way = 0; way < CGG_WAYS; way++) {
			const char *cgroup = label(&all->attachment[i]);

			printf("cgguard_%s{cgroup=\"%s\",hook=\"%s\",verdict=\"allow\"} %llu\n",
			       name, cgroup, ways[way],
			       bytes ? p->allowed_bytes[way] : p->allowed[way]);
			printf("cgguard_%s{cgroup=\"%s\",hook=\"%s\",verdict=\"deny\"} %llu\n",
			       name, cgroup, ways[way],
			       bytes ? p->denied_bytes[way] : p->denied[way]);
		}
	}
}

/* Return whether a cgroup has programs of a hook, or has counted denials of it. */
bool is_denied(const struct attachment *at, int hook)
{
	return at->denied[hook] || at->programs & hook_programs(1u << hook);
}

static void denials_metric(const struct status *all)
{
	metric("denied_total", "counter", "Operations and packets denied, by cgroup.");
	for (unsigned i = 0; i < all->attachments; i++)
		for (int hook = 0; hook < CGG_HOOKS; hook++)
			if (is_denied(&all->attachment[i], hook))
				printf("cgguard_denied_total{cgroup=\"%s\",hook=\"%s\"} %llu\n",
				       label(&all->attachment[i]), cgg_hooks[hook].word,
				       all->attachment[i].denied[hook]);
}

/* Print the values of the cgroups that have names; nothing if there is none. */
static void names_metrics(const struct status *all)
{
	unsigned have = 0;

	for (unsigned i = 0; i < all->attachments; i++)
		have += all->attachment[i].has_names;
	for (int v = 0; v < NAME_VALUES && have; v++) {
		const char *name = name_values[v].metric;
		size_t len = strlen(name), end = sizeof("_total") - 1;
		bool total = len > end && !strcmp(name + len - end, "_total");

		metric(name, total ? "counter" : "gauge", name_values[v].help);
		for (unsigned i = 0; i < all->attachments; i++)
			if (all->attachment[i].has_names)
				printf("cgguard_%s{cgroup=\"%s\"} %llu\n", name,
				       label(&all->attachment[i]),
				       name_value(&all->attachment[i], v));
	}
}

static void attachment_metrics(const struct status *all)
{
	metric("attached", "gauge", "1 for each cgroup that is attached, with its policy.");
	for (unsigned i = 0; i < all->attachments; i++)
		printf("cgguard_attached{cgroup=\"%s\",policy=\"%s\"} 1\n",
		       label(&all->attachment[i]), all->attachment[i].policy);
	denials_metric(all);
	packets_metric(all, "packets_total", "Packets judged, by cgroup.", false);
	packets_metric(all, "packet_bytes_total", "Bytes of packets judged, by cgroup.", true);
	metric("attachment_events_withheld_total", "counter",
	       "Events not written so that other cgroups kept their room, by cgroup.");
	for (unsigned i = 0; i < all->attachments; i++)
		printf("cgguard_attachment_events_withheld_total{cgroup=\"%s\"} %llu\n",
		       label(&all->attachment[i]), all->attachment[i].suppressed);
	names_metrics(all);
}

void metrics_show(const struct status *all)
{
	unsigned live = 0;

	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++)
		live += all->reader.reader_slots[reader_slot].pid != 0;
	metric_alone("events_total", "counter", "Events written since the guard was loaded.",
		     all->events);
	metric_alone("events_unread", "gauge", "Events that no reader has read.", all->unread);
	metric_alone("events_room", "gauge", "Events that are kept at most.", all->reader.slots);
	metric_alone("events_lost_total", "counter", "Events that readers did not get.", all->lost);
	metric_alone("events_withheld_total", "counter",
		     "Events not written so that other cgroups kept their room.", all->suppressed);
	metric_alone("readers", "gauge", "Readers of events at work.", live);
	policy_metrics(all);
	sets_metrics(all);
	attachment_metrics(all);
}
