#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fault.sh - the order of writes behind each answer, and then every write,
# sync and rename failing once: a request that was acknowledged all the same
# must have been kept, one that was not may be repeated, and the server goes
# on (test/server/fault.c).
. test/server/lib.sh
FAULT=$BUILD/test/libserver_fault.so
[ -f "$FAULT" ] || skip "$FAULT was not built"

# start_faulty STATE N: the Nth call from now on fails.
start_faulty() {
    export SELV_FAULT_AT=$2 SELV_FAULT_LOG=$WORK/calls
    export LD_PRELOAD=$FAULT ASAN_OPTIONS=verify_asan_link_order=0
    start "$1" --quiet
    result=$?
    unset SELV_FAULT_AT SELV_FAULT_LOG LD_PRELOAD ASAN_OPTIONS
    [ $result = 0 ] && kill -USR1 "$PID"
    return $result
}

# Names of the calls since the last time, on one line.
calls() {
    tail -n "+$((${LINES_SEEN:-0} + 1))" "$WORK/calls" | tr '\n' ' '
}

seen() {
    LINES_SEEN=$(wc -l <"$WORK/calls")
}

# order WHAT PATTERN: the calls since the last time, in this order.
order() {
    got=$(calls)
    case $got in
    $2) pass ;;
    *) fail "$1: order of calls: $got" ;;
    esac
    seen
}

image "$WORK/image" 3000
"$KIT" envelope "$WORK/e" "$(manifest 1 "$DIGEST" 3000)"
ENVELOPE=$(digest_of "$WORK/e")
profile "$WORK/p" 000102030405060708090a0b0c0d0e0f 1 "$DIGEST"
status "$WORK/s" 8 1 "$DIGEST" 0 true

# ---- the order
start_faulty "$WORK/state0" 0 || { cat "$WORK/log"; exit 1; }
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image" -H "Expect:"
order "image" \
    "create write *fsync mkdirat fsync *renameat fsync *pwrite *fdatasync *answer *"
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image" -H "Expect:"
order "image, its folder there already" \
    "create write *fsync mkdirat fsync *renameat fsync *answer *"
publish "$WORK/e"
order "release" \
    "create write fsync mkdirat fsync *renameat fsync *pwrite *fdatasync *answer *"
coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
order "registration" "pwrite *fdatasync answer "
coap post "/s?d=$(cat "$WORK/id")" "$WORK/out" -t 60 -f "$WORK/s"
order "report" "pwrite *fdatasync answer "
coap get "/m?d=$(cat "$WORK/id")" "$WORK/out"
order "a poll writes nothing" "answer "
stop
expect "exit code" "$STATUS" 0

# ---- each call fails once
n=0
count=0
refusals=0
step=1
is_sanitized && step=5 # starts slowly; the plain build tries them all
while :; do
    n=$((n + step))
    rm -rf "$WORK/state"
    start_faulty "$WORK/state" $n || { fail "start $n"; break; }
    api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
    image_code=$CODE
    publish "$WORK/e"
    release_code=$CODE
    coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
    ID=$(cat "$WORK/id")
    LOG=
    [ -n "$ID" ] &&
        coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s" -v 7
    report=$LOG
    http GET /healthz
    expect "call $n: goes on" "$CODE" 200
    stop KILL
    grep -q '!' "$WORK/calls" || break
    count=$((count + 1))
    what="call $n, $(grep '!' "$WORK/calls")"
    start "$WORK/state" --quiet || { fail "$what: no start"; continue; }
    case $image_code in
    201)
        http GET "/i/$DIGEST"
        expect "$what: image" "$(digest_of "$WORK/body")" "$DIGEST"
        ;;
    500 | 507) refusals=$((refusals + 1)) ;;
    *) fail "$what: image: $image_code" ;;
    esac
    case $release_code in
    201)
        http GET "/i/$ENVELOPE"
        expect "$what: release" "$(digest_of "$WORK/body")" "$ENVELOPE"
        ;;
    500 | 507 | 422) refusals=$((refusals + 1)) ;;
    *) fail "$what: release: $release_code" ;;
    esac
    if [ -n "$ID" ]; then
        api GET "/api/v1/devices/$ID"
        expect "$what: device" "$CODE" 200
        case $report in
        *c:2.04*) has "$what: report" "$BODY" '"state":"confirmed"' ;;
        *c:5.00*) refusals=$((refusals + 1)) ;;
        *) fail "$what: report: $report" ;;
        esac
    else
        refusals=$((refusals + 1))
    fi
    # What was refused is taken when it is sent again.
    api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
    publish "$WORK/e"
    case $CODE in
    200 | 201) pass ;;
    *) fail "$what: again: $CODE $BODY" ;;
    esac
    expect "$what: temporary files" \
        "$(find "$WORK/state/images/tmp" -type f | wc -l)" 0
    stop KILL
done
[ $n -gt 20 ] || fail "only $n calls were seen"
[ $refusals -ge $count ] || fail "$refusals refusals in $count faults"
echo "$count calls failed once each, $refusals requests refused"
finish
