/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/qblock_server.c - bodies by Q-Block at the server [RFC 9177].
 *
 * Invariants:
 *  1 A body goes out to who asked for it, no faster than a set at a time; after
 *    SELV_COAP_QBLOCK_RETRANSMIT sets without a word it stops until one comes.
 *  2 All blocks of a transfer are confirmable, one at a time, or none is, as
 *    its first request was [RFC 9177 7].
 *  3 A body that comes in is answered once; a copy of any block of it is
 *    answered with the same. */
#include "coap/qblock_int.h"

#define NONE SELV_COAP_QBLOCK_NONE

#define F_CON 0x01u     /* confirmable */
#define F_PIGGY 0x02u   /* the next block is the ACK of rq_mid */
#define F_AWAITED 0x04u /* con_num is sent, its ACK awaited */
#define F_ROW 0x08u     /* blocks go out in order; else only those named */

#define LINGER_MS 60000u /* a body that was sent is remembered for so long */

static void token_set(struct selv_coap_qtoken *t, struct selv_bytes token)
{
    t->len = (uint8_t)token.len; /* parsed: 8 at most */
    if (token.len > 0) {
        memcpy(t->p, token.p, token.len);
    }
}

/* ---- a body goes out: requests ----------------------------------------------
 */

void selv_coap_qsend_end(struct selv_coap_qsend *e)
{
    e->expiry_ms = 0;
}

static bool qsend_is_idle(const struct selv_coap_qsend *e)
{
    return selv_coap_qtx_is_idle(&e->tx) &&
           (e->flags & (F_PIGGY | F_AWAITED)) == 0;
}

/* This peer's entry for the resource; or the one to put it in, or NULL. */
static struct selv_coap_qsend *qsend_find(struct selv_coap_qsend *table,
                                          size_t count, uint64_t now_ms,
                                          const struct selv_coap_peer *peer,
                                          uint32_t resource)
{
    struct selv_coap_qsend *place = NULL;
    for (size_t i = 0; i < count; i++) {
        struct selv_coap_qsend *e = &table[i];
        if (e->expiry_ms > now_ms && e->resource == resource &&
            selv_coap_peer_equal(&e->peer, peer)) {
            return e;
        }
        if (e->expiry_ms > now_ms && !qsend_is_idle(e) &&
            e->tx.quiet < SELV_COAP_QBLOCK_RETRANSMIT) {
            continue;
        }
        if (place == NULL || e->expiry_ms < place->expiry_ms) {
            place = e;
        }
    }
    return place;
}

static bool qsend_is(const struct selv_coap_qsend *e, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     const struct selv_coap_qbody *body)
{
    return e->expiry_ms > now_ms && e->resource == body->resource &&
           e->total == body->total && selv_coap_peer_equal(&e->peer, peer) &&
           selv_bytes_equal(body->etag, selv_bytes(e->etag, e->etag_len));
}

/* Where a row begins that the request asks for: 0 for the whole body, the head
 * of another set to go on with; NONE: it names the blocks that it wants
 * [RFC 9177 4.4]. */
static uint32_t row_first(const struct selv_coap_qblock *q)
{
    if (q->q2_count == 0) {
        return 0;
    }
    bool is_row = q->q2_count == 1 && q->q2[0].more &&
                  q->q2[0].num % SELV_COAP_QBLOCK_SET == 0;
    return is_row ? q->q2[0].num : NONE;
}

static void qsend_begin(struct selv_coap_qsend *e, uint64_t now_ms,
                        struct selv_coap_server *s,
                        const struct selv_coap_peer *peer,
                        const struct selv_coap_qbody *body,
                        const struct selv_coap_msg *rq, uint8_t szx,
                        uint32_t first)
{
    uint32_t count = selv_coap_qblock_count(body->total, szx);
    bool is_con = rq->type == SELV_COAP_CON;
    memset(e, 0, sizeof *e);
    e->peer = *peer;
    e->resource = body->resource;
    e->total = body->total;
    e->szx = szx;
    e->flags = (uint8_t)((is_con ? F_CON : 0) | (first != NONE ? F_ROW : 0));
    e->piggy = NONE;
    e->rq_mid = (uint16_t)(rq->mid + 1u); /* another one: not a copy */
    e->etag_len = (uint8_t)body->etag.len;
    memcpy(e->etag, body->etag.p, body->etag.len);
    /* One confirmable block at a time needs no sets. */
    uint16_t delay_ms = is_con ? 0 : selv_coap_qblock_delay(&s->random);
    selv_coap_qtx_init(&e->tx, count, first == NONE ? count : first, delay_ms,
                       now_ms);
    token_set(&e->row, rq->token);
}

