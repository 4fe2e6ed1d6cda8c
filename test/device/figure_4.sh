#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# figure_4.sh - draft-ietf-suit-architecture of September 2020, figure 4,
# "Independent retrieval of the firmware image": the author gives the manifest
# to the status tracker and the firmware to a firmware server; the device gets
# each from there. Two steps, two machines, two protocols: selvaged's tracker
# by CoAP, and a plain file server by HTTP that the manifest names.
. test/device/lib.sh
. test/device/web_lib.sh

release one 1 20000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged does not start"
mkdir -p "$WORK/firmware/i"
nginx_start "$WORK/firmware" || bad_web fair "$WORK/firmware"

# apart NAME NUMBER BYTES: a release whose images are on the firmware server
# only, under absolute URIs.
apart() {
    image "$WORK/$1.a" "$3"
    digest_a=$DIGEST
    image "$WORK/$1.b" "$3"
    text=$(ab_manifest "$2" "$digest_a" "$3" "$DIGEST" "$3" |
        sed "s,\"/i/,\"$WEB/i/,g")
    "$KIT" envelope "$WORK/$1.suit" "$text" || fail "kit: release $1"
    cp "$WORK/$1.a" "$WORK/firmware/i/$digest_a"
    cp "$WORK/$1.b" "$WORK/firmware/i/$DIGEST"
    publish "$WORK/$1.suit"
    expect "publish $1" "$CODE" 201
}

apart two 2 50000
http GET "/i/$DIGEST"
expect "the tracker has no firmware" "$CODE" 404
device "$WORK/d" --server "$WEB" --run "cmp -s $WORK/two.b"
expect "two steps" "$STATUS" 0
has "two steps" "$OUT" "downloading 50000 of 50000 bytes (100 %)"
has "two steps" "$OUT" "boot: slot B, sequence number 2, confirmed"
api GET /api/v1/devices
has "the tracker knows" "$BODY" '"sequence_number":2'
has "the tracker knows" "$BODY" '"state":"confirmed"'

# A firmware server that the device was not told of is not asked, whatever the
# manifest says; one that is not there fails the update, for now.
apart three 3 40000
device "$WORK/d"
expect "a server it does not know" "$STATUS" 11
has "a server it does not know" "$OUT" "SELV_ERR_SUIT_URI"
web=$WEB
web_stop
device "$WORK/d" --server "$web"
expect "nobody there" "$STATUS" 3
has "nobody there" "$OUT" "SELV_ERR_UPDATE_AWAY"
device "$WORK/d" --server http://127.0.0.1:9
expect "another one" "$STATUS" 11
stop
finish
