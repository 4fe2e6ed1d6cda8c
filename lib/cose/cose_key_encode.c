/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys written, and named: hosts only. */
#include "cose/cose_int.h"

/* The four parameters that make the public key, in canonical order. */
static void public_put(struct selv_cbor_writer *w,
                       const struct selv_cose_key *key)
{
    selv_cbor_put_int(w, KEY_CRV);
    selv_cbor_put_int(w, CRV_P256);
    selv_cbor_put_int(w, KEY_X);
    selv_cbor_put_bstr(w, selv_bytes(key->public_key, 32));
    selv_cbor_put_int(w, KEY_Y);
    selv_cbor_put_bstr(w, selv_bytes(key->public_key + 32, 32));
}

enum selv_err selv_cose_key_encode(const struct selv_cose_key *key,
                                   const uint8_t *private_key,
                                   struct selv_buf *out)
{
    size_t count = 5u + (key->kid_len > 0 ? 1 : 0) + (private_key ? 1 : 0);
    struct selv_cbor_writer w;
    enum selv_err err;

    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_map(&w, count);
    selv_cbor_put_int(&w, KEY_KTY);
    selv_cbor_put_int(&w, KTY_EC2);
    if (key->kid_len > 0) {
        selv_cbor_put_int(&w, KEY_KID);
        selv_cbor_put_bstr(&w, selv_bytes(key->kid, key->kid_len));
    }
    selv_cbor_put_int(&w, KEY_ALG);
    selv_cbor_put_int(&w, SELV_COSE_ESP256);
    public_put(&w, key);
    if (private_key != NULL) {
        selv_cbor_put_int(&w, KEY_D);
        selv_cbor_put_bstr(&w, selv_bytes(private_key, 32));
    }
    err = selv_cbor_finish(&w, NULL);
    if (!err) {
        out->len = w.len;
    }
    return err;
}

void selv_cose_key_set_kid(struct selv_cose_key *key)
{
    uint8_t bytes[80];
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_cbor_writer w;
    struct selv_sha256 h;

    /* kty, crv, x and y, deterministic [RFC 9679 4.2] */
    selv_cbor_writer_init(&w, bytes, sizeof(bytes));
    selv_cbor_put_map(&w, 4);
    selv_cbor_put_int(&w, KEY_KTY);
    selv_cbor_put_int(&w, KTY_EC2);
    public_put(&w, key);
    selv_sha256_init(&h);
    selv_sha256_update(&h, bytes, w.len);
    selv_sha256_finish(&h, hash);
    memcpy(key->kid, hash, sizeof(key->kid));
    key->kid_len = sizeof(key->kid);
}
