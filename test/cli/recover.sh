#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage recover against selvage-device in recovery on a pseudo terminal: what
# it says, what it refuses, and both sides killed in the middle.
. "$(dirname "$0")/common.sh"
device=$SELVAGE_BUILD/bin/selvage-device
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT

"$selvage" --quiet key generate author
"$selvage" --quiet key generate stranger
for name in a b c; do
    head -c 150000 /dev/urandom >$name.bin
done
release() {
    local number=$1 out=$2
    shift 2
    "$selvage" --quiet manifest create --sequence "$number" --image-a a.bin \
        --image-b b.bin -o "$out" "$@" || complain "manifest create $out"
}
us="--vendor example.com --class sensor"
release 2 two.suit $us --key author.pem
release 3 three.suit $us --key author.pem
release 1 old.suit $us --key author.pem
release 3 stranger.suit $us --key stranger.pem
release 3 class.suit --vendor example.com --class other --key author.pem
release 3 vendor.suit --vendor example.org --class sensor --key author.pem
"$selvage" --quiet device provision --anchor author.pub.pem $us \
    --envelope two.suit --image a.bin -o state

# ruin: a bit of the image in slot A.
ruin() {
    printf '\125' | dd of=state/flash.bin bs=1 seek=$((9 * 4096 + 70000)) \
        conv=notrunc status=none
}
# A device with a past, so that it has a floor: one boot, then the bit.
timeout 20 "$device" --state state --server coap://127.0.0.1:1 --once \
    >age.out 2>&1
ruin
cp state/flash.bin old.bin
age() {
    cp old.bin state/flash.bin
}
begin() {
    "$device" --state state --server coap://127.0.0.1:1 --once \
        --recover line >device.out 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        [ -e line ] && return
        # On a fast machine the round before may have come to its end.
        [ -n "${1:-}" ] && grep -q "^boot: $1, .* confirmed" device.out && return
        sleep 0.02
    done
    complain "no line: $(cat device.out)"
}
end() {
    for _ in $(seq 250); do
        grep -q "^boot: $1, .* confirmed" device.out && break
        sleep 0.02
    done
    grep -q "^boot: $1, .* confirmed" device.out ||
        complain "no \"$1\": $(cat device.out)"
    kill "$pid"
    wait "$pid"
    pid=
}
recover="timeout 60 $selvage recover --port line --wait 5"

age
begin
grep -q 'nothing boots: ' device.out || complain "$(cat device.out)"
# Refused, and why; nothing was written.
cp state/flash.bin before.bin
expect 4 "no given key" $recover stranger.suit a.bin b.bin
expect 1 "class-identifier" $recover class.suit a.bin b.bin
expect 1 "its class id" $recover class.suit a.bin b.bin
expect 1 "vendor-identifier" $recover vendor.suit a.bin b.bin
expect 1 "sequence number" $recover old.suit a.bin b.bin
expect 1 "slot B (150000 bytes" $recover two.suit a.bin
expect 1 "none of the files" $recover two.suit a.bin c.bin
head -c 3000 a.bin >junk
expect 1 "takes 2048" $recover junk a.bin
head -c 300 a.bin >junk
expect 1 "the device refuses" $recover junk a.bin
expect 1 "exit" $recover old.suit a.bin b.bin --json
cmp -s state/flash.bin before.bin || complain "what is refused was written"
expect 0 "recovered: b.bin in slot B, 150000 bytes sent" \
    $recover two.suit a.bin b.bin
end "slot B"

# The machine's side of it, and nothing but it.
age
begin
expect 0 '"bytes_sent": 150000' $recover three.suit a.bin b.bin --json
grep -q '"slot": "B"' out || complain "$(cat out)"
end "slot B"
age
begin
expect 0 "" $recover three.suit a.bin b.bin --quiet
[ -s out ] && complain "--quiet says: $(cat out)"
end "slot B"

# Killed in the middle: first the host, then the device, many times; what has
# arrived is not sent again.
age
for round in 1 2 3 4 5 6; do
    [ -n "$pid" ] || begin "slot B"
    $selvage recover --port line --wait 5 three.suit a.bin b.bin >k.out 2>&1 &
    host=$!
    sleep 0.0$((round * 3))
    if [ $((round % 2)) = 0 ]; then
        kill -9 "$pid"
        wait "$pid" 2>/dev/null
        pid=
        rm -f line
        kill "$host" 2>/dev/null
    else
        kill -9 "$host" 2>/dev/null
    fi
    wait "$host" 2>/dev/null
done
[ -n "$pid" ] || begin "slot B"
if [ -e line ]; then
    expect 0 "" $recover three.suit a.bin b.bin
fi
end "slot B"

# The device is killed and comes back while the host goes on.
age
begin
$recover three.suit a.bin b.bin >k.out 2>&1 &
host=$!
sleep 0.1
kill -9 "$pid"
wait "$pid" 2>/dev/null
rm -f line
begin "slot B"
wait "$host"
got=$?
[ "$got" = 0 ] || complain "the host ended with $got: $(cat k.out)"
end "slot B"

# Not even a line.
expect 3 "No such file" $recover two.suit a.bin
expect 3 "" "$selvage" recover --port a.bin two.suit a.bin
expect 3 "" timeout 10 "$selvage" recover --port /dev/null two.suit a.bin
expect 2 "--port is missing" "$selvage" recover two.suit a.bin
expect 2 "IMAGE is missing" "$selvage" recover --port line two.suit
expect 2 "no such speed" "$selvage" recover --port line --baud 7 two.suit a.bin
expect 2 "--wait takes" "$selvage" recover --port line --wait 0 two.suit a.bin
expect 3 "missing.suit" "$selvage" recover --port line missing.suit a.bin
expect 0 "usage: selvage recover ENVELOPE IMAGE [IMAGE]... --port PATH" \
    "$selvage" recover --help
expect 0 "--no-progress" "$selvage" recover --help
# Somebody who does not answer.
python3 - <<'TEXT' 2>/dev/null &
import os, pty, time
a, b = pty.openpty()
os.symlink(os.ttyname(b), "mute")
time.sleep(6)
TEXT
mute=$!
for _ in $(seq 100); do
    [ -e mute ] && break
    sleep 0.05
done
if [ -e mute ]; then
    expect 3 "no answer in 2 s" "$selvage" recover --port mute --wait 2 \
        two.suit a.bin
else
    echo "skipped: nobody to be mute"
fi
kill "$mute" 2>/dev/null
finish
