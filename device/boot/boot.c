/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.c - which slot to boot. States, their drawing and the invariants
 * B1 to B10 are in DESIGN.md. */
#define SELV_MODULE 0x424f4f54u /* "BOOT" */
#include "boot/boot_int.h"

#include "crypto/crypto.h"

/* What holds whenever a decision begins or ends. A journal that breaks it is
 * refused when it is read, so a failure here is our own mistake. */
static void boot_assert_state(const struct selv_boot *boot)
{
    const struct selv_journal *j = &boot->journal;
    SELV_ASSERT(j->current_slot < SELV_SLOT_COUNT);
    SELV_ASSERT(j->floor <= j->accepted);
    if (j->trial_state == SELV_TRIAL_RUNNING) {
        SELV_ASSERT(j->trial_slot == (j->current_slot ^ 1));
        SELV_ASSERT(j->install_state == SELV_INSTALL_NONE);
        SELV_ASSERT(j->trial_sequence <= j->accepted);
    } else {
        SELV_ASSERT(j->trial_state == SELV_TRIAL_NONE);
    }
}

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Make *next the truth: in flash first, then in RAM. On an error RAM still
 * says what flash says. */
enum selv_err selv_boot_commit(struct selv_boot *boot,
                               struct selv_journal *next)
{
    enum selv_err err = selv_journal_write(boot->flash, boot->layout, next);
    if (err == SELV_OK) {
        boot->journal = *next;
    }
    return err;
}

void selv_boot_clear_trial(struct selv_journal *j)
{
    /* The fields on trial stand together: none is forgotten. */
    memset((uint8_t *)j + offsetof(struct selv_journal, trial_state), 0,
           offsetof(struct selv_journal, refused_digest) -
               offsetof(struct selv_journal, trial_state));
}

void selv_boot_set_refused(struct selv_journal *j,
                           const uint8_t digest[static 32],
                           enum selv_err reason, bool was_trial)
{
    memcpy(j->refused_digest, digest, 32);
    j->refused_reason = (uint16_t)reason;
    j->refused_was_trial = was_trial;
}

/* B11: whatever an application asks for, or does to its own slot, wears the
 * journal only so much. What is not written is decided again at each boot. */
static enum selv_err commit_refusal(struct selv_boot *boot,
                                    struct selv_journal *next)
{
    if (next->refused_count == UINT8_MAX) {
        boot->journal = *next;
        return SELV_OK;
    }
    next->refused_count++;
    return selv_boot_commit(boot, next);
}

/* The nonce of one attempt: no two records share a serial, so that a
 * confirmation counts for the boot it was given in. */
static void make_nonce(const struct selv_factory *factory, uint32_t serial,
                       uint8_t nonce[static SELV_NONCE_LEN])
{
    static const char label[] = "boot nonce";
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN], number[4];
    selv_put_be32(number, serial);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, factory->seed, sizeof factory->seed);
    selv_sha256_update(&hash, label, sizeof label - 1);
    selv_sha256_update(&hash, number, sizeof number);
    selv_sha256_finish(&hash, digest);
    memcpy(nonce, digest, SELV_NONCE_LEN);
}

/* ---- ends of a decision ---------------------------------------------------
 */

/* So that the application refuses before it fetches what boot_slot.c would
 * refuse after the reset. */
static void fill_capability(const struct selv_boot *boot,
                            struct selv_boot_record *record)
{
    const struct selv_suit_capability *can = boot->strategy->capability;
    record->boot_parameters = can->parameters;
    record->boot_commands = can->commands;
    record->boot_envelope_max = can->envelope_max;
    record->boot_sections = can->sections;
    record->boot_components_max = can->components_max;
    record->boot_depth_max = can->depth_max;
    record->boot_signers_max = can->signers_max;
}

static void fill_record(const struct selv_boot *boot,
                        struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    memset(record, 0, sizeof *record);
    record->reset_cause = (uint8_t)boot->reset_cause;
    record->serial = j->serial;
    record->accepted = j->accepted;
    record->floor = j->floor;
    memcpy(record->refused_digest, j->refused_digest, 32);
    record->refused_reason = j->refused_reason;
    record->refused_was_trial = j->refused_was_trial;
    record->facts = boot->facts;
    fill_capability(boot, record);
}

