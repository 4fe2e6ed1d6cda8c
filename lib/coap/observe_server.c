/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/observe_server.c - the list of observers [RFC 7641 4].
 *
 * Invariants:
 *  1 At most one notification to an observer is outstanding: a confirmable one
 *    until its ACK or the end of its timers, another one for GAP_MS.
 *  2 A change that comes meanwhile is remembered as one bit: what is sent next
 *    is the state as it then is. An observer that stays on the list gets a
 *    confirmable notification of the last state, or of one after it.
 *  3 Copies of a confirmable notification are equal, number and message ID
 *    included, unless the state has changed since: then both are new, and the
 *    timer and its counter go on [RFC 7641 4.5.2].
 *  4 Every observer has an end in time: confirm_ms, then the timers.
 *
 *            changed, or confirm_ms over          sent (CON)
 *   QUIET --------------------------------> DUE ------------> AWAITED
 *     ^  ^                                   ^ |                | | timer: DUE
 *     |  |  ACK                              | | sent (NON)     | | or GONE
 *     |  +-----------------------------------|-|----------------+
 *     |                                      | v
 *     +-- (as AWAITED) <-- DUE <-- settle -- GAP (changed: DUE after GAP_MS)
 */
#include "coap/coap_int.h"
#include "coap/observe.h"

enum state {
    FREE = 0,
    QUIET,   /* knows the state; next_ms: it must confirm */
    DUE,     /* a notification leaves at next_ms */
    AWAITED, /* confirmable one sent; next_ms: its timer */
    GAP      /* non-confirmable one sent; next_ms: nothing before */
};

#define F_CHANGED 0x01u   /* since the notification was sent */
#define F_CONFIRMED 0x02u /* has acknowledged one: the address is its own */
#define F_CON 0x04u       /* the one that is due is confirmable */
#define F_SETTLE 0x08u    /* the one that is due only repeats the last */
#define F_READY 0x10u     /* number and message ID are those of the due one */

#define NUMBER_MASK 0xffffffu

void selv_coap_observe_init(struct selv_coap_observe *o,
                            struct selv_coap_server *server,
                            struct selv_coap_observer *table, uint32_t count)
{
    memset(o, 0, sizeof *o);
    o->server = server;
    o->table = table;
    o->count = count;
    o->next_ms = UINT64_MAX;
    o->confirm_ms = SELV_COAP_OBSERVE_CONFIRM_MS;
    for (uint32_t i = 0; i < count; i++) {
        table[i].state = FREE;
    }
}

bool selv_coap_observe_is_newer(uint32_t v1, uint64_t t1_ms, uint32_t v2,
                                uint64_t t2_ms)
{
    return (v1 < v2 && v2 - v1 < 1u << 23) || (v1 > v2 && v1 - v2 > 1u << 23) ||
           t2_ms > t1_ms + 128000u;
}

static void schedule(struct selv_coap_observe *o, struct selv_coap_observer *e,
                     enum state state, uint64_t at_ms)
{
    e->state = (uint8_t)state;
    e->next_ms = at_ms;
    if (at_ms < o->next_ms) {
        o->next_ms = at_ms;
    }
}

/* The clock in 2^-5 ms, as a number: it grows over a place given up and taken
 * again, and never by 2^23 in 256 s [RFC 7641 4.4]. */
static uint32_t ticks(uint64_t now_ms)
{
    return (uint32_t)(now_ms << 5) & NUMBER_MASK;
}

static void number_next(struct selv_coap_observer *e, uint64_t now_ms)
{
    uint32_t now = ticks(now_ms);
    uint32_t ahead = (now - e->number) & NUMBER_MASK;
    e->number =
        ahead == 0 || ahead >= 1u << 23 ? (e->number + 1) & NUMBER_MASK : now;
}

/* ---- registration -----------------------------------------------------------
 */

static bool is_from(const struct selv_coap_observer *e,
                    const struct selv_coap_peer *peer)
{
    return e->state != FREE && selv_coap_peer_equal(&e->peer, peer);
}

static bool has_token(const struct selv_coap_observer *e,
                      struct selv_bytes token)
{
    return selv_bytes_equal(selv_bytes(e->token, e->token_len), token);
}

static uint32_t ways(const struct selv_coap_observe *o)
{
    return o->count < SELV_COAP_OBSERVE_WAYS ? o->count
                                             : SELV_COAP_OBSERVE_WAYS;
}

