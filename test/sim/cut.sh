#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The power-cut search finds nothing on some geometries, and understands its
# command line. test/sim/canary.sh shows that it can find something.
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
case $out in
*"depth 1 whole in 7 of the 133 searches of strategy ab "*) ;;
*) echo "FAILED: the share of all searches: $out"; fail=1 ;;
esac

# What it cannot understand is a usage error, in words.
expect 2 "$sim"
expect 2 "$sim" fly
expect 2 "$sim" cut --flow update,sideways
case $out in
*"update,sideways; the flows are update, revert, watchdog, crash, repeat, recover, lost, all") ;;
*) echo "FAILED: an unknown flow: $out"; fail=1 ;;
esac
expect 2 "$sim" cut --geometry 513x8-ff
expect 2 "$sim" cut --depth 0
expect 2 "$sim" cut --depth 5
expect 2 "$sim" cut --seconds 0
expect 2 "$sim" cut --seconds -1
expect 2 "$sim" cut --seconds 5x
expect 2 "$sim" cut --seed -1
expect 2 "$sim" cut --faults metastable,bent
# Nothing is not "every rule held".
expect 2 "$sim" cut --flow revert --strategy overwrite --geometry 512x16-ff
case $out in
*"nothing to search: the strategy overwrite has none of these flows"*) ;;
*) echo "FAILED: nothing to search: $out"; fail=1 ;;
esac
for none in script/ab/update/512x8-ff/1/999999.1 \
    script/ab/update/512x8-ff/1/1.9999 script/ab/update/512x8-ff/1/r99999.0 \
    script/ab/update/512x8-ff/1/r7.9 script/ab/update/512x8-ff/1/w99999.0 \
    script/ab/update/512x8-ff/1/w0.9 script/ab/update/512x8-ff/1/3.1,99999.1; do
    expect 2 "$sim" cut --replay "$none"
    case $out in
    *"there is no such case"*) ;;
    *) echo "FAILED: a case that is none: $out"; fail=1 ;;
    esac
done
expect 0 "$sim" cut --replay script/ab/update/512x8-ff/1/3.1,3.1
for flag in "--strategy swap" "--depth 2" "--seconds 5" "--faults none" \
    "--replay script/ab/update/512x8-ff/1/3.1" "--only none-such"; do
    expect 2 "$sim" cut --canary $flag
done
expect 2 "$sim" cut --only trust-alone
expect 2 "$sim" hostile --replay 512x8-ff/1
expect 2 "$sim" cut --depth
expect 2 "$sim" cut --seed x
expect 2 "$sim" cut --break erase-first
expect 2 "$sim" cut --what
for bad in '' x script/ab/update script/fly/update/512x8-ff/1/3.1 \
    script/ab/update/512x8-ff/1/3 script/ab/update/512x8-ff/1/3.1, \
    script/ab/update/512x8-ff/1/3.1x script/ab/update/9x9-ff/1/3.1 \
    script/ab/fly/512x8-ff/1/3.1 fly/ab/update/512x8-ff/1/3.1; do
    expect 2 "$sim" cut --replay "$bad"
done
expect 0 "$sim" --help
expect 0 "$sim" -h
expect 0 "$sim" --version
for words in --list --help --version; do
    "$sim" cut $words >/dev/full 2>/dev/null
    [ $? = 3 ] || { echo "FAILED: $words >/dev/full"; fail=1; }
done
# A sample says what it left out, and never "all".
expect 0 "$sim" cut --geometry 512x32-ff --flow crash --depth 2 --seconds 1 \
    --no-progress
case $out in
*"depth 1 whole; of depth 2 "*" % ("*"sampled with seed 1"*) ;;
*) echo "FAILED: a sample: $out"; fail=1 ;;
esac
case $out in
*" 100.0"*) echo "FAILED: a sample that says all: $out"; fail=1 ;;
esac
# Of three cuts there are many times more than of two. How many is not known
# before one cut has been followed by others, which takes a slow machine longer.
about() {
    "$sim" cut --geometry 512x32-ff --flow crash --depth "$1" --seconds "$2" \
        --no-progress | sed -n 's/.* of about \([0-9]*\) cases.*/\1/p'
}
for seconds in 1 5 25; do
    pairs=$(about 2 $seconds) triples=$(about 3 $seconds)
    [ "$((triples / pairs))" -ge 10 ] && break
done
[ "$((triples / pairs))" -ge 10 ] ||
    { echo "FAILED: $triples triples, $pairs pairs"; fail=1; }
# A read that failed, and flash that wraps around.
expect 0 "$sim" cut --replay consumer/ab/update/512x8-ff/1/r7.0
expect 0 "$sim" cut --replay consumer/ab/update+worn/512x8-ff/1/7.1,r7.1
expect 2 "$sim" cut --replay consumer/ab/update/512x8-ff/1/r7.0,3.1
# A write that fails: of the first record of all, and of a sector that the move
# needs, in the boot in which it takes nothing.
expect 0 "$sim" cut --replay script/ab/update/512x8-ff/1/w0.0
expect 0 "$sim" cut --replay script/swap/update/512x8-ff/1/w13.2
expect 2 "$sim" cut --replay script/ab/update/512x8-ff/1/w0.0,3.1
expect 2 "$sim" hostile --strategy stages
case $out in
*"hostile does not know --strategy: stages"*) ;;
*) echo "FAILED: hostile with another strategy: $out"; fail=1 ;;
esac
expect 0 "$sim" hostile --strategy swap --replay 512x8-ff/30/2048
expect 0 "$sim" hostile --replay 512x8-ff/30/2048
expect 0 "$sim" cut --geometry 512x32-ff --flow crash --json
echo "$out" | grep -q '"good": true' || { echo "FAILED: --json"; fail=1; }
exit $fail
