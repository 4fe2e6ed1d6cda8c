/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading with the first error kept: each reader's errors, that the first one
 * stays, where the cursor then is, and that loops over counts end. */
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

/* What a reader gave, as one number: the value, or a string's length. */
typedef int64_t get_fn(struct selv_cbor *r);

static int64_t get_uint(struct selv_cbor *r)
{
    return (int64_t)selv_cbor_get_uint(r);
}

static int64_t get_uint32(struct selv_cbor *r)
{
    return selv_cbor_get_uint32(r, 1000);
}

static int64_t get_int(struct selv_cbor *r)
{
    return selv_cbor_get_int(r);
}

/* A string's view must end at the cursor; after an error it is empty, there. */
static int64_t string_len(const struct selv_cbor *r, struct selv_bytes v)
{
    assert_ptr_equal(v.p + v.len, r->p);
    return (int64_t)v.len;
}

static int64_t get_bstr(struct selv_cbor *r)
{
    struct selv_bytes v = selv_cbor_get_bstr(r);
    return string_len(r, v);
}

static int64_t get_tstr(struct selv_cbor *r)
{
    struct selv_bytes v = selv_cbor_get_tstr(r);
    return string_len(r, v);
}

static int64_t get_item(struct selv_cbor *r)
{
    struct selv_bytes v = selv_cbor_get_item(r);
    return string_len(r, v);
}

static int64_t get_array(struct selv_cbor *r)
{
    return selv_cbor_get_array(r);
}

static int64_t get_map(struct selv_cbor *r)
{
    return selv_cbor_get_map(r);
}

static int64_t get_tag(struct selv_cbor *r)
{
    return (int64_t)selv_cbor_get_tag(r);
}

static int64_t get_bool(struct selv_cbor *r)
{
    return selv_cbor_get_bool(r);
}

static int64_t get_null(struct selv_cbor *r)
{
    selv_cbor_get_null(r);
    return 0;
}

/* After the key 10. */
static int64_t get_key(struct selv_cbor *r)
{
    struct selv_bytes previous = selv_bytes("\x0a", 1);
    return selv_cbor_get_key(r, &previous);
}

static int64_t get_end(struct selv_cbor *r)
{
    selv_cbor_get_end(r);
    return 0;
}

struct row {
    get_fn *get;
    const char *hex;
    int64_t value;
    size_t moved; /* bytes, when there is no error */
    enum selv_err err;
    size_t fault; /* offset of the item at fault */
};

#define GOOD(get, hex, value, moved)                                           \
    {                                                                          \
        get, hex, value, moved, SELV_OK, 0                                     \
    }
#define BAD(get, hex, err)                                                     \
    {                                                                          \
        get, hex, 0, 0, SELV_ERR_CBOR_##err, 0                                 \
    }

