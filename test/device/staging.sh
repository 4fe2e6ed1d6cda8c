#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# staging.sh - devices whose bootloader installs follow selvaged: swap, with its
# way back, and overwrite.
. test/device/lib.sh

# staged NAME NUMBER BYTES DIRECTIVE: $WORK/NAME.{a,suit}, signed; 22 copies,
# 31 swaps.
staged() {
    image "$WORK/$1.a" "$3"
    "$KIT" envelope "$WORK/$1.suit" "{1: 1, 2: $2, 3: <<{2: [[h'00'],
        [h'00', h'73']], 4: <<[12, [0, 1], 20, {1: $VENDOR, 2: $CLASS,
        3: <<[-16, h'$DIGEST']>>, 14: $3}, 1, 15, 2, 15]>>}>>,
        7: <<[12, 0, 3, 15]>>, 9: <<[12, 0, 23, 2]>>,
        16: <<[12, 1, 20, {21: \"/i/$DIGEST\"}, 21, 2, 3, 15]>>,
        20: <<[12, 0, 20, {22: 1}, $4, 2, 3, 15]>>,
        23: <<{\"en\": {[h'00']: {6: \"1.$2.0\"}}}>>}" ||
        fail "kit: release $1"
}

put() {
    api PUT "/api/v1/images/$(digest_of "$WORK/$1.a")" \
        --data-binary "@$WORK/$1.a" -H "Content-Type:"
    publish "$WORK/$1.suit"
    expect "publish $1" "$CODE" 201
}

staged one 1 20000 22
staged two 2 50000 31
staged three 3 253952 22
staged four 4 3 31
"$FACTORY" "$WORK/swap" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$FACTORY" "$WORK/over" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
start "$WORK/s" || fail "selvaged does not start"
put one

device "$WORK/swap" --strategy swap
expect "no release" "$STATUS" 10
has "no release" "$OUT" "boot: slot A, sequence number 1, confirmed"

put two
device "$WORK/swap" --strategy swap --run "cmp -s $WORK/two.a"
expect "swap" "$STATUS" 0
has "swap" "$OUT" "boot: slot A, sequence number 2, on trial (boot 1 of 3)"
has "swap" "$OUT" "boot: slot A, sequence number 2, confirmed"

# What the bootloader cannot do is refused before it is fetched.
device "$WORK/over" --strategy overwrite
expect "a swap for overwrite" "$STATUS" 11
has "a swap for overwrite" "$OUT" "refused"

put three
device "$WORK/over" --strategy overwrite --run "cmp -s $WORK/three.a"
expect "overwrite" "$STATUS" 0
has "overwrite" "$OUT" "boot: slot A, sequence number 3, confirmed"
has "overwrite" "$OUT" "accepted 3, floor 3"
device "$WORK/over" --strategy overwrite
expect "after that" "$STATUS" 10

# The whole slot, and a few bytes, and a way back each.
device "$WORK/swap" --strategy swap --run false
expect "swapped back" "$STATUS" 12
has "swapped back" "$OUT" "boot: slot A, sequence number 2, confirmed"
put four
device "$WORK/swap" --strategy swap --run "cmp -s $WORK/four.a"
expect "and on" "$STATUS" 0
has "and on" "$OUT" "boot: slot A, sequence number 4, confirmed"

device "$WORK/swap" --strategy sideways
expect "no such strategy" "$STATUS" 2
stop
finish
