/* SPDX-License-Identifier: Apache-2.0
 *
 * One loop of the server whole, UDP and TCP, over a real database
 * (server_world.h): what is shared by both, what waits for the database, who
 * gives way to whom, who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/server_world.h"

#define SECOND_US UINT64_C(1000000)
#define ENVELOPE_LEN 900u

static uint8_t envelope[ENVELOPE_LEN];
/* Client and server of one request, as bytes. */
static uint8_t asked[WORLD_DATAGRAM_MAX];
static uint16_t mid;

static int setup(void **state)
{
    (void)state;
    mid = 0;
    world_open(SELV_REFLECT_RATE, true, SELV_WRITES_DEVICES_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close();
    return 0;
}

/* ---- requests ----------------------------------------------------------- */

struct ask {
    uint8_t code;
    const char *path;
    const char *query; /* NULL: none */
    bool observes;
    const struct selv_coap_block *block1;
    const struct selv_coap_block *block2;
    struct selv_bytes echo;
    struct selv_bytes payload;
    uint8_t token;
};

static struct selv_bytes ask_make(const struct ask *a)
{
    struct selv_coap_writer w;
    size_t len = 0;
    selv_coap_write_begin(&w, asked, sizeof asked, SELV_COAP_CON, a->code,
                          ++mid, selv_bytes(&a->token, 1));
    if (a->observes) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, 0);
    }
    selv_coap_write_path(&w, selv_bytes(a->path, strlen(a->path)));
    if (a->query != NULL) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_URI_QUERY,
                            selv_bytes(a->query, strlen(a->query)));
    }
    if (a->block2 != NULL) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, a->block2);
    }
    if (a->block1 != NULL) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK1, a->block1);
    }
    if (a->echo.len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ECHO, a->echo);
    }
    selv_coap_write_payload(&w, a->payload);
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    return selv_bytes(asked, len);
}

/* Over UDP: the code of the answer; 0: none yet. */
static uint8_t udp(const struct selv_coap_peer *from, const struct ask *a)
{
    world_udp(from, ask_make(a));
    return world.last.len > 1 ? world.last.p[1] : 0;
}

/* Echoes what the last answer asked for. */
static void prove(const struct selv_coap_peer *from)
{
    static uint8_t value[40];
    struct selv_coap_msg m;
    struct selv_bytes echo;
    struct ask a = {.code = SELV_COAP_GET, .path = "nothing"};
    struct selv_coap_msg rq = {.code = SELV_COAP_GET};
    struct selv_buf out = {world.last.p, sizeof world.last.p, 0};
    selv_coap_echo_challenge(&world.api->reflect.echo, &world.api->reads,
                             world_now_ms(), from, &rq, &out);
    assert_int_equal(selv_coap_parse(selv_bytes(out.p, out.len), &m), SELV_OK);
    assert_true(selv_coap_opt_find(&m, SELV_COAP_OPT_ECHO, &echo));
    memcpy(value, echo.p, echo.len);
    a.echo = selv_bytes(value, echo.len);
    assert_int_equal(udp(from, &a), SELV_COAP_NOT_FOUND);
}

static struct ask registration(uint32_t n)
{
    static uint8_t p[256];
    struct ask a = {.code = SELV_COAP_POST, .path = "reg"};
    a.payload = selv_bytes(p, world_profile(n, p, sizeof p));
    return a;
}

/* ---- streams ------------------------------------------------------------ */

static const uint8_t csm[] = {0x00, 0xe1};

static void put(int fd, const void *p, size_t len)
{
    assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
    world_serve();
}

static int connected(const struct selv_coap_peer *from)
{
    uint8_t in[64];
    int fd = world_connect(from);
    put(fd, csm, sizeof csm);
    assert_true(recv(fd, in, sizeof in, MSG_DONTWAIT) > 0); /* its CSM */
    return fd;
}

static void stream_ask(int fd, const struct ask *a)
{
    struct selv_bytes datagram = ask_make(a);
    struct selv_buf whole = {asked, sizeof asked, datagram.len};
    struct selv_bytes frame;
    assert_int_equal(selv_coap_tcp_wrap(&whole, UINT32_MAX, &frame), SELV_OK);
    put(fd, frame.p, frame.len);
}

