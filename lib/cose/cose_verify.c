/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

/* What a COSE_Sign1 says, as views into the block. */
struct sign1 {
    struct selv_bytes protected_item; /* the encoded byte string */
    struct selv_bytes protected_map;  /* its content */
    struct selv_bytes crit;           /* the encoded array; empty: none */
    struct selv_bytes kid;
    struct selv_bytes signature;
    int32_t alg;
    bool has_alg;
    bool has_kid;
};

/* True when the protected bucket, which was checked before, has the label. */
static bool protected_has(const struct sign1 *s, struct selv_bytes label)
{
    struct selv_cbor r;
    uint32_t count = 0;

    selv_cbor_init(&r, s->protected_map);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false; /* the zero-length bucket */
    }
    for (; count > 0; count--) {
        struct selv_bytes key;
        if (selv_cbor_skip(&r, &key) != SELV_OK ||
            selv_cbor_skip(&r, NULL) != SELV_OK) {
            return false;
        }
        if (selv_bytes_equal(key, label)) {
            return true;
        }
    }
    return false;
}

/* Takes the value of one header parameter. alg and crit may stand in the
 * protected bucket only [RFC 9052 3.1]: an unprotected algorithm could be
 * swapped by anybody. */
static enum selv_err header_take(struct selv_cbor *r, int32_t label,
                                 bool is_protected, struct sign1 *s)
{
    enum selv_cbor_type type = selv_cbor_peek(r);

    switch (label) {
    case HEADER_ALG:
        if (!is_protected) {
            return SELV_ERR_COSE_HEADER;
        }
        if (type > SELV_CBOR_NINT) {
            return SELV_ERR_COSE_ALG; /* a name: none that we know */
        }
        s->has_alg = true;
        return selv_cbor_int(r, &s->alg);
    case HEADER_CRIT:
        if (!is_protected || type != SELV_CBOR_ARRAY) {
            return SELV_ERR_COSE_HEADER;
        }
        return selv_cbor_skip(r, &s->crit);
    case HEADER_KID:
        if (type != SELV_CBOR_BSTR) {
            return SELV_ERR_COSE_HEADER;
        }
        s->has_kid = true;
        return selv_cbor_bstr(r, &s->kid);
    default:
        return selv_cbor_skip(r, NULL);
    }
}

/* Labels are integers or text [RFC 9052 1.5]; only integers mean something to
 * us. */
static enum selv_err label_take(struct selv_cbor *r, struct selv_bytes *item,
                                int32_t *label)
{
    struct selv_cbor at = *r;
    enum selv_cbor_type type = selv_cbor_peek(r);
    enum selv_err err = selv_cbor_skip(r, item);

    if (err) {
        return err;
    }
    *label = 0; /* reserved: no parameter [IANA COSE] */
    if (type == SELV_CBOR_TSTR) {
        return SELV_OK;
    }
    if (type > SELV_CBOR_NINT) {
        return SELV_ERR_COSE_HEADER;
    }
    /* An integer beyond 32 bits is a label that we do not know. */
    err = selv_cbor_int(&at, label);
    return err == SELV_ERR_CBOR_RANGE ? SELV_OK : err;
}

/* Reads one bucket, a map. A label may stand once, in one bucket or the other
 * [RFC 9052 3]. */
static enum selv_err bucket_take(struct selv_cbor *r, bool is_protected,
                                 struct sign1 *s)
{
    struct selv_bytes previous = selv_bytes(NULL, 0);
    uint32_t count = 0;
    enum selv_err err = selv_cbor_map(r, &count);

    for (; !err && count > 0; count--) {
        struct selv_bytes key;
        int32_t label;

        err = label_take(r, &key, &label);
        if (err) {
            return err;
        }
        err = selv_cbor_key_order(&previous, key);
        if (err == SELV_ERR_CBOR_DUPLICATE ||
            (!is_protected && protected_has(s, key))) {
            return SELV_ERR_COSE_HEADER;
        }
        if (err) {
            return err;
        }
        err = header_take(r, label, is_protected, s);
    }
    return err;
}

static enum selv_err protected_take(struct selv_cbor *r, struct sign1 *s)
{
    struct selv_cbor item = *r;
    struct selv_cbor map;
    enum selv_err err = selv_cbor_bstr(r, &s->protected_map);

