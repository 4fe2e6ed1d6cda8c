/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_loader.c - slot A runs, and slot B holds a loader,
 * which runs there. */
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
