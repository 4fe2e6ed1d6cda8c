/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/p256.h - the insides of p256-m, called by what they do. Numbers
 * are eight words, the lowest first, as p256-m has them in memory. */
#ifndef SELV_TEST_FAULT_P256_H
#define SELV_TEST_FAULT_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum p256_what {
    P256_SCALAR_MULT,  /* (0, 1) = [4] (2, 3) */
    P256_INV,          /* 0 = 1 / 1 */
    P256_POINT_ADD,    /* (0, 1, 2) += (3, 4) */
    P256_POINT_DOUBLE, /* (0, 1, 2) *= 2 */
    P256_MUL           /* 0 = 1 * 2 */
};

enum { P256_MODULUS_LEN = 68 };

/* Whether these bytes are one of the two moduli, and then which. */
bool p256_modulus(const uint8_t *p, bool *is_n);
/* Results take the place of the first arguments. */
void p256_compute(enum p256_what what, uint32_t numbers[5][8], bool is_n);

#endif
