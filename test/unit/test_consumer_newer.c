/* SPDX-License-Identifier: Apache-2.0
 *
 * Several releases that are all newer than what runs, told of in turn by who
 * pushes, by notifications and by sources: what that costs flash, that a lower
 * one does not take the place of a higher one that comes in, and that one is
 * installed in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;

#define IMAGE_LEN 1500u /* three sectors */
#define SECTORS_MAX 64u
#define HOUR_MS 3600000u
#define PUSH 0u /* the source that is pushed to; the others are ports' */

/* Of one manifest two envelopes, and of one number two manifests. */
static struct world_release releases[6];
static const unsigned release_count = sizeof releases / sizeof releases[0];
enum { TWO, TWO_LISTED, THREE, THREE_AGAIN, THREE_LISTED, FOUR_LISTED };

static struct {
    enum selv_err (*erase)(void *port, uint32_t off);
    unsigned slot[SECTORS_MAX]; /* of slot B's image */
    unsigned log[2];
} erases;

static enum selv_err count_erase(void *port, uint32_t off)
{
    const struct selv_slot_place *b = &w.layout.slot[SELV_SLOT_B];

    if (off >= b->image_off && off < b->image_off + b->image_len) {
        erases.slot[(off - b->image_off) / w.v.flash.sector_len]++;
    }
    for (unsigned i = 0; i < 2; i++) {
        erases.log[i] += off == w.layout.log_off[i];
    }
    return erases.erase(port, off);
}

static unsigned most_of(const unsigned *counts, unsigned len)
{
    unsigned most = 0;

    for (unsigned i = 0; i < len; i++) {
        most = counts[i] > most ? counts[i] : most;
    }
    return most;
}

static void make_releases(void)
{
    if (releases[TWO].sequence != 0) {
        return;
    }
    world_release_make(&releases[TWO], 2, IMAGE_LEN, IMAGE_LEN);
    world_release_make_listed(&releases[TWO_LISTED], 2, IMAGE_LEN, IMAGE_LEN, 9,
                              0);
    world_release_make(&releases[THREE], 3, IMAGE_LEN, IMAGE_LEN);
    world_release_make_twice_signed(&releases[THREE_AGAIN], 3, IMAGE_LEN,
                                    IMAGE_LEN);
    world_release_make_listed(&releases[THREE_LISTED], 3, IMAGE_LEN, IMAGE_LEN,
                              9, 0);
    world_release_make_listed(&releases[FOUR_LISTED], 4, IMAGE_LEN, IMAGE_LEN,
                              9, 0);
}

/* Somebody who pushes, and so many that the port reads. */
static void open_newer(unsigned sources)
{
    make_releases();
    world_open(&w, "512x8-ff");
    w.config.poll_interval_s = 3600;
    w.config.source_count = 0;
    (void)world_add_source(&w, "", true, true);
    w.sources[PUSH].is_push = true;
    while (sources-- > 0) {
        (void)world_add_source(&w, "x://y", true, true);
    }
    memset(&erases, 0, sizeof erases);
    erases.erase = w.v.flash.erase;
    w.v.flash.erase = count_erase;
    assert_true(world_boot(&w));
    world_settle(&w);
    world_forget(&w);
}

