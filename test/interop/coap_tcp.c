/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_tcp.c - the client engines over TCP, through the port's connection, for
 * tests against other servers.
 *
 *   coap_tcp get SZX coap+tcp://127.0.0.1:PORT/PATH FILE    body to FILE
 *   coap_tcp put SZX coap+tcp://127.0.0.1:PORT/PATH FILE    body from FILE
 *   coap_tcp fetch SZX coap+tcp://127.0.0.1:PORT/PATH FILE  64 blocks at once
 *   coap_tcp watch SECONDS coap+tcp://127.0.0.1:PORT/PATH FILE
 *                                 a line of FILE for each state that was told
 *
 * Prints "done 2.05" or "failed ERROR CODE". Exit codes: 0 done, 1 failed,
 * 2 usage, 3 environment. */
#include "coap/fetch.h"
#include "coap/observe.h"
#include "posix/tcp.h"
#include "test/interop/udp.h"

#define SLOTS 64u
#define SECONDS 60u

static struct selv_posix_tcp *tcp;
static uint8_t body[FILE_MAX];
static size_t body_len;
static struct selv_coap_event event;
static uint8_t tx[DATAGRAM_MAX];
static uint8_t rx[2048];

/* The next datagram, at the latest at until_ms; empty: none. */
static struct selv_bytes next(uint64_t until_ms)
{
    for (;;) {
        size_t len = selv_posix_tcp_receive(tcp, rx, sizeof rx);
        uint64_t now = selv_posix_now_ms();
        uint64_t at_ms = selv_posix_tcp_until_ms(tcp);
        struct pollfd fd;
        if (len > 0 || now >= until_ms) {
            return selv_bytes(rx, len);
        }
        at_ms = at_ms < until_ms ? at_ms : until_ms;
        nfds_t count = selv_posix_tcp_fd(tcp, &fd) ? 1 : 0;
        (void)poll(&fd, count,
                   at_ms > now + 1000 ? 1000
                   : at_ms > now      ? (int)(at_ms - now)
                                      : 0);
    }
}

static void keep(void)
{
    must(event.offset + event.payload.len <= sizeof body, "too long");
    memcpy(body + event.offset, event.payload.p, event.payload.len);
    if (event.offset + event.payload.len > body_len) {
        body_len = event.offset + event.payload.len;
    }
}

static bool transfer(const struct selv_coap_request *rq)
{
    static struct selv_coap_client client;
    uint8_t random[8];
    random_fill(random);
    selv_coap_client_init(&client);
    must(selv_coap_client_start(&client, rq, random, selv_posix_now_ms()) ==
             SELV_OK,
         "start");
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_bytes datagram;
        switch (
            selv_coap_client_poll(&client, selv_posix_now_ms(), &out, &event)) {
        case SELV_COAP_SEND:
            selv_posix_tcp_send(tcp, selv_bytes(tx, out.len));
            break;
        case SELV_COAP_BLOCK:
            keep();
            break;
        case SELV_COAP_DONE:
            return true;
        case SELV_COAP_FAILED:
            return false;
        case SELV_COAP_WAIT:
        default:
            datagram = next(event.until_ms);
            if (datagram.len > 0) {
                (void)selv_coap_client_feed(&client, selv_posix_now_ms(),
                                            datagram);
            }
            break;
        }
    }
}

static bool fetch(const struct selv_coap_request *rq)
{
    static struct selv_coap_path path;
    static struct selv_coap_fetch f;
    static struct selv_coap_fetch_slot slots[SLOTS];
    uint8_t random[8];
    random_fill(random);
    selv_coap_path_init(&path, selv_get_be32(random));
    selv_coap_fetch_init(&f, &path, slots, SLOTS);
    must(selv_coap_fetch_start(&f, rq, random, selv_posix_now_ms()) == SELV_OK,
         "start");
    for (bool is_wanted = false;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_bytes datagram;
        switch (selv_coap_fetch_poll(&f, selv_posix_now_ms(), &out, &event)) {
        case SELV_COAP_FETCH_SEND:
            selv_posix_tcp_send(tcp, selv_bytes(tx, out.len));
            break;
        case SELV_COAP_FETCH_BLOCK:
            keep();
            break;
        case SELV_COAP_FETCH_WANT:
            if (is_wanted) {
                selv_coap_fetch_all(&f);
            } else {
                must(selv_coap_fetch_want(&f, 0, SELV_COAP_FETCH_TO_END) ==
                         SELV_OK,
                     "want");
            }
            is_wanted = true;
            break;
        case SELV_COAP_FETCH_DONE:
            return true;
        case SELV_COAP_FETCH_FAILED:
            return false;
        case SELV_COAP_FETCH_WAIT:
        default:
            datagram = next(event.until_ms);
            if (datagram.len > 0) {
                (void)selv_coap_fetch_feed(&f, selv_posix_now_ms(), datagram);
            }
            break;
        }
    }
}

