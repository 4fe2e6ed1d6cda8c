/* SPDX-License-Identifier: Apache-2.0
 *
 * From an envelope, signed or not, to a JSON description. It reads what the
 * device's engine would refuse as well, so that a refusal can be understood;
 * it decides nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/hex.h"
#include "host/manifest_template_int.h"
#include "host/uuid.h"
#include "suit/walk.h"

/* One call of selv_manifest_describe. */
struct describe {
    json_t *out;
    const struct selv_manifest_names *names;
    const char *domain; /* names for UUIDs: given, or found in the text */
    const char *class_name;
};

static json_t *hex_json(struct selv_bytes bytes)
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

static json_t *text_json(struct selv_bytes text)
{
    return json_stringn((const char *)text.p, text.len);
}

static bool is_printable(struct selv_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] < 0x21 || bytes.p[i] > 0x7e || bytes.p[i] == '/') {
            return false;
        }
    }
    return bytes.len > 0;
}

json_t *manifest_component_json(struct selv_bytes id)
{
    struct selv_cbor r;
    struct selv_bytes segment;
    uint32_t count = 0;
    json_t *text = json_string("");

    selv_cbor_init(&r, id);
    if (selv_cbor_array(&r, &count) != SELV_OK) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        json_t *part;
        json_t *joined;

        if (selv_cbor_bstr(&r, &segment) != SELV_OK) {
            break;
        }
        part = is_printable(segment) ? text_json(segment) : hex_json(segment);
        joined = json_sprintf(is_printable(segment) ? "%s%s%s" : "%s%sh'%s'",
                              json_string_value(text), i == 0 ? "" : "/",
                              json_string_value(part));
        json_decref(part);
        json_decref(text);
        text = joined;
    }
    return text;
}

json_t *manifest_uint_json(uint64_t number)
{
    return number <= INT64_MAX
               ? json_integer((json_int_t)number)
               : json_sprintf("%llu", (unsigned long long)number);
}

/* ---- values -------------------------------------------------------------- */

/* {"uuid": ..., "from": name} when a name that we know gives this UUID. */
static json_t *uuid_json(const struct describe *d, struct selv_bytes bytes)
{
    uint8_t vendor[SELV_UUID_LEN];
    uint8_t uuid[SELV_UUID_LEN];
    char text[SELV_UUID_TEXT_LEN];
    json_t *value;

    if (bytes.len != SELV_UUID_LEN) {
        return hex_json(bytes);
    }
    selv_uuid_format(bytes.p, text);
    value = json_pack("{s:s}", "uuid", text);
    if (d->domain == NULL) {
        return value;
    }
    selv_uuid_vendor(d->domain, vendor);
    if (memcmp(vendor, bytes.p, sizeof(vendor)) == 0) {
        json_object_set_new(value, "from", json_string(d->domain));
    }
    if (d->class_name != NULL) {
        selv_uuid_class(vendor, d->class_name, uuid);
        if (memcmp(uuid, bytes.p, sizeof(uuid)) == 0) {
            json_object_set_new(value, "from", json_string(d->class_name));
        }
    }
    return value;
}

/* The content of a SUIT_Digest: "sha-256 <hex>". */
static json_t *digest_json(struct selv_bytes digest)
{
    struct selv_cbor r;
    struct selv_bytes bytes;
    uint32_t count;
    int32_t alg;
    json_t *digits;
    json_t *value;

    selv_cbor_init(&r, digest);
    if (selv_cbor_array(&r, &count) != SELV_OK || count < 2 ||
        selv_cbor_int(&r, &alg) != SELV_OK ||
        selv_cbor_bstr(&r, &bytes) != SELV_OK) {
        return json_null();
    }
    digits = hex_json(bytes);
    value = alg == SELV_SUIT_DIGEST_SHA256
                ? json_sprintf("sha-256 %s", json_string_value(digits))
                : json_sprintf("algorithm %d %s", (int)alg,
                               json_string_value(digits));
    json_decref(digits);
    return value;
}

