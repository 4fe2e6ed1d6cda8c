/* SPDX-License-Identifier: Apache-2.0
 *
 * vector.h - the vectors of test/vectors/suit: make their envelopes, and judge
 * the engine by them. The format is test/vectors/README.md.
 *
 * Anything wrong with a vector's own files ends the program. */
#ifndef VECTOR_H
#define VECTOR_H

#include <jansson.h>

#include "base/base.h"

#define VECTOR_ENVELOPE_MAX 8192u /* bytes */

struct vector {
    const char *folder;
    const char *name;
    json_t *json;   /* NAME.json */
    json_t *device; /* device.json with this vector's members over it */
};

/* Prints the reason and exits with 3. */
_Noreturn __attribute__((format(printf, 2, 3))) void
vector_die(const struct vector *v, const char *format, ...);

/* Member, or NULL. */
const char *vector_text(json_t *object, const char *member);

/* Path of a file of the vectors; static. */
const char *vector_path(const struct vector *v, const char *prefix,
                        const char *suffix);

/* Make the envelope from its source, signatures and all. */
void vector_make(const struct vector *v, struct selv_buf *out);

/* Say in why, which holds cap bytes, in what the engine differs from what the
 * vector says. True when in nothing. */
bool vector_judge(const struct vector *v, struct selv_bytes envelope, char *why,
                  size_t cap);

#endif
