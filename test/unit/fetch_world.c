/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fetch_world.h"
#include "test/unit/siphash.h"

#define RENO_FLOW 100u
#define RENO_SEGMENT 512u
#define DAY_MS 86400000u

static const char path[] =
    "i/000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static uint8_t body[WORLD_BODY_MAX];

static void world_put(struct world *w, bool is_up, uint32_t flow,
                      const uint8_t *p, size_t len)
{
    enum sim_link_direction way = is_up ? SIM_LINK_UP : SIM_LINK_DOWN;
    uint32_t number = w->packets++;
    enum world_harm harm = PASS;
    for (int i = 0; i < 2; i++) {
        if (w->harm[i] != PASS && w->harm_at[i] == number) {
            harm = w->harm[i];
        }
    }
    if (harm == LOSE) {
        return;
    }
    if (harm == LATE) {
        w->late_us = w->now_us + 250000;
        w->late_up = is_up;
        w->late_flow = flow;
        w->late_len = len;
        memcpy(w->late, p, len);
        return;
    }
    sim_link_put(w->link, way, flow, selv_bytes(p, len), w->now_us);
    if (harm == TWICE) {
        sim_link_put(w->link, way, flow, selv_bytes(p, len), w->now_us);
    }
}

struct world *world_new(const char *link, uint64_t seed)
{
    static const uint8_t random[8] = {3, 1, 4, 1, 5, 9, 2, 6};
    char why[SIM_LINK_WHY_LEN];
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    if (!sim_link_parse(link, &w->config, why)) {
        fail_msg("%s: %s", link, why);
    }
    w->now_us = 5000000;
    w->link = sim_link_new(&w->config, seed, w->now_us);
    assert_non_null(w->link);
    for (size_t i = 0; body[1] == 0 && i < WORLD_BODY_MAX; i++) {
        body[i] = (uint8_t)((i * 2654435761u + 512) >> 9);
    }
    selv_coap_server_init(&w->server, w->seen, 4, random);
    w->szx_max = 6;
    return w;
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->flow_count; i++) {
        free(w->flows[i].got);
    }
    sim_link_free(w->link);
    free(w);
}

void world_link(struct world *w, const char *link)
{
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_parse(link, &w->config, why)) {
        fail_msg("%s: %s", link, why);
    }
    assert_true(sim_link_set(w->link, &w->config, w->now_us));
}

static void flow_begin(struct world *w, struct world_flow *f,
                       const struct world_plan *plan)
{
    assert_true(plan->len <= WORLD_BODY_MAX && plan->slots <= WORLD_SLOTS);
    free(f->got);
    f->plan = *plan;
    f->got = calloc(1, plan->len + 1);
    assert_non_null(f->got);
    f->rq.code = SELV_COAP_GET;
    f->rq.szx = plan->szx;
    f->rq.content_format = SELV_COAP_NO_FORMAT;
    f->rq.accept = SELV_COAP_NO_FORMAT;
    f->rq.path = selv_bytes(path, sizeof path - 1);
    f->rq.body_max = plan->len;
    f->rq.deadline_ms = plan->deadline_ms != 0 ? plan->deadline_ms : DAY_MS;
    f->is_begun = false;
    f->is_over = false;
    f->wanted = 0;
    f->told = 0;
    f->sends = 0;
    f->in_flight_max = 0;
    f->until_us = w->now_us > plan->begin_us ? w->now_us : plan->begin_us;
    selv_coap_fetch_init(&f->fetch, &f->path, f->slots, plan->slots);
}

struct world_flow *world_flow(struct world *w, const struct world_plan *plan)
{
    assert_true(w->flow_count < WORLD_FLOWS);
    struct world_flow *f = &w->flows[w->flow_count++];
    selv_coap_path_init(&f->path, 0xfffffff0u);
    flow_begin(w, f, plan);
    return f;
}

void world_flow_again(struct world *w, struct world_flow *f,
                      const struct world_plan *plan)
{
    assert_true(f->is_over);
    flow_begin(w, f, plan);
}

/* ---- the server ------------------------------------------------------------
 */

