#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage manifest: create, sign, verify, show; exit codes and messages. More
# verbs: manifest_parts.sh.
. "$(dirname "$0")/common.sh"

"$selvage" --quiet key generate author
"$selvage" --quiet key generate stranger
head -c 5000 /dev/zero | tr '\0' a >a.bin
head -c 6000 /dev/zero | tr '\0' b >b.bin
flags="--vendor example.com --class sensor --version 1.1.0"
create="$selvage manifest create $flags"

# The common case, from images to a verdict.
expect 0 "not signed yet" $create --sequence 2 --image-a a.bin \
    --image-b b.bin --description "new probe" -o bare.suit
expect 4 "no authentication block" \
    "$selvage" manifest verify --key author.pub.pem bare.suit
expect 0 "signed" "$selvage" manifest sign bare.suit --key author.pem -o r.suit
expect 0 "accepted: sequence number 2" \
    "$selvage" manifest verify --key author.pub.pem r.suit
expect 0 "accepted" "$selvage" manifest verify r.suit --key author.pem
expect 4 "give the author's public key" "$selvage" manifest verify r.suit
expect 4 "no given key verifies" \
    "$selvage" manifest verify --key stranger.pub.pem r.suit
head -c 16 /dev/zero >symmetric
expect 4 "no given key verifies" "$selvage" manifest verify --key symmetric r.suit
expect 0 "accepted" "$selvage" manifest verify --key symmetric \
    --key stranger.pub.pem --key author.pub.pem r.suit

# With a secret it is a COSE_Mac0, by COSE_Key or raw bytes.
"$selvage" --quiet key generate secret --type hmac256
head -c 32 /dev/zero | tr '\0' s >raw32
for key in secret.cosekey raw32; do
    expect 0 "signed" "$selvage" manifest sign bare.suit --key $key -o mac.suit
    expect 0 "accepted" "$selvage" manifest verify --key $key mac.suit
    expect 0 "accepted" "$selvage" manifest verify --key author.pub.pem \
        --key symmetric --key $key mac.suit
    expect 4 "no given key verifies" \
        "$selvage" manifest verify --key author.pub.pem mac.suit
    expect 4 "no given key verifies" "$selvage" manifest verify --key $key r.suit
    expect 4 "no given key verifies" "$selvage" manifest verify mac.suit
done
expect 4 "no given key verifies" \
    "$selvage" manifest verify --key secret.cosekey mac.suit
expect 0 "COSE_Mac0" "$selvage" --json manifest show mac.suit
expect 0 "HMAC 256/256" "$selvage" manifest show mac.suit
expect 1 "HMAC-256 is needed" \
    "$selvage" manifest sign bare.suit --key symmetric -o never.suit

# The same input gives the same bytes.
expect 0 "" $create --sequence 2 --image-a a.bin --image-b b.bin \
    --description "new probe" --key author.pem -o again.suit
cmp -s r.suit again.suit || complain "signing again gives other bytes"
expect 0 "" $create --sequence 2 --image-a a.bin --image-b b.bin \
    --description "new probe" --print-template
cp out template.json
expect 0 "" "$selvage" manifest create --template template.json \
    --key author.pem -o again.suit
cmp -s r.suit again.suit || complain "the printed template gives other bytes"

# show reads like prose.
for words in "(example.com)" "(sensor)" "[try-each]" "5000 bytes" \
    "component-version: 1.1.0" "manifest-description: new probe" \
    "components  app" "severed     text" "ESP256"; do
    expect 0 "$words" "$selvage" manifest show r.suit
done
expect 0 "nobody" "$selvage" manifest show bare.suit
expect 0 '"sequence-number": 2' "$selvage" manifest show --json r.suit
expect 1 "not a whole SUIT envelope" "$selvage" manifest show a.bin

# As a device decides.
device() {
    echo "{\"vendor\": \"$1\", \"class\": \"$2\", \"sequence_number\": $3," \
        "\"components\": [{\"id\": \"app\", \"slot\": $4}]}" >device.json
}
verify="$selvage manifest verify --key author.pub.pem --device device.json"
device example.com sensor 1 0
expect 0 "accepted" $verify r.suit
device example.com sensor 2 1
expect 0 "accepted" $verify r.suit
device example.com sensor 3 0
expect 1 "sequence number lower" $verify r.suit
device example.org sensor 1 0
expect 1 "vendor-identifier does not match" $verify r.suit
device example.com pump 1 0
expect 1 "class-identifier does not match" $verify r.suit
device example.com sensor 1 7
expect 1 "no sequence of a try-each succeeded" $verify r.suit
echo "{" >device.json
expect 1 "device.json:" $verify r.suit
echo "{}" >device.json
expect 1 '"vendor"' $verify r.suit
rm device.json
expect 3 "device.json" $verify r.suit

