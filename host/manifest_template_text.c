/* SPDX-License-Identifier: Apache-2.0
 *
 * The text element as a template has it, and the names in it. */
#include <string.h>

#include "host/manifest_template_int.h"

static bool has_zero(struct selv_bytes text)
{
    return text.len > 0 && memchr(text.p, 0, text.len) != NULL;
}

/* A text by its number; the draft leaves the negative ones to applications. */
static void word_take(struct template *t, const struct manifest_word *list,
                      int32_t code, struct selv_bytes item, json_t *out)
{
    const struct manifest_word *word = manifest_word_at(list, code);
    char number[16];

    t->is_unchecked = t->is_unchecked || (word == NULL && code >= 0);
    json_object_set_new(out, template_name(word, code, number),
                        template_text(t, item));
}

static bool component_take(struct template *t, struct selv_cbor *r,
                           json_t *list)
{
    json_t *out = json_object();
    struct selv_bytes id;
    struct selv_bytes item;
    uint32_t count;
    int32_t code;

    json_array_append_new(list, out);
    if (selv_cbor_skip(r, &id) != SELV_OK ||
        selv_cbor_map(r, &count) != SELV_OK) {
        return false;
    }
    json_object_set_new(out, "component", template_component(t, id));
    for (; count > 0; count--) {
        if (selv_cbor_int(r, &code) != SELV_OK ||
            selv_cbor_skip(r, &item) != SELV_OK) {
            return false;
        }
        word_take(t, manifest_component_texts, code, item, out);
    }
    /* Text of a component that common lacks: lint says so. */
    t->is_unchecked = t->is_unchecked || !template_has_component(t->tree, id);
    return true;
}

static bool language_take(struct template *t, struct selv_cbor *r, json_t *out)
{
    json_t *components = json_array();
    struct selv_bytes item;
    uint32_t count;
    int32_t code;
    bool done = selv_cbor_map(r, &count) == SELV_OK;

    for (; done && count > 0; count--) {
        if (selv_cbor_peek(r) == SELV_CBOR_ARRAY) {
            done = component_take(t, r, components);
            continue;
        }
        done = selv_cbor_int(r, &code) == SELV_OK &&
               selv_cbor_skip(r, &item) == SELV_OK;
        if (done) {
            word_take(t, manifest_texts, code, item, out);
        }
    }
    if (json_array_size(components) > 0) {
        json_object_set(out, "components", components);
    }
    json_decref(components);
    return done;
}

static bool languages_take(struct template *t, struct selv_bytes content,
                           json_t *out)
{
    struct selv_cbor r;
    struct selv_bytes language;
    uint32_t count;

    selv_cbor_init(&r, content);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    t->is_unchecked = t->is_unchecked || count == 0;
    for (; count > 0; count--) {
        json_t *texts = json_object();
        json_t *name;
        bool done;

        if (selv_cbor_tstr(&r, &language) != SELV_OK || has_zero(language)) {
            json_decref(texts);
            return false;
        }
        done = language_take(t, &r, texts);
        name = json_stringn((const char *)language.p, language.len);
        json_object_set_new(out, json_string_value(name), texts);
        json_decref(name);
        if (!done) {
            return false;
        }
    }
    return selv_cbor_is_end(&r);
}

json_t *template_text_element(struct template *t, struct selv_bytes item)
{
    bool was_unchecked = t->is_unchecked;
    json_t *out = json_object();
    struct selv_bytes content;

    if (manifest_bstr(item, &content) && languages_take(t, content, out)) {
        return out;
    }
    t->is_unchecked = was_unchecked;
    json_decref(out);
    return template_raw(t, item);
}

bool template_has_component(const struct manifest_tree *tree,
                            struct selv_bytes id)
{
    for (size_t i = 0; i < tree->components.count; i++) {
        if (selv_bytes_equal(tree->components.pairs[i].value, id)) {
            return true;
        }
    }
    return false;
}

/* ---- names --------------------------------------------------------------- */

static void names_add(struct template *t, const char *vendor,
                      const char *class_name)
{
    if (vendor != NULL && t->name_count < TEMPLATE_NAMES_MAX) {
        t->names[t->name_count].vendor = vendor;
        t->names[t->name_count++].class_name = class_name;
    }
}

static const char *text_of(json_t *texts, const char *name)
{
    json_t *value = json_object_get(texts, name);
    const char *text = json_string_value(value);

    return text != NULL && strlen(text) == json_string_length(value) ? text
                                                                     : NULL;
}

/* The draft says that model-info gives the class; other tools have the name
 * of the model for it. */
void template_names_take(struct template *t)
{
    const struct manifest_section *s =
        manifest_tree_section(t->tree, SELV_SUIT_KEY_TEXT);
    struct selv_bytes item = s->is_digest ? s->severed : s->item;
    const char *vendor = t->style->names.vendor;
    const char *class_name = t->style->names.class_name;
    const char *language;
    json_t *texts;
    json_t *component;
    size_t i;
    bool was_unchecked = t->is_unchecked;

    names_add(t, vendor, class_name);
    if (item.p != NULL) {
        t->text = template_text_element(t, item);
        t->is_unchecked = was_unchecked;
    }
    json_object_foreach(t->text, language, texts)
    {
        json_array_foreach(json_object_get(texts, "components"), i, component)
        {
            const char *domain =
                vendor != NULL ? vendor : text_of(component, "vendor-domain");

            names_add(t, domain,
                      class_name != NULL ? class_name
                                         : text_of(component, "model-info"));
            names_add(t, domain, text_of(component, "model-name"));
        }
    }
}
