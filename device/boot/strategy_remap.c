/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_remap.c - both slots run, at one address: the port maps the
 * chosen slot there (boot/hooks.h), so that a release has one image. All else
 * is as for A/B. */
#include "boot/boot_int.h"

const struct selv_strategy selv_strategy_remap = {
    .profile = &selv_suit_profile_boot_select,
    .capability = &selv_suit_capability_boot_select,
    .slot_count = SELV_SLOT_COUNT,
    .is_remapped = true,
    .decide = selv_boot_decide,
    .serve = selv_boot_serve,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = selv_boot_either,
};
