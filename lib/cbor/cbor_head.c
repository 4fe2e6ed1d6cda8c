/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

void selv_cbor_init(struct selv_cbor *r, struct selv_bytes in)
{
    r->p = in.p;
    r->end = in.len == 0 ? in.p : in.p + in.len;
    r->err = SELV_OK;
}

enum selv_cbor_type selv_cbor_peek(const struct selv_cbor *r)
{
    return r->p == r->end ? SELV_CBOR_NONE : (enum selv_cbor_type)(*r->p >> 5);
}

void selv_cbor_fault(struct selv_cbor *r, const uint8_t *at, enum selv_err err)
{
    if (r->err == SELV_OK && err != SELV_OK) {
        r->err = err;
        r->p = at;
    }
}

void selv_cbor_note(struct selv_cbor *r, enum selv_err err)
{
    selv_cbor_fault(r, r->p, err);
}

/* Major types whose argument says how much follows. */
enum {
    STRINGS = SELV_CBOR_ONLY(SELV_CBOR_BSTR) | SELV_CBOR_ONLY(SELV_CBOR_TSTR),
    COUNTED = STRINGS | SELV_CBOR_ONLY(SELV_CBOR_ARRAY) |
              SELV_CBOR_ONLY(SELV_CBOR_MAP)
};

/* One function, two words for the argument and sets for types: the form that
 * makes the least code, on a path that every byte from outside takes. */
static enum selv_err head_read(struct selv_cbor *r, unsigned types,
                               uint32_t argument[static 2])
{
    const uint8_t *p = r->p;
    uint32_t high = 0;
    uint32_t low;
    unsigned type;
    size_t room;

    if (p == r->end) {
        return SELV_ERR_CBOR_END;
    }
    type = SELV_CBOR_ONLY(*p >> 5);
    if ((types & type) == 0) {
        return SELV_ERR_CBOR_TYPE;
    }
    low = *p++ & 0x1fu;
    if (low >= INFO_1_BYTE) {
        unsigned log = low - INFO_1_BYTE;
        unsigned width = 1u << log; /* bytes of the argument */
        uint32_t most; /* the largest value that fits a shorter form */

        if (log > INFO_8_BYTES - INFO_1_BYTE) {
            return low == INFO_INDEFINITE ? SELV_ERR_CBOR_INDEFINITE
                                          : SELV_ERR_CBOR_RESERVED;
        }
        if ((size_t)(r->end - p) < width) {
            return SELV_ERR_CBOR_END;
        }
        most = log == 0 ? INFO_1_BYTE - 1u : UINT32_MAX >> (32 - width * 4);
        low = 0;
        do {
            high = high << 8 | low >> 24;
            low = low << 8 | *p++;
            width--;
        } while (width > 0);
        if (type == SELV_CBOR_ONLY(SELV_CBOR_SIMPLE)) {
            /* Simple values below 32 have no such form [RFC 8949 3.3]. A
             * float may be of any width, and must not pass for one of them. */
            most = 31;
            low |= log << 8;
        }
        if (high == 0 && low <= most) {
            return SELV_ERR_CBOR_NONMINIMAL;
        }
    }
    if ((type & COUNTED) != 0) {
        room = (size_t)(r->end - p);
        if (type == SELV_CBOR_ONLY(SELV_CBOR_MAP)) {
            room /= 2;
        }
        if (high != 0 || low > room) {
            return SELV_ERR_CBOR_END;
        }
        if ((type & STRINGS) != 0) {
            p += low;
        }
    }
    r->p = p;
    argument[0] = low;
    argument[1] = high;
    return SELV_OK;
}

uint64_t selv_cbor_take(struct selv_cbor *r, unsigned types)
{
    uint32_t argument[2];

    if (r->err == SELV_OK) {
        r->err = head_read(r, types, argument);
    }
    return r->err ? 0 : (uint64_t)argument[1] << 32 | argument[0];
}

uint32_t selv_cbor_take32(struct selv_cbor *r, unsigned types, uint32_t max)
{
    const uint8_t *start = r->p;
    uint64_t value = selv_cbor_take(r, types);

    if (value > max) {
        selv_cbor_fault(r, start, SELV_ERR_CBOR_RANGE);
        return 0;
    }
    return (uint32_t)value;
}
