#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# names.sh - servers by name, with a resolver of ours: a name's first address
# is of no use and its second one is the server; and a resolver that is dead,
# which holds up whatever comes from other servers once, not all the time. Over
# UDP and over TCP.
. test/device/lib.sh
RESOLVER=$(cd "$BUILD" && pwd)/test/libdevice_resolver.so

release one 1 20000
release two 2 20000
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || { cat "$WORK/log"; exit 1; }
PORT=${COAP##*:}
# By a name a device says Uri-Host, which a server of several would look at.
TCP=$(sed 's,.*coap+tcp://\([^ "]*\).*,\1,' "$WORK/ready")
HERE=$COAP
offer one
offer two

# updates WHAT URI [OPTION...]: a fresh device; how often it looked names up
# is in $WORK/looks.
updates() {
    what=$1
    COAP=$2
    shift 2
    rm -rf "$WORK/d" "$WORK/looks"
    "$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
    export SELV_RESOLVER_LOG="$WORK/looks" LD_PRELOAD="$RESOLVER" \
        ASAN_OPTIONS=verify_asan_link_order=0
    device "$WORK/d" "$@"
    unset SELV_RESOLVER_LOG LD_PRELOAD ASAN_OPTIONS
    expect "$what: exit code" "$STATUS" 0
    has "$what" "$OUT" "boot: slot B, sequence number 2, confirmed"
    [ "$STATUS" = 0 ] || echo "$OUT"
}

updates "UDP, second address" "coap://two.example:$PORT"
expect "looked up" "$(grep -c two "$WORK/looks")" 1
updates "TCP, second address" "coap+tcp://two.example:${TCP##*:}"
expect "looked up" "$(grep -c two "$WORK/looks")" 1
updates "TCP, dead resolver" "coap+tcp://dead.example" --server "$HERE"
expect "looked up" "$(grep -c dead "$WORK/looks")" 1
stop
finish
