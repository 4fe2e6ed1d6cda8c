/* SPDX-License-Identifier: Apache-2.0
 *
 * Slices of a body that goes out, and a body put together that comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"

static const struct selv_coap_peer alice = {3, {1, 2, 3}};
static const struct selv_coap_peer bob = {4, {1, 2, 3, 0}};

/* A request as the parser would leave it. */
static struct selv_coap_msg request(void)
{
    struct selv_coap_msg m;
    memset(&m, 0, sizeof m);
    m.code = SELV_COAP_GET;
    return m;
}

static struct selv_coap_msg with_block2(uint32_t num, uint8_t szx)
{
    struct selv_coap_msg m = request();
    m.has = SELV_COAP_HAS_BLOCK2;
    m.block2 = (struct selv_coap_block){num, szx, false};
    return m;
}

static void test_coap_slice_table(void **state)
{
    static const struct {
        const char *name;
        int32_t num; /* -1: no Block2 in the request */
        uint8_t szx;
        uint8_t szx_max;
        uint32_t total;
        enum selv_err err;
        uint32_t offset;
        uint16_t len;
        uint32_t out_num;
        uint8_t out_szx;
        bool more;
        bool is_blockwise;
    } rows[] = {
        {"whole", -1, 0, 6, 1024, SELV_OK, 0, 1024, 0, 6, false, false},
        {"one more", -1, 0, 6, 1025, SELV_OK, 0, 1024, 0, 6, true, true},
        {"empty", -1, 0, 6, 0, SELV_OK, 0, 0, 0, 6, false, false},
        {"empty, asked", 0, 2, 6, 0, SELV_OK, 0, 0, 0, 2, false, true},
        {"first of 64", 0, 2, 6, 100, SELV_OK, 0, 64, 0, 2, true, true},
        {"last of 64", 1, 2, 6, 100, SELV_OK, 64, 36, 1, 2, false, true},
        {"last, full", 1, 2, 6, 128, SELV_OK, 64, 64, 1, 2, false, true},
        {"beyond", 2, 2, 6, 128, SELV_ERR_COAP_BLOCK, 0, 0, 0, 0, false, false},
        {"beyond, empty", 1, 2, 6, 0, SELV_ERR_COAP_BLOCK, 0, 0, 0, 0, false,
         false},
        {"ours is smaller", 1, 4, 2, 1000, SELV_OK, 256, 64, 4, 2, true, true},
        {"far", 0xfffff, 6, 6, 0x40000000, SELV_OK, 0x3ffffc00, 1024, 0xfffff,
         6, false, true},
        {"far, smaller: no number", 0xfffff, 6, 5, 0x40000000,
         SELV_ERR_COAP_BLOCK, 0, 0, 0, 0, false, false},
        {"4 GiB", 0, 6, 6, UINT32_MAX, SELV_OK, 0, 1024, 0, 6, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_slice s;
        struct selv_coap_msg m = request();
        if (rows[i].num >= 0) {
            m = with_block2((uint32_t)rows[i].num, rows[i].szx);
        }
        print_message("%s\n", rows[i].name);
        assert_int_equal(
            selv_coap_slice(&m, rows[i].total, rows[i].szx_max, &s),
            rows[i].err);
        if (rows[i].err != SELV_OK) {
            continue;
        }
        assert_int_equal(s.offset, rows[i].offset);
        assert_int_equal(s.len, rows[i].len);
        assert_int_equal(s.total, rows[i].total);
        assert_int_equal(s.block.num, rows[i].out_num);
        assert_int_equal(s.block.szx, rows[i].out_szx);
        assert_int_equal(s.block.more, rows[i].more);
        assert_int_equal(s.is_blockwise, rows[i].is_blockwise);
    }
}

static void test_coap_slice_options(void **state)
{
    uint8_t buf[64];
    struct selv_coap_writer w;
    struct selv_coap_slice s;
    struct selv_coap_msg m = with_block2(0, 2);
    size_t len;
    (void)state;
    for (uint32_t n = 0; n < 2; n++) {
        m = with_block2(n, 2);
        assert_int_equal(selv_coap_slice(&m, 100, 6, &s), SELV_OK);
        selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_ACK,
                              SELV_COAP_CONTENT, 1, selv_bytes(NULL, 0));
        selv_coap_write_slice(&w, &s, selv_bytes("tag", 3), SELV_COAP_OCTETS,
                              31536000);
        assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
        assert_int_equal(selv_coap_parse(selv_bytes(buf, len), &m), SELV_OK);
        assert_int_equal(m.etag.len, 3);
        assert_int_equal(m.content_format, SELV_COAP_OCTETS);
        assert_int_equal(m.max_age, 31536000);
        assert_int_equal(m.block2.num, n);
        assert_int_equal(m.block2.more, n == 0);
        assert_int_equal((m.has & SELV_COAP_HAS_SIZE2) != 0, n == 0);
        assert_int_equal(m.size2, n == 0 ? 100 : 0);
    }
}

