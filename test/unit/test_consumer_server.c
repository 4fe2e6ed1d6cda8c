/* SPDX-License-Identifier: Apache-2.0
 *
 * Servers and networks that misbehave: each ends with a named error or
 * recovers, in bounded time and work, and what boots stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two, three;

#define BEGUN "authorized downloading <downloading "
#define REST "verified waiting <waiting reboot trial confirmed <confirmed "
#define UPDATE "notified " BEGUN REST

static void expect(const char *what, const char *words)
{
    if (strcmp(w.log, words) != 0) {
        fail_msg("%s:\n got  %s\n want %s", what, w.log, words);
    }
}

/* ---- while the image comes ------------------------------------------------
 */

static const struct {
    const char *what;
    enum world_mode mode;
    const char *err;
    bool is_away; /* tried for ever, and not told: nobody is to blame */
} image_cases[] = {
    {"silent", WORLD_SILENT, "SELV_ERR_COAP_TIMEOUT", true},
    {"5.00", WORLD_ERROR, "SELV_ERR_COAP_CODE", true},
    {"not CoAP", WORLD_NOT_COAP, "SELV_ERR_COAP_TIMEOUT", true},
    {"another's token", WORLD_OTHER_TOKEN, "SELV_ERR_COAP_TIMEOUT", true},
    {"4.04", WORLD_MISSING, "SELV_ERR_COAP_CODE", false},
    {"other blocks", WORLD_OTHER_BLOCK, "SELV_ERR_COAP_BLOCK", false},
    {"other bytes", WORLD_OTHER_BYTES, "SELV_ERR_SUIT_IMAGE", false},
    {"short", WORLD_SHORT, "SELV_ERR_UPDATE_SIZE", false},
    {"long", WORLD_LONG, "SELV_ERR_UPDATE_SIZE", false},
    {"too large blocks", WORLD_LARGE_BLOCKS, "SELV_ERR_COAP_BLOCK", false},
    {"empty", WORLD_EMPTY, "SELV_ERR_UPDATE_SIZE", false},
    {"2.03 for nothing", WORLD_VALID, "SELV_ERR_COAP_CODE", false},
    {"other ETag", WORLD_OTHER_ETAG, "SELV_ERR_COAP_ETAG", false},
};

static void check_image_case(size_t i, unsigned from)
{
    struct world_boot_state before;
    char words[256];
    const char *what = image_cases[i].what;
    const char *err = image_cases[i].err;

    world_restore(&w);
    w.release = &two;
    w.mode = image_cases[i].mode;
    w.mode_from = from;
    assert_true(world_boot(&w));
    world_boot_state(&w, &before);
    world_settle(&w);
    if (image_cases[i].is_away) {
        snprintf(words, sizeof words, "notified " BEGUN "failed:%s ", err);
        expect(what, words);
        /* For ever, but ever more rarely. */
        w.mode_from = 0;
        uint64_t gap_ms = 0;
        for (unsigned cycle = 0; cycle < 10; cycle++) {
            uint64_t slept_ms = w.until_ms - w.now_ms;
            assert_true(slept_ms <= 4600000);
            assert_true(slept_ms > gap_ms || slept_ms >= 3600000);
            gap_ms = slept_ms;
            world_next_cycle(&w);
        }
        /* Each start is told of; that nobody gave it, not. */
        assert_int_equal(w.report_count, 11);
    } else {
        /* With many in flight, the first that is seen to be wrong may be one
         * that would lie behind the end. */
        if (image_cases[i].mode == WORLD_OTHER_BLOCK &&
            strstr(w.log, "SELV_ERR_UPDATE_SIZE")) {
            err = "SELV_ERR_UPDATE_SIZE";
        }
        snprintf(words, sizeof words, "notified " BEGUN "failed:%s <failed:%s ",
                 err, err);
        expect(what, words);
        /* Once more, and then no more: no image is fetched for nothing. */
        w.mode_from = 0;
        world_forget(&w);
        world_next_cycle(&w);
        assert_non_null(strstr(w.log, " <failed:"));
        world_forget(&w);
        unsigned images = w.image_count;
        world_next_cycle(&w);
        world_next_cycle(&w);
        expect(what, "idle idle ");
        assert_int_equal(w.image_count, images);
    }
    world_boot_state_is(&w, &before);

    /* Put right, it comes: at once where the server was away, with the next
     * boot where the manifest was given up. */
    w.mode = WORLD_GOOD;
    world_forget(&w);
    if (!image_cases[i].is_away) {
        assert_true(world_boot(&w));
        world_settle(&w);
        expect(what, UPDATE);
    } else {
        world_next_cycle(&w);
        assert_non_null(strstr(w.log, REST));
    }
    assert_int_equal(w.record.sequence, 2);
}

