/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery of devices that install in place: what comes over the line goes to
 * slot A, where it runs, and a move that cannot be ended is given up for it. */
#include "recover_fixture.h"

enum { SWAP, OVERWRITE, WAY_COUNT, IMAGE_LEN = 1100, TURNS_MAX = 400 };

static struct selv_release staged[WAY_COUNT][4]; /* numbers 1 to 4 */
static const struct selv_strategy *const strategies[] = {
    &selv_strategy_swap, &selv_strategy_overwrite};

static int make_staged(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        for (uint32_t i = 0; i < 4; i++) {
            struct selv_release_plan plan = {
                .sequence = 1 + i,
                .content = 1 + i,
                .image_len = IMAGE_LEN,
                .install =
                    s == SWAP ? SELV_RELEASE_SWAPPED : SELV_RELEASE_COPIED};
            assert_int_equal(selv_release_make(&plan, &staged[s][i]), SELV_OK);
        }
    }
    return 0;
}

/* Number 2 runs; its floor is 2. */
static void open_in_place(struct bench *b, int s)
{
    const struct selv_geometry *g = selv_geometry_find("512x8-ff");
    memset(b, 0, sizeof *b);
    b->strategy = strategies[s];
    b->d.geometry = g;
    b->d.mem_len = selv_geometry_mem_len_in_place(g);
    b->d.mem = malloc(b->d.mem_len);
    assert_non_null(b->d.mem);
    selv_geometry_init_in_place(g, &b->d.v, b->d.mem);
    selv_geometry_layout_in_place(g, &b->d.layout);
    selv_release_factory(&b->factory);
    assert_int_equal(selv_release_install(&staged[s][1], &b->d.v.flash,
                                          &b->d.layout, SELV_SLOT_A),
                     SELV_OK);
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(b->record.floor, 2);
}

static void stage(struct bench *b, int s, int number)
{
    assert_int_equal(selv_release_install(&staged[s][number - 1], &b->d.v.flash,
                                          &b->d.layout, SELV_SLOT_B),
                     SELV_OK);
    bench_request(b, staged[s][number - 1].digest, SELV_SLOT_B);
}

static void junk(struct bench *b, uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        b->d.mem[off + i] = (uint8_t)(i * 7 + 3);
    }
}

/* All of slot B, the spare sector before it included. */
static void junk_slot_b(struct bench *b)
{
    uint32_t from =
        b->d.layout.slot[SELV_SLOT_B].envelope_off - b->d.layout.spare_len;
    junk(b, from, b->d.v.flash.size - from);
}

static void lose_journal(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        junk(b, b->d.layout.journal_off[i], b->d.v.flash.sector_len);
    }
}

static void ruin_slot_a(struct bench *b)
{
    flip(b, b->d.layout.slot[SELV_SLOT_A].image_off + 600);
}

/* The power is lost in operation op of the next boot. False: it has fewer. */
static bool cut_boot(struct bench *b, uint32_t op, enum selv_reset_cause cause)
{
    b->cut_boot = op + 1;
    (void)bench_boot(b, cause);
    bool was_cut = b->d.v.is_off;
    selv_vflash_power_on(&b->d.v);
    return was_cut;
}

/* A swap that is cut in operation op of its way forward or back, or an
 * overwrite. False: there are fewer. */
static bool open_moving(struct bench *b, int s, bool is_back, uint32_t op)
{
    open_in_place(b, s);
    stage(b, s, 3);
    if (is_back) {
        assert_true(bench_boot(b, SELV_RESET_REQUESTED));
        assert_int_equal(b->record.is_trial, 1);
        return cut_boot(b, op, SELV_RESET_WATCHDOG);
    }
    return cut_boot(b, op, SELV_RESET_REQUESTED);
}

static void assert_runs_number(const struct bench *b, int s, int number)
{
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_int_equal(b->record.sequence, number);
    assert_int_equal(b->record.is_trial, 0);
    /* An overwrite may have come to its end before it was ruined. */
    assert_in_range(b->record.floor, 2, 3);
    assert_true(selv_release_is_in(&staged[s][number - 1], &b->d.v.flash,
                                   &b->d.layout, SELV_SLOT_A));
}

