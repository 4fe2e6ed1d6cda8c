/* SPDX-License-Identifier: Apache-2.0
 *
 * A client against a server that says anything. Whatever it says, the
 * transfer ends, its bytes come in order and are no more than allowed.
 *
 * Input: a byte that picks the request, then records of
 *   flags (1)  bit 0: put the message ID asked for in its place
 *              bit 1: put the token asked for in its place
 *              bit 2: wait for the next timer first
 *   len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 512u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct world {
    struct selv_coap_client c;
    struct selv_coap_event event;
    uint8_t tx[1300];
    uint8_t rx[256];
    uint64_t now;
    uint32_t got;
    uint32_t sends;
    uint16_t mid;
    uint8_t token[4];
    bool is_over;
};

/* Polls until the client waits, or the transfer is over. */
static void run(struct world *w)
{
    for (int n = 0; !w->is_over; n++) {
        struct selv_coap_msg m;
        struct selv_buf out = {w->tx, sizeof w->tx, 0};
        must(n < 8); /* it does not keep the caller busy */
        switch (selv_coap_client_poll(&w->c, w->now, &out, &w->event)) {
        case SELV_COAP_SEND:
            must(selv_coap_parse(selv_bytes(w->tx, out.len), &m) == SELV_OK);
            must(w->sends++ < 100000);
            if (m.code != SELV_COAP_EMPTY) {
                w->mid = m.mid;
                must(m.token.len == 4);
                memcpy(w->token, m.token.p, 4);
            }
            break;
        case SELV_COAP_BLOCK:
            must(w->event.offset == w->got && w->event.payload.len > 0);
            w->got += (uint32_t)w->event.payload.len;
            must(w->got <= BODY_MAX);
            must(w->event.payload.p >= w->rx &&
                 w->event.payload.p + w->event.payload.len <=
                     w->rx + sizeof w->rx);
            break;
        case SELV_COAP_DONE:
            must(w->event.err == SELV_OK);
            w->is_over = true;
            break;
        case SELV_COAP_FAILED:
            must(w->event.err != SELV_OK);
            w->is_over = true;
            break;
        case SELV_COAP_WAIT:
        default:
            must(w->event.until_ms > w->now);
            return;
        }
    }
}

static void record_feed(struct world *w, uint8_t flags, const uint8_t *p,
                        size_t len)
{
    memcpy(w->rx, p, len);
    if ((flags & 1u) != 0 && len >= 4) {
        w->rx[2] = (uint8_t)(w->mid >> 8);
        w->rx[3] = (uint8_t)w->mid;
    }
    if ((flags & 2u) != 0 && len >= 8) {
        w->rx[0] = (uint8_t)((w->rx[0] & 0xf0u) | 4u);
        memcpy(w->rx + 4, w->token, 4);
    }
    if ((flags & 4u) != 0) {
        w->now = w->event.until_ms;
        run(w);
    }
    if (!w->is_over) {
        w->now++;
        (void)selv_coap_client_feed(&w->c, w->now, selv_bytes(w->rx, len));
        run(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t payload[100] = {0};
    static struct world w;
    if (size < 1) {
        return 0;
    }
    memset(&w, 0, sizeof w);
    selv_coap_client_init(&w.c);
    struct selv_coap_request rq = {0};
    rq.code = (data[0] & 1u) != 0 ? SELV_COAP_POST : SELV_COAP_GET;
    rq.szx = data[0] >> 1 & 3u;
    rq.content_format = SELV_COAP_NO_FORMAT;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.path = selv_bytes("m", 1);
    rq.body_max = BODY_MAX;
    rq.deadline_ms = 500000;
    if ((data[0] & 1u) != 0) {
        rq.payload = selv_bytes(payload, sizeof payload);
    }
    if ((data[0] & 8u) != 0) {
        rq.etag = selv_bytes("e1", 2);
    }
    must(selv_coap_client_start(&w.c, &rq, random, w.now) == SELV_OK);
    run(&w);
    for (size_t i = 1; i + 2 <= size && !w.is_over;) {
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        record_feed(&w, data[i], data + i + 2, len);
        i += 2 + len;
    }
    /* then silence: it ends by itself, no later than its deadline */
    for (int n = 0; !w.is_over; n++) {
        must(n < 8);
        w.now = w.event.until_ms;
        run(&w);
    }
    must(w.now <= rq.deadline_ms);
    return 0;
}
