/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_int.h - shared by host/manifest_*.c only. */
#ifndef SELV_HOST_MANIFEST_INT_H
#define SELV_HOST_MANIFEST_INT_H

#include "cbor/cbor.h"
#include "crypto/crypto.h"
#include "host/manifest.h"
#include "suit/chunks.h"
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
    WORD_VENDOR, /* a UUID, or a private enterprise number */
    WORD_DIGEST,
    WORD_UINT,
    WORD_BOOL,
    WORD_BYTES,
    WORD_TEXT,
    WORD_CHUNKS /* the name of a chunk list; the one private number of ours */
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
extern const struct manifest_word manifest_digest_algorithms[];

const struct manifest_word *manifest_word_find(const struct manifest_word *list,
                                               const char *name);
const struct manifest_word *manifest_word_at(const struct manifest_word *list,
                                             int32_t code);

/* Below -256: the port's, or the application's [manifest 8.4.8, 8.4.11]. */
static inline bool manifest_is_private(int32_t code)
{
    return code < -256;
}

/* Has a key in the envelope as well [manifest 8.2]. */
bool manifest_is_severable(int32_t key);

/* The reporting policy that a template need not give. */
uint64_t manifest_policy_default(enum manifest_shape shape);

/* SHA-256 of some bytes. */
void manifest_sha256(struct selv_bytes bytes,
                     uint8_t digest[static SELV_SHA256_LEN]);

/* A vendor as a private enterprise number: a relative OID [RFC 9090], tag
 * 112, below 1.3.6.1.4.1 [manifest 8.4.8.3]. get: of one arc only. */
void manifest_pen_put(struct selv_cbor_writer *w, uint32_t pen);
bool manifest_pen_get(struct selv_bytes item, uint32_t *pen);

/* The name space of that vendor's classes [manifest 8.4.8.1, 8.4.8.2]. */
void manifest_pen_uuid(uint32_t pen, uint8_t uuid[static 16]);

/* "app", "a/b"; a segment that is no plain text as h'00'. */
json_t *manifest_component_json(struct selv_bytes id);

/* A number; as text above 2^63 - 1, where numbers in JSON end here. */
json_t *manifest_uint_json(uint64_t number);

/* The same of component i of an envelope, cut to the room; "": there is none
 * (manifest_verify.c). */
void manifest_component_name(struct selv_bytes envelope, size_t i, char *text,
                             size_t cap);

/* Where in the template we are: a chain that lives on the stack. */
struct place {
    const struct place *up;
    const char *name; /* NULL: the element `index` of an array */
    size_t index;
};

struct place place_member(const struct place *up, const char *name);
struct place place_element(const struct place *up, size_t index);
void place_print(const struct place *at, char *text, size_t cap);

/* The envelope with that signature alone (manifest_sign.c); *out is from
 * malloc. */
bool manifest_sign_alone(struct selv_bytes envelope, const struct selv_key *key,
                         struct selv_buf *out);

#endif
