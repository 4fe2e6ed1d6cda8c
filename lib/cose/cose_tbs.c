/* SPDX-License-Identifier: Apache-2.0 */
#include "cose/cose_int.h"

/* Head of a byte string of len bytes. By hand: the writer would be linked for
 * this alone into a bootloader. */
static size_t bstr_head(uint8_t head[static 5], size_t len)
{
    size_t width = len < 24 ? 0 : len <= 0xff ? 1 : len <= 0xffff ? 2 : 4;

    head[0] = (uint8_t)(0x40 | (width == 0   ? len
                                : width == 1 ? 24
                                : width == 2 ? 25
                                             : 26));
    for (size_t i = width; i > 0; i--) {
        head[i] = (uint8_t)len;
        len >>= 8;
    }
    return 1 + width;
}

void selv_cose_tbs_hash(struct selv_bytes protected_item,
                        struct selv_bytes payload,
                        uint8_t hash[static SELV_SHA256_LEN])
{
    /* array(4), tstr(10) "Signature1" */
    static const uint8_t begin[] = {0x84, 0x6a, 'S', 'i', 'g', 'n',
                                    'a',  't',  'u', 'r', 'e', '1'};
    uint8_t rest[1 + 5] = {0x40}; /* external_aad h'', then payload's head */
    size_t rest_len = 1 + bstr_head(rest + 1, payload.len);
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, begin, sizeof(begin));
    selv_sha256_update(&h, protected_item.p, protected_item.len);
    selv_sha256_update(&h, rest, rest_len);
    selv_sha256_update(&h, payload.p, payload.len);
    selv_sha256_finish(&h, hash);
}
