/* SPDX-License-Identifier: Apache-2.0
 *
 * From a JSON template to an unsigned envelope. The format of templates is
 * docs/spec/manifest-template.md. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/uuid.h"

enum {
    POLICY_ALL = 15,
    POLICY_SOME = 5,
    POLICY_FAILURE = 2,
    PAYLOAD_MAX = 1 << 23 /* bytes of one integrated payload */
};

/* ---- places, for errors -----------------------------------------------------
 */

/* Where in the template we are: a chain that lives on the stack. */
struct place {
    const struct place *up;
    const char *name; /* NULL: the element `index` of an array */
    size_t index;
};

struct build {
    const char *folder;
    struct selv_error *error;
    json_t *template;
};

static void place_print(const struct place *at, char *text, size_t cap)
{
    char above[SELV_ERROR_LEN / 4] = "";

    if (at == NULL) {
        snprintf(text, cap, "template");
        return;
    }
    place_print(at->up, above, sizeof(above));
    if (at->name == NULL) {
        snprintf(text, cap, "%s[%zu]", above, at->index);
    } else {
        snprintf(text, cap, "%s.%s", above, at->name);
    }
}

__attribute__((format(printf, 3, 4))) static bool
wrong(const struct build *b, const struct place *at, const char *format, ...)
{
    char where[SELV_ERROR_LEN / 4];
    char what[SELV_ERROR_LEN / 2];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    place_print(at, where, sizeof(where));
    return selv_error_set(b->error, SELV_EXIT_REFUSED, "%s: %s", where, what);
}

static struct place in_member(const struct place *up, const char *name)
{
    struct place at = {up, name, 0};
    return at;
}

static struct place in_element(const struct place *up, size_t index)
{
    struct place at = {up, NULL, index};
    return at;
}

/* Every member must be one of the names (a list that NULL ends). */
static bool members_check(const struct build *b, const struct place *at,
                          json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return wrong(b, at, "\"%s\" is not known here", key);
        }
    }
    return true;
}

/* ---- pieces: CBOR under construction ----------------------------------------
 */

struct piece {
    struct selv_cbor_writer w;
    struct selv_buf buf;
};

static bool piece_open(struct piece *piece, size_t cap)
{
    piece->buf.p = malloc(cap);
    piece->buf.cap = cap;
    piece->buf.len = 0;
    selv_cbor_writer_init(&piece->w, piece->buf.p, cap);
    return piece->buf.p != NULL;
}

static void piece_close(struct piece *piece)
{
    free(piece->buf.p);
    piece->buf.p = NULL;
}

static struct selv_bytes piece_bytes(const struct piece *piece)
{
    return selv_bytes(piece->buf.p, piece->w.len);
}

/* Room for one nested element; a device takes SELV_SUIT_ENVELOPE_MAX. */
enum { PIECE_CAP = 1 << 16 };

static bool no_memory(const struct build *b)
{
    return selv_error_set(b->error, SELV_EXIT_ENVIRONMENT, "out of memory");
}

static void put_text(struct selv_cbor_writer *w, const char *text)
{
    selv_cbor_put_tstr(w, selv_bytes(text, strlen(text)));
}

/* SUIT_Digest [manifest 10]. */
static void put_digest(struct selv_cbor_writer *w,
                       const uint8_t digest[static SELV_SHA256_LEN])
{
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(digest, SELV_SHA256_LEN));
}

/* ---- values -----------------------------------------------------------------
 */

/* A file name, as it stands or below the template's folder. */
static bool file_path(const struct build *b, const struct place *at,
                      const char *name, char path[static 4096])
{
    int len = b->folder == NULL || name[0] == '/'
                  ? snprintf(path, 4096, "%s", name)
                  : snprintf(path, 4096, "%s/%s", b->folder, name);

    return len < 4096 || wrong(b, at, "the file name is too long");
}

static const char *text_member(json_t *value, const char *name)
{
    return json_string_value(json_object_get(value, name));
}

