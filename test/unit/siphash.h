/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: SipHash-2-4 as the MAC of coap/echo.h. The key is 16 bytes. */
#ifndef SELV_TEST_SIPHASH_H
#define SELV_TEST_SIPHASH_H

#include "base/base.h"

static inline uint64_t sip_le64(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static inline uint64_t sip_turn(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static inline void sip_rounds(uint64_t v[4], unsigned n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = sip_turn(v[1], 13) ^ v[0];
        v[3] = sip_turn(v[3], 16) ^ v[2];
        v[0] = sip_turn(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = sip_turn(v[1], 17) ^ v[2];
        v[3] = sip_turn(v[3], 21) ^ v[0];
        v[2] = sip_turn(v[2], 32);
    }
}

static inline void sip_tag(const void *key, struct selv_bytes m, uint8_t tag[8])
{
    uint64_t k0 = sip_le64((const uint8_t *)key, 8);
    uint64_t k1 = sip_le64((const uint8_t *)key + 8, 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                     k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
    for (size_t i = 0;; i += 8) {
        bool is_last = m.len - i < 8;
        uint64_t word = is_last ? sip_le64(m.p + i, m.len - i) |
                                      (uint64_t)(uint8_t)m.len << 56
                                : sip_le64(m.p + i, 8);
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
        if (is_last) {
            break;
        }
    }
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    uint64_t sum = v[0] ^ v[1] ^ v[2] ^ v[3];
    for (unsigned i = 0; i < 8; i++) {
        tag[i] = (uint8_t)(sum >> (8 * i));
    }
}

#endif
