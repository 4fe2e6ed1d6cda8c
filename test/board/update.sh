#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Updates the emulated board over its network, with good images and with bad
# ones, and looks at what it boots.
# usage: test/board/update.sh [CASE...]
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"

image()
{
    echo "$IMAGES/app-$1.bin"
}

flash=$WORK/flash.bin
release 1.0.0 1 "$(image 1.0.0-a)" "$(image 1.0.0-b)"
release 1.1.0 2 "$(image 1.1.0-a)" "$(image 1.1.0-b)"
release 1.2.0 3 "$(image 1.2.0-a)" "$(image 1.2.0-b)"
for kind in crash hang mute unfit; do
    release $kind 3 "$(image 1.1.0-$kind-a)" "$(image 1.1.0-$kind-b)"
done
release swapped 3 "$(image 1.2.0-b)" "$(image 1.2.0-a)"
release downgrade 1 "$(image 1.2.0-a)" "$(image 1.2.0-b)"
serve 1.0.0

# Every case but the first starts from here: 1.1.0 confirmed in slot B, floor
# 2, and 1.0.0 still in slot A.
base=$WORK/base
at_base()
{
    cp --sparse=always "$base" "$flash"
}

# boots PATTERN [IMAGE]: after a power cut, the next boot's lines match.
boots()
{
    board_start "${2:-boot}" "$flash"
    board_wait 20 "$1"
    local status=$?
    board_kill
    return $status
}

case_update()
{
    factory "$flash" 1.0.0 --trial 20 || return 1
    serve 1.1.0
    board_start boot "$flash"
    board_wait 20 '^boot: reset power-on, slot A, sequence 1$' &&
        board_wait 20 '^app 1.0.0: slot A, .*confirmed' &&
        board_wait 20 '^app 1.0.0: counter 1$' &&
        board_wait 60 '^boot: reset request, slot B, sequence 2, trial boot 1' &&
        board_wait 20 '^app 1.1.0: slot B, .*accepted 2, floor 1, on trial' &&
        board_wait 20 '^app: boot trial, slot A not looked at, slot B sound' &&
        board_wait 20 '^app 1.1.0: counter 10$' &&
        board_wait 20 '^update: confirmed' || return 1
    board_kill
    boots '^app 1.1.0: slot B, sequence 2, accepted 2, floor 2, confirmed' ||
        return 1
    cp --sparse=always "$flash" "$base"
}

case_and_back()
{
    at_base
    serve 1.2.0
    board_start boot "$flash"
    board_wait 60 '^boot: reset request, slot A, sequence 3, trial boot 1' &&
        board_wait 20 '^app 1.2.0: counter 100$' &&
        board_wait 20 '^update: confirmed' || return 1
    board_kill
    boots '^app 1.2.0: slot A, sequence 3, accepted 3, floor 3, confirmed'
}