/* {"file": NAME}: the digest and length of that file. */
static bool file_value(const struct build *b, const struct place *at,
                       json_t *value, uint8_t digest[static SELV_SHA256_LEN],
                       uint64_t *len)
{
    const char *name = text_member(value, "file");
    char path[4096];
    char where[SELV_ERROR_LEN / 4];

    if (name == NULL) {
        return wrong(b, at, "no \"file\" is given");
    }
    if (!file_path(b, at, name, path)) {
        return false;
    }
    if (!selv_file_digest(path, SELV_IMAGE_FILE_MAX, digest, len, b->error)) {
        place_print(at, where, sizeof(where));
        return selv_error_prefix(b->error, where);
    }
    return true;
}

static bool uuid_value(const struct build *b, const struct place *at,
                       json_t *value, uint8_t uuid[static SELV_UUID_LEN])
{
    static const char *const names[] = {"vendor", "class", NULL};
    const char *vendor = text_member(value, "vendor");
    const char *class_name = text_member(value, "class");

    if (json_is_string(value)) {
        return selv_uuid_parse(json_string_value(value), uuid) ||
               wrong(b, at, "\"%s\" is not a UUID", json_string_value(value));
    }
    if (vendor == NULL) {
        return wrong(b, at,
                     "give a UUID, or {\"vendor\": DOMAIN}, or "
                     "{\"vendor\": DOMAIN, \"class\": NAME}");
    }
    if (!members_check(b, at, value, names)) {
        return false;
    }
    selv_uuid_vendor(vendor, uuid);
    if (class_name != NULL) {
        uint8_t space[SELV_UUID_LEN];

        memcpy(space, uuid, sizeof(space));
        selv_uuid_class(space, class_name, uuid);
    }
    return true;
}

static bool digest_value(const struct build *b, const struct place *at,
                         json_t *value, uint8_t digest[static SELV_SHA256_LEN])
{
    const char *digits = json_is_string(value) ? json_string_value(value)
                                               : text_member(value, "sha256");
    uint64_t len;

    if (digits == NULL) {
        return file_value(b, at, value, digest, &len);
    }
    return selv_hex_decode(digits, digest, SELV_SHA256_LEN) ||
           wrong(b, at, "a SHA-256 has 64 hexadecimal digits");
}

static bool uint_value(const struct build *b, const struct place *at,
                       json_t *value, uint64_t *v)
{
    uint8_t digest[SELV_SHA256_LEN];

    if (json_is_object(value)) {
        return file_value(b, at, value, digest, v);
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return wrong(b, at, "give a whole number that is not negative");
    }
    *v = (uint64_t)json_integer_value(value);
    return true;
}

static bool uri_put(const struct build *b, const struct place *at,
                    json_t *value, struct selv_cbor_writer *w)
{
    const char *base = text_member(value, "base");
    uint8_t digest[SELV_SHA256_LEN];
    char digits[2 * SELV_SHA256_LEN + 1];
    char uri[1024];
    uint64_t len;

    if (json_is_string(value)) {
        put_text(w, json_string_value(value));
        return true;
    }
    if (!file_value(b, at, value, digest, &len)) {
        return false;
    }
    selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
    if (snprintf(uri, sizeof(uri), "%s/i/%s", base == NULL ? "" : base,
                 digits) >= (int)sizeof(uri)) {
        return wrong(b, at, "the base is too long");
    }
    put_text(w, uri);
    return true;
}

/* Text is its UTF-8 bytes; {"hex": DIGITS}; {"file": NAME}. *out is from
 * malloc. */
static bool bytes_value(const struct build *b, const struct place *at,
                        json_t *value, struct selv_buf *out)
{
    const char *digits = text_member(value, "hex");
    const char *name = text_member(value, "file");
    char path[4096];

    if (json_is_string(value)) {
        out->len = json_string_length(value);
        out->p = malloc(out->len + 1);
        if (out->p == NULL) {
            return no_memory(b);
        }
        memcpy(out->p, json_string_value(value), out->len);
        return true;
    }
    if (digits != NULL) {
        out->len = strlen(digits) / 2;
        out->p = malloc(out->len + 1);
        if (out->p == NULL) {
            return no_memory(b);
        }
        if (!selv_hex_decode(digits, out->p, out->len)) {
            free(out->p);
            return wrong(b, at, "\"hex\" is not hexadecimal digits in pairs");
        }
        return true;
    }
    if (name == NULL) {
        return wrong(b, at, "give text, {\"hex\": ...} or {\"file\": ...}");
    }
    return file_path(b, at, name, path) &&
           selv_file_read(path, PAYLOAD_MAX, out, b->error);
}

