/* SPDX-License-Identifier: Apache-2.0
 *
 * store/foreign.c - see store/foreign.h. */
#define SELV_MODULE 0x464f524eu /* "FORN" */
#include "store/foreign.h"

#include "store/store_int.h"
#include "suit/suit.h"

/* ---- the snapshot in flash ------------------------------------------------
 */

enum {
    KIND = 0x46, /* 'F' */
    PHASE_AT = 2,
    TRIES_AT = 3,
    ACCEPTED_AT = 8,
    FLOOR_AT = 16,
    TRIAL_SEQUENCE_AT = 24,
    DIGEST_AT = 32,
    TRIAL_DIGEST_AT = 64,
    REFUSED_DIGEST_AT = 96,
    IMAGE_DIGEST_AT = 128,
    IMAGE_LEN_AT = 144,
    REFUSED_REASON_AT = 148, /* 2 bytes */
    REFUSED_WAS_TRIAL_AT = 150,
    TRIAL_SLOT_AT = 151,
    RECORD_LEN = 160
};

static bool is_record_sane(const uint8_t *p)
{
    return p[PHASE_AT] <= SELV_FOREIGN_GIVEN_UP &&
           p[TRIES_AT] <= SELV_FOREIGN_TRIES_MAX &&
           p[TRIAL_SLOT_AT] < SELV_SLOT_COUNT && p[REFUSED_WAS_TRIAL_AT] <= 1 &&
           selv_get_be64(p + FLOOR_AT) <= selv_get_be64(p + ACCEPTED_AT);
}

static struct selv_ring ring_of(const struct selv_flash *flash,
                                const struct selv_layout *layout)
{
    struct selv_ring ring = {
        .flash = flash,
        .sector_off = {layout->journal_off[0], layout->journal_off[1]},
        .version = SELV_FOREIGN_VERSION,
        .kind = KIND,
        .len = RECORD_LEN,
        .is_sane = is_record_sane,
    };
    return ring;
}

enum selv_err selv_foreign_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_foreign *s)
{
    struct selv_ring ring = ring_of(flash, layout);
    struct selv_ring_state state;
    uint8_t p[SELV_RING_RECORD_MAX];
    enum selv_err err = selv_ring_read(&ring, p, &state);

    memset(s, 0, sizeof *s);
    if (err) {
        return err;
    }
    s->serial = selv_get_be32(p + SELV_RING_SERIAL_AT);
    s->phase = p[PHASE_AT];
    s->tries = p[TRIES_AT];
    s->trial_slot = p[TRIAL_SLOT_AT];
    s->refused_was_trial = p[REFUSED_WAS_TRIAL_AT];
    s->refused_reason =
        (uint16_t)(p[REFUSED_REASON_AT] << 8 | p[REFUSED_REASON_AT + 1]);
    s->image_len = selv_get_be32(p + IMAGE_LEN_AT);
    s->accepted = selv_get_be64(p + ACCEPTED_AT);
    s->floor = selv_get_be64(p + FLOOR_AT);
    s->trial_sequence = selv_get_be64(p + TRIAL_SEQUENCE_AT);
    memcpy(s->digest, p + DIGEST_AT, 32);
    memcpy(s->trial_digest, p + TRIAL_DIGEST_AT, 32);
    memcpy(s->refused_digest, p + REFUSED_DIGEST_AT, 32);
    memcpy(s->image_digest, p + IMAGE_DIGEST_AT, SELV_FOREIGN_IMAGE_LEN);
    s->is_alone = state.is_alone;
    return SELV_OK;
}

static void encode(const struct selv_foreign *s, uint8_t *p)
{
    memset(p, 0, SELV_RING_RECORD_MAX);
    p[PHASE_AT] = s->phase;
    p[TRIES_AT] = s->tries;
    p[TRIAL_SLOT_AT] = s->trial_slot;
    p[REFUSED_WAS_TRIAL_AT] = s->refused_was_trial;
    p[REFUSED_REASON_AT] = (uint8_t)(s->refused_reason >> 8);
    p[REFUSED_REASON_AT + 1] = (uint8_t)s->refused_reason;
    selv_put_be32(p + IMAGE_LEN_AT, s->image_len);
    selv_put_be64(p + ACCEPTED_AT, s->accepted);
    selv_put_be64(p + FLOOR_AT, s->floor);
    selv_put_be64(p + TRIAL_SEQUENCE_AT, s->trial_sequence);
    memcpy(p + DIGEST_AT, s->digest, 32);
    memcpy(p + TRIAL_DIGEST_AT, s->trial_digest, 32);
    memcpy(p + REFUSED_DIGEST_AT, s->refused_digest, 32);
    memcpy(p + IMAGE_DIGEST_AT, s->image_digest, SELV_FOREIGN_IMAGE_LEN);
}

enum selv_err selv_foreign_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_foreign *s)
{
    struct selv_ring ring = ring_of(flash, layout);
    struct selv_ring_state state;
    uint8_t p[SELV_RING_RECORD_MAX];
    enum selv_err err = selv_ring_read(&ring, p, &state);
    bool is_first = err == SELV_ERR_STORE_EMPTY;

    if (err && !is_first) {
        return err;
    }
    /* F1: both numbers only rise. */
    if (!is_first && (s->accepted < selv_get_be64(p + ACCEPTED_AT) ||
                      s->floor < selv_get_be64(p + FLOOR_AT))) {
        return SELV_ERR_ARG;
    }
    encode(s, p);
    if (!is_record_sane(p)) {
        return SELV_ERR_ARG;
    }
    return selv_ring_write(&ring, p, is_first ? NULL : &state, &s->serial);
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
