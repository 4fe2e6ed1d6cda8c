/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link_station.c - the sender of one direction: whose turn it is, when a
 * frame may begin, and what becomes of it. The states are drawn in
 * link_int.h. */
#include "sim/link_int.h"

/* Unslotted CSMA-CA of IEEE 802.15.4 at 2.4 GHz, where a symbol takes 16 us:
 * a random number of periods of 20 symbols, then 8 symbols of listening. */
#define CSMA_PERIOD_US 320u
#define CSMA_LISTEN_US 128u
#define CSMA_EXPONENT_MIN 3u
#define CSMA_EXPONENT_MAX 5u
#define CSMA_BACKOFFS_MAX 4u

/* ---- chance ------------------------------------------------------------- */

/* SplitMix64. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t sim_link_draw(struct sim_link_station *s, enum sim_link_chance kind,
                       uint64_t n)
{
    return (random_next(&s->random[kind]) >> 32) * n >> 32;
}

bool sim_link_hits(struct sim_link_station *s, enum sim_link_chance kind,
                   uint32_t ppm)
{
    return sim_link_draw(s, kind, SIM_LINK_MILLION) < ppm;
}

/* The chance, in parts of 2^32, that the next frame begins or ends a bad run:
 * such that these have the mean length, and their frames the share, that the
 * configuration says. */
static uint64_t run_chance(const struct sim_link_way *w, bool is_bad)
{
    uint64_t one = (uint64_t)1 << 32;
    if (is_bad) {
        return one / w->bad_run;
    }
    uint64_t good_ppm = SIM_LINK_MILLION - w->bad_ppm;
    return w->bad_ppm * one / (good_ppm * w->bad_run);
}

/* Both are drawn for each frame, so that the streams stay in step whatever
 * the configuration is. */
static bool is_lost_by_chance(struct sim_link_station *s,
                              const struct sim_link_way *w,
                              enum sim_link_cause *cause)
{
    bool is_lost = sim_link_hits(s, CHANCE_LOSS, w->loss_ppm);
    bool is_run = sim_link_hits(s, CHANCE_RUN_LOSS, w->bad_loss_ppm);
    uint64_t turn = random_next(&s->random[CHANCE_RUN]) >> 32;
    if (w->bad_ppm == 0) {
        s->is_bad = false;
    } else if (turn < run_chance(w, s->is_bad)) {
        s->is_bad = !s->is_bad;
    }
    *cause = is_lost ? SIM_LINK_LOST_CHANCE : SIM_LINK_LOST_BAD_RUN;
    return is_lost || (s->is_bad && is_run);
}

void sim_link_station_init(struct sim_link *l, enum sim_link_direction d,
                           uint64_t seed)
{
    struct sim_link_station *s = &l->station[d];
    const struct sim_link_way *w = &l->config.way[d];
    for (uint64_t i = 0; i < CHANCE_COUNT; i++) {
        uint64_t state = seed + (i * 2 + (uint64_t)d + 1) * 0xd1342543de82ef95u;
        s->random[i] = random_next(&state);
    }
    s->until_us = SIM_LINK_NEVER;
    s->credit_us = l->origin_us;
    s->credit = (int64_t)(w->duty_window_us * w->duty_ppm);
    s->is_bad = sim_link_hits(s, CHANCE_RUN, w->bad_ppm);
}

/* ---- when may a frame begin ---------------------------------------------- */

/* Duration of len bytes; what rounding leaves is carried to the next one, so
 * that a long row of frames takes exactly as long as its bits do. */
static uint64_t air_us(struct sim_link *l, enum sim_link_direction d,
                       uint32_t len)
{
    uint64_t rate = l->config.way[d].rate_bps;
    if (rate == 0) {
        return 0;
    }
    uint64_t bits = (uint64_t)len * 8 * SIM_LINK_MILLION + l->station[d].carry;
    l->station[d].carry = bits % rate;
    return bits / rate;
}

static uint32_t frame_len(const struct sim_link_station *s)
{
    const struct sim_link_cut *cut = &s->current->cut;
    return s->frame == 0                ? cut->first_len
           : s->frame + 1 < cut->frames ? cut->middle_len
                                        : cut->last_len;
}

/* The earliest instant at which the near end listens. */
static uint64_t awake_from(const struct sim_link *l, uint64_t t_us)
{
    const struct sim_link_config *c = &l->config;
    bool is_sleepy = c->sleep_us != 0 || c->awake_after_us != 0;
    if (!is_sleepy || t_us < l->awake_until_us) {
        return t_us;
    }
    if (c->sleep_us == 0 || c->awake_us == 0) {
        return SIM_LINK_NEVER;
    }
    uint64_t phase = (t_us - l->origin_us) % c->sleep_us;
    return phase < c->awake_us ? t_us : t_us + c->sleep_us - phase;
}

