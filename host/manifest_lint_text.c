/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules about the text element: its form, and whether what it tells people is
 * what the devices' ids say [manifest 8.4.4]. */
#include "host/manifest_lint_int.h"

#include <stdlib.h>

#include "host/uuid.h"

struct texts {
    struct lint *l;
    const char *language; /* as it may be printed */
};

static char *copy(struct selv_bytes text)
{
    return text.p == NULL ? NULL : strndup((const char *)text.p, text.len);
}

/* [a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})* [RFC 9290 A] */
static bool is_language(struct selv_bytes tag)
{
    size_t len = 0;
    bool is_first = true;

    for (size_t i = 0; i < tag.len; i++) {
        uint8_t c = tag.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == '-') {
            if (len == 0) {
                return false;
            }
            len = 0;
            is_first = false;
        } else if ((!is_letter && (is_first || c < '0' || c > '9')) ||
                   ++len > 8) {
            return false;
        }
    }
    return len > 0;
}

static size_t component_index(const struct lint *l, struct selv_bytes id)
{
    size_t i = 0;

    while (i < l->tree->components.count &&
           !selv_bytes_equal(l->tree->components.pairs[i].value, id)) {
        i++;
    }
    return i;
}

/* ---- text that lies ------------------------------------------------------ */

static void vendor_check(const struct texts *t, const struct lint_at *at,
                         size_t component, const char *domain)
{
    struct lint_values values;
    struct selv_bytes id;
    uint8_t uuid[SELV_UUID_LEN];
    size_t count = 0;

    lint_values_find(t->l, SELV_SUIT_PARAMETER_VENDOR_ID, component, &values);
    selv_uuid_vendor(domain, uuid);
    for (size_t i = 0; i < values.count; i++) {
        if (!manifest_bstr(values.items[i], &id)) {
            return; /* an enterprise number comes from no domain */
        }
        count++;
        if (selv_bytes_equal(id, selv_bytes(uuid, sizeof(uuid)))) {
            return;
        }
    }
    if (count > 0) {
        lint_find(t->l, LINT_TEXT_VENDOR, at,
                  "vendor-domain says %s, and the vendor id is not made from "
                  "it",
                  domain);
    }
}

/* Each vendor id is a name space that the class may be of. */
static bool is_class_of(struct selv_bytes vendor, const char *info,
                        struct selv_bytes class_id)
{
    uint8_t space[SELV_UUID_LEN];
    uint8_t uuid[SELV_UUID_LEN];
    struct selv_bytes id;
    uint32_t pen;

    if (manifest_pen_get(vendor, &pen)) {
        manifest_pen_uuid(pen, space);
    } else if (manifest_bstr(vendor, &id) && id.len == sizeof(space)) {
        memcpy(space, id.p, sizeof(space));
    } else {
        return false;
    }
    selv_uuid_class(space, info, uuid);
    return manifest_bstr(class_id, &id) &&
           selv_bytes_equal(id, selv_bytes(uuid, sizeof(uuid)));
}

static void class_check(const struct texts *t, const struct lint_at *at,
                        size_t component, const char *info)
{
    struct lint_values vendors;
    struct lint_values classes;

    lint_values_find(t->l, SELV_SUIT_PARAMETER_VENDOR_ID, component, &vendors);
    lint_values_find(t->l, SELV_SUIT_PARAMETER_CLASS_ID, component, &classes);
    for (size_t i = 0; i < classes.count; i++) {
        for (size_t k = 0; k < vendors.count; k++) {
            if (is_class_of(vendors.items[k], info, classes.items[i])) {
                return;
            }
        }
    }
    if (classes.count > 0 && vendors.count > 0) {
        lint_find(t->l, LINT_TEXT_CLASS, at,
                  "model-info says %s, and the class id is not made from it",
                  info);
    }
}

