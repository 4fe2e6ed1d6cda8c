#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tcp.sh - the device-facing interface over TCP: libcoap's client as the device
# (every resource, blocks, BERT, Observe), what is wrong in a stream, peers that
# are slow, silent or many.
. test/server/lib.sh
PROBE=$BUILD/test/server_tcp_probe

begin() {
    start "$@" || { cat "$WORK/log"; exit 1; }
    TCP=$(sed 's,.*coap+tcp://\([^ "]*\).*,\1,' "$WORK/ready")
    UDP=$COAP
    COAP=coap+tcp://$TCP # where `coap` of lib.sh asks
}

# probe STEP...: SAID is what came back, in hex, behind our own CSM
probe() {
    SAID=$("$PROBE" "$TCP" "$@")
    case $SAID in
    40e122100020*) SAID=${SAID#40e122100020} ;;
    *) fail "no CSM comes first: '$SAID'" ;;
    esac
}

begin "$WORK/state" --loops 2
DEV=000102030405060708090a0b0c0d0e0f
image "$WORK/image" 102499
IMAGE=$DIGEST
api PUT "/api/v1/images/$IMAGE" -T "$WORK/image"

# ---- every resource
coap get /.well-known/core "$WORK/out"
has "discovery" "$(cat "$WORK/out")" '</reg>;rt="selvage.reg";ct=60'
profile "$WORK/p" $DEV 1 "$IMAGE"
coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
ID=$(cat "$WORK/id")
expect "an id" "$(echo "$ID" | tr -d 0-9a-f | wc -c) ${#ID}" "1 16"
coap post /reg "$WORK/id2" -t 60 -f "$WORK/p" -b 64
expect "the same id, in blocks of 64" "$(cat "$WORK/id2")" "$ID"
COAP=$UDP coap post /reg "$WORK/id2" -t 60 -f "$WORK/p"
expect "the same id over UDP" "$(cat "$WORK/id2")" "$ID"
for size in 16 64 1024; do
    coap get "/i/$IMAGE" "$WORK/out" -b $size
    cmp -s "$WORK/image" "$WORK/out" || fail "image in blocks of $size"
    pass
done
coap get "/i/$IMAGE" "$WORK/out"
cmp -s "$WORK/image" "$WORK/out" || fail "image, no size asked"
"$KIT" envelope "$WORK/e1" "$(manifest 1 "$IMAGE" 102499)"
publish "$WORK/e1"
expect "release 1" "$CODE" 201
coap get "/m?d=$ID" "$WORK/out"
cmp -s "$WORK/e1" "$WORK/out" || fail "the manifest"
pass
status "$WORK/s" 8 1 "$IMAGE" 0 true
coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s" -v 7
has "a report" "$LOG" "c:2.04"
coap get /nothing "$WORK/out" -v 7
has "no such path" "$LOG" "c:4.04"
coap get "/i/$IMAGE" "$WORK/out" -O 2049,x -v 7
has "critical option" "$LOG" "c:4.02"

