#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The skip test: no instruction of the boot decision, left out, and no bit that
# one of them wrote, flipped, boots what must not boot, or leaves a device that
# will. Needs the board's
# images (tools/build board) and no board.
# usage: test/fault/run.sh                  a sample, as `make check` does
#        test/fault/run.sh whole            each place, wider flips (hours)
#        test/fault/run.sh replay CASE      one case again, as the test names it
#        test/fault/run.sh judge ELF [OPTION...]   another bootloader's ELF
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
[ -x "$FAULT" ] || skip "no $FAULT"

# Where the time of a check goes: seconds, and the share of places whose flips
# are tried.
sample()
{
    "$FAULT" --share 1500 "$IMAGES/boot.elf" "$PARTS"
}

whole()
{
    "$FAULT" --paths --share 40 "$IMAGES/boot.elf" "$PARTS" &&
        "$FAULT" --whole --exact --no-flips --pairs "$IMAGES/boot.elf" "$PARTS"
}

make_parts || exit 1
case ${1:-} in
'')
    check "fault: our machine is QEMU's, the curve included" like_qemu good
    check "fault: a sample of skips and flips, nothing bad boots" sample
    ;;
whole)
    check "fault: our machine is QEMU's, the curve included" like_qemu good
    check "fault: every skip, nothing bad boots" whole
    ;;
replay)
    "$FAULT" --replay "$2" "$IMAGES/boot.elf" "$PARTS" | tee "$WORK/replay"
    at=$(sed -n 's/.*fault at \(0x[0-9a-f]*\).*/\1/p' "$WORK/replay")
    arm-none-eabi-addr2line -f -i -e "$IMAGES/boot.elf" "$at"
    arm-none-eabi-objdump -d --no-show-raw-insn "$IMAGES/boot.elf" \
        --start-address=$((at - 12)) --stop-address=$((at + 16)) | tail -n +7
    exit
    ;;
judge)
    shift
    elf=$1
    shift
    "$FAULT" "$@" "$elf" "$PARTS"
    exit
    ;;
*)
    sed -n 's/^# usage/usage/p' "$0" >&2
    exit 2
    ;;
esac
finish
