/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/cells.c - RAM in the part of flash cells. */
#include "cells.h"

#include "board.h"

void selv_board_cells_program(uint32_t off, const uint8_t *p, uint32_t len)
{
    volatile uint32_t *to =
        (volatile uint32_t *)(uintptr_t)(SELV_BOARD_FLASH_BASE + off);

    for (uint32_t i = 0; i < len; i += SELV_BOARD_WRITE_UNIT) {
        uint32_t word;

        memcpy(&word, p + i, sizeof word);
        *to++ &= word;
    }
}

void selv_board_cells_erase(uint32_t off)
{
    volatile uint32_t *to =
        (volatile uint32_t *)(uintptr_t)(SELV_BOARD_FLASH_BASE + off);

    for (uint32_t i = 0; i < SELV_BOARD_SECTOR_LEN;
         i += SELV_BOARD_WRITE_UNIT) {
        *to++ = UINT32_MAX;
    }
}
