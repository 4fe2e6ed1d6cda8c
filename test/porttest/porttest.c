/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/porttest.c - see porttest/porttest.h: goes through the checks,
 * over resets, and reports. */
#include "test/porttest/porttest_int.h"

#define MAGIC 0x50545354u /* "PTST" */

static const struct check_list *const lists[] = {
    &selv_porttest_flash_checks, &selv_porttest_area_checks,
    &selv_porttest_clock_checks, &selv_porttest_watchdog_checks,
    &selv_porttest_boot_checks,  &selv_porttest_random_checks,
};

static const struct check *check_at(uint32_t index)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (index < lists[i]->count) {
            return &lists[i]->checks[index];
        }
        index -= (uint32_t)lists[i]->count;
    }
    return NULL;
}

/* ---- words ----------------------------------------------------------------
 */

void say(struct selv_porttest *t, const char *text)
{
    while (*text != '\0' && t->why_len < sizeof t->why - 1) {
        t->why[t->why_len++] = *text++;
    }
    t->why[t->why_len] = '\0';
}

static void say_base(struct selv_porttest *t, const char *text, uint32_t number,
                     uint32_t base)
{
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    say(t, text);
    say(t, &digits[at]);
}

void say_number(struct selv_porttest *t, const char *text, uint32_t number)
{
    say_base(t, text, number, 10);
}

void say_hex(struct selv_porttest *t, const char *text, uint32_t number)
{
    say(t, text);
    say_base(t, "0x", number, 16);
}

void say_cause(struct selv_porttest *t, const char *text, unsigned cause)
{
    static const char *const names[] = {"power-on", "requested", "watchdog",
                                        "crash", "unknown"};
    say(t, text);
    say(t, cause < sizeof names / sizeof names[0] ? names[cause] : "no cause");
}

enum outcome pass(struct selv_porttest *t, const char *text)
{
    say(t, text);
    return PASS;
}

enum outcome fail(struct selv_porttest *t, const char *text)
{
    say(t, text);
    return FAIL;
}

enum outcome fail_at(struct selv_porttest *t, const char *text, uint32_t off)
{
    say(t, text);
    say_hex(t, " at ", off);
    return FAIL;
}

enum outcome fail_err(struct selv_porttest *t, const char *text, uint32_t off,
                      enum selv_err err)
{
    (void)fail_at(t, text, off);
    if (err != SELV_OK) {
        say_number(t, ", error ", (uint32_t)err);
    }
    return FAIL;
}

enum outcome skip(struct selv_porttest *t, const char *text)
{
    say(t, text);
    return SKIP;
}

static void print(struct selv_porttest *t, const char *text)
{
    t->port->print(t->port->port, text);
}

static void report(struct selv_porttest *t, const struct check *check,
                   enum outcome outcome)
{
    struct selv_porttest_state *s = t->port->state;
    print(t, outcome == PASS ? "ok   " : outcome == FAIL ? "FAIL " : "skip ");
    print(t, check->name);
    if (t->why_len != 0) {
        print(t, ": ");
        print(t, t->why);
    }
    if (outcome == FAIL) {
        print(t, "; do: ");
        print(t, check->hint);
    }
    print(t, "\n");
    s->passed = (uint16_t)(s->passed + (outcome == PASS));
    s->failed = (uint16_t)(s->failed + (outcome == FAIL));
    s->skipped = (uint16_t)(s->skipped + (outcome == SKIP));
    s->at++;
    s->step = 0;
    s->is_expected = 0;
    seal(t);
}

/* ---- state ----------------------------------------------------------------
 */

static uint32_t state_check(const struct selv_porttest_state *s)
{
    const uint8_t *p = (const uint8_t *)s;
    uint32_t h = 0x811c9dc5u;
    for (size_t i = 0; i < offsetof(struct selv_porttest_state, check); i++) {
        h = (h ^ p[i]) * 0x01000193u;
    }
    return h;
}

void seal(struct selv_porttest *t)
{
    t->port->state->check = state_check(t->port->state);
}

void expect_reset(struct selv_porttest *t, uint8_t step)
{
    t->port->state->step = step;
    t->port->state->is_expected = 1;
    t->port->state->waited_ms = 0;
    seal(t);
}

void expect_none(struct selv_porttest *t)
{
    t->port->state->is_expected = 0;
    seal(t);
}

static void begin(struct selv_porttest *t)
{
    struct selv_porttest_state *s = t->port->state;
    memset(s, 0, sizeof *s);
    s->magic = MAGIC;
    s->cause = (uint8_t)t->port->cause;
    seal(t);
    print(t, "porttest ");
    print(t, t->port->name != NULL ? t->port->name : "");
    print(t, "\n");
}

/* The first check that resets leaves this in the work sector. Found when the
 * state is gone, it was the state that did not survive; without this look the
 * test would begin again for ever, and wear the flash out. */
static bool is_state_lost(struct selv_porttest *t)
{
    uint32_t at;
    enum selv_err err;
    return t->work.len != 0 && holds(t, t->work.off, 32, SEED_KEPT, &at, &err);
}

static uint32_t end_lost(struct selv_porttest *t)
{
    enum selv_err err = erase(t, t->work.off);
    print(t, "FAIL state: it was lost with the reset, or an earlier run was cut"
             " short");
    print(t, err == SELV_OK ? "; do: start again, and when this comes again,"
                              " keep the start-up code off the state\n"
                            : "; do: let the work sector be erased\n");
    print(t, "0 passed, 1 failed, 0 skipped\n");
    return 1;
}

