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

# forge FILE OUT: the same manifest under a signature of nobody's.
forge() {
    cp "$1" "$2"
    byte=$(od -An -tu1 -j 90 -N 1 "$1")
    printf "\\$(printf %o $((byte ^ 255)))" |
        dd of="$2" bs=1 seek=90 conv=notrunc 2>/dev/null
}

# The list has COUNT releases, and FILE is what devices of ours get.
served() {
    http GET "/m/$VENDOR_TEXT/$CLASS_TEXT"
    cmp -s "$2" "$WORK/body" || fail "served: not $2"
    has "its ETag" "$(cat "$WORK/headers")" "ETag: \"$(digest_of "$2")\""
    api GET /api/v1/releases
    expect "releases" "$(grep -o '"sequence_number":' "$WORK/body" | wc -l)" "$1"
}

# replaces WHAT FILE, stays WHAT FILE PIECE SERVED: what comes of publishing
# FILE where another envelope of its manifest is.
replaces() {
    publish "$2"
    expect "$1" "$CODE" 200
    has "$1" "$BODY" '"state":"replaced"'
    has "$1" "$BODY" "\"envelope\":\"$(digest_of "$2")\""
    served 2 "$2"
}
stays() {
    refuse "$1" 409 "$3" "$2"
    has "$1: which" "$BODY" "$(digest_of "$4")"
    served 2 "$4"
}

# Without anchors a signature of a stranger passes: it is for devices to judge.
# The first envelope of a manifest stays, whichever it is.
genuine=$WORK/genuine
forged=$WORK/forged
cp "$WORK/e" "$genuine"
forge "$genuine" "$forged"
publish "$genuine"
expect "genuine" "$CODE" 201
stays "forged behind genuine" "$forged" "start selvaged with --key" "$genuine"
publish "$genuine"
expect "twice" "$CODE" 200
has "twice" "$BODY" '"state":"same"'
envelope "$(manifest 13 "$DIGEST" 5000)"
forge "$WORK/e" "$WORK/forged13"
publish "$WORK/forged13"
expect "forged first" "$CODE" 201
refuse "genuine behind forged" 409 "start selvaged with --key" "$WORK/e"
served 3 "$WORK/forged13"
stop

# Two authors. A block more may come, and none may go that devices with the
# one key or the other verify the release by; on disk, too.
"$KIT" anchor "$WORK/anchor"
"$KIT" other "$WORK/other"
envelope "$(manifest 12 "$DIGEST" 5000)" other=1
cp "$WORK/e" "$WORK/both"
envelope "$(manifest 12 "$DIGEST" 5000)" other=1 unsigned=1
cp "$WORK/e" "$WORK/second"
forge "$WORK/both" "$WORK/half" # the other's block is hit, the good one stays
start "$WORK/state2" --key "$WORK/anchor" --key "$WORK/other" ||
    { cat "$WORK/log"; exit 1; }
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
broken
publish "$forged"
expect "forged, with anchors" "$CODE" 422
publish "$genuine"
expect "genuine, with anchors" "$CODE" 201
publish "$forged"
expect "forged behind genuine, with anchors" "$CODE" 422
served 2 "$genuine"
stays "the other author's alone" "$WORK/second" "does not verify this one" \
    "$genuine"
replaces "both authors'" "$WORK/both"
stays "the older one, sent again" "$genuine" "does not verify this one" \
    "$WORK/both"
stays "a block that was hit" "$WORK/half" "does not verify this one" \
    "$WORK/both"
stop KILL
start "$WORK/state2" --key "$WORK/anchor" || { cat "$WORK/log"; exit 1; }
served 2 "$WORK/both"
replaces "one author's, where only that one counts" "$genuine"
rm "$WORK/state2/images/$(digest_of "$genuine" | sed 's,^..,&/,')"
replaces "an envelope that is gone" "$WORK/both"
stop

# What was taken without anchors, and none verifies, gives way to what one does.
start "$WORK/state" --key "$WORK/anchor" || { cat "$WORK/log"; exit 1; }
envelope "$(manifest 13 "$DIGEST" 5000)"
publish "$WORK/e"
has "genuine behind forged, with anchors" "$BODY" '"state":"replaced"'
served 3 "$WORK/e"
stop
expect "exit code" "$STATUS" 0
finish
