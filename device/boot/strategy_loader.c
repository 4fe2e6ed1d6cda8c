/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_loader.c - slot A is the application's, slot B holds the
 * loader: a small firmware consumer of its own, which never changes, fetches
 * releases and writes slot A. It runs when the application asks for it, and
 * when slot A holds nothing that may boot.
 *
 * What the loader wrote and asks for is put on trial when its number is above
 * the accepted one. What it did not ask for yet is not: an envelope that was
 * cut short may read as whole now and as torn during the trial. While one is on
 * trial, and after a revert, the current slot is B: no application is
 * confirmed, and the way back is the loader. The digest of the one that was
 * confirmed last stays in the journal: that one may come back without a trial,
 * though its number is lower than the accepted one. */
#include "boot/boot_int.h"

#define LOADER SELV_SLOT_B

/* The loader is a component of its own, with numbers and a floor of its own. */
static void loader_describe(struct selv_boot *boot)
{
    if (boot->components[0].slot == LOADER) {
        uint8_t len = selv_factory_part_id(boot->factory, SELV_PART_LOADER,
                                           boot->staging_id);
        boot->components[0].id = selv_bytes(boot->staging_id, len);
        boot->device.sequence_min = SELV_LOADER_FLOOR;
    }
}

/* B1 for the loader, whose number is below or above anything of the
 * application's. The record is about the application that was confirmed last,
 * or, in the boot that a trial gives away, about what is on trial: that is
 * nothing new to a loader. */
static enum selv_verdict run_loader(struct selv_boot *boot,
                                    struct selv_boot_record *record,
                                    enum selv_loader_role role)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why;
    if (!selv_is_good(selv_boot_look(boot, LOADER, 0, &why)) ||
        boot->seen_slot != LOADER || boot->seen_sequence < SELV_LOADER_FLOOR ||
        !selv_is_good(selv_suit_may_invoke(&boot->suit))) {
        return SELV_BAD;
    }
    (void)!selv_boot_refuse(boot, record, (enum selv_err)j->refused_reason);
    record->slot = LOADER;
    record->loader = (uint8_t)role;
    if (role == SELV_LOADER_ASKED && j->trial_state == SELV_TRIAL_RUNNING) {
        record->sequence = j->trial_sequence;
        memcpy(record->digest, j->trial_digest, 32);
    } else {
        record->sequence = j->floor;
        memcpy(record->digest, j->current_digest, 32);
    }
    selv_record_seal(record);
    return boot->seen_sequence < SELV_LOADER_FLOOR
               ? SELV_BAD
               : selv_suit_may_invoke(&boot->suit);
}

static enum selv_verdict run_application(struct selv_boot *boot,
                                         struct selv_boot_record *record,
                                         bool is_trial)
{
    enum selv_verdict verdict =
        selv_boot_hand_over(boot, record, SELV_SLOT_A, is_trial);
    record->loader = SELV_LOADER_RESTS;
    selv_record_seal(record);
    return verdict;
}

/* Slot A holds nothing that may run: the loader does. Only without one, a
 * release that was reverted or put back comes again (B7). */
static enum selv_verdict loader_current(struct selv_boot *boot,
                                        struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why = SELV_ERR_BOOT_NO_IMAGE;
    enum selv_verdict verdict = run_loader(boot, record, SELV_LOADER_NEEDED);
    if (selv_is_good(verdict)) {
        return verdict;
    }
    if (!selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why))) {
        return selv_boot_refuse(
            boot, record,
            why == SELV_ERR_STORE_EMPTY ? SELV_ERR_BOOT_NO_IMAGE : why);
    }
    if ((memcmp(boot->seen_digest, j->current_digest, 32) != 0 ||
         j->current_slot != SELV_SLOT_A) &&
        boot->seen_slot == SELV_SLOT_A) { /* B14: never the loader */
        selv_boot_adopt(boot, SELV_ERR_BOOT_NO_IMAGE);
    }
    return run_application(boot, record, false);
}

