/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_move.c - stands in for device/boot/boot_move.c in
 * selvage-sim-canary: moves with the mistakes that moves have. */
#include "sim/canary.h"

#define selv_boot_move real_boot_move
#define selv_boot_marks_erase real_boot_marks_erase
#include "../device/boot/boot_move.c"
#undef selv_boot_move
#undef selv_boot_marks_erase

enum selv_err selv_boot_marks_erase(struct selv_boot *boot);
enum selv_err selv_boot_move(struct selv_boot *boot);

enum sim_mistake sim_mistake;

enum selv_err selv_boot_marks_erase(struct selv_boot *boot)
{
    return sim_mistake == SIM_MISTAKE_MARKS_LATE ? SELV_OK
                                                 : real_boot_marks_erase(boot);
}

static void do_step(struct selv_boot *boot, uint32_t step)
{
    struct selv_boot_step s;
    boot->strategy->in_place->step(boot, step, &s);
    if (sim_mistake == SIM_MISTAKE_MARK_FIRST) {
        (void)mark(boot, step);
    }
    if (!copy_once(boot->flash, &s)) {
        (void)copy_once(boot->flash, &s);
    }
    if (sim_mistake != SIM_MISTAKE_MARK_FIRST &&
        selv_flash_is_erased(boot->flash, mark_off(boot, step),
                             boot->flash->write_unit)) {
        (void)mark(boot, step);
    }
}

/* The end of a swap's way forward, before it began. */
static void journal_the_end(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal, now = boot->journal;
    next.install_state = SELV_INSTALL_NONE;
    next.current_slot = SELV_SLOT_B;
    next.trial_state = SELV_TRIAL_RUNNING;
    if (selv_boot_commit(boot, &next) == SELV_OK) {
        now.serial = next.serial;
        boot->journal = now;
    }
}

static enum selv_err move_wrong(struct selv_boot *boot)
{
    uint32_t steps =
        (uint32_t)boot->journal.install_count * boot->strategy->in_place->steps;
    uint32_t step = count_done(boot, steps);
    boot->is_begun = false;
    for (; step < steps; step++) {
        do_step(boot, step);
    }
    return SELV_OK;
}

/* A record for each step, and none stops the next one. */
static enum selv_err move_on(struct selv_boot *boot)
{
    uint32_t steps =
        (uint32_t)boot->journal.install_count * boot->strategy->in_place->steps;
    uint32_t step = count_done(boot, steps);
    enum selv_err err = note_done(boot, step, true);
    for (; err == SELV_OK && step < steps; step++) {
        struct selv_boot_step s;
        boot->strategy->in_place->step(boot, step, &s);
        if (!copy_once(boot->flash, &s)) {
            (void)copy_once(boot->flash, &s);
        }
        err = note_done(boot, step + 1, true);
    }
    return err;
}

enum selv_err selv_boot_move(struct selv_boot *boot)
{
    bool is_forward = boot->journal.install_state == SELV_INSTALL_FORWARD;
    switch (sim_mistake) {
    case SIM_MISTAKE_MARK_FIRST:
    case SIM_MISTAKE_TRUST_MARKS:
        return move_wrong(boot);
    case SIM_MISTAKE_GO_ON:
        return move_on(boot);
    case SIM_MISTAKE_MARKS_LATE:
        if (boot->is_begun && real_boot_marks_erase(boot) != SELV_OK) {
            return SELV_ERR_FLASH_IO;
        }
        break;
    case SIM_MISTAKE_TRY_FIRST:
        if (boot->is_begun && is_forward) {
            journal_the_end(boot);
        }
        break;
    case SIM_MISTAKE_READ_MARK_LAST:
        boot->journal.install_again = 0;
        break;
    case SIM_MISTAKE_NONE:
    default:
        break;
    }
    return real_boot_move(boot);
}
