/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against answers written by hand: timing, separate responses,
 * blocks, and whatever a hostile server may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"

static const uint8_t seed[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* One client with its buffers and what it said last. */
struct world {
    struct selv_coap_client c;
    struct selv_coap_request rq;
    struct selv_coap_event event;
    struct selv_coap_msg sent; /* last datagram, parsed */
    uint8_t tx[1300];
    size_t tx_len;
    uint8_t *rx; /* heap block of the datagram's exact size */
    uint64_t now;
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    selv_coap_client_init(&w->c);
    w->now = 1000;
    w->rq.code = SELV_COAP_GET;
    w->rq.szx = 2;
    w->rq.content_format = SELV_COAP_NO_FORMAT;
    w->rq.accept = SELV_COAP_NO_FORMAT;
    w->rq.path = selv_bytes("m", 1);
    w->rq.body_max = 256;
    w->rq.deadline_ms = 600000;
    return w;
}

static void world_free(struct world *w)
{
    free(w->rx);
    free(w);
}

static enum selv_coap_action poll(struct world *w)
{
    struct selv_buf out = {w->tx, sizeof w->tx, 0};
    enum selv_coap_action a =
        selv_coap_client_poll(&w->c, w->now, &out, &w->event);
    if (a == SELV_COAP_SEND) {
        w->tx_len = out.len;
        assert_int_equal(selv_coap_parse(selv_bytes(w->tx, out.len), &w->sent),
                         SELV_OK);
    }
    return a;
}

static void poll_is(struct world *w, enum selv_coap_action want)
{
    enum selv_coap_action got = poll(w);
    if (got != want) {
        fail_msg("action %d instead of %d, error %d", got, want, w->event.err);
    }
}

static void start(struct world *w)
{
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, w->now),
                     SELV_OK);
    poll_is(w, SELV_COAP_SEND);
    poll_is(w, SELV_COAP_WAIT);
}

/* An answer to w->sent, or something near it. */
struct answer {
    uint8_t type;
    uint8_t code;
    uint8_t mid_delta;
    uint8_t token_flip;
    uint8_t token_cut;
    int32_t block2; /* num << 4 | more << 3 | szx, -1: none */
    int32_t block1;
    int32_t size2; /* -1: none */
    uint16_t len;  /* bytes of payload */
    const char *etag;
    uint16_t option; /* an empty option of this number; 0: none */
};

#define PIGGYBACKED SELV_COAP_ACK, SELV_COAP_CONTENT, 0, 0, 0
#define NUM(n, m, s) ((n) << 4 | (m) << 3 | (s))

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 7 + (at >> 8));
}

static void feed(struct world *w, const uint8_t *p, size_t len, bool want)
{
    free(w->rx);
    w->rx = malloc(len > 0 ? len : 1);
    assert_non_null(w->rx);
    memcpy(w->rx, p, len);
    assert_int_equal(
        selv_coap_client_feed(&w->c, w->now, selv_bytes(w->rx, len)), want);
}

static size_t answer_write(const struct world *w, const struct answer *a,
                           uint8_t *buf, size_t cap)
{
    uint8_t token[8];
    uint8_t body[1100];
    struct selv_coap_writer to;
    size_t len = 0;
    memcpy(token, w->sent.token.p, w->sent.token.len);
    token[0] ^= a->token_flip;
    selv_coap_write_begin(&to, buf, cap, (enum selv_coap_type)a->type, a->code,
                          (uint16_t)(w->sent.mid + a->mid_delta),
                          selv_bytes(token, w->sent.token.len - a->token_cut));
    if (a->etag != NULL) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ETAG,
                            selv_bytes(a->etag, strlen(a->etag)));
    }
    if (a->option != 0) {
        selv_coap_write_opt(&to, a->option, selv_bytes(NULL, 0));
    }
    if (a->block2 >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_BLOCK2, (uint32_t)a->block2);
    }
    if (a->block1 >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_BLOCK1, (uint32_t)a->block1);
    }
    if (a->size2 >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_SIZE2, (uint32_t)a->size2);
    }
    uint32_t base = a->block2 < 0 ? 0
                                  : ((uint32_t)a->block2 >> 4)
                                        << (((uint32_t)a->block2 & 7) + 4);
    for (uint32_t i = 0; i < a->len; i++) {
        body[i] = pattern(base + i);
    }
    selv_coap_write_payload(&to, selv_bytes(body, a->len));
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    return len;
}

static void answer(struct world *w, struct answer a)
{
    uint8_t buf[1300];
    feed(w, buf, answer_write(w, &a, buf, sizeof buf), true);
}

static void empty(struct world *w, enum selv_coap_type type, uint16_t mid,
                  bool want)
{
    uint8_t p[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0,
                    (uint8_t)(mid >> 8), (uint8_t)mid};
    feed(w, p, sizeof p, want);
}

