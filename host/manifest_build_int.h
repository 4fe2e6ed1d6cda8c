/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_build_int.h - shared by host/manifest_build*.c only: where in
 * the template we are, CBOR under construction, and who encodes what.
 *
 * Every ..._put appends to a writer and returns false with the error set, and
 * the place named. What a full writer keeps is asked for by its owner. */
#ifndef SELV_HOST_MANIFEST_BUILD_INT_H
#define SELV_HOST_MANIFEST_BUILD_INT_H

#include "host/manifest_int.h"

/* One call of selv_manifest_build_json. */
struct build {
    const char *folder;
    struct selv_error *error;
    json_t *template;
    bool is_unchecked; /* numbers and shapes that the draft lacks are meant */
};

/* Both set the error and return false. */
__attribute__((format(printf, 3, 4))) bool build_wrong(const struct build *b,
                                                       const struct place *at,
                                                       const char *format, ...);
bool build_no_memory(const struct build *b);

/* Every member must be one of the names (a list that NULL ends). */
bool build_members_check(const struct build *b, const struct place *at,
                         json_t *object, const char *const *names);

/* ---- CBOR under construction (manifest_build_piece.c) ------------------- */

/* Room for one nested element; a device takes SELV_SUIT_ENVELOPE_MAX. */
#define PIECE_CAP ((size_t)1 << 16)

struct piece {
    struct selv_cbor_writer w;
    struct selv_buf buf;
};

bool piece_open(struct piece *piece, size_t cap);
void piece_close(struct piece *piece);
struct selv_bytes piece_bytes(const struct piece *piece);

/* The pairs of a map: encoded one by one, then written in canonical order
 * [RFC 8949 4.2.1]. Begin with all members zero. */
struct pairs {
    struct piece *list;
    size_t count, cap;
};

/* Room for one more pair; NULL: no memory. */
struct selv_cbor_writer *pairs_add(struct pairs *pairs);
/* Write the whole map; false with the error set when a pair or the writer is
 * full. */
bool pairs_put(const struct build *b, const struct place *at,
               struct pairs *pairs, struct selv_cbor_writer *w);
void pairs_close(struct pairs *pairs);

/* A pair for each member of an object. */
typedef bool build_pair_fn(const struct build *b, const struct place *at,
                           const char *key, json_t *value,
                           struct selv_cbor_writer *w);
bool pairs_members_add(const struct build *b, const struct place *at,
                       json_t *object, build_pair_fn *pair,
                       struct pairs *pairs);

/* ---- values (manifest_build_value.c) ------------------------------------ */

/* {"cbor-hex": DIGITS}: the encoded item itself. */
bool value_is_raw(json_t *value);
/* is_allowed: not only in unchecked templates. */
bool raw_put(const struct build *b, const struct place *at, json_t *value,
             bool is_allowed, struct selv_cbor_writer *w);

void text_put(struct selv_cbor_writer *w, const char *text);
bool digest_put(const struct build *b, const struct place *at, json_t *value,
                struct selv_cbor_writer *w);
/* A SUIT_Digest of our own algorithm [manifest 10]. */
void sha256_put(struct selv_cbor_writer *w,
                const uint8_t digest[static SELV_SHA256_LEN]);
bool bytes_put(const struct build *b, const struct place *at, json_t *value,
               struct selv_cbor_writer *w);
/* Text, {"hex": ...}, {"file": ...}; *out is from malloc. */
bool bytes_value(const struct build *b, const struct place *at, json_t *value,
                 struct selv_buf *out);
bool uint_put(const struct build *b, const struct place *at, json_t *value,
              struct selv_cbor_writer *w);
bool parameter_value_put(const struct build *b, const struct place *at,
                         enum manifest_shape shape, json_t *value,
                         struct selv_cbor_writer *w);
/* A value of a number that is ours or nobody's. */
bool private_value_put(const struct build *b, const struct place *at,
                       json_t *value, struct selv_cbor_writer *w);
bool component_put(const struct build *b, const struct place *at, json_t *value,
                   struct selv_cbor_writer *w);

/* The code behind a name or number. kind: what errors call it. Numbers that
 * the draft leaves unassigned only where the template is unchecked; *word is
 * NULL for every number without a name. */
bool build_word_find(const struct build *b, const struct place *at,
                     const struct manifest_word *list, const char *name,
                     const char *kind, int32_t *code,
                     const struct manifest_word **word);

/* ---- parts -------------------------------------------------------------- */

/* A sequence, or {"cbor-hex": ...}, wrapped in its byte string
 * (manifest_build_command.c). */
bool sequence_put(const struct build *b, const struct place *at,
                  json_t *sequence, struct selv_cbor_writer *w);

/* The text element, wrapped in its byte string (manifest_build_text.c). */
bool text_element_put(const struct build *b, const struct place *at,
                      json_t *text, struct selv_cbor_writer *w);

#endif
