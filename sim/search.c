/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/search.c - see sim/search.h. */
#include "sim/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "sim/memo.h"
#include "sim/recover.h"
#include "sim/track.h"
#include "store/journal.h"

enum {
    KNOWN_FIRST_CAP = 1 << 16,
    SAMPLE_ROUNDS = 64,
    TRIES_MAX = 400, /* cases run to make a fault's smaller */
    /* docs/spec/flash.md */
    LOG_SERIAL_AT = 4,
    LOG_CHECK_LEN = 8,
    LOG_RECORD_LEN = 96,
    JOURNAL_RECORD_LEN = 156
};

/* An open hash set of state hashes; 0 is "free". */
struct known {
    uint64_t *slots;
    size_t cap, count;
};

/* A state to search on from. */
struct leaf {
    struct sim_cut cuts[SIM_DEPTH_MAX]; /* that lead to it */
    uint64_t hash;
    uint64_t alike; /* how many cuts lead to it */
    uint64_t ways;  /* to cut from it on */
    uint64_t done;
    uint64_t deep; /* of them, that were cut on to the full depth */
};

struct run {
    struct sim_search *s;
    uint32_t whole_depth; /* up to it, nothing is left out */
    uint32_t fault_count; /* of cuts, that the fault took */
    struct leaf *leaves;
    uint32_t leaf_count, leaf_cap;
    double deadline;
    uint64_t random;
    struct sim_world w;
    struct known known;
    struct known failed; /* states after one cut, by the cut's operation, from
                            which something failed */
    struct sim_state states[SIM_DEPTH_MAX + 1];
    uint64_t hashes[SIM_DEPTH_MAX + 1]; /* of the states; of the first none */
    struct sim_memo memo;
    struct sim_track tracks[SIM_DEPTH_MAX + 1]; /* from states, without a cut */
    uint64_t way_counts[SIM_DEPTH_MAX + 1];     /* of them */
    /* Of the states that samples came by, beyond their first cut. */
    uint64_t sample_ways[SIM_DEPTH_MAX + 1], sample_count[SIM_DEPTH_MAX + 1];
    struct sim_cut cuts[SIM_DEPTH_MAX];
};

