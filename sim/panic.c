/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/panic.c - an assertion that fails ends the simulator or the test. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    fprintf(stderr, "selv_panic: module %c%c%c%c, line %u\n",
            (char)(module >> 24), (char)(module >> 16), (char)(module >> 8),
            (char)module, (unsigned)line);
    abort();
}
