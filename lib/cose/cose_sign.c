/* SPDX-License-Identifier: Apache-2.0
 *
 * The author's half: hosts only. */
#include "cose/cose_int.h"

/* bstr(3), map(1), alg and its value: the first that the method takes */
struct protected_item {
    uint8_t bytes[4];
};

/* Begins a block about payload; item is its protected bucket. */
static struct selv_cose_block block_begin(const struct selv_cose_method *method,
                                          struct selv_bytes payload,
                                          struct protected_item *item)
{
    struct selv_cose_block b = {.payload = payload};

    item->bytes[0] = ITEM_BSTR + 3;
    item->bytes[1] = 0xa1;
    item->bytes[2] = HEADER_ALG;
    item->bytes[3] = method->alg[0];
    b.protected_item = selv_bytes(item->bytes, sizeof(item->bytes));
    return b;
}

static enum selv_err block_write(const struct selv_cose_block *b,
                                 const struct selv_cose_method *method,
                                 const struct selv_cose_key *key,
                                 const uint8_t *proof, struct selv_buf *out)
{
    struct selv_cbor_writer w;
    enum selv_err err;

    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_tag(&w, method->tag - (unsigned)ITEM_TAG);
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_raw(&w, b->protected_item);
    selv_cbor_put_map(&w, key->kid_len > 0 ? 1 : 0);
    if (key->kid_len > 0) {
        selv_cbor_put_uint(&w, HEADER_KID);
        selv_cbor_put_bstr(&w, selv_bytes(key->kid, key->kid_len));
    }
    selv_cbor_put_null(&w);
    selv_cbor_put_bstr(&w, selv_bytes(proof, method->proof_len));
    err = selv_cbor_finish(&w, NULL);
    if (!err) {
        out->len = w.len;
    }
    return err;
}

enum selv_err
selv_cose_sign1_create(const struct selv_cose_key *key,
                       const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                       struct selv_bytes payload, struct selv_buf *out)
{
    const struct selv_cose_method *method = &selv_cose_es256;
    struct protected_item item;
    struct selv_cose_block b = block_begin(method, payload, &item);
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_sha256 h;
    enum selv_err err;

    selv_sha256_init(&h);
    selv_cose_structure_hash(&h, method, &b);
    selv_sha256_finish(&h, hash);
    err = selv_p256_sign(private_key, hash, signature);
    return err ? err : block_write(&b, method, key, signature, out);
}

enum selv_err selv_cose_mac0_create(const struct selv_cose_key *key,
                                    struct selv_bytes payload,
                                    struct selv_buf *out)
{
    struct protected_item item;
    struct selv_cose_block b = block_begin(&selv_cose_hmac256, payload, &item);
    uint8_t mac[SELV_SHA256_LEN];

    selv_cose_mac_make(key, &b, mac);
    return block_write(&b, &selv_cose_hmac256, key, mac, out);
}
