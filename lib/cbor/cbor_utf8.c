/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

bool selv_cbor_is_utf8(struct selv_bytes text)
{
    const uint8_t *p = text.p;
    size_t left = text.len;

    while (left > 0) {
        uint32_t v = *p++;
        unsigned tail; /* bytes behind the lead byte */

        left--;
        if (v < 0x80) {
            continue;
        }
        /* C0, C1 and F5 to FF lead nothing, and 80 to BF are no leads
         * [RFC 3629 4]. */
        tail = v < 0xe0 ? 1 : v < 0xf0 ? 2 : 3;
        if (v < 0xc2 || v > 0xf4 || left < tail) {
            return false;
        }
        left -= tail;
        v &= 0x3fu >> tail;
        for (unsigned i = 0; i < tail; i++, p++) {
            if (*p >> 6 != 2) {
                return false;
            }
            v = v << 6 | (*p & 0x3fu);
        }
        /* No overlong forms, no surrogates (D800 to DFFF), nothing above
         * U+10FFFF. Two bytes are never overlong behind C2 to DF. */
        if ((tail == 2 && (v < 0x800 || v >> 11 == 0x1b)) ||
            (tail == 3 && (v < 0x10000 || v > 0x10ffff))) {
            return false;
        }
    }
    return true;
}
