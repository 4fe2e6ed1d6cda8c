/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest and its common part [manifest 8.4]. Runs only over authentic
 * bytes; finds where things are. */
#include "suit/suit_int.h"

/* Which of the device's components has the identifier from p to the cursor, and
 * is in `named` no longer afterwards: two indices for one component would be
 * two opinions about one image. */
static uint32_t find_component(struct selv_suit *s, const uint8_t *p,
                               uint32_t named)
{
    const struct selv_suit_component *own = s->device->components;
    size_t len = (size_t)(s->r.p - p);
    uint32_t index = 0;
    while (index < s->device->component_count &&
           (own->id.len != len || memcmp(own->id.p, p, len) != 0)) {
        own++;
        index++;
    }
    if (own != NULL && index == s->device->component_count) {
        selv_suit_fault(s, SELV_ERR_SUIT_COMPONENT, p);
    }
    if (own != NULL && (named >> index & 1u) != 0) {
        selv_suit_fault(s, SELV_ERR_SUIT_COMPONENTS, p);
    }
    s->component_off[s->component_count] = selv_suit_off(s, p);
    s->device_component[s->component_count] = (uint8_t)index;
    return named | 1u << index;
}

/* A list of identifiers [manifest 8.4.5]. */
static void read_components(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    uint32_t named = 0;
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
    if (count - 1 >= SELV_SUIT_COMPONENTS_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_COMPONENTS);
    }
    for (; count > 0 && r->err == SELV_OK; count--) {
        const uint8_t *p = r->p;
        selv_cbor_pass(r);
        s->failure.component = s->component_count;
        named = find_component(s, p, named);
        s->component_count++;
    }
}

/* A lower number is refused; an equal one must pass, since the same manifest
 * boots later [manifest 6.1]. */
static void read_sequence_number(struct selv_suit *s)
{
    enum selv_verdict recent = SELV_BAD;
    selv_suit_go_to(s, s->manifest, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    uint64_t number = selv_cbor_pull_wide(&s->r, SELV_CBOR_UINT);
    if (number >= s->device->sequence_min) {
        recent = SELV_GOOD;
    }
    if (!selv_is_good(recent)) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_SEQUENCE);
    }
}

/* Read the map in the byte string at the cursor. */
static void read_map(struct selv_suit *s, uint16_t *at, uint32_t allowed)
{
    (void)selv_cbor_enter(&s->r);
    if (selv_suit_map_read(s, at, allowed) != 0) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_KEY); /* it is text */
    }
    selv_cbor_leave(&s->r, s->r.end);
}

void selv_suit_manifest_read(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    s->failure.section = 0;
    selv_suit_seek(s, s->envelope[SELV_SUIT_KEY_MANIFEST]);
    read_map(s, s->manifest,
             1u << SELV_SUIT_KEY_VERSION | 1u << SELV_SUIT_KEY_SEQUENCE_NUMBER |
                 1u << SELV_SUIT_KEY_COMMON |
                 1u << SELV_SUIT_KEY_REFERENCE_URI |
                 1u << SELV_SUIT_KEY_VALIDATE | 1u << SELV_SUIT_KEY_LOAD |
                 1u << SELV_SUIT_KEY_INVOKE | SELV_SUIT_SEVERABLE);
    selv_suit_go_to(s, s->manifest, SELV_SUIT_KEY_VERSION);
    if (selv_cbor_pull(r, SELV_CBOR_UINT) != SELV_SUIT_MANIFEST_VERSION) {
        selv_cbor_note(r, SELV_ERR_SUIT_VERSION);
    }
    read_sequence_number(s);
    selv_suit_go_to(s, s->manifest, SELV_SUIT_KEY_COMMON);
    if (r->err == SELV_OK) {
        s->failure.section = SELV_SUIT_KEY_COMMON;
    }
    read_map(s, s->common,
             1u << SELV_SUIT_COMMON_COMPONENTS |
                 1u << SELV_SUIT_COMMON_SHARED_SEQUENCE);
    selv_suit_go_to(s, s->common, SELV_SUIT_COMMON_COMPONENTS);
    read_components(s);
}
