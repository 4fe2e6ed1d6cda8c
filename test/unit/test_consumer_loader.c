/* SPDX-License-Identifier: Apache-2.0
 *
 * The consumer in both roles: in an application that asks for the loader, and
 * in the loader, which writes the application's slot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two, three;

#define UPDATED                                                                \
    "notified authorized reboot notified authorized downloading <downloading " \
    "verified waiting <waiting reboot trial confirmed <confirmed "

static void open_world(const char *geometry)
{
    world_open_with(&w, geometry, &selv_strategy_loader);
    assert_int_equal(w.record.loader, SELV_LOADER_RESTS);
    uint32_t room = w.layout.slot[SELV_SLOT_A].image_len;
    world_release_make(&two, 2, room, 1);
    world_release_make(&three, 3, 1, 1);
}

static void assert_runs(uint64_t sequence)
{
    assert_int_equal(w.record.slot, SELV_SLOT_A);
    assert_int_equal(w.record.loader, SELV_LOADER_RESTS);
    assert_int_equal(w.record.sequence, sequence);
}

static void test_consumer_asks_its_loader(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        open_world(selv_geometries[i].name);
        w.release = &two;
        world_settle(&w);
        assert_string_equal(w.log, UPDATED);
        assert_runs(2);
        world_forget(&w);
        w.release = &three;
        world_next_cycle(&w);
        /* The confirmation reaches the journal before the loader is asked. */
        assert_string_equal(w.log, "notified authorized reboot " UPDATED);
        assert_runs(3);
        world_close(&w);
    }
}

/* A revert: the loader reports it, refuses it, and fetches what ran before when
 * the server offers that. */
static void test_consumer_fetches_again_after_a_revert(void **state)
{
    (void)state;
    open_world("512x8-ff");
    const struct world_release *one = w.release;
    w.release = &two;
    w.is_selftest_good = false;
    world_settle(&w);
    assert_int_equal(w.record.loader, SELV_LOADER_NEEDED);
    assert_non_null(strstr(w.log, "<reverted"));
    assert_null(strstr(w.log, "confirmed"));
    world_forget(&w);
    world_next_cycle(&w);
    assert_int_equal(w.record.loader, SELV_LOADER_NEEDED);
    assert_null(strstr(w.log, "downloading"));
    world_forget(&w);
    w.release = one;
    world_next_cycle(&w);
    assert_runs(1);
    assert_int_equal(w.record.is_trial, 0);
    assert_int_equal(w.record.accepted, 2);
    world_close(&w);
}

/* Slot A rots: the same release is fetched, though it is nothing new. */
static void test_consumer_fetches_what_was_lost(void **state)
{
    (void)state;
    open_world("512x8-ff");
    uint8_t rot = 0;
    selv_vflash_poke(&w.v, w.layout.slot[SELV_SLOT_A].image_off + 7, &rot, 1);
    world_forget(&w);
    assert_true(world_boot(&w));
    assert_int_equal(w.record.loader, SELV_LOADER_NEEDED);
    world_settle(&w);
    assert_non_null(strstr(w.log, "downloading"));
    assert_runs(1);
    world_close(&w);
}

/* The loader finds nothing, or nobody: the application runs again, and does not
 * ask again before its time. */
static void test_consumer_hands_back(void **state)
{
    (void)state;
    for (int is_silent = 0; is_silent < 2; is_silent++) {
        open_world("512x8-ff");
        const struct world_release *one = w.release;
        w.release = &two;
        while (world_run(&w, 1) != WORLD_REBOOT) {
        }
        w.release = one;
        w.manifest_mode = is_silent ? WORLD_SILENT : WORLD_GOOD;
        assert_true(world_boot(&w));
        assert_int_equal(w.record.loader, SELV_LOADER_ASKED);
        unsigned asked = w.manifest_count;
        world_settle(&w);
        assert_runs(1);
        assert_true(w.manifest_count >= asked);
        assert_true(w.until_ms >= w.now_ms + 60000);
        asked = w.manifest_count;
        world_settle(&w);
        assert_int_equal(w.manifest_count, asked);
        w.manifest_mode = WORLD_GOOD;
        w.release = &two;
        world_forget(&w);
        world_next_cycle(&w);
        assert_string_equal(w.log, UPDATED);
        assert_runs(2);
        world_close(&w);
    }
}

