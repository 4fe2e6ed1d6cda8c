/* SPDX-License-Identifier: Apache-2.0
 *
 * An observation that is kept up for as long as the device runs: a
 * registration whenever the answer is no longer fresh, so that a server that
 * began anew, a NAT that gave us another address, and notifications that were
 * lost delay the news by Max-Age at most; after a failure another beginning,
 * later and later. Polls go on at their interval, whatever happens here. */
#include "posix/watch.h"

#define RETRY_FIRST_MS 15000u
#define RETRY_DOUBLINGS_MAX 8u /* to about an hour */
#define NONE_YET_MS 60000u     /* the server has nothing: Max-Age's default */
#define UNOBSERVED_MS 3600000u /* the server does not observe, or is full */
#define TELL_GAP_MS 5000u      /* between two looks of the device */
#define DATAGRAMS_MAX 16u      /* that are dealt with at once */
#define BLOCK_SZX 0u           /* the ETag says all: blocks of 16 bytes */

void selv_watch_init(struct selv_watch *w)
{
    memset(w, 0, sizeof *w);
    w->udp.fd = -1;
    selv_coap_watch_init(&w->coap, false);
}

void selv_watch_end(struct selv_watch *w)
{
    selv_coap_watch_forget(&w->coap);
    w->uri = NULL;
    w->is_under_way = false;
    w->is_observed = false;
    w->is_observed_told = false;
    w->is_newer = false;
    w->failures = 0;
}

void selv_watch_close(struct selv_watch *w)
{
    selv_watch_end(w);
    selv_posix_udp_close(&w->udp);
}

static void etag_keep(struct selv_watch *w, struct selv_bytes etag)
{
    w->etag_len =
        (uint8_t)(etag.len < sizeof w->etag ? etag.len : sizeof w->etag);
    if (w->etag_len > 0) {
        memcpy(w->etag, etag.p, w->etag_len);
    }
}

void selv_watch_begin(struct selv_watch *w, const char *uri,
                      struct selv_bytes query, struct selv_bytes etag)
{
    if (uri == w->uri &&
        selv_bytes_equal(query, selv_bytes(w->query, w->query_len))) {
        return;
    }
    if (uri != w->uri) {
        selv_posix_udp_close(&w->udp);
        w->is_known = false;
    }
    selv_watch_end(w);
    if (query.len > sizeof w->query) {
        return;
    }
    w->uri = uri;
    w->query_len = (uint8_t)query.len;
    memcpy(w->query, query.p, query.len);
    etag_keep(w, etag);
    w->next_ms = selv_posix_now_ms();
}

/* Another beginning, later. */
static void pause(struct selv_watch *w, uint64_t now_ms, uint32_t pause_ms)
{
    uint8_t random[1] = {0};
    uint32_t spread_ms;

    /* Up to a quarter more: a fleet that lost its server comes in pieces. */
    (void)!selv_posix_random(random, sizeof random);
    spread_ms = pause_ms / 1024u * random[0];
    selv_coap_watch_forget(&w->coap);
    w->is_under_way = false;
    w->is_observed = false;
    w->is_observed_told = false;
    w->next_ms = now_ms + pause_ms + spread_ms;
}

static void fail(struct selv_watch *w, uint64_t now_ms)
{
    pause(w, now_ms, RETRY_FIRST_MS << w->failures);
    if (w->failures < RETRY_DOUBLINGS_MAX) {
        w->failures++;
    }
}

/* At the next address, when the one before has not answered. */
static bool connect_again(struct selv_watch *w, struct selv_posix_why *why)
{
    if (w->is_known) {
        return selv_posix_udp_open_next(&w->udp, why);
    }
    w->is_known = true;
    return selv_posix_udp_open(&w->udp, w->uri, why);
}

