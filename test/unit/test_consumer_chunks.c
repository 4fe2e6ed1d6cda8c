/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads with a chunk list: nothing that is there is fetched again, nothing
 * that is wrong stays, and without the list it goes on all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two;

#define BEGUN "authorized downloading <downloading "
#define REST "verified waiting <waiting reboot trial confirmed <confirmed "
#define UPDATE "notified " BEGUN REST

static void expect(const char *what, const char *words)
{
    if (strcmp(w.log, words) != 0) {
        fail_msg("%s:\n got  %s\n want %s", what, w.log, words);
    }
}

static void begin(void)
{
    assert_true(world_boot(&w));
    world_settle(&w);
}

static void check_updated(const char *what)
{
    if (w.record.sequence != 2 || w.record.slot != SELV_SLOT_B) {
        fail_msg("%s: %s", what, w.log);
    }
}

/* ---- erases ---------------------------------------------------------------
 */

#define SECTORS_MAX 64u

static struct {
    enum selv_err (*erase)(void *port, uint32_t off);
    unsigned image[SECTORS_MAX]; /* of slot B, each sector */
    unsigned most;
} erases;

static enum selv_err count_erase(void *port, uint32_t off)
{
    const struct selv_slot_place *b = &w.layout.slot[SELV_SLOT_B];

    if (off >= b->image_off && off < b->image_off + b->image_len) {
        uint32_t i = (off - b->image_off) / w.v.flash.sector_len;
        assert_true(i < SECTORS_MAX);
        erases.image[i]++;
        if (erases.image[i] > erases.most) {
            erases.most = erases.image[i];
        }
    }
    return erases.erase(port, off);
}

static void count_erases(void)
{
    memset(&erases, 0, sizeof erases);
    erases.erase = w.v.flash.erase;
    w.v.flash.erase = count_erase;
}

static void open_listed(const char *geometry, uint32_t size, uint32_t shift)
{
    world_open(&w, geometry);
    world_release_make_listed(&two, 2, size, size, shift, 0);
    w.release = &two;
    w.config.poll_interval_s = 3600;
    count_erases();
    world_save(&w);
}

/* More CoAP peers that have the image. */
static void add_sources(unsigned sources)
{
    while (w.config.source_count < sources) {
        (void)world_add_source(&w, "coap://other", false, true);
    }
    w.mode = sources < 3 ? WORLD_GOOD : WORLD_MISSING;
}

/* ---- the good way ---------------------------------------------------------
 */

static const struct {
    const char *geometry;
    uint32_t size, shift;
} shapes[] = {
    {"512x8-ff", 1500, 9},   /* a chunk is a sector */
    {"4096x4-ff", 8000, 9},  /* eight to a sector */
    {"512x16-ff", 1100, 10}, /* two sectors to a chunk */
    {"1024x32-00", 2000, 9}, /* wide units */
    {"320x1-ff", 900, 9},    /* they fit nowhere */
    {"mixed4-ff", 700, 9},   /* unequal sectors */
    {"4096x1-ff", 4000, 12},
};

static void test_consumer_chunks_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        open_listed(shapes[i].geometry, shapes[i].size, shapes[i].shift);
        begin();
        expect(shapes[i].geometry, UPDATE);
        check_updated(shapes[i].geometry);
        assert_true(w.list_count >= 1);
        assert_int_equal(erases.most, 1);
        world_close(&w);
    }
}

/* No room behind the image: without. */
static void test_consumer_chunks_no_room(void **state)
{
    (void)state;
    open_listed("512x8-ff", 2000, 9);
    begin();
    expect("no room", UPDATE);
    assert_int_equal(w.list_count, 0);
    world_close(&w);
}

/* What the slot holds by chance, or from before a cut that nobody knows of, may
 * read otherwise later: it is fetched. */
static void test_consumer_chunks_found_in_the_slot(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    world_image_put(&w, &two, SELV_SLOT_B);
    begin();
    expect("by chance", UPDATE);
    assert_true(w.image_count >= 3);
    world_close(&w);
}

/* ---- restarts -------------------------------------------------------------
 */

