/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest and its common part [manifest 8.4]. Runs only over authentic
 * bytes; finds where things are, and checks severed digests. */
#include "suit/suit_int.h"

/* Go to the value of a key. After an error nothing moves. */
static void go_to(struct selv_suit *s, const uint16_t *at, uint32_t key)
{
    if (s->r.err == SELV_OK) {
        s->failure.code = (int32_t)key;
        selv_suit_seek(s, at[key]);
    }
}

/* Which of the device's components has the identifier from p to the cursor,
 * and is none that was named before: two indices for one component would be
 * two opinions about one image. */
static void find_component(struct selv_suit *s, const uint8_t *p)
{
    const struct selv_suit_device *device = s->device;
    size_t len = (size_t)(s->r.p - p);
    uint32_t count = s->component_count;
    uint32_t own = 0;
    while (own < device->component_count &&
           (device->components[own].id.len != len ||
            memcmp(device->components[own].id.p, p, len) != 0)) {
        own++;
    }
    if (own == device->component_count && device->components != NULL) {
        selv_suit_fault(s, SELV_ERR_SUIT_COMPONENT, p);
    }
    for (uint32_t i = 0; i < count && device->components != NULL; i++) {
        if (s->device_component[i] == own) {
            selv_suit_fault(s, SELV_ERR_SUIT_COMPONENTS, p);
        }
    }
    s->component_off[count] = selv_suit_off(s, p);
    s->device_component[count] = (uint8_t)own;
}

/* A list of identifiers [manifest 8.4.5]. */
static void read_components(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
    if (count - 1 >= SELV_SUIT_COMPONENTS_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_COMPONENTS);
    }
    for (; count > 0 && r->err == SELV_OK; count--) {
        const uint8_t *p = r->p;
        selv_cbor_pass(r);
        s->failure.component = s->component_count;
        find_component(s, p);
        s->component_count++;
    }
}

/* A severable element in place, or the digest of its whole byte string in the
 * envelope, where it may be missing [manifest 8.4.12]. */
static void read_severable(struct selv_suit *s, uint32_t key)
{
    uint32_t head = s->envelope[key];
    bool is_covered = head == 0;
    go_to(s, s->manifest, key);
    s->failure.section = (int16_t)key;
    if (s->manifest[key] != 0 && selv_cbor_peek(&s->r) == SELV_CBOR_ARRAY) {
        const uint8_t *claimed = selv_suit_digest_read(&s->r);
        s->manifest[key] = (uint16_t)head;
        if (is_covered) {
            s->manifest[key] = SELV_SUIT_TAKEN_OUT;
        } else {
            is_covered =
                selv_is_good(selv_suit_digest_verdict(s, head, claimed));
        }
    }
    if (!is_covered) {
        selv_suit_fault(s, SELV_ERR_SUIT_SEVERED, s->view.p + head);
    }
}

/* A lower number is refused; an equal one must pass, since the same manifest
 * boots later [manifest 6.1]. */
static void read_sequence_number(struct selv_suit *s)
{
    enum selv_verdict recent = SELV_BAD;
    go_to(s, s->manifest, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    s->sequence_number = selv_cbor_pull_wide(&s->r, SELV_CBOR_UINT);
    if (s->sequence_number >= s->device->sequence_min) {
        recent = SELV_GOOD;
    }
    if (!selv_is_good(recent)) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_SEQUENCE);
    }
}

/* Read the map in the byte string at the cursor. */
static void read_map(struct selv_suit *s, uint16_t *at, uint32_t allowed,
                     uint32_t required)
{
    (void)selv_cbor_enter(&s->r);
    if (selv_suit_map_read(s, at, allowed, required) != 0) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_KEY); /* it is text */
    }
    selv_cbor_leave(&s->r, s->r.end);
}

void selv_suit_manifest_read(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    uint32_t required = 1u << SELV_SUIT_KEY_VERSION |
                        1u << SELV_SUIT_KEY_SEQUENCE_NUMBER |
                        1u << SELV_SUIT_KEY_COMMON;
    s->failure.section = 0;
    selv_suit_seek(s, s->envelope[SELV_SUIT_KEY_MANIFEST]);
    read_map(s, s->manifest,
             required | 1u << SELV_SUIT_KEY_REFERENCE_URI |
                 1u << SELV_SUIT_KEY_VALIDATE | 1u << SELV_SUIT_KEY_LOAD |
                 1u << SELV_SUIT_KEY_INVOKE | SELV_SUIT_SEVERABLE,
             required);
    go_to(s, s->manifest, SELV_SUIT_KEY_VERSION);
    if (selv_cbor_pull(r, SELV_CBOR_UINT) != SELV_SUIT_MANIFEST_VERSION) {
        selv_cbor_note(r, SELV_ERR_SUIT_VERSION);
    }
    read_sequence_number(s);
    for (uint32_t key = SELV_SUIT_KEY_PAYLOAD_FETCH;
         key <= SELV_SUIT_KEY_TEXT && r->err == SELV_OK; key++) {
        read_severable(s, key);
    }
    go_to(s, s->manifest, SELV_SUIT_KEY_COMMON);
    if (r->err == SELV_OK) {
        s->failure.section = SELV_SUIT_KEY_COMMON;
    }
    read_map(s, s->common,
             1u << SELV_SUIT_COMMON_COMPONENTS |
                 1u << SELV_SUIT_COMMON_SHARED_SEQUENCE,
             1u << SELV_SUIT_COMMON_COMPONENTS);
    go_to(s, s->common, SELV_SUIT_COMMON_COMPONENTS);
    read_components(s);
}
