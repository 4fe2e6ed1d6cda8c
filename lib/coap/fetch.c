/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/fetch.c - many blocks of one body in flight.
 *
 * Invariants:
 *  1 Each transmission has a number of its own, and from it a message ID and a
 *    token. An answer is one of ours if its token is of a number of late.
 *  2 A byte that is wanted is in one place: behind the cursor and told, in one
 *    slot, or in the range from cursor to end. So it is told once.
 *  3 No more than count slots are in flight; one, where the path is not known
 *    or the peer needs confirmable requests.
 *  4 While a slot is in flight, and nothing holds the fetch, a time-out is set;
 *    while one is not, it leaves as soon as the path lets it. So only the end
 *    of the body, an error that the peer tells, or the deadline end a fetch.
 *
 *   slot:         cursor                 answered
 *          free ---------> to be asked <----------- (a rest: smaller blocks)
 *           ^     SEND ^        | SEND               |
 *           |          |        v                    |
 *           |          +--- in flight ---------------+
 *           |            lost,  | answered whole
 *           +----------- probe  v --> TELL
 *
 *   fetch:        start       answer       poll
 *          IDLE -------> RUN -------> TELL -----> RUN ... END -----> IDLE
 *                                                 DONE or FAILED told */
#include "coap/coap_int.h"
#include "coap/fetch.h"

enum state {
    IDLE = 0,
    RUN,
    TELL, /* a block is to be told */
    END   /* DONE or FAILED is to be told */
};

#define F_ALL 0x01u     /* no further range comes */
#define F_PAUSED 0x02u  /* by the caller */
#define F_OPEN 0x04u    /* the range goes to the body's end */
#define F_STARTED 0x08u /* an ETag, or that there is none, is known */
#define F_ACKED 0x10u   /* the confirmable request is acknowledged */

#define S_FLYING 0x01u  /* else to be asked */
#define S_SENT 0x02u    /* mid is valid */
#define S_RETRIED 0x04u /* lost, or taken for lost */
#define S_DOUBLED 0x08u /* asked twice on purpose */
#define S_CON 0x10u     /* the latest transmission was confirmable */
#define S_PAIR 0x20u    /* the one before it left at the same time */

/* path->con: up to CON_ONLY, how often a confirmable request was answered and
 * no other one ever. */
#define CON_ONLY 2u
#define CON_NEVER 255u

#define UNKNOWN UINT32_MAX
#define DOUBLES_FIRST 2u
/* A peer that was heard within this may have met a burst of losses: it is asked
 * at short intervals, by two requests each time. */
#define RECENT_MS 60000u
/* To others two requests, so often. */
#define PAIRS_MAX 4u
/* Parts of a silence that a time-out may last, in the end. */
#define SILENT_KNOWN 16u
#define SILENT_UNKNOWN 8u
#define CON_TIMEOUT_MIN_MS 1000u /* [RFC 7252 4.8.1, RFC 8085 3.1.1] */
/* Time-out at least, while nothing as long as a block has been measured. */
#define UNMEASURED_MS 300u
#define BODY_LEN_MAX (1u << 30)
#define CHALLENGES_MAX 8u
/* The first time-out of an unknown path, 0.5 to 0.75 s, is this part of CoAP's
 * for confirmable requests: DESIGN.md says what allows it. */
#define FIRST_PART 4u

/* Tokens: 2^32 before one comes again; number = (token - base) * ODD_INVERSE */
#define ODD 0x9e3779b9u
#define ODD_INVERSE 0x144cbc89u

_Static_assert(ODD *ODD_INVERSE == 1u, "each other's inverse");
_Static_assert(sizeof(struct selv_coap_fetch_slot) == 12, "as promised");
_Static_assert(sizeof(void *) > 4 || sizeof(struct selv_coap_fetch) <= 128,
               "the RAM promise of fetch.h");

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void selv_coap_fetch_init(struct selv_coap_fetch *f,
                          struct selv_coap_path *path,
                          struct selv_coap_fetch_slot *slots, uint16_t count)
{
    memset(f, 0, sizeof *f);
    f->path = path;
    f->slots = slots;
    f->count = count;
}

