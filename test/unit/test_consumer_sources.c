/* SPDX-License-Identifier: Apache-2.0
 *
 * Several sources: trackers, plain CoAP peers and those that the port reads;
 * who is asked, in which order, and who goes on where another fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two, three;

#define REST "verified waiting <waiting reboot trial confirmed <confirmed "
#define UPDATE                                                                 \
    "notified authorized downloading <downloading verified waiting <waiting "  \
    "reboot trial confirmed <confirmed "
/* Without anybody to report to. */
#define QUIET                                                                  \
    "notified authorized downloading verified waiting reboot trial confirmed "

static void expect(const char *what, const char *words)
{
    if (strcmp(w.log, words) != 0) {
        fail_msg("%s:\n got  %s\n want %s", what, w.log, words);
    }
}

static void open_two(void)
{
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    w.release = &two;
    w.config.poll_interval_s = 3600;
}

static void begin(void)
{
    assert_true(world_boot(&w));
    world_settle(&w);
}

/* The tracker alone is replaced by a source that the port reads. */
static void only_port(void)
{
    open_two();
    w.config.source_count = 0;
    (void)world_add_source(&w, "file:///media/stick", true, true);
    w.other[0].release = &two;
}

/* Figure 5 of the architecture: no tracker at all. */
static void test_consumer_sources_without_a_tracker(void **state)
{
    (void)state;
    only_port();
    begin();
    expect("a stick", QUIET);
    assert_int_equal(w.record.sequence, 2);
    assert_int_equal(w.register_count + w.report_count + w.manifest_count, 0);
    assert_int_equal(w.other[0].given, 2000);
    world_forget(&w);
    world_next_cycle(&w);
    expect("nothing new", "notified idle ");
    assert_true(world_boot(&w));
    assert_int_equal(w.record.is_trial, 0);
    world_close(&w);
}

static const struct {
    const char *what;
    enum world_mode manifest_mode, mode;
    const char *words;
} stick_cases[] = {
    {"no such manifest", WORLD_MISSING, WORLD_GOOD, "idle "},
    {"pulled out", WORLD_ERROR, WORLD_GOOD, "idle:SELV_ERR_UPDATE_AWAY "},
    {"stands still", WORLD_SILENT, WORLD_GOOD, "idle:SELV_ERR_UPDATE_AWAY "},
    {"half a manifest", WORLD_SHORT, WORLD_GOOD,
     "notified rejected:SELV_ERR_CBOR_END "},
    {"bent manifest", WORLD_OTHER_BYTES, WORLD_GOOD,
     "notified rejected:SELV_ERR_SUIT_TAG "},
    {"no image", WORLD_GOOD, WORLD_MISSING,
     "notified authorized downloading failed:SELV_ERR_UPDATE_MISSING "},
    {"pulled out then", WORLD_GOOD, WORLD_ERROR,
     "notified authorized downloading failed:SELV_ERR_UPDATE_AWAY "},
    {"stands still then", WORLD_GOOD, WORLD_SILENT,
     "notified authorized downloading failed:SELV_ERR_UPDATE_AWAY "},
    {"half an image", WORLD_GOOD, WORLD_SHORT,
     "notified authorized downloading failed:SELV_ERR_UPDATE_SIZE "},
    {"more than an image", WORLD_GOOD, WORLD_LONG,
     "notified authorized downloading failed:SELV_ERR_UPDATE_SIZE "},
    {"another image", WORLD_GOOD, WORLD_OTHER_BYTES,
     "notified authorized downloading failed:SELV_ERR_SUIT_IMAGE "},
};

static void test_consumer_sources_stick_cases(void **state)
{
    struct world_boot_state before;

    (void)state;
    only_port();
    world_save(&w);
    for (size_t i = 0; i < sizeof stick_cases / sizeof stick_cases[0]; i++) {
        world_restore(&w);
        w.other[0].manifest_mode = stick_cases[i].manifest_mode;
        w.other[0].mode = stick_cases[i].mode;
        w.cancel_count = 0;
        assert_true(world_boot(&w));
        world_boot_state(&w, &before);
        world_settle(&w);
        expect(stick_cases[i].what, stick_cases[i].words);
        world_boot_state_is(&w, &before);
        assert_false(w.read.is_on);
        assert_int_equal(w.cancel_count,
                         stick_cases[i].mode == WORLD_SILENT ||
                             stick_cases[i].manifest_mode == WORLD_SILENT);
        w.other[0].manifest_mode = WORLD_GOOD;
        w.other[0].mode = WORLD_GOOD;
        world_next_cycle(&w);
        if (w.record.sequence != 2) {
            fail_msg("%s: %s", stick_cases[i].what, w.log);
        }
    }
    world_close(&w);
}

/* ---- in order of preference -----------------------------------------------
 */

