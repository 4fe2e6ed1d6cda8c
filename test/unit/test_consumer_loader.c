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
    world_settle(&w);
    assert_int_equal(w.record.slot, SELV_SLOT_B);
    assert_true(world_boot(&w));
    assert_int_equal(w.record.loader, SELV_LOADER_NEEDED);
    w.mode = WORLD_GOOD;
    world_settle(&w);
    assert_runs(2);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
