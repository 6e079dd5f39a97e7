#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# named - first match over addresses and names together: the kernel decides as a plain walk does
#
# tests/engines/named.c makes the policies, gives addresses names, and makes real calls. SEED=N repeats
# a run, MORE=10 tries ten times as many policies.
# shellcheck disable=SC2154 # helpers set web
# shellcheck disable=SC2030,SC2031 # run sets output and status

load ../hooks/names

setup()
{
	untraced
	new_cgroup web
	network
	net cgg-attach "$web"
	echo "SEED=${SEED:=$RANDOM}"
}

# agrees RULES POLICIES QUERIES
agrees()
{
	local i n said

	for ((i = 0; i < $2 * ${MORE:-1}; i++)); do
		echo "named make $1 $((SEED + i))"
		"$BUILD/tests/named" make "$1" "$((SEED + i))" >"$BATS_TEST_TMPDIR/rules"
		for n in 0 1 2 3 4; do
			"$BUILD/tests/named" set "$1" "$((SEED + i))" "$n" | cgg-set restore "s$n"
		done
		yes net cgg-rule restore "$BATS_TEST_TMPDIR/rules"
		yes net "$BUILD/tests/named" try "$web" "$1" "$((SEED + i))" "$3"
		said=${said-}$output$'\n'
	done
	# All in all, names decide, and both verdicts occur.
	awk '{ denied += $4; names += $7; all += $2 } END { exit !(names > all / 20 && denied > all / 20 &&
		denied < all) }' <<<"$said"
}

@test 'short policies of addresses and names decide as a plain walk does' {
	agrees 10 30 400
	agrees 64 15 400
}

@test 'compiled policies of addresses and names decide as a plain walk does' {
	agrees 65 15 400
	agrees 500 6 1000
	agrees 5000 2 4000
}
