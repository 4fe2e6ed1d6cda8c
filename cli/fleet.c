/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chunks.h"
#include "cli/images.h"
#include "cli/manifest_parts.h"
#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/text.h"

#define ENVELOPE_MAX (64u << 10) /* bytes that the server takes */
#define IMAGE_MAX (64u << 20)
#define PATH_LEN 256u
#define PAGE "?limit=200"

/* ---- printing -------------------------------------------------------------
 */

/* Text from the server, without what could steer a terminal. "-" for null. */
static const char *text_of(json_t *object, const char *key)
{
    static char copies[8][128];
    static unsigned next;
    char *copy = copies[next++ % 8];
    json_t *value = json_object_get(object, key);

    if (json_is_integer(value)) {
        snprintf(copy, sizeof copies[0], "%" JSON_INTEGER_FORMAT,
                 json_integer_value(value));
        return copy;
    }
    if (!json_is_string(value)) {
        return "-";
    }
    snprintf(copy, sizeof copies[0], "%s", json_string_value(value));
    selv_text_clean(copy);
    return copy;
}

static void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
}

static void print_row(const char *label, const char *text)
{
    printf("%-18s %s\n", label, text);
}

/* What a device's slot number is called everywhere else. */
static const char *slot_of(json_t *object)
{
    json_t *slot = json_object_get(object, "slot");

    if (!json_is_integer(slot)) {
        return "-";
    }
    return json_integer_value(slot) == 0   ? "A"
           : json_integer_value(slot) == 1 ? "B"
                                           : text_of(object, "slot");
}

/* ---- publish ----------------------------------------------------------------
 */

/* An answer is only believed when it is about what went up: anything may
 * listen on a port. value NULL: there is no such member there. */
static bool answer_check(json_t *answer, const char *member, json_t *expected,
                         struct selv_error *error)
{
    bool is_same = json_equal(json_object_get(answer, member), expected) != 0;
    char *got = json_dumps(json_object_get(answer, member),
                           JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    char *want = json_dumps(expected, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

    if (!is_same) {
        selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                       "nothing says that the server has it: its answer's "
                       "\"%s\" is %.100s, and %.100s went up; is that "
                       "selvaged, of this version?",
                       member, got == NULL ? "missing" : got,
                       want == NULL ? "something else" : want);
    }
    free(got);
    free(want);
    json_decref(expected);
    return is_same;
}

static bool publish_image(const struct selv_api *api, const char *file,
                          bool is_quiet, struct selv_error *error)
{
    uint8_t digest[32];
    char hex[65], path[PATH_LEN];
    uint64_t len;
    bool is_new, is_good;
    json_t *answer;

    if (!selv_file_digest(file, IMAGE_MAX, digest, &len, error)) {
        return false;
    }
    selv_hex_encode(selv_bytes(digest, sizeof digest), hex);
    snprintf(path, sizeof path, "/api/v1/images/%s", hex);
    if (!selv_api_put_file(api, path, file, len, &answer, &is_new, error)) {
        return selv_error_prefix(error, file);
    }
    is_good =
        answer_check(answer, "digest", json_string(hex), error) &&
        answer_check(answer, "size", json_integer((json_int_t)len), error);
    json_decref(answer);
    if (!is_good) {
        return selv_error_prefix(error, file);
    }
    if (!is_quiet) {
        printf("image %s: %" PRIu64 " bytes, %s (%.16s…)\n", file, len,
               is_new ? "uploaded" : "was there", hex);
    }
    return true;
}

static bool publish_list(const struct selv_api *api,
                         const struct selv_cli_chunk_list *list, bool is_quiet,
                         struct selv_error *error)
{
    struct selv_bytes bytes = selv_bytes(list->bytes.p, list->bytes.len);
    char path[PATH_LEN];
    bool is_new, is_good;
    json_t *answer;

