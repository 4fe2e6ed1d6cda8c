/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/qblock.h - several blocks for one request, or one answer for several
 * blocks: Q-Block1 and Q-Block2 [RFC 9177].
 *
 * Terms: a *set* is SELV_COAP_QBLOCK_PAYLOADS blocks, counted from block 0:
 *        what leaves without a word from the other side. *Go on* is that word:
 *        2.31 from a server, a request for the next set from a client
 *        ("Continue" in the RFC). *Missing* blocks are asked for by number.
 *
 * Messages are non-confirmable. Between two sets the sender waits 2 to 3 s,
 * unless told to go on; the receiver asks for what is missing when it sees a
 * block of a later set, or has seen none for 4 s, then 8, 16, 32. For
 * downloads over links that lose packets coap/fetch.h is faster by far
 * (DESIGN.md has the figures); this is for peers that want it, and for links
 * where one direction carries little.
 *
 * Both options are critical: a peer that does not know them answers 4.02, and
 * the caller goes on with coap.h or fetch.h. That is found out with one
 * confirmable request, which asks for block 0 alone [RFC 9177 4.1].
 *
 * Client (one peer, one transfer at a time): as struct selv_coap_client, but
 * blocks come in any order.
 *
 * Server: selv_coap_server_know(s, selv_coap_qblock_options, 2), then for each
 * request
 *   1 selv_coap_qblock_read. A resource that does not serve them answers 4.02
 *     when has_q1 or q2_count says that there are any
 *   2 a body that goes out (Q-Block2): selv_coap_qsend_take, then
 *     selv_coap_qsend_poll and, for each block that it names,
 *     selv_coap_qsend_begin and _end, until it says that none is due
 *   3 a body that comes in (Q-Block1): selv_coap_qtake_find, _feed; when that
 *     says 0 the body is whole: selv_coap_qtake_answer; then
 *     selv_coap_qtake_reply. Or answer a body by 2, with this request
 *   4 selv_coap_qsend_poll and selv_coap_qtake_poll again when their time has
 *     come
 *   5 selv_coap_qblock_feed with each empty message (ACK, Reset)
 * A request of 40 bytes makes a server send ten blocks: only for addresses that
 * have echoed (coap/echo.h), or over a security protocol [RFC 9177 11].
 *
 * Owns:  nothing.
 * RAM:   on a Cortex-M3 client 184 bytes, body that goes out 136, body that
 *        comes in 152, without its bytes. */
#ifndef SELV_COAP_QBLOCK_H
#define SELV_COAP_QBLOCK_H

#include "coap/coap.h"

/* Derived times, milliseconds [RFC 9177 7.2]. MAX_LATENCY is 100 s. */
#define SELV_COAP_QBLOCK_PARTIAL_MS                                            \
    (SELV_COAP_QBLOCK_TIMEOUT_MS * ((1u << SELV_COAP_QBLOCK_RETRANSMIT) - 1) / \
         2 * 3 +                                                               \
     200000u + SELV_COAP_QBLOCK_TIMEOUT_MS)
#define SELV_COAP_QBLOCK_PROBING_WAIT_MS                                       \
    (SELV_COAP_QBLOCK_PARTIAL_MS + SELV_COAP_QBLOCK_TIMEOUT_MS / 2)

_Static_assert(SELV_COAP_QBLOCK_RECEIVE_MS >=
                   SELV_COAP_QBLOCK_TIMEOUT_MS / 2 * 3 + 1000,
               "[RFC 9177 7.2]");
_Static_assert(SELV_COAP_QBLOCK_WINDOW % 8 == 0 &&
                   SELV_COAP_QBLOCK_WINDOW >= 2 * SELV_COAP_QBLOCK_PAYLOADS,
               "whole bytes; a set and the next one");

/* The two options, for selv_coap_server_know. */
extern const uint16_t selv_coap_qblock_options[2];

/* ---- the options ---------------------------------------------------------
 */

/* Those of one message. */
struct selv_coap_qblock {
    bool has_q1;
    uint8_t q2_count; /* 0 to SELV_COAP_QBLOCK_PAYLOADS */
    struct selv_coap_block q1;
    struct selv_coap_block q2[SELV_COAP_QBLOCK_PAYLOADS];
};

/* Read them from a parsed message. 0, or the code to refuse a request with:
 * 4.02 (malformed, repeated Q-Block1, mixed with Block1 or Block2
 * [RFC 9177 4.1]), 4.00 (SZX 7, several Q-Block2 not in ascending order or of
 * several sizes [RFC 9177 4.4]). Of more Q-Block2 than fit, the first ones:
 * who misses more asks again. After a refusal *q is empty. */
