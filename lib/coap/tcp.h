/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/tcp.h - CoAP over a stream of bytes: TCP, TLS, a pipe [RFC 8323].
 *
 * Terms: a *frame* is a message as it stands in the stream; *signaling* is what
 *        the two ends of a connection say of the connection itself; *BERT* are
 *        blocks of a multiple of 1024 bytes, SZX 7 [RFC 8323 6].
 *
 * The engines of this folder speak datagrams. Here a connection turns the
 * frames that come into datagrams for them, and what they write into frames,
 * in place; and it does the signaling. Requests come out as confirmable
 * messages, so that what is piggybacked answers them, responses as
 * non-confirmable ones.
 *
 * One connection:
 *   1 selv_coap_tcp_init when the stream is open, at either end
 *   2 selv_coap_tcp_poll until it says WAIT:
 *       SEND      write out[0..len) into the stream
 *       REQUEST   message, for selv_coap_server_feed: a server of its own,
 *                 remembering nothing (seen_count 0), told that it is
 *                 one (selv_coap_server_stream)
 *       RESPONSE  message, for selv_coap_watch_feed (is_stream) or
 *                 selv_coap_client_feed (selv_coap_client_stream)
 *       RELEASED  the peer asks for the end: answer what is open, then close
 *       CLOSE     write nothing more, close the stream; tell observers and
 *                 clients that it is gone
 *       WAIT      read from the stream, no longer than until_ms
 *   3 selv_coap_tcp_feed what was read, as much as it takes; then poll again
 *   4 what an engine wrote: selv_coap_tcp_wrap, and into the stream
 *   A message is valid until the next poll.
 *
 * Owns:  nothing.
 * RAM:   80 bytes on Cortex-M3, and the buffer. */
#ifndef SELV_COAP_TCP_H
#define SELV_COAP_TCP_H

#include "coap/coap.h"

/* Signaling codes [RFC 8323 5]. */
#define SELV_COAP_CSM SELV_COAP_CODE(7, 1)
#define SELV_COAP_PING SELV_COAP_CODE(7, 2)
#define SELV_COAP_PONG SELV_COAP_CODE(7, 3)
#define SELV_COAP_RELEASE SELV_COAP_CODE(7, 4)
#define SELV_COAP_ABORT SELV_COAP_CODE(7, 5)

/* Signaling options: each code has numbers of its own. */
#define SELV_COAP_CSM_MAX_MESSAGE_SIZE 2u
#define SELV_COAP_CSM_BLOCK_WISE 4u
#define SELV_COAP_PING_CUSTODY 2u
#define SELV_COAP_RELEASE_ADDRESS 2u
#define SELV_COAP_RELEASE_HOLD_OFF 4u
#define SELV_COAP_ABORT_BAD_CSM 2u

/* Bytes of a frame that every peer takes [RFC 8323 5.3.1]. */
#define SELV_COAP_TCP_MESSAGE_MIN 1152u

/* Bytes of the buffer beside the largest frame that it takes. */
#define SELV_COAP_TCP_SPARE 2u

/* ---- frames ---------------------------------------------------------------
 */

/* The head of a frame. */
struct selv_coap_tcp_head {
    uint8_t len;       /* bytes of the head, code included: 2, 3, 4 or 6 */
    uint8_t token_len; /* 0 to 8 */
    uint8_t code;
    uint64_t frame_len; /* bytes of all of it, head and token included */
};

/* Read the head at the beginning of in. SELV_ERR_SPACE: more bytes are needed.
 * SELV_ERR_COAP_FORMAT: a token length of 9 to 15. */
SELV_MUST_CHECK enum selv_err
selv_coap_tcp_head_read(struct selv_bytes in, struct selv_coap_tcp_head *head);

/* Turn a datagram, as an engine wrote it, into a frame, in place: *frame is a
 * part of it. Empty for an empty message, which a stream does not need.
 * SELV_ERR_COAP_FORMAT for what is no datagram, SELV_ERR_SPACE for one with
 * more than 65804 bytes behind its token, or a frame longer than max_len. */
SELV_MUST_CHECK enum selv_err selv_coap_tcp_wrap(struct selv_buf *datagram,
                                                 uint32_t max_len,
                                                 struct selv_bytes *frame);

/* ---- a connection ----------------------------------------------------------
 */

enum selv_coap_tcp_action {
    SELV_COAP_TCP_WAIT = 0,
    SELV_COAP_TCP_SEND = 1,
    SELV_COAP_TCP_REQUEST = 2,
    SELV_COAP_TCP_RESPONSE = 3,
    SELV_COAP_TCP_RELEASED = 4,
    SELV_COAP_TCP_CLOSE = 5
};

