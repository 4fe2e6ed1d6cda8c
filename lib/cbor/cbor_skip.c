/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

/* One open array, map or tag. */
struct level {
    size_t todo;             /* items to come, doubled; odd in a map */
    const uint8_t *key;      /* map: the newest key; NULL before the first */
    const uint8_t *previous; /* map: the key before it, or NULL */
};

/* No whole item is the beginning of another. So two keys differ before either
 * of them ends, or they are the same: the length of previous is not needed. */
void selv_cbor_key_check(struct selv_cbor *r, const uint8_t *previous,
                         const uint8_t *key)
{
    enum selv_err err = SELV_ERR_CBOR_DUPLICATE;

    if (previous == NULL) {
        return;
    }
    for (const uint8_t *p = key; p < r->p; p++, previous++) {
        if (*previous != *p) {
            err = *previous > *p ? SELV_ERR_CBOR_ORDER : SELV_OK;
            break;
        }
    }
    selv_cbor_fault(r, key, err);
}

/* Before an item of a level: keys and values take turns in a map, and where a
 * value begins its key has ended. */
static void item_book(struct selv_cbor *r, struct level *in)
{
    bool is_value = (in->todo & 2) != 0;

    if ((in->todo & 1) != 0) {
        if (is_value) {
            selv_cbor_key_check(r, in->previous, in->key);
        } else {
            in->previous = in->key;
            in->key = r->p;
        }
    }
    in->todo -= 2;
}

struct selv_bytes selv_cbor_get_item(struct selv_cbor *r)
{
    struct level stack[1 + SELV_CBOR_DEPTH_MAX];
    struct level *in = stack;
    const uint8_t *start = r->p;

    in->todo = 2;
    do {
        const uint8_t *at = r->p;
        unsigned type;
        size_t count;

        item_book(r, in);
        count = (size_t)selv_cbor_take(r, SELV_CBOR_ANY);
        if (r->err) {
            break;
        }
        type = *at >> 5;
        if (type >= SELV_CBOR_ARRAY && type <= SELV_CBOR_TAG) {
            if (in == stack + SELV_CBOR_DEPTH_MAX) {
                selv_cbor_fault(r, at, SELV_ERR_CBOR_DEPTH);
                break;
            }
            in++;
            in->key = NULL;
            in->todo = type == SELV_CBOR_TAG   ? 2
                       : type == SELV_CBOR_MAP ? count * 4 + 1
                                               : count * 2;
        }
        while (in->todo < 2 && in > stack) {
            in--;
        }
    } while (in->todo >= 2);
    if (r->err) {
        start = r->p;
    }
    return selv_bytes(start, (size_t)(r->p - start));
}
