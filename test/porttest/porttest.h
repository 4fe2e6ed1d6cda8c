/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/porttest.h - qualify a port: its flash, watchdog, resets, clock,
 * stack and random numbers, against what lib/store and device/boot rely on.
 * docs/porting.md says how a new board links it.
 *
 * Terms: the *area* is the part of the flash that the test may erase; the
 *        *work sector* is its first one, which wears most.
 * Calls: fill struct selv_porttest_port; after each reset
 *        selv_porttest_run, which goes on where the last reset came.
 * Owns:  the area, while it runs: its content is lost.
 * RAM:   struct selv_porttest; struct selv_porttest_state in memory that
 *        start-up code leaves alone.
 * Report: a line for each check, "ok   NAME", "FAIL NAME: WHY; do: HINT" or
 *        "skip NAME: WHY", and at the end "N passed, N failed, N skipped". A
 *        reset that nobody asked for fails the check that it interrupts. */
#ifndef SELV_PORTTEST_PORTTEST_H
#define SELV_PORTTEST_PORTTEST_H

#include "boot/boot.h"
#include "store/flash.h"
#include "store/layout.h"
#include "store/record.h"

/* What happens when the stack grows over its limit. */
enum selv_porttest_guard {
    SELV_PORTTEST_GUARD_NONE = 0, /* it overwrites something of ours */
    SELV_PORTTEST_GUARD_PLACE,    /* it leaves our memory: nothing of this
                                     image lies right below */
    SELV_PORTTEST_GUARD_FAULT     /* the word below faults, and so resets */
};

enum {
    SELV_PORTTEST_BOOTS = 4,     /* that random numbers are compared over */
    SELV_PORTTEST_DRAW_LEN = 16, /* bytes that are kept of each */
    SELV_PORTTEST_LONG_LEN = 512,
    SELV_PORTTEST_BUF_LEN = SELV_PORTTEST_LONG_LEN + 2 * SELV_FLASH_UNIT_MAX,
    SELV_PORTTEST_WHY_LEN = 160
};

/* Survives every reset but a power cycle; opaque. */
struct selv_porttest_state {
    uint32_t magic;
    uint16_t at;   /* check that runs */
    uint8_t step;  /* of it */
    uint8_t cause; /* of the reset before the first check */
    uint16_t passed, failed, skipped;
    uint8_t is_expected; /* the check asked for the next reset */
    uint8_t is_sound;    /* geometry and area are */
    uint32_t erases, erases_work;
    uint32_t watchdog_waited_ms; /* until it bit */
    uint8_t watchdog_cause;      /* what the port called that */
    uint8_t is_watchdog_seen;
    uint8_t is_boot_measured;
    uint8_t reserved;
    uint32_t boot_stack, boot_longest_ms;
    uint64_t outside; /* hash of what is not in the area */
    uint8_t draws[SELV_PORTTEST_BOOTS][SELV_PORTTEST_DRAW_LEN];
    uint32_t check;
    /* Not under the check, since a reset may come at any instant of it. */
    volatile uint32_t waited_ms;
};

/* A board. Zeros and NULL: it has no such thing, and what needs it is skipped
 * and said to be. */
struct selv_porttest_port {
    void *port; /* handed back to the functions below */
    const char *name;
    /* Words of the report. */
    void (*print)(void *port, const char *text);

    struct selv_porttest_state *state; /* kept over resets; not NULL */
    enum selv_reset_cause cause;       /* of this reset */

    const struct selv_flash *flash;
    const struct selv_layout *layout; /* the product's */
    /* Whole sectors that the test may erase: two at least, twelve for the
     * boot checks, one of each length, the last of the flash. */
    uint32_t area_off, area_len;
    /* Whole sectors that may not be written through flash. */
    uint32_t locked_off, locked_len;
    /* Leave the written unit at off as a power cut may leave it at worst: on
     * flash with error correction such that it does not read. */
    void (*spoil)(void *port, uint32_t off);
    /* SELV_SUIT_ENVELOPE_MAX where flash->map is NULL. */
    struct selv_buf scratch;

    /* As the bootloader starts and kicks it. */
    void (*watchdog_start)(void *port, uint32_t timeout_ms);
    void (*watchdog_kick)(void *port);
    uint32_t watchdog_ms; /* the bootloader's */
    /* Shorter, so that the test is; 0 where it cannot be set anew. */
    uint32_t watchdog_test_ms;
    /* Do what code gone wild could do to stop it, such as a plain store to
     * its control register. */
    void (*watchdog_attack)(void *port);

    void (*reset)(void *port); /* SELV_RESET_REQUESTED */
    void (*crash)(void *port); /* SELV_RESET_CRASH */

    uint64_t (*now_ms)(void *port);
    /* Put the clock forward to that time, to see it carry. */
    void (*clock_set)(void *port, uint64_t now_ms);
    /* A second clock from another counter; wraps at 2^32. */
    uint32_t (*ticks)(void *port);
    uint32_t ticks_per_ms;

    /* From here on the deepest use is measured anew; then the bytes in use now
     * (paint) and at the deepest (used). stack_paint.h helps. */
    uint32_t (*stack_paint)(void *port);
    uint32_t (*stack_used)(void *port);
    uint32_t boot_stack_len; /* bytes that the *bootloader* has */
    enum selv_porttest_guard guard;
    const void *stack_limit; /* lowest address of this image's stack */

    enum selv_err (*random)(void *port, uint8_t *p, size_t len);
};

/* Private but for port. Zero-initialised (static) at each reset. */
struct selv_porttest {
    const struct selv_porttest_port *port;

    struct selv_flash flash;  /* the port's, watched */
    struct selv_sector work;  /* first sector of the area */
    struct selv_layout small; /* of the boot checks, in the area */
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint64_t kicked_ms;
    uint32_t longest_ms; /* between two kicks */
    bool is_quiet;       /* kicks are withheld */
    uint8_t buf[SELV_PORTTEST_BUF_LEN];
    uint8_t back[SELV_PORTTEST_BUF_LEN];
    char why[SELV_PORTTEST_WHY_LEN];
    size_t why_len;
};

/* Run all checks, through as many resets as they need. Returns how many
 * failed, after the last line of the report; the watchdog runs on, where the
 * port has one. */
uint32_t selv_porttest_run(struct selv_porttest *t);

#endif
