/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_hooks.c - see boot/hooks.h. */
#include "boot/hooks.h"

#include "boot/boot_int.h"

/* A counter stands between choice and strategy: a program that names its
 * strategy when it is compiled would not ask it, so that it has none of this.
 */
#ifndef SELV_BOOT_ONLY_STRATEGY

/* The port's strategy, with the counter's word before its decision: so that
 * bootloaders without a counter know nothing of one. */
struct counted {
    struct selv_strategy table; /* first: what boot->strategy points to */
    const struct selv_strategy *real;
    uint64_t floor;
};

/* What cannot fall says more than a journal that someone put back. */
static enum selv_verdict decide_counted(struct selv_boot *boot,
                                        const struct selv_log *log,
                                        struct selv_boot_record *record)
{
    const struct counted *c = (const struct counted *)boot->strategy;
    struct selv_journal *j = &boot->journal;
    j->floor = j->floor > c->floor ? j->floor : c->floor;
    j->accepted = j->accepted > j->floor ? j->accepted : j->floor;
    return c->real->decide(boot, log, record);
}

static enum selv_verdict choose(struct selv_boot *boot, uint64_t floor,
                                struct selv_boot_record *record)
{
    struct counted c = {*boot->strategy, boot->strategy, floor};
    c.table.decide = decide_counted;
    boot->strategy = &c.table;
    enum selv_verdict verdict = selv_boot_choose(boot, record);
    boot->strategy = c.real;
    return verdict;
}

/* The counter follows the journal: a cut between the two leaves a counter that
 * is behind, and the next boot raises it. */
static enum selv_err prepare(const struct selv_boot *boot,
                             const struct selv_boot_hooks *hooks,
                             uint64_t floor, uint8_t slot)
{
    enum selv_err err = SELV_OK;
    if (hooks->counter_raise != NULL && boot->journal.floor > floor) {
        err = hooks->counter_raise(hooks->port, boot->journal.floor);
    }
    if (err == SELV_OK && boot->strategy->is_remapped) {
        err = hooks->remap == NULL ? SELV_ERR_STATE
                                   : hooks->remap(hooks->port, slot);
    }
    return err;
}

enum selv_verdict selv_boot_run(struct selv_boot *boot,
                                const struct selv_boot_hooks *hooks,
                                struct selv_boot_record *record)
{
    enum selv_verdict verdict = SELV_BAD;
    enum selv_err err = SELV_OK;
    uint64_t floor = 0;
    memset(&boot->journal, 0, sizeof boot->journal);
    if (hooks->counter_read != NULL) {
        err = hooks->counter_read(hooks->port, &floor);
    }
    if (err == SELV_OK) {
        verdict = choose(boot, floor, record);
        if (selv_is_good(verdict)) {
            err = prepare(boot, hooks, floor, record->slot);
        }
    }
    if (hooks->lock != NULL) {
        enum selv_err mine = hooks->lock(hooks->port);
        err = err != SELV_OK ? err : mine;
    }
    if (err != SELV_OK) {
        verdict = selv_boot_refuse(boot, record, err);
    }
    return err == SELV_OK ? verdict : SELV_BAD;
}
#endif
