/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/chunks.h - the chunk lists of the images that a manifest is made of, or
 * is published with (docs/spec/chunks.md). */
#ifndef SELV_CLI_CHUNKS_H
#define SELV_CLI_CHUNKS_H

#include <jansson.h>

#include "cli/cli.h"
#include "host/error.h"
#include "suit/chunks.h"

struct selv_cli_chunk_list {
    struct selv_buf bytes; /* the list; from malloc */
    const char *image;     /* path of its image, the caller's; NULL after
                              selv_cli_chunks_of_template */
    char *path;            /* where it is written; from malloc; NULL: nowhere */
    char digits[2 * SELV_SHA256_LEN + 1]; /* its SHA-256 */
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_suit_chunks header;
};

/* Begin with all members zero, and free in any case. */
struct selv_cli_chunks {
    struct selv_cli_chunk_list list[SELV_CLI_LIST_MAX];
    size_t count;
};

/* Make the list of an image, which goes beside the envelope that is written to
 * output: IMAGE.chunks; nowhere when that is a link, or no file. shift 0:
 * chosen. An image of one chunk gets none. *list is the one made, or NULL. */
bool selv_cli_chunks_add(struct selv_cli_chunks *c, const char *image,
                         uint32_t shift, const char *output,
                         const struct selv_cli_chunk_list **list,
                         struct selv_error *error);

/* The same for each {"file": IMAGE} of a chunk-list in a template, of one chunk
 * too. folder: where relative names start; NULL: here. */
bool selv_cli_chunks_of_template(struct selv_cli_chunks *c, json_t *template,
                                 const char *folder, const char *output,
                                 struct selv_error *error);

/* What stands where a list goes may be nothing else than a list, two images'
 * lists may not want one place, nor a list that of the envelope, output. */
bool selv_cli_chunks_check(const struct selv_cli_chunks *c, const char *output,
                           struct selv_error *error);
bool selv_cli_chunks_write(const struct selv_cli_chunks *c,
                           struct selv_error *error);

/* A line for each; and for JSON a list of objects, which the caller decrefs. */
void selv_cli_chunks_say(const struct selv_cli *cli,
                         const struct selv_cli_chunks *c);
json_t *selv_cli_chunks_json(const struct selv_cli_chunks *c);

/* The lists that the manifest names and that are of one of these images, but
 * are none of these files themselves. description: by selv_manifest_describe.
 * What is of no image here is left out. */
bool selv_cli_chunks_find(struct selv_cli_chunks *c, json_t *description,
                          const char *const *images, size_t image_count,
                          struct selv_error *error);

void selv_cli_chunks_free(struct selv_cli_chunks *c);

#endif
