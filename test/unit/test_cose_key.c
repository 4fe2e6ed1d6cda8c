/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cose/cose.h"
#include "test/unit/hex.h"

#define X "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
#define Y "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
#define D "aff907c99f9ad3aae6c4cdf21122bce2bd68b5283e6907154ad911840fa208cf"
#define SHORT_X "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c0855"

/* [RFC 9679 6] */
static void test_cose_key_thumbprint_vector(void **state)
{
    struct selv_cose_key key = {0};
    uint8_t want[8];

    (void)state;
    hex(X Y, key.public_key, sizeof(key.public_key));
    hex("496bd8afadf307e5", want, sizeof(want));
    selv_cose_key_set_kid(&key);
    assert_int_equal(key.kid_len, 8);
    assert_memory_equal(key.kid, want, 8);
}

static void test_cose_key_rules(void **state)
{
    static const struct {
        const char *hex;
        enum selv_err err;
    } rows[] = {
        {"a4 0102 2001 215820" X "225820" Y, SELV_OK},
        /* any order, as in the examples of [RFC 9052 C.7] */
        {"a5 2001 215820" X "225820" Y "0102 02423131", SELV_OK},
        {"a5 0102 0326 2001 215820" X "225820" Y, SELV_OK},
        {"a5 0102 0328 2001 215820" X "225820" Y, SELV_OK},
        {"a5 0102 048102 2001 215820" X "225820" Y, SELV_OK},
        {"a5 0102 0482 0102 2001 215820" X "225820" Y, SELV_OK},
        {"a5 0102 1864 80 2001 215820" X "225820" Y, SELV_OK},
        {"a5 0102 6178 80 2001 215820" X "225820" Y, SELV_OK},
        /* a long kid is not kept */
        {"a5 0102 0249 010203040506070809 2001 215820" X "225820" Y, SELV_OK},
        /* something missing */
        {"a0", SELV_ERR_COSE_KEY},
        {"a3 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a3 0102 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a3 0102 2001 225820" Y, SELV_ERR_COSE_KEY},
        {"a3 0102 2001 215820" X, SELV_ERR_COSE_KEY},
        /* another key type, curve, algorithm, operation */
        {"a4 0101 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a4 0102 2002 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a4 0102 2006 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 033822 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 0361 31 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 048107 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 0480 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 0402 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        /* wrong lengths and types; a compressed point */
        {"a4 0102 2001 21581f" SHORT_X "225820" Y, SELV_ERR_COSE_KEY},
        {"a4 0102 2001 215820" X "22f5", SELV_ERR_COSE_KEY},
        {"a4 0102 2001 2101 225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 2001 215820" X "225820" Y "23581f" SHORT_X,
         SELV_ERR_COSE_KEY},
        {"a5 0102 02613 1 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        /* a known parameter twice */
        {"a5 0102 0102 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 2001 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
        {"a5 0102 2001 215820" X "225820" Y "215820" X, SELV_ERR_COSE_KEY},
        /* not a map, more than a map, not deterministic */
        {"80", SELV_ERR_COSE_KEY},
        {"01", SELV_ERR_COSE_KEY},
        {"", SELV_ERR_CBOR_END},
        {"a4 0102 2001 215820" X "225820" Y "00", SELV_ERR_CBOR_TRAILING},
        {"bf 0102 2001 215820" X "225820" Y "ff", SELV_ERR_CBOR_INDEFINITE},
        {"a4 011802 2001 215820" X "225820" Y, SELV_ERR_CBOR_NONMINIMAL},
        {"a5 4101 00 0102 2001 215820" X "225820" Y, SELV_ERR_COSE_KEY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[256];
        uint8_t xy[SELV_P256_PUBLIC_LEN];
        struct selv_cose_key key = {.kid_len = 77};
        enum selv_err err = selv_cose_key_decode(
            hex(rows[i].hex, bytes, sizeof(bytes)), &key, NULL, NULL);

        if (err != rows[i].err) {
            fail_msg("%s: got %s, want %s", rows[i].hex, selv_err_name(err),
                     selv_err_name(rows[i].err));
        }
        if (err) {
            assert_int_equal(key.kid_len, 77);
        } else {
            hex(X Y, xy, sizeof(xy));
            assert_memory_equal(key.public_key, xy, sizeof(xy));
            assert_int_equal(key.kid_len, i == 1 ? 2 : 0);
        }
    }
}

static void test_cose_key_private(void **state)
{
    uint8_t bytes[256];
    uint8_t want[SELV_P256_PRIVATE_LEN];
    uint8_t d[SELV_P256_PRIVATE_LEN] = {0};
    struct selv_cose_key key;
    bool has = false;

    (void)state;
    hex(D, want, sizeof(want));
    assert_int_equal(
        selv_cose_key_decode(hex("a5 0102 2001 215820" X "225820" Y "235820" D,
                                 bytes, sizeof(bytes)),
                             &key, d, &has),
        SELV_OK);
    assert_true(has);
    assert_memory_equal(d, want, sizeof(d));
    assert_int_equal(
        selv_cose_key_decode(
            hex("a4 0102 2001 215820" X "225820" Y, bytes, sizeof(bytes)), &key,
            d, &has),
        SELV_OK);
    assert_false(has);
}

static void test_cose_key_round_trip(void **state)
{
    for (int with = 0; with < 4; with++) {
        uint8_t bytes[160];
        uint8_t d[SELV_P256_PRIVATE_LEN];
        uint8_t d_again[SELV_P256_PRIVATE_LEN];
        struct selv_buf out = {bytes, sizeof(bytes), 0};
        struct selv_cose_key key = {0};
        struct selv_cose_key again;
        bool has = false;
        size_t whole;

        (void)state;
        assert_int_equal(selv_p256_generate(d, key.public_key), SELV_OK);
        if (with & 1) {
            selv_cose_key_set_kid(&key);
        }
        assert_int_equal(selv_cose_key_encode(&key, with & 2 ? d : NULL, &out),
                         SELV_OK);
        assert_int_equal(selv_cose_key_decode(selv_bytes(bytes, out.len),
                                              &again, d_again, &has),
                         SELV_OK);
        assert_memory_equal(again.public_key, key.public_key, 64);
        assert_int_equal(again.kid_len, key.kid_len);
        assert_memory_equal(again.kid, key.kid, key.kid_len);
        assert_int_equal(has, (with & 2) != 0);
        if (has) {
            assert_memory_equal(d_again, d, sizeof(d));
        }
        whole = out.len;
        for (out.cap = 0; out.cap < whole; out.cap++) {
            assert_int_equal(
                selv_cose_key_encode(&key, with & 2 ? d : NULL, &out),
                SELV_ERR_SPACE);
            assert_int_not_equal(
                selv_cose_key_decode(selv_bytes(bytes, out.cap), &again, NULL,
                                     NULL),
                SELV_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cose_key_thumbprint_vector),
        cmocka_unit_test(test_cose_key_rules),
        cmocka_unit_test(test_cose_key_private),
        cmocka_unit_test(test_cose_key_round_trip),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
