/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/p256.h - the insides of the board's P-256, called by what they do.
 * Numbers are eight words, the lowest first, as p256-m has them in memory. */
#ifndef SELV_TEST_FAULT_P256_H
#define SELV_TEST_FAULT_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum p256_what {
    P256_POINT_COMBINE, /* 0 = 0 + (1) G + (2) (3) */
    P256_POINT_SUM,     /* 0: point 1 += point 2 */
    P256_INV,           /* 0 = 1 / 1 */
    P256_MUL            /* 0 = 1 * 2 */
};

/* Of struct point_numbers; and arguments of any of these. */
enum { P256_POINT_WORDS = 128, P256_ARGUMENTS_MAX = 4 };
enum { P256_MODULUS_LEN = 68 };

/* Whether these bytes are one of the two moduli, and then which. */
bool p256_modulus(const uint8_t *p, bool *is_n);
/* Results take the place of the first arguments. */
void p256_compute(enum p256_what what,
                  uint32_t numbers[P256_ARGUMENTS_MAX][P256_POINT_WORDS],
                  bool is_n);

#endif
