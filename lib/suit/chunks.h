/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/chunks.h - the chunk list of an image: the SHA-256 of each piece, so
 * that a piece is known to be good when it arrives, from whomever, in any
 * order. docs/spec/chunks.md is the format.
 *
 * Terms: a *chunk* is a piece of an image, all of one length but the last;
 *        *name* is what a manifest says of a list: its digest and length.
 * Calls, of a device: 1 `private` of selv_suit_device = selv_suit_chunks_known
 *        2 name_of, when the engine says FETCH   3 fetch the list by its
 *        digest, name.len bytes, and compare its SHA-256 with name.digest
 *        4 read its header   5 of chunk k: range, and its digest's place
 * Hint:  without a list, or one that cannot be had, held or read, the fetch
 *        goes on and image-match decides alone [manifest 8.4.8].
 * Owns:  nothing; views point into the envelope. Reaches the wire and flash. */
#ifndef SELV_SUIT_CHUNKS_H
#define SELV_SUIT_CHUNKS_H

#include "base/base.h"
#include "cbor/cbor.h"
#include "crypto/crypto.h"
#include "suit/suit.h"

/* ---- what the manifest says --------------------------------------------- */

/* The private parameter [manifest 8.4.8.16]. Nobody registers such numbers;
 * this one is unlikely to be another's. Behind its CBOR head it is "SC". */
#define SELV_SUIT_PARAMETER_CHUNK_LIST (-21316)

/* For `private` of a device that knows chunk lists and nothing else private:
 * the engine then takes the parameter in every sequence but the shared one,
 * and refuses a value that is no name with SELV_ERR_SUIT_ARGUMENT. Profiles of
 * bootloaders do not need it: they look at no payload-fetch, and at install
 * only where they run it, where the parameter must then not stand. */
extern const struct selv_suit_private selv_suit_chunks_known;

/* Bytes of the longest name, encoded. */
#define SELV_SUIT_CHUNKS_NAME_MAX 44u

struct selv_suit_chunks_name {
    const uint8_t *digest; /* of the whole list, SHA-256, 32 bytes */
    uint32_t len;          /* of the whole list, bytes */
};

/* Read a name, which is all of value. SELV_ERR_SUIT_ARGUMENT: none, another
 * digest than SHA-256, or a length that no list has; *out is then as it was. */
SELV_MUST_CHECK enum selv_err
selv_suit_chunks_name_read(struct selv_bytes value,
                           struct selv_suit_chunks_name *out);

/* The name that is now set for a component of the manifest: while FETCH waits
 * for its answer, that of what is fetched. False when none is set, or the
 * device does not know the parameter; *out is then as it was. */
bool selv_suit_chunks_name_of(const struct selv_suit *s, size_t component,
                              struct selv_suit_chunks_name *out);

/* Append a name, encoded. */
void selv_suit_chunks_name_put(struct selv_cbor_writer *w,
                               const struct selv_suit_chunks_name *name);

/* ---- the list ----------------------------------------------------------- */

#define SELV_SUIT_CHUNKS_VERSION 1u
#define SELV_SUIT_CHUNKS_HEADER_LEN 8u
/* A chunk has 1 << shift bytes, the last one what is left. */
#define SELV_SUIT_CHUNK_SHIFT_MIN 9u  /* 512 */
#define SELV_SUIT_CHUNK_SHIFT_MAX 16u /* 65536 */

struct selv_suit_chunks {
    uint32_t image_len; /* bytes, from 1 */
    uint32_t count;     /* of chunks, from 1 */
    uint8_t shift;      /* SELV_SUIT_CHUNK_SHIFT_MIN to _MAX */
};

/* What a list of an image looks like. SELV_ERR_ARG: an image of no bytes, or a
 * shift out of range; *out is then as it was. */
SELV_MUST_CHECK enum selv_err
selv_suit_chunks_init(struct selv_suit_chunks *out, uint32_t image_len,
                      uint32_t shift);

/* Read a list's header. list_len: bytes of the whole list, which must be what
 * the header makes. image_len: what the list must be of, 0: of whatever it
 * says. SELV_ERR_SUIT_CHUNKS: another version, or no list, or another image's;
 * *out is then as it was. */
SELV_MUST_CHECK enum selv_err
selv_suit_chunks_read(const uint8_t header[static SELV_SUIT_CHUNKS_HEADER_LEN],
                      uint32_t list_len, uint32_t image_len,
                      struct selv_suit_chunks *out);

/* Write a list's header. */
void selv_suit_chunks_write(const struct selv_suit_chunks *c,
                            uint8_t header[static SELV_SUIT_CHUNKS_HEADER_LEN]);

/* Bytes of the whole list. */
static inline uint32_t selv_suit_chunks_len(const struct selv_suit_chunks *c)
{
    return SELV_SUIT_CHUNKS_HEADER_LEN + c->count * SELV_SHA256_LEN;
}

/* Where the digest of chunk k (below count) is: bytes from the list's first. */
static inline uint32_t selv_suit_chunk_digest_off(uint32_t k)
{
    return SELV_SUIT_CHUNKS_HEADER_LEN + k * SELV_SHA256_LEN;
}

/* Where chunk k (below count) begins: bytes from the image's first. */
static inline uint32_t selv_suit_chunk_off(const struct selv_suit_chunks *c,
                                           uint32_t k)
{
    return k << c->shift;
}

/* Bytes of chunk k (below count). */
static inline uint32_t selv_suit_chunk_len(const struct selv_suit_chunks *c,
                                           uint32_t k)
{
    uint32_t rest = c->image_len - (k << c->shift);
    return rest >> c->shift == 0 ? rest : 1u << c->shift;
}

/* The chunk that byte off (below image_len) of the image is in. */
static inline uint32_t selv_suit_chunk_at(const struct selv_suit_chunks *c,
                                          uint32_t off)
{
    return off >> c->shift;
}

/* ---- making one: authors and tests -------------------------------------- */

/* The shift for an image of so many bytes: 4096 bytes, or as much more as keeps
 * the list in a sector of 4096, up to 65536. */
uint32_t selv_suit_chunks_shift_for(uint32_t image_len);

/* Make the list of a whole image in out, which must be empty, with out->cap
 * of at least selv_suit_chunks_len. SELV_ERR_ARG: no bytes, 4 GiB and more, or
 * a shift out of range; SELV_ERR_SPACE. */
SELV_MUST_CHECK enum selv_err selv_suit_chunks_make(struct selv_bytes image,
                                                    uint32_t shift,
                                                    struct selv_buf *out);

#endif