/* Once the slot is touched there is nothing to hand back to: the loader stays,
 * over any reset, until it has a release. */
static void test_consumer_loader_stays_once_begun(void **state)
{
    (void)state;
    open_world("512x8-ff");
    w.release = &two;
    w.mode = WORLD_SILENT;
    w.mode_from = 2;
    while (strstr(w.log, "failed") == NULL) {
        if (world_run(&w, 1) == WORLD_REBOOT) {
            assert_true(world_boot(&w));
        }
    }
    assert_int_equal(w.record.loader, SELV_LOADER_ASKED);
    world_forget(&w);
    world_settle(&w);
    assert_null(strstr(w.log, "reboot"));
    assert_int_equal(w.record.slot, SELV_SLOT_B);
    assert_true(world_boot(&w));
    assert_int_equal(w.record.loader, SELV_LOADER_NEEDED);
    w.mode = WORLD_GOOD;
    world_settle(&w);
    assert_runs(2);
    world_close(&w);
}

/* Power is lost before each self-test; the server has what it had. */
static void test_consumer_outlasts_power_cuts(void **state)
{
    (void)state;
    open_world("512x8-ff");
    w.release = &two;
    w.is_selftest_mute = true;
    while (!w.record.is_trial) {
        if (world_run(&w, 1) == WORLD_REBOOT) {
            assert_true(world_boot(&w));
        }
    }
    world_forget(&w);
    for (unsigned round = 0; round < 3; round++) {
        for (int i = 1; i <= SELV_BOOT_ATTEMPTS_MAX; i++) {
            assert_runs(2);
            assert_int_equal(w.record.attempt, i);
            assert_int_equal(w.record.is_trial, 1);
            assert_true(world_boot(&w));
        }
        assert_int_equal(w.record.loader, SELV_LOADER_ASKED);
        unsigned asked = w.manifest_count;
        w.manifest_mode = round == 1 ? WORLD_SILENT : WORLD_GOOD;
        assert_int_equal(world_run(&w, 200000), WORLD_REBOOT);
        w.manifest_mode = WORLD_GOOD;
        assert_true(w.manifest_count > asked);
        assert_true(world_boot(&w));
    }
    /* Nothing of that was told, or is wrong with the release. */
    assert_null(strstr(w.log, "rejected"));
    assert_null(strstr(w.log, "confirmed"));
    assert_null(strstr(w.log, "reverted"));
    w.is_selftest_mute = false;
    world_settle(&w);
    assert_non_null(strstr(w.log, "confirmed <confirmed"));
    assert_runs(2);
    assert_true(world_boot(&w));
    assert_runs(2);
    assert_int_equal(w.record.is_trial, 0);
    assert_int_equal(w.record.floor, 2);
    world_close(&w);
}

/* In its boot the loader finds a newer release than the one on trial. */
static void test_consumer_replaces_a_trial(void **state)
{
    (void)state;
    open_world("512x8-ff");
    w.release = &two;
    w.is_selftest_mute = true;
    while (!w.record.is_trial) {
        if (world_run(&w, 1) == WORLD_REBOOT) {
            assert_true(world_boot(&w));
        }
    }
    while (w.record.slot == SELV_SLOT_A) {
        assert_true(world_boot(&w));
    }
    w.is_selftest_mute = false;
    w.release = &three;
    world_forget(&w);
    world_settle(&w);
    assert_string_equal(w.log, "notified authorized downloading <downloading "
                               "verified waiting <waiting reboot trial "
                               "confirmed <confirmed ");
    assert_runs(3);
    assert_int_equal(w.record.refused_reason, SELV_OK);
    world_close(&w);
}

