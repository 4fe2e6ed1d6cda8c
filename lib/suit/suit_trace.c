/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of every command, for tools that show what a device would do. No
 * device links this. */
#include "suit/suit_int.h"

void selv_suit_record_every(struct selv_suit *s, enum selv_err err)
{
    struct selv_cbor r = {s->f->at, s->f->next, SELV_OK};
    int32_t code = selv_cbor_pull_int(&r);
    uint32_t policy = selv_cbor_pull(&r, SELV_CBOR_UINT);
    if (r.err != SELV_OK || code == SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        policy = 0;
    }
    selv_suit_record_add(s, code, (uint8_t)policy, err);
}
