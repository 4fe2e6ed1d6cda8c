/* SPDX-License-Identifier: Apache-2.0
 *
 * Sources at work, each in a lane: CoAP peers with many blocks in flight, one
 * port source in order. Without a chunk list there is one lane, and the next
 * source goes on where one fails; with one, lanes share the parts.
 *
 * A source, while an image comes in (begin: all that have it are LEFT):
 *
 *           a lane is free            a part that nobody has
 *   LEFT -----------------> AT REST -------------------------> BUSY
 *    ^                         ^         no further part        |
 *    | nobody else             +--------------------------------+
 *    | is LEFT or has a lane                                    |
 *   SLOW <-------- trickles, or is overtaken, and gave some ----+
 *   GONE <-------- away, silent, three bad parts, nonsense -----+
 *
 *   LEFT, SLOW: its bit in c->left, c->slow      GONE: in neither, no lane
 *   AT REST, BUSY: the source of a lane, by is_busy; busy with parts (open,
 *   run_at to run_end), those of spoilt not among them
 * Once SLOW ones are asked again, slowness is borne (FLAG_BORNE).
 *
 * A lane takes the lowest part that is missing and that no other has. At the
 * end, one at rest takes over what a much slower one would be long in giving.
 */
#define SELV_MODULE 0x434e4c4eu /* "CNLN" */
#include "consumer/consumer_int.h"

#define IMAGE_MS 3600000u    /* for a whole image, and on top of it */
#define IMAGE_BLOCK_MS 4000u /* for each block */
#define ALONE_MS 100000u     /* without a byte, where there is nobody else */
#define OTHERS_MS 20000u     /* the same, where there is */
#define LOOK_MS 30000u       /* how fast is it? */
#define LEAST_RATE 2000u     /* bytes in that time, where there is another */
#define MOST_RATE 30000u     /* more is never asked for */
#define LOOKS_MAX 40u        /* such times for a whole image, between the two */
#define BAD_MAX 3u           /* parts of one source */
#define RUN_MAX 262144u      /* bytes that a port source is asked for */
#define RUN_SHARED 16384u    /* the same, where others could have some */
#define ENVELOPE_MAX (1u << 30) /* bytes, with its payloads */
#define IDLE_MS 250u            /* between two looks at who is slower */
#define OVERTAKE_MS 2000u       /* so much sooner, and twice as soon */

#define NONE NO_PART
#define AGAIN (NO_PART - 1u)

/* Whether it says something of the source, not of flash. */
static bool is_of_source(enum selv_err err)
{
    return (err >= SELV_ERR_COAP_FORMAT && err <= SELV_ERR_COAP_CODE) ||
           err == SELV_ERR_UPDATE_SIZE || err == SELV_ERR_UPDATE_SERVER ||
           err == SELV_ERR_UPDATE_CHUNK || err == SELV_ERR_UPDATE_AWAY ||
           err == SELV_ERR_UPDATE_MISSING;
}

static bool is_on(const struct selv_consumer_lane *l)
{
    return l->source != NO_SOURCE;
}

/* Another source has the same part of the work, or would take it. */
static bool has_others(const struct selv_consumer *c,
                       const struct selv_consumer_lane *l)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        if (&c->lane[i] != l && is_on(&c->lane[i])) {
            return true;
        }
    }
    return c->left != 0;
}

static bool is_other_busy(const struct selv_consumer *c,
                          const struct selv_consumer_lane *l)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        if (&c->lane[i] != l && is_on(&c->lane[i]) && c->lane[i].is_busy) {
            return true;
        }
    }
    return false;
}

static unsigned lanes_max(const struct selv_consumer *c)
{
    bool is_shared = c->phase == PHASE_IMAGE && has_flag(c, FLAG_LISTED);

    return is_shared ? SELV_CONSUMER_LANES : 1u;
}

/* ---- begin and end --------------------------------------------------------
 */

static void release(struct selv_consumer_lane *l)
{
    selv_consumer_parts_leave(l);
    l->is_busy = false;
    l->rx_len = 0;
}

static void stop(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    if (l->is_busy && is_port(c, l->source)) {
        selv_consumer_cancel(c, l->source);
    } else if (l->is_busy) {
        selv_coap_fetch_abort(&l->fetch);
    }
    release(l);
}

void selv_consumer_lanes_stop(struct selv_consumer *c)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        if (is_on(&c->lane[i])) {
            stop(c, &c->lane[i]);
            c->lane[i].source = NO_SOURCE;
        }
    }
}

