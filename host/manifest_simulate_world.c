/* SPDX-License-Identifier: Apache-2.0
 *
 * The described device: what its components hold, and how fetch, copy, write,
 * swap, digests and private commands go there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/manifest_simulate_int.h"
#include "host/uuid.h"

enum { CONTENT_JSON_MAX = 256 }; /* bytes that a device file repeats */

enum operation {
    FETCH,
    IMAGE,
    COPY,
    WRITE,
    SWAP,
    INVOKE,
    PRIVATE,
    OPERATION_COUNT
};

const char *const selv_simulate_operations[] = {
    "fetch", "image", "copy", "write", "swap", "invoke", "private", NULL};

/* ---- images -------------------------------------------------------------- */

void simulate_digest_words(const uint8_t digest[static SELV_SHA256_LEN],
                           char *words)
{
    memcpy(words, "sha-256 ", 8);
    selv_hex_encode(selv_bytes(digest, SELV_SHA256_LEN), words + 8);
}

static void image_drop(struct simulate_image *image)
{
    free(image->content.p);
    memset(image, 0, sizeof(*image));
}

/* The component holds these bytes from now on. */
static bool image_set(struct simulate_image *image, struct selv_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);

    if (copy == NULL) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.p, bytes.len);
    }
    image_drop(image);
    image->is_there = true;
    image->is_changed = true;
    image->has_digest = true;
    image->has_size = true;
    image->size = (uint32_t)bytes.len;
    image->content = (struct selv_buf){copy, bytes.len, bytes.len};
    manifest_sha256(selv_bytes(copy, bytes.len), image->digest);
    return true;
}

static bool image_copy(struct simulate_image *to,
                       const struct simulate_image *from)
{
    struct selv_buf content = from->content;

    if (content.p != NULL) {
        return image_set(to, selv_bytes(content.p, content.len));
    }
    image_drop(to);
    *to = *from;
    to->is_changed = true;
    return true;
}

/* ---- the device file ----------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool bad(struct selv_error *error,
                                                      const char *format, ...)
{
    char text[SELV_ERROR_LEN / 2];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return selv_error_set(error, SELV_EXIT_REFUSED, "device: %s", text);
}

/* {"content": HEX}, {"file": NAME}, or "digest" with or without "size". */
static bool image_parse(const struct simulate_world *w, json_t *json,
                        struct simulate_image *image, struct selv_error *error)
{
    const char *digits = json_string_value(json_object_get(json, "content"));
    const char *name = json_string_value(json_object_get(json, "file"));
    const char *digest = json_string_value(json_object_get(json, "digest"));
    json_t *size = json_object_get(json, "size");
    char path[4096];
    struct selv_buf bytes = {NULL, 0, 0};
    bool done;

    if (digits != NULL) {
        bytes.len = strlen(digits) / 2;
        bytes.p = malloc(bytes.len + 1);
        if (bytes.p == NULL || !selv_hex_decode(digits, bytes.p, bytes.len)) {
            free(bytes.p);
            return bad(error, "\"content\": not hexadecimal digits in pairs");
        }
    } else if (name != NULL) {
        if (snprintf(path, sizeof(path), "%s%s%s",
                     w->plan->folder == NULL ? "" : w->plan->folder,
                     w->plan->folder == NULL || name[0] == '/' ? "" : "/",
                     name) >= (int)sizeof(path)) {
            return bad(error, "\"file\": the name is too long");
        }
        if (!selv_file_read(name[0] == '/' ? name : path, SELV_IMAGE_FILE_MAX,
                            &bytes, error)) {
            return selv_error_prefix(error, "device: \"file\"");
        }
    }
    if (bytes.p != NULL) {
        done = image_set(image, selv_bytes(bytes.p, bytes.len));
        free(bytes.p);
        image->is_changed = false;
        return done || bad(error, "out of memory");
    }
    if (size != NULL &&
        (!json_is_integer(size) || json_integer_value(size) < 0 ||
         json_integer_value(size) > UINT32_MAX)) {
        return bad(error, "\"size\": not a number of bytes");
    }
    image->is_there = digest != NULL;
    image->has_digest = digest != NULL;
    image->has_size = size != NULL;
    image->size = (uint32_t)json_integer_value(size);
    return digest == NULL ||
           selv_hex_decode(digest, image->digest, SELV_SHA256_LEN) ||
           bad(error, "\"digest\": not 64 hexadecimal digits");
}

