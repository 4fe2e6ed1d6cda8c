/* SPDX-License-Identifier: Apache-2.0
 *
 * Q-Block with peers that say anything. What is sent is well formed, fits, and
 * is no more than was asked for; each byte is told once; what comes in stays
 * within its buffer; everything ends.
 *
 * Input: one byte (bit 0: the client, else the server; bits 1 to 3: SZX; bit 4:
 * with a payload; bit 5: the peer is known), then records of time (1: seconds
 * that pass, or with bit 7 an answer to the latest request, whose message ID
 * and token are filled in), len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/qblock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY 3000u
#define SENDS 3u
#define TAKES 2u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t body[BODY];

/* ---- client ---- */

struct asker {
    struct selv_coap_qclient c;
    struct selv_coap_request rq;
    uint8_t told[BODY];
    uint8_t tx[SELV_COAP_HEADER_MAX + 1024];
    uint8_t head[12]; /* of the latest request */
    uint64_t now;
    bool is_over;
};

static void asker_run(struct asker *a)
{
    struct selv_coap_event e;
    struct selv_coap_msg m;
    struct selv_coap_qblock q;
    for (unsigned n = 0; !a->is_over; n++) {
        struct selv_buf out = {a->tx, sizeof a->tx, 0};
        must(n < 1000); /* a request is not sent for ever */
        switch (selv_coap_qclient_poll(&a->c, a->now, &out, &e)) {
        case SELV_COAP_SEND:
            must(out.len >= 4 && out.len <= out.cap);
            must(selv_coap_parse_knowing(selv_bytes(a->tx, out.len),
                                         selv_coap_qblock_options, 2,
                                         &m) == SELV_OK);
            must(selv_coap_qblock_read(&m, &q) == 0);
            if (m.code != SELV_COAP_EMPTY) {
                must(q.has_q1 || q.q2_count > 0);
                memcpy(a->head, a->tx, 10);
            }
            break;
        case SELV_COAP_BLOCK:
            must(e.payload.len > 0 && e.offset + e.payload.len <= BODY);
            for (size_t i = 0; i < e.payload.len; i++) {
                must(a->told[e.offset + i]++ == 0);
            }
            break;
        case SELV_COAP_WAIT:
            must(e.until_ms > a->now);
            return;
        case SELV_COAP_DONE:
        case SELV_COAP_FAILED:
        default:
            a->is_over = true;
            break;
        }
    }
}

static void asker_step(struct asker *a, uint8_t how, struct selv_bytes in)
{
    uint8_t datagram[256];
    memcpy(datagram, in.p, in.len);
    if ((how & 0x80) != 0 && in.len >= 10) {
        datagram[0] = (uint8_t)(0x46 | (datagram[0] & 0x30));
        memcpy(datagram + 2, a->head + 2, 8);
    } else {
        a->now += (uint64_t)(how & 0x7f) * 1000;
    }
    asker_run(a);
    (void)selv_coap_qclient_feed(&a->c, a->now, selv_bytes(datagram, in.len));
    asker_run(a);
}

static void asker_begin(struct asker *a, uint8_t how)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    memset(a, 0, sizeof *a);
    selv_coap_qclient_init(&a->c);
    a->c.is_known = (how & 0x20) != 0;
    a->rq.code = (how & 0x10) != 0 ? SELV_COAP_FETCH : SELV_COAP_GET;
    a->rq.payload = selv_bytes(body, (how & 0x10) != 0 ? 700 : 0);
    a->rq.szx = (uint8_t)((how >> 1 & 7u) % 7u);
    a->rq.accept = SELV_COAP_NO_FORMAT;
    a->rq.content_format = SELV_COAP_NO_FORMAT;
    a->rq.path = selv_bytes("b", 1);
    a->rq.body_max = BODY;
    a->rq.deadline_ms = 3600000;
    must(selv_coap_qclient_start(&a->c, &a->rq, random, 0) == SELV_OK);
    asker_run(a);
}

/* ---- server ---- */

struct giver {
    struct selv_coap_server s;
    struct selv_coap_qsend sends[SENDS];
    struct selv_coap_qtake takes[TAKES];
    uint8_t bodies[TAKES][600];
    uint8_t tx[SELV_COAP_HEADER_MAX + 1024];
    uint64_t now;
    uint8_t szx;
};

static void sent_check(const struct giver *g, size_t len)
{
    struct selv_coap_msg m;
    must(len >= 4 && len <= sizeof g->tx);
    must(selv_coap_parse_knowing(selv_bytes(g->tx, len),
                                 selv_coap_qblock_options, 2, &m) == SELV_OK);
}

