/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/tcp.h"
#include "test/unit/hex.h"

static const uint8_t seed[8] = {1, 2, 3, 4, 0xab, 0xcd, 7, 8};
static const struct selv_coap_peer peer = {1, {1}};

/* ---- frames ---------------------------------------------------------------
 */

static void test_coap_tcp_heads(void **state)
{
    static const struct {
        const char *name;
        const char *in;
        enum selv_err err;
        uint64_t frame_len;
        uint8_t head_len, token_len, code;
    } rows[] = {
        {"figure 5: 2.03, token 7f", "01437f", SELV_OK, 3, 2, 1, 0x43},
        {"figure 11: Ping", "01e242", SELV_OK, 3, 2, 1, SELV_COAP_PING},
        {"figure 12: Pong", "01e342", SELV_OK, 3, 2, 1, SELV_COAP_PONG},
        {"12 bytes", "c001", SELV_OK, 14, 2, 0, 1},
        {"13 bytes", "d00001", SELV_OK, 16, 3, 0, 1},
        {"268 bytes, token 8", "d8ff01", SELV_OK, 279, 3, 8, 1},
        {"269 bytes", "e0000001", SELV_OK, 273, 4, 0, 1},
        {"65804 bytes", "e0ffff01", SELV_OK, 65808, 4, 0, 1},
        {"65805 bytes", "f00000000001", SELV_OK, 65811, 6, 0, 1},
        {"the most", "f8ffffffff01", SELV_OK, 4295033114u, 6, 8, 1},
        {"nothing", "", SELV_ERR_SPACE, 0, 0, 0, 0},
        {"no code", "00", SELV_ERR_SPACE, 0, 0, 0, 0},
        {"cut, 8 bits", "d000", SELV_ERR_SPACE, 0, 0, 0, 0},
        {"cut, 16 bits", "e00000", SELV_ERR_SPACE, 0, 0, 0, 0},
        {"cut, 32 bits", "f000000000", SELV_ERR_SPACE, 0, 0, 0, 0},
        {"token 9", "09", SELV_ERR_COAP_FORMAT, 0, 0, 0, 0},
        {"token 15", "0f45", SELV_ERR_COAP_FORMAT, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buf[8];
        struct selv_coap_tcp_head h = {0};
        enum selv_err err =
            selv_coap_tcp_head_read(hex(rows[i].in, buf, sizeof buf), &h);
        if (err != rows[i].err ||
            (err == SELV_OK &&
             (h.frame_len != rows[i].frame_len || h.len != rows[i].head_len ||
              h.token_len != rows[i].token_len || h.code != rows[i].code))) {
            fail_msg("%s", rows[i].name);
        }
    }
}

/* Each length round the limits: wrapped, its head says what it is. */
static void test_coap_tcp_wrap(void **state)
{
    static const size_t rests[] = {0,   1,    12,   13,    14,    268,  269,
                                   270, 1000, 1152, 65803, 65804, 65805};
    static uint8_t buf[65900];
    (void)state;
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        for (size_t token = 0; token <= 8; token += 4) {
            struct selv_coap_tcp_head h;
            struct selv_bytes frame;
            size_t len = 4 + token + rests[i];
            memset(buf, 0x5a, sizeof buf);
            buf[0] = (uint8_t)(0x50 | token);
            buf[1] = 0x45;
            struct selv_buf d = {buf, sizeof buf, len};
            enum selv_err err = selv_coap_tcp_wrap(&d, UINT32_MAX, &frame);
            assert_int_equal(err, rests[i] > 65804 ? SELV_ERR_SPACE : SELV_OK);
            if (err) {
                continue;
            }
            assert_int_equal(selv_coap_tcp_head_read(frame, &h), SELV_OK);
            assert_int_equal(h.frame_len, frame.len);
            assert_int_equal(h.code, 0x45);
            assert_int_equal(h.token_len, token);
            assert_ptr_equal(frame.p + frame.len, buf + len);
            d = (struct selv_buf){buf, sizeof buf, len};
            buf[0] = (uint8_t)(0x50 | token);
            buf[1] = 0x45;
            assert_int_equal(
                selv_coap_tcp_wrap(&d, (uint32_t)frame.len - 1, &frame),
                SELV_ERR_SPACE);
        }
    }
    struct selv_bytes frame;
    struct selv_buf d = {buf, sizeof buf, 3};
    assert_int_equal(selv_coap_tcp_wrap(&d, 99, &frame), SELV_ERR_COAP_FORMAT);
    buf[0] = 0x42;
    d.len = 5;
    assert_int_equal(selv_coap_tcp_wrap(&d, 99, &frame), SELV_ERR_COAP_FORMAT);
    buf[0] = 0x60;
    buf[1] = 0;
    d.len = 4;
    assert_int_equal(selv_coap_tcp_wrap(&d, 99, &frame), SELV_OK);
    assert_int_equal(frame.len, 0);
}

