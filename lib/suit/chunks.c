/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device needs of chunk lists: the name in the manifest, the header.
 * Version 1 of docs/spec/chunks.md. */
#include "suit/chunks.h"

/* ---- what the manifest says --------------------------------------------- */

/* A name has one deterministic encoding, but for the length: array(2), byte
 * string of 36 bytes with a SUIT_Digest, array(2), -16, bstr(32). */
static const uint8_t name_head[] = {0x82, 0x58, 0x24, 0x82, 0x2f, 0x58, 0x20};

/* 512 bytes a chunk, and an image whose length has 32 bits. */
#define COUNT_MAX (1u << (32 - SELV_SUIT_CHUNK_SHIFT_MIN))

static bool is_list_len(uint32_t len)
{
    uint32_t digests = len - SELV_SUIT_CHUNKS_HEADER_LEN;
    return len > SELV_SUIT_CHUNKS_HEADER_LEN &&
           digests % SELV_SHA256_LEN == 0 &&
           digests / SELV_SHA256_LEN <= COUNT_MAX;
}

enum selv_err selv_suit_chunks_name_read(struct selv_bytes value,
                                         struct selv_suit_chunks_name *out)
{
    size_t at = sizeof name_head + SELV_SHA256_LEN;
    if (value.len <= at || memcmp(value.p, name_head, sizeof name_head) != 0) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    struct selv_cbor r = {value.p + at, value.p + value.len, SELV_OK};
    uint32_t len = selv_cbor_pull(&r, SELV_CBOR_UINT);
    if (r.err != SELV_OK || r.p != r.end || !is_list_len(len)) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    out->digest = value.p + sizeof name_head;
    out->len = len;
    return SELV_OK;
}

bool selv_suit_chunks_name_of(const struct selv_suit *s, size_t component,
                              struct selv_suit_chunks_name *out)
{
    struct selv_bytes value =
        selv_suit_parameter(s, component, SELV_SUIT_PARAMETER_CHUNK_LIST);
    return value.len != 0 && selv_suit_chunks_name_read(value, out) == SELV_OK;
}

static enum selv_err value_check(int32_t code, struct selv_bytes value)
{
    struct selv_suit_chunks_name name;
    return code == SELV_SUIT_PARAMETER_CHUNK_LIST
               ? selv_suit_chunks_name_read(value, &name)
               : SELV_OK;
}

static const int32_t parameters[] = {SELV_SUIT_PARAMETER_CHUNK_LIST};

const struct selv_suit_private selv_suit_chunks_known = {
    .parameters = parameters,
    .parameter_count = 1,
    .check = value_check,
};

/* ---- the list ----------------------------------------------------------- */

/* Offsets in the header. */
enum { AT_VERSION, AT_SHIFT, AT_RESERVED, AT_IMAGE_LEN = 4 };

enum selv_err selv_suit_chunks_init(struct selv_suit_chunks *out,
                                    uint32_t image_len, uint32_t shift)
{
    if (image_len == 0 || shift < SELV_SUIT_CHUNK_SHIFT_MIN ||
        shift > SELV_SUIT_CHUNK_SHIFT_MAX) {
        return SELV_ERR_ARG;
    }
    out->image_len = image_len;
    out->count = ((image_len - 1) >> shift) + 1;
    out->shift = (uint8_t)shift;
    return SELV_OK;
}

enum selv_err
selv_suit_chunks_read(const uint8_t header[static SELV_SUIT_CHUNKS_HEADER_LEN],
                      uint32_t list_len, uint32_t image_len,
                      struct selv_suit_chunks *out)
{
    struct selv_suit_chunks c;
    if (header[AT_VERSION] != SELV_SUIT_CHUNKS_VERSION ||
        (header[AT_RESERVED] | header[AT_RESERVED + 1]) != 0 ||
        selv_suit_chunks_init(&c, selv_get_be32(header + AT_IMAGE_LEN),
                              header[AT_SHIFT]) != SELV_OK ||
        selv_suit_chunks_len(&c) != list_len ||
        (image_len != 0 && image_len != c.image_len)) {
        return SELV_ERR_SUIT_CHUNKS;
    }
    *out = c;
    return SELV_OK;
}
