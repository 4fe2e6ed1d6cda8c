#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: qblock.sh [ours|client|server]
#
# Our Q-Block [RFC 9177] against itself over loopback, and against libcoap's:
# what tools/deps unpacked, as Debian 12's own has none, or Debian 13's.
# COAP_CLIENT and COAP_SERVER name other programs (or commands that run them).
# Exit code 77: ours passed, and there is no libcoap to meet.
set -u
build=${SELVAGE_BUILD:-build}
ours=$build/test/coap_qblock
libcoap=${SELVAGE_DEPS:-.deps}/libcoap
if [ -x "$libcoap/coap-client" ]; then
    client=${COAP_CLIENT:-$libcoap/coap-client}
    server=${COAP_SERVER:-$libcoap/coap-server}
fi
client=${COAP_CLIENT:-${client:-coap-client-notls}}
server=${COAP_SERVER:-${server:-coap-server-notls}}

# Most of the time is spent on the waiting of RFC 9177: all parts at once.
if [ $# -eq 0 ]; then
    all=$(mktemp -d) || exit 3
    trap 'rm -rf "$all"' EXIT
    for part in ours client server; do
        { sh "$0" $part >"$all/$part" 2>&1; echo $? >"$all/$part.code"; } &
    done
    wait
    code=0
    for part in ours client server; do
        cat "$all/$part"
        got=$(cat "$all/$part.code")
        if [ "$got" -ne 0 ] && { [ "$got" -ne 77 ] || [ $code -eq 0 ]; }; then
            code=$got
        fi
    done
    exit $code
fi

dir=$(mktemp -d) || exit 3
pids=
stop()
{
    for pid in $pids; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 3' INT TERM

failed=0
# equal NAME WANT GOT: the verdict on one case
equal()
{
    if cmp -s "$2" "$3"; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        failed=$((failed + 1))
    fi
}

# says NAME PATTERN FILE: the same, by what a program said
says()
{
    if grep -q "$2" "$3"; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        cat "$3"
        failed=$((failed + 1))
    fi
}

# our_server [PROGRAM]: starts it, and sets port
our_server()
{
    : >"$dir/log"
    "$@" "$dir/long" "$dir/taken" >"$dir/log" &
    pids="$pids $!"
    tries=0
    until grep -q listening "$dir/log"; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || { echo "our server does not start"; exit 3; }
        sleep 0.1
    done
    port=$(sed -n 's/^listening //p' "$dir/log")
    uri=coap://127.0.0.1:$port
}

# 40011 bytes: four sets of 1024, no multiple of any block.
head -c 40011 /dev/urandom >"$dir/long"

part_ours()
{
    our_server "$ours" serve
    for szx in 4 6; do
        rm -f "$dir/got" "$dir/taken"
        "$ours" get $szx "$uri/file" "$dir/got" >"$dir/say"
        equal "GET, SZX $szx" "$dir/long" "$dir/got"
        says "  by Q-Block" 'done 2.05 q-block' "$dir/say"
        "$ours" put $szx "$uri/up" "$dir/long" >"$dir/say"
        equal "PUT, SZX $szx" "$dir/long" "$dir/taken"
        says "  by Q-Block" 'done 2.04 q-block' "$dir/say"
    done
    rm -f "$dir/got" "$dir/taken"
    LOSE=3,12,13,30 "$ours" get 6 "$uri/file" "$dir/got" >"$dir/say"
    equal "GET, four of the answers lost" "$dir/long" "$dir/got"
    our_server env LOSE=4,5,17 "$ours" serve
    "$ours" put 6 "$uri/up" "$dir/long" >"$dir/say"
    equal "PUT, three of the requests lost" "$dir/long" "$dir/taken"

    # A server that does not know the options.
    our_server "$build/test/coap_serve"
    rm -f "$dir/got" "$dir/taken"
    "$ours" get 6 "$uri/file" "$dir/got" >"$dir/say"
    equal "GET from a server without Q-Block" "$dir/long" "$dir/got"
    says "  in plain blocks" 'done 2.05 blocks' "$dir/say"
    "$ours" put 6 "$uri/up" "$dir/long" >"$dir/say"
    equal "PUT to a server without Q-Block" "$dir/long" "$dir/taken"
    says "  in plain blocks" 'done 2.04 blocks' "$dir/say"
}

# ---- libcoap ----

knows_qblock()
{
    our_server "$ours" serve
    $client -L 5 -N -v 7 -B 5 -b 1024 -o "$dir/got" "$uri/file" \
        >"$dir/say" 2>&1
    if ! grep -qa 'Testing for Q-Block' "$dir/say"; then
        echo "skipped: libcoap: '$client' is missing, or knows no Q-Block" \
            "(tools/deps unpacks one that does)"
        exit 77
    fi
}

# their_get NAME ARGUMENTS, their_put NAME ARGUMENTS: by libcoap from and to ours
their_get()
{
    name=$1
    shift
    rm -f "$dir/got"
    timeout 60 $client -L 5 -B 50 -b 1024 -o "$dir/got" "$@" "$uri/file" \
        >"$dir/say" 2>&1
    equal "libcoap GET from ours, $name" "$dir/long" "$dir/got"
}
their_put()
{
    name=$1
    shift
    rm -f "$dir/taken"
    timeout 60 $client -L 5 -B 50 -b 1024 -m put -t 42 -f "$dir/long" "$@" \
        "$uri/up" >"$dir/say" 2>&1
    equal "libcoap PUT to ours, $name" "$dir/long" "$dir/taken"
}
part_client()
{
    knows_qblock
    their_get "non-confirmable" -N
    says "  by Q-Block" 'Q-Block2$' "$dir/log"
    their_get "confirmable"
    their_put "non-confirmable" -N
    says "  by Q-Block" 'Q-Block1$' "$dir/log"
    their_put "confirmable"
    their_put "its packets 4, 5 and 12 lost" -N -l 4,5,12
    our_server env LOSE=4,9 "$ours" serve
    their_get "two of its words to go on lost" -N
}

# their_server ARGUMENTS: starts libcoap's, and sets port
their_server()
{
    tries=0
    port=0
    while [ $tries -lt 10 ] && [ "$port" -eq 0 ]; do
        tries=$((tries + 1))
        try=$((20000 + ($$ * 7 + tries * 613) % 40000))
        $server -A 127.0.0.1 -p $try -d 20 "$@" >"$dir/srv" 2>&1 &
        pid=$!
        sleep 0.5
        if kill -0 $pid 2>/dev/null; then
            pids="$pids $pid"
            port=$try
        fi
    done
    [ "$port" -ne 0 ] || { echo "libcoap's server does not start"; exit 3; }
}

part_server()
{
    knows_qblock
    their_server -L 5
    uri=coap://127.0.0.1:$port
    for szx in 4 6; do
        "$ours" put $szx "$uri/data$szx" "$dir/long" >"$dir/say"
        says "PUT to libcoap, SZX $szx" 'done 2.0[14] q-block' "$dir/say"
        rm -f "$dir/got"
        "$ours" get $szx "$uri/data$szx" "$dir/got" >"$dir/say"
        equal "GET from libcoap, SZX $szx" "$dir/long" "$dir/got"
        says "  by Q-Block" 'done 2.05 q-block' "$dir/say"
    done
    rm -f "$dir/got"
    LOSE=3,12,13,30 "$ours" get 6 "$uri/data6" "$dir/got" >"$dir/say"
    equal "GET from libcoap, four of its answers lost" "$dir/long" "$dir/got"
    their_server -L 5 -l 3,14,15
    uri=coap://127.0.0.1:$port
    "$ours" put 6 "$uri/up" "$dir/long" >"$dir/say"
    says "PUT to libcoap, three of its packets lost" 'done 2.0[14] q-block' "$dir/say"
}

part_"$1"
[ $failed -eq 0 ] || { echo "$failed failed"; exit 1; }
