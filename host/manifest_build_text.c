/* SPDX-License-Identifier: Apache-2.0
 *
 * The text element [manifest 8.4.4]. */
#include "host/manifest_build_int.h"

static bool words_put(const struct build *b, const struct place *at,
                      const struct manifest_word *list, const char *key,
                      json_t *value, struct selv_cbor_writer *w)
{
    const struct manifest_word *word;
    int32_t code;

    if (!json_is_string(value) && !value_is_raw(value)) {
        return build_wrong(b, at, "give text");
    }
    /* Any negative number is the application's [manifest 8.4.4]. */
    if (key[0] == '-') {
        struct build wide = *b;

        wide.is_unchecked = true;
        if (!build_word_find(&wide, at->up, list, key, "kind of text", &code,
                             &word)) {
            return false;
        }
    } else if (!build_word_find(b, at->up, list, key, "kind of text", &code,
                                &word)) {
        return false;
    }
    selv_cbor_put_int(w, code);
    if (value_is_raw(value)) {
        return raw_put(b, at, value, false, w);
    }
    selv_cbor_put_tstr(
        w, selv_bytes(json_string_value(value), json_string_length(value)));
    return true;
}

static bool manifest_words_put(const struct build *b, const struct place *at,
                               const char *key, json_t *value,
                               struct selv_cbor_writer *w)
{
    return words_put(b, at, manifest_texts, key, value, w);
}

static bool component_words_put(const struct build *b, const struct place *at,
                                const char *key, json_t *value,
                                struct selv_cbor_writer *w)
{
    return words_put(b, at, manifest_component_texts, key, value, w);
}

/* True when the encoded identifier is one of the manifest's components. */
static bool is_component(const struct build *b, struct selv_bytes id)
{
    json_t *components = json_object_get(b->template, "components");
    struct selv_error ignored;
    struct build quiet = *b;
    size_t i;
    json_t *component;
    bool found = false;

    quiet.error = &ignored;
    json_array_foreach(components, i, component)
    {
        struct piece piece;

        if (!piece_open(&piece, PIECE_CAP)) {
            return false;
        }
        found = found || (component_put(&quiet, NULL, component, &piece.w) &&
                          piece.w.err == SELV_OK &&
                          selv_bytes_equal(piece_bytes(&piece), id));
        piece_close(&piece);
    }
    return found;
}

/* The object without one of its members; the caller decrefs it. */
static json_t *without(json_t *object, const char *name)
{
    json_t *copy = json_copy(object);

    json_object_del(copy, name);
    return copy;
}

/* One component's identifier and texts, as a pair of the map. */
static bool component_text_put(const struct build *b, const struct place *at,
                               json_t *object, struct selv_cbor_writer *w)
{
    json_t *id = json_object_get(object, "component");
    struct pairs pairs = {NULL, 0, 0};
    json_t *words;
    bool done;

    if (!json_is_object(object)) {
        return build_wrong(b, at, "give an object with \"component\"");
    }
    if (!component_put(b, at, id, w)) {
        return false;
    }
    if (w->err == SELV_OK && !b->is_unchecked &&
        !is_component(b, selv_bytes(w->p, w->len))) {
        return build_wrong(b, at, "the manifest has no such component");
    }
    words = without(object, "component");
    done = pairs_members_add(b, at, words, component_words_put, &pairs) &&
           pairs_put(b, at, &pairs, w);
    pairs_close(&pairs);
    json_decref(words);
    return done;
}

static bool components_add(const struct build *b, const struct place *at,
                           json_t *list, struct pairs *pairs)
{
    size_t i;
    json_t *object;

    if (list != NULL && !json_is_array(list)) {
        return build_wrong(b, at, "give a list of objects");
    }
    json_array_foreach(list, i, object)
    {
        struct place here = place_element(at, i);
        struct selv_cbor_writer *w = pairs_add(pairs);

        if (w == NULL) {
            return build_no_memory(b);
        }
        if (!component_text_put(b, &here, object, w)) {
            return false;
        }
    }
    return true;
}

/* A language and its texts, as a pair of the map. */
static bool language_put(const struct build *b, const struct place *at,
                         const char *language, json_t *texts,
                         struct selv_cbor_writer *w)
{
    struct place at_components = place_member(at, "components");
    struct pairs pairs = {NULL, 0, 0};
    json_t *words;
    bool done;

    if (!json_is_object(texts)) {
        return build_wrong(b, at, "give an object of texts");
    }
    text_put(w, language);
    words = without(texts, "components");
    done = pairs_members_add(b, at, words, manifest_words_put, &pairs) &&
           components_add(b, &at_components,
                          json_object_get(texts, "components"), &pairs) &&
           pairs_put(b, at, &pairs, w);
    pairs_close(&pairs);
    json_decref(words);
    return done;
}

bool text_element_put(const struct build *b, const struct place *at,
                      json_t *text, struct selv_cbor_writer *w)
{
    struct pairs pairs = {NULL, 0, 0};
    struct piece piece;
    bool done;

    if (value_is_raw(text)) {
        return raw_put(b, at, text, false, w);
    }
    if (!json_is_object(text) ||
        (json_object_size(text) == 0 && !b->is_unchecked)) {
        return build_wrong(b, at, "give an object such as {\"en\": {...}}");
    }
    if (!piece_open(&piece, PIECE_CAP)) {
        return build_no_memory(b);
    }
    done = pairs_members_add(b, at, text, language_put, &pairs) &&
           pairs_put(b, at, &pairs, &piece.w);
    if (done) {
        selv_cbor_put_bstr(w, piece_bytes(&piece));
    }
    pairs_close(&pairs);
    piece_close(&piece);
    return done;
}
