/* SPDX-License-Identifier: Apache-2.0
 *
 * invoke [manifest 8.4.10.7], and the question that a bootloader asks before
 * it jumps. */
#include "suit/suit_int.h"

enum selv_suit_step selv_suit_run_invoke(struct selv_suit *s,
                                         struct selv_suit_op *op)
{
    selv_suit_todo_fill(s, op, SELV_SUIT_INVOKE);
    return SELV_SUIT_STEP_WAIT;
}

/* The encoded value at an offset; empty when there is none. */
static struct selv_bytes value(const struct selv_suit *s, uint16_t off)
{
    struct selv_cbor r = {s->view.p + off, s->view.p + s->view.len};
    struct selv_bytes item = {NULL, 0};
    if (off == 0 || selv_cbor_skip(&r, &item) != SELV_OK) {
        item = selv_bytes(NULL, 0);
    }
    return item;
}

/* The value now set is the one that image-match was good with: the shared
 * sequence may have set it anew in between. */
static bool is_same(const struct selv_suit *s, uint16_t now, uint16_t then)
{
    return selv_bytes_equal(value(s, now), value(s, then));
}

enum selv_verdict selv_suit_may_invoke(const struct selv_suit *s)
{
    if (s->state != SELV_SUIT_STATE_WAITING || s->waiting != SELV_SUIT_INVOKE ||
        !selv_suit_is_good(s->authentic)) {
        return SELV_BAD;
    }
    const struct selv_suit_params *params =
        &s->params[selv_suit_current_component(s)];
    enum selv_verdict same = SELV_BAD;
    if (is_same(s, params->at[SELV_SUIT_SLOT_IMAGE_DIGEST],
                params->image_digest) &&
        is_same(s, params->at[SELV_SUIT_SLOT_IMAGE_SIZE], params->image_size)) {
        same = SELV_GOOD;
    }
    /* Each once more, so that one skipped instruction is not enough. */
    if (!selv_suit_is_good(same) || !selv_suit_is_good(params->image_good)) {
        return SELV_BAD;
    }
    if (selv_suit_is_good(s->authentic) && selv_suit_is_good(same)) {
        return params->image_good;
    }
    return SELV_BAD;
}