static void failed_with(struct world *w, enum selv_err err)
{
    poll_is(w, SELV_COAP_FAILED);
    assert_int_equal(w->event.err, err);
    poll_is(w, SELV_COAP_WAIT);
    assert_true(w->event.until_ms == UINT64_MAX);
    /* the client is free again */
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, w->now),
                     SELV_OK);
}

/* ---- the request --------------------------------------------------------- */

static void test_coap_client_request_options(void **state)
{
    struct world *w = world_new();
    struct selv_bytes v;
    (void)state;
    w->rq.host = selv_bytes("example.org", 11);
    w->rq.path = selv_bytes("suit/%6d", 8);
    w->rq.query = selv_bytes("d=7&n=1", 7);
    w->rq.etag = selv_bytes("abcd", 4);
    w->rq.accept = SELV_COAP_CBOR;
    start(w);
    assert_int_equal(w->sent.type, SELV_COAP_CON);
    assert_int_equal(w->sent.code, SELV_COAP_GET);
    assert_int_equal(w->sent.token.len, 4);
    assert_true((w->sent.has & SELV_COAP_HAS_URI_HOST) != 0);
    assert_true(selv_coap_path_match(&w->sent, "suit/m", NULL));
    assert_true(selv_coap_query(&w->sent, "n", &v));
    assert_int_equal(w->sent.accept, SELV_COAP_CBOR);
    assert_int_equal(w->sent.content_format, SELV_COAP_NO_FORMAT);
    assert_true(selv_coap_has_etag(&w->sent, w->rq.etag));
    assert_int_equal(w->sent.block2.szx, 2);
    assert_int_equal(w->sent.block2.num, 0);
    assert_int_equal(w->sent.payload.len, 0);
    world_free(w);
}

static void test_coap_client_start_refuses(void **state)
{
    struct world *w = world_new();
    struct selv_coap_request good = w->rq;
    (void)state;
    w->rq.szx = 7;
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq = good;
    w->rq.code = SELV_COAP_CONTENT;
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq.code = SELV_COAP_EMPTY;
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq = good;
    w->rq.offset = 65;
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq = good;
    w->rq.deadline_ms = 0;
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq = good;
    w->rq.etag = selv_bytes("123456789", 9);
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_ARG);
    w->rq = good;
    start(w);
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, 0),
                     SELV_ERR_COAP_BUSY);
    selv_coap_client_abort(&w->c);
    start(w);
    world_free(w);
}

static void test_coap_client_request_that_cannot_be_sent(void **state)
{
    struct world *w = world_new();
    uint8_t small[8];
    struct selv_buf out = {small, sizeof small, 0};
    (void)state;
    w->rq.path = selv_bytes("a/../b", 6);
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, w->now),
                     SELV_OK);
    failed_with(w, SELV_ERR_ARG);
    selv_coap_client_abort(&w->c);

    w->rq.path = selv_bytes("temperature", 11);
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, seed, w->now),
                     SELV_OK);
    assert_int_equal(selv_coap_client_poll(&w->c, w->now, &out, &w->event),
                     SELV_COAP_FAILED);
    assert_int_equal(w->event.err, SELV_ERR_SPACE);
    world_free(w);
}

static void test_coap_client_tokens_and_mids_differ(void **state)
{
    struct world *w = world_new();
    uint8_t token[4];
    (void)state;
    start(w);
    uint16_t mid = w->sent.mid;
    memcpy(token, w->sent.token.p, 4);
    answer(w, (struct answer){PIGGYBACKED, NUM(0, 1, 2), -1, -1, 64, NULL, 0});
    poll_is(w, SELV_COAP_BLOCK);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.mid, (uint16_t)(mid + 1));
    assert_memory_not_equal(w->sent.token.p, token, 4);

    /* other random bytes, other token; the message ID goes on */
    static const uint8_t other[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    selv_coap_client_abort(&w->c);
    assert_int_equal(selv_coap_client_start(&w->c, &w->rq, other, w->now),
                     SELV_OK);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.mid, (uint16_t)(mid + 2));
    assert_memory_not_equal(w->sent.token.p, token, 4);
    world_free(w);
}

/* ---- timing [RFC 7252 4.2] ------------------------------------------------
 */

