/* SPDX-License-Identifier: Apache-2.0
 *
 * Stage 0 and stage 1: two bootloaders, one in the other, with a journal, a log
 * and a component each. Power cuts over both are searched by selvage-sim cut
 * --strategy stages. */
#include "store_fixture.h"

#include "boot/boot.h"
#include "boot/stage.h"
#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"

enum name { S1, S2, S2_STRANGER, APP1, APP2, NAME_COUNT };

static struct selv_release releases[NAME_COUNT];

static int make_releases(void **state)
{
    struct selv_release_plan plans[NAME_COUNT] = {
        [S1] = {.sequence = 1, .part = SELV_PART_STAGE_1},
        [S2] = {.sequence = 2, .part = SELV_PART_STAGE_1},
        [S2_STRANGER] = {.sequence = 2,
                         .part = SELV_PART_STAGE_1,
                         .is_other_key = true},
        [APP1] = {.sequence = 1},
        [APP2] = {.sequence = 2},
    };
    (void)state;
    for (int i = 0; i < NAME_COUNT; i++) {
        plans[i].content = (uint32_t)i;
        plans[i].image_len = 5000;
        assert_int_equal(selv_release_make(&plans[i], &releases[i]), SELV_OK);
    }
    return 0;
}

enum { OUTER, INNER, STAGE_COUNT };

struct bench {
    struct selv_vflash v;
    uint8_t *mem;
    const struct selv_layout *layout[STAGE_COUNT];
    struct selv_factory factory[STAGE_COUNT];
    struct selv_boot_record record[STAGE_COUNT];
};

static void put(struct bench *b, int stage, enum name name, uint8_t slot)
{
    assert_int_equal(selv_release_install(&releases[name], &b->v.flash,
                                          b->layout[stage], slot),
                     SELV_OK);
}

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    b->mem = malloc(selv_vflash_mem_len(SELV_LAYOUT_DEFAULT_SIZE,
                                        SELV_LAYOUT_DEFAULT_SECTOR, 8));
    assert_non_null(b->mem);
    selv_vflash_init(&b->v, b->mem, SELV_LAYOUT_DEFAULT_SIZE,
                     SELV_LAYOUT_DEFAULT_SECTOR, 8, 0xff);
    selv_vflash_power_on(&b->v);
    b->layout[OUTER] = &selv_layout_stage_0;
    b->layout[INNER] = &selv_layout_stage_1;
    selv_release_factory(&b->factory[INNER]);
    b->factory[OUTER] = b->factory[INNER];
    assert_int_equal(selv_stage_factory(&b->factory[OUTER]), SELV_OK);
    put(b, OUTER, S1, SELV_SLOT_A);
    put(b, INNER, APP1, SELV_SLOT_A);
}

static void bench_close(struct bench *b)
{
    assert_int_equal(b->v.violation_count, 0);
    free(b->mem);
}

/* One stage's turn, which writes its own journal alone. */
static bool boot_stage(struct bench *b, int stage, enum selv_reset_cause cause)
{
    struct selv_boot boot = {.flash = &b->v.flash,
                             .layout = b->layout[stage],
                             .factory = &b->factory[stage],
                             .strategy = &selv_strategy_ab,
                             .reset_cause = cause};
    selv_vflash_protect(&b->v, 0, b->v.flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(&b->v, b->layout[stage]->journal_off[i],
                            SELV_LAYOUT_DEFAULT_SECTOR, false);
    }
    bool is_good = selv_is_good(selv_boot_choose(&boot, &b->record[stage]));
    selv_vflash_protect(&b->v, 0, b->v.flash.size, false);
    return is_good;
}

static void boot(struct bench *b, enum selv_reset_cause cause)
{
    assert_true(boot_stage(b, OUTER, cause));
    assert_true(boot_stage(b, INNER, cause));
}

