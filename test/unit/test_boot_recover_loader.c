/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery of devices with a loader, and of those that load into RAM: what
 * comes over the line goes where its manifest belongs. */
#include "recover_fixture.h"

enum name {
    A1,
    A2,
    A3,
    LOADER,
    LOADER_OLD, /* below the floor that the build fixes */
    LOADER_STRANGER,
    L1, /* loaded into RAM */
    L2,
    L3,
    NAME_COUNT
};

static struct selv_release all[NAME_COUNT];

static int make_all(void **state)
{
    struct selv_release_plan plans[NAME_COUNT] = {
        [A1] = {.sequence = 101, .content = 1},
        [A2] = {.sequence = 102, .content = 2},
        [A3] = {.sequence = 103, .content = 3},
        [LOADER] = {.sequence = SELV_LOADER_FLOOR, .part = SELV_PART_LOADER},
        [LOADER_OLD] = {.sequence = SELV_LOADER_FLOOR - 1,
                        .part = SELV_PART_LOADER},
        [LOADER_STRANGER] = {.sequence = 500,
                             .part = SELV_PART_LOADER,
                             .is_other_key = true},
        [L1] = {.sequence = 1, .content = 1, .install = SELV_RELEASE_LOADED},
        [L2] = {.sequence = 2, .content = 2, .install = SELV_RELEASE_LOADED},
        [L3] = {.sequence = 3, .content = 3, .install = SELV_RELEASE_LOADED},
    };
    (void)state;
    for (int i = 0; i < NAME_COUNT; i++) {
        plans[i].image_len = 1100;
        assert_int_equal(selv_release_make(&plans[i], &all[i]), SELV_OK);
    }
    return 0;
}

static void put(struct bench *b, enum name name, uint8_t slot)
{
    assert_int_equal(
        selv_release_install(&all[name], &b->d.v.flash, &b->d.layout, slot),
        SELV_OK);
}

static void ruin(struct bench *b, uint8_t slot)
{
    flip(b, b->d.layout.slot[slot].image_off + 600);
}

static void empty(struct bench *b, uint8_t slot)
{
    const struct selv_slot_place *p = &b->d.layout.slot[slot];
    selv_vflash_blank(&b->d.v, p->envelope_off, p->envelope_len);
    selv_vflash_blank(&b->d.v, p->image_off, p->image_len);
}

static void lose_journal(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        memset(b->d.mem + b->d.layout.journal_off[i], 0x5a,
               b->d.v.flash.sector_len);
    }
}

static void open_device(struct bench *b, const struct selv_strategy *strategy)
{
    memset(b, 0, sizeof *b);
    b->strategy = strategy;
    device_open(&b->d, selv_geometry_find("512x8-ff"));
    selv_release_factory(&b->factory);
}

/* A2 runs, confirmed at birth, with a loader. */
static void open_loader(struct bench *b)
{
    open_device(b, &selv_strategy_loader);
    put(b, A2, SELV_SLOT_A);
    put(b, LOADER, SELV_SLOT_B);
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(b->record.floor, 102);
}

static void assert_application(struct bench *b, enum name name)
{
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_int_equal(b->record.is_trial, 0);
    assert_memory_equal(b->record.digest, all[name].digest, 32);
    assert_int_equal(b->record.floor, 102);
    assert_true(selv_release_is_in(&all[name], &b->d.v.flash, &b->d.layout,
                                   SELV_SLOT_A));
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(b->d.v.op_count, 0);
    assert_int_equal(b->record.slot, SELV_SLOT_A);
}

/* What may be wrong with slot A and the journal, beside a rotten loader. */
enum ruin_of_a { ROT, EMPTY, ON_TRIAL, REVERTED, RUIN_COUNT };

