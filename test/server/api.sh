#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# api.sh - the HTTP interface, request by request: good ones, bad ones, paging,
# tokens, ranges (docs/spec/http.md).
. test/server/lib.sh

# ask WANTED METHOD PATH [curl flags]: with the token; errors must be problem
# details with all four members.
ask() {
    wanted=$1
    shift
    api "$@"
    expect "$1 $2" "$CODE" "$wanted"
    case $wanted in
    4* | 5*)
        for member in '"type":' '"title":' "\"status\":$wanted" '"detail":'; do
            has "$1 $2: problem" "$BODY" "$member"
        done
        has "$1 $2: type" "$(cat "$WORK/headers")" "application/problem+json"
        ;;
    esac
}

start "$WORK/state" || { cat "$WORK/log"; exit 1; }
expect "mode of token" "$(stat -c %a "$WORK/state/token")" 600
expect "mode of database" "$(stat -c %a "$WORK/state/selvage.db")" 600
expect "mode of state" "$(stat -c %a "$WORK/state")" 700

# ---- tokens
for path in /api/v1/releases /api/v1/devices /api/v1/nothing; do
    http GET $path
    expect "no token, $path" "$CODE" 401
    has "no token" "$(cat "$WORK/headers")" "WWW-Authenticate: Bearer"
done
http GET /api/v1/releases -H "Authorization: Bearer ${TOKEN}0"
expect "token too long" "$CODE" 401
http GET /api/v1/releases -H "Authorization: Bearer ${TOKEN%?}"
expect "token too short" "$CODE" 401
http GET /api/v1/releases -H "Authorization: Bearer $(echo "$TOKEN" | tr 0-9a-f a-f0-9)"
expect "another token" "$CODE" 401
http GET /api/v1/releases -H "Authorization: Basic $TOKEN"
expect "another scheme" "$CODE" 401
http PUT /api/v1/images/$(printf '0%.0s' {1..64}) -T "$0"
expect "upload without token" "$CODE" 401
http GET /healthz
expect "health without token" "$CODE $BODY" '200 {"status":"ok"}'

# ---- paths and methods
ask 404 GET /
ask 404 GET /api/v1/
ask 404 GET /api/v1/releasesX
ask 404 GET /api/v1/releases/
ask 404 GET /api/v1/releases/00
ask 404 GET "/api/v1/releases/$(printf '0%.0s' {1..64})"
ask 404 GET /api/v1/devices/0011223344556677
ask 404 GET /api/v1/devices/x
ask 404 GET "/i/$(printf '0%.0s' {1..64})"
ask 404 GET /i/..%2f..%2ftoken
ask 404 GET /i/
ask 404 GET /m/x/y
ask 404 GET "/m/$VENDOR_TEXT/$CLASS_TEXT"
ask 405 DELETE /api/v1/releases
has "405" "$(cat "$WORK/headers")" "Allow: GET, HEAD, POST"
ask 405 POST /api/v1/devices -d x
ask 405 DELETE /i/00
ask 405 DELETE /healthz
ask 405 GET "/api/v1/images/$(printf '0%.0s' {1..64})"
has "405" "$(cat "$WORK/headers")" "Allow: PUT"

# ---- images
image "$WORK/image" 300000
ask 404 PUT /api/v1/images/00 -T "$WORK/image"
ask 404 PUT "/api/v1/images/$(echo "$DIGEST" | tr a-f A-F)X" -T "$WORK/image"
ask 422 PUT "/api/v1/images/$(printf '0%.0s' {1..64})" -T "$WORK/image"
has "wrong digest" "$BODY" "$DIGEST"
ask 422 PUT "/api/v1/images/$DIGEST" -H "Content-Length: 0"
ask 411 PUT "/api/v1/images/$DIGEST" -H "Transfer-Encoding: chunked" \
    -T "$WORK/image"
ask 413 PUT "/api/v1/images/$DIGEST" -H "Content-Length: 67108865" \
    --data-binary x
expect "nothing was kept" \
    "$(find "$WORK/state/images" -type f | wc -l)" 0
ask 201 PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
ask 200 PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
http GET "/i/$DIGEST"
expect "image" "$CODE $(digest_of "$WORK/body")" "200 $DIGEST"
has "image" "$(cat "$WORK/headers")" "ETag: \"$DIGEST\""
has "image" "$(cat "$WORK/headers")" immutable
CODE=$(curl -s -m 10 -I "$HTTP/i/$DIGEST" | tr -d '\r' | grep -c \
    -e '^HTTP/1.1 200' -e '^Content-Length: 300000$')
expect "HEAD of an image" "$CODE" 2

