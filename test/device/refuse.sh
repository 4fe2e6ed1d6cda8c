#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# refuse.sh - what a device on Linux must not take: each with its reason and
# exit code, and with what boots unchanged.
. test/device/lib.sh

release one 1 20000
release five 5 20000
release six 6 20000
release lower 4 20000
release equal 5 20001
release class 7 20000 "h'00000000000000000000000000000000'"
release huge 8 258049
"$FACTORY" "$WORK/d" 7 "$WORK/five.suit" "$WORK/five.a" || fail "factory"

# One byte of the signature.
forge() {
    size=$(wc -c <"$WORK/$1.suit")
    cp "$WORK/$1.a" "$WORK/$2.a"
    cp "$WORK/$1.b" "$WORK/$2.b"
    cp "$WORK/$1.suit" "$WORK/$2.suit"
    at=120
    old=$(dd if="$WORK/$2.suit" bs=1 skip=$at count=1 status=none | od -An -tu1)
    printf "\\$(printf %03o $((old ^ 1)))" |
        dd of="$WORK/$2.suit" bs=1 seek=$at conv=notrunc status=none
    expect "forge" "$(wc -c <"$WORK/$2.suit")" "$size"
}
forge six forged

# bend NAME NUMBER WORDS OTHERS: a release with other words in its manifest.
bend() {
    release "$1" "$2" 20000
    straight=$(ab_manifest "$2" "$digest_a" 20000 "$DIGEST" 20000)
    bent=$(echo "$straight" | sed "s/$3/$4/")
    [ "$bent" != "$straight" ] || fail "bend $1: still straight"
    "$KIT" envelope "$WORK/$1.suit" "$bent" || fail "kit: bend $1"
}
bend boot-run 7 ' 7: <<\[3, 15]>>' ' 7: <<[32, <<[3, 15]>>]>>'
bend boot-order 7 ' 7: <<\[3, 15]>>' ' 7: <<[20, {12: false}, 3, 15]>>'
bend write 7 '21, 2, 3, 15]>>,' "21, 2, 3, 15, 20, {18: h'01'}, 18, 2]>>,"

# refused NAME REASON
refused() {
    before=$(boot_digest "$WORK/d" A)
    hostile plain "$1"
    device "$WORK/d"
    expect "$1: status" "$STATUS" 11
    has "$1: reason" "$OUT" "manifest refused"
    has "$1: reason" "$OUT" "($2"
    has "$1: report" "$(cat "$WORK/hostile")" "report state 9 error ${2%%,*}:"
    hostile_stop
    expect "$1: what boots" "$(boot_digest "$WORK/d" A)" "$before"
}

# A first boot, so that the journal is there.
boot_line "$WORK/d" >/dev/null
refused forged SELV_ERR_COSE_NO_KEY
refused lower SELV_ERR_SUIT_SEQUENCE
refused equal SELV_ERR_UPDATE_EQUAL
refused class SELV_ERR_SUIT_CLASS
refused huge SELV_ERR_STORE_FULL
refused boot-run "SELV_ERR_SUIT_BOOTLOADER, section 7"
refused boot-order "SELV_ERR_SUIT_BOOTLOADER, section 7"
refused write "SELV_ERR_SUIT_OPERATION, section 20"

# An image that fails its self-test goes back, and is not taken again.
hostile plain six
device "$WORK/d" --run false
expect "revert" "$STATUS" 12
has "revert" "$OUT" "boot: slot B, sequence number 6, on trial"
has "revert" "$OUT" "update reverted: "
has "revert" "$OUT" "boot: slot A, sequence number 5, confirmed"
device "$WORK/d"
expect "reverted before" "$STATUS" 11
has "reverted before" "$OUT" "SELV_ERR_UPDATE_REVERTED"

# One that never ends is stopped in time.
hostile_stop
release nine 9 20000
hostile plain nine
device "$WORK/d" --trial-timeout 1 --run "test \$SELVAGE_TRIAL = 0 || sleep 60;:"
expect "never ends" "$STATUS" 12
hostile_stop
finish
