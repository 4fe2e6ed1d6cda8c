#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The power-cut search: finds nothing on two geometries, catches each journal
# that is broken on purpose, and a replay string runs the very case it names.
set -u
sim="$SELVAGE_BUILD/bin/selvage-sim"
fail=0

# expect STATUS COMMAND...: run it, compare its exit status.
expect() {
    want=$1
    shift
    out=$("$@" 2>&1)
    got=$?
    if [ "$got" -ne "$want" ]; then
        echo "FAILED: $* ended with $got, not $want:"
        echo "$out"
        fail=1
    fi
}

expect 0 "$sim" cut --geometry 512x8-ff,1024x32-00 --no-progress
echo "$out"
expect 0 "$sim" cut --app script --geometry 512x16-ff --no-progress
echo "$out"

expect 0 "$sim" cut --canary --no-progress
echo "$out"
# "case STRING" of each canary: the broken journal fails it again, in the same
# words, and the real one does not.
echo "$out" | awk '/^canary/ { name = $2; words = $0; sub(/.*cuts: /, "", words) }
    / case / { print name "|" $2 "|" words }' >"${TMPDIR:-/tmp}/cases.$$"
count=0
while IFS='|' read -r name case words; do
    count=$((count + 1))
    expect 1 "$sim-canary" cut --break "$name" --replay "$case"
    case $out in
    *"$words"*) ;;
    *) echo "FAILED: replay of $case says: $out"; fail=1 ;;
    esac
    expect 0 "$sim" cut --replay "$case"
done <"${TMPDIR:-/tmp}/cases.$$"
rm -f "${TMPDIR:-/tmp}/cases.$$"
if [ "$count" -lt 3 ]; then
    echo "FAILED: $count canaries were caught, not 3"
    fail=1
fi

# What it cannot understand is a usage error, in words.
expect 2 "$sim"
expect 2 "$sim" fly
expect 2 "$sim" cut --flow update,sideways
case $out in
*"update,sideways; the flows are update, revert, watchdog, crash, all") ;;
*) echo "FAILED: an unknown flow: $out"; fail=1 ;;
esac
expect 2 "$sim" cut --geometry 513x8-ff
expect 2 "$sim" cut --depth 0
expect 2 "$sim" cut --depth 5
expect 2 "$sim" cut --depth
expect 2 "$sim" cut --seed x
expect 2 "$sim" cut --break erase-first
expect 2 "$sim" cut --what
for bad in '' x script/update \
    script/update/512x8-ff/1/3 script/update/512x8-ff/1/3.1, \
    script/update/512x8-ff/1/3.1x script/update/9x9-ff/1/3.1 \
    script/fly/512x8-ff/1/3.1 fly/update/512x8-ff/1/3.1; do
    expect 2 "$sim" cut --replay "$bad"
done
expect 0 "$sim" --help
expect 0 "$sim" -h
expect 0 "$sim" --version
expect 0 "$sim" cut --geometry 512x32-ff --flow crash --json
echo "$out" | grep -q '"good": true' || { echo "FAILED: --json"; fail=1; }
exit $fail
