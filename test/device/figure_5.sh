#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# figure_5.sh - draft-ietf-suit-architecture of September 2020, figure 5, "First
# Example Flow for a Firmware Update": author, firmware server and device, and
# no status tracker. The author uploads firmware and manifest to the firmware
# server; the device asks it for the manifest by itself, validates that, asks
# for the firmware, verifies and stores it, and reboots into a secure boot.
# The firmware server here is, in turn: a folder, nginx with the same files,
# and selvaged's HTTP side, whose tracker hears nothing.
. test/device/lib.sh
. test/device/web_lib.sh
SELVAGE=$BUILD/bin/selvage

release one 1 20000
release two 2 50000
release three 3 258048
release four 4 30000
release five 5 20000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"

# tree NAME: what the author uploads, as the static tree of a release.
tree() {
    "$SELVAGE" release publish --static "$WORK/tree" "$WORK/$1.suit" \
        "$WORK/$1.a" "$WORK/$1.b" >"$WORK/out" 2>&1 ||
        fail "publish --static $1: $(cat "$WORK/out")"
}

# from URI [flags]: one look there; sets STATUS and OUT.
from() {
    from_uri=$1
    shift
    timeout 120 "$BUILD/bin/selvage-device" --state "$WORK/d" --once \
        --server "$from_uri" "$@" >"$WORK/out" 2>"$WORK/err"
    STATUS=$?
    OUT=$(cat "$WORK/out" "$WORK/err")
}

# ---- a folder
from "file://$WORK/tree"
expect "no folder yet" "$STATUS" 3
has "no folder yet" "$OUT" "the folder cannot be opened"
mkdir "$WORK/tree"
from "file://$WORK/tree"
expect "an empty folder" "$STATUS" 10
tree two
from "file://$WORK/tree" --run "cmp -s $WORK/two.b"
expect "a folder" "$STATUS" 0
has "a folder" "$OUT" "downloading 50000 of 50000 bytes (100 %)"
has "a folder" "$OUT" "boot: slot B, sequence number 2, on trial"
has "a folder" "$OUT" "accepted 2, floor 2"
from "file://$WORK/tree"
expect "the same again" "$STATUS" 10
# An older one, by hand or by a thief: refused, and what runs stays.
tree one
from "file://$WORK/tree"
expect "an older one" "$STATUS" 11
has "an older one" "$OUT" "SELV_ERR_SUIT_SEQUENCE"

# ---- nginx
if nginx_start "$WORK/tree"; then
    tree three
    from "$WEB" --run "cmp -s $WORK/three.a"
    expect "nginx" "$STATUS" 0
    has "nginx" "$OUT" "downloading 258048 of 258048 bytes (100 %)"
    has "nginx" "$OUT" "boot: slot A, sequence number 3, confirmed"
    expect "nginx: who asked" "$(sed -n 's/.*"\(GET [^ ]*\) .*/\1/p' \
        "$WORK/nginx/access" | grep -c "^GET /[im]/")" \
        "$(grep -c "selvage-device/" "$WORK/nginx/access")"
    web_stop
else
    echo "nginx is not here (tools/deps brings it): not tested with it"
fi

# ---- selvaged, by HTTP alone
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged does not start"
offer four
from "$HTTP" --json
expect "selvaged" "$STATUS" 0
has "selvaged" "$OUT" '"state":"confirmed","sequence":4'
from "$HTTP"
expect "selvaged: nothing new" "$STATUS" 10
api GET /api/v1/devices
has "no tracker knows of it" "$BODY" '"items":[]'
stop
from "$HTTP"
expect "nobody there" "$STATUS" 3
finish
