/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/flash_nor.c - NOR rules over file-backed RAM. */
#include "flash_nor.h"

#include "board.h"
#include "fuse.h"

#define ERASED_WORD 0xffffffffu
#define SECTOR SELV_BOARD_SECTOR_LEN

/* ---- who may write where ------------------------------------------------- */

/* Sectors from first up to, not including, end, of the default layout. */
struct range {
    uint8_t first;
    uint8_t end;
};

struct rights {
    struct range ranges[3];
};

static const struct rights rights_boot = {{{1, 3}, {0, 0}, {0, 0}}};
static const struct rights rights_app_a = {{{3, 5}, {5, 7}, {72, 136}}};
static const struct rights rights_app_b = {{{3, 5}, {5, 7}, {8, 72}}};

/* True when the writer may write all of these bytes; off + len does not
 * overflow, since both are at most the flash's size. */
static bool is_allowed(const struct rights *rights, uint32_t off, uint32_t len)
{
    for (size_t i = 0; i < 3; i++) {
        const struct range *r = &rights->ranges[i];

        if (off >= r->first * SECTOR && off + len <= r->end * SECTOR) {
            return true;
        }
    }
    return false;
}

static bool is_inside(uint32_t off, uint32_t len)
{
    return len <= SELV_LAYOUT_DEFAULT_SIZE &&
           off <= SELV_LAYOUT_DEFAULT_SIZE - len;
}

/* ---- the cells ----------------------------------------------------------- */

static uint32_t *cells(uint32_t off)
{
    return (uint32_t *)(uintptr_t)(SELV_BOARD_FLASH_BASE + off);
}

static void program(uint32_t off, const uint8_t *p, uint32_t len)
{
    volatile uint32_t *to = cells(off);

    for (uint32_t i = 0; i < len; i += SELV_BOARD_WRITE_UNIT) {
        uint32_t word;

        memcpy(&word, p + i, sizeof word);
        *to++ &= word;
    }
}

static bool is_erased(uint32_t off, uint32_t len)
{
    const volatile uint32_t *p = cells(off);

    for (uint32_t i = 0; i < len; i += SELV_BOARD_WRITE_UNIT) {
        if (*p++ != ERASED_WORD) {
            return false;
        }
    }
    return true;
}

static void set_erased(uint32_t off, uint32_t len)
{
    volatile uint32_t *p = cells(off);

    for (uint32_t i = 0; i < len; i += SELV_BOARD_WRITE_UNIT) {
        *p++ = ERASED_WORD;
    }
}

/* ---- what a power cut leaves --------------------------------------------- */

/* Some units programmed, one half programmed, the rest erased. The half is a
 * random subset of the bits, since nothing orders them in a real cell. */
static void tear_write(uint32_t off, const uint8_t *p, uint32_t len,
                       uint32_t random)
{
    uint32_t whole = random % (len / SELV_BOARD_WRITE_UNIT);
    uint32_t at = whole * SELV_BOARD_WRITE_UNIT;
    uint32_t word;

    program(off, p, at);
    memcpy(&word, p + at, sizeof word);
    word |= random;
    program(off + at, (const uint8_t *)&word, sizeof word);
}

/* Some units erased, one with a random subset of its bits back at one, the
 * rest as before. */
static void tear_erase(uint32_t off, uint32_t random)
{
    uint32_t at =
        random % (SECTOR / SELV_BOARD_WRITE_UNIT) * SELV_BOARD_WRITE_UNIT;

    set_erased(off, at);
    *cells(off + at) |= random;
}

/* ---- the interface of lib/store ------------------------------------------ */

static enum selv_err nor_read(void *port, uint32_t off, void *p, uint32_t len)
{
    (void)port;
    if (!is_inside(off, len)) {
        return SELV_ERR_FLASH_RULE;
    }
    memcpy(p, cells(off), len);
    return SELV_OK;
}

static enum selv_err nor_write(void *port, uint32_t off, const void *p,
                               uint32_t len)
{
    struct selv_board_fuse fuse;

    if (len == 0 || (off | len) % SELV_BOARD_WRITE_UNIT != 0 ||
        !is_inside(off, len) ||
        !is_allowed((const struct rights *)port, off, len) ||
        !is_erased(off, len)) {
        return SELV_ERR_FLASH_RULE;
    }
    fuse = selv_board_fuse_step();
    if (fuse.cut == SELV_BOARD_CUT_TORN) {
        tear_write(off, p, len, fuse.random);
    } else if (fuse.cut != SELV_BOARD_CUT_BEFORE) {
        program(off, p, len);
    }
    selv_board_fuse_end(fuse);
    return SELV_OK;
}

static enum selv_err nor_erase(void *port, uint32_t off)
{
    struct selv_board_fuse fuse;

    if (off % SECTOR != 0 || !is_inside(off, SECTOR) ||
        !is_allowed((const struct rights *)port, off, SECTOR)) {
        return SELV_ERR_FLASH_RULE;
    }
    fuse = selv_board_fuse_step();
    if (fuse.cut == SELV_BOARD_CUT_TORN) {
        tear_erase(off, fuse.random);
    } else if (fuse.cut != SELV_BOARD_CUT_BEFORE) {
        set_erased(off, SECTOR);
    }
    selv_board_fuse_end(fuse);
    return SELV_OK;
}

/* The rights of a writer, as the opaque pointer of the interface, which is
 * not const since most ports keep state there; nothing writes through it. */
static void *port_of(enum selv_board_writer writer)
{
    const struct rights *rights = &rights_boot;

    if (writer == SELV_BOARD_WRITER_APP_A) {
        rights = &rights_app_a;
    } else if (writer == SELV_BOARD_WRITER_APP_B) {
        rights = &rights_app_b;
    }
    return (void *)(uintptr_t)rights;
}

void selv_board_flash_open(struct selv_flash *flash,
                           enum selv_board_writer writer,
                           void (*kick)(void *port))
{
    flash->port = port_of(writer);
    flash->size = SELV_LAYOUT_DEFAULT_SIZE;
    flash->sector_len = SECTOR;
    flash->write_unit = SELV_BOARD_WRITE_UNIT;
    flash->erased = 0xff;
    flash->map = (const uint8_t *)cells(0);
    flash->read = nor_read;
    flash->write = nor_write;
    flash->erase = nor_erase;
    flash->kick = kick;
}
