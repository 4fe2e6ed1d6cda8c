/* SPDX-License-Identifier: Apache-2.0
 *
 * Published blocks: the example of [RFC 9052 C.2.1] here; the COSE working
 * group's and the SUIT drafts' where SELVAGE_VECTORS names their folder, which
 * are read in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "test/unit/hex.h"

/* A block with its payload inside, taken apart: the payload, and the
 * same block with nil in its place, which is what SUIT signs. */
struct detached {
    uint8_t bytes[512];
    size_t len;
    struct selv_bytes payload;
};

/* False when the block is not even shaped like one. */
static bool detach(struct selv_bytes whole, struct detached *d)
{
    struct selv_cbor r;
    struct selv_bytes head;
    uint64_t tag;
    uint32_t count;

    selv_cbor_init(&r, whole);
    if (selv_cbor_tag(&r, &tag) != SELV_OK ||
        selv_cbor_array(&r, &count) != SELV_OK || count != 4 ||
        selv_cbor_skip(&r, NULL) != SELV_OK ||
        selv_cbor_skip(&r, NULL) != SELV_OK) {
        return false;
    }
    head = selv_bytes(whole.p, (size_t)(r.p - whole.p));
    if (selv_cbor_bstr(&r, &d->payload) != SELV_OK) {
        return false;
    }
    d->len = head.len + 1 + (size_t)(r.end - r.p);
    assert_true(d->len <= sizeof(d->bytes));
    memcpy(d->bytes, head.p, head.len);
    d->bytes[head.len] = 0xf6;
    memcpy(d->bytes + head.len + 1, r.p, (size_t)(r.end - r.p));
    return true;
}

/* [RFC 9052 C.2.1], payload embedded as printed there. */
static void test_cose_rfc9052_c21_vector(void **state)
{
    static const char block_hex[] =
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e"
        "58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0"
        "117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345ca"
        "cb36";
    uint8_t bytes[256];
    struct selv_bytes whole = hex(block_hex, bytes, sizeof(bytes));
    struct selv_cose_key key = {
        .method = &selv_cose_es256, .kid = "11", .kid_len = 2};
    struct detached d;
    enum selv_err why = SELV_OK;

    (void)state;
    hex("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"
        "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e",
        key.public_key, sizeof(key.public_key));
    assert_false(selv_is_good(selv_cose_verify(
        whole, selv_bytes("This is the content.", 20), &key, 1, NULL, &why)));
    assert_int_equal(why, SELV_ERR_COSE_PAYLOAD);
    assert_true(detach(whole, &d));
    assert_true(selv_is_good(selv_cose_verify(selv_bytes(d.bytes, d.len),
                                              d.payload, &key, 1, NULL, NULL)));
}

/* ---- vectors read in place ------------------------------------------------
 */

static const char *vectors_folder(const char *name)
{
    static char path[4096];
    const char *root = getenv("SELVAGE_VECTORS");
    DIR *folder;

    if (root == NULL) {
        printf("skip: SELVAGE_VECTORS does not name a folder\n");
        return NULL;
    }
    snprintf(path, sizeof(path), "%s/%s", root, name);
    folder = opendir(path);
    if (folder == NULL) {
        printf("skip: no folder %s\n", path);
        return NULL;
    }
    closedir(folder);
    return path;
}

static struct selv_bytes file_read(const char *folder, const char *name)
{
    static uint8_t bytes[1 << 16];
    char path[4096 + 256];
    FILE *f;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        return selv_bytes(bytes, 0);
    }
    len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    return selv_bytes(bytes, len);
}

/* base64url without padding, 32 bytes. */
static void base64url_32(const char *text, uint8_t out[static 32])
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;

    for (; *text != '\0' && len < 32; text++) {
        const char *digit = strchr(digits, *text);
        assert_non_null(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
        }
    }
    assert_int_equal(len, 32);
}

static const char *text_at(json_t *j, const char *a, const char *b)
{
    j = json_object_get(j, a);
    return json_string_value(b == NULL ? j : json_object_get(j, b));
}