static void test_consumer_server_bends_the_image(void **state)
{
    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    world_save(&w);
    for (size_t i = 0; i < sizeof image_cases / sizeof image_cases[0]; i++) {
        check_image_case(i, 0);
    }
    world_close(&w);
}

/* The same from the third block on, where that makes sense. */
static void test_consumer_server_bends_in_mid_transfer(void **state)
{
    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    world_save(&w);
    for (size_t i = 0; i < sizeof image_cases / sizeof image_cases[0]; i++) {
        enum world_mode mode = image_cases[i].mode;
        if (mode == WORLD_SILENT || mode == WORLD_ERROR ||
            mode == WORLD_NOT_COAP || mode == WORLD_OTHER_BLOCK ||
            mode == WORLD_OTHER_BYTES || mode == WORLD_OTHER_ETAG ||
            mode == WORLD_MISSING || mode == WORLD_LARGE_BLOCKS) {
            check_image_case(i, 2);
        }
    }
    world_close(&w);
}

/* A new manifest frees from the old one's failures. */
static void test_consumer_server_mends_by_another_release(void **state)
{

    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    world_release_make(&three, 3, 2000, 2000);
    w.release = &two;
    w.mode = WORLD_OTHER_BYTES;
    world_settle(&w);
    world_next_cycle(&w);
    world_forget(&w);
    world_next_cycle(&w);
    expect("given up", "idle ");
    w.release = &three;
    w.mode = WORLD_GOOD;
    world_forget(&w);
    world_next_cycle(&w);
    expect("another", UPDATE);
    assert_int_equal(w.record.sequence, 3);
    world_close(&w);
}

/* ---- before that ----------------------------------------------------------
 */

static const struct {
    const char *what;
    enum world_mode mode;
    const char *words;
} manifest_cases[] = {
    {"silent", WORLD_SILENT, "idle:SELV_ERR_COAP_TIMEOUT "},
    {"5.00", WORLD_ERROR, "idle:SELV_ERR_COAP_CODE "},
    {"4.04", WORLD_MISSING, "idle "},
    {"2.03", WORLD_VALID, "idle "},
    {"empty", WORLD_EMPTY, "idle:SELV_ERR_UPDATE_SERVER "},
    {"not CoAP", WORLD_NOT_COAP, "idle:SELV_ERR_COAP_TIMEOUT "},
    {"another's token", WORLD_OTHER_TOKEN, "idle:SELV_ERR_COAP_TIMEOUT "},
    {"other blocks", WORLD_OTHER_BLOCK, "idle:SELV_ERR_COAP_BLOCK "},
    {"other ETag", WORLD_OTHER_ETAG, "idle:SELV_ERR_COAP_ETAG "},
    {"large blocks", WORLD_LARGE_BLOCKS, "idle:SELV_ERR_COAP_BLOCK "},
    {"short", WORLD_SHORT,
     "notified rejected:SELV_ERR_CBOR_END <rejected:SELV_ERR_CBOR_END "},
};

#define FIFTY "01234567890123456789012345678901234567890123456789"

/* An envelope of two blocks. */
static const char long_manifest[] = "{1: 1, 2: %n, 3: " MAKER_COMMON(
    ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: "
    "<<[-16, h'%A']>>, 14: %a}]>>,"
    " <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, "
    "h'%B']>>, 14: %b}]>>]") ","
                             " 4: "
                             "\"https://"
                             "example."
                             "com/" FIFTY FIFTY FIFTY FIFTY FIFTY "\","
                             " 7: <<[3, "
                             "15]>>, 9: "
                             "<<[23, 2]>>,"
                             " 20: <<[15, "
                             "[<<[20, {5: 0}, "
                             "5, 5, 20, {21: "
                             "\"/i/%A\"}]>>,"
                             "             "
                             "<<[20, {5: 1}, "
                             "5, 5, 20, {21: "
                             "\"/i/%B\"}]>>],"
                             "        21, 2, "
                             "3, 15]>>}";

