/* SPDX-License-Identifier: Apache-2.0
 *
 * From two descriptions to their differences. Facts are what the parameters
 * come to for a component and a slot, wherever they are set; commands are
 * compared as trees, since an author moves whole alternatives. */
#include "host/manifest_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/hex.h"
#include "host/manifest_diff_int.h"
#include "host/manifest_int.h"
#include "host/manifest_tree.h"

enum {
    FACT_COMPONENTS = 64, /* those behind them have no facts */
    FACT_VALUES = 64      /* of one parameter of one component */
};

struct diff {
    json_t *old, *new; /* descriptions */
    json_t *changes;
};

/* ---- changes ------------------------------------------------------------- */

static void change_add(struct diff *d, const char *what, const char *of,
                       json_t *old, json_t *new)
{
    json_array_append_new(d->changes,
                          json_pack("{s:s, s:s?, s:o, s:o}", "what", what, "of",
                                    of, "old", manifest_diff_or_null(old),
                                    "new", manifest_diff_or_null(new)));
}

static void member_compare(struct diff *d, const char *what, const char *member)
{
    json_t *old = json_object_get(d->old, member);
    json_t *new = json_object_get(d->new, member);

    if (!manifest_diff_is_equal(old, new)) {
        change_add(d, what, NULL, old, new);
    }
}

static bool array_has(json_t *array, json_t *value)
{
    size_t i;
    json_t *element;

    json_array_foreach(array, i, element)
    {
        if (json_equal(element, value)) {
            return true;
        }
    }
    return false;
}

/* Elements that only one of the lists has; when both have the same ones in
 * another order, the whole lists. */
static void list_compare(struct diff *d, const char *what, const char *member)
{
    json_t *old = json_object_get(d->old, member);
    json_t *new = json_object_get(d->new, member);
    size_t before = json_array_size(d->changes);
    size_t i;
    json_t *element;

    if (manifest_diff_is_equal(old, new)) {
        return;
    }
    json_array_foreach(old, i, element)
    {
        if (!array_has(new, element)) {
            change_add(d, what, NULL, element, NULL);
        }
    }
    json_array_foreach(new, i, element)
    {
        if (!array_has(old, element)) {
            change_add(d, what, NULL, NULL, element);
        }
    }
    if (json_array_size(d->changes) == before) {
        change_add(d, what, NULL, old, new);
    }
}

/* Members of two objects: those of the old one first. */
static void object_compare(struct diff *d, const char *of, json_t *old,
                           json_t *new)
{
    const char *name;
    json_t *value;

    json_object_foreach(old, name, value)
    {
        json_t *other = json_object_get(new, name);

        if (!manifest_diff_is_equal(value, other)) {
            change_add(d, name, of, value, other);
        }
    }
    json_object_foreach(new, name, value)
    {
        if (json_object_get(old, name) == NULL) {
            change_add(d, name, of, NULL, value);
        }
    }
}

/* ---- facts --------------------------------------------------------------- */

struct facts {
    json_t *components; /* their names */
    json_t *of;         /* "app" or "app, slot 0": {parameter: values} */
};

static json_t *fact_values(json_t *of, const char *name, const char *parameter)
{
    json_t *parameters = json_object_get(of, name);
    json_t *values;

    if (parameters == NULL) {
        json_object_set_new(of, name, json_object());
        parameters = json_object_get(of, name);
    }
    values = json_object_get(parameters, parameter);
    if (values == NULL) {
        json_object_set_new(parameters, parameter, json_array());
        values = json_object_get(parameters, parameter);
    }
    return values;
}

static void parameters_take(struct facts *f, json_t *parameters,
                            uint64_t selected, json_t *slot)
{
    const char *parameter;
    json_t *value;

    for (size_t i = 0; i < FACT_COMPONENTS; i++) {
        const char *component =
            json_string_value(json_array_get(f->components, i));
        json_t *name;

        if ((selected >> i & 1) == 0 || component == NULL) {
            continue;
        }
        name = json_is_integer(slot)
                   ? json_sprintf("%s, slot %lld", component,
                                  (long long)json_integer_value(slot))
                   : json_string(component);
        json_object_foreach(parameters, parameter, value)
        {
            json_t *values =
                fact_values(f->of, json_string_value(name), parameter);

            if (json_array_size(values) < FACT_VALUES &&
                !array_has(values, value)) {
                json_array_append(values, value);
            }
        }
        json_decref(name);
    }
}

