/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest's map and common [manifest 8.4]. Runs only over authentic
 * bytes; finds where things are, and checks severed digests. */
#include "suit/suit_int.h"

/* ---- common ----------------------------------------------------------------
 */

/* Which of the device's components has this identifier. */
static enum selv_err find_component(const struct selv_suit *s,
                                    struct selv_bytes id, uint8_t *index)
{
    const struct selv_suit_device *device = s->device;
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
static enum selv_err read_component_id(struct selv_cbor *r,
                                       struct selv_bytes *id)
{
    const uint8_t *start = r->p;
    uint32_t count = 0;
    enum selv_err err = selv_cbor_array(r, &count);
    for (uint32_t i = 0; i < count && err == SELV_OK; i++) {
        struct selv_bytes segment;
        err = selv_cbor_bstr(r, &segment);
    }
    *id = selv_bytes(start, (size_t)(r->p - start));
    return err;
}

/* Two indices for one component would be two opinions about one image. */
static bool is_named_twice(const struct selv_suit *s, struct selv_bytes id)
{
    for (size_t i = 0; i < s->component_count; i++) {
        if (selv_bytes_equal(selv_suit_component_id(s, i), id)) {
            return true;
        }
    }
    return false;
}

static enum selv_err read_components(struct selv_suit *s, struct selv_cbor *r)
{
    uint32_t count = 0;
    const uint8_t *start = r->p;
    enum selv_err err = selv_cbor_array(r, &count);
    if (err != SELV_OK) {
        return err;
    }
    if (count == 0 || count > SELV_SUIT_COMPONENTS_MAX) {
        r->p = start;
        return SELV_ERR_SUIT_COMPONENTS;
    }
    s->components_off = selv_suit_off(s, r->p);
    while (s->component_count < count) {
        struct selv_bytes id;
        uint8_t i = s->component_count;
        s->failure.component = i;
        err = read_component_id(r, &id);
        if (err == SELV_OK && is_named_twice(s, id)) {
            err = SELV_ERR_SUIT_COMPONENTS;
        }
        if (err == SELV_OK) {
            err = find_component(s, id, &s->params[i].device_component);
        }
        if (err != SELV_OK) {
            return err;
        }
        s->component_count++;
    }
    s->failure.component = SELV_SUIT_NO_COMPONENT;
    return SELV_OK;
}

static enum selv_err read_common(struct selv_suit *s, struct selv_bytes common)
{
    struct selv_cbor r;
    selv_cbor_init(&r, common);
    s->failure.section = SELV_SUIT_KEY_COMMON;
    uint32_t count = 0;
    int32_t key = 0;
    struct selv_bytes previous = {NULL, 0};
    enum selv_err err = selv_cbor_map(&r, &count);
    for (uint32_t i = 0; i < count && err == SELV_OK; i++) {
        err = selv_suit_key_next(&r, &previous, &key);
        if (err != SELV_OK) {
            break;
        }
        if (key == SELV_SUIT_COMMON_COMPONENTS) {
            err = read_components(s, &r);
        } else if (key == SELV_SUIT_COMMON_SHARED_SEQUENCE) {
            struct selv_bytes sequence;
            err = selv_cbor_bstr(&r, &sequence);
            if (err == SELV_OK) {
                s->shared_off = selv_suit_off(s, sequence.p);
                s->shared_len = (uint16_t)sequence.len;
            }
        } else {
            r.p = previous.p;
            err = SELV_ERR_SUIT_KEY;
        }
    }
    if (err == SELV_OK) {
        key = 0;
        err = selv_cbor_end(&r);
    }
    if (err == SELV_OK && s->component_count == 0) {
        key = SELV_SUIT_COMMON_COMPONENTS;
        err = SELV_ERR_SUIT_MISSING;
    }
    return err == SELV_OK ? err : selv_suit_fail_at(s, err, r.p, key);
}

/* ---- severable elements
 * ------------------------------------------------------ */

/* An array at a severable key is the digest of the element's whole byte
 * string in the envelope, where it may be missing [manifest 8.6]. */
static enum selv_err read_severed(struct selv_suit *s, struct selv_cbor *r,
                                  enum selv_suit_section section)
{
    const uint8_t *claimed = NULL;
    enum selv_err err = selv_suit_digest_read(r, &claimed);
    if (err != SELV_OK) {
        return err;
    }
    uint16_t head = s->severed_off[section];
    if (head == 0) {
        s->absent |= (uint8_t)(1u << section);
        return SELV_OK;
    }
    struct selv_cbor e = selv_suit_reader(s, head, s->view.len - head);
    struct selv_bytes element;
    err = selv_cbor_bstr(&e, &element);
    if (err != SELV_OK) {
        return err;
    }
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&h);
    selv_sha256_update(&h, s->view.p + head, (size_t)(e.p - s->view.p) - head);
    selv_sha256_finish(&h, digest);
    enum selv_verdict same = SELV_BAD;
    if (selv_ct_equal(digest, claimed, sizeof digest)) {
        same = SELV_GOOD;
    }
    if (!selv_is_good(same)) {
        return SELV_ERR_SUIT_SEVERED;
    }
    s->section_off[section] = selv_suit_off(s, element.p);
    s->section_len[section] = (uint16_t)element.len;
    s->severed_off[section] = 0;
    return SELV_OK;
}