/* It boots what came, and then again without writing anything. */
static void assert_stays(struct bench *b, int s, int number)
{
    assert_runs_number(b, s, number);
    for (int i = 0; i < 2; i++) {
        assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    }
    assert_int_equal(b->d.v.op_count, 0);
    assert_runs_number(b, s, number);
}

static void test_recover_in_place(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_in_place(&b, s);
        ruin_slot_a(&b);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][0], &skipped),
                         SELV_ERR_SUIT_SEQUENCE);
        assert_int_equal(b.d.v.op_count, 0);
        assert_int_equal(session(&l, &staged[s][2], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_stays(&b, s, 3);
        assert_int_equal(b.record.floor, 2); /* R7 */
        bench_close(&b);
    }
}

static void test_recover_in_place_powerloss(void **state)
{
    static const uint32_t ways[] = {0, 1, 2, 5, 8};
    unsigned cuts = 0;
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        bool was_cut = true;
        for (uint32_t op = 0; was_cut; op++) {
            was_cut = false;
            for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                open_in_place(&b, s);
                ruin_slot_a(&b);
                line_open(&l, &b);
                b.d.v.cut_op = op;
                b.d.v.cut_way = ways[w];
                b.d.v.seed = op;
                if (session(&l, &staged[s][2], &skipped) != SELV_OK) {
                    was_cut = true;
                    cuts++;
                }
                insist(&l, &staged[s][2]);
                assert_stays(&b, s, 3);
                bench_close(&b);
            }
            assert_true(op < TURNS_MAX);
        }
    }
    assert_true(cuts > 100);
}

/* Never booted, and nothing in slot A. */
static void test_recover_in_place_first_image(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_in_place(&b, s);
        selv_vflash_blank(&b.d.v, 0, b.d.v.flash.size);
        b.floor = b.accepted = 0;
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][1], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_stays(&b, s, 2);
        bench_close(&b);
    }
}

/* A move that was cut anywhere, and then its source is gone. */
static void test_recover_in_place_move_without_source(void **state)
{
    static const struct {
        int s;
        bool is_back;
    } ways[] = {{SWAP, false}, {SWAP, true}, {OVERWRITE, false}};
    (void)state;
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        unsigned recovered = 0;
        for (uint32_t op = 0;; op++) {
            struct bench b;
            struct line l;
            uint32_t skipped;
            int s = ways[w].s;
            bool was_cut = open_moving(&b, s, ways[w].is_back, op);
            if (was_cut) {
                junk_slot_b(&b);
                ruin_slot_a(&b);
                line_open(&l, &b);
                assert_false(l.has_booted);
                assert_int_equal(session(&l, &staged[s][0], &skipped),
                                 SELV_ERR_SUIT_SEQUENCE);
                assert_int_equal(session(&l, &staged[s][3], &skipped), SELV_OK);
                assert_true(l.has_booted);
                assert_stays(&b, s, 4);
                recovered++;
            }
            bench_close(&b);
            if (!was_cut) {
                break;
            }
        }
        assert_true(recovered > 10);
    }
}

/* The same, and the power is lost in each operation of the recovery. */
static void test_recover_in_place_move_without_source_powerloss(void **state)
{
    static const uint32_t moving[] = {6, 9, 14};
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        for (size_t m = 0; m < sizeof moving / sizeof moving[0]; m++) {
            bool was_cut = true;
            for (uint32_t op = 0; was_cut; op++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                assert_true(open_moving(&b, s, false, moving[m]));
                junk_slot_b(&b);
                ruin_slot_a(&b);
                line_open(&l, &b);
                assert_false(l.has_booted);
                b.d.v.cut_op = b.d.v.op_count + op;
                b.d.v.cut_way = 1 + op % 4;
                b.d.v.seed = op;
                was_cut = session(&l, &staged[s][3], &skipped) != SELV_OK;
                insist(&l, &staged[s][3]);
                assert_stays(&b, s, 4);
                bench_close(&b);
                assert_true(op < TURNS_MAX);
            }
        }
    }
}

/* A trial whose image rots, and so does the one that would go back. */
static void test_recover_in_place_trial_and_way_back_rot(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_in_place(&b, SWAP);
    stage(&b, SWAP, 3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.is_trial, 1);
    ruin_slot_a(&b);
    junk_slot_b(&b);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &staged[SWAP][2], &skipped), SELV_OK);
    assert_true(l.has_booted);
    assert_stays(&b, SWAP, 3);
    bench_close(&b);
}

