/* SPDX-License-Identifier: Apache-2.0
 *
 * store/log.c - the update log. Format: docs/spec/flash.md. */
#define SELV_MODULE 0x554c4f47u /* "ULOG" */
#include "store/journal.h"

#include "store/store_int.h"

enum { RECORD_LEN = sizeof(struct selv_log) };
_Static_assert(RECORD_LEN == 96 &&
                   offsetof(struct selv_log, serial) == SELV_RING_SERIAL_AT &&
                   offsetof(struct selv_log, nonce) == 44 &&
                   offsetof(struct selv_log, check) == 88,
               "the format: docs/spec/flash.md");

static bool is_sane(const void *record)
{
    const struct selv_log *log = record;
    return log->state <= SELV_LOG_LOADER &&
           (log->slot < SELV_SLOT_COUNT || log->slot == SELV_SLOT_NONE);
}

static const struct selv_ring_format format = {
    .version = SELV_LOG_VERSION,
    .kind = 0x4c, /* 'L' */
    .len = RECORD_LEN,
    .is_sane = is_sane,
};

enum selv_err selv_log_read(const struct selv_flash *flash,
                            const struct selv_layout *layout,
                            struct selv_log *out)
{
    struct selv_ring ring;
    return selv_ring_read(&ring, flash, layout->log_off, &format, out)
               ? SELV_ERR_STORE_EMPTY
               : SELV_OK;
}

enum selv_err selv_log_write(const struct selv_flash *flash,
                             const struct selv_layout *layout,
                             struct selv_log *log)
{
    struct selv_ring ring;
    union {
        struct selv_log log;
        uint8_t bytes[SELV_RING_RECORD_MAX];
    } buffer;
    if (!is_sane(log)) {
        return SELV_ERR_ARG;
    }
    /* Whatever is wrong with the records before, this one is the first then. */
    (void)!selv_ring_read(&ring, flash, layout->log_off, &format, &buffer);
    ring.is_twice = false;
    log->serial = selv_ring_next_serial(ring.serial);
    buffer.log = *log;
    return selv_ring_write(&ring, &buffer);
}
