/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/observe_client.c - one observation of one resource [RFC 7641 3].
 *
 * Invariants:
 *  1 The token is the same from start to end: it names the observation. Each
 *    registration has a message ID of its own; its copies are equal, since the
 *    request does not change, and the ETag offered only between them.
 *  2 News is told in the order in which the server sent it, by the number, or,
 *    of an answer to a registration, by its being caused by it.
 *  3 Every state but IDLE has an end in time, next_ms. RESTING ends in a
 *    registration, so a server that forgot us is noticed.
 *
 *         start         poll              ACK
 *   IDLE -----> ASK ----------> ASKED ---------> PROMISED
 *                ^ ^______________|  | answer       | answer
 *                |      timer        v              |
 *                +------------- RESTING <-----------+
 *                 Max-Age over       | stop
 *                                    v
 *                                  LEAVE, LEFT: as ASK, ASKED; then END
 */
#include "coap/coap_int.h"
#include "coap/observe.h"

enum state {
    IDLE = 0,
    ASK,      /* the registration is to be sent now */
    ASKED,    /* sent; an ACK, or the answer, is awaited */
    PROMISED, /* acknowledged; the answer is awaited */
    RESTING,  /* the state is known; notifications are awaited */
    LEAVE,    /* the deregistration is to be sent now */
    LEFT,     /* sent; an ACK or the answer is awaited */
    END       /* DONE or FAILED is to be told */
};

#define F_STREAM 0x01u
#define F_SEEDED 0x02u   /* mid and token have had a random start */
#define F_HAS 0x04u      /* a state has been told: number, etag, taken_ms */
#define F_NEWS 0x08u     /* NEWS is to be told */
#define F_MORE 0x10u     /* of it */
#define F_OBSERVED 0x20u /* the server has us on its list */
#define F_ECHOED 0x40u   /* the registration repeats one that was challenged */

_Static_assert(sizeof(void *) > 4 || sizeof(struct selv_coap_watch) <= 128,
               "the RAM promise of observe.h");

void selv_coap_watch_init(struct selv_coap_watch *w, bool is_stream)
{
    memset(w, 0, sizeof *w);
    w->flags = is_stream ? F_STREAM : 0;
}

static void ask(struct selv_coap_watch *w, enum state state)
{
    w->mid++;
    w->tries = 0;
    w->timeout_ms = selv_coap_first_timeout(&w->random);
    w->asked_len = w->etag_len;
    memcpy(w->asked, w->etag, sizeof w->asked);
    w->state = (uint8_t)state;
    w->flags &= (uint8_t)~F_ECHOED;
}

static void end(struct selv_coap_watch *w, enum selv_err err)
{
    w->err = (uint16_t)err;
    w->state = END;
    w->flags &= (uint8_t)~F_NEWS;
}

enum selv_err selv_coap_watch_start(struct selv_coap_watch *w,
                                    const struct selv_coap_request *rq,
                                    const uint8_t random[static 8],
                                    uint64_t now_ms)
{
    (void)now_ms;
    if (w->state != IDLE) {
        return SELV_ERR_COAP_BUSY;
    }
    if ((rq->code != SELV_COAP_GET && rq->code != SELV_COAP_FETCH) ||
        rq->szx > SELV_COAP_SZX_MAX || rq->etag.len > SELV_COAP_ETAG_MAX ||
        rq->payload.len > selv_coap_block_len(rq->szx)) {
        return SELV_ERR_ARG;
    }
    w->rq = rq;
    w->token = selv_get_be32(random);
    w->random = selv_get_be32(random + 4) | 1u;
    if ((w->flags & F_SEEDED) == 0) {
        w->mid = (uint16_t)(w->random >> 8);
    }
    w->flags = (uint8_t)((w->flags & F_STREAM) | F_SEEDED);
    w->code = 0;
    w->etag_len = (uint8_t)rq->etag.len;
    if (rq->etag.len > 0) {
        memcpy(w->etag, rq->etag.p, rq->etag.len);
    }
    ask(w, ASK);
    return SELV_OK;
}

void selv_coap_watch_refresh(struct selv_coap_watch *w, uint64_t now_ms)
{
    if (w->state == RESTING) {
        w->next_ms = now_ms;
    }
}

void selv_coap_watch_stop(struct selv_coap_watch *w, uint64_t now_ms)
{
    (void)now_ms;
    w->flags &= (uint8_t)~F_NEWS;
    if (w->state != IDLE && w->state != END) {
        ask(w, LEAVE);
    }
}

void selv_coap_watch_forget(struct selv_coap_watch *w)
{
    w->state = IDLE;
    w->flags &= (uint8_t)~F_NEWS;
}

/* ---- what is sent ---------------------------------------------------------
 */

