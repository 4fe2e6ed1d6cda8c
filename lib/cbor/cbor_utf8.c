/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

/* Bytes after this lead byte, or -1 for a byte that cannot lead. C0, C1 and
 * F5 to FF occur nowhere in UTF-8 [RFC 3629 4]. */
static int tail_count(uint8_t lead)
{
    if (lead < 0x80) {
        return 0;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return -1;
    }
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

bool selv_cbor_is_utf8(struct selv_bytes text)
{
    size_t i = 0;

    while (i < text.len) {
        uint8_t lead = text.p[i++];
        int tail = tail_count(lead);
        /* The second byte is narrower after four leads: no overlong forms, no
         * surrogates, nothing above U+10FFFF. */
        uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

        if (tail < 0 || (size_t)tail > text.len - i) {
            return false;
        }
        for (; tail > 0; tail--, i++) {
            if (text.p[i] < low || text.p[i] > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
