/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/tcp.c - frames, and the signaling of a connection [RFC 8323].
 *
 * The buffer holds two spare bytes, then the stream, of which what lies below
 * `at` is done with. A frame's head is 2 to 6 bytes before its token, a
 * datagram's is 4: with the spare bytes, or those of the frame before, there is
 * always room to write the one over the other. The rest is moved to the front
 * only when it is no whole frame: once for each time that the stream is read,
 * however short the frames are.
 *
 * Invariants:
 *  1 The first message that leaves is our CSM, and the first that comes must be
 *    one, whatever has been said meanwhile; nothing else is told before.
 *
 *  2 One frame at a time is looked at, the one that begins at `at`; what was
 *    told stays until the next poll.
 *
 *  3 A frame begun ends within timeout_ms, the peer's CSM comes within it and
 *    the peer closes within it once released, or the connection ends: a peer
 *    that trickles holds nothing for ever. Each has a clock of its own, which
 *    nothing that the peer sends sets back.
 *
 *          CSM sent         CSM came
 *   BORN ----------> OPEN ----------> UP --release--> LEAVING
 *                     |                |                 |
 *                     +----- error: ABORTING (Abort sent) -----> OVER -> TOLD
 */
#include "coap/coap_int.h"
#include "coap/tcp.h"

enum state {
    BORN = 0, /* our CSM is to be sent */
    OPEN,     /* the peer's is awaited */
    UP,
    LEAVING,  /* we have released: the peer closes */
    ABORTING, /* Abort is to be sent */
    OVER,     /* CLOSE is to be told */
    TOLD
};

#define F_PONG 0x01u    /* one is to be sent */
#define F_CUSTODY 0x02u /* with this option */
#define F_PINGED 0x04u  /* a Pong, or anything, is awaited */
#define F_RELEASE 0x08u /* to be sent */
#define F_BLOCK 0x10u   /* the peer does block-wise */
#define F_PARTIAL 0x20u /* a frame has begun: begun_ms */
#define F_CSM 0x40u     /* the peer's has come */

void selv_coap_tcp_init(struct selv_coap_tcp *c, struct selv_buf buf,
                        uint64_t now_ms)
{
    memset(c, 0, sizeof *c);
    c->in = buf;
    c->in.len = SELV_COAP_TCP_SPARE;
    c->at = SELV_COAP_TCP_SPARE;
    c->peer_max = SELV_COAP_TCP_MESSAGE_MIN;
    c->idle_ms = 600000;
    c->timeout_ms = 30000;
    c->heard_ms = now_ms;
    c->entered_ms = now_ms;
}

/* ---- frames ---------------------------------------------------------------
 */

enum selv_err selv_coap_tcp_head_read(struct selv_bytes in,
                                      struct selv_coap_tcp_head *head)
{
    static const uint8_t extra[3] = {1, 2, 4};
    static const uint32_t base[3] = {13, 269, 65805};
    if (in.len < 1) {
        return SELV_ERR_SPACE;
    }
    uint8_t nibble = in.p[0] >> 4;
    head->token_len = in.p[0] & 15u;
    head->len = (uint8_t)(2 + (nibble < 13 ? 0 : extra[nibble - 13]));
    if (head->token_len > SELV_COAP_TOKEN_MAX) {
        return SELV_ERR_COAP_FORMAT;
    }
    if (in.len < head->len) {
        return SELV_ERR_SPACE;
    }
    uint64_t rest = nibble;
    if (nibble >= 13) {
        rest = 0;
        for (size_t i = 1; i + 1 < head->len; i++) {
            rest = rest << 8 | in.p[i];
        }
        rest += base[nibble - 13];
    }
    head->code = in.p[head->len - 1];
    head->frame_len = head->len + head->token_len + rest;
    return SELV_OK;
}

