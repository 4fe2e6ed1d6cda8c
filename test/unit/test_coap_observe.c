/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/observe.h"
#include "test/unit/hex.h"

static const uint8_t seed[8] = {1, 2, 3, 4, 0xab, 0xcd, 7, 8};
static const struct selv_coap_peer alice = {3, {1, 2, 3}};
static const struct selv_coap_peer bob = {3, {1, 2, 4}};

/* ---- the order of notifications [RFC 7641 3.4] ----------------------------
 */

static void test_coap_observe_order(void **state)
{
    static const struct {
        uint32_t v1, v2;
        uint64_t t1, t2;
        bool newer;
    } rows[] = {
        {1, 2, 0, 0, true},         {2, 1, 0, 0, false},
        {7, 7, 0, 0, false},        {0, 0x7fffff, 0, 0, true},
        {0, 0x800000, 0, 0, false}, {0x800000, 0, 0, 0, false},
        {0x800001, 0, 0, 0, true},  {0xffffff, 0, 0, 0, true},
        {0, 0xffffff, 0, 0, false}, {2, 1, 1000, 129000, false},
        {2, 1, 1000, 129001, true}, {7, 7, 1000, 129001, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool got = selv_coap_observe_is_newer(rows[i].v1, rows[i].t1,
                                              rows[i].v2, rows[i].t2);
        if (got != rows[i].newer) {
            fail_msg("row %zu", i);
        }
    }
}

/* ---- a watch, with answers by hand ----------------------------------------
 */

struct watching {
    struct selv_coap_watch w;
    struct selv_coap_request rq;
    struct selv_coap_news news;
    struct selv_coap_news last; /* that told something */
    struct selv_coap_msg sent;
    uint8_t tx[256];
    uint8_t rx[256];
    uint64_t now;
};

static enum selv_coap_watch_action watch_poll(struct watching *t)
{
    struct selv_buf out = {t->tx, sizeof t->tx, 0};
    enum selv_coap_watch_action a =
        selv_coap_watch_poll(&t->w, t->now, &out, &t->news);
    if (a == SELV_COAP_WATCH_SEND) {
        assert_int_equal(selv_coap_parse(selv_bytes(t->tx, out.len), &t->sent),
                         SELV_OK);
    }
    return a;
}

#define WATCH_IS(t, a) assert_int_equal(watch_poll(t), SELV_COAP_WATCH_##a)

static void watching_init(struct watching *t)
{
    memset(t, 0, sizeof *t);
    t->now = 5000;
    t->rq.code = SELV_COAP_GET;
    t->rq.szx = SELV_COAP_SZX_MAX;
    t->rq.content_format = SELV_COAP_NO_FORMAT;
    t->rq.accept = SELV_COAP_NO_FORMAT;
    t->rq.path = selv_bytes("temperature", 11);
    selv_coap_watch_init(&t->w, false);
}

static void watching_start(struct watching *t)
{
    assert_int_equal(selv_coap_watch_start(&t->w, &t->rq, seed, t->now),
                     SELV_OK);
    WATCH_IS(t, SEND);
    assert_int_equal(t->sent.type, SELV_COAP_CON);
    assert_int_equal(t->sent.code, SELV_COAP_GET);
    assert_true((t->sent.has & SELV_COAP_HAS_OBSERVE) != 0);
    assert_int_equal(t->sent.observe, SELV_COAP_REGISTER);
    WATCH_IS(t, WAIT);
}

struct told {
    enum selv_coap_type type;
    uint8_t code;
    uint16_t mid;     /* an ACK's is that of the request, plus this */
    int32_t observe;  /* -1: no such option */
    int32_t max_age;  /* -1: no such option */
    const char *etag; /* NULL: none */
    const char *text;
    int32_t block2;  /* 0: none */
    uint16_t option; /* an empty one more, of a number over 4; 0: none */
    bool other_token;
};

static bool tell(struct watching *t, struct told a)
{
    struct selv_coap_writer to;
    uint8_t token[4];
    size_t len = 0;
    selv_put_be32(token, t->w.token ^ (a.other_token ? 1u : 0u));
    selv_coap_write_begin(
        &to, t->rx, sizeof t->rx, a.type, a.code,
        (uint16_t)(a.mid + (a.type == SELV_COAP_ACK ? t->w.mid : 0)),
        selv_bytes(token, sizeof token));
    if (a.etag != NULL) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ETAG,
                            selv_bytes(a.etag, strlen(a.etag)));
    }
    if (a.observe >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_OBSERVE, (uint32_t)a.observe);
    }
    if (a.max_age >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_MAX_AGE, (uint32_t)a.max_age);
    }
    if (a.option != 0) {
        selv_coap_write_opt(&to, a.option, selv_bytes(NULL, 0));
    }
    if (a.block2 != 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_BLOCK2, (uint32_t)a.block2);
    }
    if (a.text != NULL) {
        selv_coap_write_payload(&to, selv_bytes(a.text, strlen(a.text)));
    }
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    return selv_coap_watch_feed(&t->w, t->now, selv_bytes(t->rx, len));
}

static void news_is(struct watching *t, uint8_t code, const char *text)
{
    WATCH_IS(t, NEWS);
    assert_int_equal(t->news.code, code);
    assert_int_equal(t->news.payload.len, strlen(text));
    assert_memory_equal(t->news.payload.p, text, strlen(text));
    t->last = t->news;
    WATCH_IS(t, WAIT);
}

static void empty(struct watching *t, enum selv_coap_type type, uint16_t mid,
                  bool want)
{
    uint8_t p[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0,
                    (uint8_t)(mid >> 8), (uint8_t)mid};
    assert_int_equal(selv_coap_watch_feed(&t->w, t->now, selv_bytes(p, 4)),
                     want);
}

#define FULL SELV_COAP_ACK, SELV_COAP_CONTENT, 0
#define NON_FULL(mid) SELV_COAP_NON, SELV_COAP_CONTENT, mid

