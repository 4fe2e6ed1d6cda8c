/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout.c - see store/layout.h. */
#include "store/layout.h"

#include "store/store_int.h"

enum { KIB4 = 4096, REGION_COUNT = 13, REGION_OPTIONAL = 11 };

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

struct region {
    uint32_t off, len;
};

static bool is_region_sound(const struct selv_flash *flash, struct region r)
{
    if (r.len == 0 || r.off >= flash->size || r.len > flash->size - r.off) {
        return false;
    }
    struct selv_sector first = selv_flash_sector(flash, r.off);
    struct selv_sector last = selv_flash_sector(flash, r.off + r.len - 1);
    return first.off == r.off && last.off + last.len == r.off + r.len;
}

/* The sector that should start at off; none beyond the flash. */
static struct region sector_at(const struct selv_flash *flash, uint32_t off)
{
    uint32_t len = off < flash->size ? selv_flash_sector(flash, off).len : 0;
    return (struct region){off, len};
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
    enum selv_err err = selv_flash_check(flash);
    if (err) {
        return err;
    }
    const struct region regions[REGION_COUNT] = {
        {layout->factory_off, layout->factory_len},
        sector_at(flash, layout->journal_off[0]),
        sector_at(flash, layout->journal_off[1]),
        sector_at(flash, layout->log_off[0]),
        sector_at(flash, layout->log_off[1]),
        sector_at(flash, layout->random_off[0]),
        sector_at(flash, layout->random_off[1]),
        {a->envelope_off, a->envelope_len},
        {a->image_off, a->image_len},
        {b->envelope_off, b->envelope_len},
        {b->image_off, b->image_len},
        /* May be empty. */
        {layout->marks_off, layout->marks_len},
        {b->envelope_off - layout->spare_len, layout->spare_len},
    };
    if (flash->sector_len < 2 * SELV_RING_RECORD_MAX) {
        return SELV_ERR_STORE_LAYOUT;
    }
    for (size_t i = 0; i < REGION_COUNT; i++) {
        if (i >= REGION_OPTIONAL && regions[i].len == 0) {
            continue;
        }
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
