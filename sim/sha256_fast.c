/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/sha256_fast.c - SHA-256 by the processor's own instructions, where it has
 * them (x86), since a search spends most of its time in it; elsewhere what the
 * crypto port computes. Linked with --wrap of the three functions. Simulator
 * and tests only; test_sim_sha256 compares it with the port's. */
#include "crypto/crypto.h"

void __real_selv_sha256_init(struct selv_sha256 *h);
void __real_selv_sha256_update(struct selv_sha256 *h, const void *p,
                               size_t len);
void __real_selv_sha256_finish(struct selv_sha256 *h,
                               uint8_t digest[static SELV_SHA256_LEN]);
void __wrap_selv_sha256_init(struct selv_sha256 *h);
void __wrap_selv_sha256_update(struct selv_sha256 *h, const void *p,
                               size_t len);
void __wrap_selv_sha256_finish(struct selv_sha256 *h,
                               uint8_t digest[static SELV_SHA256_LEN]);

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

enum { BLOCK_LEN = 64, STEP_COUNT = 16, SHA_BIT = 1 << 29 };

struct fast {
    uint32_t words[8];
    uint64_t len; /* bytes hashed so far */
    uint8_t block[BLOCK_LEN];
};

_Static_assert(sizeof(struct fast) <= SELV_SHA256_STATE_LEN,
               "SELV_SHA256_STATE_LEN is too small");

static bool has_instructions(void)
{
    static int answer = -1;
    if (answer < 0) {
        unsigned a, b, c, d;
        answer = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
                 (b & SHA_BIT) != 0 && __builtin_cpu_supports("sse4.1");
    }
    return answer != 0;
}

/* [FIPS 180-4 4.2.2] */
static const uint32_t constants[BLOCK_LEN] = {
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

/* The instructions keep the words a to h as (a b e f) and (c d g h), highest
 * first, and do two rounds at a time; a step of four rounds takes four words
 * of the message and makes those of four steps later. */
__attribute__((target("sha,sse4.1"))) static void
compress(uint32_t words[static 8], const uint8_t *p, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_loadu_si128((const void *)words);
    __m128i high = _mm_loadu_si128((const void *)(words + 4));
    low = _mm_shuffle_epi32(low, 0xb1);
    high = _mm_shuffle_epi32(high, 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8);
    __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; count > 0; count--, p += BLOCK_LEN) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++) {
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(p + 16 * i)),
                                    swap);
        }
        for (int step = 0; step < STEP_COUNT; step++) {
            __m128i sum = _mm_add_epi32(
                w[0], _mm_loadu_si128((const void *)(constants + 4 * step)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            sum = _mm_shuffle_epi32(sum, 0x0e);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, sum);
            __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]),
                                         _mm_alignr_epi8(w[3], w[2], 4));
            next = _mm_sha256msg2_epu32(next, w[3]);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((void *)words, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((void *)(words + 4), _mm_alignr_epi8(high, low, 8));
}

static struct fast *fast_of(struct selv_sha256 *h)
{
    return (struct fast *)(void *)h->state;
}

void __wrap_selv_sha256_init(struct selv_sha256 *h)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                      0xa54ff53a, 0x510e527f, 0x9b05688c,
                                      0x1f83d9ab, 0x5be0cd19};
    if (!has_instructions()) {
        __real_selv_sha256_init(h);
        return;
    }
    memcpy(fast_of(h)->words, first, sizeof first);
    fast_of(h)->len = 0;
}

void __wrap_selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    if (!has_instructions()) {
        __real_selv_sha256_update(h, p, len);
        return;
    }
    struct fast *f = fast_of(h);
    const uint8_t *bytes = p;
    size_t have = f->len % BLOCK_LEN;
    f->len += len;
    if (have > 0 && len > 0) {
        size_t n = len < BLOCK_LEN - have ? len : BLOCK_LEN - have;
        memcpy(f->block + have, bytes, n);
        bytes += n;
        len -= n;
        if (have + n < BLOCK_LEN) {
            return;
        }
        compress(f->words, f->block, 1);
    }
    if (len >= BLOCK_LEN) {
        compress(f->words, bytes, len / BLOCK_LEN);
        bytes += len / BLOCK_LEN * BLOCK_LEN;
        len %= BLOCK_LEN;
    }
    if (len > 0) {
        memcpy(f->block, bytes, len);
    }
}

void __wrap_selv_sha256_finish(struct selv_sha256 *h,
                               uint8_t digest[static SELV_SHA256_LEN])
{
    if (!has_instructions()) {
        __real_selv_sha256_finish(h, digest);
        return;
    }
    struct fast *f = fast_of(h);
    size_t have = f->len % BLOCK_LEN;
    f->block[have++] = 0x80;
    if (have > BLOCK_LEN - 8) {
        memset(f->block + have, 0, BLOCK_LEN - have);
        compress(f->words, f->block, 1);
        have = 0;
    }
    memset(f->block + have, 0, BLOCK_LEN - 8 - have);
    selv_put_be32(f->block + BLOCK_LEN - 8, (uint32_t)(f->len >> 29));
    selv_put_be32(f->block + BLOCK_LEN - 4, (uint32_t)(f->len << 3));
    compress(f->words, f->block, 1);
    for (size_t i = 0; i < 8; i++) {
        selv_put_be32(digest + 4 * i, f->words[i]);
    }
    memset(h, 0, sizeof *h);
}

#else /* any other processor */

void __wrap_selv_sha256_init(struct selv_sha256 *h)
{
    __real_selv_sha256_init(h);
}

void __wrap_selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    __real_selv_sha256_update(h, p, len);
}

void __wrap_selv_sha256_finish(struct selv_sha256 *h,
                               uint8_t digest[static SELV_SHA256_LEN])
{
    __real_selv_sha256_finish(h, digest);
}

#endif
