/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch [manifest 8.4.10.4]: hands the URI to the caller; '#name' is an
 * integrated payload of this envelope [manifest 5.5]. */
#include "suit/suit_int.h"

enum selv_suit_step selv_suit_run_fetch(struct selv_suit *s,
                                        struct selv_suit_op *op)
{
    struct selv_cbor r;
    struct selv_suit_todo *todo = op->todo;
    op->err = SELV_ERR_SUIT_UNSET;
    if (!selv_suit_param_open(s, op->component, SELV_SUIT_SLOT_URI, &r)) {
        return SELV_SUIT_STEP_FAIL;
    }
    op->err = selv_cbor_tstr(&r, &todo->uri);
    if (op->err != SELV_OK) {
        return SELV_SUIT_STEP_FAIL;
    }
    if (todo->uri.len > 0 && todo->uri.p[0] == '#') {
        op->err = SELV_ERR_SUIT_INTEGRATED;
        if (!selv_suit_payload_find(s, todo->uri, &todo->integrated_off,
                                    &todo->integrated_len)) {
            return SELV_SUIT_STEP_FAIL;
        }
        todo->is_integrated = true;
    }
    /* Whatever was matched before is about to be overwritten. */
    s->params[op->component].image_good = SELV_BAD;
    selv_suit_todo_fill(s, op, SELV_SUIT_FETCH);
    return SELV_SUIT_STEP_WAIT;
}
