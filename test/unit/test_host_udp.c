/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches of datagrams over the loopback, and ports that are shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/udp.h"

static struct selv_udp *udp;
static struct selv_net_address here;
static int peer;
static unsigned torn;

static void on_torn(void *user, struct selv_buf *head)
{
    (void)user;
    torn++;
    head->p[0] = '!';
    head->len = torn == 1 ? 1 : 0; /* the second one is dropped */
}

static int setup(void **state)
{
    struct selv_net_address any;
    (void)state;
    torn = 0;
    assert_true(selv_net_parse("127.0.0.1:0", &here));
    any = here;
    udp = selv_udp_open(selv_net_bind(&here, SOCK_DGRAM), on_torn, NULL);
    assert_non_null(udp);
    peer = selv_net_bind(&any, SOCK_DGRAM);
    assert_true(peer >= 0);
    assert_return_code(
        connect(peer, (const struct sockaddr *)&here.sa, here.len), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    selv_udp_close(udp);
    close(peer);
    return 0;
}

/* The next datagram at the peer; NULL when none comes. */
static const char *heard(void)
{
    static char text[8192];
    struct pollfd p = {.fd = peer, .events = POLLIN};
    if (poll(&p, 1, 100) != 1) {
        return NULL;
    }
    ssize_t n = recv(peer, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = 0;
    return text;
}

static const struct selv_net_local no_local;

static void reply(unsigned i, const char *head, struct selv_bytes tail)
{
    struct selv_buf out = selv_udp_out(udp);
    out.len = strlen(head);
    memcpy(out.p, head, out.len);
    selv_udp_put(udp, i, &out, tail);
}

static void test_udp_batch(void **state)
{
    char text[8];
    struct selv_bytes in;
    const struct selv_net_address *from;
    (void)state;
    assert_int_equal(selv_udp_receive(udp), 0);
    for (int i = 0; i < 70; i++) {
        int len = snprintf(text, sizeof text, "%d", i);
        assert_int_equal(send(peer, text, (size_t)len, 0), len);
    }
    assert_int_equal(selv_udp_receive(udp), SELV_UDP_BATCH);
    for (unsigned i = 0; i < SELV_UDP_BATCH; i++) {
        assert_true(selv_udp_get(udp, i, &in, &from));
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(in.len, strlen(text));
        assert_memory_equal(in.p, text, in.len);
        /* Two answers each: more than a batch holds go out at once. */
        reply(i, text, selv_bytes("", 0));
        reply(i, "=", in);
    }
    assert_int_equal(selv_udp_send(udp), 0);
    for (unsigned i = 0; i < SELV_UDP_BATCH; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_string_equal(heard(), text);
        snprintf(text, sizeof text, "=%u", i);
        assert_string_equal(heard(), text);
    }
    assert_int_equal(selv_udp_receive(udp), 6);
    assert_true(selv_udp_get(udp, 5, &in, &from));
    assert_memory_equal(in.p, "69", 2);
    struct selv_net_address to = *from;
    struct selv_buf out = selv_udp_out(udp);
    out.len = 1;
    out.p[0] = 'x';
    selv_udp_put_to(udp, &to, &no_local, &out, selv_bytes(NULL, 0));
    assert_int_equal(selv_udp_send(udp), 0);
    assert_string_equal(heard(), "x");
}

static void test_udp_limits(void **state)
{
    static uint8_t large[SELV_UDP_IN_MAX + 1];
    struct selv_bytes in;
    const struct selv_net_address *from;
    (void)state;
    assert_int_equal(send(peer, large, sizeof large - 1, 0), sizeof large - 1);
    assert_int_equal(send(peer, large, sizeof large, 0), sizeof large);
    assert_int_equal(send(peer, large, 0, 0), 0);
    assert_int_equal(selv_udp_receive(udp), 3);
    assert_true(selv_udp_get(udp, 0, &in, &from));
    assert_int_equal(in.len, SELV_UDP_IN_MAX);
    assert_false(selv_udp_get(udp, 1, &in, &from));
    assert_true(selv_udp_get(udp, 2, &in, &from));
    assert_int_equal(in.len, 0);
}

/* A file that is cut under its map: an error of the call, no signal. What
 * stands before and behind it is sent. */
static void test_udp_torn(void **state)
{
    char path[] = "/tmp/selvage-udp.XXXXXX";
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_return_code(unlink(path), 0);
    assert_return_code(ftruncate(fd, (off_t)(2 * page)), 0);
    uint8_t *p = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(p != MAP_FAILED);
    assert_return_code(ftruncate(fd, (off_t)page), 0);
    assert_int_equal(send(peer, "?", 1, 0), 1);
    assert_int_equal(selv_udp_receive(udp), 1);
    reply(0, "before", selv_bytes(NULL, 0));
    reply(0, "torn", selv_bytes(p + page, 100));
    reply(0, "torn", selv_bytes(p + page, 100));
    reply(0, "behind", selv_bytes(NULL, 0));
    assert_int_equal(selv_udp_send(udp), 1);
    assert_string_equal(heard(), "before");
    assert_string_equal(heard(), "!");
    assert_string_equal(heard(), "behind");
    assert_null(heard());
    assert_int_equal(torn, 2);
    munmap(p, 2 * page);
    close(fd);
}

/* Somebody who cannot be reached costs nobody else an answer. */
static void test_udp_unreachable(void **state)
{
    struct selv_net_address bad;
    (void)state;
    assert_true(selv_net_parse("255.255.255.255:9", &bad));
    assert_int_equal(send(peer, "?", 1, 0), 1);
    assert_int_equal(selv_udp_receive(udp), 1);
    struct selv_buf out = selv_udp_out(udp);
    out.len = 1;
    selv_udp_put_to(udp, &bad, &no_local, &out, selv_bytes(NULL, 0));
    reply(0, "good", selv_bytes(NULL, 0));
    assert_int_equal(selv_udp_send(udp), 1);
    assert_string_equal(heard(), "good");
}

/* A socket on all addresses: each answer, and what is sent unasked, comes from
 * the address that was asked. wild: "0.0.0.0:0"; asked: an address of ours. */
static void from_asked(const char *wild, const char *asked)
{
    struct selv_net_address all;
    struct selv_net_address to;
    struct selv_net_address got;
    struct selv_bytes in;
    const struct selv_net_address *from;
    char text[SELV_NET_TEXT_LEN + 8];
    char c[2];
    assert_true(selv_net_parse(wild, &all));
    struct selv_udp *server =
        selv_udp_open(selv_net_bind(&all, SOCK_DGRAM), NULL, NULL);
    assert_non_null(server);
    selv_net_text(&all, text);
    char port[16];
    snprintf(port, sizeof port, "%s", strrchr(text, ':'));
    snprintf(text, sizeof text, "%s%s", asked, port);
    assert_true(selv_net_parse(text, &to));
    struct selv_net_address any;
    assert_true(selv_net_parse(wild, &any));
    int client = selv_net_bind(&any, SOCK_DGRAM);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(
            sendto(client, "?", 1, 0, (const struct sockaddr *)&to.sa, to.len),
            1);
        struct pollfd p = {.fd = selv_udp_fd(server), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 1000), 1);
        assert_int_equal(selv_udp_receive(server), 1);
        assert_true(selv_udp_get(server, 0, &in, &from));
        const struct selv_net_local local = *selv_udp_local(server, 0);
        struct selv_net_address peer_address = *from;
        struct selv_buf out = selv_udp_out(server);
        out.p[0] = 'a';
        out.len = 1;
        selv_udp_put(server, 0, &out, selv_bytes("b", 1));
        out = selv_udp_out(server);
        out.p[0] = 'a';
        out.len = 1;
        selv_udp_put_to(server, &peer_address, &local, &out,
                        selv_bytes("b", 1));
        assert_int_equal(selv_udp_send(server), 0);
        for (unsigned i = 0; i < 2; i++) {
            p.fd = client;
            assert_int_equal(poll(&p, 1, 1000), 1);
            got.len = sizeof got.sa;
            assert_int_equal(
                recvfrom(client, c, 2, 0, (struct sockaddr *)&got.sa, &got.len),
                2);
            char from_text[SELV_NET_TEXT_LEN];
            selv_net_text(&got, from_text);
            assert_string_equal(from_text, text);
        }
    }
    close(client);
    selv_udp_close(server);
}