/* Figures 3 to 6: one column, from t = 2 to t = 98, but for the tokens, which
 * each client chooses for itself, and the ETag of the request at t = 38, which
 * is not there. */
static void test_coap_observe_figures(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    watching_start(&t);
    assert_true(
        tell(&t, (struct told){FULL, 9, 15, NULL, "18.5 Cel", 0, 0, 0}));
    news_is(&t, SELV_COAP_CONTENT, "18.5 Cel");
    assert_true(t.news.until_ms >= t.now + 20000 &&
                t.news.until_ms <= t.now + 30000);
    t.now += 7000;
    assert_true(tell(&t, (struct told){NON_FULL(0x7b50), 16, 15, NULL,
                                       "19.2 Cel", 0, 0, 0}));
    news_is(&t, SELV_COAP_CONTENT, "19.2 Cel");
    assert_true(t.last.is_observed && t.last.max_age == 15);

    /* 0x7b51 is lost; Max-Age ends, and we register again */
    t.now = t.news.until_ms > 0 ? t.w.next_ms - 1 : 0;
    WATCH_IS(&t, WAIT);
    t.now++;
    WATCH_IS(&t, SEND);
    assert_int_equal(t.sent.observe, SELV_COAP_REGISTER);
    assert_true(
        tell(&t, (struct told){FULL, 44, 15, "xyzzy", "19.7 Cel", 0, 0, 0}));
    news_is(&t, SELV_COAP_CONTENT, "19.7 Cel");

    /* the server reboots; we register again and offer the ETag */
    t.now = t.w.next_ms;
    WATCH_IS(&t, SEND);
    assert_true(selv_coap_has_etag(&t.sent, selv_bytes("xyzzy", 5)));
    assert_true(
        tell(&t, (struct told){FULL, 74, 15, NULL, "20.0 Cel", 0, 0, 0}));
    news_is(&t, SELV_COAP_CONTENT, "20.0 Cel");
    assert_true(tell(&t, (struct told){SELV_COAP_NON, SELV_COAP_VALID, 0xaa0c,
                                       81, 15, "xyzzy", NULL, 0, 0, 0}));
    WATCH_IS(&t, NEWS);
    assert_int_equal(t.news.code, SELV_COAP_VALID);
    assert_true(selv_bytes_equal(t.news.etag, selv_bytes("xyzzy", 5)));

    /* we forget, and reject the next one */
    selv_coap_watch_forget(&t.w);
    assert_true(tell(&t, (struct told){SELV_COAP_CON, SELV_COAP_CONTENT, 0xaa0f,
                                       91, 15, NULL, "19.3 Cel", 0, 0, 0}));
    WATCH_IS(&t, SEND);
    assert_int_equal(t.sent.type, SELV_COAP_RST);
    assert_int_equal(t.sent.mid, 0xaa0f);
    WATCH_IS(&t, WAIT);
}

static void test_coap_observe_watch_stale_and_copies(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    watching_start(&t);
    (void)tell(&t, (struct told){FULL, 20, 60, NULL, "a", 0, 0, 0});
    news_is(&t, SELV_COAP_CONTENT, "a");
    /* an older one and a copy are acknowledged, and not told */
    for (uint16_t i = 0; i < 2; i++) {
        assert_true(tell(&t, (struct told){SELV_COAP_CON, SELV_COAP_CONTENT,
                                           (uint16_t)(100 + i), 19 + i, 60,
                                           NULL, "old", 0, 0, 0}));
        WATCH_IS(&t, SEND);
        assert_int_equal(t.sent.type, SELV_COAP_ACK);
        assert_int_equal(t.sent.mid, 100 + i);
        WATCH_IS(&t, WAIT);
    }
    assert_true(
        tell(&t, (struct told){NON_FULL(102), 21, 60, NULL, "b", 0, 0, 0}));
    news_is(&t, SELV_COAP_CONTENT, "b");
    /* after a registration the answer counts, whatever its number: a server
     * that began anew */
    selv_coap_watch_refresh(&t.w, t.now);
    WATCH_IS(&t, SEND);
    (void)tell(&t, (struct told){FULL, 3, 60, NULL, "c", 0, 0, 0});
    news_is(&t, SELV_COAP_CONTENT, "c");
    assert_false(
        tell(&t, (struct told){NON_FULL(103), 22, 60, NULL, "d", 0, 0, true}));
    /* what has no number is no notification */
    assert_true(
        tell(&t, (struct told){NON_FULL(104), -1, 60, NULL, "e", 0, 0, 0}));
    WATCH_IS(&t, WAIT);
}

/* A notification that overtakes the answer, or comes instead of it. */
static void test_coap_observe_watch_separate(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    watching_start(&t);
    empty(&t, SELV_COAP_ACK, t.sent.mid, true);
    WATCH_IS(&t, WAIT);
    assert_true(t.news.until_ms == t.now + SELV_COAP_MAX_TRANSMIT_WAIT_MS);
    assert_true(tell(&t, (struct told){SELV_COAP_CON, SELV_COAP_CONTENT, 9, 5,
                                       60, NULL, "a", 0, 0, 0}));
    WATCH_IS(&t, SEND);
    assert_int_equal(t.sent.type, SELV_COAP_ACK);
    news_is(&t, SELV_COAP_CONTENT, "a");
    /* an answer by an ACK that comes twice is nobody's */
    assert_false(tell(&t, (struct told){FULL, 6, 60, NULL, "b", 0, 0, 0}));
}

