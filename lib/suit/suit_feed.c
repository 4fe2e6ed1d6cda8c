/* SPDX-License-Identifier: Apache-2.0
 *
 * The envelope [manifest 8.2]: finds the wrapper, the manifest and the
 * severable elements by their byte string heads. Looks into none of them. */
#include "suit/suit_int.h"

/* Whether a key may stand at this place, of those that were in order. The
 * wrapper comes before the manifest whatever canonical order says
 * [manifest 8.3]. */
static enum selv_err judge_key(uint32_t number, int32_t key)
{
    int32_t expected = SELV_SUIT_KEY_AUTHENTICATION + (int32_t)number;
    if (number < 2) {
        if (key == expected) {
            return SELV_OK;
        }
        if (number == 0 && key == SELV_SUIT_KEY_MANIFEST) {
            return SELV_ERR_SUIT_ORDER;
        }
        return key < expected ? SELV_ERR_SUIT_KEY : SELV_ERR_SUIT_MISSING;
    }
    return (SELV_SUIT_SEVERABLE >> selv_suit_section_find(key) & 1u) != 0
               ? SELV_OK
               : SELV_ERR_SUIT_KEY;
}

static void read_pair(struct selv_suit *s, struct selv_cbor *r, uint32_t number,
                      struct selv_bytes *previous)
{
    const uint8_t *start = r->p;
    int32_t key = 0;
    struct selv_bytes element;
    if (number < 2) {
        selv_suit_note(s, selv_cbor_int(r, &key), start);
        s->failure.code = key;
        *previous = selv_bytes(start, (size_t)(r->p - start));
    } else {
        key = selv_suit_read_key(s, r, previous);
    }
    s->failure.section = (int16_t)key;
    selv_suit_note(s, judge_key(number, key), start);
    const uint8_t *head = r->p;
    selv_suit_read_bstr(s, r, &element);
    if (number == 0) {
        s->wrapper = element;
    } else if (number == 1) {
        s->manifest_head = head;
        s->manifest = element;
    } else if (s->failure.err == SELV_OK) {
        s->severed_off[selv_suit_section_find(key)] = selv_suit_off(s, head);
    }
}

static void read_envelope(struct selv_suit *s)
{
    struct selv_cbor r;
    selv_cbor_init(&r, s->view);
    uint64_t tag = 0;
    enum selv_err err = selv_cbor_tag(&r, &tag);
    if (err == SELV_ERR_CBOR_TYPE ||
        (err == SELV_OK && tag != SELV_SUIT_TAG_ENVELOPE)) {
        err = SELV_ERR_SUIT_TAG;
    }
    selv_suit_note(s, err, s->view.p);
    uint32_t count = selv_suit_read_map(s, &r);
    struct selv_bytes previous = {NULL, 0};
    uint32_t i = 0;
    while (i < count && s->failure.err == SELV_OK &&
           (i < 2 || selv_cbor_peek(&r) != SELV_CBOR_TSTR)) {
        read_pair(s, &r, i, &previous);
        i++;
    }
    if (s->failure.err != SELV_OK) {
        return;
    }
    size_t used = (size_t)(r.p - s->view.p);
    s->failure.section = 0;
    s->failure.code = 0;
    s->payloads_off = (uint16_t)used;
    s->payload_count = (uint16_t)(count - i);
    if (i < 2) {
        s->failure.code = SELV_SUIT_KEY_AUTHENTICATION + (int32_t)i;
        err = SELV_ERR_SUIT_MISSING;
    } else if (used > SELV_SUIT_ENVELOPE_MAX) {
        err = SELV_ERR_SUIT_TOO_LARGE;
    } else if (i == count && (s->view.len > used || s->total_len > used)) {
        err = SELV_ERR_CBOR_TRAILING;
    }
    selv_suit_note(s, err, r.p);
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
    selv_suit_failure_reset(s);
    read_envelope(s);
    enum selv_err err = s->failure.err;
    /* Bytes that end inside an item are no error as long as more can come. */
    if (err == SELV_ERR_CBOR_END && (total_len == 0 || view.len < total_len)) {
        if (view.len < SELV_SUIT_ENVELOPE_MAX) {
            return SELV_ERR_SUIT_MORE;
        }
        err = SELV_ERR_SUIT_TOO_LARGE;
        s->failure.err = err;
    }
    s->state = err == SELV_OK ? SELV_SUIT_STATE_FED : SELV_SUIT_STATE_REFUSED;
    return err;
}