struct selv_coap_tcp_event {
    uint64_t until_ms;         /* WAIT */
    struct selv_bytes message; /* REQUEST, RESPONSE: as a datagram */
    struct selv_bytes address; /* RELEASED: go there instead; may be empty */
    uint32_t hold_off_s;       /* RELEASED: and not before; 0: at once */
    struct selv_bytes text;    /* RELEASED, CLOSE by the peer's Abort: its
                                  words, may be empty */
    enum selv_err err;         /* CLOSE: why */
};

/* Private, but the two times, for the caller to set after init. */
struct selv_coap_tcp {
    struct selv_buf in;
    uint32_t peer_max;   /* bytes of the largest frame that the peer takes */
    uint32_t idle_ms;    /* without a byte from the peer, after which it is
                            asked whether it is there; 0: never. 600,000 */
    uint32_t timeout_ms; /* to get its CSM, the rest of a message begun, a
                            Pong, its end once released. 30,000 */
    uint64_t heard_ms;   /* when a byte came */
    uint64_t begun_ms;   /* when the frame in the buffer began */
    uint64_t entered_ms; /* when waiting for its CSM, or its end, began */
    uint32_t at;         /* where the next frame begins in the buffer */
    uint32_t taken;      /* bytes of the frame told, to be thrown away */
    uint32_t pings;
    uint16_t mid;
    uint16_t bad_option; /* to be named in the Abort */
    uint16_t err;
    uint8_t state;
    uint8_t flags;
    uint8_t pong_len; /* its token */
    uint8_t pong[SELV_COAP_TOKEN_MAX];
};

/* buf: the caller's for the life of the connection. What it takes beside
 * SELV_COAP_TCP_SPARE is what the peer is told to be our largest frame; at
 * least SELV_COAP_TCP_MESSAGE_MIN is wise. More makes the peer send BERT. */
void selv_coap_tcp_init(struct selv_coap_tcp *c, struct selv_buf buf,
                        uint64_t now_ms);

/* Bytes from the stream. How many were taken; fewer than given when the buffer
 * is full: poll, then feed the rest. */
size_t selv_coap_tcp_feed(struct selv_coap_tcp *c, uint64_t now_ms,
                          struct selv_bytes bytes);

/* The caller has not read from the stream for so long: what the peer owes is
 * late by that much later. */
void selv_coap_tcp_paused(struct selv_coap_tcp *c, uint64_t ms);

/* Bytes that feed takes now. At least 1 after poll said WAIT, unless the
 * connection is over, when it takes any number. */
size_t selv_coap_tcp_room(const struct selv_coap_tcp *c);

/* The next thing to do. out: cap at least SELV_COAP_REPLY_MAX. Errors of CLOSE:
 * SELV_ERR_COAP_FORMAT (what came is no frame, or not what must come first),
 * SELV_ERR_COAP_OPTION (a critical option of signaling), SELV_ERR_COAP_SIZE (a
 * frame longer than the buffer), SELV_ERR_COAP_TIMEOUT, SELV_ERR_COAP_RESET
 * (the peer aborted), SELV_OK (released by us, or the stream's end). After
 * CLOSE it says WAIT for ever. */
enum selv_coap_tcp_action selv_coap_tcp_poll(struct selv_coap_tcp *c,
                                             uint64_t now_ms,
                                             struct selv_buf *out,
                                             struct selv_coap_tcp_event *event);

/* True once the peer has told what it can take. */
bool selv_coap_tcp_is_up(const struct selv_coap_tcp *c);

/* Bytes of the payload of a BERT block that the peer takes, a multiple of 1024;
 * 0: it takes none. At most 32768. */
uint16_t selv_coap_tcp_bert_len(const struct selv_coap_tcp *c);

/* Say that we want no more, after our CSM if that has not left yet; the peer
 * closes, or CLOSE comes in timeout_ms, whatever it sends until then. */
void selv_coap_tcp_release(struct selv_coap_tcp *c, uint64_t now_ms);

/* The stream has ended. CLOSE follows. */
void selv_coap_tcp_ended(struct selv_coap_tcp *c);

/* As selv_coap_slice, for a peer over a stream: when the request has SZX 7, the
 * piece is up to bert_len bytes, a multiple of 1024. */
SELV_MUST_CHECK enum selv_err
selv_coap_bert_slice(const struct selv_coap_msg *rq, uint32_t total,
                     uint8_t szx_max, uint16_t bert_len,
                     struct selv_coap_slice *slice);

#endif
