/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's CoAP sockets: a server that moves to another address is found
 * again by its name, and a name that nobody knows holds nothing up. */
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/device.h"

static uint32_t address; /* that the name has; 0: nobody knows it */
static uint32_t other;   /* and a second one, behind it; 0: none */
static unsigned look_ups;
static uint64_t look_up_ms; /* that each takes */
static uint64_t now_ms;

/* The resolver and the clock of this program. */
int getaddrinfo(const char *host, const char *port,
                const struct addrinfo *hints, struct addrinfo **out)
{
    static struct sockaddr_in at[2];
    static struct addrinfo info[2];
    const uint32_t known[2] = {address, other};

    (void)hints;
    assert_string_equal(host, "update.example");
    look_ups++;
    now_ms += look_up_ms;
    if (address == 0) {
        return EAI_AGAIN;
    }
    for (unsigned i = 0; i < 2; i++) {
        at[i].sin_family = AF_INET;
        at[i].sin_port = htons((uint16_t)strtoul(port, NULL, 10));
        at[i].sin_addr.s_addr = htonl(known[i]);
        info[i] = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_addr = (struct sockaddr *)&at[i],
                                    .ai_addrlen = sizeof at[i]};
    }
    info[0].ai_next = other != 0 ? &info[1] : NULL;
    *out = info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    (void)clock;
    out->tv_sec = (time_t)(now_ms / 1000);
    out->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}

void device_say_note(const struct device *d, const char *text)
{
    (void)d;
    (void)text;
}

static int listen_as(int kind, uint32_t at, uint16_t *port)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons(*port),
                              .sin_addr = {htonl(at)}};
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    *port = ntohs(own.sin_port);
    assert_true(kind == SOCK_DGRAM || listen(fd, 8) == 0);
    return fd;
}

static int listen_at(uint32_t at, uint16_t *port)
{
    return listen_as(SOCK_DGRAM, at, port);
}

static unsigned received(int fd, struct sockaddr_in *from)
{
    uint8_t bytes[64];
    socklen_t len = sizeof *from;
    unsigned n = 0;

    while (recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT,
                    (struct sockaddr *)from, &len) > 0) {
        n++;
    }
    return n;
}

static struct device d;
static char uri[64];

static void open_net(uint16_t port, size_t servers)
{
    memset(&d, 0, sizeof d);
    snprintf(uri, sizeof uri, "coap://update.example:%u", (unsigned)port);
    d.servers[0] = uri;
    d.servers[1] = uri;
    d.server_count = servers;
    look_ups = 0;
    now_ms = 100000;
    assert_true(device_net_open(&d));
}

static void send_one(void)
{
    const struct selv_consumer_todo todo = {.kind = SELV_CONSUMER_SEND,
                                            .bytes = selv_bytes("x", 1)};

    device_net_send(&d, &todo);
}

static void test_posix_net_server_moves(void **state)
{
    struct sockaddr_in from;
    uint16_t port = 0;
    int first = listen_at(0x7f000001, &port);
    int second = listen_at(0x7f000002, &port);

    (void)state;
    address = 0x7f000001;
    open_net(port, 1);
    for (unsigned i = 0; i < 5; i++) {
        send_one();
        now_ms += 1000;
    }
    assert_int_equal(received(first, &from), 5);
    address = 0x7f000002;
    /* Not heard of for ten seconds. */
    for (unsigned i = 0; i < 20; i++) {
        send_one();
        now_ms += 1000;
    }
    assert_int_equal(received(first, &from), 5);
    assert_int_equal(received(second, &from), 15);
    assert_int_equal(look_ups, 2);
    /* One that answers is not left. */
    sendto(second, "y", 1, 0, (struct sockaddr *)&from, sizeof from);
    for (unsigned i = 0; i < 200; i++) {
        send_one();
        assert_int_equal(received(second, &from), 1);
        sendto(second, "y", 1, 0, (struct sockaddr *)&from, sizeof from);
        device_net_wait(&d, now_ms);
        now_ms += 1000;
    }
    assert_int_equal(look_ups, 2);
    /* One that is silent for hours is looked up once a minute. */
    for (unsigned i = 0; i < 3600; i++) {
        send_one();
        now_ms += 1000;
    }
    assert_in_range(look_ups, 50, 63);
    device_net_close(&d);
    close(first);
    close(second);
}

