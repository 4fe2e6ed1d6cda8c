/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_clock.c - the clock, alone and against a second one. */
#include "test/porttest/porttest_int.h"

enum {
    STEPS_MS = 50,  /* how long it is watched */
    JUMP_MAX = 20,  /* ms; protocols of ours count in tens of them */
    RATE_MS = 200,  /* how long two clocks are compared */
    RATE_OFF = 20,  /* they may differ by 1/20 */
    BEFORE_MS = 20, /* the carry */
    TURNS = 0x1000000
};

static enum outcome check_steps(struct selv_porttest *t)
{
    uint64_t from, last;
    uint32_t turns = 0, jump = 0;
    if (!has_clock(t)) {
        return skip(t, "the port has no clock");
    }
    from = last = now(t);
    while (last - from < STEPS_MS && turns < TURNS) {
        uint64_t at = now(t);
        if (at < last) {
            return fail(t, "it goes back");
        }
        jump = at - last > jump ? (uint32_t)(at - last) : jump;
        last = at;
        turns++;
        kick(t);
    }
    if (last - from < STEPS_MS) {
        return fail(t, "it stands");
    }
    say_number(t, "longest step ", jump);
    say(t, " ms");
    return jump <= JUMP_MAX ? PASS : FAIL;
}

static enum outcome check_rate(struct selv_porttest *t)
{
    uint64_t from, last;
    uint32_t ticks, first, counted_ms, passed_ms, turns = 0;
    if (!has_clock(t) || t->port->ticks == NULL || t->port->ticks_per_ms == 0) {
        return skip(t, "it takes two clocks (ticks); watchdog.time is a"
                       " rougher one");
    }
    from = now(t);
    while (from == (last = now(t)) && turns++ < TURNS) {
        kick(t);
    }
    first = t->port->ticks(t->port->port);
    from = last;
    while (last - from < RATE_MS && turns++ < TURNS) {
        last = now(t);
        kick(t);
    }
    ticks = t->port->ticks(t->port->port) - first;
    counted_ms = ticks / t->port->ticks_per_ms;
    passed_ms = (uint32_t)(last - from);
    say_number(t, "", passed_ms);
    say_number(t, " ms are ", counted_ms);
    say(t, " ms of the second clock");
    return counted_ms >= passed_ms - passed_ms / RATE_OFF &&
                   counted_ms <= passed_ms + passed_ms / RATE_OFF
               ? PASS
               : FAIL;
}

static enum outcome check_wrap(struct selv_porttest *t)
{
    const uint64_t carry = (uint64_t)UINT32_MAX + 1;
    uint64_t last, from;
    uint32_t turns = 0;
    if (!has_clock(t) || t->port->clock_set == NULL) {
        return skip(t, "the port cannot put its clock forward (clock_set)");
    }
    t->port->clock_set(t->port->port, carry - BEFORE_MS);
    from = last = now(t);
    if (from + 1 < carry - BEFORE_MS || from > carry) {
        return fail(t, "clock_set did not set it");
    }
    while (last < carry + BEFORE_MS && turns < TURNS) {
        uint64_t at = now(t);
        if (at < last || at - last > JUMP_MAX) {
            return fail(t, "it jumps where 32 bits of milliseconds end");
        }
        last = at;
        turns++;
        kick(t);
    }
    return last >= carry + BEFORE_MS ? PASS : fail(t, "it stands");
}

static const struct check checks[] = {
    {"clock.steps", check_steps,
     "read both halves of the count in one go; let nothing hold the tick",
     false},
    {"clock.rate", check_rate, "look for a wrong divider or clock source",
     false},
    {"clock.wrap", check_wrap, "count in 64 bits, and carry in one go", false},
};

const struct check_list selv_porttest_clock_checks = {
    checks, sizeof checks / sizeof checks[0]};
