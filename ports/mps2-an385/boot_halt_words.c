/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_halt_words.c - nothing boots: say why, and stop. For
 * the test images, whose tests want to know. */
#include "board.h"
#include "boot_fallback.h"
#include "boot_words.h"

_Noreturn void board_fall_back(struct selv_boot *boot,
                               const struct selv_boot_record *record)
{
    (void)boot;
    selv_board_console_init();
    selv_boot_words_print(record);
    selv_board_halt();
}
