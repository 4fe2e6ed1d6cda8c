#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sources.sh - what selvage-device fetches from, without the device: folders
# and web servers, good ones, and all the ways in which they can fail or lie.
. test/device/lib.sh
. test/device/web_lib.sh
GET=$BUILD/test/device_source_get

mkdir -p "$WORK/tree/i" "$WORK/tree/m/v" "$WORK/outside"
head -c 100000 /dev/urandom >"$WORK/tree/i/long"
head -c 700 /dev/urandom >"$WORK/tree/m/v/c"
: >"$WORK/tree/i/empty"
cp "$WORK/tree/i/long" "$WORK/outside/secret"
ln -s ../../outside/secret "$WORK/tree/i/link"
ln -s ../outside "$WORK/tree/way"
mkfifo "$WORK/tree/i/pipe"

# get URI PATH OFFSET LEN...: sets STATUS and OUT; the bytes are in $WORK/got.
get() {
    get_uri=$1
    get_path=$2
    shift 2
    timeout 60 "$GET" $GET_FLAGS "$get_uri" "$get_path" "$WORK/got" "$@" \
        >"$WORK/out" 2>&1
    STATUS=$?
    OUT=$(cat "$WORK/out")
}
GET_FLAGS=

# good WHAT FILE FIRST COUNT: it went well, and brought these bytes.
good() {
    tail -c +$(($3 + 1)) "$2" | head -c "$4" >"$WORK/wanted"
    if [ "$STATUS" = 0 ] && cmp -s "$WORK/wanted" "$WORK/got"; then
        pass
    else
        fail "$1: status $STATUS, $(stat -c %s "$WORK/got") bytes: $OUT"
    fi
}

# bad WHAT WORDS: it failed, for that reason.
bad() {
    expect "$1: status" "$STATUS" 1
    has "$1" "$OUT" "$2"
}

long=$WORK/tree/i/long

# What any source does: all, parts, to the end, across the end, in two halves.
fair() {
    get "$2" /i/long 0 100000
    good "$1: all" "$long" 0 100000
    has "$1: all" "$OUT" "done 100000 of 100000"
    get "$2" /i/long 0 4294967295
    good "$1: no end" "$long" 0 100000
    get "$2" /i/long 4096 4096 8192 1 8193 20000
    good "$1: parts" "$long" 4096 24097
    get "$2" /i/long 99990 1000
    good "$1: across the end" "$long" 99990 10
    get "$2" /i/long '0' '60000!' 50000 50000
    has "$1: cancelled" "$OUT" "cancelled at"
    has "$1: and on" "$OUT" "done 50000 of 100000"
    get "$2" /m/v/c 0 2048
    good "$1: short" "$WORK/tree/m/v/c" 0 700
    get "$2" /i/none 0 10
    bad "$1: none" "SELV_ERR_COAP_CODE 4.04"
    get "$2" /i/long 100001 10
    bad "$1: past the end" "SELV_ERR_COAP_BLOCK"
    for path in "" i /i/../i/long /i/./long //i/long /i//long /.. /%2e%2e/x \
        /i/%2E./x '/i/a b' '/i/<x>' '/i/x#y' /i/; do
        get "$2" "$path" 0 10
        bad "$1: path '$path'" "SELV_ERR_SUIT_URI"
    done
}

# ---- a folder
folder=file://$WORK/tree
fair "folder" "$folder"
fair "folder/" "$folder/"
get "$folder" /i/empty 0 10
expect "an empty file" "$STATUS: $OUT" "0: done 0 of 0"
get "$folder" /i/link 0 10
bad "a link" "is a symbolic link"
get "$folder" /way/secret 0 10
bad "a link on the way" "is a symbolic link"
get "$folder" /i/pipe 0 10
bad "a pipe" "it is no file"
get "$folder" /i 0 10
bad "a folder" "it is no file"
get "$folder" /i/long/x 0 10
bad "below a file" "SELV_ERR_COAP_CODE 4.04"
get "$folder" '/i/long?x' 0 10
bad "a query" "neither % nor ?"
get "file://$WORK/none" /i/long 0 10
bad "no such folder" "SELV_ERR_COAP_TIMEOUT"
get "file://$WORK/tree/i/long" /x 0 10
bad "a file for a folder" "SELV_ERR_COAP_TIMEOUT"
ln -s tree "$WORK/stick"
get "file://$WORK/stick" /i/long 0 100
good "the folder itself behind a link" "$long" 0 100
if [ "$(id -u)" != 0 ]; then
    cp "$long" "$WORK/tree/i/closed"
    chmod 0 "$WORK/tree/i/closed"
    get "$folder" /i/closed 0 10
    bad "not for us" "SELV_ERR_COAP_CODE 4.03"
fi
for uri in file://tree file:tree ftp://127.0.0.1/ http:// http://user@host/ \
    'http://127.0.0.1/?x' 'http://127.0.0.1:99999' 'http://a b/' ''; do
    get "$uri" /i/long 0 10
    expect "'$uri': status" "$STATUS" 2
    has "'$uri'" "$OUT" "refused: '$uri'"
done

