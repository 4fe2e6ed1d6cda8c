/* SPDX-License-Identifier: Apache-2.0 */
#include "host/manifest_extract.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/manifest_template.h"
#include "host/manifest_tree.h"
#include "host/text.h"

/* ---- names of files ------------------------------------------------------ */

static bool is_safe(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* Names of ours in the same folder. */
static bool is_taken(const char *name)
{
    static const char *const names[] = {"manifest.cbor", "template.json", NULL};

    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    for (const struct manifest_word *s = manifest_sections; s->name != NULL;
         s++) {
        size_t len = strlen(s->name);

        if (strncmp(name, s->name, len) == 0 &&
            strcmp(name + len, ".cbor") == 0) {
            return true;
        }
    }
    return false;
}

/* A name that had to change, or begins with a digit, gets the payload's number
 * in front: so no two payloads meet in one name. */
void selv_manifest_file_name(struct selv_bytes payload_name, size_t index,
                             char name[static SELV_MANIFEST_FILE_NAME_MAX])
{
    struct selv_bytes from = payload_name;
    char plain[65];
    size_t len;
    bool is_changed = from.len == 0 || from.p[0] != '#';

    if (!is_changed) {
        from = selv_bytes(from.p + 1, from.len - 1);
    }
    len = from.len < sizeof(plain) ? from.len : sizeof(plain) - 1;
    is_changed = is_changed || len == 0 || len < from.len || from.p[0] == '.' ||
                 from.p[0] == '-' || (from.p[0] >= '0' && from.p[0] <= '9');
    for (size_t i = 0; i < len; i++) {
        is_changed = is_changed || !is_safe(from.p[i]);
        plain[i] = is_safe(from.p[i]) ? (char)from.p[i] : '_';
    }
    plain[len] = '\0';
    if (is_changed || is_taken(plain)) {
        snprintf(name, SELV_MANIFEST_FILE_NAME_MAX, "%zu-%s", index,
                 len == 0 ? "payload" : plain);
    } else {
        snprintf(name, SELV_MANIFEST_FILE_NAME_MAX, "%s", plain);
    }
}

/* ---- parts --------------------------------------------------------------- */

bool selv_manifest_content(struct selv_bytes envelope, struct selv_bytes *out,
                           struct selv_error *error)
{
    struct manifest_tree tree;

    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    *out = tree.manifest;
    manifest_tree_close(&tree);
    return true;
}

static bool element_find(const struct manifest_tree *tree, const char *name,
                         struct selv_bytes *out, struct selv_error *error)
{
    const struct manifest_word *word =
        manifest_word_find(manifest_sections, name);
    const struct manifest_section *s;

    if (word == NULL) {
        return selv_error_set(error, SELV_EXIT_USAGE,
                              "\"%s\" is no element; they are shared, "
                              "payload-fetch, install, validate, load, invoke "
                              "and text",
                              name);
    }
    s = manifest_tree_section(tree, word->code);
    if (s->item.p == NULL) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the manifest has no %s", name);
    }
    if (s->is_digest && s->severed.p == NULL) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s was taken out of this envelope: the "
                              "manifest holds only its digest",
                              name);
    }
    return manifest_bstr(s->is_digest ? s->severed : s->item, out) ||
           selv_error_set(error, SELV_EXIT_REFUSED, "%s is malformed", name);
}

bool selv_manifest_element(struct selv_bytes envelope, const char *name,
                           struct selv_bytes *out, struct selv_error *error)
{
    struct manifest_tree tree;
    bool done;

    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    done = element_find(&tree, name, out, error);
    manifest_tree_close(&tree);
    return done;
}

static bool is_named(struct selv_bytes key, const char *name)
{
    struct selv_bytes wanted = selv_bytes(name, strlen(name));

    return selv_bytes_equal(key, wanted) ||
           (key.len > 0 && key.p[0] == '#' &&
            selv_bytes_equal(selv_bytes(key.p + 1, key.len - 1), wanted));
}

/* "no payload X; there are: ..." */
static bool payload_missing(const struct manifest_tree *tree, const char *name,
                            struct selv_error *error)
{
    char list[SELV_ERROR_LEN / 2] = "";
    size_t len = 0;

    for (size_t i = 0; i < tree->payloads.count && len < sizeof(list); i++) {
        struct selv_bytes key = tree->payloads.pairs[i].key;

        len += (size_t)snprintf(
            list + len, sizeof(list) - len, "%s%.*s", i == 0 ? "" : ", ",
            (int)(key.len > 80 ? 80 : key.len), (const char *)key.p);
    }
    selv_text_clean(list);
    return selv_error_set(error, SELV_EXIT_REFUSED,
                          "the envelope has no payload \"%.200s\"; it has %s",
                          name, list[0] == '\0' ? "none" : list);
}

