/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole updates over bad links: how long they take beside the ideal, and each
 * packet of one lost, doubled and late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two;

#define SEEDS 10u
#define IMAGE_LEN 102400u
#define BLOCK_LEN SELV_CONSUMER_BLOCK_LEN
#define RATE_BPS 250000.0
#define RTT_MS 100.0

/* ---- against the ideal ----------------------------------------------------
 */

/* Bytes of an answer with one block: CoAP (header, token, ETag, format, block,
 * marker), UDP and IPv4. */
#define ANSWER_LEN (BLOCK_LEN + 4 + 4 + 9 + 2 + 4 + 1 + 28)

/* The image's bytes on the wire / (1 - loss) / rate, and one round trip; and
 * the same of the report that the download begins, and of the chunk list. */
static double ideal_ms(double loss, bool is_listed)
{
    double bytes = IMAGE_LEN / BLOCK_LEN * (double)ANSWER_LEN;
    double small = (is_listed ? 900 : 0) + 250;
    double trips = is_listed ? 3 : 2;

    return (bytes + small) * 8000 / RATE_BPS / (1 - loss) + RTT_MS * trips;
}

/* From the manifest to the word that the image is there and good. What comes
 * before are single exchanges, with the timers of RFC 7252. */
static double update_ms(const char *link, uint64_t seed)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    uint64_t began_ms = 0;

    world_restore(&w);
    assert_true(sim_link_parse(link, &config, why));
    sim_link_free(w.link);
    w.link = sim_link_new(&config, seed, w.now_ms * 1000);
    assert_non_null(w.link);
    assert_true(world_boot(&w));
    while (!strstr(w.log, "verified")) {
        enum world_stop stop = world_run(&w, 1);
        if (stop == WORLD_REBOOT || stop == WORLD_GAVE_UP ||
            strstr(w.log, "failed")) {
            fail_msg("%s, seed %u: %s", link, (unsigned)seed, w.log);
        }
        if (stop == WORLD_RESTED) { /* five transmissions were lost */
            w.now_ms = w.until_ms;
            began_ms = 0;
        }
        if (began_ms == 0 && strstr(w.log, "authorized")) {
            began_ms = w.now_ms;
        }
    }
    double ms = (double)(w.now_ms - began_ms) + RTT_MS / 2;
    world_settle(&w);
    assert_int_equal(w.record.sequence, 2);
    assert_int_equal(w.record.is_trial, 1);
    assert_non_null(strstr(w.log, "confirmed"));
    return ms;
}

static const struct {
    int loss;        /* %, each way */
    double mean_max; /* of the ideal */
} aims[] = {{0, 1.15}, {5, 1.2}, {10, 1.3}, {20, 1.5}};

static void measure(bool is_listed)
{
    world_open(&w, WORLD_LARGE);
    if (is_listed) {
        world_release_make_listed(&two, 2, IMAGE_LEN, IMAGE_LEN, 12, 0);
    } else {
        world_release_make(&two, 2, IMAGE_LEN, IMAGE_LEN);
    }
    w.release = &two;
    w.config.poll_interval_s = 3600;
    world_save(&w);
    for (size_t i = 0; i < sizeof aims / sizeof aims[0]; i++) {
        double mean = 0, worst = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            char link[64];
            snprintf(link, sizeof link, "rate=250k,rtt=100ms,loss=%d%%",
                     aims[i].loss);
            double ratio = update_ms(link, seed) /
                           ideal_ms(aims[i].loss / 100.0, is_listed);
            mean += ratio / SEEDS;
            worst = ratio > worst ? ratio : worst;
        }
        print_message("%s list, loss %2d %%: mean %.2f, worst %.2f of the "
                      "ideal\n",
                      is_listed ? "with a" : "without", aims[i].loss, mean,
                      worst);
        assert_true(mean <= aims[i].mean_max);
    }
    world_close(&w);
}

static void test_consumer_link_beside_the_ideal(void **state)
{
    (void)state;
    measure(false);
    measure(true);
}

static void test_consumer_link_many(void **state)
{
    static const char *const links[] = {
        "rate=250k,rtt=100ms,bad=10%,bad-run=8,bad-loss=90%",
        "rate=250k,rtt=100ms,jitter=50ms,loss=10%,duplicate=5%",
        "802.15.4,loss=5%",
        "rate=250k,rtt=100ms,outage-at=3s,outage=30s",
        "nbiot",
    };

    (void)state;
    world_open(&w, WORLD_LARGE);
    world_release_make_listed(&two, 2, IMAGE_LEN, IMAGE_LEN, 12, 0);
    w.release = &two;
    w.config.poll_interval_s = 3600;
    world_save(&w);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        double ms = update_ms(links[i], i + 1);
        print_message("%s: %.1f s\n", links[i], ms / 1000);
    }
    world_close(&w);
}

/* ---- each packet ----------------------------------------------------------
 */

static const struct {
    const char *what;
    enum world_packet kind;
    unsigned late_ms;
} mishaps[] = {
    {"lost", WORLD_PACKET_LOST, 0},
    {"doubled", WORLD_PACKET_DOUBLED, 0},
    {"late by 40 ms", WORLD_PACKET_LATE, 40},
    {"late by 10 s", WORLD_PACKET_LATE, 10000},
};

/* One mishap to one packet: no image is lost by it, and nobody has to begin
 * again. */
static void each_packet(bool is_listed)
{
    unsigned count;

    world_open(&w, "512x8-ff");
    if (is_listed) {
        world_release_make_listed(&two, 2, 1500, 1500, 9, 0);
    } else {
        world_release_make(&two, 2, 2000, 2000);
    }
    w.release = &two;
    w.config.poll_interval_s = 3600;
    world_save(&w);
    world_restore(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    count = w.packet_count;
    assert_true(count > 20);
    for (size_t i = 0; i < sizeof mishaps / sizeof mishaps[0]; i++) {
        w.packet_kind = mishaps[i].kind;
        w.packet_late_ms = mishaps[i].late_ms;
        for (unsigned at = 0; at < count; at++) {
            world_restore(&w);
            w.packet_at = at;
            assert_true(world_boot(&w));
            world_settle(&w);
            if (w.record.sequence != 2 || strstr(w.log, "failed") ||
                strstr(w.log, "idle") || !strstr(w.log, "<confirmed")) {
                fail_msg("packet %u of %u %s: %s", at, count, mishaps[i].what,
                         w.log);
            }
        }
    }
    print_message("%u packets, each lost, doubled and late\n", count);
    world_close(&w);
}

static void test_consumer_link_each_packet(void **state)
{
    (void)state;
    each_packet(false);
    each_packet(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_link_beside_the_ideal),
        cmocka_unit_test(test_consumer_link_many),
        cmocka_unit_test(test_consumer_link_each_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
