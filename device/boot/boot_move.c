/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_move.c - sectors, copied one after the other, so that a cut at any
 * instant can be gone on from. DESIGN.md M1 to M5.
 *
 * After each step its mark is written: one unit. A mark counts when its unit is
 * not wholly erased: one that was torn says as well that its step is done. But
 * it may read so at one boot and otherwise at the next, and a step done again
 * after the next one began would copy what is gone. So a mark is read for a
 * decision once: what the marks say at a resume goes to the journal, with the
 * word that the next mark is not to be looked at, before anything is copied;
 * then the marks are erased, whose units may be torn ones that read as erased,
 * or what a cut left of an erase before. The first step after that gets no
 * mark but a record, since it is the one that is not to be looked at. Where the
 * marks do not become erased, every step gets such a record. */
#define SELV_MODULE 0x424d4f56u /* "BMOV" */
#include "boot/boot_int.h"

/* Bytes copied at a time; whole units of any flash. */
enum { CHUNK_LEN = 256, COMPARE_LEN = 32 };
_Static_assert(CHUNK_LEN % SELV_FLASH_UNIT_MAX == 0 &&
                   COMPARE_LEN % SELV_FLASH_UNIT_MAX == 0,
               "chunks are whole units");

/* ---- marks -----------------------------------------------------------------
 */

static uint32_t mark_off(const struct selv_boot *boot, uint32_t step)
{
    return boot->layout->marks_off + step * boot->flash->write_unit;
}

enum selv_err selv_boot_marks_erase(struct selv_boot *boot)
{
    const struct selv_flash *flash = boot->flash;
    const struct selv_layout *layout = boot->layout;
    for (uint32_t at = 0; at < layout->marks_len; at += flash->sector_len) {
        enum selv_err err = flash->erase(flash->port, layout->marks_off + at);
        if (err) {
            return err;
        }
        if (flash->kick != NULL) {
            flash->kick(flash->port);
        }
    }
    return selv_flash_is_erased(flash, layout->marks_off, layout->marks_len)
               ? SELV_OK
               : SELV_ERR_FLASH_IO;
}

/* Steps that are done, by the journal and the marks behind it. */
SELV_OPAQUE static uint32_t count_done(const struct selv_boot *boot,
                                       uint32_t steps)
{
    uint32_t done = boot->journal.install_step;
    if (boot->journal.install_again) {
        return done;
    }
    while (done < steps &&
           !selv_flash_is_erased(boot->flash, mark_off(boot, done),
                                 boot->flash->write_unit)) {
        done++;
    }
    return done;
}

/* False when the unit does not take it. */
static bool mark(const struct selv_boot *boot, uint32_t step)
{
    const struct selv_flash *flash = boot->flash;
    uint32_t off = mark_off(boot, step);
    uint8_t unit[SELV_FLASH_UNIT_MAX];
    memset(unit, ~flash->erased, sizeof unit);
    return flash->write(flash->port, off, unit, flash->write_unit) == SELV_OK &&
           !selv_flash_is_erased(flash, off, flash->write_unit);
}

/* M12: whether flash says what RAM says, read anew. A record that one skipped
 * instruction kept from flash is none, whatever the writer returned. */
enum selv_err selv_boot_is_journalled(const struct selv_boot *boot)
{
    struct selv_journal now;
    enum selv_err err = selv_journal_read(boot->flash, boot->layout, &now);
    const struct selv_journal *j = &boot->journal;
    if (err != SELV_OK) {
        return err;
    }
    return now.serial == j->serial && now.current_slot == j->current_slot &&
                   now.trial_state == j->trial_state &&
                   now.install_state == j->install_state &&
                   now.install_step == j->install_step &&
                   now.install_count == j->install_count &&
                   now.install_again == j->install_again
               ? SELV_OK
               : SELV_ERR_STATE;
}

static enum selv_err note_done(struct selv_boot *boot, uint32_t done,
                               bool is_again)
{
    struct selv_journal next = boot->journal;
    next.install_step = (uint16_t)done;
    next.install_again = is_again;
    enum selv_err err = selv_boot_commit(boot, &next);
    return err != SELV_OK ? err : selv_boot_is_journalled(boot);
}

/* ---- one sector ------------------------------------------------------------
 */

/* A unit that does not read, asked twice, goes over as an erased one: the image
 * that it is part of is found bad where it lands, and no move stands still for
 * ever. */
static void read_all(const struct selv_flash *flash, uint32_t off, uint8_t *p,
                     uint32_t len)
{
    uint32_t unit = flash->write_unit;
    if (flash->read(flash->port, off, p, len) == SELV_OK) {
        return;
    }
    for (uint32_t at = 0; at < len; at += unit) {
        if (flash->read(flash->port, off + at, p + at, unit) != SELV_OK &&
            flash->read(flash->port, off + at, p + at, unit) != SELV_OK) {
            memset(p + at, flash->erased, unit);
        }
    }
}

static bool is_erased(const struct selv_flash *flash, const uint8_t *p,
                      uint32_t len)
{
    while (len > 0 && p[len - 1] == flash->erased) {
        len--;
    }
    return len == 0;
}

/* Against the source, read once more: what was copied may have been read wrong
 * that once. */