static void assert_runs(struct bench *b, int stage, enum name name, int trial)
{
    const struct selv_boot_record *r = &b->record[stage];
    assert_memory_equal(r->digest, releases[name].digest, 32);
    assert_int_equal(r->is_trial, trial);
    assert_true(selv_release_is_in(&releases[name], &b->v.flash,
                                   b->layout[stage], r->slot));
}

static void ask(struct bench *b, int stage, enum name name)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = SELV_SLOT_B};
    put(b, stage, name, SELV_SLOT_B);
    memcpy(log.digest, releases[name].digest, 32);
    assert_int_equal(selv_log_write(&b->v.flash, b->layout[stage], &log),
                     SELV_OK);
}

static void confirm(struct bench *b, int stage)
{
    assert_int_equal(
        selv_stage_confirm(&b->v.flash, b->layout[stage], &b->record[stage]),
        SELV_OK);
}

static void test_boot_stages_update_both(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    boot(&b, SELV_RESET_POWER_ON);
    assert_runs(&b, OUTER, S1, 0);
    assert_runs(&b, INNER, APP1, 0);
    uint32_t writes = b.v.write_count;
    confirm(&b, OUTER); /* nothing is on trial */
    assert_int_equal(b.v.write_count, writes);
    ask(&b, OUTER, S2);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, OUTER, S2, 1);
    assert_runs(&b, INNER, APP1, 0);
    confirm(&b, OUTER);
    writes = b.v.write_count;
    confirm(&b, OUTER); /* once is enough */
    assert_int_equal(b.v.write_count, writes);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, OUTER, S2, 0);
    assert_int_equal(b.record[OUTER].floor, 2);
    assert_int_equal(b.record[INNER].floor, 1);
    ask(&b, INNER, APP2);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, OUTER, S2, 0);
    assert_runs(&b, INNER, APP2, 1);
    confirm(&b, INNER);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, INNER, APP2, 0);
    assert_int_equal(b.record[INNER].floor, 2);
    bench_close(&b);
}

/* A stage 1 that hangs, crashes, or starts nothing is never confirmed. */
static void test_boot_stages_revert(void **state)
{
    static const struct {
        enum selv_reset_cause cause;
        enum selv_err reason;
    } rows[] = {{SELV_RESET_WATCHDOG, SELV_ERR_BOOT_WATCHDOG},
                {SELV_RESET_CRASH, SELV_ERR_BOOT_CRASH},
                {SELV_RESET_POWER_ON, SELV_ERR_BOOT_ATTEMPTS}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        bench_open(&b);
        boot(&b, SELV_RESET_POWER_ON);
        ask(&b, OUTER, S2);
        int boots = 0;
        assert_true(boot_stage(&b, OUTER, SELV_RESET_REQUESTED));
        while (b.record[OUTER].is_trial) {
            assert_runs(&b, OUTER, S2, 1);
            assert_in_range(++boots, 1, SELV_BOOT_ATTEMPTS_MAX);
            assert_true(boot_stage(&b, OUTER, rows[i].cause));
        }
        assert_runs(&b, OUTER, S1, 0);
        assert_int_equal(b.record[OUTER].refused_reason, rows[i].reason);
        boot(&b, SELV_RESET_POWER_ON);
        assert_runs(&b, INNER, APP1, 0);
        bench_close(&b);
    }
}

