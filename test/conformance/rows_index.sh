#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An index that cannot be read: what is wrong, in which row, exit status 3.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/selvage-rows.XXXXXX") || exit 3
trap 'rm -rf "$work"' EXIT
mkdir "$work/suit"
bad=0

# refused INDEX WORDS
refused() {
    echo "$1" >"$work/suit/index.json"
    "$SELVAGE_BUILD/test/suit_rows" "$work" >"$work/out" 2>&1
    status=$?
    if [ "$status" != 3 ] || ! grep -qF -e "$2" "$work/out"; then
        echo "exit $status, without \"$2\": $1"
        cat "$work/out"
        bad=1
    fi
}
row='"file": "x.suit", "kind": "envelope", "expected": "ACCEPT"'
refused '' "index.json: "
refused '[' "index.json: "
refused '{}' "not a list of rows"
refused '[3]' 'row 0: no text "file"'
refused '[{"kind": "data"}]' 'row 0: no text "file"'
refused '[{"file": "x"}]' 'row 0: no text "kind"'
refused '[{"file": "x", "kind": 1}]' 'row 0: no text "kind"'
refused "[{$row}, {\"file\": \"x\", \"kind\": \"envelope\"}]" \
    'row 1: no text "expected"'
refused "[{$row, \"features\": [1]}]" '"features" is no list of texts'
refused "[{$row, \"manifest_keys\": [3]}]" '"manifest_keys" is no list'
refused "[{$row}]" "no key $work/suit/keys/k1_p256_priv.cosekey"
[ "$bad" = 0 ] && echo "11 indexes refused by name"
exit "$bad"
