/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

uint64_t selv_cbor_get_uint(struct selv_cbor *r)
{
    return selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_UINT));
}

uint32_t selv_cbor_get_uint32(struct selv_cbor *r, uint32_t max)
{
    return selv_cbor_take32(r, SELV_CBOR_ONLY(SELV_CBOR_UINT), max);
}

int32_t selv_cbor_get_int(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    int32_t value = (int32_t)selv_cbor_take32(
        r, SELV_CBOR_ONLY(SELV_CBOR_UINT) | SELV_CBOR_ONLY(SELV_CBOR_NINT),
        INT32_MAX);

    if (!r->err && *start >> 5 == SELV_CBOR_NINT) {
        value = -1 - value;
    }
    return value;
}

struct selv_bytes selv_cbor_get_bstr(struct selv_cbor *r)
{
    size_t len = (size_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_BSTR));

    return selv_bytes(len == 0 ? r->p : r->p - len, len);
}

struct selv_bytes selv_cbor_get_tstr(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    size_t len = (size_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_TSTR));
    struct selv_bytes text = selv_bytes(len == 0 ? r->p : r->p - len, len);

    if (!selv_cbor_is_utf8(text)) {
        selv_cbor_fault(r, start, SELV_ERR_CBOR_UTF8);
        return selv_bytes(r->p, 0);
    }
    return text;
}

uint32_t selv_cbor_get_array(struct selv_cbor *r)
{
    return (uint32_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_ARRAY));
}

uint32_t selv_cbor_get_map(struct selv_cbor *r)
{
    return (uint32_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_MAP));
}

uint64_t selv_cbor_get_tag(struct selv_cbor *r)
{
    return selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_TAG));
}

bool selv_cbor_get_bool(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    uint32_t value =
        (uint32_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_SIMPLE));

    if (value != INFO_FALSE && value != INFO_TRUE) {
        selv_cbor_fault(r, start, SELV_ERR_CBOR_TYPE);
    }
    return value == INFO_TRUE;
}

void selv_cbor_get_null(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    uint32_t value =
        (uint32_t)selv_cbor_take(r, SELV_CBOR_ONLY(SELV_CBOR_SIMPLE));

    if (value != INFO_NULL) {
        selv_cbor_fault(r, start, SELV_ERR_CBOR_TYPE);
    }
}

int32_t selv_cbor_get_key(struct selv_cbor *r, struct selv_bytes *previous)
{
    const uint8_t *start = r->p;
    int32_t key = selv_cbor_get_int(r);

    selv_cbor_key_check(r, previous->len == 0 ? NULL : previous->p, start);
    *previous = selv_bytes(start, (size_t)(r->p - start));
    return r->err ? 0 : key;
}

void selv_cbor_get_end(struct selv_cbor *r)
{
    if (r->p != r->end) {
        selv_cbor_note(r, SELV_ERR_CBOR_TRAILING);
    }
}