/* A server that began anew while it owed us the answer has smaller numbers. */
static void test_coap_observe_watch_separate_anew(void **state)
{
    static const enum selv_coap_type types[] = {SELV_COAP_CON, SELV_COAP_NON};
    struct watching t;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        watching_init(&t);
        watching_start(&t);
        (void)tell(&t, (struct told){FULL, 900, 15, NULL, "a", 0, 0, 0});
        news_is(&t, SELV_COAP_CONTENT, "a");
        t.now = t.w.next_ms;
        WATCH_IS(&t, SEND);
        empty(&t, SELV_COAP_ACK, t.sent.mid, true);
        assert_true(tell(&t, (struct told){types[i], SELV_COAP_CONTENT, 9, 5,
                                           60, NULL, "b", 0, 0, 0}));
        if (types[i] == SELV_COAP_CON) {
            WATCH_IS(&t, SEND);
        }
        news_is(&t, SELV_COAP_CONTENT, "b");
        /* and it goes on from there */
        (void)tell(&t, (struct told){NON_FULL(8), 6, 15, NULL, "c", 0, 0, 0});
        news_is(&t, SELV_COAP_CONTENT, "c");
    }
}

/* A challenge to the registration: code 4.01 with an Echo, of n bytes. */
static void challenge(struct watching *t, const char *echo, size_t n,
                      bool is_separate)
{
    struct selv_coap_writer to;
    uint8_t token[4];
    size_t len = 0;
    selv_put_be32(token, t->w.token);
    selv_coap_write_begin(
        &to, t->rx, sizeof t->rx, is_separate ? SELV_COAP_NON : SELV_COAP_ACK,
        SELV_COAP_UNAUTHORIZED, t->w.mid, selv_bytes(token, sizeof token));
    selv_coap_write_opt(&to, SELV_COAP_OPT_ECHO, selv_bytes(echo, n));
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    assert_true(selv_coap_watch_feed(&t->w, t->now, selv_bytes(t->rx, len)));
}

static void echo_is(struct watching *t, const char *want)
{
    struct selv_bytes value;
    bool has = selv_coap_opt_find(&t->sent, SELV_COAP_OPT_ECHO, &value);
    assert_int_equal(has, want != NULL);
    assert_true(!has ||
                selv_bytes_equal(value, selv_bytes(want, strlen(want))));
    assert_int_equal(t->sent.observe, SELV_COAP_REGISTER);
}

static void test_coap_observe_watch_echo(void **state)
{
    static const char long_one[] = "0123456789012345678901234567890123456789";
    struct watching t;
    (void)state;
    for (int is_separate = 0; is_separate < 2; is_separate++) {
        watching_init(&t);
        watching_start(&t);
        uint16_t mid = t.sent.mid;
        echo_is(&t, NULL);
        if (is_separate) {
            empty(&t, SELV_COAP_ACK, mid, true);
        }
        challenge(&t, long_one, 40, is_separate);
        WATCH_IS(&t, SEND);
        echo_is(&t, long_one);
        assert_int_not_equal(t.sent.mid, mid);
        t.now = t.w.next_ms; /* lost: its copy has the Echo, too */
        WATCH_IS(&t, SEND);
        echo_is(&t, long_one);
        (void)tell(&t, (struct told){FULL, 9, 15, NULL, "a", 0, 0, 0});
        news_is(&t, SELV_COAP_CONTENT, "a");
        /* the next registration is challenged anew */
        t.now = t.w.next_ms;
        WATCH_IS(&t, SEND);
        echo_is(&t, NULL);
        challenge(&t, "x", 1, false);
        WATCH_IS(&t, SEND);
        echo_is(&t, "x");
        /* a server that only ever asks is given up */
        challenge(&t, "y", 1, false);
        WATCH_IS(&t, FAILED);
        assert_int_equal(t.news.err, SELV_ERR_COAP_CODE);
        assert_int_equal(t.news.code, SELV_COAP_UNAUTHORIZED);
    }
    /* values that RFC 9175 does not allow, and one in a notification */
    for (int i = 0; i < 3; i++) {
        watching_init(&t);
        watching_start(&t);
        if (i == 2) {
            (void)tell(&t, (struct told){FULL, 9, 15, NULL, "a", 0, 0, 0});
            news_is(&t, SELV_COAP_CONTENT, "a");
        }
        challenge(&t, "01234567890123456789012345678901234567890",
                  i == 0   ? 0
                  : i == 1 ? 41
                           : 8,
                  i == 2);
        WATCH_IS(&t, FAILED);
        assert_int_equal(t.news.code, SELV_COAP_UNAUTHORIZED);
    }
}

/* What comes after it was forgotten, and what has an option that we do not
 * know, is rejected, so that the server takes us off its list. */
static void test_coap_observe_watch_resets(void **state)
{
    struct watching t;
    (void)state;
    for (int i = 0; i < 2; i++) {
        watching_init(&t);
        watching_start(&t);
        (void)tell(&t, (struct told){FULL, 20, 60, NULL, "a", 0, 0, 0});
        news_is(&t, SELV_COAP_CONTENT, "a");
        if (i == 0) {
            selv_coap_watch_forget(&t.w);
        }
        assert_true(
            tell(&t, (struct told){SELV_COAP_CON, SELV_COAP_CONTENT, 77, 21, -1,
                                   NULL, "b", 0, i == 0 ? 0 : 9, 0}));
        WATCH_IS(&t, SEND);
        assert_int_equal(t.sent.type, SELV_COAP_RST);
        assert_int_equal(t.sent.mid, 77);
        WATCH_IS(&t, WAIT);
    }
}

static void test_coap_observe_watch_polls(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    watching_start(&t);
    (void)tell(&t, (struct told){FULL, -1, 2, "e1", "a", 0, 0, 0});
    WATCH_IS(&t, NEWS);
    assert_false(t.news.is_observed);
    WATCH_IS(&t, WAIT);
    assert_true(t.news.until_ms >= t.now + 7000 &&
                t.news.until_ms <= t.now + 17000);
    t.now = t.news.until_ms;
    WATCH_IS(&t, SEND);
    assert_true(selv_coap_has_etag(&t.sent, selv_bytes("e1", 2)));
    /* 2.03: the same state, nothing to tell */
    (void)tell(&t, (struct told){SELV_COAP_ACK, SELV_COAP_VALID, 0, -1, 2, "e1",
                                 NULL, 0, 0, 0});
    WATCH_IS(&t, WAIT);
    assert_true(t.news.until_ms >= t.now + 7000);
}