static bool is_same(const struct selv_flash *flash,
                    const struct selv_boot_step *s)
{
    uint8_t a[COMPARE_LEN], b[COMPARE_LEN];
    uint32_t n;
    for (uint32_t at = 0; at < flash->sector_len; at += n) {
        n = flash->sector_len - at;
        n = n < COMPARE_LEN ? n : (uint32_t)COMPARE_LEN;
        read_all(flash, s->from + at, a, n);
        read_all(flash, s->to + at, b, n);
        if (memcmp(a, b, n) != 0) {
            return false;
        }
    }
    return true;
}

static bool copy_once(const struct selv_flash *flash,
                      const struct selv_boot_step *s)
{
    uint8_t chunk[CHUNK_LEN];
    uint32_t n;
    if (flash->kick != NULL) {
        flash->kick(flash->port);
    }
    if (flash->erase(flash->port, s->to) != SELV_OK) {
        return false;
    }
    for (uint32_t at = 0; at < flash->sector_len; at += n) {
        n = flash->sector_len - at;
        n = n < CHUNK_LEN ? n : (uint32_t)CHUNK_LEN;
        read_all(flash, s->from + at, chunk, n);
        if (!is_erased(flash, chunk, n) &&
            flash->write(flash->port, s->to + at, chunk, n) != SELV_OK) {
            return false;
        }
    }
    return is_same(flash, s);
}

/* ---- the move --------------------------------------------------------------
 */

/* M13: what a move rests on is computed twice; what differs ends the call, and
 * the next boot goes on from what the journal says. */
SELV_OPAQUE static uint32_t count_steps(const struct selv_boot *boot)
{
    return (uint32_t)boot->journal.install_count *
           boot->strategy->in_place->steps;
}

/* Where a mark reads otherwise each time, either answer is right (M3). */
static enum selv_err find_done(const struct selv_boot *boot, uint32_t steps,
                               uint32_t *done)
{
    for (int turn = 0; turn < 8; turn++) {
        *done = count_done(boot, steps);
        if (*done == count_done(boot, steps)) {
            return SELV_OK;
        }
    }
    return SELV_ERR_STATE;
}

bool selv_boot_has_moved(const struct selv_boot *boot)
{
    uint32_t done;
    return find_done(boot, count_steps(boot), &done) != SELV_OK || done != 0;
}

static enum selv_err find_step(const struct selv_boot *boot, uint32_t step,
                               struct selv_boot_step *out)
{
    struct selv_boot_step again;
    uint32_t steps = count_steps(boot);
    /* It is the one that journal and marks name, read anew. */
    if (boot->journal.install_state == SELV_INSTALL_NONE || step >= steps ||
        count_done(boot, steps) != step) {
        return SELV_ERR_STATE;
    }
    boot->strategy->in_place->step(boot, step, out);
    boot->strategy->in_place->step(boot, step, &again);
    return out->from == again.from && out->to == again.to ? SELV_OK
                                                          : SELV_ERR_STATE;
}

/* M11: the application may have run since slot B was looked at, when the record
 * that begins the move was torn and not seen at a boot in between. Four looks,
 * as before slot A loses its place. */
static bool is_staged_still(struct selv_boot *boot)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why;
    for (int turn = 0; turn < 2; turn++) {
        if (selv_is_good(selv_boot_plan(boot, SELV_SLOT_B, j->floor, &why)) &&
            memcmp(boot->seen_digest, j->trial_digest, 32) == 0) {
            return true;
        }
    }
    return false;
}

enum selv_err selv_boot_move(struct selv_boot *boot)
{
    const struct selv_strategy *strategy = boot->strategy;
    uint32_t steps = count_steps(boot);
    bool is_resumed = !boot->is_begun;
    bool has_marks = !boot->journal.install_again;
    uint32_t step = 0;
    enum selv_err err = selv_boot_is_journalled(boot);
    boot->is_begun = false;
    if (steps != count_steps(boot)) {
        return SELV_ERR_STATE;
    }
    if (err == SELV_OK) {
        err = find_done(boot, steps, &step);
    }
    /* One that began just now has done nothing. */
    if (err == SELV_OK && !is_resumed && step != 0) {
        err = SELV_ERR_STATE;
    }
    if (err == SELV_OK && is_resumed && step == 0 &&
        boot->journal.install_state == SELV_INSTALL_FORWARD &&
        !is_staged_still(boot)) {
        err = selv_boot_strike_out(boot);
        return err != SELV_OK ? err : SELV_ERR_STATE;
    }
    if (err == SELV_OK && is_resumed) {
        err = note_done(boot, step, true);
        has_marks = err == SELV_OK && selv_boot_marks_erase(boot) == SELV_OK;
    }
    for (; err == SELV_OK && step < steps; step++) {
        struct selv_boot_step s;
        err = find_step(boot, step, &s);
        if (err != SELV_OK) {
            break;
        }
        /* M13: a copy that was left out is none. */
        if ((!copy_once(boot->flash, &s) || !is_same(boot->flash, &s)) &&
            (!copy_once(boot->flash, &s) || !is_same(boot->flash, &s)) &&
            strategy->in_place->turn_back != NULL) {
            /* To go on would lose what A was to get: its source is written
             * over by the next step, or by the way back. */
            if (step % 2 != 0) {
                return SELV_ERR_FLASH_IO; /* the next boot tries again */
            }
            if (boot->journal.install_state == SELV_INSTALL_FORWARD) {
                return strategy->in_place->turn_back(boot, step);
            }
        }
        if (is_resumed || !has_marks || !mark(boot, step)) {
            err = note_done(boot, step + 1, !has_marks);
        }
        is_resumed = false;
    }
    return err == SELV_OK && step < count_steps(boot) ? SELV_ERR_STATE : err;
}
