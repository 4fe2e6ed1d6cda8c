/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link.c - datagrams in and out: queues, the way after sending, addresses.
 *
 * Invariants:
 *   1 a parcel is in one place: a queue, current, a heap, ready or taken
 *   2 held_count counts all but those taken; it and lost_count change only in
 *     lose, keep and take
 *   3 nothing that happens at an instant depends on when the caller looks:
 *     all that is due is done in order of time, before each call's own work */
#include "sim/link.h"

#include <stdlib.h>

#include "sim/link_int.h"

/* ---- lists ------------------------------------------------------------- */

void sim_link_list_add(struct sim_link_list *list, struct sim_link_parcel *p)
{
    p->next = NULL;
    if (list->tail != NULL) {
        list->tail->next = p;
    } else {
        list->head = p;
    }
    list->tail = p;
}

struct sim_link_parcel *sim_link_list_pop(struct sim_link_list *list)
{
    struct sim_link_parcel *p = list->head;
    if (p != NULL) {
        list->head = p->next;
        if (list->head == NULL) {
            list->tail = NULL;
        }
    }
    return p;
}

/* ---- what is on its way: a binary heap ---------------------------------- */

static bool is_earlier(const struct sim_link_parcel *a,
                       const struct sim_link_parcel *b)
{
    return a->arrival_us != b->arrival_us ? a->arrival_us < b->arrival_us
                                          : a->serial < b->serial;
}

