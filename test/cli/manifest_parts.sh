#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage manifest show --json and create: the same bytes; extract; lint;
# verify with a bootloader and several signatures.
source=$(realpath "$0")
. "$(dirname "$0")/common.sh"

"$selvage" --quiet key generate author
"$selvage" --quiet key generate stranger
head -c 5000 /dev/zero | tr '\0' a >a.bin
head -c 6000 /dev/zero | tr '\0' b >b.bin
manifest="$selvage manifest"

# Round trip, to the signed bytes.
expect 0 "" $manifest create --vendor example.com --class sensor \
    --version 1.1.0 --sequence 2 --image-a a.bin --image-b b.bin \
    --key author.pem -o r.suit
expect 0 '"vendor": "example.com"' $manifest show --json r.suit
cp out shown.json
expect 0 "" $manifest create --template shown.json --key author.pem -o again.suit
cmp -s r.suit again.suit || complain "show and create give other bytes"
expect 0 '"vendor-identifier": 15' $manifest show --json --explicit r.suit
cp out shown.json
expect 0 "" $manifest create --template shown.json --key author.pem -o again.suit
cmp -s r.suit again.suit || complain "show --explicit and create give other bytes"
expect 2 "go with --json" $manifest show --explicit r.suit
(cat r.suit; printf x) >long.suit
expect 0 '"not_a_template"' $manifest show --json long.suit
cp out shown.json
expect 1 "would not give the same manifest" $manifest create \
    --template shown.json -o x

# A manifest with parts: a payload of each size, severed elements.
cat >parts.json <<'EOF'
{"sequence-number": 3, "components": ["app", "config"],
 "shared": [{"set-component-index": true},
  {"override-parameters": {
    "vendor-identifier": {"vendor": "example.com"},
    "class-identifier": {"vendor": "example.com", "class": "sensor"}}},
  "vendor-identifier", "class-identifier", {"set-component-index": 0},
  {"override-parameters": {"image-digest": {"file": "a.bin"},
                           "image-size": {"file": "a.bin"}}}],
 "install": [{"set-component-index": 0},
  {"override-parameters": {"uri": "#app.bin"}}, "fetch", "image-match",
  {"set-component-index": 1},
  {"override-parameters": {"content": {"hex": "0011"}}}, "write"],
 "validate": [{"set-component-index": 0}, "image-match"],
 "invoke": [{"set-component-index": 0}, "invoke"],
 "text": {"en": {"manifest-description": "two parts", "json-source": "{}",
   "components": [{"component": "app", "vendor-domain": "example.com",
                   "model-info": "sensor"}]}},
 "sever": ["install", "text"],
 "payloads": {"#app.bin": {"file": "a.bin"}, "#../../x": "small"}}
EOF
expect 0 "" $manifest create --template parts.json --key author.pem -o p.suit
expect 0 '"file": "app.bin"' $manifest show --json p.suit
expect 0 '"#../../x": "small"' $manifest show --json p.suit
expect 0 '"file": "payloads/app.bin"' $manifest show --json \
    --payloads payloads p.suit
cp out shown.json
cmp -s payloads/app.bin a.bin || complain "--payloads wrote another payload"
[ "$(cat payloads/0-.._.._x)" = small ] || complain "no safe file name"
expect 0 "" $manifest create --template shown.json --key author.pem -o again.suit
cmp -s p.suit again.suit || complain "payloads in files give other bytes"
expect 3 "there already; give another folder" \
    $manifest show --json --payloads payloads p.suit
grep -q -- --force err && complain "show has no --force, and names it"
echo more >>payloads/app.bin
expect 1 'template.payloads.#app.bin: the file payloads/app.bin is another' \
    $manifest create --template shown.json -o x
[ -e x ] && complain "a refused create left a file"

# extract: every part, and again from them.
expect 0 "template.json" $manifest extract p.suit --all all
expect 0 "" $manifest create --template all/template.json --key author.pem \
    -o again.suit
cmp -s p.suit again.suit || complain "extract --all and create give other bytes"
[ "$(ls all | tr '\n' ' ')" = \
    "0-.._.._x app.bin install.cbor manifest.cbor template.json text.cbor " ] ||
    complain "extract --all wrote other files: $(ls all)"
rm all/app.bin
expect 3 "there already; give another folder, or --force" \
    $manifest extract p.suit --all all
[ -e all/app.bin ] && complain "a refused extract left a file"
expect 0 "" $manifest extract p.suit --all all --force
expect 0 "payload, 5000 bytes" $manifest extract p.suit --payload app.bin -o pl
cmp -s pl a.bin || complain "another payload"
expect 3 "exists" $manifest extract p.suit --payload app.bin -o pl
expect 0 "" $manifest extract p.suit --payload '#../../x' -o pl --force
[ "$(cat pl)" = small ] || complain "--force did not replace"
expect 1 "it has #../../x, #app.bin" $manifest extract p.suit --payload nothing -o x
expect 0 "element" $manifest extract p.suit --element install -o i.cbor
cmp -s i.cbor all/install.cbor || complain "another element"
expect 0 "element" $manifest extract p.suit --element validate -o v.cbor
expect 1 "the manifest has no load" $manifest extract p.suit --element load -o x
expect 2 "is no element" $manifest extract p.suit --element boot -o x
expect 0 "" $manifest extract p.suit --manifest -o m.cbor
cmp -s m.cbor all/manifest.cbor || complain "another manifest"
expect 0 "" $manifest extract p.suit --manifest -o /dev/stdout
cmp -s out m.cbor || complain "/dev/stdout has other bytes"
expect 2 "give one of" $manifest extract p.suit -o x
expect 2 "give one of" $manifest extract p.suit --manifest --payload a -o x
expect 2 "-o FILE is missing" $manifest extract p.suit --manifest
expect 1 "not a whole SUIT envelope" $manifest extract a.bin --manifest -o x