enum selv_err selv_coap_fetch_start(struct selv_coap_fetch *f,
                                    const struct selv_coap_request *rq,
                                    const uint8_t random[static 8],
                                    uint64_t now_ms)
{
    struct selv_coap_fetch was = *f;
    if (f->state != IDLE) {
        return SELV_ERR_COAP_BUSY;
    }
    if (rq->code != SELV_COAP_GET || rq->szx > SELV_COAP_SZX_MAX ||
        rq->resume_etag.len > SELV_COAP_ETAG_MAX || rq->deadline_ms == 0 ||
        rq->body_max > BODY_LEN_MAX || f->count == 0 ||
        f->count > SELV_COAP_FETCH_SLOTS_MAX) {
        return SELV_ERR_ARG;
    }
    selv_coap_fetch_init(f, was.path, was.slots, was.count);
    memset(f->slots, 0, f->count * sizeof f->slots[0]);
    f->rq = rq;
    f->token = selv_get_be32(random);
    f->random = selv_get_be32(random + 4) | 1u;
    f->deadline_ms = now_ms + rq->deadline_ms;
    f->first = f->path->next;
    f->largest = f->first - 1;
    f->echoing = f->first;
    f->probe_ms = selv_coap_first_timeout(&f->random) / FIRST_PART;
    f->total = UNKNOWN;
    f->szx = rq->szx;
    f->cost = (uint16_t)(selv_coap_block_len(rq->szx) + 32);
    f->content_format = SELV_COAP_NO_FORMAT;
    f->state = RUN;
    selv_coap_path_begin(f->path, f->cost);
    return SELV_OK;
}

void selv_coap_fetch_abort(struct selv_coap_fetch *f)
{
    f->state = IDLE;
}

static void end(struct selv_coap_fetch *f, enum selv_err err)
{
    f->err = (uint16_t)err;
    f->state = END;
}

/* ---- what the caller wants ------------------------------------------------
 */

enum selv_err selv_coap_fetch_want(struct selv_coap_fetch *f, uint32_t offset,
                                   uint32_t len)
{
    if (f->state != RUN || f->cursor < f->end || (f->flags & F_ALL) != 0) {
        return SELV_ERR_COAP_BUSY;
    }
    if (offset % selv_coap_block_len(f->rq->szx) != 0 || len == 0) {
        return SELV_ERR_ARG;
    }
    uint32_t max = f->total != UNKNOWN ? f->total : f->rq->body_max;
    bool is_open = len == SELV_COAP_FETCH_TO_END;
    if (offset > max || (!is_open && len > max - offset)) {
        return SELV_ERR_COAP_SIZE;
    }
    f->cursor = offset;
    f->end = offset + len;
    f->flags = (uint8_t)(f->flags & ~F_OPEN);
    if (is_open) {
        f->flags |= F_OPEN;
        f->end = f->total;
    }
    return SELV_OK;
}

void selv_coap_fetch_all(struct selv_coap_fetch *f)
{
    f->flags |= F_ALL;
}

void selv_coap_fetch_pause(struct selv_coap_fetch *f, bool is_paused)
{
    f->flags = (uint8_t)(f->flags & ~F_PAUSED);
    f->flags |= is_paused ? F_PAUSED : 0;
}

uint32_t selv_coap_fetch_told(const struct selv_coap_fetch *f)
{
    return f->told;
}

uint16_t selv_coap_fetch_in_flight(const struct selv_coap_fetch *f)
{
    return f->flying;
}

/* It is not in flight any more. */
static void land(struct selv_coap_fetch *f, struct selv_coap_fetch_slot *s)
{
    if ((s->flags & S_FLYING) != 0) {
        s->flags = (uint8_t)(s->flags & ~S_FLYING);
        f->flying--;
    }
}

static void again(struct selv_coap_fetch *f, struct selv_coap_fetch_slot *s)
{
    land(f, s);
    s->flags = (uint8_t)((s->flags & ~S_DOUBLED) | S_RETRIED);
}

static void all_again(struct selv_coap_fetch *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        again(f, &f->slots[i]);
    }
}

void selv_coap_fetch_moved(struct selv_coap_fetch *f)
{
    selv_coap_path_init(f->path, f->path->next);
    all_again(f);
    f->silence = 0;
}

/* ---- what is sent ---------------------------------------------------------
 */

static enum selv_err request_write(struct selv_coap_fetch *f,
                                   const struct selv_coap_fetch_slot *s,
                                   struct selv_buf *out)
{
    const struct selv_coap_request *rq = f->rq;
    struct selv_coap_writer w;
    uint8_t token[4];
    selv_put_be32(token, f->token + f->path->next * ODD);
    selv_coap_write_begin(&w, out->p, out->cap,
                          (s->flags & S_CON) != 0 ? SELV_COAP_CON
                                                  : SELV_COAP_NON,
                          rq->code, s->mid, selv_bytes(token, sizeof token));
    if (rq->host.len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_URI_HOST, rq->host);
    }
    selv_coap_write_path(&w, rq->path);
    selv_coap_write_query(&w, rq->query);
    if (rq->accept != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_ACCEPT, rq->accept);
    }
    struct selv_coap_block block = {s->offset >> (f->szx + 4), f->szx, false};
    selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &block);
    if (f->total == UNKNOWN) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE2, 0); /* tell it, please */
    }
    if (f->path->echo_len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ECHO,
                            selv_bytes(f->path->echo, f->path->echo_len));
    }
    return selv_coap_write_end(&w, &out->len);
}

/* Whether the next request is confirmable: where others are never answered,
 * and, while nothing is, the last one of every other time-out. */
