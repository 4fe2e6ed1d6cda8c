/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/publish_static.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/chunks.h"
#include "cli/images.h"
#include "cli/manifest_parts.h"
#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"

enum { PATH_CAP = 4096 };

static bool folder_make(const char *path, struct selv_error *error)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ||
           selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                          "cannot make the folder %s: %s", path,
                          strerror(errno));
}

/* DIR, DIR/i, DIR/m, DIR/m/<vendor>. */
static bool folders_make(const char *folder, const char *vendor,
                         struct selv_error *error)
{
    char path[PATH_CAP];

    if (snprintf(path, sizeof(path), "%s/m/%s", folder, vendor) >= PATH_CAP) {
        return selv_error_set(error, SELV_EXIT_USAGE, "the path is too long");
    }
    if (!folder_make(folder, error)) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/i", folder);
    if (!folder_make(path, error)) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/m", folder);
    if (!folder_make(path, error)) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/m/%s", folder, vendor);
    return folder_make(path, error);
}

static bool bytes_put(const char *folder, struct selv_bytes bytes,
                      struct selv_error *error)
{
    uint8_t digest[32];
    char digits[65];
    char path[PATH_CAP];
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, bytes.p, bytes.len);
    selv_sha256_finish(&h, digest);
    selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
    if (snprintf(path, sizeof(path), "%s/i/%s", folder, digits) >= PATH_CAP) {
        return selv_error_set(error, SELV_EXIT_USAGE, "the path is too long");
    }
    return selv_file_write(path, bytes, 0644, error);
}

static bool image_put(const char *folder, const char *image,
                      struct selv_error *error)
{
    struct selv_buf bytes;
    bool done;

    if (!selv_file_read(image, SELV_IMAGE_FILE_MAX, &bytes, error)) {
        return false;
    }
    /* Read once, so that the name is that of the bytes which are written. */
    done = bytes_put(folder, selv_bytes(bytes.p, bytes.len), error);
    free(bytes.p);
    return done;
}