/* What the look just before found in slot A is a new release, which the loader
 * wrote and asks for. */
static bool is_delivered(const struct selv_boot *boot,
                         const struct selv_log *log)
{
    return log->state == SELV_LOG_TRIAL &&
           memcmp(log->digest, boot->seen_digest, 32) == 0 &&
           boot->seen_sequence > boot->journal.accepted;
}

static enum selv_verdict begin_trial(struct selv_boot *boot,
                                     struct selv_boot_record *record)
{
    struct selv_journal next = boot->journal;
    next.current_slot = LOADER;
    next.accepted = boot->seen_sequence;
    next.trial_slot = SELV_SLOT_A;
    next.trial_sequence = boot->seen_sequence;
    memcpy(next.trial_digest, boot->seen_digest, 32);
    next.trial_attempts = 0;
    selv_boot_attempt(boot, &next);
    if (selv_boot_commit(boot, &next) != SELV_OK) {
        return loader_current(boot, record);
    }
    return run_application(boot, record, true);
}

static bool is_confirmed(const struct selv_journal *j,
                         const struct selv_log *log)
{
    return log->state == SELV_LOG_CONFIRM && j->trial_attempts != 0 &&
           selv_ct_equal(log->nonce, j->trial_nonce, SELV_NONCE_LEN);
}

/* B6: who lost power in the last attempt may be sound, and to refuse it would
 * leave no application. The attempts begin anew, and this boot is the loader's,
 * which may find a newer release. When flash does not take that, the loader
 * stays: handed back uncounted, the trial would seem to have reset itself. */
static enum selv_loader_role give_away(struct selv_boot *boot,
                                       const struct selv_log *log)
{
    struct selv_journal next = boot->journal;
    if (boot->reset_cause != SELV_RESET_POWER_ON ||
        next.trial_attempts < SELV_BOOT_ATTEMPTS_MAX ||
        is_confirmed(&next, log)) {
        return SELV_LOADER_NONE;
    }
    next.trial_attempts = 0;
    if (boot->journal.trial_attempts < SELV_BOOT_ATTEMPTS_MAX) {
        return SELV_LOADER_NONE; /* asked twice: none is given back */
    }
    return selv_boot_commit(boot, &next) == SELV_OK ? SELV_LOADER_ASKED
                                                    : SELV_LOADER_NEEDED;
}

/* B14: what was confirmed just now is what was seen, or no later boot would
 * know it for the one that may run. */
static void set_right(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    if (next.trial_state == SELV_TRIAL_NONE && boot->seen_slot == SELV_SLOT_A &&
        memcmp(next.current_digest, boot->seen_digest, 32) != 0) {
        memcpy(next.current_digest, boot->seen_digest, 32);
        /* Nothing is on trial, in other words; and it is what the manifest
         * says, not what was made of it. */
        if (boot->journal.current_slot == SELV_SLOT_A &&
            memcmp(next.current_digest, selv_suit_digest(&boot->suit), 32) ==
                0) {
            (void)!selv_boot_commit(boot, &next);
        }
    }
}

/* A trial is under way. */
static enum selv_verdict go_on(struct selv_boot *boot,
                               const struct selv_log *log,
                               struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_loader_role role = give_away(boot, log);
    enum selv_verdict verdict = SELV_BAD;
    enum selv_err why;
    if (role != SELV_LOADER_NONE) {
        verdict = run_loader(boot, record, role);
        if (selv_is_good(verdict)) {
            return verdict;
        }
    }
    if (log->state == SELV_LOG_TRIAL &&
        memcmp(log->digest, j->trial_digest, 32) != 0 &&
        selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why)) &&
        is_delivered(boot, log)) { /* and it did */
        return begin_trial(boot, record);
    }
    verdict = selv_boot_decide(boot, log, record);
    if (record->slot == SELV_SLOT_A) {
        set_right(boot);
        record->loader = SELV_LOADER_RESTS;
        selv_record_seal(record);
        return verdict;
    }
    /* A journal that takes nothing any more keeps no application from running
     * that was confirmed. */
    if (is_confirmed(j, log) && /* it still runs */
        selv_is_good(
            selv_boot_look(boot, SELV_SLOT_A, j->trial_sequence, &why)) &&
        memcmp(boot->seen_digest, j->trial_digest, 32) == 0) {
        return run_application(boot, record, false);
    }
    return verdict;
}