/* ---- uploads
 * ------------------------------------------------------------------- */

static uint8_t body[300];

struct world {
    struct selv_coap_upload u[2];
    uint8_t buf[2][200];
    uint64_t now;
    uint16_t mid;
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < 2; i++) {
        struct selv_buf b = {w->buf[i], sizeof w->buf[i], 0};
        selv_coap_upload_init(&w->u[i], b);
    }
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 3);
    }
    w->now = 1000;
}

/* Block num of the first total bytes of body; mid 0 means a new one. */
static struct selv_coap_msg block1(struct world *w, uint32_t num, uint8_t szx,
                                   size_t total, uint16_t mid)
{
    struct selv_coap_msg m = request();
    size_t len = selv_coap_block_len(szx);
    size_t offset = num * len;
    m.code = SELV_COAP_PUT;
    m.mid = mid != 0 ? mid : ++w->mid;
    m.has = SELV_COAP_HAS_BLOCK1;
    m.block1 = (struct selv_coap_block){num, szx, total > offset + len};
    m.payload = selv_bytes(body + offset, m.block1.more ? len : total - offset);
    return m;
}

static uint8_t feed(struct world *w, const struct selv_coap_peer *peer,
                    uint32_t resource, const struct selv_coap_msg *m)
{
    struct selv_coap_upload *u =
        selv_coap_upload_find(w->u, 2, w->now, peer, resource, m);
    return selv_coap_upload_feed(u, w->now, peer, resource, m);
}

static uint8_t feed_block(struct world *w, uint32_t num, uint8_t szx,
                          size_t total)
{
    struct selv_coap_msg m = block1(w, num, szx, total, 0);
    return feed(w, &alice, 1, &m);
}

static void test_coap_upload_in_order(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    assert_int_equal(feed_block(&w, 0, 2, 150), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 2, 150), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 2, 2, 150), 0);
    assert_int_equal(w.u[0].body.len, 150);
    assert_memory_equal(w.u[0].body.p, body, 150);
    selv_coap_upload_end(&w.u[0]);
    assert_int_equal(feed_block(&w, 2, 2, 150), SELV_COAP_INCOMPLETE);
}

static void test_coap_upload_whole(void **state)
{
    struct world w;
    struct selv_coap_msg m = request();
    (void)state;
    world_init(&w);
    m.payload = selv_bytes(body, 200);
    assert_int_equal(feed(&w, &alice, 1, &m), 0);
    assert_int_equal(w.u[0].body.len, 200);
    m.payload = selv_bytes(body, 201);
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_TOO_LARGE);
    m.payload = selv_bytes(NULL, 0);
    assert_int_equal(feed(&w, &alice, 1, &m), 0);
    assert_int_equal(w.u[0].body.len, 0);
}

