/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_serve.c - the server engine over UDP, for tests against other clients.
 *
 *   coap_serve GIVE TAKE [SZX]
 *
 * GET /file answers with the file GIVE, in blocks of SZX (6) at most; PUT /up
 * writes the body to TAKE; GET /later answers "late" by a separate response
 * 300 ms later; GET /.well-known/core lists these. Prints "listening PORT" when
 * ready. Ends by itself when nothing has come for 60 s. */
#include "test/interop/udp.h"

#define UPLOADS 4u

struct server {
    struct selv_coap_server s;
    struct selv_coap_seen seen[64];
    struct selv_coap_upload up[UPLOADS];
    struct selv_coap_later later;
    uint8_t later_buf[64];
    uint64_t later_ms; /* when the late answer is ready; 0: it is, or none */
    bool is_later;
    struct selv_bytes give;
    const char *take;
    uint8_t szx;
    int fd;
};

static const struct selv_coap_resource links[] = {
    {"file", "test.file", NULL, SELV_COAP_OCTETS, false},
    {"up", "test.up", NULL, SELV_COAP_NO_FORMAT, false},
    {"later", NULL, NULL, SELV_COAP_TEXT, false},
};

static void file_give(struct server *s, const struct selv_coap_peer *peer,
                      const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    if (selv_coap_slice(rq, (uint32_t)s->give.len, s->szx, &slice) != SELV_OK) {
        selv_coap_reply_code(&s->s, rq, SELV_COAP_BAD_REQUEST, "no such block",
                             out);
        return;
    }
    selv_coap_reply_begin(&s->s, rq, SELV_COAP_CONTENT, out, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes("v1", 2), SELV_COAP_OCTETS,
                          60);
    selv_coap_write_payload(&w,
                            selv_bytes(s->give.p + slice.offset, slice.len));
    must(selv_coap_reply_end(&s->s, now_ms(), peer, rq, &w, SELV_COAP_RECOMPUTE,
                             out) == SELV_OK,
         "reply");
}

static void file_take(struct server *s, const struct selv_coap_peer *peer,
                      const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_coap_writer w;
    struct selv_coap_upload *u =
        selv_coap_upload_find(s->up, UPLOADS, now_ms(), peer, 0, rq);
    uint8_t code = selv_coap_upload_feed(u, now_ms(), peer, 0, rq);
    bool is_whole = code == 0;
    if (is_whole) {
        file_write(s->take, selv_bytes(u->body.p, u->body.len));
        code = SELV_COAP_CHANGED;
    }
    selv_coap_reply_begin(&s->s, rq, code, out, &w);
    selv_coap_write_upload(&w, u, rq, code, s->szx);
    must(selv_coap_reply_end(&s->s, now_ms(), peer, rq, &w,
                             is_whole ? SELV_COAP_KEEP : SELV_COAP_RECOMPUTE,
                             out) == SELV_OK,
         "reply");
    if (is_whole) {
        selv_coap_upload_end(u);
    }
}

static void request_take(struct server *s, const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq, struct selv_buf *out)
{
    bool is_get = rq->code == SELV_COAP_GET;
    if (selv_coap_path_match(rq, ".well-known/core", NULL)) {
        must(selv_coap_reply_core(&s->s, rq, links, 3, s->szx, out) == SELV_OK,
             "links");
    } else if (is_get && selv_coap_path_match(rq, "file", NULL)) {
        file_give(s, peer, rq, out);
    } else if (!is_get && selv_coap_path_match(rq, "up", NULL)) {
        file_take(s, peer, rq, out);
    } else if (is_get && selv_coap_path_match(rq, "later", NULL) &&
               !s->is_later) {
        selv_coap_later_begin(&s->s, &s->later, now_ms(), peer, rq, out);
        s->later_ms = now_ms() + 300;
        s->is_later = true;
    } else {
        selv_coap_reply_code(&s->s, rq, SELV_COAP_NOT_FOUND, "no such thing",
                             out);
    }
}

