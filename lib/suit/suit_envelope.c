/* SPDX-License-Identifier: Apache-2.0
 *
 * The envelope [manifest 8.2]: finds the wrapper, the manifest and the
 * severable elements. Looks into none of them. */
#include "suit/suit_int.h"

/* The wrapper comes first, then the manifest, then what is severable
 * [manifest 8.3]: that is the order of their keys. Integrated payloads have
 * text for keys and come last. */
static void read_envelope(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    if (selv_cbor_pull(r, SELV_CBOR_TAG) != SELV_SUIT_TAG_ENVELOPE &&
        r->err != SELV_ERR_CBOR_END) {
        r->p = s->view.p;
        r->err = SELV_ERR_SUIT_TAG;
    }
    s->payload_count = (uint16_t)selv_suit_map_read(
        s, s->envelope,
        1u << SELV_SUIT_KEY_AUTHENTICATION | 1u << SELV_SUIT_KEY_MANIFEST |
            SELV_SUIT_SEVERABLE,
        1u << SELV_SUIT_KEY_AUTHENTICATION | 1u << SELV_SUIT_KEY_MANIFEST);
    size_t used = (size_t)(r->p - s->view.p);
    s->payloads_off = (uint16_t)used;
    if (used > SELV_SUIT_ENVELOPE_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_TOO_LARGE);
    }
    if (s->payload_count == 0 && (s->view.len > used || s->total_len > used)) {
        selv_cbor_note(r, SELV_ERR_CBOR_TRAILING);
    }
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
    s->r.err = SELV_OK;
    /* What an earlier view held may have been of another envelope. */
    memset(s->envelope, 0, sizeof s->envelope);
    selv_suit_seek(s, 0);
    read_envelope(s);
    /* Bytes that end inside an item are no error as long as more can come. */
    if (s->r.err == SELV_ERR_CBOR_END &&
        (total_len == 0 || view.len < total_len)) {
        if (view.len < SELV_SUIT_ENVELOPE_MAX) {
            s->failure.err = SELV_ERR_SUIT_MORE;
            return SELV_ERR_SUIT_MORE;
        }
        s->r.err = SELV_ERR_SUIT_TOO_LARGE;
    }
    s->state =
        s->r.err == SELV_OK ? SELV_SUIT_STATE_FED : SELV_SUIT_STATE_REFUSED;
    return selv_suit_settle(s);
}
