/* SPDX-License-Identifier: Apache-2.0
 *
 * The connections of the server, with a clock by hand: who ends when, who goes
 * when all places are taken, what waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/update/tcp.h"

#define PLACES 4u
#define PEERS 6u

struct world {
    struct selv_tcp *tcp;
    struct selv_coap_server engine;
    uint64_t now_ms;
    int peer[PEERS]; /* our ends */
    struct selv_coap_peer last;
    unsigned requests, gone, torn;
    bool has_blob, is_later;
};

static uint8_t blob[1u << 20];
static const uint8_t csm[] = {0x50, 0xe1, 0x23, 1, 1, 0, 0x20};
static const uint8_t ask[] = {0x20, 0x01, 0xb1, 'i'}; /* GET /i */

/* A megabyte at once: more than a socket takes. */
static void on_request(void *user, const struct selv_coap_peer *peer,
                       struct selv_bytes datagram, uint8_t szx_max,
                       uint16_t bert_len, struct selv_tcp_answer *answer)
{
    struct world *w = user;
    struct selv_coap_msg rq;
    struct selv_coap_writer to;
    (void)szx_max;
    w->requests++;
    w->last = *peer;
    answer->is_later = w->is_later;
    if (w->is_later) {
        return;
    }
    if (selv_coap_server_feed(&w->engine, w->now_ms, peer, datagram, &rq,
                              &answer->head) != SELV_COAP_REQUEST) {
        return;
    }
    selv_coap_reply_begin(&w->engine, &rq, SELV_COAP_CONTENT, &answer->head,
                          &to);
    assert_non_null(selv_coap_write_reserve(&to, bert_len));
    assert_int_equal(selv_coap_reply_end(&w->engine, w->now_ms, peer, &rq, &to,
                                         SELV_COAP_RECOMPUTE, &answer->head),
                     SELV_OK);
    answer->head.len -= bert_len;
    answer->tail = selv_bytes(blob, bert_len);
}

static bool on_blob(void *user,
                    const uint8_t digest[static SELV_TCP_DIGEST_LEN],
                    struct selv_bytes *bytes)
{
    struct world *w = user;
    (void)digest;
    *bytes = selv_bytes(blob, sizeof blob);
    return w->has_blob;
}

static void on_torn(void *user)
{
    struct world *w = user;
    w->torn++;
}

static void on_gone(void *user, const struct selv_coap_peer *peer)
{
    struct world *w = user;
    assert_true(selv_tcp_is_peer(peer));
    w->gone++;
}

static void world_init(struct world *w)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct selv_tcp_hooks hooks = {w, on_request, on_blob, on_torn,
                                         on_gone};
    memset(w, 0, sizeof *w);
    w->now_ms = 1000;
    w->has_blob = true;
    selv_coap_server_init(&w->engine, NULL, 0, random);
    selv_coap_server_stream(&w->engine);
    w->tcp = selv_tcp_open(-1, PLACES, &hooks);
    assert_non_null(w->tcp);
    for (unsigned i = 0; i < PEERS; i++) {
        w->peer[i] = -1;
    }
}

static void world_end(struct world *w)
{
    selv_tcp_close(w->tcp);
    for (unsigned i = 0; i < PEERS; i++) {
        if (w->peer[i] >= 0) {
            close(w->peer[i]);
        }
    }
}

static void put(struct world *w, unsigned i, const void *p, size_t len)
{
    assert_int_equal(send(w->peer[i], p, len, MSG_NOSIGNAL), (ssize_t)len);
    selv_tcp_serve(w->tcp, w->now_ms);
}

static void join(struct world *w, unsigned i, const char *address)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    w->peer[i] = fds[1];
    selv_tcp_adopt(w->tcp, fds[0], selv_bytes(address, strlen(address)),
                   w->now_ms);
    put(w, i, csm, sizeof csm);
}

/* Reads all; true at the end of the stream. *code: of the last frame if it was
 * the only one, len: how much there was. */
static bool hear(struct world *w, unsigned i, size_t *len)
{
    static uint8_t in[65536];
    ssize_t n;
    *len = 0;
    while ((n = recv(w->peer[i], in, sizeof in, MSG_DONTWAIT)) > 0) {
        *len += (size_t)n;
    }
    return n == 0;
}

static void pass(struct world *w, uint64_t ms)
{
    for (uint64_t end = w->now_ms + ms; w->now_ms < end; w->now_ms += 100) {
        selv_tcp_serve(w->tcp, w->now_ms);
    }
}

/* Asks until its answers do not fit the socket any more. */
static void stuff(struct world *w, unsigned i)
{
    unsigned before;
    do {
        before = w->requests;
        put(w, i, ask, sizeof ask);
    } while (w->requests > before);
}

