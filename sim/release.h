/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/release.h - releases for tests and searches: an image for each slot, and
 * the signed envelope that names both. The keys are fixed and known to
 * everybody: they sign nothing outside the simulator. */
#ifndef SELV_SIM_RELEASE_H
#define SELV_SIM_RELEASE_H

#include "base/base.h"
#include "store/factory.h"
#include "store/layout.h"

#define SELV_RELEASE_IMAGE_MAX 16384u
#define SELV_RELEASE_ENVELOPE_MAX 1024u
#define SELV_RELEASE_LIST_MAX 1040u /* of 512 bytes a chunk, the least */

/* How a release comes to where it runs. */
enum selv_release_install {
    SELV_RELEASE_FETCHED = 0, /* an image for each slot, fetched into it */
    SELV_RELEASE_COPIED,      /* one image, staged, then copied to slot A */
    SELV_RELEASE_SWAPPED,     /* the same, exchanged */
    SELV_RELEASE_UNMOVED,     /* staged, and its install moves nothing */
    SELV_RELEASE_MOVED_TWICE, /* copied, and copied again */
    SELV_RELEASE_LOADED       /* one image for either slot, loaded into RAM */
};

/* Where payload-fetch, install and text are; the manifests of the latter two
 * are the same, byte for byte. */
enum selv_release_sever {
    SELV_RELEASE_IN_MANIFEST = 0, /* and no text */
    SELV_RELEASE_SEVERED,         /* in the envelope */
    SELV_RELEASE_TAKEN_OUT        /* severed, and not in the envelope either */
};

/* What a release is made of. Zero-initialise, then set what differs. */
struct selv_release_plan {
    uint64_t sequence;
    uint32_t image_len; /* bytes, of either slot's image */
    uint32_t content;   /* images with another content differ in every
                           few bytes */
    bool is_other_key;  /* signed by a key that no device trusts */
    bool is_other_vendor;
    bool is_other_class;
    bool is_other_component;
    uint8_t part; /* enum selv_part: for that part of the device; 0: for the
                     application */
    bool has_no_invoke;
    uint8_t install;     /* enum selv_release_install */
    uint8_t sever;       /* enum selv_release_sever */
    bool is_unlooked;    /* loaded: its digest is asked for in the slot alone */
    bool is_astray;      /* loaded: what is stored is started */
    bool is_swapped;     /* slot A's digest named for slot B, and reverse */
    uint8_t chunk_shift; /* chunk lists are named, of chunks of so many bytes;
                            0: none */
};

struct selv_release {
    uint64_t sequence;
    uint32_t image_len;
    /* Of a staged release both are the same. */
    uint8_t image[SELV_SLOT_COUNT][SELV_RELEASE_IMAGE_MAX];
    uint8_t image_digest[SELV_SLOT_COUNT][32];
    uint8_t list[SELV_SLOT_COUNT][SELV_RELEASE_LIST_MAX]; /* chunk lists */
    uint32_t list_len[SELV_SLOT_COUNT];                   /* 0: none */
    uint8_t list_digest[SELV_SLOT_COUNT][32];
    uint8_t envelope[SELV_RELEASE_ENVELOPE_MAX];
    uint32_t envelope_len;
    uint8_t digest[32]; /* of the manifest */
};

/* The factory data of the devices that these releases are for. */
void selv_release_factory(struct selv_factory *factory);

/* Make images and envelope. SELV_ERR_SPACE, SELV_ERR_CRYPTO_*. */
SELV_MUST_CHECK enum selv_err
selv_release_make(const struct selv_release_plan *plan,
                  struct selv_release *release);

/* Install a release in a slot through the store's own calls. */
SELV_MUST_CHECK enum selv_err
selv_release_install(const struct selv_release *release,
                     const struct selv_flash *flash,
                     const struct selv_layout *layout, uint8_t slot);

/* True when the slot holds exactly this release. */
bool selv_release_is_in(const struct selv_release *release,
                        const struct selv_flash *flash,
                        const struct selv_layout *layout, uint8_t slot);

#endif
