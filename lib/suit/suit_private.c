/* SPDX-License-Identifier: Apache-2.0
 *
 * Private commands and parameters of a port [manifest 8.4.8.16, 8.4.11]. */
#include "suit/suit_int.h"

/* Where private conditions and directives may stand is said by the port; the
 * rows differ in nothing else. */
static const struct selv_suit_command rows[] = {
    {0, SELV_SUIT_ANYWHERE, 0, 0, 0, SELV_SUIT_PRIVATE, selv_suit_run_private},
    {0, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION, 0, 0, SELV_SUIT_PRIVATE,
     selv_suit_run_private},
};

const struct selv_suit_command *selv_suit_private_command(struct selv_suit *s,
                                                          int32_t code)
{
    const struct selv_suit_private *private = s->device->private;
    if (private == NULL || code > SELV_SUIT_PRIVATE_MAX_CODE || s->is_shared) {
        return NULL;
    }
    for (size_t i = 0; i < private->command_count; i++) {
        const struct selv_suit_private_command *command = &private->commands[i];
        if (command->code == code &&
            (command->sections & selv_suit_where(s)) != 0) {
            return &rows[command->is_condition];
        }
    }
    return NULL;
}

/* Nobody knows what a private directive writes. */
enum selv_err selv_suit_run_private(struct selv_suit *s,
                                    struct selv_suit_todo *todo)
{
    if ((s->row->flags & SELV_SUIT_IS_CONDITION) == 0) {
        s->params[s->f->component].image_good = SELV_BAD;
    }
    return selv_suit_run_request(s, todo);
}

const struct selv_suit_parameter_rule *
selv_suit_private_parameter(const struct selv_suit *s, int32_t code)
{
    static const struct selv_suit_parameter_rule rules[] = {
        {0, SELV_SUIT_SLOT_PRIVATE, SELV_SUIT_SPECIAL, 0},
        {0, SELV_SUIT_SLOT_PRIVATE + 1, SELV_SUIT_SPECIAL, 0},
    };
    _Static_assert(sizeof rules / sizeof rules[0] ==
                       SELV_SUIT_PRIVATE_PARAMETERS_MAX,
                   "a row for each private parameter");
    const struct selv_suit_private *private = s->device->private;
    if (private == NULL || code > SELV_SUIT_PRIVATE_MAX_CODE) {
        return NULL;
    }
    for (size_t i = 0;
         i < private->parameter_count && i < SELV_SUIT_PRIVATE_PARAMETERS_MAX;
         i++) {
        if (private->parameters[i] == code) {
            return &rules[i];
        }
    }
    return NULL;
}

void selv_suit_special_checked(struct selv_suit *s,
                               const struct selv_suit_parameter_rule *rule)
{
    const uint8_t *start = s->r.p;
    selv_suit_special(s, rule);
    if (rule->slot < SELV_SUIT_SLOT_PRIVATE || s->r.err != SELV_OK ||
        s->device->private->check == NULL) {
        return;
    }
    struct selv_bytes value = selv_bytes(start, (size_t)(s->r.p - start));
    enum selv_err err = s->device->private->check(s->failure.code, value);
    if (err != SELV_OK) {
        selv_suit_fault(s, err, start);
    }
}

struct selv_bytes selv_suit_parameter(const struct selv_suit *s,
                                      size_t component, int32_t code)
{
    const struct selv_suit_parameter_rule *rule =
        selv_suit_parameter_find(s, code);
    if (rule == NULL || rule->slot == SELV_SUIT_SLOT_NONE ||
        component >= s->component_count ||
        s->params[component].at[rule->slot - 1] == 0) {
        return selv_bytes(NULL, 0);
    }
    const uint8_t *start = s->view.p + s->params[component].at[rule->slot - 1];
    struct selv_cbor r = {start, s->view.p + s->view.len, SELV_OK};
    selv_cbor_pass(&r);
    return selv_bytes(start, (size_t)(r.p - start));
}
