/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/track.h - where a run came by: the state before each boot and before
 * each flash operation, so that a cut or a failure there need not begin at the
 * start again. A device is the same however it came into a state. */
#ifndef SELV_SIM_TRACK_H
#define SELV_SIM_TRACK_H

#include "sim/world.h"

#define SIM_TRACK_OPS_MAX 1024u

/* Before a boot. */
struct sim_track_point {
    struct sim_state state;
    struct sim_tally at;
    enum selv_reset_cause cause;
};

/* Before an operation. */
struct sim_track_op {
    uint32_t ways;
    uint32_t boots; /* until then */
    struct sim_state state;
    struct selv_vflash_op op; /* op.p is in data */
    uint8_t *data;
    uint32_t data_cap;
};

struct sim_track {
    struct sim_world *w;
    bool has_states; /* of the operations */
    bool is_short;   /* memory was */
    uint32_t point_count;
    struct sim_track_point points[SIM_BOOTS_MAX];
    uint32_t op_count; /* also those beyond OPS_MAX, of which nothing is kept */
    struct sim_track_op ops[SIM_TRACK_OPS_MAX];
};

/* A track of zeros is empty. It may be used again and again. */
void sim_track_close(struct sim_track *t);

/* The next run of w leaves a track, until end. has_states: cuts will follow,
 * from w's operations. */
void sim_track_begin(struct sim_track *t, struct sim_world *w, bool has_states);
void sim_track_end(struct sim_track *t);

/* Cut the run in an operation, below op_count and OPS_MAX. */
enum sim_outcome sim_track_cut(const struct sim_track *t, uint32_t op,
                               uint32_t way);

/* Run again, from the last point before w->bad_read or w->bad_op. */
enum sim_outcome sim_track_fail(const struct sim_track *t);

#endif