static void test_coap_observe_watch_bad_answers(void **state)
{
    static const struct {
        const char *name;
        struct told answer;
        enum selv_err err;
    } rows[] = {
        {"4.04",
         {SELV_COAP_ACK, SELV_COAP_NOT_FOUND, 0, -1, -1, NULL, "no", 0, 0, 0},
         SELV_ERR_COAP_CODE},
        {"5.03",
         {SELV_COAP_ACK, SELV_COAP_UNAVAILABLE, 0, -1, -1, NULL, NULL, 0, 0, 0},
         SELV_ERR_COAP_CODE},
        {"2.03 unasked",
         {SELV_COAP_ACK, SELV_COAP_VALID, 0, 1, -1, "zz", NULL, 0, 0, 0},
         SELV_ERR_COAP_ETAG},
        {"critical option",
         {FULL, 1, -1, NULL, "a", 0, 21, 0},
         SELV_ERR_COAP_OPTION},
        {"second block",
         {FULL, 1, -1, NULL, "a", 0x16, 0, 0},
         SELV_ERR_COAP_BLOCK},
        {"short block",
         {FULL, 1, -1, NULL, "a", 0x0e, 0, 0},
         SELV_ERR_COAP_BLOCK},
        {"reserved size",
         {FULL, 1, -1, NULL, "a", 0x07, 0, 0},
         SELV_ERR_COAP_BLOCK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct watching t;
        watching_init(&t);
        watching_start(&t);
        assert_true(tell(&t, rows[i].answer));
        enum selv_coap_watch_action a = watch_poll(&t);
        if (a != SELV_COAP_WATCH_FAILED || t.news.err != rows[i].err) {
            fail_msg("%s: %d, error %d", rows[i].name, a, t.news.err);
        }
        watching_start(&t); /* free again */
    }
}

static void test_coap_observe_watch_arguments(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    t.rq.code = SELV_COAP_PUT;
    assert_int_equal(selv_coap_watch_start(&t.w, &t.rq, seed, 0), SELV_ERR_ARG);
    t.rq.code = SELV_COAP_GET;
    t.rq.szx = 7;
    assert_int_equal(selv_coap_watch_start(&t.w, &t.rq, seed, 0), SELV_ERR_ARG);
    t.rq.szx = 0;
    t.rq.payload = selv_bytes("12345678901234567", 17);
    assert_int_equal(selv_coap_watch_start(&t.w, &t.rq, seed, 0), SELV_ERR_ARG);
    t.rq.payload.len = 0;
    t.rq.path = selv_bytes("%2", 2);
    assert_int_equal(selv_coap_watch_start(&t.w, &t.rq, seed, 0), SELV_OK);
    assert_int_equal(selv_coap_watch_start(&t.w, &t.rq, seed, 0),
                     SELV_ERR_COAP_BUSY);
    WATCH_IS(&t, FAILED);
    assert_int_equal(t.news.err, SELV_ERR_ARG);
}

static void test_coap_observe_watch_silence(void **state)
{
    struct watching t;
    unsigned sends = 1;
    enum selv_coap_watch_action a;
    (void)state;
    watching_init(&t);
    watching_start(&t);
    do {
        t.now = t.news.until_ms;
        a = watch_poll(&t);
        sends += a == SELV_COAP_WATCH_SEND ? 1 : 0;
        if (a == SELV_COAP_WATCH_SEND) {
            WATCH_IS(&t, WAIT);
        }
    } while (a == SELV_COAP_WATCH_SEND);
    assert_int_equal(a, SELV_COAP_WATCH_FAILED);
    assert_int_equal(t.news.err, SELV_ERR_COAP_TIMEOUT);
    assert_int_equal(sends, 5);
    assert_true(t.now - 5000 >= 62000 && t.now - 5000 <= 93000);
}

static void test_coap_observe_watch_stop(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    t.rq.etag = selv_bytes("old", 3);
    watching_start(&t);
    (void)tell(&t, (struct told){FULL, 20, 60, NULL, "a", 0, 0, 0});
    news_is(&t, SELV_COAP_CONTENT, "a");
    selv_coap_watch_stop(&t.w, t.now);
    WATCH_IS(&t, SEND);
    assert_int_equal(t.sent.observe, SELV_COAP_DEREGISTER);
    assert_true((t.sent.has & SELV_COAP_HAS_ETAG) == 0);
    /* a notification under way is acknowledged, not told */
    assert_true(tell(&t, (struct told){SELV_COAP_CON, SELV_COAP_CONTENT, 9, 21,
                                       60, NULL, "b", 0, 0, 0}));
    WATCH_IS(&t, SEND);
    assert_int_equal(t.sent.type, SELV_COAP_ACK);
    WATCH_IS(&t, WAIT);
    (void)tell(&t, (struct told){FULL, -1, 60, NULL, "b", 0, 0, 0});
    WATCH_IS(&t, DONE);
    WATCH_IS(&t, WAIT);
    assert_true(t.news.until_ms == UINT64_MAX);
}

/* Over a stream nothing is repeated, and the order is that of coming. */
static void test_coap_observe_watch_stream(void **state)
{
    struct watching t;
    (void)state;
    watching_init(&t);
    selv_coap_watch_init(&t.w, true);
    watching_start(&t);
    assert_true(t.news.until_ms == t.now + SELV_COAP_MAX_TRANSMIT_WAIT_MS);
    (void)tell(&t, (struct told){NON_FULL(0), 0, 60, NULL, "a", 0, 0, 0});
    news_is(&t, SELV_COAP_CONTENT, "a");
    (void)tell(&t, (struct told){NON_FULL(0), 0, 60, NULL, "b", 0, 0, 0});
    news_is(&t, SELV_COAP_CONTENT, "b");
    /* a stream has no Reset: what still comes is thrown away */
    selv_coap_watch_forget(&t.w);
    (void)tell(&t, (struct told){NON_FULL(0), 0, 60, NULL, "c", 0, 0, 0});
    WATCH_IS(&t, WAIT);
}

/* ---- the list of observers ------------------------------------------------
 */

#define PLACES 4u

struct serving {
    struct selv_coap_server s;
    struct selv_coap_observe o;
    struct selv_coap_observer table[PLACES];
    struct selv_coap_observer *due;
    struct selv_coap_msg rq;
    struct selv_coap_msg sent;
    uint8_t in[64];
    uint8_t tx[128];
    uint64_t now;
    uint64_t until;
};

static void serving_init(struct serving *t)
{
    memset(t, 0, sizeof *t);
    t->now = 100000;
    selv_coap_server_init(&t->s, NULL, 0, seed);
    selv_coap_observe_init(&t->o, &t->s, t->table, PLACES);
}

/* A request by hand; token of one byte. */
static struct selv_coap_observer *take(struct serving *t,
                                       const struct selv_coap_peer *peer,
                                       uint8_t token, const char *options,
                                       uint32_t resource)
{
    char text[64];
    snprintf(text, sizeof text, "41011234%02x%s", token, options);
    assert_int_equal(selv_coap_parse(hex(text, t->in, sizeof t->in), &t->rq),
                     SELV_OK);
    return selv_coap_observe_take(&t->o, t->now, peer, &t->rq, resource, 0);
}

#define REGISTER "60"
#define DEREGISTER "6101"

static enum selv_coap_observe_action serving_poll(struct serving *t)
{
    return selv_coap_observe_poll(&t->o, t->now, &t->until, &t->due);
}

/* Polls for a notification and answers it with a code. */
static void notified(struct serving *t, uint8_t code)
{
    struct selv_buf out = {t->tx, sizeof t->tx, 0};
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    assert_int_equal(serving_poll(t), SELV_COAP_OBSERVE_NOTIFY);
    selv_coap_observe_begin(&t->o, t->due, code, &out, &w);
    if (SELV_COAP_CLASS(code) == 2) {
        selv_coap_observe_slice(t->due, 1, 6, &slice);
        selv_coap_write_slice(&w, &slice, selv_bytes("e", 1),
                              SELV_COAP_NO_FORMAT, 60);
        selv_coap_write_payload(&w, selv_bytes("x", 1));
    }
    assert_int_equal(selv_coap_observe_end(&t->o, t->now, t->due, &w, &out),
                     SELV_OK);
    assert_int_equal(selv_coap_parse(selv_bytes(t->tx, out.len), &t->sent),
                     SELV_OK);
}

static void quiet(struct serving *t, uint64_t until)
{
    t->o.next_ms = 0; /* which may be early */
    assert_int_equal(serving_poll(t), SELV_COAP_OBSERVE_WAIT);
    assert_true(t->until == until);
}

static bool reply(struct serving *t, const struct selv_coap_peer *peer,
                  enum selv_coap_type type, uint16_t mid)
{
    uint8_t p[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0,
                    (uint8_t)(mid >> 8), (uint8_t)mid};
    return selv_coap_observe_feed(&t->o, t->now, peer, selv_bytes(p, 4));
}

static void test_coap_observe_take(void **state)
{
    struct serving t;
    (void)state;
    serving_init(&t);
    assert_null(take(&t, &alice, 1, "", 7));
    assert_null(take(&t, &alice, 1, DEREGISTER, 7));
    assert_null(take(&t, &alice, 1, "6102", 7));
    assert_null(take(&t, &alice, 1, "60d10416", 7)); /* block 1 */
    struct selv_coap_observer *e = take(&t, &alice, 1, REGISTER, 7);
    assert_non_null(e);
    uint32_t number = e->number;
    assert_ptr_equal(take(&t, &alice, 1, REGISTER, 7), e);
    assert_true(selv_coap_observe_is_newer(number, 0, e->number, 0));
    assert_int_equal(selv_coap_observe_count(&t.o), 1);
    assert_non_null(take(&t, &bob, 1, REGISTER, 7));
    assert_int_equal(selv_coap_observe_count(&t.o), 2);
    /* the same peer anew, by another token: it takes its own place */
    assert_ptr_equal(take(&t, &alice, 2, REGISTER, 7), e);
    assert_int_equal(selv_coap_observe_count(&t.o), 2);
    assert_non_null(take(&t, &alice, 3, REGISTER, 8));
    assert_int_equal(selv_coap_observe_count(&t.o), 3);
    assert_null(take(&t, &alice, 2, DEREGISTER, 7));
    assert_int_equal(selv_coap_observe_count(&t.o), 2);
    selv_coap_observe_drop_peer(&t.o, &bob);
    assert_int_equal(selv_coap_observe_count(&t.o), 1);
}

/* An observer that was driven out, and comes again by the same token, compares
 * the numbers that it gets with those that it had. */
static void test_coap_observe_numbers_go_on(void **state)
{
    struct serving t;
    (void)state;
    for (uint64_t ms = 0; ms < 600000; ms += 4999) {
        serving_init(&t);
        t.now = 262000 + ms;
        uint32_t had = take(&t, &alice, 1, REGISTER, 7)->number;
        selv_coap_observe_drop_peer(&t.o, &alice);
        uint64_t then = t.now;
        t.now += 200;
        uint32_t has = take(&t, &alice, 1, REGISTER, 7)->number;
        assert_true(selv_coap_observe_is_newer(had, then, has, t.now));
    }
}

static void test_coap_observe_notifies(void **state)
{
    struct serving t;
    (void)state;
    serving_init(&t);
    struct selv_coap_observer *e = take(&t, &alice, 1, REGISTER, 7);
    uint32_t first = e->number;
    quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);
    selv_coap_observe_changed(&t.o, t.now, 8, NULL, 0);
    quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);
    t.now += 10;
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_CON);
    assert_int_equal(t.sent.token.len, 1);
    assert_true(selv_coap_observe_is_newer(first, 0, t.sent.observe, 0));
    assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
    uint64_t timer = t.until - t.now;
    assert_true(timer >= 2000 && timer <= 3000);
    uint16_t mid = t.sent.mid;
    uint32_t number = t.sent.observe;

    /* the copy is equal */
    t.now = t.until;
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.mid, mid);
    assert_int_equal(t.sent.observe, number);
    assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
    assert_true(t.until == t.now + 2 * timer);

    /* two changes meanwhile: one notification, at the timer; it goes on */
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
    t.now = t.until;
    notified(&t, SELV_COAP_CONTENT);
    assert_int_not_equal(t.sent.mid, mid);
    assert_true(selv_coap_observe_is_newer(number, 0, t.sent.observe, 0));
    assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
    assert_true(t.until == t.now + 4 * timer);

    /* the late ACK of the one superseded changes nothing */
    assert_false(reply(&t, &alice, SELV_COAP_ACK, mid));
    assert_false(reply(&t, &bob, SELV_COAP_ACK, t.sent.mid));
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    assert_true(reply(&t, &alice, SELV_COAP_ACK, t.sent.mid));
    notified(&t, SELV_COAP_CONTENT); /* the third change, at once */
    assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
    assert_true(t.until - t.now <= 3000);
    assert_true(reply(&t, &alice, SELV_COAP_ACK, t.sent.mid));
    quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);

    /* a day later it must confirm that it is there */
    t.now = t.until;
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_CON);
    assert_true(reply(&t, &alice, SELV_COAP_RST, t.sent.mid));
    assert_int_equal(selv_coap_observe_count(&t.o), 0);
    quiet(&t, UINT64_MAX);
}

