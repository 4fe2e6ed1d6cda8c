#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# observe.sh - devices that are told of a newer manifest, with libcoap's client
# as the device, and what goes to addresses that may be forged.
. test/server/lib.sh

# watch NUMBER SECONDS [flags]: observes /m as device NUMBER in the background;
# what was exchanged goes to $WORK/watch.NUMBER.
watch() {
    timeout 30 coap-client-notls -m get -s "$2" -B $(($2 + 2)) -v 7 \
        "${@:3}" "$COAP/m?d=${ID[$1]}" >"$WORK/watch.$1" 2>&1 &
    WATCHES="$WATCHES $!"
}

# told NUMBER: how many notifications it got, the first answer counted. Some
# versions of the client write an answer down twice.
told() {
    grep -a 'c:2.0[35].*Observe:' "$WORK/watch.$1" |
        grep -ao 'Observe:[0-9]*' | sort -u | wc -l
}

release() {
    "$KIT" envelope "$WORK/e$1" "$(manifest "$1" "$IMAGE" 12345)"
    publish "$WORK/e$1"
    expect "release $1" "$CODE" 201
}

# until SECONDS COMMAND...: until it succeeds
until_true() {
    for i in $(seq $(($1 * 20))); do
        "${@:2}" && return
        sleep 0.05
    done
}
has_told() {
    [ "$(told "$1")" -ge "$2" ]
}

start "$WORK/state" --loops 4 || { cat "$WORK/log"; exit 1; }
image "$WORK/image" 12345
IMAGE=$DIGEST
api PUT "/api/v1/images/$IMAGE" -T "$WORK/image"
coap get "/.well-known/core?rt=selvage.m" "$WORK/out"
has "discovery" "$(cat "$WORK/out")" ";obs"
WATCHES=
for n in 1 2 3 4 5 6 7 8; do
    profile "$WORK/p" "$(printf %032x $n)" 1 "$IMAGE"
    [ $n = 8 ] && sed -i "s/\x14\x92\xaf/\x14\x92\xae/" "$WORK/p" # its class
    coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
    ID[$n]=$(cat "$WORK/id")
done

# ---- no release: nothing to observe
coap get "/m?d=${ID[1]}" "$WORK/out" -s 1 -v 7
has "no release" "$LOG" "c:4.04"
case $LOG in
*c:4.04*Observe*) fail "an error is observed" ;;
*) pass ;;
esac

# ---- six devices of one class by four loops, one in small blocks, one that
# runs the newest already, and two releases
release 1
KNOWN=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]\{16\}\).*/\1/')
for n in 1 2 3 4; do
    watch $n 12
done
watch 5 12 -b 64
watch 6 12 -O "4,0x$KNOWN"
for n in 1 2 3 4 5 6; do
    until_true 5 has_told $n 1
done
has "who has it already" "$(tr -d "\0" <"$WORK/watch.6")" "c:2.03"
for number in 2 3; do
    release $number
    for n in 1 2 3 4 5 6; do
        until_true 5 has_told $n $number
        expect "device $n after release $number" "$(told $n)" $number
        etag=$(digest_of "$WORK/e$number" | cut -c1-16)
        has "device $n: which one" \
            "$(grep -a 'c:2.05.*Observe:' "$WORK/watch.$n" | tail -n 1)" "$etag"
    done
done
has "notifications are confirmed" "$(tr -d "\0" <"$WORK/watch.1")" "v:1 t:ACK c:0.00"
wait $WATCHES
WATCHES=
# Who says that it is over is told no more: by Observe 1, or by a Reset of what
# he was told. The third one never says it.
# observe FD VALUE TOKEN: GET /m with it
observe() {
    printf "\\x41\\x01\\x00\\x0$2\\x$3\\x6$([ "$2" = 1 ] && echo 1 || echo 0)$(
        [ "$2" = 1 ] && echo '\x01')\\x51m\\x4d\\x05d=${ID[1]}" >&"$1"
}
# heard FD: the first byte and the code of the next datagram
heard() {
    timeout "${2:-3}" dd bs=2000 count=1 <&"$1" 2>/dev/null >"$WORK/raw"
    head -c 2 "$WORK/raw" | od -An -tx1 | tr -d ' \n'
}
for n in 1 2 3; do
    exec {fd}<>"/dev/udp/127.0.0.1/${COAP##*:}"
    FD[$n]=$fd
    observe "$fd" 0 "7$n"
    expect "raw observer $n" "$(heard "$fd")" 6145
done
observe "${FD[1]}" 1 71
expect "who ends it" "$(heard "${FD[1]}")" 6145
release 4
expect "who has ended it" "$(heard "${FD[1]}" 1)" ""
for n in 2 3; do
    expect "who has not, $n" "$(heard "${FD[$n]}")" 4145
    if [ $n = 2 ]; then
        { printf '\x70\x00'; dd if="$WORK/raw" bs=1 skip=2 count=2 \
            status=none; } >"$WORK/reset"
        cat "$WORK/reset" >&"${FD[2]}"
    fi
done
expect "who has reset it" "$(heard "${FD[2]}" 4)" ""
expect "who says nothing" "$(heard "${FD[3]}" 4)" 4145
for n in 1 2 3; do
    fd=${FD[$n]}
    exec {fd}>&-
done
coap get "/m?d=${ID[1]}" "$WORK/out"
cmp -s "$WORK/e4" "$WORK/out" || fail "the newest manifest"