static unsigned count_words(const char *word)
{
    unsigned n = 0;

    for (const char *at = w.log; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    return n;
}

/* The port's own server has the images, and no manifest. */
static void have_image(uint8_t source, unsigned release, enum world_mode mode,
                       uint32_t stops_at)
{
    w.other[source].release = &releases[release];
    w.other[source].manifest_mode = WORLD_MISSING;
    w.other[source].mode = mode;
    w.other[source].stops_at = stops_at;
}

/* False: not so soon. */
static bool push(unsigned release)
{
    if (!selv_consumer_may_push(&w.consumer)) {
        return false;
    }
    w.other[PUSH].release = &releases[release];
    selv_consumer_check_source(&w.consumer, PUSH);
    world_settle(&w);
    w.other[PUSH].release = NULL; /* it had its verdict */
    return true;
}

/* The next cycle, or time passes. */
static void go_on(uint32_t ms)
{
    w.now_ms = w.until_ms > w.now_ms + ms ? w.now_ms + ms : w.until_ms;
    world_settle(&w);
    if (w.log_len > sizeof w.log / 2) {
        world_forget(&w);
    }
}

/* ---- one by one -----------------------------------------------------------
 */

/* C11: each begins at nothing, and stops behind two sectors. */
static void test_consumer_newer_two_in_turn(void **state)
{
    static const unsigned turns[][2] = {{TWO, THREE},
                                        {TWO_LISTED, THREE_LISTED},
                                        {THREE, THREE_LISTED},
                                        {THREE_AGAIN, THREE}};

    (void)state;
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        unsigned pushed = 0;
        uint64_t end_ms;
        open_newer(1);
        end_ms = w.now_ms + 30u * HOUR_MS;
        while (w.now_ms < end_ms) {
            unsigned which = turns[i][pushed % 2];
            have_image(1, which, WORLD_GOOD, 1100);
            pushed += push(which);
            go_on(5000);
        }
        assert_int_equal(w.record.sequence, 1);
        /* One for each of both, and one before each rest: 16 s and its
         * doublings make 13 in that time. */
        assert_in_range(most_of(erases.slot, SECTORS_MAX), 2, 2 + 13);
        assert_in_range(most_of(erases.log, 2), 0, 30);
        world_close(&w);
    }
}

/* C11: nobody has the image. The slot is not erased for that, the log is. */
static void test_consumer_newer_nobody_has_it(void **state)
{
    static const unsigned turns[][2] = {{TWO, TWO}, {TWO, THREE}};

    (void)state;
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        unsigned pushed = 0;
        uint64_t end_ms;
        open_newer(1);
        end_ms = w.now_ms + 10u * HOUR_MS;
        while (w.now_ms < end_ms) {
            unsigned which = turns[i][pushed % 2];
            have_image(1, which, WORLD_ERROR, 0);
            pushed += push(which);
            go_on(3000);
        }
        assert_int_equal(most_of(erases.slot, SECTORS_MAX), 0);
        assert_in_range(most_of(erases.log, 2), 0, 6);
        world_close(&w);
    }
}

/* C16: what has come of the higher one stays. */
static void test_consumer_newer_lower_is_put_off(void **state)
{
    (void)state;
    open_newer(1);
    have_image(1, THREE, WORLD_GOOD, 1100);
    assert_true(push(THREE));
    assert_int_equal(count_words("failed:SELV_ERR_UPDATE_AWAY"), 1);
    for (unsigned i = 0; i < 3; i++) {
        w.now_ms += 1000;
        world_forget(&w);
        have_image(1, TWO, WORLD_GOOD, 0);
        assert_true(push(TWO));
        assert_string_equal(w.log, "notified rejected:SELV_ERR_SUIT_SEQUENCE ");
    }
    have_image(1, THREE, WORLD_GOOD, 0);
    w.other[1].given = 0;
    assert_true(push(THREE));
    assert_int_equal(w.record.sequence, 3);
    assert_int_equal(w.other[1].given, IMAGE_LEN - 1024);
    /* Then the lower one is old. */
    world_forget(&w);
    assert_true(push(TWO));
    assert_int_equal(count_words("rejected:SELV_ERR_SUIT_SEQUENCE"), 1);
    assert_int_equal(w.record.sequence, 3);
    world_close(&w);
}

/* The same without anybody who pushes: a stick with the lower one stands
 * first, and was away for a while. */
