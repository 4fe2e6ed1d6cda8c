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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/device.h"

static uint32_t address; /* that the name has; 0: nobody knows it */
static unsigned look_ups;
static uint64_t now_ms;

/* The resolver and the clock of this program. */
int getaddrinfo(const char *host, const char *port,
                const struct addrinfo *hints, struct addrinfo **out)
{
    static struct sockaddr_in at;
    static struct addrinfo info;

    (void)hints;
    assert_string_equal(host, "update.example");
    look_ups++;
    if (address == 0) {
        return EAI_AGAIN;
    }
    at.sin_family = AF_INET;
    at.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    at.sin_addr.s_addr = htonl(address);
    info = (struct addrinfo){.ai_family = AF_INET,
                             .ai_addr = (struct sockaddr *)&at,
                             .ai_addrlen = sizeof at};
    *out = &info;
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

static int listen_at(uint32_t at, uint16_t *port)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons(*port),
                              .sin_addr = {htonl(at)}};
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    *port = ntohs(own.sin_port);
    return fd;
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
    assert_int_equal(look_ups, 1);
    address = 0x7f000001;
    send_one();
    assert_int_equal(look_ups, 2);
    assert_int_equal(received(server, &from), 1);
    device_net_close(&d);
    close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posix_net_server_moves),
        cmocka_unit_test(test_posix_net_name_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
