#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# start.sh - the command line, and everything that can be wrong before the
# server is ready: each with its exit code and with words that say what, where
# and what to try.
. test/server/lib.sh

# refused WHAT EXIT PIECE [flags]: selvaged must not start.
refused() {
    what=$1
    exit=$2
    piece=$3
    shift 3
    timeout 60 "$BUILD/bin/selvaged" --listen 127.0.0.1:0 --http 127.0.0.1:0 \
        "$@" >"$WORK/out" 2>"$WORK/err"
    expect "$what: exit code" $? "$exit"
    has "$what" "$(cat "$WORK/err")" "$piece"
    expect "$what: no ready line" "$(cat "$WORK/out")" ""
}

S=$WORK/state
OUT=$("$BUILD/bin/selvaged" --help)
expect "--help" $? 0
expect "-h" "$("$BUILD/bin/selvaged" -h)" "$OUT"
for flag in --role --state --listen --loops --unproven --http --store --key --insecure --json \
    --quiet --help --version; do
    has "--help" "$OUT" "$flag"
done
has "--version" "$("$BUILD/bin/selvaged" --version)" "selvaged "

# ---- usage
refused "unknown flag" 2 "--help" --state "$S" --nothing
refused "argument" 2 "no flag" --state "$S" nothing
refused "role ca" 2 "'ca' is not available yet" --state "$S" --role ca
refused "role in a list" 2 "'auth' is not available yet" --state "$S" \
    --role tracker,auth
refused "no such role" 2 "no role 'x'" --state "$S" --role x
refused "empty role" 2 "no role ''" --state "$S" --role ""
refused "PostgreSQL" 2 "not available yet" --state "$S" \
    --store postgresql://localhost/x
refused "no such store" 2 "sqlite:PATH" --state "$S" --store x
refused "no port" 2 "HOST:PORT" --state "$S" --listen 127.0.0.1
refused "port 65536" 2 "HOST:PORT" --state "$S" --http 127.0.0.1:65536
refused "a name" 2 "HOST:PORT" --state "$S" --listen example.com:1
refused "every address" 2 "--insecure" --state "$S" --listen 0.0.0.0:0
refused "every address, IPv6" 2 "--insecure" --state "$S" --http '[::]:0'
for n in 0 17 -1 x 1x "" 999999999999; do
    refused "--loops $n" 2 "no number from 1 to 16" --state "$S" --loops "$n"
done
for n in -1 x 1k "" 1000000000; do
    refused "--unproven $n" 2 "no number of bytes" --state "$S" --unproven "$n"
done
refused "JSON error" 2 '"exit":2' --state "$S" --json --store x
start "$S" --listen 0.0.0.0:0 --insecure || fail "--insecure"
has "--insecure" "$(cat "$WORK/ready")" "coap://0.0.0.0:"
expect "one ready line" "$(wc -l <"$WORK/ready")" 1

# ---- a state folder in use, ports in use
refused "two servers on one state" 3 "in use by another selvaged (process $PID)" \
    --state "$S"
refused "taken CoAP port" 3 "another program has this port" \
    --state "$WORK/state2" --listen "0.0.0.0:${COAP##*:}" --insecure
refused "taken HTTP port" 3 "another program has this port" \
    --state "$WORK/state2" --http "127.0.0.1:${HTTP##*:}"
refused "a database in use" 3 "stop that one" --state "$WORK/state2" \
    --store "sqlite:$S/selvage.db"
image "$WORK/image" 1000
api PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
expect "the first server goes on" "$CODE" 201
stop
expect "exit code" "$STATUS" 0

# ---- folders and files
refused "missing folder" 3 "No such file" --state "$WORK/none/state"
: >"$WORK/file"
refused "a file for a folder" 3 "a file stands in its place" \
    --state "$WORK/file"
refused "below a file" 3 "a file stands in its place" --state "$WORK/file/x"
mkdir "$WORK/state3"
: >"$WORK/state3/images"
refused "a file for the images" 3 "images" --state "$WORK/state3"
if [ -d /proc/self ]; then
    refused "a folder that cannot be written" 3 "/proc/sys" --state /proc/sys
fi
echo short >"$WORK/state2/token"
refused "a bad token" 3 "delete it" --state "$WORK/state2"
refused "a missing key" 3 "none.pem" --state "$S" --key "$WORK/none.pem"
refused "a key that is none" 3 "$WORK/image" --state "$S" --key "$WORK/image"
head -c 16 /dev/urandom >"$WORK/aes"
refused "only keys that cannot verify" 3 "P-256" --state "$S" \
    --key "$WORK/aes"

# ---- the database
cp -r "$S" "$WORK/state4"
echo "this is no database, and it is long enough to be looked at" \
    >"$WORK/state4/selvage.db"
refused "no database" 3 "damaged" --state "$WORK/state4"
cp "$S/selvage.db" "$WORK/state4/selvage.db"
size=$(stat -c %s "$S/selvage.db")
for at in $(seq 4096 4096 $((size - 1))); do
    head -c 2000 /dev/urandom |
        dd of="$WORK/state4/selvage.db" bs=1 seek="$at" conv=notrunc 2>/dev/null
done
rm -f "$WORK"/state4/selvage.db-*
refused "damaged pages" 3 "damaged" --state "$WORK/state4"
if command -v sqlite3 >/dev/null; then
    cp "$S/selvage.db" "$WORK/state4/selvage.db"
    sqlite3 "$WORK/state4/selvage.db" \
        'INSERT INTO schema_version VALUES(999)' >/dev/null
    refused "a newer database" 3 "later version" --state "$WORK/state4"
fi

# ---- what a start leaves alone and what it cleans
mkdir -p "$S/images/tmp"
: >"$S/images/tmp/77"
start "$S" || fail "start after all that"
expect "cut-off uploads are deleted" "$(ls "$S/images/tmp")" ""
http GET "/i/$DIGEST"
expect "the image is still there" "$(digest_of "$WORK/body")" "$DIGEST"
expect "the token is the same" "$TOKEN" "$(cat "$S/token")"
stop

# ---- where the state is without --state
mkdir "$WORK/home"
HOME=$WORK/home SELVAGE_STATE= "$BUILD/bin/selvaged" --listen 127.0.0.1:0 \
    --http 127.0.0.1:0 --json >"$WORK/ready" 2>>"$WORK/log" &
PID=$!
for i in $(seq 6000); do
    grep -q listening "$WORK/ready" && break
    sleep 0.01
done
has "JSON ready line" "$(cat "$WORK/ready")" '{"listening":["coap://127.0.0.1:'
expect "default state" "$(ls "$WORK/home/.local/state/selvage/token")" \
    "$WORK/home/.local/state/selvage/token"
stop
has "JSON log" "$(tail -n 1 "$WORK/log")" '"event":"stopping"'
finish
