/* SPDX-License-Identifier: Apache-2.0
 *
 * From a JSON template to an unsigned envelope. The format of templates is
 * docs/spec/manifest-template.md. */
#include <stdlib.h>

#include "host/manifest_build_int.h"

static json_t *member(const struct build *b, const char *name)
{
    return json_object_get(b->template, name);
}

/* ---- keys that only unchecked templates have ----------------------------- */

/* A numbered key that no member stands for. */
static bool other_key_put(const struct build *b, const struct place *at,
                          const char *key, json_t *value,
                          struct selv_cbor_writer *w)
{
    static const struct manifest_word none[] = {{0, NULL, WORD_OTHER}};
    const struct manifest_word *word;
    int32_t code;

    if (!build_word_find(b, at->up, none, key, "key", &code, &word)) {
        return false;
    }
    selv_cbor_put_int(w, code);
    return raw_put(b, at, value, false, w);
}

static bool other_keys_add(const struct build *b, const char *of,
                           struct pairs *pairs)
{
    struct place at = place_member(NULL, "other-keys");
    struct place here = place_member(&at, of);
    json_t *keys = json_object_get(member(b, "other-keys"), of);

    return pairs_members_add(b, &here, keys, other_key_put, pairs);
}

static bool unchecked_check(const struct build *b)
{
    static const char *const names[] = {"manifest", "common", "envelope", NULL};
    struct place at = place_member(NULL, "other-keys");
    json_t *keys = member(b, "other-keys");
    json_t *flag = member(b, "unchecked");

    if (flag != NULL && !json_is_boolean(flag)) {
        return build_wrong(b, NULL, "\"unchecked\" is true or false");
    }
    if (keys != NULL && !b->is_unchecked) {
        return build_wrong(b, &at,
                           "only in a template with \"unchecked\": true");
    }
    return build_members_check(b, &at, keys, names);
}

/* ---- common -------------------------------------------------------------- */

static bool components_put(const struct build *b, struct selv_cbor_writer *w)
{
    json_t *components = member(b, "components");
    struct place at = place_member(NULL, "components");
    size_t i;
    json_t *component;

    if (json_array_size(components) == 0) {
        return build_wrong(b, &at, "give a list of at least one component");
    }
    selv_cbor_put_int(w, SELV_SUIT_COMMON_COMPONENTS);
    selv_cbor_put_array(w, json_array_size(components));
    json_array_foreach(components, i, component)
    {
        struct place here = place_element(&at, i);

        if (!component_put(b, &here, component, w)) {
            return false;
        }
    }
    return true;
}

static bool common_pairs_add(const struct build *b, struct pairs *pairs)
{
    json_t *shared = member(b, "shared");
    struct place at = place_member(NULL, "shared");
    struct selv_cbor_writer *w = pairs_add(pairs);

    if (w == NULL) {
        return build_no_memory(b);
    }
    if (!components_put(b, w)) {
        return false;
    }
    if (shared != NULL) {
        w = pairs_add(pairs);
        if (w == NULL) {
            return build_no_memory(b);
        }
        selv_cbor_put_int(w, SELV_SUIT_COMMON_SHARED_SEQUENCE);
        if (!sequence_put(b, &at, shared, w)) {
            return false;
        }
    }
    return other_keys_add(b, "common", pairs);
}

static bool common_put(const struct build *b, struct selv_cbor_writer *w)
{
    struct pairs pairs = {NULL, 0, 0};
    struct piece piece;
    bool done;

    if (!piece_open(&piece, PIECE_CAP)) {
        return build_no_memory(b);
    }
    done = common_pairs_add(b, &pairs) && pairs_put(b, NULL, &pairs, &piece.w);
    if (done) {
        selv_cbor_put_int(w, SELV_SUIT_KEY_COMMON);
        selv_cbor_put_bstr(w, piece_bytes(&piece));
    }
    pairs_close(&pairs);
    piece_close(&piece);
    return done;
}

/* ---- severable elements -------------------------------------------------- */