enum selv_err selv_coap_tcp_wrap(struct selv_buf *datagram, uint32_t max_len,
                                 struct selv_bytes *frame)
{
    uint8_t *p = datagram->p;
    size_t token_len = datagram->len >= 4 ? p[0] & 15u : 0;
    *frame = selv_bytes(NULL, 0);
    if (datagram->len < 4 + token_len || token_len > SELV_COAP_TOKEN_MAX) {
        return SELV_ERR_COAP_FORMAT;
    }
    uint8_t code = p[1];
    size_t rest = datagram->len - 4 - token_len;
    if (code == SELV_COAP_EMPTY) {
        return SELV_OK;
    }
    if (rest > 65804) {
        return SELV_ERR_SPACE;
    }
    size_t head = rest < 13 ? 2 : rest < 269 ? 3 : 4;
    uint8_t nibble = (uint8_t)(rest < 13 ? rest : rest < 269 ? 13 : 14);
    if (head + token_len + rest > max_len) {
        return SELV_ERR_SPACE;
    }
    uint8_t *to = p + 4 - head;
    to[0] = (uint8_t)((size_t)nibble << 4 | token_len);
    if (head == 3) {
        to[1] = (uint8_t)(rest - 13);
    } else if (head == 4) {
        to[1] = (uint8_t)((rest - 269) >> 8);
        to[2] = (uint8_t)(rest - 269);
    }
    to[head - 1] = code;
    *frame = selv_bytes(to, head + token_len + rest);
    return SELV_OK;
}

/* ---- what is sent ---------------------------------------------------------
 */

static void signal_begin(struct selv_coap_writer *w, struct selv_buf *out,
                         uint8_t code, struct selv_bytes token)
{
    selv_coap_write_begin(w, out->p, out->cap, SELV_COAP_NON, code, 0, token);
}

static enum selv_coap_tcp_action signal_end(struct selv_coap_writer *w,
                                            struct selv_buf *out)
{
    struct selv_bytes frame;
    struct selv_buf whole = {out->p, out->cap, w->len};
    out->len = 0;
    if (w->err == SELV_OK &&
        selv_coap_tcp_wrap(&whole, UINT32_MAX, &frame) == SELV_OK) {
        memmove(out->p, frame.p, frame.len);
        out->len = frame.len;
    }
    return SELV_COAP_TCP_SEND;
}

static enum selv_coap_tcp_action csm_send(struct selv_coap_tcp *c,
                                          struct selv_buf *out)
{
    struct selv_coap_writer w;
    signal_begin(&w, out, SELV_COAP_CSM, selv_bytes(NULL, 0));
    selv_coap_write_uint(&w, SELV_COAP_CSM_MAX_MESSAGE_SIZE,
                         (uint32_t)(c->in.cap - SELV_COAP_TCP_SPARE));
    selv_coap_write_opt(&w, SELV_COAP_CSM_BLOCK_WISE, selv_bytes(NULL, 0));
    c->state = OPEN;
    return signal_end(&w, out);
}

static enum selv_coap_tcp_action abort_send(struct selv_coap_tcp *c,
                                            struct selv_buf *out)
{
    static const char *const words[] = {"malformed", "critical option",
                                        "too long", "too slow"};
    struct selv_coap_writer w;
    unsigned n = c->err == SELV_ERR_COAP_OPTION   ? 1u
                 : c->err == SELV_ERR_COAP_SIZE   ? 2u
                 : c->err == SELV_ERR_COAP_FORMAT ? 0u
                                                  : 3u;
    signal_begin(&w, out, SELV_COAP_ABORT, selv_bytes(NULL, 0));
    if (c->bad_option != 0) {
        selv_coap_write_uint(&w, SELV_COAP_ABORT_BAD_CSM, c->bad_option);
    }
    selv_coap_write_payload(&w, selv_bytes(words[n], strlen(words[n])));
    c->state = OVER;
    return signal_end(&w, out);
}

static enum selv_coap_tcp_action pong_send(struct selv_coap_tcp *c,
                                           struct selv_buf *out)
{
    struct selv_coap_writer w;
    signal_begin(&w, out, SELV_COAP_PONG, selv_bytes(c->pong, c->pong_len));
    if ((c->flags & F_CUSTODY) != 0) {
        selv_coap_write_opt(&w, SELV_COAP_PING_CUSTODY, selv_bytes(NULL, 0));
    }
    c->flags &= (uint8_t) ~(F_PONG | F_CUSTODY);
    return signal_end(&w, out);
}

static enum selv_coap_tcp_action
ping_send(struct selv_coap_tcp *c, uint64_t now_ms, struct selv_buf *out)
{
    struct selv_coap_writer w;
    uint8_t token[4];
    selv_put_be32(token, ++c->pings);
    signal_begin(&w, out, SELV_COAP_PING, selv_bytes(token, sizeof token));
    c->flags |= F_PINGED;
    c->heard_ms = now_ms; /* timeout_ms from here */
    return signal_end(&w, out);
}

/* ---- what comes in --------------------------------------------------------
 */

static void fail(struct selv_coap_tcp *c, enum selv_err err)
{
    if (c->state < ABORTING) {
        c->err = (uint16_t)err;
        c->state = ABORTING;
    }
}