/* Options that belong to the cache key are the same in each request
 * [RFC 7641 3.3.1]. */
static enum selv_err request_write(const struct selv_coap_watch *w,
                                   struct selv_buf *out)
{
    const struct selv_coap_request *rq = w->rq;
    struct selv_coap_block block = {0, rq->szx, false};
    struct selv_coap_writer to;
    uint8_t token[4];
    selv_put_be32(token, w->token);
    selv_coap_write_begin(&to, out->p, out->cap, SELV_COAP_CON, rq->code,
                          w->mid, selv_bytes(token, sizeof token));
    if (rq->host.len > 0) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_URI_HOST, rq->host);
    }
    if (w->asked_len > 0 && w->state == ASK) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ETAG,
                            selv_bytes(w->asked, w->asked_len));
    }
    selv_coap_write_uint(&to, SELV_COAP_OPT_OBSERVE,
                         w->state == ASK ? SELV_COAP_REGISTER
                                         : SELV_COAP_DEREGISTER);
    selv_coap_write_path(&to, rq->path);
    if (rq->content_format != SELV_COAP_NO_FORMAT && rq->payload.len > 0) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_CONTENT_FORMAT,
                             rq->content_format);
    }
    selv_coap_write_query(&to, rq->query);
    if (rq->accept != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_ACCEPT, rq->accept);
    }
    if (rq->szx < SELV_COAP_SZX_MAX) {
        selv_coap_write_block(&to, SELV_COAP_OPT_BLOCK2, &block);
    }
    if ((w->flags & F_ECHOED) != 0) {
        selv_coap_write_opt(&to, SELV_COAP_OPT_ECHO,
                            selv_bytes(w->echo, w->echo_len));
    }
    selv_coap_write_payload(&to, rq->payload);
    return selv_coap_write_end(&to, &out->len);
}

static enum selv_coap_watch_action
transmit(struct selv_coap_watch *w, uint64_t now_ms, struct selv_buf *out)
{
    enum selv_err err = request_write(w, out);
    if (err) {
        out->len = 0;
        end(w, err);
        return SELV_COAP_WATCH_WAIT;
    }
    w->next_ms = now_ms + w->timeout_ms;
    w->state = w->state == ASK ? ASKED : LEFT;
    if ((w->flags & F_STREAM) != 0) { /* the stream brings it there */
        w->next_ms = now_ms + SELV_COAP_MAX_TRANSMIT_WAIT_MS;
        w->tries = SELV_COAP_MAX_RETRANSMIT;
    }
    return SELV_COAP_WATCH_SEND;
}

/* ---- what comes in --------------------------------------------------------
 */

/* Max-Age, and 5 to 15 s, at random, for others to ask first
 * [RFC 7641 3.3.1]. */
static void rest(struct selv_coap_watch *w, uint64_t now_ms)
{
    w->state = RESTING;
    w->next_ms = now_ms + (uint64_t)w->max_age * 1000u + 5000u +
                 selv_coap_random(&w->random) % 10001u;
}

static bool is_awaited(const struct selv_coap_watch *w)
{
    return w->state == ASKED || w->state == PROMISED;
}

/* 2.03: the state is one that we know by its ETag. False: by none offered. */
static bool valid_take(struct selv_coap_watch *w, const struct selv_coap_msg *m)
{
    struct selv_bytes asked = {w->asked, w->asked_len};
    if (asked.len == 0 ||
        (m->etag.len > 0 && !selv_bytes_equal(m->etag, asked))) {
        return false;
    }
    if ((w->flags & F_HAS) == 0 ||
        !selv_bytes_equal(asked, selv_bytes(w->etag, w->etag_len))) {
        w->flags |= F_NEWS;
    }
    w->etag_len = w->asked_len;
    memcpy(w->etag, w->asked, sizeof w->etag);
    return true;
}

static enum selv_err state_take(struct selv_coap_watch *w,
                                const struct selv_coap_msg *m)
{
    bool has_block = (m->has & SELV_COAP_HAS_BLOCK2) != 0;
    w->payload = selv_bytes(NULL, 0);
    w->size2 = 0;
    w->flags &= (uint8_t) ~(F_NEWS | F_MORE);
    if (m->code == SELV_COAP_VALID) {
        return valid_take(w, m) ? SELV_OK : SELV_ERR_COAP_ETAG;
    }
    if (has_block && (m->block2.num != 0 || m->block2.szx > w->rq->szx ||
                      m->payload.len > selv_coap_block_len(m->block2.szx) ||
                      (m->block2.more &&
                       m->payload.len != selv_coap_block_len(m->block2.szx)))) {
        return SELV_ERR_COAP_BLOCK;
    }
    w->etag_len = (uint8_t)m->etag.len;
    if (m->etag.len > 0) {
        memcpy(w->etag, m->etag.p, m->etag.len);
    }
    w->payload = m->payload;
    w->size2 = m->size2;
    w->content_format = m->content_format;
    w->flags |= F_NEWS;
    w->flags |= has_block && m->block2.more ? F_MORE : 0;
    return SELV_OK;
}

