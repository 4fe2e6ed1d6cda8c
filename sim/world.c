/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/world.c - see sim/world.h. */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/memo.h"
#include "sim/recover.h"
#include "sim/stages.h"
#include "store/journal.h"

const char *sim_flow_name(enum sim_flow flow)
{
    static const char *const names[SIM_FLOW_COUNT] = {
        "update", "revert", "watchdog", "crash", "repeat", "recover", "lost"};
    return names[flow];
}

const struct sim_strategy sim_strategies[] = {
    {"ab", &selv_strategy_ab, SELV_RELEASE_FETCHED, .has_trial = true},
    {"swap", &selv_strategy_swap, SELV_RELEASE_SWAPPED, .is_in_place = true,
     .has_trial = true},
    {"overwrite", &selv_strategy_overwrite, SELV_RELEASE_COPIED,
     .is_in_place = true},
    {"ram", &selv_strategy_ram, SELV_RELEASE_LOADED, .has_trial = true},
    {"loader", &selv_strategy_loader, SELV_RELEASE_FETCHED, .has_trial = true},
    {"stages", &selv_strategy_ab, SELV_RELEASE_FETCHED, .has_stages = true,
     .has_trial = true},
};

const size_t sim_strategy_count =
    sizeof sim_strategies / sizeof sim_strategies[0];

bool sim_strategy_has(const struct sim_strategy *strategy,
                      const struct selv_geometry *geometry, enum sim_flow flow)
{
    bool is_even = strategy->is_in_place || strategy->has_stages;
    bool is_recovery = sim_is_recovery(flow);
    return (!is_even || selv_geometry_has_in_place(geometry)) &&
           (!is_recovery || !strategy->has_stages) &&
           (strategy->has_trial || is_recovery || flow == SIM_FLOW_UPDATE ||
            flow == SIM_FLOW_REPEAT);
}

/* The world that runs now: where an assertion that fails is reported. */
static struct sim_world *current;

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    if (current == NULL) {
        fprintf(stderr, "selvage-sim: panic %08x, line %u\n", (unsigned)module,
                (unsigned)line);
        abort();
    }
    snprintf(current->fault, sizeof current->fault,
             "panic in module %c%c%c%c, line %u", (char)(module >> 24),
             (char)(module >> 16), (char)(module >> 8), (char)module,
             (unsigned)line);
    longjmp(current->on_cut, 2);
}

static void power_lost(void *arg)
{
    struct sim_world *w = arg;
    longjmp(w->on_cut, 1);
}

bool sim_world_open(struct sim_world *w, const struct selv_geometry *geometry,
                    enum sim_flow flow, sim_app *app,
                    const struct sim_releases *releases)
{
    memset(w, 0, sizeof *w);
    w->geometry = geometry;
    w->flow = flow;
    w->app = app;
    w->releases = releases;
    bool is_in_place = releases->strategy->is_in_place;
    w->mem_len = is_in_place         ? selv_geometry_mem_len_in_place(geometry)
                 : sim_has_stages(w) ? sim_stages_mem_len(geometry)
                                     : selv_geometry_mem_len(geometry);
    w->mem = malloc(w->mem_len);
    if (w->mem == NULL) {
        return false;
    }
    w->bad_read = w->bad_op = SELV_VFLASH_NO_CUT;
    w->is_loaded = releases->strategy->install == SELV_RELEASE_LOADED;
    w->ram = (struct selv_buf){w->ram_bytes, sizeof w->ram_bytes, 0};
    if (is_in_place) {
        selv_geometry_layout_in_place(geometry, &w->layout);
        selv_geometry_init_in_place(geometry, &w->v, w->mem);
    } else {
        selv_geometry_layout(geometry, &w->layout);
        selv_geometry_init(geometry, &w->v, w->mem);
    }
    if (w->is_loaded) { /* off chip: nothing is read where it lies */
        w->v.is_unmapped = true;
    }
    selv_release_factory(&w->factory);
    if (sim_has_stages(w) && !sim_stages_open(w)) {
        sim_world_close(w);
        return false;
    }
    if (selv_layout_check(&w->layout, &w->v.flash) != SELV_OK ||
        selv_release_install(&releases->old, &w->v.flash, &w->layout,
                             SELV_SLOT_A) != SELV_OK ||
        selv_release_install(sim_has_loader(w) ? &releases->loader
                                               : &releases->older,
                             &w->v.flash, &w->layout, SELV_SLOT_B) != SELV_OK) {
        sim_world_close(w);
        return false;
    }
    w->v.on_cut = power_lost;
    w->v.on_cut_arg = w;
    return true;
}