/* Good exactly when the example is meant to pass, names ES256 where it must
 * stand, and has no external data, which we do not take. */
static bool wg_example_should_pass(json_t *example, json_t *sign0)
{
    const char *alg = text_at(sign0, "protected", "alg");

    return !json_is_true(json_object_get(example, "fail")) && alg != NULL &&
           strcmp(alg, "ES256") == 0 &&
           json_object_get(sign0, "external") == NULL;
}

/* The block with nil for its payload, verified over that payload. */
static bool is_good_detached(struct selv_bytes whole,
                             const struct selv_cose_key *key)
{
    struct detached d;

    assert_false(selv_is_good(
        selv_cose_verify(whole, selv_bytes(NULL, 0), key, 1, NULL, NULL)));
    return detach(whole, &d) &&
           selv_is_good(selv_cose_verify(selv_bytes(d.bytes, d.len), d.payload,
                                         key, 1, NULL, NULL));
}

/* The same for COSE_Mac0: good when it is meant to pass, HMAC 256/256 stands
 * where it must, and the tag is there, which their last example leaves out. */
static bool wg_mac0_check(const char *path, json_t *example)
{
    uint8_t bytes[512];
    struct selv_cose_key key = {.method = &selv_cose_hmac256};
    json_t *mac0 = json_object_get(json_object_get(example, "input"), "mac0");
    json_t *recipient = json_array_get(json_object_get(mac0, "recipients"), 0);
    const char *k = text_at(recipient, "key", "k");
    const char *alg = text_at(mac0, "protected", "alg");
    struct selv_bytes whole;
    bool should_pass;
    bool good;

    if (k == NULL || strlen(k) != 43) { /* 32 bytes in base64url */
        return false;
    }
    whole = hex(text_at(example, "output", "cbor"), bytes, sizeof(bytes));
    should_pass = !json_is_true(json_object_get(example, "fail")) &&
                  alg != NULL && strcmp(alg, "HS256") == 0 &&
                  json_object_get(mac0, "external") == NULL &&
                  whole.p[0] == 0xd1;
    base64url_32(k, key.secret);
    good = is_good_detached(whole, &key);
    if (good != should_pass) {
        fail_msg("%s: %s", path, good ? "accepted" : "refused");
    }
    return true;
}

/* Returns whether the file held a COSE_Sign1 example with a P-256 key, or one
 * of COSE_Mac0 with a key of 32 bytes. */
static bool wg_example_check(const char *folder, const char *name)
{
    char path[4096 + 256];
    uint8_t bytes[512];
    struct selv_cose_key key = {.method = &selv_cose_es256};
    json_t *example;
    json_t *sign0;
    const char *curve;
    bool used = false;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    example = json_load_file(path, 0, NULL);
    if (wg_mac0_check(path, example)) {
        json_decref(example);
        return true;
    }
    sign0 = json_object_get(json_object_get(example, "input"), "sign0");
    curve = text_at(sign0, "key", "crv");
    if (curve != NULL && strcmp(curve, "P-256") == 0) {
        struct selv_bytes whole =
            hex(text_at(example, "output", "cbor"), bytes, sizeof(bytes));
        bool good;

        base64url_32(text_at(sign0, "key", "x"), key.public_key);
        base64url_32(text_at(sign0, "key", "y"), key.public_key + 32);
        good = is_good_detached(whole, &key);
        if (good != wg_example_should_pass(example, sign0)) {
            fail_msg("%s: %s", path, good ? "accepted" : "refused");
        }
        used = true;
    }
    json_decref(example);
    return used;
}

