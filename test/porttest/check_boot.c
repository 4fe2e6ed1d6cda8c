/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_boot.c - the bootloader itself, on the port's flash and
 * crypto, with a small layout in the area: does it boot what is good, how
 * deep goes its stack, how long does it not kick. */
#include "test/porttest/porttest_int.h"

#include "crypto/crypto.h"
#include "test/porttest/release.h"
#include "store/slot.h"

/* Bytes of stack for main and what it calls first, and for an exception. */
enum { RESERVE = 384 };

/* The next sectors of the area, as many as hold len bytes; 0: all used up. */
static uint32_t take(const struct selv_porttest *t, struct selv_sector *next,
                     uint32_t len)
{
    uint32_t sum = 0;
    while (next->len != 0 && sum < len) {
        sum += next->len;
        *next = sector_next(t, *next);
    }
    return sum >= len ? sum : 0;
}

static bool make_layout(struct selv_porttest *t)
{
    struct selv_layout *l = &t->small;
    uint32_t *const pairs[] = {l->journal_off, l->log_off, l->random_off};
    struct selv_sector next = t->work;
    bool fits;
    memset(l, 0, sizeof *l);
    l->factory_off = next.off;
    l->factory_len = take(t, &next, 1);
    fits = l->factory_len != 0;
    for (size_t i = 0; i < 2 * sizeof pairs / sizeof pairs[0]; i++) {
        pairs[i / 2][i % 2] = next.off;
        fits = take(t, &next, 1) != 0 && fits;
    }
    for (size_t i = 0; i < SELV_SLOT_COUNT; i++) {
        struct selv_slot_place *place = &l->slot[i];
        place->envelope_off = next.off;
        place->envelope_len = take(t, &next, sizeof release_envelope + 4);
        place->image_off = next.off;
        place->image_len = take(t, &next, sizeof release_image);
        fits = place->envelope_len != 0 && place->image_len != 0 && fits;
    }
    return fits && selv_layout_check(l, &t->flash) == SELV_OK;
}

/* A device as the factory leaves it. flip changes one byte of the image. */
static enum selv_err make_device(struct selv_porttest *t, uint8_t flip)
{
    const struct selv_slot_place *place = &t->small.slot[SELV_SLOT_A];
    struct selv_slot_writer w;
    enum selv_err err = SELV_OK;
    for (struct selv_sector s = t->work; s.len != 0 && !err;
         s = sector_next(t, s)) {
        err = erase(t, s.off);
    }
    if (!err) {
        err = selv_slot_begin(&w, &t->flash, place, sizeof release_image, 0);
    }
    if (!err) {
        memcpy(t->back, release_image, sizeof release_image);
        t->back[sizeof release_image / 2] ^= flip;
        err = selv_slot_write(&w, selv_bytes(t->back, sizeof release_image));
    }
    if (!err) {
        err = selv_slot_end(&w);
    }
    if (!err) {
        err = selv_slot_put_envelope(
            &t->flash, place,
            selv_bytes(release_envelope, sizeof release_envelope));
    }
    return err;
}

static bool boots(struct selv_porttest *t)
{
    memset(&t->boot, 0, sizeof t->boot);
    t->boot.flash = &t->flash;
    t->boot.layout = &t->small;
    t->boot.factory = &t->factory;
    t->boot.strategy = &selv_strategy_ab;
    t->boot.reset_cause = SELV_RESET_POWER_ON;
    t->boot.scratch = t->port->scratch;
    kick(t);
    return selv_is_good(selv_boot_choose(&t->boot, &t->record));
}

static enum outcome fail_boot(struct selv_porttest *t, const char *text)
{
    say(t, text);
    say_number(t, ", reason ", t->record.refused_reason);
    return FAIL;
}

/* Born, booted again, and refused with one byte of the image changed. */
static enum outcome boot_thrice(struct selv_porttest *t)
{
    enum selv_err err = make_device(t, 0);
    if (err) {
        return fail_err(t, "the store cannot install an image",
                        t->small.slot[SELV_SLOT_A].envelope_off, err);
    }
    t->longest_ms = 0;
    t->kicked_ms = now(t);
    if (!boots(t)) {
        return fail_boot(t, "an authentic image is not booted");
    }
    if (!boots(t) || t->record.floor != 1) {
        return fail_boot(t, "it is not booted a second time");
    }
    kick(t);
    t->port->state->boot_longest_ms = t->longest_ms;
    err = make_device(t, 0x10);
    if (err) {
        return fail_err(t, "the store cannot install an image",
                        t->small.slot[SELV_SLOT_A].envelope_off, err);
    }
    if (boots(t)) {
        return fail(t, "an image that was changed is booted");
    }
    return PASS;
}

