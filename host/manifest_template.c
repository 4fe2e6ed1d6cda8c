/* SPDX-License-Identifier: Apache-2.0
 *
 * From an envelope to the template that makes it. What a template's words
 * cannot say stands in it as encoded items, and makes it "unchecked". */
#include "host/manifest_template.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/hex.h"
#include "host/manifest_template_int.h"
#include "host/uuid.h"

/* ---- values -------------------------------------------------------------- */

json_t *template_hex(struct selv_bytes bytes)
{
    char *text = malloc(bytes.len * 2 + 1);
    json_t *value = NULL;

    if (text != NULL) {
        selv_hex_encode(bytes, text);
        value = json_string(text);
        free(text);
    }
    return value;
}

json_t *template_raw(struct template *t, struct selv_bytes item)
{
    t->is_unchecked = true;
    return json_pack("{s:o}", "cbor-hex", template_hex(item));
}

/* Text where that is what the bytes are; a path separator would split. */
static bool is_plain(struct selv_bytes bytes, bool is_segment)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] < (is_segment ? 0x21 : 0x20) || bytes.p[i] > 0x7e ||
            (is_segment && bytes.p[i] == '/')) {
            return false;
        }
    }
    return bytes.len > 0;
}

static json_t *text_json(struct selv_bytes text)
{
    return json_stringn((const char *)text.p, text.len);
}

json_t *template_bytes(struct selv_bytes bytes)
{
    return is_plain(bytes, false)
               ? text_json(bytes)
               : json_pack("{s:o}", "hex", template_hex(bytes));
}

json_t *template_uint(struct template *t, struct selv_bytes item)
{
    struct selv_cbor r;
    uint64_t number;

    selv_cbor_init(&r, item);
    if (selv_cbor_uint(&r, &number) != SELV_OK || !selv_cbor_is_end(&r)) {
        return template_raw(t, item);
    }
    return number <= INT64_MAX
               ? json_integer((json_int_t)number)
               : json_sprintf("%llu", (unsigned long long)number);
}

json_t *template_text(struct template *t, struct selv_bytes item)
{
    struct selv_cbor r;
    struct selv_bytes text;

    selv_cbor_init(&r, item);
    return selv_cbor_tstr(&r, &text) == SELV_OK && selv_cbor_is_end(&r)
               ? text_json(text)
               : template_raw(t, item);
}

json_t *template_digest(struct template *t, struct selv_bytes item)
{
    const struct manifest_word *word;
    struct selv_bytes bytes;
    int32_t algorithm;

    if (!manifest_digest_get(item, &algorithm, &bytes)) {
        return template_raw(t, item);
    }
    if (algorithm == SELV_SUIT_DIGEST_SHA256 && bytes.len == SELV_SHA256_LEN) {
        return template_hex(bytes);
    }
    word = manifest_word_at(manifest_digest_algorithms, algorithm);
    return json_pack("{s:o, s:o}", "algorithm",
                     word == NULL ? json_integer(algorithm)
                                  : json_string(word->name),
                     "hex", template_hex(bytes));
}

/* "a/b" where the segments are plain, else a list. */
json_t *template_component(struct template *t, struct selv_bytes id)
{
    json_t *list = json_array();
    json_t *path = json_string("");
    struct selv_cbor r;
    struct selv_bytes segment;
    uint32_t count = 0;
    bool is_path = true;

    selv_cbor_init(&r, id);
    if (selv_cbor_array(&r, &count) != SELV_OK || count == 0) {
        json_decref(list);
        json_decref(path);
        return template_raw(t, id);
    }
    for (uint32_t i = 0; i < count; i++) {
        json_t *joined;

        if (selv_cbor_bstr(&r, &segment) != SELV_OK) {
            json_decref(list);
            json_decref(path);
            return template_raw(t, id);
        }
        json_array_append_new(list, template_bytes(segment));
        is_path = is_path && is_plain(segment, true);
        joined = json_sprintf("%s%s%.*s", json_string_value(path),
                              i == 0 ? "" : "/", is_path ? (int)segment.len : 0,
                              (const char *)segment.p);
        json_decref(path);
        path = joined;
    }
    json_decref(is_path ? list : path);
    return is_path ? path : list;
}

/* ---- identifiers --------------------------------------------------------- */

