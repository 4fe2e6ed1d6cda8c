#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# recover_path.sh - what --recover makes at its path, and what it leaves alone;
# how waiting there ends; what selvage recover says of files and numbers.
. test/device/lib.sh
SELVAGE=$BUILD/bin/selvage
DEVICE=$BUILD/bin/selvage-device
WAITING=
end_device() {
    if [ -n "$WAITING" ]; then
        kill -9 "$WAITING" 2>/dev/null
        wait "$WAITING" 2>/dev/null
    fi
    WAITING=
}
trap 'end_device; device_cleanup' EXIT

# junk SECTOR COUNT
junk() {
    yes 'these are no firmware' | head -c $(($2 * 4096)) |
        dd of="$WORK/d/flash.bin" bs=4096 seek="$1" conv=notrunc status=none
}

# waiting PATH [flags]: a device in which nothing boots, until it says so.
waiting() {
    path=$1
    shift
    : >"$WORK/said"
    "$DEVICE" --state "$WORK/d" --server coap://127.0.0.1:9 \
        --recover "$path" "$@" >"$WORK/said" 2>&1 &
    WAITING=$!
    tries=0
    while ! grep -q "recovery on" "$WORK/said" && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    [ -L "$path" ] || fail "no line at $path: $(cat "$WORK/said")"
}

# ends SIGNAL STATUS WHAT
ends() {
    kill "-$1" "$WAITING"
    wait "$WAITING" 2>/dev/null
    expect "$3" $? "$2"
    WAITING=
}

release one 1 20000
release two 2 30000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
boot_line "$WORK/d" >"$WORK/out"
cp "$WORK/d/flash.bin" "$WORK/sound.bin"
junk 12 10

# ---- the path ---------------------------------------------------------------
# leaves PATH WHAT: it is somebody's, and stays.
leaves() {
    before=$(ls -ld "$1" | sed 's/ -> .*//')
    timeout 20 "$DEVICE" --state "$WORK/d" --server coap://127.0.0.1:9 \
        --recover "$1" --once >"$WORK/out" 2>&1
    expect "$2" $? 3
    has "$2" "$(cat "$WORK/out")" "File exists"
    expect "$2: stays" "$(ls -ld "$1" | sed 's/ -> .*//')" "$before"
}
echo precious >"$WORK/keep"
leaves "$WORK/keep" "a file"
expect "a file: its text" "$(cat "$WORK/keep")" precious
leaves "$WORK/d/flash.bin" "its own flash"
mkdir "$WORK/folder"
leaves "$WORK/folder" "a folder"
ln -s "$WORK/keep" "$WORK/link"
leaves "$WORK/link" "a link to a file"
expect "a link to a file: leads there" "$(readlink "$WORK/link")" "$WORK/keep"
ln -s /dev/null "$WORK/device"
leaves "$WORK/device" "a link to a device"

# A link of ours that was left is replaced, or removed where all is well.
waiting "$WORK/line"
has "the link" "$(readlink "$WORK/line")" /dev/pts/
ends 9 137 "killed"
[ -L "$WORK/line" ] || fail "a killed device cannot have removed its link"
waiting "$WORK/line"
ends TERM 0 "SIGTERM while waiting"
[ -L "$WORK/line" ] && fail "the link is left after SIGTERM"
waiting "$WORK/line"
ends INT 0 "SIGINT while waiting"
waiting "$WORK/line" --once
ends TERM 1 "SIGTERM while waiting, with --once"
ln -s /dev/pts/99 "$WORK/line"
cp "$WORK/sound.bin" "$WORK/d/flash.bin"
timeout 20 "$DEVICE" --state "$WORK/d" --server coap://127.0.0.1:9 --once \
    --recover "$WORK/line" >"$WORK/out" 2>&1
[ -L "$WORK/line" ] && fail "what an earlier run left stays"
# What replaced ours while it was there is not ours.
junk 12 10
waiting "$WORK/line"
rm "$WORK/line"
echo mine >"$WORK/line"
ends TERM 0 "with the link replaced"
expect "the link replaced" "$(cat "$WORK/line")" mine
rm "$WORK/line"

# ---- words ------------------------------------------------------------------
timeout 20 "$DEVICE" --state "$WORK/d" --server coap://127.0.0.1:9 --once \
    >"$WORK/out" 2>&1
expect "nothing boots" $? 1
has "nothing boots" "$(cat "$WORK/out")" "with --recover PATH"
# recover STATUS TEXT WHAT FILES
recover() {
    status=$1 text=$2 what=$3
    shift 3
    timeout 60 "$SELVAGE" recover --port "$WORK/line" --wait 5 "$@" \
        >"$WORK/host" 2>&1
    expect "$what" $? "$status"
    has "$what" "$(cat "$WORK/host")" "$text"
}
: >"$WORK/empty"
waiting "$WORK/line"
recover 1 "is empty, and no envelope" "empty" "$WORK/empty" "$WORK/two.a"
recover 0 "0 were there; before, nothing booted: " "recovered" \
    "$WORK/two.suit" "$WORK/two.b"
end_device

# The journal has a name.
cp "$WORK/sound.bin" "$WORK/d/flash.bin"
junk 1 2
waiting "$WORK/line"
has "no journal" "$(cat "$WORK/said")" "the boot journal is lost"
recover 0 "nothing was missing; the device boots slot A" "no journal" \
    "$WORK/one.suit" "$WORK/one.a"
end_device
finish
