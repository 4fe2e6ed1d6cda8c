/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

/* Which of the labels that we know were there, a bit each. */
enum {
    SAW_KTY = 1,
    SAW_CRV = 2,
    SAW_X = 4,
    SAW_Y = 8,
    SAW_D = 16,
    SAW_KID = 32,
    SAW_ALG = 64,
    SAW_OPS = 128,
    SAW_PUBLIC = SAW_KTY | SAW_CRV | SAW_X | SAW_Y
};

static enum selv_err coordinate_take(struct selv_cbor *r, uint8_t to[static 32])
{
    struct selv_bytes bytes;
    enum selv_err err = selv_cbor_bstr(r, &bytes);

    if (err) {
        /* y may be a bool, the sign of a compressed point: not supported. */
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_KEY : err;
    }
    if (bytes.len != 32) {
        return SELV_ERR_COSE_KEY; /* leading zeros stay [RFC 9053 7.1.1] */
    }
    memcpy(to, bytes.p, 32);
    return SELV_OK;
}

static enum selv_err number_take(struct selv_cbor *r, bool (*is_good)(int32_t))
{
    int32_t v;
    enum selv_err err = selv_cbor_int(r, &v);

    if (err == SELV_ERR_CBOR_TYPE || err == SELV_ERR_CBOR_RANGE ||
        (!err && !is_good(v))) {
        return SELV_ERR_COSE_KEY;
    }
    return err;
}

static bool is_ec2(int32_t kty)
{
    return kty == KTY_EC2;
}

static bool is_p256(int32_t crv)
{
    return crv == CRV_P256;
}

/* A kid is a hint; one that is too long to keep is no reason to refuse a key,
 * which then agrees with every block. */
static enum selv_err kid_take(struct selv_cbor *r, struct selv_cose_key *key)
{
    struct selv_bytes kid;
    enum selv_err err = selv_cbor_bstr(r, &kid);

    if (err) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_KEY : err;
    }
    if (kid.len > 0 && kid.len <= sizeof(key->kid)) {
        memcpy(key->kid, kid.p, kid.len);
        key->kid_len = (uint8_t)kid.len;
    }
    return SELV_OK;
}

/* key_ops, when present, must allow what the key is for [RFC 9052 7.1]. */
static enum selv_err ops_take(struct selv_cbor *r)
{
    uint32_t count = 0;
    bool fits = false;
    enum selv_err err = selv_cbor_array(r, &count);

    for (; !err && count > 0; count--) {
        int32_t op;
        err = selv_cbor_int(r, &op);
        fits = fits || (!err && (op == OP_SIGN || op == OP_VERIFY));
    }
    if (err == SELV_ERR_CBOR_TYPE || (!err && !fits)) {
        return SELV_ERR_COSE_KEY;
    }
    return err;
}

/* Everything read so far; d is kept apart so that the caller need not want
 * it. */
struct reading {
    struct selv_cose_key key;
    uint8_t d[SELV_P256_PRIVATE_LEN];
    unsigned saw;
};

static enum selv_err parameter_take(struct selv_cbor *r, int32_t label,
                                    struct reading *k)
{
    static const struct {
        int8_t label;
        uint8_t saw;
    } known[] = {{KEY_KTY, SAW_KTY}, {KEY_KID, SAW_KID}, {KEY_ALG, SAW_ALG},
                 {KEY_OPS, SAW_OPS}, {KEY_CRV, SAW_CRV}, {KEY_X, SAW_X},
                 {KEY_Y, SAW_Y},     {KEY_D, SAW_D}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].label == label) {
            if (k->saw & known[i].saw) {
                return SELV_ERR_COSE_KEY;
            }
            k->saw |= known[i].saw;
        }
    }
    switch (label) {
    case KEY_KTY:
        return number_take(r, is_ec2);
    case KEY_CRV:
        return number_take(r, is_p256);
    case KEY_ALG:
        return number_take(r, selv_cose_alg_is_p256);
    case KEY_X:
        return coordinate_take(r, k->key.public_key);
    case KEY_Y:
        return coordinate_take(r, k->key.public_key + 32);
    case KEY_D:
        return coordinate_take(r, k->d);
    case KEY_KID:
        return kid_take(r, &k->key);
    case KEY_OPS:
        return ops_take(r);
    default:
        return selv_cbor_skip(r, NULL);
    }
}

/* Parameters may come in any order: COSE_Key files of other tools, and the
 * examples of [RFC 9052 C.7], do not keep the canonical one. */
static enum selv_err reading_take(struct selv_bytes in, struct reading *k)
{
    struct selv_cbor r;
    uint32_t count = 0;
    enum selv_err err;

    selv_cbor_init(&r, in);
    err = selv_cbor_map(&r, &count);
    if (err) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_KEY : err;
    }
    for (; count > 0; count--) {
        int32_t label = 0; /* reserved: falls to the default */
        if (selv_cbor_peek(&r) == SELV_CBOR_TSTR) {
            err = selv_cbor_skip(&r, NULL);
        } else {
            err = selv_cbor_int(&r, &label);
        }
        if (!err) {
            err = parameter_take(&r, label, k);
        }
        if (err) {
            return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_COSE_KEY : err;
        }
    }
    if ((k->saw & SAW_PUBLIC) != SAW_PUBLIC) {
        return SELV_ERR_COSE_KEY;
    }
    return selv_cbor_end(&r);
}

enum selv_err selv_cose_key_decode(struct selv_bytes in,
                                   struct selv_cose_key *key,
                                   uint8_t *private_key, bool *has_private)
{
    struct reading k;
    enum selv_err err;

    memset(&k, 0, sizeof(k));
    err = reading_take(in, &k);
    if (!err) {
        *key = k.key;
        if (private_key != NULL && (k.saw & SAW_D)) {
            memcpy(private_key, k.d, sizeof(k.d));
        }
        if (has_private != NULL) {
            *has_private = (k.saw & SAW_D) != 0;
        }
    }
    selv_wipe(&k, sizeof(k));
    return err;
}

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
