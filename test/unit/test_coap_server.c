/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"
#include "test/unit/hex.h"

static const uint8_t seed[8] = {1, 2, 3, 4, 0xab, 0xcd, 7, 8};
static const struct selv_coap_peer alice = {3, {1, 2, 3}};
static const struct selv_coap_peer bob = {3, {1, 2, 4}};

#define SEEN 16u

struct world {
    struct selv_coap_server s;
    struct selv_coap_seen seen[SEEN];
    struct selv_coap_msg rq;
    struct selv_coap_msg reply;
    uint8_t in[256];
    uint8_t tx[1200];
    struct selv_buf out;
    uint64_t now;
};

static void world_init(struct world *w, uint32_t seen)
{
    memset(w, 0, sizeof *w);
    w->out.p = w->tx;
    w->out.cap = sizeof w->tx;
    w->now = 7000;
    selv_coap_server_init(&w->s, w->seen, seen, seed);
}

static enum selv_coap_heard
heard(struct world *w, const struct selv_coap_peer *peer, const char *text)
{
    enum selv_coap_heard h = selv_coap_server_feed(
        &w->s, w->now, peer, hex(text, w->in, sizeof w->in), &w->rq, &w->out);
    assert_int_equal(h == SELV_COAP_REPLY, w->out.len > 0);
    return h;
}

static void reply_parse(struct world *w)
{
    assert_int_equal(
        selv_coap_parse(selv_bytes(w->out.p, w->out.len), &w->reply), SELV_OK);
}

/* Answer w->rq with a code and one byte of payload. */
static void reply(struct world *w, const struct selv_coap_peer *peer,
                  uint8_t code, uint8_t byte, enum selv_coap_keep keep)
{
    struct selv_coap_writer to;
    selv_coap_reply_begin(&w->s, &w->rq, code, &w->out, &to);
    selv_coap_write_payload(&to, selv_bytes(&byte, 1));
    assert_int_equal(
        selv_coap_reply_end(&w->s, w->now, peer, &w->rq, &to, keep, &w->out),
        SELV_OK);
    reply_parse(w);
}

/* ---- what no application sees ------------------------------------------- */