/* The blocks that the request names. */
static void qsend_want(struct selv_coap_qsend *e,
                       const struct selv_coap_qblock *q, uint64_t now_ms)
{
    selv_coap_qtx_forget(&e->tx);
    for (size_t i = 0; i < q->q2_count; i++) {
        uint32_t num = q->q2[i].num;
        uint32_t end = q->q2[i].more ? num - num % SELV_COAP_QBLOCK_SET +
                                           SELV_COAP_QBLOCK_SET
                                     : num + 1;
        for (; num < end && num < e->tx.count; num++) {
            selv_coap_qtx_want(&e->tx, num);
        }
    }
    selv_coap_qtx_wanted(&e->tx, now_ms);
}

/* A copy of the latest request: nothing but its ACK is due again. */
static bool qsend_is_copy(struct selv_coap_qsend *e,
                          const struct selv_coap_msg *rq)
{
    if (rq->mid != e->rq_mid ||
        !selv_bytes_equal(rq->token, selv_bytes(e->want.p, e->want.len))) {
        return false;
    }
    if (rq->type == SELV_COAP_CON && e->piggy != NONE) {
        e->flags |= F_PIGGY;
    }
    return true;
}

uint8_t selv_coap_qsend_take(struct selv_coap_qsend *table, size_t count,
                             uint64_t now_ms, struct selv_coap_server *s,
                             const struct selv_coap_peer *peer,
                             const struct selv_coap_qbody *body,
                             const struct selv_coap_msg *rq,
                             const struct selv_coap_qblock *q,
                             struct selv_coap_qsend **e, bool *is_new)
{
    uint8_t szx_max =
        q->q2_count == 0 && q->has_q1 ? q->q1.szx : SELV_COAP_SZX_MAX;
    szx_max = szx_max < body->szx_max ? szx_max : body->szx_max;
    uint8_t szx =
        q->q2_count > 0 && q->q2[0].szx < szx_max ? q->q2[0].szx : szx_max;
    uint32_t blocks = selv_coap_qblock_count(body->total, szx);
    uint32_t num_max = q->q2_count > 0 ? q->q2[q->q2_count - 1].num : 0;
    uint32_t first = row_first(q);
    struct selv_coap_qsend *at =
        qsend_find(table, count, now_ms, peer, body->resource);
    *e = NULL;
    *is_new = false;
    if ((q->q2_count == 0 && !q->has_q1) ||
        blocks - 1 > SELV_COAP_BLOCK_NUM_MAX || num_max >= blocks ||
        (num_max > 0 && szx != q->q2[0].szx)) {
        return SELV_COAP_BAD_REQUEST;
    }
    if (at == NULL) {
        return SELV_COAP_UNAVAILABLE;
    }
    bool is_same = qsend_is(at, now_ms, peer, body) && at->szx == szx &&
                   ((at->flags & F_CON) != 0) == (rq->type == SELV_COAP_CON);
    *e = at;
    if (is_same && qsend_is_copy(at, rq)) {
        return 0;
    }
    if (!is_same || first == 0) {
        qsend_begin(at, now_ms, s, peer, body, rq, szx, first);
        *is_new = true;
    }
    if (first != NONE && (at->flags & F_ROW) == 0) {
        at->tx.next = first;
        at->flags |= F_ROW;
    }
    /* A set that was sent, and is asked for as if it were next, was lost. */
    if (first == NONE || (first < at->tx.next && !selv_coap_qtx_is_under_way(
                                                     &at->tx, first, now_ms))) {
        qsend_want(at, q, now_ms);
    } else {
        selv_coap_qtx_go_on(&at->tx, first, now_ms);
    }
    token_set(&at->want, rq->token);
    at->rq_mid = rq->mid;
    at->expiry_ms = now_ms + SELV_COAP_QBLOCK_PARTIAL_MS;
    if (rq->type == SELV_COAP_CON) { /* what is not acknowledged, he misses */
        at->flags = (uint8_t)((at->flags & ~F_AWAITED) | F_PIGGY);
    }
    at->piggy = NONE;
    return 0;
}

