/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifest_parts.h"

#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "host/manifest.h"

json_t *selv_cli_template_load(const char *path, struct selv_error *error)
{
    json_error_t where;
    struct selv_buf file;
    json_t *template;

    if (!selv_file_read(path, SELV_MANIFEST_FILE_MAX, &file, error)) {
        return NULL;
    }
    template = json_loadb((const char *)file.p, file.len,
                          JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    free(file.p);
    if (template == NULL) {
        selv_error_set(error, SELV_EXIT_REFUSED, "%.200s:%d:%d: %s", path,
                       where.line, where.column, where.text);
    }
    return template;
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