# ---- a web server that misbehaves
bad_web fair "$WORK/tree"
fair "web" "$WEB"
web_stop
get "$WEB" /i/long 0 10
bad "nobody there" "SELV_ERR_COAP_TIMEOUT"
get http://no-such-host.invalid /i/long 0 10
bad "no such host" "SELV_ERR_COAP_TIMEOUT"

# whole: a range is answered with everything.
bad_web whole "$WORK/tree"
get "$WEB" /i/long 50000 1000 98000 10000
tail -c +50001 "$long" | head -c 1000 >"$WORK/halves"
tail -c +98001 "$long" >>"$WORK/halves"
good "whole" "$WORK/halves" 0 3000
get "$WEB" /i/long 100001 10
bad "whole: past the end" "it has 100000 bytes"
web_stop

# lie MODE WORDS [FIRST]: a fetch in the middle fails.
lie() {
    bad_web "$1" "$WORK/tree"
    get "$WEB" /i/long "${3:-40000}" 30000
    bad "$1" "$2"
    web_stop
}
lie other-range "another range than asked for"
lie long-range "another range than asked for"
lie no-range "another range than asked for"
lie word-range "another range than asked for"
lie parts "another range than asked for"
lie few "SELV_ERR_COAP_BLOCK"
lie gzip "compressed, unasked"
lie break "SELV_ERR_COAP_TIMEOUT"
lie endless "does not end"
lie loop "more than 3 redirects"
lie away "which is not followed"
lie nothing "204 makes no sense"
lie same "304 makes no sense"
lie none "SELV_ERR_COAP_CODE 4.04"
lie never "SELV_ERR_COAP_CODE 4.03"
lie busy "trouble of its own (503)"
lie past "SELV_ERR_COAP_BLOCK"
lie noise "SELV_ERR_COAP_TIMEOUT"
GET_FLAGS="--slow 2"
lie stall "SELV_ERR_COAP_TIMEOUT"
lie mute "SELV_ERR_COAP_TIMEOUT"
lie trickle "SELV_ERR_COAP_TIMEOUT"
GET_FLAGS=

bad_web here "$WORK/tree"
get "$WEB" /i/long 40000 30000
good "a redirect to the same server" "$long" 40000 30000
web_stop
# Not told how long it is: what is too much is left.
bad_web longer "$WORK/tree"
get "$WEB" /i/long 0 100000
good "longer than it says" "$long" 0 100000
web_stop

# Content that changes between two parts: seen; the same file put there again
# is seen, too, and the next try goes on.
for mode in switch retag; do
    bad_web $mode "$WORK/tree"
    get "$WEB" /i/long 0 50000 50000 50000 50000 50000
    has "$mode" "$OUT" "SELV_ERR_COAP_ETAG 0.00"
    has "$mode: again" "$OUT" "done 50000 of 100000"
    web_stop
done
# A connection that always breaks: what came is kept, the rest is asked for.
bad_web breaks "$WORK/tree"
get "$WEB" /i/long 0 100000
has "breaks" "$OUT" "SELV_ERR_COAP_TIMEOUT"
expect "breaks: what came" "$(stat -c %s "$WORK/got")" 20000
web_stop

# ---- nginx
if nginx_start "$WORK/tree"; then
    fair "nginx" "$WEB"
    get "$WEB" /i/empty 0 10
    expect "nginx: an empty file" "$STATUS: $OUT" "0: done 0 of 0"
    web_stop
    nginx_start "$WORK/tree" "max_ranges 0;" && fair "nginx, no ranges" "$WEB"
    web_stop
    nginx_start "$WORK/tree" \
        "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;" &&
        fair "nginx with gzip" "$WEB"
    web_stop
    # A folder on the server: names are below the URI.
    mkdir -p "$WORK/up/fleet"
    ln -s "$WORK/tree/i" "$WORK/up/fleet/i"
    nginx_start "$WORK/up" && get "$WEB/fleet/" /i/long 0 100
    good "nginx: a folder of it" "$long" 0 100
    web_stop
else
    echo "nginx is not here (tools/deps brings it): not tested with it"
fi

# ---- selvaged
start "$WORK/s" || fail "selvaged does not start"
digest=$(digest_of "$long")
api PUT "/api/v1/images/$digest" --data-binary "@$long" -H "Content-Type:"
get "$HTTP" "/i/$digest" 0 100000
good "selvaged: all" "$long" 0 100000
get "$HTTP" "/i/$digest" 4096 4096 8192 1 8193 20000
good "selvaged: parts" "$long" 4096 24097
get "$HTTP" "/i/$digest" 99990 1000
good "selvaged: across the end" "$long" 99990 10
get "$HTTP" "/i/$digest" 100000 10
bad "selvaged: past the end" "SELV_ERR_COAP_BLOCK"
get "$HTTP" "/m/$VENDOR_TEXT/$CLASS_TEXT" 0 2048
bad "selvaged: no release" "SELV_ERR_COAP_CODE 4.04"
get "$HTTP" "/api/v1/devices" 0 2048
bad "selvaged: not for devices" "SELV_ERR_COAP_CODE 4.03"
stop
finish
