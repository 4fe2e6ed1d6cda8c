/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_ab.c - both slots run where they lie: nobody installs, and
 * the way back is the other slot. */
#include "boot/boot_int.h"

/* The current slot first, whatever authentic image it holds, and once more:
 * one skipped instruction does not cost it its place. Then the other one, so
 * that an image that was reverted runs only when nothing else does. */
enum selv_verdict selv_boot_either(struct selv_boot *boot,
                                   struct selv_boot_record *record)
{
    /* Why the current image is not what boots: it is another one, or none. */
    enum selv_err reason = SELV_ERR_BOOT_REQUEST, why = SELV_OK;
    const struct selv_journal *j = &boot->journal;
    for (uint8_t turn = 0; turn < 3; turn++) {
        uint8_t slot = j->current_slot ^ (turn >> 1);
        if (!selv_is_good(selv_boot_look(boot, slot, j->floor, &why))) {
            reason = turn < 2 ? why : reason;
            continue;
        }
        if (slot != j->current_slot ||
            memcmp(boot->seen_digest, j->current_digest, 32) != 0) {
            if (turn == 0) {
                continue;
            }
            selv_boot_adopt(boot, reason);
        }
        return selv_boot_hand_over(boot, record, slot, false);
    }
    if (reason == SELV_ERR_STORE_EMPTY) {
        reason = SELV_ERR_BOOT_NO_IMAGE;
    }
    return selv_boot_refuse(boot, record, reason);
}

const struct selv_strategy selv_strategy_ab = {
    .profile = &selv_suit_profile_boot_select,
    .capability = &selv_suit_capability_boot_select,
    .slot_count = SELV_SLOT_COUNT,
    .decide = selv_boot_decide,
    .serve = selv_boot_serve,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = selv_boot_either,
};
