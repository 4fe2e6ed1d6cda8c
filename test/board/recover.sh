#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Recovery of the emulated board over its second UART: both slots destroyed,
# brought back, with the power cut in the middle, by the clock and by the flash
# operation.
# usage: test/board/recover.sh [CASE...]
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
CLASS=recovery
flash=$WORK/flash.bin
line=$WORK/uart1

release 1.0.0 1 "$IMAGES/app-1.0.0-a.bin" "$IMAGES/app-1.0.0-b.bin"
release 1.1.0 2 "$IMAGES/app-1.1.0-a.bin" "$IMAGES/app-1.1.0-b.bin"
PORT=$((20000 + RANDOM % 10000)) # nobody has to listen there

# damage OFFSET: 64 bytes of noise.
damage()
{
    head -c 64 /dev/urandom |
        dd of="$flash" bs=1 seek="$1" conv=notrunc status=none
}

# ruined: a device that has run 1.0.0, and whose two slots are noise now.
ruined()
{
    if [ ! -f "$WORK/ruined" ]; then
        factory "$flash" 1.0.0 || return 1
        board_start boot-recovery "$flash"
        board_wait 20 '^app 1.0.0: counter 1$' || return 1
        board_kill
        damage $((9 * 4096 + 5000))
        damage $((72 * 4096))
        damage $((80 * 4096))
        cp --sparse=always "$flash" "$WORK/ruined"
    fi
    cp --sparse=always "$WORK/ruined" "$flash"
}

power_on()
{
    rm -f "$line"
    board_start "${1:-boot-recovery}" "$flash" --recover "$line" ${2:-}
}

# recover RELEASE [options]
recover()
{
    local name=$1
    shift
    timeout 100 "$BUILD/bin/selvage" recover --port "$line" --wait 10 \
        "$WORK/$name/envelope" "$WORK/$name/a.bin" "$WORK/$name/b.bin" "$@"
}

case_both_slots()
{
    ruined || return 1
    power_on
    board_wait 20 '^boot: reset power-on, nothing to boot, refused 155$' &&
        board_wait 20 '^boot: recovery on UART 1$' || return 1
    recover 1.1.0 > "$WORK/out" || { cat "$WORK/out" "$CONSOLE"; return 1; }
    grep -q 'recovered: .*b.bin in slot B' "$WORK/out" || {
        cat "$WORK/out"
        return 1
    }
    board_wait 20 '^boot: reset request, slot B, sequence 2' &&
        board_wait 20 '^app 1.1.0: slot B, .*accepted 2, floor 1, confirmed' &&
        board_wait 20 '^app 1.1.0: counter 10$'
}

# What it refuses it says on the host, and stays where it is.
case_refused()
{
    ruined || return 1
    mkdir -p "$WORK/stranger"
    cp "$WORK"/1.1.0/?.bin "$WORK/stranger"
    selvage key generate -o "$WORK/stranger.pem" &&
        selvage manifest create --vendor $VENDOR --class $CLASS --sequence 3 \
            --image-a "$WORK/1.1.0/a.bin" --image-b "$WORK/1.1.0/b.bin" \
            --key "$WORK/stranger.pem" -o "$WORK/stranger/envelope" || return 1
    power_on
    board_wait 20 '^boot: recovery on UART 1$' || return 1
    recover stranger > "$WORK/out" 2>&1
    [ $? -eq 4 ] && grep -q 'no given key' "$WORK/out" || {
        cat "$WORK/out"
        return 1
    }
    recover 1.1.0 --quiet && board_wait 20 '^app 1.1.0: slot B'
}

# The power goes while the host sends; the host goes on by itself when the
# board is back.
case_power_cut()
{
    local delay host status
    for delay in 0.3 0.5 0.8; do
        ruined || return 1
        power_on
        board_wait 20 '^boot: recovery on UART 1$' || return 1
        recover 1.1.0 --json > "$WORK/out" 2> "$WORK/err" &
        host=$!
        sleep $delay
        board_kill
        power_on
        wait $host
        status=$?
        [ $status -eq 0 ] && board_wait 20 '^app 1.1.0: slot B' || {
            cat "$WORK/out" "$WORK/err"
            return 1
        }
        board_kill
    done
}

# The power goes at a flash operation, torn or whole, chosen by the seed.
case_flash_cut()
{
    local n host status mode
    for n in 1 2 9 30 52; do
        ruined || return 1
        mode=$((n % 3 + 1))
        fuse "$flash" $n $mode $((n * 7919))
        power_on boot-recovery-cut --test
        board_wait 20 '^boot: recovery on UART 1$' || return 1
        recover 1.1.0 > "$WORK/out" 2>&1 &
        host=$!
        CHILDREN+=("$host")
        wait "$BOARD"
        status=$?
        BOARD=
        [ $status -eq 77 ] || {
            echo "cut $n, mode $mode: the board ended with $status"
            tail -n 5 "$CONSOLE" "$WORK/out"
            return 1
        }
        power_on
        wait $host
        status=$?
        # The cut may come when all is written: then the board just boots.
        board_wait 20 '^app 1.1.0: slot B, .*accepted 2, floor 1' || {
            echo "cut $n, mode $mode: host $status"
            cat "$WORK/out"
            return 1
        }
        board_kill
    done
}


cases=${*:-both_slots refused power_cut flash_cut}
for name in $cases; do
    check "recover: $name" "case_$name"
    board_kill
done
finish
