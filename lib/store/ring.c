/* SPDX-License-Identifier: Apache-2.0
 *
 * store/ring.c - records appended to two sectors alike; the order of erases
 * and writes on which the invariants J1 to J10 of DESIGN.md rest. */
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

/* Find the last valid record among the first ring->end places of a sector.
 * Places are filled in order and a sector is erased as a whole, so that it is
 * the newest of them. */
static void look(struct selv_ring *ring, unsigned sector, uint8_t *record)
{
    uint32_t end = ring->end[sector];
    while (end > 0 && !read_place(ring, sector, end - 1, record)) {
        end--;
    }
    ring->end[sector] = end;
    ring->serial[sector] = serial_of(record);
    memcpy(&ring->check[sector], check_of(ring, record), sizeof ring->check[0]);
}

/* Why no place is valid. J5: sector 1 is first written when sector 0 holds a
 * record whole, written in the same call: while it is erased, none was ever
 * relied on. A record of another version of this kind is no damage. */
static enum selv_err explain_none(const struct selv_ring *ring)
{
    uint8_t head[SELV_RING_HEAD_LEN];
    const struct selv_flash *flash = ring->flash;
    if (selv_flash_is_erased(flash, ring->sector_off[1], flash->sector_len)) {
        return SELV_ERR_STORE_EMPTY;
    }
    for (unsigned s = 0; s < 2; s++) {
        if (flash->read(flash->port, ring->sector_off[s], head, sizeof head) ==
                SELV_OK &&
            head[SELV_RING_KIND_AT] == ring->format->kind &&
            head[SELV_RING_VERSION_AT] != ring->format->version &&
            head[SELV_RING_VERSION_AT] != flash->erased) {
            return SELV_ERR_STORE_VERSION;
        }
    }
    return SELV_ERR_STORE_DAMAGED;
}

/* Whether a record may go there. */
static bool is_room(const struct selv_ring *ring, unsigned sector)
{
    uint32_t index = ring->end[sector];
    uint32_t len = ring->place_len;
    return index < ring->place_count &&
           selv_flash_is_erased(ring->flash,
                                ring->sector_off[sector] + index * len, len);
}

/* A place behind the newest record that is not erased may hold one that another
 * boot did not see, or will. */
static bool is_clean(const struct selv_ring *ring, unsigned sector)
{
    uint32_t end = ring->end[sector];
    return end >= ring->place_count || is_room(ring, sector);
}

/* J9: a newest record that the other sector lacks may be torn; not when, since
 * that one takes nothing, it stands twice in its own. Of the newest one *ring
 * and record hold something else afterwards. */
static void judge(struct selv_ring *ring, uint8_t *record)
{
    unsigned n = ring->newest, other = n ^ 1u;
    uint32_t check = ring->check[n];
    ring->is_alone = false;
    if (ring->end[other] == 0 || ring->check[other] != check) {
        ring->end[other] = ring->place_count + 1;
        ring->end[n]--;
        look(ring, n, record);
        ring->is_alone = ring->end[n] == 0 || ring->check[n] != check;
    }
}

enum selv_err selv_ring_read(struct selv_ring *ring,
                             const struct selv_flash *flash,
                             const uint32_t sector_off[static 2],
                             const struct selv_ring_format *format,
                             void *record)
{
    uint32_t unit = flash->write_unit; /* a power of two */
    uint32_t *end = ring->end;
    ring->flash = flash;
    ring->sector_off = sector_off;
    ring->format = format;
    ring->place_len = (format->len + unit - 1) & ~(unit - 1);
    ring->place_count = flash->sector_len / ring->place_len;
    ring->is_begun = true;
    end[0] = end[1] = ring->place_count;
    for (;;) {
        look(ring, 0, record);
        look(ring, 1, record);
        if (end[0] == 0 && end[1] == 0) {
            break;
        }
        unsigned n = end[0] == 0 ||
                     (end[1] != 0 &&
                      !selv_ring_is_newer(ring->serial[0], ring->serial[1]));
        uint32_t newest = end[n];
        ring->newest = n;
        judge(ring, record);
        /* record holds another one by now. Cells that read otherwise at each
         * read are as good as torn. */
        end[n] = newest;
        look(ring, n, record);
        if (end[n] == newest) {
            if (!is_clean(ring, 0) || !is_clean(ring, 1)) {
                ring->is_alone = true;
            }
            return SELV_OK;
        }
        end[n ^ 1u] = ring->place_count; /* judge may have changed it */
    }
    /* So that sector 0 is the first, and neither is appended to. */
    ring->newest = 1;
    ring->is_alone = ring->is_begun = false;
    ring->serial[1] = 0;
    end[0] = end[1] = ring->place_count + 1;
    memset(record, 0, ring->format->len);
    return explain_none(ring);
}

/* Append to a sector: into the first place that takes the record, while they
 * are erased. */
static bool append(struct selv_ring *ring, unsigned sector,
                   const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t stored[SELV_RING_RECORD_MAX];
    while (is_room(ring, sector)) {
        uint32_t len = ring->place_len;
        uint32_t off = ring->sector_off[sector] + ring->end[sector]++ * len;
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
static bool begin(struct selv_ring *ring, unsigned sector,
                  const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint32_t off = ring->sector_off[sector];
    ring->end[sector] = 0;
    return flash->erase(flash->port, off) == SELV_OK &&
           selv_flash_is_erased(flash, off, flash->sector_len) &&
           append(ring, sector, record);
}

enum selv_err selv_ring_write(struct selv_ring *ring, void *record)
{
    const struct selv_ring_format *format = ring->format;
    uint8_t *p = record;
    uint32_t serial = selv_ring_next_serial(ring->serial[ring->newest]);
    p[SELV_RING_VERSION_AT] = format->version;
    p[SELV_RING_KIND_AT] = format->kind;
    memcpy(p + SELV_RING_SERIAL_AT, &serial, sizeof serial);
    selv_check_make(p, format->len - SELV_CHECK_LEN, check_of(ring, p));
    memset(p + format->len, ring->flash->erased, ring->place_len - format->len);

    /* First where nothing is to be erased for it. Else what the newest record
     * does not need (J2); of two that hold it a full one: half erased, that has
     * no place behind it that looks erased. */
    uint32_t *end = ring->end;
    unsigned first = ring->newest, second = first ^ 1u;
    if (!append(ring, first, p)) {
        bool is_done = append(ring, second, p);
        if (is_done || end[first] != ring->place_count ||
            end[second] > ring->place_count) {
            first = second;
            second = ring->newest;
        }
        if (!is_done && !begin(ring, first, p)) {
            return SELV_ERR_FLASH_IO;
        }
    }
    /* J5: at a birth sector 1 is not erased. Later both are never full
     * together, so that there is one to append to. */
    if (!ring->is_begun) {
        end[second] = 0;
        return append(ring, second, p) ? SELV_OK : SELV_ERR_FLASH_IO;
    }
    if ((end[second] + 1 == end[first] || !append(ring, second, p)) &&
        !begin(ring, second, p)) {
        /* With a sector that takes nothing any more the other one goes on until
         * it is full. */
        (void)append(ring, first, p);
    }
    return SELV_OK;
}
