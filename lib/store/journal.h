/* SPDX-License-Identifier: Apache-2.0
 *
 * store/journal.h - the boot journal and the update log: two sectors each, in
 * which whole snapshots are appended, the newest valid one counts.
 *
 * Where sectors are not alike, of each only the first sector_len bytes (those
 * of the shortest) are used.
 *
 * The boot journal is written by the bootloader alone, and locked before it
 * hands over; every number in it comes from manifests that the bootloader
 * authenticated. The update log is written by the application and read by
 * the bootloader as hostile input: it can only ask.
 *
 * A record is padded to the write unit and ends with the first 8 bytes of the
 * SHA-256 of what comes before, so that a torn record is never taken for
 * whole. Formats: docs/spec/flash.md. Invariants: DESIGN.md J1 and following.
 */
#ifndef SELV_STORE_JOURNAL_H
#define SELV_STORE_JOURNAL_H

#include "base/base.h"
#include "store/check.h"
#include "store/flash.h"
#include "store/layout.h"

#define SELV_JOURNAL_VERSION 3u
#define SELV_LOG_VERSION 2u
#define SELV_NONCE_LEN 8u

enum selv_trial_state {
    SELV_TRIAL_NONE = 0,   /* nothing on trial */
    SELV_TRIAL_RUNNING = 1 /* trial fields are valid */
};

/* Which way bytes are on the move, for strategies that install in place. */
enum selv_install_state {
    SELV_INSTALL_NONE = 0,    /* each image lies where the slots say */
    SELV_INSTALL_FORWARD = 1, /* the one named by trial_digest, to slot A */
    SELV_INSTALL_BACK = 2     /* the current one, back to slot A */
};

/* One snapshot of all that the bootloader knows: the record as it lies in
 * flash, and is_alone. */
struct selv_journal {
    uint8_t version, kind; /* whoever writes it sets both, and check */
    uint8_t current_slot;  /* where the confirmed image lies now;
                              SELV_SLOT_NONE before the first */
    uint8_t refused_count; /* since the last confirmation, up to 255 */
    uint32_t serial;       /* counts records; the newest wins */
    uint64_t accepted;     /* an install must not be lower */
    uint64_t floor;        /* a boot must not be lower; <= accepted */
    uint8_t current_digest[32];
    uint64_t trial_sequence; /* first of the fields on trial */
    uint8_t trial_digest[32];
    uint8_t trial_nonce[SELV_NONCE_LEN]; /* of the latest attempt */
    uint8_t trial_state;                 /* enum selv_trial_state */
    uint8_t trial_slot;
    uint8_t trial_attempts;     /* boots given so far; last on trial */
    uint8_t install_again;      /* 1: the step after them may be half done, and
                                   its mark is not to be looked at */
    uint8_t refused_digest[32]; /* last request reverted or refused; zeros:
                                   none */
    uint16_t refused_reason;    /* enum selv_err */
    uint8_t refused_was_trial;  /* 1: it ran and was reverted */
    uint8_t install_state;      /* enum selv_install_state */
    uint16_t install_step;      /* steps known to be done */
    uint16_t install_count;     /* sectors to move; kept for the way back */
    uint8_t check[SELV_CHECK_LEN];
    bool is_alone; /* read only: one sector lacks this record. J9: write it
                      again before anything is decided on it */
};

/* What the application asks, and where its download stands. */
enum selv_log_state {
    SELV_LOG_IDLE = 0,
    SELV_LOG_DOWNLOADING = 1, /* digest, slot and progress are valid */
    SELV_LOG_TRIAL = 2,       /* asks the bootloader to try digest in slot */
    SELV_LOG_CONFIRM = 3,     /* confirms the trial whose nonce this is */
    SELV_LOG_LOADER = 4       /* asks for the loader, to fetch digest */
};

/* The record as it lies in flash. */
struct selv_log {
    uint8_t version, kind; /* whoever writes it sets both, and check */
    uint8_t state;         /* enum selv_log_state */
    uint8_t slot;
    uint32_t serial;
    uint8_t digest[32];            /* of the manifest */
    uint32_t progress;             /* bytes of the image known to be in flash:
                                      whole sectors */
    uint8_t nonce[SELV_NONCE_LEN]; /* CONFIRM: of the trial. DOWNLOADING:
                                      the map, see map_kind */
    uint8_t reported_digest[32];   /* outcome already told to the server */
    uint16_t reported_reason;
    uint16_t map_kind; /* DOWNLOADING: 0, or 1 + n: bit k of nonce (of byte
                          k / 8, the lowest bit first) says that the k-th part
                          behind progress is in flash; parts are runs of whole
                          sectors that begin at multiples of 2^n bytes of the
                          image */
    uint8_t check[SELV_CHECK_LEN];
};

/* Newest valid record; on an error *out is all zeros. Never writes.
 * SELV_ERR_STORE_EMPTY: there never was one (a first write that was cut short
 *   counts as none); the only case in which a device may be taken as new.
 * SELV_ERR_STORE_DAMAGED: there was one, and no place holds a valid one now.
 * SELV_ERR_STORE_VERSION: the records are of a format that we lack. */
SELV_MUST_CHECK enum selv_err
selv_journal_read(const struct selv_flash *flash,
                  const struct selv_layout *layout, struct selv_journal *out);
/* Append behind the record of record->serial, which is set to the next one,
 * also on an error. At a cut, a later read finds either
 * the old or the new record. What was written is read back; a place that does
 * not take it is passed over. SELV_ERR_FLASH_IO when no place takes it,
 * SELV_ERR_ARG when the record breaks an invariant of its own (floor above
 * accepted, a trial in the current slot, ...), or a number falls,
 * SELV_ERR_STATE when record->serial is not that of the newest record (0 before
 * the first one), SELV_ERR_STORE_DAMAGED when reading fails with it or with
 * _VERSION: a journal that is lost is never overwritten. */
SELV_MUST_CHECK enum selv_err
selv_journal_write(const struct selv_flash *flash,
                   const struct selv_layout *layout,
                   struct selv_journal *record);

/* Begin anew where the journal is lost (SELV_ERR_STORE_DAMAGED), with floor
 * and accepted proven by other means; anything else than a lost journal is
 * SELV_ERR_ARG. record->serial: the serial before the first one, for the
 * caller to choose so that nonces do not come again. At a cut the journal is
 * still lost, or the record is there. Other errors as for write. */
SELV_MUST_CHECK enum selv_err
selv_journal_restart(const struct selv_flash *flash,
                     const struct selv_layout *layout,
                     struct selv_journal *record);

/* Whether the record keeps its own invariants (DESIGN.md J7). */
bool selv_journal_is_sane(const struct selv_journal *record);

/* The serial that the next selv_journal_write gives when the newest record is
 * *newest (NULL: there is none). */
uint32_t selv_journal_next_serial(const struct selv_journal *newest);

/* SELV_ERR_STORE_EMPTY when there is no valid record, whatever else the
 * sectors hold: the log only asks, so losing it loses a question. *out is all
 * zeros then. */
SELV_MUST_CHECK enum selv_err selv_log_read(const struct selv_flash *flash,
                                            const struct selv_layout *layout,
                                            struct selv_log *out);
/* Append. SELV_ERR_FLASH_IO, SELV_ERR_ARG (unknown state or slot). */
SELV_MUST_CHECK enum selv_err selv_log_write(const struct selv_flash *flash,
                                             const struct selv_layout *layout,
                                             struct selv_log *record);

#endif
