/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.c - see update/inspect.h. */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "suit/walk.h"

/* Polls of one procedure: more than any manifest of the view's size makes. */
#define POLLS_MAX 256u
/* Bytes that our own block can add to an envelope. */
#define OWN_BLOCK_MAX 256u

/* One inspection. view is what the engine reads: the envelope itself, or a
 * copy of it with our own signature. */
struct inspection {
    struct selv_bytes envelope;
    struct selv_bytes view;
    ptrdiff_t shift; /* bytes: where a place of the envelope is in view, for
                        all that stands behind the wrapper */
    struct selv_suit_device device;
    struct selv_suit_component components[SELV_SUIT_COMPONENTS_MAX];
    uint32_t slots[SELV_INSPECT_SLOTS_MAX];
    size_t slot_count;
    struct selv_suit suit;
    struct selv_inspect *out;
};

/* ---- words for a refusal ------------------------------------------------- */

static const char *section_name(int16_t key)
{
    static const struct {
        int16_t key;
        const char *name;
    } names[] = {{SELV_SUIT_KEY_AUTHENTICATION, "authentication wrapper"},
                 {SELV_SUIT_KEY_COMMON, "common"},
                 {SELV_SUIT_KEY_REFERENCE_URI, "reference-uri"},
                 {SELV_SUIT_KEY_VALIDATE, "validate"},
                 {SELV_SUIT_KEY_LOAD, "load"},
                 {SELV_SUIT_KEY_INVOKE, "invoke"},
                 {SELV_SUIT_KEY_PAYLOAD_FETCH, "payload-fetch"},
                 {SELV_SUIT_KEY_INSTALL, "install"},
                 {SELV_SUIT_KEY_TEXT, "text"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].key == key) {
            return names[i].name;
        }
    }
    return "envelope or manifest";
}

/* The engine's failure, in words, with the place in the author's envelope. */
static enum selv_err refuse(struct inspection *x)
{
    const struct selv_suit_failure *f = selv_suit_failure(&x->suit);
    ptrdiff_t at = (ptrdiff_t)f->offset - x->shift;
    char code[40] = "";
    if (f->code != 0) {
        snprintf(code, sizeof code, ", number %ld", (long)f->code);
    }
    snprintf(x->out->why, sizeof x->out->why, "%s: %s%s, at byte %td (%s)",
             section_name(f->section), selv_err_str(f->err), code,
             at < 0 ? 0 : at, selv_err_name(f->err));
    return f->err;
}

static enum selv_err refuse_words(struct inspection *x, enum selv_err err,
                                  const char *words)
{
    snprintf(x->out->why, sizeof x->out->why, "%s (%s)", words,
             selv_err_name(err));
    return err;
}

/* ---- maps with integer keys ---------------------------------------------- */

/* The encoded value at an integer key; false when it is not there, or when
 * the map breaks off before it. */
static bool map_find(struct selv_bytes map, int32_t key,
                     struct selv_bytes *value)
{
    struct selv_cbor r;
    uint32_t count;
    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count)) {
        return false;
    }
    while (count-- > 0) {
        int32_t k = 0;
        bool is_key = selv_cbor_int(&r, &k) == SELV_OK && k == key;
        if (!is_key && k == 0 && selv_cbor_skip(&r, NULL)) {
            return false;
        }
        if (selv_cbor_skip(&r, value)) {
            return false;
        }
        if (is_key) {
            return true;
        }
    }
    return false;
}

/* Content of an encoded byte string. */
static bool bstr_open(struct selv_bytes item, struct selv_bytes *content)
{
    struct selv_cbor r;
    selv_cbor_init(&r, item);
    return selv_cbor_bstr(&r, content) == SELV_OK;
}

/* The map inside the envelope's tag. */
static bool envelope_map(struct selv_bytes envelope, struct selv_bytes *map)
{
    struct selv_cbor r;
    uint64_t tag;
    selv_cbor_init(&r, envelope);
    if (selv_cbor_tag(&r, &tag) || tag != SELV_SUIT_TAG_ENVELOPE) {
        return false;
    }
    *map = selv_bytes(r.p, (size_t)(r.end - r.p));
    return true;
}

static bool manifest_map(struct selv_bytes envelope, struct selv_bytes *map)
{
    struct selv_bytes value;
    return envelope_map(envelope, &value) &&
           map_find(value, SELV_SUIT_KEY_MANIFEST, &value) &&
           bstr_open(value, map);
}

