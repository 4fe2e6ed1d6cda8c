/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_template.h - from an envelope back to the template that makes
 * it (docs/spec/manifest-template.md), with a member "about" that says what a
 * template cannot: sizes, digests, signatures (docs/spec/manifest-json.md). */
#ifndef SELV_HOST_MANIFEST_TEMPLATE_H
#define SELV_HOST_MANIFEST_TEMPLATE_H

#include "host/manifest.h"

/* Payloads of more bytes are named as files, not written out as digits. */
#define SELV_MANIFEST_INLINE_MAX 4096u

struct selv_manifest_template_style {
    struct selv_manifest_names names; /* that UUIDs may come from */
    bool is_explicit;     /* reporting policies also where they are the usual
                             ones */
    const char *payloads; /* folder in which payloads' files are; NULL: the
                             template's */
    bool no_inline;       /* every payload is a file */
};

/* The caller decrefs it. The template's own bytes are made and compared: when
 * they differ, about.not_a_template says why, and the build refuses it. NULL
 * with *error when the bytes are no envelope, or not a whole one. */
json_t *selv_manifest_template(struct selv_bytes envelope,
                               const struct selv_manifest_template_style *style,
                               struct selv_error *error);

/* A name for the file of a payload: of letters, digits, '.', '-' and '_', not
 * hidden, no longer than SELV_MANIFEST_FILE_NAME_MAX - 1, and another for each
 * payload of an envelope (index counts them). */
#define SELV_MANIFEST_FILE_NAME_MAX 96u
void selv_manifest_file_name(struct selv_bytes payload_name, size_t index,
                             char name[static SELV_MANIFEST_FILE_NAME_MAX]);

#endif