static void test_consumer_newer_stick_comes_back(void **state)
{
    (void)state;
    open_newer(2);
    w.other[1].release = &releases[TWO];
    w.other[1].manifest_mode = w.other[1].mode = WORLD_ERROR;
    w.other[2].release = &releases[THREE];
    w.other[2].stops_at = 1100;
    world_next_cycle(&w);
    assert_int_equal(count_words("failed:SELV_ERR_UPDATE_AWAY"), 1);
    world_forget(&w);
    w.other[1].manifest_mode = w.other[1].mode = WORLD_GOOD;
    w.other[2].stops_at = 0;
    w.other[2].given = 0;
    world_next_cycle(&w);
    assert_string_equal(w.log, "notified rejected:SELV_ERR_SUIT_SEQUENCE "
                               "notified authorized resumed@1024 verified "
                               "waiting reboot trial confirmed ");
    assert_int_equal(w.record.sequence, 3);
    assert_int_equal(w.other[2].given, IMAGE_LEN - 1024);
    world_close(&w);
}

/* One that cannot be had keeps no lower one away for good: it failed, or three
 * looks at all sources brought nothing of it, also where one of these is dead
 * by now. */
static void test_consumer_newer_lower_in_the_end(void **state)
{
    static const enum world_mode modes[] = {WORLD_MISSING, WORLD_OTHER_BYTES,
                                            WORLD_ERROR, WORLD_SILENT};
    static const enum world_mode manifests[] = {WORLD_MISSING, WORLD_ERROR,
                                                WORLD_SILENT};

    (void)state;
    for (size_t i = 0; i < 2 * 4 * 3; i++) {
        enum world_mode mode = modes[i / 3 % 4];
        bool is_pushed_again = i < 4 * 3;
        unsigned cycles = 0;
        open_newer(2);
        w.other[1].release = &releases[TWO];
        have_image(2, THREE, mode, 0);
        w.other[2].manifest_mode = manifests[i % 3];
        assert_true(push(THREE));
        assert_int_equal(count_words("failed:"), 1);
        while (w.record.sequence == 1 && cycles++ < 10) {
            if (is_pushed_again) {
                (void)push(THREE);
            }
            world_next_cycle(&w);
        }
        if (w.record.sequence != 2 || cycles > 4) {
            fail_msg("mode %d, manifest's %d, %u cycles: %s", (int)mode,
                     (int)manifests[i % 3], cycles, w.log);
        }
        world_close(&w);
    }
}

/* An outage of all sources is no look at them. */
static void test_consumer_newer_outage_is_no_look(void **state)
{
    (void)state;
    open_newer(2);
    w.other[1].release = &releases[TWO];
    have_image(2, THREE, WORLD_GOOD, 1100);
    w.other[2].given = 0;
    assert_true(push(THREE));
    w.other[1].manifest_mode = w.other[2].manifest_mode = WORLD_SILENT;
    for (unsigned i = 0; i < 6; i++) {
        world_next_cycle(&w);
    }
    w.other[1].manifest_mode = w.other[2].manifest_mode = WORLD_GOOD;
    w.other[2].stops_at = 0;
    world_forget(&w);
    world_next_cycle(&w);
    assert_int_equal(count_words("rejected:SELV_ERR_SUIT_SEQUENCE"), 1);
    assert_int_equal(count_words("resumed@1024"), 1);
    assert_int_equal(w.record.sequence, 3);
    world_close(&w);
}

/* C13: who pushes what fails rests alone. */
static void test_consumer_newer_push_rests_alone(void **state)
{
    unsigned failed = 0;

    (void)state;
    open_newer(2);
    have_image(1, THREE, WORLD_OTHER_BYTES, 0);
    w.other[2].manifest_mode = WORLD_MISSING;
    w.config.poll_interval_s = 600;
    for (uint64_t end_ms = w.now_ms + 5u * HOUR_MS; w.now_ms < end_ms;) {
        /* Its failures are soon too many: another envelope, other tries. */
        failed += push(failed % 2 ? THREE : THREE_AGAIN);
        go_on(1000);
    }
    assert_in_range(failed, 4, 60);
    assert_false(selv_consumer_may_push(&w.consumer));
    assert_true(selv_consumer_may_check(&w.consumer));
    have_image(1, TWO, WORLD_MISSING, 0);
    w.other[2].release = &releases[FOUR_LISTED];
    w.other[2].manifest_mode = WORLD_GOOD;
    assert_in_range(w.until_ms - w.now_ms, 0, 750000);
    world_next_cycle(&w);
    assert_int_equal(w.record.sequence, 4);
    world_close(&w);
}

