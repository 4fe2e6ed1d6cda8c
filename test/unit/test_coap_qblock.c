/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "coap/qblock.h"

#define B(...)                                                                 \
    {                                                                          \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) \
    }

static const struct selv_coap_peer peer = {3, {1, 2, 3}};
static const uint8_t random8[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* ---- the options --------------------------------------------------------- */

/* A GET with these options behind its token-less head. */
static uint8_t read_options(const uint8_t *p, size_t len,
                            struct selv_coap_qblock *q)
{
    uint8_t datagram[128] = {0x40, SELV_COAP_GET, 0, 1};
    struct selv_coap_msg m;
    assert_true(len <= sizeof datagram - 4);
    memcpy(datagram + 4, p, len);
    assert_int_equal(selv_coap_parse_knowing(selv_bytes(datagram, 4 + len),
                                             selv_coap_qblock_options, 2, &m),
                     SELV_OK);
    return selv_coap_qblock_read(&m, q);
}

static void test_coap_qblock_options(void **state)
{
    (void)state;
    const struct {
        struct selv_bytes options;
        uint8_t code;
        bool has_q1;
        uint8_t q2_count;
        uint32_t num;
        uint8_t szx;
        bool more;
    } rows[] = {
        {B(0xd0, 10), 0, false, 0, 0, 0, false}, /* Block2 alone */
        {B(0xd0, 6), 0, true, 0, 0, 0, false},   /* empty: 0/0/16 */
        {B(0xd1, 6, 0x0e), 0, true, 0, 0, 6, true},
        {B(0xd3, 6, 0xff, 0xff, 0xfe), 0, true, 0, 0xfffff, 6, true},
        {B(0xd4, 6, 0, 0, 0, 0x0e), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        {B(0xd1, 6, 0x0f), SELV_COAP_BAD_REQUEST, 0, 0, 0, 0, 0},
        {B(0xd1, 6, 0x0e, 0x01, 0x16), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        {B(0xd1, 18, 0x0e), 0, false, 1, 0, 6, true},
        {B(0xd1, 18, 0x16, 0x01, 0x96), 0, false, 2, 1, 6, false},
        {B(0xd1, 18, 0x16, 0x01, 0x16), SELV_COAP_BAD_REQUEST, 0, 0, 0, 0, 0},
        {B(0xd1, 18, 0x96, 0x01, 0x16), SELV_COAP_BAD_REQUEST, 0, 0, 0, 0, 0},
        {B(0xd1, 18, 0x16, 0x01, 0x25), SELV_COAP_BAD_REQUEST, 0, 0, 0, 0, 0},
        {B(0xd1, 18, 0x07), SELV_COAP_BAD_REQUEST, 0, 0, 0, 0, 0},
        {B(0xd4, 18, 0, 0, 0, 1), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        /* both, and each mixed with one of the others [RFC 9177 4.1] */
        {B(0xd1, 6, 0x06, 0xc1, 0x0e), 0, true, 1, 0, 6, true},
        {B(0xd1, 6, 0x0e, 0x41, 0x06), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        {B(0xd1, 6, 0x0e, 0x81, 0x0e), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        {B(0xd1, 10, 0x06, 0x81, 0x0e), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
        {B(0xd1, 14, 0x06, 0x41, 0x0e), SELV_COAP_BAD_OPTION, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_qblock q;
        uint8_t code = read_options(rows[i].options.p, rows[i].options.len, &q);
        if (code != rows[i].code || q.has_q1 != rows[i].has_q1 ||
            q.q2_count != rows[i].q2_count) {
            fail_msg("row %zu: %x %d %u", i, code, q.has_q1, q.q2_count);
        }
        const struct selv_coap_block *b = q.q2_count > 0 ? &q.q2[0] : &q.q1;
        assert_int_equal(b->num, rows[i].num);
        assert_int_equal(b->szx, rows[i].szx);
        assert_int_equal(b->more, rows[i].more);
    }
}

/* More Q-Block2 than a set: the first ones, and still in order. */
static void test_coap_qblock_options_many(void **state)
{
    (void)state;
    uint8_t options[2 + 3 * 20] = {0xd2, 18};
    struct selv_coap_qblock q;
    size_t len = 0;
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t v = (i * 2 + 1) << 4;
        if (i > 0) {
            options[len++] = 0x02;
        } else {
            len = 2;
        }
        options[len++] = (uint8_t)(v >> 8);
        options[len++] = (uint8_t)v;
    }
    assert_int_equal(read_options(options, len, &q), 0);
    assert_int_equal(q.q2_count, SELV_COAP_QBLOCK_PAYLOADS);
    assert_int_equal(q.q2[9].num, 19);
    options[len - 1] = options[len - 4]; /* the last one is not in order */
    options[len - 2] = options[len - 5];
    assert_int_equal(read_options(options, len, &q), SELV_COAP_BAD_REQUEST);
    assert_int_equal(q.q2_count, 0);
}

static void test_coap_qblock_missing_list(void **state)
{
    (void)state;
    const struct {
        struct selv_bytes list;
        uint32_t count, last;
        bool is_good; /* to its end */
    } rows[] = {
        {{NULL, 0}, 0, 0, true},
        {B(1, 9), 2, 9, true}, /* [RFC 9177 figure 5] */
        {B(0), 1, 0, true},
        {B(23, 0x18, 24, 0x18, 255, 0x19, 1, 0), 4, 256, true},
        {B(0x1a, 0, 15, 255, 255), 1, 0xfffff, true},
        {B(0x1a, 0, 16, 0, 0), 0, 0, false},
        {B(0x1a, 255, 255, 255, 255), 0, 0, false},
        {B(0x1b, 0, 0, 0, 0, 0, 0, 0, 1), 0, 0, false},
        {B(1, 1), 1, 1, false},
        {B(9, 1), 1, 9, false},
        {B(1, 0x18), 1, 1, false},
        {B(1, 0x19, 1), 1, 1, false},
        {B(0x20), 0, 0, false}, /* -1 */
        {B(0x81, 1), 0, 0, false},
        {B(1, 0xff), 1, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_bytes rest = rows[i].list;
        uint32_t num = 0;
        uint32_t count = 0;
        bool first = true;
        while (selv_coap_qblock_missing_next(&rest, &num, &first)) {
            count++;
        }
        if (count != rows[i].count || num != rows[i].last ||
            (rest.len == 0) != rows[i].is_good) {
            fail_msg("row %zu: %u numbers, the last %u", i, count, num);
        }
    }
}

/* ---- server: Q-Block2 ------------------------------------------------------
 */

#define SENDS 3u

struct giver {
    struct selv_coap_server s;
    struct selv_coap_qsend sends[SENDS];
    uint64_t now_ms;
    uint32_t total;
    uint32_t resource;
    uint16_t mid;
    enum selv_coap_type type;
    struct selv_coap_msg m; /* the latest answer */
    uint8_t buf[1200];
};

static void giver_init(struct giver *g, uint32_t total)
{
    memset(g, 0, sizeof *g);
    selv_coap_server_init(&g->s, NULL, 0, random8);
    g->now_ms = 1000;
    g->total = total;
    g->type = SELV_COAP_NON;
}

/* A request with count Q-Block2 options; the code of the refusal, or 0. */
static uint8_t ask(struct giver *g, const struct selv_coap_block *blocks,
                   size_t count)
{
    uint8_t datagram[100];
    struct selv_coap_writer w;
    struct selv_coap_msg rq;
    struct selv_coap_qblock q;
    struct selv_coap_qsend *e;
    bool is_new;
    size_t len;
    g->mid++;
    uint8_t token[2] = {(uint8_t)(g->mid >> 8), (uint8_t)g->mid};
    selv_coap_write_begin(&w, datagram, sizeof datagram, g->type, SELV_COAP_GET,
                          g->mid, selv_bytes(token, 2));
    for (size_t i = 0; i < count; i++) {
        selv_coap_write_block(&w, SELV_COAP_OPT_QBLOCK2, &blocks[i]);
    }
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    assert_int_equal(selv_coap_parse_knowing(selv_bytes(datagram, len),
                                             selv_coap_qblock_options, 2, &rq),
                     SELV_OK);
    assert_int_equal(selv_coap_qblock_read(&rq, &q), 0);
    const struct selv_coap_qbody body = {g->resource, g->total,
                                         selv_bytes("tag", 3), 6};
    return selv_coap_qsend_take(g->sends, SENDS, g->now_ms, &g->s, &peer, &body,
                                &rq, &q, &e, &is_new);
}

static uint8_t ask_one(struct giver *g, uint32_t num, bool more)
{
    const struct selv_coap_block block = {num, 6, more};
    return ask(g, &block, 1);
}

/* The number of the block that is sent now; UINT32_MAX: none. */
static uint32_t given(struct giver *g)
{
    uint64_t until_ms;
    struct selv_coap_qsend *e =
        selv_coap_qsend_poll(g->sends, SENDS, g->now_ms, &until_ms);
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    struct selv_coap_qblock q;
    struct selv_buf out = {g->buf, sizeof g->buf, 0};
    if (e == NULL) {
        return UINT32_MAX;
    }
    selv_coap_qsend_begin(&g->s, e, g->now_ms, SELV_COAP_CONTENT, &slice, &out,
                          &w);
    selv_coap_write_qslice(&w, &slice, selv_bytes("tag", 3), SELV_COAP_OCTETS,
                           60);
    if (slice.len > 0) {
        memset(selv_coap_write_reserve(&w, slice.len), 7, slice.len);
    }
    assert_int_equal(selv_coap_write_end(&w, &out.len), SELV_OK);
    assert_int_equal(selv_coap_parse_knowing(selv_bytes(g->buf, out.len),
                                             selv_coap_qblock_options, 2,
                                             &g->m),
                     SELV_OK);
    assert_int_equal(selv_coap_qblock_read(&g->m, &q), 0);
    assert_int_equal(q.q2_count, 1);
    assert_int_equal(g->m.size2, g->total);
    assert_int_equal(g->m.payload.len, slice.len);
    assert_int_equal(q.q2[0].num * 1024u, slice.offset);
    return q.q2[0].num;
}

static void must_give(struct giver *g, const char *numbers)
{
    char got[200] = "";
    uint32_t num;
    while ((num = given(g)) != UINT32_MAX) {
        size_t len = strlen(got);
        snprintf(got + len, sizeof got - len, "%s%u", len > 0 ? " " : "", num);
    }
    assert_string_equal(got, numbers);
}

static void test_coap_qblock_refused(void **state)
{
    (void)state;
    struct giver g;
    giver_init(&g, 11 * 1024);
    assert_int_equal(ask_one(&g, 11, false), SELV_COAP_BAD_REQUEST);
    assert_int_equal(ask_one(&g, 0xfffff, true), SELV_COAP_BAD_REQUEST);
    const struct selv_coap_block beyond[2] = {{1, 6, false}, {11, 6, false}};
    assert_int_equal(ask(&g, beyond, 2), SELV_COAP_BAD_REQUEST);
    must_give(&g, "");
    /* no place for a fourth body; one that was sent gives way */
    for (g.resource = 0; g.resource < SENDS; g.resource++) {
        assert_int_equal(ask_one(&g, 0, true), 0);
    }
    assert_int_equal(ask_one(&g, 0, true), SELV_COAP_UNAVAILABLE);
    while (given(&g) != UINT32_MAX) {
    }
    assert_int_equal(ask_one(&g, 0, true), SELV_COAP_UNAVAILABLE);
    g.now_ms += 3000;
    while (given(&g) != UINT32_MAX) {
    }
    assert_int_equal(ask_one(&g, 0, true), 0);
}

/* [RFC 9177 figures 8 to 10] at the server. */
static void test_coap_qblock_sets(void **state)
{
    (void)state;
    struct giver g;
    giver_init(&g, 25 * 1024);
    assert_int_equal(ask_one(&g, 0, true), 0);
    must_give(&g, "0 1 2 3 4 5 6 7 8 9");
    assert_int_equal(ask_one(&g, 10, true), 0); /* go on */
    must_give(&g, "10 11 12 13 14 15 16 17 18 19");
    assert_int_equal(g.m.token.p[1], 1); /* of the first request */
    g.now_ms += 1999;
    must_give(&g, "");
    g.now_ms += 1002; /* nobody says go on: 2 to 3 s */
    must_give(&g, "20 21 22 23 24");
    /* the word to go on crosses the set */
    assert_int_equal(ask_one(&g, 20, true), 0);
    must_give(&g, "");
    g.now_ms += 4000; /* it was lost */
    assert_int_equal(ask_one(&g, 20, true), 0);
    must_give(&g, "20 21 22 23 24");
    assert_int_equal(ask_one(&g, 2, true), 0);
    must_give(&g, "2 3 4 5 6 7 8 9");
    assert_int_equal(g.m.token.p[1], g.mid); /* of the request */
    const struct selv_coap_block some[3] = {
        {1, 6, false}, {8, 6, true}, {9, 6, false}};
    assert_int_equal(ask(&g, some, 3), 0);
    must_give(&g, "1 8 9"); /* 9 once [RFC 9177 4.4] */
    /* of several sets: one, then a pause */
    const struct selv_coap_block sets[3] = {
        {3, 6, false}, {12, 6, false}, {24, 6, false}};
    assert_int_equal(ask(&g, sets, 3), 0);
    must_give(&g, "3");
    g.now_ms += 3000;
    must_give(&g, "12");
    g.now_ms += 3000;
    must_give(&g, "24");
}

/* Missing ones go first, then the rest of the set, then a pause
 * [RFC 9177 7.2]. */
static void test_coap_qblock_missing_first(void **state)
{
    (void)state;
    struct giver g;
    giver_init(&g, 25 * 1024);
    assert_int_equal(ask_one(&g, 0, true), 0);
    must_give(&g, "0 1 2 3 4 5 6 7 8 9");
    g.now_ms += 3000;
    assert_int_equal(given(&g), 10);
    assert_int_equal(given(&g), 11);
    const struct selv_coap_block some[2] = {{1, 6, false}, {9, 6, false}};
    assert_int_equal(ask(&g, some, 2), 0);
    must_give(&g, "1 9 12 13 14 15 16 17 18 19");
    g.now_ms += 1999;
    must_give(&g, "");
}

/* A server that has forgotten the transfer goes on all the same. */
static void test_coap_qblock_forgotten(void **state)
{
    (void)state;
    struct giver g;
    giver_init(&g, 25 * 1024);
    assert_int_equal(ask_one(&g, 10, true), 0);
    must_give(&g, "10 11 12 13 14 15 16 17 18 19");
    assert_int_equal(ask_one(&g, 20, true), 0);
    must_give(&g, "20 21 22 23 24");
    giver_init(&g, 25 * 1024);
    assert_int_equal(ask_one(&g, 11, false), 0);
    must_give(&g, "11");
}

/* ---- server: Q-Block1 -------------------------------------------------------
 */

struct taker {
    struct selv_coap_server s;
    struct selv_coap_qtake take[2];
    uint8_t body[2][64];
    uint64_t now_ms;
    uint16_t mid;
    bool no_tag, no_size1;
    uint32_t size1;
    uint8_t tag;
    uint8_t buf[SELV_COAP_HEADER_MAX];
    size_t len; /* of the latest reply */
};

static void taker_init(struct taker *t, uint32_t size1)
{
    memset(t, 0, sizeof *t);
    selv_coap_server_init(&t->s, NULL, 0, random8);
    for (size_t i = 0; i < 2; i++) {
        struct selv_buf buf = {t->body[i], sizeof t->body[i], 0};
        selv_coap_qtake_init(&t->take[i], buf);
    }
    t->now_ms = 1000;
    t->size1 = size1;
}

/* Sends len bytes as block num of 16; what feed says. */
static uint8_t bring(struct taker *t, uint32_t num, bool more, size_t len)
{
    static const uint8_t text[80] = "0123456789abcdef0123456789abcdef0123456789"
                                    "abcdef0123456789abcdef0123456789abcdef";
    uint8_t datagram[160];
    struct selv_coap_writer w;
    struct selv_coap_msg rq;
    struct selv_coap_qblock q;
    struct selv_buf out = {t->buf, sizeof t->buf, 0};
    const struct selv_coap_block block = {num, 0, more};
    size_t n;
    t->mid++;
    uint8_t token[2] = {(uint8_t)(t->mid >> 8), (uint8_t)t->mid};
    selv_coap_write_begin(&w, datagram, sizeof datagram, SELV_COAP_NON,
                          SELV_COAP_PUT, t->mid, selv_bytes(token, 2));
    selv_coap_write_block(&w, SELV_COAP_OPT_QBLOCK1, &block);
    if (!t->no_size1) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE1, t->size1);
    }
    if (!t->no_tag) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_REQUEST_TAG,
                            selv_bytes(&t->tag, 1));
    }
    selv_coap_write_payload(&w, selv_bytes(text, len));
    assert_int_equal(selv_coap_write_end(&w, &n), SELV_OK);
    assert_int_equal(selv_coap_parse_knowing(selv_bytes(datagram, n),
                                             selv_coap_qblock_options, 2, &rq),
                     SELV_OK);
    assert_int_equal(selv_coap_qblock_read(&rq, &q), 0);
    struct selv_coap_qtake *u =
        selv_coap_qtake_find(t->take, 2, t->now_ms, &peer, 1, &rq);
    uint8_t code = selv_coap_qtake_feed(u, t->now_ms, &peer, 1, &rq, &q);
    if (code == 0) {
        assert_int_equal(u->body.len, t->size1);
        for (size_t i = 0; i < u->body.len; i++) {
            assert_int_equal(u->body.p[i], text[i % 16]);
        }
        selv_coap_qtake_answer(u, SELV_COAP_CHANGED, SELV_COAP_TEXT,
                               selv_bytes("fine", 4));
    }
    selv_coap_qtake_reply(&t->s, u, &rq, code == 0 ? SELV_COAP_CHANGED : code,
                          &out);
    t->len = out.len;
    return code;
}

static void test_coap_qblock_brought(void **state)
{
    (void)state;
    struct taker t;
    taker_init(&t, 40);
    assert_int_equal(bring(&t, 2, false, 8), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(t.len, 0);
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(bring(&t, 1, true, 16), 0);
    /* a copy of any block has the same answer */
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_CHANGED);
    static const uint8_t end[] = {0xc0, 0xff, 'f', 'i', 'n', 'e'};
    assert_memory_equal(t.buf + t.len - 6, end, 6);
    /* two at once, by tag */
    t.tag = 1;
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    t.tag = 2;
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    t.tag = 3;
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_UNAVAILABLE);
    t.tag = 1;
    assert_int_equal(bring(&t, 1, true, 16), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(bring(&t, 2, false, 8), 0);
}

static void test_coap_qblock_brought_bad(void **state)
{
    (void)state;
    static const struct {
        uint32_t size1, num;
        bool more;
        size_t len;
        uint8_t code;
    } rows[] = {
        {40, 0, true, 15, SELV_COAP_BAD_REQUEST},  /* short */
        {40, 0, true, 17, SELV_COAP_BAD_REQUEST},  /* long */
        {40, 0, false, 16, SELV_COAP_BAD_REQUEST}, /* not the last */
        {40, 2, true, 16, SELV_COAP_BAD_REQUEST},  /* the last */
        {40, 2, false, 9, SELV_COAP_BAD_REQUEST},  /* too long a body */
        {40, 3, false, 1, SELV_COAP_BAD_REQUEST},  /* beyond it */
        {32, 2, false, 0, SELV_COAP_BAD_REQUEST},  /* empty behind it */
        {40, 0xfffff, true, 16, SELV_COAP_BAD_REQUEST},
        {UINT32_MAX, 0xfffff, true, 16, SELV_COAP_TOO_LARGE},
        {65, 0, true, 16, SELV_COAP_TOO_LARGE},
        {0, 0, false, 0, 0},
        {16, 0, false, 16, 0},
    };
    struct taker t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        taker_init(&t, rows[i].size1);
        uint8_t code = bring(&t, rows[i].num, rows[i].more, rows[i].len);
        if (code != rows[i].code) {
            fail_msg("row %zu: %x", i, code);
        }
    }
    taker_init(&t, 40);
    t.no_tag = true; /* [RFC 9177 4.3] */
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_BAD_REQUEST);
    t.no_tag = false;
    t.no_size1 = true;
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_BAD_REQUEST);
    t.no_size1 = false;
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    t.size1 = 41; /* changes in the middle */
    assert_int_equal(bring(&t, 1, true, 16), SELV_COAP_BAD_REQUEST);
    t.size1 = 40;
    assert_int_equal(bring(&t, 1, true, 16), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(bring(&t, 2, false, 8), 0);
}

/* [RFC 9177 figure 6]: asked for after 4, 8, 16 and 32 s, given up 64 s later.
 */
static void test_coap_qblock_asked(void **state)
{
    (void)state;
    struct taker t;
    uint64_t until_ms;
    taker_init(&t, 40);
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    assert_int_equal(bring(&t, 2, false, 8), SELV_COAP_QTAKE_SILENT);
    for (uint64_t wait_ms = 4000; wait_ms <= 32000; wait_ms *= 2) {
        assert_null(selv_coap_qtake_poll(t.take, 2, t.now_ms, &until_ms));
        assert_int_equal(until_ms, t.now_ms + wait_ms);
        t.now_ms = until_ms - 1;
        assert_null(selv_coap_qtake_poll(t.take, 2, t.now_ms, &until_ms));
        t.now_ms++;
        struct selv_coap_qtake *u =
            selv_coap_qtake_poll(t.take, 2, t.now_ms, &until_ms);
        assert_ptr_equal(u, &t.take[0]);
        struct selv_buf out = {t.buf, sizeof t.buf, 0};
        selv_coap_qtake_missing(&t.s, u, t.now_ms, &out);
        /* NON 4.08, the latest token, Content-Format 272, [1] */
        assert_int_equal(t.buf[0], 0x52);
        assert_int_equal(t.buf[1], SELV_COAP_INCOMPLETE);
        static const uint8_t end[] = {0, 2, 0xc2, 1, 0x10, 0xff, 1};
        assert_int_equal(out.len, 4 + sizeof end);
        assert_memory_equal(t.buf + 4, end, sizeof end);
    }
    t.now_ms += 64000;
    assert_null(selv_coap_qtake_poll(t.take, 2, t.now_ms, &until_ms));
    assert_int_equal(until_ms, UINT64_MAX);
    assert_int_equal(t.take[0].expiry_ms, 0);
}

/* A Reset to a 4.08: the client has forgotten the body [RFC 9177 4.3]. */
static void test_coap_qblock_asked_reset(void **state)
{
    (void)state;
    struct taker t;
    uint64_t until_ms;
    taker_init(&t, 40);
    assert_int_equal(bring(&t, 0, true, 16), SELV_COAP_QTAKE_SILENT);
    t.now_ms += 4000;
    struct selv_coap_qtake *u =
        selv_coap_qtake_poll(t.take, 2, t.now_ms, &until_ms);
    struct selv_buf out = {t.buf, sizeof t.buf, 0};
    selv_coap_qtake_missing(&t.s, u, t.now_ms, &out);
    uint8_t reset[4] = {0x70, 0, t.buf[2], (uint8_t)(t.buf[3] ^ 1u)};
    assert_false(selv_coap_qblock_feed(NULL, 0, t.take, 2, t.now_ms, &peer,
                                       selv_bytes(reset, 4)));
    reset[3] ^= 1u;
    assert_true(selv_coap_qblock_feed(NULL, 0, t.take, 2, t.now_ms, &peer,
                                      selv_bytes(reset, 4)));
    assert_int_equal(u->expiry_ms, 0);
}

/* ---- client: hostile answers ------------------------------------------------
 */

/* The answer's type, code and all behind the token; the client has asked for
 * block 0 of 64 bytes, in a body of 200 at most. */
struct bad {
    const char *name;
    uint8_t code;
    struct selv_bytes tail;
    size_t payload; /* bytes behind tail and marker */
    enum selv_err err;
};

#define OK_ETAG 0x41, 7

static void test_coap_qblock_hostile(void **state)
{
    (void)state;
    /* ETag 4, Block2 23, Size2 28, Q-Block2 31 */
    const struct bad rows[] = {
        {"4.02", SELV_COAP_BAD_OPTION, {NULL, 0}, 0, SELV_ERR_COAP_OPTION},
        {"4.04", SELV_COAP_NOT_FOUND, {NULL, 0}, 0, SELV_ERR_COAP_CODE},
        {"4.08 to a GET", SELV_COAP_INCOMPLETE, B(0xc2, 1, 0x10), 1,
         SELV_ERR_COAP_CODE},
        {"5.03", SELV_COAP_UNAVAILABLE, {NULL, 0}, 0, SELV_ERR_COAP_CODE},
        {"2.03 unasked", SELV_COAP_VALID, {NULL, 0}, 0, SELV_ERR_COAP_CODE},
        {"Block2", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 6, 0x0a), 64,
         SELV_ERR_COAP_OPTION},
        {"both", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 6, 0x0a, 0x51, 100, 0x31, 0x0a), 64,
         SELV_ERR_COAP_OPTION},
        {"short", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x0a), 63,
         SELV_ERR_COAP_BLOCK},
        {"long", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x0a), 65,
         SELV_ERR_COAP_BLOCK},
        {"no more", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x02),
         64, SELV_ERR_COAP_BLOCK},
        {"more of nothing", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 11, 64, 0x31, 0x0a), 64, SELV_ERR_COAP_BLOCK},
        {"larger blocks", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 11, 190, 0x31, 0x0b), 128, SELV_ERR_COAP_BLOCK},
        {"SZX 7", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x0f), 64,
         SELV_ERR_COAP_BLOCK},
        {"beyond the end", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x22), 1, SELV_ERR_COAP_BLOCK},
        {"too large", SELV_COAP_CONTENT, B(OK_ETAG, 0xd1, 11, 201, 0x31, 0x0a),
         64, SELV_ERR_COAP_SIZE},
        {"two Q-Block2", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x0a, 0x01, 0x12), 64,
         SELV_ERR_COAP_BLOCK},
        {"whole, too large", SELV_COAP_CONTENT, B(OK_ETAG), 201,
         SELV_ERR_COAP_SIZE},
        {"unknown critical option", SELV_COAP_CONTENT,
         B(OK_ETAG, 0xd1, 11, 100, 0x31, 0x0a, 0x21, 1), 64,
         SELV_ERR_COAP_OPTION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_qclient c;
        struct selv_coap_request rq = {0};
        struct selv_coap_event e;
        uint8_t buf[100];
        uint8_t answer[300] = {0x66, rows[i].code};
        struct selv_buf out = {buf, sizeof buf, 0};
        selv_coap_qclient_init(&c);
        rq.code = SELV_COAP_GET;
        rq.szx = 2;
        rq.accept = SELV_COAP_NO_FORMAT;
        rq.content_format = SELV_COAP_NO_FORMAT;
        rq.body_max = 200;
        rq.deadline_ms = 1000;
        assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0), SELV_OK);
        assert_int_equal(selv_coap_qclient_poll(&c, 0, &out, &e),
                         SELV_COAP_SEND);
        memcpy(answer + 2, buf + 2, 8); /* message ID and token */
        size_t len = 10;
        if (rows[i].tail.len > 0) {
            memcpy(answer + len, rows[i].tail.p, rows[i].tail.len);
            len += rows[i].tail.len;
        }
        if (rows[i].payload > 0) {
            answer[len] = 0xff;
            len += 1 + rows[i].payload;
        }
        assert_true(selv_coap_qclient_feed(&c, 10, selv_bytes(answer, len)));
        enum selv_coap_action a = selv_coap_qclient_poll(&c, 10, &out, &e);
        if (a != SELV_COAP_FAILED || e.err != rows[i].err) {
            fail_msg("%s: action %d, error %d", rows[i].name, (int)a,
                     (int)e.err);
        }
        assert_int_equal(selv_coap_qclient_poll(&c, 10, &out, &e),
                         SELV_COAP_WAIT);
    }
}