static bool is_con(const struct selv_coap_fetch *f)
{
    bool is_turn = f->silence > 0 && f->silence % 2 == 0 && f->probes == 0;
    return f->path->con == CON_ONLY || (f->path->con < CON_ONLY && is_turn);
}

static enum selv_coap_fetch_action transmit(struct selv_coap_fetch *f,
                                            struct selv_coap_fetch_slot *s,
                                            uint32_t now, struct selv_buf *out)
{
    uint16_t mid = (uint16_t)f->path->next;
    bool is_pair = (s->flags & S_FLYING) != 0 && s->sent_ms == now &&
                   (uint16_t)(s->mid + 1u) == mid;
    s->mid = mid;
    s->sent_ms = now;
    s->flags = (uint8_t)((s->flags & ~(S_CON | S_PAIR)) | S_SENT);
    s->flags |= is_con(f) ? S_CON : 0;
    s->flags |= is_pair ? S_PAIR : 0;
    enum selv_err err = request_write(f, s, out);
    if (err) {
        out->len = 0;
        end(f, err);
        return SELV_COAP_FETCH_WAIT;
    }
    if ((s->flags & S_FLYING) == 0) {
        s->flags |= S_FLYING;
        f->flying++;
        f->since_ms = f->silence == 0 ? now : f->since_ms;
    }
    f->sign_ms = now;
    f->sent_len = (uint8_t)least((uint32_t)out->len, UINT8_MAX);
    f->flags = (uint8_t)(f->flags & ~F_ACKED);
    selv_coap_path_sent(f->path, f->cost);
    return SELV_COAP_FETCH_SEND;
}

/* ---- what comes in --------------------------------------------------------
 */

static struct selv_coap_fetch_slot *slot_of_mid(struct selv_coap_fetch *f,
                                                uint16_t mid)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct selv_coap_fetch_slot *s = &f->slots[i];
        if (s->units > 0 && (s->flags & S_SENT) != 0 && s->mid == mid) {
            return s;
        }
    }
    return NULL;
}

static struct selv_coap_fetch_slot *slot_at(struct selv_coap_fetch *f,
                                            uint64_t offset)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct selv_coap_fetch_slot *s = &f->slots[i];
        if (s->units > 0 && s->offset == offset) {
            return s;
        }
    }
    return NULL;
}

/* The block of an answer; one without the option is the whole body. */
struct piece {
    uint64_t offset;
    uint32_t len; /* bytes of a whole block */
    bool more;
};

static struct piece piece_of(const struct selv_coap_msg *m)
{
    struct piece p = {0, SELV_COAP_FETCH_TO_END, false};
    if ((m->has & SELV_COAP_HAS_BLOCK2) != 0) {
        p.len = 16u << m->block2.szx;
        p.offset = (uint64_t)m->block2.num * p.len;
        p.more = m->block2.more;
    }
    return p;
}

static enum selv_err etag_check(struct selv_coap_fetch *f,
                                const struct selv_coap_msg *m)
{
    struct selv_bytes must = f->rq->resume_etag;
    if ((f->flags & F_STARTED) != 0) {
        must = selv_bytes(f->etag, f->etag_len);
    }
    if (((f->flags & F_STARTED) != 0 || must.len > 0) &&
        !selv_bytes_equal(m->etag, must)) {
        return SELV_ERR_COAP_ETAG;
    }
    f->flags |= F_STARTED;
    f->etag_len = (uint8_t)m->etag.len; /* parsed: 8 at most */
    if (m->etag.len > 0) {
        memcpy(f->etag, m->etag.p, m->etag.len);
    }
    return SELV_OK;
}

/* The piece must be what the slot asked for, and as long as it says. */
static enum selv_err piece_check(const struct selv_coap_fetch_slot *s,
                                 const struct selv_coap_msg *m,
                                 const struct piece *p)
{
    bool is_whole = (m->has & SELV_COAP_HAS_BLOCK2) == 0;
    if (p->offset != s->offset || m->payload.len > p->len ||
        (p->more && m->payload.len != p->len) ||
        (!is_whole &&
         (m->block2.szx > SELV_COAP_SZX_MAX || p->len > s->units * 16u)) ||
        (m->payload.len == 0 && p->offset > 0)) {
        return SELV_ERR_COAP_BLOCK;
    }
    return SELV_OK;
}

/* What the answer says of the body's length must fit the caller's ranges, and
 * what was said before. */
static enum selv_err size_check(struct selv_coap_fetch *f,
                                const struct selv_coap_msg *m,
                                const struct piece *p)
{
    uint32_t max = f->rq->body_max;
    uint64_t to = p->offset + m->payload.len;
    uint32_t total = p->more ? f->total : (uint32_t)to;
    if (to > max || (p->more && to >= least(f->total, max))) {
        return SELV_ERR_COAP_SIZE;
    }
    if ((m->has & SELV_COAP_HAS_SIZE2) != 0) {
        if (m->size2 > max || (total != UNKNOWN && total != m->size2)) {
            return SELV_ERR_COAP_SIZE;
        }
        total = m->size2;
    }
    if (total != f->total && f->total != UNKNOWN) {
        return SELV_ERR_COAP_SIZE;
    }
    if ((f->flags & F_OPEN) != 0) {
        f->end = total;
    } else if (f->end > total) {
        return SELV_ERR_COAP_SIZE;
    }
    f->total = total;
    return SELV_OK;
}

