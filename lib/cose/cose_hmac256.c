/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

void selv_cose_mac_make(const struct selv_cose_key *key,
                        const struct selv_cose_block *block,
                        uint8_t mac[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_hmac256_begin(&h, key->secret);
    selv_cose_structure_hash(&h, &selv_cose_hmac256, block);
    selv_hmac256_end(&h, key->secret, mac);
}

/* The tag that would have been right is a secret: anybody who learns it can
 * send it. */
static enum selv_verdict hmac256_verify(const struct selv_cose_key *key,
                                        const struct selv_cose_block *block)
{
    enum selv_verdict verdict = SELV_BAD;
    uint8_t mac[SELV_SHA256_LEN];

    selv_cose_mac_make(key, block, mac);
    if (selv_ct_equal(mac, block->proof.p, sizeof(mac)) &&
        selv_ct_equal(block->proof.p, mac, sizeof(mac))) {
        verdict = SELV_GOOD;
    }
    selv_wipe(mac, sizeof(mac));
    return verdict;
}

const struct selv_cose_method selv_cose_hmac256 = {
    .tag = TAG_MAC0,
    .proof_len = SELV_SHA256_LEN,
    .alg = {ITEM(SELV_COSE_HMAC256), ITEM(SELV_COSE_HMAC256)},
    .begin_len = 6,
    .begin = {ITEM_ARRAY + 4, 0x64, 'M', 'A', 'C', '0'},
    .verify = hmac256_verify,
};