static void test_coap_client_retransmission_is_exact(void **state)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    (void)state;
    for (uint8_t i = 0; i < 200; i++) {
        struct world *w = world_new();
        uint8_t random[8] = {0, 0, 0, 1, i, (uint8_t)(i * 37), i, i};
        uint8_t first[1300];
        uint64_t begun = w->now;
        assert_int_equal(selv_coap_client_start(&w->c, &w->rq, random, begun),
                         SELV_OK);
        poll_is(w, SELV_COAP_SEND);
        size_t len = w->tx_len;
        memcpy(first, w->tx, len);
        poll_is(w, SELV_COAP_WAIT);
        uint64_t timeout = w->event.until_ms - begun;
        assert_in_range(timeout, 2000, 3000);
        least = timeout < least ? timeout : least;
        most = timeout > most ? timeout : most;

        for (uint64_t n = 1; n <= 4; n++) {
            w->now = begun + timeout * ((1u << n) - 1) - 1;
            poll_is(w, SELV_COAP_WAIT);
            w->now++;
            poll_is(w, SELV_COAP_SEND);
            assert_int_equal(w->tx_len, len);
            assert_memory_equal(w->tx, first, len);
            poll_is(w, SELV_COAP_WAIT);
        }
        w->now = begun + timeout * 31 - 1;
        poll_is(w, SELV_COAP_WAIT);
        w->now++;
        failed_with(w, SELV_ERR_COAP_TIMEOUT);
        world_free(w);
    }
    /* the jitter uses its range */
    assert_in_range(least, 2000, 2050);
    assert_in_range(most, 2950, 3000);
}

static void test_coap_client_deadline(void **state)
{
    struct world *w = world_new();
    (void)state;
    w->rq.deadline_ms = 1500;
    start(w);
    assert_int_equal(w->event.until_ms, w->now + 1500);
    w->now += 1499;
    poll_is(w, SELV_COAP_WAIT);
    w->now++;
    failed_with(w, SELV_ERR_COAP_TIMEOUT);
    world_free(w);
}

/* An answer that came in time is told even if the poll comes late. */
static void test_coap_client_late_poll(void **state)
{
    struct world *w = world_new();
    (void)state;
    w->rq.deadline_ms = 5000;
    start(w);
    answer(w, (struct answer){PIGGYBACKED, -1, -1, -1, 3, NULL, 0});
    w->now += 1000000;
    poll_is(w, SELV_COAP_BLOCK);
    poll_is(w, SELV_COAP_DONE);
    world_free(w);
}

/* ---- answers --------------------------------------------------------------
 */

static void test_coap_client_piggybacked(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    answer(w, (struct answer){PIGGYBACKED, -1, -1, -1, 40, "e1", 0});
    poll_is(w, SELV_COAP_BLOCK);
    assert_int_equal(w->event.code, SELV_COAP_CONTENT);
    assert_int_equal(w->event.payload.len, 40);
    assert_int_equal(w->event.payload.p[39], pattern(39));
    assert_int_equal(w->event.offset, 0);
    assert_false(w->event.more);
    assert_int_equal(w->event.etag.len, 2);
    poll_is(w, SELV_COAP_DONE);
    assert_int_equal(w->event.code, SELV_COAP_CONTENT);
    assert_memory_equal(w->event.etag.p, "e1", 2);
    poll_is(w, SELV_COAP_WAIT);
    world_free(w);
}

static void test_coap_client_empty_body(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    answer(w, (struct answer){PIGGYBACKED, -1, -1, -1, 0, NULL, 0});
    poll_is(w, SELV_COAP_DONE);
    world_free(w);
}

static void test_coap_client_separate(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    uint16_t mid = w->sent.mid;
    empty(w, SELV_COAP_ACK, mid, true);
    poll_is(w, SELV_COAP_WAIT);
    assert_int_equal(w->event.until_ms,
                     w->now + SELV_COAP_MAX_TRANSMIT_WAIT_MS);
    w->now += 50000; /* no retransmission any more */
    poll_is(w, SELV_COAP_WAIT);
    struct answer a = {
        SELV_COAP_CON, SELV_COAP_CONTENT, 77, 0, 0, -1, -1, -1, 8, NULL, 0};
    answer(w, a);
    poll_is(w, SELV_COAP_SEND); /* the ACK goes first */
    assert_int_equal(w->sent.type, SELV_COAP_ACK);
    assert_int_equal(w->sent.code, SELV_COAP_EMPTY);
    assert_int_equal(w->sent.mid, (uint16_t)(mid + 77));
    poll_is(w, SELV_COAP_BLOCK);
    poll_is(w, SELV_COAP_DONE);

    /* our ACK was lost: the copy is acknowledged again, and not told */
    w->sent.mid = mid;
    w->sent.token = selv_bytes(seed, 4);
    answer(w, a);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.type, SELV_COAP_ACK);
    assert_int_equal(w->sent.mid, (uint16_t)(mid + 77));
    poll_is(w, SELV_COAP_WAIT);

    /* a response that we never asked for is rejected */
    w->sent.mid = mid;
    w->sent.token = selv_bytes(seed, 4);
    a.mid_delta = 78;
    answer(w, a);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.type, SELV_COAP_RST);
    assert_int_equal(w->sent.mid, (uint16_t)(mid + 78));
    poll_is(w, SELV_COAP_WAIT);
    world_free(w);
}

/* A confirmable response that cannot be processed is rejected
 * [RFC 7252 5.4.1]. */