/* A piece that the slot asked for is to be told; what is left of the slot is
 * to be asked for. */
static void piece_take(struct selv_coap_fetch *f,
                       struct selv_coap_fetch_slot *s,
                       const struct selv_coap_msg *m, const struct piece *p)
{
    f->payload = m->payload;
    f->offset = s->offset;
    f->code = m->code;
    f->content_format = m->content_format;
    if (m->payload.len > 0) {
        f->state = TELL;
    }
    land(f, s);
    s->flags = 0;
    f->challenges = 0;
    if (!p->more) {
        s->units = 0;
        return;
    }
    s->offset += p->len;
    s->units = (uint8_t)(s->units - p->len / 16);
    if (s->offset >= f->total) {
        s->units = 0;
    }
    if (m->block2.szx < f->szx) {
        f->szx = m->block2.szx;
    }
}

/* A body's piece, or 2.xx of another kind. Of an answer to an earlier
 * transmission of its slot only what fits is taken. */
static void content_take(struct selv_coap_fetch *f,
                         struct selv_coap_fetch_slot *s,
                         const struct selv_coap_msg *m, bool is_latest)
{
    struct piece p = piece_of(m);
    enum selv_err err = piece_check(s, m, &p);
    if (err && !is_latest) {
        return;
    }
    if (err == SELV_OK) {
        err = size_check(f, m, &p);
    }
    if (err == SELV_OK) {
        err = etag_check(f, m);
    }
    if (err) {
        end(f, err);
        return;
    }
    piece_take(f, s, m, &p);
}

/* Of any answer the Echo is kept for the requests that follow
 * [RFC 9175 2.3]. True when it is 4.01, and to be met by asking again: the
 * transmission of that number did not carry this value. While many are in
 * flight all are refused, each perhaps with a value of its own; that counts
 * once. */
static bool echo_take(struct selv_coap_fetch *f, uint32_t number,
                      const struct selv_coap_msg *m)
{
    struct selv_coap_path *p = f->path;
    struct selv_bytes value;
    if (!selv_coap_opt_find(m, SELV_COAP_OPT_ECHO, &value) || value.len == 0 ||
        value.len > sizeof p->echo) {
        return false;
    }
    bool has_echoed = p->echo_len > 0 && (int32_t)(number - f->echoing) >= 0;
    bool is_new = !selv_bytes_equal(value, selv_bytes(p->echo, p->echo_len));
    if (is_new) {
        p->echo_len = (uint8_t)value.len;
        memcpy(p->echo, value.p, value.len);
        f->echoing = p->next;
    }
    if (m->code != SELV_COAP_UNAUTHORIZED) {
        return false;
    }
    if (has_echoed && f->challenges < CHALLENGES_MAX) {
        f->challenges++;
    }
    return !has_echoed || (is_new && f->challenges < CHALLENGES_MAX);
}

/* An answer that is no content, to the latest transmission of a slot. */
static void refusal_take(struct selv_coap_fetch *f, uint64_t now_ms,
                         struct selv_coap_fetch_slot *s,
                         const struct selv_coap_msg *m, bool is_challenge)
{
    if (is_challenge) {
        land(f, s);
        s->flags = (uint8_t)(s->flags & ~S_DOUBLED);
        selv_coap_path_limited(f->path); /* it is shorter than a block */
    } else if (m->code == SELV_COAP_UNAVAILABLE ||
               m->code == SELV_COAP_TOO_MANY) {
        again(f, s);
        f->hold_ms = now_ms + (uint64_t)m->max_age * 1000u;
    } else if (m->code == SELV_COAP_BAD_OPTION && (s->flags & S_CON) == 0 &&
               f->path->con <= CON_ONLY) {
        f->path->con = CON_ONLY;
        all_again(f);
    } else {
        f->code = m->code;
        f->payload = m->payload;
        end(f, SELV_ERR_COAP_CODE);
    }
}

