/* SPDX-License-Identifier: Apache-2.0
 *
 * store/ring.c - records appended in two sectors; the order of erases and
 * writes on which the invariants J1 to J6 of DESIGN.md rest. */
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

/* The newest of one sector is its last valid place, since places are filled
 * in order and a sector is erased as a whole. */
static bool find_in_sector(const struct selv_ring *ring, unsigned sector,
                           uint8_t *record, struct selv_ring_place *place)
{
    for (uint32_t index = place_count(ring); index-- > 0;) {
        if (read_place(ring, sector, index, record)) {
            place->sector = (uint8_t)sector;
            place->index = index;
            place->serial = selv_get_be32(record + SELV_RING_SERIAL_AT);
            return true;
        }
    }
    return false;
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

/* Why no place is valid. Sector 1 is first written only while sector 0 holds
 * a whole record (J5): while it is erased, none ever became valid. */
static enum selv_err explain_none(const struct selv_ring *ring)
{
    if (selv_flash_is_erased(ring->flash, ring->sector_off[1],
                             ring->flash->sector_len)) {
        return SELV_ERR_STORE_EMPTY;
    }
    if (is_foreign(ring, 0) || is_foreign(ring, 1)) {
        return SELV_ERR_STORE_VERSION;
    }
    return SELV_ERR_STORE_DAMAGED;
}

enum selv_err selv_ring_read(const struct selv_ring *ring, uint8_t *record,
                             struct selv_ring_place *place)
{
    struct selv_ring_place in_0, in_1;
    SELV_ASSERT(ring->len <= SELV_RING_RECORD_MAX);
    bool has_0 = find_in_sector(ring, 0, record, &in_0);
    bool has_1 = find_in_sector(ring, 1, record, &in_1);
    if (!has_0 && !has_1) {
        return explain_none(ring);
    }
    *place = in_1;
    if (!has_1 || (has_0 && selv_ring_is_newer(in_0.serial, in_1.serial))) {
        *place = in_0;
        /* record holds sector 1's; the first reading proved this one whole,
         * a flash that now says otherwise is failing. */
        if (!read_place(ring, 0, in_0.index, record)) {
            return SELV_ERR_STORE_DAMAGED;
        }
    }
    return SELV_OK;
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
 * cells that only look so. */
static bool write_anew(const struct selv_ring *ring, unsigned sector,
                       const uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    if (flash->erase(flash->port, ring->sector_off[sector])) {
        return false;
    }
    return write_from(ring, sector, 0, record);
}

/* Make sure that the record just written is the one that counts. record is
 * overwritten.
 * - Serials that no writer of ours left (a hostile application's) may lie half
 *   the circle away and outlive it: they are erased.
 * - A record that is merely older says that ours, which was read back just
 *   before, could not be read this once: the last reason to erase anything.
 * - The same serial twice says that the newest could not be read when the
 *   serial was chosen: it counts still, and ours is as if not written. */
static bool settle(const struct selv_ring *ring, uint8_t *record)
{
    const struct selv_flash *flash = ring->flash;
    uint8_t *check = record + ring->len - SELV_RING_CHECK_LEN;
    uint8_t mine[SELV_RING_CHECK_LEN];
    uint32_t serial = selv_get_be32(record + SELV_RING_SERIAL_AT);
    struct selv_ring_place place;
    memcpy(mine, check, sizeof mine);
    if (selv_ring_read(ring, record, &place) ||
        memcmp(check, mine, sizeof mine) == 0 ||
        selv_ring_is_newer(serial, place.serial)) {
        return true;
    }
    return place.serial != serial &&
           flash->erase(flash->port, ring->sector_off[place.sector]) == SELV_OK;
}

enum selv_err selv_ring_write(const struct selv_ring *ring, uint8_t *record,
                              const struct selv_ring_place *newest,
                              uint32_t *serial)
{
    bool is_written = false;
    *serial = newest == NULL ? 1 : newest->serial + 1;
    record[SELV_RING_VERSION_AT] = ring->version;
    record[SELV_RING_KIND_AT] = ring->kind;
    selv_put_be32(record + SELV_RING_SERIAL_AT, *serial);
    compute_check(ring, record, record + ring->len - SELV_RING_CHECK_LEN);
    memset(record + ring->len, ring->flash->erased,
           place_len(ring) - ring->len);

    if (newest == NULL) {
        is_written = write_anew(ring, 0, record);
    } else if (newest->serial == 1 && newest->sector == 0) {
        /* J5: the second record goes to the other sector. */
        is_written = write_anew(ring, 1, record);
    } else {
        is_written =
            write_from(ring, newest->sector, newest->index + 1, record) ||
            write_anew(ring, newest->sector ^ 1u, record);
    }
    if (!is_written || !settle(ring, record)) {
        return SELV_ERR_FLASH_IO;
    }
    return SELV_OK;
}