static void test_consumer_sources_second_server(void **state)
{
    (void)state;
    open_two();
    (void)world_add_source(&w, "coap://second", false, false);
    w.register_mode = WORLD_GOOD;
    w.manifest_mode = WORLD_SILENT;
    begin();
    expect("the second has it", UPDATE);
    assert_true(w.other[0].asked > 0 && w.other[1].asked > 0);
    assert_int_equal(w.record.sequence, 2);
    /* The first is asked first again, and its word is enough. */
    w.manifest_mode = WORLD_GOOD;
    world_forget(&w);
    world_next_cycle(&w);
    w.other[1].asked = 0;
    world_next_cycle(&w);
    expect("nothing new", "idle idle ");
    assert_int_equal(w.other[1].asked, 0);
    world_close(&w);
}

/* Two trackers that disagree: the word of the preferred one ends the cycle,
 * also where that keeps a release back (CAVEATS.md); reports go to whoever was
 * asked last. */
static void test_consumer_sources_trackers_disagree(void **state)
{
    (void)state;
    open_two();
    (void)world_add_source(&w, "coap://second", false, false);
    w.manifest_mode = WORLD_MISSING; /* nothing new */
    begin();
    expect("nothing new", "idle ");
    assert_int_equal(w.other[1].asked, 0);
    w.manifest_mode = WORLD_ERROR;
    world_forget(&w);
    world_next_cycle(&w);
    expect("the second has it", UPDATE);
    /* The first offers an older one then: refused, and it is final. */
    world_release_make(&three, 1, 1500, 1500);
    w.manifest_mode = WORLD_GOOD;
    w.release = &three;
    w.other[1].asked = 0;
    world_forget(&w);
    world_next_cycle(&w);
    expect("an older one", "notified rejected:SELV_ERR_SUIT_SEQUENCE "
                           "<rejected:SELV_ERR_SUIT_SEQUENCE ");
    assert_int_equal(w.other[1].asked, 0);
    world_close(&w);
}

/* The manifest comes from the tracker, the image from a tree. */
static void test_consumer_sources_image_from_elsewhere(void **state)
{
    static const enum world_mode modes[] = {
        WORLD_SILENT,     WORLD_ERROR, WORLD_MISSING,    WORLD_OTHER_BLOCK,
        WORLD_OTHER_ETAG, WORLD_SHORT, WORLD_LONG,       WORLD_EMPTY,
        WORLD_NOT_COAP,   WORLD_VALID, WORLD_OTHER_TOKEN};

    (void)state;
    open_two();
    (void)world_add_source(&w, "http://tree", true, true);
    w.other[1].release = &two;
    world_save(&w);
    for (size_t i = 0; i < 2 * sizeof modes / sizeof modes[0]; i++) {
        world_restore(&w);
        w.mode = modes[i / 2];
        w.mode_from = i % 2 == 0 ? 0 : 2;
        w.other[1].given = 0;
        begin();
        if (strstr(w.log, "failed") || w.record.sequence != 2 ||
            w.other[1].given == 0) {
            fail_msg("mode %d from %u: %s", (int)w.mode, w.mode_from, w.log);
        }
        /* What was in whole sectors is not fetched twice. */
        if (w.mode_from == 2 && w.mode != WORLD_SHORT && w.mode != WORLD_LONG &&
            w.mode != WORLD_OTHER_BLOCK) {
            assert_true(w.other[1].given <= 1000);
        }
    }
    world_close(&w);
}

/* An old stick does not keep the tracker's release away, nor a bent one. */
static void test_consumer_sources_stick_before_tracker(void **state)
{
    static struct world_release one;

    (void)state;
    open_two();
    world_release_make(&one, 1, 600, 600);
    world_release_make(&three, 3, 1500, 1500);
    w.config.source_count = 0;
    (void)world_add_source(&w, "file:///stick", true, true);
    (void)world_add_source(&w, "coap://tracker", false, false);
    w.other[0].release = &one;
    begin();
    assert_non_null(strstr(w.log, UPDATE));
    assert_int_equal(w.record.sequence, 2);
    w.other[0].manifest_mode = WORLD_OTHER_BYTES;
    world_forget(&w);
    world_next_cycle(&w);
    expect("bent", "notified rejected:SELV_ERR_SUIT_TAG notified idle ");
    w.other[0].manifest_mode = WORLD_GOOD;
    w.other[0].release = &three;
    world_forget(&w);
    begin();
    expect("from the stick", UPDATE);
    assert_int_equal(w.record.sequence, 3);
    world_close(&w);
}

