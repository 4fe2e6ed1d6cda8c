#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# recover.sh - selvage recover brings devices back that install in place, have a
# loader, or load into RAM, over a pseudo terminal; each from states in which
# nothing boots.
. test/device/lib.sh
. test/device/releases.sh
SELVAGE=$BUILD/bin/selvage
DEVICE_PID=
end_device() {
    if [ -n "$DEVICE_PID" ]; then
        kill "$DEVICE_PID" 2>/dev/null
        wait "$DEVICE_PID" 2>/dev/null
    fi
    DEVICE_PID=
}
trap 'end_device; device_cleanup' EXIT
SECTOR=4096

# junk STATE SECTOR COUNT
junk() {
    yes 'these are no firmware' | head -c $(($3 * SECTOR)) |
        dd of="$1/flash.bin" bs=$SECTOR seek="$2" conv=notrunc status=none
}

# Slot A's image from its fourth sector on, and all of slot B.
ruin() {
    junk "$1" 12 10
    junk "$1" 71 64
}

# waiting STATE STRATEGY: starts it, and waits for its line.
waiting() {
    rm -f "$WORK/line"
    "$BUILD/bin/selvage-device" --state "$1" --strategy "$2" --once \
        --server coap://127.0.0.1:1 --recover "$WORK/line" \
        >"$WORK/device" 2>&1 &
    DEVICE_PID=$!
    tries=0
    while [ ! -e "$WORK/line" ] && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    [ -e "$WORK/line" ] || fail "no line: $(cat "$WORK/device")"
}

# recover WANTED TEXT NAME: exit status, and what it says.
recover() {
    timeout 60 "$SELVAGE" recover --port "$WORK/line" --wait 5 \
        "$WORK/$3.suit" "$WORK/$3.a" >"$WORK/host" 2>&1
    expect "recover $3" $? "$1"
    has "recover $3" "$(cat "$WORK/host")" "$2"
}

# boots TEXT: what the device says after that.
boots() {
    tries=0
    while ! grep -qF "$1" "$WORK/device" && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    has "after recovery" "$(cat "$WORK/device")" "$1"
    end_device
}

# once STATE STRATEGY [flags]: one life without a server.
once() {
    state=$1 strategy=$2
    shift 2
    timeout 60 "$BUILD/bin/selvage-device" --state "$state" \
        --strategy "$strategy" --server coap://127.0.0.1:1 --once "$@" \
        >"$WORK/out" 2>&1
}

release one 1 20000
staged two 2 40000 31
staged three 3 50000 22
staged four 4 3000 31
for strategy in swap overwrite; do
    name=three
    [ $strategy = swap ] && name=two
    "$FACTORY" "$WORK/$strategy" 7 "$WORK/$name.suit" "$WORK/$name.a" ||
        fail "factory"
    once "$WORK/$strategy" $strategy
    cp "$WORK/$strategy/flash.bin" "$WORK/$strategy.bin"

    # At rest: slot A rots.
    ruin "$WORK/$strategy"
    waiting "$WORK/$strategy" $strategy
    recover 1 "sequence number" one
    recover 0 "in slot A" four
    boots "boot: slot A, sequence number 4, confirmed"

    # The journal is lost, too; slot A's envelope says what the floor is.
    cp "$WORK/$strategy.bin" "$WORK/$strategy/flash.bin"
    ruin "$WORK/$strategy"
    junk "$WORK/$strategy" 1 2
    waiting "$WORK/$strategy" $strategy
    recover 1 "sequence number" one
    recover 0 "in slot A" four
    boots "boot: slot A, sequence number 4, confirmed"

    # And nothing says it.
    cp "$WORK/$strategy.bin" "$WORK/$strategy/flash.bin"
    junk "$WORK/$strategy" 1 2
    junk "$WORK/$strategy" 8 1
    waiting "$WORK/$strategy" $strategy
    recover 1 "provision it anew" four
    end_device
done

# A swap that is killed on trial; then its image rots, and its way back.
cat >"$WORK/vanish" <<TEXT
#!/bin/sh
cmp -s "\$1" "$WORK/four.a" && kill -9 "\$(cat "$WORK/pid")"
exit 0
TEXT
chmod +x "$WORK/vanish"
"$FACTORY" "$WORK/trial" 7 "$WORK/two.suit" "$WORK/two.a" || fail "factory"
start "$WORK/s" || fail "selvaged does not start"
put four
"$BUILD/bin/selvage-device" --state "$WORK/trial" --strategy swap --once \
    --server "$COAP" --run "$WORK/vanish" >"$WORK/out" 2>&1 &
DEVICE_PID=$!
echo $DEVICE_PID >"$WORK/pid"
wait $DEVICE_PID 2>/dev/null
DEVICE_PID=
stop
has "on trial" "$(cat "$WORK/out")" "sequence number 4, on trial"
ruin "$WORK/trial"
junk "$WORK/trial" 9 1
waiting "$WORK/trial" swap
recover 1 "sequence number" one
recover 0 "in slot A" four
boots "boot: slot A, sequence number 4, confirmed"

# A loader that rots, with its application: either comes back.
loader eleven 1 9000
release five 5 20000
release six 6 60000
"$FACTORY" "$WORK/small" 7 "$WORK/five.suit" "$WORK/five.a" \
    "$WORK/eleven.suit" "$WORK/eleven.a" || fail "factory"
once "$WORK/small" loader
ruin "$WORK/small"
cp "$WORK/small/flash.bin" "$WORK/small.bin"
waiting "$WORK/small" loader
recover 1 "sequence number" one
recover 0 "in slot A" six
boots "boot: slot A, sequence number 6, confirmed"
cp "$WORK/small.bin" "$WORK/small/flash.bin"
waiting "$WORK/small" loader
recover 0 "in slot B" eleven
boots "boot: slot B, sequence number 5, loader needed"

# Nothing that can be loaded.
loaded seven 7 20000
loaded eight 8 60000
"$FACTORY" "$WORK/ram" 7 "$WORK/seven.suit" "$WORK/seven.a" || fail "factory"
once "$WORK/ram" ram
ruin "$WORK/ram"
waiting "$WORK/ram" ram
recover 1 "" six
recover 0 "in slot B" eight
boots "boot: slot B, sequence number 8, confirmed"
finish
