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

/* Where a walk over the pairs stands. */
struct payloads {
    struct selv_cbor r;
    struct selv_bytes name;     /* key of the current one */
    struct selv_bytes previous; /* encoded key of the one before */
    uint32_t off, len;          /* bytes of the current one */
    uint16_t left;              /* pairs not yet read */
};

static void payloads_init(struct payloads *w, const struct selv_suit *s)
{
    memset(w, 0, sizeof *w);
    selv_cbor_init(&w->r, selv_bytes(s->view.p + s->payloads_off, 0));
    w->off = s->payloads_off;
    w->left = s->payload_count;
}

/* Move to the next pair. SELV_ERR_CBOR_END when the view ends before it. */
static enum selv_err payloads_next(struct payloads *w,
                                   const struct selv_suit *s)
{
    size_t in_view = s->view.len;
    if ((size_t)w->off + w->len > in_view) {
        return SELV_ERR_CBOR_END;
    }
    w->r.p = s->view.p + w->off + w->len;
    w->r.end = s->view.p + in_view;
    const uint8_t *start = w->r.p;
    enum selv_err err = selv_cbor_tstr(&w->r, &w->name);
    if (err != SELV_OK) {
        return err;
    }
    err = selv_cbor_key_order(&w->previous,
                              selv_bytes(start, (size_t)(w->r.p - start)));
    if (err == SELV_OK) {
        err = read_head(&w->r, &w->len);
    }
    if (err == SELV_OK) {
        w->off = (uint32_t)(w->r.p - s->view.p);
        w->left--;
        if (s->total_len != 0 && w->len > s->total_len - w->off) {
            err = SELV_ERR_CBOR_END;
        }
    }
    return err;
}

void selv_suit_payloads_check(struct selv_suit *s)
{
    struct payloads w;
    payloads_init(&w, s);
    enum selv_err err = SELV_OK;
    while (w.left != 0 && err == SELV_OK) {
        err = payloads_next(&w, s);
    }
    size_t end = (size_t)w.off + w.len;
    if (err == SELV_ERR_CBOR_END && s->view.len != s->total_len &&
        (s->total_len == 0 || end <= s->total_len)) {
        return; /* the rest lies beyond the view */
    }
    if (err == SELV_OK && (s->view.len > end || s->total_len > end)) {
        err = SELV_ERR_CBOR_TRAILING;
    }
    selv_suit_note(s, err, w.r.p);
}

bool selv_suit_payload_find(const struct selv_suit *s, struct selv_bytes uri,
                            uint32_t *off, uint32_t *len)
{
    struct payloads w;
    payloads_init(&w, s);
    while (w.left != 0 && payloads_next(&w, s) == SELV_OK) {
        if (selv_bytes_equal(w.name, uri)) {
            *off = w.off;
            *len = w.len;
            return true;
        }
    }
    return false;
}
