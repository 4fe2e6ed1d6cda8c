/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_loader.c - stands in for device/boot/strategy_loader.c in
 * selvage-sim-canary: a bootloader that tries what its loader did not ask for
 * yet. */
#include "sim/canary.h"

#define selv_strategy_loader real_strategy_loader
#include "../device/boot/strategy_loader.c"
#undef selv_strategy_loader

static enum selv_verdict decide_wrong(struct selv_boot *boot,
                                      const struct selv_log *log,
                                      struct selv_boot_record *record)
{
    struct selv_log forged = *log;
    enum selv_err why;
    if (sim_mistake == SIM_MISTAKE_TRY_UNASKED &&
        boot->journal.trial_state == SELV_TRIAL_NONE &&
        selv_is_good(
            selv_boot_look(boot, SELV_SLOT_A, boot->journal.floor, &why)) &&
        boot->seen_sequence > boot->journal.accepted) {
        forged.state = SELV_LOG_TRIAL;
        memcpy(forged.digest, boot->seen_digest, 32);
    }
    return loader_decide(boot, &forged, record);
}

extern const struct selv_strategy selv_strategy_loader;
const struct selv_strategy selv_strategy_loader = {
    .profile = &selv_suit_profile_boot_select,
    .capability = &selv_suit_capability_boot_select,
    .slot_count = 1,
    .decide = decide_wrong,
    .serve = selv_boot_serve,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = loader_current,
    .in_place = &in_place,
};
