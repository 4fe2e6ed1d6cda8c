/* SPDX-License-Identifier: Apache-2.0 */
#include "host/hex.h"

void selv_hex_encode(struct selv_bytes bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        *text++ = digits[bytes.p[i] >> 4];
        *text++ = digits[bytes.p[i] & 0x0f];
    }
    *text = '\0';
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool selv_hex_decode(const char *text, uint8_t *p, size_t len)
{
    if (strlen(text) != len * 2) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(text[i * 2]);
        int low = digit_value(text[i * 2 + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
