#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# strategies.sh - a device for each strategy, made with selvage from the
# examples' templates, boots and is updated; and it stays what it was made for.
. test/device/lib.sh
SELVAGE=$BUILD/bin/selvage
DEVICE=$BUILD/bin/selvage-device
examples=$PWD/examples

"$SELVAGE" --quiet key generate "$WORK/author" || fail "key"
identity="--anchor $WORK/author.pub.pem --vendor example.com --class sensor"

# made EXAMPLE NAME NUMBER TEXT: NAME.suit and app.bin in $WORK/NAME, from the
# template.
made() {
    mkdir -p "$WORK/$2"
    yes "$4" | head -c 30000 >"$WORK/$2/app.bin"
    yes "a loader" | head -c 9000 >"$WORK/$2/loader.bin"
    sed "s/\"sequence-number\": 2/\"sequence-number\": $3/" \
        "$examples/$1/template.json" >"$WORK/$2/template.json"
    (cd "$WORK/$2" && "$SELVAGE" --quiet manifest create \
        --template template.json --key "$WORK/author.pem" \
        -o "$WORK/$2.suit") || fail "manifest create $2"
}

# life STRATEGY EXAMPLE [flags of provision]
life() {
    strategy=$1
    example=$2
    shift 2
    made "$example" first$strategy 1 "one for $strategy"
    made "$example" next$strategy 2 "two for $strategy"
    "$SELVAGE" device provision $identity --strategy $strategy \
        --envelope "$WORK/first$strategy.suit" \
        --image "$WORK/first$strategy/app.bin" "$@" -o "$WORK/$strategy" \
        >"$WORK/out" 2>&1
    expect "$strategy: provision" $? 0
    has "$strategy: provision" "$(cat "$WORK/out")" "; strategy $strategy"
    expect "$strategy: the folder" "$(cat "$WORK/$strategy/strategy")" $strategy
    start "$WORK/s$strategy" || fail "selvaged does not start"
    device "$WORK/$strategy" --run "cmp -s $WORK/first$strategy/app.bin"
    expect "$strategy: first boot" "$STATUS" 10
    has "$strategy: first boot" "$OUT" \
        "boot: slot A, sequence number 1, confirmed"
    "$SELVAGE" --quiet release publish "$WORK/next$strategy.suit" \
        "$WORK/next$strategy/app.bin" --server "$HTTP" \
        --token-file "$WORK/s$strategy/token" || fail "$strategy: publish"
    device "$WORK/$strategy" --run "cmp -s $WORK/next$strategy/app.bin"
    expect "$strategy: update" "$STATUS" 0
    has "$strategy: update" "$OUT" "sequence number 2, confirmed"
    device "$WORK/$strategy" --strategy $strategy
    expect "$strategy: named" "$STATUS" 10
    stop
    # Another one is not tried, and nothing is written.
    before=$(sha256sum <"$WORK/$strategy/flash.bin")
    for other in ab swap overwrite ram loader; do
        [ $other = $strategy ] && continue
        timeout 20 "$DEVICE" --state "$WORK/$strategy" --once \
            --strategy $other --server coap://127.0.0.1:9 >"$WORK/out" 2>&1
        expect "$strategy as $other" $? 3
        has "$strategy as $other" "$(cat "$WORK/out")" \
            "provisioned for the strategy $strategy, not for $other"
    done
    expect "$strategy: untouched" "$(sha256sum <"$WORK/$strategy/flash.bin")" \
        "$before"
}
life swap staged-swap
life overwrite staged-overwrite
life ram load-into-ram
mkdir "$WORK/l"
yes "a loader" | head -c 9000 >"$WORK/l/loader.bin"
cp "$examples/one-slot-and-loader/loader.json" "$WORK/l"
(cd "$WORK/l" && "$SELVAGE" --quiet manifest create --template loader.json \
    --key "$WORK/author.pem" -o loader.suit) || fail "manifest create loader"
life loader one-slot-and-loader --loader "$WORK/l/loader.bin" \
    --loader-envelope "$WORK/l/loader.suit"

# ab is what it is when nothing is said.
made one-slot-and-loader plain 1 "plain"
"$SELVAGE" --quiet device provision $identity --envelope "$WORK/plain.suit" \
    --image "$WORK/plain/app.bin" -o "$WORK/ab" || fail "ab: provision"
expect "ab: the folder" "$(cat "$WORK/ab/strategy")" ab
timeout 20 "$DEVICE" --state "$WORK/ab" --strategy swap --once \
    --server coap://127.0.0.1:9 >"$WORK/out" 2>&1
expect "ab as swap" $? 3
# A folder that says nothing, as an older one, is what the flag says.
rm "$WORK/swap/strategy"
timeout 20 "$DEVICE" --state "$WORK/swap" --strategy swap --once \
    --server coap://127.0.0.1:9 >"$WORK/out" 2>&1
has "an older folder" "$(cat "$WORK/out")" "sequence number 2, confirmed"
for text in "" sideways swapswapswapswapswap; do
    echo "$text" >"$WORK/ab/strategy"
    timeout 20 "$DEVICE" --state "$WORK/ab" --once \
        --server coap://127.0.0.1:9 >"$WORK/out" 2>&1
    expect "strategy file '$text'" $? 3
    has "strategy file '$text'" "$(cat "$WORK/out")" "does not name a strategy"
done

# A first manifest that another strategy's bootloader wants is refused in the
# factory, and leaves nothing.
wrong() {
    "$SELVAGE" device provision $identity --strategy "$1" \
        --envelope "$WORK/$2.suit" --image "$WORK/$2/app.bin" -o "$WORK/wrong" \
        >"$WORK/out" 2>&1
    expect "$2 for $1" $? 1
    has "$2 for $1" "$(cat "$WORK/out")" "$3"
    [ ! -e "$WORK/wrong" ] || fail "$2 for $1 leaves a folder"
}
wrong swap plain "would not boot with the strategy swap"
wrong swap plain "examples/staged-swap"
wrong overwrite plain "would not boot with the strategy overwrite"
wrong ram plain "its load section must bring the image into RAM"
wrong ab firstram "component id that the device lacks"
wrong swap firstram "component id that the device lacks"
usage() {
    "$SELVAGE" device provision $identity "$@" -o "$WORK/wrong" \
        >"$WORK/out" 2>&1
    expect "usage: $*" $? 2
    [ ! -e "$WORK/wrong" ] || fail "usage: $* leaves a folder"
}
usage --strategy sideways
usage --strategy loader
usage --strategy swap --loader "$WORK/l/loader.bin" \
    --loader-envelope "$WORK/l/loader.suit"
# What is there stays, and the message says how to replace it.
"$SELVAGE" device provision $identity --strategy ram -o "$WORK/swap" \
    >"$WORK/out" 2>&1
expect "over a device" $? 3
has "over a device" "$(cat "$WORK/out")" "--force"
[ ! -e "$WORK/swap/strategy" ] || fail "over a device: the strategy changed"
"$SELVAGE" --quiet device provision $identity --strategy ram --force \
    -o "$WORK/swap" || fail "--force"
expect "--force" "$(cat "$WORK/swap/strategy")" ram
finish
