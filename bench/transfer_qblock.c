/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/transfer_qblock.c - the contender on Q-Block2 [RFC 9177], and the
 * server that it needs: one that sends several answers to a request. */
#include "bench/transfer.h"
#include "coap/qblock.h"

struct qblock_state {
    struct selv_coap_qclient client;
};

static bool start(void *state, const struct transfer_job *job, uint64_t now_ms)
{
    struct qblock_state *s = state;
    selv_coap_qclient_init(&s->client);
    return selv_coap_qclient_start(&s->client, &job->request, job->random,
                                   now_ms) == SELV_OK;
}

static void feed(void *state, uint64_t now_ms, struct selv_bytes datagram)
{
    struct qblock_state *s = state;
    (void)selv_coap_qclient_feed(&s->client, now_ms, datagram);
}

static enum selv_coap_action poll(void *state, uint64_t now_ms,
                                  struct selv_buf *out,
                                  struct transfer_event *event)
{
    struct qblock_state *s = state;
    struct selv_coap_event e;
    enum selv_coap_action action =
        selv_coap_qclient_poll(&s->client, now_ms, out, &e);
    event->until_ms = e.until_ms;
    event->block = e.payload;
    event->offset = e.offset;
    event->err = e.err;
    return action;
}

const struct transfer_contender transfer_qblock = {
    "Q-Block2",
    "lib/coap/qblock.h, sets of ten blocks, the times of RFC 9177",
    sizeof(struct qblock_state),
    start,
    feed,
    poll};

bool transfer_sets_take(struct transfer_sets *t, uint64_t now_ms,
                        struct selv_coap_server *server,
                        const struct selv_coap_peer *peer,
                        const struct selv_coap_msg *rq, uint32_t len)
{
    static const uint8_t etag[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct selv_coap_qblock q;
    struct selv_coap_qsend *e;
    bool is_new;
    const struct selv_coap_qbody body = {
        0, len, {etag, sizeof etag}, SELV_COAP_SZX_MAX};
    return selv_coap_qblock_read(rq, &q) == 0 && q.q2_count > 0 &&
           selv_coap_qsend_take(&t->send, 1, now_ms, server, peer, &body, rq,
                                &q, &e, &is_new) == 0;
}

size_t transfer_sets_poll(struct transfer_sets *t, uint64_t now_ms,
                          struct selv_coap_server *server, const uint8_t *body,
                          struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    struct selv_coap_qsend *e =
        selv_coap_qsend_poll(&t->send, 1, now_ms, &t->until_ms);
    if (e == NULL) {
        return 0;
    }
    selv_coap_qsend_begin(server, e, now_ms, SELV_COAP_CONTENT, &slice, out,
                          &w);
    selv_coap_write_qslice(&w, &slice, selv_bytes(e->etag, e->etag_len),
                           SELV_COAP_OCTETS, 60);
    selv_coap_write_payload(&w, selv_bytes(body + slice.offset, slice.len));
    return selv_coap_write_end(&w, &out->len) == SELV_OK ? out->len : 0;
}
