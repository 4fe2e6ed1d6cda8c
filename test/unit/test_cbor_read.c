/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "test/unit/hex.h"

static uint8_t scratch[256];

static struct selv_cbor reader(const char *text)
{
    struct selv_cbor r;

    selv_cbor_init(&r, hex(text, scratch, sizeof(scratch)));
    return r;
}

static void test_cbor_uint(void **state)
{
    struct selv_cbor r = reader("00 17 1818 1903e8 1bffffffffffffffff 20");
    uint64_t v = 0;

    (void)state;
    assert_int_equal(selv_cbor_peek(&r), SELV_CBOR_UINT);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(v, 0);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(v, 23);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(v, 24);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(v, 1000);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_ERR_CBOR_TYPE);
    assert_true(v == UINT64_MAX);
    assert_int_equal(selv_cbor_end(&r), SELV_ERR_CBOR_TRAILING);
}

static void test_cbor_uint32_obeys_max(void **state)
{
    struct selv_cbor r = reader("1864 1affffffff 1b0000000100000000");
    uint32_t v = 7;

    (void)state;
    assert_int_equal(selv_cbor_uint32(&r, 99, &v), SELV_ERR_CBOR_RANGE);
    assert_int_equal(v, 7);
    assert_int_equal(selv_cbor_uint32(&r, 100, &v), SELV_OK);
    assert_int_equal(v, 100);
    assert_int_equal(selv_cbor_uint32(&r, UINT32_MAX, &v), SELV_OK);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(selv_cbor_uint32(&r, UINT32_MAX, &v), SELV_ERR_CBOR_RANGE);
}

static void test_cbor_int_range(void **state)
{
    static const struct {
        const char *hex;
        int32_t value;
        enum selv_err err;
    } rows[] = {
        {"00", 0, SELV_OK},
        {"20", -1, SELV_OK},
        {"38ff", -256, SELV_OK},
        {"1a7fffffff", INT32_MAX, SELV_OK},
        {"3a7fffffff", INT32_MIN, SELV_OK},
        {"1a80000000", 0, SELV_ERR_CBOR_RANGE},
        {"3a80000000", 0, SELV_ERR_CBOR_RANGE},
        {"3bffffffffffffffff", 0, SELV_ERR_CBOR_RANGE},
        {"40", 0, SELV_ERR_CBOR_TYPE},
        {"", 0, SELV_ERR_CBOR_END},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct selv_cbor r = reader(rows[i].hex);
        int32_t v = 12345;
        assert_int_equal(selv_cbor_int(&r, &v), rows[i].err);
        assert_int_equal(v, rows[i].err ? 12345 : rows[i].value);
    }
}

static void test_cbor_strings_are_views(void **state)
{
    struct selv_cbor r = reader("43010203 6568656c6c6f 40 60");
    struct selv_bytes v = {NULL, 0};

    (void)state;
    assert_int_equal(selv_cbor_tstr(&r, &v), SELV_ERR_CBOR_TYPE);
    assert_int_equal(selv_cbor_bstr(&r, &v), SELV_OK);
    assert_ptr_equal(v.p, scratch + 1);
    assert_int_equal(v.len, 3);
    assert_int_equal(selv_cbor_bstr(&r, &v), SELV_ERR_CBOR_TYPE);
    assert_int_equal(selv_cbor_tstr(&r, &v), SELV_OK);
    assert_memory_equal(v.p, "hello", 5);
    assert_int_equal(selv_cbor_bstr(&r, &v), SELV_OK);
    assert_int_equal(v.len, 0);
    assert_int_equal(selv_cbor_tstr(&r, &v), SELV_OK);
    assert_int_equal(v.len, 0);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    r = reader("61ff");
    assert_int_equal(selv_cbor_tstr(&r, &v), SELV_ERR_CBOR_UTF8);
    assert_ptr_equal(r.p, scratch);
}

static void test_cbor_containers(void **state)
{
    struct selv_cbor r = reader("82 a1 01 02 d86b 80");
    uint32_t count = 0;
    uint64_t tag = 0;
    uint64_t v;

    (void)state;
    assert_int_equal(selv_cbor_map(&r, &count), SELV_ERR_CBOR_TYPE);
    assert_int_equal(selv_cbor_array(&r, &count), SELV_OK);
    assert_int_equal(count, 2);
    assert_int_equal(selv_cbor_map(&r, &count), SELV_OK);
    assert_int_equal(count, 1);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(selv_cbor_tag(&r, &tag), SELV_OK);
    assert_int_equal(tag, 107);
    assert_int_equal(selv_cbor_array(&r, &count), SELV_OK);
    assert_int_equal(count, 0);
    assert_int_equal(selv_cbor_peek(&r), SELV_CBOR_NONE);
    assert_int_equal(selv_cbor_array(&r, &count), SELV_ERR_CBOR_END);
}

