#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# bad_server.sh - servers that lie about the image: refused by name, and
# what boots stays; a good server afterwards ends the matter.
. test/device/lib.sh

release one 1 20000
release two 2 50000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
boot_line "$WORK/d" >/dev/null

# bad MODE REASON
bad() {
    before=$(boot_digest "$WORK/d" A)
    hostile "$1" two
    device "$WORK/d"
    expect "$1: status" "$STATUS" "${3:-11}"
    has "$1: reason" "$OUT" "update failed"
    has "$1: reason" "$OUT" "($2"
    hostile_stop
    expect "$1: what boots" "$(boot_digest "$WORK/d" A)" "$before"
}

bad garbage SELV_ERR_SUIT_IMAGE
bad other-block SELV_ERR_COAP_BLOCK
bad other-etag SELV_ERR_COAP_ETAG
bad short SELV_ERR_UPDATE_SIZE
bad long SELV_ERR_UPDATE_SIZE
bad error SELV_ERR_COAP_CODE 3

hostile double two
device "$WORK/d"
expect "double" "$STATUS" 0
has "double" "$OUT" "accepted 2, floor 2"
hostile_stop
finish
