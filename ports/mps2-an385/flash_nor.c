/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/flash_nor.c - NOR rules over file-backed RAM. */
#include "flash_nor.h"

#include "board.h"
#include "cells.h"

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
static const struct rights rights_recovery = {{{1, 3}, {8, 136}, {0, 0}}};
static const struct rights rights_in_place = {{{1, 3}, {7, 136}, {0, 0}}};
static const struct rights rights_app_a = {{{3, 5}, {5, 7}, {72, 136}}};
static const struct rights rights_app_b = {{{3, 5}, {5, 7}, {8, 72}}};
static const struct rights rights_asking = {{{3, 5}, {5, 7}, {0, 0}}};

/* True when the writer may write all of these bytes, which are in the flash
 * then, whatever the numbers. */
static bool is_allowed(const struct rights *rights, uint32_t off, uint32_t len)
{
    for (size_t i = 0; i < 3; i++) {
        uint32_t first = rights->ranges[i].first * SECTOR;
        uint32_t end = rights->ranges[i].end * SECTOR;

        if (off >= first && off < end && len <= end - off) {
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

static const uint8_t *cells(uint32_t off)
{
    return (const uint8_t *)(uintptr_t)(SELV_BOARD_FLASH_BASE + off);
}

static bool is_erased(uint32_t off, uint32_t len)
{
    const uint8_t *p = cells(off);

    for (uint32_t i = 0; i < len; i++) {
        if (p[i] != 0xff) {
            return false;
        }
    }
    return true;
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
    if (len == 0 || (off | len) % SELV_BOARD_WRITE_UNIT != 0 ||
        !is_allowed((const struct rights *)port, off, len) ||
        !is_erased(off, len)) {
        return SELV_ERR_FLASH_RULE;
    }
    selv_board_cells_program(off, p, len);
    return SELV_OK;
}

static enum selv_err nor_erase(void *port, uint32_t off)
{
    if (off % SECTOR != 0 ||
        !is_allowed((const struct rights *)port, off, SECTOR)) {
        return SELV_ERR_FLASH_RULE;
    }
    selv_board_cells_erase(off);
    return SELV_OK;
}

/* ---- who has it ---------------------------------------------------------- */

static void kick_always(void *port)
{
    (void)port;
    selv_board_watchdog_kick();
}

/* A geometry that makes no sense is found when this is compiled. */
SELV_FLASH_ASSERT_GEOMETRY(SELV_LAYOUT_DEFAULT_SIZE, SECTOR,
                           SELV_BOARD_WRITE_UNIT, 0xff);

/* The rights of a writer are the opaque pointer of the interface, which is
 * not const since most ports keep state there; nothing writes through it. */
#define FLASH_OF(rights, where, kicker)                                        \
    {                                                                          \
        .port = (void *)(uintptr_t)(rights), .size = SELV_LAYOUT_DEFAULT_SIZE, \
        .sector_len = SECTOR, .write_unit = SELV_BOARD_WRITE_UNIT,             \
        .erased = 0xff, .map = (where), .read = nor_read, .write = nor_write,  \
        .erase = nor_erase, .kick = (kicker),                                  \
    }
#define MAPPED ((const uint8_t *)SELV_BOARD_FLASH_BASE)

const struct selv_flash selv_board_flash_boot =
    FLASH_OF(&rights_boot, MAPPED, kick_always);
const struct selv_flash selv_board_flash_recovery =
    FLASH_OF(&rights_recovery, MAPPED, kick_always);
const struct selv_flash selv_board_flash_in_place =
    FLASH_OF(&rights_in_place, MAPPED, kick_always);
const struct selv_flash selv_board_flash_storage =
    FLASH_OF(&rights_boot, NULL, kick_always);

void selv_board_flash_open(struct selv_flash *flash,
                           enum selv_board_writer writer,
                           void (*kick)(void *port))
{
    static const struct rights *const rights[] = {
        [SELV_BOARD_WRITER_APP_A] = &rights_app_a,
        [SELV_BOARD_WRITER_APP_B] = &rights_app_b,
        [SELV_BOARD_WRITER_ASKING] = &rights_asking,
    };

    *flash = (struct selv_flash)FLASH_OF(rights[writer], MAPPED, kick);
}