/* ---- a connection, with a peer by hand -------------------------------------
 */

#define BUF 1200u

struct world {
    struct selv_coap_tcp c;
    struct selv_coap_tcp_event event;
    uint8_t buf[BUF];
    uint8_t tx[128];
    struct selv_bytes sent;
    uint64_t now;
};

static enum selv_coap_tcp_action poll(struct world *w)
{
    struct selv_buf out = {w->tx, sizeof w->tx, 0};
    enum selv_coap_tcp_action a =
        selv_coap_tcp_poll(&w->c, w->now, &out, &w->event);
    w->sent = selv_bytes(w->tx, out.len);
    assert_int_equal(a == SELV_COAP_TCP_SEND, out.len > 0);
    return a;
}

#define POLL_IS(w, a) assert_int_equal(poll(w), SELV_COAP_TCP_##a)

static void sent_is(const struct world *w, const char *text)
{
    uint8_t want[64];
    struct selv_bytes v = hex(text, want, sizeof want);
    assert_int_equal(w->sent.len, v.len);
    assert_memory_equal(w->sent.p, v.p, v.len);
}

static void feed(struct world *w, const char *text)
{
    uint8_t in[2048];
    struct selv_bytes v = hex(text, in, sizeof in);
    assert_int_equal(selv_coap_tcp_feed(&w->c, w->now, v), v.len);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->now = 1000;
    struct selv_buf buf = {w->buf, sizeof w->buf, 0};
    selv_coap_tcp_init(&w->c, buf, w->now);
    POLL_IS(w, SEND);
    /* 7.01, Max-Message-Size 1198, Block-Wise-Transfer */
    sent_is(w, "40e1 2204ae 20");
    POLL_IS(w, WAIT);
    assert_true(w->event.until_ms == w->now + 30000);
}

static void world_up(struct world *w)
{
    world_init(w);
    feed(w, "00e1");
    POLL_IS(w, WAIT);
    assert_true(selv_coap_tcp_is_up(&w->c));
}