    snprintf(path, sizeof path, "/api/v1/images/%s", list->digits);
    if (!selv_api_put(api, path, bytes, &answer, &is_new, error)) {
        return selv_error_prefix(error, "the chunk list");
    }
    is_good = answer_check(answer, "digest", json_string(list->digits), error);
    json_decref(answer);
    if (!is_good) {
        return selv_error_prefix(error, "the chunk list");
    }
    if (!is_quiet) {
        printf("chunk list of %s: %zu bytes, %s (%.16s…)\n", list->image,
               bytes.len, is_new ? "uploaded" : "was there", list->digits);
    }
    return true;
}

/* Those that the manifest names, of these images. */
static bool publish_lists(const struct selv_api *api,
                          struct selv_bytes envelope, const char *const *images,
                          size_t image_count, bool is_quiet,
                          struct selv_error *error)
{
    struct selv_cli_chunks chunks = {.count = 0};
    json_t *description = selv_manifest_describe(envelope, NULL, error);
    bool done =
        description != NULL &&
        selv_cli_chunks_find(&chunks, description, images, image_count, error);

    for (size_t i = 0; done && i < chunks.count; i++) {
        done = publish_list(api, &chunks.list[i], is_quiet, error);
    }
    selv_cli_chunks_free(&chunks);
    json_decref(description);
    return done;
}

bool selv_fleet_envelope_read(const char *path, const char *const *images,
                              size_t image_count, struct selv_buf *bytes,
                              struct selv_error *error)
{
    json_t *description;
    bool is_good;

    if (!selv_file_read(path, ENVELOPE_MAX, bytes, error)) {
        return false;
    }
    description =
        selv_manifest_describe(selv_bytes(bytes->p, bytes->len), NULL, error);
    is_good = description != NULL &&
              selv_cli_images_check(description, images, image_count, error);
    json_decref(description);
    if (!is_good) {
        selv_cli_envelope_explain(path, selv_bytes(bytes->p, bytes->len),
                                  error);
        free(bytes->p);
    }
    return is_good;
}

/* The answer names the manifest and the very envelope that went up. */
static bool release_check(json_t *release, struct selv_bytes envelope,
                          struct selv_error *error)
{
    json_t *description = selv_manifest_describe(envelope, NULL, error);
    json_t *digest = json_object_get(description, "digest");
    json_t *number = json_object_get(description, "sequence_number");
    uint8_t bytes[SELV_SHA256_LEN];
    struct selv_sha256 hash;
    char hex[65];
    bool is_good;

    selv_sha256_init(&hash);
    selv_sha256_update(&hash, envelope.p, envelope.len);
    selv_sha256_finish(&hash, bytes);
    selv_hex_encode(selv_bytes(bytes, sizeof bytes), hex);
    is_good =
        description != NULL &&
        answer_check(release, "digest", json_incref(digest), error) &&
        answer_check(release, "sequence_number", json_incref(number), error) &&
        answer_check(release, "envelope", json_string(hex), error);
    json_decref(description);
    return is_good;
}

/* What became of it, in words. */
static const char *state_words(json_t *release, bool is_new)
{
    const char *state = json_string_value(json_object_get(release, "state"));

    if (state != NULL && strcmp(state, "replaced") == 0) {
        return "replaced another envelope of the same manifest";
    }
    return is_new ? "published" : "was published before";
}

bool selv_fleet_publish(const struct selv_api *api,
                        const struct selv_fleet_style *style, const char *path,
                        struct selv_bytes envelope, const char *const *images,
                        size_t image_count, struct selv_error *error)
{
    bool is_quiet = style->is_quiet || style->is_json;
    json_t *release = NULL;
    bool is_new = false;

    for (size_t i = 0; i < image_count; i++) {
        if (!publish_image(api, images[i], is_quiet, error)) {
            return false;
        }
    }
    if (!publish_lists(api, envelope, images, image_count, is_quiet, error)) {
        return false;
    }
    if (!selv_api_post(api, "/api/v1/releases",
                       "application/suit-envelope+cose", envelope, &release,
                       &is_new, error)) {
        return selv_error_prefix(error, path);
    }
    if (!release_check(release, envelope, error)) {
        json_decref(release);
        return selv_error_prefix(error, path);
    }
    if (style->is_json) {
        json_object_set_new(release, "verified",
                            json_boolean(style->is_verified));
        print_json(release);
    } else if (!style->is_quiet) {
        printf("release %s: sequence number %s, version %s, %s\n",
               text_of(release, "digest"), text_of(release, "sequence_number"),
               text_of(release, "version"), state_words(release, is_new));
    }
    json_decref(release);
    return true;
}

/* ---- lists
 * ------------------------------------------------------------------- */

/* All items of a paged list, one array. The caller decrefs it. */
static bool list_read(const struct selv_api *api, const char *list,
                      json_t **items, struct selv_error *error)
{
    char path[PATH_LEN];
    json_t *page, *next;

    *items = json_array();
    snprintf(path, sizeof path, "/api/v1/%s" PAGE, list);
    for (;;) {
        if (!selv_api_get(api, path, &page, error)) {
            break;
        }
        next = json_object_get(page, "next");
        if (json_array_extend(*items, json_object_get(page, "items")) != 0 ||
            (json_is_string(next) && json_string_length(next) > 128)) {
            json_decref(page);
            selv_error_set(error, SELV_EXIT_ENVIRONMENT, "%s: not a page of %s",
                           path, list);
            break;
        }
        if (!json_is_string(next)) {
            json_decref(page);
            return true;
        }
        snprintf(path, sizeof path, "/api/v1/%s" PAGE "&cursor=%s", list,
                 json_string_value(next));
        json_decref(page);
    }
    json_decref(*items);
    return false;
}

bool selv_fleet_releases(const struct selv_api *api,
                         const struct selv_fleet_style *style,
                         struct selv_error *error)
{
    json_t *items, *item;
    size_t i;

