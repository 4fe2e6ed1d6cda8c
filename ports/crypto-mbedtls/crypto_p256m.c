/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h for boards, but for SHA-256: P-256 on p256-m's arithmetic, no
 * heap. Verification only; the author's half lives on hosts. Compile with
 * MBEDTLS_CONFIG_FILE set to mbedtls_config_board.h, together with
 * sha256_mbedtls.c or sha256_small.c, with -ffunction-sections, and link with
 * --gc-sections: p256-m's signing half names psa_generate_random, which such a
 * build does not have.
 *
 * p256-m is included, not linked: its arithmetic of numbers is what is used of
 * it. Its own verification ends in one comparison and a plain number, which one
 * skipped instruction turns into success; and its points are fast and safe for
 * secret numbers, where ours (p256_points.h) are small. */
#include <p256-m.c>

#include "p256_points.h"

#include "crypto/crypto.h"

enum selv_err selv_crypto_init(void)
{
    return SELV_OK;
}

/* ---- ECDSA [SEC 1 4.1.4] ------------------------------------------------- */

/* Both halves of a signature, from 1 to n - 1. */
static bool is_in_range(uint32_t r[8], uint32_t s[8],
                        const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    return scalar_from_bytes(r, signature) == 0 &&
           scalar_from_bytes(s, signature + 32) == 0;
}

/* A point of the curve, with coordinates below p, as point 2. */
static bool read_key(struct point_numbers *n,
                     const uint8_t public_key[static SELV_P256_PUBLIC_LEN])
{
    point_begin(n);
    return m256_from_bytes(n->of[X2], public_key, &p256_p) == 0 &&
           m256_from_bytes(n->of[Y2], public_key + 32, &p256_p) == 0 &&
           point_is_on_curve(n);
}

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    struct point_numbers n;
    uint32_t r[8], s[8], u[8], v[8], key[16];
    enum selv_verdict verdict = SELV_BAD;

    if (!is_in_range(r, s, signature) || !read_key(&n, public_key)) {
        return SELV_BAD;
    }
    memcpy(key, n.of[X2], sizeof key);
    /* Of two factors one in Montgomery's form makes a plain product, and
     * reduces the other one, which may be any number of 256 bits. */
    m256_prep(s, &p256_n);
    m256_inv(s, s, &p256_n);
    m256_mul(v, r, s, &p256_n); /* r / s */
    u256_from_bytes(u, hash);
    m256_mul(u, u, s, &p256_n); /* hash / s */

    point_combine(&n, u, v, key);
    m256_inv(n.of[Z1], n.of[Z1], &p256_p);
    m256_mul(u, n.of[X1], n.of[Z1], &p256_p);
    m256_done(u, &p256_p);
    /* There and back: modulo n. */
    m256_prep(u, &p256_n);
    m256_done(u, &p256_n);

    /* What is compared is read anew, and looked at again: a zero that got
     * through once would be equal to the zero that the curve makes of it. The
     * comparison is done in either direction, so that no single one decides. */
    if (is_in_range(r, s, signature) && selv_ct_equal(u, r, sizeof r) &&
        selv_ct_equal(r, u, sizeof r)) {
        verdict = SELV_GOOD;
    }
    return verdict;
}