static void test_coap_tcp_begins(void **state)
{
    static const struct {
        const char *name;
        const char *in;
        bool up;
        enum selv_err err;
        const char *out;
    } rows[] = {
        {"CSM without options", "00e1", true, SELV_OK, NULL},
        {"CSM with a token", "01e142", true, SELV_OK, NULL},
        {"keepalive first", "0000 00e1", true, SELV_OK, NULL},
        {"unknown elective option", "20e1 6101", true, SELV_OK, NULL},
        {"GET first", "0001", false, SELV_ERR_COAP_FORMAT, NULL},
        {"2.05 first", "0045", false, SELV_ERR_COAP_FORMAT, NULL},
        {"Ping first", "01e242", false, SELV_ERR_COAP_FORMAT, NULL},
        {"critical option 1", "10e1 10", false, SELV_ERR_COAP_OPTION,
         "d205e5 2101 ff 637269746963616c206f7074696f6e"},
        {"Max-Message-Size of 5", "60e1 250000000001", false,
         SELV_ERR_COAP_FORMAT, NULL},
        {"bad option", "20e1 f000", false, SELV_ERR_COAP_FORMAT, NULL},
        {"HTTP", "474554202f20485454502f312e310d0a", false,
         SELV_ERR_COAP_FORMAT, NULL},
        {"token 9", "0900", false, SELV_ERR_COAP_FORMAT, NULL},
        {"too long", "e0 0400 e1", false, SELV_ERR_COAP_SIZE, NULL},
        {"far too long", "f0 ffffffff e1", false, SELV_ERR_COAP_SIZE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        world_init(&w);
        feed(&w, rows[i].in);
        enum selv_coap_tcp_action a = poll(&w);
        if (selv_coap_tcp_is_up(&w.c) != rows[i].up) {
            fail_msg("%s", rows[i].name);
        }
        if (rows[i].err == SELV_OK) {
            assert_int_equal(a, SELV_COAP_TCP_WAIT);
            continue;
        }
        if (a != SELV_COAP_TCP_SEND ||
            w.sent.p[w.sent.p[0] >> 4 == 13 ? 2 : 1] != SELV_COAP_ABORT) {
            fail_msg("%s: no Abort", rows[i].name);
        }
        if (rows[i].out != NULL) {
            uint8_t want[64];
            struct selv_bytes v = hex(rows[i].out + 6, want, sizeof want);
            assert_memory_equal(w.sent.p + 3, v.p, v.len);
        }
        POLL_IS(&w, CLOSE);
        if (w.event.err != rows[i].err) {
            fail_msg("%s: error %d", rows[i].name, w.event.err);
        }
        POLL_IS(&w, WAIT);
        assert_true(w.event.until_ms == UINT64_MAX);
        feed(&w, "00e1"); /* nobody listens any more */
        POLL_IS(&w, WAIT);
    }
}

static void test_coap_tcp_messages(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    (void)state;
    world_up(&w);
    /* GET /m, a keepalive, 2.05 "hi", PUT with 13 bytes behind the code */
    feed(&w,
         "2101aa b16d 0000 3145bb ff6869 d1000 3cc ffaabbccddeeff0011223344");
    feed(&w, "55");
    POLL_IS(&w, REQUEST);
    assert_int_equal(selv_coap_parse(w.event.message, &m), SELV_OK);
    assert_int_equal(m.type, SELV_COAP_CON);
    assert_int_equal(m.code, SELV_COAP_GET);
    assert_int_equal(m.token.p[0], 0xaa);
    assert_true(selv_coap_path_match(&m, "m", NULL));
    uint16_t mid = m.mid;
    POLL_IS(&w, RESPONSE);
    assert_int_equal(selv_coap_parse(w.event.message, &m), SELV_OK);
    assert_int_equal(m.type, SELV_COAP_NON);
    assert_int_equal(m.code, SELV_COAP_CONTENT);
    assert_memory_equal(m.payload.p, "hi", 2);
    POLL_IS(&w, REQUEST);
    assert_int_equal(selv_coap_parse(w.event.message, &m), SELV_OK);
    assert_int_not_equal(m.mid, mid);
    assert_int_equal(m.payload.len, 12);
    POLL_IS(&w, WAIT);
    /* reserved classes, and what is malformed within a frame */
    static const char *const bad[] = {"0020",   "0066",      "00c0",
                                      "1001ff", "2001 f000", "1001 13"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world_up(&w);
        feed(&w, bad[i]);
        POLL_IS(&w, SEND);
        POLL_IS(&w, CLOSE);
        assert_int_equal(w.event.err, SELV_ERR_COAP_FORMAT);
    }
}

static void test_coap_tcp_ping(void **state)
{
    struct world w;
    (void)state;
    world_up(&w);
    feed(&w, "01e242");
    POLL_IS(&w, SEND);
    sent_is(&w, "01e342"); /* figures 11 and 12 */
    POLL_IS(&w, WAIT);
    feed(&w, "11e24220");
    POLL_IS(&w, SEND);
    sent_is(&w, "11e34220"); /* custody: all is processed */
    feed(&w, "10e2 10");
    POLL_IS(&w, SEND);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_OPTION);
}

static void test_coap_tcp_idle(void **state)
{
    struct world w;
    (void)state;
    world_up(&w);
    POLL_IS(&w, WAIT);
    assert_true(w.event.until_ms == w.now + 600000);
    w.now = w.event.until_ms;
    POLL_IS(&w, SEND);
    assert_int_equal(w.sent.p[1], SELV_COAP_PING);
    POLL_IS(&w, WAIT);
    assert_true(w.event.until_ms == w.now + 30000);
    w.now += 29999;
    feed(&w, "04e300000001");
    POLL_IS(&w, WAIT);
    assert_true(w.event.until_ms == w.now + 600000);
    w.now = w.event.until_ms;
    POLL_IS(&w, SEND);
    w.now += 30000;
    POLL_IS(&w, SEND);
    assert_int_equal(w.sent.p[2] & 0xe0, 0xe0);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_TIMEOUT);
    /* never asked: idle_ms 0 */
    world_up(&w);
    w.c.idle_ms = 0;
    POLL_IS(&w, WAIT);
    assert_true(w.event.until_ms == UINT64_MAX);
}