static bool components_open(struct simulate_world *w, struct selv_error *error)
{
    json_t *list = json_object_get(w->plan->device, "components");

    for (size_t i = 0; i < w->device.component_count; i++) {
        json_t *json = json_array_get(list, i);
        json_t *slots = json_object_get(json, "slots");
        json_t *other = json_object_get(json, "other");
        const struct selv_manifest_component *c = &w->device.components[i];

        w->components[i].id = selv_bytes(c->id, c->id_len);
        w->components[i].slot = c->slot;
        w->slot_count[i] = 1;
        if (slots != NULL) {
            if (!json_is_integer(slots) || json_integer_value(slots) < 1 ||
                json_integer_value(slots) > 2 || c->slot > 1) {
                return bad(error, "\"slots\": give 1, or 2 when the slots are "
                                  "0 and 1");
            }
            w->slot_count[i] = (uint32_t)json_integer_value(slots);
        }
        if (!image_parse(w, json, &w->image[i], error) ||
            (other != NULL && !image_parse(w, other, &w->other[i], error))) {
            return false;
        }
    }
    return true;
}

bool simulate_world_open(struct simulate_world *w,
                         const struct selv_simulate_plan *plan,
                         struct selv_error *error)
{
    const struct selv_manifest_device *d = &w->device;

    memset(w, 0, sizeof(*w));
    w->plan = plan;
    if (!selv_manifest_device_parse(plan->device, &w->device, error)) {
        return false;
    }
    w->vendor = json_string_value(json_object_get(plan->device, "vendor"));
    w->class_name = json_string_value(json_object_get(plan->device, "class"));
    w->private = (struct selv_suit_private){
        .commands = d->private_commands,
        .command_count = d->private_command_count,
        .parameters = d->private_parameters,
        .parameter_count = d->private_parameter_count,
        .check = selv_suit_chunks_known.check};
    return components_open(w, error);
}

void simulate_world_close(struct simulate_world *w)
{
    for (size_t i = 0; i < SELV_DEVICE_COMPONENTS_MAX; i++) {
        image_drop(&w->image[i]);
        image_drop(&w->other[i]);
    }
}

static void turn(struct simulate_world *w, size_t i)
{
    struct simulate_image image = w->image[i];

    if (w->slot_count[i] == 2) {
        w->image[i] = w->other[i];
        w->other[i] = image;
        w->components[i].slot = 1 - w->components[i].slot;
    }
}

void simulate_world_turn(struct simulate_world *w)
{
    for (size_t i = 0; i < w->device.component_count; i++) {
        turn(w, i);
    }
}

/* ---- operations ---------------------------------------------------------- */

/* Counts the operation; true when it is one that is to fail. */
static bool fails(struct simulate_world *w, enum operation operation)
{
    uint32_t number = ++w->operation_count[operation];
    bool is_hit = false;

    for (size_t i = 0; i < w->plan->fault_count; i++) {
        const struct selv_simulate_fault *f = &w->plan->faults[i];

        if (strcmp(f->operation, selv_simulate_operations[operation]) == 0 &&
            (f->number == 0 || f->number == number)) {
            w->fault_hit |= 1u << i;
            is_hit = true;
        }
    }
    return is_hit;
}

static void say(char *words, const char *text)
{
    snprintf(words, SIMULATE_WORDS_LEN, "%s", text);
}

/* What the server has for this fetch. */
static void fetched_take(struct simulate_world *w,
                         const struct selv_suit_todo *todo,
                         struct simulate_image *image, char *words)
{
    image_drop(image);
    image->is_there = true;
    image->is_changed = true;
    image->has_digest = todo->digest != NULL;
    image->has_size = todo->has_size;
    image->size = todo->size;
    if (todo->digest != NULL) {
        memcpy(image->digest, todo->digest, SELV_SHA256_LEN);
        say(words, "the server has it");
    } else {
        say(words, "the server has an image; no image-digest is set yet");
    }
    if (fails(w, IMAGE)) {
        image->has_digest = true;
        image->digest[0] ^= 0xff; /* any other than what is wanted */
        say(words, "made to bring other bytes");
    }
}

static enum selv_err fetch(struct simulate_world *w,
                           const struct selv_suit_todo *todo, char *words)
{
    struct simulate_image *image = &w->image[todo->device_component];
    struct selv_bytes envelope = w->plan->envelope;

    if (fails(w, FETCH)) {
        image_drop(image);
        image->is_changed = true;
        say(words, "made to fail; what was there before is lost");
        return SELV_ERR_SUIT_OPERATION;
    }
    if (!todo->is_integrated) {
        fetched_take(w, todo, image, words);
        return SELV_OK;
    }
    if (todo->integrated_off > envelope.len ||
        todo->integrated_len > envelope.len - todo->integrated_off ||
        !image_set(image, selv_bytes(envelope.p + todo->integrated_off,
                                     todo->integrated_len))) {
        return SELV_ERR_SUIT_INTEGRATED;
    }
    say(words, "taken from this envelope");
    if (fails(w, IMAGE)) {
        image->has_digest = true;
        image->digest[0] ^= 0xff;
        free(image->content.p);
        image->content = (struct selv_buf){NULL, 0, 0};
        say(words, "made to bring other bytes");
    }
    return SELV_OK;
}

