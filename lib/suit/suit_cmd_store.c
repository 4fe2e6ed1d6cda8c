/* SPDX-License-Identifier: Apache-2.0
 *
 * copy, swap and write [manifest 8.4.10.5, 8.4.10.9, 8.4.10.6]: the caller
 * moves the bytes. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_request(struct selv_suit *s,
                                    struct selv_suit_todo *todo)
{
    if (!s->is_again) {
        s->counts.requests++;
    }
    if (s->counts.requests > SELV_SUIT_REQUESTS_MAX) {
        selv_suit_fault(s, SELV_ERR_SUIT_WORK, s->f->at);
    }
    return selv_suit_run_ask(s, todo);
}

/* Before: sets of components that other commands of the sequence write and
 * read. A component "MUST NOT be both" while strict-order is false
 * [manifest 6.7]; a swap does both to both. */
static bool is_race(struct selv_suit *s, uint32_t writes, uint32_t reads)
{
    bool is_both = (writes & s->sources) != 0 || (reads & s->targets) != 0;
    s->targets |= (uint8_t)writes;
    s->sources |= (uint8_t)reads;
    return is_both;
}

enum selv_err selv_suit_run_store(struct selv_suit *s,
                                  struct selv_suit_todo *todo, uint8_t source)
{
    uint32_t writes = 1u << s->f->component;
    uint32_t reads = 1u << source & ~writes;
    s->params[s->f->component].image_good = SELV_BAD;
    if (s->row->todo == SELV_SUIT_SWAP) {
        s->params[source].image_good = SELV_BAD;
        writes |= reads;
        reads = writes;
    }
    if ((s->f->flags & SELV_SUIT_FRAME_LOOSE) != 0 && !s->is_again &&
        is_race(s, writes, reads)) {
        return SELV_ERR_SUIT_RACE;
    }
    return selv_suit_run_request(s, todo);
}

enum selv_err selv_suit_run_copy(struct selv_suit *s,
                                 struct selv_suit_todo *todo)
{
    uint8_t source = (uint8_t)selv_cbor_pull(&s->r, SELV_CBOR_UINT);
    if (source == s->f->component || source >= s->component_count) {
        return SELV_ERR_SUIT_SOURCE;
    }
    todo->source = source;
    todo->device_source = s->device_component[source];
    return selv_suit_run_store(s, todo, source);
}

enum selv_err selv_suit_run_write(struct selv_suit *s,
                                  struct selv_suit_todo *todo)
{
    todo->data = selv_suit_param_bytes(s, SELV_SUIT_SLOT_CONTENT);
    return selv_suit_run_store(s, todo, s->f->component);
}
