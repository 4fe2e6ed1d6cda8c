/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/app_script.c - an application that updates as the consumer does, by the
 * same calls of the store and in the same order, but takes the release from
 * memory: the shortest program that meets every flash operation of an
 * update. */
#include "sim/world.h"

#include <stdio.h>

#include "store/journal.h"
#include "store/slot.h"

/* Bytes that arrive at a time; no multiple of any write unit but 4. */
enum { BLOCK_LEN = 100 };

static enum sim_end give_up(struct sim_world *w, const char *what,
                            enum selv_err err)
{
    snprintf(w->fault, sizeof w->fault, "application: %s: error %d", what,
             (int)err);
    return SIM_END_FAULT;
}

static bool is_new(const struct sim_world *w, const uint8_t digest[static 32])
{
    return memcmp(digest, sim_world_offer(w)->digest, 32) == 0;
}

/* The trial: what the release does is what the flow is about. */
static enum sim_end run_trial(struct sim_world *w, struct selv_log *log,
                              enum selv_reset_cause *cause)
{
    enum selv_err err;
    *cause = SELV_RESET_POWER_ON;
    switch (w->flow) {
    case SIM_FLOW_WATCHDOG:
        *cause = SELV_RESET_WATCHDOG;
        break;
    case SIM_FLOW_CRASH:
        *cause = SELV_RESET_CRASH;
        break;
    case SIM_FLOW_UPDATE:
    case SIM_FLOW_REPEAT:
        if (sim_world_is_outage(w)) {
            break;
        }
        *cause = SELV_RESET_REQUESTED;
        w->confirmed = w->record.sequence;
        log->state = SELV_LOG_CONFIRM;
        log->slot = w->record.slot;
        memcpy(log->digest, w->record.digest, 32);
        memcpy(log->nonce, w->record.nonce, SELV_NONCE_LEN);
        err = selv_log_write(&w->v.flash, &w->layout, log);
        return err ? give_up(w, "confirm", err) : SIM_END_RESET;
    case SIM_FLOW_REVERT:
    case SIM_FLOW_RECOVER:
    case SIM_FLOW_LOST:
    case SIM_FLOW_COUNT:
    default:
        *cause = sim_unconfirmed_cause(w);
        break;
    }
    return SIM_END_RESET;
}

/* Tell (here: note in the log) what the bootloader refused, once. */
static enum sim_end report(struct sim_world *w, struct selv_log *log)
{
    if (is_new(w, log->reported_digest) &&
        log->reported_reason == w->record.refused_reason) {
        return SIM_END_IDLE;
    }
    log->state = SELV_LOG_IDLE;
    memcpy(log->reported_digest, w->record.refused_digest, 32);
    log->reported_reason = w->record.refused_reason;
    enum selv_err err = selv_log_write(&w->v.flash, &w->layout, log);
    return err ? give_up(w, "report", err) : SIM_END_IDLE;
}

/* The image from log->progress on, noting each sector that is whole. */
static enum selv_err download(struct sim_world *w, struct selv_log *log)
{
    const struct selv_release *r = sim_world_offer(w);
    const struct selv_flash *flash = &w->v.flash;
    struct selv_slot_writer writer;
    enum selv_err err =
        selv_slot_begin(&writer, flash, &w->layout.slot[log->slot],
                        r->image_len, log->progress);
    for (uint32_t at = log->progress; err == SELV_OK && at < r->image_len;) {
        uint32_t n = r->image_len - at < BLOCK_LEN ? r->image_len - at
                                                   : (uint32_t)BLOCK_LEN;
        err = selv_slot_write(&writer, selv_bytes(r->image[log->slot] + at, n));
        at += n;
        if (err == SELV_OK && writer.whole > log->progress) {
            log->progress = writer.whole;
            err = selv_log_write(flash, &w->layout, log);
        }
    }
    return err ? err : selv_slot_end(&writer);
}

static enum selv_err store_envelope(struct sim_world *w, uint8_t slot)
{
    const struct selv_release *r = sim_world_offer(w);
    return selv_slot_put_envelope(&w->v.flash, &w->layout.slot[slot],
                                  selv_bytes(r->envelope, r->envelope_len));
}

static enum sim_end update(struct sim_world *w, struct selv_log *log,
                           enum selv_reset_cause *cause)
{
    const struct selv_release *r = sim_world_offer(w);
    uint8_t slot = w->record.slot ^ 1, digest[32];
    bool is_loader = w->record.loader >= SELV_LOADER_ASKED;
    enum selv_err err = SELV_OK;
    *cause = SELV_RESET_REQUESTED;
    if (!is_loader && log->state == SELV_LOG_TRIAL && is_new(w, log->digest)) {
        return SIM_END_RESET;
    }
    if (w->record.loader == SELV_LOADER_RESTS) {
        log->state = SELV_LOG_LOADER;
        log->slot = SELV_SLOT_A;
        log->progress = 0;
        memcpy(log->digest, r->digest, 32);
        err = selv_log_write(&w->v.flash, &w->layout, log);
        return err ? give_up(w, "ask for the loader", err) : SIM_END_RESET;
    }
    if (log->state != SELV_LOG_DOWNLOADING || !is_new(w, log->digest) ||
        log->slot != slot) {
        log->state = SELV_LOG_DOWNLOADING;
        log->slot = slot;
        log->progress = 0;
        memcpy(log->digest, r->digest, 32);
    }
    /* Also to resume: a request that was cut when it was written may read as
     * torn now and as whole later. */
    err = selv_log_write(&w->v.flash, &w->layout, log);
    if (err) {
        return give_up(w, "begin", err);
    }
    err = download(w, log);
    if (err) {
        return give_up(w, "download", err);
    }
    err = selv_flash_digest(&w->v.flash, w->layout.slot[slot].image_off,
                            r->image_len, digest);
    if (err || memcmp(digest, r->image_digest[slot], 32) != 0) {
        return give_up(w, "the image in the slot is not the one sent", err);
    }
    err = store_envelope(w, slot);
    if (err) {
        return give_up(w, "store envelope", err);
    }
    log->state = SELV_LOG_TRIAL;
    err = selv_log_write(&w->v.flash, &w->layout, log);
    return err ? give_up(w, "ask for the trial", err) : SIM_END_RESET;
}

/* As the consumer: an equal number is nothing to begin with. A loader meets
 * one while it is on trial. */
static bool is_tried(const struct sim_world *w, const struct selv_log *log)
{
    const struct selv_release *r = sim_world_offer(w);
    return w->record.loader == SELV_LOADER_NEEDED &&
           r->sequence == w->record.accepted &&
           memcmp(r->digest, w->record.digest, 32) != 0 &&
           (log->state != SELV_LOG_DOWNLOADING || !is_new(w, log->digest));
}

enum sim_end sim_app_script(struct sim_world *w, enum selv_reset_cause *cause)
{
    struct selv_log log;
    if (selv_log_read(&w->v.flash, &w->layout, &log)) {
        memset(&log, 0, sizeof log);
    }
    if (w->record.is_trial) {
        return run_trial(w, &log, cause);
    }
    if (w->record.loader != SELV_LOADER_NEEDED && is_new(w, w->record.digest)) {
        return SIM_END_IDLE;
    }
    if (is_new(w, w->record.refused_digest)) {
        return report(w, &log);
    }
    if (is_tried(w, &log)) {
        return SIM_END_IDLE;
    }
    return update(w, &log, cause);
}
