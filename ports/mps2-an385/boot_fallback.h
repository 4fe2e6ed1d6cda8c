/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_fallback.h - what the bootloader does when nothing
 * boots. Three files have it, of which an image links one: boot_halt.c stops,
 * boot_halt_words.c says why before, and boot_recover.c takes an update over
 * UART 1. */
#ifndef SELV_BOARD_BOOT_FALLBACK_H
#define SELV_BOARD_BOOT_FALLBACK_H

#include "boot/boot.h"

/* boot: as selv_boot_choose left it; its factory is NULL when there is no
 * device to speak of. */
_Noreturn void board_fall_back(struct selv_boot *boot,
                               const struct selv_boot_record *record);

#endif
