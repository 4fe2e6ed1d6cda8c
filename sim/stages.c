/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/stages.c - see sim/stages.h. */
#include "sim/stages.h"

#include <stdio.h>

#include "boot/stage.h"
#include "sim/canary.h"
#include "store/journal.h"

bool sim_has_stages(const struct sim_world *w)
{
    return w->releases->strategy->has_stages;
}

size_t sim_stages_mem_len(const struct selv_geometry *g)
{
    return selv_vflash_mem_len(2 * selv_geometry_size(g), g->sector_len,
                               g->write_unit);
}

static void shift(struct selv_layout *layout, uint32_t by)
{
    layout->factory_off += by;
    for (int i = 0; i < 2; i++) {
        layout->journal_off[i] += by;
        layout->log_off[i] += by;
        layout->random_off[i] += by;
        layout->slot[i].envelope_off += by;
        layout->slot[i].image_off += by;
    }
}

bool sim_stages_open(struct sim_world *w)
{
    const struct selv_geometry *g = w->geometry;
    struct sim_stages *in = &w->stages;
    uint32_t size = selv_geometry_size(g);
    selv_vflash_init(&w->v, w->mem, 2 * size, g->sector_len, g->write_unit,
                     g->erased);
    w->v.has_ecc = g->has_ecc;
    w->v.is_unmapped = g->has_ecc;
    selv_vflash_power_on(&w->v);
    selv_geometry_layout(g, &w->layout);
    in->layout = w->layout;
    shift(&in->layout, size);
    selv_release_factory(&in->factory);
    w->factory = in->factory;
    bool is_good =
        selv_stage_factory(&w->factory) == SELV_OK &&
        selv_stage_check(&w->layout, &in->layout, &w->v.flash) == SELV_OK &&
        selv_release_install(&w->releases->app_old, &w->v.flash, &in->layout,
                             SELV_SLOT_A) == SELV_OK;
    in->confirmed = w->releases->app_old.sequence;
    if (sim_mistake == SIM_MISTAKE_SHARED_JOURNAL) {
        memcpy(in->layout.journal_off, w->layout.journal_off,
               sizeof in->layout.journal_off);
    }
    return is_good;
}

static enum sim_end fault(struct sim_world *w, const char *words)
{
    const struct selv_boot_record *r = &w->stages.record;
    snprintf(w->fault, sizeof w->fault,
             "stage 1: %s (boot %u after the cut, slot %u, sequence %llu, "
             "accepted %llu, floor %llu, reason %u)",
             words, (unsigned)w->boot_count, r->slot,
             (unsigned long long)r->sequence, (unsigned long long)r->accepted,
             (unsigned long long)r->floor, r->refused_reason);
    return SIM_END_FAULT;
}

static bool is_running(const struct sim_world *w, const struct selv_release *r)
{
    const struct sim_stages *in = &w->stages;
    return memcmp(in->record.digest, r->digest, 32) == 0 &&
           in->record.sequence == r->sequence &&
           selv_release_is_in(r, &w->v.flash, &in->layout, in->record.slot);
}

/* The same rules as for any bootloader, over its own numbers. */
static enum sim_end check_boot(struct sim_world *w, bool is_good)
{
    struct sim_stages *in = &w->stages;
    const struct selv_boot_record *r = &in->record;
    if (!is_good) {
        return fault(w, "nothing boots");
    }
    if (!is_running(w, &w->releases->app_old) &&
        !is_running(w, &w->releases->app_new)) {
        return fault(w, "none of the applications runs, byte for byte");
    }
    if (r->accepted < in->accepted || r->floor < in->floor) {
        return fault(w, "a number fell");
    }
    if (r->sequence < r->floor || r->floor > r->accepted) {
        return fault(w, "a number is below the floor");
    }
    if (!r->is_trial && r->sequence > in->confirmed) {
        return fault(w, "an application counts as confirmed, and is not");
    }
    in->accepted = r->accepted;
    in->floor = r->floor;
    return SIM_END_IDLE;
}

/* Stage 1 writes its own journal, and nothing of stage 0's. */
static void protect_for_boot(struct sim_world *w)
{
    const struct sim_stages *in = &w->stages;
    selv_vflash_protect(&w->v, 0, w->v.flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(&w->v, in->layout.journal_off[i],
                            w->v.flash.sector_len, false);
    }
}

static enum selv_err put_log(struct sim_world *w, enum selv_log_state state,
                             const uint8_t digest[static 32])
{
    struct sim_stages *in = &w->stages;
    struct selv_log log = {.state = (uint8_t)state, .slot = SELV_SLOT_B};
    memcpy(log.digest, digest, 32);
    memcpy(log.nonce, in->record.nonce, SELV_NONCE_LEN);
    return selv_log_write(&w->v.flash, &in->layout, &log);
}

