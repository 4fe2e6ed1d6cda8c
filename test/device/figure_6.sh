#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# figure_6.sh - draft-ietf-suit-architecture of September 2020, figure 6,
# "Second Example Flow for a Firmware Update": a status tracker asks the device
# for its firmware version; later, when there is a newer one, it pushes the
# manifest to the device; the device validates that, asks the firmware server
# for the firmware, verifies, stores and reboots. The tracker is `selvage device
# track`, which observes the device and decides by itself; the same is then done
# by hand, with a CoAP client and selvage device push. The firmware server has
# images and no manifest.
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

# track [flags]: the status tracker; sets STATUS and OUT.
track() {
    timeout 100 "$SELVAGE" device track --at "$DEVICE_URI" "$@" \
        >"$WORK/out" 2>&1
    STATUS=$?
    OUT=$(cat "$WORK/out")
}

# Query Firmware Version
track --seconds 2
expect "firmware version A.B.C" "$STATUS: $OUT" \
    "0: runs 1, version 1.1.0: idle"
track --push "$WORK/one.suit"
expect "nothing newer" "$STATUS: $OUT" "0: runs 1, version 1.1.0: idle"

# Push Manifest, Request Firmware, Verify, Store, Trigger Reboot: told as it
# goes.
track --push "$WORK/two.suit"
expect "tracked" "$STATUS" 0
has "tracked" "$OUT" "pushed $WORK/two.suit"
has "firmware version X.Y.Z" "$OUT" \
    "runs 2, version 1.2.0: confirmed, sequence number 2"
seen "a manifest was pushed"
has "firmware from the firmware server" "$(cat "$WORK/long")" \
    "downloading 50000 of 50000 bytes (100 %)"
seen "boot: slot B, sequence number 2, on trial"
expect "the tracker asked once, and was told" \
    "$(grep -c "a manifest was pushed" "$WORK/long")" 1

# By hand. 1 format, 3 state confirmed, 4 sequence number 2, 5 what runs:
# component, sequence number 2, ..., 5 version "1.2.0"; 6 no error.
state
has "firmware version X.Y.Z" "$OUT" "65312e322e300600"
has "state: confirmed" "$OUT" "a501010308040205"

# And again, in the same life.
push "$WORK/three.suit"
expect "push again" "$STATUS" 0
seen "update confirmed, sequence number 3"

# A manifest that the device refuses, and one that it cannot follow.
text=$(ab_manifest 4 "$(digest_of "$WORK/two.a")" 40000 \
    "$(digest_of "$WORK/two.b")" 40000)
"$KIT" envelope "$WORK/four.suit" "$text" || fail "kit: four"
track --push "$WORK/four.suit" --json
expect "another firmware than it says" "$STATUS" 1
has "another firmware than it says" "$OUT" '"error":'
printf 'nonsense' >"$WORK/nonsense"
track --push "$WORK/nonsense"
expect "no manifest" "$STATUS" 1
listen_stop
track --seconds 5
expect "nobody there" "$STATUS" 3
has "nobody there" "$OUT" "nobody listens"
has "afterwards" "$(boot_line "$WORK/d")" "slot A, sequence number 3, confirmed"
finish
