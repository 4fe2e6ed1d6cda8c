/* SPDX-License-Identifier: Apache-2.0
 *
 * store/foreign.c - see store/foreign.h. */
#define SELV_MODULE 0x464f524eu /* "FORN" */
#include "store/foreign.h"

#include "store/store_int.h"
#include "suit/suit.h"

/* ---- the snapshot in flash ------------------------------------------------
 */

enum { RECORD_LEN = offsetof(struct selv_foreign, is_alone) };
_Static_assert(RECORD_LEN == 160 &&
                   offsetof(struct selv_foreign, serial) ==
                       SELV_RING_SERIAL_AT &&
                   offsetof(struct selv_foreign, digest) == 32 &&
                   offsetof(struct selv_foreign, image_len) == 144 &&
                   offsetof(struct selv_foreign, check) == 152,
               "the format: docs/spec/flash.md");

static bool is_sane(const void *record)
{
    const struct selv_foreign *s = record;
    return s->phase <= SELV_FOREIGN_GIVEN_UP &&
           s->tries <= SELV_FOREIGN_TRIES_MAX &&
           s->trial_slot < SELV_SLOT_COUNT && s->refused_was_trial <= 1 &&
           s->floor <= s->accepted;
}

static const struct selv_ring_format format = {
    .version = SELV_FOREIGN_VERSION,
    .kind = 0x46, /* 'F' */
    .len = RECORD_LEN,
    .is_sane = is_sane,
};

enum selv_err selv_foreign_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_foreign *s)
{
    struct selv_ring ring;
    enum selv_err err =
        selv_ring_read(&ring, flash, layout->journal_off, &format, s);
    s->is_alone = ring.is_alone;
    return err;
}

enum selv_err selv_foreign_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_foreign *s)
{
    struct selv_ring ring;
    struct selv_foreign before;
    enum selv_err err =
        selv_ring_read(&ring, flash, layout->journal_off, &format, &before);
    if (err != SELV_OK && err != SELV_ERR_STORE_EMPTY) {
        return err;
    }
    /* F1: both numbers only rise. */
    if (s->accepted < before.accepted || s->floor < before.floor ||
        !is_sane(s)) {
        return SELV_ERR_ARG;
    }
    ring.is_twice = ring.is_twice && s->is_alone;
    s->is_alone = false;
    s->serial = selv_ring_next_serial(ring.serial);
    return selv_ring_write(&ring, s);
}

/* ---- what became of a request ---------------------------------------------
 */

/* What asks for nothing any more. */
static void forget(struct selv_foreign *s)
{
    s->phase = SELV_FOREIGN_NONE;
    s->tries = 0;
}

/* As our own bootloader: a trial raises the accepted number, however it ends.
 */
static void accept(struct selv_foreign *s)
{
    if (s->accepted < s->trial_sequence) {
        s->accepted = s->trial_sequence;
    }
}

static void refuse(struct selv_foreign *s, bool was_trial, enum selv_err reason)
{
    if (was_trial) {
        accept(s);
    }
    memcpy(s->refused_digest, s->trial_digest, 32);
    s->refused_reason = (uint16_t)reason;
    s->refused_was_trial = was_trial;
    forget(s);
}

static enum selv_err revert_reason(enum selv_reset_cause cause)
{
    return cause == SELV_RESET_WATCHDOG ? SELV_ERR_BOOT_WATCHDOG
           : cause == SELV_RESET_CRASH  ? SELV_ERR_BOOT_CRASH
                                        : SELV_ERR_BOOT_ATTEMPTS;
}

void selv_foreign_keep(struct selv_foreign *s)
{
    accept(s);
    s->floor = s->accepted;
    memcpy(s->digest, s->trial_digest, 32);
    memset(s->refused_digest, 0, sizeof s->refused_digest);
    s->refused_reason = SELV_OK;
    s->refused_was_trial = 0;
    forget(s);
}

