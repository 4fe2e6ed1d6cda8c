/* SPDX-License-Identifier: Apache-2.0
 *
 * Severable elements [manifest 8.4.12]: in place, or a digest in the manifest
 * and the element in the envelope, or that taken out. Not of use
 * to a bootloader that only verifies and runs what is installed: the consumer
 * looked before it stored the manifest. */
#include "suit/suit_int.h"

/* A digest covers the element's whole byte string. */
static void read_severable(struct selv_suit *s, uint32_t key)
{
    uint32_t head = s->envelope[key];
    uint32_t off = s->manifest[key];
    bool is_covered = head == 0;
    s->failure.section = (int16_t)key;
    s->failure.code = (int32_t)key;
    selv_suit_seek(s, off);
    if (off != 0 && selv_cbor_peek(&s->r) == SELV_CBOR_ARRAY) {
        const uint8_t *claimed = selv_suit_digest_read(&s->r);
        s->manifest[key] = SELV_SUIT_TAKEN_OUT;
        if (head != 0) {
            s->manifest[key] = (uint16_t)head;
            is_covered =
                selv_is_good(selv_suit_digest_verdict(s, head, claimed));
        }
    }
    if (!is_covered) {
        selv_suit_fault(s, SELV_ERR_SUIT_SEVERED, s->view.p + head);
    }
}

void selv_suit_severed_check(struct selv_suit *s)
{
    static const uint8_t keys[] = {SELV_SUIT_KEY_PAYLOAD_FETCH,
                                   SELV_SUIT_KEY_INSTALL, SELV_SUIT_KEY_TEXT};
    for (size_t i = 0; i < sizeof keys && s->r.err == SELV_OK; i++) {
        read_severable(s, keys[i]);
    }
}