enum selv_verdict selv_boot_refuse(const struct selv_boot *boot,
                                   struct selv_boot_record *record,
                                   enum selv_err reason)
{
    fill_record(boot, record);
    record->slot = SELV_SLOT_NONE;
    record->refused_reason = (uint16_t)reason;
    selv_record_seal(record);
    return SELV_BAD;
}

/* The floor as flash has it, read anew: what one skipped instruction made of it
 * when the decision began is not asked alone. */
static bool is_below_floor(const struct selv_boot *boot)
{
    struct selv_journal now;
    return selv_journal_read(boot->flash, boot->layout, &now) != SELV_OK ||
           boot->seen_sequence < now.floor;
}

/* B1: hand over only what the look just before found good, asked once more. */
enum selv_verdict selv_boot_hand_over(const struct selv_boot *boot,
                                      struct selv_boot_record *record,
                                      uint8_t slot, bool is_trial)
{
    boot_assert_state(boot);
    if (boot->seen_slot != slot || boot->seen_sequence < boot->journal.floor ||
        is_below_floor(boot) ||
        (is_trial && boot->journal.trial_attempts > SELV_BOOT_ATTEMPTS_MAX) ||
        !selv_is_good(selv_suit_may_invoke(&boot->suit))) {
        return selv_boot_refuse(boot, record, SELV_ERR_BOOT_NO_IMAGE);
    }
    fill_record(boot, record);
    record->slot = slot;
    record->is_trial = is_trial;
    record->sequence = boot->seen_sequence;
    memcpy(record->digest, boot->seen_digest, 32);
    if (is_trial) {
        record->attempt = boot->journal.trial_attempts;
        memcpy(record->nonce, boot->journal.trial_nonce, SELV_NONCE_LEN);
    }
    selv_record_seal(record);
    return selv_suit_may_invoke(&boot->suit);
}

/* ---- the first boot -------------------------------------------------------
 */

/* No journal yet: what the factory put in the slots decides, once. */
static enum selv_err be_born(struct selv_boot *boot)
{
    struct selv_journal first;
    enum selv_err why;
    memset(&first, 0, sizeof first);
    first.current_slot = SELV_SLOT_NONE;
    for (uint8_t slot = 0; slot < boot->strategy->slot_count; slot++) {
        if (!selv_is_good(selv_boot_look(boot, slot, 0, &why))) {
            continue;
        }
        if (first.current_slot == SELV_SLOT_NONE ||
            boot->seen_sequence > first.accepted) {
            first.current_slot = slot;
            first.accepted = boot->seen_sequence;
            memcpy(first.current_digest, boot->seen_digest, 32);
        }
    }
    if (first.current_slot == SELV_SLOT_NONE) {
        return SELV_ERR_BOOT_NO_IMAGE;
    }
    first.floor = first.accepted;
    boot->facts.decision = SELV_BOOT_BORN;
    return selv_boot_commit(boot, &first);
}

/* J5: the second record closes the birth. J9: what only one sector holds may
 * be torn, and read as whole this once; it is written again before anything
 * is decided on it. */
static void make_solid(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    if (next.serial == 1 || next.is_alone) {
        /* A failure leaves it open; the next boot tries again. */
        (void)!selv_boot_commit(boot, &next);
    }
}

/* ---- an image that is not the current one --------------------------------
 */

/* Boot what is not current: say why, and make it current, unconfirmed, so
 * that the floor stays. */
void selv_boot_adopt(struct selv_boot *boot, enum selv_err reason)
{
    struct selv_journal next = boot->journal;
    selv_boot_set_refused(&next, next.current_digest, reason, false);
    next.current_slot = boot->seen_slot;
    memcpy(next.current_digest, boot->seen_digest, 32);
    next.accepted = max64(next.accepted, boot->seen_sequence);
    selv_boot_clear_trial(&next);
    boot->facts.decision = SELV_BOOT_REPLACED;
    /* When flash takes no record the next boot decides the same again. */
    (void)!commit_refusal(boot, &next);
}

/* ---- a trial ---------------------------------------------------------------
 */

