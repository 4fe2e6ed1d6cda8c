/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/server.c - requests in, answers out; duplicates told from new ones.
 *
 * Invariants:
 *  1 A request is known by peer, message ID and token together. The token is
 *    in the key for clients that use up the message IDs within
 *    EXCHANGE_LIFETIME: what they send is new, not a copy.
 *  2 What is remembered is a whole answer, so a copy gets the same bytes. */
#include "coap/coap_int.h"

#define WAYS 8u /* places that one request may be remembered in */

_Static_assert(SELV_COAP_REPLY_MAX >= 16 && SELV_COAP_REPLY_MAX <= 255,
               "an error with its token must fit; its length is one byte");

void selv_coap_server_init(struct selv_coap_server *s,
                           struct selv_coap_seen *seen, uint32_t seen_count,
                           const uint8_t random[static 8])
{
    memset(s, 0, sizeof *s);
    s->seen = seen;
    s->seen_count = seen_count;
    s->random = selv_get_be32(random) | 1u;
    s->mid = (uint16_t)(random[4] << 8 | random[5]);
    for (uint32_t i = 0; i < seen_count; i++) {
        seen[i].expiry_ms = 0;
    }
}

void selv_coap_server_know(struct selv_coap_server *s, const uint16_t *known,
                           uint32_t count)
{
    s->known = known;
    s->known_count = count;
}

void selv_coap_server_stream(struct selv_coap_server *s)
{
    s->is_stream = true;
}

/* ---- requests remembered --------------------------------------------------
 */

/* Where the search for this request begins. */
static uint32_t place(const struct selv_coap_server *s,
                      const struct selv_coap_peer *peer, uint16_t mid)
{
    uint8_t id[2] = {(uint8_t)(mid >> 8), (uint8_t)mid};
    uint32_t h = selv_coap_hash(SELV_COAP_HASH, peer->addr, peer->len);
    return selv_coap_hash(h, id, sizeof id) % s->seen_count;
}

static bool seen_is(const struct selv_coap_seen *e,
                    const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq)
{
    return e->mid == rq->mid && selv_coap_peer_equal(&e->peer, peer) &&
           selv_bytes_equal(selv_bytes(e->token, e->token_len), rq->token);
}

/* The request's place; with is_new, else the one to put it in. */
static struct selv_coap_seen *seen_find(struct selv_coap_server *s,
                                        uint64_t now_ms,
                                        const struct selv_coap_peer *peer,
                                        const struct selv_coap_msg *rq,
                                        bool is_new)
{
    struct selv_coap_seen *oldest = NULL;
    uint32_t ways = s->seen_count < WAYS ? s->seen_count : WAYS;
    uint32_t at = ways > 0 ? place(s, peer, rq->mid) : 0;
    for (uint32_t i = 0; i < ways; i++) {
        struct selv_coap_seen *e = &s->seen[at];
        if (e->expiry_ms > now_ms && seen_is(e, peer, rq)) {
            return e;
        }
        if (oldest == NULL || e->expiry_ms < oldest->expiry_ms) {
            oldest = e;
        }
        at = at + 1 == s->seen_count ? 0 : at + 1;
    }
    return is_new ? oldest : NULL;
}

/* Remember a request with its answer; an empty one keeps copies silent. */
static void seen_put(struct selv_coap_server *s, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq, struct selv_bytes reply)
{
    struct selv_coap_seen *e = seen_find(s, now_ms, peer, rq, true);
    if (e == NULL) {
        return; /* there is no array */
    }
    e->expiry_ms =
        now_ms + (rq->type == SELV_COAP_CON ? SELV_COAP_EXCHANGE_LIFETIME_MS
                                            : SELV_COAP_NON_LIFETIME_MS);
    e->peer = *peer;
    e->mid = rq->mid;
    e->token_len = (uint8_t)rq->token.len;
    if (rq->token.len > 0) {
        memcpy(e->token, rq->token.p, rq->token.len);
    }
    e->reply_len = (uint8_t)reply.len;
    if (reply.len > 0) {
        memcpy(e->reply, reply.p, reply.len);
    }
}

/* ---- feed ------------------------------------------------------------------
 */

static enum selv_coap_heard reset(const struct selv_coap_msg *m,
                                  struct selv_buf *out)
{
    if (m->type != SELV_COAP_CON) {
        return SELV_COAP_DROP;
    }
    selv_coap_write_empty(out, SELV_COAP_RST, m->mid);
    return SELV_COAP_REPLY;
}

