/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

void selv_cose_structure_hash(struct selv_sha256 *h,
                              const struct selv_cose_method *method,
                              const struct selv_cose_block *block)
{
    size_t len = block->payload.len;
    size_t width = len < 24 ? 0 : len <= 0xff ? 1 : len <= 0xffff ? 2 : 4;
    uint8_t rest[1 + 5]; /* external_aad, then the payload's head. By hand: the
                            writer would be linked for this alone */

    rest[0] = ITEM_BSTR;
    rest[1] = (uint8_t)(ITEM_BSTR + (width == 0 ? len : 24 + width / 2));
    for (size_t i = width; i > 0; i--) {
        rest[1 + i] = (uint8_t)len;
        len >>= 8;
    }
    selv_sha256_update(h, method->begin, method->begin_len);
    selv_sha256_update(h, block->protected_item.p, block->protected_item.len);
    selv_sha256_update(h, rest, 2 + width);
    selv_sha256_update(h, block->payload.p, block->payload.len);
}
