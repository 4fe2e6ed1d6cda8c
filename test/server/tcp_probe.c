/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp_probe.c - a peer over TCP that does as it is told, wrong things too.
 *
 * usage: tcp_probe [-n COUNT] HOST:PORT STEP...
 *   +HEX         send these bytes
 *   ~MS,HEX      send them one by one, one each MS milliseconds
 *   g/PATH       send GET /PATH; with ,NUM,SZX also Block2
 *   =MS          read until nothing has come for MS milliseconds, or the end
 *   !MS          wait, without reading
 *   b/PATH,FILE  GET /PATH in BERT blocks into FILE; prints the requests that
 *                it took
 *   z            half-close: no more is sent
 * With -n, COUNT connections are opened first and each takes each step. Then a
 * line for each connection: what came in hex, and `closed` if it was. Exit code
 * 1: could not connect; 2: usage. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/tcp.h"

#define CONNECTIONS_MAX 4096
#define HEARD_MAX 2000u

struct connection {
    int fd;
    bool is_closed;
    size_t len;
    uint8_t heard[HEARD_MAX];
};

static struct connection all[CONNECTIONS_MAX];

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void put(struct connection *c, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n < 0) {
            return;
        }
        p += n;
        len -= (size_t)n;
    }
}

static void put_hex(struct connection *c, const char *text, long pause_ms)
{
    uint8_t bytes[8192];
    size_t len = 0;
    unsigned byte;
    for (; sscanf(text, "%2x", &byte) == 1 && len < sizeof bytes; text += 2) {
        bytes[len++] = (uint8_t)byte;
    }
    for (size_t i = 0; pause_ms > 0 && i < len; i++) {
        put(c, bytes + i, 1);
        nap(pause_ms);
    }
    if (pause_ms == 0) {
        put(c, bytes, len);
    }
}

/* More bytes; 0: none within ms, or the end. */
static size_t take(struct connection *c, uint8_t *p, size_t cap, int ms)
{
    struct pollfd wait = {c->fd, POLLIN, 0};
    if (c->is_closed || poll(&wait, 1, ms) <= 0) {
        return 0;
    }
    ssize_t n = recv(c->fd, p, cap, 0);
    c->is_closed = n <= 0;
    return n > 0 ? (size_t)n : 0;
}

static void hear(struct connection *c, int ms)
{
    uint8_t in[4096];
    size_t n;
    while ((n = take(c, in, sizeof in, ms)) > 0) {
        size_t room = sizeof c->heard - c->len;
        memcpy(c->heard + c->len, in, n < room ? n : room);
        c->len += n < room ? n : room;
    }
}

/* block: "NUM,SZX" or NULL. */
static void get(struct connection *c, const char *path, size_t path_len,
                const char *block)
{
    uint8_t buf[600];
    struct selv_coap_writer w;
    struct selv_coap_block b = {0, 0, false};
    struct selv_bytes frame;
    size_t len;
    selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_CON, SELV_COAP_GET, 0,
                          selv_bytes("tk", 2));
    selv_coap_write_path(&w, selv_bytes(path, path_len));
    if (block != NULL) {
        unsigned num, szx;
        if (sscanf(block, "%u,%u", &num, &szx) == 2) {
            b.num = num;
            b.szx = (uint8_t)szx;
        }
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &b);
    }
    if (selv_coap_write_end(&w, &len) != SELV_OK) {
        exit(2);
    }
    struct selv_buf datagram = {buf, sizeof buf, len};
    if (selv_coap_tcp_wrap(&datagram, UINT32_MAX, &frame) == SELV_OK) {
        put(c, frame.p, frame.len);
    }
}

static void bert(struct connection *c, const char *path, size_t path_len,
                 const char *file)
{
    static uint8_t in[65536];
    struct selv_coap_tcp engine;
    struct selv_coap_tcp_event event;
    struct selv_buf buf = {in, sizeof in, 0};
    FILE *to = fopen(file, "wb");
    unsigned requests = 0;
    uint32_t offset = 0;
    bool more = to != NULL;
    selv_coap_tcp_init(&engine, buf, 0);
    while (more) {
        uint8_t bytes[4096], tx[SELV_COAP_REPLY_MAX];
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_coap_msg m;
        char block[32];
        switch (selv_coap_tcp_poll(&engine, 0, &out, &event)) {
        case SELV_COAP_TCP_SEND:
            put(c, out.p, out.len);
            if (requests == 0) {
                get(c, path, path_len, "0,7");
                requests++;
            }
            break;
        case SELV_COAP_TCP_RESPONSE:
            if (selv_coap_parse(event.message, &m) != SELV_OK ||
                m.code != SELV_COAP_CONTENT) {
                printf("code %u\n", m.code);
                more = false;
                break;
            }
            fwrite(m.payload.p, 1, m.payload.len, to);
            offset += (uint32_t)m.payload.len;
            more = (m.has & SELV_COAP_HAS_BLOCK2) != 0 && m.block2.more;
            if (more) {
                snprintf(block, sizeof block, "%u,7", offset / 1024);
                get(c, path, path_len, block);
                requests++;
            }
            break;
        case SELV_COAP_TCP_WAIT: {
            size_t n = take(c, bytes, sizeof bytes, 5000);
            if (n == 0) {
                more = false;
            }
            for (size_t at = 0; at < n;) {
                size_t took = selv_coap_tcp_feed(
                    &engine, 0, selv_bytes(bytes + at, n - at));
                SELV_ASSERT(took > 0);
                at += took;
            }
            break;
        }
        default:
            more = false;
            break;
        }
    }
    printf("%u\n", requests);
    if (to != NULL) {
        fclose(to);
    }
}

static void step(struct connection *c, const char *s)
{
    const char *comma = strchr(s, ',');
    size_t path_len = comma != NULL ? (size_t)(comma - s - 2) : strlen(s) - 2;
    switch (*s) {
    case '+':
        put_hex(c, s + 1, 0);
        break;
    case '~':
        put_hex(c, comma != NULL ? comma + 1 : "", atol(s + 1));
        break;
    case 'g':
        get(c, s + 2, path_len, comma != NULL ? comma + 1 : NULL);
        break;
    case '=':
        hear(c, atoi(s + 1));
        break;
    case '!':
        nap(atol(s + 1));
        break;
    case 'b':
        bert(c, s + 2, path_len, comma != NULL ? comma + 1 : "");
        break;
    case 'z':
        (void)shutdown(c->fd, SHUT_WR);
        break;
    default:
        exit(2);
    }
}

static bool dial(struct connection *c, const char *where)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[64];
    unsigned port;
    if (sscanf(where, "%63[^:]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        exit(2);
    }
    to.sin_port = htons((uint16_t)port);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    return c->fd >= 0 && connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

int main(int argc, char **argv)
{
    int count = 1;
    int at = 1;
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        count = atoi(argv[2]);
        at = 3;
    }
    if (at >= argc || count < 1 || count > CONNECTIONS_MAX) {
        return 2;
    }
    for (int i = 0; i < count; i++) {
        if (!dial(&all[i], argv[at])) {
            return 1;
        }
    }
    for (int s = at + 1; s < argc; s++) {
        for (int i = 0; i < count; i++) {
            step(&all[i], argv[s]);
        }
    }
    for (int i = 0; i < count; i++) {
        for (size_t n = 0; n < all[i].len; n++) {
            printf("%02x", all[i].heard[n]);
        }
        puts(all[i].is_closed ? " closed" : "");
    }
    return 0;
}
