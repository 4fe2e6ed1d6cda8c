/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/after.c - see after.h. Read with the store's own code. */
#include "after.h"

#include <stdio.h>
#include <string.h>

#include "store/journal.h"
#include "store/layout.h"

enum { CLEAN_MAX = 8 };
/* Boots after which nothing is under way any more. */
enum { SETTLED = 3 };

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
    const uint32_t *off = scene_layout()->journal_off;
    for (int i = 0; i < 2; i++) {
        memcpy(copy + off[i], flash + off[i], SELV_LAYOUT_DEFAULT_SECTOR);
    }
    struct selv_flash f = scene_flash(copy);
    return selv_journal_read(&f, scene_layout(), j);
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
    if (known.scene->slot == SELV_SLOT_NONE) {
        return true;
    }
    if (scene_moves() && is_digest(a->current_digest, b->current_digest)) {
        return true;
    }
    return known.boots == 0
               ? a->current_slot == b->current_slot ||
                     known.scene->six == SIX_CURRENT
               : a->current_slot == b->current_slot &&
                     is_digest(a->current_digest, b->current_digest);
}

/* An attempt may be given that is never used; none is taken back. */
static bool same_trial(const struct selv_journal *a,
                       const struct selv_journal *b)
{
    if (a->trial_state == SELV_TRIAL_NONE) {
        return b->trial_state == SELV_TRIAL_NONE;
    }
    if (known.scene->asked != 0 && a->trial_sequence == known.scene->asked) {
        return a->trial_attempts <= SELV_BOOT_ATTEMPTS_MAX;
    }
    return b->trial_state == a->trial_state && b->trial_slot == a->trial_slot &&
           b->trial_sequence == a->trial_sequence &&
           is_digest(a->trial_digest, b->trial_digest) &&
           a->trial_attempts >= b->trial_attempts &&
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
           (a->install_state == SELV_INSTALL_NONE ||
            (a->install_step == b->install_step &&
             a->install_count == b->install_count &&
             a->install_again == b->install_again));
}

static const struct {
    const char *what;
    same *is;
    bool is_settled; /* judged where nothing moves, or no more */
} facts[] = {
    {"serial", same_serial, false},     {"floor", same_floor, false},
    {"accepted", same_accepted, false}, {"current", same_current, true},
    {"trial", same_trial, true},        {"install", same_install, true},
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
           "%02x%02x for %u, ran %u, count %u; move %u, step %u of %u, again "
           "%u\n",
           (int)err, now.serial, (unsigned long long)now.floor,
           (unsigned long long)now.accepted, now.current_slot, c[0], c[1],
           now.trial_state, t[0], t[1], now.trial_attempts, r[0], r[1],
           now.refused_reason, now.refused_was_trial, now.refused_count,
           now.install_state, now.install_step, now.install_count,
           now.install_again);
}

/* On trial, as the journal counts it. */
static bool is_on_trial(const struct selv_journal *now)
{
    uint8_t slot = scene_strategy() & (ON_AB | ON_RAM | ON_RECOVERY)
                       ? SELV_SLOT_B
                       : SELV_SLOT_A;
    return now->trial_state == SELV_TRIAL_RUNNING && now->trial_slot == slot &&
           now->trial_attempts != 0 &&
           now->trial_attempts <= SELV_BOOT_ATTEMPTS_MAX;
}

bool after_is_untried(const uint8_t *flash, enum image image)
{
    struct selv_journal now;
    if (scene_strategy() != ON_SWAP || image != IMAGE_6 ||
        read_journal(flash, &now) != SELV_OK) {
        return false;
    }
    return is_on_trial(&now) ||
           (known.scene->asked != 0 && known.scene->six != SIX_NEVER &&
            now.trial_state == SELV_TRIAL_NONE &&
            scene_is_six(now.current_digest));
}

bool after_may_run(const uint8_t *flash, enum image image)
{
    struct selv_journal now;
    unsigned may = known.scene->image | known.scene->may;
    if ((image & may) == 0 || read_journal(flash, &now) != SELV_OK) {
        return false;
    }
    if (image == IMAGE_LOADER) {
        return true;
    }
    if (image == IMAGE_5) {
        return now.floor <= SCENE_SEQUENCE_5;
    }
    /* The floor follows what is current, at the latest with the next one. */
    if (known.scene->six == SIX_CURRENT &&
        (now.floor > SCENE_SEQUENCE_5 || scene_is_six(now.current_digest))) {
        return true;
    }
    return known.scene->six != SIX_NEVER && is_on_trial(&now);
}

/* ---- what else there is in flash ------------------------------------------
 */

/* Journal apart; and, where a driver may write more than that, the log, which
 * is hostile input anyway; and marks; and where bytes may move, the slots. */
static const char *others_wrong(const uint8_t *flash)
{
    const struct selv_layout *l = scene_layout();
    uint32_t end = l->journal_off[1] + SELV_LAYOUT_DEFAULT_SECTOR;
    uint32_t a = l->slot[SELV_SLOT_A].envelope_off;
    /* A recovery writes whichever slot its manifest is good for: neither of
     * them boots. */
    bool is_written = scene_session(known.scene) >= SESSION_BEGUN;
    if (l->marks_len != 0) {
        end = l->log_off[1] + SELV_LAYOUT_DEFAULT_SECTOR;
    }
    if (!is_as_before(flash, 0, l->journal_off[0]) ||
        !is_as_before(flash, end, l->marks_len ? l->marks_off : a)) {
        return "outside of the journal";
    }
    /* How much moves does not matter, as long as the right one runs. */
    return scene_moves() || is_written ||
                   is_as_before(flash, a, SELV_LAYOUT_DEFAULT_SIZE)
               ? NULL
               : "a slot changed";
}

static const char way_back[] = "the way back";

bool after_is_loss(const char *wrong)
{
    return wrong == way_back;
}

/* A swap on trial has a way back. */
static bool is_way_back(const uint8_t *flash, const struct selv_journal *now)
{
    return scene_strategy() != ON_SWAP || known.scene->image == IMAGE_NONE ||
           now->trial_state != SELV_TRIAL_RUNNING || now->trial_attempts == 0 ||
           scene_is_kept(flash);
}

const char *after_wrong(const uint8_t *flash, int boots)
{
    const uint32_t *off = scene_layout()->journal_off;
    struct selv_journal now;
    uint32_t end = off[1] + SELV_LAYOUT_DEFAULT_SECTOR;
    const char *wrong = others_wrong(flash);
    known.boots = boots;
    if (wrong != NULL) {
        return wrong;
    }
    if (known.count == 0) {
        return is_as_before(flash, off[0], end) ? NULL : "a journal";
    }
    if (read_journal(flash, &now) != SELV_OK) {
        return known.err == SELV_OK ? "journal lost" : NULL;
    }
    if (!is_way_back(flash, &now)) {
        return way_back;
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        unsigned k = 0;
        if (facts[i].is_settled && scene_moves() && boots < SETTLED) {
            continue; /* a move that was cut short goes on */
        }
        while (k < known.count && !facts[i].is(&now, &known.clean[k])) {
            k++;
        }
        if (k == known.count) {
            return facts[i].what;
        }
    }
    return NULL;
}
