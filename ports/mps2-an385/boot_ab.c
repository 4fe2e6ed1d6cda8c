/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_ab.c - both slots run where they lie. */
#include "board.h"
#include "boot_device.h"

void board_boot_describe(struct selv_boot *boot)
{
    (void)boot;
}

uint32_t board_boot_base(const struct selv_slot_place *place)
{
    return SELV_BOARD_FLASH_BASE + place->image_off;
}