static void test_coap_observe_gone(void **state)
{
    struct serving t;
    unsigned sends = 0;
    (void)state;
    serving_init(&t);
    (void)take(&t, &alice, 1, REGISTER, 7);
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    for (;;) {
        enum selv_coap_observe_action a = serving_poll(&t);
        if (a == SELV_COAP_OBSERVE_GONE) {
            break;
        }
        assert_int_equal(a, SELV_COAP_OBSERVE_NOTIFY);
        notified(&t, SELV_COAP_CONTENT);
        sends++;
        assert_int_equal(serving_poll(&t), SELV_COAP_OBSERVE_WAIT);
        t.now = t.until;
    }
    assert_int_equal(sends, 5);
    assert_int_equal(selv_coap_observe_count(&t.o), 0);
}

static void test_coap_observe_error_is_the_last(void **state)
{
    struct serving t;
    (void)state;
    serving_init(&t);
    (void)take(&t, &alice, 1, REGISTER, 7);
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    notified(&t, SELV_COAP_NOT_FOUND);
    assert_int_equal(t.sent.code, SELV_COAP_NOT_FOUND);
    assert_int_equal(t.sent.has & SELV_COAP_HAS_OBSERVE, 0);
    assert_int_equal(selv_coap_observe_count(&t.o), 0);
}