bool sim_link_is_awake(const struct sim_link *l, uint64_t t_us)
{
    return awake_from(l, t_us) == t_us;
}

/* Air time is saved up at the rate of the duty cycle, up to what the window
 * gives, and spent by sending. A frame begins when there is enough for it, or
 * as much as can be saved. */
static uint64_t credit_from(struct sim_link *l, enum sim_link_direction d,
                            uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    const struct sim_link_way *w = &l->config.way[d];
    if (w->duty_ppm == 0 || w->duty_ppm == SIM_LINK_MILLION ||
        w->rate_bps == 0) {
        return t_us;
    }
    int64_t cap = (int64_t)(w->duty_window_us * w->duty_ppm);
    uint64_t missing = cap > s->credit ? (uint64_t)(cap - s->credit) : 0;
    uint64_t passed = t_us - s->credit_us;
    s->credit_us = t_us;
    if (passed > missing / w->duty_ppm) {
        s->credit = cap;
    } else {
        s->credit += (int64_t)(passed * w->duty_ppm);
    }
    uint64_t bits = (uint64_t)frame_len(s) * 8 * SIM_LINK_MILLION;
    int64_t want = (int64_t)(bits / w->rate_bps * SIM_LINK_MILLION);
    want = want < cap ? want : cap;
    if (s->credit >= want) {
        return t_us;
    }
    uint64_t debt = (uint64_t)(want - s->credit);
    return t_us + (debt + w->duty_ppm - 1) / w->duty_ppm;
}

/* Is the other one on the shared medium, frame or ACK? */
static bool is_medium_busy(const struct sim_link *l, enum sim_link_direction d)
{
    enum sim_link_state other = l->station[1 - d].state;
    return l->config.is_half_duplex && (other == SENDING || other == ACKING);
}

/* ---- sending ------------------------------------------------------------- */

static void wait_until(struct sim_link_station *s, enum sim_link_state state,
                       uint64_t until_us)
{
    s->state = state;
    s->until_us = until_us;
}

static void frame_begin(struct sim_link *l, enum sim_link_direction d,
                        uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    uint32_t len = frame_len(s);
    uint64_t duration = air_us(l, d, len);
    s->is_collided = is_medium_busy(l, d);
    if (s->is_collided && l->station[1 - d].state == SENDING) {
        l->station[1 - d].is_collided = true;
    }
    s->began_us = t_us;
    s->credit -= (int64_t)(duration * SIM_LINK_MILLION);
    s->stats.frame_count++;
    s->stats.wire_len += len;
    s->stats.air_us += duration;
    wait_until(s, SENDING, t_us + duration);
}

static void backoff_begin(struct sim_link_station *s, uint64_t t_us)
{
    uint32_t exponent = CSMA_EXPONENT_MIN + s->backoffs;
    if (exponent > CSMA_EXPONENT_MAX) {
        exponent = CSMA_EXPONENT_MAX;
    }
    uint64_t periods =
        sim_link_draw(s, CHANCE_BACKOFF, (uint64_t)1 << exponent);
    wait_until(s, BACKOFF, t_us + periods * CSMA_PERIOD_US + CSMA_LISTEN_US);
}

/* The next frame, when its turn has come. */
static void take_turn(struct sim_link *l, enum sim_link_direction d,
                      uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    if (s->current == NULL && s->queue.head != NULL) {
        s->current = sim_link_list_pop(&s->queue);
        s->queue_count--;
        s->queue_len -= s->current->wire_len;
        s->frame = 0;
        s->tries = 0;
    }
    if (s->current == NULL) {
        s->carry = 0;
        wait_until(s, IDLE, SIM_LINK_NEVER);
        return;
    }
    uint64_t from_us = credit_from(l, d, t_us);
    if (d == SIM_LINK_DOWN && awake_from(l, from_us) > from_us) {
        from_us = awake_from(l, from_us);
    }
    if (from_us > t_us) {
        wait_until(s, WAITING, from_us);
    } else if (l->config.has_csma) {
        s->backoffs = 0;
        backoff_begin(s, t_us);
    } else if (is_medium_busy(l, d)) {
        wait_until(s, WAITING, SIM_LINK_NEVER);
    } else {
        frame_begin(l, d, t_us);
    }
}

void sim_link_station_kick(struct sim_link *l, enum sim_link_direction d,
                           uint64_t t_us)
{
    enum sim_link_state state = l->station[d].state;
    if (state == IDLE || state == WAITING) {
        take_turn(l, d, t_us);
    }
}

