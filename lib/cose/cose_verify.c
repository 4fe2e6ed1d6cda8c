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

/* Reads one bucket, a map. alg may stand in the protected one only
 * [RFC 9052 3.1]: an unprotected algorithm could be swapped by anybody. */
static void bucket_read(struct selv_cbor *r, bool is_protected,
                        struct selv_cose_block *b)
{
    uint32_t rank = 0;

    for (uint32_t left = selv_cbor_pull(r, SELV_CBOR_MAP); left > 0; left--) {
        int32_t label = label_read(r, &rank);
        const uint8_t *value = r->p;

        selv_cbor_pass(r);
        if (r->err) {
            return;
        }
        if (label == HEADER_ALG && is_protected) {
            b->alg = r->p - value == 1 ? *value : 0;
        } else if (label == HEADER_KID && b->kid == NULL &&
                   *value >> 5 == SELV_CBOR_BSTR) {
            b->kid = value;
        } else if (label == HEADER_CRIT) {
            /* It can only name labels that we do not know: of the labels 0 to
             * 7, where all that we know stand, it is not to speak
             * [RFC 9052 3.1]. */
            r->err = SELV_ERR_COSE_CRIT;
        } else if (label == HEADER_ALG || label == HEADER_KID) {
            r->err = SELV_ERR_COSE_HEADER;
        }
    }
}

/* Reads all that can be read without a key. */
static enum selv_err block_read(struct selv_cbor *r, struct selv_cose_block *b)
{
    const uint8_t *start;
    const uint8_t *end;

    if (r->p == r->end) {
        return SELV_ERR_CBOR_END;
    }
    b->tag = *r->p;
    if (b->tag != ITEM_TAG + TAG_SIGN1 && b->tag != ITEM_TAG + TAG_MAC0) {
        return SELV_ERR_COSE_TAG;
    }
    r->p++;
    if (selv_cbor_pull(r, SELV_CBOR_ARRAY) != 4) {
        selv_cbor_note(r, SELV_ERR_COSE_STRUCTURE);
    }
    start = r->p;
    end = selv_cbor_enter(r);
    if (r->p != r->end) { /* else it stands for the empty map [RFC 9052 3] */
        bucket_read(r, true, b);
    }
    selv_cbor_leave(r, end);
    b->protected_item = selv_bytes(start, (size_t)(r->p - start));
    bucket_read(r, false, b);
    if (r->p == r->end || *r->p != ITEM_NULL) {
        selv_cbor_note(r, r->p == r->end ? SELV_ERR_CBOR_END
                                         : SELV_ERR_COSE_PAYLOAD);
    } else {
        r->p++;
    }
    b->proof.len = selv_cbor_pull(r, SELV_CBOR_BSTR);
    b->proof.p = r->p - b->proof.len;
    selv_cbor_leave(r, r->end);
    return r->err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_STRUCTURE : r->err;
}

static bool kid_agrees(const uint8_t *kid, const struct selv_cose_key *key)
{
    return kid == NULL || key->kid_len == 0 ||
           (*kid == ITEM_BSTR + key->kid_len &&
            memcmp(kid + 1, key->kid, key->kid_len) == 0);
}

/* Why this key, of the block's kind, cannot have made it; SELV_OK when it may
 * have. */
static enum selv_err key_check(const struct selv_cose_block *b,
                               const struct selv_cose_key *key)
{
    const struct selv_cose_method *method = key->method;

    if (b->alg != method->alg[0] && b->alg != method->alg[1]) {
        return SELV_ERR_COSE_ALG;
    }
    if (b->proof.len != method->proof_len) {
        return SELV_ERR_COSE_STRUCTURE;
    }
    return kid_agrees(b->kid, key) ? SELV_OK : SELV_ERR_COSE_NO_KEY;
}

enum selv_verdict selv_cose_verify(struct selv_bytes block,
                                   struct selv_bytes payload,
                                   const struct selv_cose_key *keys,
                                   size_t key_count, size_t *key_index,
                                   enum selv_err *why)
{
    enum selv_verdict verdict = SELV_BAD;
    struct selv_cose_block b = {.payload = payload};
    struct selv_cbor r = {block.p, block.p + block.len, SELV_OK};
    enum selv_err err = block_read(&r, &b);

    if (!err) {
        err = SELV_ERR_COSE_NO_KEY;
        for (size_t i = 0; i < key_count; i++) {
            const struct selv_cose_key *key = &keys[i];

            if (key->method == NULL || key->method->tag != b.tag) {
                continue;
            }
            err = key_check(&b, key);
            if (err) {
                continue;
            }
            /* Computed once; the verdict is handed up as it is, and read twice
             * here and again by the caller. */
            verdict = key->method->verify(key, &b);
            if (selv_is_good(verdict)) {
                if (key_index != NULL) {
                    *key_index = i;
                }
                break;
            }
            err = SELV_ERR_COSE_NO_KEY;
        }
    }
    if (why != NULL) {
        *why = err;
    }
    return verdict;
}