/* A device that nobody but pushes to is quiet while these rest, and whatever is
 * at hand then. */
static void test_consumer_newer_push_alone(void **state)
{
    unsigned asked, cycles = 0;

    (void)state;
    open_newer(1);
    w.config.poll_interval_s = 20;
    world_next_cycle(&w);
    have_image(1, THREE, WORLD_OTHER_BYTES, 0);
    for (unsigned failed = 0; failed < 3;) {
        failed += push(failed % 2 ? THREE : THREE_AGAIN);
        go_on(1000);
    }
    w.config.source_count = 1;
    w.other[PUSH].release = &releases[FOUR_LISTED];
    asked = w.other[PUSH].asked;
    while (w.until_ms < w.consumer.push_ms) {
        world_next_cycle(&w);
        cycles++;
    }
    assert_in_range(cycles, 1, 10);
    assert_int_equal(w.other[PUSH].asked, asked);
    world_next_cycle(&w);
    assert_int_equal(w.other[PUSH].asked, asked + 1);
    world_close(&w);
}

/* ---- every mixture --------------------------------------------------------
 */

static uint32_t seed;
static unsigned worst_slot, worst_log, installed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Sources lie and are away; are away, and stop, and no more; or take care
 * always to bring something. */
static enum manners { LIARS, LAZY, CUNNING } manners;

/* What a source has, and does, from now on. */
static void change(uint8_t source)
{
    static const enum world_mode modes[] = {WORLD_GOOD,    WORLD_GOOD,
                                            WORLD_ERROR,   WORLD_SILENT,
                                            WORLD_MISSING, WORLD_OTHER_BYTES};
    static const unsigned kinds[] = {6, 4, 2};

    w.other[source].release = &releases[draw(release_count)];
    w.other[source].mode = modes[draw(kinds[manners])];
    w.other[source].manifest_mode = modes[draw(kinds[manners] / 2 + 1)];
    w.other[source].list_mode = modes[draw(kinds[manners])];
    w.other[source].stops_at = 1 + draw(IMAGE_LEN - 1);
    w.other[source].bent_at = 0;
    w.other[source].shelf = NULL;
    if (manners == CUNNING) {
        w.other[source].shelf = releases;
        w.other[source].shelf_len = release_count;
        w.other[source].stops_at = 512 + 512 * draw(2);
    }
    if (manners == LIARS) {
        w.other[source].stops_at *= draw(3) > 0;
        w.other[source].bent_at = draw(3) ? 0 : 1 + draw(IMAGE_LEN - 1);
    }
}

/* When somebody who waits for it may try again. */
static uint64_t patient_ms(void)
{
    uint64_t ms = w.consumer.spare_ms > w.consumer.push_ms ? w.consumer.spare_ms
                                                           : w.consumer.push_ms;

    ms = ms > w.now_ms ? ms : w.now_ms;
    return ms + 500 + draw(5000);
}

static void do_something(unsigned sources)
{
    uint8_t source = (uint8_t)(1 + draw(sources));
    uint64_t until_ms = w.until_ms;

    if (draw(4) == 0) {
        change(source);
    }
    if (draw(8) > 0 && patient_ms() < until_ms) {
        w.now_ms = patient_ms();
        if (draw(2)) {
            /* Now and then of the image that is at hand, too. */
            unsigned which = draw(release_count);
            if (draw(2)) {
                w.other[source].release = &releases[which];
            }
            (void)push(which);
            return;
        }
        selv_consumer_check_source(&w.consumer, source);
    } else {
        w.now_ms = until_ms;
    }
    world_settle(&w);
}

