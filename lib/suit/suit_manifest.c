/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest's map and common [manifest 8.4]. Runs only over authentic
 * bytes; finds where things are, and checks severed digests. */
#include "suit/suit_int.h"

/* Read a map of integer keys to its end, each value by element. required:
 * bits of the keys below 8 that must be there. */
static void
read_map(struct selv_suit *s, struct selv_bytes in, uint8_t required,
         void (*element)(struct selv_suit *s, struct selv_cbor *r, int32_t key))
{
    struct selv_cbor r;
    struct selv_bytes previous = {NULL, 0};
    int16_t section = s->failure.section;
    selv_cbor_init(&r, in);
    s->failure.code = 0;
    uint32_t count = selv_suit_read_map(s, &r);
    while (count > 0 && s->failure.err == SELV_OK) {
        int32_t key = selv_suit_read_key(s, &r, &previous);
        if ((uint32_t)key < 8) {
            required &= (uint8_t) ~(1u << key);
        }
        if (s->failure.err == SELV_OK) {
            element(s, &r, key);
        }
        if (s->failure.err == SELV_OK) {
            s->failure.section = section;
            s->failure.code = 0;
        }
        count--;
    }
    for (int32_t key = 1; s->failure.err == SELV_OK && key < 8; key++) {
        if ((required >> key & 1) != 0) {
            s->failure.code = key;
            selv_suit_note(s, SELV_ERR_SUIT_MISSING, r.p);
        }
    }
    selv_suit_read_end(s, &r);
}

/* ---- common ------------------------------------------------------------- */

/* Which of the device's components has this identifier. */
static enum selv_err find_component(struct selv_suit *s, struct selv_bytes id)
{
    const struct selv_suit_device *device = s->device;
    uint8_t *index = &s->device_component[s->component_count];
    *index = SELV_SUIT_NO_COMPONENT;
    if (device->components == NULL) {
        return SELV_OK;
    }
    for (size_t i = 0; i < device->component_count; i++) {
        if (selv_bytes_equal(device->components[i].id, id)) {
            *index = (uint8_t)i;
            return SELV_OK;
        }
    }
    return SELV_ERR_SUIT_COMPONENT;
}

/* A component identifier is an array of byte strings [manifest 8.4.5.1]. */
static void read_component(struct selv_suit *s, struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    uint32_t segments = selv_suit_read_array(s, r);
    while (segments > 0 && s->failure.err == SELV_OK) {
        struct selv_bytes segment;
        selv_suit_read_bstr(s, r, &segment);
        segments--;
    }
    if (s->failure.err != SELV_OK) {
        return;
    }
    struct selv_bytes id = {start, (size_t)(r->p - start)};
    enum selv_err err = find_component(s, id);
    /* Two indices for one component would be two opinions about one image. */
    for (size_t i = 0; i < s->component_count; i++) {
        if (selv_bytes_equal(selv_suit_component_id(s, i), id)) {
            err = SELV_ERR_SUIT_COMPONENTS;
        }
    }
    selv_suit_note(s, err, start);
}

static void read_components(struct selv_suit *s, struct selv_cbor *r)
{
    const uint8_t *start = r->p;
    uint32_t count = selv_suit_read_array(s, r);
    if (count == 0 || count > SELV_SUIT_COMPONENTS_MAX) {
        selv_suit_note(s, SELV_ERR_SUIT_COMPONENTS, start);
    }
    s->components = r->p;
    while (s->component_count < count && s->failure.err == SELV_OK) {
        s->failure.component = s->component_count;
        read_component(s, r);
        s->component_count++;
    }
    if (s->failure.err == SELV_OK) {
        s->failure.component = SELV_SUIT_NO_COMPONENT;
    }
}

static void read_common_element(struct selv_suit *s, struct selv_cbor *r,
                                int32_t key)
{
    if (key == SELV_SUIT_COMMON_COMPONENTS) {
        read_components(s, r);
    } else if (key == SELV_SUIT_COMMON_SHARED_SEQUENCE) {
        selv_suit_read_bstr(s, r, &s->shared);
    } else {
        selv_suit_note(s, SELV_ERR_SUIT_KEY, r->p);
    }
}

/* ---- severable elements ------------------------------------------------- */

