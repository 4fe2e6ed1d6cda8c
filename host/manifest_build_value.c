/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of a template: digests, identifiers, numbers, bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/chunks.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest_build_int.h"
#include "host/uuid.h"

enum { PAYLOAD_MAX = 1 << 23 /* bytes of one integrated payload */ };

void text_put(struct selv_cbor_writer *w, const char *text)
{
    selv_cbor_put_tstr(w, selv_bytes(text, strlen(text)));
}

/* JSON text may hold zero bytes. */
static void string_put(struct selv_cbor_writer *w, json_t *text)
{
    selv_cbor_put_tstr(
        w, selv_bytes(json_string_value(text), json_string_length(text)));
}

static const char *text_member(json_t *value, const char *name)
{
    return json_string_value(json_object_get(value, name));
}

/* ---- encoded items ------------------------------------------------------- */

bool value_is_raw(json_t *value)
{
    return json_object_get(value, "cbor-hex") != NULL;
}

/* Hexadecimal digits as bytes; *out is from malloc. */
static bool hex_value(const struct build *b, const struct place *at,
                      const char *name, const char *digits,
                      struct selv_buf *out)
{
    out->len = strlen(digits) / 2;
    out->p = malloc(out->len + 1);
    if (out->p == NULL) {
        return build_no_memory(b);
    }
    if (!selv_hex_decode(digits, out->p, out->len)) {
        free(out->p);
        return build_wrong(b, at, "\"%s\" is not hexadecimal digits in pairs",
                           name);
    }
    return true;
}

bool raw_put(const struct build *b, const struct place *at, json_t *value,
             bool is_allowed, struct selv_cbor_writer *w)
{
    static const char *const names[] = {"cbor-hex", NULL};
    const char *digits = text_member(value, "cbor-hex");
    struct selv_buf bytes;
    struct selv_cbor r;
    bool is_item;

    if (!is_allowed && !b->is_unchecked) {
        return build_wrong(b, at,
                           "\"cbor-hex\" may stand for a value of the draft's "
                           "only in a template with \"unchecked\": true");
    }
    if (!build_members_check(b, at, value, names)) {
        return false;
    }
    if (digits == NULL) {
        return build_wrong(b, at, "\"cbor-hex\" is not text");
    }
    if (!hex_value(b, at, "cbor-hex", digits, &bytes)) {
        return false;
    }
    selv_cbor_init(&r, selv_bytes(bytes.p, bytes.len));
    is_item = selv_cbor_skip(&r, NULL) == SELV_OK && selv_cbor_is_end(&r);
    if (is_item) {
        selv_cbor_put_raw(w, selv_bytes(bytes.p, bytes.len));
    }
    free(bytes.p);
    return is_item ||
           build_wrong(b, at,
                       "\"cbor-hex\" is not one item of deterministic CBOR");
}

/* ---- names and numbers --------------------------------------------------- */

/* A number as we would print it: no leading zero, no plus. */
static bool number_parse(const char *name, int32_t *code)
{
    char again[16];
    char *end;
    long number;

    errno = 0;
    number = strtol(name, &end, 10);
    if (errno != 0 || end == name || *end != '\0' || number < INT32_MIN ||
        number > INT32_MAX) {
        return false;
    }
    *code = (int32_t)number;
    snprintf(again, sizeof(again), "%d", (int)*code);
    return strcmp(again, name) == 0;
}

bool build_word_find(const struct build *b, const struct place *at,
                     const struct manifest_word *list, const char *name,
                     const char *kind, int32_t *code,
                     const struct manifest_word **word)
{
    *word = manifest_word_find(list, name);
    if (*word != NULL) {
        *code = (*word)->code;
        return true;
    }
    if (!number_parse(name, code)) {
        return build_wrong(b, at, "\"%s\" is not a %s", name, kind);
    }
    *word = manifest_word_at(list, *code);
    if (*word != NULL) {
        return build_wrong(b, at, "%s has a name: \"%s\"", name, (*word)->name);
    }
    if (!manifest_is_private(*code) && !b->is_unchecked) {
        return build_wrong(b, at,
                           "the draft has no %s %s; private ones are below "
                           "-256",
                           kind, name);
    }
    return true;
}

/* ---- files --------------------------------------------------------------- */

