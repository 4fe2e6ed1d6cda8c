#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# uboot_bad.sh - a U-Boot device on which something is missing, wrong or
# broken: a clear word, and nothing is touched.
. test/device/lib.sh
. test/device/uboot_lib.sh

release one 1 20000
release two 2 50000
start "$WORK/s" || fail "selvaged does not start"
offer two
machine "$WORK/new"
sed -i "s|$WORK/new|$WORK/m|" "$M/uboot.conf" "$M/fw_env.config" "$M/cmdline"

renew() {
    rm -rf "$WORK/m"
    cp -R "$WORK/new" "$WORK/m"
    M=$WORK/m
}

# refuses WHAT STATUS PIECE: the device says so, and A and the environment are
# what they were.
refuses() {
    env_before=$(cat "$M/env-0" "$M/env-1" | sha256sum)
    once
    expect "$1" "$STATUS" "$2"
    has "$1" "$OUT" "$3"
    part a one || fail "$1: the running partition was written"
    expect "$1: environment" "$(cat "$M/env-0" "$M/env-1" | sha256sum)" \
        "$env_before"
}

# ---- the file ---------------------------------------------------------------
renew
rm "$M/uboot.conf"
refuses "no file" 3 "uboot.conf: No such file"
config() {
    renew
    printf '%s\n' "$2" >>"$M/uboot.conf"
    refuses "$1" 3 "$3"
}
config "no value" "reboot" 'line 7: no "key = value"'
config "no such key" "slot-c = /dev/null" "line 7: no such key"
config "twice" "cmdline = /x" "line 7: the key stands there twice"
config "empty" "fw-setenv =" "line 7: the value is empty or too long"
config "a name with a blank" "variable-slot = my slot" "a variable's name"
renew
sed -i '/slot-b/d' "$M/uboot.conf"
refuses "no slot B" 3 "lacks slot-b"
renew
sed -i "s|part-b|part-a|" "$M/uboot.conf"
refuses "A is B" 3 "lacks another slot-b than slot-a"
# The same partition by other names.
renew
ln -s "$M/part-a" "$M/by-label"
sed -i "s|part-b|by-label|" "$M/uboot.conf"
refuses "A is B, by a link" 3 "slot A and slot B are the same"
renew
sed -i "s|part-b|../m/part-a|" "$M/uboot.conf"
refuses "A is B, by a path" 3 "slot A and slot B are the same"
renew
ln "$M/part-a" "$M/hard"
sed -i "s|part-b|hard|" "$M/uboot.conf"
refuses "A is B, by a hard link" 3 "slot A and slot B are the same"
# A block device has an owner that says so: whoever mounts it.
renew
: >"$WORK/owned"
truncate -s 4M "$WORK/owned"
if LOOP=$(losetup --find --show "$WORK/owned" 2>/dev/null) &&
    mkfs.ext2 -q "$LOOP" 2>/dev/null && mkdir "$WORK/mnt" &&
    mount "$LOOP" "$WORK/mnt" 2>/dev/null; then
    sed -i "s|$M/part-b|$LOOP|" "$M/uboot.conf"
    refuses "slot B is mounted" 3 "is it mounted?"
    umount "$WORK/mnt"
else
    echo "skipped: no loop device can be mounted here"
fi
[ -z "${LOOP:-}" ] || losetup -d "$LOOP"
for word in "" uboot uboot: barebox:x; do
    timeout 20 "$BUILD/bin/selvage-device" --state "$M/state" --server "$COAP" \
        --bootloader "$word" >"$WORK/out" 2>&1
    expect "--bootloader $word" $? 2
done

timeout 20 "$BUILD/bin/selvage-device" --state "$M/state" --server "$COAP" \
    --bootloader "uboot:$M/uboot.conf" --strategy swap >"$WORK/out" 2>&1
expect "--strategy with U-Boot" $? 2

# ---- the machine ------------------------------------------------------------
renew
echo "console=ttyS0" >"$M/cmdline"
refuses "nobody says what runs" 3 "does not say selvage.slot=A or =B"
echo "selvage.slot=C" >"$M/cmdline"
refuses "a slot C" 3 "does not say selvage.slot=A or =B"
renew
rm "$M/part-b"
refuses "no partition" 3 "slot B: $M/part-b: No such file"
renew
truncate -s 100 "$M/part-b"
refuses "a short partition" 3 "slot B: $M/part-b is shorter than 4096 bytes"
renew
echo "reboot = false" >"$M/more"
sed -i '/^reboot/d' "$M/uboot.conf"
cat "$M/more" >>"$M/uboot.conf"
once
expect "no reboot" "$STATUS" 3
has "no reboot" "$OUT" "the reboot command failed: false"
uboot
cycle
expect "no reboot: it goes on after one" "$STATUS" 0

# ---- the tools --------------------------------------------------------------
config "no fw_printenv" "fw-printenv = $WORK/nothing" \
    "nothing cannot be run; Debian has it in libubootenv-tool"
renew
rm "$M/fw_env.config"
refuses "no fw_env.config" 3 "fw_printenv failed"
# Only the request finds out about fw_setenv.
config() {
    renew
    printf '%s\n' "$2" >>"$M/uboot.conf"
    refuses "$1" 11 "$3"
    has "$1" "$OUT" "update failed, sequence number 2: the device's bootloader did not take the update (SELV_ERR_UPDATE_BOOTLOADER"
    # Nothing was asked for: it boots what it did.
    uboot
    expect "$1: then" "$(running)" A
}
config "fw_setenv is missing" "fw-setenv = $WORK/nothing" \
    "nothing cannot be run; Debian has it in libubootenv-tool"
printf '#!/bin/sh\necho "cannot lock" >&2\nexit 5\n' >"$WORK/failing"
printf '#!/bin/sh\nkill -9 $$\n' >"$WORK/dying"
chmod +x "$WORK/failing" "$WORK/dying"
config "fw_setenv fails" "fw-setenv = $WORK/failing" \
    "failing failed (status 5): cannot lock"
config "fw_setenv dies" "fw-setenv = $WORK/dying" "dying failed (status -1)"
config "fw_setenv does nothing" "fw-setenv = true" \
    "true said that it was written, but it was not"

# ---- the environment --------------------------------------------------------
renew
env_set bootlimit=
refuses "no bootlimit" 3 "variable bootlimit is not set"
# One copy damaged is none of our business; both are.
renew
damage() {
    dd if=/dev/urandom of="$M/$1" bs=1 seek="$2" count=64 conv=notrunc \
        status=none
}
damage env-0 10
cycle
expect "one copy damaged" "$STATUS" 0
renew
damage env-1 10
cycle
expect "the other copy damaged" "$STATUS" 0
if [ ! -e /etc/u-boot-initial-env ]; then
    renew
    damage env-0 10
    damage env-1 10
    refuses "both copies damaged" 3 "fw_printenv failed"
fi

# ---- what we remember -------------------------------------------------------
renew
cycle
expect "an update" "$STATUS" 0
dd if=/dev/zero of="$M/state/flash.bin" bs=4096 seek=1 count=1 conv=notrunc \
    status=none
once
has "one record damaged" "$OUT" "accepted 2, floor 2"
dd if=/dev/zero of="$M/state/flash.bin" bs=4096 seek=1 count=2 conv=notrunc \
    status=none
once
expect "all records damaged" "$STATUS" 3
has "all records damaged" "$OUT" "the device's records cannot be read"
stop
finish