/* The medium is free again: the older datagram goes first. */
static void turn_over(struct sim_link *l, enum sim_link_direction d,
                      uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    struct sim_link_station *other = &l->station[1 - d];
    const struct sim_link_parcel *mine =
        s->current != NULL ? s->current : s->queue.head;
    bool is_mine = mine != NULL && (other->current == NULL ||
                                    mine->serial < other->current->serial);
    wait_until(s, IDLE, SIM_LINK_NEVER);
    enum sim_link_direction first = is_mine || other->state != WAITING
                                        ? d
                                        : (enum sim_link_direction)(1 - d);
    sim_link_station_kick(l, first, t_us);
    sim_link_station_kick(l, (enum sim_link_direction)(1 - first), t_us);
}

/* The datagram ends here, without having come through. */
static void give_up(struct sim_link *l, enum sim_link_direction d)
{
    struct sim_link_station *s = &l->station[d];
    sim_link_lose(l, d, s->current, s->current->cause);
    s->current = NULL;
}

/* What the sender does next, after the frame or its ACK. It only knows of a
 * loss where there are ACKs; without them it sends the other fragments too. */
static void frame_over(struct sim_link *l, enum sim_link_direction d,
                       uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    if (s->is_failed && l->config.ack_len != 0) {
        if (s->tries < l->config.retries) {
            s->tries++;
            s->stats.retry_count++;
        } else {
            give_up(l, d);
        }
    } else if (s->current != NULL) {
        s->current->is_lost = s->current->is_lost || s->is_failed;
        s->tries = 0;
        s->frame++;
        if (s->frame == s->current->cut.frames) {
            give_up(l, d);
        }
    }
    turn_over(l, d, t_us);
}

static bool is_outage(const struct sim_link *l, uint64_t t_us)
{
    uint64_t since_us = t_us - l->origin_us;
    return since_us >= l->config.outage_at_us &&
           since_us - l->config.outage_at_us < l->config.outage_us;
}

/* The last bit has left. */
static void frame_end(struct sim_link *l, enum sim_link_direction d,
                      uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    struct sim_link_parcel *p = s->current;
    enum sim_link_cause cause;
    s->is_failed = is_lost_by_chance(s, &l->config.way[d], &cause);
    if (s->is_collided || is_outage(l, t_us)) {
        cause = s->is_collided ? SIM_LINK_LOST_COLLISION : SIM_LINK_LOST_OUTAGE;
        s->is_failed = true;
    }
    if (s->is_failed) {
        s->stats.frame_lost++;
        p->cause = p->is_lost ? p->cause : cause;
    } else if (!p->is_lost && s->frame + 1 == p->cut.frames) {
        s->current = NULL;
        sim_link_deliver(l, d, p, t_us);
    }
    if (d == SIM_LINK_UP && l->config.awake_after_us != 0) {
        l->awake_until_us = t_us + l->config.awake_after_us;
        sim_link_station_kick(l, SIM_LINK_DOWN, t_us);
    }
    if (l->config.ack_len == 0) {
        frame_over(l, d, t_us);
        return;
    }
    uint64_t rate = l->config.way[d].rate_bps;
    uint64_t bits = (uint64_t)l->config.ack_len * 8 * SIM_LINK_MILLION;
    s->stats.wire_len += s->is_failed ? 0u : l->config.ack_len;
    wait_until(s, ACKING,
               t_us + l->config.turn_us + (rate == 0 ? 0 : bits / rate));
}

/* The medium is heard as busy, except in the first instants of a frame. */
static void backoff_over(struct sim_link *l, enum sim_link_direction d,
                         uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    const struct sim_link_station *other = &l->station[1 - d];
    bool is_heard =
        is_medium_busy(l, d) &&
        (other->state == ACKING || t_us - other->began_us >= l->config.turn_us);
    if (!is_heard) {
        frame_begin(l, d, t_us);
    } else if (s->backoffs < CSMA_BACKOFFS_MAX) {
        s->backoffs++;
        backoff_begin(s, t_us);
    } else {
        s->current->cause = SIM_LINK_LOST_BUSY;
        give_up(l, d);
        turn_over(l, d, t_us);
    }
}

void sim_link_station_step(struct sim_link *l, enum sim_link_direction d,
                           uint64_t t_us)
{
    switch (l->station[d].state) {
    case BACKOFF:
        backoff_over(l, d, t_us);
        break;
    case SENDING:
        frame_end(l, d, t_us);
        break;
    case ACKING:
        frame_over(l, d, t_us);
        break;
    case IDLE:
    case WAITING:
    default:
        take_turn(l, d, t_us);
        break;
    }
}