static enum outcome check_choose(struct selv_porttest *t)
{
    enum outcome outcome;
    uint32_t base = 0;
    if (!make_layout(t)) {
        return skip(t, "the area is too small for a layout of its own");
    }
    if (t->flash.map == NULL && t->port->scratch.cap < SELV_SUIT_ENVELOPE_MAX) {
        return skip(t, "flash is not mapped, and the port gives no scratch");
    }
    if (selv_crypto_init() != SELV_OK ||
        selv_factory_decode(selv_bytes(release_factory, sizeof release_factory),
                            &t->factory) != SELV_OK) {
        return fail(t, "factory data do not decode: SHA-256 is wrong");
    }
    if (t->port->stack_paint != NULL) {
        base = t->port->stack_paint(t->port->port);
    }
    outcome = boot_thrice(t);
    if (outcome == PASS && t->port->stack_used != NULL) {
        t->port->state->boot_stack = t->port->stack_used(t->port->port) - base;
    }
    t->port->state->is_boot_measured = outcome == PASS;
    return outcome;
}

static enum outcome check_stack(struct selv_porttest *t)
{
    uint32_t used = t->port->state->boot_stack;
    uint32_t len = t->port->boot_stack_len;
    if (!t->port->state->is_boot_measured || t->port->stack_paint == NULL ||
        t->port->stack_used == NULL || len == 0) {
        return skip(t, "boot.choose did not run, or no stack_paint, stack_used"
                       " and boot_stack_len");
    }
    say_number(t, "the choice takes ", used);
    say_number(t, " of ", len);
    say(t, " bytes");
    return used != 0 && used + RESERVE <= len ? PASS : FAIL;
}

static enum outcome check_longest(struct selv_porttest *t)
{
    uint32_t longest = t->port->state->boot_longest_ms;
    if (!t->port->state->is_boot_measured || !has_clock(t) ||
        !has_watchdog(t)) {
        return skip(t, "boot.choose did not run, or no clock, or no watchdog");
    }
    say_number(t, "", longest);
    say_number(t, " ms without a kick, of ", t->port->watchdog_ms);
    return longest <= t->port->watchdog_ms / 2 ? PASS : FAIL;
}

/* ---- guard ----------------------------------------------------------------
 */

static enum outcome check_place(struct selv_porttest *t)
{
    uintptr_t limit = (uintptr_t)t->port->stack_limit;
    const void *const ours[] = {t, t->port, t->port->state, &t->flash};
    enum { REACH = 1024 }; /* bytes that an overflow may go down */
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        uintptr_t p = (uintptr_t)ours[i];
        if (p < limit && limit - p <= REACH + sizeof *t) {
            return fail(t, "data of ours lies right below the stack");
        }
    }
    return pass(t, "by its place: nothing of ours right below");
}

static enum outcome check_guard(struct selv_porttest *t)
{
    if (t->port->guard == SELV_PORTTEST_GUARD_NONE ||
        t->port->stack_limit == NULL) {
        return skip(t, "the port has none: put the stack below all data, or"
                       " let an MPU fault");
    }
    if (t->port->guard == SELV_PORTTEST_GUARD_PLACE) {
        return check_place(t);
    }
    if (t->port->state->step == 0) {
        uintptr_t below = (uintptr_t)t->port->stack_limit - sizeof(uint32_t);
        expect_reset(t, 1);
        *(volatile uint32_t *)below = 0;
        expect_none(t);
        return fail(t, "a store below the stack did not fault");
    }
    say_cause(t, "a fault, told as ", (unsigned)t->port->cause);
    return t->port->cause == SELV_RESET_CRASH ? PASS : FAIL;
}

static const struct check checks[] = {
    {"boot.choose", check_choose,
     "mend the flash checks first, then look at crypto (lib/crypto/crypto.h)",
     true},
    {"boot.stack", check_stack,
     "give the bootloader's stack 384 bytes more than that at least", false},
    {"boot.kick", check_longest, "give the bootloader twice that time at least",
     false},
    {"stack.guard", check_guard, "put the stack below all data", false},
};

const struct check_list selv_porttest_boot_checks = {
    checks, sizeof checks / sizeof checks[0]};
