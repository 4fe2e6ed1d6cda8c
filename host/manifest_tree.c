/* SPDX-License-Identifier: Apache-2.0 */
#include "host/manifest_tree.h"

#include <stdlib.h>

/* ---- memory -------------------------------------------------------------- */

/* All nodes of a tree are freed at once. */
struct manifest_arena {
    struct manifest_arena *next;
    max_align_t data[];
};

static void *take(struct manifest_tree *tree, size_t count, size_t size)
{
    struct manifest_arena *block =
        calloc(1, sizeof(*block) + (count == 0 ? 1 : count) * size);

    if (block == NULL) {
        return NULL;
    }
    block->next = tree->arena;
    tree->arena = block;
    return block->data;
}

void manifest_tree_close(struct manifest_tree *tree)
{
    while (tree->arena != NULL) {
        struct manifest_arena *next = tree->arena->next;

        free(tree->arena);
        tree->arena = next;
    }
}

/* Room for the pairs of a map, or the elements of an array. */
static bool list_take(struct manifest_tree *tree, struct manifest_list *list,
                      uint32_t count)
{
    list->pairs = take(tree, count, sizeof(*list->pairs));
    list->count = 0;
    return list->pairs != NULL;
}

static void list_add(struct manifest_list *list, struct selv_bytes key,
                     struct selv_bytes value)
{
    list->pairs[list->count].key = key;
    list->pairs[list->count++].value = value;
}

/* ---- items --------------------------------------------------------------- */

bool manifest_bstr(struct selv_bytes item, struct selv_bytes *content)
{
    struct selv_cbor r;

    selv_cbor_init(&r, item);
    return selv_cbor_bstr(&r, content) == SELV_OK && selv_cbor_is_end(&r);
}

bool manifest_digest_get(struct selv_bytes item, int32_t *algorithm,
                         struct selv_bytes *bytes)
{
    struct selv_cbor r;
    uint32_t count;

    selv_cbor_init(&r, item);
    return selv_cbor_array(&r, &count) == SELV_OK && count == 2 &&
           selv_cbor_int(&r, algorithm) == SELV_OK &&
           selv_cbor_bstr(&r, bytes) == SELV_OK && selv_cbor_is_end(&r);
}

/* ---- sequences ----------------------------------------------------------- */

static bool sequence_take(struct manifest_tree *tree, struct selv_bytes item,
                          unsigned depth, struct manifest_sequence *out);

static enum selv_err sequence_fail(struct manifest_sequence *out,
                                   enum selv_err err, const uint8_t *at)
{
    out->err = err;
    out->err_at = at;
    return err;
}

/* The sequences in the argument of try-each or run-sequence. False: no
 * memory. */
static bool nested_take(struct manifest_tree *tree, unsigned depth,
                        struct manifest_command *command)
{
    struct selv_cbor r;
    uint32_t count = 1;

    selv_cbor_init(&r, command->argument);
    if (command->code == SELV_SUIT_DIRECTIVE_TRY_EACH &&
        selv_cbor_array(&r, &count) != SELV_OK) {
        command->is_nested_bad = true;
        return true;
    }
    command->nested = take(tree, count, sizeof(*command->nested));
    if (command->nested == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct selv_bytes item = {NULL, 0};
        struct selv_bytes content;
        bool is_nil;

        if (selv_cbor_skip(&r, &item) != SELV_OK) {
            command->is_nested_bad = true;
            return true;
        }
        is_nil = item.len == 1 && item.p[0] == 0xf6;
        if (!is_nil && !manifest_bstr(item, &content)) {
            command->is_nested_bad = true;
            return true;
        }
        if (!sequence_take(tree, item, depth + 1,
                           &command->nested[command->nested_count++])) {
            return false;
        }
    }
    return true;
}

static bool commands_take(struct manifest_tree *tree, struct selv_cbor *r,
                          uint32_t items, unsigned depth,
                          struct manifest_sequence *out)
{
    for (uint32_t i = 0; i + 1 < items; i += 2) {
        struct manifest_command *command = &out->commands[out->count];
        enum selv_err err;

        command->at = r->p;
        err = selv_cbor_int(r, &command->code);
        if (!err) {
            err = selv_cbor_skip(r, &command->argument);
        }
        if (err) {
            sequence_fail(out, err, r->p);
            return true;
        }
        out->count++;
        if ((command->code == SELV_SUIT_DIRECTIVE_TRY_EACH ||
             command->code == SELV_SUIT_DIRECTIVE_RUN_SEQUENCE) &&
            !nested_take(tree, depth, command)) {
            return false;
        }
    }
    if (items % 2 != 0) {
        sequence_fail(out, SELV_ERR_SUIT_ARGUMENT, r->p);
    } else if (!selv_cbor_is_end(r)) {
        sequence_fail(out, SELV_ERR_CBOR_TRAILING, r->p);
    }
    return true;
}

