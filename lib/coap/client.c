/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/client.c - one transfer at a time to one peer.
 *
 * Invariants:
 *  1 Each exchange has a new message ID and a new token, so that an answer to
 *    an earlier one is never taken for an answer to this one.
 *  2 A request is built anew for every transmission, from what has not changed
 *    since its first: the copies are equal, and no copy is kept.
 *  3 Every state but IDLE has an end in time: next_ms, and above it
 *    deadline_ms.
 *  4 Every exchange moves at least one byte, or is counted: a body grows up to
 *    body_max, a request's payload up to its length, szx1 falls from 6 to 0,
 *    restarts from 0 to 1; a challenge is answered once for each of these. So a
 * transfer ends, whatever the peer says.
 *
 *        start            poll                 empty ACK
 *   IDLE ------> REQUEST ------> ACK_AWAITED ------------> ANSWER_AWAITED
 *                   ^  ^____________|   | answer                | answer
 *                   |     timer         v                       |
 *                   |                  TELL <-------------------+
 *                   +-- further block --+
 *                                       +--> END (DONE or FAILED told) -> IDLE
 */
#include "coap/coap_int.h"

enum state {
    IDLE = 0,
    REQUEST,        /* to be sent now */
    ACK_AWAITED,    /* sent; an ACK, or the answer, is awaited */
    ANSWER_AWAITED, /* acknowledged; a separate response is awaited */
    TELL,           /* a piece of the body is to be told */
    END             /* DONE or FAILED is to be told */
};

#define F_STARTED 0x01u /* the first piece of the body has come */
#define F_MORE 0x02u    /* further pieces follow */
#define F_ACKED 0x04u   /* acked_mid is valid */
#define F_SEEDED 0x08u  /* mid has had its random start */
#define F_BLOCK1 0x10u  /* the payload goes in blocks */
#define F_SENT 0x20u    /* the whole payload has been taken by the peer */
#define F_ECHOED 0x40u  /* the exchange repeats one that was challenged */

_Static_assert(sizeof(void *) > 4 || sizeof(struct selv_coap_client) <= 200,
               "the RAM promise of coap.h");

void selv_coap_client_init(struct selv_coap_client *c)
{
    memset(c, 0, sizeof *c);
}

void selv_coap_client_stream(struct selv_coap_client *c)
{
    c->is_stream = true;
}

static void exchange_begin(struct selv_coap_client *c)
{
    c->mid++;
    c->token += 0x9e3779b9u; /* odd: 2^32 tokens before one comes again */
    c->tries = 0;
    c->timeout_ms = selv_coap_first_timeout(&c->random);
    c->flags &= (uint8_t)~F_ECHOED;
    c->state = REQUEST;
}

static void end(struct selv_coap_client *c, enum selv_err err)
{
    c->err = (uint16_t)err;
    c->state = END;
}

static bool request_is_valid(const struct selv_coap_request *rq)
{
    return rq->szx <= SELV_COAP_SZX_MAX && rq->code != SELV_COAP_EMPTY &&
           SELV_COAP_CLASS(rq->code) == 0 &&
           rq->offset % selv_coap_block_len(rq->szx) == 0 &&
           rq->etag.len <= SELV_COAP_ETAG_MAX &&
           rq->if_match.len <= SELV_COAP_ETAG_MAX &&
           rq->resume_etag.len <= SELV_COAP_ETAG_MAX && rq->deadline_ms > 0;
}

