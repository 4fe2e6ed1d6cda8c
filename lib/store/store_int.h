/* SPDX-License-Identifier: Apache-2.0
 *
 * store/store_int.h - the ring: fixed-length records, each appended to two
 * sectors, under the boot journal and the update log alike. Formats and the
 * order of operations: DESIGN.md, docs/spec/flash.md. */
#ifndef SELV_STORE_STORE_INT_H
#define SELV_STORE_STORE_INT_H

#include "base/base.h"
#include "store/check.h"
#include "store/flash.h"

/* The numbers of a record are little endian, each at a multiple of its size,
 * so that on such a processor a record is its struct and nobody translates. */
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "records of journal and log are read in place: little endian only"
#endif

/* Every record: version, kind, two bytes of its own, serial, fields, check. */
enum {
    SELV_RING_VERSION_AT = 0,
    SELV_RING_KIND_AT = 1,
    SELV_RING_SERIAL_AT = 4,
    SELV_RING_HEAD_LEN = 8,
    SELV_RING_RECORD_MAX = 160 /* bytes, padding included */
};

/* What one kind of record is. */
struct selv_ring_format {
    uint8_t version;
    uint8_t kind;
    uint16_t len; /* bytes of a record, check included, padding not; at most
                     SELV_RING_RECORD_MAX */
    /* Whether the fields of a whole record make sense; one that does not is
     * as if it were torn. record: aligned for any number. */
    bool (*is_sane)(const void *record);
};

/* What one sector holds, in places. */
struct selv_ring_sector {
    uint32_t off;  /* bytes */
    uint32_t end;  /* up to the newest record and with it; more than there are:
                      it lacks the newest of both */
    uint32_t room; /* from here on all are erased */
};

/* A ring, and what to do for the next record. */
struct selv_ring {
    struct selv_ring_sector sectors[2];
    uint32_t serial; /* of the newest record of both */
    bool is_alone;   /* J9: the newest may be torn, or what stands behind it */
    bool is_twice;   /* it stands twice in one sector, the other took nothing */
    uint32_t place_len;   /* bytes of a record and its padding */
    uint32_t place_count; /* in a sector */
    const struct selv_flash *flash;
    const struct selv_ring_format *format;
};

/* Newest valid record into record (its len bytes); *ring is filled.
 * sector_off: two; like flash and format they must outlive *ring.
 * SELV_ERR_STORE_EMPTY, SELV_ERR_STORE_DAMAGED, SELV_ERR_STORE_VERSION: record
 * is zeros, and there is nothing before the first one to be written. */
SELV_MUST_CHECK enum selv_err
selv_ring_read(struct selv_ring *ring, const struct selv_flash *flash,
               const uint32_t sector_off[static 2],
               const struct selv_ring_format *format, void *record);

/* Append record (SELV_RING_RECORD_MAX bytes, fields and serial filled: that
 * behind ring->serial; version, kind, check and padding are set here) to both
 * sectors. ring: as selv_ring_read left it. SELV_ERR_FLASH_IO when no place
 * takes it. */
SELV_MUST_CHECK enum selv_err selv_ring_write(struct selv_ring *ring,
                                              void *record);

/* The serial behind this one; they wrap around. */
static inline uint32_t selv_ring_next_serial(uint32_t serial)
{
    return serial + 1;
}

/* True when serial a was given after serial b; serials may wrap around. */
bool selv_ring_is_newer(uint32_t a, uint32_t b);

#endif