static void test_posix_net_name_is_unknown(void **state)
{
    struct sockaddr_in from;
    uint16_t port = 0;
    int server = listen_at(0x7f000001, &port);

    (void)state;
    address = 0;
    open_net(port, 2); /* alone it would not begin */
    look_ups = 0;
    for (unsigned i = 0; i < 120; i++) {
        send_one();
        now_ms += 500;
    }
    assert_int_equal(look_ups, 0); /* it was, a minute ago */
    address = 0x7f000001;
    send_one();
    assert_int_equal(look_ups, 1);
    assert_int_equal(received(server, &from), 1);
    device_net_close(&d);
    close(server);
}

/* The first address of a name is of no use: the second one is asked. */
static void test_posix_net_second_address(void **state)
{
    struct sockaddr_in from;
    uint16_t port = 0;
    int second = listen_at(0x7f000002, &port);
    int first;

    (void)state;
    address = 0x7f000003;
    other = 0x7f000002;
    open_net(port, 1);
    send_one(); /* refused, and told at once */
    device_net_wait(&d, now_ms);
    send_one();
    assert_int_equal(received(second, &from), 1);
    assert_int_equal(look_ups, 1);
    device_net_close(&d);

    first = listen_at(0x7f000003, &port); /* silent */
    open_net(port, 1);
    for (unsigned i = 0; i < 12; i++) {
        send_one();
        now_ms += 1000;
    }
    assert_int_equal(received(first, &from), 10);
    assert_int_equal(received(second, &from), 2);
    assert_int_equal(look_ups, 1);
    for (unsigned i = 0; i < 100; i++) { /* one that answers is not left */
        sendto(second, "y", 1, 0, (struct sockaddr *)&from, sizeof from);
        device_net_wait(&d, now_ms);
        now_ms += 1000;
        send_one();
        assert_int_equal(received(second, &from), 1);
    }
    for (unsigned i = 0; i < 12; i++) { /* gone: the first one again */
        send_one();
        now_ms += 1000;
    }
    assert_in_range(received(first, &from), 1, 12);
    device_net_close(&d);
    close(first);
    close(second);
    other = 0;
}

/* ---- over TCP --------------------------------------------------------------
 */

static struct selv_posix_tcp *tcp;

static void open_tcp(uint16_t port)
{
    struct selv_posix_why why;

    snprintf(uri, sizeof uri, "coap+tcp://update.example:%u", (unsigned)port);
    look_ups = 0;
    now_ms = 100000;
    tcp = selv_posix_tcp_open(uri, &why);
    assert_non_null(tcp);
}

/* GET, token id, message ID id. */
static void ask(uint8_t id)
{
    const uint8_t get[] = {0x51, 0x01, 0, id, id, 0x61, id};

    selv_posix_tcp_send(tcp, selv_bytes(get, sizeof get));
}

/* Some turns of the loop, a tenth of a second each. The bytes of the last
 * datagram that came. */
static size_t turn(unsigned turns)
{
    uint8_t in[2048];
    size_t last = 0;

    for (unsigned i = 0; i < turns; i++) {
        size_t len = selv_posix_tcp_receive(tcp, in, sizeof in);
        last = len > 0 ? len : last;
        now_ms += 100;
    }
    return last;
}

/* Who calls there; -1: nobody. */
static int caller(int listener)
{
    struct pollfd wait = {listener, POLLIN, 0};

    return poll(&wait, 1, 0) == 1 ? accept(listener, NULL, NULL) : -1;
}

