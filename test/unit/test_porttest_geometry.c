/* SPDX-License-Identifier: Apache-2.0
 *
 * A board whose port tells the truth passes the port test, whatever its flash
 * is like; and what it lacks is skipped by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/porttest/board_sim.h"

static struct board_sim board;

static uint32_t count(const char *verdict)
{
    uint32_t n = 0;
    for (const char *at = board.text; (at = strstr(at, verdict)) != NULL;
         at++) {
        n++;
    }
    return n;
}

static void assert_passes(uint32_t failed, uint32_t skipped)
{
    char end[64];
    snprintf(end, sizeof end, "\n%u passed, 0 failed, %u skipped\n",
             count("\nok   "), skipped);
    if (failed != 0 || count("\nskip ") != skipped ||
        strstr(board.text, end) == NULL) {
        fputs(board.text, stdout);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(count("\nFAIL "), 0);
    assert_int_equal(count("\nskip "), skipped);
    assert_non_null(strstr(board.text, end));
}

static void test_porttest_geometry_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        const struct selv_geometry *g = &selv_geometries[i];
        /* Units of one byte have no inside; flash with error correction is
         * not mapped. */
        uint32_t skipped =
            (g->write_unit == 1 ? 1u : 0u) + (g->has_ecc ? 1u : 0u);
        print_message("%s\n", g->name);
        board_sim_open(&board, g, LIE_NONE);
        assert_passes(board_sim_run(&board), skipped);
        assert_true(board.boot_count > 6);
        /* The content outside of the area is what it was. */
        assert_memory_equal(board.mem, "factory", 7);
        board_sim_close(&board);
    }
}

static void open_plain(void)
{
    board_sim_open(&board, selv_geometry_find("512x8-ff"), LIE_NONE);
}

/* A port that has nothing but flash. */
static void test_porttest_geometry_bare(void **state)
{
    (void)state;
    open_plain();
    struct selv_porttest_port *p = &board.port;
    p->layout = NULL;
    p->locked_len = 0;
    p->spoil = NULL;
    p->watchdog_start = NULL;
    p->watchdog_kick = NULL;
    p->reset = NULL;
    p->crash = NULL;
    p->now_ms = NULL;
    p->stack_paint = NULL;
    p->guard = SELV_PORTTEST_GUARD_NONE;
    p->random = NULL;
    assert_passes(board_sim_run(&board), 21);
    assert_true(board_sim_has(&board, "ok  ", "boot.choose"));
    assert_true(board_sim_has(&board, "skip", "flash.kept"));
    board_sim_close(&board);
}

/* No clock: what can be told without one still is. */
static void test_porttest_geometry_no_clock(void **state)
{
    (void)state;
    open_plain();
    board.port.now_ms = NULL;
    /* The simulator's time goes on with its clock, and here with nothing. */
    board.port.watchdog_start = NULL;
    assert_passes(board_sim_run(&board), 11);
    assert_true(board_sim_has(&board, "ok  ", "reset.crash"));
    assert_true(board_sim_has(&board, "ok  ", "flash.kept"));
    board_sim_close(&board);
}

/* No reset by request: the watchdog does it. */
static void test_porttest_geometry_no_reset(void **state)
{
    (void)state;
    open_plain();
    board.port.reset = NULL;
    assert_passes(board_sim_run(&board), 2);
    assert_true(board_sim_has(&board, "ok  ", "flash.kept"));
    assert_true(board_sim_has(&board, "skip", "random.resets"));
    board_sim_close(&board);
}

/* An area that ends before the flash, and of two sectors only. */
static void test_porttest_geometry_small_area(void **state)
{
    (void)state;
    open_plain();
    board.port.area_len = 2 * 512;
    assert_passes(board_sim_run(&board), 4);
    assert_true(board_sim_has(&board, "skip", "flash.last-unit"));
    assert_true(board_sim_has(&board, "skip", "boot.choose"));
    board_sim_close(&board);
}

/* A second run begins anew. */
static void test_porttest_geometry_again(void **state)
{
    (void)state;
    open_plain();
    assert_passes(board_sim_run(&board), 0);
    board.text_len = 0;
    board.port.cause = SELV_RESET_REQUESTED;
    assert_passes(board_sim_run(&board), 1);
    assert_true(board_sim_has(&board, "skip", "reset.power-on"));
    board_sim_close(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_porttest_geometry_all),
        cmocka_unit_test(test_porttest_geometry_bare),
        cmocka_unit_test(test_porttest_geometry_no_clock),
        cmocka_unit_test(test_porttest_geometry_no_reset),
        cmocka_unit_test(test_porttest_geometry_small_area),
        cmocka_unit_test(test_porttest_geometry_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