static void test_coap_server_table(void **state)
{
    static const struct {
        const char *name;
        const char *in;
        enum selv_coap_heard heard;
        const char *out; /* NULL: not looked at */
    } rows[] = {
        {"GET", "44011234aabbccdd b161", SELV_COAP_REQUEST, NULL},
        {"NON GET", "54011234aabbccdd b161", SELV_COAP_REQUEST, NULL},
        {"unknown method 0.31", "401f1234", SELV_COAP_REQUEST, NULL},
        {"nothing", "", SELV_COAP_DROP, NULL},
        {"one byte", "40", SELV_COAP_DROP, NULL},
        {"version 2", "84011234aabbccdd", SELV_COAP_DROP, NULL},
        {"ping", "40001234", SELV_COAP_REPLY, "70001234"},
        {"ping with a token", "410012340a", SELV_COAP_REPLY, "70001234"},
        {"NON, empty", "50001234", SELV_COAP_DROP, NULL},
        {"ACK", "60001234", SELV_COAP_DROP, NULL},
        {"Reset", "70001234", SELV_COAP_DROP, NULL},
        {"request in ACK", "60011234", SELV_COAP_DROP, NULL},
        {"CON, malformed", "40011234ff", SELV_COAP_REPLY, "70001234"},
        {"CON, token 9", "49011234", SELV_COAP_REPLY, "70001234"},
        {"NON, malformed", "50011234ff", SELV_COAP_DROP, NULL},
        {"ACK, malformed", "60451234ff", SELV_COAP_DROP, NULL},
        {"CON response", "40451234", SELV_COAP_REPLY, "70001234"},
        {"NON response", "50451234", SELV_COAP_DROP, NULL},
        {"CON class 1", "40211234", SELV_COAP_REPLY, "70001234"},
        {"CON class 7", "40e11234", SELV_COAP_REPLY, "70001234"},
        {"CON, unknown critical", "41011234aa 90", SELV_COAP_REPLY,
         "61821234aa"},
        {"NON, unknown critical", "51011234aa 90", SELV_COAP_DROP, NULL},
        {"CON, if-match", "41011234aa 10", SELV_COAP_REPLY, "61821234aa"},
        {"CON, unknown elective", "41011234aa 20", SELV_COAP_REQUEST, NULL},
        {"CON, proxy-uri", "41011234aa d11661", SELV_COAP_REPLY, "61a51234aa"},
        {"CON, proxy-scheme", "41011234aa d11a61", SELV_COAP_REPLY,
         "61a51234aa"},
        {"CON, block2 of szx 7", "41011234aa d10a07", SELV_COAP_REPLY,
         "61801234aa"},
        {"CON, block1 of szx 7", "41031234aa d10e07", SELV_COAP_REPLY,
         "61801234aa"},
        {"NON, block1 of szx 7", "51031234aa d10e07", SELV_COAP_REPLY,
         "5180abcdaa"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        uint8_t want[64];
        world_init(&w, SEEN);
        enum selv_coap_heard h = heard(&w, &alice, rows[i].in);
        if (h != rows[i].heard) {
            fail_msg("%s: heard %d", rows[i].name, h);
        }
        if (rows[i].out != NULL &&
            !selv_bytes_equal(hex(rows[i].out, want, sizeof want),
                              selv_bytes(w.out.p, w.out.len))) {
            fail_msg("%s: another reply", rows[i].name);
        }
    }
}

/* ---- answers ---------------------------------------------------------------
 */

static void test_coap_server_reply_types(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, "44011234aabbccdd"), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CONTENT, 'x', SELV_COAP_RECOMPUTE);
    assert_int_equal(w.reply.type, SELV_COAP_ACK);
    assert_int_equal(w.reply.mid, 0x1234);
    assert_int_equal(w.reply.token.len, 4);
    assert_memory_equal(w.reply.token.p, "\xaa\xbb\xcc\xdd", 4);

    assert_int_equal(heard(&w, &alice, "54011235aabbccdd"), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CONTENT, 'x', SELV_COAP_RECOMPUTE);
    assert_int_equal(w.reply.type, SELV_COAP_NON);
    assert_int_equal(w.reply.mid, 0xabcd);
    assert_int_equal(heard(&w, &alice, "54011236aabbccdd"), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CONTENT, 'x', SELV_COAP_RECOMPUTE);
    assert_int_equal(w.reply.mid, 0xabce);
}

static void test_coap_server_reply_code_text(void **state)
{
    struct world w;
    uint8_t small[12];
    struct selv_buf out = {small, sizeof small, 0};
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, "44011234aabbccdd"), SELV_COAP_REQUEST);
    selv_coap_reply_code(&w.s, &w.rq, SELV_COAP_NOT_FOUND, "no", &w.out);
    reply_parse(&w);
    assert_int_equal(w.reply.code, SELV_COAP_NOT_FOUND);
    assert_int_equal(w.reply.payload.len, 2);
    selv_coap_reply_code(&w.s, &w.rq, SELV_COAP_NOT_FOUND, "abc", &out);
    assert_int_equal(out.len, 12); /* just fits */
    selv_coap_reply_code(&w.s, &w.rq, SELV_COAP_NOT_FOUND, "abcd", &out);
    assert_int_equal(out.len, 8); /* left out */
}

static void test_coap_server_reply_errors(void **state)
{
    static const uint8_t body[SELV_COAP_REPLY_MAX] = {0};
    struct world w;
    struct selv_coap_writer to;
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, "44021234aabbccdd"), SELV_COAP_REQUEST);
    selv_coap_reply_begin(&w.s, &w.rq, SELV_COAP_CONTENT, &w.out, &to);
    selv_coap_write_payload(&to, selv_bytes(body, sizeof body));
    assert_int_equal(selv_coap_reply_end(&w.s, w.now, &alice, &w.rq, &to,
                                         SELV_COAP_KEEP, &w.out),
                     SELV_ERR_SPACE);
    assert_int_equal(w.out.len, 0);
    assert_int_equal(selv_coap_reply_end(&w.s, w.now, &alice, &w.rq, &to,
                                         SELV_COAP_RECOMPUTE, &w.out),
                     SELV_OK);
    selv_coap_reply_begin(&w.s, &w.rq, SELV_COAP_CONTENT, &w.out, &to);
    selv_coap_write_uint(&to, 12, 0);
    selv_coap_write_uint(&to, 4, 0);
    assert_int_equal(selv_coap_reply_end(&w.s, w.now, &alice, &w.rq, &to,
                                         SELV_COAP_RECOMPUTE, &w.out),
                     SELV_ERR_ARG);
    assert_int_equal(w.out.len, 0);
}

