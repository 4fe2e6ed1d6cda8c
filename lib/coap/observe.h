/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/observe.h - be told when a resource changes, and tell others
 * [RFC 7641].
 *
 * Terms: a *watch* is the client's side of one observation; an *observer* is
 *        the server's; a *notification* is a response that comes unasked.
 *
 * Client, one watch for each resource:
 *   1 selv_coap_watch_start with a request
 *   2 selv_coap_watch_poll until it says WAIT:
 *       SEND    send out[0..len) to the peer
 *       NEWS    a state of the resource, newer than the one before
 *       DONE    the observation was cancelled (selv_coap_watch_stop)
 *       FAILED  the observation is over: begin again, later
 *       WAIT    wait for a datagram, no longer than until_ms
 *   3 offer each datagram from the peer to selv_coap_watch_feed, before any
 *     other engine, then poll; poll, too, when until_ms has come
 *   NEWS has the first block only. When more is true, fetch the rest with
 *   selv_coap_client or selv_coap_fetch: offset the payload's length,
 *   resume_etag the news' ETag [RFC 7959 2.6].
 *   A server that does not know Observe, or has no place left, is asked again
 *   whenever its answer is no longer fresh. A challenge (coap/echo.h) is
 *   answered.
 *
 * Server, one table for all resources:
 *   1 selv_coap_observe_init with an array for observers
 *   2 for each GET that will be answered 2.05 or 2.03: selv_coap_observe_take,
 *     and put the number into the answer (selv_coap_observe_mark)
 *   3 when a resource changes: selv_coap_observe_changed
 *   4 selv_coap_observe_poll until it says WAIT:
 *       NOTIFY  write the state as it is now: selv_coap_observe_begin, options
 *               and payload, selv_coap_observe_end, and send
 *       GONE    an observer has not answered; its place is free
 *   5 offer each datagram to selv_coap_observe_feed before
 *     selv_coap_server_feed
 *   What is sent is always the newest state: nothing is kept. One
 *   notification to an observer is outstanding at a time.
 *
 * Owns:  nothing.
 * RAM:   a watch 128 bytes on Cortex-M3, an observer 80, the table's head 32.
 */
#ifndef SELV_COAP_OBSERVE_H
#define SELV_COAP_OBSERVE_H

#include "coap/coap.h"

/* Observe in a request [RFC 7641 2]. */
#define SELV_COAP_REGISTER 0u
#define SELV_COAP_DEREGISTER 1u

/* True when the notification numbered v2, come at t2_ms, was sent after the one
 * numbered v1 that came at t1_ms [RFC 7641 3.4]. */
bool selv_coap_observe_is_newer(uint32_t v1, uint64_t t1_ms, uint32_t v2,
                                uint64_t t2_ms);

/* ---- client ------------------------------------------------------------- */

enum selv_coap_watch_action {
    SELV_COAP_WATCH_WAIT = 0,
    SELV_COAP_WATCH_SEND = 1,
    SELV_COAP_WATCH_NEWS = 2,
    SELV_COAP_WATCH_DONE = 3,
    SELV_COAP_WATCH_FAILED = 4
};

/* What poll has to say besides its action. */
struct selv_coap_news {
    /* WAIT: poll again then at the latest; UINT64_MAX: nothing to wait for */
    uint64_t until_ms;
    /* NEWS, FAILED */
    uint8_t code;     /* 2.05, or 2.03: the state is that of etag again; of an
                         error otherwise; 0: there was no response */
    bool more;        /* the body goes on behind this payload */
    bool is_observed; /* changes will be told; else it is asked again */
    uint16_t content_format;
    uint32_t max_age;          /* seconds */
    uint32_t size2;            /* bytes: the body's length if told, else 0 */
    struct selv_bytes etag;    /* empty when not given; until the next poll */
    struct selv_bytes payload; /* a view into the datagram fed */
    enum selv_err err;         /* FAILED: why */
};

/* Private. */
struct selv_coap_watch {
    const struct selv_coap_request *rq;
    uint64_t next_ms;          /* retransmission, or the next registration */
    uint64_t taken_ms;         /* when the newest state came */
    struct selv_bytes payload; /* NEWS waiting to be told */
    uint32_t random;
    uint32_t token;
    uint32_t timeout_ms;
    uint32_t number; /* of the newest state */
    uint32_t max_age;
    uint32_t size2;
    uint16_t mid;
    uint16_t out_mid; /* of the ACK or Reset to send */
    uint16_t content_format;
    uint16_t err;
    uint8_t state;
    uint8_t flags;
    uint8_t out_type; /* ACK or Reset to send, else 0 */
    uint8_t tries;
    uint8_t code;
    uint8_t etag_len;
    uint8_t asked_len;
    uint8_t etag[SELV_COAP_ETAG_MAX];  /* of the newest state */
    uint8_t asked[SELV_COAP_ETAG_MAX]; /* that the request offers */
    uint8_t echo_len;
    uint8_t echo[40]; /* to repeat [RFC 9175 2.2.1] */
};