void selv_consumer_lanes_begin(struct selv_consumer *c)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        c->lane[i].source = NO_SOURCE;
        release(&c->lane[i]);
    }
    memset(c->bad, 0, sizeof c->bad);
    c->slow = 0;
    c->turn = 0;
    clear_flag(c, FLAG_BORNE);
}

static const struct selv_consumer_lane *port_lane(const struct selv_consumer *c)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        const struct selv_consumer_lane *l = &c->lane[i];
        if (is_on(l) && is_port(c, l->source)) {
            return l;
        }
    }
    return NULL;
}

bool selv_consumer_is_port_busy(const struct selv_consumer *c)
{
    const struct selv_consumer_lane *l = port_lane(c);

    return l != NULL && l->is_busy;
}

/* One port source at a time is read. */
static bool assign(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    l->source = selv_consumer_pick(c, port_lane(c) == NULL);
    l->told = 0;
    l->spoilt[0] = l->spoilt[1] = NO_PART;
    l->began_ms = c->now_ms;
    return is_on(l);
}

/* The source is of no use. */
static void end_badly(struct selv_consumer *c, struct selv_consumer_lane *l,
                      enum selv_err err, uint8_t code)
{
    bool is_away = selv_consumer_is_away(err, code);

    release(l);
    if (is_away && c->parts.low >= c->parts.size) {
        return; /* it had given all by then */
    }
    if (!is_of_source(err)) {
        selv_consumer_lanes_stop(c);
        selv_consumer_give_in(c, err, is_away);
        return;
    }
    if (!is_away && err != SELV_ERR_UPDATE_CHUNK) {
        selv_consumer_blame(c, l->source);
    }
    l->source = NO_SOURCE;
    if (!has_others(c, l) && c->slow != 0) {
        c->left = c->slow; /* better than nobody */
        c->slow = 0;
        set_flag(c, FLAG_BORNE);
    }
    if (has_others(c, l)) {
        selv_consumer_go_on(c);
    } else {
        selv_consumer_give_in(c, err, is_away);
    }
}

static void end_transfer(struct selv_consumer *c, struct selv_consumer_lane *l,
                         enum selv_err err, uint8_t code)
{
    if (err == SELV_ERR_COAP_TIMEOUT && l->is_oversize) {
        err = SELV_ERR_COAP_BLOCK;
    }
    if (err == SELV_ERR_COAP_SIZE) {
        err = SELV_ERR_UPDATE_SIZE;
    }
    if (err) {
        end_badly(c, l, err, code);
    } else {
        release(l);
    }
}

/* ---- parts ----------------------------------------------------------------
 */

/* In this transfer; others may have more luck with it. */
static bool is_spoilt(const struct selv_consumer_lane *l, uint32_t start)
{
    return start == l->spoilt[0] || start == l->spoilt[1];
}

/* The lowest part that this lane may take: NONE, or AGAIN when one was found to
 * be there. */
static uint32_t claim(struct selv_consumer *c,
                      const struct selv_consumer_lane *l)
{
    const struct selv_consumer_parts *p = &c->parts;
    uint32_t at = p->low;

    for (unsigned n = 0; n < SELV_CONSUMER_WINDOW && at < p->size; n++) {
        if ((p->good >> n & 1u) == 0 && !is_spoilt(l, at) &&
            !selv_consumer_is_part_open(c, at)) {
            if (!selv_consumer_is_there(c, at)) {
                return at;
            }
            selv_consumer_part_done(c, at);
            return AGAIN;
        }
        at = selv_consumer_part_end(c, at);
    }
    return NONE;
}

/* The parts that a port source is asked for in one go: the next one is missing,
 * too, and nobody else's. Without a list there is nobody else. */
static uint32_t run_end(const struct selv_consumer *c,
                        const struct selv_consumer_lane *l, uint32_t start)
{
    const struct selv_consumer_parts *p = &c->parts;
    uint32_t most = lanes_max(c) > 1 && has_others(c, l) ? RUN_SHARED : RUN_MAX;
    uint32_t at = p->low;

    if (c->phase == PHASE_LIST || !has_flag(c, FLAG_LISTED)) {
        return p->size;
    }
    for (unsigned n = 0; n < SELV_CONSUMER_WINDOW && at < p->size; n++) {
        bool is_free = (p->good >> n & 1u) == 0 &&
                       !selv_consumer_is_part_open(c, at) &&
                       !selv_consumer_is_there(c, at);
        if (at > start && (!is_free || at - start >= most)) {
            break;
        }
        at = selv_consumer_part_end(c, at);
    }
    return at;
}