static void open_without_loader(struct bench *b, enum ruin_of_a how)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = SELV_SLOT_A};
    open_loader(b);
    if (how == EMPTY) {
        empty(b, SELV_SLOT_A);
    } else if (how != ROT) {
        put(b, A3, SELV_SLOT_A);
        memcpy(log.digest, all[A3].digest, 32);
        bench_log(b, &log);
        assert_true(bench_boot(b, SELV_RESET_REQUESTED));
        assert_int_equal(b->record.is_trial, 1);
        if (how == REVERTED) {
            assert_true(bench_boot(b, SELV_RESET_WATCHDOG));
            assert_int_equal(b->record.slot, SELV_SLOT_B);
        }
    }
    if (how != EMPTY) {
        ruin(b, SELV_SLOT_A);
    }
    ruin(b, SELV_SLOT_B);
}

static void test_recover_loader_takes_an_application(void **state)
{
    (void)state;
    for (int how = 0; how < RUIN_COUNT; how++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_without_loader(&b, (enum ruin_of_a)how);
        line_open(&l, &b);
        assert_false(l.has_booted);
        uint32_t ops = b.d.v.op_count;
        assert_int_equal(session(&l, &all[A1], &skipped),
                         SELV_ERR_SUIT_SEQUENCE);
        assert_int_equal(b.d.v.op_count, ops);
        assert_int_equal(session(&l, &all[A2], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_application(&b, A2);
        bench_close(&b);
    }
}

static void test_recover_loader_takes_a_loader(void **state)
{
    (void)state;
    for (int how = 0; how < RUIN_COUNT; how++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_without_loader(&b, (enum ruin_of_a)how);
        line_open(&l, &b);
        assert_false(l.has_booted);
        uint32_t ops = b.d.v.op_count;
        assert_int_not_equal(session(&l, &all[LOADER_OLD], &skipped), SELV_OK);
        assert_int_not_equal(session(&l, &all[LOADER_STRANGER], &skipped),
                             SELV_OK);
        assert_int_equal(b.d.v.op_count, ops);
        assert_int_equal(session(&l, &all[LOADER], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_int_equal(b.record.slot, SELV_SLOT_B);
        assert_int_equal(b.record.loader, SELV_LOADER_NEEDED);
        assert_true(selv_release_is_in(&all[LOADER], &b.d.v.flash, &b.d.layout,
                                       SELV_SLOT_B));
        assert_int_equal(b.record.floor, 102);
        bench_close(&b);
    }
}

static void test_recover_loader_powerloss(void **state)
{
    static const enum name sent[] = {A3, LOADER};
    (void)state;
    for (int how = 0; how < RUIN_COUNT; how++) {
        for (int i = 0; i < 2; i++) {
            bool was_cut = true;
            for (uint32_t op = 0; was_cut; op++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                open_without_loader(&b, (enum ruin_of_a)how);
                line_open(&l, &b);
                assert_false(l.has_booted);
                b.d.v.cut_op = b.d.v.op_count + op;
                b.d.v.cut_way = op % 5;
                b.d.v.seed = op;
                was_cut = session(&l, &all[sent[i]], &skipped) != SELV_OK;
                insist(&l, &all[sent[i]]);
                assert_int_equal(b.record.slot, i);
                assert_int_equal(b.record.floor, 102);
                bench_close(&b);
                assert_true(op < 200);
            }
        }
    }
}

/* The factory put a loader into slot B and nothing else: nothing is born. */
static void test_recover_loader_first_application(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_device(&b, &selv_strategy_loader);
    put(&b, LOADER, SELV_SLOT_B);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &all[A2], &skipped), SELV_OK);
    assert_true(l.has_booted);
    assert_application(&b, A2);
    assert_true(selv_release_is_in(&all[LOADER], &b.d.v.flash, &b.d.layout,
                                   SELV_SLOT_B));
    bench_close(&b);
}

/* Slot A's envelope proves the floor, and nothing else does: not what lies in
 * slot B. */
static void test_recover_loader_lost_journal(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_loader(&b);
    lose_journal(&b);
    ruin(&b, SELV_SLOT_A);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &all[A1], &skipped), SELV_ERR_SUIT_SEQUENCE);
    assert_int_equal(b.d.v.op_count, 0);
    /* With a journal again the loader is needed, and there. */
    assert_int_equal(session(&l, &all[A3], &skipped), SELV_ERR_RECOVER_SLOT);
    assert_true(selv_recover_is_ready(&l.r));
    line_power_on(&l);
    assert_true(l.has_booted);
    assert_int_equal(b.record.slot, SELV_SLOT_B);
    assert_int_equal(b.record.floor, 102);
    bench_close(&b);

    open_loader(&b);
    lose_journal(&b);
    ruin(&b, SELV_SLOT_A);
    ruin(&b, SELV_SLOT_B);
    line_open(&l, &b);
    assert_int_equal(session(&l, &all[A3], &skipped), SELV_OK);
    assert_true(l.has_booted);
    assert_application(&b, A3);
    bench_close(&b);

    open_loader(&b);
    lose_journal(&b);
    empty(&b, SELV_SLOT_A);
    line_open(&l, &b);
    assert_int_equal(session(&l, &all[A3], &skipped), SELV_ERR_RECOVER_FLOOR);
    assert_int_equal(session(&l, &all[LOADER], &skipped),
                     SELV_ERR_RECOVER_FLOOR);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

/* Only the journal is lost: what is there boots, and nothing is sent. */
static void test_recover_loader_needs_only_a_journal(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_loader(&b);
    lose_journal(&b);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &all[A2], &skipped), SELV_OK);
    assert_int_equal(skipped, all[A2].image_len);
    assert_true(l.has_booted);
    assert_application(&b, A2);
    bench_close(&b);
}