    if (err) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_STRUCTURE : err;
    }
    s->protected_item = selv_bytes(item.p, (size_t)(r->p - item.p));
    if (s->protected_map.len == 0) {
        return SELV_OK; /* stands for the empty map [RFC 9052 3] */
    }
    selv_cbor_init(&map, s->protected_map);
    err = bucket_take(&map, true, s);
    return err ? err : selv_cbor_end(&map);
}

/* Every label in crit must be one that we act on, and stand in the protected
 * bucket [RFC 9052 3.1]. */
static enum selv_err crit_check(const struct sign1 *s)
{
    struct selv_cbor r;
    uint32_t count = 0;
    enum selv_err err;

    if (s->crit.len == 0) {
        return SELV_OK;
    }
    selv_cbor_init(&r, s->crit);
    err = selv_cbor_array(&r, &count);
    if (!err && count == 0) {
        return SELV_ERR_COSE_HEADER;
    }
    for (; !err && count > 0; count--) {
        struct selv_bytes item;
        int32_t label;

        err = label_take(&r, &item, &label);
        if (!err && ((label != HEADER_ALG && label != HEADER_KID) ||
                     !protected_has(s, item))) {
            err = SELV_ERR_COSE_CRIT;
        }
    }
    return err;
}

/* Checks all that can be checked without a key. */
static enum selv_err sign1_parse(struct selv_bytes block, struct sign1 *s)
{
    struct selv_cbor r;
    uint64_t tag = 0;
    uint32_t count = 0;
    enum selv_err err;

    memset(s, 0, sizeof(*s));
    selv_cbor_init(&r, block);
    err = selv_cbor_tag(&r, &tag);
    if (err == SELV_ERR_CBOR_TYPE || (!err && tag != TAG_SIGN1)) {
        return SELV_ERR_COSE_TAG;
    }
    if (err) {
        return err;
    }
    err = selv_cbor_array(&r, &count);
    if (err == SELV_ERR_CBOR_TYPE || (!err && count != 4)) {
        return SELV_ERR_COSE_STRUCTURE;
    }
    if (!err) {
        err = protected_take(&r, s);
    }
    if (!err) {
        err = bucket_take(&r, false, s);
    }
    if (err) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_STRUCTURE : err;
    }
    err = selv_cbor_null(&r);
    if (err) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_PAYLOAD : err;
    }
    err = selv_cbor_bstr(&r, &s->signature);
    if (err == SELV_ERR_CBOR_TYPE ||
        (!err && s->signature.len != SELV_P256_SIGNATURE_LEN)) {
        return SELV_ERR_COSE_STRUCTURE;
    }
    if (!err) {
        err = selv_cbor_end(&r);
    }
    if (!err) {
        err = crit_check(s);
    }
    if (!err && (!s->has_alg || !selv_cose_alg_is_p256(s->alg))) {
        err = SELV_ERR_COSE_ALG;
    }
    return err;
}

static bool kid_agrees(const struct sign1 *s, const struct selv_cose_key *key)
{
    return !s->has_kid || key->kid_len == 0 ||
           selv_bytes_equal(s->kid, selv_bytes(key->kid, key->kid_len));
}

enum selv_verdict selv_cose_sign1_verify(struct selv_bytes block,
                                         struct selv_bytes payload,
                                         const struct selv_cose_key *keys,
                                         size_t key_count, size_t *key_index,
                                         enum selv_err *why)
{
    enum selv_verdict verdict = SELV_BAD;
    uint8_t hash[SELV_SHA256_LEN];
    struct sign1 s;
    enum selv_err err = sign1_parse(block, &s);

    if (!err) {
        err = SELV_ERR_COSE_NO_KEY;
        selv_cose_tbs_hash(s.protected_item, payload, hash);
        for (size_t i = 0; i < key_count; i++) {
            if (!kid_agrees(&s, &keys[i])) {
                continue;
            }
            /* The curve is computed once; its verdict is handed up as it is,
             * and read twice here and again by the caller. */
            verdict = selv_p256_verify(keys[i].public_key, hash, s.signature.p);
            if (selv_is_good(verdict)) {
                if (key_index != NULL) {
                    *key_index = i;
                }
                err = SELV_OK;
                break;
            }
        }
    }
    if (why != NULL) {
        *why = err;
    }
    return verdict;
}