void sim_world_close(struct sim_world *w)
{
    free(w->mem);
    w->mem = NULL;
}

bool sim_has_loader(const struct sim_world *w)
{
    return w->releases->strategy->strategy == &selv_strategy_loader;
}

bool sim_world_is_outage(struct sim_world *w)
{
    if (!sim_has_loader(w) || w->flow != SIM_FLOW_UPDATE ||
        w->outage_count >= SELV_BOOT_ATTEMPTS_MAX) {
        return false;
    }
    w->outage_count++;
    return true;
}

enum selv_reset_cause sim_unconfirmed_cause(const struct sim_world *w)
{
    return sim_has_loader(w) ? SELV_RESET_REQUESTED : SELV_RESET_POWER_ON;
}

/* How a good release ends. */
static bool is_good_flow(const struct sim_world *w)
{
    return w->flow == SIM_FLOW_UPDATE || w->flow == SIM_FLOW_REPEAT;
}

/* Whoever runs the server takes a bad release back that devices took back. */
static bool is_withdrawn(const struct sim_world *w)
{
    const struct sim_releases *all = w->releases;
    const uint8_t *refused = w->record.refused_digest;
    return sim_has_loader(w) && !is_good_flow(w) &&
           w->record.loader == SELV_LOADER_NEEDED &&
           w->record.refused_was_trial &&
           (memcmp(refused, all->new.digest, 32) == 0 ||
            memcmp(refused, all->newest.digest, 32) == 0);
}

const struct selv_release *sim_world_offer(const struct sim_world *w)
{
    const struct sim_releases *all = w->releases;
    if (sim_is_recovery(w->flow)) {
        return &all->newest;
    }
    if (is_withdrawn(w)) {
        return memcmp(w->record.digest, all->new.digest, 32) == 0 ? &all->new
                                                                  : &all->old;
    }
    return w->flow == SIM_FLOW_REPEAT && !w->record.is_trial &&
                   w->record.sequence >= all->new.sequence
               ? &all->newest
               : &all->new;
}

/* ---- rules
 * ------------------------------------------------------------------- */

static bool fault(struct sim_world *w, const char *words)
{
    snprintf(w->fault, sizeof w->fault,
             "%s (boot %u after the cut, slot %u, sequence %llu, accepted "
             "%llu, floor %llu, reason %u)",
             words, (unsigned)w->boot_count, w->record.slot,
             (unsigned long long)w->record.sequence,
             (unsigned long long)w->record.accepted,
             (unsigned long long)w->record.floor, w->record.refused_reason);
    return false;
}

static bool check_rules_of_flash(struct sim_world *w)
{
    if (w->v.violation_count == 0) {
        return true;
    }
    snprintf(w->fault, sizeof w->fault, "flash rule broken: %s at offset %u",
             w->v.violation, (unsigned)w->v.violation_off);
    return false;
}

/* The running image, against the release's own bytes and not against what
 * the bootloader believes. */
static bool check_running(struct sim_world *w)
{
    const struct sim_releases *all = w->releases;
    const struct selv_release *may_run[] = {&all->old, &all->new, &all->newest};
    const struct selv_release *release = NULL;
    for (size_t i = 0; i < sizeof may_run / sizeof may_run[0]; i++) {
        if (memcmp(w->record.digest, may_run[i]->digest, 32) == 0) {
            release = may_run[i];
        }
    }
    if (release == NULL || w->record.sequence != release->sequence) {
        return fault(w, "none of the releases runs");
    }
    if (sim_has_loader(w) && w->record.slot == SELV_SLOT_B) {
        return w->record.loader >= SELV_LOADER_ASKED &&
                       selv_release_is_in(&w->releases->loader, &w->v.flash,
                                          &w->layout, SELV_SLOT_B)
                   ? true
                   : fault(w, "what runs from slot B is not the loader");
    }
    bool is_there =
        w->is_loaded
            ? w->ram.len == release->image_len &&
                  memcmp(w->ram_bytes, release->image[0], w->ram.len) == 0
            : selv_release_is_in(release, &w->v.flash, &w->layout,
                                 w->record.slot);
    if (!is_there) {
        return fault(w, "the running image is not the release's, byte for "
                        "byte");
    }
    return true;
}

