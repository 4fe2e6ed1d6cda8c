/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_ram.c - both slots are storage; what runs was copied
 * into RAM and checked there. The manifest is read into what is the
 * application's RAM, which does not run yet; boot_ram.ld places it. */
#include "board.h"
#include "boot_device.h"
#include "flash_nor.h"

static uint8_t envelope[SELV_SUIT_ENVELOPE_MAX]
    __attribute__((section(".envelope")));
static struct selv_buf image = {(uint8_t *)SELV_BOARD_LOAD_BASE,
                                SELV_BOARD_LOAD_LEN, 0};

void board_boot_describe(struct selv_boot *boot)
{
    boot->strategy = &selv_strategy_ram;
    boot->flash = &selv_board_flash_storage;
    boot->scratch = (struct selv_buf){envelope, sizeof envelope, 0};
    boot->ram = &image;
}

uint32_t board_boot_base(const struct selv_slot_place *place)
{
    (void)place;
    return SELV_BOARD_LOAD_BASE;
}
