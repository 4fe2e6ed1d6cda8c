/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

/* The place of a label that we know; 0, which is reserved, for all others. */
static unsigned place_of(uint8_t label_item)
{
    if (label_item <= ITEM(KEY_OPS)) {
        return label_item;
    }
    if (label_item >= ITEM(KEY_CRV) && label_item <= ITEM(KEY_D)) {
        return PARAM(KEY_CRV) + (unsigned)label_item - ITEM(KEY_CRV);
    }
    return 0;
}

/* Parameters may come in any order: COSE_Key files of other tools, and the
 * examples of [RFC 9052 C.7], do not keep the canonical one. */
static enum selv_err params_split(struct selv_bytes in,
                                  struct selv_cose_params *params)
{
    struct selv_cbor r;

    memset(params, 0, sizeof(*params));
    selv_cbor_init(&r, in);
    params->end = r.end;
    for (uint32_t left = selv_cbor_get_map(&r); left > 0; left--) {
        const uint8_t *label = r.p;
        unsigned place = 0;

        (void)selv_cbor_get_item(&r);
        if (!r.err) {
            place = place_of(*label);
            /* Labels are integers or text [RFC 9052 1.5]. */
            if (params->at[place] != NULL || *label >> 5 == SELV_CBOR_BSTR ||
                *label >> 5 > SELV_CBOR_TSTR) {
                return SELV_ERR_COSE_KEY;
            }
        }
        if (place != 0) {
            params->at[place] = r.p;
        }
        (void)selv_cbor_get_item(&r);
    }
    selv_cbor_get_end(&r);
    return r.err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_KEY : r.err;
}

enum selv_err selv_cose_params_read(struct selv_bytes in, uint8_t kty,
                                    struct selv_cose_params *params,
                                    struct selv_cose_key *key)
{
    const uint8_t *kid;
    enum selv_err err = params_split(in, params);

    if (err) {
        return err;
    }
    kid = params->at[PARAM(KEY_KID)];
    if (params->at[PARAM(KEY_KTY)] == NULL ||
        *params->at[PARAM(KEY_KTY)] != kty ||
        (kid != NULL && *kid >> 5 != SELV_CBOR_BSTR)) {
        return SELV_ERR_COSE_KEY;
    }
    memset(key, 0, sizeof(*key));
    /* A kid is a hint; one that is too long to keep is no reason to refuse a
     * key, which then agrees with every block. */
    if (kid != NULL && *kid <= ITEM_BSTR + sizeof(key->kid)) {
        key->kid_len = *kid - ITEM_BSTR;
        memcpy(key->kid, kid + 1, key->kid_len);
    }
    return SELV_OK;
}

bool selv_cose_params_fit(const struct selv_cose_params *params,
                          const struct selv_cose_method *method,
                          const uint8_t ops[static 2])
{
    const uint8_t *alg = params->at[PARAM(KEY_ALG)];
    const uint8_t *p = params->at[PARAM(KEY_OPS)];
    bool fits = p == NULL;
    struct selv_cbor r;

    if (alg != NULL && *alg != method->alg[0] && *alg != method->alg[1]) {
        return false;
    }
    if (p != NULL) {
        selv_cbor_init(&r, selv_bytes(p, (size_t)(params->end - p)));
        for (uint32_t left = selv_cbor_get_array(&r); left > 0; left--) {
            fits = fits || *r.p == ops[0] || *r.p == ops[1];
            (void)selv_cbor_get_item(&r);
        }
    }
    return fits;
}

const uint8_t *selv_cose_bytes32(const uint8_t *item)
{
    return item != NULL && item[0] == ITEM_BSTR_1 && item[1] == 32 ? item + 2
                                                                   : NULL;
}