/* ---- a body goes out: blocks
 * -------------------------------------------------
 */

/* The block that is due now, or NONE. */
static uint32_t qsend_look(const struct selv_coap_qsend *e, uint64_t now_ms,
                           uint64_t *until_ms, bool *is_wanted)
{
    *is_wanted = false;
    *until_ms = UINT64_MAX;
    if ((e->flags & F_PIGGY) != 0 && e->piggy != NONE) {
        return e->piggy; /* on an ACK that was lost */
    }
    if ((e->flags & F_AWAITED) != 0) {
        if (now_ms >= e->next_ms) {
            return e->con_num;
        }
        *until_ms = e->next_ms;
        return NONE;
    }
    if (e->tx.quiet >= SELV_COAP_QBLOCK_RETRANSMIT) {
        return NONE;
    }
    return selv_coap_qtx_look(&e->tx, now_ms, until_ms, is_wanted);
}

struct selv_coap_qsend *selv_coap_qsend_poll(struct selv_coap_qsend *table,
                                             size_t count, uint64_t now_ms,
                                             uint64_t *until_ms)
{
    *until_ms = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct selv_coap_qsend *e = &table[i];
        uint64_t entry_ms;
        bool is_wanted;
        if (e->expiry_ms <= now_ms) {
            continue;
        }
        if (qsend_look(e, now_ms, &entry_ms, &is_wanted) != NONE) {
            if ((e->flags & F_AWAITED) == 0 ||
                e->tries < SELV_COAP_MAX_RETRANSMIT) {
                return e;
            }
            e->expiry_ms = 0; /* [RFC 7252 4.2] */
            continue;
        }
        *until_ms = entry_ms < *until_ms ? entry_ms : *until_ms;
    }
    return NULL;
}

/* The type of the message for block num, and what follows from sending it. */
static enum selv_coap_type qsend_type(struct selv_coap_server *s,
                                      struct selv_coap_qsend *e, uint32_t num,
                                      uint64_t now_ms)
{
    if ((e->flags & F_PIGGY) != 0) {
        e->flags &= (uint8_t)~F_PIGGY;
        e->piggy = num;
        return SELV_COAP_ACK;
    }
    if ((e->flags & F_CON) == 0) {
        e->mid = s->mid++;
        return SELV_COAP_NON;
    }
    if ((e->flags & F_AWAITED) != 0) {
        e->tries++;
        e->timeout_ms *= 2;
    } else {
        e->mid = s->mid++;
        e->tries = 0;
        e->timeout_ms = selv_coap_first_timeout(&s->random);
        e->con_num = num;
        e->flags |= F_AWAITED;
    }
    e->next_ms = now_ms + e->timeout_ms;
    return SELV_COAP_CON;
}

void selv_coap_qsend_begin(struct selv_coap_server *s,
                           struct selv_coap_qsend *e, uint64_t now_ms,
                           uint8_t code, struct selv_coap_slice *slice,
                           struct selv_buf *out, struct selv_coap_writer *w)
{
    uint64_t until_ms;
    bool is_wanted;
    uint32_t num = qsend_look(e, now_ms, &until_ms, &is_wanted);
    bool is_again = (e->flags & F_AWAITED) != 0 ||
                    ((e->flags & F_PIGGY) != 0 && e->piggy != NONE);
    const struct selv_coap_qtoken *token = is_wanted ? &e->want : &e->row;
    size_t len = selv_coap_block_len(e->szx);
    memset(slice, 0, sizeof *slice);
    out->len = 0;
    if (num == NONE) { /* poll did not say so */
        selv_coap_write_begin(w, out->p, 0, SELV_COAP_NON, code, 0,
                              selv_bytes(NULL, 0));
        return;
    }
    if (!is_again) {
        selv_coap_qtx_sent(&e->tx, num, is_wanted, now_ms);
    }
    enum selv_coap_type type = qsend_type(s, e, num, now_ms);
    if (type == SELV_COAP_ACK) {
        token = &e->want;
    }
    if (qsend_is_idle(e) && e->expiry_ms > now_ms + LINGER_MS) {
        e->expiry_ms = now_ms + LINGER_MS;
    }
    uint32_t left = e->total - num * (uint32_t)len;
    slice->offset = num * (uint32_t)len;
    slice->total = e->total;
    slice->len = (uint16_t)(left < len ? left : len);
    slice->block.num = num;
    slice->block.szx = e->szx;
    slice->block.more = left > len;
    slice->is_blockwise = true;
    selv_coap_write_begin(w, out->p, out->cap, type, code,
                          type == SELV_COAP_ACK ? e->rq_mid : e->mid,
                          selv_bytes(token->p, token->len));
}

