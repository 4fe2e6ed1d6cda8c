/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/track.c - see sim/track.h. */
#include "sim/track.h"

#include <stdlib.h>

static bool save(struct sim_track *t, struct sim_state *s)
{
    if (s->mem == NULL && !sim_state_open(s, t->w)) {
        t->is_short = true;
        return false;
    }
    sim_state_save(s, t->w);
    return true;
}

static void note_boot(void *arg, enum selv_reset_cause cause)
{
    struct sim_track *t = arg;
    if (t->point_count < SIM_BOOTS_MAX &&
        save(t, &t->points[t->point_count].state)) {
        struct sim_track_point *p = &t->points[t->point_count++];
        p->at = sim_world_tally(t->w);
        p->cause = cause;
    }
}

/* The bytes to write are on somebody's stack. */
static void keep_op(struct sim_track *t, struct sim_track_op *kept,
                    const struct selv_vflash_op *op)
{
    if (kept->data_cap < op->len) {
        free(kept->data);
        kept->data = malloc(op->len);
        kept->data_cap = kept->data != NULL ? op->len : 0;
        t->is_short |= kept->data == NULL;
    }
    kept->op = *op;
    if (op->p != NULL && kept->data != NULL) {
        memcpy(kept->data, op->p, op->len);
        kept->op.p = kept->data;
    }
}

static void note_op(void *arg, uint32_t op, uint32_t ways)
{
    struct sim_track *t = arg;
    t->op_count = op + 1;
    if (op >= SIM_TRACK_OPS_MAX) {
        return;
    }
    struct sim_track_op *kept = &t->ops[op];
    kept->ways = ways;
    kept->boots = t->w->boot_count;
    if (t->has_states && save(t, &kept->state)) {
        keep_op(t, kept, &t->w->v.op);
    }
}

void sim_track_close(struct sim_track *t)
{
    for (uint32_t i = 0; i < SIM_BOOTS_MAX; i++) {
        sim_state_close(&t->points[i].state);
    }
    for (uint32_t i = 0; i < SIM_TRACK_OPS_MAX; i++) {
        sim_state_close(&t->ops[i].state);
        free(t->ops[i].data);
        t->ops[i].data = NULL;
        t->ops[i].data_cap = 0;
    }
}

void sim_track_begin(struct sim_track *t, struct sim_world *w, bool has_states)
{
    t->w = w;
    t->has_states = has_states;
    t->is_short = false;
    t->point_count = t->op_count = 0;
    w->on_boot = note_boot;
    w->on_boot_arg = t;
    w->v.on_op = note_op;
    w->v.on_op_arg = t;
}

void sim_track_end(struct sim_track *t)
{
    t->w->on_boot = NULL;
    t->w->v.on_op = NULL;
}

enum sim_outcome sim_track_cut(const struct sim_track *t, uint32_t op,
                               uint32_t way)
{
    const struct sim_track_op *kept = &t->ops[op];
    sim_state_load(&kept->state, t->w);
    enum sim_outcome outcome = sim_world_cut(t->w, &kept->op, way);
    t->w->boot_count = kept->boots;
    return outcome;
}

enum sim_outcome sim_track_fail(const struct sim_track *t)
{
    const struct sim_world *w = t->w;
    uint32_t i = t->point_count - 1;
    while (i > 0 && (t->points[i].at.reads > w->bad_read ||
                     t->points[i].at.fallibles > w->bad_op)) {
        i--;
    }
    const struct sim_track_point *p = &t->points[i];
    sim_state_load(&p->state, t->w);
    return sim_world_run_on(t->w, &p->at, p->cause);
}
