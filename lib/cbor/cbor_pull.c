/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

/* The argument behind the initial byte at p, in the form that it announces,
 * which must be the shortest [RFC 8949 4.2.1]; UINT32_MAX for more than 32
 * bits. */
static enum selv_err argument(const uint8_t *p, unsigned width, uint32_t *value)
{
    const uint8_t *last = p + width;
    uint32_t high = 0;
    uint32_t low = 0;
    while (p != last) {
        p++;
        high = high << 8 | low >> 24;
        low = low << 8 | *p;
    }
    *value = high == 0 ? low : UINT32_MAX;
    if (width == 8) {
        low = high;
    } else if (width != 1) {
        low >>= 4 * width;
    } else if (low < INFO_1_BYTE) {
        low = 0;
    }
    return low != 0 ? SELV_OK : SELV_ERR_CBOR_NONMINIMAL;
}

static enum selv_err head(struct selv_cbor *r, unsigned want, uint32_t *value)
{
    const uint8_t *p = r->p;
    size_t left = (size_t)(r->end - p);
    if (left == 0) {
        return SELV_ERR_CBOR_END;
    }
    unsigned type = *p >> 5;
    uint32_t v = *p & 0x1f;
    if (want != type && want != SELV_CBOR_NONE) {
        return SELV_ERR_CBOR_TYPE;
    }
    unsigned width = 0;
    if (v >= INFO_1_BYTE) {
        if (v > INFO_8_BYTES || type == SELV_CBOR_SIMPLE) {
            return v == INFO_INDEFINITE ? SELV_ERR_CBOR_INDEFINITE
                                        : SELV_ERR_CBOR_RESERVED;
        }
        width = 1u << (v - INFO_1_BYTE);
        if (left <= width) {
            return SELV_ERR_CBOR_END;
        }
        enum selv_err err = argument(p, width, &v);
        if (v == UINT32_MAX && want != SELV_CBOR_NONE) {
            err = SELV_ERR_CBOR_RANGE;
        }
        if (err != SELV_OK) {
            return err;
        }
    }
    p += 1 + width;
    left -= 1 + width;
    /* What announces more than the input can still hold is refused here, so
     * that no count or length further up needs doubting. */
    if (type - SELV_CBOR_BSTR <= SELV_CBOR_MAP - SELV_CBOR_BSTR) {
        if (v > (type == SELV_CBOR_MAP ? left / 2 : left)) {
            return SELV_ERR_CBOR_END;
        }
        if (type <= SELV_CBOR_TSTR) {
            p += v;
        }
    }
    r->p = p;
    *value = v;
    return SELV_OK;
}

uint32_t selv_cbor_pull(struct selv_cbor *r, enum selv_cbor_type type)
{
    uint32_t value = 0;
    if (r->err == SELV_OK) {
        r->err = head(r, type, &value);
    }
    return value;
}

int32_t selv_cbor_pull_int(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    bool is_negative = selv_cbor_peek(r) == SELV_CBOR_NINT;
    int32_t value = (int32_t)selv_cbor_pull(r, is_negative ? SELV_CBOR_NINT
                                                           : SELV_CBOR_UINT);
    if (value < 0) {
        r->p = start;
        selv_cbor_note(r, SELV_ERR_CBOR_RANGE);
        return 0;
    }
    return is_negative ? -1 - value : value;
}

int32_t selv_cbor_pull_key(struct selv_cbor *r, uint32_t *rank)
{
    const uint8_t *start = r->p;
    int32_t key = selv_cbor_pull_int(r);
    /* Canonical order [RFC 8949 4.2.1] puts 0, 1, 2 ... before -1, -2 ... */
    uint32_t now = key < 0 ? 0x80000000u - (uint32_t)key : (uint32_t)key + 1;
    if (r->err == SELV_OK && now <= *rank) {
        r->p = start;
        r->err = now == *rank ? SELV_ERR_CBOR_DUPLICATE : SELV_ERR_CBOR_ORDER;
    }
    *rank = now;
    return key;
}

void selv_cbor_pass(struct selv_cbor *r)
{
    uint32_t items = 1;
    while (items != 0 && r->err == SELV_OK) {
        enum selv_cbor_type type = selv_cbor_peek(r);
        uint32_t value = selv_cbor_pull(r, SELV_CBOR_NONE);
        items--;
        if (type == SELV_CBOR_ARRAY || type == SELV_CBOR_MAP) {
            items += type == SELV_CBOR_MAP ? 2 * value : value;
        } else if (type == SELV_CBOR_TAG) {
            items++;
        }
        /* Each item needs a byte at least: the count cannot overflow. */
        if (items > (size_t)(r->end - r->p)) {
            selv_cbor_note(r, SELV_ERR_CBOR_END);
        }
    }
}

const uint8_t *selv_cbor_enter(struct selv_cbor *r)
{
    const uint8_t *end = r->end;
    uint32_t len = selv_cbor_pull(r, SELV_CBOR_BSTR);
    if (r->err == SELV_OK) {
        r->end = r->p;
        r->p -= len;
    }
    return end;
}

void selv_cbor_leave(struct selv_cbor *r, const uint8_t *end)
{
    if (r->p != r->end) {
        selv_cbor_note(r, SELV_ERR_CBOR_TRAILING);
    }
    r->end = end;
}
