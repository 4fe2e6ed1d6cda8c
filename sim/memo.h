/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/memo.h - remembers from where a device boots to a good end, so that a
 * search need not run the same boots again and again.
 *
 * Nothing but flash and the history that the rules look at survives a reset
 * (sim_world_hash), and what an undisturbed device does next follows from them.
 * So, from a state met before, each rule holds that held then, and the same
 * operations and reads are counted. Only runs that ended well are remembered;
 * a fault is always found by running. */
#ifndef SELV_SIM_MEMO_H
#define SELV_SIM_MEMO_H

#include "sim/world.h"

struct sim_memo_entry {
    uint64_t hash; /* 0: free */
    struct sim_tally rest;
};

struct sim_memo {
    struct sim_memo_entry *entries;
    /* The run under way: its states between boots. */
    struct {
        uint64_t hash;
        struct sim_tally at;
    } path[SIM_BOOTS_MAX];
    uint32_t path_len;
    bool is_learning; /* nothing is skipped */
};

/* False when memory is short. */
bool sim_memo_open(struct sim_memo *m);
void sim_memo_close(struct sim_memo *m);

/* A run begins. */
void sim_memo_begin(struct sim_memo *m);

/* Before a boot: true when the rest of the run is known to be good, and
 * counted. Never while something is still to fail or to be cut. */
bool sim_memo_skip(struct sim_memo *m, struct sim_world *w,
                   enum selv_reset_cause cause);

/* The run came to a good end. */
void sim_memo_learn(struct sim_memo *m, const struct sim_world *w);

#endif
