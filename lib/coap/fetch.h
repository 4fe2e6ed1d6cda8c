/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/fetch.h - fetch parts of one body, or all of it, with many requests in
 * flight and in any order [RFC 7959 2.4].
 *
 * Terms: a *range* is a run of bytes of the body that the caller wants; a
 *        *slot* is a request in flight, or to be repeated. *Extra* is what is
 *        asked for twice on purpose.
 *
 * Requests are not confirmable, each with a token of its own, repetitions too;
 * what was lost is told by answers to later requests, or by silence
 * [RFC 9002 6]. A peer that does not answer such requests is asked with
 * confirmable ones, one at a time. Nothing but the deadline, the body or the
 * peer's word ends a fetch: silence does not. A peer that wants to see an
 * address proven first is echoed what it sent [RFC 9175 2.3]; the path keeps
 * it for the fetches that follow.
 *
 * Calls:
 *   1 selv_coap_fetch_init once, with a path (coap/path.h) and slots
 *   2 selv_coap_fetch_start with a request for the body
 *   3 selv_coap_fetch_poll until it says WAIT:
 *       SEND    send out[0..len) to the peer
 *       WANT    selv_coap_fetch_want with a range, or _all when there is none
 *               any more; or _pause. It is said again until then
 *       BLOCK   a block of the body; a view into the datagram fed
 *       DONE    everything wanted has been told; FAILED: it ended otherwise
 *       WAIT    wait for a datagram, no longer than until_ms
 *   4 selv_coap_fetch_feed each datagram that comes from that peer, then poll
 *     again; poll, too, when until_ms has come
 *   A datagram stays unchanged from feed until poll says WAIT, DONE or FAILED.
 *
 * Each byte of a range is told once, in blocks, in any order. A block is as
 * long as the request's szx says, or shorter: the peer may choose so at any
 * time [RFC 7959 2.4]. Blocks are not cut: the last one of a range may go on
 * behind it.
 *
 * Owns:  nothing.
 * RAM:   128 bytes, and 12 for each slot, on a Cortex-M3; a path 112; the
 *        caller's two buffers as for struct selv_coap_client.
 *        A slot moves one block in a round-trip time: a link of 250 kbit/s and
 *        100 ms is filled by 4 slots of 1024 bytes, 13 of 256, 30 of 64, and
 *        more where packets get lost. */
#ifndef SELV_COAP_FETCH_H
#define SELV_COAP_FETCH_H

#include "coap/path.h"

#define SELV_COAP_FETCH_SLOTS_MAX 256u

/* selv_coap_fetch_want: up to the body's end. */
#define SELV_COAP_FETCH_TO_END UINT32_MAX

/* Calls, step 3, says what they mean. */
enum selv_coap_fetch_action {
    SELV_COAP_FETCH_WAIT = 0,
    SELV_COAP_FETCH_SEND = 1,
    SELV_COAP_FETCH_BLOCK = 2,
    SELV_COAP_FETCH_DONE = 3,
    SELV_COAP_FETCH_FAILED = 4,
    SELV_COAP_FETCH_WANT = 5
};

/* Private. */
struct selv_coap_fetch_slot {
    uint32_t offset;  /* bytes: the first that is missing */
    uint32_t sent_ms; /* the latest transmission */
    uint16_t mid;     /* its message ID: low bits of its number */
    uint8_t units;    /* of 16 bytes that are missing; 0: the slot is free */
    uint8_t flags;
};

/* Private. */
struct selv_coap_fetch {
    const struct selv_coap_request *rq;
    struct selv_coap_path *path;
    struct selv_coap_fetch_slot *slots;
    uint64_t deadline_ms;
    uint64_t hold_ms;          /* no request before */
    struct selv_bytes payload; /* BLOCK waiting to be told, or diagnostics */
    uint32_t offset;           /* of it */
    uint32_t token;            /* of number 0 */
    uint32_t random;           /* jitter */
    uint32_t first;            /* number of this fetch's first transmission */
    uint32_t largest;          /* highest number answered */
    uint32_t sign_ms;          /* when the latest left, or was answered */
    uint32_t since_ms;         /* when the latest left before time-outs */
    uint32_t probe_ms;         /* time-out without back-off */
    uint32_t cursor;           /* bytes: next of the range to be asked for */
    uint32_t end;              /* bytes: of the range */
    uint32_t total;            /* bytes of the body; UINT32_MAX: not known */
    uint32_t told;             /* bytes, in BLOCKs */
    uint32_t echoing;          /* number of the first with the Echo now kept */
    uint16_t count;
    uint16_t flying;  /* slots in flight */
    uint16_t cost;    /* bytes of an answer */
    uint16_t asked;   /* blocks, once each */
    uint16_t doubles; /* transmissions of blocks in flight */
    uint16_t out_mid;
    uint16_t content_format;
    uint16_t err;
    uint8_t state;
    uint8_t flags;
    uint8_t szx;
    uint8_t out_type;   /* ACK or Reset to send, else 0 */
    uint8_t silence;    /* time-outs since the latest answer */
    uint8_t probes;     /* transmissions that need no room */
    uint8_t sent_len;   /* bytes of the latest request; 255: or more */
    uint8_t challenges; /* of transmissions that echoed, since content came */
    uint8_t code;
    uint8_t etag_len;
    uint8_t etag[SELV_COAP_ETAG_MAX];
};

