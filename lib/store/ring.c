/* SPDX-License-Identifier: Apache-2.0
 *
 * store/ring.c - records appended to two sectors alike; the order of erases
 * and writes on which the invariants J1 to J9 of DESIGN.md rest. */
#define SELV_MODULE 0x52494e47u /* "RING" */
#include "store/store_int.h"

#include "crypto/crypto.h"

enum { CHUNK_LEN = 32 };

static uint32_t place_len(const struct selv_ring *ring)
{
    uint32_t unit = ring->flash->write_unit;
    return (ring->len + unit - 1) / unit * unit;
}

static uint32_t place_count(const struct selv_ring *ring)
{
    return ring->flash->sector_len / place_len(ring);
}

static uint32_t place_off(const struct selv_ring *ring, unsigned sector,
                          uint32_t index)
{
    return ring->sector_off[sector] + index * place_len(ring);
}

bool selv_ring_is_newer(uint32_t a, uint32_t b)
{
    uint32_t ahead = a - b;
    return ahead != 0 && ahead < UINT32_C(0x80000000);
}

static void compute_check(const struct selv_ring *ring, const uint8_t *record,
                          uint8_t check[static SELV_RING_CHECK_LEN])
{
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, record, ring->len - SELV_RING_CHECK_LEN);
    selv_sha256_finish(&hash, digest);
    memcpy(check, digest, SELV_RING_CHECK_LEN);
}

static bool read_once(const struct selv_ring *ring, uint32_t off,
                      uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t check[SELV_RING_CHECK_LEN];
    if (flash->read(flash->port, off, record, ring->len)) {
        return false;
    }
    if (record[SELV_RING_VERSION_AT] != ring->version ||
        record[SELV_RING_KIND_AT] != ring->kind) {
        return false;
    }
    compute_check(ring, record, check);
    return memcmp(record + ring->len - SELV_RING_CHECK_LEN, check,
                  SELV_RING_CHECK_LEN) == 0 &&
           ring->is_sane(record);
}

/* A place that cannot be read counts as torn: with error-correcting flash
 * that is how a torn write shows. But to take the newest record for torn is to
 * step back, so that only what is bad twice is bad. */
static bool read_place(const struct selv_ring *ring, unsigned sector,
                       uint32_t index, uint8_t *record)
{
    uint32_t off = place_off(ring, sector, index);
    return read_once(ring, off, record) || read_once(ring, off, record);
}

/* The last valid place of a sector below end: places are filled in order and
 * a sector is erased as a whole, so that it is the newest. */
static bool find_below(const struct selv_ring *ring, unsigned sector,
                       uint32_t end, uint8_t *record,
                       struct selv_ring_place *place)
{
    place->is_there = false;
    for (uint32_t index = end; index-- > 0;) {
        if (read_place(ring, sector, index, record)) {
            place->is_there = true;
            place->index = index;
            place->serial = selv_get_be32(record + SELV_RING_SERIAL_AT);
            memcpy(place->check, record + ring->len - SELV_RING_CHECK_LEN,
                   SELV_RING_CHECK_LEN);
            break;
        }
    }
    return place->is_there;
}

/* Whether a sector begins with a record of another version of this kind. */
static bool is_foreign(const struct selv_ring *ring, unsigned sector)
{
    uint8_t head[SELV_RING_HEAD_LEN];
    const struct selv_flash *flash = ring->flash;
    if (flash->read(flash->port, ring->sector_off[sector], head, sizeof head)) {
        return false;
    }
    return head[SELV_RING_KIND_AT] == ring->kind &&
           head[SELV_RING_VERSION_AT] != ring->version &&
           head[SELV_RING_VERSION_AT] != flash->erased;
}

/* Why no place is valid. J5: sector 1 is first written when sector 0 holds a
 * record whole, written in the same call: while it is erased, none was ever
 * relied on. */
static enum selv_err explain_none(const struct selv_ring *ring)
{
    uint32_t off = ring->sector_off[1], len = ring->flash->sector_len;
    if (selv_flash_is_erased(ring->flash, off, len)) {
        return SELV_ERR_STORE_EMPTY;
    }
    if (is_foreign(ring, 0) || is_foreign(ring, 1)) {
        return SELV_ERR_STORE_VERSION;
    }
    return SELV_ERR_STORE_DAMAGED;
}

/* The sector to write first (J2). Where both hold the newest record, each may
 * be lost. Where one does, its record may be torn and only read as whole; or
 * the other sector may be in the middle of an erase and only read as whole.
 * What is written first must then cost neither. record is overwritten. */
static unsigned first_sector(const struct selv_ring *ring,
                             const struct selv_ring_state *state,
                             uint8_t *record)
{
    unsigned newest = state->newest, other = newest ^ 1u;
    struct selv_ring_place before;
    uint32_t index = state->in[newest].index;
    if (!state->is_alone) {
        return other;
    }
    if (index + 1 < place_count(ring)) {
        return newest;
    }
    if (!state->in[other].is_there) {
        return other;
    }
    return find_below(ring, newest, index, record, &before) ? other : newest;
}

