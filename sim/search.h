/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/search.h - cut power in every operation of a flow, in every way, and
 * again while the device recovers, to a depth; states that were met before
 * are not searched twice. */
#ifndef SELV_SIM_SEARCH_H
#define SELV_SIM_SEARCH_H

#include "sim/world.h"

#define SIM_DEPTH_MAX 4u
#define SIM_REPLAY_MAX 128u /* characters of a replay string */

/* One cut: operation cut_op after power came on, in one of its ways. */
struct sim_cut {
    uint32_t op, way;
};

struct sim_search {
    const struct selv_geometry *geometry;
    enum sim_flow flow;
    sim_app *app;
    const char *app_name;
    const struct sim_releases *releases;
    uint64_t seed;
    uint32_t depth;              /* 1 to SIM_DEPTH_MAX cuts in a row */
    uint32_t share, share_count; /* this worker takes every share_count-th
                                    first operation, beginning with share */
    void (*on_progress)(void *arg, uint32_t done, uint32_t all);
    void *on_progress_arg;

    /* Results. */
    uint32_t op_count;    /* operations of the flow without a cut */
    uint64_t cut_count;   /* cases run */
    uint64_t known_count; /* of them, that ended in a state met before */
    uint64_t boot_count;
    char fault[200];             /* empty: every rule held */
    char replay[SIM_REPLAY_MAX]; /* of the fault */
};

/* True when every rule held; else fault and replay say what happened. */
bool sim_search_run(struct sim_search *s);

/* Run one case: these cuts, one after the other, and then to the end. Fills
 * in the results. */
bool sim_search_replay(struct sim_search *s, const struct sim_cut *cuts,
                       uint32_t count);

#endif