/* True when the message tells a state later than the one that we have: an
 * answer because it was asked for after that, a notification by its number. */
static bool is_newer(const struct selv_coap_watch *w, uint64_t now_ms,
                     const struct selv_coap_msg *m, bool is_answer)
{
    if (is_answer ||
        (w->flags & (F_HAS | F_OBSERVED)) != (F_HAS | F_OBSERVED)) {
        return true;
    }
    return selv_coap_observe_is_newer(w->number, w->taken_ms, m->observe,
                                      now_ms);
}

/* A notification, or the answer, whichever comes first: either shows that the
 * server has us on its list. */
static void success_take(struct selv_coap_watch *w, uint64_t now_ms,
                         const struct selv_coap_msg *m, bool is_answer)
{
    bool is_observed = (m->has & SELV_COAP_HAS_OBSERVE) != 0;
    if ((!is_answer && !is_observed) || !is_newer(w, now_ms, m, is_answer)) {
        return;
    }
    enum selv_err err = state_take(w, m);
    if (err) {
        if (is_answer) {
            end(w, err);
        }
        return;
    }
    w->code = m->code;
    w->max_age = m->max_age;
    w->number = m->observe;
    w->taken_ms = now_ms;
    w->flags = (uint8_t)((w->flags | F_HAS) & ~F_OBSERVED);
    w->flags |= is_observed ? F_OBSERVED : 0;
    rest(w, now_ms);
}

/* A 4.01 that asks whether the address is ours: ask again, with its Echo
 * [RFC 9175 2.3]. One that says so to the Echo, too, is an error. */
static bool challenge_take(struct selv_coap_watch *w,
                           const struct selv_coap_msg *m)
{
    struct selv_bytes value;
    if (m->code != SELV_COAP_UNAUTHORIZED || !is_awaited(w) ||
        (w->flags & F_ECHOED) != 0 ||
        !selv_coap_opt_find(m, SELV_COAP_OPT_ECHO, &value) || value.len == 0 ||
        value.len > sizeof w->echo) {
        return false;
    }
    ask(w, ASK);
    w->flags |= F_ECHOED;
    w->echo_len = (uint8_t)value.len;
    memcpy(w->echo, value.p, value.len);
    return true;
}

/* A response with our token. */
static void response_take(struct selv_coap_watch *w, uint64_t now_ms,
                          const struct selv_coap_msg *m)
{
    bool is_observed = (m->has & SELV_COAP_HAS_OBSERVE) != 0;
    /* That it comes on our ACK, or without a number, tells an answer from a
     * notification; a stream keeps the order anyway. When the answer is
     * promised, what comes is taken for it: a server that began anew has
     * smaller numbers, and a notification that was late is followed by the
     * answer. */
    bool is_answer =
        (w->flags & F_STREAM) != 0 || w->state == PROMISED ||
        (w->state == ASKED && (m->type == SELV_COAP_ACK || !is_observed));
    if (w->state == LEAVE || w->state == LEFT) {
        if (w->state == LEFT && !is_observed) {
            end(w, SELV_OK);
        }
    } else if (m->bad_option != 0) {
        if (is_answer) {
            end(w, SELV_ERR_COAP_OPTION);
        }
    } else if (challenge_take(w, m)) {
        w->payload = selv_bytes(NULL, 0);
    } else if (SELV_COAP_CLASS(m->code) != 2) {
        w->code = m->code; /* it is over [RFC 7641 4.2] */
        w->payload = m->payload;
        end(w, SELV_ERR_COAP_CODE);
    } else {
        success_take(w, now_ms, m, is_answer);
    }
}

static void empty_out(struct selv_coap_watch *w, enum selv_coap_type type,
                      uint16_t mid)
{
    w->out_type = (uint8_t)type;
    w->out_mid = mid;
}

/* An empty ACK or a Reset. */
static bool empty_feed(struct selv_coap_watch *w, uint64_t now_ms,
                       const struct selv_coap_msg *m)
{
    if ((m->type != SELV_COAP_ACK && m->type != SELV_COAP_RST) ||
        m->mid != w->mid || (w->state != ASKED && w->state != LEFT)) {
        return false;
    }
    if (w->state == LEFT) {
        end(w, SELV_OK); /* it has heard us, or knows us no more */
    } else if (m->type == SELV_COAP_RST) {
        end(w, SELV_ERR_COAP_RESET);
    } else {
        w->next_ms = now_ms + SELV_COAP_MAX_TRANSMIT_WAIT_MS;
        w->state = PROMISED;
    }
    return true;
}