enum selv_err selv_coap_client_start(struct selv_coap_client *c,
                                     const struct selv_coap_request *rq,
                                     const uint8_t random[static 8],
                                     uint64_t now_ms)
{
    if (c->state != IDLE) {
        return SELV_ERR_COAP_BUSY;
    }
    if (!request_is_valid(rq)) {
        return SELV_ERR_ARG;
    }
    c->rq = rq;
    c->token = selv_get_be32(random);
    c->random = selv_get_be32(random + 4) | 1u;
    if ((c->flags & F_SEEDED) == 0) {
        c->mid = (uint16_t)(c->random >> 8);
    }
    c->flags = (uint8_t)((c->flags & F_ACKED) | F_SEEDED);
    c->deadline_ms = now_ms + rq->deadline_ms;
    c->sent = 0;
    c->tag = (uint16_t)(c->token ^ c->random >> 16);
    c->echo_len = 0; /* the peer may be another one */
    c->offset = rq->offset;
    c->size2 = 0;
    c->restarts = 0;
    c->szx1 = rq->szx;
    c->szx2 = rq->szx;
    c->code = 0;
    c->content_format = SELV_COAP_NO_FORMAT;
    c->etag_len = 0;
    c->payload = selv_bytes(NULL, 0);
    if (rq->payload.len > selv_coap_block_len(rq->szx)) {
        c->flags |= F_BLOCK1;
    }
    exchange_begin(c);
    return SELV_OK;
}

void selv_coap_client_abort(struct selv_coap_client *c)
{
    c->state = IDLE;
}

/* ---- what is sent ---------------------------------------------------------
 */

/* The piece of the payload that the exchange under way carries. */
static struct selv_bytes piece(const struct selv_coap_client *c)
{
    struct selv_bytes all = c->rq->payload;
    if ((c->flags & F_SENT) != 0) {
        return selv_bytes(NULL, 0);
    }
    if ((c->flags & F_BLOCK1) == 0) {
        return all;
    }
    size_t len = selv_coap_block_len(c->szx1);
    size_t left = all.len - c->sent;
    return selv_bytes(all.p + c->sent, len < left ? len : left);
}

/* True when the exchange under way carries the payload's last byte, or there
 * is no payload: its answer is the answer. */
static bool is_last_piece(const struct selv_coap_client *c)
{
    return (c->flags & F_SENT) != 0 ||
           c->sent + piece(c).len == c->rq->payload.len;
}

/* Number of the Block1 under way. */
static uint32_t block1_num(const struct selv_coap_client *c)
{
    return c->sent >> (c->szx1 + 4);
}

static void block2_write(const struct selv_coap_client *c,
                         struct selv_coap_writer *w)
{
    /* In a first request with a payload the option would only say that every
     * size is welcome; left out then, for servers that know no Block2. */
    if (c->offset == 0 && c->szx2 == SELV_COAP_SZX_MAX &&
        c->rq->payload.len > 0) {
        return;
    }
    if (!is_last_piece(c)) {
        return;
    }
    struct selv_coap_block block = {c->offset >> (c->szx2 + 4), c->szx2, false};
    selv_coap_write_block(w, SELV_COAP_OPT_BLOCK2, &block);
}

static void block1_write(const struct selv_coap_client *c,
                         struct selv_coap_writer *w)
{
    if ((c->flags & F_BLOCK1) == 0 || (c->flags & F_SENT) != 0) {
        return;
    }
    struct selv_coap_block block = {block1_num(c), c->szx1, !is_last_piece(c)};
    selv_coap_write_block(w, SELV_COAP_OPT_BLOCK1, &block);
    if (c->sent == 0) {
        selv_coap_write_uint(w, SELV_COAP_OPT_SIZE1,
                             (uint32_t)c->rq->payload.len);
    }
}

/* Echo [RFC 9175 2.3], and a Request-Tag for a payload in blocks: a block of an
 * earlier transfer, come late, is not taken for one of this [RFC 9175 3.4]. */
static void tags_write(const struct selv_coap_client *c,
                       struct selv_coap_writer *w)
{
    const uint8_t tag[2] = {(uint8_t)(c->tag >> 8), (uint8_t)c->tag};
    if (c->echo_len > 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_ECHO,
                            selv_bytes(c->echo, c->echo_len));
    }
    if ((c->flags & F_BLOCK1) != 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_REQUEST_TAG,
                            selv_bytes(tag, sizeof tag));
    }
}

