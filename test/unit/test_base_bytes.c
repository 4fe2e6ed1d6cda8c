/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"

static void test_base_bytes_equal(void **state)
{
    (void)state;
    assert_true(selv_bytes_equal(selv_bytes("abc", 3), selv_bytes("abc", 3)));
    assert_false(selv_bytes_equal(selv_bytes("abc", 3), selv_bytes("abd", 3)));
    assert_false(selv_bytes_equal(selv_bytes("abc", 3), selv_bytes("abc", 2)));
    assert_true(selv_bytes_equal(selv_bytes(NULL, 0), selv_bytes("x", 0)));
    assert_false(selv_bytes_equal(selv_bytes(NULL, 0), selv_bytes("x", 1)));
}

static void test_base_ct_equal(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};

    (void)state;
    assert_true(selv_ct_equal(a, b, sizeof(a)));
    assert_true(selv_ct_equal(a, b, 0));
    for (size_t bit = 0; bit < sizeof(a) * 8; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(selv_ct_equal(a, b, sizeof(a)));
        assert_true(selv_ct_equal(a, b, bit / 32 * 4));
        b[bit / 8] = 0;
    }
}

static void test_base_wipe(void **state)
{
    uint8_t secret[] = {1, 2, 3, 4, 5};

    (void)state;
    selv_wipe(secret + 1, 3);
    assert_int_equal(secret[0], 1);
    assert_int_equal(secret[1] | secret[2] | secret[3], 0);
    assert_int_equal(secret[4], 5);
    selv_wipe(secret, 0);
    assert_int_equal(secret[0], 1);
}

static void test_base_verdict_survives_bit_flips(void **state)
{
    (void)state;
    assert_true(selv_is_good(SELV_GOOD));
    assert_false(selv_is_good(SELV_BAD));
    for (unsigned bit = 0; bit < 31; bit++) {
        uint32_t flipped = (uint32_t)SELV_GOOD ^ 1u << bit;
        assert_false(selv_is_good((enum selv_verdict)flipped));
        flipped = (uint32_t)SELV_BAD ^ 1u << bit;
        assert_false(selv_is_good((enum selv_verdict)flipped));
    }
    assert_false(selv_is_good((enum selv_verdict)0));
    assert_false(selv_is_good((enum selv_verdict)1));
}

static void test_base_be32(void **state)
{
    uint8_t bytes[4];

    (void)state;
    selv_put_be32(bytes, 0x80a1b2c3u);
    assert_memory_equal(bytes, "\x80\xa1\xb2\xc3", 4);
    assert_int_equal(selv_get_be32(bytes), 0x80a1b2c3u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_bytes_equal),
        cmocka_unit_test(test_base_ct_equal),
        cmocka_unit_test(test_base_wipe),
        cmocka_unit_test(test_base_verdict_survives_bit_flips),
        cmocka_unit_test(test_base_be32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