/* Who gave wrong bytes is asked last from then on. */
static void test_consumer_sources_blame(void **state)
{
    (void)state;
    open_two();
    (void)world_add_source(&w, "http://tree", true, true);
    w.other[1].release = &two;
    w.mode = WORLD_OTHER_BYTES;
    begin();
    assert_non_null(strstr(w.log, "failed:SELV_ERR_SUIT_IMAGE"));
    assert_int_equal(w.other[1].given, 0);
    world_forget(&w);
    world_next_cycle(&w);
    expect("the other one", UPDATE);
    assert_int_equal(w.other[1].given, 2000);
    world_close(&w);
}

/* Absolute URIs are for the sources that they name. */
static void test_consumer_sources_absolute(void **state)
{
    static const char text[] = "{1: 1, 2: %n, 3: " MAKER_COMMON(
        ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: <<[-16, h'%A']>>, 14: "
        "%a}]>>, <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'%B']>>, 14: "
        "%b}]>>]") ", 7: <<[3, 15]>>, 9: <<[23, 2]>>, 20: <<[20, {21: "
                   "\"http://files/deep/i/%B\"}, 21, 2, 3, 15]>>}";

    (void)state;
    open_two();
    world_release_custom(&two, 2, 2000, 2000, text);
    world_save(&w);
    begin();
    assert_non_null(strstr(w.log, "rejected:SELV_ERR_SUIT_URI"));
    world_restore(&w);
    (void)world_add_source(&w, "http://file", true, true);
    (void)world_add_source(&w, "http://files/deep", true, true);
    w.other[2].release = &two;
    begin();
    expect("by its base", UPDATE);
    assert_int_equal(w.other[2].given, 2000);
    assert_int_equal(w.image_count, 0);
    world_close(&w);
}

/* A plain CoAP peer: names of a tree, no registration. */
static void test_consumer_sources_plain_coap(void **state)
{
    (void)state;
    open_two();
    w.sources[0].is_plain = true;
    begin();
    expect("plain", QUIET);
    assert_int_equal(w.register_count + w.report_count, 0);
    assert_int_equal(w.record.sequence, 2);
    world_close(&w);
}

/* A peer and two that the port reads, silent at some time: the port is told
 * that one is not wanted any more before it is asked for the next (the world
 * looks). */
static void test_consumer_sources_cancel_first(void **state)
{
    (void)state;
    world_open(&w, WORLD_LARGE);
    world_release_make_listed(&two, 2, 50000, 50000, 12, 0);
    w.release = &two;
    w.list_mode = WORLD_SILENT; /* not blamed: it has the first lane */
    (void)world_add_source(&w, "x://one", true, true);
    (void)world_add_source(&w, "x://two", true, true);
    w.other[1].release = w.other[2].release = &two;
    world_save(&w);
    for (unsigned i = 0; i < 12; i++) {
        world_restore(&w);
        w.mode = i & 1 ? WORLD_GOOD : WORLD_SILENT;
        w.mode_from = i & 2 ? 0 : 10;
        w.other[1].stops_at = i / 4 * 5000;
        w.other[1].mode = i < 4 ? WORLD_SILENT : WORLD_GOOD;
        w.cancel_count = 0;
        w.read.is_on = false;
        begin();
        if (w.record.sequence != 2 ||
            (w.cancel_count == 0 && SELV_CONSUMER_LANES > 1)) {
            fail_msg("%u: %s", i, w.log);
        }
    }
    world_close(&w);
}

/* What a port may do wrong has no effect. */
static void test_consumer_sources_stray_gifts(void **state)
{
    const struct selv_bytes byte = selv_bytes("x", 1);

    (void)state;
    only_port();
    assert_true(world_boot(&w));
    while (world_run(&w, 1) == WORLD_TIRED) {
        assert_false(selv_consumer_give(&w.consumer, 1, 0, byte, w.now_ms));
        assert_false(selv_consumer_give(&w.consumer, 255, 0, byte, w.now_ms));
        selv_consumer_given(&w.consumer, 1, SELV_ERR_UPDATE_AWAY, 0, w.now_ms);
        selv_consumer_feed(&w.consumer, 0, byte, w.now_ms);
    }
    assert_true(world_boot(&w));
    world_settle(&w);
    expect("undisturbed", QUIET);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_sources_without_a_tracker),
        cmocka_unit_test(test_consumer_sources_stick_cases),
        cmocka_unit_test(test_consumer_sources_second_server),
        cmocka_unit_test(test_consumer_sources_trackers_disagree),
        cmocka_unit_test(test_consumer_sources_image_from_elsewhere),
        cmocka_unit_test(test_consumer_sources_stick_before_tracker),
        cmocka_unit_test(test_consumer_sources_blame),
        cmocka_unit_test(test_consumer_sources_absolute),
        cmocka_unit_test(test_consumer_sources_plain_coap),
        cmocka_unit_test(test_consumer_sources_cancel_first),
        cmocka_unit_test(test_consumer_sources_stray_gifts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
