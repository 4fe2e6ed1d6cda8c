/* SPDX-License-Identifier: Apache-2.0
 *
 * host/key.h - key files: PEM (SEC 1, PKCS #8, public), binary COSE_Key (EC2
 * or symmetric), and raw symmetric keys. */
#ifndef SELV_HOST_KEY_H
#define SELV_HOST_KEY_H

#include "base/base.h"
#include "cose/cose.h"
#include "host/error.h"

enum selv_key_kind {
    SELV_KEY_P256,      /* may verify, and sign when it has a private half */
    SELV_KEY_HMAC256,   /* a secret: may verify and sign */
    SELV_KEY_SYMMETRIC, /* 16 or 24 raw bytes: fits no block yet */
    SELV_KEY_OTHER      /* a key, of a kind that fits no block of ours */
};

struct selv_key {
    enum selv_key_kind kind;
    const char *what;          /* words for the kind, such as "RSA" */
    struct selv_cose_key cose; /* method NULL: of another kind than the first
                                  two. kid: the file's, or none */
    uint8_t private_key[SELV_P256_PRIVATE_LEN]; /* kind P256 */
    bool has_private; /* may sign; always so for a secret */
};

enum selv_key_format { SELV_KEY_PEM, SELV_KEY_COSE };

/* Read a key file. A file that holds no key at all is an error. The private
 * half, when there is one, is checked to belong to the public one. */
bool selv_key_load(const char *path, struct selv_key *key,
                   struct selv_error *error);

/* The same from bytes; name is what errors call it. A zero byte must stand
 * behind bytes.p[bytes.len], as selv_file_read leaves it. */
bool selv_key_parse(struct selv_bytes bytes, const char *name,
                    struct selv_key *key, struct selv_error *error);

/* A new P-256 key pair, kid its thumbprint's first 8 bytes. */
bool selv_key_generate(struct selv_key *key, struct selv_error *error);

/* A new HMAC-256 key with a random kid. */
bool selv_key_generate_secret(struct selv_key *key, struct selv_error *error);

/* Write a key with or without its private half: P-256 in either format, a
 * secret as a COSE_Key, and only as a whole.
 * SELV_KEY_ENCODED_MAX bytes always suffice. */
#define SELV_KEY_ENCODED_MAX 512u
bool selv_key_encode(const struct selv_key *key, enum selv_key_format format,
                     bool with_private, struct selv_buf *out,
                     struct selv_error *error);

/* Wipe the private half, and a secret. */
void selv_key_wipe(struct selv_key *key);

#endif