/* The n-th place of a peer. */
static struct selv_coap_observer *place(const struct selv_coap_observe *o,
                                        const struct selv_coap_peer *peer,
                                        uint32_t n)
{
    uint32_t at = selv_coap_hash(SELV_COAP_HASH, peer->addr, peer->len);
    return &o->table[(at % o->count + n) % o->count];
}

static struct selv_coap_observer *find(const struct selv_coap_observe *o,
                                       const struct selv_coap_peer *peer,
                                       struct selv_bytes token)
{
    for (uint32_t i = 0; i < ways(o); i++) {
        struct selv_coap_observer *e = place(o, peer, i);
        if (is_from(e, peer) && has_token(e, token)) {
            return e;
        }
    }
    return NULL;
}

/* How readily a place is given to a newcomer; 0: not at all. */
static unsigned rank(const struct selv_coap_observer *e,
                     const struct selv_coap_peer *peer, uint32_t resource,
                     uint32_t user)
{
    if (is_from(e, peer) && e->resource == resource && e->user == user) {
        return 3; /* it has begun anew [RFC 7641 3.1] */
    }
    if (e->state == FREE) {
        return 2;
    }
    return (e->flags & F_CONFIRMED) == 0 && !e->is_stream ? 1 : 0;
}

static struct selv_coap_observer *place_for(const struct selv_coap_observe *o,
                                            const struct selv_coap_peer *peer,
                                            uint32_t resource, uint32_t user)
{
    struct selv_coap_observer *best = NULL;
    unsigned best_rank = 0;
    for (uint32_t i = 0; i < ways(o); i++) {
        struct selv_coap_observer *e = place(o, peer, i);
        unsigned r = rank(e, peer, resource, user);
        if (r > best_rank || (r == 1 && best_rank == 1 &&
                              e->confirmed_ms < best->confirmed_ms)) {
            best = e;
            best_rank = r;
        }
    }
    return best;
}

static void enter(struct selv_coap_observer *e, uint64_t now_ms,
                  const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq)
{
    memset(e, 0, sizeof *e);
    e->peer = *peer;
    e->confirmed_ms = now_ms;
    e->number = ticks(now_ms);
    e->token_len = (uint8_t)rq->token.len;
    if (rq->token.len > 0) {
        memcpy(e->token, rq->token.p, rq->token.len);
    }
}

struct selv_coap_observer *
selv_coap_observe_take(struct selv_coap_observe *o, uint64_t now_ms,
                       const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq, uint32_t resource,
                       uint32_t user)
{
    bool is_get = rq->code == SELV_COAP_GET || rq->code == SELV_COAP_FETCH;
    /* Further blocks of a state are no registration [RFC 7959 2.6]. */
    if ((rq->has & SELV_COAP_HAS_OBSERVE) == 0 || !is_get ||
        rq->block2.num > 0) {
        return NULL;
    }
    struct selv_coap_observer *e = find(o, peer, rq->token);
    if (rq->observe == SELV_COAP_DEREGISTER && e != NULL) {
        selv_coap_observe_drop(e);
    }
    if (rq->observe != SELV_COAP_REGISTER) {
        return NULL;
    }
    if (e == NULL) {
        e = place_for(o, peer, resource, user);
        if (e == NULL) {
            return NULL;
        }
        enter(e, now_ms, peer, rq);
    }
    e->resource = resource;
    e->user = user;
    e->accept = rq->accept;
    e->szx = (rq->has & SELV_COAP_HAS_BLOCK2) != 0 ? rq->block2.szx
                                                   : SELV_COAP_SZX_MAX;
    number_next(e, now_ms);
    if (e->tries > 0 || e->state == AWAITED) {
        e->flags |= F_CHANGED; /* the next copy has a number above this one */
    } else {                   /* the answer tells the state */
        e->flags &= (uint8_t) ~(F_CHANGED | F_CON | F_SETTLE | F_READY);
        schedule(o, e, QUIET, e->confirmed_ms + o->confirm_ms);
    }
    return e;
}

void selv_coap_observe_mark(const struct selv_coap_observer *observer,
                            struct selv_coap_slice *slice)
{
    slice->is_observed = observer != NULL;
    slice->observe = observer != NULL ? observer->number : 0;
}

void selv_coap_observe_slice(const struct selv_coap_observer *observer,
                             uint32_t total, uint8_t szx_max,
                             struct selv_coap_slice *slice)
{
    uint8_t szx = observer->szx < szx_max ? observer->szx : szx_max;
    uint32_t len = (uint32_t)selv_coap_block_len(szx);
    memset(slice, 0, sizeof *slice);
    slice->total = total;
    slice->len = (uint16_t)(total < len ? total : len);
    slice->block.szx = szx;
    slice->block.more = total > len;
    slice->is_blockwise = total > len;
    selv_coap_observe_mark(observer, slice);
}