static const struct manifest_pair *
payload_find(const struct manifest_tree *tree, const char *name)
{
    for (size_t i = 0; i < tree->payloads.count; i++) {
        if (is_named(tree->payloads.pairs[i].key, name)) {
            return &tree->payloads.pairs[i];
        }
    }
    return NULL;
}

bool selv_manifest_payload(struct selv_bytes envelope, const char *name,
                           struct selv_bytes *out, struct selv_error *error)
{
    struct manifest_tree tree;
    const struct manifest_pair *payload;

    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    payload = payload_find(&tree, name);
    if (payload == NULL) {
        payload_missing(&tree, name, error);
    } else {
        *out = payload->value;
    }
    manifest_tree_close(&tree);
    return payload != NULL;
}

bool selv_manifest_files(struct selv_bytes envelope,
                         struct selv_manifest_file **files, size_t *count,
                         struct selv_error *error)
{
    struct manifest_tree tree;
    struct selv_manifest_file *list;

    *count = 0;
    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    list = calloc(1 + MANIFEST_SECTIONS + tree.payloads.count, sizeof(*list));
    if (list == NULL) {
        manifest_tree_close(&tree);
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
    }
    snprintf(list[0].name, sizeof(list[0].name), "manifest.cbor");
    list[0].what = "manifest";
    list[(*count)++].bytes = tree.manifest;
    for (size_t i = 1; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &tree.sections[i];
        struct selv_manifest_file *file = &list[*count];

        if (s->is_digest && s->severed.p != NULL &&
            manifest_bstr(s->severed, &file->bytes)) {
            snprintf(file->name, sizeof(file->name), "%s.cbor", s->word->name);
            file->what = "element";
            (*count)++;
        }
    }
    for (size_t i = 0; i < tree.payloads.count; i++) {
        struct selv_manifest_file *file = &list[(*count)++];

        selv_manifest_file_name(tree.payloads.pairs[i].key, i, file->name);
        file->bytes = tree.payloads.pairs[i].value;
        file->what = "payload";
    }
    manifest_tree_close(&tree);
    *files = list;
    return true;
}

/* ---- with fewer parts, or more ------------------------------------------- */

/* One pair of the new envelope: key and value, encoded. */
struct pair {
    uint8_t key[1024];
    size_t key_len;
    struct selv_bytes value; /* of a view */
    bool is_item;            /* the value is encoded; else it is the content */
};

struct change {
    struct pair *pairs;
    size_t count;
    struct selv_error *error;
    const struct manifest_tree *tree;
};

static bool key_put(struct change *c, struct pair *pair, int32_t key,
                    struct selv_bytes name)
{
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, pair->key, sizeof(pair->key));
    if (name.p != NULL) {
        selv_cbor_put_tstr(&w, name);
    } else {
        selv_cbor_put_int(&w, key);
    }
    pair->key_len = w.len;
    return w.err == SELV_OK ||
           selv_error_set(c->error, SELV_EXIT_REFUSED,
                          "the name of a payload is longer than 1000 bytes");
}

/* Any pair of the envelope but wrapper and manifest. */
static bool pairs_read(struct change *c)
{
    const struct manifest_tree *tree = c->tree;
    const struct selv_bytes none = {NULL, 0};

    for (size_t i = 1; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &tree->sections[i];

        if (s->severed.p != NULL) {
            struct pair *pair = &c->pairs[c->count++];

            pair->value = s->severed;
            pair->is_item = true;
            if (!key_put(c, pair, s->word->code, none)) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < tree->other_envelope.count; i++) {
        struct pair *pair = &c->pairs[c->count++];

        pair->key_len = tree->other_envelope.pairs[i].key.len;
        memcpy(pair->key, tree->other_envelope.pairs[i].key.p, pair->key_len);
        pair->value = tree->other_envelope.pairs[i].value;
        pair->is_item = true;
    }
    for (size_t i = 0; i < tree->payloads.count; i++) {
        struct pair *pair = &c->pairs[c->count++];

        pair->value = tree->payloads.pairs[i].value;
        if (!key_put(c, pair, 0, tree->payloads.pairs[i].key)) {
            return false;
        }
    }
    return true;
}

static struct pair *pair_find(struct change *c, const struct pair *like)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->pairs[i].key_len == like->key_len &&
            memcmp(c->pairs[i].key, like->key, like->key_len) == 0) {
            return &c->pairs[i];
        }
    }
    return NULL;
}

/* An element that comes back must be the one that was severed. */
static bool element_check(struct change *c, const struct manifest_section *s,
                          struct selv_bytes content)
{
    struct selv_cbor_writer w;
    struct selv_bytes claimed;
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t head[9];
    int32_t algorithm;