SELV_MUST_CHECK uint8_t selv_coap_qblock_read(const struct selv_coap_msg *m,
                                              struct selv_coap_qblock *q);

/* The numbers of a missing-blocks payload, a CBOR sequence of unsigned numbers
 * [RFC 9177 5]: the next one in *num, and off *rest. False at its end, and for
 * what is not such a sequence, is not ascending (from one call to the next, by
 * *num; *first is true for the first call) or over 2^20 - 1; *rest is then
 * empty or not, so that the caller can tell. */
bool selv_coap_qblock_missing_next(struct selv_bytes *rest, uint32_t *num,
                                   bool *first);

/* ---- parts of all transfers. Private. ---------------------------------------
 */

/* A window of blocks. */
struct selv_coap_qbits {
    uint32_t base; /* block of bit 0 */
    uint8_t bit[SELV_COAP_QBLOCK_WINDOW / 8];
};

/* A body that comes in. */
struct selv_coap_qrx {
    uint64_t last_ms;            /* latest new block, or request for missing */
    struct selv_coap_qbits have; /* everything below its base, too */
    uint32_t count;     /* blocks of the body; UINT32_MAX: not known yet */
    uint32_t seen_end;  /* one more than the highest that came */
    uint32_t ask_end;   /* missing ones below are to be asked for; 0: none */
    uint32_t asked_set; /* a block of this set made us ask for earlier ones */
    uint32_t go_on;     /* ask for the set that begins here; 0: no */
    uint8_t tries;      /* requests for missing since the latest new block */
};

/* A body that goes out. */
struct selv_coap_qtx {
    uint64_t gate_ms;            /* no other set before */
    struct selv_coap_qbits want; /* blocks that the receiver misses */
    uint32_t count;              /* blocks of the body */
    uint32_t next;               /* of the row; count: the row has ended */
    uint32_t set;                /* of the missing blocks that are being sent */
    uint16_t delay_ms;           /* between two sets */
    uint8_t quiet;               /* sets since the receiver was heard */
};

/* ---- client -------------------------------------------------------------- */

/* Private, but is_known. */
struct selv_coap_qclient {
    const struct selv_coap_request *rq;
    uint64_t next_ms;
    uint64_t deadline_ms;
    uint64_t hold_ms;          /* nothing is sent before [RFC 9177 7.2] */
    struct selv_bytes payload; /* BLOCK waiting to be told, or diagnostics */
    union {
        struct selv_coap_qrx rx;
        struct selv_coap_qtx tx;
    } u;
    uint32_t offset; /* of payload */
    uint32_t random; /* jitter */
    uint32_t token;  /* head of all tokens of the transfer */
    uint32_t total;  /* bytes of the response's body */
    uint32_t bytes;  /* sent without an answer */
    uint32_t timeout_ms;
    uint16_t number; /* of the latest request: tail of its token */
    uint16_t echoed; /* the latest request before a challenge was met */
    uint16_t mid;
    uint16_t out_mid;
    uint16_t content_format;
    uint16_t err;
    uint8_t state;
    uint8_t flags;
    uint8_t out_type; /* ACK or Reset to send, else 0 */
    uint8_t tries;
    uint8_t challenges; /* answered in this transfer */
    uint8_t szx;
    uint8_t code;
    uint8_t etag_len;
    uint8_t etag[SELV_COAP_ETAG_MAX];
    bool is_known;    /* the peer knows Q-Block: it is not asked again. The
                         caller may set and clear it between transfers */
    uint8_t echo_len; /* 0: none to repeat */
    uint8_t echo[40];
};

void selv_coap_qclient_init(struct selv_coap_qclient *c);

/* Begin a transfer, as selv_coap_client_start. offset and resume_etag are not
 * used; a request with a payload brings it by Q-Block1. Where the last one
 * ended without any answer, nothing leaves for as long as PROBING_RATE (one
 * byte a second) wants it, SELV_COAP_QBLOCK_PROBING_WAIT_MS at most; poll says
 * so. SELV_ERR_ARG, too, for a payload of more than 2^20 blocks. */
SELV_MUST_CHECK enum selv_err
selv_coap_qclient_start(struct selv_coap_qclient *c,
                        const struct selv_coap_request *rq,
                        const uint8_t random[static 8], uint64_t now_ms);

