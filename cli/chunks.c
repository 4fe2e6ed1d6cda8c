/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/chunks.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"

void selv_cli_chunks_free(struct selv_cli_chunks *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->list[i].bytes.p);
        free(c->list[i].path);
    }
    memset(c, 0, sizeof(*c));
}

/* ---- making them ------------------------------------------------------------
 */

/* Takes the bytes over, and fills in the rest but the path. */
static bool list_take(struct selv_cli_chunks *c, const char *image,
                      struct selv_buf bytes, struct selv_error *error)
{
    struct selv_cli_chunk_list *list = &c->list[c->count];
    struct selv_suit_chunks_name name;

    if (c->count == SELV_CLI_LIST_MAX) {
        free(bytes.p);
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "more than %d chunk lists",
                              (int)SELV_CLI_LIST_MAX);
    }
    memset(list, 0, sizeof(*list));
    list->bytes = bytes;
    list->image = image;
    selv_chunks_name(selv_bytes(bytes.p, bytes.len), list->digest, &name);
    selv_hex_encode(selv_bytes(list->digest, sizeof(list->digest)),
                    list->digits);
    if (selv_suit_chunks_read(bytes.p, (uint32_t)bytes.len, 0, &list->header) !=
        SELV_OK) {
        free(bytes.p);
        return selv_error_set(error, SELV_EXIT_REFUSED, "%s: no chunk list",
                              image);
    }
    c->count++;
    return true;
}

static const struct selv_cli_chunk_list *
list_find(const struct selv_cli_chunks *c, const char *digits)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->list[i].digits, digits) == 0) {
            return &c->list[i];
        }
    }
    return NULL;
}

/* IMAGE.chunks in the envelope's folder. NULL: none can be written there. */
static char *path_beside(const char *image, const char *output)
{
    const char *name = strrchr(image, '/');
    const char *slash = output == NULL ? NULL : strrchr(output, '/');
    int folder_len = slash == NULL ? 0 : (int)(slash - output) + 1;
    char *path = NULL;
    struct stat there;
    size_t len;

    name = name == NULL ? image : name + 1;
    if (output == NULL ||
        /* Of a link, such as /dev/stdout, the folder is not where it goes. */
        (lstat(output, &there) == 0 && !S_ISREG(there.st_mode))) {
        return NULL;
    }
    len = (size_t)folder_len + strlen(name) + sizeof(".chunks");
    path = malloc(len);
    if (path != NULL) {
        snprintf(path, len, "%.*s%s.chunks", folder_len, output, name);
    }
    return path;
}

bool selv_cli_chunks_add(struct selv_cli_chunks *c, const char *image,
                         uint32_t shift, const char *output,
                         const struct selv_cli_chunk_list **list,
                         struct selv_error *error)
{
    struct selv_cli_chunk_list *last;
    struct selv_buf bytes;

    *list = NULL;
    if (!selv_chunks_make(image, shift, &bytes, error)) {
        return false;
    }
    if (bytes.len <= SELV_SUIT_CHUNKS_HEADER_LEN + SELV_SHA256_LEN) {
        free(bytes.p);
        return true;
    }
    if (!list_take(c, image, bytes, error)) {
        return false;
    }
    last = &c->list[c->count - 1];
    last->path = path_beside(image, output);
    *list = last;
    return true;
}

/* {"file": IMAGE, "chunk": LENGTH}, whose form the build has checked. */
static bool value_add(struct selv_cli_chunks *c, json_t *value,
                      const char *folder, const char *output,
                      struct selv_error *error)
{
    const char *name = json_string_value(json_object_get(value, "file"));
    json_int_t chunk = json_integer_value(json_object_get(value, "chunk"));
    uint32_t shift = chunk > 0 ? selv_chunks_shift((uint64_t)chunk) : 0;
    struct selv_cli_chunk_list *last;
    struct selv_buf bytes;
    char path[4096];
    bool is_below = folder != NULL && name != NULL && name[0] != '/';

    if (name == NULL) {
        return true;
    }
    snprintf(path, sizeof(path), "%s%s%s", is_below ? folder : "",
             is_below ? "/" : "", name);
    if (!selv_chunks_make(path, shift, &bytes, error) ||
        !list_take(c, path, bytes, error)) {
        return false;
    }
    last = &c->list[--c->count];
    last->image = NULL; /* path is ours */
    if (list_find(c, last->digits) != NULL) {
        free(last->bytes.p);
        return true;
    }
    last->path = path_beside(path, output);
    c->count++;
    return true;
}

bool selv_cli_chunks_of_template(struct selv_cli_chunks *c, json_t *template,
                                 const char *folder, const char *output,
                                 struct selv_error *error)
{
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach(template, key, value)
    {
        if (!(strcmp(key, "chunk-list") == 0
                  ? value_add(c, value, folder, output, error)
                  : selv_cli_chunks_of_template(c, value, folder, output,
                                                error))) {
            return false;
        }
    }
    json_array_foreach(template, i, value)
    {
        if (!selv_cli_chunks_of_template(c, value, folder, output, error)) {
            return false;
        }
    }
    return true;
}

/* ---- writing them -----------------------------------------------------------
 */

