/* SPDX-License-Identifier: Apache-2.0
 *
 * update/inspect.h - what a published envelope says, checked with the
 * device's own engine.
 *
 * With anchors: authentic, or refused. Without: the digest and the blocks'
 * form are checked, and the rest with a signature of our own in the place of
 * the author's, so that the same engine walks every section either way.
 * Then the update procedure is run for each slot that the manifest speaks
 * of, with answers that always succeed: what it asks to fetch are the
 * release's images.
 * Owns: nothing; views point into the envelope. */
#ifndef SELV_UPDATE_INSPECT_H
#define SELV_UPDATE_INSPECT_H

#include "base/base.h"
#include "cose/cose.h"
#include "suit/chunks.h"
#include "suit/suit.h"

#define SELV_INSPECT_IMAGES_MAX 8u
#define SELV_INSPECT_SLOTS_MAX 8u
/* Longest envelope that is taken, payloads included, bytes. */
#define SELV_INSPECT_ENVELOPE_MAX 65536u
#define SELV_INSPECT_WHY_LEN 256u

/* One fetch that a device would make. */
struct selv_inspect_image {
    struct selv_bytes uri;
    const uint8_t *digest; /* 32 bytes, never NULL */
    bool is_integrated;    /* lies in the envelope; its digest was checked */
    bool has_size;
    uint32_t size;                       /* bytes */
    struct selv_suit_chunks_name chunks; /* digest NULL: no chunk list */
};

struct selv_inspect {
    uint64_t sequence_number;
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    struct selv_bytes version;     /* empty: none */
    struct selv_bytes description; /* empty: none */
    struct selv_inspect_image images[SELV_INSPECT_IMAGES_MAX];
    size_t image_count;
    bool is_authentic;              /* an anchor verified it */
    char why[SELV_INSPECT_WHY_LEN]; /* after a refusal: what and where */
};

/* anchor_count 0: see above. SELV_OK, or the engine's error with out->why.
 * The envelope's bytes must outlive *out. */
SELV_MUST_CHECK enum selv_err selv_inspect(struct selv_bytes envelope,
                                           const struct selv_cose_key *anchors,
                                           size_t anchor_count,
                                           struct selv_inspect *out);

#endif