/* Ways through the image in a boot of twelve hours: rests are 16 s and its
 * doublings, those of who is asked and of who pushes; and each of three numbers
 * may bring each of three sectors, and the list, once without a rest. */
#define WAYS_MAX (2u * 12u + 3u * 4u)

/* Erases of a sector in each: C14; who does not lie costs one. */
static unsigned erases_max(unsigned sources)
{
    return WAYS_MAX * (manners == LIARS ? 4 * sources + 1 : sources);
}

static void check_mixture(uint32_t number)
{
    unsigned sources;
    uint64_t end_ms, began = 1;

    seed = number * 7919u + 1;
    sources = 1 + draw(3);
    manners = (enum manners)draw(3);
    open_newer(sources);
    for (uint8_t i = 1; i <= sources; i++) {
        change(i);
    }
    end_ms = w.now_ms + 12u * HOUR_MS;
    while (w.now_ms < end_ms) {
        do_something(sources);
        world_forget(&w);
        if (w.record.sequence != began) {
            /* A release that was installed has paid for itself. */
            began = w.record.sequence;
            installed++;
            memset(erases.slot, 0, sizeof erases.slot);
            memset(erases.log, 0, sizeof erases.log);
        }
        if (most_of(erases.slot, SECTORS_MAX) > erases_max(sources) ||
            most_of(erases.log, 2) > erases_max(sources)) {
            fail_msg("mixture %u: %u erases of a sector, %u of the log, in "
                     "%u s",
                     number, most_of(erases.slot, SECTORS_MAX),
                     most_of(erases.log, 2), (unsigned)(w.now_ms / 1000));
        }
        worst_slot = most_of(erases.slot, SECTORS_MAX) > worst_slot
                         ? most_of(erases.slot, SECTORS_MAX)
                         : worst_slot;
        worst_log = most_of(erases.log, 2) > worst_log ? most_of(erases.log, 2)
                                                       : worst_log;
    }
    /* Then all is well: in two days, which is two of the longest rests and
     * some, the newest is there. */
    for (uint8_t i = 1; i <= sources; i++) {
        memset(&w.other[i], 0, sizeof w.other[i]);
        w.other[i].release = &releases[FOUR_LISTED];
    }
    end_ms = w.now_ms + 48u * HOUR_MS;
    while (w.now_ms < end_ms && w.record.sequence != 4) {
        world_next_cycle(&w);
        world_forget(&w);
    }
    if (w.record.sequence != 4 && w.consumer.tries < sources + 2) {
        fail_msg("mixture %u: number %u", number, (unsigned)w.record.sequence);
    }
    world_close(&w);
}

static void test_consumer_newer_every_mixture(void **state)
{
    const char *only = getenv("SELVAGE_MIXTURE");

    (void)state;
    if (only != NULL) {
        check_mixture((uint32_t)strtoul(only, NULL, 10));
        return;
    }
    for (uint32_t number = 0; number < 400; number++) {
        check_mixture(number);
    }
    print_message("400 mixtures, %u releases installed: between two of them, "
                  "or in twelve hours, a sector of the slot is erased up to "
                  "%u times, one of the log %u times\n",
                  installed, worst_slot, worst_log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_newer_two_in_turn),
        cmocka_unit_test(test_consumer_newer_nobody_has_it),
        cmocka_unit_test(test_consumer_newer_lower_is_put_off),
        cmocka_unit_test(test_consumer_newer_stick_comes_back),
        cmocka_unit_test(test_consumer_newer_lower_in_the_end),
        cmocka_unit_test(test_consumer_newer_outage_is_no_look),
        cmocka_unit_test(test_consumer_newer_push_rests_alone),
        cmocka_unit_test(test_consumer_newer_push_alone),
        cmocka_unit_test(test_consumer_newer_every_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