/* slots: the caller's array, any content, of count 1 to
 * SELV_COAP_FETCH_SLOTS_MAX; path: initialised, of the peer to be asked; it may
 * serve one fetch at a time. */
void selv_coap_fetch_init(struct selv_coap_fetch *f,
                          struct selv_coap_path *path,
                          struct selv_coap_fetch_slot *slots, uint16_t count);

/* Begin. Of the request, code is SELV_COAP_GET, payload, offset, etag and
 * content_format are not used; resume_etag, when not empty, is the ETag that
 * the body must have; it stays unchanged until the end. random: fresh and
 * unpredictable for each call.
 * SELV_ERR_COAP_BUSY while a fetch is under way. SELV_ERR_ARG for another code,
 * szx over 6, an ETag over 8 bytes, body_max over 2^30, no deadline. */
SELV_MUST_CHECK enum selv_err
selv_coap_fetch_start(struct selv_coap_fetch *f,
                      const struct selv_coap_request *rq,
                      const uint8_t random[static 8], uint64_t now_ms);

/* The next range, when poll has said WANT: len (> 0) bytes from offset (a
 * multiple of the request's block), or SELV_COAP_FETCH_TO_END. None has been
 * wanted before, rounded up to blocks. SELV_ERR_COAP_BUSY when no range is
 * wanted now, SELV_ERR_ARG for a wrong offset or len 0, SELV_ERR_COAP_SIZE for
 * a range that goes beyond body_max, or the body if its length is known; the
 * fetch is then as before. */
SELV_MUST_CHECK enum selv_err
selv_coap_fetch_want(struct selv_coap_fetch *f, uint32_t offset, uint32_t len);

/* There is no further range: DONE comes when those wanted have been told. */
void selv_coap_fetch_all(struct selv_coap_fetch *f);

/* No further request leaves, and WANT is not said, until resumed; answers that
 * come are told. The deadline goes on. */
void selv_coap_fetch_pause(struct selv_coap_fetch *f, bool is_paused);

/* The peer's address or ours has changed: what is in flight is asked for
 * again, on a path that begins anew. */
void selv_coap_fetch_moved(struct selv_coap_fetch *f);

/* A datagram from the peer. True when it was a matter of the fetch (an
 * answer, stale, doubled or malformed ones too); false when it is a request or
 * a ping, for a server to look at, an empty message to another, or no fetch is
 * under way. Confirmable answers to others are rejected while one is: a peer is
 * asked by one engine at a time. Never fails: what is wrong with an answer
 * comes out of poll. */
bool selv_coap_fetch_feed(struct selv_coap_fetch *f, uint64_t now_ms,
                          struct selv_bytes datagram);

/* The next thing to do. out (cap at least SELV_COAP_HEADER_MAX) receives the
 * datagram of SEND in out->len; it may not overlap the datagram fed. DONE and
 * FAILED are told once. Of the event, size2 is the body's length when that is
 * known by now, more is false in the body's last block.
 * Errors of FAILED: SELV_ERR_COAP_TIMEOUT (deadline_ms over), _RESET (to a
 *   confirmable request), _OPTION (critical option in the answer), _BLOCK
 *   (another block than asked, or of a wrong length), _ETAG (the body changed,
 *   or is not resume_etag's), _SIZE (longer than body_max, or ends within a
 *   range), _CODE (see event code, and its payload for a diagnostic; 4.01
 *   with an Echo that has been repeated, or eight in a row without content,
 *   too),
 *   SELV_ERR_SPACE and SELV_ERR_ARG (the request does not fit out, or its path
 *   is malformed). 5.03 and 4.29 are waited out: Max-Age seconds. */
enum selv_coap_fetch_action selv_coap_fetch_poll(struct selv_coap_fetch *f,
                                                 uint64_t now_ms,
                                                 struct selv_buf *out,
                                                 struct selv_coap_event *event);

/* Bytes told since start: a caller who will not wait for a trickle compares
 * two readings. */
uint32_t selv_coap_fetch_told(const struct selv_coap_fetch *f);

/* Requests in flight, 0 to count. */
uint16_t selv_coap_fetch_in_flight(const struct selv_coap_fetch *f);

/* Forget the fetch; an answer that still comes is rejected. */
void selv_coap_fetch_abort(struct selv_coap_fetch *f);

#endif