/* What an answer to the slot tells of the path. */
static void path_learn(struct selv_coap_fetch *f, uint32_t now,
                       struct selv_coap_fetch_slot *s, uint32_t number,
                       const struct selv_coap_msg *m, uint32_t len)
{
    bool is_pair =
        (s->flags & S_PAIR) != 0 && s->mid == (uint16_t)(number + 1u);
    bool is_latest = s->mid == (uint16_t)number || is_pair;
    bool was_lost = !is_latest || (s->flags & S_FLYING) == 0;
    uint32_t rtt = 0;
    bool is_measured = selv_coap_path_is_measured(f->path, len);
    if (is_latest || (f->silence > 0 && (f->flying <= 1 || !is_measured))) {
        /* to an earlier one: the first is a bound, without which a way longer
         * than the time-out would never be known */
        uint32_t sent_ms = is_latest ? s->sent_ms : f->since_ms;
        rtt = most(least(now - sent_ms, UINT16_MAX), 1);
    }
    if (was_lost && (s->flags & (S_RETRIED | S_DOUBLED)) == S_RETRIED) {
        selv_coap_path_too_hasty(f->path);
    }
    if (m->type == SELV_COAP_ACK) {
        if (f->path->con < CON_ONLY) {
            f->path->con++;
        }
    } else if ((m->type == SELV_COAP_NON || (s->flags & S_CON) == 0) &&
               (f->flags & F_ACKED) == 0 && SELV_COAP_CLASS(m->code) == 2) {
        f->path->con = CON_NEVER;
    }
    if ((m->has & SELV_COAP_HAS_BLOCK2) != 0 && m->block2.more) {
        f->cost = (uint16_t)least(len, UINT16_MAX);
    }
    bool is_first = !selv_coap_path_is_known(f->path);
    land(f, s);
    selv_coap_path_answered(f->path, number, len, (uint32_t)f->flying * f->cost,
                            (uint16_t)rtt, now);
    if (is_first) {
        selv_coap_path_begin(f->path, f->cost); /* it may be a challenge */
    }
}

/* A response to the transmission of that number. */
static void answer_take(struct selv_coap_fetch *f, uint64_t now_ms,
                        uint32_t number, const struct selv_coap_msg *m,
                        uint32_t len)
{
    struct selv_coap_fetch_slot *s = slot_of_mid(f, (uint16_t)number);
    bool is_latest = s != NULL;
    bool is_content = SELV_COAP_CLASS(m->code) == 2;
    if ((int32_t)(number - f->largest) > 0) {
        f->largest = number;
    }
    if (s == NULL && is_content) {
        s = slot_at(f, piece_of(m).offset);
    }
    if (s != NULL) {
        path_learn(f, (uint32_t)now_ms, s, number, m, len);
    }
    f->silence = 0;
    f->sign_ms = (uint32_t)now_ms;
    bool is_challenge = echo_take(f, number, m);
    if (s == NULL) {
        return; /* told already */
    }
    if (m->bad_option != 0) {
        end(f, SELV_ERR_COAP_OPTION);
    } else if (!is_content) {
        refusal_take(f, now_ms, s, m, is_challenge);
    } else if (m->code != SELV_COAP_CONTENT) {
        f->code = m->code;
        end(f, SELV_ERR_COAP_CODE);
    } else {
        content_take(f, s, m, is_latest);
    }
}

/* An empty ACK or a Reset, whose message ID is all that there is to know it
 * by: it is believed of a peer that has never answered otherwise, or one whose
 * confirmable request it is. */
static bool empty_feed(struct selv_coap_fetch *f, const struct selv_coap_msg *m)
{
    struct selv_coap_fetch_slot *s = slot_of_mid(f, m->mid);
    if (s == NULL || (s->flags & S_FLYING) == 0 ||
        (m->type != SELV_COAP_ACK && m->type != SELV_COAP_RST)) {
        return false;
    }
    bool was_con = (s->flags & S_CON) != 0;
    if (m->type == SELV_COAP_ACK) {
        f->flags |= was_con ? F_ACKED : 0;
    } else if (was_con) {
        end(f, SELV_ERR_COAP_RESET);
    } else if (f->path->con != CON_NEVER) {
        f->path->con = CON_ONLY;
        all_again(f);
    }
    return true;
}

/* True when the token is of late: four windows, so that answers that were late
 * are welcome, and a guess still has to be right in 22 bits or more. */
static bool number_of(const struct selv_coap_fetch *f,
                      const struct selv_coap_msg *m, uint32_t *number)
{
    if (f->state != RUN || m->token.len != 4) {
        return false;
    }
    uint32_t n = (selv_get_be32(m->token.p) - f->token) * ODD_INVERSE;
    uint32_t sent = f->path->next - f->first;
    uint32_t age = f->path->next - 1 - n;
    *number = n;
    return age < least(sent, 4u * f->count + 12u) &&
           (m->type != SELV_COAP_ACK || m->mid == (uint16_t)n);
}

