/* SPDX-License-Identifier: Apache-2.0
 *
 * Beginning, end, and the facts of a checked manifest. */
#define SELV_MODULE 0x53554954u /* "SUIT" */
#include "suit/suit_int.h"

const uint8_t selv_suit_section_keys[SELV_SUIT_SECTION_COUNT] = {
    [SELV_SUIT_SECTION_PAYLOAD_FETCH] = SELV_SUIT_KEY_PAYLOAD_FETCH,
    [SELV_SUIT_SECTION_INSTALL] = SELV_SUIT_KEY_INSTALL,
    [SELV_SUIT_SECTION_VALIDATE] = SELV_SUIT_KEY_VALIDATE,
    [SELV_SUIT_SECTION_LOAD] = SELV_SUIT_KEY_LOAD,
    [SELV_SUIT_SECTION_INVOKE] = SELV_SUIT_KEY_INVOKE,
    [SELV_SUIT_SECTION_TEXT] = SELV_SUIT_KEY_TEXT,
};

uint8_t selv_suit_section_find(int32_t key)
{
    uint8_t i = 0;
    while (i < SELV_SUIT_SECTION_COUNT && selv_suit_section_keys[i] != key) {
        i++;
    }
    return i;
}

bool selv_suit_is_good(enum selv_verdict v)
{
    return selv_is_good(v);
}

const struct selv_suit_command *
selv_suit_command_find(const struct selv_suit_profile *profile, int32_t code)
{
    for (size_t i = 0; i < profile->command_count; i++) {
        if (profile->commands[i].code == code) {
            return &profile->commands[i];
        }
    }
    return NULL;
}

void selv_suit_init(struct selv_suit *s,
                    const struct selv_suit_profile *profile,
                    const struct selv_suit_device *device)
{
    memset(s, 0, sizeof *s);
    s->profile = profile;
    s->device = device;
    s->authentic = SELV_BAD;
    selv_suit_failure_reset(s);
}

void selv_suit_wipe(struct selv_suit *s)
{
    selv_wipe(s, sizeof *s);
    s->authentic = SELV_BAD;
}

void selv_suit_failure_reset(struct selv_suit *s)
{
    memset(&s->failure, 0, sizeof s->failure);
    s->failure.component = SELV_SUIT_NO_COMPONENT;
}

const struct selv_suit_failure *selv_suit_failure(const struct selv_suit *s)
{
    return &s->failure;
}

uint64_t selv_suit_sequence_number(const struct selv_suit *s)
{
    SELV_ASSERT(selv_suit_is_good(s->authentic));
    return s->sequence_number;
}

const uint8_t *selv_suit_digest(const struct selv_suit *s)
{
    SELV_ASSERT(selv_suit_is_good(s->authentic));
    return s->digest;
}

size_t selv_suit_anchor(const struct selv_suit *s)
{
    SELV_ASSERT(selv_suit_is_good(s->authentic));
    return s->anchor;
}

size_t selv_suit_component_count(const struct selv_suit *s)
{
    return s->component_count;
}

struct selv_bytes selv_suit_component_id(const struct selv_suit *s,
                                         size_t component)
{
    SELV_ASSERT(component < s->component_count);
    struct selv_cbor r = {s->components, s->view.p + s->view.len};
    struct selv_bytes id = {NULL, 0};
    enum selv_err err = SELV_OK;
    for (size_t i = 0; i <= component && err == SELV_OK; i++) {
        err = selv_cbor_skip(&r, &id); /* they were read once already */
    }
    return id;
}

struct selv_bytes selv_suit_reference_uri(const struct selv_suit *s)
{
    return s->reference_uri;
}