/* The peer is the socket address. */
static struct selv_coap_peer peer_of(const struct sockaddr_in *from)
{
    struct selv_coap_peer peer = {6, {0}};
    memcpy(peer.addr, &from->sin_addr, 4);
    memcpy(peer.addr + 4, &from->sin_port, 2);
    return peer;
}

static void reply_send(const struct server *s,
                       const struct selv_coap_peer *peer,
                       struct selv_bytes datagram)
{
    struct sockaddr_in to = loopback(0);
    memcpy(&to.sin_addr, peer->addr, 4);
    memcpy(&to.sin_port, peer->addr + 4, 2);
    (void)!sendto(s->fd, datagram.p, datagram.len, 0, (struct sockaddr *)&to,
                  sizeof to);
}

/* Runs the late answer; when to look again. */
static uint64_t later_run(struct server *s)
{
    uint64_t until_ms = UINT64_MAX;
    enum selv_err err;
    struct selv_bytes datagram;
    if (s->later_ms > now_ms()) {
        return s->later_ms;
    }
    if (s->later_ms != 0) {
        struct selv_buf out = {s->later_buf, sizeof s->later_buf, 0};
        struct selv_coap_writer w;
        s->later_ms = 0;
        selv_coap_later_reply_begin(&s->s, &s->later, SELV_COAP_CONTENT, &out,
                                    &w);
        selv_coap_write_payload(&w, selv_bytes("late", 4));
        must(selv_coap_later_reply_end(&s->s, &s->later, now_ms(), &w) ==
                 SELV_OK,
             "late reply");
    }
    while (s->is_later) {
        enum selv_coap_action a = selv_coap_later_poll(
            &s->later, now_ms(), &until_ms, &datagram, &err);
        if (a == SELV_COAP_SEND) {
            reply_send(s, &s->later.peer, datagram);
        } else if (a == SELV_COAP_WAIT) {
            return until_ms;
        } else {
            s->is_later = false;
        }
    }
    return UINT64_MAX;
}

static void datagram_take(struct server *s, struct selv_bytes in,
                          const struct sockaddr_in *from)
{
    static uint8_t tx[DATAGRAM_MAX];
    struct selv_buf out = {tx, sizeof tx, 0};
    struct selv_coap_msg rq;
    struct selv_coap_peer peer = peer_of(from);
    if (s->is_later && selv_coap_later_feed(&s->later, &peer, in)) {
        return;
    }
    if (selv_coap_server_feed(&s->s, now_ms(), &peer, in, &rq, &out) ==
        SELV_COAP_REQUEST) {
        request_take(s, &peer, &rq, &out);
    }
    if (out.len > 0) {
        reply_send(s, &peer, selv_bytes(tx, out.len));
    }
}

static void server_open(struct server *s)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    uint8_t random[8];
    random_fill(random);
    selv_coap_server_init(&s->s, s->seen, 64, random);
    for (size_t i = 0; i < UPLOADS; i++) {
        static uint8_t bodies[UPLOADS][FILE_MAX];
        struct selv_buf buf = {bodies[i], FILE_MAX, 0};
        selv_coap_upload_init(&s->up[i], buf);
    }
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(s->fd >= 0, "socket");
    must(bind(s->fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    must(getsockname(s->fd, (struct sockaddr *)&at, &len) == 0, "port");
    printf("listening %u\n", ntohs(at.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct server s;
    static uint8_t rx[DATAGRAM_MAX];
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: coap_serve GIVE TAKE [SZX]\n");
        return 2;
    }
    s.give = file_read(argv[1]);
    s.take = argv[2];
    s.szx = argc > 3 ? (uint8_t)atoi(argv[3]) : SELV_COAP_SZX_MAX;
    server_open(&s);
    uint64_t end_ms = now_ms() + 60000;
    while (now_ms() < end_ms) {
        struct sockaddr_in from;
        uint64_t until_ms = later_run(&s);
        ssize_t len =
            receive(s.fd, until_ms < end_ms ? until_ms : end_ms, rx, &from);
        if (len >= 0) {
            datagram_take(&s, selv_bytes(rx, (size_t)len), &from);
            end_ms = now_ms() + 60000;
        }
    }
    return 0;
}
