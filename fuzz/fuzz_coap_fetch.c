/* SPDX-License-Identifier: Apache-2.0
 *
 * A fetch against a server that says anything. Whatever it says, each byte is
 * told once, no more slots are in flight than there are, no time-out is
 * missing, and the fetch ends by its deadline, not before without a cause.
 *
 * Input: a byte that picks slots, block size and ranges, then records of
 *   what (1)  bit 0: put the token of a recent request in its place
 *             bit 1: its message ID, too
 *             bit 2: wait for the next timer first
 *             bit 3: let the answer be a good one, and ignore the bytes
 *             bits 4 to 7: which one, counted back from the latest
 *   len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_LEN 2000u
#define RECENT 16u
#define DEADLINE_MS 500000u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct asked {
    uint16_t mid;
    uint8_t token[4];
    struct selv_coap_block block;
};

struct world {
    struct selv_coap_path path;
    struct selv_coap_fetch f;
    struct selv_coap_fetch_slot slots[9]; /* the last one is a canary */
    struct selv_coap_event event;
    struct asked asked[RECENT];
    uint8_t tx[SELV_COAP_HEADER_MAX];
    uint8_t rx[1200];
    uint8_t told[BODY_LEN + 1024];
    uint64_t now;
    uint32_t sends;
    uint32_t wanted;
    uint32_t got;
    uint32_t range; /* 0: to the end */
    uint16_t count;
    bool is_over;
};

static void block_told(struct world *w)
{
    const struct selv_coap_event *e = &w->event;
    must(e->payload.len > 0 && e->offset + e->payload.len <= BODY_LEN);
    must(e->payload.p >= w->rx &&
         e->payload.p + e->payload.len <= w->rx + sizeof w->rx);
    for (size_t i = 0; i < e->payload.len; i++) {
        must(w->told[e->offset + i]++ == 0);
    }
    w->got += (uint32_t)e->payload.len;
    must(w->got == selv_coap_fetch_told(&w->f));
}

static void want(struct world *w)
{
    uint32_t left = BODY_LEN - w->wanted;
    if (left == 0) {
        selv_coap_fetch_all(&w->f);
        return;
    }
    uint32_t len = w->range < left ? w->range : left;
    enum selv_err err = selv_coap_fetch_want(
        &w->f, w->wanted, w->range == 0 ? SELV_COAP_FETCH_TO_END : len);
    must(err == SELV_OK || err == SELV_ERR_COAP_SIZE);
    if (err != SELV_OK) {
        selv_coap_fetch_all(&w->f);
    }
    w->wanted += w->range == 0 ? left : len;
}

static void request_note(struct world *w, size_t len)
{
    struct selv_coap_msg m;
    must(selv_coap_parse(selv_bytes(w->tx, len), &m) == SELV_OK);
    if (m.code == SELV_COAP_EMPTY) {
        return;
    }
    struct asked *a = &w->asked[w->sends % RECENT];
    must(m.token.len == 4);
    memcpy(a->token, m.token.p, 4);
    a->mid = m.mid;
    a->block = m.block2;
    w->sends++;
}

/* Polls until the fetch waits, or is over. */
static void run(struct world *w)
{
    for (int n = 0; !w->is_over; n++) {
        struct selv_buf out = {w->tx, sizeof w->tx, 0};
        must(n < 64); /* it does not keep the caller busy */
        switch (selv_coap_fetch_poll(&w->f, w->now, &out, &w->event)) {
        case SELV_COAP_FETCH_SEND:
            request_note(w, out.len);
            break;
        case SELV_COAP_FETCH_BLOCK:
            block_told(w);
            break;
        case SELV_COAP_FETCH_WANT:
            want(w);
            break;
        case SELV_COAP_FETCH_DONE:
            must(w->range == 0 || w->wanted < BODY_LEN || w->got == BODY_LEN);
            w->is_over = true;
            break;
        case SELV_COAP_FETCH_FAILED:
            must(w->event.err != SELV_OK);
            must(w->event.err != SELV_ERR_COAP_TIMEOUT ||
                 w->now >= DEADLINE_MS);
            w->is_over = true;
            break;
        case SELV_COAP_FETCH_WAIT:
        default:
            must(w->event.until_ms > w->now);
            must(w->event.until_ms <= DEADLINE_MS);
            return;
        }
        must(selv_coap_fetch_in_flight(&w->f) <= w->count);
    }
}

