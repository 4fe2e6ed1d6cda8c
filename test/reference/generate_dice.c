/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/generate_int.h"

struct dice dice_of_seed(uint32_t seed)
{
    struct dice d = {.state = 0x9e3779b97f4a7c15u ^ (uint64_t)seed << 16};
    for (unsigned i = 0; i < 4; i++) {
        (void)dice_roll(&d, 2);
    }
    return d;
}

struct dice dice_of_bytes(const uint8_t *p, size_t len)
{
    return (struct dice){.p = p, .len = len};
}

unsigned dice_roll(struct dice *d, unsigned sides)
{
    if (d->state == 0) {
        return d->at < d->len ? d->p[d->at++] % sides : 0;
    }
    d->state ^= d->state << 13; /* xorshift */
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (unsigned)(d->state >> 32) % sides;
}

unsigned roll(struct generator *g, unsigned sides)
{
    return dice_roll(g->dice, sides);
}

/* True in so many percent of cases; false when the dice have run out. */
bool chance(struct generator *g, unsigned percent)
{
    return roll(g, 100) >= 100 - percent;
}

/* A content of the pool: most often the same one, so that digests match. */
unsigned some_content(struct generator *g)
{
    return chance(g, 65) ? 2 : roll(g, WORLD_POOL);
}

/* Is this the place for the fault? */
bool fault(struct generator *g)
{
    if (g->fault_in < 0 || g->fault_in-- > 0) {
        return false;
    }
    g->faults++;
    g->fault_in = chance(g, 10) ? (int)roll(g, 60) : -1;
    return true;
}
