/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_swap.c - the bootloader exchanges staging area and slot A, and
 * exchanges them back when the trial fails. No scratch sector: slot B has one
 * sector more than slot A, in front, and an update is staged behind it. With
 * B[0] the spare sector, for n sectors:
 *
 *   forward, i = 0 .. n-1:   B[i] <- A[i],     A[i] <- B[i+1]
 *   back,    i = n-1 .. 0:   B[i+1] <- A[i],   A[i] <- B[i]
 *
 * Each sector is erased once and written once, and the source of each half step
 * is intact until the next one begins. */
#include "boot/boot_int.h"

/* A copy is done as a swap, too, which there is a way back from. */
static const struct selv_suit_capability capability =
    SELV_BOOT_IN_PLACE_CAPABILITY(1ull << SELV_SUIT_DIRECTIVE_COPY |
                                  1ull << SELV_SUIT_DIRECTIVE_SWAP);

static void swap_step(const struct selv_boot *boot, uint32_t step,
                      struct selv_boot_step *out)
{
    const struct selv_journal *j = &boot->journal;
    const struct selv_slot_place *slot = boot->layout->slot;
    uint32_t sector = boot->flash->sector_len;
    bool is_forward = j->install_state == SELV_INSTALL_FORWARD;
    uint32_t i = is_forward ? step / 2 : j->install_count - 1u - step / 2;
    uint32_t a = slot[SELV_SLOT_A].envelope_off + i * sector;
    uint32_t staged = slot[SELV_SLOT_B].envelope_off + i * sector;
    uint32_t kept = staged - sector;
    out->from = a;
    out->to = is_forward ? kept : staged;
    if (step % 2 != 0) {
        out->from = is_forward ? staged : kept;
        out->to = a;
    }
}

/* What was staged lies in A, what was current in B. What took the place of a
 * current image that was lost is no trial: there is nothing to go back to. */
static void swap_arrive(struct selv_boot *boot, struct selv_journal *next)
{
    (void)boot;
    if (memcmp(next->trial_digest, next->current_digest, 32) == 0) {
        selv_boot_clear_trial(next);
    } else {
        next->current_slot = SELV_SLOT_B;
        next->trial_state = SELV_TRIAL_RUNNING;
    }
}

/* Bytes of the image in slot A that must be there again after the way back. */
static uint32_t swap_leaving(struct selv_boot *boot)
{
    enum selv_err why;
    return selv_is_good(selv_boot_look(boot, SELV_SLOT_A, 0, &why))
               ? selv_boot_seen_len(boot, SELV_SLOT_A)
               : boot->layout->slot[SELV_SLOT_A].image_len;
}

/* Whether slot B, a spare sector lower, still holds the image that is to go
 * back: the application on trial could write there. */
static bool is_kept(struct selv_boot *boot, enum selv_err *why)
{
    const struct selv_layout *layout = boot->layout;
    struct selv_layout lower = *layout;
    lower.slot[SELV_SLOT_B].envelope_off -= layout->spare_len;
    lower.slot[SELV_SLOT_B].image_off -= layout->spare_len;
    boot->layout = &lower;
    bool is_good = selv_is_good(selv_boot_look(boot, SELV_SLOT_B, 0, why));
    boot->layout = layout;
    if (is_good &&
        memcmp(boot->seen_digest, boot->journal.current_digest, 32) != 0) {
        *why = SELV_ERR_BOOT_REQUEST;
        return false;
    }
    return is_good;
}

/* The confirmed image lies in slot B, and nothing is on trial in A: a trial was
 * reverted. When what should go back is gone, the image in A stays, the only
 * one that there is (B7). */
static enum selv_err swap_begin_back(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    enum selv_err reason, why;
    /* M13: what is bad twice is bad. */
    if (!is_kept(boot, &reason) && !is_kept(boot, &reason)) {
        if (selv_is_good(selv_boot_look(boot, SELV_SLOT_A, next.floor, &why))) {
            selv_boot_adopt(boot, reason);
            return selv_boot_is_at_rest(&boot->journal) ? SELV_OK : reason;
        }
        if (reason == SELV_ERR_BOOT_REQUEST) {
            return reason;
        }
        /* Neither runs. What did not come forward whole, say, is whole again
         * when it went back as it came; and nothing is lost by that. */
    }
    selv_boot_begin_move(boot, &next, SELV_INSTALL_BACK, next.install_count);
    if (next.install_state != SELV_INSTALL_BACK || next.install_step != 0 ||
        next.install_count != boot->journal.install_count) {
        return SELV_ERR_STATE; /* M13 */
    }
    return selv_boot_commit(boot, &next);
}

/* The spare side of a swap does not take a sector: what was moved so far goes
 * back, while all of it is still there. M3: the marks are erased only when the
 * journal knows without them how far it went. */
static enum selv_err swap_turn_back(struct selv_boot *boot, uint32_t step)
{
    struct selv_journal next = boot->journal;
    next.install_step = (uint16_t)step;
    next.install_again = 1;
    enum selv_err err = selv_boot_commit(boot, &next);
    if (err) {
        return err;
    }
    selv_boot_set_refused(&next, next.trial_digest, SELV_ERR_FLASH_IO, false);
    selv_boot_clear_trial(&next);
    selv_boot_begin_move(boot, &next, SELV_INSTALL_BACK, (uint16_t)(step / 2));
    err = selv_boot_commit(boot, &next);
    return err != SELV_OK ? err : SELV_ERR_STATE;
}

static const struct selv_in_place in_place = {
    .describe = selv_boot_describe_staging,
    .leaving = swap_leaving,
    .arrive = swap_arrive,
    .begin_back = swap_begin_back,
    .turn_back = swap_turn_back,
    .step = swap_step,
    .steps = 2,
};

const struct selv_strategy selv_strategy_swap = {
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