void selv_coap_write_qslice(struct selv_coap_writer *w,
                            const struct selv_coap_slice *slice,
                            struct selv_bytes etag, uint16_t content_format,
                            uint32_t max_age)
{
    struct selv_coap_slice plain = *slice;
    plain.is_blockwise = false;
    selv_coap_write_slice(w, &plain, etag, content_format, max_age);
    selv_coap_write_uint(w, SELV_COAP_OPT_SIZE2, slice->total);
    selv_coap_write_block(w, SELV_COAP_OPT_QBLOCK2, &slice->block);
}

/* ---- a body comes in --------------------------------------------------------
 */

void selv_coap_qtake_init(struct selv_coap_qtake *u, struct selv_buf buf)
{
    memset(u, 0, sizeof *u);
    u->body = buf;
    u->body.len = 0;
}

void selv_coap_qtake_end(struct selv_coap_qtake *u)
{
    u->expiry_ms = 0;
    u->body.len = 0;
}

static bool qtake_is(const struct selv_coap_qtake *u, uint64_t now_ms,
                     const struct selv_coap_peer *peer, uint32_t resource,
                     const struct selv_coap_msg *rq)
{
    return u->expiry_ms > now_ms && u->resource == resource &&
           u->tag == selv_coap_request_tag(rq) &&
           selv_coap_peer_equal(&u->peer, peer);
}

struct selv_coap_qtake *selv_coap_qtake_find(struct selv_coap_qtake *u,
                                             size_t count, uint64_t now_ms,
                                             const struct selv_coap_peer *peer,
                                             uint32_t resource,
                                             const struct selv_coap_msg *rq)
{
    struct selv_coap_qtake *place = NULL;
    for (size_t i = 0; i < count; i++) {
        if (qtake_is(&u[i], now_ms, peer, resource, rq)) {
            return &u[i];
        }
        if (u[i].expiry_ms > now_ms && u[i].code == 0) {
            continue;
        }
        if (place == NULL || u[i].expiry_ms < place->expiry_ms) {
            place = &u[i];
        }
    }
    return place;
}

static void qtake_begin(struct selv_coap_qtake *u, uint64_t now_ms,
                        const struct selv_coap_peer *peer, uint32_t resource,
                        const struct selv_coap_msg *rq, uint8_t szx)
{
    u->body.len = 0;
    u->peer = *peer;
    u->resource = resource;
    u->tag = selv_coap_request_tag(rq);
    u->total = rq->size1;
    u->szx = szx;
    u->flags = rq->type == SELV_COAP_CON ? F_CON : 0;
    u->code = 0;
    u->answer_len = 0;
    selv_coap_qrx_init(&u->rx, selv_coap_qblock_count(rq->size1, szx), now_ms);
}

/* What the client is told of this block: whether to go on. */
static uint8_t qtake_progress(struct selv_coap_qtake *u, uint64_t now_ms)
{
    uint64_t until_ms;
    switch (selv_coap_qrx_look(&u->rx, now_ms, &until_ms)) {
    case SELV_COAP_QRX_WHOLE:
        u->body.len = u->total;
        return 0;
    case SELV_COAP_QRX_GO_ON: /* not when confirmable [RFC 9177 4.3] */
        u->rx.go_on = 0;
        u->rx.last_ms = now_ms;
        return (u->flags & F_CON) == 0 ? SELV_COAP_CONTINUE
                                       : SELV_COAP_QTAKE_SILENT;
    case SELV_COAP_QRX_WAIT:
    case SELV_COAP_QRX_MISSING: /* for selv_coap_qtake_poll */
    case SELV_COAP_QRX_GIVE_UP:
    default:
        return SELV_COAP_QTAKE_SILENT;
    }
}

