/* SPDX-License-Identifier: Apache-2.0
 *
 * A device as test/vectors/README.md describes it, driven by the engine. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/key.h"
#include "host/uuid.h"
#include "suit/suit.h"
#include "test/conformance/vector.h"

enum {
    COMPONENTS = 8,
    CONTENT_MAX = 4096, /* bytes that a component holds */
    ANCHORS = 4,
    STEPS_MAX = 64,
    STEP_LEN = 512,
    RECORDS_MAX = 32
};

struct content {
    bool is_there;
    size_t len;
    uint8_t p[CONTENT_MAX];
};

struct world {
    const struct vector *v;
    struct content content[COMPONENTS];
    char steps[STEPS_MAX][STEP_LEN];
    size_t step_count;
    char why[1024]; /* empty: nothing is wrong */

    struct selv_suit_device device;
    struct selv_suit_component components[COMPONENTS];
    uint8_t ids[COMPONENTS][64];
    const char *names[COMPONENTS];
    uint8_t uuids[3][16];
    uint8_t pen[16];
    struct selv_cose_key anchors[ANCHORS];
    struct selv_suit suit;
    struct selv_suit_record records[RECORDS_MAX];
};

/* What the port of the vectors' device adds, where a vector says "private". */
static const struct selv_suit_private_command private_commands[] = {
    {-260, 1u << SELV_SUIT_SECTION_INSTALL, true},
    {-261, 1u << SELV_SUIT_SECTION_INSTALL, false}};
static const int32_t private_parameters[] = {-262};
static const struct selv_suit_private privates = {.commands = private_commands,
                                                  .command_count = 2,
                                                  .parameters =
                                                      private_parameters,
                                                  .parameter_count = 1};

__attribute__((format(printf, 2, 3))) static void wrong(struct world *w,
                                                        const char *format, ...)
{
    va_list args;

    if (w->why[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(w->why, sizeof(w->why), format, args);
        va_end(args);
    }
}

/* ---- the device ---------------------------------------------------------- */

static size_t component_at(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->device.component_count; i++) {
        if (strcmp(w->names[i], name) == 0) {
            return i;
        }
    }
    vector_die(w->v, "the device has no component %s", name);
}

/* A component is identified by its name as the only segment. */
static void components_read(struct world *w)
{
    json_t *slots = json_object_get(w->v->device, "slots");
    size_t i;
    json_t *name;

    json_array_foreach(json_object_get(w->v->device, "components"), i, name)
    {
        struct selv_cbor_writer writer;

        if (i == COMPONENTS) {
            vector_die(w->v, "too many components");
        }
        w->names[i] = json_string_value(name);
        selv_cbor_writer_init(&writer, w->ids[i], sizeof(w->ids[i]));
        selv_cbor_put_array(&writer, 1);
        selv_cbor_put_bstr(&writer,
                           selv_bytes(w->names[i], json_string_length(name)));
        if (selv_cbor_finish(&writer, &w->components[i].id) != SELV_OK) {
            vector_die(w->v, "a component's name is too long");
        }
        w->components[i].slot =
            (uint32_t)json_integer_value(json_object_get(slots, w->names[i]));
        w->device.component_count = i + 1;
    }
}

static const uint8_t *uuid_read(struct world *w, const char *name, size_t i)
{
    const char *text = vector_text(w->v->device, name);

    if (text == NULL || !selv_uuid_parse(text, w->uuids[i])) {
        vector_die(w->v, "%s: not a UUID", name);
    }
    return w->uuids[i];
}

static void anchors_read(struct world *w)
{
    struct selv_error error;
    struct selv_key key;
    size_t i;
    json_t *name;

    json_array_foreach(json_object_get(w->v->device, "anchors"), i, name)
    {
        const char *path = vector_path(w->v, "keys/", json_string_value(name));
        if (i == ANCHORS || !selv_key_load(path, &key, &error)) {
            vector_die(w->v, "%s", i == ANCHORS ? "anchors" : error.text);
        }
        w->anchors[i] = key.cose;
        w->device.anchor_count = i + 1;
    }
}

