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
            SELV_SUIT_SEVERABLE);
    size_t used = (size_t)(r->p - s->view.p);
    s->payloads_off = (uint16_t)used;
    if (used > SELV_SUIT_ENVELOPE_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_TOO_LARGE);
    }
    if (s->payload_count == 0) {
        selv_cbor_leave(r, r->end);
    }
}

enum selv_err selv_suit_feed(struct selv_suit *s, struct selv_bytes envelope)
{
    if (s->state != SELV_SUIT_STATE_NEW) {
        return SELV_ERR_STATE;
    }
    s->view = envelope;
    s->total_len = envelope.len;
    selv_suit_seek(s, 0);
    read_envelope(s);
    s->state =
        s->r.err == SELV_OK ? SELV_SUIT_STATE_FED : SELV_SUIT_STATE_REFUSED;
    return selv_suit_settle(s);
}

enum selv_err selv_suit_feed_part(struct selv_suit *s, struct selv_bytes view,
                                  size_t total_len)
{
    bool is_whole = total_len != 0 && view.len >= total_len;
    if (s->state != SELV_SUIT_STATE_NEW) {
        return SELV_ERR_STATE;
    }
    if (is_whole && view.len > total_len) {
        return SELV_ERR_ARG;
    }
    enum selv_err err = selv_suit_feed(s, view);
    s->total_len = total_len;
    /* Bytes that end inside an item are no error as long as more can come. */
    if (err == SELV_ERR_CBOR_END && !is_whole) {
        err = SELV_ERR_SUIT_TOO_LARGE;
        if (view.len < SELV_SUIT_ENVELOPE_MAX) {
            err = SELV_ERR_SUIT_MORE;
            /* What this view held may have been of another envelope. */
            memset(s->envelope, 0, sizeof s->envelope);
            s->r.err = SELV_OK;
            s->state = SELV_SUIT_STATE_NEW;
        }
    } else if (err == SELV_OK && s->payload_count == 0 &&
               total_len > view.len) {
        err = SELV_ERR_CBOR_TRAILING;
        s->state = SELV_SUIT_STATE_REFUSED;
    }
    s->failure.err = err;
    return err;
}
