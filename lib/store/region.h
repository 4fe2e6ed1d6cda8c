/* SPDX-License-Identifier: Apache-2.0
 *
 * store/region.h - the regions of a layout as one list, for whoever compares
 * layouts: layout.c with itself, boot/stage.c one with another. */
#ifndef SELV_STORE_REGION_H
#define SELV_STORE_REGION_H

#include "base/base.h"
#include "store/flash.h"
#include "store/layout.h"

struct selv_region {
    uint32_t off, len; /* bytes */
};

/* In the order of the list. Journal, log and random counter are two each. */
enum {
    SELV_REGION_FACTORY,
    SELV_REGION_RANDOM,
    SELV_REGION_JOURNAL = SELV_REGION_RANDOM + 2,
    SELV_REGION_LOG = SELV_REGION_JOURNAL + 2,
    SELV_REGION_SLOT = SELV_REGION_LOG + 2,   /* envelope A, image A, B, B */
    SELV_REGION_MARKS = SELV_REGION_SLOT + 4, /* may be empty, as the next */
    SELV_REGION_SPARE,
    SELV_REGION_COUNT
};

/* Any layout, also one that does not fit the flash: a sector beyond its end is
 * empty. */
void selv_region_list(const struct selv_layout *layout,
                      const struct selv_flash *flash,
                      struct selv_region out[static SELV_REGION_COUNT]);

/* No byte in common. Neither region may reach beyond UINT32_MAX. */
bool selv_region_is_apart(struct selv_region a, struct selv_region b);

#endif
