/* SPDX-License-Identifier: Apache-2.0
 *
 * Sources that are absent, slow, silent in the middle or lie, in every mixture
 * and with pushes in between: how often a sector is erased, who is blamed, and
 * that a good source is enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two, other;

#define SECTORS_MAX 64u
#define ERASES_MAX 4096u
#define HOUR_MS 3600000u

static struct {
    enum selv_err (*erase)(void *port, uint32_t off);
    unsigned cycle[SECTORS_MAX]; /* of slot B, each sector, in this cycle */
    uint8_t sector[ERASES_MAX];  /* each erase, and when */
    uint64_t at_ms[ERASES_MAX];
    unsigned count;
} erases;

/* C5, C14: what is on record is taken off the record before it is erased. */
static void check_record(uint32_t off)
{
    struct selv_log log;

    if (selv_log_read(&w.v.flash, &w.layout, &log) == SELV_OK &&
        log.state == SELV_LOG_DOWNLOADING && log.slot == SELV_SLOT_B &&
        off < log.progress) {
        fail_msg("%u is erased, and %u bytes are on record", (unsigned)off,
                 (unsigned)log.progress);
    }
}

static enum selv_err count_erase(void *port, uint32_t off)
{
    const struct selv_slot_place *b = &w.layout.slot[SELV_SLOT_B];

    if (w.record.slot == SELV_SLOT_A && off >= b->image_off &&
        off < b->image_off + b->image_len) {
        uint32_t i = (off - b->image_off) / w.v.flash.sector_len;
        assert_true(i < SECTORS_MAX && erases.count < ERASES_MAX);
        check_record(off - b->image_off);
        erases.cycle[i]++;
        erases.sector[erases.count] = (uint8_t)i;
        erases.at_ms[erases.count++] = w.now_ms;
    }
    return erases.erase(port, off);
}

static unsigned most_in_cycle(void)
{
    unsigned most = 0;

    for (unsigned i = 0; i < SECTORS_MAX; i++) {
        most = erases.cycle[i] > most ? erases.cycle[i] : most;
    }
    memset(erases.cycle, 0, sizeof erases.cycle);
    return most;
}

/* Of one sector, in any span of that length. */
static unsigned most_in(uint64_t span_ms)
{
    unsigned most = 0;

    for (unsigned i = 0; i < erases.count; i++) {
        unsigned n = 0;
        for (unsigned k = i; k < erases.count; k++) {
            n += erases.sector[k] == erases.sector[i] &&
                 erases.at_ms[k] < erases.at_ms[i] + span_ms;
        }
        most = n > most ? n : most;
    }
    return most;
}

static void open_wear(bool is_listed)
{
    world_open(&w, "512x8-ff");
    if (is_listed) {
        world_release_make_listed(&two, 2, 1500, 1500, 9, 0);
    } else {
        world_release_make(&two, 2, 1500, 1500);
    }
    w.release = &two;
    w.config.poll_interval_s = 60;
    memset(&erases, 0, sizeof erases);
    erases.erase = w.v.flash.erase;
    w.v.flash.erase = count_erase;
    world_save(&w);
}

/* Two that the port reads, and no tracker. */
static void only_ports(void)
{
    w.config.source_count = 0;
    (void)world_add_source(&w, "x://one", true, true);
    (void)world_add_source(&w, "x://two", true, true);
    w.other[0].release = &two;
    w.other[1].release = &two;
}

static void begin(void)
{
    assert_true(world_boot(&w));
    world_settle(&w);
}

static unsigned count_words(const char *word)
{
    unsigned n = 0;

    for (const char *at = w.log; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    return n;
}

static void check_updated(const char *what)
{
    if (w.record.sequence != 2 || w.record.slot != SELV_SLOT_B) {
        fail_msg("%s: %s", what, w.log);
    }
}

/* ---- one by one -----------------------------------------------------------
 */

/* The source that is there has no list, the other is not there. */
static void test_consumer_wear_no_list_and_one_away(void **state)
{
    static const enum world_mode aways[] = {WORLD_SILENT, WORLD_ERROR};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        open_wear(true);
        (void)world_add_source(&w, "x://two", true, true);
        w.other[1].release = &two;
        w.other[1].list_mode = WORLD_MISSING;
        w.register_mode = aways[i];
        w.mode = aways[i];
        w.list_mode = aways[i];
        begin();
        check_updated("no list, and one is away");
        assert_int_equal(count_words("failed"), 0);
        world_close(&w);
    }
}

