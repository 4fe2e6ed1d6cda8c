/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/echo.h"
#include "test/unit/hex.h"
#include "test/unit/siphash.h"

static const uint8_t seed[8] = {1, 2, 3, 4, 0xab, 0xcd, 7, 8};
static const uint8_t key[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                8, 9, 10, 11, 12, 13, 14, 15};
static const struct selv_coap_mac mac = {sip_tag, key};
static const struct selv_coap_peer alice = {3, {1, 2, 3}};
static const struct selv_coap_peer bob = {3, {1, 2, 4}};

#define PLACES 4u

struct world {
    struct selv_coap_server s;
    struct selv_coap_echo e;
    struct selv_coap_verified table[PLACES];
    struct selv_coap_msg rq;
    uint8_t in[128];
    size_t in_len;
    uint8_t tx[1200];
    struct selv_buf out;
    uint64_t now;
};

static void world_init(struct world *w, uint32_t places)
{
    memset(w, 0, sizeof *w);
    w->now = 1000000;
    w->out.p = w->tx;
    w->out.cap = sizeof w->tx;
    selv_coap_server_init(&w->s, NULL, 0, seed);
    selv_coap_echo_init(&w->e, mac, w->table, places);
}

/* GET /m, with an Echo option when value is not empty. */
static enum selv_coap_echo_verdict asked(struct world *w,
                                         const struct selv_coap_peer *peer,
                                         struct selv_bytes value)
{
    struct selv_coap_writer to;
    selv_coap_write_begin(&to, w->in, sizeof w->in, SELV_COAP_CON,
                          SELV_COAP_GET, 7, selv_bytes("t", 1));
    selv_coap_write_path(&to, selv_bytes("m", 1));
    if (value.p != NULL) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ECHO, value);
    }
    assert_int_equal(selv_coap_write_end(&to, &w->in_len), SELV_OK);
    assert_int_equal(selv_coap_parse(selv_bytes(w->in, w->in_len), &w->rq),
                     SELV_OK);
    return selv_coap_echo_judge(&w->e, w->now, peer, &w->rq);
}

/* The value of a challenge to a peer. */
static struct selv_bytes
challenge(struct world *w, const struct selv_coap_peer *peer, uint8_t value[12])
{
    struct selv_coap_msg m;
    struct selv_bytes v;
    (void)asked(w, peer, selv_bytes(NULL, 0));
    selv_coap_echo_challenge(&w->e, &w->s, w->now, peer, &w->rq, &w->out);
    assert_int_equal(selv_coap_parse(selv_bytes(w->tx, w->out.len), &m),
                     SELV_OK);
    assert_int_equal(m.type, SELV_COAP_ACK); /* never by itself [2.4] */
    assert_int_equal(m.code, SELV_COAP_UNAUTHORIZED);
    assert_true(w->out.len <= 26);
    assert_true(selv_coap_opt_find(&m, SELV_COAP_OPT_ECHO, &v));
    assert_int_equal(v.len, SELV_COAP_ECHO_OURS);
    memcpy(value, v.p, v.len);
    return selv_bytes(value, v.len);
}

static void test_coap_echo_mac(void **state)
{
    uint8_t tag[8];
    uint8_t want[8];
    uint8_t m[15];
    (void)state;
    for (uint8_t i = 0; i < sizeof m; i++) {
        m[i] = i;
    }
    sip_tag(key, selv_bytes(m, sizeof m), tag);
    (void)hex("e545be4961ca29a1", want, sizeof want);
    assert_memory_equal(tag, want, 8);
}

static void test_coap_echo_fresh(void **state)
{
    struct world w;
    uint8_t value[12];
    (void)state;
    world_init(&w, 0);
    struct selv_bytes v = challenge(&w, &alice, value);
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_FRESH);
    assert_int_equal(asked(&w, &bob, v), SELV_COAP_ECHO_UNKNOWN);
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_UNKNOWN);
    w.now += 60000;
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_FRESH);
    w.now += 250;
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_UNKNOWN);
    /* the clock went back: of a time to come */
    w.now -= 120000;
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_UNKNOWN);
}

