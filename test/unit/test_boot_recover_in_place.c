/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery of devices that install in place: what comes over the line goes to
 * the staging area, and the bootloader installs it from there. */
#include "recover_fixture.h"

static struct selv_release staged[2][3]; /* swap, overwrite; numbers 1 to 3 */
static const struct selv_strategy *const strategies[] = {
    &selv_strategy_swap, &selv_strategy_overwrite};

static int make_staged(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        for (uint32_t i = 0; i < 3; i++) {
            struct selv_release_plan plan = {
                .sequence = 1 + i,
                .content = 1 + i,
                .image_len = 1100,
                .install = s == 0 ? SELV_RELEASE_SWAPPED : SELV_RELEASE_COPIED};
            assert_int_equal(selv_release_make(&plan, &staged[s][i]), SELV_OK);
        }
    }
    return 0;
}

/* Number 2 runs, floor 1; then its image and what lies in B are lost. */
static void open_ruined_in_place(struct bench *b, struct line *l, int s)
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
    flip(b, b->d.layout.slot[SELV_SLOT_A].image_off + 600);
    line_open(l, b);
    assert_false(l->has_booted);
}

static void assert_runs_third(const struct bench *b, int s)
{
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_int_equal(b->record.sequence, 3);
    /* Overwrite has no trial: what it installs is confirmed. */
    assert_int_equal(b->record.floor, s == 0 ? 2 : 3);
    assert_true(selv_release_is_in(&staged[s][2], &b->d.v.flash, &b->d.layout,
                                   SELV_SLOT_A));
}

static void test_recover_in_place(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_ruined_in_place(&b, &l, s);
        assert_int_equal(session(&l, &staged[s][0], &skipped),
                         SELV_ERR_SUIT_SEQUENCE);
        /* Of the other strategy: not for this bootloader. */
        if (s == 1) {
            assert_int_not_equal(session(&l, &staged[0][2], &skipped), SELV_OK);
            assert_false(l.has_booted);
        }
        assert_int_equal(session(&l, &staged[s][2], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_runs_third(&b, s);
        bench_close(&b);
    }
}

static void test_recover_in_place_powerloss(void **state)
{
    static const uint32_t ways[] = {0, 1, 2, 5, 8};
    unsigned cuts = 0;
    (void)state;
    for (int s = 0; s < 2; s++) {
        bool was_cut = true;
        for (uint32_t op = 0; was_cut; op++) {
            was_cut = false;
            for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                open_ruined_in_place(&b, &l, s);
                b.d.v.cut_op = op;
                b.d.v.cut_way = ways[w];
                b.d.v.seed = op;
                if (session(&l, &staged[s][2], &skipped) != SELV_OK) {
                    was_cut = true;
                    cuts++;
                }
                insist(&l, &staged[s][2]);
                assert_runs_third(&b, s);
                bench_close(&b);
            }
            assert_true(op < 200);
        }
    }
    assert_true(cuts > 100);
}

/* Bytes on the move, and a lost journal: nothing is written. */
static void test_recover_in_place_refuses(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined_in_place(&b, &l, 0);
    for (int i = 0; i < 2; i++) {
        uint8_t noise[512];
        memset(noise, 0x5a, sizeof noise);
        selv_vflash_poke(&b.d.v, b.d.layout.journal_off[i], noise,
                         sizeof noise);
    }
    line_power_on(&l);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &staged[0][2], &skipped),
                     SELV_ERR_RECOVER_FLOOR);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_in_place),
        cmocka_unit_test(test_recover_in_place_powerloss),
        cmocka_unit_test(test_recover_in_place_refuses),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    (void)make_releases; /* of the fixture; these tests have their own */
    return cmocka_run_group_tests(tests, make_staged, NULL);
}