/* ---- duplicates [RFC 7252 4.5]
 * ------------------------------------------------ */

#define POST "44021234aabbccdd b161 ff01"

static void test_coap_server_duplicate_gets_the_same_bytes(void **state)
{
    struct world w;
    uint8_t first[64];
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CREATED, 42, SELV_COAP_KEEP);
    size_t len = w.out.len;
    memcpy(first, w.out.p, len);

    w.now += SELV_COAP_EXCHANGE_LIFETIME_MS - 1;
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REPLY);
    assert_int_equal(w.out.len, len);
    assert_memory_equal(w.out.p, first, len);
    w.now += 1; /* forgotten */
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
}

static void test_coap_server_duplicate_is_of_peer_mid_and_token(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 8); /* every place is looked at */
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CREATED, 42, SELV_COAP_KEEP);
    assert_int_equal(heard(&w, &bob, POST), SELV_COAP_REQUEST);
    assert_int_equal(heard(&w, &alice, "44021235aabbccdd b161 ff01"),
                     SELV_COAP_REQUEST);
    assert_int_equal(heard(&w, &alice, "44021234aabbccde b161 ff01"),
                     SELV_COAP_REQUEST);
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REPLY);
}

static void test_coap_server_recompute_is_not_remembered(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CREATED, 42, SELV_COAP_RECOMPUTE);
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
}

static void test_coap_server_without_memory(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REQUEST);
        reply(&w, &alice, SELV_COAP_CREATED, 42, SELV_COAP_KEEP);
        assert_int_equal(w.reply.code, SELV_COAP_CREATED);
    }
}

static void test_coap_server_non_duplicate_is_dropped(void **state)
{
    static const char non[] = "54021234aabbccdd b161 ff01";
    struct world w;
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, non), SELV_COAP_REQUEST);
    reply(&w, &alice, SELV_COAP_CREATED, 42, SELV_COAP_KEEP);
    assert_int_equal(heard(&w, &alice, non), SELV_COAP_DROP);
    w.now += SELV_COAP_NON_LIFETIME_MS;
    assert_int_equal(heard(&w, &alice, non), SELV_COAP_REQUEST);
}

/* A full table forgets what ends first, and never answers for another. */
static void test_coap_server_limits_table(void **state)
{
    static const uint32_t counts[] = {1, 2, 7, 8, 9, SEEN};
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct world w;
        char text[64];
        world_init(&w, counts[c]);
        for (uint32_t i = 0; i < 300; i++) {
            snprintf(text, sizeof text, "4402%04xaabbccdd b161 ff01", i);
            w.now++;
            assert_int_equal(heard(&w, &alice, text), SELV_COAP_REQUEST);
            reply(&w, &alice, SELV_COAP_CREATED, (uint8_t)i, SELV_COAP_KEEP);
            /* the newest is always there */
            assert_int_equal(heard(&w, &alice, text), SELV_COAP_REPLY);
            reply_parse(&w);
            assert_int_equal(w.reply.mid, i);
            assert_int_equal(w.reply.payload.p[0], (uint8_t)i);
        }
        if (counts[c] <= 8) { /* then exactly the last ones are there */
            for (uint32_t i = 0; i < 300; i++) {
                snprintf(text, sizeof text, "4402%04xaabbccdd b161 ff01", i);
                assert_int_equal(heard(&w, &alice, text),
                                 i + counts[c] >= 300 ? SELV_COAP_REPLY
                                                      : SELV_COAP_REQUEST);
            }
        }
    }
}

/* ---- separate responses
 * ------------------------------------------------------- */

static enum selv_coap_action later_poll(struct world *w,
                                        struct selv_coap_later *l,
                                        uint64_t *until_ms, enum selv_err *err)
{
    struct selv_bytes datagram;
    enum selv_coap_action a =
        selv_coap_later_poll(l, w->now, until_ms, &datagram, err);
    if (a == SELV_COAP_SEND) {
        assert_int_equal(selv_coap_parse(datagram, &w->reply), SELV_OK);
    }
    return a;
}