static void test_coap_echo_bad_values(void **state)
{
    struct world w;
    uint8_t value[12];
    uint8_t other[41];
    (void)state;
    world_init(&w, PLACES);
    struct selv_bytes v = challenge(&w, &alice, value);
    for (unsigned bit = 0; bit < 96; bit++) {
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_UNKNOWN);
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(other, 0, sizeof other);
    memcpy(other, value, 12);
    for (size_t len = 0; len <= sizeof other; len++) {
        enum selv_coap_echo_verdict got =
            asked(&w, &bob, selv_bytes(other, len));
        assert_int_equal(got, SELV_COAP_ECHO_UNKNOWN);
        if (len != 12) {
            got = asked(&w, &alice, selv_bytes(other, len));
            assert_int_equal(got, SELV_COAP_ECHO_UNKNOWN);
        }
    }
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_FRESH);
}

static void test_coap_echo_remembers(void **state)
{
    struct world w;
    uint8_t value[12];
    struct selv_coap_peer peer = {3, {7, 0, 0}};
    (void)state;
    world_init(&w, PLACES);
    struct selv_bytes v = challenge(&w, &alice, value);
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_FRESH);
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_VERIFIED);
    w.now += 599999;
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_VERIFIED);
    w.now += 1;
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_UNKNOWN);
    v = challenge(&w, &alice, value);
    assert_int_equal(asked(&w, &alice, v), SELV_COAP_ECHO_FRESH);
    /* who only asks takes no place */
    for (unsigned i = 0; i < 1000; i++) {
        peer.addr[1] = (uint8_t)(i >> 8);
        peer.addr[2] = (uint8_t)i;
        assert_int_equal(asked(&w, &peer, selv_bytes(value, 12)),
                         SELV_COAP_ECHO_UNKNOWN);
    }
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_VERIFIED);
    /* PLACES others who echo drive out the oldest */
    for (uint8_t i = 0; i < PLACES; i++) {
        uint8_t its[12];
        peer.addr[1] = 200;
        peer.addr[2] = i;
        w.now++;
        struct selv_bytes its_v = challenge(&w, &peer, its);
        assert_int_equal(asked(&w, &peer, its_v), SELV_COAP_ECHO_FRESH);
    }
    assert_int_equal(asked(&w, &alice, selv_bytes(NULL, 0)),
                     SELV_COAP_ECHO_UNKNOWN);
}