size_t selv_coap_tcp_room(const struct selv_coap_tcp *c)
{
    return c->state < ABORTING ? c->in.cap - c->in.len : SIZE_MAX;
}

size_t selv_coap_tcp_feed(struct selv_coap_tcp *c, uint64_t now_ms,
                          struct selv_bytes bytes)
{
    if (c->state >= ABORTING) {
        return bytes.len;
    }
    size_t room = c->in.cap - c->in.len;
    size_t n = bytes.len < room ? bytes.len : room;
    if (n > 0) {
        memcpy(c->in.p + c->in.len, bytes.p, n);
        c->in.len += n;
        c->heard_ms = now_ms;
        c->flags &= (uint8_t)~F_PINGED;
    }
    return n;
}

/* True when the option of a signaling message is critical: none is known. */
static bool is_bad(struct selv_coap_tcp *c, const struct selv_coap_opt *o,
                   bool is_csm)
{
    if ((o->number & 1u) == 0) {
        return false;
    }
    c->bad_option = is_csm ? o->number : 0;
    fail(c, SELV_ERR_COAP_OPTION);
    return true;
}

static void csm_take(struct selv_coap_tcp *c, const struct selv_coap_msg *m)
{
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        if (is_bad(c, &o, true)) {
            return;
        }
        if (o.number == SELV_COAP_CSM_MAX_MESSAGE_SIZE &&
            !selv_coap_opt_uint(o.value, &c->peer_max)) {
            c->bad_option = o.number;
            fail(c, SELV_ERR_COAP_FORMAT);
            return;
        }
        c->flags |= o.number == SELV_COAP_CSM_BLOCK_WISE ? F_BLOCK : 0;
    }
    c->flags |= F_CSM;
    if (c->state == OPEN) {
        c->state = UP;
    }
}

static void ping_take(struct selv_coap_tcp *c, const struct selv_coap_msg *m)
{
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    c->flags &= (uint8_t)~F_CUSTODY;
    while (selv_coap_opt_next(&o)) {
        if (is_bad(c, &o, false)) {
            return;
        }
        c->flags |= o.number == SELV_COAP_PING_CUSTODY ? F_CUSTODY : 0;
    }
    c->flags |= F_PONG;
    c->pong_len = (uint8_t)m->token.len;
    if (m->token.len > 0) {
        memcpy(c->pong, m->token.p, m->token.len);
    }
}

static enum selv_coap_tcp_action release_take(struct selv_coap_tcp *c,
                                              const struct selv_coap_msg *m,
                                              struct selv_coap_tcp_event *event)
{
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        if (is_bad(c, &o, false)) {
            return SELV_COAP_TCP_WAIT;
        }
        if (o.number == SELV_COAP_RELEASE_ADDRESS && event->address.len == 0) {
            event->address = o.value;
        } else if (o.number == SELV_COAP_RELEASE_HOLD_OFF) {
            (void)selv_coap_opt_uint(o.value, &event->hold_off_s);
        }
    }
    event->text = m->payload;
    return SELV_COAP_TCP_RELEASED;
}

static enum selv_coap_tcp_action signal_take(struct selv_coap_tcp *c,
                                             const struct selv_coap_msg *m,
                                             struct selv_coap_tcp_event *event)
{
    struct selv_coap_opt o;
    switch (m->code) {
    case SELV_COAP_CSM:
        csm_take(c, m);
        break;
    case SELV_COAP_PING:
        ping_take(c, m);
        break;
    case SELV_COAP_RELEASE:
        return release_take(c, m, event);
    case SELV_COAP_ABORT:
        c->state = TOLD;
        event->text = m->payload;
        event->err = SELV_ERR_COAP_RESET;
        return SELV_COAP_TCP_CLOSE;
    default: /* a Pong is what feed has seen in it: a sign of life */
        selv_coap_opt_begin(m, &o);
        while (selv_coap_opt_next(&o) && !is_bad(c, &o, false)) {
        }
        break;
    }
    return SELV_COAP_TCP_WAIT;
}