/* A request for the loader that ended in its hanging or crashing is answered:
 * the application must not be kept from running by one that does. */
static bool is_asked(struct selv_boot *boot, const struct selv_log *log)
{
    const struct selv_journal *j = &boot->journal;
    struct selv_journal next = *j;
    if (log->state != SELV_LOG_LOADER ||
        memcmp(log->digest, j->current_digest, 32) == 0 ||
        memcmp(log->digest, j->refused_digest, 32) == 0) {
        return false;
    }
    if (boot->reset_cause != SELV_RESET_WATCHDOG &&
        boot->reset_cause != SELV_RESET_CRASH) {
        return true;
    }
    selv_boot_set_refused(&next, log->digest,
                          boot->reset_cause == SELV_RESET_WATCHDOG
                              ? SELV_ERR_BOOT_WATCHDOG
                              : SELV_ERR_BOOT_CRASH,
                          false);
    (void)!selv_boot_commit_refusal(boot, &next);
    return false;
}

/* Slot A holds the application that was confirmed last. */
static enum selv_verdict keep(struct selv_boot *boot,
                              const struct selv_log *log,
                              struct selv_boot_record *record)
{
    struct selv_journal next = boot->journal;
    enum selv_err why;
    if (memcmp(next.current_digest, boot->seen_digest, 32) != 0) {
        return loader_current(boot, record); /* B14, asked twice */
    }
    if (next.current_slot != SELV_SLOT_A) { /* it came back */
        next.current_slot = SELV_SLOT_A;
        if (selv_boot_commit(boot, &next) != SELV_OK) {
            /* Nor would it take a trial, so that this one is not given up for
             * another; the next boot finds the same again. */
            return run_application(boot, record, false);
        }
    }
    if (is_asked(boot, log)) {
        enum selv_verdict verdict = run_loader(boot, record, SELV_LOADER_ASKED);
        if (selv_is_good(verdict)) {
            return verdict;
        }
        /* B14: looked at again, it must still be that one. */
        if (!selv_is_good(
                selv_boot_look(boot, SELV_SLOT_A, next.floor, &why)) ||
            memcmp(boot->seen_digest, next.current_digest, 32) != 0) {
            return loader_current(boot, record);
        }
    }
    return run_application(boot, record, false);
}

static enum selv_verdict loader_decide(struct selv_boot *boot,
                                       const struct selv_log *log,
                                       struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why;
    if (j->serial == 0) { /* B8, asked twice: none was read */
        return selv_boot_refuse(boot, record, SELV_ERR_STATE);
    }
    if (j->trial_state == SELV_TRIAL_RUNNING) {
        return go_on(boot, log, record);
    }
    if (!selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why))) {
        return loader_current(boot, record);
    }
    if (memcmp(boot->seen_digest, j->current_digest, 32) == 0) {
        return keep(boot, log, record);
    }
    if (is_delivered(boot, log)) {
        return begin_trial(boot, record);
    }
    return loader_current(boot, record);
}

static const struct selv_in_place in_place = {
    .describe = loader_describe,
};

const struct selv_strategy selv_strategy_loader = {
    .profile = &selv_suit_profile_boot_select,
    .capability = &selv_suit_capability_boot_select,
    .slot_count = 1,
    .decide = loader_decide,
    .serve = selv_boot_serve,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = loader_current,
    .in_place = &in_place,
};
