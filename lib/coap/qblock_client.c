/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/qblock_client.c - one transfer at a time by Q-Block [RFC 9177].
 *
 * Invariants:
 *  1 All tokens of a transfer begin with the same 32 random bits; the rest is
 *    the number of the request. An answer to any of its requests is one to the
 *    transfer: blocks say themselves which they are.
 *  2 Each byte of a body is told once: what came is known down to the window's
 *    base, and what lies beyond the window is not told.
 *  3 All blocks of a body are of one size, one length and one ETag; the first
 *    one decides.
 *  4 Every state but IDLE has an end in time: deadline_ms, at the latest.
 *
 *   IDLE -> PROBE <-> PROBED -> DOWN ------> END -> IDLE
 *              |  (confirmable)  ^
 *              +--> UP <-> ASKED +   UP: a payload goes out; ASKED: all of it
 *                                    has, the answer is awaited */
#include "coap/qblock_int.h"

enum state {
    IDLE = 0,
    PROBE,  /* the confirmable request is to be sent */
    PROBED, /* its answer is awaited */
    UP,
    ASKED,
    DOWN,
    END
};

#define F_TELL 0x01u    /* payload is a block to be told */
#define F_STARTED 0x02u /* the first block of the body has come */
#define F_ACKED 0x04u   /* the probe was acknowledged: no retransmission */
#define F_SEEDED 0x08u  /* mid has had its random start */
#define F_HEARD 0x10u   /* the peer has answered this transfer */

#define CHALLENGES 4u /* answered in one transfer */

_Static_assert(sizeof(void *) > 4 || sizeof(struct selv_coap_qclient) <= 200,
               "the RAM promise of qblock.h");

void selv_coap_qclient_init(struct selv_coap_qclient *c)
{
    memset(c, 0, sizeof *c);
}

static void end(struct selv_coap_qclient *c, enum selv_err err)
{
    c->err = (uint16_t)err;
    c->state = END;
}

static bool has_payload(const struct selv_coap_qclient *c)
{
    return c->rq->payload.len > 0;
}

static bool request_is_valid(const struct selv_coap_request *rq)
{
    return rq->szx <= SELV_COAP_SZX_MAX && rq->code != SELV_COAP_EMPTY &&
           SELV_COAP_CLASS(rq->code) == 0 &&
           rq->etag.len <= SELV_COAP_ETAG_MAX &&
           rq->if_match.len <= SELV_COAP_ETAG_MAX && rq->deadline_ms > 0 &&
           rq->payload.len <= UINT32_MAX &&
           selv_coap_qblock_count((uint32_t)rq->payload.len, rq->szx) - 1 <=
               SELV_COAP_BLOCK_NUM_MAX;
}

static void probe_begin(struct selv_coap_qclient *c)
{
    c->mid++;
    c->number++;
    c->tries = 0;
    c->timeout_ms = selv_coap_first_timeout(&c->random);
    c->flags &= (uint8_t)~F_ACKED;
    c->state = PROBE;
}

static void up_begin(struct selv_coap_qclient *c, uint64_t now_ms)
{
    uint32_t len = (uint32_t)c->rq->payload.len;
    selv_coap_qtx_init(&c->u.tx, selv_coap_qblock_count(len, c->szx), 0,
                       selv_coap_qblock_delay(&c->random), now_ms);
    c->tries = 0;
    c->state = UP;
}

/* The first request by Q-Block2, to a peer that knows it: sent at once, since
 * all is missing. */
static void down_begin(struct selv_coap_qclient *c, uint64_t now_ms)
{
    selv_coap_qrx_init(&c->u.rx, UINT32_MAX, now_ms);
    c->u.rx.ask_end = SELV_COAP_QBLOCK_SET;
    c->state = DOWN;
}

