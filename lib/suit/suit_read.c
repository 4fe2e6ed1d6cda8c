/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading with a kept first error. s->failure is the error state: whoever
 * reads sets section and code to what is being read, and the first thing
 * that goes wrong stays there. Later reads do no harm, since every read is
 * bounded by its reader; their results mean nothing. */
#include "suit/suit_int.h"

void selv_suit_note(struct selv_suit *s, enum selv_err err, const uint8_t *p)
{
    if (s->failure.err == SELV_OK && err != SELV_OK) {
        size_t off = (size_t)(p - s->view.p);
        s->failure.err = err;
        s->failure.offset = (uint16_t)(off > UINT16_MAX ? UINT16_MAX : off);
    }
}

uint32_t selv_suit_read_map(struct selv_suit *s, struct selv_cbor *r)
{
    uint32_t count = 0;
    selv_suit_note(s, selv_cbor_map(r, &count), r->p);
    return count;
}

uint32_t selv_suit_read_array(struct selv_suit *s, struct selv_cbor *r)
{
    uint32_t count = 0;
    selv_suit_note(s, selv_cbor_array(r, &count), r->p);
    return count;
}

uint64_t selv_suit_read_uint(struct selv_suit *s, struct selv_cbor *r)
{
    uint64_t v = 0;
    selv_suit_note(s, selv_cbor_uint(r, &v), r->p);
    return v;
}

void selv_suit_read_bstr(struct selv_suit *s, struct selv_cbor *r,
                         struct selv_bytes *v)
{
    *v = selv_bytes(r->p, 0);
    selv_suit_note(s, selv_cbor_bstr(r, v), r->p);
}

int32_t selv_suit_read_key(struct selv_suit *s, struct selv_cbor *r,
                           struct selv_bytes *previous)
{
    const uint8_t *start = r->p;
    int32_t key = 0;
    enum selv_err err = selv_cbor_int(r, &key);
    s->failure.code = key;
    if (err == SELV_OK) {
        err = selv_cbor_key_order(previous,
                                  selv_bytes(start, (size_t)(r->p - start)));
    }
    selv_suit_note(s, err, start);
    return key;
}

void selv_suit_read_end(struct selv_suit *s, const struct selv_cbor *r)
{
    selv_suit_note(s, selv_cbor_end(r), r->p);
}
