/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a manifest asks the bootloader for more than it can do: for the
 * consumer to know before it fetches. */
#include "suit/suit_int.h"

/* What the bootloader will go through. */
#define BOOT_TIME                                                              \
    (SELV_SUIT_IN_SHARED | SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_LOAD |         \
     SELV_SUIT_IN_INVOKE)

static bool has(uint64_t set, int32_t number)
{
    return number >= 0 && number < 64 && (set >> number & 1u) != 0;
}

static bool has_parameters(struct selv_suit *s, uint32_t set)
{
    struct selv_cbor r = {s->f->at, s->f->next, SELV_OK};
    (void)selv_cbor_pull_int(&r);
    for (uint32_t left = selv_cbor_pull(&r, SELV_CBOR_MAP); left > 0; left--) {
        s->failure.code = selv_cbor_pull_int(&r);
        bool is_pen = s->failure.code == SELV_SUIT_PARAMETER_VENDOR_ID &&
                      selv_cbor_peek(&r) == SELV_CBOR_TAG;
        if (!has(set, is_pen ? 0 : s->failure.code)) {
            return false;
        }
        selv_cbor_pass(&r);
    }
    return true;
}

void selv_suit_capability_signers(struct selv_suit *s)
{
    const struct selv_suit_capability *boot = s->device->boot;
    s->failure.section = SELV_SUIT_KEY_AUTHENTICATION;
    s->failure.code = 0;
    selv_suit_seek(s, s->envelope[SELV_SUIT_KEY_AUTHENTICATION]);
    const uint8_t *start = s->r.p;
    (void)selv_cbor_enter(&s->r);
    /* The array holds the digest, too. */
    if (selv_cbor_pull(&s->r, SELV_CBOR_ARRAY) > boot->signers_max + 1u) {
        selv_suit_fault(s, SELV_ERR_SUIT_BOOTLOADER, start);
    }
}

SELV_SUIT_APART static enum selv_err
judge(struct selv_suit *s, const struct selv_suit_capability *boot)
{
    uint32_t where = selv_suit_where(s);
    int32_t code = s->failure.code;
    /* An install is the bootloader's where it says so. */
    uint32_t boots = BOOT_TIME | (boot->sections & SELV_SUIT_IN_INSTALL);
    if ((where & boots) == 0 || s->r.err != SELV_OK) {
        return SELV_OK;
    }
    /* override-parameters has left the last parameter's number there. */
    bool is_override = s->row->run == selv_suit_run_override_parameters;
    if (is_override) {
        code = SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS;
    }
    if (has(boot->commands, code) &&
        (s->is_shared || (boot->sections & where) != 0) &&
        s->component_count <= boot->components_max &&
        (uint32_t)(s->f - s->frame) <= boot->depth_max + 1u &&
        s->payloads_off <= boot->envelope_max &&
        (!is_override || has_parameters(s, boot->parameters))) {
        return SELV_OK;
    }
    if (!has(boot->commands, code)) {
        s->failure.code = code;
    }
    return SELV_ERR_SUIT_BOOTLOADER;
}

enum selv_err selv_suit_capability_judge(struct selv_suit *s)
{
    const struct selv_suit_capability *boot = s->device->boot;
    return boot == NULL ? SELV_OK : judge(s, boot);
}