bool selv_coap_fetch_feed(struct selv_coap_fetch *f, uint64_t now_ms,
                          struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    uint32_t number;
    enum selv_err err = selv_coap_parse(datagram, &m);
    uint8_t class = SELV_COAP_CLASS(m.code);
    if (err != SELV_ERR_COAP_FORMAT && m.code == SELV_COAP_EMPTY) {
        return f->state == RUN && empty_feed(f, &m);
    }
    if (class == 0 || f->state == IDLE) {
        return false;
    }
    bool is_response = class == 2 || class == 4 || class == 5;
    bool is_ours = err != SELV_ERR_COAP_FORMAT && is_response &&
                   m.type != SELV_COAP_RST && number_of(f, &m, &number);
    if (m.type == SELV_COAP_CON) {
        /* [RFC 7252 4.2, 5.4.1] */
        f->out_type = is_ours && err == SELV_OK ? SELV_COAP_ACK : SELV_COAP_RST;
        f->out_mid = m.mid;
    }
    if (is_ours) {
        answer_take(f, now_ms, number, &m, (uint32_t)datagram.len);
    }
    return true;
}

/* ---- what is lost -----------------------------------------------------------
 */

/* ms from the last request before time-outs to the latest transmission. */
static uint32_t silent_ms(const struct selv_coap_fetch *f)
{
    return f->sign_ms - f->since_ms;
}

static bool is_recent(const struct selv_coap_fetch *f)
{
    return selv_coap_path_is_known(f->path) && silent_ms(f) <= RECENT_MS;
}

/* Time-outs double up to this. Requests that are not confirmable: to the
 * time-out that each exchange begins with [RFC 7252 4.8], and then to a part of
 * the silence; so losses that come in bursts cost seconds, and a peer that has
 * gone is asked less and less, down to PROBING_RATE [RFC 7252 4.7]. */
static uint32_t timeout_limit(const struct selv_coap_fetch *f)
{
    uint32_t ms = f->probe_ms * FIRST_PART;
    uint32_t part =
        selv_coap_path_is_known(f->path) ? SILENT_KNOWN : SILENT_UNKNOWN;
    uint32_t probing_ms = f->sent_len * 1000u / SELV_COAP_PROBING_RATE;
    if (f->path->con == CON_ONLY) {
        return probing_ms;
    }
    ms = is_recent(f) ? ms : most(ms, silent_ms(f) / part);
    return least(ms, probing_ms);
}

/* From the latest transmission to a probe. */
static uint32_t probe_timeout(const struct selv_coap_fetch *f)
{
    uint32_t ms = f->probe_ms;
    uint32_t doublings = least(f->silence, 8);
    if ((f->flags & F_ACKED) != 0) {
        return SELV_COAP_MAX_TRANSMIT_WAIT_MS;
    }
    if (selv_coap_path_is_known(f->path)) {
        ms = selv_coap_path_timeout(f->path, (uint32_t)f->flying * f->cost);
        if (!selv_coap_path_is_measured(f->path, f->cost)) {
            ms = most(ms, UNMEASURED_MS);
        }
        ms = is_con(f) ? most(ms, CON_TIMEOUT_MIN_MS) : ms;
        /* a first probe may be lost like others */
        doublings -= doublings > 0 && selv_coap_path_is_lossy(f->path);
    }
    return least(ms << doublings, most(ms, timeout_limit(f)));
}

static struct selv_coap_fetch_slot *slot_oldest(struct selv_coap_fetch *f)
{
    struct selv_coap_fetch_slot *oldest = NULL;
    for (uint32_t i = 0; i < f->count; i++) {
        struct selv_coap_fetch_slot *s = &f->slots[i];
        if ((s->flags & S_FLYING) != 0 &&
            (oldest == NULL || (int16_t)(s->mid - oldest->mid) < 0)) {
            oldest = s;
        }
    }
    return oldest;
}

/* Nothing has been answered for long: ask again for what has waited longest,
 * whatever the window says [RFC 9002 6.2.4]. */
static void probe(struct selv_coap_fetch *f)
{
    /* one less rather than one more at the end: every other one stays so */
    f->silence =
        (uint8_t)(f->silence < UINT8_MAX ? f->silence + 1 : UINT8_MAX - 1);
    f->flags = (uint8_t)(f->flags & ~F_ACKED);
    f->probe_ms = selv_coap_first_timeout(&f->random) / FIRST_PART;
    bool is_pair = is_recent(f) || (f->silence <= PAIRS_MAX &&
                                    !selv_coap_path_is_known(f->path));
    f->probes = f->path->con != CON_ONLY && is_pair ? 2 : 1;
    if (f->silence == 3) {
        selv_coap_path_silent(f->path);
    }
    for (uint32_t n = 0; n < f->probes; n++) {
        struct selv_coap_fetch_slot *oldest = slot_oldest(f);
        if (oldest != NULL) {
            again(f, oldest);
        }
    }
}

/* Slots that are lost, by answers to later ones or by silence. How many ms
 * until there may be more of them. */