/* Each stage's component, key and nonces are its own. */
static void test_boot_stages_are_apart(void **state)
{
    static const enum name bad[] = {S2_STRANGER, APP2};
    (void)state;
    struct bench b;
    for (size_t i = 0; i < 2; i++) {
        bench_open(&b);
        boot(&b, SELV_RESET_POWER_ON);
        ask(&b, OUTER, bad[i]);
        boot(&b, SELV_RESET_REQUESTED);
        assert_runs(&b, OUTER, S1, 0);
        assert_memory_equal(b.record[OUTER].refused_digest,
                            releases[bad[i]].digest, 32);
        bench_close(&b);
    }
    bench_open(&b);
    boot(&b, SELV_RESET_POWER_ON);
    ask(&b, INNER, S2);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, INNER, APP1, 0);
    assert_int_equal(b.record[INNER].refused_reason, SELV_ERR_SUIT_COMPONENT);
    bench_close(&b);

    /* Both on trial at once, with journals of the same length: the nonce of
     * one confirms nothing of the other. */
    bench_open(&b);
    boot(&b, SELV_RESET_POWER_ON);
    ask(&b, OUTER, S2);
    ask(&b, INNER, APP2);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, OUTER, S2, 1);
    assert_runs(&b, INNER, APP2, 1);
    assert_int_equal(b.record[OUTER].serial, b.record[INNER].serial);
    assert_memory_not_equal(b.record[OUTER].nonce, b.record[INNER].nonce, 8);
    struct selv_boot_record wrong = b.record[OUTER];
    memcpy(wrong.nonce, b.record[INNER].nonce, sizeof wrong.nonce);
    assert_int_equal(selv_stage_confirm(&b.v.flash, b.layout[OUTER], &wrong),
                     SELV_OK);
    boot(&b, SELV_RESET_REQUESTED);
    assert_runs(&b, OUTER, S2, 1);
    assert_int_equal(b.record[OUTER].attempt, 2);
    bench_close(&b);
}

static void test_boot_stages_check_their_layouts(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    const struct selv_flash *flash = &b.v.flash;
    const struct selv_layout inner = selv_layout_stage_1;
    const struct selv_layout outer = selv_layout_stage_0;
    assert_int_equal(selv_stage_check(&outer, &inner, flash), SELV_OK);
    assert_int_equal(selv_stage_check(&outer, &selv_layout_default, flash),
                     SELV_ERR_STORE_LAYOUT);
    assert_int_equal(selv_stage_check(&inner, &inner, flash),
                     SELV_ERR_STORE_LAYOUT);
    /* One region of stage 0 laid over each of stage 1's, and what they share
     * over what they do not. */
    const uint32_t taken[] = {
        inner.journal_off[0],       inner.journal_off[1],
        inner.log_off[0],           inner.log_off[1],
        inner.slot[0].envelope_off, inner.slot[0].image_off,
        inner.slot[1].envelope_off, inner.slot[1].image_off};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        struct selv_layout bad = outer;
        bad.journal_off[1] = taken[i];
        assert_int_equal(selv_stage_check(&bad, &inner, flash),
                         SELV_ERR_STORE_LAYOUT);
        bad = outer;
        bad.random_off[0] = taken[i];
        assert_int_equal(selv_stage_check(&bad, &inner, flash),
                         SELV_ERR_STORE_LAYOUT);
    }
    /* What they share, over what they share of another kind; and what stage 1
     * has, over what stage 0 has alone. */
    for (int i = 0; i < 2; i++) {
        struct selv_layout bad = i == 0 ? inner : outer;
        bad.factory_off = SELV_LAYOUT_DEFAULT_SIZE - SELV_LAYOUT_DEFAULT_SECTOR;
        assert_int_equal(selv_stage_check(i == 0 ? &outer : &bad,
                                          i == 0 ? &bad : &inner, flash),
                         SELV_OK);
        bad.random_off[0] = outer.factory_off;
        assert_int_equal(selv_stage_check(i == 0 ? &outer : &bad,
                                          i == 0 ? &bad : &inner, flash),
                         SELV_ERR_STORE_LAYOUT);
        bad = i == 0 ? inner : outer;
        bad.factory_off = inner.random_off[1];
        bad.random_off[1] =
            SELV_LAYOUT_DEFAULT_SIZE - SELV_LAYOUT_DEFAULT_SECTOR;
        assert_int_equal(selv_stage_check(i == 0 ? &outer : &bad,
                                          i == 0 ? &bad : &inner, flash),
                         SELV_ERR_STORE_LAYOUT);
    }
    const uint32_t outer_has[] = {
        outer.journal_off[0],       outer.journal_off[1],
        outer.log_off[0],           outer.log_off[1],
        outer.slot[0].envelope_off, outer.slot[0].image_off,
        outer.slot[1].envelope_off, outer.slot[1].image_off};
    for (size_t i = 0; i < sizeof outer_has / sizeof outer_has[0]; i++) {
        struct selv_layout bad = inner;
        bad.random_off[0] = outer_has[i];
        assert_int_equal(selv_stage_check(&outer, &bad, flash),
                         SELV_ERR_STORE_LAYOUT);
        bad = inner;
        bad.factory_off = outer_has[i];
        assert_int_equal(selv_stage_check(&outer, &bad, flash),
                         SELV_ERR_STORE_LAYOUT);
        bad = inner;
        bad.marks_off = outer_has[i];
        bad.marks_len = SELV_LAYOUT_DEFAULT_SECTOR;
        assert_int_equal(selv_stage_check(&outer, &bad, flash),
                         SELV_ERR_STORE_LAYOUT);
    }
    struct selv_layout short_one = inner, long_one = outer;
    short_one.slot[1].image_len -= SELV_LAYOUT_DEFAULT_SECTOR;
    short_one.factory_off =
        SELV_LAYOUT_DEFAULT_SIZE - 2 * SELV_LAYOUT_DEFAULT_SECTOR;
    long_one.factory_off = short_one.factory_off;
    assert_int_equal(selv_stage_check(&long_one, &short_one, flash), SELV_OK);
    long_one.factory_len = 2 * SELV_LAYOUT_DEFAULT_SECTOR;
    assert_int_equal(selv_stage_check(&long_one, &short_one, flash),
                     SELV_ERR_STORE_LAYOUT);
    struct selv_layout spare = inner; /* before slot B's envelope */
    spare.slot[0].image_len -= SELV_LAYOUT_DEFAULT_SECTOR;
    struct selv_layout bad = outer;
    bad.log_off[1] = inner.slot[1].envelope_off - SELV_LAYOUT_DEFAULT_SECTOR;
    assert_int_equal(selv_stage_check(&bad, &spare, flash), SELV_OK);
    spare.spare_len = SELV_LAYOUT_DEFAULT_SECTOR;
    assert_int_equal(selv_stage_check(&bad, &spare, flash),
                     SELV_ERR_STORE_LAYOUT);
    bad = outer;
    bad.slot[1].image_len = 0;
    assert_int_equal(selv_stage_check(&bad, &inner, flash),
                     SELV_ERR_STORE_LAYOUT);
    bench_close(&b);
}