static void test_coap_client_separate_with_critical_option(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    empty(w, SELV_COAP_ACK, w->sent.mid, true);
    answer(w, (struct answer){SELV_COAP_CON, SELV_COAP_CONTENT, 7, 0, 0, -1, -1,
                              -1, 8, NULL, SELV_COAP_OPT_IF_NONE_MATCH});
    uint16_t mid = (uint16_t)(w->sent.mid + 7);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.type, SELV_COAP_RST);
    assert_int_equal(w->sent.mid, mid);
    failed_with(w, SELV_ERR_COAP_OPTION);
    world_free(w);
}

/* The separate response overtakes the empty ACK, which then is stale. */
static void test_coap_client_separate_first(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    uint16_t mid = w->sent.mid;
    answer(w, (struct answer){SELV_COAP_NON, SELV_COAP_CONTENT, 5, 0, 0, -1, -1,
                              -1, 8, NULL, 0});
    poll_is(w, SELV_COAP_BLOCK);
    empty(w, SELV_COAP_ACK, mid, false);
    poll_is(w, SELV_COAP_DONE);
    world_free(w);
}

static void test_coap_client_separate_never_comes(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    uint64_t begun = w->now;
    for (int i = 0; i < 1000; i++) { /* acknowledged for ever */
        empty(w, SELV_COAP_ACK, w->sent.mid, true);
        poll_is(w, SELV_COAP_WAIT);
        w->now += 90;
    }
    w->now = begun + SELV_COAP_MAX_TRANSMIT_WAIT_MS - 1;
    poll_is(w, SELV_COAP_WAIT);
    w->now++;
    failed_with(w, SELV_ERR_COAP_TIMEOUT);
    world_free(w);
}

static void test_coap_client_reset(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    empty(w, SELV_COAP_RST, (uint16_t)(w->sent.mid + 1), false);
    poll_is(w, SELV_COAP_WAIT);
    empty(w, SELV_COAP_RST, w->sent.mid, true);
    failed_with(w, SELV_ERR_COAP_RESET);
    selv_coap_client_abort(&w->c);

    /* once acknowledged, a Reset comes too late to be the peer's */
    start(w);
    empty(w, SELV_COAP_ACK, w->sent.mid, true);
    empty(w, SELV_COAP_RST, w->sent.mid, true);
    poll_is(w, SELV_COAP_WAIT);
    answer(w, (struct answer){SELV_COAP_NON, SELV_COAP_CONTENT, 5, 0, 0, -1, -1,
                              -1, 8, NULL, 0});
    poll_is(w, SELV_COAP_BLOCK);
    world_free(w);
}

static void test_coap_client_valid(void **state)
{
    struct world *w = world_new();
    struct answer a = {
        SELV_COAP_ACK, SELV_COAP_VALID, 0, 0, 0, -1, -1, -1, 0, "e1", 0};
    (void)state;
    w->rq.etag = selv_bytes("e1", 2);
    start(w);
    answer(w, a);
    poll_is(w, SELV_COAP_DONE);
    assert_int_equal(w->event.code, SELV_COAP_VALID);
    assert_memory_equal(w->event.etag.p, "e1", 2);

    start(w); /* another ETag than the one offered */
    a.etag = "e2";
    answer(w, a);
    failed_with(w, SELV_ERR_COAP_ETAG);
    selv_coap_client_abort(&w->c);

    w->rq.etag = selv_bytes(NULL, 0); /* nothing was offered */
    start(w);
    answer(w, a);
    failed_with(w, SELV_ERR_COAP_CODE);
    world_free(w);
}

static void test_coap_client_error_code(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_NOT_FOUND, 0, 0, 0, -1,
                              -1, -1, 9, NULL, 0});
    poll_is(w, SELV_COAP_FAILED);
    assert_int_equal(w->event.err, SELV_ERR_COAP_CODE);
    assert_int_equal(w->event.code, SELV_COAP_NOT_FOUND);
    assert_int_equal(w->event.payload.len, 9);
    world_free(w);
}

/* What is not an answer to our question changes nothing; the true answer is
 * still taken afterwards. */
