/* SPDX-License-Identifier: Apache-2.0
 *
 * From a library's status, 0 for success, to a hardened verdict. */
#ifndef SELV_CRYPTO_MBEDTLS_VERDICT_H
#define SELV_CRYPTO_MBEDTLS_VERDICT_H

#include "base/base.h"

/* The status is read twice, the second time inverted, so that one skipped
 * comparison does not make a bad signature good. */
static inline enum selv_verdict verdict_from_status(int status)
{
    volatile int first = status;
    volatile int second = ~status;

    if (first != 0) {
        return SELV_BAD;
    }
    if (second != -1) {
        return SELV_BAD;
    }
    return SELV_GOOD;
}

#endif
