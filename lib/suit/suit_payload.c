/* SPDX-License-Identifier: Apache-2.0
 *
 * Integrated payloads [manifest 5.5]: the pairs of the envelope whose key is
 * a text string. They follow the severable elements in canonical order and
 * may lie beyond the view, which then ends inside one of them; their bytes
 * are never read here. */
#include "suit/suit_int.h"

/* Length in the head of a byte string, which need not lie in the view. */
static enum selv_err read_head(struct selv_cbor *r, uint32_t *len)
{
    /* The head of an integer has the same form; only the type differs. */
    uint8_t head[9] = {0};
    size_t have = (size_t)(r->end - r->p);
    if (selv_cbor_peek(r) != SELV_CBOR_BSTR) {
        return have == 0 ? SELV_ERR_CBOR_END : SELV_ERR_CBOR_TYPE;
    }
    have = have < sizeof head ? have : sizeof head;
    memcpy(head, r->p, have);
    head[0] &= 0x1f;
    struct selv_cbor copy;
    selv_cbor_init(&copy, selv_bytes(head, have));
    enum selv_err err = selv_cbor_uint32(&copy, UINT32_MAX / 2, len);
    r->p += copy.p - head;
    return err;
}

/* Go over the pairs: their keys in order, their heads, their ends. Stops at
 * the one whose key is uri (NULL: none), and tells where its bytes are. An
 * error is at r->p; SELV_ERR_CBOR_END also when the view ends before all
 * pairs do. */
static enum selv_err walk(const struct selv_suit *s, struct selv_cbor *r,
                          const struct selv_bytes *uri, uint32_t *off,
                          uint32_t *len)
{
    const uint8_t *view_end = s->view.p + s->view.len;
    struct selv_bytes previous = {NULL, 0};
    *off = s->payloads_off;
    *len = 0;
    for (uint16_t left = s->payload_count; left > 0; left--) {
        r->p = s->view.p + *off;
        r->end = view_end;
        if (*len > s->view.len - *off) {
            return SELV_ERR_CBOR_END;
        }
        r->p += *len;
        const uint8_t *start = r->p;
        struct selv_bytes name;
        enum selv_err err = selv_cbor_tstr(r, &name);
        if (err == SELV_OK) {
            err = selv_cbor_key_order(
                &previous, selv_bytes(start, (size_t)(r->p - start)));
        }
        if (err == SELV_OK) {
            err = read_head(r, len);
        }
        if (err != SELV_OK) {
            return err;
        }
        *off = (uint32_t)(r->p - s->view.p);
        if (uri != NULL && selv_bytes_equal(name, *uri)) {
            return SELV_OK;
        }
    }
    return uri == NULL ? SELV_OK : SELV_ERR_SUIT_INTEGRATED;
}

void selv_suit_payloads_check(struct selv_suit *s)
{
    struct selv_cbor r;
    uint32_t off = 0;
    uint32_t len = 0;
    selv_cbor_init(&r, s->view);
    enum selv_err err = walk(s, &r, NULL, &off, &len);
    size_t end = (size_t)off + len;
    size_t total_len = s->total_len;
    if (total_len != 0 && end > total_len) {
        err = SELV_ERR_CBOR_END;
    } else if (err == SELV_ERR_CBOR_END && s->view.len != total_len) {
        err = SELV_OK; /* the rest lies beyond the view */
    } else if (err == SELV_OK && (s->view.len > end || total_len > end)) {
        err = SELV_ERR_CBOR_TRAILING;
    }
    selv_suit_note(s, err, r.p);
}

bool selv_suit_payload_find(const struct selv_suit *s, struct selv_bytes uri,
                            uint32_t *off, uint32_t *len)
{
    struct selv_cbor r;
    return walk(s, &r, &uri, off, len) == SELV_OK;
}