static enum selv_err request_write(const struct selv_coap_client *c,
                                   struct selv_buf *out)
{
    const struct selv_coap_request *rq = c->rq;
    struct selv_bytes body = piece(c);
    struct selv_coap_writer w;
    uint8_t token[4];
    selv_put_be32(token, c->token);
    selv_coap_write_begin(&w, out->p, out->cap, SELV_COAP_CON, rq->code, c->mid,
                          selv_bytes(token, sizeof token));
    /* Not for further blocks of an answer: what it is about may be changed. */
    bool is_first = (c->flags & F_STARTED) == 0;
    if (is_first && (rq->if_exists || rq->if_match.len > 0)) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_IF_MATCH, rq->if_match);
    }
    if (rq->host.len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_URI_HOST, rq->host);
    }
    if (rq->etag.len > 0 && is_first) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG, rq->etag);
    }
    if (rq->if_none_match && is_first) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_IF_NONE_MATCH,
                            selv_bytes(NULL, 0));
    }
    selv_coap_write_path(&w, rq->path);
    /* Without a payload, too, when the answer comes in blocks: requests of one
     * operation have the same options [RFC 9175 3.3]. */
    if (rq->content_format != SELV_COAP_NO_FORMAT && rq->payload.len > 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT,
                             rq->content_format);
    }
    selv_coap_write_query(&w, rq->query);
    if (rq->accept != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_ACCEPT, rq->accept);
    }
    block2_write(c, &w);
    block1_write(c, &w);
    tags_write(c, &w);
    selv_coap_write_payload(&w, body);
    return selv_coap_write_end(&w, &out->len);
}

static enum selv_coap_action transmit(struct selv_coap_client *c,
                                      uint64_t now_ms, struct selv_buf *out)
{
    enum selv_err err = request_write(c, out);
    if (err) {
        out->len = 0;
        end(c, err);
        return SELV_COAP_WAIT;
    }
    c->next_ms = now_ms + c->timeout_ms;
    c->state = ACK_AWAITED;
    if (c->is_stream) {
        c->next_ms = c->deadline_ms;
        c->state = ANSWER_AWAITED;
    }
    return SELV_COAP_SEND;
}

/* ---- what comes in --------------------------------------------------------
 */

/* An answer to a piece of the payload that is not the last. */
static void uploaded(struct selv_coap_client *c, const struct selv_coap_msg *m)
{
    if ((m->has & SELV_COAP_HAS_BLOCK1) == 0 ||
        m->block1.num != block1_num(c) || m->block1.szx > SELV_COAP_SZX_MAX) {
        end(c, SELV_ERR_COAP_BLOCK);
        return;
    }
    c->sent += (uint32_t)selv_coap_block_len(c->szx1);
    if (m->block1.szx < c->szx1) {
        c->szx1 = m->block1.szx; /* the peer wants smaller ones */
    }
    exchange_begin(c);
}

/* True when an error has been answered by sending the payload anew: 4.08,
 * once; 4.13 with a smaller block size [RFC 7959 2.9.2, 2.9.3]. */
static bool upload_restart(struct selv_coap_client *c,
                           const struct selv_coap_msg *m)
{
    if ((c->flags & F_SENT) != 0 || c->rq->payload.len == 0) {
        return false;
    }
    if (m->code == SELV_COAP_INCOMPLETE && c->restarts == 0) {
        c->restarts = 1;
    } else if (m->code == SELV_COAP_TOO_LARGE &&
               (m->has & SELV_COAP_HAS_BLOCK1) != 0 &&
               m->block1.szx < c->szx1) {
        c->szx1 = m->block1.szx;
        c->flags |= F_BLOCK1;
    } else {
        return false;
    }
    c->sent = 0;
    c->tag++;
    exchange_begin(c);
    return true;
}

/* Keep the Echo of any answer for the requests that follow. True when the
 * answer is a challenge, and the request is repeated with it: once for each
 * exchange [RFC 9175 2.3]. */