    selv_cbor_writer_init(&w, head, sizeof(head));
    selv_cbor_put_bstr_head(&w, content.len);
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, w.len);
    selv_sha256_update(&h, content.p, content.len);
    selv_sha256_finish(&h, digest);
    return (manifest_digest_get(s->item, &algorithm, &claimed) &&
            algorithm == SELV_SUIT_DIGEST_SHA256 &&
            selv_bytes_equal(claimed, selv_bytes(digest, sizeof(digest)))) ||
           selv_error_set(c->error, SELV_EXIT_REFUSED,
                          "that is not the %s that was severed: its digest is "
                          "another than the manifest's",
                          s->word->name);
}

/* The pair that a part names, as far as its key. */
static bool part_find(struct change *c, const struct selv_manifest_part *part,
                      struct pair *pair)
{
    const struct selv_bytes none = {NULL, 0};
    const struct manifest_word *word;
    const struct manifest_section *s;
    const struct manifest_pair *payload;

    if (part->is_payload) {
        payload = payload_find(c->tree, part->name);
        if (payload == NULL && part->bytes.p == NULL) {
            return payload_missing(c->tree, part->name, c->error);
        }
        return key_put(c, pair, 0,
                       payload != NULL
                           ? payload->key
                           : selv_bytes(part->name, strlen(part->name)));
    }
    word = manifest_word_find(manifest_sections, part->name);
    s = word == NULL ? NULL : manifest_tree_section(c->tree, word->code);
    if (s == NULL || !s->is_digest) {
        return selv_error_set(c->error, SELV_EXIT_REFUSED,
                              "the manifest has no severed \"%.200s\"; what it "
                              "holds itself cannot be taken out",
                              part->name);
    }
    if (part->bytes.p != NULL && !element_check(c, s, part->bytes)) {
        return false;
    }
    return key_put(c, pair, word->code, none);
}

static bool part_apply(struct change *c, const struct selv_manifest_part *part)
{
    struct pair pair;
    struct pair *found;

    memset(&pair, 0, sizeof(pair));
    if (!part_find(c, part, &pair)) {
        return false;
    }
    found = pair_find(c, &pair);
    if (part->bytes.p != NULL) {
        pair.value = part->bytes;
        if (found != NULL) {
            *found = pair;
        } else {
            c->pairs[c->count++] = pair;
        }
    } else if (found != NULL) { /* else it was gone already: as wished */
        *found = c->pairs[--c->count];
    }
    return true;
}

static int pair_compare(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    size_t common =
        left->key_len < right->key_len ? left->key_len : right->key_len;
    int order = memcmp(left->key, right->key, common);

    return order != 0 ? order
                      : (left->key_len > right->key_len) -
                            (left->key_len < right->key_len);
}

static enum selv_err change_put(const struct change *c, struct selv_buf *out)
{
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, 2 + c->count);
    selv_cbor_put_int(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(&w, c->tree->wrapper);
    selv_cbor_put_int(&w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_raw(&w, c->tree->manifest_item);
    for (size_t i = 0; i < c->count; i++) {
        const struct pair *pair = &c->pairs[i];

        selv_cbor_put_raw(&w, selv_bytes(pair->key, pair->key_len));
        if (pair->is_item) {
            selv_cbor_put_raw(&w, pair->value);
        } else {
            selv_cbor_put_bstr(&w, pair->value);
        }
    }
    out->len = w.len;
    return selv_cbor_finish(&w, NULL);
}

static bool change_run(struct change *c, const struct selv_manifest_part *parts,
                       size_t count, struct selv_buf *out)
{
    size_t cap = c->tree->envelope.len + 64;
    enum selv_err err;

    if (!pairs_read(c)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!part_apply(c, &parts[i])) {
            return false;
        }
        cap += parts[i].bytes.len + 1040;
    }
    if (c->count > 1) {
        qsort(c->pairs, c->count, sizeof(*c->pairs), pair_compare);
    }
    out->p = malloc(cap);
    out->cap = cap;
    err = out->p == NULL ? SELV_ERR_SPACE : change_put(c, out);
    if (err) {
        free(out->p);
        return selv_error_set(c->error, SELV_EXIT_ENVIRONMENT, "%s",
                              selv_err_str(err));
    }
    return true;
}

bool selv_manifest_change(struct selv_bytes envelope,
                          const struct selv_manifest_part *parts, size_t count,
                          struct selv_buf *out, struct selv_error *error)
{
    struct manifest_tree tree;
    struct change c = {.error = error, .tree = &tree};
    bool done;

    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    c.pairs = calloc(MANIFEST_SECTIONS + tree.other_envelope.count +
                         tree.payloads.count + count,
                     sizeof(*c.pairs));
    done = c.pairs == NULL
               ? selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory")
               : change_run(&c, parts, count, out);
    free(c.pairs);
    manifest_tree_close(&tree);
    return done;
}
