/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: hexadecimal text to bytes. Blanks between digits are skipped. */
#ifndef SELV_TEST_HEX_H
#define SELV_TEST_HEX_H

#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

static inline int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes into at most cap bytes at p. A vector that is not hexadecimal is a
 * mistake of the test: the program ends. */
static inline struct selv_bytes hex(const char *text, uint8_t *p, size_t cap)
{
    size_t digits = 0;

    for (; *text != '\0'; text++) {
        int digit = hex_digit(*text);
        if (*text == ' ' || *text == '\n') {
            continue;
        }
        if (digit < 0 || digits / 2 >= cap) {
            fprintf(stderr, "bad or long hexadecimal text at: %s\n", text);
            abort();
        }
        if (digits % 2 == 0) {
            p[digits / 2] = (uint8_t)(digit << 4);
        } else {
            p[digits / 2] |= (uint8_t)digit;
        }
        digits++;
    }
    if (digits % 2 != 0) {
        fprintf(stderr, "odd number of hexadecimal digits\n");
        abort();
    }
    return selv_bytes(p, digits / 2);
}

#endif