/* Any item: numbers, text and booleans as they are; the rest as its bytes. */
static json_t *item_json(struct selv_bytes item)
{
    struct selv_cbor r;
    struct selv_bytes string;
    uint64_t number;
    int32_t negative;
    bool flag;

    selv_cbor_init(&r, item);
    if (selv_cbor_uint(&r, &number) == SELV_OK) {
        return manifest_uint_json(number);
    }
    selv_cbor_init(&r, item);
    if (selv_cbor_int(&r, &negative) == SELV_OK) {
        return json_integer(negative);
    }
    if (selv_cbor_bool(&r, &flag) == SELV_OK) {
        return json_boolean(flag);
    }
    if (selv_cbor_tstr(&r, &string) == SELV_OK) {
        return text_json(string);
    }
    if (selv_cbor_bstr(&r, &string) == SELV_OK) {
        return hex_json(string);
    }
    return hex_json(item);
}

static json_t *parameter_json(const struct describe *d, int32_t code,
                              struct selv_bytes item)
{
    const struct manifest_word *word =
        manifest_word_at(manifest_parameters, code);
    struct selv_suit_chunks_name list;
    struct selv_cbor r;
    struct selv_bytes string;

    if (word != NULL && word->shape == WORD_CHUNKS &&
        selv_suit_chunks_name_read(item, &list) == SELV_OK) {
        return json_pack("{s:o, s:I}", "sha256",
                         hex_json(selv_bytes(list.digest, SELV_SHA256_LEN)),
                         "size", (json_int_t)list.len);
    }
    selv_cbor_init(&r, item);
    if (word != NULL && selv_cbor_bstr(&r, &string) == SELV_OK) {
        if ((word->shape == WORD_UUID || word->shape == WORD_VENDOR)) {
            return uuid_json(d, string);
        }
        if (word->shape == WORD_DIGEST) {
            return digest_json(string);
        }
    }
    return item_json(item);
}

/* A name, or the number as text where the draft has none for it. */
static const char *name_or_number(const char *name, int32_t code,
                                  char text[static 16])
{
    if (name != NULL) {
        return name;
    }
    snprintf(text, 16, "%d", (int)code);
    return text;
}

static json_t *parameters_json(const struct describe *d, struct selv_bytes map)
{
    json_t *out = json_object();
    struct selv_cbor r;
    uint32_t count = 0;
    char number[16];

    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        count = 0;
    }
    for (; count > 0; count--) {
        struct selv_bytes item;
        int32_t code;

        if (selv_cbor_int(&r, &code) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            break;
        }
        json_object_set_new(
            out,
            name_or_number(selv_manifest_parameter_name(code), code, number),
            parameter_json(d, code, item));
    }
    return out;
}

/* ---- sequences ----------------------------------------------------------- */

static json_t *command_json(const struct describe *d, int32_t code,
                            struct selv_bytes argument)
{
    const struct manifest_word *word =
        manifest_word_at(manifest_commands, code);
    char number[16];
    json_t *out = json_pack(
        "{s:s}", "command",
        name_or_number(word == NULL ? NULL : word->name, code, number));
    enum manifest_shape shape = word == NULL ? WORD_OTHER : word->shape;
    json_t *list;
    struct selv_cbor r;
    uint32_t count = 0;

    switch (shape) {
    case WORD_POLICY_ALL:
    case WORD_POLICY_SOME:
    case WORD_POLICY_FAILURE:
        json_object_set_new(out, "policy", item_json(argument));
        break;
    case WORD_PARAMETERS:
        json_object_set_new(out, "parameters", parameters_json(d, argument));
        break;
    case WORD_TRY_EACH:
    case WORD_SEQUENCE:
        json_object_set_new(out, "sequences", json_array());
        break;
    case WORD_INDEX:
        selv_cbor_init(&r, argument);
        if (selv_cbor_array(&r, &count) != SELV_OK) {
            json_object_set_new(out, "index", item_json(argument));
            break;
        }
        list = json_array();
        for (; count > 0; count--) {
            struct selv_bytes item = {NULL, 0};

            if (selv_cbor_skip(&r, &item) == SELV_OK) {
                json_array_append_new(list, item_json(item));
            }
        }
        json_object_set_new(out, "index", list);
        break;
    default:
        json_object_set_new(out, "argument", item_json(argument));
        break;
    }
    return out;
}

/* The sequences of the last command in a list. */
static json_t *last_sequences(json_t *list)
{
    return json_object_get(json_array_get(list, json_array_size(list) - 1),
                           "sequences");
}

/* A sequence as a list of commands. Where it is malformed the list ends with
 * {"error": words}. */