enum selv_err selv_coap_qclient_start(struct selv_coap_qclient *c,
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
    c->flags = F_SEEDED;
    c->deadline_ms = now_ms + rq->deadline_ms;
    c->payload = selv_bytes(NULL, 0);
    c->total = 0;
    c->bytes = 0;
    c->number = 0;
    c->challenges = 0;
    c->szx = rq->szx;
    c->code = 0;
    c->content_format = SELV_COAP_NO_FORMAT;
    c->etag_len = 0;
    c->echo_len = 0; /* the peer may be another one */
    if (!c->is_known) {
        probe_begin(c);
    } else if (has_payload(c)) {
        up_begin(c, now_ms);
    } else {
        down_begin(c, now_ms);
    }
    return SELV_OK;
}

void selv_coap_qclient_abort(struct selv_coap_qclient *c)
{
    c->state = IDLE;
}

/* ---- what is sent ---------------------------------------------------------
 */

/* Head of a request up to, and without, the options above Uri-Query. */
static void head_write(struct selv_coap_qclient *c, enum selv_coap_type type,
                       uint8_t code, struct selv_buf *out,
                       struct selv_coap_writer *w)
{
    const struct selv_coap_request *rq = c->rq;
    uint8_t token[6];
    selv_put_be32(token, c->token);
    token[4] = (uint8_t)(c->number >> 8);
    token[5] = (uint8_t)c->number;
    selv_coap_write_begin(w, out->p, out->cap, type, code, c->mid,
                          selv_bytes(token, sizeof token));
    /* Not in a probe, nor when blocks of the answer are missing. */
    bool is_first = (c->flags & F_STARTED) == 0 && code == rq->code;
    if (is_first && (rq->if_exists || rq->if_match.len > 0)) {
        selv_coap_write_opt(w, SELV_COAP_OPT_IF_MATCH, rq->if_match);
    }
    if (rq->host.len > 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_URI_HOST, rq->host);
    }
    /* Not when blocks are missing: 2.03 would be no answer [RFC 9177 4.4]. */
    if (rq->etag.len > 0 && (c->flags & F_STARTED) == 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_ETAG, rq->etag);
    }
    if (is_first && rq->if_none_match) {
        selv_coap_write_opt(w, SELV_COAP_OPT_IF_NONE_MATCH,
                            selv_bytes(NULL, 0));
    }
    selv_coap_write_path(w, rq->path);
}

static void query_write(const struct selv_coap_qclient *c,
                        struct selv_coap_writer *w)
{
    selv_coap_write_query(w, c->rq->query);
    if (c->rq->accept != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(w, SELV_COAP_OPT_ACCEPT, c->rq->accept);
    }
}

/* The transfer's token is its Request-Tag, too: new for each body. */
static void tags_write(const struct selv_coap_qclient *c,
                       struct selv_coap_writer *w, bool has_tag)
{
    uint8_t tag[4];
    selv_put_be32(tag, c->token);
    if (c->echo_len > 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_ECHO,
                            selv_bytes(c->echo, c->echo_len));
    }
    if (has_tag) {
        selv_coap_write_opt(w, SELV_COAP_OPT_REQUEST_TAG,
                            selv_bytes(tag, sizeof tag));
    }
}

static enum selv_coap_action write_done(struct selv_coap_qclient *c,
                                        const struct selv_coap_writer *w,
                                        struct selv_buf *out)
{
    enum selv_err err = selv_coap_write_end(w, &out->len);
    if (err) {
        out->len = 0;
        end(c, err);
        return SELV_COAP_WAIT;
    }
    if ((c->flags & F_HEARD) == 0) {
        c->bytes += (uint32_t)out->len;
    }
    return SELV_COAP_SEND;
}

/* Asks for block 0 alone: support shows, and the body begins. A GET, too, when
 * there is a payload: what is answered then only says whether the option is
 * known. */
