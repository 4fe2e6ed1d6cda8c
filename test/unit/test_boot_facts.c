/* SPDX-License-Identifier: Apache-2.0
 *
 * What the boot record says of the boot: the decision, the check that failed,
 * and the images as measured. */
#include "boot_fixture.h"
#include "crypto/crypto.h"

static void assert_measured(const struct bench *b, uint8_t slot)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_sha256 hash;
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, b->d.mem + b->d.layout.slot[slot].image_off,
                       1100);
    selv_sha256_finish(&hash, digest);
    assert_memory_equal(b->record.facts.measured[slot], digest, sizeof digest);
}

static void assert_not_measured(const struct bench *b, uint8_t slot)
{
    static const uint8_t zeros[SELV_SHA256_LEN] = {0};
    assert_memory_equal(b->record.facts.measured[slot], zeros, sizeof zeros);
}

static void assert_not_looked_at(const struct bench *b, uint8_t slot)
{
    static const struct selv_boot_check none = {0, 0, 0, 0};
    assert_memory_equal(&b->record.facts.check[slot], &none, sizeof none);
    assert_not_measured(b, slot);
}

#define assert_check(b, slot, err_, section_, command_)                        \
    do {                                                                       \
        const struct selv_boot_check *check_ = &(b)->record.facts.check[slot]; \
        assert_int_equal(check_->is_taken, 1);                                 \
        assert_int_equal(check_->err, (err_));                                 \
        assert_int_equal(check_->section, (section_));                         \
        assert_int_equal(check_->command, (command_));                         \
    } while (0)

#define assert_decision(b, decision_)                                          \
    assert_int_equal((b)->record.facts.decision, (decision_))

static void test_boot_facts_of_an_update(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_BORN);
    assert_check(&b, SELV_SLOT_A, SELV_OK, 0, 0);
    assert_check(&b, SELV_SLOT_B, SELV_ERR_STORE_EMPTY, 0, 0);
    assert_measured(&b, SELV_SLOT_A);
    assert_not_measured(&b, SELV_SLOT_B);

    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_UNCHANGED);
    assert_not_looked_at(&b, SELV_SLOT_B);

    bench_try(&b, V2, SELV_SLOT_B);
    assert_decision(&b, SELV_BOOT_TRIAL);
    assert_not_looked_at(&b, SELV_SLOT_A);
    assert_check(&b, SELV_SLOT_B, SELV_OK, 0, 0);
    assert_measured(&b, SELV_SLOT_B);

    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_AGAIN);
    bench_confirm(&b, b.record.nonce);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_decision(&b, SELV_BOOT_CONFIRMED);
    bench_close(&b);
}

static void test_boot_facts_of_a_revert(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_try(&b, V2, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_decision(&b, SELV_BOOT_REVERTED);
    assert_check(&b, SELV_SLOT_A, SELV_OK, 0, 0);
    /* The image is sound; that it was not confirmed is the reason. */
    assert_check(&b, SELV_SLOT_B, SELV_OK, 0, 0);
    bench_close(&b);
}

/* The digest that was measured is that of what lies there, damage and all. */
static void test_boot_facts_of_a_damaged_image(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_try(&b, V2, SELV_SLOT_B);
    flip(&b, b.d.layout.slot[SELV_SLOT_B].image_off + 500);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_REVERTED);
    assert_check(&b, SELV_SLOT_B, SELV_ERR_SUIT_IMAGE, SELV_SUIT_KEY_VALIDATE,
                 SELV_SUIT_CONDITION_IMAGE_MATCH);
    assert_measured(&b, SELV_SLOT_B);
    bench_close(&b);
}

static void test_boot_facts_of_a_damaged_manifest(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V2, SELV_SLOT_B);
    flip(&b, b.d.layout.slot[SELV_SLOT_A].envelope_off + 4 + 80);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_REPLACED);
    assert_check(&b, SELV_SLOT_A, SELV_ERR_COSE_NO_KEY,
                 SELV_SUIT_KEY_AUTHENTICATION, 0);
    assert_not_measured(&b, SELV_SLOT_A);
    assert_check(&b, SELV_SLOT_B, SELV_OK, 0, 0);
    bench_close(&b);
}

static void test_boot_facts_of_a_refused_request(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_try(&b, V3_CLASS, SELV_SLOT_B);
    assert_decision(&b, SELV_BOOT_REFUSED);
    assert_check(&b, SELV_SLOT_B, SELV_ERR_SUIT_CLASS, 3,
                 SELV_SUIT_CONDITION_CLASS_ID);
    assert_check(&b, SELV_SLOT_A, SELV_OK, 0, 0);
    bench_close(&b);
}

/* Facts of the boot before are gone. */
static void test_boot_facts_when_nothing_boots(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    flip(&b, b.d.layout.slot[SELV_SLOT_A].image_off);
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_decision(&b, SELV_BOOT_UNCHANGED);
    assert_check(&b, SELV_SLOT_A, SELV_ERR_SUIT_IMAGE, SELV_SUIT_KEY_VALIDATE,
                 SELV_SUIT_CONDITION_IMAGE_MATCH);
    assert_measured(&b, SELV_SLOT_A);
    assert_check(&b, SELV_SLOT_B, SELV_ERR_STORE_EMPTY, 0, 0);
    memset(b.d.mem + b.d.layout.journal_off[0], 0xa5, b.d.geometry->sector_len);
    memset(b.d.mem + b.d.layout.journal_off[1], 0xa5, b.d.geometry->sector_len);
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_not_looked_at(&b, SELV_SLOT_A);
    assert_not_looked_at(&b, SELV_SLOT_B);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_facts_of_an_update),
        cmocka_unit_test(test_boot_facts_of_a_revert),
        cmocka_unit_test(test_boot_facts_of_a_damaged_image),
        cmocka_unit_test(test_boot_facts_of_a_damaged_manifest),
        cmocka_unit_test(test_boot_facts_of_a_refused_request),
        cmocka_unit_test(test_boot_facts_when_nothing_boots),
    };
    return selv_crypto_init() != SELV_OK
               ? 1
               : cmocka_run_group_tests(tests, make_releases, NULL);
}