static bool bytes_put(const struct build *b, const struct place *at,
                      json_t *value, struct selv_cbor_writer *w)
{
    struct selv_buf bytes;

    if (!bytes_value(b, at, value, &bytes)) {
        return false;
    }
    selv_cbor_put_bstr(w, selv_bytes(bytes.p, bytes.len));
    free(bytes.p);
    return true;
}

/* ---- parameters and commands
 * -------------------------------------------------- */

static bool parameter_put(const struct build *b, const struct place *at,
                          enum manifest_shape shape, json_t *value,
                          struct selv_cbor_writer *w)
{
    uint8_t uuid[SELV_UUID_LEN];
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t item[64];
    struct selv_cbor_writer inner;
    uint64_t number;

    switch (shape) {
    case WORD_UUID:
        if (!uuid_value(b, at, value, uuid)) {
            return false;
        }
        selv_cbor_put_bstr(w, selv_bytes(uuid, sizeof(uuid)));
        return true;
    case WORD_DIGEST: /* wrapped in a byte string [manifest 8.4.8.3] */
        if (!digest_value(b, at, value, digest)) {
            return false;
        }
        selv_cbor_writer_init(&inner, item, sizeof(item));
        put_digest(&inner, digest);
        selv_cbor_put_bstr(w, selv_bytes(item, inner.len));
        return true;
    case WORD_UINT:
        if (!uint_value(b, at, value, &number)) {
            return false;
        }
        selv_cbor_put_uint(w, number);
        return true;
    case WORD_BOOL:
        if (!json_is_boolean(value)) {
            return wrong(b, at, "give true or false");
        }
        selv_cbor_put_bool(w, json_is_true(value));
        return true;
    case WORD_TEXT:
        return uri_put(b, at, value, w);
    default:
        return bytes_put(b, at, value, w);
    }
}

/* The table is in the order of the codes, which is the canonical one. */
static bool parameters_put(const struct build *b, const struct place *at,
                           json_t *object, struct selv_cbor_writer *w)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object) || json_object_size(object) == 0) {
        return wrong(b, at, "give an object of parameters");
    }
    json_object_foreach(object, key, value)
    {
        if (manifest_word_find(manifest_parameters, key) == NULL) {
            return wrong(b, at, "\"%s\" is not a parameter", key);
        }
    }
    selv_cbor_put_map(w, json_object_size(object));
    for (const struct manifest_word *p = manifest_parameters; p->name != NULL;
         p++) {
        struct place here = in_member(at, p->name);

        value = json_object_get(object, p->name);
        if (value == NULL) {
            continue;
        }
        selv_cbor_put_int(w, p->code);
        if (!parameter_put(b, &here, p->shape, value, w)) {
            return false;
        }
    }
    return true;
}

static bool sequence_put(const struct build *b, const struct place *at,
                         json_t *sequence, struct selv_cbor_writer *w);

static bool try_each_put(const struct build *b, const struct place *at,
                         json_t *list, struct selv_cbor_writer *w)
{
    size_t count = json_array_size(list);
    size_t i;
    json_t *sequence;

    if (count < 2) {
        return wrong(b, at, "give at least two sequences");
    }
    selv_cbor_put_array(w, count);
    json_array_foreach(list, i, sequence)
    {
        struct place here = in_element(at, i);

        if (json_is_null(sequence)) {
            if (i + 1 < count || count < 3) {
                return wrong(b, &here,
                             "null may only stand last, behind two sequences");
            }
            selv_cbor_put_null(w);
        } else if (!sequence_put(b, &here, sequence, w)) {
            return false;
        }
    }
    return true;
}

static bool index_put(const struct build *b, const struct place *at,
                      json_t *value, struct selv_cbor_writer *w)
{
    size_t components =
        json_array_size(json_object_get(b->template, "components"));
    size_t i;
    json_t *element;

    if (json_is_true(value)) {
        selv_cbor_put_bool(w, true);
        return true;
    }
    if (json_is_array(value)) {
        selv_cbor_put_array(w, json_array_size(value));
        json_array_foreach(value, i, element)
        {
            struct place here = in_element(at, i);

            if (!json_is_integer(element) || !index_put(b, &here, element, w)) {
                return wrong(b, &here, "give the number of a component");
            }
        }
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) >= components) {
        return wrong(b, at,
                     "give the number of a component (0 to %zu), a list of "
                     "them, or true",
                     components == 0 ? 0 : components - 1);
    }
    selv_cbor_put_uint(w, (uint64_t)json_integer_value(value));
    return true;
}

