#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage device provision and release publish --static: what they write, and
# that they refuse what would not boot or could not be fetched.
. "$(dirname "$0")/common.sh"

"$selvage" --quiet key generate author
"$selvage" --quiet key generate stranger
head -c 5000 /dev/zero | tr '\0' a >a.bin
head -c 6000 /dev/zero | tr '\0' b >b.bin
"$selvage" --quiet manifest create --vendor example.com --class sensor \
    --sequence 1 --image-a a.bin --image-b b.bin --key author.pem -o r.suit
identity="--anchor author.pub.pem --vendor example.com --class sensor"
provision="$selvage device provision $identity"

expect 0 "no image yet" $provision -o flash.bin
[ "$(stat -c '%a %s' flash.bin)" = "600 557056" ] ||
    complain "flash.bin: $(stat -c '%a %s' flash.bin)"
expect 0 "first image in slot A" $provision --envelope r.suit --image a.bin \
    -o state
[ -f state/flash.bin ] || complain "no state/flash.bin"
# The image lies where slot A begins, byte for byte.
cmp -n 5000 a.bin state/flash.bin 0 $((9 * 4096)) || complain "image A moved"
expect 3 "choose another name" $provision -o flash.bin
expect 3 "choose another name" $provision -o state
expect 3 "choose another name" $provision -o state/
expect 0 "sub/flash.bin" $provision -o sub/
expect 3 "cannot make the folder" $provision -o no/such/folder
expect 0 "" $provision --force -o flash.bin --size 16777216
[ "$(stat -c %s flash.bin)" = 16777216 ] || complain "--size is not obeyed"
expect 0 "2ed6657d-e927-568b-95e1-2665a8aea6a2" $provision \
    --device-id 2ed6657d-e927-568b-95e1-2665a8aea6a2 -o other.bin

# The loader of a device that has one, in slot B.
loader_template() {
    cat >loader.json <<TEXT
{"sequence-number": $1, "components": ["$2"],
 "shared": [{"override-parameters": {
     "vendor-identifier": {"vendor": "example.com"},
     "class-identifier": {"vendor": "example.com", "class": "sensor"},
     "image-digest": {"file": "b.bin"}, "image-size": {"file": "b.bin"}}},
   "vendor-identifier", "class-identifier"],
 "validate": ["image-match"], "invoke": ["invoke"]}
TEXT
    "$selvage" --quiet manifest create --template loader.json \
        --key "${3:-author}.pem" -o loader.suit
}
loader_template 1 app/l
expect 0 "first image in slot A, loader in slot B" $provision \
    --envelope r.suit --image a.bin --loader-envelope loader.suit \
    --loader b.bin -o small
cmp -n 6000 b.bin small/flash.bin 0 $((73 * 4096)) || complain "loader moved"
expect 0 "no image yet, loader in slot B" $provision \
    --loader-envelope loader.suit --loader b.bin -o bare.bin
expect 1 "image-size" $provision --loader-envelope loader.suit --loader a.bin \
    -o x.bin
expect 2 "--loader and --loader-envelope go together" $provision \
    --loader b.bin -o x.bin
loader_template 1 app
expect 1 "would not boot" $provision --loader-envelope loader.suit \
    --loader b.bin -o x.bin
loader_template 0 app/l
expect 1 "at least 1" $provision --loader-envelope loader.suit --loader b.bin \
    -o x.bin
loader_template 1 app/l stranger
expect 4 "no given key" $provision --loader-envelope loader.suit \
    --loader b.bin -o x.bin

# What would not boot does not leave the factory.
expect 1 "image-size" $provision --envelope r.suit --image b.bin -o x.bin
head -c 5000 /dev/zero | tr '\0' c >c.bin
expect 1 "another digest" $provision --envelope r.suit --image c.bin -o x.bin
expect 4 "no given key" "$selvage" device provision --anchor stranger.pub.pem \
    --vendor example.com --class sensor --envelope r.suit --image a.bin -o x.bin
expect 1 "vendor-identifier" "$selvage" device provision \
    --anchor author.pub.pem --vendor example.org --class sensor \
    --envelope r.suit --image a.bin -o x.bin
expect 1 "component" $provision --component other --envelope r.suit \
    --image a.bin -o x.bin
# Authentic, meant for it, and of this image; but it starts nothing.
cat >idle.json <<'TEXT'
{"sequence-number": 1, "components": ["app"],
 "shared": [{"override-parameters": {
     "vendor-identifier": {"vendor": "example.com"},
     "class-identifier": {"vendor": "example.com", "class": "sensor"},
     "image-digest": {"file": "a.bin"}, "image-size": {"file": "a.bin"}}},
   "vendor-identifier", "class-identifier"],
 "install": [{"override-parameters": {"uri": {"file": "a.bin"}}}, "fetch",
   "image-match"]}
TEXT
"$selvage" --quiet manifest create --template idle.json --key author.pem \
    -o idle.suit
expect 1 "would not boot" $provision --envelope idle.suit --image a.bin -o x.bin
head -c 300000 /dev/zero >big.bin
"$selvage" --quiet manifest create --vendor example.com --class sensor \
    --sequence 1 --image big.bin --key author.pem -o big.suit
expect 1 "larger than its slot" $provision --envelope big.suit \
    --image big.bin -o x.bin
[ -e x.bin ] && complain "a refused provision left a file"
# A disk without room: neither a file nor a folder stays.
full() (
    trap '' XFSZ
    ulimit -f 100
    exec "$@"
)
expect 3 "" full $provision -o full
[ -e full ] && complain "a failed provision left a folder: $(ls -A full)"
expect 2 "go together" $provision --image a.bin -o x.bin
expect 2 "--vendor DOMAIN or" "$selvage" device provision \
    --anchor author.pub.pem --class sensor -o x.bin
expect 2 "not a UUID" $provision --device-id 12 -o x.bin
expect 2 "--vendor: " "$selvage" device provision \
    --anchor author.pub.pem --vendor "" --class sensor -o x.bin
expect 2 "--size" $provision --size 4096 -o x.bin

# A release as files.
publish="$selvage release publish"
digest_a=$(sha256sum a.bin | cut -d' ' -f1)
expect 1 "no image given has that digest" $publish r.suit a.bin --static tree
find tree -path '*/m/*/*' | grep -q . && complain "a manifest without images"
expect 1 "does not name the image big.bin" \
    $publish r.suit a.bin b.bin big.bin --static tree
expect 0 "2 images" $publish r.suit a.bin b.bin --static tree
cmp a.bin "tree/i/$digest_a" || complain "the tree's image differs"
manifest=$(find tree/m -type f)
cmp r.suit "$manifest" || complain "the tree's manifest differs"
expect 0 "accepted" "$selvage" manifest verify --key author.pub.pem "$manifest"
expect 0 "" $publish r.suit --static tree
"$selvage" --quiet manifest create --vendor example.com --class sensor \
    --sequence 2 --image-a a.bin --image-b b.bin -o bare.suit
expect 1 "not signed" $publish bare.suit a.bin b.bin --static tree
cmp r.suit "$manifest" || complain "a refused release replaced a good one"
expect 1 "not a whole" $publish a.bin --static tree
expect 2 "needs no server" $publish r.suit --static t --server http://127.0.0.1
expect 2 "ENVELOPE is missing" $publish

# No server: an error of the environment, by name.
echo token >token
for command in "release publish r.suit" "release list" "device list" \
    "device show x"; do
    expect 3 "127.0.0.1:1" "$selvage" $command --server http://127.0.0.1:1 \
        --token-file token
done
finish
