/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_recover.c - stands in for device/boot/recover_slot.c in
 * selvage-sim-canary: recoveries with the mistakes that recoveries have. */
#include "sim/canary.h"

#include "boot/recover.h"
#include "crypto/crypto.h"

/* A lost journal is made an empty one first: a birth, to whoever reads it when
 * the power is lost there. */
static enum selv_err restart_wrong(const struct selv_flash *flash,
                                   const struct selv_layout *layout,
                                   struct selv_journal *journal)
{
    if (sim_mistake != SIM_MISTAKE_RESTART_BLANK) {
        return selv_journal_restart(flash, layout, journal);
    }
    for (int i = 0; i < 2; i++) {
        enum selv_err err = flash->erase(flash->port, layout->journal_off[i]);
        if (err) {
            return err;
        }
    }
    return selv_journal_write(flash, layout, journal);
}

/* What reads as empty once is. */
static bool is_erased_wrong(const struct selv_flash *flash, uint32_t off,
                            uint32_t len)
{
    return sim_mistake == SIM_MISTAKE_TRUST_EMPTY ||
           selv_flash_is_erased(flash, off, len);
}

/* As device/boot/recover_int.h has it. */
void selv_recover_open(struct selv_recover *r, uint64_t floor);
void real_recover_open(struct selv_recover *r, uint64_t floor);

#define selv_journal_restart restart_wrong
#define selv_recover_open real_recover_open
#define selv_flash_is_erased is_erased_wrong
#include "../device/boot/recover_slot.c"
#undef selv_recover_open

/* Takes nothing once the journal says that bytes are on the move, or that an
 * image was refused. */
void selv_recover_open(struct selv_recover *r, uint64_t floor)
{
    const struct selv_journal *j = &r->boot->journal;
    real_recover_open(r, floor);
    if (sim_mistake == SIM_MISTAKE_DEAD_END && is_in_place(r->boot) &&
        (j->install_state != SELV_INSTALL_NONE ||
         j->current_slot != SELV_SLOT_A || j->refused_reason != 0)) {
        r->closed = SELV_ERR_RECOVER_SLOT;
    }
}