# ---- one that is killed: the server goes on
watch 7 20
until_true 5 has_told 7 1
{ kill -9 $WATCHES && wait $WATCHES; } 2>/dev/null
WATCHES=
release 5
coap get "/m?d=${ID[1]}" "$WORK/out"
cmp -s "$WORK/e5" "$WORK/out" || fail "the server with a dead observer"
stop
expect "exit code" "$STATUS" 0

# ---- addresses that may be forged
start "$WORK/state" --loops 2 --unproven 0
coap get "/i/$IMAGE" "$WORK/out" -b 64 -v 7
cmp -s "$WORK/image" "$WORK/out" || fail "image in small blocks"
case $LOG in
*c:4.01*) fail "a block of 64 bytes was not answered at once" ;;
*) pass ;;
esac
coap get "/i/$IMAGE" "$WORK/out" -b 1024 -v 7
cmp -s "$WORK/image" "$WORK/out" || fail "image in large blocks, with an Echo"
expect "challenges for 13 blocks" \
    "$(echo "$LOG" | grep -c 't:ACK c:4.01.*Echo:')" 1
coap get "/m?d=${ID[1]}" "$WORK/out" -v 7
cmp -s "$WORK/e5" "$WORK/out" || fail "manifest with an Echo"
ETAG=$(digest_of "$WORK/e5" | cut -c1-16)
coap get "/m?d=${ID[1]}" "$WORK/out" -v 7 -O "4,0x$ETAG"
has "a poll" "$LOG" "c:2.03"
case $LOG in
*c:4.01*) fail "a poll was not answered at once" ;;
*) pass ;;
esac
# Raw requests that never echo: three bytes for one, or what is short.
ask() {
    exec {fd}<>"/dev/udp/127.0.0.1/${COAP##*:}"
    printf "$1" >&$fd
    timeout 0.5 cat <&$fd >"$WORK/raw"
    exec {fd}>&-
    stat -c %s "$WORK/raw"
}
for path in '\xbbx.well-known' '\xb1x' '\xb1m' '\xb1i\x0a0123456789'; do
    size=$(ask "\x40\x01\x00\x01$path")
    [ "$size" -le 64 ] && pass || fail "$size bytes for $path"
done
size=$(ask "\x40\x01\x00\x01\xbb.well-known\x04core")
expect "discovery, unproven" "$size" 18
# Observed from an address unknown: told, in small blocks.
watch 1 6
until_true 5 has_told 1 1
stop
start "$WORK/state" --listen-tcp none --unproven 100000 --listen "127.0.0.1:${COAP##*:}"
watch 2 5
until_true 5 has_told 2 1
release 6
until_true 5 has_told 2 2
has "an observer unknown gets small blocks" \
    "$(grep -a 'c:2.05.*Observe:' "$WORK/watch.2" | tail -n 1)" "Block2:0/M/64"
kill $WATCHES 2>/dev/null
wait $WATCHES 2>/dev/null

# ---- a device that updates while each longer answer needs an Echo
stop
if [ -x "$BUILD/bin/selvage-device" ] && [ -x "$BUILD/bin/selvage" ]; then
    PATH=$PWD/$BUILD/bin:$PATH
    case $BUILD in /*) PATH=$BUILD/bin:$PATH ;; esac
    cd "$WORK" || exit 1
    selvage key generate -o author.pem >/dev/null
    for number in 1 2; do
        printf '#!/bin/sh\necho %s\n' $number >"sensor-$number.sh"
        [ $number = 2 ] && head -c 9000 /dev/urandom | base64 |
            sed 's/^/#/' >>sensor-2.sh
        selvage manifest create --vendor example.com --class sensor \
            --sequence $number --version "1.$number.0" --key author.pem \
            --image "sensor-$number.sh" -o "$number.suit" >/dev/null
    done
    selvage device provision --anchor author.pem.pub --vendor example.com \
        --class sensor --envelope 1.suit --image sensor-1.sh -o device \
        >/dev/null
    cd "$OLDPWD" || exit 1
    start "$WORK/fleet" --loops 2 --unproven 0
    update() {
        timeout 60 selvage-device --state "$WORK/device" --server "$COAP" \
            --run sh --once >>"$WORK/device.log" 2>&1
    }
    update
    expect "a device with nothing new" $? 10
    selvage release publish "$WORK/2.suit" --image "$WORK/sensor-2.sh" \
        --token-file "$WORK/fleet/token" --server "$HTTP" >/dev/null 2>&1
    update
    expect "a device that updates" $? 0
    has "its log" "$(tail -n 3 "$WORK/device.log")" "update confirmed"
    stop
else
    echo "selvage-device was not built: no device updates here"
fi

# ---- and the budget, which all loops share: half of it holds one download,
# which is never asked; the next ones are asked at once, and once
start "$WORK/state" --loops 4 --unproven 2500
for n in 1 2 3; do
    coap get "/i/$IMAGE" "$WORK/out" -b 1024 -v 7
    cmp -s "$WORK/image" "$WORK/out" || fail "image $n within a budget"
    echo "$LOG" | grep -c 't:ACK c:4.01.*Echo:'
done >"$WORK/challenges"
expect "challenges" "$(tr '\n' ' ' <"$WORK/challenges")" "0 1 1 "
stop
expect "exit code" "$STATUS" 0
finish
