/* SPDX-License-Identifier: Apache-2.0
 *
 * Symmetric COSE_Keys. */
#include "cose/cose_int.h"

enum selv_err selv_cose_secret_decode(struct selv_bytes in,
                                      struct selv_cose_key *key)
{
    static const uint8_t ops[] = {OP_MAC_CREATE, OP_MAC_VERIFY};
    struct selv_cose_params params;
    struct selv_cose_key k;
    const uint8_t *secret;
    enum selv_err err = selv_cose_params_read(in, KTY_SYMMETRIC, &params, &k);

    if (err) {
        return err;
    }
    secret = selv_cose_bytes32(params.at[PARAM(KEY_K)]);
    if (secret == NULL ||
        !selv_cose_params_fit(&params, &selv_cose_hmac256, ops)) {
        return SELV_ERR_COSE_KEY;
    }
    k.method = &selv_cose_hmac256;
    memcpy(k.secret, secret, SELV_COSE_HMAC_KEY_LEN);
    *key = k;
    selv_wipe(&k, sizeof(k));
    return SELV_OK;
}

enum selv_err selv_cose_secret_encode(const struct selv_cose_key *key,
                                      struct selv_buf *out)
{
    struct selv_cbor_writer w;
    enum selv_err err;

    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_map(&w, key->kid_len > 0 ? 4 : 3);
    selv_cbor_put_int(&w, KEY_KTY);
    selv_cbor_put_int(&w, KTY_SYMMETRIC);
    if (key->kid_len > 0) {
        selv_cbor_put_int(&w, KEY_KID);
        selv_cbor_put_bstr(&w, selv_bytes(key->kid, key->kid_len));
    }
    selv_cbor_put_int(&w, KEY_ALG);
    selv_cbor_put_int(&w, SELV_COSE_HMAC256);
    selv_cbor_put_int(&w, KEY_K);
    selv_cbor_put_bstr(&w, selv_bytes(key->secret, SELV_COSE_HMAC_KEY_LEN));
    err = selv_cbor_finish(&w, NULL);
    if (!err) {
        out->len = w.len;
    }
    return err;
}
