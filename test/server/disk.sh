#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# disk.sh - the disk is full: requests that need space are refused, what was
# acknowledged stays, the server goes on, and takes the same requests when
# there is room again. On a small tmpfs when this user may mount one, in a
# mount name space of its own; else with a limit on the size of files, which
# only images can reach.
if [ "${1:-}" != inside ] && [ "$(id -u)" = 0 ] &&
    unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null; then
    exec unshare -m "$0" inside
fi
. test/server/lib.sh

goes_on() {
    http GET /healthz
    expect "health" "$CODE" 200
    http GET "/i/$KEPT"
    expect "the image that was there" "$(digest_of "$WORK/body")" "$KEPT"
    coap get "/m?d=$ID" "$WORK/out"
    cmp -s "$WORK/out" "$WORK/e1" || fail "the manifest that was there"
}

first_things() {
    image "$WORK/image" 100000
    KEPT=$DIGEST
    api PUT "/api/v1/images/$KEPT" -T "$WORK/image"
    expect "first image" "$CODE" 201
    "$KIT" envelope "$WORK/e1" "$(manifest 1 "$KEPT" 100000)"
    publish "$WORK/e1"
    expect "first release" "$CODE" 201
    profile "$WORK/p" 000102030405060708090a0b0c0d0e0f 1 "$KEPT"
    coap post /reg "$WORK/id" -t 60 -f "$WORK/p"
    ID=$(cat "$WORK/id")
    expect "an id" ${#ID} 16
}

if [ "${1:-}" != inside ]; then
    echo "no tmpfs may be mounted here: with a limit on file sizes instead"
    image "$WORK/large" 3000000
    LARGE=$DIGEST
    ulimit -f 2000 # KiB
    start "$WORK/state" || { cat "$WORK/log"; exit 1; }
    first_things
    api PUT "/api/v1/images/$LARGE" -T "$WORK/large"
    expect "an image over the limit" "$CODE" 507
    goes_on
    stop
    expect "exit code" "$STATUS" 0
    finish
fi

DISK=$WORK/disk
mkdir "$DISK"
mount -t tmpfs -o size=2m tmpfs "$DISK" || skip "tmpfs cannot be mounted"
MOUNTED=$DISK
start "$DISK/state" || { cat "$WORK/log"; exit 1; }
first_things
"$KIT" envelope "$WORK/e2" "$(manifest 2 "$KEPT" 100000)"
profile "$WORK/p2" 010102030405060708090a0b0c0d0e0f 1 "$KEPT"
status "$WORK/s" 8 1 "$KEPT" 0 true

image "$WORK/large" 3000000
LARGE=$DIGEST
api PUT "/api/v1/images/$LARGE" -T "$WORK/large"
expect "image larger than the disk" "$CODE" 507
has "image larger than the disk" "$BODY" "make room"
goes_on

# To the last byte, so that the database has no room either.
cat /dev/zero >"$DISK/fill" 2>/dev/null
publish "$WORK/e2"
expect "release on a full disk" "$CODE" 507
coap post /reg "$WORK/out" -t 60 -f "$WORK/p2" -v 7
has "registration on a full disk" "$LOG" "c:5.00"
has "registration on a full disk" "$LOG" "disk is full"
coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s" -v 7
has "report on a full disk" "$LOG" "c:5.00"
goes_on
# Many at once share a commit, which fails: each of them is told.
pids=
for n in $(seq 20); do
    profile "$WORK/p.$n" "$(printf '%032x' $((n + 100)))" 1 "$KEPT"
    timeout 20 coap-client-notls -m post -B 15 -t 60 -f "$WORK/p.$n" -v 7 \
        "$COAP/reg" >"$WORK/log.$n" 2>&1 &
    pids="$pids $!"
done
wait $pids
expect "told that they were not taken" \
    "$(grep -la 'c:5.00' "$WORK"/log.* | wc -l)" 20
api GET /api/v1/devices
expect "nobody was registered by halves" \
    "$(grep -o '"id":' "$WORK/body" | wc -l)" 1
# Who observes on the full disk is told when there is room again.
timeout 40 coap-client-notls -m get -s 20 -B 22 -v 7 "$COAP/m?d=$ID" \
    >"$WORK/watch" 2>&1 &
WATCH=$!
sleep 0.5
rm "$DISK/fill"
publish "$WORK/e2"
expect "release with room again" "$CODE" 201
for i in $(seq 100); do
    [ "$(grep -ac 'c:2.05.*Observe:' "$WORK/watch")" -ge 2 ] && break
    sleep 0.1
done
has "who observed is told" "$(grep -a 'c:2.05.*Observe:' "$WORK/watch" |
    tail -n 1)" "$(digest_of "$WORK/e2" | cut -c1-16)"
kill $WATCH
wait $WATCH 2>/dev/null
# The twenty come again, half of them before the disk is full once more.
for n in $(seq 10); do
    coap post /reg "$WORK/id.$n" -t 60 -f "$WORK/p.$n"
done
cat /dev/zero >"$DISK/fill" 2>/dev/null
for n in $(seq 11 20); do
    coap post /reg "$WORK/id.$n" -t 60 -f "$WORK/p.$n"
done
cat "$WORK"/id.* >"$WORK/acknowledged"
api GET "/api/v1/devices?limit=200"
expect "devices are those that were acknowledged" \
    "$(grep -o '"id":' "$WORK/body" | wc -l)" \
    $(($(wc -c <"$WORK/acknowledged") / 16 + 1))

goes_on() {
    http GET /healthz
    expect "health" "$CODE" 200
    http GET "/i/$KEPT"
    expect "the image that was there" "$(digest_of "$WORK/body")" "$KEPT"
    coap get "/m?d=$ID" "$WORK/out"
    cmp -s "$WORK/out" "$WORK/e2" || fail "the manifest that was there"
    for n in $(seq 10); do
        api GET "/api/v1/devices/$(cat "$WORK/id.$n")"
        expect "device $n that was acknowledged" "$CODE" 200
    done
}

# A restart on the full disk, after kill -9, and what is there stays there.
stop KILL
if start "$DISK/state"; then
    goes_on
    stop
    expect "exit code" "$STATUS" 0
else
    expect "exit code of a start that the full disk refused" "$STATUS" 3
fi

rm "$DISK/fill"
start "$DISK/state" || { tail -n 2 "$WORK/log"; fail "start with room again"; finish; }
goes_on
publish "$WORK/e2"
expect "the same release" "$CODE" 200
coap post /reg "$WORK/out" -t 60 -f "$WORK/p2"
expect "registration with room again" "$(wc -c <"$WORK/out")" 16
coap post "/s?d=$ID" "$WORK/out" -t 60 -f "$WORK/s" -v 7
has "report with room again" "$LOG" "c:2.04"
expect "temporary files" "$(find "$DISK/state/images/tmp" -type f | wc -l)" 0
stop
expect "exit code" "$STATUS" 0
finish
