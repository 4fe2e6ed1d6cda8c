#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# CoAP over TCP [RFC 8323] against aiocoap, which does BERT by itself: its client
# at selvaged, our engines at its server; Observe both ways. aiocoap is where
# tools/deps unpacked it.
. test/server/lib.sh
OURS=$BUILD/test/coap_tcp
AIOCOAP=${SELVAGE_DEPS:-.deps}/aiocoap
THEIRS=
trap '[ -z "$THEIRS" ] || kill $THEIRS 2>/dev/null; cleanup' EXIT
command -v python3 >/dev/null && [ -e "$AIOCOAP/aiocoap/__init__.py" ] ||
    skip "aiocoap is missing in $AIOCOAP; tools/deps fetches it"
export PYTHONPATH=$AIOCOAP PYTHONDONTWRITEBYTECODE=1

peer() {
    OUT=$(timeout 40 python3 test/interop/aiocoap_tcp.py "$@" 2>&1)
}
same() {
    if cmp -s "$2" "$3"; then
        pass
    else
        fail "$1: $(cmp "$2" "$3" 2>&1 | head -n 1)"
    fi
}

# ---- aiocoap's client, our server
start "$WORK/state" --loops 1 || { cat "$WORK/log"; exit 1; }
COAP=$(sed 's,.*\(coap+tcp://[^ "]*\).*,\1,' "$WORK/ready")
image "$WORK/image" 204811
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
peer get "$COAP/i/$DIGEST" "$WORK/out"
expect "aiocoap GET of an image" "$OUT" "2.05 204811"
same "aiocoap GET of an image: its bytes" "$WORK/image" "$WORK/out"
peer get "$COAP/nothing" "$WORK/out"
expect "aiocoap GET of nothing" "${OUT%% *}" 4.04
profile "$WORK/p" 000102030405060708090a0b0c0d0e0f 1 "$DIGEST"
peer post "$COAP/reg" "$WORK/p"
expect "aiocoap POST" "${OUT%%$'\n'*}" "2.01 16"
ID=${OUT##*$'\n'}
"$KIT" envelope "$WORK/e1" "$(manifest 1 "$DIGEST" 204811)"
"$KIT" envelope "$WORK/e2" "$(manifest 2 "$DIGEST" 204811)"
publish "$WORK/e1"
timeout 40 python3 test/interop/aiocoap_tcp.py observe "$COAP/m?d=$ID" \
    "$WORK/state" 2 >"$WORK/watch" 2>&1 &
watch=$!
for i in $(seq 400); do
    grep -q "state 1" "$WORK/watch" && break
    sleep 0.05
done
publish "$WORK/e2"
wait $watch
same "aiocoap observes ours: the first" "$WORK/e1" "$WORK/state.1"
same "aiocoap observes ours: the next" "$WORK/e2" "$WORK/state.2"
stop

# ---- our engines, aiocoap's server
for i in 1 2 3 4 5; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000))
    python3 test/interop/aiocoap_tcp.py serve $port "$WORK/image" \
        >"$WORK/theirs" 2>&1 &
    THEIRS=$!
    for j in $(seq 400); do
        grep -q listening "$WORK/theirs" && break 2
        kill -0 $THEIRS 2>/dev/null || break
        sleep 0.05
    done
done
URI=coap+tcp://127.0.0.1:$port
for szx in 0 3 6; do
    for how in get fetch; do
        [ $how$szx = get0 ] && continue # 12,800 round trips
        expect "our $how from aiocoap, SZX $szx" \
            "$("$OURS" $how $szx "$URI/file" "$WORK/got")" "done 2.05"
        same "our $how from aiocoap, SZX $szx: its bytes" "$WORK/image" \
            "$WORK/got"
    done
done
for szx in 3 6; do
    expect "our PUT to aiocoap, SZX $szx" \
        "$("$OURS" put $szx "$URI/up" "$WORK/image")" "done 2.04"
    same "our PUT to aiocoap, SZX $szx: its bytes" "$WORK/image" \
        "$WORK/image.taken"
done
expect "our GET of nothing" \
    "$("$OURS" get 6 "$URI/nothing" "$WORK/got" | cut -d' ' -f1,3)" "failed 4.04"
expect "our watch of aiocoap" "$("$OURS" watch 3 "$URI/count" "$WORK/got")" \
    "done 2.05"
expect "is told more than once" $(($(wc -l <"$WORK/got") >= 3)) 1
kill $THEIRS
THEIRS=
finish