# range WANTED HEADER LENGTH [first byte + 1]
range() {
    http GET "/i/$DIGEST" -H "Range: $2"
    expect "range $2" "$CODE $(stat -c %s "$WORK/body")" "$1 $3"
    if [ "$1" = 206 ]; then
        tail -c "+$4" "$WORK/image" | head -c "$3" | cmp -s - "$WORK/body" ||
            fail "range $2: other bytes"
    fi
}
range 206 bytes=0-0 1 1
range 206 bytes=5-9 5 6
range 206 bytes=299999- 1 300000
range 206 bytes=299990-999999 10 299991
range 206 bytes=-7 7 299994
range 206 bytes=-999999 300000 1
range 200 bytes=9-5 300000
range 200 bytes=1-2,4-5 300000
range 200 lines=1-2 300000
range 200 bytes=x-2 300000
http GET "/i/$DIGEST" -H "Range: bytes=300000-"
expect "range past the end" "$CODE" 416
has "range past the end" "$(cat "$WORK/headers")" "bytes */300000"
http GET "/i/$DIGEST" -H "Range: bytes=-0"
expect "range of nothing" "$CODE" 416
http GET "/i/$DIGEST" -H "Range: bytes=0-1" -H "If-Range: \"$DIGEST\""
expect "If-Range, same" "$CODE" 206
http GET "/i/$DIGEST" -H "Range: bytes=0-1" -H 'If-Range: "other"'
expect "If-Range, other" "$CODE" 200
http GET "/i/$DIGEST" -H "If-None-Match: \"$DIGEST\""
expect "If-None-Match" "$CODE" 304

# ---- releases
ask 415 POST /api/v1/releases -H "Content-Type: application/json" -d x
ask 415 POST /api/v1/releases -H "Content-Type:" -d x
ask 411 POST /api/v1/releases -H "Transfer-Encoding: chunked" \
    -H "Content-Type: application/suit-envelope+cose" -d x
head -c 65537 /dev/zero >"$WORK/large"
publish "$WORK/large"
expect "envelope over 64 KiB" "$CODE" 413
: >"$WORK/empty"
publish "$WORK/empty"
expect "empty envelope" "$CODE" 422
for n in 1 2 3 4 5; do
    "$KIT" envelope "$WORK/e$n" "$(manifest $n "$DIGEST" 300000)"
    publish "$WORK/e$n"
    expect "release $n" "$CODE" 201
    has "release $n" "$BODY" "\"sequence_number\":$n,"
    has "release $n" "$BODY" "\"version\":\"1.$n.0\""
done
FIRST=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]*\).*/\1/')
has "Location" "$(cat "$WORK/headers")" "Location: /api/v1/releases/$FIRST"
publish "$WORK/e5"
expect "published again" "$CODE" 200
ask 200 GET "/api/v1/releases/$FIRST"
has "one release" "$BODY" "\"digest\":\"$FIRST\""
has "RFC 3339" "$BODY" "\"published_at\":\"$(date -u +%Y-%m-%dT)"
ask 200 GET "/m/$VENDOR_TEXT/$CLASS_TEXT"
cmp -s "$WORK/body" "$WORK/e5" || fail "newest manifest over HTTP"
http GET "/m/$VENDOR_TEXT/$CLASS_TEXT" -H "If-None-Match: \"$(digest_of "$WORK/e5")\""
expect "newest manifest, known" "$CODE" 304

# ---- paging, while a release is added between the pages
ask 400 GET "/api/v1/releases?limit=0"
ask 400 GET "/api/v1/releases?limit=201"
ask 400 GET "/api/v1/releases?limit=-1"
ask 400 GET "/api/v1/releases?limit=x"
ask 400 GET "/api/v1/releases?limit="
ask 400 GET "/api/v1/releases?cursor=x"
ask 400 GET "/api/v1/releases?cursor=ffffffffffffffff"
seen=
cursor=
for page in 1 2 3; do
    ask 200 GET "/api/v1/releases?limit=2$cursor"
    seen="$seen $(grep -o '"sequence_number":[0-9]*' "$WORK/body" |
        cut -d: -f2 | tr '\n' ' ')"
    next=$(sed 's/.*"next":"\{0,1\}\([0-9a-z]*\).*/\1/' "$WORK/body")
    cursor="&cursor=$next"
    if [ "$page" = 1 ]; then
        "$KIT" envelope "$WORK/e6" "$(manifest 6 "$DIGEST" 300000)"
        publish "$WORK/e6"
    fi
done
expect "pages" "$(echo $seen)" "5 4 3 2 1"
expect "end of the pages" "$next" null
ask 200 GET "/api/v1/devices?limit=1"
expect "no devices" "$BODY" '{"items":[],"next":null}'

# ---- what no token may leave
if grep -q "$TOKEN" "$WORK/log"; then
    fail "the token is in the log"
fi
stop
expect "exit code after SIGTERM" "$STATUS" 0

# ---- one role alone
start "$WORK/state" --role firmware || fail "firmware alone"
ask 404 GET /api/v1/releases
ask 200 PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
stop INT
expect "exit code after SIGINT" "$STATUS" 0
start "$WORK/state" --role tracker || fail "tracker alone"
ask 404 PUT "/api/v1/images/$DIGEST" -T "$WORK/image"
ask 404 GET "/i/$DIGEST"
"$KIT" envelope "$WORK/e7" "$(manifest 7 "$DIGEST" 300000)"
publish "$WORK/e7"
expect "image from a server without images" "$CODE" 422
"$KIT" envelope "$WORK/e8" "$(manifest 8 "$DIGEST" 300000 \
    "coap://images.example/i/$DIGEST")"
publish "$WORK/e8"
expect "image from elsewhere" "$CODE" 201
finish
