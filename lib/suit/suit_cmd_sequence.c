/* SPDX-License-Identifier: Apache-2.0
 *
 * run-sequence [manifest 8.4.10.8]. We run everything in order, which
 * strict-order false allows; what it forbids is refused all the same
 * [manifest 6.7]. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_sequence(struct selv_suit *s,
                                     struct selv_suit_todo *todo)
{
    uint8_t flags = 0;
    (void)todo;
    if (s->is_loose && s->state == SELV_SUIT_STATE_RUNNING) {
        /* Its argument runs in strict order, and says by itself for which
         * component, unless the index is a list. */
        flags = SELV_SUIT_FRAME_LOOSE | SELV_SUIT_FRAME_PARALLEL;
        if (s->f->count == 0) {
            flags |= SELV_SUIT_FRAME_MUST_INDEX;
        }
        s->is_loose = false;
    }
    struct selv_suit_frame *f = s->f;
    selv_suit_open(s, flags);
    f->next = f->rest;
    return SELV_SUIT_INTO;
}
