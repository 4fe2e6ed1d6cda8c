/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/cells_cut.c - test images only: flash cells, and a power cut
 * at a chosen operation. An operation is one call of program or erase.
 *
 * The test writes a few words (little endian) into the sector behind those of
 * the layouts, which no firmware uses, before it starts QEMU. They lie in the
 * file, so that the count goes on across resets; they are changed in place,
 * outside the rules of NOR flash, because they stand for the test's hand on the
 * switch and not for anything of the device. */
#include "cells.h"

#include "board.h"
#include "store/layout.h"

#define FUSE_ADDRESS (SELV_BOARD_FLASH_BASE + SELV_LAYOUT_DEFAULT_SIZE)
#define FUSE_MAGIC 0x45535546u /* "FUSE" */
#define EXIT_STATUS 77u        /* QEMU's, which tells the test that it cut */
#define UNIT SELV_BOARD_WRITE_UNIT

enum cut {
    CUT_NONE = 0,
    CUT_BEFORE = 1, /* the operation does nothing */
    CUT_TORN = 2,   /* it does a part */
    CUT_AFTER = 3   /* it ends, and its caller never learns */
};

struct fuse {
    uint32_t magic;
    uint32_t left;   /* operations until the cut, which hits the one that
                        brings this to 0; 0: count only */
    uint32_t mode;   /* enum cut */
    uint32_t random; /* torn: where, and which bits */
    uint32_t count;  /* operations seen; up only */
};

static volatile struct fuse *fuse(void)
{
    return (volatile struct fuse *)(uintptr_t)FUSE_ADDRESS;
}

static volatile uint32_t *cells(uint32_t off)
{
    return (volatile uint32_t *)(uintptr_t)(SELV_BOARD_FLASH_BASE + off);
}

/* Count one operation, and say whether the power goes in it. */
static enum cut step(void)
{
    volatile struct fuse *f = fuse();

    if (f->magic != FUSE_MAGIC) {
        return CUT_NONE;
    }
    f->count++;
    if (f->left == 0) {
        return CUT_NONE;
    }
    f->left--;
    return f->left == 0 ? (enum cut)f->mode : CUT_NONE;
}

static void program(uint32_t off, const uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += UNIT) {
        uint32_t word;

        memcpy(&word, p + i, sizeof word);
        *cells(off + i) &= word;
    }
}

static void erase(uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += UNIT) {
        *cells(off + i) = UINT32_MAX;
    }
}

/* Some units programmed, one half programmed, the rest erased. The half is a
 * random subset of the bits, since nothing orders them in a real cell. */
static void program_torn(uint32_t off, const uint8_t *p, uint32_t len)
{
    uint32_t random = fuse()->random;
    uint32_t at = random % (len / UNIT) * UNIT;
    uint32_t word;

    program(off, p, at);
    memcpy(&word, p + at, sizeof word);
    *cells(off + at) &= word | random;
}

/* Some units erased, one with a random subset of its bits back at one, the
 * rest as before. */
static void erase_torn(uint32_t off, uint32_t len)
{
    uint32_t random = fuse()->random;
    uint32_t at = random % (len / UNIT) * UNIT;

    erase(off, at);
    *cells(off + at) |= random;
}

void selv_board_cells_program(uint32_t off, const uint8_t *p, uint32_t len)
{
    enum cut cut = step();

    if (cut == CUT_TORN) {
        program_torn(off, p, len);
    } else if (cut != CUT_BEFORE) {
        program(off, p, len);
    }
    if (cut != CUT_NONE) {
        selv_board_exit(EXIT_STATUS);
    }
}

void selv_board_cells_erase(uint32_t off)
{
    enum cut cut = step();

    if (cut == CUT_TORN) {
        erase_torn(off, SELV_BOARD_SECTOR_LEN);
    } else if (cut != CUT_BEFORE) {
        erase(off, SELV_BOARD_SECTOR_LEN);
    }
    if (cut != CUT_NONE) {
        selv_board_exit(EXIT_STATUS);
    }
}
