/* SPDX-License-Identifier: Apache-2.0
 *
 * The common case as a template: one component, one image or one for each of
 * two slots. */
#include <stdio.h>
#include <stdlib.h>

#include "host/hex.h"
#include "host/manifest_int.h"

/* {"image-digest": ..., "image-size": ...} */
static json_t *image_parameters(const struct selv_manifest_image *image)
{
    char digits[65];

    selv_hex_encode(selv_bytes(image->digest, sizeof(image->digest)), digits);
    return json_pack("{s:s, s:I}", "image-digest", digits, "image-size",
                     (json_int_t)image->size);
}

/* {"uri": ..., "chunk-list": ...}: relative, so that any server that has the
 * image serves it. */
static json_t *uri_parameters(const struct selv_manifest_plan *plan, size_t i)
{
    char digits[65];
    char uri[512];
    size_t len = plan->uri_base == NULL ? 0 : strlen(plan->uri_base);
    json_t *parameters;

    selv_hex_encode(
        selv_bytes(plan->image[i].digest, sizeof(plan->image[i].digest)),
        digits);
    while (len > 0 && plan->uri_base[len - 1] == '/') {
        len--;
    }
    snprintf(uri, sizeof(uri), "%.*s/i/%s", (int)len,
             len == 0 ? "" : plan->uri_base, digits);
    parameters = json_pack("{s:s}", "uri", uri);
    if (plan->image[i].chunks_size != 0) {
        selv_hex_encode(selv_bytes(plan->image[i].chunks_digest, 32), digits);
        json_object_set_new(parameters, "chunk-list",
                            json_pack("{s:s, s:I}", "sha256", digits, "size",
                                      (json_int_t)plan->image[i].chunks_size));
    }
    return parameters;
}

static json_t * override(json_t *parameters)
{
    return json_pack("{s:o}", "override-parameters", parameters);
}

/* Only in the slot: [slot is ours?, then these parameters] [manifest 7.7]. */
static json_t *if_slot(int slot, json_t *parameters)
{
    return json_pack("[o, s, o]",
                     override(json_pack("{s:i}", "component-slot", slot)),
                     "component-slot", override(parameters));
}

/* Identity first, so that a device of another kind says so, whatever its
 * slots are. */
static json_t *shared_sequence(const struct selv_manifest_plan *plan)
{
    json_t *identity = json_pack(
        "{s:{s:s}, s:{s:s, s:s}}", "vendor-identifier", "vendor", plan->vendor,
        "class-identifier", "vendor", plan->vendor, "class", plan->class_name);
    json_t *sequence = json_pack("[o, s, s]", override(identity),
                                 "vendor-identifier", "class-identifier");

    if (plan->image_count == 1) {
        json_array_append_new(sequence,
                              override(image_parameters(&plan->image[0])));
    } else {
        json_array_append_new(
            sequence, json_pack("{s:[o, o]}", "try-each",
                                if_slot(0, image_parameters(&plan->image[0])),
                                if_slot(1, image_parameters(&plan->image[1]))));
    }
    return sequence;
}

static json_t *install_sequence(const struct selv_manifest_plan *plan)
{
    json_t *where = plan->image_count == 1
                        ? override(uri_parameters(plan, 0))
                        : json_pack("{s:[o, o]}", "try-each",
                                    if_slot(0, uri_parameters(plan, 0)),
                                    if_slot(1, uri_parameters(plan, 1)));

    return json_pack("[o, s, s]", where, "fetch", "image-match");
}

static json_t *text(const struct selv_manifest_plan *plan,
                    const char *component)
{
    json_t *of_component =
        json_pack("{s:s, s:s, s:s, s:s}", "component", component,
                  "vendor-domain", plan->vendor, "model-name", plan->class_name,
                  "model-info", plan->class_name);
    json_t *english = json_pack("{s:[o]}", "components", of_component);

    if (plan->version != NULL) {
        json_object_set_new(of_component, "component-version",
                            json_string(plan->version));
    }
    if (plan->description != NULL) {
        json_object_set_new(english, "manifest-description",
                            json_string(plan->description));
    }
    return json_pack("{s:o}", "en", english);
}

/* Jansson takes no text but UTF-8. */
static bool is_utf8(const char *text)
{
    json_t *json = text == NULL ? NULL : json_string(text);
    bool is_good = text == NULL || json != NULL;

    json_decref(json);
    return is_good;
}

json_t *selv_manifest_plan_json(const struct selv_manifest_plan *plan,
                                struct selv_error *error)
{
    const char *component = plan->component == NULL ? "app" : plan->component;
    json_t *template = NULL;

    if (plan->sequence_number > INT64_MAX) {
        selv_error_set(error, SELV_EXIT_USAGE,
                       "the sequence number is larger than %lld",
                       (long long)INT64_MAX);
        return NULL;
    }
    if (plan->uri_base != NULL &&
        strlen(plan->uri_base) > SELV_SUIT_URI_MAX - strlen("/i/") - 64) {
        selv_error_set(error, SELV_EXIT_USAGE,
                       "the URI base is too long: with /i/ and a digest behind "
                       "it devices take %u bytes",
                       (unsigned)SELV_SUIT_URI_MAX);
        return NULL;
    }
    if (plan->image_count >= 1 && plan->image_count <= 2 &&
        is_utf8(plan->version) && is_utf8(plan->description)) {
        template = json_pack(
            "{s:I, s:[s], s:o, s:o, s:[s], s:[s], s:o}", "sequence-number",
            (json_int_t)plan->sequence_number, "components", component,
            "shared", shared_sequence(plan), "install", install_sequence(plan),
            "validate", "image-match", "invoke", "invoke", "text",
            text(plan, component));
    }
    if (template == NULL) {
        selv_error_set(error, SELV_EXIT_USAGE,
                       "vendor, class, component, version and description "
                       "must be UTF-8, and there must be one or two images");
    }
    return template;
}

bool selv_manifest_build(const struct selv_manifest_plan *plan,
                         struct selv_buf *out, struct selv_error *error)
{
    json_t *template = selv_manifest_plan_json(plan, error);
    bool done = template != NULL &&
                selv_manifest_build_json(template, NULL, out, error);

    json_decref(template);
    return done;
}