static void device_read(struct world *w)
{
    json_t *json = w->v->device;
    const char *pen = vector_text(json, "vendor-pen");

    w->device.components = w->components;
    w->device.anchors = w->anchors;
    w->device.vendor_id = uuid_read(w, "vendor-identifier", 0);
    w->device.class_id = uuid_read(w, "class-identifier", 1);
    w->device.device_id = uuid_read(w, "device-identifier", 2);
    w->device.sequence_min =
        (uint64_t)json_integer_value(json_object_get(json, "sequence-number"));
    if (pen != NULL) {
        size_t len = strlen(pen) / 2;
        if (len > sizeof(w->pen) || !selv_hex_decode(pen, w->pen, len)) {
            vector_die(w->v, "vendor-pen: not short hex");
        }
        w->device.vendor_pen = selv_bytes(w->pen, len);
    }
    if (json_is_true(json_object_get(json, "private"))) {
        w->device.private = &privates;
    }
    components_read(w);
    anchors_read(w);
}

/* ---- contents ------------------------------------------------------------ */

/* null, the name of an image, or {"hex": digits}. */
static void content_read(const struct vector *v, json_t *value,
                         struct content *out)
{
    const char *digits = vector_text(value, "hex");
    struct selv_error error;
    struct selv_buf file;

    memset(out, 0, sizeof(*out));
    if (json_is_null(value)) {
        return;
    }
    out->is_there = true;
    if (digits != NULL) {
        out->len = strlen(digits) / 2;
        if (out->len > CONTENT_MAX ||
            !selv_hex_decode(digits, out->p, out->len)) {
            vector_die(v, "a content is not hex, or too long");
        }
        return;
    }
    char name[64];
    (void)snprintf(name, sizeof(name), "%s.txt", json_string_value(value));
    if (!selv_file_read(vector_path(v, "images/", name), CONTENT_MAX, &file,
                        &error)) {
        vector_die(v, "%s", error.text);
    }
    memcpy(out->p, file.p, file.len);
    out->len = file.len;
    free(file.p);
}

static void contents_set(struct world *w, json_t *contents)
{
    const char *name;
    json_t *value;

    json_object_foreach(contents, name, value)
    {
        content_read(w->v, value, &w->content[component_at(w, name)]);
    }
}

static void contents_compare(struct world *w, size_t run, json_t *contents)
{
    static struct content expected;
    const char *name;
    json_t *value;

    json_object_foreach(contents, name, value)
    {
        const struct content *is = &w->content[component_at(w, name)];
        content_read(w->v, value, &expected);
        if (is->is_there != expected.is_there || is->len != expected.len ||
            memcmp(is->p, expected.p, is->len) != 0) {
            wrong(w, "run %zu: %s ends with another content (%zu bytes)", run,
                  name, is->len);
        }
    }
}

/* ---- steps --------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void step(struct world *w,
                                                       const char *format, ...)
{
    va_list args;

    if (w->step_count == STEPS_MAX) {
        vector_die(w->v, "too many steps");
    }
    va_start(args, format);
    (void)vsnprintf(w->steps[w->step_count++], STEP_LEN, format, args);
    va_end(args);
}

/* " name=hex", or nothing when there are no bytes. */
static const char *words(const char *name, struct selv_bytes bytes)
{
    static char text[STEP_LEN];
    static char digits[2 * CONTENT_MAX + 1];

    text[0] = '\0';
    if (bytes.len != 0 && bytes.len <= CONTENT_MAX) {
        selv_hex_encode(bytes, digits);
        (void)snprintf(text, sizeof(text), " %s=%.400s", name, digits);
    }
    return text;
}

static enum selv_err fetch(struct world *w, const struct selv_suit_todo *todo,
                           struct selv_bytes envelope)
{
    struct content *to = &w->content[todo->device_component];
    json_t *resources = json_object_get(w->v->device, "resources");
    char uri[STEP_LEN];

    (void)snprintf(uri, sizeof(uri), "%.*s", (int)todo->uri.len,
                   (const char *)todo->uri.p);
    step(w, "fetch %s %s%s", w->names[todo->device_component], uri,
         words("args", todo->data));
    if (todo->is_integrated) {
        to->is_there = true;
        to->len = todo->integrated_len;
        memcpy(to->p, envelope.p + todo->integrated_off, to->len);
        return SELV_OK;
    }
    json_t *resource = json_object_get(resources, uri);
    if (resource == NULL) {
        return SELV_ERR_SUIT_OPERATION;
    }
    content_read(w->v, resource, to);
    return SELV_OK;
}