static bool is_severed(const struct build *b, const char *name)
{
    json_t *list = member(b, "sever");
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

/* Only what has a key in the envelope can be severed [manifest 8.4.12]. */
static bool severable_check(const struct build *b, const struct place *at,
                            const char *name)
{
    const struct manifest_word *word =
        name == NULL ? NULL : manifest_word_find(manifest_sections, name);

    if (word == NULL || word->code == SELV_SUIT_KEY_COMMON ||
        (!manifest_is_severable(word->code) && !b->is_unchecked)) {
        return build_wrong(
            b, at, "only payload-fetch, install and text can be severed");
    }
    return true;
}

static bool sever_check(const struct build *b)
{
    json_t *list = member(b, "sever");
    struct place at = place_member(NULL, "sever");
    size_t i;
    json_t *element;

    if (list != NULL && !json_is_array(list)) {
        return build_wrong(b, &at, "give a list of names");
    }
    json_array_foreach(list, i, element)
    {
        const char *name = json_string_value(element);
        struct place here = place_element(&at, i);

        if (!severable_check(b, &here, name)) {
            return false;
        }
        if (member(b, name) == NULL) {
            return build_wrong(b, &here, "the template has no \"%s\"", name);
        }
    }
    return true;
}

static bool absent_check(const struct build *b)
{
    json_t *absent = member(b, "absent");
    struct place at = place_member(NULL, "absent");
    const char *name;
    json_t *digest;

    if (absent != NULL && !json_is_object(absent)) {
        return build_wrong(b, &at, "give an object of names and digests");
    }
    json_object_foreach(absent, name, digest)
    {
        struct place here = place_member(&at, name);

        if (!severable_check(b, &here, name)) {
            return false;
        }
        if (member(b, name) != NULL) {
            return build_wrong(
                b, &here, "the template has \"%s\": it is not absent", name);
        }
    }
    return true;
}

/* ---- manifest ------------------------------------------------------------ */

/* One section: in the manifest whole, or as a digest with the whole in the
 * envelope [manifest 8.4.12]. */
static bool section_put(const struct build *b, const struct manifest_word *word,
                        json_t *value, struct selv_cbor_writer *manifest,
                        struct pairs *envelope)
{
    struct place at = place_member(NULL, word->name);
    struct selv_cbor_writer *severed;
    uint8_t digest[SELV_SHA256_LEN];
    struct piece piece;
    bool done;

    if (!piece_open(&piece, PIECE_CAP + 16)) {
        return build_no_memory(b);
    }
    done = word->code == SELV_SUIT_KEY_TEXT
               ? text_element_put(b, &at, value, &piece.w)
               : sequence_put(b, &at, value, &piece.w);
    selv_cbor_put_int(manifest, word->code);
    if (done && is_severed(b, word->name)) {
        manifest_sha256(piece_bytes(&piece), digest);
        sha256_put(manifest, digest);
        severed = pairs_add(envelope);
        done = severed != NULL || build_no_memory(b);
        if (done) {
            selv_cbor_put_int(severed, word->code);
            selv_cbor_put_raw(severed, piece_bytes(&piece));
        }
    } else if (done) {
        selv_cbor_put_raw(manifest, piece_bytes(&piece));
    }
    piece_close(&piece);
    return done;
}

static bool sections_add(const struct build *b, struct pairs *pairs,
                         struct pairs *envelope)
{
    for (const struct manifest_word *s = manifest_sections + 1; s->name != NULL;
         s++) {
        json_t *value = member(b, s->name);
        json_t *absent = json_object_get(member(b, "absent"), s->name);
        struct place up = place_member(NULL, "absent");
        struct place at = place_member(&up, s->name);
        struct selv_cbor_writer *w;

        if (value == NULL && absent == NULL) {
            continue;
        }
        w = pairs_add(pairs);
        if (w == NULL) {
            return build_no_memory(b);
        }
        if (value != NULL) {
            if (!section_put(b, s, value, w, envelope)) {
                return false;
            }
            continue;
        }
        selv_cbor_put_int(w, s->code);
        if (value_is_raw(absent) ? !raw_put(b, &at, absent, false, w)
                                 : !digest_put(b, &at, absent, w)) {
            return false;
        }
    }
    return true;
}

static bool version_put(const struct build *b, struct selv_cbor_writer *w)
{
    json_t *version = member(b, "manifest-version");
    struct place at = place_member(NULL, "manifest-version");

    selv_cbor_put_int(w, SELV_SUIT_KEY_VERSION);
    if (version == NULL) {
        selv_cbor_put_uint(w, SELV_SUIT_MANIFEST_VERSION);
        return true;
    }
    if (value_is_raw(version)) {
        return raw_put(b, &at, version, false, w);
    }
    if (!b->is_unchecked &&
        (!json_is_integer(version) ||
         json_integer_value(version) != SELV_SUIT_MANIFEST_VERSION)) {
        return build_wrong(b, &at, "the draft's version is 1");
    }
    return uint_put(b, &at, version, w);
}

static bool sequence_number_put(const struct build *b,
                                struct selv_cbor_writer *w)
{
    json_t *number = member(b, "sequence-number");
    struct place at = place_member(NULL, "sequence-number");

    selv_cbor_put_int(w, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    if (number == NULL) {
        return build_wrong(b, &at, "missing: a whole number from 0");
    }
    if (json_is_object(number)) {
        return build_wrong(b, &at, "give a whole number that is not negative");
    }
    return uint_put(b, &at, number, w);
}

static bool reference_put(const struct build *b, struct selv_cbor_writer *w)
{
    json_t *uri = member(b, "reference-uri");

    struct place at = place_member(NULL, "reference-uri");

    selv_cbor_put_int(w, SELV_SUIT_KEY_REFERENCE_URI);
    if (value_is_raw(uri)) {
        return raw_put(b, &at, uri, false, w);
    }
    if (!json_is_string(uri)) {
        return build_wrong(b, &at, "give text");
    }
    selv_cbor_put_tstr(
        w, selv_bytes(json_string_value(uri), json_string_length(uri)));
    return true;
}

typedef bool put_fn(const struct build *b, struct selv_cbor_writer *w);

/* Writes the manifest (not wrapped); severed pairs go to the envelope's. */
static bool manifest_put(const struct build *b, struct selv_cbor_writer *w,
                         struct pairs *envelope)
{
    static put_fn *const heads[] = {version_put, sequence_number_put,
                                    common_put, reference_put};
    size_t count = member(b, "reference-uri") == NULL ? 3 : 4;
    struct pairs pairs = {NULL, 0, 0};
    bool done = true;

    for (size_t i = 0; i < count && done; i++) {
        struct selv_cbor_writer *pair = pairs_add(&pairs);

        done = pair == NULL ? build_no_memory(b) : heads[i](b, pair);
    }
    done = done && sections_add(b, &pairs, envelope) &&
           other_keys_add(b, "manifest", &pairs) &&
           pairs_put(b, NULL, &pairs, w);
    pairs_close(&pairs);
    return done;
}

/* ---- envelope ------------------------------------------------------------ */

/* The wrapper: the manifest's digest, over its byte string with the head
 * [manifest 8.3], and no block. */
static void wrapper_put(struct selv_bytes manifest, struct selv_cbor_writer *w)
{
    uint8_t head[9];
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t digest_item[64];
    uint8_t wrapper[80];
    struct selv_cbor_writer inner;
    struct selv_sha256 h;
    size_t digest_len;

    selv_cbor_writer_init(&inner, head, sizeof(head));
    selv_cbor_put_bstr_head(&inner, manifest.len);
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, inner.len);
    selv_sha256_update(&h, manifest.p, manifest.len);
    selv_sha256_finish(&h, digest);

    selv_cbor_writer_init(&inner, digest_item, sizeof(digest_item));
    sha256_put(&inner, digest);
    digest_len = inner.len;
    selv_cbor_writer_init(&inner, wrapper, sizeof(wrapper));
    selv_cbor_put_array(&inner, 1);
    selv_cbor_put_bstr(&inner, selv_bytes(digest_item, digest_len));
    selv_cbor_put_int(w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(w, selv_bytes(wrapper, inner.len));
}

/* Canonical order of text keys: shorter first, then bytewise. */
static int name_compare(const void *a, const void *b)
{
    const char *left = *(const char *const *)a;
    const char *right = *(const char *const *)b;
    size_t left_len = strlen(left);
    size_t right_len = strlen(right);

    return left_len != right_len ? (left_len > right_len ? 1 : -1)
                                 : memcmp(left, right, left_len);
}

/* Payloads may be large: each is read, written and forgotten. */
static bool payloads_put(const struct build *b, struct selv_cbor_writer *w)
{
    json_t *payloads = member(b, "payloads");
    struct place up = place_member(NULL, "payloads");
    size_t count = json_object_size(payloads);
    const char **names = calloc(count + 1, sizeof(*names));
    const char *name;
    json_t *value;
    size_t i = 0;
    bool done = names != NULL || build_no_memory(b);

    json_object_foreach(payloads, name, value)
    {
        if (done) {
            names[i++] = name;
        }
    }
    if (done && count > 1) {
        qsort(names, count, sizeof(*names), name_compare);
    }
    for (i = 0; done && i < count; i++) {
        struct place at = place_member(&up, names[i]);

        text_put(w, names[i]);
        done = names[i][0] == '\0'
                   ? build_wrong(b, &up, "a payload without a name")
                   : bytes_put(b, &at, json_object_get(payloads, names[i]), w);
    }
    free(names);
    return done;
}

static bool envelope_put(const struct build *b, struct selv_bytes manifest,
                         struct pairs *pairs, struct selv_cbor_writer *w)
{
    json_t *payloads = member(b, "payloads");
    size_t count = 2 + json_object_size(payloads);
    struct piece tail;
    struct selv_cbor r;
    uint32_t tail_count;
    bool done;

    if (payloads != NULL && !json_is_object(payloads)) {
        return build_wrong(b, NULL, "\"payloads\" is not an object");
    }
    if (!other_keys_add(b, "envelope", pairs)) {
        return false;
    }
    if (!piece_open(&tail, 4 * PIECE_CAP)) {
        return build_no_memory(b);
    }
    selv_cbor_put_tag(w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(w, count + pairs->count);
    wrapper_put(manifest, w);
    selv_cbor_put_int(w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(w, manifest);
    done = pairs_put(b, NULL, pairs, &tail.w);
    if (done) { /* without the head of its map */
        selv_cbor_init(&r, piece_bytes(&tail));
        done = selv_cbor_map(&r, &tail_count) == SELV_OK;
        selv_cbor_put_raw(w, selv_bytes(r.p, (size_t)(r.end - r.p)));
    }
    piece_close(&tail);
    return done && payloads_put(b, w);
}

static bool envelope_build(const struct build *b, struct selv_buf *out)
{
    struct piece manifest = {.buf = {NULL, 0, 0}};
    struct piece envelope = {.buf = {NULL, 0, 0}};
    struct pairs pairs = {NULL, 0, 0};
    bool done;

    done = (piece_open(&manifest, PIECE_CAP) &&
            piece_open(&envelope, SELV_MANIFEST_FILE_MAX)) ||
           build_no_memory(b);
    done = done && manifest_put(b, &manifest.w, &pairs) &&
           envelope_put(b, piece_bytes(&manifest), &pairs, &envelope.w);
    if (done && envelope.w.err) {
        done = build_wrong(b, NULL, "%s", selv_err_str(envelope.w.err));
    }
    if (done) {
        *out = envelope.buf;
        out->len = envelope.w.len;
        envelope.buf.p = NULL;
    }
    pairs_close(&pairs);
    piece_close(&manifest);
    piece_close(&envelope);
    return done;
}

bool selv_manifest_build_json(json_t *template, const char *folder,
                              struct selv_buf *out, struct selv_error *error)
{
    static const char *const names[] = {
        "about",         "manifest-version", "sequence-number",
        "reference-uri", "components",       "shared",
        "payload-fetch", "install",          "validate",
        "load",          "invoke",           "text",
        "sever",         "absent",           "payloads",
        "unchecked",     "other-keys",       NULL};
    struct build b = {folder, error, template,
                      json_is_true(json_object_get(template, "unchecked"))};
    const char *why = json_string_value(
        json_object_get(json_object_get(template, "about"), "not_a_template"));

    if (!json_is_object(template)) {
        return build_wrong(&b, NULL, "not a JSON object");
    }
    if (why != NULL) {
        return build_wrong(&b, NULL, "it would not give the same manifest: %s",
                           why);
    }
    return build_members_check(&b, NULL, template, names) &&
           unchecked_check(&b) && sever_check(&b) && absent_check(&b) &&
           envelope_build(&b, out);
}
