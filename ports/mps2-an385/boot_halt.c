/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_halt.c - nothing boots: stop until somebody comes. */
#include "board.h"
#include "boot_fallback.h"

_Noreturn void board_fall_back(struct selv_boot *boot,
                               const struct selv_boot_record *record)
{
    (void)boot;
    (void)record;
    selv_board_halt();
}