static enum selv_coap_action probe_write(struct selv_coap_qclient *c,
                                         uint64_t now_ms, struct selv_buf *out)
{
    struct selv_coap_writer w;
    const struct selv_coap_block block = {0, c->szx, false};
    uint8_t code = has_payload(c) ? SELV_COAP_GET : c->rq->code;
    head_write(c, SELV_COAP_CON, code, out, &w);
    query_write(c, &w);
    selv_coap_write_block(&w, SELV_COAP_OPT_QBLOCK2, &block);
    tags_write(c, &w, false);
    c->next_ms = now_ms + c->timeout_ms;
    c->state = PROBED;
    return write_done(c, &w, out);
}

static enum selv_coap_action piece_write(struct selv_coap_qclient *c,
                                         uint32_t num, struct selv_buf *out)
{
    struct selv_coap_writer w;
    struct selv_bytes all = c->rq->payload;
    size_t len = selv_coap_block_len(c->szx);
    size_t offset = num * len;
    size_t left = all.len - offset;
    const struct selv_coap_block block = {num, c->szx, left > len};
    c->mid++;
    c->number++;
    head_write(c, SELV_COAP_NON, c->rq->code, out, &w);
    if (c->rq->content_format != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT,
                             c->rq->content_format);
    }
    query_write(c, &w);
    selv_coap_write_block(&w, SELV_COAP_OPT_QBLOCK1, &block);
    selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE1, (uint32_t)all.len);
    tags_write(c, &w, true);
    selv_coap_write_payload(
        &w, selv_bytes(all.p + offset, left < len ? left : len));
    return write_done(c, &w, out);
}

/* True when everything from num to the end of its set, or of the body, is
 * missing. */
static bool is_rest_missing(const struct selv_coap_qrx *rx, uint32_t num)
{
    uint32_t end = num / SELV_COAP_QBLOCK_SET * SELV_COAP_QBLOCK_SET +
                   SELV_COAP_QBLOCK_SET;
    end = end < rx->count ? end : rx->count;
    while (num < end && selv_coap_qrx_next(rx, num) == num) {
        num++;
    }
    return num == end;
}

/* The missing blocks, by number; what is missing up to the end of a set, with
 * the M bit. That bit says other things where a set begins [RFC 9177 4.4]: at 0
 * that the whole body is wanted, elsewhere that all before has come. */
static void missing_write(const struct selv_coap_qclient *c,
                          struct selv_coap_writer *w)
{
    const struct selv_coap_qrx *rx = &c->u.rx;
    uint32_t num = selv_coap_qrx_next(rx, 0);
    for (uint32_t n = 0; n < SELV_COAP_QBLOCK_SET && num < rx->count; n++) {
        bool is_head = num % SELV_COAP_QBLOCK_SET == 0;
        bool may_more =
            num == 0 ? rx->seen_end == 0 : !is_head || num == rx->have.base;
        struct selv_coap_block block = {num, c->szx,
                                        may_more && is_rest_missing(rx, num)};
        selv_coap_write_block(w, SELV_COAP_OPT_QBLOCK2, &block);
        num++;
        if (block.more) {
            num = (num + SELV_COAP_QBLOCK_SET - 1) / SELV_COAP_QBLOCK_SET *
                  SELV_COAP_QBLOCK_SET;
        }
        num = selv_coap_qrx_next(rx, num);
    }
}

static enum selv_coap_action ask_write(struct selv_coap_qclient *c,
                                       bool is_go_on, uint64_t now_ms,
                                       struct selv_buf *out)
{
    struct selv_coap_writer w;
    c->mid++;
    c->number++;
    head_write(c, SELV_COAP_NON, c->rq->code, out, &w);
    query_write(c, &w);
    if (is_go_on) {
        const struct selv_coap_block block = {c->u.rx.go_on, c->szx, true};
        selv_coap_write_block(&w, SELV_COAP_OPT_QBLOCK2, &block);
        c->u.rx.go_on = 0; /* what is missing may have to be asked for, too */
        c->u.rx.last_ms = now_ms;
    } else {
        missing_write(c, &w);
        selv_coap_qrx_asked(&c->u.rx, now_ms);
    }
    tags_write(c, &w, has_payload(c));
    return write_done(c, &w, out);
}