/* A byte now and then keeps no frame open. */
static void test_coap_tcp_trickle(void **state)
{
    struct world w;
    uint64_t begun;
    (void)state;
    world_up(&w);
    feed(&w, "e0");
    POLL_IS(&w, WAIT);
    begun = w.now;
    for (unsigned i = 0; i < 29; i++) {
        w.now += 1000;
        feed(&w, "01");
        POLL_IS(&w, WAIT);
        assert_true(w.event.until_ms == begun + 30000);
    }
    w.now += 1000;
    POLL_IS(&w, SEND);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_TIMEOUT);
    /* nothing at all */
    world_init(&w);
    w.now += 30000;
    POLL_IS(&w, SEND);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_TIMEOUT);
}

/* A peer that says something all the time holds a connection no longer than
 * one that is silent. */
static void test_coap_tcp_dawdles(void **state)
{
    struct world w;
    (void)state;
    world_init(&w); /* no CSM, empty messages */
    for (unsigned i = 1; i < 30; i++) {
        w.now += 1000;
        feed(&w, "0000");
        POLL_IS(&w, WAIT);
        assert_true(w.event.until_ms == 31000);
    }
    w.now += 1000;
    feed(&w, "0000");
    POLL_IS(&w, SEND);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_TIMEOUT);

    world_up(&w); /* released, and it goes on */
    w.now += 500;
    selv_coap_tcp_release(&w.c, w.now);
    POLL_IS(&w, SEND);
    for (unsigned i = 1; i < 30; i++) {
        w.now += 1000;
        feed(&w, "0000 00");
        POLL_IS(&w, WAIT);
        feed(&w, "00");
        POLL_IS(&w, WAIT);
        assert_true(w.event.until_ms == 31500);
    }
    w.now += 1000;
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_OK);
}

/* A release of ours takes nothing away from invariant 1. */
static void test_coap_tcp_release_early(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    selv_coap_tcp_release(&w.c, w.now);
    POLL_IS(&w, SEND);
    sent_is(&w, "00e4");
    assert_false(selv_coap_tcp_is_up(&w.c));
    feed(&w, "0001"); /* no CSM */
    POLL_IS(&w, SEND);
    assert_int_equal(w.sent.p[1], SELV_COAP_ABORT);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_FORMAT);

    world_init(&w);
    selv_coap_tcp_release(&w.c, w.now);
    POLL_IS(&w, SEND);
    feed(&w, "00e1 0001");
    POLL_IS(&w, REQUEST);
    assert_true(selv_coap_tcp_is_up(&w.c));

    memset(&w, 0, sizeof w); /* before our CSM has left */
    struct selv_buf buf = {w.buf, sizeof w.buf, 0};
    selv_coap_tcp_init(&w.c, buf, w.now);
    selv_coap_tcp_release(&w.c, w.now);
    POLL_IS(&w, SEND);
    sent_is(&w, "40e1 2204ae 20");
    POLL_IS(&w, SEND);
    sent_is(&w, "00e4");
}

static void test_coap_tcp_ends(void **state)
{
    struct world w;
    (void)state;
    world_up(&w);
    /* Release: Alternative-Address "h:1", Hold-Off 10, "bye" */
    feed(&w, "a0e4 23683a31 210a ff627965");
    POLL_IS(&w, RELEASED);
    assert_memory_equal(w.event.address.p, "h:1", 3);
    assert_int_equal(w.event.hold_off_s, 10);
    assert_int_equal(w.event.text.len, 3);
    POLL_IS(&w, WAIT);
    selv_coap_tcp_ended(&w.c);
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_OK);

    world_up(&w);
    feed(&w, "40e5 ff627965");
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_ERR_COAP_RESET);
    assert_int_equal(w.event.text.len, 3);

    world_up(&w);
    selv_coap_tcp_release(&w.c, w.now);
    POLL_IS(&w, SEND);
    sent_is(&w, "00e4");
    POLL_IS(&w, WAIT);
    feed(&w, "0045"); /* answers still come */
    POLL_IS(&w, RESPONSE);
    POLL_IS(&w, WAIT);
    w.now += 30000;
    POLL_IS(&w, CLOSE);
    assert_int_equal(w.event.err, SELV_OK);
}

