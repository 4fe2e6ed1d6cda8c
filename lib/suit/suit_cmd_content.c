/* SPDX-License-Identifier: Apache-2.0
 *
 * check-content [manifest 8.4.9.3]: by the digest of both sides, so that the
 * time tells nothing about where they differ. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_content(struct selv_suit *s,
                                    struct selv_suit_todo *todo)
{
    enum selv_err err = selv_suit_run_request(s, todo);
    todo->has_size = true;
    todo->size = (uint32_t)selv_suit_param_bytes(s, SELV_SUIT_SLOT_CONTENT).len;
    return err;
}

void selv_suit_answer_content(struct selv_suit *s,
                              const uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;
    uint8_t wanted[SELV_SHA256_LEN];
    if (s->state != SELV_SUIT_STATE_WAITING ||
        s->row->todo != SELV_SUIT_CONTENT) {
        return;
    }
    struct selv_bytes content =
        selv_suit_param_bytes(s, SELV_SUIT_SLOT_CONTENT);
    selv_sha256_init(&h);
    selv_sha256_update(&h, content.p, content.len);
    selv_sha256_finish(&h, wanted);
    selv_suit_ended(s, selv_is_good(selv_suit_same_digest(wanted, digest))
                           ? SELV_OK
                           : SELV_ERR_SUIT_CONTENT);
}
