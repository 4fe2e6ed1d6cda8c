/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a command ended as it did, in words that name what was compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/manifest_simulate_int.h"
#include "host/uuid.h"

enum { BYTES_SHOWN = 16 };

/* ---- parameters ---------------------------------------------------------- */

static void parameter_set(struct simulate_parameters *p, uint8_t component,
                          int32_t code, struct selv_bytes item)
{
    size_t i = 0;

    while (i < p->count[component] && p->of[component][i].code != code) {
        i++;
    }
    if (i < SIMULATE_PARAMETERS_MAX) {
        p->of[component][i].code = code;
        p->of[component][i].item = item;
        p->count[component] += i == p->count[component];
    }
}

void simulate_parameters_set(struct simulate_parameters *p, uint8_t component,
                             struct selv_bytes argument)
{
    struct selv_cbor r;
    uint32_t count = 0;
    int32_t code;
    struct selv_bytes item;

    selv_cbor_init(&r, argument);
    if (component >= SELV_SUIT_COMPONENTS_MAX ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        return;
    }
    for (; count > 0 && selv_cbor_int(&r, &code) == SELV_OK &&
           selv_cbor_skip(&r, &item) == SELV_OK;
         count--) {
        parameter_set(p, component, code, item);
    }
}

struct selv_bytes simulate_parameter(const struct simulate_parameters *p,
                                     uint8_t component, int32_t code)
{
    if (component < SELV_SUIT_COMPONENTS_MAX) {
        for (size_t i = 0; i < p->count[component]; i++) {
            if (p->of[component][i].code == code) {
                return p->of[component][i].item;
            }
        }
    }
    return selv_bytes(NULL, 0);
}

/* ---- values in words ----------------------------------------------------- */

/* A UUID, or the device file's name for it when it comes from one. */
static json_t *uuid_words(const struct simulate_world *w,
                          const uint8_t uuid[static SELV_UUID_LEN])
{
    char text[SELV_UUID_TEXT_LEN];
    uint8_t vendor[SELV_UUID_LEN];
    uint8_t class_id[SELV_UUID_LEN];
    const char *name = NULL;

    selv_uuid_format(uuid, text);
    if (w->vendor != NULL) {
        selv_uuid_vendor(w->vendor, vendor);
        name = memcmp(vendor, uuid, sizeof(vendor)) == 0 ? w->vendor : NULL;
    }
    if (w->vendor != NULL && w->class_name != NULL) {
        selv_uuid_class(vendor, w->class_name, class_id);
        name = memcmp(class_id, uuid, sizeof(class_id)) == 0 ? w->class_name
                                                             : name;
    }
    return json_string(name == NULL ? text : name);
}

/* In quotes, when it is text with nothing but line feeds between its words. */
static bool quote(struct selv_bytes bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] == '\n') {
            *out++ = '\\';
            *out++ = 'n';
        } else if (bytes.p[i] >= 0x20 && bytes.p[i] <= 0x7e) {
            *out++ = (char)bytes.p[i];
        } else {
            return false;
        }
    }
    *out = '\0';
    return bytes.len > 0;
}

/* Text in quotes, else digits; only the first ones of many. */
static json_t *bytes_words(struct selv_bytes bytes)
{
    char text[2 * BYTES_SHOWN + 1];
    struct selv_bytes shown = bytes;
    const char *more = "";

    if (bytes.len > BYTES_SHOWN) {
        shown.len = BYTES_SHOWN;
        more = "..";
    }
    if (quote(shown, text)) {
        return json_sprintf("\"%s%s\"", text, more);
    }
    selv_hex_encode(shown, text);
    return json_sprintf("h'%s%s'", text, more);
}

static json_t *digest_parameter_words(struct selv_bytes digest)
{
    struct selv_cbor r;
    struct selv_bytes bytes;
    uint32_t count;
    int32_t alg;
    char words[SIMULATE_WORDS_LEN];

    selv_cbor_init(&r, digest);
    if (selv_cbor_array(&r, &count) != SELV_OK ||
        selv_cbor_int(&r, &alg) != SELV_OK ||
        selv_cbor_bstr(&r, &bytes) != SELV_OK || bytes.len != SELV_SHA256_LEN) {
        return bytes_words(digest);
    }
    simulate_digest_words(bytes.p, words);
    return json_string(words);
}