/* One whole frame, as a datagram. WAIT: it was nothing to tell. */
static enum selv_coap_tcp_action message_take(struct selv_coap_tcp *c,
                                              struct selv_bytes datagram,
                                              struct selv_coap_tcp_event *event)
{
    struct selv_coap_msg m;
    enum selv_err err = selv_coap_parse(datagram, &m);
    uint8_t class = SELV_COAP_CLASS(m.code);
    if (err == SELV_ERR_COAP_FORMAT ||
        ((c->flags & F_CSM) == 0 && m.code != SELV_COAP_CSM)) {
        fail(c, SELV_ERR_COAP_FORMAT);
        return SELV_COAP_TCP_WAIT;
    }
    if (class == 7) {
        return signal_take(c, &m, event);
    }
    event->message = datagram;
    if (class == 0) {
        return SELV_COAP_TCP_REQUEST;
    }
    if (class == 2 || class == 4 || class == 5) {
        return SELV_COAP_TCP_RESPONSE;
    }
    fail(c, SELV_ERR_COAP_FORMAT); /* reserved */
    return SELV_COAP_TCP_WAIT;
}

/* Throw away the frame that was told. */
static void frame_drop(struct selv_coap_tcp *c)
{
    if (c->taken == 0) {
        return;
    }
    c->at += c->taken;
    c->taken = 0;
    c->flags &= (uint8_t)~F_PARTIAL;
}

/* What has begun goes to the front, so that there is room for its rest. */
static void rest_move(struct selv_coap_tcp *c)
{
    size_t len = c->in.len - c->at;
    if (c->at == SELV_COAP_TCP_SPARE) {
        return;
    }
    memmove(c->in.p + SELV_COAP_TCP_SPARE, c->in.p + c->at, len);
    c->in.len = SELV_COAP_TCP_SPARE + len;
    c->at = SELV_COAP_TCP_SPARE;
}

/* The next frame, if it is whole. */
static enum selv_coap_tcp_action frame_take(struct selv_coap_tcp *c,
                                            uint64_t now_ms,
                                            struct selv_coap_tcp_event *event)
{
    struct selv_coap_tcp_head head;
    struct selv_bytes in = {c->in.p + c->at, c->in.len - c->at};
    enum selv_err err = selv_coap_tcp_head_read(in, &head);
    if (in.len > 0 && (c->flags & F_PARTIAL) == 0) {
        c->flags |= F_PARTIAL;
        c->begun_ms = now_ms;
    }
    if (err == SELV_ERR_COAP_FORMAT) {
        fail(c, err);
    } else if (err == SELV_OK &&
               head.frame_len > c->in.cap - SELV_COAP_TCP_SPARE) {
        fail(c, SELV_ERR_COAP_SIZE);
    }
    if (err || c->state == ABORTING || in.len < head.frame_len) {
        rest_move(c);
        return SELV_COAP_TCP_WAIT;
    }
    c->taken = (uint32_t)head.frame_len;
    uint8_t *p = c->in.p + c->at + head.len - 4;
    size_t len = c->taken - head.len + 4u;
    if (head.code == SELV_COAP_EMPTY) {
        return SELV_COAP_TCP_WAIT; /* whatever is in it [RFC 8323 3.4] */
    }
    enum selv_coap_type type =
        SELV_COAP_CLASS(head.code) == 0 ? SELV_COAP_CON : SELV_COAP_NON;
    c->mid++;
    p[0] = (uint8_t)(0x40u | (unsigned)type << 4 | head.token_len);
    p[1] = head.code;
    p[2] = (uint8_t)(c->mid >> 8);
    p[3] = (uint8_t)c->mid;
    return message_take(c, selv_bytes(p, len), event);
}

/* ---- what to do next ------------------------------------------------------
 */

/* When time_check has something to do. */
static uint64_t due_ms(const struct selv_coap_tcp *c)
{
    uint64_t at = UINT64_MAX;
    if (c->state == OPEN || c->state == LEAVING) {
        at = c->entered_ms + c->timeout_ms;
    }
    if ((c->flags & F_PARTIAL) != 0 && c->begun_ms + c->timeout_ms < at) {
        at = c->begun_ms + c->timeout_ms;
    }
    uint32_t idle_ms = (c->flags & F_PINGED) != 0 ? c->timeout_ms : c->idle_ms;
    if ((c->flags & F_PARTIAL) == 0 && idle_ms > 0 &&
        c->heard_ms + idle_ms < at) {
        at = c->heard_ms + idle_ms;
    }
    return at;
}

static enum selv_coap_tcp_action close_tell(struct selv_coap_tcp *c,
                                            struct selv_coap_tcp_event *event)
{
    c->state = TOLD;
    event->err = (enum selv_err)c->err;
    return SELV_COAP_TCP_CLOSE;
}