/* As selv_coap_client_feed. */
bool selv_coap_qclient_feed(struct selv_coap_qclient *c, uint64_t now_ms,
                            struct selv_bytes datagram);

/* As selv_coap_client_poll, but that BLOCKs come in any order (each byte once),
 * and event->more says that others are missing. Errors of FAILED besides:
 * SELV_ERR_COAP_OPTION with event->code 4.02: the peer does not know Q-Block;
 * ask it with coap.h or fetch.h. */
enum selv_coap_action selv_coap_qclient_poll(struct selv_coap_qclient *c,
                                             uint64_t now_ms,
                                             struct selv_buf *out,
                                             struct selv_coap_event *event);

/* Forget the transfer; a confirmable answer that still comes is rejected. */
void selv_coap_qclient_abort(struct selv_coap_qclient *c);

/* ---- server: a body goes out (Q-Block2) ------------------------------------
 */

/* Private. */
struct selv_coap_qtoken {
    uint8_t len;
    uint8_t p[SELV_COAP_TOKEN_MAX];
};

/* One body on its way to one peer. Private. */
struct selv_coap_qsend {
    uint64_t expiry_ms; /* 0: free */
    uint64_t next_ms;   /* confirmable: when to send again */
    struct selv_coap_qtx tx;
    struct selv_coap_peer peer;
    struct selv_coap_qtoken row;  /* of what goes out in order */
    struct selv_coap_qtoken want; /* of what was missing */
    uint32_t resource;
    uint32_t total;      /* bytes */
    uint32_t piggy;      /* the block on the latest ACK */
    uint32_t con_num;    /* confirmable: the block not acknowledged yet */
    uint32_t timeout_ms; /* confirmable */
    uint16_t mid;        /* of the latest block */
    uint16_t rq_mid;     /* of the latest request */
    uint8_t szx;
    uint8_t tries;
    uint8_t flags;
    uint8_t etag_len;
    uint8_t etag[SELV_COAP_ETAG_MAX];
};

/* What one body that goes out is. */
struct selv_coap_qbody {
    uint32_t resource;      /* a number of the caller's choice: one peer gets
                               one body of it at a time */
    uint32_t total;         /* bytes */
    struct selv_bytes etag; /* 1 to 8 bytes, another for each other body */
    uint8_t szx_max;        /* 0 to 6 */
};

/* A request for blocks, of q's Q-Block2; with Q-Block1 alone: for the whole
 * body. 0, and the entry that will send them in *e; or the code to answer: 4.00
 * (beyond the end, another block size in the middle, neither option: that one
 * is for selv_coap_slice), 5.03 (no place). An entry is
 * free again when it has sent all and heard nothing for a while, and on a
 * Reset; when all are taken, one that has sent all that it was asked for gives
 * way. Which body belongs to an entry is the caller's to remember, by its
 * index; it is asked for anew when *is_new. */
SELV_MUST_CHECK uint8_t selv_coap_qsend_take(
    struct selv_coap_qsend *table, size_t count, uint64_t now_ms,
    struct selv_coap_server *s, const struct selv_coap_peer *peer,
    const struct selv_coap_qbody *body, const struct selv_coap_msg *rq,
    const struct selv_coap_qblock *q, struct selv_coap_qsend **e, bool *is_new);

/* The entry that has a block to send now, or NULL: then not before *until_ms
 * (UINT64_MAX: not before the next request). */
struct selv_coap_qsend *selv_coap_qsend_poll(struct selv_coap_qsend *table,
                                             size_t count, uint64_t now_ms,
                                             uint64_t *until_ms);

/* Begin the datagram for that block: to e->peer. On the ACK of the request
 * when that was confirmable and this is its first block; else as the request
 * was. slice says which bytes; write options up to 31 with
 * selv_coap_write_qslice, then the payload; then selv_coap_write_end. */
void selv_coap_qsend_begin(struct selv_coap_server *s,
                           struct selv_coap_qsend *e, uint64_t now_ms,
                           uint8_t code, struct selv_coap_slice *slice,
                           struct selv_buf *out, struct selv_coap_writer *w);

/* As selv_coap_write_slice, with Q-Block2 and Size2. */
void selv_coap_write_qslice(struct selv_coap_writer *w,
                            const struct selv_coap_slice *slice,
                            struct selv_bytes etag, uint16_t content_format,
                            uint32_t max_age);

/* Forget it: nothing more is sent. */
void selv_coap_qsend_end(struct selv_coap_qsend *e);

