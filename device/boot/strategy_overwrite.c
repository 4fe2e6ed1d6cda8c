/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_overwrite.c - the bootloader copies the staging area over slot
 * A. No trial and no way back; but the staging area still holds the image, so
 * that a slot A that rots is copied again. */
#include "boot/boot_int.h"

/* Of the boot-install profile what this bootloader takes: it installs by
 * copy alone, loads nothing, writes no content. */
static const struct selv_suit_capability capability = {
    .commands = 1ull << SELV_SUIT_CONDITION_VENDOR_ID |
                1ull << SELV_SUIT_CONDITION_CLASS_ID |
                1ull << SELV_SUIT_CONDITION_IMAGE_MATCH |
                1ull << SELV_SUIT_CONDITION_COMPONENT_SLOT |
                1ull << SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX |
                1ull << SELV_SUIT_CONDITION_ABORT |
                1ull << SELV_SUIT_DIRECTIVE_TRY_EACH |
                1ull << SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS |
                1ull << SELV_SUIT_DIRECTIVE_COPY |
                1ull << SELV_SUIT_DIRECTIVE_INVOKE |
                1ull << SELV_SUIT_CONDITION_DEVICE_ID |
                1ull << SELV_SUIT_DIRECTIVE_RUN_SEQUENCE,
    .parameters = 1u << 0 | 1u << SELV_SUIT_PARAMETER_VENDOR_ID |
                  1u << SELV_SUIT_PARAMETER_CLASS_ID |
                  1u << SELV_SUIT_PARAMETER_IMAGE_DIGEST |
                  1u << SELV_SUIT_PARAMETER_COMPONENT_SLOT |
                  1u << SELV_SUIT_PARAMETER_STRICT_ORDER |
                  1u << SELV_SUIT_PARAMETER_SOFT_FAILURE |
                  1u << SELV_SUIT_PARAMETER_IMAGE_SIZE |
                  1u << SELV_SUIT_PARAMETER_CONTENT |
                  1u << SELV_SUIT_PARAMETER_URI |
                  1u << SELV_SUIT_PARAMETER_SOURCE_COMPONENT |
                  1u << SELV_SUIT_PARAMETER_INVOKE_ARGS |
                  1u << SELV_SUIT_PARAMETER_DEVICE_ID |
                  1u << SELV_SUIT_PARAMETER_FETCH_ARGUMENTS,
    .envelope_max = SELV_SUIT_ENVELOPE_MAX,
    .sections = 1u << SELV_SUIT_SECTION_INSTALL |
                1u << SELV_SUIT_SECTION_VALIDATE |
                1u << SELV_SUIT_SECTION_INVOKE,
    .components_max = SELV_SUIT_COMPONENTS_MAX,
    .depth_max = SELV_SUIT_DEPTH_MAX,
    .signers_max = SELV_SUIT_SIGNERS_MAX,
};

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
    enum selv_err why = SELV_ERR_BOOT_REQUEST;
    if (selv_is_good(
            selv_boot_look(boot, SELV_SLOT_A, next->trial_sequence, &why)) &&
        memcmp(boot->seen_digest, next->trial_digest, 32) == 0) {
        selv_boot_confirm(next);
        return;
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
    .judge = selv_boot_plan,
    .accept = selv_boot_begin_forward,
    .boot_current = selv_boot_in_place,
    .in_place = &in_place,
};
