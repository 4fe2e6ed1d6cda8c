/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout.h - where things lie in a device's flash: factory data, boot
 * journal, update log, random counter, and two slots that each hold an
 * envelope (the signed manifest) and an image executed in place. */
#ifndef SELV_STORE_LAYOUT_H
#define SELV_STORE_LAYOUT_H

#include "base/base.h"
#include "store/flash.h"

enum {
    SELV_SLOT_A = 0,
    SELV_SLOT_B = 1,
    SELV_SLOT_COUNT = 2,
    SELV_SLOT_NONE = 0xff
};

/* All offsets and lengths are bytes; regions are whole sectors. */
struct selv_slot_place {
    uint32_t envelope_off, envelope_len;
    uint32_t image_off, image_len;
};

struct selv_layout {
    uint32_t factory_off, factory_len; /* written in the factory only */
    uint32_t journal_off[2];           /* a sector each; bootloader writes */
    uint32_t log_off[2];               /* a sector each; application writes */
    uint32_t random_off[2];            /* a sector each; port's boot counter */
    struct selv_slot_place slot[SELV_SLOT_COUNT];
    /* For strategies that install in place; zeros for the others. */
    uint32_t marks_off, marks_len; /* whole sectors: how far a move got */
    uint32_t spare_len; /* right before slot B's envelope: the sector that a
                           swap has over; 0 or one sector */
};

/* The layout of selvage-device and of the emulated board: 4 KiB sectors.
 * Sector 0 factory, 1-2 journal, 3-4 log, 5-6 random counter, 7 free,
 * 8 envelope A, 9-71 image A, 72 envelope B, 73-135 image B. */
extern const struct selv_layout selv_layout_default;
#define SELV_LAYOUT_DEFAULT_SECTOR 4096u
#define SELV_LAYOUT_DEFAULT_SIZE (136u * 4096u)

/* The same flash for strategies that install in place: 7 marks, 8 envelope A,
 * 9-70 image A, 71 spare, 72 envelope B, 73-134 image B. */
extern const struct selv_layout selv_layout_in_place;

/* The same flash for a bootloader that can be updated (boot/stage.h): stage 0
 * has 7-8 journal, 9-10 log, 11 envelope A, 12-17 image A, 18 envelope B, 19-24
 * image B; stage 1, the bootloader proper, has 1-2 journal, 3-4 log, 25
 * envelope A, 26-79 image A, 80 envelope B, 81-134 image B. */
extern const struct selv_layout selv_layout_stage_0;
extern const struct selv_layout selv_layout_stage_1;

/* SELV_ERR_STORE_LAYOUT when regions overlap, are empty, unaligned or do not
 * fit the flash, or a sector is too small for one journal record. How long an
 * envelope region is, is the layout's choice: an envelope that does not fit
 * is refused when it is stored. */
SELV_MUST_CHECK enum selv_err
selv_layout_check(const struct selv_layout *layout,
                  const struct selv_flash *flash);

/* Sectors of slot A, envelope and image. */
uint32_t selv_layout_slot_sectors(const struct selv_layout *layout,
                                  const struct selv_flash *flash);

/* What a move in place needs on top of it: in either slot the image right
 * behind the envelope, slots of one size, at most 65535 sectors, marks for
 * steps steps of each sector, and the spare sector when a sector takes two
 * steps. SELV_ERR_STORE_LAYOUT. */
SELV_MUST_CHECK enum selv_err
selv_layout_check_in_place(const struct selv_layout *layout,
                           const struct selv_flash *flash, uint32_t steps);

#endif
