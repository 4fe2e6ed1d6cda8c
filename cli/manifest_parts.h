/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/manifest_parts.h - what the commands of `manifest` share: template files,
 * and parts of an envelope as files. */
#ifndef SELV_CLI_MANIFEST_PARTS_H
#define SELV_CLI_MANIFEST_PARTS_H

#include <jansson.h>

#include "base/base.h"
#include "host/error.h"

/* A template; NULL with *error. The caller decrefs it. */
json_t *selv_cli_template_load(const char *path, struct selv_error *error);

/* The folder of a path, for the template's relative file names; NULL: here. */
const char *selv_cli_folder_of(const char *path, char folder[static 4096]);

/* Make the folder where it is missing, and write every integrated payload
 * into it, under the name that a template has for it; never over a file that
 * is there. */
bool selv_cli_payloads_write(const char *folder, struct selv_bytes envelope,
                             struct selv_error *error);

#endif
