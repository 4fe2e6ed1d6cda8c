#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# loops.sh - several loops on one port, peers by the hundred thousand, a server
# that is restarted at every block, images that go while they are mapped, and
# slow readers: nothing is lost, nothing grows, nothing stops.
. test/server/lib.sh
LOAD=$BUILD/bench/bench_server_load
[ -x "$LOAD" ] || skip "$LOAD was not built"

threads() {
    ls "/proc/$PID/task" | wc -l
}

rss_kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}

# wrong REQUESTS... : runs a load, the number of wrong answers in WRONG.
load() {
    WRONG=$("$LOAD" "${COAP#coap://}" "$@" | cut -d' ' -f6)
}

reports() {
    api GET "/api/v1/devices/$1"
    grep -o '"at":' "$WORK/body" | wc -l
}

# ---- how many there are
start "$WORK/state" --loops 1 || { cat "$WORK/log"; exit 1; }
expect "one loop, the one for HTTP, and who writes" "$(threads)" 3
stop
start "$WORK/state" --loops 16 || { cat "$WORK/log"; exit 1; }
expect "16 loops" "$(threads)" 18
stop
expect "exit code" "$STATUS" 0

# ---- a fleet that registers at once, by four loops
start "$WORK/state" --loops 4
image "$WORK/image" 12345
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
"$KIT" envelope "$WORK/e1" "$(manifest 1 "$DIGEST" 12345)"
publish "$WORK/e1"
MANIFEST=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]*\).*/\1/')
FLEET=40
pids=
for n in $(seq $FLEET); do
    profile "$WORK/p$n" "$(printf %032x "$n")" 1 "$DIGEST"
    timeout 20 coap-client-notls -m post -B 15 -t 60 -f "$WORK/p$n" \
        -o "$WORK/id$n" "$COAP/reg" 2>/dev/null &
    pids="$pids $!"
done
wait $pids
for n in $(seq $FLEET); do
    cat "$WORK/id$n"
    echo
done >"$WORK/ids"
expect "ids, each another one" "$(sort -u "$WORK/ids" | grep -c .)" $FLEET
load poll "$WORK/ids" --etag "${MANIFEST:0:16}" --clients $FLEET \
    --requests 2000 --seconds 20
expect "polls answered wrongly" "$WRONG" 0
stop KILL
start "$WORK/state" --loops 3
for n in $(seq $FLEET); do
    coap post /reg "$WORK/again" -t 60 -f "$WORK/p$n"
    expect "device $n after kill -9" "$(cat "$WORK/again")" \
        "$(sed -n "${n}p" "$WORK/ids")"
done
ID=$(head -n 1 "$WORK/ids")

# A publish is seen by the next poll, whichever loop gets it.
for release in 2 3 4; do
    "$KIT" envelope "$WORK/e" "$(manifest $release "$DIGEST" 12345)"
    publish "$WORK/e"
    MANIFEST=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]*\).*/\1/')
    load poll "$WORK/ids" --etag "${MANIFEST:0:16}" --clients 64 \
        --requests 64 --seconds 10
    expect "polls after release $release" "$WRONG" 0
done

# Times of contact reach the operator, whichever loop heard of the device.
sleep 1.1
before=$(date +%s)
load poll "$WORK/ids" --etag "${MANIFEST:0:16}" --clients $FLEET \
    --requests $FLEET --seconds 10
api GET "/api/v1/devices?limit=200"
expect "devices heard of just now" "$(grep -o '"seen_at":"[^"]*"' "$WORK/body" |
    cut -d'"' -f4 | while read -r at; do
    [ "$(date -d "$at" +%s)" -ge "$before" ] && echo yes
done | wc -l)" $FLEET

# A report and its copies, from one port: kept once, answered each time.
status "$WORK/s" 8 4 "$MANIFEST" 0 true
query="d=$ID"
{
    printf '\x40\x02\x12\x34\xb1s\x11\x3c\x3d\x05%s\xff' "$query"
    cat "$WORK/s"
} >"$WORK/datagram"
had=$(reports "$ID")
for n in 1 2 3 4 5; do
    exec {fd}<>"/dev/udp/127.0.0.1/${COAP##*:}"
    for copy in 1 2 3; do
        cat "$WORK/datagram" >&$fd
        got=$(timeout 5 head -c 4 <&$fd | od -An -tx1 | tr -d ' \n')
        expect "answer $copy" "$got" 60441234
    done
    exec {fd}>&-
done
expect "reports kept" "$(reports "$ID")" $((had + 5))

# ---- 100,000 peers: nothing is kept of those that read, and no more than a
# fixed amount of the others
count=100000
room=4096
is_sanitized && count=20000 room=65536 # the sanitizer's own
load poll "$WORK/ids" --etag "${MANIFEST:0:16}" --clients 256 --requests 5000 \
    --seconds 20
