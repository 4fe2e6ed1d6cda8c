/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h for boards: p256-m and the bare SHA-256 of Mbed TLS, no
 * heap. Verification only; the author's half lives on hosts. Compile with
 * MBEDTLS_CONFIG_FILE set to mbedtls_config_board.h, together with Mbed
 * TLS's library/sha256.c and library/platform_util.c, with
 * -ffunction-sections, and link with --gc-sections: p256-m's signing half
 * names psa_generate_random, which such a build does not have.
 *
 * p256-m is included, not linked: its arithmetic is what is used of it. Its own
 * verification ends in one comparison and a plain number, which one skipped
 * instruction turns into success. */
#include <mbedtls/sha256.h>
#include <p256-m.c>

#include "crypto/crypto.h"

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

/* ---- ECDSA [SEC 1 4.1.4] ------------------------------------------------- */

/* Both halves of a signature, from 1 to n - 1. */
static bool is_in_range(uint32_t r[8], uint32_t s[8],
                        const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    return scalar_from_bytes(r, signature) == 0 &&
           scalar_from_bytes(s, signature + 32) == 0;
}

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    uint32_t r[8], s[8], x[8], y[8], u[8], v[8], w[8];
    enum selv_verdict verdict = SELV_BAD;

    if (!is_in_range(r, s, signature) ||
        point_from_bytes(x, y, public_key) != 0) {
        return SELV_BAD;
    }
    m256_prep(s, &p256_n);
    m256_inv(s, s, &p256_n);
    m256_prep(r, &p256_n);
    m256_mul(v, r, s, &p256_n);
    m256_done(v, &p256_n); /* r / s */
    ecdsa_m256_from_hash(w, hash, SELV_SHA256_LEN);
    m256_mul(u, w, s, &p256_n);
    m256_done(u, &p256_n); /* hash / s */

    scalar_mult(w, s, x, y, v); /* (w, s) = (r / s) key */
    if (u256_diff0(u) != 0) {
        scalar_mult(x, y, p256_gx, p256_gy, u); /* (x, y) = (hash / s) G */
        point_add_or_double_leaky(u, v, x, y, w, s);
        u256_cmov(w, u, 1);
    }
    m256_done(w, &p256_p);
    ecdsa_m256_mod_n(w);

    /* What is compared is read anew, and looked at again: a zero that got
     * through once would be equal to the zero that the curve makes of it. The
     * comparison is done in either direction, so that no single one decides. */
    if (is_in_range(r, s, signature) && selv_ct_equal(w, r, sizeof r) &&
        selv_ct_equal(r, w, sizeof r)) {
        verdict = SELV_GOOD;
    }
    return verdict;
}