/* Request accepted, answer ready to be sent. */
static void later_start(struct world *w, struct selv_coap_later *l,
                        const char *request, uint8_t *buf, size_t cap)
{
    struct selv_buf body = {buf, cap, 0};
    struct selv_coap_writer to;
    uint64_t until_ms;
    enum selv_err err;
    world_init(w, SEEN);
    assert_int_equal(heard(w, &alice, request), SELV_COAP_REQUEST);
    selv_coap_later_begin(&w->s, l, w->now, &alice, &w->rq, &w->out);
    assert_int_equal(later_poll(w, l, &until_ms, &err), SELV_COAP_WAIT);
    assert_true(until_ms == UINT64_MAX);
    selv_coap_later_reply_begin(&w->s, l, SELV_COAP_CONTENT, &body, &to);
    selv_coap_write_payload(&to, selv_bytes("late", 4));
    assert_int_equal(selv_coap_later_reply_end(&w->s, l, w->now, &to), SELV_OK);
    /* once only */
    assert_int_equal(selv_coap_later_reply_end(&w->s, l, w->now, &to),
                     SELV_ERR_STATE);
}

static void test_coap_later_acknowledged(void **state)
{
    struct world w;
    struct selv_coap_later l;
    uint8_t buf[64];
    uint64_t until_ms;
    enum selv_err err;
    uint8_t ack[4];
    (void)state;
    later_start(&w, &l, POST, buf, sizeof buf);
    reply_parse(&w); /* the empty ACK */
    assert_int_equal(w.reply.type, SELV_COAP_ACK);
    assert_int_equal(w.reply.code, SELV_COAP_EMPTY);
    assert_int_equal(w.reply.mid, 0x1234);
    /* a duplicate is acknowledged again, and not executed */
    assert_int_equal(heard(&w, &alice, POST), SELV_COAP_REPLY);
    reply_parse(&w);
    assert_int_equal(w.reply.code, SELV_COAP_EMPTY);

    /* what has not been sent cannot be acknowledged */
    assert_false(selv_coap_later_feed(&l, &alice, hex("6000abcd", ack, 4)));
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_SEND);
    assert_int_equal(w.reply.type, SELV_COAP_CON);
    assert_int_equal(w.reply.mid, 0xabcd);
    assert_memory_equal(w.reply.token.p, "\xaa\xbb\xcc\xdd", 4);
    assert_memory_equal(w.reply.payload.p, "late", 4);

    assert_false(selv_coap_later_feed(&l, &bob, hex("6000abcd", ack, 4)));
    assert_false(selv_coap_later_feed(&l, &alice, hex("6000abce", ack, 4)));
    assert_false(selv_coap_later_feed(&l, &alice, hex("4000abcd", ack, 4)));
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
    assert_true(selv_coap_later_feed(&l, &alice, hex("6000abcd", ack, 4)));
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_DONE);
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
    assert_true(selv_coap_later_feed(&l, &alice, hex("6000abcd", ack, 4)));
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
}

static void test_coap_later_retransmission_is_exact(void **state)
{
    struct world w;
    struct selv_coap_later l;
    uint8_t buf[64];
    uint64_t until_ms;
    enum selv_err err;
    (void)state;
    later_start(&w, &l, POST, buf, sizeof buf);
    uint64_t begun = w.now;
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_SEND);
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
    uint64_t timeout = until_ms - begun;
    assert_in_range(timeout, 2000, 3000);
    for (uint64_t n = 1; n <= 4; n++) {
        w.now = begun + timeout * ((1u << n) - 1) - 1;
        assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
        w.now++;
        assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_SEND);
        assert_int_equal(w.reply.mid, 0xabcd);
    }
    w.now = begun + timeout * 31 - 1;
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_WAIT);
    w.now++;
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_FAILED);
    assert_int_equal(err, SELV_ERR_COAP_TIMEOUT);
}