static void test_server_tcp_deaf(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, "a");
    join(&w, 1, "b");
    stuff(&w, 0);
    unsigned stuffed = w.requests;
    assert_true(stuffed > 1);
    for (unsigned n = 0; n < 100; n++) { /* nothing more is read */
        put(&w, 0, ask, sizeof ask);
    }
    assert_int_equal(w.requests, stuffed);
    put(&w, 1, ask, sizeof ask); /* others do not notice */
    assert_int_equal(w.requests, stuffed + 1);
    assert_false(hear(&w, 1, &len));
    assert_true(len > 30000);
    /* it is told of nothing now, and of everything once it reads */
    struct selv_coap_peer peer = w.last;
    struct selv_tcp_answer told = {.head = selv_tcp_out(w.tcp)};
    memcpy(told.head.p, "\x50\x45\x00\x00", told.head.len = 4);
    assert_true(selv_tcp_tell(w.tcp, w.now_ms, &peer, &told)); /* b */
    assert_false(hear(&w, 0, &len));
    assert_true(len > 30000);
    selv_tcp_serve(w.tcp, w.now_ms);
    assert_true(w.requests > stuffed + 1);
    stuff(&w, 0);
    peer = w.last; /* a */
    told.head.len = 4;
    assert_false(selv_tcp_tell(w.tcp, w.now_ms, &peer, &told));
    /* a minute for an answer, and it ends */
    pass(&w, SELV_TCP_OUT_MS - 1000);
    assert_int_equal(selv_tcp_count(w.tcp), 2);
    pass(&w, 2000);
    assert_int_equal(selv_tcp_count(w.tcp), 1);
    assert_int_equal(w.gone, 1);
    assert_false(selv_tcp_tell(w.tcp, w.now_ms, &peer, &told));
    world_end(&w);
    assert_int_equal(w.gone, 2);
}

/* An answer that comes later, and what was asked meanwhile. */
static void test_server_tcp_later(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, "a");
    (void)hear(&w, 0, &len);
    w.is_later = true;
    put(&w, 0, ask, sizeof ask);
    put(&w, 0, ask, sizeof ask);
    assert_int_equal(w.requests, 1);
    pass(&w, 2 * SELV_TCP_OUT_MS);
    assert_int_equal(selv_tcp_count(w.tcp), 1);
    assert_int_equal(w.requests, 1);
    w.is_later = false;
    struct selv_tcp_answer answer = {.head = selv_tcp_out(w.tcp)};
    memcpy(answer.head.p, "\x60\x44\x00\x00", answer.head.len = 4);
    selv_tcp_answer(w.tcp, w.now_ms, &w.last, &answer);
    assert_false(hear(&w, 0, &len));
    assert_int_equal(len, 2);
    selv_tcp_serve(w.tcp, w.now_ms);
    assert_int_equal(w.requests, 2);
    /* whose connection has ended meanwhile */
    w.is_later = true;
    put(&w, 0, ask, sizeof ask);
    close(w.peer[0]);
    w.peer[0] = -1;
    pass(&w, 1000);
    answer.head = selv_tcp_out(w.tcp);
    memcpy(answer.head.p, "\x60\x44\x00\x00", answer.head.len = 4);
    selv_tcp_answer(w.tcp, w.now_ms, &w.last, &answer);
    pass(&w, 4000);
    assert_int_equal(selv_tcp_count(w.tcp), 0);
    selv_tcp_answer(w.tcp, w.now_ms, &w.last, &answer);
    world_end(&w);
}

static void test_server_tcp_torn(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    join(&w, 0, "a");
    w.has_blob = false;
    put(&w, 0, ask, sizeof ask);
    assert_int_equal(w.torn, 1);
    assert_int_equal(selv_tcp_count(w.tcp), 0);
    world_end(&w);
}

static void test_server_tcp_silent(void **state)
{
    static const uint8_t pong[] = {0, 0xe3};
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, "a");
    join(&w, 1, "b");
    assert_false(hear(&w, 0, &len));
    pass(&w, SELV_TCP_IDLE_MS - 1000);
    assert_false(hear(&w, 0, &len));
    assert_int_equal(len, 0);
    pass(&w, 2000);
    assert_false(hear(&w, 0, &len));
    assert_int_equal(len, 6); /* a Ping */
    put(&w, 0, pong, sizeof pong);
    pass(&w, SELV_TCP_TIMEOUT_MS + 4000);
    assert_int_equal(selv_tcp_count(w.tcp), 1);
    world_end(&w);
}

/* Of the address that has most places, the one that was silent for longest. */
static void test_server_tcp_crowd(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, "quiet");
    w.now_ms += 1000;
    join(&w, 1, "crowd");
    w.now_ms += 1000;
    join(&w, 2, "crowd");
    w.now_ms += 1000;
    join(&w, 3, "other");
    put(&w, 1, "\0\0", 2); /* 2 is silent for longer than this one */
    w.now_ms += 1000;
    join(&w, 4, "fifth");
    assert_int_equal(selv_tcp_count(w.tcp), PLACES);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(hear(&w, i, &len), i == 2);
    }
    /* a connection that has gone is not mistaken for that of its place */
    put(&w, 4, ask, sizeof ask);
    struct selv_coap_peer fifth = w.last;
    close(w.peer[4]);
    w.peer[4] = -1;
    pass(&w, 3000);
    join(&w, 5, "sixth");
    struct selv_tcp_answer told = {.head = selv_tcp_out(w.tcp)};
    memcpy(told.head.p, "\x50\x45\x00\x00", told.head.len = 4);
    assert_false(selv_tcp_tell(w.tcp, w.now_ms, &fifth, &told));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_tcp_deaf),
        cmocka_unit_test(test_server_tcp_later),
        cmocka_unit_test(test_server_tcp_torn),
        cmocka_unit_test(test_server_tcp_silent),
        cmocka_unit_test(test_server_tcp_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
