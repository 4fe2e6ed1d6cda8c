/* SPDX-License-Identifier: Apache-2.0
 *
 * server_tcp.c - closed-loop load for selvaged over TCP: on each connection the
 * next request leaves when its answer has come.
 *
 * usage: bench_server_tcp HOST:PORT PID SECONDS CLIENTS poll ID ETAG
 *        bench_server_tcp HOST:PORT PID SECONDS CLIENTS image NAME SZX BYTES
 *   poll   GET /m?d=ID with the ETag, expects 2.03
 *   image  GET /i/NAME in blocks of SZX (7: BERT) from 0 to its end, again and
 *          again
 * Prints one line: answers a second, microseconds of the CPU time of process
 * PID for each, bodies a second. Exit code 1: a wrong answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/tcp.h"

#define CLIENTS_MAX 1024
#define IN_LEN 65538u

struct client {
    int fd;
    uint32_t offset;
    struct selv_coap_tcp c;
    uint8_t in[IN_LEN];
};

static struct client *clients[CLIENTS_MAX];
static bool is_poll;
static const char *name;
static uint8_t etag[8];
static uint8_t szx;
static uint32_t total;
static uint64_t answers, bodies, wrongs;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* utime and stime, fields 14 and 15 of stat, in ticks. */
static double cpu_s(int pid)
{
    char path[64];
    char line[1024] = "";
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *rest = strrchr(line, ')');
        if (rest != NULL) {
            (void)!sscanf(rest,
                          ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu "
                          "%lu",
                          &user, &system_time);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static void put(struct client *c, struct selv_bytes frame)
{
    if (send(c->fd, frame.p, frame.len, MSG_NOSIGNAL) != (ssize_t)frame.len) {
        perror("send");
        exit(3);
    }
}

static void ask(struct client *c)
{
    uint8_t buf[200];
    struct selv_coap_writer w;
    struct selv_bytes frame;
    struct selv_coap_block block = {
        c->offset >> (szx < SELV_COAP_SZX_BERT ? szx + 4u : 10u), szx, false};
    size_t len;
    selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_CON, SELV_COAP_GET, 0,
                          selv_bytes("t", 1));
    if (is_poll) {
        char query[20];
        int n = snprintf(query, sizeof query, "d=%s", name);
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG,
                            selv_bytes(etag, sizeof etag));
        selv_coap_write_path(&w, selv_bytes("m", 1));
        selv_coap_write_query(&w, selv_bytes(query, (size_t)n));
    } else {
        selv_coap_write_path(&w, selv_bytes("i", 1));
        selv_coap_write_path(&w, selv_bytes(name, strlen(name)));
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &block);
    }
    struct selv_buf datagram = {buf, sizeof buf, 0};
    if (selv_coap_write_end(&w, &len) != SELV_OK) {
        exit(3);
    }
    datagram.len = len;
    if (selv_coap_tcp_wrap(&datagram, UINT32_MAX, &frame) == SELV_OK) {
        put(c, frame);
    }
}

static void take(struct client *c, struct selv_bytes message)
{
    struct selv_coap_msg m;
    enum selv_err err = selv_coap_parse(message, &m);
    answers++;
    if (err || m.code != (is_poll ? SELV_COAP_VALID : SELV_COAP_CONTENT)) {
        wrongs++;
    }
    if (!is_poll) {
        c->offset += (uint32_t)m.payload.len;
        wrongs += m.payload.len == 0;
        if (c->offset >= total) {
            c->offset = 0;
            bodies++;
        }
    }
    ask(c);
}

static void run(struct client *c)
{
    static uint8_t bytes[IN_LEN];
    for (;;) {
        uint8_t tx[SELV_COAP_REPLY_MAX];
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_coap_tcp_event event;
        size_t room;
        ssize_t n;
        switch (selv_coap_tcp_poll(&c->c, 0, &out, &event)) {
        case SELV_COAP_TCP_SEND:
            put(c, selv_bytes(out.p, out.len));
            break;
        case SELV_COAP_TCP_RESPONSE:
            take(c, event.message);
            break;
        case SELV_COAP_TCP_WAIT:
            room = selv_coap_tcp_room(&c->c);
            n = recv(c->fd, bytes, room < sizeof bytes ? room : sizeof bytes,
                     MSG_DONTWAIT);
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                return;
            }
            if (n <= 0) {
                fprintf(stderr, "the server has closed\n");
                exit(3);
            }
            (void)selv_coap_tcp_feed(&c->c, 0, selv_bytes(bytes, (size_t)n));
            break;
        case SELV_COAP_TCP_REQUEST:
        case SELV_COAP_TCP_RELEASED:
        case SELV_COAP_TCP_CLOSE:
        default:
            exit(3);
        }
    }
}

static struct client *dial(const struct sockaddr_in *to)
{
    int one = 1;
    struct client *c = calloc(1, sizeof *c);
    struct selv_buf in = {NULL, IN_LEN, 0};
    if (c == NULL) {
        exit(3);
    }
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (const struct sockaddr *)to, sizeof *to) < 0) {
        perror("connect");
        exit(3);
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    in.p = c->in;
    selv_coap_tcp_init(&c->c, in, 0);
    return c;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[64];
    unsigned port;
    if (argc < 8 || sscanf(argv[1], "%63[^:]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        fprintf(stderr, "usage: see the head of bench/server_tcp.c\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)port);
    int pid = atoi(argv[2]);
    double seconds = atof(argv[3]);
    int count = atoi(argv[4]);
    is_poll = strcmp(argv[5], "poll") == 0;
    name = argv[6];
    if (count < 1 || count > CLIENTS_MAX || (!is_poll && argc < 9)) {
        return 2;
    }
    for (size_t i = 0; is_poll && i < sizeof etag; i++) {
        unsigned byte = 0;
        (void)!sscanf(argv[7] + 2 * i, "%2x", &byte);
        etag[i] = (uint8_t)byte;
    }
    if (!is_poll) {
        szx = (uint8_t)atoi(argv[7]);
        total = (uint32_t)atol(argv[8]);
    }
    int epoll_fd = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        clients[i] = dial(&to);
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i]->fd, &event);
        run(clients[i]);
    }
    for (int i = 0; i < count; i++) {
        ask(clients[i]);
    }
    uint64_t begin = now_ns();
    double cpu = cpu_s(pid);
    uint64_t now = begin;
    while ((double)(now - begin) < seconds * 1e9) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll_fd, events, 64, 50);
        for (int i = 0; i < n; i++) {
            run(clients[events[i].data.u32]);
        }
        now = now_ns();
    }
    double s = (double)(now - begin) / 1e9;
    cpu = cpu_s(pid) - cpu;
    printf("%.0f %.2f %.1f\n", (double)answers / s,
           answers > 0 ? cpu * 1e6 / (double)answers : 0.0, (double)bodies / s);
    return wrongs == 0 ? 0 : 1;
}