static void test_coap_echo_guard(void **state)
{
    static const struct {
        enum selv_coap_echo_verdict verdict;
        size_t len;
        bool guarded;
    } rows[] = {
        {SELV_COAP_ECHO_UNKNOWN, 21, false},
        {SELV_COAP_ECHO_UNKNOWN, 22, true},
        {SELV_COAP_ECHO_UNKNOWN, 1100, true},
        {SELV_COAP_ECHO_VERIFIED, 1100, false},
        {SELV_COAP_ECHO_FRESH, 1100, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        world_init(&w, 0);
        (void)asked(&w, &alice, selv_bytes(NULL, 0));
        assert_int_equal(w.in_len, 7);
        w.out.len = rows[i].len;
        assert_int_equal(selv_coap_echo_guard(&w.e, &w.s, w.now, &alice, &w.rq,
                                              w.in_len, rows[i].verdict,
                                              &w.out),
                         rows[i].guarded);
        assert_int_equal(w.out.len, rows[i].guarded ? 19 : rows[i].len);
    }
}

/* ---- the client ------------------------------------------------------------
 */

struct client {
    struct selv_coap_client c;
    struct selv_coap_request rq;
    struct selv_coap_event event;
    struct selv_coap_msg sent;
    uint8_t tx[256];
    uint8_t rx[256];
    uint64_t now;
};

static enum selv_coap_action run(struct client *t)
{
    struct selv_buf out = {t->tx, sizeof t->tx, 0};
    enum selv_coap_action a =
        selv_coap_client_poll(&t->c, t->now, &out, &t->event);
    if (a == SELV_COAP_SEND) {
        assert_int_equal(selv_coap_parse(selv_bytes(t->tx, out.len), &t->sent),
                         SELV_OK);
    }
    return a;
}

static void client_start(struct client *t, size_t payload)
{
    static const uint8_t body[100] = {0};
    memset(t, 0, sizeof *t);
    t->rq.code = payload > 0 ? SELV_COAP_PUT : SELV_COAP_GET;
    t->rq.szx = 1;
    t->rq.content_format = SELV_COAP_NO_FORMAT;
    t->rq.accept = SELV_COAP_NO_FORMAT;
    t->rq.path = selv_bytes("lock", 4);
    t->rq.payload = selv_bytes(body, payload);
    t->rq.body_max = 100;
    t->rq.deadline_ms = 60000;
    selv_coap_client_init(&t->c);
    assert_int_equal(selv_coap_client_start(&t->c, &t->rq, seed, t->now),
                     SELV_OK);
    assert_int_equal(run(t), SELV_COAP_SEND);
}

static void client_answer(struct client *t, uint8_t code, int32_t block1,
                          struct selv_bytes echo)
{
    struct selv_coap_writer to;
    size_t len = 0;
    selv_coap_write_begin(&to, t->rx, sizeof t->rx, SELV_COAP_ACK, code,
                          t->sent.mid, t->sent.token);
    if (block1 >= 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_BLOCK1, (uint32_t)block1);
    }
    if (echo.len > 0) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ECHO, echo);
    }
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    assert_true(selv_coap_client_feed(&t->c, t->now, selv_bytes(t->rx, len)));
}

static void echoes(const struct client *t, struct selv_bytes want)
{
    struct selv_bytes v = {NULL, 0};
    assert_int_equal(selv_coap_opt_find(&t->sent, SELV_COAP_OPT_ECHO, &v),
                     want.len > 0);
    assert_true(selv_bytes_equal(v, want));
}

/* [RFC 9175 figure 2]: PUT without, 4.01 with 0x05, PUT with it, 2.04 with
 * 0x06; the tokens are ours. */
static void test_coap_echo_client_figure(void **state)
{
    struct client t;
    const struct selv_bytes five = selv_bytes("\x05", 1);
    uint8_t token[8];
    (void)state;
    client_start(&t, 1);
    echoes(&t, selv_bytes(NULL, 0));
    memcpy(token, t.sent.token.p, 4);
    uint16_t mid = t.sent.mid;
    client_answer(&t, SELV_COAP_UNAUTHORIZED, -1, five);
    assert_int_equal(run(&t), SELV_COAP_SEND);
    echoes(&t, five);
    assert_int_equal(t.sent.payload.len, 1);
    assert_int_not_equal(t.sent.mid, mid);
    assert_memory_not_equal(t.sent.token.p, token, 4);
    client_answer(&t, SELV_COAP_CHANGED, -1, selv_bytes("\x06", 1));
    assert_int_equal(run(&t), SELV_COAP_DONE);
}

/* A server that is never content gets two requests. */
static void test_coap_echo_client_twice(void **state)
{
    struct client t;
    (void)state;
    client_start(&t, 0);
    client_answer(&t, SELV_COAP_UNAUTHORIZED, -1, selv_bytes("a", 1));
    assert_int_equal(run(&t), SELV_COAP_SEND);
    client_answer(&t, SELV_COAP_UNAUTHORIZED, -1, selv_bytes("b", 1));
    assert_int_equal(run(&t), SELV_COAP_FAILED);
    assert_int_equal(t.event.err, SELV_ERR_COAP_CODE);
    assert_int_equal(t.event.code, SELV_COAP_UNAUTHORIZED);
}