/* A move that can be ended after all is ended, and nothing else is taken. */
static void test_recover_in_place_ends_a_move_that_it_can(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    assert_true(open_moving(&b, SWAP, false, 12));
    memset(&l, 0, sizeof l);
    l.b = &b;
    l.reset_at = UINT32_MAX;
    selv_serial_init(&l.host, l.host_frame, sizeof l.host_frame);
    /* The boot before failed for something that has passed. */
    selv_recover_init(&l.r, &b.boot, SELV_ERR_FLASH_IO, 0,
                      (struct selv_buf){l.envelope, sizeof l.envelope, 0},
                      l.device_frame, sizeof l.device_frame);
    line_protect(&l);
    assert_false(selv_recover_is_ready(&l.r));
    assert_int_equal(session(&l, &staged[SWAP][3], &skipped),
                     SELV_ERR_RECOVER_SLOT);
    assert_true(selv_recover_is_ready(&l.r)); /* to reset, when it is silent */
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.sequence, 3);
    assert_int_equal(b.record.is_trial, 1);
    bench_close(&b);
}

/* A journal of another layout: more sectors than there are. */
static void test_recover_in_place_foreign_count(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        struct selv_journal j;
        open_in_place(&b, s);
        assert_int_equal(selv_journal_read(&b.d.v.flash, &b.d.layout, &j),
                         SELV_OK);
        j.install_count = 999;
        j.install_state = SELV_INSTALL_FORWARD;
        assert_int_equal(selv_journal_write(&b.d.v.flash, &b.d.layout, &j),
                         SELV_OK);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_LAYOUT);
        assert_int_equal(session(&l, &staged[s][2], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_stays(&b, s, 3);
        bench_close(&b);
    }
}

/* ---- a lost journal --------------------------------------------------------
 */

/* Slot A's envelope proves a floor, wherever a move was cut; without it nothing
 * does, whatever lies in slot B, and nothing is written. */
static void test_recover_in_place_lost_journal(void **state)
{
    unsigned recovered = 0, refused = 0;
    (void)state;
    for (int way = 0; way < 3; way++) {
        int s = way == 2 ? OVERWRITE : SWAP;
        for (uint32_t op = 0;; op++) {
            struct bench b;
            struct line l;
            uint32_t skipped;
            enum selv_err err;
            if (!open_moving(&b, s, way == 1, op)) {
                bench_close(&b);
                break;
            }
            lose_journal(&b);
            line_open(&l, &b);
            assert_false(l.has_booted);
            err = session(&l, &staged[s][0], &skipped);
            if (err == SELV_ERR_RECOVER_FLOOR) {
                assert_int_equal(session(&l, &staged[s][3], &skipped), err);
                assert_int_equal(b.d.v.op_count, 0);
                refused++;
            } else {
                assert_int_equal(err, SELV_ERR_SUIT_SEQUENCE);
                assert_int_equal(b.d.v.op_count, 0);
                err = session(&l, &staged[s][3], &skipped);
                /* Or what is staged was whole, and took its place. */
                if (err == SELV_ERR_RECOVER_SLOT) {
                    line_power_on(&l);
                } else {
                    assert_int_equal(err, SELV_OK);
                    assert_int_equal(b.record.sequence, 4);
                }
                assert_true(l.has_booted);
                assert_true(b.record.floor >= 2);
                recovered++;
            }
            bench_close(&b);
        }
    }
    assert_true(recovered > 40);
    assert_true(refused > 0 && refused < recovered / 4);
}

/* And the power is lost while it begins anew. */
static void test_recover_in_place_lost_journal_powerloss(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        bool was_cut = true;
        for (uint32_t op = 0; was_cut; op++) {
            struct bench b;
            struct line l;
            uint32_t skipped;
            open_in_place(&b, s);
            ruin_slot_a(&b);
            lose_journal(&b);
            line_open(&l, &b);
            assert_false(l.has_booted);
            b.d.v.cut_op = op;
            b.d.v.cut_way = op % 3;
            b.d.v.seed = op;
            was_cut = session(&l, &staged[s][1], &skipped) != SELV_OK;
            if (!l.has_booted) {
                (void)session(&l, &staged[s][1], &skipped);
            }
            assert_true(l.has_booted);
            assert_runs_number(&b, s, 2);
            bench_close(&b);
            assert_true(op < TURNS_MAX);
        }
    }
}