enum {
    IS_CONFIRMED = 1, /* the log hands back this attempt's nonce */
    IS_SOUND = 2,     /* the image verifies, and is the one on trial */
    IS_WATCHDOG = 4,  /* how the last attempt ended */
    IS_CRASH = 8,
    IS_SPENT = 16 /* no attempt is left */
};

enum trial_action {
    CONFIRM = SELV_BOOT_CONFIRMED,
    REVERT = SELV_BOOT_REVERTED,
    ATTEMPT = SELV_BOOT_AGAIN
};

/* The first row whose masked facts agree decides. reason SELV_OK: what the
 * look at the slot found wrong. */
static const struct {
    uint8_t mask, facts;
    enum trial_action action;
    enum selv_err reason;
} trial_rules[] = {
    /* An image that is damaged is not worth a floor above the old one. */
    {IS_SOUND, 0, REVERT, SELV_OK},
    /* Confirmed counts whatever happened after the confirmation. */
    {IS_CONFIRMED, IS_CONFIRMED, CONFIRM, SELV_OK},
    {IS_WATCHDOG, IS_WATCHDOG, REVERT, SELV_ERR_BOOT_WATCHDOG},
    {IS_CRASH, IS_CRASH, REVERT, SELV_ERR_BOOT_CRASH},
    {IS_SPENT, IS_SPENT, REVERT, SELV_ERR_BOOT_ATTEMPTS},
    {0, 0, ATTEMPT, SELV_OK},
};

static uint8_t trial_facts(struct selv_boot *boot, const struct selv_log *log,
                           enum selv_err *why)
{
    const struct selv_journal *j = &boot->journal;
    unsigned facts = 0;
    if (log->state == SELV_LOG_CONFIRM &&
        selv_ct_equal(log->nonce, j->trial_nonce, SELV_NONCE_LEN)) {
        facts |= IS_CONFIRMED;
    }
    if (selv_is_good(
            selv_boot_look(boot, j->trial_slot, j->trial_sequence, why))) {
        if (memcmp(boot->seen_digest, j->trial_digest, 32) == 0) {
            facts |= IS_SOUND;
        } else {
            *why = SELV_ERR_BOOT_REQUEST;
        }
    }
    if (j->trial_attempts != 0) {
        facts |= boot->reset_cause == SELV_RESET_WATCHDOG ? IS_WATCHDOG : 0u;
        facts |= boot->reset_cause == SELV_RESET_CRASH ? IS_CRASH : 0u;
    }
    facts |= j->trial_attempts >= SELV_BOOT_ATTEMPTS_MAX ? IS_SPENT : 0u;
    return (uint8_t)facts;
}

void selv_boot_confirm(struct selv_journal *next)
{
    next->current_slot = next->trial_slot;
    memcpy(next->current_digest, next->trial_digest, 32);
    next->floor = max64(next->floor, next->trial_sequence);
    /* What was refused before is behind us: it can only come back with a
     * number above accepted, and is then judged anew. */
    memset(next->refused_digest, 0, sizeof next->refused_digest);
    next->refused_reason = SELV_OK;
    next->refused_was_trial = 0;
    next->refused_count = 0;
    selv_boot_clear_trial(next);
}

void selv_boot_attempt(struct selv_boot *boot, struct selv_journal *next)
{
    next->trial_state = SELV_TRIAL_RUNNING;
    next->trial_attempts++;
    make_nonce(boot->factory, selv_journal_next_serial(&boot->journal),
               next->trial_nonce);
}

/* Go on with the running trial, or end it; B3: nothing is booted on trial
 * before the journal says so. */
static enum selv_verdict run_trial(struct selv_boot *boot,
                                   const struct selv_log *log,
                                   struct selv_boot_record *record)
{
    struct selv_journal next = boot->journal;
    enum selv_err why = SELV_OK;
    uint8_t facts = trial_facts(boot, log, &why);
    size_t row = 0;
    while ((facts & trial_rules[row].mask) != trial_rules[row].facts) {
        row++;
    }
    enum trial_action action = trial_rules[row].action;
    if (action == CONFIRM) {
        selv_boot_confirm(&next);
    } else if (action == REVERT) {
        why =
            trial_rules[row].reason != SELV_OK ? trial_rules[row].reason : why;
        selv_boot_set_refused(&next, next.trial_digest, why, true);
        selv_boot_clear_trial(&next);
    } else {
        selv_boot_attempt(boot, &next);
    }
    enum selv_err err = selv_boot_commit(boot, &next);
    if (err == SELV_OK) { /* after a move the first attempt comes here, too */
        bool is_first = action == ATTEMPT && next.trial_attempts == 1;
        boot->facts.decision = is_first ? SELV_BOOT_TRIAL : (uint8_t)action;
    }
    if (err != SELV_OK || action == REVERT) {
        return boot->strategy->boot_current(boot, record);
    }
    return action == ATTEMPT
               ? selv_boot_hand_over(boot, record, boot->journal.trial_slot,
                                     true)
               : selv_boot_hand_over(boot, record, boot->journal.current_slot,
                                     false);
}

