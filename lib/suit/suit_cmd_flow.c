/* SPDX-License-Identifier: Apache-2.0
 *
 * set-component-index, try-each and override-parameters
 * [manifest 8.4.10.1 to 8.4.10.3]: directives that touch only the
 * interpreter's own state. */
#include "suit/suit_int.h"

enum selv_suit_step selv_suit_run_set_component_index(struct selv_suit *s,
                                                      struct selv_suit_op *op)
{
    struct selv_suit_frame *f = &s->frames[s->depth - 1];
    struct selv_cbor r;
    selv_cbor_init(&r, op->argument);
    uint32_t index = 0;
    f->list = op->argument_off;
    if (selv_cbor_peek(&r) == SELV_CBOR_UINT) {
        f->list = 0;
        op->err = selv_cbor_uint32(&r, s->component_count - 1u, &index);
        if (op->err != SELV_OK) {
            return SELV_SUIT_STEP_FAIL;
        }
    }
    f->component = (uint8_t)index;
    return SELV_SUIT_STEP_NEXT;
}

enum selv_suit_step selv_suit_run_try_each(struct selv_suit *s,
                                           struct selv_suit_op *op)
{
    struct selv_cbor r;
    selv_cbor_init(&r, op->argument);
    uint32_t count = 0;
    struct selv_bytes body;
    op->err = selv_cbor_array(&r, &count);
    if (op->err == SELV_OK) {
        op->err = selv_cbor_bstr(&r, &body);
    }
    if (op->err == SELV_OK) {
        op->err =
            selv_suit_frame_push(s, body, op->component, (uint8_t)(count - 1));
    }
    return op->err == SELV_OK ? SELV_SUIT_STEP_ENTER : SELV_SUIT_STEP_FAIL;
}

enum selv_suit_step selv_suit_run_override_parameters(struct selv_suit *s,
                                                      struct selv_suit_op *op)
{
    const struct selv_suit_profile *profile = s->profile;
    struct selv_cbor r;
    selv_cbor_init(&r, op->argument);
    uint32_t count = 0;
    op->err = selv_cbor_map(&r, &count);
    for (uint32_t i = 0; i < count && op->err == SELV_OK; i++) {
        int32_t code = 0;
        op->err = selv_cbor_int(&r, &code);
        uint16_t off = selv_suit_off(s, r.p);
        if (op->err == SELV_OK) {
            op->err = selv_cbor_skip(&r, NULL);
        }
        for (size_t row = 0; row < profile->parameter_count; row++) {
            if (profile->parameters[row].code == code) {
                s->params[op->component].at[profile->parameters[row].slot] =
                    off;
            }
        }
    }
    return op->err == SELV_OK ? SELV_SUIT_STEP_NEXT : SELV_SUIT_STEP_FAIL;
}
