/* SPDX-License-Identifier: Apache-2.0
 *
 * Restarts in the middle: at every poll, and at every cut of power. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two;

/* What the log says is there: not asked for again from that request on. */
static void check_asked(uint32_t progress, unsigned from, unsigned polls)
{
    for (unsigned i = from; i < w.image_count; i++) {
        if (w.requests[i].offset < progress) {
            fail_msg("restart at poll %u: asked for %u, though %u are there",
                     polls, (unsigned)w.requests[i].offset, (unsigned)progress);
        }
    }
}

static uint32_t progress_now(void)
{
    struct selv_log log;

    return selv_log_read(&w.v.flash, &w.layout, &log) == SELV_OK &&
                   log.state == SELV_LOG_DOWNLOADING
               ? log.progress
               : 0;
}

/* The update ended well: on trial and confirmed, or confirmed for good. */
static void check_updated(const char *what, unsigned n)
{
    if (w.record.sequence != 2 || w.record.slot != SELV_SLOT_B ||
        memcmp(w.record.digest, two.digest, 32) != 0) {
        fail_msg("%s %u: %s", what, n, w.log);
    }
    assert_true(world_boot(&w));
    assert_int_equal(w.record.is_trial, 0);
    assert_int_equal(w.record.sequence, 2);
    assert_int_equal(w.record.floor, 2);
}

static void restart_at_every_poll(const char *geometry, uint32_t size)
{
    uint32_t most = 0;
    unsigned ends = 0;

    world_open(&w, geometry);
    world_release_make(&two, 2, size, size);
    world_save(&w);
    for (unsigned polls = 0; ends == 0; polls++) {
        world_restore(&w);
        w.release = &two;
        assert_true(world_boot(&w));
        if (world_run(&w, polls) == WORLD_REBOOT) {
            ends = polls;
        }
        uint32_t progress = progress_now();
        unsigned asked = w.image_count;
        most = progress > most ? progress : most;
        w.cause = SELV_RESET_POWER_ON;
        assert_true(world_boot(&w));
        world_settle(&w);
        check_updated("restart at poll", polls);
        check_asked(progress, asked, polls);
    }
    assert_true(ends > 20);
    assert_true(most > 0 || w.v.flash.sector_len % 512 != 0);
    world_close(&w);
}

static void test_consumer_resume_after_restart(void **state)
{
    (void)state;
    restart_at_every_poll("4096x4-ff", 3 * 4096);
    restart_at_every_poll("4096x4-ff", 3 * 4096 - 100);
    restart_at_every_poll("512x8-00", 2000);
    restart_at_every_poll("320x1-ff", 1200);
}

/* Restarted again and again, a little later each time: it still arrives. */
static void test_consumer_resume_after_many_restarts(void **state)
{
    const uint32_t size = 3 * 4096;
    unsigned boots = 0;

    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, size, size);
    w.release = &two;
    while (world_run(&w, strstr(w.log, "resumed@8192 ") ? 1000 : 60) !=
           WORLD_REBOOT) {
        assert_true(++boots < 50);
        assert_true(world_boot(&w));
    }
    assert_true(boots >= 2);
    assert_non_null(strstr(w.log, "resumed@4096 "));
    assert_non_null(strstr(w.log, "resumed@8192 "));
    world_settle(&w);
    check_updated("boots", boots);
    world_close(&w);
}

/* Another release appears while the first is half way: it starts anew. */
static void test_consumer_resume_is_of_the_same_manifest(void **state)
{
    static struct world_release three;
    const uint32_t size = 3 * 4096;

    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, size, size);
    world_release_make(&three, 3, size, size);
    w.release = &two;
    while (!strstr(w.log, "downloading") || w.image_count < 14) {
        assert_int_equal(world_run(&w, 1), WORLD_TIRED);
    }
    w.release = &three;
    world_forget(&w);
    w.image_count = 0;
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_null(strstr(w.log, "resumed"));
    assert_int_equal(w.record.sequence, 3);
    assert_int_equal(w.requests[0].offset, 0);
    world_close(&w);
}

