/* SPDX-License-Identifier: Apache-2.0
 *
 * A fetch by hand: what it sends and when, and what it makes of answers that
 * are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/fetch.h"

#define SLOTS 4u

static const uint8_t random_bytes[8] = {9, 8, 7, 6, 5, 4, 3, 2};

struct by_hand {
    struct selv_coap_path path;
    struct selv_coap_fetch fetch;
    struct selv_coap_fetch_slot slots[SLOTS];
    struct selv_coap_request rq;
    struct selv_coap_event event;
    uint64_t now;
    uint8_t tx[SELV_COAP_HEADER_MAX];
    size_t tx_len;
    struct selv_coap_msg sent; /* the latest request, a view into tx */
    uint8_t rx[1300];
};

static enum selv_coap_fetch_action poll(struct by_hand *b)
{
    struct selv_buf out = {b->tx, sizeof b->tx, 0};
    enum selv_coap_fetch_action a =
        selv_coap_fetch_poll(&b->fetch, b->now, &out, &b->event);
    if (a == SELV_COAP_FETCH_SEND) {
        b->tx_len = out.len;
        assert_int_equal(selv_coap_parse(selv_bytes(b->tx, out.len), &b->sent),
                         SELV_OK);
    }
    return a;
}

/* The next request, which pacing may delay. */
static void poll_sends(struct by_hand *b)
{
    enum selv_coap_fetch_action a = poll(b);
    if (a == SELV_COAP_FETCH_WAIT) {
        b->now = b->event.until_ms;
        a = poll(b);
    }
    assert_int_equal(a, SELV_COAP_FETCH_SEND);
}

/* A body of 256 bytes, in blocks of 64, is wanted. */
static void begin(struct by_hand *b)
{
    memset(b, 0, sizeof *b);
    b->now = 1000;
    b->rq.code = SELV_COAP_GET;
    b->rq.szx = 2;
    b->rq.accept = SELV_COAP_NO_FORMAT;
    b->rq.path = selv_bytes("i/1f", 4);
    b->rq.body_max = 256;
    b->rq.deadline_ms = 600000;
    selv_coap_path_init(&b->path, 7);
    selv_coap_fetch_init(&b->fetch, &b->path, b->slots, SLOTS);
    assert_int_equal(
        selv_coap_fetch_start(&b->fetch, &b->rq, random_bytes, b->now),
        SELV_OK);
}

static void begin_whole(struct by_hand *b)
{
    begin(b);
    assert_int_equal(poll(b), SELV_COAP_FETCH_WANT);
    assert_int_equal(selv_coap_fetch_want(&b->fetch, 0, 256), SELV_OK);
    selv_coap_fetch_all(&b->fetch);
    assert_int_equal(poll(b), SELV_COAP_FETCH_SEND);
}

/* An answer; each test changes what it is about. */
struct answer {
    uint8_t type, code;
    bool no_block;
    struct selv_coap_block block;
    const char *etag;
    uint32_t size2;   /* 0: none */
    uint32_t max_age; /* 0: none */
    uint16_t bad_option;
    size_t len;         /* of the payload */
    uint32_t token_off; /* added to the token */
    uint16_t mid;
};

#define GOOD                                                                   \
    {                                                                          \
        .type = SELV_COAP_NON, .code = SELV_COAP_CONTENT,                      \
        .block = {0, 2, true}, .etag = "a", .size2 = 256, .len = 64            \
    }

static bool feed(struct by_hand *b, const struct answer *a)
{
    struct selv_coap_writer w;
    uint8_t token[4];
    uint8_t payload[1024] = {0};
    size_t len;
    selv_put_be32(token, selv_get_be32(b->sent.token.p) + a->token_off);
    selv_coap_write_begin(
        &w, b->rx, sizeof b->rx, (enum selv_coap_type)a->type, a->code,
        a->type == SELV_COAP_ACK ? b->sent.mid : a->mid, selv_bytes(token, 4));
    if (a->etag != NULL) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG,
                            selv_bytes(a->etag, strlen(a->etag)));
    }
    if (a->bad_option != 0) {
        selv_coap_write_uint(&w, a->bad_option, 1);
    }
    if (a->max_age != 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_MAX_AGE, a->max_age);
    }
    if (!a->no_block && a->block.szx <= 6) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &a->block);
    } else if (!a->no_block) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_BLOCK2,
                             a->block.num << 4 | a->block.szx);
    }
    if (a->size2 != 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE2, a->size2);
    }
    selv_coap_write_payload(&w, selv_bytes(payload, a->len));
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    return selv_coap_fetch_feed(&b->fetch, b->now, selv_bytes(b->rx, len));
}

/* The good answer to the first request is told. */
static void first_told(struct by_hand *b)
{
    struct answer a = GOOD;
    begin_whole(b);
    assert_int_equal(poll(b), SELV_COAP_FETCH_WAIT);
    b->now += 100;
    assert_true(feed(b, &a));
    assert_int_equal(poll(b), SELV_COAP_FETCH_BLOCK);
    assert_int_equal(b->event.offset, 0);
    assert_int_equal(b->event.payload.len, 64);
    assert_int_equal(b->event.size2, 256);
    assert_true(b->event.more);
}

