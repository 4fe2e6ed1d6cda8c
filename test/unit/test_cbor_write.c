/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "test/unit/hex.h"

/* One of everything; 49 bytes. */
static void sample_put(struct selv_cbor_writer *w)
{
    selv_cbor_put_tag(w, 107);
    selv_cbor_put_map(w, 3);
    selv_cbor_put_uint(w, 2);
    selv_cbor_put_bstr_head(w, 2);
    selv_cbor_put_raw(w, selv_bytes("\x81\xf6", 2));
    selv_cbor_put_uint(w, 300);
    selv_cbor_put_array(w, 7);
    selv_cbor_put_int(w, -9);
    selv_cbor_put_int(w, 65536);
    selv_cbor_put_int(w, INT64_MIN);
    selv_cbor_put_uint(w, UINT64_MAX);
    selv_cbor_put_bool(w, true);
    selv_cbor_put_bool(w, false);
    selv_cbor_put_null(w);
    selv_cbor_put_tstr(w, selv_bytes("en", 2));
    selv_cbor_put_bstr(w, selv_bytes("\x01\x02\x03", 3));
}

static const char sample_hex[] =
    "d86b a3 02 42 81f6 19012c 87 28 1a00010000 3b7fffffffffffffff"
    "1bffffffffffffffff f5 f4 f6 62656e 43010203";

static void test_cbor_writer_emits_shortest_forms(void **state)
{
    uint8_t out[64];
    uint8_t want[64];
    struct selv_bytes expected = hex(sample_hex, want, sizeof(want));
    struct selv_bytes got;
    struct selv_cbor_writer w;

    (void)state;
    selv_cbor_writer_init(&w, out, sizeof(out));
    sample_put(&w);
    assert_int_equal(selv_cbor_finish(&w, &got), SELV_OK);
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.p, expected.p, expected.len);
}

static void test_cbor_writer_counts_without_buffer(void **state)
{
    uint8_t want[64];
    struct selv_bytes expected = hex(sample_hex, want, sizeof(want));
    struct selv_bytes got = {want, 0};
    struct selv_cbor_writer w;

    (void)state;
    selv_cbor_writer_init(&w, NULL, 0);
    sample_put(&w);
    assert_int_equal(selv_cbor_finish(&w, &got), SELV_OK);
    assert_null(got.p);
    assert_int_equal(got.len, expected.len);
}

/* Every capacity that is too small is refused, and no byte beyond it is
 * touched. */
static void test_cbor_writer_space_limits(void **state)
{
    uint8_t want[64];
    size_t whole = hex(sample_hex, want, sizeof(want)).len;

    (void)state;
    for (size_t cap = 0; cap <= whole; cap++) {
        uint8_t out[65];
        struct selv_bytes got = {NULL, 99};
        struct selv_cbor_writer w;

        memset(out, 0xa5, sizeof(out));
        selv_cbor_writer_init(&w, out, cap);
        sample_put(&w);
        assert_int_equal(selv_cbor_finish(&w, &got),
                         cap == whole ? SELV_OK : SELV_ERR_SPACE);
        assert_int_equal(got.len, cap == whole ? whole : 99);
        for (size_t i = cap; i < sizeof(out); i++) {
            assert_int_equal(out[i], 0xa5);
        }
    }
}

static void test_cbor_writer_keeps_first_error(void **state)
{
    uint8_t out[8];
    struct selv_cbor_writer w;

    (void)state;
    selv_cbor_writer_init(&w, out, sizeof(out));
    selv_cbor_put_tstr(&w, selv_bytes("\xff", 1));
    selv_cbor_put_bstr(&w, selv_bytes("123456789", 9));
    assert_int_equal(selv_cbor_finish(&w, NULL), SELV_ERR_CBOR_UTF8);
}

static void test_cbor_writer_head_widths(void **state)
{
    static const struct {
        uint64_t value;
        size_t len;
    } rows[] = {{0, 1},         {23, 1},         {24, 2},
                {255, 2},       {256, 3},        {65535, 3},
                {65536, 5},     {UINT32_MAX, 5}, {UINT64_C(1) << 32, 9},
                {UINT64_MAX, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[9];
        struct selv_bytes got;
        struct selv_cbor_writer w;
        struct selv_cbor r;
        uint64_t back = 0;

        selv_cbor_writer_init(&w, out, sizeof(out));
        selv_cbor_put_uint(&w, rows[i].value);
        assert_int_equal(selv_cbor_finish(&w, &got), SELV_OK);
        assert_int_equal(got.len, rows[i].len);
        selv_cbor_init(&r, got);
        assert_int_equal(selv_cbor_uint(&r, &back), SELV_OK);
        assert_true(back == rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_writer_emits_shortest_forms),
        cmocka_unit_test(test_cbor_writer_counts_without_buffer),
        cmocka_unit_test(test_cbor_writer_space_limits),
        cmocka_unit_test(test_cbor_writer_keeps_first_error),
        cmocka_unit_test(test_cbor_writer_head_widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
