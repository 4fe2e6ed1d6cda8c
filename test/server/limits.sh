#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# limits.sh - what one client may cost the server: the largest image goes
# through it without being held, an upload that is given up leaves nothing,
# and idle connections do not keep others out for ever.
. test/server/lib.sh

peak_kib() {
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}

start "$WORK/state" || { cat "$WORK/log"; exit 1; }
room=16384
is_sanitized && room=400000 # the sanitizer's own
before=$(peak_kib)

# ---- 64 MiB, both ways
image "$WORK/image" 67108864
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image" -m 60
expect "64 MiB" "$CODE" 201
http GET "/i/$DIGEST" -m 60
expect "64 MiB back" "$(digest_of "$WORK/body")" "$DIGEST"
grown=$(($(peak_kib) - before))
[ "$grown" -lt $room ] && pass || fail "memory grew by $grown KiB"
coap get "/i/$DIGEST" "$WORK/out" -b 65535,1024 -v 7
has "the last block of 64 MiB" "$LOG" "Block2:65535/_/1024"

# ---- an upload that is given up
image "$WORK/half" 1000000
api PUT "/api/v1/images/$DIGEST" -T "$WORK/half" --limit-rate 200k -m 1
case $CODE in
100 | 000) pass ;; # curl tells the last status that it saw
*) fail "given up: $CODE" ;;
esac
for i in $(seq 100); do
    [ "$(find "$WORK/state/images/tmp" -type f | wc -l)" = 0 ] && break
    sleep 0.05
done
expect "nothing is left of it" \
    "$(find "$WORK/state/images/tmp" -type f | wc -l)" 0
http GET "/i/$DIGEST"
expect "half an image is none" "$CODE" 404

# ---- idle connections up to the limit, and over it
port=${HTTP##*:}
fds=
for i in $(seq 70); do
    if exec {fd}<>"/dev/tcp/127.0.0.1/$port"; then
        fds="$fds $fd"
    fi
done
expect "connections opened" "$(echo $fds | wc -w)" 70
coap get "/.well-known/core" "$WORK/out"
has "CoAP goes on" "$(cat "$WORK/out")" "</reg>"
for fd in $fds; do
    exec {fd}>&-
done
sleep 0.3 # the server has seen them all go: nothing else will wake it
for i in $(seq 40); do
    http GET /healthz -m 1
    [ "$CODE" = 200 ] && break
    sleep 0.05
done
expect "HTTP when they are gone" "$CODE" 200

# ---- requests that HTTP does not know
for request in '\r\n\r\n' 'GET\r\n\r\n' 'GET / HTTP/9.9\r\n\r\n' \
    'GET /%%00 HTTP/1.1\r\nHost: x\r\n\r\n' '\x16\x03\x01\x00\xff' \
    'POST /api/v1/releases HTTP/1.1\r\nContent-Length: -5\r\n\r\n' \
    'POST /api/v1/releases HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n'; do
    exec {fd}<>"/dev/tcp/127.0.0.1/$port"
    printf "$request" >&$fd
    timeout 0.2 cat <&$fd >/dev/null
    exec {fd}>&-
done
{ printf 'X-Long: '; head -c 100000 /dev/zero | tr '\0' A; } >"$WORK/line"
http GET /healthz -H @"$WORK/line"
case $CODE in
4* | 000) pass ;;
*) fail "a header of 100,000 bytes: $CODE" ;;
esac
http GET /healthz
expect "HTTP after all that" "$CODE" 200
stop
expect "exit code" "$STATUS" 0
echo "peak memory grew by $grown KiB over the 64 MiB upload and download"
finish
