/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

static enum selv_verdict es256_verify(const struct selv_cose_key *key,
                                      const struct selv_cose_block *block)
{
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_cose_structure_hash(&h, &selv_cose_es256, block);
    selv_sha256_finish(&h, hash);
    return selv_p256_verify(key->public_key, hash, block->proof.p);
}

const struct selv_cose_method selv_cose_es256 = {
    .tag = TAG_SIGN1,
    .proof_len = SELV_P256_SIGNATURE_LEN,
    .alg = {ITEM(SELV_COSE_ESP256), ITEM(SELV_COSE_ES256)},
    .begin_len = 12,
    .begin = {ITEM_ARRAY + 4, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e',
              '1'},
    .verify = es256_verify,
};
