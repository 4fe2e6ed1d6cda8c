/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/stack_paint.c - see porttest/stack_paint.h. */
#include "test/porttest/stack_paint.h"

#define PAINT 0x9d4e27b1u
/* Words left alone below here, for what this function itself may push. */
#define MARGIN 16

__attribute__((noinline)) uint32_t selv_porttest_paint(uint32_t *limit,
                                                       const uint32_t *top)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t end = here - MARGIN * sizeof(uint32_t);
    for (volatile uint32_t *p = limit; (uintptr_t)p < end; p++) {
        *p = PAINT;
    }
    return (uint32_t)((uintptr_t)top - here);
}

uint32_t selv_porttest_painted(const uint32_t *limit, const uint32_t *top)
{
    const volatile uint32_t *p = limit;
    while ((uintptr_t)p < (uintptr_t)top && *p == PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)p);
}