static bool watch(const struct selv_coap_request *rq, unsigned seconds)
{
    static struct selv_coap_watch w;
    uint64_t end_ms = selv_posix_now_ms() + seconds * 1000u;
    struct selv_coap_news news;
    uint8_t random[8];
    random_fill(random);
    selv_coap_watch_init(&w, true);
    must(selv_coap_watch_start(&w, rq, random, selv_posix_now_ms()) == SELV_OK,
         "start");
    for (bool is_over = false;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_bytes datagram;
        uint64_t now = selv_posix_now_ms();
        if (now >= end_ms && !is_over) {
            selv_coap_watch_stop(&w, now);
            is_over = true;
        }
        switch (selv_coap_watch_poll(&w, now, &out, &news)) {
        case SELV_COAP_WATCH_SEND:
            selv_posix_tcp_send(tcp, selv_bytes(tx, out.len));
            break;
        case SELV_COAP_WATCH_NEWS:
            event.code = news.code;
            memcpy(body + body_len, news.payload.p, news.payload.len);
            body_len += news.payload.len;
            body[body_len++] = '\n';
            break;
        case SELV_COAP_WATCH_DONE:
            return true;
        case SELV_COAP_WATCH_FAILED:
            event.code = news.code;
            event.err = news.err;
            return false;
        case SELV_COAP_WATCH_WAIT:
        default:
            datagram = next(news.until_ms < end_ms || is_over ? news.until_ms
                                                              : end_ms);
            if (datagram.len > 0) {
                (void)selv_coap_watch_feed(&w, selv_posix_now_ms(), datagram);
            }
            break;
        }
    }
}

int main(int argc, char **argv)
{
    struct selv_posix_why why;
    struct selv_coap_uri uri;
    char plain[300];
    char base[300];
    size_t host_len;
    if (argc != 5 || !selv_posix_tcp_is(argv[3]) || strlen(argv[3]) > 250) {
        fprintf(stderr, "usage: coap_tcp get|put|fetch|watch SZX URI FILE\n");
        return 2;
    }
    snprintf(plain, sizeof plain, "coap%s", argv[3] + strlen("coap+tcp"));
    if (selv_coap_uri_parse(selv_bytes(plain, strlen(plain)), &uri) !=
        SELV_OK) {
        return 2;
    }
    host_len =
        strlen("coap+tcp://") + strcspn(argv[3] + strlen("coap+tcp://"), "/");
    snprintf(base, sizeof base, "%.*s", (int)host_len, argv[3]);
    tcp = selv_posix_tcp_open(base, &why);
    must(tcp != NULL, "open");

    bool is_put = strcmp(argv[1], "put") == 0;
    bool is_watch = strcmp(argv[1], "watch") == 0;
    struct selv_coap_request rq = {
        .code = is_put ? SELV_COAP_PUT : SELV_COAP_GET,
        .szx = is_watch ? SELV_COAP_SZX_MAX : (uint8_t)atoi(argv[2]),
        .content_format = is_put ? SELV_COAP_OCTETS : SELV_COAP_NO_FORMAT,
        .accept = SELV_COAP_NO_FORMAT,
        .path = uri.path,
        .query = uri.query,
        .body_max = FILE_MAX,
        .deadline_ms = SECONDS * 1000};
    if (is_put) {
        rq.payload = file_read(argv[4]);
    }
    bool is_done = is_watch ? watch(&rq, (unsigned)atoi(argv[2]))
                   : strcmp(argv[1], "fetch") == 0 ? fetch(&rq)
                                                   : transfer(&rq);
    selv_posix_tcp_close(tcp);
    if (!is_put) {
        file_write(argv[4], selv_bytes(body, body_len));
    }
    printf("%s", is_done ? "done" : "failed");
    if (!is_done) {
        printf(" %d", (int)event.err);
    }
    printf(" %d.%02d\n", event.code >> 5, event.code & 31);
    return is_done ? 0 : 1;
}