static void test_consumer_server_bends_the_manifest(void **state)
{
    struct world_boot_state before;

    (void)state;
    world_open(&w, "512x8-ff");
    world_release_custom(&two, 2, 2000, 2000, long_manifest);
    assert_true(two.envelope.len > 512);
    world_save(&w);
    for (size_t i = 0; i < sizeof manifest_cases / sizeof manifest_cases[0];
         i++) {
        world_restore(&w);
        w.release = &two;
        w.manifest_mode = manifest_cases[i].mode;
        assert_true(world_boot(&w));
        world_boot_state(&w, &before);
        world_settle(&w);
        expect(manifest_cases[i].what, manifest_cases[i].words);
        world_boot_state_is(&w, &before);
        assert_int_equal(w.image_count, 0);
        w.manifest_mode = WORLD_GOOD;
        world_forget(&w);
        world_next_cycle(&w);
        expect(manifest_cases[i].what, UPDATE);
    }
    world_close(&w);
}

static const struct {
    enum world_mode mode;
    const char *words;
} register_cases[] = {
    {WORLD_SILENT, "idle:SELV_ERR_COAP_TIMEOUT "},
    {WORLD_ERROR, "idle:SELV_ERR_COAP_CODE "},
    {WORLD_MISSING, "idle:SELV_ERR_COAP_CODE "},
    {WORLD_EMPTY, "idle:SELV_ERR_UPDATE_SERVER "},
    {WORLD_VALID, "idle:SELV_ERR_COAP_CODE "},
    {WORLD_OTHER_BYTES, "idle:SELV_ERR_UPDATE_SERVER "},
    {WORLD_NOT_COAP, "idle:SELV_ERR_COAP_TIMEOUT "},
    {WORLD_OTHER_TOKEN, "idle:SELV_ERR_COAP_TIMEOUT "},
};

static void test_consumer_server_bends_the_registration(void **state)
{
    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    world_save(&w);
    for (size_t i = 0; i < sizeof register_cases / sizeof register_cases[0];
         i++) {
        world_restore(&w);
        w.release = &two;
        w.register_mode = register_cases[i].mode;
        assert_true(world_boot(&w));
        world_settle(&w);
        expect("register", register_cases[i].words);
        assert_int_equal(w.manifest_count, 0);
        w.register_mode = WORLD_GOOD;
        world_forget(&w);
        world_next_cycle(&w);
        expect("register", UPDATE);
    }
    world_close(&w);
}

/* A server that never knows us, however often we register. */
static void test_consumer_server_never_knows_us(void **state)
{
    (void)state;
    world_open(&w, "512x8-ff");
    world_settle(&w);
    w.register_count = 0;
    world_forget(&w);
    w.is_device_unknown = true;
    w.is_forgetful = true;
    world_next_cycle(&w);
    expect("forgetful", "idle:SELV_ERR_UPDATE_SERVER ");
    assert_int_equal(w.register_count, 1);
    world_close(&w);
}

static void test_consumer_away_server_is_asked_ever_more_rarely(void **state)
{
    uint64_t gap_ms = 0;

    (void)state;
    world_open(&w, "512x8-ff");
    w.is_cut = true;
    world_settle(&w);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t slept_ms = w.until_ms - w.now_ms;
        assert_in_range(slept_ms, 16000, 4500000);
        assert_true(slept_ms > gap_ms || slept_ms >= 3600000);
        gap_ms = slept_ms;
        world_next_cycle(&w);
    }
    w.is_cut = false;
    world_next_cycle(&w);
    assert_in_range(w.until_ms - w.now_ms, 60000, 75000);
    world_close(&w);
}

/* Whoever stood in between for some polls, and sent something else under the
 * ETag of the newest manifest, has not hidden that one. */
static void test_consumer_server_lends_an_etag(void **state)
{
    static struct world_release other;
    static uint8_t garbage[300];

    (void)state;
    world_release_make(&two, 2, 2000, 2000);
    world_release_make(&other, 1, 2000, 2000);
    for (unsigned i = 0; i < 2; i++) {
        world_open(&w, "512x8-ff");
        world_settle(&w);
        w.lent_etag = two.digest;
        w.release = &other; /* authentic, and not newer */
        if (i == 1) {
            w.raw_manifest = selv_bytes(garbage, sizeof garbage);
        }
        for (unsigned cycle = 0; cycle < 3; cycle++) {
            world_next_cycle(&w);
        }
        assert_non_null(strstr(w.log, "rejected:"));
        w.lent_etag = NULL;
        w.raw_manifest = selv_bytes(NULL, 0);
        w.release = &two;
        world_next_cycle(&w);
        assert_non_null(strstr(w.log, REST));
        world_close(&w);
    }
}

/* Downloads that fail in one way, two releases in turn, and in between
 * nothing new: each time the rest afterwards is longer. */
