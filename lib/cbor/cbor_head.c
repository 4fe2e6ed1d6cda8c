/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

/* Reads the argument that follows the initial byte, 1 << width_log2 bytes of
 * it, and refuses a longer form than needed [RFC 8949 4.2.1]. */
static enum selv_err argument_read(struct selv_cbor_head *h, const uint8_t *end)
{
    unsigned width = 1u << (h->info - INFO_1_BYTE);
    uint64_t value = 0;

    if ((size_t)(end - h->next) < width) {
        return SELV_ERR_CBOR_END;
    }
    for (unsigned i = 0; i < width; i++) {
        value = value << 8 | h->next[i];
    }
    h->next += width;
    h->value = value;
    if (h->type == SELV_CBOR_SIMPLE) {
        /* One byte: a simple value, of which 0 to 31 have no such form
         * [RFC 8949 3.3]. More bytes: a float, judged by skip. */
        return width == 1 && value < 32 ? SELV_ERR_CBOR_RESERVED : SELV_OK;
    }
    if (width == 1 ? value < INFO_1_BYTE : value >> (width * 4) == 0) {
        return SELV_ERR_CBOR_NONMINIMAL;
    }
    return SELV_OK;
}

/* Refuses heads that announce more than the input can still hold, so that no
 * count or length further up needs doubting. */
static enum selv_err room_check(const struct selv_cbor_head *h,
                                const uint8_t *end)
{
    size_t room = (size_t)(end - h->next);

    if (h->type == SELV_CBOR_MAP) {
        room /= 2;
    }
    if (h->type >= SELV_CBOR_BSTR && h->type <= SELV_CBOR_MAP &&
        h->value > room) {
        return SELV_ERR_CBOR_END;
    }
    return SELV_OK;
}

enum selv_err selv_cbor_head(const struct selv_cbor *r,
                             enum selv_cbor_type want, struct selv_cbor_head *h)
{
    enum selv_err err = SELV_OK;

    h->type = selv_cbor_peek(r);
    if (h->type == SELV_CBOR_NONE) {
        return SELV_ERR_CBOR_END;
    }
    if (want != SELV_CBOR_ANY && want != h->type) {
        return SELV_ERR_CBOR_TYPE;
    }
    h->info = *r->p & 0x1f;
    h->next = r->p + 1;
    h->value = h->info;
    if (h->info > INFO_8_BYTES) {
        /* Integers and tags have no indefinite form [RFC 8949 3.2.1]. */
        bool may_be_indefinite =
            h->type >= SELV_CBOR_BSTR && h->type != SELV_CBOR_TAG;
        return h->info == INFO_INDEFINITE && may_be_indefinite
                   ? SELV_ERR_CBOR_INDEFINITE
                   : SELV_ERR_CBOR_RESERVED;
    }
    if (h->info >= INFO_1_BYTE) {
        err = argument_read(h, r->end);
    }
    return err ? err : room_check(h, r->end);
}

enum selv_cbor_type selv_cbor_peek(const struct selv_cbor *r)
{
    return r->p == r->end ? SELV_CBOR_NONE : (enum selv_cbor_type)(*r->p >> 5);
}
