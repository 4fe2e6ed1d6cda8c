/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"
#include "test/unit/hex.h"

#define TEMPERATURE "bb74656d7065726174757265"
#define DEGREES "ff32322e332043" /* "22.3 C" */

/* ---- good ones --------------------------------------------------------- */

static void test_coap_parse_rfc7252_appendix_a(void **state)
{
    uint8_t buf[64];
    struct selv_coap_msg m;
    struct selv_bytes segment = {NULL, 0};
    (void)state;

    struct selv_bytes in = hex("40017d34" TEMPERATURE, buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.type, SELV_COAP_CON);
    assert_int_equal(m.code, SELV_COAP_GET);
    assert_int_equal(m.mid, 0x7d34);
    assert_int_equal(m.token.len, 0);
    assert_int_equal(m.payload.len, 0);
    assert_true(selv_coap_path_match(&m, "temperature", NULL));
    assert_true(selv_coap_path_match(&m, "*", &segment));
    assert_int_equal(segment.len, 11);

    in = hex("60457d34" DEGREES, buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.type, SELV_COAP_ACK);
    assert_int_equal(m.code, SELV_COAP_CONTENT);
    assert_int_equal(m.payload.len, 6);
    assert_memory_equal(m.payload.p, "22.3 C", 6);

    in = hex("41017d3520" TEMPERATURE, buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.token.len, 1);
    assert_int_equal(m.token.p[0], 0x20);

    in = hex("61457d3520" DEGREES, buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.token.p[0], 0x20);

    in = hex("60007d38", buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.code, SELV_COAP_EMPTY);
}

static void test_coap_parse_decodes_options(void **state)
{
    /* ETag a1a2, Observe 5, Content-Format 60, Max-Age 0, Accept 40,
     * Block2 3/1/64, Block1 1/0/1024, Size2 1000, Size1 70000 */
    static const char text[] = "4002000142a1a2 2105 613c 20 3128 613a 4116 "
                               "1203e8 d3 13 011170 ff00";
    uint8_t buf[64];
    struct selv_coap_msg m;
    (void)state;
    assert_int_equal(selv_coap_parse(hex(text, buf, sizeof buf), &m), SELV_OK);
    assert_int_equal(m.has, SELV_COAP_HAS_ETAG | SELV_COAP_HAS_OBSERVE |
                                SELV_COAP_HAS_CONTENT_FORMAT |
                                SELV_COAP_HAS_MAX_AGE | SELV_COAP_HAS_ACCEPT |
                                SELV_COAP_HAS_BLOCK2 | SELV_COAP_HAS_BLOCK1 |
                                SELV_COAP_HAS_SIZE2 | SELV_COAP_HAS_SIZE1);
    assert_int_equal(m.etag.len, 2);
    assert_int_equal(m.etag.p[1], 0xa2);
    assert_int_equal(m.observe, 5);
    assert_int_equal(m.content_format, SELV_COAP_CBOR);
    assert_int_equal(m.max_age, 0);
    assert_int_equal(m.accept, SELV_COAP_LINK_FORMAT);
    assert_int_equal(m.block2.num, 3);
    assert_true(m.block2.more);
    assert_int_equal(m.block2.szx, 2);
    assert_int_equal(m.block1.num, 1);
    assert_false(m.block1.more);
    assert_int_equal(m.block1.szx, 6);
    assert_int_equal(m.size2, 1000);
    assert_int_equal(m.size1, 70000);
    assert_int_equal(m.payload.len, 1);
}

static void test_coap_parse_defaults(void **state)
{
    uint8_t buf[8];
    struct selv_coap_msg m;
    (void)state;
    assert_int_equal(selv_coap_parse(hex("40010000", buf, sizeof buf), &m),
                     SELV_OK);
    assert_int_equal(m.content_format, SELV_COAP_NO_FORMAT);
    assert_int_equal(m.accept, SELV_COAP_NO_FORMAT);
    assert_int_equal(m.max_age, 60);
    assert_int_equal(m.has, 0);
}

/* ---- bad ones ---------------------------------------------------------- */