static enum selv_err move(struct world *w, const struct selv_suit_todo *todo)
{
    static struct content old;
    struct content *to = &w->content[todo->device_component];
    struct content *from = &w->content[todo->device_source];
    bool is_swap = todo->kind == SELV_SUIT_SWAP;

    step(w, "%s %s %s", is_swap ? "swap" : "copy",
         w->names[todo->device_source], w->names[todo->device_component]);
    if (!from->is_there) {
        return SELV_ERR_SUIT_OPERATION;
    }
    old = *to;
    *to = *from;
    if (is_swap) {
        *from = old;
    }
    return SELV_OK;
}

static void digest(struct world *w, const struct selv_suit_todo *todo)
{
    const struct content *c = &w->content[todo->device_component];
    size_t len = todo->has_size ? todo->size : c->len;
    uint8_t hash[SELV_SHA256_LEN];
    struct selv_sha256 h;

    if (!c->is_there || len > c->len ||
        (todo->kind == SELV_SUIT_CONTENT && len != c->len)) {
        /* Another length is another content. */
        selv_suit_answer(&w->suit, todo->kind == SELV_SUIT_CONTENT
                                       ? SELV_ERR_SUIT_CONTENT
                                       : SELV_ERR_SUIT_IMAGE);
        return;
    }
    selv_sha256_init(&h);
    selv_sha256_update(&h, c->p, len);
    selv_sha256_finish(&h, hash);
    if (todo->kind == SELV_SUIT_CONTENT) {
        selv_suit_answer_content(&w->suit, hash);
    } else {
        selv_suit_answer_digest(&w->suit, hash);
    }
}

static bool lists(json_t *list, json_t *value)
{
    size_t i;
    json_t *element;

    json_array_foreach(list, i, element)
    {
        if (json_equal(element, value)) {
            json_decref(value);
            return true;
        }
    }
    json_decref(value);
    return false;
}

static enum selv_err private_run(struct world *w,
                                 const struct selv_suit_todo *todo)
{
    struct selv_bytes value =
        selv_suit_parameter(&w->suit, todo->component, -262);

    step(w, "private %s %d%s", w->names[todo->device_component],
         (int)todo->code, words("-262", value));
    return lists(json_object_get(w->v->device, "fails"),
                 json_integer(todo->code))
               ? SELV_ERR_SUIT_OPERATION
               : SELV_OK;
}

/* True when the code that was invoked does not return. What nothing vouches
 * for is not run. */
static bool invoke(struct world *w, const struct selv_suit_todo *todo)
{
    const char *name = w->names[todo->device_component];

    if (!selv_is_good(selv_suit_may_invoke(&w->suit))) {
        selv_suit_answer(&w->suit, SELV_ERR_SUIT_OPERATION);
        return false;
    }
    step(w, "invoke %s%s", name, words("args", todo->data));
    if (!lists(json_object_get(w->v->device, "returns"), json_string(name))) {
        return true;
    }
    selv_suit_answer(&w->suit, SELV_OK);
    return false;
}

/* ---- runs ---------------------------------------------------------------- */

/* What to do next; asking twice gives the same twice. */
static enum selv_suit_todo_kind poll(struct world *w,
                                     struct selv_suit_todo *todo)
{
    struct selv_suit_todo again;
    enum selv_suit_todo_kind kind = selv_suit_poll(&w->suit, todo);

    if (selv_suit_poll(&w->suit, &again) != kind ||
        (kind != SELV_SUIT_FAILED &&
         (again.component != todo->component || again.code != todo->code ||
          again.source != todo->source))) {
        wrong(w, "polling again gives something else than code %d",
              (int)todo->code);
    }
    return kind;
}

/* Answers until the procedure ends. True when an image runs that does not
 * return. */
