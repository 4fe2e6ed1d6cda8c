/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/porttest_int.h - what the checks share. */
#ifndef SELV_PORTTEST_PORTTEST_INT_H
#define SELV_PORTTEST_PORTTEST_INT_H

#include "test/porttest/porttest.h"

enum outcome { PASS, FAIL, SKIP };

struct check {
    const char *name;
    enum outcome (*run)(struct selv_porttest *t);
    const char *hint; /* what to do when it fails */
    bool needs_flash; /* skipped where geometry or area are not sound */
};

struct check_list {
    const struct check *checks;
    size_t count;
};

extern const struct check_list selv_porttest_flash_checks;
extern const struct check_list selv_porttest_area_checks;
extern const struct check_list selv_porttest_clock_checks;
extern const struct check_list selv_porttest_watchdog_checks;
extern const struct check_list selv_porttest_boot_checks;
extern const struct check_list selv_porttest_random_checks;

/* ---- outcomes -------------------------------------------------------------
 */

/* Begin the words of this check's line, or go on with them. */
void say(struct selv_porttest *t, const char *text);
void say_number(struct selv_porttest *t, const char *text, uint32_t number);
void say_hex(struct selv_porttest *t, const char *text, uint32_t number);
void say_cause(struct selv_porttest *t, const char *text, unsigned cause);
enum outcome pass(struct selv_porttest *t, const char *text);
enum outcome fail(struct selv_porttest *t, const char *text);
enum outcome fail_at(struct selv_porttest *t, const char *text, uint32_t off);
enum outcome fail_err(struct selv_porttest *t, const char *text, uint32_t off,
                      enum selv_err err);
enum outcome skip(struct selv_porttest *t, const char *text);

/* ---- resets ---------------------------------------------------------------
 */

/* The next reset is wanted, and this check goes on behind it at that step. */
void expect_reset(struct selv_porttest *t, uint8_t step);
/* It did not come. */
void expect_none(struct selv_porttest *t);
/* Store what was changed in the state. */
void seal(struct selv_porttest *t);
/* Bring a reset about that was expected, by the shortest way. Returns only
 * where there is none. */
void go_down(struct selv_porttest *t);

/* ---- time -----------------------------------------------------------------
 */

bool has_clock(const struct selv_porttest *t);
bool has_watchdog(const struct selv_porttest *t);
uint64_t now(const struct selv_porttest *t);
void kick(struct selv_porttest *t);
/* Milliseconds that the watchdog is tested with. */
uint32_t test_ms(const struct selv_porttest *t);
/* Let that much time go by, and count it in the state; without a clock, a
 * long time. */
void wait_ms(struct selv_porttest *t, uint32_t ms);
/* The watchdog as the bootloader has it. */
void watchdog_restore(struct selv_porttest *t);

/* ---- flash ----------------------------------------------------------------
 */

/* Bytes that are never erased ones, and differ with place and seed. */
void pattern(const struct selv_porttest *t, uint32_t off, uint8_t *p,
             uint32_t len, uint32_t seed);
enum selv_err erase(struct selv_porttest *t, uint32_t off);
/* Write the pattern in one call; len is at most SELV_PORTTEST_BUF_LEN. */
enum selv_err put(struct selv_porttest *t, uint32_t off, uint32_t len,
                  uint32_t seed);
/* The same in as many calls as it takes. */
enum selv_err fill(struct selv_porttest *t, uint32_t off, uint32_t len,
                   uint32_t seed, uint32_t *at);
/* Whether the bytes hold the pattern, or the erased value; else *at is the
 * first that does not, and *err says whether it read. */
bool holds(struct selv_porttest *t, uint32_t off, uint32_t len, uint32_t seed,
           uint32_t *at, enum selv_err *err);
bool is_blank(struct selv_porttest *t, uint32_t off, uint32_t len, uint32_t *at,
              enum selv_err *err);
uint32_t area_end(const struct selv_porttest *t);
uint64_t hash_outside(struct selv_porttest *t);
/* The next sector of the area; len 0 behind the last. */
struct selv_sector sector_next(const struct selv_porttest *t,
                               struct selv_sector s);

#define SEED_KEPT 0x4b455054u

#endif
