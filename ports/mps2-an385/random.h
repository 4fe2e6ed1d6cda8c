/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/random.h - random bytes on a board without a noise source:
 * a secret seed that the factory wrote, and a number that never comes twice.
 *
 *     draw = SHA-256("selvage random" || seed || boot || draw number)
 *
 * with both numbers big endian in 4 bytes. The boot number is kept in flash
 * and advanced before the first draw; the draw number counts in RAM.
 * Whoever knows the seed knows every draw; whoever does not knows none.
 *
 * Calls: 1 start   2 draw, any number of times
 * RAM:   struct selv_board_random, 40 bytes
 * Wear:  one 4-byte write a boot, one erase of a sector in 1022 boots: with
 *        10,000 erases a sector that is 20 million boots. */
#ifndef SELV_BOARD_RANDOM_H
#define SELV_BOARD_RANDOM_H

#include "base/base.h"
#include "store/flash.h"
#include "store/layout.h"

#define SELV_BOARD_SEED_LEN 32u

struct selv_board_random {
    uint8_t seed[SELV_BOARD_SEED_LEN];
    uint32_t boot;
    uint32_t draws;
};

/* Advance the boot number and copy the seed. SELV_ERR_FLASH_RULE or _IO;
 * SELV_ERR_RANDOM when the number is used up. After an error nothing may be
 * drawn. A power cut at any flash operation costs at most one number. */
SELV_MUST_CHECK enum selv_err
selv_board_random_start(struct selv_board_random *random,
                        const struct selv_flash *flash,
                        const uint32_t sectors[static 2],
                        const uint8_t seed[static SELV_BOARD_SEED_LEN]);

/* The next len random bytes. */
void selv_board_random_draw(struct selv_board_random *random, uint8_t *p,
                            size_t len);

#endif
