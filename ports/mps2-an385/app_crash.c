/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/app_crash.c - for tests: a fault at the start. */
#include "app.h"

#include <stdint.h>

void selv_app_start(void)
{
    *(volatile uint32_t *)0xfffffff0u = 1;
}

bool selv_app_selftest(bool is_well, bool *answer)
{
    *answer = is_well;
    return true;
}
