/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

void selv_cbor_writer_init(struct selv_cbor_writer *w, uint8_t *p, size_t cap)
{
    w->p = p;
    w->cap = p == NULL ? SIZE_MAX : cap;
    w->len = 0;
    w->err = SELV_OK;
}

static void fail(struct selv_cbor_writer *w, enum selv_err err)
{
    if (w->err == SELV_OK) {
        w->err = err;
    }
}

/* After an error nothing more is written, and len stays. */
void selv_cbor_put_raw(struct selv_cbor_writer *w, struct selv_bytes v)
{
    if (w->err) {
        return;
    }
    if (v.len > w->cap - w->len) {
        fail(w, SELV_ERR_SPACE);
        return;
    }
    if (w->p != NULL && v.len > 0) {
        memcpy(w->p + w->len, v.p, v.len);
    }
    w->len += v.len;
}

static void put_head(struct selv_cbor_writer *w, enum selv_cbor_type type,
                     uint64_t v)
{
    uint8_t head[9];
    unsigned width = v < INFO_1_BYTE   ? 0
                     : v <= UINT8_MAX  ? 1
                     : v <= UINT16_MAX ? 2
                     : v <= UINT32_MAX ? 4
                                       : 8;
    unsigned info = width == 0   ? (unsigned)v
                    : width == 1 ? INFO_1_BYTE
                    : width == 2 ? INFO_2_BYTES
                    : width == 4 ? INFO_4_BYTES
                                 : INFO_8_BYTES;

    head[0] = (uint8_t)((unsigned)type << 5 | info);
    for (unsigned i = width; i > 0; i--) {
        head[i] = (uint8_t)v;
        v >>= 8;
    }
    selv_cbor_put_raw(w, selv_bytes(head, 1 + width));
}

void selv_cbor_put_uint(struct selv_cbor_writer *w, uint64_t v)
{
    put_head(w, SELV_CBOR_UINT, v);
}

void selv_cbor_put_int(struct selv_cbor_writer *w, int64_t v)
{
    if (v < 0) {
        put_head(w, SELV_CBOR_NINT, (uint64_t)(-1 - v));
    } else {
        put_head(w, SELV_CBOR_UINT, (uint64_t)v);
    }
}

void selv_cbor_put_bstr_head(struct selv_cbor_writer *w, size_t len)
{
    put_head(w, SELV_CBOR_BSTR, len);
}

void selv_cbor_put_bstr(struct selv_cbor_writer *w, struct selv_bytes v)
{
    put_head(w, SELV_CBOR_BSTR, v.len);
    selv_cbor_put_raw(w, v);
}

void selv_cbor_put_tstr(struct selv_cbor_writer *w, struct selv_bytes v)
{
    if (!selv_cbor_is_utf8(v)) {
        fail(w, SELV_ERR_CBOR_UTF8);
    }
    put_head(w, SELV_CBOR_TSTR, v.len);
    selv_cbor_put_raw(w, v);
}

void selv_cbor_put_array(struct selv_cbor_writer *w, size_t count)
{
    put_head(w, SELV_CBOR_ARRAY, count);
}

void selv_cbor_put_map(struct selv_cbor_writer *w, size_t count)
{
    put_head(w, SELV_CBOR_MAP, count);
}

void selv_cbor_put_tag(struct selv_cbor_writer *w, uint64_t tag)
{
    put_head(w, SELV_CBOR_TAG, tag);
}

void selv_cbor_put_bool(struct selv_cbor_writer *w, bool v)
{
    put_head(w, SELV_CBOR_SIMPLE, v ? INFO_TRUE : INFO_FALSE);
}

void selv_cbor_put_null(struct selv_cbor_writer *w)
{
    put_head(w, SELV_CBOR_SIMPLE, INFO_NULL);
}

enum selv_err selv_cbor_finish(const struct selv_cbor_writer *w,
                               struct selv_bytes *out)
{
    if (w->err == SELV_OK && out != NULL) {
        *out = selv_bytes(w->p, w->len);
    }
    return w->err;
}
