/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/images.h - do the images that someone publishes belong to the
 * manifest? */
#ifndef SELV_CLI_IMAGES_H
#define SELV_CLI_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "host/error.h"

/* description: of the manifest, by selv_manifest_describe. False with *error
 * for a file that cannot be read, and for one whose digest no command names.
 * Where sections were taken out of the envelope, they may name it: then every
 * readable file passes. */
bool selv_cli_images_check(json_t *description, const char *const *images,
                           size_t count, struct selv_error *error);

#endif