static bool procedure(struct world *w, struct selv_bytes envelope)
{
    struct selv_suit_todo todo;

    for (;;) {
        char digits[2 * CONTENT_MAX + 1];
        struct content *c;
        switch (poll(w, &todo)) {
        case SELV_SUIT_FETCH:
            selv_suit_answer(&w->suit, fetch(w, &todo, envelope));
            break;
        case SELV_SUIT_COPY:
        case SELV_SUIT_SWAP:
            selv_suit_answer(&w->suit, move(w, &todo));
            break;
        case SELV_SUIT_WRITE:
            c = &w->content[todo.device_component];
            selv_hex_encode(todo.data, digits);
            step(w, "write %s %.400s", w->names[todo.device_component], digits);
            c->is_there = true;
            c->len = todo.data.len;
            memcpy(c->p, todo.data.p, c->len);
            selv_suit_answer(&w->suit, SELV_OK);
            break;
        case SELV_SUIT_DIGEST:
        case SELV_SUIT_CONTENT:
            digest(w, &todo);
            break;
        case SELV_SUIT_INVOKE:
            if (invoke(w, &todo)) {
                return true;
            }
            break;
        case SELV_SUIT_PRIVATE:
            selv_suit_answer(&w->suit, private_run(w, &todo));
            break;
        default:
            return false;
        }
    }
}

static void number_compare(struct world *w, const char *what, json_t *expected,
                           int32_t is)
{
    if (json_is_integer(expected) && json_integer_value(expected) != is) {
        wrong(w, "%s is %d, not %d", what, (int)is,
              (int)json_integer_value(expected));
    }
}

/* expected: {"refused" or "failed": error, "reason", "section", "code",
 * "component"}; members but the first may be missing. */
static void failure_compare(struct world *w, const char *how, json_t *expected)
{
    const struct selv_suit_failure *f = selv_suit_failure(&w->suit);
    const char *error = vector_text(expected, how);
    const char *component = vector_text(expected, "component");

    if (error == NULL) {
        wrong(w, "%s: %s (section %d, code %d, offset %u)", how,
              selv_err_name(f->err), f->section, (int)f->code, f->offset);
        return;
    }
    if (strcmp(error, selv_err_name(f->err)) != 0) {
        wrong(w, "%s for %s (section %d, code %d, offset %u), not for %s", how,
              selv_err_name(f->err), f->section, (int)f->code, f->offset,
              error);
    }
    number_compare(w, "the reason", json_object_get(expected, "reason"),
                   (int32_t)selv_suit_reason(f->err));
    number_compare(w, "the section", json_object_get(expected, "section"),
                   f->section);
    number_compare(w, "the code", json_object_get(expected, "code"), f->code);
    if (component != NULL &&
        (f->component >= selv_suit_component_count(&w->suit) ||
         !selv_bytes_equal(selv_suit_component_id(&w->suit, f->component),
                           w->components[component_at(w, component)].id))) {
        wrong(w, "the component is not %s", component);
    }
}

/* Which bootloader's engine runs what this manifest installed: the smaller
 * one where the manifest fetches while it installs. */
static const struct selv_suit_profile *boot_profile(struct world *w,
                                                    struct selv_bytes envelope)
{
    selv_suit_init(&w->suit, &selv_suit_profile_boot_install, &w->device);
    bool is_good =
        selv_suit_feed_part(&w->suit, envelope, envelope.len) == SELV_OK &&
        selv_is_good(selv_suit_check(&w->suit));
    return is_good ? &selv_suit_profile_boot_install
                   : &selv_suit_profile_boot_select;
}

/* Loads, or finds that the refusal is the vector's. */
static bool load(struct world *w, const struct selv_suit_profile *profile,
                 struct selv_bytes envelope)
{
    json_t *check = json_object_get(w->v->json, "check");

    selv_suit_init(&w->suit, profile, &w->device);
    bool is_good =
        selv_suit_feed_part(&w->suit, envelope, envelope.len) == SELV_OK &&
        selv_is_good(selv_suit_check(&w->suit));
    if (is_good && !json_is_string(check)) {
        wrong(w, "accepted, not refused for %s", vector_text(check, "refused"));
    } else if (!is_good) {
        failure_compare(w, "refused", check);
    }
    return is_good;
}

static void steps_compare(struct world *w, size_t run, json_t *expected)
{
    size_t i;
    json_t *text;

    json_array_foreach(expected, i, text)
    {
        const char *is = i < w->step_count ? w->steps[i] : "nothing";
        if (strcmp(is, json_string_value(text)) != 0) {
            wrong(w, "run %zu, step %zu: %s, not %s", run, i, is,
                  json_string_value(text));
        }
    }
    if (w->step_count > i) {
        wrong(w, "run %zu: one step more: %s", run, w->steps[i]);
    }
}

/* A record is "section code component result policy", where the result is ok
 * or an error. */
