#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Chunk lists from the author to the server: manifest create, release publish
# to a selvaged and into a static tree, and back by /i/<sha-256>.
. "$(dirname "$0")/common.sh"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

"$selvage" --quiet key generate author
head -c 20000 /dev/urandom >a.bin
head -c 21000 /dev/urandom >b.bin
head -c 4096 /dev/urandom >small.bin
create() {
    "$selvage" manifest create --vendor example.com --class sensor \
        --key author.pem "$@"
}

# The default: a list for each image that is longer than a chunk, beside the
# envelope, whatever the folder of the image.
mkdir out.d
expect 0 "out.d/a.bin.chunks   168 bytes, chunk list: 5 chunks of 4096 bytes" \
    create --sequence 1 --image-a a.bin --image-b b.bin -o out.d/1.suit
expect 0 "out.d/b.bin.chunks   200 bytes, chunk list: 6 chunks of 4096 bytes" \
    create --sequence 1 --image-a a.bin --image-b b.bin -o out.d/1.suit
[ "$(head -c 8 out.d/a.bin.chunks | od -An -tx1)" = " 01 0c 00 00 00 00 4e 20" ] ||
    complain "another header"
for k in 0 1 2 3 4; do
    want=$(tail -c +$((k * 4096 + 1)) a.bin | head -c 4096 | sha256sum)
    got=$(tail -c +$((9 + k * 32)) out.d/a.bin.chunks | head -c 32 |
        od -An -v -tx1 | tr -d ' \n')
    [ "${want%% *}" = "$got" ] || complain "digest of chunk $k"
done
list=$(sha256sum <out.d/a.bin.chunks | cut -d' ' -f1)
expect 0 "a list of its chunks is sha-256 $list (168 bytes)" \
    "$selvage" manifest show out.d/1.suit
expect 0 "0 errors, 0 warnings, 0 notes" "$selvage" manifest lint out.d/1.suit
expect 0 "accepted" "$selvage" manifest verify --key author.pub.pem out.d/1.suit
expect 0 "\"digest\": \"$list\"" create --json --sequence 1 --image-a a.bin \
    --image-b b.bin -o out.d/1.suit
expect 0 "" create --sequence 2 --image small.bin -o 2.suit
[ -e small.bin.chunks ] && complain "a list of one chunk"

# The length of chunks, or none.
expect 0 "40 chunks of 512 bytes" create --sequence 2 --image a.bin \
    --chunks=512 -o 2.suit
expect 0 "5 chunks of 4096 bytes" create --sequence 2 --image a.bin --chunks \
    -o 2.suit
expect 0 "" create --sequence 3 --image b.bin --no-chunks -o 3.suit
[ -e b.bin.chunks ] && complain "a list that nobody wants"
"$selvage" manifest show 3.suit | grep -q chunks && complain "named all the same"
for len in 0 1 256 511 4097 131072 4k -512 18446744073709552128 ,; do
    expect 2 "is not a power of two from 512 to 65536" create --sequence 2 \
        --image a.bin --chunks=$len -o x.suit
done
expect 2 "give one" create --sequence 2 --image a.bin --chunks --no-chunks \
    -o x.suit
expect 2 "--chunks twice" create --sequence 2 --image a.bin --chunks=512 \
    --chunks=512 -o x.suit
expect 2 "--template says it all" "$selvage" manifest create --template t.json \
    --chunks -o x.suit
[ -e x.suit ] && complain "written all the same"

# What a list would replace must be a list.
echo mine >b.bin.chunks
expect 1 "b.bin.chunks is no chunk list" create --sequence 2 --image b.bin \
    -o x.suit
[ "$(cat b.bin.chunks)" = mine ] && [ ! -e x.suit ] || complain "replaced"
mkdir sub
cp b.bin sub/a.bin
expect 1 "two chunk lists would be a.bin.chunks" create --sequence 2 \
    --image-a a.bin --image-b sub/a.bin -o x.suit
expect 1 "would be a chunk list" create --sequence 2 --image a.bin \
    -o a.bin.chunks
# Nothing is written beside what is no file.
expect 0 "" create --quiet --sequence 2 --image small.bin -o /dev/stdout
create --quiet --sequence 2 --image a.bin -o /dev/stdout >out
[ -e /dev/a.bin.chunks ] && complain "a list in /dev"
cmp -s out 2.suit || complain "another envelope on standard output"