static uint64_t index_bit(json_t *index)
{
    json_int_t i = json_integer_value(index);

    return json_is_integer(index) && i >= 0 && i < FACT_COMPONENTS
               ? UINT64_C(1) << i
               : 0;
}

/* The components that set-component-index selects, as bits. */
static uint64_t index_take(json_t *index)
{
    uint64_t selected = 0;
    size_t i;
    json_t *element;

    if (json_is_true(index)) {
        return UINT64_MAX;
    }
    json_array_foreach(index, i, element)
    {
        selected |= index_bit(element);
    }
    return json_is_array(index) ? selected : index_bit(index);
}

/* Everything that a sequence sets, for the slot that its try-each chose. */
static void sequence_take(struct facts *f, json_t *sequence, uint64_t selected,
                          json_t *slot)
{
    size_t i;
    size_t n;
    json_t *command;
    json_t *nested;

    json_array_foreach(sequence, i, command)
    {
        json_t *parameters = json_object_get(command, "parameters");
        json_t *index = json_object_get(command, "index");

        if (index != NULL) {
            selected = index_take(index);
        }
        if (parameters != NULL) {
            json_t *chosen = json_object_get(parameters, "component-slot");

            slot = chosen == NULL ? slot : chosen;
            parameters_take(f, parameters, selected, slot);
        }
        json_array_foreach(json_object_get(command, "sequences"), n, nested)
        {
            sequence_take(f, nested, selected, slot);
        }
    }
}

/* {"app, slot 0": {"uri": VALUE}}; the caller decrefs it. */
static json_t *facts_take(json_t *description)
{
    struct facts f = {json_object_get(description, "components"),
                      json_object()};
    const char *name;
    json_t *value;
    json_t *parameters;
    const char *parameter;

    json_object_foreach(json_object_get(description, "commands"), name, value)
    {
        sequence_take(&f, value, 1, NULL);
    }
    json_object_foreach(f.of, name, parameters)
    {
        void *tmp;

        json_object_foreach_safe(parameters, tmp, parameter, value)
        {
            if (json_array_size(value) == 1) {
                json_object_set(parameters, parameter,
                                json_array_get(value, 0));
            }
        }
        json_object_del(parameters, "component-slot"); /* it is the name */
    }
    return f.of;
}

static void facts_compare(struct diff *d)
{
    json_t *old = facts_take(d->old);
    json_t *new = facts_take(d->new);
    const char *name;
    json_t *value;

    json_object_foreach(old, name, value)
    {
        object_compare(d, name, value, json_object_get(new, name));
    }
    json_object_foreach(new, name, value)
    {
        if (json_object_get(old, name) == NULL) {
            object_compare(d, name, NULL, value);
        }
    }
    json_decref(old);
    json_decref(new);
}

/* ---- text, payloads, places ---------------------------------------------- */

/* Texts of one language; those of a component are an object. */
static void language_compare(struct diff *d, const char *language, json_t *old,
                             json_t *new)
{
    json_t *both = json_object();
    json_t *of;
    const char *name;
    json_t *value;

    json_object_update(both, old);
    json_object_update(both, new);
    json_object_foreach(both, name, value)
    {
        json_t *before = json_object_get(old, name);
        json_t *after = json_object_get(new, name);

        if (json_is_object(value)) {
            of = json_sprintf("text %s, %s", language, name);
            object_compare(d, json_string_value(of), before, after);
        } else if (!manifest_diff_is_equal(before, after)) {
            of = json_sprintf("text %s", language);
            change_add(d, name, json_string_value(of), before, after);
        } else {
            continue;
        }
        json_decref(of);
    }
    json_decref(both);
}

static void text_compare(struct diff *d)
{
    json_t *old = json_object_get(d->old, "text");
    json_t *new = json_object_get(d->new, "text");
    const char *language;
    json_t *value;

    json_object_foreach(old, language, value)
    {
        language_compare(d, language, value, json_object_get(new, language));
    }
    json_object_foreach(new, language, value)
    {
        if (json_object_get(old, language) == NULL) {
            language_compare(d, language, NULL, value);
        }
    }
}