static bool policy_put(const struct build *b, const struct place *at,
                       enum manifest_shape shape, json_t *value,
                       struct selv_cbor_writer *w)
{
    uint64_t policy = shape == WORD_POLICY_ALL    ? POLICY_ALL
                      : shape == WORD_POLICY_SOME ? POLICY_SOME
                                                  : POLICY_FAILURE;

    if (value != NULL) {
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > POLICY_ALL) {
            return wrong(b, at, "a reporting policy is a number, 0 to 15");
        }
        policy = (uint64_t)json_integer_value(value);
    }
    selv_cbor_put_uint(w, policy);
    return true;
}

/* A command is its name, or an object with its name and argument. */
static bool command_put(const struct build *b, const struct place *up,
                        json_t *command, struct selv_cbor_writer *w)
{
    const char *name = json_string_value(command);
    json_t *value = NULL;
    const struct manifest_word *word;
    struct place at;

    if (json_object_size(command) == 1) {
        void *member = json_object_iter(command);
        name = json_object_iter_key(member);
        value = json_object_iter_value(member);
    }
    if (name == NULL) {
        return wrong(b, up, "a command is a name, or an object of one member");
    }
    word = manifest_word_find(manifest_commands, name);
    if (word == NULL) {
        return wrong(b, up, "\"%s\" is not a command", name);
    }
    at = in_member(up, name);
    selv_cbor_put_int(w, word->code);
    switch (word->shape) {
    case WORD_INDEX:
        return index_put(b, &at, value, w);
    case WORD_TRY_EACH:
        return try_each_put(b, &at, value, w);
    case WORD_PARAMETERS:
        return parameters_put(b, &at, value, w);
    case WORD_SEQUENCE:
        return sequence_put(b, &at, value, w);
    default:
        return policy_put(b, &at, word->shape, value, w);
    }
}

/* A sequence, wrapped in its byte string. */
static bool sequence_put(const struct build *b, const struct place *at,
                         json_t *sequence, struct selv_cbor_writer *w)
{
    struct piece piece;
    size_t i;
    json_t *command;
    bool done = true;

    if (json_array_size(sequence) == 0) {
        return wrong(b, at, "give a list of at least one command");
    }
    if (!piece_open(&piece, PIECE_CAP)) {
        return no_memory(b);
    }
    selv_cbor_put_array(&piece.w, json_array_size(sequence) * 2);
    json_array_foreach(sequence, i, command)
    {
        struct place here = in_element(at, i);

        done = done && command_put(b, &here, command, &piece.w);
    }
    if (done && selv_cbor_finish(&piece.w, NULL) != SELV_OK) {
        done = wrong(b, at, "%s", selv_err_str(piece.w.err));
    }
    if (done) {
        selv_cbor_put_bstr(w, piece_bytes(&piece));
    }
    piece_close(&piece);
    return done;
}

/* ---- components and text
 * ------------------------------------------------------ */

/* "a/b", or a list of segments: text or {"hex": ...} [manifest 8.4.5.1]. */
static bool component_put(const struct build *b, const struct place *at,
                          json_t *value, struct selv_cbor_writer *w)
{
    const char *text = json_string_value(value);
    size_t i;
    json_t *segment;

    if (text != NULL) {
        size_t count = 1;

        for (const char *p = text; *p != '\0'; p++) {
            count += *p == '/';
        }
        selv_cbor_put_array(w, count);
        for (; count > 0; count--) {
            size_t len = strcspn(text, "/");

            if (len == 0) {
                return wrong(b, at, "an empty path segment");
            }
            selv_cbor_put_bstr(w, selv_bytes(text, len));
            text += len + 1;
        }
        return true;
    }
    if (json_array_size(value) == 0) {
        return wrong(b, at, "give a path such as \"app\", or its segments");
    }
    selv_cbor_put_array(w, json_array_size(value));
    json_array_foreach(value, i, segment)
    {
        struct place here = in_element(at, i);

        if (!bytes_put(b, &here, segment, w)) {
            return false;
        }
    }
    return true;
}