/* A file name, as it stands or below the template's folder. */
static bool file_path(const struct build *b, const struct place *at,
                      const char *name, char path[static 4096])
{
    int len = b->folder == NULL || name[0] == '/'
                  ? snprintf(path, 4096, "%s", name)
                  : snprintf(path, 4096, "%s/%s", b->folder, name);

    return len < 4096 || build_wrong(b, at, "the file name is too long");
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
        return build_wrong(b, at, "no \"file\" is given");
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

/* "size" and "sha256" beside a file say which content is meant. */
static bool file_is_meant(const struct build *b, const struct place *at,
                          json_t *value, struct selv_buf file)
{
    json_t *size = json_object_get(value, "size");
    const char *digits = text_member(value, "sha256");
    uint8_t meant[SELV_SHA256_LEN];
    uint8_t digest[SELV_SHA256_LEN];

    manifest_sha256(selv_bytes(file.p, file.len), digest);
    if (digits != NULL && !selv_hex_decode(digits, meant, sizeof(meant))) {
        return build_wrong(b, at, "a SHA-256 has 64 hexadecimal digits");
    }
    if ((size != NULL && (!json_is_integer(size) ||
                          json_integer_value(size) != (json_int_t)file.len)) ||
        (digits != NULL && memcmp(meant, digest, sizeof(meant)) != 0)) {
        return build_wrong(b, at,
                           "the file %s is another than \"size\" or \"sha256\" "
                           "beside it say",
                           text_member(value, "file"));
    }
    return true;
}

static bool file_bytes(const struct build *b, const struct place *at,
                       json_t *value, struct selv_buf *out)
{
    static const char *const names[] = {"file", "size", "sha256", NULL};
    char path[4096];
    char where[SELV_ERROR_LEN / 4];

    if (!build_members_check(b, at, value, names) ||
        !file_path(b, at, text_member(value, "file"), path)) {
        return false;
    }
    if (!selv_file_read(path, PAYLOAD_MAX, out, b->error)) {
        place_print(at, where, sizeof(where));
        return selv_error_prefix(b->error, where);
    }
    if (!file_is_meant(b, at, value, *out)) {
        free(out->p);
        return false;
    }
    return true;
}

bool bytes_value(const struct build *b, const struct place *at, json_t *value,
                 struct selv_buf *out)
{
    static const char *const names[] = {"hex", NULL};
    const char *digits = text_member(value, "hex");

    if (json_is_string(value)) {
        out->len = json_string_length(value);
        out->p = malloc(out->len + 1);
        if (out->p == NULL) {
            return build_no_memory(b);
        }
        memcpy(out->p, json_string_value(value), out->len);
        return true;
    }
    if (digits != NULL) {
        return build_members_check(b, at, value, names) &&
               hex_value(b, at, "hex", digits, out);
    }
    if (text_member(value, "file") != NULL) {
        return file_bytes(b, at, value, out);
    }
    return build_wrong(b, at, "give text, {\"hex\": ...} or {\"file\": ...}");
}

bool bytes_put(const struct build *b, const struct place *at, json_t *value,
               struct selv_cbor_writer *w)
{
    struct selv_buf bytes;

    if (!bytes_value(b, at, value, &bytes)) {
        return false;
    }
    selv_cbor_put_bstr(w, selv_bytes(bytes.p, bytes.len));
    free(bytes.p);
    return true;
}

/* ---- identifiers --------------------------------------------------------- */

static bool pen_value(const struct build *b, const struct place *at,
                      json_t *value, uint32_t *pen)
{
    json_t *number = json_object_get(value, "pen");

    *pen = (uint32_t)json_integer_value(number);
    return (json_is_integer(number) && json_integer_value(number) >= 0 &&
            json_integer_value(number) <= UINT32_MAX) ||
           build_wrong(b, at, "\"pen\" is not a private enterprise number");
}

/* What the names beside or without "uuid" give. */
static bool uuid_derive(const struct build *b, const struct place *at,
                        json_t *value, uint8_t uuid[static SELV_UUID_LEN])
{
    const char *vendor = text_member(value, "vendor");
    const char *class_name = text_member(value, "class");
    uint8_t space[SELV_UUID_LEN];
    uint32_t pen;

    if (json_object_get(value, "pen") != NULL) {
        if (vendor != NULL || class_name == NULL) {
            return build_wrong(b, at,
                               "with \"pen\" give \"class\" alone: the "
                               "vendor's own id is then no UUID");
        }
        if (!pen_value(b, at, value, &pen)) {
            return false;
        }
        manifest_pen_uuid(pen, space);
        selv_uuid_class(space, class_name, uuid);
        return true;
    }
    if (vendor == NULL) {
        return build_wrong(b, at,
                           "give a UUID, or {\"vendor\": DOMAIN}, or "
                           "{\"vendor\": DOMAIN, \"class\": NAME}");
    }
    selv_uuid_vendor(vendor, uuid);
    if (class_name != NULL) {
        memcpy(space, uuid, sizeof(space));
        selv_uuid_class(space, class_name, uuid);
    }
    return true;
}

static bool uuid_value(const struct build *b, const struct place *at,
                       json_t *value, uint8_t uuid[static SELV_UUID_LEN])
{
    static const char *const names[] = {"vendor", "class", "pen", "uuid", NULL};
    const char *text = json_is_string(value) ? json_string_value(value)
                                             : text_member(value, "uuid");
    uint8_t derived[SELV_UUID_LEN];

    if (text != NULL && !selv_uuid_parse(text, uuid)) {
        return build_wrong(b, at,
                           "\"%s\" is not a UUID; for one made from names give "
                           "{\"vendor\": DOMAIN}, for a class also \"class\"",
                           text);
    }
    if (json_is_string(value) ||
        (text != NULL && json_object_size(value) == 1)) {
        return true;
    }
    if (!build_members_check(b, at, value, names) ||
        !uuid_derive(b, at, value, derived)) {
        return false;
    }
    if (text != NULL && memcmp(uuid, derived, sizeof(derived)) != 0) {
        char right[SELV_UUID_TEXT_LEN];

        selv_uuid_format(derived, right);
        return build_wrong(b, at, "the names give %s, not %s", right, text);
    }
    memcpy(uuid, derived, sizeof(derived));
    return true;
}

static bool identifier_put(const struct build *b, const struct place *at,
                           bool is_vendor, json_t *value,
                           struct selv_cbor_writer *w)
{
    uint8_t uuid[SELV_UUID_LEN];
    uint32_t pen;

    if (is_vendor && json_object_size(value) == 1 &&
        json_object_get(value, "pen") != NULL) {
        if (!pen_value(b, at, value, &pen)) {
            return false;
        }
        manifest_pen_put(w, pen);
        return true;
    }
    if (!uuid_value(b, at, value, uuid)) {
        return false;
    }
    selv_cbor_put_bstr(w, selv_bytes(uuid, sizeof(uuid)));
    return true;
}

/* ---- digests ------------------------------------------------------------- */

void sha256_put(struct selv_cbor_writer *w,
                const uint8_t digest[static SELV_SHA256_LEN])
{
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(digest, SELV_SHA256_LEN));
}