static json_t *item_words(const struct simulate_world *w, int32_t code,
                          struct selv_bytes item)
{
    const struct manifest_word *word =
        manifest_word_at(manifest_parameters, code);
    struct selv_suit_chunks_name list;
    char words[SIMULATE_WORDS_LEN];
    struct selv_cbor r;
    struct selv_bytes bytes;
    uint64_t number;
    bool flag;

    if (word != NULL && word->shape == WORD_CHUNKS &&
        selv_suit_chunks_name_read(item, &list) == SELV_OK) {
        simulate_digest_words(list.digest, words);
        return json_sprintf("%s, %u bytes", words, (unsigned)list.len);
    }
    selv_cbor_init(&r, item);
    if (selv_cbor_uint(&r, &number) == SELV_OK) {
        return json_sprintf("%llu", (unsigned long long)number);
    }
    if (selv_cbor_bool(&r, &flag) == SELV_OK) {
        return json_string(flag ? "true" : "false");
    }
    if (selv_cbor_tstr(&r, &bytes) == SELV_OK) {
        return json_stringn((const char *)bytes.p, bytes.len);
    }
    if (selv_cbor_bstr(&r, &bytes) != SELV_OK) {
        return bytes_words(item);
    }
    if (word != NULL && word->shape == WORD_DIGEST) {
        return digest_parameter_words(bytes);
    }
    if (word != NULL && word->shape != WORD_BYTES &&
        bytes.len == SELV_UUID_LEN) {
        return uuid_words(w, bytes.p);
    }
    return bytes_words(bytes);
}

/* ---- what commands read -------------------------------------------------- */

static const struct {
    int32_t command;
    int32_t reads[4]; /* parameters */
} reads[] = {
    {SELV_SUIT_CONDITION_VENDOR_ID, {SELV_SUIT_PARAMETER_VENDOR_ID}},
    {SELV_SUIT_CONDITION_CLASS_ID, {SELV_SUIT_PARAMETER_CLASS_ID}},
    {SELV_SUIT_CONDITION_DEVICE_ID, {SELV_SUIT_PARAMETER_DEVICE_ID}},
    {SELV_SUIT_CONDITION_IMAGE_MATCH,
     {SELV_SUIT_PARAMETER_IMAGE_DIGEST, SELV_SUIT_PARAMETER_IMAGE_SIZE}},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, {SELV_SUIT_PARAMETER_COMPONENT_SLOT}},
    {SELV_SUIT_CONDITION_CHECK_CONTENT, {SELV_SUIT_PARAMETER_CONTENT}},
    {SELV_SUIT_DIRECTIVE_WRITE, {SELV_SUIT_PARAMETER_CONTENT}},
    {SELV_SUIT_DIRECTIVE_FETCH,
     {SELV_SUIT_PARAMETER_URI, SELV_SUIT_PARAMETER_IMAGE_SIZE,
      SELV_SUIT_PARAMETER_FETCH_ARGUMENTS, SELV_SUIT_PARAMETER_CHUNK_LIST}},
    {SELV_SUIT_DIRECTIVE_COPY,
     {SELV_SUIT_PARAMETER_SOURCE_COMPONENT, SELV_SUIT_PARAMETER_IMAGE_SIZE}},
    {SELV_SUIT_DIRECTIVE_SWAP, {SELV_SUIT_PARAMETER_SOURCE_COMPONENT}},
    {SELV_SUIT_DIRECTIVE_INVOKE, {SELV_SUIT_PARAMETER_INVOKE_ARGS}},
};

static void member_add(const struct simulate_world *w, json_t *out,
                       int32_t code, struct selv_bytes item)
{
    const char *name = selv_manifest_parameter_name(code);
    char number[16];

    snprintf(number, sizeof(number), "%d", (int)code);
    json_object_set_new(out, name == NULL ? number : name,
                        item_words(w, code, item));
}

json_t *simulate_consumed(const struct simulate_world *w,
                          const struct simulate_parameters *p,
                          const struct simulate_ended *ended)
{
    json_t *out = json_object();

    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        for (size_t k = 0;
             reads[i].command == ended->code && k < 4 && reads[i].reads[k] != 0;
             k++) {
            int32_t code = reads[i].reads[k];
            struct selv_bytes item =
                simulate_parameter(p, ended->component, code);

            if (item.p != NULL) {
                member_add(w, out, code, item);
            }
        }
    }
    return out;
}

