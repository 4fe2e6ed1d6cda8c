/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_crypto.c - cryptography that always agrees, for fuzz targets alone:
 * every hash is 32 zero bytes and every signature verifies, so that mutated
 * bytes reach what lies behind authentication. Never linked into anything
 * that ships. */
#include "crypto/crypto.h"

void selv_sha256_init(struct selv_sha256 *h)
{
    memset(h, 0, sizeof *h);
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    /* Touch the bytes, so that a wrong length is seen by the sanitizer. */
    const uint8_t *bytes = (const uint8_t *)p;
    for (size_t i = 0; i < len; i++) {
        h->state[0] += bytes[i];
    }
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    memset(h, 0, sizeof *h);
    memset(digest, 0, SELV_SHA256_LEN);
}

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    (void)public_key;
    (void)hash;
    (void)signature;
    return SELV_GOOD;
}
