/* SPDX-License-Identifier: Apache-2.0
 *
 * A broken assertion on a host: say which, and abort. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    char name[5] = {(char)(module >> 24), (char)(module >> 16),
                    (char)(module >> 8), (char)module, 0};

    for (size_t i = 0; i < 4; i++) {
        if (name[i] < ' ' || name[i] > '~') {
            name[i] = '?';
        }
    }
    fprintf(stderr, "panic: assertion in %s, line %u\n", name, (unsigned)line);
    abort();
}