/* All that is due; no more than max blocks. */
static void giver_run(struct giver *g, unsigned max)
{
    struct selv_coap_qsend *e;
    struct selv_coap_qtake *u;
    uint64_t until_ms;
    unsigned n = 0;
    while ((e = selv_coap_qsend_poll(g->sends, SENDS, g->now, &until_ms)) !=
           NULL) {
        struct selv_buf out = {g->tx, sizeof g->tx, 0};
        struct selv_coap_slice slice;
        struct selv_coap_writer w;
        must(n++ < max);
        selv_coap_qsend_begin(&g->s, e, g->now, SELV_COAP_CONTENT, &slice, &out,
                              &w);
        must(slice.offset + slice.len <= BODY);
        selv_coap_write_qslice(&w, &slice, selv_bytes("tag", 3), 42, 1);
        selv_coap_write_payload(&w, selv_bytes(body + slice.offset, slice.len));
        must(selv_coap_write_end(&w, &out.len) == SELV_OK);
        sent_check(g, out.len);
    }
    must(until_ms > g->now);
    n = 0;
    while ((u = selv_coap_qtake_poll(g->takes, TAKES, g->now, &until_ms)) !=
           NULL) {
        struct selv_buf out = {g->tx, SELV_COAP_HEADER_MAX, 0};
        must(n++ < TAKES);
        selv_coap_qtake_missing(&g->s, u, g->now, &out);
        sent_check(g, out.len);
    }
    must(until_ms > g->now);
}

static void giver_answer(struct giver *g, const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_coap_qblock q;
    struct selv_coap_qsend *e;
    bool is_new;
    const struct selv_coap_qbody is = {rq->code, BODY, selv_bytes("tag", 3),
                                       g->szx};
    uint8_t code = selv_coap_qblock_read(rq, &q);
    if (code == 0 && q.has_q1) {
        struct selv_coap_qtake *u =
            selv_coap_qtake_find(g->takes, TAKES, g->now, peer, rq->code, rq);
        code = selv_coap_qtake_feed(u, g->now, peer, rq->code, rq, &q);
        must(u == NULL || u->body.len <= u->body.cap);
        if (code == 0) {
            code = SELV_COAP_CHANGED;
            selv_coap_qtake_answer(u, code, SELV_COAP_TEXT,
                                   selv_bytes("done", 4));
        }
        selv_coap_qtake_reply(&g->s, u, rq, code, out);
        return;
    }
    if (code == 0) {
        code = selv_coap_qsend_take(g->sends, SENDS, g->now, &g->s, peer, &is,
                                    rq, &q, &e, &is_new);
    }
    if (code != 0) {
        selv_coap_reply_code(&g->s, rq, code, NULL, out);
    }
}

static void giver_step(struct giver *g, uint8_t how, struct selv_bytes in)
{
    struct selv_coap_peer peer = {1, {how & 1u}};
    struct selv_coap_msg rq;
    struct selv_buf out = {g->tx, SELV_COAP_HEADER_MAX, 0};
    g->now += (uint64_t)(how >> 1) * 500;
    /* Of each body a set that was due by now. */
    giver_run(g, SENDS * 2 * SELV_COAP_QBLOCK_PAYLOADS);
    if (selv_coap_qblock_feed(g->sends, SENDS, g->takes, TAKES, g->now, &peer,
                              in)) {
        giver_run(g, SELV_COAP_QBLOCK_PAYLOADS);
        return;
    }
    if (selv_coap_server_feed(&g->s, g->now, &peer, in, &rq, &out) ==
        SELV_COAP_REQUEST) {
        giver_answer(g, &peer, &rq, &out);
    }
    if (out.len > 0) {
        sent_check(g, out.len);
    }
    /* One request: what it names, and the rest of a set. */
    giver_run(g, 2 * SELV_COAP_QBLOCK_PAYLOADS);
}

static void giver_begin(struct giver *g, uint8_t how)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    memset(g, 0, sizeof *g);
    g->szx = (uint8_t)((how >> 1 & 7u) % 7u);
    selv_coap_server_init(&g->s, NULL, 0, random);
    selv_coap_server_know(&g->s, selv_coap_qblock_options, 2);
    for (size_t i = 0; i < TAKES; i++) {
        struct selv_buf buf = {g->bodies[i], sizeof g->bodies[i], 0};
        selv_coap_qtake_init(&g->takes[i], buf);
    }
    g->now = 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct asker a;
    static struct giver g;
    bool is_client = size > 0 && (data[0] & 1) != 0;
    if (size == 0) {
        return 0;
    }
    asker_begin(&a, data[0]);
    giver_begin(&g, data[0]);
    for (size_t i = 1; i + 2 <= size;) {
        uint8_t how = data[i];
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        struct selv_bytes in = selv_bytes(data + i + 2, len);
        if (is_client) {
            asker_step(&a, how, in);
        } else {
            giver_step(&g, how, in);
        }
        i += 2 + len;
    }
    /* Nobody says anything any more: the client is over in time. */
    a.now += a.rq.deadline_ms;
    asker_run(&a);
    must(a.is_over);
    return 0;
}