static void test_coap_parse_table(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        enum selv_err err;
        uint16_t bad_option;
    } rows[] = {
        {"empty datagram", "", SELV_ERR_COAP_FORMAT, 0},
        {"three bytes", "400100", SELV_ERR_COAP_FORMAT, 0},
        {"version 0", "00010000", SELV_ERR_COAP_FORMAT, 0},
        {"version 2", "80010000", SELV_ERR_COAP_FORMAT, 0},
        {"version 3", "c0010000", SELV_ERR_COAP_FORMAT, 0},
        {"token 8", "48010000 0102030405060708", SELV_OK, 0},
        {"token 9", "49010000 010203040506070809", SELV_ERR_COAP_FORMAT, 0},
        {"token 15", "4f010000 0102030405060708090a0b0c0d0e0f",
         SELV_ERR_COAP_FORMAT, 0},
        {"token cut", "44010000 010203", SELV_ERR_COAP_FORMAT, 0},
        {"empty, token", "4100000001", SELV_ERR_COAP_FORMAT, 0},
        {"empty, option", "40000000b161", SELV_ERR_COAP_FORMAT, 0},
        {"empty, payload", "40000000ff61", SELV_ERR_COAP_FORMAT, 0},
        {"marker alone", "40010000ff", SELV_ERR_COAP_FORMAT, 0},
        {"marker after option", "40010000b161ff", SELV_ERR_COAP_FORMAT, 0},
        {"payload of markers", "40010000ffff", SELV_OK, 0},
        {"delta 15", "40010000f0", SELV_ERR_COAP_FORMAT, 0},
        {"delta 15, length 1", "40010000f161", SELV_ERR_COAP_FORMAT, 0},
        {"length 15", "40010000bf61", SELV_ERR_COAP_FORMAT, 0},
        {"delta ext missing", "40010000d0", SELV_ERR_COAP_FORMAT, 0},
        {"delta ext half", "40010000e000", SELV_ERR_COAP_FORMAT, 0},
        {"length ext missing", "400100000d", SELV_ERR_COAP_FORMAT, 0},
        {"length ext half", "400100000e00", SELV_ERR_COAP_FORMAT, 0},
        {"value cut", "40010000b36162", SELV_ERR_COAP_FORMAT, 0},
        {"value cut, ext", "40010000bd0061", SELV_ERR_COAP_FORMAT, 0},
        {"length 65804", "40010000beffff61", SELV_ERR_COAP_FORMAT, 0},
        {"number 65535", "40010000e0fef2", SELV_ERR_COAP_OPTION, 65535},
        {"number 65534", "40010000e0fef1", SELV_OK, 0},
        {"number 65536", "40010000e0fef3", SELV_ERR_COAP_FORMAT, 0},
        {"number sum 65536", "40010000e0fef120", SELV_ERR_COAP_FORMAT, 0},
        {"unknown critical 9", "4001000090", SELV_ERR_COAP_OPTION, 9},
        {"unknown elective 2", "4001000020", SELV_OK, 0},
        {"two unknown: first", "4001000090 20", SELV_ERR_COAP_OPTION, 9},
        {"if-match", "4001000010", SELV_ERR_COAP_OPTION, 1},
        {"if-none-match", "4001000050", SELV_ERR_COAP_OPTION, 5},
        {"q-block1", "40010000d0 06", SELV_ERR_COAP_OPTION, 19},
        {"uri-host empty", "4001000030", SELV_ERR_COAP_OPTION, 3},
        {"uri-host twice", "400100003161 0161", SELV_ERR_COAP_OPTION, 3},
        {"uri-port 3 bytes", "4001000073010203", SELV_ERR_COAP_OPTION, 7},
        {"accept 3 bytes", "40010000d304010203", SELV_ERR_COAP_OPTION, 17},
        {"accept twice", "40010000d104 01 0102", SELV_ERR_COAP_OPTION, 17},
        {"block2 4 bytes", "40010000d40a01020304", SELV_ERR_COAP_OPTION, 23},
        {"block2 twice", "40010000d10a 06 0106", SELV_ERR_COAP_OPTION, 23},
        {"block1 4 bytes", "40010000d40e01020304", SELV_ERR_COAP_OPTION, 27},
        {"etag empty", "4001000040", SELV_OK, 0},
        {"etag 9", "4001000049010203040506070809", SELV_OK, 0},
        {"observe 4", "400100006401020304", SELV_OK, 0},
        {"observe twice", "400100006101 0102", SELV_OK, 0},
        {"size1 5", "40010000d52f0102030405", SELV_OK, 0},
        {"bad option, then cut", "4001000090 b5", SELV_ERR_COAP_FORMAT, 9},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buf[64];
        struct selv_coap_msg m;
        enum selv_err err =
            selv_coap_parse(hex(rows[i].text, buf, sizeof buf), &m);
        if (err != rows[i].err || m.bad_option != rows[i].bad_option) {
            fail_msg("%s: error %d, option %u", rows[i].name, err,
                     m.bad_option);
        }
    }
}