enum selv_err selv_ring_read(const struct selv_ring *ring, uint8_t *record,
                             struct selv_ring_state *state)
{
    struct selv_ring_place *in_0 = &state->in[0], *in_1 = &state->in[1];
    uint32_t count = place_count(ring);
    SELV_ASSERT(ring->len <= SELV_RING_RECORD_MAX);
    (void)!find_below(ring, 0, count, record, in_0);
    (void)!find_below(ring, 1, count, record, in_1);
    while (in_0->is_there || in_1->is_there) {
        state->newest = in_1->is_there;
        if (in_0->is_there && in_1->is_there &&
            selv_ring_is_newer(in_0->serial, in_1->serial)) {
            state->newest = 0;
        }
        state->is_alone =
            !in_0->is_there || !in_1->is_there ||
            memcmp(in_0->check, in_1->check, sizeof in_0->check) != 0;
        state->first = (uint8_t)first_sector(ring, state, record);
        /* record holds another one by now. Cells that read otherwise at each
         * read are as good as torn. */
        struct selv_ring_place *newest = &state->in[state->newest];
        if (read_place(ring, state->newest, newest->index, record)) {
            return SELV_OK;
        }
        (void)!find_below(ring, state->newest, newest->index, record, newest);
    }
    return explain_none(ring);
}

static bool is_stored(const struct selv_ring *ring, uint32_t off,
                      const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t chunk[CHUNK_LEN];
    for (uint32_t done = 0; done < place_len(ring);) {
        uint32_t n = place_len(ring) - done;
        n = n < CHUNK_LEN ? n : CHUNK_LEN;
        if (flash->read(flash->port, off + done, chunk, n) ||
            memcmp(chunk, record + done, n) != 0) {
            return false;
        }
        done += n;
    }
    return true;
}

/* Write into the first erased place of a sector from index on that takes
 * the record. */
static bool write_from(const struct selv_ring *ring, unsigned sector,
                       uint32_t index, const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    for (; index < place_count(ring); index++) {
        uint32_t off = place_off(ring, sector, index);
        if (!selv_flash_is_erased(flash, off, place_len(ring))) {
            continue;
        }
        if (flash->write(flash->port, off, record, place_len(ring)) ==
                SELV_OK &&
            is_stored(ring, off, record)) {
            return true;
        }
    }
    return false;
}

/* Erased even when it reads as erased: an erase that was cut short may leave
 * cells that only look so. An erase that leaves something (a worn sector, or
 * a port that declares sectors longer than they are) could leave a record
 * behind the new one, which would count as newer: J10. */
static bool write_anew(const struct selv_ring *ring, unsigned sector,
                       const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint32_t off = ring->sector_off[sector];
    if (flash->erase(flash->port, off) ||
        !selv_flash_is_erased(flash, off, flash->sector_len)) {
        return false;
    }
    return write_from(ring, sector, 0, record);
}

/* Append to one sector; erase it only when that is allowed and needed. In a
 * young ring sector 1 was never erased by us (J5): that could leave it neither
 * erased nor with a record in it. */
static bool put(const struct selv_ring *ring, unsigned sector,
                const struct selv_ring_place *in, const uint8_t *record,
                bool may_erase)
{
    bool is_young =
        sector == 1 &&
        selv_get_be32(record + SELV_RING_SERIAL_AT) <= place_count(ring);
    uint32_t index = in->is_there ? in->index + 1 : 0;
    return ((in->is_there || is_young) &&
            write_from(ring, sector, index, record)) ||
           (may_erase && write_anew(ring, sector, record));
}

enum selv_err selv_ring_write(const struct selv_ring *ring, uint8_t *record,
                              const struct selv_ring_state *state,
                              uint32_t *serial)
{
    static const struct selv_ring_state none;
    *serial = state == NULL
                  ? 1
                  : selv_ring_next_serial(state->in[state->newest].serial);
    record[SELV_RING_VERSION_AT] = ring->version;
    record[SELV_RING_KIND_AT] = ring->kind;
    selv_put_be32(record + SELV_RING_SERIAL_AT, *serial);
    compute_check(ring, record, record + ring->len - SELV_RING_CHECK_LEN);
    memset(record + ring->len, ring->flash->erased,
           place_len(ring) - ring->len);

    bool is_birth = state == NULL;
    state = is_birth ? &none : state;
    unsigned first = state->first, second = first ^ 1u;
    const struct selv_ring_place *a = &state->in[first];
    const struct selv_ring_place *b = &state->in[second];
    /* J2: what is erased is not the only sector with a record. */
    bool is_first = put(ring, first, a, record, b->is_there || !a->is_there);
    bool is_second = put(ring, second, b, record, is_first || !b->is_there);
    /* With a sector that takes nothing any more the other one goes on until it
     * is full. No device is born that way. */
    bool is_written = is_birth ? is_first && is_second : is_first || is_second;
    return is_written ? SELV_OK : SELV_ERR_FLASH_IO;
}