/* A slot B that rots: the application asks once in a poll interval. */
static void test_consumer_without_a_loader(void **state)
{
    (void)state;
    open_world("512x8-ff");
    uint8_t rot = 0;
    selv_vflash_poke(&w.v, w.layout.slot[SELV_SLOT_B].image_off + 7, &rot, 1);
    w.release = &two;
    for (int i = 0; i < 3; i++) {
        uint64_t from_ms = w.now_ms;
        world_forget(&w);
        if (i == 0) {
            world_settle(&w);
        } else {
            world_next_cycle(&w);
        }
        assert_string_equal(w.log, "notified authorized reboot ");
        assert_true(w.until_ms >=
                    from_ms + w.config.poll_interval_s * UINT64_C(1000));
        assert_runs(1);
    }
    world_close(&w);
}

/* After a loader that found nothing the application rests, but only once: a
 * device that is never on for a whole poll interval asks again. */
static void test_consumer_asks_again_when_switched_on(void **state)
{
    (void)state;
    open_world("512x8-ff");
    w.release = &two;
    while (world_run(&w, 1) != WORLD_REBOOT) {
    }
    w.manifest_mode = WORLD_SILENT;
    assert_true(world_boot(&w));
    assert_int_equal(w.record.loader, SELV_LOADER_ASKED);
    world_settle(&w);
    assert_runs(1);
    assert_true(w.until_ms > w.now_ms);
    w.manifest_mode = WORLD_GOOD;
    w.now_ms += 1000;
    assert_true(world_boot(&w));
    world_forget(&w);
    world_settle(&w);
    assert_string_equal(w.log, UPDATED);
    assert_runs(2);
    world_close(&w);
}

/* The loader takes less than the application knows of: it is asked once for a
 * release, whoever switches the device off in between. */
static void test_consumer_knows_what_its_loader_refuses(void **state)
{
    (void)state;
    open_world("512x8-ff");
    w.release = &two;
    while (world_run(&w, 1) != WORLD_REBOOT) {
    }
    assert_true(world_boot(&w));
    assert_int_equal(w.record.loader, SELV_LOADER_ASKED);
    w.consumer.boot.commands = 0; /* an older one */
    world_forget(&w);
    world_settle(&w);
    assert_string_equal(w.log, "notified rejected:SELV_ERR_SUIT_BOOTLOADER "
                               "<rejected:SELV_ERR_SUIT_BOOTLOADER reboot ");
    assert_runs(1);
    world_forget(&w);
    world_next_cycle(&w);
    assert_string_equal(w.log, "notified idle ");
    for (int i = 0; i < 3; i++) {
        assert_true(world_boot(&w));
        world_forget(&w);
        world_settle(&w);
        assert_string_equal(w.log, "notified idle ");
        world_forget(&w);
        world_next_cycle(&w);
        assert_string_equal(w.log, "idle "); /* it names the ETag now */
    }
    w.release = &three;
    world_forget(&w);
    world_next_cycle(&w);
    assert_string_equal(w.log, UPDATED);
    assert_runs(3);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_asks_its_loader),
        cmocka_unit_test(test_consumer_fetches_again_after_a_revert),
        cmocka_unit_test(test_consumer_fetches_what_was_lost),
        cmocka_unit_test(test_consumer_hands_back),
        cmocka_unit_test(test_consumer_loader_stays_once_begun),
        cmocka_unit_test(test_consumer_outlasts_power_cuts),
        cmocka_unit_test(test_consumer_replaces_a_trial),
        cmocka_unit_test(test_consumer_without_a_loader),
        cmocka_unit_test(test_consumer_asks_again_when_switched_on),
        cmocka_unit_test(test_consumer_knows_what_its_loader_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
