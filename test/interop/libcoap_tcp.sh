#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# CoAP over TCP [RFC 8323] against libcoap's (Debian: libcoap3-bin): its client
# at selvaged, our engines at its server; blocks both ways, Observe both ways.
# libcoap's client exits 0 whatever happens, so each case is judged by the bytes
# that arrived.
. test/server/lib.sh
command -v coap-server-notls >/dev/null ||
    skip "coap-server-notls is missing (apt-get install libcoap3-bin)"
OURS=$BUILD/test/coap_tcp
THEIRS=
trap '[ -z "$THEIRS" ] || kill $THEIRS 2>/dev/null; cleanup' EXIT

# same WHAT WANT GOT
same() {
    if cmp -s "$2" "$3"; then
        pass
    else
        fail "$1"
        cmp "$2" "$3"
    fi
}

# ---- their client, our server
start "$WORK/state" --loops 1 || { cat "$WORK/log"; exit 1; }
COAP=$(sed 's,.*\(coap+tcp://[^ "]*\).*,\1,' "$WORK/ready")
image "$WORK/image" 20011
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
for size in 16 64 1024; do
    coap get "/i/$DIGEST" "$WORK/out" -b $size
    same "libcoap GET from ours, blocks of $size" "$WORK/image" "$WORK/out"
done
coap get "/i/$DIGEST" "$WORK/out"
same "libcoap GET from ours, no size asked" "$WORK/image" "$WORK/out"
profile "$WORK/p" 000102030405060708090a0b0c0d0e0f 1 "$DIGEST"
for size in 16 64 1024; do
    coap post /reg "$WORK/id$size" -t 60 -f "$WORK/p" -b $size
    expect "libcoap POST to ours, blocks of $size" "$(wc -c <"$WORK/id$size")" 16
done
ID=$(cat "$WORK/id64")
"$KIT" envelope "$WORK/e" "$(manifest 1 "$DIGEST" 20011)"
publish "$WORK/e"
coap get "/m?d=$ID" "$WORK/out" -s 2 -B 5 -v 7 -K 1
has "libcoap observes ours" "$LOG" "Observe:"
has "libcoap's Ping has its Pong" "$LOG" "c:Pong"
has "libcoap reads our CSM" "$LOG" "Max-Message-Size:4096"
stop

# ---- our engines, their server
for i in 1 2 3 4 5 6 7 8 9 10; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000))
    coap-server-notls -A 127.0.0.1 -p $port -d 10 >"$WORK/server" 2>&1 &
    THEIRS=$!
    sleep 0.3
    URI=coap+tcp://127.0.0.1:$port
    kill -0 $THEIRS 2>/dev/null &&
        "$OURS" get 6 "$URI/" "$WORK/root" >/dev/null && break
    kill $THEIRS 2>/dev/null
done
has "our GET of libcoap's root" "$(cat "$WORK/root")" "libcoap"
for szx in 0 2 6; do
    expect "our PUT to libcoap, SZX $szx" \
        "$("$OURS" put $szx "$URI/data$szx" "$WORK/image" | cut -c1-4)" done
    for how in get fetch; do
        expect "our $how from libcoap, SZX $szx" \
            "$("$OURS" $how $szx "$URI/data$szx" "$WORK/got")" "done 2.05"
        same "our $how from libcoap, SZX $szx: its bytes" "$WORK/image" \
            "$WORK/got"
    done
done
expect "our GET from libcoap, separate response" \
    "$("$OURS" get 6 "$URI/async?1" "$WORK/got")" "done 2.05"
expect "our GET of nothing" \
    "$("$OURS" get 6 "$URI/nothing" "$WORK/got" | cut -d' ' -f1,3)" "failed 4.04"
expect "our watch of libcoap's time" \
    "$("$OURS" watch 4 "$URI/time" "$WORK/got")" "done 2.05"
expect "is told more than once" $(($(wc -l <"$WORK/got") >= 3)) 1
kill $THEIRS
THEIRS=
finish
