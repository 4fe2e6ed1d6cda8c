/* SPDX-License-Identifier: Apache-2.0
 *
 * plain_crypto.c - SHA-256 written out, and signatures that always verify:
 * digests must be real where manifests are compared by the thousand,
 * signatures need not. Never linked into anything that ships. */
#include "crypto/crypto.h"

/* What is kept in struct selv_sha256. */
struct state {
    uint32_t h[8];
    uint8_t block[64];
    uint64_t len; /* bytes so far */
};

_Static_assert(sizeof(struct state) <= sizeof(struct selv_sha256), "state");

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* [FIPS 180-4 6.2.2] */
static void block_add(struct state *s)
{
    uint32_t w[64];
    uint32_t v[8];
    for (unsigned t = 0; t < 16; t++) {
        w[t] = selv_get_be32(s->block + (size_t)4 * t);
    }
    for (unsigned t = 16; t < 64; t++) {
        uint32_t a = w[t - 15], b = w[t - 2];
        w[t] = w[t - 16] + w[t - 7] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(v, s->h, sizeof v);
    for (unsigned t = 0; t < 64; t++) {
        uint32_t e = v[4], a = v[0];
        uint32_t t1 = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                      ((e & v[5]) ^ (~e & v[6])) + k[t] + w[t];
        uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++) {
        s->h[i] += v[i];
    }
}

void selv_sha256_init(struct selv_sha256 *h)
{
    struct state s = {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
                      {0},
                      0};
    memcpy(h->state, &s, sizeof s);
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    struct state s;
    const uint8_t *bytes = p;
    memcpy(&s, h->state, sizeof s);
    for (size_t i = 0; i < len; i++) {
        s.block[s.len++ % 64] = bytes[i];
        if (s.len % 64 == 0) {
            block_add(&s);
        }
    }
    memcpy(h->state, &s, sizeof s);
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    static const uint8_t one = 0x80, zero = 0;
    struct state s;
    memcpy(&s, h->state, sizeof s);
    uint64_t bits = s.len * 8;
    uint8_t length[8];
    selv_put_be32(length, (uint32_t)(bits >> 32));
    selv_put_be32(length + 4, (uint32_t)bits);
    selv_sha256_update(h, &one, 1);
    for (uint64_t n = s.len + 1; n % 64 != 56; n++) {
        selv_sha256_update(h, &zero, 1);
    }
    selv_sha256_update(h, length, sizeof length);
    memcpy(&s, h->state, sizeof s);
    for (size_t i = 0; i < 8; i++) {
        selv_put_be32(digest + 4 * i, s.h[i]);
    }
}

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    (void)public_key;
    (void)hash;
    (void)signature;
    return SELV_GOOD;
}
