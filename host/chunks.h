/* SPDX-License-Identifier: Apache-2.0
 *
 * host/chunks.h - chunk lists of image files (docs/spec/chunks.md). */
#ifndef SELV_HOST_CHUNKS_H
#define SELV_HOST_CHUNKS_H

#include "host/error.h"
#include "suit/chunks.h"

/* The shift for chunks of so many bytes; 0: no chunks have that length. */
uint32_t selv_chunks_shift(uint64_t chunk_len);

/* Make the list of the image at path. shift 0: chosen by the image's length.
 * list->p is from malloc, and the caller frees it. An empty image has none. */
bool selv_chunks_make(const char *path, uint32_t shift, struct selv_buf *list,
                      struct selv_error *error);

/* The list's digest and length, as a manifest names it; digest is where name
 * then points to. */
void selv_chunks_name(struct selv_bytes list,
                      uint8_t digest[static SELV_SHA256_LEN],
                      struct selv_suit_chunks_name *name);

/* Whether a list of so many bytes can be of an image of so many, and then with
 * which shift; 0: no. */
uint32_t selv_chunks_shift_of(uint64_t image_len, uint64_t list_len);

#endif