/* {"#name": "SIZE bytes, sha-256 DIGITS"}: two of one size may differ. */
static json_t *payloads_take(struct selv_bytes envelope)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    json_t *out = json_object();

    if (!manifest_tree_open(&tree, envelope, &ignored)) {
        return out;
    }
    for (size_t i = 0; i < tree.payloads.count; i++) {
        struct selv_bytes name = tree.payloads.pairs[i].key;
        struct selv_bytes bytes = tree.payloads.pairs[i].value;
        uint8_t digest[SELV_SHA256_LEN];
        char digits[2 * SELV_SHA256_LEN + 1];
        json_t *key = json_stringn((const char *)name.p, name.len);

        manifest_sha256(bytes, digest);
        selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
        json_object_set_new(
            out, json_string_value(key),
            json_sprintf("%zu bytes, sha-256 %s", bytes.len, digits));
        json_decref(key);
    }
    manifest_tree_close(&tree);
    return out;
}

/* Where an element is: in the manifest, severed, taken out, or nowhere. */
static json_t *place_of(json_t *description, const char *section)
{
    json_t *name = json_string(section);
    json_t *commands = json_object_get(description, "commands");
    const char *place = NULL;

    if (array_has(json_object_get(description, "absent"), name)) {
        place = "taken out";
    } else if (array_has(json_object_get(description, "severed"), name)) {
        place = "severed";
    } else if (json_object_get(commands, section) != NULL ||
               (strcmp(section, "text") == 0 &&
                json_object_get(description, "text") != NULL)) {
        place = "in the manifest";
    }
    json_decref(name);
    return place == NULL ? NULL : json_string(place);
}

static void places_compare(struct diff *d)
{
    for (const struct manifest_word *s = manifest_sections; s->name != NULL;
         s++) {
        json_t *old = place_of(d->old, s->name);
        json_t *new = place_of(d->new, s->name);

        if (!manifest_diff_is_equal(old, new)) {
            change_add(d, s->name, "sections", old, new);
        }
        json_decref(old);
        json_decref(new);
    }
}

/* ---- sections ------------------------------------------------------------ */

/* Sections in which anything differs. A section that was taken out of one
 * envelope cannot be compared. */
static json_t *sections_compare(struct diff *d)
{
    json_t *out = json_array();

    for (const struct manifest_word *s = manifest_sections; s->name != NULL;
         s++) {
        json_t *old =
            json_object_get(json_object_get(d->old, "commands"), s->name);
        json_t *new =
            json_object_get(json_object_get(d->new, "commands"), s->name);
        json_t *name = json_string(s->name);
        bool is_unknown = array_has(json_object_get(d->old, "absent"), name) ||
                          array_has(json_object_get(d->new, "absent"), name);

        json_decref(name);
        if (is_unknown || manifest_diff_is_equal(old, new)) {
            continue;
        }
        json_array_append_new(
            out, json_pack("{s:s, s:s, s:o}", "section", s->name, "change",
                           old == NULL   ? "added"
                           : new == NULL ? "removed"
                                         : "changed",
                           "lines", manifest_diff_commands(old, new)));
    }
    return out;
}

/* ---- the whole ----------------------------------------------------------- */

/* A file's name need not be UTF-8; JSON must. */
static json_t *name_json(const char *name)
{
    json_t *text = json_string(name);
    char *clean = text == NULL ? strdup(name) : NULL;

    for (char *c = clean; c != NULL && *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    if (clean != NULL) {
        text = json_string(clean);
        free(clean);
    }
    return text;
}

static json_t *side_json(json_t *description, const char *name)
{
    return json_pack("{s:o, s:O?, s:O?, s:O?, s:O?}", "file", name_json(name),
                     "size", json_object_get(description, "size"), "digest",
                     json_object_get(description, "digest"), "digest_is_right",
                     json_object_get(description, "digest_is_right"),
                     "sequence_number",
                     json_object_get(description, "sequence_number"));
}

/* Bytes that both have in common from the first on. */
static size_t common_len(struct selv_bytes a, struct selv_bytes b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && a.p[len] == b.p[len]) {
        len++;
    }
    return len;
}

