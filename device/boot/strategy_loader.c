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
 * application's. The record is about the application that was confirmed last.
 */
static enum selv_verdict run_loader(struct selv_boot *boot,
                                    struct selv_boot_record *record,
                                    enum selv_loader_role role)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why;
    if (!selv_is_good(selv_boot_look(boot, LOADER, 0, &why)) ||
        boot->seen_slot != LOADER || boot->seen_sequence < SELV_LOADER_FLOOR) {
        return SELV_BAD;
    }
    (void)!selv_boot_refuse(boot, record, (enum selv_err)j->refused_reason);
    record->slot = LOADER;
    record->loader = (uint8_t)role;
    record->sequence = j->floor;
    memcpy(record->digest, j->current_digest, 32);
    selv_record_seal(record);
    return selv_suit_may_invoke(&boot->suit);
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
    if (memcmp(boot->seen_digest, j->current_digest, 32) != 0 ||
        j->current_slot != SELV_SLOT_A) {
        selv_boot_adopt(boot, SELV_ERR_BOOT_NO_IMAGE);
    }
    return run_application(boot, record, false);
}

/* A release that the loader wrote and asks for. */
static enum selv_verdict begin_trial(struct selv_boot *boot,
                                     struct selv_boot_record *record)
{
    struct selv_journal next = boot->journal;
    next.current_slot = LOADER;
    next.accepted = boot->seen_sequence;
    next.trial_slot = SELV_SLOT_A;
    next.trial_sequence = boot->seen_sequence;
    memcpy(next.trial_digest, boot->seen_digest, 32);
    selv_boot_attempt(boot, &next);
    if (selv_boot_commit(boot, &next) != SELV_OK) {
        return loader_current(boot, record);
    }
    return run_application(boot, record, true);
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
    if (next.current_slot != SELV_SLOT_A) { /* it came back */
        next.current_slot = SELV_SLOT_A;
        if (selv_boot_commit(boot, &next) != SELV_OK) {
            return loader_current(boot, record);
        }
    }
    if (is_asked(boot, log)) {
        enum selv_verdict verdict = run_loader(boot, record, SELV_LOADER_ASKED);
        if (selv_is_good(verdict)) {
            return verdict;
        }
        if (!selv_is_good(
                selv_boot_look(boot, SELV_SLOT_A, boot->journal.floor, &why))) {
            return selv_boot_refuse(boot, record, why);
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
    if (j->trial_state == SELV_TRIAL_RUNNING) {
        enum selv_verdict verdict = selv_boot_decide(boot, log, record);
        if (record->slot == SELV_SLOT_A) {
            record->loader = SELV_LOADER_RESTS;
            selv_record_seal(record);
        }
        return verdict;
    }
    if (!selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why))) {
        return loader_current(boot, record);
    }
    if (memcmp(boot->seen_digest, j->current_digest, 32) == 0) {
        return keep(boot, log, record);
    }
    if (log->state == SELV_LOG_TRIAL &&
        memcmp(log->digest, boot->seen_digest, 32) == 0 &&
        boot->seen_sequence > j->accepted) {
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