static bool common_put(const struct build *b, struct selv_cbor_writer *w)
{
    json_t *components = json_object_get(b->template, "components");
    json_t *shared = json_object_get(b->template, "shared");
    struct place at = in_member(NULL, "components");
    struct place at_shared = in_member(NULL, "shared");
    struct piece piece;
    size_t i;
    json_t *component;
    bool done = true;

    if (json_array_size(components) == 0) {
        return wrong(b, &at, "give a list of at least one component");
    }
    if (!piece_open(&piece, PIECE_CAP)) {
        return no_memory(b);
    }
    selv_cbor_put_map(&piece.w, shared == NULL ? 1 : 2);
    selv_cbor_put_int(&piece.w, SELV_SUIT_COMMON_COMPONENTS);
    selv_cbor_put_array(&piece.w, json_array_size(components));
    json_array_foreach(components, i, component)
    {
        struct place here = in_element(&at, i);

        done = done && component_put(b, &here, component, &piece.w);
    }
    if (done && shared != NULL) {
        selv_cbor_put_int(&piece.w, SELV_SUIT_COMMON_SHARED_SEQUENCE);
        done = sequence_put(b, &at_shared, shared, &piece.w);
    }
    if (done && selv_cbor_finish(&piece.w, NULL) != SELV_OK) {
        done = wrong(b, NULL, "common: %s", selv_err_str(piece.w.err));
    }
    selv_cbor_put_bstr(w, piece_bytes(&piece));
    piece_close(&piece);
    return done;
}

/* Text members of one object, in the order of their numbers. */
static bool words_put(const struct build *b, const struct place *at,
                      json_t *object, const struct manifest_word *list,
                      struct selv_cbor_writer *w)
{
    for (; list->name != NULL; list++) {
        json_t *value = json_object_get(object, list->name);
        struct place here = in_member(at, list->name);

        if (value == NULL) {
            continue;
        }
        if (!json_is_string(value)) {
            return wrong(b, &here, "give text");
        }
        selv_cbor_put_int(w, list->code);
        put_text(w, json_string_value(value));
    }
    return true;
}

/* How many members of an object are words of the list; false for a member
 * that is neither that nor the one other name allowed. */
static bool words_count(const struct build *b, const struct place *at,
                        json_t *object, const struct manifest_word *list,
                        const char *also, size_t *count)
{
    const char *key;
    json_t *value;

    *count = 0;
    json_object_foreach(object, key, value)
    {
        if (strcmp(key, also) == 0) {
            continue;
        }
        if (manifest_word_find(list, key) == NULL) {
            return wrong(b, at, "\"%s\" is not known here", key);
        }
        (*count)++;
    }
    return true;
}

/* True when the encoded identifier is one of the manifest's components. */
static bool is_component(const struct build *b, struct selv_bytes id)
{
    json_t *components = json_object_get(b->template, "components");
    size_t i;
    json_t *component;
    bool found = false;

    json_array_foreach(components, i, component)
    {
        struct piece piece;

        if (!piece_open(&piece, PIECE_CAP)) {
            return false;
        }
        found = found || (component_put(b, NULL, component, &piece.w) &&
                          selv_bytes_equal(piece_bytes(&piece), id));
        piece_close(&piece);
    }
    return found;
}

/* One component's identifier and texts, as a pair of the map. */
static bool component_text_put(const struct build *b, const struct place *at,
                               json_t *object, struct selv_cbor_writer *w)
{
    json_t *component = json_object_get(object, "component");
    size_t start = w->len;
    size_t count;

    if (!words_count(b, at, object, manifest_component_texts, "component",
                     &count) ||
        !component_put(b, at, component, w)) {
        return false;
    }
    if (w->err == SELV_OK &&
        !is_component(b, selv_bytes(w->p + start, w->len - start))) {
        return wrong(b, at, "the manifest has no such component");
    }
    selv_cbor_put_map(w, count);
    return words_put(b, at, object, manifest_component_texts, w);
}