/* A notification that nobody wants any more [RFC 7641 3.6]. */
static void forgotten_reject(struct selv_coap_watch *w,
                             const struct selv_coap_msg *m)
{
    bool is_stream = (w->flags & F_STREAM) != 0; /* has no Reset */
    if (!is_stream && m->type != SELV_COAP_ACK) {
        empty_out(w, SELV_COAP_RST, m->mid);
    }
}

bool selv_coap_watch_feed(struct selv_coap_watch *w, uint64_t now_ms,
                          struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    enum selv_err err = selv_coap_parse(datagram, &m);
    if (err == SELV_ERR_COAP_FORMAT || (w->flags & F_SEEDED) == 0) {
        return false;
    }
    if (m.code == SELV_COAP_EMPTY) {
        return empty_feed(w, now_ms, &m);
    }
    uint8_t class = SELV_COAP_CLASS(m.code);
    if ((class != 2 && class != 4 && class != 5) || m.token.len != 4 ||
        selv_get_be32(m.token.p) != w->token || m.type == SELV_COAP_RST ||
        (m.type == SELV_COAP_ACK &&
         (m.mid != w->mid || (w->state != ASKED && w->state != LEFT)))) {
        return false;
    }
    if (w->state == IDLE || w->state == END ||
        (m.bad_option != 0 && m.type == SELV_COAP_CON)) {
        forgotten_reject(w, &m);
    } else if (m.type == SELV_COAP_CON) {
        empty_out(w, SELV_COAP_ACK, m.mid);
    }
    if (w->state != IDLE && w->state != END) {
        response_take(w, now_ms, &m);
    }
    return true;
}

/* ---- what to do next ------------------------------------------------------
 */

static void news_fill(struct selv_coap_watch *w, struct selv_coap_news *news)
{
    news->code = w->code;
    news->more = (w->flags & F_MORE) != 0;
    news->is_observed = (w->flags & F_OBSERVED) != 0;
    news->content_format = w->content_format;
    news->max_age = w->max_age;
    news->size2 = w->size2;
    news->etag = selv_bytes(w->etag, w->etag_len);
    news->payload = w->payload;
    w->payload = selv_bytes(NULL, 0);
    w->flags &= (uint8_t)~F_NEWS;
}

static void time_check(struct selv_coap_watch *w, uint64_t now_ms)
{
    bool is_sent = w->state == ASKED || w->state == LEFT;
    if (w->state == RESTING && now_ms >= w->next_ms) {
        ask(w, ASK);
    } else if ((is_sent && w->tries == SELV_COAP_MAX_RETRANSMIT &&
                now_ms >= w->next_ms) ||
               (w->state == PROMISED && now_ms >= w->next_ms)) {
        w->code = 0;
        w->payload = selv_bytes(NULL, 0);
        end(w, SELV_ERR_COAP_TIMEOUT);
    } else if (is_sent && now_ms >= w->next_ms) {
        w->tries++;
        w->timeout_ms *= 2;
        w->state = w->state == ASKED ? ASK : LEAVE;
    }
}

enum selv_coap_watch_action selv_coap_watch_poll(struct selv_coap_watch *w,
                                                 uint64_t now_ms,
                                                 struct selv_buf *out,
                                                 struct selv_coap_news *news)
{
    memset(news, 0, sizeof *news);
    news->content_format = SELV_COAP_NO_FORMAT;
    news->until_ms = UINT64_MAX;
    out->len = 0;
    if (w->out_type != 0) {
        selv_coap_write_empty(out, (enum selv_coap_type)w->out_type,
                              w->out_mid);
        w->out_type = 0;
        return SELV_COAP_WATCH_SEND;
    }
    if ((w->flags & F_NEWS) != 0) {
        news_fill(w, news);
        return SELV_COAP_WATCH_NEWS;
    }
    time_check(w, now_ms);
    if ((w->state == ASK || w->state == LEAVE) &&
        transmit(w, now_ms, out) == SELV_COAP_WATCH_SEND) {
        return SELV_COAP_WATCH_SEND;
    }
    if (w->state == END) {
        news_fill(w, news);
        news->err = (enum selv_err)w->err;
        w->state = IDLE;
        return news->err == SELV_OK ? SELV_COAP_WATCH_DONE
                                    : SELV_COAP_WATCH_FAILED;
    }
    if (w->state != IDLE) {
        news->until_ms = w->next_ms;
    }
    return SELV_COAP_WATCH_WAIT;
}
