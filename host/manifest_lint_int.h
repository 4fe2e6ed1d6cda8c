/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_lint_int.h - shared by host/manifest_lint*.c only. */
#ifndef SELV_HOST_MANIFEST_LINT_INT_H
#define SELV_HOST_MANIFEST_LINT_INT_H

#include "host/manifest_lint.h"
#include "host/manifest_tree.h"
#include "host/manifest_verify_int.h"

/* Indexes into selv_lint_rules. */
enum lint_rule {
    LINT_NO_VENDOR_CHECK,
    LINT_NO_CLASS_CHECK,
    LINT_NO_COMPONENT_INDEX,
    LINT_INDEX_RANGE,
    LINT_SHARED_EFFECT,
    LINT_PRIVATE_IN_SHARED,
    LINT_PRIVATE_NUMBER,
    LINT_UNASSIGNED,
    LINT_MALFORMED,
    LINT_TEXT_NOT_SEVERABLE,
    LINT_SEVERED_TOO_SMALL,
    LINT_PARAMETER_UNSET,
    LINT_PARAMETER_MAYBE_UNSET,
    LINT_PARAMETER_UNUSED,
    LINT_FETCH_WITHOUT_SIZE,
    LINT_FETCH_WITHOUT_DIGEST,
    LINT_CHUNK_LIST_LENGTH,
    LINT_WRITTEN_UNCHECKED,
    LINT_INVOKE_UNCHECKED,
    LINT_VALIDATE_WITHOUT_MATCH,
    LINT_SOURCE_IS_TARGET,
    LINT_SOFT_FAILURE_OUTSIDE,
    LINT_SOFT_FAILURE_DEFAULT,
    LINT_STRICT_ORDER_RACE,
    LINT_STRICT_ORDER_INDEX,
    LINT_DEAD_ALTERNATIVE,
    LINT_ALTERNATIVE_FAILS,
    LINT_ONLY_NIL_LEFT,
    LINT_DEAD_COMMAND,
    LINT_SLOT_WITHOUT_TRY_EACH,
    LINT_URI_MALFORMED,
    LINT_URI_LOOPBACK,
    LINT_URI_USERINFO,
    LINT_PAYLOAD_MISSING,
    LINT_PAYLOAD_UNUSED,
    LINT_PAYLOAD_ORDER,
    LINT_SEQUENCE_ZERO,
    LINT_NOTHING_TO_DO,
    LINT_UUID_VERSION,
    LINT_CONTENT_LARGE,
    LINT_DIGEST_ALGORITHM,
    LINT_COMPONENT_TWICE,
    LINT_COMPONENT_UNUSED,
    LINT_TEXT_LANGUAGE,
    LINT_TEXT_COMPONENT,
    LINT_TEXT_VENDOR,
    LINT_TEXT_CLASS,
    LINT_NOT_SIGNED,
    LINT_NOT_VERIFIED,
    LINT_KID_WRONG,
    LINT_DIGEST_WRONG,
    LINT_ALGORITHM_OLD,
    LINT_SIGNER_TWICE,
    LINT_DEVICE_LIMIT,
    LINT_BOOT_COMMAND,
    LINT_DEVICE_REFUSES,
    LINT_RULE_COUNT
};

#define LINT_COMPONENTS_MAX 64u /* that the flow rules follow */

struct lint {
    const struct manifest_tree *tree;
    json_t *findings;
    bool is_bare;
    const struct selv_lint_keys *keys;
    size_t count[3];
};

/* Where a finding is. */
struct lint_at {
    const char *section;      /* name, or NULL */
    const struct place *path; /* in the template; NULL: the whole */
    const uint8_t *byte;      /* in the envelope; NULL: no place */
};

__attribute__((format(printf, 4, 5))) void lint_find(struct lint *l,
                                                     enum lint_rule rule,
                                                     const struct lint_at *at,
                                                     const char *format, ...);

/* The path of a finding as text that outlives the places. */
struct lint_spot {
    const char *section;
    const uint8_t *byte;
    char path[160];
};
void lint_spot_set(struct lint_spot *spot, const struct lint_at *at);
__attribute__((format(printf, 4, 5))) void
lint_find_spot(struct lint *l, enum lint_rule rule,
               const struct lint_spot *spot, const char *format, ...);

/* "image-match", or the number. */
const char *lint_command_name(int32_t code, char text[static 16]);
const char *lint_parameter_name(int32_t code, char text[static 16]);

/* A component for people, such as: 0 (app). */
void lint_component_name(const struct lint *l, size_t component,
                         char text[static 80]);

/* The values that a parameter is given for a component, in any section. */
struct lint_values {
    struct selv_bytes items[16];
    size_t count;
};
void lint_values_find(const struct lint *l, int32_t code, size_t component,
                      struct lint_values *values);

/* Components that an index argument selects, as bits; false: it is malformed
 * or names one that is not there. */
bool lint_index_read(const struct lint *l, struct selv_bytes argument,
                     uint64_t *components);

/* ---- the engine (manifest_lint_engine.c) --------------------------------- */

/* Whether the smallest bootloader, profile boot-select, knows a command. */
bool lint_boot_has(int32_t code);

/* Judge as a device that knows every private number in the manifest. */
void lint_engine_judge(const struct lint *l, struct selv_bytes envelope,
                       const struct selv_key *key,
                       struct selv_manifest_verdict *verdict);

/* ---- the groups of rules ------------------------------------------------- */

void lint_shape(struct lint *l);  /* sections and single commands */
void lint_flow(struct lint *l);   /* parameters and images, along each path */
void lint_uris(struct lint *l);   /* and integrated payloads */
void lint_text(struct lint *l);   /* text, and the ids that it tells of */
void lint_blocks(struct lint *l); /* digest and signatures */
void lint_device(struct lint *l); /* limits, bootloaders, the engine itself */

#endif
