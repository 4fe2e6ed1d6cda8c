/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates that go well, and trials that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two, three, four;

#define UPDATE                                                                 \
    "notified authorized downloading <downloading verified waiting <waiting "  \
    "reboot trial confirmed <confirmed "

/* A to B to A to B, with every geometry of flash. */
static void test_consumer_update_back_and_forth(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        const struct selv_geometry *g = &selv_geometries[i];
        uint32_t room = selv_geometry_image_max(g);

        world_open(&w, g->name);
        world_release_make(&two, 2, 1, room);
        world_release_make(&three, 3, room - 1, 1);
        world_release_make(&four, 7, 16, 513);
        w.release = &two;
        world_settle(&w);
        assert_string_equal(w.log, UPDATE);
        assert_int_equal(w.record.slot, SELV_SLOT_B);
        assert_int_equal(w.record.sequence, 2);
        assert_int_equal(w.record.is_trial, 1);

        /* The next one waits until the boot journal knows the confirmation. */
        world_forget(&w);
        w.release = &three;
        world_next_cycle(&w);
        assert_string_equal(w.log, "notified authorized reboot " UPDATE);
        assert_int_equal(w.record.slot, SELV_SLOT_A);
        assert_int_equal(w.record.sequence, 3);

        world_forget(&w);
        w.release = &four;
        world_next_cycle(&w);
        assert_string_equal(w.log, "notified authorized reboot " UPDATE);
        assert_int_equal(w.record.slot, SELV_SLOT_B);
        assert_int_equal(w.record.sequence, 7);
        assert_int_equal(w.record.floor, 3);
        assert_int_equal(w.record.accepted, 7);

        assert_true(world_boot(&w));
        assert_int_equal(w.record.is_trial, 0);
        assert_int_equal(w.record.floor, 7);
        world_close(&w);
    }
}

static void test_consumer_polls_cost_one_exchange(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_settle(&w);
    assert_string_equal(w.log, "idle ");
    assert_int_equal(w.register_count, 1);
    for (unsigned i = 2; i < 10; i++) {
        uint64_t before_ms = w.now_ms;
        world_next_cycle(&w);
        assert_int_equal(w.manifest_count, i);
        assert_in_range(w.now_ms - before_ms, 60000, 75100);
    }
    assert_int_equal(w.register_count, 1);
    assert_int_equal(w.sent_count, 10);

    /* A server without ETags costs the manifest, and is still no news. */
    world_forget(&w);
    w.has_no_etag = true;
    world_next_cycle(&w);
    assert_string_equal(w.log, "notified idle ");

    /* A server without a release for us. */
    world_forget(&w);
    w.release = NULL;
    world_next_cycle(&w);
    assert_string_equal(w.log, "idle ");
    world_close(&w);
}

static void test_consumer_registers_again_when_forgotten(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_settle(&w);
    w.is_device_unknown = true;
    world_forget(&w);
    world_next_cycle(&w);
    assert_string_equal(w.log, "idle ");
    assert_int_equal(w.register_count, 2);

    /* In the middle of an update: a report is lost, the update is not. */
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    world_forget(&w);
    w.now_ms = w.until_ms;
    while (w.image_count < 2) {
        assert_int_equal(world_run(&w, 1), WORLD_TIRED);
    }
    w.is_device_unknown = true;
    world_settle(&w);
    assert_string_equal(w.log, "notified authorized downloading <downloading "
                               "verified waiting reboot trial confirmed "
                               "<confirmed ");
    world_close(&w);
}

static void test_consumer_selftest_bad_reverts(void **state)
{
    struct selv_log log;

    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    w.is_selftest_good = false;
    world_settle(&w);
    assert_string_equal(
        w.log, "notified authorized downloading <downloading verified waiting "
               "<waiting reboot trial failed:SELV_ERR_UPDATE_SELFTEST give-up "
               "reverted:SELV_ERR_BOOT_WATCHDOG "
               "<reverted:SELV_ERR_BOOT_WATCHDOG "
               "notified rejected:SELV_ERR_UPDATE_REVERTED ");
    assert_int_equal(w.record.slot, SELV_SLOT_A);
    assert_int_equal(w.record.sequence, 1);
    assert_int_equal(w.record.floor, 1);
    assert_int_equal(selv_log_read(&w.v.flash, &w.layout, &log), SELV_OK);
    assert_int_equal(log.state, SELV_LOG_IDLE);
    assert_memory_equal(log.reported_digest, two.digest, 32);

    /* It is neither fetched nor told again in this boot. */
    world_forget(&w);
    unsigned images = w.image_count;
    world_next_cycle(&w);
    assert_string_equal(w.log, "idle ");
    /* In the next boot it is looked at and refused again, and the revert is
     * not told twice. */
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_string_equal(w.log, "notified rejected:SELV_ERR_UPDATE_REVERTED ");
    assert_int_equal(w.image_count, images);

    /* The running manifest, whose number is below the accepted one now, is
     * no news either. */
    world_forget(&w);
    assert_int_equal(w.record.accepted, 2);
    static struct world_release one;
    world_release_make(&one, 1, 500, 500);
    assert_memory_equal(one.digest, w.record.digest, 32);
    w.release = &one;
    w.has_no_etag = true;
    world_next_cycle(&w);
    assert_string_equal(w.log, "notified idle ");
    w.has_no_etag = false;

    /* A higher number comes through. */
    world_forget(&w);
    world_release_make(&three, 3, 3000, 3000);
    w.release = &three;
    w.is_selftest_good = true;
    world_next_cycle(&w);
    assert_string_equal(w.log, UPDATE);
    world_close(&w);
}