/* A payload in an envelope begins where it likes, not where a block does: its
 * blocks come one after the other, as from a port source, so that bytes before
 * and behind it can be cut off and flash is written in whole units. */
static bool is_in_order(const struct selv_consumer *c)
{
    return c->payload_off > 0 && c->phase != PHASE_LIST;
}

static enum selv_err put(struct selv_consumer *c, struct selv_consumer_lane *l,
                         uint32_t offset, struct selv_bytes piece)
{
    bool is_whole = false;
    uint32_t start;
    enum selv_err err = SELV_OK;

    if (selv_consumer_is_part_fresh(c, l, offset, &start)) {
        err = selv_consumer_unnote(c, start); /* it is about to be erased */
    }
    if (!err) {
        err = selv_consumer_part_put(c, l, offset, piece, &is_whole);
    }
    l->told += (uint32_t)piece.len;
    if (c->phase != PHASE_LIST) {
        c->gave = (uint8_t)(c->gave | 1u << l->source);
    }
    if (!err && is_whole) {
        err = selv_consumer_note(c);
        if (c->parts.low > c->noted) {
            selv_consumer_tell_progress(c, l->source, false);
        }
    }
    return !err && c->bad[l->source] >= BAD_MAX ? SELV_ERR_UPDATE_CHUNK : err;
}

/* In order: parts are opened as they are reached. */
enum selv_err selv_consumer_take_image(struct selv_consumer *c,
                                       struct selv_consumer_lane *l,
                                       uint32_t offset, struct selv_bytes bytes)
{
    enum selv_err err = SELV_OK;

    while (!err && bytes.len > 0) {
        size_t len;
        if (offset == l->next) {
            err = selv_consumer_part_open(c, l, offset);
            l->next = selv_consumer_part_end(c, offset);
        }
        len = l->next - offset;
        len = len < bytes.len ? len : bytes.len;
        if (!err) {
            err = put(c, l, offset, selv_bytes(bytes.p, len));
        }
        offset += (uint32_t)len;
        bytes = selv_bytes(bytes.p + len, bytes.len - len);
    }
    return err;
}

/* ---- how fast -------------------------------------------------------------
 */

static uint32_t patience(const struct selv_consumer *c,
                         const struct selv_consumer_lane *l)
{
    return has_others(c, l) ? OTHERS_MS : ALONE_MS;
}

/* Bytes in LOOK_MS: who is slower and stands first would hold up an image for
 * hours. */
static uint32_t least_rate(const struct selv_consumer *c)
{
    uint32_t rate = c->parts.size / LOOKS_MAX;

    rate = rate > LEAST_RATE ? rate : LEAST_RATE;
    return rate < MOST_RATE ? rate : MOST_RATE;
}

static void note_slow(struct selv_consumer *c,
                      const struct selv_consumer_lane *l)
{
    c->slow = (uint8_t)(c->slow | 1u << l->source);
}

/* Silent for long, or a trickle while there is somebody else. */
static bool is_too_slow(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    uint64_t until_ms;

    if (l->told != l->seen) {
        l->seen = l->told;
        l->late_ms = c->now_ms + patience(c, l);
    }
    if (c->now_ms >= l->look_ms) {
        bool is_slow = l->told - l->looked < least_rate(c) &&
                       has_others(c, l) && !has_flag(c, FLAG_BORNE);
        l->looked = l->told;
        l->look_ms = c->now_ms + LOOK_MS;
        if (is_slow) {
            if (l->told > 0) {
                note_slow(c, l);
            }
            return true;
        }
    }
    until_ms = l->late_ms < l->look_ms ? l->late_ms : l->look_ms;
    if (c->todo.until_ms > until_ms) {
        c->todo.until_ms = until_ms;
    }
    return c->now_ms >= l->late_ms;
}

/* Bytes that the lane has taken, and does not have yet; in all: those that
 * another one would have to fetch. */
static uint32_t owed(const struct selv_consumer *c,
                     const struct selv_consumer_lane *l, uint32_t *in_all)
{
    uint32_t missing = l->run_end > l->next ? l->run_end - l->next : 0;

    *in_all = missing;
    for (unsigned i = 0; i < SELV_CONSUMER_SLOTS; i++) {
        const struct selv_consumer_part *part = &l->open[i];
        if (part->missing > 0) {
            missing += part->missing;
            *in_all += selv_consumer_part_end(c, part->start) - part->start;
        }
    }
    return missing;
}

