/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/cut.h - `selvage-sim cut`: searches over flows and geometries, shared
 * out to processes, with their progress and results told. */
#ifndef SELV_SIM_CUT_H
#define SELV_SIM_CUT_H

#include "sim/search.h"

#define SIM_JOBS_MAX 64u
#define SIM_GEOMETRIES_MAX 32u
#define SIM_APP_DEFAULT "consumer"
#define SIM_STRATEGY_DEFAULT "ab"
/* Where each canary shows, and soon. */
#define SIM_APP_CANARY "script"
#define SIM_GEOMETRY_CANARY "512x8-ff"

struct cut_options {
    bool flows[SIM_FLOW_COUNT], has_flows;
    bool geometries[SIM_GEOMETRIES_MAX], has_geometries;
    sim_app *app;
    const char *app_name;
    const struct sim_strategy *strategy;
    struct sim_faults faults;
    uint32_t depth, jobs;
    double seconds; /* for all searches together; 0: no limit */
    uint64_t seed;
    const char *replay;
    const char *only; /* names of canaries; NULL: all */
    bool is_worn, has_no_shortcuts;
    bool is_canary, is_json, is_quiet, has_no_progress;
};

/* By name; NULL when there is none. */
sim_app *sim_cut_app(const char *name);
const struct sim_strategy *sim_cut_strategy(const char *name);

/* Releases that fill the geometry's slots but for a few bytes, or for what
 * the app needs. */
bool sim_cut_releases(const struct sim_strategy *strategy, sim_app *runs,
                      const struct selv_geometry *g,
                      struct sim_releases *releases);

/* Exit codes: 0 every rule held (each canary was caught), 1 not, 2 the
 * replay string means nothing or there is nothing to search, 3 the system
 * failed. */
int sim_cut_all(const struct cut_options *o);
int sim_cut_canaries(const struct cut_options *o);
int sim_cut_replay(const struct cut_options *o);

#endif
