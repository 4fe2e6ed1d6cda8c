/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h for boards: p256-m and the bare SHA-256 of Mbed TLS, no
 * heap. Verification only; the author's half lives on hosts. Compile with
 * MBEDTLS_CONFIG_FILE set to mbedtls_config_board.h, together with Mbed
 * TLS's library/sha256.c, library/platform_util.c and
 * 3rdparty/p256-m/p256-m/p256-m.c, with -ffunction-sections, and link with
 * --gc-sections: p256-m's signing half names psa_generate_random, which
 * such a build does not have. */
#include <mbedtls/sha256.h>
#include <p256-m.h>

#include "crypto/crypto.h"
#include "verdict.h"

_Static_assert(sizeof(mbedtls_sha256_context) <= SELV_SHA256_STATE_LEN,
               "SELV_SHA256_STATE_LEN is too small");

enum selv_err selv_crypto_init(void)
{
    return SELV_OK;
}

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

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    return verdict_from_status(
        p256_ecdsa_verify(signature, public_key, hash, SELV_SHA256_LEN));
}
