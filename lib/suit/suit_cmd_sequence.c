/* SPDX-License-Identifier: Apache-2.0
 *
 * run-sequence [manifest 8.4.10.8]. We run everything in order, which
 * strict-order false allows; what it forbids is refused all the same
 * [manifest 6.7]. */
#include "suit/suit_int.h"

/* While strict-order is false: only as the first command of a run-sequence,
 * and not within another one. */
enum selv_err selv_suit_run_set_index_strictly(struct selv_suit *s,
                                               struct selv_suit_todo *todo)
{
    const struct selv_suit_frame *f = s->f;
    if ((f->flags & SELV_SUIT_FRAME_PARALLEL) != 0 &&
        (s->before != NULL || (f->flags & SELV_SUIT_FRAME_MUST_INDEX) == 0 ||
         (f[-1].flags & SELV_SUIT_FRAME_PARALLEL) != 0)) {
        return SELV_ERR_SUIT_RACE;
    }
    return selv_suit_run_set_component_index(s, todo);
}

enum selv_err selv_suit_run_sequence(struct selv_suit *s,
                                     struct selv_suit_todo *todo)
{
    uint8_t flags = 0;
    (void)todo;
    struct selv_suit_frame *f = s->f;
    if ((f->flags & SELV_SUIT_FRAME_LOOSE) != 0) {
        /* Its argument runs in strict order, and says by itself for which
         * component, unless the index is a list. */
        flags = SELV_SUIT_FRAME_OWN_ORDER | SELV_SUIT_FRAME_PARALLEL;
        if (f->count == 0) {
            flags |= SELV_SUIT_FRAME_MUST_INDEX;
        }
    }
    selv_suit_open(s, flags);
    if (flags != 0) {
        s->f->flags &= (uint8_t)~SELV_SUIT_FRAME_LOOSE;
    }
    f->next = f->rest;
    return SELV_SUIT_INTO;
}
