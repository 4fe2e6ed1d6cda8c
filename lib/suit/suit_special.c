/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters with more to them than a type: a vendor that may be a PEN
 * [manifest 8.4.8.3], a URI, a source component, and the two of the processor
 * itself, soft-failure and strict-order [manifest 8.4.8.14, 8.4.8.15]. */
#include "suit/suit_int.h"

#define UUID_LEN 16u

static void read_vendor(struct selv_cbor *r)
{
    size_t len = UUID_LEN;
    if (selv_cbor_peek(r) != SELV_CBOR_TAG) {
        len = selv_cbor_pull(r, SELV_CBOR_BSTR);
    } else if (selv_cbor_pull(r, SELV_CBOR_TAG) == SELV_SUIT_TAG_PEN) {
        (void)selv_cbor_pull(r, SELV_CBOR_BSTR);
    } else {
        len = 0;
    }
    if (len != UUID_LEN) {
        selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
    }
}

/* The bytes must be UTF-8, too: they go out as they are. */
static void read_uri(struct selv_cbor *r)
{
    struct selv_bytes uri = selv_cbor_get_tstr(r);
    if (uri.len == 0 || uri.len > SELV_SUIT_URI_MAX) {
        selv_cbor_note(r, SELV_ERR_SUIT_URI);
    }
}

static void read_soft_failure(struct selv_suit *s, bool is_soft)
{
    if (s->f == &s->frame[1]) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_SOFT);
    }
    s->f->flags &= (uint8_t)~SELV_SUIT_FRAME_SOFT;
    if (is_soft) {
        s->f->flags |= SELV_SUIT_FRAME_SOFT;
    }
}

static void read_strict_order(struct selv_suit *s, bool is_strict)
{
    struct selv_suit_frame *f = s->f;
    uint8_t order = SELV_SUIT_FRAME_PARALLEL | SELV_SUIT_FRAME_LOOSE;
    if (s->state != SELV_SUIT_STATE_RUNNING) {
        return;
    }
    if ((f->flags & order) == 0) {
        s->targets = 0;
        s->sources = 0;
    }
    /* For this sequence and those that hold it, and for the sections behind,
     * but not beyond a run-sequence that has an order of its own. */
    for (;; f--) {
        f->flags &= (uint8_t)~SELV_SUIT_FRAME_LOOSE;
        if (!is_strict) {
            f->flags |= SELV_SUIT_FRAME_LOOSE;
        }
        if (f == s->frame || (f->flags & SELV_SUIT_FRAME_OWN_ORDER) != 0) {
            break;
        }
    }
}

void selv_suit_special(struct selv_suit *s,
                       const struct selv_suit_parameter_rule *rule)
{
    struct selv_cbor *r = &s->r;
    switch (rule->code) {
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        read_vendor(r);
        break;
    case SELV_SUIT_PARAMETER_URI:
        read_uri(r);
        break;
    case SELV_SUIT_PARAMETER_SOURCE_COMPONENT:
        (void)selv_suit_read_index(s);
        break;
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        read_soft_failure(s, selv_cbor_get_bool(r));
        break;
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
        read_strict_order(s, selv_cbor_get_bool(r));
        break;
    default: /* private: "It MUST NOT be used in the shared sequence"
                [manifest 8.4.8.16] */
        if (s->is_shared) {
            selv_cbor_note(r, SELV_ERR_SUIT_PRIVATE);
        }
        selv_cbor_pass(r);
        break;
    }
}
