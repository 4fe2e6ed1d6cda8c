/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h's SHA-256 for boards: the bare one of Mbed TLS. Compile with
 * MBEDTLS_CONFIG_FILE set to mbedtls_config_board.h, together with Mbed
 * TLS's library/sha256.c and library/platform_util.c. */
#include <mbedtls/sha256.h>

#include "crypto/crypto.h"

_Static_assert(sizeof(mbedtls_sha256_context) <= SELV_SHA256_STATE_LEN,
               "SELV_SHA256_STATE_LEN is too small");

static mbedtls_sha256_context *context(struct selv_sha256 *h)
{
    return (mbedtls_sha256_context *)(void *)h->state;
}

/* The software SHA-256 fails only on a wrong is224, which is constant here. */

void selv_sha256_init(struct selv_sha256 *h)
{
    mbedtls_sha256_init(context(h));
    (void)mbedtls_sha256_starts(context(h), 0);
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    (void)mbedtls_sha256_update(context(h), p, len);
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    (void)mbedtls_sha256_finish(context(h), digest);
    selv_wipe(h, sizeof(*h));
}
