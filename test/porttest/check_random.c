/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_random.c - random numbers: not whether they are good, which
 * no test of their output can tell, but whether they are stuck or repeat. */
#include "test/porttest/porttest_int.h"

enum {
    DRAW = SELV_PORTTEST_DRAW_LEN,
    DRAWS = 16,
    BITS = DRAW * DRAWS * 8,
    OFF_MAX = 256 /* of 2048 bits; more than eleven standard deviations */
};

static uint32_t count_ones(const uint8_t *p, uint32_t len)
{
    uint32_t ones = 0;
    for (uint32_t i = 0; i < len * 8; i++) {
        ones += (uint32_t)p[i / 8] >> i % 8 & 1u;
    }
    return ones;
}

static enum outcome check_draws(struct selv_porttest *t)
{
    uint32_t ones;
    if (t->port->random == NULL) {
        return skip(t, "the port has no random numbers");
    }
    for (uint32_t i = 0; i < DRAWS; i++) {
        enum selv_err err =
            t->port->random(t->port->port, t->buf + i * DRAW, DRAW);
        if (err) {
            say_number(t, "error ", (uint32_t)err);
            return FAIL;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (memcmp(t->buf + i * DRAW, t->buf + j * DRAW, DRAW) == 0) {
                return fail(t, "two draws are the same");
            }
        }
    }
    ones = count_ones(t->buf, DRAW * DRAWS);
    say_number(t, "", ones);
    say_number(t, " of ", BITS);
    say(t, " bits are set");
    return ones >= BITS / 2 - OFF_MAX && ones <= BITS / 2 + OFF_MAX ? PASS
                                                                    : FAIL;
}

/* The first draw behind each of several resets. */
static enum outcome check_resets(struct selv_porttest *t)
{
    struct selv_porttest_state *s = t->port->state;
    uint32_t step = s->step;
    if (t->port->random == NULL || t->port->reset == NULL) {
        return skip(t, "it takes random and reset");
    }
    if (step > 0) {
        uint8_t *draw = s->draws[step - 1];
        enum selv_err err = t->port->random(t->port->port, draw, DRAW);
        seal(t);
        if (err) {
            say_number(t, "error ", (uint32_t)err);
            return FAIL;
        }
        for (uint32_t i = 0; i + 1 < step; i++) {
            if (memcmp(s->draws[i], draw, DRAW) == 0) {
                return fail(t, "a draw came again behind a reset");
            }
        }
    }
    if (step < SELV_PORTTEST_BOOTS) {
        expect_reset(t, (uint8_t)(step + 1));
        go_down(t);
        return fail(t, "the reset did not come");
    }
    return PASS;
}

static const struct check checks[] = {
    {"random.draws", check_draws, "look at the noise source, or the seed",
     false},
    {"random.resets", check_resets,
     "seed anew at each boot, or count boots in flash", false},
};

const struct check_list selv_porttest_random_checks = {
    checks, sizeof checks / sizeof checks[0]};