/* ---- what comes in --------------------------------------------------------
 */

/* True when the answer is a challenge, and will be met. */
static bool echo_take(struct selv_coap_qclient *c,
                      const struct selv_coap_msg *m)
{
    struct selv_bytes value;
    if (!selv_coap_opt_find(m, SELV_COAP_OPT_ECHO, &value) || value.len == 0 ||
        value.len > sizeof c->echo) {
        return false;
    }
    c->echo_len = (uint8_t)value.len;
    memcpy(c->echo, value.p, value.len);
    if (m->code != SELV_COAP_UNAUTHORIZED) {
        return false;
    }
    uint16_t number = (uint16_t)(m->token.p[4] << 8 | m->token.p[5]);
    if (c->challenges > 0 && (int16_t)(number - c->echoed) <= 0) {
        return true; /* to a request from before the latest one was met */
    }
    if (c->challenges == CHALLENGES) {
        return false;
    }
    c->challenges++;
    c->echoed = c->number;
    if (c->state == PROBED) {
        probe_begin(c);
    } else if (c->state == DOWN) {
        c->u.rx.ask_end =
            c->u.rx.have.base / SELV_COAP_QBLOCK_SET * SELV_COAP_QBLOCK_SET +
            SELV_COAP_QBLOCK_SET;
    } else {
        c->u.tx.next = 0; /* nothing of it was taken [RFC 9175 2.3] */
        c->state = UP;
    }
    return true;
}

/* What the first block of a body says of all. */
static enum selv_err body_begin(struct selv_coap_qclient *c,
                                const struct selv_coap_msg *m,
                                const struct selv_coap_block *block,
                                uint64_t now_ms)
{
    if (m->size2 > c->rq->body_max) {
        return SELV_ERR_COAP_SIZE;
    }
    uint32_t count = selv_coap_qblock_count(m->size2, block->szx);
    if (count - 1 > SELV_COAP_BLOCK_NUM_MAX) {
        return SELV_ERR_COAP_SIZE;
    }
    if (c->state != DOWN) {
        selv_coap_qrx_init(&c->u.rx, count, now_ms);
        /* By a probe we asked for block 0 alone: the rest is missing. */
        c->u.rx.ask_end = c->state == PROBED ? SELV_COAP_QBLOCK_SET : 0;
    }
    c->u.rx.count = count;
    c->total = m->size2;
    c->szx = block->szx;
    c->etag_len = (uint8_t)m->etag.len; /* parsed: 8 at most */
    if (m->etag.len > 0) {
        memcpy(c->etag, m->etag.p, m->etag.len);
    }
    c->flags |= F_STARTED;
    c->state = DOWN;
    return SELV_OK;
}

static enum selv_err body_check(const struct selv_coap_qclient *c,
                                const struct selv_coap_msg *m,
                                const struct selv_coap_block *block)
{
    if ((c->flags & F_STARTED) == 0) {
        return block->szx <= c->szx ? SELV_OK : SELV_ERR_COAP_BLOCK;
    }
    if (!selv_bytes_equal(m->etag, selv_bytes(c->etag, c->etag_len))) {
        return SELV_ERR_COAP_ETAG;
    }
    return block->szx == c->szx && m->size2 == c->total ? SELV_OK
                                                        : SELV_ERR_COAP_BLOCK;
}

