/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.h - choose what to boot: read the journal and the update log,
 * verify signature and digest of what would run, start, confirm or revert a
 * trial, never loop. The port's main calls selv_boot_choose once, locks the
 * journal and jumps.
 *
 * Owns:  nothing; reads both slots, writes the boot journal only.
 * RAM:   struct selv_boot plus about 1.5 KiB of stack; scratch only where
 *        flash is not mapped. */
#ifndef SELV_BOOT_BOOT_H
#define SELV_BOOT_BOOT_H

#include "base/base.h"
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
    enum selv_reset_cause reset_cause;
    struct selv_buf scratch; /* SELV_SUIT_ENVELOPE_MAX when flash->map is
                                NULL, else unused */
    struct selv_suit suit;
    struct selv_journal journal;
};

/* Decide. SELV_GOOD: *record is sealed and names the slot to boot; its image
 * was verified in this very call. SELV_BAD: nothing may boot (recovery);
 * *record holds the reason in refused_reason. At most a handful of journal
 * records are written; a power cut at any of them leaves a state from which
 * the next call decides as well. */
SELV_MUST_CHECK enum selv_verdict selv_boot_choose(struct selv_boot *boot,
                                                   struct selv_boot_record *record);

#endif