static void test_udp_answers_from_the_address_asked(void **state)
{
    struct selv_net_address six;
    (void)state;
    from_asked("0.0.0.0:0", "127.0.0.1");
    from_asked("0.0.0.0:0", "127.0.0.2");
    assert_true(selv_net_parse("[::1]:0", &six));
    int fd = selv_net_bind(&six, SOCK_DGRAM);
    if (fd < 0) {
        print_message("no IPv6 here\n");
        return;
    }
    close(fd);
    from_asked("[::]:0", "[::1]");
}

static void test_net_shared(void **state)
{
    struct selv_net_address address;
    struct selv_net_address again;
    int fds[4];
    unsigned got[4] = {0};
    (void)state;
    assert_true(selv_net_parse("127.0.0.1:0", &address));
    assert_int_equal(selv_net_bind_shared(&address, fds, 4), 4);
    again = address;
    int other[2];
    /* Nobody else gets in between, sharing or not. */
    assert_int_equal(selv_net_bind_shared(&again, other, 2), 0);
    assert_int_equal(selv_net_bind(&again, SOCK_DGRAM), -1);
    for (unsigned i = 0; i < 200; i++) {
        struct selv_net_address any;
        assert_true(selv_net_parse("127.0.0.1:0", &any));
        int fd = selv_net_bind(&any, SOCK_DGRAM);
        for (unsigned j = 0; j < 2; j++) {
            assert_int_equal(sendto(fd, "x", 1, 0,
                                    (const struct sockaddr *)&address.sa,
                                    address.len),
                             1);
        }
        unsigned busy = 0;
        for (unsigned k = 0; k < 4; k++) {
            char c;
            ssize_t n = recv(fds[k], &c, 1, 0);
            if (n == 1) {
                assert_int_equal(recv(fds[k], &c, 1, 0), 1);
                got[k]++;
                busy++;
            }
        }
        assert_int_equal(busy, 1); /* one peer, one socket */
        close(fd);
    }
    for (unsigned k = 0; k < 4; k++) {
        assert_in_range(got[k], 20, 80);
        close(fds[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_udp_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_udp_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_udp_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_udp_unreachable, setup, teardown),
        cmocka_unit_test(test_udp_answers_from_the_address_asked),
        cmocka_unit_test(test_net_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
