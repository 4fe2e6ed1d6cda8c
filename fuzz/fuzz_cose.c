/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses: a COSE_Sign1 block, which must never verify unless
 * only its unprotected bucket differs from the seed's, or a COSE_Key, which
 * must write back what it read. */
#include <stdlib.h>

#include "cose/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key and payload of the seeds. Verification is not stubbed: a block
 * that verifies and is not a seed's would be a forgery. */
static const uint8_t payload[] = "payload";
static struct selv_cose_key author;

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
    must(selv_p256_public(d, author.public_key) == SELV_OK);
}

static void sign1_run(struct selv_bytes in)
{
    enum selv_err why = SELV_OK;
    size_t index = 7;
    bool good = selv_is_good(
        selv_cose_sign1_verify(in, selv_bytes(payload, sizeof(payload) - 1),
                               &author, 1, &index, &why));

    must(good == (why == SELV_OK));
    must(index == (good ? 0u : 7u));
    /* No payload but the signed one, whatever the block says. */
    must(!selv_is_good(selv_cose_sign1_verify(
        in, selv_bytes(payload, sizeof(payload) - 2), &author, 1, NULL, NULL)));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (author.public_key[0] == 0) {
        author_make();
    }
    if (size == 0) {
        return 0;
    }
    if (data[0] & 1) {
        key_run(selv_bytes(data + 1, size - 1));
    } else {
        sign1_run(selv_bytes(data + 1, size - 1));
    }
    return 0;
}
