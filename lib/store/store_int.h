/* SPDX-License-Identifier: Apache-2.0
 *
 * store/store_int.h - the ring: fixed-length records, each appended to two
 * sectors, under the boot journal and the update log alike. Formats and the
 * order of operations: DESIGN.md, docs/spec/flash.md. */
#ifndef SELV_STORE_STORE_INT_H
#define SELV_STORE_STORE_INT_H

#include "base/base.h"
#include "store/flash.h"

/* Every record: version, kind, two bytes of its own, serial (big endian),
 * fields, check. */
enum {
    SELV_RING_VERSION_AT = 0,
    SELV_RING_KIND_AT = 1,
    SELV_RING_SERIAL_AT = 4,
    SELV_RING_HEAD_LEN = 8,
    SELV_RING_CHECK_LEN = 8,
    SELV_RING_RECORD_MAX = 160 /* bytes, padding included */
};

/* One of the two logs. */
struct selv_ring {
    const struct selv_flash *flash;
    uint32_t sector_off[2];
    uint8_t version;
    uint8_t kind;
    uint16_t len; /* bytes of a record, check included, padding not; at most
                     SELV_RING_RECORD_MAX */
    /* Whether the fields of a whole record make sense; one that does not is
     * as if it were torn. */
    bool (*is_sane)(const uint8_t *record);
};

/* The newest record of one sector. */
struct selv_ring_place {
    bool is_there;
    uint32_t index; /* place in the sector, 0.. */
    uint32_t serial;
    uint8_t check[SELV_RING_CHECK_LEN];
};

/* What both sectors hold. */
struct selv_ring_state {
    struct selv_ring_place in[2];
    uint8_t newest; /* the sector of the record that counts */
    uint8_t first;  /* the sector to write next first, see ring.c */
    bool is_alone;  /* the other sector does not hold it */
};

/* Newest valid record into record (SELV_RING_RECORD_MAX bytes).
 * SELV_ERR_STORE_EMPTY, SELV_ERR_STORE_DAMAGED, SELV_ERR_STORE_VERSION. */
SELV_MUST_CHECK enum selv_err selv_ring_read(const struct selv_ring *ring,
                                             uint8_t *record,
                                             struct selv_ring_state *state);

/* Append record (SELV_RING_RECORD_MAX bytes, fields filled; head, serial,
 * check and padding are set here) to both sectors. state: what selv_ring_read
 * found, NULL for none. SELV_ERR_FLASH_IO when no place takes it. */
SELV_MUST_CHECK enum selv_err
selv_ring_write(const struct selv_ring *ring, uint8_t *record,
                const struct selv_ring_state *state, uint32_t *serial);

/* The serial behind this one. Small ones are of young rings (ring.c), and are
 * not given again when serials wrap around. */
static inline uint32_t selv_ring_next_serial(uint32_t serial)
{
    return serial == UINT32_MAX ? UINT32_C(0x10000) : serial + 1;
}

/* True when serial a was given after serial b; serials may wrap around. */
bool selv_ring_is_newer(uint32_t a, uint32_t b);

/* Big-endian 64-bit numbers of the records. */
static inline uint64_t selv_get_be64(const uint8_t p[static 8])
{
    return (uint64_t)selv_get_be32(p) << 32 | selv_get_be32(p + 4);
}

static inline void selv_put_be64(uint8_t p[static 8], uint64_t v)
{
    selv_put_be32(p, (uint32_t)(v >> 32));
    selv_put_be32(p + 4, (uint32_t)v);
}

#endif