/* A block of the response's body. */
static enum selv_err block_take(struct selv_coap_qclient *c,
                                const struct selv_coap_msg *m,
                                const struct selv_coap_block *block,
                                uint64_t now_ms)
{
    if ((m->has & SELV_COAP_HAS_SIZE2) == 0 ||
        !selv_coap_qblock_fits(block, m->payload.len, m->size2)) {
        return SELV_ERR_COAP_BLOCK; /* [RFC 9177 4.6] */
    }
    enum selv_err err = body_check(c, m, block);
    if (err == SELV_OK && (c->flags & F_STARTED) == 0) {
        err = body_begin(c, m, block, now_ms);
    }
    if (err) {
        return err;
    }
    c->content_format = m->content_format;
    if (selv_coap_qrx_put(&c->u.rx, block->num, now_ms) && m->payload.len > 0) {
        c->payload = m->payload;
        c->offset = block->num << (block->szx + 4);
        c->flags |= F_TELL;
    }
    return SELV_OK;
}

/* A successful answer without Q-Block2 is a whole body. */
static enum selv_err whole_take(struct selv_coap_qclient *c,
                                const struct selv_coap_msg *m)
{
    if ((m->has & SELV_COAP_HAS_BLOCK2) != 0) {
        return SELV_ERR_COAP_OPTION; /* no mix of them [RFC 9177 4.1] */
    }
    if ((c->flags & F_STARTED) != 0) {
        return SELV_ERR_COAP_BLOCK;
    }
    if (m->payload.len > c->rq->body_max) {
        return SELV_ERR_COAP_SIZE;
    }
    c->content_format = m->content_format;
    c->total = (uint32_t)m->payload.len;
    c->etag_len = (uint8_t)m->etag.len;
    if (m->etag.len > 0) {
        memcpy(c->etag, m->etag.p, m->etag.len);
    }
    if (m->payload.len > 0) {
        c->payload = m->payload;
        c->offset = 0;
        c->flags |= F_TELL;
    }
    end(c, SELV_OK);
    return SELV_OK;
}

/* 2.03 is an answer only to a request that offered an ETag. */
static enum selv_err valid_take(struct selv_coap_qclient *c,
                                const struct selv_coap_msg *m)
{
    if (c->rq->etag.len == 0 || (c->flags & F_STARTED) != 0) {
        return SELV_ERR_COAP_CODE;
    }
    if (m->etag.len > 0 && !selv_bytes_equal(m->etag, c->rq->etag)) {
        return SELV_ERR_COAP_ETAG;
    }
    c->etag_len = (uint8_t)c->rq->etag.len;
    memcpy(c->etag, c->rq->etag.p, c->etag_len);
    end(c, SELV_OK);
    return SELV_OK;
}

static enum selv_err success_take(struct selv_coap_qclient *c,
                                  const struct selv_coap_msg *m,
                                  const struct selv_coap_qblock *q,
                                  uint64_t now_ms)
{
    if (m->code == SELV_COAP_VALID) {
        return valid_take(c, m);
    }
    if (q->q2_count == 0) {
        return whole_take(c, m);
    }
    return q->q2_count == 1 ? block_take(c, m, &q->q2[0], now_ms)
                            : SELV_ERR_COAP_BLOCK;
}

/* 2.31: all blocks of the latest set have come [RFC 9177 4.3]. */
static void go_on_take(struct selv_coap_qclient *c,
                       const struct selv_coap_qblock *q, uint64_t now_ms)
{
    struct selv_coap_qtx *tx = &c->u.tx;
    selv_coap_qtx_go_on(tx, q->has_q1 ? q->q1.num + 1 : tx->next, now_ms);
    c->tries = 0;
}

/* 4.08 with numbers. One that is not in order is dropped, as is one that came
 * to nothing [RFC 9177 5]. */
static void missing_take(struct selv_coap_qclient *c, struct selv_bytes list,
                         uint64_t now_ms)
{
    struct selv_coap_qtx *tx = &c->u.tx;
    struct selv_bytes rest = list;
    uint32_t num = 0;
    bool first = true;
    while (selv_coap_qblock_missing_next(&rest, &num, &first)) {
    }
    if (rest.len > 0 || first || num >= tx->count) {
        return;
    }
    first = true;
    selv_coap_qtx_forget(tx);
    while (selv_coap_qblock_missing_next(&list, &num, &first)) {
        selv_coap_qtx_want(tx, num);
    }
    selv_coap_qtx_wanted(tx, now_ms);
    c->tries = 0;
    c->state = UP;
}

