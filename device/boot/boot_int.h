/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_int.h - looking at one slot; shared by boot.c and boot_slot.c. */
#ifndef SELV_BOOT_BOOT_INT_H
#define SELV_BOOT_BOOT_INT_H

#include "boot/boot.h"

/* Authenticate the slot's manifest (sequence number at least sequence_min),
 * run its validate and invoke sequences for that slot, and hash its image; once
 * more when that fails.
 * SELV_GOOD: seen_slot, seen_sequence and seen_digest are set, and
 * selv_suit_may_invoke is good until the next look. SELV_BAD: *why says what
 * is wrong, seen_slot is SELV_SLOT_NONE. */
SELV_MUST_CHECK enum selv_verdict selv_boot_look(struct selv_boot *boot,
                                                 uint8_t slot,
                                                 uint64_t sequence_min,
                                                 enum selv_err *why);

#endif
