#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Manifest and image in one file [arch2020, figure 3], from the author to
# whoever fetches it: published to a selvaged and into a static tree, and back
# byte for byte.
. "$(dirname "$0")/common.sh"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

"$selvage" --quiet key generate author
cat >template.json <<'END'
{"sequence-number": 1, "components": ["app"],
 "shared": [{"override-parameters": {
     "vendor-identifier": {"vendor": "example.com"},
     "class-identifier": {"vendor": "example.com", "class": "sensor"}}},
   "vendor-identifier", "class-identifier",
   {"override-parameters": {"image-digest": {"file": "app.bin"},
                            "image-size": {"file": "app.bin"}}}],
 "install": [{"override-parameters": {"uri": "#app"}}, "fetch", "image-match"],
 "validate": ["image-match"], "invoke": ["invoke"],
 "payloads": {"#app": {"file": "app.bin"}}}
END
# release SEQUENCE BYTES: an envelope with an image of so many bytes.
release() {
    head -c "$2" /dev/urandom >app.bin
    sed "s/\"sequence-number\": 1/\"sequence-number\": $1/" template.json >t.json
    "$selvage" --quiet manifest create --template t.json --key author.pem \
        -o "$1.suit" || complain "manifest create $1"
}

"$SELVAGE_BUILD/bin/selvaged" --state state --listen 127.0.0.1:0 \
    --http 127.0.0.1:0 --key author.pub.pem >ready 2>log &
server=$!
for _ in $(seq 1200); do
    grep -q listening ready && break
    sleep 0.05
done
url=$(grep -o 'http://[0-9.:]*' ready | head -n 1)
[ -n "$url" ] || {
    complain "selvaged did not start: $(cat log)"
    finish
}
at="--server $url --token-file state/token --key author.pub.pem"

# A few bytes, some blocks, and the longest envelope that a server takes, which
# has 300 bytes or so beside its image.
number=0
for bytes in 1 320 30000 65200; do
    number=$((number + 1))
    release $number $bytes
    expect 0 "published" "$selvage" release publish $number.suit $at
    expect 0 "0 images, 0 chunk lists" "$selvage" release publish $number.suit \
        --key author.pub.pem --static tree
    name=$(cd tree && echo m/*/*)
    cmp -s "tree/$name" $number.suit || complain "$bytes: another in the tree"
    curl -s -o got "$url/$name"
    cmp -s got $number.suit || complain "$bytes: another from the server"
    expect 0 "" "$selvage" manifest extract got --payload '#app' -o out.bin
    cmp -s out.bin app.bin || complain "$bytes: another image in it"
    rm -f out.bin
done

# Nothing else is needed, and an image beside it is none of its own; a longer
# envelope is refused with the limit named, and nothing was changed by that.
echo other >other.bin
expect 1 "does not name the image" "$selvage" release publish 1.suit other.bin \
    $at
release 9 65536
expect 3 "65536 bytes taken here" "$selvage" release publish 9.suit $at
expect 0 "" "$selvage" release publish 9.suit --key author.pub.pem --static tree
# A payload that is not what was signed for.
release 10 500
printf '\377\377\377\377' | dd of=10.suit bs=1 conv=notrunc \
    seek=$(($(stat -c %s 10.suit) - 100)) 2>/dev/null
expect 1 "not the image" "$selvage" release publish 10.suit $at
curl -s -o got "$url/$name"
cmp -s got 4.suit || complain "a refused release is served"
finish
