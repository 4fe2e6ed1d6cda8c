#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# servers.sh - several servers in order of preference, of all kinds: who is
# asked, who steps in, who is left; and servers that end, lie or change in the
# middle of a whole update.
. test/device/lib.sh
. test/device/web_lib.sh
DEVICE=$BUILD/bin/selvage-device

release one 1 20000
release two 2 50000
release three 3 100000
release four 4 100000
release five 5 100000
release six 6 100000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged does not start"

# tree DIR NAME: a release's static tree.
tree() {
    "$BUILD/bin/selvage" release publish --static "$WORK/$1" "$WORK/$2.suit" \
        "$WORK/$2.a" "$WORK/$2.b" >"$WORK/out" 2>&1 ||
        fail "publish --static $2: $(cat "$WORK/out")"
}

# from URI... : one look at these; sets STATUS and OUT.
from() {
    flags=
    for uri in "$@"; do
        flags="$flags --server $uri"
    done
    timeout 200 "$DEVICE" --state "$WORK/d" --once $flags >"$WORK/out" \
        2>"$WORK/err"
    STATUS=$?
    OUT=$(cat "$WORK/out" "$WORK/err")
}

# ---- order
# A tracker's "nothing new" ends it; a plain source's does not.
tree tree two
from "$COAP" "file://$WORK/tree"
expect "the tracker knows best" "$STATUS" 10
mkdir -p "$WORK/empty"
from "file://$WORK/none" "file://$WORK/empty" "file://$WORK/tree" "$COAP"
expect "the third has it" "$STATUS" 0
has "the third has it" "$OUT" "sequence number 2, confirmed"
api GET /api/v1/devices
has "reported to the tracker" "$BODY" '"state":"confirmed"'

# ---- nobody, somebody
from coap://127.0.0.1:9 "http://127.0.0.1:9" "file://$WORK/none"
expect "nobody" "$STATUS" 3
has "nobody" "$OUT" "nor from any other server"
offer three
from coap://127.0.0.1:9 coap://no-such-host.invalid "$COAP"
expect "the third is there" "$STATUS" 0
has "the third is there" "$OUT" "sequence number 3, confirmed"

# ---- images from another than the manifest
# The tree lost its images: the manifest is from there, they are from selvaged.
offer four
tree lost four
rm -f "$WORK"/lost/i/*
from "file://$WORK/lost" "$HTTP"
expect "image from elsewhere" "$STATUS" 0
has "image from elsewhere" "$OUT" "No such file"
has "image from elsewhere" "$OUT" "sequence number 4, confirmed"

# ---- a server that ends in the middle; another one goes on
offer five
tree broken five
bad_web break "$WORK/broken" /i/
from "$WEB" "$HTTP"
expect "goes on elsewhere" "$STATUS" 0
# (libcurl's words for it differ from version to version)
has "goes on elsewhere" "$OUT" " 50000 bytes "
has "goes on elsewhere" "$OUT" "sequence number 5, confirmed"
web_stop

# ---- one that breaks off each time: each look goes on where the last ended
release seven 7 100000
tree seven seven
bad_web breaks "$WORK/seven" /i/
tries=0
STATUS=3
while [ "$STATUS" = 3 ] && [ "$tries" -lt 12 ]; do
    tries=$((tries + 1))
    from "$WEB"
done
expect "in pieces" "$STATUS" 0
has "in pieces" "$OUT" "downloading again from 81920"
has "in pieces" "$OUT" "sequence number 7, confirmed"
web_stop

# ---- lies: refused or passed over, and what boots stays
release eight 8 100000
tree eight eight
before=$(boot_digest "$WORK/d" B)
# lie MODE PREFIX STATUS WORDS
lie() {
    bad_web "$1" "$WORK/eight" "$2"
    from "$WEB"
    expect "$1 $2: status" "$STATUS" "$3"
    has "$1 $2" "$OUT" "$4"
    expect "$1 $2: what boots" "$(boot_digest "$WORK/d" B)" "$before"
    web_stop
}
lie garbage /i/ 11 SELV_ERR_SUIT_IMAGE
lie other-range /i/ 11 "another range than asked for"
lie few /i/ 11 "fewer bytes came"
lie gzip /i/ 11 "compressed, unasked"
lie away /i/ 11 "which is not followed"
lie noise /i/ 3 SELV_ERR_UPDATE_AWAY
lie busy /i/ 3 "trouble of its own"
lie none /i/ 11 SELV_ERR_UPDATE_MISSING
bad_web turn "$WORK/eight" /i/
from "$WEB"
expect "turn: it breaks off" "$STATUS" 3
from "$WEB"
expect "turn: and goes on with other bytes" "$STATUS" 11
has "turn" "$OUT" "downloading again from 16384"
has "turn" "$OUT" SELV_ERR_SUIT_IMAGE
web_stop
lie garbage /m/ 11 "manifest refused"
lie gzip /m/ 3 "compressed, unasked"
lie endless /m/ 3 "does not end"
lie longer /m/ 11 "manifest refused"
lie none /m/ 10 "nothing new"
# The liar first, a good one behind it.
bad_web other-range "$WORK/eight" /i/
liar=$WEB
bad_web fair "$WORK/eight"
from "$liar" "$WEB"
expect "a liar first" "$STATUS" 0
has "a liar first" "$OUT" "another range than asked for"
web_stop

# ---- the same file put there again in the middle has another ETag
release nine 9 200000
tree nine nine
bad_web retag "$WORK/nine" /i/
from "$WEB"
expect "another ETag for each answer" "$STATUS" 0
web_stop

# ---- kill -9 of the device in mid-transfer, with a slow server
release ten 10 258048
tree ten ten
if nginx_start "$WORK/ten" "limit_rate 150k;"; then
    for delay in 0.6 0.4 0.5; do
        "$DEVICE" --state "$WORK/d" --once --server "$WEB" >"$WORK/out" 2>&1 &
        BAD_PID=$!
        sleep $delay
        kill -9 "$BAD_PID" 2>/dev/null
        wait "$BAD_PID" 2>/dev/null
        BAD_PID=
    done
    from "$WEB"
    case $STATUS in
    0 | 10) pass ;;
    *) fail "after kills: status $STATUS: $OUT" ;;
    esac
    has "after kills" "$(boot_line "$WORK/d")" "sequence number 10, confirmed"
    # What was there is not fetched again: bytes that nginx sent.
    sent=$(sed -n 's,.*GET /i/.*" 20[06] \([0-9]*\) .*,\1,p' \
        "$WORK/nginx/access" | awk '{ n += $1 } END { print n + 0 }')
    if [ "$sent" -lt 700000 ]; then
        pass
    else
        fail "nginx sent $sent bytes"
    fi
    web_stop
fi

# ---- a stick that goes away between two looks, and comes back
release eleven 11 50000
tree stick eleven
mv "$WORK/stick" "$WORK/pocket"
from "file://$WORK/stick"
expect "no stick" "$STATUS" 3
mv "$WORK/pocket" "$WORK/stick"
from "file://$WORK/stick"
expect "the stick again" "$STATUS" 0
stop
finish