static void say(int fd, const void *p, size_t len)
{
    assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
}
#define SAY(fd, text) say(fd, text, sizeof text - 1)

static void test_posix_net_tcp_second_address(void **state)
{
    uint16_t port = 0;
    int second = listen_as(SOCK_STREAM, 0x7f000002, &port);
    int first, call;

    (void)state;
    address = 0x7f000003; /* refuses */
    other = 0x7f000002;
    open_tcp(port);
    ask(1);
    turn(3);
    call = caller(second);
    assert_true(call >= 0);
    assert_false(selv_posix_tcp_was_refused(tcp));
    SAY(call, "\x00\xe1\x01\x45\x01");
    assert_true(turn(3) > 0);
    /* It ends: the next connection is to the one that was of use. */
    close(call);
    ask(2);
    turn(3);
    call = caller(second);
    assert_true(call >= 0);
    assert_int_equal(look_ups, 1);
    close(call);
    selv_posix_tcp_close(tcp);

    first = listen_as(SOCK_STREAM, 0x7f000003, &port); /* hangs up */
    open_tcp(port);
    ask(1);
    turn(2);
    call = caller(first);
    assert_true(call >= 0);
    close(call);
    turn(3);
    call = caller(second);
    assert_true(call >= 0);
    assert_false(selv_posix_tcp_was_refused(tcp));
    close(call); /* and so does this one: now there is a pause */
    turn(3);
    assert_true(selv_posix_tcp_was_refused(tcp));
    assert_int_equal(caller(first), -1);
    turn(25);
    assert_true(caller(first) >= 0);
    selv_posix_tcp_close(tcp);
    close(first);
    close(second);
    other = 0;
}

/* A resolver that is dead holds all else up once a minute at most, and not for
 * requests that nobody waits for. */
static void test_posix_net_tcp_look_ups(void **state)
{
    (void)state;
    address = 0;
    open_tcp(9);
    for (unsigned i = 0; i < 6000; i++) { /* ten minutes */
        ask((uint8_t)(i / 100));
        turn(1);
    }
    assert_in_range(look_ups, 9, 11);
    selv_posix_tcp_forget(tcp);
    look_ups = 0;
    turn(6000);
    assert_int_equal(look_ups, 0);
    assert_true(selv_posix_tcp_until_ms(tcp) == UINT64_MAX);
    selv_posix_tcp_close(tcp);

    open_tcp(9); /* known, and nobody there */
    address = 0x7f000003;
    for (unsigned i = 0; i < 6000; i++) {
        ask((uint8_t)(i / 100));
        turn(1);
    }
    assert_in_range(look_ups, 9, 12);
    selv_posix_tcp_close(tcp);
}

/* A server that takes no more connections: a next one is not made. */
static int full_queue(uint32_t at, uint16_t *port, int callers[static 4])
{
    int listener = listen_as(SOCK_STREAM, at, port);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(*port),
                                   .sin_addr = {htonl(at)}};

    assert_int_equal(listen(listener, 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_true(callers[i] >= 0);
        (void)connect(callers[i], (const struct sockaddr *)&to, sizeof to);
    }
    return listener;
}

/* The time that a look-up takes is not that of the connection. */
static void test_posix_net_tcp_slow_look_up(void **state)
{
    uint16_t port = 0;
    int callers[4], second;
    int first = full_queue(0x7f000003, &port, callers);

    (void)state;
    address = 0x7f000003;
    look_up_ms = 11000;
    open_tcp(port);
    ask(1);
    turn(95); /* of ten seconds */
    assert_false(selv_posix_tcp_was_refused(tcp));
    turn(10);
    assert_true(selv_posix_tcp_was_refused(tcp));
    assert_int_equal(look_ups, 1);
    selv_posix_tcp_close(tcp);

    second = listen_as(SOCK_STREAM, 0x7f000002, &port);
    other = 0x7f000002;
    open_tcp(port);
    ask(1);
    turn(35); /* of four */
    assert_int_equal(caller(second), -1);
    turn(10);
    assert_true(caller(second) >= 0);
    selv_posix_tcp_close(tcp);
    for (unsigned i = 0; i < 4; i++) {
        close(callers[i]);
    }
    close(first);
    close(second);
    other = 0;
    look_up_ms = 0;
}

