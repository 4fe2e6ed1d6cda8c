/* SPDX-License-Identifier: Apache-2.0
 *
 * image-match [manifest 8.4.9.2]: asks for the digest of the component's
 * bytes and compares it with image-digest. */
#include "suit/suit_int.h"

enum selv_suit_step selv_suit_run_image_match(struct selv_suit *s,
                                              struct selv_suit_op *op)
{
    struct selv_suit_params *params = &s->params[op->component];
    params->image_good = SELV_BAD;
    op->err = SELV_ERR_SUIT_UNSET;
    if (params->at[SELV_SUIT_SLOT_IMAGE_DIGEST] == 0) {
        return SELV_SUIT_STEP_FAIL;
    }
    selv_suit_todo_fill(s, op, SELV_SUIT_DIGEST);
    return SELV_SUIT_STEP_WAIT;
}

void selv_suit_answer_digest(struct selv_suit *s,
                             const uint8_t digest[static SELV_SHA256_LEN])
{
    if (s->state != SELV_SUIT_STATE_WAITING || s->waiting != SELV_SUIT_DIGEST) {
        return;
    }
    uint8_t component = selv_suit_current_component(s);
    struct selv_suit_params *params = &s->params[component];
    const uint8_t *wanted = selv_suit_image_digest(s, component);
    enum selv_verdict verdict = SELV_BAD;
    if (wanted != NULL && selv_ct_equal(wanted, digest, SELV_SHA256_LEN) &&
        selv_ct_equal(digest, wanted, SELV_SHA256_LEN)) {
        verdict = SELV_GOOD;
    }
    if (!selv_suit_is_good(verdict)) {
        selv_suit_step_finish(s, SELV_ERR_SUIT_IMAGE);
        return;
    }
    params->image_digest = params->at[SELV_SUIT_SLOT_IMAGE_DIGEST];
    params->image_size = params->at[SELV_SUIT_SLOT_IMAGE_SIZE];
    params->image_good = verdict;
    selv_suit_step_finish(s, SELV_OK);
}
