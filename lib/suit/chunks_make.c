/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a chunk list, and its name in a manifest: for authors and tests. */
#include "suit/chunks.h"

#define SHIFT_DEFAULT 12u   /* 4096: a sector of most NOR flashes */
#define LIST_LEN_GOOD 4096u /* the same */

void selv_suit_chunks_name_put(struct selv_cbor_writer *w,
                               const struct selv_suit_chunks_name *name)
{
    selv_cbor_put_array(w, 2);
    selv_cbor_put_bstr_head(w, 4 + SELV_SHA256_LEN);
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(name->digest, SELV_SHA256_LEN));
    selv_cbor_put_uint(w, name->len);
}

void selv_suit_chunks_write(const struct selv_suit_chunks *c,
                            uint8_t header[static SELV_SUIT_CHUNKS_HEADER_LEN])
{
    header[0] = SELV_SUIT_CHUNKS_VERSION;
    header[1] = c->shift;
    header[2] = 0;
    header[3] = 0;
    selv_put_be32(header + 4, c->image_len);
}

uint32_t selv_suit_chunks_shift_for(uint32_t image_len)
{
    uint32_t shift = SHIFT_DEFAULT;
    struct selv_suit_chunks c;
    while (shift < SELV_SUIT_CHUNK_SHIFT_MAX &&
           selv_suit_chunks_init(&c, image_len, shift) == SELV_OK &&
           selv_suit_chunks_len(&c) > LIST_LEN_GOOD) {
        shift++;
    }
    return shift;
}

enum selv_err selv_suit_chunks_make(struct selv_bytes image, uint32_t shift,
                                    struct selv_buf *out)
{
    struct selv_suit_chunks c;
    if (image.len > UINT32_MAX) {
        return SELV_ERR_ARG;
    }
    enum selv_err err = selv_suit_chunks_init(&c, (uint32_t)image.len, shift);
    if (err != SELV_OK) {
        return err;
    }
    if (out->cap < selv_suit_chunks_len(&c)) {
        return SELV_ERR_SPACE;
    }
    selv_suit_chunks_write(&c, out->p);
    for (uint32_t k = 0; k < c.count; k++) {
        struct selv_sha256 h;
        selv_sha256_init(&h);
        selv_sha256_update(&h, image.p + selv_suit_chunk_off(&c, k),
                           selv_suit_chunk_len(&c, k));
        selv_sha256_finish(&h, out->p + selv_suit_chunk_digest_off(k));
    }
    out->len = selv_suit_chunks_len(&c);
    return SELV_OK;
}