/* Another manifest that is refused in each cycle takes no try back. */
static void test_consumer_wear_another_is_refused(void **state)
{
    (void)state;
    for (unsigned is_listed = 0; is_listed < 2; is_listed++) {
        open_wear(is_listed != 0);
        only_ports();
        world_release_make(&other, 1, 600, 600);
        w.other[0].release = &other;
        w.other[1].mode = WORLD_OTHER_BYTES;
        begin();
        for (unsigned cycle = 0; cycle < 12; cycle++) {
            world_next_cycle(&w);
        }
        assert_int_equal(count_words("failed"), 3);
        assert_int_equal(count_words("rejected"), 1);
        world_close(&w);
    }
}

/* One that is not there takes no blame from the one that lies. */
static void test_consumer_wear_one_away_one_lies(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        open_wear(i % 2 == 0);
        only_ports();
        w.other[0].manifest_mode = i < 2 ? WORLD_ERROR : WORLD_GOOD;
        w.other[0].mode = WORLD_ERROR;
        w.other[1].mode = WORLD_OTHER_BYTES;
        begin();
        for (unsigned cycle = 0; cycle < 12; cycle++) {
            world_next_cycle(&w);
        }
        assert_in_range(count_words("failed"), 2, 4);
        world_close(&w);
    }
}

/* Two bad chunks, then silence, each time. */
static void test_consumer_wear_lies_and_stops(void **state)
{
    (void)state;
    open_wear(true);
    only_ports();
    w.config.source_count = 1;
    w.other[0].bent_at = 100;
    w.other[0].stops_at = 1100;
    begin();
    for (unsigned cycle = 0; cycle < 12; cycle++) {
        world_next_cycle(&w);
    }
    assert_in_range(count_words("failed"), 1, 2);
    world_close(&w);
}

/* Without a list: the first gives a wrong byte and stops, the second goes on.
 * The next try does not mix them. */
static void test_consumer_wear_first_lies_and_stops(void **state)
{
    (void)state;
    open_wear(false);
    only_ports();
    w.other[0].bent_at = 100;
    w.other[0].stops_at = 600;
    begin();
    assert_int_equal(count_words("failed"), 1);
    world_next_cycle(&w);
    check_updated("the second alone");
    assert_int_equal(count_words("failed"), 1);
    world_close(&w);
}

/* Bytes that lay on record from a try without a list. */
static void test_consumer_wear_record_is_taken_back(void **state)
{
    unsigned erased;

    (void)state;
    open_wear(true);
    only_ports();
    w.config.source_count = 1;
    w.other[0].list_mode = WORLD_MISSING;
    w.other[0].bent_at = 100;
    w.other[0].stops_at = 1100;
    begin();
    if (count_words("failed:SELV_ERR_UPDATE_AWAY") != 1) {
        fail_msg("%s", w.log);
    }
    erased = erases.count;
    w.other[0].list_mode = WORLD_GOOD;
    w.other[0].bent_at = 0;
    w.other[0].stops_at = 0;
    world_next_cycle(&w); /* check_record looks */
    check_updated("with a list then");
    /* The first sector, which was wrong, and the third; not the second. */
    assert_int_equal(erases.count, erased + 2 + 1 /* the list */);
    world_close(&w);
}

/* The same, and the power goes while that part is written. */
static void test_consumer_wear_record_and_cuts(void **state)
{
    (void)state;
    for (unsigned op = 0; op < 30; op++) {
        open_wear(true);
        only_ports();
        w.config.source_count = 1;
        w.other[0].list_mode = WORLD_MISSING;
        w.other[0].bent_at = 100;
        w.other[0].stops_at = 1100;
        begin();
        w.other[0].list_mode = WORLD_GOOD;
        w.other[0].bent_at = 0;
        w.other[0].stops_at = 0;
        selv_vflash_power_on(&w.v);
        assert_true(world_boot(&w));
        w.v.cut_op = w.v.op_count + op;
        w.v.cut_way = 5;
        while (!w.v.is_off) {
            enum world_stop stop = world_run(&w, 1);
            if (stop == WORLD_REBOOT || stop == WORLD_RESTED) {
                break;
            }
        }
        selv_vflash_power_on(&w.v);
        w.cause = SELV_RESET_POWER_ON;
        begin();
        check_updated("cut");
        world_close(&w);
    }
}

/* A push is heard alone, and not while the device rests from an update that
 * failed. */