/* An answer while a payload goes out. False: it is one to all of it. */
static bool up_answer_take(struct selv_coap_qclient *c,
                           const struct selv_coap_msg *m,
                           const struct selv_coap_qblock *q, uint64_t now_ms)
{
    if (m->code == SELV_COAP_CONTINUE) {
        go_on_take(c, q, now_ms);
        return true;
    }
    if (m->code == SELV_COAP_INCOMPLETE &&
        m->content_format == SELV_COAP_MISSING_BLOCKS) {
        missing_take(c, m->payload, now_ms);
        return true;
    }
    return false;
}

/* The answer to the probe: only 4.02 says no. True: it is that and no more,
 * since a payload is to be sent, or it does not tell the body's length (libcoap
 * 4.3.4 gives blocks asked for alone without): all is asked for then. */
static bool probe_passed(struct selv_coap_qclient *c,
                         const struct selv_coap_msg *m,
                         const struct selv_coap_qblock *q, uint64_t now_ms)
{
    if (c->state != PROBED || m->code == SELV_COAP_BAD_OPTION) {
        return false;
    }
    c->is_known = true;
    if (has_payload(c)) {
        up_begin(c, now_ms);
        return true;
    }
    if (SELV_COAP_CLASS(m->code) == 2 && q->q2_count > 0 &&
        (m->has & SELV_COAP_HAS_SIZE2) == 0) {
        down_begin(c, now_ms);
        return true;
    }
    return false;
}

static void answer_take(struct selv_coap_qclient *c,
                        const struct selv_coap_msg *m, uint64_t now_ms)
{
    struct selv_coap_qblock q;
    uint8_t refusal = selv_coap_qblock_read(m, &q);
    c->code = m->code;
    c->flags |= F_HEARD;
    if (m->bad_option != 0 || refusal != 0) {
        end(c, refusal == SELV_COAP_BAD_REQUEST ? SELV_ERR_COAP_BLOCK
                                                : SELV_ERR_COAP_OPTION);
    } else if (echo_take(c, m) || probe_passed(c, m, &q, now_ms)) {
        return;
    } else if ((c->state == UP || c->state == ASKED) &&
               up_answer_take(c, m, &q, now_ms)) {
        return;
    } else if (m->code == SELV_COAP_CONTINUE) {
        return; /* late: the answer to all of it has come */
    } else if (SELV_COAP_CLASS(m->code) != 2) {
        c->payload = m->payload;
        end(c, m->code == SELV_COAP_BAD_OPTION ? SELV_ERR_COAP_OPTION
                                               : SELV_ERR_COAP_CODE);
    } else {
        enum selv_err err = success_take(c, m, &q, now_ms);
        if (err) {
            end(c, err);
        }
    }
}

static bool is_ours(const struct selv_coap_qclient *c,
                    const struct selv_coap_msg *m)
{
    bool is_awaiting = c->state != IDLE && c->state != PROBE && c->state != END;
    return is_awaiting && m->type != SELV_COAP_RST && m->token.len == 6 &&
           selv_get_be32(m->token.p) == c->token &&
           (m->type != SELV_COAP_ACK ||
            (c->state == PROBED && m->mid == c->mid));
}

/* An empty ACK or a Reset, to the probe; Resets to others are not believed:
 * they need a guess of 16 bits only. */