static json_t *sequence_json(const struct describe *d,
                             struct selv_bytes sequence)
{
    json_t *list[SELV_SUIT_DEPTH_MAX + 2];
    size_t depth = 0;
    struct selv_suit_walk walk;
    struct selv_suit_walk_item item;
    enum selv_err err = selv_suit_walk_init(&walk, sequence);

    list[0] = json_array();
    while (!err) {
        err = selv_suit_walk_next(&walk, &item);
        if (err || item.kind == SELV_SUIT_WALK_END) {
            break;
        }
        if (item.kind == SELV_SUIT_WALK_COMMAND) {
            json_array_append_new(list[depth],
                                  command_json(d, item.code, item.argument));
        } else if (item.kind == SELV_SUIT_WALK_LEAVE) {
            depth--;
        } else if (item.is_nil) {
            json_array_append_new(last_sequences(list[depth]), json_null());
        } else {
            list[depth + 1] = json_array();
            json_array_append_new(last_sequences(list[depth]), list[depth + 1]);
            depth++;
        }
    }
    if (err) {
        json_array_append_new(list[depth],
                              json_pack("{s:s}", "error", selv_err_str(err)));
    }
    return list[0];
}

/* ---- text ---------------------------------------------------------------- */

/* One map of texts into out; keys that are component ids become objects. */
static void texts_take(struct selv_cbor *r, const struct manifest_word *words,
                       json_t *out)
{
    uint32_t count = 0;
    char number[16];

    if (selv_cbor_map(r, &count) != SELV_OK) {
        return;
    }
    for (; count > 0; count--) {
        struct selv_bytes key;
        struct selv_bytes text;
        int32_t code;

        if (selv_cbor_peek(r) == SELV_CBOR_ARRAY) {
            json_t *component;
            json_t *texts = json_object();

            if (selv_cbor_skip(r, &key) != SELV_OK) {
                json_decref(texts);
                return;
            }
            component = manifest_component_json(key);
            texts_take(r, manifest_component_texts, texts);
            json_object_set_new(out, json_string_value(component), texts);
            json_decref(component);
            continue;
        }
        if (selv_cbor_int(r, &code) != SELV_OK ||
            selv_cbor_tstr(r, &text) != SELV_OK) {
            return;
        }
        const struct manifest_word *word = manifest_word_at(words, code);
        json_object_set_new(
            out, name_or_number(word ? word->name : NULL, code, number),
            text_json(text));
    }
}

static json_t *text_section_json(struct selv_bytes in)
{
    json_t *out = json_object();
    struct selv_cbor r;
    uint32_t count = 0;

    selv_cbor_init(&r, in);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        count = 0;
    }
    for (; count > 0; count--) {
        struct selv_bytes language;
        json_t *texts = json_object();
        json_t *name;

        if (selv_cbor_tstr(&r, &language) != SELV_OK) {
            json_decref(texts);
            break;
        }
        texts_take(&r, manifest_texts, texts);
        name = text_json(language);
        json_object_set_new(out, json_string_value(name), texts);
        json_decref(name);
    }
    return out;
}

