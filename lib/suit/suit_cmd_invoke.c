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

/* The digest and size now set are those that image-match was good with; the
 * shared sequence may have set them anew in between. */
static enum selv_verdict same_image(const struct selv_suit *s,
                                    const struct selv_suit_params *params)
{
    const uint8_t *now =
        selv_suit_image_digest(s, params->at[SELV_SUIT_SLOT_IMAGE_DIGEST]);
    const uint8_t *then = selv_suit_image_digest(s, params->image_digest);
    uint32_t size_now = 0;
    uint32_t size_then = 0;
    bool has_now = selv_suit_image_size(
        s, params->at[SELV_SUIT_SLOT_IMAGE_SIZE], &size_now);
    bool has_then = selv_suit_image_size(s, params->image_size, &size_then);
    if (now == NULL || then == NULL ||
        !selv_ct_equal(now, then, SELV_SHA256_LEN) || has_now != has_then ||
        size_now != size_then) {
        return SELV_BAD;
    }
    return SELV_GOOD;
}

enum selv_verdict selv_suit_may_invoke(const struct selv_suit *s)
{
    if (s->state != SELV_SUIT_STATE_WAITING || s->waiting != SELV_SUIT_INVOKE ||
        !selv_is_good(s->authentic)) {
        return SELV_BAD;
    }
    const struct selv_suit_params *params =
        &s->params[selv_suit_current_component(s)];
    enum selv_verdict same = same_image(s, params);
    if (!selv_is_good(params->image_good) || !selv_is_good(same)) {
        return SELV_BAD;
    }
    /* Once more, so that one skipped instruction above is not enough. */
    if (s->state == SELV_SUIT_STATE_WAITING && selv_is_good(s->authentic) &&
        selv_is_good(same)) {
        return params->image_good;
    }
    return SELV_BAD;
}
