/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout.c - see store/layout.h. */
#include "store/layout.h"

#include "store/region.h"
#include "store/store_int.h"

enum { KIB4 = 4096 };

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

const struct selv_layout selv_layout_in_place = {
    .factory_off = 0,
    .factory_len = KIB4,
    .journal_off = {1 * KIB4, 2 * KIB4},
    .log_off = {3 * KIB4, 4 * KIB4},
    .random_off = {5 * KIB4, 6 * KIB4},
    .slot = {{.envelope_off = 8 * KIB4,
              .envelope_len = KIB4,
              .image_off = 9 * KIB4,
              .image_len = 62 * KIB4},
             {.envelope_off = 72 * KIB4,
              .envelope_len = KIB4,
              .image_off = 73 * KIB4,
              .image_len = 62 * KIB4}},
    .marks_off = 7 * KIB4,
    .marks_len = KIB4,
    .spare_len = KIB4,
};

static bool is_region_sound(const struct selv_flash *flash,
                            struct selv_region r)
{
    if (r.len == 0 || r.off >= flash->size || r.len > flash->size - r.off) {
        return false;
    }
    struct selv_sector first = selv_flash_sector(flash, r.off);
    struct selv_sector last = selv_flash_sector(flash, r.off + r.len - 1);
    return first.off == r.off && last.off + last.len == r.off + r.len;
}

/* The sector that should start at off; none beyond the flash. */
static struct selv_region sector_at(const struct selv_flash *flash,
                                    uint32_t off)
{
    uint32_t len = off < flash->size ? selv_flash_sector(flash, off).len : 0;
    return (struct selv_region){off, len};
}

bool selv_region_is_apart(struct selv_region a, struct selv_region b)
{
    return a.off + a.len <= b.off || b.off + b.len <= a.off;
}

void selv_region_list(const struct selv_layout *layout,
                      const struct selv_flash *flash,
                      struct selv_region out[static SELV_REGION_COUNT])
{
    const struct selv_slot_place *b = &layout->slot[SELV_SLOT_B];
    out[SELV_REGION_FACTORY] =
        (struct selv_region){layout->factory_off, layout->factory_len};
    for (int i = 0; i < 2; i++) {
        const struct selv_slot_place *slot = &layout->slot[i];
        out[SELV_REGION_RANDOM + i] = sector_at(flash, layout->random_off[i]);
        out[SELV_REGION_JOURNAL + i] = sector_at(flash, layout->journal_off[i]);
        out[SELV_REGION_LOG + i] = sector_at(flash, layout->log_off[i]);
        out[SELV_REGION_SLOT + 2 * i] =
            (struct selv_region){slot->envelope_off, slot->envelope_len};
        out[SELV_REGION_SLOT + 2 * i + 1] =
            (struct selv_region){slot->image_off, slot->image_len};
    }
    out[SELV_REGION_MARKS] =
        (struct selv_region){layout->marks_off, layout->marks_len};
    out[SELV_REGION_SPARE] = (struct selv_region){
        b->envelope_off - layout->spare_len, layout->spare_len};
}

enum selv_err selv_layout_check(const struct selv_layout *layout,
                                const struct selv_flash *flash)
{
    struct selv_region regions[SELV_REGION_COUNT];
    enum selv_err err = selv_flash_check(flash);
    if (err) {
        return err;
    }
    if (flash->sector_len < 2 * SELV_RING_RECORD_MAX) {
        return SELV_ERR_STORE_LAYOUT;
    }
    selv_region_list(layout, flash, regions);
    for (size_t i = 0; i < SELV_REGION_COUNT; i++) {
        if (i >= SELV_REGION_MARKS && regions[i].len == 0) {
            continue;
        }
        if (!is_region_sound(flash, regions[i])) {
            return SELV_ERR_STORE_LAYOUT;
        }
        for (size_t j = 0; j < i; j++) {
            if (!selv_region_is_apart(regions[i], regions[j])) {
                return SELV_ERR_STORE_LAYOUT;
            }
        }
    }
    return SELV_OK;
}