/* Non-confirmable: the first one is confirmable all the same, later ones have
 * 3 s between them, and the last state is confirmed in the end. */
static void test_coap_observe_settles(void **state)
{
    struct serving t;
    (void)state;
    serving_init(&t);
    t.o.settle_ms = 20000;
    (void)take(&t, &alice, 1, REGISTER, 7);
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_CON);
    assert_true(reply(&t, &alice, SELV_COAP_ACK, t.sent.mid));
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_NON);
    uint32_t number = t.sent.observe;
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    quiet(&t, t.now + SELV_COAP_OBSERVE_GAP_MS);
    t.now = t.until;
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_NON);
    assert_true(selv_coap_observe_is_newer(number, 0, t.sent.observe, 0));
    uint64_t sent = t.now;
    quiet(&t, t.now + SELV_COAP_OBSERVE_GAP_MS);
    t.now = t.until;
    quiet(&t, sent + 20000);
    t.now = t.until;
    notified(&t, SELV_COAP_CONTENT);
    assert_int_equal(t.sent.type, SELV_COAP_CON);
    assert_true(reply(&t, &alice, SELV_COAP_ACK, t.sent.mid));
    quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);
    /* a Reset to a non-confirmable one counts, too */
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    notified(&t, SELV_COAP_CONTENT);
    assert_true(reply(&t, &alice, SELV_COAP_RST, t.sent.mid));
    assert_int_equal(selv_coap_observe_count(&t.o), 0);
}

/* A flood from forged addresses drives out none who has acknowledged. */
static void test_coap_observe_flood(void **state)
{
    struct serving t;
    struct selv_coap_peer forged = {3, {9, 0, 0}};
    (void)state;
    serving_init(&t);
    struct selv_coap_observer *e = take(&t, &alice, 1, REGISTER, 7);
    selv_coap_observe_changed(&t.o, t.now, 7, e, 0);
    notified(&t, SELV_COAP_CONTENT);
    assert_true(reply(&t, &alice, SELV_COAP_ACK, t.sent.mid));
    for (unsigned i = 0; i < 1000; i++) {
        forged.addr[1] = (uint8_t)(i >> 8);
        forged.addr[2] = (uint8_t)i;
        t.now++;
        assert_non_null(take(&t, &forged, 1, REGISTER, 7));
    }
    assert_int_equal(selv_coap_observe_count(&t.o), PLACES);
    assert_ptr_equal(take(&t, &alice, 1, REGISTER, 7), e);
    /* with all of them confirmed, a newcomer is refused */
    for (unsigned i = 0; i < PLACES - 1; i++) {
        selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
    }
    for (unsigned i = 0; i < PLACES; i++) {
        notified(&t, SELV_COAP_CONTENT);
        struct selv_coap_peer peer = t.due->peer;
        assert_true(reply(&t, &peer, SELV_COAP_ACK, t.sent.mid));
    }
    assert_null(take(&t, &bob, 1, REGISTER, 7));
    /* no table at all */
    selv_coap_observe_init(&t.o, &t.s, NULL, 0);
    assert_null(take(&t, &bob, 1, REGISTER, 7));
    quiet(&t, UINT64_MAX);
}

