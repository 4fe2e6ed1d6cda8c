/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/coap.h - CoAP over datagrams: messages, exchanges, blocks
 * [RFC 7252, RFC 7959, RFC 6690].
 *
 * Terms: a *message* is one datagram; an *exchange* is a request and its
 *        response; a *transfer* is the row of exchanges, each moving one
 *        block, that moves one representation (the *body*).
 *        *SZX* is a block's size: 2^(SZX + 4) bytes, SZX 0 to 6.
 *
 * The same code runs in devices and servers; nothing here does I/O, reads a
 * clock or allocates. now_ms counts milliseconds from any origin and never
 * goes back. Random bytes come from the caller; tokens are made of them, and
 * are what an attacker off the path would have to guess [RFC 7252 11.4].
 *
 * Client (one peer, one transfer at a time: NSTART is 1 [RFC 7252 4.7]):
 *   1 selv_coap_client_init, once
 *   2 selv_coap_client_start with a request
 *   3 selv_coap_client_poll until it says WAIT:
 *       SEND    send out[0..len) to the peer
 *       BLOCK   the next piece of the body; a view into the datagram fed
 *       DONE    the transfer ended well; FAILED: it ended otherwise
 *       WAIT    wait for a datagram, no longer than until_ms
 *   4 selv_coap_client_feed each datagram that comes from that peer, then
 *     poll again; poll, too, when until_ms has come
 *   A datagram stays unchanged from feed until poll says WAIT, DONE or FAILED.
 *   One that was longer than the caller's buffer is not fed at all.
 *
 * Server (any number of peers):
 *   1 selv_coap_server_init, once, with an array to remember requests in
 *   2 selv_coap_server_feed each datagram. It says
 *       DROP     nothing to do
 *       REPLY    send out to that peer (Reset, error, repeated answer)
 *       REQUEST  rq is a request: answer with 3 or 4
 *   3 selv_coap_reply_begin, write options and payload, selv_coap_reply_end,
 *     and send; or
 *   4 selv_coap_later_begin, send the empty ACK; when the answer is there
 *     selv_coap_later_reply_begin and _end, then poll and feed until DONE.
 *
 * Many requests in flight, for large bodies: coap/fetch.h. Being told of
 * changes: coap/observe.h. Addresses that may be forged: coap/echo.h. Streams
 * instead of datagrams: coap/tcp.h. Several blocks for one request:
 * coap/qblock.h.
 *
 * One socket for both: offer a datagram to selv_coap_client_feed (when it
 * comes from the client's peer), then to each selv_coap_later_feed, and to
 * selv_coap_server_feed if none took it.
 *
 * Owns:  nothing. Every view in a message points into the datagram.
 * RAM:   client 128 bytes on Cortex-M3 (200 promised), plus the caller's two
 *        buffers of SELV_COAP_HEADER_MAX + one block each. */
#ifndef SELV_COAP_COAP_H
#define SELV_COAP_COAP_H

#include "base/base.h"

/* ---- numbers ----------------------------------------------------------- */

/* Message types [RFC 7252 3]. */
enum selv_coap_type {
    SELV_COAP_CON = 0,
    SELV_COAP_NON = 1,
    SELV_COAP_ACK = 2,
    SELV_COAP_RST = 3
};

/* A code c.dd as its byte [RFC 7252 3]. */
#define SELV_COAP_CODE(c, dd) ((uint8_t)((c) << 5 | (dd)))
#define SELV_COAP_CLASS(code) ((uint8_t)((code) >> 5))

#define SELV_COAP_EMPTY SELV_COAP_CODE(0, 0)
#define SELV_COAP_GET SELV_COAP_CODE(0, 1)
#define SELV_COAP_POST SELV_COAP_CODE(0, 2)
#define SELV_COAP_PUT SELV_COAP_CODE(0, 3)
#define SELV_COAP_DELETE SELV_COAP_CODE(0, 4)
#define SELV_COAP_FETCH SELV_COAP_CODE(0, 5)  /* [RFC 8132 2] */
#define SELV_COAP_PATCH SELV_COAP_CODE(0, 6)  /* [RFC 8132 3] */
#define SELV_COAP_IPATCH SELV_COAP_CODE(0, 7) /* [RFC 8132 3] */
#define SELV_COAP_CREATED SELV_COAP_CODE(2, 1)
#define SELV_COAP_DELETED SELV_COAP_CODE(2, 2)
#define SELV_COAP_VALID SELV_COAP_CODE(2, 3)
#define SELV_COAP_CHANGED SELV_COAP_CODE(2, 4)
#define SELV_COAP_CONTENT SELV_COAP_CODE(2, 5)
#define SELV_COAP_CONTINUE SELV_COAP_CODE(2, 31) /* [RFC 7959 2.9.1] */
#define SELV_COAP_BAD_REQUEST SELV_COAP_CODE(4, 0)
#define SELV_COAP_UNAUTHORIZED SELV_COAP_CODE(4, 1)
#define SELV_COAP_BAD_OPTION SELV_COAP_CODE(4, 2)
#define SELV_COAP_FORBIDDEN SELV_COAP_CODE(4, 3)
#define SELV_COAP_NOT_FOUND SELV_COAP_CODE(4, 4)
#define SELV_COAP_NOT_ALLOWED SELV_COAP_CODE(4, 5)
#define SELV_COAP_NOT_ACCEPTABLE SELV_COAP_CODE(4, 6)
#define SELV_COAP_INCOMPLETE SELV_COAP_CODE(4, 8) /* [RFC 7959 2.9.2] */
#define SELV_COAP_CONFLICT SELV_COAP_CODE(4, 9)   /* [RFC 8132 3.4] */
#define SELV_COAP_PRECONDITION SELV_COAP_CODE(4, 12)
#define SELV_COAP_TOO_LARGE SELV_COAP_CODE(4, 13)
#define SELV_COAP_BAD_FORMAT SELV_COAP_CODE(4, 15)
#define SELV_COAP_UNPROCESSABLE SELV_COAP_CODE(4, 22) /* [RFC 8132 3.4] */
#define SELV_COAP_TOO_MANY SELV_COAP_CODE(4, 29)      /* [RFC 8516] */
#define SELV_COAP_SERVER_ERROR SELV_COAP_CODE(5, 0)
#define SELV_COAP_NOT_IMPLEMENTED SELV_COAP_CODE(5, 1)
#define SELV_COAP_UNAVAILABLE SELV_COAP_CODE(5, 3)
#define SELV_COAP_NO_PROXY SELV_COAP_CODE(5, 5)

/* Option numbers that we read or write. */
enum selv_coap_option {
    SELV_COAP_OPT_IF_MATCH = 1,
    SELV_COAP_OPT_URI_HOST = 3,
    SELV_COAP_OPT_ETAG = 4,
    SELV_COAP_OPT_IF_NONE_MATCH = 5,
    SELV_COAP_OPT_OBSERVE = 6,
    SELV_COAP_OPT_URI_PORT = 7,
    SELV_COAP_OPT_URI_PATH = 11,
    SELV_COAP_OPT_CONTENT_FORMAT = 12,
    SELV_COAP_OPT_MAX_AGE = 14,
    SELV_COAP_OPT_URI_QUERY = 15,
    SELV_COAP_OPT_ACCEPT = 17,
    SELV_COAP_OPT_QBLOCK1 = 19, /* coap/qblock.h */
    SELV_COAP_OPT_BLOCK2 = 23,
    SELV_COAP_OPT_BLOCK1 = 27,
    SELV_COAP_OPT_SIZE2 = 28,
    SELV_COAP_OPT_QBLOCK2 = 31, /* coap/qblock.h */
    SELV_COAP_OPT_PROXY_URI = 35,
    SELV_COAP_OPT_PROXY_SCHEME = 39,
    SELV_COAP_OPT_SIZE1 = 60,
    SELV_COAP_OPT_ECHO = 252,       /* [RFC 9175 2.2] */
    SELV_COAP_OPT_REQUEST_TAG = 292 /* [RFC 9175 3.2] */
};

/* Content formats that Selvage uses. */
#define SELV_COAP_TEXT 0u
#define SELV_COAP_LINK_FORMAT 40u
#define SELV_COAP_OCTETS 42u
#define SELV_COAP_CBOR 60u
#define SELV_COAP_MISSING_BLOCKS 272u /* [RFC 9177 12.3] */
#define SELV_COAP_NO_FORMAT 0xffffu   /* ours: no such option */

/* Transmission parameters, milliseconds [RFC 7252 4.8]. */
#define SELV_COAP_ACK_TIMEOUT_MS 2000u /* times 1 to 1.5, at random */
#define SELV_COAP_MAX_RETRANSMIT 4u
#define SELV_COAP_MAX_TRANSMIT_WAIT_MS 93000u
#define SELV_COAP_EXCHANGE_LIFETIME_MS 247000u
#define SELV_COAP_NON_LIFETIME_MS 145000u

#define SELV_COAP_TOKEN_MAX 8u
#define SELV_COAP_ETAG_MAX 8u
#define SELV_COAP_ECHO_MAX 40u /* bytes of an Echo value [RFC 9175 2.2.1] */
#define SELV_COAP_SZX_MAX 6u
#define SELV_COAP_SZX_BERT 7u /* over streams only [RFC 8323 6] */
#define SELV_COAP_BLOCK_NUM_MAX 0xfffffu

/* Bytes of one block; szx 0 to 6. */
static inline size_t selv_coap_block_len(uint8_t szx)
{
    return (size_t)16 << szx;
}

/* ---- reading a message -------------------------------------------------- */

/* A Block1 or Block2 option [RFC 7959 2.2]. */
struct selv_coap_block {
    uint32_t num; /* 0 to 2^20 - 1 */
    uint8_t szx;  /* 0 to 6; 7 (BERT) is kept from applications that do not
                     speak over a stream */
    bool more;
};

/* Bits of selv_coap_msg.has. */
#define SELV_COAP_HAS_ETAG 0x0001u
#define SELV_COAP_HAS_OBSERVE 0x0002u
#define SELV_COAP_HAS_CONTENT_FORMAT 0x0004u
#define SELV_COAP_HAS_MAX_AGE 0x0008u
#define SELV_COAP_HAS_ACCEPT 0x0010u
#define SELV_COAP_HAS_BLOCK2 0x0020u
#define SELV_COAP_HAS_BLOCK1 0x0040u
#define SELV_COAP_HAS_SIZE2 0x0080u
#define SELV_COAP_HAS_SIZE1 0x0100u
#define SELV_COAP_HAS_URI_HOST 0x0200u
#define SELV_COAP_HAS_URI_PORT 0x0400u
#define SELV_COAP_HAS_PROXY 0x0800u /* Proxy-Uri or Proxy-Scheme */

/* A parsed datagram. Views point into it. */
struct selv_coap_msg {
    uint8_t type; /* enum selv_coap_type */
    uint8_t code;
    uint16_t mid;              /* message ID */
    struct selv_bytes token;   /* 0 to 8 bytes */
    struct selv_bytes options; /* encoded, checked; see selv_coap_opt_next */
    struct selv_bytes payload; /* empty when there is none */

    /* The options that we know, decoded; each is valid when its bit is set in
     * has. Of an elective option that is malformed, or repeated where it may
     * not be, that occurrence counts as absent [RFC 7252 5.4]. */
    uint16_t has;            /* SELV_COAP_HAS_... */
    uint16_t bad_option;     /* first critical option that we do not know,
                                or that is malformed or repeated; else 0 */
    uint16_t content_format; /* SELV_COAP_NO_FORMAT when absent */
    uint16_t accept;         /* SELV_COAP_NO_FORMAT when absent */
    uint32_t observe;
    uint32_t max_age; /* seconds; 60 when absent [RFC 7252 5.10.5] */
    uint32_t size1;   /* bytes */
    uint32_t size2;   /* bytes */
    struct selv_coap_block block1;
    struct selv_coap_block block2;
    struct selv_bytes etag; /* the first one */
};

/* Parse one datagram.
 * SELV_ERR_COAP_FORMAT for a message format error [RFC 7252 3]: too short,
 *   another version, token length 9 to 15, a reserved nibble of 15, an option
 *   or number that overruns, a payload marker without payload, an empty
 *   message with content. m->type, m->code and m->mid are then valid if the
 *   datagram has four bytes and version 1; otherwise m->type is
 *   SELV_COAP_ACK, so that nobody answers it.
 * SELV_ERR_COAP_OPTION when m->bad_option is set; m is complete otherwise. */
SELV_MUST_CHECK enum selv_err selv_coap_parse(struct selv_bytes datagram,
                                              struct selv_coap_msg *m);

/* The same, for a caller that understands count critical options besides, such
 * as If-Match: these are not bad_option, and neither their lengths nor whether
 * they repeat are checked. */
SELV_MUST_CHECK enum selv_err
selv_coap_parse_knowing(struct selv_bytes datagram, const uint16_t *known,
                        size_t count, struct selv_coap_msg *m);

/* Walks the options of a parsed message in order. */
struct selv_coap_opt {
    uint16_t number;
    struct selv_bytes value;
    struct selv_bytes rest; /* private */
};

void selv_coap_opt_begin(const struct selv_coap_msg *m,
                         struct selv_coap_opt *o);
/* False when there is no further option. */
bool selv_coap_opt_next(struct selv_coap_opt *o);

/* The first option of that number. False, and *value untouched, when there is
 * none. */
bool selv_coap_opt_find(const struct selv_coap_msg *m, uint16_t number,
                        struct selv_bytes *value);

/* A value as an unsigned number; leading zeros pass [RFC 7252 3.2]. False,
 * and *v untouched, when it is longer than 4 bytes. */
bool selv_coap_opt_uint(struct selv_bytes value, uint32_t *v);

/* True when one of the message's ETag options is etag. */
bool selv_coap_has_etag(const struct selv_coap_msg *m, struct selv_bytes etag);

/* True when the request's If-Match and If-None-Match [RFC 7252 5.10.8] allow it
 * to be done to a resource that exists, with this ETag, or does not; else
 * answer 4.12. For servers that know both (selv_coap_server_know). Of these
 * methods: PUT, POST, DELETE, PATCH, iPATCH [RFC 8132 3]. A value that is too
 * long matches nothing. */
bool selv_coap_condition_holds(const struct selv_coap_msg *rq, bool exists,
                               struct selv_bytes etag);

/* True when the Uri-Path is the pattern: segments parted by '/', without one
 * at the head ("suit/m"; "" is the root). A segment "*" stands for any one
 * segment, and *star (may be NULL) becomes the last one so matched. */
bool selv_coap_path_match(const struct selv_coap_msg *m, const char *pattern,
                          struct selv_bytes *star);

/* The value of the first Uri-Query "name=value" (or "name": then empty).
 * False, and *value untouched, when there is none. */
bool selv_coap_query(const struct selv_coap_msg *m, const char *name,
                     struct selv_bytes *value);

/* ---- writing a message -------------------------------------------------- */

/* Writes into the caller's buffer and keeps its first error: SELV_ERR_SPACE
 * (does not fit), SELV_ERR_ARG (token longer than 8, options not in ascending
 * order, option after payload, block out of range). */
struct selv_coap_writer {
    uint8_t *p;
    size_t cap;      /* bytes */
    size_t len;      /* bytes */
    uint16_t number; /* of the last option */
    bool closed;     /* payload written */
    enum selv_err err;
};

void selv_coap_write_begin(struct selv_coap_writer *w, uint8_t *p, size_t cap,
                           enum selv_coap_type type, uint8_t code, uint16_t mid,
                           struct selv_bytes token);
void selv_coap_write_opt(struct selv_coap_writer *w, uint16_t number,
                         struct selv_bytes value);
void selv_coap_write_uint(struct selv_coap_writer *w, uint16_t number,
                          uint32_t value);
void selv_coap_write_block(struct selv_coap_writer *w, uint16_t number,
                           const struct selv_coap_block *block);
/* Uri-Path or Uri-Query options from a URI's path or query: pieces parted by
 * '/' or '&', percent-encoding decoded [RFC 7252 6.4]. SELV_ERR_ARG for a
 * malformed "%" or a piece over 255 bytes. */
void selv_coap_write_path(struct selv_coap_writer *w, struct selv_bytes path);
void selv_coap_write_query(struct selv_coap_writer *w, struct selv_bytes query);
/* Marker and payload; none for an empty one. */
void selv_coap_write_payload(struct selv_coap_writer *w,
                             struct selv_bytes payload);
/* Marker and len bytes (> 0) for the caller to fill; NULL when they do not
 * fit. */
uint8_t *selv_coap_write_reserve(struct selv_coap_writer *w, size_t len);
/* The first error, or SELV_OK with the datagram's length in *len. */
SELV_MUST_CHECK enum selv_err
selv_coap_write_end(const struct selv_coap_writer *w, size_t *len);

/* ---- URIs --------------------------------------------------------------- */

/* coap://host[:port][/path][?query], in views, still percent-encoded. */
struct selv_coap_uri {
    bool is_secure;         /* coaps */
    bool is_literal;        /* host was in brackets: an IPv6 address */
    uint16_t port;          /* 5683, or 5684 for coaps, when absent */
    struct selv_bytes host; /* without brackets, not empty */
    struct selv_bytes path; /* without the first '/' */
    struct selv_bytes query;
};

/* SELV_ERR_ARG for another scheme, user information, a fragment, an empty
 * host, a bad port, a byte that may not stand in a URI. */
SELV_MUST_CHECK enum selv_err selv_coap_uri_parse(struct selv_bytes text,
                                                  struct selv_coap_uri *uri);

/* ---- client ------------------------------------------------------------- */

/* What to ask for. The struct and all that it points at stay unchanged until
 * the transfer has ended. Zeroed fields mean "not there", except the formats
 * (SELV_COAP_NO_FORMAT). */
struct selv_coap_request {
    uint8_t code;            /* SELV_COAP_GET and its like */
    uint8_t szx;             /* largest block either way, 0 to 6 */
    uint16_t content_format; /* of payload */
    uint16_t accept;         /* format wanted */
    struct selv_bytes host;  /* Uri-Host, when the peer was named by a name */
    struct selv_bytes path;  /* "i/1f00", percent-encoded */
    struct selv_bytes query; /* "d=7&n=1", percent-encoded */
    struct selv_bytes etag;  /* 0 to 8 bytes: the one that the caller has;
                                an equal one at the server is answered 2.03 */
    struct selv_bytes if_match; /* 1 to 8 bytes: only if the resource has this
                                   ETag [RFC 7252 5.10.8.1] */
    bool if_exists;             /* If-Match: only if there is one */
    bool if_none_match;         /* only if there is none */
    struct selv_bytes payload;  /* sent in blocks when longer than one */
    uint32_t offset; /* bytes: resume the body from here; a multiple of the
                        block length */
    struct selv_bytes resume_etag; /* when offset > 0 and this is not empty:
                                      the body must have this ETag */
    uint32_t body_max;    /* bytes: longest body that the caller takes */
    uint32_t deadline_ms; /* for the whole transfer, from start; > 0 */
};

enum selv_coap_action {
    SELV_COAP_WAIT = 0,
    SELV_COAP_SEND = 1,
    SELV_COAP_BLOCK = 2,
    SELV_COAP_DONE = 3,
    SELV_COAP_FAILED = 4
};

/* What poll has to say besides its action. */
struct selv_coap_event {
    /* WAIT: poll again then at the latest; UINT64_MAX: nothing to wait for */
    uint64_t until_ms;
    /* BLOCK, DONE, FAILED */
    uint8_t code;            /* of the last response; 0: there was none */
    uint16_t content_format; /* SELV_COAP_NO_FORMAT when not given */
    struct selv_bytes etag;  /* empty when not given; valid until the next
                                start */
    /* BLOCK: a piece of a body, in order, never empty. FAILED with
     * SELV_ERR_COAP_CODE: the diagnostic payload, may be empty. */
    struct selv_bytes payload;
    uint32_t offset;   /* bytes: where the piece belongs */
    bool more;         /* BLOCK: further pieces follow */
    uint32_t size2;    /* bytes: the body's length if the server told it, else
                          0 */
    enum selv_err err; /* FAILED: why */
};

/* Private. */
struct selv_coap_client {
    const struct selv_coap_request *rq;
    uint64_t next_ms;          /* retransmission, or end of waiting */
    uint64_t deadline_ms;      /* of the transfer */
    struct selv_bytes payload; /* BLOCK waiting to be told */
    uint32_t random;           /* jitter */
    uint32_t token;            /* of the exchange under way */
    uint32_t timeout_ms;       /* of the transmission under way */
    uint32_t sent;             /* bytes of the request's payload acknowledged */
    uint32_t offset;           /* bytes of the response's body received */
    uint32_t size2;
    uint16_t mid;       /* of the exchange under way */
    uint16_t acked_mid; /* of the last separate response */
    uint16_t out_mid;   /* of the ACK or Reset to send */
    uint16_t content_format;
    uint8_t state;
    uint8_t out_type; /* ACK or Reset to send, else 0 */
    uint8_t tries;
    uint8_t restarts; /* after 4.08 */
    uint8_t szx1;
    uint8_t szx2;
    uint8_t code;
    uint8_t flags;
    uint8_t etag_len;
    uint8_t etag[SELV_COAP_ETAG_MAX];
    uint16_t err;
    uint16_t tag; /* Request-Tag of a payload in blocks */
    bool is_stream;
    uint8_t echo_len; /* 0: none to repeat */
    uint8_t echo[SELV_COAP_ECHO_MAX];
};

void selv_coap_client_init(struct selv_coap_client *c);

/* The peer is reached over a stream (coap/tcp.h): nothing is sent twice, and an
 * answer is awaited until the deadline. Between transfers. */
void selv_coap_client_stream(struct selv_coap_client *c);

/* Begin a transfer. random: fresh and unpredictable for each call.
 * SELV_ERR_COAP_BUSY while one is under way. SELV_ERR_ARG for szx over 6,
 * code not a request's, offset not a multiple of the block length, an ETag
 * over 8 bytes, no deadline. */
SELV_MUST_CHECK enum selv_err
selv_coap_client_start(struct selv_coap_client *c,
                       const struct selv_coap_request *rq,
                       const uint8_t random[static 8], uint64_t now_ms);

/* A datagram from the peer. True when it was a matter of the client
 * (an answer, stale, doubled or malformed ones too); false when it is a
 * request or a ping, for a server to look at. Never fails: what is wrong
 * with an answer comes out of poll. */
bool selv_coap_client_feed(struct selv_coap_client *c, uint64_t now_ms,
                           struct selv_bytes datagram);

/* The next thing to do. out (cap at least SELV_COAP_HEADER_MAX plus a block
 * when there is a payload to send) receives the datagram of SEND in
 * out->len; it may not overlap the datagram fed. DONE and FAILED are told
 * once; afterwards the client is free for the next start.
 * Errors of FAILED: SELV_ERR_COAP_TIMEOUT (no answer to any transmission, no
 *   separate response within MAX_TRANSMIT_WAIT, or deadline_ms over),
 *   _RESET, _OPTION (critical option in the answer), _BLOCK (another block
 *   than asked, or of a wrong length), _ETAG (the body changed), _SIZE (longer
 *   than body_max), _CODE (4.xx or 5.xx, see event code), SELV_ERR_SPACE
 *   and SELV_ERR_ARG (the request does not fit out, or its path is
 *   malformed). */
enum selv_coap_action selv_coap_client_poll(struct selv_coap_client *c,
                                            uint64_t now_ms,
                                            struct selv_buf *out,
                                            struct selv_coap_event *event);

/* Forget the transfer; an answer that still comes is rejected. */
void selv_coap_client_abort(struct selv_coap_client *c);

/* ---- server ------------------------------------------------------------- */

/* Who sent a datagram: bytes of the caller's making, such as address and
 * port, or a session's number. Compared for equality only. */
struct selv_coap_peer {
    uint8_t len; /* 0 to 20 */
    uint8_t addr[20];
};

/* A request remembered, so that its duplicate is not executed again
 * [RFC 7252 4.5]. Private. */
struct selv_coap_seen {
    uint64_t expiry_ms; /* 0: free */
    struct selv_coap_peer peer;
    uint8_t token_len;
    uint8_t token[SELV_COAP_TOKEN_MAX];
    uint16_t mid;
    uint8_t reply_len; /* 0: stay silent */
    uint8_t reply[SELV_COAP_REPLY_MAX];
};

/* Private. */
struct selv_coap_server {
    struct selv_coap_seen *seen;
    uint32_t seen_count;
    const uint16_t *known; /* see selv_coap_server_know */
    uint32_t known_count;
    bool is_stream;
    uint32_t random; /* jitter of separate responses */
    uint16_t mid;    /* next of our own messages */
};

enum selv_coap_heard {
    SELV_COAP_DROP = 0,
    SELV_COAP_REPLY = 1,
    SELV_COAP_REQUEST = 2
};

/* seen: the caller's array, any content, 112 bytes each on Cortex-M3. It is
 * searched by hash, 8 places at most each time; when these are taken, the one
 * that ends first gives way. With seen_count 0 nothing is remembered: for
 * servers all of whose requests may be executed twice. */
void selv_coap_server_init(struct selv_coap_server *s,
                           struct selv_coap_seen *seen, uint32_t seen_count,
                           const uint8_t random[static 8]);

/* count critical options that the application understands besides the ones
 * above: requests with these come out of feed. The list stays the caller's. */
void selv_coap_server_know(struct selv_coap_server *s, const uint16_t *known,
                           uint32_t count);

/* The server's peers are reached over streams (coap/tcp.h): requests with SZX 7
 * come out of feed (selv_coap_bert_slice; uploads take them as they are). */
void selv_coap_server_stream(struct selv_coap_server *s);

/* A datagram from a peer. For REQUEST, *rq is its parsed view; options that
 * we do not understand have been answered 4.02, proxying 5.05
 * [RFC 7252 5.4.1, 5.7.2]. For REPLY, out holds the bytes to send. out->cap
 * at least SELV_COAP_REPLY_MAX. */
enum selv_coap_heard selv_coap_server_feed(struct selv_coap_server *s,
                                           uint64_t now_ms,
                                           const struct selv_coap_peer *peer,
                                           struct selv_bytes datagram,
                                           struct selv_coap_msg *rq,
                                           struct selv_buf *out);

/* Begin the answer to a request in out: piggybacked on the ACK for a
 * confirmable one, else non-confirmable. Then write options (ascending) and
 * payload with the selv_coap_write functions. out must not overlap rq's
 * datagram. */
void selv_coap_reply_begin(struct selv_coap_server *s,
                           const struct selv_coap_msg *rq, uint8_t code,
                           struct selv_buf *out, struct selv_coap_writer *w);

enum selv_coap_keep {
    SELV_COAP_RECOMPUTE = 0, /* safe to execute again: a duplicate comes out
                                of feed as a REQUEST once more */
    SELV_COAP_KEEP = 1       /* a duplicate is answered with these same bytes */
};

/* Finish it; out->len becomes the datagram's length. The writer's first
 * error; SELV_ERR_SPACE, too, when it is to be kept and longer than
 * SELV_COAP_REPLY_MAX. After an error out->len is 0. */
SELV_MUST_CHECK enum selv_err
selv_coap_reply_end(struct selv_coap_server *s, uint64_t now_ms,
                    const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq,
                    const struct selv_coap_writer *w, enum selv_coap_keep keep,
                    struct selv_buf *out);

/* Begin and end in one, RECOMPUTE, with an optional diagnostic text (may be
 * NULL) [RFC 7252 5.5.2]. Fits any out of SELV_COAP_REPLY_MAX bytes: a text
 * that does not is left out. */
void selv_coap_reply_code(struct selv_coap_server *s,
                          const struct selv_coap_msg *rq, uint8_t code,
                          const char *text, struct selv_buf *out);

/* ---- separate responses [RFC 7252 5.2.2] ----------------------------------
 */

/* One answer that comes later. The caller owns it until poll says DONE or
 * FAILED. Private. */
struct selv_coap_later {
    struct selv_coap_peer peer;
    uint64_t next_ms;
    struct selv_bytes datagram; /* the response, in the caller's buffer */
    uint32_t timeout_ms;
    uint16_t mid;
    uint8_t state;
    uint8_t tries;
    uint8_t token_len;
    uint8_t token[SELV_COAP_TOKEN_MAX];
    bool is_con;
};

/* Accept a request and answer later. out gets the empty ACK to send
 * (out->len 0 for a non-confirmable request: send nothing). Duplicates of the
 * request are acknowledged again and not executed. */
void selv_coap_later_begin(struct selv_coap_server *s,
                           struct selv_coap_later *l, uint64_t now_ms,
                           const struct selv_coap_peer *peer,
                           const struct selv_coap_msg *rq,
                           struct selv_buf *out);

/* The answer, written into the caller's buffer (out), which then stays
 * unchanged until poll says DONE or FAILED. A body longer than a block does
 * not fit here: answer piggybacked from then on. */
void selv_coap_later_reply_begin(struct selv_coap_server *s,
                                 struct selv_coap_later *l, uint8_t code,
                                 struct selv_buf *out,
                                 struct selv_coap_writer *w);
SELV_MUST_CHECK enum selv_err
selv_coap_later_reply_end(struct selv_coap_server *s, struct selv_coap_later *l,
                          uint64_t now_ms, const struct selv_coap_writer *w);

/* WAIT (until *until_ms; UINT64_MAX before there is an answer), SEND (the
 * bytes in *datagram, to l->peer), DONE (acknowledged, or not confirmable and
 * sent) or FAILED (*err: SELV_ERR_COAP_TIMEOUT, SELV_ERR_COAP_RESET). Told
 * once. */
enum selv_coap_action selv_coap_later_poll(struct selv_coap_later *l,
                                           uint64_t now_ms, uint64_t *until_ms,
                                           struct selv_bytes *datagram,
                                           enum selv_err *err);

/* True when the datagram was this response's ACK or Reset. */
bool selv_coap_later_feed(struct selv_coap_later *l,
                          const struct selv_coap_peer *peer,
                          struct selv_bytes datagram);

/* ---- blocks at the server [RFC 7959] ---------------------------------------
 */

/* Which piece of a body answers a request. */
struct selv_coap_slice {
    uint32_t offset;              /* bytes */
    uint32_t total;               /* bytes: the whole body */
    uint16_t len;                 /* bytes of this piece */
    struct selv_coap_block block; /* what to send as Block2 */
    bool is_blockwise;            /* false: the whole body, no Block2 */
    bool is_observed;             /* write Observe; false after slice */
    uint32_t observe;             /* its value: coap/observe.h */
};

/* The piece for the request's Block2 (or the first, when there is none) of a
 * body of total bytes, in blocks of at most szx_max. Stateless. A request with
 * SZX 7, over a stream, is answered with one block: see selv_coap_bert_slice.
 * SELV_ERR_COAP_BLOCK when it lies beyond the end: answer 4.00. */
SELV_MUST_CHECK enum selv_err selv_coap_slice(const struct selv_coap_msg *rq,
                                              uint32_t total, uint8_t szx_max,
                                              struct selv_coap_slice *slice);

/* Write ETag, Observe, Content-Format, Max-Age, Block2 and (with the first
 * block) Size2. etag may be empty, content_format SELV_COAP_NO_FORMAT; max_age
 * in seconds, 60 writes nothing (it is the default). The payload is for the
 * caller to write: slice->len bytes from slice->offset. */
void selv_coap_write_slice(struct selv_coap_writer *w,
                           const struct selv_coap_slice *slice,
                           struct selv_bytes etag, uint16_t content_format,
                           uint32_t max_age);

/* A body that comes in by Block1, put together in the caller's buffer. */
struct selv_coap_upload {
    struct selv_buf body; /* body.len bytes have come */
    /* private */
    uint64_t expiry_ms; /* 0: free */
    struct selv_coap_peer peer;
    uint32_t resource;
    uint32_t tag; /* of the Request-Tags; 0: there are none */
    uint16_t first_mid;
};

/* Milliseconds after which an upload that stands still gives way to one that
 * finds no place: its client has given up by then [RFC 7252 4.8.2]. */
#define SELV_COAP_UPLOAD_STILL_MS SELV_COAP_MAX_TRANSMIT_WAIT_MS

/* buf: cap is the longest body that is taken. */
void selv_coap_upload_init(struct selv_coap_upload *u, struct selv_buf buf);

/* The place for this request among count uploads: the one that this peer has
 * begun on this resource (a number of the caller's choice) with this
 * Request-Tag [RFC 9175 3]. A first block begins anew: in the place of this
 * peer's earlier upload to this resource, whose further blocks are then
 * answered 4.08; or in a free or expired one; or in the one that has stood
 * still longest, if that is SELV_COAP_UPLOAD_STILL_MS or more. Else NULL:
 * answer 5.03 when block 0, 4.08 otherwise (selv_coap_upload_feed does for
 * NULL). */
struct selv_coap_upload *
selv_coap_upload_find(struct selv_coap_upload *u, size_t count, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource,
                      const struct selv_coap_msg *rq);

/* Take the request's payload. Returns 0 when the body is whole, in u->body:
 * process it, answer (with the request's Block1 option if it has one, see
 * selv_coap_write_upload, and SELV_COAP_KEEP), then selv_coap_upload_end.
 * Otherwise the code to answer now: 2.31, or 4.08 (a block is missing), 4.13
 * (longer than the buffer), 4.00 (block of a wrong length), 5.03 (no place).
 * A request without Block1 is a whole body. Blocks come in order; one that
 * has been taken already is acknowledged again. An upload that stands still
 * for EXCHANGE_LIFETIME gives way. */
uint8_t selv_coap_upload_feed(struct selv_coap_upload *u, uint64_t now_ms,
                              const struct selv_coap_peer *peer,
                              uint32_t resource,
                              const struct selv_coap_msg *rq);

/* Write the answer's Block1 (and Size1 for 4.13): same number, the smaller of
 * the request's size and szx_max. Nothing when the request has no Block1. */
void selv_coap_write_upload(struct selv_coap_writer *w,
                            const struct selv_coap_upload *u,
                            const struct selv_coap_msg *rq, uint8_t code,
                            uint8_t szx_max);

/* Free it. */
void selv_coap_upload_end(struct selv_coap_upload *u);

/* An answer to POST, PUT and their like that is longer than a block. What they
 * do must not be done again for each further block of the answer, so it is
 * kept, in the caller's buffer. */
struct selv_coap_answer {
    struct selv_buf body;    /* body.len bytes are the answer: the caller's */
    uint16_t content_format; /* the caller's */
    uint8_t code;            /* the caller's */
    /* private */
    uint8_t method;
    uint64_t expiry_ms; /* 0: free */
    struct selv_coap_peer peer;
    uint32_t resource;
    uint32_t tag;    /* of the Request-Tags; 0: there are none */
    uint32_t number; /* its ETag */
    uint16_t mid;    /* of the request that it answers */
    uint8_t token_len;
    uint8_t token[SELV_COAP_TOKEN_MAX];
};

/* buf: cap is the longest answer. */
void selv_coap_answer_init(struct selv_coap_answer *a, struct selv_buf buf);

/* The answer among count that this request is about: it asks for a further
 * block of it (Block2 with a number over 0), or is a copy of the request that
 * it answers. Then selv_coap_answer_write, and do nothing else. Look for it
 * before the request is taken for an upload. NULL: the request is new; one with
 * a number over 0 is about an answer that is gone: 4.08. */
struct selv_coap_answer *
selv_coap_answer_find(struct selv_coap_answer *a, size_t count, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource,
                      const struct selv_coap_msg *rq);

/* A place for the answer to this request, whose body (if it came in blocks) is
 * whole: in that of this peer's earlier one from this resource, a free or
 * expired one, or one that nobody has asked for during
 * SELV_COAP_UPLOAD_STILL_MS. The caller fills body, content_format and code,
 * then selv_coap_answer_write. NULL: no place: 5.03, before anything is done.
 */
struct selv_coap_answer *
selv_coap_answer_begin(struct selv_coap_answer *a, size_t count,
                       uint64_t now_ms, const struct selv_coap_peer *peer,
                       uint32_t resource, const struct selv_coap_msg *rq);

/* Write the block that the request asks for (the first one, without Block2) in
 * out, with ETag, Block2, Size2, and Block1 if the request has it
 * [RFC 7959 3.3]. SELV_ERR_COAP_BLOCK: beyond the end, answer 4.00; otherwise
 * as selv_coap_reply_end. */
SELV_MUST_CHECK enum selv_err
selv_coap_answer_write(struct selv_coap_server *s, struct selv_coap_answer *a,
                       uint64_t now_ms, const struct selv_coap_msg *rq,
                       uint8_t szx_max, struct selv_buf *out);

/* Free it. */
void selv_coap_answer_end(struct selv_coap_answer *a);

/* ---- /.well-known/core [RFC 6690] ------------------------------------------
 */

/* One resource to be told of; NULL and SELV_COAP_NO_FORMAT: not given. */
struct selv_coap_resource {
    const char *path;   /* without the first '/' */
    const char *rt;     /* resource types, parted by spaces */
    const char *if_;    /* interface descriptions, parted by spaces */
    uint16_t ct;        /* content format */
    bool is_observable; /* obs */
};

/* Answer GET /.well-known/core: code, options and the piece of the list that
 * the request's Block2 asks for, filtered by one of rt=, if=, ct= or href=
 * (with a '*' at the end) [RFC 6690 4.1]. RECOMPUTE. SELV_ERR_SPACE when out
 * cannot hold a block of szx_max. Another method is answered 4.05. */
SELV_MUST_CHECK enum selv_err
selv_coap_reply_core(struct selv_coap_server *s, const struct selv_coap_msg *rq,
                     const struct selv_coap_resource *table, size_t count,
                     uint8_t szx_max, struct selv_buf *out);

#endif