static void start(struct selv_watch *w, uint64_t now_ms)
{
    struct selv_posix_why why;
    uint8_t random[8];

    if (w->udp.fd < 0 && !connect_again(w, &why)) {
        fail(w, now_ms);
        return;
    }
    memset(&w->rq, 0, sizeof w->rq);
    w->rq.code = SELV_COAP_GET;
    w->rq.szx = BLOCK_SZX;
    w->rq.content_format = SELV_COAP_NO_FORMAT;
    w->rq.accept = SELV_COAP_NO_FORMAT;
    w->rq.host = selv_bytes(w->udp.host, strlen(w->udp.host));
    w->rq.path = selv_bytes("m", 1);
    w->rq.query = selv_bytes(w->query, w->query_len);
    w->rq.etag = selv_bytes(w->etag, w->etag_len);
    if (selv_posix_random(random, sizeof random) != SELV_OK ||
        selv_coap_watch_start(&w->coap, &w->rq, random, now_ms) != SELV_OK) {
        fail(w, now_ms);
        return;
    }
    w->is_under_way = true;
}

static void news_take(struct selv_watch *w, uint64_t now_ms,
                      const struct selv_coap_news *news)
{
    w->failures = 0;
    if (news->code == SELV_COAP_CONTENT &&
        (news->etag.len == 0 ||
         !selv_bytes_equal(news->etag, selv_bytes(w->etag, w->etag_len)))) {
        w->is_newer = true;
        etag_keep(w, news->etag);
    }
    if (news->is_observed) {
        w->is_observed = true;
    } else {
        pause(w, now_ms, UNOBSERVED_MS);
    }
}

static void failure_take(struct selv_watch *w, uint64_t now_ms,
                         const struct selv_coap_news *news)
{
    if (news->code == SELV_COAP_NOT_FOUND) {
        pause(w, now_ms, NONE_YET_MS);
        return;
    }
    if (news->code == SELV_COAP_UNAUTHORIZED) {
        w->is_newer = true; /* it knows us no more: the engine registers */
    }
    if (news->err == SELV_ERR_COAP_TIMEOUT) {
        selv_posix_udp_close(&w->udp); /* its name may have others */
    }
    fail(w, now_ms);
}

/* What the watch says, until it waits. */
static uint64_t run(struct selv_watch *w, uint64_t now_ms)
{
    uint8_t bytes[SELV_COAP_HEADER_MAX];
    struct selv_coap_news news;

    for (;;) {
        struct selv_buf out = {bytes, sizeof bytes, 0};
        switch (
            selv_coap_watch_poll(&w->coap, selv_posix_now_ms(), &out, &news)) {
        case SELV_COAP_WATCH_SEND:
            if (w->udp.fd >= 0) {
                selv_posix_udp_send(&w->udp, selv_bytes(bytes, out.len));
            }
            break;
        case SELV_COAP_WATCH_NEWS:
            news_take(w, now_ms, &news);
            break;
        case SELV_COAP_WATCH_DONE:
        case SELV_COAP_WATCH_FAILED:
            failure_take(w, now_ms, &news);
            break;
        case SELV_COAP_WATCH_WAIT:
        default:
            return w->is_under_way ? news.until_ms : w->next_ms;
        }
    }
}

uint64_t selv_watch_work(struct selv_watch *w)
{
    uint8_t datagram[SELV_COAP_HEADER_MAX + 1024];
    uint64_t now_ms = selv_posix_now_ms();
    uint64_t until_ms;

    for (unsigned i = 0; i < DATAGRAMS_MAX && w->udp.fd >= 0; i++) {
        size_t len =
            selv_posix_udp_receive(&w->udp, 0, datagram, sizeof datagram);
        if (len == 0) {
            break;
        }
        (void)selv_coap_watch_feed(&w->coap, now_ms, selv_bytes(datagram, len));
        (void)run(w, now_ms);
    }
    if (w->uri != NULL && !w->is_under_way && now_ms >= w->next_ms) {
        start(w, now_ms);
    }
    until_ms = run(w, now_ms);
    if (w->uri == NULL) {
        return UINT64_MAX;
    }
    return w->is_newer && w->tell_ms < until_ms ? w->tell_ms : until_ms;
}

enum selv_watch_news selv_watch_take(struct selv_watch *w, bool is_wanted)
{
    uint64_t now_ms = selv_posix_now_ms();

    if (w->is_observed && !w->is_observed_told) {
        w->is_observed_told = true;
        return SELV_WATCH_OBSERVED;
    }
    if (!w->is_newer || !is_wanted || now_ms < w->tell_ms) {
        return SELV_WATCH_NOTHING;
    }
    w->is_newer = false;
    w->tell_ms = now_ms + TELL_GAP_MS;
    return SELV_WATCH_NEWER;
}