static int bytes_compare(const void *a, const void *b)
{
    const struct piece *left = a;
    const struct piece *right = b;
    size_t common = left->w.len < right->w.len ? left->w.len : right->w.len;
    int order = memcmp(left->buf.p, right->buf.p, common);

    return order != 0
               ? order
               : (left->w.len > right->w.len) - (left->w.len < right->w.len);
}

/* Pairs whose keys are not integers: encoded one by one, sorted by their
 * bytes, which sorts them by their keys, then written. */
typedef bool pair_fn(const struct build *b, const struct place *at,
                     json_t *value, struct selv_cbor_writer *w);

static bool pairs_put(const struct build *b, const struct place *at,
                      json_t *list, pair_fn *pair, size_t cap,
                      struct selv_cbor_writer *w)
{
    size_t count = json_array_size(list);
    struct piece *pieces = calloc(count + 1, sizeof(*pieces));
    bool done = pieces != NULL || no_memory(b);

    for (size_t i = 0; done && i < count; i++) {
        struct place here = in_element(at, i);

        done = (piece_open(&pieces[i], cap) || no_memory(b)) &&
               pair(b, &here, json_array_get(list, i), &pieces[i].w);
        if (done && pieces[i].w.err != SELV_OK) {
            done = wrong(b, &here, "%s", selv_err_str(pieces[i].w.err));
        }
    }
    if (done) {
        qsort(pieces, count, sizeof(*pieces), bytes_compare);
    }
    for (size_t i = 0; pieces != NULL && i < count; i++) {
        if (done) {
            selv_cbor_put_raw(w, piece_bytes(&pieces[i]));
        }
        piece_close(&pieces[i]);
    }
    free(pieces);
    return done;
}

/* [language, {texts}] as a pair of the text map [manifest 8.4.4]. */
static bool language_put(const struct build *b, const struct place *up,
                         json_t *pair, struct selv_cbor_writer *w)
{
    const char *language = json_string_value(json_array_get(pair, 0));
    json_t *texts = json_array_get(pair, 1);
    json_t *components = json_object_get(texts, "components");
    struct place at = in_member(up->up, language);
    struct place at_components = in_member(&at, "components");
    size_t count;

    if (!json_is_object(texts)) {
        return wrong(b, &at, "give an object of texts");
    }
    if (!words_count(b, &at, texts, manifest_texts, "components", &count)) {
        return false;
    }
    put_text(w, language);
    selv_cbor_put_map(w, count + json_array_size(components));
    return words_put(b, &at, texts, manifest_texts, w) &&
           pairs_put(b, &at_components, components, component_text_put,
                     PIECE_CAP, w);
}

/* The members of an object as a list of [key, value]. */
static json_t *members_list(json_t *object)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        json_array_append_new(list, json_pack("[s, O]", key, value));
    }
    return list;
}

static bool text_put(const struct build *b, const struct place *at,
                     json_t *text, struct selv_cbor_writer *w)
{
    struct piece piece;
    json_t *list;
    bool done;

    if (json_object_size(text) == 0) {
        return wrong(b, at, "give an object such as {\"en\": {...}}");
    }
    if (!piece_open(&piece, PIECE_CAP)) {
        return no_memory(b);
    }
    list = members_list(text);
    selv_cbor_put_map(&piece.w, json_array_size(list));
    done = pairs_put(b, at, list, language_put, PIECE_CAP, &piece.w);
    if (done && selv_cbor_finish(&piece.w, NULL) != SELV_OK) {
        done = wrong(b, at, "%s", selv_err_str(piece.w.err));
    }
    selv_cbor_put_bstr(w, piece_bytes(&piece));
    json_decref(list);
    piece_close(&piece);
    return done;
}

/* ---- manifest and envelope
 * ---------------------------------------------------- */

static void digest_of(struct selv_bytes bytes,
                      uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, bytes.p, bytes.len);
    selv_sha256_finish(&h, digest);
}

