/* SPDX-License-Identifier: Apache-2.0
 *
 * store/foreign.h - what has to be remembered beside a bootloader that
 * knows images, but neither manifests nor their numbers: which manifest runs,
 * which one was asked for and how that ended, and the two numbers.
 *
 * Calls: 1 read (or be born)   2 judge what the bootloader left, write if
 *        that changed anything   3 fill the boot record   4 ask, confirm
 *
 * It lies in the two sectors of the layout's boot journal, which nobody else
 * uses on such a device, as a ring of whole snapshots (lib/store/DESIGN.md,
 * J1 to J9). It is written by the application: with a foreign bootloader
 * nobody enforces the floor against an application that lies (CAVEATS.md).
 * Format: docs/spec/flash.md. Invariants: DESIGN.md, F1 to F6. */
#ifndef SELV_STORE_FOREIGN_H
#define SELV_STORE_FOREIGN_H

#include "base/base.h"
#include "store/check.h"
#include "store/flash.h"
#include "store/layout.h"
#include "store/record.h"

#define SELV_FOREIGN_VERSION 2u
/* Bytes kept of an image's digest: to tell two images apart, not to trust
 * one. */
#define SELV_FOREIGN_IMAGE_LEN 16u
/* How often a request that the bootloader passed over is repeated. */
#define SELV_FOREIGN_TRIES_MAX 2u

enum selv_foreign_phase {
    SELV_FOREIGN_NONE = 0,
    SELV_FOREIGN_WANTED = 1,  /* the request may have reached the bootloader */
    SELV_FOREIGN_ASKED = 2,   /* it has */
    SELV_FOREIGN_TRIAL = 3,   /* the new image was seen running */
    SELV_FOREIGN_GIVEN_UP = 4 /* the bootloader does not follow it: it is
                                 being taken back */
};

/* What is asked for: the idle slot holds it whole, image and envelope. */
struct selv_foreign_update {
    const uint8_t *digest;       /* of the manifest, 32 bytes */
    const uint8_t *image_digest; /* of the image, 32 bytes */
    uint64_t sequence;           /* of the manifest */
    uint32_t image_len;          /* bytes */
    uint8_t slot;                /* the idle one */
};

/* What the bootloader left, as the installer sees it at start. The names say
 * which image runs: the one from before the request, or the new one. */
enum selv_foreign_seen {
    SELV_FOREIGN_OLD_ASKED, /* and the request stands, or never got there */
    SELV_FOREIGN_OLD_BACK,  /* and a request that is known to have got there was
                               followed and undone */
    SELV_FOREIGN_OLD_ALONE, /* and the new one is not there any more */
    SELV_FOREIGN_NEW_TRIAL, /* and goes, if it is not confirmed */
    SELV_FOREIGN_NEW_KEPT   /* for good */
};

/* One snapshot: the record as it lies in flash, and is_alone. */
struct selv_foreign {
    uint8_t version, kind; /* whoever writes it sets both, and check */
    uint8_t phase;         /* enum selv_foreign_phase */
    uint8_t tries;         /* requests repeated; of WANTED and ASKED */
    uint32_t serial;
    uint64_t accepted;
    uint64_t floor; /* the confirmed manifest's number */
    uint64_t trial_sequence;
    uint8_t digest[32]; /* of the confirmed manifest; zeros: unknown */
    uint8_t trial_digest[32];
    uint8_t refused_digest[32];
    uint8_t image_digest[SELV_FOREIGN_IMAGE_LEN];
    uint32_t image_len;      /* of the request, bytes */
    uint16_t refused_reason; /* enum selv_err */
    uint8_t refused_was_trial;
    uint8_t trial_slot; /* of the request */
    uint8_t check[SELV_CHECK_LEN];
    bool is_alone; /* read only: one sector lacks this record. J9: write it
                      again before anything is decided on it */
};

/* What is to be done after judge. */
enum selv_foreign_todo {
    SELV_FOREIGN_GO_ON,   /* nothing has changed */
    SELV_FOREIGN_WRITE,   /* write the snapshot */
    SELV_FOREIGN_REPEAT,  /* write it, then the request again, then reset */
    SELV_FOREIGN_GIVE_UP, /* write it, and judge again */
    SELV_FOREIGN_WITHDRAW /* take the request back, then write */
};

/* Newest snapshot. SELV_ERR_STORE_EMPTY: there never was one, *s is all zeros.
 * SELV_ERR_STORE_DAMAGED, SELV_ERR_STORE_VERSION: no update is possible. */
SELV_MUST_CHECK enum selv_err
selv_foreign_read(const struct selv_flash *flash,
                  const struct selv_layout *layout, struct selv_foreign *s);
/* Append; serial is set. SELV_ERR_FLASH_IO; SELV_ERR_ARG: a number fell, or
 * the fields make no sense. */
SELV_MUST_CHECK enum selv_err
selv_foreign_write(const struct selv_flash *flash,
                   const struct selv_layout *layout, struct selv_foreign *s);

/* What the request has come to. Nothing is written. cause: enum
 * selv_reset_cause of this boot, for the reason of a revert. */
enum selv_foreign_todo selv_foreign_judge(struct selv_foreign *s,
                                          enum selv_foreign_seen seen,
                                          enum selv_reset_cause cause);

/* The update is wanted from now on: WANTED. */
void selv_foreign_want(struct selv_foreign *s,
                       const struct selv_foreign_update *update);
/* What was on trial is the confirmed one: NONE. */
void selv_foreign_keep(struct selv_foreign *s);

/* The boot record of an application that runs from slot. What the bootloader
 * would do with a manifest is nothing; capability is what manifests may ask of
 * it nevertheless, so that one suits devices with our bootloader, too. */
void selv_foreign_fill(const struct selv_foreign *s, uint8_t slot,
                       enum selv_reset_cause cause,
                       struct selv_boot_record *record);

#endif
