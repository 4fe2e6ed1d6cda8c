/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_ram.c - stands in for device/boot/strategy_ram.c in
 * selvage-sim-canary: a bootloader that trusts what it loads from. */
#include "sim/canary.h"

#define selv_strategy_ram real_strategy_ram
#include "../device/boot/strategy_ram.c"
#undef selv_strategy_ram

/* The digest of what is stored, for that of what was loaded. */
static enum selv_err serve_wrong(struct selv_boot *boot,
                                 const struct selv_slot_place *place,
                                 const struct selv_suit_todo *todo)
{
    struct selv_suit_todo other = *todo;
    if (sim_mistake == SIM_MISTAKE_HASH_STORED &&
        todo->kind == SELV_SUIT_DIGEST) {
        other.device_component = STORED;
    }
    return ram_serve(boot, place, &other);
}

extern const struct selv_strategy selv_strategy_ram;
const struct selv_strategy selv_strategy_ram = {
    .profile = &selv_suit_profile_boot_load,
    .capability = &capability,
    .slot_count = SELV_SLOT_COUNT,
    .decide = selv_boot_decide,
    .serve = serve_wrong,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = selv_boot_either,
    .in_place = &in_place,
};