# ---- large blocks, for who can take them
LARGE=50e12301010020 # CSM: Max-Message-Size 65792, Block-Wise-Transfer
expect "in BERT blocks" "$("$PROBE" "$TCP" "b/i/$IMAGE,$WORK/out" | head -n 1)" 4
cmp -s "$WORK/image" "$WORK/out" || fail "the image in BERT blocks"
pass
probe +00e1 "g/i/$IMAGE,3,7" =200
has "SZX 7, no Max-Message-Size: a block of 1024 of that number" "$SAID" 913e
probe +$LARGE "g/i/$IMAGE,99,7" =200
has "SZX 7, the last piece: 1123 bytes" "$SAID" 920637
probe +$LARGE "g/i/$IMAGE,200,7" =200
has "SZX 7, beyond the end" "$SAID" 80
probe +30e1216420 "g/i/$IMAGE,0,6" =200 # Max-Message-Size 100
has "who takes 100 bytes: blocks of 16" "$SAID" 9108
expect "in a short frame" $((${#SAID} <= 200)) 1

# ---- being told
timeout 20 coap-client-notls -m get -s 6 -B 8 -v 7 "$COAP/m?d=$ID" \
    >"$WORK/watch" 2>&1 &
watch=$!
told() {
    grep -ac 'c:2.05.*Observe:' "$WORK/watch"
}
for number in 1 2 3; do
    if [ $number -gt 1 ]; then
        "$KIT" envelope "$WORK/e$number" "$(manifest $number "$IMAGE" 102499)"
        publish "$WORK/e$number"
    fi
    for i in $(seq 100); do
        [ "$(told)" -ge $number ] && break
        sleep 0.05
    done
    expect "told $number times" "$(told)" $number
    has "told of release $number" \
        "$(grep -a 'c:2.05.*Observe:' "$WORK/watch" | tail -n 1)" \
        "$(digest_of "$WORK/e$number" | cut -c1-16)"
done
wait $watch

# ---- signaling
probe +00e1 +01e242 =200
expect "Ping, Pong" "$SAID" 01e342
probe +00e1 +11e24220 =200
expect "Ping with Custody" "$SAID" 11e34220
probe +00e1 +00000000 +01e242 =200
expect "empty messages are nothing" "$SAID" 01e342
probe +00e1 +0045 +01e242 =200
expect "a response that nobody waits for" "$SAID" 01e342
probe +00e1 g/nothing +00e4 =2500
has "Release: what was asked is answered" "$SAID" 84
has "Release: and it closes" "$SAID" closed
probe +00e1 g/nothing z =2500
has "half-closed: what was asked is answered" "$SAID" 84
has "half-closed: and it closes" "$SAID" closed
probe +00e1 +00e5 =2500
expect "Abort" "$SAID" " closed"

# ---- what is wrong: an Abort with words, and the end
wrong() {
    probe "+$2" =2500
    has "$1: Abort" "$SAID" "e5"
    has "$1: '$3'" "$SAID" "$(printf %s "$3" | od -An -tx1 | tr -d ' \n')"
    has "$1: closed" "$SAID" closed
}
wrong "no CSM" 0001 malformed
wrong "HTTP" 474554202f20485454502f312e310d0a malformed
wrong "token of 9 bytes" 00e10901 malformed
wrong "option cut" 00e11001f1 malformed
wrong "marker without payload" 00e11001ff malformed
wrong "reserved class" 00e10021 malformed
wrong "critical option in the CSM" 10e110 "critical option"
wrong "critical option in a Ping" 00e110e210 "critical option"
wrong "a frame of 4 GiB" 00e1f0ffffffff01 "too long"
wrong "a frame of 4097 bytes" 00e1e00ef201 "too long"

# ---- a peer that reads nothing of what it asked for
asks=
for i in $(seq 60); do
    asks="$asks g/i/$IMAGE,$i,7"
done
"$PROBE" "$TCP" +$LARGE $asks $asks $asks $asks !1500 >"$WORK/deaf" &
deaf=$!
sleep 0.5
probe +00e1 +01e242 =200
expect "others are served meanwhile" "$SAID" 01e342
wait $deaf
stop
expect "exit code" "$STATUS" 0

# ---- at most so many
begin "$WORK/state" --loops 1 --connections 8
"$PROBE" -n 20 "$TCP" +00e1 !500 +01e242 =500 >"$WORK/many"
expect "8 of 20 stay" "$(grep -c 01e342 "$WORK/many")" 8
expect "and 12 go" "$(grep -c closed "$WORK/many")" 12
coap get "/m?d=$ID" "$WORK/out"
cmp -s "$WORK/e3" "$WORK/out" || fail "after the crowd"
pass
# Release when the server goes
"$PROBE" "$TCP" +00e1 =1500 >"$WORK/last" &
last=$!
sleep 0.5
stop
wait $last
has "Release at the end" "$(cat "$WORK/last")" "00e4 closed"

# ---- slow ones, all at once
begin "$WORK/state" --loops 1
probe_to() {
    "$PROBE" "$TCP" "${@:2}" >"$WORK/slow.$1" &
    SLOW="$SLOW $!"
}
SLOW=
probe_to mute =23000
probe_to chatter ~400,$(printf '0000%.0s' {1..30}) =3000
probe_to trickle +00e1 ~400,e00020$(printf '41%.0s' {1..56}) =3000
for pid in $SLOW; do
    wait "$pid"
done
for name in mute chatter trickle; do
    has "$name: Abort" "$(cat "$WORK/slow.$name")" 746f6f20736c6f77
    has "$name: closed" "$(cat "$WORK/slow.$name")" closed
done
stop

# ---- where it listens
begin "$WORK/state" --listen-tcp none
case $(cat "$WORK/ready") in
*tcp*) fail "none: it listens" ;;
*) pass ;;
esac
stop
if "$BUILD/bin/selvaged" --state "$WORK/state" --listen 127.0.0.1:0 \
    --listen-tcp 0.0.0.0:0 --http 127.0.0.1:0 >/dev/null 2>"$WORK/err"; then
    fail "other machines can reach it"
fi
has "other machines" "$(cat "$WORK/err")" "--listen-tcp: other machines"
finish