static enum selv_err copy(struct simulate_world *w,
                          const struct selv_suit_todo *todo, char *words)
{
    struct simulate_image *to = &w->image[todo->device_component];
    const struct simulate_image *from = &w->image[todo->device_source];

    if (!from->is_there) {
        say(words, "the source component is empty");
        return SELV_ERR_SUIT_OPERATION;
    }
    if (fails(w, COPY)) {
        image_drop(to);
        to->is_changed = true;
        say(words, "made to fail; what was there before is lost");
        return SELV_ERR_SUIT_OPERATION;
    }
    say(words, "copied");
    return image_copy(to, from) ? SELV_OK : SELV_ERR_SUIT_OPERATION;
}

static enum selv_err swap(struct simulate_world *w,
                          const struct selv_suit_todo *todo, char *words)
{
    struct simulate_image *a = &w->image[todo->device_component];
    struct simulate_image *b = &w->image[todo->device_source];
    struct simulate_image image = *a;

    if (!b->is_there) {
        say(words, "the source component is empty");
        return SELV_ERR_SUIT_OPERATION;
    }
    if (fails(w, SWAP)) {
        say(words, "made to fail; both are as they were");
        return SELV_ERR_SUIT_OPERATION;
    }
    *a = *b;
    *b = image;
    a->is_changed = true;
    b->is_changed = true;
    say(words, "exchanged");
    return SELV_OK;
}

static enum selv_err write_content(struct simulate_world *w,
                                   const struct selv_suit_todo *todo,
                                   char *words)
{
    struct simulate_image *image = &w->image[todo->device_component];

    if (fails(w, WRITE)) {
        image_drop(image);
        image->is_changed = true;
        say(words, "made to fail; what was there before is lost");
        return SELV_ERR_SUIT_OPERATION;
    }
    snprintf(words, SIMULATE_WORDS_LEN, "%zu bytes", todo->data.len);
    return image_set(image, todo->data) ? SELV_OK : SELV_ERR_SUIT_OPERATION;
}

/* Answer DIGEST or CONTENT: the digest of the first size bytes. */
static void digest_answer(struct simulate_world *w, struct selv_suit *s,
                          const struct selv_suit_todo *todo, char *words)
{
    struct simulate_image *image = &w->image[todo->device_component];
    uint8_t digest[SELV_SHA256_LEN];
    size_t size = todo->has_size ? todo->size : image->content.len;

    if (!image->is_there) {
        say(words, "the component is empty");
        selv_suit_answer(s, SELV_ERR_SUIT_OPERATION);
        return;
    }
    if (!image->has_digest && todo->digest != NULL) {
        /* It is what a server brought that has every image. */
        memcpy(image->digest, todo->digest, SELV_SHA256_LEN);
        image->has_digest = true;
        image->size = todo->size;
        image->has_size = todo->has_size;
    }
    if (todo->has_size && image->has_size &&
        (image->size < todo->size ||
         (todo->kind == SELV_SUIT_CONTENT && image->size != todo->size) ||
         (image->content.p == NULL && image->size != todo->size))) {
        snprintf(words, SIMULATE_WORDS_LEN,
                 "the component holds %u byte%s, the manifest wants %u",
                 (unsigned)image->size, image->size == 1 ? "" : "s",
                 (unsigned)todo->size);
        selv_suit_answer(s, SELV_ERR_UPDATE_SIZE);
        return;
    }
    memcpy(digest, image->digest, sizeof(digest));
    if (image->content.p != NULL && size < image->content.len) {
        manifest_sha256(selv_bytes(image->content.p, size), digest);
    }
    say(words, "digest is ");
    simulate_digest_words(digest, words + strlen(words));
    if (todo->kind == SELV_SUIT_CONTENT) {
        selv_suit_answer_content(s, digest);
    } else {
        selv_suit_answer_digest(s, digest);
    }
}