/* ---- flash that takes nothing ----------------------------------------------
 */

static uint32_t dead_from, dead_to;
static enum selv_err (*sound_write)(void *, uint32_t, const void *, uint32_t);
static enum selv_err (*sound_erase)(void *, uint32_t);

static enum selv_err dead_write(void *port, uint32_t off, const void *p,
                                uint32_t len)
{
    return off >= dead_from && off < dead_to ? SELV_ERR_FLASH_IO
                                             : sound_write(port, off, p, len);
}

static enum selv_err dead_erase(void *port, uint32_t off)
{
    return off >= dead_from && off < dead_to ? SELV_ERR_FLASH_IO
                                             : sound_erase(port, off);
}

static void die(struct bench *b, uint32_t from, uint32_t len)
{
    dead_from = from;
    dead_to = from + len;
    sound_write = b->d.v.flash.write;
    sound_erase = b->d.v.flash.erase;
    b->d.v.flash.write = dead_write;
    b->d.v.flash.erase = dead_erase;
}

/* Nothing of slot B is needed to come back. */
static void test_recover_in_place_dead_staging_fault(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped, at;
        open_in_place(&b, s);
        ruin_slot_a(&b);
        at = b.d.layout.slot[SELV_SLOT_B].envelope_off;
        die(&b, at, b.d.v.flash.size - at);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][2], &skipped), SELV_OK);
        assert_stays(&b, s, 3);
        bench_close(&b);
    }
}

/* Nor of a journal that takes nothing, as long as nothing is on the move:
 * though a whole image that is staged cannot be fetched from there. */
static void test_recover_in_place_dead_journal_fault(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_in_place(&b, s);
        stage(&b, s, 3);
        ruin_slot_a(&b);
        die(&b, b.d.layout.journal_off[0], 2 * b.d.v.flash.sector_len);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][3], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_int_equal(b.record.sequence, 4);
        bench_close(&b);
        /* In the middle of a move it is the end: slot A is not touched. */
        assert_true(open_moving(&b, s, false, 12));
        die(&b, b.d.layout.journal_off[0], 2 * b.d.v.flash.sector_len);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][3], &skipped),
                         SELV_ERR_FLASH_IO);
        assert_int_equal(b.d.v.op_count, 0);
        bench_close(&b);
    }
}

/* A sector of slot A that takes nothing is the end of the device. */
static void test_recover_in_place_dead_slot_fault(void **state)
{
    (void)state;
    for (int s = 0; s < WAY_COUNT; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        assert_true(open_moving(&b, s, false, 12));
        die(&b, b.d.layout.slot[SELV_SLOT_A].image_off + 1024, 512);
        line_open(&l, &b);
        assert_false(l.has_booted);
        assert_int_equal(session(&l, &staged[s][3], &skipped),
                         SELV_ERR_FLASH_IO);
        assert_false(l.has_booted);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_in_place),
        cmocka_unit_test(test_recover_in_place_powerloss),
        cmocka_unit_test(test_recover_in_place_first_image),
        cmocka_unit_test(test_recover_in_place_move_without_source),
        cmocka_unit_test(test_recover_in_place_move_without_source_powerloss),
        cmocka_unit_test(test_recover_in_place_trial_and_way_back_rot),
        cmocka_unit_test(test_recover_in_place_ends_a_move_that_it_can),
        cmocka_unit_test(test_recover_in_place_foreign_count),
        cmocka_unit_test(test_recover_in_place_lost_journal),
        cmocka_unit_test(test_recover_in_place_lost_journal_powerloss),
        cmocka_unit_test(test_recover_in_place_dead_staging_fault),
        cmocka_unit_test(test_recover_in_place_dead_journal_fault),
        cmocka_unit_test(test_recover_in_place_dead_slot_fault),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    (void)make_releases; /* of the fixture; these tests have their own */
    return cmocka_run_group_tests(tests, make_staged, NULL);
}
