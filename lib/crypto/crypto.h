/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h - the cryptography that lib/ and device/ use. Declared
 * here, supplied by a port (ports/crypto-mbedtls): PSA on hosts, p256-m and
 * bare SHA-256 on a Cortex-M3.
 *
 * Owns: nothing. Contexts belong to the caller; no call keeps a pointer. */
#ifndef SELV_CRYPTO_CRYPTO_H
#define SELV_CRYPTO_CRYPTO_H

#include "base/base.h"

#define SELV_SHA256_LEN 32u
#define SELV_P256_PUBLIC_LEN 64u    /* x then y, big endian */
#define SELV_P256_PRIVATE_LEN 32u   /* d, big endian */
#define SELV_P256_SIGNATURE_LEN 64u /* r then s, big endian [RFC 9053 2.1] */

/* Call once before anything else. On a device it does nothing.
 * SELV_ERR_CRYPTO_LIBRARY when the library does not start. */
SELV_MUST_CHECK enum selv_err selv_crypto_init(void);

/* ---- SHA-256 [FIPS 180-4] ------------------------------------------------ */

/* State of one hash: init, then any number of updates, then finish, which
 * wipes it. A state that was begun must be finished. */
struct selv_sha256 {
    uint64_t state[SELV_SHA256_STATE_LEN / 8];
};

void selv_sha256_init(struct selv_sha256 *h);
void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len);
void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN]);

/* ---- ECDSA, P-256 with SHA-256 [RFC 9053 2.1] -----------------------------
 */

/* SELV_GOOD only when the signature over the hash verifies under the key;
 * SELV_BAD for anything else (a point off the curve included). */
SELV_MUST_CHECK enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN]);

/* ---- the author's half: host builds only ----------------------------------
 */

/* Deterministic ECDSA [RFC 6979]: the same key and hash give the same bytes.
 * SELV_ERR_CRYPTO_KEY, SELV_ERR_CRYPTO_LIBRARY. */
SELV_MUST_CHECK enum selv_err
selv_p256_sign(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
               const uint8_t hash[static SELV_SHA256_LEN],
               uint8_t signature[static SELV_P256_SIGNATURE_LEN]);

/* A new key pair from the operating system's random source. */
SELV_MUST_CHECK enum selv_err
selv_p256_generate(uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                   uint8_t public_key[static SELV_P256_PUBLIC_LEN]);

/* The public half of a private key. SELV_ERR_CRYPTO_KEY when d is out of
 * range. */
SELV_MUST_CHECK enum selv_err
selv_p256_public(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                 uint8_t public_key[static SELV_P256_PUBLIC_LEN]);

#endif