/* How long a lane takes for so many bytes, by what it has done. */
static uint64_t time_for(const struct selv_consumer *c,
                         const struct selv_consumer_lane *l, uint32_t bytes)
{
    uint64_t ms = c->now_ms - l->began_ms;

    return ms * bytes / (l->told + 1u);
}

/* There is nothing for this lane. Would it be far sooner with what another one
 * has? Then that one is left, and its parts are free again. */
static void rest(struct selv_consumer *c, const struct selv_consumer_lane *l)
{
    c->todo.until_ms = c->now_ms + IDLE_MS;
    for (unsigned i = 0; i < SELV_CONSUMER_LANES && l->told > 0; i++) {
        struct selv_consumer_lane *other = &c->lane[i];
        uint32_t in_all;
        uint32_t missing;
        if (other == l || !other->is_busy) {
            continue;
        }
        missing = owed(c, other, &in_all);
        if (missing > 0 && time_for(c, other, missing) >
                               2 * time_for(c, l, in_all) + OVERTAKE_MS) {
            note_slow(c, other);
            stop(c, other);
            end_badly(c, other, SELV_ERR_UPDATE_AWAY, 0);
            c->todo.until_ms = c->now_ms;
            return;
        }
    }
}

/* ---- the transfer ---------------------------------------------------------
 */

static enum selv_err start_fetch(struct selv_consumer *c,
                                 struct selv_consumer_lane *l)
{
    uint8_t random[8];

    memset(&l->rq, 0, sizeof l->rq);
    l->rq.code = SELV_COAP_GET;
    l->rq.szx = SELV_COAP_SZX;
    l->rq.content_format = SELV_COAP_NO_FORMAT;
    l->rq.accept = SELV_COAP_NO_FORMAT;
    l->rq.host = c->config->sources[l->source].host;
    l->rq.path = selv_bytes(c->path.p + 1, c->path.len - 1);
    l->rq.query = c->query;
    l->rq.body_max = is_in_order(c) ? ENVELOPE_MAX : c->parts.size;
    l->rq.deadline_ms =
        IMAGE_MS + IMAGE_BLOCK_MS * (c->parts.size / SELV_CONSUMER_BLOCK_LEN);
    selv_consumer_draw(c, random);
    selv_consumer_know_path(c, l);
    memset(&l->fetch, 0, sizeof l->fetch);
    selv_coap_fetch_init(&l->fetch, &l->path, l->slots,
                         is_in_order(c) ? 1 : SELV_CONSUMER_SLOTS);
    return selv_coap_fetch_start(&l->fetch, &l->rq, random, c->now_ms);
}

static void start(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    enum selv_err err = SELV_OK;
    uint32_t at;

    if (!is_other_busy(c, l)) {
        l->spoilt[0] = l->spoilt[1] = NO_PART;
    }
    at = claim(c, l);
    if (at == NONE) {
        rest(c, l);
        return;
    }
    if (at == AGAIN) {
        return;
    }
    c->busy = l->source;
    l->rx_len = 0;
    l->seen = l->looked = l->told;
    l->late_ms = c->now_ms + patience(c, l);
    l->look_ms = c->now_ms + LOOK_MS;
    l->is_oversize = l->is_gone = false;
    selv_consumer_aim(c, l->source);
    if (is_port(c, l->source)) {
        uint32_t end = run_end(c, l, at);
        l->run_at = l->next = at;
        l->run_end = end;
        selv_consumer_read(c, l, c->payload_off + at, c->payload_off + end);
    } else {
        err = start_fetch(c, l);
    }
    l->is_busy = true;
    if (err) {
        end_transfer(c, l, err, 0);
    }
}

/* All that is missing of a payload. */
static enum selv_err want_payload(struct selv_consumer *c,
                                  struct selv_consumer_lane *l)
{
    uint32_t from = c->payload_off + c->parts.low;
    uint32_t end = c->payload_off + c->parts.size;

    if (l->run_end > 0) {
        selv_coap_fetch_all(&l->fetch);
        return SELV_OK;
    }
    l->run_at = l->next = c->parts.low;
    l->run_end = c->parts.size;
    from -= from % SELV_CONSUMER_BLOCK_LEN;
    return selv_coap_fetch_want(&l->fetch, from, end - from);
}

static enum selv_err put_payload(struct selv_consumer *c,
                                 struct selv_consumer_lane *l, uint32_t offset,
                                 struct selv_bytes piece)
{
    uint32_t first = c->payload_off + l->run_at;
    uint32_t left = c->payload_off + c->parts.size;

