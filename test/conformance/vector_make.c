/* SPDX-License-Identifier: Apache-2.0
 *
 * From a vector's source to its envelope: a template through the author's
 * tool, or notation for what no template can say. */
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "host/file.h"
#include "host/manifest.h"
#include "suit/numbers.h"
#include "test/conformance/vector.h"
#include "test/unit/suit_maker.h"

/* Take the pair of this key out of an envelope. */
static void drop(const struct vector *v, int32_t key, struct selv_buf *envelope)
{
    struct selv_cbor r;
    struct selv_cbor_writer w;
    struct selv_bytes item;
    uint64_t tag;
    uint32_t count;
    bool is_gone = false;
    uint8_t *old = malloc(envelope->len);

    if (old == NULL) {
        vector_die(v, "out of memory");
    }
    memcpy(old, envelope->p, envelope->len);
    selv_cbor_init(&r, selv_bytes(old, envelope->len));
    selv_cbor_writer_init(&w, envelope->p, envelope->cap);
    if (selv_cbor_tag(&r, &tag) != SELV_OK ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        vector_die(v, "drop: not an envelope");
    }
    selv_cbor_put_tag(&w, tag);
    selv_cbor_put_map(&w, count - 1);
    for (; count > 0; count--) {
        struct selv_cbor ahead = r;
        int32_t found = 0;
        bool is_it = selv_cbor_peek(&r) != SELV_CBOR_TSTR &&
                     selv_cbor_int(&ahead, &found) == SELV_OK && found == key;
        is_gone |= is_it;
        for (int i = 0; i < 2; i++) {
            if (selv_cbor_skip(&r, &item) != SELV_OK) {
                vector_die(v, "drop: not an envelope");
            }
            if (!is_it) {
                selv_cbor_put_raw(&w, item);
            }
        }
    }
    if (!is_gone || selv_cbor_finish(&w, NULL) != SELV_OK) {
        vector_die(v, "drop: the envelope has no key %d", (int)key);
    }
    envelope->len = w.len;
    free(old);
}

static int32_t section_key(const struct vector *v, const char *name)
{
    for (int32_t key = 1; name != NULL && key < 32; key++) {
        const char *known = selv_manifest_section_name(key);
        if (known != NULL && strcmp(known, name) == 0) {
            return key;
        }
    }
    vector_die(v, "drop: no such section");
}

static void keep(const struct vector *v, struct selv_bytes made,
                 struct selv_buf *out)
{
    if (made.len > out->cap) {
        vector_die(v, "the envelope is too large");
    }
    memcpy(out->p, made.p, made.len);
    out->len = made.len;
}

static void sign(const struct vector *v, const char *name, struct selv_buf *out)
{
    struct selv_error error;
    struct selv_key key;
    struct selv_buf more;

    if (!selv_key_load(vector_path(v, "keys/", name), &key, &error) ||
        !selv_manifest_sign(selv_bytes(out->p, out->len), &key, &more,
                            &error)) {
        vector_die(v, "%s", error.text);
    }
    keep(v, selv_bytes(more.p, more.len), out);
    free(more.p);
}

static void from_template(const struct vector *v, struct selv_buf *out)
{
    struct selv_error error;
    struct selv_buf made;
    json_error_t where;
    size_t i;
    json_t *name;
    json_t *keys = json_object_get(v->json, "keys");
    json_t *template = json_load_file(vector_path(v, v->name, ".template.json"),
                                      JSON_REJECT_DUPLICATES, &where);

    if (template == NULL) {
        vector_die(v, "template: line %d: %s", where.line, where.text);
    }
    if (!selv_manifest_build_json(template, v->folder, &made, &error)) {
        vector_die(v, "%s", error.text);
    }
    keep(v, selv_bytes(made.p, made.len), out);
    free(made.p);
    json_decref(template);
    if (keys == NULL) {
        sign(v, "draft.pem", out);
    }
    json_array_foreach(keys, i, name)
    {
        sign(v, json_string_value(name), out);
    }
}

static void from_notation(const struct vector *v, json_t *cbor,
                          struct selv_buf *out)
{
    static struct maker_bytes made;
    struct maker_spec spec = {
        .manifest = vector_text(cbor, "manifest"),
        .pairs = vector_text(cbor, "pairs"),
        .digest = vector_text(cbor, "digest"),
        .is_swapped = json_is_true(json_object_get(cbor, "is_swapped")),
        .tag = (uint64_t)json_integer_value(json_object_get(cbor, "tag"))};

    maker_envelope(&spec, &made);
    keep(v, selv_bytes(made.p, made.len), out);
}

void vector_make(const struct vector *v, struct selv_buf *out)
{
    json_t *cbor = json_object_get(v->json, "cbor");
    size_t i;
    json_t *name;

    if (cbor != NULL) {
        from_notation(v, cbor, out);
    } else {
        from_template(v, out);
    }
    json_array_foreach(json_object_get(v->json, "drop"), i, name)
    {
        drop(v, section_key(v, json_string_value(name)), out);
    }
}
