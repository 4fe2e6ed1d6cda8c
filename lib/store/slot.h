/* SPDX-License-Identifier: Apache-2.0
 *
 * store/slot.h - write and read a slot: those of A/B execute-in-place, or the
 * staging area, slot B, of a bootloader that installs.
 *
 * An install runs: begin (erases the envelope's sectors, so that the idle
 * slot is no longer bootable), image bytes in ascending order (each sector
 * erased when first entered), then the envelope, last. Until the envelope is
 * whole the slot holds nothing that could boot. The envelope is stored behind
 * a 4-byte big-endian length. */
#ifndef SELV_STORE_SLOT_H
#define SELV_STORE_SLOT_H

#include "base/base.h"
#include "store/flash.h"
#include "store/layout.h"

struct selv_slot_writer {
    const struct selv_flash *flash;
    const struct selv_slot_place *place;
    uint32_t off;                      /* bytes of the image taken so far */
    uint32_t size;                     /* bytes of the whole image */
    uint32_t whole;                    /* bytes in whole sectors so far,
                                          those that fill up units too */
    uint8_t tail[SELV_FLASH_UNIT_MAX]; /* bytes that fill no unit yet */
    uint8_t tail_len;
};

/* Erase the slot's envelope, where it is not erased already.
 * SELV_ERR_STORE_FULL when image_size is more than the slot holds. from:
 * bytes already in flash from an earlier try, whole sectors (selv_slot_whole)
 * and at most image_size (else SELV_ERR_ARG), 0 to start anew. */
SELV_MUST_CHECK enum selv_err
selv_slot_begin(struct selv_slot_writer *w, const struct selv_flash *flash,
                const struct selv_slot_place *place, uint32_t image_size,
                uint32_t from);
/* Of the first len bytes of the slot's image region (at most image_len), how
 * many are whole sectors. */
uint32_t selv_slot_whole(const struct selv_flash *flash,
                         const struct selv_slot_place *place, uint32_t len);
/* Next bytes of the image. SELV_ERR_UPDATE_SIZE beyond image_size. */
SELV_MUST_CHECK enum selv_err selv_slot_write(struct selv_slot_writer *w,
                                              struct selv_bytes bytes);
/* Write the rest of the last unit. SELV_ERR_UPDATE_SIZE when bytes lack. */
SELV_MUST_CHECK enum selv_err selv_slot_end(struct selv_slot_writer *w);
/* Store the envelope; only after the image was verified.
 * SELV_ERR_STORE_FULL when it does not fit the region. */
SELV_MUST_CHECK enum selv_err
selv_slot_put_envelope(const struct selv_flash *flash,
                       const struct selv_slot_place *place,
                       struct selv_bytes envelope);

/* The stored envelope as a view: of the mapped flash, or copied into scratch
 * (capacity SELV_SUIT_ENVELOPE_MAX) when the flash is not mapped.
 * SELV_ERR_STORE_EMPTY, SELV_ERR_STORE_DAMAGED (a length that no write of ours
 * left), SELV_ERR_SPACE, SELV_ERR_FLASH_IO. The bytes are not authenticated. */
SELV_MUST_CHECK enum selv_err
selv_slot_envelope(const struct selv_flash *flash,
                   const struct selv_slot_place *place,
                   struct selv_buf *scratch, struct selv_bytes *out);

#endif