static bool known_insert(struct known *k, uint64_t hash)
{
    hash = hash == 0 ? 1 : hash;
    size_t i = (size_t)hash & (k->cap - 1);
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

static bool known_has(const struct known *k, uint64_t hash)
{
    hash = hash == 0 ? 1 : hash;
    for (size_t i = (size_t)hash & (k->cap - 1); k->slots[i] != 0;
         i = (i + 1) & (k->cap - 1)) {
        if (k->slots[i] == hash) {
            return true;
        }
    }
    return false;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool remember(struct run *r, uint32_t level);
static void remember_again(struct run *r, uint32_t level);

static bool note_fault(struct run *r, uint32_t cut_count)
{
    static const char *const letters[] = {"", "r", "w"};
    struct sim_search *s = r->s;
    int at = snprintf(s->replay, sizeof s->replay, "%s/%s/%s%s/%s/%llu/",
                      s->app_name, s->releases->strategy->name,
                      sim_flow_name(s->flow), s->is_worn ? "+worn" : "",
                      s->geometry->name, (unsigned long long)s->seed);
    for (uint32_t i = 0; i < cut_count && at < (int)sizeof s->replay; i++) {
        at +=
            snprintf(s->replay + at, sizeof s->replay - (size_t)at, "%s%s%u.%u",
                     i == 0 ? "" : ",", letters[r->cuts[i].mishap],
                     (unsigned)r->cuts[i].op, (unsigned)r->cuts[i].way);
    }
    enum sim_mishap last =
        cut_count == 0 ? SIM_MISHAP_CUT : r->cuts[cut_count - 1].mishap;
    s->how = cut_count == 0             ? "no mishap"
             : last == SIM_MISHAP_READ  ? "a read that failed once"
             : last == SIM_MISHAP_WRITE ? "a write or an erase that failed"
             : r->w.v.cut_words != NULL ? r->w.v.cut_words
                                        : "a cut";
    r->fault_count = cut_count;
    memcpy(s->fault, r->w.fault, sizeof s->fault);
    return false;
}

/* From the state of this level, which is loaded. is_to_cut: its operations
 * will be cut, so that none may be skipped. */
static bool run_to_the_end(struct run *r, uint32_t level, bool is_to_cut)
{
    struct sim_track *t = &r->tracks[level];
    r->memo.is_learning = is_to_cut;
    sim_track_begin(t, &r->w, is_to_cut && !r->s->has_no_shortcuts);
    enum sim_outcome outcome = sim_world_run(&r->w, SELV_VFLASH_NO_CUT, 0);
    sim_track_end(t);
    r->memo.is_learning = false;
    r->s->boot_count += r->w.boot_count;
    r->way_counts[level] = r->w.v.way_count;
    if (outcome == SIM_FIXED_POINT && t->is_short) {
        snprintf(r->w.fault, sizeof r->w.fault, "no memory");
        outcome = SIM_FAULT;
    }
    if (outcome == SIM_FIXED_POINT && r->w.v.op_count > SIM_TRACK_OPS_MAX) {
        snprintf(r->w.fault, sizeof r->w.fault,
                 "the search is too small: %u operations in one start, and it"
                 " knows only the first %u",
                 (unsigned)r->w.v.op_count, SIM_TRACK_OPS_MAX);
        outcome = SIM_FAULT;
    }
    return outcome == SIM_FIXED_POINT ? true : note_fault(r, level);
}

/* To the end as well, but one read, write or erase fails: r->cuts[level] says
 * which. is_tracked: this level was run without, and is not run from its
 * start again; else it is loaded. */
static bool run_with_failure(struct run *r, uint32_t level, bool is_tracked)
{
    const struct sim_cut *c = &r->cuts[level];
    if (c->mishap == SIM_MISHAP_READ) {
        r->w.bad_read = c->op;
        r->w.v.bad_read_kind = (enum selv_vflash_bad_read)c->way;
        r->s->read_count++;
    } else {
        r->w.bad_op = c->op;
        r->w.v.bad_op_kind = (enum selv_vflash_bad_op)c->way;
        r->s->write_count++;
    }
    enum sim_outcome outcome =
        is_tracked ? sim_track_fail(&r->tracks[level])
                   : sim_world_run(&r->w, SELV_VFLASH_NO_CUT, 0);
    r->w.bad_read = r->w.bad_op = SELV_VFLASH_NO_CUT;
    r->s->boot_count += r->w.boot_count;
    return outcome == SIM_FIXED_POINT ? true : note_fault(r, level + 1);
}

/* The way-th of all ways of this level's operations. */
static void pick_way(struct run *r, uint32_t level, uint64_t way)
{
    uint32_t op = 0;
    while (way >= r->tracks[level].ops[op].ways) {
        way -= r->tracks[level].ops[op++].ways;
    }
    r->cuts[level] = (struct sim_cut){op, (uint32_t)way, SIM_MISHAP_CUT};
}

/* Did the mishap of this level happen as it was asked for? */
static bool is_met(const struct run *r, uint32_t level)
{
    const struct sim_cut *c = &r->cuts[level];
    const struct sim_track *t = &r->tracks[level];
    switch (c->mishap) {
    case SIM_MISHAP_READ:
        return c->op < r->w.v.read_count && c->way < SELV_VFLASH_READ_COUNT;
    case SIM_MISHAP_WRITE:
        return c->op < r->w.v.fallible_count && c->way < SELV_VFLASH_OP_COUNT;
    default:
        return c->op < t->op_count &&
               (c->op >= SIM_TRACK_OPS_MAX || c->way < t->ops[c->op].ways);
    }
}

/* Run one case from where the world stands, boot by boot. True: every rule
 * held. */
static bool play(struct run *r, const struct sim_cut *cuts, uint32_t count,
                 uint32_t *used)
{
    r->w.memo = NULL;
    for (uint32_t i = 0; i < count; i++) {
        *used = i + 1;
        r->cuts[i] = cuts[i];
        r->s->cut_count++;
        if (cuts[i].mishap != SIM_MISHAP_CUT) {
            bool is_good = run_with_failure(r, i, false);
            r->s->is_missed |= !is_met(r, i);
            return is_good;
        }
        sim_track_begin(&r->tracks[i], &r->w, false);
        enum sim_outcome outcome =
            sim_world_run(&r->w, cuts[i].op, cuts[i].way);
        sim_track_end(&r->tracks[i]);
        r->s->is_missed |= !is_met(r, i);
        r->s->boot_count += r->w.boot_count;
        if (outcome == SIM_FAULT) {
            return note_fault(r, i + 1);
        }
    }
    return run_to_the_end(r, count, false);
}

/* ---- whole depths ----------------------------------------------------------
 */

static bool explore(struct run *r, uint32_t level);

static enum sim_outcome run_until_cut(struct run *r, uint32_t level)
{
    const struct sim_cut *c = &r->cuts[level];
    if (!r->s->has_no_shortcuts) {
        return sim_track_cut(&r->tracks[level], c->op, c->way);
    }
    sim_state_load(&r->states[level], &r->w);
    return sim_world_run(&r->w, c->op, c->way);
}

/* From the state of this level, which was run to the end, cut once, and save
 * where that leads. False: a fault. */
static bool cut_once(struct run *r, uint32_t level)
{
    struct sim_search *s = r->s;
    r->w.v.has_metastable = s->faults.has_metastable;
    enum sim_outcome outcome = run_until_cut(r, level);
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
    r->hashes[level + 1] = sim_state_hash(&r->w);
    return true;
}

/* Back to the state of this level, for a run in which ways to cut are found. */
static void load_to_cut(struct run *r, uint32_t level)
{
    sim_state_load(&r->states[level], &r->w);
    r->w.v.has_metastable = r->s->faults.has_metastable;
}

static bool is_new_state(struct run *r, uint32_t level)
{
    if (known_add(&r->known, r->hashes[level])) {
        return true;
    }
    r->s->known_count++;
    return false;
}

/* One failure, from the state of this level to the end. */
static bool fail_once(struct run *r, uint32_t level, enum sim_mishap mishap,
                      uint32_t op, uint32_t way)
{
    r->cuts[level] = (struct sim_cut){op, way, mishap};
    sim_state_load(&r->states[level], &r->w);
    return run_with_failure(r, level, !r->s->has_no_shortcuts);
}

/* Each read of the bootloader, on the way from this state to the end, fails
 * once in each way; and each write and erase. This process's share of them. */
static bool explore_failures(struct run *r, uint32_t level)
{
    const struct sim_faults *f = &r->s->faults;
    uint32_t reads = f->has_reads ? r->w.v.read_count : 0;
    uint32_t writes = f->has_writes ? r->w.v.fallible_count : 0;
    uint32_t mine = r->s->share, step = r->s->share_count;
    for (uint32_t i = mine; i < reads * SELV_VFLASH_READ_COUNT; i += step) {
        if (!fail_once(r, level, SIM_MISHAP_READ, i / SELV_VFLASH_READ_COUNT,
                       i % SELV_VFLASH_READ_COUNT)) {
            return false;
        }
    }
    for (uint32_t i = mine; i < writes * SELV_VFLASH_OP_COUNT; i += step) {
        if (!fail_once(r, level, SIM_MISHAP_WRITE, i / SELV_VFLASH_OP_COUNT,
                       i % SELV_VFLASH_OP_COUNT)) {
            return false;
        }
    }
    return true;
}

/* A state, and by which operation it was reached. */
static uint64_t failure_key(const struct run *r, uint32_t level)
{
    return r->hashes[level] ^
           (r->cuts[0].op + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* After a cut there are too many: one for each state, which the state and the
 * operation choose. Where bytes are metastable only reads fail: a record that
 * one sector holds and that reads otherwise later is lost with the write that
 * would have saved it. */
static bool explore_a_failure(struct run *r, uint32_t level)
{
    const struct sim_faults *f = &r->s->faults;
    uint32_t reads = f->has_reads ? r->w.v.read_count : 0;
    uint32_t writes = f->has_writes ? r->w.v.fallible_count : 0;
    uint64_t random = r->s->seed ^ failure_key(r, level);
    sim_state_load(&r->states[level], &r->w);
    writes = selv_vflash_is_changing(&r->w.v) ? 0 : writes;
    if ((reads == 0 && writes == 0) || level >= SIM_DEPTH_MAX) {
        return true;
    }
    uint64_t op = selv_vflash_random(&random),
             way = selv_vflash_random(&random);
    bool is_write = writes > 0 && (reads == 0 || op >> 63 != 0);
    return is_write
               ? fail_once(r, level, SIM_MISHAP_WRITE, (uint32_t)(op % writes),
                           (uint32_t)(way % SELV_VFLASH_OP_COUNT))
               : fail_once(r, level, SIM_MISHAP_READ, (uint32_t)(op % reads),
                           (uint32_t)(way % SELV_VFLASH_READ_COUNT));
}

/* After one cut: for each state that an operation leads to, however many
 * others lead there, since they may be another process's: so their number is
 * the same for any number of processes. The world has run to the end. */
static bool explore_a_failure_here(struct run *r, uint32_t level)
{
    if (level == 1 && !known_add(&r->failed, failure_key(r, level))) {
        return true;
    }
    return explore_a_failure(r, level);
}

/* The state was met before; by this operation as well? */
static bool fail_again(struct run *r, uint32_t level)
{
    if (level != 1 || known_has(&r->failed, failure_key(r, level))) {
        return true;
    }
    sim_state_load(&r->states[level], &r->w);
    return run_to_the_end(r, level, false) && explore_a_failure_here(r, level);
}

/* Recursion is bounded by the depth. */
static bool explore(struct run *r, uint32_t level)
{
    struct sim_search *s = r->s;
    load_to_cut(r, level);
    if (!run_to_the_end(r, level, level < r->whole_depth)) {
        return false;
    }
    if (level == 0) {
        s->op_count = r->tracks[0].op_count;
    }
    if (!(level == 0 ? explore_failures(r, level)
                     : explore_a_failure_here(r, level))) {
        return false;
    }
    if (level == r->whole_depth) {
        return level == 0 || s->depth == level || remember(r, level);
    }
    for (uint32_t op = 0; op < r->tracks[level].op_count; op++) {
        if (level == 0 && op % s->share_count != s->share) {
            continue;
        }
        if (level == 0 && s->on_progress != NULL) {
            s->on_progress(s->on_progress_arg, op, r->tracks[0].op_count);
        }
        for (uint32_t way = 0; way < r->tracks[level].ops[op].ways; way++) {
            r->cuts[level] = (struct sim_cut){op, way, SIM_MISHAP_CUT};
            if (!cut_once(r, level)) {
                return false;
            }
            if (is_new_state(r, level + 1)) {
                if (!explore(r, level + 1)) {
                    return false;
                }
            } else if (!fail_again(r, level + 1)) {
                return false;
            } else if (level + 1 == r->whole_depth) {
                remember_again(r, level + 1);
            }
        }
    }
    return true;
}

/* ---- beyond: samples --------------------------------------------------------
 */

/* The states after the last whole depth wait here, by the cuts that lead to
 * them. */
static bool remember(struct run *r, uint32_t level)
{
    if (r->leaf_count == r->leaf_cap) {
        uint32_t cap = r->leaf_cap == 0 ? 1024 : 2 * r->leaf_cap;
        struct leaf *more = realloc(r->leaves, cap * sizeof *more);
        if (more == NULL) {
            snprintf(r->s->fault, sizeof r->s->fault, "no memory");
            return false;
        }
        r->leaves = more;
        r->leaf_cap = cap;
    }
    struct leaf *leaf = &r->leaves[r->leaf_count++];
    memcpy(leaf->cuts, r->cuts, sizeof leaf->cuts);
    leaf->hash = r->hashes[level];
    leaf->alike = 1;
    leaf->ways = r->way_counts[level];
    leaf->done = leaf->deep = 0;
    return true;
}

/* The state was met before: it counts once more. Few enough for a walk from
 * the end, where it most often is. */
static void remember_again(struct run *r, uint32_t level)
{
    uint64_t hash = r->hashes[level];
    for (uint32_t i = r->leaf_count; i-- > 0;) {
        if (r->leaves[i].hash == hash) {
            r->leaves[i].alike++;
            return;
        }
    }
}

/* Back to a leaf, by its cuts from the very start. */
static bool return_to(struct run *r, const struct leaf *leaf)
{
    for (uint32_t level = 0; level < r->whole_depth; level++) {
        r->cuts[level] = leaf->cuts[level];
        if (!cut_once(r, level)) {
            return false;
        }
        r->s->cut_count--;
    }
    return true;
}

/* One more cut from the state of this level; and, where the depth asks for
 * still more, one cut after it, by chance, and so on. *is_deep: there were as
 * many as that. */
static bool sample_from(struct run *r, uint32_t level, uint64_t *random,
                        bool *is_deep)
{
    while (true) {
        if (!cut_once(r, level)) {
            return false;
        }
        level++;
        *is_deep = level == r->s->depth;
        if (!is_new_state(r, level) && *is_deep) {
            return true;
        }
        load_to_cut(r, level);
        if (!run_to_the_end(r, level, level < r->s->depth)) {
            return false;
        }
        uint64_t ways = r->way_counts[level];
        r->sample_ways[level] += ways;
        r->sample_count[level]++;
        if (*is_deep || ways == 0) {
            return true;
        }
        pick_way(r, level, selv_vflash_random(random) % ways);
    }
}

/* Every SAMPLE_ROUNDS-th way of a leaf, beginning with round. */
static bool sample_leaf(struct run *r, struct leaf *leaf, uint32_t round)
{
    uint32_t level = r->whole_depth;
    uint64_t random = r->s->seed ^ leaf->hash ^ round;
    /* Another order of ways in each leaf, so that a round meets all kinds. */
    uint64_t first = (leaf->hash + round) % SAMPLE_ROUNDS;
    if (first >= leaf->ways) {
        return true;
    }
    if (!return_to(r, leaf)) {
        return false;
    }
    load_to_cut(r, level);
    if (!run_to_the_end(r, level, true)) {
        return false;
    }
    for (uint64_t i = first; i < leaf->ways; i += SAMPLE_ROUNDS) {
        bool is_deep;
        pick_way(r, level, i);
        leaf->done++;
        if (!sample_from(r, level, &random, &is_deep)) {
            return false;
        }
        leaf->deep += is_deep;
    }
    return true;
}

/* Depth by depth would begin with the first operations and never come to the
 * last: the rounds go over all leaves, in an order of their own. */
static bool sample(struct run *r)
{
    for (uint32_t i = r->leaf_count; i > 1; i--) {
        uint32_t k = (uint32_t)(selv_vflash_random(&r->random) % i);
        struct leaf leaf = r->leaves[i - 1];
        r->leaves[i - 1] = r->leaves[k];
        r->leaves[k] = leaf;
    }
    for (uint32_t round = 0; round < SAMPLE_ROUNDS; round++) {
        for (uint32_t i = 0; i < r->leaf_count; i++) {
            if ((r->s->seconds > 0 && now_s() >= r->deadline) ||
                (r->s->cases > 0 && r->s->cut_count >= r->s->cases)) {
                return true;
            }
            if (!sample_leaf(r, &r->leaves[i], round)) {
                return false;
            }
        }
    }
    return true;
}

/* How many cases the full depth has is known for one cut beyond the whole
 * depth; for each further one it is what the samples came by, on average. */
static void sum_up(struct run *r)
{
    double ways = 1;
    for (uint32_t i = r->whole_depth + 1; i < r->s->depth; i++) {
        if (r->sample_count[i] > 0) {
            ways *= (double)r->sample_ways[i] / (double)r->sample_count[i];
        }
    }
    for (uint32_t i = 0; i < r->leaf_count; i++) {
        const struct leaf *leaf = &r->leaves[i];
        r->s->space += (double)leaf->alike * (double)leaf->ways * ways;
        r->s->covered += (double)leaf->alike * (double)leaf->deep;
    }
}

/* ---- smaller faults ---------------------------------------------------------
 */

/* Faults are alike when their words are, up to the numbers. */
static bool is_alike(const char *a, const char *b)
{
    size_t n = strcspn(a, "(");
    return strncmp(a, b, n) == 0;
}

/* Whether these cuts lead to the fault, or one like it. *used: how many of
 * them it took. */
static bool leads_there(struct run *r, const struct sim_cut *cuts,
                        uint32_t count, uint32_t *used)
{
    struct sim_search *s = r->s;
    char wanted[sizeof s->fault], replay[sizeof s->replay];
    memcpy(wanted, s->fault, sizeof wanted);
    memcpy(replay, s->replay, sizeof replay);
    s->fault[0] = 0;
    s->try_count++;
    sim_state_load(&r->states[0], &r->w);
    bool is_good = play(r, cuts, count, used);
    if (!is_good && is_alike(wanted, s->fault)) {
        return true;
    }
    memcpy(s->fault, wanted, sizeof wanted);
    memcpy(s->replay, replay, sizeof replay);
    return false;
}

/* The first smaller case that shows the fault; false: there is none. */
static bool shrink_once(struct run *r, struct sim_cut *cuts, uint32_t *count)
{
    struct sim_cut tried[SIM_DEPTH_MAX];
    uint32_t used;
    for (uint32_t i = 0; *count > 1 && i < *count; i++) {
        memcpy(tried, cuts, sizeof tried);
        memmove(tried + i, tried + i + 1, (*count - i - 1) * sizeof tried[0]);
        if (leads_there(r, tried, *count - 1, &used)) {
            memcpy(cuts, tried, sizeof tried);
            *count = used;
            return true;
        }
    }
    for (uint32_t i = 0; i < *count; i++) {
        for (int field = 0; field < 2; field++) {
            uint32_t most = field == 0 ? cuts[i].way : cuts[i].op;
            for (uint32_t value = 0; value < most; value++) {
                if (r->s->try_count >= TRIES_MAX) {
                    return false;
                }
                memcpy(tried, cuts, sizeof tried);
                *(field == 0 ? &tried[i].way : &tried[i].op) = value;
                if (leads_there(r, tried, *count, &used)) {
                    memcpy(cuts, tried, sizeof tried);
                    *count = used;
                    return true;
                }
            }
        }
    }
    return false;
}

/* Fewer cuts, simpler ways, earlier operations, as long as it helps. */
static void shrink(struct run *r)
{
    struct sim_cut cuts[SIM_DEPTH_MAX];
    uint32_t count = r->fault_count;
    memcpy(cuts, r->cuts, sizeof cuts);
    if (count == 0 || r->s->replay[0] == 0) {
        return;
    }
    while (r->s->try_count < TRIES_MAX && shrink_once(r, cuts, &count)) {
    }
}

/* ---- a run ------------------------------------------------------------------
 */

/* Give the log's only record another serial, in both sectors. */
static void set_log_serial(struct sim_world *w, uint32_t serial)
{
    struct selv_sha256 hash;
    uint8_t record[LOG_RECORD_LEN], digest[SELV_SHA256_LEN];
    for (int i = 0; i < 2; i++) {
        memcpy(record, w->mem + w->layout.log_off[i], sizeof record);
        selv_put_be32(record + LOG_SERIAL_AT, serial);
        selv_sha256_init(&hash);
        selv_sha256_update(&hash, record, sizeof record - LOG_CHECK_LEN);
        selv_sha256_finish(&hash, digest);
        memcpy(record + sizeof record - LOG_CHECK_LEN, digest, LOG_CHECK_LEN);
        selv_vflash_poke(&w->v, w->layout.log_off[i], record, sizeof record);
    }
}

/* Records that each sector takes: written until it is erased once more. */
static bool fill_up(struct sim_world *w, bool is_log, uint32_t count)
{
    const struct selv_release *old = &w->releases->old;
    for (uint32_t i = 0; i < count; i++) {
        struct selv_log log = {.state = SELV_LOG_IDLE};
        struct selv_journal journal = {.serial = i,
                                       .accepted = old->sequence,
                                       .floor = old->sequence,
                                       .current_slot = SELV_SLOT_A};
        memcpy(journal.current_digest, old->digest, 32);
        if (is_log ? selv_log_write(&w->v.flash, &w->layout, &log)
                   : selv_journal_write(&w->v.flash, &w->layout, &journal)) {
            return false;
        }
        if (is_log && i == 0) {
            set_log_serial(w, UINT32_MAX - count + 1);
        }
    }
    return true;
}

static uint32_t places(const struct selv_geometry *g, uint32_t len)
{
    uint32_t unit = g->write_unit;
    return g->sector_len / ((len + unit - 1) / unit * unit);
}

static bool wear(struct sim_world *w)
{
    return fill_up(w, false, places(w->geometry, JOURNAL_RECORD_LEN) - 1) &&
           fill_up(w, true, places(w->geometry, LOG_RECORD_LEN) - 1);
}

static bool run_open(struct run *r, struct sim_search *s)
{
    memset(r, 0, sizeof *r);
    r->s = s;
    r->known.cap = KNOWN_FIRST_CAP;
    r->known.slots = calloc(r->known.cap, sizeof *r->known.slots);
    r->failed.cap = KNOWN_FIRST_CAP;
    r->failed.slots = calloc(r->failed.cap, sizeof *r->failed.slots);
    bool is_open =
        r->known.slots != NULL && r->failed.slots != NULL &&
        sim_memo_open(&r->memo) &&
        sim_world_open(&r->w, s->geometry, s->flow, s->app, s->releases) &&
        (!s->is_worn || wear(&r->w)) &&
        (!sim_is_recovery(s->flow) || sim_recover_ruin(&r->w));
    r->w.v.seed = s->seed;
    r->w.v.has_metastable = s->faults.has_metastable;
    r->w.bad_read = r->w.bad_op = SELV_VFLASH_NO_CUT;
    r->w.memo = s->has_no_shortcuts ? NULL : &r->memo;
    bool is_sample = s->seconds > 0 || s->cases > 0;
    r->whole_depth = is_sample && s->depth > 1 ? 1 : s->depth;
    r->deadline = now_s() + s->seconds;
    r->random = s->seed;
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
        sim_track_close(&r->tracks[i]);
    }
    sim_memo_close(&r->memo);
    sim_world_close(&r->w);
    free(r->known.slots);
    free(r->failed.slots);
    free(r->leaves);
}

bool sim_search_run(struct sim_search *s)
{
    struct run *r = malloc(sizeof *r);
    if (r == NULL) {
        snprintf(s->fault, sizeof s->fault, "no memory");
        return false;
    }
    bool is_good = run_open(r, s) && explore(r, 0);
    if (is_good && r->whole_depth < s->depth) {
        is_good = sample(r);
        sum_up(r);
    }
    if (!is_good) {
        shrink(r);
    }
    run_close(r);
    free(r);
    return is_good;
}

bool sim_search_replay(struct sim_search *s, const struct sim_cut *cuts,
                       uint32_t count)
{
    struct run *r = malloc(sizeof *r);
    bool is_good = r != NULL && run_open(r, s);
    uint32_t used = 0;
    if (is_good) {
        is_good = play(r, cuts, count, &used);
        s->op_count = r->tracks[count].op_count;
    }
    if (r != NULL) {
        run_close(r);
    }
    free(r);
    return is_good;
}
