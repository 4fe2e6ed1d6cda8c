#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# state.sh - who asks a device how it is (GET /suit/s), and who observes it: an
# update as it goes on, and what goes to addresses that may be forged.
. test/device/lib.sh
. test/device/push_lib.sh
WATCH=$BUILD/test/coap_watch
PIDS=

stop_all() {
    for pid in $PIDS; do
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    device_cleanup
}
trap stop_all EXIT

release one 1 20000
release two 2 150000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
start "$WORK/s" --loops 2 || { cat "$WORK/log"; exit 1; }
offer one
"$BUILD/bin/selvage-sim" relay --to "${COAP#coap://}" --quiet \
    --link rate=250k,rtt=20ms >"$WORK/relay" 2>&1 &
PIDS="$PIDS $!"
tries=0
until grep -q listening "$WORK/relay" || [ $((tries += 1)) -gt 100 ]; do
    sleep 0.1
done
listen "$WORK/d" --server "$(sed -n 's/^listening //p' "$WORK/relay")" \
    --observe --run true
seen "nothing new"
seen "observing"

# ---- requests that never echo: three bytes for one at most
# ask REQUEST: what comes of it, in $WORK/raw; its length.
ask() {
    exec {fd}<>"/dev/udp/127.0.0.1/${DEVICE_URI##*:}"
    printf "$1" >&$fd
    timeout "${2:-0.5}" cat <&$fd >"$WORK/raw"
    exec {fd}>&-
    stat -c %s "$WORK/raw"
}
# bounded WHAT REQUEST BYTES
bounded() {
    size=$(ask "$2")
    if [ "$size" -gt 0 ] && [ "$size" -le $(($3 * 3)) ]; then
        pass
    else
        fail "$1: $size bytes for $3"
    fi
}
bounded "the state" '\x40\x01\x00\x01\xb4suit\x01s' 11
expect "a challenge" "$(od -An -tx1 -N 2 "$WORK/raw")" " 60 81"
bounded "links" '\x40\x01\x00\x02\xbb.well-known\x04core' 21
bounded "nothing there" '\x40\x01\x00\x03\xb1x' 6
bounded "GET of a manifest" '\x40\x01\x00\x04\xb4suit\x01m' 11
bounded "PUT of nothing" '\x40\x03\x00\x05\xb4suit\x01m' 11
bounded "PUT of a byte" '\x40\x03\x00\x06\xb4suit\x01m\xffx' 13
bounded "an observer" '\x40\x01\x00\x07\x60\x54suit\x01s' 12
expect "a challenge" "$(od -An -tx1 -N 2 "$WORK/raw")" " 60 81"

# ---- an update, observed: by libcoap's client, by our watch, and by somebody
# who forged an address and never echoed
timeout 60 coap-client-notls -s 40 -B 42 -v 7 "$DEVICE_URI/suit/s" \
    >"$WORK/theirs" 2>&1 &
PIDS="$PIDS $!"
"$WATCH" 6 "$DEVICE_URI/suit/s" "$WORK/state" 1000 40 >"$WORK/watch" 2>&1 &
watch_pid=$!
PIDS="$PIDS $!"
ask '\x40\x01\x00\x08\x60\x54suit\x01s' 14 >"$WORK/forged" &
forged_pid=$!
tries=0
until grep -q '^state 1 2.05 [0-9]* observed' "$WORK/watch" ||
    [ $((tries += 1)) -gt 100 ]; do
    sleep 0.1
done
began=$(date +%s)
offer two
seen "a newer manifest was told"
seen "update confirmed, sequence number 2"
sleep 2
took=$(($(date +%s) - began))
count=$(grep -c '^state' "$WORK/watch")
for n in $(seq "$count"); do
    od -An -tx1 -v "$WORK/state.$n" | tr -d ' \n'
    echo
done >"$WORK/states"
# state NUMBER WHAT: a status that says so came.
state_came() {
    if grep -q "^a[56]010103$1" "$WORK/states"; then
        pass
    else
        fail "state $1 ($2) was not told: $(cat "$WORK/states")"
    fi
}
state_came 03 downloading
state_came 08 confirmed
has "the last state" "$(tail -n 1 "$WORK/states" | cut -c1-20)" "a50101030"
has "the last state" "$(tail -n 1 "$WORK/states")" "0402"
if [ "$(grep -c '^a6010103030402.*0782' "$WORK/states")" -ge 2 ]; then
    pass
else
    fail "no progress was told: $(cat "$WORK/states")"
fi
# Two a second, and the first.
if [ "$count" -le $((took * 2 + 2)) ]; then
    pass
else
    fail "$count states in $took s"
fi
theirs=$(grep -ac 'c:2.05.*Observe:' "$WORK/theirs")
[ "$theirs" -ge 3 ] && pass || fail "libcoap was told $theirs states"
wait $forged_pid
expect "who never echoed is told nothing" "$(cat "$WORK/forged")" 18
listen_stop
stop
finish