static void test_coap_client_ignores(void **state)
{
    static const struct {
        const char *name;
        struct answer a;
        bool is_reset; /* and is rejected by Reset */
    } rows[] = {
        {"stale ACK",
         {SELV_COAP_ACK, SELV_COAP_CONTENT, 1, 0, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"another token",
         {SELV_COAP_ACK, SELV_COAP_CONTENT, 0, 1, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"shorter token",
         {SELV_COAP_ACK, SELV_COAP_CONTENT, 0, 0, 1, -1, -1, -1, 3, NULL, 0},
         false},
        {"no token",
         {SELV_COAP_ACK, SELV_COAP_CONTENT, 0, 0, 4, -1, -1, -1, 3, NULL, 0},
         false},
        {"error with another token",
         {SELV_COAP_ACK, SELV_COAP_NOT_FOUND, 0, 9, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"NON with another token",
         {SELV_COAP_NON, SELV_COAP_CONTENT, 1, 1, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"CON with another token",
         {SELV_COAP_CON, SELV_COAP_CONTENT, 1, 1, 0, -1, -1, -1, 3, NULL, 0},
         true},
        {"Reset with a code",
         {SELV_COAP_RST, SELV_COAP_CONTENT, 0, 0, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"reserved class 1 in ACK",
         {SELV_COAP_ACK, 0x21, 0, 0, 0, -1, -1, -1, 3, NULL, 0},
         false},
        {"class 3 in CON",
         {SELV_COAP_CON, 0x61, 1, 0, 0, -1, -1, -1, 3, NULL, 0},
         true},
        {"reserved class 7 in CON",
         {SELV_COAP_CON, 0xe1, 1, 0, 0, -1, -1, -1, 3, NULL, 0},
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new();
        struct selv_coap_msg request;
        uint8_t tx[1300];
        print_message("%s\n", rows[i].name);
        start(w);
        memcpy(tx, w->tx, w->tx_len);
        size_t len = w->tx_len;
        answer(w, rows[i].a);
        if (rows[i].is_reset) {
            poll_is(w, SELV_COAP_SEND);
            assert_int_equal(w->sent.type, SELV_COAP_RST);
        }
        poll_is(w, SELV_COAP_WAIT);
        assert_int_equal(selv_coap_parse(selv_bytes(tx, len), &request),
                         SELV_OK);
        w->sent = request;
        answer(w, (struct answer){PIGGYBACKED, -1, -1, -1, 3, NULL, 0});
        poll_is(w, SELV_COAP_BLOCK);
        poll_is(w, SELV_COAP_DONE);
        world_free(w);
    }
}

/* Requests and pings are left to the server half; garbage is not. */
static void test_coap_client_leaves_requests(void **state)
{
    static const uint8_t request[] = {0x40, 0x01, 0, 1};
    static const uint8_t ping[] = {0x40, 0x00, 0, 1};
    static const uint8_t cut[] = {0x48, 0x45, 0x12, 0x34, 1, 2};
    struct world *w = world_new();
    (void)state;
    start(w);
    feed(w, request, sizeof request, false);
    feed(w, ping, sizeof ping, false);
    feed(w, request, 0, false);
    poll_is(w, SELV_COAP_WAIT);
    feed(w, cut, sizeof cut, true); /* CON response, malformed */
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.type, SELV_COAP_RST);
    assert_int_equal(w->sent.mid, 0x1234);
    poll_is(w, SELV_COAP_WAIT);
    world_free(w);
}

/* ---- hostile answers --------------------------------------------------------
 */

struct hostile {
    const char *name;
    struct answer a;
    enum selv_err err;
};

/* To the first request: GET, blocks of 64, body of at most 256. */
static void test_coap_client_evil_first(void **state)
{
    static const struct hostile rows[] = {
        {"block 1 for block 0",
         {PIGGYBACKED, NUM(1, 1, 2), -1, -1, 64, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"larger block than asked",
         {PIGGYBACKED, NUM(0, 1, 3), -1, -1, 128, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"reserved SZX",
         {PIGGYBACKED, NUM(0, 0, 7), -1, -1, 64, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"short block with more",
         {PIGGYBACKED, NUM(0, 1, 2), -1, -1, 63, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"empty block with more",
         {PIGGYBACKED, NUM(0, 1, 2), -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"long block",
         {PIGGYBACKED, NUM(0, 0, 2), -1, -1, 65, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"2.31 without anything to go on with",
         {SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1, NUM(0, 0, 2), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"too long at once",
         {PIGGYBACKED, -1, -1, -1, 257, NULL, 0},
         SELV_ERR_COAP_SIZE},
        {"too long by its Size2",
         {PIGGYBACKED, NUM(0, 1, 2), -1, 257, 64, NULL, 0},
         SELV_ERR_COAP_SIZE},
        {"critical option",
         {PIGGYBACKED, -1, -1, -1, 4, NULL, SELV_COAP_OPT_IF_NONE_MATCH},
         SELV_ERR_COAP_OPTION},
        {"4.08 to a GET",
         {SELV_COAP_ACK, SELV_COAP_INCOMPLETE, 0, 0, 0, -1, -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_CODE},
        {"4.13 to a GET",
         {SELV_COAP_ACK, SELV_COAP_TOO_LARGE, 0, 0, 0, -1, NUM(0, 0, 0), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_CODE},
        {"5.03",
         {SELV_COAP_NON, SELV_COAP_UNAVAILABLE, 3, 0, 0, -1, -1, -1, 0, NULL,
          0},
         SELV_ERR_COAP_CODE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new();
        print_message("%s\n", rows[i].name);
        start(w);
        answer(w, rows[i].a);
        failed_with(w, rows[i].err);
        world_free(w);
    }
}

/* To the second request, after a good block 0 with ETag "e1". */
static void test_coap_client_evil_second(void **state)
{
    static const struct hostile rows[] = {
        {"the same block again",
         {PIGGYBACKED, NUM(0, 1, 2), -1, -1, 64, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"block 2 for block 1",
         {PIGGYBACKED, NUM(2, 1, 2), -1, -1, 64, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"number in smaller blocks, wrong",
         {PIGGYBACKED, NUM(1, 1, 1), -1, -1, 32, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"a whole body",
         {PIGGYBACKED, -1, -1, -1, 64, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"larger again",
         {PIGGYBACKED, NUM(0, 1, 3), -1, -1, 128, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"block 2^20 - 1",
         {PIGGYBACKED, NUM(0xfffff, 1, 2), -1, -1, 64, "e1", 0},
         SELV_ERR_COAP_BLOCK},
        {"another ETag",
         {PIGGYBACKED, NUM(1, 1, 2), -1, -1, 64, "e2", 0},
         SELV_ERR_COAP_ETAG},
        {"longer ETag",
         {PIGGYBACKED, NUM(1, 1, 2), -1, -1, 64, "e11", 0},
         SELV_ERR_COAP_ETAG},
        {"no ETag",
         {PIGGYBACKED, NUM(1, 1, 2), -1, -1, 64, NULL, 0},
         SELV_ERR_COAP_ETAG},
        {"2.03",
         {SELV_COAP_ACK, SELV_COAP_VALID, 0, 0, 0, -1, -1, -1, 0, "e1", 0},
         SELV_ERR_COAP_CODE},
        {"4.04",
         {SELV_COAP_ACK, SELV_COAP_NOT_FOUND, 0, 0, 0, -1, -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_CODE},
        {"larger Size2",
         {PIGGYBACKED, NUM(1, 1, 2), -1, 1000000, 64, "e1", 0},
         SELV_ERR_COAP_SIZE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new();
        print_message("%s\n", rows[i].name);
        start(w);
        answer(w, (struct answer){PIGGYBACKED, NUM(0, 1, 2), -1, 200, 64, "e1",
                                  0});
        poll_is(w, SELV_COAP_BLOCK);
        assert_true(w->event.more);
        assert_int_equal(w->event.size2, 200);
        poll_is(w, SELV_COAP_SEND);
        assert_int_equal(w->sent.block2.num, 1);
        poll_is(w, SELV_COAP_WAIT);
        answer(w, rows[i].a);
        failed_with(w, rows[i].err);
        world_free(w);
    }
}

/* A server that always has more: the body ends at body_max. */
static void test_coap_client_evil_endless(void **state)
{
    struct world *w = world_new();
    (void)state;
    start(w);
    uint32_t got = 0;
    for (int n = 0;; n++) {
        assert_true(n < 4);
        answer(w,
               (struct answer){PIGGYBACKED, NUM(n, 1, 2), -1, -1, 64, NULL, 0});
        enum selv_coap_action a = poll(w);
        if (a == SELV_COAP_FAILED) {
            break;
        }
        assert_int_equal(a, SELV_COAP_BLOCK);
        got += (uint32_t)w->event.payload.len;
        poll_is(w, SELV_COAP_SEND);
    }
    assert_int_equal(w->event.err, SELV_ERR_COAP_SIZE);
    assert_int_equal(got, 192);
    world_free(w);
}

/* Block numbers end at 2^20 - 1, however much is allowed. */
static void test_coap_client_limits_block_number(void **state)
{
    struct world *w = world_new();
    (void)state;
    w->rq.szx = 0;
    w->rq.body_max = UINT32_MAX;
    w->rq.offset = 0xfffffu * 16;
    start(w);
    assert_int_equal(w->sent.block2.num, 0xfffff);
    answer(w, (struct answer){PIGGYBACKED, NUM(0xfffff, 1, 0), -1, -1, 16, NULL,
                              0});
    failed_with(w, SELV_ERR_COAP_SIZE);
    world_free(w);
}

/* ---- blocks
 * ------------------------------------------------------------------ */

static void test_coap_client_smaller_blocks_in_midflow(void **state)
{
    /* 64 asked for; the server turns to 16, 64 being 4 of them */
    static const int32_t blocks[] = {NUM(0, 1, 2), NUM(4, 1, 0), NUM(5, 0, 0)};
    static const uint16_t lens[] = {64, 16, 5};
    struct world *w = world_new();
    uint32_t got = 0;
    (void)state;
    start(w);
    for (size_t i = 0; i < 3; i++) {
        answer(w, (struct answer){PIGGYBACKED, blocks[i], -1, -1, lens[i], NULL,
                                  0});
        poll_is(w, SELV_COAP_BLOCK);
        assert_int_equal(w->event.offset, got);
        assert_int_equal(w->event.payload.p[0], pattern(got));
        got += (uint32_t)w->event.payload.len;
        if (w->event.more) {
            poll_is(w, SELV_COAP_SEND);
        }
    }
    assert_int_equal(w->sent.block2.num, 5);
    assert_int_equal(w->sent.block2.szx, 0);
    poll_is(w, SELV_COAP_DONE);
    assert_int_equal(got, 85);
    world_free(w);
}

static void test_coap_client_resume(void **state)
{
    struct world *w = world_new();
    struct answer a = {PIGGYBACKED, NUM(2, 0, 2), -1, -1, 10, "e1", 0};
    (void)state;
    w->rq.offset = 128;
    w->rq.resume_etag = selv_bytes("e1", 2);
    start(w);
    assert_int_equal(w->sent.block2.num, 2);
    answer(w, a);
    poll_is(w, SELV_COAP_BLOCK);
    assert_int_equal(w->event.offset, 128);
    poll_is(w, SELV_COAP_DONE);

    start(w); /* another body by now */
    a.etag = "e2";
    answer(w, a);
    failed_with(w, SELV_ERR_COAP_ETAG);
    selv_coap_client_abort(&w->c);

    start(w); /* a server that knows no Block2 sends it whole */
    a.block2 = -1;
    a.etag = "e1";
    answer(w, a);
    failed_with(w, SELV_ERR_COAP_BLOCK);
    world_free(w);
}

static uint8_t upload[1000];

static void upload_start(struct world *w, size_t len)
{
    for (uint32_t i = 0; i < sizeof upload; i++) {
        upload[i] = pattern(i);
    }
    w->rq.code = SELV_COAP_PUT;
    w->rq.content_format = SELV_COAP_OCTETS;
    w->rq.payload = selv_bytes(upload, len);
    start(w);
}

static void test_coap_client_upload(void **state)
{
    struct world *w = world_new();
    (void)state;
    upload_start(w, 150);
    for (int n = 0; n < 3; n++) {
        assert_int_equal(w->sent.block1.num, n);
        assert_int_equal(w->sent.block1.more, n < 2);
        assert_int_equal(w->sent.payload.len, n < 2 ? 64 : 22);
        assert_memory_equal(w->sent.payload.p, upload + n * 64,
                            w->sent.payload.len);
        assert_int_equal(w->sent.content_format, SELV_COAP_OCTETS);
        assert_int_equal((w->sent.has & SELV_COAP_HAS_SIZE1) != 0, n == 0);
        /* how long the answer may be is said with the last block */
        assert_int_equal((w->sent.has & SELV_COAP_HAS_BLOCK2) != 0, n == 2);
        uint8_t code = n < 2 ? SELV_COAP_CONTINUE : SELV_COAP_CHANGED;
        answer(w, (struct answer){SELV_COAP_ACK, code, 0, 0, 0, -1,
                                  NUM(n, n < 2, 2), -1, 0, NULL, 0});
        poll_is(w, n < 2 ? SELV_COAP_SEND : SELV_COAP_DONE);
    }
    assert_int_equal(w->event.code, SELV_COAP_CHANGED);
    world_free(w);
}

/* The answer to an upload comes in blocks itself [RFC 7959 3.3]. */
static void test_coap_client_upload_then_blocks(void **state)
{
    struct world *w = world_new();
    (void)state;
    upload_start(w, 100);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1,
                              NUM(0, 1, 2), -1, 0, NULL, 0});
    poll_is(w, SELV_COAP_SEND);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_CHANGED, 0, 0, 0,
                              NUM(0, 1, 2), NUM(1, 0, 2), -1, 64, NULL, 0});
    poll_is(w, SELV_COAP_BLOCK);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.code, SELV_COAP_PUT);
    assert_int_equal(w->sent.payload.len, 0);
    assert_true((w->sent.has & SELV_COAP_HAS_BLOCK1) == 0);
    assert_int_equal(w->sent.block2.num, 1);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_CHANGED, 0, 0, 0,
                              NUM(1, 0, 2), -1, -1, 3, NULL, 0});
    poll_is(w, SELV_COAP_BLOCK);
    assert_int_equal(w->event.offset, 64);
    poll_is(w, SELV_COAP_DONE);
    world_free(w);
}

/* After the first block the server asks for smaller ones [RFC 7959 2.5]. */
static void test_coap_client_upload_smaller(void **state)
{
    struct world *w = world_new();
    (void)state;
    upload_start(w, 100);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1,
                              NUM(0, 1, 0), -1, 0, NULL, 0});
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.block1.num, 4);
    assert_int_equal(w->sent.block1.szx, 0);
    assert_int_equal(w->sent.payload.len, 16);
    assert_memory_equal(w->sent.payload.p, upload + 64, 16);
    world_free(w);
}

static void test_coap_client_upload_restarts(void **state)
{
    struct world *w = world_new();
    struct answer incomplete = {SELV_COAP_ACK,
                                SELV_COAP_INCOMPLETE,
                                0,
                                0,
                                0,
                                -1,
                                NUM(1, 1, 2),
                                -1,
                                0,
                                NULL,
                                0};
    struct answer large = {SELV_COAP_ACK,
                           SELV_COAP_TOO_LARGE,
                           0,
                           0,
                           0,
                           -1,
                           NUM(0, 1, 1),
                           -1,
                           0,
                           NULL,
                           0};
    (void)state;
    upload_start(w, 200);
    answer(w, (struct answer){SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1,
                              NUM(0, 1, 2), -1, 0, NULL, 0});
    poll_is(w, SELV_COAP_SEND);
    answer(w, incomplete); /* once from the beginning */
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.block1.num, 0);
    answer(w, incomplete); /* and not again */
    failed_with(w, SELV_ERR_COAP_CODE);
    selv_coap_client_abort(&w->c);

    /* 4.13 with smaller blocks, until there are no smaller ones */
    upload_start(w, 200);
    for (int szx = 1; szx >= 0; szx--) {
        large.block1 = NUM(0, 1, szx);
        answer(w, large);
        poll_is(w, SELV_COAP_SEND);
        assert_int_equal(w->sent.block1.szx, szx);
        assert_int_equal(w->sent.payload.len, 16 << szx);
    }
    answer(w, large);
    poll_is(w, SELV_COAP_FAILED);
    assert_int_equal(w->event.code, SELV_COAP_TOO_LARGE);

    /* also when the payload was one message */
    upload_start(w, 60);
    assert_true((w->sent.has & SELV_COAP_HAS_BLOCK1) == 0);
    answer(w, large);
    poll_is(w, SELV_COAP_SEND);
    assert_int_equal(w->sent.payload.len, 16);
    assert_true(w->sent.block1.more);
    world_free(w);
}

static void test_coap_client_evil_upload(void **state)
{
    static const struct hostile rows[] = {
        {"another number",
         {SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1, NUM(1, 1, 2), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"no Block1",
         {SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1, -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"reserved SZX",
         {SELV_COAP_ACK, SELV_COAP_CONTINUE, 0, 0, 0, -1, NUM(0, 1, 7), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"done before it is whole",
         {SELV_COAP_ACK, SELV_COAP_CHANGED, 0, 0, 0, -1, -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_BLOCK},
        {"4.13 with the same size",
         {SELV_COAP_ACK, SELV_COAP_TOO_LARGE, 0, 0, 0, -1, NUM(0, 1, 2), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_CODE},
        {"4.13 with a larger size",
         {SELV_COAP_ACK, SELV_COAP_TOO_LARGE, 0, 0, 0, -1, NUM(0, 1, 6), -1, 0,
          NULL, 0},
         SELV_ERR_COAP_CODE},
        {"4.13 without a size",
         {SELV_COAP_ACK, SELV_COAP_TOO_LARGE, 0, 0, 0, -1, -1, -1, 0, NULL, 0},
         SELV_ERR_COAP_CODE},
        {"4.01",
         {SELV_COAP_ACK, SELV_COAP_UNAUTHORIZED, 0, 0, 0, -1, NUM(0, 1, 2), -1,
          0, NULL, 0},
         SELV_ERR_COAP_CODE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new();
        print_message("%s\n", rows[i].name);
        upload_start(w, 200);
        answer(w, rows[i].a);
        failed_with(w, rows[i].err);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_client_request_options),
        cmocka_unit_test(test_coap_client_start_refuses),
        cmocka_unit_test(test_coap_client_request_that_cannot_be_sent),
        cmocka_unit_test(test_coap_client_tokens_and_mids_differ),
        cmocka_unit_test(test_coap_client_retransmission_is_exact),
        cmocka_unit_test(test_coap_client_deadline),
        cmocka_unit_test(test_coap_client_late_poll),
        cmocka_unit_test(test_coap_client_piggybacked),
        cmocka_unit_test(test_coap_client_empty_body),
        cmocka_unit_test(test_coap_client_separate),
        cmocka_unit_test(test_coap_client_separate_with_critical_option),
        cmocka_unit_test(test_coap_client_separate_first),
        cmocka_unit_test(test_coap_client_separate_never_comes),
        cmocka_unit_test(test_coap_client_reset),
        cmocka_unit_test(test_coap_client_valid),
        cmocka_unit_test(test_coap_client_error_code),
        cmocka_unit_test(test_coap_client_ignores),
        cmocka_unit_test(test_coap_client_leaves_requests),
        cmocka_unit_test(test_coap_client_evil_first),
        cmocka_unit_test(test_coap_client_evil_second),
        cmocka_unit_test(test_coap_client_evil_endless),
        cmocka_unit_test(test_coap_client_limits_block_number),
        cmocka_unit_test(test_coap_client_smaller_blocks_in_midflow),
        cmocka_unit_test(test_coap_client_resume),
        cmocka_unit_test(test_coap_client_upload),
        cmocka_unit_test(test_coap_client_upload_then_blocks),
        cmocka_unit_test(test_coap_client_upload_smaller),
        cmocka_unit_test(test_coap_client_upload_restarts),
        cmocka_unit_test(test_coap_client_evil_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
