/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

/* Rank of a text label: behind every integer [RFC 8949 4.2.1]. */
#define RANK_TEXT UINT32_MAX

/* A label: integers in canonical order, so that none stands twice, then at
 * most one text [RFC 9052 1.5]. Text means nothing to us and comes out as 0,
 * the label that is reserved. */
static int32_t label_read(struct selv_cbor *r, uint32_t *rank)
{
    if (selv_cbor_peek(r) != SELV_CBOR_TSTR) {
        return selv_cbor_pull_key(r, rank);
    }
    if (*rank == RANK_TEXT) {
        selv_cbor_note(r, SELV_ERR_COSE_HEADER);
    }
    *rank = RANK_TEXT;
    selv_cbor_pass(r);
    return 0;
}

/* Reads one bucket, a map, into b->at. What stands there already may not
 * stand in the map. */
static void bucket_read(struct selv_cbor *r, struct selv_cose_block *b)
{
    uint32_t rank = 0;

    for (uint32_t left = selv_cbor_pull(r, SELV_CBOR_MAP); left > 0; left--) {
        int32_t label = label_read(r, &rank);
        const uint8_t *value = r->p;

        selv_cbor_pass(r);
        if (r->err) {
            return;
        }
        if (label < HEADER_ALG || label > HEADER_KID) {
            continue;
        }
        if (b->at[label] != NULL) {
            r->err = label == HEADER_CRIT ? SELV_ERR_COSE_CRIT
                                          : SELV_ERR_COSE_HEADER;
        }
        b->at[label] = value;
    }
}

/* Reads all that can be read without a key. */
static void block_read(struct selv_cbor *r, struct selv_cose_block *b)
{
    static const uint8_t nothing = 0; /* reserved, as an algorithm */
    const uint8_t *end;

    b->tag = selv_cbor_pull(r, SELV_CBOR_TAG);
    if (b->tag - TAG_MAC0 > TAG_SIGN1 - TAG_MAC0 &&
        r->err != SELV_ERR_CBOR_END) {
        r->err = SELV_ERR_COSE_TAG;
    }
    if (selv_cbor_pull(r, SELV_CBOR_ARRAY) != 4) {
        selv_cbor_note(r, SELV_ERR_COSE_STRUCTURE);
    }
    b->protected_item.p = r->p;
    /* It can only name labels that we do not know: of the labels 0 to 7, where
     * all that we know stand, it is not to speak [RFC 9052 3.1]. */
    b->at[HEADER_CRIT] = &nothing;
    end = selv_cbor_enter(r);
    if (r->p != r->end) { /* else it stands for the empty map [RFC 9052 3] */
        bucket_read(r, b);
    }
    selv_cbor_leave(r, end);
    b->protected_item.len = (size_t)(r->p - b->protected_item.p);
    /* alg may stand in the protected bucket only [RFC 9052 3.1]: an unprotected
     * algorithm could be swapped by anybody. */
    if (b->at[HEADER_ALG] == NULL) {
        b->at[HEADER_ALG] = &nothing;
    }
    bucket_read(r, b);
    if (b->at[HEADER_KID] != NULL &&
        *b->at[HEADER_KID] >> 5 != SELV_CBOR_BSTR) {
        selv_cbor_note(r, SELV_ERR_COSE_HEADER);
    }
    if (r->p != r->end && !selv_cbor_is_null(r)) {
        selv_cbor_note(r, SELV_ERR_COSE_PAYLOAD);
    }
    selv_cbor_pass(r);
    b->proof.len = selv_cbor_pull(r, SELV_CBOR_BSTR);
    b->proof.p = r->p - b->proof.len;
    selv_cbor_leave(r, r->end);
    if (r->err == SELV_ERR_CBOR_TYPE) {
        r->err = SELV_ERR_COSE_STRUCTURE;
    }
}

static bool kid_agrees(const uint8_t *kid, const struct selv_cose_key *key)
{
    return kid == NULL || key->kid_len == 0 ||
           (*kid == ITEM_BSTR + key->kid_len &&
            memcmp(kid + 1, key->kid, key->kid_len) == 0);
}

enum selv_verdict selv_cose_verify_at(struct selv_cbor *r,
                                      const struct selv_bytes payload[static 2],
                                      const struct selv_cose_key *keys,
                                      size_t key_count, size_t *key_index)
{
    struct selv_cose_block b;

    b.payload = payload;
    memset(b.at, 0, sizeof(b.at));
    block_read(r, &b);
    if (r->err) {
        return SELV_BAD;
    }
    r->err = SELV_ERR_COSE_NO_KEY;
    for (size_t i = 0; i < key_count; i++) {
        const struct selv_cose_key *key = &keys[i];
        const struct selv_cose_method *method = key->method;
        uint8_t alg = *b.at[HEADER_ALG];

        if (method == NULL || method->tag != b.tag) {
            continue;
        }
        enum selv_err err = SELV_ERR_COSE_NO_KEY;
        if (alg != method->alg[0] && alg != method->alg[1]) {
            err = SELV_ERR_COSE_ALG;
        } else if (b.proof.len != method->proof_len) {
            err = SELV_ERR_COSE_STRUCTURE;
        } else if (kid_agrees(b.at[HEADER_KID], key)) {
            /* Computed once; the verdict is handed up as it is, and read
             * twice here and again by the caller. */
            enum selv_verdict verdict = method->verify(key, &b);
            if (selv_is_good(verdict)) {
                r->err = SELV_OK;
                *key_index = i;
                return verdict;
            }
        }
        r->err = err;
    }
    return SELV_BAD;
}
