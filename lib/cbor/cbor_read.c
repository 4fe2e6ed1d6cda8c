/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

void selv_cbor_init(struct selv_cbor *r, struct selv_bytes in)
{
    r->p = in.p;
    r->end = in.len == 0 ? in.p : in.p + in.len;
}

bool selv_cbor_is_end(const struct selv_cbor *r)
{
    return r->p == r->end;
}

enum selv_err selv_cbor_end(const struct selv_cbor *r)
{
    return selv_cbor_is_end(r) ? SELV_OK : SELV_ERR_CBOR_TRAILING;
}

/* Takes one head of the given type whose argument is at most max. */
static enum selv_err take(struct selv_cbor *r, enum selv_cbor_type type,
                          uint64_t max, uint64_t *v)
{
    struct selv_cbor_head h;
    enum selv_err err = selv_cbor_head(r, type, &h);

    if (err) {
        return err;
    }
    if (h.value > max) {
        return SELV_ERR_CBOR_RANGE;
    }
    r->p = h.next;
    *v = h.value;
    return SELV_OK;
}

static enum selv_err take32(struct selv_cbor *r, enum selv_cbor_type type,
                            uint32_t max, uint32_t *v)
{
    uint64_t value;
    enum selv_err err = take(r, type, max, &value);

    if (err) {
        return err;
    }
    *v = (uint32_t)value;
    return SELV_OK;
}

enum selv_err selv_cbor_uint(struct selv_cbor *r, uint64_t *v)
{
    return take(r, SELV_CBOR_UINT, UINT64_MAX, v);
}

enum selv_err selv_cbor_uint32(struct selv_cbor *r, uint32_t max, uint32_t *v)
{
    return take32(r, SELV_CBOR_UINT, max, v);
}

enum selv_err selv_cbor_int(struct selv_cbor *r, int32_t *v)
{
    bool negative = selv_cbor_peek(r) == SELV_CBOR_NINT;
    uint32_t value;
    enum selv_err err = take32(r, negative ? SELV_CBOR_NINT : SELV_CBOR_UINT,
                               INT32_MAX, &value);

    if (err) {
        return err;
    }
    *v = negative ? -1 - (int32_t)value : (int32_t)value;
    return SELV_OK;
}

static enum selv_err take_string(struct selv_cbor *r, enum selv_cbor_type type,
                                 struct selv_bytes *v)
{
    struct selv_cbor_head h;
    enum selv_err err = selv_cbor_head(r, type, &h);
    struct selv_bytes string;

    if (err) {
        return err;
    }
    string = selv_bytes(h.next, (size_t)h.value);
    if (type == SELV_CBOR_TSTR && !selv_cbor_is_utf8(string)) {
        return SELV_ERR_CBOR_UTF8;
    }
    r->p = h.next + string.len;
    *v = string;
    return SELV_OK;
}

enum selv_err selv_cbor_bstr(struct selv_cbor *r, struct selv_bytes *v)
{
    return take_string(r, SELV_CBOR_BSTR, v);
}

enum selv_err selv_cbor_tstr(struct selv_cbor *r, struct selv_bytes *v)
{
    return take_string(r, SELV_CBOR_TSTR, v);
}

enum selv_err selv_cbor_array(struct selv_cbor *r, uint32_t *count)
{
    return take32(r, SELV_CBOR_ARRAY, UINT32_MAX, count);
}

enum selv_err selv_cbor_map(struct selv_cbor *r, uint32_t *count)
{
    return take32(r, SELV_CBOR_MAP, UINT32_MAX, count);
}

enum selv_err selv_cbor_tag(struct selv_cbor *r, uint64_t *tag)
{
    return take(r, SELV_CBOR_TAG, UINT64_MAX, tag);
}

/* Takes a simple value between low and high, the additional information. */
static enum selv_err take_simple(struct selv_cbor *r, uint8_t low, uint8_t high,
                                 uint8_t *info)
{
    struct selv_cbor_head h;
    enum selv_err err = selv_cbor_head(r, SELV_CBOR_SIMPLE, &h);

    if (err) {
        return err;
    }
    if (h.info < low || h.info > high) {
        return SELV_ERR_CBOR_TYPE;
    }
    r->p = h.next;
    *info = h.info;
    return SELV_OK;
}

enum selv_err selv_cbor_bool(struct selv_cbor *r, bool *v)
{
    uint8_t info;
    enum selv_err err = take_simple(r, INFO_FALSE, INFO_TRUE, &info);

    if (err) {
        return err;
    }
    *v = info == INFO_TRUE;
    return SELV_OK;
}

enum selv_err selv_cbor_null(struct selv_cbor *r)
{
    uint8_t info;

    return take_simple(r, INFO_NULL, INFO_NULL, &info);
}