/* The code of the next answer, and its token; 0: there is none. */
static uint8_t stream_hear(int fd, uint8_t *token)
{
    static uint8_t in[65536];
    struct selv_coap_tcp_head head;
    ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT | MSG_PEEK);
    if (n <= 0 || selv_coap_tcp_head_read(selv_bytes(in, (size_t)n), &head) ||
        head.frame_len > (size_t)n) {
        return 0;
    }
    assert_int_equal(recv(fd, in, (size_t)head.frame_len, MSG_DONTWAIT),
                     (ssize_t)head.frame_len);
    if (token != NULL) {
        *token = head.token_len > 0 ? in[head.len] : 0;
    }
    return head.code;
}

/* ---- one budget for UDP and TCP ----------------------------------------- */

static uint8_t stream_register(const struct selv_coap_peer *from, uint32_t n)
{
    struct ask a = registration(n);
    int fd = connected(from);
    stream_ask(fd, &a);
    world_pump();
    uint8_t code = stream_hear(fd, NULL);
    close(fd);
    world_serve();
    return code;
}

/* All new devices of a peer's network have come. */
static void network_fill(const struct selv_coap_peer *from)
{
    struct selv_server *s = &world.server;
    assert_true(selv_budget_take(&s->writes.added, world_now_ms(),
                                 selv_peer_network(s->reflect.key, from),
                                 SELV_WRITES_NEW_MAX * SECOND_US,
                                 SELV_WRITES_NEW_MAX * SECOND_US));
}

static void test_server_api_network(void **state)
{
    struct selv_coap_peer taken = world_peer(0xc6336401, 1000);
    struct selv_coap_peer beside = world_peer(0xc63364c8, 2000);
    struct selv_coap_peer other = world_peer(0xc6336501, 1000);
    struct selv_coap_peer six = {.len = 20, .addr = {0x20, 1, 0xd, 0xb8, 0, 1}};
    struct selv_coap_peer six_beside = six;
    struct selv_coap_peer six_other = six;
    struct ask a;
    (void)state;
    network_fill(&taken);
    /* over TCP, whatever the address in the same network */
    assert_int_equal(stream_register(&taken, 1), SELV_COAP_UNAVAILABLE);
    assert_int_equal(stream_register(&beside, 1), SELV_COAP_UNAVAILABLE);
    a = registration(1);
    assert_int_equal(udp(&beside, &a), 0);
    world_pump();
    assert_int_equal(world.last.p[1], SELV_COAP_UNAVAILABLE);
    assert_int_equal(stream_register(&other, 1), SELV_COAP_CREATED);
    /* and one that is known already */
    assert_int_equal(stream_register(&beside, 1), SELV_COAP_CREATED);
    /* what came over TCP counts for who comes over UDP */
    six_beside.addr[7] = 9; /* another /64, of the same /48 */
    six_other.addr[5] = 2;
    network_fill(&six);
    assert_int_equal(stream_register(&six_beside, 2), SELV_COAP_UNAVAILABLE);
    assert_int_equal(stream_register(&six_other, 2), SELV_COAP_CREATED);
    assert_int_equal(world_count("devices"), 2);
}

/* Loopback addresses are exempt over TCP as they are over UDP, both of them. */
static void test_server_api_loopback(void **state)
{
    struct selv_coap_peer four = world_peer(0x7f000001, 1000);
    struct selv_coap_peer six = {.len = 20, .addr = {[15] = 1, [16] = 7}};
    (void)state;
    world.server.reflect.has_loopback = false;
    network_fill(&four);
    network_fill(&six);
    assert_int_equal(stream_register(&four, 1), SELV_COAP_CREATED);
    assert_int_equal(stream_register(&six, 2), SELV_COAP_CREATED);
}

/* ---- bodies ------------------------------------------------------------- */

/* Block num of a registration, of 32 bytes. */
static uint8_t body_block(const struct selv_coap_peer *from, const char *query,
                          uint32_t num)
{
    struct selv_coap_block block = {num, 1, true};
    struct ask a = registration(7);
    size_t all = a.payload.len;
    a.query = query;
    a.block1 = &block;
    a.payload.p += num * 32;
    block.more = all > (num + 1) * 32;
    a.payload.len = block.more ? 32 : all - num * 32;
    return udp(from, &a);
}

/* A network that has its share of places throws out its own bodies, and not
 * those of others, while there are places for all. */
