/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_watchdog.c - the watchdog, and what the port says about
 * resets: a trial that hangs or crashes is only reverted when it is told. */
#include "test/porttest/porttest_int.h"

static const char no_watchdog[] = "the port has no watchdog";

/* ---- watchdog -------------------------------------------------------------
 */

static enum outcome check_kick(struct selv_porttest *t)
{
    uint32_t ms = test_ms(t);
    uint64_t from, last;
    if (!has_watchdog(t) || !has_clock(t)) {
        return skip(t, "it takes a watchdog and a clock");
    }
    from = last = now(t);
    t->port->watchdog_start(t->port->port, ms);
    while (now(t) - from < 3 * (uint64_t)ms) {
        if (now(t) - last >= ms / 2) {
            t->port->watchdog_kick(t->port->port);
            last = now(t);
        }
    }
    watchdog_restore(t);
    say_number(t, "kicked every ", ms / 2);
    say_number(t, " of ", ms);
    say(t, " ms, three periods long");
    return PASS;
}

static enum outcome check_expires(struct selv_porttest *t)
{
    struct selv_porttest_state *s = t->port->state;
    if (!has_watchdog(t)) {
        return skip(t, no_watchdog);
    }
    if (s->step == 0) {
        expect_reset(t, 1);
        t->port->watchdog_start(t->port->port, test_ms(t));
        t->port->watchdog_kick(t->port->port);
        wait_ms(t, 4 * test_ms(t));
        expect_none(t);
        watchdog_restore(t);
        return fail(t, "without a kick no reset came");
    }
    s->watchdog_waited_ms = s->waited_ms;
    s->watchdog_cause = (uint8_t)t->port->cause;
    s->is_watchdog_seen = 1;
    return PASS;
}

static enum outcome check_cause(struct selv_porttest *t)
{
    if (!t->port->state->is_watchdog_seen) {
        return skip(t, "the watchdog was not seen to expire");
    }
    say_cause(t, "told as ", t->port->state->watchdog_cause);
    return t->port->state->watchdog_cause == SELV_RESET_WATCHDOG ? PASS : FAIL;
}

/* Two time-outs, where the first one is only an interrupt, are in order. */
static enum outcome check_time(struct selv_porttest *t)
{
    uint32_t waited = t->port->state->watchdog_waited_ms, ms = test_ms(t);
    if (!t->port->state->is_watchdog_seen || !has_clock(t)) {
        return skip(t, "the watchdog was not seen to expire, or no clock");
    }
    say_number(t, "after ", waited);
    say_number(t, " of ", ms);
    say(t, " ms");
    return waited >= ms - ms / 10 && waited <= 2 * ms + ms / 2 ? PASS : FAIL;
}

static enum outcome check_stays(struct selv_porttest *t)
{
    if (!has_watchdog(t) || t->port->watchdog_attack == NULL) {
        return skip(t, "the port names no way to stop it (watchdog_attack)");
    }
    if (t->port->state->step == 0) {
        expect_reset(t, 1);
        t->port->watchdog_start(t->port->port, test_ms(t));
        t->port->watchdog_attack(t->port->port);
        wait_ms(t, 4 * test_ms(t));
        expect_none(t);
        watchdog_restore(t);
        return fail(t, "it was stopped");
    }
    return PASS;
}

/* ---- resets ---------------------------------------------------------------
 */

static enum outcome check_power_on(struct selv_porttest *t)
{
    unsigned cause = t->port->state->cause;
    if (cause != SELV_RESET_POWER_ON) {
        say_cause(t, "this run began otherwise, by ", cause);
        return skip(t, "; cut the power and start again");
    }
    return PASS;
}

static enum outcome bring_about(struct selv_porttest *t, void (*reset)(void *),
                                enum selv_reset_cause cause)
{
    if (reset == NULL) {
        return skip(t, "the port offers no such reset");
    }
    if (t->port->state->step == 0) {
        expect_reset(t, 1);
        reset(t->port->port);
        wait_ms(t, has_watchdog(t) ? t->port->watchdog_ms / 2 : 1000);
        expect_none(t);
        return fail(t, "the reset did not come");
    }
    say_cause(t, "told as ", (unsigned)t->port->cause);
    return t->port->cause == cause ? PASS : FAIL;
}

static enum outcome check_requested(struct selv_porttest *t)
{
    return bring_about(t, t->port->reset, SELV_RESET_REQUESTED);
}

static enum outcome check_crash(struct selv_porttest *t)
{
    return bring_about(t, t->port->crash, SELV_RESET_CRASH);
}

static const struct check checks[] = {
    {"watchdog.kick", check_kick,
     "let kick reload it; check its clock and divider", false},
    {"watchdog.expires", check_expires,
     "start it, and let it reset the whole chip", false},
    {"watchdog.cause", check_cause,
     "read the reset cause before it is cleared, watchdog first", false},
    {"watchdog.time", check_time, "check its clock and divider", false},
    {"watchdog.stays", check_stays,
     "lock its registers, or say in the port's DESIGN.md that it can be"
     " stopped",
     false},
    {"reset.power-on", check_power_on, "", false},
    {"reset.requested", check_requested,
     "record the cause before the reset, or read it from the chip", false},
    {"reset.crash", check_crash,
     "let the fault handler record the cause and reset", false},
};

const struct check_list selv_porttest_watchdog_checks = {
    checks, sizeof checks / sizeof checks[0]};
