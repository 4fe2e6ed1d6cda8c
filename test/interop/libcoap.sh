#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Our client and server against those of libcoap (Debian: libcoap3-bin), over
# loopback. libcoap's client exits 0 whatever happens, so each case is judged
# by the bytes that arrived. Exit code 77: libcoap is not installed.
set -u
build=${SELVAGE_BUILD:-build}
get=$build/test/coap_get
serve=$build/test/coap_serve
watch=$build/test/coap_watch
for tool in coap-client-notls coap-server-notls; do
    if ! command -v $tool >/dev/null; then
        echo "skipped: $tool is missing (apt-get install libcoap3-bin)"
        exit 77
    fi
done

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
        cmp "$2" "$3"
        failed=$((failed + 1))
    fi
}

# 20011 bytes: no multiple of any block. The last byte is not a newline.
head -c 20011 /dev/urandom >"$dir/long"
head -c 1024 /dev/urandom >"$dir/block"
printf 'late' >"$dir/late"
printf 'done' >"$dir/done"

# our_server GIVE [SZX]: starts ours, and sets port
our_server()
{
    : >"$dir/log"
    rm -f "$dir/taken"
    "$serve" "$1" "$dir/taken" ${2:-6} >"$dir/log" &
    pids="$pids $!"
    tries=0
    until grep -q listening "$dir/log"; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || { echo "our server does not start"; exit 3; }
        sleep 0.1
    done
    port=$(sed -n 's/^listening //p' "$dir/log")
}

# their_client NAME WANT ARGUMENTS: GET by libcoap
their_client()
{
    name=$1
    want=$2
    shift 2
    rm -f "$dir/got"
    timeout 60 coap-client-notls -B 50 -o "$dir/got" "$@" >"$dir/client" 2>&1
    equal "$name" "$want" "$dir/got"
}

# their_put NAME FILE ARGUMENTS: PUT by libcoap to ours
their_put()
{
    name=$1
    file=$2
    shift 2
    rm -f "$dir/taken"
    timeout 60 coap-client-notls -B 50 -m put -t 42 -f "$file" "$@" \
        >"$dir/client" 2>&1
    equal "$name" "$file" "$dir/taken"
}

our_server "$dir/long"
uri=coap://127.0.0.1:$port
for size in 16 64 1024; do
    their_client "libcoap GET from ours, blocks of $size" "$dir/long" \
        -b $size "$uri/file"
    their_put "libcoap PUT to ours, blocks of $size" "$dir/long" \
        -b $size "$uri/up"
done
their_client "libcoap GET from ours, no size asked" "$dir/long" "$uri/file"
their_put "libcoap PUT to ours, one block" "$dir/block" -b 1024 "$uri/up"
their_client "libcoap GET from ours, non-confirmable" "$dir/long" \
    -N -b 1024 "$uri/file"
their_client "libcoap GET from ours, separate response" "$dir/late" "$uri/later"
their_client "libcoap GET from ours, its packets 2 and 5 lost" "$dir/long" \
    -l 2,5 -b 1024 "$uri/file"
their_put "libcoap PUT to ours, its packets 2 and 5 lost" "$dir/long" \
    -l 2,5 -b 1024 "$uri/up"
printf '</file>;rt="test.file";ct=42,</up>;rt="test.up",</later>;ct=0' \
    >"$dir/links"
their_client "libcoap discovers ours" "$dir/links" "$uri/.well-known/core"
their_client "libcoap discovers ours in blocks of 16" "$dir/links" -b 16 \
    "$uri/.well-known/core"
printf '</up>;rt="test.up"' >"$dir/links"
their_client "libcoap discovers ours by rt" "$dir/links" \
    "$uri/.well-known/core?rt=test.up"

our_server "$dir/long" 2
uri=coap://127.0.0.1:$port
their_client "libcoap GET, ours gives 64 only" "$dir/long" -b 1024 "$uri/file"
their_put "libcoap PUT, ours takes 64 only" "$dir/long" -b 1024 "$uri/up"

# their_server ARGUMENTS: starts libcoap's on a free port, and sets port. A
# port that is taken shows by silence, then the next is tried.
their_server()
{
    tries=0
    while [ $tries -lt 10 ]; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000))
        coap-server-notls -A 127.0.0.1 -p $port -d 10 "$@" \
            >"$dir/server" 2>&1 &
        their_pid=$!
        pids="$pids $their_pid"
        sleep 0.3
        if kill -0 $their_pid 2>/dev/null &&
            "$get" get 6 "coap://127.0.0.1:$port/" "$dir/root" >/dev/null; then
            return
        fi
        tries=$((tries + 1))
    done
    echo "libcoap's server does not start"
    cat "$dir/server"
    exit 3
}

# our_put NAME FILE SZX PATH, then our_get the same
our_put()
{
    "$get" put "$3" "coap://127.0.0.1:$port/$4" "$2" >"$dir/client" ||
        { echo "FAILED  $1: $(cat "$dir/client")"; failed=$((failed + 1)); }
}
our_get()
{
    rm -f "$dir/got"
    "$get" get "$3" "coap://127.0.0.1:$port/$4" "$dir/got" >"$dir/client" ||
        cat "$dir/client"
    equal "$1" "$2" "$dir/got"
}

