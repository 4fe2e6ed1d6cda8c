#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# figure_3.sh - draft-ietf-suit-architecture of September 2020, figure 3,
# "Manifest with attached firmware": the author gives one thing to the firmware
# server, and the device gets one thing from there. Also where there is no
# network at all: on a USB stick, or handed over by a push. The device has 2 KiB
# for an envelope: the manifest is authenticated first, and the payload then
# goes to flash as it comes.
. test/device/lib.sh
. test/device/web_lib.sh
. test/device/push_lib.sh

# attached NAME NUMBER BYTES [FILE]: $WORK/NAME.suit for the slot that is not
# A, with its image $WORK/NAME.b inside, or with FILE under its name.
attached() {
    image "$WORK/$1.b" "$3"
    text=$(ab_manifest "$2" "$DIGEST" "$3" "$DIGEST" "$3" |
        sed 's|{5: 1}, 5, 5, 20, {21: "/i/[0-9a-f]*"}|{5: 1}, 5, 5, 20, {21: "#b"}|')
    "$KIT" envelope "$WORK/$1.alone" "$text" || fail "kit: $1"
    "$SELVAGE" manifest extract "$WORK/$1.alone" \
        --put-payload "#b=${4:-$WORK/$1.b}" -o "$WORK/$1.suit" \
        >"$WORK/out" 2>&1 || fail "payload: $(cat "$WORK/out")"
}

# fresh: a device whose slot A runs.
release one 1 20000
fresh() {
    rm -rf "$WORK/d"
    "$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
}

# at FILE: the one thing, in the place of a static tree.
place=$WORK/tree/m/$VENDOR_TEXT
mkdir -p "$place"
at() {
    cp "$WORK/$1.suit" "$place/$CLASS_TEXT"
}

# from URI: one look there; sets STATUS and OUT.
from() {
    timeout 120 "$BUILD/bin/selvage-device" --state "$WORK/d" --once \
        --server "$1" >"$WORK/out" 2>"$WORK/err"
    STATUS=$?
    OUT=$(cat "$WORK/out" "$WORK/err")
}

head -c 50000 /dev/urandom >"$WORK/other"
printf 'short' >"$WORK/short"
attached two 2 50000
attached three 3 50000 "$WORK/other"
attached four 4 50000 "$WORK/short"

# ---- a USB stick
at two
fresh
from "file://$WORK/tree"
expect "a stick" "$STATUS" 0
has "a stick" "$OUT" "downloading 50000 of 50000 bytes (100 %)"
has "a stick" "$OUT" "boot: slot B, sequence number 2, confirmed"
from "file://$WORK/tree"
expect "a stick, again" "$STATUS" 10

# ---- a firmware server
fresh
if nginx_start "$WORK/tree"; then
    from "$WEB"
    expect "nginx" "$STATUS" 0
    has "nginx" "$OUT" "boot: slot B, sequence number 2, confirmed"
    web_stop
fi
fresh
bad_web fair "$WORK/tree"
from "$WEB"
expect "a web server" "$STATUS" 0
web_stop
# It breaks off each time: what is in flash is not fetched again.
fresh
bad_web breaks "$WORK/tree"
tries=0
STATUS=3
while [ "$STATUS" = 3 ] && [ "$tries" -lt 6 ]; do
    tries=$((tries + 1))
    from "$WEB"
done
expect "in pieces" "$STATUS" 0
has "in pieces" "$OUT" "downloading again from 32768"
web_stop

# ---- a push
fresh
listen "$WORK/d"
push "$WORK/two.suit"
expect "push" "$STATUS: $OUT" \
    "0: pushed $WORK/two.suit to $DEVICE_URI; GET /suit/s there says what becomes of it"
seen "update confirmed, sequence number 2"
push "$WORK/two.suit"
expect "push again" "$STATUS" 0
expect "nothing new" "$(grep -c "a manifest was pushed" "$WORK/long")" 1
listen_stop
has "push" "$(boot_line "$WORK/d")" "slot B, sequence number 2, confirmed"

# ---- another payload under a good manifest, and one of another length
for name in three four; do
    at $name
    fresh
    from "file://$WORK/tree"
    expect "$name: a stick" "$STATUS" 11
    listen "$WORK/d"
    push "$WORK/$name.suit"
    seen SELV_ERR
    listen_stop
    has "$name" "$(boot_line "$WORK/d")" "slot A, sequence number 1, confirmed"
done
finish
