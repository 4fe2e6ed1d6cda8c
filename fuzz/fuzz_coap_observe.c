/* SPDX-License-Identifier: Apache-2.0
 *
 * A watch against a server that says anything, and a list of observers against
 * anybody. Whatever comes, the watch does not keep its caller busy, waits for
 * something in the future, and in silence ends; the list sends no more than
 * its timers allow, and in silence is empty in the end.
 *
 * Input: a byte of settings, then records of
 *   flags (1)  bit 0: put the message ID awaited in its place
 *              bit 1: put the token of the watch in its place
 *              bit 2: wait for the next timer first
 *              bit 3: for the list, else for the watch
 *              bit 4: a resource changes
 *              bit 5: the watch is refreshed, bit 6: stopped, 7: forgotten
 *   len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/observe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLACES 5u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct world {
    struct selv_coap_watch w;
    struct selv_coap_request rq;
    struct selv_coap_news news;
    struct selv_coap_server s;
    struct selv_coap_observe o;
    struct selv_coap_observer table[PLACES];
    uint8_t tx[256];
    uint8_t rx[256];
    uint64_t now;
    uint64_t until; /* of the list */
    uint16_t mid;   /* of the latest notification */
    bool is_over;   /* the watch */
};

static void watch_run(struct world *w)
{
    for (int n = 0; !w->is_over; n++) {
        struct selv_buf out = {w->tx, sizeof w->tx, 0};
        must(n < 8);
        switch (selv_coap_watch_poll(&w->w, w->now, &out, &w->news)) {
        case SELV_COAP_WATCH_SEND:
            must(out.len >= 4);
            break;
        case SELV_COAP_WATCH_NEWS:
            must(w->news.code != 0 && w->news.etag.len <= 8);
            must(w->news.payload.len == 0 ||
                 (w->news.payload.p >= w->rx &&
                  w->news.payload.p + w->news.payload.len <=
                      w->rx + sizeof w->rx));
            break;
        case SELV_COAP_WATCH_FAILED:
            must(w->news.err != SELV_OK);
            w->is_over = true;
            break;
        case SELV_COAP_WATCH_DONE:
            must(w->news.err == SELV_OK);
            w->is_over = true;
            break;
        case SELV_COAP_WATCH_WAIT:
        default:
            must(w->news.until_ms > w->now);
            return;
        }
    }
}

static void list_run(struct world *w)
{
    for (unsigned n = 0;; n++) {
        struct selv_coap_observer *e;
        struct selv_coap_writer to;
        struct selv_coap_slice slice;
        struct selv_buf out = {w->tx, sizeof w->tx, 0};
        enum selv_coap_observe_action a =
            selv_coap_observe_poll(&w->o, w->now, &w->until, &e);
        must(n <= 2 * PLACES);
        if (a == SELV_COAP_OBSERVE_WAIT) {
            must(w->until > w->now);
            return;
        }
        if (a == SELV_COAP_OBSERVE_GONE) {
            continue;
        }
        must(e >= w->table && e < w->table + PLACES);
        bool is_gone = e->user == 3;
        selv_coap_observe_slice(e, 100, 6, &slice);
        selv_coap_observe_begin(
            &w->o, e, is_gone ? SELV_COAP_NOT_FOUND : SELV_COAP_CONTENT, &out,
            &to);
        if (!is_gone) {
            selv_coap_write_slice(&to, &slice, selv_bytes("e", 1), 42, 60);
        }
        w->mid = e->mid;
        must(selv_coap_observe_end(&w->o, w->now, e, &to, &out) == SELV_OK);
    }
}

static void list_feed(struct world *w, struct selv_bytes in, uint8_t peer_last)
{
    struct selv_coap_peer peer = {2, {1, peer_last & 7u}};
    struct selv_coap_msg rq;
    struct selv_buf out = {w->tx, sizeof w->tx, 0};
    if (!selv_coap_observe_feed(&w->o, w->now, &peer, in) &&
        selv_coap_server_feed(&w->s, w->now, &peer, in, &rq, &out) ==
            SELV_COAP_REQUEST) {
        (void)selv_coap_observe_take(&w->o, w->now, &peer, &rq,
                                     rq.options.len & 1u, peer_last >> 6);
    }
}

static void orders(struct world *w, uint8_t flags)
{
    if ((flags & 4u) != 0) {
        w->now = (flags & 8u) != 0 && w->until != UINT64_MAX
                     ? w->until
                     : w->now + (w->news.until_ms - w->now) % 100000u;
    }
    if ((flags & 16u) != 0) {
        selv_coap_observe_changed(&w->o, w->now, flags & 1u, NULL,
                                  (flags & 2u) != 0 ? 5000 : 0);
    }
    if ((flags & 32u) != 0) {
        selv_coap_watch_refresh(&w->w, w->now);
    }
    if ((flags & 64u) != 0) {
        selv_coap_watch_stop(&w->w, w->now);
    }
    if ((flags & 128u) != 0) {
        selv_coap_watch_forget(&w->w);
        w->is_over = true;
    }
}

static void record_feed(struct world *w, uint8_t flags, const uint8_t *p,
                        size_t len)
{
    bool is_list = (flags & 8u) != 0;
    memcpy(w->rx, p, len);
    if ((flags & 1u) != 0 && len >= 4) {
        uint16_t mid = is_list ? w->mid : w->w.mid;
        w->rx[2] = (uint8_t)(mid >> 8);
        w->rx[3] = (uint8_t)mid;
    }
    if ((flags & 2u) != 0 && len >= 8) {
        w->rx[0] = (uint8_t)((w->rx[0] & 0xf0u) | 4u);
        selv_put_be32(w->rx + 4, w->w.token);
    }
    orders(w, flags);
    watch_run(w);
    list_run(w);
    w->now++;
    if (is_list) {
        list_feed(w, selv_bytes(w->rx, len), len > 0 ? p[len - 1] : 0);
    } else {
        (void)selv_coap_watch_feed(&w->w, w->now, selv_bytes(w->rx, len));
    }
    watch_run(w);
    list_run(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static struct world w;
    if (size < 1) {
        return 0;
    }
    memset(&w, 0, sizeof w);
    w.now = 1000;
    w.rq.code = SELV_COAP_GET;
    w.rq.szx = data[0] & 3u;
    w.rq.content_format = SELV_COAP_NO_FORMAT;
    w.rq.accept = SELV_COAP_NO_FORMAT;
    w.rq.path = selv_bytes("m", 1);
    if ((data[0] & 8u) != 0) {
        w.rq.etag = selv_bytes("e1", 2);
    }
    selv_coap_server_init(&w.s, NULL, 0, random);
    selv_coap_observe_init(&w.o, &w.s, w.table, PLACES);
    w.o.settle_ms = (data[0] & 16u) != 0 ? 9000 : 0;
    selv_coap_watch_init(&w.w, (data[0] & 32u) != 0);
    must(selv_coap_watch_start(&w.w, &w.rq, random, w.now) == SELV_OK);
    watch_run(&w);
    for (size_t i = 1; i + 2 <= size;) {
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        record_feed(&w, data[i], data + i + 2, len);
        i += 2 + len;
    }
    for (int n = 0; !w.is_over; n++) {
        must(n < 20);
        w.now = w.news.until_ms;
        watch_run(&w);
    }
    for (int n = 0; selv_coap_observe_count(&w.o) > 0; n++) {
        must(n < 20 * (int)PLACES);
        w.now = w.until;
        list_run(&w);
    }
    return 0;
}
