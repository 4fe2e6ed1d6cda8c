/* SPDX-License-Identifier: Apache-2.0
 *
 * update/budget.h - how much each network may cause, for all loops together.
 *
 * A network (IPv4 /24, IPv6 /48) is named by a keyed hash (peers.h). Its budget
 * is one instant, at which it is full again; what is used moves that away. Time
 * is the unit: who counts something else divides it by its rate.
 *
 * RAM: 8 bytes for each of SELV_BUDGET_NETWORKS_MAX networks; when the places
 * that one may have are taken, the network that has most left gives way.
 *
 * For any threads at once. */
#ifndef SELV_UPDATE_BUDGET_H
#define SELV_UPDATE_BUDGET_H

#include <stdatomic.h>

#include "base/base.h"

#define SELV_BUDGET_NETWORKS_MAX 4096u

struct selv_budget {
    uint64_t full_us; /* all that a network may use at once */
    /* Each: 24 bits of the network's hash, 40 of the instant. */
    atomic_uint_least64_t places[SELV_BUDGET_NETWORKS_MAX];
};

/* full_us: at most 10^12. */
void selv_budget_init(struct selv_budget *b, uint64_t full_us);

/* Uses cost_us of the network's budget, if not more than limit_us (at most
 * full_us) are in use then. False: nothing was used. */
SELV_MUST_CHECK bool selv_budget_take(struct selv_budget *b, uint64_t now_ms,
                                      uint64_t network, uint64_t cost_us,
                                      uint64_t limit_us);

#endif
