/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout_in_place.c - what a move in place asks of a layout; apart, so
 * that devices without one do not link it. */
#include "store/layout.h"

static bool is_whole(const struct selv_slot_place *place)
{
    return place->image_off == place->envelope_off + place->envelope_len;
}

/* Sectors change places: all of them are of one length. */
static bool is_even(const struct selv_flash *flash, uint32_t off, uint32_t len)
{
    if (off > flash->size || len > flash->size - off) {
        return false;
    }
    for (uint32_t at = 0; at < len; at += flash->sector_len) {
        if (selv_flash_sector(flash, off + at).len != flash->sector_len) {
            return false;
        }
    }
    return true;
}

uint32_t selv_layout_slot_sectors(const struct selv_layout *layout,
                                  const struct selv_flash *flash)
{
    const struct selv_slot_place *a = &layout->slot[SELV_SLOT_A];
    return (a->envelope_len + a->image_len) / flash->sector_len;
}

enum selv_err selv_layout_check_in_place(const struct selv_layout *layout,
                                         const struct selv_flash *flash,
                                         uint32_t steps)
{
    const struct selv_slot_place *a = &layout->slot[SELV_SLOT_A];
    const struct selv_slot_place *b = &layout->slot[SELV_SLOT_B];
    uint32_t sectors = selv_layout_slot_sectors(layout, flash);
    enum selv_err err = selv_layout_check(layout, flash);
    if (err) {
        return err;
    }
    if (!is_whole(a) || !is_whole(b) || a->envelope_len != b->envelope_len ||
        a->image_len != b->image_len || sectors > UINT16_MAX / steps ||
        layout->marks_len / flash->write_unit < sectors * steps ||
        (steps > 1 && layout->spare_len != flash->sector_len) ||
        !is_even(flash, a->envelope_off, sectors * flash->sector_len) ||
        !is_even(flash, b->envelope_off - layout->spare_len,
                 sectors * flash->sector_len + layout->spare_len)) {
        return SELV_ERR_STORE_LAYOUT;
    }
    return SELV_OK;
}
