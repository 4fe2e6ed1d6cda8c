/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_area.c - the whole area, what lies around it, and what a
 * reset leaves. */
#include "test/porttest/porttest_int.h"

uint32_t area_end(const struct selv_porttest *t)
{
    return t->port->area_off + t->port->area_len;
}

struct selv_sector sector_next(const struct selv_porttest *t,
                               struct selv_sector s)
{
    uint32_t off = s.off + s.len;
    if (off >= area_end(t) || off >= t->flash.size) {
        return (struct selv_sector){off, 0};
    }
    return selv_flash_sector(&t->flash, off);
}

/* Of all that is not in the area; what does not read counts as such. */
uint64_t hash_outside(struct selv_porttest *t)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    uint32_t off = 0;
    while (off < t->flash.size) {
        uint32_t end =
            off < t->port->area_off ? t->port->area_off : t->flash.size;
        uint32_t n;
        if (off >= t->port->area_off && off < area_end(t)) {
            off = area_end(t);
            continue;
        }
        n = end - off < 32 ? end - off : 32;
        kick(t);
        if (t->flash.read(t->flash.port, off, t->back, n) != SELV_OK) {
            memset(t->back, 0x5e, n);
        }
        for (uint32_t i = 0; i < n; i++) {
            h = (h ^ t->back[i]) * UINT64_C(0x100000001b3);
        }
        off += n;
    }
    return h;
}

static enum outcome fail_lost(struct selv_porttest *t, uint32_t at,
                              enum selv_err err)
{
    return fail_err(t, "not what was written", at, err);
}

/* ---- all sectors ----------------------------------------------------------
 */

/* Each place its own content: two addresses of one cell show. */
static enum outcome check_fill(struct selv_porttest *t)
{
    uint32_t off = t->port->area_off, len = t->port->area_len, at;
    enum selv_err err;
    for (struct selv_sector s = t->work; s.len != 0; s = sector_next(t, s)) {
        err = erase(t, s.off);
        if (err) {
            return fail_err(t, "erase", s.off, err);
        }
    }
    if (!is_blank(t, off, len, &at, &err)) {
        return fail_err(t, "all was erased, but not the byte", at, err);
    }
    err = fill(t, off, len, 10, &at);
    if (err) {
        return fail_err(t, "a write to an erased place is refused", at, err);
    }
    return holds(t, off, len, 10, &at, &err) ? PASS : fail_lost(t, at, err);
}

/* Every second sector is erased, the others keep their content. */
static enum outcome erase_half(struct selv_porttest *t, uint32_t odd)
{
    uint32_t at, i = 0;
    enum selv_err err;
    for (struct selv_sector s = t->work; s.len != 0;
         s = sector_next(t, s), i++) {
        err = i % 2 == odd ? erase(t, s.off) : SELV_OK;
        if (err) {
            return fail_err(t, "erase", s.off, err);
        }
    }
    i = 0;
    for (struct selv_sector s = t->work; s.len != 0;
         s = sector_next(t, s), i++) {
        if (i % 2 == odd && !is_blank(t, s.off, s.len, &at, &err)) {
            return fail_err(t, "an erase left something", at, err);
        }
        if (i % 2 != odd && !holds(t, s.off, s.len, 10, &at, &err)) {
            return fail_err(t, "an erase changed another sector", at, err);
        }
    }
    return PASS;
}

/* Behind flash.fill: the area holds its pattern. */
static enum outcome check_erase_reach(struct selv_porttest *t)
{
    uint32_t at, i = 0;
    if (erase_half(t, 1) != PASS) {
        return FAIL;
    }
    for (struct selv_sector s = t->work; s.len != 0;
         s = sector_next(t, s), i++) {
        enum selv_err err =
            i % 2 == 1 ? fill(t, s.off, s.len, 10, &at) : SELV_OK;
        if (err) {
            return fail_err(t, "write to an erased sector", at, err);
        }
    }
    return erase_half(t, 0);
}

static enum outcome check_last_unit(struct selv_porttest *t)
{
    uint32_t unit = t->flash.write_unit, last = t->flash.size - unit, at;
    enum selv_err err;
    if (area_end(t) != t->flash.size) {
        return skip(t, "the area ends before the flash does");
    }
    err = erase(t, selv_flash_sector(&t->flash, last).off);
    if (!err) {
        err = put(t, last, unit, 11);
    }
    if (err) {
        return fail_err(t, "erase and write", last, err);
    }
    return holds(t, last, unit, 11, &at, &err) ? PASS : fail_lost(t, at, err);
}

static enum outcome check_outside(struct selv_porttest *t)
{
    return hash_outside(t) == t->port->state->outside
               ? PASS
               : fail(t, "flash outside of the area has changed");
}

/* Each cell both ways, several times: a sector that is worn out already, or
 * an erase that ends too early, shows. */