static void test_coap_parse_malformed_elective_is_absent(void **state)
{
    uint8_t buf[32];
    struct selv_coap_msg m;
    (void)state;
    /* an ETag of 9 bytes, then a good one */
    struct selv_bytes in =
        hex("4001000049010203040506070809 0155", buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.etag.len, 1);
    assert_int_equal(m.etag.p[0], 0x55);
    /* the second Observe does not count */
    in = hex("400100006101 0102", buf, sizeof buf);
    assert_int_equal(selv_coap_parse(in, &m), SELV_OK);
    assert_int_equal(m.observe, 1);
}

/* A format error still says whom to answer, unless the version is foreign. */
static void test_coap_parse_format_error_keeps_head(void **state)
{
    uint8_t buf[8];
    struct selv_coap_msg m;
    (void)state;
    assert_int_equal(selv_coap_parse(hex("4f011234", buf, sizeof buf), &m),
                     SELV_ERR_COAP_FORMAT);
    assert_int_equal(m.type, SELV_COAP_CON);
    assert_int_equal(m.mid, 0x1234);
    assert_int_equal(selv_coap_parse(hex("8f011234", buf, sizeof buf), &m),
                     SELV_ERR_COAP_FORMAT);
    assert_int_equal(m.type, SELV_COAP_ACK);
}

/* ---- every cut, every bit ------------------------------------------------ */

/* What must hold of any bytes. In a heap block of its own, so that the
 * sanitizer sees a read past the end. */
static void probe(const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p, len);
    struct selv_coap_msg m;
    struct selv_coap_opt o;
    enum selv_err err = selv_coap_parse(selv_bytes(copy, len), &m);
    if (err != SELV_ERR_COAP_FORMAT) {
        size_t sum = 4 + m.token.len + m.options.len + m.payload.len;
        assert_int_equal(sum + (m.payload.len > 0 ? 1 : 0), len);
        assert_int_equal(err == SELV_ERR_COAP_OPTION, m.bad_option != 0);
        selv_coap_opt_begin(&m, &o);
        uint16_t last = 0;
        while (selv_coap_opt_next(&o)) {
            assert_true(o.number >= last);
            last = o.number;
        }
        assert_int_equal(o.rest.len, 0);
    }
    free(copy);
}

static void test_coap_parse_survives_cuts_and_flips(void **state)
{
    static const char *const samples[] = {
        "40017d34" TEMPERATURE,
        "61457d3520" DEGREES,
        "4002000142a1a22105613c203128613a41161203e8d313011170ff00",
        "44031234deadbeef 42aabb b0 0178 4d 02 3132333435363738393a3b3c3d3e3f "
        "110c d1 06 0e e2 00fc 0102 ff616263",
        "68450001 0102030405060708 48 1112131415161718 d2030c3c c10e 5120 ff01",
    };
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint8_t buf[128];
        struct selv_bytes in = hex(samples[i], buf, sizeof buf);
        for (size_t cut = 0; cut <= in.len; cut++) {
            probe(buf, cut);
            for (size_t bit = 0; bit < cut * 8; bit++) {
                buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
                probe(buf, cut);
                buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
    }
}

/* ---- writing ------------------------------------------------------------- */

static void test_coap_write_is_what_parse_reads(void **state)
{
    static uint8_t long_value[700];
    static const uint16_t numbers[] = {0,   1,   12,  13,    14,    268,
                                       269, 270, 300, 65000, 65534, 65535};
    static const size_t lens[] = {0, 1, 12, 13, 14, 268, 269, 270, 700};
    static uint8_t buf[2048];
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
            struct selv_coap_writer w;
            struct selv_coap_msg m;
            struct selv_coap_opt o;
            size_t len = 0;
            selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_NON,
                                  SELV_COAP_POST, 0xbeef, selv_bytes("tok", 3));
            selv_coap_write_opt(&w, numbers[i],
                                selv_bytes(long_value, lens[k]));
            selv_coap_write_opt(&w, 65535, selv_bytes("end", 3));
            selv_coap_write_payload(&w, selv_bytes("body", 4));
            assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
            assert_int_not_equal(selv_coap_parse(selv_bytes(buf, len), &m),
                                 SELV_ERR_COAP_FORMAT);
            assert_int_equal(m.mid, 0xbeef);
            assert_memory_equal(m.token.p, "tok", 3);
            assert_memory_equal(m.payload.p, "body", 4);
            selv_coap_opt_begin(&m, &o);
            assert_true(selv_coap_opt_next(&o));
            assert_int_equal(o.number, numbers[i]);
            assert_int_equal(o.value.len, lens[k]);
            assert_true(selv_coap_opt_next(&o));
            assert_int_equal(o.number, 65535);
            assert_false(selv_coap_opt_next(&o));
        }
    }
}