/* ---- a request --------------------------------------------------------------
 */

/* B5: a request was answered already when it names what is current or what
 * was refused last. */
static bool is_news(const struct selv_journal *j, const struct selv_log *log)
{
    return log->state == SELV_LOG_TRIAL &&
           memcmp(log->digest, j->current_digest, 32) != 0 &&
           memcmp(log->digest, j->refused_digest, 32) != 0;
}

static enum selv_err judge_request(struct selv_boot *boot,
                                   const struct selv_log *log)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why;
    if (log->slot != (j->current_slot ^ 1)) {
        return SELV_ERR_BOOT_REQUEST;
    }
    if (!selv_is_good(
            boot->strategy->judge(boot, log->slot, j->accepted, &why))) {
        return why;
    }
    if (memcmp(boot->seen_digest, log->digest, 32) != 0) {
        return SELV_ERR_BOOT_REQUEST;
    }
    /* An equal number that is not current was tried before, or is another
     * image under a number that is taken. */
    return boot->seen_sequence == j->accepted ? SELV_ERR_UPDATE_EQUAL : SELV_OK;
}

static enum selv_verdict answer_request(struct selv_boot *boot,
                                        const struct selv_log *log,
                                        struct selv_boot_record *record)
{
    struct selv_journal next = boot->journal;
    enum selv_err reason = judge_request(boot, log);
    if (reason != SELV_OK) {
        selv_boot_set_refused(&next, log->digest, reason, false);
        boot->facts.decision = SELV_BOOT_REFUSED;
        (void)!commit_refusal(boot, &next);
        return boot->strategy->boot_current(boot, record);
    }
    next.accepted = max64(next.accepted, boot->seen_sequence);
    next.trial_slot = log->slot;
    next.trial_sequence = boot->seen_sequence;
    memcpy(next.trial_digest, boot->seen_digest, 32);
    boot->strategy->accept(boot, &next);
    if (selv_boot_commit(boot, &next) != SELV_OK) {
        return boot->strategy->boot_current(boot, record);
    }
    boot->facts.decision = SELV_BOOT_TRIAL;
    return selv_boot_hand_over(boot, record, boot->journal.trial_slot, true);
}

/* ---- the whole
 * --------------------------------------------------------------- */

enum selv_verdict selv_boot_decide(struct selv_boot *boot,
                                   const struct selv_log *log,
                                   struct selv_boot_record *record)
{
    if (boot->journal.trial_state == SELV_TRIAL_RUNNING) {
        return run_trial(boot, log, record);
    }
    if (is_news(&boot->journal, log)) {
        return answer_request(boot, log, record);
    }
    return boot->strategy->boot_current(boot, record);
}

enum selv_verdict selv_boot_choose(struct selv_boot *boot,
                                   struct selv_boot_record *record)
{
    struct selv_log log;
    memset(&boot->journal, 0, sizeof boot->journal);
    memset(&boot->facts, 0, sizeof boot->facts);
    boot->seen_slot = SELV_SLOT_NONE;
    enum selv_err err =
        selv_journal_read(boot->flash, boot->layout, &boot->journal);
    if (err == SELV_ERR_STORE_EMPTY) {
        err = be_born(boot);
    }
    if (err) {
        return selv_boot_refuse(boot, record, err);
    }
    make_solid(boot);
    boot_assert_state(boot);
    if (selv_log_read(boot->flash, boot->layout, &log)) {
        memset(&log, 0, sizeof log);
    }
    return boot->strategy->decide(boot, &log, record);
}
