#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage release and device against a real selvaged on a port of its own.
. "$(dirname "$0")/common.sh"
server=
liar=
trap 'for p in $server $liar; do kill "$p" 2>/dev/null; done; rm -rf "$work"' EXIT

# serve [flags]: sets server, url and at.
serve() {
    : >ready
    "$SELVAGE_BUILD/bin/selvaged" --state state --listen 127.0.0.1:0 \
        --http 127.0.0.1:0 "$@" >ready 2>>log &
    server=$!
    for _ in $(seq 1200); do
        grep -q listening ready && break
        sleep 0.05
    done
    url=$(grep -o 'http://[0-9.:]*' ready | head -n 1)
    if [ -z "$url" ]; then
        cat log
        complain "selvaged did not start"
        finish
    fi
    at="--server $url --token-file state/token"
}
serve

"$selvage" --quiet key generate author
head -c 5000 /dev/zero | tr '\0' a >a.bin
head -c 6000 /dev/zero | tr '\0' b >b.bin
release() {
    "$selvage" --quiet manifest create --vendor example.com --class sensor \
        --sequence "$1" --version "1.$1.0" --image-a a.bin --image-b b.bin \
        --key author.pem -o "$1.suit"
}
release 1
release 2
expect 0 "" "$selvage" release list $at
expect 1 "" "$selvage" release publish 1.suit $at
expect 1 "--image FILE" "$selvage" release publish 1.suit --image a.bin $at

# An image of something else is refused before anything goes up.
head -c 7000 /dev/zero | tr '\0' x >x.bin
expect 1 "$(sha256sum x.bin | cut -d' ' -f1)" \
    "$selvage" release publish 1.suit a.bin x.bin $at
expect 1 "does not name the image x.bin" \
    "$selvage" release publish 1.suit a.bin x.bin $at
[ -s out ] && complain "uploaded before a refusal: $(cat out)"
# The envelope is looked at before the token.
expect 3 "none.suit" "$selvage" release publish none.suit --server "$url" \
    --token-file missing
expect 1 "a.bin: not a whole" "$selvage" release publish a.bin \
    --server "$url" --token-file missing
expect 0 "" "$selvage" release publish 1.suit --image a.bin --image b.bin $at
expect 0 "" "$selvage" release publish 1.suit a.bin b.bin $at
expect 0 "" "$selvage" release publish 2.suit a.bin b.bin $at
expect 0 "1.2.0" "$selvage" release list $at
expect 0 '"sequence_number": 1' "$selvage" release list --json $at
digest=$("$selvage" manifest show --json 2.suit |
    sed -n 's/^ *"digest": "\(.*\)",*$/\1/p')
expect 0 "1.2.0" "$selvage" release show "$digest" $at
expect 1 "" "$selvage" release show "$(printf '0%.0s' $(seq 64))" $at
expect 0 "" "$selvage" device list $at
expect 1 "" "$selvage" device show nobody $at

# A device is found by either of its names, cut short or whole.
own=6f6e6521-0000-4000-8000-00000000cafe
expect 0 "" "$selvage" device provision --anchor author.pub.pem \
    --vendor example.com --class sensor --device-id $own --envelope 2.suit \
    --image a.bin -o dev
"$SELVAGE_BUILD/bin/selvage-device" --state dev --once >device.log 2>&1 \
    --server "$(grep -o 'coap://[0-9.:]*' ready | head -n 1)"
[ $? = 10 ] || complain "the device: $(cat device.log)"
for name in $own 6f6e6521 "$("$selvage" device list --json $at |
    sed -n 's/^ *"id": "\(.*\)",*$/\1/p')"; do
    expect 0 "$own" "$selvage" device show "$name" $at
done
expect 1 "" "$selvage" device show "" $at

# Another release of the same number, a foreign token, no token.
cp a.bin c.bin
echo more >>c.bin
"$selvage" --quiet manifest create --vendor example.com --class sensor \
    --sequence 2 --image c.bin --key author.pem -o other.suit
expect 1 "" "$selvage" release publish other.suit c.bin $at
echo wrong >token
expect 1 "" "$selvage" release list --server "$url" --token-file token
expect 3 "missing" "$selvage" release list --server "$url" --token-file missing
expect 3 "No such file" "$selvage" release publish none.suit $at

# A badly signed envelope stays until the server has a key to tell it by; then
# the good one, and one that another key has signed, too, take its place.
bend() {
    cp "$1" "$2"
    printf '\377\377\377\377' | dd of="$2" bs=1 seek=100 conv=notrunc 2>/dev/null
}
release 3
bend 3.suit bad.suit
"$selvage" --quiet key generate other
"$selvage" --quiet manifest sign 3.suit --key other.pem -o both.suit
expect 4 "" "$selvage" release publish bad.suit a.bin b.bin \
    --key author.pub.pem $at
[ -s out ] && complain "uploaded before a refusal: $(cat out)"
expect 0 "not verified" "$selvage" release publish bad.suit a.bin b.bin $at
expect 1 "start selvaged with --key" "$selvage" release publish 3.suit a.bin \
    b.bin $at
kill "$server"
wait "$server"
serve --key author.pub.pem
expect 0 "replaced another envelope" "$selvage" release publish 3.suit a.bin \
    b.bin --key author.pub.pem $at
grep -q 'not verified' err && complain "a note about what was verified"
expect 0 "published before" "$selvage" release publish 3.suit a.bin b.bin $at
expect 0 '"state": "replaced"' "$selvage" --json release publish both.suit \
    a.bin b.bin --key other.pub.pem $at
expect 0 '"verified": true' "$selvage" --json release publish both.suit \
    a.bin b.bin --key other.pub.pem $at
expect 0 '"state": "same"' "$selvage" --json release publish both.suit \
    a.bin b.bin $at
expect 4 "" "$selvage" release publish bad.suit a.bin b.bin --static tree \
    --key author.pub.pem
[ -e tree ] && complain "a tree before a refusal"
expect 0 "not verified" "$selvage" release publish bad.suit a.bin b.bin \
    --static tree
expect 0 '"verified": true' "$selvage" --json release publish 3.suit a.bin \
    b.bin --static tree --key author.pub.pem
cmp -s 3.suit tree/m/*/* || complain "the tree has another envelope"

# Any JSON is not yet an answer.
"$SELVAGE_BUILD/test/mute" answer >port &
liar=$!
for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.05
done
digest_3=$("$selvage" manifest show --json 3.suit |
    sed -n 's/^ *"digest": "\(.*\)",*$/\1/p' | head -n 1)
lie() {
    echo "$1" >answer
    expect 3 "nothing says that the server has it" "$selvage" release publish \
        3.suit $3 --server "http://127.0.0.1:$(cat port)" --token-file state/token
    expect 3 "\"$2\\\"" "$selvage" --json release publish \
        3.suit $3 --server "http://127.0.0.1:$(cat port)" --token-file state/token
}
lie '{}' digest ""
lie '[]' digest ""
lie '{}' digest a.bin
lie "{\"digest\": \"$(printf '0%.0s' $(seq 64))\"}" digest ""
lie "{\"digest\": \"$digest_3\", \"sequence_number\": 4}" sequence_number ""
lie "{\"digest\": \"$digest_3\", \"sequence_number\": 3,
    \"envelope\": \"$(sha256sum bad.suit | cut -c1-64)\"}" envelope ""
kill "$liar"
finish
