/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * random-sets.h - sets of random nets, each as a table and as a plain list of its nets.
 *
 * Whoever includes this has pick() and random_net().
 */
#ifndef RANDOM_SETS_H
#define RANDOM_SETS_H

#define SETS 6
#define SET_NETS 40

static struct random_set {
	struct cgg_net net[SET_NETS];
	unsigned count;
	struct cgg_table table;
} random_set[SETS];

static struct cgg_element element_of(const struct cgg_net *net)
{
	struct cgg_element e = { .tag = net->len, .expires = CGG_SET_NEVER };

	memcpy(e.key, net->addr, sizeof(e.key));
	e.key[0] = be64toh(e.key[0]);
	e.key[1] = be64toh(e.key[1]);
	return e;
}

static void set_free(struct random_set *set)
{
	free(set->table.page);
	memset(set, 0, sizeof(*set));
}

/* Make a set; its table is small, so that elements share lines. */
static void random_set_make(struct random_set *set, unsigned count)
{
	struct cgg_elements list = { .kind = CGG_SET_ADDRESSES };
	__u64 seed[4];
	__u32 lines;

	set_free(set);
	for (int i = 0; i < 4; i++)
		seed[i] =
			(__u64)pick(1u << 24) << 40 | (__u64)pick(1u << 24) << 20 | pick(1u << 24);
	table_size(&list, 0, &lines, &set->table.pages);
	set->table.page = calloc(set->table.pages, CGG_PAGE);
	assert_non_null(set->table.page);
	table_begin(&set->table, CGG_SET_ADDRESSES, lines, seed);
	while (set->count < count) {
		struct cgg_net *net = &set->net[set->count];
		struct cgg_element e;

		random_net(net);
		if (net->word != CGG_NET_ADDRESSES || net->range || !net->len)
			continue;
		e = element_of(net);
		set->count++;
		if (!table_find(&set->table, &e, 0))
			assert_int_equal(table_put(&set->table, &e, 0, 0), 0);
	}
	if (pick(2))
		table_settle(&set->table, count);
}

static bool bits_equal(const __u8 *one, const __u8 *other, unsigned len)
{
	for (unsigned bit = 0; bit < len; bit++)
		if ((one[bit / 8] ^ other[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

/* Return whether one of the nets contains an address, which is IPv4 when it is mapped. */
static bool set_holds(const struct random_set *set, const __u8 addr[16])
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct cgg_net *net = &set->net[i];
		bool four = addr_is_ip4(net->addr) && net->len >= 96;

		if (four == addr_is_ip4(addr) && bits_equal(net->addr, addr, net->len))
			return true;
	}
	return false;
}

static const struct random_set *set_of_name(const char *name)
{
	return &random_set[atoi(name + 1)];
}

/* Number the sets that rules use, as the guard does. */
static void sets_numbered(struct cgg_rules *rules)
{
	rules_count_sets(rules);
	for (unsigned i = 0; i < CGG_SETS_OF; i++)
		if (*rules->set[i].name)
			rules->set[i].number = 1 + (__u32)atoi(rules->set[i].name + 1);
}

#endif