/* A 4.01 without Echo, or with one of a wrong length, is a refusal. */
static void test_coap_echo_client_bad(void **state)
{
    static const uint8_t zeros[41] = {0};
    static const size_t lens[] = {0, 41};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct client t;
        client_start(&t, 0);
        client_answer(&t, SELV_COAP_UNAUTHORIZED, -1,
                      selv_bytes(zeros, lens[i]));
        assert_int_equal(run(&t), SELV_COAP_FAILED);
    }
    struct client t;
    client_start(&t, 0);
    client_answer(&t, SELV_COAP_UNAUTHORIZED, -1, selv_bytes(zeros, 40));
    assert_int_equal(run(&t), SELV_COAP_SEND);
    echoes(&t, selv_bytes(zeros, 40));
}

/* Each block may be challenged; the Request-Tag stays that of the transfer. */
static void test_coap_echo_client_upload(void **state)
{
    struct client t;
    struct selv_bytes v;
    uint8_t tag[8];
    (void)state;
    client_start(&t, 80);
    assert_true(selv_coap_opt_find(&t.sent, SELV_COAP_OPT_REQUEST_TAG, &v));
    assert_int_equal(v.len, 2);
    memcpy(tag, v.p, 2);
    for (uint32_t num = 0; num < 3; num++) {
        const uint8_t echo = (uint8_t)num;
        client_answer(&t, SELV_COAP_UNAUTHORIZED, -1, selv_bytes(&echo, 1));
        assert_int_equal(run(&t), SELV_COAP_SEND);
        echoes(&t, selv_bytes(&echo, 1));
        assert_int_equal(t.sent.block1.num, num);
        assert_true(selv_coap_opt_find(&t.sent, SELV_COAP_OPT_REQUEST_TAG, &v));
        assert_memory_equal(v.p, tag, 2);
        bool more = num < 2;
        client_answer(&t, more ? SELV_COAP_CONTINUE : SELV_COAP_CHANGED,
                      (int32_t)(num << 4 | (more ? 8u : 0u) | 1u),
                      selv_bytes(NULL, 0));
        if (more) {
            assert_int_equal(run(&t), SELV_COAP_SEND);
        }
    }
    assert_int_equal(run(&t), SELV_COAP_DONE);
    /* another transfer has another tag */
    client_start(&t, 80);
    t.c.state = 0;
    static const uint8_t other[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    assert_int_equal(selv_coap_client_start(&t.c, &t.rq, other, t.now),
                     SELV_OK);
    assert_int_equal(run(&t), SELV_COAP_SEND);
    assert_true(selv_coap_opt_find(&t.sent, SELV_COAP_OPT_REQUEST_TAG, &v));
    assert_memory_not_equal(v.p, tag, 2);
}

/* ---- uploads told apart ----------------------------------------------------
 */

#define UPLOADS 2u

struct uploads {
    struct selv_coap_upload u[UPLOADS];
    uint8_t body[UPLOADS][64];
    struct selv_coap_msg rq;
    uint8_t in[64];
    uint64_t now;
};

static void uploads_init(struct uploads *t)
{
    memset(t, 0, sizeof *t);
    t->now = 1;
    for (size_t i = 0; i < UPLOADS; i++) {
        struct selv_buf buf = {t->body[i], sizeof t->body[i], 0};
        selv_coap_upload_init(&t->u[i], buf);
    }
}

/* A block of 16 bytes of c; tags: one letter each. What feed says. */
static uint8_t block(struct uploads *t, const struct selv_coap_peer *peer,
                     uint32_t num, bool more, const char *tags, char c)
{
    struct selv_coap_writer to;
    struct selv_coap_block b = {num, 0, more};
    static uint16_t mid;
    size_t len = 0;
    uint8_t payload[16];
    memset(payload, c, sizeof payload);
    selv_coap_write_begin(&to, t->in, sizeof t->in, SELV_COAP_CON,
                          SELV_COAP_PUT, mid++, selv_bytes(NULL, 0));
    selv_coap_write_block(&to, SELV_COAP_OPT_BLOCK1, &b);
    for (; *tags != '\0'; tags++) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_REQUEST_TAG,
                            selv_bytes(tags, *tags == '-' ? 0 : 1));
    }
    selv_coap_write_payload(&to, selv_bytes(payload, sizeof payload));
    assert_int_equal(selv_coap_write_end(&to, &len), SELV_OK);
    assert_int_equal(selv_coap_parse(selv_bytes(t->in, len), &t->rq), SELV_OK);
    return selv_coap_upload_feed(
        selv_coap_upload_find(t->u, UPLOADS, t->now, peer, 0, &t->rq), t->now,
        peer, 0, &t->rq);
}

