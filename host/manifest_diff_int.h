/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_diff_int.h - shared by host/manifest_diff*.c only. */
#ifndef SELV_HOST_MANIFEST_DIFF_INT_H
#define SELV_HOST_MANIFEST_DIFF_INT_H

#include <stdbool.h>

#include <jansson.h>

/* Two sequences, as selv_manifest_describe gives them, as the "lines" of
 * docs/spec/manifest-stories.md. Either may be NULL: there is none. */
json_t *manifest_diff_commands(json_t *old, json_t *new);

/* A new reference; a missing value is null. */
static inline json_t *manifest_diff_or_null(json_t *value)
{
    return value == NULL ? json_null() : json_incref(value);
}

/* Also of values that are missing. */
static inline bool manifest_diff_is_equal(json_t *a, json_t *b)
{
    return a == b || (a != NULL && b != NULL && json_equal(a, b));
}

#endif
