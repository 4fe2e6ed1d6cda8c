#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# echo.sh - servers that ask an address to prove itself [RFC 9175 2], at the
# beginning of a download and in the middle of it: each whole update ends well,
# at the first try.
. test/device/lib.sh
SIM=$BUILD/bin/selvage-sim
RELAY_PID=
SECOND_PID=

all_cleanup() {
    for pid in $RELAY_PID $SECOND_PID; do
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    device_cleanup
}
trap all_cleanup EXIT

# listens FILE PID: waits for its ready line.
listens() {
    tries=0
    while ! grep -q listening "$1"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 6000 ] || ! kill -0 "$2" 2>/dev/null; then
            fail "does not start: $(cat "$1")"
            return 1
        fi
        sleep 0.01
    done
}

# relay LINK [flags]: before the server; sets COAP to itself.
relay() {
    : >"$WORK/relay"
    "$SIM" relay --to "${COAP#coap://}" --link "$@" >"$WORK/relay" 2>&1 &
    RELAY_PID=$!
    listens "$WORK/relay" $RELAY_PID
    COAP=$(sed -n 's/^listening //p' "$WORK/relay")
}

relay_stop() {
    kill "$RELAY_PID"
    wait "$RELAY_PID" 2>/dev/null
    RELAY_PID=
}

# updates NAME NUMBER SLOT: offers it, and the device takes it at once.
updates() {
    name=$1
    device "$WORK/d"
    expect "$name" "$STATUS" 0
    has "$name" "$OUT" "sequence number $2, confirmed"
    case $OUT in
    *failed*) fail "$name: not at the first try: $OUT" ;;
    *) pass ;;
    esac
}

release one 1 20000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$KIT" anchor "$WORK/anchor"

# ---- each address is asked, or some are, by few loops and many
number=2
for flags in "--unproven 0" "--unproven 5000 --loops 1" \
    "--unproven 65536 --loops 8" "--unproven 20000 --loops 2"; do
    start "$WORK/s" --key "$WORK/anchor" $flags || fail "selvaged $flags"
    release next $number 240000
    offer next
    updates "$flags" $number
    stop
    number=$((number + 1))
done

# ---- and the device's address changes while the image comes
start "$WORK/s" --key "$WORK/anchor" --unproven 0 || fail "selvaged"
release next $number 100000
offer next
relay rate=250k,rtt=100ms,loss=2% --rebind 900
updates "rebinding" $number
relay_stop
stop
number=$((number + 1))

# ---- images on a second server, which never saw the device before
"$BUILD/bin/selvaged" --state "$WORK/images" --role firmware --listen \
    127.0.0.1:0 --http 127.0.0.1:0 --unproven 5000 >"$WORK/second" 2>&1 &
SECOND_PID=$!
listens "$WORK/second" $SECOND_PID
IMAGES=$(sed 's/.*\(coap:[^ ]*\).*/\1/' "$WORK/second")
IMAGES_HTTP=$(sed 's/.*\(http:[^ ]*\).*/\1/' "$WORK/second")
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged"
release next $number 200000
for slot in a b; do
    curl -sf -o /dev/null -X PUT --data-binary "@$WORK/next.$slot" \
        -H "Authorization: Bearer $(cat "$WORK/images/token")" \
        -H "Content-Type:" \
        "$IMAGES_HTTP/api/v1/images/$(digest_of "$WORK/next.$slot")" ||
        fail "image $slot to the second server"
done
text=$(ab_manifest $number "$(digest_of "$WORK/next.a")" 200000 \
    "$(digest_of "$WORK/next.b")" 200000)
"$KIT" envelope "$WORK/next.suit" "${text//'"/i/'/"\"$IMAGES/i/"}" ||
    fail "kit: release next"
publish "$WORK/next.suit"
expect "publish with images elsewhere" "$CODE" 201
device "$WORK/d" --server "$IMAGES"
expect "images elsewhere" "$STATUS" 0
has "images elsewhere" "$OUT" "sequence number $number, confirmed"
case $OUT in
*failed*) fail "images elsewhere: not at the first try: $OUT" ;;
*) pass ;;
esac
stop
finish