/* ---- server: a body comes in (Q-Block1) -------------------------------------
 */

#define SELV_COAP_QTAKE_ANSWER_MAX                                             \
    24u /* bytes of a short answer that is kept */

/* One body, put together in the caller's buffer. */
struct selv_coap_qtake {
    struct selv_buf body; /* body.len is its length when it is whole */
    /* private */
    uint64_t expiry_ms; /* 0: free */
    struct selv_coap_qrx rx;
    struct selv_coap_peer peer;
    struct selv_coap_qtoken token; /* of the latest request */
    uint32_t resource;
    uint32_t tag;   /* of the Request-Tags */
    uint32_t total; /* bytes: Size1 */
    uint16_t mid;   /* of the latest 4.08 */
    uint16_t format;
    uint8_t szx;
    uint8_t flags;
    uint8_t code; /* of the answer to the whole body; 0: none yet */
    uint8_t answer_len;
    uint8_t answer[SELV_COAP_QTAKE_ANSWER_MAX];
};

/* selv_coap_qtake_feed: nothing to say now, but to acknowledge a confirmable
 * request (selv_coap_qtake_reply does). */
#define SELV_COAP_QTAKE_SILENT 0xffu

/* buf: cap is the longest body that is taken. */
void selv_coap_qtake_init(struct selv_coap_qtake *u, struct selv_buf buf);

/* The place for this request among count: the body that this peer has begun on
 * this resource with this Request-Tag; or a free or expired one, or one that
 * was answered. NULL: none; _feed and _reply know what to say. */
struct selv_coap_qtake *selv_coap_qtake_find(struct selv_coap_qtake *u,
                                             size_t count, uint64_t now_ms,
                                             const struct selv_coap_peer *peer,
                                             uint32_t resource,
                                             const struct selv_coap_msg *rq);

/* Take a block. 0: the body is whole, in u->body: process it and say
 * selv_coap_qtake_answer. Else what selv_coap_qtake_reply is to say:
 * SELV_COAP_QTAKE_SILENT, 2.31, the code of the answer again; 4.00 (no
 * Request-Tag, no Size1, a block of a wrong length, another size than before),
 * 4.13 (longer than the buffer), 5.03 (no place). */
SELV_MUST_CHECK uint8_t selv_coap_qtake_feed(struct selv_coap_qtake *u,
                                             uint64_t now_ms,
                                             const struct selv_coap_peer *peer,
                                             uint32_t resource,
                                             const struct selv_coap_msg *rq,
                                             const struct selv_coap_qblock *q);

/* What is answered to the whole body, now and when a copy of a block comes:
 * code, content_format (or SELV_COAP_NO_FORMAT) and up to
 * SELV_COAP_QTAKE_ANSWER_MAX bytes (longer: none). */
void selv_coap_qtake_answer(struct selv_coap_qtake *u, uint8_t code,
                            uint16_t content_format, struct selv_bytes payload);

/* Write the message to the request that was fed; out->len 0: nothing to send.
 * u may be NULL when code is an error. out->cap at least
 * SELV_COAP_HEADER_MAX. */
void selv_coap_qtake_reply(struct selv_coap_server *s,
                           const struct selv_coap_qtake *u,
                           const struct selv_coap_msg *rq, uint8_t code,
                           struct selv_buf *out);

/* The body of which blocks must be asked for now, or NULL: then not before
 * *until_ms. One that was asked for too often is given up. */
struct selv_coap_qtake *selv_coap_qtake_poll(struct selv_coap_qtake *u,
                                             size_t count, uint64_t now_ms,
                                             uint64_t *until_ms);

/* Write that request, a 4.08 with numbers, to u->peer. out->cap at least
 * SELV_COAP_HEADER_MAX. */
void selv_coap_qtake_missing(struct selv_coap_server *s,
                             struct selv_coap_qtake *u, uint64_t now_ms,
                             struct selv_buf *out);

/* Free it. */
void selv_coap_qtake_end(struct selv_coap_qtake *u);

/* ---- server: empty messages -------------------------------------------------
 */

/* True when the datagram was the ACK or Reset of one of these. A Reset ends
 * the transfer: the peer has forgotten it. */
bool selv_coap_qblock_feed(struct selv_coap_qsend *send, size_t send_count,
                           struct selv_coap_qtake *take, size_t take_count,
                           uint64_t now_ms, const struct selv_coap_peer *peer,
                           struct selv_bytes datagram);

#endif
