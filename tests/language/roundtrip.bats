#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# roundtrip - policies of random words stay the same through every form in which they are written
#
# SEED=N repeats a run, MORE=10 makes ten times as many policies.
# shellcheck disable=SC2030,SC2031,SC2154 # run sets output and status; new_cgroup sets below

load ../ways

seed=${SEED:-$RANDOM}

policies()
{
	python3 "$tests_dir/policies.py" "$@"
}

setup()
{
	untraced
	new_cgroup below
	cgg-set add office 192.0.2.0/24
	cgg-set add names '*.example.net'
	echo "SEED=$seed"
}

# accepted SEED KIND FILE: write a policy without the lines that no operation can match
accepted()
{
	local bad

	echo "policies.py $2 $1"
	policies "$2" "$1" "$(shown "$below")" >"$3"
	run cgg-rule restore -n "$3"
	bad=$(sed -nE "s|^cgg-rule: [^:]*:([0-9]+): .* does not see it.*|\1d|p" <<<"$output")
	[ "$(wc -l <<<"$bad")" -lt 12 ] # of 40
	sed -i "$bad" "$3"
}

# listed [POLICY]: the policy as list prints it; the time that is left of a ttl does not count
listed()
{
	cgg-rule -p "${1-default}" list | sed -E 's/ ttl [0-9]+[smhd]/ ttl T/'
}

# again FILE: a policy restored from it prints the same as the first policy
again()
{
	yes cgg-rule -p copy restore "$1"
	diff "$at/one" <(listed copy)
}

@test 'policies of all words stay the same through list, diff, export and JSON' {
	at=$BATS_TEST_TMPDIR
	for ((n = seed; n < seed + 3 * ${MORE:-1}; n++)); do
		accepted "$n" words "$at/words"
		yes cgg-rule restore "$at/words"
		listed >"$at/one"
		[ "$(grep -cv -e '^default' -e '^mode' "$at/one")" -ge 28 ]
		cgg-rule list -i >"$at/ids"
		cgg-rule list >"$at/list"
		yes cgg-rule diff "$at/list"
		says ''
		yes cgg-rule diff "$at/words"
		yes cgg-rule restore "$at/list"
		diff <(sed 's/ ttl .*//' "$at/ids") <(cgg-rule list -i | sed 's/ ttl .*//')
		again "$at/list"
		cgg-rule list -j | policies as-lines >"$at/lines"
		again "$at/lines"
		yes cgg-rule export "$at/all"
		sed -i '/ ttl T$/d' "$at/one" # export says that it leaves these out
		again "$at/all/default.policy"
		rm -r "$at/all"
	done
}

@test 'policies in YAML stay the same through list, and through JSON of the same form' {
	at=$BATS_TEST_TMPDIR
	for ((n = seed; n < seed + 2 * ${MORE:-1}; n++)); do
		accepted "$n" yaml "$at/words"
		yes cgg-rule restore "$at/words"
		listed >"$at/one"
		[ "$(wc -l <"$at/one")" -ge 28 ]
		cgg-rule list -j | policies as-yaml >"$at/yaml"
		again "$at/yaml"
		python3 -c 'import json, sys
rules = []
for line in sys.stdin:
    key, _, value = line.strip().removeprefix("- ").partition(": ")
    if key == "action":
        rules.append({})
    if key != "rules:":
        rules[-1][key] = value if key == "action" else json.loads(value)
print(json.dumps({"rules": rules}))' <"$at/yaml" >"$at/json"
		again "$at/json"
	done
}
