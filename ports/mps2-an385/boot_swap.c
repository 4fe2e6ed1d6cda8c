/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_swap.c - slot A runs, slot B is the staging area, and
 * the bootloader exchanges them. */
#include "board.h"
#include "boot_device.h"
#include "flash_nor.h"

void board_boot_describe(struct selv_boot *boot)
{
    boot->strategy = &selv_strategy_swap;
    boot->flash = &selv_board_flash_in_place;
}

uint32_t board_boot_base(const struct selv_slot_place *place)
{
    return SELV_BOARD_FLASH_BASE + place->image_off;
}