/* Counts are believed only as far as the bytes left could hold them. */
static void test_cbor_count_is_bounded_by_input(void **state)
{
    struct selv_cbor r = reader("83 00 00");
    uint32_t count = 77;

    (void)state;
    assert_int_equal(selv_cbor_array(&r, &count), SELV_ERR_CBOR_END);
    r = reader("a2 00 00 00");
    assert_int_equal(selv_cbor_map(&r, &count), SELV_ERR_CBOR_END);
    r = reader("bb8000000000000000 00");
    assert_int_equal(selv_cbor_map(&r, &count), SELV_ERR_CBOR_END);
    assert_int_equal(count, 77);
}

static void test_cbor_bool_and_null(void **state)
{
    struct selv_cbor r = reader("f5 f4 f6 f7");
    bool v = false;

    (void)state;
    assert_int_equal(selv_cbor_null(&r), SELV_ERR_CBOR_TYPE);
    assert_int_equal(selv_cbor_bool(&r, &v), SELV_OK);
    assert_true(v);
    assert_int_equal(selv_cbor_bool(&r, &v), SELV_OK);
    assert_false(v);
    assert_int_equal(selv_cbor_bool(&r, &v), SELV_ERR_CBOR_TYPE);
    assert_int_equal(selv_cbor_null(&r), SELV_OK);
    assert_int_equal(selv_cbor_null(&r), SELV_ERR_CBOR_TYPE);
    r = reader("f814");
    assert_int_equal(selv_cbor_bool(&r, &v), SELV_ERR_CBOR_NONMINIMAL);
}

/* A float's or a simple value's argument must not pass for false or nil. */
static void test_cbor_wide_simple_is_no_bool(void **state)
{
    struct selv_cbor r = reader("f8f5");
    bool v;

    (void)state;
    assert_int_equal(selv_cbor_bool(&r, &v), SELV_ERR_CBOR_TYPE);
    r = reader("f90016");
    assert_int_equal(selv_cbor_null(&r), SELV_ERR_CBOR_TYPE);
}

/* n containers of the given head, then an integer. */
static enum selv_err nest(uint8_t head, size_t n)
{
    uint8_t in[64];
    size_t len = 0;
    struct selv_cbor r;

    for (size_t i = 0; i < n; i++) {
        in[len++] = head;
        if (head == 0xa1) {
            in[len++] = 0x00;
        }
    }
    in[len++] = 0x01;
    selv_cbor_init(&r, selv_bytes(in, len));
    return selv_cbor_skip(&r, NULL);
}

static void test_cbor_depth_limits(void **state)
{
    static const uint8_t heads[] = {0x81, 0xa1, 0xc1};
    struct selv_cbor r;

    (void)state;
    for (size_t i = 0; i < sizeof(heads); i++) {
        assert_int_equal(nest(heads[i], SELV_CBOR_DEPTH_MAX), SELV_OK);
        assert_int_equal(nest(heads[i], SELV_CBOR_DEPTH_MAX + 1),
                         SELV_ERR_CBOR_DEPTH);
    }
    /* Depth counts what is open, not what was ever opened. */
    r = reader("8a 8180 8180 8180 8180 8180 8180 8180 8180 8180 8180");
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
}

static void test_cbor_skip_takes_one_item(void **state)
{
    struct selv_cbor r = reader("8201 a10203 6161 f6");
    struct selv_bytes item;

    (void)state;
    assert_int_equal(selv_cbor_skip(&r, &item), SELV_OK);
    assert_ptr_equal(item.p, scratch);
    assert_int_equal(item.len, 5);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
    assert_int_equal(selv_cbor_null(&r), SELV_OK);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_ERR_CBOR_END);
}

static void test_cbor_key_order(void **state)
{
    struct selv_bytes previous = {NULL, 0};

    (void)state;
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x01", 1)),
                     SELV_OK);
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x01", 1)),
                     SELV_ERR_CBOR_DUPLICATE);
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x18\x20", 2)),
                     SELV_OK);
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x02", 1)),
                     SELV_ERR_CBOR_ORDER);
    /* After an error the key before still counts. */
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x18\x20", 2)),
                     SELV_ERR_CBOR_DUPLICATE);
    assert_int_equal(selv_cbor_key_order(&previous, selv_bytes("\x20", 1)),
                     SELV_OK);
}

static void test_cbor_empty_view(void **state)
{
    struct selv_cbor r;

    (void)state;
    selv_cbor_init(&r, selv_bytes(NULL, 0));
    assert_true(selv_cbor_is_end(&r));
    assert_int_equal(selv_cbor_peek(&r), SELV_CBOR_NONE);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_ERR_CBOR_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_uint),
        cmocka_unit_test(test_cbor_uint32_obeys_max),
        cmocka_unit_test(test_cbor_int_range),
        cmocka_unit_test(test_cbor_strings_are_views),
        cmocka_unit_test(test_cbor_containers),
        cmocka_unit_test(test_cbor_count_is_bounded_by_input),
        cmocka_unit_test(test_cbor_bool_and_null),
        cmocka_unit_test(test_cbor_wide_simple_is_no_bool),
        cmocka_unit_test(test_cbor_depth_limits),
        cmocka_unit_test(test_cbor_skip_takes_one_item),
        cmocka_unit_test(test_cbor_key_order),
        cmocka_unit_test(test_cbor_empty_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
