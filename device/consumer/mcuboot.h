/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/mcuboot.h - an installer for devices that boot through MCUboot
 * (one image pair), in the application's place: it stages, asks, confirms and
 * finds out through the trailers at the ends of MCUboot's two slots.
 *
 * The image is the author's, an MCUboot image with its header, its TLVs and
 * its signature, and lies untouched where MCUboot looks for it. The manifest
 * decides whether it is fetched; MCUboot decides alone whether it boots.
 *
 * Calls: 1 check, once, with what the port knows   2 start, at each boot: when
 *        it says so, reset; otherwise it has made the boot record
 *        3 selv_consumer_init with config.installer = &selv_installer_mcuboot
 *        and config.installer_context = the structure
 * Layout: slot A's image place is the primary slot's, slot B's the secondary
 *        slot's, each without the trailer, whole sectors; for swap-using-offset
 *        B begins at the secondary slot's second sector. Envelopes and the
 *        journal's two sectors lie outside of MCUboot's slots.
 * Owns:  nothing; the structure and what it points to must stay.
 * RAM:   sizeof(struct selv_mcuboot) <= 224 on Cortex-M3. */
#ifndef SELV_CONSUMER_MCUBOOT_H
#define SELV_CONSUMER_MCUBOOT_H

#include "base/base.h"
#include "consumer/installer.h"
#include "store/flash.h"
#include "store/foreign.h"
#include "store/layout.h"
#include "store/record.h"

/* As MCUboot was built. */
enum selv_mcuboot_mode {
    SELV_MCUBOOT_SWAP,      /* scratch, move or offset */
    SELV_MCUBOOT_OVERWRITE, /* no trial and no way back */
    SELV_MCUBOOT_DIRECT_XIP /* with revert (MCUBOOT_DIRECT_XIP_REVERT) */
};

struct selv_mcuboot {
    const struct selv_flash *flash;
    const struct selv_layout *layout;
    uint32_t slot_end[SELV_SLOT_COUNT]; /* offsets behind MCUboot's slots: the
                                           trailers end there */
    uint16_t sectors_max; /* BOOT_MAX_IMG_SECTORS: how long trailers are */
    uint8_t max_align;    /* BOOT_MAX_ALIGN: 8, 16 or 32 */
    uint8_t mode;         /* enum selv_mcuboot_mode */
    uint8_t running_slot; /* SELV_SLOT_A, but for DIRECT_XIP: where this
                             application was linked for */
    /* Of the manifest that the factory's image came with; NULL and 0 when
     * unknown: then that release is installed once more when it is offered. */
    const uint8_t *born_digest; /* 32 bytes */
    uint64_t born_sequence;

    struct selv_foreign state; /* private: of start */
};

extern const struct selv_installer selv_installer_mcuboot;

/* SELV_ERR_STORE_LAYOUT: the flash's unit is over max_align, regions overlap
 * or are no whole sectors, an image place reaches into a trailer, a trailer
 * of another alignment would not fit, or the running slot cannot be. */
SELV_MUST_CHECK enum selv_err selv_mcuboot_check(const struct selv_mcuboot *m);

/* In the bootloader's place: what became of a request, into the boot record.
 * *is_reset_due: the request was repeated, reset now; the record is not made.
 * SELV_ERR_STORE_LAYOUT: the running slot has no trailer of this alignment
 * where one must be. SELV_ERR_STORE_DAMAGED, _VERSION: what we remember is
 * lost. SELV_ERR_FLASH_IO, SELV_ERR_FLASH_RULE. After an error nothing is to
 * be updated; the application may run. */
SELV_MUST_CHECK enum selv_err
selv_mcuboot_start(struct selv_mcuboot *m, enum selv_reset_cause cause,
                   struct selv_boot_record *record, bool *is_reset_due);

#endif
