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

/* One mishap, in one of its ways. */
enum sim_mishap {
    SIM_MISHAP_CUT,  /* power lost in operation op after power came on */
    SIM_MISHAP_READ, /* the bootloader's read op fails once; power stays */
    SIM_MISHAP_WRITE /* its write or erase op fails; power stays */
};

struct sim_cut {
    uint32_t op, way;
    enum sim_mishap mishap;
};

/* Which mishaps to try. */
struct sim_faults {
    bool has_metastable, has_reads, has_writes;
};

struct sim_search {
    const struct selv_geometry *geometry;
    enum sim_flow flow;
    sim_app *app;
    const char *app_name;
    const struct sim_releases *releases;
    uint64_t seed;
    struct sim_faults faults;
    bool is_worn;   /* journal and log have one place left before they wrap
                       around, and the log's serials are about to */
    uint32_t depth; /* 1 to SIM_DEPTH_MAX cuts in a row */
    double seconds; /* for all beyond depth 1, which is always whole: what
                       does not fit is sampled. 0: no limit */
    bool has_no_shortcuts; /* every case is run from its start to its end,
                              boot by boot: slow, and what else is checked
                              against */
    uint64_t cases; /* the same by their number, which no load on the machine
                       changes; 0: no limit */
    uint32_t share, share_count; /* this worker takes every share_count-th
                                    first operation, beginning with share */
    void (*on_progress)(void *arg, uint32_t done, uint32_t all);
    void *on_progress_arg;

    /* Results. */
    uint32_t op_count;    /* operations of the flow without a cut */
    uint64_t cut_count;   /* cases run */
    uint64_t known_count; /* of them, that ended in a state met before */
    uint64_t boot_count;
    uint64_t read_count;  /* reads that failed */
    uint64_t write_count; /* writes and erases that did */
    double space;         /* cases of the full depth, those alike included */
    double covered;       /* of them, run or like one that was */
    uint64_t try_count;   /* cases run to make the fault's smaller */
    bool is_missed;       /* replay: there is no such case (any more) */
    const char *how;      /* words for the fault's last mishap */
    char fault[200];      /* empty: every rule held */
    char replay[SIM_REPLAY_MAX]; /* of the fault */
};

/* True when every rule held; else fault and replay say what happened. */
bool sim_search_run(struct sim_search *s);

/* Run one case: these cuts, one after the other, and then to the end. Fills
 * in the results. A case whose operation does not come, or has no such way,
 * says nothing: is_missed. */
bool sim_search_replay(struct sim_search *s, const struct sim_cut *cuts,
                       uint32_t count);

#endif
