#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# chunks.sh - a release with chunk lists over real sockets: the list is fetched
# and used.
. test/device/lib.sh

# list IMAGE BYTES: IMAGE.list, chunks of 4096 bytes.
list() {
    {
        printf '\x01\x0c\x00\x00'
        printf '%b' "$(printf '%08x' "$2" | sed 's/../\\x&/g')"
        for ((at = 0; at < $2; at += 4096)); do
            printf '%b' "$(tail -c +$((at + 1)) "$1" | head -c 4096 |
                sha256sum | cut -d' ' -f1 | sed 's/../\\x&/g')"
        done
    } >"$1.list"
}

# listed NAME NUMBER BYTES: as release, with lists, offered to the tracker.
listed() {
    release "$1" "$2" "$3"
    text=$(ab_manifest "$2" "$(digest_of "$WORK/$1.a")" "$3" \
        "$(digest_of "$WORK/$1.b")" "$3")
    for slot in a b; do
        image=$(digest_of "$WORK/$1.$slot")
        list "$WORK/$1.$slot" "$3"
        digest=$(digest_of "$WORK/$1.$slot.list")
        len=$(wc -c <"$WORK/$1.$slot.list")
        text=${text/"{21: \"/i/$image\"}"/"{21: \"/i/$image\", -21316: [<<[-16, h'$digest']>>, $len]}"}
        api PUT "/api/v1/images/$digest" \
            --data-binary "@$WORK/$1.$slot.list" -H "Content-Type:"
        expect "list of $1.$slot" "$CODE" 201
    done
    "$KIT" envelope "$WORK/$1.suit" "$text" || fail "kit: release $1"
    offer "$1"
}

release one 1 20000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
"$KIT" anchor "$WORK/anchor"
start "$WORK/s" --key "$WORK/anchor" || fail "selvaged does not start"

listed two 2 60000
device "$WORK/d" --run "cmp -s $WORK/two.b"
expect "with a list" "$STATUS" 0
has "with a list" "$OUT" "boot: slot B, sequence number 2, confirmed"
# Behind the image in slot B, in whole sectors, lies its list: it was used.
cmp -s <(tail -c +$(((73 + 15) * 4096 + 1)) "$WORK/d/flash.bin" |
    head -c "$(wc -c <"$WORK/two.b.list")") "$WORK/two.b.list" ||
    fail "no list behind the image"

stop
finish
