#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# coap.sh - the device-facing interface with libcoap's client as the device:
# every resource, blocks of every size, ETags, bad requests, garbage
# (docs/spec/coap.md). IPv4 and IPv6.
. test/server/lib.sh

# answer WHAT CODE PIECE METHOD PATH [coap-client flags]: the answer must have
# this code, and the diagnostic payload must hold PIECE.
answer() {
    what=$1
    code=$2
    piece=$3
    shift 3
    method=$1
    path=$2
    shift 2
    coap "$method" "$path" "$WORK/out" -v 7 "$@"
    has "$what: code" "$LOG" "c:$code"
    if [ -n "$piece" ]; then
        has "$what: text" "$LOG" "$piece"
    fi
}

datagram() {
    printf "$1" >"/dev/udp/127.0.0.1/${COAP##*:}"
}

devices() {
    api GET "/api/v1/devices?limit=200"
    grep -o '"id":' "$WORK/body" | wc -l
}

start "$WORK/state" || { cat "$WORK/log"; exit 1; }
DEV=000102030405060708090a0b0c0d0e0f
NONE=$(printf '0%.0s' {1..64})
image "$WORK/image" 12345
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"

# ---- the image, in blocks of every size
for size in 16 32 64 128 256 512 1024; do
    coap get "/i/$DIGEST" "$WORK/out" -b "$size"
    cmp -s "$WORK/image" "$WORK/out" || fail "image in blocks of $size"
    pass
done
answer "unknown image" 4.04 "no image" get "/i/$NONE"
answer "upper case" 4.04 "lower-case" get "/i/$(echo "$DIGEST" | tr a-f A-F)"
answer "short name" 4.04 "lower-case" get /i/00
answer "path tricks" 4.04 "" get /i/..%2f..%2ftoken
answer "block past the end" 4.00 "beyond" get "/i/$DIGEST" -b 999,64
answer "another format" 4.06 "42" get "/i/$DIGEST" -A 60
answer "image, known" 2.03 "" get "/i/$DIGEST" -O "4,0x${DIGEST:0:16}"
answer "image, other ETag" 2.05 "" get "/i/$DIGEST" -O 4,0x0011223344556677
answer "PUT of an image" 4.05 "" put "/i/$DIGEST" -e x

# ---- discovery
coap get /.well-known/core "$WORK/out"
for link in '</reg>;rt="selvage.reg";ct=60' '</m>;' '</i>;' '</s>;'; do
    has "discovery" "$(cat "$WORK/out")" "$link"
done
coap get '/.well-known/core?rt=selvage.m' "$WORK/out"
expect "discovery by type" "$(grep -o '</' "$WORK/out" | wc -l)" 1

# ---- registration
profile "$WORK/p" $DEV 1 "$DIGEST"
coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
ID=$(cat "$WORK/id")
expect "an id" "$(echo "$ID" | tr -d 0-9a-f | wc -c) ${#ID}" "1 16"
coap post /reg "$WORK/id2" -t 60 -f "$WORK/p" -b 64
expect "the same id again, in blocks" "$(cat "$WORK/id2")" "$ID"
expect "one device" "$(devices)" 1
answer "no format given" 2.01 "" post /reg -f "$WORK/p"
answer "wrong format" 4.15 "60" post /reg -t 0 -f "$WORK/p"
answer "GET /reg" 4.05 "" get /reg
head -c 20 "$WORK/p" >"$WORK/cut"
answer "profile cut" 4.00 "ends inside" post /reg -t 60 -f "$WORK/cut"
head -c 3000 /dev/zero >"$WORK/large"
answer "profile of 3000 bytes" 4.13 "" post /reg -t 60 -f "$WORK/large" -b 512
bad_profile() {
    "$KIT" cbor "$WORK/bad" "$3"
    answer "profile: $1" 4.00 "$2" post /reg -t 60 -f "$WORK/bad"
}
ID16=$DEV
C="{1: [h'00'], 2: 1, 3: h'$DIGEST', 4: 0}"
bad_profile "format version 2" "format version" "{1: 2}"
bad_profile "key missing" "all of 1 to 8" "{1: 1, 2: h'$ID16'}"
bad_profile "device id of 15" "device id" "{1: 1, 2: h'${ID16%??}'}"
bad_profile "unknown key" "keys" "{1: 1, 9: 1}"
bad_profile "order" "keys" "{2: h'$ID16', 1: 1}"
bad_profile "no components" "components" \
    "{1: 1, 2: h'$ID16', 3: $VENDOR, 4: $CLASS, 5: []}"
