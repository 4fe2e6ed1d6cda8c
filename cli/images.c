/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/images.h"

#include <string.h>

#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"

/* The digest in any text of the value, at any depth: as image-digest, or as
 * the end of a URI. */
static bool names(json_t *value, const char *digest)
{
    const char *key;
    json_t *inner;
    size_t i;

    json_array_foreach(value, i, inner)
    {
        if (names(inner, digest)) {
            return true;
        }
    }
    json_object_foreach(value, key, inner)
    {
        if (names(inner, digest)) {
            return true;
        }
    }
    return json_is_string(value) &&
           strstr(json_string_value(value), digest) != NULL;
}

bool selv_cli_images_check(json_t *description, const char *const *images,
                           size_t count, struct selv_error *error)
{
    json_t *commands = json_object_get(description, "commands");
    bool is_cut = json_array_size(json_object_get(description, "absent")) > 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t digest[32];
        char digits[65];
        uint64_t len;

        if (!selv_file_digest(images[i], SELV_IMAGE_FILE_MAX, digest, &len,
                              error)) {
            return false;
        }
        selv_hex_encode(selv_bytes(digest, sizeof digest), digits);
        if (!is_cut && !names(commands, digits)) {
            return selv_error_set(error, SELV_EXIT_REFUSED,
                                  "the manifest does not name the image %s "
                                  "(sha-256 %s)",
                                  images[i], digits);
        }
    }
    return true;
}
