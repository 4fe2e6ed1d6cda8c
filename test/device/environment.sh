#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# environment.sh - arguments, folders, servers that are not there, signals
# and kill -9.
. test/device/lib.sh
DEVICE=$BUILD/bin/selvage-device

release one 1 20000
release two 2 258048
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"

# usage WHAT [flags]: exit 2 and one line on stderr.
usage() {
    what=$1
    shift
    "$DEVICE" "$@" >"$WORK/out" 2>"$WORK/err"
    expect "$what" "$?" 2
    expect "$what: lines" "$(wc -l <"$WORK/err")" 1
    expect "$what: nothing on stdout" "$(wc -c <"$WORK/out")" 0
}
usage "no arguments"
usage "no state" --server coap://127.0.0.1:5683
usage "no server" --state "$WORK/d"
usage "unknown" --state "$WORK/d" --server coap://127.0.0.1:5683 --fast
has "unknown" "$(cat "$WORK/err")" "--fast: no such option"
usage "letters" --state "$WORK/d" -vq --server coap://127.0.0.1:5683
has "letters" "$(cat "$WORK/err")" "-v: no such option"
usage "an argument" --state "$WORK/d" --server coap://127.0.0.1:5683 x
has "an argument" "$(cat "$WORK/err")" "x: there are only options"
usage "no value" --state "$WORK/d" --server
has "no value" "$(cat "$WORK/err")" "--server: a value is missing"
for poll in 0 -1 x 1x 99999999999 ''; do
    usage "--poll '$poll'" --state "$WORK/d" --server coap://127.0.0.1 \
        --poll "$poll"
done
for uri in ftp://127.0.0.1 http:// http://user@host 'http://host/?x' \
    file:media file://media coaps://127.0.0.1 127.0.0.1 coap:// '' \
    coap://127.0.0.1/x coap://127.0.0.1:0x10 coap://127.0.0.1:65536; do
    usage "server $uri" --state "$WORK/d" --server "$uri"
    has "server $uri" "$(cat "$WORK/err")" "'$uri'"
done
usage "eight servers" --state "$WORK/d" --server file:///1 --server file:///2 \
    --server file:///3 --server file:///4 --server file:///5 \
    --server file:///6 --server file:///7 --server file:///8
has "eight servers" "$(cat "$WORK/err")" "more than seven"
"$DEVICE" --help >"$WORK/out" || fail "--help"
has "--help" "$(cat "$WORK/out")" "usage: selvage-device"
"$DEVICE" -h >"$WORK/out" || fail "-h"
has "-h" "$(cat "$WORK/out")" "usage: selvage-device"
"$DEVICE" --version >"$WORK/out" || fail "--version"
has "--version" "$(cat "$WORK/out")" "selvage-device "

# environment WHAT WORDS [flags]: exit 3 and words that help.
environment() {
    what=$1
    words=$2
    shift 2
    timeout 60 "$DEVICE" --once "$@" >"$WORK/out" 2>"$WORK/err"
    expect "$what" "$?" 3
    has "$what" "$(cat "$WORK/err")" "$words"
}
environment "no such folder" "provision a device first" \
    --state "$WORK/none" --server coap://127.0.0.1:5683
mkdir "$WORK/empty" "$WORK/short" "$WORK/blank"
environment "empty folder" "provision a device first" \
    --state "$WORK/empty" --server coap://127.0.0.1:5683
echo short >"$WORK/short/flash.bin"
environment "not a flash" "is not a device's flash" \
    --state "$WORK/short" --server coap://127.0.0.1:5683
head -c 557056 /dev/zero | tr '\0' '\377' >"$WORK/blank/flash.bin"
environment "blank flash" "provision a device first" \
    --state "$WORK/blank" --server coap://127.0.0.1:5683
environment "unknown name" "no-such-host.invalid" --state "$WORK/d" \
    --server coap://no-such-host.invalid
environment "nobody listens" "is selvaged running" --state "$WORK/d" \
    --server coap://127.0.0.1:9

# Two processes on one folder.
start "$WORK/s" || fail "selvaged does not start"
"$DEVICE" --state "$WORK/d" --server "$COAP" --poll 1 >"$WORK/long" 2>&1 &
LONG=$!
sleep 1.5
environment "in use" "another process runs this device" --state "$WORK/d" \
    --server "$COAP"
has "looks" "$(cat "$WORK/long")" "nothing new"
kill -TERM $LONG
wait $LONG
expect "SIGTERM" "$?" 0

# kill -9 at many moments of an update: the next run goes on.
offer two
kills=0
resumed=0
for delay in 0.01 0.02 0.03 0.04 0.01 0.02 0.03 0.04 0.01 0.02 0.03 0.04; do
    rm -f "$WORK/out"
    "$DEVICE" --state "$WORK/d" --server "$COAP" --once >"$WORK/out" 2>&1 &
    LONG=$!
    tries=0
    while [ ! -s "$WORK/out" ] && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    sleep $delay
    if kill -9 $LONG 2>/dev/null; then
        kills=$((kills + 1))
    fi
    wait $LONG 2>/dev/null
    has "a device" "$(head -1 "$WORK/out")" "boot: slot"
    if grep -q "again from" "$WORK/out"; then
        resumed=$((resumed + 1))
    fi
done
device "$WORK/d"
case $STATUS in
0 | 10) pass ;;
*) fail "after kills: status $STATUS: $OUT" ;;
esac
has "after kills" "$(boot_line "$WORK/d")" "slot B, sequence number 2, confirmed"
echo "$kills kills, $resumed resumed"
stop
finish