    if (offset < first) {
        uint32_t before = first - offset;
        before = before < piece.len ? before : (uint32_t)piece.len;
        piece = selv_bytes(piece.p + before, piece.len - before);
        offset += before;
    }
    left = offset < left ? left - offset : 0;
    piece.len = piece.len < left ? piece.len : left;
    return selv_consumer_take_image(c, l, offset - c->payload_off, piece);
}

/* The next part: it is asked for. */
static enum selv_err want(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    uint32_t at;
    enum selv_err err;

    if (is_in_order(c)) {
        return want_payload(c, l);
    }
    at = claim(c, l);
    if (at == AGAIN) {
        return SELV_OK;
    }
    if (at == NONE) {
        selv_coap_fetch_all(&l->fetch);
        return SELV_OK;
    }
    err = selv_consumer_part_open(c, l, at);
    if (!err) {
        err = selv_coap_fetch_want(&l->fetch, at,
                                   selv_consumer_part_end(c, at) - at);
    }
    return err;
}

static void poll_fetch(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    struct selv_buf out = {c->tx, sizeof c->tx, 0};
    struct selv_coap_event event;
    enum selv_err err = SELV_OK;

    if (l->is_gone) {
        stop(c, l);
        end_transfer(c, l, SELV_ERR_UPDATE_AWAY, 0);
        return;
    }
    switch (selv_coap_fetch_poll(&l->fetch, c->now_ms, &out, &event)) {
    case SELV_COAP_FETCH_SEND:
        c->todo.kind = SELV_CONSUMER_SEND;
        c->todo.source = l->source;
        c->todo.bytes = selv_bytes(c->tx, out.len);
        break;
    case SELV_COAP_FETCH_WANT:
        err = want(c, l);
        break;
    case SELV_COAP_FETCH_BLOCK:
        err = is_in_order(c) ? put_payload(c, l, event.offset, event.payload)
                             : put(c, l, event.offset, event.payload);
        break;
    case SELV_COAP_FETCH_DONE:
    case SELV_COAP_FETCH_FAILED:
        end_transfer(c, l, event.err, event.code);
        return;
    case SELV_COAP_FETCH_WAIT:
        l->rx_len = 0;
        c->todo.until_ms = event.until_ms;
        if (is_too_slow(c, l)) {
            err = SELV_ERR_COAP_TIMEOUT;
        }
        break;
    }
    if (err) {
        stop(c, l);
        end_transfer(c, l, err, 0);
    }
}

static void poll_read(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    enum selv_err err;

    c->todo.until_ms = l->look_ms;
    if (selv_consumer_has_read(c, l, &err) && !err &&
        l->read.at < l->read.end) {
        /* Fewer bytes than asked for [RFC 9110 15.3.7]: the rest. */
        selv_consumer_aim(c, l->source);
        selv_consumer_read(c, l, l->read.at, l->read.end);
    } else if (l->read.is_over) {
        end_transfer(c, l, err, 0);
        c->todo.until_ms = c->now_ms;
    } else if (is_too_slow(c, l)) {
        stop(c, l);
        end_transfer(c, l, SELV_ERR_UPDATE_AWAY, 0);
    }
}

static void work(struct selv_consumer *c, struct selv_consumer_lane *l)
{
    c->todo.until_ms = c->now_ms;
    if (!l->is_busy) {
        start(c, l);
    } else if (is_port(c, l->source)) {
        poll_read(c, l);
    } else {
        poll_fetch(c, l);
    }
}

void selv_consumer_lanes_work(struct selv_consumer *c)
{
    uint64_t until_ms = UINT64_MAX;
    uint8_t phase = c->phase;

    for (unsigned n = 0; n < SELV_CONSUMER_LANES; n++) {
        unsigned i = (c->turn + n) % SELV_CONSUMER_LANES;
        struct selv_consumer_lane *l = &c->lane[i];
        if (i >= lanes_max(c) || (!is_on(l) && !assign(c, l))) {
            continue;
        }
        work(c, l);
        /* CANCEL is told before another FETCH. */
        if (c->step != STEP_IMAGE || c->phase != phase ||
            has_flag(c, FLAG_CANCEL) || c->todo.kind != SELV_CONSUMER_WAIT) {
            c->turn = (uint8_t)((i + 1) % SELV_CONSUMER_LANES);
            return;
        }
        until_ms = c->todo.until_ms < until_ms ? c->todo.until_ms : until_ms;
    }
    c->todo.until_ms = until_ms == UINT64_MAX ? c->now_ms : until_ms;
}