their_server
for szx in 0 2 6; do
    our_put "our PUT to libcoap, SZX $szx" "$dir/long" $szx data$szx
    our_get "our PUT to libcoap and GET back, SZX $szx" "$dir/long" $szx \
        data$szx
done
our_get "our GET from libcoap, other SZX than PUT" "$dir/long" 4 data2
for szx in 2 4 6; do
    rm -f "$dir/got"
    "$get" fetch $szx "coap://127.0.0.1:$port/data6" "$dir/got" \
        >"$dir/client" || cat "$dir/client"
    equal "our GET with many in flight, SZX $szx" "$dir/long" "$dir/got"
done
our_put "our PUT to libcoap, one block" "$dir/block" 6 block
our_get "our GET from libcoap, one block" "$dir/block" 6 block
our_get "our GET from libcoap, separate response" "$dir/done" 6 'async?1'
if "$get" get 6 "coap://127.0.0.1:$port/nothing" "$dir/got" >"$dir/client" ||
    ! grep -q '^failed 232 4.04$' "$dir/client"; then
    echo "FAILED  our GET of nothing: $(cat "$dir/client")"
    failed=$((failed + 1))
else
    echo "ok      our GET of nothing is 4.04"
fi
# packets 1 and 2 are those of their_server's probe, or of the PUT
their_server -l 3,6
our_put "our PUT, libcoap's packets 3 and 6 lost" "$dir/long" 6 data
our_get "our PUT, libcoap's packets 3 and 6 lost" "$dir/long" 6 data

# ---- Observe

# our_watch NAME COUNT SZX PATH [FLAG]: ours, in the background, until COUNT
# states have come; they go to $dir/state.N.
our_watch()
{
    rm -f "$dir"/state.*
    : >"$dir/watch"
    "$watch" ${5:-} "$3" "coap://127.0.0.1:$port/$4" "$dir/state" "$2" 40 \
        >"$dir/watch" &
    watch_pid=$!
    pids="$pids $watch_pid"
}
# states COUNT: waits until so many have come.
states()
{
    tries=0
    until grep -q "^state $1 " "$dir/watch"; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || { echo "no state $1"; return; }
        sleep 0.05
    done
}
watch_ends()
{
    if wait "$watch_pid" && grep -q '^done' "$dir/watch"; then
        echo "ok      $1"
    else
        echo "FAILED  $1: $(cat "$dir/watch")"
        failed=$((failed + 1))
    fi
}

# What libcoap sent to observers so far, and who is still on its list.
their_server -v 7
our_watch "their clock" 3 6 time
watch_ends "our watch of libcoap's clock, which ticks"
if grep -c '^state . 2.05 [0-9]* observed' "$dir/watch" | grep -qx 3 &&
    [ "$(sort -u "$dir"/state.? | wc -c)" -gt 40 ]; then
    echo "ok      three states, all told"
else
    echo "FAILED  three states: $(cat "$dir/watch")"
    failed=$((failed + 1))
fi

head -c 20012 /dev/urandom >"$dir/long.2"
head -c 9000 /dev/urandom >"$dir/long.3"
cp "$dir/long" "$dir/long.1"
for size in 2 6; do
    our_put "our PUT of what is watched" "$dir/long.1" 6 "seen$size"
    our_watch "blocks" 3 $size "seen$size"
    states 1
    for n in 2 3; do
        our_put "our PUT while it is watched" "$dir/long.$n" 6 "seen$size"
        states $n
    done
    watch_ends "our watch of what is PUT to libcoap, SZX $size"
    for n in 1 2 3; do
        equal "state $n, in blocks" "$dir/long.$n" "$dir/state.$n"
    done
done

# One that was forgotten is answered with Reset: libcoap tells it no more.
our_put "our PUT of what is forgotten" "$dir/block" 6 lost
our_watch "forgotten" 1 6 lost -f
states 1
our_put "our PUT after that" "$dir/late" 6 lost
tries=0
until grep -q 't:RST c:0.00' "$dir/server" || [ $((tries += 1)) -gt 100 ]; do
    sleep 0.05
done
told()
{
    grep -c "c:2.05.*Observe:" "$dir/server"
}
before=$(told)
our_put "our PUT after the Reset" "$dir/done" 6 lost
sleep 1
# Its clock has no observer, so nobody is left.
if grep -q 't:RST c:0.00' "$dir/server" && [ "$before" -gt 0 ] &&
    [ "$(told)" = "$before" ]; then
    echo "ok      libcoap takes our Reset"
else
    echo "FAILED  libcoap and our Reset: $before, then $(told)"
    failed=$((failed + 1))
fi
kill $watch_pid

# Notifications that get lost: the last state comes all the same.
their_server -l 4,5,8,9
our_put "our PUT, packets lost" "$dir/long.1" 6 seen
our_watch "lost" 2 6 seen
states 1
our_put "our PUT while it is watched, packets lost" "$dir/long.2" 6 seen
watch_ends "our watch, libcoap's packets 4, 5, 8 and 9 lost"
equal "the last state, packets lost" "$dir/long.2" "$dir/state.2"

echo "$failed failed"
[ $failed -eq 0 ]
