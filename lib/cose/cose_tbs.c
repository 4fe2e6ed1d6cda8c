/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

void selv_cose_tbs_hash(struct selv_bytes protected_item,
                        struct selv_bytes payload,
                        uint8_t hash[static SELV_SHA256_LEN])
{
    /* array(4), tstr(10) "Signature1" */
    static const uint8_t begin[] = {0x84, 0x6a, 'S', 'i', 'g', 'n',
                                    'a',  't',  'u', 'r', 'e', '1'};
    uint8_t rest[1 + 9] = {0x40}; /* external_aad h'', then payload's head */
    struct selv_cbor_writer w;
    struct selv_sha256 h;

    selv_cbor_writer_init(&w, rest + 1, sizeof(rest) - 1);
    selv_cbor_put_bstr_head(&w, payload.len);
    selv_sha256_init(&h);
    selv_sha256_update(&h, begin, sizeof(begin));
    selv_sha256_update(&h, protected_item.p, protected_item.len);
    selv_sha256_update(&h, rest, 1 + w.len);
    selv_sha256_update(&h, payload.p, payload.len);
    selv_sha256_finish(&h, hash);
}