/* Content of a section or of the text, in the manifest or severed from it. */
static bool element_find(struct selv_bytes envelope, int32_t key,
                         struct selv_bytes *content)
{
    struct selv_bytes map;
    struct selv_bytes value;
    return (manifest_map(envelope, &map) && map_find(map, key, &value) &&
            bstr_open(value, content)) ||
           (envelope_map(envelope, &map) && map_find(map, key, &value) &&
            bstr_open(value, content));
}

static bool shared_find(struct selv_bytes envelope, struct selv_bytes *content)
{
    struct selv_bytes value;
    return element_find(envelope, SELV_SUIT_KEY_COMMON, &value) &&
           map_find(value, SELV_SUIT_COMMON_SHARED_SEQUENCE, &value) &&
           bstr_open(value, content);
}

/* ---- a signature of our own ---------------------------------------------- */

/* The wrapper's byte string in the envelope, encoded. */
static bool wrapper_find(struct selv_bytes envelope, struct selv_bytes *wrapper)
{
    struct selv_bytes map;
    return envelope_map(envelope, &map) &&
           map_find(map, SELV_SUIT_KEY_AUTHENTICATION, wrapper);
}

/* Write [digest, our block] for the wrapper's digest. */
static enum selv_err wrapper_make(struct selv_bytes wrapper,
                                  struct selv_cose_key *key,
                                  struct selv_cbor_writer *w)
{
    struct selv_cbor r;
    struct selv_bytes content;
    struct selv_bytes digest;
    uint32_t count;
    if (!bstr_open(wrapper, &content)) {
        return SELV_ERR_CBOR_TYPE;
    }
    selv_cbor_init(&r, content);
    enum selv_err err = selv_cbor_array(&r, &count);
    if (!err) {
        err = selv_cbor_bstr(&r, &digest);
    }
    if (err) {
        return err;
    }
    uint8_t private_key[SELV_P256_PRIVATE_LEN];
    uint8_t block[OWN_BLOCK_MAX];
    struct selv_buf out = {block, sizeof block, 0};
    memset(key, 0, sizeof *key);
    key->method = &selv_cose_es256;
    err = selv_p256_generate(private_key, key->public_key);
    if (!err) {
        err = selv_cose_sign1_create(key, private_key, digest, &out);
    }
    selv_wipe(private_key, sizeof private_key);
    if (err) {
        return err;
    }
    selv_cbor_put_array(w, 2);
    selv_cbor_put_bstr(w, digest);
    selv_cbor_put_bstr(w, selv_bytes(out.p, out.len));
    return selv_cbor_finish(w, NULL);
}

/* *copy, for the caller to free, gets the envelope with our signature in the
 * place of the author's; x reads it from now on. */
static enum selv_err resign(struct inspection *x, struct selv_cose_key *key,
                            uint8_t **copy)
{
    struct selv_bytes old;
    uint8_t content[OWN_BLOCK_MAX + 64];
    struct selv_cbor_writer inner;
    if (!wrapper_find(x->envelope, &old)) {
        return SELV_ERR_SUIT_MISSING;
    }
    selv_cbor_writer_init(&inner, content, sizeof content);
    enum selv_err err = wrapper_make(old, key, &inner);
    if (err) {
        return err;
    }
    size_t cap = x->envelope.len + sizeof content + 8;
    *copy = malloc(cap);
    if (*copy == NULL) {
        return SELV_ERR_SPACE;
    }
    const uint8_t *tail = old.p + old.len;
    struct selv_cbor_writer w;
    struct selv_bytes made;
    selv_cbor_writer_init(&w, *copy, cap);
    selv_cbor_put_raw(
        &w, selv_bytes(x->envelope.p, (size_t)(old.p - x->envelope.p)));
    selv_cbor_put_bstr(&w, selv_bytes(content, inner.len));
    selv_cbor_put_raw(
        &w, selv_bytes(tail, (size_t)(x->envelope.p + x->envelope.len - tail)));
    err = selv_cbor_finish(&w, &made);
    if (!err) {
        x->view = made;
        x->shift = (ptrdiff_t)made.len - (ptrdiff_t)x->envelope.len;
    }
    return err;
}

/* A place in the view, where it is in the author's envelope. */
static const uint8_t *original(const struct inspection *x, const uint8_t *p)
{
    return x->envelope.p + (p - x->view.p) - x->shift;
}

/* ---- the engine ---------------------------------------------------------- */

/* The view is fed as a device does it: no more of the envelope than it holds
 * at once. Our own block names no key, so it is never longer than the
 * author's, and a copy does not go over a limit that the envelope kept. */
