/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/memo.c - see sim/memo.h. */
#include "sim/memo.h"

#include <stdlib.h>

/* A newer state takes an older one's place: searches go on near where they
 * were. 12 MiB. */
enum { ENTRY_COUNT = 1 << 18 };

bool sim_memo_open(struct sim_memo *m)
{
    memset(m, 0, sizeof *m);
    m->entries = calloc(ENTRY_COUNT, sizeof *m->entries);
    return m->entries != NULL;
}

void sim_memo_close(struct sim_memo *m)
{
    free(m->entries);
    m->entries = NULL;
}

void sim_memo_begin(struct sim_memo *m)
{
    m->path_len = 0;
}

static struct sim_memo_entry *place_of(const struct sim_memo *m, uint64_t hash)
{
    return &m->entries[hash % ENTRY_COUNT];
}

/* A mishap is still to come. */
static bool is_planned(const struct selv_vflash *v)
{
    return v->cut_op != SELV_VFLASH_NO_CUT ||
           (v->bad_read != SELV_VFLASH_NO_CUT &&
            v->read_count <= v->bad_read) ||
           (v->bad_op != SELV_VFLASH_NO_CUT && v->fallible_count <= v->bad_op);
}

bool sim_memo_skip(struct sim_memo *m, struct sim_world *w,
                   enum selv_reset_cause cause)
{
    if (is_planned(&w->v) || m->path_len == SIM_BOOTS_MAX) {
        return false;
    }
    uint64_t hash = sim_world_hash(w, cause);
    const struct sim_memo_entry *e = place_of(m, hash);
    /* A boot loop is a fault, and so is run. */
    if (!m->is_learning && hash != 0 && e->hash == hash &&
        w->boot_count + e->rest.boots <= SIM_BOOTS_MAX) {
        sim_world_count(w, &e->rest);
        return true;
    }
    m->path[m->path_len].hash = hash;
    m->path[m->path_len++].at = sim_world_tally(w);
    return false;
}

void sim_memo_learn(struct sim_memo *m, const struct sim_world *w)
{
    struct sim_tally end = sim_world_tally(w);
    for (uint32_t i = 0; i < m->path_len; i++) {
        const struct sim_tally *at = &m->path[i].at;
        *place_of(m, m->path[i].hash) = (struct sim_memo_entry){
            .hash = m->path[i].hash,
            .rest = {.boots = end.boots - at->boots,
                     .ops = end.ops - at->ops,
                     .reads = end.reads - at->reads,
                     .fallibles = end.fallibles - at->fallibles,
                     .noises = end.noises - at->noises,
                     .ways = end.ways - at->ways}};
    }
    m->path_len = 0;
}
