/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/manifest_int.h"

enum { BLOCK_MAX = 128 };

/* An envelope taken apart, as views. */
struct envelope {
    struct selv_bytes digest; /* content of the wrapper's first bstr */
    struct selv_bytes blocks; /* the encoded blocks behind it */
    uint32_t block_count;
    uint32_t pair_count;
    struct selv_bytes manifest; /* the whole encoded byte string */
    struct selv_bytes rest;     /* from the manifest's key to the end */
};

static bool envelope_open(struct selv_bytes in, struct envelope *e)
{
    struct selv_cbor r;
    struct selv_cbor w;
    struct selv_bytes wrapper;
    uint64_t tag;
    int32_t key;

    selv_cbor_init(&r, in);
    if (selv_cbor_tag(&r, &tag) != SELV_OK || tag != SELV_SUIT_TAG_ENVELOPE ||
        selv_cbor_map(&r, &e->pair_count) != SELV_OK || e->pair_count < 2 ||
        selv_cbor_int(&r, &key) != SELV_OK ||
        key != SELV_SUIT_KEY_AUTHENTICATION ||
        selv_cbor_bstr(&r, &wrapper) != SELV_OK) {
        return false;
    }
    e->rest = selv_bytes(r.p, (size_t)(r.end - r.p));
    if (selv_cbor_int(&r, &key) != SELV_OK || key != SELV_SUIT_KEY_MANIFEST ||
        selv_cbor_peek(&r) != SELV_CBOR_BSTR ||
        selv_cbor_skip(&r, &e->manifest) != SELV_OK) {
        return false;
    }
    selv_cbor_init(&w, wrapper);
    if (selv_cbor_array(&w, &e->block_count) != SELV_OK ||
        e->block_count == 0 || selv_cbor_bstr(&w, &e->digest) != SELV_OK) {
        return false;
    }
    e->block_count--;
    e->blocks = selv_bytes(w.p, (size_t)(w.end - w.p));
    return true;
}

/* The signer must not sign a digest that is not the manifest's
 * [manifest 8.3]. */
static bool digest_is_right(const struct envelope *e)
{
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_sha256 h;
    struct selv_cbor r;
    struct selv_bytes claimed;
    uint32_t count;
    int32_t alg;

    selv_sha256_init(&h);
    selv_sha256_update(&h, e->manifest.p, e->manifest.len);
    selv_sha256_finish(&h, hash);
    selv_cbor_init(&r, e->digest);
    return selv_cbor_array(&r, &count) == SELV_OK && count == 2 &&
           selv_cbor_int(&r, &alg) == SELV_OK &&
           alg == SELV_SUIT_DIGEST_SHA256 &&
           selv_cbor_bstr(&r, &claimed) == SELV_OK &&
           selv_cbor_end(&r) == SELV_OK &&
           selv_bytes_equal(claimed, selv_bytes(hash, sizeof(hash)));
}

/* The same envelope with one more block behind those that are there. */
static enum selv_err envelope_put(const struct envelope *e,
                                  struct selv_bytes block,
                                  struct selv_buf *wrapper,
                                  struct selv_buf *out)
{
    struct selv_cbor_writer w;
    enum selv_err err;

    selv_cbor_writer_init(&w, wrapper->p, wrapper->cap);
    selv_cbor_put_array(&w, e->block_count + 2);
    selv_cbor_put_bstr(&w, e->digest);
    selv_cbor_put_raw(&w, e->blocks);
    selv_cbor_put_bstr(&w, block);
    err = selv_cbor_finish(&w, NULL);
    if (err) {
        return err;
    }
    wrapper->len = w.len;
    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, e->pair_count);
    selv_cbor_put_int(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(&w, selv_bytes(wrapper->p, wrapper->len));
    selv_cbor_put_raw(&w, e->rest);
    out->len = w.len;
    return selv_cbor_finish(&w, NULL);
}

bool selv_manifest_sign(struct selv_bytes envelope, const struct selv_key *key,
                        struct selv_buf *out, struct selv_error *error)
{
    uint8_t block_bytes[BLOCK_MAX];
    struct selv_buf block = {block_bytes, sizeof(block_bytes), 0};
    size_t cap = envelope.len + BLOCK_MAX + 32;
    struct selv_buf wrapper = {NULL, cap, 0};
    struct selv_cose_key signer = key->cose;
    struct envelope e;
    enum selv_err err;

    if (signer.method == NULL || !key->has_private) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the key cannot sign: it is %s, neither a "
                              "private P-256 key nor an HMAC-256 key",
                              key->what);
    }
    if (!envelope_open(envelope, &e)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "not a SUIT envelope (tag 107)");
    }
    if (!digest_is_right(&e)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the digest in the wrapper is not the "
                              "manifest's: the envelope was changed or "
                              "damaged");
    }
    if (key->kind == SELV_KEY_HMAC256) {
        err = selv_cose_mac0_create(&signer, e.digest, &block);
        selv_wipe(&signer, sizeof(signer));
    } else {
        if (signer.kid_len == 0) {
            selv_cose_key_set_kid(&signer);
        }
        err =
            selv_cose_sign1_create(&signer, key->private_key, e.digest, &block);
    }
    if (!err) {
        out->p = malloc(cap);
        out->cap = cap;
        wrapper.p = malloc(cap);
        err = out->p == NULL || wrapper.p == NULL
                  ? SELV_ERR_SPACE
                  : envelope_put(&e, selv_bytes(block.p, block.len), &wrapper,
                                 out);
        free(wrapper.p);
        if (err) {
            free(out->p);
        }
    }
    return !err || selv_error_set(error, SELV_EXIT_REFUSED, "cannot sign: %s",
                                  selv_err_str(err));
}

bool manifest_sign_alone(struct selv_bytes envelope, const struct selv_key *key,
                         struct selv_buf *out)
{
    uint8_t block_bytes[BLOCK_MAX];
    struct selv_buf block = {block_bytes, sizeof(block_bytes), 0};
    size_t cap = envelope.len + BLOCK_MAX + 32;
    struct selv_buf wrapper = {malloc(cap), cap, 0};
    struct envelope e;
    bool done = false;

    out->p = malloc(cap);
    out->cap = cap;
    if (wrapper.p != NULL && out->p != NULL && envelope_open(envelope, &e)) {
        e.blocks = selv_bytes(NULL, 0);
        e.block_count = 0;
        done = selv_cose_sign1_create(&key->cose, key->private_key, e.digest,
                                      &block) == SELV_OK &&
               envelope_put(&e, selv_bytes(block.p, block.len), &wrapper,
                            out) == SELV_OK;
    }
    free(wrapper.p);
    if (!done) {
        free(out->p);
    }
    return done;
}
