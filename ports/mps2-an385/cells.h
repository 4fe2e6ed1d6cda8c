/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/cells.h - the two things that a flash cell can do. Two
 * implementations: cells.c, which is what ships, and cells_cut.c for the test
 * images, which cuts the power where a test says so.
 *
 * Offsets are bytes from the start of flash; flash_nor.c has checked them. */
#ifndef SELV_BOARD_CELLS_H
#define SELV_BOARD_CELLS_H

#include "base/base.h"

/* Clear the bits that are zero in p: len bytes, whole units, at off. */
void selv_board_cells_program(uint32_t off, const uint8_t *p, uint32_t len);

/* Set the sector at off to ones. */
void selv_board_cells_erase(uint32_t off);

#endif
