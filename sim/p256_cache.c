/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/p256_cache.c - remembers the verdicts of selv_p256_verify, so that a
 * search of a hundred thousand boots computes each curve equation once. Linked
 * with --wrap=selv_p256_verify; the key is the SHA-256 over all three inputs,
 * so that a verdict is reused only for the very same bytes. Simulator and
 * tests only. */
#include "crypto/crypto.h"

/* Two releases in one place would drive each other out at every boot. */
enum { ENTRY_COUNT = 65536 };

struct entry {
    bool is_used;
    uint8_t inputs[SELV_SHA256_LEN];
    enum selv_verdict verdict;
};

static struct entry entries[ENTRY_COUNT];

/* Names that the linker's --wrap gives. */
enum selv_verdict __real_selv_p256_verify(
    const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
    const uint8_t hash[static SELV_SHA256_LEN],
    const uint8_t signature[static SELV_P256_SIGNATURE_LEN]);
enum selv_verdict __wrap_selv_p256_verify(
    const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
    const uint8_t hash[static SELV_SHA256_LEN],
    const uint8_t signature[static SELV_P256_SIGNATURE_LEN]);

enum selv_verdict
__wrap_selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                        const uint8_t hash[static SELV_SHA256_LEN],
                        const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    struct selv_sha256 h;
    uint8_t inputs[SELV_SHA256_LEN];
    selv_sha256_init(&h);
    selv_sha256_update(&h, public_key, SELV_P256_PUBLIC_LEN);
    selv_sha256_update(&h, hash, SELV_SHA256_LEN);
    selv_sha256_update(&h, signature, SELV_P256_SIGNATURE_LEN);
    selv_sha256_finish(&h, inputs);
    struct entry *e = &entries[inputs[0] | inputs[1] << 8];
    if (!e->is_used || memcmp(e->inputs, inputs, sizeof inputs) != 0) {
        e->verdict = __real_selv_p256_verify(public_key, hash, signature);
        memcpy(e->inputs, inputs, sizeof inputs);
        e->is_used = true;
    }
    return e->verdict;
}
