/* SPDX-License-Identifier: Apache-2.0
 *
 * A server with a body to give, a body to take, links and a late answer,
 * against peers that say anything. What it sends is well formed and fits; what
 * it takes stays within its buffer.
 *
 * Input: records of peer and time (1: low 2 bits the peer, high 6 the seconds
 * that pass), len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SZX_MAX 3u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const struct selv_coap_resource links[] = {
    {"i", "a b", NULL, SELV_COAP_OCTETS, false},
    {"u", NULL, "c", SELV_COAP_NO_FORMAT, true},
};
static const uint8_t body[300] = {0};

struct world {
    struct selv_coap_server s;
    struct selv_coap_seen seen[9];
    struct selv_coap_upload up[2];
    uint8_t up_buf[2][200];
    struct selv_coap_later later;
    uint8_t later_buf[32];
    bool is_later;
    uint8_t tx[SELV_COAP_HEADER_MAX + 128];
    struct selv_buf out;
    uint64_t now;
};

static void give(struct world *w, const struct selv_coap_peer *peer,
                 const struct selv_coap_msg *rq)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer to;
    if (selv_coap_slice(rq, sizeof body, SZX_MAX, &slice) != SELV_OK) {
        selv_coap_reply_code(&w->s, rq, SELV_COAP_BAD_REQUEST, "block",
                             &w->out);
        return;
    }
    must(slice.offset + slice.len <= sizeof body);
    selv_coap_reply_begin(&w->s, rq, SELV_COAP_CONTENT, &w->out, &to);
    selv_coap_write_slice(&to, &slice, selv_bytes("e", 1), SELV_COAP_OCTETS, 1);
    selv_coap_write_payload(&to, selv_bytes(body + slice.offset, slice.len));
    must(selv_coap_reply_end(&w->s, w->now, peer, rq, &to, SELV_COAP_RECOMPUTE,
                             &w->out) == SELV_OK);
}

static void take(struct world *w, const struct selv_coap_peer *peer,
                 const struct selv_coap_msg *rq)
{
    struct selv_coap_writer to;
    struct selv_coap_upload *u =
        selv_coap_upload_find(w->up, 2, w->now, peer, 5, rq);
    uint8_t code = selv_coap_upload_feed(u, w->now, peer, 5, rq);
    must(u == NULL || u->body.len <= sizeof w->up_buf[0]);
    bool is_whole = code == 0;
    code = is_whole ? SELV_COAP_CHANGED : code;
    selv_coap_reply_begin(&w->s, rq, code, &w->out, &to);
    selv_coap_write_upload(&to, u, rq, code, SZX_MAX);
    must(selv_coap_reply_end(&w->s, w->now, peer, rq, &to,
                             is_whole ? SELV_COAP_KEEP : SELV_COAP_RECOMPUTE,
                             &w->out) == SELV_OK);
    if (is_whole) {
        selv_coap_upload_end(u);
    }
}

static void delay(struct world *w, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq)
{
    struct selv_coap_writer to;
    struct selv_buf buf = {w->later_buf, sizeof w->later_buf, 0};
    selv_coap_later_begin(&w->s, &w->later, w->now, peer, rq, &w->out);
    selv_coap_later_reply_begin(&w->s, &w->later, SELV_COAP_CONTENT, &buf, &to);
    must(selv_coap_later_reply_end(&w->s, &w->later, w->now, &to) == SELV_OK);
    w->is_later = true;
}

static void application(struct world *w, const struct selv_coap_peer *peer,
                        const struct selv_coap_msg *rq)
{
    must(rq->bad_option == 0 && rq->block1.szx <= 6 && rq->block2.szx <= 6);
    must(SELV_COAP_CLASS(rq->code) == 0 && rq->code != SELV_COAP_EMPTY);
    if (selv_coap_path_match(rq, ".well-known/core", NULL)) {
        must(selv_coap_reply_core(&w->s, rq, links, 2, SZX_MAX, &w->out) ==
             SELV_OK);
    } else if (rq->code == SELV_COAP_GET) {
        give(w, peer, rq);
    } else if (rq->code == SELV_COAP_DELETE && !w->is_later) {
        delay(w, peer, rq);
    } else {
        take(w, peer, rq);
    }
}

static void later_run(struct world *w)
{
    uint64_t until_ms;
    struct selv_bytes datagram;
    struct selv_coap_msg m;
    enum selv_err err;
    while (w->is_later) {
        switch (selv_coap_later_poll(&w->later, w->now, &until_ms, &datagram,
                                     &err)) {
        case SELV_COAP_SEND:
            must(selv_coap_parse(datagram, &m) == SELV_OK);
            break;
        case SELV_COAP_WAIT:
            must(until_ms > w->now);
            return;
        case SELV_COAP_BLOCK:
        case SELV_COAP_DONE:
        case SELV_COAP_FAILED:
        default:
            w->is_later = false;
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 0, 0, 7, 8};
    static struct world w;
    memset(&w, 0, sizeof w);
    w.out.p = w.tx;
    w.out.cap = sizeof w.tx;
    selv_coap_server_init(&w.s, w.seen, 9, random);
    for (size_t i = 0; i < 2; i++) {
        struct selv_buf b = {w.up_buf[i], sizeof w.up_buf[i], 0};
        selv_coap_upload_init(&w.up[i], b);
    }
    for (size_t i = 0; i + 2 <= size;) {
        struct selv_coap_peer peer = {1, {data[i] & 3u}};
        struct selv_coap_msg rq;
        struct selv_coap_msg reply;
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        struct selv_bytes in = {data + i + 2, len};
        w.now += (uint64_t)(data[i] >> 2) * 1000;
        i += 2 + len;
        later_run(&w);
        if (w.is_later && selv_coap_later_feed(&w.later, &peer, in)) {
            later_run(&w);
            continue;
        }
        enum selv_coap_heard heard =
            selv_coap_server_feed(&w.s, w.now, &peer, in, &rq, &w.out);
        if (heard == SELV_COAP_REQUEST) {
            application(&w, &peer, &rq);
        }
        must(w.out.len <= w.out.cap);
        must(heard != SELV_COAP_REPLY || w.out.len > 0);
        if (heard != SELV_COAP_DROP && w.out.len > 0) {
            must(selv_coap_parse(selv_bytes(w.out.p, w.out.len), &reply) ==
                 SELV_OK);
        }
    }
    return 0;
}
