/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_extract.h - parts of an envelope, and the envelope with fewer
 * or more of them. The manifest and its signatures stay as they are: severed
 * elements and payloads come and go without them [manifest 5.4, 5.5, 7.5]. */
#ifndef SELV_HOST_MANIFEST_EXTRACT_H
#define SELV_HOST_MANIFEST_EXTRACT_H

#include "host/manifest.h"

/* Views into the envelope. Errors say what there is instead. */

/* The manifest: a map, without the head of its byte string. */
bool selv_manifest_content(struct selv_bytes envelope, struct selv_bytes *out,
                           struct selv_error *error);

/* A section or the text by its name, severed or in place: the content of its
 * byte string. */
bool selv_manifest_element(struct selv_bytes envelope, const char *name,
                           struct selv_bytes *out, struct selv_error *error);

/* An integrated payload; with or without the '#' of its name. */
bool selv_manifest_payload(struct selv_bytes envelope, const char *name,
                           struct selv_bytes *out, struct selv_error *error);

/* A part to take out or to put in. */
struct selv_manifest_part {
    bool is_payload;         /* else a severed element */
    const char *name;        /* as above */
    struct selv_bytes bytes; /* what goes in; p NULL: it is taken out */
};

/* The same envelope after all changes, in order; *out is from malloc. What
 * goes in as an element must have the digest that the manifest says. */
bool selv_manifest_change(struct selv_bytes envelope,
                          const struct selv_manifest_part *parts, size_t count,
                          struct selv_buf *out, struct selv_error *error);

/* A file of selv_manifest_files. */
struct selv_manifest_file {
    char name[96];
    struct selv_bytes bytes; /* a view */
    const char *what;        /* "manifest", "element" or "payload" */
};

/* Every part as a file: manifest.cbor, one for each severed element that is
 * there, one for each payload. *files is from malloc. */
bool selv_manifest_files(struct selv_bytes envelope,
                         struct selv_manifest_file **files, size_t *count,
                         struct selv_error *error);

#endif
