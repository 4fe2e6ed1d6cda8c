/* SPDX-License-Identifier: Apache-2.0
 *
 * The envelope [manifest 8.2]: finds the wrapper, the manifest and the
 * severable elements by their byte string heads. Looks into none of them. */
#include "suit/suit_int.h"

/* One severable element of the envelope. */
static enum selv_err read_severed(struct selv_suit *s, struct selv_cbor *r,
                                  int32_t key)
{
    enum selv_suit_section section = selv_suit_section_find(key);
    if (section != SELV_SUIT_SECTION_PAYLOAD_FETCH &&
        section != SELV_SUIT_SECTION_INSTALL &&
        section != SELV_SUIT_SECTION_TEXT) {
        return SELV_ERR_SUIT_KEY;
    }
    struct selv_bytes element;
    s->severed_off[section] = selv_suit_off(s, r->p);
    return selv_cbor_bstr(r, &element);
}

/* The first two pairs, whose place is fixed: the wrapper comes before the
 * manifest whatever canonical order says [manifest 8.3]. */
static enum selv_err read_fixed(struct selv_suit *s, struct selv_cbor *r,
                                uint32_t number, int32_t key)
{
    int32_t expected =
        number == 0 ? SELV_SUIT_KEY_AUTHENTICATION : SELV_SUIT_KEY_MANIFEST;
    if (key != expected) {
        if (number == 0 && key == SELV_SUIT_KEY_MANIFEST) {
            return SELV_ERR_SUIT_ORDER;
        }
        return key < expected ? SELV_ERR_SUIT_KEY : SELV_ERR_SUIT_MISSING;
    }
    const uint8_t *head = r->p;
    struct selv_bytes element;
    enum selv_err err = selv_cbor_bstr(r, &element);
    if (err != SELV_OK) {
        return err;
    }
    if (number == 0) {
        s->wrapper_off = selv_suit_off(s, element.p);
        s->wrapper_len = (uint16_t)element.len;
    } else {
        s->manifest_head = selv_suit_off(s, head);
        s->manifest_off = selv_suit_off(s, element.p);
        s->manifest_len = (uint16_t)element.len;
    }
    return SELV_OK;
}

static enum selv_err read_pair(struct selv_suit *s, struct selv_cbor *r,
                               uint32_t number, struct selv_bytes *previous)
{
    const uint8_t *start = r->p;
    int32_t key = 0;
    enum selv_err err = selv_cbor_int(r, &key);
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, start, 0);
    }
    s->failure.section = (int16_t)key;
    if (number < 2) {
        err = read_fixed(s, r, number, key);
    } else {
        err = selv_cbor_key_order(previous,
                                  selv_bytes(start, (size_t)(r->p - start)));
        if (err == SELV_OK) {
            err = read_severed(s, r, key);
        }
    }
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err,
                                 err == SELV_ERR_CBOR_TYPE ? r->p : start, key);
    }
    s->failure.section = 0;
    return SELV_OK;
}

static enum selv_err read_envelope(struct selv_suit *s)
{
    struct selv_cbor r;
    selv_cbor_init(&r, s->view);
    uint64_t tag = 0;
    enum selv_err err = selv_cbor_tag(&r, &tag);
    if (err == SELV_ERR_CBOR_TYPE ||
        (err == SELV_OK && tag != SELV_SUIT_TAG_ENVELOPE)) {
        err = SELV_ERR_SUIT_TAG;
    }
    uint32_t count = 0;
    if (err == SELV_OK) {
        err = selv_cbor_map(&r, &count);
    }
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, r.p, 0);
    }
    static const uint8_t manifest_key = SELV_SUIT_KEY_MANIFEST;
    struct selv_bytes previous = {&manifest_key, 1};
    uint32_t i = 0;
    for (; i < count; i++) {
        if (i >= 2 && selv_cbor_peek(&r) == SELV_CBOR_TSTR) {
            break;
        }
        err = read_pair(s, &r, i, &previous);
        if (err != SELV_OK) {
            return err;
        }
    }
    if (i < 2) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_MISSING, r.p,
                                 i == 0 ? SELV_SUIT_KEY_AUTHENTICATION
                                        : SELV_SUIT_KEY_MANIFEST);
    }
    size_t used = (size_t)(r.p - s->view.p);
    if (used > SELV_SUIT_ENVELOPE_MAX) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_TOO_LARGE, r.p, 0);
    }
    s->payloads_off = (uint16_t)used;
    s->payload_count = (uint16_t)(count - i);
    if (i == count && (s->view.len > used || s->total_len > used)) {
        return selv_suit_fail_at(s, SELV_ERR_CBOR_TRAILING, r.p, 0);
    }
    return SELV_OK;
}

enum selv_err selv_suit_feed(struct selv_suit *s, struct selv_bytes view,
                             size_t total_len)
{
    if (s->state != SELV_SUIT_STATE_NEW) {
        return SELV_ERR_STATE;
    }
    if (total_len != 0 && view.len > total_len) {
        return SELV_ERR_ARG;
    }
    s->view = view;
    s->total_len = total_len;
    s->failure =
        (struct selv_suit_failure){.component = SELV_SUIT_NO_COMPONENT};
    enum selv_err err = read_envelope(s);
    /* Bytes that end inside an item are no error as long as more can come. */
    if (err == SELV_ERR_CBOR_END && view.len != total_len) {
        if (view.len < SELV_SUIT_ENVELOPE_MAX) {
            return SELV_ERR_SUIT_MORE;
        }
        err =
            selv_suit_fail_at(s, SELV_ERR_SUIT_TOO_LARGE, view.p + view.len, 0);
    }
    s->state = err == SELV_OK ? SELV_SUIT_STATE_FED : SELV_SUIT_STATE_REFUSED;
    return err;
}