static json_t *describe(struct selv_bytes envelope, const char *name,
                        const struct selv_manifest_names *names,
                        struct selv_error *error)
{
    json_t *description = selv_manifest_describe(envelope, names, error);

    if (description == NULL) {
        selv_error_prefix(error, name);
    }
    return description;
}

/* The names that this description knows for UUIDs, to names. */
static void names_collect(json_t *value, json_t *names)
{
    json_t *uuid = json_object_get(value, "uuid");
    json_t *from = json_object_get(value, "from");
    const char *key;
    size_t i;
    json_t *inner;

    if (json_is_string(uuid) && json_is_string(from) &&
        json_object_get(names, json_string_value(uuid)) == NULL) {
        json_object_set(names, json_string_value(uuid), from);
    }
    json_object_foreach(value, key, inner)
    {
        names_collect(inner, names);
    }
    json_array_foreach(value, i, inner)
    {
        names_collect(inner, names);
    }
}

static void names_put(json_t *value, json_t *names)
{
    json_t *uuid = json_object_get(value, "uuid");
    json_t *from = json_is_string(uuid)
                       ? json_object_get(names, json_string_value(uuid))
                       : NULL;
    void *next;
    const char *key;
    size_t i;
    json_t *inner;

    if (from != NULL) {
        json_object_set(value, "from", from);
    }
    json_object_foreach_safe(value, next, key, inner)
    {
        names_put(inner, names);
    }
    json_array_foreach(value, i, inner)
    {
        names_put(inner, names);
    }
}

/* A UUID is the same one whether the text beside it names it or not. */
static void names_share(json_t *old, json_t *new)
{
    json_t *names = json_object();

    names_collect(json_object_get(old, "commands"), names);
    names_collect(json_object_get(new, "commands"), names);
    names_put(json_object_get(old, "commands"), names);
    names_put(json_object_get(new, "commands"), names);
    json_decref(names);
}

json_t *selv_manifest_diff(struct selv_bytes old_envelope, const char *old_name,
                           struct selv_bytes new_envelope, const char *new_name,
                           const struct selv_manifest_names *names,
                           struct selv_error *error)
{
    struct diff d = {.changes = json_array()};
    json_t *out = NULL;
    json_t *payloads[2];
    json_t *sections;

    d.old = describe(old_envelope, old_name, names, error);
    d.new =
        d.old == NULL ? NULL : describe(new_envelope, new_name, names, error);
    if (d.new == NULL) {
        json_decref(d.old);
        json_decref(d.changes);
        return NULL;
    }
    names_share(d.old, d.new);
    member_compare(&d, "manifest-version", "manifest_version");
    member_compare(&d, "sequence-number", "sequence_number");
    member_compare(&d, "reference-uri", "reference_uri");
    list_compare(&d, "component", "components");
    list_compare(&d, "unknown-key", "unknown_keys");
    places_compare(&d);
    facts_compare(&d);
    payloads[0] = payloads_take(old_envelope);
    payloads[1] = payloads_take(new_envelope);
    object_compare(&d, "payloads", payloads[0], payloads[1]);
    json_decref(payloads[0]);
    json_decref(payloads[1]);
    text_compare(&d);
    list_compare(&d, "signature", "signatures");
    member_compare(&d, "digest-is-right", "digest_is_right");
    member_compare(&d, "manifest-digest", "digest");
    member_compare(&d, "envelope-size", "size");
    sections = sections_compare(&d);
    out = json_pack(
        "{s:b, s:I, s:b, s:o, s:o, s:o, s:o}", "same",
        selv_bytes_equal(old_envelope, new_envelope), "same_until",
        (json_int_t)common_len(old_envelope, new_envelope), "same_manifest",
        manifest_diff_is_equal(json_object_get(d.old, "digest"),
                               json_object_get(d.new, "digest")),
        "old", side_json(d.old, old_name), "new", side_json(d.new, new_name),
        "changes", d.changes, "sections", sections);
    json_decref(d.old);
    json_decref(d.new);
    return out;
}