/* Requests that no application gets to see. 0: this is not one of them. */
static uint8_t refusal(const struct selv_coap_server *s,
                       const struct selv_coap_msg *rq)
{
    if ((rq->has & SELV_COAP_HAS_PROXY) != 0) {
        return SELV_COAP_NO_PROXY; /* [RFC 7252 5.10.2] */
    }
    if (rq->bad_option != 0) {
        return SELV_COAP_BAD_OPTION; /* [RFC 7252 5.4.1] */
    }
    if (!s->is_stream && (rq->block1.szx > SELV_COAP_SZX_MAX ||
                          rq->block2.szx > SELV_COAP_SZX_MAX)) {
        return SELV_COAP_BAD_REQUEST; /* [RFC 7959 2.2] */
    }
    return 0;
}

static enum selv_coap_heard request_feed(struct selv_coap_server *s,
                                         uint64_t now_ms,
                                         const struct selv_coap_peer *peer,
                                         const struct selv_coap_msg *rq,
                                         struct selv_buf *out)
{
    const struct selv_coap_seen *e = seen_find(s, now_ms, peer, rq, false);
    if (e != NULL && (e->reply_len == 0 || e->reply_len > out->cap)) {
        return SELV_COAP_DROP;
    }
    if (e != NULL) {
        memcpy(out->p, e->reply, e->reply_len);
        out->len = e->reply_len;
        return SELV_COAP_REPLY;
    }
    uint8_t code = refusal(s, rq);
    if (code == 0) {
        return SELV_COAP_REQUEST;
    }
    if (code == SELV_COAP_BAD_OPTION && rq->type != SELV_COAP_CON) {
        return SELV_COAP_DROP; /* [RFC 7252 5.4.1] */
    }
    selv_coap_reply_code(s, rq, code, NULL, out);
    return SELV_COAP_REPLY;
}

enum selv_coap_heard selv_coap_server_feed(struct selv_coap_server *s,
                                           uint64_t now_ms,
                                           const struct selv_coap_peer *peer,
                                           struct selv_bytes datagram,
                                           struct selv_coap_msg *rq,
                                           struct selv_buf *out)
{
    out->len = 0;
    enum selv_err err =
        selv_coap_parse_knowing(datagram, s->known, s->known_count, rq);
    if (rq->type == SELV_COAP_ACK || rq->type == SELV_COAP_RST) {
        return SELV_COAP_DROP;
    }
    if (err == SELV_ERR_COAP_FORMAT || rq->code == SELV_COAP_EMPTY ||
        SELV_COAP_CLASS(rq->code) != 0) {
        return reset(rq, out); /* ping, too [RFC 7252 4.3] */
    }
    return request_feed(s, now_ms, peer, rq, out);
}

/* ---- answers ----------------------------------------------------------------
 */

void selv_coap_reply_begin(struct selv_coap_server *s,
                           const struct selv_coap_msg *rq, uint8_t code,
                           struct selv_buf *out, struct selv_coap_writer *w)
{
    bool is_con = rq->type == SELV_COAP_CON;
    selv_coap_write_begin(w, out->p, out->cap,
                          is_con ? SELV_COAP_ACK : SELV_COAP_NON, code,
                          is_con ? rq->mid : s->mid++, rq->token);
    out->len = 0;
}

enum selv_err selv_coap_reply_end(struct selv_coap_server *s, uint64_t now_ms,
                                  const struct selv_coap_peer *peer,
                                  const struct selv_coap_msg *rq,
                                  const struct selv_coap_writer *w,
                                  enum selv_coap_keep keep,
                                  struct selv_buf *out)
{
    size_t len = 0;
    out->len = 0;
    enum selv_err err = selv_coap_write_end(w, &len);
    if (err == SELV_OK && keep == SELV_COAP_KEEP && len > SELV_COAP_REPLY_MAX) {
        err = SELV_ERR_SPACE;
    }
    if (err) {
        return err;
    }
    if (keep == SELV_COAP_KEEP) {
        bool is_con = rq->type == SELV_COAP_CON;
        seen_put(s, now_ms, peer, rq, selv_bytes(w->p, is_con ? len : 0));
    }
    out->len = len;
    return SELV_OK;
}

void selv_coap_reply_code(struct selv_coap_server *s,
                          const struct selv_coap_msg *rq, uint8_t code,
                          const char *text, struct selv_buf *out)
{
    struct selv_coap_writer w;
    selv_coap_reply_begin(s, rq, code, out, &w);
    size_t len = text != NULL ? strlen(text) : 0;
    if (w.err == SELV_OK && len < w.cap - w.len) {
        selv_coap_write_payload(&w, selv_bytes(text, len));
    }
    out->len = w.err == SELV_OK ? w.len : 0;
}