bad_profile "no map" "profile" "[1]"
bad_profile "trailing" "end of" "raw'$(od -An -v -tx1 "$WORK/p" |
    tr -d '\n') 00'"
bad_profile "number over 2^63 - 1" "components" \
    "{1: 1, 2: h'$ID16', 3: $VENDOR, 4: $CLASS,
     5: [${C/2: 1/2: 9223372036854775808}]}"
expect "bad profiles registered nobody" "$(devices)" 1

# ---- the manifest
answer "no release" 4.04 "no release" get "/m?d=$ID"
for n in 1 2; do
    "$KIT" envelope "$WORK/e$n" "$(manifest $n "$DIGEST" 12345)"
    publish "$WORK/e$n"
    expect "release $n" "$CODE" 201
done
MANIFEST=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]*\).*/\1/')
for size in 16 64 256 1024; do
    coap get "/m?d=$ID" "$WORK/out" -b $size
    cmp -s "$WORK/e2" "$WORK/out" || fail "newest manifest in blocks of $size"
    pass
done
answer "manifest, known" 2.03 "" get "/m?d=$ID" -O "4,0x${MANIFEST:0:16}"
answer "manifest, these bytes" 2.03 "" get "/m?d=$ID" \
    -O "4,0x$(digest_of "$WORK/e2" | cut -c1-16)"
answer "manifest, unknown device" 4.01 "register" get "/m?d=0011223344556677"
answer "manifest, no device" 4.00 "d=" get /m
answer "manifest, bad device" 4.00 "d=" get "/m?d=xyz"
profile "$WORK/p2" "${DEV/0001/ffff}" 1 "$DIGEST"
sed "s/\x14\x92\xaf/\x14\x92\xae/" "$WORK/p2" >"$WORK/p3"
coap post /reg "$WORK/id3" -t 60 -f "$WORK/p3"
answer "another class" 4.04 "no release" get "/m?d=$(cat "$WORK/id3")"

# ---- reports
status "$WORK/s" 8 2 "$MANIFEST" 0 true
answer "report" 2.04 "" post "/s?d=$ID" -t 60 -f "$WORK/s"
answer "report in blocks" 2.04 "" post "/s?d=$ID" -t 60 -f "$WORK/s" -b 32
answer "report, unknown device" 4.01 "register" \
    post "/s?d=0011223344556677" -t 60 -f "$WORK/s"
answer "report, wrong format" 4.15 "60" post "/s?d=$ID" -t 42 -f "$WORK/s"
status "$WORK/bad" 12 2 "$MANIFEST" 0 true
answer "report, state 12" 4.00 "state" post "/s?d=$ID" -t 60 -f "$WORK/bad"
status "$WORK/bad" 8 2 "${MANIFEST%??}" 0 true
answer "report, short digest" 4.00 "SUIT_Report" \
    post "/s?d=$ID" -t 60 -f "$WORK/bad"
status "$WORK/s" 9 2 "$MANIFEST" 154 '{5: 1, 6: [[], 3, 7, 0, {}], 7: 10}'
answer "report of a refusal" 2.04 "" post "/s?d=$ID" -t 60 -f "$WORK/s"
api GET "/api/v1/devices/$ID"
has "state" "$BODY" '"state":"rejected"'
has "error" "$BODY" '"name":"SELV_ERR_SUIT_CLASS"'
has "reason" "$BODY" '"reason":{"code":10,"text":"condition failed","section":3,"offset":7}'
expect "reports kept" "$(grep -o '"at":' "$WORK/body" | wc -l)" 3
i=0
while [ $i -lt 55 ]; do
    coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s"
    i=$((i + 1))
done
api GET "/api/v1/devices/$ID"
expect "at most 50 reports" "$(grep -o '"at":' "$WORK/body" | wc -l)" 50

# ---- other methods, paths, options and garbage
answer "no such path" 4.04 ".well-known/core" get /nothing
answer "root" 4.04 "" get /
answer "critical option" 4.02 "" get "/i/$DIGEST" -O 2049,x
for piece in '' '\x40' '\x40\x01' '\x40\x01\x00' '\xff\xff\xff\xff' \
    '\x4f\x01\x00\x01' '\x40\x01\x00\x01\xff' '\x40\x01\x00\x01\xf1' \
    '\x40\x01\x00\x01\xdd\xff\xff' '\x00\x00\x00\x00' '\x60\x45\x00\x01' \
    '\x70\x00\x00\x01' '\x40\x02\x00\x02\xb3reg\xd1\x0f\xff' \
    '\x40\x02\x00\x02\xb3reg\xd1\x03\x77\xffx'; do
    datagram "$piece"