void selv_coap_observe_drop(struct selv_coap_observer *observer)
{
    observer->state = FREE;
}

bool selv_coap_observer_is_confirmed(const struct selv_coap_observer *observer)
{
    return (observer->flags & F_CONFIRMED) != 0;
}

void selv_coap_observe_drop_peer(struct selv_coap_observe *o,
                                 const struct selv_coap_peer *peer)
{
    for (uint32_t i = 0; i < ways(o); i++) {
        struct selv_coap_observer *e = place(o, peer, i);
        if (is_from(e, peer)) {
            selv_coap_observe_drop(e);
        }
    }
}

uint32_t selv_coap_observe_count(const struct selv_coap_observe *o)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        n += o->table[i].state != FREE ? 1 : 0;
    }
    return n;
}

/* ---- changes ----------------------------------------------------------------
 */

static void change(struct selv_coap_observe *o, struct selv_coap_observer *e,
                   uint64_t now_ms, uint32_t spread_ms)
{
    uint64_t at_ms = now_ms;
    if (spread_ms > 0) {
        at_ms += selv_coap_random(&o->server->random) % spread_ms;
    }
    if (e->state == QUIET || (e->state == DUE && (e->flags & F_SETTLE) != 0)) {
        schedule(o, e, DUE, at_ms);
    }
    e->flags = (uint8_t)((e->flags | F_CHANGED) & ~F_SETTLE);
}

void selv_coap_observe_changed(struct selv_coap_observe *o, uint64_t now_ms,
                               uint32_t resource,
                               struct selv_coap_observer *observer,
                               uint32_t spread_ms)
{
    if (observer != NULL) {
        change(o, observer, now_ms, spread_ms);
        return;
    }
    for (uint32_t i = 0; i < o->count; i++) {
        struct selv_coap_observer *e = &o->table[i];
        if (e->state != FREE && e->resource == resource) {
            change(o, e, now_ms, spread_ms);
        }
    }
}

/* ---- what to do next --------------------------------------------------------
 */

/* Number, message ID and type of the notification that is due. */
static void ready(struct selv_coap_observe *o, struct selv_coap_observer *e,
                  uint64_t now_ms)
{
    bool is_con = o->settle_ms == 0 || (e->flags & F_SETTLE) != 0 ||
                  (e->flags & F_CONFIRMED) == 0 ||
                  now_ms - e->confirmed_ms >= o->confirm_ms || e->tries > 0;
    if ((e->flags & F_READY) != 0 && (e->flags & F_CHANGED) == 0) {
        return;
    }
    number_next(e, now_ms);
    e->mid = o->server->mid++;
    e->flags &= (uint8_t) ~(F_CHANGED | F_SETTLE | F_CON);
    e->flags |= is_con && !e->is_stream ? F_READY | F_CON : F_READY;
}

/* From the end of the gap to the confirmable copy. */
static uint32_t settle_rest(const struct selv_coap_observe *o)
{
    return o->settle_ms > SELV_COAP_OBSERVE_GAP_MS
               ? o->settle_ms - SELV_COAP_OBSERVE_GAP_MS
               : 0;
}

/* The time of this observer has come. */
static enum selv_coap_observe_action
act(struct selv_coap_observe *o, struct selv_coap_observer *e, uint64_t now_ms)
{
    switch ((enum state)e->state) {
    case QUIET:
        if (e->is_stream) { /* its connection says whether it is there */
            e->confirmed_ms = now_ms;
            schedule(o, e, QUIET, now_ms + o->confirm_ms);
            return SELV_COAP_OBSERVE_WAIT;
        }
        schedule(o, e, DUE, now_ms);
        break;
    case AWAITED:
        if (e->tries == SELV_COAP_MAX_RETRANSMIT) {
            e->state = FREE;
            return SELV_COAP_OBSERVE_GONE;
        }
        e->tries++;
        e->timeout_ms *= 2;
        schedule(o, e, DUE, now_ms);
        break;
    case GAP:
        if ((e->flags & F_CHANGED) == 0) {
            e->flags |= F_SETTLE;
            schedule(o, e, DUE, now_ms + settle_rest(o));
            return SELV_COAP_OBSERVE_WAIT;
        }
        schedule(o, e, DUE, now_ms);
        break;
    case DUE:
    case FREE:
    default:
        break;
    }
    ready(o, e, now_ms);
    return SELV_COAP_OBSERVE_NOTIFY;
}