/* {"vendor", "class", "uuid"} when names that we know give this UUID. */
static json_t *uuid_json(const struct template *t, struct selv_bytes bytes)
{
    uint8_t vendor[SELV_UUID_LEN];
    uint8_t uuid[SELV_UUID_LEN];
    char text[SELV_UUID_TEXT_LEN];

    selv_uuid_format(bytes.p, text);
    for (size_t i = 0; i < t->name_count; i++) {
        const struct selv_manifest_names *names = &t->names[i];

        if (names->vendor == NULL) {
            continue;
        }
        selv_uuid_vendor(names->vendor, vendor);
        if (memcmp(vendor, bytes.p, sizeof(vendor)) == 0) {
            return json_pack("{s:s, s:s}", "vendor", names->vendor, "uuid",
                             text);
        }
        if (names->class_name == NULL) {
            continue;
        }
        selv_uuid_class(vendor, names->class_name, uuid);
        if (memcmp(uuid, bytes.p, sizeof(uuid)) == 0) {
            return json_pack("{s:s, s:s, s:s}", "vendor", names->vendor,
                             "class", names->class_name, "uuid", text);
        }
    }
    return json_string(text);
}

/* The number is private: somebody else's value is no mistake. */
static json_t *chunks_json(struct selv_bytes item)
{
    struct selv_suit_chunks_name list;

    if (selv_suit_chunks_name_read(item, &list) != SELV_OK) {
        return json_pack("{s:o}", "cbor-hex", template_hex(item));
    }
    return json_pack("{s:o, s:I}", "sha256",
                     template_hex(selv_bytes(list.digest, SELV_SHA256_LEN)),
                     "size", (json_int_t)list.len);
}

static json_t *parameter_json(struct template *t,
                              const struct manifest_word *word,
                              struct selv_bytes item)
{
    struct selv_cbor r;
    struct selv_bytes bytes;
    uint32_t pen;
    bool flag;

    if (word->shape == WORD_UINT) {
        return template_uint(t, item);
    }
    if (word->shape == WORD_TEXT) {
        return template_text(t, item);
    }
    selv_cbor_init(&r, item);
    if (word->shape == WORD_BOOL && selv_cbor_bool(&r, &flag) == SELV_OK) {
        return json_boolean(flag);
    }
    if (word->shape == WORD_VENDOR && manifest_pen_get(item, &pen)) {
        return json_pack("{s:I}", "pen", (json_int_t)pen);
    }
    if (word->shape == WORD_CHUNKS) {
        return chunks_json(item);
    }
    if (!manifest_bstr(item, &bytes)) {
        return template_raw(t, item);
    }
    switch (word->shape) {
    case WORD_VENDOR:
    case WORD_UUID:
        return bytes.len == SELV_UUID_LEN ? uuid_json(t, bytes)
                                          : template_raw(t, item);
    case WORD_DIGEST:
        /* As an item of its own it may be anything, even no CBOR. */
        {
            int32_t algorithm;
            struct selv_bytes digest;

            return manifest_digest_get(bytes, &algorithm, &digest)
                       ? template_digest(t, bytes)
                       : template_raw(t, item);
        }
    case WORD_BYTES:
        return template_bytes(bytes);
    default:
        return template_raw(t, item);
    }
}

/* Any item, of a number without a name. */
static json_t *private_json(struct template *t, int32_t code,
                            struct selv_bytes item)
{
    struct selv_cbor r;
    struct selv_bytes string;
    int32_t number;
    bool flag;

    if (!manifest_is_private(code)) {
        t->is_unchecked = true;
    }
    selv_cbor_init(&r, item);
    if (selv_cbor_int(&r, &number) == SELV_OK) {
        return json_integer(number);
    }
    if (selv_cbor_bool(&r, &flag) == SELV_OK) {
        return json_boolean(flag);
    }
    if (selv_cbor_tstr(&r, &string) == SELV_OK) {
        return text_json(string);
    }
    if (selv_cbor_bstr(&r, &string) == SELV_OK) {
        return json_pack("{s:o}", "hex", template_hex(string));
    }
    return json_pack("{s:o}", "cbor-hex", template_hex(item));
}

const char *template_name(const struct manifest_word *word, int32_t code,
                          char text[static 16])
{
    if (word != NULL) {
        return word->name;
    }
    snprintf(text, 16, "%d", (int)code);
    return text;
}

/* ---- commands ------------------------------------------------------------ */