static uint32_t losses_find(struct selv_coap_fetch *f, uint32_t now)
{
    uint32_t wait = UINT32_MAX;
    uint32_t patience = selv_coap_path_patience(f->path);
    for (uint32_t i = 0; i < f->count; i++) {
        struct selv_coap_fetch_slot *s = &f->slots[i];
        int16_t later = (int16_t)((uint16_t)f->largest - s->mid);
        uint32_t age = now - s->sent_ms;
        if ((s->flags & S_FLYING) == 0 || later <= 0) {
            continue;
        }
        if (later >= f->path->reorder || age >= patience) {
            again(f, s);
            selv_coap_path_lost(f->path);
        } else {
            wait = least(wait, patience - age);
        }
    }
    if (f->flying == 0) {
        return wait;
    }
    uint32_t timeout = probe_timeout(f);
    uint32_t age = now - f->sign_ms;
    if (age >= timeout) {
        probe(f);
        return 0;
    }
    return least(wait, timeout - age);
}

/* ---- what to do next ------------------------------------------------------
 */

static struct selv_coap_fetch_slot *slot_free(struct selv_coap_fetch *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->slots[i].units == 0) {
            return &f->slots[i];
        }
    }
    return NULL;
}

/* A slot to be asked; of more than a block the rest goes to a free one, if it
 * is known to be part of the body. */
static struct selv_coap_fetch_slot *slot_waiting(struct selv_coap_fetch *f)
{
    struct selv_coap_fetch_slot *s = NULL;
    for (uint32_t i = 0; i < f->count && s == NULL; i++) {
        if (f->slots[i].units > 0 && (f->slots[i].flags & S_FLYING) == 0) {
            s = &f->slots[i];
        }
    }
    uint8_t units = (uint8_t)(1u << f->szx);
    struct selv_coap_fetch_slot *rest = slot_free(f);
    if (s != NULL && s->units > units && rest != NULL && f->total != UNKNOWN) {
        rest->offset = s->offset + units * 16u;
        rest->flags = 0;
        rest->units = rest->offset < f->total ? (uint8_t)(s->units - units) : 0;
        s->units = units;
    }
    return s;
}

static bool is_idle(const struct selv_coap_fetch *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->slots[i].units > 0) {
            return false;
        }
    }
    return true;
}

/* The next block of the range, in a free slot. Where the body's length is not
 * known, no further one is asked for: it may lie behind the end. */
static struct selv_coap_fetch_slot *slot_new(struct selv_coap_fetch *f)
{
    struct selv_coap_fetch_slot *s = slot_free(f);
    bool is_blind = (f->flags & F_OPEN) != 0 && f->total == UNKNOWN;
    if (s == NULL || f->cursor >= f->end || (is_blind && !is_idle(f))) {
        return NULL;
    }
    s->offset = f->cursor;
    s->units = (uint8_t)(1u << f->szx);
    s->flags = 0;
    f->cursor += s->units * 16u;
    if (f->asked < UINT16_MAX) {
        f->asked++;
    }
    return s;
}

/* Whether a is to be asked for twice before b. First what was lost before, then
 * the latest, whose loss no later answer tells; then, for another time, what
 * has waited longest. */
static bool is_before(const struct selv_coap_fetch_slot *a,
                      const struct selv_coap_fetch_slot *b)
{
    int order = (b->flags & S_DOUBLED) - (a->flags & S_DOUBLED);
    if (order == 0) {
        order = (a->flags & S_RETRIED) - (b->flags & S_RETRIED);
    }
    if (order != 0) {
        return order > 0;
    }
    bool is_later = (int16_t)(a->mid - b->mid) > 0;
    return (a->flags & S_DOUBLED) != 0 ? !is_later : is_later;
}

/* When nothing new is left, the link would idle while the last blocks come:
 * some are asked for twice, so that one loss does not cost a round trip. What
 * was lost before always is; of others two, and one for each sixteen blocks, or
 * for each four where transmissions get lost. */
static struct selv_coap_fetch_slot *slot_double(struct selv_coap_fetch *f,
                                                uint32_t now)
{
    struct selv_coap_fetch_slot *best = NULL;
    uint32_t age_min = selv_coap_path_patience(f->path) / 2;
    uint32_t part = selv_coap_path_is_losing(f->path) ? 4 : 16;
    if (f->cursor < f->end || (f->flags & F_ALL) == 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        struct selv_coap_fetch_slot *s = &f->slots[i];
        bool is_due =
            (s->flags & S_DOUBLED) == 0 || now - s->sent_ms >= age_min;
        if ((s->flags & S_FLYING) != 0 && is_due &&
            (best == NULL || is_before(s, best))) {
            best = s;
        }
    }
    if (best == NULL) {
        return NULL;
    }
    if ((best->flags & (S_RETRIED | S_DOUBLED)) != S_RETRIED) {
        if (f->doubles >= DOUBLES_FIRST + f->asked / part) {
            return NULL;
        }
        f->doubles++;
    }
    best->flags |= S_DOUBLED;
    return best;
}