void selv_foreign_want(struct selv_foreign *s,
                       const struct selv_foreign_update *update)
{
    s->phase = SELV_FOREIGN_WANTED;
    s->tries = 0;
    s->trial_slot = update->slot;
    s->trial_sequence = update->sequence;
    s->image_len = update->image_len;
    memcpy(s->trial_digest, update->digest, 32);
    memcpy(s->image_digest, update->image_digest, SELV_FOREIGN_IMAGE_LEN);
}

enum selv_foreign_todo selv_foreign_judge(struct selv_foreign *s,
                                          enum selv_foreign_seen seen,
                                          enum selv_reset_cause cause)
{
    if (s->phase == SELV_FOREIGN_NONE) {
        return SELV_FOREIGN_GO_ON;
    }
    if (seen == SELV_FOREIGN_NEW_KEPT) {
        selv_foreign_keep(s);
        return SELV_FOREIGN_WRITE;
    }
    if (seen == SELV_FOREIGN_NEW_TRIAL) {
        if (s->phase == SELV_FOREIGN_TRIAL) {
            return SELV_FOREIGN_GO_ON;
        }
        accept(s);
        s->phase = SELV_FOREIGN_TRIAL;
        return SELV_FOREIGN_WRITE;
    }
    /* F3: what was seen running and runs no more was reverted, whatever is
     * left of it. */
    if (s->phase == SELV_FOREIGN_TRIAL ||
        (s->phase == SELV_FOREIGN_ASKED && seen == SELV_FOREIGN_OLD_BACK)) {
        refuse(s, true, revert_reason(cause));
        return SELV_FOREIGN_WITHDRAW;
    }
    if (seen == SELV_FOREIGN_OLD_ALONE && s->phase == SELV_FOREIGN_WANTED) {
        /* F5: a request that may never have got there proves nothing against
         * the image. */
        forget(s);
        return SELV_FOREIGN_WRITE;
    }
    if (seen == SELV_FOREIGN_OLD_ALONE || s->phase == SELV_FOREIGN_GIVEN_UP) {
        refuse(s, false, SELV_ERR_UPDATE_BOOTLOADER);
        return SELV_FOREIGN_WITHDRAW;
    }
    if (s->tries == SELV_FOREIGN_TRIES_MAX) {
        /* F4: a request taken back looks like one that was undone. */
        s->phase = SELV_FOREIGN_GIVEN_UP;
        return SELV_FOREIGN_GIVE_UP;
    }
    s->tries++;
    return SELV_FOREIGN_REPEAT;
}

/* ---- the boot record ------------------------------------------------------
 */

void selv_foreign_fill(const struct selv_foreign *s, uint8_t slot,
                       enum selv_reset_cause cause,
                       struct selv_boot_record *record)
{
    const struct selv_suit_capability *can = &selv_suit_capability_boot_select;
    bool is_trial = s->phase == SELV_FOREIGN_TRIAL;

    memset(record, 0, sizeof *record);
    record->slot = slot;
    record->is_trial = is_trial;
    record->attempt = is_trial;
    record->reset_cause = (uint8_t)cause;
    record->serial = s->serial;
    record->sequence = is_trial ? s->trial_sequence : s->floor;
    record->accepted = s->accepted;
    record->floor = s->floor;
    memcpy(record->digest, is_trial ? s->trial_digest : s->digest, 32);
    memcpy(record->refused_digest, s->refused_digest, 32);
    record->refused_reason = s->refused_reason;
    record->refused_was_trial = s->refused_was_trial;
    record->boot_parameters = can->parameters;
    record->boot_commands = can->commands;
    record->boot_envelope_max = can->envelope_max;
    record->boot_sections = can->sections;
    record->boot_components_max = can->components_max;
    record->boot_depth_max = can->depth_max;
    record->boot_signers_max = can->signers_max;
    selv_record_seal(record);
}
