#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage key: what it writes, what it reads, how it refuses.
. "$(dirname "$0")/common.sh"

expect 0 "keep it secret" "$selvage" key generate author
[ "$(stat -c %a author.pem)" = 600 ] || complain "author.pem is not 0600"
grep -q 'BEGIN PRIVATE KEY' author.pem || complain "author.pem is not PKCS #8"
grep -q 'BEGIN PUBLIC KEY' author.pub.pem || complain "no public half"
cp author.pem before.pem
expect 3 "it exists" "$selvage" key generate author
rm author.pub.pem
expect 3 "author.pem" "$selvage" key generate author
cmp -s author.pem before.pem || complain "an existing key was replaced"
expect 0 "" "$selvage" key export author.pem -o author.pub.pem
expect 0 "private  yes" "$selvage" key show author.pem
id=$(grep 'key id' out)
expect 0 "$id" "$selvage" key show author.pub.pem
expect 0 "private  no" "$selvage" key show author.pub.pem

# Every form of the same key is the same key.
expect 0 "" "$selvage" key export author.pem --private --format cose -o c.key
expect 0 "$id" "$selvage" key show c.key
[ "$(stat -c %a c.key)" = 600 ] || complain "c.key is not 0600"
expect 0 "" "$selvage" key export c.key --private --format=pem -o again.pem
cmp -s author.pem again.pem || complain "PEM, COSE_Key, PEM changed the key"
"$selvage" key export author.pem >out.pem
cmp -s out.pem author.pub.pem || complain "standard output differs from -o"
expect 0 "" "$selvage" key generate -o k --format cose
expect 0 "private  no" "$selvage" key show k.pub

# Secrets: one file, no public half, no PEM.
expect 0 "key id" "$selvage" key generate s --type hmac256
[ "$(stat -c %a s.cosekey)" = 600 ] || complain "s.cosekey is not 0600"
[ -e s.pub.cosekey ] && complain "a secret has got a public half"
expect 3 "File exists" "$selvage" key generate s --type hmac256
expect 0 "HMAC-256" "$selvage" key show s.cosekey
expect 0 '"kind": "HMAC-256"' "$selvage" --json key show s.cosekey
expect 1 "no public half" "$selvage" key export s.cosekey --format cose
expect 1 "PEM has no form" "$selvage" key export s.cosekey --private
expect 0 "" "$selvage" key export s.cosekey --private --format cose -o t.cosekey
cmp -s s.cosekey t.cosekey || complain "exporting changed the secret"
expect 0 "" "$selvage" key generate -o s2 --type hmac256 --format cose
[ -e s2.pub ] && complain "a secret has got a public half"
cmp -s s.cosekey s2 && complain "two secrets are the same"
head -c 32 /dev/zero >raw
expect 0 "key id   none" "$selvage" key show raw
expect 2 "PEM has no form" "$selvage" key generate u --type hmac256 --format pem
expect 2 "p256 or hmac256" "$selvage" key generate u --type rsa

# JSON for programs.
expect 0 '"kind": "P-256"' "$selvage" --json key show author.pem
expect 0 "" "$selvage" key show author.pem --quiet
[ -s out ] && complain "--quiet printed something"

# Files that are no such key.
head -c 16 /dev/zero >symmetric
expect 0 "symmetric" "$selvage" key show symmetric
expect 1 "another kind" "$selvage" key export symmetric
: >empty
expect 1 "neither PEM" "$selvage" key show empty
for file in author.pem author.pub.pem; do
    grep -v -- ----- $file | base64 -d >key.der
    expect 1 "openssl pkey -inform DER" "$selvage" key show key.der
done
head -c 100 author.pem >cut.pem
expect 1 "damaged PEM" "$selvage" key show cut.pem
expect 1 "private half is needed" "$selvage" key export author.pub.pem --private
expect 3 "No such file" "$selvage" key show missing
expect 3 "not a folder" "$selvage" key show .

# Usage.
expect 2 "usage:" "$selvage"
expect 2 "no such noun" "$selvage" keys
expect 2 "a verb is missing" "$selvage" key
expect 2 "no such verb" "$selvage" key make
expect 2 "KEY is missing" "$selvage" key show
expect 2 "unexpected argument" "$selvage" key show a b
expect 2 "unknown option --kee" "$selvage" key show --kee a
expect 2 "needs a value" "$selvage" key generate -o
expect 2 "either a NAME or -o" "$selvage" key generate
expect 2 "either a NAME or -o" "$selvage" key generate a -o b
expect 2 "pem or cose" "$selvage" key generate a --format der
expect 0 "usage:" "$selvage" --help
expect 0 "usage:" "$selvage" -h
expect 0 "generate" "$selvage" key -h
expect 0 "--format" "$selvage" key generate -h
expect 0 "generate" "$selvage" key --help
expect 0 "--format" "$selvage" key generate --help
expect 0 "selvage " "$selvage" --version

# Where nothing can be written.
expect 3 "No such file" "$selvage" key generate no/such/folder/key
expect 3 "/dev/full" "$selvage" key export author.pem -o /dev/full
"$selvage" key show author.pem >/dev/full 2>err && complain "a full disk is fine"
grep -q 'standard output' err || complain "a full disk is not told"

# With --json a failure is one object, in one line, and nothing else.
for wrong in "" frob key "key frob" "key show" "key show --frob x" \
    "key show none.pem" "key show x y"; do
    "$selvage" --json $wrong >out 2>err
    code=$?
    [ "$(wc -l <err)" = 1 ] && [ ! -s out ] &&
        grep -q "^{\"error\":\".*\",\"exit\":$code}\$" err ||
        complain "--json $wrong: $code, $(cat err)"
done
expect 3 '{"error":"cannot open none.pem' "$selvage" --json key show none.pem
expect 3 '","exit":3}' "$selvage" --json key show "$(printf '/\377\001')"

# An output that is an input, by whatever path, leaves the input as it was.
"$selvage" --quiet key generate mine
cp mine.pem before
ln mine.pem hard
ln -s mine.pem soft
for same in mine.pem ./mine.pem hard soft; do
    expect 2 "would replace the input" "$selvage" key export mine.pem -o $same
done
cmp -s mine.pem before || complain "a key was replaced by its public half"
expect 0 "" "$selvage" key export mine.pem -o other.pem
expect 0 "" "$selvage" key export mine.pem -o other.pem
finish
