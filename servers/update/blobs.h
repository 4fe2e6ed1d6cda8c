/* SPDX-License-Identifier: Apache-2.0
 *
 * update/blobs.h - files named by the SHA-256 of their bytes: images and
 * envelopes, in STATE/images/<2 hex digits>/<62 hex digits>.
 *
 * Invariants
 *   B1 A file under its final name holds all its bytes, on disk: it is written
 *      and fsynced under a temporary name first.
 *   B2 selv_blob_commit returns SELV_BLOB_OK only after the rename is on disk
 *      too (the folder is fsynced).
 *   B3 A temporary file is nobody's: those found at start are deleted.
 *   B4 A file is never changed in place, so one that is being read stays
 *      whole.
 * Owns: descriptors; a blob being written until commit or abort. */
#ifndef SELV_UPDATE_BLOBS_H
#define SELV_UPDATE_BLOBS_H

#include "base/base.h"
#include "crypto/crypto.h"

/* Bytes of a digest in hex, with its final 0. */
#define SELV_HEX_DIGEST_LEN (2 * SELV_SHA256_LEN + 1)

enum selv_blob_status {
    SELV_BLOB_OK = 0,
    SELV_BLOB_FULL,  /* disk, quota or file size limit reached */
    SELV_BLOB_OTHER, /* the bytes have another SHA-256 than promised */
    SELV_BLOB_FAILED /* errno tells */
};

struct selv_blobs {
    int folder_fd;
    int temporary_fd;
    uint64_t counter; /* names temporary files */
};

struct selv_blob {
    struct selv_blobs *blobs;
    int fd;
    char name[24]; /* temporary; empty once it has its final one */
    bool is_hashed;
    struct selv_sha256 hash;
    uint64_t size;                /* bytes so far */
    enum selv_blob_status status; /* the first failure, kept */
    int err;                      /* its errno */
};

/* Open or make the folder below the state folder. False with errno. *cleaned
 * gets the number of temporary files deleted. */
SELV_MUST_CHECK bool selv_blobs_open(struct selv_blobs *blobs, int state_fd,
                                     unsigned *cleaned);
void selv_blobs_close(struct selv_blobs *blobs);

/* A descriptor for reading and the size, or -1 with errno (ENOENT: we have no
 * such blob). */
SELV_MUST_CHECK int selv_blob_open(const struct selv_blobs *blobs,
                                   const uint8_t digest[static SELV_SHA256_LEN],
                                   uint64_t *size);

/* Write one. Failures are kept and told by commit. */
void selv_blob_begin(struct selv_blobs *blobs, struct selv_blob *blob);
void selv_blob_append(struct selv_blob *blob, struct selv_bytes piece);
/* want: the digest that it must have; NULL: any. digest gets its own. */
SELV_MUST_CHECK enum selv_blob_status
selv_blob_commit(struct selv_blob *blob, const uint8_t *want,
                 uint8_t digest[static SELV_SHA256_LEN]);
/* Forget it, and its temporary file. Harmless after commit or abort. */
void selv_blob_abort(struct selv_blob *blob);

/* Names on the wire: hex, lower case. decode: false unless text is exactly
 * 2 * len digits; upper case is refused, so that each digest has one name. */
void selv_name_encode(const uint8_t *p, size_t len, char *text);
bool selv_name_decode(struct selv_bytes text, uint8_t *p, size_t len);

#endif
