#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# aiocoap.sh - our engines, selvaged and a device that listens against aiocoap,
# client and server, over loopback: blocks both ways, Observe, Echo, an ETag
# that changes in mid-transfer. aiocoap is where tools/deps unpacked it.
. test/device/lib.sh
. test/device/push_lib.sh
GET=$BUILD/test/coap_get
WATCH=$BUILD/test/coap_watch
SERVE=$BUILD/test/coap_serve
AIOCOAP=${SELVAGE_DEPS:-.deps}/aiocoap
PEER_PIDS=

peer_cleanup() {
    for pid in $PEER_PIDS; do
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    device_cleanup
}
trap peer_cleanup EXIT

command -v python3 >/dev/null || {
    echo "python3 is missing; tools/deps installs it"
    exit 1
}
[ -e "$AIOCOAP/aiocoap/__init__.py" ] || {
    echo "aiocoap is missing in $AIOCOAP; tools/deps fetches it"
    exit 1
}
export PYTHONPATH=$AIOCOAP PYTHONDONTWRITEBYTECODE=1

# peer WORDS: aiocoap as client. Sets OUT and STATUS.
peer() {
    OUT=$(timeout 200 python3 test/interop/aiocoap_peer.py "$@" 2>&1)
    STATUS=$?
}

# equal WHAT FILE FILE
equal() {
    if cmp -s "$2" "$3"; then
        pass
    else
        fail "$1: $(cmp "$2" "$3" 2>&1 | head -n 1)"
    fi
}

# until_has FILE WORDS: waits until a line has them.
until_has() {
    tries=0
    until grep -q "$2" "$1" 2>/dev/null || [ $((tries += 1)) -gt 2400 ]; do
        sleep 0.05
    done
    if grep -q "$2" "$1"; then
        pass
    else
        fail "${1##*/}: '$2' is not in '$(cat "$1")'"
    fi
}

head -c 20011 /dev/urandom >"$WORK/file"
head -c 20017 /dev/urandom >"$WORK/other"
head -c 700 /dev/urandom >"$WORK/short"

# ---- aiocoap's client, our server engine
"$SERVE" "$WORK/file" "$WORK/taken" >"$WORK/serve" &
PEER_PIDS="$PEER_PIDS $!"
until_has "$WORK/serve" listening
URI=coap://127.0.0.1:$(sed -n 's/^listening //p' "$WORK/serve")
for szx in 0 3 6; do
    peer -b $szx get "$URI/file" "$WORK/got"
    equal "aiocoap GET from ours, SZX $szx: $OUT" "$WORK/file" "$WORK/got"
    rm -f "$WORK/taken"
    peer -b $szx -f 42 put "$URI/up" "$WORK/file"
    equal "aiocoap PUT to ours, SZX $szx: $OUT" "$WORK/file" "$WORK/taken"
done
peer get "$URI/later" "$WORK/got"
expect "aiocoap GET, separate response" "$OUT $(cat "$WORK/got")" \
    "2.05 4 - late"
peer get "$URI/nothing" "$WORK/got"
expect "aiocoap GET of nothing" "${OUT%% *}" 4.04
peer get "$URI/.well-known/core" "$WORK/got"
has "aiocoap discovers ours" "$(cat "$WORK/got")" '</file>;rt="test.file"'

# ---- our client engines, aiocoap's server
python3 test/interop/aiocoap_peer.py serve "$WORK" >"$WORK/theirs" 2>&1 &
PEER_PIDS="$PEER_PIDS $!"
until_has "$WORK/theirs" listening
THEIRS=coap://127.0.0.1:$(sed -n 's/^listening //p' "$WORK/theirs")
# ours VERB SZX PATH FILE WANT
ours() {
    rm -f "$WORK/got"
    OUT=$("$GET" "$1" "$2" "$THEIRS/$3" "$4")
    STATUS=$?
    expect "our $1 of aiocoap's /$3, SZX $2" "$OUT" "$5"
}
for szx in 0 3 6; do
    ours get $szx file "$WORK/got" "done 2.05"
    equal "our GET from aiocoap, SZX $szx" "$WORK/file" "$WORK/got"
    ours fetch $szx file "$WORK/got" "done 2.05"
    equal "our GET with many in flight, SZX $szx" "$WORK/file" "$WORK/got"
    ours put $szx up "$WORK/file" "done 2.04"
    equal "our PUT to aiocoap, SZX $szx" "$WORK/file" "$WORK/taken"
    rm -f "$WORK/answer"
    ANSWER=$WORK/answer
    export ANSWER
    ours post $szx up "$WORK/other" "done 2.04"
    unset ANSWER
    equal "our POST to aiocoap, SZX $szx" "$WORK/other" "$WORK/taken"
    python3 -c 'import sys