done
head -c 60000 /dev/urandom >"/dev/udp/127.0.0.1/${COAP##*:}" 2>/dev/null
coap get "/i/$DIGEST" "$WORK/out"
cmp -s "$WORK/image" "$WORK/out" || fail "the image after garbage"
# More bodies begun than there are places, then a good one.
i=0
while [ $i -lt 80 ]; do
    datagram "\x40\x02\x00\x02\xb3reg\xd1\x03\x08\xff0123456789abcdef"
    i=$((i + 1))
done
coap post /reg "$WORK/id2" -t 60 -f "$WORK/p" -b 64
expect "a body when all places are taken" "$(cat "$WORK/id2")" "$ID"
stop
expect "exit code" "$STATUS" 0

# ---- on all addresses: the answer comes from the one that was asked, else the
# client takes no notice of it
start "$WORK/state" --listen 0.0.0.0:0 --insecure --quiet ||
    { cat "$WORK/log"; exit 1; }
for host in 127.0.0.1 127.0.0.2; do
    COAP=coap://$host:${COAP##*:}
    coap get "/i/$DIGEST" "$WORK/out" -b 1024
    cmp -s "$WORK/image" "$WORK/out" || fail "image from $host"
    coap post /reg "$WORK/id2" -t 60 -f "$WORK/p" -b 64
    expect "registration at $host" "$(cat "$WORK/id2")" "$ID"
done

# ---- two devices behind one port, their reports in blocks: kept apart
status "$WORK/s1" 8 2 "$MANIFEST" 0 true
status "$WORK/s2" 9 2 "$MANIFEST" 154 '{5: 1, 6: [[], 3, 7, 0, {}], 7: 10}'
OTHER=$(cat "$WORK/id3")
exec {fd}<>"/dev/udp/127.0.0.1/${COAP##*:}"
# piece MID ID BLOCK1 FILE BLOCK: sends a block of 64; its answer's code
piece() {
    {
        printf "\\x40\\x02\\x00\\x$1\\xb1s\\x11\\x3c\\x3d\\x05d=$2\\xc1\\x$3\\xff"
        dd if="$4" bs=64 skip="$5" count=1 status=none
    } >"$WORK/datagram"
    cat "$WORK/datagram" >&$fd
    timeout 5 head -c 4 <&$fd | od -An -tx1 | tr -d ' \n'
}
expect "first block of one" "$(piece 01 "$ID" 0a "$WORK/s1" 0)" 605f0001
expect "first block of the other" "$(piece 02 "$OTHER" 0a "$WORK/s2" 0)" 605f0002
expect "last block of one" "$(piece 03 "$ID" 12 "$WORK/s1" 1)" 60440003
expect "last block of the other" "$(piece 04 "$OTHER" 12 "$WORK/s2" 1)" 60440004
exec {fd}>&-
api GET "/api/v1/devices/$ID"
has "what one reported" "$BODY" '"state":"confirmed"'
api GET "/api/v1/devices/$OTHER"
has "what the other reported" "$BODY" '"state":"rejected"'
stop

# ---- no more devices than were allowed; those that are there come in
start "$WORK/state" --devices "$(sqlite3 "$WORK/state/selvage.db" \
    'SELECT count(*) FROM devices' 2>/dev/null || echo 2)" --quiet
profile "$WORK/p4" "${DEV/0001/eeee}" 1 "$DIGEST"
answer "one device too many" 5.03 "" post /reg -t 60 -f "$WORK/p4"
has "when to come again" "$LOG" "Max-Age:5"
coap post /reg "$WORK/id2" -t 60 -f "$WORK/p"
expect "a device that is there" "$(cat "$WORK/id2")" "$ID"
stop

# ---- the same server on IPv6
if start "$WORK/state" --listen '[::1]:0' --http '[::1]:0'; then
    has "ready line" "$(cat "$WORK/ready")" "listening coap://[::1]:"
    coap get "/i/$DIGEST" "$WORK/out"
    cmp -s "$WORK/image" "$WORK/out" || fail "image over IPv6"
    http GET "/i/$DIGEST" -g
    expect "image over HTTP and IPv6" "$(digest_of "$WORK/body")" "$DIGEST"
    coap post /reg "$WORK/id2" -t 60 -f "$WORK/p"
    expect "the id after a restart" "$(cat "$WORK/id2")" "$ID"
    stop
else
    echo "no IPv6 here: $(tail -n 1 "$WORK/log")"
fi
finish