static const struct row rows[] = {
    GOOD(get_uint, "17 f6", 23, 1),
    GOOD(get_uint, "1903e8", 1000, 3),
    GOOD(get_uint, "1b7fffffffffffffff", INT64_MAX, 9),
    BAD(get_uint, "", END),
    BAD(get_uint, "19 03", END),
    BAD(get_uint, "1b 00000001000000", END),
    BAD(get_uint, "20", TYPE),
    BAD(get_uint, "f4", TYPE),
    BAD(get_uint, "1817", NONMINIMAL),
    BAD(get_uint, "1900ff", NONMINIMAL),
    BAD(get_uint, "1a0000ffff", NONMINIMAL),
    BAD(get_uint, "1b00000000ffffffff", NONMINIMAL),
    BAD(get_uint, "1c", RESERVED),
    BAD(get_uint, "1f", INDEFINITE),
    GOOD(get_uint32, "1903e8", 1000, 3),
    BAD(get_uint32, "1903e9", RANGE),
    BAD(get_uint32, "1b0000000100000001", RANGE),
    BAD(get_uint32, "20", TYPE),
    GOOD(get_int, "1a7fffffff", INT32_MAX, 5),
    GOOD(get_int, "3a7fffffff", INT32_MIN, 5),
    GOOD(get_int, "20", -1, 1),
    BAD(get_int, "1a80000000", RANGE),
    BAD(get_int, "3a80000000", RANGE),
    BAD(get_int, "3bffffffffffffffff", RANGE),
    BAD(get_int, "3817", NONMINIMAL),
    BAD(get_int, "", END),
    BAD(get_int, "41", TYPE),
    GOOD(get_bstr, "43010203 00", 3, 4),
    GOOD(get_bstr, "40", 0, 1),
    BAD(get_bstr, "43 0102", END),
    BAD(get_bstr, "5affffffff 00", END),
    BAD(get_bstr, "5bffffffffffffffff 00", END),
    BAD(get_bstr, "6161", TYPE),
    BAD(get_bstr, "5817", NONMINIMAL),
    BAD(get_bstr, "5fff", INDEFINITE),
    GOOD(get_tstr, "62c3bc", 2, 3),
    GOOD(get_tstr, "60", 0, 1),
    BAD(get_tstr, "62c328", UTF8),
    BAD(get_tstr, "62c3", END),
    BAD(get_tstr, "4161", TYPE),
    GOOD(get_array, "82 0000", 2, 1),
    GOOD(get_array, "80", 0, 1),
    BAD(get_array, "82 00", END),
    BAD(get_array, "9b0000000100000000 00", END),
    BAD(get_array, "a0", TYPE),
    BAD(get_array, "9fff", INDEFINITE),
    GOOD(get_map, "a1 0000", 1, 1),
    BAD(get_map, "a1 00", END),
    BAD(get_map, "ba80000000 0000", END),
    BAD(get_map, "80", TYPE),
    GOOD(get_tag, "d86b 00", 107, 2),
    GOOD(get_tag, "db0000000100000012", 0x100000012, 9),
    BAD(get_tag, "00", TYPE),
    BAD(get_tag, "d800", NONMINIMAL),
    GOOD(get_bool, "f4", 0, 1),
    GOOD(get_bool, "f5", 1, 1),
    BAD(get_bool, "f6", TYPE),
    BAD(get_bool, "f8f5", TYPE),
    BAD(get_bool, "f815", NONMINIMAL),
    BAD(get_bool, "f90015", TYPE),
    BAD(get_bool, "fa00000015", TYPE),
    BAD(get_bool, "fa00000115", TYPE),
    BAD(get_bool, "fb0000000000000015", TYPE),
    BAD(get_bool, "", END),
    GOOD(get_null, "f6", 0, 1),
    BAD(get_null, "f7", TYPE),
    BAD(get_null, "f90016", TYPE),
    BAD(get_null, "f818", NONMINIMAL),
    BAD(get_null, "00", TYPE),
    GOOD(get_item, "a1 00 8101 00", 4, 4),
    GOOD(get_item, "fb0000000000000000", 9, 9),
    GOOD(get_item, "61ff", 2, 2),
    GOOD(get_item, "a2 8100 00 8101 00", 7, 7),
    BAD(get_item, "", END),
    /* the innermost item at fault, not the whole */
    {get_item, "82 00 1800", 0, 0, SELV_ERR_CBOR_NONMINIMAL, 2},
    {get_item, "a2 01 00 00 00", 0, 0, SELV_ERR_CBOR_ORDER, 3},
    {get_item, "a2 01 00 01 00", 0, 0, SELV_ERR_CBOR_DUPLICATE, 3},
    {get_item, "81 43 00 00", 0, 0, SELV_ERR_CBOR_END, 1},
    {get_item, "81 81 81 81 81 81 81 81 81 00", 0, 0, SELV_ERR_CBOR_DEPTH, 8},
    GOOD(get_key, "0b", 11, 1),
    GOOD(get_key, "1864", 100, 2),
    GOOD(get_key, "20", -1, 1),
    BAD(get_key, "0a", DUPLICATE),
    BAD(get_key, "09", ORDER),
    BAD(get_key, "00", ORDER),
    BAD(get_key, "6161", TYPE),
    BAD(get_key, "1a80000000", RANGE),
    BAD(get_key, "", END),
    GOOD(get_end, "", 0, 0),
    BAD(get_end, "00", TRAILING),
};

static void test_cbor_get_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct selv_cbor r = reader(rows[i].hex);
        int64_t value = rows[i].get(&r);
        size_t at = (size_t)(r.p - scratch);
        size_t want = rows[i].err ? rows[i].fault : rows[i].moved;

        if (r.err != rows[i].err || value != rows[i].value || at != want) {
            fail_msg("row %zu, %s: got %s, value %lld, at %zu; want %s, "
                     "value %lld, at %zu",
                     i, rows[i].hex, selv_err_name(r.err), (long long)value, at,
                     selv_err_name(rows[i].err), (long long)rows[i].value,
                     want);
        }
    }
}

/* Once there is an error every reader gives nothing, moves nothing, and leaves
 * the first error, whatever the bytes are. */
static void test_cbor_get_first_error_stays(void **state)
{
    static get_fn *const readers[] = {
        get_uint, get_uint32, get_int,  get_bstr, get_tstr, get_array, get_map,
        get_tag,  get_bool,   get_null, get_item, get_key,  get_end};
    static const char *inputs[] = {
        "",     "0b",     "20",     "4101", "6161", "8100", "f5",        "f6",
        "c100", "a10000", "62c328", "1c",   "1800", "0a",   "a201000000"};

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        for (size_t k = 0; k < sizeof(readers) / sizeof(readers[0]); k++) {
            struct selv_cbor r = reader(inputs[i]);

            r.err = SELV_ERR_SUIT_KEY;
            assert_int_equal(readers[k](&r), 0);
            assert_int_equal(r.err, SELV_ERR_SUIT_KEY);
            assert_ptr_equal(r.p, scratch);
        }
    }
}

