#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tcp.sh - a device that has nothing but TCP: whole updates from selvaged,
# through connections that are cut in the middle of a frame, stall, trickle, are
# slow or dead; a server that restarts; roles on two servers; wrong frames.
. test/device/lib.sh
RELAY=$BUILD/test/device_tcp_relay
PROBE=$BUILD/test/server_tcp_probe
RELAY_PID=

relay_stop() {
    if [ -n "$RELAY_PID" ]; then
        kill "$RELAY_PID" 2>/dev/null
        wait "$RELAY_PID" 2>/dev/null
    fi
    RELAY_PID=
}
trap 'relay_stop; device_cleanup' EXIT

# relay [flags]: stands before selvaged; sets COAP
relay() {
    relay_stop
    : >"$WORK/relay"
    "$RELAY" "$TCP" "$@" 2>/dev/null >"$WORK/relay" &
    RELAY_PID=$!
    for i in $(seq 200); do
        grep -q listening "$WORK/relay" && break
        sleep 0.01
    done
    COAP=coap+tcp://127.0.0.1:$(sed -n 's/listening //p' "$WORK/relay")
}
connections() {
    grep -c connection "$WORK/relay"
}

begin() {
    start "$@" || { cat "$WORK/log"; exit 1; }
    TCP=$(sed 's,.*coap+tcp://\([^ "]*\).*,\1,' "$WORK/ready")
    COAP=coap+tcp://$TCP
}

# updates WHAT: a fresh device gets from release one to two; sets MS
updates() {
    rm -rf "$WORK/d"
    "$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
    local from=$(date +%s%N)
    device "$WORK/d" --run "cmp -s $WORK/two.b"
    MS=$((($(date +%s%N) - from) / 1000000))
    expect "$1: exit code" "$STATUS" 0
    has "$1" "$OUT" "boot: slot B, sequence number 2, confirmed"
    [ "$STATUS" = 0 ] || echo "$OUT"
}

release one 1 20000
release two 2 204800
"$KIT" anchor "$WORK/anchor"
begin "$WORK/s" --key "$WORK/anchor" --loops 2
offer one

# ---- nothing new; then the whole of it
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
device "$WORK/d"
expect "same release" "$STATUS" 10
offer two
updates "straight"
api GET "/api/v1/devices?limit=200"
has "the operator sees it" "$BODY" '"state":"confirmed"'
device "$WORK/d"
expect "after that" "$STATUS" 10

# ---- the round trip does not bound it: 200 blocks, 100 ms each, are 20 s
relay --delay 50
updates "round trip of 100 ms"
expect "in less than a third ($MS ms)" $((MS < 7000)) 1

# ---- cut, wherever that is; what was there is not fetched again
for row in 1000,7 30001,7 100003,3; do
    relay --cut ${row%,*} --times 6
    updates "cut after each ${row%,*} bytes"
    expect "as often as it was cut" "$(connections)" ${row#*,}
done
relay --cut 60000 --times 2
updates "cut twice"
expect "3 connections" "$(connections)" 3

# ---- stalls, trickles
relay --trickle 2800,20
updates "140 KB/s, frames in pieces"
relay --trickle 1,1 --times 1 --cut 1000
updates "a byte at a time, then cut"
HASTE=8 # what a device does after half a minute
relay --stall 50000,500 --times 1
updates "a stall of 4 s"
expect "is no reason to leave" "$(connections)" 1
relay --stall 50000,1000000 --times 1
updates "dead, and nobody says so"
expect "is left for another" "$(connections)" 2

# ---- the server restarts in the middle
relay --trickle 2000,40
rm -rf "$WORK/d"
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
hasten timeout 120 "$BUILD/bin/selvage-device" --state "$WORK/d" \
    --server "$COAP" --poll 2 --run "cmp -s $WORK/two.b" >"$WORK/out" 2>"$WORK/err" &
long=$!
for i in $(seq 500); do
    grep -q "(25 %)" "$WORK/out" && break
    sleep 0.02
done
stop
start "$WORK/s" --listen-tcp "$TCP" --key "$WORK/anchor" || fail "no restart"
for i in $(seq 1000); do
    grep -q "update confirmed" "$WORK/out" && break
    sleep 0.03
done
has "restart of the server" "$(cat "$WORK/out")" "update confirmed"
expect "and it went on where it was" \
    "$(grep -c '^downloading 0 of' "$WORK/out")" 1
kill "$long"
wait "$long" 2>/dev/null
stop

# ---- wrong frames: left for the next server, and for the next connection
begin "$WORK/s" --key "$WORK/anchor"
GOOD=$COAP
wrong() {
    relay --say "$2"
    device "$WORK/d" --server "$GOOD"
    expect "$1" "$STATUS" 10
}
wrong "HTTP" 485454502f312e312034303020426164
wrong "an answer without CSM" 2045c12a
wrong "a frame of 4 GiB" 00e1f0ffffffff45
wrong "token of 9 bytes" 00e10945
wrong "an option that is cut" 00e11045f1
wrong "critical option in the CSM" 10e110
wrong "Abort" 00e100e5
from=$(date +%s%N)
wrong "answers to nobody, and a Release" 00e10145410245424200e4
MS=$((($(date +%s%N) - from) / 1000000))
expect "which are no reason to stay ($MS ms)" $((MS < 8000)) 1
relay --say 00e10945 --times 1
updates "nonsense once"
stop

# ---- nobody there; what is no address
device "$WORK/d"
COAP=coap+tcp://127.0.0.1:9 device "$WORK/d"
expect "nobody there" "$STATUS" 3
for uri in coap+tcp: coap+tcp:// coap+tcp://h:99999 coap+tcp://h/path \
    coap+tcp://u@h coap+tls://h coaps+tcp://h 'coap+tcp://[::1'; do
    COAP=$uri device "$WORK/d"
    expect "'$uri'" "$STATUS" 2
done

HASTE=1
# ---- two servers: who tracks, and who has the images
begin "$WORK/images" --role firmware
IMAGES=$TCP IMAGES_PID=$PID IMAGES_HTTP=$HTTP IMAGES_TOKEN=$TOKEN
for slot in a b; do
    api PUT "/api/v1/images/$(digest_of "$WORK/two.$slot")" \
        --data-binary "@$WORK/two.$slot" -H "Content-Type:"
done
begin "$WORK/tracker" --role tracker --key "$WORK/anchor"
text=$(ab_manifest 2 "$(digest_of "$WORK/two.a")" 204800 \
    "$(digest_of "$WORK/two.b")" 204800)
"$KIT" envelope "$WORK/away.suit" \
    "${text//\"\/i\//\"coap+tcp://$IMAGES/i/}" || fail "kit: away"
publish "$WORK/away.suit"
expect "publish, images elsewhere" "$CODE" 201
rm -rf "$WORK/d"
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
device "$WORK/d" --server "coap+tcp://$IMAGES" --run "cmp -s $WORK/two.b"
expect "a server for images" "$STATUS" 0
[ "$STATUS" = 0 ] || echo "$OUT"
# and a device with UDP beside it
rm -rf "$WORK/d"
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
COAP=coap://127.0.0.1:9 device "$WORK/d" --server "coap+tcp://$TCP" \
    --server "coap+tcp://$IMAGES" --run "cmp -s $WORK/two.b"
expect "UDP gets nowhere, TCP does" "$STATUS" 0
kill $IMAGES_PID
wait $IMAGES_PID 2>/dev/null
stop

finish