static bool check_boot(struct sim_world *w, bool is_good)
{
    const struct selv_boot_record *r = &w->record;
    if (!check_rules_of_flash(w)) {
        return false;
    }
    if (!selv_record_is_valid(r)) {
        return fault(w, "the boot record is not sealed");
    }
    if (!is_good) {
        return fault(w, "nothing boots");
    }
    /* The envelope that a cut tore may read as whole this once. */
    w->is_back = w->is_back || !selv_vflash_is_changing(&w->v);
    if (r->slot >= SELV_SLOT_COUNT || !check_running(w)) {
        return w->fault[0] != 0 ? false : fault(w, "no such slot");
    }
    if (r->accepted < w->accepted) {
        return fault(w, "the accepted number fell");
    }
    if (r->floor < w->floor) {
        return fault(w, "the floor fell");
    }
    if (r->floor > r->accepted || r->sequence < r->floor) {
        return fault(w, "a number is below the floor");
    }
    /* A trial in place goes on though the journal does not take its attempt. */
    if (r->is_trial && ((r->attempt < 1 && !w->v.has_failed) ||
                        r->attempt > SELV_BOOT_ATTEMPTS_MAX)) {
        return fault(w, "an attempt beyond the last");
    }
    if (w->is_ruined) {
        return sim_recover_check(w);
    }
    uint64_t confirmed = w->releases->old.sequence;
    confirmed = w->confirmed > confirmed ? w->confirmed : confirmed;
    if (w->releases->strategy->has_trial &&
        (r->floor > confirmed || (r->sequence > confirmed && !r->is_trial &&
                                  r->loader < SELV_LOADER_ASKED))) {
        return fault(w, "a new release counts as confirmed, and is not");
    }
    if (!w->releases->strategy->has_trial &&
        (r->is_trial || r->floor != r->sequence)) {
        return fault(w, "what runs counts as unconfirmed");
    }
    w->accepted = r->accepted;
    w->floor = r->floor;
    return true;
}

/* Attempts can be spent by power cuts as well. */
static bool is_right_reason(const struct sim_world *w)
{
    static const enum selv_err reasons[SIM_FLOW_COUNT] = {
        [SIM_FLOW_UPDATE] = SELV_ERR_BOOT_ATTEMPTS,
        [SIM_FLOW_REVERT] = SELV_ERR_BOOT_ATTEMPTS,
        [SIM_FLOW_WATCHDOG] = SELV_ERR_BOOT_WATCHDOG,
        [SIM_FLOW_CRASH] = SELV_ERR_BOOT_CRASH,
        [SIM_FLOW_REPEAT] = SELV_ERR_BOOT_ATTEMPTS,
    };
    return w->record.refused_reason == reasons[w->flow] ||
           (w->cut_count >= SELV_BOOT_ATTEMPTS_MAX &&
            w->record.refused_reason == SELV_ERR_BOOT_ATTEMPTS);
}

/* What an update may be refused for once a write or an erase failed: that, and
 * whatever is wrong with an image that a sector is missing of. */
static bool is_flash_to_blame(const struct sim_world *w)
{
    const struct sim_releases *all = w->releases;
    const struct selv_boot_record *r = &w->record;
    return w->v.has_failed &&
           (r->refused_reason == SELV_ERR_FLASH_IO ||
            w->v.bad_op_kind == SELV_VFLASH_OP_DEAD) &&
           (memcmp(r->refused_digest, all->new.digest, 32) == 0 ||
            memcmp(r->refused_digest, all->newest.digest, 32) == 0);
}

/* How the flow must have ended. Enough power cuts use up the attempts of a
 * good release, too. */