static void test_coap_tcp_bert_len(void **state)
{
    static const struct {
        const char *csm;
        uint16_t len;
    } rows[] = {
        {"00e1", 0},
        {"10e1 20", 0}, /* an empty Max-Message-Size: nothing at all */
        {"30e1 220480", 0},
        {"40e1 220480 20", 0},
        {"40e1 220481 20", 1024},
        {"40e1 22087f 20", 1024},
        {"40e1 220880 20", 2048},
        {"60e1 2400ffffff 20", 32768},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        world_init(&w);
        feed(&w, rows[i].csm);
        POLL_IS(&w, WAIT);
        if (selv_coap_tcp_bert_len(&w.c) != rows[i].len) {
            fail_msg("%s: %u", rows[i].csm, selv_coap_tcp_bert_len(&w.c));
        }
    }
}

/* ---- the engines over it ---------------------------------------------------
 */

/* One end of a pipe. */
struct end {
    struct selv_coap_tcp c;
    uint8_t buf[12000];
    uint8_t pipe[40000]; /* what it has been sent */
    size_t pipe_len;
};

struct transfer {
    struct end client, server;
    struct selv_coap_client engine;
    struct selv_coap_request rq;
    struct selv_coap_event event;
    struct selv_coap_server s;
    struct selv_coap_upload up;
    uint8_t body[20000];
    uint8_t got[20000];
    size_t got_len;
    unsigned requests;
    size_t chunk; /* bytes that the pipe hands over at a time */
    uint64_t now;
};

static void pipe_put(struct end *to, struct selv_bytes frame)
{
    assert_true(to->pipe_len + frame.len <= sizeof to->pipe);
    if (frame.len > 0) {
        memcpy(to->pipe + to->pipe_len, frame.p, frame.len);
    }
    to->pipe_len += frame.len;
}

static void pipe_put_datagram(struct end *from, struct end *to,
                              struct selv_buf *out)
{
    struct selv_bytes frame;
    assert_int_equal(selv_coap_tcp_wrap(out, from->c.peer_max, &frame),
                     SELV_OK);
    pipe_put(to, frame);
}

static void serve(struct transfer *t, struct selv_bytes datagram)
{
    static uint8_t tx[20000];
    struct selv_buf out = {tx, sizeof tx, 0};
    struct selv_coap_msg rq;
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    t->requests++;
    assert_int_equal(
        selv_coap_server_feed(&t->s, t->now, &peer, datagram, &rq, &out),
        SELV_COAP_REQUEST);
    if (rq.code == SELV_COAP_GET) {
        assert_int_equal(
            selv_coap_bert_slice(&rq, sizeof t->body, SELV_COAP_SZX_MAX,
                                 selv_coap_tcp_bert_len(&t->server.c), &slice),
            SELV_OK);
        selv_coap_reply_begin(&t->s, &rq, SELV_COAP_CONTENT, &out, &w);
        selv_coap_write_slice(&w, &slice, selv_bytes("v", 1), 42, 60);
        selv_coap_write_payload(&w,
                                selv_bytes(t->body + slice.offset, slice.len));
    } else {
        struct selv_coap_upload *u =
            selv_coap_upload_find(&t->up, 1, t->now, &peer, 0, &rq);
        uint8_t code = selv_coap_upload_feed(u, t->now, &peer, 0, &rq);
        code = code == 0 ? SELV_COAP_CHANGED : code;
        t->got_len = t->up.body.len;
        selv_coap_reply_begin(&t->s, &rq, code, &out, &w);
        selv_coap_write_upload(&w, u, &rq, code, SELV_COAP_SZX_BERT);
    }
    assert_int_equal(selv_coap_reply_end(&t->s, t->now, &peer, &rq, &w,
                                         SELV_COAP_RECOMPUTE, &out),
                     SELV_OK);
    pipe_put_datagram(&t->server, &t->client, &out);
}

