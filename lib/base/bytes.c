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

extern inline bool selv_is_good(enum selv_verdict v);

void selv_wipe(void *p, size_t len)
{
    volatile uint8_t *byte = p;

    for (size_t i = 0; i < len; i++) {
        byte[i] = 0;
    }
}

bool selv_ct_equal(const void *a, const void *b, size_t len)
{
    /* Nothing in the loop depends on what was found: there is no way out of it
     * that a compiler could take early. Nor does it look in here from a caller:
     * who compares twice, in either direction, has two comparisons. */
    const uint8_t *left = a;
    const uint8_t *right = b;
    uint32_t difference = 0;

    for (size_t i = 0; i < len; i += 4) {
        uint32_t l;
        uint32_t r;
        memcpy(&l, left + i, sizeof l);
        memcpy(&r, right + i, sizeof r);
        difference |= l ^ r;
    }
    return difference == 0;
}