static void test_cbor_note(void **state)
{
    struct selv_cbor r = reader("00 20");

    (void)state;
    selv_cbor_note(&r, SELV_OK);
    assert_int_equal(r.err, SELV_OK);
    assert_int_equal(selv_cbor_get_uint(&r), 0);
    selv_cbor_note(&r, SELV_ERR_COSE_ALG);
    selv_cbor_note(&r, SELV_ERR_COSE_KEY);
    selv_cbor_note(&r, SELV_OK);
    assert_int_equal(r.err, SELV_ERR_COSE_ALG);
    assert_ptr_equal(r.p, scratch + 1);
    assert_int_equal(selv_cbor_get_int(&r), 0);
    selv_cbor_get_end(&r);
    assert_int_equal(r.err, SELV_ERR_COSE_ALG);
}

/* The reads that answer each error obey the one that is kept, too. */
static void test_cbor_answering_reads_see_the_kept_error(void **state)
{
    struct selv_cbor r = reader("00");
    uint64_t v = 7;

    (void)state;
    r.err = SELV_ERR_CBOR_RANGE;
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_ERR_CBOR_RANGE);
    assert_int_equal(v, 7);
    assert_ptr_equal(r.p, scratch);
    /* and they keep none themselves */
    r.err = SELV_OK;
    assert_int_equal(selv_cbor_tag(&r, &v), SELV_ERR_CBOR_TYPE);
    assert_int_equal(r.err, SELV_OK);
    assert_int_equal(selv_cbor_uint(&r, &v), SELV_OK);
    assert_int_equal(v, 0);
}

/* The loops that callers write: they end, at the item at fault. */
static void test_cbor_get_loops_end(void **state)
{
    struct selv_cbor r = reader("84 00 01 f6 03");
    uint32_t rounds = 0;
    struct selv_bytes previous = {NULL, 0};

    (void)state;
    for (uint32_t left = selv_cbor_get_array(&r); left > 0; left--) {
        (void)selv_cbor_get_uint(&r);
        rounds++;
    }
    assert_int_equal(rounds, 4);
    assert_int_equal(r.err, SELV_ERR_CBOR_TYPE);
    assert_ptr_equal(r.p, scratch + 3);

    r = reader("ba7fffffff 0000"); /* a count that cannot be */
    assert_int_equal(selv_cbor_get_map(&r), 0);
    assert_int_equal(r.err, SELV_ERR_CBOR_END);

    r = reader("a3 01 00 02 00 20 00");
    rounds = 0;
    for (uint32_t left = selv_cbor_get_map(&r); left > 0; left--) {
        static const int32_t want[] = {1, 2, -1};
        assert_int_equal(selv_cbor_get_key(&r, &previous), want[rounds++]);
        assert_int_equal(selv_cbor_get_uint(&r), 0);
    }
    selv_cbor_get_end(&r);
    assert_int_equal(r.err, SELV_OK);
}

/* Integer keys over all widths: every pair in and out of order. */
static void test_cbor_get_key_order(void **state)
{
    static const int32_t keys[] = {0,     1,      23,     24,       255, 256,
                                   65535, 65536,  -1,     -24,      -25, -256,
                                   -257,  -65536, -65537, INT32_MIN};
    const size_t count = sizeof(keys) / sizeof(keys[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct selv_bytes previous = {NULL, 0};
            struct selv_cbor_writer w;
            struct selv_cbor r;

            selv_cbor_writer_init(&w, scratch, sizeof(scratch));
            selv_cbor_put_int(&w, keys[i]);
            selv_cbor_put_int(&w, keys[k]);
            selv_cbor_init(&r, selv_bytes(scratch, w.len));
            assert_int_equal(selv_cbor_get_key(&r, &previous), keys[i]);
            assert_int_equal(selv_cbor_get_key(&r, &previous),
                             k > i ? keys[k] : 0);
            assert_int_equal(r.err, k > i    ? SELV_OK
                                    : k == i ? SELV_ERR_CBOR_DUPLICATE
                                             : SELV_ERR_CBOR_ORDER);
        }
    }
}

static void test_cbor_get_empty_view(void **state)
{
    struct selv_cbor r;

    (void)state;
    selv_cbor_init(&r, selv_bytes(NULL, 0));
    assert_int_equal(selv_cbor_get_bstr(&r).len, 0);
    assert_int_equal(r.err, SELV_ERR_CBOR_END);
    selv_cbor_init(&r, selv_bytes(NULL, 0));
    assert_int_equal(selv_cbor_get_item(&r).len, 0);
    assert_int_equal(r.err, SELV_ERR_CBOR_END);
    selv_cbor_init(&r, selv_bytes(NULL, 0));
    selv_cbor_get_end(&r);
    assert_int_equal(r.err, SELV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_get_rows),
        cmocka_unit_test(test_cbor_get_first_error_stays),
        cmocka_unit_test(test_cbor_note),
        cmocka_unit_test(test_cbor_answering_reads_see_the_kept_error),
        cmocka_unit_test(test_cbor_get_loops_end),
        cmocka_unit_test(test_cbor_get_key_order),
        cmocka_unit_test(test_cbor_get_empty_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
