/* SPDX-License-Identifier: Apache-2.0
 *
 * Factory data: round trip, every truncation, every flipped bit, and data
 * that are whole but wrong. */
#include "store_fixture.h"

#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/factory.h"

static struct selv_factory factory;
static uint8_t encoded[SELV_FACTORY_LEN];
static size_t encoded_len;

static int make_factory(void **state)
{
    struct selv_buf out = {encoded, sizeof encoded, 0};
    (void)state;
    selv_release_factory(&factory);
    selv_cose_key_set_kid(&factory.anchor);
    assert_int_equal(selv_factory_encode(&factory, &out), SELV_OK);
    encoded_len = out.len;
    return 0;
}

static void test_store_factory_comes_back(void **state)
{
    (void)state;
    struct selv_factory got;
    uint8_t region[4096];
    /* As it lies in flash: erased bytes behind it. */
    for (int erased = 0; erased < 2; erased++) {
        memset(region, erased ? 0xff : 0x00, sizeof region);
        memcpy(region, encoded, encoded_len);
        assert_int_equal(
            selv_factory_decode(selv_bytes(region, sizeof region), &got),
            SELV_OK);
        assert_memory_equal(got.vendor_id, factory.vendor_id, 16);
        assert_memory_equal(got.class_id, factory.class_id, 16);
        assert_memory_equal(got.device_id, factory.device_id, 16);
        assert_memory_equal(got.seed, factory.seed, 32);
        assert_memory_equal(got.anchor.public_key, factory.anchor.public_key,
                            64);
        assert_int_equal(got.anchor.kid_len, 8);
        assert_memory_equal(got.anchor.kid, factory.anchor.kid, 8);
        assert_int_equal(got.component_id_len, factory.component_id_len);
        assert_memory_equal(got.component_id, factory.component_id,
                            got.component_id_len);
    }
}

static void test_store_factory_refuses_every_truncation(void **state)
{
    (void)state;
    struct selv_factory got;
    for (size_t len = 0; len < encoded_len; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, encoded, len);
        assert_int_equal(selv_factory_decode(selv_bytes(exact, len), &got),
                         SELV_ERR_STORE_FACTORY);
        free(exact);
    }
}

static void test_store_factory_refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct selv_factory got;
    for (size_t bit = 0; bit < encoded_len * 8; bit++) {
        encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            selv_factory_decode(selv_bytes(encoded, encoded_len), &got),
            SELV_ERR_STORE_FACTORY);
        encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Seal whatever is there, as the factory would. */
static enum selv_err decode_sealed(uint8_t *p)
{
    struct selv_factory got;
    struct selv_sha256 hash;
    uint8_t digest[32];
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, p, SELV_FACTORY_LEN - 8);
    selv_sha256_finish(&hash, digest);
    memcpy(p + SELV_FACTORY_LEN - 8, digest, 8);
    return selv_factory_decode(selv_bytes(p, SELV_FACTORY_LEN), &got);
}

static void test_store_factory_refuses_whole_but_wrong(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum selv_err err;
    } rows[] = {
        {0, 1, SELV_ERR_STORE_VERSION},
        {0, 3, SELV_ERR_STORE_VERSION},
        {1, 0x4a, SELV_ERR_STORE_FACTORY}, /* a journal's record */
        {2, 0, SELV_ERR_STORE_FACTORY},    /* of no kind of anchor */
        {2, 2, SELV_ERR_STORE_FACTORY},
        {3, 9, SELV_ERR_STORE_FACTORY},
        {3, 255, SELV_ERR_STORE_FACTORY},
        {4, 0, SELV_ERR_STORE_FACTORY},
        {4, 33, SELV_ERR_STORE_FACTORY},
        {4, 255, SELV_ERR_STORE_FACTORY},
        {3, 0, SELV_OK},
        {3, 8, SELV_OK},
        {4, 1, SELV_OK},
        {4, 32, SELV_OK},
    };
    uint8_t p[SELV_FACTORY_LEN];
    (void)state;
    memcpy(p, encoded, sizeof p);
    assert_int_equal(decode_sealed(p), SELV_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(p, encoded, sizeof p);
        p[rows[i].at] = rows[i].value;
        assert_int_equal(decode_sealed(p), rows[i].err);
    }
}

static void test_store_factory_encode_refuses(void **state)
{
    uint8_t p[SELV_FACTORY_LEN];
    struct selv_buf out = {p, sizeof p, 0};
    struct selv_factory wrong = factory;
    (void)state;
    wrong.anchor.method = &selv_cose_hmac256;
    assert_int_equal(selv_factory_encode(&wrong, &out), SELV_ERR_ARG);
    wrong = factory;
    wrong.anchor.kid_len = 9;
    assert_int_equal(selv_factory_encode(&wrong, &out), SELV_ERR_ARG);
    wrong = factory;
    wrong.component_id[0] = 0x01; /* no array */
    assert_int_equal(selv_factory_encode(&wrong, &out), SELV_ERR_ARG);
    wrong = factory;
    wrong.component_id_len++; /* and one byte more */
    assert_int_equal(selv_factory_encode(&wrong, &out), SELV_ERR_ARG);
    wrong.component_id_len = 0;
    assert_int_equal(selv_factory_encode(&wrong, &out), SELV_ERR_ARG);
}

static void test_store_factory_encode_limits(void **state)
{
    (void)state;
    uint8_t p[SELV_FACTORY_LEN];
    for (size_t cap = 0; cap < encoded_len; cap++) {
        struct selv_buf out = {p, cap, 0};
        assert_int_equal(selv_factory_encode(&factory, &out), SELV_ERR_SPACE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_factory_comes_back),
        cmocka_unit_test(test_store_factory_refuses_every_truncation),
        cmocka_unit_test(test_store_factory_refuses_every_flipped_bit),
        cmocka_unit_test(test_store_factory_refuses_whole_but_wrong),
        cmocka_unit_test(test_store_factory_encode_refuses),
        cmocka_unit_test(test_store_factory_encode_limits),
    };
    return selv_crypto_init()
               ? 1
               : cmocka_run_group_tests(tests, make_factory, NULL);
}
