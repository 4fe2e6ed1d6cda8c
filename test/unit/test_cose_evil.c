/* SPDX-License-Identifier: Apache-2.0
 *
 * Every truncation and every single bit flip of a block: refused, or provably
 * without effect, because only the unprotected kid differs and the verifying
 * key has none to compare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cose/cose.h"
#include "test/unit/hex.h"

enum {
    LABEL_AT = 7,
    KID_AT = 9, /* tag, array, bstr(3), map, label, head: then the kid */
    KID_LEN = 8
};

static const uint8_t payload[] = {0x82, 0x2f, 0x58, 0x20, 1, 2, 3, 4};
static struct selv_cose_key key;
static uint8_t block[128];
static size_t block_len;

static int block_make(void **state)
{
    uint8_t d[SELV_P256_PRIVATE_LEN];
    struct selv_buf out = {block, sizeof(block), 0};

    (void)state;
    memset(d, 0x33, sizeof(d));
    key.method = &selv_cose_es256;
    if (selv_p256_public(d, key.public_key) != SELV_OK) {
        return -1;
    }
    selv_cose_key_set_kid(&key);
    if (selv_cose_sign1_create(&key, d, selv_bytes(payload, sizeof(payload)),
                               &out) != SELV_OK) {
        return -1;
    }
    block_len = out.len;
    return memcmp(block + KID_AT, key.kid, KID_LEN) == 0 ? 0 : -1;
}

static enum selv_err verify(const struct selv_cose_key *with, const uint8_t *p,
                            size_t len, const uint8_t *signed_payload)
{
    enum selv_err why = SELV_OK;
    bool good = selv_is_good(selv_cose_verify(
        selv_bytes(p, len), selv_bytes(signed_payload, sizeof(payload)), with,
        1, NULL, &why));

    assert_int_equal(good, why == SELV_OK);
    return why;
}

static void test_cose_evil_truncations(void **state)
{
    (void)state;
    assert_int_equal(verify(&key, block, block_len, payload), SELV_OK);
    for (size_t len = 0; len < block_len; len++) {
        /* A copy of exactly this size lets the sanitizer see overreads. */
        uint8_t *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, block, len);
        assert_int_equal(verify(&key, cut, len, payload), SELV_ERR_CBOR_END);
        free(cut);
    }
}

/* Only the unprotected bucket, of which nothing is signed, can change and
 * still verify: another kid where the key has none to compare, or the kid's
 * label turned into one that means nothing. Never anything else. */
static void test_cose_evil_bit_flips(void **state)
{
    struct selv_cose_key any = key;
    size_t harmless = 0;

    (void)state;
    any.kid_len = 0;
    for (size_t bit = 0; bit < block_len * 8; bit++) {
        size_t at = bit / 8;
        bool is_kid = at >= KID_AT && at < KID_AT + KID_LEN;
        enum selv_err with_kid;
        enum selv_err without;

        block[at] ^= (uint8_t)(1u << bit % 8);
        with_kid = verify(&key, block, block_len, payload);
        without = verify(&any, block, block_len, payload);
        if (is_kid) {
            assert_int_equal(with_kid, SELV_ERR_COSE_NO_KEY);
            assert_int_equal(without, SELV_OK);
        } else if (at == LABEL_AT) {
            harmless += without == SELV_OK;
        } else {
            assert_int_not_equal(with_kid, SELV_OK);
            assert_int_not_equal(without, SELV_OK);
        }
        block[at] ^= (uint8_t)(1u << bit % 8);
    }
    /* 4 with one bit flipped: 5, 6, 0, 12, 20 and -5 are other labels; 0x44
     * and 0x84 are no labels. */
    assert_int_equal(harmless, 6);
}

static void test_cose_evil_payload_bit_flips(void **state)
{
    uint8_t other[sizeof(payload)];

    (void)state;
    memcpy(other, payload, sizeof(other));
    for (size_t bit = 0; bit < sizeof(other) * 8; bit++) {
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(verify(&key, block, block_len, other),
                         SELV_ERR_COSE_NO_KEY);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_cose_evil_key_bit_flips(void **state)
{
    struct selv_cose_key other = key;

    (void)state;
    for (size_t bit = 0; bit < sizeof(other.public_key) * 8; bit++) {
        other.public_key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(verify(&other, block, block_len, payload),
                         SELV_ERR_COSE_NO_KEY);
        other.public_key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cose_evil_truncations),
        cmocka_unit_test(test_cose_evil_bit_flips),
        cmocka_unit_test(test_cose_evil_payload_bit_flips),
        cmocka_unit_test(test_cose_evil_key_bit_flips),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, block_make, NULL);
}
