/* SPDX-License-Identifier: Apache-2.0
 *
 * cose/cose.h - COSE_Sign1 and COSE_Mac0 with a detached payload, and COSE_Key
 * [RFC 9052].
 *
 * Algorithms: ESP256 (-9) [RFC 9864] is what we emit; ES256 (-7) on a P-256
 *   key is the same mathematics and is accepted [MTI]. HMAC 256/256 (5)
 *   [RFC 9053 3.1]. One algorithm per key: the key says which, by its method;
 *   the message only has to agree.
 * Owns: nothing; blocks, payloads and keys are views.
 * RAM: one hash state on the stack; the Sig_structure is hashed as it goes. */
#ifndef SELV_COSE_COSE_H
#define SELV_COSE_COSE_H

#include "base/base.h"
#include "cbor/cbor.h"
#include "crypto/crypto.h"

enum selv_cose_alg {
    SELV_COSE_ES256 = -7,
    SELV_COSE_ESP256 = -9,
    SELV_COSE_HMAC256 = 5
};

#define SELV_COSE_HMAC_KEY_LEN 32u /* bytes */

/* How a kind of key verifies, and which kind of block. A program links only
 * the methods that it names. */
struct selv_cose_method;
extern const struct selv_cose_method selv_cose_es256;   /* COSE_Sign1 */
extern const struct selv_cose_method selv_cose_hmac256; /* COSE_Mac0 */

/* A key that may verify: an entry of the trust anchors. */
struct selv_cose_key {
    const struct selv_cose_method *method; /* NULL: verifies nothing */
    union {
        uint8_t public_key[SELV_P256_PUBLIC_LEN];
        uint8_t secret[SELV_COSE_HMAC_KEY_LEN];
    };
    uint8_t kid[8];  /* first kid_len bytes are the kid */
    uint8_t kid_len; /* 0: has none, and agrees with every block */
};

/* ---- authentication blocks ------------------------------------------------
 */

/* Verify a tagged COSE_Sign1 (18) or COSE_Mac0 (17) whose payload is nil over
 * payload (at most UINT32_MAX bytes), with external_aad empty [RFC 9052 4.4,
 * 6.3]. Tries each of key_count keys whose method is for this kind of block
 * and whose kid agrees (a message or key without kid agrees with all).
 * Structure, headers (alg in the protected bucket, no unknown crit, no label
 * twice) and trailing bytes are checked before any key is tried. Returns
 * SELV_GOOD with *key_index the one that verified, else SELV_BAD with *why:
 * SELV_ERR_COSE_TAG for a block of another kind than these two,
 * SELV_ERR_COSE_ALG for an algorithm that is not the keys',
 * SELV_ERR_COSE_NO_KEY when no key is of this kind, agrees and verifies it, or
 * another of SELV_ERR_COSE_* or SELV_ERR_CBOR_*. key_index and why may be
 * NULL. */
SELV_MUST_CHECK enum selv_verdict
selv_cose_verify(struct selv_bytes block, struct selv_bytes payload,
                 const struct selv_cose_key *keys, size_t key_count,
                 size_t *key_index, enum selv_err *why);

/* The same over bytes that stand in a larger structure: r is over the block,
 * and payload[0] and payload[1] together are the payload's encoded byte string,
 * so that one that is encoded already needs no copy. The reason is left in
 * r->err; *key_index is written when it is good. Nothing verifies when r has an
 * error already, which may then be replaced by another. */
SELV_MUST_CHECK enum selv_verdict selv_cose_verify_at(
    struct selv_cbor *r, const struct selv_bytes payload[static 2],
    const struct selv_cose_key *keys, size_t key_count, size_t *key_index);

/* Write a tagged COSE_Sign1, payload nil, alg ESP256 protected, kid (when
 * the key has one) unprotected. Host builds only. SELV_ERR_SPACE, and those
 * of selv_p256_sign. */
SELV_MUST_CHECK enum selv_err
selv_cose_sign1_create(const struct selv_cose_key *key,
                       const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                       struct selv_bytes payload, struct selv_buf *out);

/* Write a tagged COSE_Mac0, payload nil, alg HMAC 256/256 protected, kid (when
 * the key has one) unprotected. Host builds only. SELV_ERR_SPACE. */
SELV_MUST_CHECK enum selv_err
selv_cose_mac0_create(const struct selv_cose_key *key,
                      struct selv_bytes payload, struct selv_buf *out);

/* HMAC-SHA-256 [RFC 2104] over message. */
void selv_hmac256(const uint8_t key[static SELV_COSE_HMAC_KEY_LEN],
                  struct selv_bytes message,
                  uint8_t mac[static SELV_SHA256_LEN]);

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

/* Read a symmetric COSE_Key (kty 4) of 32 bytes, and check its alg, when
 * present, is HMAC 256/256 and its key_ops, when present, name making or
 * verifying MACs. Else as selv_cose_key_decode. */
SELV_MUST_CHECK enum selv_err
selv_cose_secret_decode(struct selv_bytes in, struct selv_cose_key *key);

/* Write it back, with kid and alg HMAC 256/256. SELV_ERR_SPACE. */
SELV_MUST_CHECK enum selv_err
selv_cose_secret_encode(const struct selv_cose_key *key, struct selv_buf *out);

/* Write a COSE_Key with kid and alg ESP256; with d when private_key is not
 * NULL. SELV_ERR_SPACE. */
SELV_MUST_CHECK enum selv_err
selv_cose_key_encode(const struct selv_cose_key *key,
                     const uint8_t *private_key, struct selv_buf *out);

/* Set the kid of a P-256 key to the first 8 bytes of its COSE Key thumbprint
 * [RFC 9679]. Not for secrets: a hash of one is of help in guessing it. */
void selv_cose_key_set_kid(struct selv_cose_key *key);

#endif
