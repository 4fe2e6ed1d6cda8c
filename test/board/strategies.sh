#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The emulated board with the bootloader of each strategy: an update from the
# server to its confirmation, a bad one and what comes back, the stack that the
# bootloader took in all of that.
# usage: test/board/strategies.sh [STRATEGY...]
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
flash=$WORK/flash.bin
base=$WORK/base

# ready: releases for the strategy. Those that crash are authentic.
# shellcheck disable=SC2046 # one image or two
ready()
{
    serve_stop
    rm -rf "${WORK:?}"/[0-9]* "$WORK/crash" "$base" "$WORK/boots"
    release 1.0.0 1 $(app 1.0.0) && release 1.1.0 2 $(app 1.1.0) &&
        release crash 3 $(app 1.1.0-crash) && release 1.2.0 4 $(app 1.2.0) &&
        serve 1.0.0 && factory "$flash" 1.0.0 --trial 20
}

# What all boots of this strategy said is kept.
power_on()
{
    board_start "$(boot_elf)" "$flash"
}
power_off()
{
    board_kill
    cat "$CONSOLE" >> "$WORK/boots"
}

at_base()
{
    cp --sparse=always "$base" "$flash"
}

# comes PATTERN...: after a power-on, these lines, in this order.
comes()
{
    local pattern
    power_on
    for pattern; do
        board_wait 60 "$pattern" || { power_off; return 1; }
    done
    power_off
}

# slot LETTER: where the second release runs.
slot()
{
    case $STRATEGY in
    ab | ram) echo B ;;
    *) echo A ;;
    esac
}

# The device as it left the factory, and the first update: on trial, but for
# overwrite, which has none.
case_update()
{
    local lines=() how='on trial'
    serve 1.1.0
    [ $STRATEGY = overwrite ] && how=confirmed
    [ $STRATEGY = loader ] && lines=('^app loader: slot B, .*as the loader')
    comes '^app 1.0.0: slot A, .*confirmed' "${lines[@]}" \
        "^boot: reset request, slot $(slot), sequence 2" \
        "^app 1.1.0: slot $(slot), sequence 2, accepted 2, .*$how" \
        '^app 1.1.0: counter 10$' || return 1
    if [ $STRATEGY != overwrite ]; then
        grep -q '^update: confirmed' "$CONSOLE" ||
            comes "^app 1.1.0: slot $(slot), .*(on trial|confirmed)" \
                '^(update: confirmed|app 1.1.0: slot .*confirmed)' || return 1
    fi
    comes "^app 1.1.0: slot $(slot), sequence 2, accepted 2, floor 2, confirmed" &&
        cp --sparse=always "$flash" "$base"
}

# A release that crashes on its trial: what was confirmed comes back; where
# there is a loader, which has only one slot for releases, by the next one.
case_revert()
{
    at_base
    serve crash
    case $STRATEGY in
    loader)
        comes '^app 1.1.0: slot A, .*confirmed' \
            '^boot: reset request, slot A, sequence 3, trial boot 1$' \
            '^boot: reset crash .*, slot B, sequence 2, reverted 291$' \
            '^app loader: slot B, .*as the loader' || return 1
        serve 1.2.0
        comes '^app loader: slot B, .*as the loader' \
            '^app 1.2.0: slot A, .*accepted 4, floor 2, on trial' \
            '^update: confirmed'
        ;;
    *)
        comes "^app 1.1.0: slot $(slot), .*confirmed" \
            '^boot: reset request, slot ., sequence 3, trial boot 1$' \
            "^boot: reset crash .*, slot $(slot), sequence 2, reverted 291\$" \
            "^app 1.1.0: slot $(slot), .*accepted 3, floor 2, confirmed" \
            '^update: reverted' '^app 1.1.0: counter 40$' || return 1
        [ "$(grep -c 'trial boot' "$CONSOLE")" -eq 1 ] ||
            { echo "tried more than once"; return 1; }
        ;;
    esac
}

# flip SECTOR: one bit of it.
flip()
{
    local byte
    byte=$(od -An -tu1 -j $(($1 * 4096)) -N 1 "$flash")
    printf "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="$flash" bs=1 seek=$(($1 * 4096)) conv=notrunc status=none
}

# One bit of the image that runs is wrong: with overwrite the staging area has
# it still; with swap and ram the release before is below the floor; a loader
# fetches it again.
case_rotten()
{
    local image=11
    at_base
    [ "$(slot)" = A ] || image=75
    flip $image
    case $STRATEGY in
    overwrite)
        comes '^app 1.1.0: slot A, sequence 2, .*confirmed, after power-on'
        ;;
    loader)
        serve 1.1.0
        comes '^boot: reset power-on, slot B, ' '^app loader: ' \
            '^app 1.1.0: slot A, sequence 2, .*confirmed'
        ;;
    *)
        board_start "$(boot_elf -cut)" "$flash"
        board_wait 20 '^boot: reset power-on, nothing to boot, refused 155$'
        local status=$?
        board_kill
        return $status
        ;;
    esac
}

# What a bad one is where nothing is on trial: a release of another author.
case_stranger()
{
    at_base
    # shellcheck disable=SC2046 # one image or two
    SIGNER=stranger release 9.9.9 9 $(app 1.2.0) && serve 9.9.9 && comes "^app 1.1.0: slot $(slot), .*confirmed" \
        '^update: (rejected|idle), .*error' '^app 1.1.0: counter 40$' &&
        comes "^app 1.1.0: slot $(slot), sequence 2, accepted 2, floor 2, confirmed"
}

# The deepest that its stack was in all these boots; and with its data it fits
# the RAM that it has.
case_stack()
{
    local elf used static room
    elf=$IMAGES/$(boot_elf).elf
    used=$(sed -n 's/^app: boot .*, stack \([0-9]*\)$/\1/p' "$WORK/boots" |
        sort -n | tail -n 1)
    static=$(arm-none-eabi-size -A "$elf" |
        awk '$1 == ".data" || $1 == ".bss" { n += $2 } END { print n }')
    room=$(arm-none-eabi-size -A "$elf" | awk '$1 == ".stack" { print $2 }')
    echo "     stack: $used of $room painted, data $static, $((used + static)) of 4096"
    # A fault's frame, and what gcc does otherwise another day.
    [ -n "$used" ] && [ "$used" -gt 1000 ] && [ $((used + 128)) -le "$room" ] &&
        [ $((used + static)) -le 4096 ]
}

for STRATEGY in ${*:-ab swap overwrite ram loader}; do
    cases='update revert rotten stranger stack'
    [ "$STRATEGY" = overwrite ] && cases='update rotten stranger stack'
    check "$STRATEGY: ready" ready
    for name in $cases; do
        check "$STRATEGY: $name" "case_$name"
        board_kill
        [ -f "$base" ] || break
    done
done
finish
