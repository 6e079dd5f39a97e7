/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* resolver.h - what the policy says about resolvers. */
#ifndef CGG_NAMES_RESOLVER_H
#define CGG_NAMES_RESOLVER_H

#include "../decide.h"

/* resolver_find - Return whether the policy names this resolver: 1, or 2 if it is on loopback. */
__noinline __weak int resolver_find(__u64 high, __u64 low)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 place = at->policy - 1, generation;
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	const struct cgg_image *image;
	int found = 0;

	if (!policy)
		return 0;
	generation = NOW(policy->generation);
	image = image_at(image_now(policy, place, generation));
	if (!image)
		return 0;
	for (__u32 i = 0; i < CGG_RESOLVERS; i++) {
		if (i >= image->naming.resolvers)
			break;
		if (image->naming.resolver[i][0] == high && image->naming.resolver[i][1] == low)
			found = 1;
	}
	if (!in_force(policy, generation) || !found)
		return 0;
	if (!high && (low == join(0, bpf_htonl(1)) ||
		      (low & join(~0u, bpf_htonl(0xff000000))) ==
			      join(bpf_htonl(0xffff), bpf_htonl(0x7f000000))))
		return 2;
	return 1;
}

/* keep_now - Return how long the policy keeps a binding at least. */
__noinline __weak __u64 keep_now(__u32 unused)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 place = at->policy - 1;
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	const struct cgg_image *image;

	(void)unused;
	if (!policy)
		return 0;
	image = image_at(image_now(policy, place, NOW(policy->generation)));
	return image ? image->naming.keep : 0;
}

#endif
