/* SPDX-License-Identifier: Apache-2.0
 *
 * store/journal.c - the boot journal: struct selv_journal to and from a
 * record. Format: docs/spec/flash.md. */
#define SELV_MODULE 0x4a4f5552u /* "JOUR" */
#include "store/journal.h"

#include "store/store_int.h"

enum {
    KIND = 0x4a, /* 'J' */
    TRIAL_STATE_AT = 2,
    CURRENT_SLOT_AT = 3,
    ACCEPTED_AT = 8,
    FLOOR_AT = 16,
    TRIAL_SEQUENCE_AT = 24,
    CURRENT_DIGEST_AT = 32,
    TRIAL_DIGEST_AT = 64,
    REFUSED_DIGEST_AT = 96,
    TRIAL_NONCE_AT = 128,
    TRIAL_SLOT_AT = 136,
    TRIAL_ATTEMPTS_AT = 137,
    REFUSED_REASON_AT = 138, /* 2 bytes */
    REFUSED_WAS_TRIAL_AT = 140,
    INSTALL_STATE_AT = 141,
    INSTALL_STEP_AT = 142,  /* 2 bytes */
    INSTALL_COUNT_AT = 144, /* 2 bytes */
    INSTALL_AGAIN_AT = 146,
    REFUSED_COUNT_AT = 147,
    RECORD_LEN = 156
};

/* The whole bit of J7: what the bootloader never writes otherwise. What a
 * build may set otherwise (SELV_BOOT_ATTEMPTS_MAX) is no part of it: the next
 * bootloader reads this one's journal. */
static bool is_sane(const struct selv_journal *j)
{
    if (j->current_slot >= SELV_SLOT_COUNT || j->floor > j->accepted ||
        j->refused_was_trial > 1 || j->install_state > SELV_INSTALL_BACK ||
        j->install_step > 2 * j->install_count || j->install_again > 1) {
        return false;
    }
    if (j->trial_state == SELV_TRIAL_NONE) {
        return true;
    }
    return j->trial_state == SELV_TRIAL_RUNNING &&
           j->install_state == SELV_INSTALL_NONE &&
           j->trial_slot == (j->current_slot ^ 1) &&
           j->trial_sequence >= j->floor && j->trial_sequence <= j->accepted;
}

static uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void decode(const uint8_t *p, struct selv_journal *j)
{
    memset(j, 0, sizeof *j);
    j->serial = selv_get_be32(p + SELV_RING_SERIAL_AT);
    j->accepted = selv_get_be64(p + ACCEPTED_AT);
    j->floor = selv_get_be64(p + FLOOR_AT);
    j->current_slot = p[CURRENT_SLOT_AT];
    memcpy(j->current_digest, p + CURRENT_DIGEST_AT, 32);
    j->trial_state = p[TRIAL_STATE_AT];
    j->trial_slot = p[TRIAL_SLOT_AT];
    j->trial_attempts = p[TRIAL_ATTEMPTS_AT];
    memcpy(j->trial_digest, p + TRIAL_DIGEST_AT, 32);
    j->trial_sequence = selv_get_be64(p + TRIAL_SEQUENCE_AT);
    memcpy(j->trial_nonce, p + TRIAL_NONCE_AT, SELV_NONCE_LEN);
    memcpy(j->refused_digest, p + REFUSED_DIGEST_AT, 32);
    j->refused_reason = get_be16(p + REFUSED_REASON_AT);
    j->refused_was_trial = p[REFUSED_WAS_TRIAL_AT];
    j->refused_count = p[REFUSED_COUNT_AT];
    j->install_state = p[INSTALL_STATE_AT];
    j->install_step = get_be16(p + INSTALL_STEP_AT);
    j->install_count = get_be16(p + INSTALL_COUNT_AT);
    j->install_again = p[INSTALL_AGAIN_AT];
}

