/* SPDX-License-Identifier: Apache-2.0
 *
 * store/ring.c - records appended to two sectors alike; the order of erases
 * and writes on which the invariants J1 to J9 of DESIGN.md rest. */
#include "store/store_int.h"

void selv_ring_init(struct selv_ring *ring, const struct selv_flash *flash,
                    const uint32_t sector_off[static 2],
                    const struct selv_ring_format *format)
{
    uint32_t unit = flash->write_unit; /* a power of two */
    ring->flash = flash;
    ring->sector_off = sector_off;
    ring->format = format;
    ring->place_len = (format->len + unit - 1) & ~(unit - 1);
    ring->place_count = flash->sector_len / ring->place_len;
}

static uint32_t serial_of(const uint8_t *record)
{
    uint32_t serial;
    memcpy(&serial, record + SELV_RING_SERIAL_AT, sizeof serial);
    return serial;
}

static uint8_t *check_of(const struct selv_ring *ring, uint8_t *record)
{
    return record + ring->format->len - SELV_CHECK_LEN;
}

bool selv_ring_is_newer(uint32_t a, uint32_t b)
{
    uint32_t ahead = a - b;
    return ahead != 0 && ahead < UINT32_C(0x80000000);
}

static bool read_once(const struct selv_ring *ring, uint32_t off,
                      uint8_t *record)
{
    const struct selv_ring_format *format = ring->format;
    return ring->flash->read(ring->flash->port, off, record, format->len) ==
               SELV_OK &&
           record[SELV_RING_VERSION_AT] == format->version &&
           record[SELV_RING_KIND_AT] == format->kind &&
           selv_check_is_right(record, format->len) && format->is_sane(record);
}

/* A place that cannot be read counts as torn: with error-correcting flash
 * that is how a torn write shows. But to take the newest record for torn is to
 * step back, so that only what is bad twice is bad. */
static bool read_place(const struct selv_ring *ring, unsigned sector,
                       uint32_t index, uint8_t *record)
{
    uint32_t off = ring->sector_off[sector] + index * ring->place_len;
    return read_once(ring, off, record) || read_once(ring, off, record);
}

/* How many of the first end places of a sector there are up to the last valid
 * one, which is left in record; 0: none is valid. Places are filled in order
 * and a sector is erased as a whole, so that it is the newest. */
static uint32_t find_below(const struct selv_ring *ring, unsigned sector,
                           uint32_t end, uint8_t *record)
{
    while (end > 0 && !read_place(ring, sector, end - 1, record)) {
        end--;
    }
    return end;
}

/* Find the newest record of a sector among the first end places. */
static void look(const struct selv_ring *ring, struct selv_ring_state *state,
                 unsigned sector, uint32_t end, uint8_t *record)
{
    struct selv_ring_place *in = &state->in[sector];
    in->end = find_below(ring, sector, end, record);
    in->serial = serial_of(record);
    memcpy(in->check, check_of(ring, record), SELV_CHECK_LEN);
}

/* Whether a sector begins with a record of another version of this kind. */
static bool is_foreign(const struct selv_ring *ring, unsigned sector)
{
    uint8_t head[SELV_RING_HEAD_LEN];
    const struct selv_flash *flash = ring->flash;
    if (flash->read(flash->port, ring->sector_off[sector], head, sizeof head)) {
        return false;
    }
    return head[SELV_RING_KIND_AT] == ring->format->kind &&
           head[SELV_RING_VERSION_AT] != ring->format->version &&
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
    return is_foreign(ring, 0) || is_foreign(ring, 1) ? SELV_ERR_STORE_VERSION
                                                      : SELV_ERR_STORE_DAMAGED;
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
    uint32_t end = state->in[newest].end;
    if (!state->is_alone) {
        return other;
    }
    if (end < ring->place_count) {
        return newest;
    }
    if (state->in[other].end == 0) {
        return other;
    }
    return find_below(ring, newest, end - 1, record) != 0 ? other : newest;
}