static bool check_end(struct sim_world *w)
{
    const struct selv_boot_record *r = &w->record;
    const struct sim_releases *all = w->releases;
    bool is_good = is_good_flow(w);
    const struct selv_release *last =
        w->flow == SIM_FLOW_REPEAT ? &all->newest : &all->new;
    bool is_new = memcmp(r->digest, last->digest, 32) == 0;
    bool is_reverted =
        (memcmp(r->refused_digest, all->new.digest, 32) == 0 ||
         memcmp(r->refused_digest, all->newest.digest, 32) == 0) &&
        r->refused_was_trial;
    if (r->is_trial) {
        return fault(w, "ended in a trial");
    }
    if (sim_is_recovery(w->flow)) {
        return memcmp(r->digest, all->newest.digest, 32) == 0 &&
                       r->loader <= SELV_LOADER_RESTS
                   ? true
                   : fault(w, "ended with another release than was sent");
    }
    if (r->loader >= SELV_LOADER_ASKED) {
        return fault(w, "ended in the loader");
    }
    if (is_new) {
        return is_good
                   ? true
                   : fault(w, "ended with a release that should be reverted");
    }
    if (is_flash_to_blame(w)) {
        return true;
    }
    if (!is_reverted) {
        return fault(w, "ended with the old release, the new one untried");
    }
    if (!is_right_reason(w)) {
        return fault(w, "reverted for another reason than the flow's");
    }
    /* No number of cuts spends them where a loader has no way back. */
    if (is_good &&
        (w->cut_count < SELV_BOOT_ATTEMPTS_MAX || sim_has_loader(w))) {
        return fault(w, "a good release was reverted");
    }
    return true;
}

/* ---- running
 * ------------------------------------------------------------------- */

static void protect_for_boot(struct sim_world *w)
{
    struct selv_vflash *v = &w->v;
    selv_vflash_protect(v, 0, v->flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, w->layout.journal_off[i], v->flash.sector_len,
                            false);
    }
    if (w->releases->strategy->is_in_place) {
        const struct selv_slot_place *b = &w->layout.slot[SELV_SLOT_B];
        uint32_t from = w->layout.marks_off;
        selv_vflash_protect(v, from, b->image_off + b->image_len - from, false);
    }
}

bool sim_world_boot(struct sim_world *w, enum selv_reset_cause cause)
{
    protect_for_boot(w);
    selv_vflash_boot(&w->v);
    memset(&w->boot, 0, sizeof w->boot);
    w->boot.flash = &w->v.flash;
    w->boot.layout = &w->layout;
    w->boot.factory = &w->factory;
    w->boot.strategy = w->releases->strategy->strategy;
    w->boot.reset_cause = cause;
    w->boot.ram = &w->ram;
    memset(w->ram_bytes, 0xa5, sizeof w->ram_bytes);
    w->boot.scratch = (struct selv_buf){w->scratch, sizeof w->scratch, 0};
    return selv_is_good(selv_boot_choose(&w->boot, &w->record));
}

/* The port locks the journal before it hands over; that the application
 * leaves the slot it runs from alone is a rule of its own. */
static void protect_for_app(struct sim_world *w)
{
    struct selv_vflash *v = &w->v;
    const struct selv_slot_place *running = &w->layout.slot[w->record.slot];
    selv_vflash_protect(v, 0, v->flash.size, false);
    selv_vflash_protect(v, w->layout.factory_off, w->layout.factory_len, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, w->layout.journal_off[i], v->flash.sector_len,
                            true);
    }
    selv_vflash_protect(v, running->envelope_off, running->envelope_len, true);
    selv_vflash_protect(v, running->image_off, running->image_len, true);
    if (sim_has_loader(w)) {
        const struct selv_slot_place *b = &w->layout.slot[SELV_SLOT_B];
        selv_vflash_protect(v, b->envelope_off, b->envelope_len, true);
        selv_vflash_protect(v, b->image_off, b->image_len, true);
    }
    if (w->releases->strategy->is_in_place) {
        const struct selv_slot_place *b = &w->layout.slot[SELV_SLOT_B];
        uint32_t spare = w->layout.spare_len;
        selv_vflash_protect(v, w->layout.marks_off, w->layout.marks_len, true);
        selv_vflash_protect(v, b->envelope_off - spare, spare, true);
        if (w->record.is_trial) { /* the way back */
            selv_vflash_protect(v, b->envelope_off, b->envelope_len, true);
            selv_vflash_protect(v, b->image_off, b->image_len, true);
        }
    }
}

/* A boot in which flash fails may start nothing, where it cannot do without:
 * for the first record of all, for a move's records, for the sectors of the one
 * slot that runs. The next boot must. */
