/* SPDX-License-Identifier: Apache-2.0
 *
 * What hardware adds to a boot: a counter that cannot fall, a map from slots to
 * one address, a lock; each may be missing, and each may fail. */
#include "boot_fixture.h"

#include "boot/hooks.h"

struct hardware {
    uint64_t counter;
    unsigned raise_count, remap_count, lock_count;
    uint8_t remapped;
    bool is_counter_broken, is_raise_broken, is_remap_broken, is_lock_broken;
    bool is_locked_last;
};

static enum selv_err counter_read(void *port, uint64_t *floor)
{
    struct hardware *h = port;
    *floor = h->counter;
    return h->is_counter_broken ? SELV_ERR_FLASH_IO : SELV_OK;
}

static enum selv_err counter_raise(void *port, uint64_t floor)
{
    struct hardware *h = port;
    assert_true(floor > h->counter);
    h->raise_count++;
    if (h->is_raise_broken) {
        return SELV_ERR_FLASH_IO;
    }
    h->counter = floor;
    return SELV_OK;
}

static enum selv_err remap(void *port, uint8_t slot)
{
    struct hardware *h = port;
    h->remap_count++;
    h->remapped = slot;
    h->is_locked_last = false;
    return h->is_remap_broken ? SELV_ERR_FLASH_IO : SELV_OK;
}

static enum selv_err lock(void *port)
{
    struct hardware *h = port;
    h->lock_count++;
    h->is_locked_last = true;
    return h->is_lock_broken ? SELV_ERR_STATE : SELV_OK;
}

static const struct selv_boot_hooks all = {.counter_read = counter_read,
                                           .counter_raise = counter_raise,
                                           .remap = remap,
                                           .lock = lock};

static bool run(struct bench *b, struct hardware *h,
                const struct selv_boot_hooks *some,
                const struct selv_strategy *strategy)
{
    struct selv_boot_hooks hooks = *some;
    hooks.port = h;
    selv_vflash_power_on(&b->d.v);
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &b->d.v.flash;
    b->boot.layout = &b->d.layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = strategy;
    b->boot.reset_cause = SELV_RESET_REQUESTED;
    b->boot.scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    bool is_good = selv_is_good(selv_boot_run(&b->boot, &hooks, &b->record));
    assert_ptr_equal(b->boot.strategy, strategy);
    assert_true(selv_record_is_valid(&b->record));
    if (!is_good) {
        assert_int_equal(b->record.slot, SELV_SLOT_NONE);
        assert_int_not_equal(b->record.refused_reason, SELV_OK);
    }
    return is_good;
}

static void test_boot_hooks_counter_follows_the_floor(void **state)
{
    (void)state;
    struct bench b;
    struct hardware h = {0};
    bench_open(&b, "512x8-ff");
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    assert_int_equal(h.counter, 1);
    assert_int_equal(h.lock_count, 1);
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    assert_int_equal(h.raise_count, 1);
    bench_install(&b, V3, SELV_SLOT_B);
    bench_request(&b, releases[V3].digest, SELV_SLOT_B);
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    assert_int_equal(b.record.is_trial, 1);
    assert_int_equal(h.counter, 1); /* not before it is confirmed */
    bench_confirm(&b, b.record.nonce);
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    assert_int_equal(h.counter, 3);
    assert_runs(&b, V3, SELV_SLOT_B);
    assert_int_equal(h.remap_count, 0);
    bench_close(&b);
}

/* The whole flash is put back to what it was before an update: what runs is not
 * below the counter all the same, or nothing does. */
static void test_boot_hooks_counter_outlives_an_old_journal_evil(void **state)
{
    (void)state;
    struct bench b;
    struct hardware h = {0};
    bench_open(&b, "512x8-ff");
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    uint8_t *old = malloc(b.d.mem_len);
    memcpy(old, b.d.mem, b.d.mem_len);
    h.counter = 2;
    assert_false(run(&b, &h, &all, &selv_strategy_ab));
    assert_int_equal(b.record.refused_reason, SELV_ERR_SUIT_SEQUENCE);
    assert_int_equal(b.record.floor, 2);
    assert_int_equal(b.record.accepted, 2);
    assert_int_equal(h.lock_count, 2); /* also when nothing boots */
    /* Without the counter it would have. */
    static const struct selv_boot_hooks none;
    assert_true(run(&b, &h, &none, &selv_strategy_ab));
    /* An update not below the counter is found, and becomes current. */
    memcpy(b.d.mem, old, b.d.mem_len);
    bench_install(&b, V2, SELV_SLOT_B);
    assert_true(run(&b, &h, &all, &selv_strategy_ab));
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_int_equal(b.record.floor, 2);
    free(old);
    bench_close(&b);
}

static void test_boot_hooks_remap_says_which_slot(void **state)
{
    (void)state;
    struct bench b;
    struct hardware h = {0};
    bench_open(&b, "512x8-ff");
    assert_true(run(&b, &h, &all, &selv_strategy_remap));
    assert_int_equal(h.remap_count, 1);
    assert_int_equal(h.remapped, SELV_SLOT_A);
    assert_true(h.is_locked_last);
    bench_install(&b, V2, SELV_SLOT_B);
    bench_request(&b, releases[V2].digest, SELV_SLOT_B);
    assert_true(run(&b, &h, &all, &selv_strategy_remap));
    assert_int_equal(h.remapped, SELV_SLOT_B);
    assert_runs(&b, V2, SELV_SLOT_B);
    bench_close(&b);
}

static void test_boot_hooks_that_fail_boot_nothing_fault(void **state)
{
    static const struct hardware bad[] = {{.is_counter_broken = true},
                                          {.is_raise_broken = true},
                                          {.is_remap_broken = true},
                                          {.is_lock_broken = true}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bench b;
        struct hardware h = bad[i];
        bench_open(&b, "512x8-ff");
        assert_false(run(&b, &h, &all, &selv_strategy_remap));
        assert_int_equal(h.lock_count, 1);
        struct hardware good = {0};
        assert_true(run(&b, &good, &all, &selv_strategy_remap));
        bench_close(&b);
    }
    /* A strategy that needs a map, and hardware that has none. */
    struct bench b;
    struct hardware h = {0};
    struct selv_boot_hooks less = all;
    less.remap = NULL;
    bench_open(&b, "512x8-ff");
    assert_false(run(&b, &h, &less, &selv_strategy_remap));
    assert_true(run(&b, &h, &less, &selv_strategy_ab));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_hooks_counter_follows_the_floor),
        cmocka_unit_test(test_boot_hooks_counter_outlives_an_old_journal_evil),
        cmocka_unit_test(test_boot_hooks_remap_says_which_slot),
        cmocka_unit_test(test_boot_hooks_that_fail_boot_nothing_fault),
    };
    assert_int_equal(selv_crypto_init(), SELV_OK);
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