static bool is_severed(const struct build *b, const char *name)
{
    json_t *list = json_object_get(b->template, "sever");
    size_t i;
    json_t *element;

    if (list == NULL) {
        return strcmp(name, "text") == 0;
    }
    json_array_foreach(list, i, element)
    {
        if (json_is_string(element) &&
            strcmp(json_string_value(element), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool sever_check(const struct build *b)
{
    json_t *list = json_object_get(b->template, "sever");
    struct place at = in_member(NULL, "sever");
    size_t i;
    json_t *element;

    if (list != NULL && !json_is_array(list)) {
        return wrong(b, &at, "give a list of names");
    }
    json_array_foreach(list, i, element)
    {
        const char *name = json_string_value(element);
        struct place here = in_element(&at, i);

        if (name == NULL ||
            (strcmp(name, "payload-fetch") != 0 &&
             strcmp(name, "install") != 0 && strcmp(name, "text") != 0)) {
            return wrong(b, &here,
                         "only payload-fetch, install and text can be severed");
        }
        if (json_object_get(b->template, name) == NULL) {
            return wrong(b, &here, "the template has no \"%s\"", name);
        }
    }
    return true;
}

/* One section: in the manifest whole, or as a digest with the whole in the
 * envelope [manifest 8.6]. */
static bool section_put(const struct build *b, const struct manifest_word *word,
                        json_t *value, struct selv_cbor_writer *manifest,
                        struct selv_cbor_writer *severed)
{
    struct place at = in_member(NULL, word->name);
    struct piece piece;
    uint8_t digest[SELV_SHA256_LEN];
    bool done;

    if (!piece_open(&piece, PIECE_CAP + 16)) {
        return no_memory(b);
    }
    done = word->code == SELV_SUIT_KEY_TEXT
               ? text_put(b, &at, value, &piece.w)
               : sequence_put(b, &at, value, &piece.w);
    if (done) {
        selv_cbor_put_int(manifest, word->code);
    }
    if (done && is_severed(b, word->name)) {
        digest_of(piece_bytes(&piece), digest);
        put_digest(manifest, digest);
        selv_cbor_put_int(severed, word->code);
        selv_cbor_put_raw(severed, piece_bytes(&piece));
    } else if (done) {
        selv_cbor_put_raw(manifest, piece_bytes(&piece));
    }
    piece_close(&piece);
    return done;
}

/* Writes the manifest (not wrapped) and the severed pairs. */
static bool manifest_put(const struct build *b, struct selv_cbor_writer *w,
                         struct selv_cbor_writer *severed,
                         size_t *severed_count)
{
    json_t *sequence = json_object_get(b->template, "sequence-number");
    json_t *reference = json_object_get(b->template, "reference-uri");
    struct place at = in_member(NULL, "sequence-number");
    size_t count = reference == NULL ? 3 : 4;

    if (!json_is_integer(sequence) || json_integer_value(sequence) < 0) {
        return wrong(b, &at, "give a whole number that is not negative");
    }
    *severed_count = 0;
    for (const struct manifest_word *s = manifest_sections + 1; s->name != NULL;
         s++) {
        if (json_object_get(b->template, s->name) != NULL) {
            count++;
            *severed_count += is_severed(b, s->name);
        }
    }
    selv_cbor_put_map(w, count);
    selv_cbor_put_int(w, SELV_SUIT_KEY_VERSION);
    selv_cbor_put_uint(w, SELV_SUIT_MANIFEST_VERSION);
    selv_cbor_put_int(w, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    selv_cbor_put_uint(w, (uint64_t)json_integer_value(sequence));
    selv_cbor_put_int(w, SELV_SUIT_KEY_COMMON);
    if (!common_put(b, w)) {
        return false;
    }
    if (reference != NULL) {
        if (!json_is_string(reference)) {
            return wrong(b, NULL, "\"reference-uri\" is not text");
        }
        selv_cbor_put_int(w, SELV_SUIT_KEY_REFERENCE_URI);
        put_text(w, json_string_value(reference));
    }
    /* Keys in canonical order: validate 7, load 8, invoke 9, payload-fetch 16,
     * install 20, text 23. */
    for (int32_t key = SELV_SUIT_KEY_VALIDATE; key <= SELV_SUIT_KEY_TEXT;
         key++) {
        const struct manifest_word *word =
            manifest_word_at(manifest_sections, key);
        json_t *value =
            word == NULL ? NULL : json_object_get(b->template, word->name);

        if (value != NULL && !section_put(b, word, value, w, severed)) {
            return false;
        }
    }
    return true;
}

/* ["#name", value] as a pair of the envelope. */
static bool payload_put(const struct build *b, const struct place *up,
                        json_t *pair, struct selv_cbor_writer *w)
{
    const char *name = json_string_value(json_array_get(pair, 0));
    struct place at = in_member(up->up, name);

    if (name[0] != '#') {
        return wrong(b, &at, "the name of a payload begins with #");
    }
    put_text(w, name);
    return bytes_put(b, &at, json_array_get(pair, 1), w);
}

/* Wraps manifest, severed pairs and payloads in an envelope with a digest and
 * no signature. */
static bool envelope_put(const struct build *b, struct selv_bytes manifest,
                         struct selv_bytes severed, size_t severed_count,
                         struct selv_cbor_writer *w)
{
    json_t *payloads = json_object_get(b->template, "payloads");
    struct place at = in_member(NULL, "payloads");
    uint8_t head[9];
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t digest_item[64];
    uint8_t wrapper[80];
    struct selv_cbor_writer inner;
    struct selv_sha256 h;
    size_t digest_len;
    json_t *list;
    bool done;

    selv_cbor_writer_init(&inner, head, sizeof(head));
    selv_cbor_put_bstr_head(&inner, manifest.len);
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, inner.len);
    selv_sha256_update(&h, manifest.p, manifest.len);
    selv_sha256_finish(&h, digest);

    selv_cbor_writer_init(&inner, digest_item, sizeof(digest_item));
    put_digest(&inner, digest);
    digest_len = inner.len;
    selv_cbor_writer_init(&inner, wrapper, sizeof(wrapper));
    selv_cbor_put_array(&inner, 1);
    selv_cbor_put_bstr(&inner, selv_bytes(digest_item, digest_len));

    selv_cbor_put_tag(w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(w, 2 + severed_count + json_object_size(payloads));
    selv_cbor_put_int(w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(w, selv_bytes(wrapper, inner.len));
    selv_cbor_put_int(w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(w, manifest);
    selv_cbor_put_raw(w, severed);
    list = members_list(payloads);
    done = pairs_put(b, &at, list, payload_put, PAYLOAD_MAX + 1024, w);
    json_decref(list);
    return done;
}

static bool envelope_build(const struct build *b, struct selv_buf *out)
{
    struct piece manifest = {.buf = {NULL, 0, 0}};
    struct piece severed = {.buf = {NULL, 0, 0}};
    struct piece envelope = {.buf = {NULL, 0, 0}};
    size_t severed_count = 0;
    bool done;

    done = (piece_open(&manifest, PIECE_CAP) &&
            piece_open(&severed, 3 * PIECE_CAP) &&
            piece_open(&envelope, SELV_MANIFEST_FILE_MAX)) ||
           no_memory(b);
    done = done && manifest_put(b, &manifest.w, &severed.w, &severed_count);
    if (done && (manifest.w.err || severed.w.err)) {
        done = wrong(
            b, NULL, "%s",
            selv_err_str(manifest.w.err ? manifest.w.err : severed.w.err));
    }
    done =
        done && envelope_put(b, piece_bytes(&manifest), piece_bytes(&severed),
                             severed_count, &envelope.w);
    if (done && envelope.w.err) {
        done = wrong(b, NULL, "%s", selv_err_str(envelope.w.err));
    }
    if (done) {
        *out = envelope.buf;
        out->len = envelope.w.len;
        envelope.buf.p = NULL;
    }
    piece_close(&manifest);
    piece_close(&severed);
    piece_close(&envelope);
    return done;
}

bool selv_manifest_build_json(json_t *template, const char *folder,
                              struct selv_buf *out, struct selv_error *error)
{
    static const char *const names[] = {"sequence-number",
                                        "reference-uri",
                                        "components",
                                        "shared",
                                        "payload-fetch",
                                        "install",
                                        "validate",
                                        "load",
                                        "invoke",
                                        "text",
                                        "sever",
                                        "payloads",
                                        NULL};
    struct build b = {folder, error, template};

    if (!json_is_object(template)) {
        return wrong(&b, NULL, "not a JSON object");
    }
    return members_check(&b, NULL, template, names) && sever_check(&b) &&
           envelope_build(&b, out);
}