/* Who sends without end gets a share of the time. */
static void test_posix_net_tcp_flood(void **state)
{
    static const uint8_t zeros[65536];
    uint16_t port = 0;
    int listener = listen_as(SOCK_STREAM, 0x7f000001, &port);
    int call, left = 0;
    size_t sent = 0;
    struct pollfd fd;
    uint8_t in[64];

    (void)state;
    address = 0x7f000001;
    open_tcp(port);
    ask(1);
    turn(2);
    call = caller(listener);
    assert_true(call >= 0);
    SAY(call, "\x00\xe1");
    turn(2);
    for (ssize_t n = 1; n > 0; sent += n > 0 ? (size_t)n : 0) {
        n = send(call, zeros, sizeof zeros, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    assert_true(sent > 512 * 1024);
    assert_int_equal(selv_posix_tcp_receive(tcp, in, sizeof in), 0);
    assert_true(selv_posix_tcp_fd(tcp, &fd));
    assert_int_equal(ioctl(fd.fd, FIONREAD, &left), 0);
    assert_true(left > 0);
    assert_true(selv_posix_tcp_until_ms(tcp) == 0); /* and then the rest */
    turn(100);
    assert_int_equal(ioctl(fd.fd, FIONREAD, &left), 0);
    assert_int_equal(left, 0);
    close(call);
    close(listener);
    selv_posix_tcp_close(tcp);
}

/* What a server owes when it says Release is waited for, and nothing else is
 * asked there. */
static void test_posix_net_tcp_release(void **state)
{
    uint16_t port = 0;
    int listener = listen_as(SOCK_STREAM, 0x7f000001, &port);
    int call, next;
    uint8_t in[64];

    (void)state;
    address = 0x7f000001;
    open_tcp(port);
    ask(1);
    ask(2);
    turn(3);
    call = caller(listener);
    assert_true(call >= 0);
    SAY(call, "\x00\xe1");
    turn(2);
    SAY(call, "\x00\xe4");
    turn(2);
    assert_true(recv(call, in, sizeof in, MSG_DONTWAIT) > 0);
    ask(3);
    turn(2);
    assert_true(recv(call, in, sizeof in, MSG_DONTWAIT) < 0);
    SAY(call, "\x01\x45\x02");
    assert_int_equal(turn(2), 5);
    assert_int_equal(caller(listener), -1);
    SAY(call, "\x01\x45\x01");
    assert_int_equal(turn(3), 5);
    /* No more is owed: the third goes to the next connection. */
    assert_int_equal(recv(call, in, sizeof in, MSG_DONTWAIT), 0);
    next = caller(listener);
    assert_true(next >= 0);
    close(call);
    /* Released again, with a pause of 20 s; the answer never comes. */
    SAY(next, "\x00\xe1");
    turn(2);
    SAY(next, "\x20\xe4\x41\x14");
    turn(240);
    assert_int_equal(caller(listener), -1);
    turn(60);
    assert_true(caller(listener) >= 0);
    close(next);
    close(listener);
    selv_posix_tcp_close(tcp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posix_net_server_moves),
        cmocka_unit_test(test_posix_net_name_is_unknown),
        cmocka_unit_test(test_posix_net_second_address),
        cmocka_unit_test(test_posix_net_tcp_second_address),
        cmocka_unit_test(test_posix_net_tcp_look_ups),
        cmocka_unit_test(test_posix_net_tcp_slow_look_up),
        cmocka_unit_test(test_posix_net_tcp_flood),
        cmocka_unit_test(test_posix_net_tcp_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
