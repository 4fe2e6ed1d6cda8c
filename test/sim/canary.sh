#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# canary.sh NAME...: what is broken on purpose is caught by the power-cut search,
# each of it, and a replay string runs the very case that it names. CMake gives
# every canary to one of its tests.
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

only=$(echo "$*" | tr ' ' ,)
expect 0 "$sim" cut --canary --only "$only" --no-progress
echo "$out"
case $out in
*"$# of $# canaries caught, there are 24") ;;
*) echo "FAILED: not $# of 24"; fail=1 ;;
esac
# "case STRING" of each canary: the broken journal fails it again, in the same
# words, and the real one does not.
echo "$out" | awk '/^canary/ { name = $2; words = $0; sub(/^[^:]*: /, "", words) }
    / case / { print name "|" $2 "|" words }' >"${TMPDIR:-/tmp}/cases.$$"
count=0
while IFS='|' read -r name case words; do
    count=$((count + 1))
    expect 1 "$sim-canary" cut --break "$name" --replay "$case"
    case $out in
    *"$words"*) ;;
    *) echo "FAILED: replay of $case says: $out"; fail=1 ;;
    esac
    # The real one may not come to that operation, and says so.
    out=$("$sim" cut --replay "$case" 2>&1)
    case $? in
    0) ;;
    2) case $out in
        *"there is no such case"*) ;;
        *) echo "FAILED: replay of $case says: $out"; fail=1 ;;
        esac ;;
    *) echo "FAILED: the real one fails $case: $out"; fail=1 ;;
    esac
done <"${TMPDIR:-/tmp}/cases.$$"
rm -f "${TMPDIR:-/tmp}/cases.$$"
if [ "$count" -ne $# ]; then
    echo "FAILED: $count canaries were caught, not $#"
    fail=1
fi
exit $fail