static void test_coap_upload_out_of_order(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    assert_int_equal(feed_block(&w, 1, 2, 190), SELV_COAP_INCOMPLETE);
    assert_int_equal(feed_block(&w, 0, 2, 190), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 2, 2, 190), SELV_COAP_INCOMPLETE);
    assert_int_equal(feed_block(&w, 1, 2, 190), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 2, 190), SELV_COAP_CONTINUE); /* again */
    assert_int_equal(feed_block(&w, 2, 2, 190), 0);
    assert_memory_equal(w.u[0].body.p, body, 190);
}

/* A late copy of the first block does not throw away the second; another
 * first block does. */
static void test_coap_upload_first_again(void **state)
{
    struct world w;
    struct selv_coap_msg first;
    (void)state;
    world_init(&w);
    first = block1(&w, 0, 2, 190, 0x7777);
    assert_int_equal(feed(&w, &alice, 1, &first), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 2, 190), SELV_COAP_CONTINUE);
    assert_int_equal(feed(&w, &alice, 1, &first), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 2, 2, 190), 0);

    assert_int_equal(feed(&w, &alice, 1, &first), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 2, 190), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 0, 2, 190), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 2, 2, 190), SELV_COAP_INCOMPLETE);
}

static void test_coap_upload_smaller_in_midflow(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    assert_int_equal(feed_block(&w, 0, 2, 100), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 4, 0, 100), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 5, 0, 100), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 6, 0, 100), 0);
    assert_int_equal(w.u[0].body.len, 100);
    assert_memory_equal(w.u[0].body.p, body, 100);
}

static void test_coap_upload_limits(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    (void)state;
    world_init(&w); /* 200 bytes of room */
    assert_int_equal(feed_block(&w, 0, 3, 300), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 3, 300), SELV_COAP_TOO_LARGE);
    assert_int_equal(w.u[0].expiry_ms, 0); /* and the place is free */

    m = block1(&w, 0, 3, 300, 0); /* told in advance by Size1 */
    m.has |= SELV_COAP_HAS_SIZE1;
    m.size1 = 201;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_TOO_LARGE);
    m.size1 = 200;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_CONTINUE);

    /* the farthest block there is */
    m = block1(&w, 0, 6, 100, 0);
    m.block1.num = SELV_COAP_BLOCK_NUM_MAX;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_INCOMPLETE);

    /* full, and more to come */
    struct selv_buf exact = {w.buf[0], 64, 0};
    selv_coap_upload_init(&w.u[0], exact);
    assert_int_equal(feed_block(&w, 0, 2, 64), 0);
    selv_coap_upload_end(&w.u[0]);
    m = block1(&w, 0, 2, 65, 0);
    assert_int_equal(selv_coap_upload_feed(&w.u[0], w.now, &alice, 1, &m),
                     SELV_COAP_TOO_LARGE);
}

static void test_coap_upload_evil_shapes(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    (void)state;
    world_init(&w);
    m = block1(&w, 0, 2, 150, 0);
    m.payload.len = 63; /* short, with more */
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_BAD_REQUEST);
    m.payload.len = 65;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_BAD_REQUEST);
    m.block1.more = false;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_BAD_REQUEST);
    m.payload.len = 0;
    m.block1.more = true;
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_BAD_REQUEST);
    assert_int_equal(w.u[0].expiry_ms, 0);
}

static void test_coap_upload_peers_and_resources(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    (void)state;
    world_init(&w);
    assert_int_equal(feed_block(&w, 0, 2, 100), SELV_COAP_CONTINUE);
    m = block1(&w, 1, 2, 100, 0);
    assert_int_equal(feed(&w, &bob, 1, &m), SELV_COAP_INCOMPLETE);
    assert_int_equal(feed(&w, &alice, 2, &m), SELV_COAP_INCOMPLETE);
    m = block1(&w, 0, 2, 100, 0);
    assert_int_equal(feed(&w, &bob, 1, &m), SELV_COAP_CONTINUE);
    assert_int_equal(feed(&w, &alice, 2, &m), SELV_COAP_UNAVAILABLE);
    /* who began goes on */
    assert_int_equal(feed_block(&w, 1, 2, 100), 0);
    selv_coap_upload_end(&w.u[0]);
    assert_int_equal(feed(&w, &alice, 2, &m), SELV_COAP_CONTINUE);
}

