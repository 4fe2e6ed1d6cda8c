/* SPDX-License-Identifier: Apache-2.0
 *
 * Cryptography that costs nothing and proves nothing, so that only the
 * engine is measured: a hash remembers where its first byte lies, and its
 * digest is looked up. */
#include "bench/engine.h"
#include "crypto/crypto.h"

void selv_sha256_init(struct selv_sha256 *h)
{
    h->state[0] = 0;
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    (void)len;
    if (h->state[0] == 0) {
        h->state[0] = (uintptr_t)p;
    }
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    memcpy(digest, bench_digest((const uint8_t *)(uintptr_t)h->state[0]),
           SELV_SHA256_LEN);
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