    if (!list_read(api, "releases", &items, error)) {
        return false;
    }
    if (style->is_json) {
        print_json(items);
    } else if (!style->is_quiet) {
        printf("%-16s  %8s  %-12s  %-20s  %s\n", "RELEASE", "SEQUENCE",
               "VERSION", "PUBLISHED", "CLASS ID");
        json_array_foreach(items, i, item)
        {
            printf("%.16s  %8s  %-12s  %-20s  %s\n", text_of(item, "digest"),
                   text_of(item, "sequence_number"), text_of(item, "version"),
                   text_of(item, "published_at"), text_of(item, "class_id"));
        }
        if (json_array_size(items) == 0) {
            printf("(no releases yet; selvage release publish makes one)\n");
        }
    }
    json_decref(items);
    return true;
}

bool selv_fleet_devices(const struct selv_api *api,
                        const struct selv_fleet_style *style,
                        struct selv_error *error)
{
    json_t *items, *item;
    size_t i;

    if (!list_read(api, "devices", &items, error)) {
        return false;
    }
    if (style->is_json) {
        print_json(items);
    } else if (!style->is_quiet) {
        printf("%-16s  %-12s  %8s  %-4s  %-11s  %-20s  %s\n", "DEVICE",
               "VERSION", "SEQUENCE", "SLOT", "STATE", "SEEN", "ERROR");
        json_array_foreach(items, i, item)
        {
            json_t *why = json_object_get(item, "error");
            printf("%-16s  %-12s  %8s  %-4s  %-11s  %-20s  %s\n",
                   text_of(item, "id"), text_of(item, "version"),
                   text_of(item, "sequence_number"), slot_of(item),
                   text_of(item, "state"), text_of(item, "seen_at"),
                   text_of(why, "text"));
        }
        if (json_array_size(items) == 0) {
            printf("(no devices yet; one appears when it registers)\n");
        }
    }
    json_decref(items);
    return true;
}

/* ---- one of them
 * -------------------------------------------------------------- */

static bool begins(json_t *item, const char *key, const char *prefix)
{
    const char *value = json_string_value(json_object_get(item, key));

    return value != NULL && strncmp(value, prefix, strlen(prefix)) == 0;
}

/* The one item whose key begins with prefix. A device has its own id too, the
 * one that device provision says. */
static bool find_one(const struct selv_api *api, const char *list,
                     const char *key, const char *prefix, char full[static 72],
                     struct selv_error *error)
{
    json_t *items, *item;
    size_t i, found = 0;

