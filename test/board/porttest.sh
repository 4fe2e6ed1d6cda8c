#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The port test (docs/porting.md) on the emulated board: the whole report, and
# a run that begins behind one that was cut short.
# usage: test/board/porttest.sh
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
flash=$WORK/flash.bin

# Time by instructions: on a busy machine QEMU's ticks are lost, which the
# test finds.
run_test()
{
    timeout 120 "$RUN" --test --exact "$IMAGES/porttest.elf" "$flash" \
        < /dev/null > "$CONSOLE" 2> "$WORK/errors"
}

# Every check says something once, in the core's order.
checks()
{
    sed -n 's/^    {"\([a-z]*\.[a-z-]*\)", .*/\1/p' \
        "$ROOT"/test/porttest/check_{flash,area,clock,watchdog,boot,random}.c
}

passes()
{
    run_test && grep -qx 'porttest mps2-an385' "$CONSOLE" || return 1
    checks > "$WORK/checks"
    sed -n 's/^\(ok  \|FAIL\|skip\) \([a-z.-]*\).*/\2/p' "$CONSOLE" \
        > "$WORK/reported"
    cmp "$WORK/checks" "$WORK/reported" || return 1
    # All but the one that needs cells to spoil.
    [ "$(grep -v '^ok' "$CONSOLE" | sed -n 2p)" = \
        'skip flash.spoilt: the port cannot spoil a unit (spoil)' ] &&
        [ "$(tail -n 1 "$CONSOLE")" = \
            "$(($(wc -l < "$WORK/checks") - 1)) passed, 0 failed, 1 skipped" ]
}

says()
{
    grep -qE -- "$1" "$CONSOLE"
}

whole()
{
    passes || {
        cat "$CONSOLE" "$WORK/errors"
        return 1
    }
}

# The stack that was measured is what the bootloader has room for.
stack()
{
    says '^ok   boot.stack: the choice takes 1[0-9]{3} of 2816 bytes$' &&
        says '^ok   boot.kick: [0-9]+ ms without a kick, of 6000$'
}

# Flash keeps what no run of the test may touch.
keeps_outside()
{
    [ "$(od -An -tx4 -j 4096 -N 4 "$flash" | tr -d ' ')" = 12345678 ] &&
        [ "$(od -An -tx4 -j $((71 * 4096)) -N 4 "$flash" | tr -d ' ')" = \
            87654321 ]
}

# Where power goes in the middle, the next run begins anew; where it went in
# the one check that leaves a word for that, it says so, once.
goes_on_after_cut()
{
    local i
    for i in 1 2 3; do
        "$RUN" --uart "$CONSOLE" "$IMAGES/porttest.elf" "$flash" \
            < /dev/null > "$WORK/errors" 2>&1 &
        BOARD=$!
        CHILDREN+=("$BOARD")
        board_wait 60 'flash.write-again' || return 1
        sleep 0.$i
        board_kill
    done
    run_test || ! says '^FAIL state: ' || run_test
    passes
}

erased "$flash"
poke "$flash" 4096 0x12345678
poke "$flash" $((71 * 4096)) 0x87654321
check "porttest: the emulated board passes" whole
check "porttest: stack and watchdog have room" stack
check "porttest: flash outside of the area stays" keeps_outside
check "porttest: a run that was cut begins anew" goes_on_after_cut
finish