/* ---- why ----------------------------------------------------------------- */

/* A parameter in words, "nothing" when unset; the caller decrefs it. */
static json_t *wanted(const struct simulate_world *w,
                      const struct simulate_parameters *p,
                      const struct simulate_ended *ended, int32_t code)
{
    struct selv_bytes item = simulate_parameter(p, ended->component, code);
    json_t *words = item.p == NULL ? NULL : item_words(w, code, item);

    return words == NULL ? json_string("nothing") : words;
}

/* "the device's slot is 1, the manifest wants 0" */
static json_t *compare(const struct simulate_ended *ended, const char *what,
                       json_t *own, json_t *other)
{
    json_t *out =
        ended->err == SELV_OK
            ? json_sprintf("%s is %s, as wanted", what, json_string_value(own))
            : json_sprintf("%s is %s, the manifest wants %s", what,
                           json_string_value(own), json_string_value(other));

    json_decref(own);
    json_decref(other);
    return out;
}

static json_t *image_why(const struct simulate_world *w,
                         const struct simulate_parameters *p,
                         const struct simulate_ended *ended)
{
    json_t *other = wanted(w, p, ended, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
    const char *note = ended->note == NULL ? "" : ended->note;
    json_t *out;

    if (ended->err == SELV_OK) {
        out = json_sprintf("%s, as wanted", note);
    } else if (ended->err == SELV_ERR_SUIT_IMAGE &&
               strncmp(note, "digest", 6) == 0) {
        out = json_sprintf("%s, the manifest wants %s", note,
                           json_string_value(other));
    } else if (ended->err == SELV_ERR_SUIT_CONTENT) {
        out = json_sprintf("%s, that of the content is another", note);
    } else {
        out = json_string(note);
    }
    json_decref(other);
    return out;
}

/* "uri /i/.., image-size 1024" of an override-parameters */
static json_t *override_why(const struct simulate_world *w,
                            const struct simulate_ended *ended)
{
    json_t *text = json_string("");
    json_t *members = json_object();
    struct selv_cbor r;
    uint32_t count = 0;
    int32_t code;
    struct selv_bytes item;
    const char *name;
    json_t *value;

    selv_cbor_init(&r, ended->argument);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        count = 0;
    }
    for (; count > 0 && selv_cbor_int(&r, &code) == SELV_OK &&
           selv_cbor_skip(&r, &item) == SELV_OK;
         count--) {
        member_add(w, members, code, item);
    }
    json_object_foreach(members, name, value)
    {
        json_t *longer = json_sprintf("%s%s%s %s", json_string_value(text),
                                      json_string_length(text) == 0 ? "" : ", ",
                                      name, json_string_value(value));

        json_decref(text);
        text = longer;
    }
    json_decref(members);
    return text;
}

/* "from here on for app and radio" */
static json_t *index_why(json_t *components, const struct simulate_ended *ended)
{
    json_t *text = json_string("from here on for");
    struct selv_cbor r;
    uint32_t count = 1;
    uint32_t index = 0;
    bool is_all = false;

    selv_cbor_init(&r, ended->argument);
    if (selv_cbor_bool(&r, &is_all) == SELV_OK) {
        json_decref(text);
        return json_string("from here on for each component in turn");
    }
    if (selv_cbor_peek(&r) == SELV_CBOR_ARRAY &&
        selv_cbor_array(&r, &count) != SELV_OK) {
        count = 0;
    }
    for (uint32_t i = 0;
         i < count && selv_cbor_uint32(&r, UINT8_MAX, &index) == SELV_OK; i++) {
        const char *name = json_string_value(json_array_get(components, index));
        json_t *longer = json_sprintf("%s%s %s", json_string_value(text),
                                      i == 0          ? ""
                                      : i + 1 < count ? ","
                                                      : " and",
                                      name == NULL ? "?" : name);

        json_decref(text);
        text = longer;
    }
    return text;
}

