/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/fuse.c - test builds only: cut the power where a test says
 * so. The test writes these words (little endian) at the start of sector 7,
 * which no firmware uses, before it starts QEMU. They lie in the file, so
 * that the count goes on across resets; the words are written in place,
 * outside the rules of NOR flash, because they stand for the test's hand on
 * the switch and not for anything of the device. */
#include "fuse.h"

#include "board.h"

#define FUSE_ADDRESS (SELV_BOARD_FLASH_BASE + 7u * SELV_BOARD_SECTOR_LEN)
#define FUSE_MAGIC 0x45535546u /* "FUSE" */
#define EXIT_STATUS 77u        /* QEMU's, which tells the test that it cut */

struct words {
    uint32_t magic;
    uint32_t left;   /* operations until the cut, which hits the one that
                        brings this to 0; 0: count only */
    uint32_t mode;   /* enum selv_board_cut */
    uint32_t random; /* for a torn operation */
    uint32_t count;  /* operations seen; up only */
};

static volatile struct words *words(void)
{
    return (volatile struct words *)(uintptr_t)FUSE_ADDRESS;
}

struct selv_board_fuse selv_board_fuse_step(void)
{
    volatile struct words *w = words();
    struct selv_board_fuse fuse = {SELV_BOARD_CUT_NONE, 0};

    if (w->magic != FUSE_MAGIC) {
        return fuse;
    }
    w->count++;
    if (w->left == 0) {
        return fuse;
    }
    w->left--;
    if (w->left == 0) {
        fuse.cut = (enum selv_board_cut)w->mode;
        fuse.random = w->random;
    }
    return fuse;
}

void selv_board_fuse_end(struct selv_board_fuse fuse)
{
    if (fuse.cut != SELV_BOARD_CUT_NONE) {
        selv_board_exit(EXIT_STATUS);
    }
}