static void records_compare(struct world *w, size_t run, json_t *expected)
{
    size_t count = selv_suit_record_count(&w->suit);
    size_t i;
    json_t *text;

    if (expected == NULL) {
        return;
    }
    if (count != json_array_size(expected)) {
        wrong(w, "run %zu: %zu records, not %zu", run, count,
              json_array_size(expected));
    }
    json_array_foreach(expected, i, text)
    {
        const struct selv_suit_record *r = &w->records[i];
        char is[128] = "nothing";
        if (i < count && i < RECORDS_MAX) {
            enum selv_err err = (enum selv_err)r->err;
            (void)snprintf(
                is, sizeof(is), "%d %d %s %s %u", r->section, (int)r->code,
                w->names[w->suit.device_component[r->component]],
                err == SELV_OK ? "ok" : selv_err_name(err), r->policy);
        }
        if (strcmp(is, json_string_value(text)) != 0) {
            wrong(w, "run %zu, record %zu: %s, not %s", run, i, is,
                  json_string_value(text));
        }
    }
}

static void run(struct world *w, size_t number, json_t *json,
                struct selv_bytes envelope)
{
    bool is_update = strcmp(vector_text(json, "procedure"), "update") == 0;
    json_t *end = json_object_get(json, "end");
    const char *words_end = "done";

    w->step_count = 0;
    contents_set(w, json_object_get(json, "before"));
    selv_suit_record_into(&w->suit, w->records, RECORDS_MAX);
    enum selv_err err = selv_suit_begin(
        &w->suit, is_update ? SELV_SUIT_UPDATE : SELV_SUIT_INVOCATION);
    bool is_invoked = err == SELV_OK && procedure(w, envelope);
    if (is_invoked) {
        words_end = "invoked";
    } else if (err != SELV_OK || selv_suit_failure(&w->suit)->err != SELV_OK) {
        words_end = "failed";
        failure_compare(w, words_end, end);
    }
    if (json_is_string(end) && strcmp(json_string_value(end), words_end) != 0) {
        wrong(w, "run %zu: %s, not %s", number, words_end,
              json_string_value(end));
    } else if (json_is_object(end) && strcmp(words_end, "failed") != 0) {
        wrong(w, "run %zu: %s, not failed", number, words_end);
    }
    steps_compare(w, number, json_object_get(json, "steps"));
    contents_compare(w, number, json_object_get(json, "after"));
    if (is_update) {
        records_compare(w, number, json_object_get(json, "records"));
    }
}

/* All runs, or those of the invocation procedure alone, one after another with
 * the manifest loaded once: what one leaves behind must not show in the next.
 */
static void runs(struct world *w, const struct selv_suit_profile *profile,
                 bool is_boot, struct selv_bytes envelope)
{
    size_t i;
    json_t *json;
    bool is_loaded = load(w, profile, envelope);

    memset(w->content, 0, sizeof(w->content));
    contents_set(w, json_object_get(w->v->device, "before"));
    json_array_foreach(json_object_get(w->v->json, "runs"), i, json)
    {
        bool is_update = strcmp(vector_text(json, "procedure"), "update") == 0;
        if (is_boot && is_update) {
            /* What the consumer left there. */
            contents_set(w, json_object_get(json, "after"));
        } else if (is_loaded) {
            run(w, i, json, envelope);
        }
    }
}

static bool has_invocation(json_t *list)
{
    size_t i;
    json_t *json;

    json_array_foreach(list, i, json)
    {
        if (strcmp(vector_text(json, "procedure"), "invocation") == 0) {
            return true;
        }
    }
    return false;
}

bool vector_judge(const struct vector *v, struct selv_bytes envelope, char *why,
                  size_t cap)
{
    struct world *w = calloc(1, sizeof(*w));
    json_t *list = json_object_get(v->json, "runs");

    if (w == NULL) {
        vector_die(v, "out of memory");
    }
    w->v = v;
    device_read(w);
    if (load(w, &selv_suit_profile_consumer, envelope)) {
        runs(w, &selv_suit_profile_consumer, false, envelope);
        if (has_invocation(list)) {
            runs(w, boot_profile(w, envelope), true, envelope);
        }
    } else if (list != NULL) {
        wrong(w, "refused, but the vector has runs");
    }
    (void)snprintf(why, cap, "%s", w->why);
    bool is_right = w->why[0] == '\0';
    free(w);
    return is_right;
}