/* The slot to be sent now, or NULL; then *wait says when to look again. */
static struct selv_coap_fetch_slot *slot_next(struct selv_coap_fetch *f,
                                              uint32_t now, uint32_t *wait,
                                              bool *is_wanted)
{
    uint32_t room = selv_coap_path_wait(f->path, (uint32_t)f->flying * f->cost,
                                        f->cost, now);
    if (is_con(f) && f->flying > 0) {
        room = SELV_COAP_PATH_FULL;
    }
    struct selv_coap_fetch_slot *s = slot_waiting(f);
    if (room > 0 && f->probes == 0) {
        *wait = least(*wait, room);
        return NULL;
    }
    if (f->probes > 0) {
        f->probes--;
    }
    if (s != NULL) {
        return s;
    }
    if (room > 0) {
        *wait = 0;          /* look again */
        s = slot_oldest(f); /* the other one of a pair, or none is needed */
        return s != NULL && s->sent_ms == now ? s : NULL;
    }
    *is_wanted =
        f->cursor >= f->end && (f->flags & F_ALL) == 0 && slot_free(f) != NULL;
    if (*is_wanted) {
        return NULL;
    }
    s = slot_new(f);
    s = s != NULL ? s : slot_double(f, now);
    if (s == NULL) {
        selv_coap_path_limited(f->path);
    }
    return s;
}

static void event_fill(const struct selv_coap_fetch *f,
                       struct selv_coap_event *event)
{
    event->code = f->code;
    event->content_format = f->content_format;
    event->etag = selv_bytes(f->etag, f->etag_len);
    event->size2 = f->total != UNKNOWN ? f->total : 0;
    event->payload = f->payload;
    event->err = (enum selv_err)f->err;
}

static enum selv_coap_fetch_action block_tell(struct selv_coap_fetch *f,
                                              struct selv_coap_event *event)
{
    event_fill(f, event);
    event->offset = f->offset;
    event->more = f->offset + f->payload.len < f->total;
    f->told += (uint32_t)f->payload.len;
    f->payload = selv_bytes(NULL, 0);
    f->state = RUN;
    return SELV_COAP_FETCH_BLOCK;
}

static enum selv_coap_fetch_action end_tell(struct selv_coap_fetch *f,
                                            struct selv_coap_event *event)
{
    event_fill(f, event);
    f->state = IDLE;
    return f->err == SELV_OK ? SELV_COAP_FETCH_DONE : SELV_COAP_FETCH_FAILED;
}

/* Sends, asks for a range, or says in *until_ms when to look again. */
static enum selv_coap_fetch_action run(struct selv_coap_fetch *f,
                                       uint64_t now_ms, struct selv_buf *out,
                                       uint64_t *until_ms)
{
    uint32_t wait = 0;
    *until_ms = f->deadline_ms;
    if ((f->flags & F_PAUSED) != 0) {
        return SELV_COAP_FETCH_WAIT;
    }
    if (now_ms < f->hold_ms) {
        *until_ms = f->hold_ms < f->deadline_ms ? f->hold_ms : f->deadline_ms;
        return SELV_COAP_FETCH_WAIT;
    }
    while (wait == 0) {
        bool is_wanted = false;
        wait = losses_find(f, (uint32_t)now_ms);
        struct selv_coap_fetch_slot *s =
            slot_next(f, (uint32_t)now_ms, &wait, &is_wanted);
        if (s != NULL) {
            return transmit(f, s, (uint32_t)now_ms, out);
        }
        if (is_wanted) {
            return SELV_COAP_FETCH_WANT;
        }
    }
    if (now_ms + wait < *until_ms && wait != UINT32_MAX) {
        *until_ms = now_ms + wait;
    }
    return SELV_COAP_FETCH_WAIT;
}

enum selv_coap_fetch_action selv_coap_fetch_poll(struct selv_coap_fetch *f,
                                                 uint64_t now_ms,
                                                 struct selv_buf *out,
                                                 struct selv_coap_event *event)
{
    memset(event, 0, sizeof *event);
    event->content_format = SELV_COAP_NO_FORMAT;
    event->until_ms = UINT64_MAX;
    out->len = 0;
    if (f->out_type != 0) {
        selv_coap_write_empty(out, (enum selv_coap_type)f->out_type,
                              f->out_mid);
        f->out_type = 0;
        return SELV_COAP_FETCH_SEND;
    }
    if (f->state == TELL) {
        return block_tell(f, event);
    }
    if (f->state == RUN && (f->flags & F_ALL) != 0 && f->cursor >= f->end &&
        is_idle(f)) {
        end(f, SELV_OK);
    } else if (f->state == RUN && now_ms >= f->deadline_ms) {
        end(f, SELV_ERR_COAP_TIMEOUT);
    }
    if (f->state == RUN) {
        enum selv_coap_fetch_action a = run(f, now_ms, out, &event->until_ms);
        if (f->state == RUN) {
            return a;
        }
    }
    return f->state == END ? end_tell(f, event) : SELV_COAP_FETCH_WAIT;
}
