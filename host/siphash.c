/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - see host/siphash.h. Two rounds for each word of the message,
 * four at the end; numbers are little endian. */
#include "host/siphash.h"

struct state {
    uint64_t a, b, c, d;
};

static uint64_t turn(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static uint64_t word(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static void rounds(struct state *s, unsigned count)
{
    while (count-- > 0) {
        s->a += s->b;
        s->c += s->d;
        s->b = turn(s->b, 13) ^ s->a;
        s->d = turn(s->d, 16) ^ s->c;
        s->a = turn(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = turn(s->b, 17) ^ s->c;
        s->d = turn(s->d, 21) ^ s->a;
        s->c = turn(s->c, 32);
    }
}

static void absorb(struct state *s, uint64_t v)
{
    s->d ^= v;
    rounds(s, 2);
    s->a ^= v;
}

uint64_t selv_siphash(const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                      struct selv_bytes message)
{
    uint64_t low = word(key, 8);
    uint64_t high = word(key + 8, 8);
    size_t at = 0;
    /* "somepseudorandomlygeneratedbytes", eight letters each */
    struct state s = {low ^ 0x736f6d6570736575u, high ^ 0x646f72616e646f6du,
                      low ^ 0x6c7967656e657261u, high ^ 0x7465646279746573u};
    for (; message.len - at >= 8; at += 8) {
        absorb(&s, word(message.p + at, 8));
    }
    absorb(&s, word(message.p + at, message.len - at) | (uint64_t)message.len
                                                            << 56);
    s.c ^= 0xff;
    rounds(&s, 4);
    return s.a ^ s.b ^ s.c ^ s.d;
}