static void test_consumer_wear_push(void **state)
{
    uint64_t began_ms;
    unsigned failed;

    (void)state;
    open_wear(false);
    w.config.source_count = 0;
    (void)world_add_source(&w, "", true, true);
    w.sources[0].is_push = true;
    (void)world_add_source(&w, "x://bent", true, true);
    world_release_make(&other, 1, 600, 600);
    w.other[1].release = &two;
    w.other[1].mode = WORLD_OTHER_BYTES;
    begin();
    assert_int_equal(count_words("failed"), 1);
    began_ms = w.now_ms;
    w.other[0].release = &other;
    for (unsigned pushes = 0; pushes < 1000; pushes++) {
        world_run(&w, 10);
        if (w.now_ms + 1000 < w.until_ms) {
            w.now_ms += 1000;
        } else {
            w.now_ms = w.until_ms;
        }
        selv_consumer_check_source(&w.consumer, 0);
        world_settle(&w);
        world_forget(&w);
    }
    assert_true(w.now_ms - began_ms < 2 * HOUR_MS);
    assert_in_range(erases.count, 3, 9); /* tries_max() times three sectors */
    /* The others are asked in their time all the same, and not sooner. */
    failed = w.other[1].asked;
    began_ms = w.now_ms;
    for (unsigned pushes = 0; pushes < 600; pushes++) {
        w.now_ms += w.until_ms > w.now_ms + 1000 ? 1000 : 1;
        selv_consumer_check_source(&w.consumer, 0);
        world_settle(&w);
        world_forget(&w);
    }
    assert_in_range(w.other[1].asked - failed, (w.now_ms - began_ms) / 80000,
                    (w.now_ms - began_ms) / 60000 + 1);
    world_close(&w);
}

/* Nor does a notification, or a key, end that rest. */
static void test_consumer_wear_check_now(void **state)
{
    (void)state;
    open_wear(false);
    only_ports();
    w.config.source_count = 1;
    w.other[0].mode = WORLD_OTHER_BYTES;
    begin();
    for (unsigned times = 0; times < 20; times++) {
        w.now_ms += 500;
        selv_consumer_check_now(&w.consumer);
        world_settle(&w);
    }
    assert_int_equal(count_words("failed"), 1);
    assert_false(selv_consumer_may_check(&w.consumer));
    world_close(&w);
}

/* Three that lie, two of them slowly after two wrong parts: they are asked
 * again when nobody else is left, and have one more to give. */
static void test_consumer_wear_slow_liars(void **state)
{
    (void)state;
    open_wear(true);
    only_ports();
    (void)world_add_source(&w, "x://three", true, true);
    for (unsigned i = 0; i < 3; i++) {
        w.other[i].release = &two;
        w.other[i].bent_at = 100;
        w.other[i].slow_from = i < 2 ? 2000 : 0; /* all, and a part again */
    }
    begin();
    assert_int_equal(count_words("failed"), 1);
    /* C14: three wrong parts of each, and one that a slow one left half. */
    assert_in_range(erases.cycle[0], 3 * 3, 3 * 3 + 2);
    world_close(&w);
}

/* The list lies beside the image, in whatever folder that is. */
static void test_consumer_wear_list_in_a_folder(void **state)
{
    static const struct {
        const char *uri, *base, *path;
    } places[] = {{"http://files/deep", "http://files", "/deep"},
                  {"http://files/deep", "http://files/deep", ""},
                  {"/deep/er", "http://files", "/deep/er"}};

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        open_wear(true);
        two.folder = places[i].uri;
        world_release_sign_lists(&two);
        w.config.source_count = 0;
        (void)world_add_source(&w, places[i].base, true, true);
        w.other[0].release = &two;
        w.other[0].folder = places[i].path;
        w.list_count = 0;
        begin();
        check_updated(places[i].uri);
        assert_int_equal(w.list_count, 1);
        two.folder = NULL;
        world_close(&w);
    }
}

/* ---- every mixture --------------------------------------------------------
 */

static uint32_t seed;
static unsigned worst_hour, worst_all;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

enum kind { GOOD, ABSENT, SILENT, LIES, STOPS, LIES_AND_STOPS, SLOW, NO_IMAGE };

static void be(uint8_t source, enum kind kind)
{
    bool is_image_silent = kind == SILENT;

    w.other[source].release = &two;
    w.other[source].is_trickle = kind == SLOW;
    w.other[source].mode = is_image_silent    ? WORLD_SILENT
                           : kind == NO_IMAGE ? WORLD_MISSING
                                              : WORLD_GOOD;
    if (kind == ABSENT) {
        w.other[source].mode = WORLD_ERROR;
        w.other[source].manifest_mode = draw(2) ? WORLD_ERROR : WORLD_GOOD;
        w.other[source].list_mode = draw(2) ? WORLD_ERROR : WORLD_GOOD;
    }
    if (kind == LIES && draw(2)) {
        w.other[source].mode = WORLD_OTHER_BYTES;
        w.other[source].list_mode = draw(2) ? WORLD_GOOD : WORLD_OTHER_BYTES;
    } else if (kind == LIES || kind == LIES_AND_STOPS) {
        w.other[source].bent_at = 1 + draw(1499);
    }
    if (kind == STOPS || kind == LIES_AND_STOPS) {
        w.other[source].stops_at = 1 + draw(1499);
    }
    if (kind != GOOD && kind != SLOW && draw(3) == 0) {
        w.other[source].list_mode = WORLD_MISSING;
    }
}

