/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses: a COSE_Sign1 or COSE_Mac0 block, which must never
 * verify unless only its unprotected bucket differs from the seed's; the same
 * with the right authentication tag put in, so that the search gets past it;
 * or a COSE_Key of either type, which must write back what it read. */
#include <stdlib.h>

#include "cbor/cbor.h"
#include "cose/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key and payload of the seeds. Verification is not stubbed: a block
 * that verifies and is not a seed's would be a forgery. */
static const uint8_t payload[] = "payload";
static struct selv_cose_key keys[2]; /* the author's, and a secret */

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void author_make(void)
{
    uint8_t d[SELV_P256_PRIVATE_LEN];

    memset(d, 0x44, sizeof(d));
    must(selv_crypto_init() == SELV_OK);
    keys[0].method = &selv_cose_es256;
    must(selv_p256_public(d, keys[0].public_key) == SELV_OK);
    keys[1].method = &selv_cose_hmac256;
    memset(keys[1].secret, 0x55, sizeof(keys[1].secret));
}

static void block_run(struct selv_bytes in)
{
    enum selv_err why = SELV_OK;
    size_t index = 7;
    bool good = selv_is_good(selv_cose_verify(
        in, selv_bytes(payload, sizeof(payload) - 1), keys, 2, &index, &why));

    must(good == (why == SELV_OK));
    /* A tag names the kind of block, and that the kind of key. */
    must(index == (!good ? 7u : in.p[0] == 0xd2 ? 0u : 1u));
    /* No payload but the signed one, whatever the block says. */
    must(!selv_is_good(selv_cose_verify(
        in, selv_bytes(payload, sizeof(payload) - 2), keys, 2, NULL, NULL)));
}

/* Make the tag of a COSE_Mac0 right, whatever its protected bucket says: what
 * the verifier then refuses, it refuses for its form. */
static void mac0_run(struct selv_bytes in)
{
    uint8_t structure[256];
    uint8_t mac[SELV_SHA256_LEN];
    struct selv_bytes content;
    struct selv_cbor r;
    struct selv_cbor_writer w;
    enum selv_err why;
    uint8_t *block;

    selv_cbor_init(&r, in);
    (void)selv_cbor_get_tag(&r);
    (void)selv_cbor_get_array(&r);
    content = selv_cbor_get_bstr(&r);
    if (r.err || content.len > 128 || in.len < sizeof(mac)) {
        return;
    }
    selv_cbor_writer_init(&w, structure, sizeof(structure));
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_tstr(&w, selv_bytes("MAC0", 4));
    selv_cbor_put_bstr(&w, content);
    selv_cbor_put_bstr(&w, selv_bytes(NULL, 0));
    selv_cbor_put_bstr(&w, selv_bytes(payload, sizeof(payload) - 1));
    must(selv_cbor_finish(&w, NULL) == SELV_OK);
    selv_hmac256(keys[1].secret, selv_bytes(structure, w.len), mac);
    block = malloc(in.len);
    must(block != NULL);
    memcpy(block, in.p, in.len);
    memcpy(block + in.len - sizeof(mac), mac, sizeof(mac));
    if (selv_is_good(selv_cose_verify(selv_bytes(block, in.len),
                                      selv_bytes(payload, sizeof(payload) - 1),
                                      keys, 2, NULL, &why))) {
        /* The tag, an array of four, nil, a string of 32 bytes. */
        must(in.p[0] == 0xd1 && in.p[1] == 0x84);
        must(in.p[in.len - 35] == 0xf6 && in.p[in.len - 34] == 0x58 &&
             in.p[in.len - 33] == 0x20);
    } else {
        must(why != SELV_OK);
    }
    free(block);
}

static void key_run(struct selv_bytes in)
{
    uint8_t bytes[160];
    uint8_t d[2][SELV_P256_PRIVATE_LEN];
    struct selv_cose_key key[2];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    bool has[2];

    if (selv_cose_key_decode(in, &key[0], d[0], &has[0]) != SELV_OK) {
        return;
    }
    must(key[0].kid_len <= sizeof(key[0].kid));
    must(selv_cose_key_encode(&key[0], has[0] ? d[0] : NULL, &out) == SELV_OK);
    must(selv_cose_key_decode(selv_bytes(bytes, out.len), &key[1], d[1],
                              &has[1]) == SELV_OK);
    must(memcmp(key[0].public_key, key[1].public_key, 64) == 0);
    must(key[0].kid_len == key[1].kid_len && has[0] == has[1]);
    must(!has[0] || memcmp(d[0], d[1], sizeof(d[0])) == 0);
}

static void secret_run(struct selv_bytes in)
{
    uint8_t bytes[80];
    struct selv_cose_key key[2];
    struct selv_buf out = {bytes, sizeof(bytes), 0};

    if (selv_cose_secret_decode(in, &key[0]) != SELV_OK) {
        return;
    }
    must(key[0].kid_len <= sizeof(key[0].kid));
    must(selv_cose_secret_encode(&key[0], &out) == SELV_OK);
    must(selv_cose_secret_decode(selv_bytes(bytes, out.len), &key[1]) ==
         SELV_OK);
    must(memcmp(key[0].secret, key[1].secret, sizeof(key[0].secret)) == 0);
    must(key[0].kid_len == key[1].kid_len);
    must(selv_cose_key_decode(in, &key[1], NULL, NULL) != SELV_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct selv_bytes in;

    if (keys[0].method == NULL) {
        author_make();
    }
    if (size == 0) {
        return 0;
    }
    in = selv_bytes(data + 1, size - 1);
    switch (data[0] & 3) {
    case 0:
        block_run(in);
        break;
    case 2:
        mac0_run(in);
        break;
    default:
        key_run(in);
        secret_run(in);
        break;
    }
    return 0;
}
