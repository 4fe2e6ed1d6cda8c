#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# restart.sh - the server is killed before each of its answers to a device that
# updates, and started again: the device ends with the new release. Then it is
# killed at once after each of its answers: what was acknowledged is kept. Then
# two servers that disagree.
#
# usage: restart.sh [STEP]: each STEPth answer (1)
. test/device/lib.sh
FAULT=$BUILD/test/libserver_fault.so
[ -f "$FAULT" ] || skip "$FAULT was not built"
[ -x "$BUILD/bin/selvage-device" ] || skip "selvage-device was not built"
STEP=${1:-1}
is_sanitized && STEP=7

release one 1 5000
release two 2 14000
"$FACTORY" "$WORK/new" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
start "$WORK/first" --quiet || { cat "$WORK/log"; exit 1; }
port=${COAP##*:}
offer two
stop

# start_killed N: a server that is killed before its Nth answer.
# start_killed N _AFTER: or after it.
start_killed() {
    export "SELV_FAULT_KILL${2:-}=$1"
    export LD_PRELOAD=$FAULT ASAN_OPTIONS=verify_asan_link_order=0
    start "$WORK/state" --quiet --loops 2 --listen-tcp none --listen "127.0.0.1:$port"
    result=$?
    disown 2>/dev/null # its end is told here, not by the shell
    unset SELV_FAULT_KILL SELV_FAULT_KILL_AFTER LD_PRELOAD ASAN_OPTIONS
    return $result
}

n=1
restarts=0
looks=0
while :; do
    rm -rf "$WORK/state" "$WORK/d"
    cp -a "$WORK/first" "$WORK/state"
    cp -a "$WORK/new" "$WORK/d"
    start_killed $n || { tail -n 2 "$WORK/log"; fail "start $n"; break; }
    killed=0
    for look in 1 2 3 4 5; do
        looks=$((looks + 1))
        timeout 60 "$BUILD/bin/selvage-device" --state "$WORK/d" \
            --server "coap://127.0.0.1:$port" --once >"$WORK/out" \
            2>"$WORK/err" &
        device=$!
        while kill -0 $device 2>/dev/null; do
            if ! kill -0 "$PID" 2>/dev/null; then
                killed=1
                start "$WORK/state" --quiet --loops 1 \
                    --listen-tcp none --listen "127.0.0.1:$port" ||
                    { tail -n 2 "$WORK/log"; fail "restart at $n"; finish; }
            fi
            sleep 0.02
        done
        wait $device
        STATUS=$?
        [ "$STATUS" = 0 ] || [ "$STATUS" = 10 ] && break
    done
    [ "$STATUS" = 0 ] && pass ||
        fail "killed before answer $n: the device ends with $STATUS:" \
            "$(tail -n 3 "$WORK/out" "$WORK/err")"
    has "killed before answer $n" "$(cat "$WORK/out" "$WORK/err")" \
        "sequence number 2, confirmed"
    api GET /api/v1/devices
    has "killed before answer $n: reported" "$BODY" '"state":"confirmed"'
    expect "killed before answer $n: one device" \
        "$(echo "$BODY" | grep -o '"device_id":' | wc -l)" 1
    stop KILL
    [ $killed = 1 ] || break
    restarts=$((restarts + 1))
    n=$((n + STEP))
    [ $n -lt 300 ] || { fail "no end of answers"; break; }
done
# Answers that go out together are one.
[ $restarts -ge $((10 / STEP)) ] || fail "only $restarts restarts"
echo "$restarts restarts in as many updates, $looks looks"

# ---- killed after an answer: a registration, then reports of other numbers
kept=0
for n in 1 2 3 4; do
    rm -rf "$WORK/state"
    cp -a "$WORK/first" "$WORK/state"
    start_killed $n _AFTER || { tail -n 2 "$WORK/log"; fail "start"; break; }
    COAP=coap://127.0.0.1:$port
    profile "$WORK/p" 0102030405060708090a0b0c0d0e0f10 1 "$DIGEST"
    coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
    id=$(cat "$WORK/id")
    expect "killed after answer $n: the id" ${#id} 16
    acked=
    for ((i = 2; i <= n; i++)); do
        status "$WORK/s" 8 $((1000 + i)) "$DIGEST" 0 true
        coap post "/s?d=$id" "$WORK/out" -t 60 -f "$WORK/s" -v 7
        has "killed after answer $n: report $i" "$LOG" "c:2.04"
        acked="$acked $((1000 + i))"
    done
    for i in $(seq 100); do
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.02
    done
    kill -0 "$PID" 2>/dev/null && fail "answer $n: the server lives"
    start "$WORK/state" --quiet --loops 1 --listen-tcp none ||
        { tail -n 2 "$WORK/log"; fail "restart after $n"; break; }
    api GET "/api/v1/devices/$id"
    expect "killed after answer $n: the device" "$CODE" 200
    for i in $acked; do
        has "killed after answer $n: its reports" "$BODY" \
            "\"sequence_number\":$i"
    done
    kept=$((kept + n))
    stop KILL
done
echo "$kept answers followed by the end: all of them kept"

# ---- two servers that disagree: of one number each has another manifest, and
# the second one has images of other bytes
release other 2 14000
release three 3 9000
start "$WORK/a" --quiet || { cat "$WORK/log"; exit 1; }
offer two
A=$COAP A_PID=$PID A_HTTP=$HTTP A_TOKEN=$TOKEN
PID=
start "$WORK/b" --quiet || { cat "$WORK/log"; exit 1; }
offer other
B=$COAP
rm -rf "$WORK/d"
cp -a "$WORK/new" "$WORK/d"
both() {
    timeout 120 "$BUILD/bin/selvage-device" --state "$WORK/d" --server "$1" \
        --server "$2" --once >"$WORK/out" 2>"$WORK/err"
    STATUS=$?
    OUT=$(cat "$WORK/out" "$WORK/err")
}
running() {
    api GET /api/v1/devices
    echo "$BODY" | grep -o '"sequence_number":[0-9]*' | head -n 1 | cut -d: -f2
}
both "$A" "$B"
expect "the first one's release" "$STATUS" 0
DIGEST_OF_TWO=$(echo "$OUT" | grep -o 'sequence number 2, confirmed' | head -n 1)
expect "the first one's release runs" "$DIGEST_OF_TWO" \
    "sequence number 2, confirmed"
# The other one's of the same number is no news: it is refused, each time.
for n in 1 2; do
    both "$B" "$A"
    case $STATUS in
    10 | 11) pass ;;
    *) fail "another manifest of the same number: $STATUS: $OUT" ;;
    esac
done
# The newer one of either is taken, with images that the other one spoils.
offer three
HTTP=$A_HTTP TOKEN=$A_TOKEN
offer three
for slot in a b; do
    name=$(digest_of "$WORK/three.$slot")
    printf 'spoilt' | dd of="$WORK/b/images/${name:0:2}/${name:2}" bs=1 \
        seek=4000 conv=notrunc status=none
done
both "$B" "$A"
[ "$STATUS" = 0 ] || both "$B" "$A"
[ "$STATUS" = 0 ] || both "$A" "$B"
expect "good images beside spoilt ones" "$STATUS" 0
has "good images beside spoilt ones" "$OUT" "sequence number 3, confirmed"
kill "$A_PID"
wait "$A_PID" 2>/dev/null
stop
finish