static void test_coap_observe_spread(void **state)
{
    struct serving t;
    uint64_t begin;
    unsigned n = 0;
    (void)state;
    serving_init(&t);
    (void)take(&t, &alice, 1, REGISTER, 7);
    (void)take(&t, &bob, 1, REGISTER, 7);
    begin = t.now;
    selv_coap_observe_changed(&t.o, t.now, 7, NULL, 10000);
    while (n < 2) {
        if (serving_poll(&t) == SELV_COAP_OBSERVE_NOTIFY) {
            notified(&t, SELV_COAP_CONTENT);
            struct selv_coap_peer peer = t.due->peer;
            assert_true(reply(&t, &peer, SELV_COAP_ACK, t.sent.mid));
            n++;
        } else {
            assert_true(t.until > t.now && t.until <= begin + 10000);
            t.now = t.until;
        }
    }
}

static void test_coap_observe_stream(void **state)
{
    struct serving t;
    (void)state;
    serving_init(&t);
    struct selv_coap_observer *e = take(&t, &alice, 1, REGISTER, 7);
    e->is_stream = true;
    for (unsigned i = 0; i < 3; i++) {
        selv_coap_observe_changed(&t.o, t.now, 7, NULL, 0);
        notified(&t, SELV_COAP_CONTENT);
        assert_int_equal(t.sent.type, SELV_COAP_NON);
        quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);
    }
    t.now = t.until;
    quiet(&t, t.now + SELV_COAP_OBSERVE_CONFIRM_MS);
}

static void test_coap_observe_block(void **state)
{
    struct serving t;
    struct selv_coap_slice slice;
    (void)state;
    serving_init(&t);
    struct selv_coap_observer *e = take(&t, &alice, 1, "60d10402", 7);
    assert_non_null(e);
    selv_coap_observe_slice(e, 100, 6, &slice);
    assert_int_equal(slice.len, 64);
    assert_int_equal(slice.block.szx, 2);
    assert_true(slice.block.more && slice.is_blockwise && slice.is_observed);
    selv_coap_observe_slice(e, 64, 1, &slice);
    assert_int_equal(slice.len, 32);
    selv_coap_observe_slice(e, 64, 2, &slice);
    assert_false(slice.is_blockwise);
    selv_coap_observe_mark(NULL, &slice);
    assert_false(slice.is_observed);
}

/* ---- both, over a link ----------------------------------------------------
 */

/* One packet, and each pair of packets, of an observation is lost, doubled or
 * delayed. In the end the watch knows the last state, and never goes back. */
#define PACKETS 64u
#define CHANGES 4u
#define LATE_MS 5000u

enum fault { NONE, LOST, DOUBLED, LATE };

struct link {
    struct serving s;
    struct watching w;
    struct {
        uint64_t at;
        uint16_t len;
        bool to_server;
        uint8_t p[96];
    } packet[PACKETS];
    uint32_t sent;
    uint32_t fault_at[2];
    enum fault fault[2];
    uint8_t value;
    uint8_t seen;
    bool over;
};

static void packet_put(struct link *l, bool to_server, const uint8_t *p,
                       size_t len, uint64_t at)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        if (l->packet[i].at == 0) {
            l->packet[i].at = at;
            l->packet[i].len = (uint16_t)len;
            l->packet[i].to_server = to_server;
            assert_true(len <= sizeof l->packet[i].p);
            memcpy(l->packet[i].p, p, len);
            return;
        }
    }
    fail_msg("too many packets");
}

static void packet_send(struct link *l, bool to_server, const uint8_t *p,
                        size_t len)
{
    enum fault f = NONE;
    for (unsigned i = 0; i < 2; i++) {
        f = l->sent == l->fault_at[i] ? l->fault[i] : f;
    }
    l->sent++;
    uint64_t at = l->w.now + 50;
    if (f != LOST) {
        packet_put(l, to_server, p, len, f == LATE ? at + LATE_MS : at);
    }
    if (f == DOUBLED) {
        packet_put(l, to_server, p, len, at + 700);
    }
}

static void state_write(struct link *l, const struct selv_coap_observer *e,
                        struct selv_coap_writer *w)
{
    struct selv_coap_slice slice;
    uint8_t etag = (uint8_t)(0x40 + l->value);
    memset(&slice, 0, sizeof slice);
    selv_coap_observe_mark(e, &slice);
    selv_coap_write_slice(w, &slice, selv_bytes(&etag, 1), SELV_COAP_NO_FORMAT,
                          30);
    selv_coap_write_payload(w, selv_bytes(&l->value, 1));
}

static void server_hear(struct link *l, struct selv_bytes in)
{
    struct serving *s = &l->s;
    struct selv_buf out = {s->tx, sizeof s->tx, 0};
    struct selv_coap_writer w;
    if (selv_coap_observe_feed(&s->o, s->now, &alice, in) ||
        selv_coap_server_feed(&s->s, s->now, &alice, in, &s->rq, &out) !=
            SELV_COAP_REQUEST) {
        return;
    }
    struct selv_coap_observer *e =
        selv_coap_observe_take(&s->o, s->now, &alice, &s->rq, 7, 0);
    selv_coap_reply_begin(&s->s, &s->rq, SELV_COAP_CONTENT, &out, &w);
    assert_true(e != NULL || s->rq.observe == SELV_COAP_DEREGISTER);
    state_write(l, e, &w);
    assert_int_equal(selv_coap_reply_end(&s->s, s->now, &alice, &s->rq, &w,
                                         SELV_COAP_RECOMPUTE, &out),
                     SELV_OK);
    packet_send(l, false, out.p, out.len);
}