static bool may_wait(const struct sim_world *w, bool had_failed)
{
    bool is_born = w->accepted != 0;
    return w->v.has_failed && !had_failed &&
           (!is_born || w->releases->strategy->is_in_place);
}

/* One boot and what the application does with it. */
static enum sim_outcome run_once(struct sim_world *w,
                                 enum selv_reset_cause *cause, bool *is_idle)
{
    uint32_t ops = w->v.op_count;
    bool had_failed = w->v.has_failed;
    w->v.is_sound = false;
    bool is_good = sim_world_boot(w, *cause);
    if (!is_good && w->is_ruined && !w->is_back) {
        w->boot_count++;
        *cause = SELV_RESET_REQUESTED;
        return sim_recover_run(w) && check_rules_of_flash(w) ? SIM_FIXED_POINT
                                                             : SIM_FAULT;
    }
    bool is_sound = w->v.is_sound;
    w->v.is_sound = true; /* flash fails to the bootloader only */
    w->boot_count++;
    if (!is_good && may_wait(w, had_failed)) {
        *cause = SELV_RESET_POWER_ON;
        return check_rules_of_flash(w) ? SIM_FIXED_POINT : SIM_FAULT;
    }
    if (!check_boot(w, is_good)) {
        return SIM_FAULT;
    }
    w->v.is_sound = is_sound;
    enum sim_end end = SIM_END_IDLE;
    if (sim_has_stages(w)) {
        end = sim_stages_run(w, cause);
        if (end == SIM_END_FAULT) {
            return SIM_FAULT;
        }
    }
    w->v.is_sound = true;
    if (end == SIM_END_IDLE) {
        protect_for_app(w);
        end = w->app(w, cause);
    }
    if (!check_rules_of_flash(w) || end == SIM_END_FAULT) {
        return SIM_FAULT;
    }
    *is_idle = end == SIM_END_IDLE && w->v.op_count == ops &&
               !selv_vflash_is_changing(&w->v);
    if (end == SIM_END_IDLE) {
        *cause = SELV_RESET_POWER_ON;
    }
    return SIM_FIXED_POINT;
}

/* Boot after boot, until two in a row changed nothing. */
static enum sim_outcome run_to_rest(struct sim_world *w,
                                    enum selv_reset_cause cause)
{
    for (;;) {
        bool is_idle = false;
        if (w->on_boot != NULL) {
            w->on_boot(w->on_boot_arg, cause);
        }
        if (w->memo != NULL && sim_memo_skip(w->memo, w, cause)) {
            return SIM_FIXED_POINT;
        }
        if (run_once(w, &cause, &is_idle) == SIM_FAULT) {
            return SIM_FAULT;
        }
        if (is_idle) {
            bool is_right =
                check_end(w) && (!sim_has_stages(w) || sim_stages_check_end(w));
            return is_right ? SIM_FIXED_POINT : SIM_FAULT;
        }
        if (w->boot_count >= SIM_BOOTS_MAX) {
            fault(w, "boots without end");
            return SIM_FAULT;
        }
    }
}

/* What a start is to do: run, or do one operation. */
static enum sim_outcome run_guarded(struct sim_world *w,
                                    enum selv_reset_cause cause,
                                    const struct selv_vflash_op *op)
{
    current = w;
    switch (setjmp(w->on_cut)) {
    case 0: {
        enum sim_outcome outcome = SIM_FIXED_POINT;
        if (op != NULL) {
            selv_vflash_do(&w->v, op);
        } else {
            outcome = run_to_rest(w, cause);
        }
        current = NULL;
        return outcome;
    }
    case 1: /* power_lost */
        current = NULL;
        w->cut_count++;
        return check_rules_of_flash(w) ? SIM_CUT : SIM_FAULT;
    default: /* selv_panic */
        current = NULL;
        return SIM_FAULT;
    }
}

static void power_on(struct sim_world *w, uint32_t cut_op, uint32_t cut_way)
{
    w->boot_count = 0;
    w->fault[0] = 0;
    selv_vflash_power_on(&w->v);
    w->v.cut_op = cut_op;
    w->v.cut_way = cut_way;
    w->v.bad_read = w->bad_read;
    w->v.bad_op = w->bad_op;
    if (w->memo != NULL) {
        sim_memo_begin(w->memo);
    }
}