/* One mixture, for thirty hours; pushes of an old release now and then. */
static void check_mixture(uint32_t number)
{
    unsigned sources, all, good = 0;
    bool is_listed, is_patient = false;
    uint64_t end_ms;
    char what[160] = "";

    seed = number * 7919u + 1;
    sources = 1 + draw(3);
    is_listed = draw(2) != 0;
    open_wear(is_listed);
    world_release_make(&other, 1, 600, 600);
    w.config.source_count = 0;
    (void)world_add_source(&w, "", true, true);
    w.sources[0].is_push = true;
    w.other[0].release = &other;
    for (unsigned i = 1; i <= sources; i++) {
        enum kind kind = (enum kind)draw(NO_IMAGE + 1);
        size_t len = strlen(what);
        (void)world_add_source(&w, "x://y", draw(3) > 0, true);
        be((uint8_t)i, kind);
        good += kind == GOOD;
        is_patient = is_patient || kind == SILENT || kind == STOPS ||
                     kind == LIES_AND_STOPS || kind == SLOW;
        snprintf(what + len, sizeof what - len, " %d", (int)kind);
    }
    end_ms = w.now_ms + 30u * HOUR_MS;
    assert_true(world_boot(&w));
    while (w.now_ms < end_ms && w.record.sequence == 1) {
        world_settle(&w);
        if (getenv("SELVAGE_MIXTURE") && w.log_len > 0) {
            print_message("%u s, %u erases: %s\n", (unsigned)(w.now_ms / 1000),
                          erases.count, w.log);
        }
        world_forget(&w);
        if (most_in_cycle() > 4 * sources + 1) {
            fail_msg("mixture %u, list %d,%s: wear in a cycle", number,
                     is_listed, what);
        }
        if (w.until_ms - w.now_ms > 5000 && draw(2)) {
            w.now_ms += 1000 + draw(4000);
            selv_consumer_check_source(&w.consumer, 0);
        } else {
            w.now_ms = w.until_ms;
        }
    }
    /* Who is silent is never given up, but asked ever more rarely: 16 s and its
     * doublings make 13 times in these hours, 8 in one. */
    all = most_in(UINT64_MAX / 2);
    if (most_in(HOUR_MS) > 8 * (4 * sources + 1) ||
        all > (is_patient ? 13 : sources + 1) * (4 * sources + 1)) {
        fail_msg("mixture %u, list %d,%s: %u erases in an hour, %u in all",
                 number, is_listed, what, most_in(HOUR_MS), all);
    }
    worst_hour = most_in(HOUR_MS) > worst_hour ? most_in(HOUR_MS) : worst_hour;
    worst_all = all > worst_all ? all : worst_all;
    if (good > 0 && w.record.sequence != 2) {
        fail_msg("mixture %u, list %d,%s: no update", number, is_listed, what);
    }
    world_close(&w);
}

static void test_consumer_wear_every_mixture(void **state)
{
    const char *only = getenv("SELVAGE_MIXTURE");

    (void)state;
    if (only != NULL) {
        check_mixture((uint32_t)strtoul(only, NULL, 10));
        return;
    }
    for (uint32_t number = 0; number < 250; number++) {
        if (getenv("SELVAGE_TRACE")) {
            print_message("mixture %u\n", number);
        }
        check_mixture(number);
    }
    print_message("250 mixtures: a sector is erased up to %u times in an hour, "
                  "%u in thirty\n",
                  worst_hour, worst_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_wear_no_list_and_one_away),
        cmocka_unit_test(test_consumer_wear_another_is_refused),
        cmocka_unit_test(test_consumer_wear_one_away_one_lies),
        cmocka_unit_test(test_consumer_wear_lies_and_stops),
        cmocka_unit_test(test_consumer_wear_first_lies_and_stops),
        cmocka_unit_test(test_consumer_wear_record_is_taken_back),
        cmocka_unit_test(test_consumer_wear_record_and_cuts),
        cmocka_unit_test(test_consumer_wear_push),
        cmocka_unit_test(test_consumer_wear_check_now),
        cmocka_unit_test(test_consumer_wear_slow_liars),
        cmocka_unit_test(test_consumer_wear_list_in_a_folder),
        cmocka_unit_test(test_consumer_wear_every_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