/* is_stream: the peer is reached over TCP, in order [RFC 8323 7]: nothing is
 * sent twice, and numbers do not matter. */
void selv_coap_watch_init(struct selv_coap_watch *w, bool is_stream);

/* Begin. Of the request, code is SELV_COAP_GET or SELV_COAP_FETCH (a payload
 * must fit one message), szx the largest block wanted, etag the state that the
 * caller has; offset, body_max and deadline_ms are not used. It stays unchanged
 * until the end. random: fresh and unpredictable for each call.
 * SELV_ERR_COAP_BUSY while one is under way, SELV_ERR_ARG for another code, szx
 * over 6, an ETag over 8 bytes, a payload longer than a block. */
SELV_MUST_CHECK enum selv_err
selv_coap_watch_start(struct selv_coap_watch *w,
                      const struct selv_coap_request *rq,
                      const uint8_t random[static 8], uint64_t now_ms);

/* A datagram from the peer. True when it belongs to this watch, or to one that
 * was here before and is forgotten: then it is answered with Reset. It stays
 * unchanged until poll says WAIT, DONE or FAILED. */
bool selv_coap_watch_feed(struct selv_coap_watch *w, uint64_t now_ms,
                          struct selv_bytes datagram);

/* The next thing to do. out: cap at least SELV_COAP_HEADER_MAX plus the
 * request's payload. Errors of FAILED: SELV_ERR_COAP_TIMEOUT (no answer to a
 * registration), _RESET, _OPTION (critical option in the answer), _BLOCK
 * (another block than the first), _ETAG (2.03 for an ETag not offered), _CODE
 * (the server ends it: see code), SELV_ERR_SPACE and SELV_ERR_ARG (the request
 * does not fit out, or its path is malformed). */
enum selv_coap_watch_action selv_coap_watch_poll(struct selv_coap_watch *w,
                                                 uint64_t now_ms,
                                                 struct selv_buf *out,
                                                 struct selv_coap_news *news);

/* Ask again now: after a change of address, say. Not while a question is under
 * way: that one will do. */
void selv_coap_watch_refresh(struct selv_coap_watch *w, uint64_t now_ms);

/* Tell the server that it is over [RFC 7641 3.6]; DONE follows, or FAILED when
 * it does not answer: either way the watch is free. */
void selv_coap_watch_stop(struct selv_coap_watch *w, uint64_t now_ms);

/* Forget it at once. The next notification is answered with Reset. Over a
 * stream there is no such thing: notifications go on until the connection
 * ends, and are thrown away, as they are after FAILED; stop, rather
 * [RFC 8323 7.4]. */
void selv_coap_watch_forget(struct selv_coap_watch *w);

/* ---- server ------------------------------------------------------------- */

/* One entry of the list of observers. */
struct selv_coap_observer {
    struct selv_coap_peer peer;
    uint32_t resource; /* as given to take */
    uint32_t user;     /* as given to take */
    uint16_t accept;   /* SELV_COAP_NO_FORMAT when the request had none */
    uint8_t szx;       /* largest block that the request wants */
    bool is_stream;    /* for the caller to set after take: a peer over TCP;
                          nothing is sent twice or awaited */
    /* private */
    uint8_t state;
    uint8_t flags;
    uint8_t tries;
    uint8_t token_len;
    uint8_t token[SELV_COAP_TOKEN_MAX];
    uint16_t mid;
    uint32_t number; /* of the latest notification */
    uint32_t timeout_ms;
    uint64_t next_ms;
    uint64_t confirmed_ms; /* the latest ACK, or the registration */
};

/* Private, but the two times, for the caller to set after init. */
struct selv_coap_observe {
    struct selv_coap_server *server;
    struct selv_coap_observer *table;
    uint32_t count;
    uint32_t cursor;
    uint64_t next_ms; /* nothing is due before */
    /* Milliseconds that a change may be told non-confirmably before it is told
     * once more, confirmably; 0 (after init): each is confirmable. At least
     * SELV_COAP_OBSERVE_GAP_MS otherwise. For states that change all the time.
     */
    uint32_t settle_ms;
    /* Milliseconds after which an observer must confirm that it is there, at
     * most SELV_COAP_OBSERVE_CONFIRM_MS, which it is after init. */
    uint32_t confirm_ms;
};