/* Lets one end do all it can. False: it waits. */
static bool end_run(struct transfer *t, struct end *e, struct end *other)
{
    uint8_t tx[128];
    struct selv_buf out = {tx, sizeof tx, 0};
    struct selv_coap_tcp_event event;
    switch (selv_coap_tcp_poll(&e->c, t->now, &out, &event)) {
    case SELV_COAP_TCP_SEND:
        pipe_put(other, selv_bytes(tx, out.len));
        return true;
    case SELV_COAP_TCP_REQUEST:
        serve(t, event.message);
        return true;
    case SELV_COAP_TCP_RESPONSE:
        assert_true(selv_coap_client_feed(&t->engine, t->now, event.message));
        return true;
    case SELV_COAP_TCP_WAIT:
        break;
    case SELV_COAP_TCP_RELEASED:
    case SELV_COAP_TCP_CLOSE:
    default:
        fail_msg("error %d", event.err);
    }
    size_t n = e->pipe_len < t->chunk ? e->pipe_len : t->chunk;
    n = selv_coap_tcp_feed(&e->c, t->now, selv_bytes(e->pipe, n));
    memmove(e->pipe, e->pipe + n, e->pipe_len - n);
    e->pipe_len -= n;
    return n > 0;
}

static enum selv_coap_action client_run(struct transfer *t)
{
    static uint8_t tx[20000];
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        enum selv_coap_action a =
            selv_coap_client_poll(&t->engine, t->now, &out, &t->event);
        if (a == SELV_COAP_SEND) {
            pipe_put_datagram(&t->client, &t->server, &out);
        } else if (a == SELV_COAP_BLOCK) {
            memcpy(t->got + t->event.offset, t->event.payload.p,
                   t->event.payload.len);
            t->got_len = t->event.offset + t->event.payload.len;
        } else {
            return a;
        }
    }
}