sys.stdout.buffer.write(open(sys.argv[1], "rb").read()[::-1])' \
        "$WORK/other" >"$WORK/turned"
    equal "the answer to it, in blocks" "$WORK/turned" "$WORK/answer"
done
ours put 6 up "$WORK/short" "done 2.04"
equal "our PUT in one block" "$WORK/short" "$WORK/taken"
ours get 6 nothing "$WORK/got" "failed 232 4.04"
ours get 6 .well-known/core "$WORK/got" "done 2.05"
has "we discover aiocoap" "$(cat "$WORK/got")" "</seen>;obs"

# The body becomes another one in the middle: never a mixture.
# swapped VERB PATH: what is got is the new one whole, or nothing.
swapped() {
    rm -f "$WORK/got"
    OUT=$("$GET" "$1" 6 "$THEIRS/$2" "$WORK/got")
    case $OUT in
    failed*) "$GET" "$1" 6 "$THEIRS/$2" "$WORK/got" >"$WORK/out" ;;
    esac
    equal "our $1 of what changes: $OUT" "$WORK/other" "$WORK/got"
}
swapped get swap
swapped fetch swap2

# Echo in mid-transfer, again and again.
ours get 6 doubt "$WORK/got" "done 2.05"
equal "our GET of what wants an Echo" "$WORK/file" "$WORK/got"
has "challenges" "$(cat "$WORK/theirs")" "challenge 4"

# ---- our watch, aiocoap's server
for szx in 2 6; do
    "$GET" put 6 "$THEIRS/seen" "$WORK/short" >/dev/null
    : >"$WORK/watch"
    "$WATCH" $szx "$THEIRS/seen" "$WORK/state" 4 150 >"$WORK/watch" &
    watch_pid=$!
    n=1
    until_has "$WORK/watch" "^state 1 2.05 700 observed"
    for body in file other short; do
        n=$((n + 1))
        "$GET" put 6 "$THEIRS/seen" "$WORK/$body" >/dev/null
        until_has "$WORK/watch" "^state $n "
        equal "our watch of aiocoap, state $n, SZX $szx" "$WORK/$body" \
            "$WORK/state.$n"
    done
    wait $watch_pid
    expect "our watch ends" "$? $(tail -n 1 "$WORK/watch")" "0 done"
    until_has "$WORK/theirs" "^count 0"
done

# ---- aiocoap's client, selvaged
start "$WORK/state" --loops 2 || { cat "$WORK/log"; exit 1; }
image "$WORK/image" 12345
IMAGE=$DIGEST
api PUT "/api/v1/images/$IMAGE" -T "$WORK/image"
new_release() {
    "$KIT" envelope "$WORK/e$1" "$(manifest "$1" "$IMAGE" 12345)"
    publish "$WORK/e$1"
    expect "release $1" "$CODE" 201
}
new_release 1
profile "$WORK/p" "$(printf %032x 1)" 1 "$IMAGE"
peer -b 2 -f 60 post "$COAP/reg" "$WORK/p"
has "aiocoap POST /reg in blocks" "$OUT" "2.01 16"
ID=$(cat "$WORK/p.answer")
etag() {
    digest_of "$WORK/e$1" | cut -c1-16
}
for szx in 2 6; do
    peer -b $szx get "$COAP/m?d=$ID" "$WORK/got"
    equal "aiocoap GET /m, SZX $szx: $OUT" "$WORK/e1" "$WORK/got"
    has "its ETag" "$OUT" " $(etag 1)"
    peer -b $szx get "$COAP/i/$IMAGE" "$WORK/got"
    equal "aiocoap GET /i, SZX $szx: $OUT" "$WORK/image" "$WORK/got"
