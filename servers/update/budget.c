/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.c - see update/budget.h.
 *
 * Instants are ticks of 16 microseconds, modulo 2^40 (203 days): an instant
 * that is further ahead than a budget can be used is one of the past. Two
 * threads that enter one network at the same time may give it two places, of
 * which the first is found from then on. */
#include "budget.h"

#define WAYS 8u
#define SETS (SELV_BUDGET_NETWORKS_MAX / WAYS)
#define TICK_US 16u
#define INSTANT_BITS 40u
#define INSTANT_MASK ((UINT64_C(1) << INSTANT_BITS) - 1)

void selv_budget_init(struct selv_budget *b, uint64_t full_us)
{
    SELV_ASSERT(full_us <= UINT64_C(1000000000000));
    b->full_us = full_us;
    for (size_t i = 0; i < SELV_BUDGET_NETWORKS_MAX; i++) {
        atomic_init(&b->places[i], 0);
    }
}

/* Ticks of its budget that the network at a place has used. */
static uint64_t used(const struct selv_budget *b, uint64_t place, uint64_t now)
{
    uint64_t ahead = ((place & INSTANT_MASK) - now) & INSTANT_MASK;
    return ahead <= b->full_us / TICK_US + 1 ? ahead : 0;
}

bool selv_budget_take(struct selv_budget *b, uint64_t now_ms, uint64_t network,
                      uint64_t cost_us, uint64_t limit_us)
{
    uint64_t now = now_ms * 1000 / TICK_US & INSTANT_MASK;
    uint64_t cost = (cost_us + TICK_US - 1) / TICK_US;
    uint64_t tag = network >> INSTANT_BITS;
    atomic_uint_least64_t *set = &b->places[network % SETS * WAYS];
    tag = tag != 0 ? tag : 1;
    for (;;) {
        size_t at = 0;
        uint64_t found = 0;
        uint64_t least = UINT64_MAX;
        bool is_there = false;
        for (size_t i = 0; i < WAYS && !is_there; i++) {
            uint64_t place = atomic_load(&set[i]);
            uint64_t n = place != 0 ? used(b, place, now) : 0;
            is_there = place >> INSTANT_BITS == tag;
            if (is_there || n < least) {
                at = i;
                found = place;
                least = n;
            }
        }
        uint64_t sum = cost + (is_there ? least : 0);
        if (sum > limit_us / TICK_US) {
            return false;
        }
        uint64_t to = tag << INSTANT_BITS | ((now + sum) & INSTANT_MASK);
        if (atomic_compare_exchange_weak(&set[at], &found, to)) {
            return true;
        }
    }
}