static void test_boot_stages_name_their_component(void **state)
{
    (void)state;
    static const uint8_t id[] = {0x82, 0x43, 'a', 'p', 'p', 0x41, 'b'};
    struct selv_factory factory, before;
    selv_release_factory(&factory);
    before = factory;
    assert_int_equal(selv_stage_factory(&factory), SELV_OK);
    assert_int_equal(factory.component_id_len, sizeof id);
    assert_memory_equal(factory.component_id, id, sizeof id);
    assert_memory_not_equal(factory.seed, before.seed, 32);
    /* 31 bytes, which would be 33; and an array with no room in its head. */
    before.component_id_len = 31;
    before.component_id[0] = 0x81;
    factory = before;
    assert_int_equal(selv_stage_factory(&factory), SELV_ERR_ARG);
    assert_memory_equal(&factory, &before, sizeof factory);
    before.component_id[0] = 0x97;
    before.component_id_len = 24;
    factory = before;
    assert_int_equal(selv_stage_factory(&factory), SELV_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_stages_update_both),
        cmocka_unit_test(test_boot_stages_revert),
        cmocka_unit_test(test_boot_stages_are_apart),
        cmocka_unit_test(test_boot_stages_check_their_layouts),
        cmocka_unit_test(test_boot_stages_name_their_component),
    };
    assert_int_equal(selv_crypto_init(), SELV_OK);
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
