/* SPDX-License-Identifier: Apache-2.0
 *
 * The image on trial: self-test, confirmation or giving up; and what the
 * last boot did, which the server is told once.
 *
 * C9: the nonce is handed back only after the port said that the self-test
 * was good, in this boot and in time. */
#define SELV_MODULE 0x434e5452u /* "CNTR" */
#include "consumer/consumer_int.h"

/* C10: an outcome is news until the log says that the server has it. */
static bool is_outcome_new(const struct selv_consumer *c)
{
    const struct selv_boot_record *record = c->config->record;

    return record->refused_reason != SELV_OK &&
           memcmp(record->refused_digest, c->log.reported_digest,
                  SELV_SHA256_LEN) != 0;
}

/* To a tracker; where there is none, it is enough that the port was told. */
static void report(struct selv_consumer *c)
{
    selv_consumer_tell_server(c, STEP_MANIFEST);
    c->report.is_of_boot = true;
    c->asked = 1; /* by what follows */
    if (!has_tracker(c)) {
        selv_consumer_note_told(c);
    }
}

static void read_outcome(struct selv_consumer *c)
{
    const struct selv_boot_record *record = c->config->record;
    enum selv_update_state state =
        record->refused_was_trial ? SELV_UPDATE_REVERTED : SELV_UPDATE_FAILED;

    selv_consumer_set_subject(c, record->refused_digest, 0);
    selv_consumer_tell(c, state, (enum selv_err)record->refused_reason);
    report(c);
}

/* An update that runs for good, though nothing here confirmed it: installed
 * without a trial, or confirmed and then cut short. News until the server has
 * it. */
static bool is_installed(const struct selv_consumer *c)
{
    return c->log.state == SELV_LOG_TRIAL &&
           c->config->record->loader <= SELV_LOADER_RESTS &&
           memcmp(c->log.digest, c->config->record->digest, SELV_SHA256_LEN) ==
               0;
}

/* The loader found nothing a moment ago, or the bootloader has none that it
 * would start. */
static bool was_in_vain(const struct selv_consumer *c)
{
    return is_loader(c, SELV_LOADER_RESTS) &&
           (c->log.state == SELV_LOG_LOADER ||
            (c->log.state == SELV_LOG_IDLE && c->log.slot == SELV_SLOT_NONE));
}

/* In this boot alone: a device that is switched off before the rest is over
 * must not rest for ever. */
static void rest_once(struct selv_consumer *c)
{
    c->log.slot = idle_slot(c);
    (void)!selv_consumer_write_log(c, SELV_LOG_IDLE);
    selv_consumer_rest(c);
}

void selv_consumer_read_boot(struct selv_consumer *c)
{
    const struct selv_boot_record *record = c->config->record;

    c->step = STEP_REST;
    c->next_ms = c->now_ms;
    if (record->is_trial) {
        c->step = STEP_SELFTEST;
        c->next_ms = c->now_ms + c->config->trial_timeout_s * (uint64_t)1000u;
        selv_consumer_set_subject(c, record->digest, record->sequence);
        selv_consumer_tell(c, SELV_UPDATE_TRIAL, SELV_OK);
    } else if (is_outcome_new(c)) {
        read_outcome(c);
    } else if (is_installed(c)) {
        selv_consumer_set_subject(c, record->digest, record->sequence);
        selv_consumer_tell(c, SELV_UPDATE_CONFIRMED, SELV_OK);
        report(c);
    } else if (was_in_vain(c)) {
        rest_once(c);
    }
}

static void give_up(struct selv_consumer *c)
{
    c->step = STEP_GIVE_UP;
    selv_consumer_tell(c, SELV_UPDATE_FAILED, SELV_ERR_UPDATE_SELFTEST);
}

void selv_consumer_try(struct selv_consumer *c)
{
    if (c->now_ms >= c->next_ms) {
        give_up(c);
    } else if (has_flag(c, FLAG_SELFTEST_TOLD)) {
        c->todo.until_ms = c->next_ms;
    } else {
        set_flag(c, FLAG_SELFTEST_TOLD);
        c->todo.kind = SELV_CONSUMER_SELFTEST;
    }
}

void selv_consumer_selftest(struct selv_consumer *c, bool is_good)
{
    if (c->step != STEP_SELFTEST || !has_flag(c, FLAG_SELFTEST_TOLD)) {
        return;
    }
    c->step = STEP_CONFIRM;
    if (!is_good) {
        /* Late at once: the next poll gives up. */
        c->step = STEP_SELFTEST;
        c->next_ms = 0;
    }
}

/* Our own bootloader finds the confirmation in the log. */
static enum selv_err confirm(struct selv_consumer *c)
{
    const struct selv_consumer_config *config = c->config;
    enum selv_err err = SELV_OK;

    if (config->installer) {
        err = config->installer->confirm(config->installer_context);
    }
    if (err) {
        return err;
    }
    memcpy(c->log.nonce, config->record->nonce, sizeof c->log.nonce);
    return selv_consumer_begin_log(c, SELV_LOG_CONFIRM, config->record->slot);
}

void selv_consumer_confirm(struct selv_consumer *c)
{
    enum selv_err err;

    if (c->now_ms >= c->next_ms) {
        give_up(c);
        return;
    }
    err = confirm(c);
    if (err) {
        give_up(c);
        c->todo.err = err;
        return;
    }
    c->next_ms = 0; /* was the trial's end */
    selv_consumer_rest(c);
    selv_consumer_tell(c, SELV_UPDATE_CONFIRMED, SELV_OK);
    selv_consumer_tell_server(c, STEP_REST);
}

void selv_consumer_note_told(struct selv_consumer *c)
{
    enum selv_log_state state = (enum selv_log_state)c->log.state;

    memcpy(c->log.reported_digest, c->report.suit.digest,
           sizeof c->log.reported_digest);
    c->log.reported_reason = (uint16_t)c->report.suit.failure.err;
    if (state == SELV_LOG_TRIAL) {
        state = SELV_LOG_IDLE; /* answered: by what was reported */
    }
    if (selv_consumer_write_log(c, state) != SELV_OK) {
        /* Flash knows nothing of it: the next boot tells it again. */
        memset(c->log.reported_digest, 0, sizeof c->log.reported_digest);
    }
}
