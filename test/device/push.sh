#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# push.sh - what may be said to a device that listens, and what it answers:
# nonsense, forgeries, too much, too early, twice, from many at once.
. test/device/lib.sh
. test/device/web_lib.sh
. test/device/push_lib.sh

release one 1 20000
release two 2 50000
release three 3 258048
release old 1 20000
release foreign 9 20000 "h'00112233445566778899aabbccddeeff'"
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
mkdir -p "$WORK/tree"
# tree NAME: images and manifest.
tree() {
    "$SELVAGE" release publish --static "$WORK/tree" "$WORK/$1.suit" \
        "$WORK/$1.a" "$WORK/$1.b" >"$WORK/out" 2>&1 ||
        fail "publish --static $1: $(cat "$WORK/out")"
}

listen "$WORK/d" --server "file://$WORK/tree" --run true
seen "nothing new"
port=${DEVICE_URI##*:}

# ask METHOD PATH [flags]: what libcoap's client prints of a failure, in OUT.
ask() {
    method=$1
    path=$2
    shift 2
    rm -f "$WORK/got"
    timeout 30 coap-client-notls -B 5 -m "$method" -o "$WORK/got" "$@" \
        "$DEVICE_URI/$path" >"$WORK/out" 2>&1
    OUT=$(cat "$WORK/out")
}

ask get .well-known/core
has "links" "$(cat "$WORK/got")" '</suit/m>;rt="selvage.manifest"'
ask get suit/m
has "GET of a manifest" "$OUT" "4.05"
ask post suit/m -e x
has "POST" "$OUT" "4.05"
ask put suit/s -e x
has "PUT of the state" "$OUT" "4.05"
ask delete suit/s
has "DELETE" "$OUT" "4.05"
ask get suit/x
has "another path" "$OUT" "4.04"
ask put suit/m -t 60 -f "$WORK/two.suit"
has "another format" "$OUT" "4.15"

# refused WHAT FILE WORDS: a push that the device does not take. A push of
# nonsense is followed by a pause of a second.
refused() {
    sleep 1.1
    push "$2"
    expect "$1" "$STATUS" 1
    has "$1" "$OUT" "$3"
}
head -c 100 /dev/urandom >"$WORK/noise"
refused "noise" "$WORK/noise" "the device answers 4.00"
push "$WORK/noise"
has "at once again" "$OUT" "5.03: not so soon after the last one"
head -c 100000 /dev/urandom >"$WORK/noise"
refused "much noise" "$WORK/noise" "the device answers 4.00"
head -c 400 "$WORK/two.suit" >"$WORK/part"
refused "half an envelope" "$WORK/part" "the device answers 4.00"
refused "an image" "$WORK/two.a" "the device answers 4.00"
"$KIT" envelope "$WORK/unsigned.suit" \
    "$(ab_manifest 2 "$DIGEST" 20000 "$DIGEST" 20000)" unsigned=1
refused "not signed" "$WORK/unsigned.suit" "the device answers 4.03"
# A bit of the signature, which ends 64 bytes before the manifest.
offset=$(grep -abo "$(printf '\130\100')" "$WORK/two.suit" | head -1 | cut -d: -f1)
cp "$WORK/two.suit" "$WORK/forged.suit"
printf '\000\001\002' | dd of="$WORK/forged.suit" bs=1 seek=$((offset + 10)) \
    conv=notrunc status=none
refused "forged" "$WORK/forged.suit" "the device answers 4.03"
expect "none of it woke the engine" "$(grep -c pushed "$WORK/long")" 0

# Signed, and refused by the device's own rules: the verdict comes back.
refused "another class" "$WORK/foreign.suit" "the device answers 4.03"
refused "an old one" "$WORK/old.suit" "the device answers 4.03"
sleep 1.1
push "$WORK/one.suit"
expect "what runs" "$STATUS" 0
expect "these two were looked at" "$(grep -c pushed "$WORK/long")" 2

# ---- floods
memory() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$BAD_PID/status"
}
before=$(memory)
"$BUILD/test/device_push_flood" "$port" 20000 >"$WORK/out" ||
    fail "flood: $(cat "$WORK/out")"
"$BUILD/test/device_push_flood" "$port" 20000 "$WORK/two.suit" \
    >"$WORK/out" || fail "flood: $(cat "$WORK/out")"
after=$(memory)
if [ $((after - before)) -lt 512 ] || is_sanitized; then
    pass
else
    fail "a flood takes memory: $before kB, then $after kB"
fi
state
has "after a flood" "$OUT" "040005653"

# The flood may have left half an upload of its own: that gives way in 30 s.
tree two
tries=0
push "$WORK/two.suit"
while [ "$STATUS" != 0 ] && [ $((tries += 1)) -lt 40 ]; do
    sleep 1
    push "$WORK/two.suit"
done
expect "a push after a flood" "$STATUS" 0
seen "update confirmed, sequence number 2"
listen_stop

# ---- while an update runs
tree three
if nginx_start "$WORK/tree" "limit_rate 100k;"; then
    listen "$WORK/d" --server "$WEB" --run true
    seen "downloading 0 of"
    push "$WORK/three.suit"
    expect "a push in mid-update" "$STATUS" 1
    has "a push in mid-update" "$OUT" "5.03: an update is under way"
    state
    has "state: downloading" "$OUT" "a601010303"
    seen "update confirmed, sequence number 3"
    listen_stop
    web_stop
fi

# ---- the command line
push "$WORK/two.suit"
expect "nobody listens" "$STATUS" 3
has "nobody listens" "$OUT" "nobody listens at"
: >"$WORK/empty"
for file in "$WORK/none" "$WORK/empty"; do
    push "$file"
    [ "$STATUS" = 3 ] || [ "$STATUS" = 1 ] || fail "$file: $STATUS"
done
DEVICE_URI=http://127.0.0.1:1
push "$WORK/two.suit"
expect "no such place" "$STATUS" 2
"$SELVAGE" device push "$WORK/two.suit" >"$WORK/out" 2>&1
expect "no place" "$?" 2

# ---- where to listen
for where in 127.0.0.1 :5683 127.0.0.1:x 127.0.0.1:99999 no-such-host.invalid:1 \
    '[::1' ''; do
    timeout 20 "$BUILD/bin/selvage-device" --state "$WORK/d" --listen "$where" \
        --once >"$WORK/out" 2>&1
    expect "--listen '$where'" "$?" 3
    has "--listen '$where'" "$(cat "$WORK/out")" "is no address to listen at"
done
timeout 20 "$BUILD/bin/selvage-device" --state "$WORK/d" \
    --listen 0.0.0.0:0 --once >"$WORK/out" 2>&1
expect "everywhere" "$?" 3
has "everywhere" "$(cat "$WORK/out")" "or say --insecure"
timeout 20 "$BUILD/bin/selvage-device" --state "$WORK/d" --insecure \
    --listen 0.0.0.0:0 --once >"$WORK/out" 2>&1
expect "everywhere, --insecure" "$?" 10
has "everywhere, --insecure" "$(cat "$WORK/out")" "listening coap://0.0.0.0:"
if [ -e /proc/net/if_inet6 ] && grep -q "^0*1 " /proc/net/if_inet6; then
    timeout 20 "$BUILD/bin/selvage-device" --state "$WORK/d" \
        --listen '[::1]:0' --once >"$WORK/out" 2>&1
    has "IPv6" "$(cat "$WORK/out")" "listening coap://[::1]:"
fi
finish
