/* SPDX-License-Identifier: Apache-2.0
 *
 * set-component-index and try-each [manifest 8.4.10.1, 8.4.10.2]: directives
 * that touch only the interpreter's own state. */
#include "suit/suit_int.h"

uint8_t selv_suit_read_index(struct selv_suit *s)
{
    const uint8_t *start = s->r.p;
    uint32_t index = selv_cbor_pull(&s->r, SELV_CBOR_UINT);
    if (index >= s->component_count) {
        selv_suit_fault(s, SELV_ERR_SUIT_INDEX, start);
    }
    return (uint8_t)index;
}

/* An integer, true, or an array of integers [manifest 6.5]. The array may
 * not be longer than there are components: that bounds the work. */
enum selv_err selv_suit_run_set_component_index(struct selv_suit *s,
                                                struct selv_suit_todo *todo)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    enum selv_cbor_type type = selv_cbor_peek(r);
    (void)todo;
    uint32_t count = 0;
    uint32_t component = 0;
    f->list = NULL;
    if (type == SELV_CBOR_SIMPLE) {
        if (selv_cbor_pull(r, SELV_CBOR_SIMPLE) != SELV_CBOR_TRUE) {
            selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
        }
        count = s->component_count;
    } else {
        if (type == SELV_CBOR_ARRAY) {
            count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
            if (count == 0) {
                selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
            }
            if (count > s->component_count) {
                selv_cbor_note(r, SELV_ERR_SUIT_INDEX);
            }
            f->list = r->p;
        }
        component = selv_suit_read_index(s);
        for (uint32_t i = 1; SELV_SUIT_IS_MANY && i < count; i++) {
            (void)selv_suit_read_index(s);
        }
    }
    if (SELV_SUIT_IS_MANY) {
        f->count = (uint8_t)count;
        f->iteration = 0;
        f->component = (uint8_t)component;
    }
    return SELV_OK;
}

enum selv_err selv_suit_run_try_each(struct selv_suit *s,
                                     struct selv_suit_todo *todo)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
    bool has_null = false;
    (void)todo;
    f->left = (uint8_t)count;
    f->rest = r->p;
    if (count > UINT8_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
    }
    for (uint32_t left = count; left > 0 && r->err == SELV_OK; left--) {
        has_null = selv_cbor_is_null(r);
        selv_cbor_pass(r);
    }
    if (count < 2u + has_null) {
        selv_suit_fault(s, SELV_ERR_SUIT_EMPTY, f->rest);
    }
    f->next = r->p;
    return SELV_SUIT_INTO;
}