uint8_t selv_coap_qtake_feed(struct selv_coap_qtake *u, uint64_t now_ms,
                             const struct selv_coap_peer *peer,
                             uint32_t resource, const struct selv_coap_msg *rq,
                             const struct selv_coap_qblock *q)
{
    const struct selv_coap_block *block = &q->q1;
    if (!q->has_q1 || (rq->has & SELV_COAP_HAS_SIZE1) == 0 ||
        selv_coap_request_tag(rq) == 0 ||
        !selv_coap_qblock_fits(block, rq->payload.len, rq->size1)) {
        return SELV_COAP_BAD_REQUEST; /* [RFC 9177 4.3] */
    }
    if (u == NULL) {
        return SELV_COAP_UNAVAILABLE;
    }
    if (rq->size1 > u->body.cap) {
        return SELV_COAP_TOO_LARGE;
    }
    if (!qtake_is(u, now_ms, peer, resource, rq)) {
        qtake_begin(u, now_ms, peer, resource, rq, block->szx);
    }
    if (u->szx != block->szx || u->total != rq->size1) {
        return SELV_COAP_BAD_REQUEST;
    }
    token_set(&u->token, rq->token);
    u->expiry_ms = now_ms + SELV_COAP_QBLOCK_PARTIAL_MS;
    if (u->code != 0) {
        return u->code;
    }
    if (selv_coap_qrx_put(&u->rx, block->num, now_ms) && rq->payload.len > 0) {
        memcpy(u->body.p + ((size_t)block->num << (block->szx + 4)),
               rq->payload.p, rq->payload.len);
    } else {
        selv_coap_qrx_repeat(&u->rx, block->num);
    }
    return qtake_progress(u, now_ms);
}

void selv_coap_qtake_answer(struct selv_coap_qtake *u, uint8_t code,
                            uint16_t content_format, struct selv_bytes payload)
{
    u->code = code;
    u->format = content_format;
    u->answer_len =
        payload.len <= SELV_COAP_QTAKE_ANSWER_MAX ? (uint8_t)payload.len : 0;
    if (u->answer_len > 0) {
        memcpy(u->answer, payload.p, payload.len);
    }
}

/* The Q-Block1 of a 2.31: the last block of all that have come. */
static void progress_write(struct selv_coap_writer *w,
                           const struct selv_coap_qtake *u)
{
    const struct selv_coap_block block = {u->rx.have.base - 1, u->szx, true};
    selv_coap_write_block(w, SELV_COAP_OPT_QBLOCK1, &block);
}

void selv_coap_qtake_reply(struct selv_coap_server *s,
                           const struct selv_coap_qtake *u,
                           const struct selv_coap_msg *rq, uint8_t code,
                           struct selv_buf *out)
{
    struct selv_coap_writer w;
    out->len = 0;
    if (code == SELV_COAP_QTAKE_SILENT) {
        if (rq->type == SELV_COAP_CON) {
            selv_coap_write_empty(out, SELV_COAP_ACK, rq->mid);
        }
        return;
    }
    selv_coap_reply_begin(s, rq, code, out, &w);
    if (code == SELV_COAP_CONTINUE && u != NULL) {
        progress_write(&w, u);
    } else if (code == SELV_COAP_TOO_LARGE && u != NULL) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE1, (uint32_t)u->body.cap);
    } else if (u != NULL && code == u->code && u->answer_len > 0) {
        if (u->format != SELV_COAP_NO_FORMAT) {
            selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT, u->format);
        }
        selv_coap_write_payload(&w, selv_bytes(u->answer, u->answer_len));
    }
    if (selv_coap_write_end(&w, &out->len) != SELV_OK) {
        out->len = 0;
    }
}