static void test_coap_upload_gives_way(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    (void)state;
    world_init(&w);
    m = block1(&w, 0, 2, 100, 0);
    assert_int_equal(feed(&w, &alice, 1, &m), SELV_COAP_CONTINUE);
    assert_int_equal(feed(&w, &alice, 2, &m), SELV_COAP_CONTINUE);
    w.now += SELV_COAP_UPLOAD_STILL_MS - 1;
    assert_int_equal(feed(&w, &bob, 1, &m), SELV_COAP_UNAVAILABLE);
    w.now += 1;
    assert_int_equal(feed(&w, &bob, 1, &m), SELV_COAP_CONTINUE);
    assert_int_equal(feed_block(&w, 1, 2, 100), SELV_COAP_INCOMPLETE);
    /* and nobody goes on with one that is too old, place or no place */
    m = block1(&w, 1, 2, 100, 0);
    w.now += SELV_COAP_EXCHANGE_LIFETIME_MS;
    assert_int_equal(feed(&w, &bob, 1, &m), SELV_COAP_INCOMPLETE);
}

static void test_coap_upload_options(void **state)
{
    uint8_t buf[64];
    struct world w;
    struct selv_coap_writer to;
    struct selv_coap_msg m;
    struct selv_coap_msg reply;
    size_t len;
    static const uint8_t codes[] = {SELV_COAP_CONTINUE, SELV_COAP_TOO_LARGE};
    (void)state;
    world_init(&w);
    m = block1(&w, 0, 4, 299, 0);
    for (size_t i = 0; i < 2; i++) {
        selv_coap_write_begin(&to, buf, sizeof buf, SELV_COAP_ACK, codes[i], 1,
                              selv_bytes(NULL, 0));
        selv_coap_write_upload(&to, &w.u[0], &m, codes[i], 2);
        assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
        assert_int_equal(selv_coap_parse(selv_bytes(buf, len), &reply),
                         SELV_OK);
        if (i == 0) {
            assert_int_equal(reply.has, SELV_COAP_HAS_BLOCK1);
            assert_int_equal(reply.block1.szx, 2);
            assert_true(reply.block1.more);
        } else {
            assert_int_equal(reply.has, SELV_COAP_HAS_SIZE1);
            assert_int_equal(reply.size1, 200);
        }
    }
}

/* ---- answers that are kept ------------------------------------------------
 */

/* A request of 0 to 2 options, from its bytes behind a token of one byte. */
static void request_read(uint8_t *datagram, uint8_t code, uint16_t mid,
                         const uint8_t *tail, size_t len,
                         struct selv_coap_msg *rq)
{
    static const uint16_t known[] = {SELV_COAP_OPT_IF_MATCH,
                                     SELV_COAP_OPT_IF_NONE_MATCH};
    const uint8_t head[] = {0x41, code, (uint8_t)(mid >> 8), (uint8_t)mid, 9};
    memcpy(datagram, head, sizeof head);
    if (len > 0) {
        memcpy(datagram + sizeof head, tail, len);
    }
    assert_int_equal(selv_coap_parse_knowing(
                         selv_bytes(datagram, sizeof head + len), known, 2, rq),
                     SELV_OK);
}