static enum selv_verdict check(struct inspection *x,
                               const struct selv_suit_profile *profile)
{
    size_t len = SELV_SUIT_ENVELOPE_MAX;
    selv_suit_init(&x->suit, profile, &x->device);
    if (len > x->view.len) {
        len = x->view.len;
    }
    if (selv_suit_feed_part(&x->suit, selv_bytes(x->view.p, len),
                            x->view.len)) {
        return SELV_BAD;
    }
    return selv_suit_check(&x->suit);
}

/* Both halves of a device: the one that fetches and installs, and the one
 * that boots what was installed. */
static enum selv_err check_both(struct inspection *x)
{
    if (!selv_is_good(check(x, &selv_suit_profile_boot_select)) ||
        !selv_is_good(check(x, &selv_suit_profile_consumer))) {
        return refuse(x);
    }
    return SELV_OK;
}

/* ---- vendor, class and slots --------------------------------------------- */

/* A 16 byte parameter that must have one value throughout. */
static bool id_keep(struct selv_bytes parameters, int32_t key, bool *has,
                    uint8_t id[static 16])
{
    struct selv_bytes value;
    if (!map_find(parameters, key, &value)) {
        return true;
    }
    if (!bstr_open(value, &value) || value.len != 16 ||
        (*has && memcmp(value.p, id, 16) != 0)) {
        return false;
    }
    memcpy(id, value.p, 16);
    *has = true;
    return true;
}

static bool slot_keep(struct inspection *x, struct selv_bytes parameters)
{
    struct selv_bytes value;
    struct selv_cbor r;
    uint32_t slot;
    if (!map_find(parameters, SELV_SUIT_PARAMETER_COMPONENT_SLOT, &value)) {
        return true;
    }
    selv_cbor_init(&r, value);
    if (selv_cbor_uint32(&r, UINT32_MAX, &slot)) {
        return false;
    }
    for (size_t i = 0; i < x->slot_count; i++) {
        if (x->slots[i] == slot) {
            return true;
        }
    }
    if (x->slot_count == SELV_INSPECT_SLOTS_MAX) {
        return false;
    }
    x->slots[x->slot_count++] = slot;
    return true;
}

struct ids {
    bool has_vendor;
    bool has_class;
};

/* Every override-parameters of one sequence. */
static bool parameters_walk(struct inspection *x, struct selv_bytes sequence,
                            struct ids *ids)
{
    struct selv_suit_walk w;
    struct selv_suit_walk_item item = {.kind = SELV_SUIT_WALK_COMMAND};
    enum selv_err err = selv_suit_walk_init(&w, sequence);
    while (!err) {
        err = selv_suit_walk_next(&w, &item);
        if (err || item.kind == SELV_SUIT_WALK_END) {
            break;
        }
        if (item.kind != SELV_SUIT_WALK_COMMAND ||
            item.code != SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS) {
            continue;
        }
        if (!id_keep(item.argument, SELV_SUIT_PARAMETER_VENDOR_ID,
                     &ids->has_vendor, x->out->vendor_id) ||
            !id_keep(item.argument, SELV_SUIT_PARAMETER_CLASS_ID,
                     &ids->has_class, x->out->class_id) ||
            !slot_keep(x, item.argument)) {
            return false;
        }
    }
    return err == SELV_OK;
}

static enum selv_err parameters_find(struct inspection *x)
{
    static const int32_t sections[] = {
        SELV_SUIT_KEY_PAYLOAD_FETCH, SELV_SUIT_KEY_INSTALL,
        SELV_SUIT_KEY_VALIDATE, SELV_SUIT_KEY_INVOKE};
    struct ids ids = {false, false};
    struct selv_bytes sequence;
    bool is_one = true;
    if (shared_find(x->envelope, &sequence)) {
        is_one = parameters_walk(x, sequence, &ids);
    }
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (element_find(x->envelope, sections[i], &sequence)) {
            is_one = is_one && parameters_walk(x, sequence, &ids);
        }
    }
    if (!is_one) {
        return refuse_words(x, SELV_ERR_SUIT_ARGUMENT,
                            "the manifest names several vendors or classes,"
                            " or more than 8 slots: publish one release for"
                            " each");
    }
    if (!ids.has_vendor) {
        return refuse_words(x, SELV_ERR_SUIT_VENDOR,
                            "the manifest sets no vendor-identifier, so no"
                            " device could be found for it");
    }
    if (!ids.has_class) {
        return refuse_words(x, SELV_ERR_SUIT_CLASS,
                            "the manifest sets no class-identifier, so no"
                            " device could be found for it");
    }
    if (x->slot_count == 0) {
        x->slot_count = 1; /* slot 0: the manifest does not ask */
    }
    return SELV_OK;
}

