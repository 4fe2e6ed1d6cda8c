/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/path.c - rate, window and pacing towards one peer.
 *
 * Invariants:
 *  1 A sample of the round-trip time is of one transmission and its own
 *    answer; or it is a bound, of a transmission that is alone in flight.
 *  2 The rate is what the peer's answers have been seen to arrive at during an
 *    epoch; never a guess.
 *  3 Past start-up, in flight is at most twice what a full link holds, times at
 *    most 8/3 for what is lost without cause, and four transmissions; beside
 *    others, the window that they leave.
 *
 *           first answer       no growth, a queue
 *   UNKNOWN ----------> STARTUP -------------------> DRAIN <---> COMPETE
 *      one in flight     ^   ^                       ^   |   a queue stays
 *                silence |   | grown,        a queue |   | no queue
 *                        |   | no queue              |   v
 *                            SEEN <--- UP <--- CRUISE, five epochs
 *                             |        ^ grown       ^
 *                             +--------+             |
 *                             +------> SETTLE -------+
 *   LEAST and LEAST_SEEN come between when the least round-trip time has not
 *   been seen for long: a small window shows it. A known rate is of two cycles:
 *   rate of this one, rate_old of the one before. */
#include "coap/path.h"

enum mode {
    UNKNOWN = 0,
    STARTUP, /* window doubles each round trip */
    UP,      /* a quarter faster than the rate */
    SEEN,    /* its answers come in */
    SETTLE,  /* a quarter slower: what UP has queued goes */
    DRAIN,   /* half as fast, until no queue delays */
    CRUISE,  /* and the four after it */
    CRUISE_LAST = CRUISE + 4,
    COMPETE, /* the queue stays whatever we do */
    LEAST,   /* the queue empties */
    LEAST_SEEN
};

#define EPOCH_ANSWERS 8u /* fewer say nothing of a rate */
#define EPOCH_MIN_MS 4u  /* shorter than this, the clock is too coarse */
#define PACE_SLACK_MS 16u
#define CREDIT_MAX (1u << 29)
#define LEAST_MAX_MS 10000u /* age of the least round-trip time */
#define LOSS_MAX 40960u     /* 5/8 */
#define LOSS_USUAL 4096u    /* 1/16 */
#define LOSS_ODD 16384u     /* 1/4 above the usual share: congestion */
#define LOSS_ONE 2048u      /* what one adds: 1/32 */
#define CWND_MAX (4u << 20)
#define WINDOW_MIN 4u /* transmissions */
#define REORDER_MAX 16u
#define DRAIN_EPOCHS 3u
#define COMPETE_EPOCHS 32u
#define SEGMENT 536u /* as others increase by [RFC 9293 3.7.1] */
#define SLOW 4u      /* so many slow answers in a row: a queue, no jitter */

_Static_assert(sizeof(struct selv_coap_path) <= 112, "promised in path.h");

