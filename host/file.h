/* SPDX-License-Identifier: Apache-2.0
 *
 * host/file.h - read a whole file, write a whole file. */
#ifndef SELV_HOST_FILE_H
#define SELV_HOST_FILE_H

#include "base/base.h"
#include "host/error.h"

/* Read all of a file of at most max bytes. out->p is from malloc (one byte
 * longer than len, and that byte is 0), and the caller frees it. */
bool selv_file_read(const char *path, size_t max, struct selv_buf *out,
                    struct selv_error *error);

/* Replace a file in one step: after a crash at any moment there is the old
 * content or the new. The bytes, and the entry in the folder, are on disk when
 * it returns. A path that is there and is no regular file (/dev/stdout, a
 * pipe) is written to directly.
 * mode: permissions of a new file, such as 0644. */
bool selv_file_write(const char *path, struct selv_bytes bytes, unsigned mode,
                     struct selv_error *error);

/* As selv_file_write, but refuse to replace: an existing file stays. */
bool selv_file_create(const char *path, struct selv_bytes bytes, unsigned mode,
                      struct selv_error *error);

/* Length and SHA-256 of a file of at most max bytes, read in pieces. */
bool selv_file_digest(const char *path, uint64_t max, uint8_t digest[static 32],
                      uint64_t *len, struct selv_error *error);

#endif
