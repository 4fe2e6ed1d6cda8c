/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_ab.c - both slots run where they lie: nobody installs, and
 * the way back is the other slot. */
#include "boot/boot_int.h"

/* The current slot first, whatever authentic image it holds; then the other
 * one, so that an image that was reverted runs only when nothing else does. */
enum selv_verdict selv_boot_either(struct selv_boot *boot,
                                   struct selv_boot_record *record)
{
    enum selv_err reason = SELV_OK, why = SELV_OK;
    const struct selv_journal *j = &boot->journal;
    uint8_t current = j->current_slot;
    for (uint8_t other = 0; other < SELV_SLOT_COUNT; other++) {
        uint8_t slot = current ^ other;
        if (!selv_is_good(selv_boot_look(boot, slot, j->floor, &why))) {
            reason = other == 0 ? why : reason;
            continue;
        }
        if (memcmp(boot->seen_digest, j->current_digest, 32) != 0) {
            reason = other == 0 ? SELV_ERR_BOOT_REQUEST : reason;
        }
        if (reason != SELV_OK) {
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