/* ---- ram -------------------------------------------------------------------
 */

static void open_ram(struct bench *b, struct line *l)
{
    open_device(b, &selv_strategy_ram);
    b->d.v.is_unmapped = true;
    put(b, L2, SELV_SLOT_A);
    put(b, L1, SELV_SLOT_B);
    b->d.v.flash.map = NULL;
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(b->record.floor, 2);
    ruin(b, SELV_SLOT_A);
    line_open(l, b);
    assert_false(l->has_booted);
}

static void assert_loaded(struct bench *b, enum name name)
{
    assert_memory_equal(b->record.digest, all[name].digest, 32);
    assert_int_equal(b->record.floor, 2);
    assert_int_equal(b->ram.len, all[name].image_len);
    assert_memory_equal(b->ram_bytes, all[name].image[0], b->ram.len);
}

static void test_recover_ram(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ram(&b, &l);
    assert_int_equal(session(&l, &all[L1], &skipped), SELV_ERR_SUIT_SEQUENCE);
    /* One that runs where it lies is for another bootloader. */
    assert_int_not_equal(session(&l, &all[A3], &skipped), SELV_OK);
    assert_int_equal(session(&l, &all[L3], &skipped), SELV_OK);
    assert_true(l.has_booted);
    assert_loaded(&b, L3);
    bench_close(&b);
}

static void test_recover_ram_powerloss(void **state)
{
    bool was_cut = true;
    (void)state;
    for (uint32_t op = 0; was_cut; op++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_ram(&b, &l);
        b.d.v.cut_op = op;
        b.d.v.cut_way = op % 5;
        b.d.v.seed = op;
        was_cut = session(&l, &all[L3], &skipped) != SELV_OK;
        insist(&l, &all[L3]);
        assert_loaded(&b, L3);
        bench_close(&b);
        assert_true(op < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_loader_takes_an_application),
        cmocka_unit_test(test_recover_loader_takes_a_loader),
        cmocka_unit_test(test_recover_loader_powerloss),
        cmocka_unit_test(test_recover_loader_first_application),
        cmocka_unit_test(test_recover_loader_lost_journal),
        cmocka_unit_test(test_recover_loader_needs_only_a_journal),
        cmocka_unit_test(test_recover_ram),
        cmocka_unit_test(test_recover_ram_powerloss),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    (void)make_releases; /* of the fixture; these tests have their own */
    return cmocka_run_group_tests(tests, make_all, NULL);
}
