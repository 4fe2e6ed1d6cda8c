/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/watch.h - be told of a newer manifest: an observation of GET /m at one
 * server [RFC 7641], on a socket of its own. It only says that there is news;
 * what there is the engine asks for as ever, and whoever lies here makes a
 * device ask, no more (docs/spec/coap.md, "Being told").
 *
 * Calls: 1 init   2 begin, as often as one likes, with what is to be observed
 *        3 wait for udp.fd, if it is not -1, no longer than work said, then
 *        work   4 after each work, take   5 end, when the device resets
 * RAM:   1 KiB. */
#ifndef SELV_POSIX_WATCH_H
#define SELV_POSIX_WATCH_H

#include "coap/observe.h"
#include "posix/posix.h"

#define SELV_WATCH_QUERY_MAX 32u

enum selv_watch_news {
    SELV_WATCH_NOTHING,
    SELV_WATCH_OBSERVED, /* from now on we are told; said once */
    SELV_WATCH_NEWER     /* ask for the manifest */
};

struct selv_watch {
    struct selv_posix_udp udp; /* fd -1: none */
    struct selv_coap_watch coap;
    struct selv_coap_request rq;
    const char *uri;  /* of the server; NULL: nothing is to be observed */
    uint64_t next_ms; /* no registration begins before */
    uint64_t tell_ms; /* nothing is told before */
    uint8_t failures; /* in a row */
    uint8_t query_len;
    uint8_t etag_len;
    bool is_known;     /* udp has the addresses of uri's host */
    bool is_under_way; /* coap is at work */
    bool is_observed;
    bool is_observed_told;
    bool is_newer; /* to be told */
    char query[SELV_WATCH_QUERY_MAX];
    uint8_t etag[SELV_COAP_ETAG_MAX]; /* of the newest state known */
};

void selv_watch_init(struct selv_watch *w);
/* Observe /m?query at uri (coap://host:port; it must outlive the watch); etag,
 * at most 8 bytes, names what the device has. No change while uri and query are
 * what they were. A query over SELV_WATCH_QUERY_MAX ends it. */
void selv_watch_begin(struct selv_watch *w, const char *uri,
                      struct selv_bytes query, struct selv_bytes etag);
/* Deal with what has come, and with what is late. When to be called again, at
 * the latest. Looking up the server's name may take its time. */
uint64_t selv_watch_work(struct selv_watch *w);
/* What is to be told, once; NEWER at most every few seconds, and only when
 * is_wanted: it is kept otherwise. */
enum selv_watch_news selv_watch_take(struct selv_watch *w, bool is_wanted);
/* Forget what is observed. The socket stays: the server rejects nothing, it
 * finds us again, or is told by Reset. */
void selv_watch_end(struct selv_watch *w);
void selv_watch_close(struct selv_watch *w);

#endif
