/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifest_parts.h"

#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "host/key.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"

static void json_error_set(const char *path, const json_error_t *where,
                           struct selv_error *error)
{
    enum json_error_code code = json_error_code(where);
    const char *what = code == json_error_duplicate_key ? "" : "not JSON: ";
    const char *hint = "";

    if (code == json_error_numeric_overflow) {
        what = "";
        hint = "; numbers end at 2^63 - 1 here: in a template, text may say a "
               "higher sequence number";
    }
    selv_error_set(error, SELV_EXIT_REFUSED, "%.200s:%d:%d: %s%s%s", path,
                   where->line, where->column, what, where->text, hint);
}

json_t *selv_cli_json_load(const char *path, size_t flags,
                           struct selv_error *error)
{
    json_error_t where;
    struct selv_buf file;
    json_t *json;

    if (!selv_file_read(path, SELV_MANIFEST_FILE_MAX, &file, error)) {
        return NULL;
    }
    json = json_loadb((const char *)file.p, file.len,
                      JSON_REJECT_DUPLICATES | flags, &where);
    free(file.p);
    if (json == NULL) {
        json_error_set(path, &where, error);
    }
    return json;
}

json_t *selv_cli_template_load(const char *path, struct selv_error *error)
{
    return selv_cli_json_load(path, JSON_ALLOW_NUL, error);
}

bool selv_cli_template_build(const char *path, json_t *template,
                             struct selv_buf *out, struct selv_error *error)
{
    char folder[4096];

    return selv_manifest_build_json(template, selv_cli_folder_of(path, folder),
                                    out, error) ||
           (path != NULL && selv_error_prefix(error, path));
}

bool selv_cli_keys_load(const struct selv_cli_list *paths,
                        struct selv_cli_keys *keys, struct selv_error *error)
{
    keys->count = 0;
    for (size_t i = 0; i < paths->count; i++) {
        struct selv_key key;

        if (!selv_key_load(paths->values[i], &key, error)) {
            return false;
        }
        if (key.cose.method != NULL) {
            keys->names[keys->count] = paths->values[i];
            keys->ids[keys->count] = key.cose;
            keys->keys[keys->count] = key.cose;
            keys->keys[keys->count++].kid_len = 0;
        }
        selv_key_wipe(&key);
    }
    return true;
}

bool selv_cli_envelope_verify(const char *path, struct selv_bytes envelope,
                              const struct selv_cli_keys *keys,
                              struct selv_error *error)
{
    struct selv_manifest_verdict verdict;
    char why[SELV_ERROR_LEN];

    if (selv_manifest_verify(envelope, keys->keys, keys->count, NULL,
                             &verdict)) {
        return true;
    }
    selv_manifest_why(&verdict, why);
    return selv_error_set(error, selv_manifest_exit(&verdict),
                          "%.200s: devices would refuse it: %.700s", path, why);
}

bool selv_cli_envelope_read(const char *path, struct selv_buf *out,
                            struct selv_error *error)
{
    if (!selv_file_read(path, SELV_MANIFEST_FILE_MAX, out, error)) {
        return false;
    }
    if (out->len == 0) {
        free(out->p);
        memset(out, 0, sizeof(*out));
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s is empty: not a SUIT envelope", path);
    }
    return true;
}

/* Without keys the engine stops at the signature: what it refuses for, before
 * that, is the bytes themselves. */
bool selv_cli_envelope_explain(const char *path, struct selv_bytes envelope,
                               struct selv_error *error)
{
    char why[SELV_ERROR_LEN];
    char said[SELV_ERROR_LEN];
    struct selv_manifest_verdict verdict;
    struct selv_error ignored;
    json_t *description;

    memcpy(said, error->text, sizeof(said));
    description = selv_manifest_describe(envelope, NULL, &ignored);
    json_decref(description);
    if (error->exit == SELV_EXIT_REFUSED && description == NULL &&
        !selv_manifest_verify(envelope, NULL, 0, NULL, &verdict) &&
        selv_manifest_exit(&verdict) != SELV_EXIT_SIGNATURE) {
        selv_manifest_why(&verdict, why);
        selv_error_set(error, SELV_EXIT_REFUSED,
                       "%.200s: %.500s; `selvage manifest verify` judges it",
                       said, why);
    }
    return selv_error_prefix(error, path);
}

bool selv_cli_envelope_check(const char *path, struct selv_bytes envelope,
                             struct selv_error *error)
{
    json_t *description = selv_manifest_describe(envelope, NULL, error);

    json_decref(description);
    return description != NULL ||
           selv_cli_envelope_explain(path, envelope, error);
}

const char *selv_cli_folder_of(const char *path, char folder[static 4096])
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    if (slash == NULL || (size_t)(slash - path) >= 4095) {
        return NULL;
    }
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash == path ? 1 : slash - path] = '\0';
    if (slash == path) {
        folder[0] = '/';
    }
    return folder;
}
