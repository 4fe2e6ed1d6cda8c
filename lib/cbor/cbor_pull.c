/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

extern inline bool selv_cbor_quick(struct selv_cbor *r,
                                   enum selv_cbor_type type, uint32_t *value);
extern inline uint32_t selv_cbor_pull(struct selv_cbor *r,
                                      enum selv_cbor_type type);
extern inline int32_t selv_cbor_pull_int(struct selv_cbor *r);
extern inline const uint8_t *selv_cbor_enter(struct selv_cbor *r);

static uint64_t refuse(struct selv_cbor *r, enum selv_err err)
{
    r->err = err;
    return 0;
}

uint64_t selv_cbor_pull_wide(struct selv_cbor *r, enum selv_cbor_type want)
{
    const uint8_t *p = r->p;
    if (r->err != SELV_OK) {
        return 0;
    }
    if (p == r->end) {
        return refuse(r, SELV_ERR_CBOR_END);
    }
    unsigned type = *p >> 5;
    uint32_t low = *p++ & 0x1fu;
    uint32_t high = 0;
    if (want != type && want != SELV_CBOR_NONE) {
        return refuse(r, SELV_ERR_CBOR_TYPE);
    }
    if (low >= INFO_1_BYTE) {
        unsigned log = low - INFO_1_BYTE;
        unsigned width = 1u << log; /* bytes of the argument */
        if (low > INFO_8_BYTES || type == SELV_CBOR_SIMPLE) {
            return refuse(r, low == INFO_INDEFINITE ? SELV_ERR_CBOR_INDEFINITE
                                                    : SELV_ERR_CBOR_RESERVED);
        }
        if ((size_t)(r->end - p) < width) {
            return refuse(r, SELV_ERR_CBOR_END);
        }
        /* The largest value that fits a shorter form [RFC 8949 4.2.1]. */
        uint32_t most =
            log == 0 ? INFO_1_BYTE - 1u : UINT32_MAX >> (32 - width * 4);
        low = 0;
        do {
            high = high << 8 | low >> 24;
            low = low << 8 | *p++;
            width--;
        } while (width > 0);
        if (high == 0 && low <= most) {
            return refuse(r, SELV_ERR_CBOR_NONMINIMAL);
        }
    }
    /* What announces more than the input can still hold is refused here, so
     * that no count or length further up needs doubting. */
    if (type - SELV_CBOR_BSTR <= SELV_CBOR_MAP - SELV_CBOR_BSTR) {
        size_t left = (size_t)(r->end - p);
        if (high != 0 || low > (type == SELV_CBOR_MAP ? left / 2 : left)) {
            return refuse(r, SELV_ERR_CBOR_END);
        }
        if (type <= SELV_CBOR_TSTR) {
            p += low;
        }
    }
    r->p = p;
    return (uint64_t)high << 32 | low;
}

uint32_t selv_cbor_pull_long(struct selv_cbor *r, enum selv_cbor_type type)
{
    const uint8_t *start = r->p;
    uint64_t value = selv_cbor_pull_wide(r, type);
    if (value > UINT32_MAX) {
        r->p = start;
        return (uint32_t)refuse(r, SELV_ERR_CBOR_RANGE);
    }
    return (uint32_t)value;
}

int32_t selv_cbor_pull_long_int(struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    bool is_negative = selv_cbor_peek(r) == SELV_CBOR_NINT;
    int32_t value = (int32_t)selv_cbor_pull_long(
        r, is_negative ? SELV_CBOR_NINT : SELV_CBOR_UINT);
    if (value < 0) {
        r->p = start;
        value = (int32_t)refuse(r, SELV_ERR_CBOR_RANGE);
    }
    return is_negative && r->err == SELV_OK ? -1 - value : value;
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
    const uint8_t *start = r->p;
    uint32_t items = 1;
    uint32_t value;
    if (start != r->end && *start < SELV_CBOR_ARRAY << 5 &&
        selv_cbor_quick(r, (enum selv_cbor_type)(*start >> 5), &value)) {
        return;
    }
    while (items != 0) {
        start = r->p;
        value = (uint32_t)selv_cbor_pull_wide(r, SELV_CBOR_NONE);
        if (r->err != SELV_OK) {
            return;
        }
        items--;
        switch (*start >> 5) {
        case SELV_CBOR_MAP:
            items += value;
            items += value;
            break;
        case SELV_CBOR_ARRAY:
            items += value;
            break;
        case SELV_CBOR_TAG:
            items++;
            break;
        default:
            break;
        }
        /* Each item needs a byte at least: the count cannot overflow. */
        if (items > (size_t)(r->end - r->p)) {
            selv_cbor_note(r, SELV_ERR_CBOR_END);
        }
    }
}

bool selv_cbor_is_null(const struct selv_cbor *r)
{
    return r->p != r->end && *r->p == (SELV_CBOR_SIMPLE << 5 | SELV_CBOR_NULL);
}

const uint8_t *selv_cbor_enter_long(struct selv_cbor *r)
{
    const uint8_t *end = r->end;
    uint32_t len = selv_cbor_pull_long(r, SELV_CBOR_BSTR);
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