/* The answer to a request for one of a body of total bytes. */
static void serve(struct world *w, uint32_t total,
                  const struct selv_coap_msg *rq, struct selv_buf *out)
{
    static const struct selv_coap_peer peer = {3, {1, 2, 3}};
    struct selv_coap_slice slice;
    struct selv_coap_writer to;
    if (selv_coap_slice(rq, total, w->szx_max, &slice)) {
        selv_coap_reply_code(&w->server, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return;
    }
    selv_coap_reply_begin(&w->server, rq, SELV_COAP_CONTENT, out, &to);
    selv_coap_write_opt(&to, SELV_COAP_OPT_ETAG, selv_bytes("01234567", 8));
    selv_coap_write_uint(&to, SELV_COAP_OPT_CONTENT_FORMAT, SELV_COAP_OCTETS);
    selv_coap_write_block(&to, SELV_COAP_OPT_BLOCK2, &slice.block);
    if (slice.offset == 0 && !w->no_size2) {
        selv_coap_write_uint(&to, SELV_COAP_OPT_SIZE2, total);
    }
    selv_coap_write_payload(&to, selv_bytes(body + slice.offset, slice.len));
    assert_int_equal(selv_coap_reply_end(&w->server, w->now_us / 1000, &peer,
                                         rq, &to, SELV_COAP_RECOMPUTE, out),
                     SELV_OK);
}

void world_challenge(struct world *w, uint32_t unproven, uint32_t places)
{
    const struct selv_coap_mac mac = {sip_tag, w->echo_key};
    assert_true(places <= 4);
    selv_coap_echo_init(&w->echo, mac, w->verified, places);
    w->wants_echo = true;
    w->unproven = unproven;
}

/* The answer in out, or a challenge, or what is left of the budget for it. */
static void guard(struct world *w, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq, size_t request_len,
                  struct selv_buf *out)
{
    enum selv_coap_echo_verdict verdict =
        selv_coap_echo_judge(&w->echo, w->now_us / 1000, peer, rq);
    if (verdict == SELV_COAP_ECHO_UNKNOWN && out->len <= w->unproven) {
        w->unproven -= (uint32_t)out->len;
        return;
    }
    if (selv_coap_echo_guard(&w->echo, &w->server, w->now_us / 1000, peer, rq,
                             request_len, verdict, out)) {
        w->challenges++;
    }
}

static void server_take(struct world *w, const struct sim_link_datagram *d)
{
    const struct selv_coap_peer peer = {
        3, {1, (uint8_t)d->flow, (uint8_t)d->address}};
    uint8_t buf[WORLD_DATAGRAM_MAX];
    struct selv_buf out = {buf, sizeof buf, 0};
    struct selv_coap_msg rq;
    enum selv_coap_heard heard = selv_coap_server_feed(
        &w->server, w->now_us / 1000, &peer, d->bytes, &rq, &out);
    if (heard == SELV_COAP_REQUEST &&
        !(w->no_non && rq.type == SELV_COAP_NON)) {
        serve(w, w->flows[d->flow].plan.len, &rq, &out);
        if (w->wants_echo) {
            guard(w, &peer, &rq, d->bytes.len, &out);
        }
    }
    if (out.len > 0) {
        world_put(w, false, d->flow, buf, out.len);
    }
}

double world_ideal_us(const struct world *w, const struct world_plan *plan)
{
    static struct world other;
    double wire = 0;
    uint8_t szx = plan->szx < w->szx_max ? plan->szx : w->szx_max;
    uint32_t len = (uint32_t)selv_coap_block_len(szx);
    other.szx_max = szx;
    for (uint32_t i = 0; i * len < plan->len; i++) {
        uint8_t buf[WORLD_DATAGRAM_MAX];
        struct selv_buf out = {buf, sizeof buf, 0};
        struct selv_coap_msg rq = {0};
        rq.type = SELV_COAP_NON;
        rq.token = selv_bytes("abcd", 4);
        rq.has = SELV_COAP_HAS_BLOCK2;
        rq.block2 = (struct selv_coap_block){i, szx, false};
        serve(&other, plan->len, &rq, &out);
        wire += sim_link_wire_len(&w->config, out.len, NULL);
    }
    const struct sim_link_way *down = &w->config.way[SIM_LINK_DOWN];
    return wire * 8e6 / (double)down->rate_bps /
               (1 - (double)down->loss_ppm / 1e6) +
           (double)(down->delay_us + w->config.way[SIM_LINK_UP].delay_us);
}

/* ---- the flows -------------------------------------------------------------
 */

static void block_check(struct world_flow *f,
                        const struct selv_coap_event *event)
{
    assert_true(event->payload.len > 0);
    assert_true(event->offset + event->payload.len <= f->plan.len);
    assert_memory_equal(event->payload.p, body + event->offset,
                        event->payload.len);
    for (size_t i = 0; i < event->payload.len; i++) {
        assert_int_equal(f->got[event->offset + i], 0);
        f->got[event->offset + i] = 1;
    }
    f->told += (uint32_t)event->payload.len;
    assert_int_equal(f->told, selv_coap_fetch_told(&f->fetch));
}

static void flow_want(struct world_flow *f)
{
    uint32_t len = f->plan.range;
    if (f->wanted >= f->plan.len) {
        selv_coap_fetch_all(&f->fetch);
        return;
    }
    if (len == 0) {
        assert_int_equal(
            selv_coap_fetch_want(&f->fetch, 0, SELV_COAP_FETCH_TO_END),
            SELV_OK);
        f->wanted = f->plan.len;
        return;
    }
    len = len < f->plan.len - f->wanted ? len : f->plan.len - f->wanted;
    assert_int_equal(selv_coap_fetch_want(&f->fetch, f->wanted, len), SELV_OK);
    f->wanted += len;
}

static void flow_poll(struct world *w, struct world_flow *f)
{
    uint8_t buf[SELV_COAP_HEADER_MAX];
    uint32_t flow = (uint32_t)(f - w->flows);
    if (!f->is_begun && w->now_us >= f->plan.begin_us) {
        uint8_t random[8] = {(uint8_t)flow, 2, 3, 4, 5, 6, 7, 8};
        assert_int_equal(
            selv_coap_fetch_start(&f->fetch, &f->rq, random, w->now_us / 1000),
            SELV_OK);
        f->is_begun = true;
    }
    while (f->is_begun && !f->is_over) {
        struct selv_coap_event event;
        struct selv_buf out = {buf, sizeof buf, 0};
        switch (
            selv_coap_fetch_poll(&f->fetch, w->now_us / 1000, &out, &event)) {
        case SELV_COAP_FETCH_SEND:
            f->sends++;
            world_put(w, true, flow, buf, out.len);
            break;
        case SELV_COAP_FETCH_BLOCK:
            block_check(f, &event);
            break;
        case SELV_COAP_FETCH_WANT:
            flow_want(f);
            break;
        case SELV_COAP_FETCH_DONE:
            assert_int_equal(f->told, f->plan.len);
            f->is_over = true;
            f->err = SELV_OK;
            f->end_us = w->now_us;
            break;
        case SELV_COAP_FETCH_FAILED:
            f->is_over = true;
            f->err = event.err;
            f->end_us = w->now_us;
            break;
        case SELV_COAP_FETCH_WAIT:
        default:
            f->until_us = event.until_ms == UINT64_MAX ? UINT64_MAX
                                                       : event.until_ms * 1000;
            assert_true(f->until_us > w->now_us);
            return;
        }
        uint16_t flying = selv_coap_fetch_in_flight(&f->fetch);
        assert_true(flying <= f->plan.slots);
        f->in_flight_max =
            flying > f->in_flight_max ? flying : f->in_flight_max;
    }
    if (f->is_over) {
        f->until_us = UINT64_MAX;
    }
}

/* ---- Reno ------------------------------------------------------------------
 */

static void reno_send(struct world *w)
{
    struct world_reno *r = &w->reno;
    uint8_t segment[RENO_SEGMENT] = {0};
    while ((r->next - r->acked) * 256u < r->cwnd &&
           r->next - r->acked < 4000u) {
        selv_put_be32(segment, r->next);
        r->sent_us[r->next % 4096] = w->now_us;
        r->is_acked[r->next % 4096] = false;
        r->next++;
        sim_link_put(w->link, SIM_LINK_DOWN, RENO_FLOW,
                     selv_bytes(segment, sizeof segment), w->now_us);
    }
}

/* Selective acknowledgements; three later ones tell a loss, which halves the
 * window once in a round trip. What is lost is not sent again: the bytes are
 * of no interest. */
static void reno_ack(struct world *w, uint32_t number)
{
    struct world_reno *r = &w->reno;
    r->heard_us = w->now_us;
    uint64_t rtt = w->now_us - r->sent_us[number % 4096];
    r->srtt_us = r->srtt_us == 0 ? rtt : (r->srtt_us * 7 + rtt) / 8;
    r->is_acked[number % 4096] = true;
    r->cwnd += r->cwnd < r->ssthresh ? 256 : 65536 / r->cwnd;
    while (r->acked < r->next &&
           (r->is_acked[r->acked % 4096] || (int32_t)(number - r->acked) > 3)) {
        if (!r->is_acked[r->acked % 4096] &&
            (int32_t)(r->acked - r->recover) >= 0) {
            r->recover = r->next;
            r->cwnd = r->cwnd / 2 > 512 ? r->cwnd / 2 : 512;
            r->ssthresh = r->cwnd;
        }
        r->acked++;
    }
}

static uint64_t reno_poll(struct world *w)
{
    struct world_reno *r = &w->reno;
    if (!r->is_on) {
        return UINT64_MAX;
    }
    if (w->now_us < r->begin_us) {
        return r->begin_us;
    }
    if (r->cwnd == 0) {
        r->cwnd = 10 * 256;
        r->ssthresh = UINT32_MAX / 2;
        r->heard_us = w->now_us;
    }
    uint64_t timeout = r->srtt_us * 2 + 1000000;
    if (w->now_us - r->heard_us >= timeout) {
        r->acked = r->next;
        r->ssthresh = r->cwnd / 2;
        r->cwnd = 256;
        r->heard_us = w->now_us;
    }
    reno_send(w);
    return r->heard_us + timeout;
}

static void reno_take(struct world *w, const struct sim_link_datagram *d,
                      bool is_up)
{
    if (is_up) {
        reno_ack(w, selv_get_be32(d->bytes.p));
        return;
    }
    w->reno.taken += d->bytes.len;
    sim_link_put(w->link, SIM_LINK_UP, RENO_FLOW, selv_bytes(d->bytes.p, 12),
                 w->now_us);
}

/* ---- a step ----------------------------------------------------------------
 */

static void arrivals(struct world *w)
{
    struct sim_link_datagram d;
    while (sim_link_take(w->link, SIM_LINK_UP, w->now_us, &d)) {
        if (d.flow == RENO_FLOW) {
            reno_take(w, &d, true);
        } else {
            server_take(w, &d);
        }
    }
    while (sim_link_take(w->link, SIM_LINK_DOWN, w->now_us, &d)) {
        if (d.flow == RENO_FLOW) {
            reno_take(w, &d, false);
            continue;
        }
        struct world_flow *f = &w->flows[d.flow];
        if (!f->is_begun) {
            continue;
        }
        uint8_t *copy = malloc(d.bytes.len); /* so that overruns are found */
        assert_non_null(copy);
        memcpy(copy, d.bytes.p, d.bytes.len);
        (void)selv_coap_fetch_feed(&f->fetch, w->now_us / 1000,
                                   selv_bytes(copy, d.bytes.len));
        flow_poll(w, f);
        free(copy);
    }
}

/* Polls everybody. The next instant of interest; UINT64_MAX: all over. */
static uint64_t step(struct world *w)
{
    bool is_busy = w->stop_us > w->now_us;
    if (w->late_us != 0 && w->now_us >= w->late_us) {
        w->late_us = 0;
        sim_link_put(w->link, w->late_up ? SIM_LINK_UP : SIM_LINK_DOWN,
                     w->late_flow, selv_bytes(w->late, w->late_len), w->now_us);
    }
    if (w->at != NULL) {
        w->at(w);
    }
    arrivals(w);
    uint64_t next = reno_poll(w);
    for (uint32_t i = 0; i < w->flow_count; i++) {
        struct world_flow *f = &w->flows[i];
        if (w->now_us >= f->until_us) {
            flow_poll(w, f);
        }
        is_busy = is_busy || !f->is_over;
        next = f->until_us < next ? f->until_us : next;
    }
    if (!is_busy || (w->stop_us != 0 && w->now_us >= w->stop_us)) {
        return UINT64_MAX;
    }
    uint64_t of_link = sim_link_next(w->link, w->now_us);
    next = of_link < next ? of_link : next;
    if (w->late_us != 0) {
        next = w->late_us < next ? w->late_us : next;
    }
    if (w->stop_us != 0) {
        next = w->stop_us < next ? w->stop_us : next;
    }
    return next;
}

void world_run(struct world *w)
{
    uint64_t limit_us = w->now_us + 2ull * DAY_MS * 1000;
    for (;;) {
        uint64_t next = step(w);
        if (next == UINT64_MAX) {
            return;
        }
        assert_true(next < limit_us);
        w->now_us = next > w->now_us ? next : w->now_us;
    }
}
