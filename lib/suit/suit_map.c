/* SPDX-License-Identifier: Apache-2.0
 *
 * The maps of envelope, manifest and common [manifest 8.2, 8.4, 8.4.5]: small
 * integer keys in canonical order, of which each version of the draft knows
 * its own. */
#include "suit/suit_int.h"

uint32_t selv_suit_map_read(struct selv_suit *s, uint16_t *at, uint32_t allowed)
{
    struct selv_cbor *r = &s->r;
    uint32_t rank = 0;
    uint32_t left = selv_cbor_pull(r, SELV_CBOR_MAP);
    while (left > 0 && selv_cbor_peek(r) != SELV_CBOR_TSTR &&
           r->err == SELV_OK) {
        const uint8_t *start = r->p;
        int32_t key = selv_cbor_pull_key(r, &rank);
        s->failure.code = key;
        if ((uint32_t)key > 31 || (allowed >> key & 1u) == 0) {
            selv_suit_fault(s, SELV_ERR_SUIT_KEY, start);
        } else {
            at[key] = selv_suit_off(s, r->p);
            selv_cbor_pass(r);
        }
        left--;
    }
    return left;
}

void selv_suit_go_to(struct selv_suit *s, const uint16_t *at, uint32_t key)
{
    if (s->r.err == SELV_OK) {
        s->failure.code = (int32_t)key;
        if (at[key] == 0) {
            s->r.err = SELV_ERR_SUIT_MISSING;
        }
        selv_suit_seek(s, at[key]);
    }
}