/* The first value of a parameter, at any depth of a sequence. */
static json_t *parameter_find(json_t *sequence, const char *name)
{
    size_t i;
    size_t k;
    json_t *command;
    json_t *inner;

    json_array_foreach(sequence, i, command)
    {
        json_t *found =
            json_object_get(json_object_get(command, "parameters"), name);

        if (found != NULL) {
            return found;
        }
        json_array_foreach(json_object_get(command, "sequences"), k, inner)
        {
            found = parameter_find(inner, name);
            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

/* What is at path in the tree must be there. */
static bool is_in_tree(const char *folder, const char *uri)
{
    char path[PATH_CAP];

    return snprintf(path, sizeof(path), "%s%s", folder, uri) >= PATH_CAP ||
           access(path, R_OK) == 0;
}

/* A list is beside its image, and comes from there. */
static bool list_check(const char *folder, json_t *parameters,
                       struct selv_error *error)
{
    const char *digits = json_string_value(
        json_object_get(json_object_get(parameters, "chunk-list"), "sha256"));
    char uri[80];

    snprintf(uri, sizeof(uri), "/i/%.64s", digits == NULL ? "" : digits);
    return digits == NULL || is_in_tree(folder, uri) ||
           selv_error_set(
               error, SELV_EXIT_REFUSED,
               "the manifest names the chunk list %s, which is of no "
               "image given; name its file too",
               uri);
}

/* Every uri of the form /i/<digest>, and chunk list, must be in the tree. */
static bool images_check(const char *folder, json_t *sequence,
                         struct selv_error *error)
{
    size_t i;
    size_t k;
    json_t *command;
    json_t *inner;

    json_array_foreach(sequence, i, command)
    {
        json_t *parameters = json_object_get(command, "parameters");
        const char *uri = json_string_value(json_object_get(parameters, "uri"));

        if (uri != NULL && strncmp(uri, "/i/", 3) == 0 &&
            strlen(uri) == 3 + 64 && !is_in_tree(folder, uri)) {
            return selv_error_set(error, SELV_EXIT_REFUSED,
                                  "the manifest fetches %s, and no image given "
                                  "has that digest; name its file too",
                                  uri);
        }
        if (!list_check(folder, parameters, error)) {
            return false;
        }
        json_array_foreach(json_object_get(command, "sequences"), k, inner)
        {
            if (!images_check(folder, inner, error)) {
                return false;
            }
        }
    }
    return true;
}

static bool tree_write(const char *folder, struct selv_bytes envelope,
                       json_t *description, const char *const *images,
                       size_t image_count, const struct selv_cli_chunks *chunks,
                       char path[static PATH_CAP], struct selv_error *error)
{
    json_t *commands = json_object_get(description, "commands");
    json_t *shared = json_object_get(commands, "shared");
    const char *vendor = json_string_value(
        json_object_get(parameter_find(shared, "vendor-identifier"), "uuid"));
    const char *class_id = json_string_value(
        json_object_get(parameter_find(shared, "class-identifier"), "uuid"));
    const char *name;
    json_t *sequence;

    if (vendor == NULL || class_id == NULL) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the manifest names no vendor or no class in its "
                              "shared sequence: no device would find it");
    }
    if (json_array_size(json_object_get(description, "signatures")) == 0) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the manifest is not signed; use manifest sign");
    }
    if (!selv_cli_images_check(description, images, image_count, error) ||
        !folders_make(folder, vendor, error)) {
        return false;
    }
    for (size_t i = 0; i < image_count; i++) {
        if (!image_put(folder, images[i], error)) {
            return false;
        }
    }
    for (size_t i = 0; i < chunks->count; i++) {
        const struct selv_buf *list = &chunks->list[i].bytes;

        if (!bytes_put(folder, selv_bytes(list->p, list->len), error)) {
            return false;
        }
    }
    json_object_foreach(commands, name, sequence)
    {
        if (!images_check(folder, sequence, error)) {
            return false;
        }
    }
    snprintf(path, PATH_CAP, "%.3900s/m/%s/%s", folder, vendor, class_id);
    return selv_file_write(path, envelope, 0644, error);
}

bool selv_cli_publish_static(const struct selv_cli *cli, const char *folder,
                             const char *envelope, const char *const *images,
                             size_t image_count,
                             const struct selv_cli_keys *keys,
                             struct selv_error *error)
{
    char path[PATH_CAP];
    struct selv_buf file;
    struct selv_cli_chunks chunks = {.count = 0};
    size_t list_count;
    json_t *description;
    bool done;

    if (!selv_file_read(envelope, SELV_MANIFEST_FILE_MAX, &file, error)) {
        return false;
    }
    if (keys != NULL &&
        !selv_cli_envelope_verify(envelope, selv_bytes(file.p, file.len), keys,
                                  error)) {
        free(file.p);
        return false;
    }
    description =
        selv_manifest_describe(selv_bytes(file.p, file.len), NULL, error);
    done = description != NULL &&
           selv_cli_chunks_find(&chunks, description, images, image_count,
                                error) &&
           tree_write(folder, selv_bytes(file.p, file.len), description, images,
                      image_count, &chunks, path, error);
    list_count = chunks.count;
    selv_cli_chunks_free(&chunks);
    json_decref(description);
    if (!done) {
        selv_cli_envelope_explain(envelope, selv_bytes(file.p, file.len),
                                  error);
    }
    free(file.p);
    if (!done) {
        return false;
    }
    selv_cli_say(cli, "%s   and %zu image%s, %zu chunk list%s below %s/i", path,
                 image_count, image_count == 1 ? "" : "s", list_count,
                 list_count == 1 ? "" : "s", folder);
    selv_cli_result(cli, json_pack("{s:s, s:s, s:b}", "envelope", path,
                                   "folder", folder, "verified", keys != NULL));
    return true;
}