/* False: no memory. What is wrong with the bytes stands in *out. */
static bool sequence_take(struct manifest_tree *tree, struct selv_bytes item,
                          unsigned depth, struct manifest_sequence *out)
{
    struct selv_bytes content;
    struct selv_cbor r;
    uint32_t items = 0;
    enum selv_err err;

    memset(out, 0, sizeof(*out));
    out->item = item;
    out->is_nil = item.len == 1 && item.p[0] == 0xf6;
    if (out->is_nil) {
        return true;
    }
    if (!manifest_bstr(item, &content)) {
        sequence_fail(out, SELV_ERR_CBOR_TYPE, item.p);
        return true;
    }
    if (depth > MANIFEST_TREE_DEPTH_MAX) {
        sequence_fail(out, SELV_ERR_SUIT_DEPTH, item.p);
        return true;
    }
    selv_cbor_init(&r, content);
    err = selv_cbor_array(&r, &items);
    if (!err && items == 0) {
        err = SELV_ERR_SUIT_EMPTY;
    }
    if (err) {
        sequence_fail(out, err, content.p);
        return true;
    }
    out->commands = take(tree, items / 2 + 1, sizeof(*out->commands));
    return out->commands != NULL && commands_take(tree, &r, items, depth, out);
}

/* ---- the maps ------------------------------------------------------------ */

/* One pair of a map: the whole key, the whole value, and the key's number
 * where it is one that we can hold. */
static bool pair_next(struct selv_cbor *r, struct manifest_pair *pair,
                      int32_t *number)
{
    struct selv_cbor key;

    if (selv_cbor_skip(r, &pair->key) != SELV_OK ||
        selv_cbor_skip(r, &pair->value) != SELV_OK) {
        return false;
    }
    selv_cbor_init(&key, pair->key);
    *number = 0;
    return selv_cbor_peek(&key) == SELV_CBOR_TSTR ||
           selv_cbor_int(&key, number) == SELV_OK;
}

static struct manifest_section *section_of(struct manifest_tree *tree,
                                           int32_t key)
{
    for (size_t i = 1; i < MANIFEST_SECTIONS; i++) {
        if (tree->sections[i].word->code == key) {
            return &tree->sections[i];
        }
    }
    return NULL;
}

const struct manifest_section *
manifest_tree_section(const struct manifest_tree *tree, int32_t key)
{
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        if (tree->sections[i].word->code == key) {
            return &tree->sections[i];
        }
    }
    return NULL;
}

static bool envelope_pair_take(struct manifest_tree *tree,
                               const struct manifest_pair *pair, int32_t key)
{
    struct manifest_section *section = section_of(tree, key);
    struct selv_bytes content;
    struct selv_bytes name;
    struct selv_cbor r;

    selv_cbor_init(&r, pair->key);
    if (!manifest_bstr(pair->value, &content)) {
        return false;
    }
    if (selv_cbor_tstr(&r, &name) == SELV_OK) {
        list_add(&tree->payloads, name, content);
    } else if (key == SELV_SUIT_KEY_AUTHENTICATION) {
        tree->wrapper = content;
    } else if (key == SELV_SUIT_KEY_MANIFEST) {
        tree->manifest = content;
        tree->manifest_item = pair->value;
    } else if (section != NULL) {
        section->severed = pair->value;
    } else {
        list_add(&tree->other_envelope, pair->key, pair->value);
    }
    return true;
}

static bool envelope_take(struct manifest_tree *tree)
{
    struct selv_cbor r;
    struct manifest_pair pair;
    uint64_t tag;
    uint32_t count;
    int32_t key;

    selv_cbor_init(&r, tree->envelope);
    if (selv_cbor_tag(&r, &tag) != SELV_OK || tag != SELV_SUIT_TAG_ENVELOPE ||
        selv_cbor_map(&r, &count) != SELV_OK ||
        !list_take(tree, &tree->payloads, count) ||
        !list_take(tree, &tree->other_envelope, count)) {
        return false;
    }
    for (; count > 0; count--) {
        if (!pair_next(&r, &pair, &key) ||
            !envelope_pair_take(tree, &pair, key)) {
            return false;
        }
    }
    return tree->wrapper.p != NULL && tree->manifest.p != NULL;
}

static bool wrapper_take(struct manifest_tree *tree)
{
    const struct selv_bytes none = {NULL, 0};
    struct selv_cbor r;
    struct selv_bytes block;
    uint32_t count;

    selv_cbor_init(&r, tree->wrapper);
    if (selv_cbor_array(&r, &count) != SELV_OK || count == 0 ||
        selv_cbor_bstr(&r, &tree->digest) != SELV_OK ||
        !list_take(tree, &tree->blocks, count)) {
        return false;
    }
    for (; count > 1; count--) {
        if (selv_cbor_bstr(&r, &block) != SELV_OK) {
            return false;
        }
        list_add(&tree->blocks, none, block);
    }
    return true;
}

