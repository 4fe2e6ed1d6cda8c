/* SPDX-License-Identifier: Apache-2.0
 *
 * The reads that answer each error: those of cbor_get.c and cbor_skip.c on a
 * copy of the cursor, which counts only when they go well. */
#include "cbor/cbor_int.h"

bool selv_cbor_is_end(const struct selv_cbor *r)
{
    return r->p == r->end;
}

enum selv_err selv_cbor_end(const struct selv_cbor *r)
{
    return selv_cbor_is_end(r) ? SELV_OK : SELV_ERR_CBOR_TRAILING;
}

enum selv_err selv_cbor_key_order(struct selv_bytes *previous,
                                  struct selv_bytes key)
{
    struct selv_cbor c;

    selv_cbor_init(&c, key);
    c.p = c.end;
    selv_cbor_key_check(&c, previous->len == 0 ? NULL : previous->p, key.p);
    if (!c.err) {
        *previous = key;
    }
    return c.err;
}

enum selv_err selv_cbor_uint(struct selv_cbor *r, uint64_t *v)
{
    struct selv_cbor c = *r;
    uint64_t value = selv_cbor_get_uint(&c);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_uint32(struct selv_cbor *r, uint32_t max, uint32_t *v)
{
    struct selv_cbor c = *r;
    uint32_t value = selv_cbor_get_uint32(&c, max);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_int(struct selv_cbor *r, int32_t *v)
{
    struct selv_cbor c = *r;
    int32_t value = selv_cbor_get_int(&c);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_bstr(struct selv_cbor *r, struct selv_bytes *v)
{
    struct selv_cbor c = *r;
    struct selv_bytes value = selv_cbor_get_bstr(&c);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_tstr(struct selv_cbor *r, struct selv_bytes *v)
{
    struct selv_cbor c = *r;
    struct selv_bytes value = selv_cbor_get_tstr(&c);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_array(struct selv_cbor *r, uint32_t *count)
{
    struct selv_cbor c = *r;
    uint32_t value = selv_cbor_get_array(&c);

    if (!c.err) {
        *count = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_map(struct selv_cbor *r, uint32_t *count)
{
    struct selv_cbor c = *r;
    uint32_t value = selv_cbor_get_map(&c);

    if (!c.err) {
        *count = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_tag(struct selv_cbor *r, uint64_t *tag)
{
    struct selv_cbor c = *r;
    uint64_t value = selv_cbor_get_tag(&c);

    if (!c.err) {
        *tag = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_bool(struct selv_cbor *r, bool *v)
{
    struct selv_cbor c = *r;
    bool value = selv_cbor_get_bool(&c);

    if (!c.err) {
        *v = value;
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_null(struct selv_cbor *r)
{
    struct selv_cbor c = *r;

    selv_cbor_get_null(&c);
    if (!c.err) {
        *r = c;
    }
    return c.err;
}

enum selv_err selv_cbor_skip(struct selv_cbor *r, struct selv_bytes *item)
{
    struct selv_cbor c = *r;
    struct selv_bytes value = selv_cbor_get_item(&c);

    if (!c.err) {
        if (item != NULL) {
            *item = value;
        }
        *r = c;
    }
    return c.err;
}