/* What came to a good end is good the next time, too. */
static enum sim_outcome learn(struct sim_world *w, enum sim_outcome outcome)
{
    if (w->memo != NULL && outcome == SIM_FIXED_POINT) {
        sim_memo_learn(w->memo, w);
    }
    return outcome;
}

enum sim_outcome sim_world_run(struct sim_world *w, uint32_t cut_op,
                               uint32_t cut_way)
{
    power_on(w, cut_op, cut_way);
    return learn(w, run_guarded(w, SELV_RESET_POWER_ON, NULL));
}

enum sim_outcome sim_world_run_on(struct sim_world *w,
                                  const struct sim_tally *tally,
                                  enum selv_reset_cause cause)
{
    power_on(w, SELV_VFLASH_NO_CUT, 0);
    sim_world_count(w, tally);
    return learn(w, run_guarded(w, cause, NULL));
}

enum sim_outcome sim_world_cut(struct sim_world *w,
                               const struct selv_vflash_op *op,
                               uint32_t cut_way)
{
    power_on(w, 0, cut_way);
    return run_guarded(w, SELV_RESET_POWER_ON, op);
}

struct sim_tally sim_world_tally(const struct sim_world *w)
{
    return (struct sim_tally){.boots = w->boot_count,
                              .ops = w->v.op_count,
                              .reads = w->v.read_count,
                              .fallibles = w->v.fallible_count,
                              .noises = w->v.noise_count,
                              .ways = w->v.way_count};
}

void sim_world_count(struct sim_world *w, const struct sim_tally *tally)
{
    w->boot_count += tally->boots;
    w->v.op_count += tally->ops;
    w->v.read_count += tally->reads;
    w->v.fallible_count += tally->fallibles;
    w->v.noise_count += tally->noises;
    w->v.way_count += tally->ways;
}

/* ---- states
 * ------------------------------------------------------------------- */

bool sim_state_open(struct sim_state *s, const struct sim_world *w)
{
    memset(s, 0, sizeof *s);
    s->mem = malloc(w->mem_len);
    return s->mem != NULL;
}

void sim_state_close(struct sim_state *s)
{
    free(s->mem);
    s->mem = NULL;
}

uint64_t sim_state_hash(const struct sim_world *w)
{
    const uint64_t words[] = {
        w->accepted,         w->floor,           w->confirmed,
        w->outage_count,     w->stages.accepted, w->stages.floor,
        w->stages.confirmed, w->is_back,         w->cut_count,
    };
    uint64_t h = selv_vflash_hash(&w->v);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        h = selv_vflash_mix(h, words[i]);
    }
    return h;
}

void sim_state_save(struct sim_state *s, const struct sim_world *w)
{
    memcpy(s->mem, w->mem, w->mem_len);
    s->accepted = w->accepted;
    s->floor = w->floor;
    s->cut_count = w->cut_count;
    s->confirmed = w->confirmed;
    s->outage_count = w->outage_count;
    s->stages[0] = w->stages.accepted;
    s->stages[1] = w->stages.floor;
    s->stages[2] = w->stages.confirmed;
    s->is_back = w->is_back;
}

void sim_state_load(const struct sim_state *s, struct sim_world *w)
{
    memcpy(w->mem, s->mem, w->mem_len);
    w->accepted = s->accepted;
    w->floor = s->floor;
    w->cut_count = s->cut_count;
    w->confirmed = s->confirmed;
    w->outage_count = s->outage_count;
    w->stages.accepted = s->stages[0];
    w->stages.floor = s->stages[1];
    w->stages.confirmed = s->stages[2];
    w->is_back = s->is_back;
    w->v.violation_count = 0;
}

uint64_t sim_world_hash(const struct sim_world *w, enum selv_reset_cause cause)
{
    const struct selv_vflash *v = &w->v;
    bool is_noisy = selv_vflash_is_changing(v);
    uint64_t h = selv_vflash_mix(sim_state_hash(w), cause);
    h = selv_vflash_mix(h, is_noisy ? v->noise_count : 0);
    h = selv_vflash_mix(h, v->has_metastable); /* the ways to cut differ */
    /* What the rules forgive once something failed. */
    return selv_vflash_mix(h, v->has_failed ? 1u + v->bad_op_kind : 0u);
}
