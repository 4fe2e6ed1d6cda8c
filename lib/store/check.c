/* SPDX-License-Identifier: Apache-2.0
 *
 * store/check.c - see store/check.h. */
#include "store/check.h"

#include "crypto/crypto.h"

void selv_check_make(const void *p, size_t len,
                     uint8_t check[static SELV_CHECK_LEN])
{
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, p, len);
    selv_sha256_finish(&hash, digest);
    memcpy(check, digest, SELV_CHECK_LEN);
}

bool selv_check_is_right(const uint8_t *p, size_t len)
{
    uint8_t check[SELV_CHECK_LEN];
    len -= SELV_CHECK_LEN;
    selv_check_make(p, len, check);
    return memcmp(p + len, check, SELV_CHECK_LEN) == 0;
}
