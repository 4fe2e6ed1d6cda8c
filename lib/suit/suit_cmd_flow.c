/* SPDX-License-Identifier: Apache-2.0
 *
 * set-component-index and override-parameters [manifest 8.4.10.1, 8.4.10.3]:
 * directives that touch only the interpreter's own state. try-each needs no
 * handler, since the walk goes into its sequences by itself. */
#include "suit/suit_int.h"

enum selv_suit_step selv_suit_run_set_component_index(struct selv_suit *s,
                                                      struct selv_suit_op *op)
{
    struct selv_suit_index *index = &s->index[s->walk.depth];
    struct selv_cbor r;
    selv_cbor_init(&r, op->argument);
    uint32_t component = 0;
    memset(index, 0, sizeof *index);
    if (selv_cbor_uint32(&r, s->component_count - 1u, &component) != SELV_OK) {
        index->list = selv_suit_off(s, op->argument.p);
    }
    index->component = (uint8_t)component;
    return SELV_SUIT_STEP_NEXT;
}

enum selv_suit_step selv_suit_run_override_parameters(struct selv_suit *s,
                                                      struct selv_suit_op *op)
{
    struct selv_cbor r;
    selv_cbor_init(&r, op->argument);
    uint32_t count = 0;
    op->err = selv_cbor_map(&r, &count);
    while (count > 0 && op->err == SELV_OK) {
        int32_t code = 0;
        op->err = selv_cbor_int(&r, &code);
        const struct selv_suit_parameter_rule *rule =
            selv_suit_parameter_find(s->profile, code);
        if (rule != NULL) {
            s->params[op->component].at[rule->slot] = selv_suit_off(s, r.p);
        }
        if (op->err == SELV_OK) {
            op->err = selv_cbor_skip(&r, NULL);
        }
        count--;
    }
    return op->err == SELV_OK ? SELV_SUIT_STEP_NEXT : SELV_SUIT_STEP_FAIL;
}