static json_t *parameters_json(struct template *t, struct selv_bytes map)
{
    json_t *out = json_object();
    struct selv_cbor r;
    uint32_t count = 0;
    char number[16];

    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        json_decref(out);
        return template_raw(t, map);
    }
    t->is_unchecked = t->is_unchecked || count == 0;
    for (; count > 0; count--) {
        const struct manifest_word *word;
        struct selv_bytes item;
        int32_t code;

        if (selv_cbor_int(&r, &code) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            json_decref(out);
            return template_raw(t, map);
        }
        word = manifest_word_at(manifest_parameters, code);
        json_object_set_new(out, template_name(word, code, number),
                            word == NULL ? private_json(t, code, item)
                                         : parameter_json(t, word, item));
    }
    return out;
}

static json_t *index_json(struct template *t, struct selv_bytes argument)
{
    struct selv_cbor r;
    struct selv_bytes item;
    uint64_t index;
    uint32_t count = 0;
    json_t *list;
    bool flag;

    selv_cbor_init(&r, argument);
    if (selv_cbor_bool(&r, &flag) == SELV_OK && flag) {
        return json_true();
    }
    if (selv_cbor_uint(&r, &index) == SELV_OK) {
        t->is_unchecked = t->is_unchecked || index >= t->component_count;
        return template_uint(t, argument);
    }
    if (selv_cbor_array(&r, &count) != SELV_OK) {
        return template_raw(t, argument);
    }
    t->is_unchecked = t->is_unchecked || count == 0;
    list = json_array();
    for (; count > 0; count--) {
        struct selv_cbor number;

        if (selv_cbor_skip(&r, &item) != SELV_OK) {
            break;
        }
        selv_cbor_init(&number, item);
        if (selv_cbor_uint(&number, &index) != SELV_OK || index > INT64_MAX) {
            break;
        }
        t->is_unchecked = t->is_unchecked || index >= t->component_count;
        json_array_append_new(list, json_integer((json_int_t)index));
    }
    if (count > 0) {
        json_decref(list);
        return template_raw(t, argument);
    }
    return list;
}

static json_t *sequence_json(struct template *t,
                             const struct manifest_sequence *sequence);

static json_t *try_each_json(struct template *t,
                             const struct manifest_command *command)
{
    json_t *list = json_array();
    size_t count = command->nested_count;

    if (command->is_nested_bad) {
        json_decref(list);
        return template_raw(t, command->argument);
    }
    t->is_unchecked = t->is_unchecked || count < 2;
    for (size_t i = 0; i < count; i++) {
        if (command->nested[i].is_nil) {
            t->is_unchecked = t->is_unchecked || i + 1 < count || count < 3;
        }
        json_array_append_new(list, sequence_json(t, &command->nested[i]));
    }
    return list;
}

/* The argument; NULL: it need not be given. */
static json_t *argument_json(struct template *t,
                             const struct manifest_word *word,
                             const struct manifest_command *command)
{
    enum manifest_shape shape = word == NULL ? WORD_POLICY_ALL : word->shape;
    struct selv_cbor r;
    uint64_t policy;

    switch (shape) {
    case WORD_INDEX:
        return index_json(t, command->argument);
    case WORD_PARAMETERS:
        return parameters_json(t, command->argument);
    case WORD_TRY_EACH:
        return try_each_json(t, command);
    case WORD_SEQUENCE:
        return command->is_nested_bad || command->nested[0].is_nil
                   ? template_raw(t, command->argument)
                   : sequence_json(t, &command->nested[0]);
    default:
        break;
    }
    selv_cbor_init(&r, command->argument);
    if (selv_cbor_uint(&r, &policy) != SELV_OK || policy > 15) {
        if (manifest_is_private(command->code)) {
            return json_pack("{s:o}", "cbor-hex",
                             template_hex(command->argument));
        }
        return template_raw(t, command->argument);
    }
    return policy == manifest_policy_default(shape) && !t->style->is_explicit
               ? NULL
               : json_integer((json_int_t)policy);
}

static json_t *command_json(struct template *t,
                            const struct manifest_command *command)
{
    const struct manifest_word *word =
        manifest_word_at(manifest_commands, command->code);
    char number[16];
    const char *name = template_name(word, command->code, number);
    json_t *argument = argument_json(t, word, command);

    if (word == NULL && !manifest_is_private(command->code)) {
        t->is_unchecked = true;
    }
    return argument == NULL ? json_string(name)
                            : json_pack("{s:o}", name, argument);
}

