/* SPDX-License-Identifier: Apache-2.0
 *
 * store/ring.c - records appended to two sectors alike; the order of erases
 * and writes on which the invariants J1 to J10 of DESIGN.md rest.
 *
 * What a reader may find, and what the next record N does about it. R is the
 * newest record, x a place that holds none and is not erased, . an erased one:
 *
 *   sector 0   sector 1
 *   [ . . . ]  [ . . . ]  never written: N twice to 0, then to 1
 *   [ R . . ]  [ Q R . ]  settled: N to 0, where R stands nearer to the start,
 *                         then to 1
 *   [ P Q R ]  [ R . . ]  settled, one is full: N to 1, then 0 begins anew
 *   [ R x . ]  [ Q R . ]  not settled: N to 0, behind x, then to 1
 *   [ R . . ]  [ R . . ]  even: N to 1, then 0 begins anew, since its erase may
 *                         have been cut, and it only looks like this
 *   [ Q . . ]  [ Q R . ]  not settled: N to 1, then 0 begins anew
 *   [ x x x ]  [ Q R R ]  1 alone took R: at rest 0 is tried again
 *   [ x x x ]  [ x x . ]  lost */
#include "store/store_int.h"

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

/* ---- reading --------------------------------------------------------------
 */

static bool is_erased(const struct selv_ring *ring,
                      const struct selv_ring_sector *s, uint32_t index)
{
    uint32_t len = ring->place_len;
    return selv_flash_is_erased(ring->flash, s->off + index * len, len);
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
static bool read_place(const struct selv_ring *ring,
                       const struct selv_ring_sector *s, uint32_t index,
                       uint8_t *record)
{
    uint32_t off = s->off + index * ring->place_len;
    return read_once(ring, off, record) || read_once(ring, off, record);
}

/* What a sector holds. Places are filled in order and a sector is erased as a
 * whole, so that the last record is the newest of them. Without one, record
 * holds the first place, if anything. */
static void look(struct selv_ring *ring, struct selv_ring_sector *s,
                 uint8_t *record)
{
    uint32_t end = ring->place_count;
    record[SELV_RING_KIND_AT] = 0; /* that of none */
    while (end > 0 && is_erased(ring, s, end - 1)) {
        end--;
    }
    s->room = end;
    while (end > 0 && !read_place(ring, s, end - 1, record)) {
        end--;
    }
    s->end = end;
}

/* J5: while sector 1 is erased no record was relied on, if the first one, or
 * nothing, stands in sector 0, and not up to its end: a birth leaves less. */
static bool is_unborn(const struct selv_ring *ring, const uint8_t *record)
{
    const struct selv_ring_sector *s = ring->sectors;
    if (ring->place_count == 2) {
        return s[1].room == 0 && s[0].end == 0;
    }
    return s[1].room == 0 && s[0].room < ring->place_count &&
           (s[0].end == 0 || (s[0].end == 1 && serial_of(record) == 1));
}

/* Nothing is appended to a sector that lacks the newest record. */
static void close(const struct selv_ring *ring, struct selv_ring_sector *s)
{
    s->room = ring->place_count;
    s->end = ring->place_count + 1;
}

/* A place that holds a record of this kind, of another version. */
static bool is_foreign(const struct selv_ring_format *format,
                       const uint8_t *record)
{
    return record[SELV_RING_KIND_AT] == format->kind &&
           record[SELV_RING_VERSION_AT] != format->version;
}

enum selv_err selv_ring_read(struct selv_ring *ring,
                             const struct selv_flash *flash,
                             const uint32_t sector_off[static 2],
                             const struct selv_ring_format *format,
                             void *record)
{
    _Alignas(uint64_t) uint8_t second[SELV_RING_RECORD_MAX];
    uint32_t unit = flash->write_unit; /* a power of two */
    struct selv_ring_sector *s = ring->sectors;
    ring->flash = flash;
    s[0].off = sector_off[0];
    s[1].off = sector_off[1];
    ring->format = format;
    ring->place_len = (format->len + unit - 1) & ~(unit - 1);
    ring->place_count = flash->sector_len / ring->place_len;
    enum selv_err err = SELV_OK;
    look(ring, &s[0], record);
    look(ring, &s[1], second);
    bool is_both = s[0].end != 0 && s[1].end != 0 &&
                   memcmp(record, second, format->len) == 0;
    ring->is_twice = false;
    if (is_unborn(ring, record)) {
        err = SELV_ERR_STORE_EMPTY;
    } else if (s[0].end == 0 && s[1].end == 0) {
        err = is_foreign(format, record) || is_foreign(format, second)
                  ? SELV_ERR_STORE_VERSION
                  : SELV_ERR_STORE_DAMAGED;
        close(ring, &s[0]);
        close(ring, &s[1]);
    } else if (!is_both) {
        unsigned n = s[0].end == 0 ||
                     (s[1].end != 0 && !selv_ring_is_newer(serial_of(record),
                                                           serial_of(second)));
        if (n == 1) {
            memcpy(record, second, format->len);
        }
        ring->is_twice = serial_of(record) != 1 && s[n].end > 1 &&
                         read_place(ring, &s[n], s[n].end - 2, second) &&
                         memcmp(record, second, format->len) == 0;
        close(ring, &s[n ^ 1u]);
    }
    if (err) {
        memset(record, 0, format->len);
    }
    ring->serial = serial_of(record);
    ring->is_alone = s[0].end != s[0].room || s[1].end != s[1].room;
    return err;
}

/* ---- writing --------------------------------------------------------------
 */

/* Append to a sector: into the first place that takes the record, behind all
 * that is not erased. */
static bool append(const struct selv_ring *ring, struct selv_ring_sector *s,
                   const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t stored[SELV_RING_RECORD_MAX];
    uint32_t len = ring->place_len;
    while (s->room < ring->place_count) {
        uint32_t off = s->off + s->room * len;
        s->end = ++s->room;
        if (flash->write(flash->port, off, record, len) == SELV_OK &&
            flash->read(flash->port, off, stored, len) == SELV_OK &&
            memcmp(stored, record, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Begin a sector anew, also one that reads as erased: an erase that was cut
 * short may leave cells that only look so. An erase that leaves something (a
 * worn sector, or a port that declares sectors longer than they are) could
 * leave a record behind the new one, which would count as newer: J10. */
static bool begin(const struct selv_ring *ring, struct selv_ring_sector *s,
                  const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    s->room = 0;
    return flash->erase(flash->port, s->off) == SELV_OK &&
           selv_flash_is_erased(flash, s->off, flash->sector_len) &&
           append(ring, s, record);
}

static bool put(const struct selv_ring *ring, struct selv_ring_sector *s,
                bool is_anew, const uint8_t *record)
{
    return (!is_anew && append(ring, s, record)) || begin(ring, s, record);
}

/* To both sectors. */
static bool put_both(struct selv_ring *ring, const uint8_t *p)
{
    struct selv_ring_sector *first = &ring->sectors[0];
    struct selv_ring_sector *second = &ring->sectors[1];
    /* J5: at a birth sector 1 is not erased. It is so at no other time. */
    if (second->room == 0) {
        return put(ring, first, ring->place_count == 2, p) &&
               (append(ring, first, p) || true) && append(ring, second, p);
    }
    bool is_even = first->end == second->end;
    if (first->end >= second->end) {
        first = second;
        second = ring->sectors;
    }
    if (ring->is_twice || !append(ring, first, p)) {
        struct selv_ring_sector *other = first;
        first = second;
        second = other;
        if (!put(ring, first, is_even, p)) {
            return false;
        }
    }
    /* Both are never full together, so that there is one to append to. */
    if (!put(ring, second, second->end < first->end, p)) {
        /* With a sector that takes nothing any more the other one goes on until
         * it is full. */
        (void)append(ring, first, p);
    }
    return true;
}

enum selv_err selv_ring_write(struct selv_ring *ring, void *record)
{
    const struct selv_ring_format *format = ring->format;
    uint8_t *p = record;
    memcpy(p, format, 2); /* version and kind */
    selv_check_make(p, format->len - SELV_CHECK_LEN, check_of(ring, p));
    memset(p + format->len, ring->flash->erased, ring->place_len - format->len);
    return put_both(ring, p) ? SELV_OK : SELV_ERR_FLASH_IO;
}
