/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.h - choose what to boot: read the journal and the update log,
 * verify signature and digest of what would run, start, confirm or revert a
 * trial, never loop. The port's main calls selv_boot_choose once, locks the
 * journal and jumps.
 *
 * Calls: fill the public fields of struct selv_boot, then choose, once per
 *        reset.
 * Owns:  nothing; reads both slots, writes the boot journal; a strategy that
 *        installs in place also marks and both slots.
 * RAM:   struct selv_boot plus its stack (DESIGN.md has the measure); scratch
 *        only where flash is not mapped.
 * Invariants: DESIGN.md B1 and following. */
#ifndef SELV_BOOT_BOOT_H
#define SELV_BOOT_BOOT_H

#include "base/base.h"
#include "boot/strategy.h"
#include "store/factory.h"
#include "store/flash.h"
#include "store/journal.h"
#include "store/layout.h"
#include "store/record.h"
#include "suit/suit.h"

struct selv_boot {
    const struct selv_flash *flash;
    const struct selv_layout *layout;
    const struct selv_factory *factory; /* anchor, identity, seed */
    const struct selv_strategy *strategy;
    enum selv_reset_cause reset_cause;
    struct selv_buf scratch; /* SELV_SUIT_ENVELOPE_MAX when flash->map is
                                NULL, else unused */

    /* Private from here on, but for seen_slot: a port starts that, after it
     * compared it with the record's. */
    struct selv_journal journal;
    struct selv_suit suit; /* of the slot looked at last */
    struct selv_suit_device device;
    struct selv_suit_component components[2]; /* application, staging */
    uint8_t staging_id[SELV_FACTORY_STAGING_MAX];
    uint8_t seen_slot; /* the slot looked at last, and what it holds: */
    union {
        struct {                 /* of strategies that install in place */
            bool is_begun;       /* the move began in this very boot */
            bool is_healed;      /* the staging area was asked for help
                                    already */
            uint16_t plan_count; /* sectors that the plan moves */
        };
        /* Public: strategy ram alone. Where images are loaded and run; it
         * takes at least each slot's image_len. len: bytes that are loaded.
         * flash->map is NULL then, and scratch is there. */
        struct selv_buf *ram;
    };
    uint64_t seen_sequence;
    uint8_t seen_digest[32];
    struct selv_boot_facts facts; /* for the record */
};

/* Decide. SELV_GOOD: *record is sealed and names the slot to boot; its image
 * was verified in this very call. SELV_BAD: nothing may boot: the port stays
 * in recovery until it is serviced or its power is cycled, and does not reset
 * by itself; *record is sealed, its slot is SELV_SLOT_NONE and its
 * refused_reason says why. At most four journal records are written (DESIGN.md
 * B10: more with moves in place), none when nothing changed; a power cut at any
 * of them leaves a state from which the next call decides as well. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_choose(struct selv_boot *boot, struct selv_boot_record *record);

/* Nothing may boot, for a reason of the port's own; boot: its strategy and
 * reset_cause are there. SELV_BAD; *record is sealed and says why. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_refuse(const struct selv_boot *boot, struct selv_boot_record *record,
                 enum selv_err reason);

#endif