/* Which whole parts of the image flash holds, as bytes from its begin. */
static void parts_there(bool there[static SECTORS_MAX], uint32_t part)
{
    const struct selv_slot_place *b = &w.layout.slot[SELV_SLOT_B];
    uint32_t size = two.size[SELV_SLOT_B];

    for (uint32_t i = 0; i * part < size; i++) {
        uint32_t end = (i + 1) * part < size ? (i + 1) * part : size;
        there[i] = true;
        for (uint32_t at = i * part; at < end; at++) {
            uint8_t byte = (uint8_t)(two.fill[1] + at * 7u + (at >> 8));
            there[i] = there[i] && w.mem[b->image_off + at] == byte;
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

/* Nothing that is on record is asked for again; and of what is there, no more
 * than most parts are not on record. */
static void check_asked(const bool there[static SECTORS_MAX], uint32_t part,
                        uint32_t progress, unsigned most, const char *what,
                        unsigned n)
{
    bool again[SECTORS_MAX] = {false};
    unsigned count = 0;

    for (unsigned i = 0; i < w.image_count; i++) {
        uint32_t at = w.requests[i].offset / part;
        if (w.requests[i].offset < progress) {
            fail_msg("%s %u: asked for %u, which is on record", what, n,
                     (unsigned)w.requests[i].offset);
        }
        count += there[at] && !again[at];
        again[at] = true;
    }
    if (count > most) {
        fail_msg("%s %u: %u parts that are there are fetched", what, n, count);
    }
}

/* What was on record. */
static uint32_t go_on(const char *what, unsigned n, uint32_t part,
                      unsigned most)
{
    bool there[SECTORS_MAX] = {false};
    uint32_t progress;

    parts_there(there, part);
    progress = progress_now();
    w.image_count = 0;
    w.cause = SELV_RESET_POWER_ON;
    if (!world_boot(&w)) {
        fail_msg("%s %u: nothing boots", what, n);
    }
    bool is_done = w.record.sequence == 2;
    world_settle(&w);
    check_updated(what);
    if (!is_done) {
        check_asked(there, part, progress, most, what, n);
    }
    return progress;
}

static void restart_at_every_poll(unsigned drop_each, unsigned sources)
{
    unsigned ends = 0;
    unsigned partly = 0;

    open_listed("512x8-ff", 1500, 9);
    add_sources(sources);
    w.drop_each = drop_each;
    for (unsigned polls = 0; ends == 0; polls++) {
        world_restore(&w);
        assert_true(world_boot(&w));
        if (world_run(&w, polls) == WORLD_REBOOT) {
            ends = polls;
        }
        partly += go_on("restart at poll", polls, 512, 0) > 0;
    }
    assert_true(ends > 20 && partly > 0);
    world_close(&w);
}

static void test_consumer_chunks_restart_at_every_poll(void **state)
{
    (void)state;
    restart_at_every_poll(0, 1);
    restart_at_every_poll(3, 1); /* so that they come out of order */
    restart_at_every_poll(0, 2);
    restart_at_every_poll(3, 2);
}

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

static bool update_until_dark(void)
{
    for (unsigned boots = 0; boots < 3; boots++) {
        enum world_stop stop;
        if (!world_boot(&w)) {
            return false;
        }
        do {
            stop = world_run(&w, 1);
            if (w.v.is_off) {
                return false;
            }
        } while (stop != WORLD_REBOOT && stop != WORLD_RESTED);
        if (stop == WORLD_RESTED) {
            return true;
        }
    }
    return true;
}

static void cut_at_every_operation(unsigned sources)
{
    static struct ops ops;
    unsigned cuts = 0;

    open_listed("512x8-ff", 1500, 9);
    add_sources(sources);
    world_restore(&w);
    w.v.on_op = note_op;
    w.v.on_op_arg = &ops;
    assert_true(update_until_dark());
    w.v.on_op = NULL;
    assert_true(ops.count > 10);
    /* Of three the first has no image, so that the others share it. */
    assert_true(sources < 3 || SELV_CONSUMER_LANES == 1 ||
                w.other[1].asked > 0);
    assert_true(sources < 3 || SELV_CONSUMER_LANES == 1 ||
                w.other[2].asked > 0);
    for (uint32_t op = 0; op < ops.count; op++) {
        uint32_t step = ops.ways[op] > 16 ? 13 : 1;
        for (uint32_t way = 0; way < ops.ways[op]; way += step) {
            world_restore(&w);
            w.v.cut_op = op;
            w.v.cut_way = way;
            w.v.seed = op * 1000u + way;
            (void)update_until_dark();
            selv_vflash_power_on(&w.v);
            (void)go_on("cut at operation", op, 512, 1);
            cuts++;
        }
    }
    print_message("%u sources: %u cuts of %u flash operations\n", sources, cuts,
                  ops.count);
    world_close(&w);
}

static void test_consumer_chunks_cut_at_every_operation(void **state)
{
    (void)state;
    cut_at_every_operation(1);
    cut_at_every_operation(2);
    cut_at_every_operation(3);
}

/* Flash that fails at an operation: named, and the next try has it. */
static void test_consumer_chunks_flash_fails(void **state)
{
    static struct ops ops;
    unsigned failed = 0;

    (void)state;
    open_listed("512x8-ff", 1500, 9);
    world_restore(&w);
    w.v.on_op = note_op;
    w.v.on_op_arg = &ops;
    assert_true(update_until_dark());
    w.v.on_op = NULL;
    for (uint32_t op = 0; op < ops.count; op++) {
        world_restore(&w);
        assert_true(world_boot(&w));
        w.v.bad_op = op;
        enum world_stop stop = world_run(&w, 100000);
        w.v.bad_op = UINT32_MAX;
        failed += strstr(w.log, "failed:SELV_ERR_FLASH_IO") != NULL;
        if (stop == WORLD_RESTED && w.record.sequence != 2) {
            world_next_cycle(&w);
        } else {
            begin();
        }
        check_updated("flash failed");
    }
    assert_true(failed > 5);
    world_close(&w);
}

/* ---- sources that bend ----------------------------------------------------
 */

/* One wrong byte: one part comes again, and nothing else. */
static void test_consumer_chunks_one_bad(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    for (unsigned times = 1; times <= 2; times++) {
        world_restore(&w);
        memset(erases.image, 0, sizeof erases.image);
        w.bent = times;
        w.bent_at = 600;
        begin();
        expect("bent", UPDATE);
        assert_int_equal(erases.image[0], 1);
        assert_in_range(erases.image[1], 2, times + 1);
        assert_int_equal(erases.image[2], 1);
    }
    world_close(&w);
}

/* For ever: it is left in the end, with bounded wear. */
static void test_consumer_chunks_all_bad(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    w.mode = WORLD_OTHER_BYTES;
    begin();
    expect("all bent", "notified " BEGUN "failed:SELV_ERR_UPDATE_CHUNK "
                       "<failed:SELV_ERR_UPDATE_CHUNK ");
    for (unsigned cycle = 0; cycle < 5; cycle++) {
        world_next_cycle(&w);
    }
    assert_true(erases.most <= 5);
    w.mode = WORLD_GOOD;
    world_forget(&w);
    begin();
    expect("put right", UPDATE);
    world_close(&w);
}

/* The first of two lies: the second goes on, in the same update. */
static void test_consumer_chunks_second_source(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    for (unsigned is_port = 0; is_port < 2; is_port++) {
        world_restore(&w);
        w.config.source_count = 1;
        (void)world_add_source(&w, "x://two", is_port != 0, true);
        w.other[1].release = &two;
        w.mode = WORLD_OTHER_BYTES;
        w.mode_from = 1; /* the first part may well be right */
        w.other[1].given = 0;
        begin();
        if (strstr(w.log, "failed") || !strstr(w.log, REST)) {
            fail_msg("%u: %s", is_port, w.log);
        }
        check_updated("second source");
    }
    world_close(&w);
}

/* The second is the one that lies. */
static void test_consumer_chunks_hostile_second(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    (void)world_add_source(&w, "x://two", true, true);
    w.other[1].release = &two;
    w.other[1].mode = WORLD_OTHER_BYTES;
    w.other[1].list_mode = WORLD_OTHER_BYTES;
    w.mode = WORLD_ERROR;
    w.mode_from = 2;
    w.list_mode = WORLD_MISSING;
    begin();
    assert_int_equal(w.record.sequence, 1);
    assert_true(erases.most <= 5);
    /* Given up in the end, though the first is only absent. */
    for (unsigned cycle = 0; cycle < 6; cycle++) {
        world_next_cycle(&w);
    }
    world_forget(&w);
    world_next_cycle(&w);
    expect("given up", "idle ");
    assert_true(erases.most <= 3 * 9);
    w.mode = WORLD_GOOD;
    w.list_mode = WORLD_GOOD;
    world_forget(&w);
    begin();
    check_updated("hostile second");
    world_close(&w);
}

/* A source that trickles is left where there is another. */
static void test_consumer_chunks_trickle(void **state)
{
    uint64_t began_ms;

    (void)state;
    open_listed("512x8-ff", 1500, 9);
    w.config.source_count = 0;
    (void)world_add_source(&w, "x://slow", true, true);
    (void)world_add_source(&w, "x://fast", true, true);
    w.other[0].release = &two;
    w.other[1].release = &two;
    w.other[0].is_trickle = true;
    began_ms = w.now_ms;
    assert_true(world_boot(&w));
    while (!strstr(w.log, "confirmed")) {
        w.other[0].is_trickle = !(w.read.is_on && w.read.is_manifest);
        switch (world_run(&w, 1)) {
        case WORLD_TIRED:
            break;
        case WORLD_REBOOT:
            assert_true(world_boot(&w));
            break;
        default:
            fail_msg("%s", w.log);
        }
    }
    check_updated("trickle");
    assert_true(w.cancel_count > 0);
    assert_true(w.now_ms - began_ms < 300000);
    world_close(&w);
}

/* ---- lists that are none --------------------------------------------------
 */

static void test_consumer_chunks_bad_lists(void **state)
{
    static const enum world_mode modes[] = {
        WORLD_MISSING,     WORLD_OTHER_BYTES,  WORLD_SHORT, WORLD_LONG,
        WORLD_OTHER_BLOCK, WORLD_LARGE_BLOCKS, WORLD_EMPTY, WORLD_VALID};

    (void)state;
    open_listed("4096x4-ff", 8000, 9);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        world_restore(&w);
        w.list_mode = modes[i];
        begin();
        if (strcmp(w.log, UPDATE) != 0) {
            fail_msg("list mode %d: %s", (int)modes[i], w.log);
        }
    }
    /* Nobody there, or none that says so: the image tells for itself. */
    world_restore(&w);
    w.list_mode = WORLD_SILENT;
    begin();
    expect("silent", UPDATE);
    world_restore(&w);
    w.list_mode = WORLD_ERROR;
    begin();
    expect("trouble with the list", UPDATE);
    /* The second source has it. */
    world_restore(&w);
    (void)world_add_source(&w, "x://two", true, true);
    w.other[1].release = &two;
    w.list_mode = WORLD_OTHER_BYTES;
    begin();
    check_updated("second source");
    assert_true(strstr(w.log, "failed") == NULL);
    world_close(&w);
}

/* Signed, but of another image, or with digests of none: the author's
 * mistake. The image is what counts. */
static void test_consumer_chunks_lists_that_lie(void **state)
{
    (void)state;
    open_listed("512x8-ff", 1500, 9);
    world_release_make_listed(&two, 2, 1500, 1500, 9, 1400);
    begin();
    expect("another length", UPDATE);
    world_restore(&w);
    world_release_make_listed(&two, 2, 1500, 1500, 9, 0);
    two.list[1][8 + 32 + 5] ^= 1;
    world_release_sign_lists(&two);
    begin();
    expect("wrong digest", "notified " BEGUN "failed:SELV_ERR_UPDATE_CHUNK "
                           "<failed:SELV_ERR_UPDATE_CHUNK ");
    world_forget(&w);
    world_next_cycle(&w);
    expect("without it", UPDATE);
    check_updated("wrong digest");
    world_close(&w);
}

/* An image with a shorter name than that of a list: the list's is from the
 * root. */
static void test_consumer_chunks_short_names(void **state)
{
    static const char *names[] = {"/i/x", "/i/%A?"};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(
            text, sizeof text,
            "{1: 1, 2: %%n, 3: " MAKER_COMMON(
                ", 20, {3: <<[-16, h'%%A']>>, 14: %%a}") ", 7: <<[3, "
                                                         "15]>>, 9: <<[23, "
                                                         "2]>>, 20: <<[20, "
                                                         "{21: \"%s\", -21316: "
                                                         "[<<[-16, h'%%B']>>, "
                                                         "104]}, 21, 2, 3, "
                                                         "15]>>}",
            names[i]);
        world_open(&w, "512x8-ff");
        world_release_custom(&two, 2, 1500, 1500, text);
        w.release = &two;
        begin();
        /* Asked for by its digest, which is another file's here. */
        assert_int_equal(w.requests[0].offset, 0);
        if (i == 0) {
            assert_non_null(strstr(w.log, "failed:SELV_ERR_COAP_CODE"));
        } else {
            check_updated(names[i]);
        }
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_chunks_update),
        cmocka_unit_test(test_consumer_chunks_no_room),
        cmocka_unit_test(test_consumer_chunks_found_in_the_slot),
        cmocka_unit_test(test_consumer_chunks_restart_at_every_poll),
        cmocka_unit_test(test_consumer_chunks_cut_at_every_operation),
        cmocka_unit_test(test_consumer_chunks_flash_fails),
        cmocka_unit_test(test_consumer_chunks_one_bad),
        cmocka_unit_test(test_consumer_chunks_all_bad),
        cmocka_unit_test(test_consumer_chunks_second_source),
        cmocka_unit_test(test_consumer_chunks_hostile_second),
        cmocka_unit_test(test_consumer_chunks_trickle),
        cmocka_unit_test(test_consumer_chunks_bad_lists),
        cmocka_unit_test(test_consumer_chunks_lists_that_lie),
        cmocka_unit_test(test_consumer_chunks_short_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