/* ---- the watched flash ----------------------------------------------------
 */

static enum selv_err watch_read(void *port, uint32_t off, void *p, uint32_t len)
{
    const struct selv_porttest *t = port;
    const struct selv_flash *f = t->port->flash;
    return f->read(f->port, off, p, len);
}

static enum selv_err watch_write(void *port, uint32_t off, const void *p,
                                 uint32_t len)
{
    const struct selv_porttest *t = port;
    const struct selv_flash *f = t->port->flash;
    return f->write(f->port, off, p, len);
}

static enum selv_err watch_erase(void *port, uint32_t off)
{
    struct selv_porttest *t = port;
    const struct selv_flash *f = t->port->flash;
    struct selv_porttest_state *s = t->port->state;
    s->erases++;
    s->erases_work += off == t->work.off;
    seal(t);
    return f->erase(f->port, off);
}

static void watch_kick(void *port)
{
    struct selv_porttest *t = port;
    uint64_t at = now(t);
    uint32_t gap = (uint32_t)(at - t->kicked_ms);
    t->longest_ms = gap > t->longest_ms ? gap : t->longest_ms;
    t->kicked_ms = at;
    if (has_watchdog(t) && !t->is_quiet) {
        t->port->watchdog_kick(t->port->port);
    }
}

static struct selv_sector watch_sector_of(void *port, uint32_t off)
{
    const struct selv_porttest *t = port;
    const struct selv_flash *f = t->port->flash;
    return f->sector_of(f->port, off);
}

static void watch(struct selv_porttest *t)
{
    t->flash = *t->port->flash;
    t->flash.port = t;
    t->flash.read = t->flash.read != NULL ? watch_read : NULL;
    t->flash.write = t->flash.write != NULL ? watch_write : NULL;
    t->flash.erase = t->flash.erase != NULL ? watch_erase : NULL;
    t->flash.kick = watch_kick;
    t->flash.sector_of = t->flash.sector_of != NULL ? watch_sector_of : NULL;
    t->work = (struct selv_sector){0, 0};
    if (selv_flash_check(&t->flash) == SELV_OK &&
        t->port->area_off < t->flash.size) {
        t->work = selv_flash_sector(&t->flash, t->port->area_off);
    }
}

/* ---- time -----------------------------------------------------------------
 */

bool has_clock(const struct selv_porttest *t)
{
    return t->port->now_ms != NULL;
}

bool has_watchdog(const struct selv_porttest *t)
{
    return t->port->watchdog_start != NULL && t->port->watchdog_kick != NULL &&
           t->port->watchdog_ms != 0;
}

uint64_t now(const struct selv_porttest *t)
{
    return has_clock(t) ? t->port->now_ms(t->port->port) : 0;
}

void kick(struct selv_porttest *t)
{
    watch_kick(t);
}

uint32_t test_ms(const struct selv_porttest *t)
{
    const struct selv_porttest_port *p = t->port;
    return p->watchdog_test_ms != 0 ? p->watchdog_test_ms : p->watchdog_ms;
}

/* Turns of a loop that outlast any watchdog. */
#define TURNS_MAX 0x40000000u

void wait_ms(struct selv_porttest *t, uint32_t ms)
{
    volatile uint32_t *waited = &t->port->state->waited_ms;
    uint64_t from = now(t);
    uint32_t turns = 0;
    while (*waited < ms && turns < TURNS_MAX) {
        *waited = (uint32_t)(now(t) - from);
        turns++;
    }
}

void watchdog_restore(struct selv_porttest *t)
{
    if (has_watchdog(t)) {
        t->port->watchdog_start(t->port->port, t->port->watchdog_ms);
        t->port->watchdog_kick(t->port->port);
    }
    t->kicked_ms = now(t);
}

void go_down(struct selv_porttest *t)
{
    if (t->port->reset != NULL) {
        t->port->reset(t->port->port);
    } else if (has_watchdog(t)) {
        wait_ms(t, 4 * t->port->watchdog_ms);
    }
    expect_none(t);
}

/* ---- run ------------------------------------------------------------------
 */

static void start_again(struct selv_porttest *t)
{
    struct selv_porttest_state *s = t->port->state;
    const struct check *check = check_at(s->at);
    if (!s->is_expected && check != NULL) {
        say_cause(t, "the board was reset in the middle of it, cause ",
                  (unsigned)t->port->cause);
        report(t, check, FAIL);
    }
    expect_none(t);
}

uint32_t selv_porttest_run(struct selv_porttest *t)
{
    struct selv_porttest_state *s = t->port->state;
    const struct check *check;
    watch(t);
    watchdog_restore(t);
    t->why_len = 0;
    if (s->magic == MAGIC && s->check == state_check(s)) {
        start_again(t);
    } else if (is_state_lost(t)) {
        return end_lost(t);
    } else {
        begin(t);
    }
    while ((check = check_at(s->at)) != NULL) {
        enum outcome outcome = SKIP;
        t->why_len = 0;
        kick(t);
        if (check->needs_flash && !s->is_sound) {
            say(t, "flash.geometry or flash.area failed");
        } else {
            outcome = check->run(t);
        }
        report(t, check, outcome);
    }
    t->why_len = 0;
    say_number(t, "", s->passed);
    say_number(t, " passed, ", s->failed);
    say_number(t, " failed, ", s->skipped);
    say(t, " skipped\n");
    print(t, t->why);
    s->magic = 0;
    return s->failed;
}