static void test_server_api_share(void **state)
{
    struct selv_coap_peer victim = world_peer(0x0a020001, 1000);
    struct selv_coap_peer attacker = world_peer(0x0a010001, 1000);
    char query[16];
    unsigned refused = 0;
    (void)state;
    assert_int_equal(body_block(&victim, NULL, 0), SELV_COAP_CONTINUE);
    prove(&attacker);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(query, sizeof query, "x=%u", i);
        refused += body_block(&attacker, query, 0) == SELV_COAP_UNAVAILABLE;
    }
    assert_int_equal(refused, 8);
    assert_int_equal(body_block(&victim, NULL, 1), SELV_COAP_CONTINUE);
    /* its own that stands still gives way */
    world_pass(5000);
    assert_int_equal(body_block(&attacker, "x=99", 0), SELV_COAP_CONTINUE);
    assert_int_equal(body_block(&attacker, "x=0", 1), SELV_COAP_INCOMPLETE);
    assert_int_equal(body_block(&victim, NULL, 2), SELV_COAP_CONTINUE);
    assert_int_equal(body_block(&victim, NULL, 3), 0);
    world_pump();
    assert_int_equal(world.last.p[1], SELV_COAP_CREATED);
}

/* ---- what waits for the database ---------------------------------------- */

static void device(const struct selv_coap_peer *from, uint32_t n,
                   char query[static 20])
{
    struct ask a = registration(n);
    struct selv_coap_msg m;
    assert_int_equal(udp(from, &a), 0);
    world_pump();
    assert_int_equal(
        selv_coap_parse(selv_bytes(world.last.p, world.last.len), &m), SELV_OK);
    assert_int_equal(m.code, SELV_COAP_CREATED);
    snprintf(query, 20, "d=%.16s", (const char *)m.payload.p);
}

static void test_server_api_parked(void **state)
{
    struct selv_coap_peer from = world_peer(0x0a010001, 1000);
    struct selv_coap_peer there = world_peer(0x0a030001, 1000);
    char query[20], second[20];
    uint8_t token;
    (void)state;
    device(&from, 1, query);
    device(&from, 2, second);
    world_release(1, selv_bytes(envelope, sizeof envelope));
    int fd = connected(&there);
    int gone = connected(&there);
    struct ask a = {.code = SELV_COAP_GET, .path = "m", .query = query};
    world_hold();
    a.token = 1;
    stream_ask(fd, &a);
    stream_ask(gone, &a);
    a.token = 2; /* pipelined: not looked at before the first is answered */
    a.query = second;
    stream_ask(fd, &a);
    assert_int_equal(world.api->parked_count, 2);
    assert_int_equal(udp(&from, &a), 0); /* and one over UDP */
    assert_int_equal(world.api->parked_count, 3);
    assert_int_equal(stream_hear(fd, NULL), 0);
    close(gone);
    world_serve();
    assert_int_equal(selv_tcp_count(world.api->tcp), 1);
    world_let_go();
    world_pump();
    assert_int_equal(world.last.p[1], SELV_COAP_CONTENT);
    assert_int_equal(stream_hear(fd, &token), SELV_COAP_CONTENT);
    assert_int_equal(token, 1);
    world_serve();
    assert_int_equal(stream_hear(fd, &token), SELV_COAP_CONTENT);
    assert_int_equal(token, 2);
    assert_int_equal(stream_hear(fd, NULL), 0);
    close(fd);
    world_serve();
}

/* A connection that ends while its write is in the queue: it is written all the
 * same, and its place's next owner gets no answer of it. */
static void test_server_api_queued(void **state)
{
    struct selv_coap_peer there = world_peer(0x0a030001, 1000);
    struct ask a = registration(1);
    uint8_t token;
    (void)state;
    int fd = connected(&there);
    world_hold();
    stream_ask(fd, &a);
    assert_non_null(world.api->pending);
    close(fd);
    world_serve();
    assert_int_equal(selv_tcp_count(world.api->tcp), 0);
    fd = connected(&there);
    a = registration(2);
    a.token = 9;
    stream_ask(fd, &a);
    stream_ask(fd, &a); /* again, without waiting for the answer */
    world_let_go();
    world_pump();
    assert_int_equal(world_count("devices"), 2);
    assert_int_equal(stream_hear(fd, &token), SELV_COAP_CREATED);
    assert_int_equal(token, 9);
    world_serve();
    world_pump();
    assert_int_equal(stream_hear(fd, &token), SELV_COAP_CREATED);
    assert_int_equal(stream_hear(fd, &token), 0);
    assert_int_equal(world_count("devices"), 2);
    close(fd);
    world_serve();
}

/* ---- observers ---------------------------------------------------------- */

static uint32_t observers(void)
{
    return selv_coap_observe_count(&world.api->observers.list);
}

/* A peer that takes no more than 300 bytes is told in blocks that fit, and
 * one that comes to take less in smaller ones. */
