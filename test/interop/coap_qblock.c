/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_qblock.c - Q-Block over UDP [RFC 9177], for tests against others.
 *
 *   coap_qblock get SZX coap://127.0.0.1:PORT/PATH FILE   body to FILE
 *   coap_qblock put SZX coap://127.0.0.1:PORT/PATH FILE   body from FILE
 *   coap_qblock serve GIVE TAKE
 *
 * A peer that does not know the options is asked with coap.h's client.
 * serve: GET /file and PUT /up as coap_serve, and GET /.well-known/core, which
 * libcoap tries the option on (4.3.4 on the
 * root, which is the same here). Prints "listening PORT", then what it was
 * asked for: "Q-Block2", "Q-Block1" or "plain". Ends when nothing comes for 60
 * s. LOSE=N,N,... in the environment: these datagrams of those that come in,
 * from 1 on, are lost.
 *
 * Prints "done 2.05 q-block", "done 2.05 blocks", or "failed ERROR CODE". Exit
 * codes: 0 done, 1 failed, 2 usage, 3 environment. */
#include "coap/qblock.h"
#include "test/interop/udp.h"

#define SENDS 4u
#define TAKES 4u
#define DEADLINE_MS 120000u

static bool is_lost(void)
{
    static unsigned long count;
    const char *list = getenv("LOSE");
    count++;
    while (list != NULL && *list != 0) {
        char *end;
        unsigned long n = strtoul(list, &end, 10);
        if (end == list) {
            return false;
        }
        if (n == count) {
            return true;
        }
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

/* ---- client ---- */

static union {
    struct selv_coap_qclient q;
    struct selv_coap_client plain;
} client;
static struct selv_coap_event event;
static uint8_t body[FILE_MAX];
static size_t body_len;

static enum selv_coap_action client_run(int fd, bool is_q)
{
    static uint8_t tx[DATAGRAM_MAX];
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        enum selv_coap_action a =
            is_q ? selv_coap_qclient_poll(&client.q, now_ms(), &out, &event)
                 : selv_coap_client_poll(&client.plain, now_ms(), &out, &event);
        if (a == SELV_COAP_SEND) {
            (void)!send(fd, tx, out.len, 0);
        } else if (a == SELV_COAP_BLOCK) {
            size_t end = event.offset + event.payload.len;
            memcpy(body + event.offset, event.payload.p, event.payload.len);
            body_len = end > body_len ? end : body_len;
        } else {
            return a;
        }
    }
}

static bool transfer(int fd, const struct selv_coap_request *rq, bool is_q)
{
    static uint8_t rx[DATAGRAM_MAX];
    uint8_t random[8];
    random_fill(random);
    selv_coap_client_init(&client.plain);
    if (is_q) {
        selv_coap_qclient_init(&client.q);
    }
    must((is_q ? selv_coap_qclient_start(&client.q, rq, random, now_ms())
               : selv_coap_client_start(&client.plain, rq, random, now_ms())) ==
             SELV_OK,
         "start");
    for (;;) {
        enum selv_coap_action a = client_run(fd, is_q);
        struct sockaddr_in from;
        if (a != SELV_COAP_WAIT) {
            return a == SELV_COAP_DONE;
        }
        ssize_t len = receive(fd, event.until_ms, rx, &from);
        if (len < 0 || is_lost()) {
            continue;
        }
        struct selv_bytes in = selv_bytes(rx, (size_t)len);
        (void)(is_q ? selv_coap_qclient_feed(&client.q, now_ms(), in)
                    : selv_coap_client_feed(&client.plain, now_ms(), in));
    }
}

static int client_main(char **args, bool is_put)
{
    struct selv_coap_uri uri;
    struct selv_coap_request rq = {0};
    if (selv_coap_uri_parse(selv_bytes(args[1], strlen(args[1])), &uri)) {
        fprintf(stderr, "coap_qblock: what URI?\n");
        return 2;
    }
    rq.code = is_put ? SELV_COAP_PUT : SELV_COAP_GET;
    rq.szx = (uint8_t)atoi(args[0]);
    rq.content_format = is_put ? SELV_COAP_OCTETS : SELV_COAP_NO_FORMAT;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.path = uri.path;
    rq.query = uri.query;
    rq.body_max = FILE_MAX;
    rq.deadline_ms = DEADLINE_MS;
    if (is_put) {
        rq.payload = file_read(args[2]);
    }
    struct sockaddr_in to = loopback(uri.port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(fd >= 0, "socket");
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    bool is_q = true;
    bool is_done = transfer(fd, &rq, true);
    if (!is_done && event.err == SELV_ERR_COAP_OPTION) {
        is_q = false;
        is_done = transfer(fd, &rq, false);
    }
    int class = event.code >> 5;
    int detail = event.code & 31;
    if (!is_done) {
        printf("failed %d %d.%02d\n", (int)event.err, class, detail);
        return 1;
    }
    if (!is_put) {
        file_write(args[2], selv_bytes(body, body_len));
    }
    printf("done %d.%02d %s\n", class, detail, is_q ? "q-block" : "blocks");
    return 0;
}

/* ---- server ---- */

enum { FILE_BODY = 1, LINKS_BODY = 2, UP = 3 };

static struct server {
    struct selv_coap_server s;
    struct selv_coap_qsend sends[SENDS];
    struct selv_coap_qtake takes[TAKES];
    struct selv_bytes give;
    const char *take;
    int fd;
    uint64_t until_ms;
} server;

static const char links[] = "</file>;rt=\"test.file\";ct=42,</up>";

static void peer_send(const struct selv_coap_peer *peer, const uint8_t *p,
                      size_t len)
{
    struct sockaddr_in to = loopback(0);
    memcpy(&to.sin_addr, peer->addr, 4);
    memcpy(&to.sin_port, peer->addr + 4, 2);
    (void)!sendto(server.fd, p, len, 0, (struct sockaddr *)&to, sizeof to);
}

static struct selv_bytes body_of(uint32_t resource)
{
    return resource == FILE_BODY ? server.give
                                 : selv_bytes(links, sizeof links - 1);
}

static void due_send(void)
{
    static uint8_t tx[DATAGRAM_MAX];
    struct selv_coap_qsend *e;
    struct selv_coap_qtake *u;
    uint64_t until_ms;
    while ((e = selv_coap_qsend_poll(server.sends, SENDS, now_ms(),
                                     &server.until_ms)) != NULL) {
        struct selv_buf out = {tx, sizeof tx, 0};
        struct selv_coap_slice slice;
        struct selv_coap_writer w;
        struct selv_bytes all = body_of(e->resource);
        selv_coap_qsend_begin(&server.s, e, now_ms(), SELV_COAP_CONTENT, &slice,
                              &out, &w);
        selv_coap_write_qslice(&w, &slice, selv_bytes("v1", 2),
                               e->resource == FILE_BODY ? SELV_COAP_OCTETS
                                                        : SELV_COAP_LINK_FORMAT,
                               60);
        selv_coap_write_payload(&w,
                                selv_bytes(all.p + slice.offset, slice.len));
        must(selv_coap_write_end(&w, &out.len) == SELV_OK, "block");
        peer_send(&e->peer, tx, out.len);
    }
    while ((u = selv_coap_qtake_poll(server.takes, TAKES, now_ms(),
                                     &until_ms)) != NULL) {
        struct selv_buf out = {tx, sizeof tx, 0};
        selv_coap_qtake_missing(&server.s, u, now_ms(), &out);
        peer_send(&u->peer, tx, out.len);
    }
    server.until_ms = until_ms < server.until_ms ? until_ms : server.until_ms;
}

static void up_take(const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq,
                    const struct selv_coap_qblock *q, struct selv_buf *out)
{
    struct selv_coap_qtake *u =
        selv_coap_qtake_find(server.takes, TAKES, now_ms(), peer, UP, rq);
    uint8_t code = selv_coap_qtake_feed(u, now_ms(), peer, UP, rq, q);
    if (code == 0) {
        file_write(server.take, selv_bytes(u->body.p, u->body.len));
        code = SELV_COAP_CHANGED;
        selv_coap_qtake_answer(u, code, SELV_COAP_NO_FORMAT,
                               selv_bytes(NULL, 0));
    }
    selv_coap_qtake_reply(&server.s, u, rq, code, out);
}

/* A request by Block2, or without any option. */
static void plain_give(const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq, struct selv_bytes all,
                       struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    if (selv_coap_slice(rq, (uint32_t)all.len, SELV_COAP_SZX_MAX, &slice)) {
        selv_coap_reply_code(&server.s, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return;
    }
    selv_coap_reply_begin(&server.s, rq, SELV_COAP_CONTENT, out, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes("v1", 2), SELV_COAP_OCTETS,
                          60);
    selv_coap_write_payload(&w, selv_bytes(all.p + slice.offset, slice.len));
    must(selv_coap_reply_end(&server.s, now_ms(), peer, rq, &w,
                             SELV_COAP_RECOMPUTE, out) == SELV_OK,
         "reply");
}

static void request_take(const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_coap_qblock q;
    struct selv_coap_qsend *e;
    bool is_new;
    uint8_t code = selv_coap_qblock_read(rq, &q);
    uint32_t resource = selv_coap_path_match(rq, "file", NULL) ? FILE_BODY
                        : selv_coap_path_match(rq, ".well-known/core", NULL) ||
                                selv_coap_path_match(rq, "", NULL)
                            ? LINKS_BODY
                            : UP;
    const struct selv_coap_qbody is = {resource,
                                       (uint32_t)body_of(resource).len,
                                       selv_bytes("v1", 2), SELV_COAP_SZX_MAX};
    printf("%s\n", q.has_q1          ? "Q-Block1"
                   : q.q2_count != 0 ? "Q-Block2"
                                     : "plain");
    fflush(stdout);
    if (code == 0 && q.has_q1 && resource == UP) {
        up_take(peer, rq, &q, out);
        return;
    }
    if (code == 0 && q.q2_count == 0 && rq->code == SELV_COAP_GET) {
        plain_give(peer, rq, body_of(resource), out);
        return;
    }
    if (code == 0) {
        code =
            rq->code != SELV_COAP_GET || resource == UP
                ? SELV_COAP_NOT_ALLOWED
                : selv_coap_qsend_take(server.sends, SENDS, now_ms(), &server.s,
                                       peer, &is, rq, &q, &e, &is_new);
    }
    if (code != 0) {
        selv_coap_reply_code(&server.s, rq, code, NULL, out);
    }
}

static void datagram_take(struct selv_bytes in, const struct sockaddr_in *from)
{
    static uint8_t tx[DATAGRAM_MAX];
    struct selv_buf out = {tx, sizeof tx, 0};
    struct selv_coap_msg rq;
    struct selv_coap_peer peer = {6, {0}};
    memcpy(peer.addr, &from->sin_addr, 4);
    memcpy(peer.addr + 4, &from->sin_port, 2);
    if (selv_coap_qblock_feed(server.sends, SENDS, server.takes, TAKES,
                              now_ms(), &peer, in)) {
        return;
    }
    if (selv_coap_server_feed(&server.s, now_ms(), &peer, in, &rq, &out) ==
        SELV_COAP_REQUEST) {
        request_take(&peer, &rq, &out);
    }
    if (out.len > 0) {
        peer_send(&peer, tx, out.len);
    }
}

static int server_main(char **args)
{
    static uint8_t bodies[TAKES][FILE_MAX];
    static uint8_t rx[DATAGRAM_MAX];
    struct sockaddr_in at = loopback(0);
    socklen_t at_len = sizeof at;
    uint8_t random[8];
    random_fill(random);
    server.give = file_read(args[0]);
    server.take = args[1];
    selv_coap_server_init(&server.s, NULL, 0, random);
    selv_coap_server_know(&server.s, selv_coap_qblock_options, 2);
    for (size_t i = 0; i < TAKES; i++) {
        struct selv_buf buf = {bodies[i], FILE_MAX, 0};
        selv_coap_qtake_init(&server.takes[i], buf);
    }
    server.fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(server.fd >= 0, "socket");
    must(bind(server.fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    must(getsockname(server.fd, (struct sockaddr *)&at, &at_len) == 0, "port");
    printf("listening %u\n", ntohs(at.sin_port));
    fflush(stdout);
    uint64_t end_ms = now_ms() + 60000;
    while (now_ms() < end_ms) {
        struct sockaddr_in from;
        due_send();
        ssize_t len = receive(server.fd, server.until_ms, rx, &from);
        if (len >= 0 && !is_lost()) {
            datagram_take(selv_bytes(rx, (size_t)len), &from);
            end_ms = now_ms() + 60000;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0) {
        return server_main(argv + 2);
    }
    if (argc == 5 && strcmp(argv[1], "get") == 0) {
        return client_main(argv + 2, false);
    }
    if (argc == 5 && strcmp(argv[1], "put") == 0) {
        return client_main(argv + 2, true);
    }
    fprintf(stderr, "usage: coap_qblock get|put SZX URI FILE\n"
                    "       coap_qblock serve GIVE TAKE\n");
    return 2;
}
