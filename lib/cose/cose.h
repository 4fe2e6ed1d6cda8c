/* SPDX-License-Identifier: Apache-2.0
 *
 * cose/cose.h - COSE_Sign1 with a detached payload and COSE_Key [RFC 9052].
 *
 * Algorithms: ESP256 (-9) [RFC 9864] is what we emit; ES256 (-7) on a P-256
 *   key is the same mathematics and is accepted [MTI]. One algorithm per key:
 *   the key says which, the message only has to agree.
 * Owns: nothing; blocks, payloads and keys are views.
 * RAM: one hash state on the stack; the Sig_structure is hashed as it goes. */
#ifndef SELV_COSE_COSE_H
#define SELV_COSE_COSE_H

#include "base/base.h"
#include "crypto/crypto.h"

enum selv_cose_alg { SELV_COSE_ES256 = -7, SELV_COSE_ESP256 = -9 };

/* A public key that may verify: an entry of the trust anchors. */
struct selv_cose_key {
    uint8_t public_key[SELV_P256_PUBLIC_LEN];
    uint8_t kid[8];  /* first kid_len bytes are the kid */
    uint8_t kid_len; /* 0: has none, and agrees with every block */
};

/* ---- COSE_Sign1 --------------------------------------------------------- */

/* Verify a tagged (18) COSE_Sign1 whose payload is nil over payload (at most
 * UINT32_MAX bytes), with external_aad empty [RFC 9052 4.4]. Tries each of
 * key_count keys whose kid agrees (a message or key without kid agrees with
 * all). Structure, headers (alg in the protected bucket, no unknown crit, no
 * label twice) and trailing bytes are checked before any key is tried. Returns
 * SELV_GOOD with *key_index the one that verified, else SELV_BAD with *why one
 * of SELV_ERR_COSE_* or SELV_ERR_CBOR_*. key_index and why may be NULL. */
SELV_MUST_CHECK enum selv_verdict
selv_cose_sign1_verify(struct selv_bytes block, struct selv_bytes payload,
                       const struct selv_cose_key *keys, size_t key_count,
                       size_t *key_index, enum selv_err *why);

/* Write a tagged COSE_Sign1, payload nil, alg ESP256 protected, kid (when
 * the key has one) unprotected. Host builds only. SELV_ERR_SPACE, and those
 * of selv_p256_sign. */
SELV_MUST_CHECK enum selv_err
selv_cose_sign1_create(const struct selv_cose_key *key,
                       const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                       struct selv_bytes payload, struct selv_buf *out);

/* ---- COSE_Key ----------------------------------------------------------- */

/* Read an EC2 P-256 COSE_Key (kty 2, crv 1, uncompressed x and y) and check
 * its alg, when present, is ES256 or ESP256. private_key, when not NULL, gets
 * d, and *has_private says whether there was one. SELV_ERR_COSE_KEY,
 * SELV_ERR_CBOR_*. Parameters may stand in any order; a known one given twice
 * is refused. A kid longer than 8 bytes is not kept (kid_len 0): it is only a
 * hint. private_key and has_private may be NULL. Whether d belongs to x and y
 * is for the caller to check (selv_p256_public). */
SELV_MUST_CHECK enum selv_err selv_cose_key_decode(struct selv_bytes in,
                                                   struct selv_cose_key *key,
                                                   uint8_t *private_key,
                                                   bool *has_private);

/* Write a COSE_Key with kid and alg ESP256; with d when private_key is not
 * NULL. SELV_ERR_SPACE. */
SELV_MUST_CHECK enum selv_err
selv_cose_key_encode(const struct selv_cose_key *key,
                     const uint8_t *private_key, struct selv_buf *out);

/* Set kid to the first 8 bytes of the COSE Key thumbprint [RFC 9679]. */
void selv_cose_key_set_kid(struct selv_cose_key *key);

#endif