# The chunk list is asked for, and a cut in the middle of the image costs the
# chunk that was under way, and a window of blocks: what is in the slot is looked
# at there, by the list, and not fetched again.
case_chunks()
{
    local asked=$WORK/asked list image size from again lost
    at_base
    : > "$asked"
    serve 1.2.0 --requests "$asked" --slow 20
    list=$(sha256sum < "$WORK/1.2.0/app-1.2.0-a.bin.chunks" | head -c 32)
    image=$(sha256sum < "$WORK/1.2.0/a.bin" | head -c 32)
    size=$(wc -c < "$WORK/1.2.0/a.bin")
    board_start boot "$flash"
    board_wait 60 ", [23][0-9]{4} of $size" || return 1
    board_kill
    grep -q "^$list 0 " "$asked" || { echo "no list asked for"; return 1; }
    lost=$(awk -v i="$image" '$1 == i && $2 + $3 > end {end = $2 + $3}
        END {print end}' "$asked")
    mv "$asked" "$asked.before"
    serve 1.2.0 --requests "$asked"
    board_start boot "$flash"
    board_wait 60 '^update: downloading, .*resumed at' &&
        board_wait 60 '^update: confirmed' || return 1
    from=$(sed -n 's/^update: downloading, .*resumed at \([0-9]*\) .*/\1/p' \
        "$CONSOLE" | head -n 1)
    board_kill
    # Before the cut: blocks in flight, and those of a chunk that was not whole.
    again=$((lost - from))
    echo "cut when $lost of $size bytes were asked for, resumed at $from"
    [ "$from" -ge 20000 ] && [ $((from % 4096)) -eq 0 ] &&
        [ $again -le $((4096 + 8 * 512)) ] || return 1
    # Behind it: what was there is not asked for; the rest once, but for
    # blocks that were late: two windows of them at most.
    awk -v i="$image" -v from="$from" -v size="$size" '
        $1 != i { next }
        $2 < from { print "again: " $0; bad = 1 }
        seen[$2]++ { twice++; next }
        { sum += $3 }
        END {
            print sum " bytes asked for, " twice + 0 " blocks twice"
            exit bad || twice > 16 || sum < size - from ||
                sum >= size - from + 1024
        }
    ' "$asked"
}

# bad RELEASE REASON PATTERN [TRIAL-BOOTS]: the release is tried once, the
# console shows the pattern, 1.1.0 comes back and does not try it again. It is
# the application that says how it was booted: TRIAL-BOOTS is 0 for one that
# never gets there.
bad()
{
    local trial_boots=${4:-1}
    at_base
    serve "$1"
    board_start boot "$flash"
    { [ "$trial_boots" -eq 0 ] ||
        board_wait 60 '^boot: reset request, slot A, sequence 3, trial boot 1'; } &&
        board_wait 60 "^boot: $3, slot B, sequence 2, reverted $2\$" &&
        board_wait 20 '^app 1.1.0: slot B, .*accepted 3, floor 2, confirmed' &&
        board_wait 20 '^update: reverted' &&
        board_wait 20 '^app 1.1.0: counter 40' || return 1
    board_kill
    [ "$(grep -c 'trial boot' "$CONSOLE")" -eq "$trial_boots" ] || {
        echo "tried more than once"
        return 1
    }
}

case_crash()
{
    bad crash 291 'reset crash .exception 5 at 0x2100.*'
}

case_hang()
{
    bad hang 290 'reset watchdog'
}

# The signed image of the other slot: its entry lies outside of this one.
case_swapped()
{
    bad swapped 291 'reset crash .exception 0 at .*, detail 0x21009000.' 0
}

case_unfit()
{
    bad unfit 290 'reset watchdog'
}

# Never confirmed, and the power goes on each of its boots.
case_mute()
{
    at_base
    serve mute
    local attempt
    for attempt in 1 2 3; do
        board_start boot "$flash"
        board_wait 60 "slot A, sequence 3, trial boot $attempt\$" &&
            board_wait 20 '^update: trial' || return 1
        board_kill
    done
    boots '^boot: reset power-on, slot B, sequence 2, reverted 289$'
}

# Never confirmed in the time that a trial has: the watchdog may bite then.
case_late()
{
    serve mute
    factory "$flash" 1.0.0 --trial 3 || return 1
    board_start boot "$flash"
    board_wait 60 '^boot: reset request, slot B, sequence 3, trial boot 1' &&
        board_wait 20 '^app: gave up' &&
        board_wait 20 '^boot: reset watchdog, slot A, sequence 1, reverted 290'
    local status=$?
    board_kill
    return $status
}

case_downgrade()
{
    at_base
    serve downgrade
    board_start boot "$flash"
    board_wait 20 '^update: (rejected|idle), .*error' || return 1
    board_kill
    boots '^app 1.1.0: slot B, sequence 2, accepted 2, floor 2, confirmed'
}

# One bit of the running image is wrong: it does not boot, and what lies in the
# other slot is below the floor.
case_rotten()
{
    at_base
    local byte
    byte=$(od -An -tu1 -j $((74 * 4096)) -N 1 "$flash")
    printf "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="$flash" bs=1 seek=$((74 * 4096)) conv=notrunc status=none
    cp --sparse=always "$flash" "$WORK/rotten"
    boots '^boot: reset power-on, nothing to boot, refused 155$' boot-cut ||
        return 1
    # The bootloader that ships says nothing and stays where it is.
    cp --sparse=always "$WORK/rotten" "$flash"
    board_start boot "$flash"
    sleep 2
    kill -0 "$BOARD" 2> /dev/null || return 1
    board_kill
    [ ! -s "$CONSOLE" ]
}

cases=${*:-update and_back chunks crash hang swapped unfit mute late downgrade rotten}
[ -z "$*" ] || case " $* " in *" update "*) ;; *) case_update > /dev/null ;; esac
for name in $cases; do
    check "update: $name" "case_$name"
    board_kill
    # Nothing else can be right without the first update.
    [ -f "$base" ] || break
done
finish
