/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_int.h - shared by host/manifest_*.c only. */
#ifndef SELV_HOST_MANIFEST_INT_H
#define SELV_HOST_MANIFEST_INT_H

#include "cbor/cbor.h"
#include "host/manifest.h"
#include "suit/numbers.h"

/* What stands behind a name: how a template gives it, how show prints it. */
enum manifest_shape {
    WORD_OTHER,
    WORD_POLICY_ALL,     /* command with a reporting policy, by default 15 */
    WORD_POLICY_SOME,    /* the same, 5: successes and failures, no sysinfo */
    WORD_POLICY_FAILURE, /* the same, 2: failures */
    WORD_INDEX,
    WORD_TRY_EACH,
    WORD_PARAMETERS,
    WORD_SEQUENCE,
    WORD_UUID,
    WORD_DIGEST,
    WORD_UINT,
    WORD_BOOL,
    WORD_BYTES,
    WORD_TEXT
};

/* A number of the draft and its name. Tables end with a NULL name. */
struct manifest_word {
    int32_t code;
    const char *name;
    enum manifest_shape shape;
};

extern const struct manifest_word manifest_sections[];
extern const struct manifest_word manifest_commands[];
extern const struct manifest_word manifest_parameters[];
extern const struct manifest_word manifest_texts[];
extern const struct manifest_word manifest_component_texts[];

const struct manifest_word *manifest_word_find(const struct manifest_word *list,
                                               const char *name);
const struct manifest_word *manifest_word_at(const struct manifest_word *list,
                                             int32_t code);

#endif