static uint64_t server_run(struct link *l)
{
    struct serving *s = &l->s;
    for (;;) {
        struct selv_buf out = {s->tx, sizeof s->tx, 0};
        struct selv_coap_writer w;
        enum selv_coap_observe_action a = serving_poll(s);
        if (a == SELV_COAP_OBSERVE_WAIT) {
            return s->until;
        }
        if (a == SELV_COAP_OBSERVE_NOTIFY) {
            selv_coap_observe_begin(&s->o, s->due, SELV_COAP_CONTENT, &out, &w);
            state_write(l, s->due, &w);
            assert_int_equal(
                selv_coap_observe_end(&s->o, s->now, s->due, &w, &out),
                SELV_OK);
            packet_send(l, false, out.p, out.len);
        }
    }
}

static uint64_t watch_run(struct link *l)
{
    for (;;) {
        struct selv_buf out = {l->w.tx, sizeof l->w.tx, 0};
        switch (selv_coap_watch_poll(&l->w.w, l->w.now, &out, &l->w.news)) {
        case SELV_COAP_WATCH_SEND:
            packet_send(l, true, out.p, out.len);
            break;
        case SELV_COAP_WATCH_NEWS:
            assert_int_equal(l->w.news.payload.len, 1);
            assert_true(l->w.news.payload.p[0] >= l->seen);
            l->seen = l->w.news.payload.p[0];
            break;
        case SELV_COAP_WATCH_FAILED:
        case SELV_COAP_WATCH_DONE:
            l->over = true;
            return UINT64_MAX;
        case SELV_COAP_WATCH_WAIT:
        default:
            return l->w.news.until_ms;
        }
    }
}

/* Lets things happen until end_ms, at which nothing is due. */
static void link_run(struct link *l, uint64_t end_ms)
{
    for (;;) {
        uint64_t a = server_run(l);
        uint64_t b = watch_run(l);
        uint64_t next = a < b ? a : b;
        unsigned at = PACKETS;
        for (unsigned i = 0; i < PACKETS; i++) {
            if (l->packet[i].at != 0 && l->packet[i].at <= next) {
                next = l->packet[i].at;
                at = i;
            }
        }
        if (next > end_ms) {
            l->w.now = l->s.now = end_ms;
            return;
        }
        l->w.now = l->s.now = next;
        if (at < PACKETS) {
            memcpy(l->packet[at].to_server ? l->s.in : l->w.rx, l->packet[at].p,
                   l->packet[at].len);
            l->packet[at].at = 0;
            if (l->packet[at].to_server) {
                server_hear(l, selv_bytes(l->s.in, l->packet[at].len));
            } else {
                (void)selv_coap_watch_feed(
                    &l->w.w, l->w.now, selv_bytes(l->w.rx, l->packet[at].len));
            }
        }
    }
}

/* Packets that it took. */
static uint32_t observation(uint32_t at1, enum fault f1, uint32_t at2,
                            enum fault f2, uint32_t settle_ms)
{
    static struct link l;
    memset(&l, 0, sizeof l);
    serving_init(&l.s);
    watching_init(&l.w);
    l.s.o.settle_ms = settle_ms;
    l.s.now = l.w.now;
    l.fault_at[0] = at1;
    l.fault[0] = f1;
    l.fault_at[1] = at2;
    l.fault[1] = f2;
    assert_int_equal(selv_coap_watch_start(&l.w.w, &l.w.rq, seed, l.w.now),
                     SELV_OK);
    for (unsigned i = 0; i < CHANGES; i++) {
        link_run(&l, l.w.now + 1900);
        l.value++;
        selv_coap_observe_changed(&l.s.o, l.s.now, 7, NULL, 0);
    }
    link_run(&l, l.w.now + 120000);
    if (l.seen != l.value || l.over) {
        fail_msg("packets %u %d, %u %d: saw %d of %d", at1, f1, at2, f2, l.seen,
                 l.value);
    }
    selv_coap_watch_stop(&l.w.w, l.w.now);
    link_run(&l, l.w.now + 300000);
    assert_true(l.over);
    assert_true(f1 != NONE || selv_coap_observe_count(&l.s.o) == 0);
    return l.sent;
}

static void test_coap_observe_link(void **state)
{
    static const uint32_t settle[] = {0, 4000};
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        uint32_t n = observation(UINT32_MAX, NONE, UINT32_MAX, NONE, settle[k]);
        assert_true(n >= 2 + CHANGES && n < 40);
        for (uint32_t i = 0; i < n; i++) {
            for (unsigned f = LOST; f <= LATE; f++) {
                (void)observation(i, (enum fault)f, UINT32_MAX, NONE,
                                  settle[k]);
                for (uint32_t j = i + 1; j < n; j++) {
                    for (unsigned g = LOST; g <= LATE; g++) {
                        (void)observation(i, (enum fault)f, j, (enum fault)g,
                                          settle[k]);
                    }
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_observe_order),
        cmocka_unit_test(test_coap_observe_figures),
        cmocka_unit_test(test_coap_observe_watch_stale_and_copies),
        cmocka_unit_test(test_coap_observe_watch_separate),
        cmocka_unit_test(test_coap_observe_watch_separate_anew),
        cmocka_unit_test(test_coap_observe_watch_echo),
        cmocka_unit_test(test_coap_observe_watch_resets),
        cmocka_unit_test(test_coap_observe_watch_polls),
        cmocka_unit_test(test_coap_observe_watch_bad_answers),
        cmocka_unit_test(test_coap_observe_watch_arguments),
        cmocka_unit_test(test_coap_observe_watch_silence),
        cmocka_unit_test(test_coap_observe_watch_stop),
        cmocka_unit_test(test_coap_observe_watch_stream),
        cmocka_unit_test(test_coap_observe_take),
        cmocka_unit_test(test_coap_observe_numbers_go_on),
        cmocka_unit_test(test_coap_observe_notifies),
        cmocka_unit_test(test_coap_observe_gone),
        cmocka_unit_test(test_coap_observe_error_is_the_last),
        cmocka_unit_test(test_coap_observe_settles),
        cmocka_unit_test(test_coap_observe_flood),
        cmocka_unit_test(test_coap_observe_spread),
        cmocka_unit_test(test_coap_observe_stream),
        cmocka_unit_test(test_coap_observe_block),
        cmocka_unit_test(test_coap_observe_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