# The JSON verdict.
expect 0 '"verdict": "accepted"' \
    "$selvage" manifest verify --json --key author.pub.pem r.suit
expect 0 '"reason_code": 0' \
    "$selvage" manifest verify --json --key author.pub.pem r.suit
expect 4 '"verdict": "refused"' "$selvage" manifest verify --json r.suit
expect 4 '"reason_code": 4' "$selvage" manifest verify --json r.suit
expect 4 '"section": "authentication-wrapper"' \
    "$selvage" manifest verify --json r.suit
expect 1 '"reason_code": 1' \
    "$selvage" manifest verify --json --key author.pub.pem a.bin

# Damaged and foreign files.
head -c 300 r.suit >cut.suit
expect 1 "CBOR ends inside an item" \
    "$selvage" manifest verify --key author.pub.pem cut.suit
(cat r.suit; printf x) >long.suit
expect 1 "bytes after the last" \
    "$selvage" manifest verify --key author.pub.pem long.suit
: >empty
expect 1 "refused" "$selvage" manifest verify --key author.pub.pem empty
expect 1 "not a SUIT envelope" "$selvage" manifest sign empty --key author.pem -o x
[ -e x ] && complain "a refused sign left a file"
expect 3 "No such file" "$selvage" manifest verify --key author.pub.pem missing
expect 3 "missing.pem" "$selvage" manifest verify --key missing.pem r.suit

# One image that runs anywhere; two signers; another component.
expect 0 "" $create --sequence 3 --image a.bin --component radio/firmware \
    --uri-base coap://updates.example.com --key author.pem -o one.suit
expect 0 "accepted" "$selvage" manifest verify --key author.pub.pem one.suit
expect 0 "radio/firmware" "$selvage" manifest show one.suit
expect 0 "coap://updates.example.com/i/" "$selvage" manifest show one.suit
expect 0 "" "$selvage" manifest sign r.suit --key stranger.pem -o two.suit
expect 0 "accepted" "$selvage" manifest verify --key author.pub.pem two.suit
expect 0 "accepted" "$selvage" manifest verify --key stranger.pub.pem two.suit

# What devices would refuse is not signed, unless one insists.
expect 1 "expected: at most 2 authentication blocks" \
    "$selvage" manifest sign two.suit \
    --key author.pem -o three.suit
expect 0 "" "$selvage" manifest sign two.suit --key author.pem -o three.suit \
    --force
echo '{"sequence-number": 1, "components": ["a"], "load": ["fetch"]}' >load.json
expect 1 "in load, command fetch (21)" "$selvage" manifest create --template load.json \
    --key author.pem -o load.suit
[ -e load.suit ] && complain "a refused create left a file"

# Bad templates and flags.
echo '{"sequence-number": 1,}' >bad.json
expect 1 "bad.json:1:" "$selvage" manifest create --template bad.json -o x
echo '{"sequence-number": 1, "sequence-number": 2}' >bad.json
expect 1 "duplicate" "$selvage" manifest create --template bad.json -o x
echo '{"sequence-number": 1, "components": ["a"], "install": ["fetsh"]}' >bad.json
expect 1 'template.install[0]: "fetsh" is not a command' \
    "$selvage" manifest create --template bad.json -o x
expect 1 "is empty" $create --sequence 1 --image empty -o x
expect 3 "missing.bin" $create --sequence 1 --image missing.bin -o x
expect 1 "public key; its private half" $create --sequence 1 --image a.bin \
    --key author.pub.pem -o x
expect 2 "--sequence" $create --image a.bin -o x
expect 2 "not a whole number" $create --sequence -1 --image a.bin -o x
expect 2 "not a whole number" $create --sequence 1x --image a.bin -o x
# Sequence numbers by flags end where JSON numbers do, and templates go on.
for number in 9223372036854775808 18446744073709551615; do
    echo '{"sequence-number": "'$number'", "components": ["app"], "shared":
        [{"override-parameters": {"vendor-identifier": {"vendor": "a.b"}}},
        "vendor-identifier"], "invoke": ["invoke"]}' >high.json
    echo '{"vendor": "a.b", "class": "c", "sequence_number": "'$number'",
        "components": [{"id": "app"}]}' >high-device.json
    expect 0 "" "$selvage" manifest create --template high.json \
        --key author.pem -o high.suit
    expect 0 "sequence    $number" "$selvage" manifest show high.suit
    expect 0 "\"sequence-number\": \"$number\"" \
        "$selvage" manifest show --json high.suit
    expect 0 "sequence number $number," \
        "$selvage" manifest verify --key author.pub.pem high.suit
    expect 0 "\"sequence_number\": \"$number\"" \
        "$selvage" manifest verify --json --key author.pub.pem high.suit
    expect 0 "2 -> $number" "$selvage" manifest diff r.suit high.suit
    expect 1 "sequence number $number," "$selvage" manifest simulate \
        --key author.pub.pem --device high-device.json high.suit
    expect 1 "sequence number lower than allowed" "$selvage" manifest verify \
        --key author.pub.pem --device high-device.json r.suit