/* Stage 1 is the one that the server has, or that one was refused. */
static bool is_over(const struct sim_world *w)
{
    const uint8_t *offer = sim_world_offer(w)->digest;
    return !w->record.is_trial &&
           (memcmp(w->record.digest, offer, 32) == 0 ||
            memcmp(w->record.refused_digest, offer, 32) == 0);
}

/* The application: one update of its own, begun when that of stage 1 is over,
 * so that it is known who is to blame for what goes wrong. */
static enum sim_end run_application(struct sim_world *w,
                                    enum selv_reset_cause *cause)
{
    struct sim_stages *in = &w->stages;
    const struct selv_release *new = &w->releases->app_new;
    struct selv_log log;
    enum selv_err err = SELV_OK;
    *cause = SELV_RESET_REQUESTED;
    if (in->record.is_trial) {
        in->confirmed = in->record.sequence;
        err = put_log(w, SELV_LOG_CONFIRM, in->record.digest);
        return err ? fault(w, "confirming") : SIM_END_RESET;
    }
    if (!is_over(w) || is_running(w, new) ||
        memcmp(in->record.refused_digest, new->digest, 32) == 0) {
        return SIM_END_IDLE;
    }
    if (selv_log_read(&w->v.flash, &in->layout, &log) == SELV_OK &&
        log.state == SELV_LOG_TRIAL) {
        return SIM_END_RESET;
    }
    err = put_log(w, SELV_LOG_DOWNLOADING, new->digest);
    err =
        err ? err
            : selv_release_install(new, &w->v.flash, &in->layout, SELV_SLOT_B);
    err = err ? err : put_log(w, SELV_LOG_TRIAL, new->digest);
    return err ? fault(w, "updating") : SIM_END_RESET;
}

enum sim_end sim_stages_run(struct sim_world *w, enum selv_reset_cause *cause)
{
    struct sim_stages *in = &w->stages;
    bool is_dead = w->record.is_trial &&
                   (w->flow == SIM_FLOW_WATCHDOG || w->flow == SIM_FLOW_CRASH);
    if (is_dead) { /* stage 1 comes to nothing: sim_app says how */
        selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
        if (sim_mistake == SIM_MISTAKE_CONFIRM_EARLY &&
            selv_stage_confirm(&w->v.flash, &w->layout, &w->record)) {
            return fault(w, "confirming");
        }
        return SIM_END_IDLE;
    }
    protect_for_boot(w);
    memset(&in->boot, 0, sizeof in->boot);
    in->boot.flash = &w->v.flash;
    in->boot.layout = &in->layout;
    in->boot.factory = &in->factory;
    in->boot.strategy = &selv_strategy_ab;
    in->boot.reset_cause = *cause;
    in->boot.scratch = (struct selv_buf){w->scratch, sizeof w->scratch, 0};
    bool had_failed = w->v.has_failed;
    bool is_good = selv_is_good(selv_boot_choose(&in->boot, &in->record));
    w->v.is_sound = true;
    /* As stage 0 (world.c): a boot in which flash fails to take the first
     * record of all may start nothing. The next one must. */
    if (!is_good && in->accepted == 0 && w->v.has_failed && !had_failed) {
        *cause = SELV_RESET_POWER_ON;
        return SIM_END_RESET;
    }
    if (check_boot(w, is_good) == SIM_END_FAULT) {
        return SIM_END_FAULT;
    }
    selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
    const struct selv_slot_place *place = &in->layout.slot[in->record.slot];
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(&w->v, in->layout.journal_off[i],
                            w->v.flash.sector_len, true);
        selv_vflash_protect(&w->v, w->layout.journal_off[i],
                            w->v.flash.sector_len, true);
    }
    selv_vflash_protect(&w->v, place->envelope_off, place->envelope_len, true);
    selv_vflash_protect(&w->v, place->image_off, place->image_len, true);
    return run_application(w, cause);
}

/* Attempts of a good application are spent by cuts, too. */
bool sim_stages_check_end(struct sim_world *w)
{
    struct sim_stages *in = &w->stages;
    if (in->record.is_trial) {
        fault(w, "ended in a trial");
        return false;
    }
    if (!is_running(w, &w->releases->app_new) &&
        w->cut_count < SELV_BOOT_ATTEMPTS_MAX) {
        fault(w, "the application's own update did not come through");
        return false;
    }
    return true;
}