static void test_coap_later_reset(void **state)
{
    struct world w;
    struct selv_coap_later l;
    uint8_t buf[64];
    uint8_t rst[4];
    uint64_t until_ms;
    enum selv_err err;
    (void)state;
    later_start(&w, &l, POST, buf, sizeof buf);
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_SEND);
    assert_true(selv_coap_later_feed(&l, &alice, hex("7000abcd", rst, 4)));
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_FAILED);
    assert_int_equal(err, SELV_ERR_COAP_RESET);
}

static void test_coap_later_non(void **state)
{
    struct world w;
    struct selv_coap_later l;
    uint8_t buf[64];
    uint64_t until_ms;
    enum selv_err err;
    (void)state;
    later_start(&w, &l, "54021234aabbccdd b161 ff01", buf, sizeof buf);
    assert_int_equal(w.out.len, 0);
    assert_int_equal(heard(&w, &alice, "54021234aabbccdd b161 ff01"),
                     SELV_COAP_DROP);
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_SEND);
    assert_int_equal(w.reply.type, SELV_COAP_NON);
    assert_int_equal(later_poll(&w, &l, &until_ms, &err), SELV_COAP_DONE);
}

/* ---- /.well-known/core [RFC 6690]
 * ----------------------------------------------- */

static const struct selv_coap_resource table[] = {
    {"reg", "selv.reg", NULL, SELV_COAP_CBOR, false},
    {"m", "selv.m core.s", "if.m", SELV_COAP_NO_FORMAT, true},
    {"i", NULL, NULL, SELV_COAP_OCTETS, false},
};
#define LINKS                                                                  \
    "</reg>;rt=\"selv.reg\";ct=60,</m>;rt=\"selv.m core.s\";if=\"if.m\";obs,"  \
    "</i>;ct=42"

static void core_request(struct world *w, const char *query, int block2)
{
    struct selv_coap_writer to;
    size_t len;
    selv_coap_write_begin(&to, w->in, sizeof w->in, SELV_COAP_CON,
                          SELV_COAP_GET, 1, selv_bytes("t", 1));
    selv_coap_write_path(&to, selv_bytes(".well-known/core", 16));
    selv_coap_write_query(&to, selv_bytes(query, strlen(query)));
    if (block2 >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_BLOCK2, (uint32_t)block2);
    }
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    assert_int_equal(selv_coap_server_feed(&w->s, w->now, &alice,
                                           selv_bytes(w->in, len), &w->rq,
                                           &w->out),
                     SELV_COAP_REQUEST);
    assert_int_equal(selv_coap_reply_core(&w->s, &w->rq, table, 3, 6, &w->out),
                     SELV_OK);
    reply_parse(w);
}

