#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# uboot.sh - a device that U-Boot boots: update, confirmation, every way back,
# and what is refused.
. test/device/lib.sh
. test/device/uboot_lib.sh

release one 1 20000
release two 2 50000
release three 3 299008
release four 5 20000
start "$WORK/s" || fail "selvaged does not start"
machine "$WORK/m"

once
expect "no release" "$STATUS" 10
has "no release" "$OUT" \
    "boot: slot A, sequence number 1, confirmed; version 1.1.0"

offer one
once
expect "the release that it was made with" "$STATUS" 10

# There is no reboot inside of a process: 13, and again.
offer two
once
expect "asked" "$STATUS" 13
expect "asked: slot" "$(var selvage_slot)" B
expect "asked: counting" "$(var upgrade_available)" 1
expect "asked: count" "$(var bootcount)" 0
expect "asked: what is not ours" "$(var bootdelay)" 0
part b two || fail "the image is not in partition B"
part a one || fail "partition A was written"
uboot
once --run "cmp -n 50000 $WORK/two.b"
expect "confirmed" "$STATUS" 0
has "confirmed" "$OUT" "boot: slot B, sequence number 2, on trial (boot 1 of 2); version 1.2.0"
has "confirmed" "$OUT" "accepted 2, floor 1"
has "confirmed" "$OUT" "update confirmed"
expect "confirmed: counting" "$(var upgrade_available)" 0
for boots in 1 2 3 4; do
    uboot
done
expect "confirmed: it stays" "$(running)" B
once
expect "confirmed: then" "$STATUS" 10
has "confirmed: then" "$OUT" "boot: slot B, sequence number 2, confirmed"
has "confirmed: then" "$OUT" "accepted 2, floor 2"

offer three
cycle --json --run "cmp -s -n 299008 $WORK/three.a"
expect "back to A" "$STATUS" 0
has "back to A" "$ALL" '"event":"boot","slot":"A","sequence":3,"trial":true'
has "back to A" "$ALL" '{"event":"exit","code":13,"outcome":"reboot"}'
if printf '%s' "$ALL" | grep -v '^{.*}$'; then
    fail "--json: a line is no object"
fi

# A self-test that fails: U-Boot gives it bootlimit boots.
offer four
cycle --run "cmp -n 299008 $WORK/three.a"
expect "revert" "$STATUS" 12
expect "revert: boots" "$(printf '%s' "$ALL" | grep -c 'on trial (boot')" 2
has "revert" "$ALL" "on trial (boot 2 of 2)"
has "revert" "$OUT" "update reverted"
has "revert" "$OUT" "boot: slot A, sequence number 3, confirmed"
has "revert" "$OUT" "accepted 5, floor 3"
api GET /api/v1/devices
has "operator sees the revert" "$BODY" '"state":"reverted"'
cycle
expect "refused after that" "$STATUS" 11
has "refused after that" "$OUT" "SELV_ERR_UPDATE_REVERTED"

# A kernel that does not come up at all: nothing of ours ever ran.
release six 6 20000
offer six
once
expect "crash: asked" "$STATUS" 13
for boots in 1 2 3; do
    uboot
done
expect "crash: U-Boot went back" "$(running)" A
once
expect "crash" "$STATUS" 12
has "crash" "$OUT" "accepted 6, floor 3"

# A lower number, an equal one, from a server that has nothing else.
stop
start "$WORK/s2" || fail "selvaged does not start"
release low 4 10000
offer low
once
expect "lower" "$STATUS" 11
has "lower" "$OUT" "SELV_ERR_SUIT_SEQUENCE"
release equal 6 10000
offer equal
once
expect "equal" "$STATUS" 11
has "equal" "$OUT" "SELV_ERR_UPDATE_EQUAL"
part a three || fail "the running partition was written"

# U-Boot that does not look at the variable: twice more, then not again, and
# no request is left behind.
release seven 7 20000
offer seven
tries=0
once
while [ "$STATUS" = 13 ] && [ "$tries" -lt 9 ]; do
    tries=$((tries + 1))
    once
done
expect "not followed" "$tries" 3
expect "not followed" "$STATUS" 11
has "not followed" "$OUT" "SELV_ERR_UPDATE_BOOTLOADER"
expect "not followed: slot" "$(var selvage_slot)" A
expect "not followed: counting" "$(var upgrade_available)" 0

# A slot variable that somebody set, an update that somebody began: taken back
# before the first byte of another one is written.
env_set selvage_slot=B upgrade_available=1
release eight 8 290000
offer eight
cycle
expect "stale request" "$STATUS" 0
expect "stale request: slot" "$(var selvage_slot)" B

# A service: it stays until the machine is down, so that nobody starts it again
# too early.
release ten 10 20000
offer ten
"$BUILD/bin/selvage-device" --state "$M/state" --server "$COAP" \
    --bootloader "uboot:$M/uboot.conf" >"$WORK/out" 2>&1 &
service=$!
tries=0
while [ ! -e "$M/rebooting" ] && [ "$tries" -lt 500 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
sleep 0.2
kill -0 "$service" || fail "service: it did not wait for the reboot"
kill -TERM "$service"
wait "$service"
expect "service" $? 0
uboot
once
expect "service: then" "$STATUS" 0

# A device that does not know what it runs: the partition was written by other
# means. The release that it has already is installed once more.
machine "$WORK/unknown"
dd if=/dev/zero bs=4096 count=1 status=none | tr '\000' '\377' |
    dd of="$M/state/flash.bin" bs=4096 seek=8 conv=notrunc status=none
once
has "unknown" "$OUT" "boot: slot A, sequence number 0, confirmed"
expect "unknown" "$STATUS" 13
uboot
once
expect "unknown: then" "$STATUS" 0
has "unknown: then" "$OUT" "boot: slot B, sequence number 10, on trial"
M=$WORK/m

# Larger than the partition.
release nine 11 299009
offer nine
once
expect "too large" "$STATUS" 11
has "too large" "$OUT" "SELV_ERR_STORE_FULL"
stop
finish