/* A probe answered without Size2 says that Q-Block is known, and no more; in
 * the body itself it is an error [RFC 9177 4.6]. */
static void test_coap_qblock_no_size2(void **state)
{
    (void)state;
    struct selv_coap_qclient c;
    struct selv_coap_request rq = {0};
    struct selv_coap_event e;
    uint8_t buf[100];
    uint8_t answer[300] = {0x66, SELV_COAP_CONTENT};
    static const uint8_t tail[] = {OK_ETAG, 0xd1, 14, 0x0a, 0xff};
    struct selv_buf out = {buf, sizeof buf, 0};
    size_t len = 10 + sizeof tail + 64;
    selv_coap_qclient_init(&c);
    rq.code = SELV_COAP_GET;
    rq.szx = 2;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.content_format = SELV_COAP_NO_FORMAT;
    rq.body_max = 200;
    rq.deadline_ms = 1000;
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0), SELV_OK);
    assert_int_equal(selv_coap_qclient_poll(&c, 0, &out, &e), SELV_COAP_SEND);
    memcpy(answer + 2, buf + 2, 8);
    memcpy(answer + 10, tail, sizeof tail);
    assert_true(selv_coap_qclient_feed(&c, 10, selv_bytes(answer, len)));
    assert_int_equal(selv_coap_qclient_poll(&c, 10, &out, &e), SELV_COAP_SEND);
    assert_int_equal(buf[0], 0x56);           /* non-confirmable */
    assert_int_equal(buf[out.len - 1], 0x0a); /* all: 0/1/64 */
    assert_true(c.is_known);
    answer[0] = 0x56;
    memcpy(answer + 2, buf + 2, 8);
    assert_true(selv_coap_qclient_feed(&c, 10, selv_bytes(answer, len)));
    assert_int_equal(selv_coap_qclient_poll(&c, 10, &out, &e),
                     SELV_COAP_FAILED);
    assert_int_equal(e.err, SELV_ERR_COAP_BLOCK);
}