static enum outcome check_repeat(struct selv_porttest *t)
{
    enum { TIMES = 8 };
    uint32_t at;
    for (uint32_t seed = 20; seed < 20 + TIMES; seed++) {
        enum selv_err err = erase(t, t->work.off);
        if (err || !is_blank(t, t->work.off, t->work.len, &at, &err)) {
            return fail_err(t, "erase", t->work.off, err);
        }
        err = fill(t, t->work.off, t->work.len, seed, &at);
        if (err || !holds(t, t->work.off, t->work.len, seed, &at, &err)) {
            return fail_err(t, "write", at, err);
        }
    }
    return PASS;
}

/* ---- time and wear --------------------------------------------------------
 */

/* Unit by unit, which is as slow as it gets. */
static enum selv_err write_units(struct selv_porttest *t, struct selv_sector s)
{
    enum selv_err err = SELV_OK;
    for (uint32_t at = 0; at < s.len && !err; at += t->flash.write_unit) {
        pattern(t, s.off + at, t->buf, t->flash.write_unit, 12);
        err = t->flash.write(t->flash.port, s.off + at, t->buf,
                             t->flash.write_unit);
    }
    return err;
}

static enum outcome check_time(struct selv_porttest *t)
{
    struct selv_sector longest = t->work;
    uint64_t from, between, to;
    enum selv_err err;
    if (!has_clock(t)) {
        return skip(t, "the port has no clock");
    }
    for (struct selv_sector s = t->work; s.len != 0; s = sector_next(t, s)) {
        longest = s.len > longest.len ? s : longest;
    }
    kick(t);
    from = now(t);
    err = t->flash.erase(t->flash.port, longest.off);
    between = now(t);
    if (!err) {
        kick(t);
        err = write_units(t, longest);
    }
    to = now(t);
    if (err) {
        return fail_err(t, "erase and write", longest.off, err);
    }
    say_number(t, "erase ", (uint32_t)(between - from));
    say_number(t, " ms, write ", (uint32_t)(to - between));
    say_number(t, " ms, sector of ", longest.len);
    if (!has_watchdog(t)) {
        return PASS;
    }
    say_number(t, ", watchdog ", t->port->watchdog_ms);
    return to - from <= t->port->watchdog_ms / 2 ? PASS : FAIL;
}

static enum outcome check_wear(struct selv_porttest *t)
{
    const struct selv_porttest_state *s = t->port->state;
    say_number(t, "", s->erases);
    say_number(t, " erases so far, ", s->erases_work);
    say_hex(t, " of the sector at ", t->work.off);
    return PASS;
}

/* ---- resets ---------------------------------------------------------------
 */

static enum outcome check_kept(struct selv_porttest *t)
{
    struct selv_sector next = sector_next(t, t->work);
    uint32_t at;
    enum selv_err err;
    if (t->port->state->step == 0) {
        if (t->port->reset == NULL && !has_watchdog(t)) {
            return skip(t, "the port has neither reset nor watchdog");
        }
        err = erase(t, next.off);
        if (!err) {
            err = erase(t, t->work.off);
        }
        if (!err) {
            err = fill(t, t->work.off, t->work.len, SEED_KEPT, &at);
        }
        if (err) {
            return fail_err(t, "erase and write", t->work.off, err);
        }
        expect_reset(t, 1);
        go_down(t);
        (void)!erase(t, t->work.off);
        return fail(t, "the reset did not come");
    }
    if (!holds(t, t->work.off, t->work.len, SEED_KEPT, &at, &err)) {
        return fail_err(t, "lost in a reset", at, err);
    }
    if (!is_blank(t, next.off, next.len, &at, &err)) {
        return fail_err(t, "no longer erased after a reset", at, err);
    }
    /* is_state_lost looks for it. */
    err = erase(t, t->work.off);
    return err ? fail_err(t, "erase", t->work.off, err) : PASS;
}

/* Erase and write without a pause when the watchdog is about to bite: not
 * for its whole time, which would wear a fast flash out. */
static enum selv_err write_until_reset(struct selv_porttest *t)
{
    uint64_t from = now(t), limit = 4 * (uint64_t)test_ms(t);
    enum selv_err err = SELV_OK;
    t->is_quiet = true;
    t->port->watchdog_start(t->port->port, test_ms(t));
    wait_ms(t, test_ms(t) - test_ms(t) / 8);
    while (!err && now(t) - from < limit) {
        err = t->flash.erase(t->flash.port, t->work.off);
        if (!err) {
            err = write_units(t, t->work);
        }
    }
    t->is_quiet = false;
    watchdog_restore(t);
    return err;
}

/* Units that do not read are as good as erased ones; a read that faults or
 * hangs is a brick. */
static uint32_t count_unreadable(struct selv_porttest *t)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < t->work.len; at += t->flash.write_unit) {
        kick(t);
        count += t->flash.read(t->flash.port, t->work.off + at, t->back,
                               t->flash.write_unit) != SELV_OK;
    }
    return count;
}