static bool echo_take(struct selv_coap_client *c, const struct selv_coap_msg *m)
{
    struct selv_bytes value;
    if (!selv_coap_opt_find(m, SELV_COAP_OPT_ECHO, &value) || value.len == 0 ||
        value.len > sizeof c->echo) {
        return false;
    }
    c->echo_len = (uint8_t)value.len;
    memcpy(c->echo, value.p, value.len);
    if (m->code != SELV_COAP_UNAUTHORIZED || (c->flags & F_ECHOED) != 0) {
        return false;
    }
    exchange_begin(c);
    c->flags |= F_ECHOED;
    return true;
}

/* The answer's ETag against the one that the body must have. */
static enum selv_err etag_check(struct selv_coap_client *c,
                                const struct selv_coap_msg *m)
{
    if ((c->flags & F_STARTED) != 0) {
        return selv_bytes_equal(m->etag, selv_bytes(c->etag, c->etag_len))
                   ? SELV_OK
                   : SELV_ERR_COAP_ETAG;
    }
    if (c->offset > 0 && c->rq->resume_etag.len > 0 &&
        !selv_bytes_equal(m->etag, c->rq->resume_etag)) {
        return SELV_ERR_COAP_ETAG;
    }
    c->etag_len = (uint8_t)m->etag.len; /* parsed: 8 at most */
    if (m->etag.len > 0) {
        memcpy(c->etag, m->etag.p, m->etag.len);
    }
    return SELV_OK;
}

/* The piece must be the one asked for, and as long as it says; the peer may
 * choose smaller blocks than we asked for. */
static enum selv_err block2_check(struct selv_coap_client *c,
                                  const struct selv_coap_msg *m)
{
    if ((m->has & SELV_COAP_HAS_BLOCK2) == 0) {
        return c->offset == 0 ? SELV_OK : SELV_ERR_COAP_BLOCK;
    }
    if (m->block2.szx > c->szx2) {
        return SELV_ERR_COAP_BLOCK;
    }
    size_t len = selv_coap_block_len(m->block2.szx);
    if ((uint64_t)m->block2.num * len != c->offset || m->payload.len > len ||
        (m->block2.more && m->payload.len != len)) {
        return SELV_ERR_COAP_BLOCK;
    }
    return SELV_OK;
}

static enum selv_err size_check(const struct selv_coap_client *c,
                                const struct selv_coap_msg *m)
{
    uint32_t room = c->rq->body_max - c->offset;
    bool has_more = (m->has & SELV_COAP_HAS_BLOCK2) != 0 && m->block2.more;
    if (c->offset > c->rq->body_max || m->payload.len > room ||
        (has_more && m->payload.len == room) ||
        ((m->has & SELV_COAP_HAS_SIZE2) != 0 && m->size2 > c->rq->body_max)) {
        return SELV_ERR_COAP_SIZE;
    }
    if (has_more && m->block2.num == SELV_COAP_BLOCK_NUM_MAX) {
        return SELV_ERR_COAP_SIZE; /* no number for the next one */
    }
    return SELV_OK;
}

/* A piece of the body of a successful response. */
static void body_take(struct selv_coap_client *c, const struct selv_coap_msg *m)
{
    enum selv_err err = block2_check(c, m);
    if (err == SELV_OK) {
        err = size_check(c, m);
    }
    if (err == SELV_OK) {
        err = etag_check(c, m);
    }
    if (err) {
        end(c, err);
        return;
    }
    c->flags = (uint8_t)((c->flags | F_STARTED | F_SENT) & ~F_MORE);
    if ((m->has & SELV_COAP_HAS_SIZE2) != 0) {
        c->size2 = m->size2;
    }
    if ((m->has & SELV_COAP_HAS_BLOCK2) != 0) {
        c->szx2 = m->block2.szx;
        c->flags |= m->block2.more ? F_MORE : 0;
    }
    c->payload = m->payload;
    c->state = TELL;
    if (m->payload.len == 0) {
        end(c, SELV_OK);
    }
}