static bool empty_feed(struct selv_coap_qclient *c, uint64_t now_ms,
                       const struct selv_coap_msg *m)
{
    if ((m->type != SELV_COAP_ACK && m->type != SELV_COAP_RST) ||
        c->state != PROBED || m->mid != c->mid) {
        return false;
    }
    if (m->type == SELV_COAP_RST) {
        end(c, SELV_ERR_COAP_RESET);
    } else {
        c->flags |= F_ACKED | F_HEARD;
        c->next_ms = now_ms + SELV_COAP_MAX_TRANSMIT_WAIT_MS;
    }
    return true;
}

bool selv_coap_qclient_feed(struct selv_coap_qclient *c, uint64_t now_ms,
                            struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    enum selv_err err =
        selv_coap_parse_knowing(datagram, selv_coap_qblock_options, 2, &m);
    if (err != SELV_ERR_COAP_FORMAT && m.code == SELV_COAP_EMPTY) {
        return empty_feed(c, now_ms, &m);
    }
    uint8_t class = SELV_COAP_CLASS(m.code);
    if (class == 0) {
        return false;
    }
    bool is_taken = err != SELV_ERR_COAP_FORMAT &&
                    (class == 2 || class == 4 || class == 5) && is_ours(c, &m);
    if (m.type == SELV_COAP_CON) {
        bool is_good = is_taken && m.bad_option == 0;
        c->out_type = is_good ? SELV_COAP_ACK : SELV_COAP_RST;
        c->out_mid = m.mid;
    }
    if (is_taken) {
        answer_take(c, &m, now_ms);
    }
    return true;
}

/* ---- what to do next ------------------------------------------------------
 */

static void event_fill(const struct selv_coap_qclient *c,
                       struct selv_coap_event *event)
{
    event->code = c->code;
    event->content_format = c->content_format;
    event->etag = selv_bytes(c->etag, c->etag_len);
    event->size2 = c->total;
    event->offset = c->offset;
    event->payload = c->payload;
}

static enum selv_coap_action block_tell(struct selv_coap_qclient *c,
                                        struct selv_coap_event *event)
{
    event_fill(c, event);
    event->more = c->state == DOWN && c->u.rx.have.base < c->u.rx.count;
    c->payload = selv_bytes(NULL, 0);
    c->flags &= (uint8_t)~F_TELL;
    return SELV_COAP_BLOCK;
}

/* A body that nobody answered to counts against PROBING_RATE, one byte a
 * second [RFC 7252 4.8; RFC 9177 7.2]. */
static enum selv_coap_action end_tell(struct selv_coap_qclient *c,
                                      uint64_t now_ms,
                                      struct selv_coap_event *event)
{
    event_fill(c, event);
    event->err = (enum selv_err)c->err;
    c->payload = selv_bytes(NULL, 0);
    c->state = IDLE;
    c->hold_ms = 0;
    if ((c->flags & F_HEARD) == 0 && event->err == SELV_ERR_COAP_TIMEOUT) {
        uint64_t wait_ms = (uint64_t)c->bytes * 1000;
        c->hold_ms = now_ms + (wait_ms < SELV_COAP_QBLOCK_PROBING_WAIT_MS
                                   ? wait_ms
                                   : SELV_COAP_QBLOCK_PROBING_WAIT_MS);
        c->is_known = false;
    }
    return event->err == SELV_OK ? SELV_COAP_DONE : SELV_COAP_FAILED;
}

static enum selv_coap_action probe_poll(struct selv_coap_qclient *c,
                                        uint64_t now_ms, struct selv_buf *out,
                                        uint64_t *until_ms)
{
    if (c->state == PROBED && now_ms >= c->next_ms) {
        if ((c->flags & F_ACKED) != 0 || c->tries == SELV_COAP_MAX_RETRANSMIT) {
            end(c, SELV_ERR_COAP_TIMEOUT);
            return SELV_COAP_WAIT;
        }
        c->tries++;
        c->timeout_ms *= 2;
        c->state = PROBE;
    }
    if (c->state == PROBE) {
        return probe_write(c, now_ms, out);
    }
    *until_ms = c->next_ms;
    return SELV_COAP_WAIT;
}