static enum outcome check_mends(struct selv_porttest *t)
{
    uint32_t at;
    enum selv_err err = erase(t, t->work.off);
    if (!err && is_blank(t, t->work.off, t->work.len, &at, &err)) {
        err = fill(t, t->work.off, t->work.len, 13, &at);
        if (!err && holds(t, t->work.off, t->work.len, 13, &at, &err)) {
            return PASS;
        }
    }
    return fail_err(t, "not as new after an erase", t->work.off, err);
}

static enum outcome check_torn(struct selv_porttest *t)
{
    if (t->port->state->step == 0) {
        if (!has_watchdog(t) || !has_clock(t)) {
            return skip(t, "it takes a watchdog and a clock");
        }
        enum selv_err err;
        expect_reset(t, 1);
        err = write_until_reset(t);
        expect_none(t);
        return err ? fail_err(t, "erase or write", t->work.off, err)
                   : fail(t, "the watchdog did not bite");
    }
    say_number(t, "", count_unreadable(t));
    say_number(t, " of ", t->work.len / t->flash.write_unit);
    say(t, " units did not read after a reset in a write or erase");
    return check_mends(t);
}

static enum outcome check_spoilt(struct selv_porttest *t)
{
    uint32_t unit = t->flash.write_unit, off = t->work.off, at;
    enum selv_err err, read;
    if (t->port->spoil == NULL) {
        return skip(t, "the port cannot spoil a unit (spoil)");
    }
    err = erase(t, off);
    if (!err) {
        err = fill(t, off, t->work.len, 14, &at);
    }
    if (err) {
        return fail_err(t, "erase and write", off, err);
    }
    t->port->spoil(t->port->port, off + 2 * unit);
    kick(t);
    read = t->flash.read(t->flash.port, off + 2 * unit, t->back, unit);
    if (read != SELV_OK && read != SELV_ERR_FLASH_IO) {
        return fail_err(t, "not SELV_ERR_FLASH_IO", off + 2 * unit, read);
    }
    if (read == SELV_OK && holds(t, off + 2 * unit, unit, 14, &at, &err)) {
        return fail_at(t, "spoil spoilt nothing", off + 2 * unit);
    }
    if (!holds(t, off, 2 * unit, 14, &at, &err) ||
        !holds(t, off + 3 * unit, t->work.len - 3 * unit, 14, &at, &err)) {
        return fail_err(t, "a unit beside the spoilt one is lost", at, err);
    }
    say(t, read != SELV_OK ? "a spoilt unit does not read, and says so"
                           : "a spoilt unit reads, as something else");
    return check_mends(t);
}

static enum outcome check_locked(struct selv_porttest *t)
{
    uint32_t off = t->port->locked_off, end = off + t->port->locked_len;
    uint32_t unit = t->flash.write_unit;
    if (t->port->locked_len == 0) {
        return skip(t, "the port locks nothing");
    }
    while (off < end && off < t->flash.size) {
        struct selv_sector s = selv_flash_sector(&t->flash, off);
        kick(t);
        if (t->flash.erase(t->flash.port, s.off) != SELV_ERR_FLASH_RULE) {
            return fail_at(t, "an erase is not refused", s.off);
        }
        pattern(t, s.off, t->buf, unit, 15);
        for (uint32_t at = s.off; at < s.off + s.len; at += unit) {
            if (t->flash.write(t->flash.port, at, t->buf, unit) !=
                SELV_ERR_FLASH_RULE) {
                return fail_at(t, "a write is not refused", at);
            }
        }
        off = s.off + s.len;
    }
    return PASS;
}

static const struct check checks[] = {
    {"flash.fill", check_fill,
     "declare no more than the part has; check sector_of", true},
    {"flash.erase-reach", check_erase_reach,
     "declare the sectors as long as one erase clears", true},
    {"flash.last-unit", check_last_unit, "declare no more than the part has",
     true},
    {"flash.outside", check_outside,
     "look for addresses that wrap, and erases that reach too far", true},
    {"flash.repeat", check_repeat,
     "take another sector or part, check supply and timing", true},
    {"flash.time", check_time,
     "give the bootloader twice the time that a sector takes", true},
    {"flash.kept", check_kept,
     "let write and erase return when flash has it, not a buffer", true},
    {"flash.torn", check_torn,
     "turn a fault or hang of a read into SELV_ERR_FLASH_IO", true},
    {"flash.spoilt", check_spoilt,
     "turn a failed read into SELV_ERR_FLASH_IO, for that unit alone", true},
    {"flash.locked", check_locked, "refuse what is not the writer's", true},
    {"flash.wear", check_wear, "", true},
};

const struct check_list selv_porttest_area_checks = {
    checks, sizeof checks / sizeof checks[0]};
