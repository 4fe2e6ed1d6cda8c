/* SPDX-License-Identifier: Apache-2.0
 *
 * Every example of [RFC 8949 A], and malformed items after [RFC 8949 F]:
 * those in deterministic encoding, floats of any width among them, are
 * accepted and written back equal, the others refused with the error that says
 * why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/cbor_transcode.h"
#include "test/unit/hex.h"

struct vector {
    const char *hex;
    enum selv_err err;
};

/* In the order of the appendix. */
static const struct vector appendix_a[] = {
    {"00", SELV_OK},
    {"01", SELV_OK},
    {"0a", SELV_OK},
    {"17", SELV_OK},
    {"1818", SELV_OK},
    {"1819", SELV_OK},
    {"1864", SELV_OK},
    {"1903e8", SELV_OK},
    {"1a000f4240", SELV_OK},
    {"1b000000e8d4a51000", SELV_OK},
    {"1bffffffffffffffff", SELV_OK},
    {"c249010000000000000000", SELV_OK},
    {"3bffffffffffffffff", SELV_OK},
    {"c349010000000000000000", SELV_OK},
    {"20", SELV_OK},
    {"29", SELV_OK},
    {"3863", SELV_OK},
    {"3903e7", SELV_OK},
    {"f90000", SELV_OK},
    {"f98000", SELV_OK},
    {"f93c00", SELV_OK},
    {"fb3ff199999999999a", SELV_OK},
    {"f93e00", SELV_OK},
    {"f97bff", SELV_OK},
    {"fa47c35000", SELV_OK},
    {"fa7f7fffff", SELV_OK},
    {"fb7e37e43c8800759c", SELV_OK},
    {"f90001", SELV_OK},
    {"f90400", SELV_OK},
    {"f9c400", SELV_OK},
    {"fbc010666666666666", SELV_OK},
    {"f97c00", SELV_OK},
    {"f97e00", SELV_OK},
    {"f9fc00", SELV_OK},
    {"fa7f800000", SELV_OK},
    {"fa7fc00000", SELV_OK},
    {"faff800000", SELV_OK},
    {"fb7ff0000000000000", SELV_OK},
    {"fb7ff8000000000000", SELV_OK},
    {"fbfff0000000000000", SELV_OK},
    {"f4", SELV_OK},
    {"f5", SELV_OK},
    {"f6", SELV_OK},
    {"f7", SELV_OK},
    {"f0", SELV_OK},
    {"f8ff", SELV_OK},
    {"c074323031332d30332d32315432303a30343a30305a", SELV_OK},
    {"c11a514b67b0", SELV_OK},
    {"c1fb41d452d9ec200000", SELV_OK},
    {"d74401020304", SELV_OK},
    {"d818456449455446", SELV_OK},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", SELV_OK},
    {"40", SELV_OK},
    {"4401020304", SELV_OK},
    {"60", SELV_OK},
    {"6161", SELV_OK},
    {"6449455446", SELV_OK},
    {"62225c", SELV_OK},
    {"62c3bc", SELV_OK},
    {"63e6b0b4", SELV_OK},
    {"64f0908591", SELV_OK},
    {"80", SELV_OK},
    {"83010203", SELV_OK},
    {"8301820203820405", SELV_OK},
    {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", SELV_OK},
    {"a0", SELV_OK},
    {"a201020304", SELV_OK},
    {"a26161016162820203", SELV_OK},
    {"826161a161626163", SELV_OK},
    {"a56161614161626142616361436164614461656145", SELV_OK},
    {"5f42010243030405ff", SELV_ERR_CBOR_INDEFINITE},
    {"7f657374726561646d696e67ff", SELV_ERR_CBOR_INDEFINITE},
    {"9fff", SELV_ERR_CBOR_INDEFINITE},
    {"9f018202039f0405ffff", SELV_ERR_CBOR_INDEFINITE},
    {"9f01820203820405ff", SELV_ERR_CBOR_INDEFINITE},
    {"83018202039f0405ff", SELV_ERR_CBOR_INDEFINITE},
    {"83019f0203ff820405", SELV_ERR_CBOR_INDEFINITE},
    {"9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
     SELV_ERR_CBOR_INDEFINITE},
    {"bf61610161629f0203ffff", SELV_ERR_CBOR_INDEFINITE},
    {"826161bf61626163ff", SELV_ERR_CBOR_INDEFINITE},
    {"bf6346756ef563416d7421ff", SELV_ERR_CBOR_INDEFINITE},
};

static const struct vector refused[] = {
    /* the bytes end inside a head, a string, an array, a map, a tag */
    {"", SELV_ERR_CBOR_END},
    {"18", SELV_ERR_CBOR_END},
    {"19", SELV_ERR_CBOR_END},
    {"1903", SELV_ERR_CBOR_END},
    {"1a000102", SELV_ERR_CBOR_END},
    {"1b01020304050607", SELV_ERR_CBOR_END},
    {"38", SELV_ERR_CBOR_END},
    {"58", SELV_ERR_CBOR_END},
    {"d8", SELV_ERR_CBOR_END},
    {"f8", SELV_ERR_CBOR_END},
    {"f900", SELV_ERR_CBOR_END},
    {"fa0000", SELV_ERR_CBOR_END},
    {"fb000000", SELV_ERR_CBOR_END},
    {"41", SELV_ERR_CBOR_END},
    {"61", SELV_ERR_CBOR_END},
    {"5affffffff00", SELV_ERR_CBOR_END},
    {"5bffffffffffffffff010203", SELV_ERR_CBOR_END},
    {"7affffffff00", SELV_ERR_CBOR_END},
    {"7b7fffffffffffffff010203", SELV_ERR_CBOR_END},
    {"81", SELV_ERR_CBOR_END},
    {"8200", SELV_ERR_CBOR_END},
    {"818181818181", SELV_ERR_CBOR_END},
    {"a1", SELV_ERR_CBOR_END},
    {"a101", SELV_ERR_CBOR_END},
    {"a20102", SELV_ERR_CBOR_END},
    {"a2000000", SELV_ERR_CBOR_END},
    {"c0", SELV_ERR_CBOR_END},
    /* counts that the input could never hold */
    {"9affffffff00", SELV_ERR_CBOR_END},
    {"9bffffffffffffffff00", SELV_ERR_CBOR_END},
    {"baffffffff0000", SELV_ERR_CBOR_END},
    {"bb80000000000000000000", SELV_ERR_CBOR_END},
    {"bbffffffffffffffff0000", SELV_ERR_CBOR_END},
    /* reserved additional information */
    {"1c", SELV_ERR_CBOR_RESERVED},
    {"1d", SELV_ERR_CBOR_RESERVED},
    {"1e", SELV_ERR_CBOR_RESERVED},
    {"3c", SELV_ERR_CBOR_RESERVED},
    {"5d", SELV_ERR_CBOR_RESERVED},
    {"7e", SELV_ERR_CBOR_RESERVED},
    {"9c", SELV_ERR_CBOR_RESERVED},
    {"bd", SELV_ERR_CBOR_RESERVED},
    {"de", SELV_ERR_CBOR_RESERVED},
    {"fc", SELV_ERR_CBOR_RESERVED},
    {"fe", SELV_ERR_CBOR_RESERVED},
    /* no such thing [3.2.1]; additional information 31 says it all the same */
    {"1f", SELV_ERR_CBOR_INDEFINITE},
    {"3f", SELV_ERR_CBOR_INDEFINITE},
    {"df00", SELV_ERR_CBOR_INDEFINITE},
    /* two-byte simple values below 32 */
    {"f800", SELV_ERR_CBOR_NONMINIMAL},
    {"f814", SELV_ERR_CBOR_NONMINIMAL},
    {"f818", SELV_ERR_CBOR_NONMINIMAL},
    {"f81f", SELV_ERR_CBOR_NONMINIMAL},
    /* a break that ends nothing */
    {"ff", SELV_ERR_CBOR_INDEFINITE},
    {"81ff", SELV_ERR_CBOR_INDEFINITE},
    {"a1ff00", SELV_ERR_CBOR_INDEFINITE},
    {"a100ff", SELV_ERR_CBOR_INDEFINITE},
    {"c0ff", SELV_ERR_CBOR_INDEFINITE},
    /* longer heads than needed, each width, each type */
    {"1800", SELV_ERR_CBOR_NONMINIMAL},
    {"1817", SELV_ERR_CBOR_NONMINIMAL},
    {"190000", SELV_ERR_CBOR_NONMINIMAL},
    {"1900ff", SELV_ERR_CBOR_NONMINIMAL},
    {"1a0000ffff", SELV_ERR_CBOR_NONMINIMAL},
    {"1b00000000ffffffff", SELV_ERR_CBOR_NONMINIMAL},
    {"3817", SELV_ERR_CBOR_NONMINIMAL},
    {"3900ff", SELV_ERR_CBOR_NONMINIMAL},
    {"3a0000ffff", SELV_ERR_CBOR_NONMINIMAL},
    {"3b00000000ffffffff", SELV_ERR_CBOR_NONMINIMAL},
    {"580100", SELV_ERR_CBOR_NONMINIMAL},
    {"7800", SELV_ERR_CBOR_NONMINIMAL},
    {"980100", SELV_ERR_CBOR_NONMINIMAL},
    {"b8010000", SELV_ERR_CBOR_NONMINIMAL},
    {"d81700", SELV_ERR_CBOR_NONMINIMAL},
    {"d900ff00", SELV_ERR_CBOR_NONMINIMAL},
    /* map keys out of order [4.2.1], the length-first order of RFC 7049
     * included, nested maps and keys that are themselves nested */
    {"a201000000", SELV_ERR_CBOR_ORDER},
    {"a220000000", SELV_ERR_CBOR_ORDER},
    {"a26161000100", SELV_ERR_CBOR_ORDER},
    {"a220001818 00", SELV_ERR_CBOR_ORDER},
    {"81a201000000", SELV_ERR_CBOR_ORDER},
    {"a100a201000000", SELV_ERR_CBOR_ORDER},
    {"a1a2010000 00 00", SELV_ERR_CBOR_ORDER},
    {"a28102008101 00", SELV_ERR_CBOR_ORDER},
    {"a2820000008100 00", SELV_ERR_CBOR_ORDER},
    {"d82aa201000000", SELV_ERR_CBOR_ORDER},
    {"a200000000", SELV_ERR_CBOR_DUPLICATE},
    {"a26161006161 00", SELV_ERR_CBOR_DUPLICATE},
    {"a281000081 00 00", SELV_ERR_CBOR_DUPLICATE},
    {"a340004000", SELV_ERR_CBOR_END},
    {"a34000404100 00", SELV_ERR_CBOR_DUPLICATE},
    {"a300000100 01 00", SELV_ERR_CBOR_DUPLICATE},
};

static const struct vector accepted[] = {
    /* the edges of each head width */
    {"18ff", SELV_OK},
    {"190100", SELV_OK},
    {"19ffff", SELV_OK},
    {"1a00010000", SELV_OK},
    {"1affffffff", SELV_OK},
    {"1b0000000100000000", SELV_OK},
    {"37", SELV_OK},
    {"3818", SELV_OK},
    {"3a7fffffff", SELV_OK},
    {"3a80000000", SELV_OK},
    {"f820", SELV_OK},
    {"e0", SELV_OK},
    /* UTF-8 at the edges of its ranges */
    {"6100", SELV_OK},
    {"617f", SELV_OK},
    {"62c280", SELV_OK},
    {"62dfbf", SELV_OK},
    {"63e0a080", SELV_OK},
    {"63ed9fbf", SELV_OK},
    {"63ee8080", SELV_OK},
    {"63efbfbf", SELV_OK},
    {"64f0908080", SELV_OK},
    {"64f48fbfbf", SELV_OK},
    /* canonical key order across types and lengths */
    {"a4 0a00 186400 2000 617a00", SELV_OK},
    {"a3 4000 4100 00 6000", SELV_OK},
    {"a2 8100 00 8101 00", SELV_OK},
    {"a2 8100 00 820000 00", SELV_OK},
    {"a1 a2 0000 0100 a2 0000 0100", SELV_OK},
    {"a2 f400 f500", SELV_OK},
    /* empty containers as the last item of a container */
    {"8280a0", SELV_OK},
    {"a10080", SELV_OK},
    {"a18000", SELV_OK},
    /* floats that a narrower form holds without loss: not judged */
    {"fa00000000", SELV_OK},
    {"fa80000000", SELV_OK},
    {"fa3f800000", SELV_OK},
    {"fa477fe000", SELV_OK}, /* 65504, the largest half */
    {"fa38800000", SELV_OK}, /* 2^-14 */
    {"fa33800000", SELV_OK}, /* 2^-24, the smallest half */
    {"fa387fc000", SELV_OK}, /* largest subnormal half */
    {"fb3ff0000000000000", SELV_OK},
    {"fb0000000000000000", SELV_OK},
    {"fb47efffffe0000000", SELV_OK}, /* largest single */
    {"fb36a0000000000000", SELV_OK}, /* 2^-149 */
    /* floats that no narrower form holds */
    {"fa3f800001", SELV_OK},
    {"fa47800000", SELV_OK}, /* 65536 */
    {"fa33000000", SELV_OK}, /* 2^-25 */
    {"fa33c00000", SELV_OK}, /* 1.5 * 2^-24 */
    {"fa387fe000", SELV_OK}, /* half way between two subnormal halves */
    {"fa00000001", SELV_OK}, /* smallest single */
    {"fb0000000000000001", SELV_OK},
    {"fb47f0000000000000", SELV_OK}, /* 2^128 */
    {"fb3690000000000000", SELV_OK}, /* 2^-150 */
    {"fa7f800001", SELV_OK},         /* a NaN whose payload needs 23 bits */
};

/* Text that is not UTF-8 [RFC 3629]: stray tail, overlong, surrogate, above
 * U+10FFFF, cut short. Skip does not look into strings. */
static const char *const not_utf8[] = {
    "6180",       "61ff",       "61c3",       "62c328",
    "62c080",     "62c1bf",     "63e08080",   "63e09fbf",
    "63eda080",   "63edbfbf",   "62e6b0",     "64f0808080",
    "64f08fbfbf", "64f4908080", "64f5808080", "63f09085",
};

static void vector_check(const struct vector *v)
{
    uint8_t in[128];
    uint8_t out[128];
    struct selv_bytes bytes = hex(v->hex, in, sizeof(in));
    struct selv_bytes item = {NULL, 99};
    struct selv_bytes again;
    struct selv_cbor r;
    enum selv_err err;

    selv_cbor_init(&r, bytes);
    err = selv_cbor_skip(&r, &item);
    if (err != v->err) {
        fail_msg("%s: got %s, want %s", v->hex, selv_err_name(err),
                 selv_err_name(v->err));
    }
    if (err) {
        assert_ptr_equal(r.p, bytes.p);
        assert_int_equal(item.len, 99);
        return;
    }
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    assert_true(selv_bytes_equal(item, bytes));
    assert_int_equal(cbor_transcode(bytes, out, sizeof(out), &again), SELV_OK);
    assert_true(selv_bytes_equal(again, bytes));
}

#define CHECK_ALL(table)                                                       \
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {            \
        vector_check(&table[i]);                                               \
    }

static void test_cbor_appendix_a_vectors(void **state)
{
    (void)state;
    CHECK_ALL(appendix_a);
}

static void test_cbor_refused_vectors(void **state)
{
    (void)state;
    CHECK_ALL(refused);
}

static void test_cbor_accepted_vectors(void **state)
{
    (void)state;
    CHECK_ALL(accepted);
}

static void test_cbor_text_is_utf8_where_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(not_utf8) / sizeof(not_utf8[0]); i++) {
        uint8_t in[8];
        struct selv_bytes text = {NULL, 99};
        struct selv_cbor r;

        selv_cbor_init(&r, hex(not_utf8[i], in, sizeof(in)));
        assert_int_equal(selv_cbor_tstr(&r, &text), SELV_ERR_CBOR_UTF8);
        assert_ptr_equal(r.p, in);
        assert_int_equal(text.len, 99);
        assert_int_equal(selv_cbor_skip(&r, &text), SELV_OK);
        assert_int_equal(selv_cbor_end(&r), SELV_OK);
    }
}