/* At least a confirmable one a day [RFC 7641 4.5]; no two non-confirmable ones
 * within three seconds [RFC 7641 4.5.1]. */
#define SELV_COAP_OBSERVE_CONFIRM_MS 86400000u
#define SELV_COAP_OBSERVE_GAP_MS 3000u

/* Entries that one peer may have, and that one peer's entry may lie in. */
#define SELV_COAP_OBSERVE_WAYS 16u

/* table: the caller's, any content. server: message IDs come from it. */
void selv_coap_observe_init(struct selv_coap_observe *o,
                            struct selv_coap_server *server,
                            struct selv_coap_observer *table, uint32_t count);

/* Look at a GET or FETCH that is going to be answered 2.xx. With Observe 0 its
 * peer becomes an observer (or is one already) of the resource, a number of the
 * caller's choice; user, too, is the caller's: what distinguishes answers to
 * one resource, such as a device's number. With Observe 1 it ceases to be one.
 * NULL: answer without Observe; that is so, too, when no place is free.
 * Who gives way: the same peer's entry for the same resource and user, then,
 * of the sixteen places of this peer, the oldest that has never acknowledged a
 * notification (its address may be forged). The others stay. */
struct selv_coap_observer *
selv_coap_observe_take(struct selv_coap_observe *o, uint64_t now_ms,
                       const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq, uint32_t resource,
                       uint32_t user);

/* The Observe option for selv_coap_write_slice; observer may be NULL. */
void selv_coap_observe_mark(const struct selv_coap_observer *observer,
                            struct selv_coap_slice *slice);

/* The first block of a body of total bytes for a notification, in blocks of at
 * most szx_max, with the Observe option. */
void selv_coap_observe_slice(const struct selv_coap_observer *observer,
                             uint32_t total, uint8_t szx_max,
                             struct selv_coap_slice *slice);

/* The resource's state is another one for the observer; NULL: for all. They
 * are told within spread_ms, at random (0: at once): a fleet that comes for an
 * image at the same instant serves nobody. */
void selv_coap_observe_changed(struct selv_coap_observe *o, uint64_t now_ms,
                               uint32_t resource,
                               struct selv_coap_observer *observer,
                               uint32_t spread_ms);

enum selv_coap_observe_action {
    SELV_COAP_OBSERVE_WAIT = 0,
    SELV_COAP_OBSERVE_NOTIFY = 1,
    SELV_COAP_OBSERVE_GONE = 2
};

/* The next thing to do; *until_ms for WAIT (UINT64_MAX: nothing to wait for),
 * *observer otherwise, valid until the next call. A NOTIFY that is not followed
 * by _begin and _end (or _drop) comes again. */
enum selv_coap_observe_action
selv_coap_observe_poll(struct selv_coap_observe *o, uint64_t now_ms,
                       uint64_t *until_ms,
                       struct selv_coap_observer **observer);

/* The notification, as selv_coap_reply_begin and _end. With a code that is not
 * 2.xx it is the last one: the observer is dropped [RFC 7641 4.2]. The
 * Content-Format must be that of the first answer. */
void selv_coap_observe_begin(struct selv_coap_observe *o,
                             struct selv_coap_observer *observer, uint8_t code,
                             struct selv_buf *out, struct selv_coap_writer *w);
SELV_MUST_CHECK enum selv_err
selv_coap_observe_end(struct selv_coap_observe *o, uint64_t now_ms,
                      struct selv_coap_observer *observer,
                      const struct selv_coap_writer *w, struct selv_buf *out);

/* True when the datagram was an ACK of a notification, or a Reset, which drops
 * the observer. */
bool selv_coap_observe_feed(struct selv_coap_observe *o, uint64_t now_ms,
                            const struct selv_coap_peer *peer,
                            struct selv_bytes datagram);

/* Take an observer off the list; all of a peer's (a connection that closed). */
void selv_coap_observe_drop(struct selv_coap_observer *observer);

/* True when it has acknowledged a notification, whose message ID somebody else
 * could not know if the caller made it so: its address is its own. */
bool selv_coap_observer_is_confirmed(const struct selv_coap_observer *observer);

void selv_coap_observe_drop_peer(struct selv_coap_observe *o,
                                 const struct selv_coap_peer *peer);

/* Observers at the moment. Goes through the table. */
uint32_t selv_coap_observe_count(const struct selv_coap_observe *o);

#endif