static void test_consumer_selftest_late_reverts(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    w.is_selftest_mute = true;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    assert_true(world_boot(&w));
    uint64_t began_ms = w.now_ms;
    assert_int_equal(world_run(&w, 100000), WORLD_GAVE_UP);
    assert_int_equal(w.now_ms - began_ms, 300000);
    /* Too late to say that it was good. */
    selv_consumer_selftest(&w.consumer, true);
    assert_int_equal(world_run(&w, 3), WORLD_GAVE_UP);
    assert_true(world_boot(&w));
    assert_int_equal(w.record.slot, SELV_SLOT_A);
    world_close(&w);
}

static void test_consumer_trial_forgotten_is_reverted(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    w.is_selftest_mute = true;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    assert_true(w.image_count >= 6);
    w.image_count = 0;
    for (unsigned i = 1; i <= SELV_BOOT_ATTEMPTS_MAX; i++) {
        assert_true(world_boot(&w));
        assert_int_equal(w.record.is_trial, 1);
        assert_int_equal(w.record.attempt, i);
        assert_int_equal(world_run(&w, 3), WORLD_TIRED);
        assert_int_equal(w.image_count, 0);
    }
    world_forget(&w);
    assert_true(world_boot(&w));
    w.release = NULL;
    world_settle(&w);
    assert_string_equal(w.log, "reverted:SELV_ERR_BOOT_ATTEMPTS "
                               "<reverted:SELV_ERR_BOOT_ATTEMPTS idle ");
    world_close(&w);
}

static void test_consumer_outcome_is_told_until_taken(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    w.is_selftest_good = false;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    assert_true(world_boot(&w));
    assert_int_equal(world_run(&w, 100000), WORLD_GAVE_UP);
    w.release = NULL;
    w.is_cut = true;
    for (unsigned i = 0; i < 3; i++) {
        world_forget(&w);
        assert_true(world_boot(&w));
        world_settle(&w);
        assert_string_equal(w.log, "reverted:SELV_ERR_BOOT_WATCHDOG "
                                   "idle:SELV_ERR_COAP_TIMEOUT ");
    }
    world_forget(&w);
    w.is_cut = false;
    world_next_cycle(&w);
    assert_string_equal(w.log, "<reverted:SELV_ERR_BOOT_WATCHDOG idle ");
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_string_equal(w.log, "idle ");
    world_close(&w);
}

static void test_consumer_image_damaged_before_boot_fails(void **state)
{
    uint8_t zero[4] = {0};

    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    selv_vflash_poke(&w.v, w.layout.slot[1].image_off + 100, zero, 4);
    w.release = NULL;
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_string_equal(w.log, "failed:SELV_ERR_SUIT_IMAGE "
                               "<failed:SELV_ERR_SUIT_IMAGE idle ");
    assert_int_equal(w.record.slot, SELV_SLOT_A);
    world_close(&w);
}

/* The server is away while the new image is confirmed and told. */
static void test_consumer_confirms_without_a_server(void **state)
{
    (void)state;
    world_open(&w, "4096x4-ff");
    world_release_make(&two, 2, 3000, 3000);
    w.release = &two;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    w.is_cut = true;
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_string_equal(w.log, "trial confirmed idle:SELV_ERR_COAP_TIMEOUT ");
    w.is_cut = false;
    world_forget(&w);
    world_next_cycle(&w);
    assert_string_equal(w.log, "<confirmed idle ");
    world_close(&w);
}

static void test_consumer_init_checks_its_arguments(void **state)
{
    struct selv_consumer_config config;
    struct selv_boot_record record;

    (void)state;
    world_open(&w, "4096x4-ff");
    config = w.config;
    config.poll_interval_s = 0;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    config = w.config;
    config.trial_timeout_s = 0;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    config = w.config;
    config.version.len = SELV_CONSUMER_VERSION_MAX + 1;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    config = w.config;
    record = w.record;
    record.slot = SELV_SLOT_NONE;
    config.record = &record;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    selv_record_seal(&record);
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    /* Another format: not even its numbers are taken. The sum is made up for.
     */
    record = w.record;
    record.version--;
    record.check += 1;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_ERR_ARG);
    record.version++;
    record.check -= 1;
    assert_int_equal(selv_consumer_init(&w.consumer, &config, 0), SELV_OK);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_update_back_and_forth),
        cmocka_unit_test(test_consumer_polls_cost_one_exchange),
        cmocka_unit_test(test_consumer_registers_again_when_forgotten),
        cmocka_unit_test(test_consumer_selftest_bad_reverts),
        cmocka_unit_test(test_consumer_selftest_late_reverts),
        cmocka_unit_test(test_consumer_trial_forgotten_is_reverted),
        cmocka_unit_test(test_consumer_outcome_is_told_until_taken),
        cmocka_unit_test(test_consumer_image_damaged_before_boot_fails),
        cmocka_unit_test(test_consumer_confirms_without_a_server),
        cmocka_unit_test(test_consumer_init_checks_its_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
