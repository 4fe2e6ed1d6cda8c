/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_overwrite.c - the bootloader copies the staging area over slot
 * A. No trial and no way back; but the staging area still holds the image, so
 * that a slot A that rots is copied again. */
#include "boot/boot_int.h"

/* A swap is none: there is no way back. */
static const struct selv_suit_capability capability =
    SELV_BOOT_IN_PLACE_CAPABILITY(1ull << SELV_SUIT_DIRECTIVE_COPY);

static void overwrite_step(const struct selv_boot *boot, uint32_t step,
                           struct selv_boot_step *out)
{
    const struct selv_slot_place *slot = boot->layout->slot;
    uint32_t at = step * boot->flash->sector_len;
    out->from = slot[SELV_SLOT_B].envelope_off + at;
    out->to = slot[SELV_SLOT_A].envelope_off + at;
}

/* Nothing is believed of what was staged when the move began: slot A itself is
 * looked at. */
static void overwrite_arrive(struct selv_boot *boot, struct selv_journal *next)
{
    enum selv_err why;
    if (selv_is_good(
            selv_boot_look(boot, SELV_SLOT_A, next->trial_sequence, &why))) {
        if (memcmp(boot->seen_digest, next->trial_digest, 32) == 0) {
            selv_boot_confirm(next);
            boot->facts.decision = SELV_BOOT_INSTALLED;
            return;
        }
        why = SELV_ERR_BOOT_REQUEST;
    }
    selv_boot_set_refused(next, next->trial_digest, why, false);
    selv_boot_clear_trial(next);
}

static const struct selv_in_place in_place = {
    .describe = selv_boot_describe_staging,
    .arrive = overwrite_arrive,
    .step = overwrite_step,
    .steps = 1,
};

const struct selv_strategy selv_strategy_overwrite = {
    .profile = &selv_suit_profile_boot_install,
    .capability = &capability,
    .slot_count = 1,
    .decide = selv_boot_decide_in_place,
    .serve = selv_boot_serve,
    .judge = selv_boot_plan,
    .accept = selv_boot_begin_forward,
    .boot_current = selv_boot_in_place,
    .in_place = &in_place,
};