/* ---- what is sent ---------------------------------------------------------
 */

static void test_coap_fetch_start_refuses(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct by_hand b;
        begin(&b);
        selv_coap_fetch_abort(&b.fetch);
        struct selv_coap_request rq = b.rq;
        enum selv_err expected = SELV_ERR_ARG;
        rq.code = i == 0 ? SELV_COAP_POST : rq.code;
        rq.szx = i == 1 ? 7 : rq.szx;
        rq.deadline_ms = i == 2 ? 0 : rq.deadline_ms;
        rq.body_max = i == 3 ? (1u << 30) + 1 : rq.body_max;
        rq.resume_etag = i == 4 ? selv_bytes("123456789", 9) : rq.resume_etag;
        if (i == 5) {
            selv_coap_fetch_init(&b.fetch, &b.path, b.slots, 0);
        }
        if (i == 6) {
            assert_int_equal(
                selv_coap_fetch_start(&b.fetch, &rq, random_bytes, b.now),
                SELV_OK);
            expected = SELV_ERR_COAP_BUSY;
        }
        assert_int_equal(
            selv_coap_fetch_start(&b.fetch, &rq, random_bytes, b.now),
            expected);
    }
}

static void test_coap_fetch_want_refuses(void **state)
{
    struct by_hand b;
    (void)state;
    begin(&b);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 32, 64), SELV_ERR_ARG);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 0), SELV_ERR_ARG);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 257),
                     SELV_ERR_COAP_SIZE);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 320, 1),
                     SELV_ERR_COAP_SIZE);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_WANT);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 192, 64), SELV_OK);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 64), SELV_ERR_COAP_BUSY);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_int_equal(b.sent.block2.num, 3);
    selv_coap_fetch_all(&b.fetch);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 64), SELV_ERR_COAP_BUSY);
}

/* One request to a peer that has never answered; asked again after 0.5 to
 * 0.75 s by two, of which every other time one is confirmable, then after twice
 * as long each time, until it is PROBING_RATE, 1 byte/s. Each has a message ID
 * and a token of its own; only the deadline is the end [RFC 7252 4.7]. */
static void test_coap_fetch_silence(void **state)
{
    struct by_hand b;
    uint32_t outs = 0; /* instants at which something was sent */
    uint32_t sends = 1;
    uint32_t cons = 0;
    uint32_t bytes = 0;
    uint32_t early = 1; /* of the first MAX_TRANSMIT_WAIT */
    uint64_t last = 1000;
    uint64_t gap = 500;
    (void)state;
    begin_whole(&b);
    b.rq.deadline_ms = 86400000;
    selv_coap_fetch_abort(&b.fetch);
    assert_int_equal(
        selv_coap_fetch_start(&b.fetch, &b.rq, random_bytes, b.now), SELV_OK);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 256), SELV_OK);
    selv_coap_fetch_all(&b.fetch);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_int_equal(b.sent.type, SELV_COAP_NON);
    for (;;) {
        uint16_t mid = b.sent.mid;
        uint32_t token = selv_get_be32(b.sent.token.p);
        enum selv_coap_fetch_action a = poll(&b);
        assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 1);
        if (a == SELV_COAP_FETCH_FAILED) {
            break;
        }
        if (a == SELV_COAP_FETCH_WAIT) {
            assert_true(b.event.until_ms > b.now);
            b.now = b.event.until_ms;
            continue;
        }
        assert_int_equal(a, SELV_COAP_FETCH_SEND);
        assert_int_not_equal(b.sent.mid, mid);
        assert_int_not_equal(selv_get_be32(b.sent.token.p), token);
        bytes += (uint32_t)b.tx_len;
        cons += b.sent.type == SELV_COAP_CON;
        sends++;
        early += b.now <= 1000 + SELV_COAP_MAX_TRANSMIT_WAIT_MS;
        if (b.now != last) {
            uint64_t rate = b.tx_len * 1000;
            uint64_t part = (last - 1000) / 8;
            uint64_t limit = part > 2000 ? part : 2000;
            limit = limit < rate ? limit : rate;
            assert_true(b.now - last >= (gap < limit ? gap : limit));
            assert_true(b.now - last <= rate);
            gap *= 2;
            last = b.now;
            outs++;
        }
    }
    assert_int_equal(b.event.err, SELV_ERR_COAP_TIMEOUT);
    assert_true(b.now == 86401000);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT); /* told once */
    assert_true(b.event.until_ms == UINT64_MAX);
    assert_int_equal(sends, 1 + outs + 4); /* four pairs */
    assert_int_equal(cons, outs / 2);
    assert_true(early <= 31); /* one in three seconds [RFC 8085 3.1.3] */
    assert_true(bytes <= 86400 + 30 * 40);
    assert_true(bytes >= 86400 - 10 * 40);
}