static void test_coap_answer_find(void **state)
{
    (void)state;
    static const struct selv_coap_peer one = {1, {1}};
    static const struct selv_coap_peer two = {1, {2}};
    static const uint8_t further[] = {0xd1, 10, 0x10}; /* Block2 1/0/16 */
    static const uint8_t tagged[] = {0xd1, 10, 0x10, 0xe1, 0, 0, 7};
    struct selv_coap_answer a[2];
    uint8_t buf[2][64];
    uint8_t datagram[64];
    struct selv_coap_msg rq;
    for (size_t i = 0; i < 2; i++) {
        struct selv_buf b = {buf[i], sizeof buf[i], 0};
        selv_coap_answer_init(&a[i], b);
    }
    request_read(datagram, SELV_COAP_POST, 5, NULL, 0, &rq);
    assert_null(selv_coap_answer_find(a, 2, 1000, &one, 1, &rq));
    assert_ptr_equal(selv_coap_answer_begin(a, 2, 1000, &one, 1, &rq), &a[0]);
    /* a copy; another message, method, peer, resource */
    assert_ptr_equal(selv_coap_answer_find(a, 2, 1001, &one, 1, &rq), &a[0]);
    assert_null(selv_coap_answer_find(a, 2, 1001, &two, 1, &rq));
    assert_null(selv_coap_answer_find(a, 2, 1001, &one, 2, &rq));
    request_read(datagram, SELV_COAP_POST, 6, NULL, 0, &rq);
    assert_null(selv_coap_answer_find(a, 2, 1001, &one, 1, &rq));
    request_read(datagram, SELV_COAP_PUT, 5, NULL, 0, &rq);
    assert_null(selv_coap_answer_find(a, 2, 1001, &one, 1, &rq));
    /* a further block; with a Request-Tag it is of another body's answer */
    request_read(datagram, SELV_COAP_POST, 7, further, sizeof further, &rq);
    assert_ptr_equal(selv_coap_answer_find(a, 2, 1001, &one, 1, &rq), &a[0]);
    assert_null(selv_coap_answer_find(
        a, 2, 1000 + SELV_COAP_EXCHANGE_LIFETIME_MS, &one, 1, &rq));
    request_read(datagram, SELV_COAP_POST, 7, tagged, sizeof tagged, &rq);
    assert_null(selv_coap_answer_find(a, 2, 1001, &one, 1, &rq));
    /* two places: the third waits until one stands still */
    request_read(datagram, SELV_COAP_POST, 8, NULL, 0, &rq);
    assert_ptr_equal(selv_coap_answer_begin(a, 2, 1002, &two, 1, &rq), &a[1]);
    assert_null(selv_coap_answer_begin(a, 2, 1003, &two, 2, &rq));
    assert_ptr_equal(selv_coap_answer_begin(
                         a, 2, 1000 + SELV_COAP_UPLOAD_STILL_MS, &two, 2, &rq),
                     &a[0]);
    /* the same resource again: in its place */
    assert_ptr_equal(selv_coap_answer_begin(a, 2, 1004, &two, 1, &rq), &a[1]);
    selv_coap_answer_end(&a[1]);
    assert_null(selv_coap_answer_find(a, 2, 1005, &two, 1, &rq));
}

/* [RFC 7252 5.10.8, RFC 8132 3]: a row for each case, of a resource that is
 * there with ETag 7, and of none. */
static void test_coap_condition(void **state)
{
    (void)state;
    static const struct {
        uint8_t tail[8];
        size_t len;
        bool there, gone;
    } rows[] = {
        {{0}, 0, true, true},
        {{0x10}, 1, true, false},             /* If-Match: any */
        {{0x11, 7}, 2, true, false},          /* 7 */
        {{0x11, 8}, 2, false, false},         /* 8 */
        {{0x11, 8, 0x01, 7}, 4, true, false}, /* 8 or 7 */
        {{0x12, 0, 7}, 3, false, false},      /* 00 07 is another one */
        {{0x50}, 1, false, true},             /* If-None-Match */
        {{0x11, 7, 0x40}, 3, false, false},   /* both: never */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t datagram[32];
        struct selv_coap_msg rq;
        static const uint8_t etag[] = {7};
        request_read(datagram, SELV_COAP_PATCH, 1, rows[i].tail, rows[i].len,
                     &rq);
        bool there = selv_coap_condition_holds(&rq, true, selv_bytes(etag, 1));
        bool gone = selv_coap_condition_holds(&rq, false, selv_bytes(NULL, 0));
        if (there != rows[i].there || gone != rows[i].gone) {
            fail_msg("row %zu: %d %d", i, there, gone);
        }
    }
}