/* The first text of that name, in any language, of any component. */
static const char *text_find(json_t *text, const char *name)
{
    const char *language;
    const char *component;
    json_t *texts;
    json_t *of_component;

    json_object_foreach(text, language, texts)
    {
        json_object_foreach(texts, component, of_component)
        {
            const char *found =
                json_string_value(json_object_get(of_component, name));

            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

/* ---- envelope and manifest ----------------------------------------------- */

/* Everything that has a place, as views. */
struct parts {
    struct selv_bytes envelope;
    struct selv_bytes wrapper;
    struct selv_bytes manifest;      /* content */
    struct selv_bytes manifest_item; /* with its head */
    struct selv_bytes common;
    struct selv_bytes section[SELV_SUIT_KEY_TEXT + 1]; /* p NULL: none */
    bool is_severed[SELV_SUIT_KEY_TEXT + 1];
    struct selv_bytes severed[SELV_SUIT_KEY_TEXT + 1];
};

static bool wrapper_take(struct describe *d, const struct parts *p)
{
    struct selv_cbor r;
    struct selv_bytes item;
    uint32_t count = 0;
    json_t *blocks = json_array();
    json_t *claimed;
    json_t *computed;
    const uint8_t *claimed_at;
    struct selv_bytes bytes;
    int32_t algorithm;
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_sha256 h;

    json_object_set_new(d->out, "signatures", blocks);
    selv_cbor_init(&r, p->wrapper);
    if (selv_cbor_array(&r, &count) != SELV_OK || count == 0 ||
        selv_cbor_bstr(&r, &item) != SELV_OK) {
        return false;
    }
    claimed = digest_json(item);
    claimed_at = item.p;
    if (manifest_digest_get(item, &algorithm, &bytes)) {
        claimed_at = bytes.p;
    }
    for (; count > 1; count--) {
        if (selv_cbor_bstr(&r, &item) != SELV_OK) {
            break;
        }
        json_array_append_new(blocks, manifest_block_json(item));
    }
    selv_sha256_init(&h);
    selv_sha256_update(&h, p->manifest_item.p, p->manifest_item.len);
    selv_sha256_finish(&h, digest);
    computed = hex_json(selv_bytes(digest, sizeof(digest)));
    json_object_set_new(
        d->out, "digest_is_right",
        json_boolean(json_is_string(claimed) &&
                     strncmp(json_string_value(claimed), "sha-256 ", 8) == 0 &&
                     strcmp(json_string_value(claimed) + 8,
                            json_string_value(computed)) == 0));
    json_object_set_new(d->out, "digest", computed);
    if (!json_is_true(json_object_get(d->out, "digest_is_right"))) {
        json_object_set(d->out, "digest_claimed", claimed);
        json_object_set_new(
            d->out, "digest_claimed_at",
            json_integer((json_int_t)(claimed_at - p->envelope.p)));
    }
    json_decref(claimed);
    return true;
}

static bool envelope_take(struct describe *d, struct selv_bytes in,
                          struct parts *p)
{
    struct selv_cbor r;
    uint64_t tag;
    uint32_t count;
    json_t *payloads = json_array();

    json_object_set_new(d->out, "payloads", payloads);
    selv_cbor_init(&r, in);
    if (selv_cbor_tag(&r, &tag) != SELV_OK || tag != SELV_SUIT_TAG_ENVELOPE ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        struct selv_bytes name;
        struct selv_bytes value;
        struct selv_cbor at;
        int32_t key;

        if (selv_cbor_peek(&r) == SELV_CBOR_TSTR) {
            if (selv_cbor_tstr(&r, &name) != SELV_OK ||
                selv_cbor_bstr(&r, &value) != SELV_OK) {
                return false;
            }
            json_array_append_new(payloads, json_pack("{s:o, s:I}", "name",
                                                      text_json(name), "size",
                                                      (json_int_t)value.len));
            continue;
        }
        if (selv_cbor_int(&r, &key) != SELV_OK) {
            return false;
        }
        at = r;
        if (selv_cbor_bstr(&r, &value) != SELV_OK) {
            return false;
        }
        if (key == SELV_SUIT_KEY_AUTHENTICATION) {
            p->wrapper = value;
        } else if (key == SELV_SUIT_KEY_MANIFEST) {
            p->manifest = value;
            p->manifest_item = selv_bytes(at.p, (size_t)(r.p - at.p));
        } else if (key > 0 && key <= SELV_SUIT_KEY_TEXT) {
            p->severed[key] = value;
        }
    }
    p->envelope = in;
    if (r.p < r.end) {
        json_object_set_new(d->out, "trailing",
                            json_integer((json_int_t)(r.end - r.p)));
    }
    return p->wrapper.p != NULL && p->manifest.p != NULL;
}

static bool manifest_take(struct describe *d, struct parts *p)
{
    struct selv_cbor r;
    uint32_t count;
    json_t *unknown = json_array();

    json_object_set_new(d->out, "unknown_keys", unknown);
    selv_cbor_init(&r, p->manifest);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        struct selv_bytes item;
        struct selv_cbor value;
        int32_t key;

        if (selv_cbor_int(&r, &key) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            return false;
        }
        selv_cbor_init(&value, item);
        if (key == SELV_SUIT_KEY_VERSION) {
            json_object_set_new(d->out, "manifest_version", item_json(item));
        } else if (key == SELV_SUIT_KEY_SEQUENCE_NUMBER) {
            json_object_set_new(d->out, "sequence_number", item_json(item));
        } else if (key == SELV_SUIT_KEY_REFERENCE_URI) {
            json_object_set_new(d->out, "reference_uri", item_json(item));
        } else if (key == SELV_SUIT_KEY_COMMON) {
            if (selv_cbor_bstr(&value, &p->common) != SELV_OK) {
                return false;
            }
        } else if (key > 0 && key <= SELV_SUIT_KEY_TEXT &&
                   manifest_word_at(manifest_sections, key) != NULL) {
            p->is_severed[key] = selv_cbor_peek(&value) == SELV_CBOR_ARRAY;
            if (p->is_severed[key]) {
                p->section[key] = p->severed[key];
            } else if (selv_cbor_bstr(&value, &p->section[key]) != SELV_OK) {
                return false;
            }
        } else {
            json_array_append_new(unknown, json_integer(key));
        }
    }
    return true;
}

static bool common_take(struct describe *d, struct parts *p)
{
    json_t *components = json_array();
    struct selv_cbor r;
    uint32_t count;

    json_object_set_new(d->out, "components", components);
    selv_cbor_init(&r, p->common);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        struct selv_bytes item;
        struct selv_cbor value;
        uint32_t ids = 0;
        int32_t key;

        if (selv_cbor_int(&r, &key) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            return false;
        }
        selv_cbor_init(&value, item);
        if (key == SELV_SUIT_COMMON_COMPONENTS &&
            selv_cbor_array(&value, &ids) == SELV_OK) {
            for (; ids > 0 && selv_cbor_skip(&value, &item) == SELV_OK; ids--) {
                json_array_append_new(components,
                                      manifest_component_json(item));
            }
        } else if (key == SELV_SUIT_COMMON_SHARED_SEQUENCE) {
            if (selv_cbor_bstr(&value, &p->section[SELV_SUIT_KEY_COMMON]) !=
                SELV_OK) {
                return false;
            }
        }
    }
    return true;
}

/* Sections in the order of manifest_sections; severed ones are said to be. */
static void sections_take(struct describe *d, const struct parts *p)
{
    json_t *sections = json_object();
    json_t *severed = json_array();
    json_t *absent = json_array();

    for (const struct manifest_word *s = manifest_sections; s->name != NULL;
         s++) {
        if (p->is_severed[s->code]) {
            json_array_append_new(p->section[s->code].p == NULL ? absent
                                                                : severed,
                                  json_string(s->name));
        }
        if (p->section[s->code].p != NULL && s->code != SELV_SUIT_KEY_TEXT) {
            json_object_set_new(sections, s->name,
                                sequence_json(d, p->section[s->code]));
        }
    }
    json_object_set_new(d->out, "commands", sections);
    json_object_set_new(d->out, "severed", severed);
    json_object_set_new(d->out, "absent", absent);
}

json_t *selv_manifest_describe(struct selv_bytes envelope,
                               const struct selv_manifest_names *names,
                               struct selv_error *error)
{
    struct describe d = {json_object(), names, NULL, NULL};
    struct parts p;
    json_t *text = NULL;

    memset(&p, 0, sizeof(p));
    json_object_set_new(d.out, "size", json_integer((json_int_t)envelope.len));
    if (!envelope_take(&d, envelope, &p) || !wrapper_take(&d, &p)) {
        json_decref(d.out);
        selv_error_set(error, SELV_EXIT_REFUSED,
                       "not a whole SUIT envelope (tag 107, with wrapper and "
                       "manifest)");
        return NULL;
    }
    if (!manifest_take(&d, &p) || !common_take(&d, &p)) {
        json_decref(d.out);
        selv_error_set(error, SELV_EXIT_REFUSED,
                       "the manifest in the envelope is malformed; `selvage "
                       "manifest verify` says where");
        return NULL;
    }
    if (p.section[SELV_SUIT_KEY_TEXT].p != NULL) {
        text = text_section_json(p.section[SELV_SUIT_KEY_TEXT]);
        json_object_set_new(d.out, "text", text);
    }
    d.domain = text_find(text, "vendor-domain");
    d.class_name = text_find(text, "model-name");
    if (names != NULL && names->vendor != NULL) {
        d.domain = names->vendor;
    }
    if (names != NULL && names->class_name != NULL) {
        d.class_name = names->class_name;
    }
    sections_take(&d, &p);
    return d.out;
}