/* ---- separate responses
 * ------------------------------------------------------ */

enum later_state {
    UNANSWERED = 0, /* the application owes the answer */
    TO_SEND,
    SENT, /* confirmable: its ACK is awaited */
    CONFIRMED,
    RESET_GOT,
    TOLD
};

void selv_coap_later_begin(struct selv_coap_server *s,
                           struct selv_coap_later *l, uint64_t now_ms,
                           const struct selv_coap_peer *peer,
                           const struct selv_coap_msg *rq, struct selv_buf *out)
{
    memset(l, 0, sizeof *l);
    l->peer = *peer;
    l->is_con = rq->type == SELV_COAP_CON;
    l->token_len = (uint8_t)rq->token.len;
    if (rq->token.len > 0) {
        memcpy(l->token, rq->token.p, rq->token.len);
    }
    out->len = 0;
    if (l->is_con) {
        selv_coap_write_empty(out, SELV_COAP_ACK, rq->mid);
    }
    seen_put(s, now_ms, peer, rq, selv_bytes(out->p, out->len));
}

void selv_coap_later_reply_begin(struct selv_coap_server *s,
                                 struct selv_coap_later *l, uint8_t code,
                                 struct selv_buf *out,
                                 struct selv_coap_writer *w)
{
    l->mid = s->mid++;
    selv_coap_write_begin(w, out->p, out->cap,
                          l->is_con ? SELV_COAP_CON : SELV_COAP_NON, code,
                          l->mid, selv_bytes(l->token, l->token_len));
}

enum selv_err selv_coap_later_reply_end(struct selv_coap_server *s,
                                        struct selv_coap_later *l,
                                        uint64_t now_ms,
                                        const struct selv_coap_writer *w)
{
    size_t len = 0;
    enum selv_err err = selv_coap_write_end(w, &len);
    if (err) {
        return err;
    }
    if (l->state != UNANSWERED) {
        return SELV_ERR_STATE;
    }
    l->datagram = selv_bytes(w->p, len);
    l->timeout_ms = selv_coap_first_timeout(&s->random);
    l->next_ms = now_ms;
    l->state = TO_SEND;
    return SELV_OK;
}

/* A due transmission, or the end of them [RFC 7252 4.2]. */
static enum selv_coap_action later_send(struct selv_coap_later *l,
                                        uint64_t now_ms,
                                        struct selv_bytes *datagram,
                                        enum selv_err *err)
{
    if (l->state == SENT) {
        if (l->tries == SELV_COAP_MAX_RETRANSMIT) {
            l->state = TOLD;
            *err = SELV_ERR_COAP_TIMEOUT;
            return SELV_COAP_FAILED;
        }
        l->tries++;
        l->timeout_ms *= 2;
    }
    l->next_ms = now_ms + l->timeout_ms;
    l->state = l->is_con ? SENT : CONFIRMED;
    *datagram = l->datagram;
    return SELV_COAP_SEND;
}

enum selv_coap_action selv_coap_later_poll(struct selv_coap_later *l,
                                           uint64_t now_ms, uint64_t *until_ms,
                                           struct selv_bytes *datagram,
                                           enum selv_err *err)
{
    *until_ms = UINT64_MAX;
    *err = SELV_OK;
    switch ((enum later_state)l->state) {
    case TO_SEND:
    case SENT:
        if (now_ms >= l->next_ms) {
            return later_send(l, now_ms, datagram, err);
        }
        *until_ms = l->next_ms;
        return SELV_COAP_WAIT;
    case CONFIRMED:
        l->state = TOLD;
        return SELV_COAP_DONE;
    case RESET_GOT:
        l->state = TOLD;
        *err = SELV_ERR_COAP_RESET;
        return SELV_COAP_FAILED;
    case UNANSWERED:
    case TOLD:
    default:
        return SELV_COAP_WAIT;
    }
}

bool selv_coap_later_feed(struct selv_coap_later *l,
                          const struct selv_coap_peer *peer,
                          struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    if (selv_coap_parse(datagram, &m) != SELV_OK || m.code != SELV_COAP_EMPTY ||
        m.mid != l->mid || !l->is_con ||
        (m.type != SELV_COAP_ACK && m.type != SELV_COAP_RST) ||
        l->state < SENT || !selv_coap_peer_equal(&l->peer, peer)) {
        return false;
    }
    if (l->state == SENT) {
        l->state = m.type == SELV_COAP_ACK ? CONFIRMED : RESET_GOT;
    }
    return true;
}
