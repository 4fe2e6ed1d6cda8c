/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

/* One open array, map or tag. */
struct level {
    size_t left;                /* items to come; keys and values each one */
    const uint8_t *key;         /* start of the newest key, in a map */
    struct selv_bytes previous; /* the key before it */
    bool is_map;
};

enum selv_err selv_cbor_key_order(struct selv_bytes *previous,
                                  struct selv_bytes key)
{
    size_t common = previous->len < key.len ? previous->len : key.len;
    int order = common == 0 ? 0 : memcmp(previous->p, key.p, common);

    if (order == 0 && common > 0 && previous->len == key.len) {
        return SELV_ERR_CBOR_DUPLICATE;
    }
    if (order > 0 || (order == 0 && previous->len > key.len)) {
        return SELV_ERR_CBOR_ORDER;
    }
    *previous = key;
    return SELV_OK;
}

/* True when a float also fits, without loss, into the next narrower form, so
 * that it should have been written there [RFC 8949 4.2.1]. Integer
 * arithmetic only: no device need link floating point for it.
 * bits: the float with its sign in bit 63. wide, narrow: exponent bits of
 * both forms. kept: fraction bits of the narrower one. */
static bool is_float_too_wide(uint64_t bits, unsigned wide, unsigned narrow,
                              int kept)
{
    int biased_max = (1 << wide) - 1;
    int biased = (int)((uint32_t)(bits >> 32) >> (31 - wide)) & biased_max;
    int exponent = biased - biased_max / 2;
    int narrow_max = (1 << (narrow - 1)) - 1;
    uint64_t fraction = bits << (1 + wide); /* its first bit in bit 63 */

    if (biased == 0) {
        return fraction == 0; /* our subnormals are far below theirs */
    }
    if (biased != biased_max) {
        if (exponent > narrow_max) {
            return false;
        }
        if (exponent < 1 - narrow_max) {
            kept -= 1 - narrow_max - exponent; /* subnormal there */
        }
    }
    return kept >= 0 && fraction << kept == 0;
}

/* Moves past one head, and past the string that it announces. *opens says how
 * many items belong to it: 0 for all but tags and non-empty containers. */
static enum selv_err head_skip(struct selv_cbor *c, struct selv_cbor_head *h,
                               size_t *opens)
{
    enum selv_err err = selv_cbor_head(c, SELV_CBOR_ANY, h);
    struct selv_bytes string;

    if (err) {
        return err;
    }
    *opens = 0;
    c->p = h->next;
    switch (h->type) {
    case SELV_CBOR_BSTR:
    case SELV_CBOR_TSTR:
        string = selv_bytes(h->next, (size_t)h->value);
        c->p += string.len;
        if (h->type == SELV_CBOR_TSTR && !selv_cbor_is_utf8(string)) {
            return SELV_ERR_CBOR_UTF8;
        }
        break;
    case SELV_CBOR_ARRAY:
        *opens = (size_t)h->value;
        break;
    case SELV_CBOR_MAP:
        *opens = (size_t)h->value * 2;
        break;
    case SELV_CBOR_TAG:
        *opens = 1;
        break;
    case SELV_CBOR_SIMPLE:
        if ((h->info == INFO_4_BYTES &&
             is_float_too_wide(h->value << 32, 8, 5, 10)) ||
            (h->info == INFO_8_BYTES &&
             is_float_too_wide(h->value, 11, 8, 23))) {
            return SELV_ERR_CBOR_NONMINIMAL;
        }
        break;
    default:
        break;
    }
    return SELV_OK;
}

/* Books one item, which ended at end, in the level that it belongs to. */
static enum selv_err item_close(struct level *in, const uint8_t *end)
{
    in->left--;
    if (in->is_map && in->left % 2 == 1) {
        struct selv_bytes key = selv_bytes(in->key, (size_t)(end - in->key));
        return selv_cbor_key_order(&in->previous, key);
    }
    return SELV_OK;
}

enum selv_err selv_cbor_skip(struct selv_cbor *r, struct selv_bytes *item)
{
    struct level stack[SELV_CBOR_DEPTH_MAX];
    struct selv_cbor c = *r;
    size_t depth = 0;

    do {
        struct selv_cbor_head h;
        size_t opens;
        const uint8_t *start = c.p;
        enum selv_err err = head_skip(&c, &h, &opens);

        if (err) {
            return err;
        }
        if (depth > 0 && stack[depth - 1].left % 2 == 0) {
            stack[depth - 1].key = start;
        }
        if (h.type >= SELV_CBOR_ARRAY && h.type <= SELV_CBOR_TAG) {
            if (depth == SELV_CBOR_DEPTH_MAX) {
                return SELV_ERR_CBOR_DEPTH;
            }
            stack[depth].left = opens;
            stack[depth].previous = selv_bytes(NULL, 0);
            stack[depth].is_map = h.type == SELV_CBOR_MAP;
            depth++;
        } else if (depth > 0) {
            err = item_close(&stack[depth - 1], c.p);
        }
        while (!err && depth > 0 && stack[depth - 1].left == 0) {
            depth--;
            if (depth > 0) {
                err = item_close(&stack[depth - 1], c.p);
            }
        }
        if (err) {
            return err;
        }
    } while (depth > 0);
    if (item != NULL) {
        *item = selv_bytes(r->p, (size_t)(c.p - r->p));
    }
    r->p = c.p;
    return SELV_OK;
}
