/* SPDX-License-Identifier: Apache-2.0
 *
 * Integrated payloads [manifest 5.5, 7.5]: the pairs of the envelope whose
 * key is a text string. They follow the severable elements in canonical order
 * and may lie beyond the view, which then ends inside one of them; their bytes
 * are never read here. And the reference-uri [manifest 8.4.3], which a
 * bootloader has no use for either. */
#include "suit/suit_int.h"

/* Length in the head of a byte string that need not lie in the view. */
static uint32_t read_head(struct selv_cbor *r)
{
    /* The head of an integer has the same form; only the type differs. */
    uint8_t head[9] = {0};
    size_t have = (size_t)(r->end - r->p);
    struct selv_cbor copy;
    if (have != 0 && selv_cbor_peek(r) != SELV_CBOR_BSTR) {
        selv_cbor_note(r, SELV_ERR_CBOR_TYPE);
    }
    have = have < sizeof head ? have : sizeof head;
    memcpy(head, r->p, have);
    head[0] &= 0x1f;
    selv_cbor_init(&copy, selv_bytes(head, have));
    uint32_t len = selv_cbor_pull(&copy, SELV_CBOR_UINT);
    selv_cbor_note(r, copy.err);
    if (len > UINT32_MAX / 2) {
        selv_cbor_note(r, SELV_ERR_CBOR_RANGE);
    }
    if (r->err == SELV_OK) {
        r->p += copy.p - head;
    }
    return len;
}

/* Go over the pairs: their keys in order, their heads, their ends. Stops at
 * the one whose key is uri (NULL: none), and tells where its bytes are. What is
 * wrong is kept in s->r; SELV_ERR_CBOR_END also when the view ends before all
 * pairs do. */
static bool walk(struct selv_suit *s, const struct selv_bytes *uri,
                 uint32_t *off, uint32_t *len)
{
    struct selv_cbor *r = &s->r;
    struct selv_bytes previous = {NULL, 0};
    *off = s->payloads_off;
    *len = 0;
    for (uint32_t left = s->payload_count; left > 0; left--) {
        selv_suit_seek(s, *off);
        if (*len > s->view.len - *off) {
            selv_cbor_note(r, SELV_ERR_CBOR_END);
            return false;
        }
        r->p += *len;
        const uint8_t *start = r->p;
        struct selv_bytes name = selv_cbor_get_tstr(r);
        if (r->err == SELV_OK) {
            selv_cbor_note(
                r, selv_cbor_key_order(
                       &previous, selv_bytes(start, (size_t)(r->p - start))));
        }
        *len = r->err == SELV_OK ? read_head(r) : 0;
        if (r->err != SELV_OK) {
            return false;
        }
        *off = (uint32_t)(r->p - s->view.p);
        if (uri != NULL && selv_bytes_equal(name, *uri)) {
            return true;
        }
    }
    return false;
}

struct selv_bytes selv_suit_component_id(const struct selv_suit *s,
                                         size_t component)
{
    const uint8_t *id = s->view.p + s->component_off[component];
    struct selv_cbor r = {id, s->view.p + s->view.len, SELV_OK};
    selv_cbor_pass(&r);
    return selv_bytes(id, (size_t)(r.p - id));
}

/* Identifiers are arrays of byte strings [manifest 8.4.5.1]. Those that the
 * device has are so; here it may be that nobody has looked. */
static void check_components(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    s->failure.section = SELV_SUIT_KEY_COMMON;
    s->failure.code = SELV_SUIT_COMMON_COMPONENTS;
    for (uint32_t i = 0; i < s->component_count; i++) {
        selv_suit_seek(s, s->component_off[i]);
        for (uint32_t left = selv_cbor_pull(r, SELV_CBOR_ARRAY); left > 0;
             left--) {
            (void)selv_cbor_pull(r, SELV_CBOR_BSTR);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (selv_bytes_equal(selv_suit_component_id(s, i),
                                 selv_suit_component_id(s, k))) {
                selv_cbor_note(r, SELV_ERR_SUIT_COMPONENTS);
            }
        }
    }
}

static void check_reference_uri(struct selv_suit *s)
{
    uint16_t off = s->manifest[SELV_SUIT_KEY_REFERENCE_URI];
    selv_suit_seek(s, off);
    s->failure.section = 0;
    s->failure.code = SELV_SUIT_KEY_REFERENCE_URI;
    if (off != 0) {
        (void)selv_cbor_get_tstr(&s->r);
    }
}

void selv_suit_rest_check(struct selv_suit *s)
{
    uint32_t off = 0;
    uint32_t len = 0;
    check_components(s);
    if (s->r.err == SELV_OK && s->device->boot != NULL) {
        selv_suit_capability_signers(s);
    }
    if (s->r.err != SELV_OK) {
        return;
    }
    check_reference_uri(s);
    if (s->r.err != SELV_OK) {
        return;
    }
    s->failure.code = 0;
    (void)walk(s, NULL, &off, &len);
    enum selv_err err = s->r.err;
    size_t end = (size_t)off + len;
    size_t total_len = s->total_len;
    if (total_len != 0 && end > total_len) {
        err = SELV_ERR_CBOR_END;
    } else if (err == SELV_ERR_CBOR_END && s->view.len != total_len) {
        err = SELV_OK; /* the rest lies beyond the view */
    } else if (err == SELV_OK && (s->view.len > end || total_len > end)) {
        err = SELV_ERR_CBOR_TRAILING;
    }
    s->r.err = err;
}

bool selv_suit_payload_find(struct selv_suit *s, struct selv_bytes uri,
                            uint32_t *off, uint32_t *len)
{
    if (s->r.err != SELV_OK) {
        return false;
    }
    bool is_found = walk(s, &uri, off, len);
    s->r.err = SELV_OK; /* what is not there is none of ours */
    return is_found;
}
