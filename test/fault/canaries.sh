#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Plants holes into the bootloader, one at a time, each of which one skipped
# instruction goes through, to a bad boot or to a bad journal, and shows that the skip test finds them.
# usage: test/fault/canaries.sh [NAME...]
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"
[ -x "$FAULT" ] || skip "no $FAULT"
command -v arm-none-eabi-gcc > /dev/null || skip "arm-none-eabi-gcc is not installed"
commands=$WORK/commands

# begin STRATEGY: the canaries that follow are of its bootloader.
begin()
{
    STRATEGY=$1
    boot=$(boot_elf)
    ninja -C "$IMAGES" -t commands "$boot.elf" > "$commands" || exit 3
    make_parts || exit 1
}

# plant NAME FILE SED [FILE SED...]: $WORK/NAME.elf, the bootloader with these
# files changed. Objects given to the linker come before those in libraries.
plant()
{
    local name=$1 file object compile link objects=
    shift
    while [ $# -gt 0 ]; do
        file=$WORK/$name/$1
        mkdir -p "$(dirname "$file")"
        sed -E "$2" "$ROOT/$1" > "$file"
        cmp -s "$file" "$ROOT/$1" && { echo "$name: $1 is as before"; return 1; }
        object=$file.o
        compile=$(grep -- " -c $ROOT/$1\$" "$commands" |
            sed -E 's/ -M[TF] [^ ]+//g; s/ -MD//; s/ -o .*//')
        (cd "$IMAGES" && eval "$compile -w -o '$object' -c '$file'") ||
            return 1
        case $1 in
        *boot_main.c) ;; # takes the place of the one on the line
        *) objects="$objects $object" ;;
        esac
        shift 2
    done
    link=$(grep -- " -o $boot.elf " "$commands" | sed -E \
        's/^: && //; s/ && .*//; s/ -Wl,-Map=[^ ]+//')
    object=CMakeFiles/$boot.dir/boot_main.c.obj
    [ -f "$WORK/$name/ports/mps2-an385/boot_main.c.o" ] &&
        link=${link/$object/$WORK/$name/ports/mps2-an385/boot_main.c.o}
    link=${link/ -o $boot.elf/$objects -o $WORK/$name.elf}
    (cd "$IMAGES" && eval "$link")
}

# is_caught NAME SCENE FUNCTIONS FILE SED...: looks in these functions only,
# which is quicker.
is_caught()
{
    local name=$1 scene=$2 only=$3
    shift 3
    plant "$name" "$@" || return 1
    "$FAULT" --strategy "$STRATEGY" --paths --first --no-flips --only "$only" --scene "$scene" \
        "$WORK/$name.elf" "$PARTS" > "$WORK/said" 2>&1
    if [ $? -ne 1 ] || ! grep -q "^  skip .* first $scene/" "$WORK/said"; then
        cat "$WORK/said"
        return 1
    fi
    grep '^  skip' "$WORK/said"
}

canary()
{
    case " $ARGS " in
    "  " | *" $1 "*) check "canary: $1" is_caught "$@" ;;
    esac
}

begin ab
# RAM and flash may be executed while the bootloader decides.
canary guard signature selv_cbor_pull_wide,bucket_read ports/mps2-an385/boot_main.c \
    's/^    selv_board_guard\(\);//'
# One comparison decides on the signature.
canary compare signature selv_p256_verify ports/crypto-mbedtls/crypto_p256m.c \
    's/selv_ct_equal\(u, r, sizeof r\) &&/true \&\&/
     s/selv_ct_equal\(r, u, sizeof r\)/u256_diff(r, u) == 0/'
# One comparison decides on the image.
canary digest image \
    selv_suit_same_digest,selv_suit_answer_digest,selv_boot_serve,selv_boot_look,selv_ct_equal \
    lib/suit/suit_cmd_image.c \
    's/selv_ct_equal\(a, b, SELV_SHA256_LEN\) &&/true \&\&/'
# Whether the journal counts the attempt is not asked again.
canary attempts trial-spent selv_boot_decide,run_trial,judge_attempts \
    device/boot/boot.c \
    's/now\.trial_attempts > SELV_BOOT_ATTEMPTS_MAX/false/'
# The sequence number is read once.
canary sequence floor \
    selv_suit_manifest_read,selv_boot_look,selv_cbor_pull_wide,selv_suit_sequence_number \
    lib/suit/suit_manifest.c \
    's/^    uint64_t number = /    extern uint64_t kept; uint64_t number = kept = /' \
    lib/suit/suit.c \
    's/^SELV_OPAQUE uint64_t selv_suit_sequence_number/uint64_t kept; &/
     s/return selv_cbor_pull_wide\(.*/(void)r; return kept;/'
# What was found good is not asked for again before the jump.
canary again image \
    selv_suit_answer_digest,selv_suit_ended,fail,run,look_once,selv_boot_look,selv_suit_go,selv_suit_poll \
    device/boot/boot_slot.c \
    's/!selv_is_good\(selv_suit_may_invoke\(&boot->suit\)\)/false/
     s/return selv_suit_may_invoke\(&boot->suit\)/return SELV_GOOD/' \
    device/boot/boot.c \
    's/!selv_is_good\(selv_suit_may_invoke\(&boot->suit\)\)/false/
     s/return selv_suit_may_invoke\(&boot->suit\)/return SELV_GOOD/'
# What is written follows whatever record was read, be it an older one.
canary newest ask-signature \
    selv_journal_read,selv_ring_read,look,read_place,read_again \
    lib/store/journal.c \
    's/\*serial != (selv_ring_next_serial\(ring->serial\))/(buffer->journal.serial = \1) == 0/'
# What is no birth may begin a journal.
canary birth birth \
    selv_ring_read,look,read_again,selv_journal_read,selv_boot_choose \
    device/boot/boot.c \
    's/^         boot->facts\.decision != SELV_BOOT_BORN\)/         false)/'
# accepted is whatever the caller says.
canary accepted ask selv_boot_look,selv_boot_decide,answer_request,look_once \
    device/boot/boot.c \
    's/next->accepted != selv_suit_sequence_number\(&boot->suit\)/false/'
# Whether a trial is confirmed is asked once.
canary confirmed trial-forged selv_boot_decide,run_trial,selv_ct_equal \
    device/boot/boot.c \
    's/is_over && is_confirmed\(&boot->journal, log\)/is_over/'
# One bad look costs the current image its place.
canary place ask-refused selv_boot_look,look_once,selv_boot_either \
    device/boot/strategy_ab.c 's/turn = 0; turn < 3/turn = 1; turn < 3/'
# What is started is computed once.
canary start confirm main,board_reset_handler,selv_boot_hand_over \
    ports/mps2-an385/boot_main.c \
    's/places\[record->slot\]\.image_off != place->image_off/false/'

begin swap
# M12: that a record reached flash is not asked of flash.
canary reached forward selv_boot_commit device/boot/boot_move.c \
    's/^    return now\.serial == j->serial \&\& .*/    return true ||/'
# M13: what is copied is computed once, and not asked of flash.
canary once ask swap_step device/boot/boot_move.c \
    's/count_done\(boot, steps\) != step/false/
     s/out->from == again\.from \&\& out->to == again\.to/true/'
# M13: a copy is believed.
canary copied back selv_boot_decide_in_place device/boot/boot_move.c \
    's/\|\| !is_same\(boot->flash, &s\)//'
finish
