# SPDX-License-Identifier: Apache-2.0
#
# push_lib.sh - a device that listens, and who pushes. Sourced after lib.sh.
SELVAGE=$BUILD/bin/selvage

# listen STATE [flags]: run a device that listens; sets DEVICE_URI. Its lines
# are in $WORK/long.
listen() {
    listen_state=$1
    shift
    : >"$WORK/long"
    "$BUILD/bin/selvage-device" --state "$listen_state" \
        --listen 127.0.0.1:0 --poll 3600 "$@" >"$WORK/long" 2>&1 &
    BAD_PID=$!
    seen "listening coap"
    DEVICE_URI=$(sed -n 's/^listening //p' "$WORK/long")
}

# seen WORDS: waits for a line of the device's.
seen() {
    tries=0
    until grep -q "$1" "$WORK/long" || [ $((tries += 1)) -gt 600 ]; do
        sleep 0.05
    done
    has "the device" "$(cat "$WORK/long")" "$1"
}

listen_stop() {
    kill "$BAD_PID"
    wait "$BAD_PID" 2>/dev/null
    BAD_PID=
}

# push FILE: hands it to the device; sets STATUS and OUT.
push() {
    timeout 100 "$SELVAGE" device push --to "$DEVICE_URI" "$1" \
        >"$WORK/out" 2>&1
    STATUS=$?
    OUT=$(cat "$WORK/out")
}

# state: what the device says of itself, as hex digits in OUT.
state() {
    rm -f "$WORK/state"
    timeout 20 coap-client-notls -B 5 -o "$WORK/state" "$DEVICE_URI/suit/s" \
        >"$WORK/out" 2>&1
    OUT=$(od -An -tx1 -v "$WORK/state" | tr -d ' \n')
}