static void test_coap_qblock_arguments(void **state)
{
    (void)state;
    struct selv_coap_qclient c;
    struct selv_coap_request rq = {0};
    selv_coap_qclient_init(&c);
    rq.code = SELV_COAP_GET;
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0),
                     SELV_ERR_ARG); /* no deadline */
    rq.deadline_ms = 1;
    rq.szx = 7;
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0),
                     SELV_ERR_ARG);
    rq.szx = 0;
    rq.code = SELV_COAP_CONTENT;
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0),
                     SELV_ERR_ARG);
    rq.code = SELV_COAP_PUT;
    rq.payload.len = (1u << 24) + 1; /* blocks of 16 */
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0),
                     SELV_ERR_ARG);
    rq.payload.len = 0;
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0), SELV_OK);
    assert_int_equal(selv_coap_qclient_start(&c, &rq, random8, 0),
                     SELV_ERR_COAP_BUSY);
    assert_int_equal(SELV_COAP_QBLOCK_PARTIAL_MS, 247000);
    assert_in_range(SELV_COAP_QBLOCK_PROBING_WAIT_MS, 247000, 248000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_qblock_options),
        cmocka_unit_test(test_coap_qblock_options_many),
        cmocka_unit_test(test_coap_qblock_missing_list),
        cmocka_unit_test(test_coap_qblock_refused),
        cmocka_unit_test(test_coap_qblock_sets),
        cmocka_unit_test(test_coap_qblock_missing_first),
        cmocka_unit_test(test_coap_qblock_forgotten),
        cmocka_unit_test(test_coap_qblock_brought),
        cmocka_unit_test(test_coap_qblock_brought_bad),
        cmocka_unit_test(test_coap_qblock_asked),
        cmocka_unit_test(test_coap_qblock_asked_reset),
        cmocka_unit_test(test_coap_qblock_hostile),
        cmocka_unit_test(test_coap_qblock_no_size2),
        cmocka_unit_test(test_coap_qblock_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
