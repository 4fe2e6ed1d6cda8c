#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# figure_6.sh - draft-ietf-suit-architecture of September 2020, figure 6,
# "Second Example Flow for a Firmware Update": a status tracker asks the device
# for its firmware version; later, when there is a newer one, it pushes the
# manifest to the device; the device validates that, asks the firmware server
# for the firmware, verifies, stores and reboots. The tracker here is two
# commands: a CoAP client that asks for /suit/s, and selvage device push. The
# firmware server has images and no manifest.
. test/device/lib.sh
. test/device/web_lib.sh
. test/device/push_lib.sh

release one 1 20000
release two 2 50000
release three 3 40000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
mkdir -p "$WORK/firmware/i"
for name in two three; do
    for slot in a b; do
        cp "$WORK/$name.$slot" \
            "$WORK/firmware/i/$(digest_of "$WORK/$name.$slot")"
    done
done
nginx_start "$WORK/firmware" || bad_web fair "$WORK/firmware"

listen "$WORK/d" --server "$WEB" --run true
seen "nothing new"

# Query Firmware Version: 1 format, 3 state idle, 4 sequence number 0, 5 what
# runs: component, sequence number 1, ..., 5 version "1.1.0"; 6 no error.
state
has "firmware version A.B.C" "$OUT" "a501010300040005a5018141000201035820"
has "firmware version A.B.C" "$OUT" "040005653"
has "firmware version A.B.C" "$OUT" "65312e312e300600"

# Push Manifest, Request Firmware, Verify, Store, Trigger Reboot
push "$WORK/two.suit"
expect "push" "$STATUS" 0
seen "a manifest was pushed"
seen "update confirmed, sequence number 2"
has "firmware from the firmware server" "$(cat "$WORK/long")" \
    "downloading 50000 of 50000 bytes (100 %)"
seen "boot: slot B, sequence number 2, on trial"
state
has "firmware version X.Y.Z" "$OUT" "65312e322e300600"
has "state: confirmed" "$OUT" "a501010308040205"

# And again, in the same life.
push "$WORK/three.suit"
expect "push again" "$STATUS" 0
seen "update confirmed, sequence number 3"
listen_stop
has "afterwards" "$(boot_line "$WORK/d")" "slot A, sequence number 3, confirmed"
finish
