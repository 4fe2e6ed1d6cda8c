/* SPDX-License-Identifier: Apache-2.0
 *
 * store/journal.c - the boot journal. Format: docs/spec/flash.md. */
#include "store/journal.h"

#include "store/store_int.h"

/* The struct up to its check is the record. */
enum { RECORD_LEN = offsetof(struct selv_journal, is_alone) };
_Static_assert(RECORD_LEN == 156 && RECORD_LEN <= (int)SELV_RING_RECORD_MAX &&
                   offsetof(struct selv_journal, serial) ==
                       SELV_RING_SERIAL_AT &&
                   offsetof(struct selv_journal, accepted) == 8 &&
                   offsetof(struct selv_journal, trial_sequence) == 56 &&
                   offsetof(struct selv_journal, refused_digest) == 108 &&
                   offsetof(struct selv_journal, check) == 148,
               "the format: docs/spec/flash.md");

/* What is read into or written from. */
union buffer {
    struct selv_journal journal;
    uint8_t bytes[SELV_RING_RECORD_MAX];
};

/* The whole bit of J7: what the bootloader never writes otherwise. What a
 * build may set otherwise (SELV_BOOT_ATTEMPTS_MAX) is no part of it: the next
 * bootloader reads this one's journal. */
static bool is_sane(const void *record)
{
    const struct selv_journal *j = record;
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

static const struct selv_ring_format format = {
    .version = SELV_JOURNAL_VERSION,
    .kind = 0x4a, /* 'J' */
    .len = RECORD_LEN,
    .is_sane = is_sane,
};

bool selv_journal_is_sane(const struct selv_journal *record)
{
    return is_sane(record);
}

enum selv_err selv_journal_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_journal *out)
{
    struct selv_ring ring;
    enum selv_err err =
        selv_ring_read(&ring, flash, layout->journal_off, &format, out);
    out->is_alone = ring.is_alone;
    return err;
}

uint32_t selv_journal_next_serial(const struct selv_journal *newest)
{
    return selv_ring_next_serial(newest == NULL ? 0 : newest->serial);
}

/* Append what is sane, and follows what is newest in flash: who decided upon
 * another record writes nothing. A frame that one skipped instruction laid over
 * the caller's may have written over *journal by now: the floor is looked at
 * right before it is written, since what is in flash it lowers for good. */
static enum selv_err append(struct selv_ring *ring, union buffer *buffer,
                            struct selv_journal *journal, uint64_t floor)
{
    if (!is_sane(journal)) {
        return SELV_ERR_ARG;
    }
    const volatile uint32_t *serial = &buffer->journal.serial;
    journal->serial = selv_ring_next_serial(journal->serial);
    memcpy(buffer, journal, sizeof buffer->journal);
    if (buffer->journal.floor != floor ||
        *serial != selv_ring_next_serial(ring->serial)) {
        return SELV_ERR_STATE;
    }
    ring->is_twice = ring->is_twice & journal->is_alone;
    return selv_ring_write(ring, buffer);
}

enum selv_err selv_journal_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *journal)
{
    struct selv_ring ring;
    union buffer buffer;
    const uint64_t floor = journal->floor;
    enum selv_err err =
        selv_ring_read(&ring, flash, layout->journal_off, &format, &buffer);
    /* Not err: with one test left out it says that a record was written. */
    if (err != SELV_OK && err != SELV_ERR_STORE_EMPTY) {
        return SELV_ERR_STORE_DAMAGED;
    }
    /* J4: both numbers only rise, whoever asks; before the first record they
     * are zeros. */
    if (journal->accepted < buffer.journal.accepted ||
        floor < buffer.journal.floor) {
        return SELV_ERR_ARG;
    }
    return append(&ring, &buffer, journal, floor);
}

/* Sector 0 first, and sector 1 only when that holds the record: wholly erased,
 * sector 1 would say that there never was a journal. */
enum selv_err selv_journal_restart(const struct selv_flash *flash,
                                   const struct selv_layout *layout,
                                   struct selv_journal *journal)
{
    struct selv_ring ring;
    union buffer buffer;
    if (selv_ring_read(&ring, flash, layout->journal_off, &format, &buffer) !=
        SELV_ERR_STORE_DAMAGED) {
        return SELV_ERR_ARG;
    }
    ring.serial = journal->serial;
    return append(&ring, &buffer, journal, journal->floor);
}
