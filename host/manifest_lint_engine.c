/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules ask the device's engine. */
#include "host/manifest_lint_int.h"

bool lint_boot_has(int32_t code)
{
    return code >= 0 && code < 64 &&
           (selv_suit_capability_boot_select.commands >> code & 1) != 0;
}

/* Once each: an image for each slot names a chunk list for each. */
static void parameter_know(struct selv_manifest_device *d, int32_t code)
{
    for (size_t i = 0; i < d->private_parameter_count; i++) {
        if (d->private_parameters[i] == code) {
            return;
        }
    }
    if (d->private_parameter_count < SELV_SUIT_PRIVATE_PARAMETERS_MAX) {
        d->private_parameters[d->private_parameter_count++] = code;
    }
}

/* Every private number, as far as the engine has room for them. */
static void numbers_find(const struct manifest_sequence *s,
                         struct selv_manifest_device *d)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_command *c = &s->commands[i];
        struct selv_cbor r;
        uint32_t count = 0;

        if (manifest_is_private(c->code) &&
            d->private_command_count < SELV_DEVICE_PRIVATE_MAX) {
            struct selv_suit_private_command *row =
                &d->private_commands[d->private_command_count++];

            row->code = c->code;
            row->sections = (1u << SELV_SUIT_SECTION_COUNT) - 1u;
        }
        for (size_t k = 0; k < c->nested_count; k++) {
            numbers_find(&c->nested[k], d);
        }
        selv_cbor_init(&r, c->argument);
        if (c->code != SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS ||
            selv_cbor_map(&r, &count) != SELV_OK) {
            continue;
        }
        for (; count > 0; count--) {
            int32_t code;

            if (selv_cbor_int(&r, &code) != SELV_OK ||
                selv_cbor_skip(&r, NULL) != SELV_OK) {
                break;
            }
            if (manifest_is_private(code)) {
                parameter_know(d, code);
            }
        }
    }
}

void lint_engine_judge(const struct lint *l, struct selv_bytes envelope,
                       const struct selv_key *key,
                       struct selv_manifest_verdict *verdict)
{
    struct selv_manifest_device known;

    memset(&known, 0, sizeof(known));
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        numbers_find(&l->tree->sections[i].sequence, &known);
    }
    manifest_check(envelope, &key->cose, 1, &known, verdict);
}