/* {"algorithm": NAME or NUMBER, "hex": DIGITS} */
static bool other_digest_put(const struct build *b, const struct place *at,
                             json_t *value, struct selv_cbor_writer *w)
{
    static const char *const names[] = {"algorithm", "hex", NULL};
    json_t *algorithm = json_object_get(value, "algorithm");
    const char *digits = text_member(value, "hex");
    const struct manifest_word *word;
    struct selv_buf bytes;

    if (!build_members_check(b, at, value, names)) {
        return false;
    }
    word = json_is_string(algorithm)
               ? manifest_word_find(manifest_digest_algorithms,
                                    json_string_value(algorithm))
               : NULL;
    if (word == NULL && (!json_is_integer(algorithm) ||
                         json_integer_value(algorithm) < INT32_MIN ||
                         json_integer_value(algorithm) > INT32_MAX)) {
        return build_wrong(b, at,
                           "\"algorithm\" is not sha-256, sha-384, sha-512, "
                           "shake128, shake256 or a number of COSE");
    }
    if (digits == NULL) {
        return build_wrong(b, at, "the digest itself, \"hex\", is missing");
    }
    if (!hex_value(b, at, "hex", digits, &bytes)) {
        return false;
    }
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, word != NULL ? word->code
                                      : json_integer_value(algorithm));
    selv_cbor_put_bstr(w, selv_bytes(bytes.p, bytes.len));
    free(bytes.p);
    return true;
}

bool digest_put(const struct build *b, const struct place *at, json_t *value,
                struct selv_cbor_writer *w)
{
    const char *digits = json_is_string(value) ? json_string_value(value)
                                               : text_member(value, "sha256");
    uint8_t digest[SELV_SHA256_LEN];
    uint64_t len;

    if (json_object_get(value, "algorithm") != NULL) {
        return other_digest_put(b, at, value, w);
    }
    if (digits == NULL) {
        if (!file_value(b, at, value, digest, &len)) {
            return false;
        }
    } else if (!selv_hex_decode(digits, digest, sizeof(digest))) {
        return build_wrong(b, at, "a SHA-256 has 64 hexadecimal digits");
    }
    sha256_put(w, digest);
    return true;
}

