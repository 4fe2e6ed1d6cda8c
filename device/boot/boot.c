/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.c - which slot to boot. States, their drawing and the invariants,
 * B1 and following, are in DESIGN.md. */
#define SELV_MODULE 0x424f4f54u /* "BOOT" */
#include "boot/boot_int.h"

/* Of a journal whose newest record reads otherwise at each read. */
enum { LOOKS_MAX = 8 };

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The journal as flash has it, read anew: what one skipped instruction made of
 * it when the decision began is not asked alone. */
static enum selv_err read_again(const struct selv_boot *boot,
                                struct selv_journal *now)
{
    return selv_journal_read(selv_boot_flash(boot), boot->layout, now);
}

/* Make *next the truth: in flash first, then in RAM. On an error RAM still
 * says what flash says. B16: it follows what is newest in flash, and only the
 * manifest that was looked at last raises accepted. */
enum selv_err selv_boot_commit(struct selv_boot *boot,
                               struct selv_journal *next)
{
    struct selv_journal now;
    /* Only a birth begins a journal. */
    if ((read_again(boot, &now) != SELV_OK &&
         boot->facts.decision != SELV_BOOT_BORN) ||
        (next->accepted != now.accepted &&
         next->accepted != selv_suit_sequence_number(&boot->suit))) {
        return SELV_ERR_STATE;
    }
    enum selv_err err =
        selv_journal_write(selv_boot_flash(boot), boot->layout, next);
    if (err == SELV_OK) {
        boot->journal = *next;
    }
    return err;
}