/* A section or the text, in place or severed. */
static enum selv_err read_section(struct selv_suit *s, struct selv_cbor *r,
                                  int32_t key)
{
    enum selv_suit_section section = selv_suit_section_find(key);
    if (section == SELV_SUIT_SECTION_COUNT ||
        section == SELV_SUIT_SECTION_LOAD) {
        return SELV_ERR_SUIT_KEY;
    }
    s->failure.section = (int16_t)key;
    bool is_severable = section != SELV_SUIT_SECTION_VALIDATE &&
                        section != SELV_SUIT_SECTION_INVOKE;
    if (is_severable && selv_cbor_peek(r) == SELV_CBOR_ARRAY) {
        return read_severed(s, r, section);
    }
    struct selv_bytes element;
    enum selv_err err = selv_cbor_bstr(r, &element);
    if (err == SELV_OK) {
        s->section_off[section] = selv_suit_off(s, element.p);
        s->section_len[section] = (uint16_t)element.len;
    }
    return err;
}

/* An element of the envelope that no digest of the manifest covers. */
static enum selv_err check_orphans(struct selv_suit *s)
{
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_COUNT; i++) {
        if (s->severed_off[i] != 0) {
            s->failure.section = selv_suit_section_keys[i];
            return selv_suit_fail_at(s, SELV_ERR_SUIT_SEVERED,
                                     s->view.p + s->severed_off[i],
                                     selv_suit_section_keys[i]);
        }
    }
    return SELV_OK;
}

/* ---- the manifest's map
 * ------------------------------------------------------- */

static enum selv_err read_version(struct selv_cbor *r)
{
    uint64_t version = 0;
    struct selv_cbor before = *r;
    enum selv_err err = selv_cbor_uint(r, &version);
    if (err == SELV_OK && version != SELV_SUIT_MANIFEST_VERSION) {
        *r = before;
        err = SELV_ERR_SUIT_VERSION;
    }
    return err;
}

/* A lower number is refused; an equal one must pass, since the same manifest
 * boots later [manifest 6.1]. */
static enum selv_err read_sequence_number(struct selv_suit *s,
                                          struct selv_cbor *r)
{
    struct selv_cbor before = *r;
    enum selv_err err = selv_cbor_uint(r, &s->sequence_number);
    enum selv_verdict recent = SELV_BAD;
    if (err == SELV_OK && s->sequence_number >= s->device->sequence_min) {
        recent = SELV_GOOD;
    }
    if (err == SELV_OK && !selv_is_good(recent)) {
        *r = before;
        err = SELV_ERR_SUIT_SEQUENCE;
    }
    return err;
}

static enum selv_err read_element(struct selv_suit *s, struct selv_cbor *r,
                                  int32_t key)
{
    struct selv_bytes element;
    enum selv_err err = SELV_OK;
    switch (key) {
    case SELV_SUIT_KEY_VERSION:
        return read_version(r);
    case SELV_SUIT_KEY_SEQUENCE_NUMBER:
        return read_sequence_number(s, r);
    case SELV_SUIT_KEY_COMMON:
        err = selv_cbor_bstr(r, &element);
        return err == SELV_OK ? read_common(s, element) : err;
    case SELV_SUIT_KEY_REFERENCE_URI:
        s->reference_off = selv_suit_off(s, r->p);
        return selv_cbor_tstr(r, &element);
    default:
        return read_section(s, r, key);
    }
}

enum selv_err selv_suit_manifest_read(struct selv_suit *s)
{
    struct selv_cbor r = selv_suit_reader(s, s->manifest_off, s->manifest_len);
    uint32_t count = 0;
    struct selv_bytes previous = {NULL, 0};
    s->failure.section = 0;
    enum selv_err err = selv_cbor_map(&r, &count);
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, r.p, 0);
    }
    int32_t required = SELV_SUIT_KEY_VERSION;
    for (uint32_t i = 0; i < count; i++) {
        int32_t key = 0;
        s->failure.section = 0;
        err = selv_suit_key_next(&r, &previous, &key);
        if (err == SELV_OK && required <= SELV_SUIT_KEY_COMMON &&
            key != required) {
            err = SELV_ERR_SUIT_MISSING;
            key = required;
        }
        required++;
        if (err == SELV_OK) {
            err = read_element(s, &r, key);
        }
        if (err == SELV_ERR_SUIT_KEY && s->failure.err == SELV_OK) {
            r.p = previous.p;
        }
        if (err != SELV_OK && s->failure.err == SELV_OK) {
            selv_suit_fail_at(s, err, r.p, key);
        }
        if (err != SELV_OK) {
            return err;
        }
    }
    s->failure.section = 0;
    if (required <= SELV_SUIT_KEY_COMMON) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_MISSING, r.p, required);
    }
    err = selv_cbor_end(&r);
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, r.p, 0);
    }
    return check_orphans(s);
}