/* Every string of two and three bytes, by number: pairs of ASCII, the 1,920
 * characters of two bytes, the 61,440 of three (surrogates are none). */
static void test_cbor_utf8_exhaustive(void **state)
{
    uint32_t good[2] = {0, 0};

    (void)state;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        uint8_t in[4] = {0x63, (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                         (uint8_t)v};
        struct selv_cbor r;
        struct selv_bytes text;

        selv_cbor_init(&r, selv_bytes(in, sizeof(in)));
        good[1] += selv_cbor_tstr(&r, &text) == SELV_OK;
        if (v < 1u << 16) {
            in[0] = 0x62;
            in[1] = (uint8_t)(v >> 8);
            in[2] = (uint8_t)v;
            selv_cbor_init(&r, selv_bytes(in, 3));
            good[0] += selv_cbor_tstr(&r, &text) == SELV_OK;
        }
    }
    assert_int_equal(good[0], 128 * 128 + 1920);
    assert_int_equal(good[1], 128 * 128 * 128 + 2 * 128 * 1920 + 61440);
}

/* Every string of a lead byte from F0 on, any two bytes, and a last one at
 * each edge: the 16 planes above the first, an even part of each. */
static void test_cbor_utf8_four_bytes(void **state)
{
    static const uint8_t last[] = {0x7f, 0x80, 0xbf, 0xc0};
    uint32_t good = 0;

    (void)state;
    for (uint32_t v = 0xf00000; v < 1u << 24; v++) {
        for (size_t i = 0; i < sizeof(last); i++) {
            uint8_t in[5] = {0x64, (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                             (uint8_t)v, last[i]};
            struct selv_cbor r;
            struct selv_bytes text;

            selv_cbor_init(&r, selv_bytes(in, sizeof(in)));
            good += selv_cbor_tstr(&r, &text) == SELV_OK;
        }
    }
    assert_int_equal(good, 0x100000 / 64 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_appendix_a_vectors),
        cmocka_unit_test(test_cbor_refused_vectors),
        cmocka_unit_test(test_cbor_accepted_vectors),
        cmocka_unit_test(test_cbor_text_is_utf8_where_read),
        cmocka_unit_test(test_cbor_utf8_exhaustive),
        cmocka_unit_test(test_cbor_utf8_four_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
