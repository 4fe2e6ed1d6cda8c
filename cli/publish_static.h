/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/publish_static.h - a release as files: DIR/i/<sha-256> for each image,
 * DIR/m/<vendor id>/<class id> for the envelope. Any file server serves it. */
#ifndef SELV_CLI_PUBLISH_STATIC_H
#define SELV_CLI_PUBLISH_STATIC_H

#include "cli/cli.h"
#include "cli/manifest_parts.h"

/* The envelope goes last, so that a device never sees a manifest whose images
 * are not there yet. Every image that the manifest names by digest must be
 * among the images, or in the tree already. keys: one of them must verify the
 * envelope; NULL: that was not asked for. */
bool selv_cli_publish_static(const struct selv_cli *cli, const char *folder,
                             const char *envelope, const char *const *images,
                             size_t image_count,
                             const struct selv_cli_keys *keys,
                             struct selv_error *error);

#endif
