/* SPDX-License-Identifier: Apache-2.0
 *
 * store/flash.h - the flash that a port supplies, with NOR rules: an erase
 * sets a whole sector to the erased value, a write only clears bits of erased
 * units, both are synchronous, and either may be cut short by a power loss.
 *
 * Owns: the port owns its flash; callers keep the struct alive. */
#ifndef SELV_STORE_FLASH_H
#define SELV_STORE_FLASH_H

#include "base/base.h"

struct selv_sector {
    uint32_t off, len; /* bytes */
};

struct selv_flash {
    void *port;          /* handed back to the functions below */
    uint32_t size;       /* bytes, a multiple of sector_len */
    uint32_t sector_len; /* bytes that one erase clears; where sectors are not
                            alike, of the shortest, and all others are
                            multiples of it */
    uint16_t write_unit; /* bytes, 1 to SELV_FLASH_UNIT_MAX; writes start and
                            end at multiples of it */
    uint8_t erased;      /* value of an erased byte: 0xff or 0x00 */
    const uint8_t *map;  /* where the flash is readable as memory, or NULL */

    /* Read len bytes at off, both any, to any address. SELV_ERR_FLASH_IO
     * (ECC), _RULE (range). */
    enum selv_err (*read)(void *port, uint32_t off, void *p, uint32_t len);
    /* Write len bytes at off; durable when it returns. SELV_ERR_FLASH_RULE
     * when unaligned, out of range, protected, or onto unerased bytes. */
    enum selv_err (*write)(void *port, uint32_t off, const void *p,
                           uint32_t len);
    /* Erase the sector that starts at off; durable when it returns.
     * SELV_ERR_FLASH_RULE when none does, or it is protected. */
    enum selv_err (*erase)(void *port, uint32_t off);
    /* Kick the watchdog; called at least once per sector of work. May be
     * NULL. */
    void (*kick)(void *port);
    /* Where sectors are not alike: the sector that holds byte off, which is
     * below size. NULL: all have sector_len bytes. */
    struct selv_sector (*sector_of)(void *port, uint32_t off);
};

/* The sector that holds byte off, which is below size. */
struct selv_sector selv_flash_sector(const struct selv_flash *flash,
                                     uint32_t off);

/* Check that geometry makes sense (ports call it once at start, or have
 * SELV_FLASH_ASSERT_GEOMETRY where all of it is constant): size a
 * multiple of the sector, the sector of the write unit, the unit a power of
 * two, erased 0x00 or 0xff; and that the sectors that the port tells follow
 * each other from 0 to size. SELV_ERR_STORE_LAYOUT. */
SELV_MUST_CHECK enum selv_err selv_flash_check(const struct selv_flash *flash);

/* The same when it is compiled, for flash whose sectors are alike. */
#define SELV_FLASH_ASSERT_GEOMETRY(size, sector_len, unit, erased)             \
    _Static_assert(                                                            \
        (size) > 0 && (sector_len) > 0 && (size) % (sector_len) == 0 &&        \
            (unit) > 0 && (unit) <= SELV_FLASH_UNIT_MAX &&                     \
            ((unit) & ((unit)-1u)) == 0 && (sector_len) % (unit) == 0 &&       \
            ((erased) == 0xff || (erased) == 0x00),                            \
        "the geometry of this flash makes no sense")

/* True when len bytes at off all hold the erased value; false when they do not
 * read, too. Read twice, and again where that differs: one read that fails
 * takes no written bytes for erased, and no erased ones for written. */
bool selv_flash_is_erased(const struct selv_flash *flash, uint32_t off,
                          uint32_t len);

/* SHA-256 of len bytes at off, kicking as it goes. SELV_ERR_FLASH_RULE when
 * the range is not in the flash, and those of the port's read. */
SELV_MUST_CHECK enum selv_err selv_flash_digest(const struct selv_flash *flash,
                                                uint32_t off, uint32_t len,
                                                uint8_t digest[static 32]);

#endif