static json_t *sequence_json(struct template *t,
                             const struct manifest_sequence *sequence)
{
    json_t *list;

    if (sequence->is_nil) {
        return json_null();
    }
    if (sequence->err != SELV_OK) {
        return template_raw(t, sequence->item);
    }
    list = json_array();
    for (size_t i = 0; i < sequence->count; i++) {
        json_array_append_new(list, command_json(t, &sequence->commands[i]));
    }
    return list;
}

/* ---- the whole ----------------------------------------------------------- */

static json_t *other_json(struct template *t, const struct manifest_list *list)
{
    json_t *out = json_object();

    for (size_t i = 0; i < list->count; i++) {
        struct selv_cbor r;
        int32_t key = 0;
        char number[16];

        selv_cbor_init(&r, list->pairs[i].key);
        if (selv_cbor_int(&r, &key) == SELV_OK) {
            json_object_set_new(out, template_name(NULL, key, number),
                                template_raw(t, list->pairs[i].value));
        }
    }
    return out;
}

static void other_keys_take(struct template *t)
{
    const struct manifest_tree *tree = t->tree;
    json_t *keys;

    if (tree->other_manifest.count + tree->other_common.count +
            tree->other_envelope.count ==
        0) {
        return;
    }
    keys = json_object();
    if (tree->other_manifest.count > 0) {
        json_object_set_new(keys, "manifest",
                            other_json(t, &tree->other_manifest));
    }
    if (tree->other_common.count > 0) {
        json_object_set_new(keys, "common", other_json(t, &tree->other_common));
    }
    if (tree->other_envelope.count > 0) {
        json_object_set_new(keys, "envelope",
                            other_json(t, &tree->other_envelope));
    }
    json_object_set_new(t->out, "other-keys", keys);
}

static void sections_take(struct template *t)
{
    json_t *sever = json_array();
    json_t *absent = json_object();

    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &t->tree->sections[i];
        const char *name = s->word->name;

        if (s->item.p == NULL) {
            continue;
        }
        if (s->is_digest) {
            t->is_unchecked =
                t->is_unchecked || !manifest_is_severable(s->word->code);
            if (s->severed.p == NULL) {
                json_object_set_new(absent, name, template_digest(t, s->item));
                continue;
            }
            json_array_append_new(sever, json_string(name));
        }
        json_object_set_new(
            t->out, name,
            s->word->code == SELV_SUIT_KEY_TEXT
                ? template_text_element(t, s->is_digest ? s->severed : s->item)
                : sequence_json(t, &s->sequence));
    }
    json_object_set_new(t->out, "sever", sever);
    if (json_object_size(absent) > 0) {
        json_object_set(t->out, "absent", absent);
    }
    json_decref(absent);
}

/* Inline, or the file that extract writes. */
static json_t *payload_json(const struct template *t,
                            const struct manifest_pair *payload, size_t index)
{
    const char *folder = t->style->payloads;
    char name[SELV_MANIFEST_FILE_NAME_MAX];
    uint8_t digest[SELV_SHA256_LEN];

    if (payload->value.len <= SELV_MANIFEST_INLINE_MAX &&
        !t->style->no_inline) {
        return template_bytes(payload->value);
    }
    selv_manifest_file_name(payload->key, index, name);
    manifest_sha256(payload->value, digest);
    return json_pack("{s:o, s:I, s:o}", "file",
                     json_sprintf("%s%s%s", folder == NULL ? "" : folder,
                                  folder == NULL ? "" : "/", name),
                     "size", (json_int_t)payload->value.len, "sha256",
                     template_hex(selv_bytes(digest, sizeof(digest))));
}

static void payloads_take(struct template *t)
{
    json_t *payloads;

    if (t->tree->payloads.count == 0) {
        return;
    }
    payloads = json_object();
    for (size_t i = 0; i < t->tree->payloads.count; i++) {
        const struct manifest_pair *payload = &t->tree->payloads.pairs[i];
        json_t *name = text_json(payload->key);

        json_object_set_new(payloads, json_string_value(name),
                            payload_json(t, payload, i));
        json_decref(name);
    }
    json_object_set_new(t->out, "payloads", payloads);
}

