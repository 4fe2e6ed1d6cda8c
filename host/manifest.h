/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest.h - make, sign and describe SUIT manifests [manifest].
 *
 * Calls: 1 build, from a plan (the common case) or from a JSON template (all
 *        that the engine knows; docs/spec/manifest-template.md): an envelope
 *        without signatures   2 sign, once for each author   3 show
 * Owns:  outputs are from malloc, and the caller frees out->p. */
#ifndef SELV_HOST_MANIFEST_H
#define SELV_HOST_MANIFEST_H

#include <jansson.h>

#include "base/base.h"
#include "host/error.h"
#include "host/key.h"

#define SELV_MANIFEST_FILE_MAX (1u << 24) /* bytes of an envelope file */
#define SELV_IMAGE_FILE_MAX (64u << 20)   /* bytes of an image file */

/* ---- build --------------------------------------------------------------- */

struct selv_manifest_image {
    uint8_t digest[32];        /* SHA-256 */
    uint32_t size;             /* bytes */
    uint32_t chunks_size;      /* bytes of its chunk list; 0: none */
    uint8_t chunks_digest[32]; /* of that list */
};

/* One component; one image that runs anywhere, or two of which each runs in
 * its own slot. */
struct selv_manifest_plan {
    const char *vendor;     /* domain, such as "example.com" */
    const char *class_name; /* such as "greenhouse-sensor" */
    uint64_t sequence_number;
    const char *version;     /* text for people; may be NULL */
    const char *description; /* text for people; may be NULL */
    const char *component;   /* path such as "app" or "radio/firmware"; NULL:
                                "app" */
    const char *uri_base;    /* what stands before /i/<digest>; NULL: nothing,
                                so that any server serves */
    size_t image_count;      /* 1 or 2 */
    struct selv_manifest_image image[2]; /* for slot 0 (A) and slot 1 (B) */
};

/* An unsigned envelope. Text is severed into the envelope. */
bool selv_manifest_build(const struct selv_manifest_plan *plan,
                         struct selv_buf *out, struct selv_error *error);

/* The template that selv_manifest_build encodes; the caller decrefs it. */
json_t *selv_manifest_plan_json(const struct selv_manifest_plan *plan,
                                struct selv_error *error);

/* An unsigned envelope from a template. folder: where its relative file names
 * start; NULL: here. Errors name the place in the template. */
bool selv_manifest_build_json(json_t *template, const char *folder,
                              struct selv_buf *out, struct selv_error *error);

/* ---- sign ---------------------------------------------------------------- */

/* The same envelope with one more authentication block. The digest in the
 * wrapper is checked against the manifest first. */
bool selv_manifest_sign(struct selv_bytes envelope, const struct selv_key *key,
                        struct selv_buf *out, struct selv_error *error);

/* ---- show ---------------------------------------------------------------- */

/* A name that a UUID may come from: an author knows it, the bytes do not. */
struct selv_manifest_names {
    const char *vendor;     /* domain, may be NULL */
    const char *class_name; /* may be NULL */
};

/* What the envelope says, whether or not anybody signed it: an object with
 * the members of docs/spec/manifest-json.md; NULL with *error when the bytes
 * are not an envelope. The caller decrefs it. */
json_t *selv_manifest_describe(struct selv_bytes envelope,
                               const struct selv_manifest_names *names,
                               struct selv_error *error);

/* A description as prose, for a terminal; from malloc. */
char *selv_manifest_prose(json_t *description);

/* Name of a section, command or parameter in the draft's words, such as
 * "install" or "image-match"; NULL when there is none. */
const char *selv_manifest_section_name(int32_t key);
const char *selv_manifest_command_name(int32_t code);
const char *selv_manifest_parameter_name(int32_t code);

#endif
