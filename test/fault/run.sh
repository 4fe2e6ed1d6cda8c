#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The skip test: no instruction of the boot decision, left out, and no bit that
# one of them wrote, flipped, boots what must not boot, or leaves a device that
# will. Needs the board's
# images (tools/build board) and no board.
# usage: test/fault/run.sh                  A/B, a sample, as `make check` does
#        test/fault/run.sh strategies       the other strategies, and recovery
#                                           over the serial line, the same
#        test/fault/run.sh whole [STRATEGY] each place, wider flips (hours)
#        test/fault/run.sh replay CASE [STRATEGY]
#                                           one case again, as the test names it
#        test/fault/run.sh judge ELF STRATEGY [OPTION...]
#                                           another bootloader's ELF
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
[ -x "$FAULT" ] || skip "no $FAULT"

# fault [OPTION...]: over the scenes of the strategy.
fault()
{
    "$FAULT" --strategy "$STRATEGY" "$@" "$(bootloader)" "$PARTS"
}

# Holes that are known, by the instruction and what is wrong afterwards
# (docs/reliability.md, "What is not covered"): printed, and no failure. Where
# the bootloader changes, the instructions move: look at them again then.
OPEN=

# Where the time of a check goes: seconds, and the share of places whose flips
# are tried. Of the other strategies, of which most is the same code built
# otherwise, one place of some.
sample()
{
    make_parts && fault --share 1500
}

part()
{
    make_parts && fault --part 7 --share 16000 --open "$OPEN"
}

whole()
{
    make_parts && fault --paths --share 40 &&
        fault --whole --exact --no-flips --pairs
}

# With each byte of a hash: none may get to where the caller's words are.
hash()
{
    make_parts && fault --paths --only feed --scene trial-forged --no-flips
}

each()
{
    make_parts && fault --share 400 --open "$OPEN"
}

case ${1:-} in
'')
    make_parts || exit 1
    check "fault: our machine is QEMU's, the curve included" like_qemu good
    check "fault: a sample of skips and flips, nothing bad boots" sample
    ;;
strategies)
    for STRATEGY in swap overwrite ram loader recovery; do
        check "fault: $STRATEGY, a sample, nothing bad boots" part
    done
    STRATEGY=loader
    check "fault: loader, a hash writes into its own block only" hash
    ;;
whole)
    if [ $# -gt 1 ]; then
        STRATEGY=$2
        check "fault: $STRATEGY, each instruction, nothing bad boots" each
    else
        make_parts || exit 1
        check "fault: our machine is QEMU's, the curve included" like_qemu good
        check "fault: every skip, nothing bad boots" whole
    fi
    ;;
replay)
    STRATEGY=${3:-ab}
    make_parts || exit 1
    fault --replay "$2" | tee "$WORK/replay"
    at=$(sed -n 's/.*fault at \(0x[0-9a-f]*\).*/\1/p' "$WORK/replay")
    arm-none-eabi-addr2line -f -i -e "$(bootloader)" "$at"
    arm-none-eabi-objdump -d --no-show-raw-insn "$(bootloader)" \
        --start-address=$((at - 12)) --stop-address=$((at + 16)) | tail -n +7
    exit
    ;;
judge)
    elf=$2
    STRATEGY=$3
    shift 3
    make_parts || exit 1
    "$FAULT" --strategy "$STRATEGY" "$@" "$elf" "$PARTS"
    exit
    ;;
*)
    sed -n '/^# usage/,/^set/s/^# //p' "$0" >&2
    exit 2
    ;;
esac
finish
