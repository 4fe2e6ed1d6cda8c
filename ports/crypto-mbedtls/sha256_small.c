/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h's SHA-256 [FIPS 180-4] in few instructions, for bootloaders:
 * sixteen words of schedule in place, and padding by way of update. Every other
 * image has Mbed TLS's (sha256_mbedtls.c). */
#include "crypto/crypto.h"

#define BLOCK_LEN 64u
#define AT_SHIFT 26u /* 32 - 6: a word shifted by it is its value % 64 */
#define COUNT_AT 56u /* of the message's bits, in its last block */

/* hash stands first: test/fault/fast.c counts on it. */
struct sha256 {
    uint32_t hash[8];
    uint32_t len;             /* bytes so far, less than 2^32 */
    uint8_t block[BLOCK_LEN]; /* of which len % 64 bytes are in use */
};

_Static_assert(sizeof(struct sha256) <= SELV_SHA256_STATE_LEN,
               "SELV_SHA256_STATE_LEN is too small");

static struct sha256 *context(struct selv_sha256 *h)
{
    return (struct sha256 *)(void *)h->state;
}

/* [FIPS 180-4 4.2.2] */
static const uint32_t round_words[64] = {
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

static uint32_t turn(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

/* [FIPS 180-4 5.3.3] */
static const uint32_t first_hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                       0xa54ff53a, 0x510e527f, 0x9b05688c,
                                       0x1f83d9ab, 0x5be0cd19};

/* One block [FIPS 180-4 6.2.2]. The eight variables a to h are s[0] to s[7],
 * which moves down through memory by one word a round: so each of them gets
 * its neighbour's name, and none is copied. */
__attribute__((noinline)) static void sha256_block(uint32_t hash[8],
                                                   const uint8_t *block)
{
    uint32_t schedule[64], variables[64 + 8];
    uint32_t *w = schedule, *s = variables + 64;
    const uint32_t *k = round_words;
    memcpy(s, hash, sizeof first_hash);
    do {
        uint32_t word, a = s[0], e = s[4];
        if (w < schedule + 16) {
            word = selv_get_be32(block);
            block += 4;
        } else {
            uint32_t x = w[-15], y = w[-2];
            word = w[-16] + w[-7] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) +
                   (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
        }
        *w++ = word;
        word += s[7] + *k++ + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                (s[6] ^ (e & (s[5] ^ s[6])));
        s[3] += word;
        word += (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                ((a & s[1]) | (s[2] & (a | s[1])));
        *--s = word;
    } while (s != variables);
    for (unsigned i = 8; i > 0; i--) {
        *hash++ += *s++;
    }
}

/* Where in the block is found by two shifts that the compiler keeps: with
 * either of them left out by a fault, or the sum, it is still in the block. A
 * mask that is left out would have the caller's bytes go anywhere above. */
__attribute__((noinline)) static void feed(struct sha256 *c, uint8_t byte)
{
    uint32_t at = c->len++ << AT_SHIFT;
    __asm__("" : "+r"(at));
    c->block[at >> AT_SHIFT] = byte;
    if (c->len % BLOCK_LEN == 0) {
        sha256_block(c->hash, c->block);
    }
}

void selv_sha256_init(struct selv_sha256 *h)
{
    struct sha256 *c = context(h);
    memcpy(c->hash, first_hash, sizeof c->hash);
    c->len = 0;
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    const uint8_t *byte = p;
    while (len-- > 0) {
        feed(context(h), *byte++);
    }
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    struct sha256 *c = context(h);
    uint32_t len = c->len;
    feed(c, 0x80);
    while (c->len % BLOCK_LEN != COUNT_AT) {
        feed(c, 0);
    }
    selv_put_be32(c->block + COUNT_AT, len >> 29);
    selv_put_be32(c->block + COUNT_AT + 4, len << 3);
    sha256_block(c->hash, c->block);
    for (unsigned i = 0; i < 8; i++) {
        selv_put_be32(digest + 4 * i, c->hash[i]);
    }
    selv_wipe(h, sizeof *h);
}