/* An array at a severable key is the digest of the element's whole byte
 * string in the envelope, where it may be missing [manifest 8.6]. Leaves
 * *element empty when it is. */
static void read_severed(struct selv_suit *s, struct selv_cbor *r,
                         uint8_t section, struct selv_bytes *element)
{
    const uint8_t *claimed = NULL;
    enum selv_err err = selv_suit_digest_read(r, &claimed);
    selv_suit_note(s, err, r->p);
    const uint8_t *head = s->view.p + s->severed_off[section];
    struct selv_cbor e = {head, s->view.p + s->view.len};
    if (err != SELV_OK || head == s->view.p) {
        s->absent |= (uint8_t)(1u << section);
        return;
    }
    selv_suit_read_bstr(s, &e, element);
    s->severed_off[section] = 0;
    enum selv_verdict same = selv_suit_digest_verdict(head, e.p, claimed);
    if (!selv_suit_is_good(same)) {
        selv_suit_note(s, SELV_ERR_SUIT_SEVERED, head);
    }
}

/* A section or the text, in place or severed. */
static void read_section(struct selv_suit *s, struct selv_cbor *r, int32_t key)
{
    uint8_t section = selv_suit_section_find(key);
    struct selv_bytes element = {s->view.p, 0};
    if ((SELV_SUIT_SUPPORTED >> section & 1u) == 0) {
        selv_suit_note(s, SELV_ERR_SUIT_KEY, r->p);
        return;
    }
    s->failure.section = (int16_t)key;
    if ((SELV_SUIT_SEVERABLE >> section & 1u) != 0 &&
        selv_cbor_peek(r) == SELV_CBOR_ARRAY) {
        read_severed(s, r, section, &element);
    } else {
        selv_suit_read_bstr(s, r, &element);
    }
    s->section_off[section] = selv_suit_off(s, element.p);
    s->section_len[section] = (uint16_t)element.len;
}

/* ---- the manifest's map ------------------------------------------------- */

static void read_element(struct selv_suit *s, struct selv_cbor *r, int32_t key)
{
    const uint8_t *start = r->p;
    struct selv_bytes common;
    enum selv_verdict recent = SELV_BAD;
    switch (key) {
    case SELV_SUIT_KEY_VERSION:
        if (selv_suit_read_uint(s, r) != SELV_SUIT_MANIFEST_VERSION) {
            selv_suit_note(s, SELV_ERR_SUIT_VERSION, start);
        }
        break;
    case SELV_SUIT_KEY_SEQUENCE_NUMBER:
        s->sequence_number = selv_suit_read_uint(s, r);
        /* A lower number is refused; an equal one must pass, since the same
         * manifest boots later [manifest 6.1]. */
        if (s->sequence_number >= s->device->sequence_min) {
            recent = SELV_GOOD;
        }
        if (!selv_suit_is_good(recent)) {
            selv_suit_note(s, SELV_ERR_SUIT_SEQUENCE, start);
        }
        break;
    case SELV_SUIT_KEY_COMMON:
        selv_suit_read_bstr(s, r, &common);
        if (s->failure.err == SELV_OK) {
            s->failure.section = SELV_SUIT_KEY_COMMON;
            read_map(s, common, 1u << SELV_SUIT_COMMON_COMPONENTS,
                     read_common_element);
        }
        break;
    case SELV_SUIT_KEY_REFERENCE_URI:
        selv_suit_note(s, selv_cbor_tstr(r, &s->reference_uri), start);
        break;
    default:
        read_section(s, r, key);
        break;
    }
}

void selv_suit_manifest_read(struct selv_suit *s)
{
    s->failure.section = 0;
    read_map(s, s->manifest,
             1u << SELV_SUIT_KEY_VERSION | 1u << SELV_SUIT_KEY_SEQUENCE_NUMBER |
                 1u << SELV_SUIT_KEY_COMMON,
             read_element);
    /* An element of the envelope that no digest of the manifest covers. */
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_COUNT; i++) {
        if (s->severed_off[i] != 0 && s->failure.err == SELV_OK) {
            s->failure.section = selv_suit_section_keys[i];
            s->failure.code = selv_suit_section_keys[i];
            selv_suit_note(s, SELV_ERR_SUIT_SEVERED,
                           s->view.p + s->severed_off[i]);
        }
    }
}
