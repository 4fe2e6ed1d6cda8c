#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# publish.sh - broken releases: each is refused with a reason, and nothing of
# it is kept. Once without anchors and once with.
. test/server/lib.sh

# refuse WHAT CODE PIECE FILE: the detail must hold PIECE.
refuse() {
    publish "$4"
    expect "$1" "$CODE" "$2"
    has "$1" "$BODY" "$3"
}

# envelope [kit arguments]: makes $WORK/e and keeps quiet.
envelope() {
    "$KIT" envelope "$WORK/e" "$@"
}

broken() {
    good=$(manifest 10 "$DIGEST" 5000)
    envelope "$good"
    head -c 200 "$WORK/e" >"$WORK/cut"
    refuse "truncated" 422 "ends inside" "$WORK/cut"
    { cat "$WORK/e"; echo; } >"$WORK/long"
    refuse "trailing byte" 422 SELV_ERR_CBOR_TRAILING "$WORK/long"
    echo "not CBOR at all" >"$WORK/text"
    refuse "no envelope" 422 SELV_ERR "$WORK/text"
    envelope "$good" unsigned=1
    refuse "unsigned" 422 SELV_ERR_SUIT_NOT_SIGNED "$WORK/e"
    envelope "$good" "digest=[-16, repeat(32, 1)]"
    refuse "wrong digest" 422 SELV_ERR_SUIT_DIGEST "$WORK/e"
    envelope "$good" tag=108
    refuse "wrong tag" 422 SELV_ERR_SUIT_TAG "$WORK/e"
    envelope "${good/\[23, 2\]/[99, 2]}"
    refuse "unknown command" 422 "invoke: " "$WORK/e"
    has "unknown command" "$BODY" "number 99"
    envelope "${good/14: 5000/4000: 5000}"
    refuse "unknown parameter" 422 SELV_ERR_SUIT_PARAMETER "$WORK/e"
    envelope "${good/1: 1, 2: 10/1: 2, 2: 10}"
    refuse "unknown version" 422 SELV_ERR_SUIT_VERSION "$WORK/e"
    envelope "${good/1: $VENDOR, /}"
    refuse "no vendor" 422 "no vendor-identifier" "$WORK/e"
    envelope "${good/, 2: $CLASS/}"
    refuse "no class" 422 "no class-identifier" "$WORK/e"
    envelope "${good/14: 5000/14: 4999}"
    refuse "wrong size" 422 "is 5000 bytes long" "$WORK/e"
    other=$(printf '1%.0s' {1..64})
    envelope "$(manifest 10 "$other" 5000)"
    refuse "missing image" 422 "is not here" "$WORK/e"
    envelope "$(manifest 10 "$other" 5000 "/i/$DIGEST")"
    refuse "name of another image" 422 "another digest" "$WORK/e"
    envelope "$(manifest 10 "$DIGEST" 5000 /images/firmware.bin)"
    refuse "no such path" 422 "names nothing" "$WORK/e"
    envelope "$(manifest 10 "$DIGEST" 5000 "i/$DIGEST")"
    refuse "path without a root" 422 "begin it with" "$WORK/e"
    envelope "$(manifest 9223372036854775808 "$DIGEST" 5000)"
    refuse "number over 2^63 - 1" 422 "2^63" "$WORK/e"
    envelope "${good/\{21: /\{5: 1, 21: }" \
        "pairs={\"#x\": h'00'}"
    publish "$WORK/e"
    expect "an integrated payload that nothing fetches" "$CODE" 201
    envelope "$(manifest 11 "$DIGEST" 5000 "#fw")" "pairs={\"#fw\": h'00'}"
    refuse "integrated payload of another digest" 422 "not the image" "$WORK/e"
    envelope "$(manifest 11 "$DIGEST" 5000 "#fw")"
    refuse "missing integrated payload" 422 SELV_ERR_SUIT_INTEGRATED "$WORK/e"
    long=$(printf 'x%.0s' {1..1900})
    envelope "${good/release 10/$long}"
    refuse "over the device's limit" 422 SELV_ERR_SUIT_TOO_LARGE "$WORK/e"
    envelope "$(manifest 10 "$DIGEST" 5000 "coap://elsewhere.example/i/x")"
    refuse "number taken" 409 "is taken by the release" "$WORK/e"
    envelope "$(manifest 12 "$DIGEST" 5000)"
}

image "$WORK/image" 5000
start "$WORK/state" || { cat "$WORK/log"; exit 1; }
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
broken
api GET /api/v1/releases
expect "only the good one is there" \
    "$(grep -o '"sequence_number":' "$WORK/body" | wc -l)" 1
expect "files kept" "$(find "$WORK/state/images" -type f | wc -l)" 2

# Without anchors a signature of a stranger passes: it is for devices to judge.
cp "$WORK/e" "$WORK/forged"
printf '\001' | dd of="$WORK/forged" bs=1 seek=90 conv=notrunc 2>/dev/null
publish "$WORK/forged"
stranger=$CODE
has "forged" "$BODY" '"state":"new"'

# Another envelope of the same manifest takes its place, on disk too; the list
# keeps its order, and a device that runs the manifest still gets a 2.03.
served() {
    http GET "/m/$VENDOR_TEXT/$CLASS_TEXT"
    cmp -s "$1" "$WORK/body" || fail "served: not $1"
    has "its ETag" "$(cat "$WORK/headers")" "ETag: \"$(digest_of "$1")\""
}
served "$WORK/forged"
publish "$WORK/e"
expect "genuine behind forged" "$CODE" 200
has "genuine behind forged" "$BODY" '"state":"replaced"'
has "genuine behind forged" "$BODY" "\"envelope\":\"$(digest_of "$WORK/e")\""
publish "$WORK/e"
has "twice" "$BODY" '"state":"same"'
stop KILL
start "$WORK/state" || { cat "$WORK/log"; exit 1; }
served "$WORK/e"
api GET /api/v1/releases
expect "still two releases" \
    "$(grep -o '"sequence_number":' "$WORK/body" | wc -l)" 2
stop

"$KIT" anchor "$WORK/anchor"
start "$WORK/state2" --key "$WORK/anchor" || { cat "$WORK/log"; exit 1; }
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
broken
publish "$WORK/forged"
expect "forged, with anchors" "$CODE" 422
expect "forged, without anchors" "$stranger" 201
publish "$WORK/e"
expect "genuine, with anchors" "$CODE" 201
stop
expect "exit code" "$STATUS" 0
finish