/* ---- a rehearsal of the update ------------------------------------------- */

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    return len == 0 || memcmp(a, b, len) == 0;
}

/* Adds what a fetch asks for, once. */
static enum selv_err image_add(struct inspection *x,
                               const struct selv_suit_todo *todo)
{
    struct selv_inspect *out = x->out;
    if (todo->digest == NULL) {
        return refuse_words(x, SELV_ERR_SUIT_UNSET,
                            "an image is fetched without image-digest, so no"
                            " device could tell it from another");
    }
    struct selv_inspect_image image = {
        .uri = selv_bytes(original(x, todo->uri.p), todo->uri.len),
        .digest = original(x, todo->digest),
        .is_integrated = todo->is_integrated,
        .has_size = todo->has_size,
        .size = todo->size};
    if (selv_suit_chunks_name_of(&x->suit, todo->component, &image.chunks)) {
        image.chunks.digest = original(x, image.chunks.digest);
    }
    for (size_t i = 0; i < out->image_count; i++) {
        const struct selv_inspect_image *other = &out->images[i];
        if (selv_bytes_equal(other->uri, image.uri) &&
            same_bytes(other->digest, image.digest, SELV_SHA256_LEN) &&
            other->has_size == image.has_size && other->size == image.size) {
            return SELV_OK;
        }
    }
    if (out->image_count == SELV_INSPECT_IMAGES_MAX) {
        return refuse_words(x, SELV_ERR_SUIT_COMPONENTS,
                            "the manifest fetches more than 8 images");
    }
    out->images[out->image_count++] = image;
    return SELV_OK;
}

/* An integrated payload must be what image-match will ask for. */
static enum selv_err integrated_check(struct inspection *x,
                                      const struct selv_suit_todo *todo)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_sha256 h;
    if (todo->digest == NULL) {
        return SELV_OK; /* image_add has its word on that */
    }
    if (todo->integrated_off > x->view.len ||
        todo->integrated_len > x->view.len - todo->integrated_off) {
        return refuse_words(x, SELV_ERR_SUIT_INTEGRATED,
                            "the integrated payload is cut off");
    }
    selv_sha256_init(&h);
    selv_sha256_update(&h, x->view.p + todo->integrated_off,
                       todo->integrated_len);
    selv_sha256_finish(&h, digest);
    if (!same_bytes(digest, todo->digest, sizeof digest) ||
        (todo->has_size && todo->size != todo->integrated_len)) {
        return refuse_words(x, SELV_ERR_SUIT_IMAGE,
                            "the integrated payload is not the image that"
                            " image-digest and image-size speak of");
    }
    return SELV_OK;
}

/* One update on a device with this slot. is_empty: nothing matches before it
 * was fetched; otherwise everything does. *is_done: it went through. */
static enum selv_err rehearse(struct inspection *x, uint32_t slot,
                              bool is_empty, bool *is_done)
{
    static const uint8_t other[SELV_SHA256_LEN];
    bool is_fetched[SELV_SUIT_COMPONENTS_MAX] = {false};
    for (size_t i = 0; i < x->device.component_count; i++) {
        x->components[i].slot = slot;
    }
    if (!selv_is_good(check(x, &selv_suit_profile_consumer)) ||
        selv_suit_begin(&x->suit, SELV_SUIT_UPDATE)) {
        return refuse(x);
    }
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        struct selv_suit_todo todo;
        enum selv_err err = SELV_OK;
        switch (selv_suit_poll(&x->suit, &todo)) {
        case SELV_SUIT_DONE:
            *is_done = true;
            return SELV_OK;
        case SELV_SUIT_FETCH:
            err = todo.is_integrated ? integrated_check(x, &todo) : SELV_OK;
            if (!err) {
                err = image_add(x, &todo);
            }
            if (err) {
                return err;
            }
            is_fetched[todo.component] = true;
            selv_suit_answer(&x->suit, SELV_OK);
            break;
        case SELV_SUIT_DIGEST:
            selv_suit_answer_digest(
                &x->suit,
                todo.digest != NULL && (!is_empty || is_fetched[todo.component])
                    ? todo.digest
                    : other);
            break;
        case SELV_SUIT_FAILED:
        case SELV_SUIT_INVOKE:
        default:
            return SELV_OK;
        }
    }
    return SELV_OK;
}