static void check_wear(enum world_mode mode, bool takes_reports)
{
    uint64_t gap_ms = 0;

    world_open(&w, "512x8-ff");
    world_settle(&w);
    w.mode = mode;
    for (unsigned i = 0; i < 12; i++) {
        unsigned images = w.image_count;
        w.release = i % 2 == 0 ? &two : &three;
        w.is_report_lost = !takes_reports;
        /* The lower one is put off for a few looks, and begins then. */
        for (unsigned looks = 0; w.image_count == images; looks++) {
            assert_in_range(looks, 0, 2);
            world_next_cycle(&w);
        }
        uint64_t slept_ms = w.until_ms - w.now_ms;
        /* Longer where flash was erased for it. */
        assert_in_range(slept_ms, 16000,
                        mode == WORLD_ERROR ? 4600000 : 82000000);
        assert_true(slept_ms > gap_ms || slept_ms >= 3600000);
        gap_ms = slept_ms;
        w.release = NULL;
        w.is_report_lost = false;
        world_next_cycle(&w);
    }
    world_close(&w);
}

static void test_consumer_server_cannot_wear_the_flash(void **state)
{
    (void)state;
    world_release_make(&two, 2, 2000, 2000);
    world_release_make(&three, 3, 2000, 2000);
    check_wear(WORLD_OTHER_BYTES, true);
    check_wear(WORLD_OTHER_BYTES, false);
    check_wear(WORLD_ERROR, true);
}

/* Two devices of one factory do not come at the same moments. */
static void test_consumer_polls_are_jittered(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    world_open(&w, "512x8-ff");
    world_settle(&w);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t slept_ms = w.until_ms - w.now_ms;
        least = slept_ms < least ? slept_ms : least;
        most = slept_ms > most ? slept_ms : most;
        world_next_cycle(&w);
    }
    assert_true(most - least > 10000);
    world_close(&w);
}

/* ---- the network ----------------------------------------------------------
 */

static void test_consumer_network_loses_doubles_and_swaps(void **state)
{
    (void)state;
    for (unsigned each = 1; each <= 7; each++) {
        world_open(&w, "512x8-ff");
        world_release_make(&two, 2, 2000, 2000);
        w.release = &two;
        w.drop_each = each == 1 ? 0 : each;
        w.double_each = each;
        w.swap_each = each == 2 ? 0 : each;
        world_settle(&w);
        expect("network", UPDATE);
        world_close(&w);
    }
}

/* Datagrams that nobody asked for, at every moment of an update. */
static void test_consumer_network_noise(void **state)
{
    static const uint8_t noise[][12] = {
        {0x60, 0x45, 0x12, 0x34},             /* ACK of nothing */
        {0x70, 0x00, 0x00, 0x00},             /* Reset of nothing */
        {0x40, 0x00, 0x12, 0x34},             /* ping */
        {0x40, 0x01, 0x12, 0x34, 0xb1, 0x6d}, /* GET of something of ours */
        {0x64, 0x45, 0, 0, 1, 2, 3, 4, 0xff, 0x41},
        {0xff, 0xff, 0xff},
        {0}};

    (void)state;
    world_open(&w, "512x8-ff");
    world_release_make(&two, 2, 2000, 2000);
    w.release = &two;
    for (;;) {
        enum world_stop stop;
        for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
            selv_consumer_feed(&w.consumer, 0,
                               selv_bytes(noise[i], sizeof noise[i]), w.now_ms);
        }
        selv_consumer_feed(&w.consumer, 0, selv_bytes(NULL, 0), w.now_ms);
        stop = world_run(&w, 1);
        if (stop == WORLD_RESTED) {
            break;
        }
        if (stop == WORLD_REBOOT) {
            assert_true(world_boot(&w));
        }
    }
    expect("noise", UPDATE);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_server_bends_the_image),
        cmocka_unit_test(test_consumer_server_bends_in_mid_transfer),
        cmocka_unit_test(test_consumer_server_mends_by_another_release),
        cmocka_unit_test(test_consumer_server_bends_the_manifest),
        cmocka_unit_test(test_consumer_server_bends_the_registration),
        cmocka_unit_test(test_consumer_server_never_knows_us),
        cmocka_unit_test(test_consumer_away_server_is_asked_ever_more_rarely),
        cmocka_unit_test(test_consumer_server_cannot_wear_the_flash),
        cmocka_unit_test(test_consumer_server_lends_an_etag),
        cmocka_unit_test(test_consumer_polls_are_jittered),
        cmocka_unit_test(test_consumer_network_loses_doubles_and_swaps),
        cmocka_unit_test(test_consumer_network_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
