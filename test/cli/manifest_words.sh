#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a newcomer is told about an envelope, a template or a file that is not
# what it should be.
. "$(dirname "$0")/common.sh"

head -c 3000 /dev/zero | tr '\0' a >a.bin
"$selvage" --quiet key generate author
create() {
    out=$1
    shift
    "$selvage" --quiet manifest create --vendor example.com --class sensor \
        --sequence 3 --image a.bin -o "$out" "$@"
}
create x.suit --key author.pem || complain "no envelope"

# bend FILE OFFSET TO: another byte there, whatever it was.
bend() {
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    cp "$1" "$3"
    printf "\\$(printf %o $((byte ^ 129)))" |
        dd of="$3" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# Cut inside the wrapper (its head says 125 bytes from byte 6 on), and inside
# the manifest: the keys are those of the envelope.
head -c 100 x.suit >cut
expect 1 "key 2 (authentication-wrapper), at byte 4 of the envelope; the file has 100 bytes, this item needs 131;" \
    "$selvage" manifest verify cut
head -c 200 x.suit >cut
expect 1 "key 3 (manifest), at byte 132 of the envelope; the file has 200 bytes, this item needs " \
    "$selvage" manifest verify cut
needs=$(sed 's/.*this item needs \([0-9]*\).*/\1/' err)
head -c $((needs - 1)) x.suit >cut
expect 1 "this item needs $needs;" "$selvage" manifest verify cut
head -c "$needs" x.suit >cut
"$selvage" manifest verify cut >out 2>&1
grep -q "this item needs $needs;" out && complain "$needs bytes are enough"
printf '\330k' >cut
expect 1 "the file has 2 bytes" "$selvage" manifest verify cut

# The key id in a block is not signed: what is printed is the key's.
kid=$("$selvage" key show author.pub.pem | sed -n 's/.*key id *\([0-9a-f]\{16\}\).*/\1/p')
bend x.suit 60 kid.suit
expect 0 "key id $kid" "$selvage" manifest verify kid.suit \
    --key author.pub.pem
grep -q "note: .*block 0 says key id" err || complain "no note: $(cat err)"
expect 0 "\"key_id\": \"$kid\"" "$selvage" --json manifest verify kid.suit \
    --key author.pub.pem
expect 0 "key id $kid" "$selvage" manifest verify x.suit --key author.pub.pem
[ -s err ] && complain "a note about nothing: $(cat err)"
expect 1 "kid-wrong" "$selvage" manifest lint kid.suit --key author.pub.pem
expect 0 "" "$selvage" manifest lint kid.suit
expect 0 "" "$selvage" manifest lint x.suit --key author.pub.pem
"$selvage" --quiet key generate other
expect 1 "not-verified" "$selvage" manifest lint x.suit --key other.pub.pem

# A wrong digest: which, where, and what it should be.
right=$("$selvage" manifest verify x.suit --key author.pub.pem |
    sed -n 's/.*sha-256 //p')
bend x.suit 20 digest.suit
expect 4 "at byte 13, the manifest's is $right" \
    "$selvage" manifest verify digest.suit --key author.pub.pem
expect 0 "at byte 13 of the envelope" "$selvage" manifest show digest.suit
expect 1 "at byte 13, the manifest's is $right" \
    "$selvage" manifest lint digest.suit
expect 1 "digest-wrong" "$selvage" manifest lint digest.suit

# Bytes behind the envelope.
{ cat x.suit; printf abc; } >long.suit
expect 0 "3 bytes behind the envelope, from byte $(wc -c <x.suit) on" \
    "$selvage" manifest show long.suit
expect 0 "long.suit has 3 bytes behind the envelope" \
    "$selvage" manifest diff x.suit long.suit

# URIs.
expect 2 "--uri-base \"not a uri\" has a blank" create u.suit \
    --uri-base "not a uri"
for base in coap: coap:// coap:///x files 'coap://h?q' 'coap://h#f' 'coap://h:x' \
    'coap://[::1' 'coap://h/%zz' '1:2' 'coap://h/[' 'http://h/<'; do
    expect 2 "--uri-base" create u.suit --uri-base "$base"
done
expect 2 "too long" create u.suit --uri-base "coap://$(printf 'h%.0s' $(seq 200))"
for base in coap://h coap://h/ coap://h// 'coap://[2001:db8::1]:5683/' \
    coap://h/%7Ea/b /sub /; do
    expect 0 "" create u.suit --uri-base "$base"
    "$selvage" manifest show u.suit | grep -q "URI is ${base%%/}//i/" &&
        complain "two slashes behind $base"
    expect 0 "" "$selvage" manifest lint u.suit
    grep -q "uri-malformed" out && complain "lint refuses $base"
done
"$selvage" manifest show u.suit | grep -q 'URI is /i/' || complain "base /"
"$selvage" manifest show --json x.suit | sed 's#"uri": ".*"#"uri": "coap://h/a b"#' >t.json
expect 0 "" "$selvage" --quiet manifest create --template t.json -o u.suit
expect 1 "uri-malformed" "$selvage" manifest lint u.suit

# Numbers stand once.
expect 2 "--sequence twice" "$selvage" manifest create --sequence 1 \
    --sequence 2 --vendor example.com --class sensor --image a.bin -o u.suit

# What sign refuses, create tells.
long=$(printf 'x%.0s' $(seq 5000))
expect 0 "warning: devices would refuse this manifest" "$selvage" manifest \
    create --sequence 1 --vendor example.com --class sensor --image a.bin \
    -o u.suit --description "$long"
expect 0 '"warning": "devices would refuse' "$selvage" --json manifest create \
    --sequence 1 --vendor example.com --class sensor --image a.bin \
    -o u.suit --description "$long"
expect 1 "devices would refuse" "$selvage" manifest sign u.suit \
    --key author.pem -o s.suit
expect 0 "not signed yet" "$selvage" manifest create --sequence 1 \
    --vendor example.com --class sensor --image a.bin -o u.suit
[ -s err ] && complain "a warning about nothing: $(cat err)"

# The configuration file.
config() {
    echo "$1" >config.json
    expect 3 "$2" env SELVAGE_CONFIG=config.json "$selvage" release list
}
config '{"server": 1}' 'config.json: "server" must be text'
config '{"token_file": ["x"]}' 'config.json: "token_file" must be text'
config '{"serverr": "http://127.0.0.1:9"}' '"serverr" is not known here'
config '[]' 'it must be a JSON object'
expect 3 "SELVAGE_CONFIG: cannot open none.json" env SELVAGE_CONFIG=none.json "$selvage" \
    release list

# Device files and templates.
device() {
    echo "$1" >device.json
    expect 1 "$2" "$selvage" manifest verify x.suit --key author.pub.pem \
        --device device.json
}
device '{"vendor": 1, "class": "sensor"}' '"vendor": of the wrong type'
device '{"vendor": "example.com", "class": 1}' '"class": of the wrong type'
device '{"vendor": "example.com", "class": "sensor", "device_id": 1}' \
    '"device_id": of the wrong type'
device '{"vendor": "exa mple.com", "class": "sensor"}' '"vendor": no domain'
device '{"vendor": "", "class": "sensor"}' '"vendor": empty'
device '{"class": "sensor"}' '"vendor": missing'
echo '{}' >t.json
expect 1 "template.sequence-number: missing" "$selvage" manifest create \
    --template t.json -o u.suit

# A fault that is never reached.
echo '{"vendor": "example.com", "class": "sensor", "sequence_number": 1,
    "components": [{"id": ["app"], "slot": 0}]}' >device.json
simulate() {
    "$selvage" "$1" manifest simulate x.suit --key author.pub.pem \
        --device device.json $2
}
expect 0 "note: --fail fetch:9: it never came to that" simulate --no-progress \
    "--fail fetch:9"
expect 0 '"fetch:9"' simulate --json "--fail fetch:9"
expect 1 "" simulate --no-progress "--fail fetch:1 --fail fetch"
grep -q "never came" err && complain "it did come to that"
finish
