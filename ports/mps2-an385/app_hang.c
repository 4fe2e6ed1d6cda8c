/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/app_hang.c - for tests: never kicks the watchdog. */
#include "app.h"

void selv_app_start(void)
{
    for (;;) {
        __asm volatile("nop");
    }
}

bool selv_app_selftest(bool is_well, bool *answer)
{
    *answer = is_well;
    return true;
}
