/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet.h - what an operator does with an update server: publish
 * releases, look at releases and devices. Each prints to stdout; false with
 * *error when it did not work. */
#ifndef SELV_CLI_FLEET_H
#define SELV_CLI_FLEET_H

#include "cli/api.h"

/* How to print. */
struct selv_fleet_style {
    bool is_json;     /* the server's own objects, indented */
    bool is_quiet;    /* nothing but errors */
    bool is_verified; /* of publish: a key given verified the envelope */
};

/* An envelope that selv_fleet_publish may take: small enough for the server,
 * well formed, and of these images. The caller frees bytes->p when it is. */
bool selv_fleet_envelope_read(const char *path, const char *const *images,
                              size_t image_count, struct selv_buf *bytes,
                              struct selv_error *error);
/* Upload the images and their chunk lists, then the envelope, which was read
 * from path. Safe to repeat: what is there already is left alone, and another
 * envelope of the same manifest is replaced. An answer about anything else than
 * what went up is an error: SELV_EXIT_ENVIRONMENT. */
bool selv_fleet_publish(const struct selv_api *api,
                        const struct selv_fleet_style *style, const char *path,
                        struct selv_bytes envelope, const char *const *images,
                        size_t image_count, struct selv_error *error);

/* All of them, page by page, newest first. */
bool selv_fleet_releases(const struct selv_api *api,
                         const struct selv_fleet_style *style,
                         struct selv_error *error);
bool selv_fleet_devices(const struct selv_api *api,
                        const struct selv_fleet_style *style,
                        struct selv_error *error);

/* One of them: digest (64 hex digits, or as many of the first ones as are
 * unique) or id. */
bool selv_fleet_release(const struct selv_api *api,
                        const struct selv_fleet_style *style, const char *name,
                        struct selv_error *error);
bool selv_fleet_device(const struct selv_api *api,
                       const struct selv_fleet_style *style, const char *name,
                       struct selv_error *error);

#endif
