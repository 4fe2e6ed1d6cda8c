/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests and fuzz targets: read CBOR with the typed readers and write what
 * they returned. A head stands for itself, so nesting needs no recursion. */
#ifndef SELV_TEST_CBOR_TRANSCODE_H
#define SELV_TEST_CBOR_TRANSCODE_H

#include "cbor/cbor.h"

static enum selv_err cbor_transcode_simple(struct selv_cbor *r,
                                           struct selv_cbor_writer *w)
{
    bool flag;
    struct selv_bytes item;

    if (selv_cbor_bool(r, &flag) == SELV_OK) {
        selv_cbor_put_bool(w, flag);
    } else if (selv_cbor_null(r) == SELV_OK) {
        selv_cbor_put_null(w);
    } else {
        /* Floats and unassigned simple values have no typed reader. */
        enum selv_err err = selv_cbor_skip(r, &item);
        if (err) {
            return err;
        }
        selv_cbor_put_raw(w, item);
    }
    return SELV_OK;
}

static enum selv_err cbor_transcode_head(struct selv_cbor *r,
                                         struct selv_cbor_writer *w)
{
    uint64_t value = 0;
    uint32_t count = 0;
    int32_t small = 0;
    struct selv_bytes string = {NULL, 0};
    struct selv_bytes item;
    enum selv_err err;

    switch (selv_cbor_peek(r)) {
    case SELV_CBOR_UINT:
        err = selv_cbor_uint(r, &value);
        selv_cbor_put_uint(w, value);
        return err;
    case SELV_CBOR_NINT:
        err = selv_cbor_int(r, &small);
        if (err == SELV_ERR_CBOR_RANGE) {
            err = selv_cbor_skip(r, &item);
            selv_cbor_put_raw(w, item);
        } else {
            selv_cbor_put_int(w, small);
        }
        return err;
    case SELV_CBOR_BSTR:
        err = selv_cbor_bstr(r, &string);
        selv_cbor_put_bstr(w, string);
        return err;
    case SELV_CBOR_TSTR:
        err = selv_cbor_tstr(r, &string);
        if (err == SELV_ERR_CBOR_UTF8) {
            err = selv_cbor_skip(r, &item); /* which does not look inside */
            selv_cbor_put_raw(w, item);
        } else {
            selv_cbor_put_tstr(w, string);
        }
        return err;
    case SELV_CBOR_ARRAY:
        err = selv_cbor_array(r, &count);
        selv_cbor_put_array(w, count);
        return err;
    case SELV_CBOR_MAP:
        err = selv_cbor_map(r, &count);
        selv_cbor_put_map(w, count);
        return err;
    case SELV_CBOR_TAG:
        err = selv_cbor_tag(r, &value);
        selv_cbor_put_tag(w, value);
        return err;
    default:
        return cbor_transcode_simple(r, w);
    }
}

/* Rewrites all of in, which skip must have accepted. */
static enum selv_err cbor_transcode(struct selv_bytes in, uint8_t *p,
                                    size_t cap, struct selv_bytes *out)
{
    struct selv_cbor r;
    struct selv_cbor_writer w;

    selv_cbor_init(&r, in);
    selv_cbor_writer_init(&w, p, cap);
    while (!selv_cbor_is_end(&r)) {
        enum selv_err err = cbor_transcode_head(&r, &w);
        if (err) {
            return err;
        }
    }
    return selv_cbor_finish(&w, out);
}

#endif
