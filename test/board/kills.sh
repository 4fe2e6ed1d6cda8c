#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Cuts the power of the emulated board N times while it updates itself, over
# and over, from release to release, with the bootloader of the STRATEGY (ab).
# SEED chooses the flash operation that is
# hit and whether the cut comes before, inside or after it; the time of day
# has no say. After each cut the board must boot an authentic image that is
# not below its floor, and in the end run the newest release.
# usage: test/board/kills.sh [N [SEED [STRATEGY]]]
set -u
N=${1:-100}
SEED=${2:-1}
ARGS="$N $SEED ${3:-ab}"
. "$(dirname "$0")/lib.sh"
STRATEGY=${3:-ab}
LOADER=$IMAGES/loader-cut.bin
flash=$WORK/flash.bin
RANDOM=$SEED

# Flash operations of an update from poll to confirmed boot, about; a move in
# place takes 17 for each sector that it copies.
case $STRATEGY in
swap) OPERATIONS=480 ;;
overwrite) OPERATIONS=300 ;;
*) OPERATIONS=120 ;;
esac
images=(1.0.0 1.1.0 1.2.0)
newest=1 # release on the server; its image is images[newest % 3]
floor=1
cuts=0

release_make()
{
    local version=${images[$(($1 % 3))]}
    # shellcheck disable=SC2046 # one image or two
    release "$1" "$1" $(app "$version" -cut)
}

publish()
{
    newest=$((newest + 1))
    release_make $newest && serve $newest
}

# The lines of one run hang together: each boot names a slot and a sequence
# number that is newest or the one before, never below the floor, and the
# application that follows has that number and its version. No line at all is
# right, too: the power went before the bootloader had chosen.
console_is_right()
{
    local line sequence='' version
    while IFS= read -r line; do
        case $line in
        'boot: '*'nothing to boot'*)
            echo "nothing to boot: $line"
            return 1
            ;;
        'boot: '*)
            sequence=$(sed -n 's/.*, sequence \([0-9]*\).*/\1/p' <<< "$line")
            if [ -z "$sequence" ] || [ "$sequence" -lt "$floor" ] ||
                [ "$sequence" -gt "$newest" ]; then
                echo "floor $floor, newest $newest, but: $line"
                return 1
            fi
            ;;
        'app '*', floor '*)
            version=${images[$((sequence % 3))]}
            case $line in
            "app $version: "*", sequence $sequence, "*) ;;
            'app loader: slot B, '*', as the loader,'*)
                [ "$STRATEGY" = loader ] || return 1
                continue
                ;;
            *)
                echo "sequence $sequence is $version, but: $line"
                return 1
                ;;
            esac
            floor=$(sed -n 's/.*, floor \([0-9]*\),.*/\1/p' <<< "$line")
            ;;
        esac
    done < "$CONSOLE"
}

# One cut: run until the fuse blows, and give the board new work whenever it
# runs the newest release and knows that it is confirmed.
cut_once()
{
    local left=1200 seen=0 confirmed
    # Every other cut comes soon: those hit the journal and the log, which
    # are few among the many writes of an image.
    local within=$OPERATIONS
    [ $((RANDOM % 2)) -eq 0 ] || within=8
    fuse "$flash" $((RANDOM % within + 1)) $((RANDOM % 3 + 1)) \
        $((RANDOM << 17 ^ RANDOM << 2 ^ RANDOM & 3))
    board_start "$(boot_elf -cut)" "$flash" --test
    while kill -0 "$BOARD" 2> /dev/null; do
        confirmed=$(grep -c "^app .* sequence $newest, .*confirmed\|^update: confirmed, sequence $newest" \
            "$CONSOLE")
        if [ "$confirmed" -gt 0 ] && [ $seen -ne $newest ]; then
            seen=$newest
            publish || return 1
        fi
        left=$((left - 1))
        if [ $left -eq 0 ]; then
            echo "the power was never cut"
            tail -n 20 "$CONSOLE"
            return 1
        fi
        sleep 0.05
    done
    wait "$BOARD"
    local status=$?
    BOARD=
    [ $status -eq 77 ] || {
        echo "QEMU ended with $status"
        cat "$WORK/errors"
        return 1
    }
    cuts=$((cuts + 1))
    console_is_right || { tail -n 30 "$CONSOLE"; return 1; }
}

survives()
{
    local i
    release_make 1 && serve 1 || return 1
    factory "$flash" 1 --trial 60 || return 1
    for i in $(seq 1 "$N"); do
        cut_once || { echo "at cut $i of seed $SEED"; return 1; }
    done
    # The power stays on: the newest release is reached and confirmed.
    fuse "$flash" 0 0 0
    board_start "$(boot_elf -cut)" "$flash" --test
    board_wait 60 "^app .* sequence $newest, .*confirmed|^update: confirmed, sequence $newest" ||
        return 1
    board_kill
    console_is_right
}

# The judge refuses what it must: lines that no good board prints.
judge_is_right()
{
    local good='boot: reset power-on, slot A, sequence 4
app 1.1.0: slot A, sequence 4, accepted 4, floor 4, confirmed, after power-on'
    local line
    floor=4 newest=5
    echo "$good" > "$CONSOLE"
    console_is_right || return 1
    for line in 'boot: reset crash, nothing to boot, refused 288' \
        'boot: reset power-on, slot B, sequence 3' \
        'boot: reset power-on, slot B, sequence 6' \
        'app 1.0.0: slot A, sequence 4, accepted 4, floor 4, confirmed' \
        'app 1.1.0: slot A, sequence 5, accepted 5, floor 4, confirmed'; do
        { echo "$good"; echo "$line"; } > "$CONSOLE"
        ! console_is_right > /dev/null || { echo "passed: $line"; return 1; }
    done
    floor=1 newest=1
}

check "board: the judge of the power cuts refuses what it must" judge_is_right
check "board: $N power cuts, seed $SEED" survives
echo "cuts $cuts, releases $newest, floor $floor, $SECONDS s"
finish
