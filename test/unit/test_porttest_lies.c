/* SPDX-License-Identifier: Apache-2.0
 *
 * Boards whose ports lie, once each: the check that is made for it finds it,
 * and the test comes to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/porttest/board_sim.h"

static const struct {
    enum lie lie;
    const char *geometry;
    const char *check; /* that must find it */
} cases[] = {
    {LIE_UNIT_ODD, "512x8-ff", "flash.geometry"},
    {LIE_LAYOUT, "512x8-ff", "flash.layout"},
    {LIE_AREA, "512x8-ff", "flash.area"},
    {LIE_ERASED_VALUE, "512x8-ff", "flash.erase-value"},
    {LIE_ERASED_VALUE, "1024x32-00", "flash.erase-value"},
    {LIE_SECTOR_DOUBLE, "512x8-ff", "flash.erase-whole"},
    {LIE_SECTOR_HALF, "1024x16-00", "flash.erase-reach"},
    {LIE_SECTOR_TABLE, "512x8-00", "flash.erase-whole"},
    {LIE_UNIT_SMALL, "512x16-ff", "flash.unit-alone"},
    {LIE_UNIT_SMALL, "1024x32-00", "flash.unit-alone"},
    {LIE_UNIT_PADS, "512x8-ff", "flash.unit-alone"},
    {LIE_SIZE, "512x4-ff", "flash.fill"},
    {LIE_SIZE_HIGH, "512x4-ff", "flash.outside"},
    {LIE_LAST_UNIT, "512x8-ff", "flash.last-unit"},
    {LIE_ERASE_NEXT, "512x8-ff", "flash.erase-reach"},
    {LIE_ERASE_PART, "512x1-00", "flash.erase-whole"},
    {LIE_ERASE_PART, "512x8-ff", "flash.erase-whole"},
    {LIE_ERASE_NOTHING, "512x8-ff", "flash.erase-whole"},
    {LIE_ERASE_INSIDE, "512x8-ff", "flash.erase-bounds"},
    {LIE_ERASE_ALIEN, "512x8-ff", "flash.outside"},
    {LIE_ERASE_SLOW, "512x8-ff", "flash.time"},
    {LIE_ERASE_TIRED, "512x8-ff", "flash.repeat"},
    {LIE_WRITE_NOTHING, "512x8-ff", "flash.write-read"},
    {LIE_WRITE_AGAIN, "512x8-ff", "flash.write-again"},
    {LIE_WRITE_AGAIN, "512x8-00", "flash.write-again"},
    {LIE_WRITE_SAME, "512x8-ff", "flash.write-again"},
    {LIE_WRITE_PAGE, "512x8-ff", "flash.write-long"},
    {LIE_WRITE_SHORT, "512x8-ff", "flash.write-long"},
    {LIE_WRITE_SECTOR, "512x8-ff", "flash.write-long"},
    {LIE_WRITE_UNALIGNED, "512x8-ff", "flash.write-unaligned"},
    {LIE_WRITE_TAIL, "512x32-ff", "flash.write-unaligned"},
    {LIE_WRITE_BEYOND, "512x8-ff", "flash.write-bounds"},
    {LIE_WRITE_WORDS, "512x8-ff", "flash.pointers"},
    {LIE_WRITE_BUFFERED, "512x8-ff", "flash.kept"},
    {LIE_WRITE_IO, "512x8-ff", "flash.write-again"},
    {LIE_READ_BEYOND, "512x8-ff", "flash.read-bounds"},
    {LIE_READ_ALIGNED, "512x8-ff", "flash.read-align"},
    {LIE_READ_SLOW, "512x8-ff", "boot.kick"},
    {LIE_MAP_FAR, "512x8-ff", "boot.choose"},
    {LIE_MAP_STALE, "512x8-ff", "flash.map"},
    {LIE_TORN_HANGS, "512x8-ff-ecc", "flash.torn"},
    {LIE_TORN_HANGS, "1024x16-00-ecc", "flash.spoilt"},
    {LIE_TORN_FAULTS, "512x8-ff-ecc", "flash.torn"},
    {LIE_SPOILT_SPREADS, "512x8-ff-ecc", "flash.spoilt"},
    {LIE_UNLOCKED, "512x8-ff", "flash.locked"},
    {LIE_CLOCK_BACK, "512x8-ff", "clock.steps"},
    {LIE_CLOCK_STANDS, "512x8-ff", "clock.steps"},
    {LIE_CLOCK_JUMPS, "512x8-ff", "clock.steps"},
    {LIE_CLOCK_FAST, "512x8-ff", "clock.rate"},
    {LIE_CLOCK_WRAPS, "512x8-ff", "clock.wrap"},
    {LIE_DOG_DEAD, "512x8-ff", "watchdog.expires"},
    {LIE_DOG_DEAF, "512x8-ff", "watchdog.kick"},
    {LIE_DOG_EARLY, "512x8-ff", "watchdog.time"},
    {LIE_DOG_LATE, "512x8-ff", "watchdog.time"},
    {LIE_DOG_STOPS, "512x8-ff", "watchdog.stays"},
    {LIE_CAUSE_DOG, "512x8-ff", "watchdog.cause"},
    {LIE_CAUSE_REQUESTED, "512x8-ff", "reset.requested"},
    {LIE_CAUSE_CRASH, "512x8-ff", "reset.crash"},
    {LIE_STATE_LOST, "512x8-ff", "state"},
    {LIE_STACK_SMALL, "512x8-ff", "boot.stack"},
    {LIE_STACK_PLACE, "512x8-ff", "stack.guard"},
    {LIE_RANDOM_STUCK, "512x8-ff", "random.draws"},
    {LIE_RANDOM_BIASED, "512x8-ff", "random.draws"},
    {LIE_RANDOM_REPEATS, "512x8-ff", "random.resets"},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static struct board_sim board;

static void test_porttest_lies_found(void **state)
{
    bool is_tried[LIE_COUNT] = {true}; /* no lie is no case */
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        print_message("lie %d on %s: %s\n", cases[i].lie, cases[i].geometry,
                      cases[i].check);
        board_sim_open(&board, selv_geometry_find(cases[i].geometry),
                       cases[i].lie);
        uint32_t failed = board_sim_run(&board);
        if (!board_sim_has(&board, "FAIL", cases[i].check) ||
            getenv("SHOW") != NULL) {
            fputs(board.text, stdout);
        }
        assert_true(board_sim_has(&board, "FAIL", cases[i].check));
        assert_true(failed > 0 && failed != UINT32_MAX);
        board_sim_close(&board);
        is_tried[cases[i].lie] = true;
    }
    for (size_t i = 0; i < LIE_COUNT; i++) {
        assert_true(is_tried[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_porttest_lies_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
