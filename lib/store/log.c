/* SPDX-License-Identifier: Apache-2.0
 *
 * store/log.c - the update log: struct selv_log to and from a record.
 * Format: docs/spec/flash.md. */
#define SELV_MODULE 0x554c4f47u /* "ULOG" */
#include "store/journal.h"

#include "store/store_int.h"

enum {
    KIND = 0x4c, /* 'L' */
    STATE_AT = 2,
    SLOT_AT = 3,
    DIGEST_AT = 8,
    PROGRESS_AT = 40,
    NONCE_AT = 44,
    REPORTED_DIGEST_AT = 52,
    REPORTED_REASON_AT = 84, /* 2 bytes */
    ZEROS_AT = 86,           /* 2 bytes */
    RECORD_LEN = 96
};

static bool is_record_sane(const uint8_t *p)
{
    return p[STATE_AT] <= SELV_LOG_CONFIRM &&
           (p[SLOT_AT] < SELV_SLOT_COUNT || p[SLOT_AT] == SELV_SLOT_NONE);
}

static void decode(const uint8_t *p, struct selv_log *log)
{
    memset(log, 0, sizeof *log);
    log->serial = selv_get_be32(p + SELV_RING_SERIAL_AT);
    log->state = p[STATE_AT];
    log->slot = p[SLOT_AT];
    memcpy(log->digest, p + DIGEST_AT, 32);
    log->progress = selv_get_be32(p + PROGRESS_AT);
    memcpy(log->nonce, p + NONCE_AT, SELV_NONCE_LEN);
    memcpy(log->reported_digest, p + REPORTED_DIGEST_AT, 32);
    log->reported_reason =
        (uint16_t)(p[REPORTED_REASON_AT] << 8 | p[REPORTED_REASON_AT + 1]);
}

static void encode(const struct selv_log *log, uint8_t *p)
{
    memset(p, 0, SELV_RING_RECORD_MAX);
    p[STATE_AT] = log->state;
    p[SLOT_AT] = log->slot;
    memcpy(p + DIGEST_AT, log->digest, 32);
    selv_put_be32(p + PROGRESS_AT, log->progress);
    memcpy(p + NONCE_AT, log->nonce, SELV_NONCE_LEN);
    memcpy(p + REPORTED_DIGEST_AT, log->reported_digest, 32);
    p[REPORTED_REASON_AT] = (uint8_t)(log->reported_reason >> 8);
    p[REPORTED_REASON_AT + 1] = (uint8_t)log->reported_reason;
}

static struct selv_ring log_ring(const struct selv_flash *flash,
                                 const struct selv_layout *layout)
{
    struct selv_ring ring = {
        .flash = flash,
        .sector_off = {layout->log_off[0], layout->log_off[1]},
        .version = SELV_LOG_VERSION,
        .kind = KIND,
        .len = RECORD_LEN,
        .is_sane = is_record_sane,
    };
    return ring;
}

enum selv_err selv_log_read(const struct selv_flash *flash,
                            const struct selv_layout *layout,
                            struct selv_log *out)
{
    struct selv_ring ring = log_ring(flash, layout);
    struct selv_ring_state state;
    uint8_t record[SELV_RING_RECORD_MAX];
    if (selv_ring_read(&ring, record, &state)) {
        return SELV_ERR_STORE_EMPTY;
    }
    decode(record, out);
    return SELV_OK;
}

enum selv_err selv_log_write(const struct selv_flash *flash,
                             const struct selv_layout *layout,
                             struct selv_log *log)
{
    struct selv_ring ring = log_ring(flash, layout);
    struct selv_ring_state state;
    uint8_t record[SELV_RING_RECORD_MAX];
    bool has_newest = selv_ring_read(&ring, record, &state) == SELV_OK;
    encode(log, record);
    if (!is_record_sane(record)) {
        return SELV_ERR_ARG;
    }
    return selv_ring_write(&ring, record, has_newest ? &state : NULL,
                           &log->serial);
}