static bool place_check(const char *path, struct selv_error *error)
{
    struct selv_suit_chunks header;
    struct selv_buf there;
    struct stat is;
    bool is_list;

    if (stat(path, &is) != 0) {
        return true; /* or it cannot be written, and says so then */
    }
    if (!selv_file_read(path, SELV_IMAGE_FILE_MAX, &there, error)) {
        return false;
    }
    is_list = there.len >= SELV_SUIT_CHUNKS_HEADER_LEN &&
              selv_suit_chunks_read(there.p, (uint32_t)there.len, 0, &header) ==
                  SELV_OK;
    free(there.p);
    return is_list || selv_error_set(error, SELV_EXIT_REFUSED,
                                     "%s is no chunk list, and would be "
                                     "replaced by one; move it, or give "
                                     "--no-chunks",
                                     path);
}

bool selv_cli_chunks_check(const struct selv_cli_chunks *c, const char *output,
                           struct selv_error *error)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *path = c->list[i].path;

        if (path != NULL && strcmp(path, output) == 0) {
            return selv_error_set(error, SELV_EXIT_REFUSED,
                                  "%s would be a chunk list: give the envelope "
                                  "another name, or --no-chunks",
                                  path);
        }

        for (size_t k = 0; path != NULL && k < i; k++) {
            if (c->list[k].path != NULL && strcmp(c->list[k].path, path) == 0 &&
                strcmp(c->list[k].digits, c->list[i].digits) != 0) {
                return selv_error_set(error, SELV_EXIT_REFUSED,
                                      "two chunk lists would be %s: give the "
                                      "images other names, or --no-chunks",
                                      path);
            }
        }
        if (path != NULL && !place_check(path, error)) {
            return false;
        }
    }
    return true;
}

bool selv_cli_chunks_write(const struct selv_cli_chunks *c,
                           struct selv_error *error)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct selv_cli_chunk_list *list = &c->list[i];

        if (list->path != NULL &&
            !selv_file_write(list->path,
                             selv_bytes(list->bytes.p, list->bytes.len), 0644,
                             error)) {
            return false;
        }
    }
    return true;
}

void selv_cli_chunks_say(const struct selv_cli *cli,
                         const struct selv_cli_chunks *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct selv_cli_chunk_list *list = &c->list[i];

        selv_cli_say(cli,
                     "%s   %zu bytes, chunk list: %u chunks of %u bytes, "
                     "digest sha-256 %s",
                     list->path == NULL ? "(not written)" : list->path,
                     list->bytes.len, (unsigned)list->header.count,
                     1u << list->header.shift, list->digits);
    }
}

json_t *selv_cli_chunks_json(const struct selv_cli_chunks *c)
{
    json_t *out = json_array();

    for (size_t i = 0; i < c->count; i++) {
        const struct selv_cli_chunk_list *list = &c->list[i];

        json_array_append_new(
            out,
            json_pack("{s:s?, s:I, s:s, s:I, s:I}", "file", list->path, "size",
                      (json_int_t)list->bytes.len, "digest", list->digits,
                      "chunk", (json_int_t)1 << list->header.shift, "chunks",
                      (json_int_t)list->header.count));
    }
    return out;
}

/* ---- those that a manifest names --------------------------------------------
 */

/* The list of size bytes, when it is of that image of len bytes: one length of
 * chunks gives a list of that length, or few do. */
static bool image_try(struct selv_cli_chunks *c, const char *image,
                      uint64_t len, uint64_t size, const char *digits,
                      struct selv_error *error)
{
    for (uint32_t shift = selv_chunks_shift_of(len, size);
         shift != 0 && shift <= SELV_SUIT_CHUNK_SHIFT_MAX; shift++) {
        struct selv_buf bytes;

        if (!selv_chunks_make(image, shift, &bytes, error) ||
            !list_take(c, image, bytes, error)) {
            return false;
        }
        if (strcmp(c->list[c->count - 1].digits, digits) == 0) {
            return true;
        }
        free(c->list[--c->count].bytes.p);
    }
    return true;
}

static bool name_find(struct selv_cli_chunks *c, json_t *value,
                      const char *const *images, size_t image_count,
                      struct selv_error *error)
{
    const char *digits = json_string_value(json_object_get(value, "sha256"));
    json_int_t size = json_integer_value(json_object_get(value, "size"));

    if (digits == NULL || list_find(c, digits) != NULL) {
        return true;
    }
    for (size_t i = 0; i < image_count; i++) {
        uint8_t digest[SELV_SHA256_LEN];
        char own[2 * SELV_SHA256_LEN + 1];
        uint64_t len;

        if (!selv_file_digest(images[i], SELV_IMAGE_FILE_MAX, digest, &len,
                              error)) {
            return false;
        }
        selv_hex_encode(selv_bytes(digest, sizeof(digest)), own);
        if (strcmp(own, digits) == 0) {
            return true; /* it is given */
        }
        if (!image_try(c, images[i], len, (uint64_t)size, digits, error)) {
            return false;
        }
        if (list_find(c, digits) != NULL) {
            return true;
        }
    }
    return true;
}

static bool names_find(struct selv_cli_chunks *c, json_t *commands,
                       const char *const *images, size_t image_count,
                       struct selv_error *error)
{
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach(commands, key, value)
    {
        if (!(strcmp(key, "chunk-list") == 0
                  ? name_find(c, value, images, image_count, error)
                  : names_find(c, value, images, image_count, error))) {
            return false;
        }
    }
    json_array_foreach(commands, i, value)
    {
        if (!names_find(c, value, images, image_count, error)) {
            return false;
        }
    }
    return true;
}

bool selv_cli_chunks_find(struct selv_cli_chunks *c, json_t *description,
                          const char *const *images, size_t image_count,
                          struct selv_error *error)
{
    return names_find(c, json_object_get(description, "commands"), images,
                      image_count, error);
}