done
status "$WORK/s" 3 1 "$IMAGE" 0 true
peer -b 2 -f 60 post "$COAP/s?d=$ID" "$WORK/s"
expect "aiocoap POST /s in blocks" "$OUT" "2.04 0 -"
peer -f 42 post "$COAP/s?d=$ID" "$WORK/s"
expect "another format" "${OUT%% *}" 4.15
peer get "$COAP/m?d=0123456789abcdef" "$WORK/got"
expect "an unknown id" "${OUT%% *}" 4.01
peer get "$COAP/i/0123" "$WORK/got"
expect "no such image" "${OUT%% *}" 4.04
peer -a 60 get "$COAP/m?d=$ID" "$WORK/got"
expect "Accept" "${OUT%% *}" 4.06

# Two releases while it observes; in small blocks the rest is fetched.
for szx in 2 6; do
    n=$((szx * 10))
    : >"$WORK/observe"
    LINGER=2 timeout 200 python3 test/interop/aiocoap_peer.py -b $szx -n 3 \
        observe "$COAP/m?d=$ID" "$WORK/seen" >"$WORK/observe" 2>&1 &
    watch_pid=$!
    PEER_PIDS="$PEER_PIDS $watch_pid"
    until_has "$WORK/observe" "^state 1 2.05"
    for state in 2 3; do
        new_release $((n + state))
        until_has "$WORK/observe" "^state $state 2.05 [0-9]* $(etag $((n + state)))"
        equal "aiocoap observes /m, state $state, SZX $szx" \
            "$WORK/e$((n + state))" "$WORK/seen.$state"
    done
    # It rejects the next one, and is told no more.
    new_release $((n + 4))
    wait $watch_pid
    expect "it ends" $? 0
    expect "states" "$(grep -c '^state' "$WORK/observe")" 3
done
stop
expect "selvaged" "$STATUS" 0

# Each longer answer to an address unknown wants an Echo.
start "$WORK/state" --loops 1 --unproven 0
peer get "$COAP/m?d=$ID" "$WORK/got"
has "aiocoap and an Echo" "$OUT" "challenged"
equal "aiocoap GET /m with an Echo" "$WORK/e64" "$WORK/got"
peer get "$COAP/i/$IMAGE" "$WORK/got"
has "aiocoap and an Echo" "$OUT" "challenged"
equal "aiocoap GET /i with an Echo" "$WORK/image" "$WORK/got"
peer observe "$COAP/m?d=$ID" "$WORK/seen"
has "aiocoap observes with an Echo" "$OUT" "challenged"
has "aiocoap observes with an Echo" "$OUT" "state 1 2.05"
stop

# ---- aiocoap's client, a device that listens
release one 1 20000
release two 2 50000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
for szx in 6 2; do
    cp -r "$WORK/d" "$WORK/d$szx"
    mkdir "$WORK/tree$szx"
    listen "$WORK/d$szx" --server "file://$WORK/tree$szx" --run true
    seen "nothing new"
    # Its images are there to be fetched; of the manifest it is told.
    "$SELVAGE" release publish --static "$WORK/tree$szx" "$WORK/two.suit" \
        "$WORK/two.a" "$WORK/two.b" >"$WORK/out" 2>&1 ||
        fail "publish: $(cat "$WORK/out")"
    peer get "$DEVICE_URI/.well-known/core" "$WORK/got"
    has "aiocoap discovers a device" "$(cat "$WORK/got")" "</suit/m>"
    peer get "$DEVICE_URI/suit/s" "$WORK/got"
    has "aiocoap GET /suit/s" "$OUT" "challenged"
    has "aiocoap GET /suit/s" "$OUT" "2.05"
    : >"$WORK/observe"
    timeout 200 python3 test/interop/aiocoap_peer.py -n 2 \
        observe "$DEVICE_URI/suit/s" "$WORK/how" >"$WORK/observe" 2>&1 &
    watch_pid=$!
    PEER_PIDS="$PEER_PIDS $watch_pid"
    until_has "$WORK/observe" "^state 1 2.05"
    peer -b $szx -f 42 put "$DEVICE_URI/suit/m" "$WORK/two.suit"
    has "aiocoap PUT /suit/m, SZX $szx" "$OUT" "2.04"
    seen "a manifest was pushed"
    seen "update confirmed, sequence number 2"
    wait $watch_pid
    expect "aiocoap observes /suit/s" "$? $(grep -c '^state' "$WORK/observe")" \
        "0 2"
    listen_stop
done

finish