void selv_boot_clear_trial(struct selv_journal *j)
{
    /* The fields on trial stand together: none is forgotten. */
    memset((uint8_t *)j + offsetof(struct selv_journal, trial_sequence), 0,
           offsetof(struct selv_journal, trial_attempts) + 1 -
               offsetof(struct selv_journal, trial_sequence));
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
enum selv_err selv_boot_commit_refusal(struct selv_boot *boot,
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
    struct {
        uint8_t seed[sizeof factory->seed];
        char label[10];
        uint8_t serial[4];
    } of;
    memcpy(of.seed, factory->seed, sizeof of.seed);
    memcpy(of.label, "boot nonce", sizeof of.label);
    selv_put_be32(of.serial, serial);
    selv_check_make(&of, sizeof of, nonce);
}

/* ---- ends of a decision ---------------------------------------------------
 */

/* What stands together, in the same order, in both structs. */
#define SPAN(type, first, last)                                                \
    (offsetof(type, last) + sizeof(((type *)0)->last) - offsetof(type, first))
enum {
    NUMBERS_LEN = SPAN(struct selv_journal, serial, floor),
    REFUSAL_LEN = SPAN(struct selv_journal, refused_digest, refused_was_trial),
    CAPABILITY_LEN = SPAN(struct selv_suit_capability, commands, signers_max),
    SEEN_LEN = SPAN(struct selv_boot, seen_sequence, seen_digest)
};
_Static_assert(
    (int)SPAN(struct selv_boot_record, serial, floor) == NUMBERS_LEN &&
        (int)SPAN(struct selv_boot_record, refused_digest, refused_was_trial) ==
            REFUSAL_LEN &&
        (int)SPAN(struct selv_boot_record, boot_commands, boot_signers_max) ==
            CAPABILITY_LEN &&
        (int)SPAN(struct selv_boot_record, sequence, digest) == SEEN_LEN &&
        (int)SPAN(struct selv_journal, trial_sequence, trial_digest) ==
            SEEN_LEN,
    "copied as one piece");

static void fill_record(const struct selv_boot *boot,
                        struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    memset(record, 0, sizeof *record);
    record->reset_cause = (uint8_t)boot->reset_cause;
    memcpy(&record->serial, &j->serial, NUMBERS_LEN);
    memcpy(record->refused_digest, j->refused_digest, REFUSAL_LEN);
    /* So that the application refuses before it fetches what boot_slot.c would
     * refuse after the reset. */
    memcpy(&record->boot_commands,
           &selv_boot_strategy(boot)->capability->commands, CAPABILITY_LEN);
    record->facts = boot->facts;
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

/* B1: hand over only what the look just before found good, asked once more, and
 * what was decided on the record that is newest in flash. B3: on trial only as
 * the journal in flash counts it. */
enum selv_verdict selv_boot_hand_over(const struct selv_boot *boot,
                                      struct selv_boot_record *record,
                                      uint8_t slot, bool is_trial)
{
    struct selv_journal now;
    if (boot->seen_slot != slot || read_again(boot, &now) != SELV_OK ||
        now.serial != boot->journal.serial || boot->seen_sequence < now.floor ||
        (is_trial &&
         (now.trial_state != SELV_TRIAL_RUNNING || now.trial_attempts == 0 ||
          now.trial_attempts > SELV_BOOT_ATTEMPTS_MAX)) ||
        !selv_is_good(selv_suit_may_invoke(&boot->suit))) {
        return selv_boot_refuse(boot, record, SELV_ERR_BOOT_NO_IMAGE);
    }
    fill_record(boot, record);
    record->slot = slot;
    record->is_trial = is_trial;
    memcpy(&record->sequence, &boot->seen_sequence, SEEN_LEN);
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
    /* Slot A last: of equal ones it is the one. */
    for (uint8_t slot = selv_boot_strategy(boot)->slot_count; slot-- > 0;) {
        if (selv_is_good(selv_boot_look(boot, slot, 0, &why)) &&
            boot->seen_sequence >= first.accepted) {
            first.current_slot = slot;
            first.accepted = boot->seen_sequence;
            memcpy(first.current_digest, boot->seen_digest, 32);
        }
    }
    /* Looked at twice, as everything that is decided once for all. */
    if (first.current_slot >= SELV_SLOT_COUNT ||
        !selv_is_good(selv_boot_look(boot, first.current_slot, 0, &why))) {
        return SELV_ERR_BOOT_NO_IMAGE;
    }
    first.floor = first.accepted;
    boot->facts.decision = SELV_BOOT_BORN;
    return selv_boot_commit(boot, &first);
}

/* J9: what only one sector holds may be torn, and read as whole this once; it
 * is written again before anything is decided on it. What reads otherwise by
 * the time it is written is looked at again. */
static enum selv_err read_solid(struct selv_boot *boot)
{
    struct selv_journal *j = &boot->journal;
    for (unsigned looks = LOOKS_MAX;; looks--) {
        boot->facts.decision = SELV_BOOT_UNCHANGED;
        enum selv_err err = read_again(boot, j);
        /* Asked in two ways: no birth over a living journal. */
        if (err == SELV_ERR_STORE_EMPTY && j->serial == 0) {
            err = be_born(boot);
        } else if (err == SELV_OK && j->is_alone && looks != 0) {
            struct selv_journal next = *j;
            err = selv_boot_commit(boot, &next);
            j->is_alone = false;
            /* A failed write leaves it open; the next boot tries again. */
            err = err == SELV_OK || err == SELV_ERR_FLASH_IO ? SELV_OK
                                                             : SELV_ERR_STATE;
        }
        if (err != SELV_ERR_STATE || looks == 0) {
            return err;
        }
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
    (void)!selv_boot_commit_refusal(boot, &next);
}

/* ---- a trial ---------------------------------------------------------------
 */

/* What a look found, when it was to find the manifest of that digest. */
static enum selv_err match(const struct selv_boot *boot,
                           enum selv_verdict verdict, enum selv_err why,
                           const uint8_t digest[static 32])
{
    if (!selv_is_good(verdict)) {
        return why;
    }
    return memcmp(boot->seen_digest, digest, 32) == 0 ? SELV_OK
                                                      : SELV_ERR_BOOT_REQUEST;
}

static bool is_confirmed(const struct selv_journal *j,
                         const struct selv_log *log)
{
    return log->state == SELV_LOG_CONFIRM && j->trial_attempts != 0 &&
           selv_ct_equal(log->nonce, j->trial_nonce, SELV_NONCE_LEN);
}

/* Why there is no further attempt; SELV_OK: there is one. */
static enum selv_err judge_attempts(const struct selv_boot *boot)
{
    uint8_t attempts = boot->journal.trial_attempts;
    if (attempts != 0 && boot->reset_cause == SELV_RESET_WATCHDOG) {
        return SELV_ERR_BOOT_WATCHDOG;
    }
    if (attempts != 0 && boot->reset_cause == SELV_RESET_CRASH) {
        return SELV_ERR_BOOT_CRASH;
    }
    return attempts >= SELV_BOOT_ATTEMPTS_MAX ? SELV_ERR_BOOT_ATTEMPTS
                                              : SELV_OK;
}

void selv_boot_confirm(struct selv_journal *next)
{
    next->current_slot = next->trial_slot;
    memcpy(next->current_digest, next->trial_digest, 32);
    next->floor = max64(next->floor, next->trial_sequence);
    /* What was refused before is behind us: it can only come back with a
     * number above accepted, and is then judged anew. */
    memset(next->refused_digest, 0, REFUSAL_LEN);
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
    uint8_t slot = next.trial_slot;
    enum selv_err seen = SELV_OK;
    enum selv_verdict verdict =
        selv_boot_look(boot, slot, next.trial_sequence, &seen);
    bool is_over = is_confirmed(&next, log);
    /* An image that is damaged is not worth a floor above the old one; but a
     * sound one that is confirmed is, whatever happened after that. */
    enum selv_err why = match(boot, verdict, seen, next.trial_digest);
    if (why == SELV_OK && !is_over) {
        why = judge_attempts(boot);
    }
    enum selv_boot_decision decision = SELV_BOOT_CONFIRMED;
    if (why != SELV_OK) {
        decision = SELV_BOOT_REVERTED;
        selv_boot_set_refused(&next, next.trial_digest, why, true);
        selv_boot_clear_trial(&next);
    } else if (is_over && is_confirmed(&boot->journal, log)) {
        selv_boot_confirm(&next);
    } else {
        is_over = false;
        selv_boot_attempt(boot, &next);
        /* After a move the first attempt is given here, too. */
        decision = next.trial_attempts == 1 ? SELV_BOOT_TRIAL : SELV_BOOT_AGAIN;
    }
    enum selv_err err = selv_boot_commit(boot, &next);
    if (err == SELV_OK) {
        boot->facts.decision = (uint8_t)decision;
    }
    if (err != SELV_OK || why != SELV_OK) {
        return selv_boot_strategy(boot)->boot_current(boot, record);
    }
    return selv_boot_hand_over(boot, record, slot, !is_over);
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
    enum selv_err seen = SELV_OK;
    if (log->slot != (j->current_slot ^ 1)) {
        return SELV_ERR_BOOT_REQUEST;
    }
    enum selv_verdict verdict =
        selv_boot_strategy(boot)->judge(boot, log->slot, j->accepted, &seen);
    enum selv_err why = match(boot, verdict, seen, log->digest);
    /* An equal number that is not current was tried before, or is another
     * image under a number that is taken. */
    return why == SELV_OK && boot->seen_sequence == j->accepted
               ? SELV_ERR_UPDATE_EQUAL
               : why;
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
        (void)!selv_boot_commit_refusal(boot, &next);
        return selv_boot_strategy(boot)->boot_current(boot, record);
    }
    next.accepted = max64(next.accepted, boot->seen_sequence);
    next.trial_slot = log->slot;
    memcpy(&next.trial_sequence, &boot->seen_sequence, SEEN_LEN);
    selv_boot_strategy(boot)->accept(boot, &next);
    if (selv_boot_commit(boot, &next) != SELV_OK) {
        return selv_boot_strategy(boot)->boot_current(boot, record);
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
    return selv_boot_strategy(boot)->boot_current(boot, record);
}

enum selv_verdict selv_boot_choose(struct selv_boot *boot,
                                   struct selv_boot_record *record)
{
    struct selv_log log;
    memset(&boot->facts, 0, sizeof boot->facts);
    boot->seen_slot = SELV_SLOT_NONE;
    enum selv_err err = read_solid(boot);
    if (err) {
        return selv_boot_refuse(boot, record, err);
    }
    /* Without one, what is read are zeros, which ask for nothing. */
    (void)!selv_log_read(selv_boot_flash(boot), boot->layout, &log);
    return selv_boot_strategy(boot)->decide(boot, &log, record);
}
