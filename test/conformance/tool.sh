#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line makes the vectors that have a template: create and sign
# give the bytes of the .hex file, and verify gives the vector's verdict.
set -u
export LC_ALL=C
selvage=$SELVAGE_BUILD/bin/selvage
folder=$PWD/test/vectors/suit
# In memory where there is such a folder: the tool syncs what it writes.
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# member MEMBER: the strings of a one-line list of the vector in $json.
member() {
    [[ $json =~ \"$1\":\ \[([^]]*)\] ]] && tr -d '",' <<<"${BASH_REMATCH[1]}"
}

# one NAME: prints what is wrong.
one() {
    local json out=$work/envelope key expected=refused verdict hex
    local flags=()
    json=$(<"$folder/$1.json")
    "$selvage" --quiet manifest create -o "$out" \
        --template "$folder/$1.template.json" || return
    [[ $json == *'"keys"'* ]] || json+='"keys": ["draft.pem"]'
    for key in $(member keys); do
        "$selvage" --quiet manifest sign --force --key "$folder/keys/$key" \
            "$out" -o "$out" || return
    done
    hex=$(od -An -v -tx1 "$out" | tr -d ' \n')
    if [[ $json != *'"drop"'* && $hex != "$(tr -d '\n' <"$folder/$1.hex")" ]]
    then
        echo "other bytes"
    fi
    # Without --device nothing of the device counts but its anchors.
    [[ $json == *'"check": "accepted"'* || $1 == sequence-lower ]] &&
        expected=accepted
    [[ $json == *'"anchors"'* ]] || json+='"anchors": ["draft.pem"]'
    for key in $(member anchors); do
        flags+=(--key "$folder/keys/$key")
    done
    verdict=$("$selvage" manifest verify --json "${flags[@]}" "$out")
    [[ $verdict == *"\"verdict\": \"$expected\""* ]] ||
        echo "not $expected:" "$(grep '"reason' <<<"$verdict" | tr -d '\n')"
    if [[ $expected == refused &&
        $verdict =~ \"reason_code\":\ ([0-9]+) &&
        $json != *"\"reason\": ${BASH_REMATCH[1]}"[,\}]* ]]; then
        echo "the reason is ${BASH_REMATCH[1]}"
    fi
}

for template in "$folder"/*.template.json; do
    name=$(basename "$template" .template.json)
    wrong=$(one "$name" 2>&1 | grep -v '^warning')
    if [ -z "$wrong" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $name: $wrong"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