/* A peer that was heard before is asked by two requests every 2 to 3 s for a
 * minute, so that a burst of losses costs seconds; then by one, less and less.
 */
static void test_coap_fetch_silence_of_known(void **state)
{
    struct by_hand b;
    uint32_t sends = 0;
    uint32_t bytes = 0;
    uint64_t last;
    uint64_t begun;
    (void)state;
    begin(&b);
    b.rq.deadline_ms = 86400000;
    selv_coap_fetch_abort(&b.fetch);
    selv_coap_path_sent(&b.path, 100);
    selv_coap_path_answered(&b.path, b.path.next - 1, 100, 0, 100, 1000);
    assert_int_equal(
        selv_coap_fetch_start(&b.fetch, &b.rq, random_bytes, b.now), SELV_OK);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 64), SELV_OK);
    selv_coap_fetch_all(&b.fetch);
    poll_sends(&b);
    begun = b.now;
    last = b.now;
    for (;;) {
        enum selv_coap_fetch_action a = poll(&b);
        if (a == SELV_COAP_FETCH_FAILED) {
            break;
        }
        if (a == SELV_COAP_FETCH_WAIT) {
            assert_true(b.event.until_ms > b.now);
            b.now = b.event.until_ms;
            continue;
        }
        assert_int_equal(a, SELV_COAP_FETCH_SEND);
        uint64_t rate = b.tx_len * 1000;
        uint64_t limit = last - begun <= 60000 ? 3000 : (last - begun) / 16;
        assert_true(b.now - last <= (limit < rate ? limit : rate));
        last = b.now;
        bytes += (uint32_t)b.tx_len;
        sends++;
        if (b.now - begun <= 60000) {
            assert_true(sends <= 2 * (5 + 60 / 2));
        }
    }
    assert_int_equal(b.event.err, SELV_ERR_COAP_TIMEOUT);
    assert_true(bytes <= 86400 + 90 * 40);
    assert_true(bytes >= 86400);
}

static void test_coap_fetch_opens(void **state)
{
    struct by_hand b;
    (void)state;
    first_told(&b);
    uint32_t sends = 0;
    for (int i = 0; i < 100; i++) {
        enum selv_coap_fetch_action a = poll(&b);
        sends += a == SELV_COAP_FETCH_SEND;
        if (a == SELV_COAP_FETCH_WAIT) {
            b.now = b.event.until_ms < 1300 ? b.event.until_ms : 1300;
        }
    }
    assert_true(sends >= 3 && sends <= 3 + 2); /* three blocks, two extra */
    assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 3);
}

static void test_coap_fetch_pause(void **state)
{
    struct by_hand b;
    struct answer a = GOOD;
    (void)state;
    begin_whole(&b);
    selv_coap_fetch_pause(&b.fetch, true);
    b.now += 100;
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK); /* what comes is told */
    b.now += 100000;
    assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
    assert_true(b.event.until_ms == 601000);
    selv_coap_fetch_pause(&b.fetch, false);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    selv_coap_fetch_pause(&b.fetch, true);
    b.now = 601000;
    assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
    assert_int_equal(b.event.err, SELV_ERR_COAP_TIMEOUT);
}

/* The request must fit. */
static void test_coap_fetch_long_path(void **state)
{
    struct by_hand b;
    char path[200];
    (void)state;
    begin(&b);
    memset(path, 'x', sizeof path);
    b.rq.path = selv_bytes(path, sizeof path);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 64), SELV_OK);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
    assert_int_equal(b.event.err, SELV_ERR_SPACE);
}

/* ---- hostile answers --------------------------------------------------------
 */

struct hostile {
    const char *name;
    bool is_second; /* after a good first block */
    struct answer a;
    enum selv_err err; /* SELV_OK: as if it had not come */
};

