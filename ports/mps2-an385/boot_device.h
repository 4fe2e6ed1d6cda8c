/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_device.h - what the bootloaders of the strategies
 * differ in. Each strategy has a file boot_<strategy>.c with these two, of
 * which an image links one; the build names strategy, layout, flash and profile
 * besides (CMakeLists.txt), so that a bootloader has nothing of the others. */
#ifndef SELV_BOARD_BOOT_DEVICE_H
#define SELV_BOARD_BOOT_DEVICE_H

#include "boot/boot.h"

/* Fill what the strategy's code asks for and the build did not name. */
void board_boot_describe(struct selv_boot *boot);

/* Where the image of that slot runs, once it was chosen: an address. */
uint32_t board_boot_base(const struct selv_slot_place *place);

#endif