/* A real device would not come back from this. */
static void invoke_answer(struct simulate_world *w, struct selv_suit *s,
                          char *words)
{
    if (!selv_is_good(selv_suit_may_invoke(s))) {
        say(words, "refused: no image-match was good for this component in "
                   "this procedure");
        selv_suit_answer(s, SELV_ERR_SUIT_IMAGE);
    } else if (fails(w, INVOKE)) {
        say(words, "made to fail: it came back");
        selv_suit_answer(s, SELV_ERR_SUIT_OPERATION);
    } else {
        say(words, "it runs");
        selv_suit_answer(s, SELV_OK);
    }
}

void simulate_world_answer(struct simulate_world *w, struct selv_suit *s,
                           const struct selv_suit_todo *todo, char *words)
{
    words[0] = '\0';
    switch (todo->kind) {
    case SELV_SUIT_FETCH:
        selv_suit_answer(s, fetch(w, todo, words));
        break;
    case SELV_SUIT_COPY:
        selv_suit_answer(s, copy(w, todo, words));
        break;
    case SELV_SUIT_SWAP:
        selv_suit_answer(s, swap(w, todo, words));
        break;
    case SELV_SUIT_WRITE:
        selv_suit_answer(s, write_content(w, todo, words));
        break;
    case SELV_SUIT_DIGEST:
    case SELV_SUIT_CONTENT:
        digest_answer(w, s, todo, words);
        break;
    case SELV_SUIT_INVOKE:
        invoke_answer(w, s, words);
        break;
    default:
        say(words, "left to the port, taken for done");
        if (fails(w, PRIVATE)) {
            say(words, "made to fail");
            selv_suit_answer(s, SELV_ERR_SUIT_OPERATION);
        } else {
            selv_suit_answer(s, SELV_OK);
        }
        break;
    }
}

/* ---- afterwards ---------------------------------------------------------- */

/* The members of a component's or a slot's image. */
static void image_json(const struct simulate_image *image, json_t *out)
{
    char digits[2 * CONTENT_JSON_MAX + 1];

    json_object_del(out, "content");
    json_object_del(out, "digest");
    json_object_del(out, "size");
    json_object_del(out, "file");
    if (!image->is_there) {
        return;
    }
    if (image->has_size) {
        json_object_set_new(out, "size", json_integer(image->size));
    }
    if (image->has_digest) {
        selv_hex_encode(selv_bytes(image->digest, SELV_SHA256_LEN), digits);
        json_object_set_new(out, "digest", json_string(digits));
    }
    if (image->content.p != NULL && image->content.len <= CONTENT_JSON_MAX) {
        selv_hex_encode(selv_bytes(image->content.p, image->content.len),
                        digits);
        json_object_set_new(out, "content", json_string(digits));
    }
}

static json_t *id_json(const struct simulate_world *w, size_t i)
{
    json_t *list = json_object_get(w->plan->device, "components");

    return json_incref(json_object_get(json_array_get(list, i), "id"));
}

json_t *simulate_world_state(const struct simulate_world *w)
{
    json_t *out = json_array();

    for (size_t i = 0; i < w->device.component_count; i++) {
        json_t *component =
            json_pack("{s:o, s:I, s:b, s:b}", "id", id_json(w, i), "slot",
                      (json_int_t)w->components[i].slot, "changed",
                      w->image[i].is_changed, "empty", !w->image[i].is_there);

        image_json(&w->image[i], component);
        json_array_append_new(out, component);
    }
    return out;
}

/* The file as it was, but for what has changed. A device with two slots next
 * waits for an update of the other one. */
json_t *simulate_world_device(const struct simulate_world *w,
                              const uint8_t *digest, uint64_t sequence_number)
{
    json_t *out = json_deep_copy(w->plan->device);
    json_t *list = json_object_get(out, "components");
    char digits[2 * SELV_SHA256_LEN + 1];

    if (digest != NULL) {
        selv_hex_encode(selv_bytes(digest, SELV_SHA256_LEN), digits);
        json_object_set_new(out, "digest", json_string(digits));
        json_object_set_new(out, "sequence_number",
                            manifest_uint_json(sequence_number));
    }
    for (size_t i = 0; i < w->device.component_count; i++) {
        json_t *component = json_array_get(list, i);
        bool turns =
            digest != NULL && w->slot_count[i] == 2 && w->image[i].is_changed;

        if (!w->image[i].is_changed) {
            continue;
        }
        image_json(turns ? &w->other[i] : &w->image[i], component);
        if (turns) {
            json_t *other = json_object();

            image_json(&w->image[i], other);
            json_object_set_new(component, "other", other);
            json_object_set_new(component, "slot",
                                json_integer(1 - w->components[i].slot));
        }
    }
    return out;
}