enum selv_err selv_ring_read(const struct selv_ring *ring, void *record,
                             struct selv_ring_state *state)
{
    const struct selv_ring_place *a = &state->in[0], *b = &state->in[1];
    look(ring, state, 0, ring->place_count, record);
    look(ring, state, 1, ring->place_count, record);
    while (a->end != 0 || b->end != 0) {
        bool is_both = a->end != 0 && b->end != 0;
        state->newest =
            is_both ? !selv_ring_is_newer(a->serial, b->serial) : b->end != 0;
        state->is_alone =
            !is_both || memcmp(a->check, b->check, sizeof a->check) != 0;
        state->first = (uint8_t)first_sector(ring, state, record);
        state->is_begun = true;
        /* record holds another one by now. Cells that read otherwise at each
         * read are as good as torn. */
        uint32_t index = state->in[state->newest].end - 1;
        if (read_place(ring, state->newest, index, record)) {
            return SELV_OK;
        }
        look(ring, state, state->newest, index, record);
    }
    memset(state, 0, sizeof *state);
    memset(record, 0, ring->format->len);
    return explain_none(ring);
}

/* Write into the first erased place of a sector from index on that takes
 * the record. */
static bool write_from(const struct selv_ring *ring, unsigned sector,
                       uint32_t index, const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t stored[SELV_RING_RECORD_MAX];
    for (; index < ring->place_count; index++) {
        uint32_t len = ring->place_len;
        uint32_t off = ring->sector_off[sector] + index * len;
        if (selv_flash_is_erased(flash, off, len) &&
            flash->write(flash->port, off, record, len) == SELV_OK &&
            flash->read(flash->port, off, stored, len) == SELV_OK &&
            memcmp(stored, record, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Append to one sector; erase it only when that is allowed and needed, and
 * then even when it reads as erased: an erase that was cut short may leave
 * cells that only look so. In a young ring sector 1 was never erased by us
 * (J5): that could leave it neither erased nor with a record in it. An erase
 * that leaves something (a worn sector, or a port that declares sectors longer
 * than they are) could leave a record behind the new one, which would count as
 * newer: J10. */
static bool put(const struct selv_ring *ring, unsigned sector, uint32_t end,
                const uint8_t *record, bool may_erase)
{
    const struct selv_flash *flash = ring->flash;
    bool is_young = sector == 1 && serial_of(record) <= ring->place_count;
    if ((end != 0 || is_young) && write_from(ring, sector, end, record)) {
        return true;
    }
    uint32_t off = ring->sector_off[sector];
    return may_erase && flash->erase(flash->port, off) == SELV_OK &&
           selv_flash_is_erased(flash, off, flash->sector_len) &&
           write_from(ring, sector, 0, record);
}

enum selv_err selv_ring_write(const struct selv_ring *ring, void *record,
                              const struct selv_ring_state *state)
{
    const struct selv_ring_format *format = ring->format;
    uint8_t *p = record;
    uint32_t serial = selv_ring_next_serial(state->in[state->newest].serial);
    p[SELV_RING_VERSION_AT] = format->version;
    p[SELV_RING_KIND_AT] = format->kind;
    memcpy(p + SELV_RING_SERIAL_AT, &serial, sizeof serial);
    selv_check_make(p, format->len - SELV_CHECK_LEN, check_of(ring, p));
    memset(p + format->len, ring->flash->erased, ring->place_len - format->len);

    unsigned first = state->first, second = first ^ 1u;
    uint32_t a = state->in[first].end, b = state->in[second].end;
    /* J2: what is erased is not the only sector with a record. */
    bool is_first = put(ring, first, a, p, b != 0 || a == 0);
    /* J5: of a birth, sector 1 is written behind sector 0 only. */
    bool is_second = (is_first || state->is_begun) &&
                     put(ring, second, b, p, is_first || b == 0);
    /* With a sector that takes nothing any more the other one goes on until it
     * is full. No device is born that way. */
    bool is_written =
        state->is_begun ? is_first || is_second : is_first && is_second;
    return is_written ? SELV_OK : SELV_ERR_FLASH_IO;
}
