#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the board's own tests (ports/mps2-an385/selftest) in QEMU.
# usage: test/board/selftest.sh [SEED]
set -u
SEED=${1:-1}
ARGS=$SEED
. "$(dirname "$0")/lib.sh"
COMMAND=$((FUSE + 64))
flash=$WORK/flash.bin

# board COMMAND-NUMBER [run options]: its exit status is the board's.
board()
{
    local number=$1
    shift
    poke "$flash" $COMMAND "$number" 0
    timeout 60 "$RUN" --test "$@" "$IMAGES/selftest.elf" "$flash" \
        < /dev/null > "$WORK/console" 2> "$WORK/errors"
}

passes()
{
    if ! board "$@" || ! grep -q '^ok' "$WORK/console"; then
        cat "$WORK/console" "$WORK/errors"
        return 1
    fi
}

# ---- flash rules, reset causes, clock ---------------------------------------
erased "$flash"
check "flash rules" passes 1
check "reset causes" passes 2
check "clock and stack measure" passes 4

# ---- random: no boot number and no draw comes twice ------------------------------
erased "$flash"
seen=$WORK/seen
: > "$seen"
RANDOM=$SEED
cuts=0
never_repeats()
{
    local i status
    for i in $(seq 1 60); do
        # Every third boot is cut at its first operation or one of the next.
        if [ $((i % 3)) -eq 0 ]; then
            fuse "$flash" $((RANDOM % 3 + 1)) $((RANDOM % 3 + 1)) \
                $((RANDOM * 32768 + RANDOM))
        else
            fuse "$flash" 0 0 0
        fi
        # Now and then the marks are nearly used up, as after 1020 boots, so
        # that cuts hit the change of sectors too.
        if [ $((i % 10)) -eq 4 ]; then
            exhaust
        fi
        board 3
        status=$?
        case $status in
        0) grep '^boot ' "$WORK/console" >> "$seen" ;;
        77) cuts=$((cuts + 1)) ;;
        *) cat "$WORK/console"; return 1 ;;
        esac
    done
    [ -z "$(cut -d' ' -f2 "$seen" | sort | uniq -d)" ] &&
        [ -z "$(cut -d' ' -f4 "$seen" | sort | uniq -d)" ] &&
        [ "$(cut -d' ' -f2 "$seen" | sort -n -c 2>&1)" = "" ] &&
        [ "$(wc -l < "$seen")" -ge 40 ] && [ "$cuts" -ge 5 ]
}
# Write every mark but the last two of the current sector.
exhaust()
{
    local base0 base1 sector=5
    base0=$(peek "$flash" $((5 * 4096)))
    base1=$(peek "$flash" $((6 * 4096)))
    if [ "$base1" -ne 4294967295 ] && [ "$base1" -gt "$base0" ] &&
        [ "$(peek "$flash" $((6 * 4096 + 4)))" -eq \
            $((4294967295 - base1)) ]; then
        sector=6
    fi
    dd if=/dev/zero of="$flash" bs=4 count=1020 conv=notrunc status=none \
        seek=$((sector * 1024 + 2))
}
check "random: 60 boots with cuts, nothing repeats" never_repeats

# ---- network: datagrams of every size come back ------------------------------------
echoes()
{
    local port=$((20000 + RANDOM % 20000)) pid size answer
    poke "$flash" $COMMAND 5 0
    timeout 60 "$RUN" --test --forward $port --uart "$WORK/console" \
        "$IMAGES/selftest.elf" "$flash" < /dev/null > "$WORK/errors" 2>&1 &
    pid=$!
    CHILDREN+=($pid)
    for _ in $(seq 1 100); do
        grep -q 'net: ready' "$WORK/console" 2> /dev/null && break
        sleep 0.05
    done
    exec 3<> "/dev/udp/127.0.0.1/$port"
    for size in 1 2 3 4 5 63 64 65 255 256 257 511 512 700 1199 1200; do
        head -c $size /dev/urandom | base64 -w 0 | head -c $size > "$WORK/out"
        cat "$WORK/out" >&3
        timeout 5 dd bs=2048 count=1 status=none <&3 > "$WORK/in"
        cmp -s "$WORK/out" "$WORK/in" || { echo "size $size"; return 1; }
    done
    # Longer than the board's buffer: dropped, and the next one arrives.
    head -c 1300 /dev/zero >&3
    for _ in 1 2 3; do
        printf end >&3
        answer=$(timeout 5 dd bs=2048 count=1 status=none <&3)
        [ "$answer" = end ] && break
    done
    exec 3>&-
    wait $pid && [ "$answer" = end ]
}
check "network: datagrams of 1 to 1200 bytes come back" echoes
finish
