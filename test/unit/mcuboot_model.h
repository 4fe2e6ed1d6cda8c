/* SPDX-License-Identifier: Apache-2.0
 *
 * mcuboot_model.h - what MCUboot's documentation says that it does with two
 * slots at a boot: swap, overwrite-only and direct-xip with revert, one image.
 * Ours, and independent of the code under test: it finds the trailers by
 * itself. A whole boot is one step here: MCUboot's own power cuts are its own
 * affair. */
#ifndef MCUBOOT_MODEL_H
#define MCUBOOT_MODEL_H

#include "sim/vflash.h"

enum mcuboot_model_kind { MODEL_SWAP, MODEL_OVERWRITE, MODEL_XIP };

struct mcuboot_model {
    struct selv_vflash *v;
    enum mcuboot_model_kind kind;
    uint32_t slot_off[2], slot_end[2];
    uint32_t image_len; /* bytes that a swap or copy moves at most */
    unsigned align;     /* BOOT_MAX_ALIGN */
    /* Its signature check; NULL: whatever is not erased is good. */
    bool (*is_good)(const uint8_t *image);
    unsigned swap_count, erase_count; /* of slots that it gave up */
};

/* One boot. The slot that runs, 0 or 1; -1: it stays in the bootloader. */
int mcuboot_model_boot(struct mcuboot_model *m);

/* A trailer as `imgtool sign --pad --confirm` leaves it. */
void mcuboot_model_confirm(struct mcuboot_model *m, unsigned slot);

/* Address of the last `back` bytes of a slot. */
uint8_t *mcuboot_model_tail(const struct mcuboot_model *m, unsigned slot,
                            unsigned back);

#endif
