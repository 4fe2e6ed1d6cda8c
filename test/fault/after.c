/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/after.c - see after.h. Read with the store's own code. */
#include "after.h"

#include <stdio.h>
#include <string.h>

#include "store/journal.h"
#include "store/layout.h"

enum { CLEAN_MAX = 8 };

static struct {
    const struct scene *scene;
    uint8_t flash[SELV_LAYOUT_DEFAULT_SIZE];
    enum selv_err err; /* of the journal */
    struct selv_journal clean[CLEAN_MAX];
    unsigned count;
    int boots; /* since the fault */
} known;

static enum selv_err read_journal(const uint8_t *flash, struct selv_journal *j)
{
    static uint8_t copy[SELV_LAYOUT_DEFAULT_SIZE];
    const uint32_t *off = selv_layout_default.journal_off;
    for (int i = 0; i < 2; i++) {
        memcpy(copy + off[i], flash + off[i], SELV_LAYOUT_DEFAULT_SECTOR);
    }
    struct selv_flash f = scene_flash(copy);
    return selv_journal_read(&f, &selv_layout_default, j);
}

void after_begin(const struct scene *scene, const uint8_t *flash)
{
    known.scene = scene;
    known.count = 0;
    memcpy(known.flash, flash, sizeof known.flash);
    known.err = read_journal(flash, &known.clean[0]);
    if (known.err == SELV_OK) {
        known.count = 1;
    }
}

void after_clean(const uint8_t *flash)
{
    if (known.count < CLEAN_MAX &&
        read_journal(flash, &known.clean[known.count]) == SELV_OK) {
        known.count++;
    }
}

/* ---- one fact at a time: whether some clean run has the same ------------- */

typedef bool same(const struct selv_journal *a, const struct selv_journal *b);

static bool is_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 32) == 0;
}

static bool same_floor(const struct selv_journal *a,
                       const struct selv_journal *b)
{
    return a->floor == b->floor;
}

/* What is asked for may count as accepted when its manifest is authentic. */
static bool same_accepted(const struct selv_journal *a,
                          const struct selv_journal *b)
{
    return a->accepted == b->accepted ||
           (known.scene->asked != 0 && a->accepted == known.scene->asked);
}

/* Which manifest the current slot holds is a note that the next boot puts
 * right; and which one it is, where none is good. */
static bool same_current(const struct selv_journal *a,
                         const struct selv_journal *b)
{
    if (known.scene->good_slot == SELV_SLOT_NONE) {
        return true;
    }
    return known.boots == 0
               ? a->current_slot == b->current_slot ||
                     known.scene->slot_b == B_CURRENT
               : a->current_slot == b->current_slot &&
                     is_digest(a->current_digest, b->current_digest);
}

/* An attempt may be given that is never used; none is taken back. */
static bool same_trial(const struct selv_journal *a,
                       const struct selv_journal *b)
{
    const struct selv_journal *start = &known.clean[0];
    if (a->trial_state == SELV_TRIAL_NONE) {
        return b->trial_state == SELV_TRIAL_NONE;
    }
    if (known.scene->asked != 0 && a->trial_sequence == known.scene->asked) {
        return a->trial_attempts <= SELV_BOOT_ATTEMPTS_MAX;
    }
    return b->trial_state == a->trial_state && b->trial_slot == a->trial_slot &&
           b->trial_sequence == a->trial_sequence &&
           is_digest(a->trial_digest, b->trial_digest) &&
           a->trial_attempts >= start->trial_attempts &&
           a->trial_attempts <= SELV_BOOT_ATTEMPTS_MAX + 1;
}

/* It never falls, so that no nonce comes again. */
static bool same_serial(const struct selv_journal *a,
                        const struct selv_journal *b)
{
    (void)b;
    return a->serial >= known.clean[0].serial;
}

static bool same_install(const struct selv_journal *a,
                         const struct selv_journal *b)
{
    return a->install_state == b->install_state &&
           a->install_step == b->install_step &&
           a->install_count == b->install_count &&
           a->install_again == b->install_again;
}

static const struct {
    const char *what;
    same *is;
} facts[] = {
    {"serial", same_serial},     {"floor", same_floor},
    {"accepted", same_accepted}, {"current", same_current},
    {"trial", same_trial},       {"install", same_install},
};

static bool is_as_before(const uint8_t *flash, uint32_t from, uint32_t to)
{
    return memcmp(flash + from, known.flash + from, to - from) == 0;
}

void after_print(const uint8_t *flash)
{
    struct selv_journal now;
    enum selv_err err = read_journal(flash, &now);
    const uint8_t *c = now.current_digest, *t = now.trial_digest,
                  *r = now.refused_digest;
    printf("journal: error %d, serial %u, floor %llu, accepted %llu; current "
           "slot %u %02x%02x; trial %u of %02x%02x, %u attempts; refused "
           "%02x%02x for %u, ran %u, count %u\n",
           (int)err, now.serial, (unsigned long long)now.floor,
           (unsigned long long)now.accepted, now.current_slot, c[0], c[1],
           now.trial_state, t[0], t[1], now.trial_attempts, r[0], r[1],
           now.refused_reason, now.refused_was_trial, now.refused_count);
}

bool after_may_run(const uint8_t *flash, uint8_t slot)
{
    struct selv_journal now;
    if (known.scene->good_slot == SELV_SLOT_NONE ||
        read_journal(flash, &now) != SELV_OK) {
        return false;
    }
    if (slot == SELV_SLOT_A) {
        return now.floor <= SCENE_SEQUENCE_A;
    }
    if (known.scene->slot_b == B_NEVER) {
        return false;
    }
    if (known.scene->slot_b == B_CURRENT && now.floor > SCENE_SEQUENCE_A) {
        return true;
    }
    return now.current_slot == slot
               ? known.scene->slot_b == B_CURRENT
               : now.trial_state == SELV_TRIAL_RUNNING &&
                     now.trial_slot == slot && now.trial_attempts != 0 &&
                     now.trial_attempts <= SELV_BOOT_ATTEMPTS_MAX;
}

const char *after_wrong(const uint8_t *flash, int boots)
{
    const uint32_t *off = selv_layout_default.journal_off;
    struct selv_journal now;
    uint32_t end = off[1] + SELV_LAYOUT_DEFAULT_SECTOR;
    known.boots = boots;
    if (!is_as_before(flash, 0, off[0]) ||
        !is_as_before(flash, end, SELV_LAYOUT_DEFAULT_SIZE)) {
        return "outside of the journal";
    }
    if (known.count == 0) {
        return is_as_before(flash, off[0], end) ? NULL : "a journal";
    }
    if (read_journal(flash, &now) != SELV_OK) {
        return known.err == SELV_OK ? "journal lost" : NULL;
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        unsigned k = 0;
        while (k < known.count && !facts[i].is(&now, &known.clean[k])) {
            k++;
        }
        if (k == known.count) {
            return facts[i].what;
        }
    }
    return NULL;
}
