/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

bool selv_bytes_equal(struct selv_bytes a, struct selv_bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    /* memcmp must not be given NULL, even for no bytes [C11 7.24.1]. */
    return a.len == 0 || memcmp(a.p, b.p, a.len) == 0;
}

bool selv_is_good(enum selv_verdict v)
{
    volatile uint32_t first = (uint32_t)v;
    volatile uint32_t second = ~(uint32_t)v;
    return first == (uint32_t)SELV_GOOD && second == ~(uint32_t)SELV_GOOD;
}

void selv_wipe(void *p, size_t len)
{
    volatile uint8_t *byte = p;

    for (size_t i = 0; i < len; i++) {
        byte[i] = 0;
    }
}

bool selv_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;

    for (size_t i = 0; i < len; i++) {
        difference |= (uint8_t)(left[i] ^ right[i]);
    }
    return difference == 0;
}