static const struct hostile hostiles[] = {
    {"another block",
     false,
     {1, 69, false, {1, 2, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"a larger block",
     false,
     {1, 69, false, {0, 3, true}, "a", 0, 0, 0, 128, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"reserved size",
     false,
     {1, 69, false, {0, 7, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"short, and more",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 63, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"too long",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 65, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"nothing, and more",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 0, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"ends early",
     false,
     {1, 69, false, {0, 2, false}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"says it ends early",
     false,
     {1, 69, false, {0, 2, true}, "a", 192, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"says it is long",
     false,
     {1, 69, false, {0, 2, true}, "a", 257, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"says less than it sends",
     false,
     {1, 69, false, {0, 2, true}, "a", 64, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"whole, and short",
     false,
     {1, 69, true, {0}, "a", 0, 0, 0, 100, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"whole, and long",
     false,
     {1, 69, true, {0}, "a", 0, 0, 0, 257, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"empty",
     false,
     {1, 69, true, {0}, "a", 0, 0, 0, 0, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"2.04",
     false,
     {1, 68, false, {0, 2, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_CODE},
    {"2.03",
     false,
     {1, 67, true, {0}, "a", 0, 0, 0, 0, 0, 0},
     SELV_ERR_COAP_CODE},
    {"4.04",
     false,
     {1, 132, true, {0}, NULL, 0, 0, 0, 9, 0, 0},
     SELV_ERR_COAP_CODE},
    {"5.00",
     false,
     {1, 160, true, {0}, NULL, 0, 0, 0, 0, 0, 0},
     SELV_ERR_COAP_CODE},
    {"critical option",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 9, 64, 0, 0},
     SELV_ERR_COAP_OPTION},
    {"another ETag",
     true,
     {1, 69, false, {1, 2, true}, "b", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_ETAG},
    {"no ETag",
     true,
     {1, 69, false, {1, 2, true}, NULL, 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_ETAG},
    {"another length",
     true,
     {1, 69, false, {1, 2, true}, "a", 255, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"ends before it said",
     true,
     {1, 69, false, {1, 2, false}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_SIZE},
    {"block 0 once more",
     true,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_BLOCK},
    {"whole, to block 1",
     true,
     {1, 69, true, {0}, "a", 0, 0, 0, 64, 0, 0},
     SELV_ERR_COAP_BLOCK},
    /* off the path: the token is a guess */
    {"wrong token",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 64, 1, 0},
     SELV_OK},
    {"token to come",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 64, 0x9e3779b9u, 0},
     SELV_OK},
    {"token before the first",
     false,
     {1, 69, false, {0, 2, true}, "a", 0, 0, 0, 64, 0u - 0x9e3779b9u, 0},
     SELV_OK},
    {"wrong token, 4.04",
     false,
     {1, 132, true, {0}, NULL, 0, 0, 0, 0, 77, 0},
     SELV_OK},
    {"the first one's token, 4.04",
     true,
     {1, 132, true, {0}, NULL, 0, 0, 0, 0, 0u - 0x9e3779b9u, 0},
     SELV_OK},
    {"the first one again",
     true,
     {1, 69, false, {0, 2, true}, "b", 0, 0, 0, 64, 0u - 0x9e3779b9u, 0},
     SELV_OK},
    {"a Reset with a code",
     false,
     {3, 69, false, {0, 2, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_OK},
    {"class 3",
     false,
     {1, 100, false, {0, 2, true}, "a", 0, 0, 0, 64, 0, 0},
     SELV_OK},
};

static void test_coap_fetch_evil(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostiles / sizeof hostiles[0]; i++) {
        const struct hostile *h = &hostiles[i];
        struct by_hand b;
        if (h->is_second) {
            first_told(&b);
            poll_sends(&b);
            assert_int_equal(b.sent.block2.num, 1);
        } else {
            begin_whole(&b);
        }
        uint32_t told = selv_coap_fetch_told(&b.fetch);
        (void)feed(&b, &h->a);
        enum selv_coap_fetch_action a = poll(&b);
        if (h->err == SELV_OK
                ? a != SELV_COAP_FETCH_WAIT && a != SELV_COAP_FETCH_SEND
                : a != SELV_COAP_FETCH_FAILED || b.event.err != h->err) {
            fail_msg("%s: action %d, error %d", h->name, a, b.event.err);
        }
        if (h->err == SELV_ERR_COAP_CODE) {
            assert_int_equal(b.event.code, h->a.code);
            assert_int_equal(b.event.payload.len,
                             h->a.code >= 128 ? h->a.len : 0);
        }
        assert_int_equal(selv_coap_fetch_told(&b.fetch), told);
    }
}

/* No cut and no bit flip of an answer tells a byte of another place. */
static void test_coap_fetch_evil_flips(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 90; bit++) {
        struct by_hand b;
        struct answer a = GOOD;
        begin_whole(&b);
        assert_true(feed(&b, &a));
        assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
        size_t len = (size_t)(b.event.payload.p - b.rx) + 64;
        begin_whole(&b);
        b.rx[bit / 8 % len] ^= (uint8_t)(1u << bit % 8);
        (void)selv_coap_fetch_feed(&b.fetch, b.now, selv_bytes(b.rx, len));
        if (poll(&b) == SELV_COAP_FETCH_BLOCK) {
            assert_int_equal(b.event.offset, 0);
            assert_true(b.event.payload.len <= 64);
        }
        begin_whole(&b);
        (void)selv_coap_fetch_feed(&b.fetch, b.now,
                                   selv_bytes(b.rx, bit % len));
        enum selv_coap_fetch_action act = poll(&b);
        assert_true(act != SELV_COAP_FETCH_BLOCK || b.event.offset == 0);
    }
}

static void test_coap_fetch_resume_etag(void **state)
{
    struct by_hand b;
    struct answer a = GOOD;
    (void)state;
    begin_whole(&b);
    b.rq.resume_etag = selv_bytes("other", 5);
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
    assert_int_equal(b.event.err, SELV_ERR_COAP_ETAG);
}

/* ---- answers that are not the end -------------------------------------------
 */

static void test_coap_fetch_unavailable(void **state)
{
    static const uint8_t codes[] = {SELV_COAP_UNAVAILABLE, SELV_COAP_TOO_MANY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct by_hand b;
        struct answer a = GOOD;
        struct answer wait = {.type = SELV_COAP_NON,
                              .code = codes[i],
                              .no_block = true,
                              .max_age = 30};
        begin_whole(&b);
        b.now += 100;
        assert_true(feed(&b, &wait));
        assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
        assert_true(b.event.until_ms == b.now + 30000);
        b.now += 29999;
        assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
        b.now += 1;
        assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
        assert_int_equal(b.sent.block2.num, 0);
        b.now += 100;
        assert_true(feed(&b, &a));
        assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
        /* for ever is until the deadline */
        wait.max_age = UINT32_MAX;
        begin_whole(&b);
        assert_true(feed(&b, &wait));
        assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
        assert_true(b.event.until_ms == 601000);
    }
}

/* An answer with an Echo: 4.01, or the first block. back: to which of the
 * requests before. */
static void feed_echo(struct by_hand *b, uint8_t code, const char *value,
                      uint32_t back)
{
    struct selv_coap_writer w;
    uint8_t token[4];
    size_t len;
    const struct selv_coap_block first = {0, 2, true};
    bool is_content = code == SELV_COAP_CONTENT;
    selv_put_be32(token, selv_get_be32(b->sent.token.p) - back * 0x9e3779b9u);
    selv_coap_write_begin(&w, b->rx, sizeof b->rx, SELV_COAP_NON, code, 99,
                          selv_bytes(token, 4));
    if (is_content) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &first);
    }
    if (value != NULL) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ECHO,
                            selv_bytes(value, strlen(value)));
    }
    static const uint8_t zeros[64];
    if (is_content) {
        selv_coap_write_payload(&w, selv_bytes(zeros, sizeof zeros));
    }
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    assert_true(
        selv_coap_fetch_feed(&b->fetch, b->now, selv_bytes(b->rx, len)));
}

static void sent_echoes(const struct by_hand *b, const char *value)
{
    struct selv_bytes v = {NULL, 0};
    assert_int_equal(selv_coap_opt_find(&b->sent, SELV_COAP_OPT_ECHO, &v),
                     value != NULL);
    if (value != NULL) {
        assert_int_equal(v.len, strlen(value));
        assert_memory_equal(v.p, value, v.len);
    }
}

static void empty(struct by_hand *b, enum selv_coap_type type, uint16_t mid)
{
    uint8_t d[4] = {(uint8_t)(0x40u | (unsigned)type << 4), 0,
                    (uint8_t)(mid >> 8), (uint8_t)mid};
    memcpy(b->rx, d, 4);
    (void)selv_coap_fetch_feed(&b->fetch, b->now, selv_bytes(b->rx, 4));
}

/* 4.01 with an Echo: asked again at once, with it, and so is all that follows,
 * in the next fetch on the path, too; but not for another address. */
static void test_coap_fetch_echo(void **state)
{
    static const char longest[] = "0123456789012345678901234567890123456789";
    struct by_hand b;
    (void)state;
    begin_whole(&b);
    sent_echoes(&b, NULL);
    b.now += 100;
    feed_echo(&b, SELV_COAP_UNAUTHORIZED, "one", 0);
    poll_sends(&b);
    assert_int_equal(b.sent.block2.num, 0);
    sent_echoes(&b, "one");
    /* the first request's, doubled: nothing new */
    feed_echo(&b, SELV_COAP_UNAUTHORIZED, "one", 1);
    assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 1);
    b.now += 100;
    feed_echo(&b, SELV_COAP_CONTENT, longest, 0); /* of any answer */
    assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
    poll_sends(&b);
    assert_int_equal(b.sent.block2.num, 1);
    sent_echoes(&b, longest);
    selv_coap_fetch_abort(&b.fetch);
    assert_int_equal(
        selv_coap_fetch_start(&b.fetch, &b.rq, random_bytes, b.now), SELV_OK);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, 256), SELV_OK);
    poll_sends(&b);
    sent_echoes(&b, longest);
    /* that value has grown old */
    feed_echo(&b, SELV_COAP_UNAUTHORIZED, "two", 0);
    poll_sends(&b);
    sent_echoes(&b, "two");
    selv_coap_fetch_moved(&b.fetch);
    poll_sends(&b);
    sent_echoes(&b, NULL);
}

/* Many are in flight when the challenge comes: all of them are refused, which
 * counts as one refusal, whatever the values are. */
static void test_coap_fetch_echo_window(void **state)
{
    static const char *const values[] = {"a", "b", "c"};
    struct by_hand b;
    uint32_t first;
    (void)state;
    first_told(&b);
    poll_sends(&b);
    first = b.sent.block2.num;
    poll_sends(&b);
    poll_sends(&b);
    for (uint32_t i = 0; i < 3; i++) {
        feed_echo(&b, SELV_COAP_UNAUTHORIZED, values[i], 2 - i);
    }
    assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 0);
    for (uint32_t i = 0; i < 3; i++) {
        poll_sends(&b);
        assert_int_equal(b.sent.block2.num, first + i);
        sent_echoes(&b, "c");
    }
}

/* What ends a fetch: a value refused that was echoed, a new one each time, 4.01
 * without one, an empty one, one too long. */
static void test_coap_fetch_echo_refused(void **state)
{
    static const char *const values[] = {
        NULL, "", "0123456789012345678901234567890123456789x"};
    struct by_hand b;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin_whole(&b);
        feed_echo(&b, SELV_COAP_UNAUTHORIZED, values[i], 0);
        assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
        assert_int_equal(b.event.err, SELV_ERR_COAP_CODE);
        assert_int_equal(b.event.code, SELV_COAP_UNAUTHORIZED);
    }
    begin_whole(&b);
    feed_echo(&b, SELV_COAP_UNAUTHORIZED, "one", 0);
    poll_sends(&b);
    feed_echo(&b, SELV_COAP_UNAUTHORIZED, "one", 0);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
    assert_int_equal(b.event.code, SELV_COAP_UNAUTHORIZED);
    begin_whole(&b);
    uint32_t asked = 0;
    for (char value[2] = "a"; asked < 100; value[0]++) {
        feed_echo(&b, SELV_COAP_UNAUTHORIZED, value, 0);
        b.now += 100;
        enum selv_coap_fetch_action a = poll(&b);
        if (a == SELV_COAP_FETCH_WAIT) {
            b.now = b.event.until_ms;
            a = poll(&b);
        }
        if (a == SELV_COAP_FETCH_FAILED) {
            break;
        }
        assert_int_equal(a, SELV_COAP_FETCH_SEND);
        asked++;
    }
    assert_int_equal(asked, 8);
}

/* 4.02 or a Reset to a request that is not confirmable: then confirmable ones,
 * one at a time; to these they are the end. */
static void test_coap_fetch_confirmable(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct by_hand b;
        struct answer no = {.type = SELV_COAP_NON,
                            .code = SELV_COAP_BAD_OPTION,
                            .no_block = true};
        begin_whole(&b);
        b.now += 50;
        if (i % 2 == 0) {
            assert_true(feed(&b, &no));
        } else {
            empty(&b, SELV_COAP_RST, b.sent.mid);
        }
        poll_sends(&b);
        assert_int_equal(b.sent.type, SELV_COAP_CON);
        if (i >= 2) {
            no.type = SELV_COAP_ACK;
            if (i == 2) {
                assert_true(feed(&b, &no));
            } else {
                empty(&b, SELV_COAP_RST, b.sent.mid);
            }
            assert_int_equal(poll(&b), SELV_COAP_FETCH_FAILED);
            assert_int_equal(b.event.err,
                             i == 2 ? SELV_ERR_COAP_CODE : SELV_ERR_COAP_RESET);
            continue;
        }
        for (uint32_t num = 0; num < 4; num++) {
            struct answer a = GOOD;
            a.type = SELV_COAP_ACK;
            a.block = (struct selv_coap_block){num, 2, num < 3};
            assert_int_equal(b.sent.block2.num, num);
            assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
            assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 1);
            b.now += 100;
            assert_true(feed(&b, &a));
            assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
            enum selv_coap_fetch_action next = poll(&b);
            if (next == SELV_COAP_FETCH_WAIT) {
                b.now = b.event.until_ms;
                next = poll(&b);
            }
            assert_int_equal(next, num < 3 ? SELV_COAP_FETCH_SEND
                                           : SELV_COAP_FETCH_DONE);
            assert_true(num == 3 || b.sent.type == SELV_COAP_CON);
        }
    }
}

/* A Reset needs no more than a guess of 16 bits: it is not believed of a peer
 * that answers. */
static void test_coap_fetch_reset_is_not_believed(void **state)
{
    struct by_hand b;
    (void)state;
    first_told(&b);
    poll_sends(&b);
    empty(&b, SELV_COAP_RST, b.sent.mid);
    assert_int_equal(selv_coap_fetch_in_flight(&b.fetch), 1);
    enum selv_coap_fetch_action a = poll(&b);
    assert_true(a == SELV_COAP_FETCH_SEND || a == SELV_COAP_FETCH_WAIT);
    assert_true(a == SELV_COAP_FETCH_WAIT || b.sent.type == SELV_COAP_NON);
}

/* A confirmable answer is acknowledged, its copy too, a stranger's rejected. */
static void test_coap_fetch_acknowledges(void **state)
{
    struct by_hand b;
    struct answer a = GOOD;
    (void)state;
    begin_whole(&b);
    struct selv_coap_msg asked = b.sent;
    uint8_t asked_bytes[SELV_COAP_HEADER_MAX];
    memcpy(asked_bytes, b.tx, sizeof b.tx);
    a.type = SELV_COAP_CON;
    a.mid = 0x1234;
    b.now += 100;
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_int_equal(b.sent.type, SELV_COAP_ACK);
    assert_int_equal(b.sent.mid, 0x1234);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
    asked.token.p = asked_bytes + 4;
    b.sent = asked;
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_int_equal(b.sent.type, SELV_COAP_ACK);
    b.sent = asked;
    a.token_off = 12345;
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_int_equal(b.sent.type, SELV_COAP_RST);
    assert_int_equal(selv_coap_fetch_told(&b.fetch), 64);
}

/* Requests and pings are not ours. */
static void test_coap_fetch_leaves_requests(void **state)
{
    static const uint8_t get[] = {0x40, 1, 0, 9};
    static const uint8_t ping[] = {0x40, 0, 0, 9};
    static const uint8_t reset[] = {0x70, 0, 0, 9};
    struct by_hand b;
    (void)state;
    begin_whole(&b);
    assert_false(selv_coap_fetch_feed(&b.fetch, b.now, selv_bytes(get, 4)));
    assert_false(selv_coap_fetch_feed(&b.fetch, b.now, selv_bytes(ping, 4)));
    assert_false(selv_coap_fetch_feed(&b.fetch, b.now, selv_bytes(reset, 4)));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_WAIT);
}

/* An answer to the first of two transmissions of a block is as good. */
static void test_coap_fetch_late_answer(void **state)
{
    struct by_hand b;
    struct answer a = GOOD;
    (void)state;
    begin_whole(&b);
    (void)poll(&b);
    b.now = b.event.until_ms;
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    a.token_off = 0u - 0x9e3779b9u;
    b.now += 200;
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_BLOCK);
    a.token_off = 0;
    b.now += 1000;
    selv_put_be32(b.tx + 4, selv_get_be32(b.sent.token.p));
    assert_true(feed(&b, &a)); /* the second one's: dropped */
    assert_true(poll(&b) != SELV_COAP_FETCH_BLOCK);
}

static void test_coap_fetch_empty_body(void **state)
{
    struct by_hand b;
    struct answer a = {
        .type = SELV_COAP_NON, .code = SELV_COAP_CONTENT, .no_block = true};
    (void)state;
    begin(&b);
    assert_int_equal(selv_coap_fetch_want(&b.fetch, 0, SELV_COAP_FETCH_TO_END),
                     SELV_OK);
    selv_coap_fetch_all(&b.fetch);
    assert_int_equal(poll(&b), SELV_COAP_FETCH_SEND);
    assert_true((b.sent.has & SELV_COAP_HAS_SIZE2) != 0);
    assert_true(feed(&b, &a));
    assert_int_equal(poll(&b), SELV_COAP_FETCH_DONE);
    assert_int_equal(selv_coap_fetch_told(&b.fetch), 0);
}

/* ---- the path ---------------------------------------------------------------
 */

static void test_coap_path_known(void **state)
{
    struct selv_coap_path p;
    (void)state;
    selv_coap_path_init(&p, 5);
    assert_false(selv_coap_path_is_known(&p));
    assert_int_equal(selv_coap_path_wait(&p, 0, 100, 0), 0);
    selv_coap_path_sent(&p, 100);
    assert_int_equal(p.next, 6);
    assert_true(selv_coap_path_wait(&p, 100, 100, 0) == SELV_COAP_PATH_FULL);
    selv_coap_path_answered(&p, 5, 100, 0, 0, 200);
    assert_false(selv_coap_path_is_known(&p)); /* answered, but when asked? */
    selv_coap_path_answered(&p, 5, 100, 0, 200, 200);
    assert_true(selv_coap_path_is_known(&p));
    /* no more than twice */
    assert_int_equal(selv_coap_path_timeout(&p, 100), 400);
    /* the first window, paced */
    uint32_t now = 200;
    uint32_t sent = 0;
    while (sent < 100) {
        uint32_t wait = selv_coap_path_wait(&p, sent * 100, 100, now);
        if (wait == SELV_COAP_PATH_FULL) {
            break;
        }
        now += wait;
        if (wait == 0) {
            selv_coap_path_sent(&p, 100);
            sent++;
        }
    }
    assert_int_equal(sent, 43); /* 4380 bytes [RFC 3390] */
    assert_true(now >= 270 && now <= 400);
}

/* The least time of an empty answer is not that of a block: no queue is seen
 * where there is none, and the first window is one of blocks. */
static void test_coap_path_lengths(void **state)
{
    struct selv_coap_path p;
    (void)state;
    selv_coap_path_init(&p, 0);
    selv_coap_path_sent(&p, 20);
    selv_coap_path_answered(&p, 0, 20, 0, 5, 1000);
    assert_true(selv_coap_path_is_measured(&p, 40));
    assert_false(selv_coap_path_is_measured(&p, 41));
    selv_coap_path_begin(&p, 1100);
    assert_int_equal(p.cwnd, 11000);
    selv_coap_path_sent(&p, 1100);
    selv_coap_path_answered(&p, 1, 1100, 0, 40, 1100);
    assert_int_equal(p.rtt_min, 40);
    assert_int_equal(p.srtt, 40 * 8);
    assert_int_equal(p.slow, 0);
    /* and the other way round */
    selv_coap_path_sent(&p, 20);
    selv_coap_path_answered(&p, 2, 20, 0, 5, 1200);
    assert_int_equal(p.rtt_min, 40);
    /* a block that took hardly longer leaves what is known */
    selv_coap_path_init(&p, 0);
    selv_coap_path_sent(&p, 20);
    selv_coap_path_answered(&p, 0, 20, 0, 100, 1000);
    selv_coap_path_sent(&p, 1100);
    selv_coap_path_answered(&p, 1, 1100, 0, 110, 1200);
    assert_int_equal(p.rtt_min, 100);
}

/* Losses by themselves change neither rate nor window by much; silence does. */
static void test_coap_path_loss(void **state)
{
    struct selv_coap_path p;
    uint32_t now = 0;
    (void)state;
    selv_coap_path_init(&p, 0);
    for (uint32_t i = 0; i < 2000; i++) {
        selv_coap_path_sent(&p, 1000);
        now += 10;
        if (i % 5 == 4) {
            selv_coap_path_lost(&p);
        } else {
            selv_coap_path_answered(&p, p.next - 1 - (i < 10 ? i : 10), 1000,
                                    10000, 100, now);
        }
    }
    assert_true(selv_coap_path_is_lossy(&p));
    uint32_t rate = selv_coap_path_rate(&p);
    assert_true(rate >= 70000 && rate <= 130000); /* 80 kB/s arrive */
    selv_coap_path_silent(&p);
    assert_int_equal(selv_coap_path_rate(&p), 0);
    assert_true(selv_coap_path_wait(&p, 5000, 1000, now) ==
                SELV_COAP_PATH_FULL);
    assert_int_equal(selv_coap_path_wait(&p, 0, 1000, now + 10000), 0);
}

/* Numbers at the ends of their ranges. */
static void test_coap_path_limits(void **state)
{
    struct selv_coap_path p;
    uint32_t now = UINT32_MAX - 500;
    (void)state;
    for (uint32_t bytes = 1; bytes < 70000; bytes = bytes * 7 + 1) {
        for (uint32_t rtt = 1; rtt <= 65535; rtt = rtt * 5 + 3) {
            selv_coap_path_init(&p, UINT32_MAX - 20);
            for (uint32_t i = 0; i < 300; i++) {
                uint32_t wait =
                    selv_coap_path_wait(&p, (i % 9) * bytes, bytes, now);
                now += wait == SELV_COAP_PATH_FULL ? 0 : wait % 100000;
                selv_coap_path_sent(&p, bytes);
                now += i % 3;
                selv_coap_path_answered(&p, p.next - 1, bytes, bytes * 3,
                                        (uint16_t)rtt, now);
                if (i % 50 == 49) {
                    selv_coap_path_lost(&p);
                    selv_coap_path_too_hasty(&p);
                }
                assert_true(selv_coap_path_timeout(&p, bytes) >= 1);
                assert_true(selv_coap_path_timeout(&p, bytes) <= 2 * 65536);
            }
            assert_true(p.reorder <= 16);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_fetch_start_refuses),
        cmocka_unit_test(test_coap_fetch_want_refuses),
        cmocka_unit_test(test_coap_fetch_silence),
        cmocka_unit_test(test_coap_fetch_silence_of_known),
        cmocka_unit_test(test_coap_fetch_opens),
        cmocka_unit_test(test_coap_fetch_pause),
        cmocka_unit_test(test_coap_fetch_long_path),
        cmocka_unit_test(test_coap_fetch_evil),
        cmocka_unit_test(test_coap_fetch_evil_flips),
        cmocka_unit_test(test_coap_fetch_resume_etag),
        cmocka_unit_test(test_coap_fetch_unavailable),
        cmocka_unit_test(test_coap_fetch_echo),
        cmocka_unit_test(test_coap_fetch_echo_window),
        cmocka_unit_test(test_coap_fetch_echo_refused),
        cmocka_unit_test(test_coap_fetch_confirmable),
        cmocka_unit_test(test_coap_fetch_reset_is_not_believed),
        cmocka_unit_test(test_coap_fetch_acknowledges),
        cmocka_unit_test(test_coap_fetch_leaves_requests),
        cmocka_unit_test(test_coap_fetch_late_answer),
        cmocka_unit_test(test_coap_fetch_empty_body),
        cmocka_unit_test(test_coap_path_known),
        cmocka_unit_test(test_coap_path_lengths),
        cmocka_unit_test(test_coap_path_loss),
        cmocka_unit_test(test_coap_path_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
