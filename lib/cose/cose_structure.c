/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

void selv_cose_structure_hash(struct selv_sha256 *h,
                              const struct selv_cose_method *method,
                              const struct selv_cose_block *block)
{
    static const uint8_t external_aad = ITEM_BSTR;
    const struct selv_bytes *payload = block->payload;

    selv_sha256_update(h, method->begin, method->begin_len);
    selv_sha256_update(h, block->protected_item.p, block->protected_item.len);
    selv_sha256_update(h, &external_aad, 1);
    selv_sha256_update(h, payload[0].p, payload[0].len);
    selv_sha256_update(h, payload[1].p, payload[1].len);
}