/* "copied from radio" */
static json_t *source_why(const struct simulate_parameters *p,
                          json_t *components,
                          const struct simulate_ended *ended)
{
    struct selv_bytes item = simulate_parameter(
        p, ended->component, SELV_SUIT_PARAMETER_SOURCE_COMPONENT);
    struct selv_cbor r;
    uint32_t source = 0;
    const char *name = NULL;
    bool is_swap = ended->code == SELV_SUIT_DIRECTIVE_SWAP;

    selv_cbor_init(&r, item);
    if (selv_cbor_uint32(&r, UINT8_MAX, &source) == SELV_OK) {
        name = json_string_value(json_array_get(components, source));
    }
    name = name == NULL ? "?" : name;
    if (ended->err == SELV_OK) {
        return json_sprintf("%s %s", is_swap ? "exchanged with" : "copied from",
                            name);
    }
    return json_sprintf("%s %s: %s", is_swap ? "with" : "from", name,
                        ended->note != NULL ? ended->note
                                            : selv_err_str(ended->err));
}

static json_t *fetch_why(const struct simulate_world *w,
                         const struct simulate_parameters *p,
                         const struct simulate_ended *ended)
{
    json_t *uri = wanted(w, p, ended, SELV_SUIT_PARAMETER_URI);
    json_t *size = wanted(w, p, ended, SELV_SUIT_PARAMETER_IMAGE_SIZE);
    bool has_size =
        simulate_parameter(p, ended->component, SELV_SUIT_PARAMETER_IMAGE_SIZE)
            .p != NULL;
    json_t *out = json_sprintf(
        "%s%s%s%s: %s", json_string_value(uri), has_size ? ", " : "",
        has_size ? json_string_value(size) : "", has_size ? " bytes" : "",
        ended->note != NULL ? ended->note : selv_err_str(ended->err));

    json_decref(uri);
    json_decref(size);
    return out;
}

static json_t *nested_why(const struct simulate_ended *ended)
{
    bool is_try = ended->code == SELV_SUIT_DIRECTIVE_TRY_EACH;

    if (ended->err != SELV_OK) {
        return json_string(selv_err_str(ended->err));
    }
    if (!ended->has_failed_inside) {
        return json_string(is_try ? "that sequence was good: enough"
                                  : "the sequence was good");
    }
    return json_string(is_try ? "no sequence was good, but the last is nil: "
                                "goes on"
                              : "its sequence failed softly: goes on");
}

json_t *simulate_why(const struct simulate_world *w,
                     const struct simulate_parameters *p, json_t *components,
                     const struct simulate_ended *ended)
{
    const struct selv_manifest_device *d = &w->device;

    if (ended->err == SELV_ERR_SUIT_UNSET) {
        return json_string("a parameter that it needs is not set");
    }
    switch (ended->code) {
    case SELV_SUIT_CONDITION_VENDOR_ID:
        return compare(ended, "the device's vendor",
                       uuid_words(w, d->vendor_id),
                       wanted(w, p, ended, SELV_SUIT_PARAMETER_VENDOR_ID));
    case SELV_SUIT_CONDITION_CLASS_ID:
        return compare(ended, "the device's class", uuid_words(w, d->class_id),
                       wanted(w, p, ended, SELV_SUIT_PARAMETER_CLASS_ID));
    case SELV_SUIT_CONDITION_DEVICE_ID:
        return compare(ended, "the device",
                       d->has_device_id ? uuid_words(w, d->device_id)
                                        : json_string("without an id"),
                       wanted(w, p, ended, SELV_SUIT_PARAMETER_DEVICE_ID));
    case SELV_SUIT_CONDITION_COMPONENT_SLOT:
        return compare(
            ended, "the device's slot",
            json_sprintf("%u", (unsigned)w->components[ended->slot].slot),
            wanted(w, p, ended, SELV_SUIT_PARAMETER_COMPONENT_SLOT));
    case SELV_SUIT_CONDITION_IMAGE_MATCH:
    case SELV_SUIT_CONDITION_CHECK_CONTENT:
        return image_why(w, p, ended);
    case SELV_SUIT_CONDITION_ABORT:
        return json_string("the manifest says so");
    case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        return index_why(components, ended);
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return override_why(w, ended);
    case SELV_SUIT_DIRECTIVE_FETCH:
        return fetch_why(w, p, ended);
    case SELV_SUIT_DIRECTIVE_COPY:
    case SELV_SUIT_DIRECTIVE_SWAP:
        return source_why(p, components, ended);
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        return nested_why(ended);
    default:
        return json_string(ended->note != NULL ? ended->note
                                               : selv_err_str(ended->err));
    }
}