static void head_take(struct template *t)
{
    const struct manifest_tree *tree = t->tree;
    const uint8_t one[] = {SELV_SUIT_MANIFEST_VERSION};
    json_t *components = json_array();

    if (!selv_bytes_equal(tree->version, selv_bytes(one, sizeof(one))) &&
        tree->version.p != NULL) {
        json_object_set_new(t->out, "manifest-version",
                            template_uint(t, tree->version));
        t->is_unchecked = true;
    }
    if (tree->sequence_number.p != NULL) {
        json_object_set_new(t->out, "sequence-number",
                            template_uint(t, tree->sequence_number));
    }
    if (tree->reference_uri.p != NULL) {
        json_object_set_new(t->out, "reference-uri",
                            template_text(t, tree->reference_uri));
    }
    for (size_t i = 0; i < tree->components.count; i++) {
        json_array_append_new(
            components, template_component(t, tree->components.pairs[i].value));
    }
    json_object_set_new(t->out, "components", components);
}

/* The bytes behind the wrapper, up to the payloads. */
static struct selv_bytes middle(const struct manifest_tree *tree)
{
    const uint8_t *from = tree->manifest_item.p;
    const uint8_t *to = tree->envelope.p + tree->envelope.len;

    if (tree->payloads.count > 0) {
        to = tree->payloads.pairs[0].key.p;
        /* In front of the text stands its head. */
        to -= tree->payloads.pairs[0].key.len < 24      ? 1
              : tree->payloads.pairs[0].key.len < 0x100 ? 2
                                                        : 3;
    }
    return to > from ? selv_bytes(from, (size_t)(to - from))
                     : selv_bytes(from, 0);
}

/* JSON's names hold no zero byte, and a payload without one has no name. */
static bool payloads_are_good(const struct manifest_tree *tree,
                              struct selv_error *error)
{
    for (size_t i = 0; i < tree->payloads.count; i++) {
        struct selv_bytes name = tree->payloads.pairs[i].key;

        if (name.len == 0 || memchr(name.p, 0, name.len) != NULL) {
            return selv_error_set(error, SELV_EXIT_REFUSED,
                                  "the name of payload %zu is empty, or has a "
                                  "zero byte in it",
                                  i + 1);
        }
    }
    return true;
}

/* Make the template's manifest and compare. Payloads are names and bytes, in
 * canonical order. */
static bool is_same(struct template *t, struct selv_error *error)
{
    json_t *copy = json_copy(t->out);
    struct selv_buf again = {NULL, 0, 0};
    struct manifest_tree tree;
    struct selv_cbor r;
    bool same;

    json_object_del(copy, "payloads");
    json_object_del(copy, "about");
    same = selv_manifest_build_json(copy, NULL, &again, error);
    json_decref(copy);
    if (!same || !payloads_are_good(t->tree, error)) {
        free(again.p);
        return false;
    }
    same = manifest_tree_open(&tree, selv_bytes(again.p, again.len), error);
    if (same) {
        same = selv_bytes_equal(middle(&tree), middle(t->tree));
        manifest_tree_close(&tree);
    }
    free(again.p);
    selv_cbor_init(&r, t->tree->envelope);
    if (!same || selv_cbor_skip(&r, NULL) != SELV_OK || !selv_cbor_is_end(&r)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "its bytes are not the deterministic encoding "
                              "of what they say, or not all of them are "
                              "covered by it");
    }
    return true;
}

json_t *selv_manifest_template(struct selv_bytes envelope,
                               const struct selv_manifest_template_style *style,
                               struct selv_error *error)
{
    struct manifest_tree tree;
    struct template t = {.out = json_object(), .style = style, .tree = &tree};
    struct selv_error why = {SELV_EXIT_OK, ""};
    json_t *about;

    if (!manifest_tree_open(&tree, envelope, error)) {
        json_decref(t.out);
        return NULL;
    }
    t.component_count = tree.components.count;
    template_names_take(&t);
    about = template_about(&t);
    json_object_set_new(t.out, "about", about);
    head_take(&t);
    sections_take(&t);
    payloads_take(&t);
    other_keys_take(&t);
    if (t.is_unchecked) {
        json_object_set_new(t.out, "unchecked", json_true());
    }
    if (!is_same(&t, &why)) {
        json_object_set_new(about, "not_a_template", json_string(why.text));
    }
    manifest_tree_close(&tree);
    json_decref(t.text);
    return t.out;
}