static void test_coap_request_tag_keeps_apart(void **state)
{
    static const char *const lists[] = {"", "-", "a", "b", "aa", "ab", "ba"};
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t j = 0; j < sizeof lists / sizeof lists[0]; j++) {
            struct uploads t;
            uploads_init(&t);
            assert_int_equal(block(&t, &alice, 0, true, lists[i], 'x'),
                             SELV_COAP_CONTINUE);
            uint8_t got = block(&t, &alice, 1, false, lists[j], 'y');
            if (got != (i == j ? 0 : SELV_COAP_INCOMPLETE)) {
                fail_msg("'%s' then '%s': %u", lists[i], lists[j], got);
            }
        }
    }
}

/* An operation begun anew takes its place; a block of the old one comes late.
 */
static void test_coap_request_tag_late_block(void **state)
{
    struct uploads t;
    (void)state;
    uploads_init(&t);
    (void)block(&t, &alice, 0, true, "a", 'x');
    assert_int_equal(block(&t, &alice, 0, true, "b", 'y'), SELV_COAP_CONTINUE);
    assert_int_equal(block(&t, &alice, 1, true, "a", 'x'),
                     SELV_COAP_INCOMPLETE);
    assert_int_equal(block(&t, &alice, 1, false, "b", 'y'), 0);
    assert_int_equal(t.u[0].body.len, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(t.u[0].body.p[i], 'y');
    }
}

static void test_coap_upload_gives_way(void **state)
{
    struct uploads t;
    struct selv_coap_peer third = {3, {5, 5, 5}};
    (void)state;
    uploads_init(&t);
    (void)block(&t, &alice, 0, true, "a", 'x');
    t.now += 5000;
    (void)block(&t, &bob, 0, true, "a", 'x');
    assert_int_equal(block(&t, &third, 0, true, "", 'z'),
                     SELV_COAP_UNAVAILABLE);
    t.now += SELV_COAP_UPLOAD_STILL_MS - 5001;
    assert_int_equal(block(&t, &third, 0, true, "", 'z'),
                     SELV_COAP_UNAVAILABLE);
    t.now++;
    assert_int_equal(block(&t, &third, 0, true, "", 'z'), SELV_COAP_CONTINUE);
    assert_int_equal(block(&t, &alice, 1, false, "a", 'x'),
                     SELV_COAP_INCOMPLETE);
    assert_int_equal(block(&t, &bob, 1, false, "a", 'x'), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_echo_mac),
        cmocka_unit_test(test_coap_echo_fresh),
        cmocka_unit_test(test_coap_echo_bad_values),
        cmocka_unit_test(test_coap_echo_remembers),
        cmocka_unit_test(test_coap_echo_guard),
        cmocka_unit_test(test_coap_echo_client_figure),
        cmocka_unit_test(test_coap_echo_client_twice),
        cmocka_unit_test(test_coap_echo_client_bad),
        cmocka_unit_test(test_coap_echo_client_upload),
        cmocka_unit_test(test_coap_request_tag_keeps_apart),
        cmocka_unit_test(test_coap_request_tag_late_block),
        cmocka_unit_test(test_coap_upload_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