static void test_coap_core_filters(void **state)
{
    static const struct {
        const char *query;
        const char *want;
    } rows[] = {
        {"", LINKS},
        {"rt=selv.reg", "</reg>;rt=\"selv.reg\";ct=60"},
        {"rt=core.s", "</m>;rt=\"selv.m core.s\";if=\"if.m\";obs"},
        {"rt=selv.*", "</reg>;rt=\"selv.reg\";ct=60,"
                      "</m>;rt=\"selv.m core.s\";if=\"if.m\";obs"},
        {"rt=*", "</reg>;rt=\"selv.reg\";ct=60,"
                 "</m>;rt=\"selv.m core.s\";if=\"if.m\";obs"},
        {"rt=selv", ""},
        {"rt=selv.m%20core.s", ""}, /* one word is asked for */
        {"if=if.m", "</m>;rt=\"selv.m core.s\";if=\"if.m\";obs"},
        {"ct=42", "</i>;ct=42"},
        {"ct=4*", "</i>;ct=42"},
        {"href=/i", "</i>;ct=42"},
        {"href=/*", LINKS},
        {"href=*", LINKS},
        {"href=i", ""},
        {"href=", ""},
        {"title=x", ""},
        {"rt=", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        world_init(&w, SEEN);
        core_request(&w, rows[i].query, -1);
        assert_int_equal(w.reply.code, SELV_COAP_CONTENT);
        assert_int_equal(w.reply.content_format, SELV_COAP_LINK_FORMAT);
        if (!selv_bytes_equal(w.reply.payload,
                              selv_bytes(rows[i].want, strlen(rows[i].want)))) {
            fail_msg("'%s' gave '%.*s'", rows[i].query,
                     (int)w.reply.payload.len, (const char *)w.reply.payload.p);
        }
    }
}

static void test_coap_core_in_blocks(void **state)
{
    (void)state;
    for (int szx = 0; szx <= 3; szx++) {
        struct world w;
        char got[256] = "";
        size_t len = 0;
        world_init(&w, SEEN);
        for (int n = 0;; n++) {
            core_request(&w, "", n << 4 | szx);
            assert_int_equal(w.reply.code, SELV_COAP_CONTENT);
            assert_int_equal(w.reply.block2.num, n);
            memcpy(got + len, w.reply.payload.p, w.reply.payload.len);
            len += w.reply.payload.len;
            if (!w.reply.block2.more) {
                break;
            }
            assert_int_equal(w.reply.payload.len, 16 << szx);
        }
        assert_string_equal(got, LINKS);
        core_request(&w, "", 100 << 4 | szx);
        assert_int_equal(w.reply.code, SELV_COAP_BAD_REQUEST);
    }
}

/* A block in a buffer that it just fills leaves the byte behind it alone. */
static void test_coap_core_limits_window(void **state)
{
    struct world w;
    uint8_t exact[64];
    (void)state;
    world_init(&w, SEEN);
    core_request(&w, "", 0);
    assert_true(w.out.len < sizeof exact);
    assert_true(w.reply.block2.more);
    struct selv_buf out = {exact, w.out.len, 0};
    memset(exact, 0xa5, sizeof exact);
    assert_int_equal(selv_coap_reply_core(&w.s, &w.rq, table, 3, 0, &out),
                     SELV_OK);
    assert_int_equal(out.len, w.out.len);
    assert_memory_equal(exact, w.tx, out.len);
    assert_int_equal(exact[out.len], 0xa5);
    out.cap--;
    assert_int_equal(selv_coap_reply_core(&w.s, &w.rq, table, 3, 0, &out),
                     SELV_ERR_SPACE);
}

static void test_coap_core_refuses(void **state)
{
    struct world w;
    uint8_t small[16];
    struct selv_buf out = {small, sizeof small, 0};
    (void)state;
    world_init(&w, SEEN);
    assert_int_equal(heard(&w, &alice, "40021234"), SELV_COAP_REQUEST);
    assert_int_equal(selv_coap_reply_core(&w.s, &w.rq, table, 3, 6, &w.out),
                     SELV_OK);
    reply_parse(&w);
    assert_int_equal(w.reply.code, SELV_COAP_NOT_ALLOWED);
    /* Accept: 60 */
    assert_int_equal(heard(&w, &alice, "40011234d1043c"), SELV_COAP_REQUEST);
    assert_int_equal(selv_coap_reply_core(&w.s, &w.rq, table, 3, 6, &w.out),
                     SELV_OK);
    reply_parse(&w);
    assert_int_equal(w.reply.code, SELV_COAP_NOT_ACCEPTABLE);
    assert_int_equal(heard(&w, &alice, "40011234"), SELV_COAP_REQUEST);
    assert_int_equal(selv_coap_reply_core(&w.s, &w.rq, table, 3, 6, &out),
                     SELV_ERR_SPACE);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_server_table),
        cmocka_unit_test(test_coap_server_reply_types),
        cmocka_unit_test(test_coap_server_reply_code_text),
        cmocka_unit_test(test_coap_server_reply_errors),
        cmocka_unit_test(test_coap_server_duplicate_gets_the_same_bytes),
        cmocka_unit_test(test_coap_server_duplicate_is_of_peer_mid_and_token),
        cmocka_unit_test(test_coap_server_recompute_is_not_remembered),
        cmocka_unit_test(test_coap_server_without_memory),
        cmocka_unit_test(test_coap_server_non_duplicate_is_dropped),
        cmocka_unit_test(test_coap_server_limits_table),
        cmocka_unit_test(test_coap_later_acknowledged),
        cmocka_unit_test(test_coap_later_retransmission_is_exact),
        cmocka_unit_test(test_coap_later_reset),
        cmocka_unit_test(test_coap_later_non),
        cmocka_unit_test(test_coap_core_filters),
        cmocka_unit_test(test_coap_core_in_blocks),
        cmocka_unit_test(test_coap_core_limits_window),
        cmocka_unit_test(test_coap_core_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