# A template says the same, and show gives it back.
cat >t.json <<'END'
{"sequence-number": 4, "components": ["app"],
 "shared": [{"override-parameters": {
     "vendor-identifier": {"vendor": "example.com"},
     "class-identifier": {"vendor": "example.com", "class": "sensor"}}},
   "vendor-identifier", "class-identifier",
   {"override-parameters": {"image-digest": {"file": "a.bin"},
                            "image-size": {"file": "a.bin"}}}],
 "install": [{"override-parameters": {"uri": {"file": "a.bin"},
     "chunk-list": {"file": "a.bin", "chunk": 8192}}}, "fetch", "image-match"],
 "validate": ["image-match"], "invoke": ["invoke"]}
END
mkdir t.d
expect 0 "t.d/a.bin.chunks   104 bytes, chunk list: 3 chunks of 8192 bytes" \
    "$selvage" manifest create --template t.json --key author.pem -o t.d/4.suit
"$selvage" manifest show --json t.d/4.suit >again.json
expect 0 "" "$selvage" manifest create --template again.json \
    --key author.pem -o again.suit
cmp -s t.d/4.suit again.suit || complain "another envelope from show --json"

# A static tree has the lists, made again from the images.
rm -r out.d/*.chunks
expect 0 "2 images, 2 chunk lists" "$selvage" release publish out.d/1.suit \
    a.bin b.bin --key author.pub.pem --static tree
[ "$(sha256sum <"tree/i/$list" | cut -d' ' -f1)" = "$list" ] ||
    complain "no list in the tree"
expect 0 "1 image, 1 chunk list " "$selvage" release publish t.d/4.suit a.bin \
    --key author.pub.pem --static tree
expect 1 "and no image given" "$selvage" release publish out.d/1.suit \
    --static empty
# Of another image no list can be made; its own file will do.
head -c 20000 /dev/urandom >c.bin
sed 's/"chunk-list": {[^}]*}/"chunk-list": {"file": "c.bin"}/' t.json >odd.json
"$selvage" --quiet manifest create --template odd.json --key author.pem \
    -o odd.suit || complain "odd.json"
expect 1 "which is of no image given" "$selvage" release publish odd.suit \
    a.bin --key author.pub.pem --static tree2
expect 0 "" "$selvage" release publish odd.suit a.bin c.bin.chunks \
    --key author.pub.pem --static tree2

# And so does a server, which refuses a release whose list it lacks.
"$SELVAGE_BUILD/bin/selvaged" --state state --listen 127.0.0.1:0 \
    --http 127.0.0.1:0 >ready 2>log &
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
at="--server $url --token-file state/token"
expect 0 "chunk list of a.bin: 168 bytes, uploaded" "$selvage" release publish \
    out.d/1.suit a.bin b.bin $at
expect 0 "chunk list of b.bin: 200 bytes, was there" "$selvage" release \
    publish out.d/1.suit a.bin b.bin $at
[ "$(curl -s "$url/i/$list" | sha256sum | cut -d' ' -f1)" = "$list" ] ||
    complain "the server does not serve the list"
expect 1 "chunk list '/i/$(sha256sum <c.bin.chunks | cut -d' ' -f1)' is not here" \
    "$selvage" release publish odd.suit a.bin $at
# One that is there, and of another image.
head -c 20001 /dev/urandom >d.bin
sed 's/"c.bin"/"d.bin"/' odd.json >odd2.json
"$selvage" --quiet manifest create --template odd2.json --key author.pem \
    -o odd2.suit || complain "odd2.json"
expect 1 "is not the chunk list that the manifest says" "$selvage" release \
    publish odd2.suit a.bin d.bin.chunks $at

# A device takes it all.
expect 0 "first image in slot A" "$selvage" device provision \
    --anchor author.pub.pem --vendor example.com --class sensor \
    --envelope out.d/1.suit --image a.bin -o dev
head -c 40000 /dev/urandom >a.bin
head -c 50000 /dev/urandom >b.bin
create --quiet --sequence 7 --image-a a.bin --image-b b.bin -o out.d/7.suit
expect 0 "chunk list of b.bin: 424 bytes, uploaded" "$selvage" release publish \
    out.d/7.suit a.bin b.bin $at
expect 0 "sequence number 7, confirmed" timeout 60 \
    "$SELVAGE_BUILD/bin/selvage-device" --state dev --once \
    --server "$(grep -o 'coap://[0-9.:]*' ready | head -n 1)" \
    --run "cmp -s $work/b.bin"
finish