/* What the client writes, in blocks too, is what the server reads; one that
 * does not know the options refuses [RFC 7252 5.4.1]. */
static void test_coap_condition_asked(void **state)
{
    (void)state;
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t codes[] = {SELV_COAP_PUT, SELV_COAP_PATCH,
                                    SELV_COAP_IPATCH};
    static const uint8_t etag[] = {7};
    static const uint16_t known[] = {SELV_COAP_OPT_IF_MATCH,
                                     SELV_COAP_OPT_IF_NONE_MATCH};
    static const struct selv_coap_peer peer = {1, {1}};
    for (size_t i = 0; i < 2 * sizeof codes; i++) {
        struct selv_coap_client c;
        struct selv_coap_server s;
        struct selv_coap_request rq = {0};
        struct selv_coap_event e;
        struct selv_coap_msg m;
        uint8_t tx[200];
        uint8_t reply[100];
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_buf back = {reply, sizeof reply, 0};
        selv_coap_client_init(&c);
        selv_coap_server_init(&s, NULL, 0, random);
        rq.code = codes[i / 2];
        rq.szx = 0;
        rq.content_format = SELV_COAP_NO_FORMAT;
        rq.accept = SELV_COAP_NO_FORMAT;
        rq.path = selv_bytes("r", 1);
        rq.payload = selv_bytes("twenty bytes of it..", 20);
        rq.deadline_ms = 1000;
        rq.if_match = selv_bytes(etag, i % 2);
        rq.if_none_match = i % 2 == 0;
        assert_int_equal(selv_coap_client_start(&c, &rq, random, 0), SELV_OK);
        assert_int_equal(selv_coap_client_poll(&c, 0, &out, &e),
                         SELV_COAP_SEND);
        assert_int_equal(selv_coap_server_feed(
                             &s, 0, &peer, selv_bytes(tx, out.len), &m, &back),
                         SELV_COAP_REPLY);
        assert_int_equal(reply[1], SELV_COAP_BAD_OPTION);
        selv_coap_server_know(&s, known, 2);
        assert_int_equal(selv_coap_server_feed(
                             &s, 0, &peer, selv_bytes(tx, out.len), &m, &back),
                         SELV_COAP_REQUEST);
        assert_int_equal(m.code, codes[i / 2]);
        bool wants_it = i % 2 == 1;
        assert_true(selv_coap_condition_holds(&m, true, selv_bytes(etag, 1)) ==
                    wants_it);
        assert_true(selv_coap_condition_holds(&m, false, selv_bytes(NULL, 0)) ==
                    !wants_it);
        selv_coap_reply_code(&s, &m, SELV_COAP_PRECONDITION, NULL, &back);
        assert_true(selv_coap_client_feed(&c, 1, selv_bytes(reply, back.len)));
        assert_int_equal(selv_coap_client_poll(&c, 1, &out, &e),
                         SELV_COAP_FAILED);
        assert_int_equal(e.code, SELV_COAP_PRECONDITION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_slice_table),
        cmocka_unit_test(test_coap_slice_options),
        cmocka_unit_test(test_coap_upload_in_order),
        cmocka_unit_test(test_coap_upload_whole),
        cmocka_unit_test(test_coap_upload_out_of_order),
        cmocka_unit_test(test_coap_upload_first_again),
        cmocka_unit_test(test_coap_upload_smaller_in_midflow),
        cmocka_unit_test(test_coap_upload_limits),
        cmocka_unit_test(test_coap_upload_evil_shapes),
        cmocka_unit_test(test_coap_upload_peers_and_resources),
        cmocka_unit_test(test_coap_upload_gives_way),
        cmocka_unit_test(test_coap_upload_options),
        cmocka_unit_test(test_coap_answer_find),
        cmocka_unit_test(test_coap_condition),
        cmocka_unit_test(test_coap_condition_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
