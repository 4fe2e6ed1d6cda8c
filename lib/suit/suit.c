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

enum selv_suit_section selv_suit_section_find(int32_t key)
{
    uint8_t i = 0;
    while (i < SELV_SUIT_SECTION_COUNT && selv_suit_section_keys[i] != key) {
        i++;
    }
    return (enum selv_suit_section)i;
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
    s->failure.component = SELV_SUIT_NO_COMPONENT;
}

void selv_suit_wipe(struct selv_suit *s)
{
    selv_wipe(s, sizeof *s);
    s->authentic = SELV_BAD;
}

enum selv_err selv_suit_fail_at(struct selv_suit *s, enum selv_err err,
                                const uint8_t *p, int32_t code)
{
    s->failure.err = err;
    s->failure.offset = selv_suit_off(s, p);
    s->failure.code = code;
    return err;
}

const struct selv_suit_failure *selv_suit_failure(const struct selv_suit *s)
{
    return &s->failure;
}

uint64_t selv_suit_sequence_number(const struct selv_suit *s)
{
    SELV_ASSERT(selv_is_good(s->authentic));
    return s->sequence_number;
}

const uint8_t *selv_suit_digest(const struct selv_suit *s)
{
    SELV_ASSERT(selv_is_good(s->authentic));
    return s->view.p + s->digest_off;
}

size_t selv_suit_anchor(const struct selv_suit *s)
{
    SELV_ASSERT(selv_is_good(s->authentic));
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
    struct selv_cbor r =
        selv_suit_reader(s, s->components_off, s->view.len - s->components_off);
    struct selv_bytes id = {NULL, 0};
    for (size_t i = 0; i <= component; i++) {
        /* They were read once already. */
        if (selv_cbor_skip(&r, &id) != SELV_OK) {
            return selv_bytes(NULL, 0);
        }
    }
    return id;
}

struct selv_bytes selv_suit_reference_uri(const struct selv_suit *s)
{
    struct selv_bytes uri = {NULL, 0};
    struct selv_cbor r =
        selv_suit_reader(s, s->reference_off, s->view.len - s->reference_off);
    if (s->reference_off == 0 || selv_cbor_tstr(&r, &uri) != SELV_OK) {
        uri = selv_bytes(NULL, 0);
    }
    return uri;
}
