#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# staging.sh - devices whose bootloader installs follow selvaged: swap, with its
# way back, and overwrite; and one that loads into RAM.
. test/device/lib.sh
. test/device/releases.sh

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

# Both slots are storage; what runs is in RAM.
loaded five 5 20000
loaded six 6 258048
loaded seven 7 5000
"$FACTORY" "$WORK/ram" 7 "$WORK/five.suit" "$WORK/five.a" || fail "factory"
put six
device "$WORK/ram" --strategy ram --run "cmp -s $WORK/six.a"
expect "ram" "$STATUS" 0
has "ram" "$OUT" "boot: slot B, sequence number 6, on trial (boot 1 of 3)"
has "ram" "$OUT" "boot: slot B, sequence number 6, confirmed"
put seven
device "$WORK/ram" --strategy ram --run false
expect "ram, reverted" "$STATUS" 12
has "ram, reverted" "$OUT" "boot: slot B, sequence number 6, confirmed"
device "$WORK/swap" --strategy swap
expect "a load for swap" "$STATUS" 11
has "a load for swap" "$OUT" "refused"

# The loader in slot B fetches, and writes slot A; it is never updated itself.
loader loader 1 9000
release eight 8 20000
release nine 9 258048
"$FACTORY" "$WORK/small" 7 "$WORK/eight.suit" "$WORK/eight.a" \
    "$WORK/loader.suit" "$WORK/loader.a" || fail "factory"
offer nine
device "$WORK/small" --strategy loader --run "cmp -s $WORK/nine.a"
expect "loader" "$STATUS" 0
has "loader" "$OUT" "boot: slot A, sequence number 8, confirmed"
has "loader" "$OUT" "boot: slot B, sequence number 8, loader asked"
has "loader" "$OUT" "boot: slot A, sequence number 9, on trial (boot 1 of 3)"
device "$WORK/small" --strategy loader
expect "loader, after that" "$STATUS" 10
release ten 10 4000
offer ten
device "$WORK/small" --strategy loader --run false
has "loader, reverted" "$OUT" "boot: slot B, sequence number 9, loader needed"
has "loader, reverted" "$OUT" "reverted"

# A loader that rotted, or that was never there: one word, and an end of it;
# without --once, ever more time between the resets.
rotten() {
    "$FACTORY" "$WORK/$1" 7 "$WORK/eight.suit" "$WORK/eight.a" $2 ||
        fail "factory"
    [ "$1" = none ] ||
        dd if=/dev/zero of="$WORK/$1/flash.bin" bs=4096 seek=73 count=1 \
            conv=notrunc status=none
    device "$WORK/$1" --strategy loader
    expect "loader $1" "$STATUS" 11
    has "loader $1" "$OUT" "the loader is needed, and slot B holds none"
    expect "loader $1: said" "$(grep -c 'loader is needed' "$WORK/err")" 1
    boots=$(grep -c "^boot: slot ., seq" "$WORK/out")
    [ "$boots" -le 3 ] || fail "loader $1: $OUT"
    cp -R "$WORK/$1" "$WORK/$1.long"
    timeout 4 "$BUILD/bin/selvage-device" --state "$WORK/$1.long" \
        --server "$COAP" --strategy loader --poll 3600 >"$WORK/out" 2>&1
    expect "loader $1, SIGTERM" $? 124
    boots=$(grep -c "^boot: slot ., seq" "$WORK/out")
    [ "$boots" -le 5 ] || fail "loader $1, for 4 s: $boots boots"
}
rotten none ""
rotten rotten "$WORK/loader.suit $WORK/loader.a"

device "$WORK/swap" --strategy sideways
expect "no such strategy" "$STATUS" 2
stop
finish
