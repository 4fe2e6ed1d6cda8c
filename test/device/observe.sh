#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# observe.sh - devices that poll once an hour, and have the update server tell
# them when there is something new: one beside the server, one behind a bad
# link and a NAT that gives it another address every 3 s. A release is there at
# once; a server that begins anew, and so has forgotten who observes, is found
# again when Max-Age is over. Their clocks go eight times faster than that of
# the server, and of what is awaited here.
. test/device/lib.sh
PIDS=
HASTE=8

stop_all() {
    for pid in $PIDS; do
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    device_cleanup
}
trap stop_all EXIT

# watch NAME URI: runs a device; its lines are in $WORK/NAME.log.
watch() {
    hasten "$BUILD/bin/selvage-device" --state "$WORK/$1" \
        --server "$2" --observe --poll 3600 --run true \
        >"$WORK/$1.log" 2>&1 &
    PIDS="$PIDS $!"
}

# within SECONDS NAME COUNT WORDS: a device says them, for the COUNTth time.
within() {
    tries=0
    until [ "$(grep -c "$4" "$WORK/$2.log")" -ge "$3" ]; do
        tries=$((tries + 1))
        if [ $tries -gt $(($1 * 10)) ]; then
            fail "$2, within $1 s: '$4' is not in '$(cat "$WORK/$2.log")'"
            return
        fi
        sleep 0.1
    done
    pass
}

for n in 1 2 3 4; do
    release r$n $n 20000
done
"$FACTORY" "$WORK/near" 7 "$WORK/r1.suit" "$WORK/r1.a" || fail "factory"
"$FACTORY" "$WORK/far" 8 "$WORK/r1.suit" "$WORK/r1.a" || fail "factory"
start "$WORK/s" --loops 2 || { cat "$WORK/log"; exit 1; }
offer r1
"$BUILD/bin/selvage-sim" relay --to "${COAP#coap://}" --rebind 3000 --quiet \
    --link rate=250k,rtt=100ms,loss=20%,duplicate=10%,reorder=10%,reorder-delay=300ms \
    >"$WORK/relay" 2>&1 &
PIDS="$PIDS $!"
tries=0
until grep -q listening "$WORK/relay" || [ $((tries += 1)) -gt 100 ]; do
    sleep 0.1
done
RELAY=$(sed -n 's/^listening //p' "$WORK/relay")

watch near "$COAP"
watch far "$RELAY"
within 20 near 1 "observing"
within 120 far 1 "observing"

# A release: told, and installed at once.
offer r2
within 5 near 1 "a newer manifest was told"
within 30 near 1 "update confirmed, sequence number 2"
within 150 far 1 "update confirmed, sequence number 2"

# It observes again after its boot; two releases, one upon the other.
within 20 near 2 "observing"
offer r3
within 60 near 1 "update confirmed, sequence number 3"
within 150 far 1 "update confirmed, sequence number 3"

# The server begins anew, a release comes, and nobody is on its list.
within 20 near 3 "observing"
stop
start "$WORK/s" --loops 2 --listen-tcp none --listen "127.0.0.1:${COAP##*:}"
offer r4
within 100 near 1 "update confirmed, sequence number 4"
within 200 far 1 "update confirmed, sequence number 4"
expect "each was told once for each release" \
    "$(grep -c 'a newer manifest was told' "$WORK/near.log")" 3
stop

# One that is not there does not keep it from anything else.
timeout 60 "$BUILD/bin/selvage-device" --state "$WORK/near" --observe \
    --server coap://127.0.0.1:9 --server "file://$WORK" --once \
    >"$WORK/out" 2>&1
status=$?
[ $status = 3 ] || [ $status = 10 ] || fail "nobody there: $status"
finish