load post /reg --clients 256 --requests 20000 --peers 20000 --seconds 20
before=$(rss_kib)
load poll "$WORK/ids" --etag "${MANIFEST:0:16}" --clients 256 \
    --requests $count --peers $count --seconds 60
expect "polls of $count peers answered wrongly" "$WRONG" 0
for n in $(seq 1000); do
    printf '%016x\n' "$n"
done >"$WORK/strangers"
load poll "$WORK/strangers" --clients 256 --requests $count --peers $count \
    --seconds 60
[ "$WRONG" -ge $count ] && pass || # the last batch may bring more than asked
    fail "$WRONG of $count strangers are refused"
load post /reg --clients 256 --requests $count --peers $count --seconds 60
expect "bodies begun by $count peers, answered wrongly" "$WRONG" 0
grown=$(($(rss_kib) - before))
[ $grown -lt $room ] && pass || fail "memory grew by $grown KiB"
coap get "/i/$DIGEST" "$WORK/out"
cmp -s "$WORK/image" "$WORK/out" || fail "the image after the flood"

# ---- what fuzzing has found interesting, each as a datagram, and cut
files=0
for file in fuzz/corpus/fuzz_coap_*/*; do
    [ -f "$file" ] || continue
    { cat "$file" >"/dev/udp/127.0.0.1/${COAP##*:}"
    head -c 9 "$file" >"/dev/udp/127.0.0.1/${COAP##*:}"; } 2>/dev/null
    files=$((files + 1))
done
[ $files -ge 50 ] && pass || fail "only $files files of the corpora"
coap get "/i/$DIGEST" "$WORK/out"
cmp -s "$WORK/image" "$WORK/out" || fail "the image after the corpora"

# ---- restarted at every block, on the same port
port=${COAP##*:}
: >"$WORK/whole"
for block in $(seq 0 12); do
    coap get "/i/$DIGEST" "$WORK/out" -b "$block,1024"
    dd if="$WORK/out" of="$WORK/whole" bs=1024 seek="$block" conv=notrunc \
        status=none
    stop "$([ $((block % 2)) = 0 ] && echo KILL || echo TERM)"
    start "$WORK/state" --listen-tcp none --listen "127.0.0.1:$port" --loops $((block % 4 + 1)) ||
        { tail -n 2 "$WORK/log"; fail "restart $block"; finish; }
done
cmp -s "$WORK/image" "$WORK/whole" || fail "the image, restarted at each block"
pass

# ---- images that go while they are mapped
file=$WORK/state/images/${DIGEST:0:2}/${DIGEST:2}
coap get "/i/$DIGEST" "$WORK/out" -b 1024
mv "$file" "$WORK/away"
sleep 1.2
coap get "/i/$DIGEST" "$WORK/out" -v 7
has "an image that was removed" "$LOG" "c:4.04"
mv "$WORK/away" "$file"
coap get "/i/$DIGEST" "$WORK/out" -b 1024
cmp -s "$WORK/image" "$WORK/out" || fail "an image that came back"
truncate -s 5000 "$file"
coap get "/i/$DIGEST" "$WORK/out" -b 10,1024 -v 7
case $LOG in
*c:5.00* | *c:4.00*) pass ;; # found while sending, or by looking anew
*) fail "a block of an image that was cut: $LOG" ;;
esac
coap get "/m?d=$ID" "$WORK/out"
cmp -s "$WORK/e" "$WORK/out" || fail "the server after an image was cut"
cp "$WORK/image" "$file"
sleep 1.2
coap get "/i/$DIGEST" "$WORK/out" -b 1024
cmp -s "$WORK/image" "$WORK/out" || fail "an image that was mended"

# ---- slow readers over HTTP
image "$WORK/large" 20000000
LARGE=$DIGEST
api PUT "/api/v1/images/$LARGE" -T "$WORK/large"
pids=
for n in $(seq 20); do
    curl -s -m 60 --limit-rate 20k -o /dev/null "$HTTP/i/$LARGE" &
    pids="$pids $!"
done
sleep 0.5
begin=$(date +%s%N)
http GET /healthz -m 5
expect "health beside slow readers" "$CODE" 200
for n in $(seq 5); do
    coap get "/m?d=$ID" "$WORK/out"
    cmp -s "$WORK/e" "$WORK/out" || fail "a manifest beside slow readers"
done
http GET "/i/$LARGE" -m 30
expect "an image beside slow readers" "$(digest_of "$WORK/body")" "$LARGE"
[ $(($(date +%s%N) - begin)) -lt 20000000000 ] && pass ||
    fail "slow readers slow others down"
kill $pids
wait $pids 2>/dev/null
stop
expect "exit code" "$STATUS" 0
finish
