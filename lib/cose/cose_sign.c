/* SPDX-License-Identifier: Apache-2.0
 *
 * The author's half: hosts only. */
#include "cose/cose_int.h"

/* What a block is about, in bytes of our own. */
struct parts {
    uint8_t protected_item[4]; /* bstr(3), map(1), alg and its value: the first
                                  that the method takes */
    uint8_t head[5];
    struct selv_bytes payload[2];
};

static struct selv_cose_block block_begin(const struct selv_cose_method *method,
                                          struct selv_bytes payload,
                                          struct parts *parts)
{
    struct selv_cose_block b = {.payload = parts->payload};

    selv_cose_payload_head(payload, parts->payload, parts->head);
    parts->protected_item[0] = ITEM_BSTR + 3;
    parts->protected_item[1] = 0xa1;
    parts->protected_item[2] = HEADER_ALG;
    parts->protected_item[3] = method->alg[0];
    b.protected_item =
        selv_bytes(parts->protected_item, sizeof(parts->protected_item));
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
    selv_cbor_put_tag(&w, method->tag);
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
    struct parts parts;
    struct selv_cose_block b = block_begin(method, payload, &parts);
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
    struct parts parts;
    struct selv_cose_block b = block_begin(&selv_cose_hmac256, payload, &parts);
    uint8_t mac[SELV_SHA256_LEN];

    selv_cose_mac_make(key, &b, mac);
    return block_write(&b, &selv_cose_hmac256, key, mac, out);
}
