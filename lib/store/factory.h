/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory.h - what a device is born with: identity, trust anchor and
 * random seed, written once in the factory and never by any firmware.
 * Format: docs/spec/flash.md (fixed places, so that a bootloader needs few
 * instructions to read them, then the first 8 bytes of their SHA-256). */
#ifndef SELV_STORE_FACTORY_H
#define SELV_STORE_FACTORY_H

#include "base/base.h"
#include "cose/cose.h"

#define SELV_FACTORY_VERSION 2u
#define SELV_FACTORY_LEN 200u          /* bytes, encoded */
#define SELV_FACTORY_COMPONENT_MAX 32u /* bytes of encoded component id */
#define SELV_FACTORY_STAGING_MAX (SELV_FACTORY_COMPONENT_MAX + 2u)

struct selv_factory {
    uint8_t vendor_id[16];       /* UUID */
    uint8_t class_id[16];        /* UUID */
    uint8_t device_id[16];       /* UUID, its own */
    uint8_t seed[32];            /* secret; random; another on every device */
    struct selv_cose_key anchor; /* the trust provisioning authority's key */
    uint8_t component_id[SELV_FACTORY_COMPONENT_MAX]; /* encoded, such as
                                                         [h'617070'] */
    uint8_t component_id_len;
};

/* SELV_ERR_STORE_FACTORY (missing, damaged), SELV_ERR_STORE_VERSION. */
SELV_MUST_CHECK enum selv_err selv_factory_decode(struct selv_bytes in,
                                                  struct selv_factory *out);
/* Host builds only. SELV_ERR_SPACE; SELV_ERR_ARG when the anchor is no P-256
 * key or the component identifier no CBOR array. */
SELV_MUST_CHECK enum selv_err
selv_factory_encode(const struct selv_factory *factory, struct selv_buf *out);

/* Parts of a device that are components of their own: the application's array
 * with one more element, of this one byte. */
enum selv_part {
    SELV_PART_STAGING = 's', /* where an update is staged */
    SELV_PART_RAM = 'r',     /* where the image is loaded, and runs */
    SELV_PART_LOADER = 'l',  /* the small firmware consumer in slot B */
    SELV_PART_STAGE_1 = 'b'  /* the bootloader proper, where it has slots */
};

/* Its encoded identifier. Returns its length in bytes; 0 for a component of
 * more than 22 elements, which has no parts. */
uint8_t selv_factory_part_id(const struct selv_factory *factory,
                             enum selv_part part,
                             uint8_t id[static SELV_FACTORY_STAGING_MAX]);

/* The encoded identifier of the staging area, where a device has one: the
 * component's with one more element, h'73'. Returns its length in bytes; 0 for
 * a component of more than 22 elements, which has no staging area. */
uint8_t selv_factory_staging_id(const struct selv_factory *factory,
                                uint8_t id[static SELV_FACTORY_STAGING_MAX]);

#endif
