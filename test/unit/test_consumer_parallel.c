/* SPDX-License-Identifier: Apache-2.0
 *
 * An image from several CoAP peers at the same time, each over a link of its
 * own: how long it takes, and what a peer that lies, dies or is slow does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two;

#define SEEDS 5u
#define IMAGE_LEN 102400u

static void open_links(const char *first, const char *second, uint64_t seed)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];

    world_restore(&w);
    sim_link_free(w.link);
    sim_link_free(w.second);
    w.second = NULL;
    w.config.source_count = 1;
    w.other[1].mode = WORLD_GOOD;
    w.other[1].list_mode = WORLD_GOOD;
    w.other[1].bent_at = 0;
    w.other[1].asked = 0;
    assert_true(sim_link_parse(first, &config, why));
    w.link = sim_link_new(&config, seed, w.now_ms * 1000);
    assert_non_null(w.link);
    if (second != NULL) {
        (void)world_add_source(&w, "coap://second", false, true);
        assert_true(sim_link_parse(second, &config, why));
        w.second = sim_link_new(&config, seed + 100, w.now_ms * 1000);
        assert_non_null(w.second);
    }
    assert_true(world_boot(&w));
}

/* Until word, or the end. */
static void run_until(const char *word)
{
    while (!strstr(w.log, word)) {
        enum world_stop stop = world_run(&w, 1);
        if (stop == WORLD_REBOOT || stop == WORLD_GAVE_UP ||
            strstr(w.log, "failed")) {
            fail_msg("%s", w.log);
        }
        if (stop == WORLD_RESTED) {
            w.now_ms = w.until_ms;
        }
    }
}

static double image_ms(void)
{
    uint64_t began_ms;

    run_until("downloading");
    began_ms = w.now_ms;
    run_until("verified");
    return (double)(w.now_ms - began_ms);
}

static void begin(void)
{
    world_open(&w, WORLD_LARGE);
    world_release_make_listed(&two, 2, IMAGE_LEN, IMAGE_LEN, 12, 0);
    w.release = &two;
    w.config.poll_interval_s = 3600;
    world_save(&w);
}

static void finish(void)
{
    world_settle(&w);
    assert_int_equal(w.record.sequence, 2);
    assert_non_null(strstr(w.log, "confirmed"));
}

static const struct {
    const char *first, *second;
    double most; /* of what the first alone takes */
} aims[] = {
    {"rate=250k,rtt=100ms", "rate=250k,rtt=100ms", 0.65},
    {"rate=250k,rtt=100ms,loss=10%", "rate=250k,rtt=100ms,loss=10%", 0.65},
    {"rate=250k,rtt=100ms", "rate=50k,rtt=100ms", 0.95},
    {"rate=50k,rtt=100ms", "rate=250k,rtt=100ms", 0.25},
    {"rate=250k,rtt=100ms", "rate=2k,rtt=500ms", 1.2},
};

static void test_consumer_parallel_two_links(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < sizeof aims / sizeof aims[0]; i++) {
        double alone = 0, both = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            open_links(aims[i].first, NULL, seed);
            alone += image_ms() / SEEDS;
            finish();
            open_links(aims[i].first, aims[i].second, seed);
            both += image_ms() / SEEDS;
            finish();
        }
        print_message("%s alone: %.2f s; and %s: %.2f s, %.2f of it\n",
                      aims[i].first, alone / 1000, aims[i].second, both / 1000,
                      both / alone);
        assert_true(both <= aims[i].most * alone);
    }
    world_close(&w);
}

/* Its parts come from the other one, and it is known from then on. */
static void test_consumer_parallel_one_lies(void **state)
{
    double good, lying;

    (void)state;
    begin();
    open_links("rate=250k,rtt=100ms", NULL, 1);
    good = image_ms();
    finish();
    open_links("rate=250k,rtt=100ms", "rate=250k,rtt=100ms", 1);
    w.other[1].mode = WORLD_OTHER_BYTES;
    lying = image_ms();
    assert_in_range(w.consumer.blame[1], 3, 4);
    assert_int_equal(w.consumer.blame[0], 0);
    finish();
    print_message("the second lies: %.2f of the first alone\n", lying / good);
    assert_true(lying < 1.4 * good);
    world_close(&w);
}

/* One part of it is wrong, for ever. */
static void test_consumer_parallel_one_part_is_wrong(void **state)
{
    (void)state;
    begin();
    for (uint32_t at = 1; at < IMAGE_LEN; at += 8192) {
        open_links("rate=250k,rtt=100ms", "rate=250k,rtt=100ms", at);
        w.other[1].bent_at = at;
        (void)image_ms();
        assert_true(w.consumer.blame[1] <= 1);
        finish();
    }
    world_close(&w);
}

/* After each fifth datagram of it; and it comes back, or does not. */
static void test_consumer_parallel_one_dies(void **state)
{
    double good;

    (void)state;
    begin();
    open_links("rate=250k,rtt=100ms", NULL, 1);
    good = image_ms();
    finish();
    for (unsigned dies = 1; dies < 60; dies += 5) {
        uint64_t began_ms;
        open_links("rate=250k,rtt=100ms", "rate=250k,rtt=100ms", dies);
        run_until("downloading");
        began_ms = w.now_ms;
        while (w.other[1].asked < dies && !strstr(w.log, "verified")) {
            assert_int_equal(world_run(&w, 1), WORLD_TIRED);
        }
        w.other[1].mode = WORLD_SILENT;
        run_until("verified");
        assert_true((double)(w.now_ms - began_ms) < good + 22000);
        finish();
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_parallel_two_links),
        cmocka_unit_test(test_consumer_parallel_one_lies),
        cmocka_unit_test(test_consumer_parallel_one_part_is_wrong),
        cmocka_unit_test(test_consumer_parallel_one_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