static void test_coap_write_uint_is_shortest(void **state)
{
    static const struct {
        uint32_t v;
        size_t len;
    } rows[] = {{0, 0},     {1, 1},         {255, 1},      {256, 2},
                {65535, 2}, {65536, 3},     {0xffffff, 3}, {0x1000000, 4},
                {60, 1},    {UINT32_MAX, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buf[32];
        struct selv_coap_writer w;
        struct selv_coap_msg m;
        struct selv_coap_opt o;
        uint32_t v = 1;
        size_t len = 0;
        selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_CON, 1, 1,
                              selv_bytes(NULL, 0));
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE1, rows[i].v);
        assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
        assert_int_equal(selv_coap_parse(selv_bytes(buf, len), &m), SELV_OK);
        assert_int_equal(m.size1, rows[i].v);
        selv_coap_opt_begin(&m, &o);
        assert_true(selv_coap_opt_next(&o));
        assert_int_equal(o.value.len, rows[i].len);
        assert_true(selv_coap_opt_uint(o.value, &v));
        assert_int_equal(v, rows[i].v);
    }
    uint32_t v = 7;
    assert_false(selv_coap_opt_uint(selv_bytes("\0\0\0\0\1", 5), &v));
    assert_int_equal(v, 7);
    assert_true(selv_coap_opt_uint(selv_bytes("\0\0\1", 3), &v));
    assert_int_equal(v, 1);
}

static void begin(struct selv_coap_writer *w, uint8_t *p, size_t cap)
{
    selv_coap_write_begin(w, p, cap, SELV_COAP_CON, SELV_COAP_GET, 1,
                          selv_bytes("t", 1));
}

static void test_coap_write_keeps_first_error(void **state)
{
    uint8_t buf[32];
    struct selv_coap_writer w;
    size_t len = 99;
    (void)state;

    begin(&w, buf, sizeof buf);
    selv_coap_write_uint(&w, 12, 0);
    selv_coap_write_uint(&w, 11, 0); /* goes back */
    selv_coap_write_payload(&w, selv_bytes(buf, 1000));
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);
    assert_int_equal(len, 99);

    begin(&w, buf, sizeof buf);
    selv_coap_write_payload(&w, selv_bytes("x", 1));
    selv_coap_write_uint(&w, 12, 0); /* after the payload */
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);

    begin(&w, buf, sizeof buf);
    selv_coap_write_payload(&w, selv_bytes("x", 1));
    assert_null(selv_coap_write_reserve(&w, 1)); /* a second payload */
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);

    begin(&w, buf, sizeof buf);
    struct selv_coap_block far = {SELV_COAP_BLOCK_NUM_MAX + 1, 0, false};
    selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &far);
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);

    begin(&w, buf, sizeof buf);
    struct selv_coap_block large = {0, 8, false};
    selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &large);
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);

    selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_CON, 1, 1,
                          selv_bytes("123456789", 9));
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_ERR_ARG);
}

/* Every capacity below what is needed is refused, and nothing is written
 * beyond it. */
static void test_coap_write_space(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 24; cap++) {
        uint8_t *p = malloc(cap > 0 ? cap : 1);
        struct selv_coap_writer w;
        size_t len = 0;
        assert_non_null(p);
        begin(&w, p, cap);
        selv_coap_write_path(&w, selv_bytes("ab/c", 4));
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE1, 300);
        selv_coap_write_payload(&w, selv_bytes("body", 4));
        /* 5 head, 3 + 2 path, 2 + 2 size1, 1 + 4 payload */
        assert_int_equal(selv_coap_write_end(&w, &len),
                         cap < 19 ? SELV_ERR_SPACE : SELV_OK);
        assert_int_equal(len, cap < 19 ? 0 : 19);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_parse_rfc7252_appendix_a),
        cmocka_unit_test(test_coap_parse_decodes_options),
        cmocka_unit_test(test_coap_parse_defaults),
        cmocka_unit_test(test_coap_parse_table),
        cmocka_unit_test(test_coap_parse_malformed_elective_is_absent),
        cmocka_unit_test(test_coap_parse_format_error_keeps_head),
        cmocka_unit_test(test_coap_parse_survives_cuts_and_flips),
        cmocka_unit_test(test_coap_write_is_what_parse_reads),
        cmocka_unit_test(test_coap_write_uint_is_shortest),
        cmocka_unit_test(test_coap_write_keeps_first_error),
        cmocka_unit_test(test_coap_write_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