/* 2.03 is an answer only to a request that offered an ETag. */
static void valid_take(struct selv_coap_client *c,
                       const struct selv_coap_msg *m)
{
    if (c->rq->etag.len == 0 || (c->flags & F_STARTED) != 0) {
        end(c, SELV_ERR_COAP_CODE);
    } else if (m->etag.len > 0 && !selv_bytes_equal(m->etag, c->rq->etag)) {
        end(c, SELV_ERR_COAP_ETAG);
    } else {
        c->etag_len = (uint8_t)c->rq->etag.len;
        memcpy(c->etag, c->rq->etag.p, c->etag_len);
        end(c, SELV_OK);
    }
}

/* A response with our token to the exchange under way. */
static void answer_take(struct selv_coap_client *c,
                        const struct selv_coap_msg *m)
{
    c->code = m->code;
    if (m->bad_option != 0) {
        end(c, SELV_ERR_COAP_OPTION);
    } else if (echo_take(c, m)) {
        return;
    } else if (SELV_COAP_CLASS(m->code) != 2) {
        if (!upload_restart(c, m)) {
            c->payload = m->payload;
            end(c, SELV_ERR_COAP_CODE);
        }
    } else if (!is_last_piece(c)) {
        uploaded(c, m);
    } else if (m->code == SELV_COAP_CONTINUE) {
        end(c, SELV_ERR_COAP_BLOCK); /* there is nothing to go on with */
    } else if (m->code == SELV_COAP_VALID) {
        valid_take(c, m);
    } else {
        c->content_format = m->content_format;
        body_take(c, m);
    }
}

static bool is_awaiting(const struct selv_coap_client *c)
{
    return c->state == ACK_AWAITED || c->state == ANSWER_AWAITED;
}

static void empty_out(struct selv_coap_client *c, enum selv_coap_type type,
                      uint16_t mid)
{
    c->out_type = (uint8_t)type;
    c->out_mid = mid;
}

/* An empty ACK or a Reset. */
static bool empty_feed(struct selv_coap_client *c, uint64_t now_ms,
                       const struct selv_coap_msg *m)
{
    if ((m->type != SELV_COAP_ACK && m->type != SELV_COAP_RST) ||
        !is_awaiting(c) || m->mid != c->mid) {
        return false;
    }
    if (c->state == ACK_AWAITED && m->type == SELV_COAP_RST) {
        end(c, SELV_ERR_COAP_RESET);
    } else if (c->state == ACK_AWAITED) {
        c->next_ms = now_ms + SELV_COAP_MAX_TRANSMIT_WAIT_MS;
        c->state = ANSWER_AWAITED;
    }
    return true;
}

static bool is_ours(const struct selv_coap_client *c,
                    const struct selv_coap_msg *m)
{
    return is_awaiting(c) && m->type != SELV_COAP_RST && m->token.len == 4 &&
           selv_get_be32(m->token.p) == c->token &&
           (m->type != SELV_COAP_ACK || m->mid == c->mid);
}

/* A confirmable response that we do not expect: the copy of one that we have
 * acknowledged is acknowledged again, others are rejected
 * [RFC 7252 4.2, 4.5]. */
static void stranger_reject(struct selv_coap_client *c,
                            const struct selv_coap_msg *m)
{
    if (m->type != SELV_COAP_CON) {
        return;
    }
    bool is_copy = (c->flags & F_ACKED) != 0 && m->mid == c->acked_mid;
    empty_out(c, is_copy ? SELV_COAP_ACK : SELV_COAP_RST, m->mid);
}