/* ---- numbers and URIs ---------------------------------------------------- */

/* JSON's numbers end at 2^63 - 1 here; text goes on to 2^64 - 1. */
bool uint_put(const struct build *b, const struct place *at, json_t *value,
              struct selv_cbor_writer *w)
{
    const char *text = json_string_value(value);
    uint8_t digest[SELV_SHA256_LEN];
    uint64_t number;
    char *end;

    if (json_is_object(value)) {
        if (!file_value(b, at, value, digest, &number)) {
            return false;
        }
    } else if (text != NULL && text[0] >= '0' && text[0] <= '9') {
        errno = 0;
        number = strtoull(text, &end, 10);
        if (errno != 0 || *end != '\0') {
            return build_wrong(b, at, "\"%s\" is not a number up to 2^64 - 1",
                               text);
        }
    } else if (json_is_integer(value) && json_integer_value(value) >= 0) {
        number = (uint64_t)json_integer_value(value);
    } else {
        return build_wrong(b, at, "give a whole number that is not negative");
    }
    selv_cbor_put_uint(w, number);
    return true;
}

static bool uri_put(const struct build *b, const struct place *at,
                    json_t *value, struct selv_cbor_writer *w)
{
    static const char *const names[] = {"file", "base", NULL};
    const char *base = text_member(value, "base");
    uint8_t digest[SELV_SHA256_LEN];
    char digits[2 * SELV_SHA256_LEN + 1];
    char uri[1024];
    uint64_t len;

    if (json_is_string(value)) {
        string_put(w, value);
        return true;
    }
    if (!build_members_check(b, at, value, names) ||
        !file_value(b, at, value, digest, &len)) {
        return false;
    }
    selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
    if (snprintf(uri, sizeof(uri), "%s/i/%s", base == NULL ? "" : base,
                 digits) >= (int)sizeof(uri)) {
        return build_wrong(b, at, "the base is too long");
    }
    text_put(w, uri);
    return true;
}

/* ---- chunk lists --------------------------------------------------------- */

/* {"file": IMAGE, "chunk": LENGTH}: the list of that image. */
static bool chunks_of_file(const struct build *b, const struct place *at,
                           json_t *value, struct selv_buf *list)
{
    static const char *const names[] = {"file", "chunk", NULL};
    const char *file = text_member(value, "file");
    json_t *chunk = json_object_get(value, "chunk");
    uint32_t shift = 0;
    char path[4096];
    char where[SELV_ERROR_LEN / 4];

    if (!build_members_check(b, at, value, names)) {
        return false;
    }
    if (chunk != NULL) {
        shift = json_is_integer(chunk) && json_integer_value(chunk) > 0
                    ? selv_chunks_shift((uint64_t)json_integer_value(chunk))
                    : 0;
        if (shift == 0) {
            return build_wrong(b, at,
                               "\"chunk\" is not a power of two from 512 to "
                               "65536");
        }
    }
    if (!file_path(b, at, file, path)) {
        return false;
    }
    if (!selv_chunks_make(path, shift, list, b->error)) {
        place_print(at, where, sizeof(where));
        return selv_error_prefix(b->error, where);
    }
    return true;
}

/* The same, or {"sha256": DIGITS, "size": BYTES}: a list that is there. */
static bool chunks_put(const struct build *b, const struct place *at,
                       json_t *value, struct selv_cbor_writer *w)
{
    static const char *const names[] = {"sha256", "size", NULL};
    const char *digits = text_member(value, "sha256");
    json_t *size = json_object_get(value, "size");
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_suit_chunks_name name = {digest, 0};
    uint8_t item[SELV_SUIT_CHUNKS_NAME_MAX];
    struct selv_cbor_writer inner;
    struct selv_bytes encoded;
    struct selv_buf list;

    if (text_member(value, "file") != NULL) {
        if (!chunks_of_file(b, at, value, &list)) {
            return false;
        }
        selv_chunks_name(selv_bytes(list.p, list.len), digest, &name);
        free(list.p);
        selv_suit_chunks_name_put(w, &name);
        return true;
    }
    if (!json_is_object(value) || digits == NULL || size == NULL) {
        return build_wrong(b, at,
                           "give {\"file\": IMAGE}, with or without \"chunk\", "
                           "or {\"sha256\": ..., \"size\": ...} of a list");
    }
    if (!build_members_check(b, at, value, names)) {
        return false;
    }
    if (!selv_hex_decode(digits, digest, sizeof(digest))) {
        return build_wrong(b, at, "a SHA-256 has 64 hexadecimal digits");
    }
    name.len = json_is_integer(size) && json_integer_value(size) > 0 &&
                       json_integer_value(size) <= UINT32_MAX
                   ? (uint32_t)json_integer_value(size)
                   : 0;
    selv_cbor_writer_init(&inner, item, sizeof(item));
    selv_suit_chunks_name_put(&inner, &name);
    if (selv_cbor_finish(&inner, &encoded) != SELV_OK ||
        selv_suit_chunks_name_read(encoded, &name) != SELV_OK) {
        return build_wrong(b, at,
                           "\"size\" is not a list's length in bytes: 8, and "
                           "32 for each chunk");
    }
    selv_cbor_put_raw(w, encoded);
    return true;
}