void selv_coap_path_init(struct selv_coap_path *p, uint32_t first)
{
    memset(p, 0, sizeof *p);
    p->next = first;
    p->reorder = 3; /* [RFC 9002 6.1.1] */
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* v * factor / 256 */
static uint32_t scaled(uint32_t v, uint32_t factor)
{
    uint64_t product = (uint64_t)v * factor >> 8;
    return product > UINT32_MAX ? UINT32_MAX : (uint32_t)product;
}

/* What must be sent so that v arrives. */
static uint32_t with_losses(const struct selv_coap_path *p, uint32_t v)
{
    return scaled(v, (1u << 24) / (65536u - p->loss));
}

static uint32_t rate_best(const struct selv_coap_path *p)
{
    return most(p->rate, p->rate_old);
}

/* Bytes that a link holds which is full, and no queue. */
static uint32_t pipe(const struct selv_coap_path *p)
{
    return with_losses(p, scaled(rate_best(p), p->rtt_min));
}

bool selv_coap_path_is_known(const struct selv_coap_path *p)
{
    return p->mode != UNKNOWN;
}

uint32_t selv_coap_path_rate(const struct selv_coap_path *p)
{
    return scaled(rate_best(p), 1000);
}

uint32_t selv_coap_path_timeout(const struct selv_coap_path *p,
                                uint32_t in_flight)
{
    /* no more than twice the mean [RFC 8985 7.2]: while a queue empties, the
     * variance is of the past */
    uint32_t ms = p->srtt / 8 + least(most(p->rttvar, 8), most(p->srtt / 8, 8));
    uint32_t rate = rate_best(p);
    if (rate == 0 || p->mode == COMPETE) {
        return ms;
    }
    /* and so is the mean: what is in flight comes one by one. Probes that
     * were not needed make us wait longer */
    uint32_t queue = (uint32_t)(((uint64_t)in_flight << 8) / rate);
    uint32_t slack = least(p->rttvar, p->rtt_min / 2u) + 8;
    return least(ms, (p->rtt_min + slack + queue) * (5u + p->reorder) / 8);
}

bool selv_coap_path_is_measured(const struct selv_coap_path *p, uint32_t cost)
{
    return cost <= 2u * p->rtt_len;
}

bool selv_coap_path_is_lossy(const struct selv_coap_path *p)
{
    return p->loss > LOSS_USUAL;
}

bool selv_coap_path_is_losing(const struct selv_coap_path *p)
{
    return p->loss >= LOSS_ONE / 2;
}

uint32_t selv_coap_path_patience(const struct selv_coap_path *p)
{
    return most(p->srtt / 8, p->rtt) * (6u + p->reorder) / 8 + 1;
}

void selv_coap_path_too_hasty(struct selv_coap_path *p)
{
    if (p->reorder < REORDER_MAX) {
        p->reorder++;
    }
}

/* Bytes/ms, times 256. */
static uint32_t pace(const struct selv_coap_path *p)
{
    static const uint16_t gains[] = {[UP - UP] = 320,
                                     [SEEN - UP] = 256,
                                     [SETTLE - UP] = 192,
                                     [DRAIN - UP] = 128,
                                     [CRUISE - UP] = 250};
    if (p->mode == STARTUP || p->mode == COMPETE) {
        return most(p->cwnd * 512u / most(p->srtt / 8, 1), 1);
    }
    uint32_t at = least(p->mode, CRUISE) - UP;
    return most(scaled(with_losses(p, rate_best(p)), gains[at]), 1);
}

static uint32_t window(const struct selv_coap_path *p, uint32_t cost)
{
    switch (p->mode) {
    case UNKNOWN:
        return cost;
    case STARTUP:
    case COMPETE:
        return p->cwnd;
    case LEAST:
    case LEAST_SEEN:
        return WINDOW_MIN * cost;
    default:
        return scaled(pipe(p), 512) + WINDOW_MIN * cost;
    }
}

uint32_t selv_coap_path_wait(struct selv_coap_path *p, uint32_t in_flight,
                             uint32_t cost, uint32_t now_ms)
{
    if (in_flight > 0 && in_flight + cost > window(p, cost)) {
        return SELV_COAP_PATH_FULL;
    }
    if (p->mode == UNKNOWN || (p->mode == STARTUP && p->cwnd == 0)) {
        return 0;
    }
    uint32_t speed = pace(p);
    uint32_t slack = most(scaled(speed, PACE_SLACK_MS << 8), cost << 9);
    int32_t most_credit = (int32_t)least(slack, CREDIT_MAX);
    uint32_t missing = (uint32_t)(most_credit - p->credit);
    uint32_t ms = now_ms - p->pace_ms;
    p->pace_ms = now_ms;
    if (p->credit >= most_credit || ms > missing / speed) {
        p->credit = most_credit;
    } else {
        p->credit += (int32_t)(speed * ms);
    }
    return p->credit > 0 ? 0 : (uint32_t)-p->credit / speed + 1;
}

void selv_coap_path_sent(struct selv_coap_path *p, uint32_t cost)
{
    p->next++;
    if (p->credit > -(int32_t)CREDIT_MAX) {
        p->credit -= (int32_t)(least(cost, CREDIT_MAX >> 8) << 8);
    }
}

void selv_coap_path_limited(struct selv_coap_path *p)
{
    p->limited = 2; /* answers come an epoch later */
}

void selv_coap_path_silent(struct selv_coap_path *p)
{
    if (p->mode != UNKNOWN) {
        p->mode = STARTUP;
        p->cwnd = 0; /* set with the next answer */
        p->rate = 0;
        p->rate_old = 0;
    }
}

/* The usual share of losses, over the last 32 transmissions or so. Those that
 * left in UP, or beside others that fill the queue, are no part of it: they may
 * have been lost for being too many. */
static void loss_count(struct selv_coap_path *p, bool is_lost)
{
    if (p->mode != SEEN && p->mode != COMPETE) {
        uint32_t loss = p->loss - p->loss / 32u + (is_lost ? LOSS_ONE : 0);
        p->loss = (uint16_t)least(loss, LOSS_MAX);
    }
}

void selv_coap_path_lost(struct selv_coap_path *p)
{
    p->lost++;
    p->is_congested |= p->slow >= SLOW / 2; /* lost in front of a queue */
    loss_count(p, true);
}

/* ms: a queue delays by more than 1/part of the least round-trip time. */
static uint32_t queued(const struct selv_coap_path *p, uint32_t part)
{
    return p->rtt_min + p->rtt_min / part + EPOCH_MIN_MS;
}

/* [RFC 9002 5.3], of an answer of that many bytes. A link takes longer for a
 * block than for an empty answer: beside the one's least time the other would
 * look as if it had waited in a queue. */
static void rtt_take(struct selv_coap_path *p, uint16_t rtt, uint32_t bytes,
                     uint32_t now_ms)
{
    bool is_short = 2 * bytes < p->rtt_len;
    p->rtt = rtt;
    if (!selv_coap_path_is_measured(p, bytes)) {
        p->srtt = rtt * 8u;
        p->rttvar = rtt * 2u;
        p->rtt_min = rtt > queued(p, 4) ? 0 : p->rtt_min;
        p->rtt_len = (uint16_t)least(bytes, UINT16_MAX);
    } else {
        uint32_t was = p->srtt / 8;
        uint32_t off = was > rtt ? was - rtt : rtt - was;
        p->rttvar += off - p->rttvar / 4;
        p->srtt += rtt - was;
    }
    bool is_slow = p->rtt_min != 0 && rtt > queued(p, 2);
    p->slow = is_slow ? (uint8_t)least(p->slow + 1u, SLOW) : 0;
    if (rtt < p->rtt_epoch) {
        p->rtt_epoch = rtt;
    }
    if (p->rtt_min == 0 ||
        (rtt <= p->rtt_min + p->rtt_min / 16u && !is_short)) {
        p->rtt_min = p->rtt_min == 0 ? rtt : (uint16_t)least(rtt, p->rtt_min);
        p->least_ms = now_ms;
    }
}

static void epoch_begin(struct selv_coap_path *p, uint32_t now_ms)
{
    p->epoch_end = p->next;
    p->epoch_ms = now_ms;
    p->delivered = 0;
    p->answered = 0;
    p->lost = 0;
    p->is_congested = false;
    p->rtt_epoch = UINT16_MAX;
    if (p->limited > 0) {
        p->limited--;
    }
}

/* A queue has stood for the whole epoch. */
static bool is_queued(const struct selv_coap_path *p, uint32_t part)
{
    return p->rtt_epoch != UINT16_MAX && p->rtt_epoch > queued(p, part);
}

/* More was lost in the epoch than is usual: the usual share, half as much
 * again, and margin (65536: all). */
static bool is_odd(const struct selv_coap_path *p, uint32_t margin)
{
    uint32_t all = (uint32_t)p->answered + p->lost;
    return p->lost * 65536u > (p->loss + p->loss / 2u + margin) * all;
}

static void mode_set(struct selv_coap_path *p, enum mode mode)
{
    p->mode = (uint8_t)mode;
    p->epochs = 0;
}

/* The next of the cycle. */
static void cycle_step(struct selv_coap_path *p, uint32_t sample)
{
    if (p->mode == CRUISE_LAST) {
        if (p->limited == 0) {
            p->rate_old = p->rate;
            p->rate = sample;
        }
        mode_set(p, UP);
    } else if (p->mode == SEEN && sample > p->rate_old + p->rate_old / 8) {
        p->rate_old = p->rate;
        p->cwnd = scaled(pipe(p), 512);
        mode_set(p, is_queued(p, 8) ? UP : STARTUP);
    } else {
        mode_set(p, p->mode == SETTLE ? CRUISE : (enum mode)(p->mode + 1));
    }
}

/* Additive increase, multiplicative decrease: beside senders that fill the
 * queue, whatever we do. Now and then we look whether they are still there. */
static void compete_step(struct selv_coap_path *p, uint32_t sample)
{
    p->cwnd = p->is_congested ? most(p->cwnd / 2, SEGMENT) : p->cwnd + SEGMENT;
    if (!is_queued(p, 2) || p->epochs >= COMPETE_EPOCHS) {
        p->rate = sample;
        p->rate_old = sample;
        mode_set(p, is_queued(p, 2) ? DRAIN : CRUISE);
        p->epochs = DRAIN_EPOCHS - 2; /* a shorter look than the first one */
    }
}

/* The mode after an epoch. */
static void mode_step(struct selv_coap_path *p, uint32_t sample, uint32_t was,
                      uint32_t in_flight)
{
    p->epochs = (uint8_t)least(p->epochs + 1u, UINT8_MAX);
    switch (p->mode) {
    case STARTUP:
        if (sample > was + was / 8 || (p->limited > 0 && p->lost == 0)) {
            p->epochs = 0;
        }
        if (p->epochs >= 3 || p->slow == SLOW || p->is_congested) {
            p->cwnd = in_flight;
            mode_set(p, DRAIN);
        }
        break;
    case DRAIN:
        if (!is_queued(p, 2)) {
            mode_set(p, CRUISE);
        } else if (p->epochs >= DRAIN_EPOCHS) {
            mode_set(p, COMPETE);
        }
        break;
    case COMPETE:
        compete_step(p, sample);
        break;
    case LEAST:
        mode_set(p, LEAST_SEEN);
        break;
    case LEAST_SEEN:
        p->rtt_min = (uint16_t)least(p->rtt_epoch, p->rtt);
        p->least_ms = p->epoch_ms;
        mode_set(p, UP);
        break;
    default:
        if (is_queued(p, 2) || p->is_congested || is_odd(p, LOSS_ODD)) {
            /* the link is full: what was delivered is our share of it */
            p->rate = p->is_congested ? scaled(sample, 180) : sample;
            p->rate_old = p->rate;
            p->cwnd = in_flight;
            mode_set(p, DRAIN);
        } else {
            cycle_step(p, sample);
        }
        break;
    }
}

static void epoch_end(struct selv_coap_path *p, uint32_t in_flight,
                      uint32_t now_ms)
{
    uint32_t ms = most(now_ms - p->epoch_ms, 1);
    uint32_t sample = least(p->delivered, UINT32_MAX >> 8) * 256u / ms;
    uint32_t was = rate_best(p);
    if (p->mode != COMPETE && !is_odd(p, LOSS_USUAL)) {
        p->is_congested = false;
    }
    if (p->mode < LEAST) {
        p->rate = most(p->rate, sample);
    }
    mode_step(p, sample, was, in_flight);
    if (p->mode > STARTUP && p->mode < COMPETE &&
        now_ms - p->least_ms > LEAST_MAX_MS) {
        mode_set(p, LEAST);
    }
    epoch_begin(p, now_ms);
}

/* Ten [RFC 9002 7.2], and as many short ones as take no more bytes than four
 * long ones [RFC 3390]. */
static uint32_t window_first(uint32_t cost)
{
    return most(least(10 * cost, most(14720, 2 * cost)), 4380);
}

void selv_coap_path_begin(struct selv_coap_path *p, uint32_t cost)
{
    if (p->mode == STARTUP && p->cwnd != 0) {
        p->cwnd = most(p->cwnd, window_first(cost));
    }
}

void selv_coap_path_answered(struct selv_coap_path *p, uint32_t number,
                             uint32_t bytes, uint32_t in_flight,
                             uint16_t rtt_ms, uint32_t now_ms)
{
    if (rtt_ms > 0) {
        rtt_take(p, rtt_ms, bytes, now_ms);
    }
    if (p->mode == UNKNOWN && rtt_ms == 0) {
        return; /* alive, but how far away? */
    }
    if (p->mode == UNKNOWN || p->cwnd == 0) {
        p->cwnd = window_first(bytes);
        p->mode = STARTUP;
        p->credit = 0;
        p->pace_ms = now_ms;
        epoch_begin(p, now_ms);
        return;
    }
    p->delivered += bytes;
    p->answered++;
    loss_count(p, false);
    if (p->mode == STARTUP && 2 * (in_flight + bytes) >= p->cwnd &&
        p->cwnd < CWND_MAX) {
        p->cwnd += bytes;
    }
    if (p->mode == DRAIN && p->slow == 0 && rtt_ms > 0) {
        mode_set(p, CRUISE);
        epoch_begin(p, now_ms);
        return;
    }
    if ((int32_t)(number - p->epoch_end) >= 0 &&
        now_ms - p->epoch_ms >= EPOCH_MIN_MS &&
        (p->mode == STARTUP || p->mode == COMPETE ||
         (uint32_t)p->answered + p->lost >= EPOCH_ANSWERS)) {
        epoch_end(p, in_flight, now_ms);
    } else if (p->mode == STARTUP && p->slow == SLOW && p->answered >= SLOW) {
        epoch_end(p, in_flight, now_ms);
    }
}
