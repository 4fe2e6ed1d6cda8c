# SPDX-License-Identifier: Apache-2.0
#
# lib.sh - what the device's scenarios share, on top of the server's. Sourced
# by each, in the top folder of the project.
. test/server/lib.sh
FACTORY=$BUILD/test/device_factory
HOSTILE=$BUILD/bin/test/hostile
BAD_PID=

device_cleanup() {
    if [ -n "$BAD_PID" ]; then
        kill -9 "$BAD_PID" 2>/dev/null
        wait "$BAD_PID" 2>/dev/null
    fi
    cleanup
}
trap device_cleanup EXIT

# ab_manifest NUMBER DIGEST_A SIZE_A DIGEST_B SIZE_B [CLASS]: a release with
# an image for each slot, as text.
ab_manifest() {
    echo "{1: 1, 2: $1, 3: <<{2: [[h'00']], 4: <<[20, {1: $VENDOR,
        2: ${6:-$CLASS}}, 1, 15, 2, 15, 15, [
        <<[20, {5: 0}, 5, 5, 20, {3: <<[-16, h'$2']>>, 14: $3}]>>,
        <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'$4']>>, 14: $5}]>>]]>>}>>,
        7: <<[3, 15]>>, 9: <<[23, 2]>>, 20: <<[15, [
        <<[20, {5: 0}, 5, 5, 20, {21: \"/i/$2\"}]>>,
        <<[20, {5: 1}, 5, 5, 20, {21: \"/i/$4\"}]>>], 21, 2, 3, 15]>>,
        23: <<{\"en\": {[h'00']: {6: \"1.$1.0\"}}}>>}"
}

# release NAME NUMBER BYTES [CLASS]: $WORK/NAME.{a,b,suit}, signed.
release() {
    image "$WORK/$1.a" "$3"
    digest_a=$DIGEST
    image "$WORK/$1.b" "$3"
    "$KIT" envelope "$WORK/$1.suit" "$(ab_manifest "$2" "$digest_a" "$3" \
        "$DIGEST" "$3" "${4:-$CLASS}")" || fail "kit: release $1"
}

# offer NAME: images and envelope to selvaged; sets CODE and BODY.
offer() {
    for slot in a b; do
        api PUT "/api/v1/images/$(digest_of "$WORK/$1.$slot")" \
            --data-binary "@$WORK/$1.$slot" -H "Content-Type:"
    done
    publish "$WORK/$1.suit"
    expect "publish $1" "$CODE" 201
}

# The clock of the devices that are started goes so many times faster than ours
# (test/device/clock.c).
HASTE=1
CLOCK=$(cd "$BUILD" && pwd)/test/libdevice_clock.so

# hasten COMMAND...: becomes a command with that clock; so in a subshell.
hasten() {
    if [ "$HASTE" -gt 1 ]; then
        export SELV_CLOCK_SPEED="$HASTE" ASAN_OPTIONS=verify_asan_link_order=0
        export LD_PRELOAD="$CLOCK"
    fi
    exec "$@"
}

# device STATE [flags]: runs it once; sets STATUS, and OUT to what it said.
device() {
    state_dir=$1
    shift
    (hasten timeout 120 "$BUILD/bin/selvage-device" --state "$state_dir" \
        --server "$COAP" --once "$@" >"$WORK/out" 2>"$WORK/err")
    STATUS=$?
    OUT=$(cat "$WORK/out" "$WORK/err")
}

# boot_line STATE: the bootloader's line now, without asking any server.
boot_line() {
    (HASTE=20
        hasten timeout 20 "$BUILD/bin/selvage-device" --state "$1" \
            --server coap://127.0.0.1:9 --once) 2>/dev/null | head -1
}

# hostile MODE NAME: start the lying server with a release; sets COAP.
hostile() {
    : >"$WORK/hostile"
    "$HOSTILE" --mode "$1" --manifest "$WORK/$2.suit" --image "$WORK/$2.a" \
        --image "$WORK/$2.b" >"$WORK/hostile" 2>&1 &
    BAD_PID=$!
    tries=0
    while ! grep -q listening "$WORK/hostile"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 500 ]; then
            fail "hostile does not start"
            return
        fi
        sleep 0.01
    done
    COAP=$(sed -n 's/listening //p' "$WORK/hostile")
}

hostile_stop() {
    kill "$BAD_PID"
    wait "$BAD_PID" 2>/dev/null
    BAD_PID=
}

# What decides what boots: journal and both slots' bytes, but for the idle.
# Sectors of 4096: 0 factory, 1-2 journal, 8-71 slot A, 72-135 slot B.
boot_digest() {
    case $2 in
    A) first=8 ;;
    *) first=72 ;;
    esac
    {
        dd if="$1/flash.bin" bs=4096 count=3 status=none
        dd if="$1/flash.bin" bs=4096 skip=$first count=64 status=none
    } | sha256sum | cut -c1-64
}