static enum selv_coap_tcp_action time_check(struct selv_coap_tcp *c,
                                            uint64_t now_ms,
                                            struct selv_buf *out,
                                            struct selv_coap_tcp_event *event)
{
    if (now_ms < due_ms(c)) {
        event->until_ms = due_ms(c);
        return SELV_COAP_TCP_WAIT;
    }
    if (c->state == UP && (c->flags & (F_PARTIAL | F_PINGED)) == 0) {
        return ping_send(c, now_ms, out);
    }
    if (c->state == LEAVING) {
        return close_tell(c, event);
    }
    fail(c, SELV_ERR_COAP_TIMEOUT);
    return abort_send(c, out);
}

static enum selv_coap_tcp_action
release_send(struct selv_coap_tcp *c, uint64_t now_ms, struct selv_buf *out)
{
    struct selv_coap_writer w;
    signal_begin(&w, out, SELV_COAP_RELEASE, selv_bytes(NULL, 0));
    c->flags &= (uint8_t)~F_RELEASE;
    c->state = LEAVING;
    c->entered_ms = now_ms;
    return signal_end(&w, out);
}

enum selv_coap_tcp_action selv_coap_tcp_poll(struct selv_coap_tcp *c,
                                             uint64_t now_ms,
                                             struct selv_buf *out,
                                             struct selv_coap_tcp_event *event)
{
    memset(event, 0, sizeof *event);
    event->until_ms = UINT64_MAX;
    out->len = 0;
    for (;;) {
        frame_drop(c);
        if (c->state == BORN) {
            return csm_send(c, out);
        }
        if (c->state == ABORTING) {
            return abort_send(c, out);
        }
        if (c->state == OVER) {
            return close_tell(c, event);
        }
        if (c->state == TOLD) {
            return SELV_COAP_TCP_WAIT;
        }
        if ((c->flags & F_PONG) != 0) {
            return pong_send(c, out);
        }
        if ((c->flags & F_RELEASE) != 0) {
            return release_send(c, now_ms, out);
        }
        enum selv_coap_tcp_action a = frame_take(c, now_ms, event);
        if (a != SELV_COAP_TCP_WAIT) {
            return a;
        }
        if (c->taken == 0 && c->state != ABORTING) {
            return time_check(c, now_ms, out, event);
        }
    }
}

void selv_coap_tcp_paused(struct selv_coap_tcp *c, uint64_t ms)
{
    c->begun_ms += ms;
    c->heard_ms += ms;
}

bool selv_coap_tcp_is_up(const struct selv_coap_tcp *c)
{
    return (c->flags & F_CSM) != 0 && (c->state == UP || c->state == LEAVING);
}

uint16_t selv_coap_tcp_bert_len(const struct selv_coap_tcp *c)
{
    /* 128 bytes are left for head, token and options [RFC 7252 4.6]. */
    uint32_t len = c->peer_max > 128 ? (c->peer_max - 128) & ~1023u : 0;
    if ((c->flags & F_BLOCK) == 0 || c->peer_max <= SELV_COAP_TCP_MESSAGE_MIN) {
        return 0;
    }
    return (uint16_t)(len > 32768 ? 32768 : len);
}

void selv_coap_tcp_release(struct selv_coap_tcp *c, uint64_t now_ms)
{
    (void)now_ms;
    if (c->state < LEAVING) { /* our CSM goes first */
        c->flags |= F_RELEASE;
    }
}

void selv_coap_tcp_ended(struct selv_coap_tcp *c)
{
    if (c->state < OVER) {
        c->err = SELV_OK;
        c->state = OVER;
    }
}

/* ---- BERT [RFC 8323 6] ------------------------------------------------------
 */

enum selv_err selv_coap_bert_slice(const struct selv_coap_msg *rq,
                                   uint32_t total, uint8_t szx_max,
                                   uint16_t bert_len,
                                   struct selv_coap_slice *slice)
{
    struct selv_coap_msg plain = *rq;
    if ((rq->has & SELV_COAP_HAS_BLOCK2) == 0 ||
        rq->block2.szx <= SELV_COAP_SZX_MAX) {
        return selv_coap_slice(rq, total, szx_max, slice);
    }
    plain.block2.szx = SELV_COAP_SZX_MAX;
    enum selv_err err = selv_coap_slice(&plain, total, szx_max, slice);
    if (err || szx_max < SELV_COAP_SZX_MAX || bert_len == 0) {
        return err;
    }
    uint32_t left = total - slice->offset;
    uint32_t len = bert_len / 1024u * 1024u;
    slice->len = (uint16_t)(left < len ? left : len);
    slice->block.szx = SELV_COAP_SZX_BERT;
    slice->block.more = left > len;
    return SELV_OK;
}