enum selv_coap_observe_action
selv_coap_observe_poll(struct selv_coap_observe *o, uint64_t now_ms,
                       uint64_t *until_ms, struct selv_coap_observer **observer)
{
    uint64_t least_ms = UINT64_MAX;
    *observer = NULL;
    /* next_ms may be early, never late: looked through only when it comes. */
    for (uint32_t i = 0; i < o->count && now_ms >= o->next_ms; i++) {
        struct selv_coap_observer *e = &o->table[o->cursor];
        if (e->state != FREE && e->next_ms <= now_ms) {
            enum selv_coap_observe_action a = act(o, e, now_ms);
            if (a != SELV_COAP_OBSERVE_WAIT) {
                *observer = e;
                return a;
            }
        }
        if (e->state != FREE && e->next_ms < least_ms) {
            least_ms = e->next_ms;
        }
        o->cursor = o->cursor + 1 == o->count ? 0 : o->cursor + 1;
    }
    if (now_ms >= o->next_ms) {
        o->next_ms = least_ms;
    }
    *until_ms = o->next_ms;
    return SELV_COAP_OBSERVE_WAIT;
}

void selv_coap_observe_begin(struct selv_coap_observe *o,
                             struct selv_coap_observer *observer, uint8_t code,
                             struct selv_buf *out, struct selv_coap_writer *w)
{
    bool is_last = SELV_COAP_CLASS(code) != 2;
    bool is_con = (observer->flags & F_CON) != 0 && !is_last;
    (void)o;
    out->len = 0;
    selv_coap_write_begin(
        w, out->p, out->cap, is_con ? SELV_COAP_CON : SELV_COAP_NON, code,
        observer->mid, selv_bytes(observer->token, observer->token_len));
}

enum selv_err selv_coap_observe_end(struct selv_coap_observe *o,
                                    uint64_t now_ms,
                                    struct selv_coap_observer *e,
                                    const struct selv_coap_writer *w,
                                    struct selv_buf *out)
{
    size_t len = 0;
    enum selv_err err = selv_coap_write_end(w, &len);
    out->len = 0;
    if (err) {
        return err;
    }
    if (e->state != DUE || (e->flags & F_READY) == 0) {
        return SELV_ERR_STATE;
    }
    out->len = len;
    if (SELV_COAP_CLASS(w->p[1]) != 2) {
        e->state = FREE;
    } else if (e->is_stream) {
        e->flags &= (uint8_t)~F_READY;
        schedule(o, e, QUIET, now_ms + o->confirm_ms);
    } else if ((e->flags & F_CON) != 0) {
        if (e->tries == 0) {
            e->timeout_ms = selv_coap_first_timeout(&o->server->random);
        }
        schedule(o, e, AWAITED, now_ms + e->timeout_ms);
    } else {
        e->flags &= (uint8_t)~F_READY;
        schedule(o, e, GAP, now_ms + SELV_COAP_OBSERVE_GAP_MS);
    }
    return SELV_OK;
}

static void confirmed(struct selv_coap_observe *o, struct selv_coap_observer *e,
                      uint64_t now_ms)
{
    e->flags = (uint8_t)((e->flags | F_CONFIRMED) & ~F_READY);
    e->confirmed_ms = now_ms;
    e->tries = 0;
    if ((e->flags & F_CHANGED) != 0) {
        schedule(o, e, DUE, now_ms);
    } else {
        schedule(o, e, QUIET, now_ms + o->confirm_ms);
    }
}

bool selv_coap_observe_feed(struct selv_coap_observe *o, uint64_t now_ms,
                            const struct selv_coap_peer *peer,
                            struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    if (selv_coap_parse(datagram, &m) != SELV_OK || m.code != SELV_COAP_EMPTY ||
        (m.type != SELV_COAP_ACK && m.type != SELV_COAP_RST)) {
        return false;
    }
    for (uint32_t i = 0; i < ways(o); i++) {
        struct selv_coap_observer *e = place(o, peer, i);
        /* mid is of no meaning before the first notification: number is then
         * the registration's, and the state QUIET or DUE. */
        bool is_sent = e->timeout_ms > 0 || e->state == GAP;
        if (!is_from(e, peer) || e->mid != m.mid || !is_sent) {
            continue;
        }
        if (m.type == SELV_COAP_RST) {
            selv_coap_observe_drop(e);
        } else if (e->state == AWAITED || (e->state == DUE && e->tries > 0)) {
            confirmed(o, e, now_ms);
        }
        return true;
    }
    return false;
}