    if (!list_read(api, list, &items, error)) {
        return false;
    }
    json_array_foreach(items, i, item)
    {
        const char *value = json_string_value(json_object_get(item, key));
        if (value != NULL && prefix[0] != '\0' &&
            (begins(item, key, prefix) || begins(item, "device_id", prefix))) {
            found++;
            snprintf(full, 72, "%s", value);
        }
    }
    json_decref(items);
    if (found != 1) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s: %s of the %s begins so; see the list",
                              prefix, found == 0 ? "none" : "more than one",
                              list);
    }
    return true;
}

static bool get_one(const struct selv_api *api, const char *list,
                    const char *key, const char *prefix, json_t **answer,
                    struct selv_error *error)
{
    char full[72], path[PATH_LEN];

    if (!find_one(api, list, key, prefix, full, error)) {
        return false;
    }
    snprintf(path, sizeof path, "/api/v1/%s/%s", list, full);
    return selv_api_get(api, path, answer, error);
}

bool selv_fleet_release(const struct selv_api *api,
                        const struct selv_fleet_style *style, const char *name,
                        struct selv_error *error)
{
    json_t *r, *image;
    size_t i;

    if (!get_one(api, "releases", "digest", name, &r, error)) {
        return false;
    }
    if (style->is_json) {
        print_json(r);
    } else if (!style->is_quiet) {
        print_row("release", text_of(r, "digest"));
        print_row("sequence number", text_of(r, "sequence_number"));
        print_row("version", text_of(r, "version"));
        print_row("description", text_of(r, "description"));
        print_row("vendor id", text_of(r, "vendor_id"));
        print_row("class id", text_of(r, "class_id"));
        print_row("published", text_of(r, "published_at"));
        json_array_foreach(json_object_get(r, "images"), i, image)
        {
            printf("%-18s %s, %s bytes\n", i == 0 ? "images" : "",
                   text_of(image, "uri"), text_of(image, "size"));
        }
    }
    json_decref(r);
    return true;
}

static void print_report(json_t *report)
{
    json_t *why = json_object_get(report, "error");
    json_t *reason = json_object_get(report, "reason");

    printf("  %s  %-11s  sequence %-6s", text_of(report, "at"),
           text_of(report, "state"), text_of(report, "sequence_number"));
    if (json_is_object(why)) {
        printf("  %s", text_of(why, "text"));
    }
    if (json_is_object(reason)) {
        printf(" (%s)", text_of(reason, "text"));
    }
    putchar('\n');
}

bool selv_fleet_device(const struct selv_api *api,
                       const struct selv_fleet_style *style, const char *name,
                       struct selv_error *error)
{
    json_t *d, *report, *reports;
    size_t i;

    if (!get_one(api, "devices", "id", name, &d, error)) {
        return false;
    }
    if (style->is_json) {
        print_json(d);
    } else if (!style->is_quiet) {
        print_row("device", text_of(d, "id"));
        print_row("device id", text_of(d, "device_id"));
        print_row("vendor id", text_of(d, "vendor_id"));
        print_row("class id", text_of(d, "class_id"));
        print_row("runs version", text_of(d, "version"));
        print_row("sequence number", text_of(d, "sequence_number"));
        print_row("manifest", text_of(d, "digest"));
        print_row("slot", slot_of(d));
        print_row("state", text_of(d, "state"));
        print_row("error", text_of(json_object_get(d, "error"), "text"));
        print_row("accepted", text_of(d, "accepted"));
        print_row("floor", text_of(d, "floor"));
        print_row("registered", text_of(d, "registered_at"));
        print_row("seen", text_of(d, "seen_at"));
        reports = json_object_get(d, "reports");
        printf("reports, newest first:%s\n",
               json_array_size(reports) == 0 ? " none" : "");
        json_array_foreach(reports, i, report)
        {
            print_report(report);
        }
    }
    json_decref(d);
    return true;
}
