/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/search.c - see sim/search.h. */
#include "sim/search.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPS_MAX = 1024, KNOWN_FIRST_CAP = 1 << 16 };

/* The operations of one start, as the flash reports them. */
struct op_list {
    uint32_t count;
    uint32_t ways[OPS_MAX];
};

/* An open hash set of state hashes; 0 is "free". */
struct known {
    uint64_t *slots;
    size_t cap, count;
};

struct run {
    struct sim_search *s;
    struct sim_world w;
    struct known known;
    struct sim_state states[SIM_DEPTH_MAX + 1];
    struct op_list ops[SIM_DEPTH_MAX + 1];
    struct sim_cut cuts[SIM_DEPTH_MAX];
};

static void add_op(void *arg, uint32_t op, uint32_t ways)
{
    struct op_list *list = arg;
    if (op < OPS_MAX) {
        list->ways[op] = ways;
        list->count = op + 1;
    }
}

static bool known_insert(struct known *k, uint64_t hash)
{
    size_t i = (size_t)hash & (k->cap - 1);
    hash = hash == 0 ? 1 : hash;
    while (k->slots[i] != 0) {
        if (k->slots[i] == hash) {
            return false;
        }
        i = (i + 1) & (k->cap - 1);
    }
    k->slots[i] = hash;
    k->count++;
    return true;
}

/* True when the hash is new. Memory that is short only costs repetition. */
static bool known_add(struct known *k, uint64_t hash)
{
    if (k->count * 2 >= k->cap) {
        struct known bigger = {NULL, k->cap * 2, 0};
        bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
        if (bigger.slots == NULL) {
            return true;
        }
        for (size_t i = 0; i < k->cap; i++) {
            if (k->slots[i] != 0) {
                known_insert(&bigger, k->slots[i]);
            }
        }
        free(k->slots);
        *k = bigger;
    }
    return known_insert(k, hash);
}

static bool note_fault(struct run *r, uint32_t cut_count)
{
    struct sim_search *s = r->s;
    int at = snprintf(s->replay, sizeof s->replay, "%s/%s/%s/%llu/",
                      s->app_name, sim_flow_name(s->flow), s->geometry->name,
                      (unsigned long long)s->seed);
    for (uint32_t i = 0; i < cut_count && at < (int)sizeof s->replay; i++) {
        at += snprintf(s->replay + at, sizeof s->replay - (size_t)at,
                       i == 0 ? "%u.%u" : ",%u.%u", (unsigned)r->cuts[i].op,
                       (unsigned)r->cuts[i].way);
    }
    memcpy(s->fault, r->w.fault, sizeof s->fault);
    return false;
}

static bool run_to_the_end(struct run *r, uint32_t level)
{
    r->ops[level].count = 0;
    r->w.v.on_op = add_op;
    r->w.v.on_op_arg = &r->ops[level];
    enum sim_outcome outcome = sim_world_run(&r->w, SELV_VFLASH_NO_CUT, 0);
    r->w.v.on_op = NULL;
    r->s->boot_count += r->w.boot_count;
    return outcome == SIM_FIXED_POINT ? true : note_fault(r, level);
}

static bool explore(struct run *r, uint32_t level);

/* From the state of this level, cut once; if that leads somewhere new, look
 * at what follows. */
static bool explore_cut(struct run *r, uint32_t level)
{
    struct sim_search *s = r->s;
    sim_state_load(&r->states[level], &r->w);
    enum sim_outcome outcome =
        sim_world_run(&r->w, r->cuts[level].op, r->cuts[level].way);
    s->cut_count++;
    s->boot_count += r->w.boot_count;
    if (outcome != SIM_CUT) {
        if (outcome == SIM_FIXED_POINT) {
            snprintf(r->w.fault, sizeof r->w.fault,
                     "the operation to cut was not reached again");
        }
        return note_fault(r, level + 1);
    }
    sim_state_save(&r->states[level + 1], &r->w);
    if (!known_add(&r->known, sim_state_hash(&r->states[level + 1], &r->w))) {
        s->known_count++;
        return true;
    }
    return explore(r, level + 1);
}

/* Recursion is bounded by the depth. */
static bool explore(struct run *r, uint32_t level)
{
    struct sim_search *s = r->s;
    sim_state_load(&r->states[level], &r->w);
    if (!run_to_the_end(r, level)) {
        return false;
    }
    if (level == 0) {
        s->op_count = r->ops[0].count;
    }
    if (level == s->depth) {
        return true;
    }
    for (uint32_t op = 0; op < r->ops[level].count; op++) {
        if (level == 0 && op % s->share_count != s->share) {
            continue;
        }
        if (level == 0 && s->on_progress != NULL) {
            s->on_progress(s->on_progress_arg, op, r->ops[0].count);
        }
        for (uint32_t way = 0; way < r->ops[level].ways[op]; way++) {
            r->cuts[level].op = op;
            r->cuts[level].way = way;
            if (!explore_cut(r, level)) {
                return false;
            }
        }
    }
    return true;
}

static bool run_open(struct run *r, struct sim_search *s)
{
    memset(r, 0, sizeof *r);
    r->s = s;
    r->known.cap = KNOWN_FIRST_CAP;
    r->known.slots = calloc(r->known.cap, sizeof *r->known.slots);
    bool is_open =
        r->known.slots != NULL &&
        sim_world_open(&r->w, s->geometry, s->flow, s->app, s->releases);
    r->w.v.seed = s->seed;
    for (uint32_t i = 0; is_open && i <= s->depth; i++) {
        is_open = sim_state_open(&r->states[i], &r->w);
    }
    if (is_open) {
        sim_state_save(&r->states[0], &r->w);
    } else {
        snprintf(s->fault, sizeof s->fault, "the world does not open");
    }
    return is_open;
}

static void run_close(struct run *r)
{
    for (uint32_t i = 0; i <= SIM_DEPTH_MAX; i++) {
        sim_state_close(&r->states[i]);
    }
    sim_world_close(&r->w);
    free(r->known.slots);
}

bool sim_search_run(struct sim_search *s)
{
    struct run *r = malloc(sizeof *r);
    if (r == NULL) {
        snprintf(s->fault, sizeof s->fault, "no memory");
        return false;
    }
    bool is_good = run_open(r, s) && explore(r, 0);
    run_close(r);
    free(r);
    return is_good;
}

bool sim_search_replay(struct sim_search *s, const struct sim_cut *cuts,
                       uint32_t count)
{
    struct run *r = malloc(sizeof *r);
    bool is_good = r != NULL && run_open(r, s);
    for (uint32_t i = 0; is_good && i < count; i++) {
        r->cuts[i] = cuts[i];
        enum sim_outcome outcome =
            sim_world_run(&r->w, cuts[i].op, cuts[i].way);
        s->cut_count++;
        s->boot_count += r->w.boot_count;
        if (outcome == SIM_FAULT) {
            is_good = note_fault(r, i + 1);
        }
    }
    if (is_good) {
        is_good = run_to_the_end(r, count);
        s->op_count = r->ops[count].count;
    }
    if (r != NULL) {
        run_close(r);
    }
    free(r);
    return is_good;
}