struct selv_coap_qtake *selv_coap_qtake_poll(struct selv_coap_qtake *u,
                                             size_t count, uint64_t now_ms,
                                             uint64_t *until_ms)
{
    *until_ms = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t entry_ms;
        if (u[i].expiry_ms <= now_ms || u[i].code != 0 ||
            (u[i].flags & F_CON) != 0) {
            continue;
        }
        switch (selv_coap_qrx_look(&u[i].rx, now_ms, &entry_ms)) {
        case SELV_COAP_QRX_MISSING:
            return &u[i];
        case SELV_COAP_QRX_GIVE_UP:
            selv_coap_qtake_end(&u[i]);
            break;
        case SELV_COAP_QRX_WAIT:
        case SELV_COAP_QRX_GO_ON:
        case SELV_COAP_QRX_WHOLE:
        default:
            break;
        }
        *until_ms = entry_ms < *until_ms ? entry_ms : *until_ms;
    }
    return NULL;
}

/* One number as CBOR. */
static size_t number_write(uint8_t p[static 5], uint32_t v)
{
    uint8_t be[4];
    selv_put_be32(be, v);
    size_t len = v < 24 ? 0 : v < 256 ? 1 : v < 65536 ? 2 : 4;
    p[0] = (uint8_t)(len == 0 ? v : len == 1 ? 24 : len == 2 ? 25 : 26);
    memcpy(p + 1, be + 4 - len, len);
    return 1 + len;
}

void selv_coap_qtake_missing(struct selv_coap_server *s,
                             struct selv_coap_qtake *u, uint64_t now_ms,
                             struct selv_buf *out)
{
    struct selv_coap_writer w;
    uint8_t list[5u * SELV_COAP_QBLOCK_SET];
    size_t len = 0;
    uint32_t num = selv_coap_qrx_next(&u->rx, 0);
    for (uint32_t i = 0; i < SELV_COAP_QBLOCK_SET && num != NONE; i++) {
        len += number_write(list + len, num);
        num = selv_coap_qrx_next(&u->rx, num + 1);
    }
    u->mid = s->mid++;
    selv_coap_write_begin(&w, out->p, out->cap, SELV_COAP_NON,
                          SELV_COAP_INCOMPLETE, u->mid,
                          selv_bytes(u->token.p, u->token.len));
    selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT,
                         SELV_COAP_MISSING_BLOCKS);
    selv_coap_write_payload(&w, selv_bytes(list, len));
    selv_coap_qrx_asked(&u->rx, now_ms);
    if (selv_coap_write_end(&w, &out->len) != SELV_OK) {
        out->len = 0;
    }
}

/* ---- empty messages ---------------------------------------------------------
 */

static bool qsend_feed(struct selv_coap_qsend *e, uint64_t now_ms,
                       const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *m)
{
    if (e->expiry_ms <= now_ms || e->mid != m->mid ||
        !selv_coap_peer_equal(&e->peer, peer)) {
        return false;
    }
    if (m->type == SELV_COAP_RST) {
        selv_coap_qsend_end(e);
    } else {
        e->flags &= (uint8_t)~F_AWAITED;
        e->tx.quiet = 0;
    }
    return true;
}

bool selv_coap_qblock_feed(struct selv_coap_qsend *send, size_t send_count,
                           struct selv_coap_qtake *take, size_t take_count,
                           uint64_t now_ms, const struct selv_coap_peer *peer,
                           struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    if (selv_coap_parse(datagram, &m) != SELV_OK || m.code != SELV_COAP_EMPTY ||
        (m.type != SELV_COAP_ACK && m.type != SELV_COAP_RST)) {
        return false;
    }
    for (size_t i = 0; i < send_count; i++) {
        if (qsend_feed(&send[i], now_ms, peer, &m)) {
            return true;
        }
    }
    for (size_t i = 0; i < take_count; i++) {
        struct selv_coap_qtake *u = &take[i];
        if (u->expiry_ms > now_ms && u->code == 0 && u->mid == m.mid &&
            m.type == SELV_COAP_RST && selv_coap_peer_equal(&u->peer, peer)) {
            selv_coap_qtake_end(u);
            return true;
        }
    }
    return false;
}