static void component_text_check(const struct texts *t,
                                 const struct lint_at *at, size_t component,
                                 int32_t code, struct selv_bytes text)
{
    char *copied = copy(text);

    if (copied != NULL && component < t->l->tree->components.count) {
        if (code == SELV_SUIT_TEXT_VENDOR_DOMAIN) {
            vendor_check(t, at, component, copied);
        } else if (code == SELV_SUIT_TEXT_MODEL_INFO) {
            class_check(t, at, component, copied);
        }
    }
    free(copied);
}

/* ---- form ---------------------------------------------------------------- */

/* The pairs of number and text in a map. */
static bool words_walk(const struct texts *t, const struct place *path,
                       struct selv_cbor *r, uint32_t count,
                       const struct manifest_word *list, size_t component)
{
    for (; count > 0; count--) {
        const uint8_t *key = r->p;
        struct selv_bytes text;
        int32_t code;

        if (selv_cbor_int(r, &code) != SELV_OK ||
            selv_cbor_tstr(r, &text) != SELV_OK) {
            return false;
        }
        struct lint_at at = {"text", path, key};
        if (manifest_word_at(list, code) == NULL && code >= 0) {
            lint_find(t->l, LINT_UNASSIGNED, &at, "text %d is not assigned",
                      (int)code);
        }
        component_text_check(t, &at, component, code, text);
    }
    return true;
}

static bool component_walk(const struct texts *t, const struct place *up,
                           struct selv_cbor *r, size_t index)
{
    struct place path = place_element(up, index);
    struct lint_at at = {"text", &path, r->p};
    struct selv_bytes id;
    size_t component;
    uint32_t count;

    if (selv_cbor_skip(r, &id) != SELV_OK ||
        selv_cbor_map(r, &count) != SELV_OK) {
        return false;
    }
    component = component_index(t->l, id);
    if (component == t->l->tree->components.count) {
        lint_find(t->l, LINT_TEXT_COMPONENT, &at,
                  "text about a component that the manifest has not");
    }
    return words_walk(t, &path, r, count, manifest_component_texts, component);
}

static bool language_walk(struct texts *t, const struct place *path,
                          struct selv_cbor *r)
{
    struct place up = place_member(path, "components");
    size_t index = 0;
    uint32_t count;

    if (selv_cbor_map(r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        bool done = selv_cbor_peek(r) == SELV_CBOR_ARRAY
                        ? component_walk(t, &up, r, index++)
                        : words_walk(t, path, r, 1, manifest_texts, SIZE_MAX);

        if (!done) {
            return false;
        }
    }
    return true;
}

static bool text_walk(struct texts *t, struct selv_bytes content)
{
    struct selv_cbor r;
    struct selv_bytes language;
    uint32_t count;

    selv_cbor_init(&r, content);
    if (selv_cbor_map(&r, &count) != SELV_OK || count == 0) {
        return false;
    }
    for (; count > 0; count--) {
        struct place text = place_member(NULL, "text");
        struct lint_at at = {"text", &text, r.p};
        char *name;
        struct place path;
        bool done;

        if (selv_cbor_tstr(&r, &language) != SELV_OK) {
            return false;
        }
        if (!is_language(language)) {
            lint_find(t->l, LINT_TEXT_LANGUAGE, &at,
                      "\"%.*s\" is no language tag", (int)language.len,
                      (const char *)language.p);
        }
        name = copy(language);
        path = place_member(&text, name == NULL ? "" : name);
        done = language_walk(t, &path, &r);
        free(name);
        if (!done) {
            return false;
        }
    }
    return selv_cbor_is_end(&r);
}

void lint_text(struct lint *l)
{
    const struct manifest_section *s =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_TEXT);
    struct selv_bytes item = s->is_digest ? s->severed : s->item;
    struct texts t = {.l = l};
    struct selv_bytes content;
    struct place path = place_member(NULL, "text");
    struct lint_at at = {"text", &path, item.p};

    if (item.p == NULL) {
        return;
    }
    if (!manifest_bstr(item, &content) || !text_walk(&t, content)) {
        lint_find(l, LINT_MALFORMED, &at, "the text element is malformed");
    }
}
