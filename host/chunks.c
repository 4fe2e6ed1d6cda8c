/* SPDX-License-Identifier: Apache-2.0 */
#include "host/chunks.h"

#include <stdlib.h>

#include "host/file.h"
#include "host/manifest.h"

uint32_t selv_chunks_shift(uint64_t chunk_len)
{
    for (uint32_t shift = SELV_SUIT_CHUNK_SHIFT_MIN;
         shift <= SELV_SUIT_CHUNK_SHIFT_MAX; shift++) {
        if (chunk_len == UINT64_C(1) << shift) {
            return shift;
        }
    }
    return 0;
}

uint32_t selv_chunks_shift_of(uint64_t image_len, uint64_t list_len)
{
    struct selv_suit_chunks c;

    for (uint32_t shift = SELV_SUIT_CHUNK_SHIFT_MIN;
         image_len <= UINT32_MAX && shift <= SELV_SUIT_CHUNK_SHIFT_MAX;
         shift++) {
        if (selv_suit_chunks_init(&c, (uint32_t)image_len, shift) == SELV_OK &&
            selv_suit_chunks_len(&c) == list_len) {
            return shift;
        }
    }
    return 0;
}

static bool list_make(struct selv_bytes image, uint32_t shift,
                      struct selv_buf *list)
{
    struct selv_suit_chunks c;

    if (selv_suit_chunks_init(&c, (uint32_t)image.len, shift) != SELV_OK) {
        return false;
    }
    list->cap = selv_suit_chunks_len(&c);
    list->len = 0;
    list->p = malloc(list->cap);
    if (list->p != NULL && selv_suit_chunks_make(image, shift, list)) {
        free(list->p);
        list->p = NULL;
    }
    return list->p != NULL;
}

bool selv_chunks_make(const char *path, uint32_t shift, struct selv_buf *list,
                      struct selv_error *error)
{
    struct selv_buf image;
    bool done;

    if (!selv_file_read(path, SELV_IMAGE_FILE_MAX, &image, error)) {
        return false;
    }
    if (image.len == 0) {
        free(image.p);
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s is empty: it has no chunks", path);
    }
    done = list_make(
        selv_bytes(image.p, image.len),
        shift == 0 ? selv_suit_chunks_shift_for((uint32_t)image.len) : shift,
        list);
    free(image.p);
    return done || selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                  "no memory for the chunk list of %s", path);
}

void selv_chunks_name(struct selv_bytes list,
                      uint8_t digest[static SELV_SHA256_LEN],
                      struct selv_suit_chunks_name *name)
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, list.p, list.len);
    selv_sha256_finish(&h, digest);
    name->digest = digest;
    name->len = (uint32_t)list.len;
}
