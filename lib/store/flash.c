/* SPDX-License-Identifier: Apache-2.0
 *
 * store/flash.c - see store/flash.h. */
#include "store/flash.h"

#include "crypto/crypto.h"

/* Bytes read at a time where the flash is not mapped. */
enum { CHUNK_LEN = 128 };

struct selv_sector selv_flash_sector(const struct selv_flash *flash,
                                     uint32_t off)
{
    if (flash->sector_of != NULL) {
        return flash->sector_of(flash->port, off);
    }
    return (struct selv_sector){off - off % flash->sector_len,
                                flash->sector_len};
}

/* Whatever the port answers, the walk ends: each step goes forward. */
static bool are_sectors_sound(const struct selv_flash *flash)
{
    for (uint32_t off = 0; off < flash->size;) {
        struct selv_sector first = selv_flash_sector(flash, off);
        if (first.off != off || first.len == 0 ||
            first.len % flash->sector_len != 0 ||
            first.len > flash->size - off) {
            return false;
        }
        struct selv_sector last = selv_flash_sector(flash, off + first.len - 1);
        if (last.off != off || last.len != first.len) {
            return false;
        }
        off += first.len;
    }
    return true;
}

enum selv_err selv_flash_check(const struct selv_flash *flash)
{
    uint32_t unit = flash->write_unit;
    if (flash->sector_len == 0 || flash->size == 0 ||
        flash->size % flash->sector_len != 0) {
        return SELV_ERR_STORE_LAYOUT;
    }
    if (unit == 0 || unit > SELV_FLASH_UNIT_MAX || (unit & (unit - 1)) != 0 ||
        flash->sector_len % unit != 0) {
        return SELV_ERR_STORE_LAYOUT;
    }
    if (flash->erased != 0xff && flash->erased != 0x00) {
        return SELV_ERR_STORE_LAYOUT;
    }
    if (flash->read == NULL || flash->write == NULL || flash->erase == NULL) {
        return SELV_ERR_STORE_LAYOUT;
    }
    if (flash->sector_of != NULL && !are_sectors_sound(flash)) {
        return SELV_ERR_STORE_LAYOUT;
    }
    return SELV_OK;
}

static bool is_in_range(const struct selv_flash *flash, uint32_t off,
                        uint32_t len)
{
    return off <= flash->size && len <= flash->size - off;
}

static bool reads_as_erased(const struct selv_flash *flash, uint32_t off,
                            uint32_t len)
{
    uint8_t chunk[CHUNK_LEN];
    while (len > 0) {
        uint32_t n = len < CHUNK_LEN ? len : CHUNK_LEN;
        if (flash->read(flash->port, off, chunk, n)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (chunk[i] != flash->erased) {
                return false;
            }
        }
        off += n;
        len -= n;
    }
    return true;
}

bool selv_flash_is_erased(const struct selv_flash *flash, uint32_t off,
                          uint32_t len)
{
    if (!is_in_range(flash, off, len)) {
        return false;
    }
    bool first = reads_as_erased(flash, off, len);
    bool second = reads_as_erased(flash, off, len);
    return first == second ? first : reads_as_erased(flash, off, len);
}

enum selv_err selv_flash_digest(const struct selv_flash *flash, uint32_t off,
                                uint32_t len, uint8_t digest[static 32])
{
    struct selv_sha256 hash;
    uint8_t chunk[CHUNK_LEN];
    enum selv_err err = SELV_OK;
    if (!is_in_range(flash, off, len)) {
        return SELV_ERR_FLASH_RULE;
    }
    selv_sha256_init(&hash);
    while (len > 0) {
        /* Never across a sector's end, so that the watchdog is kicked once
         * for each. */
        uint32_t n = flash->sector_len - off % flash->sector_len;
        if (flash->kick != NULL && off % flash->sector_len == 0) {
            flash->kick(flash->port);
        }
        n = n < len ? n : len;
        if (flash->map != NULL) {
            selv_sha256_update(&hash, flash->map + off, n);
        } else {
            n = n < CHUNK_LEN ? n : CHUNK_LEN;
            err = flash->read(flash->port, off, chunk, n);
            if (err) {
                break;
            }
            selv_sha256_update(&hash, chunk, n);
        }
        off += n;
        len -= n;
    }
    selv_sha256_finish(&hash, digest);
    return err;
}
