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

/* One of the two logs. */
struct selv_ring {
    const struct selv_flash *flash;
    const uint32_t *sector_off; /* two */
    const struct selv_ring_format *format;
    uint32_t place_len;   /* bytes of a record and its padding */
    uint32_t place_count; /* in a sector */
};

void selv_ring_init(struct selv_ring *ring, const struct selv_flash *flash,
                    const uint32_t sector_off[static 2],
                    const struct selv_ring_format *format);

/* The newest record of one sector. */
struct selv_ring_place {
    uint32_t end; /* places up to it and with it; 0: there is none */
    uint32_t serial;
    uint8_t check[SELV_CHECK_LEN];
};

/* What both sectors hold. */
struct selv_ring_state {
    struct selv_ring_place in[2];
    uint8_t newest; /* the sector of the record that counts */
    uint8_t first;  /* the sector to write next first, see ring.c */
    bool is_alone;  /* the other sector does not hold it */
    bool is_begun;  /* records were written before */
};

/* Newest valid record into record (its len bytes). SELV_ERR_STORE_EMPTY,
 * SELV_ERR_STORE_DAMAGED, SELV_ERR_STORE_VERSION: record and state are zeros.
 */
SELV_MUST_CHECK enum selv_err selv_ring_read(const struct selv_ring *ring,
                                             void *record,
                                             struct selv_ring_state *state);

/* Append record (SELV_RING_RECORD_MAX bytes, fields filled; head, serial,
 * check and padding are set here) to both sectors. state: what selv_ring_read
 * found. SELV_ERR_FLASH_IO when no place takes it. */
SELV_MUST_CHECK enum selv_err
selv_ring_write(const struct selv_ring *ring, void *record,
                const struct selv_ring_state *state);

/* The serial behind this one. Small ones are of young rings (ring.c), and are
 * not given again when serials wrap around. */
static inline uint32_t selv_ring_next_serial(uint32_t serial)
{
    return serial == UINT32_MAX ? UINT32_C(0x10000) : serial + 1;
}

/* True when serial a was given after serial b; serials may wrap around. */
bool selv_ring_is_newer(uint32_t a, uint32_t b);

#endif
