/* SPDX-License-Identifier: Apache-2.0
 *
 * The author's half: hosts only. */
#include "cose/cose_int.h"

enum selv_err
selv_cose_sign1_create(const struct selv_cose_key *key,
                       const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                       struct selv_bytes payload, struct selv_buf *out)
{
    /* bstr(3), map(1), alg, ESP256 */
    static const uint8_t protected_item[] = {0x43, 0xa1, HEADER_ALG,
                                             0x1f - SELV_COSE_ESP256};
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_bytes protected_view =
        selv_bytes(protected_item, sizeof(protected_item));
    struct selv_cbor_writer w;
    enum selv_err err;

    selv_cose_tbs_hash(protected_view, payload, hash);
    err = selv_p256_sign(private_key, hash, signature);
    if (err) {
        return err;
    }
    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_tag(&w, TAG_SIGN1);
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_raw(&w, protected_view);
    selv_cbor_put_map(&w, key->kid_len > 0 ? 1 : 0);
    if (key->kid_len > 0) {
        selv_cbor_put_uint(&w, HEADER_KID);
        selv_cbor_put_bstr(&w, selv_bytes(key->kid, key->kid_len));
    }
    selv_cbor_put_null(&w);
    selv_cbor_put_bstr(&w, selv_bytes(signature, sizeof(signature)));
    err = selv_cbor_finish(&w, NULL);
    if (!err) {
        out->len = w.len;
    }
    return err;
}