done
for over in 9223372036854775808 18446744073709551615 18446744073709551616 \
    99999999999999999999999; do
    expect 2 "$over is too large; the highest number is 9223372036854775807" \
        $create --sequence $over --image a.bin -o x
    [ -e x ] && complain "made with $over"
done
expect 0 "" $create --sequence 9223372036854775807 --image a.bin \
    --key author.pem -o top.suit
for verb in verify "show --json" show; do
    expect 0 9223372036854775807 "$selvage" manifest $verb top.suit \
        $([ "$verb" = verify ] && echo --key author.pub.pem)
done
expect 2 "not a whole number" $create --sequence 99999999999999999999x \
    --image a.bin -o x
for vendor in "" "exam ple.com" "example.com$(printf '\t')" \
    "$(printf 'example.com\033')"; do
    expect 2 "--vendor: " "$selvage" manifest create --vendor "$vendor" \
        --class sensor --sequence 1 --image a.bin -o x
done
expect 2 "--class: the name is empty" "$selvage" manifest create \
    --vendor example.com --class "" --sequence 1 --image a.bin -o x
[ -e x ] && complain "a usage error left a file"
expect 2 "/dev/stdout" $create --sequence 1 --image a.bin -o -
expect 2 "/dev/stdout" "$selvage" manifest sign r.suit --key author.pem -o -
[ -e ./- ] && complain "a file named -"
"$selvage" --quiet manifest sign bare.suit --key author.pem -o /dev/stdout |
    cmp - r.suit || complain "-o /dev/stdout gives other bytes"
expect 2 "--image-a" $create --sequence 1 -o x
expect 2 "--image-a" $create --sequence 1 --image-a a.bin -o x
expect 2 "--image-a" $create --sequence 1 --image a.bin --image-b b.bin -o x
expect 2 "-o FILE is missing" $create --sequence 1 --image a.bin
expect 2 "--template says it all" $create --template bad.json -o x
expect 2 "twice" $create --vendor example.org --sequence 1 --image a.bin -o x
expect 1 "empty path segment" $create --sequence 1 --image a.bin \
    --component /app -o x
expect 2 "UTF-8" $create --sequence 1 --image a.bin \
    --description "$(printf '\377')" -o x
expect 3 "No such file" $create --sequence 1 --image a.bin -o no/such/x
[ -e x ] && complain "a refused create left a file"

# An output that is an input leaves the input as it was; but an envelope is
# signed in place.
spared() {
    file=$1
    shift
    cp "$file" before
    expect 2 "would replace" "$@"
    cmp -s "$file" before || complain "$file was replaced by: $*"
}
mkdir same
echo parts >same/payload.bin
printf 'image' >same/app.bin
cp author.pem same/key
$create --sequence 1 --image same/app.bin --print-template >same/t.json
spared same/app.bin $create --sequence 1 --image same/app.bin -o same/app.bin
spared same/app.bin $create --sequence 1 --image-a a.bin \
    --image-b same/app.bin -o same/app.bin
spared same/key $create --sequence 1 --image same/app.bin --key same/key \
    -o same/key
spared same/t.json "$selvage" manifest create --template same/t.json \
    -o same/t.json
sed 's/^{/{ "payloads": {"#p": {"file": "payload.bin"}},/' same/t.json \
    >same/p.json
spared same/payload.bin "$selvage" manifest create --template same/p.json \
    -o same/payload.bin
expect 0 "" $create --sequence 1 --image same/app.bin -o same/e.suit
spared same/key "$selvage" manifest sign same/e.suit --key same/key -o same/key
expect 0 "" "$selvage" manifest sign same/e.suit --key same/key -o same/e.suit
spared same/e.suit "$selvage" manifest extract same/e.suit --force \
    --drop text -o same/e.suit
spared same/payload.bin "$selvage" manifest extract same/e.suit --force \
    --put-payload '#p=same/payload.bin' -o same/payload.bin
cp same/key same/anchor.bin
spared same/anchor.bin "$selvage" device provision --anchor same/anchor.bin \
    --force --vendor example.com --class sensor -o same/anchor.bin
finish