static void test_cose_wg_vectors(void **state)
{
    static const char *folders[] = {"cose/sign1-tests", "cose/ecdsa-examples",
                                    "cose/mac0-tests",  "cose/hmac-examples",
                                    "cose/RFC8152",     "suit/cose"};
    int count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const char *path = vectors_folder(folders[i]);
        DIR *folder = path == NULL ? NULL : opendir(path);
        struct dirent *entry;

        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            if (strstr(entry->d_name, ".json") != NULL) {
                count += wg_example_check(path, entry->d_name);
            }
        }
        if (folder != NULL) {
            closedir(folder);
        }
    }
    if (count == 0) {
        skip();
    }
    print_message("%d examples of COSE_Sign1 and COSE_Mac0\n", count);
}

/* Verifies every authentication block of an envelope (of any draft: only
 * the wrapper is looked at) and counts those that are good. */
static int envelope_count_good(struct selv_bytes envelope,
                               const struct selv_cose_key *keys)
{
    struct selv_cbor r;
    struct selv_bytes wrapper;
    struct selv_bytes digest;
    uint64_t tag;
    uint64_t key;
    uint32_t count;
    int good = 0;

    selv_cbor_init(&r, envelope);
    if (selv_cbor_peek(&r) == SELV_CBOR_TAG &&
        selv_cbor_tag(&r, &tag) != SELV_OK) {
        return 0;
    }
    if (selv_cbor_map(&r, &count) != SELV_OK ||
        selv_cbor_uint(&r, &key) != SELV_OK || key != 2 ||
        selv_cbor_bstr(&r, &wrapper) != SELV_OK) {
        return 0;
    }
    selv_cbor_init(&r, wrapper);
    if (selv_cbor_array(&r, &count) != SELV_OK ||
        selv_cbor_bstr(&r, &digest) != SELV_OK) {
        return 0;
    }
    while (!selv_cbor_is_end(&r)) {
        struct selv_bytes block;
        if (selv_cbor_bstr(&r, &block) != SELV_OK) {
            return good;
        }
        good +=
            selv_is_good(selv_cose_verify(block, digest, keys, 3, NULL, NULL));
    }
    return good;
}

/* The index says which keys verify what: "tag18 ... over SUIT_Digest", or
 * "tag17 alg5: H1-..." for the secret. */
static int index_count_good(json_t *row)
{
    size_t i;
    json_t *auth;
    int good = 0;

    json_array_foreach(json_object_get(row, "auth"), i, auth)
    {
        const char *text = json_string_value(auth);
        good += (strstr(text, "tag18") != NULL &&
                 strstr(text, "p256 over SUIT_Digest") != NULL) ||
                strstr(text, "tag17 alg5: H1-") != NULL;
    }
    return good;
}

static void test_cose_suit_vectors(void **state)
{
    const char *folder = vectors_folder("suit");
    struct selv_cose_key keys[3] = {{0}};
    struct selv_bytes raw;
    char path[4096 + 16];
    json_error_t error;
    json_t *index;
    json_t *row;
    size_t i;
    int count = 0;

    (void)state;
    if (folder == NULL) {
        skip();
    }
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            selv_cose_key_decode(
                file_read(folder, i == 0 ? "keys/k1_p256_priv.cosekey"
                                         : "keys/k2_p256_priv.cosekey"),
                &keys[i], NULL, NULL),
            SELV_OK);
    }
    raw = file_read(folder, "keys/h1_hmac256.bin");
    assert_int_equal(raw.len, sizeof(keys[2].secret));
    keys[2].method = &selv_cose_hmac256;
    memcpy(keys[2].secret, raw.p, raw.len);
    snprintf(path, sizeof(path), "%s/index.json", folder);
    index = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    if (index == NULL) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    json_array_foreach(index, i, row)
    {
        const char *name = text_at(row, "file", NULL);
        int want = index_count_good(row);
        int good = envelope_count_good(file_read(folder, name), keys);

        if (good != want) {
            fail_msg("%s: %d blocks verified, want %d", name, good, want);
        }
        count += good;
    }
    json_decref(index);
    assert_true(count > 0);
    print_message("%d blocks of SUIT envelopes verified\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cose_rfc9052_c21_vector),
        cmocka_unit_test(test_cose_wg_vectors),
        cmocka_unit_test(test_cose_suit_vectors),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