# Without text for devices, and back for the archive.
expect 0 "" $manifest extract p.suit --drop text --drop-payload '#../../x' \
    -o small.suit
expect 0 "accepted" $manifest verify small.suit --key author.pub.pem
expect 0 "taken out   text" $manifest show small.suit
expect 1 "was taken out" $manifest extract small.suit --element text -o x
expect 0 "" $manifest extract small.suit --put text=all/text.cbor \
    --put-payload '#../../x=all/0-.._.._x' -o full.suit
cmp -s full.suit p.suit || complain "put back, the bytes are others"
expect 1 "not the text that was severed" $manifest extract small.suit \
    --put text=a.bin -o x
expect 1 'no severed "validate"' $manifest extract p.suit --drop validate -o x
expect 2 "is not NAME=FILE" $manifest extract small.suit --put text -o x
[ -e x ] && complain "a refused extract left a file"

# lint
expect 0 "0 errors, 0 warnings, 0 notes" $manifest lint r.suit
expect 1 "payload-unused" $manifest lint p.suit
expect 1 "template.payloads.#../../x" $manifest lint p.suit
expect 1 '"rule": "payload-unused"' $manifest lint --json p.suit
expect 0 '"findings": []' $manifest lint --json r.suit

# What an envelope calls a payload does not steer the terminal, nor turn the
# line round.
sed 's|#../../x|#\\u001b[31mX\\u202eY|' parts.json >red.json
$manifest create --quiet --template red.json -o red.suit ||
    complain "no envelope with a coloured payload"
expect 1 'at   template.payloads.#?[31mX?Y' $manifest lint red.suit
echo '{"sequence-number": 1, "components": ["a"], "invoke": ["invoke"]}' >l.json
expect 1 "invoke-unchecked" $manifest lint --template l.json
expect 1 "at   template.invoke[0] (invoke), byte" $manifest lint --template l.json
expect 1 "template.components" $manifest lint --template /dev/stdin \
    <<<'{"sequence-number": 1}'
$manifest sign r.suit --key stranger.pem -o two.suit >out 2>err
expect 0 "no-vendor-check" $manifest lint --rules
rules=$(dirname "$source")/../../docs/spec/manifest-lint.md
sed 's/ .*//' out | while read -r rule; do
    grep -qF "| \`$rule\` |" "$rules" || echo "$rule"
done >missing_rules
[ -s missing_rules ] && complain "not in $rules: $(cat missing_rules)"
expect 2 "give an ENVELOPE, or" $manifest lint
expect 2 "give an ENVELOPE, or" $manifest lint r.suit --template l.json
expect 1 "not a whole SUIT envelope" $manifest lint a.bin
expect 3 "No such file" $manifest lint missing

# verify: which block, and the bootloader's part.
expect 0 "author.pub.pem, COSE_Sign1 ESP256" \
    $manifest verify two.suit --key author.pub.pem
expect 0 '"verified": false' $manifest verify two.suit --json \
    --key author.pub.pem
expect 0 '"key": "stranger.pub.pem"' $manifest verify two.suit --json \
    --key stranger.pub.pem
device() {
    echo "{\"vendor\": \"example.com\", \"class\": \"sensor\"," \
        "\"components\": [{\"id\": \"app\"}, {\"id\": \"config\"}], $1}" >d.json
}
device '"bootloader": "boot-select"'
expect 0 "then starts component app" $manifest verify p.suit \
    --key author.pub.pem --device d.json
expect 0 '"result": "starts"' $manifest verify p.suit --json \
    --key author.pub.pem --device d.json
# What is installed, by a file: fetched into another component, it would boot.
mkdir -p installed
cp a.bin installed/app
cat >stay.json <<'EOF'
{"sequence-number": 4, "components": ["app"], "shared": [
  {"override-parameters": {"image-digest": {"file": "a.bin"},
                           "image-size": {"file": "a.bin"}}}],
 "validate": ["image-match"], "invoke": ["invoke"]}
EOF
expect 0 "" $manifest create --template stay.json --key author.pem -o stay.suit
echo '{"vendor": "example.com", "class": "sensor", "components": [{"id": "app",
    "file": "app"}]}' >installed/d.json
expect 0 "then starts component app" $manifest verify stay.suit \
    --key author.pub.pem --device installed/d.json
cp b.bin installed/app
expect 1 "image-size bytes" $manifest verify stay.suit --key author.pub.pem \
    --device installed/d.json
rm installed/app
expect 3 '"file"' $manifest verify stay.suit --key author.pub.pem \
    --device installed/d.json
device '"security_floor": 4'
expect 1 "refused by the bootloader, after the update: sequence number lower" \
    $manifest verify p.suit --key author.pub.pem --device d.json
device '"algorithms": ["HMAC 256/256"]'
expect 1 "expected: ESP256" $manifest verify p.suit --key author.pub.pem \
    --device d.json
expect 1 '"expected": "ESP256' $manifest verify p.suit --json \
    --key author.pub.pem --device d.json
finish