static void transfer_init(struct transfer *t, size_t server_cap,
                          size_t client_cap)
{
    memset(t, 0, sizeof *t);
    t->now = 1;
    for (size_t i = 0; i < sizeof t->body; i++) {
        t->body[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    struct selv_buf client = {t->client.buf, client_cap, 0};
    struct selv_buf server = {t->server.buf, server_cap, 0};
    struct selv_buf got = {t->got, sizeof t->got, 0};
    selv_coap_tcp_init(&t->client.c, client, t->now);
    selv_coap_tcp_init(&t->server.c, server, t->now);
    selv_coap_client_init(&t->engine);
    selv_coap_server_init(&t->s, NULL, 0, seed);
    selv_coap_server_stream(&t->s);
    selv_coap_upload_init(&t->up, got);
    t->rq.szx = SELV_COAP_SZX_MAX;
    t->rq.content_format = t->rq.accept = SELV_COAP_NO_FORMAT;
    t->rq.path = selv_bytes("status", 6);
    t->rq.body_max = sizeof t->body;
    t->rq.deadline_ms = 60000;
}

static void transfer(uint8_t code, size_t chunk, size_t server_cap,
                     size_t client_cap, unsigned requests)
{
    static struct transfer t;
    transfer_init(&t, server_cap, client_cap);
    t.chunk = chunk;
    t.rq.code = code;
    if (code == SELV_COAP_PUT) {
        t.rq.payload = selv_bytes(t.body, sizeof t.body);
    }
    while (!selv_coap_tcp_is_up(&t.client.c)) {
        (void)end_run(&t, &t.client, &t.server);
        (void)end_run(&t, &t.server, &t.client);
    }
    selv_coap_client_stream(&t.engine);
    assert_int_equal(selv_coap_client_start(&t.engine, &t.rq, seed, t.now),
                     SELV_OK);
    enum selv_coap_action a = client_run(&t);
    while (a == SELV_COAP_WAIT) {
        bool is_active = end_run(&t, &t.client, &t.server);
        is_active = client_run(&t) != SELV_COAP_WAIT ? true : is_active;
        a = t.event.code != 0 && t.event.err == SELV_OK &&
                    t.got_len == sizeof t.body
                ? SELV_COAP_DONE
                : SELV_COAP_WAIT;
        is_active = end_run(&t, &t.server, &t.client) || is_active;
        assert_true(is_active || a == SELV_COAP_DONE);
    }
    assert_int_equal(t.got_len, sizeof t.body);
    assert_memory_equal(t.got, t.body, sizeof t.body);
    assert_int_equal(t.requests, requests);
}

static void test_coap_tcp_transfers(void **state)
{
    static const size_t chunks[] = {1, 2, 3, 7, 1000, 65535};
    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        /* 20000 bytes in blocks of 1024: neither takes more */
        transfer(SELV_COAP_GET, chunks[i], 1154, 1154, 20);
        transfer(SELV_COAP_PUT, chunks[i], 1154, 1154, 20);
        /* both take more: our client asks for blocks all the same */
        transfer(SELV_COAP_GET, chunks[i], 12000, 8500, 20);
    }
}

/* [RFC 8323 figure 13] at the server: pieces of 3072, 5120 and 4711 bytes. */
static void test_coap_tcp_bert_figure(void **state)
{
    static const struct {
        int32_t asked; /* -1: no Block2 */
        uint16_t bert_len;
        uint8_t szx_max;
        enum selv_err err;
        uint16_t len;
        uint32_t block2;
    } rows[] = {
        {0x07, 3072, 6, SELV_OK, 3072, 0x00f},
        {0x37, 5120, 6, SELV_OK, 5120, 0x03f},
        {0x87, 5120, 6, SELV_OK, 4711, 0x087},
        {0x87, 1024, 6, SELV_OK, 1024, 0x08f},
        {0xc7, 1024, 6, SELV_OK, 615, 0x0c7},
        {0x37, 5119, 6, SELV_OK, 4096, 0x03f},
        {0x37, 0, 6, SELV_OK, 1024, 0x03e}, /* blocks as ever */
        {0x37, 5120, 2, SELV_OK, 64, 0x30a},
        {0x36, 5120, 6, SELV_OK, 1024, 0x03e},
        {-1, 5120, 6, SELV_OK, 1024, 0x00e},
        {0xd7, 5120, 6, SELV_ERR_COAP_BLOCK, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_writer w;
        struct selv_coap_msg m;
        struct selv_coap_slice slice;
        uint8_t in[32];
        size_t len;
        selv_coap_write_begin(&w, in, sizeof in, SELV_COAP_CON, SELV_COAP_GET,
                              1, selv_bytes(NULL, 0));
        if (rows[i].asked >= 0) {
            selv_coap_write_uint(&w, SELV_COAP_OPT_BLOCK2,
                                 (uint32_t)rows[i].asked);
        }
        assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
        assert_int_equal(selv_coap_parse(selv_bytes(in, len), &m), SELV_OK);
        enum selv_err err = selv_coap_bert_slice(&m, 12903, rows[i].szx_max,
                                                 rows[i].bert_len, &slice);
        if (err != rows[i].err ||
            (err == SELV_OK &&
             (slice.len != rows[i].len ||
              (slice.block.num << 4 | (slice.block.more ? 8u : 0u) |
               slice.block.szx) != rows[i].block2))) {
            fail_msg("row %zu", i);
        }
    }
}

/* [RFC 8323 figure 14] at the server, and what is no BERT block. */
static void test_coap_tcp_bert_upload(void **state)
{
    static const struct {
        uint32_t block1;
        size_t len;
        uint8_t code;
    } rows[] = {
        {0x00f, 8192, SELV_COAP_CONTINUE},
        {0x08f, 16384, SELV_COAP_CONTINUE},
        {0x187, 5683, 0},
        {0x00f, 0, SELV_COAP_BAD_REQUEST},
        {0x00f, 1000, SELV_COAP_BAD_REQUEST},
        {0x00f, 1025, SELV_COAP_BAD_REQUEST},
        {0x00f, 1024, SELV_COAP_CONTINUE},
        {0x02f, 1024, SELV_COAP_INCOMPLETE},
        {0x017, 0, 0},
        {0x00f, 31744, SELV_COAP_TOO_LARGE},
    };
    static uint8_t body[30500];
    static uint8_t in[40000];
    static const uint8_t zeros[31744] = {0};
    struct selv_coap_upload u;
    struct selv_coap_server s;
    struct selv_buf buf = {body, sizeof body, 0};
    (void)state;
    selv_coap_upload_init(&u, buf);
    selv_coap_server_init(&s, NULL, 0, seed);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_writer w;
        struct selv_coap_msg m;
        uint8_t reply[64];
        struct selv_buf out = {reply, sizeof reply, 0};
        size_t len;
        selv_coap_write_begin(&w, in, sizeof in, SELV_COAP_CON, SELV_COAP_PUT,
                              (uint16_t)i, selv_bytes(NULL, 0));
        selv_coap_write_uint(&w, SELV_COAP_OPT_BLOCK1, rows[i].block1);
        selv_coap_write_payload(&w, selv_bytes(zeros, rows[i].len));
        assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
        s.is_stream = false; /* refused in datagrams */
        assert_int_equal(
            selv_coap_server_feed(&s, 1, &peer, selv_bytes(in, len), &m, &out),
            SELV_COAP_REPLY);
        selv_coap_server_stream(&s);
        assert_int_equal(
            selv_coap_server_feed(&s, 1, &peer, selv_bytes(in, len), &m, &out),
            SELV_COAP_REQUEST);
        uint8_t code = selv_coap_upload_feed(&u, 1, &peer, 0, &m);
        if (code != rows[i].code) {
            fail_msg("row %zu: %u", i, code);
        }
        if (code == 0 && i == 2) {
            assert_int_equal(u.body.len, 8192 + 16384 + 5683);
        }
    }
}

/* A buffer full of short frames is not moved once for each of them; what has
 * begun behind them is, and has room for all of its rest. */
static void test_coap_tcp_many(void **state)
{
    struct world w;
    struct selv_coap_msg m;
    const uint8_t *before = w.buf;
    uint8_t in[BUF] = {0};
    const size_t room = BUF - SELV_COAP_TCP_SPARE;
    (void)state;
    world_up(&w);
    assert_int_equal(selv_coap_tcp_room(&w.c), room);
    for (size_t i = 0; i < room; i += 2) { /* GET without options */
        in[i] = 0;
        in[i + 1] = SELV_COAP_GET;
    }
    /* a frame of the longest kind begins where the buffer ends */
    memcpy(in + room - 6, "\xe0\x03\x9d\x45\xff\x11", 6);
    assert_int_equal(selv_coap_tcp_feed(&w.c, w.now, selv_bytes(in, room)),
                     room);
    for (size_t i = 0; i < room - 6; i += 2) {
        POLL_IS(&w, REQUEST);
        assert_int_equal(selv_coap_parse(w.event.message, &m), SELV_OK);
        assert_int_equal(m.code, SELV_COAP_GET);
        assert_true(w.event.message.p >= before);
        before = w.event.message.p;
    }
    assert_ptr_equal(before, w.buf + BUF - 6 - 2 - 2);
    POLL_IS(&w, WAIT);
    assert_int_equal(selv_coap_tcp_room(&w.c), room - 6);
    memset(in, 0x22, room - 6);
    assert_int_equal(selv_coap_tcp_feed(&w.c, w.now, selv_bytes(in, room - 6)),
                     room - 6);
    POLL_IS(&w, RESPONSE);
    assert_int_equal(selv_coap_parse(w.event.message, &m), SELV_OK);
    assert_int_equal(m.payload.len, room - 5);
    assert_int_equal(m.payload.p[0], 0x11);
    POLL_IS(&w, WAIT);
    assert_int_equal(selv_coap_tcp_room(&w.c), room);
}

/* SZX 7 counts in 1024 bytes, also where one block is all that is given. */
static void test_coap_tcp_bert_one_block(void **state)
{
    struct selv_coap_msg rq = {.has = SELV_COAP_HAS_BLOCK2,
                               .block2 = {1, SELV_COAP_SZX_BERT, false}};
    struct selv_coap_slice slice;
    (void)state;
    assert_int_equal(selv_coap_slice(&rq, 5000, SELV_COAP_SZX_MAX, &slice),
                     SELV_OK);
    assert_int_equal(slice.offset, 1024);
    assert_int_equal(slice.len, 1024);
    assert_int_equal(slice.block.num, 1);
    assert_int_equal(slice.block.szx, SELV_COAP_SZX_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_tcp_heads),
        cmocka_unit_test(test_coap_tcp_wrap),
        cmocka_unit_test(test_coap_tcp_begins),
        cmocka_unit_test(test_coap_tcp_messages),
        cmocka_unit_test(test_coap_tcp_many),
        cmocka_unit_test(test_coap_tcp_ping),
        cmocka_unit_test(test_coap_tcp_idle),
        cmocka_unit_test(test_coap_tcp_trickle),
        cmocka_unit_test(test_coap_tcp_dawdles),
        cmocka_unit_test(test_coap_tcp_release_early),
        cmocka_unit_test(test_coap_tcp_ends),
        cmocka_unit_test(test_coap_tcp_bert_one_block),
        cmocka_unit_test(test_coap_tcp_bert_len),
        cmocka_unit_test(test_coap_tcp_transfers),
        cmocka_unit_test(test_coap_tcp_bert_figure),
        cmocka_unit_test(test_coap_tcp_bert_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