static bool flight_push(struct sim_link_station *s, struct sim_link_parcel *p)
{
    if (s->flight_count == s->flight_cap) {
        size_t cap = s->flight_cap == 0 ? 16 : 2 * s->flight_cap;
        struct sim_link_parcel **grown =
            realloc(s->flight, cap * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        s->flight = grown;
        s->flight_cap = cap;
    }
    size_t i = s->flight_count++;
    while (i > 0 && is_earlier(p, s->flight[(i - 1) / 2])) {
        s->flight[i] = s->flight[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->flight[i] = p;
    return true;
}

static struct sim_link_parcel *flight_pop(struct sim_link_station *s)
{
    struct sim_link_parcel *first = s->flight[0];
    struct sim_link_parcel *last = s->flight[--s->flight_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->flight_count) {
            break;
        }
        if (child + 1 < s->flight_count &&
            is_earlier(s->flight[child + 1], s->flight[child])) {
            child++;
        }
        if (!is_earlier(s->flight[child], last)) {
            break;
        }
        s->flight[i] = s->flight[child];
        i = child;
    }
    s->flight[i] = last;
    return first;
}

/* ---- addresses ---------------------------------------------------------- */

static void address_change(struct sim_link *l)
{
    l->address++;
    l->station[SIM_LINK_UP].stats.rebind_count = l->address;
    l->station[SIM_LINK_DOWN].stats.rebind_count = l->address;
}

/* Changes that are due. Only the far end sees them, so that they need no
 * event of their own. */
static void address_update(struct sim_link *l, uint64_t t_us)
{
    if (l->at_us <= t_us) {
        l->at_us = SIM_LINK_NEVER;
        address_change(l);
    }
    if (l->idle_us <= t_us) {
        l->idle_us = SIM_LINK_NEVER;
        address_change(l);
    }
    if (l->every_us <= t_us) {
        uint64_t missed = (t_us - l->every_us) / l->config.rebind_every_us;
        l->every_us += (missed + 1) * l->config.rebind_every_us;
        address_change(l);
    }
}

/* A datagram of the near end passes: it keeps the address alive. */
static uint32_t address_use(struct sim_link *l, uint64_t t_us)
{
    address_update(l, t_us);
    if (l->config.rebind_idle_us != 0) {
        l->idle_us = t_us + l->config.rebind_idle_us;
    }
    return l->address;
}

/* ---- the way of a datagram ---------------------------------------------- */

void sim_link_lose(struct sim_link *l, enum sim_link_direction d,
                   struct sim_link_parcel *p, enum sim_link_cause cause)
{
    struct sim_link_stats *stats = &l->station[d].stats;
    stats->lost_count[cause]++;
    stats->held_count--;
    l->held_len -= p->len;
    free(p);
}

/* A copy of bytes that the link holds from now on; NULL: there is no room. */
static struct sim_link_parcel *keep(struct sim_link *l,
                                    enum sim_link_direction d,
                                    const uint8_t *bytes, size_t len)
{
    const struct sim_link_station *s = l->station;
    uint64_t held = s[0].stats.held_count + s[1].stats.held_count;
    if (held >= SIM_LINK_HELD_MAX ||
        l->held_len + len > SIM_LINK_HELD_LEN_MAX) {
        return NULL;
    }
    struct sim_link_parcel *p = malloc(sizeof *p + len);
    if (p == NULL) {
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->len = len;
    p->serial = l->serial++;
    if (len > 0) {
        memcpy(p->bytes, bytes, len);
    }
    l->station[d].stats.held_count++;
    l->held_len += len;
    return p;
}

/* Delay, jitter and reordering; then it is on its way. */
static void send_off(struct sim_link *l, enum sim_link_direction d,
                     struct sim_link_parcel *p, uint64_t t_us, bool is_copy)
{
    struct sim_link_station *s = &l->station[d];
    const struct sim_link_way *way = &l->config.way[d];
    enum sim_link_chance jitter = is_copy ? CHANCE_COPY : CHANCE_JITTER;
    enum sim_link_chance reorder = is_copy ? CHANCE_COPY : CHANCE_REORDER;
    p->arrival_us = t_us + way->delay_us +
                    sim_link_draw(s, jitter, (uint64_t)way->jitter_us + 1);
    if (sim_link_hits(s, reorder, way->reorder_ppm)) {
        p->arrival_us += way->reorder_us;
        s->stats.late_count++;
    } else if (p->arrival_us < s->last_us) {
        p->arrival_us = s->last_us;
    } else {
        s->last_us = p->arrival_us;
    }
    p->serial = l->serial++;
    if (!flight_push(s, p)) {
        sim_link_lose(l, d, p, SIM_LINK_LOST_HELD);
    }
}

void sim_link_deliver(struct sim_link *l, enum sim_link_direction d,
                      struct sim_link_parcel *p, uint64_t t_us)
{
    struct sim_link_station *s = &l->station[d];
    struct sim_link_parcel *copy = NULL;
    if (sim_link_hits(s, CHANCE_DUPLICATE, l->config.way[d].duplicate_ppm)) {
        copy = keep(l, d, p->bytes, p->len);
    }
    if (copy != NULL) {
        s->stats.doubled_count++;
        copy->flow = p->flow;
    }
    send_off(l, d, p, t_us, false);
    if (copy != NULL) {
        send_off(l, d, copy, t_us, true);
    }
}

static void arrive(struct sim_link *l, enum sim_link_direction d)
{
    struct sim_link_parcel *p = flight_pop(&l->station[d]);
    if (d == SIM_LINK_UP) {
        p->address = address_use(l, p->arrival_us);
    }
    sim_link_list_add(&l->station[d].ready, p);
}

/* ---- time --------------------------------------------------------------- */

enum { EVENT_STATION, EVENT_ARRIVAL = 2, EVENT_COUNT = 4 };

static uint64_t event_us(const struct sim_link *l, int event)
{
    const struct sim_link_station *s = &l->station[event % 2];
    if (event < EVENT_ARRIVAL) {
        return s->until_us;
    }
    return s->flight_count > 0 ? s->flight[0]->arrival_us : SIM_LINK_NEVER;
}

static int first_event(const struct sim_link *l)
{
    int first = 0;
    for (int i = 1; i < EVENT_COUNT; i++) {
        if (event_us(l, i) < event_us(l, first)) {
            first = i;
        }
    }
    return first;
}

/* All that is due. */
static void advance(struct sim_link *l, uint64_t now_us)
{
    for (;;) {
        int event = first_event(l);
        uint64_t t_us = event_us(l, event);
        if (t_us == SIM_LINK_NEVER || t_us > now_us) {
            break;
        }
        enum sim_link_direction d = (enum sim_link_direction)(event % 2);
        if (event < EVENT_ARRIVAL) {
            sim_link_station_step(l, d, t_us);
        } else {
            arrive(l, d);
        }
    }
    l->now_us = now_us;
}

uint64_t sim_link_next(struct sim_link *l, uint64_t now_us)
{
    advance(l, now_us);
    if (l->station[SIM_LINK_UP].ready.head != NULL ||
        l->station[SIM_LINK_DOWN].ready.head != NULL) {
        return now_us;
    }
    return event_us(l, first_event(l));
}

void sim_link_rebind(struct sim_link *l, uint64_t now_us)
{
    advance(l, now_us);
    address_update(l, now_us);
    address_change(l);
}

/* ---- in and out --------------------------------------------------------- */

/* Why a datagram does not come into the queue; CAUSE_COUNT: it does. */
static enum sim_link_cause refuse(const struct sim_link *l,
                                  enum sim_link_direction d, size_t len,
                                  uint32_t address, uint64_t now_us)
{
    const struct sim_link_station *s = &l->station[d];
    uint32_t frames;
    uint32_t wire_len = sim_link_wire_len(&l->config, len, &frames);
    if (d == SIM_LINK_DOWN && address != l->address) {
        return SIM_LINK_LOST_REBIND;
    }
    if (frames == 0) {
        return SIM_LINK_LOST_LONG;
    }
    if (d == SIM_LINK_DOWN && !sim_link_is_awake(l, now_us) &&
        s->queue_count + (s->current != NULL) >= l->config.sleep_buffer) {
        return SIM_LINK_LOST_SLEEP;
    }
    if (s->current != NULL &&
        (uint64_t)s->queue_len + wire_len > l->config.way[d].queue_len) {
        return SIM_LINK_LOST_QUEUE;
    }
    return SIM_LINK_CAUSE_COUNT;
}

static void put(struct sim_link *l, enum sim_link_direction d, uint32_t flow,
                uint32_t address, struct selv_bytes datagram, uint64_t now_us)
{
    struct sim_link_station *s = &l->station[d];
    advance(l, now_us);
    address_update(l, now_us);
    s->stats.put_count++;
    s->stats.put_len += datagram.len;
    enum sim_link_cause cause = refuse(l, d, datagram.len, address, now_us);
    struct sim_link_parcel *p = cause == SIM_LINK_CAUSE_COUNT
                                    ? keep(l, d, datagram.p, datagram.len)
                                    : NULL;
    if (p == NULL) {
        s->stats.lost_count[cause == SIM_LINK_CAUSE_COUNT ? SIM_LINK_LOST_HELD
                                                          : cause]++;
        return;
    }
    p->flow = flow;
    p->cut = sim_link_cut_of(&l->config, datagram.len);
    p->wire_len = sim_link_wire_len(&l->config, datagram.len, NULL);
    sim_link_list_add(&s->queue, p);
    s->queue_count++;
    s->queue_len += p->wire_len;
    sim_link_station_kick(l, d, now_us);
    if (s->queue_len > s->stats.queue_max) {
        s->stats.queue_max = s->queue_len;
    }
}

void sim_link_put(struct sim_link *l, enum sim_link_direction direction,
                  uint32_t flow, struct selv_bytes datagram, uint64_t now_us)
{
    put(l, direction, flow, l->known_address, datagram, now_us);
}

void sim_link_put_to(struct sim_link *l, uint32_t flow, uint32_t address,
                     struct selv_bytes datagram, uint64_t now_us)
{
    put(l, SIM_LINK_DOWN, flow, address, datagram, now_us);
}

bool sim_link_take(struct sim_link *l, enum sim_link_direction direction,
                   uint64_t now_us, struct sim_link_datagram *out)
{
    struct sim_link_station *s = &l->station[direction];
    advance(l, now_us);
    free(s->taken);
    s->taken = sim_link_list_pop(&s->ready);
    if (s->taken == NULL) {
        return false;
    }
    s->stats.held_count--;
    s->stats.taken_count++;
    s->stats.taken_len += s->taken->len;
    l->held_len -= s->taken->len;
    if (direction == SIM_LINK_UP) {
        l->known_address = s->taken->address;
    }
    out->bytes = selv_bytes(s->taken->bytes, s->taken->len);
    out->flow = s->taken->flow;
    out->address = s->taken->address;
    return true;
}

const struct sim_link_stats *sim_link_stats(const struct sim_link *l,
                                            enum sim_link_direction direction)
{
    return &l->station[direction].stats;
}

/* ---- begin and end ------------------------------------------------------ */

/* The instants of a configuration that are still to come. */
static void plan_addresses(struct sim_link *l, uint64_t now_us)
{
    const struct sim_link_config *c = &l->config;
    uint64_t at_us = l->origin_us + c->rebind_at_us;
    l->at_us = c->rebind_at_us != 0 && at_us >= now_us ? at_us : SIM_LINK_NEVER;
    l->every_us =
        c->rebind_every_us != 0 ? now_us + c->rebind_every_us : SIM_LINK_NEVER;
    if (c->rebind_idle_us == 0) {
        l->idle_us = SIM_LINK_NEVER;
    }
}

struct sim_link *sim_link_new(const struct sim_link_config *config,
                              uint64_t seed, uint64_t now_us)
{
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_check(config, why)) {
        return NULL;
    }
    struct sim_link *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->config = *config;
    l->origin_us = now_us;
    l->now_us = now_us;
    l->idle_us = SIM_LINK_NEVER;
    plan_addresses(l, now_us);
    sim_link_station_init(l, SIM_LINK_UP, seed);
    sim_link_station_init(l, SIM_LINK_DOWN, seed);
    return l;
}

bool sim_link_set(struct sim_link *l, const struct sim_link_config *config,
                  uint64_t now_us)
{
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_check(config, why)) {
        return false;
    }
    advance(l, now_us);
    address_update(l, now_us);
    l->config = *config;
    plan_addresses(l, now_us);
    for (int i = 0; i < 2; i++) {
        l->station[i].carry = 0;
        sim_link_station_kick(l, (enum sim_link_direction)i, now_us);
    }
    return true;
}

static void list_free(struct sim_link_list *list)
{
    struct sim_link_parcel *p;
    while ((p = sim_link_list_pop(list)) != NULL) {
        free(p);
    }
}

void sim_link_free(struct sim_link *l)
{
    for (int i = 0; l != NULL && i < 2; i++) {
        struct sim_link_station *s = &l->station[i];
        list_free(&s->queue);
        list_free(&s->ready);
        free(s->current);
        free(s->taken);
        while (s->flight_count > 0) {
            free(s->flight[--s->flight_count]);
        }
        free(s->flight);
    }
    free(l);
}
