/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

void selv_cose_payload_head(struct selv_bytes payload,
                            struct selv_bytes parts[static 2],
                            uint8_t head[static 5])
{
    size_t len = payload.len;
    size_t width = len < 24 ? 0 : len <= 0xff ? 1 : len <= 0xffff ? 2 : 4;

    head[0] = (uint8_t)(ITEM_BSTR + (width == 0 ? len : 24 + width / 2));
    for (size_t i = width; i > 0; i--) {
        head[i] = (uint8_t)len;
        len >>= 8;
    }
    parts[0] = selv_bytes(head, 1 + width);
    parts[1] = payload;
}

enum selv_verdict selv_cose_verify(struct selv_bytes block,
                                   struct selv_bytes payload,
                                   const struct selv_cose_key *keys,
                                   size_t key_count, size_t *key_index,
                                   enum selv_err *why)
{
    uint8_t head[5];
    struct selv_bytes parts[2];
    struct selv_cbor r;
    enum selv_verdict verdict;
    size_t index = 0;

    selv_cbor_init(&r, block);
    selv_cose_payload_head(payload, parts, head);
    verdict = selv_cose_verify_at(&r, parts, keys, key_count, &index);
    if (key_index != NULL && selv_is_good(verdict)) {
        *key_index = index;
    }
    if (why != NULL) {
        *why = r.err;
    }
    return verdict;
}
