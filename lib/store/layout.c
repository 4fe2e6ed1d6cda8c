/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout.c - see store/layout.h. */
#include "store/layout.h"

#include "store/store_int.h"

enum { KIB4 = 4096, REGION_COUNT = 11 };

const struct selv_layout selv_layout_default = {
    .factory_off = 0,
    .factory_len = KIB4,
    .journal_off = {1 * KIB4, 2 * KIB4},
    .log_off = {3 * KIB4, 4 * KIB4},
    .random_off = {5 * KIB4, 6 * KIB4},
    .slot = {{.envelope_off = 8 * KIB4,
              .envelope_len = KIB4,
              .image_off = 9 * KIB4,
              .image_len = 63 * KIB4},
             {.envelope_off = 72 * KIB4,
              .envelope_len = KIB4,
              .image_off = 73 * KIB4,
              .image_len = 63 * KIB4}},
};

struct region {
    uint32_t off, len;
};

static bool is_region_sound(const struct selv_flash *flash, struct region r)
{
    return r.len > 0 && r.off % flash->sector_len == 0 &&
           r.len % flash->sector_len == 0 && r.off < flash->size &&
           r.len <= flash->size - r.off;
}

static bool is_apart(struct region a, struct region b)
{
    return a.off + a.len <= b.off || b.off + b.len <= a.off;
}

enum selv_err selv_layout_check(const struct selv_layout *layout,
                                const struct selv_flash *flash)
{
    const struct selv_slot_place *a = &layout->slot[SELV_SLOT_A];
    const struct selv_slot_place *b = &layout->slot[SELV_SLOT_B];
    uint32_t sector = flash->sector_len;
    const struct region regions[REGION_COUNT] = {
        {layout->factory_off, layout->factory_len},
        {layout->journal_off[0], sector},
        {layout->journal_off[1], sector},
        {layout->log_off[0], sector},
        {layout->log_off[1], sector},
        {layout->random_off[0], sector},
        {layout->random_off[1], sector},
        {a->envelope_off, a->envelope_len},
        {a->image_off, a->image_len},
        {b->envelope_off, b->envelope_len},
        {b->image_off, b->image_len},
    };
    enum selv_err err = selv_flash_check(flash);
    if (err) {
        return err;
    }
    if (sector < SELV_RING_RECORD_MAX) {
        return SELV_ERR_STORE_LAYOUT;
    }
    for (size_t i = 0; i < REGION_COUNT; i++) {
        if (!is_region_sound(flash, regions[i])) {
            return SELV_ERR_STORE_LAYOUT;
        }
        for (size_t j = 0; j < i; j++) {
            if (!is_apart(regions[i], regions[j])) {
                return SELV_ERR_STORE_LAYOUT;
            }
        }
    }
    return SELV_OK;
}
