/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_words.h - what the bootloader did, in one line on the
 * console. The bootloader itself is silent; whoever comes after it has the
 * words. */
#ifndef SELV_BOARD_BOOT_WORDS_H
#define SELV_BOARD_BOOT_WORDS_H

#include "store/record.h"

/* "boot: reset watchdog, slot A, sequence 1, reverted 290"; of a crash also
 * where it was. */
void selv_boot_words_print(const struct selv_boot_record *record);

#endif