static void encode(const struct selv_journal *j, uint8_t *p)
{
    memset(p, 0, SELV_RING_RECORD_MAX);
    selv_put_be64(p + ACCEPTED_AT, j->accepted);
    selv_put_be64(p + FLOOR_AT, j->floor);
    p[CURRENT_SLOT_AT] = j->current_slot;
    memcpy(p + CURRENT_DIGEST_AT, j->current_digest, 32);
    p[TRIAL_STATE_AT] = j->trial_state;
    p[TRIAL_SLOT_AT] = j->trial_slot;
    p[TRIAL_ATTEMPTS_AT] = j->trial_attempts;
    memcpy(p + TRIAL_DIGEST_AT, j->trial_digest, 32);
    selv_put_be64(p + TRIAL_SEQUENCE_AT, j->trial_sequence);
    memcpy(p + TRIAL_NONCE_AT, j->trial_nonce, SELV_NONCE_LEN);
    memcpy(p + REFUSED_DIGEST_AT, j->refused_digest, 32);
    put_be16(p + REFUSED_REASON_AT, j->refused_reason);
    p[REFUSED_WAS_TRIAL_AT] = j->refused_was_trial;
    p[REFUSED_COUNT_AT] = j->refused_count;
    p[INSTALL_STATE_AT] = j->install_state;
    put_be16(p + INSTALL_STEP_AT, j->install_step);
    put_be16(p + INSTALL_COUNT_AT, j->install_count);
    p[INSTALL_AGAIN_AT] = j->install_again;
}

static bool is_record_sane(const uint8_t *record)
{
    struct selv_journal j;
    decode(record, &j);
    return is_sane(&j);
}

static struct selv_ring journal_ring(const struct selv_flash *flash,
                                     const struct selv_layout *layout)
{
    struct selv_ring ring = {
        .flash = flash,
        .sector_off = {layout->journal_off[0], layout->journal_off[1]},
        .version = SELV_JOURNAL_VERSION,
        .kind = KIND,
        .len = RECORD_LEN,
        .is_sane = is_record_sane,
    };
    return ring;
}

enum selv_err selv_journal_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_journal *out)
{
    struct selv_ring ring = journal_ring(flash, layout);
    struct selv_ring_state state;
    uint8_t record[SELV_RING_RECORD_MAX];
    enum selv_err err = selv_ring_read(&ring, record, &state);
    if (err) {
        return err;
    }
    decode(record, out);
    out->is_alone = state.is_alone;
    return SELV_OK;
}

uint32_t selv_journal_next_serial(const struct selv_journal *newest)
{
    return newest == NULL ? 1 : selv_ring_next_serial(newest->serial);
}

enum selv_err selv_journal_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *journal)
{
    struct selv_ring ring = journal_ring(flash, layout);
    struct selv_ring_state state;
    uint8_t record[SELV_RING_RECORD_MAX];
    const uint64_t floor = journal->floor;
    if (!is_sane(journal)) {
        return SELV_ERR_ARG;
    }
    enum selv_err err = selv_ring_read(&ring, record, &state);
    if (err != SELV_OK && err != SELV_ERR_STORE_EMPTY) {
        return err;
    }
    /* J4: both numbers only rise, whoever asks. */
    if (err == SELV_OK &&
        (journal->accepted < selv_get_be64(record + ACCEPTED_AT) ||
         floor < selv_get_be64(record + FLOOR_AT))) {
        return SELV_ERR_ARG;
    }
    bool is_first = err == SELV_ERR_STORE_EMPTY;
    encode(journal, record);
    /* A frame that one skipped instruction laid over the caller's has by now
     * written over *journal. What is in flash it lowers for good. */
    if (selv_get_be64(record + FLOOR_AT) != floor) {
        return SELV_ERR_STATE;
    }
    return selv_ring_write(&ring, record, is_first ? NULL : &state,
                           &journal->serial);
}

/* Sector 0 first, and sector 1 only when that holds the record: wholly erased,
 * sector 1 would say that there never was a journal. */
enum selv_err selv_journal_restart(const struct selv_flash *flash,
                                   const struct selv_layout *layout,
                                   struct selv_journal *journal)
{
    struct selv_ring ring = journal_ring(flash, layout);
    struct selv_ring_state state;
    uint8_t record[SELV_RING_RECORD_MAX];
    if (!is_sane(journal) ||
        selv_ring_read(&ring, record, &state) != SELV_ERR_STORE_DAMAGED) {
        return SELV_ERR_ARG;
    }
    memset(&state, 0, sizeof state);
    state.in[0].serial = journal->serial;
    encode(journal, record);
    return selv_ring_write(&ring, record, &state, &journal->serial);
}
