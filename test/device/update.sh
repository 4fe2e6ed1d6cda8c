#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# update.sh - a device on Linux follows selvaged: A to B to A, with a hook as
# its image's self-test, and is seen by the operator.
. test/device/lib.sh

release one 1 20000
release two 2 50000
release three 3 258048
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged does not start"

# Nothing there yet.
device "$WORK/d"
expect "no release" "$STATUS" 10
has "no release" "$OUT" "boot: slot A, sequence number 1, confirmed"
has "no release" "$OUT" "nothing new"

offer one
device "$WORK/d"
expect "same release" "$STATUS" 10

offer two
device "$WORK/d" --run "cmp -s $WORK/two.b"
expect "first update" "$STATUS" 0
has "first update" "$OUT" "downloading 0 of 50000 bytes"
has "first update" "$OUT" "boot: slot B, sequence number 2, on trial (boot 1 of 3)"
expect "elsewhere than on a terminal: a line a quarter" \
    "$(sed -n 's/^downloading .*(\([0-9]* %\))$/\1/p' "$WORK/out" | wc -l)" 5
expect "elsewhere: the end" "$(grep '^downloading' "$WORK/out" | tail -1)" \
    "downloading 50000 of 50000 bytes (100 %)"
has "first update" "$OUT" "update confirmed"
has "first update" "$OUT" "boot: slot B, sequence number 2, confirmed"
has "first update" "$OUT" "accepted 2, floor 2"

offer three
device "$WORK/d" --json --run "cmp -s $WORK/three.a"
expect "second update" "$STATUS" 0
has "second update" "$OUT" '"event":"boot","slot":"A","sequence":3,"trial":true'
has "second update" "$OUT" '"version":"1.3.0"'
measured=$(sha256sum < "$WORK/three.a")
has "boot facts" "$OUT" '"decision":"trial","checks":[{"slot":"A","measured":"'"${measured%% *}"'"}]'
has "boot facts" "$OUT" '"decision":"confirmed"'
has "second update" "$OUT" '"bootloader":{"commands":[1,2,3,5,12,15,20,23],"parameters":[1,2,3,5,14,21],"sections":[7,9],'
has "second update" "$OUT" '{"event":"exit","code":0,"outcome":"confirmed"}'
if grep -qv '^{.*}$' "$WORK/out"; then
    fail "--json: a line is no object"
fi

device "$WORK/d" --quiet
expect "after that" "$STATUS" 10
expect "--quiet" "$OUT" ""
device "$WORK/d" --quiet --json
expect "--quiet --json" "$OUT" ""

# A disk without room for the image's file is no reason not to look.
mv "$WORK/d/image.bin" "$WORK/aside"
mkdir "$WORK/d/image.bin"
device "$WORK/d" --run true
expect "no image.bin" "$STATUS" 10
has "no image.bin" "$OUT" "image.bin: Is a directory"
has "no image.bin" "$OUT" "nothing new"
rmdir "$WORK/d/image.bin"

api GET /api/v1/devices
has "operator's view" "$BODY" '"sequence_number":3'
has "operator's view" "$BODY" '"version":"1.3.0"'
has "operator's view" "$BODY" '"state":"confirmed"'

# A revert stays what the operator sees, with its reason, however often the
# device refuses the same manifest afterwards.
release four 5 20000
offer four
device "$WORK/d" --run false
expect "revert" "$STATUS" 12
has "revert" "$OUT" "SELV_ERR_UPDATE_REVERTED"
api GET /api/v1/devices
has "operator sees the revert" "$BODY" '"state":"reverted"'
has "operator sees why" "$BODY" '"name":"SELV_ERR_BOOT_'
device "$WORK/d"
expect "refused after a revert" "$STATUS" 11
api GET /api/v1/devices
has "operator still sees the revert" "$BODY" '"state":"reverted"'

# An envelope of more bytes than the device holds is taken without what it does
# not need; another one of the same manifest is nothing new then. (One that is
# refused: test_consumer_refuse.)
release five 6 20000
five=$(ab_manifest 6 "$digest_a" 20000 "$DIGEST" 20000)
cp "$WORK/five.suit" "$WORK/five-short"
"$KIT" envelope "$WORK/five.suit" "$five" 'pairs={"#unused": repeat(3000, 7)}'
offer five
: >"$WORK/long"
"$BUILD/bin/selvage-device" --state "$WORK/d" --server "$COAP" --poll 1 \
    >"$WORK/long" 2>&1 &
BAD_PID=$! # which is ended whatever happens
seen() {
    tries=0
    until grep -q "$1" "$WORK/long" || [ $((tries += 1)) -gt 600 ]; do
        sleep 0.1
    done
    has "another envelope" "$(cat "$WORK/long")" "$1"
}
seen "update confirmed, sequence number 6"
publish "$WORK/five-short"
has "another envelope" "$BODY" '"state":"replaced"'
count() {
    grep -c "$1" "$WORK/long"
}
before=$(count "nothing new")
tries=0
until [ "$(count "nothing new")" -gt $((before + 1)) ] ||
    [ $((tries += 1)) -gt 600 ]; do
    sleep 0.1
done
expect "another envelope: updates" "$(count "update authorized")" 1
kill "$BAD_PID"
wait "$BAD_PID" 2>/dev/null
BAD_PID=

# A terminal: one line, written over, that ends before the next one begins.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    cp -R "$WORK/d" "$WORK/t"
    release new 7 100000
    offer new
    timeout 120 script -qec "$BUILD/bin/selvage-device --state $WORK/t \
        --server $COAP --once" /dev/null </dev/null >"$WORK/terminal"
    expect "a terminal: lines" "$(grep -c downloading "$WORK/terminal")" 1
    has "a terminal: written over" "$(tr '\r' '\n' <"$WORK/terminal")" \
        "downloading 4096 of 100000 bytes (4 %)"
    expect "a terminal: the end" "$(grep downloading "$WORK/terminal" |
        tr '\r' '\n' | grep down | tail -1 | sed 's/ *$//')" \
        "downloading 100000 of 100000 bytes (100 %)"
else
    echo "no script(1) here: what a terminal shows is not tested"
fi
stop
finish
