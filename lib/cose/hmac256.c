/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC-SHA-256 [RFC 2104] with keys of one length, which is below SHA-256's
 * block: none is ever hashed first. */
#include "cose/cose_int.h"

enum { BLOCK_LEN = 64, INNER = 0x36, OUTER = 0x5c };

static void pad_begin(struct selv_sha256 *h,
                      const uint8_t key[static SELV_COSE_HMAC_KEY_LEN],
                      uint8_t with)
{
    uint8_t pad[BLOCK_LEN];

    memset(pad, with, sizeof(pad));
    for (size_t i = 0; i < SELV_COSE_HMAC_KEY_LEN; i++) {
        pad[i] ^= key[i];
    }
    selv_sha256_init(h);
    selv_sha256_update(h, pad, sizeof(pad));
    selv_wipe(pad, sizeof(pad));
}

void selv_hmac256_begin(struct selv_sha256 *h,
                        const uint8_t key[static SELV_COSE_HMAC_KEY_LEN])
{
    pad_begin(h, key, INNER);
}

void selv_hmac256_end(struct selv_sha256 *h,
                      const uint8_t key[static SELV_COSE_HMAC_KEY_LEN],
                      uint8_t mac[static SELV_SHA256_LEN])
{
    uint8_t inner[SELV_SHA256_LEN];

    selv_sha256_finish(h, inner);
    pad_begin(h, key, OUTER);
    selv_sha256_update(h, inner, sizeof(inner));
    selv_sha256_finish(h, mac);
    selv_wipe(inner, sizeof(inner));
}

void selv_hmac256(const uint8_t key[static SELV_COSE_HMAC_KEY_LEN],
                  struct selv_bytes message,
                  uint8_t mac[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_hmac256_begin(&h, key);
    selv_sha256_update(&h, message.p, message.len);
    selv_hmac256_end(&h, key, mac);
}
