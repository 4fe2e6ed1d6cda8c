#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# flood.sh - requests from addresses that nobody has, thousands a second
# (test/server/flood.c): while they come, a device polls, downloads, registers
# and reports; what they leave behind in memory, on disk and on the network is
# bounded.
. test/server/lib.sh
LOAD=$BUILD/bench/bench_server_load
FLOOD=$BUILD/test/server_flood
[ -x "$LOAD" ] || skip "$LOAD was not built"
[ -x "$FLOOD" ] || skip "$FLOOD was not built"
RATE=3000
SIZE=102400
FAST=10 # seconds that a download or 2000 polls may take, on a busy machine
is_sanitized && FAST=40

rss_kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"
}
disk_kib() {
    du -sk "$WORK/state" | cut -f1
}
since() {
    echo $(($(date +%s%N) / 1000000 - $1))
}

# flood KIND ARGUMENT [flags]: in the background until flood_end.
flood() {
    "$FLOOD" "${COAP#coap://}" "$@" --rate $RATE --seconds 120 \
        >"$WORK/flood" 2>&1 &
    FLOODER=$!
    sleep 0.5
}
flood_end() {
    kill $FLOODER
    wait $FLOODER 2>/dev/null
}

# useful WHAT: what a device does, while it is flooded.
useful() {
    begin=$(($(date +%s%N) / 1000000))
    coap get "/i/$IMAGE" "$WORK/out" -b 1024
    cmp -s "$WORK/image" "$WORK/out" || fail "$1: the image"
    took=$(since "$begin")
    [ "$took" -lt $((FAST * 1000)) ] && pass || fail "$1: an image in $took ms"
    echo "$1: 100 KiB in $took ms"
    begin=$(($(date +%s%N) / 1000000))
    "$LOAD" "${COAP#coap://}" poll "$WORK/ids" --etag "$ETAG" --clients 4 \
        --requests 2000 --seconds $FAST >"$WORK/load"
    read -r rate _ _ _ _ wrong _ <"$WORK/load"
    took=$(since "$begin")
    expect "$1: polls answered wrongly" "$wrong" 0
    [ "$took" -lt $((FAST * 1000)) ] && pass || fail "$1: 2000 polls in $took ms"
    echo "$1: $rate polls a second"
    coap post /reg "$WORK/out" -t 60 -f "$WORK/p"
    expect "$1: registration" "$(cat "$WORK/out")" "$ID"
    coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s" -v 7
    has "$1: report" "$LOG" "c:2.04"
}

start "$WORK/state" --loops 2 --unproven 65536 --quiet ||
    { cat "$WORK/log"; exit 1; }
image "$WORK/image" $SIZE
IMAGE=$DIGEST
api PUT "/api/v1/images/$IMAGE" -T "$WORK/image"
"$KIT" envelope "$WORK/e" "$(manifest 1 "$IMAGE" $SIZE)"
publish "$WORK/e"
expect "release" "$CODE" 201
ETAG=$(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]\{16\}\).*/\1/')
profile "$WORK/p" 77777777777777777777777777777777 1 "$IMAGE"
profile "$WORK/forged" 000102030405060708090a0b0c0d0e0f 1 "$IMAGE"
status "$WORK/s" 8 1 "$IMAGE" 0 true
coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
ID=$(cat "$WORK/id")
expect "an id" ${#ID} 16
echo "$ID" >"$WORK/ids"
useful "quiet"
rss=$(rss_kib)
disk=$(disk_kib)

# ---- each kind, one after the other
for kind in register report begin; do
    flood $kind "$WORK/forged"
    useful "$kind"
    flood_end
done
flood stranger -
useful stranger
flood_end
flood observe "$WORK/ids"
useful observe
flood_end
flood image "$IMAGE"
useful image
flood_end
# From the device's own network, too: it is asked for its Echo then.
flood middle "$IMAGE" --network 0.0
useful middle
flood_end

# ---- what is left of it
grown=$(($(rss_kib) - rss))
room=16384
is_sanitized && room=131072
[ $grown -lt $room ] && pass || fail "memory grew by $grown KiB"
grew=$(($(disk_kib) - disk))
[ $grew -lt 8192 ] && pass || fail "the disk took $grew KiB"
count=0
cursor=
for page in 1 2 3; do
    api GET "/api/v1/devices?limit=200$cursor"
    count=$((count + $(grep -o '"id":' "$WORK/body" | wc -l)))
    next=$(grep -o '"next":"[^"]*"' "$WORK/body" | cut -d'"' -f4)
    cursor="&cursor=$next"
    [ -n "$next" ] || break
done
echo "after the floods: $count devices, $grown KiB of memory, $grew KiB of disk"
[ "$count" -ge 1 ] && [ "$count" -le 400 ] && pass ||
    fail "$count devices are there"

# ---- what one network gets: 1 MiB, and 64 KiB a second, beyond three for one
for kind in image middle; do
    net=$([ $kind = image ] && echo 1 || echo 2)
    read -r sent _ got _ long < <("$FLOOD" "${COAP#coap://}" $kind "$IMAGE" \
        --rate $RATE --seconds 4 --linger 0.5 --network 77.$net)
    echo "$kind: $sent requests, $got answers, $long bytes beyond three for one"
    [ "$got" -gt $((sent / 4)) ] && pass || fail "$kind: $got answers"
    [ "$long" -gt 10000 ] && [ "$long" -le $((20 * 65536 + 65536)) ] && pass ||
        fail "$kind: $long bytes went out"
done

# ---- forged observers get no more of a release than that, and who is there is
# told all the same
timeout 60 coap-client-notls -m get -s 12 -B 14 -v 7 "$COAP/m?d=$ID" \
    >"$WORK/watch" 2>&1 &
WATCH=$!
sleep 0.5
"$FLOOD" "${COAP#coap://}" observe "$WORK/ids" --rate 4000 --seconds 9 \
    --network 77.9 >"$WORK/flood" &
FLOODER=$!
sleep 2.5
"$KIT" envelope "$WORK/e2" "$(manifest 2 "$IMAGE" $SIZE)"
publish "$WORK/e2"
expect "second release" "$CODE" 201
wait $FLOODER
read -r sent _ got _ long <"$WORK/flood"
echo "observe: $sent requests, $got answers, $long bytes beyond three for one"
[ "$long" -le $((25 * 65536)) ] && pass || fail "observe: $long bytes went out"
wait $WATCH
[ "$(grep -ac 'c:2.0[35].*Observe:' "$WORK/watch")" -ge 2 ] && pass ||
    fail "an observer was not told"

# ---- a slow body under way stays, however many others begin
if [ -x "$BUILD/bin/selvage-sim" ]; then
    "$BUILD/bin/selvage-sim" relay --to "${COAP#coap://}" \
        --link rate=250k,rtt=300ms --quiet >"$WORK/relay" &
    RELAY=$!
    for i in $(seq 100); do
        grep -q listening "$WORK/relay" && break
        sleep 0.05
    done
    slow=$(sed 's/.*\(coap:[^ ]*\).*/\1/' "$WORK/relay")
    flood begin "$WORK/forged"
    timeout 30 coap-client-notls -m post -t 60 -b 32 -B 25 -f "$WORK/p" \
        -o "$WORK/out" "$slow/reg" 2>/dev/null
    expect "a slow body in a flood of others" "$(cat "$WORK/out")" "$ID"
    flood_end
    kill $RELAY
    wait $RELAY 2>/dev/null
fi
stop
expect "exit code" "$STATUS" 0
finish
