/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

enum selv_err selv_cose_key_decode(struct selv_bytes in,
                                   struct selv_cose_key *key,
                                   uint8_t *private_key, bool *has_private)
{
    static const uint8_t ops[] = {OP_SIGN, OP_VERIFY};
    struct selv_cose_params params;
    struct selv_cose_key k;
    const uint8_t *crv;
    const uint8_t *x;
    const uint8_t *y;
    const uint8_t *d;
    enum selv_err err = selv_cose_params_read(in, KTY_EC2, &params, &k);

    if (err) {
        return err;
    }
    crv = params.at[PARAM(KEY_CRV)];
    /* Leading zeros stay [RFC 9053 7.1.1]. y may be a bool, the sign of a
     * compressed point: not supported. */
    x = selv_cose_bytes32(params.at[PARAM(KEY_X)]);
    y = selv_cose_bytes32(params.at[PARAM(KEY_Y)]);
    d = selv_cose_bytes32(params.at[PARAM(KEY_D)]);
    if (crv == NULL || *crv != CRV_P256 || x == NULL || y == NULL ||
        (d == NULL && params.at[PARAM(KEY_D)] != NULL) ||
        !selv_cose_params_fit(&params, &selv_cose_es256, ops)) {
        return SELV_ERR_COSE_KEY;
    }
    k.method = &selv_cose_es256;
    memcpy(k.public_key, x, 32);
    memcpy(k.public_key + 32, y, 32);
    *key = k;
    if (private_key != NULL && d != NULL) {
        memcpy(private_key, d, SELV_P256_PRIVATE_LEN);
    }
    if (has_private != NULL) {
        *has_private = d != NULL;
    }
    return SELV_OK;
}
