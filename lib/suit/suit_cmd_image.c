/* SPDX-License-Identifier: Apache-2.0
 *
 * image-match [manifest 8.4.9.2] asks the caller for the digest of the
 * component's bytes; invoke [manifest 8.4.10.7] is asked of the caller, too,
 * and a bootloader asks back before it jumps. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_ask(struct selv_suit *s,
                                struct selv_suit_todo *todo)
{
    uint8_t component = selv_suit_component(s);
    todo->kind = (enum selv_suit_todo_kind)s->row->todo;
    if (todo->kind == SELV_SUIT_DIGEST) {
        s->params[component].image_good = SELV_BAD; /* until answered */
    }
    todo->code = s->failure.code;
    todo->component = component;
    todo->device_component = s->device_component[component];
    todo->digest = selv_suit_image_digest(s);
    if (selv_suit_param(s, SELV_SUIT_SLOT_IMAGE_SIZE)) {
        todo->has_size = true;
        todo->size = selv_cbor_pull(&s->r, SELV_CBOR_UINT);
    }
    return SELV_SUIT_WAIT;
}

enum selv_verdict selv_suit_same_digest(const uint8_t *a, const uint8_t *b)
{
    /* In memory, so that no exit with one verdict runs into the making of the
     * other when its last instruction is lost. */
    volatile enum selv_verdict verdict = SELV_BAD;
    if (selv_ct_equal(a, b, SELV_SHA256_LEN) &&
        selv_ct_equal(b, a, SELV_SHA256_LEN)) {
        verdict = SELV_GOOD;
    }
    return verdict;
}

void selv_suit_answer_digest(struct selv_suit *s,
                             const uint8_t digest[static SELV_SHA256_LEN])
{
    if (s->state == SELV_SUIT_STATE_WAITING &&
        s->row->todo == SELV_SUIT_DIGEST) {
        enum selv_verdict verdict =
            selv_suit_same_digest(selv_suit_image_digest(s), digest);
        s->params[selv_suit_component(s)].image_good = verdict;
        selv_suit_ended(s,
                        selv_is_good(verdict) ? SELV_OK : SELV_ERR_SUIT_IMAGE);
    }
}

enum selv_verdict selv_suit_may_invoke(const struct selv_suit *s)
{
    /* Each once more; who asks tests what is returned, and asks again before
     * the jump. */
    enum selv_verdict good = SELV_BAD;
    if (s->state == SELV_SUIT_STATE_WAITING &&
        s->row->todo == SELV_SUIT_INVOKE && selv_is_good(s->authentic)) {
        good = s->params[selv_suit_component(s)].image_good;
    }
    return good;
}