/* ---- parameters ---------------------------------------------------------- */

bool parameter_value_put(const struct build *b, const struct place *at,
                         enum manifest_shape shape, json_t *value,
                         struct selv_cbor_writer *w)
{
    uint8_t item[256];
    struct selv_cbor_writer inner;

    if (value_is_raw(value)) {
        return raw_put(b, at, value, shape == WORD_CHUNKS, w);
    }
    switch (shape) {
    case WORD_VENDOR:
    case WORD_UUID:
        return identifier_put(b, at, shape == WORD_VENDOR, value, w);
    case WORD_DIGEST: /* wrapped in a byte string [manifest 8.4.8.6] */
        selv_cbor_writer_init(&inner, item, sizeof(item));
        if (!digest_put(b, at, value, &inner)) {
            return false;
        }
        if (inner.err != SELV_OK) {
            return build_wrong(b, at, "the digest is too long");
        }
        selv_cbor_put_bstr(w, selv_bytes(item, inner.len));
        return true;
    case WORD_UINT:
        return uint_put(b, at, value, w);
    case WORD_BOOL:
        if (!json_is_boolean(value)) {
            return build_wrong(b, at, "give true or false");
        }
        selv_cbor_put_bool(w, json_is_true(value));
        return true;
    case WORD_TEXT:
        return uri_put(b, at, value, w);
    case WORD_CHUNKS:
        return chunks_put(b, at, value, w);
    default:
        return bytes_put(b, at, value, w);
    }
}

bool private_value_put(const struct build *b, const struct place *at,
                       json_t *value, struct selv_cbor_writer *w)
{
    if (value_is_raw(value)) {
        return raw_put(b, at, value, true, w);
    }
    if (json_is_integer(value)) {
        selv_cbor_put_int(w, json_integer_value(value));
        return true;
    }
    if (json_is_boolean(value)) {
        selv_cbor_put_bool(w, json_is_true(value));
        return true;
    }
    if (json_is_string(value)) {
        string_put(w, value);
        return true;
    }
    if (json_is_object(value)) {
        return bytes_put(b, at, value, w);
    }
    return build_wrong(b, at,
                       "give a whole number, true, false, text, {\"hex\": "
                       "...}, {\"file\": ...} or {\"cbor-hex\": ...}");
}

/* ---- components ---------------------------------------------------------- */

/* "a/b" as segments [manifest 8.4.5.1]. */
static bool path_put(const struct build *b, const struct place *at,
                     json_t *value, struct selv_cbor_writer *w)
{
    const char *text = json_string_value(value);
    size_t count = 1;

    if (strlen(text) != json_string_length(value)) {
        return build_wrong(b, at, "a zero byte in a path");
    }
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '/';
    }
    selv_cbor_put_array(w, count);
    for (; count > 0; count--) {
        size_t len = strcspn(text, "/");

        if (len == 0) {
            return build_wrong(b, at, "an empty path segment");
        }
        selv_cbor_put_bstr(w, selv_bytes(text, len));
        text += len + 1;
    }
    return true;
}

bool component_put(const struct build *b, const struct place *at, json_t *value,
                   struct selv_cbor_writer *w)
{
    size_t i;
    json_t *segment;

    if (json_is_string(value)) {
        return path_put(b, at, value, w);
    }
    if (value_is_raw(value)) {
        return raw_put(b, at, value, false, w);
    }
    if (json_array_size(value) == 0) {
        return build_wrong(b, at,
                           "give a path such as \"app\", or its segments");
    }
    selv_cbor_put_array(w, json_array_size(value));
    json_array_foreach(value, i, segment)
    {
        struct place here = place_element(at, i);

        if (!bytes_put(b, &here, segment, w)) {
            return false;
        }
    }
    return true;
}