static enum selv_err rehearse_all(struct inspection *x)
{
    bool is_done = false;
    for (size_t i = 0; i < x->slot_count; i++) {
        bool is_slot_done = false;
        enum selv_err err = rehearse(x, x->slots[i], true, &is_slot_done);
        if (!err && !is_slot_done) {
            /* A manifest may want something of the old image first. */
            err = rehearse(x, x->slots[i], false, &is_slot_done);
        }
        if (err) {
            return err;
        }
        is_done = is_done || is_slot_done;
    }
    return is_done ? SELV_OK : refuse(x);
}

/* ---- text ---------------------------------------------------------------- */

static void text_find(struct selv_bytes map, int32_t key,
                      struct selv_bytes *text)
{
    struct selv_bytes value;
    struct selv_cbor r;
    if (text->len == 0 && map_find(map, key, &value)) {
        selv_cbor_init(&r, value);
        if (selv_cbor_tstr(&r, text)) {
            *text = selv_bytes(NULL, 0);
        }
    }
}

/* The first language's words; a text element that cannot be read has none. */
static void text_read(struct inspection *x)
{
    struct selv_cbor r;
    struct selv_bytes element;
    struct selv_bytes language;
    struct selv_bytes texts;
    uint32_t count;
    if (!element_find(x->envelope, SELV_SUIT_KEY_TEXT, &element)) {
        return;
    }
    selv_cbor_init(&r, element);
    if (selv_cbor_map(&r, &count) || count == 0 ||
        selv_cbor_tstr(&r, &language) || selv_cbor_skip(&r, &texts)) {
        return;
    }
    text_find(texts, SELV_SUIT_TEXT_UPDATE_DESCRIPTION, &x->out->description);
    text_find(texts, SELV_SUIT_TEXT_MANIFEST_DESCRIPTION, &x->out->description);
    selv_cbor_init(&r, texts);
    if (selv_cbor_map(&r, &count)) {
        return;
    }
    while (count-- > 0) {
        bool is_component = selv_cbor_peek(&r) == SELV_CBOR_ARRAY;
        struct selv_bytes value;
        if (selv_cbor_skip(&r, NULL) || selv_cbor_skip(&r, &value)) {
            return;
        }
        if (is_component) {
            text_find(value, SELV_SUIT_TEXT_COMPONENT_VERSION,
                      &x->out->version);
        }
    }
}

/* ---- all of it ----------------------------------------------------------- */

/* After this the manifest has the form that devices take. */
static enum selv_err authenticate(struct inspection *x,
                                  struct selv_cose_key *own, uint8_t **copy)
{
    if (selv_is_good(check(x, &selv_suit_profile_consumer))) {
        x->out->is_authentic = true;
        return SELV_OK;
    }
    const struct selv_suit_failure *f = selv_suit_failure(&x->suit);
    if (f->err != SELV_ERR_COSE_NO_KEY || x->device.anchor_count > 0) {
        return refuse(x);
    }
    enum selv_err err = resign(x, own, copy);
    if (err) {
        return refuse_words(x, err, "the wrapper cannot be read");
    }
    x->device.anchors = own;
    x->device.anchor_count = 1;
    return SELV_OK;
}

static enum selv_err inspect_all(struct inspection *x)
{
    enum selv_err err = check_both(x);
    if (err) {
        return err;
    }
    struct selv_inspect *out = x->out;
    out->sequence_number = selv_suit_sequence_number(&x->suit);
    memcpy(out->digest, selv_suit_digest(&x->suit), sizeof out->digest);
    x->device.component_count = selv_suit_component_count(&x->suit);
    for (size_t i = 0; i < x->device.component_count; i++) {
        x->components[i].id = selv_suit_component_id(&x->suit, i);
    }
    x->device.components = x->components;
    err = parameters_find(x);
    if (!err) {
        err = rehearse_all(x);
    }
    if (!err) {
        text_read(x);
    }
    return err;
}

enum selv_err selv_inspect(struct selv_bytes envelope,
                           const struct selv_cose_key *anchors,
                           size_t anchor_count, struct selv_inspect *out)
{
    struct inspection x;
    struct selv_cose_key own;
    uint8_t *copy = NULL;
    memset(&x, 0, sizeof x);
    memset(out, 0, sizeof *out);
    x.envelope = x.view = envelope;
    x.out = out;
    x.device.anchors = anchors;
    x.device.anchor_count = anchor_count;
    x.device.private = &selv_suit_chunks_known;
    x.device.vendor_id = out->vendor_id;
    x.device.class_id = out->class_id;
    enum selv_err err = authenticate(&x, &own, &copy);
    if (!err) {
        err = inspect_all(&x);
    }
    selv_suit_wipe(&x.suit);
    free(copy);
    return err;
}