bool selv_coap_client_feed(struct selv_coap_client *c, uint64_t now_ms,
                           struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    enum selv_err err = selv_coap_parse(datagram, &m);
    if (err != SELV_ERR_COAP_FORMAT && m.code == SELV_COAP_EMPTY) {
        return empty_feed(c, now_ms, &m);
    }
    if (SELV_COAP_CLASS(m.code) == 0) {
        return false;
    }
    bool is_response = SELV_COAP_CLASS(m.code) == 2 ||
                       SELV_COAP_CLASS(m.code) == 4 ||
                       SELV_COAP_CLASS(m.code) == 5;
    if (err == SELV_ERR_COAP_FORMAT || !is_response || !is_ours(c, &m)) {
        stranger_reject(c, &m);
        return true;
    }
    if (m.type == SELV_COAP_CON) {
        bool is_bad = m.bad_option != 0; /* [RFC 7252 5.4.1] */
        empty_out(c, is_bad ? SELV_COAP_RST : SELV_COAP_ACK, m.mid);
        c->acked_mid = m.mid;
        c->flags |= is_bad ? 0 : F_ACKED;
    }
    answer_take(c, &m);
    return true;
}

/* ---- what to do next ------------------------------------------------------
 */

static void event_fill(const struct selv_coap_client *c,
                       struct selv_coap_event *event)
{
    event->code = c->code;
    event->content_format = c->content_format;
    event->etag = selv_bytes(c->etag, c->etag_len);
    event->size2 = c->size2;
    event->offset = c->offset;
}

static enum selv_coap_action block_tell(struct selv_coap_client *c,
                                        struct selv_coap_event *event)
{
    event_fill(c, event);
    event->payload = c->payload;
    event->more = (c->flags & F_MORE) != 0;
    c->offset += (uint32_t)c->payload.len;
    c->payload = selv_bytes(NULL, 0);
    if (event->more) {
        exchange_begin(c);
    } else {
        end(c, SELV_OK);
    }
    return SELV_COAP_BLOCK;
}

static enum selv_coap_action end_tell(struct selv_coap_client *c,
                                      struct selv_coap_event *event)
{
    event_fill(c, event);
    event->payload = c->payload;
    event->err = (enum selv_err)c->err;
    c->payload = selv_bytes(NULL, 0);
    c->state = IDLE;
    return event->err == SELV_OK ? SELV_COAP_DONE : SELV_COAP_FAILED;
}

/* The timers of an exchange under way [RFC 7252 4.2]. */
static void time_check(struct selv_coap_client *c, uint64_t now_ms)
{
    if (c->state != REQUEST && !is_awaiting(c)) {
        return;
    }
    if (now_ms >= c->deadline_ms) {
        end(c, SELV_ERR_COAP_TIMEOUT);
    } else if (is_awaiting(c) && now_ms >= c->next_ms) {
        if (c->state == ANSWER_AWAITED ||
            c->tries == SELV_COAP_MAX_RETRANSMIT) {
            end(c, SELV_ERR_COAP_TIMEOUT);
            return;
        }
        c->tries++;
        c->timeout_ms *= 2;
        c->state = REQUEST;
    }
}

enum selv_coap_action selv_coap_client_poll(struct selv_coap_client *c,
                                            uint64_t now_ms,
                                            struct selv_buf *out,
                                            struct selv_coap_event *event)
{
    memset(event, 0, sizeof *event);
    event->content_format = SELV_COAP_NO_FORMAT;
    event->until_ms = UINT64_MAX;
    out->len = 0;
    if (c->out_type != 0) {
        selv_coap_write_empty(out, (enum selv_coap_type)c->out_type,
                              c->out_mid);
        c->out_type = 0;
        return SELV_COAP_SEND;
    }
    time_check(c, now_ms);
    if (c->state == REQUEST && transmit(c, now_ms, out) == SELV_COAP_SEND) {
        return SELV_COAP_SEND;
    }
    if (c->state == TELL) {
        return block_tell(c, event);
    }
    if (c->state == END) {
        return end_tell(c, event);
    }
    if (c->state != IDLE) {
        event->until_ms =
            c->next_ms < c->deadline_ms ? c->next_ms : c->deadline_ms;
    }
    return SELV_COAP_WAIT;
}