static void test_server_api_small(void **state)
{
    static const uint8_t small[] = {0x30, 0xe1, 0x22, 0x01, 0x2c};
    static const uint8_t smaller[] = {0x20, 0xe1, 0x21, 0xb4};
    struct selv_coap_peer from = world_peer(0x0a010001, 1000);
    char query[20];
    uint8_t in[2048];
    (void)state;
    device(&from, 1, query);
    world_release(1, selv_bytes(envelope, sizeof envelope));
    int fd = connected(&from);
    put(fd, small, sizeof small);
    struct ask a = {.code = SELV_COAP_GET,
                    .path = "m",
                    .query = query,
                    .observes = true,
                    .token = 5};
    stream_ask(fd, &a);
    assert_int_equal(stream_hear(fd, NULL), SELV_COAP_CONTENT);
    for (uint8_t n = 2; n < 4; n++) {
        envelope[0] = n;
        world_release(n, selv_bytes(envelope, sizeof envelope));
        world_pass(100);
        world_pump();
        ssize_t len = recv(fd, in, sizeof in, MSG_DONTWAIT | MSG_PEEK);
        assert_true(len > 0 && len <= (n == 2 ? 300 : 180));
        assert_int_equal(stream_hear(fd, NULL), SELV_COAP_CONTENT);
        assert_int_equal(observers(), 1);
        put(fd, smaller, sizeof smaller);
    }
    close(fd);
    world_serve();
    world_serve();
    assert_int_equal(observers(), 0);
}

/* One whose connection takes nothing is told of the newest when it does. */
static void test_server_api_blocked(void **state)
{
    static uint8_t image[60000];
    static const uint8_t large[] = {0x50, 0xe1, 0x23, 1, 1, 0, 0x20};
    struct selv_coap_peer from = world_peer(0x0a010001, 1000);
    struct selv_coap_block bert = {0, 7, false};
    uint8_t digest[SELV_SHA256_LEN];
    char query[20], path[80] = "i/";
    uint8_t token = 0;
    unsigned told = 0, answers = 0;
    (void)state;
    device(&from, 1, query);
    envelope[0] = 1;
    world_release(1, selv_bytes(envelope, sizeof envelope));
    world_blob(selv_bytes(image, sizeof image), digest);
    selv_name_encode(digest, sizeof digest, path + 2);
    int fd = connected(&from);
    put(fd, large, sizeof large);
    struct ask a = {.code = SELV_COAP_GET,
                    .path = "m",
                    .query = query,
                    .observes = true,
                    .token = 5};
    stream_ask(fd, &a);
    assert_int_equal(stream_hear(fd, NULL), SELV_COAP_CONTENT);
    struct ask get = {
        .code = SELV_COAP_GET, .path = path, .block2 = &bert, .token = 6};
    for (unsigned i = 0; i < 20; i++) {
        stream_ask(fd, &get);
    }
    for (uint8_t n = 2; n < 5; n++) {
        envelope[0] = n;
        world_release(n, selv_bytes(envelope, sizeof envelope));
        for (unsigned i = 0; i < 30; i++) {
            world_pass(100);
            world_pump();
        }
    }
    for (unsigned i = 0; i < 200; i++) {
        uint8_t code;
        while ((code = stream_hear(fd, &token)) != 0) {
            assert_int_equal(code, SELV_COAP_CONTENT);
            told += token == 5;
            answers += token == 6;
        }
        world_pass(100);
        world_serve();
        world_pump();
    }
    assert_int_equal(answers, 20);
    assert_int_equal(told, 1);
    close(fd);
    world_serve();
}

/* Who is asked for its Echo instead of being answered does not observe. */
static void test_server_api_unobserved(void **state)
{
    struct selv_coap_peer from = world_peer(0x0a010001, 1000);
    char query[20];
    (void)state;
    device(&from, 1, query);
    world_release(1, selv_bytes(envelope, sizeof envelope));
    world.server.reflect.rate = 0;
    struct ask a = {.code = SELV_COAP_GET,
                    .path = "m",
                    .query = query,
                    .observes = true,
                    .token = 5};
    assert_int_equal(udp(&from, &a), SELV_COAP_UNAUTHORIZED);
    assert_int_equal(observers(), 0);
    prove(&from);
    assert_int_equal(udp(&from, &a), SELV_COAP_CONTENT);
    assert_int_equal(observers(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_api_network), TEST(test_server_api_loopback),
        TEST(test_server_api_share),   TEST(test_server_api_parked),
        TEST(test_server_api_queued),  TEST(test_server_api_small),
        TEST(test_server_api_blocked), TEST(test_server_api_unobserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
