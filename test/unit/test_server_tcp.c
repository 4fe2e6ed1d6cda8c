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
/* Addresses, each of another network. */
#define A 0x0a000001u
#define B 0x0a000101u
#define QUIET 0x0a000201u
#define CROWD 0x0a000301u
#define OTHER 0x0a000401u

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
    static const uint8_t random[SELV_SIPHASH_KEY_LEN] = {1, 2, 3};
    const struct selv_tcp_hooks hooks = {w, on_request, on_blob, on_torn,
                                         on_gone};
    memset(w, 0, sizeof *w);
    w->now_ms = 1000;
    w->has_blob = true;
    selv_coap_server_init(&w->engine, NULL, 0, random);
    selv_coap_server_stream(&w->engine);
    w->tcp = selv_tcp_open(-1, PLACES, random, &hooks);
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

/* address: of IPv4, as a number. */
static void join(struct world *w, unsigned i, uint32_t address)
{
    int fds[2];
    struct selv_coap_peer from = {.len = 6};
    selv_put_be32(from.addr, address);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    w->peer[i] = fds[1];
    selv_tcp_adopt(w->tcp, fds[0], &from, w->now_ms);
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
    join(&w, 0, A);
    join(&w, 1, B);
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
    join(&w, 0, A);
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
    join(&w, 0, A);
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
    join(&w, 0, A);
    join(&w, 1, B);
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

/* Of the network that has most places, and of its address that has, the one
 * that was silent for longest. */
static void test_server_tcp_crowd(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, QUIET);
    w.now_ms += 1000;
    join(&w, 1, CROWD);
    w.now_ms += 1000;
    join(&w, 2, CROWD);
    w.now_ms += 1000;
    join(&w, 3, OTHER);
    put(&w, 1, "\0\0", 2); /* 2 is silent for longer than this one */
    w.now_ms += 1000;
    join(&w, 4, A);
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
    join(&w, 5, B);
    struct selv_tcp_answer told = {.head = selv_tcp_out(w.tcp)};
    memcpy(told.head.p, "\x50\x45\x00\x00", told.head.len = 4);
    assert_false(selv_tcp_tell(w.tcp, w.now_ms, &fifth, &told));
    world_end(&w);
}

/* One address each, but three of one network. */
static void test_server_tcp_network(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, QUIET);
    w.now_ms += 1000;
    for (unsigned i = 1; i < 4; i++) {
        join(&w, i, CROWD + i);
    }
    w.now_ms += 1000;
    put(&w, 1, "\0\0", 2);
    put(&w, 3, "\0\0", 2);
    join(&w, 4, OTHER);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(hear(&w, i, &len), i == 2);
    }
    world_end(&w);
}

/* However the addresses are chosen, each is counted for itself: more of them
 * than a table by a short hash could tell apart. */
static void test_server_tcp_names(void **state)
{
    static struct selv_crowd_seat seats[4000];
    static const uint8_t key[SELV_SIPHASH_KEY_LEN] = {4};
    struct selv_crowd crowd;
    struct selv_coap_peer peer = {.len = 6};
    (void)state;
    assert_true(selv_crowd_open(&crowd, 4000, key));
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 4000; i++) {
            selv_put_be32(peer.addr, (i / 2) << 8); /* each twice */
            seats[i] = selv_crowd_join(&crowd, &peer);
        }
        for (uint32_t i = 0; i < 4000; i++) {
            assert_true(selv_crowd_weight(&crowd, seats[i]) ==
                        (UINT64_C(2) << 32 | 2));
        }
        for (uint32_t i = 0; i < 4000; i++) {
            selv_crowd_leave(&crowd, seats[(i * 7 + 3) % 4000]);
        }
    }
    selv_crowd_close(&crowd);
}

/* Whose connection is reset while an answer is owed goes at once: it would be
 * reported as cut again and again. */
static void test_server_tcp_cut(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    join(&w, 0, A);
    w.is_later = true;
    put(&w, 0, ask, sizeof ask);
    assert_int_equal(w.requests, 1);
    close(w.peer[0]);
    w.peer[0] = -1;
    selv_tcp_serve(w.tcp, w.now_ms);
    assert_int_equal(selv_tcp_count(w.tcp), 0);
    assert_int_equal(w.gone, 1);
    world_end(&w);
}

/* The rest of a frame that came while the server itself did not read, since an
 * answer was not taken or was owed, is not late. */
static void test_server_tcp_held(void **state)
{
    struct world w;
    size_t len;
    (void)state;
    world_init(&w);
    join(&w, 0, A);
    put(&w, 0, ask, sizeof ask);
    struct selv_coap_peer peer = w.last;
    put(&w, 0, ask, 2);
    unsigned before = w.requests;
    bool is_taken = true;
    while (is_taken) { /* until the socket takes no more */
        struct selv_tcp_answer told = {.head = selv_tcp_out(w.tcp)};
        memcpy(told.head.p, "\x50\x45\x00\x00\xff", told.head.len = 5);
        told.tail = selv_bytes(blob, 60000);
        is_taken = selv_tcp_tell(w.tcp, w.now_ms, &peer, &told);
    }
    put(&w, 0, ask + 2, sizeof ask - 2);
    pass(&w, SELV_TCP_TIMEOUT_MS + 10000);
    assert_int_equal(w.requests, before);
    while (w.requests == before && selv_tcp_count(w.tcp) == 1) {
        assert_false(hear(&w, 0, &len));
        selv_tcp_serve(w.tcp, w.now_ms);
    }
    assert_int_equal(w.requests, before + 1);
    assert_int_equal(selv_tcp_count(w.tcp), 1);
    /* but one that did not come has its time from then on */
    (void)hear(&w, 0, &len);
    put(&w, 0, ask, 2);
    pass(&w, SELV_TCP_TIMEOUT_MS + 4000);
    assert_int_equal(selv_tcp_count(w.tcp), 0);
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
        cmocka_unit_test(test_server_tcp_network),
        cmocka_unit_test(test_server_tcp_names),
        cmocka_unit_test(test_server_tcp_cut),
        cmocka_unit_test(test_server_tcp_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
