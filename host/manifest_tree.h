/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_tree.h - an envelope taken apart, for tools that look at all
 * of it: templates, lint, extract. It reads what devices refuse as well, and
 * decides nothing.
 *
 * Owns:  the tree owns its nodes, not the bytes: every view points into the
 *        envelope, which must outlive it.
 * Limits: sequences nested to MANIFEST_TREE_DEPTH_MAX. */
#ifndef SELV_HOST_MANIFEST_TREE_H
#define SELV_HOST_MANIFEST_TREE_H

#include "host/manifest_int.h"

#define MANIFEST_TREE_DEPTH_MAX 16u

struct manifest_command {
    int32_t code;
    const uint8_t *at;                /* first byte of the code */
    struct selv_bytes argument;       /* the encoded item */
    struct manifest_sequence *nested; /* of try-each and run-sequence */
    size_t nested_count;
    bool is_nested_bad; /* their argument is none of sequences */
};

struct manifest_sequence {
    struct selv_bytes item; /* whole: a byte string, or nil */
    bool is_nil;
    enum selv_err err; /* what ends it early; SELV_OK: nothing */
    const uint8_t *err_at;
    struct manifest_command *commands; /* those before the error */
    size_t count;
};

/* A section, or the text. */
struct manifest_section {
    const struct manifest_word *word;
    struct selv_bytes item;    /* in the manifest (or common); p NULL: none */
    struct selv_bytes severed; /* in the envelope; p NULL: none */
    bool is_digest;            /* the item is a SUIT_Digest */
    bool is_commands;          /* the sequence is there (text never has one) */
    struct manifest_sequence sequence;
};

#define MANIFEST_SECTIONS                                                      \
    7u /* as in manifest_sections: shared is the first                         \
        */

struct manifest_pair {
    struct selv_bytes key;   /* whole; for a payload its text */
    struct selv_bytes value; /* whole; for a payload its bytes */
};

struct manifest_list {
    struct manifest_pair *pairs;
    size_t count;
};

struct manifest_tree {
    struct selv_bytes envelope;
    struct selv_bytes wrapper;       /* content */
    struct selv_bytes digest;        /* content of the wrapper's first bstr */
    struct manifest_list blocks;     /* value: content of each block */
    struct selv_bytes manifest_item; /* with its head */
    struct selv_bytes manifest;      /* content */
    struct selv_bytes version, sequence_number, reference_uri; /* items */
    struct selv_bytes common;                                  /* content */
    struct manifest_list components; /* value: each identifier */
    struct manifest_section sections[MANIFEST_SECTIONS];
    struct manifest_list payloads;
    struct manifest_list other_manifest, other_common, other_envelope;
    struct manifest_arena *arena;
};

/* False, with *error, when the bytes are no whole envelope with wrapper,
 * manifest and common, or there is no memory. Close it only after true. */
bool manifest_tree_open(struct manifest_tree *tree, struct selv_bytes envelope,
                        struct selv_error *error);
void manifest_tree_close(struct manifest_tree *tree);

/* Bytes from the envelope's first. */
static inline size_t manifest_tree_off(const struct manifest_tree *tree,
                                       const uint8_t *p)
{
    return p == NULL ? 0 : (size_t)(p - tree->envelope.p);
}

/* The section of a key; NULL for a key that is none. */
const struct manifest_section *
manifest_tree_section(const struct manifest_tree *tree, int32_t key);

/* The content of an encoded byte string; false when it is none. */
bool manifest_bstr(struct selv_bytes item, struct selv_bytes *content);

/* A SUIT_Digest of two elements; false when it is none. */
bool manifest_digest_get(struct selv_bytes item, int32_t *algorithm,
                         struct selv_bytes *bytes);

/* True when the digest in the wrapper is the manifest's; *digest gets the
 * manifest's either way. */
bool manifest_tree_digest(const struct manifest_tree *tree,
                          uint8_t digest[static SELV_SHA256_LEN]);

#endif