static bool manifest_pair_take(struct manifest_tree *tree,
                               const struct manifest_pair *pair, int32_t key)
{
    struct manifest_section *section = section_of(tree, key);
    struct selv_cbor r;

    if (key == SELV_SUIT_KEY_VERSION) {
        tree->version = pair->value;
    } else if (key == SELV_SUIT_KEY_SEQUENCE_NUMBER) {
        tree->sequence_number = pair->value;
    } else if (key == SELV_SUIT_KEY_REFERENCE_URI) {
        tree->reference_uri = pair->value;
    } else if (key == SELV_SUIT_KEY_COMMON) {
        return manifest_bstr(pair->value, &tree->common);
    } else if (section != NULL) {
        selv_cbor_init(&r, pair->value);
        section->item = pair->value;
        section->is_digest = selv_cbor_peek(&r) == SELV_CBOR_ARRAY;
    } else {
        list_add(&tree->other_manifest, pair->key, pair->value);
    }
    return true;
}

static bool manifest_take(struct manifest_tree *tree)
{
    struct selv_cbor r;
    struct manifest_pair pair;
    uint32_t count;
    int32_t key;

    selv_cbor_init(&r, tree->manifest);
    if (selv_cbor_map(&r, &count) != SELV_OK ||
        !list_take(tree, &tree->other_manifest, count)) {
        return false;
    }
    for (; count > 0; count--) {
        if (!pair_next(&r, &pair, &key) || key == 0 ||
            !manifest_pair_take(tree, &pair, key)) {
            return false;
        }
    }
    return tree->common.p != NULL && selv_cbor_is_end(&r);
}

static bool components_take(struct manifest_tree *tree, struct selv_bytes item)
{
    const struct selv_bytes none = {NULL, 0};
    struct selv_cbor r;
    struct selv_bytes id;
    uint32_t count;

    selv_cbor_init(&r, item);
    if (selv_cbor_array(&r, &count) != SELV_OK ||
        !list_take(tree, &tree->components, count)) {
        return false;
    }
    for (; count > 0; count--) {
        if (selv_cbor_skip(&r, &id) != SELV_OK) {
            return false;
        }
        list_add(&tree->components, none, id);
    }
    return true;
}

static bool common_take(struct manifest_tree *tree)
{
    struct selv_cbor r;
    struct manifest_pair pair;
    uint32_t count;
    int32_t key;

    selv_cbor_init(&r, tree->common);
    if (selv_cbor_map(&r, &count) != SELV_OK ||
        !list_take(tree, &tree->other_common, count)) {
        return false;
    }
    for (; count > 0; count--) {
        if (!pair_next(&r, &pair, &key)) {
            return false;
        }
        if (key == SELV_SUIT_COMMON_COMPONENTS) {
            if (!components_take(tree, pair.value)) {
                return false;
            }
        } else if (key == SELV_SUIT_COMMON_SHARED_SEQUENCE) {
            tree->sections[0].item = pair.value;
        } else if (key != 0) {
            list_add(&tree->other_common, pair.key, pair.value);
        } else {
            return false;
        }
    }
    return selv_cbor_is_end(&r);
}

/* The sequences of what is there, in the manifest or severed. */
static bool sections_take(struct manifest_tree *tree)
{
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        struct manifest_section *s = &tree->sections[i];
        struct selv_bytes item = s->is_digest ? s->severed : s->item;

        if (item.p == NULL || s->word->code == SELV_SUIT_KEY_TEXT) {
            continue;
        }
        s->is_commands = true;
        if (!sequence_take(tree, item, 0, &s->sequence)) {
            return false;
        }
    }
    return true;
}

bool manifest_tree_open(struct manifest_tree *tree, struct selv_bytes envelope,
                        struct selv_error *error)
{
    memset(tree, 0, sizeof(*tree));
    tree->envelope = envelope;
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        tree->sections[i].word = &manifest_sections[i];
    }
    if (!envelope_take(tree) || !wrapper_take(tree)) {
        manifest_tree_close(tree);
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "not a whole SUIT envelope (tag 107, with "
                              "wrapper and manifest)");
    }
    if (!manifest_take(tree) || !common_take(tree)) {
        manifest_tree_close(tree);
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the manifest in the envelope is malformed; "
                              "`selvage manifest verify` says where");
    }
    if (!sections_take(tree)) {
        manifest_tree_close(tree);
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
    }
    return true;
}

bool manifest_tree_digest(const struct manifest_tree *tree,
                          uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_bytes claimed;
    int32_t algorithm;

    manifest_sha256(tree->manifest_item, digest);
    return manifest_digest_get(tree->digest, &algorithm, &claimed) &&
           algorithm == SELV_SUIT_DIGEST_SHA256 &&
           selv_bytes_equal(claimed, selv_bytes(digest, SELV_SHA256_LEN));
}