/* A log that lies: positions beyond the image, in a sector, another
 * slot. Nothing but the image's digest decides. */
static void test_consumer_resume_from_a_lying_log(void **state)
{
    const uint32_t size = 3 * 4096;
    static const struct {
        uint8_t slot;
        uint32_t progress;
        bool is_resumed;
    } lies[] = {{1, 4096, true}, {1, 8192, true},       {1, 12288, true},
                {1, 100, false}, {1, 16384, false},     {0, 4096, false},
                {1, 4097, true}, {1, UINT32_MAX, false}};

    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, size, size);
    world_save(&w);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct selv_log log = {.state = SELV_LOG_DOWNLOADING,
                               .slot = lies[i].slot,
                               .progress = lies[i].progress};
        world_restore(&w);
        memcpy(log.digest, two.digest, 32);
        assert_int_equal(selv_log_write(&w.v.flash, &w.layout, &log), SELV_OK);
        w.release = &two;
        assert_true(world_boot(&w));
        world_settle(&w);
        assert_true((strstr(w.log, "resumed@") != NULL) == lies[i].is_resumed);
        if (lies[i].is_resumed) {
            /* Nothing was there: found out by the digest, done again from
             * the start at the next cycle. */
            assert_non_null(strstr(w.log, "failed:SELV_ERR_SUIT_IMAGE"));
            assert_int_equal(w.record.sequence, 1);
            world_next_cycle(&w);
        }
        check_updated("lie", (unsigned)i);
    }
    world_close(&w);
}

/* ---- cuts of power --------------------------------------------------------
 */

struct ops {
    uint32_t count;
    uint32_t ways[512];
};

static void note_op(void *arg, uint32_t op, uint32_t ways)
{
    struct ops *ops = arg;

    assert_true(op < 512);
    ops->ways[op] = ways;
    ops->count = op + 1;
}

/* One whole update in one power-on time of the flash: from the boot before it
 * to the boot that is on trial. */
static bool update_until_dark(void)
{
    for (unsigned boots = 0; boots < 3; boots++) {
        if (!world_boot(&w)) {
            return false;
        }
        for (;;) {
            enum world_stop stop = world_run(&w, 1);
            if (w.v.is_off) {
                return false;
            }
            if (stop == WORLD_REBOOT) {
                break;
            }
            if (stop == WORLD_RESTED) {
                return true;
            }
        }
    }
    return true;
}

static void test_consumer_resume_after_power_loss(void **state)
{
    static struct ops ops;
    unsigned cuts = 0;

    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    w.release = &two;
    world_save(&w);
    world_restore(&w);
    w.v.on_op = note_op;
    w.v.on_op_arg = &ops;
    assert_true(update_until_dark());
    assert_true(ops.count > 10);
    w.v.on_op = NULL;
    for (uint32_t op = 0; op < ops.count; op++) {
        /* Writes of a block can be torn at each unit: a few of them. */
        uint32_t step = ops.ways[op] > 16 ? 13 : 1;
        for (uint32_t way = 0; way < ops.ways[op]; way += step) {
            world_restore(&w);
            w.v.cut_op = op;
            w.v.cut_way = way;
            w.v.seed = op * 1000u + way;
            (void)update_until_dark();
            selv_vflash_power_on(&w.v);
            w.cause = SELV_RESET_POWER_ON;
            if (!world_boot(&w)) {
                fail_msg("cut at operation %u, way %u: nothing boots", op, way);
            }
            world_settle(&w);
            check_updated("cut at operation", op);
            cuts++;
        }
    }
    print_message("%u cuts of %u flash operations\n", cuts, ops.count);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_resume_after_restart),
        cmocka_unit_test(test_consumer_resume_after_many_restarts),
        cmocka_unit_test(test_consumer_resume_is_of_the_same_manifest),
        cmocka_unit_test(test_consumer_resume_from_a_lying_log),
        cmocka_unit_test(test_consumer_resume_after_power_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