/* What a good server says to that request. */
static size_t good_answer(struct world *w, const struct asked *a)
{
    struct selv_coap_writer to;
    size_t len = 0;
    uint32_t block = (uint32_t)selv_coap_block_len(a->block.szx);
    uint32_t offset = a->block.num * block;
    uint32_t left = offset < BODY_LEN ? BODY_LEN - offset : 0;
    uint32_t now = left < block ? left : block;
    struct selv_coap_block b = {a->block.num, a->block.szx, left > block};
    selv_coap_write_begin(&to, w->rx, sizeof w->rx, SELV_COAP_NON,
                          SELV_COAP_CONTENT, 1, selv_bytes(a->token, 4));
    selv_coap_write_block(&to, SELV_COAP_OPT_BLOCK2, &b);
    uint8_t *p = now > 0 ? selv_coap_write_reserve(&to, now) : NULL;
    if (p != NULL) {
        memset(p, 7, now);
    }
    must(selv_coap_write_end(&to, &len) == SELV_OK);
    return len;
}

static void record_feed(struct world *w, uint8_t what, const uint8_t *p,
                        size_t len)
{
    const struct asked *a = &w->asked[(w->sends - 1 - (what >> 4)) % RECENT];
    if ((what & 4u) != 0) {
        w->now = w->event.until_ms;
        run(w);
    }
    memcpy(w->rx, p, len);
    if ((what & 2u) != 0 && len >= 4) {
        w->rx[2] = (uint8_t)(a->mid >> 8);
        w->rx[3] = (uint8_t)a->mid;
    }
    if ((what & 1u) != 0 && len >= 8) {
        w->rx[0] = (uint8_t)((w->rx[0] & 0xf0u) | 4u);
        memcpy(w->rx + 4, a->token, 4);
    }
    if ((what & 8u) != 0) {
        len = good_answer(w, a);
    }
    if (!w->is_over) {
        w->now++;
        (void)selv_coap_fetch_feed(&w->f, w->now, selv_bytes(w->rx, len));
        run(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static struct world w;
    if (size < 1) {
        return 0;
    }
    memset(&w, 0, sizeof w);
    memset(&w.slots[8], 0xa5, sizeof w.slots[8]);
    struct selv_coap_request rq = {0};
    rq.code = SELV_COAP_GET;
    rq.szx = data[0] & 3u;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.path = selv_bytes("i/1", 3);
    rq.body_max = BODY_LEN;
    rq.deadline_ms = DEADLINE_MS;
    w.count = (uint16_t)(1u << (data[0] >> 2 & 3u));
    w.range = (data[0] & 16u) != 0 ? 0 : 512;
    selv_coap_path_init(&w.path, 65530);
    selv_coap_fetch_init(&w.f, &w.path, w.slots, w.count);
    must(selv_coap_fetch_start(&w.f, &rq, random, w.now) == SELV_OK);
    run(&w);
    for (size_t i = 1; i + 2 <= size && !w.is_over;) {
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        record_feed(&w, data[i], data + i + 2, len);
        i += 2 + len;
    }
    /* then silence: it ends at its deadline */
    for (int n = 0; !w.is_over; n++) {
        must(n < 4000);
        w.now = w.event.until_ms;
        run(&w);
    }
    must(w.now <= DEADLINE_MS);
    must(w.slots[8].sent_ms == 0xa5a5a5a5u);
    return 0;
}