/* A payload goes out; when it has, and nobody says anything, its last block is
 * sent again: a server that has all repeats its answer, one that has not says
 * what is missing. It is given the time to do so by itself. */
static enum selv_coap_action up_poll(struct selv_coap_qclient *c,
                                     uint64_t now_ms, struct selv_buf *out,
                                     uint64_t *until_ms)
{
    bool is_wanted;
    struct selv_coap_qtx *tx = &c->u.tx;
    uint64_t patience_ms = 2u * (uint64_t)SELV_COAP_QBLOCK_RECEIVE_MS;
    uint32_t num = selv_coap_qtx_look(tx, now_ms, until_ms, &is_wanted);
    if (num != SELV_COAP_QBLOCK_NONE) {
        selv_coap_qtx_sent(tx, num, is_wanted, now_ms);
        c->next_ms = now_ms + patience_ms;
        return piece_write(c, num, out);
    }
    if (!selv_coap_qtx_is_idle(tx)) {
        return SELV_COAP_WAIT; /* until the next set may leave */
    }
    c->state = ASKED;
    if (now_ms >= c->next_ms) {
        if (c->tries == SELV_COAP_QBLOCK_RETRANSMIT) {
            end(c, SELV_ERR_COAP_TIMEOUT);
            return SELV_COAP_WAIT;
        }
        c->tries++;
        c->next_ms = now_ms + (patience_ms << c->tries);
        return piece_write(c, tx->count - 1, out);
    }
    *until_ms = c->next_ms;
    return SELV_COAP_WAIT;
}

static enum selv_coap_action down_poll(struct selv_coap_qclient *c,
                                       uint64_t now_ms, struct selv_buf *out,
                                       uint64_t *until_ms)
{
    switch (selv_coap_qrx_look(&c->u.rx, now_ms, until_ms)) {
    case SELV_COAP_QRX_WHOLE:
        end(c, SELV_OK);
        return SELV_COAP_WAIT;
    case SELV_COAP_QRX_GO_ON:
        return ask_write(c, true, now_ms, out);
    case SELV_COAP_QRX_MISSING:
        return ask_write(c, false, now_ms, out);
    case SELV_COAP_QRX_GIVE_UP:
        end(c, SELV_ERR_COAP_TIMEOUT);
        return SELV_COAP_WAIT;
    case SELV_COAP_QRX_WAIT:
    default:
        return SELV_COAP_WAIT;
    }
}

static enum selv_coap_action state_poll(struct selv_coap_qclient *c,
                                        uint64_t now_ms, struct selv_buf *out,
                                        uint64_t *until_ms)
{
    if (now_ms >= c->deadline_ms) {
        end(c, SELV_ERR_COAP_TIMEOUT);
        return SELV_COAP_WAIT;
    }
    if (now_ms < c->hold_ms) {
        *until_ms = c->hold_ms;
        return SELV_COAP_WAIT;
    }
    if (c->state == DOWN) {
        return down_poll(c, now_ms, out, until_ms);
    }
    return c->state == UP || c->state == ASKED
               ? up_poll(c, now_ms, out, until_ms)
               : probe_poll(c, now_ms, out, until_ms);
}

enum selv_coap_action selv_coap_qclient_poll(struct selv_coap_qclient *c,
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
    if ((c->flags & F_TELL) != 0) {
        return block_tell(c, event);
    }
    if (c->state != IDLE && c->state != END &&
        state_poll(c, now_ms, out, &event->until_ms) == SELV_COAP_SEND) {
        return SELV_COAP_SEND;
    }
    if (c->state == END) {
        return end_tell(c, now_ms, event);
    }
    if (event->until_ms > c->deadline_ms && c->state != IDLE) {
        event->until_ms = c->deadline_ms;
    }
    return SELV_COAP_WAIT;
}
